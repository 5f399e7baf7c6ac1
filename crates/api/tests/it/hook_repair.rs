//! Hooks at GitHub that were lost or changed, and tokens that GitHub no longer accepts.

use std::time::Duration;

use berth_model::ProjectId;
use http::StatusCode;
use serde_json::{Value, json};

use crate::fake_github::Trouble;
use crate::harness::{Answer, App, Person, WEBHOOK_SECRET};

async fn connected(app: &App, person: &Person, name: &str) -> i64 {
    let new = json!({"name": name, "branch": "main", "repoUrl": app.github.page("ada/shop")});
    let made = app.post("/api/v1/projects", Some(person), new).await.expect(StatusCode::CREATED);
    made["project"]["id"].as_i64().unwrap()
}

async fn repair(app: &App, person: &Person, project: i64) -> Answer {
    app.post(&format!("/api/v1/projects/{project}/hook/repair"), Some(person), json!({})).await
}

async fn project(app: &App, person: &Person, id: i64) -> Value {
    app.get(&format!("/api/v1/projects/{id}"), Some(person)).await.expect(StatusCode::OK)
}

#[tokio::test]
async fn a_lost_hook_is_registered_anew_for_all_who_count_on_it() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let (shop, docs) = (connected(&app, &ada, "shop").await, connected(&app, &ada, "docs").await);
    let first = project(&app, &ada, shop).await["webhookId"].clone();
    app.github.meddle("ada/shop", Vec::clear);
    let mended = repair(&app, &ada, docs).await.expect(StatusCode::OK);
    let [hook] = app.github.hooks("ada/shop").try_into().unwrap();
    assert_ne!(hook["id"], first);
    assert_eq!(mended, json!({"hookId": hook["id"], "state": "ok", "problem": null}));
    for id in [shop, docs] {
        assert_eq!(project(&app, &ada, id).await["webhookId"], hook["id"]);
    }
    let again = repair(&app, &ada, shop).await.expect(StatusCode::OK);
    assert_eq!((&again["state"], app.github.hooks("ada/shop").len()), (&json!("ok"), 1));
}

#[tokio::test]
async fn a_changed_hook_is_changed_back() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connected(&app, &ada, "shop").await;
    let good = app.github.hooks("ada/shop")[0].clone();
    let changes = [
        ("/active", json!(false)),
        ("/events", json!(["push"])),
        ("/config/url", json!("https://elsewhere.example/")),
        ("/config/content_type", json!("form")),
        ("/last_response", json!({"code": 401, "status": "invalid", "message": "Unauthorized"})),
    ];
    for (path, value) in changes {
        app.github.meddle("ada/shop", |hooks| {
            if path == "/last_response" {
                hooks[0]["config"]["secret"] = json!("another");
                hooks[0]["last_response"] = value;
            } else {
                *hooks[0].pointer_mut(path).unwrap() = value;
            }
        });
        app.api.hook_keeper().mend_all().await.unwrap();
        let [mended] = app.github.hooks("ada/shop").try_into().unwrap();
        assert_eq!((&mended["id"], &mended["config"]["secret"]), (&good["id"], &json!(WEBHOOK_SECRET)), "{path}");
        for part in ["active", "events", "config"] {
            assert_eq!(mended[part], good[part], "{path}");
        }
        assert_eq!(app.github.pinged().last(), good["id"].as_i64().as_ref(), "GitHub is to see that it works again");
    }
    let pinged = app.github.pinged().len();
    app.api.hook_keeper().mend_all().await.unwrap();
    assert_eq!(app.github.pinged().len(), pinged, "a hook that is well is left alone");
    assert_eq!(project(&app, &ada, shop).await["webhookProblem"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_mended_is_said_and_mended_later() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connected(&app, &ada, "shop").await;
    app.github.meddle("ada/shop", Vec::clear);
    app.github.revoke("ada");
    let refused = repair(&app, &ada, shop).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "github_reconnect");
    assert!(refused["error"]["message"].as_str().unwrap().contains("/api/auth/github"), "{refused}");
    // How the hook stands says so; the project does not go on saying so when they have.
    let look = app.get(&format!("/api/v1/projects/{shop}/hook"), Some(&ada)).await.expect(StatusCode::OK);
    assert!(look["github"]["problem"].as_str().unwrap().contains("connect GitHub again"), "{look}");
    assert_eq!(project(&app, &ada, shop).await["webhookProblem"], Value::Null);
    assert_eq!(app.get("/api/v1/me", Some(&ada)).await.json()["githubRefused"], true);

    // From here on GitHub is left alone.
    let asked = app.github.asked();
    repair(&app, &ada, shop).await.expect(StatusCode::FORBIDDEN);
    app.get("/api/v1/github/repositories", Some(&ada)).await.expect(StatusCode::FORBIDDEN);
    app.api.hook_keeper().mend_all().await.unwrap();
    assert_eq!(app.github.asked(), asked);

    app.github.restore("ada");
    app.over_github("ada").await;
    app.api.hook_keeper().mend_all().await.unwrap();
    let mended = project(&app, &ada, shop).await;
    let hook = &app.github.hooks("ada/shop")[0]["id"];
    assert_eq!((&mended["webhookProblem"], &mended["webhookId"]), (&Value::Null, hook));
    assert_eq!(app.get("/api/v1/me", Some(&ada)).await.json()["githubRefused"], false);
}

