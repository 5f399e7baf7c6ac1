//! What the parts of one build need to know of it, for one of its services.

use std::sync::Arc;

use berth_model::{
    BranchName, BuildId, BuildLimits, CommitHash, Environment, PlanService, ProjectId, ServiceName, SourceAllow, UserId,
};
use berth_runtime::{Engine, Kind, Labels, ServiceImage};

use crate::Checkout;
use crate::failure::Scene;
use crate::log::{BuildLog, Excerpt};
use crate::variables::Variables;

/// A service of a build that is planned.
pub(crate) struct Job {
    pub(crate) engine: Engine,
    pub(crate) limits: BuildLimits,
    /// Where sources, and so the images that a Dockerfile names, may be fetched from besides public addresses.
    pub(crate) source_allow: SourceAllow,
    pub(crate) log: Arc<BuildLog>,
    pub(crate) owner: UserId,
    pub(crate) project: ProjectId,
    /// What it is for: previews, which everybody's branches become, share no cache of tools with production.
    pub(crate) environment: Environment,
    /// The pull request whose commit it is, if that is from somebody's fork: it shares no cache with anybody else, so
    /// that nothing it leaves behind gets into another build.
    pub(crate) stranger: Option<i64>,
    pub(crate) build: BuildId,
    pub(crate) branch: BranchName,
    pub(crate) commit: CommitHash,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) service: PlanService,
    /// Whether the build has other services besides: then what concerns this one is told with its name.
    pub(crate) is_one_of_several: bool,
    pub(crate) variables: Variables,
}

/// How a service is made of the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its files are the commit's own.
    AsItIs,
    /// By the repository's own Dockerfile, at this path.
    Dockerfile(String),
    /// By commands in an image of Berth's.
    Commands,
}

impl Job {
    /// The project's directory in the commit; `""` is the top.
    pub(crate) fn root(&self) -> &str {
        self.service.root_directory.value.as_str()
    }

    pub(crate) fn way(&self) -> Way {
        match (&self.service.dockerfile, &self.service.toolchain) {
            (Some(dockerfile), _) => Way::Dockerfile(dockerfile.value.clone()),
            (None, Some(_)) => Way::Commands,
            (None, None) => Way::AsItIs,
        }
    }

    /// Its name, where others have names too.
    pub(crate) fn speaker(&self) -> Option<&ServiceName> {
        self.is_one_of_several.then_some(&self.service.name)
    }

    /// Names the image that its replicas start from, if it runs.
    pub(crate) fn service_image(&self) -> ServiceImage {
        ServiceImage { project: self.project, build: self.build, service: self.service.name.clone() }
    }

    /// Whose its things in Docker are.
    pub(crate) fn labels(&self, kind: Kind, build: Option<BuildId>) -> Labels {
        let (project, owner) = (Some(self.project), Some(self.owner));
        Labels { kind, project, pull_request: self.stranger, build, owner }
    }

    /// The name of one of its caches.
    pub(crate) fn cache_name(&self, cache: &str) -> String {
        let cache = match self.speaker() {
            Some(service) => format!("{cache}-{service}"),
            None => cache.to_owned(),
        };
        match (self.stranger, self.environment) {
            (Some(number), _) => format!("{cache}-{}-pull-{number}", self.project),
            (None, Environment::Production) => format!("{cache}-{}", self.project),
            (None, Environment::Preview) => format!("{cache}-{}-previews", self.project),
        }
    }

    /// Who may start from the packages that it installs. What installing has seen may be in them: a variable of one
    /// environment stays there.
    pub(crate) fn cache_owner(&self) -> Vec<u8> {
        let owner = self.owner.0.to_be_bytes();
        match self.stranger {
            None if self.variables.are_of_one_environment() => {
                [&owner[..], &self.project.0.to_be_bytes(), self.environment.as_str().as_bytes()].concat()
            }
            None => owner.to_vec(),
            Some(number) => [owner, self.project.0.to_be_bytes(), number.to_be_bytes()].concat(),
        }
    }

    /// What a failure is explained by, once a command has ended.
    pub(crate) fn scene<'a>(&'a self, excerpt: &'a Excerpt) -> Scene<'a> {
        let Self { checkout, limits, engine, .. } = self;
        Scene { excerpt, limits, checkout, root: self.root(), sandbox: engine.config() }
    }

    /// What the project's tools keep between builds: the name of a volume, and the directory it is mounted at.
    pub(crate) fn caches(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        const ALL: (&str, &str) = ("tools", "node_modules/.cache");
        const NEXT: (&str, &str) = ("next", ".next/cache");
        let has_packages = self.service.install_command.is_some();
        let is_next = self.service.framework.value == "nextjs";
        [(has_packages, ALL), (is_next, NEXT)].into_iter().filter_map(|(wanted, cache)| wanted.then_some(cache))
    }
}
