//! A same change found in many situations, said once.

use std::collections::BTreeSet;

use vigie_proto::{BodyId, CrisisRegime, Kind, RoleId, SectorId, Severity};

use super::{
    Change, Place, PlanChange, Who,
    calls::{Call, Spot},
};
use crate::city::City;
use crate::doctrine::{AudiencePlace, Circuit};

/// A kind, a severity, a regime.
pub(super) type Cell = (Kind, Severity, CrisisRegime);

/// A change at one spot, or everywhere.
pub(super) struct Found {
    spot: Option<SectorId>,
    step: Option<String>,
    who: Option<(RoleId, AudiencePlace, Option<BodyId>)>,
    change: Change,
}

impl Found {
    /// A change of the circuit as a whole.
    pub(super) fn rule(change: Change) -> Self {
        Self { spot: None, step: None, who: None, change }
    }

    /// A change for a body at a spot.
    pub(super) fn call(spot: &Spot, call: Call, change: Change) -> Self {
        let Call { step, role, place, body, .. } = call;
        Self { spot: Some(spot.sector.clone()), step: Some(step), who: Some((role, place, body)), change }
    }
}

/// A change of one circuit, with the situations it was found in so far.
#[derive(Clone, PartialEq)]
struct Group {
    circuit: String,
    lines: String,
    steps: BTreeSet<String>,
    who: Vec<(RoleId, AudiencePlace, BTreeSet<BodyId>)>,
    change: Change,
    sectors: BTreeSet<SectorId>,
    kinds: BTreeSet<Kind>,
    severities: BTreeSet<Severity>,
    regimes: BTreeSet<CrisisRegime>,
}

/// Gathers changes.
pub(super) struct Groups<'a> {
    city: &'a City,
    everywhere: BTreeSet<SectorId>,
    found: Vec<Group>,
    /// Groups of the circuit and cells in hand, over sectors.
    open: Vec<Group>,
    cells: Vec<Cell>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(city: &'a City, spots: &[Spot]) -> Self {
        let everywhere = spots.iter().map(|spot| spot.sector.clone()).collect();
        Self { city, everywhere, found: Vec::new(), open: Vec::new(), cells: Vec::new() }
    }

    /// A change of `circuit` found in `cells`.
    pub(super) fn add(&mut self, circuit: &Circuit, cells: &[Cell], found: Found) {
        if self.cells != cells || self.open.first().is_some_and(|group| group.circuit != circuit.id) {
            self.close();
            self.cells = cells.to_vec();
        }
        let Found { spot, step, who, change } = found;
        let sectors: BTreeSet<SectorId> = spot.map_or_else(|| self.everywhere.clone(), |sector| [sector].into());
        let same = |group: &&mut Group| {
            let steps = group.steps.iter().eq(&step);
            let told = group.who.first().map(|(role, place, _)| (role, place));
            steps && told == who.as_ref().map(|(role, place, _)| (role, place)) && group.change == change
        };
        if let Some(known) = self.open.iter_mut().find(same) {
            known.sectors.extend(sectors);
            if let (Some((.., bodies)), Some((.., body))) = (known.who.first_mut(), who) {
                bodies.extend(body);
            }
            return;
        }
        self.open.push(Group {
            circuit: circuit.id.clone(),
            lines: circuit.lines.clone(),
            steps: step.into_iter().collect(),
            who: who.into_iter().map(|(role, place, body)| (role, place, body.into_iter().collect())).collect(),
            change,
            sectors,
            kinds: BTreeSet::new(),
            severities: BTreeSet::new(),
            regimes: BTreeSet::new(),
        });
    }

    /// Whoever changes alike is named in one breath; then the change is noted for each of the cells.
    fn close(&mut self) {
        let mut open: Vec<Group> = Vec::new();
        for group in self.open.drain(..) {
            let alike = |known: &&mut Group| {
                !known.who.is_empty() && known.sectors == group.sectors && known.change == group.change
            };
            match open.iter_mut().find(alike) {
                Some(known) => {
                    known.steps.extend(group.steps);
                    known.who.extend(group.who.into_iter().filter(|who| !known.who.contains(who)).collect::<Vec<_>>());
                }
                None => open.push(group),
            }
        }
        for group in open {
            for (kind, severity, regime) in &self.cells {
                self.found.push(Group {
                    kinds: [kind.clone()].into(),
                    severities: [*severity].into(),
                    regimes: [*regime].into(),
                    ..group.clone()
                });
            }
        }
    }

    /// The changes in the order they were found, each as widely as it is the same.
    pub(super) fn finish(mut self) -> Vec<PlanChange> {
        self.close();
        let groups = merged(self.found, |group| &mut group.regimes);
        let groups = merged(groups, |group| &mut group.severities);
        let groups = merged(groups, |group| &mut group.kinds);
        let (city, everywhere) = (self.city, self.everywhere);
        groups.into_iter().map(|group| group.into_change(city, &everywhere)).collect()
    }
}

/// Makes one of those that differ only in the set `part` gives.
fn merged<T: Ord + Clone>(groups: Vec<Group>, part: impl Fn(&mut Group) -> &mut BTreeSet<T>) -> Vec<Group> {
    let mut found: Vec<Group> = Vec::new();
    for mut group in groups {
        let mine = std::mem::take(part(&mut group));
        let twin = found.iter_mut().find_map(|known| {
            let theirs = std::mem::take(part(known));
            let alike = *known == group;
            *part(known) = theirs;
            alike.then_some(known)
        });
        if let Some(known) = twin {
            part(known).extend(mine);
        } else {
            *part(&mut group) = mine;
            found.push(group);
        }
    }
    found
}

impl Group {
    fn into_change(self, city: &City, everywhere: &BTreeSet<SectorId>) -> PlanChange {
        let who = self.who.into_iter().map(|(role, place, bodies)| {
            let only = if bodies.len() == 1 { bodies.first().and_then(|id| city.directory.body(id)) } else { None };
            let name = only.map_or_else(|| city.directory.role_label(&role).to_owned(), |body| body.name.clone());
            Who { role, name, place, bodies: bodies.into_iter().collect() }
        });
        PlanChange {
            circuit: self.circuit,
            lines: self.lines,
            steps: self.steps.into_iter().collect(),
            who: who.collect(),
            change: self.change,
            place: Place {
                everywhere: self.sectors == *everywhere,
                kinds: self.kinds.into_iter().collect(),
                severities: self.severities.into_iter().collect(),
                regimes: self.regimes.into_iter().collect(),
                sectors: self.sectors.into_iter().collect(),
            },
        }
    }
}
