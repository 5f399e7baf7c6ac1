//! Previews from the first push to their end.

use std::time::Duration;

use berth_model::{
    BranchName, BuildId, BuildStatus, Commit, DeploymentStatus, Environment, EventPayload, Failure, FailureCode, Fork,
    ProjectName, PullRequest, Reason, Trigger, preview_labels,
};
use berth_store::{
    ActivationReason, Admission, Build, BuildEnd, Deployment, Followed, NewProject, Preview, PreviewOf, PreviewPush,
    Project, ProjectChange, RouteKind, StoreError,
};

use crate::ground::{Ground, commit, host, main_branch, new_project};

pub(crate) fn branch(text: &str) -> BranchName {
    BranchName::parse(text).unwrap()
}

pub(crate) fn push_to(project: &Project, branch_name: &str, commit: Commit) -> PreviewPush {
    let branch = branch(branch_name);
    PreviewPush {
        project: project.id,
        hosts: preview_labels(&project.name, &branch).map(|label| host(&label)),
        branch,
        commit: Some(commit),
        trigger: Trigger::Push,
        pull_request: None,
        title: None,
        admission: Admission::Queued,
    }
}

/// The pull request 7, from the repository's own branch or from a fork.
fn pull_request(push: PreviewPush, is_of_fork: bool) -> PreviewPush {
    let fork = Fork { repository: "mallory/shop".to_owned(), reference: "refs/pull/7/head".to_owned() };
    let admission = if is_of_fork {
        Admission::Held { reason: Reason::FromFork { fork: "mallory/shop".into() }.into() }
    } else {
        Admission::Queued
    };
    PreviewPush {
        trigger: Trigger::PullRequest,
        pull_request: Some(PullRequest { number: 7, fork: is_of_fork.then_some(fork) }),
        title: Some("Add a cart".to_owned()),
        admission,
        ..push
    }
}

impl Ground {
    pub(crate) async fn preview(&self, push: &PreviewPush) -> Option<Build> {
        self.store.push_to_preview(push).await.unwrap()
    }

    /// A preview from push to live.
    pub(crate) async fn preview_goes_live(&self, push: &PreviewPush) -> Deployment {
        let pushed = self.preview(push).await.unwrap();
        let claimed = self.claim().await.unwrap();
        assert_eq!(claimed.build.id, pushed.id);
        let published = self.publish_claimed(&claimed).await;
        self.activate_build(published.id).await
    }

    async fn open(&self, project: &Project) -> Vec<Preview> {
        self.store.open_previews(project.id).await.unwrap()
    }

    async fn build_status(&self, id: BuildId) -> BuildStatus {
        self.store.build_unscoped(id).await.unwrap().unwrap().status
    }
}

fn branches(previews: &[Preview]) -> Vec<&str> {
    previews.iter().map(|preview| preview.branch.as_str()).collect()
}

