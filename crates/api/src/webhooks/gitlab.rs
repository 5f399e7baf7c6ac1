//! GitLab's payloads. A push lists at most 20 commits, the oldest first, and says how many there are; whether it was
//! forced it does not say. What a merge request is about stands in `object_attributes`.

use berth_model::{BranchName, Commit, CommitHash, PullRequestAction as Action, Reason, skip_word};
use serde::Deserialize;
use serde_json::Error;

use super::announcement::{Announced, Announcement, PullRequestNews, Push, Repository, bad, clean};
use super::changes::{Changes, Person};

/// What git calls no commit.
const NONE: &str = "0000000000000000000000000000000000000000";

/// `Push Hook`.
#[derive(Deserialize)]
struct PushPayload {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    before: String,
    after: String,
    #[serde(default)]
    commits: Changes,
    total_commits_count: Option<u64>,
    user_name: Option<String>,
    project: Project,
}

/// `Merge Request Hook`.
#[derive(Deserialize)]
struct MergeRequestPayload {
    object_attributes: Option<MergeRequest>,
    user: Option<Person>,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: i64,
    title: Option<String>,
    /// Absent when a hook is tried with a merge request of old.
    #[serde(default)]
    action: String,
    source_branch: String,
    /// Absent once it was deleted.
    source_project_id: Option<i64>,
    target_project_id: Option<i64>,
    last_commit: LastCommit,
    /// The head before, when that is what changed.
    oldrev: Option<String>,
    source: Option<Project>,
}

#[derive(Deserialize)]
struct LastCommit {
    id: String,
}

/// Any event: whose repository it is about.
#[derive(Deserialize)]
struct AnyPayload {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    path_with_namespace: String,
    web_url: Option<String>,
}

impl From<Project> for Repository {
    fn from(project: Project) -> Self {
        Self { full_name: clean(&project.path_with_namespace), page: project.web_url }
    }
}

/// Reads a delivery.
///
/// # Errors
/// When it is not the JSON of such an event.
pub(super) fn read(event: &str, payload: &[u8]) -> Result<Announced, Error> {
    match event {
        "Push Hook" => serde_json::from_slice(payload).map(push),
        "Merge Request Hook" => serde_json::from_slice(payload).map(merge_request),
        _ => {
            let AnyPayload { project } = serde_json::from_slice(payload)?;
            let why = match event {
                "Tag Push Hook" => Reason::NotBranch,
                _ => Reason::OtherEventOfGitlab,
            };
            Ok(Announced { repository: project.map(Repository::from), news: Announcement::Other(why) })
        }
    }
}

fn push(mut payload: PushPayload) -> Announced {
    let news = what_was_pushed(&mut payload).unwrap_or_else(Announcement::Unreadable);
    Announced { repository: Some(payload.project.into()), news }
}

fn what_was_pushed(payload: &mut PushPayload) -> Result<Announcement, Reason> {
    let Some(branch) = payload.reference.strip_prefix("refs/heads/") else {
        return Ok(Announcement::Other(Reason::NotBranch));
    };
    let branch = BranchName::parse(branch).map_err(bad("ref"))?;
    if payload.after == NONE {
        return Ok(Announcement::BranchDeleted(branch));
    }
    let hash = CommitHash::parse(&payload.after).map_err(bad("after"))?;
    let before = CommitHash::parse(&payload.before).ok();
    let head = payload.commits.commit(&payload.after);
    let author = head.and_then(|head| head.author.as_ref()).and_then(Person::called);
    let author = author.or(payload.user_name.as_deref()).unwrap_or_default();
    let message = head.map(|head| head.message.as_str()).unwrap_or_default();
    let (skip, commit) = (skip_word(message), Commit { hash, message: clean(message), author: clean(author) });
    // A new branch has no commit before; what it lists is no comparison with anything.
    let changes = before.is_some().then(|| payload.commits.complete(payload.total_commits_count)).flatten();
    Ok(Announcement::Push(Push { branch, commit, skip, before, changes }))
}

fn merge_request(payload: MergeRequestPayload) -> Announced {
    let news = match payload.object_attributes {
        Some(asked) => what_was_asked(asked, payload.user.as_ref()).unwrap_or_else(Announcement::Unreadable),
        None => Announcement::Other(Reason::MergeRequestUnnamed),
    };
    Announced { repository: payload.project.map(Repository::from), news }
}

