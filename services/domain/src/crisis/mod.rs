//! A crisis as a state machine: what people do and what times pass come in, facts and notices go out as data.
//!
//! The cast: [`Rules`] is what the doctrine says; [`Crisis`] the state; [`mobilisation`] follows one request for a
//! resource, [`care`] one reception centre, [`report`] what a sector owes, [`relay`] texts that others relay, [`retex`]
//! what is learnt; [`awaited`] says what it waits for, [`crate::account`] tells the whole from the journal, [`exercise`] plays a
//! script on a clock. Nobody is ever named: people are counted.

pub mod awaited;
pub mod care;
pub mod exercise;
pub mod mobilisation;
pub mod relay;
pub mod report;
pub mod retex;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId, Channel, CrisisRegime, IncidentId, Nature, RoleId, SectorId,
    crisis::{
        CrisisClosedV1, CrisisIncidentLinkedV1, CrisisOpenedV1, CrisisRegimeChangedV1, CrisisRolesSetV1, CrisisSnapshot,
    },
    event::{Actor, Event, IncidentSnapshot, ResourceRequest},
    plan::Target,
};

pub use crate::doctrine::crises::{
    CareRules, CategoryRule, ChoiceRule, FieldRule, Labelled, Notice, Place, RegimeRule, RelayRules, ReminderRule,
    ReportRules, ResourceRule, RetexRules, Rules, TaskRule, Telling, ThroughRule,
};
use care::Care;
use exercise::{Inject, Play};
use mobilisation::Mobilisation;
use relay::Relay;
use report::Reporting;
use retex::Retex;

/// A crisis or a crisis exercise, from its opening to its completed feedback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crisis {
    pub snapshot: CrisisSnapshot,
    /// In the order in which they were linked.
    pub incidents: Vec<IncidentId>,
    pub correspondent: Option<BodyId>,
    pub cell: Vec<BodyId>,
    /// Oldest first.
    pub mobilisations: Vec<Mobilisation>,
    /// Oldest first.
    pub cares: Vec<Care>,
    /// One per sector that owes reports.
    pub reports: Vec<Reporting>,
    /// Texts to relay, oldest first.
    #[serde(default)]
    pub relays: Vec<Relay>,
    /// From the closing on.
    pub retex: Option<Retex>,
    /// The script an exercise follows.
    pub play: Option<Play>,
}

/// When, under which rules, and how fast minutes pass.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    pub rules: &'a Rules,
    pub now: Timestamp,
    /// IANA name of the city's time zone.
    pub zone: &'a str,
    /// Divides every delay, for drills.
    pub time_scale: f64,
}

/// What the service carries out.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Fact(Event),
    Tell(Tell),
    /// The incident takes the regime of its crisis, as an act of the same person.
    SetRegime {
        incident: IncidentId,
        to: CrisisRegime,
    },
    /// What a circuit says is owed because of the incident was given by what was done in the crisis.
    Settle {
        incident: IncidentId,
        /// `circuit/owed`; the earliest that is outstanding, when it is owed several times.
        owed: String,
        /// Only of an incident of this sector; of any when absent.
        sector: Option<SectorId>,
    },
    /// An event of the script happens.
    Inject(Inject),
    /// The exercise is over, and with it this incident that it played.
    End {
        incident: IncidentId,
    },
}

/// Somebody is to be told something, as news of an incident of the crisis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    pub incident: IncidentId,
    /// Unique within the crisis, such as `mobilisation/<id>/2`.
    pub step: String,
    pub targets: Vec<Target>,
    pub channels: Vec<Channel>,
    /// French, the doctrine's words.
    pub say: String,
    /// An answer is asked, by a link.
    pub request: Option<ResourceRequest>,
}

/// Why an act is refused; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this is for other roles")]
    NotYours { who: Vec<RoleId> },
    #[error("no such {0} in this crisis or in the doctrine")]
    Unknown(&'static str),
    #[error("the crisis is closed")]
    Closed,
    #[error("it is not at a stage where this can be done")]
    NotNow,
    #[error("it is so already")]
    Unchanged,
    #[error("the incident does not belong to the crisis")]
    NotLinked,
    #[error("real and played events are never mixed")]
    OtherNature,
    /// What is missing, in French.
    #[error("not everything it needs is there")]
    Missing(Vec<String>),
}

impl Moment<'_> {
    /// So many minutes of the doctrine from now.
    pub fn in_minutes(&self, minutes: u32) -> Timestamp {
        self.now + self.minutes(minutes)
    }

    /// How long so many minutes of the doctrine last.
    pub fn minutes(&self, minutes: u32) -> SignedDuration {
        // To the microsecond, as the database keeps it.
        let micros = (f64::from(minutes) * 60e6 / self.time_scale).round().max(1.0);
        SignedDuration::from_secs_f64(micros / 1e6)
    }
}