pub(crate) async fn a_push_opens_one_preview(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let first = ground.preview(&push_to(&shop, "feat/a", commit('a'))).await.unwrap();
    assert_eq!((first.environment, first.status), (Environment::Preview, BuildStatus::Queued));
    let [preview] = ground.store.previews_of(access, shop.id).await.unwrap().try_into().unwrap();
    assert_eq!((preview.branch.as_str(), preview.host.as_str()), ("feat/a", "shop-git-feat-a.example.org"));
    let route = ground.store.route(&preview.host).await.unwrap().unwrap();
    assert_eq!((route.kind, route.environment, route.deployment), (RouteKind::Branch, Environment::Preview, None));

    ground.clock.advance(Duration::from_secs(60));
    let second = ground.preview(&push_to(&shop, "feat/a", commit('b'))).await.unwrap();
    assert_eq!(ground.build_status(first.id).await, BuildStatus::Superseded);
    // What was built is not built again, whoever tells of it; what it is called is noted.
    let opened = pull_request(push_to(&shop, "feat/a", commit('b')), false);
    assert_eq!(ground.preview(&opened).await, None);
    let [described] = ground.open(&shop).await.try_into().unwrap();
    assert_eq!((described.pull_request, described.title.as_deref()), (Some(7), Some("Add a cart")));
    assert_eq!((described.id, described.pushed_at), (preview.id, ground.clock.now()));
    let second = ground.store.build(access, second.id).await.unwrap();
    assert_eq!(second.pull_request, Some(PullRequest { number: 7, fork: None }));
    let third = ground.preview(&push_to(&shop, "feat/a", commit('c'))).await.unwrap();
    assert_eq!(third.pull_request, second.pull_request, "the preview knows whose push it is");

    let events = ground.events().await;
    let of_preview = |payload: fn(_, _) -> EventPayload| payload(preview.id, shop.id);
    let opened = of_preview(|preview, project| EventPayload::PreviewOpened { preview, project });
    assert_eq!(events.iter().filter(|event| **event == opened).count(), 1);
    assert!(events.contains(&of_preview(|preview, project| EventPayload::PreviewUpdated { preview, project })));

    let off = ProjectChange { previews: Some(false), ..ProjectChange::default() };
    ground.store.update_project(access, shop.id, off, &host("shop"), Vec::new()).await.unwrap();
    assert_eq!(ground.preview(&push_to(&shop, "feat/b", commit('a'))).await, None);
    assert_eq!(branches(&ground.open(&shop).await), ["feat/a"], "those that are open stay");
}

pub(crate) async fn hosts_that_are_taken(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.preview(&push_to(&shop, "feat/a", commit('a'))).await.unwrap();
    ground.preview(&push_to(&shop, "feat-a", commit('b'))).await.unwrap();
    let [_, other] = preview_labels(&shop.name, &branch("feat-a"));
    let hosts: Vec<_> = ground.open(&shop).await.into_iter().map(|preview| preview.host).collect();
    assert_eq!(hosts, [host(&other), host("shop-git-feat-a")]);

    // A project of that name was there first; then both are somebody's.
    ground.project(access, "shop-git-next").await;
    ground.preview(&push_to(&shop, "next", commit('c'))).await.unwrap();
    let [_, other] = preview_labels(&shop.name, &branch("next"));
    assert_eq!(ground.open(&shop).await[0].host, host(&other));
    for label in preview_labels(&shop.name, &branch("last")) {
        ground.project(access, &label).await;
    }
    let refused = ground.preview(&push_to(&shop, "last", commit('d'))).await.unwrap();
    assert_eq!(refused.status, BuildStatus::Skipped);
    assert!(refused.reason.unwrap().sentence.contains("shop-git-last.example.org"));
    assert_eq!(ground.open(&shop).await.len(), 3);

    // A name is taken by a preview, too.
    let late = NewProject { name: ProjectName::stored("shop-git-feat-a").unwrap(), ..new_project("x") };
    let taken = ground.store.create_project(access, late, &host("shop-git-feat-a"), |_| Vec::new()).await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");

    // Another name takes the previews along.
    let store = ProjectChange { name: Some(ProjectName::stored("store").unwrap()), ..ProjectChange::default() };
    ground.store.update_project(access, shop.id, store, &host("store"), Vec::new()).await.unwrap();
    let hosts: Vec<_> = ground.open(&shop).await.into_iter().map(|preview| preview.host).collect();
    assert!(hosts.iter().all(|host| host.starts_with("store-git-") && host.ends_with(".example.org")), "{hosts:?}");
    assert_eq!(ground.store.route(&host("shop-git-feat-a")).await.unwrap(), None);
}

