//! Signing in with PKCE: a code works once, and the verifier must fit the challenge.

use axum::Json;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::FakeGithub;
use super::memory::Known;

/// What a code stands for.
pub(super) struct Grant {
    client_id: String,
    redirect_uri: String,
    challenge: String,
}

#[derive(Deserialize)]
pub(super) struct Authorize {
    client_id: String,
    redirect_uri: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// The person is signed in at GitHub and says yes at once, or no if they were told to.
pub(super) async fn authorize(State(known): State<Known>, Query(asked): Query<Authorize>) -> Response {
    if asked.client_id != FakeGithub::CLIENT.0 || asked.code_challenge_method != "S256" || asked.state.len() < 16 {
        return (StatusCode::BAD_REQUEST, "unknown client, or no S256 challenge, or a weak state").into_response();
    }
    let mut memory = known.memory();
    let mut back = match url::Url::parse(&asked.redirect_uri) {
        Ok(back) => back,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    back.query_pairs_mut().append_pair("state", &asked.state);
    if std::mem::take(&mut memory.says_no) {
        back.query_pairs_mut().append_pair("error", "access_denied");
    } else {
        let code = format!("code-{}", memory.next_id());
        back.query_pairs_mut().append_pair("code", &code);
        let grant =
            Grant { client_id: asked.client_id, redirect_uri: asked.redirect_uri, challenge: asked.code_challenge };
        memory.codes.insert(code, grant);
    }
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

#[derive(Deserialize)]
pub(super) struct Exchange {
    client_id: Option<String>,
    client_secret: Option<String>,
    code: String,
    redirect_uri: Option<String>,
    code_verifier: String,
}

pub(super) async fn exchange(State(known): State<Known>, headers: HeaderMap, Form(asked): Form<Exchange>) -> Response {
    // Credentials come in the form or as Basic; GitHub takes both.
    let basic = format!(
        "Basic {}",
        base64::prelude::BASE64_STANDARD.encode(format!("{}:{}", FakeGithub::CLIENT.0, FakeGithub::CLIENT.1))
    );
    let by_header = headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == basic.as_bytes());
    let by_form = asked.client_id.as_deref() == Some(FakeGithub::CLIENT.0)
        && asked.client_secret.as_deref() == Some(FakeGithub::CLIENT.1);
    // GitHub reports these errors with status 200.
    let refused = |error: &str| Json(json!({"error": error, "error_description": error})).into_response();
    if !by_header && !by_form {
        return refused("incorrect_client_credentials");
    }
    let Some(grant) = known.memory().codes.remove(&asked.code) else {
        return refused("bad_verification_code");
    };
    let challenge = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(asked.code_verifier.as_bytes()));
    let same_redirect = asked.redirect_uri.is_none_or(|redirect| redirect == grant.redirect_uri);
    if challenge != grant.challenge || !same_redirect || grant.client_id != FakeGithub::CLIENT.0 {
        return refused("bad_verification_code");
    }
    let token = known.token.read().expect("nobody panics while they hold this").clone();
    Json(json!({"access_token": token, "token_type": "bearer", "scope": "read:user,repo,read:org"})).into_response()
}
