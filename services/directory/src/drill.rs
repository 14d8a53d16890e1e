//! The reachability drill: every contact point is asked to answer once; the report says who cannot be reached.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, Zoned};
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vigie_domain::{
    city::{City, InForce},
    directory::{Ambit, Recipient},
};
use vigie_platform::{Context, ids, journal::Entry};
use vigie_proto::{BodyId, Channel, ContactId, DrillId, SectorId, event::ProbePurpose};

use crate::{
    DirectoryConfig,
    probe::{self, Cause},
};

/// How often it is looked whether a regular drill is due.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Whom a drill tries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// E-mail and SMS when empty; a screen is in the house.
    pub(crate) channels: Vec<Channel>,
    /// Everywhere when empty.
    pub(crate) sectors: Vec<SectorId>,
}

impl Scope {
    fn channels(&self) -> Vec<Channel> {
        if self.channels.is_empty() { vec![Channel::Email, Channel::Sms] } else { self.channels.clone() }
    }

    /// The contact points to try, in order of body.
    pub(crate) fn recipients<'a>(&self, city: &'a City) -> Vec<Recipient<'a>> {
        let channels = self.channels();
        let within = |ambit: &Ambit| self.sectors.is_empty() || self.sectors.contains(&place(city, ambit));
        let bodies = city.directory.bodies().filter(|body| within(&body.ambit));
        bodies
            .flat_map(|body| body.contacts.iter().map(move |contact| Recipient { body, contact }))
            .filter(|recipient| channels.contains(&recipient.contact.channel))
            .collect()
    }
}

/// Where a body counts: the city's under a name of their own.
fn place(city: &City, ambit: &Ambit) -> SectorId {
    let own = match ambit {
        Ambit::City => None,
        Ambit::Sector(sector) => Some(sector.clone()),
        Ambit::School(uai) => city.territory.school(uai).map(|school| school.sector.clone()),
    };
    own.unwrap_or_else(|| SectorId::new("city").expect("a token of letters"))
}

/// Opens a drill. `month` names a regular one, of which a month has one: none is opened twice.
pub(crate) async fn open(
    pool: &PgPool,
    city: &City,
    scope: &Scope,
    answer_within: SignedDuration,
    month: Option<&str>,
    by: Option<&str>,
    now: Timestamp,
) -> Result<Option<(DrillId, usize, Vec<Entry>)>, sqlx::Error> {
    let id = DrillId(ids::fresh());
    let recipients = scope.recipients(city);
    let mut tx = pool.begin().await?;
    let opened = sqlx::query!(
        "insert into directory.drill (id, month, channels, sectors, opened_at, closes_at, opened_by)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (month) do nothing",
        id.0,
        month,
        scope.channels().iter().map(|channel| channel.code()).collect::<Vec<_>>() as _,
        scope.sectors.iter().map(SectorId::as_str).collect::<Vec<_>>() as _,
        now.to_sqlx(),
        (now + answer_within).to_sqlx(),
        by
    )
    .execute(&mut *tx)
    .await?;
    if opened.rows_affected() == 0 {
        return Ok(None);
    }
    let cause = Cause { purpose: ProbePurpose::Drill, drill: Some(id), by: None };
    let (_, entries) = probe::issue(&mut tx, &recipients, cause, answer_within, now).await?;
    tx.commit().await?;
    Ok(Some((id, recipients.len(), entries)))
}

