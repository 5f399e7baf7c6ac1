//! Services that start, end, are switched and drained, and what visitors are told meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use berth_edge::UpstreamState;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};

use super::world::{HOST, Peer, SOON, World, by_hand, drained, mounted, raw, service, status};

async fn named(name: &'static str) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    service(move |_: Request<Incoming>| async move { Response::new(Full::<Bytes>::from(name)) }).await
}

/// Asks for the front page and reads the answer to its end.
async fn one_request(front: std::net::SocketAddr) -> String {
    raw(front, format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n").as_bytes()).await
}

#[tokio::test]
async fn visitors_are_told_in_words_what_is_wrong() {
    let world = World::new().await;
    for (state, words, code) in [
        (
            UpstreamState::Down { words: "crashed: out of memory <b>".to_owned() },
            "answers here crashed: out of memory &lt;b>.",
            "service_down",
        ),
        (UpstreamState::Stopped, "The service that answers here is stopped.", "service_stopped"),
    ] {
        world.upstream.set(state);
        let page = world.get("/").await;
        assert_eq!(status(&page), "503");
        assert!(
            page.contains(words) && page.contains("retry-after: ") && page.contains("cache-control: no-store"),
            "{page}"
        );
        let accept = "Accept: application/json, text/html;q=0.5\r\n";
        let json = world
            .ask(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{accept}Content-Length: 0\r\n\r\n"))
            .await;
        assert!(
            json.contains(&format!("\"code\":\"{code}\"")) && json.contains("content-type: application/json"),
            "{json}"
        );
        let head = world.ask(&format!("HEAD / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")).await;
        assert!(status(&head) == "503" && head.ends_with("\r\n\r\n"), "{head}");
    }
    let traced = world.ask(&format!("TRACE / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")).await;
    assert_eq!(status(&traced), "405");
}

#[tokio::test]
async fn a_service_that_is_starting_is_waited_for_a_little() {
    let (address, _) = named("started").await;
    let world = World::new().await;
    let upstream = Arc::clone(&world.upstream);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        upstream.set(UpstreamState::Ready(vec![address]));
    });
    assert!(world.post("/", "abc").await.ends_with("started"));
    world.upstream.set(UpstreamState::Starting);
    let asked = Instant::now();
    let answer = world.get("/").await;
    assert!(status(&answer) == "503" && answer.contains("is starting"), "{answer}");
    assert!((2..8).contains(&asked.elapsed().as_secs()), "after {:?}", asked.elapsed());
}

#[tokio::test]
async fn who_came_for_the_old_one_and_finds_it_stopped_gets_the_new_one() {
    let (address, _) = named("new").await;
    let world = World::new().await;
    let asked = tokio::spawn(one_request(world.front));
    while world.upstream.in_flight() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let new = world.edge.upstreams().of(2, "web");
    new.set(UpstreamState::Ready(vec![address]));
    world.edge.install(HOST, mounted(2, &new, "/", false));
    world.upstream.set(UpstreamState::Stopped);
    assert!(asked.await.unwrap().ends_with("new"));
    drained(&new).await;
}

#[tokio::test]
async fn replicas_share_what_there_is() {
    let (go_on, wait) = tokio::sync::watch::channel(false);
    let mut addresses = Vec::new();
    let mut counts = Vec::new();
    for _ in 0..3 {
        let (wait, count) = (wait.clone(), Arc::<AtomicUsize>::default());
        counts.push(Arc::clone(&count));
        let (address, _) = service(move |_: Request<Incoming>| {
            count.fetch_add(1, Ordering::SeqCst);
            let mut wait = wait.clone();
            async move {
                wait.wait_for(|go_on| *go_on).await.unwrap();
                Response::new(Full::<Bytes>::from("ok"))
            }
        })
        .await;
        addresses.push(address);
    }
    let world = World::asking(UpstreamState::Ready(addresses), SOON).await;
    let asked: Vec<_> = (0..9)
        .map(|_| {
            let front = world.front;
            tokio::spawn(one_request(front))
        })
        .collect();
    while counts.iter().map(|count| count.load(Ordering::SeqCst)).sum::<usize>() < 9 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(counts.iter().all(|count| count.load(Ordering::SeqCst) == 3), "{counts:?}");
    go_on.send_replace(true);
    for asked in asked {
        assert!(asked.await.unwrap().ends_with("ok"));
    }
}

