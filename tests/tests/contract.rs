//! Berth as a client of the previous generation knows it: only the routes, events and words of that contract, over the
//! wire and with the real `socket.io-client`. Field by field it is told in `berth-api`'s tests; here it works together.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use berth_tests::{
    Berth, Database, Delivery, FakeGithub, GitServer, Project, Session, Shop, Site, SocketClient, WEBHOOK_SECRET,
    World, chromium, eventually, number,
};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// How long anything that contains a build may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_previous_generation_from_sign_in_to_deletion() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let World { github, berth, ada } = &world;
    let polling = SocketClient::connect(berth, &ada.token, &["polling"]).await?;
    let websocket = SocketClient::connect(berth, &ada.token, &["websocket"]).await?;
    for transport in ["polling", "websocket"] {
        let stranger = SocketClient::knock(berth, "not-a-token", &[transport])?;
        stranger.wait_for("a refusal", |event| event.event == "connect_error").await?;
    }

    // What she picks from: her own account first, and her repositories as GitHub lists them.
    let repo = github.repo("store")?;
    Shop::saying("Version one").publish(&repo)?;
    let accounts = ada.get("/api/repo/orgs").await?.expect(200)?;
    let logins: Vec<_> =
        accounts["organizations"].as_array().context("a list")?.iter().map(|one| &one["login"]).collect();
    ensure!(logins == ["octocat", "octo-org"], "{accounts}");
    let repos = ada.get("/api/repo/repos?org=octocat&page=1").await?;
    // The fake knows no organization of her name; Berth sees that it is her own account.
    let repos = repos.expect(200)?;
    let picked = repos["repos"].as_array().context("a list")?.last().context("a repository")?.clone();
    let keys: Vec<_> = picked.as_object().context("an object")?.keys().collect();
    ensure!(keys == ["branch", "name", "owner", "repoUrl", "updatedAt"], "{picked}");

    // Connecting: everything that the form of an old dashboard sends.
    let form = json!({
        "name": "store", "branch": picked["branch"], "repoUrl": picked["repoUrl"], "buildCommand": "npm run build",
        "installCommand": "npm install", "outputDirectory": "./dist", "secrets": [{"key": "TOKEN", "value": "hunter2hunter2"}],
    });
    let made = ada.post("/api/project", &form).await?.expect(201)?;
    ensure!(made["message"] == "Project created" && made["project"]["webhookId"].is_i64(), "{made}");
    let (id, first) = (number(&made["project"]["id"])?, number(&made["initialBuildId"])?);
    let store = Project { id, repo, site: Site::of(berth, "store"), first_build: first };
    let [hook] = &github.hooks()[..] else { anyhow::bail!("one hook, not {:?}", github.hooks()) };
    let config = json!({"url": format!("{}/api/webhook", berth.origin()), "content_type": "json", "insecure_ssl": "0",
                        "secret": WEBHOOK_SECRET});
    ensure!(hook.id == made["project"]["webhookId"] && hook.body["config"] == config, "{hook:?}");
    ensure!(hook.body["events"] == json!(["push", "pull_request"]), "{hook:?}");
    let taken = ada.post("/api/project", &form).await?.expect(422)?;
    ensure!(taken["message"] == "Invalid inputs" && taken["data"][0]["field"] == "name", "{taken}");

    world.live(&store, first).await?;
    world.shows(&store, "Version one").await?;
    for dashboard in [&polling, &websocket] {
        heard_in_the_contracts_words(&store, dashboard, first).await?;
    }

    // A push, and the same commit once more.
    Shop::saying("Version two").publish(&store.repo)?;
    let pushed = Delivery::push(&store.repo)?.send(berth).await?.expect(201)?;
    ensure!(pushed["builds"] == json!([pushed["build"]]), "{pushed}");
    let second = number(&pushed["build"]["id"])?;
    world.live(&store, second).await?;
    let again = ada.post(&format!("/api/build/rebuild/{second}"), &json!({})).await?.expect(200)?;
    ensure!(again["build"]["commitHash"] == pushed["build"]["commitHash"], "{again}");
    let third = number(&again["build"]["id"])?;
    world.live(&store, third).await?;
    ensure!(world.build(second).await?["deployment"]["status"] == "rolled_back", "its place was taken");

    // The list has it all, newest first, without a value of a secret; then back to the first.
    let listed = ada.get("/api/project/projects").await?;
    ensure!(!listed.text.contains("hunter2"), "a secret is listed");
    let listed = listed.expect(200)?["projects"][0].clone();
    let builds: Vec<_> = listed["builds"].as_array().context("a list")?.iter().map(|build| &build["id"]).collect();
    ensure!(builds == [third, second, first], "{builds:?}");
    ensure!(listed["productionUrl"] == format!("http://{}", store.site.host), "{listed}");
    ensure!(listed["builds"][0]["logs"].as_array().is_some_and(|logs| !logs.is_empty()), "{listed}");
    let back = world.roll_back(third, first).await?;
    ensure!(back["build"]["id"] == first, "{back}");
    ensure!(store.site.get("/").await?.body.contains("Version one"), "rolled back, but the old page is not served");
    let deployment = world.deployment_of(first).await?;
    for path in ["/api/deploy", "/api/deploy/deployments"] {
        let read = ada.get(&format!("{path}/{deployment}")).await?.expect(200)?["deployment"].clone();
        ensure!(read["status"] == "live" && read["build"]["project"]["id"] == id, "{read}");
    }

    // Settings saved as they are, a secret removed, and the end.
    ada.put(&format!("/api/project/projects/{id}"), &listed).await?.expect(200)?;
    ada.delete(&format!("/api/project/secret/{}", listed["secrets"][0]["id"])).await?.expect(200)?;
    ada.delete(&format!("/api/project/projects/{id}")).await?.expect(200)?;
    ensure!(store.site.get("/").await?.status == 404, "a deleted project is still served");
    ensure!(github.hooks().is_empty(), "the webhook is still there");
    let releases = berth.deployments().join(".releases").join(id.to_string());
    eventually("its files are gone", Duration::from_secs(30), async || Ok((!releases.exists()).then_some(()))).await?;
    ada.get(&format!("/api/build/{first}")).await?.expect(404)?;
    world.close().await
}

