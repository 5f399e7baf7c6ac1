//! The control page in a real browser: from the setup token to the site, as somebody does it on the first day; from a
//! repository at GitHub to a preview that is promoted; and from an invitation to the end of a session.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use berth_tests::{Berth, Database, FakeGithub, GitServer, Shop};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_sets_berth_up_and_deploys_in_a_browser() -> Result<()> {
    let github = FakeGithub::start().await?;
    let berth = Berth::start(&Database::Sqlite, &github, &[("BERTH_SIGNUP", "closed")]).await?;
    let git = GitServer::start(None).await?;
    let repo = git.repo("ada/window")?;
    Shop::saying("Seen in a browser").publish(&repo)?;
    let saw =
        browse(&berth, "browser.mjs", json!({"repoUrl": repo.url, "name": "window", "text": "Seen in a browser"}))
            .await?;
    ensure!(saw["url"].as_str().is_some_and(|url| url.contains(&format!("window.{}", berth.domain()))), "{saw}");
    ensure!(saw["title"] == "Seen in a browser", "the page's own script did not run: {saw}");
    ensure!(saw["complaints"] == json!([]), "the browser complained: {saw}");
    berth.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_invited_and_signed_out_in_two_browsers() -> Result<()> {
    let github = FakeGithub::start().await?;
    let berth = Berth::start(&Database::Sqlite, &github, &[("BERTH_SIGNUP", "closed")]).await?;
    let saw = browse(&berth, "invitation.mjs", json!({})).await?;
    ensure!(saw["address"] == format!("{}/", berth.origin()), "the link stays in the address: {saw}");
    ensure!(saw["sees"] == 0, "a member is shown the way to the users: {saw}");
    let narrow = json!({"invitation": true, "account": true, "signIn": true, "users": true});
    ensure!(saw["narrow"] == narrow, "a page is wider than a phone: {saw}");
    ensure!(saw["referrers"] == json!([]), "the link was told to other addresses: {saw}");
    ensure!(saw["complaints"] == json!([]), "the browser complained: {saw}");
    // Accounts are kept by name; what opened them is nowhere to be read.
    ensure!(!berth.log()?.contains("/invite/"), "the link is in the log");
    berth.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_connected_in_three_clicks_and_a_preview_promoted() -> Result<()> {
    let github = FakeGithub::start().await?;
    // No other dashboard: whoever signs in stays here.
    let berth = Berth::start(&Database::Sqlite, &github, &[("FRONTEND_URL", "")]).await?;
    let repo = github.repo("harbour")?;
    Shop::saying("The harbour").publish(&repo)?;
    github.repo("another")?;
    let answer = async |asked: &str| {
        match asked {
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
            other => bail!("the browser asks for {other:?}"),
        }
        Ok(())
    };
    let saw = converse(&berth, "connect.mjs", json!({"repository": repo.full_name}), answer).await?;
    ensure!(saw["clicks"] == 2 && saw["branch"] == "main", "three clicks with the one for a new project: {saw}");
    let plan = saw["plan"].as_str().context("the plan is shown")?;
    ensure!(
        plan.contains("Build command") && plan.contains("npm run build") && plan.contains("package.json"),
        "{plan}"
    );
    let preview = format!("http://harbour-git-feat-cart.{}", berth.domain());
    ensure!(saw["previewUrl"].as_str().is_some_and(|url| url.starts_with(&preview)), "{saw}");
    ensure!(saw["heading"] == "The harbour with a cart", "what was promoted is not what visitors see: {saw}");
    let says = |what: &str, part: &str| saw[what].as_str().is_some_and(|said| said.contains(part));
    ensure!(says("secret", "") && says("tested", "arrived") && says("deployHook", "/api/deploy-hooks/"), "{saw}");
    ensure!(says("risk", "mallory/harbour") && says("risk", "none of the project’s secrets"), "{saw}");
    let narrow = json!({"repositories": true, "plan": true, "settings": true, "project": true});
    ensure!(saw["narrow"] == narrow, "a page is wider than a phone: {saw}");
    ensure!(saw["complaints"] == json!([]), "the browser complained: {saw}");
    berth.stop().await
}

/// Runs a script of `tests/js` in a real browser; what it saw. Its pictures stay, to be looked at.
async fn browse(berth: &Berth, script: &str, task: Value) -> Result<Value> {
    converse(berth, script, task, async |asked: &str| bail!("the browser asks for {asked:?}")).await
}

/// The same, of a script that asks for something now and then: each line but the last is answered by `answer`.
async fn converse(
    berth: &Berth,
    script: &str,
    mut task: Value,
    answer: impl AsyncFn(&str) -> Result<()>,
) -> Result<Value> {
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&screenshots)?;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    ensure!(
        directory.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: run `npm ci` in tests/js (`make test` does)"
    );
    let setup_token = std::fs::read_to_string(berth.data().join("setup-token"))?;
    task["origin"] = berth.origin().into();
    task["setupToken"] = setup_token.trim().into();
    task["screenshots"] = screenshots.display().to_string().into();
    let mut browsing = Command::new("node")
        .arg(directory.join(script))
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
    let mut saw = None;
    while let Some(line) = lines.next_line().await? {
        if line.starts_with('{') {
            saw = Some(serde_json::from_str(&line)?);
        } else {
            answer(&line).await?;
            answers.write_all(b"done\n").await?;
        }
    }
    let mut problem = String::new();
    browsing.stderr.take().context("another pipe from node")?.read_to_string(&mut problem).await?;
    ensure!(browsing.wait().await?.success(), "{problem}\npictures: {}", screenshots.display());
    saw.context("the browser saw nothing")
}

fn chromium() -> Result<PathBuf> {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&directories)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|path| path.is_file())
        .context("no Chromium on the path: run scripts/ensure-test-tools (`make test` does)")
}
