//! Whose files and rows these are. One installation has one id in its data directory, its database and its deployments
//! directory; where they disagree something was moved or restored by half, and Berth does not guess.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use berth_model::InstanceId;
use berth_secrets::{KeyRing, Sealed};
use berth_store::Store;

use crate::data_dir::{DataDir, read_instance, write_private};

/// In the deployments directory.
const INSTANCE_FILE: &str = ".instance";
/// The setting that holds a sealed word, to tell a wrong key before anything is written with it.
const KEY_CHECK: &str = "encryption_key_check";
const KEY_CHECK_WORD: &str = "berth";

const ADOPT: &str = "If they do belong together (after a move or a restore), `berth adopt` makes them one \
                     installation; otherwise point BERTH_DATA_DIR, BERTH_DEPLOYMENTS_DIR and DATABASE_URL at what does";

/// Finds out which installation this is from the two directories, before there is a database. A new one gets an id.
pub(crate) fn of_directories(data: &DataDir, deployments: &Path) -> Result<InstanceId> {
    fs::create_dir_all(deployments).with_context(|| {
        format!("the deployments directory {} cannot be used (BERTH_DEPLOYMENTS_DIR)", deployments.display())
    })?;
    let (ours, theirs) = (data.instance()?, read_instance(&deployments.join(INSTANCE_FILE))?);
    let id = match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours != theirs => bail!(
            "the deployments in {} belong to installation {theirs}, the data directory {} to {ours}. {ADOPT}",
            deployments.display(),
            data.path().display()
        ),
        (Some(ours), _) => ours,
        (None, Some(theirs)) => bail!(
            "the deployments in {} belong to installation {theirs}, and the data directory {} is new. {ADOPT}",
            deployments.display(),
            data.path().display()
        ),
        (None, None) => InstanceId::random(),
    };
    keep(&id, data, deployments)?;
    Ok(id)
}

/// Claims a new database for the installation, or checks that it is the installation's.
pub(crate) async fn of_database(store: &Store, id: &InstanceId, deployments: &Path) -> Result<()> {
    match store.instance().await? {
        Some(owner) if owner == *id => Ok(()),
        Some(owner) => bail!("the database belongs to installation {owner}, the data directory to {id}. {ADOPT}"),
        None if holds_releases(deployments) => {
            bail!("the database is empty, but there are deployments in {}. {ADOPT}", deployments.display())
        }
        None => Ok(store.claim_instance(id).await?),
    }
}

/// Makes the two directories and the database one installation. The database decides, then the deployments.
pub(crate) async fn adopt(store: &Store, data: &DataDir, deployments: &Path) -> Result<InstanceId> {
    fs::create_dir_all(deployments)?;
    let id = match store.instance().await? {
        Some(owner) => owner,
        None => match read_instance(&deployments.join(INSTANCE_FILE))? {
            Some(id) => id,
            None => data.instance()?.unwrap_or_else(InstanceId::random),
        },
    };
    store.claim_instance(&id).await?;
    keep(&id, data, deployments)?;
    Ok(id)
}

/// Refuses a key that is not the one the database was sealed with. Nothing was written with it then.
pub(crate) async fn check_key(store: &Store, keys: &KeyRing) -> Result<()> {
    match store.setting(KEY_CHECK).await? {
        Some(sealed) => match keys.open_instance(KEY_CHECK, &Sealed::stored(sealed)) {
            Ok(word) if word.expose() == KEY_CHECK_WORD => Ok(()),
            _ => bail!(
                "the encryption key is not the one this database was sealed with: set ENCRYPTION_KEY to that one, or \
                 restore the file encryption-key in the data directory. Nothing was changed"
            ),
        },
        None => Ok(store.set_setting(KEY_CHECK, keys.seal_instance(KEY_CHECK, KEY_CHECK_WORD).as_str()).await?),
    }
}

fn keep(id: &InstanceId, data: &DataDir, deployments: &Path) -> Result<()> {
    if data.instance()?.as_ref() != Some(id) {
        data.keep_instance(id)?;
    }
    if read_instance(&deployments.join(INSTANCE_FILE)).ok().flatten().as_ref() != Some(id) {
        write_private(deployments, INSTANCE_FILE, id.as_str())
            .with_context(|| format!("{} cannot be written to (BERTH_DEPLOYMENTS_DIR)", deployments.display()))?;
    }
    Ok(())
}

fn holds_releases(deployments: &Path) -> bool {
    fs::read_dir(deployments.join(".releases")).is_ok_and(|mut releases| releases.next().is_some())
}

#[cfg(test)]
mod tests {
    use berth_model::Clock;

    use super::*;

    struct Place {
        _parent: tempfile::TempDir,
        data: DataDir,
        deployments: std::path::PathBuf,
        store: Store,
    }

    async fn place() -> Place {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(&parent.path().join("data")).unwrap();
        let url = format!("sqlite://{}", data.path().join("berth.db").display());
        let store = Store::open(&url, Clock::System).await.unwrap();
        Place { deployments: parent.path().join("deployments"), _parent: parent, data, store }
    }

    #[tokio::test]
    async fn a_new_installation_is_one_ever_after() {
        let place = place().await;
        let id = of_directories(&place.data, &place.deployments).unwrap();
        of_database(&place.store, &id, &place.deployments).await.unwrap();
        assert_eq!(of_directories(&place.data, &place.deployments).unwrap(), id);
        of_database(&place.store, &id, &place.deployments).await.unwrap();
    }

    #[tokio::test]
    async fn what_belongs_to_another_is_refused_until_adopted() {
        let place = place().await;
        let id = of_directories(&place.data, &place.deployments).unwrap();
        let other = InstanceId::random();
        place.store.claim_instance(&other).await.unwrap();
        let error = of_database(&place.store, &id, &place.deployments).await.unwrap_err().to_string();
        assert!(error.contains(other.as_str()) && error.contains("berth adopt"), "{error}");
        assert_eq!(adopt(&place.store, &place.data, &place.deployments).await.unwrap(), other);
        assert_eq!(of_directories(&place.data, &place.deployments).unwrap(), other);
        of_database(&place.store, &other, &place.deployments).await.unwrap();
    }

    #[tokio::test]
    async fn foreign_and_unclaimed_deployments_are_refused() {
        let place = place().await;
        let id = of_directories(&place.data, &place.deployments).unwrap();
        fs::create_dir_all(place.deployments.join(".releases/1/1")).unwrap();
        let error = of_database(&place.store, &id, &place.deployments).await.unwrap_err().to_string();
        assert!(error.contains("the database is empty"), "{error}");
        fs::write(place.deployments.join(INSTANCE_FILE), InstanceId::random().as_str()).unwrap();
        assert!(of_directories(&place.data, &place.deployments).is_err());
        fs::remove_file(place.data.path().join("instance")).unwrap();
        assert!(of_directories(&place.data, &place.deployments).unwrap_err().to_string().contains("is new"));
    }

    #[tokio::test]
    async fn c7_a_wrong_key_is_told_and_changes_nothing() {
        let place = place().await;
        let (right, wrong) = (KeyRing::new(&[1; 32]), KeyRing::new(&[2; 32]));
        check_key(&place.store, &right).await.unwrap();
        let error = check_key(&place.store, &wrong).await.unwrap_err().to_string();
        assert!(error.contains("ENCRYPTION_KEY"), "{error}");
        check_key(&place.store, &right).await.unwrap();
    }
}
