//! Probes: marked, with a link or a code that is theirs, by one channel only, and never too late.

use jiff::SignedDuration;
use vigie_platform::clock::{Clock, SystemClock};
use vigie_proto::{
    Channel, ProbeId,
    event::{DeliveryFailure, ProbeIssuedV1, ProbeOutcome, ProbePurpose},
};

use crate::support::{
    house,
    mail::{self, body, header},
    phone, probe, signer, until,
};

/// The probe whose page the link in `text` opens.
fn opened_by(text: &str) -> ProbeId {
    let (_, token) = text.split_once("/t/").unwrap();
    let token: String = token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    signer().verify_probe(&token, SystemClock.now()).unwrap()
}

fn failed(failure: DeliveryFailure) -> ProbeOutcome {
    ProbeOutcome::Failed { failure }
}

#[tokio::test]
async fn a_drill_leaves_as_one_marked_mail_whose_link_opens_it() {
    let (mut house, server, gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let probe = probe(ProbePurpose::Drill, Channel::Email);
    house.append([probe.clone().into()]).await;
    assert_eq!(house.settled_until(&probe, ProbeOutcome::Sent).await, [ProbeOutcome::Sent]);
    let mails = server.taken();
    assert_eq!((mails.len(), gateway.taken().len()), (1, 0));
    let text = body(&mails[0]);
    assert!(text.contains("ESSAI – CECI N'EST PAS UNE ALERTE. N'ENGAGEZ RIEN."), "{text}");
    assert!(text.contains("Mairie du 19e arrondissement (Mairie d'arrondissement)"), "{text}");
    assert_eq!(opened_by(&text), probe.probe_id);
    assert_eq!(header(&mails[0], "X-Vigie-Reference"), None);
}

#[tokio::test]
async fn a_drill_by_sms_is_marked_opens_by_its_link_and_its_receipt_is_kept() {
    let (mut house, server, gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let probe = probe(ProbePurpose::Drill, Channel::Sms);
    house.append([probe.clone().into()]).await;
    let settled = house.settled_until(&probe, ProbeOutcome::Delivered).await;
    assert_eq!(settled, [ProbeOutcome::Sent, ProbeOutcome::Delivered]);
    let texts = gateway.taken();
    assert_eq!((texts.len(), server.taken().len()), (1, 0), "one part, and no other channel");
    assert!(texts[0].starts_with("ESSAI VIGIE") && texts[0].contains("pas une alerte"), "{}", texts[0]);
    assert_eq!(opened_by(&texts[0]), probe.probe_id);
}

#[tokio::test]
async fn a_verification_carries_the_code_of_its_probe_by_either_channel() {
    let (mut house, server, gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let [mail, sms] = [Channel::Email, Channel::Sms].map(|channel| probe(ProbePurpose::Verification, channel));
    house.append([mail.clone().into(), sms.clone().into()]).await;
    house.settled_until(&mail, ProbeOutcome::Sent).await;
    house.settled_until(&sms, ProbeOutcome::Sent).await;
    let text = body(&server.taken()[0]);
    assert!(text.contains(&format!("Code : {}", signer().code(mail.probe_id))), "{text}");
    let text = &gateway.taken()[0];
    assert!(text.contains(&format!("Code {}", signer().code(sms.probe_id))), "{text}");
}

#[tokio::test]
async fn a_former_address_is_told_and_a_notice_without_one_goes_nowhere() {
    let (mut house, server, gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let [told, lost] = [Channel::Email, Channel::Sms].map(|channel| probe(ProbePurpose::Notice, channel));
    sqlx::query(
        "insert into directory.probe_address (probe, channel, address, expires_at)
         values ($1, 'email', 'former@example.org', now() + interval '1 hour')",
    )
    .bind(told.probe_id.0)
    .execute(&mut house.admin().await)
    .await
    .unwrap();
    house.append([told.clone().into(), lost.clone().into()]).await;
    assert_eq!(house.settled_until(&told, ProbeOutcome::Sent).await, [ProbeOutcome::Sent]);
    let failure = failed(DeliveryFailure::UnknownContact);
    assert_eq!(house.settled_until(&lost, failure).await, [failure]);
    let [mail] = &server.taken()[..] else { panic!("one mail") };
    assert_eq!(header(mail, "To"), Some("former@example.org"));
    let text = body(mail);
    assert!(text.contains("appelez la SCOP") && !text.contains("Code :") && !text.contains("/t/"), "{text}");
    assert!(gateway.taken().is_empty(), "whoever is in force now is not told that it was replaced");
}

#[tokio::test]
async fn a_refused_probe_fails_and_takes_no_other_channel() {
    let (mut house, _server, gateway) = house(mail::Mood::Refuses, phone::Mood::Delivers).await;
    house.serve().await;
    let refused = probe(ProbePurpose::Drill, Channel::Email);
    let gone = ProbeIssuedV1 { contact: "left-last-year".parse().unwrap(), ..probe(ProbePurpose::Drill, Channel::Sms) };
    house.append([refused.clone().into(), gone.clone().into()]).await;
    let failure = failed(DeliveryFailure::Refused);
    assert_eq!(house.settled_until(&refused, failure).await, [failure]);
    let failure = failed(DeliveryFailure::UnknownContact);
    assert_eq!(house.settled_until(&gone, failure).await, [failure]);
    assert_eq!(house.count("select count(*) from notification.delivery").await, 2);
    assert_eq!(house.count("select count(*) from journal.entry where type like 'vigie.delivery.%'").await, 0);
    assert!(gateway.taken().is_empty());
}

#[tokio::test]
async fn an_sms_that_did_not_arrive_fails_by_its_receipt_and_by_the_lack_of_one() {
    for (mood, failure) in
        [(phone::Mood::Fails, DeliveryFailure::Undelivered), (phone::Mood::Forgets, DeliveryFailure::NoReceipt)]
    {
        let (mut house, server, _gateway) = house(mail::Mood::Takes, mood).await;
        house.config.sms.receipt_within_s = 1;
        house.serve().await;
        let probe = probe(ProbePurpose::Drill, Channel::Sms);
        house.append([probe.clone().into()]).await;
        let settled = house.settled_until(&probe, failed(failure)).await;
        assert_eq!(settled, [ProbeOutcome::Sent, failed(failure)]);
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn a_screen_needs_no_sending() {
    let (mut house, _server, _gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let probe = probe(ProbePurpose::Drill, Channel::Screen);
    house.append([probe.clone().into()]).await;
    assert_eq!(house.settled_until(&probe, ProbeOutcome::Sent).await, [ProbeOutcome::Sent]);
}

#[tokio::test]
async fn a_probe_whose_process_died_leaves_again_under_the_same_message_id() {
    let (mut house, server, _gateway) = house(mail::Mood::Mute, phone::Mood::Delivers).await;
    house.config.email.timeout_s = 15;
    house.serve().await;
    let probe = probe(ProbePurpose::Drill, Channel::Email);
    house.append([probe.clone().into()]).await;
    until("a mail without an answer", async || (!server.taken().is_empty()).then_some(())).await;
    house.lose_power().await;
    server.becomes(mail::Mood::Takes);
    // The claim of the dead process lasts minutes still: its lock shows that it has gone.
    house.serve().await;
    assert_eq!(house.settled_until(&probe, ProbeOutcome::Sent).await, [ProbeOutcome::Sent]);
    let mails = server.taken();
    assert_eq!(mails.len(), 2);
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
}

#[tokio::test]
async fn an_expired_probe_is_not_sent() {
    let (mut house, server, _gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.serve().await;
    let good = probe(ProbePurpose::Drill, Channel::Email);
    let late = ProbeIssuedV1 { expires_at: good.issued_at, ..probe(ProbePurpose::Drill, Channel::Email) };
    // The later one is claimed second: once it has left, the first would have.
    house.append([late.clone().into(), good.clone().into()]).await;
    house.settled_until(&good, ProbeOutcome::Sent).await;
    let failure = failed(DeliveryFailure::Exhausted);
    assert_eq!(house.settled_until(&late, failure).await, [failure]);
    let mails = server.taken();
    assert_eq!(mails.len(), 1);
    assert_eq!(opened_by(&body(&mails[0])), good.probe_id);
}

#[tokio::test]
async fn a_probe_the_server_puts_off_is_given_up_before_it_expires() {
    let (mut house, server, _gateway) = house(mail::Mood::Busy, phone::Mood::Delivers).await;
    house.config.email.max_attempts = 1_000;
    house.serve().await;
    let mut probe = probe(ProbePurpose::Drill, Channel::Email);
    probe.expires_at = probe.issued_at + SignedDuration::from_secs(4);
    house.append([probe.clone().into()]).await;
    let failure = failed(DeliveryFailure::Exhausted);
    assert_eq!(house.settled_until(&probe, failure).await, [failure]);
    let attempts = house.count("select attempt::bigint from notification.delivery").await;
    assert!((2..1_000).contains(&attempts), "{attempts} attempts");
    assert_eq!(house.count("select count(*) from notification.delivery where wake_at is not null").await, 0);
    assert!(server.taken().is_empty());
}
