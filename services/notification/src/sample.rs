//! One alert and one probe of each purpose, as the tests of this crate see them.

use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;
use vigie_domain::directory::{Ambit, Body};
use vigie_proto::{
    AlertId, Channel, CrisisRegime, DeliveryId, IncidentId, IncidentStatus, Nature, ProbeId, Severity,
    event::{
        AlertIssuedV1, FallbackContact, IncidentSnapshot, Known, ProbeIssuedV1, ProbePurpose, Purpose, Recipient,
        Whereabouts,
    },
    signal::Weapons,
};

use crate::{
    delivery::Delivery,
    letter::Letter,
    wording::{
        self,
        alert::{Facts, Reason, Request},
        probe::{self, Ask},
    },
};

pub(crate) fn now() -> Timestamp {
    "2026-11-23T14:40:00Z".parse().unwrap()
}

pub(crate) fn alert(purpose: Purpose) -> AlertIssuedV1 {
    let incident = IncidentSnapshot {
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
        whereabouts: Whereabouts {
            quartier: Some("quartier Amérique".to_owned()),
            exact: Some("Collège Georges Brassens".to_owned()),
            at: None,
        },
        known: Known { count: Some(30), weapons: Some(Weapons::Suspected), facts: Vec::new() },
    };
    let to = Recipient {
        body: "mairie-19".parse().unwrap(),
        role: "mairie".parse().unwrap(),
        contact: "mairie-19-mail".parse().unwrap(),
        channel: Channel::Email,
    };
    let (id, steps) = (AlertId(Uuid::from_u128(7)), vec!["boucle-rixe/premier-appel".to_owned()]);
    AlertIssuedV1 {
        generation: 1,
        fallback: vec![FallbackContact { channel: Channel::Sms, contact: "mairie-19-sms".parse().unwrap() }],
        ..AlertIssuedV1::new(id, incident, purpose, steps, to, now())
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
        reason: Reason::default(),
        kind: alert.incident.kind_label.clone(),
        severity: alert.incident.severity.label(),
        level: alert.incident.severity,
        sector: alert.incident.sector_label.clone(),
        place: alert.incident.place_in_words(),
        spot: alert.incident.spot().unwrap_or_default().to_owned(),
        known: alert.incident.facts_in_words(),
        expected: alert.incident.expected_at.map(at),
        opened: at(alert.incident.opened_at),
        reference: alert.incident.reference,
        recipient: "Mairie du 19e arrondissement (Mairie d'arrondissement)".to_owned(),
        link: (purpose == Purpose::Acknowledge).then(|| format!("https://vigie.example.org/a/{}", "A".repeat(38))),
        seen_link: None,
        card: "https://vigie.example.org/contact.vcf".to_owned(),
        exercise: false,
        guidance: Vec::new(),
        owed: None,
        also: Vec::new(),
        request: None,
    }
}

/// What a request for a resource says.
pub(crate) fn request_facts() -> Facts {
    Facts {
        link: Some(format!("https://vigie.example.org/m/{}", "A".repeat(38))),
        request: Some(Request {
            what: "Équipe Parisienne de Médiation (EPM)".to_owned(),
            short: "EPM".to_owned(),
            by: "aujourd'hui 15\u{a0}h\u{a0}50".to_owned(),
        }),
        guidance: vec!["Une équipe de médiation est demandée pour cet événement.".to_owned()],
        ..facts(Purpose::Mobilise)
    }
}

pub(crate) fn probe(purpose: ProbePurpose) -> ProbeIssuedV1 {
    ProbeIssuedV1 {
        probe_id: ProbeId(Uuid::from_u128(11)),
        purpose,
        drill: None,
        body: "mairie-19".parse().unwrap(),
        role: "mairie".parse().unwrap(),
        contact: "mairie-19-mail".parse().unwrap(),
        channel: Channel::Email,
        issued_at: now(),
        expires_at: "2026-11-24T08:30:00Z".parse().unwrap(),
    }
}

pub(crate) fn probe_facts(purpose: ProbePurpose) -> probe::Facts {
    probe::Facts {
        ask: match purpose {
            ProbePurpose::Drill => Ask::Press { link: format!("https://vigie.example.org/t/{}", "A".repeat(48)) },
            ProbePurpose::Verification => Ask::SendBack { code: "042137".to_owned() },
            ProbePurpose::Notice => Ask::Nothing,
        },
        recipient: "Mairie du 19e arrondissement (Mairie d'arrondissement)".to_owned(),
        until: "demain 9\u{a0}h\u{a0}30".to_owned(),
    }
}

/// The first attempt at `letter`, by e-mail.
pub(crate) fn delivery(letter: Letter) -> Delivery {
    Delivery {
        id: DeliveryId(Uuid::from_u128(13)),
        letter,
        channel: Channel::Email,
        contact: "mairie-19-mail".parse().unwrap(),
        elsewhere: None,
        fallback: Vec::new(),
        attempt: 1,
        lease_until: now(),
        cause: None,
        traceparent: None,
    }
}
