//! How much is in volumes.
//!
//! Where Docker's directory can be seen Berth looks itself, at one project's volumes at a time: nobody waits for what
//! another has in theirs. Where it cannot (Berth in a container, Docker in a machine of its own) the daemon is asked how its
//! disk is used: it looks at every volume of the machine for that, and before API 1.42 at its images too. So that is asked
//! seldom, and nobody waits for the answer for long: it is there the next time.
//!
//! The client library reads that answer in the shape of API 1.52 alone, and older daemons' sizes are lost in it. So this
//! one request is written here.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use berth_model::ProjectId;
use bollard::models::Volume;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;

use crate::written::below;
use crate::{Engine, RuntimeError};

/// For so long what was found out is good enough in any case: every file of every volume is looked at for it.
const SEEN_FOR: Duration = Duration::from_secs(60);
/// For so long the daemon's answer is, if it has all volumes that somebody asks about; and its refusal.
const TOLD_FOR: Duration = Duration::from_secs(10 * 60);
/// Whoever asks for sizes waits this long for new ones.
const WAIT: Duration = Duration::from_secs(3);
/// The daemon has this long.
const TOLD_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Its answer lists images and containers too, where it is old.
const LARGEST_ANSWER: u64 = 64 << 20;
/// The newest version whose answer is the one that is read here.
const NEWEST_VERSION: (usize, usize) = (1, 51);
/// Where the daemon is that is not told of.
const USUAL_SOCKET: &str = "/var/run/docker.sock";

type ByName = HashMap<String, u64>;
/// When something was found out, and for how long that is good enough.
type Turn = Arc<tokio::sync::Mutex<Option<(Instant, Duration)>>>;

/// Who finds sizes out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    /// Berth, for a project.
    Seen(ProjectId),
    /// The daemon, for all.
    Told,
}

/// What volumes held when that was found out last. Clones are one.
#[derive(Clone, Default)]
pub(crate) struct Sizes {
    /// Held while it is found out.
    turns: Arc<Mutex<HashMap<Source, Turn>>>,
    known: Arc<Mutex<ByName>>,
}

impl Sizes {
    fn turn(&self, source: Source) -> Turn {
        Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(source).or_default())
    }

    fn known(&self) -> MutexGuard<'_, ByName> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is gone.
    pub(super) fn forget(&self, volume: &str) {
        self.known().remove(volume);
    }
}

impl Engine {
    /// What a project's volumes hold, by their names in Docker, as far as that is known.
    pub(super) async fn sizes_of(&self, project: ProjectId, volumes: &[Volume]) -> ByName {
        let (engine, sizes) = (self.clone(), self.volume_sizes().clone());
        let places: Places = volumes.iter().map(|volume| (volume.name.clone(), volume.mountpoint.clone())).collect();
        let names: Vec<String> = places.iter().map(|(name, _)| name.clone()).collect();
        // Goes on when nobody waits for it any more. One at a time: who comes meanwhile gets what the first finds out.
        let measuring = tokio::spawn(async move {
            let can_see = !engine.is_remote() && places.iter().any(|(_, place)| Path::new(place).is_dir());
            let (source, good_for) = if can_see { (Source::Seen(project), SEEN_FOR) } else { (Source::Told, TOLD_FOR) };
            let turn = sizes.turn(source);
            let mut last = turn.lock().await;
            let has_all = places.iter().all(|(name, _)| sizes.known().contains_key(name));
            if last.is_some_and(|(at, good_for)| at.elapsed() < if has_all { good_for } else { SEEN_FOR }) {
                return;
            }
            let found = if can_see { look_at(places).await } else { engine.ask_for_sizes().await };
            *last = Some((Instant::now(), good_for));
            match found {
                Ok(found) => sizes.known().extend(found),
                Err(why) => tracing::debug!(why, "how much is in volumes is not known"),
            }
        });
        let _ = tokio::time::timeout(WAIT, measuring).await;
        let known = self.volume_sizes().known();
        names.into_iter().filter_map(|name| Some((name.clone(), *known.get(&name)?))).collect()
    }

