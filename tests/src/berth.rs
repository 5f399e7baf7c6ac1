//! The real `berth` binary as a process of its own, which can be killed and started again on what it left behind.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use berth_store::testing::free_port;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Database, Docker, FakeGithub, eventually, torture};

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "a-webhook-secret-of-the-tests";

/// A Berth with its own data directory, database, port and Docker instance id.
///
/// End a test with [`Berth::stop`]: a Berth that is dropped without it prints its log, because then something went wrong.
pub struct Berth {
    directory: TempDir,
    environment: Vec<(String, String)>,
    address: SocketAddr,
    client: reqwest::Client,
    process: Option<Child>,
    stopped: bool,
}

impl Berth {
    /// Starts it and waits until `/health/ready` says so. `settings` are added to, or replace, the environment.
    ///
    /// # Errors
    /// When it is not ready within a minute.
    pub async fn start(database: &Database, github: &FakeGithub, settings: &[(&str, &str)]) -> Result<Self> {
        let mut berth = Self::at_rest(database, github, settings)?;
        berth.launch()?;
        berth.ready().await?;
        Ok(berth)
    }

    /// The same, not started yet.
    ///
    /// # Errors
    /// When it has no place.
    pub fn at_rest(database: &Database, github: &FakeGithub, settings: &[(&str, &str)]) -> Result<Self> {
        install_tls();
        let directory = TempDir::with_prefix("berth-test-")?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut environment = vec![
            ("BERTH_LISTEN", address.to_string()),
            ("BASE_DOMAIN", format!("localhost:{}", address.port())),
            ("BERTH_DATA_DIR", path(&directory, "data")),
            ("BERTH_DEPLOYMENTS_DIR", path(&directory, "deployments")),
            ("BERTH_SIGNUP", "open".to_owned()),
            ("BERTH_SOURCE_ALLOW", "127.0.0.1/32".to_owned()),
            ("WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
            ("CLIENT_ID", FakeGithub::CLIENT.0.to_owned()),
            ("CLIENT_SECRET", FakeGithub::CLIENT.1.to_owned()),
            ("GITHUB_URL", github.url.clone()),
            ("GITHUB_API_URL", github.api_url()),
            // A dashboard of its own makes sign-in hand over the bearer token that existing clients use.
            ("FRONTEND_URL", "http://dashboard.example".to_owned()),
        ];
        environment.extend(database.url().map(|url| ("DATABASE_URL", url.to_owned())));
        environment.retain(|(name, _)| settings.iter().all(|(replaced, _)| replaced != name));
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        // Redirects are looked at, not followed; `localhost` is this address and no other.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .resolve("localhost", address)
            .timeout(Duration::from_secs(60))
            .build()?;
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Self { directory, environment, address, client, process: None, stopped: false })
    }

    /// Starts the process (again) without waiting for it.
    ///
    /// # Errors
    /// When the binary is missing or older than its sources.
    pub fn launch(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let process = self.command()?.arg("serve").stdout(log.try_clone()?).stderr(log).spawn()?;
        self.process = Some(process);
        self.stopped = false;
        Ok(())
    }

