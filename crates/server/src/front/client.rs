//! Who sent a request, and how it came.

use std::net::IpAddr;

use berth_edge::Visitor;
use http::HeaderMap;
use ipnet::IpNet;

/// What a service is told of who asks. How that one request came, and to which port, only a trusted proxy can say. Where
/// none does, it came as all sites are reached (`BERTH_SITE_SCHEME`): Berth itself ends no TLS, so where sites are at
/// `https`, something in front does, whether it is trusted with addresses or not. A service that was told `http` there
/// would send its visitors to `https` for ever.
pub(super) fn visitor(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], sites_are_secure: bool) -> Visitor {
    let client = address(peer, headers, trusted);
    let peer = peer.to_canonical();
    if !trusted.iter().any(|network| network.contains(&peer)) {
        return Visitor { client, is_secure: sites_are_secure, port: None };
    }
    // Of several the last is the proxy's own.
    let said = |name| {
        let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next().map(str::trim_ascii)
    };
    let is_secure = said("x-forwarded-proto").map_or(sites_are_secure, |proto| proto.eq_ignore_ascii_case("https"));
    Visitor { client, is_secure, port: said("x-forwarded-port").and_then(|port| port.parse().ok()) }
}

/// The peer, or, if that is a trusted proxy, the last address in `X-Forwarded-For` that is not one: everything before
/// it is what that client claimed.
pub(super) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    for entry in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(',')) {
        let Ok(address) = entry.trim().parse::<IpAddr>() else { return client };
        client = address.to_canonical();
        if !is_trusted(client) {
            return client;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_trusted_proxy_says_how_a_visitor_came_and_the_sites_scheme_where_none_does() {
        let pairs = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "http, HTTPS"), ("x-forwarded-port", "8443")];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let came = |peer: &str, headers: &HeaderMap, sites_are_secure| {
            let Visitor { is_secure, port, .. } = visitor(peer.parse().unwrap(), headers, &trusted, sites_are_secure);
            (is_secure, port)
        };
        let (proxy, stranger) = ("::ffff:10.0.0.1", "192.0.2.1");
        assert_eq!(came(proxy, &headers, false), (true, Some(8443)));
        assert_eq!(came(stranger, &headers, false), (false, None), "a stranger claims it");
        assert_eq!(came(stranger, &headers, true), (true, None));
        assert_eq!(came(proxy, &HeaderMap::new(), true), (true, None), "it says nothing");
        assert_eq!(came(proxy, &HeaderMap::new(), false), (false, None));
        headers.append("x-forwarded-proto", "http".parse().unwrap());
        assert_eq!(came(proxy, &headers, true), (false, Some(8443)), "it came so");
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &["10.0.0.0/8"]), "192.0.2.1");
    }

    #[test]
    fn trusted_proxies_name_the_client_and_clients_name_nobody() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &["198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"], &trusted), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["198.51.100.7, nonsense"], &trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], &trusted), "10.0.0.1");
    }
}
