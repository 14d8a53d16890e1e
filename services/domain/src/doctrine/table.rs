//! The doctrine as a page to read: every circuit of the contract, fiche by fiche, and what Vigie does with it.

use std::collections::BTreeSet;

use vigie_proto::{CrisisRegime, RoleId, Severity};

use super::{Circuit, Condition, Doctrine, Fiche, Timing};

const HEADER: &str = "\
# The doctrine

What the *Contrat Parisien de Prévention et de Sécurité 2023-2026* asks of Vigie, one file per fiche (`f-1-6.toml` is
fiche F.1.6) and `doctrine.toml` for what holds for all. This page is made from them: change the files, not the page.

- Every circuit the contract describes has a verdict: `[[circuit]]`, Vigie carries it; `[[counted]]`, Vigie keeps a number
  and no content; `[[outside]]`, it is not Vigie's, and the file says why. A circuit without a verdict is a fault.
- A circuit says for which kinds and severities it is, in which crisis regimes, under which conditions, whose answer ends
  it, what is owed, and its steps: when, unless what, tell whom, by which channels.
- `timing = \"contract\"` is a time the contract states; `timing = \"default\"` is ours, for the city to set. Lines are those of
  the contract's text.
- After a change: `vigie doctrine check` lists every fault with file and line; `vigie doctrine diff BEFORE` says what changes
  for whom; `vigie doctrine explain --kind rixe --severity serious --at paris-19` prints who would be told, when and how. An
  incident in flight keeps the doctrine it opened with.
- Then write this page again, or a test fails: `vigie doctrine table > config/doctrine/README.md`
";

/// The page, in Markdown.
pub fn table(doctrine: &Doctrine) -> String {
    let mut page = vec![HEADER.to_owned(), "## In all\n".to_owned(), totals(doctrine)];
    let place = |fiche: &&Fiche| doctrine.expected_fiches.iter().position(|id| *id == fiche.id);
    let mut fiches: Vec<&Fiche> = doctrine.fiches.iter().collect();
    fiches.sort_by_key(place);
    for fiche in fiches {
        page.push(format!("\n## {} — {}\n\nLines {}.\n", fiche.id, fiche.title, fiche.lines));
        page.extend(head(["circuit", "title", "lines", "verdict", "for what, or why", "times"]));
        page.extend(fiche.circuits.iter().flat_map(|id| rows(doctrine, fiche, id)));
    }
    page.push("\n## Indicators\n".to_owned());
    page.extend(head(["indicator", "lines", "counted by"]));
    page.extend(indicators(doctrine));
    page.join("\n") + "\n"
}

fn totals(doctrine: &Doctrine) -> String {
    let all: BTreeSet<&str> = doctrine.fiches.iter().flat_map(|f| &f.circuits).map(String::as_str).collect();
    let carried: BTreeSet<&str> = doctrine.circuits.iter().map(|c| c.id.as_str()).collect();
    let counted: BTreeSet<&str> = doctrine.counted.iter().map(|c| c.id.as_str()).collect();
    let outside: BTreeSet<&str> = doctrine.outside.iter().map(|c| c.id.as_str()).collect();
    format!(
        "{} fiches, {} circuits: {} carried, {} counted ({} of them carried too), {} outside. {} indicators.",
        doctrine.fiches.len(),
        all.len(),
        carried.len(),
        counted.len(),
        carried.intersection(&counted).count(),
        outside.len(),
        doctrine.indicators.len(),
    )
}

