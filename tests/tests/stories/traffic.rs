//! What visitors do, as the owner of the site sees it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use berth_tests::{Database, Project, Shop, World, eventually, number};
use serde_json::Value;

/// What is counted belongs to the project: a switch changes nothing of it. Who watches hears of each request until their
/// session ends.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_through_switches_and_told_while_somebody_watches() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("seen", &Shop::saying("The first page")).await?;
    // An answer is counted when it was sent, which may be a moment after its reader has it.
    let mut before = traffic(&world, &project).await?;
    eventually("all so far are counted", Duration::from_secs(60), async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let earlier = std::mem::replace(&mut before, traffic(&world, &project).await?);
        Ok((before["requests"] == earlier["requests"]).then_some(()))
    })
    .await?;
    for _ in 0..3 {
        project.site.get("/").await?;
    }
    let counted = number(&before["requests"])? + 3;
    let after = eventually("the three are counted", Duration::from_secs(60), async || {
        let after = traffic(&world, &project).await?;
        Ok((number(&after["requests"])? >= counted).then_some(after))
    })
    .await?;
    ensure!(number(&after["requests"])? == counted, "{before} and then {after}");
    ensure!(after["latency"]["p99"].as_f64() >= after["latency"]["p50"].as_f64(), "{after}");

    // The last of them are there before anybody watches.
    let last = format!("/api/v1/projects/{}/access-log?last=2", project.id);
    let kept = world.ada.stream(&last).await?.text().await?;
    ensure!(kept.lines().count() == 2 && kept.lines().all(|line| line.contains(r#""path":"/""#)), "{kept}");

    let mut log = world.ada.stream(&format!("/api/v1/projects/{}/access-log", project.id)).await?;
    project.site.get("/cart?coupon=ten").await?;
    let line = next_line(&mut log).await?.context("the log ended")?;
    let line: Value = serde_json::from_str(&line)?;
    let host = project.site.host.split(':').next();
    ensure!(line["path"] == "/cart?coupon=ten" && line["host"].as_str() == host, "{line}");
    ensure!(line["client"] == "127.0.0.1" && line["method"] == "GET", "{line}");

    world.push(&project, &Shop::saying("The second page")).await?;
    world.shows(&project, "The second page").await?;
    let switched = traffic(&world, &project).await?;
    ensure!(number(&switched["requests"])? > number(&after["requests"])?, "{after} and then {switched}");

    world.ada.delete("/api/v1/sessions/current").await?.expect(204)?;
    while next_line(&mut log).await?.is_some() {}
    world.close().await
}

async fn traffic(world: &World, project: &Project) -> Result<Value> {
    world.ada.get(&format!("/api/v1/projects/{}/traffic", project.id)).await?.expect(200)
}

/// The next line that is not empty; `None` at the end.
async fn next_line(log: &mut reqwest::Response) -> Result<Option<String>> {
    loop {
        // Who watches is looked at every 20 seconds.
        let Ok(chunk) = tokio::time::timeout(Duration::from_secs(40), log.chunk()).await else {
            bail!("nothing came for 40 seconds, not even an empty line");
        };
        let Some(chunk) = chunk? else { return Ok(None) };
        let text = String::from_utf8(chunk.to_vec())?;
        if let Some(line) = text.lines().find(|line| !line.is_empty()) {
            return Ok(Some(line.to_owned()));
        }
    }
}
