//! Keeping each repository's hook what it should be: one per repository, shared by its projects.
//!
//! Who registers, mends or removes a repository's hook holds that repository meanwhile ([`HookKeeper::hold`]), so that a
//! project which comes while the last one goes does not join a hook that is about to be removed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_model::{RepoKey, RepoUrl, Timestamp, UserId};
use berth_secrets::{KeyRing, Sealed, SecretString};
use berth_store::{Project, Store, StoreError};
use tokio::sync::{Notify, OwnedMutexGuard};
use url::Url;

use crate::client::{Github, GithubError, RECONNECT};

/// A hook that was looked after because of a badly signed delivery is not again for so long: anybody can send those.
const SUSPICION_RESTS: Duration = Duration::from_secs(10 * 60);
/// GitHub notes how we answered a delivery once it has the answer; before that, its hook looks as good as it was.
const ANSWER_IS_NOTED: Duration = Duration::from_secs(3);

/// How a repository's hook stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookState {
    /// It announces pushes and pull requests.
    Ok,
    /// GitHub has no such hook, or does not show it to its owner any more.
    Lost(String),
    /// Somebody changed it.
    Altered(String),
    /// GitHub does not let us look, or does not answer.
    Refused(String),
    /// There never was one, for this reason.
    Unannounced(String),
}

impl HookState {
    /// What [`HookState::as_str`] can say.
    pub const WORDS: [&'static str; 5] = ["ok", "lost", "altered", "refused", "unannounced"];

    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Lost(_) => "lost",
            Self::Altered(_) => "altered",
            Self::Refused(_) => "refused",
            Self::Unannounced(_) => "unannounced",
        }
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Ok => None,
            Self::Lost(why) | Self::Altered(why) | Self::Refused(why) | Self::Unannounced(why) => Some(why),
        }
    }
}

/// Looks after hooks. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct HookKeeper(Arc<Inner>);

struct Inner {
    store: Store,
    keys: KeyRing,
    github: Github,
    github_url: Url,
    /// Where deliveries are sent.
    url: String,
    /// What they are signed with; without it nothing is registered.
    secret: Option<SecretString>,
    /// Repositories that somebody is at. One process has the database for itself, so that it can be here.
    turns: Mutex<HashMap<RepoKey, Arc<tokio::sync::Mutex<()>>>>,
    suspects: Mutex<Suspects>,
    suspicion: Notify,
}

#[derive(Default)]
struct Suspects {
    waiting: Vec<i64>,
    /// When a hook was last looked after.
    seen: HashMap<i64, Timestamp>,
}

impl std::fmt::Debug for HookKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HookKeeper").field(&self.0.url).finish()
    }
}

impl HookKeeper {
    /// Over a store, the key that tokens are sealed with, and a client. Hooks lead to `url` and are signed with `secret`.
    #[must_use]
    pub fn new(
        store: Store,
        keys: KeyRing,
        github: Github,
        github_url: Url,
        url: String,
        secret: Option<SecretString>,
    ) -> Self {
        let (turns, suspects, suspicion) = (Mutex::default(), Mutex::default(), Notify::new());
        Self(Arc::new(Inner { store, keys, github, github_url, url, secret, turns, suspects, suspicion }))
    }

