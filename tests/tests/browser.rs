//! The control page in a real browser: from the setup token to the site, as somebody does it on the first day, and
//! from an invitation to the end of a session.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use berth_tests::{Berth, Database, FakeGithub, GitServer, Shop};
use serde_json::{Value, json};
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

/// Runs a script of `tests/js` in a real browser; what it saw. Its pictures stay, to be looked at.
async fn browse(berth: &Berth, script: &str, mut task: Value) -> Result<Value> {
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
    let browsing = Command::new("node")
        .arg(directory.join(script))
        .arg(chromium()?)
        .arg(task.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .context("node is missing: install Node 20.19 or later")?;
    let problem = String::from_utf8_lossy(&browsing.stderr);
    ensure!(browsing.status.success(), "{problem}\npictures: {}", screenshots.display());
    Ok(serde_json::from_slice(&browsing.stdout)?)
}

fn chromium() -> Result<PathBuf> {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&directories)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|path| path.is_file())
        .context("no Chromium on the path: run scripts/ensure-test-tools (`make test` does)")
}
