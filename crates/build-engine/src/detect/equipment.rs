//! What a project's commands run with: an image, what installs its packages, and where.

use berth_model::{Decision, Failure, PackageManager, PlanService, Reason, RootDir, Tool, ToolName, Toolchain};

use super::folder::{Folder, join, package_json};
use super::node_version::{self, Wishes};
use super::packages::Packages;
use super::run_program;
use super::wanted::Wanted;

/// Packages of Prisma, whose engine is a program that is linked with OpenSSL.
const PRISMA: [&str; 2] = ["@prisma/client", "prisma"];

/// A toolchain and how packages come into it.
pub(super) struct Equipment {
    pub(super) toolchain: Toolchain,
    pub(super) install_command: Option<Decision<String>>,
    pub(super) install_directory: RootDir,
    pub(super) warnings: Vec<Reason>,
}

impl Equipment {
    /// Node, and what `package.json` and the lockfile ask for.
    pub(super) fn node(folder: &Folder<'_>, wanted: &Wanted) -> Result<Self, Failure> {
        let packages = Packages::of(folder)?;
        let (image, warning) = node_version::image(&Wishes::of(folder, wanted.node_version.as_ref()))?;
        let openssl = openssl(folder, packages.directory.as_str())?;
        let mut warnings = packages.warnings;
        warnings.extend(warning);
        Ok(Self {
            toolchain: Toolchain {
                image,
                package_manager: Some(packages.manager),
                package_manager_version: packages.version,
                tools: openssl.into_iter().collect(),
            },
            install_command: packages.install,
            install_directory: packages.directory,
            warnings,
        })
    }

    /// An image, and nothing to install.
    pub(super) fn image(image: Decision<String>) -> Self {
        let toolchain = Toolchain { image, package_manager: None, package_manager_version: None, tools: Vec::new() };
        Self { toolchain, install_command: None, install_directory: RootDir::default(), warnings: Vec::new() }
    }

    pub(super) fn with_tool(mut self, tool: Decision<Tool>) -> Self {
        self.toolchain.tools.push(tool);
        self
    }

    /// Puts it into a service.
    pub(super) fn equip(self, mut service: PlanService) -> PlanService {
        service.toolchain = Some(self.toolchain);
        service.install_command = self.install_command;
        service.install_directory = self.install_directory;
        service.warnings.extend(self.warnings);
        service
    }

    /// The package manager.
    pub(super) fn manager(&self) -> Option<PackageManager> {
        self.toolchain.package_manager.as_ref().map(|manager| manager.value)
    }

    /// The command line that runs a program of the project's packages, or of the image.
    pub(super) fn runs(&self, command: &str) -> String {
        match self.manager() {
            Some(manager) => run_program(manager, command),
            None => command.to_owned(),
        }
    }
}

/// OpenSSL, if the package or the top of its workspace depends on Prisma. Slim images lack it: Prisma then takes it for
/// an older one and fetches the engine for that, and the first query of what runs finds no library to load.
fn openssl(folder: &Folder<'_>, top: &str) -> Result<Option<Decision<Tool>>, Failure> {
    let above = if top == folder.root { None } else { package_json(folder.checkout, top)? };
    let above = above.as_ref().map(|package| (package, join(top, "package.json")));
    let mut packages = [(&folder.package, "package.json".to_owned())].into_iter().chain(above);
    Ok(packages.find_map(|(package, file)| {
        let dependency = PRISMA.into_iter().find(|name| package.depends_on(name))?;
        let reason = Reason::DependsOn { file: file.clone(), dependency: dependency.to_owned() };
        Some(Decision::new(Tool { name: ToolName::Openssl, version: None }, file, reason))
    }))
}
