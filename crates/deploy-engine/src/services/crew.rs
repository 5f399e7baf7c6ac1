//! The replicas of one service of one deployment, as a state machine: told what is wanted and what has happened, it says
//! what is to be done, what the proxy shall do and where each replica stands. It knows neither Docker nor the network,
//! and time is given to it.
//!
//! A replica has a *number*, and its containers a *generation*: asking for a restart makes a new generation. Then each
//! number in turn gets a new container beside the old one, which leaves once the new one is healthy. So a restart that
//! fails leaves what works alone.

mod orders;
mod told;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use berth_model::{ReplicaEnd, Timestamp};

use super::restarts::Restarts;
use super::words::Trouble;

pub(crate) use orders::{Leave, Order};
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

    /// Whether a container is asked how it is.
    pub(crate) fn is_watched(&self, container: &str) -> bool {
        self.members.iter().any(|member| member.container.as_deref() == Some(container) && member.is_watched)
    }

    /// Whether one that leaves still runs, and was not told to end.
    pub(crate) fn may_stay(&self, container: &str) -> bool {
        let mut members = self.members.iter().filter(|member| member.container.as_deref() == Some(container));
        members.any(|member| matches!(member.phase, Phase::Leaving { may_stay: true, .. }))
    }
}

#[cfg(test)]
mod tests;
