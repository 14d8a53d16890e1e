//! A reception centre: who armed it, what each body has done in it, how many people it received, when it may close.
//!
//! Numbers by category and nothing else: there is no field a name or a list would fit in.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId, CareId, SectorId,
    crisis::{CareMoved, CrisisCareMovedV1, CrisisSnapshot, TaskState},
    event::{Actor, Event},
};

use super::{CareRules, CategoryRule, Crisis, Effect, Labelled, Moment, Refused, TaskRule, allowed};

/// More people than the city has are a slip of the hand.
pub const MOST_PEOPLE: u32 = 100_000;

/// One centre, with the rules as they were when it opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Care {
    pub id: CareId,
    pub rules: CareRules,
    /// [`CareRules::places`]
    pub place: String,
    pub sector: SectorId,
    /// [`CareRules::inside`]
    pub inside: Vec<String>,
    pub armed_by: BodyId,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// State and time of the tasks that were begun, by id.
    pub tasks: BTreeMap<String, (TaskState, Timestamp)>,
    /// Latest number by category.
    pub people: BTreeMap<String, u32>,
}

impl Crisis {
    /// Arms a centre in a sector of the crisis.
    pub fn open_care(
        &mut self,
        id: CareId,
        place: &str,
        sector: SectorId,
        inside: Vec<String>,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<Vec<Effect>, Refused> {
        self.still_open()?;
        let rules = &at.rules.care;
        allowed(by, &rules.opened_by)?;
        if !holds(&rules.places, place) {
            return Err(Refused::Unknown("place"));
        }
        if inside.iter().any(|what| !holds(&rules.inside, what)) {
            return Err(Refused::Unknown("inside"));
        }
        if !self.snapshot.sectors.contains(&sector) {
            return Err(Refused::Unknown("sector"));
        }
        let care = Care {
            id,
            rules: rules.clone(),
            place: place.to_owned(),
            sector: sector.clone(),
            inside,
            armed_by: by.body.clone(),
            opened_at: at.now,
            closed_at: None,
            tasks: BTreeMap::new(),
            people: BTreeMap::new(),
        };
        self.cares.push(care);
        let moved = CareMoved::Opened { place: place.to_owned(), sector };
        Ok(vec![fact(&self.snapshot, id, moved, by, at)])
    }

    /// A body says how far its task is; whoever conducts or armed the centre may say it for it.
    pub fn set_task(
        &mut self,
        id: CareId,
        task: &str,
        state: TaskState,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<Vec<Effect>, Refused> {
        self.still_open()?;
        let care = open_care(&mut self.cares, id)?;
        let rule = care.rules.tasks.iter().find(|rule| rule.id == task).ok_or(Refused::Unknown("task"))?;
        let mut who = vec![rule.role.clone()];
        who.extend(care.rules.opened_by.iter().cloned());
        allowed(by, &who)?;
        if care.task(rule) == state {
            return Err(Refused::Unchanged);
        }
        care.tasks.insert(task.to_owned(), (state, at.now));
        Ok(vec![fact(&self.snapshot, id, CareMoved::Task { task: task.to_owned(), state }, by, at)])
    }

    /// Gives numbers by category; those not named stay.
    pub fn count(
        &mut self,
        id: CareId,
        people: BTreeMap<String, u32>,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<Vec<Effect>, Refused> {
        self.still_open()?;
        let care = open_care(&mut self.cares, id)?;
        for (category, number) in &people {
            let rule = care.rules.category(category).ok_or(Refused::Unknown("category"))?;
            allowed(by, &rule.counted_by)?;
            if *number > MOST_PEOPLE {
                return Err(Refused::Unknown("number"));
            }
        }
        care.people.extend(people.clone());
        Ok(vec![fact(&self.snapshot, id, CareMoved::Counted { people }, by, at)])
    }

    /// Closes a centre: every condition of the doctrine is said to hold.
    pub fn close_care(
        &mut self,
        id: CareId,
        holding: &[String],
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<Vec<Effect>, Refused> {
        self.still_open()?;
        let care = open_care(&mut self.cares, id)?;
        allowed(by, &care.rules.opened_by)?;
        let conditions = care.rules.closes_when.iter();
        let missing: Vec<String> =
            conditions.filter(|condition| !holding.contains(&condition.id)).map(|c| c.label.clone()).collect();
        if !missing.is_empty() {
            return Err(Refused::Missing(missing));
        }
        care.closed_at = Some(at.now);
        Ok(vec![fact(&self.snapshot, id, CareMoved::Closed, by, at)])
    }
}

impl Care {
    /// How far a task of the checklist is.
    pub fn task(&self, rule: &TaskRule) -> TaskState {
        self.tasks.get(&rule.id).map_or(TaskState::Waiting, |(state, _)| *state)
    }

    /// How long it has been open, or was.
    pub fn lasted(&self, now: Timestamp) -> SignedDuration {
        self.closed_at.unwrap_or(now).duration_since(self.opened_at)
    }

    /// French name of the kind of place.
    pub fn place_label(&self) -> &str {
        self.rules.places.iter().find(|place| place.id == self.place).map_or(&self.place, |place| &place.label)
    }
}

impl CareRules {
    pub fn category(&self, id: &str) -> Option<&CategoryRule> {
        self.categories.iter().find(|category| category.id == id)
    }
}

fn open_care(cares: &mut [Care], id: CareId) -> Result<&mut Care, Refused> {
    let care = cares.iter_mut().find(|care| care.id == id).ok_or(Refused::Unknown("care"))?;
    if care.closed_at.is_some() { Err(Refused::NotNow) } else { Ok(care) }
}

fn holds(list: &[Labelled], id: &str) -> bool {
    list.iter().any(|known| known.id == id)
}

fn fact(crisis: &CrisisSnapshot, care: CareId, moved: CareMoved, by: &Actor, at: Moment<'_>) -> Effect {
    Effect::Fact(Event::from(CrisisCareMovedV1 { crisis: crisis.clone(), care, moved, by: by.clone(), at: at.now }))
}
