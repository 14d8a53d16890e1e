//! Looks up the recipient of a delivery and gathers what it is told.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use vigie_domain::{city::InForce, directory::Ambit, link::Signer};
use vigie_platform::clock::SharedClock;

use crate::{delivery::Delivery, wording::Facts};

/// Everything that turns a delivery into words.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) in_force: InForce,
    pub(crate) signer: Signer,
    /// Scheme and host of the links, without a final slash.
    pub(crate) public_url: String,
    pub(crate) link_valid_for: SignedDuration,
    pub(crate) zone: TimeZone,
    pub(crate) clock: SharedClock,
}

impl Writer {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The address, and what to tell there; none when the contact is no longer in the directory on that channel.
    pub(crate) fn write(&self, delivery: &Delivery, now: Timestamp) -> Option<(String, Facts)> {
        let directory = &self.in_force.get().directory;
        let recipient = directory.contact(&delivery.contact)?;
        if recipient.contact.channel != delivery.channel {
            return None;
        }
        // From the alert's birth, so that every attempt carries the same link.
        let expires_at = delivery.alert.issued_at + self.link_valid_for;
        let token = self.signer.sign(delivery.alert.alert_id, expires_at);
        let link = format!("{}/a/{token}", self.public_url);
        let role = directory.role_label(&delivery.alert.role);
        // A school is named by its function, here as everywhere.
        let unreachable =
            delivery.alert.unreachable.as_ref().and_then(|id| directory.body(id)).map(|body| match body.ambit {
                Ambit::School(_) => directory.role_label(&body.role),
                Ambit::City | Ambit::Sector(_) => body.name.as_str(),
            });
        let facts = Facts::new(&delivery.alert, recipient.body, role, unreachable, link, &self.zone, now);
        Some((recipient.contact.address.clone(), facts))
    }
}
