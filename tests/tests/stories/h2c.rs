//! A service that speaks HTTP/2 without TLS, as those of gRPC do: from a push to messages that go both ways at once.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, World};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

const PACKAGE: &str = r#"{ "name": "echo", "version": "1.0.0", "private": true, "scripts": { "start": "node server.js" } }
"#;
const LOCKFILE: &str = r#"{ "name": "echo", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": { "": { "name": "echo", "version": "1.0.0" } } }
"#;
const BERTH: &str = r#"[services.echo]
protocol = "h2c"
port = 50051
health = "/health"
"#;
/// Says every message again as it comes, and how it ended in trailers. It does not understand HTTP/1.1.
const SERVER: &str = r"
const server = require('http2').createServer();
server.on('stream', (stream, headers) => {
  const { ':path': path, ':authority': authority, te } = headers;
  if (headers[':method'] === 'GET') {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' });
    return stream.end(`te ${te}`);
  }
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'x-authority': authority }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': path }));
  stream.on('data', (piece) => stream.write(piece));
  stream.on('end', () => stream.end());
});
server.listen(process.env.PORT, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_http_2_takes_and_gives_messages_at_once_and_ends_in_trailers() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let repo = world.github.repo("echo")?;
    let files =
        [("package.json", PACKAGE), ("package-lock.json", LOCKFILE), ("berth.toml", BERTH), ("server.js", SERVER)];
    repo.publish("Say it again", &files)?;
    let project = world.connect_repo("echo", repo, json!({})).await?;
    // A visitor of HTTP/1.1 is served by it, too.
    world.shows(&project, "te undefined").await?;

    let stream = TokioIo::new(TcpStream::connect(world.berth.address()).await?);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await?;
    tokio::spawn(connection);
    let (say, said) = mpsc::channel::<Bytes>(1);
    let pieces = stream::unfold(said, |mut said| async move {
        let piece = said.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(piece)), said))
    });
    let request = Request::post(format!("http://{}/echo.Echo/Say", project.site.host))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(StreamBody::new(Box::pin(pieces)))?;
    let answer = timeout(SOON, sender.send_request(request)).await.context("no answer before the request's end")??;
    ensure!(answer.status() == 200 && answer.headers()["content-type"] == "application/grpc", "{answer:?}");
    ensure!(answer.headers()["x-authority"] == project.site.host.as_str(), "{answer:?}");
    let mut body = answer.into_body();
    for message in ["one", "two", "three"] {
        say.send(Bytes::from(message)).await?;
        let frame = timeout(SOON, body.frame()).await.context("it does not come back at once")?;
        let piece = frame.context("the answer ended")??.into_data().ok().context("no message")?;
        ensure!(piece == message, "{piece:?} is not {message}");
    }
    drop(say);
    let last = timeout(SOON, body.collect()).await.context("it does not end")??;
    let trailers = last.trailers().context("no trailers")?;
    ensure!(trailers["grpc-status"] == "0" && trailers["grpc-message"] == "/echo.Echo/Say", "{trailers:?}");
    world.close().await
}
