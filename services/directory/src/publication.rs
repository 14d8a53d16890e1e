//! Publishing and taking back: read whole, proved, then in force everywhere at once, with the fact of it journalled.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};
use vigie_domain::{
    check::{self, Finding, Report},
    city::{City, CityError, CityFiles},
    directory::DirectoryFiles,
    guarded::{self, Matter},
};
use vigie_platform::{clock::Clock, journal, journal::Entry};
use vigie_proto::event::{DirectoryChangedV1, DoctrineActivatedV1, Event};

use crate::{
    along::Along,
    proposal::{self, Proposed},
    reachability,
    version::{self, Author, What},
};

pub use crate::publish_error::PublishError;

/// Days the prover examines before a version comes into force.
const PROVED_DAYS: u32 = 30;
/// Somebody else may activate between reading and writing; then it is done again on what they left.
const TRIES: u32 = 5;

/// What to put in the place of what is in force; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// File names and texts.
    pub doctrine: Option<BTreeMap<String, String>>,
    pub directory: Option<DirectoryFiles>,
    /// Packed.
    pub territory: Option<Vec<u8>>,
}

/// What came of a publication.
#[derive(Debug)]
pub struct Published {
    /// What is in force that was not; empty when it already was, and while it waits for a second person.
    pub changed: Vec<What>,
    /// What makes it a matter for two; empty when it is none.
    pub touches: Vec<Matter>,
    /// The proposal that waits for a second person, instead of coming into force.
    pub proposal: Option<i64>,
    /// Warnings of the prover, and errors that were there before.
    pub report: Report,
    /// Facts to hand to the relay.
    pub entries: Vec<Entry>,
}

/// How strictly a version is proved before it comes into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// No error at all.
    Sound,
    /// No error that what is in force has not: a replacement on one roster must not wait for a hole in another.
    NoWorse,
}

/// Proves `change` applied to what is in force, and activates it. With `only_try`, says what would happen.
///
/// `change` is called again when somebody else activated something meanwhile. A whole configuration may be published when
/// nothing is in force. What says who may do what comes into force only from the machine; of a source it becomes a
/// proposal.
pub async fn publish(
    pool: &PgPool,
    change: impl Fn(Option<CityFiles>) -> Result<CityFiles, PublishError>,
    demand: Demand,
    author: &Author,
    only_try: bool,
    clock: &dyn Clock,
) -> Result<Published, PublishError> {
    let manner = Manner { demand, author, rolled_back: false, only_try, by_edits: false, along: &Along::default() };
    activate(pool, change, manner, clock).await
}

