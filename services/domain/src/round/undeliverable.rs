//! Whom to tell that somebody could not be reached.

use jiff::Timestamp;
use vigie_proto::{
    AlertId, RoleId,
    event::{AlertIssuedV1, DeliveryDeadLetteredV1, IncidentSnapshot, Purpose, Recipient},
};

use crate::{city::City, doctrine::Situation};

/// Alerts that somebody could not be reached; none about such an alert itself, or it would never end. `incident` is as it
/// stands, where that is known: what was told to whom nobody reached may be less than they may know who are told instead.
pub(super) fn alerts(
    dead: &DeliveryDeadLetteredV1,
    incident: &IncidentSnapshot,
    city: &City,
    now: Timestamp,
    fresh: &mut impl FnMut() -> AlertId,
) -> Vec<AlertIssuedV1> {
    if dead.purpose == Purpose::Undeliverable {
        return Vec::new();
    }
    let role = city.directory.body(&dead.body).map(|body| body.role.clone());
    let situation = Situation {
        kind: dead.incident.kind.clone(),
        severity: dead.incident.severity,
        raised_by: role.unwrap_or_else(|| RoleId::new("unknown").expect("a plain word is a token")),
        sectors: vec![dead.incident.sector.clone()],
        neighbours: Vec::new(),
        school: None,
        schools_around: Vec::new(),
        raiser: None,
        regime: dead.incident.regime,
        nature: dead.incident.nature,
        expected_at: None,
    };
    // Once for a body and an incident, however many of its contact points failed.
    let steps = vec![format!("undeliverable/{}", dead.body)];
    let channels = city.undeliverable_channels(&situation.kind);
    let mut alerts = Vec::new();
    for target in city.undeliverable_targets(&situation) {
        for body in city.directory.bodies_of(&target) {
            for contact in channels.iter().flat_map(|channel| body.reach(*channel, target.rank, now)) {
                let (contact, channel) = (contact.id.clone(), contact.channel);
                let to = Recipient { body: body.id.clone(), role: body.role.clone(), contact, channel };
                let incident = city.told(incident, &to, &[]);
                alerts.push(AlertIssuedV1 {
                    unreachable: Some(dead.body.clone()),
                    ..AlertIssuedV1::new(fresh(), incident, Purpose::Undeliverable, steps.clone(), to, now)
                });
            }
        }
    }
    alerts
}