pub(crate) async fn a_strangers_commit_waits_for_approval(ground: Ground) {
    let access = ground.member(1).await;
    let stranger = ground.member(2).await;
    let shop = ground.project(access, "shop").await;
    let of_fork = |digit| pull_request(push_to(&shop, "pull/7", commit(digit)), true);
    let held = ground.preview(&of_fork('a')).await.unwrap();
    assert_eq!(held.status, BuildStatus::Held);
    assert!(held.reason.as_ref().unwrap().sentence.contains("mallory/shop"));
    let [preview] = ground.open(&shop).await.try_into().unwrap();
    assert_eq!((preview.fork.as_deref(), preview.pull_request), (Some("mallory/shop"), Some(7)));
    assert!(ground.claim().await.is_none());
    // Nobody approved it yet, so building it "again" is no way around.
    let again = ground.store.rebuild(access, held.id).await.unwrap();
    assert_eq!((again.status, ground.build_status(held.id).await), (BuildStatus::Held, BuildStatus::Superseded));

    assert!(matches!(ground.store.approve_build(stranger, again.id).await, Err(StoreError::Forbidden)));
    let approved = ground.store.approve_build(access, again.id).await.unwrap();
    assert_eq!((approved.status, approved.reason), (BuildStatus::Queued, None));
    assert!(matches!(ground.store.approve_build(access, again.id).await, Err(StoreError::Conflict(_))));
    let by = access.user();
    assert!(ground.events().await.contains(&EventPayload::BuildApproved { build: again.id, project: shop.id, by }));
    let running = ground.claim().await.unwrap();
    assert_eq!(running.build.pull_request.as_ref().unwrap().fork.as_ref().unwrap().reference, "refs/pull/7/head");

    // A rebuild of what was approved runs; a new commit waits, and so does an own branch of that name for ever.
    assert_eq!(ground.store.rebuild(access, again.id).await.unwrap().status, BuildStatus::Queued);
    assert_eq!(ground.preview(&of_fork('b')).await.unwrap().status, BuildStatus::Held);
    assert_eq!(ground.preview(&of_fork('b')).await, None);
    let own = ground.preview(&push_to(&shop, "pull/7", commit('c'))).await.unwrap();
    assert_eq!(own.status, BuildStatus::Skipped);
    assert_eq!(ground.open(&shop).await.len(), 1);
}

pub(crate) async fn closing_ends_what_is_under_way(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let home = ground.go_live(&shop).await;
    let live = ground.preview_goes_live(&push_to(&shop, "next", commit('a'))).await;
    let ready = {
        ground.preview(&push_to(&shop, "next", commit('b'))).await.unwrap();
        ground.publish_claimed(&ground.claim().await.unwrap()).await
    };
    let [wish] = store.pending_activations().await.unwrap().try_into().unwrap();
    ground.preview(&push_to(&shop, "next", commit('c'))).await.unwrap();
    let running = ground.claim().await.unwrap();
    let queued = ground.preview(&push_to(&shop, "next", commit('d'))).await.unwrap();

    let preview = store.open_preview(shop.id, &branch("next")).await.unwrap().unwrap();
    let closed = store.close_preview(shop.id, &PreviewOf::Branch(branch("next")), "the branch is gone").await.unwrap();
    assert_eq!(closed, Some(preview.clone()));
    assert_eq!(ground.open(&shop).await, []);
    assert_eq!(ground.build_status(queued.id).await, BuildStatus::Canceled);
    assert!(store.build_unscoped(running.build.id).await.unwrap().unwrap().cancel_requested);
    for gone in [&live, &ready] {
        let gone = store.deployment(access, gone.id).await.unwrap();
        assert_eq!((gone.status, gone.released), (DeploymentStatus::Retired, false));
        assert_eq!(store.route(&gone.host).await.unwrap(), None);
        let back = store.request_activation(access, gone.id, ActivationReason::Rollback).await;
        assert!(matches!(back, Err(StoreError::Conflict(_))));
    }
    assert_eq!(store.route(&preview.host).await.unwrap(), None);
    assert_eq!(store.pending_activations().await.unwrap(), []);
    assert!(ground.events().await.contains(&EventPayload::ActivationFinished { activation: wish.id, live: false }));
    let removed = EventPayload::PreviewRemoved { preview: preview.id, project: shop.id };
    assert!(ground.events().await.contains(&removed));
    assert_eq!(store.live_deployment(shop.id).await.unwrap().unwrap().id, home.id);
    assert_eq!(store.close_preview(shop.id, &PreviewOf::Branch(branch("next")), "again").await.unwrap(), None);
    let again = store.rebuild(access, live.build).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");

    // The same commit opens it again, for nothing of it is left.
    assert!(ground.preview(&push_to(&shop, "next", commit('d'))).await.is_some());
    assert_eq!(branches(&ground.open(&shop).await), ["next"]);
}

