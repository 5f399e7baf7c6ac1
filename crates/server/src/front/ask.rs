//! The question that a proxy asks before it gets a certificate for a host: is this one of ours? Answered from the edge's
//! table, with or without a database, and only to who runs on this machine or is a trusted proxy, and asks by itself: what
//! a proxy passes on is a visitor's question, whatever address it comes from.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::IntoResponse;
use berth_edge::Edge;
use http::{Request, Response, StatusCode, header};
use ipnet::IpNet;

use super::ControlHosts;

/// Asked at an address (`http://127.0.0.1:8080/health/host?domain=…`), as Caddy's `ask` does.
pub(super) const PATH: &str = "/health/host";

/// 200 if Berth answers at the host, 404 if not, 403 for who has no reason to ask.
pub(super) fn answer<B>(
    peer: IpAddr,
    request: &Request<B>,
    edge: &Edge,
    hosts: &ControlHosts,
    trusted: &[IpNet],
) -> Response<Body> {
    let peer = peer.to_canonical();
    if request.headers().contains_key("x-forwarded-for") || request.headers().contains_key(header::FORWARDED) {
        return (StatusCode::FORBIDDEN, "a proxy may ask for itself, not for a visitor\n").into_response();
    }
    if !peer.is_loopback() && !trusted.iter().any(|network| network.contains(&peer)) {
        return (StatusCode::FORBIDDEN, "only proxies named in BERTH_TRUSTED_PROXIES may ask\n").into_response();
    }
    let pairs = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let asked = pairs.filter(|(name, _)| name == "domain").map(|(_, value)| value.to_ascii_lowercase()).next();
    let Some(host) = asked.filter(|host| !host.is_empty()) else {
        return (StatusCode::BAD_REQUEST, "name a host: ?domain=shop.example.org\n").into_response();
    };
    if edge.site(&host).is_some() || hosts.contain(&host) {
        (StatusCode::OK, "Berth answers at this host\n").into_response()
    } else {
        (StatusCode::NOT_FOUND, "Berth does not know this host\n").into_response()
    }
}
