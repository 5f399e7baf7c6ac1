//! Changing the encryption key: `berth secrets rotate`, and what each start finishes of it.
//!
//! 1. A new key is written to `encryption-key.next` and synced, before anything else happens.
//! 2. The present key joins `encryption-key.previous`, and the new one takes its place (`keys`).
//! 3. Every stored value is sealed anew, a batch a transaction, each only if it still is what was read.
//! 4. The word that tells a wrong key comes last: until then nothing starts without the key from before.
//! 5. The keys from before are forgotten.
//!
//! After a crash at any step the next start goes on, and so does the command. Steps 2 to 5 belong to who holds the data
//! directory and happen before anybody else writes: at a start the sites are served meanwhile, the control plane opens
//! afterwards. So a Berth that runs is not disturbed, and takes a new key only when it is started again.
//!
//! A single value that no key here opens is named, in the log and on the system page, and keeps nobody from starting: who
//! needs it fails and says so. A database that is sealed with another key is refused before this (`ownership`).
//!
//! With `ENCRYPTION_KEY` in the settings, which Berth does not write, its operator does steps 1, 2 and 5.

use anyhow::{Result, bail};
use berth_secrets::KeyRing;
use berth_store::{SealedColumn, Store};

use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::{keys, ownership};

/// How many values one transaction seals anew: a moment of the database's time.
const BATCH: i64 = 100;

/// `berth secrets rotate`.
pub(crate) async fn rotate(config: &Config) -> Result<()> {
    if !config.data_dir.join("instance").is_file() {
        bail!(
            "there is no installation in {} (BERTH_DATA_DIR); run this with the settings that Berth runs with",
            config.data_dir.display()
        );
    }
    let is_configured = config.encryption_key.is_some();
    if is_configured && config.encryption_key_previous.is_empty() {
        bail!(
            "ENCRYPTION_KEY stands in your settings, which Berth does not write. Name the present key in \
             ENCRYPTION_KEY_PREVIOUS, set ENCRYPTION_KEY to a new one (`openssl rand -hex 32`) and start Berth again: \
             it seals everything anew then"
        );
    }
    let Some(data) = DataDir::open_unless_used(&config.data_dir)? else {
        if !is_configured {
            keys::make_next(&config.data_dir)?;
        }
        let holder = data_dir::holder(&config.data_dir);
        tracing::info!(
            "the new key is there, and nothing is sealed with it yet: start Berth (process {holder}) again, and it \
             seals everything anew while the sites are served"
        );
        return Ok(());
    };
    if !is_configured && !keys::is_changing(&data)? {
        keys::make_next(data.path())?;
    }
    let instance = ownership::of_directories(&data, &config.deployments_dir)?;
    let ring = keys::ring(config, &data)?;
    let store = ownership::open(config, &instance, &ring).await?;
    if !finish(config, &store, &ring, &data).await? {
        bail!("not every stored secret could be sealed anew; the key from before is kept");
    }
    tracing::info!("every stored secret that opens is sealed with the key {}", ring.key_id());
    Ok(())
}

/// Steps 3 to 5, if there is anything to do; whether they are done.
pub(crate) async fn finish(config: &Config, store: &Store, ring: &KeyRing, data: &DataDir) -> Result<bool> {
    let stuck = store.stuck_secrets(ring).await?;
    if !stuck.is_empty() {
        tracing::warn!("stored secrets cannot be opened: {stuck}");
    }
    let previous = ring.previous_ids().collect::<Vec<_>>().join(", ");
    if previous.is_empty() {
        return Ok(true);
    }
    let mut resealing = Resealing::new(store, ring, BATCH);
    let all = store.count_sealed_otherwise(ring.key_id()).await?;
    let mut done = 0;
    while let Some(sealed) = resealing.next().await? {
        berth_model::step!("secrets sealed anew");
        done += sealed;
        tracing::info!("{done} of {all} stored secrets are sealed anew with the key {}", ring.key_id());
    }
    if resealing.needs_previous {
        tracing::warn!("the key {previous} is kept, because not everything opens that was sealed with it");
        return Ok(false);
    }
    // A key from before that is left in the settings does not make every start a rotation.
    if !ownership::is_sealed_with(store, ring.key_id()).await? {
        store.record_rotation().await?;
        ownership::seal_check(store, ring).await?;
        berth_model::step!("new key needed");
    }
    keys::forget_previous(data)?;
    tracing::info!("nothing is sealed with the key {previous} any more; only backups from before need it");
    if !config.encryption_key_previous.is_empty() {
        tracing::info!("take ENCRYPTION_KEY_PREVIOUS out of your settings");
    }
    Ok(true)
}

