//! Small numbers: what may be told of counts that add up, so that no number of 1 to 4 can be computed from what is told.
//!
//! A number of 1 to 4 is few. Where it could be computed from totals and other parts, others are withheld as well, the
//! smallest first, until every hidden number has at least two possible values. One table is one month, judged whole and
//! always alike: which part of it somebody asks for, and who asks, changes nothing. Longer periods only add up what their
//! months tell.

use std::collections::{BTreeMap, BTreeSet};

/// The first number that is told.
pub const FEW: u64 = 5;

/// A number as it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// As it is. Zero is always told.
    Number(u64),
    /// 1 to 4.
    Few,
    /// Withheld so that another cannot be computed; not zero.
    Withheld,
    /// A sum over months of which some are not told: this much of it is.
    AtLeast(u64),
}

impl Told {
    /// The number, where it is told whole.
    pub fn exact(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Few | Self::Withheld | Self::AtLeast(_) => None,
        }
    }

    /// How much of it is told.
    pub fn known(self) -> u64 {
        match self {
            Self::Number(number) | Self::AtLeast(number) => number,
            Self::Few | Self::Withheld => 0,
        }
    }

    /// The sum of two numbers of which each is told by itself: nothing that the two do not say.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => Self::Number(one + other),
            (Self::Number(0), hidden) | (hidden, Self::Number(0)) => hidden,
            (one, other) => match one.known() + other.known() {
                0 => Self::Withheld,
                known => Self::AtLeast(known),
            },
        }
    }
}

/// Numbers, and which are sums of which.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    pub numbers: Vec<u64>,
    /// A total, and its parts, by place in `numbers`.
    pub relations: Vec<(usize, Vec<usize>)>,
}

impl Sums {
    /// Each number as it may be told, in order.
    pub fn told(&self) -> Vec<Told> {
        let few = |number: &u64| if (1..FEW).contains(number) { Told::Few } else { Told::Number(*number) };
        let mut told: Vec<Told> = self.numbers.iter().map(few).collect();
        let of: BTreeMap<usize, Vec<usize>> = self.relations_of();
        // Each round withholds one number more.
        while let Some(next) = self.to_withhold(&told, &of, &self.computable(&told)) {
            told[next] = Told::Withheld;
        }
        told
    }

    /// The relations that each number stands in.
    fn relations_of(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (relation, (total, parts)) in self.relations.iter().enumerate() {
            for member in parts.iter().chain([total]) {
                of.entry(*member).or_default().push(relation);
            }
        }
        of
    }

    /// What to withhold next, since `computable` can be computed: the smallest part told beside one of them, else a total
    /// of one, else a total of one that is said to be few, else what is told anywhere beside something hidden.
    fn to_withhold(
        &self,
        told: &[Told],
        of: &BTreeMap<usize, Vec<usize>>,
        computable: &BTreeSet<usize>,
    ) -> Option<usize> {
        let own: BTreeSet<usize> = computable.iter().filter_map(|cell| of.get(cell)).flatten().copied().collect();
        let own = || own.iter().map(|relation| &self.relations[*relation]);
        let told_number = |member: &usize| matches!(told[*member], Told::Number(1..));
        let smallest = |members: &mut dyn Iterator<Item = usize>| {
            members.filter(told_number).min_by_key(|member| (self.numbers[*member], *member))
        };
        let members = |(total, parts): &(usize, Vec<usize>)| [&[*total], parts.as_slice()].concat();
        let hides = |relation: &&(usize, Vec<usize>)| members(relation).iter().any(|m| told[*m].exact().is_none());
        let few = |cell: &usize| told[*cell] == Told::Few;
        computable.first()?;
        smallest(&mut own().flat_map(|(_, parts)| parts.iter().copied()))
            .or_else(|| smallest(&mut own().map(|(total, _)| *total)))
            .or_else(|| own().map(|(total, _)| *total).find(few))
            .or_else(|| smallest(&mut self.relations.iter().filter(hides).flat_map(members)))
            .or_else(|| computable.iter().copied().find(few))
    }

    /// The hidden numbers that follow from what is told.
    fn computable(&self, told: &[Told]) -> BTreeSet<usize> {
        let mut computable = self.cornered(told);
        computable.extend(self.solved(told));
        computable
    }

