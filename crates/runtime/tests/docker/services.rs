//! Applications for the tests of services, and how to ask them.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use berth_model::{Cpus, DeploymentId, Environment, ProjectId, ReplicaId, ServiceName};
use berth_runtime::{Engine, EnvVar, ReplicaContainer, ReplicaSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::NODE;

/// Answers `GET /` with its name; `GET /get?http://…` with what it got there; notes in `/data/ended` that it was told to end,
/// two seconds before it does.
pub(crate) const APP: &str = r#"
const http = require("http"), fs = require("fs");
const [number, ...service] = require("os").hostname().split("-");
const name = [...service, number].join("-");
http.createServer((request, response) => {
  const [path, rest] = request.url.split("?");
  if (path === "/get") {
    const asked = http.get(rest, { timeout: 5000, agent: false }, (answer) => {
      let said = "";
      answer.on("data", (piece) => (said += piece)).on("end", () => response.end("got " + said));
    });
    asked.on("error", (error) => response.end("error " + error.code));
    asked.on("timeout", () => asked.destroy(Object.assign(new Error(), { code: "TIMEOUT" })));
  } else if (path === "/data") {
    response.end(fs.existsSync("/data/ended") ? fs.readFileSync("/data/ended", "utf8") : "nothing");
  } else if (path === "/eat") {
    const kept = [];
    setInterval(() => kept.push(Buffer.alloc(8 << 20, 1)), 5);
  } else response.end(name);
}).listen(+process.env.PORT, () => console.log("listening"));
process.on("SIGTERM", () => setTimeout(() => {
  if (fs.existsSync("/data")) fs.writeFileSync("/data/ended", name + " ended as it was told");
  process.exit(0);
}, 2000));
"#;

/// A replica of project 1.
pub(crate) fn replica(deployment: i64, service: &str, number: u32) -> ReplicaId {
    let service = ServiceName::parse(service).unwrap();
    ReplicaId { project: ProjectId(1), deployment: DeploymentId(deployment), service, number }
}

/// [`APP`], as the replica says.
pub(crate) fn app(id: ReplicaId) -> ReplicaSpec {
    ReplicaSpec {
        id,
        environment: Environment::Production,
        generation: 0,
        image: NODE.to_owned(),
        start_command: Some("node -e \"$APP\"".to_owned()),
        env: vec![EnvVar::new("APP", APP), EnvVar::new("PORT", "3000")],
        port: NonZeroU16::new(3000).unwrap(),
        memory: 256 << 20,
        cpus: Cpus::new(1.0).unwrap(),
        pids: 256,
        volumes: Vec::new(),
    }
}

/// Starts it and waits until it answers.
pub(crate) async fn started(engine: &Engine, spec: &ReplicaSpec) -> ReplicaContainer {
    let replica = engine.start_replica(spec).await.unwrap();
    answering(&replica).await;
    replica
}

/// Waits until it answers.
pub(crate) async fn answering(replica: &ReplicaContainer) {
    let since = Instant::now();
    while get(replica.endpoints[0], "/").await.is_none() {
        assert!(since.elapsed() < Duration::from_secs(60), "{replica:?} does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a server answers, if it does.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: berth\r\n\r\n");
    connection.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}
