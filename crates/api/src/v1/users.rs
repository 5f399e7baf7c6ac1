//! Users: listed, changed and removed by administrators; opened by anybody where `BERTH_SIGNUP` is `open`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{InputCode, InvalidInput, InvitationLifetime, LoginName, Role, Timestamp, UserId};
use berth_store::{NewInvitation, ProjectsTo, StoreError, UserChange, UserSummary};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::invitations::{LinkBody, new_token};
use super::page::Page;
use crate::Api;
use crate::auth::{self, Admin, Caller, NewPassword, Person, Sender, SignedIn};
use crate::config::Signup;
use crate::error::{ApiError, ErrorBody, ErrorCode, FieldProblem};
use crate::input::{Form, Id, Params};
use crate::projects;

/// A user, as administrators see them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserSummaryBody {
    id: i64,
    username: String,
    /// What they sign in with, if they have a password.
    login: Option<String>,
    role: Role,
    /// Whether they may sign in.
    active: bool,
    /// How they can sign in.
    sign_in: Vec<SignInWay>,
    /// To the hour.
    last_seen_at: Option<Timestamp>,
    /// How many projects they own.
    projects: i64,
    created_at: Timestamp,
}

/// How somebody can sign in.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SignInWay {
    Password,
    Github,
}

impl UserSummaryBody {
    fn of(UserSummary { user, projects }: UserSummary) -> Self {
        let ways = [(SignInWay::Password, user.has_password), (SignInWay::Github, user.github_id.is_some())];
        Self {
            id: user.id.0,
            username: user.username,
            login: user.login_name,
            role: user.role,
            active: user.deactivated_at.is_none(),
            sign_in: ways.into_iter().filter(|(_, can)| *can).map(|(way, _)| way).collect(),
            last_seen_at: user.last_seen_at,
            projects,
            created_at: user.created_at,
        }
    }
}

/// A new account with a password.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct Registration {
    /// Letters, digits and `. _ - + @`.
    login: String,
    /// At least 12 characters.
    password: String,
}

/// What is to change of a user; what is absent stays.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct UserChangeForm {
    role: Option<Role>,
    /// `false` signs them out everywhere and keeps them out; their sites stay up.
    active: Option<bool>,
}

/// What becomes of the projects of a user who is removed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Removal {
    /// `transfer:<user id>` or `delete`. Without it a user who owns projects is not removed.
    projects: Option<String>,
}

/// See [`Removal`].
#[derive(Debug, PartialEq, Eq)]
enum Projects {
    Given(ProjectsTo),
    Deleted,
}

impl Projects {
    fn parse(text: Option<&str>) -> Result<Self, InvalidInput> {
        match text {
            None => return Ok(Self::Given(ProjectsTo::Nobody)),
            Some("delete") => return Ok(Self::Deleted),
            Some(text) => {
                if let Some(Ok(id)) = text.strip_prefix("transfer:").map(str::parse) {
                    return Ok(Self::Given(ProjectsTo::User(UserId(id))));
                }
            }
        }
        Err(InvalidInput::new("projects", "projects is transfer:<user id> or delete"))
    }
}

/// 403 for somebody whom `BERTH_SIGNUP` leaves outside.
pub(crate) fn no_new_accounts() -> ApiError {
    ApiError::forbidden(ErrorCode::SignupClosed, "this Berth accepts no new accounts; ask its administrator")
}

/// 422 for a login name that is somebody's.
pub(super) fn login_taken(error: StoreError) -> ApiError {
    match error {
        StoreError::NameTaken => {
            let problem = FieldProblem::new("login", "this login name is taken; if it is yours, sign in instead");
            ApiError::invalid(vec![problem.coded(InputCode::LoginTaken)])
        }
        other => other.into(),
    }
}

/// Reads a role.
pub(super) fn role(text: &str) -> Result<Role, InvalidInput> {
    Role::parse(text).ok_or_else(|| InvalidInput::new("role", "a role is admin or member"))
}

/// The users, newest first.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(Page), responses(
    (status = 200, body = Vec<UserSummaryBody>), (status = 401, body = ErrorBody),
    (status = 403, description = "For administrators", body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    _: Admin,
    Params(page): Params<Page>,
) -> Result<Json<Vec<UserSummaryBody>>, ApiError> {
    let users = api.store.users(page.rows(), page.before.map(UserId)).await?;
    Ok(Json(users.into_iter().map(UserSummaryBody::of).collect()))
}

