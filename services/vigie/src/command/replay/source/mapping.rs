//! A mapping: which columns of a CSV file make a signal.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use jiff::tz::TimeZone;
use serde::Deserialize;
use vigie_domain::city::City;
use vigie_proto::{Kind, RoleId, Severity};

/// One file of `config/replay`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    /// What the stream is, in French, for the report.
    pub(crate) name: String,
    pub(crate) time: TimeColumn,
    pub(crate) place: PlaceColumns,
    pub(crate) kind: Value<Kind>,
    #[serde(default)]
    pub(crate) severity: Option<Value<Severity>>,
    pub(crate) reporter: Reporter,
    /// Rows that are not played, on purpose.
    #[serde(default)]
    pub(crate) skip: Vec<Filter>,
    /// When any is given, rows that match none of them are not played.
    #[serde(default)]
    pub(crate) only: Vec<Filter>,
    /// Every row is played, not real.
    #[serde(default)]
    pub(crate) exercise: bool,
}

/// When.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeColumn {
    pub(crate) column: String,
    /// As strptime: `%Y-%m-%dT%H:%M`, with `%z` when the column has an offset.
    pub(crate) format: String,
    /// Zone of a time without an offset.
    #[serde(default)]
    pub(crate) zone: Option<String>,
    /// For a column that gives the day only: the weight of each hour from 0 to 23, drawn with the seed.
    #[serde(default)]
    pub(crate) hours: Option<Vec<f64>>,
}

/// Where: a position, else a sector or an arrondissement.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceColumns {
    #[serde(default)]
    pub(crate) lon: Option<String>,
    #[serde(default)]
    pub(crate) lat: Option<String>,
    /// How far the true position may be, metres.
    #[serde(default)]
    pub(crate) accuracy_m: f64,
    /// Column of ids such as `paris-19`.
    #[serde(default)]
    pub(crate) sector: Option<String>,
    /// Column of numbers from 1 to 20.
    #[serde(default)]
    pub(crate) arrondissement: Option<String>,
}

/// One value for all rows, or a column with what its words mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Value<T> {
    Always {
        value: T,
    },
    Column {
        column: String,
        values: BTreeMap<String, T>,
        /// For every other word.
        #[serde(default = "Option::default")]
        otherwise: Option<T>,
    },
}

/// Who raises.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reporter {
    pub(crate) role: RoleId,
}

/// Rows whose column has one of these words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    pub(crate) column: String,
    pub(crate) is: Vec<String>,
}

impl Mapping {
    /// Reads a mapping and checks it against `city`.
    pub(crate) fn read(path: &Path, city: &City) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the mapping {}", path.display()))?;
        Self::parse(&text, path, city)
    }

    /// Reads the text of the mapping `path`.
    pub(crate) fn parse(text: &str, path: &Path, city: &City) -> anyhow::Result<Self> {
        let mapping: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = 1 + before.matches('\n').count();
            anyhow::anyhow!("{}:{line}: {}", path.display(), error.message())
        })?;
        mapping.check(city).with_context(|| format!("in the mapping {}", path.display()))?;
        Ok(mapping)
    }

    fn check(&self, city: &City) -> anyhow::Result<()> {
        for kind in self.kind.all() {
            let known = || city.doctrine.kinds.keys().map(Kind::as_str).collect::<Vec<_>>().join(", ");
            anyhow::ensure!(city.doctrine.kind(kind).is_some(), "kind `{kind}` is not in the doctrine: {}", known());
        }
        let role = &self.reporter.role;
        anyhow::ensure!(city.directory.role(role).is_some(), "role `{role}` is not in the directory's roles.toml");
        let place = &self.place;
        anyhow::ensure!(place.lon.is_some() == place.lat.is_some(), "give both lon and lat, or neither");
        anyhow::ensure!(
            place.lon.is_some() || place.sector.is_some() || place.arrondissement.is_some(),
            "[place] needs lon and lat, sector, or arrondissement"
        );
        anyhow::ensure!(
            place.accuracy_m.is_finite() && place.accuracy_m >= 0.0,
            "accuracy_m is {}: give metres, zero or more",
            place.accuracy_m
        );
        if let Some(hours) = &self.time.hours {
            let usable = hours.len() == 24 && hours.iter().all(|w| *w >= 0.0) && hours.iter().sum::<f64>() > 0.0;
            anyhow::ensure!(usable, "hours needs 24 weights, none negative, not all zero");
        }
        self.zone(city).map(drop)
    }

    /// The zone of the times: the doctrine's unless the mapping names another.
    pub(crate) fn zone(&self, city: &City) -> anyhow::Result<TimeZone> {
        match &self.time.zone {
            Some(name) => TimeZone::get(name).with_context(|| format!("zone `{name}` is unknown")),
            None => Ok(city.doctrine.zone.clone()),
        }
    }

    /// Every column it names, each once.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let place = &self.place;
        let optional = [&place.lon, &place.lat, &place.sector, &place.arrondissement];
        let filters = self.skip.iter().chain(&self.only).map(|filter| filter.column.as_str());
        let mut columns: Vec<&str> = optional.into_iter().flatten().map(String::as_str).chain(filters).collect();
        columns.push(&self.time.column);
        columns.extend(self.kind.column());
        columns.extend(self.severity.as_ref().and_then(Value::column));
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

impl<T> Value<T> {
    pub(crate) fn column(&self) -> Option<&str> {
        match self {
            Self::Always { .. } => None,
            Self::Column { column, .. } => Some(column),
        }
    }

    fn all(&self) -> Vec<&T> {
        match self {
            Self::Always { value } => vec![value],
            Self::Column { values, otherwise, .. } => values.values().chain(otherwise).collect(),
        }
    }
}
