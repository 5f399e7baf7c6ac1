//! What a host leads to.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use berth_model::{Lock, ProjectId, Timestamp};

use crate::release::Release;
use crate::traffic::{Tallies, Tally};

/// What a host leads to.
#[derive(Debug)]
pub struct Site {
    /// Under which name it is in the edge's table; empty before.
    host: Box<str>,
    /// Since when it shows its release.
    since: Timestamp,
    target: Target,
    /// What visitors have to know before they see anything of it.
    lock: Option<Arc<Lock>>,
    /// Whose requests are counted together.
    project: Option<ProjectId>,
    /// Found at the first request.
    tally: OnceLock<Arc<Tally>>,
    /// Replaced releases with the time of their replacement, newest first. Weak: a pruned release is gone.
    predecessors: Vec<(Weak<Release>, Timestamp)>,
}

/// What answers.
#[derive(Clone, Debug)]
pub enum Target {
    /// The files of a release.
    Release(Arc<Release>),
    /// A page that says that nothing was published yet: 404.
    NothingYet,
    /// A page that says that the release cannot be read: 503.
    Unavailable,
}

impl Site {
    /// How long the hashed assets of a replaced release stay reachable; as long as its files exist, at least.
    pub const GRACE: Duration = Duration::from_secs(15 * 60);

    /// A site with one target for every path.
    #[must_use]
    pub fn of(target: Target) -> Self {
        let (project, tally) = (None, OnceLock::new());
        Self { host: Box::default(), since: Timestamp(0), target, lock: None, project, tally, predecessors: Vec::new() }
    }

    /// Behind a lock, if there is one.
    #[must_use]
    pub fn locked(self, lock: Option<Arc<Lock>>) -> Self {
        Self { lock, ..self }
    }

    /// Says whose it is: what it answers is counted with the project's other hosts.
    #[must_use]
    pub fn of_project(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    pub(crate) fn project(&self) -> Option<ProjectId> {
        self.project
    }

    /// The counters of its project.
    pub(crate) fn tally<'a>(&'a self, tallies: &Tallies) -> Option<&'a Arc<Tally>> {
        let project = self.project?;
        Some(self.tally.get_or_init(|| tallies.of(project)))
    }

    pub(crate) fn at(self, host: &str, now: Timestamp) -> Self {
        Self { host: host.into(), since: now, ..self }
    }

    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// The host that it is installed at.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn lock(&self) -> Option<&Lock> {
        self.lock.as_deref()
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The release that answers.
    #[must_use]
    pub fn release(&self) -> Option<&Arc<Release>> {
        match &self.target {
            Target::Release(release) => Some(release),
            Target::NothingYet | Target::Unavailable => None,
        }
    }

    pub(crate) fn has_predecessors(&self) -> bool {
        !self.predecessors.is_empty()
    }

    /// Releases that this host served shortly before, newest first.
    pub(crate) fn predecessors(&self) -> impl Iterator<Item = Arc<Release>> {
        self.predecessors.iter().filter_map(|(release, _)| release.upgrade())
    }

    /// Remembers what this site replaces: the release that was served until `now`, and those before it that are still
    /// within their grace. A release that comes back is no predecessor of itself.
    pub(crate) fn succeed(&mut self, replaced: &Site, now: Timestamp) {
        let current = self.release().map(|release| release.deployment());
        if replaced.release().map(|release| release.deployment()) == current {
            self.since = replaced.since;
        }
        let replaced_release = replaced.release().map(|release| (Arc::downgrade(release), now));
        let older = replaced.predecessors.iter().filter(|(_, since)| now.since(*since) < Self::GRACE).cloned();
        let mut known: Vec<i64> = current.into_iter().collect();
        self.predecessors = replaced_release
            .into_iter()
            .chain(older)
            .chain(std::mem::take(&mut self.predecessors))
            .filter(|(release, _)| {
                let deployment = release.upgrade().map(|release| release.deployment());
                let is_new = deployment.is_some_and(|deployment| !known.contains(&deployment));
                known.extend(deployment);
                is_new
            })
            .collect();
    }

    /// Links a release that this host served until `since`, after a restart.
    #[must_use]
    pub fn after(mut self, replaced: &Arc<Release>, since: Timestamp) -> Self {
        self.predecessors.push((Arc::downgrade(replaced), since));
        self
    }
}
