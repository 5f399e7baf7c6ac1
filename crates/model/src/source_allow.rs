//! Where sources may be fetched from: public addresses over https, and what the operator lists in `BERTH_SOURCE_ALLOW`.
//!
//! Only words and addresses are judged here. Resolving a name, and connecting to exactly the addresses that were
//! judged, is `build-engine`'s part.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::Host;

use crate::{InvalidInput, RepoUrl};

/// The operator's exceptions: hosts and networks that may be fetched from although they are private or plain http.
/// Empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceAllow {
    hosts: Vec<String>,
    networks: Vec<IpNet>,
}

impl SourceAllow {
    /// Parses host names, addresses and CIDRs, separated by commas or spaces: `git.lan, 10.1.2.3, 192.168.0.0/16`.
    ///
    /// # Errors
    /// Quotes the entry that is none of these.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        let mut allow = Self::default();
        for entry in text.split([',', ' ', '\t', '\n']).filter(|entry| !entry.is_empty()) {
            let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
            if let Ok(network) = bare.parse::<IpNet>() {
                allow.networks.push(network.trunc());
            } else if let Ok(address) = bare.parse::<IpAddr>() {
                allow.networks.push(address.to_canonical().into());
            } else if let Some(host) = host_name(entry) {
                allow.hosts.push(host);
            } else {
                return Err(InvalidInput::new(
                    "BERTH_SOURCE_ALLOW",
                    format!(
                        "`{entry}` is not a host name, an address or a network like 192.168.0.0/16 \
                         (ports, schemes and wildcards are not part of it)"
                    ),
                ));
            }
        }
        Ok(allow)
    }

    /// Whether the address that `host` resolved to may be connected to: a public one always, any other only when
    /// it lies in a listed network or the host is listed by name.
    #[must_use]
    pub fn permits_address(&self, address: IpAddr, host: &str) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.lists_address(address) || self.lists_host(host)
    }

    /// Judges an address when a project is saved, before anything is resolved.
    ///
    /// # Errors
    /// Plain http to a host that is not listed, and literal private addresses (however they are written) that are not.
    pub fn check_url(&self, url: &RepoUrl) -> Result<(), InvalidInput> {
        let refuse = |message: String| Err(InvalidInput::new("repoUrl", message));
        let (shown, listed, private) = match url.url().host() {
            None => return refuse("the repository's address has no host".to_owned()),
            Some(Host::Domain(name)) => {
                let local = is_local_name(name);
                let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                let listed = self.lists_host(name) || local && loopback.iter().any(|ip| self.lists_address(*ip));
                (name.to_owned(), listed, local)
            }
            Some(Host::Ipv4(ip)) => self.literal(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => self.literal(IpAddr::V6(ip)),
        };
        if listed {
            Ok(())
        } else if private {
            refuse(format!(
                "{shown} is not a public address; the operator can allow it with BERTH_SOURCE_ALLOW={shown}"
            ))
        } else if url.url().scheme() == "http" {
            refuse(format!(
                "the repository's address starts with https:// (the operator can allow plain http with \
                 BERTH_SOURCE_ALLOW={shown})"
            ))
        } else {
            Ok(())
        }
    }

    fn literal(&self, address: IpAddr) -> (String, bool, bool) {
        let address = address.to_canonical();
        (address.to_string(), self.lists_address(address) || self.lists_host(&address.to_string()), !is_public(address))
    }

    fn lists_address(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn lists_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.hosts.contains(&host)
    }
}

