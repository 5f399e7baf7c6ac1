//! Hosts that the build did not get to: forbidden to it, not there, or unknown by their name.
//!
//! Which of them it was decides what its reader can do, so a connection is judged by its address and the error that the
//! system gave, not by the words around it.

use std::net::{IpAddr, Ipv4Addr};

use berth_model::FailureCode;
use berth_runtime::Egress;

use super::Kind::{Entry, Reason};
use super::{Row, Seen, Set, Words};

pub(super) const ROWS: &[Row] = &[
    (r"^Failed to fetch `([^`]+)` from Google Fonts\.", Entry, font),
    (
        r"^(?:.*(?:[Ee]rror|reason|cause).*: )?connect (ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH) ([\d.]+|[0-9a-f:]+):(\d+)",
        Reason,
        |seen| connection(seen, seen.group(1), seen.group(2), seen.group(3)),
    ),
    (r"Connect Timeout Error \(attempted address(?:es)?: ([^\s:,]+):(\d+)", Reason, |seen| {
        connection(seen, "ETIMEDOUT", seen.group(1), seen.group(2))
    }),
    (r"^curl: \((7|28)\) (?:Failed to connect to|Connection timed out after) (\S+) port (\d+)", Reason, |seen| {
        let otherwise = if seen.group(1) == "28" { "ETIMEDOUT" } else { "EHOSTUNREACH" };
        connection(seen, system_error(seen).unwrap_or(otherwise), seen.group(2), seen.group(3))
    }),
    (
        r"\(host='([^']+)', port=(\d+)\).*(?:Failed to establish a new connection|ConnectTimeoutError|timed out)",
        Reason,
        |seen| {
            let line = seen.lines[seen.at].text.as_str();
            if line.contains("[Errno -2]") || line.contains("[Errno -3]") {
                return unknown_name(seen.group(1));
            }
            connection(seen, system_error(seen).unwrap_or("ETIMEDOUT"), seen.group(1), seen.group(2))
        },
    ),
    (r"dial tcp ([\d.]+):(\d+): (?:connect: )?(connection refused|i/o timeout|no route to host)", Reason, |seen| {
        connection(seen, system_error(seen)?, seen.group(1), seen.group(2))
    }),
    (r"^(?:.*(?:[Ee]rror|reason|cause).*: ?)?getaddrinfo (ENOTFOUND|EAI_AGAIN) ([\w.-]+)", Reason, |seen| {
        if seen.group(1) == "EAI_AGAIN" { no_name_server(seen.group(2)) } else { unknown_name(seen.group(2)) }
    }),
    (
        r"^curl: \(6\) Could not resolve host: (\S+)|^fatal: unable to access '.*': Could not resolve host: (\S+)|^wget: unable to resolve host address .([\w.-]+)|dial tcp: lookup (\S+?)(?: on \S+)?: no such host",
        Reason,
        |seen| unknown_name(seen.value()),
    ),
];

