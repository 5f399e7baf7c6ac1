//! What a crew has done: whom to start, whom to ask, whom to let go, and when there is something to do next.

use std::net::SocketAddr;
use std::time::Duration;

use berth_model::Timestamp;

use super::{Crew, ENDS_ON_TRIAL, Member, Phase, Trouble, Wanted};

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

impl Crew {
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
