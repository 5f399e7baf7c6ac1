//! Links that administrators hand on: made and withdrawn by them, used by whoever holds one.
//!
//! A link is `<public url>/invite/<token>`. Its page asks here with the token in a body, never in an address. A link
//! that was used, has run out, was withdrawn or never was gets one and the same answer.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_model::{InvitationId, InvitationLifetime, InvitationState, LoginName, Note, Role, Timestamp};
use berth_secrets::{SecretString, token, token_hash};
use berth_store::{Invitation, Means, NewInvitation};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::Page;
use super::users::{login_taken, role};
use crate::Api;
use crate::audit;
use crate::auth::{self, Admin, NewPassword, Sender, SignedIn};
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::{Form, Id, Params};

/// A link, as administrators see it once it was handed out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationBody {
    id: i64,
    state: InvitationState,
    /// What it makes of whoever uses it.
    role: Role,
    /// The login name of the account whose password it sets; `null`: it opens an account.
    password_of: Option<String>,
    note: Option<String>,
    created_by: String,
    used_by: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
}

impl InvitationBody {
    fn of(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.0,
            state: invitation.state,
            role: invitation.role,
            password_of: invitation.password_of,
            note: invitation.note,
            created_by: invitation.created_by,
            used_by: invitation.used_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
            used_at: invitation.used_at,
        }
    }
}

/// A link that was just made. It is shown this once: only a hash of it is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkBody {
    /// To be handed on to one person.
    url: String,
    invitation: InvitationBody,
}

impl LinkBody {
    pub(super) fn of(api: &Api, token: &SecretString, invitation: Invitation) -> Self {
        let url = api.config.public(&format!("/invite/{}", token.expose()));
        Self { url, invitation: InvitationBody::of(invitation) }
    }
}

/// What a link is good for, told to whoever holds it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfferBody {
    role: Role,
    /// The login name of the account whose password it sets; `null`: it opens an account.
    password_of: Option<String>,
    expires_at: Timestamp,
    /// Whether an account can be opened with GitHub too: at `/api/auth/github?invitation=<token>`.
    github: bool,
}

/// An invitation to be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct InvitationForm {
    /// Absent: `member`.
    role: Option<Role>,
    /// Whom it is for: a line of at most 200 characters.
    note: Option<String>,
    /// 1 to 720; 168 (a week) if absent.
    expires_in_hours: Option<i64>,
}

/// Who asks about a link.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct LookForm {
    /// The last part of the link.
    token: String,
}

/// Who uses a link.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct AcceptanceForm {
    /// The last part of the link.
    token: String,
    /// The name of the new account; not read where the link sets the password of one that is there.
    login: Option<String>,
    /// At least 12 characters.
    password: String,
}

/// A new token, and what is kept of it.
pub(super) fn new_token() -> (SecretString, [u8; 32]) {
    let token = token();
    let hash = token_hash(token.expose());
    (token, hash)
}

/// 404 for a link that leads nowhere, whatever the reason.
pub(crate) fn dead_link() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::DeadLink,
        "this link leads nowhere: it was used, has run out, was withdrawn, or is not complete; ask an administrator of \
         this Berth for a new one, or sign in if you have an account",
    )
}

/// Make an invitation. The link in the answer is shown this once.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "invitations", request_body = InvitationForm, responses(
    (status = 201, body = LinkBody), (status = 401, body = ErrorBody),
    (status = 403, description = "For administrators", body = ErrorBody), (status = 422, body = ErrorBody),
))]
pub(crate) async fn create(State(api): State<Api>, Admin(caller): Admin, mut form: Form) -> Result<Response, ApiError> {
    let role = form.optional("role", role).into_option().unwrap_or(Role::Member);
    let note = form.optional("note", Note::parse).into_option().flatten();
    let hours = form.number("expiresInHours", InvitationLifetime::hours).into_option();
    form.check()?;
    let (token, token_hash) = new_token();
    let new = NewInvitation { token_hash, lifetime: hours.unwrap_or(InvitationLifetime::INVITATION), note };
    let invitation = api.store.invite(caller.access(), role, &new).await?;
    Ok((StatusCode::CREATED, Json(LinkBody::of(&api, &token, invitation))).into_response())
}

