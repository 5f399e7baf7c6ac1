//! `kill -9` at each step of what people ask for, one after the other, until nothing is left to be interrupted.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{FailPoints, Tally, settled};
use crate::{Database, World};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// No step for so long: what was asked for is over.
const QUIET: Duration = Duration::from_millis(500);

/// Which steps are tried: the first one, and from there every `every`th.
#[derive(Clone, Copy, Debug)]
pub struct Kills {
    /// The number of the first.
    pub first: u64,
    /// How far the next one is.
    pub every: u64,
    /// So many and no more.
    pub most: u64,
}

impl Kills {
    /// Each step.
    pub const ALL: Self = Self { first: 1, every: 1, most: u64::MAX };
}

/// Something that people ask for, over and over, and that is interrupted.
pub trait Ordeal {
    /// Makes the next round ready; nothing is killed meanwhile.
    fn prepare(&mut self, world: &World, round: u64) -> impl Future<Output = Result<()>>;
    /// Asks for it; whether Berth said that it will be done.
    fn ask(&mut self, world: &World) -> impl Future<Output = Result<bool>>;
    /// Whether it is done.
    fn is_done(&self, world: &World) -> impl Future<Output = Result<bool>>;
    /// What a visitor may find right after the next start.
    fn first_look(&mut self, world: &World, acknowledged: bool) -> impl Future<Output = Result<()>>;
    /// Brings it to its end: by itself if it was acknowledged, else perhaps by asking again.
    fn complete(&mut self, world: &World, acknowledged: bool) -> impl Future<Output = Result<()>>;
    /// What has to hold after the last round; Berth may be started again for it.
    fn at_last(&mut self, _: &mut World) -> impl Future<Output = Result<()>> {
        async { Ok(()) }
    }
}

/// A world whose Berth dies where it is told to.
///
/// # Errors
/// As [`World::open`].
pub(super) async fn world_with(database: &Database, points: &FailPoints) -> Result<World> {
    let (name, value) = points.setting();
    World::open(database, &[(name, value.as_str())]).await
}

/// Kills at one step after the other, each in a round of its own, until a round ends before its step comes. The first
/// failure ends it: the world is not to be trusted any more.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn at_each_step(database: &Database, ordeal: impl Ordeal, kills: Kills) -> Result<Tally> {
    let mut rounds = Rounds::open(database, ordeal).await?;
    let mut at = kills.first;
    while rounds.round(&at.to_string()).await? && rounds.tally.tried < kills.most {
        at += kills.every;
    }
    rounds.tally.note = format!("steps {} to {at}", kills.first);
    rounds.close().await
}

/// Kills at the first step of each name that a whole round has, commits apart. For what takes long, and where logs come
/// and go so that no two rounds count alike.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn at_each_kind_of_step(database: &Database, ordeal: impl Ordeal) -> Result<Tally> {
    let mut rounds = Rounds::open(database, ordeal).await?;
    ensure!(!rounds.round("0").await?, "there is no step 0");
    let mut names: Vec<String> = Vec::new();
    for name in std::mem::take(&mut rounds.seen) {
        if !names.contains(&name) && !name.contains("commit") {
            names.push(name);
        }
    }
    let mut tried = Vec::new();
    for name in names {
        let killed = rounds.round(&format!("1 {name}")).await?;
        if !rounds.tally.failures.is_empty() {
            break;
        }
        if killed {
            tried.push(name);
        }
    }
    rounds.tally.note = tried.join(", ");
    rounds.close().await
}

/// Kills at each of these steps, as [`FailPoints::arm`] takes them. Each has to come.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn at_these_steps(database: &Database, ordeal: impl Ordeal, steps: &[&str]) -> Result<Tally> {
    let mut rounds = Rounds::open(database, ordeal).await?;
    for step in steps {
        let survived = rounds.round(step).await?;
        if !rounds.tally.failures.is_empty() {
            break;
        }
        ensure!(survived, "the step {step} never came: {:?}", rounds.seen);
    }
    rounds.tally.note = steps.join(", ");
    rounds.close().await
}

struct Rounds<O> {
    world: World,
    points: FailPoints,
    ordeal: O,
    number: u64,
    tally: Tally,
    /// The steps of the last round.
    seen: Vec<String>,
}

impl<O: Ordeal> Rounds<O> {
    async fn open(database: &Database, ordeal: O) -> Result<Self> {
        let points = FailPoints::new()?;
        let world = world_with(database, &points).await?;
        Ok(Self { world, points, ordeal, number: 0, tally: Tally::default(), seen: Vec::new() })
    }

    /// One round that ends at a step; whether it did, and survived.
    async fn round(&mut self, at: &str) -> Result<bool> {
        let Self { world, points, ordeal, number, tally, seen } = self;
        *number += 1;
        world.stay_signed_in().await?;
        ordeal.prepare(world, *number).await.with_context(|| format!("preparing round {number}"))?;
        let before = points.steps()?.len();
        points.arm(at)?;
        let acknowledged = ordeal.ask(world).await.unwrap_or(false);
        let died = died(world, points, ordeal).await?;
        points.disarm()?;
        *seen = points.steps()?.split_off(before);
        let step = seen.last().cloned().unwrap_or_default();
        let survived = survived(world, ordeal, died, acknowledged).await;
        if !died {
            survived.context("nobody was killed")?;
            return Ok(false);
        }
        tally.count(survived.with_context(|| format!("killed at {at} ({step}), acknowledged: {acknowledged}")));
        Ok(tally.failures.is_empty())
    }

    async fn close(mut self) -> Result<Tally> {
        if self.tally.failures.is_empty() {
            self.ordeal.at_last(&mut self.world).await.context("after the last round")?;
            self.world.close().await?;
        }
        Ok(self.tally)
    }
}

async fn survived(world: &mut World, ordeal: &mut impl Ordeal, died: bool, acknowledged: bool) -> Result<()> {
    if died {
        world.berth.restart().await?;
        ordeal.first_look(world, acknowledged).await.context("after the start")?;
    }
    ordeal.complete(world, acknowledged).await?;
    settled(world).await
}

/// Waits until Berth is dead (`true`), or done with everything.
pub(super) async fn died(world: &mut World, points: &FailPoints, ordeal: &impl Ordeal) -> Result<bool> {
    let (mut steps, mut since) = (0, std::time::Instant::now());
    let started = since;
    loop {
        if world.berth.has_ended()? {
            return Ok(true);
        }
        let now = points.steps()?.len();
        if now != steps {
            (steps, since) = (now, std::time::Instant::now());
        }
        if since.elapsed() > QUIET && ordeal.is_done(world).await.unwrap_or(false) {
            // It may have died of this question.
            return world.berth.has_ended();
        }
        ensure!(started.elapsed() < PATIENCE, "neither dead nor done; the last steps: {:?}", points.steps()?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
