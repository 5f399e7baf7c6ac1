//! Sandboxes: their limits, their commands, their files, their end.

use std::time::{Duration, Instant};

use berth_model::Clock;
use berth_runtime::{EnvVar, Exec, Kind, PathStat, RuntimeError, tar_from_bytes};
use futures_util::TryStreamExt;

use crate::harness::{docker, labels, run, sandbox, sh, sh_with, with_engine};

#[tokio::test]
async fn commands_run_with_separate_streams_and_their_exit_code() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let ran = sh(&container, "echo out; echo err >&2; pwd; exit 7").await;
            assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.end.exit_code), ("out\n/app\n", "err\n", 7));
            assert!(!ran.end.oom_killed);
            let missing = run(&container, Exec::new(["no-such-program"])).await;
            assert_eq!(missing.end.exit_code, 126, "{missing:?}");
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_committed_image_has_neither_the_environment_of_a_command_nor_foreign_labels() {
    with_engine(
        |config| config.clock = Clock::manual(Clock::System.now()),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let value = "s3cret \"with\" 'quotes' $HOME #=\\\nand a line";
            let ran =
                sh_with(&container, vec![EnvVar::new("TOKEN", value)], "printf %s \"$TOKEN\"; env > /app/used").await;
            assert_eq!(ran.stdout, value, "the value arrives byte for byte");
            let tag = format!("berth-dependencies:{}", engine.config().instance);
            let id = container.commit(&tag, &labels(Kind::Dependencies)).await.unwrap();
            container.stop_and_remove().await.unwrap();
            assert_eq!(engine.image_id(&tag).await.unwrap(), Some(id));
            let config = docker(&["image", "inspect", "--format", "{{json .}}", &tag]);
            assert!(!config.contains("s3cret") && !config.contains("TOKEN"), "{config}");
            let kind = docker(&["image", "inspect", "--format", "{{index .Config.Labels \"berth.kind\"}}", &tag]);
            assert_eq!(kind, "dependencies");
            // No build that may still run has asked for it.
            engine.config().clock.advance(Duration::from_secs(24 * 3_600));
            engine.prune_dependency_images(0).await.unwrap();
            assert_eq!(engine.image_id(&tag).await.unwrap(), None);
        },
    )
    .await;
}

/// What files are long is what an image of them takes, however little they take themselves.
#[tokio::test]
async fn files_that_are_long_and_empty_do_not_fill_the_disk() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            assert_eq!(sh(&container, "truncate -s 1T sparse; echo $?").await.stdout, "153\n", "SIGXFSZ");
            assert_eq!(sh(&container, "truncate -s 4G sparse; echo $?").await.stdout, "0\n");
            let many = "i=0; while [ $i -lt 300 ]; do truncate -s 4G sparse.$i; i=$((i+1)); done; du -sm . | cut -f1";
            assert_eq!(sh(&container, many).await.stdout, "1\n");
            let tag = format!("berth-dependencies-{}:1", engine.config().instance);
            let began = std::time::Instant::now();
            let error = container.commit(&tag, &labels(Kind::Dependencies)).await.unwrap_err();
            assert!(matches!(error, RuntimeError::Hollow { bytes } if bytes > 1 << 40), "{error}");
            assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
            assert_eq!(engine.image_id(&tag).await.unwrap(), None);
            assert_eq!(sh(&container, "rm sparse*; echo goes on").await.stdout, "goes on\n");
            container.commit(&tag, &labels(Kind::Dependencies)).await.unwrap();
            container.stop_and_remove().await.unwrap();

            let dockerfile = format!("FROM {}\nRUN truncate -s 1T /sparse\n", crate::harness::NODE);
            let error = crate::images::build(&engine, &dockerfile).await.0.unwrap_err();
            assert!(matches!(&error, RuntimeError::DockerfileFailed { exit_code: Some(153), .. }), "{error}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_command_that_uses_too_much_memory_is_named() {
    with_engine(
        |config| config.limits.memory = 96 << 20,
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let hog = "const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1))";
            let ran = run(&container, Exec::new(["node", "-e", hog])).await;
            assert!(ran.end.oom_killed, "{ran:?}");
            assert_eq!(ran.end.exit_code, 137);
            // a child of the command, whose own exit code is another
            let ran = sh(&container, &format!("node -e '{hog}' || exit 3")).await;
            assert!(ran.end.oom_killed && ran.end.exit_code == 3, "{ran:?}");
            // and the next failure is not blamed on memory
            let ran = sh(&container, "exit 1").await;
            assert!(!ran.end.oom_killed, "{ran:?}");
            let ran = sh(&container, "kill -9 $$").await;
            assert!(!ran.end.oom_killed && ran.end.exit_code == 137, "{ran:?}");
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn what_ignores_signals_is_gone_within_fifteen_seconds() {
    with_engine(|_| (), |engine| async move {
        let container = engine.create(&sandbox()).await.unwrap();
        let id = container.id().to_owned();
        let stubborn = Exec::new(["sh", "-c", "trap '' TERM INT HUP; echo here; while :; do sleep 1; done"]);
        let (said, mut hears) = tokio::sync::mpsc::unbounded_channel();
        tokio::select! {
            ended = container.exec(&stubborn, |_, bytes| said.send(bytes).unwrap()) => panic!("it ended: {ended:?}"),
            _ = hears.recv() => {}
        }
        let started = Instant::now();
        container.stop_and_remove().await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(15));
        assert_eq!(docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &format!("id={id}")]), "");
    })
    .await;
}

