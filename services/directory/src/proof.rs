//! What the prover says of the configuration in force: asked after every change and every day, since a roster's hole comes
//! nearer while nobody changes anything.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgPool, types::Json};
use tokio_util::sync::CancellationToken;
use vigie_domain::{
    check::{self, Level, Report},
    city::{City, CityHashes, InForce},
};
use vigie_platform::{
    Context,
    metrics::{Gauge, Labelled},
};

use crate::{DirectoryConfig, reachability};

/// Days examined.
const DAYS: u32 = 30;
/// How often it is looked whether something changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The last proof of a configuration, as stored.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Proof {
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
    /// Findings with file, line, moment, sectors and remedy; what is promised; what was examined.
    #[schema(value_type = Object)]
    pub(crate) report: serde_json::Value,
}

/// Proves what is in force until stopped.
pub(crate) async fn run(
    context: Context,
    config: Arc<DirectoryConfig>,
    in_force: InForce,
    pool: PgPool,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let findings = context.metrics.registrar.series("doctrine_findings", "What the prover found in force, by level");
    let every = Duration::from_secs(config.prove_every_h.saturating_mul(3_600));
    let mut due = tokio::time::Instant::now() + Duration::from_secs(config.prove_after_s);
    let mut proved: Option<CityHashes> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let city = in_force.get();
        let changed = proved.as_ref().is_some_and(|known| *known != city.hashes());
        if !changed && tokio::time::Instant::now() < due {
            continue;
        }
        match prove(&pool, &city, context.clock.now(), &findings).await {
            Ok(()) => {
                proved = Some(city.hashes());
                due = tokio::time::Instant::now() + every;
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "what is in force could not be proved; trying again");
                due = tokio::time::Instant::now() + Duration::from_secs(30);
            }
        }
    }
}

/// Proves `city` with what drills found, keeps the report, and says loudly what does not hold.
async fn prove(pool: &PgPool, city: &Arc<City>, now: Timestamp, findings: &Labelled<Gauge>) -> anyhow::Result<()> {
    let found = reachability::found(pool, city, now).await?;
    let tried = Arc::clone(city);
    let report = tokio::task::spawn_blocking(move || check::check(&tried.with_reachability(&found), now, DAYS))
        .await
        .context("the prover failed")?;
    let errors = report.errors().count();
    let warnings = report.findings.len() - errors;
    for (level, count) in [("error", errors), ("warning", warnings)] {
        findings.get_or_create(&[("level", level)]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    for finding in report.findings.iter().filter(|finding| finding.level == Level::Error) {
        tracing::error!(
            code = finding.code,
            file = finding.file,
            line = finding.line,
            "what is in force does not hold: see `vigie doctrine check` or /api/v1/configurations/proof"
        );
    }
    keep(pool, city, &report, now).await
}

async fn keep(pool: &PgPool, city: &City, report: &Report, now: Timestamp) -> anyhow::Result<()> {
    let hashes = city.hashes();
    let day = now.to_zoned(city.doctrine.zone.clone()).date();
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "insert into directory.proof (doctrine, directory, territory, from_day, report, at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (doctrine, directory, territory, from_day) do update set report = excluded.report, at = excluded.at",
        &hashes.doctrine,
        &hashes.directory,
        &hashes.territory,
        day.to_sqlx(),
        Json(report),
        now.to_sqlx()
    )
    .execute(&mut *tx)
    .await?;
    // The report of a day nobody will look at again.
    sqlx::query!(
        "delete from directory.proof where at < $1",
        (now - jiff::SignedDuration::from_hours(24 * 60)).to_sqlx()
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The last proof of these hashes.
pub(crate) async fn last(pool: &PgPool, hashes: &CityHashes) -> Result<Option<Proof>, sqlx::Error> {
    let proof = sqlx::query!(
        r#"select at, report as "report: Json<serde_json::Value>" from directory.proof where doctrine = $1 and directory = $2 and territory = $3
          order by at desc limit 1"#,
        &hashes.doctrine,
        &hashes.directory,
        &hashes.territory
    );
    proof.map(|row| Proof { at: row.at.to_jiff(), report: row.report.0 }).fetch_optional(pool).await
}
