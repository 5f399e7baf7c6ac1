//! One task: events of the store and log lines in, socket events out.
//!
//! Each change is sent twice: as the event of the contract, in its words, for existing clients, who know of production
//! only, and as `event` with the whole payload in ours. A build's end is told after its last lines, and so is a command's.

use std::time::Duration;

use berth_model::{BuildId, DeploymentStatus, Environment, Event, EventId, EventPayload, ProjectId, UserId};
use berth_store::StoreError;
use serde::Serialize;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep, sleep_until};

use super::gate::{close, session_room, user_room};
use super::lines::{LogEvent, Waiting};
use super::owners::Owners;
use super::service_lines::{LinesEvent, WaitingLines};
use crate::Api;
use crate::legacy;
use crate::v1::EventBody;

/// How long lines are gathered before they are sent. The log has gathered them for as long: a line is with its watchers
/// well within a tenth of a second.
const GATHER: Duration = Duration::from_millis(25);
/// Events read at once.
const PAGE: u32 = 200;
/// How long to wait for a database that does not answer.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildStatusUpdate {
    project_id: ProjectId,
    build_id: BuildId,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentUpdate {
    project_id: ProjectId,
    build_id: BuildId,
    status: &'static str,
    url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceUpdate {
    project_id: ProjectId,
}

/// Runs until the API shuts down.
pub(super) async fn run(api: Api) {
    let stop = api.stop.clone();
    stop.run_until_cancelled(feed(&api)).await;
}

async fn feed(api: &Api) {
    let mut newest = api.store.signals().subscribe_events();
    let mut logs = api.store.signals().subscribe_logs();
    let mut service_logs = api.service_logs.subscribe();
    // Nobody was connected before now, so that what happened before is nobody's news.
    let mut last = *newest.borrow_and_update();
    let mut waiting = Lines::default();
    let mut turn: Option<Instant> = None;
    loop {
        let at = turn.unwrap_or_else(Instant::now);
        tokio::select! {
            changed = newest.changed() => {
                if changed.is_err() {
                    return;
                }
                let _ = newest.borrow_and_update();
                gather(&mut logs, |batch| waiting.of_builds.add(batch));
                gather(&mut service_logs, |batch| waiting.of_services.add(batch));
                last = tell_after(api, last, &mut waiting).await;
            }
            received = logs.recv() => match received {
                Ok(batch) => waiting.of_builds.add(batch),
                Err(RecvError::Lagged(batches)) => tracing::debug!(batches, "live log lines were skipped"),
                Err(RecvError::Closed) => return,
            },
            received = service_logs.recv() => match received {
                Ok(batch) => waiting.of_services.add(batch),
                Err(RecvError::Lagged(batches)) => tracing::debug!(batches, "live lines of services were skipped"),
                Err(RecvError::Closed) => return,
            },
            () = sleep_until(at), if turn.is_some() => {
                for event in waiting.of_builds.turn() {
                    send_lines(api, event);
                }
                let events = waiting.of_services.turn();
                send_service_lines(api, events, &mut waiting.owners).await;
                turn = None;
            }
        }
        if turn.is_none() && !(waiting.of_builds.is_empty() && waiting.of_services.is_empty()) {
            turn = Some(Instant::now() + GATHER);
        }
    }
}

/// Lines that have not been sent yet, and whose those of services are.
#[derive(Default)]
struct Lines {
    of_builds: Waiting,
    of_services: WaitingLines,
    owners: Owners,
}

/// Takes in what has been published and not received yet.
fn gather<T: Clone>(logs: &mut tokio::sync::broadcast::Receiver<T>, mut add: impl FnMut(T)) {
    loop {
        match logs.try_recv() {
            Ok(batch) => add(batch),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}

/// Tells every event after `last`; returns the newest told. Waits for a database that is away: nothing is skipped.
async fn tell_after(api: &Api, mut last: EventId, waiting: &mut Lines) -> EventId {
    loop {
        match api.store.events_after(last, PAGE).await {
            Ok(events) if events.is_empty() => return last,
            Ok(events) => {
                for event in events {
                    let environment = match environment_of(api, &event.payload).await {
                        Ok(environment) => environment,
                        Err(error) => {
                            try_again_later(&error).await;
                            break;
                        }
                    };
                    last = event.id;
                    tell(api, &event, environment == Some(Environment::Production), waiting).await;
                }
            }
            Err(error) => try_again_later(&error).await,
        }
    }
}

async fn try_again_later(error: &StoreError) {
    tracing::warn!(%error, "events could not be read; trying again");
    sleep(RETRY).await;
}

/// What a change that the contract has an event for is of.
async fn environment_of(api: &Api, payload: &EventPayload) -> Result<Option<Environment>, StoreError> {
    Ok(match payload {
        EventPayload::BuildStatus { build, .. } => {
            api.store.build_unscoped(*build).await?.map(|build| build.environment)
        }
        EventPayload::DeploymentStatus { deployment, status: DeploymentStatus::Live, .. } => {
            api.store.deployment_unscoped(*deployment).await?.map(|deployment| deployment.environment)
        }
        _ => None,
    })
}

async fn tell(api: &Api, event: &Event, is_of_production: bool, waiting: &mut Lines) {
    match &event.payload {
        EventPayload::BuildStatus { build, project, status } => {
            if status.is_final() {
                for lines in waiting.of_builds.all_of(*build) {
                    send_lines(api, lines);
                }
            }
            if is_of_production {
                let status = legacy::build_word(*status);
                let update = BuildStatusUpdate { project_id: *project, build_id: *build, status };
                send(api, event.user, "buildStatusUpdate", &update);
            }
        }
        EventPayload::DeploymentStatus { build, project, status: DeploymentStatus::Live, host, .. }
            if is_of_production =>
        {
            let (status, url) = ("live", api.config.site_url(host));
            let update = DeploymentUpdate { project_id: *project, build_id: *build, status, url };
            send(api, event.user, "deploymentUpdate", &update);
        }
        EventPayload::ServicesChanged { project } => {
            let events = waiting.of_services.all_of(*project);
            send_service_lines(api, events, &mut waiting.owners).await;
            send(api, event.user, "serviceUpdate", &ServiceUpdate { project_id: *project });
        }
        EventPayload::SessionRevoked { session } => {
            for socket in api.realtime.io().to(session_room(*session)).sockets() {
                close(socket);
            }
        }
        _ => {}
    }
    send(api, event.user, "event", &EventBody::of(event));
}

fn send_lines(api: &Api, event: LogEvent) {
    send(api, event.user, event.name, &event.payload);
}

/// To the owner of each one's project. Where the database does not say whose it is, they are not shown live.
async fn send_service_lines(api: &Api, events: Vec<LinesEvent>, owners: &mut Owners) {
    for event in events {
        match owners.of(&api.store, event.project()).await {
            Ok(Some(owner)) => match &event {
                LinesEvent::Service(lines) => send(api, owner, "service_logs", lines),
                LinesEvent::Run(lines) => send(api, owner, "run_log", lines),
            },
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "live lines of a service were skipped"),
        }
    }
}

/// Sends to each socket of a user on its own: one that has stalled does not hold up the others, and nobody hears
/// anything twice. A full buffer is ten seconds behind: that socket is let go, and its client fetches what it missed.
fn send<T: Serialize>(api: &Api, user: UserId, name: &str, payload: &T) {
    for socket in api.realtime.io().to(user_room(user)).sockets() {
        if let Err(error) = socket.emit(name, payload) {
            tracing::debug!(%error, %user, name, "a socket has stalled or is gone");
            close(socket);
        }
    }
}
