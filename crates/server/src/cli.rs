//! The command line: `berth serve` (the default), `berth config`, `berth plan`, `berth deploy`, `berth run`, `berth health`,
//! `berth backup`, `berth secrets rotate`, `berth adopt`, `berth clean`, `berth --version`.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use berth_model::Clock;
use berth_runtime::{Engine, EngineConfig};
use berth_store::FoundDatabase;
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::data_dir::DataDir;
use crate::{Config, backup, config, deploy, keys, logging, memory, ownership, plan, rotate, runs};

/// For an answer about our health.
const HEALTH_WITHIN: Duration = Duration::from_secs(5);

/// Push to git, and the project is live. Settings come from the environment: `berth config` lists them.
#[derive(Debug, Parser)]
#[command(name = "berth", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the control plane and all sites (what happens without a command)
    Serve,
    /// List every setting with its value, default, source and meaning
    Config,
    /// Print what Berth would do with a folder, and why: framework, toolchain, commands, output directory
    Plan(plan::Arguments),
    /// Send a folder to a Berth and put it live: BERTH_URL says where, BERTH_TOKEN is an API token
    Deploy(deploy::Arguments),
    /// Run a command once in the image of a project's service, show what it prints, and end with its exit code: BERTH_URL
    /// and BERTH_TOKEN as for deploy
    Run(runs::Arguments),
    /// Ask the Berth that runs with these settings how it is: for health checks of containers
    Health {
        /// Fail, too, while the database, Docker or room on the disk is missing
        #[arg(long)]
        ready: bool,
    },
    /// Copy data and deployments into a new directory, while Berth runs
    Backup {
        /// Where to; what is in it can read every secret
        directory: PathBuf,
    },
    /// What stored secrets are sealed with
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Make the data directory, the database and the deployments one installation, after a move or a restore
    Adopt,
    /// Remove what a stopped Berth has in Docker (containers, images, caches, its network) and in the packet filter;
    /// data and deployments stay
    Clean,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Make a new encryption key and seal every stored secret with it. Interrupted at any moment, it goes on when it is run
    /// again or Berth starts. While Berth runs only the key is made: Berth takes it when it is started again
    Rotate,
}

/// Runs the command line of this process. 2 is a mistake in the configuration, 1 any other failure.
#[must_use]
pub fn main() -> ExitCode {
    memory::give_back_what_is_freed();
    let command = Cli::parse().command.unwrap_or(Command::Serve);
    match &command {
        Command::Config => return list_settings(),
        Command::Plan(arguments) => return plan::run(arguments),
        Command::Deploy(arguments) => return deploy::run(arguments),
        Command::Run(arguments) => return runs::run(arguments),
        _ => {}
    }
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => return fail(2, &format!("{problems}\n`berth config` lists every setting")),
    };
    if !matches!(command, Command::Health { .. }) {
        logging::start(&config);
    }
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let ended = runtime().and_then(|runtime| {
        let ended = runtime.block_on(async {
            match command {
                Command::Adopt => adopt(&config).await,
                Command::Clean => clean(&config).await,
                Command::Backup { directory } => backup::back_up(&config, &directory).await,
                Command::Secrets(SecretsCommand::Rotate) => rotate::rotate(&config).await,
                Command::Health { ready } => health(&config, ready).await,
                Command::Serve | Command::Config | Command::Plan(_) | Command::Deploy(_) | Command::Run(_) => {
                    serve(config).await
                }
            }
        });
        // Blocking work that hangs (a dead disk, a stalled name server) must not keep the process.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &format!("{error:#}")),
    }
}

async fn serve(config: Config) -> Result<()> {
    allow_open_files();
    let listener = tokio::net::TcpListener::bind(config.listen).await.with_context(|| {
        format!("Berth cannot listen on {}; stop what listens there, or choose another BERTH_LISTEN", config.listen)
    })?;
    let shutdown = CancellationToken::new();
    stop_on_signals(shutdown.clone())?;
    crate::run(config, listener, shutdown).await
}

