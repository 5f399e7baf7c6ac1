use crate::fixture::{Fixture, write_rules};

#[test]
fn redirects_stand_where_there_is_no_file_unless_forced() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("old.html", "old"),
        ("forced.html", "hidden"),
        ("app.html", "app"),
        ("gone.html", "gone"),
        (
            "_redirects",
            "/old /new\n/forced /new 302!\n/news/* /blog/:splat 301\n/app/* /app 200\n/removed /gone.html 410\n/s q=:term /find/:term 302\n",
        ),
    ]);
    assert_eq!(fixture.get("/old").text(), "old");
    for (path, status, location) in
        [("/forced", 302, "/new"), ("/news/2024/x?p=1", 301, "/blog/2024/x?p=1"), ("/s?q=a%2Fb", 302, "/find/a/b")]
    {
        let answer = fixture.get(path);
        assert_eq!((answer.status, answer.header("location")), (status, Some(location)), "{path}");
    }
    let rewritten = fixture.get("/app/deep/link");
    assert_eq!((rewritten.status, rewritten.text()), (200, "app"));
    let removed = fixture.get("/removed");
    assert_eq!((removed.status, removed.text(), removed.header("etag")), (410, "gone", None));
    assert_eq!(fixture.get("/s").status, 404);
}

#[test]
fn redirects_never_lead_to_another_host_by_a_visitors_doing() {
    let fixture = Fixture::serving(&[("a.html", "a"), ("b.html", "b"), ("_redirects", "/go/* /:splat 302\n")]);
    assert_eq!(fixture.get("/go/evil.example.net").header("location"), Some("/evil.example.net"));
    for path in
        ["/go//evil.example.net", "/go/%2fevil.example.net", "/go/%5cevil.example.net", "/go/x%0d%0aSet-Cookie:a=b"]
    {
        assert_eq!(fixture.get(path).header("location"), None, "{path}");
    }
}

#[test]
fn a_catch_all_rewrite_does_not_hide_files() {
    let fixture =
        Fixture::serving(&[("index.html", "app"), ("app.js", "script"), ("_redirects", "/* /index.html 200\n")]);
    assert_eq!(fixture.get("/app.js").text(), "script");
    assert_eq!(fixture.get_with("/any/where", &[("accept", "application/json")]).text(), "app");
    assert_eq!(fixture.get("/../x").status, 400);
}

#[test]
fn more_headers_than_an_answer_takes_break_nothing() {
    let fixture = Fixture::new();
    let many: String = (0..400)
        .map(|block| format!("/*\n{}", (0..100).map(|n| format!("  x{block}-{n}: 1\n")).collect::<String>()))
        .collect();
    fixture.edge.install(crate::fixture::HOST, write_rules(&fixture, "", &many));
    let answer = fixture.get("/");
    assert_eq!((answer.status, answer.text()), (200, "page"));
    assert!((100..120).contains(&answer.response.headers().len()), "{}", answer.response.headers().len());
}

#[test]
fn a_stable_address_of_a_hashed_file_is_not_kept_for_ever() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("assets/app-BX3k9dQ1.js", "script"),
        ("_redirects", "/app.js /assets/app-BX3k9dQ1.js 200\n"),
    ]);
    let answer = fixture.get("/app.js");
    assert_eq!((answer.text(), answer.header("cache-control")), ("script", Some("public, max-age=0, must-revalidate")));
    assert!(fixture.get("/assets/app-BX3k9dQ1.js").header("cache-control").unwrap().contains("immutable"));
}

#[test]
fn a_rule_does_not_lead_to_where_it_is() {
    let fixture =
        Fixture::serving(&[("index.html", "home"), ("soon.html", "soon"), ("_redirects", "/* /soon 302!\n/x /y\n")]);
    assert_eq!(fixture.get("/").header("location"), Some("/soon"));
    assert_eq!(fixture.get("/soon").text(), "soon");
}

#[test]
fn later_headers_win_and_what_is_of_the_content_stays_off_its_404() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("404.html", "lost"),
        ("assets/app.js", "script"),
        (
            "_headers",
            "/*\n  Cache-Control: no-cache\n  X-A: 1\n  X-A: 2\n/assets/*\n  Cache-Control: public, max-age=31536000, immutable\n  Content-Type: application/x-special\n  X-B: 3\n",
        ),
    ]);
    assert_eq!(fixture.get("/").header("cache-control"), Some("no-cache"));
    let script = fixture.get("/assets/app.js");
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!((script.header("x-a"), script.header("x-b")), (Some("1, 2"), Some("3")));
    let missing = fixture.get("/assets/old.js");
    assert_eq!((missing.status, missing.text()), (404, "lost"));
    assert_eq!(missing.header("cache-control"), Some("public, max-age=0, must-revalidate"));
    assert_eq!((missing.header("content-type"), missing.header("x-b")), (Some("text/html; charset=utf-8"), Some("3")));
    let tag = script.header("etag").unwrap();
    let known = fixture.get_with("/assets/app.js", &[("if-none-match", tag)]);
    assert_eq!((known.status, known.header("content-type")), (304, None));
    assert_eq!(known.header("cache-control"), Some("public, max-age=31536000, immutable"));
}

