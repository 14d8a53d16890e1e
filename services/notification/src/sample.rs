//! One alert, as the tests of this crate see it.

use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;
use vigie_domain::directory::{Ambit, Body};
use vigie_proto::{
    AlertId, Channel, CrisisRegime, IncidentId, IncidentStatus, Nature, Severity,
    event::{AlertIssuedV1, FallbackContact, IncidentSnapshot, Purpose},
};

use crate::wording::{self, Facts};

pub(crate) fn now() -> Timestamp {
    "2026-11-23T14:40:00Z".parse().unwrap()
}

pub(crate) fn alert(purpose: Purpose) -> AlertIssuedV1 {
    AlertIssuedV1 {
        alert_id: AlertId(Uuid::from_u128(7)),
        incident: IncidentSnapshot {
            id: IncidentId(Uuid::from_u128(9)),
            reference: "R-2026-000123".to_owned(),
            version: 1,
            kind: "rixe".parse().unwrap(),
            kind_label: "Rixe".to_owned(),
            severity: Severity::Serious,
            status: IncidentStatus::Open,
            sector: "paris-19".parse().unwrap(),
            sector_label: "19e arrondissement".to_owned(),
            also_concerns: Vec::new(),
            place_label: "abords d'un établissement scolaire".to_owned(),
            expected_at: Some("2026-11-23T15:30:00Z".parse().unwrap()),
            opened_at: "2026-11-23T14:38:00Z".parse().unwrap(),
            regime: CrisisRegime::None,
            nature: Nature::Real,
            precisions: Vec::new(),
        },
        purpose,
        generation: 1,
        steps: vec!["boucle-rixe/premier-appel".to_owned()],
        body: "mairie-19".parse().unwrap(),
        role: "mairie".parse().unwrap(),
        contact: "mairie-19-mail".parse().unwrap(),
        channel: Channel::Email,
        unreachable: None,
        also: Vec::new(),
        owed: None,
        guidance: Vec::new(),
        fallback: vec![FallbackContact { channel: Channel::Sms, contact: "mairie-19-sms".parse().unwrap() }],
        issued_at: now(),
    }
}

pub(crate) fn body(ambit: Ambit, name: &str) -> Body {
    Body {
        id: "mairie-19".parse().unwrap(),
        role: "mairie".parse().unwrap(),
        ambit,
        name: name.to_owned(),
        contacts: Vec::new(),
        roster: None,
    }
}

pub(crate) fn facts(purpose: Purpose) -> Facts {
    let alert = alert(purpose);
    let zone = TimeZone::get(wording::ZONE).unwrap();
    let at = |instant: Timestamp| {
        vigie_domain::french::moment(&instant.to_zoned(zone.clone()), &now().to_zoned(zone.clone()))
    };
    Facts {
        unreachable: (purpose == Purpose::Undeliverable).then(|| "Mairie du 19e arrondissement".to_owned()),
        purpose,
        aggravated: false,
        kind: alert.incident.kind_label.clone(),
        severity: alert.incident.severity.label(),
        sector: alert.incident.sector_label.clone(),
        place: alert.incident.place_label.clone(),
        expected: alert.incident.expected_at.map(at),
        opened: at(alert.incident.opened_at),
        reference: alert.incident.reference,
        recipient: "Mairie du 19e arrondissement (Mairie d'arrondissement)".to_owned(),
        link: (purpose == Purpose::Acknowledge).then(|| format!("https://vigie.example.org/a/{}", "A".repeat(48))),
        exercise: false,
        precisions: Vec::new(),
        guidance: Vec::new(),
        owed: None,
        also: Vec::new(),
    }
}
