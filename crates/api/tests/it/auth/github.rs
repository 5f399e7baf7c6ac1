//! Signing in with GitHub (A6–A8, A13) and who may open an account.

use axum::http::header::ACCEPT;
use axum::http::{HeaderValue, Method, StatusCode};
use berth_api::Signup;
use serde_json::json;
use url::Url;

use crate::harness::{App, with_cookie};

#[tokio::test]
async fn a7_leaves_with_state_scopes_and_a_challenge() {
    let app = App::start().await;
    let left = app.get("/api/auth/github", None).await;
    let to = left.header("location").to_owned();
    assert!(to.starts_with(&format!("{}login/oauth/authorize?", app.github.url)), "{to}");
    assert!(to.contains("scope=read:user,repo,read:org"), "{to}");
    assert_eq!(left.query("code_challenge_method"), "S256");
    assert_eq!(left.query("redirect_uri"), "http://berth.test:8080/api/auth/github/callback");
    assert_eq!(left.query("state").len(), 43);
    assert!(left.cookie().starts_with("berth_github="));
}

#[tokio::test]
async fn comes_back_with_a_session_in_a_cookie_and_nothing_in_the_address() {
    let app = App::start().await;
    let back = app.over_github("ada").await;
    assert_eq!(back.header("location"), "/");
    let me = app.send(with_cookie(Method::GET, "/api/v1/me", &back.cookie())).await.expect(StatusCode::OK);
    assert_eq!((&me["username"], &me["role"], &me["githubConnected"]), (&"ada".into(), &"member".into(), &true.into()));
}

#[tokio::test]
async fn a6_a_state_is_for_one_browser_and_one_time() {
    let app = App::start().await;
    let refuse = |answer: crate::harness::Answer| {
        assert!(!answer.cookie().contains("berth_session"), "no session");
        let body = answer.expect(StatusCode::BAD_REQUEST);
        assert!(body["message"].as_str().unwrap().contains("start again"), "{body}");
    };
    let left = app.get("/api/auth/github", None).await;
    let (code, state) = (app.github.grant("ada", &left.location()), left.query("state"));
    refuse(app.come_back(&left, &format!("code={code}")).await);
    refuse(app.come_back(&left, &format!("code={code}&state=wrong")).await);
    // Another browser that was lured here spends the state without getting anything.
    let elsewhere = app.get("/api/auth/github", None).await;
    refuse(app.come_back(&elsewhere, &format!("code={code}&state={state}")).await);
    refuse(app.come_back(&left, &format!("code={code}&state={state}")).await);

    let left = app.get("/api/auth/github", None).await;
    let (code, state) = (app.github.grant("ada", &left.location()), left.query("state"));
    assert_eq!(app.come_back(&left, &format!("code={code}&state={state}")).await.status, StatusCode::FOUND);
    refuse(app.come_back(&left, &format!("code={code}&state={state}")).await);

    let left = app.get("/api/auth/github", None).await;
    app.clock.advance(std::time::Duration::from_secs(601));
    refuse(app.come_back(&left, &format!("code=x&state={}", left.query("state"))).await);
}

#[tokio::test]
async fn a_refusal_or_a_wrong_code_is_a_400() {
    let app = App::start().await;
    for query in ["error=access_denied", "code=never-granted", "code=x&error=access_denied"] {
        let left = app.get("/api/auth/github", None).await;
        let back = app.come_back(&left, &format!("{query}&state={}", left.query("state"))).await;
        back.expect(StatusCode::BAD_REQUEST);
    }
}