#[tokio::test]
async fn two_thousand_files_go_in_and_come_out() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let mut archive = tar::Builder::new(Vec::new());
            for number in 0..2_000 {
                let content = format!("content of {number}\n");
                let mut header = tar::Header::new_gnu();
                header.set_size(content.len() as u64);
                header.set_mode(0o644);
                // the first name is what gzip's first bytes would be
                let name = if number == 0 { "BZh91AY".to_owned() } else { format!("d{}/f{number}.txt", number % 50) };
                archive.append_data(&mut header, name, content.as_bytes()).unwrap();
            }
            container.upload("/app", tar_from_bytes(archive.into_inner().unwrap())).await.unwrap();
            assert_eq!(sh(&container, "find . -type f | wc -l; cat BZh91AY").await.stdout, "2000\ncontent of 0\n");

            assert_eq!(container.stat("/app").await.unwrap(), PathStat::Directory);
            assert_eq!(container.stat("/app/BZh91AY").await.unwrap(), PathStat::File(13));
            let chunks: Vec<bytes::Bytes> = container.download("/app").await.unwrap().try_collect().await.unwrap();
            let mut back = tar::Archive::new(std::io::Cursor::new(chunks.concat()));
            let files = back.entries().unwrap().filter(|entry| entry.as_ref().unwrap().header().entry_type().is_file());
            assert_eq!(files.count(), 2_000);

            let missing = container.download("/app/dist").await.err().expect("there is no such directory");
            assert!(matches!(&missing, RuntimeError::NoSuchPath { path } if path == "/app/dist"), "{missing}");
            assert!(missing.is_theirs());
            assert!(container.written().await.unwrap().layer.bytes > 2_000);
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn an_archive_that_breaks_off_is_not_dockers_fault() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let broken = futures_util::stream::iter([Err(std::io::Error::other("the disk is on fire"))]);
            let error = container.upload("/app", Box::pin(broken)).await.unwrap_err();
            assert!(matches!(&error, RuntimeError::Stream(inner) if inner.to_string().contains("on fire")), "{error}");
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_command_that_leaves_a_process_behind_still_ends() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let started = Instant::now();
            let ran = sh(&container, "sleep 1000 & echo done").await;
            assert_eq!((ran.stdout.as_str(), ran.end.exit_code), ("done\n", 0));
            assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_hundred_megabytes_of_output_stream_through() {
    with_engine(
        |_| (),
        |engine| async move {
            let container = engine.create(&sandbox()).await.unwrap();
            let exec = Exec::new(["sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' x; echo end >&2"]);
            let (mut bytes, mut largest) = (0, 0);
            let end = container.exec(&exec, |_, piece| {
                bytes += piece.len();
                largest = largest.max(piece.len());
            });
            assert_eq!(end.await.unwrap().exit_code, 0);
            assert_eq!(bytes, 100_000_004);
            assert!(largest <= 64 << 10, "a piece of {largest} bytes");
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}
