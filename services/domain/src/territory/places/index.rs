//! The words of every place, and where each is: streets, schools, sites, quartiers and sectors. A house is found in its
//! street, so that a hundred thousand addresses are some thousands of entries.

use std::collections::HashMap;

use crate::territory::{
    LonLat, Place, School, SchoolKind, Sector, Territory, extents, point::Vertex, topology::OUTSIDE, words,
};

use super::{House, Site, SiteKind, Street, arrondissement_of, nearby::Nearby};

/// A place is never known better than this, metres.
pub(super) const HOUSE_M: f64 = 20.0;
const SITE_M: f64 = 50.0;
const STATION_M: f64 = 100.0;
const STREET_M: f64 = 30.0;

/// Everything that a text may name.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Those of the file, then those that only the addresses of schools name.
    pub(super) streets: Vec<Street>,
    pub(super) sites: Vec<Site>,
    pub(super) entries: Vec<Entry>,
    /// Schools by address: place of the street, number, repetition.
    pub(super) schools_at: HashMap<(u32, u32, Box<str>), u32>,
    /// Every word of a name once, in order.
    pub(super) vocabulary: Vec<Box<str>>,
    /// Letters of each word, one bit each: words that differ in many letters are many edits apart.
    pub(super) letters: Vec<u32>,
    /// Who has each word.
    pub(super) holders: Vec<Vec<Holder>>,
    pub(super) nearby: Nearby,
}

/// Who has a word, and where in its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) entry: u32,
    /// One bit for a word of the name; none for one it may also be called by.
    pub(super) covers: u64,
}

/// What an entry is: a place in the lists of the territory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Street(u32),
    School(u32),
    Site(u32),
    /// A cell.
    Quartier(u16),
    Sector(u16),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) at: LonLat,
    /// Metres around `at` within which all of it lies.
    pub(super) radius_m: f64,
    pub(super) place: Place,
    /// What its address says, which may differ from where its middle lies.
    pub(super) arrondissement: Option<u8>,
    /// Words of its name.
    pub(super) words: u8,
    /// Numbers in its name.
    pub(super) numbers: Box<[u32]>,
}

/// A name taken apart, and words it may also be called by.
struct Name<'a> {
    words: Vec<String>,
    also: &'a [&'a str],
}

