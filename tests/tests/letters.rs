//! Letters that are no alerts, through the whole house: from the journal, over the bus, out by mail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use jiff::SignedDuration;
use uuid::Uuid;
use vigie_platform::journal::{self, Entry};
use vigie_proto::{
    Channel, ProbeId,
    event::{Event, ProbeIssuedV1, ProbePurpose},
};
use vigie_tests::{Options, Stack, Vigie, now, small_city, wait};

/// A drill's probe of the small city's only mailbox.
fn probe() -> Event {
    ProbeIssuedV1 {
        probe_id: ProbeId(Uuid::new_v4()),
        purpose: ProbePurpose::Drill,
        drill: None,
        body: "desk".parse().unwrap(),
        role: "desk".parse().unwrap(),
        contact: "desk-mail".parse().unwrap(),
        channel: Channel::Email,
        issued_at: now(),
        expires_at: now() + SignedDuration::from_hours(1),
    }
    .into()
}

#[tokio::test]
async fn a_probe_goes_by_the_bus_to_its_contact_and_stays_out_of_every_count_of_alerts() {
    let stack = Stack::start().await;
    small_city::write(stack.folder());
    // Only the bus can bring it: the journal is looked into once at the start.
    let options = Options::default().city(stack.folder()).set("BUS__CATCH_UP_EVERY_MS", 600_000);
    let vigie = Vigie::start(&stack, options).await;
    let entry = Entry::new("directory", &probe(), now(), None, None);
    let mut connection = vigie.records().pool().acquire().await.unwrap();
    journal::append(&mut connection, &[entry]).await.unwrap();

    let mail = wait::for_some("the drill's mail", wait::PATIENCE, || async {
        stack.outbox.messages_to("email", "desk@").await.into_iter().next()
    })
    .await;
    let subject = mail.subject.unwrap_or_default();
    assert!(subject.starts_with("[Vigie] ESSAI – Vérification de joignabilité"), "{subject}");
    assert!(mail.links.iter().any(|link| link.contains("/t/")), "{:?}", mail.links);
    let settled = wait::for_some("it is settled", wait::PATIENCE, || async {
        vigie.records().events("vigie.probe.settled.v1", None).await.into_iter().next()
    })
    .await;
    assert_eq!(settled["outcome"]["went"], "sent");
    assert_eq!(vigie.records().count("select count(*) from journal.entry where type like 'vigie.delivery.%'").await, 0);
    let metrics = vigie.operator().get("/metrics").await.text;
    assert!(!metrics.contains("deliveries_sent_total{channel=\"email\"}"), "{metrics}");
}
