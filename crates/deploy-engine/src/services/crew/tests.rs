use super::*;

const TIMEOUT: Duration = Duration::from_secs(120);
const CRASH: ReplicaEnd = ReplicaEnd { exit_code: 1, out_of_memory: None };

/// A crew with a clock, and a Docker that does what it is told.
struct Stage {
    crew: Crew,
    now: Timestamp,
}

impl Stage {
    fn wanting(replicas: u32) -> Self {
        let mut stage = Self { crew: Crew::new(TIMEOUT), now: Timestamp(0) };
        stage.want(Wanted { replicas, generation: 0 });
        stage
    }

    fn want(&mut self, wanted: Wanted) {
        self.crew.want(wanted, self.now);
    }

    /// From now on nothing is wanted, and whoever came for it has arrived.
    fn want_nothing(&mut self) {
        self.want(Wanted::NOTHING);
        self.pass(LINGER);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn hear(&mut self, what: Happened) {
        self.crew.happened(what, self.now);
    }

    /// What is ordered now, short: `launch 1.0`.
    fn ordered(&mut self) -> Vec<String> {
        let orders = self.crew.orders(self.now);
        let said = orders.iter().map(|order| match order {
            Order::Launch { number, generation } => format!("launch {number}.{generation}"),
            Order::Again { container, .. } => format!("again {container}"),
            Order::Watch { container, .. } => format!("watch {container}"),
            Order::Retire { container, how: Leave::WhenDone, .. } => format!("finish {container}"),
            Order::Retire { container, how: Leave::Soon, .. } => format!("drain {container}"),
            Order::Retire { container, how: Leave::AtOnce, .. } => format!("stop {container}"),
            Order::Recall { container } => format!("recall {container}"),
        });
        said.collect()
    }

    fn launched(&mut self, number: u32, generation: i64) {
        let seen = Seen { started_at: self.now, ..seen(number, generation) };
        self.hear(Happened::Launched(seen));
    }

    fn healthy(&mut self, container: &str) {
        self.hear(Happened::Answered { container: container.to_owned() });
    }

    fn ended(&mut self, container: &str) {
        self.ended_at(container, self.now);
    }

    fn ended_at(&mut self, container: &str, at: Timestamp) {
        self.hear(Happened::Ended { container: container.to_owned(), end: CRASH, at });
    }

    fn gone(&mut self, container: &str) {
        self.hear(Happened::Gone { container: container.to_owned() });
    }

    fn states(&self) -> Vec<&'static str> {
        self.crew.places().iter().map(|place| place.state.as_str()).collect()
    }

    /// All that are wanted, running and healthy.
    fn running(replicas: u32) -> Self {
        let mut stage = Self::wanting(replicas);
        stage.ordered();
        for number in 1..=replicas {
            stage.launched(number, 0);
            stage.healthy(&format!("c{number}.0"));
        }
        stage.ordered();
        stage
    }
}

fn seen(number: u32, generation: i64) -> Seen {
    let container = format!("c{number}.{generation}");
    let (endpoints, started_at) = (vec![address(number, generation)], Timestamp(0));
    Seen { number, generation, container, endpoints, is_running: true, started_at, end: None }
}

fn address(number: u32, generation: i64) -> SocketAddr {
    let last = u8::try_from(number).unwrap() + 10 * u8::try_from(generation).unwrap();
    SocketAddr::from(([10, 0, 0, last], 3000))
}

#[test]
fn those_that_should_run_are_started_and_serve_once_they_are_healthy() {
    let mut stage = Stage::wanting(2);
    assert_eq!(stage.ordered(), ["launch 1.0", "launch 2.0"]);
    assert_eq!(stage.ordered(), [""; 0], "each thing is ordered once");
    stage.launched(1, 0);
    assert_eq!(stage.ordered(), ["watch c1.0"]);
    assert_eq!((stage.crew.standing(), stage.crew.trial()), (Standing::Starting, Trial::Pending));
    stage.healthy("c1.0");
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(1, 0)]));
    assert_eq!(stage.crew.trial(), Trial::Pending, "the other one is still to come");
    stage.launched(2, 0);
    stage.healthy("c2.0");
    assert_eq!(stage.crew.trial(), Trial::Passed);
    assert_eq!(stage.states(), ["healthy", "healthy"]);
}

