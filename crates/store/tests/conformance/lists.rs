//! Lists as pages show them: cards of projects, builds with what they published, deployments with their commits.

use std::time::Duration;

use berth_model::{
    BranchName, BuildStatus, DeploymentStatus, Environment, Failure, FailureCode, Plan, ProjectId, Role,
};
use berth_store::{BuildEnd, Filter, NewBuild, ProjectPage, ProjectSummary};

use crate::ground::{Ground, commit, main_branch, push_of};

fn page() -> ProjectPage {
    ProjectPage { limit: 100, ..ProjectPage::default() }
}

fn names(cards: &[ProjectSummary]) -> Vec<&str> {
    cards.iter().map(|card| card.project.name.as_str()).collect()
}

pub(crate) async fn a_longer_page_takes_no_more_reads(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let connect = async |name: &str| {
        let project = ground.project(access, name).await;
        ground.go_live(&project).await;
        project
    };
    let look = async || {
        let before = store.reads();
        let cards = store.project_summaries(access, &page()).await.unwrap();
        assert!(cards.iter().all(|card| card.live.is_some() && card.latest.is_some()), "{cards:?}");
        (cards.len(), store.reads() - before)
    };
    connect("shop").await;
    let (cards, reads) = look().await;
    assert_eq!(cards, 1);
    for number in 0..9 {
        connect(&format!("blog-{number}")).await;
    }
    assert_eq!(look().await, (10, reads));
}

pub(crate) async fn a_page_of_projects_with_their_cards(ground: Ground) {
    let store = &ground.store;
    let (access, other) = (ground.member(1).await, ground.member(2).await);
    let shop = ground.project_of(access, "shop", "https://git.example.org/Ada/Hats").await;
    let blog = ground.project(access, "blog").await;
    ground.project(other, "shopping").await;

    // Four builds of 10, 20, 30 and 40 seconds; the second fails.
    for seconds in [10, 20, 30, 40] {
        let build = ground.push(&shop).await;
        let claimed = ground.claim().await.unwrap();
        store.record_plan(&claimed.lease, &Plan { services: Vec::new() }).await.unwrap();
        ground.clock.advance(Duration::from_secs(seconds));
        if seconds == 20 {
            let failure = Some(Failure::new(FailureCode::CommandFailed, "it failed", "mend it"));
            let end = BuildEnd { status: BuildStatus::Failed, exit_code: Some(1), failure };
            store.finish_build(&claimed.lease, &end).await.unwrap();
        } else {
            let deployment = ground.publish_claimed(&claimed).await;
            assert_eq!((deployment.took, deployment.build), (Some(Duration::from_secs(seconds)), build.id));
            ground.activate_build(deployment.id).await;
        }
    }
    let waiting = ground.push(&shop).await;

    let cards = store.project_summaries(access, &page()).await.unwrap();
    assert_eq!(names(&cards), ["blog", "shop"]);
    let [bare, card] = &cards[..] else { panic!("{cards:?}") };
    assert!(bare.live.is_none() && bare.latest.is_none() && bare.recent.is_empty() && bare.median().is_none());
    let live = card.live.as_ref().unwrap();
    assert_eq!(live, &store.live_deployment(shop.id).await.unwrap().unwrap());
    assert_eq!((live.commit.as_deref(), live.took), (Some(&commit('a')), Some(Duration::from_secs(40))));
    assert_eq!(card.latest.as_ref().map(|build| build.id), Some(waiting.id));
    assert_eq!(card.plan, Some(Plan { services: Vec::new() }), "of what is live: the newest has none yet");
    let recent: Vec<_> =
        card.recent.iter().map(|build| (build.status, build.took.map(|took| took.as_secs()))).collect();
    let (passed, failed) = (BuildStatus::Passed, BuildStatus::Failed);
    let expected =
        [(BuildStatus::Queued, None), (passed, Some(40)), (passed, Some(30)), (failed, Some(20)), (passed, Some(10))];
    assert_eq!(recent, expected);
    assert_eq!(card.median(), Some(Duration::from_secs(30)));
    let one = store.project_summary(access, shop.clone()).await.unwrap();
    assert_eq!((one.project, one.recent.len()), (shop.clone(), 5));

    // What never ran leaves no trace among the recent, and twenty are enough.
    for _ in 0..30 {
        ground.push(&shop).await;
    }
    let card = store.project_summary(access, shop.clone()).await.unwrap();
    assert_eq!(card.recent.len(), 5, "superseded builds did not run");
    for _ in 0..20 {
        ground.go_live(&shop).await;
    }
    assert_eq!(store.project_summary(access, shop.clone()).await.unwrap().recent.len(), 20);

    let found = async |page: ProjectPage| names_of(&store.project_summaries(access, &page).await.unwrap());
    assert_eq!(found(ProjectPage { limit: 1, ..page() }).await, ["blog"]);
    assert_eq!(found(ProjectPage { before: Some(blog.id), ..page() }).await, ["shop"]);
    assert_eq!(found(ProjectPage { part: Some("HATS".into()), ..page() }).await, ["shop"], "by its repository");
    assert_eq!(found(ProjectPage { part: Some("lo".into()), ..page() }).await, ["blog"]);
    for nothing in ["%", "_", "!", "\\", "'"] {
        assert!(found(ProjectPage { part: Some(nothing.into()), ..page() }).await.is_empty(), "{nothing}");
    }
    let of_one = berth_model::Access::of_token(access.user(), Some(blog.id));
    assert_eq!(names_of(&store.project_summaries(of_one, &page()).await.unwrap()), ["blog"]);
    let admin = berth_model::Access::of(other.user(), Role::Admin);
    assert_eq!(names_of(&store.project_summaries(admin, &page()).await.unwrap()), ["shopping"]);
}

