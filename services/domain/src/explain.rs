//! Why a body was or was not told of an incident: circuit by circuit, step by step, from the frozen plans and what
//! happened.
//!
//! Pure: the same plans, facts and directory give the same explanation, also years later.

use jiff::Timestamp;
use serde::Serialize;
use vigie_proto::{
    BodyId, Channel, RoleId,
    event::{StepOutcome, StepSettledV1},
    plan::{Added, Expects, PlannedStep, Rank, Scope, Target},
};

use crate::{
    directory::{Body, Directory},
    doctrine::{Circuit, Condition, Doctrine, Situation, holds},
    escalation::{Chapter, added, is_news},
    french,
};

/// An alert that was issued to the body in question.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Number of the plan that asked for it.
    pub generation: u32,
    /// `circuit/step` of each step that asked for it.
    pub steps: Vec<String>,
    pub channel: Channel,
    pub at: Timestamp,
    /// What became of it, in French, in order.
    pub deliveries: Vec<String>,
}

/// The answer for one body and one incident.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    pub told: bool,
    /// One French sentence.
    pub summary: String,
    pub circuits: Vec<CircuitExplained>,
}

/// What one circuit meant for the body.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CircuitExplained {
    pub circuit: String,
    /// Lines of the contract; empty for what a person asked for.
    pub lines: String,
    /// Number of the plan; null when the circuit was in none.
    pub generation: Option<u32>,
    /// Why it did not apply, in French; null when it did.
    pub does_not_apply: Option<String>,
    pub steps: Vec<StepExplained>,
}

/// What one step meant for the body.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StepExplained {
    pub step: String,
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    pub verdict: Verdict,
    /// One French sentence.
    pub text: String,
}

/// Why a step told the body, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Told,
    /// Its role is told by the step, but in other sectors or schools.
    Elsewhere,
    /// The step is not due yet, or waits for something.
    NotYet,
    /// Somebody had taken charge.
    Acknowledged,
    /// The body itself had.
    InCharge,
    /// What the step reminds of was given.
    Returned,
    /// The incident was closed or took another plan before.
    Superseded,
    /// Overdue beyond its use after an outage.
    Expired,
    /// Outside the hours it serves; others were told instead, if any.
    OutOfHours,
    /// It is told instead of another outside that one's hours, and these were its hours.
    Instead,
    /// It had no contact point for this on duty.
    NoContact,
    /// By the directory of today it would have been told: the directory has changed since.
    Changed,
}

/// Explains, for `body`, what the plans and the doctrine meant, `tellings` being what it was told. `doctrine` is the one the plans were made from, when it
/// is at hand; without it, circuits that did not apply are not explained.
pub fn explain(
    body: &Body,
    chapters: &[Chapter],
    tellings: &[Told],
    situation: &Situation,
    doctrine: Option<&Doctrine>,
    directory: &Directory,
    zone: &jiff::tz::TimeZone,
) -> Explanation {
    let mut circuits = Vec::new();
    for (position, chapter) in chapters.iter().enumerate() {
        let teller = Teller { body, tellings, directory, zone, chapter, next: chapters.get(position + 1) };
        for circuit in &chapter.plan.circuits {
            let of_role = |step: &&PlannedStep| step.tell.iter().any(|target| names(target, &body.role, &body.id));
            // What a person asked for stands in a circuit, but the contract's lines are not why.
            let (asked, planned): (Vec<&PlannedStep>, Vec<&PlannedStep>) =
                circuit.steps.iter().filter(of_role).partition(|step| is_requested(step));
            for (steps, lines) in [(planned, circuit.lines.as_str()), (asked, "")] {
                let explained = |step: &&PlannedStep| teller.step(step, &format!("{}/{}", circuit.id, step.id));
                let steps: Vec<StepExplained> = steps.iter().map(explained).collect();
                if !steps.is_empty() {
                    circuits.push(CircuitExplained {
                        circuit: circuit.id.clone(),
                        lines: lines.to_owned(),
                        generation: Some(chapter.generation),
                        does_not_apply: None,
                        steps,
                    });
                }
            }
        }
        let steps = teller.news();
        if !steps.is_empty() {
            let (circuit, generation) = ("news".to_owned(), Some(chapter.generation));
            circuits.push(CircuitExplained { circuit, lines: String::new(), generation, does_not_apply: None, steps });
        }
    }
    for circuit in doctrine.into_iter().flat_map(|doctrine| &doctrine.circuits) {
        let planned = chapters.iter().any(|chapter| chapter.plan.circuits.iter().any(|p| p.id == circuit.id));
        let concerned = circuit.steps.iter().any(|step| step.tell.iter().any(|audience| audience.role == body.role));
        if concerned && !planned && circuit.kinds.contains(&situation.kind) {
            circuits.push(CircuitExplained {
                circuit: circuit.id.clone(),
                lines: circuit.lines.clone(),
                generation: None,
                does_not_apply: Some(why_not(circuit, situation, directory)),
                steps: Vec::new(),
            });
        }
    }
    let told = circuits.iter().flat_map(|c| &c.steps).any(|step| step.verdict == Verdict::Told) || !tellings.is_empty();
    let summary = summary(body, tellings, told, &circuits, directory, zone);
    Explanation { told, summary, circuits }
}

