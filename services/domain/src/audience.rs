//! From settled steps to recipients: who is on duty now, each told once by each channel.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vigie_proto::{
    BodyId, Channel, ContactId, RoleId,
    event::{FallbackContact, Occasion, Purpose},
    plan::Rank,
};

use crate::{
    directory::{Body, Contact, Directory},
    escalation::{Reminded, Settlement},
};

/// One recipient to tell by one channel, and every step that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    pub body: BodyId,
    pub role: RoleId,
    pub contact: ContactId,
    pub channel: Channel,
    pub fallback: Vec<FallbackContact>,
    pub purpose: Purpose,
    /// May share its message with other incidents.
    pub digest: bool,
    /// What is owed, for a reminder.
    pub owed: Option<Reminded>,
    pub guidance: Vec<String>,
    pub steps: Vec<String>,
    /// Why it comes now.
    pub occasion: Occasion,
}

/// What settlements come down to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    pub tellings: Vec<Telling>,
    /// Steps that should have told somebody and found nobody.
    pub nobody: Vec<String>,
    /// By step: bodies it would have asked, had they not taken charge already.
    pub in_charge: BTreeMap<String, BTreeSet<BodyId>>,
}

/// Resolves `settlements` at `now`.
///
/// A call and an information to one contact point are one message; a reminder of something owed, a hand-over or a
/// question is a message of its own. Whoever is on duty and could be told by several of `one_message_by` is told by the first of
/// them, a proven one before others; those left out are tried when it fails.
pub fn resolve(
    settlements: &[Settlement],
    one_message_by: &[Channel],
    directory: &Directory,
    now: Timestamp,
) -> Resolved {
    let mut tellings: BTreeMap<(ContactId, Message), Telling> = BTreeMap::new();
    let mut nobody = Vec::new();
    let mut in_charge: BTreeMap<String, BTreeSet<BodyId>> = BTreeMap::new();
    for settlement in settlements.iter().filter(|s| !s.tell.is_empty()) {
        let mut found = false;
        for target in settlement.tell.iter().flat_map(|target| target.at(now)) {
            for body in directory.bodies_of(target) {
                if settlement.except.contains(&body.id) {
                    found = true;
                    if settlement.purpose == Purpose::Acknowledge {
                        in_charge.entry(settlement.step.clone()).or_default().insert(body.id.clone());
                    }
                    continue;
                }
                for (contact, fallback) in contacts(body, settlement, target.rank, now) {
                    found = true;
                    let key = (contact.id.clone(), Message::of(settlement));
                    let telling = tellings.entry(key).or_insert_with(|| Telling {
                        body: body.id.clone(),
                        role: body.role.clone(),
                        contact: contact.id.clone(),
                        channel: contact.channel,
                        fallback,
                        purpose: settlement.purpose,
                        digest: settlement.digest,
                        owed: settlement.owed.clone(),
                        guidance: Vec::new(),
                        steps: Vec::new(),
                        occasion: Occasion::First,
                    });
                    if let Some(occasion) = &settlement.occasion {
                        telling.occasion = stronger(&telling.occasion, occasion);
                    }
                    if settlement.purpose == Purpose::Acknowledge {
                        telling.purpose = Purpose::Acknowledge;
                    }
                    telling.digest &= settlement.digest;
                    if !telling.steps.contains(&settlement.step) {
                        telling.steps.push(settlement.step.clone());
                    }
                    if let Some(guidance) = &settlement.guidance
                        && !telling.guidance.contains(guidance)
                    {
                        telling.guidance.push(guidance.clone());
                    }
                }
            }
        }
        // Outside the hours it serves, a step that says so tells nobody: that is no hole in the directory.
        let meant = settlement.tell.iter().any(|target| !target.at(now).is_empty());
        if !found && meant {
            nobody.push(settlement.step.clone());
        }
    }
    Resolved { tellings: one_each(tellings, one_message_by, directory), nobody, in_charge }
}

/// Somebody on duty in a body, and what makes messages to it one.
type Person = (BodyId, String, Message);

/// One message for somebody on duty, of those it would get at this moment by `channels`.
fn one_each(
    tellings: BTreeMap<(ContactId, Message), Telling>,
    channels: &[Channel],
    directory: &Directory,
) -> Vec<Telling> {
    let mut kept: Vec<Telling> = Vec::with_capacity(tellings.len());
    let mut persons: BTreeMap<Person, Vec<(bool, usize, Telling)>> = BTreeMap::new();
    for ((_, message), telling) in tellings {
        let known = directory.contact(&telling.contact).map(|known| known.contact);
        let place = channels.iter().position(|channel| *channel == telling.channel);
        match known.and_then(|contact| Some((contact.duty.clone()?, contact.is_proven()))).zip(place) {
            Some(((duty, proven), place)) => {
                let person = (telling.body.clone(), duty, message);
                persons.entry(person).or_default().push((!proven, place, telling));
            }
            None => kept.push(telling),
        }
    }
    for mut ways in persons.into_values() {
        ways.sort_by_key(|(unproven, place, _)| (*unproven, *place));
        let mut ways = ways.into_iter().map(|(_, _, telling)| telling);
        kept.extend(ways.next().map(|first| ways.fold(first, Telling::and)));
    }
    kept.sort_by(|a, b| (&a.contact, &a.steps).cmp(&(&b.contact, &b.steps)));
    kept
}

