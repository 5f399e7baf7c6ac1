//! The control page in a real browser: from the setup token to the site, as somebody does it on the first day.

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
    let setup_token = std::fs::read_to_string(berth.data().join("setup-token"))?;

    // The pictures stay, to be looked at.
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&screenshots)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    ensure!(
        script.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: run `npm ci` in tests/js (`make test` does)"
    );
    let task = json!({
        "origin": berth.origin(), "setupToken": setup_token.trim(), "repoUrl": repo.url, "name": "window",
        "text": "Seen in a browser", "screenshots": screenshots,
    });
    let browsing = Command::new("node")
        .arg(script.join("browser.mjs"))
        .arg(chromium()?)
        .arg(task.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .context("node is missing: install Node 20.19 or later")?;
    let problem = String::from_utf8_lossy(&browsing.stderr);
    ensure!(browsing.status.success(), "{problem}\npictures: {}", screenshots.display());

    let saw: Value = serde_json::from_slice(&browsing.stdout)?;
    ensure!(saw["url"].as_str().is_some_and(|url| url.contains(&format!("window.{}", berth.domain()))), "{saw}");
    ensure!(saw["title"] == "Seen in a browser", "the page's own script did not run: {saw}");
    ensure!(saw["complaints"] == json!([]), "the browser complained: {saw}");
    berth.stop().await
}

fn chromium() -> Result<PathBuf> {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&directories)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|path| path.is_file())
        .context("no Chromium on the path: run scripts/ensure-test-tools (`make test` does)")
}
