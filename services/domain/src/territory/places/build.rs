//! Puts what the sources of places say on the ground: streets of their addresses, and sites.

use std::collections::BTreeMap;

use crate::territory::{
    Territory,
    error::{Fault, Problem},
    point::Vertex,
    words,
};

use super::{
    House, Site, Street,
    source::{self, AddressRow, PlaceSources},
};

/// How far from its arrondissement or commune an address may lie: boulevards are borders, and positions are at doors.
const ASTRAY_M: f64 = 200.0;

/// Who publishes the files whose columns only they have.
const STATIONS: &str = "Île-de-France Mobilités: stations de métro, RER, train et tramway";
const MAIRIES: &str = "Annuaire des administrations 2011-2013 (Licence Ouverte), complété: mairies d'arrondissement";

/// The places of a territory, and what was left out.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    pub(crate) streets: Vec<Street>,
    pub(crate) sites: Vec<Site>,
    pub(crate) attribution: Vec<String>,
    /// How many rows were left out and why, one sentence each.
    pub(crate) notes: Vec<String>,
}

/// Rows that are no fault of their file: it covers more than the territory.
#[derive(Debug, Default)]
struct LeftOut {
    outside: usize,
    elsewhere: usize,
    unnamed: usize,
}

impl LeftOut {
    fn notes(&self, file: &str) -> Vec<String> {
        let said = [
            (self.outside, "outside the territory"),
            (self.elsewhere, "more than 200 m away from the arrondissement or commune they state"),
            (self.unnamed, "without the name of a street"),
        ];
        let said = said.into_iter().filter(|(count, _)| *count > 0);
        said.map(|(count, why)| format!("{file}: {count} row(s) left out, {why}")).collect()
    }
}

/// The spellings of one street, and its addresses.
#[derive(Debug, Default)]
struct Group {
    /// How many addresses spell it so.
    names: BTreeMap<String, usize>,
    at: Option<Vertex>,
    houses: BTreeMap<(u32, String), Vertex>,
}

/// Places what `sources` hold on `ground`.
pub(crate) fn places(sources: &PlaceSources<'_>, ground: &Territory, faults: &mut Vec<Fault>) -> Placed {
    let mut placed = Placed::default();
    let unattributed = sources.equipment.iter().chain(&sources.addresses).filter(|_| sources.attribution.is_empty());
    for source in unattributed {
        let (file, at) = (source.name.to_owned(), "whole file".to_owned());
        faults.push(Fault { file, at, problem: Problem::Unattributed });
    }
    if let Some(stations) = sources.stations {
        placed.attribution.push(STATIONS.to_owned());
        placed.keep_sites(stations.name, source::stations(stations, faults), ground);
    }
    if let Some(mairies) = sources.mairies {
        placed.attribution.push(MAIRIES.to_owned());
        placed.keep_sites(mairies.name, source::mairies(mairies, faults), ground);
    }
    if let Some(equipment) = sources.equipment {
        placed.keep_sites(equipment.name, source::equipment(equipment, faults), ground);
    }
    placed.attribution.extend(sources.attribution.iter().cloned());
    let mut groups = BTreeMap::new();
    for addresses in &sources.addresses {
        let mut left_out = LeftOut::default();
        for row in source::addresses(*addresses, faults) {
            keep_address(row, ground, &mut groups, &mut left_out);
        }
        placed.notes.extend(left_out.notes(addresses.name));
    }
    placed.streets = groups.into_iter().filter_map(|((insee, _), group)| street(insee, group)).collect();
    placed.streets.sort_by(|a, b| (&a.name, a.insee).cmp(&(&b.name, b.insee)));
    placed
}

impl Placed {
    fn keep_sites(&mut self, file: &str, sites: Vec<Site>, ground: &Territory) {
        let read = sites.len();
        let before = self.sites.len();
        self.sites.extend(sites.into_iter().filter(|site| ground.locate(site.at.lon_lat()).is_ok()));
        let left_out = LeftOut { outside: read + before - self.sites.len(), ..LeftOut::default() };
        self.notes.extend(left_out.notes(file));
    }
}

fn keep_address(
    row: AddressRow,
    ground: &Territory,
    groups: &mut BTreeMap<(u32, String), Group>,
    left_out: &mut LeftOut,
) {
    let Ok(place) = ground.locate(row.at.lon_lat()) else {
        left_out.outside += 1;
        return;
    };
    let lies_in = ground.sector_of(&place);
    let insee = match ground.sectors().iter().find(|sector| sector.insee.contains(&row.insee)) {
        Some(stated) if stated.id == lies_in.id => row.insee,
        Some(stated) if ground.lies_within_m_of(row.at.lon_lat(), &stated.id, ASTRAY_M) => row.insee,
        Some(_) => {
            left_out.elsewhere += 1;
            return;
        }
        // the code of all Paris, or of a commune that was merged since
        None => place.arrondissement.map_or(lies_in.insee[0], |number| 75_100 + u32::from(number)),
    };
    // the town stands in other columns
    let name = without_number(row.street.split(',').next().unwrap_or_default().trim());
    let key = words::words(name).join(" ");
    if key.is_empty() {
        left_out.unnamed += 1;
        return;
    }
    let group = groups.entry((insee, key)).or_default();
    *group.names.entry(name.to_owned()).or_default() += 1;
    match row.number {
        Some(number) => _ = group.houses.entry((number, row.repetition)).or_insert(row.at),
        None => group.at = group.at.or(Some(row.at)),
    }
}

/// `- 27 Rue Dulong` and `Avenue du Maine 26`, with the second number of an address, are the street alone. What ends with
/// a year, or is a `Voie` that has but a number, stays.
fn without_number(name: &str) -> &str {
    let rest = name.trim_start_matches(|c: char| !c.is_alphabetic());
    let Some(way) = words::words(rest).into_iter().next().filter(|word| words::is_way(word)) else { return name };
    // "Rue Rue Émile Lepeu"
    let rest = match rest.split_once(' ') {
        Some((_, after)) if words::words(after).first() == Some(&way) => after,
        _ => rest,
    };
    match rest.rsplit_once(' ') {
        Some((before, last)) if way != "voie" && last.len() < 4 && words::is_number(last) => before,
        _ => rest,
    }
}

/// The street under the spelling that most of its addresses have.
fn street(insee: u32, group: Group) -> Option<Street> {
    let most = group.names.values().max().copied()?;
    let name = group.names.into_iter().find(|(_, count)| *count == most)?.0;
    let house =
        |((number, repetition), at): ((u32, String), Vertex)| House { number, repetition: repetition.into(), at };
    let houses: Vec<House> = group.houses.into_iter().map(house).collect();
    Some(Street { name, insee, at: group.at.filter(|_| houses.is_empty()), houses })
}
