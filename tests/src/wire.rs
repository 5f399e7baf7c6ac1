//! The way from a browser to a Berth, which can be cut and mended.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Hands on whatever arrives at a port of its own, both ways, until it is cut.
pub struct Wire {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    end: watch::Sender<Option<SocketAddr>>,
}

impl Wire {
    /// A wire that leads nowhere yet; its port is known, for the settings of what it will lead to.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn lay() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (whole, seen) = watch::channel(true);
        let (end, leads) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, seen.clone(), *leads.borrow()));
            }
        });
        Ok(Self { address, whole, end })
    }

    /// `http://localhost:<port>`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Says where it leads.
    pub fn lead_to(&self, end: SocketAddr) {
        self.end.send_replace(Some(end));
    }

    /// Ends every connection, and each new one at once, until [`Wire::mend`].
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Undoes [`Wire::cut`] for new connections.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

/// Carries one connection; nothing is told of how it ends, as with a wire that breaks.
async fn carry(mut near: TcpStream, mut whole: watch::Receiver<bool>, end: Option<SocketAddr>) {
    let Some(end) = end else { return };
    if !*whole.borrow() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(end).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
