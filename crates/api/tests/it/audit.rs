//! The audit log: every changing route leaves exactly one entry when it is done, and none when it is refused.
//! Which routes those are comes from the router itself, by way of the matrix.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use berth_api::ClientAddress;
use berth_store::AuditFilter;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD};
use crate::matrix::{Cast, Rule, table};

/// They are asked by POST and change nothing.
const ASK_ONLY: [&str; 4] = [
    "/api/v1/detections",
    "/api/v1/variables/preview",
    "/api/v1/invitations/look",
    // A ping goes round; what comes back is a delivery.
    "/api/v1/projects/{id}/hook/test",
];
/// They begin with nobody; what each leaves is told below.
const OF_NOBODY: [&str; 7] = [
    "/api/webhook",
    "/api/hooks/{id}",
    "/api/deploy-hooks/{token}",
    "/api/v1/setup",
    "/api/v1/sessions",
    "/api/v1/users",
    "/api/v1/invitations/accept",
];

async fn entries(app: &App) -> Vec<berth_model::AuditEntry> {
    app.store.audit(&AuditFilter::default(), 500, None).await.unwrap()
}

#[tokio::test]
async fn every_changing_route_leaves_one_entry_and_refused_ones_leave_none() {
    let mut tried = 0;
    for (method, path, rule, body) in table() {
        if method.is_safe()
            || ASK_ONLY.contains(&path)
            || (OF_NOBODY.contains(&path) && matches!(rule, Rule::Public(_)))
        {
            continue;
        }
        let app = App::start().await;
        let cast = Cast::of(&app, path).await;
        app.start_activating();
        let address = cast.address(path);
        let label = format!("{method} {address}");
        let doer = match rule {
            Rule::Admin(_) => &cast.admin,
            Rule::Own if path == "/api/v1/me/password" => &cast.guest,
            _ => &cast.owner,
        };

        let before = entries(&app).await.len();
        let strangers = match rule {
            Rule::Admin(_) => vec![Some(&cast.owner), None],
            Rule::Own => vec![None],
            _ => vec![Some(&cast.other), Some(&cast.admin), None],
        };
        for stranger in strangers {
            let refused = app.call(method.clone(), &address, stranger, body.clone()).await;
            assert!(refused.status.is_client_error(), "{label}: {}", refused.text);
        }
        let nonsense = app.call(method.clone(), &address, Some(doer), Some(json!([1]))).await;
        let after = entries(&app).await.len();
        if nonsense.status.is_client_error() {
            assert_eq!(after, before, "{label}: refused, and yet in the log");
            let done = app.call(method.clone(), &address, Some(doer), body).await;
            // The shop is not at GitHub, so that there is nothing to repair, and live already.
            if path.ends_with("/hook/repair") || path == "/api/deploy/rollback" {
                assert!(done.status.is_client_error(), "{label}: {}", done.text);
                assert_eq!(entries(&app).await.len(), before, "{label}");
                continue;
            }
            assert!(done.status.is_success(), "{label}: {} {}", done.status, done.text);
        }
        let log = entries(&app).await;
        assert_eq!(log.len(), before + 1, "{label}: {:?}", &log[..log.len() - before]);
        let entry = &log[0];
        assert_eq!(entry.by.as_ref().map(|user| user.id), Some(doer.id), "{label}");
        let concerns_project = path.contains("/projects/{id}") || path.contains("/builds/{id}");
        assert!(
            !concerns_project || entry.project.as_ref().is_some_and(|project| project.id.0 == cast.shop.project),
            "{label}: {entry:?}"
        );
        let told = format!("{entry:?}");
        assert!(!told.contains("very secret") && !told.contains(PASSWORD) && !told.contains("horse"), "{told}");
        tried += 1;
    }
    assert!(tried > 35, "only {tried} routes were tried");
}