    /// Hidden numbers left with one possible value by the bounds that totals and parts set each other.
    fn cornered(&self, told: &[Told]) -> BTreeSet<usize> {
        const WITHOUT_END: i64 = i64::MAX / 1024;
        let signed = |number: u64| i64::try_from(number).unwrap_or(WITHOUT_END).min(WITHOUT_END);
        let mut bounds: Vec<(i64, i64)> = (told.iter().zip(&self.numbers))
            .map(|(told, number)| match told {
                Told::Number(number) => (signed(*number), signed(*number)),
                Told::Few => (1, signed(FEW - 1)),
                // Whoever knows the rule knows that what is withheld is not few, unless it was.
                Told::Withheld | Told::AtLeast(_) if *number >= FEW => (signed(FEW), WITHOUT_END),
                Told::Withheld | Told::AtLeast(_) => (1, WITHOUT_END),
            })
            .collect();
        loop {
            let before = bounds.clone();
            for (total, parts) in &self.relations {
                let low: i64 = parts.iter().map(|part| bounds[*part].0).sum();
                let high: i64 = parts.iter().map(|part| bounds[*part].1).sum();
                let (least, most) = (bounds[*total].0.max(low), bounds[*total].1.min(high));
                bounds[*total] = (least, most);
                for part in parts {
                    let (own_low, own_high) = bounds[*part];
                    bounds[*part] = (own_low.max(least - (high - own_high)), own_high.min(most - (low - own_low)));
                }
            }
            if bounds == before {
                break;
            }
        }
        let hidden = |cell: &usize| told[*cell].exact().is_none();
        (0..told.len()).filter(hidden).filter(|cell| bounds[*cell].0 >= bounds[*cell].1).collect()
    }

    /// Hidden numbers that the sums together determine, by elimination.
    fn solved(&self, told: &[Told]) -> BTreeSet<usize> {
        let mut rows: Vec<BTreeMap<usize, i128>> = Vec::new();
        for (total, parts) in &self.relations {
            let mut row: BTreeMap<usize, i128> = BTreeMap::new();
            for (member, sign) in parts.iter().map(|part| (*part, 1)).chain([(*total, PRIME - 1)]) {
                if told[member].exact().is_none() {
                    row.insert(member, sign);
                }
            }
            for known in &rows {
                reduce(&mut row, known);
            }
            let Some((&pivot, &lead)) = row.first_key_value() else { continue };
            let inverse = power(lead, PRIME - 2);
            for value in row.values_mut() {
                *value = *value * inverse % PRIME;
            }
            for known in &mut rows {
                if known.contains_key(&pivot) {
                    subtract(known, pivot, &row);
                }
            }
            rows.push(row);
        }
        let alone = |row: BTreeMap<usize, i128>| (row.len() == 1).then(|| row.into_keys().next()).flatten();
        rows.into_iter().filter_map(alone).collect()
    }
}

/// Elimination is exact in the field of this prime: the sums have factors of one only.
const PRIME: i128 = (1 << 61) - 1;

/// Takes the first unknown of `known` out of `row`.
fn reduce(row: &mut BTreeMap<usize, i128>, known: &BTreeMap<usize, i128>) {
    if let Some(pivot) = known.keys().next().copied().filter(|pivot| row.contains_key(pivot)) {
        subtract(row, pivot, known);
    }
}

/// Takes the unknown `pivot` out of `row`, by `other`, in which it stands once.
fn subtract(row: &mut BTreeMap<usize, i128>, pivot: usize, other: &BTreeMap<usize, i128>) {
    let factor = row[&pivot];
    for (column, value) in other {
        let entry = row.entry(*column).or_insert(0);
        *entry = (*entry - factor * value % PRIME + PRIME) % PRIME;
        if *entry == 0 {
            row.remove(column);
        }
    }
}

fn power(base: i128, mut exponent: i128) -> i128 {
    let (mut result, mut square) = (1, base % PRIME);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * square % PRIME;
        }
        square = square * square % PRIME;
        exponent >>= 1;
    }
    result
}

