//! Repositories at GitHub: lists, and the one hook that their projects share.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, Person, WEBHOOK_SECRET};

async fn connect(app: &App, owner: &Person, name: &str, repository: &str) -> crate::harness::Answer {
    let new = json!({"name": name, "branch": "main", "repoUrl": app.github.page(repository)});
    app.post("/api/project", Some(owner), new).await
}

async fn delete(app: &App, owner: &Person, project: &Value) {
    let path = format!("/api/project/projects/{}", project["project"]["id"]);
    app.call(Method::DELETE, &path, Some(owner), None).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn lists_accounts_and_repositories() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    insta::assert_json_snapshot!("organizations", app.get("/api/repo/orgs", Some(&ada)).await.expect(StatusCode::OK));
    insta::assert_json_snapshot!("own", app.get("/api/repo/repos?page=1", Some(&ada)).await.expect(StatusCode::OK));
    let own = app.get("/api/repo/repos?org=ada", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(own["repos"][0]["name"], "shop");
    let theirs = app.get("/api/v1/github/repositories?org=Acme", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(theirs["repos"][0]["owner"], "Acme");
    for bad in ["..%2Fuser", "a%2Fb", "nobody"] {
        app.get(&format!("/api/repo/repos?org={bad}"), Some(&ada)).await.expect(StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_lost_token_says_how_to_connect_again() {
    let app = App::start().await;
    let (ada, admin) = (app.member("ada").await, app.admin().await);
    let without = app.get("/api/repo/orgs", Some(&admin)).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(without["message"], "connect your GitHub account first, at /api/auth/github");
    let without = connect(&app, &admin, "shop", "ada/shop").await.expect(StatusCode::FORBIDDEN);
    assert_eq!(without["message"], "connect your GitHub account first, at /api/auth/github");
    app.github.revoke("ada");
    let refused = app.get("/api/repo/orgs", Some(&ada)).await.expect(StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().contains("connect GitHub again"), "{refused}");
    let refused = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().contains("connect GitHub again"), "{refused}");
    assert_eq!(app.get("/api/v1/projects", Some(&ada)).await.json(), json!([]), "nothing is left of it");
}

#[tokio::test]
async fn w12_one_hook_is_shared_and_goes_with_the_last_project() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    let docs = connect(&app, &ada, "docs", "Ada/Shop.git").await.expect(StatusCode::CREATED);
    let hooks = app.github.hooks("ada/shop");
    assert_eq!(hooks.len(), 1);
    assert_eq!(hooks[0]["events"], json!(["push", "pull_request"]));
    let config = json!({"url": "http://berth.test:8080/api/webhook", "content_type": "json", "insecure_ssl": "0",
                        "secret": WEBHOOK_SECRET});
    assert_eq!(hooks[0]["config"], config);
    assert_eq!(shop["project"]["webhookId"], hooks[0]["id"]);
    assert_eq!(docs["project"]["webhookId"], hooks[0]["id"]);
    delete(&app, &ada, &shop).await;
    assert_eq!(app.github.hooks("ada/shop").len(), 1);
    delete(&app, &ada, &docs).await;
    assert_eq!(app.github.hooks("ada/shop").len(), 0);
}

#[tokio::test]
async fn a_hook_that_is_there_already_is_taken_over() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let first = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    // As after a database that was lost: GitHub still has the hook, nobody here knows it.
    app.store.set_webhook(1.into(), None).await.unwrap();
    let second = connect(&app, &ada, "docs", "ada/shop").await.expect(StatusCode::CREATED);
    assert_eq!(first["project"]["webhookId"], second["project"]["webhookId"]);
    assert_eq!(app.github.hooks("ada/shop").len(), 1);
}

#[tokio::test]
async fn a_repository_of_others_needs_their_consent() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let refused = connect(&app, &ada, "shop", "bob/site").await.expect(StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().contains("admin access"), "{refused}");
    let again = connect(&app, &ada, "shop", "ada/shop").await;
    again.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn deleting_works_while_github_does_not() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    app.github.revoke("ada");
    delete(&app, &ada, &shop).await;
    assert_eq!(app.get("/api/v1/projects", Some(&ada)).await.json(), json!([]));
}

#[tokio::test]
async fn without_a_secret_nothing_is_announced_and_that_is_said() {
    let app = App::with(|config| config.webhook_secret = None).await;
    let ada = app.member("ada").await;
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    let message = shop["message"].as_str().unwrap();
    assert!(message.contains("WEBHOOK_SECRET"), "{message}");
    assert_eq!(app.github.hooks("ada/shop").len(), 0);
}

#[tokio::test]
async fn p5_many_at_once_share_one_hook_and_leave_none() {
    let app = std::sync::Arc::new(App::start().await);
    let ada = app.member("ada").await;
    for _ in 0..3 {
        let connecting: Vec<_> = (0..20)
            .map(|n| {
                let (app, ada) = (app.clone(), ada.clone());
                tokio::spawn(async move { connect(&app, &ada, &format!("shop{n}"), "ada/shop").await })
            })
            .collect();
        let mut connected = Vec::new();
        for connecting in connecting {
            connected.push(connecting.await.unwrap().expect(StatusCode::CREATED));
        }
        let hooks = app.github.hooks("ada/shop");
        assert_eq!(hooks.len(), 1);
        assert!(connected.iter().all(|project| project["project"]["webhookId"] == hooks[0]["id"]));
        // The last one goes while another comes.
        let leaving: Vec<_> = connected
            .into_iter()
            .map(|project| {
                let (app, ada) = (app.clone(), ada.clone());
                tokio::spawn(async move { delete(&app, &ada, &project).await })
            })
            .collect();
        let late = connect(&app, &ada, "late", "ada/shop").await.expect(StatusCode::CREATED);
        for leaving in leaving {
            leaving.await.unwrap();
        }
        let hooks = app.github.hooks("ada/shop");
        assert_eq!(hooks.len(), 1, "the one that came has a hook that is there");
        assert_eq!(late["project"]["webhookId"], hooks[0]["id"]);
        delete(&app, &ada, &late).await;
        assert_eq!(app.github.hooks("ada/shop").len(), 0);
    }
}
