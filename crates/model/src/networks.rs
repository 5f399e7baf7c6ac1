//! Networks whose addresses stand for many people: no single visitor from afar has one of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Where proxies, bridges of containers and offices are.
pub const PRIVATE_NETWORKS: [IpNet; 9] = [
    v4([127, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v6(Ipv6Addr::LOCALHOST, 128),
    v6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(address: Ipv6Addr, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(address, prefix))
}

/// Whether an address, as IPv4 where it is that, is in one of the [`PRIVATE_NETWORKS`].
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    let address = address.to_canonical();
    PRIVATE_NETWORKS.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_who_may_be_many() {
        let is_private = |address: &str| is_private(address.parse().unwrap());
        for many in ["127.0.0.1", "::ffff:10.1.2.3", "100.64.0.1", "172.31.255.255", "192.168.1.1", "::1", "fd00::1"] {
            assert!(is_private(many), "{many}");
        }
        for one in ["192.0.2.1", "100.128.0.1", "172.32.0.1", "2001:db8::1", "::2"] {
            assert!(!is_private(one), "{one}");
        }
    }
}
