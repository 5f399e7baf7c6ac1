//! libgit2's smart protocol over our own HTTP client.
//!
//! libgit2 finds a transport by the scheme of an address, so every fetch gets an address of a scheme of ours,
//! `berth://<number>`, and its connection is looked up by that number. libgit2's own transports resolve names
//! themselves and cannot be interrupted while no byte arrives; no address with their schemes is ever given to it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use reqwest::Response;

use super::connection::{Connection, locked};
use super::failures;
use super::tree::MOST_FILE_BYTES;
use crate::BuildError;

/// What libgit2 says of an object that is larger than [`limit_objects`] lets it become.
pub(super) const TOO_LARGE: &str = "overly large object";

const SCHEME: &str = "berth";
/// libgit2 keeps the list of references in memory.
const MOST_REFERENCE_BYTES: u64 = 16 << 20;
/// What we ask for; libgit2 collects it before it reads.
const MOST_REQUEST_BYTES: usize = 16 << 20;

static CONNECTIONS: LazyLock<Mutex<HashMap<u64, Arc<Connection>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A connection that libgit2 finds at [`Address::url`] until this is dropped.
pub(super) struct Address(u64);

impl Address {
    /// Makes `connection` known to libgit2.
    pub(super) fn of(connection: Arc<Connection>) -> Result<Self, BuildError> {
        register_scheme()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        locked(&CONNECTIONS).insert(number, connection);
        Ok(Self(number))
    }

    pub(super) fn url(&self) -> String {
        format!("{SCHEME}://{}", self.0)
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        locked(&CONNECTIONS).remove(&self.0);
    }
}

fn register_scheme() -> Result<(), BuildError> {
    static REGISTERED: LazyLock<Result<(), String>> = LazyLock::new(|| {
        #[allow(
            unsafe_code,
            reason = "both change libgit2's global state; the LazyLock makes them happen once, before its first use here"
        )]
        // SAFETY: nothing else in this process uses libgit2, and every use of it starts behind this LazyLock.
        let registered = unsafe {
            // The machine's own git configuration (rewritten addresses, proxies, filters) is none of a build's business.
            [
                git2::ConfigLevel::System,
                git2::ConfigLevel::Global,
                git2::ConfigLevel::XDG,
                git2::ConfigLevel::ProgramData,
            ]
            .into_iter()
            .try_for_each(|level| git2::opts::set_search_path(level, ""))
            .and_then(|()| limit_objects())
            .and_then(|()| {
                git2::transport::register(SCHEME, |remote| {
                    let number = remote.url()?.rsplit('/').next().and_then(|number| number.parse().ok());
                    let connection = number.and_then(|number: u64| locked(&CONNECTIONS).get(&number).cloned());
                    let connection = connection.ok_or_else(|| git2::Error::from_str("no such connection"))?;
                    Transport::smart(remote, true, Subtransport(connection))
                })
            })
        };
        registered.map_err(|error| error.to_string())
    });
    REGISTERED.clone().map_err(BuildError::ours_for_good)
}

/// No object that is put together from others becomes larger than a file may be: a delta of some hundred bytes can ask
/// for gigabytes, and libgit2 has them in memory at once.
fn limit_objects() -> Result<(), git2::Error> {
    let option = libgit2_sys::GIT_OPT_SET_PACK_MAX_OBJECT_SIZE as std::ffi::c_int;
    #[allow(unsafe_code, reason = "git2 has no function for this option")]
    // SAFETY: this option takes one size_t; who calls this sees to it that nothing else uses libgit2.
    let code = unsafe { libgit2_sys::git_libgit2_opts(option, usize::try_from(MOST_FILE_BYTES).unwrap_or(usize::MAX)) };
    if code < 0 { Err(git2::Error::last_error(code)) } else { Ok(()) }
}

struct Subtransport(Arc<Connection>);