pub(crate) async fn the_last_open_pull_request_closes(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    ground.preview(&pull_request(push_to(&shop, "next", commit('a')), false)).await.unwrap();
    assert!(store.describe_preview(shop.id, &branch("next"), 9, Some("The same for 2.x")).await.unwrap());
    assert!(!store.describe_preview(shop.id, &branch("other"), 9, None).await.unwrap());
    assert_eq!(ground.open(&shop).await[0].pull_request, Some(9));
    assert_eq!(store.close_preview(shop.id, &PreviewOf::PullRequest(9), "it was closed").await.unwrap(), None);
    let shown = &ground.open(&shop).await[0];
    assert_eq!((shown.pull_request, shown.title.as_deref()), (Some(7), Some("Add a cart")));
    assert_eq!(store.close_preview(shop.id, &PreviewOf::PullRequest(8), "it was closed").await.unwrap(), None);
    assert!(store.close_preview(shop.id, &PreviewOf::PullRequest(7), "it was closed").await.unwrap().is_some());
    assert_eq!(ground.open(&shop).await, []);
}

pub(crate) async fn a_preview_goes_live_and_back(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let home = ground.go_live(&shop).await;
    let first = ground.preview_goes_live(&push_to(&shop, "next", commit('a'))).await;
    let other = ground.preview_goes_live(&push_to(&shop, "other", commit('b'))).await;
    let second = ground.preview_goes_live(&push_to(&shop, "next", commit('c'))).await;
    let status = async |id| store.deployment(access, id).await.unwrap().status;
    assert_eq!(status(first.id).await, DeploymentStatus::Retired);
    for live in [&home, &other, &second] {
        assert_eq!(status(live.id).await, DeploymentStatus::Live);
    }
    let back = store.request_activation(access, first.id, ActivationReason::Rollback).await.unwrap();
    ground.decide_and_confirm(back).await;
    assert_eq!(status(second.id).await, DeploymentStatus::RolledBack);
    let route = store.route(&host("shop-git-next")).await.unwrap().unwrap();
    assert_eq!(route.deployment, Some(first.id));
    assert_eq!(store.live_deployment(shop.id).await.unwrap().unwrap().id, home.id);

    // Previews push out no rollback of production, nor of each other.
    for digit in ['d', 'e', 'f'] {
        ground.preview_goes_live(&push_to(&shop, "next", commit(digit))).await;
    }
    let old = ground.go_live(&shop).await;
    ground.go_live(&shop).await;
    ground.clock.advance(Duration::from_secs(601));
    let prunable: Vec<_> = store.releases_to_prune(shop.id, 1).await.unwrap().into_iter().map(|old| old.id).collect();
    assert!(prunable.contains(&first.id) && prunable.contains(&second.id) && prunable.contains(&home.id));
    assert!(!prunable.contains(&old.id) && !prunable.contains(&other.id));
    assert_eq!(prunable.len(), 4);
}

