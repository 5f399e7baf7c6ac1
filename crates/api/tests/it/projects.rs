//! Projects on both sets of routes.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::App;

const PLAIN: &str = "https://git.example.org/ada/shop.git";

#[tokio::test]
async fn the_contracts_bodies() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let new = json!({"name": "shop", "branch": "main", "repoUrl": PLAIN, "buildCommand": "npm run build",
                     "secrets": [{"key": "TOKEN", "value": "hunter2hunter2"}]});
    let created = app.post("/api/project", Some(&ada), new).await.expect(StatusCode::CREATED);
    insta::assert_json_snapshot!("created", created);
    app.work("shop").await;
    let listed = app.get("/api/project/projects", Some(&ada)).await;
    assert!(!listed.text.contains("hunter2"), "Z6");
    insta::assert_json_snapshot!("listed", listed.expect(StatusCode::OK));
    let change = json!({"name": "shop", "branch": "next", "buildCommand": null, "outputDirectory": "./"});
    let path = "/api/project/projects/1";
    let changed = app.call(Method::PUT, path, Some(&ada), Some(change)).await.expect(StatusCode::OK);
    insta::assert_json_snapshot!("changed", changed);
    let secret = app.call(Method::DELETE, "/api/project/secret/1", Some(&ada), None).await.expect(StatusCode::OK);
    assert_eq!(secret, json!({"message": "Secret deleted"}));
    let deleted = app.call(Method::DELETE, path, Some(&ada), None).await.expect(StatusCode::OK);
    assert_eq!(deleted, json!({"message": "Project deleted"}));
    let listed = app.get("/api/project/projects", Some(&ada)).await.json();
    assert_eq!(listed["projects"], json!([]));
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let bad = json!({
        "branch": "a..b", "repoUrl": "file:///etc", "buildCommand": 7, "outputDirectory": "../..",
        "rootDirectory": "/abs", "nodeVersion": "20; rm", "spaFallback": "yes",
        "secrets": [{"key": "1A", "value": ""}, {"key": "A", "value": "x\0y"}, {"key": "B"}, {"key": "C", "value": "1"},
                    {"key": "C", "value": "2"}],
    });
    let answer = app.post("/api/project", Some(&ada), bad).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_json_snapshot!(answer);
}

#[tokio::test]
async fn a_project_needs_no_repository() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let made = app.post("/api/v1/projects", Some(&ada), json!({"name": "shop"})).await.expect(StatusCode::CREATED);
    assert_eq!((&made["build"], &made["project"]["repoUrl"]), (&Value::Null, &Value::Null));
    assert_eq!(made["project"]["branch"], "main");
    let path = format!("/api/v1/projects/{}", made["project"]["id"]);
    let built = app.post(&format!("{path}/builds"), Some(&ada), json!({})).await.expect(StatusCode::CONFLICT);
    assert!(built["error"]["message"].as_str().unwrap().contains("deploy a folder, or connect a repository"));
    let listed = app.get("/api/project/projects", Some(&ada)).await.json();
    assert_eq!(listed["projects"][0]["repoUrl"], "", "clients of the contract take text");
    let token = json!({"repoToken": "glpat-x7Qm2Vn8Rt4K"});
    let refused = app.call(Method::PATCH, &path, Some(&ada), Some(token.clone())).await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY)["error"]["fields"][0]["field"], "repoToken");
    let new = json!({"name": "other", "repoToken": "glpat-x7Qm2Vn8Rt4K"});
    app.post("/api/v1/projects", Some(&ada), new).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let follow = json!({"previews": true, "watch": ["docs/**"], "pollEvery": 600});
    let refused = app.call(Method::PATCH, &path, Some(&ada), Some(follow)).await;
    let fields = &refused.expect(StatusCode::UNPROCESSABLE_ENTITY)["error"]["fields"];
    assert_eq!(fields.as_array().unwrap().len(), 3, "{fields}");
    let nothing = json!({"previews": false, "watch": null, "pollEvery": null});
    app.call(Method::PATCH, &path, Some(&ada), Some(nothing)).await.expect(StatusCode::OK);
    // The contract's clients have always named one.
    app.post("/api/project", Some(&ada), json!({"name": "other"})).await.expect(StatusCode::UNPROCESSABLE_ENTITY);

    let connect = json!({"repoUrl": PLAIN, "repoToken": "glpat-x7Qm2Vn8Rt4K"});
    let changed = app.call(Method::PATCH, &path, Some(&ada), Some(connect)).await.expect(StatusCode::OK);
    assert_eq!((&changed["repoUrl"], &changed["hasRepoToken"]), (&json!(PLAIN), &json!(true)));
    let builds = app.get(&format!("{path}/builds"), Some(&ada)).await.json();
    assert_eq!((builds.as_array().unwrap().len(), &builds[0]["trigger"]), (1, &json!("created")));
}