/// A request from an address.
fn from(address: [u8; 4], method: Method, path: &str, body: &Value) -> Request {
    let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
    request.extension(ClientAddress(address.into())).body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn whoever_begins_as_nobody_is_in_the_log_too() {
    let app = App::start().await;
    let last = || async { entries(&app).await.remove(0) };
    let words = |entry: &berth_model::AuditEntry| (entry.action.as_str(), entry.means.as_str());
    let count = || async { entries(&app).await.len() };

    let wrong = json!({"setupToken": "guessed", "login": "admin@localhost", "password": PASSWORD});
    app.post("/api/v1/setup", None, wrong).await.expect(StatusCode::FORBIDDEN);
    assert_eq!((count().await, words(&last().await)), (1, ("session_refused", "link")));
    let admin = app.admin().await;
    assert_eq!((count().await, words(&last().await)), (2, ("set_up", "link")));
    let guest = app.register("guest").await;
    assert_eq!((count().await, words(&last().await)), (3, ("user_created", "sign_in")));
    assert_eq!(last().await.by.map(|user| user.id), Some(guest.id));

    let (link, _) = app.invite(&admin, json!({})).await;
    app.accept(&link, "grace").await.expect(StatusCode::CREATED);
    assert_eq!((count().await, words(&last().await)), (5, ("user_created", "link")));

    let sign_in = |password: &str| {
        from([192, 0, 2, 7], Method::POST, "/api/v1/sessions", &json!({"login": "guest", "password": password}))
    };
    app.send(sign_in(PASSWORD)).await.expect(StatusCode::CREATED);
    assert_eq!((count().await, words(&last().await)), (6, ("session_opened", "sign_in")));
    app.send(sign_in("not the password")).await.expect(StatusCode::UNAUTHORIZED);
    let refused = last().await;
    assert_eq!((count().await, words(&refused)), (7, ("session_refused", "sign_in")));
    assert_eq!((refused.by, refused.user.map(|user| user.id)), (None, Some(guest.id)));
    assert_eq!(refused.address.as_deref(), Some("192.0.2.7"));
    // A password in the wrong field stays out of the log.
    let typed = json!({"login": "my password is hunter2", "password": "x"});
    app.send(from([192, 0, 2, 7], Method::POST, "/api/v1/sessions", &typed)).await.expect(StatusCode::UNAUTHORIZED);
    assert!(!format!("{:?}", entries(&app).await).contains("hunter2"));
    assert_eq!(count().await, 8);

    app.member("ada").await;
    assert_eq!((count().await, words(&last().await)), (9, ("user_created", "sign_in")));
    app.member("ada").await;
    assert_eq!((count().await, words(&last().await)), (10, ("session_opened", "sign_in")));
}

#[tokio::test]
async fn what_hooks_do_is_theirs() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = app.shop(&ada, "shop").await;
    let path = format!("/api/v1/projects/{}/deploy-hooks", shop.project);
    let made = app.post(&path, Some(&ada), json!({"name": "weekly"})).await.expect(StatusCode::CREATED);
    let call = made["url"].as_str().unwrap().split_once("/api/").unwrap().1;
    let before = entries(&app).await.len();
    app.post(&format!("/api/{call}"), None, json!({})).await.expect(StatusCode::CREATED);
    let log = entries(&app).await;
    assert_eq!((log.len(), log[0].action.as_str(), log[0].means.as_str()), (before + 1, "build_queued", "deploy_hook"));
    assert_eq!(log[0].means_name.as_deref(), Some("weekly"));

    let push = crate::webhook::push(json!({
        "repository": crate::harness::repository("https://git.example.org/ada/shop"),
        "after": "00000000000000000000000000000000000000aa",
    }));
    app.send(crate::webhook::signed("push", &push, Some("another"))).await.expect(StatusCode::CREATED);
    let log = entries(&app).await;
    assert_eq!((log.len(), log[0].action.as_str(), log[0].means.as_str()), (before + 2, "build_queued", "hook"));
    assert_eq!((log[0].means_name.as_deref(), &log[0].by), (Some("github"), &None));
    // The same once more is a duplicate, and one that nobody signed is nobody's.
    app.send(crate::webhook::signed("push", &push, Some("another"))).await.expect(StatusCode::OK);
    app.post("/api/webhook", None, json!({})).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(entries(&app).await.len(), before + 2);
}

