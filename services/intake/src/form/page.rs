//! `GET /signaler`: the form.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use jiff::SignedDuration;
use jiff_sqlx::ToSqlx;
use serde::Deserialize;
use sqlx::types::Json as SqlJson;
use uuid::Uuid;
use vigie_domain::{
    admission::Flaw,
    city::City,
    directory::{Ambit, Source},
    doctrine::EmergencyNumber,
    french,
    territory::{Found, LonLat, Understood},
};
use vigie_edge::{credential::Presented, page::render, problem::Problem};
use vigie_picture::pictogram;
use vigie_platform::ids;
use vigie_proto::{Kind, Severity, SignalId, signal::Location};

use super::{
    answers::{Answers, code_of},
    chart::Chart,
};
use crate::Edge;

/// One radio button or box.
#[derive(Debug)]
pub(crate) struct Choice {
    value: String,
    label: String,
    hint: &'static str,
    /// SVG beside the words; empty for none.
    sign: String,
    chosen: bool,
}

/// How long the form says what was last received; the device forgets it then too.
const LAST_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The signal last received of a source, whatever device raised it: all that one who opens the form is told of it.
#[derive(Debug)]
pub(crate) struct LastReceived {
    id: SignalId,
    reference: String,
    /// French name of the kind.
    kind: String,
    /// `à 14 h 32`, `hier à 22 h`.
    said: String,
}

/// A predefined fact, and of which kinds it is one.
#[derive(Debug)]
pub(crate) struct FactChoice {
    value: String,
    label: String,
    /// Ids of kinds, spaces between; scripts show it with those only.
    kinds: String,
    chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "form.html")]
pub(crate) struct FormPage<'a> {
    source_id: &'a str,
    source_name: &'a str,
    /// `votre établissement` or `votre service`.
    whose: &'static str,
    /// IANA name of the time zone hours are told in.
    zone: &'a str,
    /// Nothing is answered yet but what the form starts with: a script may put in what could not be sent.
    blank: bool,
    last: Option<LastReceived>,
    /// Shown before anything else.
    emergency: &'a [EmergencyNumber],
    kinds: Vec<Choice>,
    severities: Vec<Choice>,
    places: Vec<Choice>,
    whens: Vec<Choice>,
    facts: Vec<FactChoice>,
    /// Kinds for which a fact must be chosen.
    wanting: String,
    weapons: Vec<Choice>,
    chart: Option<Chart>,
    /// The place that what is written names.
    understood: Option<PlaceShown>,
    /// Nothing but the place is to be looked at before it is sent.
    to_check: bool,
    /// Places that it may name.
    candidates: Vec<Choice>,
    answers: &'a Answers,
    flaws: &'a [Flaw],
    warnings: &'a [Flaw],
}

impl FormPage<'_> {
    /// Something optional was answered, or is to be corrected there: show that part open.
    fn has_details(&self) -> bool {
        let a = self.answers;
        let given = !a.follows.is_empty()
            || !a.facts.is_empty()
            || !a.count.is_empty()
            || !a.summary.is_empty()
            || !a.weapons.is_empty();
        given || !self.warnings.is_empty()
    }
}

/// A place as it was understood.
#[derive(Debug)]
struct PlaceShown {
    /// `20 rue de Crimée, 19e, quartier Amérique`
    said: String,
    /// [`Answers::meant`]
    code: String,
}

impl PlaceShown {
    fn of(found: &Found) -> Self {
        Self { said: found.said(), code: code_of(found) }
    }
}

/// What a form starts from.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Start {
    /// An own signal there is something to add to.
    suite: Option<Uuid>,
}

pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Query(start): Query<Start>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    if caller.role.raises.is_empty() {
        return Err(raises_nothing());
    }
    let begun = begun(&edge, caller.source, start.suite).await?;
    let answers = Answers { key: ids::fresh().to_string(), ..begun };
    let last = last_received(&edge, caller.source).await;
    Ok(form(StatusCode::OK, &edge.city, caller.source, &answers, &[], &[], last))
}

/// Whoever raises nothing has none of these pages.
pub(super) fn raises_nothing() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not-allowed", "Votre fonction ne signale pas d'événement")
        .detail("Si vous craignez une rixe ou voyez un danger, appelez le 17.")
}

