//! Subjects of the one stream `VIGIE`. Nothing else in the house spells a subject.

use crate::{Channel, Kind, SectorId};

/// The stream every event is kept in.
pub const STREAM: &str = "VIGIE";
/// What the stream captures.
pub const ALL: &str = "vigie.>";
/// Prefix of the dead letters, outside [`ALL`] so that a dead letter cannot be consumed as an event.
pub const DEAD_LETTER: &str = "dead.vigie";

pub const ACT_RECORDED: &str = "vigie.act.recorded";
pub const ACT_REJECTED: &str = "vigie.act.rejected";
pub const STEP_SETTLED: &str = "vigie.escalation.step-settled";
pub const CHARGE_LAPSED: &str = "vigie.escalation.charge-lapsed";
pub const INDICATOR_COUNTED: &str = "vigie.indicator.counted";
pub const WORDS_READ: &str = "vigie.words.read";
pub const CONFIGURATION_PROPOSED: &str = "vigie.configuration.proposed";
pub const CONFIGURATION_DECIDED: &str = "vigie.configuration.decided";
pub const DOCTRINE_ACTIVATED: &str = "vigie.doctrine.activated";
pub const DIRECTORY_CHANGED: &str = "vigie.directory.changed";
pub const DUTY_HANDED_OVER: &str = "vigie.duty.handed-over";
pub const SECURITY_NOTED: &str = "vigie.security.noted";

/// `vigie.signal.raised.<kind>`
pub fn signal_raised(kind: &Kind) -> String {
    format!("vigie.signal.raised.{kind}")
}

/// `vigie.incident.<verb>.<sector>.<kind>`: a partner can be allowed exactly its own sector.
pub fn incident(verb: &str, sector: &SectorId, kind: &Kind) -> String {
    format!("vigie.incident.{verb}.{sector}.{kind}")
}

/// `vigie.alert.issued.<channel>`
pub fn alert_issued(channel: Channel) -> String {
    format!("vigie.alert.issued.{channel}")
}

/// `vigie.delivery.<verb>.<channel>`
pub fn delivery(verb: &str, channel: Channel) -> String {
    format!("vigie.delivery.{verb}.{channel}")
}

/// `vigie.probe.<verb>.<channel>`
pub fn probe(verb: &str, channel: Channel) -> String {
    format!("vigie.probe.{verb}.{channel}")
}

/// `vigie.crisis.<verb>.<sector>`
pub fn crisis(verb: &str, sector: &SectorId) -> String {
    format!("vigie.crisis.{verb}.{sector}")
}

/// Subject filters that cover every subject of an event type, for a consumer.
///
/// Returns none for an unknown type name.
pub fn filter_of(type_name: &str) -> Option<String> {
    let name = type_name.strip_suffix(".v1")?;
    let tail = match name.split('.').nth(1)? {
        "signal" | "delivery" | "alert" | "probe" | "crisis" => ".*",
        "incident" => ".*.*",
        _ => "",
    };
    Some(format!("{name}{tail}"))
}
