//! Requests that a service answers.
//!
//! 1. whom to ask: the mount that covers the path, of its replicas the one with the fewest requests under way
//! 2. what to send: the request as it came, but for what is about the visitor's connection ([`headers`]); its body goes
//!    through as it comes ([`outgoing`])
//! 3. what to do when that fails: another address where no connection was made, the same once more where a kept
//!    connection was gone and asking twice is asking once (RFC 9110, 9.2.2); otherwise a page that says what is wrong
//! 4. the answer goes through as it comes ([`body`]), an upgraded connection becomes a [`tunnel`]
//!
//! Nothing of a request or an answer is gathered here. What a service may take for an answer is bounded by [`EdgeConfig`]'s
//! patience, how many requests there are at once by its upstream.
//!
//! [`EdgeConfig`]: crate::EdgeConfig

mod body;
mod headers;
mod outgoing;
mod problem;
mod tunnel;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use berth_model::ServiceProtocol;

pub use body::PassedBody;
pub use headers::Visitor;
pub(crate) use outgoing::Outgoing;
use outgoing::{Arrival, BodyError};
pub(crate) use problem::AsksFor;
use problem::Problem;

use crate::body::EdgeBody;
use crate::mounts::{Mount, Place};
use crate::site::{Site, Target};
use crate::upstream::{Borrowed, Choice, Connection, Flight, UpstreamState};

/// So long a request waits for a service that is starting: about what it takes Berth, started anew, to find the replicas
/// that went on without it.
const STARTS_WITHIN: Duration = Duration::from_secs(3);
/// Connections that one request is tried on which were gone before anything of it was sent.
const MOST_TRIES: usize = 4;

/// A request that a service is to answer. It is under way from the moment that this is made.
#[derive(Debug)]
pub struct Passage {
    pub(crate) site: Arc<Site>,
    /// Nothing, where there are too many.
    flight: Option<Flight>,
    /// What the service is asked for.
    target: PathAndQuery,
    /// What was taken off.
    prefix: Box<str>,
}

impl Passage {
    /// The way of a request for this address of a site, if that leads to a service.
    pub(crate) fn of(site: &Arc<Site>, uri: &Uri) -> Option<Self> {
        let Target::Mounts(mounts) = site.target() else { return None };
        let place = mounts.find(uri.path())?;
        let Mount::Service { upstream, strip_prefix } = place.mount() else { return None };
        let (target, prefix) = if *strip_prefix && !place.prefix().is_empty() {
            (without_prefix(place, uri)?, place.prefix())
        } else {
            (uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")), "")
        };
        Some(Self { site: Arc::clone(site), flight: upstream.enter(), target, prefix: prefix.into() })
    }
}

/// Slashes at its beginning are one: what begins with two names a host to some who read it.
fn without_prefix(place: &Place, uri: &Uri) -> Option<PathAndQuery> {
    let below = place.below(uri.path())?.trim_start_matches('/');
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{below}{query}").parse().ok()
}

/// How a request is carried to its service and the answer back.
pub(crate) struct Carrier<'a> {
    pub(crate) visitor: Visitor,
    /// How long the service may say nothing.
    pub(crate) patience: Duration,
    /// Whether what opened the site's lock is in the request: no service learns it.
    pub(crate) is_locked: bool,
    /// What a host leads to by now.
    pub(crate) site_now: &'a (dyn Fn(&str) -> Option<Arc<Site>> + Send + Sync),
}

