//! The e-mail of a delivery: subject, plain text, accessible HTML, and headers that stay the same at every attempt.

use anyhow::Context as _;
use askama::Template;
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use vigie_proto::{DeliveryId, IncidentId};

use crate::wording::{
    Words, alert,
    probe::{self, Ask},
};

#[derive(Template)]
#[template(path = "alert.txt", escape = "none")]
struct AlertText<'a> {
    facts: &'a alert::Facts,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertHtml<'a> {
    facts: &'a alert::Facts,
    subject: &'a str,
}

#[derive(Template)]
#[template(path = "probe.txt", escape = "none")]
struct ProbeText<'a> {
    facts: &'a probe::Facts,
}

#[derive(Template)]
#[template(path = "probe.html")]
struct ProbeHtml<'a> {
    facts: &'a probe::Facts,
}

/// What a reader sees of an e-mail.
struct Rendered {
    subject: String,
    text: String,
    html: String,
}

fn render(words: &Words) -> askama::Result<Rendered> {
    match words {
        Words::Alert(facts) => {
            let subject = facts.subject();
            let html = AlertHtml { facts, subject: &subject }.render()?;
            Ok(Rendered { text: AlertText { facts }.render()?, html, subject })
        }
        Words::Probe(facts) => Ok(Rendered {
            subject: facts.subject().to_owned(),
            text: ProbeText { facts }.render()?,
            html: ProbeHtml { facts }.render()?,
        }),
    }
}

/// Declares a header that holds one fixed name and a text.
macro_rules! text_header {
    ($type:ident, $name:literal) => {
        #[derive(Debug, Clone)]
        struct $type(String);

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    };
}
text_header!(AutoSubmitted, "Auto-Submitted");
text_header!(Reference, "X-Vigie-Reference");

/// An e-mail, and its text as its reader sees it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) message: Message,
    pub(crate) text: String,
}

/// Who Vigie's e-mails come from and answer to.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    from: Mailbox,
    reply_to: Mailbox,
}

impl Sender {
    pub(crate) fn new(from: &str, reply_to: &str) -> anyhow::Result<Self> {
        Ok(Self {
            from: from.parse().context("email.from is not `Name <address>`")?,
            reply_to: reply_to.parse().context("email.reply_to is not `Name <address>`")?,
        })
    }

