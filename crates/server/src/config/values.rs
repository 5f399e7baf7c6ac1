//! How the text of a variable becomes a value. Every error says what would be right; the caller adds the variable's
//! name and, if it is no secret, the text that was given.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use berth_api::Signup;
use berth_model::{Cpus, ProjectName, SourceAllow};
use berth_runtime::Egress;
use berth_secrets::SecretString;
use ipnet::{IpNet, Ipv4Net};
use url::{Host, Url};

use super::{BaseDomain, LogFormat};

/// A value, or what would have been right.
pub(super) type Parsed<T> = Result<T, String>;

/// Makes a parser's empty text mean "not set".
pub(super) fn optional<T>(text: &str, parse: impl Fn(&str) -> Parsed<T>) -> Parsed<Option<T>> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

pub(super) fn socket_address(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| "an address and a port is needed, like 127.0.0.1:8080 or [::]:80".to_owned())
}

pub(super) fn directory(text: &str) -> Parsed<PathBuf> {
    std::path::absolute(text).map_err(|error| format!("a directory is needed ({error})"))
}

pub(super) fn base_domain(text: &str) -> Parsed<BaseDomain> {
    let right =
        "a domain is needed, with its port if it is not the scheme's own, like sites.example.org or localhost:8080";
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(right)?)),
        None => (text, None),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let labels_fit = name.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    match Host::parse(&name) {
        Ok(Host::Domain(_)) if labels_fit && name.len() <= 189 => Ok(BaseDomain { name, port }),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
            Err("sites are names under this domain, and an address has none; use localhost or a domain of your own"
                .into())
        }
        _ => Err(right.into()),
    }
}

/// An http(s) address with nothing after the path.
pub(super) fn web_address(text: &str) -> Parsed<Url> {
    let right =
        || "an address is needed that starts with http:// or https://, without user name, query or fragment".to_owned();
    let url = Url::parse(text).map_err(|_| right())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(right()) }
}

/// The control plane's address: an origin, because the dashboard's and the API's paths start at its top.
pub(super) fn origin(text: &str) -> Parsed<Url> {
    let url = web_address(text)?;
    if url.path() == "/" {
        Ok(url)
    } else {
        Err("the control plane lives at the top of its host: leave the path out".into())
    }
}

pub(super) fn scheme(text: &str) -> Parsed<String> {
    match text {
        "http" | "https" => Ok(text.to_owned()),
        _ => Err("http or https".into()),
    }
}

/// Networks and single addresses, separated by commas or spaces.
pub(super) fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    entries(text)
        .map(|entry| {
            let bare = entry.trim_start_matches('[').trim_end_matches(']');
            let network = bare.parse::<IpNet>().map(|network| network.trunc()).ok();
            network
                .or_else(|| bare.parse::<IpAddr>().ok().map(IpNet::from))
                .ok_or_else(|| format!("`{entry}` is not a network like 10.0.0.0/8 or an address"))
        })
        .collect()
}

/// The build network speaks IPv4 only.
pub(super) fn ipv4_networks(text: &str) -> Parsed<Vec<Ipv4Net>> {
    let only_v4 = |network| match network {
        IpNet::V4(network) => Ok(network),
        IpNet::V6(network) => Err(format!("`{network}`: builds have no IPv6; name an IPv4 network")),
    };
    networks(text)?.into_iter().map(only_v4).collect()
}

pub(super) fn docker_host(text: &str) -> Parsed<String> {
    if text.starts_with("unix://") || text.starts_with("tcp://") {
        Ok(text.to_owned())
    } else {
        Err("unix:///path/to/docker.sock or tcp://host:port is needed".into())
    }
}

pub(super) fn names(text: &str) -> Parsed<Vec<String>> {
    entries(text)
        .map(|entry| {
            ProjectName::stored(entry).map(|name| name.as_str().to_owned()).map_err(|e| format!("`{entry}`: {e}"))
        })
        .collect()
}

