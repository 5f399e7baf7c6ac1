//! Statuses and the only ways they change.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A status cannot follow another: a bug of ours, or two requests that met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {thing} that is {from} cannot become {to}")]
pub struct IllegalTransition {
    /// `build` or `deployment`.
    pub thing: &'static str,
    /// The status it has.
    pub from: &'static str,
    /// The status that was asked for.
    pub to: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in SQL, JSON and the interface.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Reads what [`Self::as_str`] wrote.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where a build stands.
    BuildStatus {
        /// Waits for a worker.
        Queued = "queued",
        /// A worker holds its lease.
        Running = "running",
        /// The artifact is complete.
        Passed = "passed",
        /// Ended without an artifact; the reason is kept.
        Failed = "failed",
        /// Stopped by a person.
        Canceled = "canceled",
        /// A newer push to the same branch came before it started.
        Superseded = "superseded",
        /// From a stranger's fork: waits until somebody approves it.
        Held = "held",
        /// The push asked for no build, or touched nothing of the project; the reason is kept.
        Skipped = "skipped",
    }
}

impl BuildStatus {
    /// The status after moving to `next`. `running → queued` is a lease that expired; `running →
    /// skipped` a commit whose message, once it is known, asks for no build.
    ///
    /// # Errors
    /// When no rule leads there.
    pub fn become_next(self, next: Self) -> Result<Self, IllegalTransition> {
        use BuildStatus::{Canceled, Failed, Held, Passed, Queued, Running, Skipped, Superseded};
        match (self, next) {
            (Held, Queued | Canceled | Superseded)
            | (Queued, Running | Canceled | Superseded | Failed)
            | (Running, Passed | Failed | Canceled | Queued | Skipped) => Ok(next),
            _ => Err(IllegalTransition { thing: "build", from: self.as_str(), to: next.as_str() }),
        }
    }

    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Held | Self::Queued | Self::Running)
    }
}

words! {
    /// Where a deployment stands.
    DeploymentStatus {
        /// Published, at its own host; not (yet) at the project's.
        Ready = "ready",
        /// The edge answers the project's host with it.
        Live = "live",
        /// Was live; a newer one took its place.
        Retired = "retired",
        /// Was live; a person went back to an earlier one.
        RolledBack = "rolled_back",
        /// Published, but could not be put live.
        Failed = "failed",
    }
}

impl DeploymentStatus {
    /// The status after moving to `next`.
    ///
    /// # Errors
    /// When no rule leads there.
    pub fn become_next(self, next: Self) -> Result<Self, IllegalTransition> {
        use DeploymentStatus::{Failed, Live, Ready, Retired, RolledBack};
        match (self, next) {
            (Ready, Live | Retired | Failed) | (Live, Retired | RolledBack) | (Retired | RolledBack, Live) => Ok(next),
            _ => Err(IllegalTransition { thing: "deployment", from: self.as_str(), to: next.as_str() }),
        }
    }
}

words! {
    /// What a deployment is for.
    Environment {
        /// The project's own branch, at the project's own host.
        Production = "production",
        /// Any other branch or a pull request.
        Preview = "preview",
    }
}

words! {
    /// Which of a project's sites are protected.
    ProtectionScope {
        /// All of them.
        Everything = "everything",
        /// Previews, and the own hosts of their deployments.
        Previews = "previews",
    }
}

words! {
    /// Where a one-off command stands.
    RunStatus {
        /// Waits for its container.
        Queued = "queued",
        /// Its container runs.
        Running = "running",
        /// Ended by itself; its exit code is kept, whatever it is.
        Ended = "ended",
        /// Could not be started, or was lost with its container; the reason is kept.
        Failed = "failed",
        /// Stopped by a person, or by its time limit.
        Stopped = "stopped",
    }
}

impl RunStatus {
    /// The status after moving to `next`.
    ///
    /// # Errors
    /// When no rule leads there.
    pub fn become_next(self, next: Self) -> Result<Self, IllegalTransition> {
        use RunStatus::{Ended, Failed, Queued, Running, Stopped};
        match (self, next) {
            (Queued, Running | Failed | Stopped) | (Running, Ended | Failed | Stopped) => Ok(next),
            _ => Err(IllegalTransition { thing: "run", from: self.as_str(), to: next.as_str() }),
        }
    }

    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

words! {
    /// Why a build exists.
    Trigger {
        /// The project was created.
        Created = "created",
        /// A signed push arrived.
        Push = "push",
        /// Somebody asked for the same commit again.
        Rebuild = "rebuild",
        /// The branch's head was found to differ from its newest build.
        Reconcile = "reconcile",
        /// A pull request was opened or got new commits.
        PullRequest = "pull_request",
        /// Somebody called one of the project's deploy hooks.
        DeployHook = "deploy_hook",
        /// The branch's head was asked for at the project's interval, and had moved.
        Poll = "poll",
        /// A preview was chosen for production, and its variables differ there.
        Promote = "promote",
        /// Somebody deployed a folder: there was nothing to build.
        Folder = "folder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_of_build_transitions() {
        let mut table = String::new();
        for from in BuildStatus::ALL {
            let next: Vec<_> =
                BuildStatus::ALL.iter().filter(|to| from.become_next(**to).is_ok()).map(|to| to.as_str()).collect();
            table += &format!("{} -> {}\n", from.as_str(), next.join(" "));
            assert_eq!(from.is_final(), next.is_empty());
        }
        insta::assert_snapshot!(table, @r"
        queued -> running failed canceled superseded
        running -> queued passed failed canceled skipped
        passed -> 
        failed -> 
        canceled -> 
        superseded -> 
        held -> queued canceled superseded
        skipped -> 
        ");
    }

    #[test]
    fn a_run_ends_once() {
        for from in RunStatus::ALL {
            let next: Vec<_> = RunStatus::ALL.iter().filter(|to| from.become_next(**to).is_ok()).collect();
            assert_eq!(from.is_final(), next.is_empty(), "{from:?}");
        }
        assert!(RunStatus::Queued.become_next(RunStatus::Ended).is_err());
    }

    #[test]
    fn the_whole_table_of_deployment_transitions() {
        let mut table = String::new();
        for from in DeploymentStatus::ALL {
            let next: Vec<_> = DeploymentStatus::ALL
                .iter()
                .filter(|to| from.become_next(**to).is_ok())
                .map(|to| to.as_str())
                .collect();
            table += &format!("{} -> {}\n", from.as_str(), next.join(" "));
        }
        insta::assert_snapshot!(table, @r"
        ready -> live retired failed
        live -> retired rolled_back
        retired -> live
        rolled_back -> live
        failed -> 
        ");
    }
}