impl Telling {
    /// Tells what `other` would have told the same person, which is what is tried when this fails.
    fn and(mut self, other: Self) -> Self {
        let way = FallbackContact { channel: other.channel, contact: other.contact };
        let mut ways = vec![way];
        ways.extend(self.fallback.into_iter().chain(other.fallback).filter(|spare| spare.channel != self.channel));
        self.fallback = Vec::new();
        for way in ways {
            if !self.fallback.iter().any(|known| known.channel == way.channel) {
                self.fallback.push(way);
            }
        }
        self.occasion = stronger(&self.occasion, &other.occasion);
        if other.purpose == Purpose::Acknowledge {
            self.purpose = Purpose::Acknowledge;
        }
        self.digest &= other.digest;
        for step in other.steps {
            if !self.steps.contains(&step) {
                self.steps.push(step);
            }
        }
        for guidance in other.guidance {
            if !self.guidance.contains(&guidance) {
                self.guidance.push(guidance);
            }
        }
        self
    }
}

/// Of two reasons for one message, what its reader is told: that it was called before, or by whom; then that it is worse, or
/// all that is new.
fn stronger(known: &Occasion, other: &Occasion) -> Occasion {
    if let (Occasion::New { what }, Occasion::New { what: more }) = (known, other) {
        let more = more.iter().filter(|novelty| !what.contains(novelty));
        return Occasion::New { what: what.iter().chain(more).cloned().collect() };
    }
    if weight(other) > weight(known) { other.clone() } else { known.clone() }
}

fn weight(occasion: &Occasion) -> (u8, u32) {
    match occasion {
        Occasion::First => (0, 0),
        Occasion::New { .. } => (1, 0),
        Occasion::Worse => (2, 0),
        Occasion::Called { .. } => (3, 0),
        Occasion::HandedOver { .. } => (4, 0),
        Occasion::Again { calls, .. } => (5, *calls),
    }
}

/// What makes two tellings one message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    Alert,
    Other(&'static str, Option<Reminded>),
}

impl Message {
    fn of(settlement: &Settlement) -> Self {
        match settlement.purpose {
            Purpose::Acknowledge | Purpose::Inform => Self::Alert,
            Purpose::Undeliverable | Purpose::Confirm | Purpose::TakeOver | Purpose::Return | Purpose::Mobilise => {
                Self::Other(settlement.purpose.code(), settlement.owed.clone())
            }
        }
    }
}

/// The contact points of `body` to use, each with its fallback. When the step's channels reach nobody there, its fallback
/// channels are used at once.
fn contacts<'a>(
    body: &'a Body,
    step: &Settlement,
    rank: Rank,
    now: Timestamp,
) -> Vec<(&'a Contact, Vec<FallbackContact>)> {
    let reach = |channels: &[Channel]| -> Vec<&'a Contact> {
        channels.iter().flat_map(|channel| body.reach(*channel, rank, now)).collect()
    };
    let first = reach(&step.channels);
    let chosen = if first.is_empty() { reach(&step.fallback) } else { first };
    let spare: Vec<FallbackContact> = step
        .fallback
        .iter()
        .filter(|channel| !step.channels.contains(channel))
        // Whoever is on duty answers for the body, also when a deeper rank was asked.
        .flat_map(|channel| {
            body.reach(*channel, rank, now).into_iter().chain(body.reach(*channel, Rank::First, now)).take(1)
        })
        .map(|contact| FallbackContact { channel: contact.channel, contact: contact.id.clone() })
        .collect();
    chosen
        .into_iter()
        .map(|contact| {
            let fallback = spare.iter().filter(|spare| spare.channel != contact.channel).cloned().collect();
            (contact, fallback)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use vigie_proto::event::Novelty;

    use super::*;

    fn new(labels: &[&str]) -> Occasion {
        Occasion::New { what: labels.iter().map(|label| Novelty::Fact { label: (*label).to_owned() }).collect() }
    }

    #[test]
    fn of_several_reasons_the_one_that_says_most_to_its_reader_is_told() {
        let again = |calls| Occasion::Again { calls, since: Timestamp::UNIX_EPOCH, answered: false };
        let by = || "scop".parse().unwrap();
        let ordered = [
            Occasion::First,
            new(&["arme vue"]),
            Occasion::Worse,
            Occasion::Called { by: by() },
            Occasion::HandedOver { by: by() },
            again(2),
            again(3),
        ];
        for (weak, strong) in
            ordered.iter().enumerate().flat_map(|(at, weak)| ordered[at..].iter().map(move |strong| (weak, strong)))
        {
            assert_eq!(stronger(weak, strong), *strong);
            assert_eq!(stronger(strong, weak), *strong);
        }
    }

    #[test]
    fn what_two_rules_tell_at_once_is_told_whole_and_once() {
        let (one, two) = (new(&["arme vue", "blessé"]), new(&["blessé", "incendie"]));
        assert_eq!(stronger(&one, &two), new(&["arme vue", "blessé", "incendie"]));
        // The first of several reasons of one kind stands.
        let called = |by: &str| Occasion::Called { by: by.parse().unwrap() };
        assert_eq!(stronger(&called("scop"), &called("mairie-19")), called("scop"));
    }
}
