//! Signals from the rows of a CSV file. A row that cannot be read is reported with its line, never left out in silence.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use anyhow::Context;
use jiff::{Timestamp, civil::Time, fmt::strtime, tz::TimeZone};
use serde::Serialize;
use uuid::Uuid;
use vigie_domain::{
    city::City,
    simulation::Chance,
    territory::{LocateError, LonLat},
};
use vigie_proto::{
    BodyId, Nature, SectorId, SignalId, SourceId,
    event::SignalRaisedV1,
    plan::{Rank, Scope, Target},
    signal::Location,
};

use super::mapping::{Filter, Mapping, Value};

/// A row that makes no signal, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BadRow {
    /// As an editor counts them, from 1, the header included.
    pub(crate) line: u64,
    pub(crate) why: String,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// In order of time, then of lines.
    pub(crate) signals: Vec<SignalRaisedV1>,
    pub(crate) read: u64,
    /// Left out by the mapping's filters.
    pub(crate) skipped: u64,
    pub(crate) bad: Vec<BadRow>,
}

/// Reads every row of `file`.
pub(crate) fn read(file: &Path, mapping: &Mapping, city: &City, seed: u64) -> anyhow::Result<Rows> {
    let source = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    rows(source, file, mapping, city, seed)
}

/// Reads every row of `source`, which is called `file` in what is said of it.
pub(crate) fn rows(source: impl Read, file: &Path, mapping: &Mapping, city: &City, seed: u64) -> anyhow::Result<Rows> {
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(source);
    let header = reader.headers().with_context(|| format!("reading the header of {}", file.display()))?.clone();
    let positions: BTreeMap<&str, usize> = header.iter().zip(0..).map(|(name, index)| (name.trim(), index)).collect();
    let missing: Vec<&str> = mapping.columns().into_iter().filter(|column| !positions.contains_key(column)).collect();
    anyhow::ensure!(
        missing.is_empty(),
        "{} has no column {}: its columns are {}",
        file.display(),
        missing.join(", "),
        header.iter().collect::<Vec<_>>().join(", ")
    );
    let maker = Maker {
        mapping,
        city,
        zone: mapping.zone(city)?,
        chance: Chance::new(seed).of(b"hours"),
        source: SourceId::new("replay").context("naming the source")?,
        columns: header.len(),
    };
    let mut rows = Rows::default();
    for record in reader.byte_records() {
        let record =
            ::csv::StringRecord::from_byte_record_lossy(record.with_context(|| format!("reading {}", file.display()))?);
        rows.read += 1;
        let line = record.position().map_or(0, ::csv::Position::line);
        let row = Row { record: &record, positions: &positions };
        if mapping.skip.iter().any(|filter| row.is(filter))
            || (!mapping.only.is_empty() && !mapping.only.iter().any(|filter| row.is(filter)))
        {
            rows.skipped += 1;
            continue;
        }
        match maker.signal(&row, line) {
            Ok(signal) => rows.signals.push(signal),
            Err(why) => rows.bad.push(BadRow { line, why }),
        }
    }
    rows.signals.sort_by_key(|signal| signal.received_at);
    Ok(rows)
}

struct Row<'a> {
    record: &'a ::csv::StringRecord,
    positions: &'a BTreeMap<&'a str, usize>,
}

impl<'a> Row<'a> {
    /// The word of a column, without the spaces around it.
    fn word(&self, column: &str) -> &'a str {
        self.positions.get(column).and_then(|index| self.record.get(*index)).unwrap_or_default().trim()
    }

    fn is(&self, filter: &Filter) -> bool {
        let word = self.word(&filter.column);
        filter.is.iter().any(|wanted| wanted == word)
    }
}

struct Maker<'a> {
    mapping: &'a Mapping,
    city: &'a City,
    zone: TimeZone,
    chance: Chance,
    source: SourceId,
    columns: usize,
}

