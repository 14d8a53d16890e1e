//! `vigie bench intake`: signals accepted, that is committed, a second.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use super::{
    limit, progress,
    report::{Report, Row, per_second},
    stage::Stage,
};

/// Connections that post without a pause.
const CONNECTIONS: usize = 128;
/// Clients of the limit.
const CLIENTS: usize = 16;

/// Measures for `budget` each: the limit, the flood, half its rate, and the limit again.
pub(crate) async fn measure(stage: &Stage, budget: Duration) -> anyhow::Result<Report> {
    let options = stage.scratch.options();
    limit::prepare(&options).await?;
    progress("the limit: transactions of 16 Postgres clients");
    let before = limit::transactions(&options, CLIENTS, budget).await?;
    progress("warming up");
    stage.poster.flood(CONNECTIONS, Duration::from_secs(1)).await?;
    progress("as many signals as are taken");
    let started = Instant::now();
    let flood = stage.poster.flood(CONNECTIONS, budget).await?;
    let accepted_per_s = per_second(flood.accepted.len(), started.elapsed());
    progress("half that rate");
    let half = stage.poster.pace(accepted_per_s / 2.0, budget, CONNECTIONS).await?;
    progress("one at a time");
    let alone = stage.poster.flood(1, budget.min(Duration::from_secs(2))).await?;
    progress("the limit again");
    let after = limit::transactions(&options, CLIENTS, budget).await?;
    let posted = stage.poster.posted();
    let stored = stored(stage).await?;
    anyhow::ensure!(stored == posted, "{posted} signals were accepted but {stored} are stored");

    let per_s = f64::midpoint(before.per_s, after.per_s);
    let limit_is = format!(
        "{CLIENTS} clients, each a transaction like ours (inbox, state, journal, fsync): {:.0}/s before, {:.0}/s after",
        before.per_s, after.per_s
    );
    let (flooded, paced, alone) = (flood.answers(), half.answers(), alone.answers());
    Ok(Report {
        bench: "intake",
        rows: vec![
            Row::plain("signals accepted", accepted_per_s, "/s").beside(per_s, limit_is).at_least_times(1.0),
            Row::plain("at half that rate, p99", paced.percentile_ms(99), "ms").at_most(25.0),
            Row::plain("at half that rate, p50", paced.percentile_ms(50), "ms"),
            Row::plain("as many as are taken, p50", flooded.percentile_ms(50), "ms"),
            Row::plain("as many as are taken, p99", flooded.percentile_ms(99), "ms"),
            Row::plain("one at a time, p50", alone.percentile_ms(50), "ms"),
        ],
        notes: vec![
            format!(
                "{CONNECTIONS} connections to a process that runs intake and the relay, which hands each signal to JetStream;"
            ),
            "the load, Vigie, Postgres and NATS share this machine.".to_owned(),
            format!("Every one of the {posted} signals answered 202 was found in the table afterwards."),
        ],
    })
}

async fn stored(stage: &Stage) -> anyhow::Result<u64> {
    let mut connection = PgConnection::connect_with(&stage.scratch.options()).await?;
    let count: i64 = sqlx::query_scalar("select count(*) from intake.signal").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(count.unsigned_abs())
}
