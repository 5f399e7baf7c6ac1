//! GitHub's payloads, and those of Gitea and Forgejo, which follow its form. They differ in this:
//!
//! - A list that is empty is `null` there; a push lists few of its commits and says how many there are.
//! - The event `delete` tells of a branch that is gone; GitHub sends a push as well.
//! - A pull request with another head is `synchronized`, not `synchronize`.
//! - A test delivery is a push that moves nothing.
//! - They do not say whether a push was forced.

use berth_model::{BranchName, Commit, CommitHash, PullRequestAction as Action, Reason, skip_word};
use serde::Deserialize;
use serde_json::Error;

use super::announcement::{Announced, Announcement, PullRequestNews, Push, Repository, bad, clean};
use super::changes::{Changes, ListedCommit, Person};

/// What git calls no commit.
const NONE: &str = "0000000000000000000000000000000000000000";

/// A `push` event.
#[derive(Deserialize)]
struct PushPayload {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    before: String,
    after: String,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    forced: bool,
    #[serde(default)]
    commits: Changes,
    total_commits: Option<u64>,
    head_commit: Option<ListedCommit>,
    pusher: Option<Person>,
    repository: RepositoryPayload,
}

/// A `pull_request` event.
#[derive(Deserialize)]
struct PullRequestPayload {
    #[serde(default)]
    action: String,
    pull_request: Option<PullRequest>,
    repository: Option<RepositoryPayload>,
}

#[derive(Deserialize)]
struct PullRequest {
    number: i64,
    title: Option<String>,
    user: Option<Person>,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    reference: String,
    sha: String,
    /// Absent once it was deleted.
    repo: Option<RepositoryPayload>,
}

/// A `delete` event.
#[derive(Deserialize)]
struct DeletePayload {
    #[serde(rename = "ref", default)]
    reference: String,
    #[serde(default)]
    ref_type: String,
    repository: Option<RepositoryPayload>,
}

/// Any event: whose repository it is about.
#[derive(Deserialize)]
struct AnyPayload {
    repository: Option<RepositoryPayload>,
}

#[derive(Deserialize)]
struct RepositoryPayload {
    #[serde(default)]
    full_name: String,
    html_url: Option<String>,
}

impl From<RepositoryPayload> for Repository {
    fn from(payload: RepositoryPayload) -> Self {
        Self { full_name: clean(&payload.full_name), page: payload.html_url }
    }
}

/// Reads a delivery.
///
/// # Errors
/// When it is not the JSON of such an event.
pub(super) fn read(event: &str, payload: &[u8]) -> Result<Announced, Error> {
    match event {
        "push" => serde_json::from_slice(payload).map(push),
        "pull_request" => serde_json::from_slice(payload).map(pull_request),
        "delete" => serde_json::from_slice(payload).map(delete),
        _ => {
            let AnyPayload { repository } = serde_json::from_slice(payload)?;
            let news = match event {
                "ping" => Announcement::Ping,
                _ => Announcement::Other(Reason::OtherEvent),
            };
            Ok(Announced { repository: repository.map(Repository::from), news })
        }
    }
}

fn push(mut payload: PushPayload) -> Announced {
    let news = what_was_pushed(&mut payload).unwrap_or_else(Announcement::Unreadable);
    Announced { repository: Some(payload.repository.into()), news }
}

fn what_was_pushed(payload: &mut PushPayload) -> Result<Announcement, Reason> {
    let Some(branch) = payload.reference.strip_prefix("refs/heads/") else {
        return Ok(Announcement::Other(Reason::NotBranch));
    };
    let branch = BranchName::parse(branch).map_err(bad("ref"))?;
    if payload.deleted || payload.after == NONE {
        return Ok(Announcement::BranchDeleted(branch));
    }
    if payload.before == payload.after {
        return Ok(Announcement::Other(Reason::BranchUnmoved));
    }
    let hash = CommitHash::parse(&payload.after).map_err(bad("after"))?;
    let before = CommitHash::parse(&payload.before).ok();
    let head = payload.head_commit.as_ref().filter(|head| head.id == payload.after);
    let head = head.or_else(|| payload.commits.commit(&payload.after));
    let author = head.and_then(|head| head.author.as_ref()).and_then(Person::called);
    let author = author.or_else(|| payload.pusher.as_ref().and_then(Person::called)).unwrap_or_default();
    let message = head.map(|head| head.message.as_str()).unwrap_or_default();
    let (skip, commit) = (skip_word(message), Commit { hash, message: clean(message), author: clean(author) });
    let is_whole = !payload.created && !payload.forced;
    let changes = is_whole.then(|| payload.commits.complete(payload.total_commits)).flatten();
    Ok(Announcement::Push(Push { branch, commit, skip, before, changes }))
}