impl SmartSubtransport for Subtransport {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let state = match action {
            Service::UploadPackLs => Exchange::References,
            Service::UploadPack => Exchange::Asking(Vec::new()),
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(git2::Error::from_str("sources are only read"));
            }
        };
        Ok(Box::new(Stream { connection: self.0.clone(), exchange: state }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer.
struct Stream {
    connection: Arc<Connection>,
    exchange: Exchange,
}

enum Exchange {
    /// The list of references is asked for at the first read.
    References,
    /// libgit2 writes what it wants, then reads.
    Asking(Vec<u8>),
    /// The answer arrives; `left` is what this answer may still have.
    Answering { answer: Response, piece: Bytes, left: u64 },
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let connection = self.connection.clone();
        if !matches!(self.exchange, Exchange::Answering { .. }) {
            let (answer, left) = match &mut self.exchange {
                Exchange::Asking(request) => {
                    let request = std::mem::take(request);
                    (connection.wait(connection.upload_pack(request))?, u64::MAX)
                }
                _ => (connection.wait(connection.references())?, MOST_REFERENCE_BYTES),
            };
            self.exchange = Exchange::Answering { answer, piece: Bytes::new(), left };
        }
        let Exchange::Answering { answer, piece, left } = &mut self.exchange else { return Ok(0) };
        if piece.is_empty() {
            let Some(next) = connection.wait(connection.piece(answer))? else { return Ok(0) };
            *left = left
                .checked_sub(next.len() as u64)
                .ok_or_else(|| connection.fail(failures::too_many_references(&connection.host())))?;
            *piece = next;
        }
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece.split_to(length));
        Ok(length)
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match &mut self.exchange {
            Exchange::Asking(request) if request.len() + data.len() <= MOST_REQUEST_BYTES => {
                request.extend_from_slice(data);
                Ok(data.len())
            }
            _ => Err(io::Error::other("nothing more can be asked on this stream")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// The head of an entry in a pack: 1 is a commit … 3 a blob, 6 a delta on what lies before it.
    fn head(kind: u8, size: usize) -> Vec<u8> {
        let mut bytes = vec![kind << 4 | (size & 15) as u8];
        let mut rest = size >> 4;
        while rest > 0 {
            *bytes.last_mut().unwrap() |= 0x80;
            bytes.push((rest & 0x7f) as u8);
            rest >>= 7;
        }
        bytes
    }

    fn number(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 0x7f {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    /// A blob of 64 KiB, and one that is that `times` over.
    fn pack(times: u64) -> Vec<u8> {
        const BLOB: usize = 64 << 10;
        let base = [head(3, BLOB), deflated(&[0; BLOB])].concat();
        let copies = vec![0x80; usize::try_from(times).unwrap()];
        let delta = [number(BLOB as u64), number(BLOB as u64 * times), copies].concat();
        let distance = base.len();
        assert!(distance < 1 << 14);
        let back = [((distance >> 7) - 1) as u8 | 0x80, (distance & 0x7f) as u8];
        let start = *b"PACK\0\0\0\x02\0\0\0\x02";
        let mut pack = [&start[..], &base, &head(6, delta.len()), &back, &deflated(&delta)].concat();
        let mut sum = Command::new("sha1sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        sum.stdin.take().unwrap().write_all(&pack).unwrap();
        let sum = sum.wait_with_output().unwrap().stdout;
        pack.extend(hex::decode(&sum[..40]).unwrap());
        pack
    }

    #[test]
    fn a_small_delta_makes_no_gigabytes() {
        register_scheme().unwrap();
        let index = |times: u64| {
            let directory = tempfile::tempdir().unwrap();
            let mut indexer = git2::Indexer::new(None, directory.path(), 0o644, true).unwrap();
            indexer.write_all(&pack(times)).unwrap();
            indexer.commit()
        };
        index(2).unwrap();
        let most = MOST_FILE_BYTES / (64 << 10);
        let refusal = index(most + 1).unwrap_err();
        assert!(refusal.message().contains(TOO_LARGE), "{refusal}");
    }
}