#[test]
fn who_ends_is_started_again_ever_more_slowly_and_then_called_a_loop() {
    let mut stage = Stage::running(1);
    for pause in [1, 2, 4, 8] {
        stage.ended("c1.0");
        assert_eq!(stage.ordered(), [""; 0]);
        assert_eq!(stage.crew.wakes_at(stage.now), Some(stage.now.after(Duration::from_secs(pause))));
        assert_eq!(stage.states(), ["restarting"]);
        assert_eq!(stage.crew.standing(), Standing::Down("crashed: exit code 1".to_owned()));
        stage.pass(Duration::from_secs(pause));
        assert_eq!(stage.ordered(), ["again c1.0"]);
        stage.launched(1, 0);
        assert_eq!(stage.ordered(), ["watch c1.0"]);
        assert_eq!(stage.states(), ["starting"]);
    }
    stage.ended("c1.0");
    assert_eq!(stage.states(), ["crash_loop"]);
    stage.pass(Duration::from_secs(59));
    assert_eq!(stage.ordered(), [""; 0]);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.ordered(), ["again c1.0"]);
    stage.launched(1, 0);
    assert_eq!(stage.states(), ["crash_loop"], "until it is healthy");
    stage.healthy("c1.0");
    assert_eq!(stage.states(), ["healthy"]);
    let place = &stage.crew.places()[0];
    assert_eq!((place.restarts, place.last_end), (5, Some(CRASH)));
}

#[test]
fn a_restart_goes_one_by_one_and_nobody_leaves_before_the_next_is_healthy() {
    let mut stage = Stage::running(2);
    stage.want(Wanted { replicas: 2, generation: 1 });
    assert_eq!(stage.ordered(), ["launch 1.1"]);
    stage.launched(1, 1);
    assert_eq!(stage.ordered(), ["watch c1.1"]);
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(1, 0), address(2, 0)]));
    stage.healthy("c1.1");
    assert_eq!(stage.ordered(), ["drain c1.0", "launch 2.1"]);
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(2, 0), address(1, 1)]));
    stage.gone("c1.0");
    stage.launched(2, 1);
    stage.healthy("c2.1");
    assert_eq!(stage.ordered(), ["drain c2.0", "watch c2.1"]);
    stage.gone("c2.0");
    assert_eq!(stage.ordered(), [""; 0]);
    assert_eq!(stage.crew.trial(), Trial::Passed);
}

#[test]
fn a_restart_that_fails_leaves_what_works_alone() {
    let mut stage = Stage::running(2);
    stage.want(Wanted { replicas: 2, generation: 1 });
    stage.ordered();
    stage.launched(1, 1);
    stage.ordered();
    for _ in 0..5 {
        stage.ended("c1.1");
        stage.pass(Duration::from_secs(300));
        assert_eq!(stage.ordered(), ["again c1.1"]);
        stage.launched(1, 1);
        stage.ordered();
    }
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(1, 0), address(2, 0)]));
    assert_eq!(stage.states(), ["healthy", "healthy"]);
}

#[test]
fn what_crashes_is_replaced_at_once_by_a_restart() {
    let mut stage = Stage::running(1);
    stage.ended("c1.0");
    stage.want(Wanted { replicas: 1, generation: 1 });
    assert_eq!(stage.ordered(), ["stop c1.0", "launch 1.1"], "and no pause is kept");
}

#[test]
fn scaling_starts_what_lacks_and_drains_what_is_too_much() {
    let mut stage = Stage::running(1);
    stage.want(Wanted { replicas: 3, generation: 0 });
    assert_eq!(stage.ordered(), ["launch 2.0", "launch 3.0"]);
    stage.launched(2, 0);
    stage.want(Wanted { replicas: 1, generation: 0 });
    assert_eq!(stage.ordered(), ["stop c2.0"]);
    stage.launched(3, 0);
    assert_eq!(stage.ordered(), ["stop c3.0"], "what was being made leaves when it is there");
    stage.gone("c2.0");
    stage.gone("c3.0");
    assert_eq!(stage.states(), ["healthy"]);
    assert!(!stage.crew.is_gone());
}

#[test]
fn who_is_no_longer_wanted_serves_who_is_on_the_way_to_it_and_is_drained() {
    let mut stage = Stage::running(1);
    stage.want(Wanted::NOTHING);
    assert_eq!(stage.ordered(), [""; 0]);
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(1, 0)]));
    assert_eq!(stage.crew.wakes_at(stage.now), Some(stage.now.after(LINGER)));
    stage.pass(LINGER);
    assert_eq!(stage.ordered(), ["finish c1.0"]);
    assert_eq!(stage.crew.standing(), Standing::Stopped, "it finishes what it has, and gets no more");
    assert_eq!(stage.states(), ["draining"]);
    stage.hear(Happened::Drained { container: "c1.0".to_owned() });
    stage.ended("c1.0");
    stage.gone("c1.0");
    assert!(stage.crew.is_gone());
}