pub(crate) async fn too_old_and_one_too_many(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let blog = ground.project(access, "blog").await;
    ground.preview(&push_to(&blog, "old", commit('a'))).await.unwrap();
    ground.clock.advance(Duration::from_secs(100));
    let first_day = ground.clock.now();
    for name in ["one", "two", "three"] {
        ground.preview(&push_to(&shop, name, commit('a'))).await.unwrap();
        ground.clock.advance(Duration::from_secs(1));
    }
    ground.preview(&push_to(&shop, "one", commit('b'))).await.unwrap();
    let pruned = ground.store.prune_previews(2, first_day).await.unwrap();
    assert_eq!(branches(&pruned), ["old", "two"]);
    assert_eq!(branches(&ground.open(&shop).await), ["one", "three"]);
    assert_eq!(ground.store.prune_previews(2, first_day).await.unwrap(), []);

    // However many pull requests strangers open, they push out each other only.
    for number in [7, 8, 9] {
        ground.clock.advance(Duration::from_secs(1));
        let of_fork = pull_request(push_to(&shop, &format!("pull/{number}"), commit('c')), true);
        ground.preview(&of_fork).await.unwrap();
    }
    assert_eq!(branches(&ground.store.prune_previews(2, first_day).await.unwrap()), ["pull/7"]);
    assert_eq!(branches(&ground.open(&shop).await), ["pull/9", "pull/8", "one", "three"]);
    for number in [8, 9] {
        let of = PreviewOf::Branch(BranchName::of_pull_request(number));
        ground.store.close_preview(shop.id, &of, "it was closed").await.unwrap().unwrap();
    }

    // A branch that becomes the project's own has no preview, and the previews of another repository are none of its.
    let next = ProjectChange { branch: Some(branch("one")), ..ProjectChange::default() };
    ground.store.update_project(access, shop.id, next, &host("shop"), Vec::new()).await.unwrap();
    assert_eq!(branches(&ground.open(&shop).await), ["three"]);
    ground.preview(&push_to(&shop, main_branch().as_str(), commit('c'))).await.unwrap();
    ground.store.delete_project(access, shop.id).await.unwrap();
    assert_eq!(ground.open(&shop).await, []);
    assert!(ground.store.routes().await.unwrap().iter().all(|route| route.project != shop.id));
}

pub(crate) async fn a_preview_follows_its_branch_while_it_is_there(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let follow = async |preview: &Preview, asked_at, head: Option<char>| {
        let head = head.map(commit);
        store.follow_preview(preview.id, asked_at, head, Trigger::Reconcile).await.unwrap()
    };
    let tick = || ground.clock.advance(Duration::from_secs(1));
    ground.preview(&push_to(&shop, "next", commit('a'))).await.unwrap();
    let [next] = ground.open(&shop).await.try_into().unwrap();
    tick();
    let asked_at = ground.clock.now();
    assert_eq!(follow(&next, asked_at, Some('a')).await, Followed::Left);
    // The host was asked, then somebody pushed: what it said is of before, and undoes nothing.
    let pushed = ground.preview(&push_to(&shop, "next", commit('b'))).await.unwrap();
    assert_eq!(follow(&next, asked_at, Some('a')).await, Followed::Left);
    assert_eq!(follow(&next, asked_at, None).await, Followed::Left);
    assert_eq!(ground.build_status(pushed.id).await, BuildStatus::Queued);

    tick();
    let Followed::Queued(moved) = follow(&next, ground.clock.now(), Some('c')).await else { panic!("it moved") };
    assert_eq!((moved.trigger, moved.commit_hash), (Trigger::Reconcile, Some(commit('c').hash)));
    assert_eq!(ground.build_status(pushed.id).await, BuildStatus::Superseded);
    tick();
    assert_eq!(follow(&next, ground.clock.now(), None).await, Followed::Removed);
    // What was removed while the host was asked does not come back, whatever the host said.
    assert_eq!(follow(&next, ground.clock.now(), Some('d')).await, Followed::Left);
    assert_eq!(follow(&next, ground.clock.now(), None).await, Followed::Left);
    assert_eq!(ground.open(&shop).await, []);

    // A stranger's is left alone.
    ground.preview(&pull_request(push_to(&shop, "pull/7", commit('a')), true)).await.unwrap();
    let [strangers] = ground.open(&shop).await.try_into().unwrap();
    tick();
    assert_eq!(follow(&strangers, ground.clock.now(), None).await, Followed::Left);
    assert_eq!(follow(&strangers, ground.clock.now(), Some('b')).await, Followed::Left);
    assert_eq!(branches(&ground.open(&shop).await), ["pull/7"]);
}

