//! `make torture`: everything that is too long for `make test`, with a table of what survived.
//!
//! ```text
//! torture [--rounds N] [--seed N] [case …]
//! ```
//!
//! Without a case all of them run; a case's name, or the beginning of one (`kills`), chooses. `--rounds` is the size of
//! a case in its own measure (kill points, requests, builds, switches) instead of the full one.

use std::fmt::Write as _;
use std::future::Future;
use std::io::Write as _;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use berth_tests::Database;
use berth_tests::torture::{
    BranchEnd, Deletion, FolderUpload, Kills, Promotion, Push, Renaming, Rollback, Rollout, Tally,
    at_each_kind_of_step, at_each_step, builds_leave_nothing, database_goes_away, docker_goes_away,
    files_reach_the_disk_before_their_names, fuzz_requests, hostile_builds_beside_a_harmless_one,
    killed_at_its_first_start, killed_while_recovering, killed_while_rotating, properties, redeploys, schemathesis,
    switches, webhooks_while_builds_run,
};

type Running = Pin<Box<dyn Future<Output = Result<Tally>>>>;

/// What is counted, for the closing figures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Kills,
    Inputs,
    Requests,
    Visits,
    Other,
}

struct Case {
    name: &'static str,
    counts: Counts,
    run: fn(&Asked) -> Running,
}

/// What the command line says.
struct Asked {
    rounds: Option<u64>,
    seed: u64,
    names: Vec<String>,
}

impl Asked {
    fn of(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let seed = std::process::id().into();
        let mut asked = Self { rounds: None, seed, names: Vec::new() };
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64> {
                Ok(arguments.next().with_context(|| format!("{argument} needs a number"))?.parse()?)
            };
            match argument.as_str() {
                "--rounds" => asked.rounds = Some(number()?),
                "--seed" => asked.seed = number()?,
                name => asked.names.push(name.to_owned()),
            }
        }
        for name in &asked.names {
            if !CASES.iter().any(|case| case.name.starts_with(name.as_str())) {
                let known: Vec<_> = CASES.iter().map(|case| case.name).collect();
                bail!("there is no case {name}; there are {}", known.join(", "));
            }
        }
        Ok(asked)
    }

    fn wants(&self, case: &Case) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| case.name.starts_with(name.as_str()))
    }

    fn rounds(&self, full: u64) -> u64 {
        self.rounds.unwrap_or(full)
    }

    fn few(&self, full: u32) -> u32 {
        u32::try_from(self.rounds(full.into())).unwrap_or(full)
    }

    fn kills(&self, every: u64) -> Kills {
        Kills { first: 1, every, most: self.rounds(u64::MAX) }
    }
}

const CASES: &[Case] = &[
    Case { name: "kills-push-sqlite", counts: Counts::Kills, run: |asked| push(Database::Sqlite, asked.kills(1)) },
    Case {
        name: "kills-push-postgres",
        counts: Counts::Kills,
        run: |asked| push(Database::postgres(), asked.kills(3)),
    },
    Case { name: "kills-container-build", counts: Counts::Kills, run: |_| Box::pin(container_build()) },
    Case { name: "kills-service-build", counts: Counts::Kills, run: |_| Box::pin(service_build()) },
    Case { name: "kills-rollback", counts: Counts::Kills, run: |asked| Box::pin(rollback(asked.kills(1))) },
    Case {
        name: "kills-rollout-sqlite",
        counts: Counts::Kills,
        run: |asked| rollout(Database::Sqlite, asked.kills(1)),
    },
    Case {
        name: "kills-rollout-postgres",
        counts: Counts::Kills,
        run: |asked| rollout(Database::postgres(), asked.kills(3)),
    },
    Case { name: "kills-promotion", counts: Counts::Kills, run: |asked| Box::pin(promotion(asked.kills(1))) },
    Case { name: "kills-deletion", counts: Counts::Kills, run: |asked| Box::pin(deletion(asked.kills(1))) },
    Case { name: "kills-renaming", counts: Counts::Kills, run: |asked| Box::pin(renaming(asked.kills(1))) },
    Case { name: "kills-branch-end", counts: Counts::Kills, run: |asked| Box::pin(branch_end(asked.kills(1))) },
    Case { name: "kills-folder", counts: Counts::Kills, run: |asked| Box::pin(folder(asked.kills(1))) },
    Case {
        name: "kills-first-start",
        counts: Counts::Kills,
        run: |asked| Box::pin(killed_at_its_first_start(asked.kills(1))),
    },
    Case {
        name: "kills-rotation",
        counts: Counts::Kills,
        run: |asked| Box::pin(killed_while_rotating(asked.kills(1))),
    },
    Case { name: "kills-recovery", counts: Counts::Kills, run: |asked| Box::pin(recovery(asked.kills(2))) },
    Case {
        name: "docker-away",
        counts: Counts::Other,
        run: |asked| Box::pin(docker_goes_away(asked.few(3), Duration::from_secs(5))),
    },
    Case {
        name: "docker-long-away",
        counts: Counts::Other,
        run: |_| Box::pin(docker_goes_away(1, Duration::from_secs(75))),
    },
    Case {
        name: "database-away",
        counts: Counts::Other,
        run: |asked| Box::pin(database_goes_away(asked.few(2), Duration::from_secs(30))),
    },
    Case { name: "requests-sqlite", counts: Counts::Requests, run: |asked| requests(Database::Sqlite, asked) },
    Case { name: "requests-postgres", counts: Counts::Requests, run: |asked| requests(Database::postgres(), asked) },
    Case {
        name: "schemathesis",
        counts: Counts::Requests,
        run: |asked| Box::pin(schemathesis(asked.seed, asked.rounds(150))),
    },
    Case {
        name: "properties",
        counts: Counts::Inputs,
        run: |asked| {
            let inputs = asked.rounds(5_000);
            Box::pin(async move { properties(inputs) })
        },
    },
    Case { name: "redeploys", counts: Counts::Visits, run: |asked| Box::pin(redeploys(asked.few(50), 300)) },
    Case { name: "switches", counts: Counts::Visits, run: |asked| Box::pin(switches(asked.few(100), 510)) },
    Case { name: "neighbours", counts: Counts::Other, run: |_| Box::pin(hostile_builds_beside_a_harmless_one()) },
    Case { name: "webhooks", counts: Counts::Other, run: |asked| Box::pin(webhooks_while_builds_run(asked.few(400))) },
    Case { name: "order", counts: Counts::Other, run: |_| Box::pin(files_reach_the_disk_before_their_names()) },
    Case { name: "leaks", counts: Counts::Other, run: |asked| Box::pin(builds_leave_nothing(asked.few(200))) },
];

