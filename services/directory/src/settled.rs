//! Hears from whoever sends how far each probe's message came.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use vigie_platform::consumer::{Handler, Outbox, Received, Verdict};
use vigie_proto::{
    consumer::{self, Consumer},
    event::{DeliveryFailure, Event, ProbeOutcome},
};

/// The consumer of `vigie.probe.settled.v1`.
#[derive(Debug)]
pub(crate) struct Settled;

impl Handler for Settled {
    const CONSUMER: Consumer = consumer::DIRECTORY;
    type After = ();

    async fn handle(
        &self,
        tx: &mut PgConnection,
        events: &[Received],
        _now: Timestamp,
        _outbox: &mut Outbox,
    ) -> anyhow::Result<(Vec<Verdict>, ())> {
        let mut verdicts = Vec::with_capacity(events.len());
        for received in events {
            let Event::ProbeSettled(settled) = &received.fact.event else {
                verdicts.push(Verdict::Dead(format!("{} is not of a probe", received.fact.event.type_name())));
                continue;
            };
            let (state, failure) = match settled.outcome {
                ProbeOutcome::Sent => ("sent", None),
                ProbeOutcome::Delivered => ("delivered", None),
                ProbeOutcome::Failed { failure } => ("failed", Some(failure)),
            };
            // Facts may come in another order than they happened: a probe only moves forward, and an answer stands.
            sqlx::query!(
                "update directory.probe set state = $2, failure = $3, changed_at = $4
                  where id = $1 and state = any(case $2 when 'sent' then array['issued'] else array['issued', 'sent'] end)",
                settled.probe_id.0,
                state,
                failure.map(DeliveryFailure::code),
                settled.at.to_sqlx()
            )
            .execute(&mut *tx)
            .await?;
            verdicts.push(Verdict::Done);
        }
        Ok((verdicts, ()))
    }
}
