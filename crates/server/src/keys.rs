//! The keys of this Berth, from its settings or its data directory, and the files of an encryption key that changes.
//!
//! ```text
//! encryption-key            seals and opens
//! encryption-key.next       made by `berth secrets rotate`; takes the place of the one above at the next start
//! encryption-key.previous   only open: a line each, until nothing is sealed with them any more
//! ```

use std::path::Path;

use anyhow::{Context, Result, bail};
use berth_secrets::{KeyRing, SecretString};

use crate::config::Config;
use crate::data_dir::{DataDir, new_key, read_if_there, write_private};

pub(crate) const KEY: &str = "encryption-key";
const NEXT: &str = "encryption-key.next";
pub(crate) const PREVIOUS: &str = "encryption-key.previous";

/// The keys, configured or generated.
pub(crate) struct Keys {
    pub(crate) ring: KeyRing,
    pub(crate) signing: SecretString,
    pub(crate) webhook: SecretString,
}

impl Keys {
    /// Reads them, makes those that there are not, and lets an encryption key that is to be the next one take its place.
    pub(crate) fn of(config: &Config, data: &DataDir) -> Result<Self> {
        Ok(Self {
            ring: ring(config, data)?,
            signing: data.key(config.secret.as_ref(), "secret")?,
            webhook: data.key(config.webhook_secret.as_ref(), "webhook-secret")?,
        })
    }
}

/// The key that seals, and all that only open.
pub(crate) fn ring(config: &Config, data: &DataDir) -> Result<KeyRing> {
    if config.encryption_key.is_none() {
        take_next(data)?;
    }
    let key = data.key(config.encryption_key.as_ref(), KEY)?;
    let kept = previous(data)?;
    let previous = config.encryption_key_previous.iter().chain(&kept);
    KeyRing::with_previous(key.expose(), previous.map(SecretString::expose))
        .with_context(|| format!("{} is damaged; restore it from a backup", data.path().join(KEY).display()))
}

/// Makes the next encryption key, unless there is one that waits. Needs no lock: whoever runs does not look at it.
pub(crate) fn make_next(directory: &Path) -> Result<()> {
    let path = directory.join(NEXT);
    if read_if_there(&path)?.is_some() {
        return Ok(());
    }
    write_private(directory, NEXT, &new_key()?).with_context(|| format!("{} could not be written", path.display()))
}

/// Whether a change of the encryption key was begun and has not come to its end.
pub(crate) fn is_changing(data: &DataDir) -> Result<bool> {
    Ok(data.kept(NEXT)?.is_some() || data.kept(PREVIOUS)?.is_some())
}

/// Forgets the keys from before: nothing is sealed with them any more.
pub(crate) fn forget_previous(data: &DataDir) -> Result<()> {
    data.remove(PREVIOUS)
}

/// First the present key is kept with those from before, then the next one takes its place: a crash between the two
/// leaves it in both places, and the next one still waiting.
fn take_next(data: &DataDir) -> Result<()> {
    let Some(next) = data.kept(NEXT)? else { return Ok(()) };
    if !is_key(&next) {
        let path = data.path().join(NEXT);
        bail!(
            "{} is damaged; nothing is sealed with it: delete it, and run `berth secrets rotate` again",
            path.display()
        );
    }
    if let Some(present) = data.kept(KEY)? {
        if !is_key(&present) {
            bail!("{} is damaged; restore it from a backup", data.path().join(KEY).display());
        }
        let kept = previous(data)?;
        let before = kept.iter().map(SecretString::expose).filter(|key| *key != present);
        let lines: Vec<&str> = std::iter::once(present.as_str()).chain(before).collect();
        data.keep(PREVIOUS, &lines.join("\n"))?;
    }
    data.rename(NEXT, KEY)
}

