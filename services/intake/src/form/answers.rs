//! The form's answers, from the names of its fields to a report.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use vigie_domain::{
    admission::{self, Flaw},
    directory::{Ambit, Source},
    territory::{Found, LonLat, TYPED_M, Territory, Understood},
};
use vigie_proto::{
    Kind, Severity,
    signal::{Location, LocationFields, Parties, SignalReport, Weapons},
};

/// How uncertain "the surroundings" is, metres around the school.
const SURROUNDINGS_M: f64 = 150.0;

/// Every answer as text, kept to show the form again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    pub(crate) kind: String,
    pub(crate) severity: String,
    /// `school`, `around`, `point` or `sector`.
    pub(crate) place: String,
    /// A place by name, or coordinates as copied from a map.
    pub(crate) point: String,
    /// The place that the raiser was shown for `meant_of`, or chose: `school:0750507U`, `sector:paris-19`,
    /// `point:48.88,2.38,56` with latitude, longitude and metres.
    pub(crate) meant: String,
    /// What was in `point` then; once something else is, `meant` says nothing.
    pub(crate) meant_of: String,
    /// Nobody could be shown what was understood: it is sent later, by itself.
    pub(crate) unseen: bool,
    /// How exact the telephone says its position is, metres; empty when the point was typed.
    pub(crate) accuracy: String,
    /// `now`, `announced` or `past`.
    pub(crate) when: String,
    /// When it was first sent, RFC 3339, as the browser's script says; empty without one.
    pub(crate) written_at: String,
    /// Local date and time, `2026-11-23T16:30`.
    pub(crate) at: String,
    pub(crate) facts: Vec<String>,
    pub(crate) count: String,
    pub(crate) weapons: String,
    pub(crate) summary: String,
    pub(crate) key: String,
    /// Reference of the signal it adds to; empty when it adds to none.
    pub(crate) follows: String,
    /// The raiser has seen the doubt about names and sends all the same.
    pub(crate) confirmed: bool,
}

impl Answers {
    pub(crate) fn of(fields: Vec<(String, String)>) -> Self {
        let mut answers = Self::default();
        for (name, value) in fields {
            // Browsers send a line break of a text as two characters, scripts as one: it is one, and the report the same.
            let value = value.trim().replace("\r\n", "\n");
            match name.as_str() {
                "kind" => answers.kind = value,
                "severity" => answers.severity = value,
                "place" => answers.place = value,
                "point" => answers.point = value,
                "meant" => answers.meant = value,
                "meant_of" => answers.meant_of = value,
                "unseen" => answers.unseen = value == "1",
                "accuracy" => answers.accuracy = value,
                "when" => answers.when = value,
                "written_at" => answers.written_at = value,
                "at" => answers.at = value,
                "facts" => answers.facts.push(value),
                "count" => answers.count = value,
                "weapons" => answers.weapons = value,
                "summary" => answers.summary = value,
                "key" => answers.key = value,
                "follows" => answers.follows = value,
                "confirmed" => answers.confirmed = value == "1",
                _ => {}
            }
        }
        answers
    }

    /// The report these answers make for `source`; every fault at once.
    pub(crate) fn report(
        &self,
        source: &Source,
        territory: &Territory,
        zone: &TimeZone,
    ) -> Result<SignalReport, Vec<Flaw>> {
        let mut flaws = Vec::new();
        let kind = Kind::new(self.kind.as_str()).ok();
        if kind.is_none() {
            flaws.push(flaw("kind", "Choisissez ce que vous signalez."));
        }
        let severity = self.severity.parse::<Severity>().ok();
        if severity.is_none() {
            flaws.push(flaw("severity", "Choisissez un niveau."));
        }
        let location = self.location(source, territory).map_err(|f| flaws.push(f)).ok();
        let (occurred_at, expected_at) = self.times(zone).map_err(|f| flaws.push(f)).unwrap_or_default();
        let count = match self.count.as_str() {
            "" => None,
            text => {
                if let Ok(count) = text.parse() {
                    Some(count)
                } else {
                    flaws.push(flaw("count", "Le nombre de personnes s'écrit en chiffres."));
                    None
                }
            }
        };
        let weapons = match self.weapons.as_str() {
            "none" => Some(Weapons::None),
            "suspected" => Some(Weapons::Suspected),
            "seen" => Some(Weapons::Seen),
            _ => None,
        };
        let (Some(kind), Some(location), true) = (kind, location, flaws.is_empty()) else { return Err(flaws) };
        Ok(SignalReport {
            kind,
            severity,
            summary: (!self.summary.is_empty()).then(|| self.summary.clone()),
            location,
            occurred_at,
            expected_at,
            parties: (count.is_some() || weapons.is_some()).then_some(Parties { estimated_count: count, weapons }),
            facts: self.facts.clone(),
            learnt_at: None,
            exercise: false,
        })
    }

