use crate::fixture::{Fixture, request};

const APP: &[(&str, &str)] = &[
    ("index.html", "app"),
    ("app.js", "script"),
    (".env", "SECRET=1"),
    (".git/config", "[core]"),
    ("sub/.htaccess", "deny"),
    (".well-known/security.txt", "contact"),
    ("_redirects", ""),
    ("_headers", ""),
    ("a b/ü.txt", "odd"),
    ("50%.txt", "half"),
];

const NAVIGATION: &[(&str, &str)] = &[("accept", "text/html,*/*;q=0.8"), ("sec-fetch-dest", "document")];

#[test]
fn s1_tricks_are_400_or_404_and_never_the_page_of_the_application() {
    let fixture = Fixture::serving(APP);
    assert_eq!(fixture.get_with("/orders/42/edit", NAVIGATION).text(), "app");
    for path in [
        "/../etc/passwd",
        "/../../../../etc/passwd",
        "/a/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/%2e%2e%2fetc%2fpasswd",
        "/..%2f..%2fetc%2fpasswd",
        "/..%5c..%5cetc",
        "/..\\etc",
        "/%252e%252e/etc/passwd",
        "/%252e%252e%252fetc",
        "/%00",
        "/a%00b",
        "/index.html%00",
        "/%c0%ae%c0%ae/etc",
        "/%c0%af",
        "/%e0%80%af",
        "/%f0%80%80%af",
        "//etc/passwd",
        "/a//b",
        "/%2fetc/passwd",
        "/./a",
        "/a/.",
        "/a/..",
        "/%",
        "/%zz",
        "/%5c",
        "/a%0d%0ax",
    ] {
        // Some of these never get past the HTTP parser, which is as well.
        let Ok(uri) = path.parse::<http::Uri>() else { continue };
        let mut asked = request("GET", "/", NAVIGATION);
        *asked.uri_mut() = uri;
        let answer = fixture.ask(asked);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert!(!answer.text().contains("app") && !answer.text().contains("root:"), "{path}");
    }
}