#[test]
fn who_is_wanted_again_while_it_leaves_is_made_anew_once_it_is_gone() {
    let mut stage = Stage::running(1);
    stage.want_nothing();
    stage.ordered();
    stage.hear(Happened::Drained { container: "c1.0".to_owned() });
    stage.want(Wanted { replicas: 1, generation: 0 });
    assert_eq!(stage.ordered(), [""; 0], "its name is taken");
    stage.gone("c1.0");
    assert_eq!(stage.ordered(), ["launch 1.0"]);
}

#[test]
fn misses_in_a_row_are_unhealthy_and_count_only_while_nobody_else_is_well() {
    let mut stage = Stage::running(2);
    let miss = || Happened::Missed { container: "c1.0".to_owned(), problem: "500".to_owned() };
    (0..2).for_each(|_| stage.hear(miss()));
    stage.healthy("c1.0");
    (0..2).for_each(|_| stage.hear(miss()));
    assert_eq!(stage.states(), ["healthy", "healthy"]);
    stage.hear(miss());
    assert_eq!(stage.states(), ["unhealthy", "healthy"]);
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(2, 0)]));
    stage.ended("c2.0");
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(1, 0)]), "better than none");
    stage.healthy("c1.0");
    assert_eq!(stage.states(), ["healthy", "restarting"]);
}

#[test]
fn who_never_answers_is_stopped_and_refused() {
    let mut stage = Stage::wanting(1);
    stage.ordered();
    stage.launched(1, 0);
    stage.ordered();
    stage.hear(Happened::Missed { container: "c1.0".to_owned(), problem: "connection refused".to_owned() });
    assert_eq!(stage.crew.wakes_at(stage.now), Some(stage.now.after(TIMEOUT)));
    stage.pass(TIMEOUT);
    assert_eq!(stage.ordered(), ["stop c1.0"]);
    assert_eq!(stage.crew.trial(), Trial::Failed(1, Trouble::Silent("connection refused".to_owned())));
    assert_eq!(stage.ordered(), [""; 0], "its name is taken until it is gone");
    stage.gone("c1.0");
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.ordered(), ["launch 1.0"]);
}

#[test]
fn a_new_version_may_end_twice() {
    let mut stage = Stage::wanting(1);
    stage.ordered();
    for expected in [Trial::Pending, Trial::Pending, Trial::Failed(1, Trouble::Ended(CRASH))] {
        stage.launched(1, 0);
        stage.ended("c1.0");
        assert_eq!(stage.crew.trial(), expected);
        stage.pass(Duration::from_secs(8));
        stage.ordered();
    }
    stage.want(Wanted::NOTHING);
    stage.want(Wanted { replicas: 1, generation: 0 });
    assert_eq!(stage.crew.trial(), Trial::Pending, "a new try is a new trial");
}

#[test]
fn a_daemon_that_is_away_is_no_fault_of_the_version() {
    let mut stage = Stage::wanting(1);
    let refused = |may_pass| Happened::NotLaunched { number: 1, generation: 0, problem: "why".to_owned(), may_pass };
    for _ in 0..9 {
        assert_eq!(stage.ordered(), ["launch 1.0"]);
        stage.hear(refused(true));
        assert_eq!(stage.crew.trial(), Trial::Pending);
        stage.pass(Duration::from_secs(300));
    }
    stage.ordered();
    stage.hear(refused(false));
    assert_eq!(stage.crew.trial(), Trial::Failed(1, Trouble::NotStarted("why".to_owned())));
}

#[test]
fn who_waits_for_the_daemon_starts_once_it_is_back_and_never_crashed() {
    let mut stage = Stage::wanting(1);
    for _ in 0..9 {
        assert_eq!(stage.ordered(), ["launch 1.0"]);
        let problem = "nobody listens".to_owned();
        stage.hear(Happened::NotLaunched { number: 1, generation: 0, problem, may_pass: true });
        assert_eq!(stage.states(), ["restarting"], "and no loop");
        stage.pass(Duration::from_secs(15));
    }
    stage.ordered();
    let problem = "nobody listens".to_owned();
    stage.hear(Happened::NotLaunched { number: 1, generation: 0, problem, may_pass: true });
    assert_eq!(stage.ordered(), [""; 0]);
    stage.hear(Happened::Stock { all: Vec::new(), taken_at: stage.now });
    assert_eq!(stage.ordered(), ["launch 1.0"], "without the rest of its pause");
    stage.launched(1, 0);
    stage.healthy("c1.0");
    assert_eq!(stage.crew.places()[0].restarts, 0);
}