pub(crate) async fn a_preview_gets_one_more_chance(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let fails = async |code| {
        let failure = Some(Failure::new(code, "it failed", "do something"));
        let end = BuildEnd { status: BuildStatus::Failed, exit_code: None, failure };
        store.finish_build(&ground.claim().await.unwrap().lease, &end).await.unwrap();
    };
    let again = |by| PreviewPush { trigger: by, ..push_to(&shop, "next", commit('a')) };
    ground.preview(&again(Trigger::Push)).await.unwrap();
    fails(FailureCode::SourceUnavailable).await;
    assert_eq!(ground.preview(&again(Trigger::Poll)).await, None, "nothing can have changed within a minute");
    ground.preview(&again(Trigger::Reconcile)).await.unwrap();
    fails(FailureCode::SourceUnavailable).await;
    assert_eq!(ground.preview(&again(Trigger::Reconcile)).await, None, "one more, and no other");
    let other = |by| PreviewPush { trigger: by, ..push_to(&shop, "next", commit('b')) };
    ground.preview(&other(Trigger::Push)).await.unwrap();
    fails(FailureCode::CommandFailed).await;
    for by in [Trigger::Push, Trigger::Poll, Trigger::Reconcile] {
        assert_eq!(ground.preview(&other(by)).await, None, "the commit is at fault: {by:?}");
    }
    // One that has not looked yet takes the head when it does.
    let unknown = PreviewPush { commit: None, trigger: Trigger::DeployHook, ..again(Trigger::Push) };
    ground.preview(&unknown).await.unwrap();
    for by in [Trigger::Poll, Trigger::Reconcile] {
        assert_eq!(ground.preview(&other(by)).await, None, "{by:?}");
    }
}

pub(crate) async fn a_branch_named_like_a_pull_request(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    // The own branch pull/7 comes first: it has no preview, and takes the stranger's nothing away.
    let own = ground.preview(&push_to(&shop, "pull/7", commit('a'))).await.unwrap();
    assert_eq!(own.status, BuildStatus::Skipped);
    let of_fork = pull_request(push_to(&shop, "pull/7", commit('a')), true);
    let held = ground.preview(&of_fork).await.expect("the same commit is a stranger's here");
    assert_eq!(held.status, BuildStatus::Held);
    // Nor is it a way to the stranger's host, with secrets.
    let again = store.rebuild(access, own.id).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    let number = Some(PullRequest { number: 12, fork: None });
    let opened =
        PreviewPush { pull_request: number, title: Some("Mine".to_owned()), ..push_to(&shop, "pull/7", commit('b')) };
    assert_eq!(ground.preview(&opened).await.unwrap().status, BuildStatus::Skipped);
    assert!(!store.describe_preview(shop.id, &branch("pull/7"), 12, Some("Mine")).await.unwrap());
    let [strangers] = ground.open(&shop).await.try_into().unwrap();
    assert_eq!((strangers.pull_request, strangers.title.as_deref()), (Some(7), Some("Add a cart")));
    assert_eq!(ground.build_status(held.id).await, BuildStatus::Held);
    assert_eq!(ground.preview(&of_fork).await, None);
}

pub(crate) async fn pushing_and_closing_at_once(ground: Ground) {
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let store = &ground.store;
    let mut rounds = tokio::task::JoinSet::new();
    for round in 1..13 {
        let (store, push) = (store.clone(), push_to(&shop, "next", commit(char::from_digit(round, 16).unwrap())));
        rounds.spawn(async move {
            if round % 3 == 2 {
                let of = PreviewOf::Branch(push.branch);
                store.close_preview(push.project, &of, "the branch is gone").await.unwrap();
            } else {
                store.push_to_preview(&push).await.unwrap();
            }
        });
    }
    rounds.join_all().await;
    let open = ground.open(&shop).await;
    assert!(open.len() <= 1);
    let waiting = store.builds_of(access, shop.id, 50, None).await.unwrap();
    let waiting = waiting.iter().filter(|build| !build.status.is_final()).count();
    assert_eq!(waiting, open.len(), "a build waits if and only if its preview is there");
    let routes = store.routes().await.unwrap();
    assert_eq!(routes.iter().filter(|route| route.environment == Environment::Preview).count(), open.len());
}