pub(super) fn source_allow(text: &str) -> Parsed<SourceAllow> {
    SourceAllow::parse(text).map_err(|error| error.message)
}

pub(super) fn signup(text: &str) -> Parsed<Signup> {
    Signup::parse(text).map_err(|_| "closed, open or org:<login>[,<login>…]".into())
}

pub(super) fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

pub(super) fn secret(text: &str) -> Parsed<SecretString> {
    Ok(SecretString::from(text.to_owned()))
}

pub(super) fn signing_secret(text: &str) -> Parsed<SecretString> {
    if text.len() >= 32 {
        secret(text)
    } else {
        Err(format!(
            "at least 32 bytes are needed, these are {}; make one with `openssl rand -hex 32`, or leave the variable \
             out and Berth makes one",
            text.len()
        ))
    }
}

pub(super) fn encryption_key(text: &str) -> Parsed<SecretString> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        secret(text)
    } else {
        Err("exactly 64 hexadecimal digits are needed; make them with `openssl rand -hex 32`, or leave the variable \
             out and Berth makes them"
            .into())
    }
}

/// Some of them, separated by commas or spaces.
pub(super) fn encryption_keys(text: &str) -> Parsed<Vec<SecretString>> {
    let keys = entries(text).map(encryption_key).collect::<Parsed<_>>();
    keys.map_err(|_| "encryption keys of exactly 64 hexadecimal digits are needed, separated by commas".into())
}

pub(super) fn webhook_secret(text: &str) -> Parsed<SecretString> {
    if text.is_empty() {
        Err("it is set, but empty, and anybody could sign with that; make one with `openssl rand -hex 32`, or leave \
             the variable out and Berth makes one"
            .into())
    } else {
        secret(text)
    }
}

/// `sqlite://<path>` or `postgres://…`; kept secret, because it can hold a password.
pub(super) fn database_url(text: &str) -> Parsed<SecretString> {
    if ["sqlite:", "postgres://", "postgresql://"].iter().any(|start| text.starts_with(start)) {
        secret(text)
    } else {
        Err("sqlite:///path/to/file or postgres://user:password@host/name is needed".into())
    }
}

/// At most a week: seconds, or a number with `s`, `m`, `h` or `d`.
pub(super) fn duration(text: &str) -> Parsed<Duration> {
    match seconds(text) {
        Some(seconds) if (1..=7 * 86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time is needed, at most a week: seconds like 900, or 15m, or 2h".into()),
    }
}

/// An hour at least, because what is kept for so long is still being read by sockets; at most ten years.
pub(super) fn long_duration(text: &str) -> Parsed<Duration> {
    match seconds(text) {
        Some(seconds) if (3_600..=3_650 * 86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time is needed, an hour at least and at most ten years: 90d, or 48h".into()),
    }
}

/// Ten seconds at least, because what is younger has hardly been built; at most ten years.
pub(super) fn age(text: &str) -> Parsed<Duration> {
    match seconds(text) {
        Some(seconds) if (10..=3_650 * 86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time is needed, ten seconds at least and at most ten years: 30d, or 48h".into()),
    }
}

fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Bytes, or a number with `k`, `m`, `g` or `t` (powers of 1,024).
pub(super) fn size(text: &str) -> Parsed<u64> {
    let (number, unit) = split_unit(text);
    let shift = match unit.to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => Some(0),
        "k" => Some(10),
        "m" => Some(20),
        "g" => Some(30),
        "t" => Some(40),
        _ => None,
    };
    let bytes = number.parse::<u64>().ok().zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "a size is needed, like 512m or 2g".to_owned())
}

/// Docker itself refuses containers below 6 MiB; nothing builds below 64.
pub(super) fn memory(text: &str) -> Parsed<u64> {
    size(text).and_then(|bytes| if bytes >= 64 << 20 { Ok(bytes) } else { Err("at least 64m are needed".into()) })
}

pub(super) fn cores(text: &str) -> Parsed<f64> {
    text.parse()
        .ok()
        .filter(|cores: &f64| cores.is_finite() && (0.1..=1_024.0).contains(cores))
        .ok_or_else(|| "a number of processors is needed, like 2 or 0.5".to_owned())
}

/// Of a service.
pub(super) fn cpus(text: &str) -> Parsed<Cpus> {
    let cores = text.parse().map_err(|_| "a number of processors is needed, like 1 or 0.5".to_owned());
    cores.and_then(|cores| Cpus::new(cores).map_err(|invalid| invalid.to_string()))
}

pub(super) fn egress(text: &str) -> Parsed<Egress> {
    match text {
        "closed" => Ok(Egress::Closed),
        "open" => Ok(Egress::Open),
        _ => Err("closed or open".into()),
    }
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err("human or json".into()),
    }
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    match text.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("error, warn, info, debug, trace, or a filter like info,berth_store=debug".into()),
    }
}

