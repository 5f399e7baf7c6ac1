//! Whose files and rows these are. One installation has one id in its data directory, its database and its deployments
//! directory; where they disagree something was moved or restored by half, and Berth does not guess.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use berth_model::{Clock, InstanceId};
use berth_secrets::{KeyRing, Sealed};
use berth_store::{FoundDatabase, Store};

use crate::config::Config;
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

/// Opens the database of an installation: asks whose it is and what it is sealed with, then brings its tables up to
/// date, then claims it if it is new.
pub(crate) async fn open(config: &Config, id: &InstanceId, keys: &KeyRing) -> Result<Store> {
    let found = FoundDatabase::connect(config.database_url.expose(), Clock::System).await?;
    check_owner(&found, id, &config.deployments_dir).await?;
    check_key(&found, keys).await?;
    let store = found.migrate().await?;
    store.claim_instance(id).await?;
    if store.setting(KEY_CHECK).await?.is_none() {
        seal_check(&store, keys).await?;
    }
    Ok(store)
}

async fn check_owner(found: &FoundDatabase, id: &InstanceId, deployments: &Path) -> Result<()> {
    match found.instance().await? {
        Some(owner) if owner == *id => Ok(()),
        Some(owner) => {
            bail!(
                "the database belongs to installation {owner}, the data directory to {id}. {ADOPT}. Nothing was changed"
            )
        }
        None if holds_releases(deployments) => {
            bail!("the database is empty, but there are deployments in {}. {ADOPT}", deployments.display())
        }
        None => Ok(()),
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

/// Refuses a database that was sealed with a key that is not here, before anything of it is changed. A single value of
/// another key is no reason: see [`crate::rotate`].
pub(crate) async fn check_key(found: &FoundDatabase, keys: &KeyRing) -> Result<()> {
    let sealed_with = match found.setting(KEY_CHECK).await?.map(Sealed::stored) {
        Some(sealed) => match keys.open_instance(KEY_CHECK, &sealed) {
            Ok(word) if word.expose() == KEY_CHECK_WORD => return Ok(()),
            _ => sealed.key_id().unwrap_or("something else").to_owned(),
        },
        // Somebody took the word away: the variables tell.
        None => {
            let ids = found.sealing_keys().await?;
            if ids.is_empty() || ids.iter().any(|id| keys.has(id)) {
                return Ok(());
            }
            ids.join(" or ")
        }
    };
    bail!(
        "the encryption key is not the one this database was sealed with, whose SHA-256 begins with {sealed_with}: set \
         ENCRYPTION_KEY to that one, or restore the file encryption-key in the data directory. If the key was changed, \
         that one still belongs into ENCRYPTION_KEY_PREVIOUS, or the file encryption-key.previous. Nothing was changed"
    )
}

/// From here on nothing starts without the key that seals now.
pub(crate) async fn seal_check(store: &Store, keys: &KeyRing) -> Result<()> {
    Ok(store.set_setting(KEY_CHECK, keys.seal_instance(KEY_CHECK, KEY_CHECK_WORD).as_str()).await?)
}

/// Whether the key of that name is the one without which nothing starts.
pub(crate) async fn is_sealed_with(store: &Store, key_id: &str) -> Result<bool> {
    let check = store.setting(KEY_CHECK).await?.map(Sealed::stored);
    Ok(check.is_some_and(|check| check.key_id() == Some(key_id)))
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
    use berth_model::Access;
    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    struct Place {
        _parent: tempfile::TempDir,
        data: DataDir,
        config: Config,
    }

    impl Place {
        fn new() -> Self {
            let parent = tempfile::tempdir().unwrap();
            let at = |name: &str| parent.path().join(name).display().to_string();
            let pairs = [("BERTH_DATA_DIR", at("data")), ("BERTH_DEPLOYMENTS_DIR", at("deployments"))];
            let config = Config::from_pairs(pairs).unwrap();
            Self { data: DataDir::open(&config.data_dir).unwrap(), config, _parent: parent }
        }

        fn claim_directories(&self) -> Result<InstanceId> {
            of_directories(&self.data, &self.config.deployments_dir)
        }

        async fn open(&self, id: &InstanceId, key: u8) -> Result<Store> {
            open(&self.config, id, &KeyRing::new(&[key; 32])).await
        }

        async fn refusal(&self, id: &InstanceId, key: u8) -> String {
            self.open(id, key).await.unwrap_err().to_string()
        }
    }

    #[tokio::test]
    async fn a_new_installation_is_one_ever_after() {
        let place = Place::new();
        let id = place.claim_directories().unwrap();
        place.open(&id, 1).await.unwrap();
        assert_eq!(place.claim_directories().unwrap(), id);
        place.open(&id, 1).await.unwrap();
    }

    #[tokio::test]
    async fn what_belongs_to_another_is_refused_until_adopted() {
        let place = Place::new();
        let (id, other) = (place.claim_directories().unwrap(), InstanceId::random());
        let store = place.open(&other, 1).await.unwrap();
        let error = place.refusal(&id, 1).await;
        assert!(error.contains(other.as_str()) && error.contains("berth adopt"), "{error}");
        assert_eq!(adopt(&store, &place.data, &place.config.deployments_dir).await.unwrap(), other);
        assert_eq!(place.claim_directories().unwrap(), other);
        place.open(&other, 1).await.unwrap();
    }

    #[tokio::test]
    async fn foreign_and_unclaimed_deployments_are_refused() {
        let place = Place::new();
        let (id, deployments) = (place.claim_directories().unwrap(), &place.config.deployments_dir);
        fs::create_dir_all(deployments.join(".releases/1/1")).unwrap();
        let error = place.refusal(&id, 1).await;
        assert!(error.contains("the database is empty"), "{error}");
        fs::write(deployments.join(INSTANCE_FILE), InstanceId::random().as_str()).unwrap();
        assert!(place.claim_directories().is_err());
        fs::remove_file(place.data.path().join("instance")).unwrap();
        assert!(place.claim_directories().unwrap_err().to_string().contains("is new"));
    }

    #[tokio::test]
    async fn c7_a_wrong_key_is_told_and_changes_nothing() {
        let place = Place::new();
        let id = place.claim_directories().unwrap();
        place.open(&id, 1).await.unwrap();
        let error = place.refusal(&id, 2).await;
        let right = KeyRing::new(&[1; 32]);
        assert!(error.contains("ENCRYPTION_KEY") && error.contains(right.key_id()), "{error}");
        place.open(&id, 1).await.unwrap();
    }

    #[tokio::test]
    async fn c7_without_the_word_the_variables_tell() {
        let place = Place::new();
        let id = place.claim_directories().unwrap();
        let store = place.open(&id, 1).await.unwrap();
        let right = KeyRing::new(&[1; 32]);
        let owner = store.create_first_admin("owner", None, "no password").await.unwrap();
        let access = Access::of(owner.id, owner.role);
        let sealed = |project| vec![crate::rotate::tests::variable(&right, project, "TOKEN")];
        store.create_project(access, crate::rotate::tests::new_project(), "shop.example.org", sealed).await.unwrap();
        store.set_setting(KEY_CHECK, "v1:taken away").await.unwrap();
        assert!(place.refusal(&id, 2).await.contains("something else"));
        let url = place.config.database_url.expose();
        let mut database = url.parse::<SqliteConnectOptions>().unwrap().connect().await.unwrap();
        sqlx::query("DELETE FROM setting WHERE name = $1").bind(KEY_CHECK).execute(&mut database).await.unwrap();
        let error = place.refusal(&id, 2).await;
        assert!(error.contains(right.key_id()) && error.contains("Nothing was changed"), "{error}");
        assert_eq!(store.setting(KEY_CHECK).await.unwrap(), None);
        place.open(&id, 1).await.unwrap();
        assert!(is_sealed_with(&store, right.key_id()).await.unwrap());
    }
}
