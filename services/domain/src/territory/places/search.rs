//! Finds the places that a text names, the best first.
//!
//! Each word of the text is looked for in the vocabulary: as it is, then as a beginning if it is the last, then with a
//! letter or two wrong. Who has the words is ranked. What it costs grows with the words of the text, which are bounded,
//! and with the names of the territory, not with its addresses.

use std::cmp::Reverse;

use vigie_proto::Uai;

use crate::territory::{LonLat, Place, Territory};

use super::{
    Fit, Found, House, PlaceKind, SiteKind, Street, as_label,
    index::{Entry, HOUSE_M, Index, What, letters},
    ordinal,
    query::{Number, Query, Within},
};
use crate::territory::words;

/// Answers as good as the first are one place with it when this many metres around it hold all of them: a square that
/// three arrondissements share, and not the two sides of a boulevard.
const SAME_PLACE_M: f64 = 300.0;
/// Beyond this many numbers from the nearest known one, a house may well not exist.
const NUMBERS_AWAY: u32 = 50;
/// Metres from one number to the next, about.
const A_NUMBER_M: f64 = 12.0;

/// How well an entry answers; the lowest is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Words and numbers of the text that it has not; one more where it lies elsewhere than the text says.
    pub(super) missing: u8,
    /// Letters that were wrong.
    pub(super) typos: u8,
    /// The last word only begins one of its words.
    pub(super) prefix: bool,
    /// Words of its name that the text has not.
    pub(super) unsaid: u8,
    /// How well it knows the number that was asked.
    pub(super) house: Numbering,
    /// Metres from where the asker is; zero for all when that is not known.
    away_m: u32,
    kind: PlaceKind,
    pub(super) entry: u32,
}

/// How well a street knows a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Numbering {
    /// None was asked, or it is there.
    Known,
    /// The number is there with another repetition, or one near it is.
    Near,
    /// No number near it is known.
    Unknown,
}

/// What the words of a text found in one entry.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// Words of the text it has, one bit each.
    has: u32,
    /// Those it has as they are.
    exactly: u32,
    /// Words of its name that were found, one bit each.
    covered: u64,
    typos: u8,
    prefix: bool,
}

impl Territory {
    /// The places that `text` names, the best first, at most `limit`: words in any order, a letter or two of long ones
    /// wrong, the last one unfinished. Among equals those nearer to `near` come first.
    ///
    /// The same text gives the same answer. Any text may be given: of one too long only the beginning is read.
    pub fn search(&self, text: &str, near: Option<LonLat>, limit: usize) -> Vec<Found> {
        let query = Query::of(text);
        let mut ranks = self.named_places.ranks(&query, near);
        let wanted = limit.min(ranks.len());
        if wanted == 0 {
            return Vec::new();
        }
        if wanted < ranks.len() {
            ranks.select_nth_unstable(wanted - 1);
        }
        let first = ranks[..wanted].iter().min().copied();
        let alike = first.map_or_else(Vec::new, |first| {
            ranks.iter().filter(|rank| answers_as_well(rank, &first)).copied().collect()
        });
        let named_by_others = first.is_some_and(|first| {
            ranks
                .iter()
                .any(|rank| rank.entry != first.entry && (rank.missing, rank.typos, rank.prefix) == (0, 0, false))
        });
        ranks.truncate(wanted);
        ranks.sort_unstable();
        let mut found: Vec<Found> = ranks.iter().map(|rank| self.found(&query, rank)).collect();
        self.decide(&query, &ranks[0], &alike, named_by_others, &mut found[0]);
        found
    }

    /// Whether the first answer may be taken without asking, all those `alike` included.
    fn decide(&self, query: &Query, first: &Rank, alike: &[Rank], named_by_others: bool, found: &mut Found) {
        let is_named = first.unsaid == 0 || !named_by_others;
        if found.fit != Fit::Exact || query.cut || !is_named || first.house == Numbering::Unknown {
            return;
        }
        let mut reach_m = found.accuracy_m;
        for other in alike.iter().filter(|other| other.entry != first.entry) {
            let other = self.found(query, other);
            reach_m = reach_m.max(Self::distance_m(found.at, other.at) + other.accuracy_m);
            if reach_m > SAME_PLACE_M {
                return;
            }
        }
        found.accuracy_m = reach_m.round();
        found.certain = true;
    }

