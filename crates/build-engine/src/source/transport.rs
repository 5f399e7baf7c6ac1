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
use crate::BuildError;

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
