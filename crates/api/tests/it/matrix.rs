//! Z1: every route × {anonymous, another user, the owner, an administrator, API tokens}. A route that is missing here
//! fails.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Person, Shop, with_cookie};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// Anybody; the status that nobody in particular gets.
    Public(u16),
    /// Anybody who is signed in; it shows or changes their own things only.
    Own,
    /// The owner of what the address names.
    Owner,
    /// Administrators; the status that they get.
    Admin(u16),
}

use Rule::{Admin, Own, Owner, Public};

/// Method, address, who may use it, and a body with which the owner succeeds.
pub(crate) fn table() -> Vec<(Method, &'static str, Rule, Option<Value>)> {
    let change = json!({"name": "shop", "branch": "main"});
    let new = |name: &str| json!({"name": name, "branch": "main", "repoUrl": "https://git.example.org/a/b"});
    let passwords = json!({"oldPassword": PASSWORD, "password": "another horse battery"});
    let variables = json!({"variables": [{"key": "A", "value": "b"}]});
    let (get, post, put, patch, delete) = (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    vec![
        (get.clone(), "/health", Public(200), None),
        (get.clone(), "/health/ready", Public(200), None),
        (get.clone(), "/api", Public(200), None),
        (get.clone(), "/metrics", Admin(200), None),
        (get.clone(), "/api/v1/openapi.json", Public(200), None),
        (post.clone(), "/api/webhook", Public(401), None),
        (post.clone(), "/api/hooks/{id}", Public(401), None),
        (post.clone(), "/api/deploy-hooks/{token}", Public(404), None),
        (get.clone(), "/api/auth/github", Public(302), None),
        (get.clone(), "/api/auth/github/callback", Public(400), None),
        (get.clone(), "/api/v1/setup", Public(200), None),
        (post.clone(), "/api/v1/setup", Public(422), Some(json!({}))),
        (post.clone(), "/api/v1/sessions", Public(422), Some(json!({}))),
        (get.clone(), "/api/repo/orgs", Own, None),
        (get.clone(), "/api/repo/repos", Own, None),
        (get.clone(), "/api/v1/github/organizations", Own, None),
        (get.clone(), "/api/v1/github/repositories", Own, None),
        (get.clone(), "/api/v1/github/branches", Own, None),
        (
            post.clone(),
            "/api/v1/detections",
            Own,
            Some(json!({"repoUrl": "https://git.example.org/a/b", "branch": "main"})),
        ),
        (get.clone(), "/api/v1/me", Own, None),
        (delete.clone(), "/api/v1/me/github", Own, None),
        (get.clone(), "/api/v1/sessions", Own, None),
        (get.clone(), "/api/v1/projects", Own, None),
        (get.clone(), "/api/project/projects", Own, None),
        (get.clone(), "/api/v1/projects/name-available", Own, None),
        (post.clone(), "/api/v1/projects", Own, Some(new("fresh"))),
        (post.clone(), "/api/project", Own, Some(new("fresh"))),
        (put.clone(), "/api/v1/me/password", Own, Some(passwords)),
        (delete.clone(), "/api/v1/sessions", Own, None),
        (get.clone(), "/api/v1/tokens", Own, None),
        (post.clone(), "/api/v1/tokens", Own, Some(json!({"name": "ci"}))),
        (delete.clone(), "/api/v1/tokens/{id}", Owner, None),
        (get.clone(), "/api/v1/system", Admin(200), None),
        (get.clone(), "/api/v1/audit", Admin(200), None),
        (get.clone(), "/api/v1/users", Admin(200), None),
        (post.clone(), "/api/v1/users", Public(422), Some(json!({}))),
        (patch.clone(), "/api/v1/users/{id}", Admin(200), Some(json!({"active": false}))),
        (delete.clone(), "/api/v1/users/{id}", Admin(204), None),
        (delete.clone(), "/api/v1/users/{id}/sessions", Admin(204), None),
        (post.clone(), "/api/v1/users/{id}/password-link", Admin(201), None),
        (get.clone(), "/api/v1/invitations", Admin(200), None),
        (post.clone(), "/api/v1/invitations", Admin(201), Some(json!({"note": "for Grace"}))),
        (delete.clone(), "/api/v1/invitations/{id}", Admin(204), None),
        (post.clone(), "/api/v1/invitations/look", Public(422), Some(json!({}))),
        (post.clone(), "/api/v1/invitations/accept", Public(422), Some(json!({}))),
        (put.clone(), "/api/project/projects/{id}", Owner, Some(change)),
        (delete.clone(), "/api/project/projects/{id}", Owner, None),
        (delete.clone(), "/api/project/secret/{id}", Owner, None),
        (post.clone(), "/api/build/rebuild/{id}", Owner, None),
        (get.clone(), "/api/build/{id}", Owner, None),
        (put.clone(), "/api/deploy/rollback", Owner, None),
        (get.clone(), "/api/deploy/deployments/{id}", Owner, None),
        (get.clone(), "/api/deploy/{id}", Owner, None),
        (get.clone(), "/api/v1/projects/{id}", Owner, None),
        (get.clone(), "/api/v1/projects/named/{name}", Owner, None),
        (patch.clone(), "/api/v1/projects/{id}", Owner, Some(json!({"branch": "next"}))),
        (delete.clone(), "/api/v1/projects/{id}", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/variables", Owner, None),
        (put.clone(), "/api/v1/projects/{id}/variables", Owner, Some(variables)),
        (post.clone(), "/api/v1/projects/{id}/variables/import", Owner, Some(json!({"text": "A=b"}))),
        (post.clone(), "/api/v1/projects/{id}/variables/copy", Owner, Some(json!({"from": 2, "variables": []}))),
        (patch.clone(), "/api/v1/variables/{id}", Owner, Some(json!({"key": "RENAMED"}))),
        (delete.clone(), "/api/v1/variables/{id}", Owner, None),
        (post.clone(), "/api/v1/variables/preview", Own, Some(json!({"text": "A=b"}))),
        (get.clone(), "/api/v1/limits", Own, None),
        (get.clone(), "/api/v1/projects/{id}/builds", Owner, None),
        (post.clone(), "/api/v1/projects/{id}/builds", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/deployments", Owner, None),
        (post.clone(), "/api/v1/projects/{id}/deployments", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/hook", Owner, None),
        (put.clone(), "/api/v1/projects/{id}/hook", Owner, None),
        (delete.clone(), "/api/v1/projects/{id}/hook", Owner, None),
        (post.clone(), "/api/v1/projects/{id}/hook/test", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/deploy-hooks", Owner, None),
        (post.clone(), "/api/v1/projects/{id}/deploy-hooks", Owner, Some(json!({"name": "weekly"}))),
        (delete.clone(), "/api/v1/deploy-hooks/{id}", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/deliveries", Owner, None),
        (get.clone(), "/api/v1/deliveries/{id}", Owner, None),
        (post.clone(), "/api/v1/deliveries/{id}/replay", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/reports", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/traffic", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/access-log", Owner, None),
        (post.clone(), "/api/v1/projects/{id}/hook/repair", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/services", Owner, None),
        (patch.clone(), "/api/v1/projects/{id}/services/{name}", Owner, Some(json!({"replicas": 2}))),
        (post.clone(), "/api/v1/projects/{id}/services/{name}/restart", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/services/{name}/logs", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/volumes", Owner, None),
        (delete.clone(), "/api/v1/projects/{id}/volumes/{name}", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/runs", Owner, None),
        (post.clone(), "/api/v1/projects/{id}/runs", Owner, Some(json!({"command": ["true"]}))),
        (get.clone(), "/api/v1/runs/{id}", Owner, None),
        (get.clone(), "/api/v1/runs/{id}/log", Owner, None),
        (post.clone(), "/api/v1/runs/{id}/stop", Owner, None),
        (get.clone(), "/api/v1/builds/{id}", Owner, None),
        (get.clone(), "/api/v1/builds/{id}/log", Owner, None),
        (post.clone(), "/api/v1/builds/{id}/approve", Owner, None),
        (post.clone(), "/api/v1/builds/{id}/cancel", Owner, None),
        (post.clone(), "/api/v1/builds/{id}/rebuild", Owner, None),
        (get.clone(), "/api/v1/projects/{id}/previews", Owner, None),
        (delete.clone(), "/api/v1/previews/{id}", Owner, None),
        (get, "/api/v1/deployments/{id}", Owner, None),
        (post.clone(), "/api/v1/deployments/{id}/activate", Owner, None),
        (post, "/api/v1/deployments/{id}/promote", Owner, Some(json!({}))),
        (delete.clone(), "/api/v1/sessions/{id}", Owner, None),
        (delete, "/api/v1/sessions/current", Own, None),
    ]
}

/// The people who try a route, and what there is for it.
pub(crate) struct Cast {
    pub(crate) admin: Person,
    pub(crate) owner: Person,
    /// Somebody else: with GitHub, like the owner.
    pub(crate) other: Person,
    /// Somebody with a password.
    pub(crate) guest: Person,
    pub(crate) shop: Shop,
    /// The owner's programs: of the whole account, of another project alone; and the administrator's.
    program: Person,
    confined: Person,
    authority: Person,
    token: i64,
    session: i64,
    invitation: i64,
    preview: i64,
    held: i64,
    run: i64,
}

impl Cast {
    /// Everybody, for the route with this path.
    pub(crate) async fn of(app: &App, path: &str) -> Self {
        let admin = app.admin().await;
        let (owner, other) = (app.member("ada").await, app.member("bob").await);
        let guest = app.register("guest").await;
        let shop = app.shop(&owner, "shop").await;
        let made = app.post("/api/v1/invitations", Some(&admin), json!({})).await.expect(StatusCode::CREATED);
        let invitation = made["invitation"]["id"].as_i64().unwrap();
        let session = app.get("/api/v1/sessions", Some(&owner)).await.json()[0]["id"].as_i64().unwrap();
        let (preview, held) = match path.contains("/previews/") || path.contains("/approve") {
            true => app.hold_pull_request(&owner, &shop, "shop").await,
            false => (0, 0),
        };
        let of_services = ["/services", "/volumes", "/runs"].iter().any(|part| path.contains(part));
        let run = if of_services { app.run_services(&owner, &shop).await } else { 0 };
        let (program, token) = app.program(&owner, None).await;
        // Of another repository: a push to the shop's is nothing to it.
        let new = json!({"name": "elsewhere", "branch": "main", "repoUrl": "https://git.example.org/ada/elsewhere"});
        let made = app.post("/api/v1/projects", Some(&owner), new).await.expect(StatusCode::CREATED);
        let elsewhere = made["project"]["id"].as_i64();
        let (confined, _) = app.program(&owner, elsewhere).await;
        let (authority, _) = app.program(&admin, None).await;
        Self {
            admin,
            owner,
            other,
            guest,
            shop,
            program,
            confined,
            authority,
            token,
            session,
            invitation,
            preview,
            held,
            run,
        }
    }

    /// An address with the owner's ids in it.
    pub(crate) fn address(&self, path: &str) -> String {
        let shop = &self.shop;
        let id = match path {
            _ if path.contains("/tokens/") => self.token,
            _ if path.contains("/runs/{id}") => self.run,
            _ if path.contains("/users/") => self.guest.id.0,
            _ if path.contains("/invitations/") => self.invitation,
            _ if path.contains("/sessions/") => self.session,
            _ if path.contains("/secret/") || path.contains("/variables/{id}") => shop.secret,
            _ if path.contains("/deliveries/{id}") => shop.delivery,
            _ if path.contains("/deploy-hooks/{id}") => shop.deploy_hook,
            _ if path.contains("/deploy/") || path.contains("/deployments/{id}") => shop.deployment,
            _ if path.contains("/previews/{id}") => self.preview,
            _ if path.contains("/approve") => self.held,
            // The newest build waits: it can be canceled.
            _ if path.contains("/cancel") => shop.build + 1,
            _ if path.contains("/build/") || path.contains("/builds/{id}") => shop.build,
            _ => shop.project,
        };
        let query = match path {
            "/api/v1/projects/name-available" => "?name=free".to_owned(),
            "/api/v1/github/branches" => "?repo=ada/shop".to_owned(),
            "/api/deploy/rollback" => format!("?latest={0}&prev={0}", shop.deployment),
            _ => String::new(),
        };
        let name = match path {
            _ if path.contains("/services/") => "api",
            _ if path.contains("/volumes/") => "old",
            _ => "shop",
        };
        path.replace("{id}", &id.to_string()).replace("{token}", "nobodys").replace("{name}", name) + &query
    }
}

#[tokio::test]
async fn z1_every_route_for_everybody() {
    // One Berth per route: the owner's success may be the end of the thing.
    let table_of = table();
    let mut missing: Vec<String> = Vec::new();
    for (method, path) in berth_api::Api::routes() {
        if !table_of.iter().any(|(m, p, ..)| (m, *p) == (&method, path.as_str())) {
            missing.push(format!("{method} {path}"));
        }
    }
    assert!(missing.is_empty(), "say who may use {missing:?}");

    for (method, path, rule, body) in table_of {
        let app = App::start().await;
        let cast = Cast::of(&app, path).await;
        app.start_activating();
        let address = cast.address(path);
        let Cast { admin, owner, guest, program, confined, authority, .. } = cast;
        // Only who signs in with a password can change it.
        let other = if path == "/api/v1/me/password" { guest.clone() } else { cast.other };
        let ask = async |who: Option<&Person>| app.call(method.clone(), &address, who, body.clone()).await;
        let label = format!("{method} {address}");

        let anonymous = ask(None).await;
        match rule {
            Public(status) => assert_eq!(anonymous.status.as_u16(), status, "{label}: {}", anonymous.text),
            _ => assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED, "{label} anonymous"),
        }
        let is_v1 = path.starts_with("/api/v1/");
        let for_people = ["/me/", "/sessions", "/tokens", "/users", "/invitations", "/system", "/audit"];
        if !matches!(rule, Public(_)) && !is_v1 {
            assert_eq!(ask(Some(&program)).await.status, StatusCode::UNAUTHORIZED, "{label} by a program");
        } else if !matches!(rule, Public(_)) && for_people.iter().any(|part| path.contains(part)) {
            for program in [&program, &confined, &authority] {
                assert_eq!(ask(Some(program)).await.status, StatusCode::FORBIDDEN, "{label} by a program");
            }
        } else if rule == Owner {
            let refused = ask(Some(&confined)).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{label} with another project's token: {}", refused.text);
        }
        let hidden = if path.starts_with("/api/v1/") { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN };
        match rule {
            Public(_) => {}
            Own => {
                let theirs = ask(Some(&other)).await;
                assert!(theirs.status.is_success(), "{label} other: {}", theirs.text);
                assert!(!theirs.text.contains("very secret"));
                if method == Method::GET && path.contains("project") {
                    assert!(!theirs.text.contains("git.example.org/ada"), "Z4 {label}: {}", theirs.text);
                }
            }
            Owner => {
                for stranger in [&other, &admin] {
                    let refused = ask(Some(stranger)).await;
                    assert_eq!(refused.status, hidden, "{label} stranger: {}", refused.text);
                    assert!(!refused.text.contains("shop"), "Z4 {label}: {}", refused.text);
                }
                let may_be_a_program = is_v1 && !for_people.iter().any(|part| path.contains(part));
                let granted = ask(Some(if may_be_a_program { &program } else { &owner })).await;
                // The shop is not at GitHub, which only its owner is told.
                let told = granted.status == StatusCode::CONFLICT && path.ends_with("/hook/repair");
                let fine = granted.status.is_success() || path == "/api/deploy/rollback" || told;
                assert!(fine, "{label} owner: {} {}", granted.status, granted.text);
            }
            Admin(status) => {
                for member in [&other, &owner, &guest] {
                    assert_eq!(ask(Some(member)).await.status, StatusCode::FORBIDDEN, "{label} member");
                }
                let granted = ask(Some(&admin)).await;
                assert_eq!(granted.status.as_u16(), status, "{label} admin: {}", granted.text);
            }
        }
    }
}

/// A10 for all of them: what changes something, done by a page elsewhere in the browser of whoever may do it.
#[tokio::test]
async fn a10_no_other_page_changes_anything_with_a_visitors_cookie() {
    // They bring their own proof and know no cookie, or change nothing.
    let cookieless = ["/api/webhook", "/api/hooks/{id}", "/api/deploy-hooks/{token}", "/api/v1/invitations/look"];
    let app = App::start().await;
    let cast = Cast::of(&app, "/api/v1/previews/{id}").await;
    let mut tried = 0;
    for (method, path, rule, body) in table() {
        if method == Method::GET || cookieless.contains(&path) {
            continue;
        }
        let who = if matches!(rule, Admin(_)) { &cast.admin } else { &cast.owner };
        // A form that nobody is signed in for comes from programs, too, which say nothing of a page.
        let silent = if matches!(rule, Public(_)) { None } else { Some("") };
        for origin in ["http://shop.sites.test:8080", "https://evil.example", "null"].into_iter().chain(silent) {
            let mut request = with_cookie(method.clone(), &cast.address(path), &who.cookie);
            request.headers_mut().remove("origin");
            if !origin.is_empty() {
                request.headers_mut().insert("origin", HeaderValue::from_static(origin));
            }
            if let Some(body) = &body {
                request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
                *request.body_mut() = Body::from(body.to_string());
            }
            let answer = app.send(request).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} from {origin:?}: {}", answer.text);
            assert!(answer.text.contains("dashboard's own"), "{method} {path}: {}", answer.text);
            tried += 1;
        }
    }
    assert!(tried > 150, "only {tried} were tried");
}

#[tokio::test]
async fn z4_what_is_anothers_looks_like_what_does_not_exist() {
    let app = App::start().await;
    let (owner, other) = (app.member("ada").await, app.member("bob").await);
    let shop = app.shop(&owner, "shop").await;
    let theirs = app.get(&format!("/api/v1/projects/{}", shop.project), Some(&other)).await;
    let nobodys = app.get("/api/v1/projects/4711", Some(&other)).await;
    assert_eq!((theirs.status, theirs.text), (nobodys.status, nobodys.text));
}
