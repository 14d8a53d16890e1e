//! The life of an incident's plan: which steps are due, what stops them, what is told.
//!
//! A pure state machine: the state and an input give the next state and settlements to carry out. Calling it twice,
//! late or early is harmless. A step is settled once, for one reason, and every due step ends settled.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use vigie_proto::{
    Channel, RoleId,
    event::StepOutcome,
    plan::{Expects, Plan, PlannedCircuit, PlannedStep, SatisfiedBy, Target},
};

/// Where an incident's plan stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    /// Plan number within the incident, from 1.
    pub generation: u32,
    /// Incident version the plan was taken at: an acknowledgement of an older one does not count.
    pub version: u32,
    pub plan: Plan,
    /// Roles that have acknowledged this generation.
    pub acknowledged_by: BTreeSet<RoleId>,
    /// Steps settled, by circuit and step position in the plan.
    pub settled: BTreeSet<(usize, usize)>,
}

/// One step dealt with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// `circuit/step`.
    pub step: String,
    pub due_at: Timestamp,
    pub outcome: StepOutcome,
    /// Whom to tell: empty unless the step fired or was folded into one that did.
    pub tell: Vec<Target>,
    pub channels: Vec<Channel>,
    pub fallback: Vec<Channel>,
    pub expects: Expects,
}

impl Escalation {
    /// Starts on `plan`, taken at incident version `version`.
    pub fn start(plan: Plan, version: u32) -> Self {
        Self { generation: 1, version, plan, acknowledged_by: BTreeSet::new(), settled: BTreeSet::new() }
    }

