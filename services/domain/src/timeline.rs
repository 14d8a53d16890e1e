//! The plan of an incident as a story: what comes when, to whom, unless what; what waits; what is owed.
//!
//! Made of the frozen plan, so that it says what the services would do, with the doctrine's own words beside.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde::Serialize;
use vigie_proto::{
    BodyId, Channel, RoleId, SectorId,
    plan::{Expects, OwedTo, Plan, PlannedCircuit, PlannedStep, Rank, SatisfiedBy, Scope, Target},
};

use crate::doctrine::{Anchor, Circuit, Doctrine, Due, Situation, Step, When, freeze, words};
use crate::{
    city::City,
    directory::{Body, Directory},
};

/// Who would be told of an incident, in order of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// SHA-256 of the doctrine it is made from.
    pub doctrine: String,
    /// When the plan is taken, on the city's clock.
    pub opened: Zoned,
    /// What comes by the clock, in order.
    pub moments: Vec<Moment>,
    /// What comes only after something else has happened.
    pub waiting: Vec<Waiting>,
    /// What is owed because of the incident.
    pub owed: Vec<Debt>,
    /// Circuits that apply, in the order of the doctrine.
    pub circuits: Vec<CircuitSummary>,
}

/// Everything that comes at one instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// On the city's clock.
    pub at: Zoned,
    /// Seconds after the opening.
    pub after_s: i64,
    pub steps: Vec<StepTold>,
}

/// A step that waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    pub when: When,
    pub step: StepTold,
}

/// One step: how, unless what, and whom it tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepTold {
    pub circuit: String,
    /// Lines of the contract.
    pub lines: String,
    pub step: String,
    pub expects: Expects,
    pub channels: Vec<Channel>,
    /// Tried in this order where those fail.
    pub fallback: Vec<Channel>,
    /// Not told once the circuit is satisfied.
    pub unless_acknowledged: bool,
    /// Not told once this, in French, is given.
    pub unless_returned: Option<String>,
    /// Told together with other incidents of the hour.
    pub digest: bool,
    pub survives_closing: bool,
    pub tell: Vec<Told>,
}

/// Bodies of one role a step tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    pub role: RoleId,
    /// French name of the role.
    pub label: String,
    pub rank: Rank,
    /// Where they are looked for, when there is none.
    pub place: String,
    /// None: at any hour.
    pub hours: Option<HoursNote>,
    /// Who it comes down to; nobody outside the hours.
    pub bodies: Vec<BodyTold>,
    /// Told instead outside the hours.
    pub instead: Vec<Told>,
}

/// Hours in which a role is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoursNote {
    /// French name of the window.
    pub label: String,
    /// `16:30-04:30`, local.
    pub hours: Vec<String>,
    /// The step comes within them.
    pub open: bool,
}

/// One body, and how it is reached when the step comes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BodyTold {
    pub id: BodyId,
    /// French name.
    pub name: String,
    /// Empty when nobody there can be reached by the step.
    pub reached: Vec<Reached>,
}

/// Contact points of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    pub channel: Channel,
    pub contacts: usize,
    /// Duty positions they belong to; none for permanent ones.
    pub positions: Vec<String>,
    /// The step's own channels reach nobody: this is a fallback.
    pub by_fallback: bool,
}

/// Something owed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Debt {
    pub circuit: String,
    pub lines: String,
    /// In French.
    pub what: String,
    /// French names of who owes it, and to whom.
    pub by: String,
    pub to: String,
    /// On the city's clock; none: its clock starts at the closing.
    pub due: Option<Zoned>,
    pub blocks_closing: bool,
    pub may_be_unknown: bool,
}

/// A circuit that applies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CircuitSummary {
    pub circuit: String,
    pub title: String,
    pub lines: String,
    pub satisfied_by: SatisfiedBy,
    /// The same in words.
    pub taken_charge_by: String,
    pub guidance: Option<String>,
}

/// The story of an incident that opens at `now` in this situation.
pub fn timeline(city: &City, situation: &Situation, now: Timestamp) -> Timeline {
    let plan = freeze(&city.doctrine, situation, now, 1.0);
    Teller { city, situation, plan: &plan, now, zone: &city.doctrine.zone }.tell()
}

struct Teller<'a> {
    city: &'a City,
    situation: &'a Situation,
    plan: &'a Plan,
    now: Timestamp,
    zone: &'a TimeZone,
}

