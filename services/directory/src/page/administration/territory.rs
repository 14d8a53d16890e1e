//! `/administration/territoire`: the territory in force, what stands in each sector, and whose a point is.
//!
//! A point is located by the exact borders, as everywhere; the map beside it, drawn by scripts, only shows.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use vigie_domain::{
    admission,
    city::City,
    directory::{Ambit, Body, Permission},
    french,
    territory::{LonLat, Sector, Understood},
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::SectorId;

use crate::{
    api::Edge,
    version::{self, What},
};

const HERE: &str = "/administration/territoire";
/// How far neighbours and schools are looked for, metres.
const REACH_M: f64 = 500.0;
/// How well a point is known when nobody says, metres.
const KNOWN_WITHIN_M: u32 = 25;
/// Largest radius within which a point may be said to be, metres.
const VAGUEST_M: u32 = 5_000;
/// Schools named around a point.
const NAMED: usize = 5;

/// What is asked of the territory; nothing when the fields are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    secteur: String,
    /// A place by name, or coordinates in either order.
    point: String,
    /// Metres within which the point is known.
    precision: String,
    /// The place that whoever asks chose for `meant_of`: `point:48.88,2.38,56`, latitude, longitude and metres.
    meant: String,
    /// What was in `point` then; once something else is, `meant` says nothing.
    meant_of: String,
}

impl Asked {
    /// Where the place is that was chosen for what is written, and how exactly, metres.
    fn chosen(&self) -> Option<(LonLat, f64)> {
        let given = self.meant.strip_prefix("point:").filter(|_| self.meant_of == self.point)?;
        let numbers: Vec<f64> = given.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [lat, lon, accuracy_m] = numbers[..] else { return None };
        Some((LonLat::new(lon, lat), accuracy_m))
    }
}

#[derive(Debug, Template)]
#[template(path = "administration/territory.html")]
struct TerritoryPage {
    frame: Frame,
    hash: String,
    since: String,
    by: String,
    attribution: Vec<String>,
    lines: Vec<SectorLine>,
    asked: Asked,
    answer: Answer,
}

/// One line of the table.
#[derive(Debug)]
struct SectorLine {
    id: SectorId,
    label: String,
    in_paris: bool,
    bodies: usize,
    schools: usize,
}

/// What the page tells of what was asked.
#[derive(Debug, Default)]
struct Answer {
    fault: Option<String>,
    point: Option<PointFacts>,
    sector: Option<SectorFacts>,
}

#[derive(Debug)]
struct SectorFacts {
    id: SectorId,
    label: String,
    /// Address and name of those that act in this sector and nowhere else.
    bodies: Vec<(String, String)>,
    /// Schools that have a contact of their own.
    school_bodies: usize,
    schools: usize,
    neighbours: Vec<(SectorId, String)>,
}

#[derive(Debug)]
struct PointFacts {
    /// The place that was understood; empty for coordinates.
    said: String,
    lon: f64,
    lat: f64,
    precision_m: u32,
    /// Quartier or commune.
    name: String,
    arrondissement: Option<u8>,
    /// Where the nearest other sector begins: its name and metres; none within reach.
    border: Option<(String, String)>,
    /// The other sectors within the precision.
    also: Vec<String>,
    /// Name and metres, nearest first.
    schools: Vec<(String, String)>,
}

/// `GET /administration/territoire`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let Query(asked) = asked?;
    let history = version::history(&edge.pool, Some(What::Territory), 1).await?;
    let city = &edge.city;
    let last = history.first();
    let page = TerritoryPage {
        frame: Frame::of(caller, HERE),
        hash: city.territory.hash().get(..12).unwrap_or_default().to_owned(),
        since: last.map(|last| french::date_time(last.at, &city.doctrine.zone)).unwrap_or_default(),
        by: last.and_then(|last| last.by.clone()).unwrap_or_else(|| "cette machine".to_owned()),
        attribution: city.territory.attribution().to_vec(),
        lines: lines(city),
        answer: Answer::to(&asked, city),
        asked,
    };
    let status = if page.answer.fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(render(status, &page))
}

fn lines(city: &City) -> Vec<SectorLine> {
    let mut bodies: BTreeMap<&SectorId, usize> = BTreeMap::new();
    for body in city.directory.bodies() {
        if let Ambit::Sector(id) = &body.ambit {
            *bodies.entry(id).or_default() += 1;
        }
    }
    let line = |sector: &Sector| SectorLine {
        label: sector.label.clone(),
        in_paris: sector.in_paris,
        bodies: bodies.get(&sector.id).copied().unwrap_or(0),
        schools: schools_in(city, &sector.id),
        id: sector.id.clone(),
    };
    let mut lines: Vec<SectorLine> = city.territory.sectors().iter().map(line).collect();
    lines.sort_by_key(|line| !line.in_paris);
    lines
}