#[test]
fn what_ended_with_the_machine_is_waited_for_like_what_starts() {
    let mut stage = Stage::wanting(1);
    stage.crew.adopt(Seen { is_running: false, end: Some(CRASH), ..seen(1, 0) }, true, stage.now);
    assert_eq!(stage.ordered(), ["again c1.0"]);
    assert_eq!((stage.crew.standing(), stage.states()), (Standing::Starting, vec!["starting"]));
    stage.launched(1, 0);
    stage.ended("c1.0");
    assert_eq!(stage.crew.standing(), Standing::Down("crashed: exit code 1".to_owned()), "it was its own fault then");
}

#[test]
fn who_is_wanted_again_while_it_is_drained_stays() {
    let wanted = Wanted { replicas: 1, generation: 0 };
    let mut stage = Stage::running(1);
    // Before that began, nothing has changed for it.
    stage.want(Wanted::NOTHING);
    stage.want(wanted);
    stage.pass(LINGER);
    assert_eq!((stage.ordered().len(), stage.crew.trial()), (0, Trial::Passed));

    stage.want_nothing();
    assert_eq!(stage.ordered(), ["finish c1.0"]);
    stage.want(wanted);
    assert_eq!(stage.ordered(), ["recall c1.0"]);
    assert_eq!(stage.ordered(), [""; 0], "once");
    stage.hear(Happened::Recalled { container: "c1.0".to_owned() });
    assert_eq!(stage.ordered(), ["watch c1.0"]);
    assert_eq!(stage.crew.trial(), Trial::Pending, "it is asked first");
    stage.healthy("c1.0");
    assert_eq!((stage.crew.trial(), stage.crew.standing()), (Trial::Passed, Standing::Ready(vec![address(1, 0)])));

    // It ended before it could be called back.
    stage.want_nothing();
    assert_eq!(stage.ordered(), ["finish c1.0"]);
    stage.ended("c1.0");
    assert_eq!(stage.crew.standing(), Standing::Stopped);
    stage.want(wanted);
    assert_eq!(stage.ordered(), [""; 0], "it is waited for until it is gone");
    stage.gone("c1.0");
    assert_eq!(stage.ordered(), ["launch 1.0"]);

    // It ended while it was called back.
    let mut stage = Stage::running(1);
    stage.want_nothing();
    stage.ordered();
    stage.want(wanted);
    assert_eq!(stage.ordered(), ["recall c1.0"]);
    stage.ended("c1.0");
    stage.hear(Happened::Recalled { container: "c1.0".to_owned() });
    assert_eq!(stage.ordered(), ["again c1.0"]);
}

#[test]
fn who_was_called_back_is_drained_again_whatever_comes_of_it() {
    let called_back = || {
        let mut stage = Stage::running(1);
        stage.want_nothing();
        stage.ordered();
        stage.want(Wanted { replicas: 1, generation: 0 });
        assert_eq!(stage.ordered(), ["recall c1.0"]);
        stage
    };
    // It does not answer in time, busy with what it was asked.
    let mut stage = called_back();
    stage.hear(Happened::Recalled { container: "c1.0".to_owned() });
    stage.ordered();
    stage.pass(TIMEOUT);
    assert_eq!(stage.ordered(), ["drain c1.0"]);
    // The rollback is withdrawn before it has answered, or before it was called back.
    let mut stage = called_back();
    stage.hear(Happened::Recalled { container: "c1.0".to_owned() });
    stage.want_nothing();
    assert_eq!(stage.ordered(), ["finish c1.0"]);
    let mut stage = called_back();
    stage.want_nothing();
    stage.hear(Happened::Recalled { container: "c1.0".to_owned() });
    assert_eq!(stage.ordered(), ["finish c1.0"]);
}

#[test]
fn none_wanted_of_a_version_that_is_live_ends_it_soon() {
    let mut stage = Stage::running(1);
    stage.want(Wanted { replicas: 0, generation: 0 });
    stage.pass(LINGER);
    assert_eq!(stage.ordered(), ["drain c1.0"]);
    assert!(stage.crew.may_stay("c1.0"));
    stage.ended("c1.0");
    assert!(!stage.crew.may_stay("c1.0"), "nothing is waited for any more");
}

