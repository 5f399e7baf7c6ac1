//! What a delivery says, whoever sent it: only what decides what is built. Never an address to fetch from.

use std::collections::BTreeSet;

use berth_model::{BranchName, Commit, CommitHash, InvalidInput, PullRequestAction, Reason, RepoKey, RepoUrl};
use url::Url;

/// Characters kept of a commit's message, a title and a name.
const LONGEST_TEXT: usize = 1_000;

/// A delivery that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Absent in events about an account or an organization.
    pub(crate) repository: Option<Repository>,
    pub(crate) news: Announcement,
}

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Announcement {
    /// A branch has a new head.
    Push(Push),
    /// A branch is gone.
    BranchDeleted(BranchName),
    /// Something about a pull request.
    PullRequest(PullRequestNews),
    /// The host tries its hook.
    Ping,
    /// Nothing that anything is built of, and why.
    Other(Reason),
    /// It should say what a push or a pull request says and does not; which part.
    Unreadable(Reason),
}

/// A branch has a new head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) branch: BranchName,
    pub(crate) commit: Commit,
    /// The word by which the commit's message asks for no build.
    pub(crate) skip: Option<&'static str>,
    /// The head before, if the branch had one.
    pub(crate) before: Option<CommitHash>,
    /// Every changed file, if the delivery is certain to name them all.
    pub(crate) changes: Option<BTreeSet<String>>,
}

/// Something about a pull request of the repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PullRequestNews {
    pub(crate) number: i64,
    pub(crate) action: PullRequestAction,
    /// The branch that it wants to have merged.
    pub(crate) branch: BranchName,
    pub(crate) head: CommitHash,
    /// The repository that branch is in, if it is another one.
    pub(crate) fork: Option<String>,
    /// Where the repository that it is for shows its commits.
    pub(crate) reference: String,
    pub(crate) title: String,
    pub(crate) author: String,
}

/// The repository that a delivery is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// `owner/name`; GitLab has groups in groups.
    pub(crate) full_name: String,
    /// The address that people open.
    pub(crate) page: Option<String>,
}

impl Repository {
    /// What its projects are found by: its page, or its name under GitHub. The payload's clone address is not read.
    pub(crate) fn keys(&self, github_url: &Url) -> Vec<RepoKey> {
        let under_github = format!("{}/{}", github_url.as_str().trim_end_matches('/'), self.full_name);
        let addresses = [self.page.as_deref(), Some(&under_github)].into_iter().flatten();
        let mut keys: Vec<RepoKey> =
            addresses.filter_map(|address| Some(RepoUrl::parse(address).ok()?.key())).collect();
        keys.dedup();
        keys
    }

    /// Whether a project's address names it. Its host may be known to people by another name than to Berth, so only
    /// the path is compared; below a path of the host's own, that of the page.
    pub(crate) fn is_at(&self, address: &RepoUrl) -> bool {
        let path = |url: &RepoUrl| url.key().as_str().split_once('/').map(|(_, path)| path.to_owned());
        let wanted = path(address);
        let page = self.page.as_deref().and_then(|page| RepoUrl::parse(page).ok());
        wanted.is_some()
            && (wanted == Some(self.full_name.to_ascii_lowercase()) || wanted == page.as_ref().and_then(path))
    }
}

/// What is told of a part that cannot be what it stands for.
pub(super) fn bad(field: &'static str) -> impl FnOnce(InvalidInput) -> Reason {
    move |problem| Reason::BadValue { field: field.into(), problem: problem.message }
}

/// Text of a stranger, short and without NUL.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(full_name: &str, page: Option<&str>) -> Repository {
        Repository { full_name: full_name.to_owned(), page: page.map(str::to_owned) }
    }

    #[test]
    fn w13_found_by_page_or_name() {
        let github = Url::parse("https://github.com").unwrap();
        let keys = |full_name, page| {
            let keys = repository(full_name, page).keys(&github);
            keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(keys("Ada/Shop", Some("https://github.com/Ada/Shop")), ["github.com/ada/shop"]);
        assert_eq!(keys("a/b", Some("http://127.0.0.1:9/a/b")), ["127.0.0.1:9/a/b", "github.com/a/b"]);
        assert_eq!(keys("a\nb", None), Vec::<String>::new());
    }

    #[test]
    fn a_projects_own_hook_hears_of_its_own_repository() {
        let is_at = |full_name, page, address| repository(full_name, page).is_at(&RepoUrl::parse(address).unwrap());
        assert!(is_at("Ada/Shop", None, "https://git.example.org/ada/shop.git"));
        assert!(is_at("group/sub/shop", None, "https://git.example.org/group/sub/shop"));
        assert!(!is_at("sub/shop", None, "https://git.example.org/group/sub/shop"));
        let page = Some("http://gitea.internal:3000/git/ada/shop");
        assert!(is_at("ada/shop", page, "https://example.org/git/ada/shop.git"), "a host that is not at its top");
        assert!(!is_at("ada/shop", page, "https://example.org/ada/other"));
        assert!(!is_at("", None, "https://example.org/ada/other"));
    }
}