fn schools_in(city: &City, sector: &SectorId) -> usize {
    city.territory.schools().iter().filter(|school| school.sector == *sector).count()
}

impl Answer {
    fn to(asked: &Asked, city: &City) -> Self {
        if !asked.point.is_empty() {
            return Self::to_point(asked, city).unwrap_or_else(|fault| Self { fault: Some(fault), ..Self::default() });
        }
        if asked.secteur.is_empty() {
            return Self::default();
        }
        let known = SectorId::new(asked.secteur.as_str()).ok();
        match known.and_then(|id| city.territory.sector(&id)) {
            Some(sector) => Self { sector: Some(SectorFacts::of(sector, city)), ..Self::default() },
            None => Self {
                fault: Some("Ce secteur n'existe pas dans le territoire en vigueur.".to_owned()),
                ..Self::default()
            },
        }
    }

    fn to_point(asked: &Asked, city: &City) -> Result<Self, String> {
        let territory = &city.territory;
        let (at, known_within_m, said) = match (asked.chosen(), territory.understand(&asked.point, None)) {
            (Some((at, accuracy_m)), _) => (at, whole_metres(accuracy_m), asked.point.clone()),
            (None, Understood::Point(at)) => (at, KNOWN_WITHIN_M, String::new()),
            (None, Understood::Place(found)) => (found.at, whole_metres(found.accuracy_m), found.said()),
            (None, understood @ (Understood::Unclear(_) | Understood::Unknown | Understood::Nowhere(_))) => {
                return Err(admission::not_understood(&understood).unwrap_or_default());
            }
        };
        let precision_m = match asked.precision.as_str() {
            "" => known_within_m,
            text => {
                text.parse().ok().filter(|metres| *metres <= VAGUEST_M).ok_or("La précision : de 0 à 5 000 mètres.")?
            }
        };
        let survey = territory.survey(at, f64::from(precision_m), REACH_M).map_err(|refused| refused.in_french())?;
        let point = PointFacts {
            said,
            lon: at.lon,
            lat: at.lat,
            precision_m,
            name: territory.name_of(&survey.place).to_owned(),
            arrondissement: survey.place.arrondissement,
            border: survey
                .neighbours
                .first()
                .map(|(id, distance_m)| (city.sector_label(id).to_owned(), metres(*distance_m))),
            also: survey.concerned.iter().skip(1).map(|id| city.sector_label(id).to_owned()).collect(),
            schools: survey
                .schools
                .iter()
                .take(NAMED)
                .map(|(school, distance_m)| (school.name.clone(), metres(*distance_m)))
                .collect(),
        };
        let sector = SectorFacts::of(territory.sector_of(&survey.place), city);
        Ok(Self { fault: None, point: Some(point), sector: Some(sector) })
    }
}

impl SectorFacts {
    fn of(sector: &Sector, city: &City) -> Self {
        let own = |body: &&Body| body.ambit == Ambit::Sector(sector.id.clone());
        let of_school = |body: &&Body| match &body.ambit {
            Ambit::School(uai) => city.territory.school(uai).is_some_and(|school| school.sector == sector.id),
            Ambit::City | Ambit::Sector(_) => false,
        };
        let neighbours = city.territory.neighbours(&sector.id).iter();
        Self {
            id: sector.id.clone(),
            label: sector.label.clone(),
            bodies: city
                .directory
                .bodies()
                .filter(own)
                .map(|body| (format!("/annuaire/{}", body.id), body.name.clone()))
                .collect(),
            school_bodies: city.directory.bodies().filter(of_school).count(),
            schools: schools_in(city, &sector.id),
            neighbours: neighbours.map(|id| (id.clone(), city.sector_label(id).to_owned())).collect(),
        }
    }
}

/// Metres as the field of the page takes them.
fn whole_metres(metres: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within what the page takes")]
    let metres = metres.clamp(0.0, f64::from(VAGUEST_M)).round() as u32;
    metres
}

/// `120 m`; a distance below a metre is on the border.
fn metres(distance_m: f64) -> String {
    format!("{distance_m:.0}\u{a0}m")
}
