//! Versions of the doctrine, the territory and the directory, as rows: what was published, what came into force when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use vigie_domain::{
    city::{City, CityError, CityFiles, CityHashes},
    directory::DirectoryFiles,
};

/// Whoever activates holds this lock to the end of its transaction: one activation at a time.
const ACTIVATION_LOCK: i64 = 0x7669_6769_6531;
/// Heard by every process that follows what is in force.
pub(crate) const CHANNEL: &str = "vigie_in_force";

/// One of the three things a city configures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Doctrine,
    Directory,
    Territory,
}

vigie_proto::coded! { pub What {
    Doctrine = "doctrine",
    Directory = "directory",
    Territory = "territory",
} }

impl What {
    /// Its hash among the three.
    pub fn of(self, hashes: &CityHashes) -> &str {
        match self {
            Self::Doctrine => &hashes.doctrine,
            Self::Directory => &hashes.directory,
            Self::Territory => &hashes.territory,
        }
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// One time a version came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Activation {
    /// Counts every activation of the house.
    pub id: i64,
    pub what: What,
    pub hash: String,
    /// What it replaced; none the first time.
    pub previous: Option<String>,
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Source that did it; none for whoever administers the machine.
    pub by: Option<String>,
    pub note: Option<String>,
    pub rolled_back: bool,
}

/// Who publishes, and why.
#[derive(Debug, Clone, Default)]
pub struct Author {
    /// Absent for whoever administers the machine.
    pub actor: Option<vigie_proto::event::Actor>,
    pub source: Option<vigie_proto::SourceId>,
    /// Kept in the history, not in events.
    pub note: Option<String>,
}

/// Serialises activations until the transaction ends.
pub(crate) async fn lock(tx: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock($1)", ACTIVATION_LOCK).execute(tx).await?;
    Ok(())
}

/// The files in force; none when one of the three was never published.
pub(crate) async fn in_force(connection: &mut PgConnection) -> Result<Option<CityFiles>, StoredError> {
    let rows = sqlx::query!(
        "select f.what, v.content from directory.in_force f join directory.version v on v.what = f.what and v.hash = f.hash"
    )
    .fetch_all(connection)
    .await?;
    files_of(rows.into_iter().map(|row| (row.what, row.content)).collect())
}

/// The same without addresses, and the hash the directory was published under.
pub(crate) async fn in_force_shared(connection: &mut PgConnection) -> Result<Option<(CityFiles, String)>, StoredError> {
    let rows = sqlx::query!(
        "select f.what, f.hash, s.content from directory.in_force f join directory.shared s on s.what = f.what and s.hash = f.hash"
    )
    .fetch_all(connection)
    .await?;
    let (mut contents, mut hash) = (BTreeMap::new(), String::new());
    for row in rows {
        let what = row.what;
        let content = row.content.ok_or_else(|| {
            StoredError::Unreadable(format!("the {what} cannot be seen without its addresses yet: run `vigie migrate`"))
        })?;
        if what == What::Directory.code() {
            hash = row.hash;
        }
        contents.insert(what, content);
    }
    Ok(files_of(contents)?.map(|files| (files, hash)))
}

fn files_of(mut contents: BTreeMap<String, Vec<u8>>) -> Result<Option<CityFiles>, StoredError> {
    let (Some(doctrine), Some(directory), Some(territory)) = (
        contents.remove(What::Doctrine.code()),
        contents.remove(What::Directory.code()),
        contents.remove(What::Territory.code()),
    ) else {
        return Ok(None);
    };
    Ok(Some(CityFiles { territory, directory: directory_of(&directory)?, doctrine: texts(&doctrine)? }))
}

/// Takes the addresses out of every directory version that is not shared yet, for those who may not see them. Returns of how
/// many.
pub async fn share(connection: &mut PgConnection) -> Result<usize, StoredError> {
    let rows = sqlx::query!(
        "select v.hash, v.content from directory.version v
          where v.what = 'directory' and not exists (select from directory.version_shared s where s.hash = v.hash)"
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        keep_shared(connection, &row.hash, &directory_of(&row.content)?).await?;
    }
    Ok(rows.len())
}

async fn keep_shared(tx: &mut PgConnection, hash: &str, directory: &DirectoryFiles) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into directory.version_shared (hash, content) values ($1, $2) on conflict do nothing",
        hash,
        json(&directory.without_addresses().named())
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The content of one version, put in the place of that in `files`; false when there is no such version.
pub(crate) async fn take(
    connection: &mut PgConnection,
    what: What,
    hash: &str,
    files: &mut CityFiles,
) -> Result<bool, StoredError> {
    let content =
        sqlx::query_scalar!("select content from directory.version where what = $1 and hash = $2", what.code(), hash)
            .fetch_optional(connection)
            .await?;
    let Some(content) = content else { return Ok(false) };
    match what {
        What::Doctrine => files.doctrine = texts(&content)?,
        What::Directory => files.directory = directory_of(&content)?,
        What::Territory => files.territory = content,
    }
    Ok(true)
}

/// Which of these versions were ever published.
pub(crate) async fn known(connection: &mut PgConnection, hashes: &CityHashes) -> Result<Vec<What>, sqlx::Error> {
    let mut known = Vec::new();
    for what in What::ALL {
        let exists = sqlx::query_scalar!(
            r#"select exists (select from directory.version where what = $1 and hash = $2) as "exists!""#,
            what.code(),
            what.of(hashes)
        )
        .fetch_one(&mut *connection)
        .await?;
        if exists {
            known.push(what);
        }
    }
    Ok(known)
}

/// What is in force now, by hash; absent where nothing is.
pub(crate) async fn hashes(connection: &mut PgConnection) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let rows = sqlx::query!("select what, hash from directory.in_force").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.what, row.hash)).collect())
}

