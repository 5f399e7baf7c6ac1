//! What a sandbox may not do.

use std::time::{Duration, Instant};

use berth_runtime::{Kind, RuntimeError, VolumeMount};

use crate::harness::{NODE, docker, labels, sandbox, sh, with_engine};

#[tokio::test]
async fn every_limit_is_in_the_daemons_own_words() {
    with_engine(
        |config| {
            config.limits.memory = 3 << 30;
            config.limits.cpus = 0.75;
            config.limits.pids = 99;
        },
        |engine| async move {
            let volume = engine.ensure_volume("npm-3", &labels(Kind::Cache)).await.unwrap();
            let mut sandbox = sandbox();
            sandbox.volumes.push(VolumeMount { volume, path: "/cache".to_owned() });
            let container = engine.create(&sandbox).await.unwrap();
            let inspected = |format: &str| docker(&["inspect", "--format", format, container.id()]);
            assert_eq!(inspected("{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}"), "3221225472 3221225472");
            assert_eq!(inspected("{{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}"), "750000000 99");
            assert_eq!(inspected("{{.HostConfig.CapDrop}} {{.HostConfig.Privileged}}"), "[ALL] false");
            assert_eq!(inspected("{{.HostConfig.SecurityOpt}} {{.HostConfig.Init}}"), "[no-new-privileges] true");
            assert_eq!(inspected("{{.HostConfig.LogConfig.Type}} {{len .HostConfig.Binds}}"), "none 0");
            assert_eq!(inspected("{{range .Mounts}}{{.Type}} {{.Destination}};{{end}}"), "volume /cache;");
            assert_eq!(inspected("{{.HostConfig.NetworkMode}}"), format!("berth-build-{}", engine.config().instance));
            assert_eq!(inspected("{{index .Config.Labels \"berth.project\"}}"), "1");
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn more_processors_than_the_machine_has_are_no_error() {
    with_engine(
        |config| config.limits.cpus = 512.0,
        |engine| async move {
            engine.create(&sandbox()).await.unwrap().stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn root_inside_can_unpack_packages_and_nothing_more() {
    with_engine(|_| (), |engine| async move {
        let container = engine.create(&sandbox()).await.unwrap();
        let works = "id -u; mkdir d && touch d/f && chown -R 1000:1000 d && chmod 4755 d/f && echo x > d/f && rm -r d && \
                     setpriv --reuid=1000 --regid=1000 --clear-groups id -u";
        let ran = sh(&container, works).await;
        assert_eq!((ran.stdout.as_str(), ran.end.exit_code), ("0\n1000\n", 0), "{ran:?}");
        for refused in [
            "mknod device b 8 0",
            "mount -t tmpfs none /mnt",
            "chroot / true",
            "hostname elsewhere",
            "echo 1 > /proc/sys/kernel/panic",
            "date -s 2000-01-01",
            "ip link add x type dummy || echo no >&2 && false",
        ] {
            let ran = sh(&container, refused).await;
            assert_ne!(ran.end.exit_code, 0, "{refused}: {ran:?}");
        }
        // A set-uid program gains nothing.
        let status = sh(&container, "grep -E 'NoNewPrivs|CapEff' /proc/self/status").await.stdout;
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        // CHOWN, DAC_OVERRIDE, FOWNER, SETGID and SETUID are bits 0, 1, 3, 6 and 7.
        assert!(status.contains("CapEff:\t00000000000000cb"), "{status}");
        container.stop_and_remove().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_fork_bomb_stays_within_its_container() {
    let limits = |config: &mut berth_runtime::EngineConfig| {
        config.limits.pids = 64;
        config.limits.cpus = 0.5;
    };
    with_engine(limits, |engine| async move {
        let bombed = engine.create(&sandbox()).await.unwrap();
        let other = engine.create(&sandbox()).await.unwrap();
        let ran = sh(&bombed, "bomb() { bomb | bomb & }; bomb; sleep 1; echo over").await;
        assert!(ran.stderr.contains("fork") || ran.end.exit_code != 0, "{ran:?}");
        let processes = docker(&["top", bombed.id(), "-eo", "pid"]).lines().count() - 1;
        assert!(processes <= 64, "{processes} processes");
        assert_eq!(sh(&other, "echo fine").await.stdout, "fine\n");
        let started = Instant::now();
        bombed.stop_and_remove().await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(15));
        other.stop_and_remove().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_image_decides_nothing_about_its_container() {
    with_engine(|_| (), |engine| async move {
        let dockerfile = format!(
            "FROM {}\nLABEL berth.instance=another berth.project=99\nUSER node\nENTRYPOINT [\"false\"]\nHEALTHCHECK CMD true\n",
            NODE
        );
        let tag = crate::images::build(&engine, &dockerfile).await.0.unwrap();
        let container = engine.create(&berth_runtime::Sandbox { image: tag, ..sandbox() }).await.unwrap();
        assert_eq!(sh(&container, "id -u").await.stdout, "0\n");
        let inspected = |format: &str| docker(&["inspect", "--format", format, container.id()]);
        assert_eq!(inspected("{{index .Config.Labels \"berth.project\"}}"), "1");
        assert_eq!(inspected("{{index .Config.Labels \"berth.instance\"}}"), engine.config().instance.to_string());
        assert_eq!(inspected("{{.State.Health}}"), "<nil>");
        container.stop_and_remove().await.unwrap();
    })
    .await;
}

/// The processes of all `RUN` steps of this instance, as the daemon counts them.
fn processes_of_steps(engine: &berth_runtime::Engine) -> (usize, String) {
    let network = format!("network=berth-build-{}", engine.config().instance);
    let steps = docker(&["ps", "--quiet", "--filter", &network]);
    let count = |step: &str| docker(&["top", step, "-eo", "pid"]).lines().skip(1).count();
    let limits = steps.lines().map(|step| docker(&["inspect", "--format", "{{.HostConfig.PidsLimit}}", step]));
    (steps.lines().map(count).sum(), limits.collect::<Vec<_>>().join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_a_dockerfile_keeps_to_the_process_limit() {
    with_engine(
        |config| config.limits.pids = 64,
        |engine| async move {
            let run = |script: &str| format!("FROM {NODE}\nRUN {script}\n");
            // The limit is set on a step that runs already: it waits until it sees it itself (cgroup v2, v1).
            let limited = "grep -qsx 64 /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max";
            let waits = format!("n=0; until {limited} || [ $n -ge 60 ]; do sleep 1; n=$((n+1)); done");
            let many = run(&format!("{waits}; i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; wait"));
            let (built, stdout, stderr) = crate::images::build(&engine, &many).await;
            assert!(built.unwrap_err().is_theirs());
            assert!(stderr.contains("Cannot fork"), "{stdout}{stderr}");

            // What forks faster than the limit comes ends at once.
            let bomb = run("bash -c 'bomb() { bomb | bomb & }; bomb; sleep 60'");
            let most = async {
                let mut most = 0;
                for _ in 0..20 {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                    let (processes, limit) = processes_of_steps(&engine);
                    // Before the limit is there it may have been more; such a one is on its way out.
                    most = most.max(if limit == "64" { processes } else { 0 });
                }
                // One that had more when its limit came is on its way out, however long a busy machine takes to end it.
                if most > 64 {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                most
            };
            tokio::select! {
                (ended, ..) = crate::images::build(&engine, &bomb) => {
                    let error = ended.unwrap_err();
                    assert!(matches!(error, RuntimeError::TooManyProcesses { limit: 64 }), "{error}");
                }
                most = most => assert!(most <= 64, "{most} processes"),
            }
            let left = Instant::now();
            while processes_of_steps(&engine).0 > 0 {
                assert!(left.elapsed() < Duration::from_secs(20), "the bomb is still there");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            let (built, stdout, _) = crate::images::build(&engine, &run("echo fine")).await;
            assert!(built.is_ok() && stdout.contains("fine\n"), "{stdout}");
        },
    )
    .await;
}
