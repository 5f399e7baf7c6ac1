//! Hosts that a build does not get to, and why.

use std::time::Duration;

use berth_model::BuildLimits;

use crate::row::{Row, check};
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_not_reached_are_told_apart() {
    let world = World::new(BuildLimits::default()).await;
    world.engine.prepare_network().await.unwrap();
    let network = format!("berth-build-{}", world.engine.config().instance);
    let format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    let arguments = ["network", "inspect", "--format", format, &network];
    let output = tokio::process::Command::new("docker").args(arguments).output().await.unwrap();
    let gateway = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    // A server on this machine, which outside of a build answers.
    let listener = tokio::net::TcpListener::bind((gateway.as_str(), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(tokio::net::TcpStream::connect((gateway.as_str(), port)).await.is_ok());

    let mut refused = Row {
        code: "network_refused",
        exit_code: Some(1),
        title: "exit code *: builds may not connect to *",
        line: "connect EHOSTUNREACH",
        detail: "ask the operator to allow its network: BERTH_EGRESS_ALLOW=",
        setting: Some("BERTH_EGRESS_ALLOW"),
        ..Row::program("network-refused", &format!("await fetch('http://{gateway}:{port}/prices.json');"))
    };
    let began = std::time::Instant::now();
    let mut wrong = check(&world, &refused).await;
    assert!(began.elapsed() < Duration::from_secs(60), "refused at once, not after a connection's patience");
    refused.name = "network-refused-curl";
    let refused = Row { exit_code: Some(7), line: "curl: (7) Failed to connect to", ..refused };
    check(
        &world,
        &refused.with(
            "package.json",
            &serde_json::json!({ "scripts": { "build": format!("curl -sS http://{gateway}:{port}/") } }).to_string(),
        ),
    )
    .await;

    let rows = [
        Row {
            code: "host_unreachable",
            exit_code: Some(1),
            title: "exit code 1: the host assets.example.invalid was not found",
            line: "getaddrinfo ENOTFOUND assets.example.invalid",
            detail: "names that only your own network knows",
            ..Row::program("network-name", "await fetch('http://assets.example.invalid/prices.json');")
        },
        Row {
            code: "command_failed",
            exit_code: Some(1),
            title: "exit code 1: nothing answers at 127.0.0.1:5432 within the build",
            line: "connect ECONNREFUSED 127.0.0.1:5432",
            detail: "A build is alone in its container",
            setting: Some("buildCommand"),
            ..Row::program("network-loopback", "await fetch('http://127.0.0.1:5432/');")
        },
    ];
    for row in &rows {
        wrong.extend(check(&world, row).await);
    }
    world.end().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
