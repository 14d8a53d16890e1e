//! Rows of the directory's files, as written by people.

use std::str::FromStr;

use jiff::civil::DateTime;
use serde::Deserialize;
use toml::Spanned;
use vigie_proto::{Channel, SectorId, Uai};

use super::{Ambit, LocalTime};

/// The columns of each CSV file, in the order a new file gets them.
pub(super) const COLUMNS: [(&str, &[&str]); 4] = [
    ("bodies.csv", &["id", "role", "territory", "name"]),
    ("contacts.csv", &["id", "body", "channel", "address", "duty", "verified"]),
    ("overrides.csv", &["id", "body", "from", "until", "rank", "position", "note"]),
    ("sources.csv", &["id", "role", "body", "territory", "name"]),
];

/// Columns a file may do without.
pub(super) const OPTIONAL_COLUMNS: [&str; 2] = ["verified", "note"];

/// The columns of a CSV file; none of another file.
pub(super) fn columns(file: &str) -> &'static [&'static str] {
    COLUMNS.iter().find(|(name, _)| *name == file).map_or(&[], |(_, columns)| columns)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BodyRow {
    pub(super) id: String,
    pub(super) role: String,
    pub(super) territory: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactRow {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) channel: Channel,
    pub(super) address: String,
    pub(super) duty: String,
    /// The day it was last answered, `YYYY-MM-DD`; an empty cell or no column: never.
    #[serde(default)]
    pub(super) verified: Option<jiff::civil::Date>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideRow {
    pub(super) id: String,
    pub(super) body: String,
    /// Local, in the rosters' time zone.
    pub(super) from: LocalTime,
    pub(super) until: LocalTime,
    /// 0 is first on duty.
    pub(super) rank: usize,
    /// The duty position that takes it.
    pub(super) position: String,
    /// For those who keep the file: why; functions, never names.
    #[serde(default)]
    #[expect(dead_code, reason = "for the people who read the file")]
    pub(super) note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceRow {
    pub(super) id: String,
    pub(super) role: String,
    pub(super) body: String,
    pub(super) territory: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RosterFile {
    pub(super) timezone: String,
    #[serde(default)]
    pub(super) roster: Vec<RosterRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RosterRow {
    pub(super) body: Spanned<String>,
    pub(super) starts: DateTime,
    pub(super) every_days: i32,
    pub(super) order: Vec<String>,
}

/// `city`, a sector id, or `school:` and a UAI.
impl FromStr for Ambit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "city" {
            return Ok(Self::City);
        }
        if let Some(uai) = text.strip_prefix("school:") {
            return Uai::new(uai).map(Self::School).map_err(|e| e.to_string());
        }
        SectorId::new(text).map(Self::Sector).map_err(|e| format!("{e}, or `city`, or `school:` and a UAI"))
    }
}

/// Stands where an address was taken out.
const WITHHELD: &str = "-";

/// What is wrong with an address of `channel`, if anything; without the address, as faults may be logged.
pub(super) fn address_fault(channel: Channel, address: &str) -> Option<String> {
    match channel {
        Channel::Email => {
            let (local, domain) = address.split_once('@').unwrap_or(("", ""));
            let plain = |s: &str| {
                !s.is_empty() && s.bytes().all(|c| c.is_ascii_graphic() && c != b'@' && c != b'<' && c != b'>')
            };
            (!plain(local) || !plain(domain) || !domain.contains('.'))
                .then(|| "the address is not an e-mail address".to_owned())
        }
        Channel::Sms => {
            let digits = address.strip_prefix('+').unwrap_or("");
            let valid = (8..=15).contains(&digits.len())
                && digits.bytes().all(|c| c.is_ascii_digit())
                && !digits.starts_with('0');
            (!valid).then(|| "the number is not in international form: `+33` and nine digits".to_owned())
        }
        // Whatever tells one screen from another for the people who keep the file.
        Channel::Screen => None,
    }
}

/// `contacts.csv` with [`WITHHELD`] for every address; empty when it has no column of that name.
pub(super) fn without_addresses(contacts: &str) -> String {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(contacts.as_bytes());
    let column = reader.headers().ok().and_then(|headers| headers.iter().position(|name| name == "address"));
    let Some(column) = column else { return String::new() };
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let headers = reader.headers().cloned().unwrap_or_default();
    writer.write_record(&headers).expect("writing to memory cannot fail");
    for record in reader.records().map_while(Result::ok) {
        let cells = record.iter().enumerate().map(|(at, cell)| if at == column { WITHHELD } else { cell });
        writer.write_record(cells).expect("writing to memory cannot fail");
    }
    let written = writer.into_inner().expect("writing to memory cannot fail");
    String::from_utf8(written).expect("texts are written as they were read")
}