/// The statuses, the log and the address came with the fields of the contract and no other.
async fn heard_in_the_contracts_words(project: &Project, dashboard: &SocketClient, build: i64) -> Result<()> {
    let live =
        |event: &berth_tests::SocketEvent| event.event == "deploymentUpdate" && event.payload["buildId"] == build;
    let update = dashboard.wait_for("deploymentUpdate", live).await?.payload;
    let url = format!("http://{}", project.site.host);
    ensure!(update == json!({"projectId": project.id, "buildId": build, "status": "live", "url": url}), "{update}");
    let mut names = Vec::new();
    for event in dashboard.heard() {
        let payload = &event.payload;
        match event.event.as_str() {
            "build_logs" | "run_logs" => ensure!(payload["type"] == "info", "{payload}"),
            "build_errors" | "run_error" => {
                ensure!(payload["type"] == "info" || payload["type"] == "error", "{payload}")
            }
            "buildStatusUpdate" => {
                names.push(payload["status"].as_str().context("a status")?.to_owned());
                let expected = json!({"projectId": project.id, "buildId": build, "status": payload["status"]});
                ensure!(*payload == expected, "{payload}");
                continue;
            }
            _ => continue,
        }
        let keys: Vec<_> = payload.as_object().context("an object")?.keys().collect();
        ensure!(keys == ["buildId", "lineNumber", "log", "projectId", "type"], "{payload}");
        ensure!(payload["lineNumber"].is_i64() && payload["log"].is_string(), "{payload}");
    }
    ensure!(names == ["queued", "running", "passed"], "{names:?}");
    let said = |name: &str, text: &str| {
        let of = |event: &berth_tests::SocketEvent| event.payload["log"].as_str().is_some_and(|log| log.contains(text));
        dashboard.heard().iter().any(|event| event.event == name && of(event))
    };
    ensure!(said("run_logs", "building the shop that says Version one"), "the build's standard output");
    ensure!(said("run_error", "the shop is built"), "the build's standard error");
    ensure!(said("build_logs", "Fetching"), "what came before");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_repository_at_another_host() -> Result<()> {
    const TOKEN: &str = "glpat-x7Qm2Vn8Rt4KxQ3yZw5B";
    let world = World::open(&Database::Sqlite, &[]).await?;
    let git = GitServer::start(Some(TOKEN)).await?;
    let repo = git.repo("ada/wiki")?;
    Shop::saying("Behind a token").publish(&repo)?;
    let wiki = world.connect_repo("wiki", repo, json!({"outputDirectory": "dist"})).await?;
    ensure!(world.github.hooks().is_empty(), "no hook for plain git");
    ensure!(world.ended(wiki.first_build).await? == "failed");
    let failure = world.failure(wiki.first_build).await?;
    ensure!(failure["setting"] == "repoToken" && failure["code"] == "source_unavailable", "{failure}");

    // The setting that the failure names, and the same once more.
    let path = format!("/api/project/projects/{}", wiki.id);
    let change = json!({"name": "wiki", "branch": "main", "repoToken": TOKEN});
    let saved = world.ada.put(&path, &change).await?;
    ensure!(!saved.text.contains(TOKEN), "{}", saved.text);
    let again = world.ada.post(&format!("/api/build/rebuild/{}", wiki.first_build), &json!({})).await?.expect(200)?;
    let again = number(&again["build"]["id"])?;
    world.live(&wiki, again).await?;
    world.shows(&wiki, "Behind a token").await?;
    ensure!(!world.log_text(again).await?.contains(TOKEN), "the token is in the build's log");
    ensure!(!world.berth.log()?.contains(TOKEN), "the token is in Berth's own log");
    for file in ["berth.db", "berth.db-wal"] {
        let bytes = std::fs::read(world.berth.data().join(file)).unwrap_or_default();
        ensure!(!bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()), "the token is in {file}");
    }
    ensure!(world.berth.data().join("berth.db").exists(), "the database is elsewhere");
    world.close().await
}

