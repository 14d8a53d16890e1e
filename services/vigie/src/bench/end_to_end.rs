//! `vigie bench end-to-end`: from a signal to the e-mail handed over, every step durable.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, Row as _};
use uuid::Uuid;

use super::{
    limit,
    load::Accepted,
    progress,
    report::{Durations, Report, Row, per_second},
    stage::Stage,
};

/// Signals a second at which the latency is measured, as the peers' was.
const CALM_PER_S: f64 = 50.0;
/// The rate to sustain.
const TARGET_PER_S: f64 = 1_500.0;
/// Rates tried one after the other until one is not kept up with.
pub(crate) const RATES_PER_S: [f64; 7] = [500.0, 1_000.0, TARGET_PER_S, 2_000.0, 2_500.0, 3_000.0, 4_000.0];
/// A rate is sustained when the last mail comes at most so long after the last signal: the backlog does not grow.
const BACKLOG: Duration = Duration::from_millis(500);
/// Longest wait for mails still on their way.
const STRAGGLERS: Duration = Duration::from_mins(1);
const CONNECTIONS: usize = 64;

/// Commits that must follow one another from the `POST` to the mail: the signal's, the incident's, the alert's, the
/// claim of the attempt. The record of the result comes after the mail.
const COMMITS: f64 = 4.0;
/// Messages between them.
const PUBLISHES: f64 = 3.0;

/// What a rate gave.
struct Run {
    signals: usize,
    /// From the `POST` due to be sent.
    from_post: Durations,
    /// From the `202` received.
    from_answer: Durations,
    answers: Durations,
    /// From the first signal to the last mail.
    elapsed: Duration,
    /// From the last answer to the last mail.
    backlog: Duration,
}

/// Measures the parts for a fifth of `budget` each, the latency at 50/s for `budget`, and so each of `rates`, signals a
/// second, until one is not sustained.
pub(crate) async fn measure(stage: &Stage, budget: Duration, rates: &[f64]) -> anyhow::Result<Report> {
    let options = stage.scratch.options();
    let short = budget / 5;
    progress("the unavoidable parts: a commit, a publication, a mail");
    limit::prepare(&options).await?;
    let commit_ms = limit::transactions(&options, 1, short).await?.durations.percentile_ms(50);
    let publish_ms = limit::publishes(&stage.bus, short).await?.percentile_ms(50);
    let mail_ms = limit::mails(stage.sink.address(), short).await?.percentile_ms(50);
    let after_answer_ms = (COMMITS - 1.0) * commit_ms + PUBLISHES * publish_ms + mail_ms;
    let whole_ms = after_answer_ms + commit_ms;

    progress("warming up");
    run(stage, 200.0, Duration::from_secs(2)).await?;
    progress("50 signals a second");
    let calm = run(stage, CALM_PER_S, budget).await?;
    let calm_hops = hops(stage, calm.signals).await?;
    let (mut sustained, mut runs) = (0.0, Vec::new());
    for &rate in rates {
        progress(&format!("{rate} signals a second"));
        let run = run(stage, rate, budget).await?;
        let kept_up = run.backlog <= BACKLOG;
        let hops = hops(stage, run.signals).await?;
        runs.push((rate, run, hops));
        if !kept_up {
            break;
        }
        sustained = rate;
    }

    let limit_is = |whole: bool| {
        format!(
            "{} commits of {commit_ms:.2} ms, {PUBLISHES} publications of {publish_ms:.2} ms, a mail of {mail_ms:.2} ms",
            if whole { COMMITS } else { COMMITS - 1.0 }
        )
    };
    let mut rows = vec![
        Row::plain("POST to mail at 50/s, p50", calm.from_post.percentile_ms(50), "ms")
            .beside(whole_ms, limit_is(true))
            .at_most_times(2.0),
        Row::plain("202 to mail at 50/s, p50", calm.from_answer.percentile_ms(50), "ms")
            .beside(after_answer_ms, limit_is(false))
            .at_most_times(2.0),
        Row::plain("202 to mail at 50/s, p90", calm.from_answer.percentile_ms(90), "ms"),
        Row::plain("202 to mail at 50/s, p99", calm.from_answer.percentile_ms(99), "ms").at_most(15.0),
    ];
    if !rates.is_empty() {
        rows.push(Row::plain("signals a second sustained", sustained, "/s").at_least(TARGET_PER_S));
    }
    rows.extend(hop_rows(CALM_PER_S, calm_hops));
    for (rate, run, hops) in runs {
        rows.push(Row::plain(format!("at {rate}/s: mails a second"), per_second(run.signals, run.elapsed), "/s"));
        rows.push(Row::plain(format!("at {rate}/s: 202 to mail, p50"), run.from_answer.percentile_ms(50), "ms"));
        rows.push(Row::plain(format!("at {rate}/s: 202 to mail, p99"), run.from_answer.percentile_ms(99), "ms"));
        rows.push(Row::plain(format!("at {rate}/s: 202, p99"), run.answers.percentile_ms(99), "ms"));
        rows.extend(hop_rows(rate, hops));
    }
    Ok(Report {
        bench: "end-to-end",
        rows,
        notes: vec![
            "Every signal opens an incident of its own, whose plan tells one body by e-mail.".to_owned(),
            "The load, every service, Postgres, NATS and the mail server share this machine.".to_owned(),
            format!(
                "A rate is sustained when the last mail comes within {} ms of the last signal.",
                BACKLOG.as_millis()
            ),
            "Every signal's mail arrived; the hops are medians between the facts of the journal.".to_owned(),
        ],
    })
}

