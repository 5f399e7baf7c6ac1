//! Connections that were upgraded: bytes both ways, until one side ends them or somebody here has to.

use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use crate::upstream::{Borrowed, Flight};

/// How long an upgraded connection lives.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Joins the two sides once both have changed their protocol. The request is under way until it ends.
pub(super) fn open(visitor: OnUpgrade, service: OnUpgrade, mut flight: Flight, connection: Borrowed) {
    flight.lasts_on();
    let ends = connection.endpoint().lasting_ends();
    tokio::spawn(async move {
        let joined = async {
            let (visitor, service) = tokio::try_join!(visitor, service)?;
            join(visitor, service).await;
            Ok::<_, hyper::Error>(())
        };
        tokio::select! {
            joined = tokio::time::timeout(LONGEST, joined) => {
                if let Ok(Err(error)) = joined {
                    tracing::trace!(%error, "a connection was not upgraded in the end");
                }
            }
            () = ends => {}
        }
        drop((flight, connection));
    });
}

async fn join(visitor: Upgraded, service: Upgraded) {
    // How one of them failed is for neither of them to know: both are closed.
    let _ = copy_bidirectional(&mut TokioIo::new(visitor), &mut TokioIo::new(service)).await;
}
