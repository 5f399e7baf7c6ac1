//! The replicas of one service of one deployment, as a state machine: told what is wanted and what has happened, it says
//! what is to be done, what the proxy shall do and where each replica stands. It knows neither Docker nor the network,
//! and time is given to it.
//!
//! A replica has a *number*, and its containers a *generation*: asking for a restart makes a new generation. Then each
//! number in turn gets a new container beside the old one, which leaves once the new one is healthy. So a restart that
//! fails leaves what works alone.

mod told;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use berth_model::{ReplicaEnd, Timestamp};

use super::restarts::Restarts;
use super::words::Trouble;

pub(crate) use told::{Place, Standing, Trial};

/// So many failed questions in a row make a healthy replica an unhealthy one.
const MISSES: u32 = 3;
/// A new version that ends so often is not waited for any longer.
const ENDS_ON_TRIAL: u32 = 3;
/// Requests that met the site just before it was switched have reached their service by then.
const LINGER: Duration = Duration::from_millis(500);

/// Ends of containers that are not known yet; more than are ever being made at once.
const EARLY: usize = 32;

/// What should run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) replicas: u32,
    pub(crate) generation: i64,
}

impl Wanted {
    /// Of a version that is not to run; of one that is, somebody may want none as well, in a generation that there is.
    pub(crate) const NOTHING: Self = Self { replicas: 0, generation: -1 };
}

/// A container that Docker knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) number: u32,
    pub(crate) generation: i64,
    pub(crate) container: String,
    pub(crate) endpoints: Vec<SocketAddr>,
    pub(crate) is_running: bool,
    /// When it was started the last time, by Docker's clock.
    pub(crate) started_at: Timestamp,
    /// How it ended, if it has run.
    pub(crate) end: Option<ReplicaEnd>,
}

/// What has happened.
#[derive(Clone, Debug)]
pub(crate) enum Happened {
    /// A container runs, as was ordered.
    Launched(Seen),
    /// It could not be started. What may get better by itself is tried for as long as it takes.
    NotLaunched { number: u32, generation: i64, problem: String, may_pass: bool },
    /// It answered as a healthy one does.
    Answered { container: String },
    /// It did not.
    Missed { container: String, problem: String },
    /// It ended by itself, at that time by Docker's clock.
    Ended { container: String, end: ReplicaEnd, at: Timestamp },
    /// Docker has these and no others, as of then.
    Stock { all: Vec<Seen>, taken_at: Timestamp },
    /// Nothing leads to it any more, and what led to it has ended or was given up.
    Drained { container: String },
    /// It was called back before that, and goes on.
    Recalled { container: String },
    /// What it may have missed is there now: the ends so far do not count.
    AnotherChance,
    /// It is gone, as was ordered or by somebody's hand.
    Gone { container: String },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Make a container and start it.
    Launch { number: u32, generation: i64 },
    /// Start one again that ended.
    Again { number: u32, generation: i64, container: String },
    /// Ask from now on whether it is healthy.
    Watch { number: u32, container: String, endpoints: Vec<SocketAddr> },
    /// Stop and remove it.
    Retire { container: String, endpoints: Vec<SocketAddr>, how: Leave },
    /// Let one stay that is being drained, if that is still under way.
    Recall { container: String },
}

/// What is waited for before one is stopped that gets no request any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Nothing: no visitor was led to it.
    AtOnce,
    /// What is under way, for as long as a WebSocket is: somebody wants it to go.
    Soon,
    /// That it has answered what it was asked: another version took its place.
    WhenDone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Docker was asked to start it.
    Launching,
    /// It runs and was not healthy yet; until then it may.
    Proving {
        until: Timestamp,
    },
    Healthy {
        since: Timestamp,
        misses: u32,
    },
    Unhealthy,
    /// It does not run.
    Ended,
    /// It gets no further request, is drained if it served, stopped and removed.
    Leaving {
        /// It runs and is not being stopped yet: it can be called back.
        may_stay: bool,
        is_recalled: bool,
    },
}

/// One container.
#[derive(Clone, Debug)]
struct Member {
    number: u32,
    generation: i64,
    /// Unknown while it is being made.
    container: Option<String>,
    endpoints: Vec<SocketAddr>,
    is_watched: bool,
    /// Visitors were led to it, since it was started the last time.
    has_served: bool,
    phase: Phase,
    /// When its process was started, by Docker's clock: it did not end before.
    started_at: Timestamp,
    /// Since when it is known as it is: what was seen of it before does not count.
    changed_at: Timestamp,
    last_problem: Option<String>,
}