/// Who has to wait is not asked again for each of their repositories.
#[tokio::test]
async fn a_round_of_mending_ends_for_whom_github_wants_to_wait() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for name in ["shop", "r001", "r002"] {
        let new = json!({"name": name, "branch": "main", "repoUrl": app.github.page(&format!("ada/{name}"))});
        app.post("/api/v1/projects", Some(&ada), new).await.expect(StatusCode::CREATED);
    }
    app.github.suffer(Trouble::Answer(429, &[("retry-after", "60")], ""));
    let before = app.github.asked();
    app.api.hook_keeper().mend_all().await.unwrap();
    assert_eq!(app.github.asked(), before + 1);
    app.github.suffer(None);
    app.api.hook_keeper().mend_all().await.unwrap();
    assert_eq!(app.github.asked(), before + 4);
}

/// Berth died after the project was connected, and before it had its hook.
#[tokio::test]
async fn a_project_that_was_to_have_a_hook_gets_it() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connected(&app, &ada, "shop").await;
    app.github.meddle("ada/shop", Vec::clear);
    app.store.set_webhook(ProjectId(shop), None).await.unwrap();
    app.api.hook_keeper().mend_all().await.unwrap();
    let [hook] = app.github.hooks("ada/shop").try_into().unwrap();
    assert_eq!(project(&app, &ada, shop).await["webhookId"], hook["id"]);
}

#[tokio::test]
async fn any_call_finds_out_that_a_token_was_revoked() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.github.revoke("ada");
    for _ in 0..3 {
        let refused = app.get("/api/v1/github/repositories", Some(&ada)).await.expect(StatusCode::FORBIDDEN);
        assert_eq!(refused["error"]["code"], "github_reconnect");
    }
    assert_eq!(app.github.asked(), 2, "signing in, and the one call that found out");
    let new = json!({"name": "shop", "branch": "main", "repoUrl": app.github.page("ada/shop")});
    let refused = app.post("/api/v1/projects", Some(&ada), new).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "github_reconnect");
    assert!(app.store.user(ada.id).await.unwrap().unwrap().github_refused_at.is_some());
}

