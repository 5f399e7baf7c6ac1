//! What can be said about a commit, a deployment and a pull request.

use berth_secrets::SecretString;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Github, GithubError, PAGE, read, repository_path};

/// Characters that GitHub takes as the description of a status.
pub const LONGEST_DESCRIPTION: usize = 140;
/// Pages of comments that are looked through for one of ours.
const MOST_COMMENT_PAGES: u32 = 10;

/// A commit's status under one context. The newest of a context is the one that GitHub shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitStatus {
    /// How it stands.
    pub state: CommitState,
    /// Who says so.
    pub context: String,
    /// One line of at most [`LONGEST_DESCRIPTION`] characters.
    pub description: String,
    /// Where there is more to see.
    pub target_url: String,
}

/// How a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitState {
    /// Not known yet.
    Pending,
    /// Good.
    Success,
    /// Not good, by the commit's own fault.
    Failure,
    /// Not known, and nobody is at it any more.
    Error,
}

/// A deployment to be made known. Nothing is merged and no other check is waited for: it has happened already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeployment {
    /// The commit.
    pub commit: String,
    /// Where it goes.
    pub environment: String,
    /// Whether users see it there.
    pub production: bool,
    /// Whether the environment ends some day, as that of a branch does.
    pub transient: bool,
    /// What it is known by to us, so that it can be found again.
    pub mark: String,
}

/// How a deployment stands. The newest one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeploymentStatus {
    /// How it stands.
    pub state: DeploymentState,
    /// One line of at most [`LONGEST_DESCRIPTION`] characters.
    pub description: String,
    /// The build.
    pub log_url: String,
    /// The site, while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_url: Option<String>,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// It waits for its turn.
    Queued,
    /// It is being made.
    InProgress,
    /// It is there.
    Success,
    /// It could not be made, by the commit's own fault.
    Failure,
    /// It was not made.
    Error,
    /// It was there.
    Inactive,
}

/// A comment under a pull request.
#[derive(Clone, Debug, Deserialize)]
pub struct Comment {
    /// Its number.
    pub id: i64,
    /// Its text.
    #[serde(default)]
    pub body: Option<String>,
    /// Who wrote it; nobody when the account is gone.
    #[serde(default)]
    pub user: Option<Commenter>,
}

/// Who wrote a comment.
#[derive(Clone, Debug, Deserialize)]
pub struct Commenter {
    /// Never changes.
    pub id: i64,
}

#[derive(Deserialize)]
struct Made {
    id: i64,
}

#[derive(Deserialize)]
struct KnownDeployment {
    id: i64,
    #[serde(default)]
    payload: Value,
}

/// Owner and name of a repository.
pub type RepositoryName<'a> = (&'a str, &'a str);

impl Github {
    /// Sets a commit's status.
    pub async fn create_status(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        commit: &str,
        status: &CommitStatus,
    ) -> Result<(), GithubError> {
        let path = format!("{}/statuses/{commit}", repository_path(owner, name)?);
        self.send(token, Method::POST, &path, Some(&json!(status))).await.map(drop)
    }

    /// Makes a deployment known; returns its number.
    pub async fn create_deployment(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        new: &NewDeployment,
    ) -> Result<i64, GithubError> {
        let path = format!("{}/deployments", repository_path(owner, name)?);
        let body = json!({
            "ref": new.commit,
            "environment": new.environment,
            "production_environment": new.production,
            "transient_environment": new.transient,
            "auto_merge": false,
            "required_contexts": [],
            "payload": {"berth": new.mark},
        });
        Ok(read::<Made>(self.send(token, Method::POST, &path, Some(&body)).await?).await?.id)
    }

    /// The number of a deployment that was made known before under the same mark, if it was.
    pub async fn find_deployment(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        new: &NewDeployment,
    ) -> Result<Option<i64>, GithubError> {
        let path = format!("{}/deployments?sha={}&per_page={PAGE}", repository_path(owner, name)?, new.commit);
        let known: Vec<KnownDeployment> = self.get(token, &path).await?;
        Ok(known.into_iter().find(|known| known.payload["berth"] == new.mark.as_str()).map(|known| known.id))
    }

    /// Tells how a deployment stands. Which others no longer do is told of each of them, not concluded by GitHub.
    pub async fn create_deployment_status(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        deployment: i64,
        status: &DeploymentStatus,
    ) -> Result<(), GithubError> {
        let path = format!("{}/deployments/{deployment}/statuses", repository_path(owner, name)?);
        let mut body = json!(status);
        body["auto_inactive"] = json!(false);
        self.send(token, Method::POST, &path, Some(&body)).await.map(drop)
    }

    /// The first comment under a pull request that `is_ours`.
    pub async fn find_comment(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        pull_request: i64,
        is_ours: impl Fn(&Comment) -> bool,
    ) -> Result<Option<Comment>, GithubError> {
        let comments = format!("{}/issues/{pull_request}/comments?per_page={PAGE}", repository_path(owner, name)?);
        for page in 1..=MOST_COMMENT_PAGES {
            let listed: Vec<Comment> = self.get(token, &format!("{comments}&page={page}")).await?;
            let is_last = listed.len() < PAGE as usize;
            if let Some(ours) = listed.into_iter().find(&is_ours) {
                return Ok(Some(ours));
            }
            if is_last {
                break;
            }
        }
        Ok(None)
    }

    /// Comments on a pull request; returns the comment's number.
    pub async fn create_comment(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        pull_request: i64,
        body: &str,
    ) -> Result<i64, GithubError> {
        let path = format!("{}/issues/{pull_request}/comments", repository_path(owner, name)?);
        Ok(read::<Made>(self.send(token, Method::POST, &path, Some(&json!({"body": body}))).await?).await?.id)
    }

    /// Replaces the text of a comment.
    pub async fn update_comment(
        &self,
        token: &SecretString,
        (owner, name): RepositoryName<'_>,
        comment: i64,
        body: &str,
    ) -> Result<(), GithubError> {
        let path = format!("{}/issues/comments/{comment}", repository_path(owner, name)?);
        self.send(token, Method::PATCH, &path, Some(&json!({"body": body}))).await.map(drop)
    }
}