#[test]
fn headers_have_the_last_word_but_not_on_the_message() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("data.bin", "{}"),
        (
            "_headers",
            "/*\n  X-Frame-Options: DENY\n  Set-Cookie: a=1\n  Set-Cookie: b=2\n/data.bin\n  Content-Type: application/json\n  Cache-Control: public, max-age=60\n",
        ),
    ]);
    let page = fixture.get("/");
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.response.headers().get_all("set-cookie").iter().count(), 2);
    let data = fixture.get("/data.bin");
    assert_eq!(
        (data.header("content-type"), data.header("cache-control")),
        (Some("application/json"), Some("public, max-age=60"))
    );
    assert_eq!((data.header("x-frame-options"), data.header("content-length")), (Some("DENY"), Some("2")));
}

/// Rules are run on a thread that serves everybody: none makes more of a request than an address can be.
#[test]
fn what_a_rule_makes_of_an_address_is_bounded() {
    let times = |number: usize| ":splat".repeat(number);
    let fixture = Fixture::new();
    let rules = format!(
        "/twice/* /to/{}\n/often/* /to/{} 302\n/rewritten/* /to/{} 200\n/endless/* /to/{}\n",
        times(2),
        times(300),
        times(300),
        times(100_000)
    );
    fixture.edge.install(crate::fixture::HOST, write_rules(&fixture, &rules, ""));
    let ask = |below: &str, length: usize| fixture.get(&format!("/{below}/{}", "a".repeat(length)));
    assert_eq!(ask("twice", 3_000).header("location").unwrap().len(), "/to/".len() + 6_000);
    assert_eq!(ask("often", 10).header("location").unwrap().len(), "/to/".len() + 3_000);
    for below in ["often", "rewritten"] {
        assert_eq!(ask(below, 8_000).status, 414, "{below}");
    }
    assert_eq!(ask("endless", 8_000).text(), "page", "a line of 600 KB is no rule");
}

#[test]
fn a_visitors_query_goes_along_in_letters_that_an_address_has() {
    let fixture = Fixture::serving(&[("about.html", "about"), ("b.html", "b"), ("_redirects", "/a /b 302\n")]);
    for (path, location) in [("/about.html?q=ü&r=%20", "/about?q=%C3%BC&r=%20"), ("/a?q=ü", "/b?q=%C3%BC")] {
        assert_eq!(fixture.get(path).header("location"), Some(location), "{path}");
    }
}

#[test]
fn every_status_that_a_rule_may_have_is_answered() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("lost.html", "lost"),
        (
            "_redirects",
            "/a /z 301\n/b /z 302\n/c /z 303\n/d /z 307\n/e /z 308\n/f /lost 404\n/g /nowhere 404\n/h /lost 200\n",
        ),
    ]);
    for (path, status) in [("/a", 301), ("/b", 302), ("/c", 303), ("/d", 307), ("/e", 308)] {
        let answer = fixture.get(path);
        assert_eq!((answer.status, answer.header("location"), answer.text()), (status, Some("/z"), ""), "{path}");
    }
    let lost = fixture.get("/f");
    assert_eq!((lost.status, lost.text(), lost.header("etag")), (404, "lost", None));
    assert_eq!(fixture.get("/g").status, 404);
    assert_eq!((fixture.get("/h").status, fixture.get("/h").text()), (200, "lost"));
}

#[test]
fn headers_are_on_berths_own_404_and_in_the_answer_to_a_preflight() {
    let fixture = Fixture::serving(&[
        ("index.html", "home"),
        ("about.html", "about"),
        ("data.json", "{}"),
        ("_redirects", "/old /about 302\n"),
        (
            "_headers",
            "/*\n  X-Frame-Options: DENY\n  Cache-Control: max-age=60\n  Content-Security-Policy: default-src 'self'\n\
             /data.json\n  Access-Control-Allow-Origin: *\n  Access-Control-Allow-Headers: X-Key\n",
        ),
    ]);
    let missing = fixture.get("/missing");
    assert_eq!((missing.status, missing.header("x-frame-options")), (404, Some("DENY")));
    assert_eq!(missing.header("cache-control"), Some("no-store"), "that is said of what lies at the path");
    assert!(missing.header("content-security-policy").unwrap().contains("style-src"), "the page is ours");
    let asked = [("origin", "https://other.example.org"), ("access-control-request-headers", "x-key")];
    let preflight = fixture.ask(crate::fixture::request("OPTIONS", "/data.json", &asked));
    assert_eq!((preflight.status, preflight.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("X-Key"));
    // A redirect goes before headers, as its author reads elsewhere; a refusal is the server's, not the site's.
    for (method, path, status) in
        [("GET", "/old", 302), ("GET", "/about.html", 308), ("POST", "/", 405), ("GET", "/%00", 400)]
    {
        let answer = fixture.ask(crate::fixture::request(method, path, &[]));
        assert_eq!((answer.status, answer.header("x-frame-options")), (status, None), "{path}");
    }
}
