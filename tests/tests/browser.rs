//! The dashboard in a real browser: its whole story in English and in Arabic, from the setup token to the end of a project;
//! from a repository at GitHub to a preview that is promoted; from an invitation to the end of a session; an application that runs,
//! watched; and what a site can do from its picture.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use berth_tests::{Application, Berth, Database, Delivery, FakeGithub, GitServer, Repo, Shop, Site, Wire, chromium};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

/// Chromium breaks off what is under way when the machine's networks change, as they do with each deployment of a service: who
/// deploys services is alone.
static NETWORKS: RwLock<()> = RwLock::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_story_in_english() -> Result<()> {
    the_whole_story("en").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_story_in_arabic() -> Result<()> {
    the_whole_story("ar").await
}

async fn the_whole_story(locale: &str) -> Result<()> {
    let _with_others = NETWORKS.read().await;
    let github = FakeGithub::start().await?;
    let wire = Wire::lay().await?;
    let settings = [("BERTH_SIGNUP", "closed"), ("FRONTEND_URL", ""), ("BERTH_PUBLIC_URL", &wire.origin())];
    let berth = Berth::start(&Database::Sqlite, &github, &settings).await?;
    wire.lead_to(berth.address());
    let git = GitServer::start(None).await?;
    let repo = git.repo("ada/window")?;
    Shop::saying("The first window").slowly(8).publish(&repo)?;
    let answer = async |asked: &Value| {
        match asked["ask"].as_str().context("a request has a name")? {
            "push" => push(&berth, &repo, asked).await?,
            "cut" => wire.cut(),
            "mend" => wire.mend(),
            other => bail!("the browser asks for {other:?}"),
        }
        Ok(())
    };
    let task = json!({"locale": locale, "origin": wire.origin(), "repoUrl": repo.url, "text": "The first window"});
    let saw = browse(&berth, "story.mjs", task, answer).await?;
    ensure!(saw["violations"] == json!([]), "axe found: {:#}", saw["violations"]);
    ensure!(saw["keyboard"] == json!([]), "by the keyboard: {:#}", saw["keyboard"]);
    ensure!(saw["wide"] == json!([]), "at 320 pixels: {:#}", saw["wide"]);
    ensure!(saw["complaints"] == json!([]), "the browser complained: {:#}", saw["complaints"]);
    berth.stop().await
}

/// Pushes a shop as the browser asks for it: `text`, and if given its `branch`, `seconds` and `script`.
async fn push(berth: &Berth, repo: &Repo, asked: &Value) -> Result<()> {
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    repo.switch(asked["branch"].as_str().unwrap_or("main"))?;
    let seconds = u32::try_from(asked["seconds"].as_u64().unwrap_or_default())?;
    Shop::saying(text("text")).slowly(seconds).then(text("script")).publish(repo)?;
    Delivery::push(repo)?.send(berth).await?.expect(201).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_invited_and_signed_out_in_two_browsers() -> Result<()> {
    let _with_others = NETWORKS.read().await;
    let github = FakeGithub::start().await?;
    let settings = [("BERTH_SIGNUP", "closed"), ("FRONTEND_URL", "")];
    let berth = Berth::start(&Database::Sqlite, &github, &settings).await?;
    let task = json!({"origin": berth.origin()});
    let saw = browse(&berth, "invitation.mjs", task, async |asked| bail!("the browser asks for {asked}")).await?;
    ensure!(saw["address"] == format!("{}/", berth.origin()), "the link stays in the address: {saw}");
    ensure!(saw["sees"] == 0, "a member is shown the way to the users: {saw}");
    ensure!(saw["wide"] == json!([]), "at 320 pixels: {:#}", saw["wide"]);
    ensure!(saw["violations"] == json!([]), "axe found: {:#}", saw["violations"]);
    ensure!(saw["referrers"] == json!([]), "the link was told to other addresses: {saw}");
    ensure!(saw["complaints"] == json!([]), "the browser complained: {saw}");
    // Accounts are kept by name; what opened them is nowhere to be read.
    ensure!(!berth.log()?.contains("/invite/"), "the link is in the log");
    berth.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_connected_in_three_clicks_and_a_preview_promoted() -> Result<()> {
    let _with_others = NETWORKS.read().await;
    let github = FakeGithub::start().await?;
    // No other dashboard: whoever signs in stays here.
    let berth = Berth::start(&Database::Sqlite, &github, &[("FRONTEND_URL", "")]).await?;
    let repo = github.repo("harbour")?;
    Shop::saying("The harbour").publish(&repo)?;
    github.repo("another")?;
    github.repo_of("octo-org", "lighthouse")?;
    let answer = async |asked: &Value| {
        match asked["ask"].as_str().context("a request has a name")? {
            "push a branch" => {
                repo.switch("feat/cart")?;
                Shop::saying("The harbour with a cart").publish(&repo)?;
                github.deliver_push(&repo).await?.expect(201)?;
            }
            "open a pull request from a fork" => {
                let fork = github.fork(&repo, "mallory")?;
                fork.switch("better")?;
                Shop::saying("A better harbour").publish(&fork)?;
                github.open_pull_request(&repo, &fork, "A better harbour").await?.1.expect(200)?;
            }
            "say no at GitHub" => github.refuse_next_sign_in(),
            other => bail!("the browser asks for {other:?}"),
        }
        Ok(())
    };
    let task = json!({"origin": berth.origin(), "repository": repo.full_name});
    let saw = browse(&berth, "connect.mjs", task, answer).await?;
    ensure!(saw["clicks"] == 2 && saw["branch"] == "main", "three clicks with the one for a new project: {saw}");
    let says = |what: &str, part: &str| saw[what].as_str().is_some_and(|said| said.contains(part));
    ensure!(says("plan", "npm run build") && says("plan", "package.json"), "the plan is not shown: {saw}");
    let preview = format!("http://harbour-git-feat-cart.{}", berth.domain());
    ensure!(saw["previewUrl"].as_str().is_some_and(|url| url.starts_with(&preview)), "{saw}");
    ensure!(says("deployHook", "/api/deploy-hooks/"), "{saw}");
    ensure!(says("risk", "mallory/harbour") && says("risk", "none of the project’s secrets"), "{saw}");
    ensure!(saw["wide"] == json!([]), "at 320 pixels: {:#}", saw["wide"]);
    ensure!(saw["violations"] == json!([]), "axe found: {:#}", saw["violations"]);
    ensure!(saw["complaints"] == json!([]), "the browser complained: {saw}");
    berth.stop().await
}

/// A server with a volume, and a worker, at pages that stay open: what changes of them shows without a reload.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_run_and_watched() -> Result<()> {
    let _alone = NETWORKS.write().await;
    let github = FakeGithub::start().await?;
    let berth = Berth::start(&Database::Sqlite, &github, &[("FRONTEND_URL", "")]).await?;
    let git = GitServer::start(None).await?;
    let repo = git.repo("ada/quay")?;
    repo.commit(
        "Declare a worker",
        &[("berth.toml", DECLARED), ("clock.js", "setInterval(() => console.log('tick'), 5000);")],
    )?;
    application("The quay", "").publish(&repo)?;
    let site = Site::of(&berth, "quay");
    let crashing = Mutex::new(JoinSet::new());
    let answer = async |asked: &Value| {
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        match text("ask") {
            "visit" => ensure!(site.get(text("path")).await?.status == 200),
            "push" => {
                repo.switch(asked["branch"].as_str().unwrap_or("main"))?;
                application(text("text"), text("script")).publish(&repo)?;
                Delivery::push(&repo)?.send(&berth).await?.expect(201)?;
            }
            // Whenever it is up again, until the test is over.
            "crash" => {
                let site = site.clone();
                crashing.lock().await.spawn(async move {
                    loop {
                        let _ = site.get("/crash").await;
                        tokio::time::sleep(Duration::from_millis(300)).await;
                    }
                });
            }
            other => bail!("the browser asks for {other:?}"),
        }
        Ok(())
    };
    let task = json!({"origin": berth.origin(), "repoUrl": repo.url});
    let saw = browse(&berth, "services.mjs", task, answer).await?;
    ensure!(saw["wide"] == json!([]), "at 320 pixels: {:#}", saw["wide"]);
    ensure!(saw["violations"] == json!([]), "axe found: {:#}", saw["violations"]);
    ensure!(saw["complaints"] == json!([]), "the browser complained: {:#}", saw["complaints"]);
    berth.stop().await
}

/// A server with a volume, and a worker beside it.
const DECLARED: &str = r#"[services.web]
volumes = { data = "/data" }

[services.clock]
start = "node clock.js"
port = false
"#;

/// The server: it says what it is asked for, and begins with `script`.
fn application(text: &str, script: &str) -> Application {
    const TALKING: &str = "const { Server } = require('http');
const { emit } = Server.prototype;
Server.prototype.emit = function (event, request, ...rest) {
  if (event === 'request') console.log(request.method, request.url);
  return emit.call(this, event, request, ...rest);
};";
    Application::saying(text).after(&format!("{TALKING}\n{script}"))
}

/// The picture of a site is the site, in a frame that leaves nothing behind: its cookies are neither sent to the dashboard nor
/// read by it, though both are in one domain.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_pictured_and_its_cookies_stay_in_the_picture() -> Result<()> {
    let _with_others = NETWORKS.read().await;
    let github = FakeGithub::start().await?;
    let wire = Wire::lay().await?;
    // Browsers let no host leave a cookie for all of `localhost`.
    let domain = wire.origin().replace("http://", "harbour.");
    let origin = format!("http://{domain}");
    let settings =
        [("BERTH_SIGNUP", "closed"), ("FRONTEND_URL", ""), ("BASE_DOMAIN", &domain), ("BERTH_PUBLIC_URL", &origin)];
    let berth = Berth::start(&Database::Sqlite, &github, &settings).await?;
    wire.lead_to(berth.address());
    let git = GitServer::start(None).await?;
    let repo = git.repo("ada/window")?;
    repo.publish("As Vite builds it", &PAINTED)?;
    let task = json!({"origin": origin, "repoUrl": repo.url});
    let saw = browse(&berth, "picture.mjs", task, async |asked| bail!("the browser asks for {asked}")).await?;
    let inside = json!({"visits": "1", "cookies": ["by_answer=1", "by_script=1"]});
    ensure!(saw["first"] == inside, "the site in the picture has no storage or no cookies: {saw}");
    ensure!(saw["again"] == inside, "the picture remembers what was there before: {saw}");
    ensure!(saw["after"] == saw["before"], "the dashboard is sent the picture's cookies: {saw}");
    ensure!(saw["readable"] == "", "the dashboard reads the picture's cookies: {saw}");
    let visited = saw["visited"].as_array().context("what was sent after a visit")?;
    ensure!(["by_answer", "by_script"].iter().all(|name| visited.contains(&json!(name))), "no such cookies: {saw}");
    ensure!(saw["complaints"] == json!([]), "the browser complained: {saw}");
    berth.stop().await
}

/// What Vite makes: a script and styles that are loaded with `crossorigin`. They count visits, paint, and leave cookies.
const PAINTED: [(&str, &str); 4] = [
    (
        "index.html",
        r#"<!doctype html><html lang="en"><title>Window</title>
<script type="module" crossorigin src="/assets/index-B7x3kQ9d.js"></script>
<link rel="stylesheet" crossorigin href="/assets/index-C1m8wZ4e.css">
<div id="app"></div></html>"#,
    ),
    (
        "assets/index-B7x3kQ9d.js",
        r"localStorage.setItem('visits', Number(localStorage.getItem('visits') ?? 0) + 1);
document.cookie = 'by_script=1; path=/; domain=' + location.hostname.replace('window.', '');
document.querySelector('#app').innerHTML = '<h1>Painted</h1>';",
    ),
    ("assets/index-C1m8wZ4e.css", "body { margin: 0 }\n#app:has(h1) { block-size: 100vh; background: rgb(0 96 128) }"),
    ("_headers", "/\n  Set-Cookie: by_answer=1; Path=/; Domain=harbour.localhost"),
];

/// Runs a script of `tests/js/dashboard` in a real browser; what it saw. Each of its requests but the last line is answered by
/// `answer`. Its pictures stay, to be looked at.
async fn browse(
    berth: &Berth,
    script: &str,
    mut task: Value,
    answer: impl AsyncFn(&Value) -> Result<()>,
) -> Result<Value> {
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&screenshots)?;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    ensure!(
        directory.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: run `npm ci` in tests/js (`make test` does)"
    );
    task["setupToken"] = std::fs::read_to_string(berth.data().join("setup-token"))?.trim().into();
    task["screenshots"] = screenshots.display().to_string().into();
    let mut browsing = Command::new("node")
        .arg(directory.join("dashboard").join(script))
        .arg(chromium()?)
        .arg(task.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("node is missing: install Node 20.19 or later")?;
    let mut answers = browsing.stdin.take().context("a pipe to node")?;
    let mut lines = BufReader::new(browsing.stdout.take().context("a pipe from node")?).lines();
    // Read meanwhile: who has more to complain of than a pipe holds would wait for ever.
    let mut complaints = browsing.stderr.take().context("another pipe from node")?;
    let problem = tokio::spawn(async move {
        let mut text = String::new();
        complaints.read_to_string(&mut text).await.map(|_| text)
    });
    let mut saw = None;
    while let Some(line) = lines.next_line().await? {
        let said: Value = serde_json::from_str(&line).with_context(|| format!("{script} said {line}"))?;
        if said["saw"].is_object() {
            saw = Some(said["saw"].clone());
        } else {
            answer(&said).await?;
            answers.write_all(b"null\n").await?;
        }
    }
    let problem = problem.await??;
    ensure!(browsing.wait().await?.success(), "{problem}\npictures: {}", screenshots.display());
    saw.context("the browser saw nothing")
}
