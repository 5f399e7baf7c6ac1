//! What Berth tells GitHub: a status of each commit, a deployment of each build, one comment under each pull request.
//!
//! [`Reporter::follow`] reads the event log and marks rows (`marks`); [`Reporter::send`] takes up a row whose time has
//! come, looks at how its subject stands (`facts`), puts that into GitHub's words (`status`, `deployment`, `comment`,
//! all without any IO), and says it if it is not what was said last. Nothing here is in the way of a deploy: it follows.

mod comment;
mod deployment;
mod facts;
mod marks;
mod message;
mod status;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_model::{BuildId, InstanceId, Timestamp, UserId};
use berth_secrets::{KeyRing, Sealed, SecretString};
use berth_store::{DueReport, Project, Report, ReportEnd, ReportKind, Store, StoreError};
use url::Url;

use self::marks::Marks;
use self::message::Message;
use crate::client::{Github, GithubError, LONGEST_DESCRIPTION, RECONNECT, RepositoryName};

/// Events that are read at once.
const PAGE: u32 = 200;
/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// Where things of this Berth are seen.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The control plane (`BERTH_PUBLIC_URL`).
    pub public_url: Url,
    /// How sites are reached.
    pub site_scheme: String,
    /// At which port, if not at the scheme's own.
    pub site_port: Option<u16>,
}

impl Addresses {
    fn site(&self, host: &str) -> String {
        match self.site_port {
            Some(port) => format!("{}://{host}:{port}", self.site_scheme),
            None => format!("{}://{host}", self.site_scheme),
        }
    }

