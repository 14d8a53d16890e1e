//! Builds the compact file from the publishers' sources.

use std::collections::{BTreeMap, BTreeSet};

use vigie_proto::SectorId;

use super::{
    LonLat, School, Sector, Territory, TerritoryError,
    assign::{Holder, assign},
    error::{Fault, Problem},
    faces::Subdivision,
    format::{Cell, Contents, decode, encode},
    noding::node,
    places::{PlaceSources, Placed, places},
    point::Vertex,
    source::{self, Owner, SchoolRow, Shape, Source},
    topology::{Arc, OUTSIDE, chain},
};

/// INSEE code of the commune of Paris; its arrondissements have codes of their own.
const PARIS: u32 = 75_056;

/// Who publishes the sources, and under which licence; goes into the file.
const ATTRIBUTION: [&str; 3] = [
    "Ville de Paris: arrondissements, quartiers, écoles publiques 2022-2023 (ODbL 1.0)",
    "IGN ADMIN EXPRESS, INSEE: communes (Licence Ouverte 2.0)",
    "Ministère de l'Éducation nationale, Région Île-de-France: collèges et lycées (Licence Ouverte 2.0)",
];

/// The files that a territory is built from.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    pub arrondissements: Source<'a>,
    pub quartiers: Source<'a>,
    pub communes: Source<'a>,
    /// CSV of collèges and lycées, by UAI.
    pub secondary: Source<'a>,
    /// CSV of public écoles, by local identifier.
    pub ecoles: Source<'a>,
    /// Places by name; a territory may have none.
    pub places: PlaceSources<'a>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Of a territory file.
    pub bytes: Vec<u8>,
    /// What of the sources was left out without a fault, one sentence each.
    pub notes: Vec<String>,
}

/// Builds a territory file; the same sources give the same bytes.
///
/// Errors: [`TerritoryError::Sources`] with every fault found. Schools are only placed once the polygons are sound.
pub fn build(sources: &Sources<'_>) -> Result<Built, TerritoryError> {
    let mut faults = Vec::new();
    let mut shapes = source::shapes(sources.arrondissements, &mut faults, source::arrondissement);
    shapes.extend(source::shapes(sources.communes, &mut faults, source::bordering_commune));
    shapes.extend(source::shapes(sources.quartiers, &mut faults, source::quartier));
    let unread = faults.len();
    let mut rows = source::schools(sources.secondary, true, &mut faults);
    rows.extend(source::schools(sources.ecoles, false, &mut faults));
    report_repeats(&rows, &mut faults);
    // polygons missing because they could not be read would show up again as gaps
    let contents = if unread == 0 { partition(&shapes, &mut faults) } else { None };
    let Some(mut contents) = contents else { return Err(TerritoryError::Sources(faults)) };
    let ground = Territory::from_contents(contents.clone(), String::new());
    for row in rows {
        match placed(&ground, &row) {
            Ok(school) => contents.schools.push(school),
            Err(problem) => faults.push(Fault { file: row.file, at: row.at, problem }),
        }
    }
    contents.schools.sort_by(|a, b| a.id.cmp(&b.id));
    let notes = place(&mut contents, &sources.places, &ground, &mut faults);
    if faults.is_empty() { Ok(Built { bytes: encode(&contents), notes }) } else { Err(TerritoryError::Sources(faults)) }
}

/// Builds a territory file from another one: each sort of place that `sources` have takes the place of those it had.
///
/// Errors: those of reading the other one, and [`TerritoryError::Sources`] with every fault found.
pub fn with_places(bytes: &[u8], sources: &PlaceSources<'_>) -> Result<Built, TerritoryError> {
    let mut contents = decode(bytes)?;
    let mut faults = Vec::new();
    let ground = Territory::from_contents(contents.clone(), String::new());
    let notes = place(&mut contents, sources, &ground, &mut faults);
    if faults.is_empty() { Ok(Built { bytes: encode(&contents), notes }) } else { Err(TerritoryError::Sources(faults)) }
}

/// Puts the places of `sources` in `contents`, and says what was left out.
fn place(
    contents: &mut Contents,
    sources: &PlaceSources<'_>,
    ground: &Territory,
    faults: &mut Vec<Fault>,
) -> Vec<String> {
    let Placed { streets, sites, attribution, notes } = places(sources, ground, faults);
    if !sources.addresses.is_empty() {
        contents.streets = streets;
    }
    contents.sites.retain(|site| !sources.replaces(site.kind));
    contents.sites.extend(sites);
    for line in attribution {
        if !contents.attribution.contains(&line) {
            contents.attribution.push(line);
        }
    }
    notes
}

fn report_repeats(rows: &[SchoolRow], faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for row in rows.iter().filter(|row| !seen.insert(&row.id)) {
        let problem = Problem::Repeated(row.id.clone());
        faults.push(Fault { file: row.file.clone(), at: row.at.clone(), problem });
    }
}