fn previous(data: &DataDir) -> Result<Vec<SecretString>> {
    let text = data.kept(PREVIOUS)?.unwrap_or_default();
    if !text.lines().all(is_key) {
        bail!(
            "{} is damaged: a key of 64 hexadecimal digits is expected in each line; restore it from a backup",
            data.path().join(PREVIOUS).display()
        );
    }
    Ok(text.lines().map(SecretString::from).collect())
}

fn is_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn place() -> (tempfile::TempDir, Config) {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::from_pairs([("BERTH_DATA_DIR", directory.path().display().to_string())]).unwrap();
        (directory, config)
    }

    #[test]
    fn the_next_key_seals_and_the_one_before_opens() {
        let (directory, config) = place();
        let data = DataDir::open(directory.path()).unwrap();
        let first = ring(&config, &data).unwrap();
        assert!(!is_changing(&data).unwrap());

        make_next(directory.path()).unwrap();
        let waiting = fs::read(directory.path().join(NEXT)).unwrap();
        make_next(directory.path()).unwrap();
        assert_eq!(fs::read(directory.path().join(NEXT)).unwrap(), waiting, "the one that waits is kept");
        assert!(is_changing(&data).unwrap());

        let second = ring(&config, &data).unwrap();
        assert_ne!(second.key_id(), first.key_id());
        assert_eq!(second.previous_ids().collect::<Vec<_>>(), [first.key_id()]);
        assert!(!directory.path().join(NEXT).exists() && is_changing(&data).unwrap());
        for file in [KEY, PREVIOUS] {
            assert_eq!(fs::metadata(directory.path().join(file)).unwrap().permissions().mode() & 0o777, 0o600);
        }

        make_next(directory.path()).unwrap();
        let third = ring(&config, &data).unwrap();
        assert_eq!(third.previous_ids().collect::<Vec<_>>(), [second.key_id(), first.key_id()]);
        forget_previous(&data).unwrap();
        forget_previous(&data).unwrap();
        let after = ring(&config, &data).unwrap();
        assert_eq!((after.key_id(), after.previous_ids().count()), (third.key_id(), 0));
    }

    /// Between the two steps of taking the next key.
    #[test]
    fn a_crash_half_way_loses_no_key() {
        let (directory, config) = place();
        let data = DataDir::open(directory.path()).unwrap();
        let first = ring(&config, &data).unwrap();
        make_next(directory.path()).unwrap();
        fs::copy(directory.path().join(KEY), directory.path().join(PREVIOUS)).unwrap();
        let second = ring(&config, &data).unwrap();
        assert_eq!(second.previous_ids().collect::<Vec<_>>(), [first.key_id()]);
    }

    #[test]
    fn damaged_files_are_told_and_stay() {
        let (directory, config) = place();
        let data = DataDir::open(directory.path()).unwrap();
        let first = ring(&config, &data).unwrap();
        for (file, told) in [(NEXT, "berth secrets rotate"), (PREVIOUS, "restore it from a backup")] {
            fs::write(directory.path().join(file), "cut off").unwrap();
            let error = ring(&config, &data).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains(told) && !error.contains("cut off"), "{error}");
            fs::remove_file(directory.path().join(file)).unwrap();
        }
        assert_eq!(ring(&config, &data).unwrap().key_id(), first.key_id());
    }

    #[test]
    fn a_configured_key_leaves_the_files_alone() {
        let (directory, config) = place();
        let data = DataDir::open(directory.path()).unwrap();
        ring(&config, &data).unwrap();
        make_next(directory.path()).unwrap();
        let (new, old) = ("ab".repeat(32), "cd".repeat(32));
        let settings = [("ENCRYPTION_KEY", new.clone()), ("ENCRYPTION_KEY_PREVIOUS", format!("{old},{new}"))];
        let configured = ring(&Config::from_pairs(settings).unwrap(), &data).unwrap();
        assert_eq!(configured.previous_ids().count(), 1);
        assert!(directory.path().join(NEXT).exists());
    }
}
