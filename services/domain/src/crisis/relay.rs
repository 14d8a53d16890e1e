//! Texts of the authority that alone speaks to the population, kept for the services that relay them.
//!
//! Vigie sends them to nobody: it says that there is one, and shows it to whoever the doctrine names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_proto::{
    BodyId,
    crisis::{CrisisRelayMovedV1, CrisisSnapshot, RelayMoved},
    event::{Actor, Event},
};

use super::{Crisis, Effect, Moment, Refused, RelayRules, Tell, allowed};

/// A text to relay; its words stay with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// From 1.
    pub number: u32,
    pub received_by: BodyId,
    pub received_at: Timestamp,
    /// To relay until then; until it is withdrawn when it does not say.
    pub valid_until: Option<Timestamp>,
    pub withdrawn_at: Option<Timestamp>,
}

impl Relay {
    /// Whether it is to be relayed at `now`.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.withdrawn_at.is_none() && self.valid_until.is_none_or(|until| now < until)
    }
}

impl Crisis {
    /// A text was received; whoever relays is told that there is one. Returns its number with the effects.
    pub fn receive_text(
        &mut self,
        valid_until: Option<Timestamp>,
        by: &Actor,
        at: Moment<'_>,
    ) -> Result<(u32, Vec<Effect>), Refused> {
        self.still_open()?;
        let rules = relayed(at)?;
        allowed(by, &rules.kept_by)?;
        if valid_until.is_some_and(|until| until <= at.now) {
            return Err(Refused::Unknown("valid_until"));
        }
        let number = u32::try_from(self.relays.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.relays.push(Relay {
            number,
            received_by: by.body.clone(),
            received_at: at.now,
            valid_until,
            withdrawn_at: None,
        });
        let mut effects = vec![fact(&self.snapshot, number, RelayMoved::Received { valid_until }, by, at)];
        effects.extend(self.incidents.first().map(|incident| {
            Effect::Tell(Tell {
                incident: *incident,
                step: format!("relay/{number}"),
                targets: rules.notice.targets(&self.snapshot.sectors),
                channels: rules.notice.channels.clone(),
                say: rules.notice.say.clone(),
                request: None,
            })
        }));
        Ok((number, effects))
    }

    /// A text is no longer to be relayed; whoever relays is told so.
    pub fn withdraw_text(&mut self, number: u32, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        let rules = relayed(at)?;
        allowed(by, &rules.kept_by)?;
        let text = self.relays.iter_mut().find(|text| text.number == number).ok_or(Refused::Unknown("text"))?;
        if text.withdrawn_at.is_some() {
            return Err(Refused::Unchanged);
        }
        text.withdrawn_at = Some(at.now);
        let mut effects = vec![fact(&self.snapshot, number, RelayMoved::Withdrawn, by, at)];
        effects.extend(self.incidents.first().map(|incident| {
            Effect::Tell(Tell {
                incident: *incident,
                step: format!("relay/{number}/withdrawn"),
                targets: rules.withdrawn.targets(&self.snapshot.sectors),
                channels: rules.withdrawn.channels.clone(),
                say: rules.withdrawn.say.clone(),
                request: None,
            })
        }));
        Ok(effects)
    }
}

fn relayed(at: Moment<'_>) -> Result<&RelayRules, Refused> {
    at.rules.relay.as_ref().ok_or(Refused::Unknown("text"))
}

fn fact(crisis: &CrisisSnapshot, number: u32, moved: RelayMoved, by: &Actor, at: Moment<'_>) -> Effect {
    Effect::Fact(Event::from(CrisisRelayMovedV1 { crisis: crisis.clone(), number, moved, by: by.clone(), at: at.now }))
}
