//! libgit2's smart protocol over our own HTTP client.
//!
//! libgit2 finds a transport by the scheme of an address, so every fetch gets an address of a scheme of ours,
//! `berth://<number>`, and its connection is looked up by that number. libgit2's own transports resolve names
//! themselves and cannot be interrupted while no byte arrives; no address with their schemes is ever given to it.
//! Every byte that it gets from a host was read by [`AnswerReader`] before.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use reqwest::Response;

use super::answers::{AnswerReader, Refusal};
use super::connection::{Connection, locked};
use super::failures;
use super::pack::PackReader;
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
                    Transport::smart(remote, true, Subtransport::of(connection))
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

/// All exchanges of one transport of libgit2.
struct Subtransport {
    connection: Arc<Connection>,
    answers: Arc<Mutex<AnswerReader>>,
}

impl Subtransport {
    fn of(connection: Arc<Connection>) -> Self {
        let answers = Arc::new(Mutex::new(AnswerReader::new(PackReader::new(&connection.limits))));
        Self { connection, answers }
    }
}

impl SmartSubtransport for Subtransport {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let state = match action {
            Service::UploadPackLs => Exchange::References,
            Service::UploadPack => Exchange::Asking(Vec::new()),
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(git2::Error::from_str("sources are only read"));
            }
        };
        let (connection, answers) = (self.connection.clone(), self.answers.clone());
        Ok(Box::new(Stream { connection, answers, exchange: state }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer.
struct Stream {
    connection: Arc<Connection>,
    answers: Arc<Mutex<AnswerReader>>,
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
        let given = piece.split_to(length);
        locked(&self.answers).read(&given).map_err(|refusal| {
            connection.fail(match refusal {
                Refusal::NotGit => failures::not_git(&connection.host()),
                Refusal::Of(problem) => problem,
            })
        })?;
        buffer[..length].copy_from_slice(&given);
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
    use super::super::packs::{BLOB, copies, delta, entry, pack};
    use super::*;

    #[test]
    fn a_small_delta_makes_no_gigabytes() {
        const BASE: usize = 64 << 10;
        register_scheme().unwrap();
        let index = |times: usize| {
            let base = entry(BLOB, &[0; BASE]);
            let more = delta(base.len(), &copies(BASE, BASE * times, times));
            let directory = tempfile::tempdir().unwrap();
            let mut indexer = git2::Indexer::new(None, directory.path(), 0o644, true).unwrap();
            indexer.write_all(&pack(&[base, more])).unwrap();
            indexer.commit()
        };
        index(2).unwrap();
        let refusal = index(MOST_FILE_BYTES as usize / BASE + 1).unwrap_err();
        assert!(refusal.message().contains(TOO_LARGE), "{refusal}");
    }
}
