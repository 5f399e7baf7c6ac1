//! Subnets for networks of services once Docker has none left: small ones, of a range that is seldom used elsewhere.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Room for 512 networks of 126 addresses.
const RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 231, 0, 0), 16);
/// The length of their prefixes: more addresses than a deployment has replicas and commands.
const LENGTH: u8 = 25;

/// Whether the daemon's words mean that its own ranges are used up, or that somebody was quicker.
pub(super) fn is_taken(said: &str) -> bool {
    ["non-overlapping IPv4 address pool", "predefined address pools", "Pool overlaps"]
        .iter()
        .any(|text| said.contains(text))
}

/// The first subnet that overlaps with nothing that is taken, looked for from `place` on.
pub(super) fn free(taken: &[Ipv4Net], place: usize) -> Option<Ipv4Net> {
    let overlaps = |one: &Ipv4Net, other: &Ipv4Net| one.contains(&other.network()) || other.contains(&one.network());
    let all: Vec<Ipv4Net> = RANGE.subnets(LENGTH).ok()?.collect();
    let from_place = all.iter().cycle().skip(place % all.len().max(1)).take(all.len());
    from_place.copied().find(|subnet| !taken.iter().any(|other| overlaps(subnet, other)))
}

/// What `/proc/net/route` leads to, without the default route.
pub(super) fn routes(text: &str) -> Vec<Ipv4Net> {
    let hex = |field: Option<&&str>| Some(Ipv4Addr::from(u32::from_be(u32::from_str_radix(field?, 16).ok()?)));
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Ipv4Net::with_netmask(hex(fields.get(1))?, hex(fields.get(7))?).ok()
    };
    text.lines().skip(1).filter_map(route).filter(|net| net.prefix_len() > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_passed_over() {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Ipv4Net>>();
        assert_eq!(free(&[], 0), Some("10.231.0.0/25".parse().unwrap()));
        let taken = nets(&["10.231.0.0/24", "10.231.1.7/32", "172.16.0.0/12"]);
        assert_eq!(free(&taken, 0), Some("10.231.1.128/25".parse().unwrap()));
        assert_eq!(free(&taken, 511), Some("10.231.255.128/25".parse().unwrap()));
        assert_eq!(free(&nets(&["10.231.255.128/25"]), 511), Some("10.231.0.0/25".parse().unwrap()));
        assert_eq!(free(&nets(&["10.0.0.0/8"]), 7), None);
    }

    #[test]
    fn the_hosts_routes_are_read() {
        let text = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    tun0\t0000E70A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(routes(text), ["10.231.0.0/16".parse::<Ipv4Net>().unwrap()]);
    }
}