fn pull_request(payload: PullRequestPayload) -> Announced {
    let repository = payload.repository.map(Repository::from);
    let news = match (payload.pull_request, &repository) {
        (Some(pull_request), Some(repository)) => {
            what_was_asked(&payload.action, pull_request, repository).unwrap_or_else(Announcement::Unreadable)
        }
        _ => Announcement::Other(Reason::PullRequestUnnamed),
    };
    Announced { repository, news }
}

fn what_was_asked(action: &str, asked: PullRequest, repository: &Repository) -> Result<Announcement, Reason> {
    let action = match action {
        "opened" => Action::Opened,
        "synchronize" | "synchronized" => Action::Updated,
        "reopened" => Action::Reopened,
        "edited" => Action::Edited,
        "closed" => Action::Closed,
        _ => return Ok(Announcement::Other(Reason::OtherOfPullRequest)),
    };
    let PullRequest { number, title, user, head } = asked;
    if number <= 0 {
        return Err(Reason::BadValue { field: "number".into(), problem: "a pull request has a positive one".into() });
    }
    let reference = format!("refs/pull/{number}/head");
    let author = clean(user.as_ref().and_then(Person::called).unwrap_or_default());
    let fork = match head.repo {
        // Whoever may read can ask with commits of no branch (git push … refs/for/main): a stranger's, too.
        Some(_) if head.reference == reference => Some(format!("{author}, of no branch")),
        Some(repo) if repo.full_name.eq_ignore_ascii_case(&repository.full_name) => None,
        Some(repo) => Some(clean(&repo.full_name)),
        None => Some("a deleted repository".to_owned()),
    };
    // Gitea names the branch of a repository that is gone by this reference, and one that there never was.
    let branch = if head.reference == reference { format!("pull/{number}") } else { head.reference };
    Ok(Announcement::PullRequest(PullRequestNews {
        number,
        action,
        branch: BranchName::parse(&branch).map_err(bad("head.ref"))?,
        head: CommitHash::parse(&head.sha).map_err(bad("head.sha"))?,
        fork,
        reference,
        title: clean(&title.unwrap_or_default()),
        author,
    }))
}

