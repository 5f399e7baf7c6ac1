//! A session's end, as everything that hangs on it sees it: REST, and the real `socket.io-client` on both transports.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Answer, Berth, Database, FakeGithub, Session, SocketClient, eventually};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";
/// How soon the sockets of a session are closed after it has ended (A3).
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Somebody with a password, who listens on both transports.
struct Dashboard {
    token: String,
    sockets: [SocketClient; 2],
}

impl Dashboard {
    async fn open(berth: &Berth, login: &str) -> Result<Self> {
        let credentials = json!({"login": login, "password": PASSWORD});
        let answer = Answer::of(berth.request("POST", "/api/v1/sessions").json(&credentials)).await?.expect(201)?;
        let token = answer["token"].as_str().context("a token")?.to_owned();
        let polling = SocketClient::connect(berth, &token, &["polling"]).await?;
        let websocket = SocketClient::connect(berth, &token, &["websocket"]).await?;
        Ok(Self { token, sockets: [polling, websocket] })
    }

    /// Its next request is refused and its sockets close.
    async fn is_out(&self, berth: &Berth, why: &str) -> Result<()> {
        ask(berth, &self.token, "GET", "/api/v1/me", None).await?.expect(401)?;
        for socket in &self.sockets {
            eventually(&format!("the socket closes after {why}"), CLOSED_WITHIN, async || {
                Ok(socket.heard().into_iter().find(|heard| heard.event == "disconnect"))
            })
            .await?;
        }
        let again = SocketClient::knock(berth, &self.token, &["websocket"])?;
        again.wait_for("a refusal", |heard| heard.event == "connect_error").await?;
        Ok(())
    }

    async fn is_in(&self, berth: &Berth) -> Result<()> {
        ask(berth, &self.token, "GET", "/api/v1/me", None).await?.expect(200)?;
        for socket in &self.sockets {
            ensure!(socket.heard().iter().all(|heard| heard.event != "disconnect"), "another's socket was closed");
        }
        Ok(())
    }
}

async fn ask(berth: &Berth, token: &str, method: &str, path: &str, body: Option<Value>) -> Result<Answer> {
    let mut request = berth.request(method, path).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    Answer::of(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_what_hangs_on_a_session_ends_with_it_on_sqlite() -> Result<()> {
    story(&Database::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_what_hangs_on_a_session_ends_with_it_on_postgresql() -> Result<()> {
    story(&Database::postgres()).await
}

async fn story(database: &Database) -> Result<()> {
    let github = FakeGithub::start().await?;
    let berth = Berth::start(database, &github, &[("BERTH_SIGNUP", "closed")]).await?;
    let setup_token = std::fs::read_to_string(berth.data().join("setup-token"))?;
    let body = json!({"setupToken": setup_token.trim(), "login": "ada", "password": PASSWORD});
    let admin = Answer::of(berth.request("POST", "/api/v1/setup").json(&body)).await?.expect(201)?;
    let admin = admin["token"].as_str().context("a token")?.to_owned();

    // Nobody gets in but by a link.
    ensure!(Session::over_oauth(&berth, &github).await.is_err(), "a stranger opened an account");
    let made = ask(&berth, &admin, "POST", "/api/v1/invitations", Some(json!({}))).await?.expect(201)?;
    let token = made["url"].as_str().and_then(|url| url.rsplit('/').next()).context("a link")?.to_owned();
    let body = json!({"token": token, "login": "grace", "password": PASSWORD});
    let grace = Answer::of(berth.request("POST", "/api/v1/invitations/accept").json(&body)).await?.expect(201)?;
    let grace = grace["user"]["id"].as_i64().context("an account")?;

    let bystander = Dashboard::open(&berth, "ada").await?;
    let one = Dashboard::open(&berth, "grace").await?;
    let sessions = ask(&berth, &one.token, "GET", "/api/v1/sessions", None).await?.expect(200)?;
    let current = sessions.as_array().and_then(|all| all.iter().find(|session| session["current"] == true));
    let id = current.and_then(|session| session["id"].as_i64()).context("a current session")?;
    let two = Dashboard::open(&berth, "grace").await?;
    ask(&berth, &two.token, "DELETE", &format!("/api/v1/sessions/{id}"), None).await?.expect(204)?;
    one.is_out(&berth, "its end was asked for from another").await?;
    two.is_in(&berth).await?;

    let three = Dashboard::open(&berth, "grace").await?;
    ask(&berth, &three.token, "DELETE", "/api/v1/sessions", None).await?.expect(204)?;
    two.is_out(&berth, "all others were ended").await?;
    three.is_in(&berth).await?;

    ask(&berth, &admin, "DELETE", &format!("/api/v1/users/{grace}/sessions"), None).await?.expect(204)?;
    three.is_out(&berth, "an administrator signed them out").await?;

    let four = Dashboard::open(&berth, "grace").await?;
    ask(&berth, &admin, "PATCH", &format!("/api/v1/users/{grace}"), Some(json!({"active": false})))
        .await?
        .expect(200)?;
    four.is_out(&berth, "they were deactivated").await?;
    ask(&berth, &admin, "PATCH", &format!("/api/v1/users/{grace}"), Some(json!({"active": true})))
        .await?
        .expect(200)?;

    let five = Dashboard::open(&berth, "grace").await?;
    ask(&berth, &admin, "DELETE", &format!("/api/v1/users/{grace}"), None).await?.expect(204)?;
    five.is_out(&berth, "they were removed").await?;
    bystander.is_in(&berth).await?;
    berth.stop().await
}
