//! The data directory: ours alone, locked, with the keys that nobody configured.
//!
//! ```text
//! lock             held by the running process; holds its id, for people
//! instance         which installation this is
//! secret, encryption-key, webhook-secret      generated when not configured, mode 0600
//! encryption-key.next, .previous              while the encryption key changes: see `keys`
//! setup-token      until there is an administrator, mode 0600
//! docker-uses      what was used when in Docker, and what was pulled: what makes room first
//! berth.db         the database, if it is SQLite at its default place
//! service-logs/    what services and commands print: see `berth_store::ServiceLogs`
//! detections/      commits that are only looked at; emptied at start
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use berth_model::InstanceId;
use berth_secrets::SecretString;

/// One that has just ended may hold the lock a moment longer, in a program that it was about to start.
const LETS_GO_WITHIN: Duration = Duration::from_secs(1);

/// The data directory of this process. Nobody else has it until this is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if need be and takes the lock.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let since = Instant::now();
        loop {
            if let Some(data) = Self::open_unless_used(path)? {
                return Ok(data);
            }
            if since.elapsed() < LETS_GO_WITHIN {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            bail!(
                "another Berth (process {}) uses the data directory {}; stop it, or give this one its own with \
                 BERTH_DATA_DIR",
                holder(path),
                path.display()
            );
        }
    }

    /// The same; `None` if a Berth runs there.
    pub(crate) fn open_unless_used(path: &Path) -> Result<Option<Self>> {
        create_private_dir(path)
            .with_context(|| format!("the data directory {} cannot be used (BERTH_DATA_DIR)", path.display()))?;
        Ok(lock(path)?.map(|lock| Self { path: path.to_owned(), _lock: lock }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The configured key, or the one kept in `file`, which is generated if there is none.
    pub(crate) fn key(&self, configured: Option<&SecretString>, file: &'static str) -> Result<SecretString> {
        if let Some(key) = configured {
            return Ok(key.clone());
        }
        if let Some(kept) = self.kept(file)? {
            if kept.len() < 64 {
                bail!(
                    "{} is damaged: a key of 64 characters is expected; restore it from a backup",
                    self.path.join(file).display()
                );
            }
            return Ok(SecretString::from(kept));
        }
        let key = new_key()?;
        self.keep(file, &key)?;
        Ok(SecretString::from(key))
    }

    /// The installation's id as kept here.
    pub(crate) fn instance(&self) -> Result<Option<InstanceId>> {
        read_instance(&self.path.join("instance"))
    }

    pub(crate) fn keep_instance(&self, id: &InstanceId) -> Result<()> {
        self.keep("instance", id.as_str())
    }

    /// The token that makes the first administrator; the same one until it was used.
    pub(crate) fn setup_token(&self) -> Result<SecretString> {
        if let Some(kept) = self.kept(SETUP_TOKEN)?.filter(|token| !token.is_empty()) {
            return Ok(SecretString::from(kept));
        }
        let token = berth_secrets::token();
        self.keep(SETUP_TOKEN, token.expose())?;
        Ok(token)
    }

    /// Forgets the setup token: there is an administrator.
    pub(crate) fn forget_setup_token(&self) -> Result<()> {
        self.remove(SETUP_TOKEN)
    }

    /// A directory for what nobody needs after this process: there, ours alone, and empty.
    pub(crate) fn empty_directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        let made = match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => create_private_dir(&path),
        };
        made.with_context(|| format!("{} could not be emptied", path.display()))?;
        Ok(path)
    }

    pub(crate) fn kept(&self, file: &str) -> Result<Option<String>> {
        read_if_there(&self.path.join(file))
    }

    pub(crate) fn keep(&self, file: &str, text: &str) -> Result<()> {
        write_private(&self.path, file, text)
            .with_context(|| format!("{} could not be written", self.path.join(file).display()))
    }

    /// A file takes the place of another, for good.
    pub(crate) fn rename(&self, file: &str, to: &str) -> Result<()> {
        fs::rename(self.path.join(file), self.path.join(to))
            .inspect(|()| {
                berth_model::step!("private file took another's place");
            })
            .and_then(|()| self.sync())
            .with_context(|| format!("{} could not be renamed", self.path.join(file).display()))
    }

    /// A file that may be there is gone for good.
    pub(crate) fn remove(&self, file: &str) -> Result<()> {
        let removed = fs::remove_file(self.path.join(file)).inspect(|()| {
            berth_model::step!("private file removed");
        });
        match removed.and_then(|()| self.sync()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} could not be removed", self.path.join(file).display()))
            }
            _ => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

const SETUP_TOKEN: &str = "setup-token";

/// A key of 32 random bytes, in hex.
pub(crate) fn new_key() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the operating system gives no randomness")?;
    Ok(hex::encode(bytes))
}

