//! At which minutes of the period a body, or an audience in a sector, can be reached.
//!
//! Duty changes hands at a few instants only: each stretch between two is asked once, so every minute is covered.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use jiff::{SignedDuration, Timestamp};
use vigie_proto::{BodyId, Channel, SectorId, plan::Rank};

use super::minutes::Minutes;
use crate::doctrine::{Audience, Outside, Step};
use crate::{city::City, directory::Body};

/// The period examined, in whole minutes, with a tail for what comes late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) from: Timestamp,
    /// Minutes a signal may come at.
    pub(super) opening: usize,
    /// Minutes something may be told at.
    pub(super) telling: usize,
}

impl Period {
    pub(super) fn at(&self, minute: usize) -> Timestamp {
        self.from + SignedDuration::from_mins(i64::try_from(minute).unwrap_or(i64::MAX))
    }

    /// The minute an instant falls in, not before the period and not beyond its end.
    pub(super) fn minute(&self, instant: Timestamp) -> usize {
        let seconds = instant.duration_since(self.from).as_secs();
        usize::try_from(seconds.max(0).div_euclid(60)).unwrap_or(usize::MAX).min(self.telling)
    }

    /// The first minute that begins at or after an instant.
    pub(super) fn minute_after(&self, instant: Timestamp) -> usize {
        let seconds = instant.duration_since(self.from).as_secs();
        usize::try_from((seconds + 59).max(0).div_euclid(60)).unwrap_or(usize::MAX).min(self.telling)
    }
}

/// What counts as reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Need {
    /// A contact point exists and is on duty.
    Present,
    /// It is proven too.
    Proven,
    /// Proven, at a body manned 24 hours a day.
    Manned,
}

/// A body, how deep, by which channels and failing them which others (one bit each), and what counts.
type BodyKey = (BodyId, Rank, [u8; 2], Need);

/// Answers about the reach of bodies, each computed once.
pub(super) struct Reach<'a> {
    pub(super) city: &'a City,
    pub(super) period: Period,
    bodies: RefCell<HashMap<BodyKey, Rc<Minutes>>>,
    windows: RefCell<HashMap<String, Rc<Minutes>>>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(city: &'a City, period: Period) -> Self {
        Self { city, period, bodies: RefCell::default(), windows: RefCell::default() }
    }

    /// Minutes at which a body answers on one of a step's channels; on its fallback where those have no contact point,
    /// as when it is told: a proven fallback proves nothing of a message that leaves by an unproven channel.
    pub(super) fn body(&self, body: &Body, rank: Rank, step: &Step, need: Need) -> Rc<Minutes> {
        let bits = |channels: &[Channel]| channels.iter().fold(0_u8, |bits, c| bits | 1 << (*c as u8));
        let channels = [bits(&step.channels), bits(&step.fallback)];
        let key = (body.id.clone(), rank, channels, need);
        if let Some(known) = self.bodies.borrow().get(&key) {
            return Rc::clone(known);
        }
        let minutes = Rc::new(self.compute(body, rank, channels, need));
        self.bodies.borrow_mut().insert(key, Rc::clone(&minutes));
        minutes
    }

    fn compute(&self, body: &Body, rank: Rank, channels: [u8; 2], need: Need) -> Minutes {
        let period = self.period;
        let mut minutes = Minutes::none(period.telling);
        let manned = self.city.directory.role(&body.role).is_some_and(|role| role.manned);
        if need == Need::Manned && !manned {
            return minutes;
        }
        let reached = |minute: usize| {
            let by = |bits: u8| {
                let of = Channel::ALL.into_iter().filter(move |c| bits >> (*c as u8) & 1 == 1);
                of.flat_map(|channel| body.reach(channel, rank, period.at(minute))).collect::<Vec<_>>()
            };
            let first = by(channels[0]);
            let contacts = if first.is_empty() { by(channels[1]) } else { first };
            contacts.iter().any(|contact| need == Need::Present || contact.is_proven())
        };
        let mut changes: Vec<usize> = vec![0];
        changes.extend(body.changes(period.from, period.at(period.telling)).map(|at| period.minute_after(at)));
        changes.push(period.telling);
        changes.sort_unstable();
        changes.dedup();
        for stretch in changes.windows(2) {
            if reached(stretch[0]) {
                minutes.fill(stretch[0], stretch[1]);
            }
        }
        minutes
    }

    /// Minutes at which a window of the doctrine is open for the whole minute.
    pub(super) fn window(&self, name: &str) -> Rc<Minutes> {
        if let Some(known) = self.windows.borrow().get(name) {
            return Rc::clone(known);
        }
        let doctrine = &self.city.doctrine;
        let mut minutes = Minutes::none(self.period.telling);
        if let Some(window) = doctrine.windows.get(name) {
            let (from, until) = (self.period.from, self.period.at(self.period.telling));
            for span in window.spans(&doctrine.zone, &doctrine.calendar, from, until) {
                minutes.fill(self.period.minute_after(span.from), self.period.minute(span.until));
            }
        }
        let minutes = Rc::new(minutes);
        self.windows.borrow_mut().insert(name.to_owned(), Rc::clone(&minutes));
        minutes
    }

    /// The bodies an audience is in a sector; none for places that depend on the point.
    pub(super) fn bodies(&self, audience: &Audience, sector: &SectorId) -> Vec<&'a Body> {
        super::bodies(self.city, audience, sector).collect()
    }

    /// Minutes at which a step told in a sector reaches somebody.
    pub(super) fn step(&self, step: &Step, sector: &SectorId, need: Need) -> Minutes {
        let mut minutes = Minutes::none(self.period.telling);
        for audience in &step.tell {
            minutes.or(&self.audience(step, audience, sector, need));
        }
        minutes
    }

    /// Minutes at which an audience, or those told instead of it, is reached.
    pub(super) fn audience(&self, step: &Step, audience: &Audience, sector: &SectorId, need: Need) -> Minutes {
        let mut minutes = Minutes::none(self.period.telling);
        for body in self.bodies(audience, sector) {
            minutes.or(&self.body(body, audience.rank, step, need));
        }
        let Some(hours) = &audience.hours else { return minutes };
        let open = self.window(hours);
        minutes.and(&open);
        if let Outside::Tell(others) = &audience.outside {
            let mut instead = Minutes::none(self.period.telling);
            for other in others {
                instead.or(&self.audience(step, other, sector, need));
            }
            instead.and_not(&open);
            minutes.or(&instead);
        }
        minutes
    }
}
