//! Commands that somebody has carried out once.

use std::time::Duration;

use berth_model::{AuditAction, ReplicaEnd, RunId, RunStatus, ServiceRoute, ServiceSpec};
use berth_store::{Project, ProjectsTo, Run, RunEnd, Store, StoreError};

use crate::ground::Ground;
use crate::services::{files, runs, service};

fn migrate() -> Vec<String> {
    ["npm", "run", "migrate", "--", "--password=hunter2"].map(str::to_owned).to_vec()
}

fn ended(exit_code: i64) -> RunEnd {
    RunEnd::Ended(ReplicaEnd { exit_code, out_of_memory: None })
}

fn is_illegal<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Illegal(_)))
}

async fn pending(store: &Store) -> Vec<RunId> {
    store.pending_runs().await.unwrap().iter().map(|run| run.id).collect()
}

impl Ground {
    async fn api_project(&self, access: berth_model::Access) -> Project {
        let shop = self.project(access, "shop").await;
        self.run_live(&shop, vec![files("web"), runs("worker", "sha256:one", &[]), runs("api", "sha256:one", &[])])
            .await;
        shop
    }
}

pub(crate) async fn a_command_from_its_wish_to_its_end(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.api_project(access).await;
    let live = store.live_deployment(shop.id).await.unwrap().unwrap();
    let mut bell = store.signals().subscribe_services();
    let run = store.request_run(access, shop.id, Some(&service("api")), migrate()).await.unwrap();
    let expected = Run {
        id: run.id,
        project: shop.id,
        owner: shop.user,
        deployment: live.id,
        service: service("api"),
        command: migrate(),
        status: RunStatus::Queued,
        exit_code: None,
        problem: None,
        requested_by: Some(access.user()),
        created_at: ground.clock.now(),
        started_at: None,
        finished_at: None,
        stop_asked_at: None,
    };
    assert_eq!(run, expected);
    assert!(bell.has_changed().unwrap());
    bell.mark_unchanged();
    assert!(is_illegal(store.run_ended(run.id, ended(0)).await), "it has not begun");
    assert!(!bell.has_changed().unwrap());

    ground.clock.advance(Duration::from_secs(1));
    let started = store.run_started(run.id).await.unwrap();
    assert_eq!((started.status, started.started_at), (RunStatus::Running, Some(ground.clock.now())));
    assert!(is_illegal(store.run_started(run.id).await), "twice");
    // After a crash it is followed again, and the deployment it runs in is kept for it.
    let again = ground.another_process().await;
    assert_eq!(again.pending_runs().await.unwrap(), std::slice::from_ref(&started));
    ground.run_live(&shop, vec![files("web")]).await;
    ground.clock.advance(Duration::from_secs(3_600));
    assert!(matches!(store.release_pruned(live.id).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.releases_to_prune(shop.id, 0).await.unwrap(), []);
    assert!(store.images_in_use().await.unwrap().contains("sha256:one"));

    let over = again.run_ended(run.id, ended(3)).await.unwrap();
    assert_eq!((over.status, over.exit_code, &over.problem), (RunStatus::Ended, Some(3), &None));
    assert_eq!((over.started_at, over.finished_at), (started.started_at, Some(ground.clock.now())));
    assert_eq!(store.run(access, run.id).await.unwrap(), over);
    assert_eq!(store.run_unscoped(run.id).await.unwrap(), Some(over));
    assert!(is_illegal(store.run_ended(run.id, ended(0)).await), "the first end counts");
    assert_eq!(pending(store).await, []);
    assert_eq!(store.releases_to_prune(shop.id, 0).await.unwrap().len(), 1);
    store.release_pruned(live.id).await.unwrap();
    assert_eq!(ground.changes_of(shop.id).await, 3, "its wish, its start, its end");
    let recorded = ground.recorded(&[AuditAction::RunRequested]).await;
    assert_eq!(recorded, [format!("run_requested #{} api npm", run.id)], "no argument, which may be a password");
}

pub(crate) async fn where_a_command_runs(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let ask = async |name: Option<&str>| {
        let name = name.map(service);
        store.request_run(access, shop.id, name.as_ref(), migrate()).await.map(|run| run.service.to_string())
    };
    assert!(matches!(ask(None).await, Err(StoreError::Conflict(_))), "nothing is live");
    ground.go_live(&shop).await;
    assert!(matches!(ask(None).await, Err(StoreError::Conflict(_))), "files only");
    let (worker, api) = (runs("worker", "sha256:one", &[]), runs("api", "sha256:one", &[]));
    ground.run_live(&shop, vec![files("web"), worker.clone(), api.clone()]).await;
    assert_eq!(ask(None).await.unwrap(), "worker", "the first that runs");
    let main = ServiceSpec { routes: vec![ServiceRoute::everything()], ..api };
    ground.run_live(&shop, vec![worker, main, files("docs")]).await;
    assert_eq!(ask(None).await.unwrap(), "api", "the one that answers /");
    assert_eq!(ask(Some("worker")).await.unwrap(), "worker");
    assert!(matches!(ask(Some("docs")).await, Err(StoreError::Conflict(_))), "files");
    assert!(matches!(ask(Some("none")).await, Err(StoreError::NotFound)));
    for empty in [Vec::new(), vec![String::new()]] {
        assert!(matches!(store.request_run(access, shop.id, None, empty).await, Err(StoreError::Conflict(_))));
    }
    for _ in 3..10 {
        ask(None).await.unwrap();
    }
    assert!(matches!(ask(None).await, Err(StoreError::Conflict(_))), "ten wait");
    let all = store.runs(access, shop.id, 100, None).await.unwrap();
    assert_eq!(all.len(), 10);
    assert!(all.windows(2).all(|pair| pair[0].id > pair[1].id), "newest first");
    assert_eq!(store.runs(access, shop.id, 2, Some(all[3].id)).await.unwrap(), all[4..6]);
    store.stop_run(access, all[0].id).await.unwrap();
    ask(None).await.unwrap();
}

pub(crate) async fn a_command_is_stopped(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.api_project(access).await;
    let ask = async || store.request_run(access, shop.id, None, migrate()).await.unwrap();
    let waiting = ask().await;
    let stopped = store.stop_run(access, waiting.id).await.unwrap();
    assert_eq!((stopped.status, stopped.finished_at), (RunStatus::Stopped, Some(ground.clock.now())));
    assert!(is_illegal(store.run_started(waiting.id).await), "who was about to start it lets it be");
    assert!(matches!(store.stop_run(access, waiting.id).await, Err(StoreError::Conflict(_))));

    let running = ask().await;
    store.run_started(running.id).await.unwrap();
    let mut bell = store.signals().subscribe_services();
    let asked = store.stop_run(access, running.id).await.unwrap();
    assert_eq!((asked.status, asked.stop_asked_at), (RunStatus::Running, Some(ground.clock.now())));
    assert!(bell.has_changed().unwrap());
    bell.mark_unchanged();
    ground.clock.advance(Duration::from_secs(1));
    assert_eq!(store.stop_run(access, running.id).await.unwrap(), asked, "asking again changes nothing");
    assert!(!bell.has_changed().unwrap());
    assert_eq!(store.pending_runs().await.unwrap(), [asked], "whoever follows it stops it");
    let over = store.run_ended(running.id, RunEnd::Stopped { why: None }).await.unwrap();
    assert_eq!((over.status, over.exit_code), (RunStatus::Stopped, None));
    let recorded = ground.recorded(&[AuditAction::RunStopped]).await;
    let expected = [waiting.id, running.id].map(|id| format!("run_stopped #{id} worker"));
    assert_eq!(recorded, expected);

    let hungry = ask().await;
    store.run_started(hungry.id).await.unwrap();
    let end = ReplicaEnd { exit_code: 137, out_of_memory: Some(64 << 20) };
    let over = store.run_ended(hungry.id, RunEnd::Ended(end)).await.unwrap();
    assert_eq!((over.exit_code, over.problem), (Some(137), Some(end.to_string())));
    let lost = ask().await;
    let over = store.run_ended(lost.id, RunEnd::Failed { problem: "its image is gone".to_owned() }).await.unwrap();
    assert_eq!((over.status, over.problem.as_deref()), (RunStatus::Failed, Some("its image is gone")));
}

/// It starts or it is stopped before: never both.
pub(crate) async fn starting_and_stopping_at_once(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.api_project(access).await;
    let another = ground.another_process().await;
    for _ in 0..10 {
        let run = store.request_run(access, shop.id, None, migrate()).await.unwrap();
        let (started, stopped) = tokio::join!(store.run_started(run.id), another.stop_run(access, run.id));
        let now = store.run(access, run.id).await.unwrap();
        stopped.unwrap();
        if started.is_ok() {
            assert_eq!((now.status, now.stop_asked_at.is_some()), (RunStatus::Running, true));
            let (one, other) = tokio::join!(store.run_ended(run.id, ended(0)), another.run_ended(run.id, ended(1)));
            assert!(one.is_ok() != other.is_ok(), "it ends once: {one:?} {other:?}");
        } else {
            assert!(is_illegal(started));
            assert_eq!((now.status, now.stop_asked_at), (RunStatus::Stopped, None));
        }
    }
    assert_eq!(pending(store).await, []);
}

pub(crate) async fn commands_end_with_their_project_and_outlive_who_asked(ground: Ground) {
    let store = &ground.store;
    let admin = ground.admin().await;
    let (access, heir) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.api_project(access).await;
    let ask = async |access| store.request_run(access, shop.id, None, migrate()).await.unwrap();
    let (running, waiting) = (ask(access).await, ask(access).await);
    store.run_started(running.id).await.unwrap();

    store.remove_user(admin, access.user(), ProjectsTo::User(heir.user())).await.unwrap();
    let of_heir = store.runs(heir, shop.id, 10, None).await.unwrap();
    assert_eq!(
        of_heir.iter().map(|run| (run.id, run.requested_by)).collect::<Vec<_>>(),
        [(waiting.id, Some(access.user())), (running.id, Some(access.user()))]
    );
    assert!(matches!(store.run(access, running.id).await, Err(StoreError::Forbidden)));

    store.delete_project(heir, shop.id).await.unwrap();
    assert!(matches!(store.run(heir, waiting.id).await, Err(StoreError::NotFound)));
    let gone = store.run_unscoped(waiting.id).await.unwrap().unwrap();
    assert_eq!((gone.status, gone.problem.as_deref()), (RunStatus::Stopped, Some("the project was deleted")));
    let [left] = store.pending_runs().await.unwrap().try_into().unwrap();
    assert_eq!((left.id, left.stop_asked_at), (running.id, Some(ground.clock.now())));
    assert!(matches!(store.stop_run(heir, running.id).await, Err(StoreError::NotFound)));
    assert_eq!(store.deleted_projects().await.unwrap(), [], "a command still runs");
    let mut bell = store.signals().subscribe_services();
    store.run_ended(running.id, RunEnd::Stopped { why: None }).await.unwrap();
    assert!(bell.has_changed().unwrap(), "what is left of the project can go");
    bell.mark_unchanged();
    assert_eq!(store.deleted_projects().await.unwrap().len(), 1);
    store.forget_project(shop.id).await.unwrap();
    assert_eq!(store.run_unscoped(running.id).await.unwrap(), None);
}
