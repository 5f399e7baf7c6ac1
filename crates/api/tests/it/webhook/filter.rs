//! Pushes that are recorded and not built: by words in the message, and by what they change.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use berth_model::{BuildStatus, Failure, FailureCode, Plan, ProjectId};
use berth_store::{BuildEnd, Claimed};
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

/// One whose build passed, at [`BUILT`], and used these packages of its workspace.
async fn built(packages: &[&str]) -> (App, Person) {
    let (app, ada) = connected().await;
    pass(&app, packages).await;
    (app, ada)
}

/// What the harness's worker fetches.
const BUILT: &str = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";

/// The worker's part: a build that waits passes.
async fn pass(app: &App, packages: &[&str]) {
    let claimed = app.claim().await;
    let decision = |value: &str| json!({"value": value, "source": "default", "reason": "x"});
    let plan: Plan = serde_json::from_value(json!({"services": [{
        "name": "web", "kind": "static", "rootDirectory": decision("apps/web"), "framework": decision("vite"),
        "toolchain": null, "installCommand": null, "buildCommand": null, "outputDirectory": decision("dist"),
        "workspacePackages": packages,
    }]}))
    .unwrap();
    app.store.record_plan(&claimed.lease, &plan).await.unwrap();
    app.publish(&claimed, "web").await;
}

/// The worker's part: a build ends through no fault of the repository's.
async fn fail(app: &App, claimed: Claimed) {
    let failure = Failure::new(FailureCode::SourceUnavailable, "the host is away", "try again");
    let end = BuildEnd { status: BuildStatus::Failed, exit_code: None, failure: Some(failure) };
    app.store.finish_build(&claimed.lease, &end).await.unwrap();
}

fn changing(files: &[&str]) -> Value {
    json!({"before": BUILT, "commits": [{"id": HEAD, "message": "Say hello", "modified": files}]})
}

/// The same, from one head to another.
fn moving(before: &str, after: &str, files: &[&str]) -> Value {
    let head = json!({"id": after, "message": "Say hello", "modified": files});
    json!({"before": before, "after": after, "commits": [head], "head_commit": head})
}

/// Why the newest build was skipped; `None` if it waits.
async fn reason(app: &App, ada: &Person) -> Option<String> {
    let newest = app.get("/api/v1/projects/1/builds?limit=1", Some(ada)).await.json()[0].clone();
    let build = app.store.build(
        berth_model::Access::of(ada.id, berth_model::Role::Member),
        berth_model::BuildId(newest["id"].as_i64().unwrap()),
    );
    match newest["status"].as_str().unwrap() {
        "skipped" => Some(build.await.unwrap().reason.unwrap().sentence),
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
    let (app, ada) = built(&[]).await;
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
    let (app, ada) = built(&[]).await;
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

#[tokio::test]
async fn what_a_failed_build_was_to_show_is_not_skipped() {
    let (app, ada) = connected().await;
    let first = app.store.claim(Duration::from_secs(60), 10).await.unwrap().unwrap();
    fail(&app, first).await;
    let elsewhere = &["apps/docs/a.md"];
    deliver(&app, changing(elsewhere)).await.expect(StatusCode::CREATED);
    assert_eq!(reason(&app, &ada).await, None, "nothing was ever built");
    pass(&app, &[]).await;
    let (one, two, three) = ("1".repeat(40), "2".repeat(40), "3".repeat(40));
    deliver(&app, moving(BUILT, &one, &["apps/web/index.html"])).await.expect(StatusCode::CREATED);
    let lost = app.store.claim(Duration::from_secs(60), 10).await.unwrap().unwrap();
    fail(&app, lost).await;
    deliver(&app, moving(&one, &two, elsewhere)).await.expect(StatusCode::CREATED);
    deliver(&app, moving(&two, &three, elsewhere)).await.expect(StatusCode::OK);
    assert_eq!(reason(&app, &ada).await.as_deref(), Some("skipped: no change under apps/web"));
    let waits = app.get("/api/v1/projects/1/builds?limit=2", Some(&ada)).await.json()[1]["id"].clone();
    app.post(&format!("/api/v1/builds/{waits}/cancel"), Some(&ada), json!({})).await;
    deliver(&app, moving(&three, &"4".repeat(40), elsewhere)).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn another_branchs_plan_does_not_say_what_production_uses() {
    let (app, ada) = built(&["packages/ui"]).await;
    let on = json!({"previews": true});
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(on)).await.expect(StatusCode::OK);
    app.open_pull_request(ProjectId(1), "web", 9, false).await;
    pass(&app, &[]).await;
    deliver(&app, changing(&["packages/icons/a.svg"])).await.expect(StatusCode::OK);
    deliver(&app, moving(HEAD, &"1".repeat(40), &["packages/ui/a.js"])).await.expect(StatusCode::CREATED);
    assert_eq!(reason(&app, &ada).await, None);
}

#[tokio::test]
async fn what_a_preview_showed_before_it_was_removed_does_not_count() {
    let (app, ada) = built(&[]).await;
    let on = json!({"previews": true});
    app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(on)).await.expect(StatusCode::OK);
    let greet = |mut change: Value| {
        change["ref"] = json!("refs/heads/greet");
        change
    };
    deliver(&app, greet(json!({"created": true}))).await.expect(StatusCode::CREATED);
    pass(&app, &[]).await;
    let one = "1".repeat(40);
    deliver(&app, greet(moving(BUILT, &one, &["apps/docs/a.md"]))).await.expect(StatusCode::OK);
    let preview = app.get("/api/v1/projects/1/previews", Some(&ada)).await.json()[0]["id"].clone();
    app.call(Method::DELETE, &format!("/api/v1/previews/{preview}"), Some(&ada), None).await;
    deliver(&app, greet(moving(&one, &"2".repeat(40), &["apps/docs/a.md"]))).await.expect(StatusCode::CREATED);
}
