//! What makes a raised signal acceptable. Every fault is told at once, with its field and its remedy, in French.

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{
    Severity,
    signal::{Location, LocationFields, Parties, SignalReport},
};

use crate::{
    access::{Caller, Refusal},
    assess::{AssessError, Assessment, assess},
    city::City,
    doctrine::KindRule,
    territory::{Found, PlaceKind, TYPED_M, Territory, Understood},
    text,
};

/// How long ago something reported may have happened.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How far ahead something may be announced.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 60);
/// Clocks and time zones of reporters are not exact: a warning is not lost for an hour too many.
const MAX_CLOCK_ERROR: SignedDuration = SignedDuration::from_hours(24);
/// Beyond this, the raiser is told.
const CLOCK_DOUBT: SignedDuration = SignedDuration::from_mins(5);
/// Beyond this a position is not one.
const MAX_ACCURACY_M: f64 = 5_000.0;

/// A signal that may be stored as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    pub severity: Severity,
    pub location: Location,
    pub occurred_at: Timestamp,
    pub place: Assessment,
    /// Things to tell the raiser that do not prevent the signal: the text seems to hold a name, a date is odd.
    pub warnings: Vec<Flaw>,
}

/// One thing wrong, or doubtful, in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Path of the field, such as `location.school`.
    pub field: &'static str,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl Flaw {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

/// Why a signal is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inadmissible {
    /// The content is wrong: 422.
    Flawed(Vec<Flaw>),
    /// The raiser may not raise this, or not there: 403.
    Forbidden(Flaw),
}

/// Judges `report` as raised by `caller` at `now`.
pub fn admit(report: &SignalReport, caller: Caller<'_>, city: &City, now: Timestamp) -> Result<Admitted, Inadmissible> {
    let mut flaws = Vec::new();
    let rule = city.doctrine.kind(&report.kind);
    if rule.is_none() {
        let known: Vec<&str> = city.doctrine.kinds.keys().map(vigie_proto::Kind::as_str).collect();
        flaws.push(Flaw::new(
            "kind",
            format!("« {} » n'existe pas. Valeurs admises : {}.", report.kind, known.join(", ")),
        ));
    }
    check_summary(report.summary.as_deref(), &mut flaws);
    check_times(report, now, &mut flaws);
    check_parties(report.parties.as_ref(), &mut flaws);
    check_facts(&report.facts, rule, &mut flaws);
    if report
        .location
        .address
        .as_deref()
        .is_some_and(|address| text::has_control(address) || address.chars().count() > 200)
    {
        flaws.push(Flaw::new("location.address", "200 caractères au plus, sans caractère de contrôle."));
    }
    let location = resolve(&report.location, &city.territory, &mut flaws);
    let place = match (&location, rule) {
        (Some(location), Some(rule)) => located(location, caller, rule, city, &mut flaws),
        _ => None,
    };
    let (Some(rule), Some(location), Some(place), true) = (rule, location, place, flaws.is_empty()) else {
        return Err(Inadmissible::Flawed(flaws));
    };
    caller
        .may_raise(&report.kind, &place, report.exercise, &city.territory)
        .map_err(|refusal| Inadmissible::Forbidden(refused(refusal)))?;
    let mut warnings = naming(report.summary.as_deref().unwrap_or_default());
    if place.vague {
        let bound_m = city.doctrine.accuracy.bound_m(&caller.source.role);
        warnings.push(Flaw::new(
            "location.accuracy_m",
            format!("Le point est imprécis (plus de {bound_m} m) : seul son secteur est prévenu, et il est dit que le lieu est à préciser."),
        ));
    }
    if report.occurred_at.is_some_and(|at| at > now + CLOCK_DOUBT) {
        warnings.push(Flaw::new(
            "occurred_at",
            "La date du fait est dans le futur : pour un fait annoncé, donnez plutôt la date annoncée.",
        ));
    }
    Ok(Admitted {
        severity: report.severity.unwrap_or(rule.default_severity),
        location,
        occurred_at: report.occurred_at.unwrap_or(now),
        place,
        warnings,
    })
}

/// Doubts about a text that seems to name somebody: they are told, and hold nothing back.
pub fn naming(summary: &str) -> Vec<Flaw> {
    let summary = text::seen(summary).unwrap_or_default();
    text::naming(&summary).into_iter().map(|message| Flaw::new("summary", message)).collect()
}