/// Whether a person had somebody told by this step.
fn is_requested(step: &PlannedStep) -> bool {
    matches!(added(step), Some(Added::Call | Added::TakeOver))
}

fn summary(
    body: &Body,
    tellings: &[Told],
    told: bool,
    circuits: &[CircuitExplained],
    directory: &Directory,
    zone: &jiff::tz::TimeZone,
) -> String {
    let first = tellings.iter().map(|told| told.at).min();
    match first {
        Some(at) => format!("{} a été prévenu le {}.", body.name, french::date_time(at, zone)),
        None if told => format!("{} a été prévenu.", body.name),
        None if circuits.is_empty() => format!(
            "{} n'a pas été prévenu : aucun circuit de ce type d'événement ne prévient la fonction « {} ».",
            body.name,
            directory.role_label(&body.role)
        ),
        None => format!("{} n'a pas été prévenu : voir chaque circuit.", body.name),
    }
}

/// Says what one plan meant for a body.
struct Teller<'a> {
    body: &'a Body,
    tellings: &'a [Told],
    directory: &'a Directory,
    zone: &'a jiff::tz::TimeZone,
    chapter: &'a Chapter,
    /// The plan that followed.
    next: Option<&'a Chapter>,
}

impl Teller<'_> {
    fn step(&self, step: &PlannedStep, name: &str) -> StepExplained {
        let chapter = self.chapter;
        let settled = chapter.settled.iter().rfind(|settled| settled.step == name);
        let of_step = |told: &&Told| told.generation == chapter.generation && told.steps.iter().any(|s| s == name);
        let tellings: Vec<String> = self.tellings.iter().filter(of_step).map(|told| self.told(told)).collect();
        let (verdict, text) = match settled {
            _ if !tellings.is_empty() => (Verdict::Told, tellings.join(" ")),
            None if self.is_elsewhere(step) => self.elsewhere(step),
            None => (Verdict::NotYet, self.not_yet(step)),
            Some(settled) => self.not_told(step, settled),
        };
        let text = match self.requested(step) {
            Some(by) => {
                let mut letters = text.chars();
                let first: String = letters.next().into_iter().flat_map(char::to_lowercase).collect();
                format!("{by} {first}{}", letters.as_str())
            }
            None => text,
        };
        let due_at = settled.map_or(step.due_at, |settled| settled.due_at);
        StepExplained { step: name.to_owned(), due_at, verdict, text }
    }

    /// News that told it: what became of any is told where they stand, not who would have been told.
    fn news(&self) -> Vec<StepExplained> {
        let under_it = self.tellings.iter().filter(|told| told.generation == self.chapter.generation);
        let news =
            under_it.flat_map(|told| told.steps.iter().filter(|step| is_news(step)).map(move |step| (told, step)));
        let explained = news.map(|(told, step)| StepExplained {
            step: step.clone(),
            due_at: told.at,
            verdict: Verdict::Told,
            text: format!("Du nouveau : {}", self.told(told)),
        });
        explained.collect()
    }

    /// At whose request, for a step that a person asked for.
    fn requested(&self, step: &PlannedStep) -> Option<String> {
        let by = step.requested_by.as_ref().map(|by| self.name(by));
        match (added(step)?, by) {
            (Added::Call, Some(by)) => Some(format!("À la demande de {by} :")),
            (Added::Call, None) => Some("À la demande d'un service :".to_owned()),
            (Added::TakeOver, Some(by)) => Some(format!("Relais demandé par {by} :")),
            (Added::TakeOver, None) => Some("Relais demandé :".to_owned()),
            (Added::Confirm, _) => None,
        }
    }

    fn told(&self, told: &Told) -> String {
        let mut text = format!("Prévenu le {} par {}", self.at(told.at), channel(told.channel));
        for delivery in &told.deliveries {
            text.push_str(" ; ");
            text.push_str(delivery);
        }
        text.push('.');
        text
    }

    fn not_yet(&self, step: &PlannedStep) -> String {
        if step.waits_for.is_some() {
            "Ce palier attend un fait qui ne s'est pas produit (prise en compte d'un service, clôture).".to_owned()
        } else {
            format!("Ce palier n'est pas encore échu : il l'est le {}.", self.at(step.due_at))
        }
    }

    fn not_told(&self, step: &PlannedStep, settled: &StepSettledV1) -> (Verdict, String) {
        match settled.outcome {
            StepOutcome::Acknowledged => {
                let who = self.chapter.acknowledgements.iter().rfind(|(_, at)| *at <= settled.settled_at);
                let who = who.map(|(body, at)| format!(" par {} le {}", self.name(body), self.at(*at)));
                (
                    Verdict::Acknowledged,
                    format!("Inutile : l'événement était pris en compte{}.", who.unwrap_or_default()),
                )
            }
            StepOutcome::Returned => (Verdict::Returned, "Inutile : le retour avait été donné.".to_owned()),
            StepOutcome::Superseded => (Verdict::Superseded, self.superseded(settled)),
            StepOutcome::Expired => (
                Verdict::Expired,
                "Échu pendant une interruption, trop tard pour être utile : personne n'a été prévenu.".to_owned(),
            ),
            StepOutcome::Fired | StepOutcome::Folded | StepOutcome::NobodyFound => self.left_out(step, settled),
        }
    }

    /// Why a step was dropped then.
    fn superseded(&self, settled: &StepSettledV1) -> String {
        let then = settled.settled_at;
        let when = self.at(then);
        if self.chapter.closed.is_some_and(|closed| closed <= then) {
            format!("Sans objet depuis le {when} : l'événement était clos.")
        } else if self.next.is_some_and(|next| next.began <= then) {
            format!("Remplacé le {when} : le niveau a changé, un autre plan a pris la suite.")
        } else if settled.due_at <= self.chapter.began {
            format!("Déjà passé quand le niveau a baissé, le {when} : pas répété.")
        } else {
            format!("Retiré le {when} : le plan ne le demande plus.")
        }
    }

    /// The step told, but not this body.
    fn left_out(&self, step: &PlannedStep, settled: &StepSettledV1) -> (Verdict, String) {
        let now = settled.settled_at;
        let is_of = |target: &Target| self.directory.bodies_of(target).iter().any(|body| body.id == self.body.id);
        let asked: Vec<&Target> =
            step.tell.iter().flat_map(|target| target.at(now)).filter(|target| is_of(target)).collect();
        let Some(rank) = asked.iter().map(|target| target.rank).next() else {
            return self.not_meant(step, is_of, now);
        };
        // Of a step that asks, the fact itself says who was in charge; facts of former releases do not.
        let is_said = settled.asked.is_some() && step.expects == Expects::Acknowledgement;
        let took_charge = || self.chapter.acknowledgements.iter().any(|(b, at)| *b == self.body.id && *at <= now);
        if settled.in_charge.contains(&self.body.id) || (!is_said && step.unless_acknowledged && took_charge()) {
            return (Verdict::InCharge, "Ce service avait déjà pris l'événement en compte.".to_owned());
        }
        let reachable = step.channels.iter().chain(&step.fallback).any(|c| !self.body.reach(*c, rank, now).is_empty());
        if !reachable {
            return (Verdict::NoContact, self.no_contact(step, rank, now));
        }
        let changed = "D'après l'annuaire d'aujourd'hui, ce service aurait été prévenu : l'annuaire a changé depuis.";
        (Verdict::Changed, changed.to_owned())
    }

    /// The step told, and did not come down to this body at that moment: its hours, those of another, or another place.
    fn not_meant(&self, step: &PlannedStep, is_of: impl Fn(&Target) -> bool, now: Timestamp) -> (Verdict, String) {
        let all: Vec<&Target> = step.tell.iter().flat_map(with_those_instead).collect();
        let closed: Vec<&Target> =
            all.iter().copied().filter(|target| is_of(target) && !target.serves_at(now)).collect();
        if !closed.is_empty() {
            let instead = self.roles(closed.into_iter().flat_map(|target| &target.otherwise));
            let instead = if instead.is_empty() {
                "personne n'est prévenu à sa place".to_owned()
            } else {
                format!("prévenu à sa place : {instead}")
            };
            return (Verdict::OutOfHours, format!("Hors des heures de service le {} ; {instead}.", self.at(now)));
        }
        let whose = self.roles(step.tell.iter().filter(|target| with_those_instead(target).into_iter().any(&is_of)));
        if !whose.is_empty() {
            let text = format!("Prévenu seulement hors des heures de : {whose} ; le {}, c'en étaient.", self.at(now));
            return (Verdict::Instead, text);
        }
        self.elsewhere(step)
    }

    /// Whether the step comes down to this body at no hour: places are frozen with the plan.
    fn is_elsewhere(&self, step: &PlannedStep) -> bool {
        let is_of = |target: &Target| self.directory.bodies_of(target).iter().any(|body| body.id == self.body.id);
        !step.tell.iter().flat_map(with_those_instead).any(is_of)
    }

    fn elsewhere(&self, step: &PlannedStep) -> (Verdict, String) {
        let all = step.tell.iter().flat_map(with_those_instead);
        let mine = all.filter(|target| names(target, &self.body.role, &self.body.id));
        let scopes: Vec<String> = mine.map(|target| scope(&target.scope)).collect();
        (Verdict::Elsewhere, format!("Ce palier prévient cette fonction {}, pas ce service.", scopes.join(", ")))
    }

    fn no_contact(&self, step: &PlannedStep, rank: Rank, now: Timestamp) -> String {
        let channels: Vec<&str> = step.channels.iter().chain(&step.fallback).map(|c| channel(*c)).collect();
        let position = match rank {
            Rank::Desk | Rank::First => 0,
            Rank::Second => 1,
            Rank::All => return format!("Aucune coordonnée par {}.", channels.join(" ni ")),
        };
        let on_duty = self.body.roster.as_ref().and_then(|roster| roster.on_duty(position, now));
        match on_duty {
            Some(duty) => format!(
                "D'astreinte au rang {} le {} : « {duty} », sans coordonnée par {}.",
                position + 1,
                self.at(now),
                channels.join(" ni ")
            ),
            None => format!(
                "Personne d'astreinte au rang {} le {} : le tableau d'astreinte n'a pas ce rang.",
                position + 1,
                self.at(now)
            ),
        }
    }

    /// Their labels, in a row.
    fn roles<'t>(&self, targets: impl Iterator<Item = &'t Target>) -> String {
        targets.map(|target| self.directory.role_label(&target.role)).collect::<Vec<_>>().join(", ")
    }

    fn name(&self, id: &BodyId) -> String {
        self.directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone())
    }

    fn at(&self, instant: Timestamp) -> String {
        french::date_time(instant, self.zone)
    }
}