/// What is remembered of a number across its containers.
#[derive(Clone, Debug, Default)]
struct Slot {
    restarts: Restarts,
    rests_until: Option<Timestamp>,
    /// It rests because Docker or the database was away, not because it ended.
    is_delayed: bool,
    trouble: Option<Trouble>,
    /// Since what is wanted was last changed.
    ends: u32,
    last_end: Option<ReplicaEnd>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Crew {
    wanted: Wanted,
    /// Who served when the last one was no longer wanted goes on until then.
    lingers_until: Timestamp,
    health_timeout: Duration,
    members: Vec<Member>,
    slots: BTreeMap<u32, Slot>,
    /// Ends that were heard of before it was told that those containers run, and when they were.
    early: VecDeque<(String, ReplicaEnd, Timestamp)>,
}

impl Member {
    fn serves(&self) -> bool {
        matches!(self.phase, Phase::Healthy { .. } | Phase::Unhealthy)
    }

    /// Whether requests to it may be under way. One that is called back has some before it is healthy again.
    fn may_be_asked(&self) -> bool {
        self.has_served && matches!(self.phase, Phase::Proving { .. } | Phase::Healthy { .. } | Phase::Unhealthy)
    }

    fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    fn is(&self, number: u32, generation: i64) -> bool {
        (self.number, self.generation) == (number, generation)
    }
}

impl Crew {
    pub(crate) fn new(health_timeout: Duration) -> Self {
        let (members, slots, early) = (Vec::new(), BTreeMap::new(), VecDeque::new());
        let (wanted, lingers_until) = (Wanted::NOTHING, Timestamp(0));
        Self { wanted, lingers_until, health_timeout, members, slots, early }
    }

    /// Says what should run. A new generation, or a new beginning, forgets the troubles of the one before.
    pub(crate) fn want(&mut self, wanted: Wanted, now: Timestamp) {
        if wanted.generation != self.wanted.generation || self.wanted.replicas == 0 {
            self.forget_troubles();
        }
        if wanted.replicas == 0 && self.wanted.replicas > 0 {
            self.lingers_until = now.after(LINGER);
        }
        self.wanted = wanted;
    }

    fn forget_troubles(&mut self) {
        for slot in self.slots.values_mut() {
            *slot = Slot { last_end: slot.last_end, ..Slot::default() };
        }
    }

    /// Takes in a container that is there already. One that served before is taken at its word until it is asked.
    pub(crate) fn adopt(&mut self, seen: Seen, served: bool, now: Timestamp) {
        if self.members.iter().any(|member| member.container.as_ref() == Some(&seen.container)) {
            return;
        }
        let phase = match seen.is_running {
            false => Phase::Ended,
            true if served => Phase::Healthy { since: now, misses: 0 },
            true => Phase::Proving { until: now.after(self.health_timeout) },
        };
        let Seen { number, generation, container, endpoints, started_at, end, .. } = seen;
        // One that does not run is started at once: with the machine it ends without a fault of its own.
        let slot = self.slots.entry(number).or_default();
        slot.last_end = end.or(slot.last_end);
        let container = Some(container);
        self.members.retain(|member| !member.is(number, generation));
        self.members.push(Member {
            number,
            generation,
            container,
            endpoints,
            is_watched: false,
            has_served: served,
            phase,
            started_at,
            changed_at: now,
            last_problem: None,
        });
    }

    pub(crate) fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Whether nothing is wanted and nothing is left.
    pub(crate) fn is_gone(&self) -> bool {
        self.wanted.replicas == 0 && self.members.is_empty()
    }

