//! A way from containers to what listens on this machine's loopback address: a port at the address that Docker's default
//! bridge has here, whose connections are passed on. Berth lets services through to it only where its operator says so.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Open until it is dropped.
pub struct Doorway {
    address: SocketAddr,
    passing_on: AbortHandle,
}

impl Doorway {
    /// Opens one that leads to `target`.
    ///
    /// # Errors
    /// When Docker's default bridge has no address here.
    pub async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Self::host()?, 0)).await.context("listening on Docker's bridge")?;
        let address = listener.local_addr()?;
        let passing_on = tokio::spawn(async move {
            while let Ok((mut inside, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut outside) = TcpStream::connect(target).await {
                        // Whichever end broke, the other learns of it by the end of its connection.
                        let _ = copy_bidirectional(&mut inside, &mut outside).await;
                    }
                });
            }
        });
        Ok(Self { address, passing_on: passing_on.abort_handle() })
    }

    /// The address of every doorway, before there is one: Berth is told of it when it starts.
    ///
    /// # Errors
    /// When Docker does not say.
    pub fn host() -> Result<IpAddr> {
        let format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
        let output = Command::new("docker").args(["network", "inspect", "bridge", "--format", format]).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "docker network inspect: {}", String::from_utf8_lossy(&output.stderr));
        said.trim().parse().with_context(|| format!("{said:?} is no address"))
    }

    /// Where it is, for containers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Doorway {
    fn drop(&mut self) {
        self.passing_on.abort();
    }
}
