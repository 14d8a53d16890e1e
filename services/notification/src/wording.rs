//! What a message may say: labels of the alert, in French, and nothing a person wrote.
//!
//! Everything rendered comes from [`Facts`]. It holds no name of a school, no address, no free text, because the
//! alert has none; a new field here needs the same care.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use vigie_domain::directory::{Ambit, Body};
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

/// `aujourd'hui 16 h 30`, `demain 8 h`, else `lundi 23 novembre 16 h 30`. The spaces before and after `h` do not break.
pub(crate) fn moment(at: &Zoned, now: &Zoned) -> String {
    const DAYS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
    const MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    let relative = |days: i64| now.date().checked_add(days.days()).is_ok_and(|date| date == at.date());
    let day = if relative(0) {
        "aujourd'hui".to_owned()
    } else if relative(1) {
        "demain".to_owned()
    } else if relative(-1) {
        "hier".to_owned()
    } else {
        let weekday = DAYS[usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default() % 7];
        let month = MONTHS[usize::try_from(at.month() - 1).unwrap_or_default() % 12];
        let number = if at.day() == 1 { "1er".to_owned() } else { at.day().to_string() };
        format!("{weekday} {number} {month}")
    };
    match at.minute() {
        0 => format!("{day} {}\u{a0}h", at.hour()),
        minute => format!("{day} {}\u{a0}h\u{a0}{minute:02}", at.hour()),
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

    fn seen(at: &str, now: &str) -> String {
        let zone = TimeZone::get(ZONE).unwrap();
        let read = |text: &str| text.parse::<Timestamp>().unwrap().to_zoned(zone.clone());
        moment(&read(at), &read(now)).replace('\u{a0}', " ")
    }

    #[test]
    fn a_moment_is_told_by_the_clock_of_paris() {
        let now = "2026-11-23T14:40:00Z";
        assert_eq!(seen("2026-11-23T15:30:00Z", now), "aujourd'hui 16 h 30");
        assert_eq!(seen("2026-11-23T23:00:00Z", now), "demain 0 h");
        assert_eq!(seen("2026-11-22T07:05:00Z", now), "hier 8 h 05");
        assert_eq!(seen("2026-12-01T15:00:00Z", now), "mardi 1er décembre 16 h");
        assert_eq!(seen("2026-08-02T15:00:00Z", now), "dimanche 2 août 17 h");
    }

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