    /// What is told of an entry.
    fn found(&self, query: &Query, rank: &Rank) -> Found {
        let index = &self.named_places;
        let entry = &index.entries[rank.entry as usize];
        let fit = match rank {
            Rank { missing: 1.., .. } => Fit::Partial,
            Rank { typos: 1.., .. } => Fit::Typos,
            Rank { prefix: true, .. } => Fit::Prefix,
            _ => Fit::Exact,
        };
        let mut found = Found {
            kind: rank.kind,
            label: String::new(),
            detail: self.whereabouts(&entry.place, entry.arrondissement),
            at: entry.at,
            accuracy_m: entry.radius_m.round(),
            school: None,
            sector: self.sector_of(&entry.place).id.clone(),
            fit,
            certain: false,
        };
        let add = |found: &mut Found, note: &str| {
            if !note.is_empty() {
                found.detail = format!("{}, {note}", found.detail);
            }
        };
        match entry.what {
            What::Street(number) => {
                let street = &index.streets[number as usize];
                found.label.clone_from(&street.name);
                if let Some(asked) = entry.house_asked(query) {
                    self.set_house(&mut found, number, street, &asked, entry.arrondissement);
                }
            }
            What::School(number) => {
                let school = &self.schools[number as usize];
                found.label = school.label();
                found.school.clone_from(&school.uai);
                add(&mut found, &school.address);
            }
            What::Site(number) => {
                let site = &index.sites[number as usize];
                found.label.clone_from(&site.name);
                add(&mut found, &site.note);
            }
            What::Quartier(cell) => {
                found.label = format!("Quartier {}", self.cells[usize::from(cell)].name);
                found.detail = entry.arrondissement.map(ordinal).unwrap_or_default();
            }
            What::Sector(number) => {
                found.label.clone_from(&self.sectors[usize::from(number)].label);
                let of = if entry.place.arrondissement.is_some() { "Paris" } else { "commune" };
                of.clone_into(&mut found.detail);
            }
        }
        found
    }

    /// Puts the house that was asked, or what stands for it, in what is told of its street.
    fn set_house(&self, found: &mut Found, number: u32, street: &Street, asked: &Number, arrondissement: Option<u8>) {
        let Some((numbering, house, accuracy_m)) = house(street, asked) else {
            found.detail = format!("{}, numéros inconnus", found.detail);
            found.label = as_label(asked.value, &asked.repetition, &street.name);
            return;
        };
        found.at = house.at.lon_lat();
        found.accuracy_m = accuracy_m.round();
        if let Ok(place) = self.locate(found.at) {
            found.sector = self.sector_of(&place).id.clone();
            found.detail = self.whereabouts(&place, arrondissement);
        }
        if numbering == Numbering::Known {
            found.label = as_label(house.number, &house.repetition, &street.name);
            found.school = self.school_at(number, house);
        } else {
            found.label = as_label(asked.value, &asked.repetition, &street.name);
            found.detail = format!("{}, d'après le {}{}", found.detail, house.number, house.repetition);
        }
    }

    fn school_at(&self, street: u32, house: &House) -> Option<Uai> {
        let school = self.named_places.schools_at.get(&(street, house.number, house.repetition.clone()))?;
        self.schools[*school as usize].uai.clone()
    }

    /// `19e, quartier Amérique`; `Aubervilliers (93)`. The arrondissement is that of the address where there is one.
    pub(super) fn whereabouts(&self, place: &Place, arrondissement: Option<u8>) -> String {
        match arrondissement.or(place.arrondissement) {
            Some(number) if place.quartier.is_some() => {
                format!("{}, quartier {}", ordinal(number), self.name_of(place))
            }
            Some(number) => ordinal(number),
            None => self.sector_of(place).label.clone(),
        }
    }
}

fn answers_as_well(rank: &Rank, first: &Rank) -> bool {
    let quality = |rank: &Rank| (rank.missing, rank.typos, rank.prefix, rank.unsaid, rank.house);
    quality(rank) == quality(first)
}

