//! Signing in with GitHub: OAuth with a state that is used once, bound to the browser that began, and PKCE.
//!
//! 1. `GET /api/auth/github` remembers the attempt (hashes only), marks the browser with a cookie, and sends it away.
//! 2. `GET /api/auth/github/callback` takes the attempt back out, so that it cannot be used twice, compares the
//!    browser and who was signed in there, exchanges the code, and asks GitHub whose token it is.
//! 3. The account is found by GitHub's number. Somebody who is signed in already connects GitHub to their account;
//!    anybody else is signed in, if they have an account or may open one: by the invitation that they brought along,
//!    which is used up in the same step, or by `BERTH_SIGNUP`. Who has an account uses up no invitation.
//!
//! A browser that is refused anywhere on this way is led to the dashboard's sign-in, or to the account of whoever wanted to
//! connect one, with the refusal's code: the words are said there.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use berth_github::GithubError;
use berth_secrets::{SecretString, token, token_hash};
use berth_store::{GithubProfile, Means, OauthAttempt, User};
use http::header::{ACCEPT, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse, TokenUrl,
};
use serde::Deserialize;
use url::Url;

use super::sessions::{open, too_many};
use super::{OurCookie, Person, Sender};
use crate::config::Signup;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::Params;
use crate::{Api, audit, v1};

/// How long a person may take on GitHub's pages.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long GitHub may take to exchange a code.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(15);
/// Where everybody goes who does not say, or should not have said, where to.
const HOME: &str = "/";

type OauthClient = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Where to go afterwards, and by whose leave.
#[derive(Deserialize)]
pub(crate) struct Leave {
    redirect: Option<String>,
    /// The token of an invitation. Whether it is any good is seen on the way back.
    invitation: Option<String>,
}

/// What GitHub sends along on the way back.
#[derive(Deserialize)]
pub(crate) struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// `GET /api/auth/github`: sends the browser to GitHub.
pub(crate) async fn leave_for_github(
    State(api): State<Api>,
    sender: Sender,
    headers: HeaderMap,
    Params(leave): Params<Leave>,
) -> Result<Response, ApiError> {
    let caller = Person::of(&api, &Method::GET, &headers).await.ok();
    let left = leave_as(&api, sender, caller.as_ref(), leave).await;
    left.or_else(|refusal| on_a_page(&headers, caller.is_some(), refusal))
}