#[tokio::test]
async fn administrators_read_it_page_by_page() {
    let app = App::start().await;
    let (admin, ada) = (app.admin().await, app.member("ada").await);
    let shop = app.shop(&ada, "shop").await;
    let (program, _) = app.program(&ada, None).await;
    let path = format!("/api/v1/projects/{}/builds", shop.project);
    app.post(&path, Some(&program), json!({})).await.expect(StatusCode::CREATED);
    let read = |query: String| {
        let (app, admin) = (&app, &admin);
        async move { app.get(&format!("/api/v1/audit{query}"), Some(admin)).await.expect(StatusCode::OK) }
    };
    let newest = &read("?limit=1".into()).await[0];
    assert_eq!(newest["action"], "build_queued");
    assert_eq!((&newest["means"], &newest["by"]["name"]), (&json!("token"), &json!("ada")));
    assert_eq!((&newest["project"]["name"], &newest["detail"]), (&json!("shop"), &json!(["main"])));
    let all = read("?limit=100".into()).await;
    let all = all.as_array().unwrap();
    let next = read(format!("?limit=100&before={}", newest["id"])).await;
    assert_eq!(next.as_array().unwrap()[..], all[1..]);
    let by_ada = read(format!("?limit=100&by={}", ada.id)).await;
    assert!(by_ada.as_array().unwrap().len() < all.len());
    assert!(by_ada.as_array().unwrap().iter().all(|entry| entry["by"]["id"] == ada.id.0));
    let of_shop = read(format!("?limit=100&project={}&means=session", shop.project)).await;
    assert!(of_shop.as_array().unwrap().iter().any(|entry| entry["action"] == "variables_set"));
    assert!(of_shop.as_array().unwrap().iter().all(|entry| entry["means"] == "session"));
    assert_eq!(read("?from=2100-01-01T00:00:00Z".into()).await, json!([]));
    assert_eq!(read("?until=2000-01-01T00:00:00Z".into()).await, json!([]));
    app.get("/api/v1/audit?from=yesterday", Some(&admin)).await.expect(StatusCode::BAD_REQUEST);
    let told = serde_json::to_string(all).unwrap();
    assert!(told.contains("TOKEN") && !told.contains("very secret"), "keys are told, values never: {told}");
}

#[tokio::test]
async fn whoever_is_removed_stays_in_the_log() {
    let app = App::start().await;
    let (admin, grace) = (app.admin().await, app.register("grace").await);
    app.create(&grace, "shop").await;
    let path = format!("/api/v1/users/{}?projects=delete", grace.id);
    app.call(Method::DELETE, &path, Some(&admin), None).await.expect(StatusCode::NO_CONTENT);
    let log = app.get(&format!("/api/v1/audit?by={}", grace.id), Some(&admin)).await.expect(StatusCode::OK);
    let actions: Vec<&str> = log.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["project_created", "user_created"]);
    assert!(log.as_array().unwrap().iter().all(|entry| entry["by"]["name"] == "grace"));
    let by_admin = app.get(&format!("/api/v1/audit?by={}", admin.id), Some(&admin)).await.expect(StatusCode::OK);
    let actions: Vec<&str> =
        by_admin.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["user_removed", "project_deleted", "user_changed", "set_up"],
        "each of the steps that it took"
    );
}

#[tokio::test]
async fn an_invitation_by_github_is_written_down_once() {
    let app = App::with(|config| config.signup = berth_api::Signup::Closed).await;
    let admin = app.admin().await;
    let before = entries(&app).await.len();
    let refused = app.over_github("ada").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    let log = entries(&app).await;
    assert_eq!((log.len(), log[0].action.as_str()), (before + 1, "session_refused"));
    let (link, _) = app.invite(&admin, json!({})).await;
    let left = app.get(&format!("/api/auth/github?invitation={link}"), None).await;
    let code = app.github.grant("ada", &left.location());
    app.come_back(&left, &format!("code={code}&state={}", left.query("state"))).await;
    let log = entries(&app).await;
    assert_eq!((log.len(), log[0].action.as_str()), (before + 3, "user_created"));
}
