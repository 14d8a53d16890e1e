//! `vigie territory`: builds the compact file from open data, and describes one.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;
use clap::Subcommand;
use vigie_domain::territory::{SchoolKind, Source, Sources, Territory, TerritoryError, build};

use crate::Outcome;

/// Where the territory of Paris is, from the root of the project.
pub(crate) const DEFAULT_FILE: &str = "config/territory/paris.territory";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the compact file from GeoJSON and CSV; lists every fault of the sources and exits 1 if there are any.
    #[command(
        after_help = "Example:\n  vigie territory build --geo data/geo --schools data/schools --out config/territory/paris.territory"
    )]
    Build {
        /// Folder of the polygons: `arrondissements.geojson`, `quartiers.geojson`, `communes_petite_couronne.geojson`.
        #[arg(long)]
        geo: PathBuf,
        /// Folder of the schools: `schools_secondary.csv`, `ecoles_publiques_2022_2023.csv`.
        #[arg(long)]
        schools: PathBuf,
        /// File to write.
        #[arg(long, default_value = DEFAULT_FILE)]
        out: PathBuf,
    },
    /// Describe a compact file: counts, size, hash, publishers.
    #[command(after_help = "Example:\n  vigie territory info --territory config/territory/paris.territory")]
    Info {
        /// File to read.
        #[arg(long, default_value = DEFAULT_FILE)]
        territory: PathBuf,
    },
}

pub(crate) fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Build { geo, schools, out } => build_file(&geo, &schools, &out),
        Command::Info { territory } => {
            let bytes = fs::read(&territory).with_context(|| format!("reading {}", territory.display()))?;
            describe(&territory, &bytes)?;
            Ok(Outcome::Done)
        }
    }
}

/// Reads and indexes a compact file.
pub(crate) fn load(file: &Path) -> anyhow::Result<Territory> {
    let bytes = fs::read(file).with_context(|| format!("reading the territory {}", file.display()))?;
    Territory::from_bytes(&bytes).with_context(|| file.display().to_string())
}

fn build_file(geo: &Path, schools: &Path, out: &Path) -> anyhow::Result<Outcome> {
    let read = |folder: &Path, name: &'static str| -> anyhow::Result<(&'static str, String)> {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        eprintln!("read   {name}, {} kB", text.len() / 1000);
        Ok((name, text))
    };
    let arrondissements = read(geo, "arrondissements.geojson")?;
    let quartiers = read(geo, "quartiers.geojson")?;
    let communes = read(geo, "communes_petite_couronne.geojson")?;
    let secondary = read(schools, "schools_secondary.csv")?;
    let ecoles = read(schools, "ecoles_publiques_2022_2023.csv")?;
    eprintln!("build  matching borders, placing schools");
    let started = Instant::now();
    let built = build(&Sources {
        arrondissements: source(&arrondissements),
        quartiers: source(&quartiers),
        communes: source(&communes),
        secondary: source(&secondary),
        ecoles: source(&ecoles),
    });
    let bytes = match built {
        Ok(bytes) => bytes,
        Err(error @ TerritoryError::Sources(_)) => {
            eprintln!("{error}");
            return Ok(Outcome::Found);
        }
        Err(error) => return Err(error.into()),
    };
    eprintln!("built  in {} ms", started.elapsed().as_millis());
    fs::write(out, &bytes).with_context(|| format!("writing {}", out.display()))?;
    describe(out, &bytes)?;
    Ok(Outcome::Done)
}

fn source<'a>((name, text): &'a (&'static str, String)) -> Source<'a> {
    Source { name, text }
}

fn describe(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let started = Instant::now();
    let territory = Territory::from_bytes(bytes).with_context(|| file.display().to_string())?;
    let loaded = started.elapsed();
    let (paris, communes): (Vec<_>, Vec<_>) = territory.sectors().iter().partition(|sector| sector.in_paris);
    let quartiers = territory.cells().filter(|(place, _)| place.quartier.is_some()).count();
    let arrondissements: usize = paris.iter().map(|sector| sector.insee.len()).sum();
    println!("file      {} ({} bytes, loads in {} ms)", file.display(), bytes.len(), loaded.as_millis());
    println!("hash      {}", territory.hash());
    println!(
        "ground    {arrondissements} arrondissements in {} sectors, {quartiers} quartiers, {} bordering communes",
        paris.len(),
        communes.len()
    );
    let count = |kind| territory.schools().iter().filter(|school| school.kind == kind).count();
    println!(
        "schools   {} collèges, {} lycées, {} élémentaires, {} maternelles, {} polyvalentes",
        count(SchoolKind::College),
        count(SchoolKind::Lycee),
        count(SchoolKind::Elementaire),
        count(SchoolKind::Maternelle),
        count(SchoolKind::Polyvalente)
    );
    for line in territory.attribution() {
        println!("source    {line}");
    }
    Ok(())
}
