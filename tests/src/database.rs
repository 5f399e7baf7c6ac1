//! The two databases that every story is told on: SQLite, and a real PostgreSQL of the test's own.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// Where a Berth of the tests keeps its data.
pub enum Database {
    /// A file in Berth's own data directory: the default, so nothing is configured.
    Sqlite,
    /// A server that lives as long as this.
    Postgres(Postgres),
}

/// A PostgreSQL server in a temporary directory on a free port.
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Database {
    /// Starts a PostgreSQL server with one empty database.
    ///
    /// # Errors
    /// When its programs are missing or it does not start.
    pub fn postgres() -> Result<Self> {
        Postgres::create().map(Self::Postgres)
    }

    /// What `DATABASE_URL` is set to, if it is set.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(server) => Some(format!("postgres://berth@127.0.0.1:{}/postgres", server.port)),
        }
    }

    /// Takes the database away: connections break. A file cannot be taken away.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&self) -> Result<()> {
        match self {
            Self::Sqlite => anyhow::bail!("SQLite is a part of Berth and does not stop alone"),
            Self::Postgres(server) => server.control(&["-m", "immediate", "stop"]),
        }
    }

    /// Brings it back, with what it held.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> Result<()> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres(server) => server.start(),
        }
    }
}

impl Postgres {
    fn create() -> Result<Self> {
        let directory = TempDir::with_prefix("berth-test-postgres-")?;
        if let Some((user, group)) = unprivileged()? {
            chown(directory.path(), Some(user), Some(group))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self { directory, programs: programs()?, port };
        let data = server.data();
        run(&server.programs.join("initdb"), &["-D", &data, "-U", "berth", "-A", "trust", "-E", "UTF8", "--no-sync"])?;
        server.start()?;
        Ok(server)
    }

    fn start(&self) -> Result<()> {
        let directory = self.directory.path().display();
        let settings = format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={directory}", self.port);
        self.control(&["-w", "-l", &format!("{directory}/log"), "-o", &settings, "start"])
    }

    fn control(&self, order: &[&str]) -> Result<()> {
        let data = self.data();
        run(&self.programs.join("pg_ctl"), &[&["-D", &data], order].concat())
    }

    fn data(&self) -> String {
        self.directory.path().join("data").display().to_string()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may be stopped already; the directory goes in any case.
        let _ = self.control(&["-m", "immediate", "stop"]);
    }
}

/// The directory of PostgreSQL's programs, the newest where there are several.
fn programs() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let installed = found.pop().or_else(|| std::env::split_paths(&on_path).find(|bin| bin.join("initdb").exists()));
    installed.context("PostgreSQL's initdb is missing: run scripts/ensure-postgres (`make test` does)")
}

/// PostgreSQL refuses to run as root; then the user `postgres` of its package runs it.
fn unprivileged() -> Result<Option<(u32, u32)>> {
    if !rustix::process::getuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<_> = line.context("tests run as root need a user `postgres`")?.split(':').collect();
    Ok(Some((fields[2].parse()?, fields[3].parse()?)))
}

fn run(program: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/");
    if let Some((user, group)) = unprivileged()? {
        command.uid(user).gid(group);
    }
    // A server that stays keeps its parent's pipes open, so its output goes to a file that can be read at once.
    let output = tempfile::tempfile()?;
    let status = command.stdin(std::process::Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let status = status.status().with_context(|| format!("running {}", program.display()))?;
    ensure!(status.success(), "{} {}: {status}: {}", program.display(), arguments.join(" "), read_from_start(output)?);
    Ok(())
}

fn read_from_start(mut file: std::fs::File) -> Result<String> {
    use std::io::{Read, Seek};
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_listens_until_it_is_stopped() -> Result<()> {
        let database = Database::postgres()?;
        let Database::Postgres(server) = &database else { unreachable!("just made") };
        let connect = || std::net::TcpStream::connect(("127.0.0.1", server.port));
        assert!(connect().is_ok());
        database.stop()?;
        assert!(connect().is_err());
        database.start()?;
        assert!(connect().is_ok());
        Ok(())
    }
}
