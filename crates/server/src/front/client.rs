//! Who sent a request, and how it came.

use std::net::IpAddr;

use berth_edge::Visitor;
use http::HeaderMap;
use ipnet::IpNet;

/// What a service is told of who asks. Whether that came by HTTPS, and to which port, only a trusted proxy can know.
pub(super) fn visitor(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Visitor {
    let client = address(peer, headers, trusted);
    let peer = peer.to_canonical();
    if !trusted.iter().any(|network| network.contains(&peer)) {
        return Visitor { client, is_secure: false, port: None };
    }
    // Of several the last is the proxy's own.
    let said = |name| {
        let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next().map(str::trim_ascii)
    };
    let is_secure = said("x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
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
    fn only_a_trusted_proxy_knows_how_a_visitor_came() {
        let pairs = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "http, HTTPS"), ("x-forwarded-port", "8443")];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let came = |peer: &str| {
            let Visitor { is_secure, port, .. } = visitor(peer.parse().unwrap(), &headers, &trusted);
            (is_secure, port)
        };
        assert_eq!(came("::ffff:10.0.0.1"), (true, Some(8443)));
        assert_eq!(came("192.0.2.1"), (false, None));
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