fn delete(payload: DeletePayload) -> Announced {
    let branch = payload.reference.strip_prefix("refs/heads/").unwrap_or(&payload.reference);
    let news = match (payload.ref_type.as_str(), BranchName::parse(branch)) {
        ("branch", Ok(branch)) => Announcement::BranchDeleted(branch),
        ("branch", Err(problem)) => Announcement::Unreadable(bad("ref")(problem)),
        _ => Announcement::Other(Reason::NotBranch),
    };
    Announced { repository: payload.repository.map(Repository::from), news }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HEAD: &str = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
    const BEFORE: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432";

    fn news(event: &str, payload: &Value) -> Announcement {
        read(event, payload.to_string().as_bytes()).unwrap().news
    }

    fn pushed(change: Value) -> Announcement {
        let mut payload = json!({
            "ref": "refs/heads/main", "before": BEFORE, "after": HEAD,
            "created": false, "deleted": false, "forced": false,
            "commits": [{"id": HEAD, "modified": ["a"]}],
            "head_commit": {"id": HEAD, "message": "Say hello", "author": {"name": "Ada"}},
            "pusher": {"name": "ada-l"},
            "repository": {"full_name": "ada/shop", "html_url": "https://github.com/ada/shop"},
        });
        for (key, value) in change.as_object().unwrap() {
            payload[key] = value.clone();
        }
        news("push", &payload)
    }

    fn push(change: Value) -> Push {
        let Announcement::Push(push) = pushed(change) else { panic!("not a push") };
        push
    }

    fn said(change: Value) -> (String, String) {
        let Commit { message, author, .. } = push(change).commit;
        (message, author)
    }

    #[test]
    fn what_a_push_says() {
        let usual = push(json!({}));
        assert_eq!((usual.branch.as_str(), usual.commit.hash.as_str()), ("main", HEAD));
        assert_eq!(usual.before.unwrap().as_str(), BEFORE);
        assert_eq!(usual.changes.unwrap().into_iter().collect::<Vec<_>>(), ["a"]);
        assert_eq!(said(json!({})), ("Say hello".into(), "Ada".into()));
        assert_eq!(said(json!({"head_commit": null, "commits": []})), (String::new(), "ada-l".into()), "a new branch");
        for uncertain in [json!({"created": true}), json!({"forced": true}), json!({"total_commits": 6})] {
            assert_eq!(push(uncertain).changes, None);
        }
    }

    #[test]
    fn what_is_no_push_to_a_branch() {
        let main = BranchName::parse("main").unwrap();
        let gone = json!({"deleted": true, "after": NONE, "head_commit": null});
        assert_eq!(pushed(gone), Announcement::BranchDeleted(main.clone()));
        assert_eq!(pushed(json!({"after": NONE})), Announcement::BranchDeleted(main));
        assert_eq!(pushed(json!({"ref": "refs/tags/v1"})), Announcement::Other(Reason::NotBranch));
        assert!(matches!(pushed(json!({"before": HEAD})), Announcement::Other(_)), "Gitea's test delivery");
        assert!(matches!(pushed(json!({"ref": "refs/heads/-u"})), Announcement::Unreadable(_)));
        assert!(matches!(pushed(json!({"after": "HEAD"})), Announcement::Unreadable(_)));
        assert!(read("push", b"{}").is_err() && read("push", b"{\"ref\":").is_err());
    }

    #[test]
    fn giteas_push() {
        let author = json!({"name": "Ada", "email": "ada@example.org", "username": "ada"});
        let commit = json!({"id": HEAD, "message": "Say hello\n", "author": author, "added": null, "removed": null,
                            "modified": ["a"]});
        let payload = json!({
            "ref": "refs/heads/main", "before": BEFORE, "after": HEAD, "commits": [commit], "total_commits": 1,
            "head_commit": commit, "pusher": {"id": 1, "login": "ada", "full_name": "", "username": "ada"},
            "repository": {"full_name": "ada/shop", "html_url": "https://git.example.org/ada/shop"},
        });
        let Announcement::Push(push) = news("push", &payload) else { panic!() };
        assert_eq!((push.commit.message.as_str(), push.commit.author.as_str()), ("Say hello\n", "Ada"));
        assert!(push.changes.is_some());
        let deleted = json!({"ref": "next", "ref_type": "branch", "pusher_type": "user", "repository": {"full_name": "ada/shop"}});
        assert_eq!(news("delete", &deleted), Announcement::BranchDeleted(BranchName::parse("next").unwrap()));
        let tag = json!({"ref": "v1", "ref_type": "tag", "repository": {"full_name": "ada/shop"}});
        assert_eq!(news("delete", &tag), Announcement::Other(Reason::NotBranch));
    }

    fn asked(action: &str, repo: Value) -> Announcement {
        let payload = json!({
            "action": action, "number": 7,
            "pull_request": {"number": 7, "title": "Greet", "user": {"login": "mallory"},
                             "head": {"ref": "greet", "sha": HEAD, "repo": repo}, "base": {"ref": "main"}},
            "repository": {"full_name": "ada/shop", "html_url": "https://github.com/ada/shop"},
        });
        news("pull_request", &payload)
    }

    #[test]
    fn what_a_pull_request_says() {
        let fork = |repo: Value| match asked("opened", repo) {
            Announcement::PullRequest(news) => news.fork,
            other => panic!("{other:?}"),
        };
        assert_eq!(fork(json!({"full_name": "Ada/Shop"})), None);
        assert_eq!(fork(json!({"full_name": "mallory/shop"})).as_deref(), Some("mallory/shop"));
        assert_eq!(fork(json!(null)).as_deref(), Some("a deleted repository"));
        for (word, action) in [
            ("opened", Action::Opened),
            ("synchronize", Action::Updated),
            ("synchronized", Action::Updated),
            ("reopened", Action::Reopened),
            ("edited", Action::Edited),
            ("closed", Action::Closed),
        ] {
            let Announcement::PullRequest(news) = asked(word, json!(null)) else { panic!("{word}") };
            assert_eq!((news.action, news.number, news.reference.as_str()), (action, 7, "refs/pull/7/head"));
            assert_eq!((news.title.as_str(), news.author.as_str()), ("Greet", "mallory"));
        }
        assert!(matches!(asked("labeled", json!(null)), Announcement::Other(_)));
        let nothing = json!({"repository": {"full_name": "ada/shop"}});
        assert!(matches!(news("pull_request", &nothing), Announcement::Other(_)));
    }

    #[test]
    fn what_gitea_takes_without_a_branch_is_a_strangers() {
        let payload = json!({
            "action": "opened", "number": 7,
            "pull_request": {"number": 7, "title": "Greet", "user": {"login": "mallory"},
                             "head": {"ref": "refs/pull/7/head", "sha": HEAD, "repo": {"full_name": "ada/shop"}}},
            "repository": {"full_name": "ada/shop", "html_url": "https://git.example.org/ada/shop"},
        });
        let Announcement::PullRequest(asked) = news("pull_request", &payload) else { panic!() };
        assert_eq!((asked.branch.as_str(), asked.fork.as_deref()), ("pull/7", Some("mallory, of no branch")));
    }

    #[test]
    fn w8_other_events_name_their_repository_at_most() {
        let ping = read("ping", br#"{"zen": "x", "repository": {"full_name": "ada/shop"}}"#).unwrap();
        assert_eq!((ping.news, ping.repository.unwrap().full_name.as_str()), (Announcement::Ping, "ada/shop"));
        let other = read("installation", br#"{"action": "created"}"#).unwrap();
        assert!(matches!((other.news, other.repository), (Announcement::Other(_), None)));
        assert!(read("issues", b"[]").is_err() && read("issues", b"").is_err());
    }
}