impl Index {
    /// Every entry that answers, in no order.
    pub(super) fn ranks(&self, query: &Query, near: Option<LonLat>) -> Vec<Rank> {
        let mut tallies = vec![Tally::default(); self.entries.len()];
        let last = query.words.len().wrapping_sub(1);
        for (number, word) in query.words.iter().enumerate() {
            self.count(word, number, number == last, &mut tallies);
        }
        let bits = |of: &dyn Fn(&str) -> bool| -> u32 {
            let words = query.words.iter().enumerate().filter(|(_, word)| of(word));
            words.fold(0, |bits, (number, _)| bits | 1 << number)
        };
        let asked = match bits(&|word| !words::is_town(word)) {
            // "Paris" alone asks for it
            0 if query.numbers.is_empty() && query.within.is_none() => bits(&|_| true),
            asked => asked,
        };
        let telling = bits(&|word| !words::is_town(word) && !words::is_sort(word));
        let rank = |(number, (entry, tally)): (u32, (&Entry, &Tally))| {
            // an arrondissement alone is named by its number
            let alone = asked == 0
                && query.numbers.is_empty()
                && query.within.is_some()
                && matches!(entry.what, What::Sector(_))
                && entry.is_in(query.within);
            if tally.has & asked == 0 && !alone {
                return None;
            }
            let rank = self.rank(query, near, number, entry, tally, asked);
            (rank.missing == 0 || tally.exactly & telling != 0).then_some(rank)
        };
        (0..).zip(self.entries.iter().zip(&tallies)).filter_map(rank).collect()
    }

    fn rank(&self, query: &Query, near: Option<LonLat>, number: u32, entry: &Entry, tally: &Tally, asked: u32) -> Rank {
        let left = entry.numbers_left(query);
        let (house, kind) = match entry.what {
            What::Street(street) => match entry.house_asked(query) {
                Some(asked) => {
                    let known = house(&self.streets[street as usize], &asked);
                    (known.map_or(Numbering::Unknown, |(numbering, ..)| numbering), PlaceKind::Address)
                }
                None => (Numbering::Known, PlaceKind::Street),
            },
            What::School(_) => (Numbering::Known, PlaceKind::School),
            What::Site(site) => (
                Numbering::Known,
                match self.sites[site as usize].kind {
                    SiteKind::Station => PlaceKind::Station,
                    SiteKind::Mairie => PlaceKind::Mairie,
                    SiteKind::Equipment => PlaceKind::Equipment,
                },
            ),
            What::Quartier(_) => (Numbering::Known, PlaceKind::Quartier),
            What::Sector(_) => (Numbering::Known, PlaceKind::Sector),
        };
        // the others have no numbers to be asked for
        let numbers = if matches!(entry.what, What::Street(_)) { 0 } else { left.len() };
        let missing = (asked & !tally.has).count_ones() + u32::from(!entry.is_in(query.within));
        // those of a school are its house, of a commune its department
        let unsaid_numbers =
            if matches!(entry.what, What::School(_) | What::Sector(_)) { 0 } else { entry.numbers_unsaid(query) };
        let unsaid = usize::from(entry.words).saturating_sub(tally.covered.count_ones() as usize) + unsaid_numbers;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metres on Earth, saturating")]
        let away_m = near.map_or(0, |near| Territory::distance_m(near, entry.at) as u32);
        let small = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
        Rank {
            missing: small(missing as usize + numbers),
            typos: tally.typos,
            prefix: tally.prefix,
            unsaid: small(unsaid),
            house,
            away_m,
            kind,
            entry: number,
        }
    }

    /// Counts a word of the text for every entry that has it, at its best.
    fn count(&self, word: &str, number: usize, last: bool, tallies: &mut [Tally]) {
        let bit = 1 << number;
        let exact = self.vocabulary.binary_search_by(|known| (**known).cmp(word)).ok();
        let begins = self.vocabulary.partition_point(|known| **known < *word);
        let begun = self.vocabulary[begins..].iter().take_while(|known| last && known.starts_with(word)).count();
        let alike = self.alike(word);
        let prefixed = (begins..begins + begun).filter(|&known| Some(known) != exact).map(|known| (known, 0, true));
        let mistyped =
            alike.into_iter().filter(|&(known, _)| Some(known) != exact).map(|(known, typos)| (known, typos, false));
        for (known, typos, prefix) in exact.map(|known| (known, 0, false)).into_iter().chain(prefixed).chain(mistyped) {
            for holder in &self.holders[known] {
                let tally = &mut tallies[holder.entry as usize];
                if tally.has & bit == 0 {
                    tally.has |= bit;
                    tally.covered |= holder.covers;
                    tally.typos = tally.typos.saturating_add(typos);
                    tally.prefix |= prefix;
                    if typos == 0 && !prefix {
                        tally.exactly |= bit;
                    }
                }
            }
        }
    }

