//! P1: senders and readers that take their time, on a site's host and on the control host. Each is left within its own
//! limit, and nobody else waits for them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use berth_server::ConnectionLimits;
use berth_store::testing::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::cli::{Serving, berth};
use crate::http_2::{END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, frame, get};
use crate::place::{Place, Running, status};

pub(crate) const SITE: &str = "shop.berth.test";
pub(crate) const CONTROL: &str = "berth.test";
/// An address that answers 200 on each host.
pub(crate) const HOSTS: [(&str, &str); 2] = [(SITE, "/"), (CONTROL, "/api")];
/// Far more than the buffers between two sockets hold.
const LARGE: usize = 32 << 20;
const WEBHOOK_SECRET: &str = "a-secret-that-only-the-tests-have";
/// Long after every limit below; a machine with a lot to do is late.
pub(crate) const LATE: Duration = Duration::from_secs(20);

fn limits() -> ConnectionLimits {
    let second = Duration::from_secs(1);
    ConnectionLimits {
        first_byte: second,
        head: second,
        body_silence: second,
        silence: 4 * second,
        ..ConnectionLimits::default()
    }
}

pub(crate) async fn shop() -> Place {
    let place = Place::new();
    place.start().await.stop().await;
    let page = ("index.html".to_owned(), b"the shop".to_vec());
    let film = ("film.bin".to_owned(), vec![7; LARGE]);
    place.publish_releases("shop", &[vec![page, film]]).await.unwrap();
    place
}

async fn others_are_served(berth: &Running) {
    for (host, path) in HOSTS {
        let answer = timeout(Duration::from_secs(10), berth.get(host, path)).await.expect("it is answered");
        assert_eq!(status(&answer), "200", "{host}");
    }
}

/// What comes until the server ends the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    // Ended in the middle of something it is reset.
    let _ = timeout(LATE, stream.read_to_end(&mut answer)).await.expect("the server ends it");
    answer
}

