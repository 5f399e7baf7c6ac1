//! The proof that the rules hold: a container tries to connect to a listener of ours at the bridge's address.
//!
//! It runs in images of others that Berth builds on, as they were pulled: never in one that holds what a repository
//! brought, whose programs could say what they like. And it first connects to a listener of its own, in the container:
//! who cannot even do that has tried nothing.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;

use crate::labels::INSTANCE;
use crate::{Engine, Exec, Kind, Labels, RuntimeError, Sandbox};

/// What the container found.
pub(super) enum Verdict {
    /// It tried, and nothing arrived.
    Unreachable,
    /// It got through, or could have.
    Reachable(String),
    /// Nothing could be tried in this image: why.
    CannotTell(String),
}

/// What the script prints when it has tried without success, having connected to itself before.
const TRIED: &str = "tried";
/// What it prints when it got through.
const CONNECTED: &str = "connected";

/// The repositories whose images have what the script needs.
const REPOSITORIES: [&str; 2] = ["node", "python"];

/// Runs in the container with the address and port as `$0` and `$1`. A connection has half a second: on a bridge it takes
/// less than one millisecond.
const SCRIPT: &str = r#"
cat /proc/net/if_inet6 2>/dev/null
if command -v node >/dev/null; then
  node -e '
    const net = require("net");
    const attempt = (address, port, then) => {
      const socket = net.connect(port, address);
      const end = (got) => { socket.destroy(); clearTimeout(timer); then(got) };
      const timer = setTimeout(end, 500, false);
      socket.on("connect", () => end(true));
      socket.on("error", () => end(false));
    };
    const say = (got) => { console.log(got ? "connected" : "tried"); process.exit() };
    const own = net.createServer().listen(0, "127.0.0.1", () =>
      attempt("127.0.0.1", own.address().port, (works) =>
        works ? attempt(process.argv[1], +process.argv[2], say) : process.exit()));' "$0" "$1"
elif command -v python3 >/dev/null; then
  python3 -c '
import socket, sys
def attempt(address, port):
    try:
        socket.create_connection((address, port), 0.5).close()
        return True
    except OSError:
        return False
own = socket.create_server(("127.0.0.1", 0))
if attempt(*own.getsockname()):
    print("connected" if attempt(sys.argv[1], int(sys.argv[2])) else "tried")' "$0" "$1"
fi
"#;

impl Engine {
    /// Tries to reach `gateway`, an address of the host, from a container of `image` in `network`.
    pub(super) async fn probe(&self, network: &str, image: &str, gateway: Ipv4Addr) -> Result<Verdict, RuntimeError> {
        let listening = async {
            let listener = TcpListener::bind((gateway, 0)).await?;
            let port = listener.local_addr()?.port();
            Ok::<_, std::io::Error>((listener, port))
        };
        let (listener, port) = match listening.await {
            Ok(listening) => listening,
            Err(error) => {
                let why = format!("the bridge's address {gateway} cannot be listened on, to try it ({error})");
                return Ok(Verdict::Reachable(why));
            }
        };
        let sandbox = Sandbox {
            image: image.to_owned(),
            labels: Labels::shared(Kind::Probe),
            volumes: Vec::new(),
            workdir: None,
        };
        let container = match self.start_sandbox(&sandbox, network).await {
            Ok(container) => container,
            Err(error @ (RuntimeError::MissingImage { .. } | RuntimeError::Refused { .. })) => {
                return Ok(Verdict::CannotTell(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        let mut said = Vec::new();
        let exec = Exec::new(["sh", "-c", SCRIPT, &gateway.to_string(), &port.to_string()]);
        let tried = container.exec(&exec, |_, bytes: Bytes| said.extend_from_slice(&bytes)).await;
        container.stop_and_remove().await?;
        tried?;
        let arrived = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await.is_ok();
        Ok(verdict(&String::from_utf8_lossy(&said), arrived, gateway))
    }

    /// Images on this machine that the probe can run in. Those that Berth made are left out: others' code ran in them.
    pub(super) async fn local_images_to_probe_with(&self) -> Result<Vec<String>, RuntimeError> {
        let reference = REPOSITORIES.map(str::to_owned).to_vec();
        let mut images = self.list_images([("reference".to_owned(), reference)].into()).await?;
        images.retain(|image| !image.labels.contains_key(INSTANCE));
        Ok(images.into_iter().map(|image| image.id).take(3).collect())
    }
}

fn verdict(said: &str, arrived: bool, gateway: Ipv4Addr) -> Verdict {
    let has_ipv6 = said.lines().any(|line| line.split_whitespace().count() == 6 && !line.trim_end().ends_with(" lo"));
    if arrived || said.lines().any(|line| line == CONNECTED) {
        Verdict::Reachable(format!(
            "a container reached this machine at {gateway} in spite of the packet filter's rules"
        ))
    } else if has_ipv6 {
        Verdict::Reachable("containers have an IPv6 address, which the packet filter's rules do not cover".to_owned())
    } else if said.lines().any(|line| line == TRIED) {
        Verdict::Unreachable
    } else {
        Verdict::CannotTell("the image has no program to try it with (node or python3)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_attempt_proves_anything() {
        let gateway = Ipv4Addr::new(172, 18, 0, 1);
        assert!(matches!(verdict("tried\n", false, gateway), Verdict::Unreachable));
        assert!(matches!(verdict("", false, gateway), Verdict::CannotTell(_)));
        assert!(matches!(verdict("tried\n", true, gateway), Verdict::Reachable(_)));
        assert!(matches!(verdict("connected\n", false, gateway), Verdict::Reachable(_)));
        let lo = "00000000000000000000000000000001 01 80 10 80       lo\ntried\n";
        assert!(matches!(verdict(lo, false, gateway), Verdict::Unreachable));
        let eth = "fe800000000000000042acfffe120002 0a 40 20 80     eth0\ntried\n";
        assert!(matches!(verdict(eth, false, gateway), Verdict::Reachable(_)));
    }
}
