//! Stored secrets that no key here opens: what they are, whose, and what to do. A key was lost, or somebody altered or moved
//! a value behind Berth's back. Only who needs such a value fails; everybody else goes on.

use std::collections::HashMap;
use std::fmt;

use berth_model::ProjectId;
use berth_secrets::{KeyRing, Place, SecretsError};

use crate::{SealedColumn, SealedRow, Store, StoreError};

/// Rows that are looked at with one query.
const BATCH: i64 = 500;
/// Values that are named; of the others only the number is told.
const NAMED: usize = 10;

/// A stored secret that does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckSecret {
    /// What it is, and whose, in words.
    pub what: String,
    /// The id of the key that it was sealed with, where that key is not here.
    pub missing_key: Option<String>,
}

/// All that do not open; as words, what they are, what follows, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StuckSecrets(pub Vec<StuckSecret>);

impl StuckSecrets {
    /// Whether everything opens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids of the keys that are not here, each once.
    fn missing_keys(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.0.iter().filter_map(|stuck| stuck.missing_key.as_deref()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl fmt::Display for StuckSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self.0.iter().take(NAMED).map(|stuck| stuck.what.as_str()).collect();
        f.write_str(&named.join(", "))?;
        if let more @ 1.. = self.0.len() - named.len() {
            write!(f, ", and {more} more")?;
        }
        f.write_str(". What needs one of them fails until it is set anew; everything else works.")?;
        let missing = self.missing_keys();
        if !missing.is_empty() {
            write!(
                f,
                " They open again with the key {}: name it in ENCRYPTION_KEY_PREVIOUS, or restore the file \
                 encryption-key.previous in the data directory, and start Berth again. A key's name is the beginning of its \
                 SHA-256.",
                missing.join(" and ")
            )?;
        }
        if self.0.iter().any(|stuck| stuck.missing_key.is_none()) {
            f.write_str(" What was altered or moved in the database opens with no key: set it anew or delete it.")?;
        }
        Ok(())
    }
}

/// The names of projects that were looked for already, which may have very many values each; `None` of those that are gone.
#[derive(Default)]
struct Owners(HashMap<ProjectId, Option<String>>);

impl Store {
    /// The stored secrets of what there still is that these keys do not open. Opens every one, at each start and each look
    /// at the system page, which takes in proportion to their number: an answer that was kept could be out of date.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn stuck_secrets(&self, keys: &KeyRing) -> Result<StuckSecrets, StoreError> {
        let (mut stuck, mut owners) = (Vec::new(), Owners::default());
        for column in SealedColumn::ALL {
            let mut after = 0;
            loop {
                let rows = self.sealed(column, after, BATCH).await?;
                let Some(last) = rows.last() else { break };
                after = last.id;
                for SealedRow { place, value, .. } in rows {
                    let missing_key = match keys.look(&place, &value) {
                        Ok(()) => continue,
                        Err(SecretsError::UnknownKey(id)) => Some(id),
                        Err(_) => None,
                    };
                    if let Some(what) = self.in_words(&place, &mut owners).await? {
                        stuck.push(StuckSecret { what, missing_key });
                    }
                }
            }
        }
        Ok(StuckSecrets(stuck))
    }

    /// What is at a place, with the name of whose it is; `None` if they are gone.
    async fn in_words(&self, place: &Place, owners: &mut Owners) -> Result<Option<String>, StoreError> {
        let name = match place {
            Place::Variable { project, .. } | Place::RepoToken { project, .. } | Place::HookSecret { project } => {
                match owners.0.get(project) {
                    Some(known) => known.clone(),
                    None => {
                        let name = self.project_unscoped(*project).await?.map(|project| project.name.to_string());
                        owners.0.insert(*project, name.clone());
                        name
                    }
                }
            }
            Place::User { user, .. } => self.user(*user).await?.map(|user| user.username),
            Place::Instance { .. } => Some("this Berth".to_owned()),
        };
        Ok(name.map(|name| match place {
            Place::Variable { key, .. } => format!("the variable {key} of the project {name}"),
            Place::RepoToken { .. } => format!("the access token of the repository of the project {name}"),
            Place::HookSecret { .. } => format!("the secret of the project {name}'s own hook"),
            Place::User { name: of, .. } => format!("the {of} token of the account {name}"),
            Place::Instance { name: what } => format!("the {what} of {name}"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_counted_and_every_missing_key_is_named() {
        let stuck = |number: usize, key: Option<&str>| StuckSecret {
            what: format!("the variable KEY_{number} of the project shop"),
            missing_key: key.map(str::to_owned),
        };
        let of_a_lost_key = StuckSecrets((0..12).map(|number| stuck(number, Some("1a2b3c4d"))).collect());
        let words = of_a_lost_key.to_string();
        assert!(words.contains("KEY_9 of the project shop, and 2 more. ") && !words.contains("KEY_10"), "{words}");
        assert!(words.contains("with the key 1a2b3c4d: ") && !words.contains("altered"), "{words}");
        let both = StuckSecrets(vec![stuck(0, None), stuck(1, Some("1a2b3c4d")), stuck(2, Some("99999999"))]);
        let words = both.to_string();
        assert!(words.contains("1a2b3c4d and 99999999") && words.contains("altered"), "{words}");
        assert!(!StuckSecrets(vec![stuck(0, None)]).to_string().contains("ENCRYPTION_KEY_PREVIOUS"));
    }
}
