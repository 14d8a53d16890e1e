//! From settled steps to recipients: who is on duty now, each told once by each channel.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vigie_domain::{
    directory::{Body, Contact, Directory},
    escalation::Settlement,
};
use vigie_proto::{
    BodyId, Channel, ContactId, RoleId,
    event::{FallbackContact, Purpose},
    plan::{Expects, Rank},
};

/// One recipient to tell by one channel, and every step that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) body: BodyId,
    pub(crate) role: RoleId,
    pub(crate) contact: ContactId,
    pub(crate) channel: Channel,
    pub(crate) fallback: Vec<FallbackContact>,
    pub(crate) purpose: Purpose,
    pub(crate) steps: Vec<String>,
}

/// Resolves `settlements` at `now`. Also returns the steps that should have told somebody and found nobody.
pub(crate) fn resolve(
    settlements: &[Settlement],
    directory: &Directory,
    now: Timestamp,
) -> (Vec<Telling>, Vec<String>) {
    let mut tellings: BTreeMap<ContactId, Telling> = BTreeMap::new();
    let mut nobody = Vec::new();
    for settlement in settlements.iter().filter(|s| !s.tell.is_empty()) {
        let mut found = false;
        for target in &settlement.tell {
            for body in directory.bodies_of(target) {
                for (contact, fallback) in contacts(body, settlement, target.rank, now) {
                    found = true;
                    let telling = tellings.entry(contact.id.clone()).or_insert_with(|| Telling {
                        body: body.id.clone(),
                        role: body.role.clone(),
                        contact: contact.id.clone(),
                        channel: contact.channel,
                        fallback,
                        purpose: Purpose::Inform,
                        steps: Vec::new(),
                    });
                    if settlement.expects == Expects::Acknowledgement {
                        telling.purpose = Purpose::Acknowledge;
                    }
                    if !telling.steps.contains(&settlement.step) {
                        telling.steps.push(settlement.step.clone());
                    }
                }
            }
        }
        if !found {
            nobody.push(settlement.step.clone());
        }
    }
    (tellings.into_values().collect(), nobody)
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
            let fallback =
                spare.iter().filter(|f| f.contact != contact.id && f.channel != contact.channel).cloned().collect();
            (contact, fallback)
        })
        .collect()
}
