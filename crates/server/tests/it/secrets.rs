//! `berth secrets rotate`: the real command on both databases, killed while it works, and the keys that Berth asks for.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use berth_model::{
    Access, BranchName, Clock, ProjectId, ProjectName, RepoUrl, VariableKey, VariableKind, VariableScope,
};
use berth_secrets::KeyRing;
use berth_store::testing::PostgresServer;
use berth_store::{NewProject, SealedColumn, SealedVariable, Store};
use tokio::task::{block_in_place, spawn_blocking};

use crate::cli::{berth, said};
use crate::place::Place;

/// More than two batches.
const VARIABLES: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_batch_everything_opens_on_sqlite() {
    let place = Place::new();
    let url = place.sqlite();
    killed_at_any_batch(&place, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_batch_everything_opens_on_postgres() {
    let server = spawn_blocking(PostgresServer::shared).await.unwrap();
    killed_at_any_batch(&Place::new(), &server.new_database()).await;
}

async fn killed_at_any_batch(place: &Place, url: &str) {
    let settings = [("DATABASE_URL", url)];
    place.start_with(&settings).await.stop().await;
    seed(place, url).await;
    let mut kills = 0;
    loop {
        let before = place.kept("encryption-key");
        let was_killed = block_in_place(|| rotate_until_killed(place, url, kills + 1));
        assert_ne!(place.kept("encryption-key"), before, "the new key is kept before anything is sealed with it");
        assert_eq!(how_many_open(place, url).await, VARIABLES + 1);
        // What was begun is brought to its end by the next start.
        place.start_with(&settings).await.stop().await;
        assert!(!place.data().join("encryption-key.previous").exists());
        assert_eq!(how_many_open(place, url).await, VARIABLES + 1);
        if !was_killed {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 3, "killed {kills} times");
}

/// Kills the command after so many batches; whether it was not done by then.
fn rotate_until_killed(place: &Place, url: &str, batches: usize) -> bool {
    let mut command = rotate(place, &[("DATABASE_URL", url)]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let batch = lines.by_ref().map_while(Result::ok).filter(|line| line.contains("sealed anew")).nth(batches - 1);
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.success() || batch.is_some(), "it failed by itself: {ended}");
    batch.is_some()
}

/// While Berth runs the command makes the key and leaves the rest to the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_berth_is_not_disturbed() {
    let place = Place::new();
    let url = place.sqlite();
    place.start().await.stop().await;
    seed(&place, &url).await;
    let running = place.start().await;
    let key = place.kept("encryption-key");
    let output = block_in_place(|| rotate(&place, &[]).output().unwrap());
    assert!(output.status.success() && said(&output).contains("start Berth"), "{}", said(&output));
    assert_eq!(place.kept("encryption-key"), key);
    assert_eq!(how_many_open(&place, &url).await, VARIABLES + 1);
    running.stop().await;

    place.start().await.stop().await;
    assert_ne!(place.kept("encryption-key"), key);
    assert!(!place.data().join("encryption-key.previous").exists());
    assert_eq!(how_many_open(&place, &url).await, VARIABLES + 1);
    assert!(
        place.refusal(&[("ENCRYPTION_KEY", &key)]).await.contains("Nothing was changed"),
        "the old key is worth nothing"
    );
}

/// Keys that stand in the settings are the operator's to write.
#[tokio::test(flavor = "multi_thread")]
async fn c7_a_configured_key_is_changed_in_the_settings() {
    let place = Place::new();
    let url = place.sqlite();
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    place.start_with(&[("ENCRYPTION_KEY", &old)]).await.stop().await;
    std::fs::write(place.data().join("encryption-key"), &old).unwrap();
    seed(&place, &url).await;

    let output = block_in_place(|| rotate(&place, &[("ENCRYPTION_KEY", &old)]).output().unwrap());
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("ENCRYPTION_KEY_PREVIOUS") && words.contains("openssl rand -hex 32"), "{words}");

    let words = place.refusal(&[("ENCRYPTION_KEY", &new)]).await;
    assert!(words.contains("ENCRYPTION_KEY_PREVIOUS") && words.contains("Nothing was changed"), "{words}");
    let both = [("ENCRYPTION_KEY", &*new), ("ENCRYPTION_KEY_PREVIOUS", &*old)];
    place.start_with(&both).await.stop().await;
    place.start_with(&both[..1]).await.stop().await;
    std::fs::write(place.data().join("encryption-key"), &new).unwrap();
    assert_eq!(how_many_open(&place, &url).await, VARIABLES + 1);

    // The command does the same while Berth is stopped.
    let back = [("ENCRYPTION_KEY", &*old), ("ENCRYPTION_KEY_PREVIOUS", &*new)];
    let output = block_in_place(|| rotate(&place, &back).output().unwrap());
    assert!(output.status.success() && said(&output).contains("out of your settings"), "{}", said(&output));
    assert!(!said(&output).contains(&old) && !said(&output).contains(&new), "a key is printed");
    place.start_with(&back[..1]).await.stop().await;
}

#[test]
fn there_is_nothing_to_rotate_in_an_empty_place() {
    let place = Place::new();
    let output = rotate(&place, &[]).output().unwrap();
    assert!(output.status.code() == Some(1) && said(&output).contains("BERTH_DATA_DIR"), "{}", said(&output));
    assert!(!place.data().exists());
}

fn rotate(place: &Place, settings: &[(&str, &str)]) -> std::process::Command {
    let (data, deployments) = (place.data().display().to_string(), place.deployments().display().to_string());
    let mut variables = vec![("BERTH_DATA_DIR", &*data), ("BERTH_DEPLOYMENTS_DIR", &*deployments)];
    variables.extend(settings);
    berth(&["secrets", "rotate"], &variables)
}

/// A project with many variables and a hook of its own, sealed with the key in the data directory.
async fn seed(place: &Place, url: &str) {
    let store = Store::open(url, Clock::System).await.unwrap();
    let keys = KeyRing::from_hex(&place.kept("encryption-key")).unwrap();
    let owner = store.create_first_admin("owner", None, "no password").await.unwrap();
    let access = Access::of(owner.id, owner.role);
    let repo = RepoUrl::parse("https://git.example.org/owner/site").unwrap();
    let new = NewProject::new(ProjectName::stored("shop").unwrap(), BranchName::parse("main").unwrap(), Some(repo));
    let variable = |project: ProjectId, key: String| SealedVariable {
        value: keys.seal(project, &key, "a value"),
        key: VariableKey::parse(&key).unwrap(),
        kind: VariableKind::Secret,
        scope: VariableScope::Both,
    };
    let variables =
        |project| (0..VARIABLES).map(|number| variable(project, format!("KEY_{number}"))).collect::<Vec<_>>();
    let project = store.create_project(access, new, "shop.berth.test", variables).await.unwrap();
    store.set_hook_secret(access, project.id, Some(&keys.seal_hook_secret(project.id, "a secret"))).await.unwrap();
    store.close().await;
}

/// Opens everything with the keys of the data directory.
async fn how_many_open(place: &Place, url: &str) -> usize {
    let previous = std::fs::read_to_string(place.data().join("encryption-key.previous")).unwrap_or_default();
    let keys = KeyRing::with_previous(&place.kept("encryption-key"), previous.lines()).unwrap();
    let store = Store::open(url, Clock::System).await.unwrap();
    let mut all = 0;
    for column in SealedColumn::ALL {
        for row in store.sealed_otherwise(column, "no key", 0, 1_000).await.unwrap() {
            keys.reseal(&row.place, &row.value).unwrap_or_else(|error| panic!("{}: {error}", row.place));
            all += 1;
        }
    }
    store.close().await;
    all
}
