//! E-mail: as many workers as connections, each with its own, all taking from one line.

pub(crate) mod connection;
mod message;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use vigie_platform::telemetry;
use vigie_proto::event::DeliveryFailure;

use self::connection::{Line, SendError, Server};
pub(crate) use self::message::Sender;
use self::message::Written;
use crate::{
    delivery::{Delivery, Outcome, Report},
    line::Waiting,
    recorder::Note,
    retry,
    writer::Writer,
};

/// An idle connection is asked whether it still stands this often; servers hang up after minutes (RFC 5321, 4.5.3.2).
const KEEP_WARM: Duration = Duration::from_secs(20);

/// What every e-mail worker shares.
pub(crate) struct Mailroom {
    pub(crate) server: Arc<Server>,
    pub(crate) sender: Sender,
    pub(crate) writer: Arc<Writer>,
    pub(crate) alerts: Mutex<Waiting>,
    pub(crate) probes: Mutex<Waiting>,
    pub(crate) notes: mpsc::Sender<Note>,
}

impl Mailroom {
    /// One worker. Finishes the exchange in hand when told to stop, and gives back what waits in line.
    ///
    /// With `probes` it also sends probes when no alert waits. One worker does: whatever holds a probe up, the others'
    /// connections stay free.
    pub(crate) async fn work(self: Arc<Self>, probes: bool, stop: CancellationToken) -> anyhow::Result<()> {
        let mut line = Line::new(Arc::clone(&self.server));
        line.keep_warm().await;
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                taken = next(&self.alerts) => taken,
                taken = next(&self.probes), if probes => taken,
                () = tokio::time::sleep(KEEP_WARM) => {
                    line.keep_warm().await;
                    continue;
                }
            };
            let Some(delivery) = taken else { break };
            let report = self.attempt(delivery, &mut line).await;
            if self.notes.send(Note::Attempt(report)).await.is_err() {
                anyhow::bail!("the recorder has gone");
            }
        }
        crate::give_back(&mut *self.alerts.lock().await, &self.notes).await;
        crate::give_back(&mut *self.probes.lock().await, &self.notes).await;
        line.close().await;
        Ok(())
    }

    async fn attempt(&self, delivery: Box<Delivery>, line: &mut Line) -> Report {
        let span = tracing::info_span!(
            "attempt", otel.name = "attempt email", otel.kind = "client", channel = "email",
            delivery.id = %delivery.id, delivery.attempt = delivery.attempt,
            letter = delivery.letter.kind().code(),
            incident.id = delivery.letter.incident().map(tracing::field::display)
        );
        telemetry::continue_trace(&span, delivery.traceparent.as_deref());
        let traceparent = telemetry::traceparent_of(&span, delivery.traceparent.as_deref());
        let outcome = self.send(&delivery, line).instrument(span).await;
        Report { delivery, outcome, traceparent }
    }

    async fn send(&self, delivery: &Delivery, line: &mut Line) -> Outcome {
        let now = self.writer.now();
        if delivery.is_late(now) {
            return Outcome::Never(DeliveryFailure::Exhausted);
        }
        if !delivery.has_time_for(longest(&self.server), now) {
            return Outcome::Untouched;
        }
        match self.message(delivery, now) {
            Ok(Some(Written { message, text })) => match line.send(&message).await {
                Ok(()) => Outcome::Taken { provider_ids: Vec::new(), shown: self.writer.shown(delivery, &text) },
                Err(SendError::Connect(_)) => Outcome::NotNow("the mail server is out of reach"),
                Err(SendError::Slow) => Outcome::NotNow("the mail server took too long"),
                Err(SendError::Exchange(error)) => {
                    let outcome = retry::after_smtp_error(&error);
                    // The code only: the text often repeats the address.
                    let code = error.status().map(|code| code.to_string());
                    tracing::info!(smtp.code = code, ?outcome, "the mail server did not take a message");
                    outcome
                }
            },
            Ok(None) => Outcome::Never(DeliveryFailure::UnknownContact),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "an e-mail could not be written");
                Outcome::Never(DeliveryFailure::Refused)
            }
        }
    }

    /// The e-mail; none when the contact is no longer in the directory.
    fn message(&self, delivery: &Delivery, now: Timestamp) -> anyhow::Result<Option<Written>> {
        let Some((address, words)) = self.writer.write(delivery, now) else { return Ok(None) };
        let to = address.parse()?;
        self.sender.message(delivery.id, delivery.letter.incident(), to, &words).map(Some)
    }
}

async fn next(line: &Mutex<Waiting>) -> Option<Box<Delivery>> {
    line.lock().await.recv().await
}

/// The longest an exchange can take, opening included.
pub(crate) fn longest(server: &Server) -> SignedDuration {
    SignedDuration::try_from(server.timeout).unwrap_or(SignedDuration::MAX)
}
