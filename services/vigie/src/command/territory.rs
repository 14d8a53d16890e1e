//! `vigie territory`: builds the compact file from open data, and describes one.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;
use clap::Subcommand;
use vigie_domain::territory::{
    Built, LonLat, PlaceSources, SchoolKind, Source, Sources, Territory, TerritoryError, build, with_places,
};

use crate::Outcome;

/// Where the territory of Paris is, from the root of the project.
pub(crate) const DEFAULT_FILE: &str = "config/territory/paris.territory";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the compact file from GeoJSON and CSV; lists every fault of the sources and exits 1 if there are any.
    #[command(after_help = "Examples:
  vigie territory build --geo data/geo --schools data/schools --out config/territory/paris.territory
  vigie territory build --geo data/geo --schools data/schools --places data/places --attribution 'Ville de Paris (ODbL 1.0): adresses'
  vigie territory build --from config/territory/paris.territory --places ban \\
      --attribution 'Base Adresse Nationale (Licence Ouverte 2.0)'

With --from, each sort of place that the folder has (addresses, stations, mairies, equipment) takes the place of those in
the file; everything else stays.")]
    Build {
        /// Folder of the polygons: `arrondissements.geojson`, `quartiers.geojson`, `communes_petite_couronne.geojson`.
        #[arg(long, required_unless_present = "from")]
        geo: Option<PathBuf>,
        /// Folder of the schools: `schools_secondary.csv`, `ecoles_publiques_2022_2023.csv`.
        #[arg(long, required_unless_present = "from")]
        schools: Option<PathBuf>,
        /// Compact file to take the ground and the schools from, in place of --geo and --schools.
        #[arg(long, conflicts_with_all = ["geo", "schools"], requires = "places")]
        from: Option<PathBuf>,
        /// Folder of places by name: `stations.csv`, `mairies.csv`, `equipment.csv`, and addresses in the format of the
        /// Base Adresse Nationale, any file `addresses*.csv`. Each may be missing.
        #[arg(long)]
        places: Option<PathBuf>,
        /// Who publishes the addresses and the equipment, with the licence; once for each.
        #[arg(long, requires = "places")]
        attribution: Vec<String>,
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
    /// Find places by the words people write: an address, a street, a school, a station, a mairie, a quartier.
    #[command(after_help = "Examples:
  vigie territory search \"20 r de crimée\"
  vigie territory search \"college brassens\" --limit 3
  vigie territory search \"pl de la republique\" --near 2.3635,48.8674 --json

Accents, case, articles and order do not matter; a letter or two of a long word may be wrong, the last word unfinished;
`19e`, `paris 19` and a postal code say where. `=` marks an answer that may be taken without asking.
Exit codes: 0 something was found, 1 nothing, 2 wrong usage or unreadable file.")]
    Search {
        /// What somebody writes.
        text: String,
        /// Most answers to give.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
        limit: u8,
        /// Longitude and latitude in degrees: among equals, the nearest first.
        #[arg(long, value_delimiter = ',', num_args = 2, allow_negative_numbers = true, value_name = "LON,LAT")]
        near: Vec<f64>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Territory to use.
        #[arg(long, default_value = DEFAULT_FILE)]
        territory: PathBuf,
    },
}

pub(crate) fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Build { geo, schools, from, places, attribution, out } => {
            let places = places.as_deref().map(PlaceFiles::read).transpose()?.unwrap_or_default();
            let places = places.sources(attribution);
            let built = match (from, geo, schools) {
                (Some(from), ..) => {
                    let bytes = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
                    timed(|| with_places(&bytes, &places))
                }
                (None, Some(geo), Some(schools)) => build_from(&geo, &schools, places)?,
                _ => anyhow::bail!("give --geo and --schools, or --from"),
            };
            write_file(built, &out)
        }
        Command::Search { text, limit, near, json, territory } => {
            let near = if let [lon, lat] = near[..] { Some(LonLat::new(lon, lat)) } else { None };
            search(&load(&territory)?, &text, near, usize::from(limit), json)
        }
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

/// A file by name, and its text.
type File = (String, String);

fn read_file(folder: &Path, name: &str) -> anyhow::Result<File> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    eprintln!("read   {name}, {} kB", text.len() / 1000);
    Ok((name.to_owned(), text))
}

