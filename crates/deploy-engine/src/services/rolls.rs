//! Which deployments are on their way to be live, and which were a moment ago. Who has asked the database what should run
//! holds an answer that is older than what went live since: such a deployment is none of theirs to let go.

use std::collections::BTreeMap;

use berth_model::DeploymentId;

/// Between two beginnings or ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Rolls {
    now: Moment,
    of: BTreeMap<DeploymentId, Roll>,
}

#[derive(Debug, Default)]
struct Roll {
    /// How many activations of it are under way.
    under_way: usize,
    /// When that was last another number.
    changed_at: Moment,
}

impl Rolls {
    /// The moment at which the database is asked, by one at a time: its answer has what ended before.
    pub(super) fn now(&mut self) -> Moment {
        self.of.retain(|_, roll| roll.under_way > 0);
        self.now
    }

    pub(super) fn begin(&mut self, deployment: DeploymentId) {
        let changed_at = self.pass();
        let roll = self.of.entry(deployment).or_default();
        *roll = Roll { under_way: roll.under_way + 1, changed_at };
    }

    pub(super) fn end(&mut self, deployment: DeploymentId) {
        let changed_at = self.pass();
        if let Some(roll) = self.of.get_mut(&deployment) {
            *roll = Roll { under_way: roll.under_way.saturating_sub(1), changed_at };
        }
    }

    /// Whether a deployment was on its way at any time after a moment.
    pub(super) fn had(&self, deployment: DeploymentId, since: Moment) -> bool {
        self.of.get(&deployment).is_some_and(|roll| roll.under_way > 0 || roll.changed_at > since)
    }

    fn pass(&mut self) -> Moment {
        self.now.0 += 1;
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: DeploymentId = DeploymentId(1);
    const TWO: DeploymentId = DeploymentId(2);

    #[test]
    fn what_went_live_after_the_question_is_not_let_go_by_the_answer() {
        let mut rolls = Rolls::default();
        rolls.begin(ONE);
        let before = rolls.now();
        rolls.end(ONE);
        rolls.begin(TWO);
        rolls.end(TWO);
        assert!(rolls.had(ONE, before) && rolls.had(TWO, before), "the answer may not have them");
        let after = rolls.now();
        assert!(!rolls.had(ONE, after) && !rolls.had(TWO, after), "this one does");
    }

    #[test]
    fn what_is_on_its_way_is_so_as_long_as_one_of_its_activations() {
        let mut rolls = Rolls::default();
        rolls.begin(ONE);
        rolls.begin(ONE);
        rolls.end(ONE);
        let now = rolls.now();
        assert!(rolls.had(ONE, now));
        rolls.end(ONE);
        assert!(rolls.had(ONE, now));
        let now = rolls.now();
        assert!(!rolls.had(ONE, now));
    }

    #[test]
    fn nothing_is_remembered_for_good() {
        let mut rolls = Rolls::default();
        for deployment in 0..1_000 {
            rolls.begin(DeploymentId(deployment));
            rolls.end(DeploymentId(deployment));
            rolls.now();
        }
        assert!(rolls.of.is_empty(), "{rolls:?}");
    }
}