    /// Waits for its turn at a repository.
    pub async fn hold(&self, repo: &RepoKey) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(repo.clone()).or_default())
        };
        turn.lock_owned().await
    }

    /// A delivery that claims to be of this hook is not signed with our secret: perhaps somebody changed it.
    pub fn suspect(&self, hook: i64) {
        let now = self.0.store.clock().now();
        let mut suspects = self.0.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        suspects.seen.retain(|_, seen| now.since(*seen) < SUSPICION_RESTS);
        if suspects.seen.len() < 1_000 && suspects.seen.insert(hook, now).is_none() {
            suspects.waiting.push(hook);
            self.0.suspicion.notify_one();
        }
    }

    /// Waits for a suspicion and looks after the hooks that it fell on.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn follow_suspicions(&self) -> Result<(), StoreError> {
        self.0.suspicion.notified().await;
        tokio::time::sleep(ANSWER_IS_NOTED).await;
        let suspects = {
            let mut suspects = self.0.suspects.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut suspects.waiting)
        };
        self.mend_those(|project| project.webhook_id.is_some_and(|hook| suspects.contains(&hook))).await
    }

    /// Looks after every hook, and after the projects that should have one and of which nobody said why they have none:
    /// Berth died between connecting them and hearing the hook's number.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn mend_all(&self) -> Result<(), StoreError> {
        let lacks_one = |project: &Project| project.webhook_problem.is_none() && project.repo_access.is_none();
        self.mend_those(|project| project.webhook_id.is_some() || lacks_one(project)).await
    }

    async fn mend_those(&self, which: impl Fn(&Project) -> bool) -> Result<(), StoreError> {
        let mut seen = Vec::new();
        let mut silenced = HashSet::new();
        for project in self.0.store.all_projects().await?.into_iter().filter(which) {
            let Some(repo) = project.repo_key() else { continue };
            if seen.contains(&repo) || self.repository(&project).is_none() {
                continue;
            }
            if project.webhook_id.is_none() && self.token(project.user).await?.is_none() {
                continue;
            }
            let state = self.mend_unless_silenced(&project, &mut silenced).await?;
            if let Some(problem) = state.problem() {
                tracing::warn!(repository = repo.as_str(), problem, "a webhook at GitHub is not what it should be");
            }
            seen.push(repo);
        }
        Ok(())
    }

    /// How the hook of a project's repository stands; changes nothing. `None`: its repository is not at this GitHub.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn look(&self, project: &Project) -> Result<Option<HookState>, StoreError> {
        let Some((owner, name)) = self.repository(project) else { return Ok(None) };
        let Some(hook) = project.webhook_id else {
            let why = project.webhook_problem.clone();
            let why = why.unwrap_or_else(|| "no webhook was registered for this project".to_owned());
            return Ok(Some(HookState::Unannounced(why)));
        };
        let Some((token, sealed)) = self.token(project.user).await? else {
            return Ok(Some(HookState::Refused(RECONNECT.to_owned())));
        };
        let found = self.0.github.hook(&token, (&owner, &name), hook).await;
        Ok(Some(match found {
            Ok(hook) => hook.fault(&self.0.url).map_or(HookState::Ok, |fault| HookState::Altered(fault.to_owned())),
            Err(GithubError::NotFound) => {
                HookState::Lost(format!("GitHub has no webhook {hook} at {owner}/{name}, or does not show it to you"))
            }
            Err(GithubError::TokenRefused) => {
                self.0.store.github_refused(project.user, &sealed).await?;
                HookState::Refused(RECONNECT.to_owned())
            }
            Err(error) => HookState::Refused(error.to_string()),
        }))
    }

    /// Makes the hook of a project's repository what it should be, registering it anew if it is gone, with the token of
    /// whichever owner of its projects GitHub lets do it. What stays wrong is noted in the projects that count on it; that
    /// GitHub does not answer, or accepts nobody's token, is not: it is asked again.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn mend(&self, project: &Project) -> Result<HookState, StoreError> {
        self.mend_unless_silenced(project, &mut HashSet::new()).await
    }

    /// Asks nothing with the tokens of `silenced`, and adds to them whose token GitHub takes no requests with for now.
    async fn mend_unless_silenced(
        &self,
        project: &Project,
        silenced: &mut HashSet<UserId>,
    ) -> Result<HookState, StoreError> {
        let store = &self.0.store;
        let (Some(repo), Some((owner, name))) = (project.repo_key(), self.repository(project)) else {
            return Ok(HookState::Unannounced("the repository is not at GitHub".to_owned()));
        };
        let Some(secret) = &self.0.secret else {
            return Ok(HookState::Unannounced("the operator has set no WEBHOOK_SECRET".to_owned()));
        };
        let _turn = self.hold(&repo).await;
        // Read again: somebody may have been at it while we waited.
        let mut sharing = store.projects_of_repo(&repo).await?;
        sharing.retain(|other| other.id == project.id || other.webhook_id.is_some());
        let known = sharing.iter().find_map(|other| other.webhook_id);
        let mut owners: Vec<UserId> = sharing.iter().map(|other| other.user).collect();
        owners.sort_by_key(|user| *user != project.user);
        owners.dedup();
        // A project that never had the hook gets it by what its own owner may see.
        owners.retain(|user| project.webhook_id.is_some() || *user == project.user);

        let mut state = HookState::Refused(RECONNECT.to_owned());
        for user in owners {
            if silenced.contains(&user) {
                return Ok(HookState::Refused("GitHub is asked again later".to_owned()));
            }
            let Some((token, sealed)) = self.token(user).await? else { continue };
            match self.mended(&token, (&owner, &name), known, secret).await {
                Ok(hook) => {
                    let served: Vec<_> = sharing.iter().map(|other| other.id).collect();
                    store.set_webhook_of_repo(&repo, &served, hook).await?;
                    return Ok(HookState::Ok);
                }
                Err(GithubError::TokenRefused) => {
                    store.github_refused(user, &sealed).await?;
                }
                Err(GithubError::NotFound | GithubError::Forbidden(_)) => {
                    state = HookState::Lost(format!(
                        "GitHub does not let you see or add a webhook at {owner}/{name}: it needs admin access to the \
                         repository, and an organization may have to approve this application"
                    ));
                }
                Err(GithubError::Unprocessable(why)) => {
                    state = HookState::Altered(format!("GitHub refused to repair the webhook: {why}"));
                }
                Err(error) if error.is_move() => {
                    state = HookState::Lost(format!(
                        "{error} for {owner}/{name}: if it was renamed or transferred, change the project's repository"
                    ));
                }
                Err(error) => {
                    silenced.insert(user);
                    return Ok(HookState::Refused(format!("{error}; try again in a minute")));
                }
            }
        }
        if let HookState::Lost(problem) | HookState::Altered(problem) = &state {
            for other in &sharing {
                store.set_webhook_problem(&repo, other.id, problem).await?;
            }
        }
        Ok(state)
    }

    /// Removes a repository's hook when its last project is gone, with the token of whichever of `users` GitHub lets do
    /// it. A hook that stays, because GitHub is away or lets nobody, is answered 404 and does nothing.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn release(&self, users: &[UserId], repo: &RepoUrl, hook: i64) -> Result<(), StoreError> {
        let Some((owner, name)) = repo.owner_and_name_under(&self.0.github_url) else { return Ok(()) };
        let repo = repo.key();
        let _turn = self.hold(&repo).await;
        if self.0.store.projects_sharing_webhook(&repo).await? > 0 {
            return Ok(());
        }
        let mut reason = RECONNECT.to_owned();
        for (nth, user) in users.iter().enumerate() {
            if users[..nth].contains(user) {
                continue;
            }
            let Some((token, sealed)) = self.token(*user).await? else { continue };
            match self.0.github.delete_hook(&token, (&owner, &name), hook).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    if matches!(error, GithubError::TokenRefused) {
                        self.0.store.github_refused(*user, &sealed).await?;
                    }
                    reason = error.to_string();
                }
            }
        }
        tracing::warn!(repository = repo.as_str(), hook, reason, "the webhook stays at GitHub, unless it was gone");
        Ok(())
    }

    /// The number of a hook that is as it should be from now on.
    async fn mended(
        &self,
        token: &SecretString,
        repository: (&str, &str),
        known: Option<i64>,
        secret: &SecretString,
    ) -> Result<i64, GithubError> {
        let Inner { github, url, .. } = &*self.0;
        if let Some(known) = known {
            match github.hook(token, repository, known).await {
                Ok(hook) if hook.fault(url).is_none() => return Ok(known),
                Ok(_) => {
                    github.update_hook(token, repository, known, url, secret).await?;
                    // How we answer it tells GitHub, and later us, that the secret is right again.
                    let pinged = github.ping_hook(token, repository, known).await;
                    tracing::info!(hook = known, pinged = pinged.is_ok(), "a webhook at GitHub was repaired");
                    return Ok(known);
                }
                Err(GithubError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let made = github.ensure_hook(token, repository, url, secret).await?;
        tracing::info!(hook = made, "a webhook at GitHub was registered anew");
        Ok(made)
    }

    fn repository(&self, project: &Project) -> Option<(String, String)> {
        project.repository_under(&self.0.github_url)
    }

    /// A user's token, opened and as it is kept, unless there is none or GitHub refuses it.
    async fn token(&self, user: UserId) -> Result<Option<(SecretString, Sealed)>, StoreError> {
        let owner = self.0.store.user(user).await?;
        if !owner.is_some_and(|owner| owner.github_connected && owner.github_refused_at.is_none()) {
            return Ok(None);
        }
        let Some(sealed) = self.0.store.github_token(user).await? else { return Ok(None) };
        let token = self.0.keys.open_for_user(user, "github", &sealed).ok();
        Ok(token.map(|token| (token, sealed)))
    }
}