/// What was last received of `source`. The form is shown all the same when that cannot be read.
async fn last_received(edge: &Edge, source: &Source) -> Option<LastReceived> {
    let now = edge.now;
    let found = sqlx::query!(
        "select id, reference, kind, received_at from intake.signal where source_id = $1 and received_at > $2
          order by received_at desc limit 1",
        source.id.as_str(),
        (now - LAST_FOR).to_sqlx()
    )
    .fetch_optional(&edge.pool)
    .await;
    let row = found
        .inspect_err(|error| tracing::warn!(error = %error, "the form cannot say what was last received"))
        .ok()??;
    let zone = &edge.city.doctrine.zone;
    let at = row.received_at.to_jiff().to_zoned(zone.clone());
    let day = if at.date() == now.to_zoned(zone.clone()).date() { "" } else { "hier " };
    let label = Kind::new(row.kind.as_str()).map(|kind| edge.city.doctrine.kind_label(&kind).to_owned());
    Some(LastReceived {
        id: SignalId(row.id),
        reference: row.reference,
        kind: label.unwrap_or(row.kind),
        said: format!("{day}à {}", french::time(&at)),
    })
}

/// The answers a form starts with: those of an own signal, when there is something to add to it.
async fn begun(edge: &Edge, source: &Source, signal: Option<Uuid>) -> Result<Answers, sqlx::Error> {
    let Some(signal) = signal else { return Ok(Answers::default()) };
    let row = sqlx::query!(
        r#"select reference, kind, severity, location as "location: SqlJson<Location>"
             from intake.signal where id = $1 and source_id = $2"#,
        signal,
        source.id.as_str()
    )
    .fetch_optional(&edge.pool)
    .await?;
    let Some(row) = row else { return Ok(Answers::default()) };
    let (place, point, accuracy) = match row.location.0 {
        Location::School { .. } => ("school", String::new(), String::new()),
        Location::Sector { .. } => ("sector", String::new(), String::new()),
        Location::Point { lon, lat, accuracy_m } => ("point", format!("{lat}, {lon}"), accuracy_m.to_string()),
    };
    Ok(Answers {
        kind: row.kind,
        severity: row.severity,
        place: place.to_owned(),
        point,
        accuracy,
        follows: row.reference,
        ..Answers::default()
    })
}

/// The form for `source`, with what was already answered.
pub(crate) fn form(
    status: StatusCode,
    city: &City,
    source: &Source,
    answers: &Answers,
    flaws: &[Flaw],
    warnings: &[Flaw],
    last: Option<LastReceived>,
) -> Response {
    let kinds = kinds_of(city, source);
    let chart = Chart::of(city, source);
    let near = chart.as_ref().map(|chart| LonLat::new(chart.lon, chart.lat));
    let (understood, candidates) = match answers.to_be_shown(&city.territory, near) {
        Some(Understood::Place(found)) => (Some(PlaceShown::of(&found)), Vec::new()),
        Some(Understood::Unclear(found)) => (None, found.iter().map(candidate).collect()),
        Some(Understood::Point(_) | Understood::Unknown | Understood::Nowhere(_)) => (None, Vec::new()),
        None => {
            let shown = answers.place_shown().filter(|_| answers.place == "point");
            (shown.map(|_| PlaceShown { said: answers.point.clone(), code: answers.meant.clone() }), Vec::new())
        }
    };
    let to_check = status != StatusCode::OK && flaws.is_empty() && warnings.is_empty() && understood.is_some();
    let chosen_kind = kinds.iter().find(|kind| kind.as_str() == answers.kind).or(kinds.first());
    let page = FormPage {
        source_id: source.id.as_str(),
        source_name: &source.name,
        whose: if matches!(source.ambit, Ambit::School(_)) { "votre établissement" } else { "votre service" },
        zone: city.doctrine.zone.iana_name().unwrap_or("UTC"),
        blank: status == StatusCode::OK && flaws.is_empty() && warnings.is_empty() && answers.follows.is_empty(),
        last,
        emergency: &city.doctrine.emergency,
        severities: Severity::ALL.iter().map(|s| severity(*s, &answers.severity)).collect(),
        places: places(city, source, &answers.place),
        whens: [("now", "Maintenant", ""), ("announced", "C'est annoncé pour…", ""), ("past", "C'est déjà arrivé", "")]
            .into_iter()
            .map(|(value, label, hint)| choice(value, label, hint, &answers.when, "now"))
            .collect(),
        facts: facts(city, &kinds, answers),
        wanting: wanting(city, &kinds),
        weapons: [("unknown", "Je ne sais pas"), ("none", "Aucune"), ("suspected", "Évoquées"), ("seen", "Vues")]
            .into_iter()
            .map(|(value, label)| choice(value, label, "", &answers.weapons, "unknown"))
            .collect(),
        kinds: kinds
            .iter()
            .map(|kind| Choice {
                value: kind.to_string(),
                label: city.doctrine.kind_label(kind).to_owned(),
                hint: "",
                sign: city.doctrine.kind(kind).and_then(|rule| rule.pictogram).map(pictogram::sign).unwrap_or_default(),
                chosen: Some(kind) == chosen_kind,
            })
            .collect(),
        chart,
        understood,
        to_check,
        candidates,
        answers,
        flaws,
        warnings,
    };
    render(status, &page)
}