/// Every connection is an open file, and so is every download: as many as the system lets us have. Shells and systemd
/// start programs with 1,024.
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!("the limit of open files stays as it is: {error}");
    }
}

/// The first signal asks for an orderly end, the second one does not ask.
fn stop_on_signals(shutdown: CancellationToken) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupts = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    let mut terminations = signal(SignalKind::terminate()).context("signals cannot be received")?;
    tokio::spawn(async move {
        for asked_before in [false, true] {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
            if asked_before {
                tracing::warn!("stopping at once: running builds are taken up again at the next start");
                std::process::exit(130);
            }
            tracing::info!("stopping; once more stops at once");
            shutdown.cancel();
        }
    });
    Ok(())
}

async fn adopt(config: &Config) -> Result<()> {
    let data = DataDir::open(&config.data_dir)?;
    let found = FoundDatabase::connect(config.database_url.expose(), Clock::System).await?;
    ownership::check_key(&found, &keys::ring(config, &data)?).await?;
    let id = ownership::adopt(&found.migrate().await?, &data, &config.deployments_dir).await?;
    tracing::info!("data directory, database and deployments are installation {id} now");
    Ok(())
}

async fn clean(config: &Config) -> Result<()> {
    let data = DataDir::open(&config.data_dir)?;
    let Some(instance) = data.instance()? else {
        bail!("there is no installation in {} (BERTH_DATA_DIR)", data.path().display());
    };
    let host = config.docker_host.clone();
    let engine = Engine::connect(EngineConfig { host, ..EngineConfig::new(instance.clone()) });
    engine.remove_instance().await?;
    tracing::info!("Docker and the packet filter hold nothing of installation {instance} any more");
    Ok(())
}

/// Where Berth listens on every address, the loopback one is asked.
async fn health(config: &Config, ready: bool) -> Result<()> {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    // Asking takes no TLS, but the client is made with it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(HEALTH_WITHIN).build()?;
    let path = if ready { "/health/ready" } else { "/health" };
    let asked = client.get(format!("http://{address}{path}")).send().await;
    let answer = asked.with_context(|| format!("nothing answers at {address} (BERTH_LISTEN)"))?;
    let (status, said) = (answer.status(), answer.text().await.unwrap_or_default());
    ensure!(status.is_success(), "{status}: {said}");
    Ok(())
}

fn list_settings() -> ExitCode {
    let (listing, problems) = config::listing_from_env();
    // A reader that went away (`| head`) is no failure.
    let _ = write!(io::stdout(), "{listing}");
    match problems {
        Some(problems) => fail(2, &problems.to_string()),
        None => ExitCode::SUCCESS,
    }
}

/// Says something to who started us, past the log.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

pub(crate) fn fail(code: u8, message: &str) -> ExitCode {
    tell(&format!("berth: {message}"));
    ExitCode::from(code)
}

/// What may wait at once. Whatever tenants hold for long (fetches, uploads, builds, detections) takes turns of its own,
/// some dozens together: there is always a thread for names, passwords and publishing. Sites' reads have their own.
const MOST_WAITING: usize = 512;

/// Threads are bounded: one per core, and ones that may wait (files, names, passwords) that go away when idle.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(MOST_WAITING)
        .thread_keep_alive(Duration::from_secs(5))
        .enable_all()
        .build()
        .context("the threads could not be started")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;

    /// All that tenants can hold at once leaves a thread for a name, a password, a publication.
    #[test]
    fn what_waits_long_leaves_room() {
        const HELD: usize = 128;
        let (runtime, let_go) = (runtime().unwrap(), Arc::new(Barrier::new(HELD + 1)));
        for _ in 0..HELD {
            let held = Arc::clone(&let_go);
            runtime.spawn_blocking(move || held.wait());
        }
        let one_more = runtime.spawn_blocking(|| ());
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), one_more).await }).unwrap().unwrap();
        let_go.wait();
    }
}
