//! Who reaches whom among services. Nothing is asked but applications and listeners of the test's own.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use berth_model::{ProjectId, ReplicaId};
use berth_runtime::{Egress, Engine, ReplicaContainer, ReplicaSpec};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{docker, with_engine};
use crate::network::{Neighbour, unused_address};
use crate::services::{app, get, replica, started};

/// What a replica gets from somewhere.
async fn gets(replica: &ReplicaContainer, url: &str) -> String {
    get(replica.endpoints[0], &format!("/get?{url}")).await.expect("the replica answers")
}

async fn stop(engine: &Engine, replicas: &[&ReplicaContainer]) {
    for replica in replicas {
        engine.stop_replica(&replica.container, Duration::ZERO).await.unwrap();
    }
}

/// An address of the host in a deployment's network, with somebody who answers there.
async fn listen_on_bridge(engine: &Engine, deployment: i64) -> String {
    let network = format!("berth-{}-d{deployment}", engine.config().instance);
    let format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    let gateway: Ipv4Addr = docker(&["network", "inspect", "--format", format, &network]).parse().unwrap();
    let listener = TcpListener::bind((gateway, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            // A connection that is closed with something unread in it is reset.
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(b"HTTP/1.0 200 OK\r\n\r\nthe host").await;
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn siblings_reach_each_other_by_name_and_nobody_elses() {
    with_engine(
        |config| config.egress = Egress::Closed,
        |engine| async move {
            let web = started(&engine, &app(replica(7, "web", 1))).await;
            let (one, two) = (
                started(&engine, &app(replica(7, "api", 1))).await,
                started(&engine, &app(replica(7, "api", 2))).await,
            );
            // Another deployment of the project has services of the same names, and so has another project.
            let next = started(&engine, &app(replica(8, "api", 1))).await;
            let strange = ReplicaId { project: ProjectId(2), ..replica(9, "secret", 1) };
            let stranger = started(&engine, &app(strange)).await;

            let mut heard = std::collections::BTreeSet::new();
            for _ in 0..20 {
                heard.insert(gets(&web, "http://api:3000/").await);
            }
            assert!(heard.iter().all(|said| ["got api-1", "got api-2"].contains(&said.as_str())), "{heard:?}");
            assert!(!heard.is_empty());
            assert_eq!(gets(&one, "http://web:3000/").await, "got web-1");
            let name = gets(&web, "http://secret:3000/").await;
            assert!(["error ENOTFOUND", "error EAI_AGAIN"].contains(&name.as_str()), "{name}");
            for elsewhere in [&next, &stranger] {
                let [address] = elsewhere.endpoints[..] else { panic!("{elsewhere:?}") };
                assert!(get(address, "/").await.is_some(), "this machine reaches it");
                let refused = gets(&web, &format!("http://{address}/")).await;
                // By Berth's own rules: Docker's have a gap while it makes a network, and say nothing.
                assert_eq!(refused, "error EHOSTUNREACH");
            }
            stop(&engine, &[&web, &one, &two, &next, &stranger]).await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_service_reaches_neither_this_machine_nor_private_networks_unless_allowed() {
    let (allowed, other) = (unused_address(10, 215), unused_address(10, 216));
    with_engine(
        |config| {
            config.egress = Egress::Closed;
            config.egress_allow = vec![allowed.into()];
        },
        move |engine| async move {
            let allowed = Neighbour::new(allowed).await;
            let private = Neighbour::new(other).await;
            let web = started(&engine, &app(replica(7, "web", 1))).await;
            let host = listen_on_bridge(&engine, 7).await;
            assert_eq!(gets(&web, &host).await, "error EHOSTUNREACH", "the bridge's own address");
            let listener = TcpListener::bind((private.host_end, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let at_host = format!("http://{}:{port}/", private.host_end);
            assert_eq!(gets(&web, &at_host).await, "error EHOSTUNREACH", "another address of this machine");
            let refused = gets(&web, &format!("http://{}:{}/", private.address, Neighbour::PORT)).await;
            assert_eq!(refused, "error EHOSTUNREACH", "another machine");
            // It accepts connections and says nothing.
            let reached = gets(&web, &format!("http://{}:{}/", allowed.address, Neighbour::PORT)).await;
            assert_eq!(reached, "error TIMEOUT", "an allowed one");
            let open = tokio::net::TcpStream::connect((allowed.address, Neighbour::PORT)).await;
            assert!(open.is_ok(), "it accepts");
            stop(&engine, &[&web]).await;
        },
    )
    .await;
}

#[tokio::test]
async fn an_open_network_lets_services_reach_this_machine() {
    with_engine(
        |config| config.egress = Egress::Open,
        |engine| async move {
            let web = started(&engine, &app(replica(7, "web", 1))).await;
            let host = listen_on_bridge(&engine, 7).await;
            assert_eq!(gets(&web, &host).await, "got the host", "the same attempt succeeds without the rules");
            stop(&engine, &[&web]).await;
        },
    )
    .await;
}

#[tokio::test]
async fn rules_that_went_missing_are_set_again_before_the_next_replica() {
    with_engine(
        |config| config.egress = Egress::Closed,
        |engine| async move {
            let web = started(&engine, &app(replica(7, "web", 1))).await;
            let host = listen_on_bridge(&engine, 7).await;
            let chain = format!("BERTH-{}-S-IN", engine.config().instance);
            crate::network::run("iptables", &["-w", "-F", &chain]);
            assert_eq!(gets(&web, &host).await, "got the host", "the rules are what is in the way");
            let api = started(&engine, &app(replica(7, "api", 1))).await;
            assert_eq!(gets(&web, &host).await, "error EHOSTUNREACH");
            stop(&engine, &[&web, &api]).await;
        },
    )
    .await;
}

/// Docker's own ranges hold some thirty networks.
#[tokio::test]
async fn forty_deployments_run_side_by_side() {
    with_engine(
        |_| (),
        |engine| async move {
            let spec = |deployment| ReplicaSpec {
                start_command: Some("sleep 600".to_owned()),
                ..app(replica(deployment, "web", 1))
            };
            let starting = futures_util::stream::iter(1..=40).map(|deployment| {
                let (engine, spec) = (engine.clone(), spec(deployment));
                async move { engine.start_replica(&spec).await.unwrap().endpoints[0] }
            });
            let addresses: HashSet<_> = starting.buffer_unordered(4).collect().await;
            assert_eq!(addresses.len(), 40);
            engine.remove_project(ProjectId(1)).await.unwrap();
            assert_eq!(engine.replicas().await.unwrap(), []);
            let networks = format!("name=berth-{}-d", engine.config().instance);
            assert_eq!(docker(&["network", "ls", "--quiet", "--filter", &networks]), "");
        },
    )
    .await;
}
