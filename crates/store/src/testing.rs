//! A real PostgreSQL for tests: a server of the test process's own, with a database for whoever asks. And ports for servers
//! that are stopped and started again.
//!
//! Behind the feature `testing`, for the tests of this crate and of those above it. It panics where a test should fail.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

/// A port that nobody listens at, for a server that takes it later and again after a restart. It is below those that the kernel
/// gives to whoever connects, or asks for any (32768 and up): nobody gets it by chance meanwhile.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    // Each RandomState has keys of its own.
    let random = || u16::try_from(15_000 + RandomState::new().hash_one(()) % 17_000).ok();
    let mut ports = std::iter::from_fn(random).take(100);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("one of a hundred ports is free")
}

/// A PostgreSQL server in a temporary directory on a free port, stopped and removed when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

impl PostgresServer {
    /// Starts a server.
    ///
    /// # Panics
    /// If PostgreSQL's programs are missing (the message names the package) or do not do their work.
    #[must_use]
    pub fn start() -> Self {
        let directory = TempDir::with_prefix("berth-postgres-").expect("a temporary directory");
        if let Some((user, group)) = unprivileged() {
            chown(directory.path(), Some(user), Some(group)).expect("root may give a directory away");
        }
        let server = Self { directory, programs: programs(), port: free_port(), databases: AtomicU32::new(0) };
        let data = server.data();
        run(&server.programs.join("initdb"), &["-D", &data, "-U", "berth", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        server.resume();
        server
    }

    /// The one that the tests of this process share; it goes with the last of them.
    ///
    /// # Panics
    /// As [`PostgresServer::start`].
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Makes an empty database and returns its address.
    ///
    /// # Panics
    /// If the server does not.
    #[must_use]
    pub fn new_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        run(&self.programs.join("createdb"), &["-h", "127.0.0.1", "-p", &port, "-U", "berth", &name]);
        format!("postgres://berth@127.0.0.1:{port}/{name}")
    }

    /// Dumps a database of this server and restores it as another one, as `docs/OPERATIONS.md` has it; its address.
    ///
    /// # Panics
    /// If one of the programs does not do its work; with what it said.
    #[must_use]
    pub fn restored_copy(&self, url: &str) -> String {
        let restored = self.new_database();
        let dump = self.directory.path().join("berth.dump").display().to_string();
        run(&self.programs.join("pg_dump"), &["--format=custom", "--file", &dump, url]);
        run(&self.programs.join("pg_restore"), &["--no-owner", "--dbname", &restored, &dump]);
        restored
    }

    /// Takes the server away, as a power failure would.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Brings it back on the same port, with what it held.
    ///
    /// # Panics
    /// If it does not start.
    pub fn resume(&self) {
        let directory = self.directory.path().display();
        // Without fsync: no test outlives the machine, and what is left of a killed server is in the page cache.
        let settings = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={directory} -c fsync=off",
            self.port
        );
        self.control(&["-w", "-l", &format!("{directory}/log"), "-o", &settings, "start"]);
    }

    fn control(&self, order: &[&str]) {
        run(&self.programs.join("pg_ctl"), &[&["-D", &self.data()], order].concat());
    }

    fn data(&self) -> String {
        self.directory.path().join("data").display().to_string()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // A test may have stopped it; the directory goes in any case.
        let _ = attempt(&self.programs.join("pg_ctl"), &["-D", &self.data(), "-m", "immediate", "stop"]);
    }
}

/// The directory of PostgreSQL's programs: Debian's newest; elsewhere they are on the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin")).filter(|bin| bin.is_dir()).collect();
    found.sort();
    found.pop().unwrap_or_default()
}

/// PostgreSQL refuses to run as root; then its package's own user runs it.
fn unprivileged() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").expect("a process has a directory in /proc").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("users are listed");
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<_> = line.expect("tests that run as root need the user `postgres`").split(':').collect();
    Some((fields[2].parse().expect("a user's number"), fields[3].parse().expect("a group's number")))
}

fn run(program: &Path, arguments: &[&str]) {
    if let Err(problem) = attempt(program, arguments) {
        panic!("{} {}: {problem}", program.display(), arguments.join(" "));
    }
}

fn attempt(program: &Path, arguments: &[&str]) -> Result<(), String> {
    // A server that stays keeps its parent's pipes open, so what it says goes to a file.
    let output = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let pipe = || output.reopen().map(Stdio::from).map_err(|error| error.to_string());
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(pipe()?).stderr(pipe()?);
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    let status = command.status().map_err(|error| {
        format!("{error}; if PostgreSQL's programs are missing, install the package `postgresql` (`make test` does)")
    })?;
    let said = fs::read_to_string(output.path()).unwrap_or_default();
    status.success().then_some(()).ok_or_else(|| format!("{status}: {said}"))
}