impl Maker<'_> {
    fn signal(&self, row: &Row<'_>, line: u64) -> Result<SignalRaisedV1, String> {
        if row.record.len() != self.columns {
            return Err(format!("{} fields, the header has {}", row.record.len(), self.columns));
        }
        let at = self.time(row, line)?;
        let (location, sector) = self.place(row)?;
        let kind = value_of("kind", &self.mapping.kind, row)?;
        let severity = match &self.mapping.severity {
            Some(value) => value_of("severity", value, row)?,
            None => self.city.doctrine.kind(&kind).map(|rule| rule.default_severity).ok_or("kind without severity")?,
        };
        Ok(SignalRaisedV1 {
            signal_id: SignalId(Uuid::from_u128(u128::from(line))),
            reference: format!("line {line}"),
            source: self.source.clone(),
            source_role: self.mapping.reporter.role.clone(),
            kind,
            severity,
            location,
            occurred_at: at,
            expected_at: None,
            parties: None,
            facts: Vec::new(),
            received_at: at,
            source_body: self.body(sector),
            learnt_at: None,
            nature: if self.mapping.exercise { Nature::Exercise } else { Nature::Real },
        })
    }

    fn time(&self, row: &Row<'_>, line: u64) -> Result<Timestamp, String> {
        let time = &self.mapping.time;
        let word = row.word(&time.column);
        let not = |what: &str, error: &jiff::Error| {
            format!("`{word}` in `{}` is not {what} of the form {}: {error}", time.column, time.format)
        };
        let broken = strtime::parse(&time.format, word).map_err(|error| not("a time", &error))?;
        if broken.offset().is_some() {
            return broken.to_timestamp().map_err(|error| not("a time", &error));
        }
        let local = match &time.hours {
            Some(weights) => {
                let date = broken.to_date().map_err(|error| not("a day", &error))?;
                date.to_datetime(drawn(weights, self.chance.turn(line)))
            }
            None => broken.to_datetime().map_err(|error| not("a time", &error))?,
        };
        // A time the clock skips is taken right after the gap; one that comes twice at its first coming.
        local.to_zoned(self.zone.clone()).map(|zoned| zoned.timestamp()).map_err(|error| not("a time", &error))
    }

    /// The place of a row, and the sector that has it.
    fn place(&self, row: &Row<'_>) -> Result<(Location, SectorId), String> {
        let place = &self.mapping.place;
        let territory = &self.city.territory;
        if let Some((lon, lat)) = place.lon.as_ref().zip(place.lat.as_ref()) {
            let (lon, lat) = (row.word(lon), row.word(lat));
            if !(lon.is_empty() && lat.is_empty()) {
                let degrees = |word: &str| {
                    word.parse::<f64>().map_err(|_| format!("`{word}` is not a number of degrees, such as 2.3522"))
                };
                let at = LonLat::new(degrees(lon)?, degrees(lat)?);
                let found = territory.locate(at).map_err(|error: LocateError| error.to_string())?;
                let location = Location::Point { lon: at.lon, lat: at.lat, accuracy_m: place.accuracy_m };
                return Ok((location, territory.sector_of(&found).id.clone()));
            }
        }
        let sector = self.sector(row)?;
        Ok((Location::Sector { sector: sector.clone() }, sector))
    }

    fn sector(&self, row: &Row<'_>) -> Result<SectorId, String> {
        let (place, territory) = (&self.mapping.place, &self.city.territory);
        if let Some(column) = &place.sector
            && !row.word(column).is_empty()
        {
            let word = row.word(column);
            let known = SectorId::new(word).ok().filter(|id| territory.sector(id).is_some());
            return known.ok_or_else(|| format!("sector `{word}` is not in the territory"));
        }
        let Some(column) = &place.arrondissement else { return Err("no position".to_owned()) };
        let word = row.word(column);
        let number = word.parse::<u32>().ok().filter(|number| (1..=20).contains(number));
        let Some(number) = number else {
            return Err(format!("no position, and `{word}` in `{column}` is not an arrondissement from 1 to 20"));
        };
        let holds = |sector: &&vigie_domain::territory::Sector| sector.insee.contains(&(75_100 + number));
        let sector = territory.sectors().iter().find(holds).map(|sector| sector.id.clone());
        sector.ok_or_else(|| format!("arrondissement {number} is not in the territory"))
    }

    /// The body of the reporter's role in the sector, or in the city: whoever would have raised it.
    fn body(&self, sector: SectorId) -> Option<BodyId> {
        let role = self.mapping.reporter.role.clone();
        let target =
            |scope| Target { role: role.clone(), scope, rank: Rank::First, serves: None, otherwise: Vec::new() };
        let of = |scope| self.city.directory.bodies_of(&target(scope)).first().map(|body| body.id.clone());
        of(Scope::Sectors(vec![sector])).or_else(|| of(Scope::City))
    }
}

/// What a row has for `what`.
fn value_of<T: Clone>(what: &str, value: &Value<T>, row: &Row<'_>) -> Result<T, String> {
    match value {
        Value::Always { value } => Ok(value.clone()),
        Value::Column { column, values, otherwise } => {
            let word = row.word(column);
            let found = values.get(word).or(otherwise.as_ref()).cloned();
            found.ok_or_else(|| format!("`{word}` in `{column}` has no {what} in the mapping"))
        }
    }
}

/// A time of day, its hour with these weights.
fn drawn(weights: &[f64], chance: Chance) -> Time {
    let mut left = chance.turn(0).unit() * weights.iter().sum::<f64>();
    let mut hour = 0;
    for (candidate, weight) in (0..).zip(weights) {
        hour = candidate;
        if left < *weight {
            break;
        }
        left -= weight;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 3,600")]
    let seconds = (chance.turn(1).unit() * 3600.0) as i64;
    let time = Time::new(hour, 0, 0, 0).unwrap_or(Time::midnight());
    time.wrapping_add(jiff::SignedDuration::from_secs(seconds))
}
