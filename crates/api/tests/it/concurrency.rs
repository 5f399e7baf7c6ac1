//! P5: twenty at once of everything that makes, ends or switches something, on both databases. Nothing is there twice,
//! and nobody is told of an error of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Person};

const AT_ONCE: i64 = 20;

/// Asks twenty times at once.
async fn twenty(
    app: &Arc<App>,
    who: &Person,
    method: Method,
    of: impl Fn(i64) -> (String, Option<Value>),
) -> (Vec<Answer>, BTreeMap<u16, usize>) {
    let asked = (0..AT_ONCE).map(|number| {
        let (app, who, method, (path, body)) = (app.clone(), who.clone(), method.clone(), of(number));
        tokio::spawn(async move { app.call(method, &path, Some(&who), body).await })
    });
    let answers: Vec<Answer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    let mut statuses = BTreeMap::new();
    for answer in &answers {
        assert!(!answer.status.is_server_error(), "{}: {}", answer.status, answer.text);
        *statuses.entry(answer.status.as_u16()).or_default() += 1;
    }
    (answers, statuses)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p5_on_sqlite() {
    twenty_of_everything(App::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p5_on_postgres() {
    twenty_of_everything(App::on_postgres().await).await;
}

async fn twenty_of_everything(app: App) {
    let app = Arc::new(app);
    let ada = app.member("ada").await;
    let new = |name: String| json!({"name": name, "branch": "main", "repoUrl": "https://git.example.org/ada/shop"});

    let one_name = |_| ("/api/v1/projects".to_owned(), Some(new("shop".into())));
    let (answers, statuses) = twenty(&app, &ada, Method::POST, one_name).await;
    assert_eq!(statuses, [(201, 1), (422, 19)].into());
    let made = answers.iter().find(|answer| answer.status == StatusCode::CREATED).unwrap().json();
    let shop = made["project"]["id"].as_i64().unwrap();
    let many = |number| ("/api/v1/projects".to_owned(), Some(new(format!("shop-{number}"))));
    assert_eq!(twenty(&app, &ada, Method::POST, many).await.1, [(201, 20)].into());
    let listed = app.get("/api/v1/projects?limit=100", Some(&ada)).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 21);

    let at = |rest: &str| format!("/api/v1/projects/{shop}{rest}");
    let variable = |_| (at("/variables"), Some(json!({"variables": [{"key": "TOKEN", "value": "one of them"}]})));
    assert_eq!(twenty(&app, &ada, Method::PUT, variable).await.1, [(200, 20)].into());
    assert_eq!(app.get(&at("/variables"), Some(&ada)).await.json().as_array().unwrap().len(), 1);

    let build = |_| (at("/builds"), Some(json!({})));
    assert_eq!(twenty(&app, &ada, Method::POST, build).await.1, [(201, 20)].into());
    let builds = app.get(&at("/builds?limit=100"), Some(&ada)).await.json();
    let builds = builds.as_array().unwrap();
    let queued = builds.iter().filter(|build| build["status"] == "queued").count();
    assert_eq!((builds.len(), queued), (21, 1), "the newest waits, for all of them");
    let newest = builds[0]["id"].as_i64().unwrap();
    let cancel = |_| (format!("/api/v1/builds/{newest}/cancel"), None);
    assert_eq!(twenty(&app, &ada, Method::POST, cancel).await.1, [(200, 1), (409, 19)].into());

    let deployments = two_deployments(&app, &ada).await;
    app.start_activating();
    let activate = |number: i64| {
        let id = deployments[usize::from(number % 2 == 0)];
        (format!("/api/v1/deployments/{id}/activate"), None)
    };
    let (_, statuses) = twenty(&app, &ada, Method::POST, activate).await;
    assert!(statuses.contains_key(&200) && statuses.keys().all(|status| [200, 409].contains(status)), "{statuses:?}");
    let listed = app.get("/api/v1/projects/named/switched", Some(&ada)).await.json();
    let switched = listed["id"].as_i64().unwrap();
    let listed = app.get(&format!("/api/v1/projects/{switched}/deployments"), Some(&ada)).await.json();
    let live = listed.as_array().unwrap().iter().filter(|deployment| deployment["status"] == "live").count();
    assert_eq!(live, 1, "{listed}");

    let delete = |_| (at(""), None);
    assert_eq!(twenty(&app, &ada, Method::DELETE, delete).await.1, [(204, 1), (404, 19)].into());
    one_of_each_kind(&app, &ada).await;
}

/// A project with two deployments; their numbers.
async fn two_deployments(app: &App, ada: &Person) -> [i64; 2] {
    // The builds of the others would be first in line.
    for number in 0..AT_ONCE {
        let path = format!("/api/v1/projects/named/shop-{number}");
        let id = app.get(&path, Some(ada)).await.json()["id"].as_i64().unwrap();
        let path = format!("/api/v1/projects/{id}");
        app.call(Method::DELETE, &path, Some(ada), None).await.expect(StatusCode::NO_CONTENT);
    }
    let project = app.create(ada, "switched").await["project"]["id"].as_i64().unwrap();
    let (_, first) = app.work("switched").await;
    app.post(&format!("/api/v1/projects/{project}/builds"), Some(ada), json!({})).await.expect(StatusCode::CREATED);
    let (_, second) = app.work("switched").await;
    [first.0, second.0]
}

/// What can be ended once is ended once.
async fn one_of_each_kind(app: &Arc<App>, ada: &Person) {
    let project = app.create(ada, "last").await["project"]["id"].as_i64().unwrap();
    let path = format!("/api/v1/projects/{project}/deploy-hooks");
    let hook = app.post(&path, Some(ada), json!({"name": "weekly"})).await.expect(StatusCode::CREATED);
    let (_, token) = app.program(ada, None).await;
    let hook = hook["id"].as_i64().unwrap();
    for path in [format!("/api/v1/deploy-hooks/{hook}"), format!("/api/v1/tokens/{token}")] {
        let (_, statuses) = twenty(app, ada, Method::DELETE, |_| (path.clone(), None)).await;
        assert_eq!(statuses, [(204, 1), (404, 19)].into(), "{path}");
    }
    let hooks =
        |number: i64| (format!("/api/v1/projects/{project}/deploy-hooks"), Some(json!({"name": format!("h{number}")})));
    assert_eq!(twenty(app, ada, Method::POST, hooks).await.1, [(201, 20)].into());
    assert_eq!(twenty(app, ada, Method::POST, hooks).await.1, [(409, 20)].into(), "twenty are enough");
    let admin = app.admin().await;
    let (link, _) = app.invite(&admin, json!({})).await;
    let accept = |number: i64| {
        let body = json!({"token": link, "login": format!("guest-{number}"), "password": crate::harness::PASSWORD});
        ("/api/v1/invitations/accept".to_owned(), Some(body))
    };
    let (_, statuses) = twenty(app, ada, Method::POST, accept).await;
    assert_eq!(statuses.get(&201), Some(&1), "{statuses:?}");
}
