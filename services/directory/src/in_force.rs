//! What is in force, followed: every process is told the moment a version is activated, by the database itself.

use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use sqlx::{PgPool, postgres::PgListener};
use tokio_util::sync::CancellationToken;
use vigie_domain::city::{City, CityFiles, InForce};
use vigie_platform::{
    health::{Health, State},
    journal::Entry,
};

use crate::{
    publication, reachability,
    version::{self, Author, StoredError, What},
};

/// Name in `/readyz`.
const DEPENDENCY: &str = "doctrine";
/// Pause before the database is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// The city in force; none when nothing was ever published.
pub async fn load(pool: &PgPool) -> anyhow::Result<Option<City>> {
    let Some(files) = files(pool).await? else { return Ok(None) };
    Ok(Some(
        version::read_city(move || City::of(&files))
            .await
            .context("what is in force cannot be read by this Vigie: is it older than the version?")?,
    ))
}

/// How much of what is in force a process sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Everything: for whoever sends, or keeps the directory.
    Whole,
    /// Without the addresses of contact points.
    WithoutAddresses,
}

/// The city in force as far as it is seen; none when nothing was ever published.
pub async fn load_seen(pool: &PgPool, sight: Sight) -> anyhow::Result<Option<City>> {
    if sight == Sight::Whole {
        return load(pool).await;
    }
    let shared = version::in_force_shared(&mut *pool.acquire().await?).await?;
    let Some((files, directory)) = shared else { return Ok(None) };
    let city = version::read_city(move || City::of_shared(&files, &directory)).await;
    Ok(Some(city.context("what is in force cannot be read by this Vigie: is it older than the version?")?))
}

/// The files in force; none when nothing was ever published.
pub async fn files(pool: &PgPool) -> anyhow::Result<Option<CityFiles>> {
    Ok(version::in_force(&mut *pool.acquire().await?).await?)
}

/// The city in force as drills and verifications found it at `now`; none when nothing was ever published.
pub async fn load_as_reached(pool: &PgPool, now: Timestamp) -> anyhow::Result<Option<City>> {
    let Some(city) = load(pool).await? else { return Ok(None) };
    let found = reachability::found(pool, &city, now).await?;
    Ok(Some(city.with_reachability(&found)))
}

/// Which of the three that `files` hold were ever published.
pub async fn known(pool: &PgPool, files: &CityFiles) -> anyhow::Result<Vec<What>> {
    let city = City::of(files)?;
    Ok(version::known(&mut *pool.acquire().await?, &city.hashes()).await?)
}

/// The city in force; where nothing is, that of `files`, which comes into force.
///
/// The first configuration is read strictly but not held back by what the prover finds: a Vigie with a fault tells
/// somebody, none tells nobody. The fault is shown by [`crate::proof`]. Returns the facts to hand to the relay.
pub async fn load_or_adopt(
    pool: &PgPool,
    files: impl Fn() -> anyhow::Result<CityFiles>,
    now: Timestamp,
) -> anyhow::Result<(City, Vec<Entry>)> {
    if let Some(city) = load(pool).await? {
        return Ok((city, Vec::new()));
    }
    let files = files()?;
    let city = City::of(&files)?;
    let mut tx = pool.begin().await?;
    version::lock(&mut tx).await?;
    // Another replica may have been first.
    if let Some(files) = version::in_force(&mut tx).await? {
        return Ok((City::of(&files)?, Vec::new()));
    }
    let author = Author::default();
    let changed = version::activate(&mut tx, &files, &city, &author, false, now).await?;
    let entries = publication::announce(&mut tx, &city, &changed, &author, false, now).await?;
    tx.commit().await?;
    Ok((city, entries))
}

/// True when the database is what is missing, and waiting helps.
pub fn is_unreachable(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let store = cause.downcast_ref::<sqlx::Error>();
        let stored = cause.downcast_ref::<StoredError>();
        let inner = stored.and_then(|error| match error {
            StoredError::Store(error) => Some(error),
            StoredError::Unreadable(_) => None,
        });
        store.or(inner).is_some_and(vigie_platform::database::is_unavailable)
    })
}

/// Which of the three differ between files and what is in force.
pub fn differing(files: &City, in_force: &City) -> Vec<What> {
    let (files, in_force) = (files.hashes(), in_force.hashes());
    What::ALL.into_iter().filter(|what| what.of(&files) != what.of(&in_force)).collect()
}

/// Replaces the city of this process whenever another comes into force, until stopped.
///
/// A version this process cannot read leaves it on the one it has, and says so in `/readyz`.
pub async fn follow(
    pool: PgPool,
    sight: Sight,
    in_force: InForce,
    health: Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let watched = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            watched = watch(&pool, sight, &in_force, &health) => watched,
        };
        if let Err(error) = watched {
            tracing::debug!(error = format!("{error:#}"), "not told of activations for now; trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn watch(pool: &PgPool, sight: Sight, in_force: &InForce, health: &Health) -> anyhow::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(version::CHANNEL).await?;
    loop {
        // Also right after (re)connecting: what was activated meanwhile was told to nobody here.
        reload(pool, sight, in_force, health).await?;
        while listener.try_recv().await?.is_none() {
            // The connection was lost and is there again.
            reload(pool, sight, in_force, health).await?;
        }
    }
}

async fn reload(pool: &PgPool, sight: Sight, in_force: &InForce, health: &Health) -> anyhow::Result<()> {
    let present = in_force.get().hashes();
    let stored = {
        let mut connection = pool.acquire().await?;
        version::hashes(&mut connection).await?
    };
    if What::ALL.into_iter().all(|what| stored.get(what.code()).is_none_or(|hash| hash == what.of(&present))) {
        health.report(DEPENDENCY, state(&in_force.get()));
        return Ok(());
    }
    match load_seen(pool, sight).await {
        Ok(Some(city)) => {
            let hashes = city.hashes();
            tracing::info!(
                doctrine = hashes.doctrine,
                directory = hashes.directory,
                territory = hashes.territory,
                "another configuration is in force"
            );
            health.report(DEPENDENCY, state(&city));
            in_force.replace(city);
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) if is_unreachable(&error) => Err(error),
        Err(error) => {
            health.report(DEPENDENCY, State::Degraded(format!("still on the former version: {error:#}")));
            Ok(())
        }
    }
}

/// Degraded on a directory of before roles said who goes out: until one that says so is published, whoever comes on the
/// scene by what his role may do is taken for somebody who does.
fn state(city: &City) -> State {
    if city.directory.says_who_intervenes() {
        State::Ok
    } else {
        State::Degraded(
            "no role of the directory in force says `intervenes`, so who stops an escalation is guessed from what roles \
             may do: add it to roles.toml and publish it with `vigie configuration publish`"
                .to_owned(),
        )
    }
}