/// The same of edits, with what goes along; what waits for a second person has nothing go along.
pub(crate) async fn publish_edits(
    pool: &PgPool,
    change: impl Fn(Option<CityFiles>) -> Result<CityFiles, PublishError>,
    demand: Demand,
    author: &Author,
    (along, only_try): (&Along<'_>, bool),
    clock: &dyn Clock,
) -> Result<Published, PublishError> {
    activate(pool, change, Manner { demand, author, rolled_back: false, only_try, by_edits: true, along }, clock).await
}

/// Does what goes along, and publishes nothing: `change` only says whether what waits could be made. Returns the facts to
/// hand to the relay.
pub(crate) async fn only_along(
    pool: &PgPool,
    change: impl Fn(Option<CityFiles>) -> Result<CityFiles, PublishError>,
    along: &Along<'_>,
    clock: &dyn Clock,
) -> Result<Vec<Entry>, PublishError> {
    let mut tx = pool.begin().await?;
    change(version::in_force(&mut tx).await?)?;
    let entries = along.carry(&mut tx, clock.now()).await?;
    tx.commit().await?;
    Ok(entries)
}

/// Puts an earlier version back in force: that whose hash begins with `hash`, or the one before the present.
///
/// One that says something else of who may do what is a proposal, as with [`publish`].
pub async fn roll_back(
    pool: &PgPool,
    what: What,
    hash: Option<&str>,
    author: &Author,
    clock: &dyn Clock,
) -> Result<Published, PublishError> {
    let hash = match hash {
        Some(start) => find(pool, what, start).await?,
        None => before(pool, what).await?,
    };
    let mut wanted = CityFiles::default();
    let mut connection = pool.acquire().await?;
    if !version::take(&mut connection, what, &hash, &mut wanted).await? {
        return Err(PublishError::UnknownVersion { what, hash });
    }
    drop(connection);
    let change = |present: Option<CityFiles>| {
        let mut files = present.ok_or(PublishError::NothingInForce)?;
        match what {
            What::Doctrine => files.doctrine.clone_from(&wanted.doctrine),
            What::Directory => files.directory = wanted.directory.clone(),
            What::Territory => files.territory.clone_from(&wanted.territory),
        }
        Ok(files)
    };
    let demand = Demand::NoWorse;
    let manner =
        Manner { demand, author, rolled_back: true, only_try: false, by_edits: false, along: &Along::default() };
    activate(pool, change, manner, clock).await
}

/// Puts a proposal in force, approved by `author`: another source than the one that made it.
///
/// Proved again on what is in force now. Refused when what it changes, or who may do what, is no longer what it was made on.
pub(crate) async fn approve(
    pool: &PgPool,
    id: i64,
    author: &Author,
    clock: &dyn Clock,
) -> Result<Published, PublishError> {
    let by = author.source.clone().ok_or(PublishError::OwnProposal)?;
    let proposal = proposal::find(pool, id).await?.ok_or(PublishError::NoProposal)?;
    if proposal.state != proposal::State::Waiting {
        return Err(PublishError::Decided);
    }
    if proposal.by == by {
        return Err(PublishError::OwnProposal);
    }
    let change = |present: Option<CityFiles>| proposal.over(present.ok_or(PublishError::NothingInForce)?);
    let demand = if proposal.rolled_back { Demand::NoWorse } else { Demand::Sound };
    let author = Author { note: proposal.note.clone(), ..author.clone() };
    let along = Along { approved: Some(proposal::Approval { proposal: id, by }), ..Along::default() };
    let manner = Manner {
        demand,
        author: &author,
        rolled_back: proposal.rolled_back,
        only_try: false,
        by_edits: false,
        along: &along,
    };
    activate(pool, change, manner, clock).await
}

impl Draft {
    /// The draft in the place of what is in force.
    pub fn over(&self, present: Option<CityFiles>) -> Result<CityFiles, PublishError> {
        let whole = self.doctrine.is_some() && self.directory.is_some() && self.territory.is_some();
        let mut files = match present {
            Some(files) => files,
            None if whole => CityFiles::default(),
            None => return Err(PublishError::NothingInForce),
        };
        if let Some(doctrine) = &self.doctrine {
            files.doctrine.clone_from(doctrine);
        }
        if let Some(directory) = &self.directory {
            files.directory = directory.clone();
        }
        if let Some(territory) = &self.territory {
            files.territory.clone_from(territory);
        }
        Ok(files)
    }
}

/// How something comes into force.
#[derive(Clone, Copy)]
struct Manner<'a> {
    demand: Demand,
    author: &'a Author,
    rolled_back: bool,
    only_try: bool,
    /// By edits, each of which waits for the code of its address, rather than by files.
    by_edits: bool,
    along: &'a Along<'a>,
}

impl Manner<'_> {
    /// Addresses come from codes that came back, or were in force before.
    fn has_proved_addresses(&self) -> bool {
        self.rolled_back || self.by_edits
    }

    /// One person is enough for whoever administers the machine; a source needs a second one for what touches who may do
    /// what.
    fn waits(&self, touches: &[Matter]) -> bool {
        !touches.is_empty() && self.author.source.is_some() && self.along.approved.is_none()
    }
}

async fn activate(
    pool: &PgPool,
    change: impl Fn(Option<CityFiles>) -> Result<CityFiles, PublishError>,
    manner: Manner<'_>,
    clock: &dyn Clock,
) -> Result<Published, PublishError> {
    let Manner { demand, author, rolled_back, only_try, by_edits: _, along } = manner;
    for _ in 0..TRIES {
        let (base, present) = {
            let mut connection = pool.acquire().await?;
            (version::hashes(&mut connection).await?, version::in_force(&mut connection).await?)
        };
        let files = change(present.clone())?;
        let mut touches = present.as_ref().map(|present| guarded::touched(present, &files)).unwrap_or_default();
        if manner.has_proved_addresses() {
            touches.retain(|matter| *matter != Matter::Addresses);
        }
        let (city, report) = proved(pool, files.clone(), present.clone(), demand, clock.now()).await?;
        let mut tx = pool.begin().await?;
        version::lock(&mut tx).await?;
        if version::hashes(&mut tx).await? != base {
            continue;
        }
        let now = clock.now();
        if let Some(approval) = &along.approved
            && !approval.is_open(&mut tx).await?
        {
            return Err(PublishError::Decided);
        }
        if manner.waits(&touches)
            && !only_try
            && let Some((present, by)) = present.as_ref().zip(author.source.as_ref())
        {
            if !along.is_empty() {
                return Err(PublishError::WaitsAlone(touches));
            }
            let made = Proposed { present, wanted: &files, base: &base, touches: &touches, rolled_back, by };
            let (proposal, entries) = proposal::propose(&mut tx, made, author.note.as_deref(), now).await?;
            tx.commit().await?;
            return Ok(Published { changed: Vec::new(), touches, proposal: Some(proposal), report, entries });
        }
        let changed = version::activate(&mut tx, &files, &city, author, rolled_back, now).await?;
        if only_try {
            return Ok(Published { changed, touches, proposal: None, report, entries: Vec::new() });
        }
        let mut entries = announce(&mut tx, &city, &changed, author, rolled_back, now).await?;
        entries.extend(along.carry(&mut tx, now).await?);
        tx.commit().await?;
        return Ok(Published { changed, touches, proposal: None, report, entries });
    }
    Err(PublishError::Contended)
}

