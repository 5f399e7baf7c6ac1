use std::sync::atomic::{AtomicBool, Ordering};

use berth_edge::{Site, Target};
use berth_model::ProjectId;
use http_body_util::BodyExt as _;

use crate::fixture::{Fixture, HOST, request};

#[test]
fn d1_switches_under_requests_fail_none_and_mix_none() {
    let fixture = Fixture::new();
    let body = |number: i64| format!("{number};").repeat(100);
    let releases: Vec<_> =
        (1..=2).map(|number| fixture.release(number, &[("index.html", &body(number))], None)).collect();
    fixture.edge.install(HOST, Site::of(Target::Release(releases[0].clone())));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut asked = 0;
                    while !done.load(Ordering::Relaxed) {
                        let answer = fixture.get("/");
                        let served = answer.deployment.unwrap();
                        assert_eq!((answer.status, answer.text()), (200, body(served).as_str()));
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        for number in 0..100 {
            fixture.edge.install(HOST, Site::of(Target::Release(releases[number % 2].clone())));
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        done.store(true, Ordering::Relaxed);
        assert!(askers.into_iter().map(|asker| asker.join().unwrap()).sum::<u32>() > 100);
    });
}

#[tokio::test]
async fn d2_a_download_ends_with_the_bytes_it_began_with() {
    let fixture = Fixture::new();
    let old = "old ".repeat(500_000);
    fixture.edge.install(HOST, Site::of(Target::Release(fixture.release(1, &[("big.bin", &old)], None))));
    let asked = request("GET", "/big.bin", &[]);
    let response = fixture.edge.respond(&fixture.edge.decide(&asked), &asked);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    fixture.edge.install(HOST, Site::of(Target::Release(fixture.release(2, &[("big.bin", "new")], None))));
    std::fs::remove_dir_all(fixture.directory.path().join("1")).unwrap();
    let rest = body.collect().await.unwrap().to_bytes();
    assert!([&first[..], &rest[..]].concat() == old.as_bytes());
}

#[test]
fn d3_hashed_assets_of_the_release_before_stay_reachable() {
    let fixture = Fixture::new();
    let files = |hash: &str, script: &'static str| -> Vec<(String, &'static str)> {
        vec![
            ("index.html".into(), "page"),
            (format!("assets/app-{hash}.js"), script),
            (format!("{script}.txt"), "named"),
        ]
    };
    let install = |number: i64, hash: &str, script: &'static str| {
        let files = files(hash, script);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, content)| (path.as_str(), *content)).collect();
        let release = fixture.release(number, &files, None);
        fixture.edge.install(HOST, Site::of(Target::Release(release.clone())));
        release
    };
    let one = install(1, "1a2b3c4d", "one");
    let two = install(2, "2a2b3c4d", "two");
    let three = install(3, "3a2b3c4d", "three");
    for (hash, script) in [("1a2b3c4d", "one"), ("2a2b3c4d", "two"), ("3a2b3c4d", "three")] {
        let answer = fixture.get(&format!("/assets/app-{hash}.js"));
        assert_eq!((answer.status, answer.text()), (200, script));
    }
    assert_eq!(fixture.get("/one.txt").status, 404);
    assert_eq!(fixture.get("/assets/app-9a2b3c4d.js").status, 404);
    // A release that nothing holds any more was pruned.
    drop((one, two));
    assert_eq!(fixture.get("/assets/app-1a2b3c4d.js").status, 404);
    drop(three);
    assert_eq!(fixture.get("/").status, 200);
}

#[test]
fn a_redirect_goes_before_what_only_looked_hashed() {
    let fixture = Fixture::new();
    let (picture, script) = ("assets/logo-DiwrgTda.svg", "assets/app-1a2b3c4d.js");
    let install = |number: i64, files: &[(&str, &str)]| {
        let release = fixture.release(number, files, None);
        fixture.edge.install(HOST, Site::of(Target::Release(release.clone())));
        release
    };
    let _one = install(1, &[("index.html", "page"), (picture, "old"), (script, "old")]);
    let get = |path: &str| {
        let answer = fixture.get(&format!("/{path}"));
        (answer.status, answer.text().to_owned())
    };
    let old = || (200, "old".to_owned());
    let _two = install(2, &[("index.html", "page"), ("_redirects", "/* /index.html 200")]);
    assert_eq!((get(picture), get(script)), (old(), old()), "a rewrite of everything");
    let _three = install(3, &[("index.html", "page"), ("_redirects", "/assets/* /new/:splat 301")]);
    assert_eq!((get(picture).0, get(script)), (301, old()));
}

#[test]
fn a_name_that_another_project_took_shows_nothing_of_the_one_before() {
    let fixture = Fixture::new();
    let script = "assets/app-1a2b3c4d.js";
    let first = fixture.release(1, &[("index.html", "page"), (script, "the first one's")], None);
    let second = fixture.release(2, &[("index.html", "page")], None);
    let site = |release, project| Site::of(Target::Release(release)).of_project(ProjectId(project));
    fixture.edge.install(HOST, site(first.clone(), 1));
    fixture.edge.install(HOST, site(second.clone(), 1));
    assert_eq!(fixture.get(&format!("/{script}")).status, 200, "it is the same project's");
    fixture.edge.install(HOST, site(second, 2));
    assert_eq!(fixture.get(&format!("/{script}")).status, 404);
    drop(first);
}

#[test]
fn an_installation_can_be_taken_back() {
    let fixture = Fixture::serving(&[("index.html", "old")]);
    let new = fixture.release(2, &[("index.html", "new")], None);
    let before = fixture.edge.install(HOST, Site::of(Target::Release(new)));
    assert_eq!(fixture.get("/").text(), "new");
    fixture.edge.put_back(HOST, before);
    assert_eq!(fixture.get("/").text(), "old");
    fixture.edge.put_back(HOST, None);
    assert_eq!(fixture.get("/").status, 404);
}
