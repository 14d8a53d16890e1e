//! CloudEvents 1.0 attributes in NATS headers (binary mode of the NATS binding, 1.0.3 draft: prefix `ce-`), and W3C
//! `traceparent` beside them.

use jiff::Timestamp;

use crate::{EventId, event::Event};

pub const SPEC_VERSION: &str = "ce-specversion";
pub const ID: &str = "ce-id";
pub const TYPE: &str = "ce-type";
pub const SOURCE: &str = "ce-source";
pub const TIME: &str = "ce-time";
pub const DATA_CONTENT_TYPE: &str = "ce-datacontenttype";
pub const DATA_SCHEMA: &str = "ce-dataschema";
pub const CAUSATION_ID: &str = "ce-causationid";
/// The starting trace, as the CloudEvents tracing extension asks for several hops.
pub const CE_TRACEPARENT: &str = "ce-traceparent";
/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// JetStream's de-duplication key: the event id.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Everything beside an event's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub id: EventId,
    pub type_name: String,
    /// `/vigie/<service>`, ASCII.
    pub source: String,
    pub time: Timestamp,
    /// The event this one follows from.
    pub cause: Option<EventId>,
    /// W3C `traceparent` of the span that wrote it.
    pub traceparent: Option<String>,
}

/// An event of the journal with what its envelope says, for whoever plays its story again.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub id: EventId,
    /// The event this one follows from.
    pub cause: Option<EventId>,
    /// When it was recorded.
    pub at: Timestamp,
    pub event: Event,
}

impl Envelope {
    /// Header names and values, all printable ASCII.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let id = self.id.to_string();
        let mut headers = vec![
            (MESSAGE_ID, id.clone()),
            (SPEC_VERSION, "1.0".to_owned()),
            (ID, id),
            (TYPE, self.type_name.clone()),
            (SOURCE, self.source.clone()),
            (TIME, self.time.to_string()),
            (DATA_CONTENT_TYPE, "application/json".to_owned()),
            (DATA_SCHEMA, format!("/api/v1/schemas/{}.json", self.type_name)),
        ];
        if let Some(cause) = self.cause {
            headers.push((CAUSATION_ID, cause.to_string()));
        }
        if let Some(traceparent) = &self.traceparent {
            headers.push((TRACEPARENT, traceparent.clone()));
            headers.push((CE_TRACEPARENT, traceparent.clone()));
        }
        headers
    }

    /// Reads the attributes back; `get` answers the value of a header.
    pub fn from_headers<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, EnvelopeError> {
        let required = |name: &'static str| get(name).ok_or(EnvelopeError::Missing(name));
        let invalid = |name: &'static str| move |_| EnvelopeError::Invalid(name);
        Ok(Self {
            id: EventId(required(ID)?.parse().map_err(|_| EnvelopeError::Invalid(ID))?),
            type_name: required(TYPE)?.to_owned(),
            source: required(SOURCE)?.to_owned(),
            time: required(TIME)?.parse().map_err(invalid(TIME))?,
            cause: get(CAUSATION_ID).and_then(|id| id.parse().ok()).map(EventId),
            traceparent: get(TRACEPARENT).map(str::to_owned),
        })
    }
}

/// A message that is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("header `{0}` is missing: every event carries the CloudEvents attributes")]
    Missing(&'static str),
    #[error("header `{0}` cannot be read")]
    Invalid(&'static str),
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_envelope_survives_its_headers() {
        let envelope = Envelope {
            id: EventId(uuid::Uuid::from_u128(7)),
            type_name: "vigie.signal.raised.v1".into(),
            source: "/vigie/intake".into(),
            time: "2026-11-23T14:40:00.123456Z".parse().unwrap(),
            cause: Some(EventId(uuid::Uuid::from_u128(6))),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        };
        let headers: HashMap<_, _> = envelope.headers().into_iter().collect();
        assert_eq!(headers[MESSAGE_ID], headers[ID]);
        assert_eq!(Envelope::from_headers(|name| headers.get(name).map(String::as_str)), Ok(envelope));
        assert_eq!(Envelope::from_headers(|_| None), Err(EnvelopeError::Missing(ID)));
    }
}