    /// Changes a setting from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Runs another command of the binary with the same settings; what it said.
    ///
    /// # Errors
    /// When it fails; tells what it said.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command()?.args(arguments).output()?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "berth {} ended with {}: {said}", arguments.join(" "), output.status);
        Ok(said)
    }

    /// Runs the binary with further arguments and its environment until it ends or is killed: whether by `SIGKILL`, as
    /// at a fail point. Where it ends by itself, its exit code must be 0.
    ///
    /// # Errors
    /// When it does not run, or refuses.
    pub(crate) fn dies_of(&self, arguments: &[&str]) -> Result<bool> {
        let output = self.command()?.args(arguments).output()?;
        if output.status.signal() == Some(9) {
            return Ok(true);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "berth {} ended with {}: {said}", arguments.join(" "), output.status);
        Ok(false)
    }

    /// Runs `berth deploy` as on another machine: with this Berth's address and an API token, and no other setting. Its
    /// exit code and what it said.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn deploy(&self, token: &str, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        self.ask(token, "deploy", arguments).await
    }

    /// Runs `berth run` so: its exit code and what it said.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn carry_out(&self, token: &str, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        self.ask(token, "run", arguments).await
    }

    async fn ask(&self, token: &str, command_word: &str, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        let elsewhere = tempfile::tempdir()?;
        let mut command = tokio::process::Command::new(binary()?);
        command.current_dir(elsewhere.path()).env_clear().env("BERTH_URL", self.origin()).env("BERTH_TOKEN", token);
        command.kill_on_drop(true).stdin(std::process::Stdio::null());
        let output = command.arg(command_word).args(arguments).output().await?;
        ensure!(std::fs::read_dir(elsewhere.path())?.next().is_none(), "berth {command_word} leaves something behind");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(!said.contains(token), "a token is printed");
        Ok((output.status.code(), said))
    }

    fn command(&self) -> Result<Command> {
        let has_fail_points = self.environment.iter().any(|(name, _)| name == torture::FAIL_POINTS);
        let mut command = Command::new(if has_fail_points { binary_with_fail_points()? } else { binary()? });
        command.current_dir(self.directory.path()).env_clear();
        for inherited in ["PATH", "HOME", "DOCKER_HOST", "SSL_CERT_FILE"] {
            command.envs(std::env::var_os(inherited).map(|value| (inherited, value)));
        }
        command.env("RUST_LOG", "info,berth=debug").envs(self.environment.iter().cloned());
        command.stdin(std::process::Stdio::null());
        Ok(command)
    }

    /// Waits until `/health/ready` answers 200.
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute.
    pub async fn ready(&mut self) -> Result<()> {
        let since = Instant::now();
        // Its address answers this whatever its public host is called.
        let ready = format!("http://{}/health/ready", self.address);
        loop {
            if let Some(process) = &mut self.process
                && let Some(status) = process.try_wait()?
            {
                bail!("berth ended with {status} before it was ready");
            }
            let answer = self.client.get(&ready).send().await;
            if answer.as_ref().is_ok_and(|answer| answer.status() == 200) {
                return Ok(());
            }
            if since.elapsed() > Duration::from_secs(60) {
                let said = match answer {
                    Ok(answer) => format!("{}: {}", answer.status(), answer.text().await?),
                    Err(error) => error.to_string(),
                };
                bail!("berth was not ready within a minute; it said {said}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`: it gets no chance to tidy up.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_9(&mut self) -> Result<()> {
        let mut process = self.process.take().context("berth does not run")?;
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// Whether it has died by itself meanwhile.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        if let Some(process) = &mut self.process
            && process.try_wait()?.is_some()
        {
            self.process = None;
        }
        Ok(self.process.is_none())
    }

    /// Starts it again on what it left behind and waits until it is ready.
    ///
    /// # Errors
    /// As [`Berth::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.launch()?;
        self.ready().await
    }

    /// Asks it to end, and waits for that; how it ended.
    ///
    /// # Errors
    /// When it does not end within 30 seconds.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("berth does not run")?;
        let id = Pid::from_raw(i32::try_from(process.id())?).context("a process id")?;
        kill_process(id, Signal::TERM)?;
        let status =
            eventually("berth ends after SIGTERM", Duration::from_secs(30), async || Ok(process.try_wait()?)).await?;
        self.stopped = status.success();
        Ok(status)
    }

    /// Ends a test that went well: a clean stop with exit code 0.
    ///
    /// # Errors
    /// When it ends otherwise.
    pub async fn stop(mut self) -> Result<()> {
        let status = self.terminate().await?;
        ensure!(status.success(), "berth ended with {status} after SIGTERM");
        Ok(())
    }

    /// A request to the control plane.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, format!("{}{path}", self.origin()))
    }

    /// The client of this Berth's visitors: follows no redirect, keeps no cookie.
    #[must_use]
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The control plane's origin: `http://localhost:<port>`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.domain())
    }

    /// The domain that sites live under, with its port.
    #[must_use]
    pub fn domain(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// A directory that goes with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the releases.
    #[must_use]
    pub fn deployments(&self) -> PathBuf {
        self.setting("BERTH_DEPLOYMENTS_DIR").into()
    }

    /// The directory of everything else it keeps.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.setting("BERTH_DATA_DIR").into()
    }

    fn setting(&self, name: &str) -> &str {
        self.environment.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What it owns in Docker.
    ///
    /// # Errors
    /// Before its first start.
    pub fn docker(&self) -> Result<Docker> {
        let file = self.deployments().join(".instance");
        let instance = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok(Docker::of(instance.trim()))
    }

    /// Everything it has said so far.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.log_file())?).into_owned())
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("berth.log")
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if !self.stopped {
            let log = self.log().unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(200)..];
            eprintln!("--- the end of berth's log ---\n{}\n---", tail.join("\n"));
        }
        if let Ok(docker) = self.docker()
            && let Err(error) = docker.remove_everything()
        {
            eprintln!("left behind in Docker: {error:#}");
        }
    }
}

/// The binary that `cargo build -p berth-server` left beside the tests; `BERTH_BIN` names another.
fn binary() -> Result<PathBuf> {
    match std::env::var_os("BERTH_BIN") {
        Some(named) => Ok(named.into()),
        None => built("berth", "cargo build -p berth-server"),
    }
}

/// The one that dies at the step that a test names.
fn binary_with_fail_points() -> Result<PathBuf> {
    built("berth-fail-points", "cargo build -p berth-server --features fail-points --bin berth-fail-points")
}

/// A program beside the tests that is not older than its sources.
fn built(name: &str, how: &str) -> Result<PathBuf> {
    // target/<profile>/deps/<a test>, or target/<profile>/torture
    let program = std::env::current_exe()?;
    let mut directories = program.ancestors().skip(1);
    let profile = directories.find(|directory| directory.file_name().is_some_and(|name| name != "deps"));
    let binary = profile.context("a test lies in target/<profile>/deps")?.join(name);
    ensure!(binary.is_file(), "{} is missing: run `{how}` (`make test` does)", binary.display());
    let built = binary.metadata()?.modified()?;
    for source in sources_of(&binary.with_extension("d")) {
        let changed = source.metadata().and_then(|file| file.modified());
        ensure!(
            changed.is_ok_and(|changed| changed <= built),
            "{} is older than {}: run `{how}` (`make test` does)",
            binary.display(),
            source.display()
        );
    }
    Ok(binary)
}

/// What cargo noted beside a binary: `target: source source …`.
fn sources_of(dependencies: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(dependencies).unwrap_or_default();
    let sources = text.split_once(": ").map(|(_, sources)| sources).unwrap_or_default();
    sources.split_whitespace().map(PathBuf::from).collect()
}

fn path(directory: &TempDir, name: &str) -> String {
    directory.path().join(name).display().to_string()
}

pub(crate) fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