/// Errors when the actor's role is not one of `roles`.
fn allowed(by: &Actor, roles: &[RoleId]) -> Result<(), Refused> {
    if roles.contains(&by.role) { Ok(()) } else { Err(Refused::NotYours { who: roles.to_vec() }) }
}

impl Crisis {
    /// Opens a crisis; `snapshot` is what the service knows of it (id, reference, place), its regime the one asked.
    pub fn open(
        snapshot: CrisisSnapshot,
        incident: Option<&IncidentSnapshot>,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<(Self, Vec<Effect>), Refused> {
        allowed(by, &at.rules.conducted_by)?;
        if snapshot.regime == CrisisRegime::None {
            return Err(Refused::Unknown("regime"));
        }
        if incident.is_some_and(|incident| incident.nature != snapshot.nature) {
            return Err(Refused::OtherNature);
        }
        let mut crisis = Self {
            snapshot,
            incidents: incident.iter().map(|incident| incident.id).collect(),
            correspondent: None,
            cell: Vec::new(),
            mobilisations: Vec::new(),
            cares: Vec::new(),
            reports: Vec::new(),
            relays: Vec::new(),
            retex: None,
            play: None,
        };
        let opened = CrisisOpenedV1 {
            crisis: crisis.snapshot.clone(),
            incident: incident.map(|incident| incident.id),
            by: by.clone(),
            at: at.now,
        };
        let mut effects = vec![Effect::Fact(opened.into())];
        if let Some(incident) = incident {
            effects.extend(crisis.spread_to(incident));
        }
        effects.extend(crisis.owe_reports(at));
        Ok((crisis, effects))
    }

    /// Another regime: who directs, and what is owed, change with it.
    pub fn set_regime(&mut self, to: CrisisRegime, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        let from = self.snapshot.regime;
        if to == CrisisRegime::None {
            return Err(Refused::Unknown("regime"));
        }
        if from == to {
            return Err(Refused::Unchanged);
        }
        self.snapshot.regime = to;
        let changed = CrisisRegimeChangedV1 { crisis: self.snapshot.clone(), from, by: by.clone(), at: at.now };
        let mut effects = vec![Effect::Fact(changed.into())];
        effects.extend(self.incidents.iter().map(|incident| Effect::SetRegime { incident: *incident, to }));
        effects.extend(self.owe_reports(at));
        Ok(effects)
    }

    /// One more incident belongs to it, with its sectors.
    pub fn link(&mut self, incident: &IncidentSnapshot, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        if incident.nature != self.snapshot.nature {
            return Err(Refused::OtherNature);
        }
        if self.incidents.contains(&incident.id) {
            return Err(Refused::Unchanged);
        }
        self.incidents.push(incident.id);
        for sector in sectors_of(incident) {
            if !self.snapshot.sectors.contains(&sector) {
                self.snapshot.sectors.push(sector);
            }
        }
        let crisis = self.snapshot.clone();
        let linked = CrisisIncidentLinkedV1 { crisis, incident: incident.id, by: by.clone(), at: at.now };
        let mut effects = vec![Effect::Fact(linked.into())];
        effects.extend(self.spread_to(incident));
        effects.extend(self.owe_reports(at));
        Ok(effects)
    }

    /// Names the one correspondent of the authority that gathers what concerns victims, with the role the directory gives
    /// it; none, and there is none any more.
    pub fn appoint(
        &mut self,
        correspondent: Option<(BodyId, &RoleId)>,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        if let Some((_, role)) = &correspondent
            && !at.rules.correspondents.contains(role)
        {
            return Err(Refused::NotYours { who: at.rules.correspondents.clone() });
        }
        let named = correspondent.map(|(body, _)| body);
        if self.correspondent == named {
            return Err(Refused::Unchanged);
        }
        self.correspondent = named;
        Ok(vec![self.roles_set(by, at)])
    }

    /// A body, of the role the directory gives it, takes a seat in the crisis cell.
    pub fn seat(&mut self, body: BodyId, role: &RoleId, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        if !at.rules.may_sit(role) {
            return Err(Refused::NotYours { who: at.rules.cell.clone() });
        }
        if self.cell.contains(&body) {
            return Err(Refused::Unchanged);
        }
        self.cell.push(body);
        Ok(vec![self.roles_set(by, at)])
    }

    /// A body leaves the crisis cell.
    pub fn unseat(&mut self, body: &BodyId, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        if !self.cell.contains(body) {
            return Err(Refused::Unchanged);
        }
        self.cell.retain(|seated| seated != body);
        Ok(vec![self.roles_set(by, at)])
    }

    fn roles_set(&self, by: &Actor, at: Moment<'_>) -> Effect {
        let set = CrisisRolesSetV1 {
            crisis: self.snapshot.clone(),
            correspondent: self.correspondent.clone(),
            cell: self.cell.clone(),
            by: by.clone(),
            at: at.now,
        };
        Effect::Fact(set.into())
    }

    /// Ends it. Whatever is mobilised is released and every centre closed first; then the feedback is owed.
    pub fn close(&mut self, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        let busy = self.mobilisations.iter().filter(|m| !m.is_over()).map(|m| format!("Libérer : {}", m.rule.label));
        let centres = self.cares.iter().filter(|care| care.closed_at.is_none());
        let missing: Vec<String> = busy.chain(centres.map(|_| "Fermer le C.A.RE".to_owned())).collect();
        if !missing.is_empty() {
            return Err(Refused::Missing(missing));
        }
        self.snapshot.closed = true;
        self.reports.iter_mut().for_each(Reporting::end);
        self.retex = Some(Retex::owed(at));
        let closed = CrisisClosedV1 { crisis: self.snapshot.clone(), by: by.clone(), at: at.now };
        let mut effects = vec![Effect::Fact(closed.into())];
        if self.snapshot.nature.is_exercise() {
            effects.extend(self.incidents.iter().map(|incident| Effect::End { incident: *incident }));
        }
        Ok(effects)
    }

    /// The earliest instant at which something is due; none when nothing is.
    pub fn next_due(&self) -> Option<Timestamp> {
        let mobilisations = self.mobilisations.iter().filter_map(Mobilisation::due_at);
        let reports = self.reports.iter().filter_map(Reporting::next_due);
        let play = self.play.iter().filter(|_| !self.snapshot.closed).filter_map(Play::next_due);
        mobilisations.chain(reports).chain(self.retex.iter().filter_map(Retex::next_due)).chain(play).min()
    }

    /// Settles everything due by now; safe at any time, any number of times.
    pub fn settle_due(&mut self, at: Moment<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for mobilisation in &mut self.mobilisations {
            effects.extend(mobilisation.settle_due(&self.snapshot, at));
        }
        if !self.snapshot.closed {
            effects.extend(self.play_on(at));
        }
        if let Some(incident) = self.incidents.first() {
            for reporting in &mut self.reports {
                effects.extend(reporting.settle_due(&self.snapshot, *incident, at));
            }
        }
        if let Some(retex) = &mut self.retex {
            effects.extend(retex.settle_due(&self.snapshot, self.incidents.first().copied(), at));
        }
        effects
    }

    /// Still open, and the actor conducts crises.
    fn conduct(&self, by: &Actor, at: Moment<'_>) -> Result<(), Refused> {
        self.still_open()?;
        allowed(by, &at.rules.conducted_by)
    }

    fn still_open(&self) -> Result<(), Refused> {
        if self.snapshot.closed { Err(Refused::Closed) } else { Ok(()) }
    }

    fn spread_to(&self, incident: &IncidentSnapshot) -> Option<Effect> {
        let to = self.snapshot.regime;
        (incident.regime != to).then_some(Effect::SetRegime { incident: incident.id, to })
    }

    /// What is `owed` because of each event of the crisis, given at once.
    fn settled(&self, owed: &[String], sector: Option<&SectorId>) -> Vec<Effect> {
        let of = |incident: &IncidentId| {
            let incident = *incident;
            owed.iter().map(move |owed| Effect::Settle { incident, owed: owed.clone(), sector: sector.cloned() })
        };
        self.incidents.iter().flat_map(of).collect()
    }

    /// Every sector owes reports under the regimes that ask for them, none under the others.
    fn owe_reports(&mut self, at: Moment<'_>) -> Vec<Effect> {
        if !at.rules.report.regimes.contains(&self.snapshot.regime) {
            self.reports.iter_mut().for_each(Reporting::end);
            return Vec::new();
        }
        let mut effects = Vec::new();
        for sector in self.snapshot.sectors.clone() {
            let known = self.reports.iter_mut().position(|reporting| reporting.sector == sector);
            let position = known.unwrap_or_else(|| {
                self.reports.push(Reporting::of(sector, at.rules.report.clone()));
                self.reports.len() - 1
            });
            effects.extend(self.reports[position].begin(&self.snapshot, at));
        }
        effects
    }
}

/// The sector that owns an incident, then the others concerned.
pub fn sectors_of(incident: &IncidentSnapshot) -> Vec<SectorId> {
    std::iter::once(&incident.sector).chain(&incident.also_concerns).cloned().collect()
}

/// The mark every page and document of an exercise carries; empty in reality.
pub fn mark(nature: Nature) -> &'static str {
    if nature.is_exercise() { "EXERCICE – " } else { "" }
}