    fn build(&self, build: BuildId) -> String {
        format!("{}/builds/{build}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// Tells GitHub, with the token of each project's owner. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Reporter(Arc<Inner>);

struct Inner {
    store: Store,
    keys: KeyRing,
    github: Github,
    /// GitHub's pages: below them are the repositories of which something is told.
    github_url: Url,
    instance: InstanceId,
    addresses: Addresses,
    /// Whose token GitHub takes no requests with, and until when.
    limits: Mutex<HashMap<UserId, Timestamp>>,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reporter").field(&self.0.github).finish()
    }
}

impl Reporter {
    /// Over a store, the key that tokens are sealed with, and a client.
    #[must_use]
    pub fn new(
        store: Store,
        keys: KeyRing,
        github: Github,
        github_url: Url,
        instance: InstanceId,
        addresses: Addresses,
    ) -> Self {
        Self(Arc::new(Inner { store, keys, github, github_url, instance, addresses, limits: Mutex::default() }))
    }

    /// Marks what happened since the last time.
    ///
    /// # Errors
    /// Only the database's own; what was not marked is found again.
    pub async fn follow(&self) -> Result<(), StoreError> {
        let Inner { store, github_url, .. } = &*self.0;
        let mut cursor = store.reports_cursor().await?;
        loop {
            let events = store.events_after(cursor, PAGE).await?;
            let Some(last) = events.last().map(|event| event.id) else { return Ok(()) };
            let marks = Marks::new(store, github_url).of(&events).await?;
            store.mark_reports(last, &marks).await?;
            cursor = last;
        }
    }

    /// Takes up one report. GitHub's refusals end in its row.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn send(&self, due: &DueReport) -> Result<(), StoreError> {
        let DueReport { report, user, .. } = due;
        let store = &self.0.store;
        if let Some(until) = self.limited_until(*user) {
            return store.put_off_reports(*user, until).await;
        }
        let end = match self.told(due).await {
            Ok(told) => ReportEnd::Told(told),
            Err(Untold::Store(error)) => return Err(error),
            Err(Untold::Github(error)) => self.untold(report, *user, &error).await?,
            Err(Untold::Here(problem)) => ReportEnd::Given { problem: problem.to_owned() },
            Err(Untold::Early) => {
                let at = store.clock().now().after(FIRST_PAUSE);
                ReportEnd::Later { at, problem: "GitHub is told of the commit first".to_owned() }
            }
        };
        if let ReportEnd::Later { problem, .. } | ReportEnd::Given { problem } = &end {
            tracing::info!(project = %report.project, kind = report.kind.as_str(), subject = report.subject, problem,
                "GitHub was not told");
        }
        store.end_report(report, end).await
    }

    /// Says what there is to say, if it is news, and returns it.
    async fn told(&self, due: &DueReport) -> Result<Option<String>, Untold> {
        let DueReport { report, user, .. } = due;
        let Inner { store, github_url, .. } = &*self.0;
        let Some(project) = store.project_unscoped(report.project).await? else { return Ok(None) };
        let Some((owner, name)) = project.repository_under(github_url) else { return Ok(None) };
        if report.kind == ReportKind::Comment && !store.may_speak_for_repo(project.id).await? {
            // Its statuses are due before; until GitHub has taken one, nobody knows whether its owner may write there.
            let waits = store.has_waiting_status(project.id).await?;
            return if waits { Err(Untold::Early) } else { Ok(None) };
        }
        let Some(message) = self.message(report, &project).await? else { return Ok(None) };
        let summary = message.summary();
        if report.told.as_deref().is_some_and(|told| message.says_no_more_than(told)) {
            return Ok(None);
        }
        let Some(sealed) = store.github_token(*user).await? else { return Ok(None) };
        let said = self.say_with(due, &sealed, &message, &project, (&owner, &name)).await;
        if matches!(said, Err(Untold::Github(GithubError::TokenRefused))) {
            store.github_refused(*user, &sealed).await?;
        }
        said.map(|()| Some(summary))
    }

    async fn say_with(
        &self,
        due: &DueReport,
        sealed: &Sealed,
        message: &Message,
        project: &Project,
        repository: RepositoryName<'_>,
    ) -> Result<(), Untold> {
        let DueReport { report, user, .. } = due;
        let Inner { store, keys, .. } = &*self.0;
        let token = keys.open_for_user(*user, "github", sealed);
        let token = token.map_err(|_| Untold::Here("the stored token cannot be opened; connect GitHub again"))?;
        store.begin_report(report.id).await?;
        self.say(report, message, &token, repository, project).await
    }

    async fn say(
        &self,
        report: &Report,
        message: &Message,
        token: &SecretString,
        repository: RepositoryName<'_>,
        project: &Project,
    ) -> Result<(), Untold> {
        let Inner { store, github, .. } = &*self.0;
        match message {
            Message::Status { commit, status } => github.create_status(token, repository, commit, status).await?,
            Message::Deployment { new, status } => {
                let known = match report.remote_id {
                    Some(known) => known,
                    None => {
                        // Somebody may have made it known and not lived to note its number.
                        let begun = report.attempts > 0;
                        let found = if begun { github.find_deployment(token, repository, new).await? } else { None };
                        let made = match found {
                            Some(found) => found,
                            None => github.create_deployment(token, repository, new).await?,
                        };
                        store.name_report(report.id, made).await?;
                        made
                    }
                };
                github.create_deployment_status(token, repository, known, status).await?;
            }
            Message::Comment { number, text } => {
                if let Some(known) = report.remote_id {
                    match github.update_comment(token, repository, known, text).await {
                        Err(GithubError::NotFound) => {
                            return Err(Untold::Here(
                                "somebody deleted the comment at GitHub; it is not written again",
                            ));
                        }
                        updated => return Ok(updated?),
                    }
                }
                let mark = comment::mark(&self.0.instance);
                let writers = self.writers(project).await?;
                let is_ours = |comment: &crate::client::Comment| {
                    let by_us = comment.user.as_ref().is_none_or(|user| writers.contains(&user.id));
                    by_us && comment.body.as_deref().is_some_and(|body| body.contains(&mark))
                };
                match github.find_comment(token, repository, *number, is_ours).await? {
                    Some(found) => {
                        store.name_report(report.id, found.id).await?;
                        github.update_comment(token, repository, found.id, text).await?;
                    }
                    None => {
                        let made = github.create_comment(token, repository, *number, text).await?;
                        store.name_report(report.id, made).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// GitHub's numbers of the owners of the projects that are spoken of: whose comments may be ours.
    async fn writers(&self, project: &Project) -> Result<Vec<i64>, StoreError> {
        let mut writers = Vec::new();
        for other in self.speaking_projects(project).await? {
            writers.extend(self.0.store.user(other.user).await?.and_then(|owner| owner.github_id));
        }
        Ok(writers)
    }

    /// What follows from GitHub's not having taken it.
    async fn untold(&self, report: &Report, user: UserId, error: &GithubError) -> Result<ReportEnd, StoreError> {
        let store = &self.0.store;
        let now = store.clock().now();
        let problem = in_words(error);
        Ok(match error {
            GithubError::TokenRefused => ReportEnd::Later { at: now, problem },
            GithubError::RateLimited(seconds) => {
                let until = now.after(Duration::from_secs(*seconds));
                self.0.limits.lock().unwrap_or_else(PoisonError::into_inner).insert(user, until);
                store.put_off_reports(user, until).await?;
                ReportEnd::Later { at: until, problem }
            }
            GithubError::NotFound | GithubError::Forbidden(_) | GithubError::Unprocessable(_) => {
                ReportEnd::Given { problem }
            }
            GithubError::Unexpected(status)
                if error.is_move() || status.is_client_error() && status.as_u16() != 408 =>
            {
                ReportEnd::Given { problem }
            }
            GithubError::Silent | GithubError::Unreachable(_) | GithubError::Unexpected(_) => {
                ReportEnd::Later { at: now.after(pause(report, now)), problem }
            }
        })
    }

    fn limited_until(&self, user: UserId) -> Option<Timestamp> {
        let now = self.0.store.clock().now();
        let mut limits = self.0.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limits.retain(|_, until| *until > now);
        limits.get(&user).copied()
    }
}

/// Why a report was not told.
enum Untold {
    /// The database does not answer: nothing is known of the report.
    Store(StoreError),
    /// GitHub did not take it.
    Github(GithubError),
    /// It cannot be told, whatever GitHub says.
    Here(&'static str),
    /// Something else is to be told first.
    Early,
}

impl From<StoreError> for Untold {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<GithubError> for Untold {
    fn from(error: GithubError) -> Self {
        Self::Github(error)
    }
}

/// The pause before the next attempt: doubled each time, and a fifth longer or shorter, so that what failed together
/// does not come back together.
fn pause(report: &Report, now: Timestamp) -> Duration {
    let doublings = u32::try_from(report.attempts).unwrap_or(u32::MAX).min(9);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let spread = now.0.wrapping_mul(31).wrapping_add(report.id.0.wrapping_mul(7_919)).rem_euclid(401);
    pause.mul_f64(0.8 + f64::from(u16::try_from(spread).unwrap_or(200)) / 1_000.0)
}

/// What a project's owner reads.
fn in_words(error: &GithubError) -> String {
    match error {
        GithubError::TokenRefused => RECONNECT.to_owned(),
        GithubError::NotFound => {
            "GitHub knows no such commit, deployment or pull request, or does not let your account write to the \
             repository"
                .to_owned()
        }
        GithubError::Forbidden(why) | GithubError::Unprocessable(why) => format!("GitHub refused: {why}"),
        moved if moved.is_move() => {
            format!("{moved}: if the repository was renamed or transferred, change the project's repository")
        }
        other => other.to_string(),
    }
}

/// One line that GitHub takes as a description.
fn short(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= LONGEST_DESCRIPTION {
        return line;
    }
    line.chars().take(LONGEST_DESCRIPTION - 1).chain(['…']).collect()
}
