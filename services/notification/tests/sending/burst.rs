//! A drill of the whole city arrives at once, and an alert overtakes it.

use jiff::SignedDuration;
use vigie_proto::{
    Channel,
    event::{Event, ProbePurpose},
};

use crate::support::{
    alert, house,
    mail::{self, body, header},
    phone, probe, until,
};

fn drill(channel: Channel, size: usize) -> Vec<Event> {
    (0..size).map(|_| probe(ProbePurpose::Drill, channel).into()).collect()
}

fn is_alert(mail: &str) -> bool {
    header(mail, "X-Vigie-Reference").is_some()
}

#[tokio::test]
async fn an_alert_leaves_ahead_of_the_thousand_probes_that_came_before_it() {
    let (mut house, server, _gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    // The narrowest way out: one connection for both.
    house.config.email.connections = 1;
    house.append(drill(Channel::Email, 1_000)).await;
    house.serve().await;
    until("the drill is under way", async || (server.taken().len() >= 20).then_some(())).await;
    let alert = alert(Channel::Email, &[]);
    let ahead = server.taken().len();
    house.append([alert.into()]).await;
    let position = until("the alert's mail", async || server.taken().iter().position(|mail| is_alert(mail))).await;
    // The few that left while the journal was being looked into; in turn, it would have been 1,000.
    assert!(position - ahead < 200, "{} probes left between the alert and its mail", position - ahead);
}

#[tokio::test]
async fn a_mail_server_that_keeps_probes_waiting_holds_one_connection_and_the_others_carry_alerts() {
    let (mut house, server, _gateway) = house(mail::Mood::Mute, phone::Mood::Delivers).await;
    house.config.email.connections = 3;
    house.config.email.timeout_s = 60;
    house.append(drill(Channel::Email, 1_000)).await;
    house.serve().await;
    until("a probe without an answer", async || (server.taken().len() == 1).then_some(())).await;
    let fresh = alert(Channel::Email, &[]);
    // Issued a while ago: the sweep looks at it first, and finds it among all that is due.
    let mut belated = alert(Channel::Email, &[]);
    belated.issued_at -= SignedDuration::from_mins(1);
    house.append([belated.into(), fresh.into()]).await;
    let mails = until("two more mails", async || Some(server.taken()).filter(|mails| mails.len() > 2)).await;
    assert_eq!(mails.iter().map(|mail| is_alert(mail)).collect::<Vec<_>>(), [false, true, true]);
}

#[tokio::test]
async fn a_gateway_that_keeps_probes_waiting_has_one_at_a_time_and_takes_alerts() {
    let (mut house, _server, gateway) = house(mail::Mood::Takes, phone::Mood::Mute).await;
    house.config.sms.timeout_s = 60;
    house.append(drill(Channel::Sms, 1_000)).await;
    house.serve().await;
    until("a probe without an answer", async || (gateway.taken().len() == 1).then_some(())).await;
    house.append([alert(Channel::Sms, &[]).into()]).await;
    let texts = until("a second SMS", async || Some(gateway.taken()).filter(|texts| texts.len() > 1)).await;
    assert!(texts.len() == 2 && texts[0].starts_with("ESSAI") && texts[1].starts_with("VIGIE Grave"), "{texts:?}");
}

#[tokio::test]
async fn two_processes_share_a_drill_and_send_each_probe_once() {
    let (mut house, server, _gateway) = house(mail::Mood::Takes, phone::Mood::Delivers).await;
    house.append(drill(Channel::Email, 100)).await;
    house.serve().await;
    house.serve().await;
    let sent = "select count(*) from notification.delivery where state = 'sent'";
    until("every result", async || (house.count(sent).await == 100).then_some(())).await;
    let mut links: Vec<_> =
        server.taken().iter().map(|mail| body(mail).lines().find(|l| l.contains("/t/")).unwrap().to_owned()).collect();
    links.sort_unstable();
    links.dedup();
    assert_eq!((links.len(), server.taken().len()), (100, 100));
}
