//! The files that the commits of a push change, folded together as they are read: a huge payload stays small in memory.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Beyond this many commits GitHub may leave some out, so that the list of changed files proves nothing.
const COMPLETE_LIST: u64 = 1_000;
/// Changed files that are remembered. More of them touch everything.
const MOST_FILES: usize = 3_000;

/// What the listed commits change, and the commit that is looked for among them.
#[derive(Debug, Default)]
pub(super) struct Changes {
    commits: u64,
    files: BTreeSet<String>,
    /// Whether there were more files than are remembered.
    more: bool,
    /// The first and the last one: hosts begin with the oldest or with the newest.
    ends: Vec<ListedCommit>,
}

/// One commit of the list.
#[derive(Debug, Deserialize)]
pub(super) struct ListedCommit {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) message: String,
    pub(super) author: Option<Person>,
    #[serde(default)]
    added: Files,
    #[serde(default)]
    removed: Files,
    #[serde(default)]
    modified: Files,
}

/// Whoever wrote or sent something; hosts know people by different fields.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Person {
    name: Option<String>,
    login: Option<String>,
    username: Option<String>,
}

impl Person {
    /// What people call them.
    pub(super) fn called(&self) -> Option<&str> {
        [&self.name, &self.login, &self.username]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
            .map(String::as_str)
    }
}

/// The beginning of a list of files.
#[derive(Debug, Default)]
struct Files {
    names: Vec<String>,
    more: bool,
}

impl Changes {
    /// Every changed file, if these are all. `announced` is how many commits the host says there are.
    pub(super) fn complete(&mut self, announced: Option<u64>) -> Option<BTreeSet<String>> {
        let all = !self.more && self.commits < COMPLETE_LIST && announced.is_none_or(|commits| commits == self.commits);
        (all && !self.files.is_empty()).then(|| std::mem::take(&mut self.files))
    }

    /// The listed commit with this hash, if it is the first or the last one.
    pub(super) fn commit(&self, hash: &str) -> Option<&ListedCommit> {
        self.ends.iter().find(|commit| commit.id == hash)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut changes = Self::default();
        deserializer.deserialize_any(Folding::of(|mut commit: ListedCommit| {
            changes.commits += 1;
            for list in [&mut commit.added, &mut commit.removed, &mut commit.modified] {
                let files = std::mem::take(list);
                changes.more |= files.more || changes.files.len() >= MOST_FILES;
                if !changes.more {
                    changes.files.extend(files.names);
                }
            }
            changes.ends.truncate(1);
            changes.ends.push(commit);
        }))?;
        Ok(changes)
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut files = Self::default();
        deserializer.deserialize_any(Folding::of(|name: String| {
            if files.names.len() < MOST_FILES {
                files.names.push(name);
            } else {
                files.more = true;
            }
        }))?;
        Ok(files)
    }
}

/// Reads a list one element at a time and keeps none of them. Gitea says `null` for an empty one.
struct Folding<T, F> {
    step: F,
    element: PhantomData<T>,
}

impl<T, F: FnMut(T)> Folding<T, F> {
    fn of(step: F) -> Self {
        Self { step, element: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Folding<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            (self.step)(element);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(commits: Value) -> Changes {
        serde_json::from_value(commits).unwrap()
    }

    #[test]
    fn files_of_all_commits_are_one_list() {
        let mut changes = read(json!([
            {"id": "1", "message": "one", "added": ["a"], "removed": null, "modified": ["b"]},
            {"id": "2", "message": "two", "modified": ["b", "c"]},
            {"id": "3", "message": "three"},
        ]));
        assert_eq!(changes.commit("1").unwrap().message, "one");
        assert_eq!(changes.commit("3").unwrap().message, "three");
        assert!(changes.commit("2").is_none());
        assert_eq!(changes.complete(Some(3)).unwrap().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_list_that_may_miss_something_proves_nothing() {
        let one = || json!([{"modified": ["a"]}]);
        assert!(read(one()).complete(None).is_some() && read(one()).complete(Some(1)).is_some());
        assert!(read(one()).complete(Some(21)).is_none(), "the host left commits out");
        assert!(read(json!(null)).complete(Some(0)).is_none() && read(json!([])).complete(None).is_none());
        let many: Vec<String> = (0..=MOST_FILES).map(|n| n.to_string()).collect();
        assert!(read(json!([{"modified": many[1..]}])).complete(None).is_some());
        assert!(read(json!([{"modified": many}])).complete(None).is_none());
        let commits: Vec<Value> = (0..COMPLETE_LIST).map(|n| json!({"modified": [n.to_string()]})).collect();
        assert!(read(json!(commits)).complete(None).is_none());
    }

    #[test]
    fn people_have_a_name_or_a_login() {
        let called = |person: Value| {
            let person: Person = serde_json::from_value(person).unwrap();
            person.called().map(str::to_owned)
        };
        assert_eq!(called(json!({"name": "Ada", "login": "ada-l"})).as_deref(), Some("Ada"));
        assert_eq!(called(json!({"name": "", "username": "ada-l", "login": null})).as_deref(), Some("ada-l"));
        assert_eq!(called(json!({"name": null})), None);
    }
}
