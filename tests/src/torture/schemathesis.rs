//! The same as [`super::requests`] by somebody else: Schemathesis makes requests of the document in its own way.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::Tally;
use crate::{Database, World};

/// Runs it with so many examples for each operation; a 5xx is a failure.
///
/// # Errors
/// When `SCHEMATHESIS` does not name its command (`make torture` sets it).
pub async fn schemathesis(seed: u64, examples: u64) -> Result<Tally> {
    let program = std::env::var_os("SCHEMATHESIS").context("SCHEMATHESIS names no command: run `make torture`")?;
    let world = World::open(&Database::Sqlite, &[("BERTH_LIMIT_STRANGERS", "0"), ("BERTH_LIMIT_WRITES", "0")]).await?;
    let _project = world.open_pages("target", "The page that stays").await?;
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/openapi.json");
    let mut command = Command::new(program);
    command.arg("run").arg(document).args(["--url", &world.berth.origin(), "--checks", "not_a_server_error"]);
    command.args(["--header", &format!("Authorization: Bearer {}", world.ada.token), "--continue-on-failure"]);
    command.args(["--phases", "examples,coverage,fuzzing", "--no-color", "--seed", &(seed % (1 << 31)).to_string()]);
    // What ends the account or the session that asks would leave nothing but refusals.
    command.args(["--exclude-path-regex", "/sessions|/me/|/users/\\{id\\}"]);
    // An answer without an end, and a body that it has no way to make: a stream of tar.
    command.args(["--exclude-operation-id", "traffic_watch", "--exclude-operation-id", "deployments_deploy"]);
    command.args(["--max-examples", &examples.to_string()]).current_dir(world.berth.directory());
    let output = command.kill_on_drop(true).output().await.context("running Schemathesis")?;
    let said = String::from_utf8_lossy(&output.stdout);

    let mut tally = Tally { tried: test_cases(&said).unwrap_or_default(), ..Tally::default() };
    tally.note = format!("seed {seed}, {examples} examples of each operation");
    if !output.status.success() || tally.tried == 0 {
        tally.tried = tally.tried.max(1);
        tally.failures.push(format!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    } else {
        world.close().await?;
    }
    Ok(tally)
}

/// `12345 generated, …` in its summary; what it warns of has the word, too.
fn test_cases(said: &str) -> Option<u64> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let number = |pair: &[&str]| pair[1].starts_with("generated").then(|| pair[0].replace(',', "").parse().ok())?;
    words.windows(2).find_map(number)
}

#[cfg(test)]
mod tests {
    use super::test_cases;

    #[test]
    fn the_summary_says_how_many_there_were() {
        let said = "11 operations mostly rejected generated data\n\nTest cases:\n  12,227 generated, 12,227 passed\n";
        assert_eq!(test_cases(said), Some(12_227));
        assert_eq!(test_cases("it generated nothing"), None);
    }
}
