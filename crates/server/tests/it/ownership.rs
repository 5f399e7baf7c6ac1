//! What Berth refuses to start with.

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
