//! The words of an alert.

use jiff::{Timestamp, tz::TimeZone};
use vigie_domain::{directory::Body, french::moment};
use vigie_proto::{
    Severity,
    event::{AlertIssuedV1, IncidentSnapshot, Purpose},
};

use super::{one_line, recipient};

/// The parts of a message, each one line of French.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) purpose: Purpose,
    /// Why it comes now.
    pub(crate) reason: Reason,
    pub(crate) kind: String,
    pub(crate) severity: &'static str,
    /// For its colours.
    pub(crate) level: Severity,
    pub(crate) sector: String,
    /// As fine as its recipient may know.
    pub(crate) place: String,
    /// The same in few words, for subjects and SMS; empty when only the kind of place is told.
    pub(crate) spot: String,
    pub(crate) expected: Option<String>,
    pub(crate) opened: String,
    pub(crate) reference: String,
    /// The function in which the recipient is told, and its name unless it is a school's.
    pub(crate) recipient: String,
    /// Who could not be reached, when that is what the message says.
    pub(crate) unreachable: Option<String>,
    /// Where to answer, only when an answer is asked.
    pub(crate) link: Option<String>,
    /// Where to say that one has seen it, when nothing else is asked: in e-mails only.
    pub(crate) seen_link: Option<String>,
    /// Where the sender's card is, for e-mails.
    pub(crate) card: String,
    /// Played, not real.
    pub(crate) exercise: bool,
    /// What is known of it: predefined facts, numbers, weapons, as far as its recipient may know.
    pub(crate) known: Vec<String>,
    /// What the doctrine wants kept in mind.
    pub(crate) guidance: Vec<String>,
    /// What is owed, when the message reminds of it.
    pub(crate) owed: Option<String>,
    /// Other events of the same hour, one line each.
    pub(crate) also: Vec<String>,
    /// The resource that is asked for.
    pub(crate) request: Option<Request>,
}

/// Why a message comes now, in words: nothing of a first call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Begins the subject; empty, or with a blank after it.
    pub(crate) prefix: String,
    /// Stands after `VIGIE` in an SMS, in as few characters as will do.
    pub(crate) short: String,
    /// A sentence without its full stop; empty when there is nothing to say.
    pub(crate) sentence: String,
}

/// A resource the recipient is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) what: String,
    /// For an SMS.
    pub(crate) short: String,
    /// When its answer is expected.
    pub(crate) by: String,
}

