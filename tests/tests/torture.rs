//! The short form of what `make torture` does at length: see `berth_tests::torture`.

use std::time::Duration;

use anyhow::Result;
use berth_tests::Database;
use berth_tests::torture::{
    Deletion, Kills, Promotion, Push, Rollout, at_each_step, at_these_steps, docker_goes_away, fuzz_requests,
    killed_at_its_first_start, killed_while_rotating, redeploys, switches,
};

/// C1: killed at every ninth of its steps, a push is wholly there or wholly not, goes live, and leaves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn c1_killed_at_its_steps_a_push_is_not_lost() -> Result<()> {
    let kills = Kills { first: 4, every: 9, most: u64::MAX };
    at_each_step(&Database::Sqlite, Push::of_files(), kills).await?.verdict(5).map(drop)
}

/// C1, where little can go wrong and much would be lost: a promotion and a deletion, a few steps of each.
#[tokio::test(flavor = "multi_thread")]
async fn c1_killed_at_its_steps_a_promotion_and_a_deletion_are_whole() -> Result<()> {
    let kills = Kills { first: 3, every: 7, most: 3 };
    at_each_step(&Database::Sqlite, Promotion::default(), kills).await?.verdict(2)?;
    at_each_step(&Database::Sqlite, Deletion::default(), kills).await?.verdict(2).map(drop)
}

/// Killed while a new version of services takes over: what was live is still served, the new one goes live, and its
/// release command ran once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_version_takes_over_it_goes_on_from_there() -> Result<()> {
    // In the release command, and between it, which is over and recorded, and the last replica.
    let steps = ["1 release command started", "2 service container started"];
    at_these_steps(&Database::Sqlite, Rollout::default(), &steps).await?.verdict(2).map(drop)
}

/// Killed while it makes its keys and its tables, it starts again as if for the first time.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_its_first_start_it_starts_again() -> Result<()> {
    killed_at_its_first_start(Kills { first: 2, every: 6, most: 4 }).await?.verdict(3).map(drop)
}

/// Killed while its encryption key changes, the next start has it, and every secret opens.
#[tokio::test(flavor = "multi_thread")]
async fn c1_killed_at_its_steps_a_rotation_loses_no_secret() -> Result<()> {
    killed_while_rotating(Kills { first: 2, every: 4, most: 4 }).await?.verdict(3).map(drop)
}

/// C3: Docker goes away while dependencies are installed, while a build runs, and while its output comes out.
#[tokio::test(flavor = "multi_thread")]
async fn c3_docker_goes_away_and_comes_back() -> Result<()> {
    docker_goes_away(1, Duration::from_secs(2)).await?.verdict(3).map(drop)
}

/// P6: none of some hundred requests that are wrong somewhere is answered with a 5xx.
#[tokio::test(flavor = "multi_thread")]
async fn p6_no_request_is_answered_with_a_fault_of_ours() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        fuzz_requests(&database, 1, 300).await?.verdict(290)?;
    }
    Ok(())
}

/// D1: visitors notice nothing of ten switches.
#[tokio::test(flavor = "multi_thread")]
async fn d1_switches_fail_no_request() -> Result<()> {
    switches(5, 200).await?.verdict(500).map(drop)
}

/// D4, D5: visitors of an application notice nothing of two deployments.
#[tokio::test(flavor = "multi_thread")]
async fn d4_deployments_of_a_service_fail_no_request() -> Result<()> {
    redeploys(2, 100).await?.verdict(300).map(drop)
}
