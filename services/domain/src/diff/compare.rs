//! Circuits of two cities, laid out and compared in every situation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vigie_proto::RoleId;

use super::{
    Change, CircuitRule, PlanChange, TermChange, Terms,
    calls::{Call, Layout, Spot},
    group::{Cell, Found, Groups},
};
use crate::city::City;
use crate::doctrine::{Audience, Circuit, Doctrine, Outside, words};

/// A circuit before and after: places in the two lists; none where it does not exist.
type Pair = (Option<usize>, Option<usize>);

/// What changes in the plans.
pub(super) fn plans(before: &City, after: &City, now: Timestamp) -> Vec<PlanChange> {
    let same_directory = before.directory.hash() == after.directory.hash();
    let spots = Spot::all(before, after);
    let (old, new) = (Layout::new(before, now), Layout::new(after, now));
    let mut groups = Groups::new(after, &spots);
    for (pair, cells) in pairs(&before.doctrine, &after.doctrine) {
        let (was, is) = (pair.0.map(|i| &before.doctrine.circuits[i]), pair.1.map(|i| &after.doctrine.circuits[i]));
        let Some(circuit) = is.or(was) else { continue };
        for (rule, before, after) in rules(was, is) {
            groups.add(circuit, &cells, Found::rule(Change::Circuit { rule, before, after }));
        }
        for (id, before, after) in owed(was, is) {
            groups.add(circuit, &cells, Found::rule(Change::Owed { id, before, after }));
        }
        if same_directory && was.zip(is).is_some_and(|(was, is)| same(was, is, &before.doctrine, &after.doctrine)) {
            continue;
        }
        // Whether a role is told by something else too depends on the cell.
        for (others, cells) in by_others(&cells, &before.doctrine, &after.doctrine) {
            for spot in &spots {
                let calls = |layout: &Layout<'_>, circuit: Option<&Circuit>| {
                    circuit.map(|circuit| layout.calls(circuit, spot)).unwrap_or_default()
                };
                for (call, change) in compare(calls(&old, was), calls(&new, is), &others) {
                    groups.add(circuit, &cells, Found::call(spot, call, change));
                }
            }
        }
    }
    groups.finish()
}

/// Every pair of circuits of one id that meet in some cells: in the order of the new files, then of the old.
fn pairs(before: &Doctrine, after: &Doctrine) -> Vec<(Pair, Vec<Cell>)> {
    let mut at: BTreeMap<(&str, Cell), Pair> = BTreeMap::new();
    for (position, circuit) in before.circuits.iter().enumerate() {
        for cell in cells(circuit) {
            at.entry((&circuit.id, cell)).or_default().0 = Some(position);
        }
    }
    for (position, circuit) in after.circuits.iter().enumerate() {
        for cell in cells(circuit) {
            at.entry((&circuit.id, cell)).or_default().1 = Some(position);
        }
    }
    let mut pairs: BTreeMap<(usize, Pair), Vec<Cell>> = BTreeMap::new();
    for ((_, cell), pair) in at {
        pairs.entry((pair.1.unwrap_or(usize::MAX), pair)).or_default().push(cell);
    }
    pairs.into_iter().map(|((_, pair), cells)| (pair, cells)).collect()
}

fn cells(circuit: &Circuit) -> impl Iterator<Item = Cell> {
    circuit.kinds.iter().flat_map(move |kind| {
        let of_kind = circuit.severities.iter().flat_map(|s| circuit.regimes.iter().map(|r| (*s, *r)));
        of_kind.map(|(severity, regime)| (kind.clone(), severity, regime))
    })
}

/// Whether two rules say the same, wherever they stand in the files.
fn same(was: &Circuit, is: &Circuit, before: &Doctrine, after: &Doctrine) -> bool {
    let placed = |circuit: &Circuit| {
        let mut circuit = circuit.clone();
        circuit.origin = is.origin.clone();
        circuit.steps.iter_mut().for_each(|step| step.origin = is.origin.clone());
        circuit
    };
    let windows = |doctrine: &Doctrine| {
        let used = |audience: &Audience| doctrine.windows.get(audience.hours.as_ref()?).cloned();
        is.steps.iter().flat_map(|step| &step.tell).map(used).collect::<Vec<_>>()
    };
    placed(was) == placed(is) && windows(before) == windows(after)
}

/// Roles told by other circuits, in the old doctrine and in the new.
type Others = (BTreeSet<RoleId>, BTreeSet<RoleId>);

/// The cells by whom else is told there.
fn by_others(cells: &[Cell], before: &Doctrine, after: &Doctrine) -> Vec<(Others, Vec<Cell>)> {
    let told = |doctrine: &Doctrine, (kind, severity, regime): &Cell| {
        let here = doctrine.circuits.iter().filter(|circuit| {
            circuit.kinds.contains(kind) && circuit.severities.contains(severity) && circuit.regimes.contains(regime)
        });
        here.flat_map(|circuit| &circuit.steps).flat_map(|step| roles(&step.tell)).collect::<BTreeSet<RoleId>>()
    };
    let mut found: Vec<(Others, Vec<Cell>)> = Vec::new();
    for cell in cells {
        let others = (told(before, cell), told(after, cell));
        match found.iter_mut().find(|(known, _)| *known == others) {
            Some((_, cells)) => cells.push(cell.clone()),
            None => found.push((others, vec![cell.clone()])),
        }
    }
    found
}