    /// The words of the vocabulary that `word` may be with letters wrong, fewest first: places and letters wrong.
    fn alike(&self, word: &str) -> Vec<(usize, u8)> {
        let length = word.chars().count();
        let most = typos_forgiven(length);
        if most == 0 {
            return Vec::new();
        }
        let wanted = letters(word);
        let mut alike = Vec::new();
        for (number, known) in self.vocabulary.iter().enumerate() {
            // each wrong letter changes at most two of the set, and the length by one at most
            let close = known.len().abs_diff(word.len()) <= usize::from(most) * 4
                && (self.letters[number] ^ wanted).count_ones() <= u32::from(most) * 2;
            if close && known.chars().count().abs_diff(length) <= usize::from(most) {
                let typos = strsim::osa_distance(word, known);
                if let Some(typos) = u8::try_from(typos).ok().filter(|typos| *typos <= most) {
                    alike.push((number, typos));
                }
            }
        }
        alike.sort_by_key(|&(number, typos)| (typos, number));
        alike
    }
}

/// Letters that may be wrong in a word of so many: short ones would be any other.
pub(super) fn typos_forgiven(length: usize) -> u8 {
    match length {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

impl Entry {
    /// Whether it lies where the text says; anywhere when it says nothing.
    fn is_in(&self, within: Option<Within>) -> bool {
        match within {
            None => true,
            Some(Within::Arrondissement(number)) if self.is_centre() => (1..=4).contains(&number),
            Some(Within::Arrondissement(number)) => self.arrondissement == Some(number),
            Some(Within::Department(department)) => self.place.commune / 1000 == department,
        }
    }

    /// Whether it is a sector of several arrondissements: the first four are one.
    fn is_centre(&self) -> bool {
        matches!(self.what, What::Sector(_)) && self.arrondissement.is_some_and(|number| number <= 4)
    }

    /// The numbers of the text that are not in the name.
    fn numbers_left<'q>(&self, query: &'q Query) -> Vec<&'q Number> {
        let mut left: Vec<&Number> = query.numbers.iter().collect();
        for number in &self.numbers {
            // the first number of "8 avenue du 8 mai 1945" is the house's
            if let Some(place) = left.iter().rposition(|asked| asked.value == *number) {
                left.remove(place);
            }
        }
        left
    }

    fn numbers_unsaid(&self, query: &Query) -> usize {
        self.numbers.iter().filter(|number| query.numbers.iter().all(|asked| asked.value != **number)).count()
    }

    /// The house that the text asks of a street.
    fn house_asked(&self, query: &Query) -> Option<Number> {
        self.numbers_left(query).first().copied().cloned()
    }
}

/// The house of a street that was asked, or the one that stands for it, and metres within which the asked one is.
fn house<'s>(street: &'s Street, asked: &Number) -> Option<(Numbering, &'s House, f64)> {
    let of_number = street.houses.iter().filter(|house| house.number == asked.value);
    let same = |house: &&House| canonical(&house.repetition) == canonical(&asked.repetition);
    let exact =
        of_number.clone().find(|house| *house.repetition == *asked.repetition).or_else(|| of_number.clone().find(same));
    if let Some(house) = exact {
        return Some((Numbering::Known, house, HOUSE_M));
    }
    if let Some(house) = of_number.clone().next() {
        return Some((Numbering::Near, house, HOUSE_M * 2.0));
    }
    // numbers of one parity are on one side
    let sides = street.houses.iter().filter(|house| house.number % 2 == asked.value % 2);
    let away = |house: &House| house.number.abs_diff(asked.value);
    let below = sides.clone().rfind(|house| house.number < asked.value);
    let above = sides.clone().find(|house| house.number > asked.value);
    let (nearest, accuracy_m) = match (below, above) {
        (Some(below), Some(above)) => {
            let apart_m = Territory::distance_m(below.at.lon_lat(), above.at.lon_lat());
            (if away(below) <= away(above) { below } else { above }, apart_m)
        }
        (one, other) => {
            let nearest = one
                .or(other)
                .or_else(|| street.houses.iter().min_by_key(|house| (away(house), Reverse(house.number))))?;
            (nearest, f64::from(away(nearest)) * A_NUMBER_M)
        }
    };
    let numbering = if away(nearest) > NUMBERS_AWAY { Numbering::Unknown } else { Numbering::Near };
    Some((numbering, nearest, accuracy_m.clamp(HOUSE_M * 2.0, 1_000.0)))
}

fn canonical(repetition: &str) -> &str {
    match repetition {
        "b" => "bis",
        "t" => "ter",
        "q" => "quater",
        other => other,
    }
}
