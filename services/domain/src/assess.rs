//! Judges a signal: where it is, whose it is, who is around.

use vigie_proto::{
    SectorId, Uai,
    event::{Spot, Whereabouts},
    signal::Location,
};

use crate::{
    doctrine::KindRule,
    territory::{LocateError, LonLat, School, Territory},
};

/// A point this near a school, metres, is its surroundings.
const AT_SCHOOL_M: f64 = 150.0;

/// What the territory says of a signal's place.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// None when only a sector is known.
    pub at: Option<LonLat>,
    /// Owner first, then the sectors the point's accuracy also touches.
    pub sectors: Vec<SectorId>,
    /// Other sectors and communes within the kind's reach, nearest first.
    pub neighbours: Vec<SectorId>,
    pub arrondissement: Option<u8>,
    pub quartier: Option<u8>,
    /// The school concerned: the one named, or the nearest within 150 m.
    pub school: Option<Uai>,
    /// Schools with a UAI within the kind's radius, nearest first.
    pub schools_around: Vec<Uai>,
    /// Every sector in which an incident of the same event may have been opened, sorted.
    pub may_join_in: Vec<SectorId>,
    /// The point is too uncertain to say who is around: only its owner is known, neither neighbours nor schools.
    pub vague: bool,
    /// The place by its names.
    pub whereabouts: Whereabouts,
}

impl Assessment {
    /// The sector that owns the signal.
    pub fn owner(&self) -> &SectorId {
        &self.sectors[0]
    }

    /// Kind of place, in French, without naming it.
    pub fn place_label(&self) -> &'static str {
        match (&self.school, self.at) {
            _ if self.vague => "lieu imprécis, à préciser dans le secteur",
            (Some(_), _) => "abords d'un établissement scolaire",
            (None, Some(_)) => "voie publique",
            (None, None) => "lieu à préciser dans le secteur",
        }
    }
}

/// Why a signal cannot be given a place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AssessError {
    #[error("the point cannot be located")]
    Locate(#[from] LocateError),
    #[error("school {0} is not in the territory")]
    UnknownSchool(Uai),
    #[error("sector {0} is not in the territory")]
    UnknownSector(SectorId),
}

/// Locates `location` with the distances `rule` gives its kind.
///
/// A point that is true within `bound_m` metres concerns every sector its uncertainty touches; a vaguer one only the sector
/// it lies in: vagueness must not widen whom it reaches.
pub fn assess(
    location: &Location,
    bound_m: f64,
    rule: &KindRule,
    territory: &Territory,
) -> Result<Assessment, AssessError> {
    match location {
        Location::Sector { sector } => {
            let known = territory.sector(sector).ok_or_else(|| AssessError::UnknownSector(sector.clone()))?;
            Ok(Assessment {
                at: None,
                sectors: vec![known.id.clone()],
                neighbours: Vec::new(),
                arrondissement: None,
                quartier: None,
                school: None,
                schools_around: Vec::new(),
                may_join_in: vec![known.id.clone()],
                vague: false,
                whereabouts: Whereabouts::default(),
            })
        }
        Location::School { uai } => {
            let school = territory.school(uai).ok_or_else(|| AssessError::UnknownSchool(uai.clone()))?;
            survey(school.at, 0.0, Some(uai.clone()), rule, territory)
        }
        Location::Point { lon, lat, accuracy_m } if *accuracy_m > bound_m => {
            let at = LonLat { lon: *lon, lat: *lat };
            let place = survey(at, 0.0, None, rule, territory)?;
            // Whatever has a name is too far from where it may be; the circle on a map says how far.
            let spot = Some(Spot { lon: *lon, lat: *lat, accuracy_m: *accuracy_m });
            let whereabouts = Whereabouts { at: spot, ..Whereabouts::default() };
            Ok(Assessment {
                neighbours: Vec::new(),
                school: None,
                schools_around: Vec::new(),
                vague: true,
                whereabouts,
                ..place
            })
        }
        Location::Point { lon, lat, accuracy_m } => {
            survey(LonLat { lon: *lon, lat: *lat }, *accuracy_m, None, rule, territory)
        }
    }
}

fn survey(
    at: LonLat,
    accuracy_m: f64,
    named: Option<Uai>,
    rule: &KindRule,
    territory: &Territory,
) -> Result<Assessment, AssessError> {
    let reach = f64::from(rule.neighbours_within_m);
    let survey = territory.survey(at, accuracy_m, reach.max(f64::from(rule.correlation.radius_m)))?;
    let around = territory.schools_within(at, f64::from(rule.schools_within_m));
    let nearest = around.iter().find(|(school, metres)| school.uai.is_some() && *metres <= AT_SCHOOL_M);
    let whereabouts = Whereabouts {
        quartier: survey.place.quartier.map(|_| format!("quartier {}", territory.name_of(&survey.place))),
        exact: by_name(at, named.as_ref(), nearest, territory),
        at: Some(Spot { lon: at.lon, lat: at.lat, accuracy_m }),
    };
    let school = named.or_else(|| nearest.and_then(|(school, _)| school.uai.clone()));
    let mut may_join_in: Vec<SectorId> =
        survey.concerned.iter().chain(survey.neighbours.iter().map(|(id, _)| id)).cloned().collect();
    may_join_in.sort();
    may_join_in.dedup();
    let neighbours = survey
        .neighbours
        .iter()
        .filter(|(id, metres)| *metres <= reach && !survey.concerned.contains(id))
        .map(|(id, _)| id.clone())
        .collect();
    Ok(Assessment {
        at: Some(at),
        arrondissement: survey.place.arrondissement,
        quartier: survey.place.quartier,
        sectors: survey.concerned,
        neighbours,
        school,
        schools_around: around.into_iter().filter_map(|(school, _)| school.uai.clone()).collect(),
        may_join_in,
        vague: false,
        whereabouts,
    })
}

/// The place by its name: the school that was named; else the address, and how far the school is whose surroundings it is.
fn by_name(at: LonLat, named: Option<&Uai>, nearest: Option<&(&School, f64)>, territory: &Territory) -> Option<String> {
    if let Some(school) = named.and_then(|uai| territory.school(uai)) {
        return Some(school.label());
    }
    let address = territory.named(at).ok().and_then(|named| named.address());
    let school = nearest.map(|(school, metres)| format!("à {metres:.0} m de {}", school.label()));
    let parts: Vec<String> = address.into_iter().chain(school).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
