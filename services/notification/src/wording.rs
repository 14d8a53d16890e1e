//! What a message may say: labels of the alert, in French, and nothing a person wrote.
//!
//! Everything rendered comes from [`Facts`]. It holds no name of a school, no address, no free text, because the
//! alert has none; a new field here needs the same care.

use jiff::{Timestamp, tz::TimeZone};
use vigie_domain::{
    directory::{Ambit, Body},
    french::moment,
};
use vigie_proto::event::{AlertIssuedV1, Purpose};

/// Where people read the clock.
pub(crate) const ZONE: &str = "Europe/Paris";

/// The parts of a message, each one line of French.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) purpose: Purpose,
    /// It was made worse since the recipients were first told.
    pub(crate) aggravated: bool,
    pub(crate) kind: String,
    pub(crate) severity: &'static str,
    pub(crate) sector: String,
    pub(crate) place: String,
    pub(crate) expected: Option<String>,
    pub(crate) opened: String,
    pub(crate) reference: String,
    /// The function in which the recipient is told, and its name unless it is a school's.
    pub(crate) recipient: String,
    /// Who could not be reached, when that is what the message says.
    pub(crate) unreachable: Option<String>,
    /// Where to acknowledge, only when that is asked.
    pub(crate) link: Option<String>,
}

impl Facts {
    /// Gathers what `body` is told by `alert`, in the role of French name `role`, seen at `now`; `unreachable` is the
    /// function that could not be reached, if that is what it is about; `link` opens the acknowledgement page.
    pub(crate) fn new(
        alert: &AlertIssuedV1,
        body: &Body,
        role: &str,
        unreachable: Option<&str>,
        link: String,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Self {
        let incident = &alert.incident;
        let recipient = match body.ambit {
            Ambit::School(_) => role.to_owned(),
            Ambit::City | Ambit::Sector(_) => format!("{} ({role})", body.name),
        };
        let at = |instant: Timestamp| moment(&instant.to_zoned(zone.clone()), &now.to_zoned(zone.clone()));
        Self {
            purpose: alert.purpose,
            aggravated: alert.generation > 1,
            kind: one_line(&incident.kind_label),
            severity: incident.severity.label(),
            sector: one_line(&incident.sector_label),
            place: one_line(&incident.place_label),
            expected: incident.expected_at.map(at),
            opened: at(incident.opened_at),
            reference: one_line(&incident.reference),
            recipient: one_line(&recipient),
            unreachable: unreachable.map(one_line),
            link: (alert.purpose == Purpose::Acknowledge).then_some(link),
        }
    }

    /// First word of the subject, when the message is not a plain first call.
    pub(crate) fn prefix(&self) -> &'static str {
        match self.purpose {
            Purpose::Undeliverable => "Destinataire injoignable : ",
            Purpose::Inform => "Information : ",
            Purpose::Acknowledge if self.aggravated => "Aggravation : ",
            Purpose::Acknowledge => "",
        }
    }

    /// Kind, sector, severity and reference on one line.
    pub(crate) fn subject(&self) -> String {
        let Self { kind, sector, severity, reference, .. } = self;
        format!("[Vigie] {}{kind} – {sector} – {severity} – réf. {reference}", self.prefix())
    }

    pub(crate) fn asks(&self) -> bool {
        self.purpose == Purpose::Acknowledge
    }

    pub(crate) fn is_undeliverable(&self) -> bool {
        self.purpose == Purpose::Undeliverable
    }
}

/// A label on one line: a line break in a header would start another header.
fn one_line(label: &str) -> String {
    label.split(|c: char| c.is_control()).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn facts_for(ambit: Ambit, name: &str) -> Facts {
        let zone = TimeZone::get(ZONE).unwrap();
        let alert = sample::alert(Purpose::Acknowledge);
        let body = sample::body(ambit, name);
        Facts::new(&alert, &body, "Chef d'établissement", None, "https://x".to_owned(), &zone, sample::now())
    }

    #[test]
    fn a_school_is_addressed_by_its_function_and_never_named() {
        let school = facts_for(Ambit::School("0750655E".parse().unwrap()), "Collège Georges Rouault");
        assert_eq!(school.recipient, "Chef d'établissement");
        let mairie = facts_for(Ambit::City, "Mairie du 19e arrondissement");
        assert_eq!(mairie.recipient, "Mairie du 19e arrondissement (Chef d'établissement)");
    }

    #[test]
    fn a_message_says_only_what_is_on_this_list() {
        // A new field of the alert or of the incident stops compiling here: decide whether people may be told.
        let vigie_proto::event::AlertIssuedV1 {
            alert_id: _,
            incident,
            purpose: _,
            generation: _,
            steps: _,
            body: _,
            role: _,
            contact: _,
            channel: _,
            fallback: _,
            unreachable: _,
            issued_at: _,
        } = sample::alert(Purpose::Acknowledge);
        let vigie_proto::event::IncidentSnapshot {
            id: _,
            reference: _,
            version: _,
            kind: _,
            kind_label: _,
            severity: _,
            status: _,
            sector: _,
            sector_label: _,
            also_concerns: _,
            place_label: _,
            expected_at: _,
            opened_at: _,
        } = incident;
        let facts = facts_for(Ambit::City, "SCOP");
        assert!(!facts.subject().contains(char::is_control));
    }

    #[test]
    fn a_label_cannot_start_another_header() {
        assert_eq!(one_line("Rixe\r\nBcc: x@y.z\n"), "Rixe Bcc: x@y.z");
    }
}