fn refused(refusal: Refusal) -> Flaw {
    match refusal {
        Refusal::Kind => Flaw::new(
            "kind",
            "Votre fonction ne permet pas de signaler ce type d'événement. Appelez le 17 en cas d'urgence.",
        ),
        Refusal::Exercise => Flaw::new(
            "exercise",
            "Votre fonction ne permet pas de jouer un exercice. Demandez-le à la salle de commandement.",
        ),
        Refusal::Place => Flaw::new(
            "location",
            "Vous pouvez signaler votre établissement et ses abords, ou votre secteur, pas un autre lieu. Appelez le 17 en cas d'urgence.",
        ),
    }
}

fn check_summary(summary: Option<&str>, flaws: &mut Vec<Flaw>) {
    let Some(summary) = summary.and_then(text::seen) else { return };
    let length = summary.chars().count();
    if length > text::MOST {
        flaws.push(Flaw::new("summary", format!("Le texte compte {length} caractères ; {} au plus.", text::MOST)));
    }
    if text::has_control(&summary) {
        flaws.push(Flaw::new("summary", "Le texte contient des caractères de contrôle : retirez-les."));
    }
}

fn check_times(report: &SignalReport, now: Timestamp, flaws: &mut Vec<Flaw>) {
    if let Some(at) = report.occurred_at {
        if at > now + MAX_CLOCK_ERROR {
            flaws.push(Flaw::new(
                "occurred_at",
                "La date du fait est dans le futur : pour un fait annoncé, donnez plutôt la date annoncée.",
            ));
        } else if at < now - MAX_AGE {
            flaws.push(Flaw::new(
                "occurred_at",
                "La date du fait remonte à plus de 30 jours : vérifiez l'année et le fuseau horaire.",
            ));
        }
    }
    if report.learnt_at.is_some_and(|at| at > now + MAX_CLOCK_ERROR || at < now - MAX_AGE) {
        flaws.push(Flaw::new("learnt_at", "La date à laquelle vous l'avez appris est à plus de 30 jours, ou future."));
    }
    if let Some(at) = report.expected_at {
        if at > now + MAX_AHEAD {
            flaws.push(Flaw::new("expected_at", "La date annoncée est à plus de 60 jours : vérifiez l'année."));
        } else if at < now - MAX_CLOCK_ERROR {
            flaws.push(Flaw::new(
                "expected_at",
                "La date annoncée est passée : vérifiez-la, ou donnez plutôt la date du fait.",
            ));
        }
    }
}

fn check_parties(parties: Option<&Parties>, flaws: &mut Vec<Flaw>) {
    if let Some(count) = parties.and_then(|p| p.estimated_count)
        && !(1..=10_000).contains(&count)
    {
        flaws.push(Flaw::new("parties.estimated_count", "Le nombre de personnes doit être compris entre 1 et 10 000."));
    }
}

fn check_facts(facts: &[String], rule: Option<&KindRule>, flaws: &mut Vec<Flaw>) {
    let Some(rule) = rule else { return };
    for fact in facts {
        if !rule.facts.iter().any(|known| known.code == *fact) {
            let known: Vec<&str> = rule.facts.iter().map(|known| known.code.as_str()).collect();
            flaws.push(Flaw::new("facts", format!("« {fact} » n'existe pas. Valeurs admises : {}.", known.join(", "))));
        }
    }
    let given = facts.iter().filter(|fact| rule.one_fact_of.contains(fact)).count();
    if !rule.one_fact_of.is_empty() && given != 1 {
        let choice = rule.one_fact_of.join(", ");
        flaws.push(Flaw::new("facts", format!("Précisez une et une seule de ces situations : {choice}.")));
    }
}