fn push(database: Database, kills: Kills) -> Running {
    Box::pin(async move { at_each_step(&database, Push::of_files(), kills).await })
}

fn rollout(database: Database, kills: Kills) -> Running {
    Box::pin(async move { at_each_step(&database, Rollout::default(), kills).await })
}

async fn container_build() -> Result<Tally> {
    at_each_kind_of_step(&Database::Sqlite, Push::of_sources()).await
}

async fn service_build() -> Result<Tally> {
    at_each_kind_of_step(&Database::Sqlite, Push::of_service()).await
}

async fn rollback(kills: Kills) -> Result<Tally> {
    at_each_step(&Database::Sqlite, Rollback::default(), kills).await
}

async fn promotion(kills: Kills) -> Result<Tally> {
    at_each_step(&Database::Sqlite, Promotion::default(), kills).await
}

async fn deletion(kills: Kills) -> Result<Tally> {
    at_each_step(&Database::Sqlite, Deletion::default(), kills).await
}

async fn renaming(kills: Kills) -> Result<Tally> {
    at_each_step(&Database::Sqlite, Renaming::default(), kills).await
}

async fn branch_end(kills: Kills) -> Result<Tally> {
    at_each_step(&Database::Sqlite, BranchEnd::default(), kills).await
}

async fn folder(kills: Kills) -> Result<Tally> {
    at_each_step(&Database::Sqlite, FolderUpload::new()?, kills).await
}

async fn recovery(kills: Kills) -> Result<Tally> {
    killed_while_recovering(&Database::Sqlite, kills).await
}

fn requests(database: Database, asked: &Asked) -> Running {
    let (seed, requests) = (asked.seed, asked.rounds(10_000));
    Box::pin(async move { fuzz_requests(&database, seed, requests).await })
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked = match Asked::of(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(error) => {
            say(&format!("torture: {error:#}\n"));
            return ExitCode::from(2);
        }
    };
    let mut table = String::from("case                      tried  survived    failed     time\n");
    let mut counted = [(Counts::Kills, 0), (Counts::Inputs, 0), (Counts::Requests, 0), (Counts::Visits, 0)];
    let (mut failed, mut failed_visits) = (0, 0);
    for case in CASES.iter().filter(|case| asked.wants(case)) {
        say(&format!("{} …\n", case.name));
        let started = Instant::now();
        // What breaks the world is a failure of the case, and no reason to leave the others out.
        let mut tally = (case.run)(&asked).await.unwrap_or_else(|error| Tally {
            tried: 1,
            failures: vec![format!("{error:#}")],
            note: "broken off".to_owned(),
        });
        if tally.tried == 0 {
            tally.tried = 1;
            tally.failures.push("nothing was tried".to_owned());
        }
        let failures = u64::try_from(tally.failures.len()).unwrap_or(u64::MAX).min(tally.tried);
        let line = format!(
            "{:<22}{:>9}{:>10}{:>10}{:>7} s  {}\n",
            case.name,
            tally.tried,
            tally.tried - failures,
            failures,
            started.elapsed().as_secs(),
            tally.note
        );
        say(&line);
        for failure in &tally.failures {
            say(&format!("  failed: {failure}\n"));
        }
        table += &line;
        failed += failures;
        failed_visits += if case.counts == Counts::Visits { failures } else { 0 };
        for (counts, sum) in &mut counted {
            *sum += if *counts == case.counts { tally.tried } else { 0 };
        }
    }
    let [(_, kills), (_, inputs), (_, requests), (_, visits)] = counted;
    let _ = write!(
        table,
        "\nkill points tried: {kills}\ninvalid inputs tried: {inputs}\nrequests fuzzed: {requests}\n\
         requests while switching: {visits}, failed: {failed_visits}\n"
    );
    say(&format!("\n{table}"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(text: &str) {
    // A reader that went away is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