#[tokio::test]
async fn a_head_in_drips_ends_at_its_limit() {
    let place = shop().await;
    // Only the head's own limit is short: the drips are no silence.
    let berth = place.start_limited(ConnectionLimits { head: limits().head, ..ConnectionLimits::default() }).await;
    for (host, path) in HOSTS {
        let mut stream = TcpStream::connect(berth.address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n").as_bytes()).await.unwrap();
        let (began, mut byte) = (Instant::now(), [0]);
        let ended = loop {
            tokio::select! {
                read = stream.read(&mut byte) => break matches!(read, Ok(0) | Err(_)),
                () = sleep(Duration::from_millis(100)) => if stream.write_all(b"X-A: drip\r\n").await.is_err() { break true },
            }
            assert!(began.elapsed() < LATE, "{host}: a head has no end");
        };
        assert!(ended, "{host}: a head that never ended was answered");
        others_are_served(&berth).await;
    }
    berth.stop().await;
}

#[tokio::test]
async fn a_body_that_stops_ends_its_request() {
    let place = shop().await;
    // Only a body's own limit is short.
    let berth = place
        .start_limited(ConnectionLimits { body_silence: limits().body_silence, ..ConnectionLimits::default() })
        .await;
    for (host, path, refusals) in [(SITE, "/", ["405", "405"]), (CONTROL, "/api/v1/sessions", ["400", "408"])] {
        let mut stream = TcpStream::connect(berth.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"login\":"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = String::from_utf8_lossy(&rest(&mut stream).await).into_owned();
        assert!(refusals.contains(&status(&answer)), "{host}: {answer:?}");
        others_are_served(&berth).await;
    }
    berth.stop().await;
}

#[tokio::test]
async fn a_thousand_idle_sockets_are_nobodys_burden() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();

    let place = shop().await;
    let patient = ConnectionLimits { first_byte: 5 * limits().first_byte, head: 5 * limits().head, ..limits() };
    let berth = place.start_limited(ConnectionLimits { silence: patient.head, ..patient }).await;
    let mut idle = Vec::new();
    for number in 0..1_000 {
        let mut stream = TcpStream::connect(berth.address).await.unwrap();
        // Every other one has begun a request.
        if number % 2 == 0 {
            stream.write_all(format!("GET / HTTP/1.1\r\nHost: {SITE}\r\n").as_bytes()).await.unwrap();
        }
        idle.push(stream);
    }
    others_are_served(&berth).await;
    let ended = async {
        for stream in &mut idle {
            rest(stream).await;
        }
    };
    timeout(2 * LATE, ended).await.expect("all of them are left");
    others_are_served(&berth).await;
    berth.stop().await;
}

#[tokio::test]
async fn who_reads_slowly_is_served_and_who_reads_nothing_is_left() {
    let place = shop().await;
    let berth = place.start_limited(limits()).await;
    let ask = async |request: &str| {
        let mut stream = TcpStream::connect(berth.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    };
    let film = format!("GET /film.bin HTTP/1.1\r\nHost: {SITE}\r\nConnection: close\r\n\r\n");

    // Longer than the limit of a silence all together, and never silent for so long.
    let mut slow = ask(&film).await;
    let (began, mut read, mut piece) = (Instant::now(), 0, vec![0; 2 << 20]);
    while let Ok(more @ 1..) = slow.read(&mut piece).await {
        read += more;
        if began.elapsed() < limits().silence * 2 {
            sleep(Duration::from_millis(300)).await;
        }
    }
    assert!(read > LARGE && began.elapsed() > limits().silence, "{read} bytes after {:?}", began.elapsed());

    let mut nobody = ask(&film).await;
    sleep(limits().silence * 3).await;
    let came = rest(&mut nobody).await.len();
    assert!(came < LARGE, "a download that nobody takes is broken off: {came}");

    // The control plane's answers are small: many of them, and more questions than it has read when it leaves.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut nobody = socket.connect(berth.address).await.unwrap();
    let questions = format!("GET /api/v1/openapi.json HTTP/1.1\r\nHost: {CONTROL}\r\n\r\n").repeat(100_000);
    let _ = timeout(limits().silence, nobody.write_all(questions.as_bytes())).await;
    let reset = timeout(LATE * 2, nobody.ready(Interest::ERROR)).await;
    assert!(reset.is_ok(), "answers that nobody takes are broken off");
    others_are_served(&berth).await;
    berth.stop().await;
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let place = shop().await;
    let berth = place
        .start_limited(ConnectionLimits { of_one_address: 20, uncounted: Vec::new(), ..ConnectionLimits::default() })
        .await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(TcpStream::connect(berth.address).await.unwrap());
    }
    others_are_refused(&berth).await;
    held.truncate(10);
    timeout(LATE, async {
        while status(&berth.get(SITE, "/").await) != "200" {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("who leaves makes room");
    berth.stop().await;
}

/// A socket of the dashboard is a connection for as long as it is there, whatever it speaks.
#[tokio::test]
async fn an_upgraded_connection_keeps_its_seat() {
    const SEATS: usize = 3;
    let place = shop().await;
    let limits = ConnectionLimits { of_one_address: SEATS, uncounted: Vec::new(), ..ConnectionLimits::default() };
    let berth = place.start_limited(limits).await;
    let mut sockets = Vec::new();
    while sockets.len() < SEATS {
        let mut socket = TcpStream::connect(berth.address).await.unwrap();
        let ask = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {CONTROL}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        // Those that asked whether it runs may not have left yet.
        if timeout(LATE, socket.read_exact(&mut answer)).await.expect("it answers").is_ok() {
            assert_eq!(&answer, b"HTTP/1.1 101");
            sockets.push(socket);
        }
    }
    sleep(Duration::from_millis(200)).await;
    others_are_refused(&berth).await;
    sockets.pop();
    timeout(LATE, async {
        while status(&berth.get(SITE, "/").await) != "200" {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("who leaves makes room");
    berth.stop().await;
}

async fn others_are_refused(berth: &Running) {
    let mut one_more = TcpStream::connect(berth.address).await.unwrap();
    assert!(rest(&mut one_more).await.is_empty());
}

/// A Berth of its own, whose memory nobody else uses.
pub(crate) struct Process {
    serving: Serving,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) async fn start(place: &Place) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (data, deployments) = (place.data().display().to_string(), place.deployments().display().to_string());
        let variables = [
            ("BERTH_LISTEN", &*address.to_string()),
            ("BERTH_DATA_DIR", &*data),
            ("BERTH_DEPLOYMENTS_DIR", &*deployments),
            ("BASE_DOMAIN", CONTROL),
            ("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
            ("WEBHOOK_SECRET", WEBHOOK_SECRET),
        ];
        let log = std::fs::File::create(place.data().join("berth.log")).unwrap();
        let mut command = berth(&["serve"], &variables);
        let serving = Serving::start(command.stdout(log.try_clone().unwrap()).stderr(log));
        let process = Self { serving, address };
        timeout(3 * LATE, async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
            // What the start takes for a moment, some 64 MiB, is none of what is measured.
            while status(&process.ask(CONTROL, "/api").await) != "200" {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("it opens");
        process
    }

    /// One request of somebody else's; its answer.
    pub(crate) async fn ask(&self, host: &str, path: &str) -> String {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LATE, client.read_to_string(&mut answer)).await.expect("it is answered").unwrap();
        answer
    }

    /// The most memory that it had at once since it was asked to forget that, in KiB.
    pub(crate) fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.serving.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Process {
    pub(crate) fn forget_most_memory(&self) -> u64 {
        std::fs::write(format!("/proc/{}/clear_refs", self.serving.0.id()), "5").unwrap();
        self.most_memory()
    }
}

/// Ten clients ask for as many large files as they may and let none of them be sent.
#[tokio::test]
async fn http_2_holds_little_for_who_takes_nothing() {
    const CONNECTIONS: usize = 10;
    /// More than are let in: the others are refused.
    const STREAMS: u32 = 128;
    let place = shop().await;
    let berth = Process::start(&place).await;
    // A window of nothing for each stream.
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
    let before = berth.forget_most_memory();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(berth.address).await.unwrap();
        client.write_all(&hello).await.unwrap();
        let film = get(SITE, "/film.bin");
        let ask = |number: u32| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &film);
        client.write_all(&(0..STREAMS).flat_map(ask).collect::<Vec<u8>>()).await.unwrap();
        // Answered once all of that was read.
        client.write_all(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
        clients.push(client);
    }
    for client in &mut clients {
        let mut answered = 0;
        // Heads of answers, and refusals of streams that are too many.
        while answered < STREAMS {
            let mut head = [0; 9];
            timeout(LATE, client.read_exact(&mut head)).await.expect("it answers").unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            client.read_exact(&mut vec![0; length]).await.unwrap();
            answered += u32::from(matches!(head[3], HEADERS | RST_STREAM));
        }
    }
    // Bodies are asked for their first piece when their answer's head was sent.
    sleep(Duration::from_millis(500)).await;
    let grown = berth.most_memory() - before;
    assert!(grown < 32 << 10, "{grown} KiB for {CONNECTIONS} connections");
}

/// W7: the largest deliveries, in chunks, as JSON and as a form.
#[tokio::test]
async fn w7_the_largest_deliveries_take_little_memory() {
    const LARGEST: usize = 25 << 20;
    let place = shop().await;
    let berth = Process::start(&place).await;
    let padded = |start: &str, end: &str| format!("{start}{}{end}", "a".repeat(LARGEST - start.len() - end.len()));
    for (kind, body) in [
        ("application/json", padded("{\"zen\":\"", "\"}")),
        ("application/x-www-form-urlencoded", padded("payload=%7B%22zen%22:%22", "%22%7D")),
    ] {
        let mut mac = <hmac::Hmac<sha2::Sha256> as hmac::Mac>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
        hmac::Mac::update(&mut mac, body.as_bytes());
        let signature = hex::encode(hmac::Mac::finalize(mac).into_bytes());
        let head = format!(
            "POST /api/webhook HTTP/1.1\r\nHost: {CONTROL}\r\nContent-Type: {kind}\r\nX-GitHub-Event: ping\r\n\
             X-Hub-Signature-256: sha256={signature}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        );
        // Once the database is open.
        let mut answer = String::new();
        let deadline = Instant::now() + LATE;
        let before = loop {
            let before = berth.forget_most_memory();
            let mut client = TcpStream::connect(berth.address).await.unwrap();
            client.write_all(head.as_bytes()).await.unwrap();
            for part in body.as_bytes().chunks(60_000) {
                let chunk = [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
                client.write_all(&chunk).await.unwrap();
            }
            client.write_all(b"0\r\n\r\n").await.unwrap();
            answer.clear();
            client.read_to_string(&mut answer).await.unwrap();
            if status(&answer) != "503" || Instant::now() > deadline {
                break before;
            }
            sleep(Duration::from_millis(200)).await;
        };
        assert!(status(&answer) == "200" && answer.contains("ignored"), "{kind}: {answer}");
        let grown = berth.most_memory() - before;
        assert!(grown < 64 << 10, "{kind}: {grown} KiB");
    }
}
