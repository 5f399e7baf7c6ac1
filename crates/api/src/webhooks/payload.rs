//! What is read of GitHub's payloads: only what decides a build. Never an address to fetch from.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use berth_model::{BranchName, Commit, CommitHash, RepoKey, RepoUrl, RootDir};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

/// Beyond this many commits GitHub may leave some out, so that the list of changed files proves nothing.
const COMPLETE_LIST: usize = 1_000;
/// Changed files that are remembered. More of them touch everything, and a huge payload stays small in memory.
const MOST_FILES: usize = 3_000;
/// Characters kept of a commit's message and author.
const MESSAGE_LENGTH: usize = 1_000;

/// A `push` event.
#[derive(Debug, Deserialize)]
pub(crate) struct Push {
    #[serde(rename = "ref")]
    reference: String,
    after: String,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    forced: bool,
    #[serde(default)]
    commits: Changes,
    head_commit: Option<HeadCommit>,
    pusher: Option<Person>,
    repository: Repository,
}

#[derive(Debug, Deserialize)]
struct HeadCommit {
    id: String,
    #[serde(default)]
    message: String,
    author: Option<Person>,
}

/// What the listed commits change, folded together as they are read.
#[derive(Debug, Default)]
struct Changes {
    commits: usize,
    files: BTreeSet<String>,
    /// Whether there were more files than are remembered.
    more: bool,
}

/// The lists of one commit.
#[derive(Debug, Deserialize)]
struct ChangedFiles {
    #[serde(default)]
    added: Files,
    #[serde(default)]
    removed: Files,
    #[serde(default)]
    modified: Files,
}

/// The beginning of a list of files.
#[derive(Debug, Default)]
struct Files {
    names: Vec<String>,
    more: bool,
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut files = Self::default();
        deserializer.deserialize_seq(folding(|name: String| {
            if files.names.len() < MOST_FILES {
                files.names.push(name);
            } else {
                files.more = true;
            }
        }))?;
        Ok(files)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut changes = Self::default();
        deserializer.deserialize_seq(folding(|commit: ChangedFiles| {
            changes.commits += 1;
            for files in [commit.added, commit.removed, commit.modified] {
                changes.more |= files.more || changes.files.len() >= MOST_FILES;
                if !changes.more {
                    changes.files.extend(files.names);
                }
            }
        }))?;
        Ok(changes)
    }
}

/// Reads a list one element at a time and keeps none of them.
struct Folding<T, F> {
    step: F,
    element: PhantomData<T>,
}

fn folding<T, F: FnMut(T)>(step: F) -> Folding<T, F> {
    Folding { step, element: PhantomData }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Folding<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            (self.step)(element);
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
struct Person {
    name: Option<String>,
}

/// The repository of any event.
#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    full_name: String,
    html_url: Option<String>,
}

/// Any event: whose repository it is about.
#[derive(Debug, Deserialize)]
pub(crate) struct About {
    /// Absent in events about an account or an organization.
    pub(crate) repository: Option<Repository>,
}

/// What a push asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A build of this commit.
    Build(BranchName, Commit),
    /// Nothing, and why.
    Nothing(&'static str),
}

impl Push {
    /// The repository that was pushed to.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// What is to be done.
    ///
    /// # Errors
    /// Says which part of the payload is not what a push has.
    pub(crate) fn asked(&self) -> Result<Asked, String> {
        let Some(branch) = self.reference.strip_prefix("refs/heads/") else {
            return Ok(Asked::Nothing("not a branch"));
        };
        if self.deleted {
            return Ok(Asked::Nothing("the branch was deleted"));
        }
        let branch = BranchName::parse(branch).map_err(|problem| format!("ref: {problem}"))?;
        let hash = CommitHash::parse(&self.after).map_err(|problem| format!("after: {problem}"))?;
        let head = self.head_commit.as_ref().filter(|head| head.id == self.after);
        let author = head.and_then(|head| head.author.as_ref()).or(self.pusher.as_ref());
        let author = author.and_then(|person| person.name.as_deref()).unwrap_or_default();
        let message = head.map(|head| head.message.as_str()).unwrap_or_default();
        Ok(Asked::Build(branch, Commit { hash, message: clean(message), author: clean(author) }))
    }

    /// Which of several projects' root directories the push touches. Left out is only a project of which it is
    /// certain: all changed files are known, and each lies in the root directory of *another* project. A file outside
    /// all of them (a shared package, the lockfile) touches everybody.
    pub(crate) fn touched(&self, roots: &[Option<&RootDir>]) -> Vec<bool> {
        let Some(files) = self.changed_files() else { return vec![true; roots.len()] };
        let within = |file: &str, root: Option<&RootDir>| {
            root.is_none_or(|root| {
                root.is_top() || file.strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with('/'))
            })
        };
        let shared = files.iter().any(|file| !roots.iter().any(|root| within(file, *root)));
        roots.iter().map(|root| shared || files.iter().any(|file| within(file, *root))).collect()
    }

    /// Every changed file, if the payload is certain to name them all.
    fn changed_files(&self) -> Option<&BTreeSet<String>> {
        let changes = &self.commits;
        let complete = !self.created && !self.forced && !changes.more && changes.commits < COMPLETE_LIST;
        (complete && !changes.files.is_empty()).then_some(&changes.files)
    }
}

