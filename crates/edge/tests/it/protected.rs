//! What a protected site shows to whom.

use std::sync::Arc;

use berth_edge::{Site, Target};
use berth_model::Lock;
use berth_secrets::hash_password;

use crate::fixture::{Answer, Fixture, HOST, request};

/// `ada:open sesame`, as browsers send it.
const RIGHT: &[(&str, &str)] = &[("authorization", "Basic YWRhOm9wZW4gc2VzYW1l")];

fn protected(files: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::new();
    let lock = Lock { user: None, hash: hash_password(&"open sesame".into()) };
    let release = fixture.release(1, files, None);
    fixture.edge.install(HOST, Site::of(Target::Release(release)).locked(Some(Arc::new(lock))));
    fixture
}

/// As the server does it: admitted first, then answered.
fn ask(fixture: &Fixture, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = request(method, path, headers);
    let decision = fixture.edge.decide(&request);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = "192.0.2.1".parse().unwrap();
    runtime.block_on(fixture.edge.admit(&decision, request.method(), request.headers(), client)).unwrap();
    fixture.ask(request)
}

const SITE: &[(&str, &str)] = &[
    ("index.html", "home"),
    ("app.js", "script"),
    ("assets/app-BX3k9dQ1.js", "hashed"),
    ("404.html", "lost"),
    (".well-known/acme-challenge/token", "answer"),
    ("_redirects", "/old /new 302\n/.well-known/* /secret 301!\n/* /index.html 200\n"),
    ("_headers", "/app.js\n  Cache-Control: public, s-maxage=600, max-age=60\n  CDN-Cache-Control: max-age=600\n"),
];

#[test]
fn nothing_of_it_is_seen_without_the_password() {
    let fixture = protected(SITE);
    for method in ["GET", "HEAD", "OPTIONS", "POST"] {
        for path in [
            "/",
            "/app.js",
            "/old",
            "/nothing",
            "/nothing.js",
            "/%00",
            "/.well-known/acme-challenge/other",
            "/.well-known/x",
        ] {
            let answer = ask(&fixture, method, path, &[("if-none-match", "*"), ("range", "bytes=0-0")]);
            assert_eq!((answer.status, answer.header("location"), answer.header("etag")), (401, None, None), "{path}");
            assert!(answer.header("www-authenticate").is_some_and(|asks| asks.starts_with("Basic realm=")), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            let seen = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!["home", "script", "lost"].iter().any(|secret| seen.contains(secret)), "{path}: {seen}");
        }
    }
    // A certificate can be had all the same.
    assert_eq!(ask(&fixture, "GET", "/.well-known/acme-challenge/token", &[]).text(), "answer");
}

#[test]
fn whoever_knows_it_sees_everything_and_no_cache_keeps_it() {
    let fixture = protected(SITE);
    for (path, status, caching) in [
        ("/", 200, "private, max-age=0, must-revalidate"),
        ("/app.js", 200, "private, max-age=60"),
        ("/assets/app-BX3k9dQ1.js", 200, "private, max-age=31536000, immutable"),
        ("/old", 302, "private, max-age=0, must-revalidate"),
        ("/%00", 400, "private, no-store"),
    ] {
        let answer = ask(&fixture, "GET", path, RIGHT);
        assert_eq!((answer.status, answer.header("cache-control")), (status, Some(caching)), "{path}");
        assert_eq!(answer.header("cdn-cache-control"), None);
    }
    let tag = ask(&fixture, "GET", "/app.js", RIGHT).header("etag").unwrap().to_owned();
    let known = ask(&fixture, "GET", "/app.js", &[RIGHT[0], ("if-none-match", &tag)]);
    assert_eq!((known.status, known.header("cache-control")), (304, Some("private, max-age=60")));
}

#[test]
fn what_is_no_basic_credential_opens_nothing() {
    let fixture = protected(SITE);
    assert_eq!(ask(&fixture, "GET", "/", RIGHT).status, 200);
    for odd in [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YWRh",
        "Basic YWRhOg==",
        "Bearer YWRhOm9wZW4gc2VzYW1l",
        "YWRhOm9wZW4gc2VzYW1l",
        "Basic YWRhOm9wZW4gc2VzYW1l=",
        "Basic /zpvcGVuIHNlc2FtZQ==",
    ] {
        assert_eq!(ask(&fixture, "GET", "/", &[("authorization", odd)]).status, 401, "{odd}");
    }
    assert_eq!(ask(&fixture, "GET", "/", &[RIGHT[0], RIGHT[0]]).status, 401, "twice is not once");
    assert_eq!(ask(&fixture, "GET", "/", &[("authorization", "basic  YWRhOm9wZW4gc2VzYW1l ")]).status, 200);
}