/// Open an account with a password, where `BERTH_SIGNUP` is `open`. Signs its owner in, as a member.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", security(()), request_body = Registration, responses(
    (status = 201, body = SignedIn),
    (status = 403, description = "This Berth accepts no new accounts", body = ErrorBody),
    (status = 422, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn register(
    State(api): State<Api>,
    sender: Sender,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, ApiError> {
    auth::refuse_foreign_origin(&api, &headers)?;
    if api.config.signup != Signup::Open {
        return Err(no_new_accounts());
    }
    let login = form.required("login", LoginName::parse);
    let password = NewPassword::read(&mut form, "password");
    form.check()?;
    let (Some(login), Some(password)) = (login, password) else { return Err(form.refusal()) };
    // Never forgiven: an address opens a few accounts, not thousands.
    auth::admit(&api, &format!("\0registration {login}"), sender.address)?;
    let hash = password.hash(&api.hashing).await?;
    let user = api.store.register(&login, &hash).await.map_err(login_taken)?;
    auth::welcome(&api, StatusCode::CREATED, user, sender).await
}

/// Change a user's role, or deactivate or reactivate them. The last active administrator stays one.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = i64, Path)),
    request_body = UserChangeForm, responses(
    (status = 200, body = UserSummaryBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
    (status = 409, description = "The last administrator, or the caller's own account", body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub(crate) async fn change(
    State(api): State<Api>,
    Admin(caller): Admin,
    Id(id): Id,
    mut form: Form,
) -> Result<Json<UserSummaryBody>, ApiError> {
    let change =
        UserChange { role: form.optional("role", role).into_option(), active: form.flag("active").into_option() };
    form.check()?;
    Ok(Json(UserSummaryBody::of(api.store.change_user(caller.access(), UserId(id), change).await?)))
}

/// Remove a user. What they did stays listed under their name; everything else of the account goes. Removing with
/// `projects=delete` deactivates first: if it is interrupted, ask again.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users", params(("id" = i64, Path), Removal), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "They own projects, or are the last administrator, or the caller", body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub(crate) async fn remove(
    State(api): State<Api>,
    Admin(caller): Admin,
    Id(id): Id,
    Params(removal): Params<Removal>,
) -> Result<StatusCode, ApiError> {
    let (by, id) = (caller.access(), UserId(id));
    let heir = match Projects::parse(removal.projects.as_deref())? {
        Projects::Given(heir) => heir,
        Projects::Deleted => {
            delete_projects(&api, &caller, id).await?;
            ProjectsTo::Nobody
        }
    };
    api.store.remove_user(by, id, heir).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes what a user owns, with their own GitHub token for the hooks. Nobody adds to it meanwhile.
async fn delete_projects(api: &Api, caller: &Person, id: UserId) -> Result<(), ApiError> {
    let change = UserChange { active: Some(false), role: None };
    let UserSummary { user, .. } = api.store.change_user(caller.access(), id, change).await?;
    let owner = Caller::in_the_name_of(user);
    for project in api.store.projects(owner.access()).await? {
        projects::remove(api, &owner, project.id).await?;
    }
    Ok(())
}

/// Sign a user out everywhere: all their sessions end.
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions", tag = "users", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn sign_out(State(api): State<Api>, Admin(caller): Admin, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.sign_user_out(caller.access(), UserId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a link by which a user sets a new password, once, within a day; an earlier one leads nowhere from then on.
#[utoipa::path(post, path = "/api/v1/users/{id}/password-link", tag = "users", params(("id" = i64, Path)), responses(
    (status = 201, body = LinkBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "The account has no password", body = ErrorBody),
))]
pub(crate) async fn password_link(
    State(api): State<Api>,
    Admin(caller): Admin,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let (token, token_hash) = new_token();
    let new = NewInvitation { token_hash, lifetime: InvitationLifetime::PASSWORD_LINK, note: None };
    let invitation = api.store.invite_to_set_password(caller.access(), UserId(id), &new).await?;
    Ok((StatusCode::CREATED, Json(LinkBody::of(&api, &token, invitation))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_projects_is_said_in_one_of_three_ways() {
        assert_eq!(Projects::parse(None), Ok(Projects::Given(ProjectsTo::Nobody)));
        assert_eq!(Projects::parse(Some("delete")), Ok(Projects::Deleted));
        assert_eq!(Projects::parse(Some("transfer:7")), Ok(Projects::Given(ProjectsTo::User(UserId(7)))));
        for bad in
            ["", "keep", "transfer:", "transfer:x", "transfer:7 OR 1=1", "delete\0", "transfer:9223372036854775808"]
        {
            assert!(Projects::parse(Some(bad)).is_err(), "{bad:?}");
        }
    }
}