/// What a browser sends along when somebody opens a page.
fn opened(path: &str, cookie: &str) -> axum::extract::Request {
    let mut request = with_cookie(Method::GET, path, cookie);
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/html,application/xhtml+xml,*/*;q=0.8"));
    request
}

#[tokio::test]
async fn a_person_who_is_refused_is_told_on_a_page() {
    let app = App::with(|config| config.signup = Signup::Closed).await;
    let admin = app.admin().await;
    let come_back = async |query: &str, session: &str| {
        let left = app.send(with_cookie(Method::GET, "/api/auth/github", session)).await;
        let query = query.replace("CODE", &app.github.grant("ada", &left.location()));
        let path = format!("/api/auth/github/callback?{query}&state={}", left.query("state"));
        let back = app.send(opened(&path, &format!("{session}; {}", left.cookie()))).await;
        assert_eq!((back.status, back.text.as_str()), (StatusCode::FOUND, ""));
        back.header("location").to_owned()
    };
    assert_eq!(come_back("error=access_denied", "a=b").await, "/login?problem=sign_in_unfinished");
    assert_eq!(come_back("code=never-granted", "a=b").await, "/login?problem=sign_in_expired");
    assert_eq!(come_back("code=CODE", "a=b").await, "/login?problem=signup_closed");
    // Whoever is signed in wanted to connect GitHub, and is not led away from their account.
    assert_eq!(come_back("error=access_denied", &admin.cookie).await, "/account?problem=sign_in_unfinished");
    let stale = app.send(opened("/api/auth/github/callback?code=x&state=unknown", "a=b")).await;
    assert_eq!(stale.header("location"), "/login?problem=sign_in_expired");

    let without = App::with(|config| config.github = None).await;
    let left = without.send(opened("/api/auth/github", "a=b")).await;
    assert_eq!(left.header("location"), "/login?problem=github_not_configured");
}

#[tokio::test]
async fn a8_goes_on_to_a_local_path_only() {
    let app = App::start().await;
    for (wanted, gone_to) in
        [("/projects/7?tab=log", "/projects/7?tab=log"), ("//evil.example", "/"), ("/\\evil.example", "/")]
    {
        let encoded: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        let left = app.get(&format!("/api/auth/github?redirect={encoded}"), None).await;
        let code = app.github.grant("ada", &left.location());
        let back = app.come_back(&left, &format!("code={code}&state={}", left.query("state"))).await;
        assert_eq!(back.header("location"), gone_to);
    }
}

#[tokio::test]
async fn a13_the_number_decides_not_the_login() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let renamed = app.member("ada2").await;
    assert_eq!(ada.id, renamed.id, "the same number under another login");
    assert_eq!(app.get("/api/v1/me", Some(&ada)).await.json()["username"], "ada2");
    assert_ne!(app.member("bob").await.id, ada.id);
}

#[tokio::test]
async fn signup_closed_is_for_those_who_have_an_account() {
    let app = App::with(|config| config.signup = Signup::Closed).await;
    let refused = app.over_github("ada").await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["message"], "this Berth accepts no new accounts; ask its administrator");
    let admin = app.admin().await;
    let connected = in_one_browser(&app, "ada", &admin.cookie).await;
    assert_eq!(connected.status, StatusCode::FOUND, "{}", connected.text);
    assert_eq!(app.get("/api/v1/me", Some(&admin)).await.json()["githubConnected"], true);
    let signed_in = app.over_github("ada").await;
    let me = app.send(with_cookie(Method::GET, "/api/v1/me", &signed_in.cookie())).await.expect(StatusCode::OK);
    assert_eq!(me["login"], "admin@localhost", "GitHub leads to the account it was connected to");
}

/// The whole way over GitHub with an invitation.
async fn with_invitation(app: &App, login: &str, token: &str) -> crate::harness::Answer {
    let left = app.get(&format!("/api/auth/github?invitation={token}"), None).await;
    assert!(!left.header("location").contains(token), "GitHub is not told");
    assert!(!left.cookie().contains(token));
    let code = app.github.grant(login, &left.location());
    app.come_back(&left, &format!("code={code}&state={}", left.query("state"))).await
}

#[tokio::test]
async fn an_invitation_travels_with_the_state() {
    let app = App::with(|config| config.signup = Signup::Closed).await;
    let admin = app.admin().await;
    let (token, id) = app.invite(&admin, json!({"role": "admin"})).await;
    // Somebody who only brings the browser's mark and no invitation stays outside.
    app.over_github("eve").await.expect(StatusCode::FORBIDDEN);
    let back = with_invitation(&app, "ada", &token).await;
    assert_eq!(back.header("location"), "/");
    let me = app.send(with_cookie(Method::GET, "/api/v1/me", &back.cookie())).await.expect(StatusCode::OK);
    assert_eq!((&me["username"], &me["role"]), (&"ada".into(), &"admin".into()));
    let listed = app.get("/api/v1/invitations", Some(&admin)).await.json();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["state"], &listed[0]["usedBy"]),
        (&id.into(), &"used".into(), &"ada".into())
    );
    // It is used up for others, and whoever has an account needs none.
    let refused = with_invitation(&app, "bob", &token).await.expect(StatusCode::NOT_FOUND);
    assert!(refused["message"].as_str().unwrap().starts_with("this link leads nowhere"), "{refused}");
    assert_eq!(with_invitation(&app, "ada", &token).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn who_has_an_account_leaves_the_invitation_to_others() {
    let app = App::with(|config| config.signup = Signup::parse("org:acme").unwrap()).await;
    let admin = app.admin().await;
    app.member("ada").await;
    let (token, _) = app.invite(&admin, json!({})).await;
    assert_eq!(with_invitation(&app, "ada", &token).await.status, StatusCode::FOUND);
    // Somebody who is signed in already connects GitHub, and uses nothing up either.
    let left = app.send(with_cookie(Method::GET, &format!("/api/auth/github?invitation={token}"), &admin.cookie)).await;
    let code = app.github.grant("root", &left.location());
    let path = format!("/api/auth/github/callback?code={code}&state={}", left.query("state"));
    let both = format!("{}; {}", left.cookie(), admin.cookie);
    assert_eq!(app.send(with_cookie(Method::GET, &path, &both)).await.status, StatusCode::FOUND);
    let listed = app.get("/api/v1/invitations", Some(&admin)).await.json();
    assert_eq!(listed[0]["state"], "pending");
    assert_eq!(with_invitation(&app, "bob", &token).await.status, StatusCode::FOUND, "not of the organization");
    app.over_github("bob").await.location();
}

#[tokio::test]
async fn a_deactivated_account_stays_outside() {
    let app = App::start().await;
    let (admin, ada) = (app.admin().await, app.member("ada").await);
    let path = format!("/api/v1/users/{}", ada.id);
    app.call(Method::PATCH, &path, Some(&admin), Some(json!({"active": false}))).await.expect(StatusCode::OK);
    let refused = app.over_github("ada").await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["message"], "this account is deactivated; ask an administrator of this Berth");
}

#[tokio::test]
async fn one_github_account_is_connected_to_one_account() {
    let app = App::start().await;
    app.member("ada").await;
    let admin = app.admin().await;
    let refused = in_one_browser(&app, "ada", &admin.cookie).await;
    let body = refused.expect(StatusCode::CONFLICT);
    assert_eq!(body["message"], "another account of this Berth is connected to this GitHub account");
}

#[tokio::test]
async fn signup_of_an_organization() {
    let app = App::with(|config| config.signup = Signup::parse("org:acme").unwrap()).await;
    assert_eq!(app.over_github("ada").await.status, StatusCode::FOUND);
    app.over_github("bob").await.expect(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_dashboard_elsewhere_is_told_in_the_address() {
    let app = App::with(|config| config.frontend_url = Some(Url::parse("https://old.example/app/").unwrap())).await;
    let back = app.over_github("ada").await;
    let to = back.location();
    assert_eq!((to.host_str(), to.path()), (Some("old.example"), "/app/auth/callback"));
    let names: Vec<String> = to.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["token", "username", "avatar", "email", "createdAt"]);
    assert!(!back.cookie().contains("berth_session"));
    let person = crate::harness::Person { id: 1.into(), cookie: String::new(), bearer: back.query("token") };
    assert_eq!(app.get("/api/v1/me", Some(&person)).await.expect(StatusCode::OK)["username"], "ada");
}

#[tokio::test]
async fn without_an_application_there_is_nowhere_to_go() {
    let app = App::with(|config| config.github = None).await;
    let answer = app.get("/api/auth/github", None).await.expect(StatusCode::NOT_FOUND);
    assert!(answer["message"].as_str().unwrap().contains("CLIENT_ID"));
}

#[tokio::test]
async fn an_attempt_that_somebody_else_began_connects_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    // A site under the same domain plants its own mark, state and code in the browser of somebody who is signed in.
    let left = app.get("/api/auth/github", None).await;
    let code = app.github.grant("eve", &left.location());
    let path = format!("/api/auth/github/callback?code={code}&state={}", left.query("state"));
    let both = format!("{}; {}", left.cookie(), admin.cookie);
    app.send(with_cookie(Method::GET, &path, &both)).await.expect(StatusCode::BAD_REQUEST);
    assert_eq!(app.get("/api/v1/me", Some(&admin)).await.json()["githubConnected"], false);
}

/// Somebody who is signed in already goes to GitHub and comes back.
async fn in_one_browser(app: &App, login: &str, session: &str) -> crate::harness::Answer {
    let left = app.send(with_cookie(Method::GET, "/api/auth/github", session)).await;
    let code = app.github.grant(login, &left.location());
    let path = format!("/api/auth/github/callback?code={code}&state={}", left.query("state"));
    app.send(with_cookie(Method::GET, &path, &format!("{}; {session}", left.cookie()))).await
}