impl Carrier<'_> {
    /// The service's answer.
    ///
    /// # Errors
    /// What to tell the visitor instead.
    pub(crate) async fn carry<B>(&self, passage: Passage, request: Request<B>) -> Result<Response<PassedBody>, Problem>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let (mut head, body) = request.into_parts();
        // One is for proxies, the other shows a visitor's scripts what is added on the way.
        if matches!(head.method, Method::CONNECT | Method::TRACE) {
            return Err(Problem::Method);
        }
        let upgrade = head.extensions.remove::<OnUpgrade>();
        let is_websocket = headers::leave_connection(&mut head.headers, head.version);
        let (visitor, authority) = (self.visitor, head.uri.authority());
        headers::introduce(&mut head.headers, visitor, authority, &passage.prefix);
        headers::join_cookies(&mut head.headers);
        if self.is_locked {
            head.headers.remove(header::AUTHORIZATION);
        }
        let is_get = head.method == Method::GET;
        let (body, arrival) = Outgoing::of(body);
        let mut asked = Request::new(body);
        (*asked.method_mut(), *asked.headers_mut()) = (head.method, head.headers);
        let (flight, borrowed, response) = self.ask(passage, &head.uri, asked, &arrival).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let visitor = upgrade.filter(|_| is_websocket).ok_or(Problem::NotAsked)?;
            return upgraded(response, visitor, flight, borrowed);
        }
        let (mut head, body) = response.into_parts();
        if !headers::leave_service(&mut head.headers) {
            return Err(Problem::Broken);
        }
        let body = match is_get && head.status == StatusCode::OK && headers::is_event_stream(&head.headers) {
            true => PassedBody::lasting(body, borrowed, flight, self.patience),
            false => PassedBody::streamed(body, borrowed, flight, self.patience),
        };
        let mut response = Response::new(body);
        (*response.status_mut(), *response.headers_mut()) = (head.status, head.headers);
        Ok(response)
    }

    /// Finds a connection on which the request is answered.
    async fn ask(
        &self,
        mut passage: Passage,
        uri: &Uri,
        mut request: Request<Outgoing>,
        arrival: &Arrival,
    ) -> Result<(Flight, Borrowed, Response<Incoming>), Problem> {
        let mut tried: Vec<SocketAddr> = Vec::new();
        let (mut has_waited, mut is_second_site, mut gone) = (false, false, 0);
        let host = request.headers().get(header::HOST).cloned();
        loop {
            let flight = passage.flight.as_ref().ok_or(Problem::TooMany)?;
            let upstream = flight.upstream();
            let choice = match upstream.choose(&tried) {
                Choice::Not(UpstreamState::Starting) if !has_waited => {
                    has_waited = true;
                    upstream.started(STARTS_WITHIN).await;
                    continue;
                }
                choice => choice,
            };
            let visit = match choice {
                Choice::Ask(visit) => visit,
                // Nothing was sent. The site may have been switched since this request came.
                Choice::NoneLeft | Choice::Not(_) if !is_second_site && self.has_moved(&mut passage, uri) => {
                    is_second_site = true;
                    tried.clear();
                    continue;
                }
                Choice::NoneLeft => return Err(Problem::Unreachable),
                Choice::Not(state) => return Err(Problem::State(state)),
            };
            let (address, protocol) = (visit.endpoint().address(), upstream.speaks());
            let connection =
                if gone == 0 { Connection::to(visit, protocol).await } else { Connection::anew(visit, protocol).await };
            let mut connection = match connection {
                Ok(connection) => connection,
                Err(trouble) => {
                    tracing::debug!(%address, %trouble, "a service was not reached");
                    tried.push(address);
                    continue;
                }
            };
            address_to(&mut request, protocol, &passage.target, host.as_ref());
            hold_back(&mut request);
            let spare = connection.is_kept.then(|| repeatable(&request)).flatten();
            let answer = tokio::time::timeout(self.patience, connection.ask(request)).await;
            let mut failure = match answer.map_err(|_| Problem::Silent)? {
                Ok(response) => {
                    let flight = passage.flight.take().ok_or(Problem::TooMany)?;
                    return Ok((flight, connection.lend(), response));
                }
                Err(failure) => failure,
            };
            let again = failure.take_message().or(spare);
            let error = failure.into_error();
            tracing::debug!(%address, %error, "a service did not answer");
            gone += 1;
            request = match again {
                _ if arrival.has_failed() => return Err(Problem::Incomplete),
                Some(again) if gone < MOST_TRIES => again,
                _ => return Err(Problem::Broken),
            };
        }
    }

    /// Whether the host leads to another service by now, which then is the passage's.
    fn has_moved(&self, passage: &mut Passage, uri: &Uri) -> bool {
        let now = (self.site_now)(passage.site.host()).and_then(|site| Passage::of(&site, uri));
        let (Some(now), Some(flight)) = (now, &passage.flight) else { return false };
        let is_other = now.flight.as_ref().is_some_and(|other| !Arc::ptr_eq(other.upstream(), flight.upstream()));
        if is_other {
            *passage = now;
        }
        is_other
    }
}

/// Names what is asked for. HTTP/2 has the host there, HTTP/1.1 in a header.
fn address_to(
    request: &mut Request<Outgoing>,
    protocol: ServiceProtocol,
    target: &PathAndQuery,
    host: Option<&HeaderValue>,
) {
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target.clone());
    if protocol == ServiceProtocol::H2c {
        request.headers_mut().remove(header::HOST);
        parts.scheme = Some(Scheme::HTTP);
        let host = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
        parts.authority = Some(host.unwrap_or_else(|| Authority::from_static("localhost")));
    }
    // `*` is a target alone, and no address with a host before it.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(target.clone()));
}

/// A visitor that waits for the service's word before it sends a body is told to go on when the service says so.
fn hold_back(request: &mut Request<Outgoing>) {
    let waits = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if request.body().is_nothing() || !request.headers().get(header::EXPECT).is_some_and(waits) {
        return;
    }
    let go_on = Mutex::new(Some(request.body_mut().hold()));
    hyper::ext::on_informational(request, move |said| {
        if said.status() == StatusCode::CONTINUE
            && let Some(go_on) = go_on.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            // Where the body was let go meanwhile, nobody waits for the word.
            let _ = go_on.send(());
        }
    });
}

/// The same request once more, where that changes nothing and nothing of it is gone.
fn repeatable(request: &Request<Outgoing>) -> Option<Request<Outgoing>> {
    let is_idempotent =
        matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    if !is_idempotent || !request.body().is_nothing() {
        return None;
    }
    let mut again = Request::new(Outgoing::default());
    (*again.method_mut(), *again.headers_mut()) = (request.method().clone(), request.headers().clone());
    Some(again)
}

/// The answer that changes the protocol, after which bytes go both ways.
fn upgraded(
    mut response: Response<Incoming>,
    visitor: OnUpgrade,
    flight: Flight,
    borrowed: Borrowed,
) -> Result<Response<PassedBody>, Problem> {
    let service = response.extensions_mut().remove::<OnUpgrade>().ok_or(Problem::Broken)?;
    let protocol = response.headers().get(header::UPGRADE).cloned();
    let mut headers = std::mem::take(response.headers_mut());
    // It has no body that could be coded.
    let _ = headers::leave_service(&mut headers);
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol.unwrap_or_else(|| HeaderValue::from_static("websocket")));
    tunnel::open(visitor, service, flight, borrowed);
    let mut response = Response::new(PassedBody::page(EdgeBody::empty()));
    (*response.status_mut(), *response.headers_mut()) = (StatusCode::SWITCHING_PROTOCOLS, headers);
    Ok(response)
}