/// The territory without its schools; nothing if the polygons have faults.
fn partition(shapes: &[Shape], faults: &mut Vec<Fault>) -> Option<Contents> {
    let before = faults.len();
    let rings =
        shapes.iter().enumerate().flat_map(|(owner, shape)| shape.rings.iter().map(move |ring| (owner, &**ring)));
    let Ok(noded) = node(rings) else {
        faults.extend(shapes.first().map(|shape| shape.fault(Problem::Tangled)));
        return None;
    };
    let plane = Subdivision::find(noded);
    let holders = assign(&plane, shapes, faults);
    let sectors = sectors(shapes);
    let (cells, numbers) = cells(shapes, &sectors, &holders);
    if faults.len() > before || cells.is_empty() {
        return None;
    }
    let attribution = ATTRIBUTION.map(str::to_owned).to_vec();
    Some(Contents { attribution, sectors, cells, arcs: arcs(&plane, &holders, &numbers), ..Contents::default() })
}

fn sector_id(owner: &Owner) -> Option<SectorId> {
    let id = match owner {
        Owner::Arrondissement { number: 1..=4, .. } => "paris-centre".to_owned(),
        Owner::Arrondissement { number, .. } => format!("paris-{number:02}"),
        Owner::Commune { insee, .. } => format!("com-{insee:05}"),
        Owner::Quartier { .. } => return None,
    };
    Some(SectorId::new(id).expect("made of letters, digits and a hyphen"))
}

/// The sectors of Paris and the communes, in order of id.
fn sectors(shapes: &[Shape]) -> Vec<Sector> {
    let mut sectors: BTreeMap<SectorId, Sector> = BTreeMap::new();
    for shape in shapes {
        let Some(id) = sector_id(&shape.owner) else { continue };
        let (label, short, code, in_paris) = match &shape.owner {
            Owner::Arrondissement { number: 1..=4, insee } => {
                ("Paris Centre".to_owned(), "Centre".to_owned(), *insee, true)
            }
            Owner::Arrondissement { number, insee } => {
                (format!("{number}e arrondissement"), format!("{number}e"), *insee, true)
            }
            Owner::Commune { insee, name, department } => {
                (format!("{name} ({department})"), name.clone(), *insee, false)
            }
            Owner::Quartier { .. } => continue,
        };
        let centre = LonLat::new(0.0, 0.0);
        let sector = Sector { id: id.clone(), label, short, in_paris, insee: Vec::new(), centre };
        sectors.entry(id).or_insert(sector).insee.push(code);
    }
    sectors.into_values().collect()
}

/// The cells, quartiers first, and the number of each holder's.
fn cells(shapes: &[Shape], sectors: &[Sector], holders: &[Option<Holder>]) -> (Vec<Cell>, BTreeMap<Holder, u16>) {
    let held: BTreeSet<Holder> = holders.iter().flatten().copied().collect();
    let mut cells: Vec<(Holder, Cell)> = held
        .into_iter()
        .filter_map(|holder| {
            let owner = &shapes[holder.ground].owner;
            let id = sector_id(owner)?;
            let sector = u16::try_from(sectors.binary_search_by(|sector| sector.id.cmp(&id)).ok()?).ok()?;
            let cell = match (owner, holder.quartier.map(|shape| &shapes[shape].owner)) {
                (Owner::Arrondissement { number, .. }, Some(Owner::Quartier { number: quartier, name, .. })) => Cell {
                    sector,
                    arrondissement: Some(*number),
                    quartier: Some(*quartier),
                    commune: PARIS,
                    name: name.clone(),
                },
                (Owner::Commune { insee, name, .. }, _) => {
                    Cell { sector, arrondissement: None, quartier: None, commune: *insee, name: name.clone() }
                }
                _ => return None,
            };
            Some((holder, cell))
        })
        .collect();
    cells.sort_by_key(|(_, cell)| (cell.quartier.is_none(), cell.quartier, cell.commune));
    let numbers = (0..).zip(&cells).map(|(number, (holder, _))| (*holder, number)).collect();
    (cells.into_iter().map(|(_, cell)| cell).collect(), numbers)
}

/// The borders between different cells.
fn arcs(plane: &Subdivision, holders: &[Option<Holder>], numbers: &BTreeMap<Holder, u16>) -> Vec<Arc> {
    let cell =
        |half: usize| holders[plane.left[half]].and_then(|holder| numbers.get(&holder).copied()).unwrap_or(OUTSIDE);
    let edges = (0..plane.edges.len()).map(|edge| edge * 2);
    let borders = edges.map(|half| (plane.start(half), plane.start(half + 1), cell(half), cell(half + 1)));
    let borders: Vec<_> = borders.filter(|(_, _, left, right)| left != right).collect();
    chain(&borders)
}

fn placed(ground: &Territory, row: &SchoolRow) -> Result<School, Problem> {
    let at = Vertex::nearest(row.position).map_or(row.position, Vertex::lon_lat);
    let place = ground.locate(at)?;
    let sector = ground.sector_of(&place);
    let (Some(arrondissement), Some(quartier)) = (place.arrondissement, place.quartier) else {
        return Err(Problem::ElsewhereThanStated { stated: row.arrondissement, found: sector.label.clone() });
    };
    if arrondissement != row.arrondissement {
        let found = format!("arrondissement {arrondissement}");
        return Err(Problem::ElsewhereThanStated { stated: row.arrondissement, found });
    }
    Ok(School {
        uai: row.uai.clone(),
        id: row.id.clone(),
        name: row.name.clone(),
        kind: row.kind,
        public: row.public,
        address: row.address.clone(),
        postal_code: row.postal_code.clone(),
        at,
        sector: sector.id.clone(),
        arrondissement,
        quartier,
        flag: row.flag.clone(),
    })
}
