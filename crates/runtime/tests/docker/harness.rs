//! An engine for one test, and its end.

use std::process::Command;

use berth_model::{BuildId, InstanceId, LogStream, ProjectId, UserId};
use berth_runtime::{Container, Egress, Engine, EngineConfig, EnvVar, Exec, ExecEnd, Kind, Labels, Sandbox};
use tokio::net::{TcpListener, UnixStream};

/// An image that every machine of the project has (or pulls).
pub(crate) const NODE: &str = "node:20-bookworm-slim";

/// Runs `test` with an engine of its own and removes everything of that instance afterwards. The network is closed where
/// it can be; the tests of `network` insist on it, and need root.
pub(crate) async fn with_engine<Test>(change: impl FnOnce(&mut EngineConfig), test: impl FnOnce(Engine) -> Test)
where
    Test: Future<Output = ()> + Send + 'static,
{
    let mut config = EngineConfig::new(InstanceId::random());
    if !rustix::process::geteuid().is_root() {
        config.egress = Egress::Open;
    }
    change(&mut config);
    let engine = Engine::connect(config.clone());
    engine.ping().await.expect("these tests need a running Docker daemon");
    // What this engine itself pulled would be its own to remove.
    let puller = Engine::connect(EngineConfig::new(InstanceId::random()));
    puller.ensure_base_image(NODE, &mut |_| ()).await.expect("the base image is here or can be pulled");
    engine.ensure_base_image(NODE, &mut |_| ()).await.expect("it is here now");
    let ended = tokio::spawn(test(engine)).await;
    // As a later process would find it.
    Engine::connect(config).remove_instance().await.expect("everything of the instance can be removed");
    if let Err(failed) = ended {
        std::panic::resume_unwind(failed.into_panic());
    }
}

/// The labels of a build container of project 1.
pub(crate) fn labels(kind: Kind) -> Labels {
    Labels { kind, project: Some(ProjectId(1)), pull_request: None, build: Some(BuildId(7)), owner: Some(UserId(3)) }
}

/// A plain sandbox of the Node image.
pub(crate) fn sandbox() -> Sandbox {
    Sandbox {
        image: NODE.to_owned(),
        labels: labels(Kind::Build),
        volumes: Vec::new(),
        workdir: Some("/app".to_owned()),
    }
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) end: ExecEnd,
}

/// Runs a shell command in a container.
pub(crate) async fn sh(container: &Container, script: &str) -> Ran {
    run(container, Exec::new(["sh", "-c", script])).await
}

/// Runs a shell command with variables.
pub(crate) async fn sh_with(container: &Container, env: Vec<EnvVar>, script: &str) -> Ran {
    run(container, Exec { env, ..Exec::new(["sh", "-c", script]) }).await
}

/// Runs a command in a container.
pub(crate) async fn run(container: &Container, exec: Exec) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let end = container
        .exec(&exec, |stream, bytes| match stream {
            LogStream::Stdout => stdout.extend_from_slice(&bytes),
            LogStream::Stderr => stderr.extend_from_slice(&bytes),
        })
        .await
        .expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { stdout: text(stdout), stderr: text(stderr), end }
}

/// The daemon's own word, by its command line: this crate's view is not asked about itself.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the docker command is installed");
    // Whoever asks whether something is gone does not take a daemon's refusal for a yes.
    let lists = matches!(arguments, ["ps" | "images", ..] | [_, "ls", ..]);
    assert!(!lists || output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The daemon as if it were on another machine: behind a port of this one. Until the test ends.
pub(crate) async fn elsewhere() -> String {
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", relay.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = relay.accept().await {
            tokio::spawn(async move {
                if let Ok(mut far) = UnixStream::connect("/var/run/docker.sock").await {
                    // Whichever end broke, the other learns of it.
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    host
}