    /// The whole e-mail to `to`.
    ///
    /// The Message-ID is the delivery's id, so that a repeated attempt is recognised as the same message. Messages of
    /// one incident share a thread; a probe stands alone.
    pub(crate) fn message(
        &self,
        delivery: DeliveryId,
        incident: Option<IncidentId>,
        to: Address,
        words: &Words,
    ) -> anyhow::Result<Written> {
        let domain = self.from.email.domain();
        let Rendered { subject, text, html } = render(words).context("cannot render the e-mail")?;
        let mut message = Message::builder()
            .from(self.from.clone())
            .reply_to(self.reply_to.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(Some(format!("<{delivery}@{domain}>")))
            // RFC 3834: answering machines must not answer it.
            .header(AutoSubmitted("auto-generated".to_owned()));
        if let Some(incident) = incident {
            let thread = format!("<incident-{incident}@{domain}>");
            message = message.in_reply_to(thread.clone()).references(thread);
        }
        if let Words::Alert(facts) = words {
            message = message.header(Reference(facts.reference.clone()));
        }
        let parts = MultiPart::alternative_plain_html(text.clone(), html);
        Ok(Written { message: message.multipart(parts).context("cannot build the e-mail")?, text })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vigie_proto::event::{ProbePurpose, Purpose};

    use super::*;
    use crate::{
        sample,
        wording::alert::{Facts, Reason},
    };

    fn plain(facts: &Facts) -> String {
        AlertText { facts }.render().unwrap()
    }

    fn html(facts: &Facts) -> String {
        AlertHtml { facts, subject: &facts.subject() }.render().unwrap()
    }

    #[test]
    fn a_subject_says_kind_sector_severity_and_reference_on_one_line() {
        let subject = |purpose| sample::facts(purpose).subject();
        assert_eq!(
            subject(Purpose::Acknowledge),
            "[Vigie] Grave : Rixe – Collège Georges Brassens, 19e – réf. R-2026-000123"
        );
        assert_eq!(
            subject(Purpose::Inform),
            "[Vigie] Information : Grave : Rixe – Collège Georges Brassens, 19e – réf. R-2026-000123"
        );
        assert_eq!(
            subject(Purpose::Undeliverable),
            "[Vigie] Destinataire injoignable : Grave : Rixe – Collège Georges Brassens, 19e – réf. R-2026-000123"
        );
        let reason = Reason { prefix: "Aggravation : ".to_owned(), ..Reason::default() };
        let aggravated = Facts { reason, ..sample::facts(Purpose::Acknowledge) };
        assert_eq!(
            aggravated.subject(),
            "[Vigie] Aggravation : Grave : Rixe – Collège Georges Brassens, 19e – réf. R-2026-000123"
        );
    }

    #[test]
    fn a_call_reads_well_as_plain_text() {
        insta::assert_snapshot!(plain(&sample::facts(Purpose::Acknowledge)));
    }

    #[test]
    fn a_call_reads_well_as_html() {
        insta::assert_snapshot!(html(&sample::facts(Purpose::Acknowledge)));
    }

    #[test]
    fn an_information_and_an_undeliverable_notice_read_well() {
        insta::assert_snapshot!("information", plain(&sample::facts(Purpose::Inform)));
        insta::assert_snapshot!("undeliverable", plain(&sample::facts(Purpose::Undeliverable)));
    }

    #[test]
    fn a_request_for_a_resource_reads_well() {
        let facts = sample::request_facts();
        assert_eq!(
            facts.subject(),
            "[Vigie] Demande de moyens : EPM – Collège Georges Brassens, 19e – réf. R-2026-000123"
        );
        insta::assert_snapshot!("request", plain(&facts));
        assert!(html(&facts).contains("href=\"https://vigie.example.org/m/"));
    }

    #[test]
    fn only_a_call_carries_a_link() {
        for purpose in [Purpose::Inform, Purpose::Undeliverable] {
            let facts = sample::facts(purpose);
            assert!(!plain(&facts).contains("http") && !html(&facts).contains("href"), "{purpose:?}");
        }
        assert!(html(&sample::facts(Purpose::Acknowledge)).contains("href=\"https://vigie.example.org/a/"));
    }

    #[test]
    fn an_information_may_carry_where_to_say_that_one_has_seen_it() {
        let link = "https://vigie.example.org/a/seen";
        let facts = Facts { seen_link: Some(link.to_owned()), ..sample::facts(Purpose::Inform) };
        assert!(plain(&facts).contains(link) && html(&facts).contains(link), "{}", plain(&facts));
        assert!(plain(&facts).contains("sans engager personne"), "{}", plain(&facts));
    }

    #[test]
    fn a_label_cannot_break_out_of_the_html() {
        let facts = Facts { place: "<script>alert(1)</script>".to_owned(), ..sample::facts(Purpose::Inform) };
        assert!(!html(&facts).contains("<script>"));
    }

    #[test]
    fn a_repeated_attempt_has_the_same_message_id_and_thread() {
        let sender = Sender::new("Vigie <vigie@example.org>", "SCOP <scop@example.org>").unwrap();
        let id = DeliveryId(Uuid::from_u128(1));
        let make = || {
            let to = "astreinte@mairie.example".parse().unwrap();
            let words = Words::Alert(Box::new(sample::facts(Purpose::Acknowledge)));
            let message = sender.message(id, Some(IncidentId(Uuid::from_u128(9))), to, &words).unwrap();
            String::from_utf8(message.message.formatted()).unwrap()
        };
        let head =
            |text: &str, name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        let (first, second) = (make(), make());
        for name in ["Message-ID:", "In-Reply-To:", "References:", "Reply-To:", "Auto-Submitted:", "X-Vigie-Reference:"]
        {
            assert!(!head(&first, name).is_empty(), "no {name} in {first}");
            assert_eq!(head(&first, name), head(&second, name));
        }
        assert_eq!(head(&first, "Message-ID:"), "Message-ID: <00000000-0000-0000-0000-000000000001@example.org>");
        assert!(first.is_ascii(), "no server needs 8BITMIME for it");
    }

    #[test]
    fn a_drill_reads_well() {
        let drill = rendered(ProbePurpose::Drill);
        insta::assert_snapshot!("drill_text", drill.text);
        insta::assert_snapshot!("drill_html", drill.html);
        assert!(drill.html.contains("href=\"https://vigie.example.org/t/"));
    }

    #[test]
    fn a_verification_reads_well_and_carries_no_link() {
        let verification = rendered(ProbePurpose::Verification);
        insta::assert_snapshot!("verification_text", verification.text);
        insta::assert_snapshot!("verification_html", verification.html);
        assert!(!verification.text.contains("http") && !verification.html.contains("href"));
    }

    #[test]
    fn a_probe_joins_no_thread_and_carries_no_reference() {
        let sender = Sender::new("Vigie <vigie@example.org>", "SCOP <scop@example.org>").unwrap();
        let words = Words::Probe(sample::probe_facts(ProbePurpose::Drill));
        let to = "astreinte@mairie.example".parse().unwrap();
        let message = sender.message(DeliveryId(Uuid::from_u128(1)), None, to, &words).unwrap();
        let message = String::from_utf8(message.message.formatted()).unwrap();
        assert!(message.contains("Message-ID: <00000000-0000-0000-0000-000000000001@example.org>"), "{message}");
        assert!(message.contains("Auto-Submitted: auto-generated"), "{message}");
        for name in ["In-Reply-To:", "References:", "X-Vigie-Reference:"] {
            assert!(!message.contains(name), "{message}");
        }
    }

    fn rendered(purpose: ProbePurpose) -> Rendered {
        render(&Words::Probe(sample::probe_facts(purpose))).unwrap()
    }
}
