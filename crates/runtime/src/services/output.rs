//! What replicas and commands print, line by line, as the daemon keeps it.
//!
//! The daemon cuts lines after 16 KiB and marks each part with the moment of the first; not every version ends the last
//! part with a newline. Here they are lines again. It
//! forgets a container's output with the container: so [`Engine::stop_replica`] waits for whoever still reads it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_model::LogStream;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::{Stream, StreamExt};
use tokio::sync::{Notify, mpsc};

use super::time::{nanoseconds, seconds};
use crate::error::in_container;
use crate::{Engine, RuntimeError};

/// Lines that wait for whoever reads; more wait at the daemon.
const WAITING: usize = 32;
/// A line that is longer becomes several.
const LONGEST: usize = 256 << 10;
const SECOND: i64 = 1_000_000_000;
/// So long the end of a container waits for its readers.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// One line that a container printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// When the daemon read its beginning: nanoseconds since 1970.
    pub at_ns: i64,
    /// Where it was printed.
    pub stream: LogStream,
    /// Without its newline.
    pub line: Vec<u8>,
}

/// Who reads the output of which container.
#[derive(Clone, Default)]
pub(crate) struct Readers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    reading: Mutex<HashMap<String, usize>>,
    done: Notify,
}

/// One reader, for as long as this is held.
struct Reading {
    readers: Readers,
    container: String,
}

impl Readers {
    fn begin(&self, container: &str) -> Reading {
        *self.reading().entry(container.to_owned()).or_default() += 1;
        Reading { readers: self.clone(), container: container.to_owned() }
    }

    fn reading(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.0.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody reads a container's output any more, and not too long.
    pub(super) async fn have_read(&self, container: &str) {
        let all = async {
            loop {
                let mut done = std::pin::pin!(self.0.done.notified());
                done.as_mut().enable();
                if !self.reading().contains_key(container) {
                    return;
                }
                done.await;
            }
        };
        if tokio::time::timeout(READ_WITHIN, all).await.is_err() {
            tracing::warn!(container, "the end of a container's output was not read in time");
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut reading = self.readers.reading();
        if let Some(count) = reading.get_mut(&self.container) {
            *count -= 1;
            if *count == 0 {
                reading.remove(&self.container);
            }
        }
        drop(reading);
        self.readers.0.done.notify_waiters();
    }
}

impl Engine {
    /// What a container prints: the lines after the moment `since` (all that the daemon still has, if `None`), and then
    /// each as it comes. Ends with the container's process. An error is the last item: ask again for what comes after
    /// the last line.
    pub fn replica_log(
        &self,
        container: &str,
        since: Option<i64>,
    ) -> impl Stream<Item = Result<LogRecord, RuntimeError>> + Send + 'static + use<> {
        let (tell, told) = mpsc::channel(WAITING);
        let reading = self.readers().begin(container);
        let (engine, container) = (self.clone(), container.to_owned());
        tokio::spawn(async move {
            let _reading = reading;
            tokio::select! {
                () = tell.closed() => {}
                read = read(&engine, &container, since, &tell) => if let Err(error) = read {
                    let _ = tell.send(Err(error)).await;
                }
            }
        });
        futures_util::stream::unfold(told, |mut told| async { Some((told.recv().await?, told)) })
    }
}

async fn read(
    engine: &Engine,
    container: &str,
    since: Option<i64>,
    tell: &mpsc::Sender<Result<LogRecord, RuntimeError>>,
) -> Result<(), RuntimeError> {
    let mut last = Last { stdout: since, stderr: since };
    pass(engine, container, Follow::ToTheEnd, &mut last, tell).await?;
    // A daemon may end a log that is followed before its very last lines: what there is by then is looked at once more.
    match pass(engine, container, Follow::Not, &mut last, tell).await {
        Err(RuntimeError::Gone) => Ok(()),
        read => read,
    }
}

/// Whether one waits for more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follow {
    ToTheEnd,
    Not,
}

/// The moments of the last lines that were passed on.
#[derive(Clone)]
struct Last {
    stdout: Option<i64>,
    stderr: Option<i64>,
}

impl Last {
    /// Whether a line was passed on by then.
    fn has(&self, record: &LogRecord) -> bool {
        let last = match record.stream {
            LogStream::Stdout => self.stdout,
            LogStream::Stderr => self.stderr,
        };
        last.is_some_and(|last| record.at_ns <= last)
    }

    fn of(&mut self, stream: LogStream) -> &mut Option<i64> {
        match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        }
    }

    /// From when on the daemon is asked: the two streams are written a moment apart.
    fn asked(&self) -> Option<i64> {
        self.stdout.max(self.stderr).map(|last| last.saturating_sub(SECOND))
    }
}