    /// Takes in what has happened. What concerns a container that is not known any more is nothing.
    pub(crate) fn happened(&mut self, what: Happened, now: Timestamp) {
        match what {
            Happened::Launched(seen) => self.launched(seen, now),
            Happened::NotLaunched { number, generation, problem, may_pass } => {
                self.members.retain(|member| !(member.is(number, generation) && member.phase == Phase::Launching));
                let slot = self.slots.entry(number).or_default();
                slot.is_delayed = may_pass;
                slot.rests_until = Some(match may_pass {
                    true => slot.restarts.delayed(now),
                    false => {
                        slot.ends = ENDS_ON_TRIAL;
                        slot.restarts.ended(now, Duration::ZERO)
                    }
                });
                slot.trouble = Some(Trouble::NotStarted(problem));
            }
            Happened::Answered { container } => {
                if let Some(member) = self.member(&container) {
                    let number = member.number;
                    match member.phase {
                        Phase::Proving { .. } | Phase::Unhealthy => {
                            (member.phase, member.has_served) = (Phase::Healthy { since: now, misses: 0 }, true);
                            self.slots.entry(number).or_default().trouble = None;
                        }
                        Phase::Healthy { ref mut misses, .. } => *misses = 0,
                        Phase::Launching | Phase::Ended | Phase::Leaving { .. } => {}
                    }
                }
            }
            Happened::Missed { container, problem } => {
                if let Some(member) = self.member(&container) {
                    member.last_problem = Some(problem);
                    if let Phase::Healthy { misses, .. } = &mut member.phase {
                        *misses += 1;
                        if *misses >= MISSES {
                            member.phase = Phase::Unhealthy;
                        }
                    }
                }
            }
            Happened::Ended { container, end, at } => self.heard_of_end(container, end, at, now),
            Happened::Stock { all, taken_at } => self.compare(all, taken_at, now),
            Happened::Drained { container } => {
                if let Some(member) = self.member(&container)
                    && member.is_leaving()
                {
                    member.phase = Phase::Leaving { may_stay: false, is_recalled: false };
                }
            }
            Happened::Recalled { container } => {
                let until = now.after(self.health_timeout);
                if let Some(member) = self.member(&container)
                    && member.is_leaving()
                {
                    // It may have ended meanwhile, or have been unhealthy before. Requests are still under way to it.
                    member.phase = match member.phase {
                        Phase::Leaving { may_stay: true, .. } => Phase::Proving { until },
                        _ => Phase::Ended,
                    };
                }
            }
            Happened::AnotherChance => self.forget_troubles(),
            Happened::Gone { container } => {
                self.members.retain(|member| member.container.as_deref() != Some(&container));
                let numbers: Vec<u32> = self.members.iter().map(|member| member.number).collect();
                let wanted = self.wanted.replicas;
                self.slots.retain(|number, _| *number <= wanted || numbers.contains(number));
            }
        }
    }

    fn launched(&mut self, seen: Seen, now: Timestamp) {
        let until = now.after(self.health_timeout);
        let waiting = self
            .members
            .iter_mut()
            .find(|member| member.is(seen.number, seen.generation) && matches!(member.phase, Phase::Launching));
        let Some(member) = waiting else { return };
        member.container = Some(seen.container.clone());
        member.endpoints = seen.endpoints;
        (member.is_watched, member.has_served) = (false, false);
        member.phase = Phase::Proving { until };
        (member.started_at, member.changed_at) = (seen.started_at, now);
        self.slots.entry(seen.number).or_default().restarts.started();
        let of_this_run = |(container, _, at): &&(_, _, _)| *container == seen.container && *at >= seen.started_at;
        let early = self.early.iter().find(of_this_run).map(|(_, end, _)| *end);
        self.early.retain(|(container, ..)| *container != seen.container);
        if let Some(end) = early.or(seen.end.filter(|_| !seen.is_running)) {
            self.ended(&seen.container, end, now);
        }
    }

    /// Docker tells of ends again to whoever asks it anew: one of an earlier run is none of the one that followed.
    fn heard_of_end(&mut self, container: String, end: ReplicaEnd, at: Timestamp, now: Timestamp) {
        match self.member(&container) {
            Some(member) if member.phase != Phase::Launching => {
                if at >= member.started_at {
                    self.ended(&container, end, now);
                }
            }
            // Whether it is of the run that is being started is known when that has a beginning.
            _ => {
                if self.early.len() == EARLY {
                    self.early.pop_front();
                }
                self.early.push_back((container, end, at));
            }
        }
    }

    fn ended(&mut self, container: &str, end: ReplicaEnd, now: Timestamp) {
        let Some(member) = self.member(container) else { return };
        let healthy_for = match member.phase {
            Phase::Healthy { since, .. } => now.since(since),
            Phase::Leaving { ref mut may_stay, .. } => {
                *may_stay = false;
                return;
            }
            Phase::Ended => return,
            Phase::Launching | Phase::Proving { .. } | Phase::Unhealthy => Duration::ZERO,
        };
        member.phase = Phase::Ended;
        member.is_watched = false;
        member.changed_at = now;
        let number = member.number;
        self.trouble(number, Trouble::Ended(end), healthy_for, now);
        self.slots.entry(number).or_default().last_end = Some(end);
    }