/// Exactly one way of saying where, made precise.
fn resolve(fields: &LocationFields, territory: &Territory, flaws: &mut Vec<Flaw>) -> Option<Location> {
    let point = fields.lon.is_some() || fields.lat.is_some();
    let ways = [point, fields.school.is_some(), fields.address.is_some(), fields.sector.is_some()];
    if ways.iter().filter(|given| **given).count() != 1 {
        flaws.push(Flaw::new("location", "Donnez un seul lieu : lon et lat, ou school, ou address, ou sector."));
        return None;
    }
    if fields.accuracy_m.is_some() && !point {
        flaws.push(Flaw::new("location.accuracy_m", "La précision accompagne lon et lat seulement."));
        return None;
    }
    if let Some(uai) = &fields.school {
        return Some(Location::School { uai: uai.clone() });
    }
    if let Some(sector) = &fields.sector {
        return Some(Location::Sector { sector: sector.clone() });
    }
    if let Some(address) = &fields.address {
        return place_named(address, territory, flaws);
    }
    let (Some(lon), Some(lat)) = (fields.lon, fields.lat) else {
        flaws.push(Flaw::new("location", "lon et lat vont ensemble."));
        return None;
    };
    let accuracy_m = fields.accuracy_m.unwrap_or(0.0);
    if !(0.0..=MAX_ACCURACY_M).contains(&accuracy_m) {
        flaws.push(Flaw::new(
            "location.accuracy_m",
            "La précision doit être comprise entre 0 et 5 000 mètres ; au-delà, donnez sector.",
        ));
        return None;
    }
    Some(Location::Point { lon, lat, accuracy_m })
}

fn place_named(text: &str, territory: &Territory, flaws: &mut Vec<Flaw>) -> Option<Location> {
    let fault = match territory.understand(text, None) {
        Understood::Point(at) => return Some(Location::Point { lon: at.lon, lat: at.lat, accuracy_m: TYPED_M }),
        Understood::Place(found) => return Some(location_of(&found)),
        understood @ (Understood::Unclear(_) | Understood::Unknown | Understood::Nowhere(_)) => {
            not_understood(&understood)
        }
    };
    flaws.extend(fault.map(|message| Flaw::new("location.address", message)));
    None
}

/// Where a place is, for a signal: the school itself, the sector, or a point as exact as the place is.
pub fn location_of(found: &Found) -> Location {
    if let Some(uai) = &found.school {
        return Location::School { uai: uai.clone() };
    }
    if found.kind == PlaceKind::Sector {
        return Location::Sector { sector: found.sector.clone() };
    }
    let accuracy_m = found.accuracy_m.clamp(0.0, MAX_ACCURACY_M);
    Location::Point { lon: found.at.lon, lat: found.at.lat, accuracy_m }
}

/// Why a text is no place yet, in French, with what it may have meant; nothing for one that is.
pub fn not_understood(understood: &Understood) -> Option<String> {
    match understood {
        Understood::Point(_) | Understood::Place(_) => None,
        Understood::Unclear(found) => {
            let candidates: Vec<String> = found.iter().map(|found| format!("« {} »", found.said())).collect();
            Some(format!(
                "Ce lieu n'est pas sûr. Vouliez-vous dire {} ? Précisez le numéro, l'arrondissement ou le nom entier.",
                candidates.join(" ou ")
            ))
        }
        Understood::Unknown => Some(
            "Lieu inconnu : donnez une adresse, une rue, un établissement ou une station de Paris, ou un point."
                .to_owned(),
        ),
        Understood::Nowhere(error) => Some(error.in_french().to_owned()),
    }
}

fn located(
    location: &Location,
    caller: Caller<'_>,
    rule: &KindRule,
    city: &City,
    flaws: &mut Vec<Flaw>,
) -> Option<Assessment> {
    match assess(location, city.doctrine.accuracy.bound_m(&caller.source.role), rule, &city.territory) {
        Ok(place) => Some(place),
        Err(error) => {
            flaws.push(misplaced(&error));
            None
        }
    }
}

fn misplaced(error: &AssessError) -> Flaw {
    match error {
        AssessError::UnknownSchool(uai) => Flaw::new(
            "location.school",
            format!("L'établissement {uai} n'est pas dans la liste : vérifiez l'UAI, ou donnez lon et lat."),
        ),
        AssessError::UnknownSector(sector) => Flaw::new(
            "location.sector",
            format!(
                "Le secteur « {sector} » n'existe pas : paris-centre, paris-05 à paris-20, ou com- et le code INSEE d'une commune limitrophe."
            ),
        ),
        AssessError::Locate(error) => Flaw::new("location", error.in_french()),
    }
}