    /// The earliest due time of a step not yet settled; none when nothing is left to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.open_steps().map(|(_, step)| step.due_at).min()
    }

    /// Settles every step due at `now`. None fires early.
    ///
    /// When several steps of one circuit are due together (an outage has passed), the latest fires and takes the
    /// recipients of the earlier ones with it: one message, not a backlog. A step overdue beyond its use expires.
    pub fn settle_due(&mut self, now: Timestamp) -> Vec<Settlement> {
        let due: Vec<(usize, usize)> =
            self.open_steps().filter(|(_, step)| step.due_at <= now).map(|(position, _)| position).collect();
        let mut settlements = Vec::with_capacity(due.len());
        for &(circuit, position) in &due {
            let outcome = self.outcome_of(circuit, position, &due, now);
            settlements.push(self.settle(circuit, position, outcome));
        }
        settlements
    }

    /// A body of `role` took charge of the incident as it stood at `seen_version`.
    ///
    /// Settles the conditional steps of every circuit this satisfies. An acknowledgement of an incident that has
    /// worsened since changes nothing: it is asked again.
    pub fn acknowledge(&mut self, role: RoleId, seen_version: u32) -> Vec<Settlement> {
        if seen_version < self.version {
            return Vec::new();
        }
        self.acknowledged_by.insert(role);
        let stopped: Vec<(usize, usize)> = self
            .open_steps()
            .filter(|((circuit, _), step)| step.unless_acknowledged && self.is_satisfied(*circuit))
            .map(|(position, _)| position)
            .collect();
        stopped.into_iter().map(|(c, s)| self.settle(c, s, StepOutcome::Acknowledged)).collect()
    }

    /// The incident worsened: a new plan, and everybody is asked again.
    pub fn aggravate(&mut self, plan: Plan, version: u32) -> Vec<Settlement> {
        let superseded = self.supersede();
        *self = Self { generation: self.generation + 1, ..Self::start(plan, version) };
        superseded
    }

    /// The severity was lowered: the milder plan's future steps take over; what is past is not told again.
    ///
    /// Acknowledgements stand, since what they took charge of was worse.
    pub fn ease(&mut self, plan: Plan, now: Timestamp) -> Vec<Settlement> {
        let mut settlements = self.supersede();
        let acknowledged_by = std::mem::take(&mut self.acknowledged_by);
        *self = Self { generation: self.generation + 1, acknowledged_by, ..Self::start(plan, self.version) };
        let past: Vec<(usize, usize)> =
            self.open_steps().filter(|(_, step)| step.due_at <= now).map(|(position, _)| position).collect();
        settlements.extend(past.into_iter().map(|(c, s)| self.settle(c, s, StepOutcome::Superseded)));
        if !self.acknowledged_by.is_empty() {
            let stopped: Vec<(usize, usize)> = self
                .open_steps()
                .filter(|((circuit, _), step)| step.unless_acknowledged && self.is_satisfied(*circuit))
                .map(|(position, _)| position)
                .collect();
            settlements.extend(stopped.into_iter().map(|(c, s)| self.settle(c, s, StepOutcome::Acknowledged)));
        }
        settlements
    }

    /// The incident was closed: nothing more is told.
    pub fn close(&mut self) -> Vec<Settlement> {
        self.supersede()
    }

    fn supersede(&mut self) -> Vec<Settlement> {
        let open: Vec<(usize, usize)> = self.open_steps().map(|(position, _)| position).collect();
        open.into_iter().map(|(c, s)| self.settle(c, s, StepOutcome::Superseded)).collect()
    }

    fn outcome_of(&self, circuit: usize, position: usize, due: &[(usize, usize)], now: Timestamp) -> StepOutcome {
        let step = self.step(circuit, position);
        if step.unless_acknowledged && self.is_satisfied(circuit) {
            return StepOutcome::Acknowledged;
        }
        if now.duration_since(step.due_at) > SignedDuration::from_secs(i64::from(step.stale_after_s)) {
            return StepOutcome::Expired;
        }
        let latest = due.iter().filter(|(c, _)| *c == circuit).map(|(c, s)| self.step(*c, *s).due_at).max();
        if latest.is_some_and(|latest| step.due_at < latest) { StepOutcome::Folded } else { StepOutcome::Fired }
    }

    fn settle(&mut self, circuit: usize, position: usize, outcome: StepOutcome) -> Settlement {
        self.settled.insert((circuit, position));
        let planned = &self.plan.circuits[circuit];
        let step = &planned.steps[position];
        let told = matches!(outcome, StepOutcome::Fired | StepOutcome::Folded);
        Settlement {
            step: format!("{}/{}", planned.id, step.id),
            due_at: step.due_at,
            outcome,
            tell: if told { step.tell.clone() } else { Vec::new() },
            channels: step.channels.clone(),
            fallback: step.fallback.clone(),
            expects: step.expects,
        }
    }

    fn is_satisfied(&self, circuit: usize) -> bool {
        match &self.plan.circuits[circuit].satisfied_by {
            SatisfiedBy::Anyone => !self.acknowledged_by.is_empty(),
            SatisfiedBy::AnyOf(roles) => roles.iter().any(|role| self.acknowledged_by.contains(role)),
            SatisfiedBy::AllOf(roles) => roles.iter().all(|role| self.acknowledged_by.contains(role)),
        }
    }

    fn step(&self, circuit: usize, position: usize) -> &PlannedStep {
        &self.plan.circuits[circuit].steps[position]
    }

    fn open_steps(&self) -> impl Iterator<Item = ((usize, usize), &PlannedStep)> {
        let with_position = |(c, circuit): (usize, &'_ PlannedCircuit)| (c, circuit.steps.len());
        self.plan
            .circuits
            .iter()
            .enumerate()
            .map(with_position)
            .flat_map(|(c, steps)| (0..steps).map(move |s| (c, s)))
            .filter(|position| !self.settled.contains(position))
            .map(|(c, s)| ((c, s), self.step(c, s)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vigie_proto::plan::{Rank, Scope};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn role(name: &str) -> RoleId {
        RoleId::new(name).unwrap()
    }

    fn step(id: &str, due: i64, unless_acknowledged: bool) -> PlannedStep {
        PlannedStep {
            id: id.into(),
            due_at: at(due),
            unless_acknowledged,
            expects: Expects::Acknowledgement,
            tell: vec![Target { role: role(id), scope: Scope::City, rank: Rank::First }],
            channels: vec![Channel::Email],
            fallback: Vec::new(),
            stale_after_s: 86_400,
        }
    }

    fn plan(satisfied_by: SatisfiedBy, steps: Vec<PlannedStep>) -> Plan {
        let circuit = PlannedCircuit { id: "C".into(), lines: "1".into(), satisfied_by, steps };
        Plan { doctrine: "d".into(), circuits: vec![circuit] }
    }

    fn ladder() -> Escalation {
        let steps = vec![step("loop", 0, false), step("second", 300, true), step("central", 900, true)];
        Escalation::start(plan(SatisfiedBy::Anyone, steps), 1)
    }

    fn outcomes(settlements: &[Settlement]) -> Vec<(&str, StepOutcome)> {
        settlements.iter().map(|s| (s.step.as_str(), s.outcome.clone())).collect()
    }

    #[test]
    fn unanswered_steps_fire_at_their_due_times_and_not_before() {
        let mut escalation = ladder();
        assert_eq!(outcomes(&escalation.settle_due(at(0))), [("C/loop", StepOutcome::Fired)]);
        assert_eq!(escalation.next_due(), Some(at(300)));
        assert!(escalation.settle_due(at(299)).is_empty());
        assert_eq!(outcomes(&escalation.settle_due(at(300))), [("C/second", StepOutcome::Fired)]);
        assert!(escalation.settle_due(at(300)).is_empty(), "a step is settled once");
        assert_eq!(outcomes(&escalation.settle_due(at(900))), [("C/central", StepOutcome::Fired)]);
        assert_eq!(escalation.next_due(), None);
    }

    #[test]
    fn an_acknowledgement_stops_every_later_step() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        let stopped = escalation.acknowledge(role("loop"), 1);
        assert_eq!(
            outcomes(&stopped),
            [("C/second", StepOutcome::Acknowledged), ("C/central", StepOutcome::Acknowledged)]
        );
        assert!(stopped.iter().all(|s| s.tell.is_empty()));
        assert_eq!(escalation.next_due(), None);
    }

    #[test]
    fn after_an_outage_one_message_replaces_the_backlog() {
        let mut escalation = ladder();
        let late = escalation.settle_due(at(1_000));
        assert_eq!(
            outcomes(&late),
            [("C/loop", StepOutcome::Folded), ("C/second", StepOutcome::Folded), ("C/central", StepOutcome::Fired)]
        );
        assert!(late.iter().all(|s| !s.tell.is_empty()), "recipients of folded steps are told with the last");
    }

    #[test]
    fn a_step_overdue_beyond_its_use_expires_and_tells_nobody() {
        let mut escalation = ladder();
        let late = escalation.settle_due(at(86_401 + 900));
        assert!(late.iter().all(|s| s.outcome == StepOutcome::Expired && s.tell.is_empty()));
    }

    #[test]
    fn when_it_worsens_a_former_acknowledgement_no_longer_counts() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        escalation.acknowledge(role("loop"), 1);
        escalation.aggravate(plan(SatisfiedBy::Anyone, vec![step("loop", 50, false), step("central", 60, true)]), 2);
        assert_eq!(escalation.generation, 2);
        assert!(escalation.acknowledge(role("loop"), 1).is_empty(), "it was of the milder incident");
        assert_eq!(outcomes(&escalation.settle_due(at(50))), [("C/loop", StepOutcome::Fired)]);
        assert_eq!(outcomes(&escalation.acknowledge(role("loop"), 2)), [("C/central", StepOutcome::Acknowledged)]);
    }

    #[test]
    fn a_circuit_that_needs_two_roles_is_not_stopped_by_one() {
        let both = SatisfiedBy::AllOf(vec![role("scop"), role("mairie")]);
        let mut escalation = Escalation::start(plan(both, vec![step("next", 10, true)]), 1);
        assert!(escalation.acknowledge(role("scop"), 1).is_empty());
        assert!(escalation.acknowledge(role("parquet"), 1).is_empty());
        assert_eq!(outcomes(&escalation.acknowledge(role("mairie"), 1)), [("C/next", StepOutcome::Acknowledged)]);
    }

    #[test]
    fn easing_takes_the_milder_plans_future_and_tells_nothing_twice() {
        let mut escalation = ladder();
        escalation.settle_due(at(0));
        let eased = escalation
            .ease(plan(SatisfiedBy::Anyone, vec![step("loop", 0, false), step("later", 1_800, true)]), at(100));
        assert!(eased.iter().all(|s| s.outcome == StepOutcome::Superseded));
        assert_eq!(escalation.next_due(), Some(at(1_800)));
    }

    #[test]
    fn closing_silences_everything() {
        let mut escalation = ladder();
        assert_eq!(escalation.close().len(), 3);
        assert!(escalation.settle_due(at(10_000)).is_empty());
    }

    #[derive(Debug, Clone)]
    enum Happening {
        Tick(i64),
        Acknowledge(u32),
        Aggravate,
        Close,
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let one = prop_oneof![
            6 => (0i64..400).prop_map(Happening::Tick),
            2 => (1u32..4).prop_map(Happening::Acknowledge),
            1 => Just(Happening::Aggravate),
            1 => Just(Happening::Close),
        ];
        proptest::collection::vec(one, 1..30)
    }

    proptest! {
        /// No step early, none twice, nothing told after the acknowledgement that satisfies its circuit or after closing,
        /// and nothing due left behind.
        #[test]
        fn whatever_happens_no_step_is_lost_doubled_or_early(script in happenings()) {
            let mut escalation = ladder();
            let (mut now, mut version, mut closed) = (0, 1, false);
            let mut settled = BTreeSet::new();
            for happening in script {
                let generation = escalation.generation;
                let settlements = match happening {
                    Happening::Tick(seconds) => {
                        now += seconds;
                        escalation.settle_due(at(now))
                    }
                    Happening::Acknowledge(seen) => escalation.acknowledge(role("loop"), seen.min(version)),
                    Happening::Aggravate if closed => Vec::new(),
                    Happening::Aggravate => {
                        version += 1;
                        let steps = vec![step("loop", now, false), step("central", now + 300, true)];
                        escalation.aggravate(plan(SatisfiedBy::Anyone, steps), version)
                    }
                    Happening::Close => {
                        closed = true;
                        escalation.close()
                    }
                };
                for settlement in &settlements {
                    prop_assert!(settled.insert((generation, settlement.step.clone())), "settled twice: {settlement:?}");
                    if !settlement.tell.is_empty() {
                        prop_assert!(settlement.due_at <= at(now), "fired early: {settlement:?}");
                        prop_assert!(!closed, "told after closing");
                        let conditional = settlement.step != "C/loop";
                        prop_assert!(!conditional || escalation.acknowledged_by.is_empty(), "told after an acknowledgement");
                    }
                }
                if matches!(happening, Happening::Tick(_)) {
                    prop_assert!(escalation.next_due().is_none_or(|due| due > at(now)), "a due step was left behind");
                }
            }
        }
    }
}
