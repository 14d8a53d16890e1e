//! Alerts: sent once, retried, given to the next channel, and not told any more once answered.

use uuid::Uuid;
use vigie_proto::{
    ActId, Channel, IncidentStatus, SignalId,
    event::{Actor, AlertIssuedV1, DeliveryFailure, Event, IncidentAcknowledgedV1, IncidentOpenedV1, Through},
    plan::{OnRefusal, Plan, PlannedCircuit, SatisfiedBy},
};

use crate::support::{
    alert, house,
    mail::{self, header},
    phone, until,
};

fn names(told: &[Event]) -> Vec<&'static str> {
    told.iter().map(Event::type_name).collect()
}

#[tokio::test]
async fn an_alert_leaves_as_one_mail_under_its_deliverys_id_and_the_journal_says_so() {
    let (mut house, server, _gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let alert = alert(Channel::Email, &[Channel::Sms]);
    house.append([alert.clone().into()]).await;
    let told = house.told_until(&alert, "vigie.delivery.sent.v1").await;
    let [Event::DeliverySent(sent)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((sent.attempt, sent.channel), (1, Channel::Email));
    let mails = server.taken();
    assert_eq!(mails.len(), 1);
    assert_eq!(header(&mails[0], "Message-ID"), Some(format!("<{}@example.org>", sent.delivery_id).as_str()));
    assert_eq!(house.state_of(&alert, Channel::Email).await.as_deref(), Some("sent"));
}

#[tokio::test]
async fn a_refused_mail_becomes_an_sms_at_once_and_its_receipt_is_kept() {
    let (mut house, server, gateway) = house(mail::Mood::Refuses, phone::Mood::Delivers).await;
    house.serve().await;
    let alert = alert(Channel::Email, &[Channel::Sms]);
    house.append([alert.clone().into()]).await;
    let told = house.told_until(&alert, "vigie.delivery.delivered.v1").await;
    assert_eq!(names(&told), ["vigie.delivery.failed.v1", "vigie.delivery.sent.v1", "vigie.delivery.delivered.v1"]);
    let Event::DeliveryFailed(failed) = &told[0] else { panic!("{told:?}") };
    assert_eq!((failed.failure, failed.attempt, failed.next), (DeliveryFailure::Refused, 1, Some(Channel::Sms)));
    assert!(server.taken().is_empty());
    let texts = gateway.taken();
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("R-2026-000123") && texts[0].contains("/a/"), "{}", texts[0]);
}

#[tokio::test]
async fn a_receipt_finds_its_message_when_the_gateway_counts_in_two_bases() {
    for mood in [phone::Mood::CountsInTwoBases, phone::Mood::CountsInTwoOtherBases] {
        let (mut house, _server, gateway) = house(mail::Mood::Refuses, mood).await;
        house.serve().await;
        let alert = alert(Channel::Sms, &[Channel::Email]);
        house.append([alert.clone().into()]).await;
        let told = house.told_until(&alert, "vigie.delivery.delivered.v1").await;
        assert_eq!(names(&told), ["vigie.delivery.sent.v1", "vigie.delivery.delivered.v1"], "{mood:?}");
        assert_eq!(gateway.taken().len(), 1);
    }
}

#[tokio::test]
async fn without_a_receipt_the_next_channel_is_taken_and_after_the_last_a_dead_letter_is_written() {
    let (mut house, _server, gateway) = house(mail::Mood::Refuses, phone::Mood::Forgets).await;
    house.config.sms.receipt_within_s = 1;
    house.serve().await;
    let alert = alert(Channel::Sms, &[Channel::Email]);
    house.append([alert.clone().into()]).await;
    let told = house.told_until(&alert, "vigie.delivery.dead-lettered.v1").await;
    let failures: Vec<_> = told
        .iter()
        .filter_map(|event| if let Event::DeliveryFailed(e) = event { Some((e.failure, e.next)) } else { None })
        .collect();
    assert_eq!(failures, [(DeliveryFailure::NoReceipt, Some(Channel::Email)), (DeliveryFailure::Refused, None)]);
    assert_eq!(gateway.taken().len(), 1);
}

#[tokio::test]
async fn a_receipt_of_failure_takes_the_next_channel() {
    let (mut house, server, _gateway) = house(mail::Mood::Takes, phone::Mood::Fails).await;
    house.serve().await;
    let alert = alert(Channel::Sms, &[Channel::Email]);
    house.append([alert.clone().into()]).await;
    until("a mail", async || (!server.taken().is_empty()).then_some(())).await;
    let told = house.told(&alert).await;
    assert!(
        told.iter().any(|e| matches!(e, Event::DeliveryFailed(f) if f.failure == DeliveryFailure::Undelivered)),
        "{told:?}"
    );
}

#[tokio::test]
async fn power_lost_between_sending_and_recording_sends_again_under_the_same_message_id() {
    let (mut house, server, _gateway) = house(mail::Mood::Mute, phone::Mood::Delivers).await;
    house.config.email.timeout_s = 15;
    house.serve().await;
    let alert = alert(Channel::Email, &[]);
    house.append([alert.clone().into()]).await;
    until("a mail without an answer", async || (!server.taken().is_empty()).then_some(())).await;
    house.lose_power().await;
    assert_eq!(house.state_of(&alert, Channel::Email).await.as_deref(), Some("sending"));
    // The claim runs out: here at once, to spare the wait.
    sqlx::query("update notification.delivery set wake_at = now()").execute(&mut house.admin().await).await.unwrap();
    server.becomes(mail::Mood::Takes);
    house.serve().await;
    let told = house.told_until(&alert, "vigie.delivery.sent.v1").await;
    assert!(matches!(told.as_slice(), [Event::DeliverySent(sent)] if sent.attempt == 2), "{told:?}");
    let mails = server.taken();
    assert_eq!(mails.len(), 2);
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
}

#[tokio::test]
async fn two_processes_share_a_burst_and_send_each_alert_once() {
    let (mut house, server, _gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    house.serve().await;
    // More than both waiting lines hold: the rest waits in the table.
    let alerts: Vec<_> = (0..3_000).map(|_| alert(Channel::Email, &[])).collect();
    house.append(alerts.iter().cloned().map(Event::from)).await;
    // However long all of them take: as long as there are more, it goes on.
    let (mut mails, mut results) = (0, 0);
    while mails < alerts.len() {
        mails = until("more mails", async || Some(server.taken().len()).filter(|taken| *taken > mails)).await;
    }
    let sent = "select count(*) from notification.delivery where state = 'sent'";
    while usize::try_from(results).unwrap() < alerts.len() {
        results = until("more results", async || Some(house.count(sent).await).filter(|sent| *sent > results)).await;
    }
    let mut ids: Vec<_> = server.taken().iter().map(|m| header(m, "Message-ID").unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), server.taken().len()), (alerts.len(), alerts.len()));
}

