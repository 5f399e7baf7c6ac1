//! What holds for every address: bodies, methods, headers, origins (P1–P3).

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::harness::{App, Person};

async fn send_body(app: &App, ada: &Person, kind: &str, body: Body) -> crate::harness::Answer {
    let request = Request::post("/api/v1/projects")
        .header("content-type", kind)
        .header("authorization", format!("Bearer {}", ada.bearer));
    app.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn p1_p2_bodies_that_cannot_be_taken() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let json = "application/json";
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(1 << 20));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let chunks = [(); 3].map(|()| Ok::<_, std::io::Error>("x".repeat(1 << 19)));
    let chunked = Body::from_stream(futures_util::stream::iter(chunks));
    for (kind, body, status, code) in [
        (json, Body::from(large), 413, "too_large"),
        (json, chunked, 413, "too_large"),
        ("text/plain", Body::from("{}"), 415, "unsupported_media_type"),
        (json, Body::from("{\"name\":"), 400, "bad_request"),
        (json, Body::from(deep), 400, "bad_request"),
        (json, Body::from("[]"), 400, "bad_request"),
        (json, Body::from(b"{\"name\": \"\xff\"}".to_vec()), 400, "bad_request"),
        (json, Body::from("{}"), 422, "invalid_inputs"),
    ] {
        let answer = send_body(&app, &ada, kind, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert_eq!(answer.json()["error"]["code"], code);
    }
}

#[tokio::test]
async fn p3_sql_is_only_text() {
    for app in [App::start().await, App::on_postgres().await] {
        sql_is_only_text(app).await;
    }
}

async fn sql_is_only_text(app: App) {
    let ada = app.member("ada").await;
    for text in ["'; DROP TABLE project; --", "\" OR 1=1", "$1", "%_\\", "\u{0}", "é\u{202e}"] {
        let new = json!({"name": text, "branch": text, "repoUrl": text, "buildCommand": text, "nodeVersion": text,
                         "rootDirectory": text, "outputDirectory": text, "secrets": [{"key": text, "value": text}]});
        let answer = app.post("/api/project", Some(&ada), new).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
        let answer = app.post("/api/v1/sessions", None, json!({"login": text, "password": text})).await;
        assert!(answer.status.is_client_error(), "{}", answer.text);
    }
    let command = json!({"name": "shop", "branch": "main", "repoUrl": "https://git.example.org/a/b",
                         "buildCommand": "echo '; DROP TABLE project; --"});
    let made = app.post("/api/project", Some(&ada), command).await.expect(StatusCode::CREATED);
    assert_eq!(made["project"]["buildCommand"], "echo '; DROP TABLE project; --");
    for id in ["9223372036854775808", "-1", "1%20OR%201=1", "0x1", "é"] {
        let answer = app.get(&format!("/api/build/{id}"), Some(&ada)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}: {}", answer.text);
    }
    every_text_of_a_query_and_a_name(&app, &ada, made["project"]["id"].as_i64().unwrap()).await;
}

/// What is accepted as text comes back as it was; what is not is refused; nothing breaks.
async fn every_text_of_a_query_and_a_name(app: &App, ada: &Person, project: i64) {
    let admin = app.admin().await;
    let at = |rest: &str| format!("/api/v1/projects/{project}/{rest}");
    for text in ["'; DROP TABLE project; --", "\" OR 1=1", "$1", "%_\\", "\u{0}", "é\u{202e}", "9223372036854775807"] {
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for path in [
            at(&format!("builds?branch={encoded}")),
            at(&format!("builds?status={encoded}")),
            at(&format!("deployments?branch={encoded}&before={encoded}")),
            at(&format!("deliveries?before={encoded}")),
            format!("/api/v1/projects/named/{encoded}"),
            format!("/api/v1/projects/name-available?name={encoded}"),
            format!("/api/v1/projects?before={encoded}"),
            format!("/api/v1/builds/{encoded}"),
            format!("/api/v1/deploy-hooks/{encoded}"),
            format!("/api/deploy-hooks/{encoded}"),
        ] {
            let answer = app.get(&path, Some(ada)).await;
            assert!(!answer.status.is_server_error(), "{path}: {} {}", answer.status, answer.text);
        }
        for query in ["by", "project", "means", "from", "before"] {
            let answer = app.get(&format!("/api/v1/audit?{query}={encoded}"), Some(&admin)).await;
            assert!(!answer.status.is_server_error(), "{query}={text}: {}", answer.text);
        }
        for (path, body) in [
            (at("variables/import"), json!({"text": format!("A='{text}'")})),
            (at("variables/import"), json!({"text": text})),
            (at("deploy-hooks"), json!({"name": text, "branch": text})),
            ("/api/v1/tokens".to_owned(), json!({"name": text})),
            ("/api/v1/detections".to_owned(), json!({"repoUrl": text, "branch": text})),
        ] {
            let answer = app.post(&path, Some(ada), body).await;
            assert!(!answer.status.is_server_error(), "{path} {text}: {}", answer.text);
        }
        let hook = app.post(&at("deploy-hooks"), Some(ada), json!({"name": text})).await;
        if hook.status == StatusCode::CREATED {
            assert_eq!(hook.json()["name"], text.trim(), "as it was");
        }
        let note = app.post("/api/v1/invitations", Some(&admin), json!({"note": text})).await;
        assert!(!note.status.is_server_error(), "{text}: {}", note.text);
    }
    let left = app.get(&at("builds"), Some(ada)).await.expect(StatusCode::OK);
    assert_eq!(left.as_array().unwrap().len(), 1, "the project and its build are there");
}