/// Roles of audiences, those told instead included.
fn roles(audiences: &[Audience]) -> Vec<RoleId> {
    let instead = |audience: &Audience| match &audience.outside {
        Outside::Tell(others) => roles(others),
        Outside::Skip | Outside::Wait => Vec::new(),
    };
    audiences.iter().flat_map(|a| std::iter::once(a.role.clone()).chain(instead(a))).collect()
}

/// Calls before and after, matched: first by body and step, then what is left of a body by the order of its calls, so
/// that a step under another name is the same step.
fn compare(mut before: Vec<Call>, after: Vec<Call>, others: &Others) -> Vec<(Call, Change)> {
    let mut changes = Vec::new();
    let mut left = Vec::new();
    let whose = |a: &Call, b: &Call| a.role == b.role && a.place == b.place && a.body == b.body;
    let inside = |call: &Call| call.terms.hours.as_ref().is_none_or(|hours| hours.inside);
    for call in after {
        let twin = before.iter().position(|b| whose(b, &call) && b.step == call.step && inside(b) == inside(&call));
        match twin {
            Some(twin) => changes.extend(told_otherwise(&before.remove(twin), call)),
            None => left.push(call),
        }
    }
    // Those that say the same under another name go first, so that only what is different is left to pair.
    for same in [true, false] {
        for call in std::mem::take(&mut left) {
            let fits = |b: &Call| whose(b, &call) && (!same || b.terms == call.terms);
            match before.iter().position(fits) {
                Some(twin) => changes.extend(told_otherwise(&before.remove(twin), call)),
                None => left.push(call),
            }
        }
    }
    changes.extend(left.into_iter().map(|call| {
        let change = Change::NewlyTold { terms: call.terms.clone(), also: others.0.contains(&call.role) };
        (call, change)
    }));
    changes.extend(before.into_iter().map(|call| {
        let change = Change::NoLongerTold { terms: call.terms.clone(), also: others.1.contains(&call.role) };
        (call, change)
    }));
    changes
}

fn told_otherwise(before: &Call, after: Call) -> Option<(Call, Change)> {
    let changes = terms(&before.terms, &after.terms);
    if changes.is_empty() { None } else { Some((after, Change::ToldOtherwise { changes })) }
}

/// The terms that are not the same.
fn terms(was: &Terms, is: &Terms) -> Vec<TermChange> {
    macro_rules! changed {
        ($($field:ident => $change:ident),+ $(,)?) => {
            [$((was.$field != is.$field)
                .then(|| TermChange::$change { before: was.$field.clone(), after: is.$field.clone() })),+]
        };
    }
    let changes = changed![
        when => When,
        rank => Rank,
        channels => Channels,
        fallback => Fallback,
        expects => Expects,
        unless_acknowledged => UnlessAcknowledged,
        unless_returned => UnlessReturned,
        survives_closing => SurvivesClosing,
        stale_after_min => StaleAfter,
        hours => Hours,
    ];
    let mut changes: Vec<TermChange> = changes.into_iter().flatten().collect();
    // A channel that is no longer asked for says enough: reach is compared on those that both ask.
    let both = |terms: &Terms, other: &Terms| {
        let asks = |terms: &Terms, c| terms.channels.contains(&c) || terms.fallback.contains(&c);
        terms.reach.iter().copied().filter(|reach| asks(other, reach.channel)).collect::<Vec<_>>()
    };
    let (before, after) = (both(was, is), both(is, was));
    if was.rank == is.rank && before != after {
        changes.push(TermChange::Reach { before, after });
    }
    changes
}

/// A rule of a circuit, in words, before and after.
type Worded = (CircuitRule, Option<String>, Option<String>);

/// Rules of a circuit that are not the same; nothing when it is new or gone.
fn rules(was: Option<&Circuit>, is: Option<&Circuit>) -> Vec<Worded> {
    let (Some(was), Some(is)) = (was, is) else { return Vec::new() };
    let all = [
        (CircuitRule::For, words::only_for(was), words::only_for(is)),
        (
            CircuitRule::SatisfiedBy,
            Some(words::satisfied_by(&was.satisfied_by)),
            Some(words::satisfied_by(&is.satisfied_by)),
        ),
        (CircuitRule::OnRefusal, Some(words::on_refusal(was.on_refusal)), Some(words::on_refusal(is.on_refusal))),
        (
            CircuitRule::HandoverWithin,
            Some(words::minutes(was.handover_within_min)),
            Some(words::minutes(is.handover_within_min)),
        ),
        (CircuitRule::Stale, was.stale.map(words::stale), is.stale.map(words::stale)),
        (CircuitRule::Guidance, was.guidance.clone(), is.guidance.clone()),
        (CircuitRule::Counts, words::list(&words::sorted(&was.counts)), words::list(&words::sorted(&is.counts))),
    ];
    all.into_iter().filter(|(_, before, after)| before != after).collect()
}

/// What is owed that is not the same: its id, and its terms in words.
fn owed(was: Option<&Circuit>, is: Option<&Circuit>) -> Vec<(String, Option<String>, Option<String>)> {
    let of = |circuit: Option<&Circuit>| -> BTreeMap<String, String> {
        circuit.into_iter().flat_map(|c| &c.owed).map(|rule| (rule.id.clone(), words::owed(rule))).collect()
    };
    let (was, is) = (of(was), of(is));
    let ids: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    ids.into_iter()
        .filter(|id| was.get(*id) != is.get(*id))
        .map(|id| (id.clone(), was.get(id).cloned(), is.get(id).cloned()))
        .collect()
}