impl Index {
    /// Takes in the streets and sites of a file, and what else `territory` holds.
    pub(crate) fn new(territory: &Territory, mut streets: Vec<Street>, sites: Vec<Site>) -> Self {
        let mut keys: Vec<Vec<String>> = streets.iter().map(|street| words::words(&street.name)).collect();
        let schools_at = add_addresses(territory.schools(), &mut streets, &mut keys);
        let mut index = Self { schools_at, ..Self::default() };
        let mut known: HashMap<String, u32> = HashMap::new();
        let mut add = |what, at: LonLat, radius_m, arrondissement: Option<u8>, name: Name<'_>| {
            let Ok(place) = territory.locate(at) else { return };
            let (numbers, mut words): (Vec<_>, Vec<_>) =
                name.words.into_iter().partition(|word| words::is_number(word));
            words.sort_unstable();
            words.dedup();
            words.truncate(64);
            let entry = u32::try_from(index.entries.len()).expect("fewer entries than bytes of a file that was read");
            let of_name = words.iter().enumerate().map(|(position, word)| (word.as_str(), 1 << position));
            let also = name.also.iter().filter(|word| words.iter().all(|known| known != *word)).map(|word| (*word, 0));
            for (word, covers) in of_name.chain(also) {
                let number = known.get(word).copied().unwrap_or_else(|| {
                    let number = u32::try_from(index.holders.len()).expect("fewer words than bytes of a file");
                    known.insert(word.to_owned(), number);
                    index.holders.push(Vec::new());
                    number
                });
                index.holders[number as usize].push(Holder { entry, covers });
            }
            index.entries.push(Entry {
                what,
                at,
                radius_m,
                place,
                arrondissement: arrondissement.or(place.arrondissement),
                words: u8::try_from(words.len()).unwrap_or(u8::MAX),
                numbers: numbers.iter().filter_map(|number| number.parse().ok()).collect(),
            });
        };
        for (number, school) in (0..).zip(territory.schools()) {
            let name = Name { words: words::normalise(&school.name), also: also_called(school.kind) };
            add(What::School(number), school.at, SITE_M, Some(school.arrondissement), name);
        }
        for (number, site) in (0..).zip(&sites) {
            let (also, radius_m): (&[&str], _) = match site.kind {
                SiteKind::Station => (&["metro", "station", "gare", "rer", "arret", "tram", "tramway"], STATION_M),
                SiteKind::Mairie if site.name.ends_with("(Paris Centre)") => (&["mairie", "centre"], SITE_M),
                SiteKind::Mairie => (&["mairie"], SITE_M),
                SiteKind::Equipment => (&[], SITE_M),
            };
            let mut words = words::normalise(&site.name);
            if site.kind == SiteKind::Mairie {
                words.retain(|word| {
                    !matches!(word.as_str(), "arrondissement" | "paris" | "centre") && !is_ordinal(word)
                });
            }
            add(What::Site(number), site.at.lon_lat(), radius_m, None, Name { words, also });
        }
        for ((number, street), words) in (0..).zip(&streets).zip(keys) {
            let Some((at, radius_m)) = middle(street) else { continue };
            let arrondissement = arrondissement_of(street.insee);
            let commune = if arrondissement.is_none() { territory.commune_words(street.insee) } else { Vec::new() };
            let also: Vec<&str> = commune.iter().map(String::as_str).collect();
            add(What::Street(number), at, radius_m, arrondissement, Name { words, also: &also });
        }
        for (cell, at, radius_m) in territory.quartiers() {
            let words = words::normalise(&territory.cells[usize::from(cell)].name);
            add(What::Quartier(cell), at, radius_m, None, Name { words, also: &["quartier"] });
        }
        for (number, sector, radius_m) in territory.sector_radii() {
            // an arrondissement has no name but its number
            let nameless = |word: &String| word == "arrondissement" || is_ordinal(word);
            let mut words = words::words(&sector.label);
            words.retain(|word| !nameless(word));
            let also: &[&str] = if sector.in_paris { &["paris"] } else { &["commune", "ville"] };
            add(What::Sector(number), sector.centre, radius_m, None, Name { words, also });
        }
        index.nearby = Nearby::new(&streets);
        index.streets = streets;
        index.sites = sites;
        index.put_in_order(known);
        index
    }

    fn put_in_order(&mut self, known: HashMap<String, u32>) {
        let mut known: Vec<(Box<str>, u32)> = known.into_iter().map(|(word, number)| (word.into(), number)).collect();
        known.sort_unstable();
        let mut holders = std::mem::take(&mut self.holders);
        self.holders = known.iter().map(|(_, number)| std::mem::take(&mut holders[*number as usize])).collect();
        self.vocabulary = known.into_iter().map(|(word, _)| word).collect();
        self.letters = self.vocabulary.iter().map(|word| letters(word)).collect();
    }
}

impl Territory {
    /// The words of the commune of an INSEE code.
    fn commune_words(&self, insee: u32) -> Vec<String> {
        let commune = self.sectors.iter().find(|sector| sector.insee.contains(&insee));
        commune.map_or_else(Vec::new, |commune| words::words(&commune.short))
    }

    /// The cells that are quartiers, their centres, and metres from there to the farthest of their borders.
    fn quartiers(&self) -> impl Iterator<Item = (u16, LonLat, f64)> {
        let extents = extents(self.cells.len(), &self.arcs, |cell| cell);
        let quartiers = (0..).zip(&self.cells).zip(extents).filter(|((_, cell), _)| cell.quartier.is_some());
        quartiers.map(|((number, _), (centre, radius_m))| (number, centre, radius_m))
    }

    /// The sectors, and metres from their centres to the farthest of their borders.
    fn sector_radii(&self) -> impl Iterator<Item = (u16, &Sector, f64)> {
        let of_cell = |cell: u16| self.cells.get(usize::from(cell)).map_or(OUTSIDE, |cell| cell.sector);
        let extents = extents(self.sectors.len(), &self.arcs, of_cell);
        (0..).zip(&self.sectors).zip(extents).map(|((number, sector), (_, radius_m))| (number, sector, radius_m))
    }
}

/// One bit for each letter that a word has, and one for all that is no plain letter.
pub(super) fn letters(word: &str) -> u32 {
    word.bytes().fold(0, |bits, byte| bits | 1 << if byte.is_ascii_lowercase() { byte - b'a' } else { 31 })
}

fn is_ordinal(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && matches!(&word[digits..], "e" | "er")
}

fn also_called(kind: SchoolKind) -> &'static [&'static str] {
    match kind {
        SchoolKind::College => &["college"],
        SchoolKind::Lycee => &["lycee"],
        SchoolKind::Elementaire => &["ecole", "elementaire", "primaire"],
        SchoolKind::Maternelle => &["ecole", "maternelle"],
        SchoolKind::Polyvalente => &["ecole", "primaire", "polyvalente", "maternelle", "elementaire"],
    }
}

