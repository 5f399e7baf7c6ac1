//! What a restart keeps.

use crate::place::{Place, status};

#[tokio::test]
async fn sites_are_served_after_a_restart_and_before_the_database() {
    let place = Place::new();
    place.start().await.stop().await;
    place.publish("shop", "the shop").await.unwrap();
    let berth = place.start().await;
    assert!(berth.get("shop.berth.test", "/").await.ends_with("the shop"));
    berth.stop().await;

    // C4: the sites come from the table on disk, the control plane says that it waits.
    let unreachable = [("DATABASE_URL", "postgres://berth:hidden@127.0.0.1:1/berth")];
    let berth = place.start_only(&unreachable).await;
    assert!(berth.get("shop.berth.test", "/").await.ends_with("the shop"));
    let api = berth.get("berth.test", "/api/v1/projects").await;
    assert_eq!(status(&api), "503");
    assert!(api.contains("\"message\"") && !api.contains("hidden") && !api.contains("127.0.0.1:1"), "{api}");
    assert_eq!(status(&berth.get("berth.test", "/health").await), "200");
    berth.stop().await;
}

#[tokio::test]
async fn a_request_that_runs_while_berth_stops_is_answered() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let place = Place::new();
    let berth = place.start().await;
    let mut stream = tokio::net::TcpStream::connect(berth.address).await.unwrap();
    // The head is in, the body is not: the request runs.
    let body = r#"{"login":"nobody","password":"wrong"}"#;
    let head = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nHost: berth.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It is told to go on when its body is asked for.
    let mut goes_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut goes_on).await.unwrap();
    assert!(goes_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&goes_on));
    let stopping = tokio::spawn(berth.stop());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "401", "{answer}");
    stopping.await.unwrap();
}
