//! What a replica or a command is started with. The values of secrets are opened here, just before they enter a
//! container, and nowhere else; with them comes the mask that keeps them out of logs and of what failures quote.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_model::{OwnVariable, RunningService, ServiceName, VariableKey, VariableKind};
use berth_runtime::EnvVar;
use berth_secrets::{KeyRing, Mask, SecretString, SecretsError};
use berth_store::{BuildFor, Deployment, RouteKind, Store, StoreError};

use super::ServicesConfig;

/// Why it cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentProblem {
    /// The database's own.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored of a variable cannot be opened.
    #[error("the value of {key} cannot be opened ({why}); set it anew")]
    Sealed {
        /// Which.
        key: VariableKey,
        /// Why.
        why: SecretsError,
    },
}

impl EnvironmentProblem {
    /// Whether trying again may help.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unavailable())
    }
}

/// A project's variables in the clear.
pub(crate) struct Variables(Vec<(VariableKey, VariableKind, SecretString)>);

impl Variables {
    /// Opens those that a deployment's services get: the ones that its build got, as they are now.
    pub(crate) async fn open(
        store: &Store,
        keys: &KeyRing,
        deployment: &Deployment,
    ) -> Result<Self, EnvironmentProblem> {
        let build = store.build_unscoped(deployment.build).await?.ok_or(StoreError::NotFound)?;
        // A copy for production has the build of the preview that it was made of.
        let which = BuildFor { environment: deployment.environment, ..BuildFor::of(&build) };
        let sealed = store.variables_for(which).await?;
        let open = sealed.into_iter().map(|(variable, sealed)| {
            let key = variable.key;
            match keys.open(deployment.project, key.as_str(), &sealed) {
                Ok(value) => Ok((key, variable.kind, value)),
                Err(why) => Err(EnvironmentProblem::Sealed { key, why }),
            }
        });
        Ok(Self(open.collect::<Result<_, _>>()?))
    }

    /// What logs must not show.
    pub(crate) fn mask(&self) -> Arc<Mask> {
        let secrets = self.0.iter().filter(|(_, kind, _)| *kind == VariableKind::Secret);
        Arc::new(Mask::of(secrets.map(|(_, _, value)| value.expose())))
    }
}

/// What Berth itself tells a process.
pub(crate) struct Told<'a> {
    pub(crate) url: Option<String>,
    pub(crate) deployment: &'a Deployment,
    pub(crate) service: &'a ServiceName,
    /// None: a command.
    pub(crate) replica: Option<u32>,
}

impl Told<'_> {
    /// None: there is no such thing about this process.
    fn value_of(&self, own: OwnVariable, running: &RunningService) -> Option<String> {
        match own {
            OwnVariable::Host => Some("0.0.0.0".to_owned()),
            OwnVariable::Port => Some(running.port.to_string()),
            OwnVariable::Url => self.url.clone(),
            OwnVariable::Service => Some(self.service.to_string()),
            OwnVariable::Replica => self.replica.map(|number| number.to_string()),
            OwnVariable::Environment => Some(self.deployment.environment.as_str().to_owned()),
            OwnVariable::Deployment => Some(self.deployment.short_id.to_string()),
        }
    }
}

/// The environment of a process: what the repository gives, over it the project's variables, over both what only Berth
/// can know.
pub(crate) fn compose(running: &RunningService, variables: &Variables, told: &Told<'_>) -> Vec<EnvVar> {
    let mut all: BTreeMap<&str, String> =
        running.environment.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    all.extend(variables.0.iter().map(|(key, _, value)| (key.as_str(), value.expose().to_owned())));
    for own in OwnVariable::ALL {
        let Some(value) = told.value_of(own, running) else { continue };
        if own.gives_way() {
            all.entry(own.key()).or_insert(value);
        } else {
            all.insert(own.key(), value);
        }
    }
    all.into_iter().map(|(key, value)| EnvVar::new(key, value)).collect()
}

/// The host that visitors find a deployment at once it is live; none of one whose preview is gone.
pub(crate) async fn host_of(store: &Store, deployment: &Deployment) -> Result<Option<String>, StoreError> {
    let routes = store.routes_of(deployment.project).await?;
    let is_its_seat = |kind, environment, branch: &_| {
        kind == RouteKind::Branch
            && environment == deployment.environment
            && (environment == berth_model::Environment::Production || *branch == deployment.branch)
    };
    let seat = routes.into_iter().find(|route| is_its_seat(route.kind, route.environment, &route.branch));
    Ok(seat.map(|route| route.host))
}

/// The address of a host, as visitors type it.
pub(crate) fn url_of(config: &ServicesConfig, host: &str) -> String {
    match config.site_port {
        Some(port) => format!("{}://{host}:{port}", config.site_scheme),
        None => format!("{}://{host}", config.site_scheme),
    }
}

#[cfg(test)]
mod tests {
    use berth_model::{
        BranchName, BuildId, DEFAULT_PORT, DeploymentId, DeploymentStatus, Environment, ProjectId, RunSettings,
        ShortId, Timestamp,
    };

    use super::*;

    fn deployment() -> Deployment {
        Deployment {
            id: DeploymentId(7),
            short_id: ShortId("abc".to_owned()),
            project: ProjectId(1),
            build: BuildId(3),
            environment: Environment::Production,
            branch: BranchName::parse("main").unwrap(),
            status: DeploymentStatus::Ready,
            host: "shop-abc.example.org".to_owned(),
            files: 0,
            bytes: 0,
            released: true,
            promoted_from: None,
            commit: None,
            took: None,
            created_at: Timestamp(0),
            activated_at: None,
            problem: None,
            services: None,
            release_command_at: None,
        }
    }

    #[test]
    fn the_projects_variables_win_over_the_repositorys_and_the_port_is_berths() {
        let key = |text| VariableKey::parse(text).unwrap();
        let running = RunningService {
            image: "sha256:0".to_owned(),
            start_command: None,
            port: DEFAULT_PORT,
            environment: BTreeMap::from([
                (key("MODE"), "repository".to_owned()),
                (key("HOST"), "::".to_owned()),
                (key("LEVEL"), "info".to_owned()),
            ]),
            settings: RunSettings::default(),
        };
        let secret = |name, value: &str| (key(name), VariableKind::Secret, SecretString::from(value));
        let variables =
            Variables(vec![secret("MODE", "project"), secret("PORT", "80"), secret("TOKEN", "s3cr3t-t0k3n")]);
        let (deployment, service) = (deployment(), ServiceName::only());
        let told =
            Told { url: Some("https://shop".to_owned()), deployment: &deployment, service: &service, replica: Some(2) };
        let env = compose(&running, &variables, &told);
        let get = |key: &str| env.iter().find(|variable| variable.key == key).map(|variable| variable.value.as_str());
        for (key, value) in [
            ("MODE", "project"),
            ("LEVEL", "info"),
            ("HOST", "::"),
            ("PORT", "3000"),
            ("TOKEN", "s3cr3t-t0k3n"),
            ("BERTH_URL", "https://shop"),
            ("BERTH_SERVICE", "web"),
            ("BERTH_REPLICA", "2"),
            ("BERTH_ENVIRONMENT", "production"),
            ("BERTH_DEPLOYMENT", "abc"),
        ] {
            assert_eq!(get(key), Some(value), "{key}");
        }
        assert_eq!(variables.mask().apply("it is s3cr3t-t0k3n".to_owned()), "it is ***");
        assert!(!format!("{env:?}").contains("s3cr3t"));
    }
}
