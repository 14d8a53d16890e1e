//! What an earlier version left behind is dealt with by this one.

use sqlx::migrate::Migrator;
use uuid::Uuid;
use vigie_platform::database::SchemaMigrations;
use vigie_proto::{
    Channel,
    event::{Event, ProbeOutcome, ProbePurpose},
};

use crate::support::{
    House, alert,
    mail::{self, MailServer, header},
    phone::{self, Gateway},
    probe,
};

/// The tables as they were before deliveries carried letters.
fn before_letters() -> SchemaMigrations {
    let SchemaMigrations { schema, migrator } = vigie_notification::migrations();
    let first = migrator.iter().filter(|migration| migration.version == 20_261_122_000_501).cloned().collect();
    SchemaMigrations { schema, migrator: Migrator::with_migrations(first) }
}

#[tokio::test]
async fn alerts_and_probes_from_before_the_upgrade_are_still_sent() {
    let (server, gateway) = (MailServer::start(mail::Mood::Takes).await, Gateway::start(phone::Mood::Delivers).await);
    let mut house = House::unmigrated(server.port, gateway.port).await;
    house.migrate(before_letters()).await;
    let (alert, probe) = (alert(Channel::Email, &[]), probe(ProbePurpose::Drill, Channel::Sms));
    // An alert that waits in the table, as the earlier version wrote it.
    let id = Uuid::new_v4();
    sqlx::query(
        "insert into notification.delivery
                (id, alert_id, incident_id, channel, contact, state, attempt, wake_at, owner, alert, fallback,
                 created_at, changed_at)
         values ($1, $2, $3, 'email', 'mail', 'due', 2, now(), 0, $4::text::jsonb, '[]', now(), now())",
    )
    .bind(id)
    .bind(alert.alert_id.0)
    .bind(alert.incident.id.0)
    .bind(serde_json::to_string(&alert).unwrap())
    .execute(&mut house.admin().await)
    .await
    .unwrap();
    // A probe journalled while the earlier version ran, whose mark has passed it.
    house.append([probe.clone().into()]).await;
    sqlx::query("insert into notification.watermark values ('notification', pg_snapshot_xmin(pg_current_snapshot())::text::bigint)")
        .execute(&mut house.admin().await)
        .await
        .unwrap();
    house.migrate(vigie_notification::migrations()).await;
    house.serve().await;
    let told = house.told_until(&alert, "vigie.delivery.sent.v1").await;
    assert!(matches!(told.as_slice(), [Event::DeliverySent(sent)] if sent.attempt == 3), "{told:?}");
    let mails = server.taken();
    assert_eq!(mails.len(), 1);
    assert_eq!(header(&mails[0], "Message-ID"), Some(format!("<{id}@example.org>").as_str()));
    house.settled_until(&probe, ProbeOutcome::Delivered).await;
    assert_eq!(gateway.taken().len(), 1);
}
