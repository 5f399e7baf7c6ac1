//! Asking real listeners whether they are ready.

use std::net::SocketAddr;
use std::time::Duration;

use berth_edge::health::{accepts, answers, takes_requests};
use berth_model::{HealthPath, ServiceProtocol};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const WITHIN: Duration = Duration::from_secs(5);

/// Listens, and says this to everybody who comes; nothing is silence, and `close` is a door in the face.
async fn listening(says: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if says == "close" {
                continue;
            }
            tokio::spawn(async move {
                let mut asked = vec![0; 4096];
                let length = stream.read(&mut asked).await.unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..length]).to_lowercase();
                if says.starts_with("HTTP/1.1 200") {
                    assert!(asked.starts_with("get /health?deep=1 http/1.1\r\nhost: shop.example.org\r\n"), "{asked}");
                }
                let _ = stream.write_all(says.as_bytes()).await;
                if says.is_empty() {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address
}

async fn problem(says: &'static str, within: Duration) -> Option<String> {
    let (address, path) = (listening(says).await, HealthPath::parse("/health?deep=1").unwrap());
    let asked = answers(address, "shop.example.org", &path, ServiceProtocol::Http1, within).await;
    asked.err().map(|problem| problem.to_string())
}

#[tokio::test]
async fn what_speaks_http_2_alone_is_asked_in_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(|request: Request<Incoming>| async move {
                let is_right =
                    request.version() == Version::HTTP_2 && *request.uri() == "http://shop.example.org/health?deep=1";
                let status = if is_right { StatusCode::NO_CONTENT } else { StatusCode::INTERNAL_SERVER_ERROR };
                Response::builder().status(status).body(Empty::<Bytes>::new())
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    });
    let asked = async |path: &str, protocol| {
        answers(address, "shop.example.org", &HealthPath::parse(path).unwrap(), protocol, WITHIN).await
    };
    asked("/health?deep=1", ServiceProtocol::H2c).await.unwrap();
    let unwell = asked("/", ServiceProtocol::H2c).await.unwrap_err().to_string();
    assert_eq!(unwell, "it answered 500 to GET /");
    let other = asked("/health?deep=1", ServiceProtocol::Http1).await.unwrap_err().to_string();
    assert!(other.contains("is not HTTP"), "{other}");
}

#[tokio::test]
async fn two_and_three_hundred_are_healthy_and_everything_else_says_what_it_is() {
    assert_eq!(problem("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nmore to come", WITHIN).await, None);
    assert_eq!(problem("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n", WITHIN).await, None);
    let failing = problem("HTTP/1.1 503 Not yet\r\ncontent-length: 0\r\n\r\n", WITHIN).await.unwrap();
    assert_eq!(failing, "it answered 503 to GET /health?deep=1");
    let garbage = problem("220 mail.example.org ESMTP\r\n", WITHIN).await.unwrap();
    assert!(garbage.starts_with("its answer to GET /health?deep=1 is not HTTP"), "{garbage}");
    let closed = problem("close", WITHIN).await.unwrap();
    assert!(closed.contains("is not HTTP"), "{closed}");
    let silent = problem("", Duration::from_millis(300)).await.unwrap();
    assert!(silent.starts_with("it did not answer on port ") && silent.ends_with(" within 0.3 s"), "{silent}");
}

#[tokio::test]
async fn nobody_listens_somebody_does_and_somebody_only_seems_to() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = accepts(address, WITHIN).await.unwrap_err().to_string();
    assert!(nobody.starts_with(&format!("nothing listens on port {}", address.port())), "{nobody}");
    let path = HealthPath::parse("/").unwrap();
    assert!(
        answers(address, "shop.example.org", &path, ServiceProtocol::H2c, WITHIN)
            .await
            .unwrap_err()
            .to_string()
            .contains("nothing listens")
    );
    accepts(listening("").await, WITHIN).await.unwrap();
    let closes = accepts(listening("close").await, WITHIN).await.unwrap_err().to_string();
    assert!(closes.ends_with("and closes them at once"), "{closes}");
}

#[tokio::test]
async fn requests_are_taken_by_who_answers_anything_or_keeps_them() {
    let asked = async |says| takes_requests(listening(says).await, "shop.example.org", WITHIN).await;
    for says in ["HTTP/1.1 503 Not yet\r\ncontent-length: 0\r\n\r\n", "220 mail.example.org ESMTP\r\n", ""] {
        asked(says).await.unwrap();
    }
    let closes = asked("close").await.unwrap_err().to_string();
    assert!(closes.ends_with("and closes them without an answer"), "{closes}");
}