    /// Takes in what was missed: what Docker has now is compared with what was known then.
    fn compare(&mut self, all: Vec<Seen>, taken_at: Timestamp, now: Timestamp) {
        // Docker is there again: who waited for it waits no longer.
        for slot in self.slots.values_mut().filter(|slot| slot.is_delayed) {
            (slot.is_delayed, slot.rests_until) = (false, None);
        }
        let (known_then, until) = (
            |member: &Member| member.container.is_some() && member.changed_at < taken_at,
            now.after(self.health_timeout),
        );
        self.members.retain(|member| {
            let is_there = all.iter().any(|seen| member.container.as_ref() == Some(&seen.container));
            is_there || !known_then(member)
        });
        for seen in all {
            let Some(member) = self.member(&seen.container) else {
                let is_being_made = self.members.iter().any(|member| member.is(seen.number, seen.generation));
                if !is_being_made {
                    self.adopt(seen, false, now);
                }
                continue;
            };
            if !known_then(member) {
                continue;
            }
            match member.phase {
                Phase::Launching | Phase::Leaving { .. } => {}
                Phase::Ended if seen.is_running => {
                    member.phase = Phase::Proving { until };
                    (member.endpoints, member.started_at, member.changed_at) = (seen.endpoints, seen.started_at, now);
                }
                Phase::Ended => {}
                _ if !seen.is_running => {
                    let end = seen.end.unwrap_or(ReplicaEnd { exit_code: 0, out_of_memory: None });
                    self.ended(&seen.container, end, now);
                }
                _ if member.endpoints != seen.endpoints => {
                    (member.endpoints, member.is_watched) = (seen.endpoints, false);
                }
                _ => {}
            }
        }
    }

    fn trouble(&mut self, number: u32, trouble: Trouble, healthy_for: Duration, now: Timestamp) {
        let slot = self.slots.entry(number).or_default();
        slot.rests_until = Some(slot.restarts.ended(now, healthy_for));
        slot.is_delayed = false;
        slot.ends += 1;
        slot.trouble = Some(trouble);
    }

    fn member(&mut self, container: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.container.as_deref() == Some(container))
    }

    /// What is to be done now, each thing once: who takes the orders carries them out.
    pub(crate) fn orders(&mut self, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        self.give_up_silent(now, &mut orders);
        for number in 1..=self.wanted.replicas {
            self.see_to(number, now, &mut orders);
        }
        let wanted = self.wanted.replicas;
        let lingers = self.lingers(now);
        let how = if self.wanted == Wanted::NOTHING { Leave::WhenDone } else { Leave::Soon };
        for member in self.members.iter_mut().filter(|member| member.number > wanted) {
            if !(lingers && member.serves()) {
                retire(member, how, &mut orders);
            }
        }
        for member in &mut self.members {
            let runs = matches!(member.phase, Phase::Proving { .. } | Phase::Healthy { .. } | Phase::Unhealthy);
            if let Some(container) = member.container.clone().filter(|_| runs && !member.is_watched) {
                member.is_watched = true;
                orders.push(Order::Watch { number: member.number, container, endpoints: member.endpoints.clone() });
            }
        }
        orders
    }

    /// Who did not become healthy in time ends like one that ended.
    fn give_up_silent(&mut self, now: Timestamp, orders: &mut Vec<Order>) {
        let mut silent = Vec::new();
        for member in &mut self.members {
            if matches!(member.phase, Phase::Proving { until } if until <= now) {
                let problem = member.last_problem.take().unwrap_or_else(|| "it did not answer".to_owned());
                silent.push((member.number, problem));
                retire(member, Leave::Soon, orders);
                // It has had its time, and is not called back.
                if let Phase::Leaving { is_recalled, .. } = &mut member.phase {
                    *is_recalled = true;
                }
            }
        }
        for (number, problem) in silent {
            self.trouble(number, Trouble::Silent(problem), Duration::ZERO, now);
            // It had all the time it may take: no version gets it twice before it is judged.
            self.slots.entry(number).or_default().ends += ENDS_ON_TRIAL;
        }
    }

