//! What a cache is told must agree with itself, whatever is asked and however (RFC 9111).

use crate::fixture::{Answer, Fixture, request};

const CODINGS: &[&str] = &["identity", "gzip", "br, gzip", "zstd", "identity;q=0, gzip;q=0.1", "*;q=0"];

fn site() -> Fixture {
    Fixture::serving(&[
        ("index.html", "home"),
        ("about.html", "about"),
        ("app.js", "script"),
        ("assets/app-BX3k9dQ1.js", "hashed"),
        ("empty.js", ""),
        ("docs/404.html", "lost"),
        ("_redirects", "/old /new 301\n/gone /about.html 410\n/soft /about.html 200\n"),
    ])
}

/// Holds for every answer.
fn lint(what: &str, answer: &Answer) {
    let of = |name: &str| answer.header(name);
    assert!(of("cache-control").is_some_and(|caching| !caching.is_empty()), "{what}: no Cache-Control");
    let is_content = matches!(answer.status, 200 | 206 | 304);
    for validator in ["etag", "last-modified"] {
        assert_eq!(of(validator).is_some(), is_content, "{what}: {validator} with {}", answer.status);
    }
    if let Some(tag) = of("etag") {
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10, "{what}: {tag}");
    }
    assert_eq!(of("accept-ranges").is_some(), matches!(answer.status, 200 | 206), "{what}: Accept-Ranges");
    let has_parts = of("content-type").is_some_and(|kind| kind.starts_with("multipart/byteranges"));
    assert_eq!(
        of("content-range").is_some(),
        matches!(answer.status, 206 | 416) && !has_parts,
        "{what}: Content-Range"
    );
    assert_eq!(of("location").is_some(), matches!(answer.status, 301 | 302 | 303 | 307 | 308), "{what}: Location");
    assert!(of("content-location").is_none() && of("expires").is_none() && of("pragma").is_none(), "{what}");
    if answer.status == 304 {
        for absent in ["content-type", "content-length", "content-encoding"] {
            assert_eq!(of(absent), None, "{what}: {absent} with 304");
        }
        assert!(answer.body.is_empty());
    }
    if of("content-encoding").is_some() {
        assert!(of("vary").is_some_and(|vary| vary.contains("Accept-Encoding")), "{what}: a coding without Vary");
    }
    if !answer.body.is_empty() {
        assert_eq!(of("content-length"), Some(answer.body.len().to_string().as_str()), "{what}");
        assert!(of("content-type").is_some(), "{what}: no Content-Type");
    }
}

/// The same as an application: unknown addresses are its page's, for who opens a page.
fn application() -> Fixture {
    Fixture::serving(&[("200.html", "shell"), ("index.html", "home"), ("app.js", "script")])
}

#[test]
fn every_answer_agrees_with_itself() {
    let fixture = site();
    agrees(
        &fixture,
        &[
            "/",
            "/about",
            "/app.js",
            "/assets/app-BX3k9dQ1.js",
            "/empty.js",
            "/old",
            "/gone",
            "/soft",
            "/about.html",
            "/x",
            "/docs/x",
            "/%00",
        ],
    );
}

#[test]
fn an_applications_answers_agree_with_themselves() {
    let fixture = application();
    agrees(&fixture, &["/orders/42", "/users/jane.doe", "/missing.js", "/app.js", "/"]);
    for headers in [&[("accept", "text/html")], &[("accept", "application/json")]] {
        let answer = fixture.get_with("/orders/42", headers);
        assert_eq!(answer.header("vary"), Some("Accept, Sec-Fetch-Dest"), "{headers:?}");
    }
}

fn agrees(fixture: &Fixture, paths: &[&str]) {
    for path in paths {
        for coding in CODINGS {
            let headers = [("accept-encoding", *coding)];
            let what = format!("{path} {coding}");
            let plain = fixture.get_with(path, &headers);
            lint(&what, &plain);
            let head = fixture.ask(request("HEAD", path, &headers));
            assert_eq!((head.status, head.response.headers()), (plain.status, plain.response.headers()), "{what}");
            for (name, value) in [("range", "bytes=0-1"), ("range", "bytes=99-"), ("range", "bytes=0-0,2-2")] {
                lint(&format!("{what} {value}"), &fixture.get_with(path, &[headers[0], (name, value)]));
            }
            lint(&format!("{what} if-match"), &fixture.get_with(path, &[headers[0], ("if-match", "\"x\"")]));
            let Some(tag) = plain.header("etag") else { continue };
            for (range, status) in [("bytes=0-1", 206), ("bytes=99999-", 416)] {
                let headers = [headers[0], ("range", range), ("if-range", tag)];
                let part = fixture.get_with(path, &headers);
                lint(&format!("{what} {range} if-range"), &part);
                assert!(part.status == status || plain.body.is_empty(), "{what} {range}: {}", part.status);
                if part.status == 206 {
                    assert_eq!((part.header("etag"), part.header("vary")), (Some(tag), plain.header("vary")), "{what}");
                }
            }
            // A 304 says of what it confirms what the 200 said, to GET and HEAD.
            for method in ["GET", "HEAD"] {
                let known = fixture.ask(request(method, path, &[headers[0], ("if-none-match", tag)]));
                lint(&format!("{method} {what} if-none-match"), &known);
                assert_eq!(known.status, 304, "{what}");
                for name in ["cache-control", "etag", "last-modified", "vary"] {
                    assert_eq!(known.header(name), plain.header(name), "{what}: {name}");
                }
            }
        }
    }
}

#[test]
fn whoever_may_get_another_coding_is_told_so() {
    let fixture = site();
    for coding in CODINGS {
        let headers = [("accept-encoding", *coding)];
        assert_eq!(fixture.get_with("/app.js", &headers).header("vary"), Some("Accept-Encoding"), "{coding}");
    }
    assert_eq!(fixture.get("/app.js").header("vary"), Some("Accept-Encoding"), "none is a wish too");
    assert_eq!(fixture.get("/about").header("vary"), None, "there is one form of it");
}
