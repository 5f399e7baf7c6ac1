use berth_edge::{HostDecision, Site, Target};
use http::Request;

use crate::fixture::{Fixture, HOST, read};

fn with_host(value: &str) -> Request<()> {
    Request::builder().uri("/").header("host", value).body(()).unwrap()
}

#[test]
fn h1_the_site_answers_to_every_spelling_of_its_name() {
    let fixture = Fixture::serving(&[("index.html", "shop")]);
    for host in ["shop.example.org", "Shop.Example.ORG:8080", "shop.example.org."] {
        assert_eq!(fixture.ask(with_host(host)).text(), "shop", "{host}");
    }
}

#[test]
fn h2_other_names_get_a_page_that_repeats_nothing() {
    let fixture = Fixture::serving(&[("index.html", "shop")]);
    for host in ["a.shop.example.org", "example.org", "nobody-knows-me.example.org", "shop.example.com"] {
        assert!(matches!(fixture.edge.decide(&with_host(host)), HostDecision::Unknown(name) if name == host));
        let answer = fixture.ask(with_host(host));
        assert_eq!((answer.status, answer.text().contains("No site here")), (404, true));
        assert!(!answer.text().contains("example") && !answer.text().contains("shop"));
    }
}

#[test]
fn h3_addresses_are_never_a_site() {
    let fixture = Fixture::serving(&[("index.html", "shop")]);
    fixture.edge.install("127.0.0.1", Site::of(Target::NothingYet));
    for host in ["127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "[::1]"] {
        assert!(matches!(fixture.edge.decide(&with_host(host)), HostDecision::Address(_)), "{host}");
        assert_eq!(fixture.ask(with_host(host)).status, 404);
    }
}

#[test]
fn h4_what_is_no_host_is_400() {
    let fixture = Fixture::serving(&[("index.html", "shop")]);
    assert_eq!(fixture.ask(Request::builder().uri("/").body(()).unwrap()).status, 400);
    let two = Request::builder().uri("/").header("host", HOST).header("host", HOST).body(()).unwrap();
    assert_eq!(fixture.ask(two).status, 400);
    for host in ["shop.example.org/x", "x@shop.example.org", "a b", &"a".repeat(8192)] {
        assert_eq!(fixture.ask(with_host(host)).status, 400, "{host}");
    }
}

#[test]
fn h5_forwarded_names_are_ignored() {
    let fixture = Fixture::serving(&[("index.html", "shop")]);
    let answer =
        fixture.get_with("/", &[("x-forwarded-host", "other.example.org"), ("forwarded", "host=other.example.org")]);
    assert_eq!(answer.text(), "shop");
    let forged =
        Request::builder().uri("/").header("host", "x.example.org").header("x-forwarded-host", HOST).body(()).unwrap();
    assert_eq!(fixture.ask(forged).status, 404);
}

#[test]
fn a_project_without_deployment_says_so_and_a_lost_release_is_503() {
    let fixture = Fixture::new();
    fixture.edge.install(HOST, Site::of(Target::NothingYet));
    let answer = fixture.get("/any/path.js");
    assert_eq!((answer.status, answer.text().contains("Nothing is live yet")), (404, true));
    fixture.edge.install(HOST, Site::of(Target::Unavailable));
    assert_eq!(fixture.get("/").status, 503);
    fixture.edge.remove(HOST);
    assert!(fixture.get("/").text().contains("No site here"));
}

#[test]
fn a_hundred_thousand_hosts_are_found() {
    let fixture = Fixture::new();
    let release = fixture.release(1, &[("index.html", "many")], None);
    for number in 0..100_000 {
        fixture.edge.install(&format!("s{number}.example.org"), Site::of(Target::Release(release.clone())));
    }
    for number in [0, 1, 50_000, 99_999] {
        assert_eq!(fixture.ask(with_host(&format!("s{number}.example.org"))).text(), "many");
    }
    assert_eq!(fixture.ask(with_host("s100000.example.org")).status, 404);
}

#[test]
fn a_file_that_was_damaged_on_disk_is_503_and_the_others_are_served() {
    let fixture = Fixture::serving(&[("index.html", "shop"), ("a.txt", "whole"), ("gone.txt", "gone")]);
    std::fs::write(fixture.directory.path().join("1/a.txt"), "torn").unwrap();
    std::fs::remove_file(fixture.directory.path().join("1/gone.txt")).unwrap();
    for path in ["/a.txt", "/gone.txt"] {
        let answer = fixture.get(path);
        assert_eq!(answer.status, 503);
        assert!(!answer.text().contains(fixture.directory.path().to_str().unwrap()));
    }
    assert_eq!(fixture.get("/").text(), "shop");
    let broken = read(fixture.begin(crate::fixture::request("HEAD", "/", &[])));
    assert_eq!(broken.status, 200);
}