#[tokio::test]
async fn g1_g4_only_sources_that_may_be_fetched() {
    let app = App::with(|config| config.source_allow = berth_model::SourceAllow::default()).await;
    let ada = app.member("ada").await;
    for address in [
        "--upload-pack=x",
        "ssh://-oProxyCommand=x/y",
        "ext::sh",
        "file:///etc",
        "/etc",
        "git://h/a",
        "https://u:p@h/a",
        "https://10.0.0.1/a",
        "https://0x7f000001/a",
        "https://[::ffff:10.0.0.1]/a",
        "http://git.example.org/a/b",
        "https://localhost/a",
        "https://169.254.169.254/a",
    ] {
        let new = json!({"name": "shop", "branch": "main", "repoUrl": address});
        let answer = app.post("/api/v1/projects", Some(&ada), new).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer["error"]["fields"][0]["field"], "repoUrl", "{address}");
    }
}

#[tokio::test]
async fn what_nobody_asked_for_is_ignored_in_the_contract_and_told_under_v1() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let new = json!({"name": "shop", "branch": "main", "repoUrl": PLAIN, "id": 99, "userId": bob.id, "webhookId": 7,
                     "createdAt": "1970-01-01T00:00:00.000Z"});
    let made = app.post("/api/project", Some(&ada), new).await.expect(StatusCode::CREATED);
    assert_eq!(made["project"]["userId"], ada.id.0);
    assert_eq!((&made["project"]["id"], &made["project"]["webhookId"]), (&json!(1), &Value::Null));
    let change = json!({"name": "shop", "branch": "main", "userId": bob.id, "repoUrl": "https://evil.example/x/y",
                        "secret": []});
    let path = "/api/project/projects/1";
    let changed = app.call(Method::PUT, path, Some(&ada), Some(change)).await.expect(StatusCode::OK);
    assert_eq!((&changed["project"]["repoUrl"], &changed["project"]["userId"]), (&json!(PLAIN), &json!(ada.id)));

    let refused = async |method, path: &str, body| {
        let answer = app.call(method, path, Some(&ada), Some(body)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        answer["error"]["fields"].clone()
    };
    let new = json!({"name": "docs", "branch": "main", "repoUrl": PLAIN, "secrets": [{"key": "A", "value": "b"}]});
    let told = refused(Method::POST, "/api/v1/projects", new).await;
    assert_eq!(
        told,
        json!([{"field": "secrets", "message": "there is no such field; did you mean variables?", "code": null}])
    );
    let told = refused(Method::PATCH, "/api/v1/projects/1", json!({"buildcommand": "make", "branch": "next"})).await;
    assert_eq!(
        told,
        json!([{"field": "buildcommand", "message": "there is no such field; did you mean buildCommand?", "code": null}])
    );
    let variables = json!({"variables": [{"key": "A", "value": "b", "type": "plain"}, {"key": "B", "val": "c"}]});
    let told = refused(Method::PUT, "/api/v1/projects/1/variables", variables).await;
    assert_eq!(
        told,
        json!([
            {"field": "variables[0].type", "message": "there is no such field; there are key, kind, scope, value", "code": null},
            {"field": "variables[1].val", "message": "there is no such field; did you mean value?", "code": null},
        ])
    );
    assert_eq!(app.get("/api/v1/projects/1", Some(&ada)).await.json()["branch"], "main", "nothing of it was done");
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let new = json!({"name": "shop", "branch": "main", "repoUrl": PLAIN, "buildCommand": "", "outputDirectory": "dist",
                     "rootDirectory": "apps/web", "nodeVersion": "20", "spaFallback": false});
    app.post("/api/v1/projects", Some(&ada), new).await.expect(StatusCode::CREATED);
    let change = json!({"name": "store", "outputDirectory": null});
    let changed = app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(change)).await.expect(StatusCode::OK);
    assert_eq!(changed["url"], "http://store.sites.test:8080");
    assert_eq!((&changed["buildCommand"], &changed["outputDirectory"]), (&json!(""), &Value::Null));
    assert_eq!((&changed["rootDirectory"], &changed["nodeVersion"]), (&json!("apps/web"), &json!("20")));
    assert_eq!(changed["spaFallback"], false);
    let null = json!({"name": null});
    let path = "/api/v1/projects/1";
    app.call(Method::PATCH, path, Some(&ada), Some(null)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let taken = app.create(&ada, "shop").await;
    assert_eq!(taken["project"]["name"], "shop", "the old name is free");
    let change = json!({"name": "shop"});
    app.call(Method::PATCH, path, Some(&ada), Some(change)).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn variables_are_set_replaced_and_removed_and_never_shown() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let path = "/api/v1/projects/1/variables";
    let put = |variables: Value| app.call(Method::PUT, path, Some(&ada), Some(json!({"variables": variables})));
    put(json!([{"key": "A", "value": "one"}, {"key": "B", "value": "two", "kind": "plain"}]))
        .await
        .expect(StatusCode::OK);
    let replaced = put(json!([{"key": "A", "value": "three\n\"$#="}])).await;
    assert!(!replaced.text.contains("three") && !replaced.text.contains("value"), "{}", replaced.text);
    let replaced = replaced.expect(StatusCode::OK);
    let keys: Vec<_> = replaced.as_array().unwrap().iter().map(|v| (v["key"].clone(), v["kind"].clone())).collect();
    assert_eq!(keys, [("A".into(), "secret".into()), ("B".into(), "plain".into())]);
    let sealed = app.store.variables_for(berth_store::BuildFor::production(1.into())).await.unwrap();
    let keys = berth_secrets::KeyRing::new(&[7; 32]);
    assert_eq!(keys.open(1.into(), "A", &sealed[0].1).unwrap().expose(), "three\n\"$#=");
    app.call(Method::DELETE, "/api/v1/variables/1", Some(&ada), None).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(app.get(path, Some(&ada)).await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_project_follows_besides_its_branch() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let path = format!("/api/v1/projects/{}", shop.project);
    let change = async |body: Value| app.call(Method::PATCH, &path, Some(&ada), Some(body)).await;
    let follows = |body: &Value| [body["previews"].clone(), body["watch"].clone(), body["pollEvery"].clone()];

    let read = app.get(&path, Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(follows(&read), [json!(false), Value::Null, Value::Null]);
    assert_eq!(read["webhookProblem"], Value::Null);
    let set = json!({"previews": true, "watch": ["apps/web/**", "*.md"], "pollEvery": 60});
    let changed = change(set).await.expect(StatusCode::OK);
    assert_eq!(follows(&changed), [json!(true), json!(["apps/web/**", "*.md"]), json!(60)]);
    // What is not named stays.
    let kept = change(json!({"nodeVersion": "22"})).await.expect(StatusCode::OK);
    assert_eq!(follows(&kept), follows(&changed));
    let cleared = change(json!({"previews": false, "watch": null, "pollEvery": null})).await.expect(StatusCode::OK);
    assert_eq!(follows(&cleared), follows(&read));

    for bad in [
        json!({"previews": null}),
        json!({"previews": "yes"}),
        json!({"watch": []}),
        json!({"watch": "apps"}),
        json!({"watch": ["../secrets"]}),
        json!({"watch": [1]}),
        json!({"pollEvery": 59}),
        json!({"pollEvery": "60"}),
    ] {
        let field = bad.as_object().unwrap().keys().next().unwrap().clone();
        let refused = change(bad.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], field, "{bad}: {refused}");
    }
}

#[tokio::test]
async fn a_card_says_what_is_live_and_how_builds_went() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let shop = app.shop(&ada, "shop").await;
    app.create(&ada, "blog").await;
    app.create(&bob, "shopping").await;
    let listed = app.get("/api/v1/projects", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!((&listed[0]["name"], &listed[1]["name"]), (&json!("blog"), &json!("shop")));
    let card = &listed[1];
    assert_eq!(card["liveDeployment"]["id"], shop.deployment);
    assert_eq!(card["liveDeployment"]["commit"]["message"], "Say hello");
    assert_eq!(card["liveDeployment"]["tookMs"], 0);
    assert_eq!(card["latestBuild"]["status"], "queued");
    assert_eq!(card["recentBuilds"][0], json!({"id": shop.build + 1, "status": "queued", "tookMs": null}));
    assert_eq!(card["recentBuilds"][1], json!({"id": shop.build, "status": "passed", "tookMs": 0}));
    assert_eq!((&card["medianMs"], &card["framework"]), (&json!(0), &Value::Null));
    let whole = app.get("/api/v1/projects/1", Some(&ada)).await.expect(StatusCode::OK);
    for (name, value) in card.as_object().unwrap() {
        assert_eq!(&whole[name], value, "{name}");
    }
    assert_eq!(whole["plan"], Value::Null);
    assert_eq!(app.get("/api/v1/projects/named/shop", Some(&ada)).await.json(), whole);
    for nobodys in ["shopping", "No%20name", "1", "%00"] {
        app.get(&format!("/api/v1/projects/named/{nobodys}"), Some(&ada)).await.expect(StatusCode::NOT_FOUND);
    }

    for (query, names) in [
        ("?q=LO", &["blog"][..]),
        ("?q=ada/shop", &["blog", "shop"]),
        ("?limit=1", &["blog"]),
        ("?limit=0", &["blog"]),
        ("?before=2", &["shop"]),
        ("?before=-9223372036854775808", &[]),
    ] {
        let found = app.get(&format!("/api/v1/projects{query}"), Some(&ada)).await.expect(StatusCode::OK);
        let found: Vec<_> = found.as_array().unwrap().iter().map(|card| card["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{query}");
    }
    for query in ["?limit=x", "?before=one"] {
        app.get(&format!("/api/v1/projects{query}"), Some(&ada)).await.expect(StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn builds_and_deployments_are_one_list() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let builds = async |query: &str| app.get(&format!("/api/v1/projects/1/builds{query}"), Some(&ada)).await;
    let all = builds("").await.expect(StatusCode::OK);
    let published = &all[1]["deployment"];
    assert_eq!((&published["id"], &published["status"]), (&json!(shop.deployment), &json!("live")));
    assert_eq!((&published["kept"], &all[0]["deployment"]), (&json!(true), &Value::Null));
    assert!(all[1].get("plan").is_none(), "lists leave it out");
    assert!(app.get("/api/v1/builds/1", Some(&ada)).await.json().get("plan").is_some());
    let count = async |query: &str| builds(query).await.expect(StatusCode::OK).as_array().unwrap().len();
    assert_eq!(count("?status=queued").await, 1);
    assert_eq!(count("?status=passed&environment=production&branch=main").await, 1);
    assert_eq!(count("?environment=preview").await + count("?branch=next").await, 0);
    builds("?status=done").await.expect(StatusCode::BAD_REQUEST);
    builds("?branch=a..b").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let path = "/api/v1/projects/1/deployments";
    let live = app.get(&format!("{path}?status=live"), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!((&live[0]["id"], &live[0]["commit"]["author"]), (&json!(shop.deployment), &json!("Ada")));
    let older = app.get(&format!("{path}?before={}", shop.deployment), Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(older, json!([]));
}
