//! Who takes what from the bus: every durable consumer of the house. Nothing else in the house names one.

/// A durable pull consumer of the stream, made by whoever runs the relay and read by one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    /// Durable name, unique in the house; also the key of its inbox.
    pub name: &'static str,
    /// The service that reads it, which is also its schema and its user on the bus.
    pub service: &'static str,
    /// Event types it takes.
    pub types: &'static [&'static str],
}

/// Signals become incidents, acts change them.
pub const ROUTING: Consumer =
    Consumer { name: "routing", service: "routing", types: &["vigie.signal.raised.v1", "vigie.act.recorded.v1"] };

/// What happens to an incident moves its plan.
pub const ESCALATION: Consumer = Consumer {
    name: "escalation",
    service: "escalation",
    types: &[
        "vigie.incident.opened.v1",
        "vigie.incident.reinforced.v1",
        "vigie.incident.aggravated.v1",
        "vigie.incident.eased.v1",
        "vigie.incident.replanned.v1",
        "vigie.incident.acknowledged.v1",
        "vigie.incident.refused.v1",
        "vigie.incident.handed-over.v1",
        "vigie.incident.called.v1",
        "vigie.incident.return-given.v1",
        "vigie.incident.taken-back.v1",
        "vigie.incident.closed.v1",
        "vigie.incident.reopened.v1",
        "vigie.delivery.dead-lettered.v1",
    ],
};

/// Alerts become messages.
pub const NOTIFICATION: Consumer =
    Consumer { name: "notification", service: "notification", types: &["vigie.alert.issued.v1"] };

/// Probes become messages, beside the alerts and never before them.
pub const NOTIFICATION_PROBES: Consumer =
    Consumer { name: "notification-probes", service: "notification", types: &["vigie.probe.issued.v1"] };

/// What became of probes.
pub const DIRECTORY: Consumer =
    Consumer { name: "directory", service: "directory", types: &["vigie.probe.settled.v1"] };

/// Incidents that a crisis takes in.
pub const CRISIS: Consumer = Consumer {
    name: "crisis",
    service: "crisis",
    types: &["vigie.incident.opened.v1", "vigie.incident.reinforced.v1", "vigie.incident.aggravated.v1"],
};

/// Every consumer of the house.
pub const ALL: [Consumer; 6] = [ROUTING, ESCALATION, NOTIFICATION, NOTIFICATION_PROBES, DIRECTORY, CRISIS];

/// Services that read from the bus, each once, in the order of [`ALL`].
pub fn services() -> Vec<&'static str> {
    let mut services: Vec<&'static str> = ALL.iter().map(|consumer| consumer.service).collect();
    services.dedup();
    services
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{event::Event, subject};

    #[test]
    fn names_are_unique_and_every_type_is_an_event_with_a_subject() {
        let names: BTreeSet<&str> = ALL.iter().map(|consumer| consumer.name).collect();
        assert_eq!(names.len(), ALL.len());
        for consumer in ALL {
            for type_name in consumer.types {
                assert!(Event::TYPES.contains(type_name), "{}: {type_name}", consumer.name);
                assert!(subject::filter_of(type_name).is_some(), "{}: {type_name}", consumer.name);
            }
        }
    }
}