#[tokio::test]
async fn refusals_of_the_router_are_json_in_the_shape_of_their_route() {
    let app = App::start().await;
    let answer = |method: Method, path: &'static str| app.call(method, path, None, None);
    let unknown = answer(Method::GET, "/api/nothing").await.expect(StatusCode::NOT_FOUND);
    assert_eq!(unknown, json!({"message": "there is nothing at this address"}));
    let unknown = answer(Method::GET, "/api/v1/nothing").await.expect(StatusCode::NOT_FOUND);
    assert_eq!(unknown["error"]["code"], "not_found");
    let wrong = answer(Method::PATCH, "/api/project").await;
    assert_eq!(wrong.header("allow"), "POST");
    assert!(wrong.expect(StatusCode::METHOD_NOT_ALLOWED)["message"].is_string());
    let wrong = answer(Method::DELETE, "/api/v1/projects").await.expect(StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong["error"]["code"], "method_not_allowed");
}

#[tokio::test]
async fn every_answer_is_hardened_and_not_stored() {
    let app = App::start().await;
    for path in ["/health", "/api/v1/me", "/api/nothing", "/api/v1/openapi.json"] {
        let answer = app.get(path, None).await;
        let policy = answer.header("content-security-policy");
        assert!(!policy.contains("unsafe") && policy.contains("script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(policy.ends_with("; frame-src http://*.sites.test:8080"), "sites alone are framed: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn cors_is_for_the_one_frontend_and_without_credentials() {
    let app = App::with(|config| config.frontend_url = Some(Url::parse("https://old.example/app").unwrap())).await;
    let preflight = |origin: &'static str, path: &'static str| {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "authorization");
        app.send(request.body(Body::empty()).unwrap())
    };
    for path in ["/api/project/projects", "/socket.io/"] {
        let allowed = preflight("https://old.example", path).await;
        assert_eq!(allowed.header("access-control-allow-origin"), "https://old.example", "{path}");
        assert!(allowed.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(allowed.header("access-control-allow-credentials"), "");
        for origin in ["https://evil.example", "null", "https://old.example.evil.example", "http://old.example"] {
            assert_eq!(preflight(origin, path).await.header("access-control-allow-origin"), "", "{origin}");
        }
    }
}

#[tokio::test]
async fn the_description_names_every_route_of_v1_and_its_refusals() {
    let app = App::start().await;
    let document = app.get("/api/v1/openapi.json", None).await.expect(StatusCode::OK);
    let paths = document["paths"].as_object().unwrap();
    for (method, path) in berth_api::Api::routes() {
        if !path.starts_with("/api/v1/") || path.ends_with("openapi.json") {
            continue;
        }
        let operation = &paths[&path][method.as_str().to_lowercase()];
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
        assert!(statuses.iter().any(|status| status.starts_with('2')), "{method} {path}: {statuses:?}");
        // What nobody needs to be signed in for says so.
        let needs_nobody = operation["security"] == json!([{}]);
        assert!(needs_nobody || statuses.contains(&&"401".to_owned()), "{method} {path}: {statuses:?}");
    }
    let open: Vec<String> = berth_api::Api::routes()
        .into_iter()
        .filter(|(method, path)| {
            paths.get(path).is_some_and(|item| item[method.as_str().to_lowercase()]["security"] == json!([{}]))
        })
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let expected = [
        "POST /api/v1/invitations/accept",
        "POST /api/v1/invitations/look",
        "POST /api/v1/sessions",
        "GET /api/v1/setup",
        "POST /api/v1/setup",
        "POST /api/v1/users",
    ];
    assert_eq!(open, expected, "these and no others are for everybody");
    assert_eq!(document["info"]["version"], "0.0.0-test");
    assert_ne!(document["components"]["schemas"]["ProjectBody"], Value::Null);
}

#[tokio::test]
async fn every_reference_of_the_description_leads_somewhere() {
    let app = App::start().await;
    let answer = app.get("/api/v1/openapi.json", None).await;
    let document = answer.json();
    let references: Vec<&str> =
        answer.text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 50);
    for reference in references {
        let found = document.pointer(reference.trim_start_matches('#'));
        assert!(found.is_some(), "{reference}");
    }
    assert_eq!(document["paths"]["/api/v1/sessions"]["post"]["security"], json!([{}]));
    assert_eq!(document["security"], json!([{"bearer": []}, {"session": []}]));
}