/// A count that cannot be zero.
pub(super) fn count(text: &str) -> Parsed<u32> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "a whole number from 1 is needed".to_owned())
}

/// A count a minute; zero: as many as one likes.
pub(super) fn rate(text: &str) -> Parsed<Option<NonZeroU32>> {
    text.parse().map(NonZeroU32::new).map_err(|_| "a whole number is needed, or 0 for no limit".to_owned())
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty())
}

fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (&text[..digits], text[digits..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("900", 900), ("15m", 900), ("30s", 30), ("2h", 7_200), ("1 h", 3_600)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "0", "m", "-1", "1.5h", "15 minutes", "99999999999999999999", "9h9", "8d", "200h"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
        assert_eq!(long_duration("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(long_duration("1h"), Ok(Duration::from_secs(3_600)));
        for bad in ["", "0d", "59m", "4000d", "90 days", "9999999999999999999d"] {
            assert!(long_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("1024", 1_024), ("512m", 512 << 20), ("2g", 2 << 30), ("2GiB", 2 << 30), ("1 kB", 1_024)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "0", "g", "1.5g", "-1m", "99999999999t", "2x"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
        assert!(memory("32m").is_err());
    }

    #[test]
    fn domains() {
        let parsed = base_domain("Sites.Example.org.").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.port), ("sites.example.org", None));
        assert_eq!(base_domain("localhost:8080").unwrap().to_string(), "localhost:8080");
        for bad in
            ["", "127.0.0.1:80", "[::1]:80", "a b", "-a.org", "a..b", "a.org:0", "a.org:x", "http://a.org", "a/b"]
        {
            assert!(base_domain(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_and_networks() {
        assert!(origin("https://panel.example.org").is_ok());
        for bad in ["panel.example.org", "ftp://a", "https://u:p@a", "https://a/b", "https://a?b", ""] {
            assert!(origin(bad).is_err(), "{bad:?}");
        }
        assert_eq!(networks("10.1.2.3/8, ::1").unwrap().len(), 2);
        assert!(networks("10.0.0.0/40").unwrap_err().contains("10.0.0.0/40"));
    }

    #[test]
    fn short_keys_say_how_to_make_one_and_stay_secret() {
        let error = signing_secret("hunter2").unwrap_err();
        assert!(error.contains("openssl rand -hex 32") && !error.contains("hunter2"));
        assert!(encryption_key(&"g".repeat(64)).is_err());
        assert!(encryption_key(&"aB".repeat(32)).is_ok());
        assert!(webhook_secret("").is_err());
        assert_eq!(encryption_keys("").unwrap().len(), 0);
        assert_eq!(encryption_keys(&format!("{0}, {0}", "ab".repeat(32))).unwrap().len(), 2);
        let error = encryption_keys(&format!("{},hunter2", "ab".repeat(32))).unwrap_err();
        assert!(error.contains("64 hexadecimal digits") && !error.contains("hunter2"));
    }
}