fn kinds_of(city: &City, source: &Source) -> Vec<Kind> {
    city.directory.role(&source.role).map(|role| role.raises.clone()).unwrap_or_default()
}

fn choice(value: &str, label: &str, hint: &'static str, answered: &str, default: &str) -> Choice {
    let answered = if answered.is_empty() { default } else { answered };
    Choice { value: value.to_owned(), label: label.to_owned(), hint, sign: String::new(), chosen: answered == value }
}

/// A place to choose; what tells it from the others is part of its name.
fn candidate(found: &Found) -> Choice {
    choice(&code_of(found), &found.said(), "", "", "")
}

fn severity(severity: Severity, answered: &str) -> Choice {
    let hint = match severity {
        Severity::Watch => "À surveiller : rumeur, ambiance tendue",
        Severity::Tension => "Plausible dans les heures ou les jours qui viennent",
        Severity::Serious => "En cours ou imminent, arme, blessé",
        Severity::Fatal => "Décès ou pronostic vital engagé : appelez d'abord le 17 et le 15",
    };
    let choice = choice(severity.code(), severity.label(), hint, answered, Severity::Tension.code());
    Choice { sign: pictogram::gauge(severity), ..choice }
}

fn places(city: &City, source: &Source, answered: &str) -> Vec<Choice> {
    let point = (
        "point",
        "Un autre point".to_owned(),
        "Une adresse, une rue, un établissement, une station, ou des coordonnées",
    );
    let (choices, default) = match &source.ambit {
        Ambit::School(uai) => {
            let name =
                city.territory.school(uai).map_or_else(|| "Mon établissement".to_owned(), |school| school.name.clone());
            (
                vec![
                    ("school", name, "Mon établissement"),
                    ("around", "Ses abords".to_owned(), "Rues et places autour"),
                    point,
                ],
                "school",
            )
        }
        Ambit::Sector(sector) => {
            (vec![("sector", city.sector_label(sector).to_owned(), "Sans plus de précision"), point], "point")
        }
        Ambit::City => (vec![point], "point"),
    };
    choices.into_iter().map(|(value, label, hint)| choice(value, &label, hint, answered, default)).collect()
}

/// Facts of every kind the source may raise, each once.
fn facts(city: &City, kinds: &[Kind], answers: &Answers) -> Vec<FactChoice> {
    let mut facts: Vec<FactChoice> = Vec::new();
    for (kind, rule) in kinds.iter().filter_map(|kind| Some((kind, city.doctrine.kind(kind)?))) {
        for fact in &rule.facts {
            match facts.iter_mut().find(|known| known.value == fact.code) {
                Some(known) => known.kinds = format!("{} {kind}", known.kinds),
                None => facts.push(FactChoice {
                    value: fact.code.clone(),
                    label: fact.label.clone(),
                    kinds: kind.to_string(),
                    chosen: answers.facts.contains(&fact.code),
                }),
            }
        }
    }
    facts
}

/// Kinds that are not complete without one of their facts, spaces between.
fn wanting(city: &City, kinds: &[Kind]) -> String {
    let wants = |kind: &&Kind| city.doctrine.kind(kind).is_some_and(|rule| !rule.one_fact_of.is_empty());
    kinds.iter().filter(wants).map(Kind::as_str).collect::<Vec<_>>().join(" ")
}
