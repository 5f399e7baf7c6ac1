//! Variables: a whole `.env` at once, and changes that nobody has to know a value for.

use axum::http::{Method, StatusCode};
use berth_model::{Access, ProjectId, Role, VariableKey, VariableKind, VariableScope};
use berth_secrets::{KeyRing, Sealed};
use berth_store::{BuildFor, SealedVariable};
use serde_json::{Value, json};

use crate::harness::{App, Person};

/// What production's builds get, opened.
async fn given(app: &App) -> Vec<(String, String)> {
    let sealed = app.store.variables_for(BuildFor::production(ProjectId(1))).await.unwrap();
    let keys = KeyRing::new(&[7; 32]);
    let open = |(variable, value): (berth_model::Variable, berth_secrets::Sealed)| {
        let value = keys.open(ProjectId(1), variable.key.as_str(), &value).unwrap();
        (variable.key.to_string(), value.expose().to_owned())
    };
    sealed.into_iter().map(open).collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

async fn shop(app: &App) -> Person {
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    ada
}

const IMPORT: &str = "/api/v1/projects/1/variables/import";

#[tokio::test]
async fn an_env_file_is_set_whole_or_not_at_all() {
    let app = App::start().await;
    let ada = shop(&app).await;
    let import = async |body: Value| app.post(IMPORT, Some(&ada), body).await;
    let first = import(json!({"text": "A=hunter2hunter2\n"})).await.expect(StatusCode::OK);
    assert_eq!((&first["set"], &first["variables"][0]["replaces"]), (&json!(true), &json!(false)));

    let file = "# mine\nA='new # one'\nexport B=two#three\nnonsense hunter2\n9X=hunter2\n";
    let dry = import(json!({"text": file, "dryRun": true})).await;
    assert!(!dry.text.contains("hunter2") && !dry.text.contains("new # one"), "{}", dry.text);
    let dry = dry.expect(StatusCode::OK);
    assert_eq!(dry["set"], false);
    assert_eq!(dry["variables"][0], json!({"line": 2, "key": "A", "replaces": true, "note": null}));
    assert!(dry["variables"][1]["note"].as_str().unwrap().contains("quote it"));
    let refused: Vec<_> = dry["refused"].as_array().unwrap().iter().map(|l| (&l["line"], &l["key"])).collect();
    assert_eq!(refused, [(&json!(4), &Value::Null), (&json!(5), &json!("9X"))]);

    let refused = import(json!({"text": file})).await;
    assert!(!refused.text.contains("hunter2"));
    let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["error"]["fields"][0]["field"], "text");
    assert!(refused["error"]["fields"][0]["message"].as_str().unwrap().starts_with("line 4: "));
    assert_eq!(given(&app).await, [pair("A", "hunter2hunter2")], "nothing was set");

    let good = json!({"text": "A='new # one'\nB=two", "kind": "plain", "scope": "production"});
    import(good).await.expect(StatusCode::OK);
    assert_eq!(given(&app).await, [pair("A", "new # one"), pair("B", "two")]);
    let listed = app.get("/api/v1/projects/1/variables", Some(&ada)).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3, "A for both stays beside A for production");

    for (body, field) in [
        (json!({}), "text"),
        (json!({"text": 7}), "text"),
        (json!({"text": "A=1", "kind": "public"}), "kind"),
        (json!({"text": "A=1", "scope": "all"}), "scope"),
        (json!({"text": "A=1", "dryRun": "yes"}), "dryRun"),
        (json!({"text": "A=\u{0}"}), "text"),
        (json!({"text": "A=1", "dryrun": true}), "dryrun"),
    ] {
        let refused = import(body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], field, "{body}");
    }
}

#[tokio::test]
async fn a_new_project_takes_an_env_file_along() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let look = json!({"text": "A=1\nB"});
    let looked = app.post("/api/v1/variables/preview", Some(&ada), look).await.expect(StatusCode::OK);
    assert_eq!((&looked["variables"][0]["key"], &looked["refused"][0]["line"]), (&json!("A"), &json!(2)));
    let new = |env: &str| json!({"name": "shop", "env": env, "variables": [{"key": "A", "value": "mine"}]});
    let refused =
        app.post("/api/v1/projects", Some(&ada), new("A=1\nB")).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let told = json!([{"field": "env", "message": "line 2: this line is not KEY=value", "code": null}]);
    assert_eq!(refused["error"]["fields"], told);
    app.post("/api/v1/projects", Some(&ada), new("A=1\nB=2")).await.expect(StatusCode::CREATED);
    assert_eq!(given(&app).await, [pair("A", "mine"), pair("B", "2")]);
}

