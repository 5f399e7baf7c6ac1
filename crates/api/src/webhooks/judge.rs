//! What is to become of a delivery: whom it concerns, and what it leads to for each of them. Reads, writes nothing.

use berth_model::{
    Access, BranchName, Commit, Fork, ProjectId, PullRequest, PullRequestAction as Action, Reason, RepoKey, Trigger,
    preview_labels,
};
use berth_store::{Admission, NewBuild, PreviewOf, PreviewPush, Project, Wish};
use http::StatusCode;

use super::announcement::{Announced, Announcement, PullRequestNews, Push, Repository};
use super::provider::Provider;
use super::{filter, github, gitlab};
use crate::Api;
use crate::error::ApiError;

/// Whose projects a delivery can concern.
pub(super) enum Audience {
    /// Every project of the repository: it came to the installation's hook.
    Everybody,
    /// The projects that somebody who does it again reaches.
    Of(Access),
    /// The project whose own hook it came to.
    Only(Box<Project>),
}

/// What becomes of a delivery: kept with it, and told to the sender.
pub(super) struct Outcome {
    pub(super) reason: Reason,
    pub(super) repo: Option<RepoKey>,
    pub(super) projects: Vec<ProjectId>,
    pub(super) fate: Fate,
}

/// Whether a delivery leads to something.
pub(super) enum Fate {
    /// To this, for each of its projects.
    Wishes(Vec<Wish>),
    /// It was genuine and asks for nothing.
    Ignored,
    /// It is not what it should be.
    Rejected(StatusCode),
}

/// Judges a delivery that was signed.
pub(super) async fn judge(
    api: &Api,
    provider: Provider,
    event: &str,
    payload: &[u8],
    audience: Audience,
) -> Result<Outcome, ApiError> {
    let read = match provider {
        Provider::Github | Provider::Gitea | Provider::Forgejo => github::read(event, payload),
        Provider::Gitlab => gitlab::read(event, payload),
    };
    let Announced { repository, news } = match read {
        Ok(announced) => announced,
        Err(error) => {
            let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let reason = Reason::NotJson { line: place(error.line()), column: place(error.column()) };
            return Ok(Outcome::rejected(StatusCode::BAD_REQUEST, reason, None));
        }
    };
    let is_shared = !matches!(audience, Audience::Only(_));
    let (repo, mut projects) = match audience {
        Audience::Only(project) => {
            let Some(source) = &project.repo_url else {
                return Ok(Outcome::ignored(Reason::NoRepository, None, &[*project]));
            };
            match repository.filter(|repository| !repository.is_at(source)) {
                Some(other) => return Ok(Outcome::about_another(&other, source.key(), project.id)),
                None => (Some(source.key()), vec![*project]),
            }
        }
        Audience::Everybody => projects_of(api, repository.as_ref(), |_| true).await?,
        Audience::Of(access) => {
            let is_theirs = |project: &Project| project.user == access.user() && access.reaches(project.id);
            projects_of(api, repository.as_ref(), is_theirs).await?
        }
    };
    let asks = matches!(
        news,
        Announcement::Push(_)
            | Announcement::BranchDeleted(_)
            | Announcement::PullRequest(_)
            | Announcement::Unreadable(_)
    );
    if projects.is_empty() && (asks || event == "push") {
        return Ok(Outcome::rejected(StatusCode::NOT_FOUND, Reason::NoProject, repo));
    }
    if is_shared {
        let sharing = projects.clone();
        let own_branch = match &news {
            Announcement::Push(push) => Some(&push.branch),
            _ => None,
        };
        projects.retain(|project| may_hear(api, project, &sharing) || own_branch == Some(&project.branch));
    }
    let reason = match &news {
        Announcement::Push(push) => Reason::Push { branch: push.branch.to_string() },
        Announcement::BranchDeleted(branch) => Reason::BranchDeleted { branch: branch.to_string() },
        Announcement::PullRequest(news) => Reason::PullRequest { number: news.number, action: news.action },
        Announcement::Ping => return Ok(Outcome::ignored(Reason::HookWorks, repo, &projects)),
        Announcement::Other(why) => return Ok(Outcome::ignored(why.clone(), repo, &projects)),
        Announcement::Unreadable(problem) => {
            // Its owners learn what their host sends.
            let rejected = Outcome::rejected(StatusCode::BAD_REQUEST, problem.clone(), repo);
            return Ok(Outcome { projects: ids(&projects), ..rejected });
        }
    };
    let mut wishes = Vec::with_capacity(projects.len());
    for project in &projects {
        wishes.push(match &news {
            Announcement::Push(push) if is_shared && !may_hear(api, project, &projects) => {
                let commit = Commit { message: String::new(), author: String::new(), ..push.commit.clone() };
                of_push(api, project, &Push { commit, ..push.clone() }).await?
            }
            Announcement::Push(push) => of_push(api, project, push).await?,
            Announcement::BranchDeleted(branch) => of_deletion(project, branch),
            Announcement::PullRequest(news) => of_pull_request(api, project, news).await?,
            Announcement::Ping | Announcement::Other(_) | Announcement::Unreadable(_) => continue,
        });
    }
    Ok(Outcome { reason, repo, projects: ids(&projects), fate: Fate::Wishes(wishes) })
}

