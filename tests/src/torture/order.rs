//! C5: what the system was asked to do for one push, in its order, as `strace` saw it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use super::Tally;
use crate::{Database, World, eventually, number};

/// Publishes plain files under strace: each file of the release reaches the disk before the release gets its name, the
/// name before visitors get it, and the table of hosts is synced after it was written.
///
/// # Errors
/// When strace is missing or may not look.
pub async fn files_reach_the_disk_before_their_names() -> Result<Tally> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_pages("durable", "Before").await?;
    let trace = NamedTempFile::new()?;
    let process = world.berth.process_id().context("berth runs")?.to_string();
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-s", "64", "-e", "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2", "-o"])
        .arg(trace.path())
        .args(["-p", &process])
        .stderr(Stdio::null())
        .spawn()
        .context("strace is missing: install the package `strace` (`make torture` does)")?;
    let status = format!("/proc/{process}/status");
    let traced = eventually("strace looks on", Duration::from_secs(20), async || {
        let status = std::fs::read_to_string(&status)?;
        Ok(status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0")).then_some(()))
    });
    traced.await?;
    project.repo.say("After")?;
    let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
    world.live(&project, build).await?;
    let deployment = number(&world.deployed(&project, build).await?["id"])?;
    kill_process(Pid::from_raw(i32::try_from(strace.id())?).context("a process id")?, Signal::INT)?;
    strace.wait()?;

    let calls = std::fs::read_to_string(trace.path())?;
    let release = world.berth.deployments().join(".releases").join(project.id.to_string());
    let mut tally = Tally::default();
    for (what, outcome) in judge(&calls, &release, deployment, &world.berth.deployments())? {
        tally.count(outcome.map_err(|error| error.context(what)));
    }
    tally.note = format!("{} calls of one push", calls.lines().count());
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

type Judged = Vec<(String, Result<()>)>;

fn judge(calls: &str, of_project: &Path, deployment: i64, deployments: &Path) -> Result<Judged> {
    let calls: Vec<&str> = calls.lines().collect();
    let name = of_project.join(deployment.to_string()).display().to_string();
    let at = |wanted: &dyn Fn(&str) -> bool| calls.iter().position(|call| wanted(call));
    let renamed = at(&|call| call.contains("rename") && call.contains(&format!("\"{name}\"")));
    let renamed = renamed.with_context(|| format!("no rename to {name} among:\n{}", calls.join("\n")))?;
    let staging = calls[renamed].split('"').nth(1).context("what is renamed")?.to_owned();
    let is_sync = |call: &str| ["fsync(", "fdatasync(", "syncfs("].iter().any(|name| call.contains(name));
    let synced = |path: &str| calls.iter().position(|call| is_sync(call) && call.contains(&format!("<{path}>")));

    let mut judged = Judged::new();
    for file in ["index.html", ".berth/index"].map(|file| format!("{staging}/{file}")).iter().chain([&staging]) {
        let outcome = match synced(file) {
            Some(at) if at < renamed => Ok(()),
            _ if calls[..renamed].iter().any(|call| call.contains("syncfs(")) => Ok(()),
            _ => Err(anyhow::anyhow!("it was not synced before the release got its name")),
        };
        judged.push((file.clone(), outcome));
    }
    let directory = of_project.display().to_string();
    let after = calls[renamed..].iter().position(|call| is_sync(call) && call.contains(&format!("<{directory}>")));
    judged.push((directory, after.map(drop).context("it was not synced after the release got its name")));
    let routes = deployments.join("routes").display().to_string();
    let table = calls[renamed..].iter().position(|call| is_sync(call) && call.contains(&format!("<{routes}")));
    judged.push((routes, table.map(drop).context("the table of hosts was not synced after the release got its name")));
    let log = calls[renamed..].iter().position(|call| is_sync(call) && call.contains("berth.db"));
    judged.push(("berth.db".to_owned(), log.map(drop).context("no commit of SQLite was synced")));
    Ok(judged)
}