#[tokio::test]
async fn variables_come_from_another_project() {
    let app = App::start().await;
    let ada = shop(&app).await;
    let bob = app.member("bob").await;
    let of = async |who: &Person, name: &str, file: &str, scope: &str| {
        let project = app.create(who, name).await["project"]["id"].as_i64().unwrap();
        let import = format!("/api/v1/projects/{project}/variables/import");
        app.post(&import, Some(who), json!({"text": file, "scope": scope})).await.expect(StatusCode::OK);
        let listed = app.get(&format!("/api/v1/projects/{project}/variables"), Some(who)).await.json();
        let ids: Vec<_> = listed.as_array().unwrap().iter().map(|variable| variable["id"].clone()).collect();
        (project, ids)
    };
    let (blog, ids) = of(&ada, "blog", "A=hunter2hunter2\nB=blue-monday\nC=c", "production").await;
    let (theirs, their_ids) = of(&bob, "theirs", "A=of-somebody-else", "both").await;
    app.post(IMPORT, Some(&ada), json!({"text": "A=old", "scope": "production"})).await.expect(StatusCode::OK);
    let copy = async |who: &Person, body: Value| app.post("/api/v1/projects/1/variables/copy", Some(who), body).await;

    for (body, field) in [
        (json!({"variables": []}), "from"),
        (json!({"from": null, "variables": []}), "from"),
        (json!({"from": "blog", "variables": []}), "from"),
        (json!({"from": 1, "variables": []}), "from"),
        (json!({"from": blog}), "variables"),
        (json!({"from": blog, "variables": ["A"]}), "variables"),
        (json!({"from": blog, "variables": [], "keys": []}), "keys"),
    ] {
        let refused = copy(&ada, body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], field, "{body}");
    }
    let (confined, _) = app.program(&ada, Some(1)).await;
    for (who, from, wanted) in
        [(&ada, theirs, &their_ids), (&ada, blog, &their_ids), (&ada, 4711, &ids), (&confined, blog, &ids)]
    {
        let refused = copy(who, json!({"from": from, "variables": wanted})).await.expect(StatusCode::NOT_FOUND);
        assert_eq!(refused["error"]["code"], "not_found");
    }
    assert_eq!(given(&app).await, [pair("A", "old")], "nothing was copied");

    let copied = copy(&ada, json!({"from": blog, "variables": ids[..2]})).await;
    assert!(!copied.text.contains("hunter2") && !copied.text.contains("monday"), "{}", copied.text);
    let copied = copied.expect(StatusCode::OK);
    let told: Vec<_> = copied.as_array().unwrap().iter().map(|v| (&v["key"], &v["scope"])).collect();
    let production = json!("production");
    assert_eq!(told, [(&json!("A"), &production), (&json!("B"), &production)]);
    // Opened with this project's name: sealed for it.
    assert_eq!(given(&app).await, [pair("A", "hunter2hunter2"), pair("B", "blue-monday")]);
}

/// A value that is damaged, or was sealed with a key that is gone, is in nobody's way but its own.
#[tokio::test]
async fn a_value_that_cannot_be_opened_is_named() {
    let app = App::start().await;
    let ada = shop(&app).await;
    let blog = app.create(&ada, "blog").await["project"]["id"].as_i64().unwrap();
    let access = Access::of(ada.id, Role::Member);
    let of_blog = async |key: &str, value: Sealed| {
        let (key, scope, kind) = (VariableKey::parse(key).unwrap(), VariableScope::Both, VariableKind::Secret);
        let set = vec![SealedVariable { key, scope, kind, value }];
        app.store.put_variables(access, ProjectId(blog), set).await.unwrap();
    };
    of_blog("GOOD", KeyRing::new(&[7; 32]).seal(ProjectId(blog), "GOOD", "fine")).await;
    of_blog("STUCK", Sealed::stored("v1.0000".to_owned())).await;
    let listed = app.store.variables(access, ProjectId(blog)).await.unwrap();
    let [good, stuck] = [listed[0].id.0, listed[1].id.0];

    let copy = async |ids: &[i64]| {
        app.post("/api/v1/projects/1/variables/copy", Some(&ada), json!({"from": blog, "variables": ids})).await
    };
    let refused = copy(&[good, stuck]).await.expect(StatusCode::CONFLICT);
    assert_eq!((&refused["error"]["code"], &refused["error"]["keys"]), (&json!("unopened_value"), &json!(["STUCK"])));
    let why = refused["error"]["message"].as_str().unwrap();
    assert!(why.starts_with("the value of STUCK cannot be opened") && why.contains("set it again"), "{why}");
    assert!(given(&app).await.is_empty(), "nothing was copied");
    copy(&[good]).await.expect(StatusCode::OK);
    assert_eq!(given(&app).await, [pair("GOOD", "fine")]);
    let renamed = json!({"key": "LOOSE"});
    let renamed = app.call(Method::PATCH, &format!("/api/v1/variables/{stuck}"), Some(&ada), Some(renamed)).await;
    assert_eq!(renamed.expect(StatusCode::CONFLICT)["error"]["code"], "unopened_value");
}

#[tokio::test]
async fn a_variable_is_renamed_without_its_value() {
    let app = App::start().await;
    let ada = shop(&app).await;
    app.post(IMPORT, Some(&ada), json!({"text": "A=hunter2hunter2\nB=b"})).await.expect(StatusCode::OK);
    let change = async |id: i64, body: Value| {
        app.call(Method::PATCH, &format!("/api/v1/variables/{id}"), Some(&ada), Some(body)).await
    };
    let changed = change(1, json!({"key": "TOKEN", "kind": "plain"})).await.expect(StatusCode::OK);
    assert_eq!(
        (&changed["key"], &changed["kind"], &changed["scope"]),
        (&json!("TOKEN"), &json!("plain"), &json!("both"))
    );
    assert!(changed["updatedAt"].is_string());
    assert_eq!(given(&app).await, [pair("B", "b"), pair("TOKEN", "hunter2hunter2")]);
    for (body, field) in [
        (json!({"key": "B"}), "key"),
        (json!({"key": "1"}), "key"),
        (json!({"key": null, "scope": "x"}), "scope"),
        (json!({"value": "x"}), "value"),
    ] {
        let refused = change(1, body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], field, "{body}");
    }
    change(99, json!({"key": "B"})).await.expect(StatusCode::NOT_FOUND);
}
