//! What a sector owes the crisis cell: a situation report every so often, and a reminder when none came.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_proto::{
    IncidentId, SectorId,
    crisis::{CrisisReportMovedV1, CrisisSnapshot, ReportMoved},
    event::{Actor, Event},
};

use super::{Crisis, Effect, Moment, Notice, Refused, ReportRules, Tell, allowed};

/// The reports of one sector, with the rules as they were when it began to owe them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reporting {
    pub sector: SectorId,
    pub rules: ReportRules,
    /// Of the report owed now, from 1.
    pub number: u32,
    /// None while none is owed.
    pub due_at: Option<Timestamp>,
    /// When the sector is reminded of the one owed; none before it is due.
    reminder_at: Option<Timestamp>,
    pub given: u32,
    /// Due times that passed without one.
    pub missed: u32,
    /// The last one given.
    pub last: Option<Given>,
}

/// A report as it was given; its words stay with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub number: u32,
    /// Option by field.
    pub answers: BTreeMap<String, String>,
    pub at: Timestamp,
}

impl Crisis {
    /// A sector gives the report it owes, one predefined option per field. Returns its number with the effects.
    pub fn report(
        &mut self,
        sector: &SectorId,
        answers: BTreeMap<String, String>,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<(u32, Vec<Effect>), Refused> {
        self.still_open()?;
        let reporting = self.reports.iter_mut().find(|r| r.sector == *sector && r.due_at.is_some());
        let reporting = reporting.ok_or(Refused::Unknown("report"))?;
        allowed(by, &reporting.rules.given_by)?;
        reporting.rules.judge(&answers)?;
        let number = reporting.number;
        reporting.give(answers.clone(), at);
        let settles = reporting.rules.settles.clone();
        let mut effects = vec![fact(&self.snapshot, sector, number, ReportMoved::Given { answers }, Some(by), at)];
        effects.extend(self.settled(&settles, Some(sector)));
        Ok((number, effects))
    }
}

impl ReportRules {
    /// Every field has one of its options, and nothing else is there.
    fn judge(&self, answers: &BTreeMap<String, String>) -> Result<(), Refused> {
        let answered = |id: &str, option: &String| {
            let field = self.fields.iter().find(|field| field.id == id);
            field.is_some_and(|field| field.options.iter().any(|known| known.id == *option))
        };
        if answers.iter().any(|(id, option)| !answered(id, option)) {
            return Err(Refused::Unknown("field"));
        }
        let missing = self.fields.iter().filter(|field| !answers.contains_key(&field.id));
        let missing: Vec<String> = missing.map(|field| field.label.clone()).collect();
        if missing.is_empty() { Ok(()) } else { Err(Refused::Missing(missing)) }
    }
}

impl Reporting {
    pub(super) fn of(sector: SectorId, rules: ReportRules) -> Self {
        Self { sector, rules, number: 1, due_at: None, reminder_at: None, given: 0, missed: 0, last: None }
    }

    /// The first report is owed from now on; nothing changes when one is.
    pub(super) fn begin(&mut self, crisis: &CrisisSnapshot, at: Moment<'_>) -> Option<Effect> {
        if self.due_at.is_some() {
            return None;
        }
        let due_at = at.in_minutes(self.rules.every_min);
        self.due_at = Some(due_at);
        Some(fact(crisis, &self.sector, self.number, ReportMoved::Owed { due_at }, None, at))
    }

    /// None is owed any more.
    pub(super) fn end(&mut self) {
        self.due_at = None;
        self.reminder_at = None;
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due_at.map(|due_at| self.reminder_at.unwrap_or(due_at))
    }

    /// Asks for the report when it is due, then once more, then for the next one.
    pub(super) fn settle_due(&mut self, crisis: &CrisisSnapshot, incident: IncidentId, at: Moment<'_>) -> Vec<Effect> {
        let (Some(due_at), Some(next)) = (self.due_at, self.next_due()) else { return Vec::new() };
        if next > at.now {
            return Vec::new();
        }
        let asked = self.tell(&self.rules.due, "due", incident);
        if self.reminder_at.is_none() {
            self.reminder_at = Some(due_at + at.minutes(self.rules.reminder_after_min));
            return vec![asked];
        }
        let number = self.number;
        let reminded = self.tell(&self.rules.overdue, "overdue", incident);
        self.missed += 1;
        self.advance(due_at, at);
        vec![fact(crisis, &self.sector, number, ReportMoved::Reminded, None, at), reminded]
    }

    fn give(&mut self, answers: BTreeMap<String, String>, at: Moment<'_>) {
        self.given += 1;
        self.last = Some(Given { number: self.number, answers, at: at.now });
        let due_at = self.due_at.unwrap_or(at.now);
        self.advance(due_at, at);
    }

    /// The next due time after `due_at` that is not past: computed from due times, so that lateness does not add up.
    fn advance(&mut self, due_at: Timestamp, at: Moment<'_>) {
        let every = at.minutes(self.rules.every_min);
        let mut next = due_at + every;
        if next <= at.now {
            let behind = at.now.duration_since(next).as_nanos() / every.as_nanos().max(1) + 1;
            next += every * i32::try_from(behind).unwrap_or(i32::MAX);
        }
        self.number += 1;
        self.due_at = Some(next);
        self.reminder_at = None;
    }

    fn tell(&self, notice: &Notice, what: &str, incident: IncidentId) -> Effect {
        let sector = std::slice::from_ref(&self.sector);
        Effect::Tell(Tell {
            incident,
            step: format!("report/{}/{}/{what}", self.sector, self.number),
            targets: notice.targets(sector),
            channels: notice.channels.clone(),
            say: notice.say.clone(),
            request: None,
        })
    }
}

fn fact(
    crisis: &CrisisSnapshot,
    sector: &SectorId,
    number: u32,
    moved: ReportMoved,
    by: Option<&Actor>,
    at: Moment<'_>,
) -> Effect {
    let (crisis, sector, by) = (crisis.clone(), sector.clone(), by.cloned());
    Effect::Fact(Event::from(CrisisReportMovedV1 { crisis, sector, number, moved, by, at: at.now }))
}