#[tokio::test]
async fn who_never_could_register_a_hook_may_try_again() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let new = json!({"name": "theirs", "branch": "main", "repoUrl": app.github.page("bob/site"), "repoToken": "pat"});
    let made = app.post("/api/v1/projects", Some(&ada), new).await.expect(StatusCode::CREATED);
    assert!(made["project"]["webhookProblem"].as_str().unwrap().contains("needs admin access"), "{made}");
    let lost = repair(&app, &ada, made["project"]["id"].as_i64().unwrap()).await.expect(StatusCode::OK);
    assert_eq!((&lost["hookId"], &lost["state"]), (&Value::Null, &json!("lost")));
    assert!(lost["problem"].as_str().unwrap().contains("needs admin access to the repository"), "{lost}");
}

/// Anybody can send what is signed badly: it makes us look, and not again soon.
#[tokio::test]
async fn a_badly_signed_delivery_makes_us_look_once() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connected(&app, &ada, "shop").await;
    let hook = app.store.project_unscoped(ProjectId(shop)).await.unwrap().unwrap().webhook_id.unwrap();
    let keeper = app.api.hook_keeper();
    let before = app.github.asked();
    keeper.suspect(hook + 1_000);
    keeper.follow_suspicions().await.unwrap();
    assert_eq!(app.github.asked(), before, "a hook of nobody's is nothing to us");
    let unsigned = http::Request::post("/api/webhook").header("x-github-hook-id", hook).body("{}".into()).unwrap();
    app.send(unsigned).await.expect(StatusCode::UNAUTHORIZED);
    // GitHub notes how it was answered only when it has the answer.
    let (followed, ()) = tokio::join!(keeper.follow_suspicions(), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        app.github.meddle("ada/shop", |hooks| {
            hooks[0]["last_response"] = json!({"code": 401, "status": "invalid", "message": "Unauthorized"});
        });
    });
    followed.unwrap();
    let last = app.github.pinged().last().copied();
    assert_eq!(last, Some(hook), "its secret is set anew");
    let asked = app.github.asked();
    keeper.suspect(hook);
    assert!(tokio::time::timeout(Duration::from_millis(50), keeper.follow_suspicions()).await.is_err());
    assert_eq!(app.github.asked(), asked);
}

/// What is shown of a hook is how it stands at GitHub at that moment; looking changes nothing.
#[tokio::test]
async fn how_a_hook_stands_is_seen_and_tried() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connected(&app, &ada, "shop").await;
    let hook = app.github.hooks("ada/shop")[0]["id"].clone();
    let path = format!("/api/v1/projects/{shop}/hook");
    let state = async || app.get(&path, Some(&ada)).await.expect(StatusCode::OK)["github"].clone();
    assert_eq!(state().await, json!({"hookId": hook, "state": "ok", "problem": null}));
    let tried = app.post(&format!("{path}/test"), Some(&ada), json!({})).await.expect(StatusCode::OK);
    assert!(tried["message"].as_str().unwrap().contains("GitHub was asked for a ping"), "{tried}");
    assert_eq!(app.github.pinged(), [hook.as_i64().unwrap()]);
    app.github.meddle("ada/shop", |hooks| hooks[0]["events"] = json!(["push"]));
    let altered = json!({"hookId": hook, "state": "altered",
        "problem": "it does not announce pushes and pull requests"});
    assert_eq!((state().await, state().await), (altered.clone(), altered));
    app.github.meddle("ada/shop", Vec::clear);
    assert_eq!(state().await["state"], "lost");
    app.github.suffer(Trouble::Answer(502, &[], ""));
    assert_eq!(state().await["state"], "refused");
    app.github.suffer(None);
    app.github.revoke("ada");
    let refused = state().await;
    assert!(refused["problem"].as_str().unwrap().contains("connect GitHub again"), "{refused}");
    let plain = json!({"name": "plain", "branch": "main", "repoUrl": "https://git.example.org/a/b"});
    let plain = app.post("/api/v1/projects", Some(&ada), plain).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/projects/{}/hook", plain["project"]["id"]);
    assert_eq!(app.get(&path, Some(&ada)).await.expect(StatusCode::OK)["github"], Value::Null);
}
