//! A project's variables, opened for one build: its environment, its `.env`, its masks, and what may not be published.

mod dotenv;
mod leak;
#[cfg(test)]
mod properties;

use std::path::Path;

use berth_model::{Failure, VariableKey, VariableKind, VariableScope};
use berth_runtime::EnvVar;
use berth_secrets::{KeyRing, Mask, SecretString};
use berth_store::{Build, BuildFor, Store};
use tokio_util::sync::CancellationToken;

use crate::BuildError;
use crate::failure::does_not_open;

/// One variable in the clear; printed without its value.
#[derive(Clone, Debug)]
pub(crate) struct OpenVariable {
    pub(crate) key: VariableKey,
    pub(crate) kind: VariableKind,
    pub(crate) value: SecretString,
}

/// The variables that a build gets, in the clear, for as long as it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    open: Vec<OpenVariable>,
    of_one_environment: bool,
}

impl Variables {
    /// Opens what the store keeps sealed.
    pub(crate) async fn open(store: &Store, keys: &KeyRing, build: &Build) -> Result<Self, BuildError> {
        let (sealed, project) = (store.variables_for(BuildFor::of(build)).await?, build.project);
        let of_one_environment = sealed.iter().any(|(variable, _)| variable.scope != VariableScope::Both);
        let open = sealed.into_iter().map(|(variable, sealed)| {
            let value = keys.open(project, variable.key.as_str(), &sealed);
            let value =
                value.map_err(|why| does_not_open(&format!("the value of {}", variable.key), "secrets", &why))?;
            Ok(OpenVariable { key: variable.key, kind: variable.kind, value })
        });
        let open = open.collect::<Result<_, Failure>>()?;
        Ok(Self { open, of_one_environment })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether some of them are for builds of the same environment only.
    pub(crate) fn are_of_one_environment(&self) -> bool {
        self.of_one_environment
    }

    pub(crate) fn has(&self, key: &VariableKey) -> bool {
        self.open.iter().any(|variable| variable.key == *key)
    }

    /// The secrets whose value is in one of these texts. Short ones occur by chance.
    pub(crate) fn secrets_in(&self, texts: &[String]) -> Vec<&VariableKey> {
        let secrets = self.open.iter().filter(|variable| variable.kind == VariableKind::Secret);
        let is_in = |value: &str| value.len() >= leak::NOTICED && texts.iter().any(|text| text.contains(value));
        secrets.filter(|secret| is_in(secret.value.expose())).map(|secret| &secret.key).collect()
    }

    /// For commands, byte for byte.
    pub(crate) fn environment(&self) -> impl Iterator<Item = EnvVar> {
        self.open.iter().map(|variable| EnvVar::new(variable.key.as_str(), variable.value.expose()))
    }

    /// The `.env` of the build, and the keys that its grammar cannot hold.
    pub(crate) fn dotenv(&self) -> (SecretString, Vec<&VariableKey>) {
        dotenv::write(&self.open)
    }

    /// What logs must not show: secrets, and `also`.
    pub(crate) fn mask(&self, also: Option<&SecretString>) -> Mask {
        let secrets = self.open.iter().filter(|variable| variable.kind == VariableKind::Secret);
        Mask::of(secrets.map(|variable| variable.value.expose()).chain(also.map(SecretString::expose)))
    }

    /// Looks through the files of a release. Returns warnings for values that may be there but perhaps should not.
    /// Reads every file: for a thread of its own, until `stop`.
    ///
    /// # Errors
    /// Theirs, naming file and key, when a secret is in it.
    pub(crate) fn look_for_leaks(&self, release: &Path, stop: &CancellationToken) -> Result<Vec<String>, BuildError> {
        leak::search(&self.open, release, stop)?.map_err(Failure::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever of it a panic's text quotes.
    #[test]
    fn nothing_of_a_build_prints_a_value() {
        let open = vec![OpenVariable {
            key: VariableKey::parse("NPM_TOKEN").unwrap(),
            kind: VariableKind::Secret,
            value: "npm_x7Qm2Vn8Rt4K".into(),
        }];
        let variables = Variables { open, of_one_environment: false };
        let environment: Vec<EnvVar> = variables.environment().collect();
        let (dotenv, mask) = (variables.dotenv(), variables.mask(Some(&"glpat-x7Qm2Vn8Rt4K".into())));
        assert!(dotenv.0.expose().contains("npm_x7Qm2Vn8Rt4K") && environment[0].value == "npm_x7Qm2Vn8Rt4K");
        let printed = format!("{variables:?} {environment:?} {dotenv:?} {mask:?}");
        assert!(printed.contains("NPM_TOKEN") && !printed.contains("x7Qm2Vn8Rt4K"), "{printed}");
        // Nor as the numbers of its bytes.
        assert!(!printed.contains("120, 55, 81"), "{printed}");
    }
}
