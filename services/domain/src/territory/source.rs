//! Reads what the publishers give: polygons in GeoJSON, schools in CSV. Every fault is collected, none stops the reading.

use geojson::{Feature, FeatureCollection, GeometryValue, JsonObject, Position};
use vigie_proto::Uai;

use super::{
    LonLat,
    error::{Fault, Problem},
    point::{Vertex, side},
    school::SchoolKind,
};

/// One file: its name for messages, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// Who a polygon belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Arrondissement { number: u8, insee: u32 },
    Commune { insee: u32, name: String, department: String },
    Quartier { number: u8, arrondissement: u8, name: String },
}

/// A polygon as read: rings without the repeated last corner, the outer ones anticlockwise, the holes clockwise.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) owner: Owner,
    pub(crate) file: String,
    pub(crate) at: String,
    pub(crate) rings: Vec<Vec<Vertex>>,
}

impl Shape {
    pub(crate) fn fault(&self, problem: Problem) -> Fault {
        Fault { file: self.file.clone(), at: self.at.clone(), problem }
    }
}

/// A row of a list of schools, before it is located.
#[derive(Debug, Clone)]
pub(crate) struct SchoolRow {
    pub(crate) file: String,
    pub(crate) at: String,
    pub(crate) uai: Option<Uai>,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: SchoolKind,
    pub(crate) public: bool,
    pub(crate) address: String,
    pub(crate) postal_code: String,
    pub(crate) position: LonLat,
    pub(crate) arrondissement: u8,
    pub(crate) flag: Option<String>,
}

/// Reads the polygons whose properties `owner` accepts; `Ok(None)` skips one on purpose.
pub(crate) fn shapes(
    source: Source<'_>,
    faults: &mut Vec<Fault>,
    owner: impl Fn(&JsonObject) -> Result<Option<Owner>, Problem>,
) -> Vec<Shape> {
    let collection: FeatureCollection = match source.text.parse() {
        Ok(collection) => collection,
        Err(error) => {
            let problem = Problem::Unreadable(error.to_string());
            faults.push(Fault { file: source.name.to_owned(), at: "whole file".to_owned(), problem });
            return Vec::new();
        }
    };
    let mut shapes: Vec<Shape> = Vec::new();
    for (index, feature) in collection.features.iter().enumerate() {
        let (file, at) = (source.name.to_owned(), format!("feature {}", index + 1));
        let read = owner(feature.properties.as_ref().unwrap_or(&JsonObject::new()))
            .and_then(|owner| owner.map(|owner| Ok((owner, rings(feature)?))).transpose());
        match read {
            Ok(None) => {}
            Ok(Some((owner, _))) if shapes.iter().any(|shape| same_key(&shape.owner, &owner)) => {
                faults.push(Fault { file, at, problem: Problem::Repeated(key(&owner)) });
            }
            Ok(Some((owner, rings))) => {
                let at = format!("{at} ({})", key(&owner));
                shapes.push(Shape { owner, file, at, rings });
            }
            Err(problem) => faults.push(Fault { file, at, problem }),
        }
    }
    shapes
}

fn same_key(a: &Owner, b: &Owner) -> bool {
    key(a) == key(b)
}

/// What names an owner in a message.
pub(crate) fn key(owner: &Owner) -> String {
    match owner {
        Owner::Arrondissement { number, .. } => format!("arrondissement {number}"),
        Owner::Commune { insee, .. } => format!("commune {insee:05}"),
        Owner::Quartier { number, .. } => format!("quartier {number}"),
    }
}

pub(crate) fn arrondissement(properties: &JsonObject) -> Result<Option<Owner>, Problem> {
    let number = small_number(properties, "arrondissement", 1..=20)?;
    Ok(Some(Owner::Arrondissement { number, insee: number_in_text(properties, "insee")? }))
}

pub(crate) fn quartier(properties: &JsonObject) -> Result<Option<Owner>, Problem> {
    Ok(Some(Owner::Quartier {
        number: small_number(properties, "quartier", 1..=80)?,
        arrondissement: small_number(properties, "arrondissement", 1..=20)?,
        name: text(properties, "name")?.to_owned(),
    }))
}

/// A commune that touches Paris; the others are skipped.
pub(crate) fn bordering_commune(properties: &JsonObject) -> Result<Option<Owner>, Problem> {
    let borders = properties.get("borders_paris").and_then(serde_json::Value::as_bool);
    if !borders.ok_or(Problem::Missing("borders_paris"))? {
        return Ok(None);
    }
    Ok(Some(Owner::Commune {
        insee: number_in_text(properties, "insee")?,
        name: text(properties, "name")?.to_owned(),
        department: text(properties, "departement")?.to_owned(),
    }))
}

fn text<'a>(properties: &'a JsonObject, name: &'static str) -> Result<&'a str, Problem> {
    properties.get(name).and_then(serde_json::Value::as_str).ok_or(Problem::Missing(name))
}

fn number_in_text(properties: &JsonObject, name: &'static str) -> Result<u32, Problem> {
    text(properties, name)?.parse().map_err(|_| Problem::Missing(name))
}

