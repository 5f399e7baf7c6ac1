//! The binary itself: what it prints, and how it exits.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::place::Place;

pub(crate) fn berth(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
    command.args(arguments).env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// A Berth that ends with its test, however that ends.
pub(crate) struct Serving(pub(crate) Child);

impl Serving {
    /// Starts what [`berth`] made.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn config_lists_values_and_hides_secrets() {
    let secret = "s".repeat(40);
    let output = berth(&["config"], &[("SECRET", &secret), ("BERTH_BUILD_MEMORY", "512m")]).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("BERTH_BUILD_MEMORY = 512m") && said.contains("SECRET = ***"), "{said}");
    assert!(!said.contains(&secret));
}

#[test]
fn a2_mistakes_are_reported_together_and_nothing_starts() {
    let place = Place::new();
    let data = place.data().display().to_string();
    let output =
        berth(&["serve"], &[("SECRET", "too short"), ("BERTH_LISTEN", "nowhere"), ("BERTH_DATA_DIR", &data)]).output();
    let output = output.unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("2 problems") && said.contains("openssl rand -hex 32") && said.contains("BERTH_LISTEN=nowhere")
    );
    assert!(!said.contains("too short") && !place.data().exists());
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = berth(&[], &[("BERTH_LISTEN", &address)]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("BERTH_LISTEN"), "{said}");
}

#[test]
fn sigterm_ends_it_in_order() {
    let place = Place::new();
    let (data, deployments) = (place.data().display().to_string(), place.deployments().display().to_string());
    let variables = [
        ("BERTH_LISTEN", "127.0.0.1:0"),
        ("BERTH_DATA_DIR", &*data),
        ("BERTH_DEPLOYMENTS_DIR", &*deployments),
        ("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
    ];
    let mut serving = Serving::start(berth(&["serve"], &variables).stderr(Stdio::null()));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !place.data().join("setup-token").exists() {
        assert!(Instant::now() < deadline, "it did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&serving.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = loop {
        if let Some(status) = serving.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it did not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_the_one_that_runs() {
    let place = Place::new();
    let running = place.start().await;
    // Listening everywhere is asked at the loopback address.
    for listen in [running.address.to_string(), format!("0.0.0.0:{}", running.address.port())] {
        let ask = |arguments: &[&str]| {
            let listen = [("BERTH_LISTEN", &*listen)];
            tokio::task::block_in_place(|| berth(arguments, &listen).output().unwrap())
        };
        let alive = ask(&["health"]);
        assert_eq!((alive.status.code(), said(&alive).as_str()), (Some(0), ""));
        let ready = ask(&["health", "--ready"]);
        assert!(ready.status.code() == Some(1) && said(&ready).contains("Docker"), "{}", said(&ready));
    }
    let address = running.address.to_string();
    running.stop().await;
    let gone = berth(&["health"], &[("BERTH_LISTEN", &address)]).output().unwrap();
    assert!(gone.status.code() == Some(1) && said(&gone).contains(&address), "{}", said(&gone));
}

#[test]
fn there_is_nothing_to_back_up_or_clean_in_an_empty_place() {
    let place = Place::new();
    let data = place.data().display().to_string();
    let target = place.deployments().display().to_string();
    for command in [&["backup", &*target][..], &["clean"]] {
        let output = berth(command, &[("BERTH_DATA_DIR", &data)]).output().unwrap();
        assert!(output.status.code() == Some(1) && said(&output).contains("BERTH_DATA_DIR"), "{}", said(&output));
    }
    assert!(!place.deployments().exists());
}

#[tokio::test]
async fn a_backup_is_not_made_into_what_it_copies() {
    let place = Place::new();
    place.start().await.stop().await;
    let (data, deployments) = (place.data().display().to_string(), place.deployments().display().to_string());
    let variables = [("BERTH_DATA_DIR", &*data), ("BERTH_DEPLOYMENTS_DIR", &*deployments)];
    let link = place.data().with_file_name("link");
    std::os::unix::fs::symlink(place.deployments(), &link).unwrap();
    for (directory, variable) in [
        (place.deployments().join("backup"), "BERTH_DEPLOYMENTS_DIR"),
        (link.join("of/today"), "BERTH_DEPLOYMENTS_DIR"),
        (place.data().join("backup"), "BERTH_DATA_DIR"),
    ] {
        let output = berth(&["backup", directory.to_str().unwrap()], &variables).output().unwrap();
        let said = said(&output);
        assert!(output.status.code() == Some(1) && said.contains(variable), "{directory:?}: {said}");
        assert!(!directory.exists(), "{directory:?}");
    }
    // Beside them, and by a path from where one stands.
    let backup = place.data().with_file_name("backup");
    let output = berth(&["backup", "backup"], &variables).current_dir(backup.parent().unwrap()).output().unwrap();
    assert!(output.status.success() && backup.join("data/instance").is_file(), "{}", said(&output));
}