/// Posts at `rate`, waits for every mail, pairs them.
async fn run(stage: &Stage, rate: f64, how_long: Duration) -> anyhow::Result<Run> {
    let started = Instant::now();
    let load = stage.poster.pace(rate, how_long, CONNECTIONS).await?;
    let last_answer = load.accepted.iter().map(|a| a.answered).max().unwrap_or(started);
    while stage.sink.count() < load.accepted.len() {
        anyhow::ensure!(
            last_answer.elapsed() < STRAGGLERS,
            "{} of {} mails had not come {} s after the last signal",
            load.accepted.len() - stage.sink.count(),
            load.accepted.len(),
            STRAGGLERS.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mails = stage.sink.take();
    let last_mail = mails.values().max().copied().unwrap_or(started);
    let references = references(stage, &load.accepted).await?;
    let pairs: Vec<(&Accepted, Instant)> = load
        .accepted
        .iter()
        .filter_map(|accepted| Some((accepted, *mails.get(references.get(&accepted.signal)?)?)))
        .collect();
    anyhow::ensure!(
        pairs.len() == load.accepted.len(),
        "only {} of {} mails could be paired",
        pairs.len(),
        mails.len()
    );
    Ok(Run {
        signals: pairs.len(),
        from_post: Durations::new(pairs.iter().map(|(accepted, mail)| *mail - accepted.due).collect()),
        // A mail may come before the answer has been read: then it took no time.
        from_answer: Durations::new(
            pairs.iter().map(|(accepted, mail)| mail.saturating_duration_since(accepted.answered)).collect(),
        ),
        answers: load.answers(),
        elapsed: last_mail - started,
        backlog: last_mail.saturating_duration_since(last_answer),
    })
}

/// The incident's reference of each signal.
async fn references(stage: &Stage, accepted: &[Accepted]) -> anyhow::Result<HashMap<Uuid, String>> {
    let mut connection = PgConnection::connect_with(&stage.scratch.options()).await?;
    let rows = sqlx::query(
        "select s.signal_id, i.reference from routing.incident_signal s join routing.incident i on i.id = s.incident_id
          where s.signal_id = any($1)",
    )
    .bind(accepted.iter().map(|a| a.signal).collect::<Vec<_>>())
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    rows.iter().map(|row| Ok((row.try_get("signal_id")?, row.try_get("reference")?))).collect()
}

fn hop_rows(rate: f64, hops: Vec<(&'static str, Durations)>) -> impl Iterator<Item = Row> {
    hops.into_iter().map(move |(hop, of)| Row::plain(format!("at {rate}/s: {hop}"), of.percentile_ms(50), "ms"))
}

/// How long after each fact the next was taken up, for the last `count` signals: where the time goes.
async fn hops(stage: &Stage, count: usize) -> anyhow::Result<Vec<(&'static str, Durations)>> {
    let mut connection = PgConnection::connect_with(&stage.scratch.options()).await?;
    let mut hops = Vec::new();
    for (name, from, to) in [
        ("signal to incident, p50", "vigie.signal.raised.v1", "vigie.incident.opened.v1"),
        ("incident to alert, p50", "vigie.incident.opened.v1", "vigie.alert.issued.v1"),
        ("alert to mail recorded, p50", "vigie.alert.issued.v1", "vigie.delivery.sent.v1"),
    ] {
        let seconds: Vec<f64> = sqlx::query_scalar(
            "select greatest(extract(epoch from next.recorded_at - this.recorded_at), 0)::float8
               from journal.entry next join journal.entry this on this.event_id = next.cause
              where this.type = $1 and next.type = $2 order by next.seq desc limit $3",
        )
        .bind(from)
        .bind(to)
        .bind(i64::try_from(count)?)
        .fetch_all(&mut connection)
        .await?;
        hops.push((name, Durations::new(seconds.into_iter().map(Duration::from_secs_f64).collect())));
    }
    connection.close().await?;
    Ok(hops)
}
