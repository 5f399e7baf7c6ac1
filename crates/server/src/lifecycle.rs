//! One run of Berth from start to end.
//!
//! 1. The data directory is locked, keys are read or made, the directories' owner is checked.
//! 2. Sites are served at once, from the table on disk. The control plane answers 503.
//! 3. The database is waited for, then checked: its owner, its key.
//! 4. The control plane opens and the worker starts. Docker is looked after in the background.
//! 5. At the end: no new connection, builds are given back, requests drain.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use berth_edge::{Edge, EdgeConfig};
use berth_model::Clock;
use berth_secrets::{KeyRing, SecretString};
use berth_store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::front::{self, ControlHosts, Front};
use crate::{ownership, setup};

/// Runs Berth on `listener` until `shutdown`, or until something makes it refuse to go on.
///
/// # Errors
/// What is wrong and what to do, for the operator: a data directory in use, a wrong key, another's database.
pub async fn run(config: Config, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
    let data = Arc::new(DataDir::open(&config.data_dir)?);
    let keys = Keys::of(&config, &data)?;
    let instance = ownership::of_directories(&data, &config.deployments_dir)?;
    let edge = Edge::new(EdgeConfig { clock: Clock::System, ..EdgeConfig::default() });
    let front = Arc::new(Front::new(edge.clone(), ControlHosts::of(&config), config.trusted_proxies.clone()));

    let stop = shutdown.child_token();
    let serving = tokio::spawn(front::serve(listener, Arc::clone(&front), stop.clone()));
    let control = async {
        let store = open_store(&config).await?;
        ownership::of_database(&store, &instance, &config.deployments_dir).await?;
        ownership::check_key(&store, &keys.ring).await?;
        let setup_token_hash = setup::begin(&store, &data, &config.public_url).await?;
        tokio::spawn(setup::end(store.clone(), Arc::clone(&data), Arc::clone(&front), stop.clone()));
        std::future::pending::<Result<()>>().await
    };
    let outcome = tokio::select! {
        outcome = control => outcome,
        () = shutdown.cancelled() => Ok(()),
    };
    stop.cancel();
    serving.await.context("the listener failed")?;
    outcome
}

/// The keys, configured or generated.
struct Keys {
    ring: KeyRing,
    signing: SecretString,
    webhook: SecretString,
}

impl Keys {
    fn of(config: &Config, data: &DataDir) -> Result<Self> {
        let encryption = data.key(config.encryption_key.as_ref(), "encryption-key")?;
        let ring = KeyRing::from_hex(encryption.expose()).with_context(|| {
            format!("{} is damaged; restore it from a backup", data.path().join("encryption-key").display())
        })?;
        Ok(Self {
            ring,
            signing: data.key(config.secret.as_ref(), "secret")?,
            webhook: data.key(config.webhook_secret.as_ref(), "webhook-secret")?,
        })
    }
}

/// Connects to the database; one that does not answer is asked again, ever more slowly, one that refuses is an error.
async fn open_store(config: &Config) -> Result<Store> {
    let mut pause = Duration::from_millis(200);
    loop {
        match Store::open(config.database_url.expose(), Clock::System).await {
            Err(error @ StoreError::Unavailable(_)) => {
                let error = anyhow::Error::from(error);
                tracing::warn!("{error:#}; asking again in {} ms, sites are served meanwhile", pause.as_millis());
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            opened => return Ok(opened?),
        }
    }
}
