//! Until there is an administrator: a token that only who can read the server's output or its data directory holds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use berth_secrets::token_hash;
use berth_store::Store;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::data_dir::DataDir;
use crate::front::Front;

/// How soon after it was used the token is forgotten. The store takes no second administrator meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The hash of the token that makes the first administrator; `None` once there is one.
pub(crate) async fn begin(store: &Store, data: &DataDir, public_url: &Url) -> Result<Option<[u8; 32]>> {
    if store.administrator_exists().await? {
        data.forget_setup_token()?;
        return Ok(None);
    }
    let token = data.setup_token()?;
    let file = data.path().join("setup-token");
    tracing::info!("nobody has an account yet: open {public_url} and enter the setup token from {}", file.display());
    // The token itself goes to the terminal and no log: who may read logs need not be who may set up.
    crate::cli::tell(&format!("Setup token: {}", token.expose()));
    Ok(Some(token_hash(token.expose())))
}

/// Waits for the first administrator, then forgets the token and closes the way in by address.
pub(crate) async fn end(store: Store, data: Arc<DataDir>, front: Arc<Front>, stop: CancellationToken) {
    loop {
        if store.administrator_exists().await.unwrap_or(false) {
            front.end_setup();
            if let Err(error) = data.forget_setup_token() {
                tracing::warn!("{error:#}");
            }
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = stop.cancelled() => return,
        }
    }
}
