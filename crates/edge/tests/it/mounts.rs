//! Files below prefixes, and what is said where no part of a deployment answers.

use std::sync::Arc;

use berth_edge::{Mount, Mounts, Site, Target};
use berth_model::PathPrefix;

use crate::fixture::{Fixture, HOST, request};

fn prefix(text: &str) -> PathPrefix {
    PathPrefix::parse(text).unwrap()
}

/// A site with a shop at `/`, its manual below `/docs`, and a service below `/api`.
fn several(fixture: &Fixture) -> Mounts {
    let root = [("index.html", "shop"), ("404.html", "the shop has none"), ("docs/hidden.html", "covered")];
    let docs = [
        ("index.html", "manual"),
        ("guide.html", "guide"),
        ("sub/index.html", "sub"),
        ("404.html", "the manual has none"),
        ("_redirects", "/old /guide 301\n/out https://example.com/x 302\n/alias /guide 200\n"),
        ("_headers", "/guide\n  X-Part: manual\n/docs/guide\n  X-Wrong: yes\n"),
    ];
    let (root, docs) = (fixture.release(7, &root, None), fixture.release(70, &docs, None));
    let upstream = fixture.edge.upstreams().of(7, "api");
    Mounts::new(
        7,
        vec![
            (prefix("/"), Mount::Files(root)),
            (prefix("/docs"), Mount::Files(docs)),
            (prefix("/api"), Mount::Service { upstream, strip_prefix: false }),
        ],
    )
}

fn install(fixture: &Fixture, mounts: Mounts) {
    fixture.edge.install(HOST, Site::of(Target::Mounts(Arc::new(mounts))));
}

#[test]
fn files_never_see_their_prefix_and_their_addresses_have_it() {
    let fixture = Fixture::new();
    install(&fixture, several(&fixture));
    for (path, status, text) in [
        ("/", 200, "shop"),
        ("/docs/", 200, "manual"),
        ("/docs/guide", 200, "guide"),
        ("/docs/sub/", 200, "sub"),
        ("/docs/alias", 200, "guide"),
        ("/%64ocs/guide", 200, "guide"),
        ("/docs/hidden", 404, "the manual has none"),
        ("/docs/nothing", 404, "the manual has none"),
        ("/nothing", 404, "the shop has none"),
        ("/docsy", 404, "the shop has none"),
    ] {
        let answer = fixture.get(path);
        assert_eq!((answer.status, answer.text()), (status, text), "{path}");
    }
    for (path, status, location) in [
        ("/docs", 308, "/docs/"),
        ("/docs?a=b", 308, "/docs/?a=b"),
        ("/docs/guide.html", 308, "/docs/guide"),
        ("/docs/guide/?q", 308, "/docs/guide?q"),
        ("/docs/sub", 308, "/docs/sub/"),
        ("/docs/index.html", 308, "/docs/"),
        ("/docs/old", 301, "/docs/guide"),
        ("/docs/out", 302, "https://example.com/x"),
    ] {
        let answer = fixture.get(path);
        assert_eq!((answer.status, answer.header("location")), (status, Some(location)), "{path}");
    }
    assert_eq!(fixture.get("/docs/guide").header("x-part"), Some("manual"));
    assert_eq!(fixture.ask(request("OPTIONS", "/docs/guide", &[])).header("x-part"), Some("manual"));
    assert_eq!(fixture.get("/docs/guide").header("x-wrong"), None);
    assert_eq!(fixture.ask(request("POST", "/docs/guide", &[])).status, 405);
    assert_eq!(fixture.get("/docs/%2e%2e/").status, 400, "tricks are tricks below a prefix, too");
}

#[test]
fn an_answer_says_which_deployment_it_is_of() {
    let fixture = Fixture::new();
    install(&fixture, several(&fixture));
    assert_eq!(fixture.get("/").deployment, Some(7));
    let answer = fixture.get("/api/users");
    assert_eq!((answer.status, answer.deployment), (503, Some(7)), "a service is asked otherwise");
    let site = fixture.edge.site(HOST).unwrap();
    assert_eq!((site.deployment(), site.release().map(|release| release.deployment())), (Some(7), Some(7)));
}

#[test]
fn what_no_part_answers_is_not_found() {
    let fixture = Fixture::new();
    let docs = fixture.release(1, &[("index.html", "manual")], None);
    install(&fixture, Mounts::new(1, vec![(prefix("/docs"), Mount::Files(docs))]));
    let answer = fixture.get("/");
    assert_eq!((answer.status, answer.deployment), (404, Some(1)));
    assert!(answer.text().contains("no page at this address"), "{}", answer.text());
    assert!(fixture.edge.site(HOST).unwrap().release().is_none());
}

#[test]
fn hashed_assets_of_the_part_before_stay_where_that_was() {
    let fixture = Fixture::new();
    let docs = |number: i64, asset: &str| {
        let release = fixture.release(number, &[("index.html", "manual"), (asset, "script")], None);
        install(&fixture, Mounts::new(number, vec![(prefix("/docs"), Mount::Files(Arc::clone(&release)))]));
        release
    };
    let one = docs(1, "app-1a2b3c4d.js");
    let two = docs(2, "app-2a2b3c4d.js");
    for asset in ["app-1a2b3c4d.js", "app-2a2b3c4d.js"] {
        assert_eq!(fixture.get(&format!("/docs/{asset}")).text(), "script", "{asset}");
    }
    assert_eq!(fixture.get("/app-1a2b3c4d.js").status, 404, "it was never there");
    // One part at `/` follows several, and the other way round.
    let three = fixture.release(3, &[("index.html", "shop"), ("app-3a2b3c4d.js", "script")], None);
    fixture.edge.install(HOST, Site::of(Target::Release(Arc::clone(&three))));
    assert_eq!(fixture.get("/docs/app-2a2b3c4d.js").status, 404, "there is no part any more");
    let four = fixture.release(4, &[("index.html", "shop")], None);
    install(&fixture, Mounts::new(4, vec![(prefix("/"), Mount::Files(Arc::clone(&four)))]));
    assert_eq!(fixture.get("/app-3a2b3c4d.js").text(), "script");
    drop((one, two, three, four));
}
