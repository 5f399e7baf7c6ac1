//! Connecting, changing and removing a project.

use std::time::Duration;

use berth_model::{Environment, ProjectId, Trigger};
use berth_store::{Build, NewBuild, NewProject, Project, ProjectChange, SealedVariable};

use super::hook;
use super::settings::NewVariable;
use crate::Api;
use crate::auth::Caller;
use crate::error::ApiError;

/// A project that was just connected.
pub(crate) struct Connected {
    pub(crate) project: Project,
    /// Its first build, of the branch's newest commit.
    pub(crate) build: Build,
    /// Why pushes are not announced, if they are not.
    pub(crate) note: Option<&'static str>,
}

/// Connects a project: the row decides who gets the name; then the hook; then the first build. Without the hook that it
/// should have, the project is taken back.
pub(crate) async fn connect(
    api: &Api,
    caller: &Caller,
    new: NewProject,
    variables: Vec<NewVariable>,
) -> Result<Connected, ApiError> {
    let plan = hook::plan(api, caller, &new.repo_url).await?;
    let host = api.config.site_host(new.name.as_str());
    let seal = |project| seal(api, project, variables);
    let project = api.store.create_project(caller.access(), new, &host, seal).await?;
    let note = match hook::register(api, &plan, &project).await {
        Ok(note) => note,
        Err(error) => {
            api.store.delete_project(caller.access(), project.id).await?;
            return Err(error);
        }
    };
    let build = api.store.enqueue(first_build(&project)).await?;
    let project = api.store.project(caller.access(), project.id).await?;
    Ok(Connected { project, build, note })
}

fn first_build(project: &Project) -> NewBuild {
    NewBuild {
        project: project.id,
        trigger: Trigger::Created,
        environment: Environment::Production,
        branch: project.branch.clone(),
        commit: None,
    }
}

/// Changes settings and adds or replaces variables.
pub(crate) async fn change(
    api: &Api,
    caller: &Caller,
    project: &Project,
    change: ProjectChange,
    variables: Vec<NewVariable>,
) -> Result<Project, ApiError> {
    let host = api.config.site_host(change.name.as_ref().unwrap_or(&project.name).as_str());
    let variables = seal(api, project.id, variables);
    Ok(api.store.update_project(caller.access(), project.id, change, &host, variables).await?)
}

/// How long a deletion waits until visitors no longer get the site. It takes milliseconds, and happens in any case.
const HOSTS_FOLLOW_WITHIN: Duration = Duration::from_secs(2);

/// Removes a project, and the repository's hook with its last project. Its site is gone when this returns; the worker
/// removes files and images.
pub(crate) async fn remove(api: &Api, caller: &Caller, id: ProjectId) -> Result<Project, ApiError> {
    let project = api.store.delete_project(caller.access(), id).await?;
    let site_is_gone = tokio::time::timeout(HOSTS_FOLLOW_WITHIN, api.store.signals().hosts_follow());
    let (gone, ()) = tokio::join!(site_is_gone, hook::release(api, caller, &project));
    if gone.is_err() {
        tracing::warn!(project = %id, "the site of a deleted project is still there after {HOSTS_FOLLOW_WITHIN:?}");
    }
    Ok(project)
}

/// Seals variables for their project.
pub(crate) fn seal(api: &Api, project: ProjectId, variables: Vec<NewVariable>) -> Vec<SealedVariable> {
    let seal = |NewVariable { key, kind, value }| {
        let value = api.keys.seal(project, key.as_str(), value.expose());
        SealedVariable { key, kind, value }
    };
    variables.into_iter().map(seal).collect()
}
