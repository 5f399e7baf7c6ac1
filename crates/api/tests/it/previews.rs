//! Previews, approvals, promotion, and which variables go where.

use axum::http::{Method, StatusCode};
use berth_model::ProjectId;
use serde_json::{Value, json};

use crate::harness::{App, Person};

const PROJECT: ProjectId = ProjectId(1);

/// A project that is live and takes previews.
async fn shop(app: &App) -> Person {
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    app.work("shop").await;
    let on = Some(json!({"previews": true}));
    let changed = app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), on).await.expect(StatusCode::OK);
    assert_eq!(changed["previews"], true);
    ada
}

async fn previews(app: &App, of: &Person) -> Value {
    app.get("/api/v1/projects/1/previews", Some(of)).await.expect(StatusCode::OK)
}

async fn set(app: &App, of: &Person, variables: Value) {
    let body = Some(json!({ "variables": variables }));
    app.call(Method::PUT, "/api/v1/projects/1/variables", Some(of), body).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_preview_from_held_to_live_to_gone() {
    let app = App::start().await;
    let ada = shop(&app).await;
    assert_eq!(previews(&app, &ada).await, json!([]));
    let held = app.open_pull_request(PROJECT, "shop", 7, true).await;
    let [preview] = previews(&app, &ada).await.as_array().unwrap().clone().try_into().unwrap();
    assert_eq!((&preview["state"], &preview["branch"]), (&json!("held"), &json!("pull/7")));
    assert_eq!(preview["url"], "http://shop-git-pull-7.sites.test:8080");
    assert_eq!(preview["pullRequest"], json!({"number": 7, "title": "A cart", "fork": "mallory/shop"}));
    assert_eq!(preview["liveDeployment"], Value::Null);
    assert_eq!(preview["latestBuild"]["reason"], "a pull request from mallory/shop: approve it to build it");

    let path = format!("/api/v1/builds/{}/approve", held.id);
    let approved = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&approved["status"], &approved["reason"]), (&json!("queued"), &Value::Null));
    assert_eq!(approved["pullRequest"]["fork"], "mallory/shop");
    app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
    let (build, deployment) = app.work("shop").await;
    assert_eq!(build, held.id.0);
    let preview = previews(&app, &ada).await[0].clone();
    assert_eq!((&preview["state"], &preview["liveDeployment"]["id"]), (&json!("live"), &json!(deployment.0)));
    let project = app.get("/api/v1/projects/1", Some(&ada)).await.json();
    assert_ne!(project["liveDeployment"]["id"], deployment.0, "production is production's");

    let path = format!("/api/v1/previews/{}", preview["id"]);
    assert_eq!(app.call(Method::DELETE, &path, Some(&ada), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.call(Method::DELETE, &path, Some(&ada), None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(previews(&app, &ada).await, json!([]));
    let gone = app.get(&format!("/api/v1/deployments/{deployment}"), Some(&ada)).await.json();
    assert_eq!((&gone["status"], &gone["kept"]), (&json!("retired"), &json!(false)));
}

#[tokio::test]
async fn the_contracts_clients_know_of_production_only() {
    let app = App::start().await;
    let ada = shop(&app).await;
    app.open_pull_request(PROJECT, "shop", 8, false).await;
    let (build, of_preview) = app.work("shop").await;
    app.open_pull_request(PROJECT, "shop", 7, true).await;
    let listed = app.get("/api/project/projects", Some(&ada)).await.expect(StatusCode::OK);
    let builds: Vec<_> = listed["projects"][0]["builds"].as_array().unwrap().iter().map(|build| &build["id"]).collect();
    assert_eq!(builds, [1], "the newest build is the site's, whatever {build} is");
    // Nor is a stranger's pull request how the project stands.
    let project = app.get("/api/v1/projects/1", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!((&project["latestBuild"]["id"], &project["latestBuild"]["status"]), (&json!(1), &json!("passed")));

    let site = project["liveDeployment"]["id"].clone();
    app.start_activating();
    for (latest, prev, wrong) in
        [(site.to_string(), of_preview.to_string(), "prev"), (of_preview.to_string(), site.to_string(), "latest")]
    {
        let path = format!("/api/deploy/rollback?latest={latest}&prev={prev}");
        let refused = app.call(Method::PUT, &path, Some(&ada), None).await.expect(StatusCode::BAD_REQUEST);
        assert!(refused["message"].as_str().unwrap().starts_with(wrong), "{refused}");
    }
}

#[tokio::test]
async fn a_held_build_is_dismissed_like_any_other() {
    let app = App::start().await;
    let ada = shop(&app).await;
    let held = app.open_pull_request(PROJECT, "shop", 7, true).await;
    let path = format!("/api/v1/builds/{}/cancel", held.id);
    let dismissed = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::OK);
    assert_eq!(dismissed["status"], "canceled");
    assert_eq!(previews(&app, &ada).await[0]["state"], "canceled");
}

#[tokio::test]
async fn a_preview_is_promoted_unless_its_variables_differ() {
    let app = App::start().await;
    let ada = shop(&app).await;
    set(&app, &ada, json!([{"key": "MODE", "value": "same"}])).await;
    app.open_pull_request(PROJECT, "shop", 8, false).await;
    let (build, deployment) = app.work("shop").await;
    app.start_activating();
    let path = format!("/api/v1/deployments/{deployment}/promote");

    set(&app, &ada, json!([{"key": "PAY", "value": "very secret", "scope": "production"}])).await;
    let refused = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["error"]["code"], "promotion_needs_rebuild");
    assert_eq!(refused["error"]["keys"], json!(["PAY"]));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("PAY") && !message.contains("MODE") && !message.contains("very secret"), "{message}");
    let queued = app.post(&path, Some(&ada), json!({"rebuild": true})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&queued["trigger"], &queued["environment"]), (&json!("promote"), &json!("production")));
    assert_eq!((&queued["branch"], &queued["status"]), (&json!("cart"), &json!("queued")));
    let (_, rebuilt) = app.work("shop").await;
    let project = app.get("/api/v1/projects/1", Some(&ada)).await.json();
    assert_eq!(project["liveDeployment"]["id"], rebuilt.0);

    let variables = app.get("/api/v1/projects/1/variables", Some(&ada)).await.json();
    let pay = variables.as_array().unwrap().iter().find(|v| v["scope"] == "production").unwrap();
    let removed = app.call(Method::DELETE, &format!("/api/v1/variables/{}", pay["id"]), Some(&ada), None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let promoted = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&promoted["environment"], &promoted["status"]), (&json!("production"), &json!("live")));
    assert_eq!((&promoted["promotedFrom"], &promoted["buildId"]), (&json!(deployment.0), &json!(build)));
    let project = app.get("/api/v1/projects/1", Some(&ada)).await.json();
    assert_eq!(project["liveDeployment"]["id"], promoted["id"]);
    // Back to what was there before: a promotion like any other.
    let path = format!("/api/v1/deployments/{rebuilt}/promote");
    let back = app.post(&path, Some(&ada), json!({"rebuild": false})).await.expect(StatusCode::OK);
    assert_eq!((&back["id"], &back["promotedFrom"]), (&json!(rebuilt.0), &Value::Null));
}

