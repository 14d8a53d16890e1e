//! The contract's indicators, under the fiche that asks for them.

use vigie_domain::{city::City, discretion::Told, doctrine::Fiche};

use super::figures::{Figures, shown};

/// What one fiche asks to be counted.
#[derive(Debug)]
pub(super) struct FicheFigures {
    /// `F.1.6, Prévenir et lutter contre…`
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
}

/// One indicator.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) label: String,
    /// Lines of the contract.
    pub(super) lines: String,
    pub(super) number: String,
}

/// Each indicator once, under the first fiche whose circuits count it, in the contract's order; then those of none.
pub(super) fn of(city: &City, figures: &Figures) -> Vec<FicheFigures> {
    let doctrine = &city.doctrine;
    let line = |id: &String| {
        let indicator = &doctrine.indicators[id];
        let number = figures.indicators.get(id).copied().unwrap_or(Told::Number(0));
        let (label, lines) = (indicator.label.clone(), indicator.lines.clone());
        Line { label, lines, number: shown(number) }
    };
    let place = |fiche: &&Fiche| doctrine.expected_fiches.iter().position(|id| *id == fiche.id);
    let mut fiches: Vec<&Fiche> = doctrine.fiches.iter().collect();
    fiches.sort_by_key(place);
    let mut left: Vec<&String> = doctrine.indicators.keys().collect();
    let mut groups = Vec::new();
    for fiche in fiches {
        let carried = doctrine.circuits.iter().filter(|circuit| circuit.fiche == fiche.id).flat_map(|c| &c.counts);
        let counted = doctrine.counted.iter().filter(|circuit| circuit.fiche == fiche.id).flat_map(|c| &c.indicators);
        let of_it: Vec<&String> = carried.chain(counted).collect();
        let lines: Vec<Line> = left.iter().filter(|id| of_it.contains(*id)).map(|id| line(id)).collect();
        left.retain(|id| !of_it.contains(id));
        if !lines.is_empty() {
            groups.push(FicheFigures { title: format!("{}, {}", fiche.id, fiche.title), lines });
        }
    }
    if !left.is_empty() {
        groups.push(FicheFigures { title: "Autres".to_owned(), lines: left.into_iter().map(line).collect() });
    }
    groups
}