async fn leave_as(api: &Api, sender: Sender, caller: Option<&Person>, leave: Leave) -> Result<Response, ApiError> {
    api.throttle.admit_departure(sender.address).map_err(too_many)?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (state, browser) = (token(), token());
    let given = state.expose().to_owned();
    let (address, _) = client(api)?
        .authorize_url(move || CsrfToken::new(given))
        .add_scopes(["read:user", "repo", "read:org"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let attempt = OauthAttempt {
        state_hash: token_hash(state.expose()),
        browser_hash: browser_hash(browser.expose(), caller),
        verifier: verifier.into_secret().into(),
        redirect: leave.redirect.as_deref().map_or(HOME, local_path).to_owned(),
        invitation_hash: leave.invitation.as_deref().map(token_hash),
        expires_at: api.store.clock().now().after(PATIENCE),
    };
    api.store.begin_oauth(&attempt).await?;
    // GitHub separates scopes by commas, and existing clients look for exactly that.
    let address = address.as_str().replace("read%3Auser+repo+read%3Aorg", "read:user,repo,read:org");
    let location = HeaderValue::from_str(&address).map_err(ApiError::internal)?;
    let mark = OurCookie::GithubSignIn.set(browser.expose(), PATIENCE.as_secs(), api.config.is_https());
    Ok((StatusCode::FOUND, [(LOCATION, location), (SET_COOKIE, mark)]).into_response())
}

/// `GET /api/auth/github/callback`: the browser comes back.
pub(crate) async fn callback(
    State(api): State<Api>,
    sender: Sender,
    headers: HeaderMap,
    Params(back): Params<Back>,
) -> Result<Response, ApiError> {
    // The cookie travels on this navigation, because it is SameSite=Lax.
    let caller = Person::of(&api, &Method::GET, &headers).await.ok();
    let came = come_back(&api, sender, &headers, caller.as_ref(), back).await;
    came.or_else(|refusal| on_a_page(&headers, caller.is_some(), refusal))
}

async fn come_back(
    api: &Api,
    sender: Sender,
    headers: &HeaderMap,
    caller: Option<&Person>,
    back: Back,
) -> Result<Response, ApiError> {
    let attempt = attempt_of(api, headers, back.state.as_deref(), caller).await?;
    let Some(code) = back.code.filter(|_| back.error.is_none()) else {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::SignInUnfinished,
            "GitHub sent no code: the sign-in was not finished there",
        ));
    };
    let secret = exchange(api, code, attempt.verifier).await?;
    let account = api.github.user(&secret).await?;
    let profile =
        GithubProfile { github_id: account.id, login: account.login, email: account.email, avatar: account.avatar_url };
    let seal = |user| api.keys.seal_for_user(user, "github", secret.expose());
    let done = OurCookie::GithubSignIn.clear(api.config.is_https());
    if let Some(caller) = caller {
        audit::is_of(Some(caller.user.id), Means::Session(caller.session));
        api.store.connect_github(caller.user.id, &profile, seal).await?;
        return Ok(redirect_to(&attempt.redirect, [done]));
    }
    let may_create = may_open_account(api, &secret).await?;
    let invitation = attempt.invitation_hash.as_ref();
    let Some(user) = api.store.sign_in_github(&profile, may_create, invitation, seal).await? else {
        audit::refused_sign_in(api, None).await;
        return Err(invitation.map_or_else(v1::no_new_accounts, |_| v1::dead_link()));
    };
    let opened = open(api, &user, sender).await?;
    match api.config.foreign_frontend() {
        Some(frontend) => Ok(redirect_to(legacy_hand_over(frontend, &user, &opened.bearer).as_str(), [done])),
        None => Ok(redirect_to(&attempt.redirect, [done, opened.cookie])),
    }
}

/// Forget the caller's GitHub token.
#[utoipa::path(delete, path = "/api/v1/me/github", tag = "sessions", responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn disconnect(State(api): State<Api>, caller: Person) -> Result<StatusCode, ApiError> {
    api.store.forget_github_token(caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The attempt that this browser began with this state. Taking it out comes first: even a wrong browser spends it.
async fn attempt_of(
    api: &Api,
    headers: &HeaderMap,
    state: Option<&str>,
    caller: Option<&Person>,
) -> Result<OauthAttempt, ApiError> {
    let refused =
        || expired("this sign-in was not begun in this browser, or is too old; start again at /api/auth/github");
    let state = state.ok_or_else(refused)?;
    let attempt = api.store.take_oauth(&token_hash(state)).await?.ok_or_else(refused)?;
    match OurCookie::GithubSignIn.read(headers, api.config.is_https())[..] {
        [browser] if browser_hash(browser, caller) == attempt.browser_hash => Ok(attempt),
        _ => Err(refused()),
    }
}

fn expired(message: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::SignInExpired, message)
}

/// A person whose way ends here sees a page that says why, where they can begin again; a program gets the refusal itself.
fn on_a_page(headers: &HeaderMap, is_signed_in: bool, refusal: ApiError) -> Result<Response, ApiError> {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    match accepted.any(|accept| accept.contains("text/html")) {
        true => Ok(refusal.on_page(if is_signed_in { "/account" } else { "/login" })),
        false => Err(refusal),
    }
}

/// Which browser it is and which session it holds. Over plain http a site under the same domain could plant a mark of
/// its own in a visitor's browser; it cannot have begun with the visitor's session, so it connects nothing to it.
fn browser_hash(mark: &str, caller: Option<&Person>) -> [u8; 32] {
    let session = caller.map(|caller| caller.session.to_string()).unwrap_or_default();
    token_hash(&format!("{mark}:{session}"))
}