fn what_was_asked(asked: MergeRequest, user: Option<&Person>) -> Result<Announcement, Reason> {
    let action = match (asked.action.as_str(), &asked.oldrev) {
        ("open", _) => Action::Opened,
        ("update", Some(_)) => Action::Updated,
        ("update", None) => Action::Edited,
        ("reopen", _) => Action::Reopened,
        ("close" | "merge", _) => Action::Closed,
        _ => return Ok(Announcement::Other(Reason::OtherOfMergeRequest)),
    };
    let number = asked.iid;
    if number <= 0 {
        return Err(Reason::BadValue { field: "iid".into(), problem: "a merge request has a positive one".into() });
    }
    let is_own = asked.source_project_id.is_some() && asked.source_project_id == asked.target_project_id;
    let fork = (!is_own).then(|| match &asked.source {
        Some(source) if !source.path_with_namespace.is_empty() => clean(&source.path_with_namespace),
        _ => "a deleted repository".to_owned(),
    });
    Ok(Announcement::PullRequest(PullRequestNews {
        number,
        action,
        branch: BranchName::parse(&asked.source_branch).map_err(bad("source_branch"))?,
        head: CommitHash::parse(&asked.last_commit.id).map_err(bad("last_commit.id"))?,
        fork,
        reference: format!("refs/merge-requests/{number}/head"),
        title: clean(&asked.title.unwrap_or_default()),
        author: clean(user.and_then(Person::called).unwrap_or_default()),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HEAD: &str = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";
    const BEFORE: &str = "95790bf891e76fee5e1747ab589903a6a1f80f22";

    fn project() -> Value {
        json!({"id": 15, "path_with_namespace": "group/sub/shop", "web_url": "https://gitlab.example.org/group/sub/shop"})
    }

    fn pushed(change: Value) -> Announcement {
        let mut payload = json!({
            "object_kind": "push", "before": BEFORE, "after": HEAD, "ref": "refs/heads/main", "checkout_sha": HEAD,
            "user_name": "Ada L.", "project": project(), "total_commits_count": 2,
            "commits": [
                {"id": BEFORE, "message": "One", "author": {"name": "Bob"}, "added": ["a"], "modified": [], "removed": []},
                {"id": HEAD, "message": "Two", "author": {"name": "Ada"}, "added": [], "modified": ["b"], "removed": []},
            ],
        });
        for (key, value) in change.as_object().unwrap() {
            payload[key] = value.clone();
        }
        let announced = read("Push Hook", payload.to_string().as_bytes()).unwrap();
        assert_eq!(announced.repository.unwrap().full_name, "group/sub/shop");
        announced.news
    }

    #[test]
    fn what_a_push_says() {
        let Announcement::Push(push) = pushed(json!({})) else { panic!() };
        assert_eq!((push.commit.message.as_str(), push.commit.author.as_str()), ("Two", "Ada"));
        assert_eq!(push.before.unwrap().as_str(), BEFORE);
        assert_eq!(push.changes.unwrap().into_iter().collect::<Vec<_>>(), ["a", "b"]);
        for uncertain in [json!({"before": NONE}), json!({"total_commits_count": 21})] {
            let Announcement::Push(push) = pushed(uncertain) else { panic!() };
            assert_eq!(push.changes, None);
        }
        let deleted = pushed(json!({"after": NONE, "checkout_sha": null, "commits": [], "total_commits_count": 0}));
        assert_eq!(deleted, Announcement::BranchDeleted(BranchName::parse("main").unwrap()));
        assert!(matches!(pushed(json!({"ref": "refs/tags/v1"})), Announcement::Other(_)));
        assert!(matches!(pushed(json!({"after": "x"})), Announcement::Unreadable(_)));
    }

    #[test]
    fn what_a_merge_request_says() {
        let asked = |change: Value| {
            let mut attributes = json!({
                "iid": 3, "title": "Greet", "action": "open", "source_branch": "greet", "target_branch": "main",
                "source_project_id": 15, "target_project_id": 15, "last_commit": {"id": HEAD, "message": "Two"},
                "source": {"path_with_namespace": "mallory/shop"},
            });
            for (key, value) in change.as_object().unwrap() {
                attributes[key] = value.clone();
            }
            let payload = json!({"object_kind": "merge_request", "user": {"name": "Mallory", "username": "mallory"},
                                 "project": project(), "object_attributes": attributes});
            read("Merge Request Hook", payload.to_string().as_bytes()).unwrap().news
        };
        let news = |change: Value| match asked(change) {
            Announcement::PullRequest(news) => news,
            other => panic!("{other:?}"),
        };
        let own = news(json!({}));
        assert_eq!((own.number, own.action, own.fork), (3, Action::Opened, None));
        assert_eq!((own.reference.as_str(), own.author.as_str()), ("refs/merge-requests/3/head", "Mallory"));
        assert_eq!(news(json!({"source_project_id": 99})).fork.as_deref(), Some("mallory/shop"));
        let gone = json!({"source_project_id": null, "source": null});
        assert_eq!(news(gone).fork.as_deref(), Some("a deleted repository"));
        for (change, action) in [
            (json!({"action": "update"}), Action::Edited),
            (json!({"action": "update", "oldrev": BEFORE}), Action::Updated),
            (json!({"action": "reopen"}), Action::Reopened),
            (json!({"action": "close"}), Action::Closed),
            (json!({"action": "merge"}), Action::Closed),
        ] {
            assert_eq!(news(change).action, action);
        }
        assert!(matches!(asked(json!({"action": "approved"})), Announcement::Other(_)));
        assert!(matches!(asked(json!({"iid": 0})), Announcement::Unreadable(_)));
    }

    #[test]
    fn other_events_ask_for_nothing() {
        let payload = json!({"object_kind": "note", "project": project()}).to_string();
        let announced = read("Note Hook", payload.as_bytes()).unwrap();
        assert!(matches!(announced.news, Announcement::Other(_)) && announced.repository.is_some());
        assert_eq!(read("Tag Push Hook", payload.as_bytes()).unwrap().news, Announcement::Other(Reason::NotBranch));
        assert!(read("Push Hook", b"{}").is_err());
    }
}
