//! A registry on loopback that holds one image: what can be pulled where nothing else can.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What is asked for by its address, with its type.
type Contents = Vec<(String, &'static str, Vec<u8>)>;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// Answers until it is dropped.
pub(crate) struct Registry {
    address: String,
    serving: JoinHandle<()>,
}

impl Registry {
    /// Holds an image of one file under every name and tag. `seed` makes it another one.
    pub(crate) async fn start(seed: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let contents = image(seed);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let contents = contents.clone();
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut request = String::new();
                    while stream.read_line(&mut request).await.is_ok_and(|read| read > 2) {}
                    let path = request.split(' ').nth(1).unwrap_or_default();
                    let found = contents.iter().find(|(end, ..)| path.ends_with(end.as_str()));
                    let (status, kind, body) = match found {
                        Some((_, kind, body)) => ("200 OK", *kind, &body[..]),
                        None if path == "/v2/" => ("200 OK", "application/json", &b"{}"[..]),
                        None if path.contains("/manifests/") => ("200 OK", contents[0].1, &contents[0].2[..]),
                        None => ("404 Not Found", "text/plain", &b""[..]),
                    };
                    let length = body.len();
                    let mut head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
                    let _ = write!(head, "Docker-Content-Digest: {}\r\nConnection: close\r\n\r\n", digest(body));
                    let _ = stream.write_all(head.as_bytes()).await;
                    if !request.starts_with("HEAD ") {
                        let _ = stream.write_all(body).await;
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, serving }
    }

    /// An image of this registry by a name of its own.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}:1", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The manifest, then what it names.
fn image(seed: &str) -> Contents {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(seed.len() as u64);
    header.set_mode(0o644);
    layer.append_data(&mut header, "seed", seed.as_bytes()).unwrap();
    let layer = layer.into_inner().unwrap();
    let config = serde_json::json!({
        "architecture": std::env::consts::ARCH.replace("x86_64", "amd64").replace("aarch64", "arm64"),
        "os": "linux",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    });
    let config = config.to_string().into_bytes();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "size": config.len(), "digest": digest(&config) },
        "layers": [{ "mediaType": LAYER, "size": layer.len(), "digest": digest(&layer) }],
    });
    let manifest = manifest.to_string().into_bytes();
    vec![(digest(&manifest), MANIFEST, manifest), (digest(&config), CONFIG, config), (digest(&layer), LAYER, layer)]
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