/// The texts of a folder of places.
#[derive(Debug, Default)]
struct PlaceFiles {
    stations: Option<File>,
    mairies: Option<File>,
    equipment: Option<File>,
    addresses: Vec<File>,
}

impl PlaceFiles {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let listed = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
        let names = listed.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names: Vec<String> = names.collect::<std::io::Result<_>>()?;
        names.sort();
        let file =
            |name: &str| names.iter().find(|known| *known == name).map(|name| read_file(folder, name)).transpose();
        let is_csv = |name: &&String| Path::new(name).extension().is_some_and(|extension| extension == "csv");
        let addresses = names.iter().filter(is_csv).filter(|name| name.starts_with("addresses"));
        let files = Self {
            stations: file("stations.csv")?,
            mairies: file("mairies.csv")?,
            equipment: file("equipment.csv")?,
            addresses: addresses.map(|name| read_file(folder, name)).collect::<anyhow::Result<_>>()?,
        };
        let none = files.stations.is_none() && files.mairies.is_none() && files.equipment.is_none();
        anyhow::ensure!(
            !none || !files.addresses.is_empty(),
            "{} has no stations.csv, mairies.csv, equipment.csv or addresses*.csv: see `vigie territory build --help`",
            folder.display()
        );
        Ok(files)
    }

    fn sources(&self, attribution: Vec<String>) -> PlaceSources<'_> {
        PlaceSources {
            stations: self.stations.as_ref().map(source),
            mairies: self.mairies.as_ref().map(source),
            equipment: self.equipment.as_ref().map(source),
            addresses: self.addresses.iter().map(source).collect(),
            attribution,
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> T {
    eprintln!("build  matching borders, placing schools and addresses");
    let started = Instant::now();
    let built = work();
    eprintln!("built  in {} ms", started.elapsed().as_millis());
    built
}

fn build_from(geo: &Path, schools: &Path, places: PlaceSources<'_>) -> anyhow::Result<Result<Built, TerritoryError>> {
    let arrondissements = read_file(geo, "arrondissements.geojson")?;
    let quartiers = read_file(geo, "quartiers.geojson")?;
    let communes = read_file(geo, "communes_petite_couronne.geojson")?;
    let secondary = read_file(schools, "schools_secondary.csv")?;
    let ecoles = read_file(schools, "ecoles_publiques_2022_2023.csv")?;
    Ok(timed(|| {
        build(&Sources {
            arrondissements: source(&arrondissements),
            quartiers: source(&quartiers),
            communes: source(&communes),
            secondary: source(&secondary),
            ecoles: source(&ecoles),
            places,
        })
    }))
}

fn write_file(built: Result<Built, TerritoryError>, out: &Path) -> anyhow::Result<Outcome> {
    let Built { bytes, notes } = match built {
        Ok(built) => built,
        Err(error @ TerritoryError::Sources(_)) => {
            eprintln!("{error}");
            return Ok(Outcome::Found);
        }
        Err(error) => return Err(error.into()),
    };
    for note in &notes {
        eprintln!("note   {note}");
    }
    fs::write(out, &bytes).with_context(|| format!("writing {}", out.display()))?;
    describe(out, &bytes)?;
    Ok(Outcome::Done)
}

/// Prints the places that `text` names.
fn search(
    territory: &Territory,
    text: &str,
    near: Option<LonLat>,
    limit: usize,
    json: bool,
) -> anyhow::Result<Outcome> {
    let found = territory.search(text, near, limit);
    if json {
        println!("{:#}", serde_json::to_value(&found)?);
    } else {
        for place in &found {
            let mark = if place.certain { '=' } else { ' ' };
            let LonLat { lon, lat } = place.at;
            println!("{mark} {} ({}), {lat:.6}, {lon:.6} to {:.0} m", place.label, place.detail, place.accuracy_m);
        }
    }
    if found.is_empty() {
        eprintln!("vigie: no place answers \"{text}\"");
        return Ok(Outcome::Found);
    }
    Ok(Outcome::Done)
}

fn source((name, text): &File) -> Source<'_> {
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
    let places = territory.place_counts();
    println!(
        "places    {} addresses on {} streets, {} stations, {} mairies, {} other places",
        places.addresses, places.streets, places.stations, places.mairies, places.equipment
    );
    for line in territory.attribution() {
        println!("source    {line}");
    }
    Ok(())
}
