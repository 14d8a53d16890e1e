//! A set of minutes of a period, one bit each.

/// Minutes counted from the start of the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Minutes {
    words: Vec<u64>,
    len: usize,
}

impl Minutes {
    /// None of `len` minutes.
    pub(super) fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// All of `len` minutes.
    pub(super) fn all(len: usize) -> Self {
        let mut all = Self::none(len);
        all.fill(0, len);
        all
    }

    /// Adds the minutes `from..until`, as far as they are in the period.
    pub(super) fn fill(&mut self, from: usize, until: usize) {
        let until = until.min(self.len);
        let mut at = from;
        while at < until {
            let (word, bit) = (at / 64, at % 64);
            let take = (64 - bit).min(until - at);
            let mask = if take == 64 { u64::MAX } else { ((1_u64 << take) - 1) << bit };
            self.words[word] |= mask;
            at += take;
        }
    }

    pub(super) fn contains(&self, minute: usize) -> bool {
        minute < self.len && self.words[minute / 64] >> (minute % 64) & 1 == 1
    }

    pub(super) fn insert(&mut self, minute: usize) {
        if minute < self.len {
            self.words[minute / 64] |= 1 << (minute % 64);
        }
    }

    pub(super) fn or(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    pub(super) fn and(&mut self, other: &Self) {
        for (word, mask) in self.words.iter_mut().zip(&other.words) {
            *word &= mask;
        }
    }

    pub(super) fn and_not(&mut self, other: &Self) {
        for (word, mask) in self.words.iter_mut().zip(&other.words) {
            *word &= !mask;
        }
    }

    /// The minutes that are in the set `minutes` later: bit `i` is bit `i + minutes` of this one.
    pub(super) fn later(&self, minutes: usize) -> Self {
        let (skip, bits) = (minutes / 64, minutes % 64);
        let word = |at: usize| self.words.get(at).copied().unwrap_or(0);
        let words = (0..self.words.len())
            .map(|at| {
                let low = word(at + skip) >> bits;
                let high = if bits == 0 { 0 } else { word(at + skip + 1) << (64 - bits) };
                low | high
            })
            .collect();
        Self { words, len: self.len }
    }

    /// The first `len` minutes of it.
    pub(super) fn first(&self, len: usize) -> Self {
        let mut cut = Self { words: self.words[..len.div_ceil(64)].to_vec(), len };
        if !len.is_multiple_of(64)
            && let Some(last) = cut.words.last_mut()
        {
            *last &= (1 << (len % 64)) - 1;
        }
        cut
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The earliest minute of the set.
    pub(super) fn earliest(&self) -> Option<usize> {
        let word = self.words.iter().position(|word| *word != 0)?;
        Some(word * 64 + usize::try_from(self.words[word].trailing_zeros()).unwrap_or(0))
    }

    /// How many minutes from `minute` on are in the set without a gap.
    pub(super) fn run_from(&self, minute: usize) -> usize {
        (minute..self.len).take_while(|at| self.contains(*at)).count()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = usize::try_from(left.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(len: usize, minutes: &[usize]) -> Minutes {
        let mut set = Minutes::none(len);
        for minute in minutes {
            set.insert(*minute);
        }
        set
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_minutes(
            len in 1_usize..400, some in proptest::collection::vec(0_usize..400, 0..60),
            other in proptest::collection::vec(0_usize..400, 0..60), by in 0_usize..200,
            (from, length) in (0_usize..400, 0_usize..400),
        ) {
            let (a, b) = (set(len, &some), set(len, &other));
            let has = |list: &[usize], minute: usize| list.contains(&minute) && minute < len;
            let mut both = a.clone();
            both.and(&b);
            let mut either = a.clone();
            either.or(&b);
            let mut filled = Minutes::none(len);
            filled.fill(from, from + length);
            let later = a.later(by);
            for minute in 0..len {
                prop_assert_eq!(both.contains(minute), has(&some, minute) && has(&other, minute));
                prop_assert_eq!(either.contains(minute), has(&some, minute) || has(&other, minute));
                prop_assert_eq!(later.contains(minute), has(&some, minute + by));
                prop_assert_eq!(filled.contains(minute), (from..from + length).contains(&minute));
            }
            let mut sorted: Vec<usize> = some.iter().copied().filter(|minute| *minute < len).collect();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(a.iter().collect::<Vec<_>>(), sorted.clone());
            prop_assert_eq!(a.earliest(), sorted.first().copied());
            prop_assert!(a.first(len.min(70)).iter().eq(sorted.into_iter().filter(|m| *m < len.min(70))));
        }
    }
}