/// The installation that a file names; `None` if there is no such file.
pub(crate) fn read_instance(file: &Path) -> Result<Option<InstanceId>> {
    let Some(text) = read_if_there(file)? else { return Ok(None) };
    match InstanceId::parse(&text) {
        Some(id) => Ok(Some(id)),
        None => bail!("{} is damaged: it does not hold the id of an installation", file.display()),
    }
}

/// Replaces a file that only we may read: whole, or not at all.
pub(crate) fn write_private(directory: &Path, file: &str, text: &str) -> io::Result<()> {
    let temporary = directory.join(format!(".{file}.new"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let owner = fs::metadata(directory)?;
    if owner.uid() != new.metadata()?.uid() {
        // Root may run a command on what a Berth keeps that runs as somebody else. Who may not give files away can read them.
        let _ = fchown(&new, Some(owner.uid()), Some(owner.gid()));
    }
    berth_model::step!("private file made");
    new.write_all(text.as_bytes())?;
    new.write_all(b"\n")?;
    new.sync_all()?;
    berth_model::step!("private file synced");
    fs::rename(&temporary, directory.join(file))?;
    berth_model::step!("private file renamed");
    File::open(directory)?.sync_all()
}

pub(crate) fn read_if_there(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} could not be read", file.display())),
    }
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The process that uses a data directory, as it wrote it down.
pub(crate) fn holder(directory: &Path) -> String {
    fs::read_to_string(directory.join("lock")).unwrap_or_default().trim().to_owned()
}

/// `None` if another process has it.
fn lock(directory: &Path) -> Result<Option<File>> {
    let path = directory.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("{} could not be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("{} could not be locked", path.display()));
        }
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_private() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let key = {
            let data = DataDir::open(&path).unwrap();
            data.key(None, "encryption-key").unwrap()
        };
        let data = DataDir::open(&path).unwrap();
        assert_eq!(data.key(None, "encryption-key").unwrap().expose(), key.expose());
        let configured = SecretString::from("c".repeat(64));
        assert_eq!(data.key(Some(&configured), "encryption-key").unwrap().expose(), configured.expose());
        let mode = |file: &str| fs::metadata(path.join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("."), mode("encryption-key")), (0o700, 0o600));
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        fs::write(parent.path().join("secret"), "cut off").unwrap();
        assert!(data.key(None, "secret").unwrap_err().to_string().contains("damaged"));
        assert_eq!(fs::read_to_string(parent.path().join("secret")).unwrap(), "cut off");
    }

    #[test]
    fn one_process_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataDir::open(parent.path()).unwrap();
        let error = DataDir::open(parent.path()).unwrap_err().to_string();
        assert!(error.contains("another Berth") && error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        assert!(DataDir::open(parent.path()).is_ok());
    }

    #[test]
    fn what_an_earlier_process_left_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        let left = data.empty_directory("detections").unwrap().join("7/repository");
        fs::create_dir_all(&left).unwrap();
        let again = data.empty_directory("detections").unwrap();
        assert_eq!(fs::read_dir(&again).unwrap().count(), 0);
        assert_eq!(fs::metadata(&again).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn the_setup_token_stays_until_forgotten() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        let token = data.setup_token().unwrap();
        assert_eq!(data.setup_token().unwrap().expose(), token.expose());
        data.forget_setup_token().unwrap();
        data.forget_setup_token().unwrap();
        assert_ne!(data.setup_token().unwrap().expose(), token.expose());
    }
}