/// One thing counted in one month, by sector, kind and severity, with every sum that is ever shown.
#[derive(Debug, Clone, Default)]
pub struct Table {
    told: BTreeMap<Cell, Told>,
}

/// Sector, kind and severity; all of them where absent.
type Cell = (Option<String>, Option<String>, Option<String>);

/// What one number counts, at the finest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Atom {
    /// Empty: of the city, and of no sector.
    pub sector: String,
    pub kind: String,
    /// Empty where severities are not told apart.
    pub severity: String,
}

impl Table {
    /// The table of these counts; atoms may repeat.
    pub fn of<'a>(counts: impl IntoIterator<Item = (&'a Atom, u64)>) -> Self {
        let mut numbers: BTreeMap<Cell, u64> = BTreeMap::new();
        for (Atom { sector, kind, severity }, number) in counts {
            let (sector, kind, severity) = (Some(sector.clone()), Some(kind.clone()), Some(severity.clone()));
            for cell in [
                (None, None, None),
                (sector.clone(), None, None),
                (None, kind.clone(), None),
                (None, kind.clone(), severity.clone()),
                (sector.clone(), kind.clone(), None),
                (sector, kind, severity),
            ] {
                *numbers.entry(cell).or_default() += number;
            }
        }
        let cells: Vec<Cell> = numbers.keys().cloned().collect();
        let place: BTreeMap<&Cell, usize> = cells.iter().enumerate().map(|(place, cell)| (cell, place)).collect();
        let mut sums: BTreeMap<(usize, u8), Vec<usize>> = BTreeMap::new();
        for (cell, own) in &place {
            for (way, total) in totals(cell) {
                sums.entry((place[&total], way)).or_default().push(*own);
            }
        }
        let relations = sums.into_iter().map(|((total, _), parts)| (total, parts)).collect();
        let told = Sums { numbers: numbers.into_values().collect(), relations }.told();
        Self { told: cells.into_iter().zip(told).collect() }
    }

    /// What may be told of a sector, a kind, and of that kind a severity; of all where absent.
    pub fn told(&self, sector: Option<&str>, kind: Option<&str>, severity: Option<&str>) -> Told {
        let cell = (sector.map(str::to_owned), kind.map(str::to_owned), severity.map(str::to_owned));
        self.told.get(&cell).copied().unwrap_or(Told::Number(0))
    }
}