#[test]
fn another_chance_begins_at_once_and_counts_anew() {
    let mut stage = Stage::wanting(1);
    for _ in 0..3 {
        stage.pass(Duration::from_secs(10));
        stage.ordered();
        stage.launched(1, 0);
        stage.ended("c1.0");
    }
    assert!(matches!(stage.crew.trial(), Trial::Failed(1, _)));
    stage.hear(Happened::AnotherChance);
    assert_eq!(stage.crew.trial(), Trial::Pending);
    assert_eq!(stage.ordered(), ["again c1.0"]);
    stage.launched(1, 0);
    stage.ended("c1.0");
    assert_eq!(stage.crew.trial(), Trial::Pending, "one end is none");
}

#[test]
fn an_end_that_is_told_again_is_none_of_the_next_run() {
    let mut stage = Stage::wanting(1);
    let went_down = stage.now;
    stage.crew.adopt(Seen { is_running: false, end: Some(CRASH), ..seen(1, 0) }, true, went_down);
    stage.pass(Duration::from_millis(400));
    assert_eq!(stage.ordered(), ["again c1.0"]);
    stage.ended_at("c1.0", went_down);
    assert_eq!((stage.ordered(), stage.crew.standing()), (vec![], Standing::Starting), "while it is started");
    stage.launched(1, 0);
    assert_eq!(stage.ordered(), ["watch c1.0"]);
    stage.ended_at("c1.0", went_down);
    assert_eq!((stage.ordered(), stage.states()), (vec![], vec!["starting"]), "and once it was");
    assert!(stage.crew.is_watched("c1.0"));
    stage.ended("c1.0");
    assert_eq!(stage.states(), ["restarting"], "but one of its own is");
    assert!(!stage.crew.is_watched("c1.0"));
}

#[test]
fn who_ends_before_it_is_known_to_run_has_ended() {
    let mut stage = Stage::wanting(1);
    assert_eq!(stage.ordered(), ["launch 1.0"]);
    stage.ended("c1.0");
    stage.launched(1, 0);
    assert_eq!(stage.states(), ["restarting"]);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.ordered(), ["again c1.0"]);
    stage.ended("c1.0");
    stage.launched(1, 0);
    assert_eq!(stage.states(), ["restarting"], "and so has its second run");
}

#[test]
fn what_runs_already_is_taken_over_and_served_at_once() {
    let mut stage = Stage::wanting(2);
    stage.crew.adopt(seen(1, 0), true, stage.now);
    stage.crew.adopt(Seen { is_running: false, end: Some(CRASH), ..seen(2, 0) }, true, stage.now);
    assert_eq!(stage.crew.standing(), Standing::Ready(vec![address(1, 0)]));
    assert_eq!(stage.ordered(), ["again c2.0", "watch c1.0"], "who ended while nobody watched starts at once");
    stage.crew.adopt(seen(1, 0), true, stage.now);
    assert_eq!(stage.ordered(), [""; 0], "adopting twice is adopting once");
}

#[test]
fn what_runs_already_but_was_never_proven_is_proven() {
    let mut stage = Stage::wanting(1);
    stage.crew.adopt(seen(1, 0), false, stage.now);
    assert_eq!(stage.crew.standing(), Standing::Starting);
    assert_eq!(stage.ordered(), ["watch c1.0"]);
    assert_eq!(stage.crew.trial(), Trial::Pending);
}

#[test]
fn what_was_missed_is_found_by_looking_at_everything() {
    let mut stage = Stage::running(3);
    stage.pass(Duration::from_secs(1));
    let ended = Seen { is_running: false, end: Some(CRASH), ..seen(2, 0) };
    let taken_at = stage.now;
    stage.hear(Happened::Stock { all: vec![seen(1, 0), ended.clone()], taken_at });
    assert_eq!(stage.states(), ["healthy", "restarting", "starting"]);
    assert_eq!(stage.ordered(), ["launch 3.0"], "what somebody removed is made anew at once");
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.ordered(), ["again c2.0"]);
    stage.launched(2, 0);
    stage.launched(3, 0);
    stage.hear(Happened::Stock { all: vec![seen(1, 0), ended], taken_at });
    assert_eq!(stage.states(), ["healthy", "starting", "starting"], "what is older than what is known is not believed");
}

#[test]
fn an_end_that_is_heard_of_before_the_start_counts() {
    let mut stage = Stage::wanting(1);
    stage.ordered();
    stage.ended("c1.0");
    stage.launched(1, 0);
    assert_eq!(stage.states(), ["restarting"]);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.ordered(), ["again c1.0"]);
    stage.launched(1, 0);
    assert_eq!(stage.states(), ["starting"], "once");
}