impl Teller<'_> {
    fn tell(&self) -> Timeline {
        let mut by_clock: Vec<(Timestamp, StepTold)> = Vec::new();
        let (mut waiting, mut circuits) = (Vec::new(), Vec::new());
        for planned in &self.plan.circuits {
            let Some(rule) = self.rule(planned) else { continue };
            circuits.push(summary(planned, rule));
            for step in &planned.steps {
                if step.waits_for.is_none() {
                    by_clock.push((step.due_at, self.step(planned, rule, step, step.due_at)));
                }
            }
            waiting.extend(self.waiting(planned, rule));
        }
        by_clock.sort_by_key(|(at, _)| *at);
        let moments = by_clock.chunk_by(|(a, _), (b, _)| a == b).map(|group| Moment {
            at: self.local(group[0].0),
            after_s: group[0].0.duration_since(self.now).as_secs(),
            steps: group.iter().map(|(_, step)| step.clone()).collect(),
        });
        Timeline {
            doctrine: self.plan.doctrine.clone(),
            opened: self.local(self.now),
            moments: moments.collect(),
            waiting,
            owed: self.debts(),
            circuits,
        }
    }

    fn doctrine(&self) -> &Doctrine {
        &self.city.doctrine
    }

    fn local(&self, instant: Timestamp) -> Zoned {
        instant.to_zoned(self.zone.clone())
    }

    /// The rule a planned circuit was made from.
    fn rule(&self, planned: &PlannedCircuit) -> Option<&Circuit> {
        let of = |circuit: &&Circuit| circuit.id == planned.id && freeze::applies(circuit, self.situation);
        self.doctrine().circuits.iter().find(of)
    }

    /// Steps that wait for an answer or the closing, and those that count from a time nobody has announced.
    fn waiting(&self, planned: &PlannedCircuit, rule: &Circuit) -> Vec<Waiting> {
        let mut last = Some(0);
        let mut waiting = Vec::new();
        for step in &rule.steps {
            let when = When::of(step, rule, &mut last);
            let unannounced = matches!(step.due, Due::BeforeExpectedMin(_) | Due::AfterExpectedMin(_))
                && self.situation.expected_at.is_none();
            let planned_step = if unannounced {
                self.announced(planned, step)
            } else {
                let of = |planned: &&PlannedStep| planned.id == step.id && planned.waits_for.is_some();
                planned.steps.iter().find(of).cloned()
            };
            if let Some(planned_step) = planned_step {
                waiting.push(Waiting { when, step: self.step(planned, rule, &planned_step, self.now) });
            }
        }
        waiting
    }

    /// The step as it would be planned if an hour were announced.
    fn announced(&self, planned: &PlannedCircuit, step: &Step) -> Option<PlannedStep> {
        let situation = Situation { expected_at: Some(self.now), ..self.situation.clone() };
        let plan = freeze(self.doctrine(), &situation, self.now, 1.0);
        let circuit = plan.circuits.into_iter().find(|circuit| circuit.id == planned.id)?;
        circuit.steps.into_iter().find(|planned| planned.id == step.id)
    }

    fn step(&self, circuit: &PlannedCircuit, rule: &Circuit, step: &PlannedStep, at: Timestamp) -> StepTold {
        let owed = |id: &String| self.plan.owed.iter().find(|owed| owed.id == *id).map(|owed| owed.what.clone());
        let written = rule.steps.iter().find(|written| is_of(&step.id, &written.id));
        StepTold {
            circuit: circuit.id.clone(),
            lines: circuit.lines.clone(),
            step: step.id.clone(),
            expects: step.expects,
            channels: step.channels.clone(),
            fallback: step.fallback.clone(),
            unless_acknowledged: step.unless_acknowledged,
            unless_returned: step.unless_returned.as_ref().and_then(owed),
            digest: step.digest,
            survives_closing: step.survives_closing,
            tell: step.tell.iter().map(|target| self.told(step, target, written, at)).collect(),
        }
    }

    fn told(&self, step: &PlannedStep, target: &Target, written: Option<&Step>, at: Timestamp) -> Told {
        let directory = &self.city.directory;
        let open = target.serves_at(at);
        let bodies = if open { directory.bodies_of(target) } else { Vec::new() };
        Told {
            role: target.role.clone(),
            label: directory.role_label(&target.role).to_owned(),
            rank: target.rank,
            place: place(&target.scope),
            hours: target.serves.as_ref().and_then(|_| self.hours(target, written, open)),
            bodies: bodies.into_iter().map(|body| reached(body, step, target.rank, at)).collect(),
            instead: target.otherwise.iter().map(|other| self.told(step, other, None, at)).collect(),
        }
    }

    fn hours(&self, target: &Target, written: Option<&Step>, open: bool) -> Option<HoursNote> {
        let same = |audience: &&crate::doctrine::Audience| audience.role == target.role && audience.rank == target.rank;
        let audience = written?.tell.iter().filter(|audience| audience.hours.is_some()).find(same)?;
        let window = self.doctrine().windows.get(audience.hours.as_ref()?)?;
        let hours =
            window.hours.iter().map(|(from, until)| format!("{}-{}", words::clock(*from), words::clock(*until)));
        Some(HoursNote { label: window.label.clone(), hours: hours.collect(), open })
    }

    fn debts(&self) -> Vec<Debt> {
        let directory = &self.city.directory;
        let mut debts: Vec<Debt> = self
            .plan
            .owed
            .iter()
            .map(|owed| Debt {
                circuit: owed.circuit.clone(),
                lines: owed.lines.clone(),
                what: owed.what.clone(),
                by: owing(directory, &owed.by),
                to: match &owed.to {
                    OwedTo::Raiser => directory.role_label(&self.situation.raised_by).to_owned(),
                    OwedTo::Role(role) => directory.role_label(role).to_owned(),
                },
                due: owed.due_at.map(|at| self.local(at)),
                blocks_closing: owed.blocks_closing,
                may_be_unknown: owed.may_be_unknown,
            })
            .collect();
        debts.sort_by_key(|debt| debt.due.as_ref().map_or(Timestamp::MAX, Zoned::timestamp));
        debts
    }
}