/// The projects of a repository that are asked after.
async fn projects_of(
    api: &Api,
    repository: Option<&Repository>,
    concerns: impl Fn(&Project) -> bool,
) -> Result<(Option<RepoKey>, Vec<Project>), ApiError> {
    let keys = repository.map(|repository| repository.keys(&api.config.github_url)).unwrap_or_default();
    for key in &keys {
        let mut projects = api.store.projects_of_repo(key).await?;
        if !projects.is_empty() {
            projects.retain(concerns);
            return Ok((Some(key.clone()), projects));
        }
    }
    Ok((keys.into_iter().next(), Vec::new()))
}

/// Whether a project's owner may hear all that a repository's hook tells. Where Berth adds it at GitHub, only those who
/// were let have it: for anybody else, who may have entered an address that is not theirs to see, a push to the branch
/// that they named is a hash, and the rest is what their own token fetches.
fn may_hear(api: &Api, project: &Project, sharing: &[Project]) -> bool {
    let is_added = api.config.github.is_some() && project.repository_under(&api.config.github_url).is_some();
    !is_added || sharing.iter().any(|other| other.user == project.user && other.webhook_id.is_some())
}

async fn of_push(api: &Api, project: &Project, push: &Push) -> Result<Wish, ApiError> {
    let is_own = project.branch == push.branch;
    if !is_own && !project.previews {
        return Ok(nothing(project, Reason::PreviewsOff));
    }
    let admission = filter::admission(api, project, push).await?;
    let (branch, commit) = (push.branch.clone(), Some(push.commit.clone()));
    if is_own {
        let build = NewBuild::production(project.id, Trigger::Push, branch, commit);
        return Ok(Wish::Build(NewBuild { admission, ..build }));
    }
    Ok(Wish::Preview(PreviewPush {
        project: project.id,
        hosts: hosts(api, project, &branch),
        branch,
        commit,
        trigger: Trigger::Push,
        pull_request: None,
        title: None,
        admission,
    }))
}

fn of_deletion(project: &Project, branch: &BranchName) -> Wish {
    if project.branch == *branch {
        return nothing(project, Reason::OwnBranchGone);
    }
    // What a fork's pull request shows does not end with a branch that only has a name like it.
    if branch.is_of_pull_request() {
        return nothing(project, Reason::NoPreviewEnds);
    }
    let of = PreviewOf::Branch(branch.clone());
    Wish::ClosePreview { project: project.id, of, why: "its branch was deleted" }
}

async fn of_pull_request(api: &Api, project: &Project, news: &PullRequestNews) -> Result<Wish, ApiError> {
    let number = news.number;
    if news.action == Action::Closed {
        let of = PreviewOf::PullRequest(number);
        return Ok(Wish::ClosePreview { project: project.id, of, why: "its pull request was closed" });
    }
    if !project.previews {
        return Ok(nothing(project, Reason::PreviewsOff));
    }
    let branch = match &news.fork {
        Some(_) => BranchName::of_pull_request(number),
        None if project.branch == news.branch => return Ok(nothing(project, Reason::OwnBranch)),
        None => news.branch.clone(),
    };
    let title = Some(news.title.clone()).filter(|title| !title.is_empty());
    // The push to a branch of the repository's own builds its new head; it may be told after this, and then knows no
    // pull request that a preview without one would belong to.
    let has_new_head = match news.action {
        Action::Opened | Action::Reopened => true,
        Action::Updated => news.fork.is_some() || !has_preview(api, project, &branch).await?,
        Action::Edited | Action::Closed => false,
    };
    if !has_new_head {
        return Ok(Wish::DescribePreview { project: project.id, branch, number, title });
    }
    let admission = match &news.fork {
        Some(fork) => Admission::Held { reason: Reason::FromFork { fork: fork.clone() }.into() },
        None => Admission::Queued,
    };
    let fork = news.fork.clone().map(|repository| Fork { repository, reference: news.reference.clone() });
    Ok(Wish::Preview(PreviewPush {
        project: project.id,
        hosts: hosts(api, project, &branch),
        branch,
        // Its own message and author are known once it is fetched.
        commit: Some(Commit { hash: news.head.clone(), message: news.title.clone(), author: news.author.clone() }),
        trigger: Trigger::PullRequest,
        pull_request: Some(PullRequest { number, fork }),
        title,
        admission,
    }))
}

async fn has_preview(api: &Api, project: &Project, branch: &BranchName) -> Result<bool, ApiError> {
    Ok(api.store.open_previews(project.id).await?.iter().any(|preview| preview.branch == *branch))
}

/// The hosts that a branch's preview may get, the wanted one first.
pub(super) fn hosts(api: &Api, project: &Project, branch: &BranchName) -> [String; 2] {
    preview_labels(&project.name, branch).map(|label| api.config.site_host(&label))
}

fn nothing(project: &Project, why: Reason) -> Wish {
    Wish::Nothing { project: project.id, why }
}

fn ids(projects: &[Project]) -> Vec<ProjectId> {
    projects.iter().map(|project| project.id).collect()
}

impl Outcome {
    fn ignored(reason: Reason, repo: Option<RepoKey>, projects: &[Project]) -> Self {
        Self { reason, repo, projects: ids(projects), fate: Fate::Ignored }
    }

    fn rejected(status: StatusCode, reason: Reason, repo: Option<RepoKey>) -> Self {
        Self { reason, repo, projects: Vec::new(), fate: Fate::Rejected(status) }
    }

    fn about_another(other: &Repository, key: RepoKey, project: ProjectId) -> Self {
        let own = key.as_str().split_once('/').map_or(key.as_str(), |(_, path)| path);
        let reason = Reason::AnotherRepository { named: other.full_name.clone(), own: own.to_owned() };
        Self { reason, repo: Some(key), projects: vec![project], fate: Fate::Ignored }
    }
}