/// A name as it is compared: lower case, without the root's dot. Something that reads as a number is an address
/// written oddly (`127.1`, `0x7f000001`), not a name.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let labels_fit = name.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    });
    let parsed = Host::parse(&name).ok()?;
    (labels_fit && name.len() <= 253 && matches!(parsed, Host::Domain(_))).then_some(name)
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether the address is one of the internet's, by IANA's registries of special-purpose addresses.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)          // this network, private, loopback, multicast and reserved
            | (100, 64..=127, _)            // carrier-grade NAT
            | (169, 254, _)                 // link-local, metadata services
            | (172, 16..=31, _)             // private
            | (192, 168, _)                 // private
            | (192, 0, 0 | 2)               // protocol assignments, documentation
            | (192, 88, 99)                 // 6to4 relays
            | (198, 18 | 19, _)             // benchmarks
            | (198, 51, 100)                // documentation
            | (203, 0, 113) // documentation
    )
}

/// Only 2000::/3 is given out; in it, what tunnels to or stands for an IPv4 address is not followed.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    let given_out = first & 0xe000 == 0x2000;
    let special = match first {
        0x2001 => second < 0x0200 || second == 0x0db8, // Teredo, ORCHID and other assignments; documentation
        0x2002 => true,                                // 6to4
        0x3fff => second < 0x1000,                     // documentation
        _ => false,
    };
    given_out && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &str, url: &str) -> Result<(), InvalidInput> {
        SourceAllow::parse(allow).unwrap().check_url(&RepoUrl::parse(url).unwrap())
    }

    #[test]
    fn public_https_is_open_and_plain_http_is_listed() {
        assert!(check("", "https://github.com/a/b").is_ok());
        assert!(check("", "https://93.184.215.14/a/b").is_ok());
        let error = check("", "http://git.example.org/a/b").unwrap_err();
        assert!(error.message.contains("https://") && error.message.contains("BERTH_SOURCE_ALLOW=git.example.org"));
        assert!(check("git.example.org", "http://git.example.org/a/b").is_ok());
        assert!(check("GIT.example.org.", "http://git.example.org:3000/a/b").is_ok());
        assert!(check("git.example.org", "http://evil.git.example.org/a/b").is_err());
    }

    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "017700000001",
            "0",
            "10.0.0.5",
            "100.64.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fc00::1]",
            "[2001:db8::1]",
            "localhost",
            "a.localhost.",
        ] {
            for scheme in ["http", "https"] {
                let url = format!("{scheme}://{host}/a/b");
                assert!(check("", &url).unwrap_err().message.contains("not a public address"), "{url}");
            }
        }
    }

    #[test]
    fn the_operator_lists_hosts_addresses_and_networks() {
        assert!(check("127.0.0.1", "http://127.0.0.1:3000/a/b").is_ok());
        assert!(check("127.0.0.0/8", "http://localhost:3000/a/b").is_ok());
        assert!(check("10.1.0.0/16", "https://10.1.2.3/a/b").is_ok());
        assert!(check("10.1.0.0/16", "https://10.2.2.3/a/b").is_err());
        let allow = SourceAllow::parse("10.1.0.0/16, git.lan fd00::/8").unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(allow.permits_address(ip("10.1.2.3"), "anything"));
        assert!(!allow.permits_address(ip("10.2.2.3"), "anything"));
        assert!(allow.permits_address(ip("10.2.2.3"), "Git.Lan."));
        assert!(allow.permits_address(ip("fd00::1"), "x"));
        assert!(allow.permits_address(ip("::ffff:10.1.2.3"), "x"));
        assert!(!allow.permits_address(ip("::ffff:127.0.0.1"), "x"));
        assert!(allow.permits_address(ip("2606:4700::1"), "x") && allow.permits_address(ip("1.1.1.1"), "x"));
    }

    #[test]
    fn entries_that_are_nothing_are_quoted() {
        for bad in ["https://git.lan", "git.lan:3000", "*.lan", "10.0.0.0/33", "127.1", "a..b", "10.0.0.0/8;x"] {
            let error = SourceAllow::parse(&format!("git.lan, {bad}")).unwrap_err();
            assert!(error.message.contains(&format!("`{bad}`")), "{bad}: {error}");
        }
        assert_eq!(SourceAllow::parse(" ,\n").unwrap(), SourceAllow::default());
    }
}