/// One row for each verdict the circuit has: one, or several plans of it, or a plan and a number.
fn rows(doctrine: &Doctrine, fiche: &Fiche, id: &str) -> Vec<String> {
    let here = |of: &str, known: &str| of == fiche.id && known == id;
    let carried = doctrine.circuits.iter().filter(|c| here(&c.fiche, &c.id));
    let carried = carried.map(|c| row([id, &c.title, &c.lines, "carried", &scope(doctrine, c), times(c)]));
    let counted = doctrine.counted.iter().filter(|c| here(&c.fiche, &c.id)).map(|c| {
        let labels = c.indicators.iter().filter_map(|id| doctrine.indicators.get(id)).map(|i| i.label.as_str());
        let what = format!("{} — {}", labels.collect::<Vec<_>>().join(" ; "), c.reason);
        row([id, &c.title, &c.lines, "counted", &what, "—"])
    });
    let outside = doctrine.outside.iter().filter(|c| here(&c.fiche, &c.id));
    let outside = outside.map(|c| row([id, &c.title, &c.lines, "outside", &c.reason, "—"]));
    carried.chain(counted).chain(outside).collect()
}

fn head<const N: usize>(cells: [&str; N]) -> [String; 2] {
    [row(cells), row(["---"; N])]
}

fn row<const N: usize>(cells: [&str; N]) -> String {
    format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

/// Kinds, severities, regimes, conditions, raisers.
fn scope(doctrine: &Doctrine, circuit: &Circuit) -> String {
    let kinds: Vec<&str> = circuit.kinds.iter().map(|kind| doctrine.kind_label(kind)).collect();
    let mut parts = vec![kinds.join(", ")];
    parts.push(if circuit.severities.len() == Severity::ALL.len() {
        "toute gravité".to_owned()
    } else {
        circuit.severities.iter().map(|severity| severity.label().to_lowercase()).collect::<Vec<_>>().join(", ")
    });
    if circuit.regimes.len() < CrisisRegime::ALL.len() {
        let regimes = circuit.regimes.iter().map(|regime| match regime {
            CrisisRegime::None => "hors crise".to_owned(),
            CrisisRegime::Local | CrisisRegime::City | CrisisRegime::National => regime.label().to_lowercase(),
        });
        parts.push(regimes.collect::<Vec<_>>().join(", "));
    }
    parts.extend(circuit.when.iter().map(|condition| in_words(*condition).to_owned()));
    if !circuit.raised_by.is_empty() {
        let roles: Vec<&str> = circuit.raised_by.iter().map(RoleId::as_str).collect();
        parts.push(format!("signalé par {}", roles.join(", ")));
    }
    parts.extend(circuit.owed.iter().map(|owed| format!("dû : {}", owed.what)));
    parts.join(" ; ")
}

fn in_words(condition: Condition) -> &'static str {
    match condition {
        Condition::AtSchool => "à un établissement ou ses abords",
        Condition::NearBorder => "près d'une limite",
        Condition::Expected => "heure annoncée",
        Condition::Exercise => "exercice",
        Condition::Real => "réel",
    }
}

/// Whether the contract states any of the circuit's times.
fn times(circuit: &Circuit) -> &'static str {
    let steps = circuit.steps.iter().map(|step| step.timing);
    let timings: BTreeSet<bool> =
        steps.chain(circuit.owed.iter().map(|owed| owed.timing)).map(|timing| timing == Timing::Contract).collect();
    match (timings.contains(&true), timings.contains(&false)) {
        (true, true) => "stated, reminders default",
        (true, false) => "stated",
        (false, _) => "default",
    }
}

fn indicators(doctrine: &Doctrine) -> impl Iterator<Item = String> {
    doctrine.indicators.iter().map(|(id, indicator)| {
        let circuits = doctrine.circuits.iter().filter(|c| c.counts.contains(id)).map(|c| c.id.clone());
        let by_hand = doctrine.counted.iter().filter(|c| c.indicators.contains(id)).map(|c| {
            let roles: Vec<&str> = c.by.iter().map(RoleId::as_str).collect();
            format!("{}, by {}", c.id, roles.join(", "))
        });
        let by: BTreeSet<String> = circuits.chain(by_hand).collect();
        row([&indicator.label, &indicator.lines, &by.into_iter().collect::<Vec<_>>().join(" ; ")])
    })
}