    /// Of all volumes of Berth's that the daemon has.
    async fn ask_for_sizes(&self) -> Result<ByName, String> {
        let answer = tokio::time::timeout(TOLD_WITHIN, self.ask_how_the_disk_is_used()).await;
        let mut told = read(&answer.map_err(|_| "no answer in time".to_owned())??)?;
        told.retain(|name, _| name.starts_with("berth-"));
        Ok(told)
    }

    async fn ask_how_the_disk_is_used(&self) -> Result<Vec<u8>, String> {
        let version = self.docker().await.map_err(|error: RuntimeError| error.to_string())?.client_version();
        let (major, minor) = (version.major_version, version.minor_version).min(NEWEST_VERSION);
        let request = format!(
            "GET /v{major}.{minor}/system/df?type=volume HTTP/1.0\r\nHost: docker\r\nConnection: close\r\n\r\n"
        );
        let answer = match self.config().host.as_deref() {
            None => over(UnixStream::connect(USUAL_SOCKET).await, &request).await,
            Some(host) => match (host.strip_prefix("unix://"), host.strip_prefix("tcp://")) {
                (Some(path), _) => over(UnixStream::connect(path).await, &request).await,
                (None, Some(address)) => over(TcpStream::connect(address).await, &request).await,
                (None, None) => return Err(format!("{host} is no address that can be asked")),
            },
        };
        answer.map_err(|error| error.to_string())
    }
}

/// Volumes by their names, and where they are.
type Places = Vec<(String, String)>;

async fn look_at(places: Places) -> Result<ByName, String> {
    let looked = tokio::task::spawn_blocking(move || {
        let seen = places.into_iter().filter(|(_, place)| Path::new(place).is_dir());
        seen.map(|(name, place)| (name, below(place.into()).bytes)).collect()
    });
    looked.await.map_err(|error| error.to_string())
}

/// Sends a request to the end of its answer. In HTTP/1.0 that is the end of the connection.
async fn over(
    connection: std::io::Result<impl AsyncRead + AsyncWrite + Unpin>,
    request: &str,
) -> std::io::Result<Vec<u8>> {
    let mut connection = connection?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(LARGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// What the daemon says of its disk; what else it says is passed over.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "Volumes")]
    volumes: Option<Vec<SaidOfVolume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SaidOfVolume {
    name: String,
    usage_data: Option<SaidOfUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SaidOfUsage {
    /// -1: not known.
    size: i64,
}

fn read(answer: &[u8]) -> Result<ByName, String> {
    let end_of_head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("its answer broke off")?;
    let (head, body) = (String::from_utf8_lossy(&answer[..end_of_head]), &answer[end_of_head + 4..]);
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(format!("it said {status}: {}", String::from_utf8_lossy(body).trim()));
    }
    let said: Said = serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))?;
    let volumes = said.volumes.unwrap_or_default().into_iter();
    Ok(volumes.filter_map(|volume| Some((volume.name, u64::try_from(volume.usage_data?.size).ok()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_of_what_the_daemon_says() {
        let answer = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"LayersSize\":7,\"Volumes\":[\
            {\"Name\":\"a\",\"UsageData\":{\"RefCount\":1,\"Size\":4096}},{\"Name\":\"b\",\"UsageData\":{\"RefCount\":0,\"Size\":-1}},\
            {\"Name\":\"c\"}]}\n";
        assert_eq!(read(answer), Ok(ByName::from([("a".to_owned(), 4096)])));
        assert_eq!(read(b"HTTP/1.0 200 OK\r\n\r\n{\"Volumes\":null}"), Ok(ByName::new()));
        let busy = read(b"HTTP/1.0 409 Conflict\r\n\r\n{\"message\":\"a disk usage operation is already running\"}\n");
        assert!(busy.unwrap_err().contains("already running"));
        assert!(read(b"HTTP/1.0 200 OK\r\nConte").is_err());
        assert!(read(b"HTTP/1.0 200 OK\r\n\r\n{\"Volumes\":[").is_err());
    }
}