#[test]
fn s2_dot_segments_are_404_and_well_known_is_served() {
    let fixture = Fixture::serving(APP);
    for path in
        ["/.env", "/.git/config", "/.git/", "/sub/.htaccess", "/%2eenv", "/.berth/index", "/_redirects", "/_headers"]
    {
        let answer = fixture.get_with(path, &[("accept", "*/*"), ("sec-fetch-dest", "empty")]);
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(fixture.get_with("/.env", NAVIGATION).status, 404);
    assert_eq!(fixture.get("/.well-known/security.txt").text(), "contact");
    assert_eq!(fixture.get("/.well-known/nothing.txt").status, 404);
}

#[test]
fn s4_the_fallback_answers_navigations_only() {
    let fixture = Fixture::serving(APP);
    for path in ["/orders/42", "/deep/er/path/", "/ü", "/a-b_c"] {
        assert_eq!(fixture.get_with(path, NAVIGATION).text(), "app", "{path}");
        assert_eq!(fixture.get(path).text(), "app", "{path}");
    }
    for path in ["/missing.js", "/assets/missing-1a2b3c4d.js", "/image.png", "/a.js.map", "/data.json"] {
        assert_eq!(fixture.get_with(path, NAVIGATION).status, 404, "{path}");
    }
    // A dot makes no file. But then only whoever says that they open a page gets one.
    for path in ["/v1.2", "/users/jane.doe", "/packages/x/1.3.0"] {
        assert_eq!(fixture.get_with(path, NAVIGATION).text(), "app", "{path}");
        assert_eq!(fixture.get_with(path, &[("accept", "text/html")]).text(), "app", "{path}");
        for headers in [&[][..], &[("accept", "*/*")], &[("accept", "text/html"), ("sec-fetch-dest", "script")]] {
            assert_eq!(fixture.get_with(path, headers).status, 404, "{path} {headers:?}");
        }
    }
    for headers in [&[("accept", "application/json")], &[("sec-fetch-dest", "script")], &[("accept", "image/png")]] {
        assert_eq!(fixture.get_with("/orders/42", headers).status, 404, "{headers:?}");
    }
    let answer = fixture.get_with("/orders/42", NAVIGATION);
    assert_eq!(answer.header("vary"), Some("Accept, Sec-Fetch-Dest"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=0, must-revalidate"));
    let head = fixture.ask(request("HEAD", "/orders/42", NAVIGATION));
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("3"), 0));
}

#[test]
fn s4_without_fallback_unknown_paths_are_404() {
    let fixture = Fixture::serving(&[("index.html", "home"), ("about.html", "about")]);
    assert_eq!(fixture.get_with("/orders/42", NAVIGATION).status, 404);
}

#[test]
fn s4_a_200_page_answers_before_the_start_page() {
    let fixture = Fixture::serving(&[("index.html", "home"), ("200.html", "shell"), ("about.html", "about")]);
    assert_eq!(fixture.get_with("/orders/42", NAVIGATION).text(), "shell");
    assert_eq!(fixture.get_with("/orders/42", NAVIGATION).status, 200);
    assert_eq!(fixture.get_with("/about", NAVIGATION).text(), "about");
    assert_eq!(fixture.get_with("/", NAVIGATION).text(), "home");
    assert_eq!(fixture.get_with("/missing.js", NAVIGATION).status, 404);
    assert_eq!(fixture.get_with("/orders/42", &[("accept", "application/json")]).status, 404);
}

#[test]
fn s7_odd_names_are_served_and_inject_nothing() {
    let fixture = Fixture::serving(APP);
    assert_eq!(fixture.get("/a%20b/%C3%BC.txt").text(), "odd");
    assert_eq!(fixture.get("/50%25.txt").text(), "half");
    let odd = Fixture::serving(&[("index.html", "home"), ("about.html", "x"), ("a b\"<c/index.html", "odd")]);
    let answer = odd.get("/a%20b%22%3Cc?x=1");
    assert_eq!((answer.status, answer.header("location")), (308, Some("/a%20b%22%3Cc/?x=1")));
}

#[test]
fn s9_only_reading() {
    let fixture = Fixture::serving(APP);
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"] {
        let answer = fixture.ask(request(method, "/", &[]));
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")), "{method}");
    }
    let answer = fixture.ask(request("OPTIONS", "/", &[]));
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn clean_urls_have_one_form() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("about.html", "about"),
        ("docs/index.html", "docs"),
        ("docs/a b.html", "spaced"),
        ("both.html", "file"),
        ("both/index.html", "directory"),
        ("feed", "feed"),
        ("feed.html", "about the feed"),
        ("200.html", "shell"),
        ("404.html", "lost"),
        ("frame.htm", "old"),
        ("data.json", "{}"),
    ]);
    for (path, content) in [
        ("/", "home"),
        ("/?a=1", "home"),
        ("/about", "about"),
        ("/docs/", "docs"),
        ("/docs/a%20b", "spaced"),
        ("/both", "file"),
        ("/both/", "directory"),
        ("/feed", "feed"),
        ("/feed.html", "about the feed"),
        ("/frame.htm", "old"),
        ("/data.json", "{}"),
        ("/200", "shell"),
        ("/404", "lost"),
    ] {
        let answer = fixture.get(path);
        assert_eq!((answer.status, answer.text()), (200, content), "{path}");
    }
    for (path, location) in [
        ("/index.html", "/"),
        ("/index.html?utm=1&b", "/?utm=1&b"),
        ("/index", "/"),
        ("/about.html", "/about"),
        ("/about.html?q=%20", "/about?q=%20"),
        ("/about/", "/about"),
        ("/about/?q", "/about?q"),
        ("/docs", "/docs/"),
        ("/docs?a=1&b", "/docs/?a=1&b"),
        ("/docs/index.html", "/docs/"),
        ("/docs/index", "/docs/"),
        ("/docs/a%20b.html", "/docs/a%20b"),
        ("/both.html", "/both"),
        ("/both/index.html", "/both/"),
        ("/404.html", "/404"),
    ] {
        let answer = fixture.get(path);
        assert_eq!((answer.status, answer.header("location")), (308, Some(location)), "{path}");
        assert_eq!(fixture.get(location).status, 200, "one step from {path}");
    }
    for path in
        ["/About", "/nothing", "/index.html/", "/data.json/", "/feed/", "/about/x", "/data", "//about", "/about//"]
    {
        assert_eq!(fixture.get_with(path, &[("accept", "application/json")]).status, 404, "{path}");
    }
}

#[test]
fn the_nearest_not_found_page_answers() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("404.html", "lost"),
        ("docs/404.html", "lost in docs"),
        ("docs/index.html", "docs"),
    ]);
    for (path, content) in [
        ("/x", "lost"),
        ("/x.js", "lost"),
        ("/docs/x", "lost in docs"),
        ("/docs/a/b/c.css", "lost in docs"),
        ("/other/x", "lost"),
    ] {
        let answer = fixture.get_with(path, &[("if-none-match", "*"), ("range", "bytes=0-0")]);
        assert_eq!((answer.status, answer.text()), (404, content), "{path}");
        assert_eq!(answer.header("etag"), None);
    }
}