    fn see_to(&mut self, number: u32, now: Timestamp, orders: &mut Vec<Order>) {
        let generation = self.wanted.generation;
        let rests = self.slots.get(&number).and_then(|slot| slot.rests_until).is_some_and(|until| until > now);
        let current = self.members.iter().position(|member| member.is(number, generation));
        let is_healthy = current.is_some_and(|at| matches!(self.members[at].phase, Phase::Healthy { .. }));
        let others_are_replaced = self.is_being_replaced(number);
        let mut old_serves = false;
        for old in self.members.iter_mut().filter(|old| old.number == number && old.generation != generation) {
            // Its new one takes its place, or it is of no use.
            if is_healthy || (!old.serves() && old.phase != Phase::Launching) {
                retire(old, Leave::Soon, orders);
            } else {
                old_serves |= old.serves();
            }
        }
        // Whoever is wanted is told of.
        self.slots.entry(number).or_default();
        match current {
            Some(at) if self.members[at].phase == Phase::Ended && !rests => {
                let member = &mut self.members[at];
                if let Some(container) = member.container.clone() {
                    member.phase = Phase::Launching;
                    member.changed_at = now;
                    orders.push(Order::Again { number, generation, container });
                }
            }
            // It still runs: nothing is started in its place.
            Some(at) if let Phase::Leaving { may_stay: true, is_recalled } = &mut self.members[at].phase => {
                if !std::mem::replace(is_recalled, true)
                    && let Some(container) = self.members[at].container.clone()
                {
                    orders.push(Order::Recall { container });
                }
            }
            None if !rests && (!old_serves || !others_are_replaced) => {
                self.members.push(Member {
                    number,
                    generation,
                    container: None,
                    endpoints: Vec::new(),
                    is_watched: false,
                    has_served: false,
                    phase: Phase::Launching,
                    started_at: Timestamp(0),
                    changed_at: now,
                    last_problem: None,
                });
                orders.push(Order::Launch { number, generation });
            }
            _ => {}
        }
    }

    /// Whether another number's container is just being replaced by one that is not healthy yet: one at a time.
    fn is_being_replaced(&self, except: u32) -> bool {
        let generation = self.wanted.generation;
        let is_new = |number| {
            let mut new = self.members.iter().filter(|member| member.is(number, generation));
            new.any(|member| !matches!(member.phase, Phase::Healthy { .. }))
        };
        let mut old = self.members.iter().filter(|member| member.generation != generation && member.serves());
        old.any(|member| member.number != except && is_new(member.number))
    }

    /// Whether a container is asked how it is.
    pub(crate) fn is_watched(&self, container: &str) -> bool {
        self.members.iter().any(|member| member.container.as_deref() == Some(container) && member.is_watched)
    }

    /// Whether one that leaves still runs, and was not told to end.
    pub(crate) fn may_stay(&self, container: &str) -> bool {
        let mut members = self.members.iter().filter(|member| member.container.as_deref() == Some(container));
        members.any(|member| matches!(member.phase, Phase::Leaving { may_stay: true, .. }))
    }

    /// Whether nothing is wanted any more, but requests may still be on their way here.
    fn lingers(&self, now: Timestamp) -> bool {
        self.wanted.replicas == 0 && now < self.lingers_until
    }

    /// When there is something to do next, if nothing happens before.
    pub(crate) fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let proving = self.members.iter().filter_map(|member| match member.phase {
            Phase::Proving { until } => Some(until),
            _ => None,
        });
        let wanted = self.wanted.replicas;
        let waits = |number: u32| {
            let current = self.members.iter().find(|member| member.is(number, self.wanted.generation));
            current.is_none_or(|current| current.phase == Phase::Ended)
        };
        let resting = self.slots.iter().filter(|(number, _)| **number <= wanted && waits(**number));
        // Whose rest is over and who was not ordered waits for another number, not for the time.
        let resting = resting.filter_map(|(_, slot)| slot.rests_until);
        let lingering = self.lingers(now).then_some(self.lingers_until);
        proving.chain(resting).chain(lingering).filter(|at| *at > now).min()
    }
}

fn retire(member: &mut Member, how: Leave, orders: &mut Vec<Order>) {
    // Without a container it is being made: its order comes when it is there.
    let Some(container) = member.container.clone().filter(|_| !member.is_leaving()) else { return };
    if member.phase == Phase::Launching {
        return;
    }
    let may_stay = member.may_be_asked();
    let how = if may_stay { how } else { Leave::AtOnce };
    member.phase = Phase::Leaving { may_stay, is_recalled: false };
    member.is_watched = false;
    orders.push(Order::Retire { container, endpoints: member.endpoints.clone(), how });
}

#[cfg(test)]
mod tests;