/// Journals what came into force.
pub(crate) async fn announce(
    tx: &mut PgConnection,
    city: &City,
    changed: &[What],
    author: &Author,
    rolled_back: bool,
    now: Timestamp,
) -> Result<Vec<Entry>, sqlx::Error> {
    let hashes = city.hashes();
    let by = || author.actor.clone();
    let mut events: Vec<Event> = Vec::new();
    if changed.contains(&What::Doctrine) || changed.contains(&What::Territory) {
        let (doctrine, territory) = (hashes.doctrine, hashes.territory);
        events.push(DoctrineActivatedV1 { doctrine, territory, by: by(), rolled_back }.into());
    }
    if changed.contains(&What::Directory) {
        events.push(DirectoryChangedV1 { directory: hashes.directory, by: by(), rolled_back }.into());
    }
    let entries: Vec<Entry> = events.iter().map(|event| Entry::new("directory", event, now, None, None)).collect();
    journal::append(tx, &entries).await?;
    Ok(entries)
}

/// Reads and proves, on a thread of its own: it takes a second of a processor.
///
/// What the files alone promise must hold as `demand` says. With what drills found besides, it must be no worse than what is
/// in force: whoever does not answer a drill must not keep every change out.
async fn proved(
    pool: &PgPool,
    files: CityFiles,
    present: Option<CityFiles>,
    demand: Demand,
    now: Timestamp,
) -> Result<(City, Report), PublishError> {
    let city = version::read_city(move || City::of(&files)).await;
    let city = city.map_err(|CityError(faults)| PublishError::Faults(faults))?;
    let found = reachability::found(pool, &city, now).await?;
    let work = move || {
        let errors =
            |city: &City| -> BTreeSet<Fault> { check::check(city, now, PROVED_DAYS).errors().map(fault).collect() };
        let present = present.and_then(|files| City::of(&files).ok());
        let report = check::check(&city, now, PROVED_DAYS);
        let mut failing: Vec<Finding> = report.errors().cloned().collect();
        if demand == Demand::NoWorse && !failing.is_empty() {
            let known = present.as_ref().map(errors).unwrap_or_default();
            failing.retain(|finding| !known.contains(&fault(finding)));
        }
        if failing.is_empty() && !found.is_empty() {
            let reached = check::check(&city.with_reachability(&found), now, PROVED_DAYS);
            failing.extend(reached.errors().cloned());
            if !failing.is_empty() {
                let known = present.map(|city| errors(&city.with_reachability(&found))).unwrap_or_default();
                failing.retain(|finding| !known.contains(&fault(finding)));
            }
        }
        if failing.is_empty() { Ok((city, report)) } else { Err(PublishError::DoesNotHold(failing)) }
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(PublishError::Faults(vec![format!("the prover failed: {error}")])),
    }
}

/// Code, message, and where and when.
type Fault = (String, String, String);

/// What makes two findings the same fault, wherever the lines have moved to.
fn fault(finding: &Finding) -> Fault {
    let sectors: Vec<&str> = finding.sectors.iter().map(vigie_proto::SectorId::as_str).collect();
    (finding.code.to_owned(), finding.message.clone(), format!("{} {:?}", sectors.join(" "), finding.moment))
}

/// The one version whose hash begins with `start`.
async fn find(pool: &PgPool, what: What, start: &str) -> Result<String, PublishError> {
    let unknown = || PublishError::UnknownVersion { what, hash: start.to_owned() };
    if start.len() < 6 || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(unknown());
    }
    let found: Vec<String> = sqlx::query_scalar!(
        "select hash from directory.version where what = $1 and starts_with(hash, $2) limit 2",
        what.code(),
        start.to_lowercase()
    )
    .fetch_all(pool)
    .await?;
    match found.as_slice() {
        [hash] => Ok(hash.clone()),
        _ => Err(unknown()),
    }
}

/// What was in force before the present version.
async fn before(pool: &PgPool, what: What) -> Result<String, PublishError> {
    let last = version::history(pool, Some(what), 1).await?;
    let previous = last.into_iter().next().and_then(|activation| activation.previous);
    previous.ok_or(PublishError::NothingBefore { what })
}
