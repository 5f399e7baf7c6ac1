//! Waiting for something to become true, with the reason when it does not.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks `look` every 50 ms until it answers, for at most `patience`; a last time when that is over, however slow it is.
///
/// # Errors
/// When it never answered: says `what` was waited for and how long.
pub async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let since = Instant::now();
    loop {
        let is_last = since.elapsed() > patience;
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if is_last {
            bail!("waited {patience:?} in vain: {what}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
