//! Where every connection arrives. The host is decided first: a site's request goes to the edge and never enters a
//! router; the control host's goes to the API and never meets a site's files.

mod ask;
mod client;
mod clock;
mod connections;
mod file_sender;
mod framing;
mod hosts;
mod idle;
mod limits;
mod measured;
mod passed;
mod presence;
mod short;
#[cfg(test)]
mod tests;
mod whole_body;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use berth_edge::{Edge, EdgeBody, HostDecision, Passage, Takes};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::Either;
use hyper::body::Incoming;
use ipnet::IpNet;
use tower::ServiceExt;

pub(crate) use connections::serve;
use file_sender::Expected;
pub(crate) use hosts::ControlHosts;
pub use limits::ConnectionLimits;
pub(crate) use measured::Counts;
use measured::Measured;
use passed::Passed;
use presence::Presence;
use short::Closing;
use whole_body::WholeBody;

use crate::pages;

/// What is answered: a site's bytes, the control plane's, or a service's.
type FrontBody = Either<EdgeBody, Either<Measured<Body>, Passed>>;
/// What is asked with.
type RequestBody = WholeBody<Incoming>;

/// An answer, or what will be one.
#[allow(clippy::large_enum_variant, reason = "a site's answer is moved once and not allocated")]
enum Answer {
    /// A site's, or the edge's own page.
    Now(Response<EdgeBody>),
    /// The control plane's, a service's, or that of a protected site.
    Later(Pin<Box<dyn Future<Output = Response<FrontBody>> + Send>>),
}

/// Decides and answers requests. Shared by all connections.
#[derive(Debug)]
pub(crate) struct Front {
    edge: Edge,
    hosts: ControlHosts,
    trusted_proxies: Vec<IpNet>,
    /// Whether sites are reached by HTTPS, as far as no trusted proxy says how a request came.
    sites_are_secure: bool,
    /// Until then: the dashboard's pages, which say that they wait.
    starting: Router,
    /// Set once the database is there.
    control_plane: OnceLock<Router>,
    /// Whether there is an administrator.
    set_up: AtomicBool,
    counts: Counts,
    limits: ConnectionLimits,
    closing: Closing,
}

impl Front {
    /// `sites` are the addresses that they can have, as a browser's policy names them: `https://*.example.org`.
    pub(crate) fn new(
        edge: Edge,
        hosts: ControlHosts,
        trusted_proxies: Vec<IpNet>,
        sites: &str,
        mut limits: ConnectionLimits,
    ) -> Self {
        limits.uncounted.extend(&trusted_proxies);
        let (control_plane, set_up) = (OnceLock::new(), AtomicBool::new(false));
        let starting = berth_api::harden(pages::router_before(not_yet), sites);
        let (counts, closing) = (Counts::default(), Closing::default());
        let sites_are_secure = sites.starts_with("https:");
        Self {
            edge,
            hosts,
            trusted_proxies,
            sites_are_secure,
            starting,
            control_plane,
            set_up,
            counts,
            limits,
            closing,
        }
    }

    /// What is counted here and not by the edge.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// From now on the control plane answers by itself.
    pub(crate) fn open(&self, control_plane: Router) {
        // It is opened once; a second router would be a bug that changes nothing.
        let _ = self.control_plane.set(control_plane);
    }

    /// There is an administrator: addresses without a name no longer lead to the control plane.
    pub(crate) fn end_setup(&self) {
        self.set_up.store(true, Ordering::Relaxed);
    }

    /// Whom a request is for; the control plane's hosts are no site's.
    fn decide<B>(&self, request: &Request<B>) -> HostDecision {
        match self.edge.decide(request) {
            HostDecision::Site(site) if self.hosts.contain(site.host()) => {
                HostDecision::Unknown(site.host().to_owned())
            }
            decision => decision,
        }
    }