fn small_number(
    properties: &JsonObject,
    column: &'static str,
    range: std::ops::RangeInclusive<u8>,
) -> Result<u8, Problem> {
    let value = properties.get(column).ok_or(Problem::Missing(column))?;
    let number = value.as_u64().and_then(|number| u8::try_from(number).ok()).filter(|number| range.contains(number));
    number.ok_or_else(|| Problem::BadValue { column, value: value.to_string(), expected: "a number in range" })
}

fn rings(feature: &Feature) -> Result<Vec<Vec<Vertex>>, Problem> {
    let geometry = feature.geometry.as_ref().ok_or(Problem::NotAPolygon)?;
    let polygons = match &geometry.value {
        GeometryValue::Polygon { coordinates } => std::slice::from_ref(coordinates),
        GeometryValue::MultiPolygon { coordinates } => coordinates,
        GeometryValue::Point { .. }
        | GeometryValue::MultiPoint { .. }
        | GeometryValue::LineString { .. }
        | GeometryValue::MultiLineString { .. }
        | GeometryValue::GeometryCollection { .. } => return Err(Problem::NotAPolygon),
    };
    let mut rings = Vec::new();
    for polygon in polygons {
        for (index, positions) in polygon.iter().enumerate() {
            rings.push(ring(positions, index == 0)?);
        }
    }
    if rings.is_empty() { Err(Problem::NotAPolygon) } else { Ok(rings) }
}

fn ring(positions: &[Position], outer: bool) -> Result<Vec<Vertex>, Problem> {
    let corner = |position: &Position| match position.as_slice() {
        [lon, lat, ..] => Vertex::nearest(LonLat::new(*lon, *lat)).ok_or(Problem::NotAPosition),
        _ => Err(Problem::NotAPosition),
    };
    let mut ring = positions.iter().map(corner).collect::<Result<Vec<_>, _>>()?;
    if ring.len() < 4 || ring.first() != ring.last() {
        return Err(Problem::OpenRing);
    }
    ring.pop();
    ring.dedup();
    if (doubled_area(&ring) > 0) != outer {
        ring.reverse();
    }
    Ok(ring)
}

/// Twice the signed area of a ring, in square units.
pub(crate) fn doubled_area(ring: &[Vertex]) -> i128 {
    let Some(&origin) = ring.first() else { return 0 };
    ring.windows(2).map(|pair| i128::from(side(origin, pair[0], pair[1]))).sum()
}

/// Reads a list of schools; `secondary` ones have a UAI, the others a local identifier.
pub(crate) fn schools(source: Source<'_>, secondary: bool, faults: &mut Vec<Fault>) -> Vec<SchoolRow> {
    let mut reader = csv::Reader::from_reader(source.text.as_bytes());
    let fault = |at: String, problem| Fault { file: source.name.to_owned(), at, problem };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            faults.push(fault("row 1".to_owned(), Problem::Unreadable(error.to_string())));
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let at = format!("row {}", index + 2);
        let row = record
            .map_err(|error| Problem::Unreadable(error.to_string()))
            .and_then(|record| school_row(&Row { header: &header, record: &record }, secondary));
        match row {
            Ok(row) => rows.push(SchoolRow { file: source.name.to_owned(), at, ..row }),
            Err(problem) => faults.push(fault(at, problem)),
        }
    }
    rows
}

/// A row of a CSV, its columns taken by name.
pub(crate) struct Row<'a> {
    pub(crate) header: &'a csv::StringRecord,
    pub(crate) record: &'a csv::StringRecord,
}

impl Row<'_> {
    pub(crate) fn get(&self, column: &'static str) -> Result<&str, Problem> {
        let index = self.header.iter().position(|name| name == column);
        index.and_then(|index| self.record.get(index)).map(str::trim).ok_or(Problem::Missing(column))
    }

    pub(crate) fn parse<T: std::str::FromStr>(
        &self,
        column: &'static str,
        expected: &'static str,
    ) -> Result<T, Problem> {
        let value = self.get(column)?;
        value.parse().map_err(|_| Problem::BadValue { column, value: value.to_owned(), expected })
    }
}

fn school_row(row: &Row<'_>, secondary: bool) -> Result<SchoolRow, Problem> {
    let uai = if secondary { Some(Uai::new(row.get("uai")?)?) } else { None };
    let id = if secondary { row.get("uai")? } else { row.get("local_id")? };
    let kind = row.get("kind")?;
    let known = SchoolKind::ALL.into_iter().find(|known| known.as_str() == kind);
    let public = match if secondary { row.get("sector")? } else { "public" } {
        "public" => true,
        "prive" => false,
        other => {
            let value = other.to_owned();
            return Err(Problem::BadValue { column: "sector", value, expected: "public or prive" });
        }
    };
    Ok(SchoolRow {
        file: String::new(),
        at: String::new(),
        id: id.to_owned(),
        uai,
        name: row.get("name")?.to_owned(),
        kind: known.ok_or_else(|| Problem::BadValue {
            column: "kind",
            value: kind.to_owned(),
            expected: "college, lycee, elementaire, maternelle or polyvalente",
        })?,
        public,
        address: row.get("address")?.to_owned(),
        postal_code: row.get("postal_code")?.to_owned(),
        position: LonLat { lon: row.parse("lon", "degrees")?, lat: row.parse("lat", "degrees")? },
        arrondissement: row.parse("arrondissement", "1 to 20")?,
        flag: row.get("flag").ok().filter(|flag| !flag.is_empty()).map(str::to_owned),
    })
}
