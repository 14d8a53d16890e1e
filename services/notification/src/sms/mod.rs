//! SMS: several submissions at once over one SMPP session.

pub(crate) mod gsm7;
pub(crate) mod message_id;
mod probe;
pub(crate) mod receipt;
pub(crate) mod smsc;
mod text;

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::SignedDuration;
use rusmpp::{
    extra::concatenation::SubmitSmMultipartExt,
    pdus::SubmitSm,
    types::{COctetString, OctetString},
    values::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton},
};
use rusmppc::{Client, error::Error as SmppError};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use vigie_platform::telemetry;
use vigie_proto::event::DeliveryFailure;

use crate::{
    delivery::{Delivery, Outcome, Report},
    letter::LetterKind,
    line::Waiting,
    recorder::Note,
    retry,
    wording::Words,
    writer::Writer,
};

/// How long a submission waits for a session that is being opened.
const SESSION_WITHIN: Duration = Duration::from_secs(2);
/// Octets of a concatenation header with an 8-bit reference (3GPP TS 23.040, section 9.2.3.24.1).
const HEADER: usize = 6;

/// The sender of SMS.
pub(crate) struct Switchboard {
    pub(crate) session: watch::Receiver<Option<Client>>,
    pub(crate) originator: Originator,
    pub(crate) writer: Arc<Writer>,
    pub(crate) notes: mpsc::Sender<Note>,
    /// Submissions that may await their answer at once.
    pub(crate) window: usize,
    pub(crate) timeout: Duration,
}

/// The sender shown on the telephone.
#[derive(Debug, Clone)]
pub(crate) struct Originator {
    address: COctetString<1, 21>,
    ton: Ton,
    npi: Npi,
}

impl Originator {
    /// Up to 11 letters and digits, or a number: international with `+`, else a short code.
    pub(crate) fn new(sender: &str) -> anyhow::Result<Self> {
        let (ton, npi) = match sender.strip_prefix('+') {
            Some(_) => (Ton::International, Npi::Isdn),
            None if sender.bytes().all(|c| c.is_ascii_digit()) => (Ton::NetworkSpecific, Npi::Isdn),
            None => (Ton::Alphanumeric, Npi::Unknown),
        };
        anyhow::ensure!(
            ton != Ton::Alphanumeric || (1..=11).contains(&sender.len()),
            "sms.sender must be up to 11 letters and digits, or a number"
        );
        let address = COctetString::from_str(sender.trim_start_matches('+')).context("sms.sender cannot be used")?;
        Ok(Self { address, ton, npi })
    }
}

