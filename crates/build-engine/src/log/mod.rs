//! The log of one build: output in, numbered and masked lines out, to whoever watches and to the store.
//!
//! Writing never waits: the reader of a build's output must not stop because a database does. What has been written
//! and not yet stored is bounded by the log's own limit ([`capped`]), so there is nothing to push back on. Two tasks
//! carry lines away: one to the signals within 25 ms, one to the store every quarter of a second; a crash loses no
//! more than that.

mod capped;
mod excerpt;
#[cfg(test)]
mod properties;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use berth_model::{BuildId, LogLine, LogPhase, LogStream, ProjectId, ServiceName, UserId};
use berth_secrets::{Lines, Mask};
use berth_store::{LogBatch, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use capped::{Capped, Unnumbered};

pub(crate) use excerpt::Excerpt;

const PUBLISH_AFTER: Duration = Duration::from_millis(25);
const PUBLISH_LINES: usize = 50;
const STORE_AFTER: Duration = Duration::from_millis(250);
/// How long the end of a log waits for a database that does not answer.
const STORE_WITHIN: Duration = Duration::from_secs(60);

/// Whose log it is.
#[derive(Clone, Copy, Debug)]
pub struct LogOwner {
    /// Whose room hears it.
    pub user: UserId,
    /// Of which project.
    pub project: ProjectId,
    /// Of which build.
    pub build: BuildId,
}

/// The log of one build. Ends with [`BuildLog::close`]; dropped without it, it loses at most its last quarter second.
#[derive(Debug)]
pub struct BuildLog {
    shared: Arc<Shared>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    ended: CancellationToken,
}

struct Shared {
    store: Store,
    owner: LogOwner,
    state: Mutex<State>,
    written: Notify,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("owner", &self.owner).finish_non_exhaustive()
    }
}

struct State {
    mask: Mask,
    phase: LogPhase,
    /// What lines begin with: the service that they are about, where there are several.
    prefix: String,
    stdout: Lines,
    stderr: Lines,
    capped: Capped,
    /// Of the command that runs or ran last.
    excerpt: Option<Excerpt>,
    /// Written, not yet published.
    fresh: Vec<LogLine>,
    /// Published, not yet stored.
    unstored: Vec<Arc<[LogLine]>>,
}

impl BuildLog {
    /// Begins a log, after the lines of earlier attempts; `limit` bytes of it are kept.
    ///
    /// # Errors
    /// When the database cannot say how far the log is.
    pub async fn begin(store: &Store, owner: LogOwner, limit: u64) -> Result<Self, StoreError> {
        let first = store.last_line(owner.build).await? + 1;
        let state = State {
            mask: Mask::default(),
            phase: LogPhase::Build,
            prefix: String::new(),
            stdout: Lines::default(),
            stderr: Lines::default(),
            capped: Capped::new(first, limit),
            excerpt: None,
            fresh: Vec::new(),
            unstored: Vec::new(),
        };
        let shared = Arc::new(Shared { store: store.clone(), owner, state: Mutex::new(state), written: Notify::new() });
        let ended = CancellationToken::new();
        let tasks = vec![
            tokio::spawn(publish_until(shared.clone(), ended.clone())),
            tokio::spawn(store_until(shared.clone(), ended.clone())),
        ];
        Ok(Self { shared, tasks: Mutex::new(tasks), ended })
    }

    /// A line of Berth's own.
    pub fn say(&self, text: &str) {
        self.output(LogStream::Stdout, format!("{text}\n").as_bytes());
    }

    /// A piece of a command's output.
    pub(crate) fn output(&self, stream: LogStream, piece: &[u8]) {
        let mut state = self.shared.state();
        let State { mask, phase, prefix, stdout, stderr, capped, excerpt, fresh, .. } = &mut *state;
        let lines = if stream == LogStream::Stdout { stdout } else { stderr };
        lines.push(piece, mask, |text| {
            write(capped, excerpt, fresh, prefix, Unnumbered { stream, phase: *phase, text });
        });
        drop(state);
        self.shared.written.notify_one();
    }

    /// Masks these from now on.
    pub(crate) fn mask(&self, mask: Mask) {
        self.shared.state().mask = mask;
    }

    /// The text without what is masked in the log.
    pub(crate) fn masked(&self, text: String) -> String {
        self.shared.state().mask.apply(text)
    }

    /// Which half of the build speaks from now on.
    pub(crate) fn set_phase(&self, phase: LogPhase) {
        self.shared.state().phase = phase;
    }

