//! What replicas print and use.

use std::time::Duration;

use berth_model::LogStream;
use berth_runtime::{Engine, EnvVar, LogRecord, ReplicaSpec};
use futures_util::{StreamExt, TryStreamExt};

use crate::harness::with_engine;
use crate::services::{app, replica, started};

/// A replica that runs `script`, a Node program.
fn program(script: &str) -> ReplicaSpec {
    ReplicaSpec { env: vec![EnvVar::new("APP", script)], ..app(replica(7, "web", 1)) }
}

fn texts(records: &[LogRecord]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(&record.line).into_owned()).collect()
}

async fn all(engine: &Engine, container: &str, since: Option<i64>) -> Vec<LogRecord> {
    engine.replica_log(container, since).try_collect().await.unwrap()
}

#[tokio::test]
async fn a_log_is_followed_and_taken_up_again_without_loss_or_repetition() {
    with_engine(
        |_| (),
        |engine| async move {
            let counts = "let n = 0; const t = setInterval(() => { console.log('line ' + n++); if (n == 60) clearInterval(t) }, 30)";
            let counting = engine.start_replica(&program(counts)).await.unwrap();
            let mut read = Vec::new();
            // Seven lines, and the reader is gone; and once more.
            for _ in 0..3 {
                let since = read.last().map(|record: &LogRecord| record.at_ns);
                let mut log = Box::pin(engine.replica_log(&counting.container, since));
                while read.len() % 7 != 6 {
                    read.push(log.next().await.expect("it goes on").unwrap());
                }
                read.push(log.next().await.expect("it goes on").unwrap());
            }
            assert_eq!(read.len(), 21);
            let since = read.last().map(|record| record.at_ns);
            read.extend(all(&engine, &counting.container, since).await);
            assert_eq!(texts(&read), (0..60).map(|n| format!("line {n}")).collect::<Vec<_>>());
            assert!(read.is_sorted_by_key(|record| record.at_ns));
            assert_eq!(all(&engine, &counting.container, None).await, read, "the end is known to all");
            engine.stop_replica(&counting.container, Duration::ZERO).await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn long_lines_are_whole_streams_are_apart_and_the_last_line_needs_no_newline() {
    with_engine(
        |_| (),
        |engine| async move {
            let script = "process.stderr.write('oops\\n'); process.stdout.write('a'.repeat(100000) + '\\nb\\n\\nlast')";
            let printing = engine.start_replica(&program(script)).await.unwrap();
            let read = all(&engine, &printing.container, None).await;
            let of = |stream| read.iter().filter(|record| record.stream == stream).cloned().collect::<Vec<_>>();
            assert_eq!(texts(&of(LogStream::Stderr)), ["oops"]);
            assert_eq!(
                texts(&of(LogStream::Stdout)),
                ["a".repeat(100_000), "b".to_owned(), String::new(), "last".to_owned()]
            );
            engine.stop_replica(&printing.container, Duration::ZERO).await.unwrap();
        },
    )
    .await;
}

/// What an application prints on its way out is read before its container goes.
#[tokio::test]
async fn the_last_words_are_read() {
    with_engine(
        |_| (),
        |engine| async move {
            // It says that it is up once it hears the signal, and not before.
            let script = "setInterval(() => 0, 1000); process.on('SIGTERM', () => { for (let n = 0; n < 5000; n++) \
                          console.log('word ' + n); process.exit(0) }); console.log('up')";
            let ending = engine.start_replica(&program(script)).await.unwrap();
            let mut log = Box::pin(engine.replica_log(&ending.container, None));
            assert_eq!(log.next().await.unwrap().unwrap().line, b"up");
            let slow = async {
                let mut words = Vec::new();
                while let Some(record) = log.next().await {
                    words.push(record.unwrap());
                    if words.len() % 500 == 0 {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
                words
            };
            let (stopped, words) = tokio::join!(engine.stop_replica(&ending.container, Duration::from_secs(10)), slow);
            stopped.unwrap();
            assert_eq!(texts(&words), (0..5000).map(|n| format!("word {n}")).collect::<Vec<_>>());
        },
    )
    .await;
}

#[tokio::test]
async fn what_a_replica_uses_is_measured() {
    with_engine(
        |_| (),
        |engine| async move {
            let idle = started(&engine, &app(replica(7, "web", 1))).await;
            let script = "globalThis.kept = Buffer.alloc(100 << 20, 1); console.log('full'); for (;;);";
            let busy = ReplicaSpec { id: replica(7, "api", 1), ..program(script) };
            let busy = engine.start_replica(&busy).await.unwrap();
            // Once it has come so far.
            let full = Box::pin(engine.replica_log(&busy.container, None)).next().await.expect("it goes on").unwrap();
            assert_eq!(full.line, b"full");
            let quiet = engine.replica_usage(&idle.container).await.unwrap();
            let first = engine.replica_usage(&busy.container).await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
            let second = engine.replica_usage(&busy.container).await.unwrap();
            for usage in [first, second] {
                // How much it gets of a busy machine is not ours to say.
                assert!(usage.cpus > 0.005 && usage.cpus < 1.5, "{usage:?}");
                assert!(usage.memory > 100 << 20 && usage.memory <= 256 << 20, "{usage:?}");
            }
            assert!(quiet.cpus < second.cpus && quiet.memory < 100 << 20 && quiet.memory > 1 << 20, "{quiet:?}");
            engine.stop_replica(&idle.container, Duration::ZERO).await.unwrap();
            engine.stop_replica(&busy.container, Duration::ZERO).await.unwrap();
            assert!(engine.replica_usage(&busy.container).await.is_err());
        },
    )
    .await;
}
