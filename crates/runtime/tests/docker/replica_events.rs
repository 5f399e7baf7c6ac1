//! What is told of replicas, also by a daemon that goes away.

use std::pin::Pin;
use std::time::Duration;

use berth_model::ReplicaEnd;
use berth_runtime::{Egress, ReplicaEvent, ReplicaSpec};
use futures_util::{Stream, StreamExt};
use tokio::net::{TcpListener, UnixStream};

use crate::harness::with_engine;
use crate::services::{app, get, replica, started};

type Events = Pin<Box<dyn Stream<Item = ReplicaEvent> + Send>>;

async fn next(events: &mut Events) -> ReplicaEvent {
    let next = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
    next.expect("something is told").expect("it never ends")
}

#[tokio::test]
async fn starts_ends_and_removals_are_told() {
    with_engine(
        |_| (),
        |engine| async move {
            let mut events: Events = Box::pin(engine.replica_events());
            assert_eq!(next(&mut events).await, ReplicaEvent::Resync);
            let spec = ReplicaSpec { memory: 96 << 20, ..app(replica(7, "web", 1)) };
            let hungry = started(&engine, &spec).await;
            let (replica, container) = (spec.id.clone(), hungry.container.clone());
            let of = || (replica.clone(), container.clone());
            let (replica, container) = of();
            assert_eq!(next(&mut events).await, ReplicaEvent::Started { replica, container });

            let _ = tokio::time::timeout(Duration::from_secs(30), get(hungry.endpoints[0], "/eat")).await;
            let (replica, container) = of();
            let end = ReplicaEnd { exit_code: 137, out_of_memory: Some(96 << 20) };
            let told = next(&mut events).await;
            let ReplicaEvent::Ended { at, .. } = told else { panic!("{told:?}") };
            assert_eq!(told, ReplicaEvent::Ended { replica, container, end, at });
            let again = engine.start_again(&hungry.container).await.unwrap();
            assert!(hungry.started_at < at && at < again.started_at, "{hungry:?}, {at:?}, {again:?}");
            let (replica, container) = of();
            assert_eq!(next(&mut events).await, ReplicaEvent::Started { replica, container });
            engine.stop_replica(&hungry.container, Duration::from_secs(10)).await.unwrap();
            let told = [next(&mut events).await, next(&mut events).await];
            assert!(told.iter().any(|event| matches!(event, ReplicaEvent::Ended { .. })), "{told:?}");
            let (replica, container) = of();
            assert!(told.contains(&ReplicaEvent::Removed { replica, container }), "{told:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_said() {
    // The daemon behind a relay that can hang up.
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", relay.local_addr().unwrap());
    let (hang_up, _) = tokio::sync::broadcast::channel::<()>(1);
    let hangs_up = hang_up.clone();
    let relaying = tokio::spawn(async move {
        while let Ok((mut near, _)) = relay.accept().await {
            let mut told = hangs_up.subscribe();
            tokio::spawn(async move {
                if let Ok(mut far) = UnixStream::connect("/var/run/docker.sock").await {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = told.recv() => {}
                    }
                }
            });
        }
    });
    with_engine(
        |config| {
            config.egress = Egress::Open;
            config.host = Some(host);
        },
        move |engine| async move {
            let mut events: Events = Box::pin(engine.replica_events());
            assert_eq!(next(&mut events).await, ReplicaEvent::Resync);
            let spec = ReplicaSpec { start_command: Some("sleep 600".to_owned()), ..app(replica(7, "web", 1)) };
            let running = engine.start_replica(&spec).await.unwrap();
            let replica = spec.id.clone();
            let container = running.container.clone();
            assert_eq!(next(&mut events).await, ReplicaEvent::Started { replica, container });
            // From elsewhere it is reached where it is published.
            assert!(running.endpoints[0].ip().is_loopback() && running.endpoints[0].port() != 3000, "{running:?}");

            hang_up.send(()).unwrap();
            loop {
                // What happened just before may be told again.
                match next(&mut events).await {
                    ReplicaEvent::Resync => break,
                    ReplicaEvent::Started { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            engine.stop_replica(&running.container, Duration::ZERO).await.unwrap();
            let mut told = Vec::new();
            while !matches!(told.last(), Some(ReplicaEvent::Removed { .. })) {
                told.push(next(&mut events).await);
            }
        },
    )
    .await;
    relaying.abort();
}