#[tokio::test]
async fn one_replica_is_let_go_when_its_last_request_has_ended() {
    let (go_on, wait) = tokio::sync::watch::channel(false);
    let reached = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&reached);
    let (slow, _) = service(move |_: Request<Incoming>| {
        count.fetch_add(1, Ordering::SeqCst);
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|go_on| *go_on).await.unwrap();
            Response::new(Full::<Bytes>::from("slow"))
        }
    })
    .await;
    let (other, _) = named("other").await;
    let world = World::asking(UpstreamState::Ready(vec![slow]), SOON).await;
    let front = world.front;
    let asked = tokio::spawn(one_request(front));
    // It has come to this one, and not only to the front.
    while reached.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.upstream.set(UpstreamState::Ready(vec![other]));
    let drained = tokio::time::timeout(Duration::from_millis(200), world.upstream.drained_from(slow)).await;
    assert!(drained.is_err(), "one is under way to it");
    assert!(world.get("/").await.ends_with("other"), "others go on");
    go_on.send_replace(true);
    tokio::time::timeout(SOON, world.upstream.drained_from(slow)).await.unwrap();
    assert!(asked.await.unwrap().ends_with("slow"), "it was answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn switches_under_load_fail_no_request() {
    const VISITORS: usize = 8;
    let world = World::new().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let switch = async |deployment: i64| {
        // Each closes what comes once it is stopped, as a replica does whose container is gone.
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        let address = by_hand(move |mut peer, _| {
            let is_stopped = Arc::clone(&is_stopped);
            async move {
                while !is_stopped.load(Ordering::SeqCst) && !peer.head().await.is_empty() {
                    if is_stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let text = format!("deployment {deployment}");
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
                    peer.say(head.as_bytes()).await;
                }
            }
        })
        .await;
        let upstream = world.edge.upstreams().of(deployment, "web");
        upstream.set(UpstreamState::Ready(vec![address]));
        world.edge.install(HOST, mounted(deployment, &upstream, "/", false));
        (upstream, stopped)
    };
    let mut current = switch(1).await;
    let asked = Arc::<AtomicUsize>::default();
    let visitors: Vec<_> = (0..VISITORS)
        .map(|_| {
            let (front, is_over, asked) = (world.front, Arc::clone(&is_over), Arc::clone(&asked));
            tokio::spawn(async move {
                let (mut peer, mut newest) = (Peer::to(front).await, 0);
                while !is_over.load(Ordering::SeqCst) {
                    peer.say(format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\n").as_bytes()).await;
                    peer.say(b"ab").await;
                    let head = peer.head().await;
                    assert_eq!(status(&head), "200", "{head}");
                    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
                    let text = String::from_utf8(peer.hear(length.parse().unwrap()).await).unwrap();
                    let deployment: i64 = text.strip_prefix("deployment ").unwrap().parse().unwrap();
                    assert!(deployment >= newest, "{deployment} came after {newest}");
                    newest = deployment;
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for deployment in 2..=50 {
        let new = switch(deployment).await;
        let (upstream, stopped) = std::mem::replace(&mut current, new);
        drained(&upstream).await;
        upstream.set(UpstreamState::Stopped);
        stopped.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        // No quicker than visitors come, however busy the machine is.
        let come = async {
            while asked.load(Ordering::SeqCst) <= usize::try_from(deployment).unwrap() * VISITORS {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(SOON, come).await.expect("visitors come");
    }
    is_over.store(true, Ordering::SeqCst);
    for visitor in visitors {
        visitor.await.unwrap();
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked > 50 * VISITORS, "{asked} requests are no load");
}

#[tokio::test]
async fn what_waits_for_a_retired_address_is_closed() {
    let (left, mut has_left) = tokio::sync::mpsc::channel(1);
    let address = by_hand(move |mut peer, _| {
        let left = left.clone();
        async move {
            peer.head().await;
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            assert!(peer.is_left().await);
            let _ = left.send(()).await;
        }
    })
    .await;
    let world = World::with(&[address]).await;
    assert_eq!(status(&world.get("/").await), "200");
    world.upstream.set(UpstreamState::Stopped);
    tokio::time::timeout(SOON, has_left.recv()).await.expect("its connection is closed").unwrap();
}