impl Facts {
    /// Gathers what `body` is told by `alert`, in the role of French name `role`, seen at `now`; `unreachable` is the
    /// function that could not be reached, if that is what it is about; `link` opens the acknowledgement page. Why it comes
    /// now is for whoever knows the directory to add.
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
        let at = |instant: Timestamp| moment(&instant.to_zoned(zone.clone()), &now.to_zoned(zone.clone()));
        Self {
            reason: Reason::default(),
            purpose: alert.purpose,
            kind: one_line(&incident.kind_label),
            severity: incident.severity.label(),
            level: incident.severity,
            sector: one_line(&incident.sector_label),
            place: one_line(&incident.place_in_words()),
            spot: one_line(incident.spot().unwrap_or_default()),
            expected: incident.expected_at.map(at),
            opened: at(incident.opened_at),
            reference: one_line(&incident.reference),
            recipient: recipient(body, role),
            unreachable: unreachable.map(one_line),
            // News of a crisis, of no plan, has no page of its own; nor has a message about many events.
            seen_link: (alert.purpose == Purpose::Inform && alert.generation > 0 && alert.also.is_empty())
                .then(|| link.clone()),
            link: asks(alert.purpose).then_some(link),
            card: String::new(),
            exercise: incident.nature.is_exercise(),
            known: incident.facts_in_words().iter().map(|phrase| one_line(phrase)).collect(),
            guidance: alert.guidance.iter().map(|text| one_line(text)).collect(),
            owed: alert.owed.as_deref().map(one_line),
            request: alert.request.as_ref().map(|request| Request {
                what: one_line(&request.what),
                short: one_line(&request.short),
                by: at(request.answer_by),
            }),
            also: alert.also.iter().map(|also| summary(&also.incident, &at(also.incident.opened_at))).collect(),
        }
    }

    /// First word of the subject, when the message is not a plain first call.
    pub(crate) fn prefix(&self) -> &str {
        match self.purpose {
            Purpose::Undeliverable => "Destinataire injoignable : ",
            Purpose::Inform if self.reason.prefix.is_empty() => "Information : ",
            Purpose::Confirm => "Toujours en charge ? ",
            Purpose::TakeOver => "Relève demandée : ",
            Purpose::Return => "Retour attendu : ",
            Purpose::Mobilise => "Demande de moyens : ",
            Purpose::Acknowledge | Purpose::Inform => &self.reason.prefix,
        }
    }

    /// Severity, kind, place and reference on one line: a telephone shows its first forty characters.
    pub(crate) fn subject(&self) -> String {
        let Self { kind, severity, reference, .. } = self;
        let sector = self.short_place();
        let mark = if self.exercise { "EXERCICE – " } else { "" };
        if !self.also.is_empty() {
            return format!("[Vigie] {mark}{} événements à lire, dont {kind} – {sector}", self.also.len() + 1);
        }
        if let Some(Request { short, .. }) = &self.request {
            return format!("[Vigie] {mark}{}{short} – {sector} – réf. {reference}", self.prefix());
        }
        format!("[Vigie] {mark}{}{severity} : {kind} – {sector} – réf. {reference}", self.prefix())
    }

    /// The place by its name and its sector in few words: `Collège Georges Brassens, 19e`.
    pub(crate) fn short_place(&self) -> String {
        let sector = self.sector.replace(" arrondissement", "");
        if self.spot.is_empty() { sector } else { format!("{}, {sector}", self.spot) }
    }

    /// What the recipient is told first, one line.
    pub(crate) fn heading(&self) -> &'static str {
        match self.purpose {
            Purpose::Undeliverable => "Un destinataire n’a pu être joint",
            Purpose::Acknowledge => "Votre prise en compte est demandée",
            Purpose::Confirm => "Avez-vous toujours cet événement en charge ?",
            Purpose::TakeOver => "On vous passe le relais : votre prise en compte est demandée",
            Purpose::Return => "Un retour est attendu de vous",
            Purpose::Mobilise => "Votre intervention est demandée",
            Purpose::Inform if !self.also.is_empty() => "À lire ensemble, pour votre information",
            Purpose::Inform => "Pour votre information",
        }
    }

    /// What to do with the link, one sentence, and what happens otherwise.
    pub(crate) fn call(&self) -> (&'static str, &'static str) {
        match self.purpose {
            Purpose::Confirm => (
                "Ouvrez la page et confirmez que vous avez toujours l’événement en charge. Ouvrir la page ne suffit pas.",
                "Sans réponse, la relance reprend auprès d’autres destinataires. Ce lien vous est réservé : ne le transférez pas.",
            ),
            Purpose::Return => (
                "Ouvrez la page et dites que le retour est fait, ou qu’aucune suite n’est connue. Ouvrir la page ne suffit pas.",
                "Sans réponse, ce rappel se répète. N’écrivez ici ni nom ni décision : le retour se fait par vos voies habituelles.",
            ),
            Purpose::Mobilise => (
                "Ouvrez la page pour accepter ou refuser, puis pour dire que vous partez et que vous êtes sur place. Ouvrir la page ne suffit pas.",
                "Sans réponse à temps, la demande passe à d’autres. Ce lien vous est réservé : ne le transférez pas.",
            ),
            Purpose::Acknowledge | Purpose::TakeOver | Purpose::Inform | Purpose::Undeliverable => (
                "Ouvrez la page et confirmez que vous prenez l’événement en compte. Ouvrir la page ne suffit pas.",
                "Sans prise en compte, l’alerte est relancée auprès d’autres destinataires. Ce lien vous est réservé : ne le transférez pas.",
            ),
        }
    }

    /// Background and text of the severity's badge, as CSS; each pair has a contrast of 4.5 to 1 at least.
    pub(crate) fn colours(&self) -> &'static str {
        match self.level {
            Severity::Fatal => "background:#1a1a1a;color:#ffffff;border:1px solid #ffffff",
            Severity::Serious => "background:#b3001b;color:#ffffff",
            Severity::Tension => "background:#ffd166;color:#1a1a1a",
            Severity::Watch => "background:#dfe5f2;color:#1a1a1a",
        }
    }

    /// Label of the button.
    pub(crate) fn button(&self) -> &'static str {
        match self.purpose {
            Purpose::Confirm => "Confirmer",
            Purpose::Return => "Donner le retour",
            Purpose::Mobilise => "Répondre à la demande",
            Purpose::Acknowledge | Purpose::TakeOver | Purpose::Inform | Purpose::Undeliverable => "Prendre en compte",
        }
    }

    pub(crate) fn is_undeliverable(&self) -> bool {
        self.purpose == Purpose::Undeliverable
    }
}

/// Purposes that ask for an answer through the link.
fn asks(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Acknowledge | Purpose::Confirm | Purpose::TakeOver | Purpose::Return | Purpose::Mobilise => true,
        Purpose::Inform | Purpose::Undeliverable => false,
    }
}

/// One event of a grouped message.
fn summary(incident: &IncidentSnapshot, opened: &str) -> String {
    let IncidentSnapshot { kind_label, sector_label, severity, reference, .. } = incident;
    let place = incident.place_in_words();
    one_line(&format!("{kind_label} – {sector_label} – {} – {place}, {opened} – {reference}", severity.label()))
}

#[cfg(test)]
mod tests {
    use vigie_domain::directory::Ambit;

    use super::*;
    use crate::{sample, wording::ZONE};

    fn facts_for(ambit: Ambit, name: &str) -> Facts {
        let zone = TimeZone::get(ZONE).unwrap();
        let alert = sample::alert(Purpose::Acknowledge);
        let body = sample::body(ambit, name);
        Facts::new(&alert, &body, "Chef d'établissement", None, "https://x".to_owned(), &zone, sample::now())
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
            also: _,
            owed: _,
            guidance: _,
            request: _,
            issued_at: _,
            owed_id: _,
            occasion: _,
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
            regime: _,
            nature: _,
            precisions: _,
            whereabouts: _,
            known: _,
        } = incident;
        let facts = facts_for(Ambit::City, "SCOP");
        assert!(!facts.subject().contains(char::is_control));
    }
}
