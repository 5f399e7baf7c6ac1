//! What Berth's own log never holds.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use berth_store::testing::free_port;

use crate::cli::{Serving, berth};
use crate::place::Place;

/// Each is a token by its form, in the places where people put them.
const SECRETS: [&str; 4] = [
    "berth_0123456789abcdefghijABCDEFGHIJkl",
    "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
    "a-cookie-of-a-session",
    "hunter2-hunter2",
];

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a4_a_token_in_an_address_is_not_accepted_and_no_token_is_logged() {
    let place = Place::new();
    let (data, deployments) = (place.data().display().to_string(), place.deployments().display().to_string());
    let address = format!("127.0.0.1:{}", free_port());
    let variables = [
        ("BERTH_LISTEN", &*address),
        ("BASE_DOMAIN", "berth.test"),
        ("BERTH_DATA_DIR", &*data),
        ("BERTH_DEPLOYMENTS_DIR", &*deployments),
        ("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
        ("BERTH_LOG", "trace"),
    ];
    let log = place.data().with_file_name("log");
    let mut serving = Serving::start(berth(&["serve"], &variables).stderr(File::create(&log).unwrap()));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !place.data().join("setup-token").exists() || TcpStream::connect(&address).is_err() {
        assert!(Instant::now() < deadline, "it did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let [token, bearer, cookie, password] = SECRETS;
    let head =
        |line: &str, more: &str| format!("{line} HTTP/1.1\r\nHost: berth.test\r\nConnection: close\r\n{more}\r\n");
    while ask(&address, &head("GET /api/v1/me", "")).starts_with("HTTP/1.1 503") {
        assert!(Instant::now() < deadline, "the control plane did not open");
        std::thread::sleep(Duration::from_millis(50));
    }
    for parameter in ["token", "access_token", "api_key", "auth", "jwt", "bearer"] {
        for given in [token, bearer] {
            let refused = ask(&address, &head(&format!("GET /api/v1/me?{parameter}={given}"), ""));
            assert!(refused.starts_with("HTTP/1.1 401"), "{parameter}: {refused}");
        }
    }
    let refused = ask(&address, &head(&format!("GET /api/project/projects?token={bearer}"), ""));
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    // A socket's handshake, a header, a cookie, an address of a link and of a deploy hook, a body.
    ask(&address, &head(&format!("GET /socket.io/?EIO=4&transport=polling&token={bearer}"), ""));
    ask(&address, &head("GET /api/v1/me", &format!("Authorization: Bearer {token}\r\n")));
    ask(&address, &head("GET /api/v1/me", &format!("Cookie: berth_session={cookie}\r\n")));
    ask(&address, &head(&format!("GET /invite/{token}"), ""));
    ask(&address, &head(&format!("POST /api/deploy-hooks/{token}"), "Content-Length: 0\r\n"));
    ask(&address, &head(&format!("GET /api/auth/github?invitation={token}"), ""));
    let body = format!(r#"{{"login":"ada","password":"{password}"}}"#);
    let kind = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let refused = ask(&address, &(head("POST /api/v1/sessions", &kind) + &body));
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");

    let setup_token = std::fs::read_to_string(place.data().join("setup-token")).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&serving.0), rustix::process::Signal::TERM).unwrap();
    assert_eq!(serving.0.wait().unwrap().code(), Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("TRACE") && logged.contains(setup_token.trim()), "the log was read: {logged}");
    for secret in SECRETS {
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
