//! Pushes that are recorded and not built: by words in the message, and by what they change.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HEAD, deliver};
use crate::harness::{App, Person};

/// An app with a project of `apps/web` that has not been built yet, and its owner.
async fn connected() -> (App, Person) {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let new = json!({"name": "web", "branch": "main", "rootDirectory": "apps/web",
                     "repoUrl": "https://git.example.org/ada/shop"});
    app.post("/api/v1/projects", Some(&ada), new).await.expect(StatusCode::CREATED);
    (app, ada)
}

fn changing(files: &[&str]) -> Value {
    json!({"commits": [{"id": HEAD, "message": "Say hello", "modified": files}]})
}

/// Why the newest build was skipped; `None` if it waits.
async fn reason(app: &App, ada: &Person) -> Option<String> {
    let newest = app.get("/api/v1/projects/1/builds?limit=1", Some(ada)).await.json()[0].clone();
    let build = app.store.build(
        berth_model::Access::of(ada.id, berth_model::Role::Member),
        berth_model::BuildId(newest["id"].as_i64().unwrap()),
    );
    match newest["status"].as_str().unwrap() {
        "skipped" => Some(build.await.unwrap().reason.unwrap()),
        "queued" => None,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_message_can_ask_for_no_build() {
    let (app, ada) = connected().await;
    for word in ["[skip ci]", "[CI skip]", "[Skip Deploy]"] {
        let head = json!({"id": HEAD, "message": format!("Fix a typo\n\n{word}"), "author": {"name": "Ada"}});
        let answer = deliver(&app, json!({"head_commit": head})).await.expect(StatusCode::OK);
        assert_eq!(answer, json!({"message": "skipped"}));
        let why = format!("skipped: the commit's message says {}", word.to_lowercase());
        assert_eq!(reason(&app, &ada).await, Some(why.clone()));
        let kept = app.get("/api/v1/projects/1/deliveries?limit=1", Some(&ada)).await.json();
        assert!(kept[0]["reason"].as_str().unwrap().ends_with(&why), "{kept}");
    }
    let first = app.get("/api/v1/builds/1", Some(&ada)).await.json();
    assert_eq!(first["status"], "queued", "what is skipped supersedes nothing");
}

#[tokio::test]
async fn a_push_beside_the_root_directory_is_skipped_and_says_so() {
    let (app, ada) = connected().await;
    deliver(&app, changing(&["apps/docs/a.md", "README.md"])).await.expect(StatusCode::OK);
    assert_eq!(reason(&app, &ada).await.as_deref(), Some("skipped: no change under apps/web"));
    for touching in [&["apps/web/index.html"][..], &["package-lock.json"], &["apps/docs/a", "apps/web/b"]] {
        deliver(&app, changing(touching)).await.expect(StatusCode::CREATED);
        assert_eq!(reason(&app, &ada).await, None, "{touching:?}");
    }
}

#[tokio::test]
async fn what_is_not_certain_is_built() {
    let (app, ada) = connected().await;
    let elsewhere = changing(&["apps/docs/a.md"]);
    let with = |change: Value| {
        let mut all = elsewhere.clone();
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        all
    };
    for uncertain in [json!({"created": true}), json!({"forced": true}), json!({"commits": []})] {
        deliver(&app, with(uncertain)).await.expect(StatusCode::CREATED);
        assert_eq!(reason(&app, &ada).await, None);
    }
    // Something was pushed in between that nobody told us of.
    let (before, after) = ("1".repeat(40), "2".repeat(40));
    deliver(&app, with(json!({"before": before, "after": after}))).await.expect(StatusCode::CREATED);
    let (before, after) = (after, "3".repeat(40));
    deliver(&app, with(json!({"before": before, "after": after}))).await.expect(StatusCode::OK);
    let (before, after) = (after, "4".repeat(40));
    deliver(&app, with(json!({"before": before, "after": after}))).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn watch_patterns_say_what_concerns_a_project() {
    let (app, ada) = connected().await;
    let watch =
        |patterns: Value| app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(json!({"watch": patterns})));
    watch(json!(["packages/**", "!*.md"])).await.expect(StatusCode::OK);
    deliver(&app, changing(&["packages/ui/README.md", "apps/web/a.js"])).await.expect(StatusCode::OK);
    let why = "skipped: no change matches the watch patterns packages/**, !*.md";
    assert_eq!(reason(&app, &ada).await.as_deref(), Some(why));
    deliver(&app, changing(&["packages/ui/a.js"])).await.expect(StatusCode::CREATED);
    let refused = watch(json!(["{a"])).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["error"]["fields"][0]["field"], "watch");
    watch(json!(null)).await.expect(StatusCode::OK);
    deliver(&app, changing(&["packages/ui/a.js"])).await.expect(StatusCode::OK);
}