/// Seals anew what a key from before sealed, a batch at a time.
struct Resealing<'a> {
    store: &'a Store,
    ring: &'a KeyRing,
    batch: i64,
    /// The columns that are not done, the present one first.
    columns: &'static [SealedColumn],
    /// The last row that was looked at in the present one.
    after: i64,
    /// Whether something that a key from before sealed does not open where it is, and stays as it is. What a key sealed
    /// that is not here at all, or what names no key, needs none of them.
    needs_previous: bool,
}

impl<'a> Resealing<'a> {
    fn new(store: &'a Store, ring: &'a KeyRing, batch: i64) -> Self {
        Self { store, ring, batch, columns: &SealedColumn::ALL, after: 0, needs_previous: false }
    }

    /// How many values the next batch sealed anew; `None` once all have been looked at.
    async fn next(&mut self) -> Result<Option<u64>> {
        while let Some(&column) = self.columns.first() {
            let rows = self.store.sealed_otherwise(column, self.ring.key_id(), self.after, self.batch).await?;
            let Some(last) = rows.last() else {
                (self.columns, self.after) = (&self.columns[1..], 0);
                continue;
            };
            self.after = last.id;
            let mut anew = Vec::with_capacity(rows.len());
            for row in rows {
                match self.ring.reseal(&row.place, &row.value) {
                    Ok(value) => anew.push((row, value)),
                    Err(_) => self.needs_previous |= row.value.key_id().is_some_and(|id| self.ring.has(id)),
                }
            }
            return Ok(Some(self.store.replace_sealed(column, &anew).await?));
        }
        Ok(None)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use berth_model::{Access, BranchName, ProjectId, ProjectName, RepoUrl, VariableKey, VariableKind, VariableScope};
    use berth_secrets::Sealed;
    use berth_store::{NewProject, SealedVariable};

    use super::*;

    struct Place {
        _parent: tempfile::TempDir,
        config: Config,
        store: Store,
    }

    impl Place {
        /// An installation with five variables and the secret of a hook.
        async fn new() -> Self {
            let parent = tempfile::tempdir().unwrap();
            let at = |name: &str| parent.path().join(name).display().to_string();
            let pairs = [("BERTH_DATA_DIR", at("data")), ("BERTH_DEPLOYMENTS_DIR", at("deployments"))];
            let config = Config::from_pairs(pairs).unwrap();
            let data = DataDir::open(&config.data_dir).unwrap();
            let instance = ownership::of_directories(&data, &config.deployments_dir).unwrap();
            let ring = keys::ring(&config, &data).unwrap();
            let store = ownership::open(&config, &instance, &ring).await.unwrap();
            let owner = store.create_first_admin("owner", None, "no password").await.unwrap();
            let access = Access::of(owner.id, owner.role);
            let seal =
                |project| (0..5).map(|number| variable(&ring, project, &format!("KEY_{number}"))).collect::<Vec<_>>();
            let project = store.create_project(access, new_project(), "shop.example.org", seal).await.unwrap();
            let hook = ring.seal_hook_secret(project.id, "the secret of the hook");
            store.set_hook_secret(access, project.id, Some(&hook)).await.unwrap();
            Self { _parent: parent, config, store }
        }

        fn data(&self) -> DataDir {
            DataDir::open(&self.config.data_dir).unwrap()
        }

        fn ring(&self) -> KeyRing {
            keys::ring(&self.config, &self.data()).unwrap()
        }

        /// As a start does.
        async fn start(&self) -> Result<bool> {
            let data = self.data();
            let instance = ownership::of_directories(&data, &self.config.deployments_dir)?;
            let ring = keys::ring(&self.config, &data)?;
            let store = ownership::open(&self.config, &instance, &ring).await?;
            finish(&self.config, &store, &ring, &data).await
        }

        /// How many values there are, every one of which opens.
        async fn opens(&self, ring: &KeyRing) -> usize {
            let mut all = 0;
            for column in SealedColumn::ALL {
                for row in self.store.sealed_otherwise(column, "no key", 0, 100).await.unwrap() {
                    ring.reseal(&row.place, &row.value).unwrap_or_else(|error| panic!("{}: {error}", row.place));
                    all += 1;
                }
            }
            all
        }
    }

    #[tokio::test]
    async fn after_each_batch_everything_opens_and_the_old_key_is_needed() {
        for batches in 0.. {
            let place = Place::new().await;
            let old = place.ring();
            keys::make_next(&place.config.data_dir).unwrap();
            let both = place.ring();
            let mut resealing = Resealing::new(&place.store, &both, 2);
            let mut is_done = false;
            for _ in 0..batches {
                is_done = resealing.next().await.unwrap().is_none();
            }
            // From here on it is as after kill -9.
            assert_eq!(place.opens(&place.ring()).await, 6, "after {batches} batches");

            let previous = place.config.data_dir.join(keys::PREVIOUS);
            let kept = fs::read(&previous).unwrap();
            fs::remove_file(&previous).unwrap();
            let refused = place.start().await.unwrap_err().to_string();
            assert!(refused.contains("encryption-key.previous") && refused.contains(old.key_id()), "{refused}");
            fs::write(&previous, kept).unwrap();

            place.start().await.unwrap();
            assert!(!previous.exists());
            let new = place.ring();
            assert_eq!((new.key_id(), new.previous_ids().count()), (both.key_id(), 0));
            assert_eq!(place.opens(&new).await, 6);
            place.start().await.unwrap();
            if is_done {
                assert_eq!(batches, 5, "three of variables, one of the hook, and the look that finds no more");
                return;
            }
        }
    }

    /// After step 4, and after step 5 without the process having told of it.
    #[tokio::test]
    async fn the_last_steps_can_be_done_again() {
        let place = Place::new().await;
        keys::make_next(&place.config.data_dir).unwrap();
        let both = place.ring();
        while Resealing::new(&place.store, &both, 2).next().await.unwrap().is_some() {}
        ownership::seal_check(&place.store, &both).await.unwrap();
        assert!(place.config.data_dir.join(keys::PREVIOUS).exists());
        place.start().await.unwrap();
        assert!(!place.config.data_dir.join(keys::PREVIOUS).exists());
        place.start().await.unwrap();
        assert_eq!(place.opens(&place.ring()).await, 6);
    }

    #[tokio::test]
    async fn what_does_not_open_keeps_its_key() {
        let place = Place::new().await;
        let old = place.ring();
        let row = place.store.sealed_otherwise(SealedColumn::Variable, "no key", 0, 1).await.unwrap().remove(0);
        let moved = old.seal(ProjectId(999), "KEY_0", "of another project");
        assert_eq!(place.store.replace_sealed(SealedColumn::Variable, &[(row, moved.clone())]).await.unwrap(), 1);
        keys::make_next(&place.config.data_dir).unwrap();
        assert!(!place.start().await.unwrap(), "not everything is done");
        let ring = place.ring();
        assert_eq!(ring.previous_ids().collect::<Vec<_>>(), [old.key_id()]);
        let stuck = place.store.sealed_otherwise(SealedColumn::Variable, ring.key_id(), 0, 9).await.unwrap();
        assert_eq!(
            stuck.iter().map(|row| &row.value).collect::<Vec<_>>(),
            [&moved],
            "it is as it was, and nothing else"
        );

        let right = old.seal(ProjectId(1), "KEY_0", "set again");
        place.store.replace_sealed(SealedColumn::Variable, &[(stuck[0].clone(), right)]).await.unwrap();
        place.start().await.unwrap();
        assert_eq!((place.ring().previous_ids().count(), place.opens(&place.ring()).await), (0, 6));
    }

    /// No key can make it whole: it is no reason to keep one, or for each rotation to fail.
    #[tokio::test]
    async fn what_names_no_key_keeps_none() {
        let place = Place::new().await;
        let row = place.store.sealed_otherwise(SealedColumn::Variable, "no key", 0, 1).await.unwrap().remove(0);
        let damaged = Sealed::stored("v1.0000".to_owned());
        place.store.replace_sealed(SealedColumn::Variable, &[(row, damaged.clone())]).await.unwrap();
        keys::make_next(&place.config.data_dir).unwrap();
        assert!(place.start().await.unwrap());
        let ring = place.ring();
        assert_eq!(ring.previous_ids().count(), 0);
        let stuck = place.store.sealed_otherwise(SealedColumn::Variable, ring.key_id(), 0, 9).await.unwrap();
        assert_eq!(stuck.iter().map(|row| &row.value).collect::<Vec<_>>(), [&damaged], "it is as it was");
    }

    /// A row of a backup from before, restored by hand: it is no reason to serve nobody.
    #[tokio::test]
    async fn c7_one_value_of_a_lost_key_keeps_nobody_from_starting() {
        let place = Place::new().await;
        let lost = KeyRing::new(&[9; 32]);
        let row = place.store.sealed_otherwise(SealedColumn::Variable, "no key", 0, 1).await.unwrap().remove(0);
        let restored = lost.seal(ProjectId(1), "KEY_0", "from before");
        place.store.replace_sealed(SealedColumn::Variable, &[(row, restored)]).await.unwrap();
        assert!(place.start().await.unwrap());
        let stuck = place.store.stuck_secrets(&place.ring()).await.unwrap();
        let [only] = &stuck.0[..] else { panic!("{stuck}") };
        assert_eq!(only.what, "the variable KEY_0 of the project shop");
        assert_eq!(only.missing_key.as_deref(), Some(lost.key_id()));

        // A new key meanwhile: nothing waits for the lost one, which needs none of those from before.
        keys::make_next(&place.config.data_dir).unwrap();
        assert!(place.start().await.unwrap());
        assert_eq!(place.ring().previous_ids().count(), 0);
        assert_eq!(place.store.stuck_secrets(&place.ring()).await.unwrap(), stuck);

        fs::write(place.config.data_dir.join(keys::PREVIOUS), "09".repeat(32)).unwrap();
        assert!(place.start().await.unwrap());
        assert_eq!((place.ring().previous_ids().count(), place.opens(&place.ring()).await), (0, 6));
        assert!(place.store.stuck_secrets(&place.ring()).await.unwrap().is_empty());
    }

    pub(crate) fn new_project() -> NewProject {
        let repo = RepoUrl::parse("https://git.example.org/owner/site").unwrap();
        NewProject::new(ProjectName::stored("shop").unwrap(), BranchName::parse("main").unwrap(), Some(repo))
    }

    pub(crate) fn variable(ring: &KeyRing, project: ProjectId, key: &str) -> SealedVariable {
        SealedVariable {
            key: VariableKey::parse(key).unwrap(),
            kind: VariableKind::Secret,
            scope: VariableScope::Both,
            value: ring.seal(project, key, "a value"),
        }
    }
}