/// Invitations and links that set a password, newest first. Those that lead nowhere any more stay for ninety days.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "invitations", params(Page), responses(
    (status = 200, body = Vec<InvitationBody>), (status = 401, body = ErrorBody),
    (status = 403, description = "For administrators", body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    _: Admin,
    Params(page): Params<Page>,
) -> Result<Json<Vec<InvitationBody>>, ApiError> {
    let invitations = api.store.invitations(page.rows(), page.before.map(InvitationId)).await?;
    Ok(Json(invitations.into_iter().map(InvitationBody::of).collect()))
}

/// Withdraw a link that nobody has used yet.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "invitations", params(("id" = i64, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn revoke(State(api): State<Api>, Admin(caller): Admin, Id(id): Id) -> Result<StatusCode, ApiError> {
    api.store.revoke_invitation(caller.access(), InvitationId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a link is good for. Changes nothing.
#[utoipa::path(post, path = "/api/v1/invitations/look", tag = "invitations", security(()), request_body = LookForm,
    responses(
    (status = 200, body = OfferBody),
    (status = 404, description = "Used, run out, withdrawn or unknown", body = ErrorBody),
    (status = 422, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn look(State(api): State<Api>, sender: Sender, mut form: Form) -> Result<Json<OfferBody>, ApiError> {
    let presented = form.secret("token");
    form.check()?;
    let Some(presented) = presented else { return Err(form.refusal()) };
    let hash = token_hash(presented.expose());
    let attempts = format!("\0look {hash:02x?}");
    auth::admit(&api, &attempts, sender.address)?;
    let offer = api.store.pending_invitation(&hash).await?.ok_or_else(dead_link)?;
    api.throttle.forgive(&attempts, sender.address);
    Ok(Json(OfferBody {
        role: offer.role,
        github: api.config.github.is_some() && offer.password_of.is_none(),
        password_of: offer.password_of,
        expires_at: offer.expires_at,
    }))
}

/// Use a link: opens an account, or sets the password of the one that it is for, and signs its owner in. Once.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "invitations", security(()),
    request_body = AcceptanceForm, responses(
    (status = 201, body = SignedIn),
    (status = 403, description = "Sent from another site's page", body = ErrorBody),
    (status = 404, description = "Used, run out, withdrawn or unknown", body = ErrorBody),
    (status = 422, description = "A login name that is taken, a password that is too short", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn accept(
    State(api): State<Api>,
    sender: Sender,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, ApiError> {
    auth::refuse_foreign_origin(&api, &headers)?;
    let presented = form.secret("token");
    let login = form.optional("login", LoginName::parse).into_option();
    let password = NewPassword::read(&mut form, "password");
    form.check()?;
    let (Some(presented), Some(password)) = (presented, password) else { return Err(form.refusal()) };
    let hash = token_hash(presented.expose());
    let attempts = format!("\0invitation {hash:02x?}");
    auth::admit(&api, &attempts, sender.address)?;
    let offer = api.store.pending_invitation(&hash).await?.ok_or_else(dead_link)?;
    audit::is_of(None, Means::Link);
    let user = match (offer.password_of, login) {
        (Some(_), _) => api.store.accept_password_link(&hash, &password.hash(&api.hashing).await?).await?,
        (None, Some(login)) => {
            let password_hash = password.hash(&api.hashing).await?;
            api.store.accept_invitation(&hash, &login, &password_hash).await.map_err(login_taken)?
        }
        (None, None) => {
            form.needed("login");
            return Err(form.refusal());
        }
    };
    let user = user.ok_or_else(dead_link)?;
    api.throttle.forgive(&attempts, sender.address);
    auth::welcome(&api, StatusCode::CREATED, user, sender).await
}
