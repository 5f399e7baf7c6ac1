//! A Docker that takes its time: requests pass on to the real one, but removals wait until they are let go.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// The line to it. What comes over it later is its own affair.
pub(crate) struct HeldDocker {
    socket: PathBuf,
    let_go: Arc<Semaphore>,
    asked: Arc<Semaphore>,
}

impl HeldDocker {
    /// For one test, at an address of its own.
    pub(crate) fn start() -> Self {
        let socket = std::env::temp_dir().join(format!("berth-held-{}.sock", berth_model::InstanceId::random()));
        let listener = UnixListener::bind(&socket).unwrap();
        let (let_go, asked) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let held = Self { socket, let_go: Arc::clone(&let_go), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, Arc::clone(&let_go), Arc::clone(&asked)));
            }
        });
        held
    }

    /// What `DOCKER_HOST` would say.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Until somebody asks for a removal.
    pub(crate) async fn is_asked(&self) {
        self.asked.acquire().await.unwrap().forget();
    }

    /// Who holds removals up: from the moment that this is dropped Docker answers at once.
    pub(crate) fn hold(&self) -> Hold {
        Hold(Arc::clone(&self.let_go))
    }
}

pub(crate) struct Hold(Arc<Semaphore>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.add_permits(1_000);
    }
}

impl Drop for HeldDocker {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A request begins with what is read at once: its sender waits for each answer.
async fn pass(near: UnixStream, let_go: Arc<Semaphore>, asked: Arc<Semaphore>) {
    let far = UnixStream::connect(Path::new("/var/run/docker.sock")).await.unwrap();
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    tokio::spawn(async move { copy(&mut from_far, &mut to_near).await });
    let mut bytes = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from_near.read(&mut bytes).await {
        if bytes.starts_with(b"DELETE ") {
            asked.add_permits(1);
            let_go.acquire().await.unwrap().forget();
        }
        if to_far.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