    fn location(&self, source: &Source, territory: &Territory) -> Result<LocationFields, Flaw> {
        match (self.place.as_str(), &source.ambit) {
            ("school", Ambit::School(uai)) => {
                Ok(LocationFields { school: Some(uai.clone()), ..LocationFields::default() })
            }
            ("around", Ambit::School(uai)) => {
                let at = territory
                    .school(uai)
                    .map(|school| school.at)
                    .ok_or_else(|| flaw("place", "Votre établissement n'est pas dans la liste."))?;
                Ok(LocationFields {
                    lon: Some(at.lon),
                    lat: Some(at.lat),
                    accuracy_m: Some(SURROUNDINGS_M),
                    ..LocationFields::default()
                })
            }
            ("sector", Ambit::Sector(sector)) => {
                Ok(LocationFields { sector: Some(sector.clone()), ..LocationFields::default() })
            }
            ("point", _) => self.point_given(territory),
            _ => Err(flaw("place", "Choisissez où.")),
        }
    }

    /// What was understood of the place written, when the raiser has not been shown it; nothing when there is none, or it
    /// was.
    pub(crate) fn to_be_shown(&self, territory: &Territory, near: Option<LonLat>) -> Option<Understood> {
        let written = self.place == "point" && !self.point.is_empty() && self.place_shown().is_none();
        written.then(|| territory.understand(&self.point, near))
    }

    /// The place that the raiser was shown, or chose, for what is written.
    pub(crate) fn place_shown(&self) -> Option<LocationFields> {
        let (sort, value) = self.meant.split_once(':').filter(|_| self.meant_of == self.point)?;
        let fields = LocationFields::default();
        match sort {
            "school" => Some(LocationFields { school: Some(value.parse().ok()?), ..fields }),
            "sector" => Some(LocationFields { sector: Some(value.parse().ok()?), ..fields }),
            "point" => {
                let numbers: Vec<f64> = value.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
                let [lat, lon, accuracy_m] = numbers[..] else { return None };
                Some(at_point(LonLat::new(lon, lat), accuracy_m))
            }
            _ => None,
        }
    }

    fn point_given(&self, territory: &Territory) -> Result<LocationFields, Flaw> {
        if self.point.is_empty() {
            return Err(flaw(
                "point",
                "Indiquez le point : une adresse, un établissement, une station ou des coordonnées.",
            ));
        }
        if let Some(shown) = self.place_shown() {
            return Ok(shown);
        }
        match territory.understand(&self.point, None) {
            Understood::Point(at) => Ok(at_point(at, self.accuracy.parse().unwrap_or(TYPED_M))),
            Understood::Place(found) => Ok(fields_of(&found)),
            Understood::Unclear(_) => {
                Err(flaw("point", "Ce lieu n'est pas sûr : choisissez ci-dessous, ou écrivez-le autrement."))
            }
            understood @ (Understood::Unknown | Understood::Nowhere(_)) => {
                Err(flaw("point", &admission::not_understood(&understood).unwrap_or_default()))
            }
        }
    }

    fn times(&self, zone: &TimeZone) -> Result<(Option<Timestamp>, Option<Timestamp>), Flaw> {
        let local = || {
            let civil: DateTime = self.at.parse().map_err(|_| flaw("at", "Indiquez la date et l'heure."))?;
            civil
                .to_zoned(zone.clone())
                .map(|zoned| Some(zoned.timestamp()))
                .map_err(|_| flaw("at", "Cette date n'existe pas."))
        };
        match self.when.as_str() {
            "announced" => Ok((None, local()?)),
            "past" => Ok((local()?, None)),
            // Late through a lost network, it still happened when it was written.
            _ => Ok((self.written_at.parse().ok(), None)),
        }
    }
}

fn at_point(at: LonLat, accuracy_m: f64) -> LocationFields {
    LocationFields { lon: Some(at.lon), lat: Some(at.lat), accuracy_m: Some(accuracy_m), ..LocationFields::default() }
}

fn fields_of(found: &Found) -> LocationFields {
    match admission::location_of(found) {
        Location::School { uai } => LocationFields { school: Some(uai), ..LocationFields::default() },
        Location::Sector { sector } => LocationFields { sector: Some(sector), ..LocationFields::default() },
        Location::Point { lon, lat, accuracy_m } => at_point(LonLat::new(lon, lat), accuracy_m),
    }
}

/// What the form gives back for a place it showed: [`Answers::meant`].
pub(crate) fn code_of(found: &Found) -> String {
    match admission::location_of(found) {
        Location::School { uai } => format!("school:{uai}"),
        Location::Sector { sector } => format!("sector:{sector}"),
        Location::Point { lon, lat, accuracy_m } => format!("point:{lat},{lon},{accuracy_m}"),
    }
}

fn flaw(field: &'static str, message: &str) -> Flaw {
    Flaw { field, message: message.to_owned() }
}