impl Repository {
    /// What its projects are found by: its page, or its name under GitHub. The payload's clone address is not read.
    pub(crate) fn keys(&self, github_url: &Url) -> Vec<RepoKey> {
        let under_github = format!("{}/{}", github_url.as_str().trim_end_matches('/'), self.full_name);
        let mut keys: Vec<RepoKey> = [self.html_url.as_deref(), Some(&under_github)]
            .into_iter()
            .flatten()
            .filter_map(|address| RepoUrl::parse(address).ok())
            .map(|url| url.key())
            .collect();
        keys.dedup();
        keys
    }
}

/// Text of a stranger, short and without NUL.
fn clean(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(MESSAGE_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HEAD: &str = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";

    fn push(change: Value) -> Push {
        let mut payload = json!({
            "ref": "refs/heads/main", "after": HEAD, "created": false, "deleted": false, "forced": false,
            "commits": [], "head_commit": {"id": HEAD, "message": "Say hello", "author": {"name": "Ada"}},
            "pusher": {"name": "ada-l"},
            "repository": {"full_name": "ada/shop", "html_url": "https://github.com/ada/shop"},
        });
        for (key, value) in change.as_object().unwrap() {
            payload[key] = value.clone();
        }
        serde_json::from_value(payload).unwrap()
    }

    fn build(message: &str, author: &str) -> Asked {
        let commit = Commit { hash: CommitHash::parse(HEAD).unwrap(), message: message.into(), author: author.into() };
        Asked::Build(BranchName::parse("main").unwrap(), commit)
    }

    #[test]
    fn what_a_push_asks_for() {
        assert_eq!(push(json!({})).asked(), Ok(build("Say hello", "Ada")));
        assert_eq!(push(json!({"head_commit": null})).asked(), Ok(build("", "ada-l")), "a new branch");
        assert_eq!(push(json!({"forced": true})).asked(), Ok(build("Say hello", "Ada")), "a force-push");
        let gone = push(json!({"deleted": true, "after": "0".repeat(40), "head_commit": null}));
        assert_eq!(gone.asked(), Ok(Asked::Nothing("the branch was deleted")));
        assert_eq!(push(json!({"ref": "refs/tags/v1"})).asked(), Ok(Asked::Nothing("not a branch")));
        assert!(push(json!({"ref": "refs/heads/-u"})).asked().is_err());
        assert!(push(json!({"after": "HEAD"})).asked().is_err());
    }

    #[test]
    fn w12_only_a_project_that_is_certainly_untouched_is_left_out() {
        let root = |path: &str| Some(RootDir::parse(path).unwrap());
        let (web, docs, top) = (root("apps/web"), root("apps/docs"), None);
        let touched = |files: Value, roots: &[&Option<RootDir>]| {
            let roots: Vec<_> = roots.iter().map(|root| root.as_ref()).collect();
            push(json!({"commits": [{"id": HEAD, "modified": files}]})).touched(&roots)
        };
        assert_eq!(touched(json!(["apps/web/a.js"]), &[&web, &docs]), [true, false]);
        assert_eq!(touched(json!(["apps/website/a.js"]), &[&web, &docs]), [true, true], "not within apps/web");
        assert_eq!(touched(json!(["apps/web/a.js", "package-lock.json"]), &[&web, &docs]), [true, true]);
        assert_eq!(touched(json!(["apps/web/a.js"]), &[&web, &top]), [true, true]);
        assert_eq!(touched(json!(["README.md"]), &[&web, &top]), [false, true]);
        assert_eq!(touched(json!(["README.md"]), &[&web]), [true]);
        assert_eq!(touched(json!([]), &[&web, &docs]), [true, true], "nothing is known");
        let many: Vec<String> = (0..=MOST_FILES).map(|n| format!("apps/web/{n}.js")).collect();
        assert_eq!(touched(json!(many[1..]), &[&web, &docs]), [true, false]);
        assert_eq!(touched(json!(many), &[&web, &docs]), [true, true], "more than is remembered");
    }

    #[test]
    fn w13_found_by_page_or_name_never_by_clone_address() {
        let github = Url::parse("https://github.com").unwrap();
        let keys = |repository: Value| {
            let repository: Repository = serde_json::from_value(repository).unwrap();
            repository.keys(&github).iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
        };
        let page = "https://github.com/Ada/Shop";
        let clone = "https://evil.example/x/y.git";
        assert_eq!(
            keys(json!({"full_name": "Ada/Shop", "html_url": page, "clone_url": clone})),
            ["github.com/ada/shop"]
        );
        assert_eq!(
            keys(json!({"full_name": "a/b", "html_url": "http://127.0.0.1:9/a/b"})),
            ["127.0.0.1:9/a/b", "github.com/a/b"]
        );
        assert_eq!(keys(json!({"full_name": "a\nb"})), Vec::<String>::new());
    }
}