impl Waiting {
    /// It counts from a time that was not announced.
    pub fn is_for_announced_time(&self) -> bool {
        matches!(self.when.from, Anchor::BeforeExpected { .. } | Anchor::AfterExpected { .. })
    }
}

fn summary(planned: &PlannedCircuit, rule: &Circuit) -> CircuitSummary {
    CircuitSummary {
        circuit: planned.id.clone(),
        title: rule.title.clone(),
        lines: planned.lines.clone(),
        satisfied_by: planned.satisfied_by.clone(),
        taken_charge_by: words::satisfied_by(&planned.satisfied_by),
        guidance: planned.guidance.clone(),
    }
}

/// Whether a planned step is a turn of the written one: `name`, `name#2`, `name+07:00`.
fn is_of(planned: &str, written: &str) -> bool {
    planned.strip_prefix(written).is_some_and(|rest| rest.is_empty() || rest.starts_with(['#', '+']))
}

/// The bodies that owe something by name when they are few, their role otherwise.
fn owing(directory: &Directory, by: &Target) -> String {
    match directory.bodies_of(by).as_slice() {
        [only] => only.name.clone(),
        _ => directory.role_label(&by.role).to_owned(),
    }
}

fn reached(body: &Body, step: &PlannedStep, rank: Rank, at: Timestamp) -> BodyTold {
    let by = |channels: &[Channel], by_fallback: bool| -> Vec<Reached> {
        let of = |channel: &Channel| {
            let contacts = body.reach(*channel, rank, at);
            let mut positions: Vec<String> = contacts.iter().filter_map(|contact| contact.duty.clone()).collect();
            positions.sort();
            positions.dedup();
            Reached { channel: *channel, contacts: contacts.len(), positions, by_fallback }
        };
        channels.iter().map(of).filter(|reached| reached.contacts > 0).collect()
    };
    let first = by(&step.channels, false);
    let reached = if first.is_empty() { by(&step.fallback, true) } else { first };
    BodyTold { id: body.id.clone(), name: body.name.clone(), reached }
}

fn place(scope: &Scope) -> String {
    match scope {
        Scope::City => "in the city".to_owned(),
        Scope::Sectors(ids) => format!("in {}", ids.iter().map(SectorId::as_str).collect::<Vec<_>>().join(", ")),
        Scope::Bodies(ids) => format!("among {} named bodies", ids.len()),
        Scope::Schools(uais) => format!("for {} schools", uais.len()),
    }
}