    fn answer(
        self: &Arc<Self>,
        (peer, presence): (IpAddr, &Arc<Presence>),
        request: Request<Incoming>,
        expected: &Arc<Expected>,
    ) -> Answer {
        if framing::is_doubtful(request.headers()) {
            return Answer::Now(framing::refusal());
        }
        let decision = self.decide(&request);
        let is_control = match &decision {
            HostDecision::Site(_) | HostDecision::Bad(_) => false,
            HostDecision::Unknown(host) => self.hosts.name_is_control(host, request.uri().path()),
            HostDecision::Address(address) => {
                let set_up = self.set_up.load(Ordering::Relaxed);
                self.hosts.address_is_control(*address, request.uri().path(), set_up)
            }
        };
        let (head, body) = request.into_parts();
        let body = WholeBody::new(&head.headers, body, self.limits.body_silence);
        let request = Request::from_parts(head, body);
        if matches!(decision, HostDecision::Address(_)) && request.uri().path() == ask::PATH {
            let began = Instant::now();
            let answer = ask::answer(peer, &request, &self.edge, &self.hosts, &self.trusted_proxies);
            let answer = self.counts.measure(began, answer).map(Either::Left).map(Either::Right);
            return Answer::Later(Box::pin(std::future::ready(answer)));
        }
        if is_control {
            let (front, began) = (Arc::clone(self), Instant::now());
            return Answer::Later(Box::pin(async move {
                let answer = front.control(peer, request).await;
                front.counts.measure(began, answer).map(Either::Left).map(Either::Right)
            }));
        }
        // HTTP/2 packs bodies into frames: it takes bytes.
        let takes = if request.version() <= Version::HTTP_11 { Takes::Files } else { Takes::Bytes };
        if !Edge::answers_at_once(&decision, request.uri()) {
            // Where a service answers, the request is under way to it from here on.
            let passage = self.edge.passage(&decision, &request);
            let (front, expected, presence) = (Arc::clone(self), Arc::clone(expected), Arc::clone(presence));
            return Answer::Later(Box::pin(async move {
                front.answer_later(takes, decision, passage, (peer, &presence), request, &expected).await
            }));
        }
        Answer::Now(self.visit(takes, &decision, peer, request, expected))
    }

    /// The answer of a protected site, or of a service. The site's lock comes first.
    async fn answer_later(
        &self,
        takes: Takes,
        decision: HostDecision,
        passage: Option<Passage>,
        (peer, presence): (IpAddr, &Arc<Presence>),
        request: Request<RequestBody>,
        expected: &Expected,
    ) -> Response<FrontBody> {
        let passage = match passage {
            Some(passage) => Some(passage),
            None => {
                let client = client::address(peer, request.headers(), &self.trusted_proxies);
                match self.edge.admit(&decision, request.method(), request.headers(), client).await {
                    Ok(()) => self.edge.passage(&decision, &request),
                    Err(refusal) => return refusal.map(Either::Left),
                }
            }
        };
        let Some(passage) = passage else {
            return self.visit(takes, &decision, peer, request, expected).map(Either::Left);
        };
        let visitor = client::visitor(peer, request.headers(), &self.trusted_proxies, self.sites_are_secure);
        let patience = presence.waits();
        let answer = self.edge.pass(passage, request, visitor).await;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            presence.is_upgraded();
        }
        answer.map(|body| Either::Right(Either::Right(Passed::new(body, patience))))
    }

    /// A site's answer, and what the connection has to know to send it.
    fn visit<B>(
        &self,
        takes: Takes,
        decision: &HostDecision,
        peer: IpAddr,
        request: Request<B>,
        expected: &Expected,
    ) -> Response<EdgeBody> {
        let client = |headers: &HeaderMap| client::address(peer, headers, &self.trusted_proxies);
        let response = self.edge.visit(takes, decision, request, client);
        if let Some(mapping) = response.body().mapping() {
            expected.add(mapping);
        }
        response
    }

    async fn control(&self, peer: IpAddr, mut request: Request<RequestBody>) -> Response<Body> {
        let router = self.control_plane.get().unwrap_or(&self.starting);
        let client = client::address(peer, request.headers(), &self.trusted_proxies);
        request.extensions_mut().insert(berth_api::ClientAddress(client));
        match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(impossible) => match impossible {},
        }
    }
}

/// Before the database is there: the process lives and has its pages, and that is all it can say.
fn not_yet(path: &str) -> Response<Body> {
    if path == "/health" {
        return axum::Json(serde_json::json!({"message": "OK"})).into_response();
    }
    let message = "Berth is starting: the database does not answer yet. Sites are served meanwhile.";
    let body = if path.starts_with("/api/v1/") {
        serde_json::json!({"error": {"code": "unavailable", "message": message}})
    } else {
        serde_json::json!({ "message": message })
    };
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
