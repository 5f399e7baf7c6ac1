//! Users: who may open an account by themselves, and what administrators do with accounts.

use axum::http::{Method, StatusCode};
use berth_api::Signup;
use berth_model::{Access, Role};
use serde_json::{Value, json};

use crate::harness::{Answer, App, PASSWORD, Person};

async fn change(app: &App, by: &Person, whom: &Person, body: Value) -> Answer {
    app.call(Method::PATCH, &format!("/api/v1/users/{}", whom.id), Some(by), Some(body)).await
}

async fn remove(app: &App, by: &Person, whom: &Person, query: &str) -> Answer {
    app.call(Method::DELETE, &format!("/api/v1/users/{}{query}", whom.id), Some(by), None).await
}

#[tokio::test]
async fn are_listed_for_administrators() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.member("ada").await;
    app.create(&ada, "shop").await;
    let users = app.get("/api/v1/users", Some(&admin)).await.expect(StatusCode::OK);
    insta::assert_json_snapshot!(users, @r#"
    [
      {
        "active": true,
        "createdAt": "2026-11-18T11:06:40.000Z",
        "id": 2,
        "lastSeenAt": "2026-11-18T11:06:40.000Z",
        "login": null,
        "projects": 1,
        "role": "member",
        "signIn": [
          "github"
        ],
        "username": "ada"
      },
      {
        "active": true,
        "createdAt": "2026-11-18T11:06:40.000Z",
        "id": 1,
        "lastSeenAt": "2026-11-18T11:06:40.000Z",
        "login": "admin@localhost",
        "projects": 0,
        "role": "admin",
        "signIn": [
          "password"
        ],
        "username": "admin@localhost"
      }
    ]
    "#);
    let page = app.get(&format!("/api/v1/users?before={}&limit=1", ada.id), Some(&admin)).await.json();
    assert_eq!((page.as_array().unwrap().len(), &page[0]["username"]), (1, &"admin@localhost".into()));
}

#[tokio::test]
async fn an_open_berth_has_a_form_for_everybody_and_others_have_none() {
    for signup in [Signup::Closed, Signup::parse("org:acme").unwrap()] {
        let app = App::with(|config| config.signup = signup).await;
        assert_eq!(app.get("/api/v1/setup", None).await.json()["registration"], false);
        let body = json!({"login": "eve", "password": PASSWORD});
        let refused = app.post("/api/v1/users", None, body).await.expect(StatusCode::FORBIDDEN);
        assert_eq!(refused["error"]["message"], "this Berth accepts no new accounts; ask its administrator");
    }
    let app = App::start().await;
    let bob = app.register("Bob").await;
    let me = app.get("/api/v1/me", Some(&bob)).await.json();
    assert_eq!((&me["login"], &me["role"]), (&"bob".into(), &"member".into()));
    let again = app.post("/api/v1/users", None, json!({"login": "bob", "password": PASSWORD})).await;
    assert_eq!(again.expect(StatusCode::UNPROCESSABLE_ENTITY)["error"]["fields"][0]["field"], "login");
    for login in ["a b", "' OR 1=1 --", "ada\0", "ädä", &"a".repeat(255)] {
        let refused = app.post("/api/v1/users", None, json!({"login": login, "password": PASSWORD})).await;
        assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY)["error"]["fields"][0]["field"], "login");
    }
    assert_eq!(app.get("/api/v1/setup", None).await.json()["done"], false, "whoever came first is no administrator");
}

