//! The feedback owed after every crisis and exercise: sections that people write, actions somebody owns, reminders.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use vigie_proto::{
    IncidentId, RoleId,
    crisis::{CrisisRetexMovedV1, CrisisSnapshot, RetexMoved},
    event::{Actor, Event},
    plan::Offset,
};

use super::{Crisis, Effect, Moment, Refused, RetexRules, Tell, allowed};

/// A feedback, with the rules as they were when the crisis closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retex {
    pub rules: RetexRules,
    pub closed_at: Timestamp,
    /// Sections that hold words; the words stay with the service.
    pub written: BTreeSet<String>,
    /// In the order in which they were added.
    pub actions: Vec<Improvement>,
    pub completed_at: Option<Timestamp>,
    /// When each reminder is due, in the order of the rules.
    reminders: Vec<Timestamp>,
    /// Reminders that were given.
    reminded: usize,
}

/// Something a body of a role improves by a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Improvement {
    /// From 1.
    pub number: u32,
    pub owner: RoleId,
    pub due_on: Date,
    pub done: bool,
}

impl Crisis {
    /// A section was written.
    pub fn write(&mut self, section: &str, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        let retex = open_retex(&mut self.retex, by)?;
        if !retex.rules.sections.iter().any(|known| known.id == section) {
            return Err(Refused::Unknown("section"));
        }
        retex.written.insert(section.to_owned());
        Ok(vec![fact(&self.snapshot, RetexMoved::Written { section: section.to_owned() }, Some(by), at)])
    }

    /// Adds an action; returns its number with the effects.
    pub fn add_action(
        &mut self,
        owner: RoleId,
        due_on: Date,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<(u32, Vec<Effect>), Refused> {
        let retex = open_retex(&mut self.retex, by)?;
        let number = u32::try_from(retex.actions.len()).unwrap_or(u32::MAX).saturating_add(1);
        retex.actions.push(Improvement { number, owner: owner.clone(), due_on, done: false });
        let added = RetexMoved::ActionAdded { number, owner, due_on };
        Ok((number, vec![fact(&self.snapshot, added, Some(by), at)]))
    }

    /// An action was done; its owner may say so, also after the feedback was completed.
    pub fn finish_action(&mut self, number: u32, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        let retex = self.retex.as_mut().ok_or(Refused::NotNow)?;
        let action = retex.actions.iter_mut().find(|a| a.number == number).ok_or(Refused::Unknown("action"))?;
        let mut who = retex.rules.written_by.clone();
        who.push(action.owner.clone());
        allowed(by, &who)?;
        if action.done {
            return Err(Refused::Unchanged);
        }
        action.done = true;
        Ok(vec![fact(&self.snapshot, RetexMoved::ActionDone { number }, Some(by), at)])
    }

    /// Completes it: every section holds words.
    pub fn complete(&mut self, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        let retex = open_retex(&mut self.retex, by)?;
        let missing = retex.rules.sections.iter().filter(|section| !retex.written.contains(&section.id));
        let missing: Vec<String> = missing.map(|section| section.label.clone()).collect();
        if !missing.is_empty() {
            return Err(Refused::Missing(missing));
        }
        retex.completed_at = Some(at.now);
        let settles = retex.rules.settles.clone();
        let mut effects = vec![fact(&self.snapshot, RetexMoved::Completed, Some(by), at)];
        effects.extend(self.settled(&settles, None));
        Ok(effects)
    }
}

impl Retex {
    /// The feedback of a crisis closed now.
    pub(super) fn owed(at: Moment<'_>) -> Self {
        let rules = at.rules.retex.clone();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded scale of 1 to 10,000")]
        let hastened = at.time_scale.round().clamp(1.0, 10_000.0) as u32;
        let due =
            |day, time| Offset::LocalDay { days: day, at: time, zone: at.zone.to_owned(), hastened }.after(at.now);
        let reminders = rules.reminders.iter().map(|reminder| due(reminder.day, reminder.at)).collect();
        Self {
            rules,
            closed_at: at.now,
            written: BTreeSet::new(),
            actions: Vec::new(),
            completed_at: None,
            reminders,
            reminded: 0,
        }
    }

    /// The next reminder, while it is not complete.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        if self.completed_at.is_some() { None } else { self.reminders.get(self.reminded).copied() }
    }

    /// A reminder was given: it is later than the doctrine wants it.
    pub(super) fn was_reminded_of(&self) -> bool {
        self.reminded > 0
    }

    /// Reminds once of everything due: after an outage, nobody is told three times at once.
    pub(super) fn settle_due(
        &mut self,
        crisis: &CrisisSnapshot,
        incident: Option<IncidentId>,
        at: Moment<'_>,
    ) -> Vec<Effect> {
        let mut last = None;
        while self.next_due().is_some_and(|due| due <= at.now) {
            last = self.rules.reminders.get(self.reminded);
            self.reminded += 1;
        }
        let Some(rule) = last else { return Vec::new() };
        let mut effects = vec![fact(crisis, RetexMoved::Reminded { day: rule.day }, None, at)];
        effects.extend(incident.map(|incident| {
            Effect::Tell(Tell {
                incident,
                step: format!("retex/{}", rule.day),
                targets: rule.notice.targets(&crisis.sectors),
                channels: rule.notice.channels.clone(),
                say: rule.notice.say.clone(),
                request: None,
            })
        }));
        effects
    }
}

/// The feedback while it can be changed, by whoever writes it.
fn open_retex<'a>(retex: &'a mut Option<Retex>, by: &Actor) -> Result<&'a mut Retex, Refused> {
    let retex = retex.as_mut().ok_or(Refused::NotNow)?;
    allowed(by, &retex.rules.written_by)?;
    if retex.completed_at.is_some() { Err(Refused::NotNow) } else { Ok(retex) }
}

fn fact(crisis: &CrisisSnapshot, moved: RetexMoved, by: Option<&Actor>, at: Moment<'_>) -> Effect {
    Effect::Fact(Event::from(CrisisRetexMovedV1 { crisis: crisis.clone(), moved, by: by.cloned(), at: at.now }))
}
