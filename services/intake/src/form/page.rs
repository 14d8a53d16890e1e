//! `GET /signaler`: the form.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use vigie_domain::{
    admission::Flaw,
    city::City,
    directory::{Ambit, Source},
    doctrine::EmergencyNumber,
};
use vigie_platform::ids;
use vigie_proto::{Kind, Severity};

use super::{answers::Answers, render, visitor};
use crate::Edge;

/// One radio button or box.
#[derive(Debug)]
pub(crate) struct Choice {
    value: String,
    label: String,
    hint: &'static str,
    chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "form.html")]
pub(crate) struct FormPage<'a> {
    source_name: &'a str,
    /// Shown before anything else.
    emergency: &'a [EmergencyNumber],
    kinds: Vec<Choice>,
    severities: Vec<Choice>,
    places: Vec<Choice>,
    whens: Vec<Choice>,
    facts: Vec<Choice>,
    weapons: Vec<Choice>,
    answers: &'a Answers,
    flaws: &'a [Flaw],
    warnings: &'a [Flaw],
}

impl FormPage<'_> {
    /// Something optional was answered, or is to be corrected there: show that part open.
    fn has_details(&self) -> bool {
        let a = self.answers;
        let given = !a.facts.is_empty() || !a.count.is_empty() || !a.summary.is_empty() || !a.weapons.is_empty();
        given || !self.warnings.is_empty()
    }
}

pub(crate) async fn show(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Response {
    match visitor(&edge, &headers).await {
        Ok(source) => {
            let answers = Answers { key: ids::fresh().to_string(), ..Answers::default() };
            form(StatusCode::OK, &edge.city, source, &answers, &[], &[])
        }
        Err(response) => response,
    }
}

/// The form for `source`, with what was already answered.
pub(crate) fn form(
    status: StatusCode,
    city: &City,
    source: &Source,
    answers: &Answers,
    flaws: &[Flaw],
    warnings: &[Flaw],
) -> Response {
    let kinds = kinds_of(city, source);
    let chosen_kind = kinds.iter().find(|kind| kind.as_str() == answers.kind).or(kinds.first());
    let page = FormPage {
        source_name: &source.name,
        emergency: &city.doctrine.emergency,
        severities: Severity::ALL.iter().map(|s| severity(*s, &answers.severity)).collect(),
        places: places(city, source, &answers.place),
        whens: [("now", "Maintenant", ""), ("announced", "C'est annoncé pour…", ""), ("past", "C'est déjà arrivé", "")]
            .into_iter()
            .map(|(value, label, hint)| choice(value, label, hint, &answers.when, "now"))
            .collect(),
        facts: facts(city, &kinds, answers),
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
                chosen: Some(kind) == chosen_kind,
            })
            .collect(),
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
    Choice { value: value.to_owned(), label: label.to_owned(), hint, chosen: answered == value }
}

fn severity(severity: Severity, answered: &str) -> Choice {
    let hint = match severity {
        Severity::Watch => "À surveiller : rumeur, ambiance tendue",
        Severity::Tension => "Plausible dans les heures ou les jours qui viennent",
        Severity::Serious => "En cours ou imminent, arme, blessé",
        Severity::Fatal => "Décès ou pronostic vital engagé : appelez d'abord le 17 et le 15",
    };
    choice(severity.code(), severity.label(), hint, answered, Severity::Tension.code())
}

fn places(city: &City, source: &Source, answered: &str) -> Vec<Choice> {
    let point = ("point", "Un autre point".to_owned(), "Coordonnées copiées d'un plan, ou adresse d'un établissement");
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
fn facts(city: &City, kinds: &[Kind], answers: &Answers) -> Vec<Choice> {
    let mut facts: Vec<Choice> = Vec::new();
    for rule in kinds.iter().filter_map(|kind| city.doctrine.kind(kind)).flat_map(|rule| &rule.facts) {
        if !facts.iter().any(|known| known.value == rule.code) {
            facts.push(Choice {
                value: rule.code.clone(),
                label: rule.label.clone(),
                hint: "",
                chosen: answers.facts.contains(&rule.code),
            });
        }
    }
    facts
}
