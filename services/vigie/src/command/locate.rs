//! `vigie locate`: one position as JSON, or a column of them as CSV.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use csv::StringRecord;
use vigie_domain::territory::{LonLat, Territory};
use vigie_map::PlaceView;

use super::territory::{DEFAULT_FILE, load};
use crate::Outcome;

const COLUMNS: [&str; 7] = ["sector", "arrondissement", "quartier", "commune", "neighbours", "schools", "error"];

/// Say where a position is: its sector, and what lies around it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vigie locate 2.3966 48.8905
  vigie locate 2.3966 48.8905 --accuracy-m 150 --reach-m 800
  vigie locate --csv < points.csv > placed.csv

With --csv the header names the columns lon and lat, in any order; the other columns are kept and these are added:
sector, arrondissement, quartier, commune, neighbours, schools (separated by spaces, nearest first) and error.
Exit codes: 0 all placed, 1 some position has no place, 2 wrong usage or unreadable file.")]
pub(crate) struct Arguments {
    /// Longitude in degrees, WGS84.
    #[arg(required_unless_present = "csv", allow_negative_numbers = true)]
    lon: Option<f64>,
    /// Latitude in degrees, WGS84.
    #[arg(required_unless_present = "csv", allow_negative_numbers = true)]
    lat: Option<f64>,
    /// Read positions as CSV from standard input.
    #[arg(long, conflicts_with_all = ["lon", "lat"])]
    csv: bool,
    /// Metres within which the position is known; every sector that close is concerned.
    #[arg(long, default_value_t = 0.0)]
    accuracy_m: f64,
    /// Metres within which to list neighbouring sectors, communes and schools.
    #[arg(long, default_value_t = 500.0)]
    reach_m: f64,
    /// Territory to use.
    #[arg(long, default_value = DEFAULT_FILE)]
    territory: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    for (name, metres) in [("--accuracy-m", arguments.accuracy_m), ("--reach-m", arguments.reach_m)] {
        anyhow::ensure!(metres.is_finite() && metres >= 0.0, "{name} is {metres}: give metres, zero or more");
    }
    let territory = load(&arguments.territory)?;
    if arguments.csv {
        return place_rows(&territory, arguments, io::stdin().lock(), io::stdout().lock());
    }
    let (lon, lat) = arguments.lon.zip(arguments.lat).context("give a longitude and a latitude, or --csv")?;
    match territory.survey(LonLat::new(lon, lat), arguments.accuracy_m, arguments.reach_m) {
        Ok(survey) => {
            let place = serde_json::to_string_pretty(&PlaceView::of(&territory, &survey))?;
            writeln!(io::stdout(), "{place}")?;
            Ok(Outcome::Done)
        }
        Err(error) => {
            eprintln!("vigie: {error}");
            Ok(Outcome::Found)
        }
    }
}

fn place_rows(
    territory: &Territory,
    arguments: &Arguments,
    input: impl Read,
    output: impl Write,
) -> anyhow::Result<Outcome> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(output);
    let header = reader.headers().context("reading the header from standard input")?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
        found.with_context(|| format!("the header has no column `{name}`: name the columns lon and lat"))
    };
    let columns = (column("lon")?, column("lat")?);
    writer.write_record(header.iter().chain(COLUMNS))?;
    let mut outcome = Outcome::Done;
    for record in reader.into_byte_records() {
        let record = StringRecord::from_byte_record_lossy(record.context("reading standard input")?);
        let added = place_row(territory, arguments, &record, columns).unwrap_or_else(|error| {
            outcome = Outcome::Found;
            let mut added: [String; COLUMNS.len()] = Default::default();
            added[COLUMNS.len() - 1] = error;
            added
        });
        // a short row is padded, so that what is added stands under its name
        let kept = (0..header.len().max(record.len())).map(|index| record.get(index).unwrap_or_default());
        writer.write_record(kept.chain(added.iter().map(String::as_str)))?;
    }
    writer.flush()?;
    Ok(outcome)
}

/// The columns to add to a row, or what is wrong with it.
fn place_row(
    territory: &Territory,
    arguments: &Arguments,
    record: &StringRecord,
    (lon, lat): (usize, usize),
) -> Result<[String; COLUMNS.len()], String> {
    let degrees = |column: usize| {
        let text = record.get(column).unwrap_or_default().trim();
        text.parse::<f64>().map_err(|_| format!("`{text}` is not a number of degrees: use a point, such as 2.3522"))
    };
    let at = LonLat::new(degrees(lon)?, degrees(lat)?);
    let survey = territory.survey(at, arguments.accuracy_m, arguments.reach_m).map_err(|error| error.to_string())?;
    let words = |words: Vec<&str>| words.join(" ");
    let number = |number: Option<u8>| number.map_or_else(String::new, |number| number.to_string());
    Ok([
        survey.owner.to_string(),
        number(survey.place.arrondissement),
        number(survey.place.quartier),
        format!("{:05}", survey.place.commune),
        words(survey.neighbours.iter().map(|(id, _)| id.as_str()).collect()),
        words(survey.schools.iter().map(|(school, _)| school.id.as_str()).collect()),
        String::new(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(rows: &str) -> (Outcome, String) {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(DEFAULT_FILE);
        let territory = load(&file).unwrap();
        let arguments = Arguments { lon: None, lat: None, csv: true, accuracy_m: 0.0, reach_m: 300.0, territory: file };
        let mut output = Vec::new();
        let outcome = place_rows(&territory, &arguments, rows.as_bytes(), &mut output).unwrap();
        (outcome, String::from_utf8(output).unwrap())
    }

    #[test]
    fn columns_in_any_order_are_kept_and_the_place_is_added() {
        let (outcome, placed) = place("note,lat,lon\n\"here, there\",48.856667,2.352222\n");
        assert_eq!(outcome, Outcome::Done);
        let row = placed.lines().nth(1).unwrap();
        assert!(row.starts_with("\"here, there\",48.856667,2.352222,paris-centre,4,13,75056,"), "{row}");
    }

    #[test]
    fn a_bad_row_says_why_and_the_others_are_placed() {
        let (outcome, placed) = place("lon,lat\n2.35\n2.3522,48.8566\n48.8566,2.3522\n3.5,48.8\nx,48.8\n");
        assert_eq!(outcome, Outcome::Found);
        let rows: Vec<_> = placed.lines().collect();
        assert_eq!(rows.len(), 6);
        assert!(rows[1].starts_with("2.35,,,") && rows[1].contains("`` is not a number of degrees"), "{}", rows[1]);
        assert!(rows[2].contains("paris-centre"));
        assert!(rows[3].contains("looks swapped"));
        assert!(rows[4].contains("outside the territory"));
        assert!(rows[5].contains("`x` is not a number"));
    }
}
