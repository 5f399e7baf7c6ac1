//! What a host leads to.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use berth_model::{Lock, ProjectId, Timestamp};

use crate::mounts::Mounts;
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
    /// Replaced releases, newest first.
    predecessors: Vec<Predecessor>,
}

/// A release that was replaced. Weak: a pruned one is gone.
#[derive(Clone, Debug)]
struct Predecessor {
    /// Below which prefix it was; nothing for a whole site.
    prefix: Box<str>,
    release: Weak<Release>,
    replaced: Timestamp,
}

/// What answers.
#[derive(Clone, Debug)]
pub enum Target {
    /// The files of a release.
    Release(Arc<Release>),
    /// The parts of a deployment, each below its prefix.
    Mounts(Arc<Mounts>),
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

    /// Whether everything of it is there at once, for everybody.
    pub(crate) fn is_plain(&self) -> bool {
        self.lock.is_none() && !matches!(self.target, Target::Mounts(_))
    }

    /// Whether one of its parts that everybody may see has this path, and it is no service.
    pub(crate) fn shows_files(&self, path: &str) -> bool {
        match &self.target {
            Target::Mounts(mounts) if self.lock.is_none() => mounts.find(path).is_none_or(|place| place.is_files()),
            _ => false,
        }
    }

    pub(crate) fn lock(&self) -> Option<&Lock> {
        self.lock.as_deref()
    }

    /// What answers.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The release that answers, if one answers everything that no other part does.
    #[must_use]
    pub fn release(&self) -> Option<&Arc<Release>> {
        match &self.target {
            Target::Release(release) => Some(release),
            Target::Mounts(mounts) => mounts.root(),
            Target::NothingYet | Target::Unavailable => None,
        }
    }

    /// The deployment that answers.
    #[must_use]
    pub fn deployment(&self) -> Option<i64> {
        match &self.target {
            Target::Release(release) => Some(release.deployment()),
            Target::Mounts(mounts) => Some(mounts.deployment()),
            Target::NothingYet | Target::Unavailable => None,
        }
    }

    /// Its releases, each with its prefix.
    fn releases(&self) -> Vec<(&str, &Arc<Release>)> {
        match &self.target {
            Target::Release(release) => vec![("", release)],
            Target::Mounts(mounts) => mounts.releases().collect(),
            Target::NothingYet | Target::Unavailable => Vec::new(),
        }
    }

    pub(crate) fn has_predecessors(&self) -> bool {
        !self.predecessors.is_empty()
    }

    /// Releases that this host served below a prefix shortly before, newest first.
    pub(crate) fn predecessors(&self, prefix: &str) -> impl Iterator<Item = Arc<Release>> {
        let there = self.predecessors.iter().filter(move |predecessor| *predecessor.prefix == *prefix);
        there.filter_map(|predecessor| predecessor.release.upgrade())
    }

    /// Remembers what this site replaces: the releases that were served until `now`, and those before them that are still
    /// within their grace. A release that comes back is no predecessor of itself.
    pub(crate) fn succeed(&mut self, replaced: &Site, now: Timestamp) {
        if replaced.deployment() == self.deployment() {
            self.since = replaced.since;
        }
        let of_replaced = replaced.releases().into_iter().map(|(prefix, release)| Predecessor {
            prefix: prefix.into(),
            release: Arc::downgrade(release),
            replaced: now,
        });
        let older = replaced.predecessors.iter().filter(|older| now.since(older.replaced) < Self::GRACE).cloned();
        let own = std::mem::take(&mut self.predecessors);
        let current = self.releases().into_iter();
        let mut known: Vec<(Box<str>, i64)> =
            current.map(|(prefix, release)| (prefix.into(), release.deployment())).collect();
        let is_new = |predecessor: &Predecessor| {
            let Some(release) = predecessor.release.upgrade() else { return false };
            let place = (predecessor.prefix.clone(), release.deployment());
            let is_new = !known.contains(&place);
            known.push(place);
            is_new
        };
        self.predecessors = of_replaced.chain(older).chain(own).filter(is_new).collect();
    }

    /// Links a release that this host served until `since`, after a restart.
    #[must_use]
    pub fn after(mut self, replaced: &Arc<Release>, since: Timestamp) -> Self {
        let release = Arc::downgrade(replaced);
        self.predecessors.push(Predecessor { prefix: Box::default(), release, replaced: since });
        self
    }
}
