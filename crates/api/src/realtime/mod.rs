//! What happens, as it happens: Socket.IO v4 at `/socket.io`.
//!
//! - [`gate`]: who may connect. A socket joins the room of its user and the room of its session, and no other.
//! - [`feed`]: one task that turns the store's events and log lines into socket events.
//! - [`lines`]: log lines of builds gathered into few events; [`service_lines`]: those of services and commands.
//!
//! Events are read from the store by number, so that none is lost however far the feed falls behind; lines are live
//! only, and a client that misses some asks for them by number. Clients send nothing.

mod feed;
mod gate;
mod lines;
mod owners;
mod service_lines;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::map_request;
use http_body_util::Limited;
use socketioxide::SocketIo;
use socketioxide::handler::ConnectHandler;

use crate::Api;
pub(crate) use lines::LinesBody;
pub(crate) use service_lines::{RunLinesBody, ServiceLinesBody};

/// A socket that does not answer a ping within [`PING_TIMEOUT`] is dropped; so is one whose buffer is so full that no
/// ping fits: it has stalled.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Events that wait for one socket: ten seconds of the fastest log.
const BUFFER: usize = 4_096;
/// Clients have nothing to say but their token.
const LARGEST_MESSAGE: usize = 16 << 10;

/// The Socket.IO server.
pub(crate) struct Realtime {
    io: SocketIo,
    routes: Router<Api>,
}

impl Realtime {
    /// A server that nobody may connect to before [`start`].
    pub(crate) fn new() -> Self {
        let (service, io) = SocketIo::builder()
            .ping_interval(PING_INTERVAL)
            .ping_timeout(PING_TIMEOUT)
            .connect_timeout(Duration::from_secs(10))
            .max_buffer_size(BUFFER)
            .max_payload(1 << 20)
            .ws_max_message_size(LARGEST_MESSAGE)
            .ws_max_frame_size(LARGEST_MESSAGE)
            .build_svc();
        let routes = Router::new().route_service("/socket.io/", service.clone()).route_service("/socket.io", service);
        Self { io, routes: routes.layer(map_request(kept_small)) }
    }

    /// The server's handle.
    pub(crate) fn io(&self) -> &SocketIo {
        &self.io
    }

    /// Its two addresses.
    pub(crate) fn routes(&self) -> Router<Api> {
        self.routes.clone()
    }
}

/// By long polling nobody says more at once than by a WebSocket: whoever it is, it is kept in memory until it is whole.
async fn kept_small(request: Request) -> Request {
    request.map(|body| Body::new(Limited::new(body, LARGEST_MESSAGE)))
}

/// Opens the gate and starts the feed.
pub(crate) fn start(api: &Api) {
    // The API holds the server, so the server holds the API weakly.
    let (at_gate, inside) = (api.downgrade(), api.downgrade());
    let admit = move |socket, auth| {
        let api = at_gate.upgrade();
        async move {
            match api {
                Some(api) => gate::admit(&api, socket, auth).await,
                None => Err(gate::Refusal::shutting_down()),
            }
        }
    };
    let settle = move |socket| {
        let api = inside.upgrade();
        async move {
            if let Some(api) = api {
                gate::settle(&api, socket).await;
            }
        }
    };
    api.realtime.io.ns("/", settle.with(admit));
    tokio::spawn(feed::run(api.clone()));
}
