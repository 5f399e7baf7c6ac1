//! Z2: somebody else's ids in bodies and queries, of every route that takes one. Which do comes from the description that
//! is made of the routes; one whose meaning is not told here fails. Ids in addresses are the matrix's.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, Person};

/// What a number or a word in a query or a body is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// How many, how long, which page, or a word that is looked for: it names no row.
    Plain,
    /// Where a list goes on: a row's id, perhaps somebody else's.
    Cursor,
    /// The id of a project.
    Project,
    /// The id of a variable.
    Variable,
    /// Administrators choose whose: every row is theirs to see.
    OfAdministrators,
}

fn kind_of(name: &str, path: &str) -> Option<Kind> {
    Some(match name {
        "limit" | "last" | "page" | "after" | "format" | "q" | "org" | "repo" | "name" | "branch" | "environment"
        | "status" | "query" | "stream" | "replica" | "replicas" | "since" | "follow" | "spaFallback"
        | "expiresInHours" | "expiresIn" | "pollEvery" => Kind::Plain,
        "until" if path.ends_with("/logs") => Kind::Plain,
        // What lines are chosen by: they are of one log, whose name is in the address.
        "deployment" if path.ends_with("/logs") => Kind::Plain,
        "before" if path.ends_with("/logs") => Kind::Plain,
        "before" => Kind::Cursor,
        "projectId" => Kind::Project,
        "from" if path.ends_with("/variables/copy") => Kind::Project,
        "variables" if path.ends_with("/variables/copy") => Kind::Variable,
        "projects" if path == "/api/v1/users/{id}" => Kind::OfAdministrators,
        "by" | "project" | "means" | "from" | "until" if path == "/api/v1/audit" => Kind::OfAdministrators,
        _ => return None,
    })
}

/// Method, address and name of each parameter of a query, and of each number in a body.
fn told(document: &Value) -> Vec<(Method, String, String)> {
    let mut told = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let mut names = Vec::new();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    names.push(parameter["name"].as_str().unwrap().to_owned());
                }
            }
            for content in operation["requestBody"]["content"].as_object().into_iter().flat_map(|kinds| kinds.values())
            {
                numbers(document, &content["schema"], &mut names);
            }
            names.sort();
            names.dedup();
            told.extend(names.into_iter().map(|name| (method.clone(), path.clone(), name)));
        }
    }
    told
}

/// The names of whole numbers in a shape, however deep.
fn numbers(document: &Value, shape: &Value, names: &mut Vec<String>) {
    if let Some(reference) = shape["$ref"].as_str() {
        return numbers(document, document.pointer(reference.trim_start_matches('#')).unwrap(), names);
    }
    for (name, property) in shape["properties"].as_object().into_iter().flatten() {
        if [&property["type"], &property["items"]["type"]].iter().any(|kind| kind.to_string().contains("integer")) {
            names.push(name.clone());
        }
        numbers(document, property, names);
    }
    for parts in ["allOf", "oneOf", "anyOf"] {
        shape[parts].as_array().into_iter().flatten().for_each(|part| numbers(document, part, names));
    }
    if !shape["items"].is_null() {
        numbers(document, &shape["items"], names);
    }
}

#[tokio::test]
async fn z2_somebody_elses_ids_lead_nowhere() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let shop = app.shop(&ada, "shop").await;
    let make = async |name: &str| {
        let new = json!({"name": name, "branch": "main", "repoUrl": "https://git.example.org/bob/own"});
        let made = app.post("/api/v1/projects", Some(&bob), new).await.expect(StatusCode::CREATED);
        made["project"]["id"].as_i64().unwrap()
    };
    let (own, second) = (make("own").await, make("second").await);
    let document = app.get("/api/v1/openapi.json", None).await.json();
    let mut tried = 0;
    for (method, path, name) in told(&document) {
        let kind = kind_of(&name, &path);
        match kind.unwrap_or_else(|| panic!("say what {name} of {method} {path} is")) {
            Kind::Plain | Kind::OfAdministrators => continue,
            Kind::Cursor => cursor(&app, &bob, &path, own).await,
            Kind::Project => refused(&app, &bob, &path, own, |id| of_project(&path, id), shop.project).await,
            Kind::Variable => {
                let copied = |id: i64| json!({"from": second, "variables": [id]});
                refused(&app, &bob, &path, own, copied, shop.secret).await;
            }
        }
        tried += 1;
    }
    assert!(tried >= 8, "only {tried} were tried");
}

/// A list that goes on from somebody else's row holds the asker's own.
async fn cursor(app: &App, bob: &Person, path: &str, own: i64) {
    let path = path.replace("{id}", &own.to_string());
    for before in [1, 2, i64::MAX] {
        let answer = app.get(&format!("{path}?before={before}"), Some(bob)).await;
        let is_for_administrators = answer.status == StatusCode::FORBIDDEN;
        assert!(is_for_administrators || answer.status == StatusCode::OK, "{path}: {}", answer.text);
        assert!(!answer.text.contains("shop") && !answer.text.contains("\"ada\""), "{path}: {}", answer.text);
    }
}

/// A body that names a project.
fn of_project(path: &str, project: i64) -> Value {
    match path {
        "/api/v1/tokens" => json!({"name": "ci", "projectId": project}),
        "/api/v1/detections" => json!({"projectId": project}),
        "/api/v1/projects/{id}/variables/copy" => json!({"from": project, "variables": []}),
        _ => panic!("say how {path} is asked about a project"),
    }
}

/// What is asked for with somebody else's id is refused as if there were none.
async fn refused(app: &App, bob: &Person, path: &str, own: i64, body: impl Fn(i64) -> Value, theirs: i64) {
    let path = path.replace("{id}", &own.to_string());
    let refused = app.post(&path, Some(bob), body(theirs)).await;
    let nobodys = app.post(&path, Some(bob), body(4_711)).await;
    assert_eq!((refused.status, &refused.text), (StatusCode::NOT_FOUND, &nobodys.text), "{path}");
}
