//! `kill -9` while Berth starts: for the first time, and on what another kill left behind.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::kills::{died, world_with};
use super::{FailPoints, Kills, Ordeal, Push, Tally, settled};
use crate::{Berth, Database, FakeGithub, Session, eventually};

/// Kills a new Berth at each step of its first start, until one is ready before its step comes. The next start is as
/// good as a first one: keys, owner and tables are there, and people can sign in.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn killed_at_its_first_start(kills: Kills) -> Result<Tally> {
    let github = FakeGithub::start().await?;
    let (mut tally, mut at) = (Tally::default(), kills.first);
    loop {
        let points = FailPoints::new()?;
        let (name, value) = points.setting();
        let mut berth = Berth::at_rest(&Database::Sqlite, &github, &[(name, value.as_str())])?;
        points.arm(&at.to_string())?;
        berth.launch()?;
        let died = eventually("it is dead or ready", Duration::from_secs(60), async || {
            let asked = berth.request("GET", "/health/ready").send().await;
            // What it does in the background right after its start is a part of it.
            if asked.is_ok_and(|answer| answer.status() == 200) {
                tokio::time::sleep(Duration::from_millis(500)).await;
                return Ok(Some(berth.has_ended()?));
            }
            Ok(berth.has_ended()?.then_some(true))
        });
        let died = died.await?;
        points.disarm()?;
        // Its step may come as late as while it ends.
        if !died && berth.terminate().await?.signal() != Some(9) {
            tally.note = format!("steps {} to {at}", kills.first);
            return Ok(tally);
        }
        let step = points.steps()?.last().cloned().unwrap_or_default();
        let survived = async {
            berth.restart().await?;
            let ada = Session::over_oauth(&berth, &github).await?;
            ada.get("/api/v1/me").await?.expect(200).map(drop)
        };
        let survived = survived.await;
        let failed = survived.is_err();
        tally.count(survived.with_context(|| format!("killed at step {at} ({step}) of the first start")));
        if failed || tally.tried >= kills.most {
            return Ok(tally);
        }
        berth.stop().await?;
        at += kills.every;
    }
}

/// Kills a push right after its release got its name, and then the start that recovers it at one step after the other.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn killed_while_recovering(database: &Database, kills: Kills) -> Result<Tally> {
    let points = FailPoints::new()?;
    let mut world = world_with(database, &points).await?;
    let (mut ordeal, mut tally, mut at) = (Push::of_files(), Tally::default(), kills.first);
    for round in 1.. {
        world.stay_signed_in().await?;
        ordeal.prepare(&world, round).await?;
        points.arm("1 release renamed")?;
        let acknowledged = ordeal.ask(&world).await?;
        ensure!(acknowledged && died(&mut world, &points, &ordeal).await?, "the push was not killed");
        points.arm(&at.to_string())?;
        world.berth.launch()?;
        let died = died(&mut world, &points, &ordeal).await?;
        points.disarm()?;
        let step = points.steps()?.last().cloned().unwrap_or_default();
        let survived = async {
            if died {
                world.berth.restart().await?;
            }
            ordeal.first_look(&world, true).await?;
            ordeal.complete(&world, true).await?;
            settled(&world).await
        };
        let survived = survived.await.with_context(|| format!("killed again at step {at} ({step}) of the next start"));
        if !died {
            survived?;
            break;
        }
        tally.count(survived);
        if !tally.failures.is_empty() || tally.tried >= kills.most {
            break;
        }
        at += kills.every;
    }
    tally.note = format!("steps {} to {at}", kills.first);
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}
