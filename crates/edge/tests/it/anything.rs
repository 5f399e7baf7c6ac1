//! Whatever is asked, and whatever a project writes into its rule files, the edge answers and stays inside.

use proptest::prelude::*;

use crate::fixture::{Fixture, request, write_rules};

/// Pieces that paths, ranges and rules are made of, more often than chance would make them.
fn pieces(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(alphabet).prop_map(str::to_owned), 1 => "[ -~]{0,3}"];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

const OF_PATHS: &[&str] = &[
    "/",
    "a",
    "..",
    ".",
    "%2e",
    "%2f",
    "%5c",
    "%25",
    "%00",
    "%c0%af",
    "\\",
    "index.html",
    ".env",
    ".well-known",
    "app.js",
    "?",
    "%",
];
const OF_HOSTS: &[&str] = &[
    "shop.example.org",
    "SHOP",
    "shop",
    ".",
    "example",
    ".org",
    ":",
    "8080",
    ":80",
    "@",
    "/",
    "#",
    "?",
    "[",
    "]",
    "::1",
    "127.0.0.1",
    "0x7f",
    "%2e",
    "%00",
    "\\",
    " ",
    "\t",
    ",",
    "xn--",
    "é",
    "*",
    "-",
    "_",
    "\u{200b}",
];
const OF_RULES: &[&str] = &[
    "/",
    "*",
    ":a",
    ":splat",
    " ",
    "\n",
    "/a",
    " 200",
    " 301!",
    " 404",
    "?x=:a",
    "x=:a",
    "https://h",
    "#",
    "%2f",
    "%0d%0a",
    "é",
    "Country=x",
];
const OF_RANGES: &[&str] =
    &["bytes=", "0", "-", ",", "5", "18446744073709551615", "99999999999999999999", " ", "=", "bytes"];

proptest! {
    /// Only the site's own name, in whatever spelling, leads to it; what is no host is refused.
    #[test]
    fn h4_any_host_is_the_site_s_or_nobody_s(host in pieces(OF_HOSTS)) {
        let fixture = Fixture::serving(&[("index.html", "the shop")]);
        let mut asked = request("GET", "/", &[]);
        let Ok(value) = http::HeaderValue::from_bytes(host.as_bytes()) else { return Ok(()) };
        asked.headers_mut().insert("host", value);
        let answer = fixture.ask(asked);
        prop_assert!(matches!(answer.status, 200 | 400 | 404), "{}", answer.status);
        let name = host.to_ascii_lowercase();
        let name = name.rsplit_once(':').map_or(name.as_str(), |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host.as_str() });
        let is_ours = name.strip_suffix('.').unwrap_or(name) == crate::fixture::HOST;
        prop_assert!(is_ours || answer.status != 200, "{host:?} leads to the site");
        prop_assert!(answer.status == 200 || !answer.text().contains(&host) || host.len() < 8, "{host:?} is repeated");
    }

    #[test]
    fn s1_any_path_is_answered_from_the_index_alone(path in pieces(OF_PATHS)) {
        let fixture = Fixture::serving(&[("index.html", "page"), ("about.html", "page"), (".env", "SECRET"), ("app.js", "page")]);
        let mut asked = request("GET", "/", &[]);
        if let Ok(uri) = format!("/{path}").parse() {
            *asked.uri_mut() = uri;
        }
        let answer = fixture.ask(asked);
        prop_assert!(matches!(answer.status, 200 | 308 | 400 | 404), "{}", answer.status);
        prop_assert!(!answer.text().contains("SECRET"));
        prop_assert!(answer.status != 200 || answer.text() == "page");
    }

    #[test]
    fn s5_any_range_is_answered_with_bytes_of_the_file(range in pieces(OF_RANGES)) {
        let fixture = Fixture::serving(&[("a.txt", "abcdefghij")]);
        let answer = fixture.get_with("/a.txt", &[("range", &range)]);
        prop_assert!(matches!(answer.status, 200 | 206 | 416), "{}", answer.status);
        prop_assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
        let one_part = answer.status == 206 && answer.header("content-range").is_some();
        prop_assert!(!one_part || "abcdefghij".contains(answer.text()));
    }

    #[test]
    fn any_rules_are_read_and_applied(redirects in pieces(OF_RULES), headers in pieces(OF_RULES), path in pieces(OF_PATHS)) {
        let fixture = Fixture::new();
        let release = write_rules(&fixture, &redirects, &headers);
        fixture.edge.install(crate::fixture::HOST, release);
        let mut asked = request("GET", "/", &[]);
        if let Ok(uri) = format!("/{path}").parse() {
            *asked.uri_mut() = uri;
        }
        let answer = fixture.ask(asked);
        prop_assert!(answer.status < 500, "{}", answer.status);
    }
}