async fn pass(
    engine: &Engine,
    container: &str,
    follow: Follow,
    last: &mut Last,
    tell: &mpsc::Sender<Result<LogRecord, RuntimeError>>,
) -> Result<(), RuntimeError> {
    let mut docker = engine.docker().await?.clone();
    if let Some(since) = last.asked() {
        // The client's own field has whole seconds only.
        docker = docker.with_request_modifier(move |mut request| {
            let exact = request.uri().to_string().replace("since=0", &format!("since={}", seconds(since)));
            if let Ok(uri) = exact.parse() {
                *request.uri_mut() = uri;
            }
            request
        });
    }
    let follow = follow == Follow::ToTheEnd;
    let options = LogsOptions { follow, stdout: true, stderr: true, timestamps: true, ..LogsOptions::default() };
    let mut pieces = std::pin::pin!(docker.logs(container, Some(options)));
    let (mut stdout, mut stderr) = (Lines::default(), Lines::default());
    // What comes in one go comes once: one moment may have several lines, a long one that was cut.
    let before = last.clone();
    while let Some(piece) = pieces.next().await {
        let (lines, stream, message) = match piece.map_err(in_container("read a container's output"))? {
            LogOutput::StdOut { message } => (&mut stdout, LogStream::Stdout, message),
            LogOutput::StdErr { message } => (&mut stderr, LogStream::Stderr, message),
            // No container of ours has a terminal: what is left of a connection that broke off.
            LogOutput::Console { .. } | LogOutput::StdIn { .. } => continue,
        };
        for record in lines.add(stream, &message).into_iter().flatten() {
            if before.has(&record) {
                continue;
            }
            *last.of(stream) = Some(record.at_ns);
            if tell.send(Ok(record)).await.is_err() {
                return Ok(());
            }
        }
    }
    // While a log is followed, a line without its end may still be going on.
    let rest = [stdout.rest(LogStream::Stdout), stderr.rest(LogStream::Stderr)].into_iter().flatten();
    for record in rest.filter(|record| !follow && !before.has(record)) {
        let _ = tell.send(Ok(record)).await;
    }
    Ok(())
}

/// A line of which parts have come.
#[derive(Default)]
struct Lines {
    begun: Option<(i64, Vec<u8>)>,
}

impl Lines {
    /// Takes a part as the daemon sends it, `<moment> <text>`; returns the lines that are complete with it: the one
    /// before, if its last part had no newline (parts of one line have one moment), and the part's own.
    fn add(&mut self, stream: LogStream, part: &[u8]) -> [Option<LogRecord>; 2] {
        let Some((at_ns, text)) = read_part(part) else { return [None, None] };
        let is_another = self.begun.as_ref().is_some_and(|(begun, _)| *begun != at_ns);
        let before = if is_another { std::mem::take(self).rest(stream) } else { None };
        let (_, line) = self.begun.get_or_insert_with(|| (at_ns, Vec::new()));
        line.extend_from_slice(text);
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() < LONGEST {
            return [before, None];
        }
        [before, std::mem::take(self).rest(stream)]
    }

    fn rest(self, stream: LogStream) -> Option<LogRecord> {
        self.begun.map(|(at_ns, line)| LogRecord { at_ns, stream, line })
    }
}

/// The moment of a part, and its text.
fn read_part(part: &[u8]) -> Option<(i64, &[u8])> {
    let space = part.iter().position(|&byte| byte == b' ')?;
    let at_ns = nanoseconds(std::str::from_utf8(part.get(..space)?).ok()?)?;
    Some((at_ns, part.get(space + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_lines_again() {
        let mut lines = Lines::default();
        let mut add = |second: u32, text: &str| {
            let part = format!("1970-01-01T00:00:0{second}.5Z {text}");
            let complete = lines.add(LogStream::Stdout, part.as_bytes()).into_iter().flatten();
            complete.map(|record| (record.at_ns, String::from_utf8(record.line).unwrap())).collect::<Vec<_>>()
        };
        let line = |second: i64, text: &str| (second * 1_000_000_000 + 500_000_000, text.to_owned());
        assert_eq!(add(1, "a b"), []);
        assert_eq!(add(1, ""), []);
        assert_eq!(add(1, " c\n"), [line(1, "a b c")]);
        assert_eq!(add(1, "\n"), [line(1, "")]);
        assert_eq!(add(2, "no "), []);
        assert_eq!(add(2, "newline"), []);
        assert_eq!(add(3, "next\n"), [line(2, "no newline"), line(3, "next")]);
        assert_eq!(add(4, &"x".repeat(LONGEST)), [line(4, &"x".repeat(LONGEST))]);
        assert_eq!(add(4, "end\n"), [line(4, "end")]);
    }
}
