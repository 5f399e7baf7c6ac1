//! Where the processes of a container listen, as the kernel has it: what a service does instead that is not reached
//! where it should be.
//!
//! The kernel's tables are read from this machine where the container's first process is seen from here, and by a command
//! in the container where it is not (Berth in a container of its own, Docker in a machine of its own). An image without
//! `cat` tells nothing then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::InspectContainerOptions;
use futures_util::StreamExt;
use tokio::io::AsyncReadExt as _;

use crate::error::in_container;
use crate::{Engine, RuntimeError};

/// The tables of one network namespace, both kinds of addresses.
const TABLES: [&str; 2] = ["tcp", "tcp6"];
/// As much of each is read: some thousand connections, of which a container may have millions.
const MOST_BYTES: u64 = 1 << 20;
/// The container's own program has so long to print them: it may be anything.
const PRINTED_WITHIN: Duration = Duration::from_secs(5);
/// How the tables call a socket that listens.
const LISTENS: &str = "0A";
/// Where Docker answers a container's questions for names: in its network, and none of its processes.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

impl Engine {
    /// Where something listens in a container, its loopback addresses included, in order; nothing where that cannot be
    /// seen.
    ///
    /// # Errors
    /// [`RuntimeError::Gone`] also for one that does not run, or what Docker said.
    pub async fn listening(&self, container: &str) -> Result<Vec<SocketAddr>, RuntimeError> {
        let found = self.docker().await?.inspect_container(container, None::<InspectContainerOptions>).await;
        let state = found.map_err(in_container("describe a replica"))?.state.unwrap_or_default();
        let process = state.pid.filter(|pid| *pid > 0).ok_or(RuntimeError::Gone)?;
        let text = match self.tables_from_here(container, process).await {
            Some(text) => text,
            None => {
                let printed = tokio::time::timeout(PRINTED_WITHIN, self.tables_from_inside(container)).await;
                printed.unwrap_or_else(|_| Ok(String::new()))?
            }
        };
        let mut found: Vec<SocketAddr> = text.lines().filter_map(listener).collect();
        found.retain(|address| address.ip() != RESOLVER);
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// `None` where the process is not seen from here: the number may be another process's.
    async fn tables_from_here(&self, container: &str, process: i64) -> Option<String> {
        if self.is_remote() {
            return None;
        }
        let groups = tokio::fs::read_to_string(format!("/proc/{process}/cgroup")).await.ok()?;
        if !groups.contains(container) {
            return None;
        }
        let mut text = String::new();
        for table in TABLES {
            // Without IPv6 the second is not there.
            let Ok(table) = tokio::fs::File::open(format!("/proc/{process}/net/{table}")).await else { continue };
            let mut read = Vec::new();
            if table.take(MOST_BYTES).read_to_end(&mut read).await.is_ok() {
                text.push_str(&String::from_utf8_lossy(&read));
                text.push('\n');
            }
        }
        Some(text)
    }

    async fn tables_from_inside(&self, container: &str) -> Result<String, RuntimeError> {
        let docker = self.docker().await?;
        let files = TABLES.map(|table| format!("/proc/net/{table}"));
        let command = ["cat".to_owned()].into_iter().chain(files).collect();
        let config = ExecConfig { attach_stdout: Some(true), cmd: Some(command), ..ExecConfig::default() };
        let failed = in_container("look where a replica listens");
        let exec = docker.create_exec(container, config).await.map_err(&failed)?.id;
        let started = docker.start_exec(&exec, None::<StartExecOptions>).await.map_err(&failed)?;
        let mut bytes = Vec::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(piece) = output.next().await {
                bytes.extend(piece.map_err(&failed)?.into_bytes());
                if bytes.len() as u64 > MOST_BYTES {
                    break;
                }
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The address of a line of a table, if a socket listens there: `0: 0100007F:0BB8 00000000:0000 0A …`.
fn listener(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace().skip(1);
    let (address, port) = words.next()?.split_once(':')?;
    if words.nth(1)? != LISTENS {
        return None;
    }
    // Words of 32 bits, each in the order of this machine's memory.
    let mut bytes = Vec::with_capacity(16);
    for word in address.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip = match (<[u8; 4]>::try_from(bytes.as_slice()), <[u8; 16]>::try_from(bytes.as_slice())) {
        (Ok(four), _) => IpAddr::V4(Ipv4Addr::from(four)),
        (_, Ok(sixteen)) => Ipv6Addr::from(sixteen).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's own tables of what this test does.
    #[tokio::test]
    async fn the_kernels_tables_are_read() {
        for address in ["127.0.0.1:0", "0.0.0.0:0"] {
            let socket = std::net::TcpListener::bind(address).unwrap();
            let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
            let wanted = socket.local_addr().unwrap();
            assert!(table.lines().filter_map(listener).any(|found| found == wanted), "{wanted}: {table}");
        }
        // A line that was cut off is none, and neither is a connection.
        assert_eq!(listener("0: 00000000:0FA0 00000000:0000"), None);
        let line = "1: 0100007F:0BB8 0100007F:C350 01 00000000:00000000 00:00000000 00000000 0 0 1";
        assert_eq!(listener(line), None);
        assert_eq!(listener("sl local_address rem_address st"), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn both_kinds_of_addresses() {
        let any = "0: 00000000000000000000000000000000:0FA0 00000000000000000000000000000000:0000 0A 0";
        assert_eq!(listener(any).unwrap().to_string(), "[::]:4000");
        let mapped = "0: 0000000000000000FFFF00000100007F:0FA0 00000000000000000000000000000000:0000 0A 0";
        assert_eq!(listener(mapped).unwrap().to_string(), "127.0.0.1:4000");
    }
}