/// The system's error in a line that gives its number or its words.
fn system_error(seen: &Seen<'_>) -> Option<&'static str> {
    let line = seen.lines[seen.at].text.to_lowercase();
    let errors: [(&str, &[&str]); 4] = [
        ("ECONNREFUSED", &["[errno 111]", "connection refused"]),
        ("EHOSTUNREACH", &["[errno 113]", "no route to host"]),
        ("ENETUNREACH", &["[errno 101]", "network is unreachable"]),
        ("ETIMEDOUT", &["[errno 110]", "timed out", "i/o timeout"]),
    ];
    errors.into_iter().find(|(_, signs)| signs.iter().any(|sign| line.contains(sign))).map(|(error, _)| error)
}

/// A connection that did not come about. `host` is an address, or a name from tools that print no address.
fn connection(seen: &Seen<'_>, error: &str, host: &str, port: &str) -> Option<Words> {
    if is_warning(seen) {
        return None;
    }
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    match host.parse() {
        Ok(IpAddr::V4(address)) if address.is_loopback() => nobody_at_home(&target),
        Ok(IpAddr::V6(address)) if address.is_loopback() => nobody_at_home(&target),
        _ if host == "localhost" => nobody_at_home(&target),
        // An answer, even to refuse, means that the way was free.
        Ok(IpAddr::V4(address)) if error != "ECONNREFUSED" && seen.scene.sandbox.refuses(address) => {
            forbidden(address, &target)
        }
        // Both addresses of a host are tried; the one that could have worked says more.
        Ok(IpAddr::V6(_)) => match seen.above(r"connect \w+ ((?:\d+\.){3}\d+):\d+") {
            Some(other) if other.parse::<Ipv4Addr>().is_ok() => None,
            _ => no_ipv6(&target),
        },
        // Which address the name has is not said, and so not whether builds may connect to it.
        Err(_) if error != "ECONNREFUSED" && seen.scene.sandbox.egress == Egress::Closed => {
            unreachable_name(host, &target, error)
        }
        _ => unreachable(&target, error),
    }
}

fn nobody_at_home(target: &str) -> Option<Words> {
    Words::of_command(
        format!("nothing answers at {target} within the build"),
        "A build is alone in its container: a server or database that runs on your machine is not there. Use one that it can \
         reach over the internet, or let the build command start it.",
    )
    .set("buildCommand")
}

fn forbidden(address: Ipv4Addr, target: &str) -> Option<Words> {
    Words::new(
        FailureCode::NetworkRefused,
        format!("builds may not connect to {target}"),
        format!(
            "{address} belongs to this machine or to a private network, and builds reach the public internet only. If it is a \
             server of yours, ask the operator to allow its network: BERTH_EGRESS_ALLOW={address}/32."
        ),
    )
    .set("BERTH_EGRESS_ALLOW")
}

fn no_ipv6(target: &str) -> Option<Words> {
    Words::new(
        FailureCode::HostUnreachable,
        format!("the build could not connect to {target}"),
        "It is an IPv6 address, and builds have IPv4 only. Use a host that has an IPv4 address.",
    )
}

fn unreachable(target: &str, error: &str) -> Option<Words> {
    Words::new(
        FailureCode::HostUnreachable,
        format!("{target} {}", did(error)),
        "Berth lets builds connect to it, but the host did not take the connection. Check that it is up and listens there, \
         then rebuild.",
    )
}

fn unreachable_name(host: &str, target: &str, error: &str) -> Option<Words> {
    Words::new(
        FailureCode::HostUnreachable,
        format!("{target} {}", did(error)),
        format!(
            "If the address of {host} is private, builds may not connect to it: ask the operator to allow its network \
             (BERTH_EGRESS_ALLOW). If it is public, check that the host is up and listens there, then rebuild."
        ),
    )
}

fn did(error: &str) -> &'static str {
    match error {
        "ECONNREFUSED" => "refused the connection",
        "ETIMEDOUT" => "did not answer in time",
        _ => "could not be reached",
    }
}

fn unknown_name(host: &str) -> Option<Words> {
    Words::new(
        FailureCode::HostUnreachable,
        format!("the host {host} was not found"),
        format!(
            "No address is known for the name {host}. Check its spelling, and that it is a public name: names that only your \
             own network knows are not known to builds."
        ),
    )
}

fn no_name_server(host: &str) -> Option<Words> {
    Words::new(
        FailureCode::HostUnreachable,
        format!("no name server answered for the host {host}"),
        "The name could not be looked up at all. Rebuild in a moment; if it happens again, tell the operator that builds get \
         no answer from the machine's name servers.",
    )
}

fn font(seen: &Seen<'_>) -> Option<Words> {
    let font = seen.group(1);
    let host = seen.above(r"(fonts\.[\w.-]+)").unwrap_or_else(|| "fonts.googleapis.com".to_owned());
    Words::new(
        FailureCode::HostUnreachable,
        format!("the font {font} could not be fetched from {host}"),
        format!(
            "next/font fetches fonts while it builds, and {host} did not give this one. Rebuild when the host answers again, or \
             put the font's files into the repository and load them with next/font/local."
        ),
    )
}

/// Telemetry and update checks print these words and go on.
fn is_warning(seen: &Seen<'_>) -> bool {
    let text = seen.lines[seen.at].text.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    ["warn", "npm warn", "notice"].iter().any(|prefix| text.starts_with(prefix))
}