fn names_of(cards: &[ProjectSummary]) -> Vec<String> {
    names(cards).into_iter().map(str::to_owned).collect()
}

pub(crate) async fn lists_are_narrowed(ground: Ground) {
    let store = &ground.store;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let first = ground.go_live(&shop).await;
    let second = ground.go_live(&shop).await;
    let waiting = store.enqueue(push_of(&shop)).await.unwrap();
    let next = BranchName::parse("next").unwrap();
    let elsewhere = NewBuild { branch: next.clone(), ..push_of(&shop) };
    let elsewhere = store.enqueue(elsewhere).await.unwrap();

    let builds = async |filter: Filter<BuildStatus>| -> Vec<_> {
        let builds = store.builds_like(access, shop.id, 10, None, &filter).await.unwrap();
        builds.into_iter().map(|build| build.id).collect()
    };
    assert_eq!(builds(Filter::default()).await, [elsewhere.id, waiting.id, second.build, first.build]);
    let passed = Filter { status: Some(BuildStatus::Passed), ..Filter::default() };
    assert_eq!(builds(passed).await, [second.build, first.build]);
    assert_eq!(builds(Filter { branch: Some(next), ..Filter::default() }).await, [elsewhere.id]);
    assert!(builds(Filter { environment: Some(Environment::Preview), ..Filter::default() }).await.is_empty());
    let queued = Filter {
        branch: Some(main_branch()),
        status: Some(BuildStatus::Queued),
        environment: Some(Environment::Production),
    };
    assert_eq!(builds(queued).await, [waiting.id]);

    let published = store.build(access, first.build).await.unwrap().published.unwrap();
    let told = (published.id, published.status, published.host, published.released);
    assert_eq!(told, (first.id, DeploymentStatus::Retired, first.host.clone(), true));
    assert_eq!(store.build(access, waiting.id).await.unwrap().published, None);

    let deployments = async |before, filter: Filter<DeploymentStatus>| -> Vec<_> {
        let deployments = store.deployments_of(access, shop.id, 10, before, &filter).await.unwrap();
        deployments.into_iter().map(|deployment| deployment.id).collect()
    };
    assert_eq!(deployments(None, Filter::default()).await, [second.id, first.id]);
    assert_eq!(deployments(Some(second.id), Filter::default()).await, [first.id]);
    let live = Filter { status: Some(DeploymentStatus::Live), ..Filter::default() };
    assert_eq!(deployments(None, live.clone()).await, [second.id]);
    assert!(deployments(Some(second.id), live).await.is_empty());
    let elsewhere = Filter { branch: BranchName::parse("next").ok(), ..Filter::default() };
    assert!(deployments(None, elsewhere).await.is_empty());
    assert!(store.builds_like(access, ProjectId(99), 10, None, &Filter::default()).await.is_err());
}