/// Opens the regular drill of each month until stopped.
pub(crate) async fn run(
    context: Context,
    config: Arc<DirectoryConfig>,
    in_force: InForce,
    pool: PgPool,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if config.drill_day == 0 {
        stop.cancelled().await;
        return Ok(());
    }
    loop {
        let (city, now) = (in_force.get(), context.clock.now());
        if let Some(month) = due(&config, &now.to_zoned(city.doctrine.zone.clone())) {
            match open(&pool, &city, &Scope::default(), config.answer_within(), Some(&month), None, now).await {
                Ok(Some((id, contacts, entries))) => {
                    tracing::info!(drill.id = %id, contacts, "the drill of the month has begun");
                    context.fresh.push(entries);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = %error, "the drill of the month could not be opened; trying again");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// The month whose drill is due at `local`: from its hour to the end of its day. A day missed is not made up for at night.
fn due(config: &DirectoryConfig, local: &Zoned) -> Option<String> {
    let today = local.day() == config.drill_day && local.hour() >= config.drill_hour;
    today.then(|| local.strftime("%Y-%m").to_string())
}

/// How a drill stands, or stood.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DrillReport {
    pub(crate) id: DrillId,
    #[schema(value_type = String)]
    pub(crate) opened_at: Timestamp,
    /// Nobody's answer counts from then on.
    #[schema(value_type = String)]
    pub(crate) closes_at: Timestamp,
    /// Answers may still come.
    pub(crate) open: bool,
    /// The month of a regular drill, `2026-12`.
    pub(crate) month: Option<String>,
    pub(crate) by_channel: Vec<Tally>,
    pub(crate) by_sector: Vec<Tally>,
    /// Whoever has not answered, worst first: given up, then silent.
    pub(crate) unreached: Vec<Unreached>,
}

/// Contact points of one channel or sector, by how far their message came.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct Tally {
    /// A channel, or a sector (`city` for the city's own bodies).
    pub(crate) of: String,
    /// French name of it.
    pub(crate) label: String,
    pub(crate) asked: u32,
    pub(crate) answered: u32,
    /// Sent, no answer yet, or never.
    pub(crate) silent: u32,
    /// Given up: refused, or not delivered.
    pub(crate) failed: u32,
}

/// One contact point that did not answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Unreached {
    pub(crate) body: BodyId,
    /// French name.
    pub(crate) body_name: String,
    pub(crate) contact: ContactId,
    pub(crate) channel: Channel,
    pub(crate) sector: SectorId,
    /// `silent`, or why it was given up: `refused`, `exhausted`, `no-receipt`, `undelivered`, `unknown-contact`.
    pub(crate) why: String,
}

/// The report of a drill; none when there is no such drill.
pub(crate) async fn report(
    pool: &PgPool,
    city: &City,
    id: DrillId,
    now: Timestamp,
) -> Result<Option<DrillReport>, sqlx::Error> {
    let Some(drill) = sqlx::query!("select month, opened_at, closes_at from directory.drill where id = $1", id.0)
        .fetch_optional(pool)
        .await?
    else {
        return Ok(None);
    };
    let rows = sqlx::query!(
        "select contact, body, channel, state, failure from directory.probe where drill = $1 order by body, contact",
        id.0
    )
    .fetch_all(pool)
    .await?;
    let (mut by_channel, mut by_sector) = (BTreeMap::<String, Tally>::new(), BTreeMap::<String, Tally>::new());
    let mut unreached = Vec::new();
    for row in rows {
        let (Ok(body), Ok(contact)) = (BodyId::new(row.body), ContactId::new(row.contact)) else { continue };
        let (channel, state) = (row.channel, row.state);
        let known = city.directory.body(&body);
        let sector = known.map_or_else(|| place(city, &Ambit::City), |body| place(city, &body.ambit));
        let labels = [channel_label(&channel).to_owned(), sector_label(city, &sector).to_owned()];
        let tallies = [(&mut by_channel, channel.clone()), (&mut by_sector, sector.to_string())];
        for ((tallies, of), label) in tallies.into_iter().zip(labels) {
            let tally = tallies.entry(of.clone()).or_insert_with(|| Tally { of, label, ..Tally::default() });
            tally.count(&state);
        }
        if state != "answered" {
            unreached.push(Unreached {
                body_name: known.map_or_else(|| body.to_string(), |body| body.name.clone()),
                body,
                contact,
                channel: vigie_platform::database::coded(&channel, "channel")?,
                sector,
                why: row.failure.unwrap_or_else(|| "silent".to_owned()),
            });
        }
    }
    unreached.sort_by_key(|unreached| unreached.why == "silent");
    let closes_at = drill.closes_at.to_jiff();
    Ok(Some(DrillReport {
        id,
        opened_at: drill.opened_at.to_jiff(),
        closes_at,
        open: now < closes_at,
        month: drill.month,
        by_channel: by_channel.into_values().collect(),
        by_sector: by_sector.into_values().collect(),
        unreached,
    }))
}

impl Tally {
    fn count(&mut self, state: &str) {
        self.asked += 1;
        match state {
            "answered" => self.answered += 1,
            "failed" => self.failed += 1,
            _ => self.silent += 1,
        }
    }
}

fn channel_label(code: &str) -> &'static str {
    match code {
        "email" => "Courriel",
        "sms" => "SMS",
        _ => "Écran",
    }
}

fn sector_label<'a>(city: &'a City, sector: &'a SectorId) -> &'a str {
    if sector.as_str() == "city" { "Ville" } else { city.sector_label(sector) }
}

/// The drills, newest first, at most `limit`.
pub(crate) async fn list(pool: &PgPool, limit: i64) -> Result<Vec<DrillId>, sqlx::Error> {
    let ids = sqlx::query_scalar!("select id from directory.drill order by opened_at desc limit $1", limit)
        .fetch_all(pool)
        .await?;
    Ok(ids.into_iter().map(DrillId).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drill_of_a_month_is_due_on_its_day_from_its_hour_and_not_after() {
        let config = DirectoryConfig { drill_day: 3, drill_hour: 10, ..DirectoryConfig::default() };
        let at = |text: &str| due(&config, &text.parse().unwrap());
        assert_eq!(at("2026-12-03T09:59:59[Europe/Paris]"), None);
        assert_eq!(at("2026-12-03T10:00:00[Europe/Paris]"), Some("2026-12".to_owned()));
        assert_eq!(at("2026-12-04T10:00:00[Europe/Paris]"), None);
    }
}