#[tokio::test]
async fn a_role_holds_from_the_next_request_on() {
    let app = App::start().await;
    let (admin, bob) = (app.admin().await, app.register("bob").await);
    app.get("/api/v1/users", Some(&bob)).await.expect(StatusCode::FORBIDDEN);
    let changed = change(&app, &admin, &bob, json!({"role": "admin"})).await.expect(StatusCode::OK);
    assert_eq!(changed["role"], "admin");
    app.get("/api/v1/users", Some(&bob)).await.expect(StatusCode::OK);
    change(&app, &bob, &admin, json!({"role": "member"})).await.expect(StatusCode::OK);
    let refused = change(&app, &admin, &bob, json!({"role": "member"})).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "admins_only");
    let last = change(&app, &bob, &bob, json!({"role": "member"})).await.expect(StatusCode::CONFLICT);
    let words = "this is the last administrator; make somebody else an administrator first";
    assert_eq!(last["error"]["message"], words);
    remove(&app, &bob, &bob, "?projects=delete").await.expect(StatusCode::CONFLICT);
    app.get("/api/v1/users", Some(&bob)).await.expect(StatusCode::OK);
    for bad in [json!({"role": "root"}), json!({"role": "admin\0"}), json!({"active": "no"})] {
        change(&app, &bob, &admin, bad).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let nobody = Person { id: 4_711.into(), ..admin.clone() };
    change(&app, &bob, &nobody, json!({"role": "admin"})).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_is_deactivated_is_out_and_may_come_back() {
    let app = App::start().await;
    let (admin, bob) = (app.admin().await, app.register("bob").await);
    app.create(&bob, "shop").await;
    let changed = change(&app, &admin, &bob, json!({"active": false})).await.expect(StatusCode::OK);
    assert_eq!((&changed["active"], &changed["projects"]), (&false.into(), &1.into()), "what they own stays");
    app.get("/api/v1/me", Some(&bob)).await.expect(StatusCode::UNAUTHORIZED);
    let refused = app.sign_in("bob", PASSWORD, [192, 0, 2, 1]).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "account_deactivated");
    let wrong = app.sign_in("bob", "wrong horse battery", [192, 0, 2, 1]).await;
    wrong.expect(StatusCode::UNAUTHORIZED);
    change(&app, &admin, &bob, json!({"active": true})).await.expect(StatusCode::OK);
    app.sign_in("bob", PASSWORD, [192, 0, 2, 1]).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/users/{}/sessions", bob.id);
    app.call(Method::DELETE, &path, Some(&admin), None).await.expect(StatusCode::NO_CONTENT);
    app.get("/api/v1/me", Some(&bob)).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_owns_projects_is_not_removed_by_accident() {
    let app = App::start().await;
    let (admin, bob, ada) = (app.admin().await, app.register("bob").await, app.member("ada").await);
    let project = app.create(&bob, "shop").await["project"]["id"].as_i64().unwrap();
    let refused = remove(&app, &admin, &bob, "").await.expect(StatusCode::CONFLICT);
    assert!(refused["error"]["message"].as_str().unwrap().contains("?projects=transfer:<user id>"), "{refused}");
    for bad in
        ["?projects=", "?projects=keep", "?projects=transfer:ada", "?projects=transfer:1%20OR%201=1", "?projects=%00"]
    {
        let refused = remove(&app, &admin, &bob, bad).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["error"]["fields"][0]["field"], "projects", "{bad}");
    }
    for nobody in [4_711, bob.id.0] {
        remove(&app, &admin, &bob, &format!("?projects=transfer:{nobody}")).await.expect(StatusCode::CONFLICT);
    }
    app.get("/api/v1/me", Some(&bob)).await.expect(StatusCode::OK);
    remove(&app, &admin, &bob, &format!("?projects=transfer:{}", ada.id)).await.expect(StatusCode::NO_CONTENT);
    app.get("/api/v1/me", Some(&bob)).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(app.get(&format!("/api/v1/projects/{project}"), Some(&ada)).await.json()["name"], "shop");
    app.sign_in("bob", PASSWORD, [192, 0, 2, 1]).await.expect(StatusCode::UNAUTHORIZED);
    remove(&app, &admin, &bob, "").await.expect(StatusCode::NOT_FOUND);
    app.register("bob").await;
}

#[tokio::test]
async fn projects_can_go_with_their_owner() {
    let app = App::start().await;
    let (admin, ada) = (app.admin().await, app.member("ada").await);
    let body = json!({"name": "shop", "branch": "main", "repoUrl": app.github.page("ada/shop")});
    app.post("/api/v1/projects", Some(&ada), body).await.expect(StatusCode::CREATED);
    app.create(&ada, "blog").await;
    assert_eq!(app.github.hooks("ada/shop").len(), 1);
    remove(&app, &admin, &ada, "?projects=delete").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(app.github.hooks("ada/shop").len(), 0, "the hook goes with the owner's own token");
    let access = Access::of(ada.id, Role::Member);
    assert_eq!(app.store.projects(access).await.unwrap(), []);
    assert_eq!(app.get("/api/v1/users", Some(&admin)).await.json().as_array().unwrap().len(), 1);
    // What they had is free again.
    app.create(&app.register("bob").await, "shop").await;
    assert_ne!(app.member("ada").await.id, ada.id);
}
