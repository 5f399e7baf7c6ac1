//! What services and one-off commands print: in files beside the database, because it is much, and because Docker keeps it,
//! too, until it is here.
//!
//! ```text
//! <directory>/<project>/<environment>/<service>/<number of the first line>.log
//! <directory>/<project>/runs/<run>/<number of the first line>.log
//! ```
//!
//! - [`writer`]: lines in, masked; gathered for a tenth of a second, written, and only then told to who watches.
//! - [`segments`]: the files, of which the oldest go, and which a process may be killed over at any byte.
//! - [`line`]: one line, as it is kept.
//! - [`search`]: pages of lines, newest or oldest first, and what is looked for in them.
//!
//! Nothing is forced to the disk: what a crash of the whole machine takes is read from Docker again, from where the files
//! end ([`LogWriter::resume_from`]).

mod line;
#[cfg(test)]
mod properties;
mod search;
mod segments;
mod writer;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use berth_model::{Clock, DeploymentId, Environment, ProjectId, RunId, ServiceName};
use berth_secrets::Mask;
use tokio::sync::broadcast;

use crate::StoreError;

pub use line::ServiceLine;
pub use search::{LogFrom, LogPage, LogSearch};
pub use writer::LogWriter;

use segments::{Segments, remove_directory};
use writer::Log;

/// Logs of runs that are kept of a project.
const RUNS: usize = 100;
/// Batches that wait for who watches.
const WATCHED: usize = 256;

/// Which log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogOf {
    /// All replicas of a service, whatever the deployment.
    Service {
        /// Of which project.
        project: ProjectId,
        /// Of which of its environments.
        environment: Environment,
        /// Of which service.
        service: ServiceName,
    },
    /// A one-off command.
    Run {
        /// Of which project.
        project: ProjectId,
        /// Which.
        run: RunId,
    },
}

/// Lines that were just written, for whoever watches.
#[derive(Clone, Debug)]
pub struct ServiceLogBatch {
    /// Of which log.
    pub of: LogOf,
    /// At least one, in order and without a gap.
    pub lines: Arc<[ServiceLine]>,
}

/// The logs of all services. Clones share them.
#[derive(Clone)]
pub struct ServiceLogs(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    limit: u64,
    clock: Clock,
    told: broadcast::Sender<ServiceLogBatch>,
    /// Those that somebody writes now.
    written: Mutex<HashMap<LogOf, Weak<Log>>>,
}

impl std::fmt::Debug for ServiceLogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServiceLogs").field(&self.0.directory).finish()
    }
}

impl LogOf {
    /// Of which project.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        match self {
            Self::Service { project, .. } | Self::Run { project, .. } => *project,
        }
    }
}

impl ServiceLogs {
    /// Keeps logs below a directory, which is made when it is needed; of each about `limit` bytes.
    #[must_use]
    pub fn open(directory: PathBuf, limit: u64, clock: Clock) -> Self {
        let (told, written) = (broadcast::Sender::new(WATCHED), Mutex::default());
        Self(Arc::new(Inner { directory, limit, clock, told, written }))
    }

    /// Who writes what a replica, a command (without a number) or Berth itself says about a deployment.
    #[must_use]
    pub fn writer(&self, of: LogOf, deployment: DeploymentId, replica: Option<u32>, mask: Arc<Mask>) -> LogWriter {
        LogWriter::new(self.log(of), deployment, replica, mask)
    }

    /// Lines from now on, of all logs, each after it was written. A receiver that falls far behind is told how many batches
    /// it missed; their lines can be read by their numbers.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<ServiceLogBatch> {
        self.0.told.subscribe()
    }

    /// Some lines of a log. One that nobody ever wrote is empty.
    ///
    /// # Errors
    /// [`StoreError::LogFile`].
    pub async fn page(
        &self,
        of: &LogOf,
        search: LogSearch,
        from: LogFrom,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let written = self.written().get(of).and_then(Weak::upgrade);
        let (directory, limit_of_log) = (self.directory(of), self.0.limit);
        blocking(move || {
            let segments = match written {
                Some(log) => log.segments()?,
                None => Segments::open(directory, limit_of_log)?,
            };
            search::page(&segments, &search, from, limit)
        })
        .await
    }

    /// Writes what waits to be written, as at shutdown; a disk that does not take it is not waited for.
    pub async fn settle(&self) {
        let logs: Vec<_> = self.written().values().filter_map(Weak::upgrade).collect();
        for log in logs {
            log.settle().await;
        }
    }

    /// Removes all logs of a project that is gone.
    ///
    /// # Errors
    /// [`StoreError::LogFile`]; some may be left, and it can be called again.
    pub async fn remove_project(&self, project: ProjectId) -> Result<(), StoreError> {
        let of_project = |(of, log): (&LogOf, &Weak<Log>)| log.upgrade().filter(|_| of.project() == project);
        let logs: Vec<_> = self.written().iter().filter_map(of_project).collect();
        for log in logs {
            log.end();
            // What is just being written would make the directory anew.
            log.settle().await;
        }
        let directory = self.0.directory.join(project.to_string());
        blocking(move || remove_directory(&directory)).await
    }

    /// The log, shared with who writes it already.
    fn log(&self, of: LogOf) -> Arc<Log> {
        let mut written = self.written();
        if let Some(log) = written.get(&of).and_then(Weak::upgrade) {
            return log;
        }
        written.retain(|_, log| log.strong_count() > 0);
        let log = Arc::new(Log::new(self.clone(), of.clone()));
        written.insert(of, Arc::downgrade(&log));
        log
    }

    fn written(&self) -> MutexGuard<'_, HashMap<LogOf, Weak<Log>>> {
        self.0.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory(&self, of: &LogOf) -> PathBuf {
        let project = self.0.directory.join(of.project().to_string());
        match of {
            LogOf::Service { environment, service, .. } => project.join(environment.as_str()).join(service.as_str()),
            LogOf::Run { run, .. } => project.join("runs").join(run.to_string()),
        }
    }

    /// The files of a log, for whoever writes it. Where it is a run's, those of the oldest runs go.
    fn segments_to_write(&self, of: &LogOf) -> std::io::Result<Segments> {
        let directory = self.directory(of);
        if let (LogOf::Run { .. }, Some(runs)) = (of, directory.parent())
            && let Ok(entries) = fs::read_dir(runs)
        {
            let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i64>().ok());
            let mut numbers: Vec<i64> = numbers.collect();
            numbers.sort_unstable();
            let too_many = numbers.len().saturating_sub(RUNS);
            for run in numbers.into_iter().take(too_many) {
                remove_directory(&runs.join(run.to_string()))?;
            }
        }
        Segments::open(directory, self.0.limit)
    }
}

/// Reads or writes files where that holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|panicked| StoreError::LogFile(panicked.into()))?.map_err(|error| StoreError::LogFile(error.into()))
}