/// Keeps the content of `city`'s three versions, and puts those in force that are not. Returns what changed.
///
/// Call it with the lock held.
pub(crate) async fn activate(
    tx: &mut PgConnection,
    files: &CityFiles,
    city: &City,
    author: &Author,
    rolled_back: bool,
    now: Timestamp,
) -> Result<Vec<What>, sqlx::Error> {
    let hashes = city.hashes();
    let before = self::hashes(tx).await?;
    let mut changed = Vec::new();
    for what in What::ALL {
        let (hash, previous) = (what.of(&hashes), before.get(what.code()));
        keep(tx, what, hash, &content(what, files), author, now).await?;
        if what == What::Directory {
            keep_shared(tx, hash, &files.directory).await?;
        }
        if previous.is_some_and(|previous| previous == hash) {
            continue;
        }
        sqlx::query!(
            "with force as (
               insert into directory.in_force (what, hash, since) values ($1, $2, $4)
               on conflict (what) do update set hash = excluded.hash, since = excluded.since)
             insert into directory.activation (what, hash, previous, at, by_source, note, rolled_back)
             values ($1, $2, $3, $4, $5, $6, $7)",
            what.code(),
            hash,
            previous,
            now.to_sqlx(),
            author.source.as_ref().map(vigie_proto::SourceId::as_str),
            author.note.as_deref(),
            rolled_back
        )
        .execute(&mut *tx)
        .await?;
        changed.push(what);
    }
    if !changed.is_empty() {
        // Heard when, and only when, the transaction is committed.
        sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(tx).await?;
    }
    Ok(changed)
}

async fn keep(
    tx: &mut PgConnection,
    what: What,
    hash: &str,
    content: &[u8],
    author: &Author,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into directory.version (what, hash, content, published_at, published_by, note)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        what.code(),
        hash,
        content,
        now.to_sqlx(),
        author.source.as_ref().map(vigie_proto::SourceId::as_str),
        author.note.as_deref()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What came into force when, newest first, at most `limit`.
pub async fn history(pool: &PgPool, what: Option<What>, limit: i64) -> Result<Vec<Activation>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, what, hash, previous, at, by_source, note, rolled_back from directory.activation
          where $1::text is null or what = $1 order by id desc limit $2",
        what.map(What::code),
        limit
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Activation {
                id: row.id,
                what: vigie_platform::database::coded(&row.what, "what")?,
                hash: row.hash,
                previous: row.previous,
                at: row.at.to_jiff(),
                by: row.by_source,
                note: row.note,
                rolled_back: row.rolled_back,
            })
        })
        .collect()
}

/// The directories before and after an activation; `Some(None)` when it was not of a directory or the first, none when there
/// is no such activation.
pub(crate) async fn directories(
    pool: &PgPool,
    activation: i64,
) -> Result<Option<Option<(DirectoryFiles, DirectoryFiles)>>, StoredError> {
    let row = sqlx::query!(
        r#"select b.content as "before?", v.content as "after?" from directory.activation a
           left join directory.version v on a.what = 'directory' and v.what = a.what and v.hash = a.hash
           left join directory.version b on a.what = 'directory' and b.what = a.what and b.hash = a.previous
          where a.id = $1"#,
        activation
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (Some(before), Some(after)) = (row.before, row.after) else { return Ok(Some(None)) };
    Ok(Some(Some((directory_of(&before)?, directory_of(&after)?))))
}

fn content(what: What, files: &CityFiles) -> Vec<u8> {
    match what {
        What::Doctrine => json(&files.doctrine),
        What::Directory => json(&files.directory.named()),
        What::Territory => files.territory.clone(),
    }
}

fn json(texts: &BTreeMap<String, String>) -> Vec<u8> {
    serde_json::to_vec(texts).expect("names and texts always serialize")
}

/// A stored version that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("the database did not answer")]
    Store(#[from] sqlx::Error),
    #[error("a stored version is not what was published: {0}")]
    Unreadable(String),
}

fn texts(content: &[u8]) -> Result<BTreeMap<String, String>, StoredError> {
    serde_json::from_slice(content).map_err(|error| StoredError::Unreadable(error.to_string()))
}

fn directory_of(content: &[u8]) -> Result<DirectoryFiles, StoredError> {
    DirectoryFiles::of_named(texts(content)?).map_err(|error| StoredError::Unreadable(error.to_string()))
}

/// A city read from its files on a thread of its own: it takes a moment of a processor.
pub(crate) async fn read_city(
    city: impl FnOnce() -> Result<City, CityError> + Send + 'static,
) -> Result<City, CityError> {
    let read = tokio::task::spawn_blocking(city).await;
    read.unwrap_or_else(|error| Err(CityError(vec![format!("the files could not be read: {error}")])))
}