/// The sums a cell is a part of, each by the way in which it is one.
fn totals(cell: &Cell) -> Vec<(u8, Cell)> {
    let (sector, kind, severity) = cell.clone();
    match (&sector, &kind, &severity) {
        (Some(_), None, _) => vec![(0, (None, None, None))],
        (None, Some(_), None) => vec![(1, (None, None, None))],
        (None, Some(_), Some(_)) => vec![(2, (None, kind, None))],
        (Some(_), Some(_), None) => vec![(3, (sector, None, None)), (4, (None, kind, None))],
        (Some(_), Some(_), Some(_)) => vec![(5, (sector, kind.clone(), None)), (6, (None, kind, severity))],
        (None, None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The largest number that a completion tries.
    const TRIED: u64 = 16;

    fn list(parts: &[u64]) -> Sums {
        let numbers = parts.iter().copied().chain([parts.iter().sum()]).collect();
        Sums { numbers, relations: vec![(parts.len(), (0..parts.len()).collect())] }
    }

    fn fits(told: Told, number: u64) -> bool {
        match told {
            Told::Number(told) => told == number,
            Told::Few => (1..FEW).contains(&number),
            Told::Withheld | Told::AtLeast(_) => number > 0,
        }
    }

    /// Every number of every completion of the leaves that fits what is told, tried one after the other.
    fn completions(told: &[Told], leaves: usize, complete: &dyn Fn(&[u64]) -> Vec<u64>) -> Vec<BTreeSet<u64>> {
        let mut possible = vec![BTreeSet::new(); told.len()];
        let mut tried = vec![0; leaves];
        loop {
            let numbers = complete(&tried);
            if numbers.iter().zip(told).all(|(number, told)| fits(*told, *number)) {
                for (number, possible) in numbers.iter().zip(&mut possible) {
                    possible.insert(*number);
                }
            }
            let Some(next) = (0..leaves).find(|leaf| match told[*leaf] {
                Told::Number(number) if tried[*leaf] == number => false,
                Told::Number(_) | Told::Few | Told::Withheld | Told::AtLeast(_) => tried[*leaf] < TRIED,
            }) else {
                return possible;
            };
            tried[..next].fill(0);
            tried[next] += 1;
            if let Told::Number(number) = told[next] {
                tried[next] = number;
            }
        }
    }

    fn nothing_hidden_can_be_computed(told: &[Told], possible: &[BTreeSet<u64>], numbers: &[u64]) {
        for ((told, possible), number) in told.iter().zip(possible).zip(numbers) {
            assert!(possible.contains(number), "the oracle must find the truth: {told:?} {number} {possible:?}");
            match told {
                Told::Number(told) => assert_eq!(told, number),
                Told::Few | Told::Withheld | Told::AtLeast(_) => {
                    assert!(possible.len() > 1, "{number} can be computed");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_hidden_number_of_a_list_can_be_computed(parts in prop::collection::vec(0_u64..9, 1..5)) {
            let sums = list(&parts);
            let told = sums.told();
            let complete = |tried: &[u64]| tried.iter().copied().chain([tried.iter().sum()]).collect();
            nothing_hidden_can_be_computed(&told, &completions(&told, parts.len(), &complete), &sums.numbers);
        }

        #[test]
        fn nor_of_a_table_with_its_margins(cells in prop::array::uniform4(0_u64..9)) {
            let margins = |c: &[u64]| vec![
                c[0], c[1], c[2], c[3], c[0] + c[1], c[2] + c[3], c[0] + c[2], c[1] + c[3], c.iter().sum(),
            ];
            let relations = vec![
                (4, vec![0, 1]), (5, vec![2, 3]), (6, vec![0, 2]), (7, vec![1, 3]), (8, vec![4, 5]), (8, vec![6, 7]),
            ];
            let sums = Sums { numbers: margins(&cells), relations };
            let told = sums.told();
            nothing_hidden_can_be_computed(&told, &completions(&told, 4, &margins), &sums.numbers);
        }

        #[test]
        fn a_sum_of_what_is_told_never_exceeds_the_truth(numbers in prop::collection::vec(0_u64..12, 0..6)) {
            let told = numbers.iter().map(|n| list(&[*n]).told()[0]).fold(Told::Number(0), Told::plus);
            let sum: u64 = numbers.iter().sum();
            prop_assert!(told.known() <= sum);
            prop_assert_eq!(told.exact().is_some(), numbers.iter().all(|n| *n == 0 || *n >= FEW));
        }
    }

    #[test]
    fn the_smallest_other_part_is_withheld_beside_one_that_is_few_and_zero_stays_zero() {
        use Told::{Few, Number, Withheld};
        assert_eq!(list(&[9, 3, 7, 0]).told(), [Number(9), Few, Withheld, Number(0), Number(19)]);
        assert_eq!(list(&[9, 7]).told(), [Number(9), Number(7), Number(16)]);
        assert_eq!(list(&[3, 0]).told(), [Few, Number(0), Few]);
        assert_eq!(list(&[1, 5]).told(), [Few, Withheld, Withheld], "with the total, 1 and 5 would be all there is");
        assert_eq!(list(&[1, 1, 1, 1]).told(), [Few, Few, Few, Few, Withheld]);
    }

    #[test]
    fn a_sector_is_told_alike_in_the_city_and_by_itself() {
        let atom = |sector: &str, kind: &str| Atom { sector: sector.into(), kind: kind.into(), severity: "a".into() };
        let (one, two, three) = (atom("19", "x"), atom("20", "x"), atom("18", "y"));
        let table = Table::of([(&one, 7), (&two, 2), (&three, 30)]);
        assert_eq!(table.told(None, None, None), Told::Number(39));
        assert_eq!(table.told(Some("20"), None, None), Told::Few);
        assert_eq!(table.told(Some("19"), None, None), Told::Withheld);
        assert_eq!(table.told(Some("19"), Some("x"), None), Told::Withheld);
        assert_eq!(table.told(Some("17"), None, None), Told::Number(0));
        assert_eq!(table.told(None, Some("x"), None), Told::Number(9));
    }
}
