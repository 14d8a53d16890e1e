//! The words of a probe: a drill's question whether it arrived, or the code of a verification.
//!
//! They can be taken neither for an alert nor for its exercise: each begins with a word of its own, says that it is no
//! alert and that nothing is to be engaged, and names no event.

use jiff::{Timestamp, tz::TimeZone};
use vigie_domain::{directory::Body, french::moment};
use vigie_proto::event::ProbeIssuedV1;

use super::recipient;

/// The parts of a probe's message, each one line of French.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) ask: Ask,
    /// The function in which the recipient is asked, and its name unless it is a school's.
    pub(crate) recipient: String,
    /// When it is too late to answer.
    pub(crate) until: String,
}

/// The answer that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The button of the page that `link` opens.
    Press { link: String },
    /// Six digits, told to whoever administers the directory.
    SendBack { code: String },
    /// None: the address hears that it is one no more. The new one is not said.
    Nothing,
}

impl Facts {
    /// Gathers what `body` is told by `probe`, in the role of French name `role`, seen at `now`.
    pub(crate) fn new(
        probe: &ProbeIssuedV1,
        ask: Ask,
        body: &Body,
        role: &str,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Self {
        let at = |instant: Timestamp| instant.to_zoned(zone.clone());
        Self { ask, recipient: recipient(body, role), until: moment(&at(probe.expires_at), &at(now)) }
    }

    /// It only tells, and no answer is wanted.
    pub(crate) fn is_notice(&self) -> bool {
        self.ask == Ask::Nothing
    }

    pub(crate) fn subject(&self) -> &'static str {
        match self.ask {
            Ask::Press { .. } => {
                "[Vigie] ESSAI – Vérification de joignabilité : ce n’est pas une alerte, n’engagez rien"
            }
            Ask::SendBack { .. } => "[Vigie] VÉRIFICATION – Code d’un point de contact : ce n’est pas une alerte",
            Ask::Nothing => "[Vigie] ANNUAIRE – Point de contact remplacé : ce n’est pas une alerte",
        }
    }

    /// What stands above everything else.
    pub(crate) fn mark(&self) -> &'static str {
        match self.ask {
            Ask::Press { .. } => "ESSAI – ceci n’est pas une alerte. N’engagez rien.",
            Ask::SendBack { .. } => "VÉRIFICATION – ceci n’est pas une alerte. N’engagez rien.",
            Ask::Nothing => "ANNUAIRE – ceci n’est pas une alerte. N’engagez rien.",
        }
    }

    /// What the recipient is told first, one line.
    pub(crate) fn heading(&self) -> &'static str {
        match self.ask {
            Ask::Press { .. } => "Avez-vous bien reçu ce message\u{a0}?",
            Ask::SendBack { .. } => "Voici le code de votre point de contact",
            Ask::Nothing => "Ce point de contact vient d’être remplacé ou retiré",
        }
    }

    /// Why it was sent, one sentence.
    pub(crate) fn reason(&self) -> &'static str {
        match self.ask {
            Ask::Press { .. } => "Il ne se passe rien\u{a0}: Vigie vérifie que ses alertes peuvent vous joindre ici.",
            Ask::SendBack { .. } => {
                "Il ne se passe rien\u{a0}: Vigie vérifie que cette adresse est bien celle de ce destinataire."
            }
            Ask::Nothing => "Les alertes de ce destinataire ne viennent plus ici.",
        }
    }

    /// Label of [`Self::until`].
    pub(crate) fn term(&self) -> &'static str {
        match self.ask {
            Ask::Press { .. } => "Réponse attendue avant",
            Ask::SendBack { .. } => "Code valable jusqu’à",
            Ask::Nothing => "À signaler de préférence avant",
        }
    }

    /// What to do, and what happens otherwise.
    pub(crate) fn call(&self) -> (&'static str, &'static str) {
        match self.ask {
            Ask::Press { .. } => (
                "Ouvrez la page et appuyez sur son bouton. Ouvrir la page ne suffit pas.",
                "Sans réponse, ce point de contact est signalé comme injoignable. Ce lien vous est réservé : ne le transférez pas.",
            ),
            Ask::SendBack { .. } => (
                "Donnez ce code à la personne qui administre l’annuaire de Vigie, ou saisissez-le dans Vigie. Ne le donnez à personne d’autre.",
                "Sans ce code, ce point de contact reste non vérifié. Vous n’êtes pas ce destinataire\u{a0}? Ne faites rien.",
            ),
            Ask::Nothing => (
                "Si ce n’est pas vous, ni quelqu’un de votre service, appelez la SCOP.",
                "Si ce changement est voulu, ne faites rien.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use vigie_domain::directory::Ambit;
    use vigie_proto::event::ProbePurpose;

    use super::*;
    use crate::{sample, wording::ZONE};

    #[test]
    fn a_message_says_only_what_is_on_this_list() {
        // A new field of the probe stops compiling here: decide whether people may be told.
        let ProbeIssuedV1 {
            probe_id: _,
            purpose: _,
            drill: _,
            body: _,
            role: _,
            contact: _,
            channel: _,
            issued_at: _,
            expires_at: _,
        } = sample::probe(ProbePurpose::Drill);
    }

    #[test]
    fn a_school_is_asked_by_its_function_until_a_time_people_read() {
        let body = sample::body(Ambit::School("0750655E".parse().unwrap()), "Collège Georges Rouault");
        let ask = Ask::SendBack { code: "012345".to_owned() };
        let zone = TimeZone::get(ZONE).unwrap();
        let probe = sample::probe(ProbePurpose::Verification);
        let facts = Facts::new(&probe, ask, &body, "Chef d'établissement", &zone, sample::now());
        assert_eq!(facts.recipient, "Chef d'établissement");
        assert_eq!(facts.until, "demain 9\u{a0}h\u{a0}30");
    }

    #[test]
    fn no_probe_begins_like_an_alert_or_its_exercise() {
        for purpose in ProbePurpose::ALL {
            let facts = sample::probe_facts(purpose);
            for line in [facts.subject(), facts.mark()] {
                assert!(line.contains("pas une alerte") && !line.contains("EXERCICE"), "{line}");
            }
        }
    }
}