/// The middle of a street and the metres around it within which all of it lies; nothing for one that is nowhere.
///
/// The middle is the house nearest to the middle of all: a street may bend.
fn middle(street: &Street) -> Option<(LonLat, f64)> {
    let houses = || street.houses.iter().map(|house| house.at);
    let (west, east) = (houses().map(|at| at.x).min(), houses().map(|at| at.x).max());
    let (south, north) = (houses().map(|at| at.y).min(), houses().map(|at| at.y).max());
    let ((Some(west), Some(east)), (Some(south), Some(north))) = ((west, east), (south, north)) else {
        return street.at.map(|at| (at.lon_lat(), STATION_M));
    };
    let middle = Vertex { x: west.midpoint(east), y: south.midpoint(north) }.lon_lat();
    let from = |at: LonLat| move |other: Vertex| Territory::distance_m(at, other.lon_lat());
    let nearest = houses().min_by(|a, b| from(middle)(*a).total_cmp(&from(middle)(*b)))?.lon_lat();
    let radius_m = houses().map(from(nearest)).fold(STREET_M, f64::max);
    Some((nearest, radius_m))
}

/// Adds the addresses of the schools to the streets they are on; whose they are.
fn add_addresses(
    schools: &[School],
    streets: &mut Vec<Street>,
    keys: &mut Vec<Vec<String>>,
) -> HashMap<(u32, u32, Box<str>), u32> {
    let mut known: HashMap<(u32, String), u32> = (0..)
        .zip(streets.iter().zip(&*keys))
        .map(|(number, (street, key))| ((street.insee, key.join(" ")), number))
        .collect();
    let mut schools_at = HashMap::new();
    let mut order: Vec<(u32, &School)> = (0..).zip(schools).collect();
    // a street gets its name from an address in small letters, if there is one; an address its school from one with a UAI
    order.sort_by_key(|(_, school)| (words::is_capitals(&school.address), school.uai.is_none()));
    for (number, school) in order {
        let Some(address) = Address::of(&school.address) else { continue };
        let insee = 75_100 + u32::from(school.arrondissement);
        let street = *known.entry((insee, address.words.join(" "))).or_insert_with(|| {
            // where it is, if no house of it ever is
            let at = Vertex::nearest(school.at).filter(|_| address.number.is_none());
            streets.push(Street { name: address.street, insee, at, houses: Vec::new() });
            keys.push(address.words);
            u32::try_from(streets.len() - 1).expect("fewer streets than bytes of a file that was read")
        });
        let Some(house) = address.number else { continue };
        let houses = &mut streets[street as usize].houses;
        let place =
            houses.binary_search_by(|known| (known.number, &known.repetition).cmp(&(house, &address.repetition)));
        if let (Err(place), Some(at)) = (place, Vertex::nearest(school.at)) {
            houses.insert(place, House { number: house, repetition: address.repetition.clone(), at });
        }
        schools_at
            .entry((street, house, address.repetition))
            .and_modify(|known| {
                if schools[*known as usize].uai.is_none() && school.uai.is_some() {
                    *known = number;
                }
            })
            .or_insert(number);
    }
    schools_at
}

/// `12-14 bis RUE DE REUILLY (ECOLE B)`, taken apart.
struct Address {
    /// None where there is none: `Route de la ferme`.
    number: Option<u32>,
    repetition: Box<str>,
    /// As a label: `Rue de Reuilly`.
    street: String,
    words: Vec<String>,
}

impl Address {
    fn of(text: &str) -> Option<Self> {
        let text = text.split('(').next().unwrap_or_default();
        let is_numbering = |word: &&str| {
            words::words(word).iter().all(|word| word.starts_with(|c: char| c.is_ascii_digit()) || is_repetition(word))
        };
        let (numbering, street): (Vec<&str>, Vec<&str>) = {
            let parts: Vec<&str> = text.split_whitespace().collect();
            let begins = parts.iter().position(|part| !is_numbering(part)).unwrap_or(parts.len());
            (parts[..begins].to_vec(), parts[begins..].to_vec())
        };
        let numbering = words::words(&numbering.join(" "));
        let first = numbering.first().map_or("", String::as_str);
        let digits = first.bytes().take_while(u8::is_ascii_digit).count();
        let apart = numbering.get(1).filter(|word| is_repetition(word)).map_or("", String::as_str);
        let repetition = if digits < first.len() { &first[digits..] } else { apart };
        let street = street.join(" ");
        let words = words::normalise(&street);
        words.first().filter(|word| words::is_way(word))?;
        let number = if first.is_empty() { None } else { Some(first[..digits].parse().ok()?) };
        Some(Self { number, repetition: repetition.into(), street: words::as_name(&street), words })
    }
}

fn is_repetition(word: &str) -> bool {
    matches!(word, "bis" | "ter" | "quater")
}
