//! Gives every face of the plane to one arrondissement and quartier, or one commune, or the outside.
//!
//! Slivers, which come from borders drawn twice, go to a neighbour; anything thicker is a fault of the sources.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    error::{Fault, Problem},
    faces::{Face, Subdivision},
    point::{Plane, UNITS},
    source::{Owner, Shape, key},
};

/// Mean thickness under which a gap or an overlap is a matter of rounding.
const SLIVER_M: f64 = 0.5;
/// Mean thickness up to which a strip without a quartier goes to the nearest one of its arrondissement: the published
/// line between the 12th and the 13th was revised after the quartiers and leaves a strip of 3 m on the Seine.
const QUARTIER_STRIP_M: f64 = 5.0;

/// Who has a face: indices of shapes. `quartier` is there exactly when `ground` is an arrondissement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holder {
    pub(crate) ground: usize,
    pub(crate) quartier: Option<usize>,
}

/// The holder of each face, nothing being the outside.
pub(crate) fn assign(plane: &Subdivision, shapes: &[Shape], faults: &mut Vec<Fault>) -> Vec<Option<Holder>> {
    let mut assigner = Assigner { plane, shapes, faults, tangled: BTreeSet::new() };
    assigner.report_windings();
    let ground = assigner.grounds();
    let quartiers = assigner.quartiers(&ground);
    ground.iter().zip(quartiers).map(|(ground, quartier)| ground.map(|ground| Holder { ground, quartier })).collect()
}

struct Assigner<'a> {
    plane: &'a Subdivision,
    shapes: &'a [Shape],
    faults: &'a mut Vec<Fault>,
    /// Shapes already reported as crossing themselves, whose overlaps and gaps would only repeat it.
    tangled: BTreeSet<usize>,
}

impl Assigner<'_> {
    fn report_windings(&mut self) {
        for &shape in &self.plane.detached {
            self.faults.push(self.shapes[shape].fault(Problem::Detached));
        }
        for face in &self.plane.faces {
            for (&shape, &times) in &face.windings {
                if !(0..=1).contains(&times) && self.extent(face).1 > SLIVER_M && self.tangled.insert(shape) {
                    let (lon, lat) = self.near(face);
                    self.faults.push(self.shapes[shape].fault(Problem::SelfCrossing { lon, lat }));
                }
            }
        }
    }

    /// The arrondissement or commune of each face.
    fn grounds(&mut self) -> Vec<Option<usize>> {
        let faces = &self.plane.faces;
        let mut grounds = vec![None; faces.len()];
        let mut gaps = BTreeSet::new();
        for (index, face) in faces.iter().enumerate() {
            let mut holders = face.windings.keys().copied().filter(|&shape| !self.is_quartier(shape));
            grounds[index] = holders.next();
            match (grounds[index], holders.next()) {
                (Some(one), Some(other)) => self.report_overlap(face, one, other),
                (None, _) if face.doubled_area > 0 => _ = gaps.insert(index),
                _ => {}
            }
        }
        self.spread(&mut grounds, &gaps, |_, _| true);
        for &index in &gaps {
            let (area_m2, thickness_m) = self.extent(&faces[index]);
            let beside = grounds[index].filter(|shape| !self.tangled.contains(shape));
            if let (Some(beside), true) = (beside, thickness_m > SLIVER_M) {
                let (lon, lat) = self.near(&faces[index]);
                self.faults.push(self.shapes[beside].fault(Problem::Gap { area_m2, lon, lat }));
            }
        }
        grounds
    }

    /// The quartier of each face whose ground is an arrondissement.
    fn quartiers(&mut self, grounds: &[Option<usize>]) -> Vec<Option<usize>> {
        let faces = &self.plane.faces;
        let mut quartiers = vec![None; faces.len()];
        let mut bare = BTreeSet::new();
        for (index, face) in faces.iter().enumerate() {
            let Some(ground) = grounds[index] else { continue };
            let Owner::Arrondissement { number: within, .. } = self.shapes[ground].owner else { continue };
            let belongs = |shape: &usize| matches!(self.shapes[*shape].owner, Owner::Quartier { arrondissement, .. } if arrondissement == within);
            let mut holders = face.windings.keys().copied().filter(belongs);
            quartiers[index] = holders.next();
            match (quartiers[index], holders.next()) {
                (Some(one), Some(other)) => self.report_overlap(face, one, other),
                (None, _) => _ = bare.insert(index),
                _ => {}
            }
        }
        self.spread(&mut quartiers, &bare, |from, to| grounds[from] == grounds[to]);
        for index in bare {
            let (area_m2, thickness_m) = self.extent(&faces[index]);
            if let Some(ground) = grounds[index]
                && (quartiers[index].is_none() || thickness_m > QUARTIER_STRIP_M)
            {
                let (lon, lat) = self.near(&faces[index]);
                self.faults.push(self.shapes[ground].fault(Problem::Uncovered { area_m2, lon, lat }));
            }
        }
        quartiers
    }

    /// Gives each of the `empty` faces the value of the neighbours it shares the longest border with, nearest first.
    fn spread(&self, values: &mut [Option<usize>], empty: &BTreeSet<usize>, may: impl Fn(usize, usize) -> bool) {
        let mut empty = empty.clone();
        while !empty.is_empty() {
            let chosen: Vec<(usize, usize)> = empty
                .iter()
                .filter_map(|&face| {
                    let mut shared_m: BTreeMap<usize, f64> = BTreeMap::new();
                    for &half in &self.plane.faces[face].half_edges {
                        let across = self.plane.left[half ^ 1];
                        if let Some(value) = values[across].filter(|_| may(face, across)) {
                            *shared_m.entry(value).or_default() += self.length_m(half);
                        }
                    }
                    let best = shared_m.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
                    Some((face, best.0))
                })
                .collect();
            if chosen.is_empty() {
                break;
            }
            for (face, value) in chosen {
                values[face] = Some(value);
                empty.remove(&face);
            }
        }
    }

    fn report_overlap(&mut self, face: &Face, one: usize, other: usize) {
        let (area_m2, thickness_m) = self.extent(face);
        if thickness_m > SLIVER_M && !self.tangled.contains(&one) && !self.tangled.contains(&other) {
            let (lon, lat) = self.near(face);
            let with = key(&self.shapes[one].owner);
            self.faults.push(self.shapes[other].fault(Problem::Overlap { with, area_m2, lon, lat }));
        }
    }

    fn is_quartier(&self, shape: usize) -> bool {
        matches!(self.shapes[shape].owner, Owner::Quartier { .. })
    }

    /// Area in square metres and mean thickness in metres: what a long strip of the same area and outline has.
    fn extent(&self, face: &Face) -> (f64, f64) {
        let plane = self.metres(face.half_edges[0]);
        #[expect(clippy::cast_precision_loss, reason = "an area for a message and a threshold")]
        let area_m2 = face.doubled_area as f64 / 2.0 * plane.x * plane.y;
        let outline_m: f64 = face.half_edges.iter().map(|&half| self.length_m(half)).sum();
        (area_m2, 2.0 * area_m2 / outline_m)
    }

    fn length_m(&self, half: usize) -> f64 {
        let (x, y) = self.metres(half).vector_m(self.plane.start(half), self.plane.start(half ^ 1));
        x.hypot(y)
    }

    fn metres(&self, half: usize) -> Plane {
        Plane::at(f64::from(self.plane.start(half).y) / UNITS)
    }

    /// A corner of the face, in degrees.
    fn near(&self, face: &Face) -> (f64, f64) {
        let corner = self.plane.start(face.half_edges[0]).lon_lat();
        (corner.lon, corner.lat)
    }
}