    /// Whose lines follow: each begins with the service's name. `None`: they are about all of the build.
    pub(crate) fn speak_of(&self, service: Option<&ServiceName>) {
        let mut state = self.shared.state();
        state.end_lines();
        state.prefix = service.map(|name| format!("{name} | ")).unwrap_or_default();
    }

    /// A command begins: what it prints can be looked at afterwards.
    pub(crate) fn begin_excerpt(&self) {
        self.shared.state().excerpt = Some(Excerpt::default());
    }

    /// What the last command printed, as far as it is kept; ends lines that have no end.
    pub(crate) fn excerpt(&self) -> Excerpt {
        let mut state = self.shared.state();
        state.end_lines();
        state.excerpt.clone().unwrap_or_default()
    }

    /// The number that the next line gets.
    #[must_use]
    pub fn next_line(&self) -> i64 {
        self.shared.state().capped.next()
    }

    /// Writes the tail and waits until everything is stored. Nothing is to be written afterwards.
    ///
    /// # Errors
    /// When the database did not take the last lines within a minute; they are lost.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.ended.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A task of ours ends by itself; one that panicked has nothing more to say.
            let _ = task.await;
        }
        self.shared.state().end();
        self.shared.publish();
        let stored = tokio::time::timeout(STORE_WITHIN, async {
            loop {
                match self.shared.store_lines().await {
                    Err(error) if error.is_unavailable() => tokio::time::sleep(STORE_AFTER).await,
                    outcome => return outcome,
                }
            }
        });
        stored.await.unwrap_or_else(|elapsed| Err(StoreError::Unavailable(elapsed.into())))
    }
}

impl Drop for BuildLog {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl State {
    /// Nothing more comes: the tail follows the head.
    fn end(&mut self) {
        self.end_lines();
        let tail = self.capped.end();
        self.fresh.extend(tail);
    }

    fn end_lines(&mut self) {
        let phase = self.phase;
        for stream in [LogStream::Stdout, LogStream::Stderr] {
            let lines = if stream == LogStream::Stdout { &mut self.stdout } else { &mut self.stderr };
            if let Some(text) = lines.end(&self.mask) {
                let line = Unnumbered { stream, phase, text };
                write(&mut self.capped, &mut self.excerpt, &mut self.fresh, &self.prefix, line);
            }
        }
    }
}

/// The excerpt is what the command printed; only the log tells whose it is.
fn write(
    capped: &mut Capped,
    excerpt: &mut Option<Excerpt>,
    fresh: &mut Vec<LogLine>,
    prefix: &str,
    mut line: Unnumbered,
) {
    let printed = excerpt.is_some().then(|| line.text.clone());
    line.text.insert_str(0, prefix);
    let shown = printed.is_some().then(|| line.text.clone());
    let written = capped.take(line);
    if let (Some(excerpt), Some(printed)) = (excerpt, printed) {
        let is_it = |written: &&LogLine| Some(&written.text) == shown.as_ref();
        excerpt.add(written.as_ref().filter(is_it).map(|written| written.number), printed);
    }
    fresh.extend(written);
}

impl Shared {
    /// Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands what is fresh to whoever watches.
    fn publish(&self) {
        let fresh = std::mem::take(&mut self.state().fresh);
        let LogOwner { user, project, build } = self.owner;
        for lines in fresh.chunks(PUBLISH_LINES) {
            let lines: Arc<[LogLine]> = lines.into();
            self.state().unstored.push(lines.clone());
            self.store.signals().publish_log(LogBatch { user, project, build, lines });
        }
    }

    /// Stores what was published; keeps it if the database does not take it.
    async fn store_lines(&self) -> Result<(), StoreError> {
        let batches = std::mem::take(&mut self.state().unstored);
        if batches.is_empty() {
            return Ok(());
        }
        let lines: Vec<LogLine> = batches.iter().flat_map(|batch| batch.iter().cloned()).collect();
        let stored = self.store.append_log(self.owner.build, &lines).await;
        if matches!(&stored, Err(error) if error.is_unavailable()) {
            self.state().unstored.splice(0..0, batches);
        }
        stored
    }
}

async fn publish_until(shared: Arc<Shared>, ended: CancellationToken) {
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            () = shared.written.notified() => {}
        }
        // What comes in the next moment goes along.
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(PUBLISH_AFTER) => shared.publish(),
        }
    }
}

async fn store_until(shared: Arc<Shared>, ended: CancellationToken) {
    while !ended.is_cancelled() {
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(STORE_AFTER) => {}
        }
        if let Err(error) = shared.store_lines().await {
            tracing::warn!(build = %shared.owner.build, %error, "log lines could not be stored");
        }
    }
}