/// Whether a target, or those told instead of it, is this role or names this body.
fn names(target: &Target, role: &RoleId, body: &BodyId) -> bool {
    target.role == *role
        || matches!(&target.scope, Scope::Bodies(ids) if ids.contains(body))
        || target.otherwise.iter().any(|other| names(other, role, body))
}

/// A target, those told instead of it, and so on.
fn with_those_instead(target: &Target) -> Vec<&Target> {
    std::iter::once(target).chain(target.otherwise.iter().flat_map(with_those_instead)).collect()
}

fn why_not(circuit: &Circuit, situation: &Situation, directory: &Directory) -> String {
    if !circuit.severities.contains(&situation.severity) {
        let wanted: Vec<&str> = circuit.severities.iter().map(|severity| severity.label()).collect();
        return format!("Pour le niveau {} ; celui-ci est {}.", wanted.join(" ou "), situation.severity.label());
    }
    if !circuit.regimes.contains(&situation.regime) {
        let wanted: Vec<&str> = circuit.regimes.iter().map(|regime| regime.label()).collect();
        return format!("Sous le régime {} ; celui-ci : {}.", wanted.join(" ou "), situation.regime.label());
    }
    if let Some(missing) = circuit.when.iter().find(|condition| !holds(**condition, situation)) {
        return match missing {
            Condition::AtSchool => "Seulement aux abords d'un établissement scolaire.",
            Condition::NearBorder => "Seulement près d'une limite d'arrondissement ou de commune.",
            Condition::Expected => "Seulement quand une heure est annoncée.",
            Condition::Exercise => "Seulement en exercice.",
            Condition::Real => "Pas en exercice.",
        }
        .to_owned();
    }
    if !circuit.raised_by.is_empty() && !circuit.raised_by.contains(&situation.raised_by) {
        let wanted: Vec<&str> = circuit.raised_by.iter().map(|role| directory.role_label(role)).collect();
        return format!(
            "Seulement si le signalement vient de : {} ; celui-ci vient de : {}.",
            wanted.join(", "),
            directory.role_label(&situation.raised_by)
        );
    }
    "Aucun de ses paliers n'avait de destinataire ici.".to_owned()
}

fn scope(scope: &Scope) -> String {
    match scope {
        Scope::City => "pour toute la ville".to_owned(),
        Scope::Sectors(ids) => {
            format!("dans {}", ids.iter().map(vigie_proto::SectorId::as_str).collect::<Vec<_>>().join(", "))
        }
        Scope::Schools(uais) => format!("dans {} établissements alentour", uais.len()),
        Scope::Bodies(_) => "nommément".to_owned(),
    }
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "courriel",
        Channel::Sms => "SMS",
        Channel::Screen => "écran",
    }
}
