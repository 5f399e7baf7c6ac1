//! Deployments go live under visitors with connections that stay open: none of them fails, and none gets a page of one
//! release with a script of another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use berth_model::DeploymentId;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::place::{Place, Running, status};

const HOST: &str = "shop.berth.test";

/// A connection that stays open.
struct Visitor(BufReader<TcpStream>);

impl Visitor {
    async fn come(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    /// Asks, and reads the head: the status and the length of the body that follows.
    async fn ask(&mut self, path: &str) -> (u16, usize) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).await.unwrap();
        let (mut code, mut length) = (None, None);
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).await.unwrap();
            assert!(read > 0, "the connection was closed instead of answering {path}");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(declared) = line.strip_prefix("content-length: ") {
                length = declared.parse().ok();
            }
            if code.is_none() {
                code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
            }
            if line.is_empty() {
                return (code.unwrap(), length.unwrap_or_else(|| panic!("{path} came without a length")));
            }
        }
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        let (code, length) = self.ask(path).await;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        (code, String::from_utf8(body).unwrap())
    }
}

fn script_of(number: usize) -> String {
    format!("assets/app-{:08x}.js", 0x1a2b_3c4d + number * 0x0101_0101)
}

/// A page that names its script, and a script, both long enough to be sent in several pieces.
fn release(number: usize) -> Vec<(String, Vec<u8>)> {
    let page = format!("release {number} /{}\n", script_of(number)).repeat(3_000);
    let script = format!("release {number};\n").repeat(3_000);
    vec![("index.html".to_owned(), page.into()), (script_of(number), script.into())]
}

async fn activate(berth: &Running, session: &str, deployment: DeploymentId) {
    let request = format!(
        "POST /api/v1/deployments/{deployment}/activate HTTP/1.1\r\nHost: berth.test\r\nOrigin: http://berth.test\r\n\
         Cookie: berth_session={session}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let answer = berth.raw(request.as_bytes()).await;
    assert_eq!(status(&answer), "200", "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d1_d3_a_hundred_switches_fail_no_request_and_mix_no_release() {
    const RELEASES: usize = 5;
    let place = Place::new();
    place.start().await.stop().await;
    let releases: Vec<_> = (0..RELEASES).map(release).collect();
    let deployments = place.publish_releases("shop", &releases).await.unwrap();
    let session = place.session().await.unwrap();
    let berth = place.start().await;

    let (done, asked, seen) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut visitors = JoinSet::new();
    for _ in 0..8 {
        let (address, done, asked, seen) = (berth.address, done.clone(), asked.clone(), seen.clone());
        visitors.spawn(async move {
            let mut visitor = Visitor::come(address).await;
            // Two requests every 32 ms, eight visitors: 500 a second.
            let mut pace = tokio::time::interval(Duration::from_millis(32));
            while !done.load(Ordering::Relaxed) {
                pace.tick().await;
                let (code, page) = visitor.get("/").await;
                assert_eq!(code, 200);
                let first = page.lines().next().unwrap();
                assert!(page.lines().all(|line| line == first), "a page of two releases");
                let (number, script) = first.strip_prefix("release ").and_then(|rest| rest.split_once(' ')).unwrap();
                let (code, text) = visitor.get(script).await;
                assert_eq!(code, 200, "{script} of a page that was just served");
                assert!(text.lines().all(|line| line == format!("release {number};")), "another release's script");
                asked.fetch_add(2, Ordering::Relaxed);
                seen.fetch_or(1 << number.parse::<usize>().unwrap(), Ordering::Relaxed);
            }
        });
    }
    for number in 0..100 {
        // No quicker than visitors come, however quick the machine is.
        let come = async {
            while asked.load(Ordering::Relaxed) < 6 * number {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), come).await.expect("visitors come");
        let next = number % RELEASES;
        activate(&berth, &session, deployments[next]).await;
        let (code, page) = Visitor::come(berth.address).await.get("/").await;
        assert!(code == 200 && page.starts_with(&format!("release {next} ")), "switch {number} did not take");
    }
    done.store(true, Ordering::Relaxed);
    while let Some(visitor) = visitors.join_next().await {
        visitor.unwrap();
    }
    let (asked, seen) = (asked.load(Ordering::Relaxed), seen.load(Ordering::Relaxed));
    assert!(asked > 500 && seen == (1 << RELEASES) - 1, "{asked} requests saw the releases {seen:b}");
    eprintln!("{asked} requests during 100 switches");
    berth.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_a_slow_download_ends_with_its_bytes_though_its_release_goes() {
    const LENGTH: usize = 48 << 20;
    let place = Place::new();
    place.start().await.stop().await;
    let film = |byte: u8| vec![("film.bin".to_owned(), vec![byte; LENGTH]), ("index.html".to_owned(), vec![byte; 9])];
    let deployments = place.publish_releases("shop", &[film(b'2'), film(b'1')]).await.unwrap();
    let session = place.session().await.unwrap();
    let berth = place.start().await;

    let mut viewer = Visitor::come(berth.address).await;
    assert_eq!(viewer.ask("/film.bin").await, (200, LENGTH));
    let mut piece = vec![0; 256 * 1024];
    viewer.0.read_exact(&mut piece).await.unwrap();
    activate(&berth, &session, deployments[0]).await;
    // As when it is pruned, ten minutes later.
    let project = std::fs::read_dir(place.deployments().join(".releases")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_dir_all(project.join(deployments[1].to_string())).unwrap();
    let mut received = 0;
    loop {
        assert!(
            piece.iter().all(|byte| *byte == b'1'),
            "after {received} bytes the download went on with another file"
        );
        received += piece.len();
        let left = LENGTH - received;
        if left == 0 {
            break;
        }
        if received % (8 << 20) == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        piece.resize(left.min(256 * 1024), 0);
        viewer.0.read_exact(&mut piece).await.unwrap();
    }
    // The same connection gets the new release.
    assert_eq!(viewer.get("/").await, (200, "2".repeat(9)));
    berth.stop().await;
}
