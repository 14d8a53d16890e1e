//! When to try again, and which refusals are final. Pure: time and chance are arguments.

use jiff::SignedDuration;
use lettre::transport::smtp;
use rusmpp::CommandStatus;
use uuid::Uuid;
use vigie_proto::event::DeliveryFailure;

use crate::delivery::Outcome;

/// Largest part of a delay that jitter adds or takes away.
const SPREAD: f64 = 0.2;

/// How often and how far apart one channel is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) max_attempts: u32,
    pub(crate) first: SignedDuration,
    pub(crate) cap: SignedDuration,
}

impl Policy {
    pub(crate) fn new(max_attempts: u32, first_ms: u64, cap_ms: u64) -> Self {
        let milliseconds = |ms: u64| SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        Self { max_attempts: max_attempts.max(1), first: milliseconds(first_ms), cap: milliseconds(cap_ms) }
    }

    /// Wait after failed attempt `attempt` (the first is 1); none when it was the last.
    ///
    /// Doubles from `first`, is capped, then moved by `jitter` (-1 to 1) times 20 %.
    pub(crate) fn wait_after(&self, attempt: u32, jitter: f64) -> Option<SignedDuration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(30);
        let plain = self.first.saturating_mul(1 << doublings).min(self.cap);
        Some(plain.mul_f64(1.0 + SPREAD * jitter.clamp(-1.0, 1.0)))
    }
}

/// Chance for attempt `attempt` of delivery `id`, -1 to 1: spread over deliveries, yet the same in a replay.
pub(crate) fn jitter(id: Uuid, attempt: u32) -> f64 {
    // The low bits of a version 7 UUID are random; multiplying by an odd constant stirs the attempt in.
    let (_, low) = id.as_u64_pair();
    let mixed = (low ^ u64::from(attempt)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    f64::from(u32::try_from(mixed >> 32).unwrap_or_default()) / f64::from(u32::MAX) * 2.0 - 1.0
}

/// What an error during an SMTP exchange means for the message. Errors while connecting never come here.
///
/// Only a 5xx answer is final (RFC 5321, section 4.2.1); 4xx answers, broken connections, TLS faults and time-outs
/// pass. The answer's text is never kept: it often repeats the address.
pub(crate) fn after_smtp_error(error: &smtp::Error) -> Outcome {
    if error.is_permanent() {
        Outcome::Never(DeliveryFailure::Refused)
    } else if error.is_transient() {
        Outcome::NotNow("the mail server asked to try later")
    } else {
        Outcome::NotNow("the exchange with the mail server broke off")
    }
}

/// What a refused `submit_sm` means for the message (SMPP 3.4, section 5.1.3).
pub(crate) fn after_submit_status(status: CommandStatus) -> Outcome {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's list of a hundred codes, open to more")]
    match status {
        CommandStatus::EsmeRinvdstadr
        | CommandStatus::EsmeRinvdstton
        | CommandStatus::EsmeRinvdstnpi
        | CommandStatus::EsmeRinvsrcadr
        | CommandStatus::EsmeRinvmsglen
        | CommandStatus::EsmeRxPAppn
        | CommandStatus::EsmeRxRAppn => Outcome::Never(DeliveryFailure::Refused),
        CommandStatus::EsmeRthrottled | CommandStatus::EsmeRmsgqful => Outcome::NotNow("the SMS gateway is saturated"),
        // Whatever else it says, the next channel is taken after max_attempts.
        _ => Outcome::NotNow("the SMS gateway refused for now"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy =
        Policy { max_attempts: 6, first: SignedDuration::from_secs(2), cap: SignedDuration::from_secs(20) };

    #[test]
    fn waits_double_to_the_cap_and_end_with_the_last_attempt() {
        let waits: Vec<_> = (1..=6).map(|attempt| POLICY.wait_after(attempt, 0.0).map(|w| w.as_secs())).collect();
        assert_eq!(waits, [Some(2), Some(4), Some(8), Some(16), Some(20), None]);
    }

    #[test]
    fn jitter_lengthens_and_shortens_a_wait_by_a_fifth() {
        let waits = [-1.0, 0.0, 1.0].map(|jitter| POLICY.wait_after(1, jitter).unwrap().as_millis());
        assert_eq!(waits, [1_600, 2_000, 2_400]);
    }

    /// Deliveries that failed together do not come back together, at no attempt.
    #[test]
    fn jitter_spreads_deliveries_and_attempts_over_all_of_its_range() {
        // Identifiers whose random bits differ in the last few only are the worst there are.
        for attempt in 1..=6 {
            let mut drawn: Vec<f64> = (0..1_000).map(|id| jitter(Uuid::from_u128(id), attempt)).collect();
            drawn.sort_by(f64::total_cmp);
            assert!(drawn[0] < -0.95 && drawn[999] > 0.95, "{} to {}", drawn[0], drawn[999]);
            let widest = drawn.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
            assert!(widest < 0.02, "nobody waits within {widest} of the range");
        }
        let of_one: Vec<u64> = (1..=6).map(|attempt| jitter(Uuid::from_u128(3), attempt).to_bits()).collect();
        assert!((1..6).all(|at| !of_one[..at].contains(&of_one[at])), "{of_one:?}");
    }

    #[test]
    fn an_unknown_number_is_final_and_a_saturated_gateway_is_not() {
        assert_eq!(after_submit_status(CommandStatus::EsmeRinvdstadr), Outcome::Never(DeliveryFailure::Refused));
        for passing in [CommandStatus::EsmeRthrottled, CommandStatus::EsmeRsyserr, CommandStatus::Other(0x9999)] {
            assert!(matches!(after_submit_status(passing), Outcome::NotNow(_)), "{passing:?}");
        }
        let why = |status| format!("{:?}", after_submit_status(status));
        assert_eq!(why(CommandStatus::EsmeRmsgqful), why(CommandStatus::EsmeRthrottled));
        assert_ne!(why(CommandStatus::EsmeRsyserr), why(CommandStatus::EsmeRthrottled), "the log tells which");
    }

    proptest! {
        #[test]
        fn jitter_moves_a_wait_by_a_fifth_at_most(attempt in 1u32..6, id in any::<u128>(), first_ms in 1u64..100_000) {
            let policy = Policy::new(6, first_ms, 300_000);
            let plain = policy.wait_after(attempt, 0.0).unwrap().as_secs_f64();
            let moved = policy.wait_after(attempt, jitter(Uuid::from_u128(id), attempt)).unwrap().as_secs_f64();
            prop_assert!((moved - plain).abs() <= plain * 0.2 + 1e-9);
        }

        #[test]
        fn no_attempt_number_overflows(attempt in any::<u32>(), jitter in any::<f64>()) {
            let policy = Policy::new(u32::MAX, u64::MAX, u64::MAX);
            let wait = policy.wait_after(attempt, if jitter.is_nan() { 0.0 } else { jitter });
            prop_assert!(wait.is_none_or(|wait| wait.is_positive()));
        }
    }
}