impl Switchboard {
    pub(crate) async fn work(
        self,
        mut alerts: Waiting,
        mut probes: Waiting,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut pending = FuturesUnordered::new();
        // One probe at a time, and only when no alert waits: the window is for alerts.
        let mut probing = false;
        loop {
            let room = pending.len() < self.window.max(1);
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some::<Report>(report) = pending.next() => {
                    probing &= report.delivery.letter.kind() != LetterKind::Probe;
                    self.note(report).await?;
                    continue;
                }
                taken = alerts.recv(), if room => taken,
                taken = probes.recv(), if room && !probing => taken,
            };
            let Some(delivery) = taken else { break };
            probing |= delivery.letter.kind() == LetterKind::Probe;
            pending.push(self.attempt(delivery));
        }
        while let Some(report) = pending.next().await {
            self.note(report).await?;
        }
        crate::give_back(&mut alerts, &self.notes).await;
        crate::give_back(&mut probes, &self.notes).await;
        Ok(())
    }

    async fn note(&self, report: Report) -> anyhow::Result<()> {
        self.notes.send(Note::Attempt(report)).await.map_err(|_| anyhow::anyhow!("the recorder has gone"))
    }

    async fn attempt(&self, delivery: Box<Delivery>) -> Report {
        let span = tracing::info_span!(
            "attempt", otel.name = "attempt sms", otel.kind = "client", channel = "sms",
            delivery.id = %delivery.id, delivery.attempt = delivery.attempt,
            letter = delivery.letter.kind().code(),
            incident.id = delivery.letter.incident().map(tracing::field::display)
        );
        telemetry::continue_trace(&span, delivery.traceparent.as_deref());
        let traceparent = telemetry::traceparent_of(&span, delivery.traceparent.as_deref());
        let outcome = self.send(&delivery).instrument(span).await;
        Report { delivery, outcome, traceparent }
    }

    async fn send(&self, delivery: &Delivery) -> Outcome {
        let now = self.writer.now();
        if delivery.is_late(now) {
            return Outcome::Never(DeliveryFailure::Exhausted);
        }
        if !delivery.has_time_for(SignedDuration::try_from(self.timeout).unwrap_or(SignedDuration::MAX), now) {
            return Outcome::Untouched;
        }
        let Some((number, words)) = self.writer.write(delivery, now) else {
            return Outcome::Never(DeliveryFailure::UnknownContact);
        };
        let reference = delivery.id.0.as_bytes()[15];
        let text = match &words {
            Words::Alert(facts) => text::text(facts),
            Words::Probe(facts) => probe::text(facts),
        };
        let parts = match self.parts(&number, &text, reference) {
            Ok(parts) => parts,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "an SMS could not be written");
                return Outcome::Never(DeliveryFailure::Refused);
            }
        };
        let Some(client) = self.client().await else {
            return Outcome::NotNow("the SMS gateway is out of reach");
        };
        match tokio::time::timeout(self.timeout, submit(&client, parts)).await {
            Ok(Ok(provider_ids)) => Outcome::Taken { provider_ids, shown: self.writer.shown(delivery, &text) },
            Ok(Err(error)) => after_submit_error(&error),
            Err(_) => Outcome::NotNow("the SMS gateway took too long"),
        }
    }

    /// The session, waited for a little when it is being opened.
    async fn client(&self) -> Option<Client> {
        let mut session = self.session.clone();
        let open = tokio::time::timeout(SESSION_WITHIN, session.wait_for(Option::is_some)).await;
        open.ok()?.ok()?.clone()
    }

    /// One `submit_sm` for each segment.
    fn parts(&self, number: &str, text: &str, reference: u8) -> anyhow::Result<Vec<SubmitSm>> {
        let whole = SubmitSm::builder()
            .source_addr_ton(self.originator.ton)
            .source_addr_npi(self.originator.npi)
            .source_addr(self.originator.address.clone())
            .dest_addr_ton(Ton::International)
            .dest_addr_npi(Npi::Isdn)
            .destination_addr(COctetString::from_str(number.trim_start_matches('+'))?)
            // Store and forward, as the gateway does by default; the library's own default is another type of message.
            .esm_class(EsmClass::from(0))
            // A receipt of the final outcome, and nothing else.
            .registered_delivery(RegisteredDelivery::from(1))
            .data_coding(DataCoding::default())
            .short_message(OctetString::from_str("")?)
            .build();
        let size = if gsm7::is_one(text) { gsm7::SINGLE } else { gsm7::PART + HEADER };
        let parts =
            whole.multipart(text).max_short_message_size(size).reference_u8(reference).gsm7bit_unpacked().build()?;
        tracing::debug!(segments = parts.len(), "an SMS was cut into segments");
        Ok(parts)
    }
}

/// Submits the parts in order and returns the gateway's ids.
async fn submit(client: &Client, parts: Vec<SubmitSm>) -> Result<Vec<String>, SmppError> {
    let mut ids = Vec::with_capacity(parts.len());
    for part in parts {
        ids.push(message_id::kept(&client.submit_sm(part).await?.message_id().to_string()));
    }
    // Some gateways answer without an id; no receipt will find such a message, so its bound passes and the next
    // channel is taken.
    ids.retain(|id| !id.is_empty());
    Ok(ids)
}

fn after_submit_error(error: &SmppError) -> Outcome {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else happens to a session says nothing of the message"
    )]
    match error {
        SmppError::UnexpectedResponse { response } => {
            tracing::info!(smpp.status = ?response.status(), "the SMS gateway did not take a message");
            retry::after_submit_status(response.status())
        }
        SmppError::Encode(_) => Outcome::Never(DeliveryFailure::Refused),
        _ => Outcome::NotNow("the session with the SMS gateway broke off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_a_word_a_number_or_a_short_code() {
        assert_eq!(Originator::new("VIGIE").unwrap().ton, Ton::Alphanumeric);
        assert_eq!(Originator::new("+33600000000").unwrap().ton, Ton::International);
        assert_eq!(Originator::new("36000").unwrap().ton, Ton::NetworkSpecific);
        assert!(Originator::new("MAIRIE DE PARIS").is_err());
    }
}
