//! Looks up the recipient of a delivery and gathers what it is told.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use vigie_domain::{
    city::InForce,
    directory::{Ambit, Body, Directory, Recipient},
    link::Signer,
};
use vigie_platform::clock::SharedClock;
use vigie_proto::{
    BodyId,
    event::{AlertIssuedV1, ProbeIssuedV1, ProbePurpose, Purpose},
};

use crate::{
    delivery::{Address, Delivery},
    letter::Letter,
    wording::{
        Words, alert,
        probe::{self, Ask},
        reason,
    },
};

/// Where the program serves the sender's card.
const CARD: &str = "/contact.vcf";

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
    /// Digest of what the message of `delivery` shows.
    pub(crate) fn shown(&self, delivery: &Delivery, text: &str) -> String {
        self.signer.shown(delivery.id, text)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The address, and what to tell there; none when the contact is no longer in the directory on that channel.
    ///
    /// A probe that goes elsewhere needs no contact in force, only its body.
    pub(crate) fn write(&self, delivery: &Delivery, now: Timestamp) -> Option<(String, Words)> {
        let directory = &self.in_force.get().directory;
        if let (Letter::Probe(probe), Some(Address(address))) = (&delivery.letter, &delivery.elsewhere) {
            let body = directory.body(&probe.body)?;
            return Some((address.clone(), Words::Probe(self.probe(directory, probe, body, now))));
        }
        let recipient = directory.contact(&delivery.contact)?;
        if recipient.contact.channel != delivery.channel {
            return None;
        }
        let words = match &delivery.letter {
            Letter::Alert(alert) => Words::Alert(Box::new(self.alert(directory, alert, recipient, now))),
            // A former address is told, and no other.
            Letter::Probe(probe) if probe.purpose == ProbePurpose::Notice => return None,
            Letter::Probe(probe) => Words::Probe(self.probe(directory, probe, recipient.body, now)),
        };
        Some((recipient.contact.address.clone(), words))
    }

    fn alert(
        &self,
        directory: &Directory,
        alert: &AlertIssuedV1,
        recipient: Recipient<'_>,
        now: Timestamp,
    ) -> alert::Facts {
        let Recipient { body, contact } = recipient;
        // From the alert's birth, so that every attempt carries the same link.
        let expires_at = alert.issued_at + self.link_valid_for;
        let link = match alert.purpose {
            Purpose::Mobilise => {
                format!("{}/m/{}", self.public_url, self.signer.sign_request(alert.alert_id, contact, expires_at))
            }
            Purpose::Acknowledge
            | Purpose::Inform
            | Purpose::Undeliverable
            | Purpose::Confirm
            | Purpose::TakeOver
            | Purpose::Return => {
                format!("{}/a/{}", self.public_url, self.signer.sign(alert.alert_id, contact, expires_at))
            }
        };
        let role = directory.role_label(&alert.role);
        let unreachable = alert.unreachable.as_ref().and_then(|id| called(id, directory));
        let facts = alert::Facts::new(alert, body, role, unreachable, link, &self.zone, now);
        let reason = reason::of(alert, |body| called(body, directory));
        alert::Facts { reason, card: format!("{}{CARD}", self.public_url), ..facts }
    }

    fn probe(&self, directory: &Directory, probe: &ProbeIssuedV1, body: &Body, now: Timestamp) -> probe::Facts {
        let ask = match probe.purpose {
            ProbePurpose::Drill => {
                let token = self.signer.sign_probe(probe.probe_id, probe.expires_at);
                Ask::Press { link: format!("{}/t/{token}", self.public_url) }
            }
            ProbePurpose::Verification => Ask::SendBack { code: self.signer.code(probe.probe_id) },
            ProbePurpose::Notice => Ask::Nothing,
        };
        probe::Facts::new(probe, ask, body, directory.role_label(&probe.role), &self.zone, now)
    }
}

/// A body by its name, a school by its function, here as everywhere; none when the directory no longer has it.
fn called<'a>(body: &BodyId, directory: &'a Directory) -> Option<&'a str> {
    let body = directory.body(body)?;
    Some(match body.ambit {
        Ambit::School(_) => directory.role_label(&body.role),
        Ambit::City | Ambit::Sector(_) => body.name.as_str(),
    })
}
