//! `vigie bench grown`: what each page and list costs after years of service.
//!
//! The city is the configured one. Real signals are raised, told, answered and closed; then [`history`] tells each closed
//! incident again, ever earlier, until the journal has grown; then [`visit`] asks for every address, as whoever uses it.

mod history;
mod visit;

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::{
    city, progress,
    report::{Report, Row},
    stage::Stage,
};
use visit::Visitor;

/// What an answer may take.
const TARGET_MS: f64 = 50.0;
/// Signals raised for real; most of their incidents are closed and told again.
const STORIES: u64 = 120;
/// Of these, still open in the end.
const LEFT_OPEN: usize = 12;
/// As a city sees them: mostly what annoys, seldom what is grave.
const KINDS: [(&str, &str); 12] = [
    ("hall-occupation", "tension"),
    ("hall-occupation", "watch"),
    ("rixe", "watch"),
    ("hall-occupation", "tension"),
    ("suspicious-event", "tension"),
    ("rixe", "tension"),
    ("hall-occupation", "watch"),
    ("rixe", "watch"),
    ("hall-occupation", "tension"),
    ("rixe", "serious"),
    ("social-emergency", "tension"),
    ("hall-occupation", "watch"),
];
/// A minute of the doctrine lasts a second: some are told again before somebody answers.
pub(super) const TIME_SCALE: &str = "60";
const SETTLED_WITHIN: Duration = Duration::from_mins(3);

/// Grows a city to about `incidents` incidents and measures each address `times` times.
pub(super) async fn measure(stage: &Stage, incidents: u32, times: usize) -> anyhow::Result<Report> {
    let operator = Visitor::of(stage, "scop").await?;
    progress("raising, answering and closing real incidents");
    raise(&operator).await?;
    settled(stage).await?;
    close(&operator).await?;
    settled(stage).await?;
    let grown = history::grow(&stage.scratch.options(), incidents).await?;
    progress("asking for every address");
    let seen = visit::all(stage, &operator, times).await?;
    let mut rows = vec![
        Row::plain("facts in the journal", grown.entries, ""),
        Row::plain("incidents", grown.incidents, ""),
        Row::plain("database", grown.gigabytes, "GB"),
    ];
    rows.extend(
        seen.into_iter().map(|(address, took)| {
            Row::plain(format!("{address}, p90"), took.percentile_ms(90), "ms").at_most(TARGET_MS)
        }),
    );
    Ok(Report {
        bench: "grown",
        rows,
        notes: vec![
            format!(
                "Each address {times} times, one at a time, over a new connection, after one visit that is not counted;"
            ),
            "the process that answers, Postgres and the visitor share this machine.".to_owned(),
        ],
    })
}

async fn raise(operator: &Visitor) -> anyhow::Result<()> {
    for index in 0..STORIES {
        let mut report: Value = serde_json::from_str(&city::report(index))?;
        let (kind, severity) = KINDS[usize::try_from(index)? % KINDS.len()];
        report["kind"] = json!(kind);
        report["severity"] = json!(severity);
        let answer = operator.post("/api/v1/signals", &report).await?;
        anyhow::ensure!(answer.status == 202, "a signal was refused: {}", answer.text());
    }
    Ok(())
}

/// Takes charge of every incident and closes all that may be closed but a few.
async fn close(operator: &Visitor) -> anyhow::Result<()> {
    let mut open = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Value =
            serde_json::from_str(&operator.get(&format!("/api/v1/incidents?status=open{cursor}")).await?.text())?;
        open.extend(page["incidents"].as_array().context("a list of incidents")?.clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={}", next.replace('+', "%2B"));
    }
    for incident in open.iter().skip(LEFT_OPEN) {
        let (id, version) = (incident["id"].as_str().context("an incident has an id")?, &incident["version"]);
        operator.post(&format!("/api/v1/incidents/{id}/acknowledgements"), &json!({ "version": version })).await?;
        operator.post(&format!("/api/v1/incidents/{id}/notes"), &json!({ "text": "Équipe sur place." })).await?;
        operator.post(&format!("/api/v1/incidents/{id}/resolution"), &json!({ "reason": "resolved" })).await?;
    }
    Ok(())
}

/// Waits until the journal has stood still for a moment: everything due by then is told.
async fn settled(stage: &Stage) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(&stage.scratch.options()).await?;
    let (mut known, mut still) = (0_i64, 0);
    let until = tokio::time::Instant::now() + SETTLED_WITHIN;
    while still < 3 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let count = sqlx::query_scalar("select count(*) from journal.entry").fetch_one(&mut connection).await?;
        still = if count == known { still + 1 } else { 0 };
        known = count;
    }
    Ok(connection.close().await?)
}
