//! Waiting for what the fake GitHub is told.

use std::time::Duration;

use anyhow::Result;

use crate::{CommitStatus, Deployment, Project, World, eventually};

/// How long news may take that were held up by GitHub itself.
const PATIENCE: Duration = Duration::from_secs(150);

impl World {
    /// Waits until the newest status of a commit is `state`.
    ///
    /// # Errors
    /// When it does not become that; says what it is.
    pub async fn told(&self, project: &Project, commit: &str, state: &str) -> Result<CommitStatus> {
        let mut last = Vec::new();
        let what = format!("the status of {commit} is {state}");
        let found = eventually(&what, PATIENCE, async || {
            last = self.github.statuses(&project.repo);
            let newest = last.iter().rev().find(|status| status.commit == commit);
            Ok(newest.filter(|status| status.state == state).cloned())
        });
        found.await.map_err(|error| error.context(format!("the statuses are {last:#?}")))
    }

    /// The states that a commit has had so far, oldest first.
    #[must_use]
    pub fn states_told(&self, project: &Project, commit: &str) -> Vec<String> {
        let statuses = self.github.statuses(&project.repo).into_iter().filter(|status| status.commit == commit);
        statuses.map(|status| status.state).collect()
    }

    /// Waits until the newest state of a commit's newest deployment is `state`.
    ///
    /// # Errors
    /// When it does not become that; says what it is.
    pub async fn deployment_told(&self, project: &Project, commit: &str, state: &str) -> Result<Deployment> {
        let mut last = Vec::new();
        let what = format!("the deployment of {commit} is {state}");
        let found = eventually(&what, PATIENCE, async || {
            last = self.github.deployments(&project.repo);
            let newest = last.iter().rev().find(|one| one.commit == commit);
            Ok(newest.filter(|one| one.states().last() == Some(&state)).cloned())
        });
        found.await.map_err(|error| error.context(format!("the deployments are {last:#?}")))
    }
}
