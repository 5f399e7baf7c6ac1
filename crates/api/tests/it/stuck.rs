//! C7: stored secrets that no key here opens. They are named where somebody can help it, and what needs one of them is
//! refused with what to do. Nothing answers 500.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use berth_model::{Access, ProjectId, Role, VariableKey, VariableKind, VariableScope};
use berth_secrets::KeyRing;
use berth_store::{ProjectChange, RepoAccess, SealedVariable};
use serde_json::{Value, json};

use crate::harness::{App, Person};

/// The problems of the installation.
async fn problems(app: &App, admin: &Person) -> Value {
    app.get("/api/v1/system", Some(admin)).await.expect(StatusCode::OK)["problems"].take()
}

#[tokio::test]
async fn secrets_that_do_not_open_are_named_and_nothing_else_suffers() {
    let app = App::start().await;
    let (admin, ada) = (app.admin().await, app.member("ada").await);
    for name in ["shop", "other"] {
        app.create(&ada, name).await;
    }
    let set = async |value: &str| {
        let body = json!({"variables": [{"key": "TOKEN", "value": value}]});
        let path = "/api/v1/projects/1/variables";
        app.call(Method::PUT, path, Some(&ada), Some(body)).await.expect(StatusCode::OK);
    };
    set("hunter2hunter2").await;
    assert_eq!(problems(&app, &admin).await, json!([]));

    let (lost, access, shop) = (KeyRing::new(&[9; 32]), Access::of(ada.id, Role::Member), ProjectId(1));
    let variable = |value| SealedVariable {
        key: VariableKey::parse("TOKEN").unwrap(),
        kind: VariableKind::Secret,
        scope: VariableScope::Both,
        value,
    };
    app.store.put_variables(access, shop, vec![variable(lost.seal(shop, "TOKEN", "hunter2"))]).await.unwrap();
    let hook = lost.seal_hook_secret(shop, "a secret");
    app.store.set_hook_secret(access, shop, Some(&hook)).await.unwrap();
    let project = app.store.project(access, shop).await.unwrap();
    let token = lost.seal_repo_token(shop, &project.repo_origin().unwrap(), "glpat-x");
    let change =
        ProjectChange { repo_access: Some(Some(RepoAccess { token, user: None })), ..ProjectChange::default() };
    app.store.update_project(access, shop, change, "shop.berth.test", Vec::new()).await.unwrap();

    let told = problems(&app, &admin).await;
    let [problem] = &told.as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!(problem["code"], "secrets_stuck");
    let detail = problem["detail"].as_str().unwrap();
    for word in ["the variable TOKEN of the project shop", "own hook", "access token", "ENCRYPTION_KEY_PREVIOUS"] {
        assert!(detail.contains(word), "{word}: {detail}");
    }
    assert!(detail.contains(lost.key_id()) && !detail.contains("hunter2"), "{detail}");

    // A delivery to the hook, its test, a detection, and what keeps a value without knowing it.
    let delivery = Request::post("/api/hooks/1")
        .header("content-type", "application/json")
        .header("x-github-event", "ping")
        .header("x-hub-signature-256", format!("sha256={}", "0".repeat(64)))
        .body(Body::from("{}"));
    assert_eq!(app.send(delivery.unwrap()).await.status, StatusCode::UNAUTHORIZED);
    let kept = app.get("/api/v1/projects/1/deliveries?limit=1", Some(&ada)).await.json();
    assert!(kept[0]["reason"].as_str().unwrap().contains("make a new one"), "{kept}");
    let tested = app.post("/api/v1/projects/1/hook/test", Some(&ada), json!({})).await;
    assert!(tested.status == StatusCode::CONFLICT && tested.text.contains("make a new one"), "{tested:?}");
    let detection = json!({"projectId": 1});
    let detected = app.post("/api/v1/detections", Some(&ada), detection).await;
    assert!(detected.status == StatusCode::CONFLICT && detected.text.contains("enter it anew"), "{detected:?}");
    let path = format!("/api/v1/variables/{}", app.store.variables(access, shop).await.unwrap()[0].id);
    let renamed = app.call(Method::PATCH, &path, Some(&ada), Some(json!({"key": "OTHER"}))).await;
    assert!(renamed.status == StatusCode::CONFLICT && renamed.text.contains("TOKEN"), "{renamed:?}");

    // Set anew, all is well.
    set("set anew").await;
    app.hook(&ada, 1).await;
    let token = json!({"repoToken": "glpat-x7Qm2Vn8Rt4K"});
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(token)).await.expect(StatusCode::OK);
    assert_eq!(problems(&app, &admin).await, json!([]));
}
