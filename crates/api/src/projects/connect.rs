//! Connecting, changing and removing a project.

use std::time::Duration;

use berth_model::{ProjectId, RepoUrl, Trigger};
use berth_store::{Build, NewBuild, NewProject, Project, ProjectChange, ProjectSecrets, RepoAccess, SealedVariable};

use super::hook::{self, HookPlan};
use super::settings::{NewSecrets, NewVariable};
use crate::Api;
use crate::auth::Caller;
use crate::error::ApiError;

/// A project that was just connected.
pub(crate) struct Connected {
    pub(crate) project: Project,
    /// Its first build, of the branch's newest commit; `None`: it has no repository.
    pub(crate) build: Option<Build>,
    /// Why pushes are not announced, if they are not.
    pub(crate) note: Option<&'static str>,
}

/// Connects a project: the row decides who gets the name; then the hook; then the first build. Without the hook that it
/// should have, the project is taken back.
pub(crate) async fn connect(
    api: &Api,
    caller: &Caller,
    new: NewProject,
    secrets: NewSecrets,
) -> Result<Connected, ApiError> {
    caller.for_whole_account()?;
    let repo = new.repo_url.clone();
    let plan = match &repo {
        Some(repo) => hook::plan(api, caller, repo, secrets.repo_access.is_some()).await?,
        None => HookPlan::None,
    };
    let host = api.config.site_host(new.name.as_str());
    let origin = repo.as_ref().map(RepoUrl::origin);
    let seal = |project| ProjectSecrets {
        variables: seal(api, project, secrets.variables),
        repo_access: secrets.repo_access.zip(origin).map(|((token, user), origin)| {
            let token = api.keys.seal_repo_token(project, &origin, token.expose());
            RepoAccess { token, user }
        }),
    };
    let project = api.store.create_project(caller.access(), new, &host, seal).await?;
    let Some(repo) = repo else { return Ok(Connected { project, build: None, note: None }) };
    let note = match register(api, caller, &plan, (project.id, &repo)).await {
        Ok(note) => note,
        Err(error) => {
            api.store.delete_project(caller.access(), project.id).await?;
            return Err(error);
        }
    };
    let build = api.store.enqueue(first_build(&project)).await?;
    let project = api.store.project(caller.access(), project.id).await?;
    Ok(Connected { project, build: Some(build), note })
}

/// Returns why pushes are not announced, if they should be and are not.
async fn register(
    api: &Api,
    caller: &Caller,
    plan: &HookPlan,
    (project, repo): (ProjectId, &RepoUrl),
) -> Result<Option<&'static str>, ApiError> {
    let registered = hook::over_github(api, caller, hook::register(api, plan, repo)).await?;
    if let Some(hook) = registered.hook {
        api.store.set_webhook(project, Some(hook)).await?;
    }
    if let Some(note) = registered.note {
        api.store.set_webhook_problem(&repo.key(), project, note).await?;
    }
    Ok(registered.note)
}

fn first_build(project: &Project) -> NewBuild {
    NewBuild::production(project.id, Trigger::Created, project.branch.clone(), None)
}

/// Changes settings and adds or replaces variables. Another repository gets its hook before the row says so, and the
/// old one loses it afterwards: at no time does the row name a hook that is not there. Returns, too, why pushes to the
/// other repository are not announced, if they are not.
pub(crate) async fn change(
    api: &Api,
    caller: &Caller,
    project: &Project,
    mut change: ProjectChange,
    variables: Vec<NewVariable>,
) -> Result<(Project, Option<&'static str>), ApiError> {
    let Some(repo) = change.repo_url.clone().filter(|repo| Some(repo.key()) != project.repo_key()) else {
        return Ok((write(api, caller, project, change, variables).await?, None));
    };
    // What the account may see elsewhere is not the project's.
    caller.for_whole_account()?;
    // A token does not follow to another origin.
    let keeps_token = project.repo_access.is_some() && Some(repo.origin()) == project.repo_origin();
    let has_token = change.repo_access.as_ref().map_or(keeps_token, Option::is_some);
    let plan = hook::plan(api, caller, &repo, has_token).await?;
    let registered = hook::over_github(api, caller, hook::register(api, &plan, &repo)).await?;
    let (hook, note) = (registered.hook, registered.note);
    change.webhook_id = hook;
    let outcome = write(api, caller, project, change, variables).await;
    drop(registered);
    match &outcome {
        Ok(_) => release_hook(api, caller, project).await,
        Err(_) => hook::release(api, caller, project.user, &repo, hook).await,
    }
    Ok((outcome?, note))
}

async fn write(
    api: &Api,
    caller: &Caller,
    project: &Project,
    change: ProjectChange,
    variables: Vec<NewVariable>,
) -> Result<Project, ApiError> {
    let host = api.config.site_host(change.name.as_ref().unwrap_or(&project.name).as_str());
    let variables = seal(api, project.id, variables);
    let protects = change.protection.is_some();
    let changed = api.store.update_project(caller.access(), project.id, change, &host, variables).await?;
    if protects {
        // Whoever closes a site wants it closed when this returns.
        let hosts_follow = tokio::time::timeout(HOSTS_FOLLOW_WITHIN, api.store.signals().hosts_follow());
        if hosts_follow.await.is_err() {
            tracing::warn!(project = %changed.id, "its sites do not follow its new protection yet");
        }
    }
    Ok(changed)
}

/// How long a change waits until visitors get what it says: a site that is gone, or closed. It takes milliseconds, and
/// happens in any case.
const HOSTS_FOLLOW_WITHIN: Duration = Duration::from_secs(2);

/// Removes a project, and the repository's hook with its last project. Its site is gone when this returns; the worker
/// removes files and images.
pub(crate) async fn remove(api: &Api, caller: &Caller, id: ProjectId) -> Result<Project, ApiError> {
    let project = api.store.delete_project(caller.access(), id).await?;
    let site_is_gone = tokio::time::timeout(HOSTS_FOLLOW_WITHIN, api.store.signals().hosts_follow());
    let (gone, ()) = tokio::join!(site_is_gone, release_hook(api, caller, &project));
    if gone.is_err() {
        tracing::warn!(project = %id, "the site of a deleted project is still there after {HOSTS_FOLLOW_WITHIN:?}");
    }
    Ok(project)
}

/// Gives up the hook that announces a project's pushes, if it has one.
async fn release_hook(api: &Api, caller: &Caller, project: &Project) {
    if let Some(repo) = &project.repo_url {
        hook::release(api, caller, project.user, repo, project.webhook_id).await;
    }
}

/// Seals variables for their project.
pub(crate) fn seal(api: &Api, project: ProjectId, variables: Vec<NewVariable>) -> Vec<SealedVariable> {
    let seal = |NewVariable { key, kind, scope, value }| {
        let value = api.keys.seal(project, key.as_str(), value.expose());
        SealedVariable { key, kind, scope, value }
    };
    variables.into_iter().map(seal).collect()
}
