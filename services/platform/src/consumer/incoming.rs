//! An event as the bus or the journal brings it, and what the bus is answered.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use vigie_proto::{EventId, envelope::Envelope};

use crate::{bus::Refusal, journal::Entry};

/// One event to look up in the journal, and the message that told of it when it came by the bus.
pub(super) struct Incoming {
    pub(super) id: EventId,
    pub(super) told: Option<Told>,
}

/// What a message says; believed only as far as the journal says the same.
pub(super) struct Told {
    pub(super) type_name: String,
    pub(super) message: Message,
}

impl Told {
    /// Why it is not `entry`, if it is not.
    pub(super) fn differs(&self, entry: &Entry) -> Option<Refusal> {
        if self.type_name != entry.envelope.type_name {
            Some(Refusal::Type)
        } else if self.message.subject.as_str() != entry.subject {
            Some(Refusal::Subject)
        } else if self.message.payload.as_ref() != entry.data.as_bytes() {
            Some(Refusal::Data)
        } else {
            None
        }
    }
}

impl Incoming {
    /// What a message of the bus tells of; the message itself when it does not say.
    pub(super) fn read(message: Message) -> Result<Self, Box<Message>> {
        let headers = message.headers.as_ref();
        match Envelope::from_headers(|name| headers?.get(name).map(async_nats::HeaderValue::as_str)) {
            Ok(Envelope { id, type_name, .. }) => Ok(Self { id, told: Some(Told { type_name, message }) }),
            Err(_) => Err(Box::new(message)),
        }
    }

    /// It is dealt with.
    pub(super) async fn acknowledge(&self) {
        if let Some(told) = &self.told
            && let Err(error) = told.message.ack().await
        {
            tracing::debug!(error = %error, "not acknowledged; the inbox will recognise it");
        }
    }

    /// It is to come again after `pause`.
    pub(super) async fn put_off(&self, pause: Duration) {
        if let Some(told) = &self.told
            && let Err(error) = told.message.ack_with(AckKind::Nak(Some(pause))).await
        {
            tracing::debug!(error = %error, "not refused; it comes again after the acknowledgement wait");
        }
    }
}