/// Exactly the origin of `FRONTEND_URL`, whatever the answer is; to every other origin not a word of it.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_frontends_origin_may_read() -> Result<()> {
    const FRONTEND: &str = "https://dash.example";
    let github = FakeGithub::start().await?;
    let berth = Berth::start(&Database::Sqlite, &github, &[("FRONTEND_URL", "https://dash.example/app")]).await?;
    let ada = Session::over_oauth(&berth, &github).await?;
    let strangers = ["https://dash.example.evil.example", "http://dash.example", "https://dash.example:8443", "null"];
    let ask = async |method: &str, path: &str, origin: &str, body: Option<String>| -> Result<(u16, HeaderMap)> {
        let mut request = berth.request(method, path).header("origin", origin);
        if let Some(body) = body {
            request = request.bearer_auth(&ada.token).header("content-type", "application/json").body(body);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.headers().clone()))
    };
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(2 << 20));
    let answers: [(&str, &str, Option<String>, u16); 7] = [
        ("GET", "/health", None, 200),
        ("GET", "/api/project/projects", None, 401),
        ("GET", "/api/nothing", None, 404),
        ("DELETE", "/api/project", None, 405),
        ("POST", "/api/project", Some(large), 413),
        ("POST", "/api/project", Some("{}".to_owned()), 422),
        ("GET", "/socket.io/?EIO=4&transport=polling", None, 200),
    ];
    for (method, path, body, status) in answers {
        let (got, headers) = ask(method, path, FRONTEND, body.clone()).await?;
        ensure!(got == status, "{method} {path}: {got}");
        ensure!(
            headers.get("access-control-allow-origin").is_some_and(|it| it == FRONTEND),
            "{method} {path}: {headers:?}"
        );
        ensure!(!headers.contains_key("access-control-allow-credentials"), "{method} {path}: {headers:?}");
        for stranger in strangers {
            let (_, headers) = ask(method, path, stranger, body.clone()).await?;
            let told = headers.keys().find(|name| name.as_str().starts_with("access-control"));
            ensure!(told.is_none(), "{method} {path} tells {stranger} {told:?}");
        }
    }
    for path in ["/api/project/projects/1", "/api/v1/projects/1", "/socket.io/?EIO=4&transport=polling"] {
        let preflight = async |origin: &str| {
            let request = berth.request("OPTIONS", path).header("origin", origin);
            let request = request.header("access-control-request-method", "PUT");
            request.header("access-control-request-headers", "authorization,content-type").send().await
        };
        let allowed = preflight(FRONTEND).await?;
        let text =
            |name: &str| allowed.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_lowercase();
        ensure!(
            allowed.status().is_success() && text("access-control-allow-origin") == FRONTEND,
            "{path}: {allowed:?}"
        );
        ensure!(text("access-control-allow-headers").contains("authorization"), "{path}: {allowed:?}");
        ensure!(text("access-control-allow-methods").contains("put"), "{path}: {allowed:?}");
        for stranger in strangers {
            let refused = preflight(stranger).await?;
            let told = refused.headers().keys().find(|name| name.as_str().starts_with("access-control"));
            ensure!(told.is_none(), "{path} tells {stranger} {told:?}");
        }
    }
    berth.stop().await
}

/// The same in a browser, which is who the rules are for.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_frontend_may_read_and_another_may_not() -> Result<()> {
    let (frontend, stranger) = (page().await?, page().await?);
    let github = FakeGithub::start().await?;
    let berth = Berth::start(&Database::Sqlite, &github, &[("FRONTEND_URL", &frontend)]).await?;
    let ada = Session::over_oauth(&berth, &github).await?;
    let calls = json!([
        {"method": "GET", "path": "/api/project/projects"},
        {"method": "POST", "path": "/api/project", "body": {}},
        {"method": "DELETE", "path": "/api/project/projects/99"},
    ]);
    let browse = async |page: &str, token: &str| -> Result<Value> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/cors.mjs");
        let task = json!({"page": page, "origin": berth.origin(), "token": token, "calls": calls});
        let node = tokio::process::Command::new("node")
            .arg(script)
            .arg(chromium()?)
            .arg(task.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output =
            tokio::time::timeout(PATIENCE, node).await?.context("node is missing: install Node 20.19 or later")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let got = browse(&frontend, &ada.token).await?;
    let expected = json!([
        {"status": 200, "message": "Projects"},
        {"status": 422, "message": "Invalid inputs"},
        {"status": 404, "message": "there is no such resource"},
    ]);
    ensure!(got == expected, "{got}");
    let without = browse(&frontend, "nonsense").await?;
    ensure!(without.as_array().is_some_and(|all| all.iter().all(|one| one["status"] == 401)), "{without}");
    let kept = browse(&stranger, &ada.token).await?;
    ensure!(kept == json!(["kept from the page", "kept from the page", "kept from the page"]), "{kept}");
    berth.stop().await
}

/// An empty page at an origin of its own.
async fn page() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let site = Router::new().route("/", get(|| async { Html("<!doctype html><title>A dashboard</title>") }));
    tokio::spawn(async move { axum::serve(listener, site).await });
    Ok(origin)
}