#[tokio::test]
async fn a_fork_is_promoted_without_secrets_or_not_at_all() {
    let app = App::start().await;
    let ada = shop(&app).await;
    let held = app.open_pull_request(PROJECT, "shop", 7, true).await;
    app.store.approve_build(berth_model::Access::of(ada.id, berth_model::Role::Member), held.id).await.unwrap();
    let (_, deployment) = app.work("shop").await;
    app.start_activating();
    let path = format!("/api/v1/deployments/{deployment}/promote");
    set(&app, &ada, json!([{"key": "TOKEN", "value": "very secret"}])).await;
    let refused = app.post(&path, Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
    assert!(refused["error"]["message"].as_str().unwrap().contains("merge its pull request"), "{refused}");
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["keys"]),
        (&json!("promotion_of_fork"), &json!(["TOKEN"]))
    );
    let refused = app.post(&path, Some(&ada), json!({"rebuild": true})).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["error"]["code"], "promotion_of_fork");
}

#[tokio::test]
async fn one_key_has_a_value_for_each_scope() {
    let app = App::start().await;
    let ada = shop(&app).await;
    let both = json!([
        {"key": "API", "value": "one"},
        {"key": "API", "value": "two", "scope": "preview", "kind": "plain"},
    ]);
    set(&app, &ada, both).await;
    let listed = app.get("/api/v1/projects/1/variables", Some(&ada)).await.json();
    let told: Vec<_> = listed.as_array().unwrap().iter().map(|v| (v["key"].clone(), v["scope"].clone())).collect();
    assert_eq!(told, [(json!("API"), json!("both")), (json!("API"), json!("preview"))]);
    let twice = json!({"variables": [{"key": "A", "value": "1"}, {"key": "A", "value": "2", "scope": "both"}]});
    let path = "/api/v1/projects/1/variables";
    app.call(Method::PUT, path, Some(&ada), Some(twice)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let odd = json!({"variables": [{"key": "A", "value": "1", "scope": "staging"}]});
    let odd = app.call(Method::PUT, path, Some(&ada), Some(odd)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(odd.to_string().contains("both, production or preview"), "{odd}");
}
