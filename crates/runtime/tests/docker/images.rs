//! Images: pulled, built from a Dockerfile, canceled.

use std::time::{Duration, Instant};

use berth_model::LogStream;
use berth_runtime::{BuildImage, Engine, Kind, RuntimeError, tar_from_bytes};

use crate::harness::{NODE, docker, labels, with_engine};

/// A build context of one file.
fn context(dockerfile: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
    archive.into_inner().unwrap()
}

/// Builds a Dockerfile; the tag or the error, and what each stream printed.
pub(crate) async fn build(engine: &Engine, dockerfile: &str) -> (Result<String, RuntimeError>, String, String) {
    let tag = format!("berth-dockerfile:{}", engine.config().instance);
    let labels = labels(Kind::Dockerfile);
    let labelled = format!("{dockerfile}{}\n", engine.label_instruction(&labels));
    let build = BuildImage {
        tag: tag.clone(),
        context: tar_from_bytes(context(&labelled)),
        dockerfile: "Dockerfile".to_owned(),
        arguments: std::collections::HashMap::new(),
        labels,
    };
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let built = engine
        .build_image(build, &mut |stream, text| match stream {
            LogStream::Stdout => stdout.push_str(text),
            LogStream::Stderr => stderr.push_str(text),
        })
        .await;
    (built.map(|_| tag), stdout, stderr)
}

#[tokio::test]
async fn a_dockerfile_is_built_with_its_log_and_under_the_limits() {
    // more than fits into the client's own field
    with_engine(
        |config| config.limits.memory = 5 << 30,
        |engine| async move {
            let limit = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true";
            let dockerfile = format!("FROM {NODE}\nRUN echo to-out; echo to-err >&2; {limit}\n");
            let (tag, stdout, stderr) = build(&engine, &dockerfile).await;
            let tag = tag.unwrap();
            assert!(stdout.contains("Step 2/") && stdout.contains("to-out\n"), "{stdout}");
            assert!(stderr.contains("to-err") && !stderr.contains("to-out") && !stderr.contains('\x1b'), "{stderr:?}");
            assert!(stdout.contains("5368709120"), "{stdout}");
            let project = docker(&["image", "inspect", "--format", "{{index .Config.Labels \"berth.project\"}}", &tag]);
            assert_eq!(project, "1");
            assert_eq!(engine.image_facts(&tag).await.unwrap().labels["berth.project"], "1");
            assert!(!stdout.contains("LABEL berth."), "{stdout}");
            engine.remove_image(&tag).await.unwrap();
            assert_eq!(engine.image_id(&tag).await.unwrap(), None);
        },
    )
    .await;
}

#[tokio::test]
async fn a_dockerfile_that_fails_is_its_owners() {
    with_engine(
        |_| (),
        |engine| async move {
            for (step, code) in [("RUN exit 9", Some(9)), ("RUNN", None), ("COPY ../../etc/shadow .", None)] {
                let (built, stdout, _) = build(&engine, &format!("FROM {NODE}\n{step}\n")).await;
                let error = built.expect_err(step);
                assert!(error.is_theirs(), "{step}: {error} {stdout}");
                assert!(
                    matches!(&error, RuntimeError::DockerfileFailed { exit_code, .. } if *exit_code == code),
                    "{error}"
                );
            }
            assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &network_of(&engine)]), "", "forcerm");
        },
    )
    .await;
}

#[tokio::test]
async fn a_canceled_dockerfile_leaves_no_container() {
    with_engine(
        |_| (),
        |engine| async move {
            let dockerfile = format!("FROM {NODE}\nRUN sleep 1000\n");
            tokio::select! {
                ended = build(&engine, &dockerfile) => panic!("it ended: {ended:?}"),
                () = async { while !sleeps(&engine) { tokio::time::sleep(Duration::from_millis(50)).await } } => {}
            }
            let canceled = Instant::now();
            while sleeps(&engine) {
                assert!(canceled.elapsed() < Duration::from_secs(15), "it is still there");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_later_process_ends_the_steps_of_a_killed_one() {
    with_engine(
        |_| (),
        |killed| async move {
            let dockerfile = format!("FROM {NODE}\nRUN sleep 1000\n");
            let later = Engine::connect(killed.config().clone());
            let sweeping = async {
                while !sleeps(&killed) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                killed.sweep().await.unwrap();
                assert!(sleeps(&killed), "the own process's steps are left alone");
                later.sweep().await.unwrap();
                assert!(!sleeps(&killed));
            };
            let ((built, _, _), ()) = tokio::join!(build(&killed, &dockerfile), sweeping);
            assert!(built.is_err());
        },
    )
    .await;
}

/// Two services may have one image, by two names.
#[tokio::test]
async fn names_of_one_image_can_be_removed_at_the_same_time() {
    with_engine(
        |_| (),
        |engine| async move {
            for round in 0..5 {
                let base = format!("berth-names-{}", engine.config().instance);
                let tags: Vec<_> = (0..4).map(|number| format!("{base}:{round}-{number}")).collect();
                let made = docker(&["create", NODE, "true"]);
                let image = docker(&["commit", &made, &tags[0]]);
                docker(&["rm", &made]);
                tags[1..].iter().for_each(|tag| drop(docker(&["tag", &image, tag])));
                let removals = tags.iter().map(|tag| engine.remove_image(tag));
                for removed in futures_util::future::join_all(removals).await {
                    assert!(removed.unwrap());
                }
                assert_eq!(docker(&["images", "--quiet", &base]), "");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn an_image_that_cannot_be_had_is_named() {
    with_engine(
        |_| (),
        |engine| async move {
            let error = engine.ensure_base_image("localhost:9/no/such:image", &mut |_| ()).await.unwrap_err();
            assert!(error.to_string().contains("localhost:9/no/such:image") && !error.is_theirs(), "{error}");
            let sandbox =
                berth_runtime::Sandbox { image: "berth-nothing:here".to_owned(), ..crate::harness::sandbox() };
            let error = engine.create(&sandbox).await.unwrap_err();
            assert!(
                matches!(&error, RuntimeError::MissingImage { image, .. } if image == "berth-nothing:here"),
                "{error}"
            );
        },
    )
    .await;
}

/// Whether the step `sleep 1000` is there. What the rules are tried with is on that network as well.
fn sleeps(engine: &Engine) -> bool {
    let commands = ["ps", "--all", "--no-trunc", "--format", "{{.Command}}", "--filter", &network_of(engine)];
    docker(&commands).contains("sleep 1000")
}

fn network_of(engine: &Engine) -> String {
    format!("network=berth-build-{}", engine.config().instance)
}
