//! What Berth refuses to start with.

use berth_model::InstanceId;
use berth_secrets::KeyRing;
use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::place::Place;

#[tokio::test]
async fn a_second_process_is_refused() {
    let place = Place::new();
    let first = place.start().await;
    let words = place.refusal(&[]).await;
    assert!(words.contains("another Berth") && words.contains("BERTH_DATA_DIR"), "{words}");
    first.stop().await;
    place.start().await.stop().await;
}

#[tokio::test]
async fn c7_a_wrong_encryption_key_is_refused() {
    let place = Place::new();
    place.start().await.stop().await;
    let words = place.refusal(&[("ENCRYPTION_KEY", &"ab".repeat(32))]).await;
    assert!(words.contains("ENCRYPTION_KEY") && words.contains("Nothing was changed"), "{words}");
    place.start().await.stop().await;
}

/// Another's database, or one sealed with another key, is asked before its tables are brought up to date: the older Berth
/// that owns it would not start on what a newer one made of it.
#[tokio::test]
async fn c7_what_is_refused_stays_as_old_as_it_was() {
    let place = Place::new();
    place.start().await.stop().await;
    let ours = place.kept("instance");
    let check = KeyRing::new(&[9; 32]).seal_instance("encryption_key_check", "berth");
    let other = InstanceId::random();
    for (owner, check, told) in [(other.as_str(), None, "belongs to"), (&ours, Some(check), "ENCRYPTION_KEY")] {
        let old = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", old.path().join("old.db").display());
        let mut settings = vec![("instance", owner)];
        settings.extend(check.as_ref().map(|check| ("encryption_key_check", check.as_str())));
        let mut connection = first_edition(&url, &settings).await;
        let words = place.refusal(&[("DATABASE_URL", &url)]).await;
        assert!(words.contains(told) && words.contains("Nothing was changed"), "{words}");
        let count = "SELECT COUNT(*) FROM _sqlx_migrations";
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection).await.unwrap(), 1, "{words}");
    }
}

/// A database as the first Berth made it.
async fn first_edition(url: &str, settings: &[(&str, &str)]) -> SqliteConnection {
    let only_first = tempfile::tempdir().unwrap();
    let first = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite/0001_spine.sql");
    std::fs::copy(first, only_first.path().join("0001_spine.sql")).unwrap();
    let options = url.parse::<SqliteConnectOptions>().unwrap().create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    Migrator::new(only_first.path()).await.unwrap().run_direct(None, &mut connection, false).await.unwrap();
    for (name, value) in settings {
        let insert = sqlx::query("INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, 1)");
        insert.bind(name).bind(value).execute(&mut connection).await.unwrap();
    }
    connection
}

#[tokio::test]
async fn a_lost_data_directory_is_not_replaced_by_a_new_installation() {
    let place = Place::new();
    place.start().await.stop().await;
    place.publish("shop", "x").await.unwrap();
    std::fs::remove_dir_all(place.data()).unwrap();
    let words = place.refusal(&[]).await;
    assert!(words.contains("berth adopt"), "{words}");
}

#[tokio::test]
async fn an_empty_database_beside_deployments_is_refused() {
    let place = Place::new();
    place.start().await.stop().await;
    place.publish("shop", "x").await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", elsewhere.path().join("new.db").display());
    let words = place.refusal(&[("DATABASE_URL", &url)]).await;
    assert!(words.contains("the database is empty") && words.contains("berth adopt"), "{words}");
}
