//! What comes to pass in one incident: the signal, the answers, the outages.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use vigie_domain::{city::City, doctrine::Situation};
use vigie_proto::{Channel, CrisisRegime, Nature, SectorId, Severity};

/// The first instant examined: the clocks go forward in the night after.
pub(crate) const FROM: &str = "2027-03-27T00:00:00Z";
/// Days in which signals come.
pub(crate) const DAYS: u32 = 2;

/// Something that happens; numbers choose among whoever may.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happening {
    Acknowledge(usize),
    Refuse(usize),
    HandOver(usize),
    /// The plan is not looked at for so many minutes, and what happens meanwhile is learnt after.
    Outage(u32),
    /// A channel carries nothing for so many minutes.
    Dead(Channel, u32),
    Aggravate,
    GiveBack,
    Close,
    Reopen,
    /// Somebody takes back what it answered.
    TakeBack(usize),
    Call(usize),
    Ease,
    /// A signal joins that tells a fact of this number, and how many persons.
    Tell(u32),
    /// The city's regime becomes this one: circuits come and go.
    Regime(CrisisRegime),
}

/// One incident.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    kind: &'static str,
    severity: Severity,
    regime: CrisisRegime,
    sector: usize,
    raised_by: &'static str,
    near_border: bool,
    exercise: bool,
    expected_min: Option<u32>,
    opens_s: i64,
    /// Each so many seconds after the one before.
    happenings: Vec<(i64, Happening)>,
    /// Every so many facts, one is heard only minutes after it was recorded; 0 for never.
    late_every: usize,
}

impl Script {
    pub(crate) fn opens_at(&self) -> Timestamp {
        FROM.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(self.opens_s)
    }

    pub(crate) fn situation(&self, city: &City) -> Situation {
        let sectors: Vec<&SectorId> =
            city.territory.sectors().iter().filter(|sector| sector.in_paris).map(|sector| &sector.id).collect();
        let sector = sectors[self.sector % sectors.len()];
        let neighbours = if self.near_border { city.territory.neighbours(sector).to_vec() } else { Vec::new() };
        let expected = |min: u32| self.opens_at() + SignedDuration::from_mins(min.into());
        Situation {
            kind: self.kind.parse().unwrap(),
            severity: self.severity,
            raised_by: self.raised_by.parse().unwrap(),
            raiser: None,
            sectors: vec![sector.clone()],
            neighbours,
            school: None,
            schools_around: Vec::new(),
            regime: self.regime,
            nature: if self.exercise { Nature::Exercise } else { Nature::Real },
            expected_at: self.expected_min.map(expected),
        }
    }

    /// Whether the fact of this number is heard minutes after it was recorded.
    pub(crate) fn is_late(&self, number: usize) -> bool {
        self.late_every > 0 && number % self.late_every == self.late_every - 1
    }

    /// What happens, with its instant, in order.
    pub(crate) fn happenings(&self) -> impl Iterator<Item = (Timestamp, Happening)> {
        self.happenings.iter().scan(self.opens_at(), |now, (later, happening)| {
            *now += SignedDuration::from_secs(*later);
            Some((*now, *happening))
        })
    }
}

/// What else people do; the judge of promises has no opinion of it.
fn anything() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => happening(),
        1 => (0_usize..9).prop_map(Happening::Call),
        2 => (0_u32..6).prop_map(Happening::Tell),
        1 => Just(Happening::Ease),
        1 => prop::sample::select(CrisisRegime::ALL.to_vec()).prop_map(Happening::Regime),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let channel = prop_oneof![Just(Channel::Email), Just(Channel::Sms)];
    prop_oneof![
        3 => (0_usize..9).prop_map(Happening::Acknowledge),
        2 => (0_usize..9).prop_map(Happening::Refuse),
        1 => (0_usize..9).prop_map(Happening::HandOver),
        3 => (1_u32..90).prop_map(Happening::Outage),
        2 => (channel, 1_u32..180).prop_map(|(channel, min)| Happening::Dead(channel, min)),
        1 => Just(Happening::Aggravate),
        1 => Just(Happening::GiveBack),
        1 => Just(Happening::Close),
        1 => Just(Happening::Reopen),
        1 => (0_usize..9).prop_map(Happening::TakeBack),
    ]
}

pub(crate) fn script() -> impl Strategy<Value = Script> {
    of(happening(), 0..1)
}

/// A script in which anything happens, and facts are heard late.
pub(crate) fn wild() -> impl Strategy<Value = Script> {
    of(anything(), 0..5)
}

fn of(
    happening: impl Strategy<Value = Happening>,
    late_every: std::ops::Range<usize>,
) -> impl Strategy<Value = Script> {
    let of = (
        prop_oneof![2 => Just("brawl"), 1 => Just("leak")],
        prop::sample::select(Severity::ALL.to_vec()),
        prop::sample::select(CrisisRegime::ALL.to_vec()),
        0_usize..17,
        prop::sample::select(vec!["desk", "chief", "post", "crew", "club"]),
    );
    // The minutes around a hand-over, an opening hour or the change of the clock matter more than others.
    let opens = prop_oneof![
        3 => 0_i64..i64::from(DAYS) * 86_400,
        2 => (0_i64..i64::from(DAYS) * 24, -900_i64..60).prop_map(|(hour, off)| (hour * 3_600 + off).max(0)),
    ];
    let later = prop_oneof![1 => Just(0_i64), 4 => 1_i64..2_400, 1 => 2_400_i64..20_000];
    let flags = (any::<bool>(), prop::bool::weighted(0.1), prop::option::weighted(0.3, 0_u32..240));
    (of, flags, opens, prop::collection::vec((later, happening), 0..7), late_every).prop_map(
        |(
            (kind, severity, regime, sector, raised_by),
            (near_border, exercise, expected_min),
            opens_s,
            happenings,
            late_every,
        )| {
            Script {
                kind,
                severity,
                regime,
                sector,
                raised_by,
                near_border,
                exercise,
                expected_min,
                opens_s,
                happenings,
                late_every,
            }
        },
    )
}
