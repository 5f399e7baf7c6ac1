//! The API of this generation: `/api/v1`, described at `/api/v1/openapi.json`. Another user's resource is 404 here.
//!
//! - [`projects`], [`variables`], [`builds`], [`deployments`], [`previews`], [`hooks`], [`deploy_hooks`], [`deliveries`]:
//!   by noun, as in the database.
//! - [`folders`]: a folder is deployed, without a build.
//! - [`detections`]: what would be built, before there is a project.
//! - [`github`]: what the caller's GitHub account offers to connect; [`reports`]: what it is told of a project.
//! - [`users`], [`invitations`]: who has an account and who may open one; [`tokens`]: what programs send for them.
//! - [`traffic`]: what visitors of a project ask for, counted and as it happens.
//! - [`services`], [`service_logs`], [`runs`], [`volumes`]: what runs, what it prints, commands in it, what it keeps.
//! - [`system`]: the installation, for administrators; [`audit`]: who changed what.
//! - [`bodies`]: the answers' shapes; [`page`]: how much of a list.

mod audit;
mod bodies;
mod builds;
mod deliveries;
mod deploy_hooks;
mod deployments;
mod detections;
mod folders;
mod github;
mod hooks;
mod invitations;
mod page;
mod previews;
mod projects;
mod reports;
mod runs;
mod service_logs;
mod services;
mod system;
mod tokens;
mod traffic;
mod users;
mod variables;
mod volumes;

pub(crate) use bodies::{EventBody, UserBody};
pub(crate) use github::{
    OrganizationBody, OrganizationsQuery, RepositoriesQuery, RepositoryBody, organizations, repositories,
};
pub(crate) use invitations::dead_link;
pub(crate) use service_logs::ServiceLineBody;
pub(crate) use traffic::Watchers;
pub(crate) use users::no_new_accounts;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Api, auth, webhooks};

/// Every route under `/api/v1`, with its description.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        // Signing in
        .routes(routes!(auth::setup_state, auth::set_up))
        .routes(routes!(auth::current))
        .routes(routes!(auth::disconnect))
        .routes(routes!(auth::change_password))
        .routes(routes!(auth::sign_in, auth::list, auth::revoke_others))
        .routes(routes!(auth::sign_out))
        .routes(routes!(auth::revoke))
        // API tokens
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        // Users and invitations
        .routes(routes!(users::list, users::register))
        .routes(routes!(users::change, users::remove))
        .routes(routes!(users::sign_out))
        .routes(routes!(users::password_link))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(invitations::look))
        .routes(routes!(invitations::accept))
        // Projects
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::name_available))
        .routes(routes!(projects::read_named))
        .routes(routes!(detections::create))
        .routes(routes!(projects::read, projects::change, projects::delete))
        .routes(routes!(variables::list, variables::put))
        .routes(routes!(variables::import))
        .routes(routes!(variables::copy))
        .routes(routes!(variables::preview))
        .routes(routes!(variables::change, variables::delete))
        // Hooks and what they hear
        .routes(routes!(hooks::read, hooks::make, hooks::remove))
        .routes(routes!(hooks::repair))
        .routes(routes!(hooks::test))
        .routes(routes!(deploy_hooks::list, deploy_hooks::create))
        .routes(routes!(deploy_hooks::delete))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::read))
        .routes(routes!(webhooks::replay))
        // Builds
        .routes(routes!(builds::list, builds::create))
        .routes(routes!(builds::read))
        .routes(routes!(builds::log))
        .routes(routes!(builds::approve))
        .routes(routes!(builds::cancel))
        .routes(routes!(builds::rebuild))
        // Deployments
        .routes(routes!(deployments::list, folders::deploy))
        .routes(routes!(deployments::read))
        .routes(routes!(deployments::activate))
        .routes(routes!(deployments::promote))
        .routes(routes!(previews::list))
        .routes(routes!(previews::remove))
        // Services
        .routes(routes!(services::list))
        .routes(routes!(services::scale))
        .routes(routes!(services::restart))
        .routes(routes!(service_logs::read))
        .routes(routes!(volumes::list))
        .routes(routes!(volumes::remove))
        .routes(routes!(runs::list, runs::create))
        .routes(routes!(runs::read))
        .routes(routes!(runs::log))
        .routes(routes!(runs::stop))
        // Visitors
        .routes(routes!(traffic::read))
        .routes(routes!(traffic::watch))
        // GitHub and the installation
        .routes(routes!(github::organizations))
        .routes(routes!(github::repositories))
        .routes(routes!(github::branches))
        .routes(routes!(reports::list))
        .routes(routes!(system::limits))
        .routes(routes!(system::read))
        .routes(routes!(audit::list))
}