async fn may_open_account(api: &Api, token: &SecretString) -> Result<bool, ApiError> {
    Ok(match &api.config.signup {
        Signup::Open => true,
        Signup::Closed => false,
        Signup::Organizations(logins) => api.github.belongs_to(token, logins).await?,
    })
}

fn client(api: &Api) -> Result<OauthClient, ApiError> {
    let Some(app) = &api.config.github else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            ErrorCode::GithubNotConfigured,
            "signing in with GitHub is not configured; the operator sets CLIENT_ID and CLIENT_SECRET",
        ));
    };
    let at = |path: &str| format!("{}/login/oauth/{path}", api.config.github_url.as_str().trim_end_matches('/'));
    let callback = api.config.public("/api/auth/github/callback");
    Ok(BasicClient::new(ClientId::new(app.client_id.clone()))
        .set_client_secret(ClientSecret::new(app.client_secret.expose().to_owned()))
        .set_auth_type(AuthType::RequestBody)
        .set_auth_uri(AuthUrl::new(at("authorize")).map_err(ApiError::internal)?)
        .set_token_uri(TokenUrl::new(at("access_token")).map_err(ApiError::internal)?)
        .set_redirect_uri(RedirectUrl::new(callback).map_err(ApiError::internal)?))
}

async fn exchange(api: &Api, code: String, verifier: SecretString) -> Result<SecretString, ApiError> {
    let http = |request| send(api.http.clone(), request);
    let response = client(api)?
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
        .request_async(&http)
        .await;
    match response {
        Ok(response) => Ok(SecretString::from(response.access_token().secret().clone())),
        // The library's error quotes GitHub's answer, which holds no token when it is an error.
        Err(oauth2::RequestTokenError::Request(unreachable)) => Err(unreachable.into()),
        Err(_) => Err(expired("GitHub did not accept the code; start again at /api/auth/github")),
    }
}

/// Carries one request of the OAuth library over our own client.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, GithubError> {
    let unreachable = |error: reqwest::Error| GithubError::Unreachable(error.without_url().into());
    let (parts, body) = request.into_parts();
    let mut response = http
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .timeout(EXCHANGE_TIMEOUT)
        .body(body)
        .send()
        .await
        .map_err(unreachable)?;
    let mut answer = http::Response::new(Vec::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if answer.body().len() + chunk.len() > 64 << 10 {
            return Err(GithubError::Unreachable("the answer to a code is larger than 64 KiB".into()));
        }
        answer.body_mut().extend_from_slice(&chunk);
    }
    Ok(answer)
}

/// The way a dashboard of the previous generation is told: in the address. It leaks, so it is done only for those.
fn legacy_hand_over(frontend: &Url, user: &User, bearer: &str) -> Url {
    let mut address = frontend.clone();
    address.set_path(&format!("{}/auth/callback", frontend.path().trim_end_matches('/')));
    address
        .query_pairs_mut()
        .clear()
        .append_pair("token", bearer)
        .append_pair("username", &user.username)
        .append_pair("avatar", user.avatar.as_deref().unwrap_or_default())
        .append_pair("email", user.email.as_deref().unwrap_or_default())
        .append_pair("createdAt", &user.created_at.to_string());
    address
}

fn redirect_to<const N: usize>(location: &str, cookies: [HeaderValue; N]) -> Response {
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static(HOME));
    let mut response = (StatusCode::FOUND, [(LOCATION, location)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A path on this host, or [`HOME`]. Browsers read `//`, `/\` and anything with control characters as another host.
fn local_path(given: &str) -> &str {
    let printable = given.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\');
    let local = given.starts_with('/') && !given.starts_with("//");
    if printable && local && given.len() <= 512 { given } else { HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a8_only_local_paths() {
        for good in ["/", "/projects/7?tab=log"] {
            assert_eq!(local_path(good), good);
        }
        for bad in ["", "//evil", "/\\evil", "https://evil", "/a\r\nSet-Cookie: x", "/\t/evil", "evil", "/é"] {
            assert_eq!(local_path(bad), HOME, "{bad:?}");
        }
    }
}
