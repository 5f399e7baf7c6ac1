//! Services to ask, and a front that asks them: real listeners, and an edge between them.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_edge::{Edge, EdgeConfig, Mount, Mounts, Site, Takes, Target, Upstream, UpstreamState, Visitor};
use berth_model::{PathPrefix, ProjectId};
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const HOST: &str = "shop.example.org";
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
pub(crate) const PROJECT: ProjectId = ProjectId(7);
/// How long a service may say nothing here.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);
/// For what has to happen.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A body that is there at once.
pub(crate) type Whole = http_body_util::Full<hyper::body::Bytes>;

/// Waits until nothing is under way to a service.
pub(crate) async fn drained(upstream: &Upstream) {
    let over = async {
        while upstream.in_flight() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, over).await.expect("nothing is under way");
}

/// An edge with a front of its own, and one service at `/`.
pub(crate) struct World {
    pub(crate) edge: Edge,
    pub(crate) front: SocketAddr,
    pub(crate) upstream: Arc<Upstream>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::asking(UpstreamState::Starting, PATIENCE).await
    }

    pub(crate) async fn with(services: &[SocketAddr]) -> Self {
        Self::asking(UpstreamState::Ready(services.to_vec()), PATIENCE).await
    }

    pub(crate) async fn asking(state: UpstreamState, patience: Duration) -> Self {
        let edge = Edge::new(EdgeConfig { patience, ..EdgeConfig::default() });
        let upstream = edge.upstreams().of(1, "web");
        upstream.set(state);
        edge.install(HOST, mounted(1, &upstream, "/", false));
        let front = front(edge.clone()).await;
        Self { edge, front, upstream }
    }

    /// Asks over a connection that ends with the answer.
    pub(crate) async fn ask(&self, request: &str) -> String {
        tokio::time::timeout(SOON, raw(self.front, request.as_bytes())).await.expect("an answer comes")
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> String {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {length}\r\n");
        self.ask(&format!("{head}\r\n{body}")).await
    }
}

/// A site with one service.
pub(crate) fn mounted(deployment: i64, upstream: &Arc<Upstream>, prefix: &str, strip_prefix: bool) -> Site {
    let mount = Mount::Service { upstream: Arc::clone(upstream), strip_prefix };
    let mounts = Mounts::new(deployment, vec![(PathPrefix::parse(prefix).unwrap(), mount)]);
    Site::of(Target::Mounts(Arc::new(mounts))).of_project(PROJECT)
}

/// Serves an edge as the server does, without its limits.
async fn front(edge: Edge) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let edge = edge.clone();
            let service = service_fn(move |request: Request<Incoming>| answer(edge.clone(), request));
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

async fn answer(
    edge: Edge,
    request: Request<Incoming>,
) -> Result<Response<Either<berth_edge::EdgeBody, berth_edge::PassedBody>>, Infallible> {
    let decision = edge.decide(&request);
    if edge.admit(&decision, request.method(), request.headers(), CLIENT).await.is_err() {
        panic!("too many passwords");
    }
    Ok(match edge.passage(&decision, &request) {
        Some(passage) => {
            let visitor = Visitor { client: CLIENT, is_secure: true, port: None };
            edge.pass(passage, request, visitor).await.map(Either::Right)
        }
        None => edge.visit(Takes::Bytes, &decision, request, |_| CLIENT).map(Either::Left),
    })
}

/// A service that answers by hyper. Counts the connections that it takes.
pub(crate) async fn service<F, A, B>(answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>, Data: Send> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, taken) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, taken)
}

/// A service by hand: what it does with each connection, with its number from 0.
pub(crate) async fn by_hand<F, A>(converse: F) -> SocketAddr
where
    F: Fn(Peer, usize) -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(converse(Peer::of(stream), number));
        }
    });
    address
}

/// One that says the same to everybody who has asked, and then closes.
pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer: Arc<[u8]> = answer.into().into();
    by_hand(move |mut peer, _| {
        let answer = Arc::clone(&answer);
        async move {
            peer.head().await;
            peer.say(&answer).await;
        }
    })
    .await
}

/// A port on which nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The other side of a connection by hand.
pub(crate) struct Peer(pub(crate) BufReader<TcpStream>);

impl Peer {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).await.unwrap())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// A head, up to the empty line and with it; nothing at the end.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).await.unwrap_or_default() == 0 {
                break;
            }
        }
        head
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes).await;
    }

    pub(crate) async fn hear(&mut self, length: usize) -> Vec<u8> {
        let mut heard = vec![0; length];
        tokio::time::timeout(SOON, self.0.read_exact(&mut heard)).await.expect("it comes").unwrap();
        heard
    }

    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        tokio::time::timeout(SOON, self.0.read_line(&mut line)).await.expect("it comes").unwrap();
        line
    }

    /// Whether the other side ends the connection soon.
    pub(crate) async fn is_left(&mut self) -> bool {
        let read = async { while self.0.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} };
        tokio::time::timeout(SOON, read).await.is_ok()
    }
}

/// Sends and reads to the end.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

/// What was heard, to look at later.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
