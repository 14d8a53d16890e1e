//! Chance that can be played again: every draw is a function of a seed and of what it is drawn for.
//!
//! Nothing is drawn from a sequence, so that the same body, asked about the same event, answers alike under two
//! doctrines: what differs between two runs comes from the doctrine, not from luck.

use std::f64::consts::TAU;

/// Where draws come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The chance of one matter, told apart from all others by its name.
    #[must_use]
    pub fn of(self, name: &[u8]) -> Self {
        let seed = name.iter().fold(mixed(self.seed), |state, byte| mixed(state ^ u64::from(*byte)));
        Self { seed }
    }

    /// The chance of the `turn`th time of the same matter.
    #[must_use]
    pub fn turn(self, turn: u64) -> Self {
        Self { seed: mixed(self.seed ^ mixed(turn)) }
    }

    /// A number from 0, included, to 1, not included.
    pub fn unit(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
        let number = (mixed(self.seed) >> 11) as f64;
        number / 9_007_199_254_740_992.0
    }

    /// A number of the normal distribution of mean 0 and deviation 1.
    pub fn normal(self) -> f64 {
        let (first, second) = (1.0 - self.turn(1).unit(), self.turn(2).unit());
        (-2.0 * first.ln()).sqrt() * (TAU * second).cos()
    }
}

/// Spreads every bit of `state` over all of the result: the finaliser of `SplitMix64`.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_spread_evenly_and_depend_on_every_part_of_their_name() {
        let chance = Chance::new(7).of(b"incident 1");
        let mean = (0..10_000).map(|turn| chance.turn(turn).unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let bits = |chance: Chance| chance.unit().to_bits();
        assert_ne!(bits(chance), bits(Chance::new(8).of(b"incident 1")));
        assert_ne!(bits(chance), bits(Chance::new(7).of(b"incident 2")));
        assert_eq!(bits(chance.turn(3)), bits(Chance::new(7).of(b"incident 1").turn(3)));
    }

    #[test]
    fn normal_draws_have_the_deviation_they_say() {
        let draws: Vec<f64> = (0..20_000).map(|turn| Chance::new(1).turn(turn).normal()).collect();
        let square = draws.iter().map(|draw| draw * draw).sum::<f64>() / 20_000.0;
        assert!((square - 1.0).abs() < 0.05, "{square}");
    }
}
