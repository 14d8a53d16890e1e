//! `vigie bench places`: how long a place takes to be found by name, over the territory and over 150,000 addresses.

use std::{
    fmt::Write,
    fs,
    hint::black_box,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Args;
use vigie_domain::territory::{LonLat, PlaceSources, Source, Territory, with_places};

use super::{
    progress,
    report::{Durations, Report, Row},
};
use crate::{Outcome, command::territory::DEFAULT_FILE};

/// Addresses of a large city, on streets of so many numbers: Paris has some 150,000 on 6,500.
const ADDRESSES: usize = 150_000;
const NUMBERS: usize = 20;
/// What a search may take, milliseconds.
const TARGET_MS: f64 = 20.0;
/// What naming a position may take: it is done for every signal.
const NAMED_TARGET_US: f64 = 20.0;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vigie bench places\n  vigie bench places --seconds 10 --json")]
pub(crate) struct Arguments {
    /// Seconds of measuring for each figure.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Territory to use.
    #[arg(long, default_value = DEFAULT_FILE)]
    territory: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let budget = Duration::try_from_secs_f64(arguments.seconds).context("--seconds must be zero or more")?;
    let file = &arguments.territory;
    let shipped = fs::read(file).with_context(|| format!("reading the territory {}", file.display()))?;
    let mut rows = Vec::new();
    measure("as shipped", &shipped, budget, &mut rows)?;
    let addresses = generated(&Territory::from_bytes(&shipped)?);
    let sources = PlaceSources {
        addresses: vec![Source { name: "generated", text: &addresses }],
        attribution: vec!["nobody: generated to be measured".to_owned()],
        ..PlaceSources::default()
    };
    measure("150,000 addresses", &with_places(&shipped, &sources)?.bytes, budget, &mut rows)?;
    let notes = vec![
        "a search is one query of a mix: addresses, streets, schools and stations, with letters wrong, unfinished or too many words".to_owned(),
    ];
    Report { bench: "places", rows, notes }.print(arguments.json)?;
    Ok(Outcome::Done)
}

/// Measures loading, searching and naming on one file.
fn measure(what: &str, bytes: &[u8], budget: Duration, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    progress(what);
    let load = |_| -> anyhow::Result<Duration> {
        let started = Instant::now();
        black_box(Territory::from_bytes(bytes)?);
        Ok(started.elapsed())
    };
    let loads = Durations::new((0..10).map(load).collect::<anyhow::Result<_>>()?);
    let territory = Territory::from_bytes(bytes)?;
    let counts = territory.place_counts();
    rows.push(Row::plain(format!("{what}: {} addresses, file", counts.addresses), kilobytes(bytes.len()), "kB"));
    rows.push(Row::plain(format!("{what}: load and index, p50"), loads.percentile_ms(50), "ms"));
    let queries = queries(&territory);
    let searches = timed(&queries, budget, |query| drop(black_box(territory.search(query, None, 5))));
    rows.push(Row::plain(format!("{what}: search, p50"), searches.percentile_ms(50), "ms"));
    rows.push(Row::plain(format!("{what}: search, p99"), searches.percentile_ms(99), "ms").at_most(TARGET_MS));
    let points: Vec<LonLat> =
        queries.iter().filter_map(|query| territory.search(query, None, 1).first().map(|found| found.at)).collect();
    let named = timed(&points, budget, |at| drop(black_box(territory.named(*at))));
    rows.push(
        Row::plain(format!("{what}: name a position, p99"), named.percentile_ms(99) * 1e3, "us")
            .at_most(NAMED_TARGET_US),
    );
    Ok(())
}

/// The durations of `answer` to each of `asked` in turn, once at least, until the budget is spent.
fn timed<T>(asked: &[T], budget: Duration, mut answer: impl FnMut(&T)) -> Durations {
    let started = Instant::now();
    let mut durations = Vec::new();
    for one in asked.iter().cycle() {
        if durations.len() >= asked.len() && started.elapsed() >= budget {
            break;
        }
        let begun = Instant::now();
        answer(one);
        durations.push(begun.elapsed());
    }
    Durations::new(durations)
}

fn kilobytes(bytes: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a size to the byte is far below 2^53")]
    let kilobytes = bytes as f64 / 1e3;
    kilobytes
}

/// What people write: the mix that the figures are of.
fn queries(territory: &Territory) -> Vec<String> {
    let mut queries: Vec<String> = [
        "20 r de crimée",
        "20 rue de Crimée, 75019 Paris",
        "stalingrad",
        "metro jaures",
        "gare du nord",
        "college brassens",
        "lycee bergson",
        "mairie du 19e",
        "bd de la villette 19e",
        "rue des aloutettes",
        "pl de la republique",
        "avenue jean jau",
        "rue",
        "r",
        "ecole maternelle",
        "quartier amerique",
        "je crois que c'est devant le collège au coin de la rue de crimée et de l'avenue jean jaurès vers le 19e",
        "rue du docteur professeur general marechal saint martin faubourg boulevard avenue place",
        "internationalement constitutionnel hospitalier universitaire pharmaceutique",
    ]
    .map(str::to_owned)
    .to_vec();
    for (number, school) in territory.schools().iter().enumerate().filter(|(number, _)| number % 7 == 0) {
        queries.push(misspelt(&school.address, number));
        queries.push(misspelt(&school.name, number));
        queries.push(school.name.chars().take(8).collect());
    }
    queries
}

/// `text` with a letter left out, elsewhere in each.
fn misspelt(text: &str, number: usize) -> String {
    let letters = text.chars().count().max(1);
    text.chars()
        .enumerate()
        .filter(|(place, _)| *place != (number * 5 + 3) % letters)
        .map(|(_, letter)| letter)
        .collect()
}

/// A file of addresses on streets with names of their own, spread over the territory.
fn generated(territory: &Territory) -> String {
    const PARTS: [&str; 16] = [
        "mar", "bel", "ville", "chan", "tou", "ron", "gam", "ber", "lo", "des", "cri", "mon", "vau", "gi", "rard", "sé",
    ];
    const WAYS: [&str; 6] = ["Rue", "Avenue", "Boulevard", "Passage", "Place", "Rue du Docteur"];
    let middles: Vec<LonLat> = territory.schools().iter().map(|school| school.at).collect();
    let mut text = "numero;rep;nom_voie;code_insee;lon;lat\n".to_owned();
    for street in 0..ADDRESSES / NUMBERS {
        let part = |turn: usize| PARTS[street / 16_usize.pow(u32::try_from(turn).unwrap_or(0)) % 16];
        let name = format!("{} de {}{}{}{}", WAYS[street % 6], part(0), part(1), part(2), part(3));
        let begins = middles[street * 31 % middles.len()];
        let Some(insee) = insee(territory, begins) else { continue };
        for number in 0..NUMBERS {
            #[expect(clippy::cast_precision_loss, reason = "a number of a street")]
            let along = number as f64 * 1e-5;
            let LonLat { lon, lat } = begins;
            writeln!(text, "{};;{name};{insee};{:.6};{:.6}", number + 1, lon + along, lat + along / 2.0)
                .expect("writing to a String cannot fail");
        }
    }
    text
}

fn insee(territory: &Territory, at: LonLat) -> Option<u32> {
    let place = territory.locate(at).ok()?;
    place.arrondissement.map(|number| 75_100 + u32::from(number))
}