#[tokio::test]
async fn once_the_acknowledgement_is_committed_no_retry_goes_out() {
    let (mut house, server, gateway) = house(mail::Mood::Busy, phone::Mood::Delivers).await;
    // Time to acknowledge before the retry, however slow the machine.
    house.config.email.retry_first_ms = 4_000;
    house.serve().await;
    let alert = alert(Channel::Email, &[Channel::Sms]);
    house.append([opened(&alert), alert.clone().into()]).await;
    until("a first refusal", async || {
        (house.state_of(&alert, Channel::Email).await.as_deref() == Some("due")).then_some(())
    })
    .await;
    house.append([acknowledged(&alert)]).await;
    server.becomes(mail::Mood::Takes);
    until("the delivery is cancelled", async || {
        (house.state_of(&alert, Channel::Email).await.as_deref() == Some("cancelled")).then_some(())
    })
    .await;
    // A later alert goes out: what was to leave before it has left.
    let later = self::alert(Channel::Email, &[]);
    house.append([later.clone().into()]).await;
    house.told_until(&later, "vigie.delivery.sent.v1").await;
    assert!(server.taken().len() == 1 && gateway.taken().is_empty());
    assert!(house.told(&alert).await.is_empty());
}

#[tokio::test]
async fn a_contact_that_left_the_directory_is_a_failure_and_a_screen_needs_no_sending() {
    let (mut house, _server, _gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let mut gone = alert(Channel::Email, &[Channel::Screen]);
    gone.contact = "left-last-year".parse().unwrap();
    house.append([gone.clone().into()]).await;
    let told = house.told_until(&gone, "vigie.delivery.sent.v1").await;
    assert!(
        matches!(told.as_slice(), [Event::DeliveryFailed(f), Event::DeliverySent(s)]
            if f.failure == DeliveryFailure::UnknownContact && s.channel == Channel::Screen),
        "{told:?}"
    );
}

fn opened(alert: &AlertIssuedV1) -> Event {
    let circuit = PlannedCircuit {
        id: "boucle-rixe".to_owned(),
        lines: "1179-1185".to_owned(),
        satisfied_by: SatisfiedBy::Anyone,
        steps: Vec::new(),
        on_refusal: OnRefusal::Wait,
        handover_within_s: 600,
        stale: None,
        guidance: None,
        counts: Vec::new(),
    };
    IncidentOpenedV1 {
        incident: alert.incident.clone(),
        signal_id: SignalId(Uuid::nil()),
        territory: String::new(),
        plan: Plan {
            doctrine: String::new(),
            circuits: vec![circuit],
            owed: Vec::new(),
            news: Vec::new(),
            one_message_by: Vec::new(),
        },
        accumulated: Vec::new(),
        in_the_wake_of: None,
        separated_from: None,
    }
    .into()
}

fn acknowledged(alert: &AlertIssuedV1) -> Event {
    let mut incident = alert.incident.clone();
    incident.version += 1;
    incident.status = IncidentStatus::Acknowledged;
    IncidentAcknowledgedV1 {
        incident,
        act_id: ActId(Uuid::new_v4()),
        by: Actor { body: alert.body.clone(), role: alert.role.clone(), through: Through::Link },
        seen_version: 1,
        counts_for: Some(vec!["boucle-rixe".to_owned()]),
        intervenes: Some(true),
        at: alert.issued_at,
    }
    .into()
}
