//! Changes of who may do what that wait for a second person.
//!
//! A proposal keeps the files it changes, and what each was when it was made: approved, it is put over what is in force
//! then, unless one of these files, or who may do what, is something else meanwhile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, types::Json};
use vigie_domain::{
    city::CityFiles,
    directory::DirectoryFiles,
    guarded::{self, Matter, digest},
};
use vigie_platform::{journal, journal::Entry};
use vigie_proto::{
    SourceId,
    event::{ConfigurationDecidedV1, ConfigurationProposedV1, Event, ProposalDecision},
};

use crate::publish_error::PublishError;

/// Proposals that may wait at once.
const WAITING_AT_MOST: i64 = 50;

/// One file as a proposal changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileChange {
    /// SHA-256 of the text it was made on, hexadecimal; none when there was no such file.
    base: Option<String>,
    /// None when the file goes.
    text: Option<String>,
}

/// The files that differ, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    doctrine: BTreeMap<String, FileChange>,
    directory: BTreeMap<String, FileChange>,
}

/// What became of a proposal so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Waiting,
    Approved,
    Withdrawn,
}

/// A proposal as stored.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    pub(crate) id: i64,
    content: Content,
    guarded: String,
    pub(crate) base: BTreeMap<String, String>,
    /// As [`Matter::code`].
    pub(crate) touches: Vec<String>,
    pub(crate) rolled_back: bool,
    pub(crate) note: Option<String>,
    pub(crate) by: SourceId,
    pub(crate) at: Timestamp,
    pub(crate) state: State,
    pub(crate) decided_by: Option<String>,
    pub(crate) decided_at: Option<Timestamp>,
}

/// What is proposed, by whom, on what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proposed<'a> {
    pub(crate) present: &'a CityFiles,
    pub(crate) wanted: &'a CityFiles,
    /// Hashes in force, by `what`.
    pub(crate) base: &'a BTreeMap<String, String>,
    pub(crate) touches: &'a [Matter],
    pub(crate) rolled_back: bool,
    pub(crate) by: &'a SourceId,
}

/// A second person's yes.
#[derive(Debug, Clone)]
pub(crate) struct Approval {
    pub(crate) proposal: i64,
    pub(crate) by: SourceId,
}

impl Content {
    fn between(present: &CityFiles, wanted: &CityFiles) -> Self {
        Self {
            doctrine: differing(&present.doctrine, &wanted.doctrine),
            directory: differing(&present.directory.named(), &wanted.directory.named()),
        }
    }
}

fn differing(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> BTreeMap<String, FileChange> {
    let names = before.keys().chain(after.keys());
    let change = |name: &String| {
        let (old, new) = (before.get(name), after.get(name));
        let change = FileChange { base: old.map(|text| digest(text)), text: new.cloned() };
        (old != new).then(|| (name.clone(), change))
    };
    names.filter_map(change).collect()
}

/// The files with the changes made; refused when one is not what its change was made on.
fn changed(
    mut files: BTreeMap<String, String>,
    changes: &BTreeMap<String, FileChange>,
) -> Result<BTreeMap<String, String>, PublishError> {
    for (name, change) in changes {
        if files.remove(name).map(|text| digest(&text)) != change.base {
            return Err(PublishError::ChangedMeanwhile);
        }
        if let Some(text) = &change.text {
            files.insert(name.clone(), text.clone());
        }
    }
    Ok(files)
}

impl Proposal {
    /// What is proposed, over what is in force.
    pub(crate) fn over(&self, present: CityFiles) -> Result<CityFiles, PublishError> {
        if guarded::fingerprint(&present) != self.guarded {
            return Err(PublishError::ChangedMeanwhile);
        }
        let directory = changed(present.directory.named(), &self.content.directory)?;
        Ok(CityFiles {
            directory: DirectoryFiles::of_named(directory).map_err(|faults| PublishError::Faults(faults.0))?,
            doctrine: changed(present.doctrine, &self.content.doctrine)?,
            territory: present.territory,
        })
    }

    /// Names of the files it changes.
    pub(crate) fn files(&self) -> Vec<String> {
        self.content.doctrine.keys().chain(self.content.directory.keys()).cloned().collect()
    }

    /// Lines it takes away and adds, file by file; none of a file with addresses. `present` is what is in force.
    pub(crate) fn lines(&self, present: &CityFiles) -> Vec<FileLines> {
        let named = present.directory.named();
        let of = |(name, change): (&String, &FileChange), files: &BTreeMap<String, String>| FileLines {
            file: name.clone(),
            lines: match name.as_str() {
                WITHOUT_LINES => Vec::new(),
                _ => lines(files.get(name).map_or("", String::as_str), change.text.as_deref().unwrap_or_default()),
            },
        };
        let doctrine = self.content.doctrine.iter().map(|change| of(change, &present.doctrine));
        doctrine.chain(self.content.directory.iter().map(|change| of(change, &named))).collect()
    }
}

/// The file whose lines are addresses.
const WITHOUT_LINES: &str = "contacts.csv";

/// What a proposal does to one file.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct FileLines {
    pub(crate) file: String,
    /// Each begins with `-` or `+`, or is the section of those that follow; empty for contact points, whose addresses are not
    /// shown.
    pub(crate) lines: Vec<String>,
}

/// The lines of one text that the other has not as often in the same section, in order: those that go, then those that come,
/// under the section they stand in. A line that moves to another section, from one role to another say, is among both.
fn lines(before: &str, after: &str) -> Vec<String> {
    let only = |of: &str, other: &str, sign: char| {
        let mut left: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        in_sections(other).for_each(|line| *left.entry(line).or_default() += 1);
        let (mut only, mut told) = (Vec::new(), "");
        for (section, line) in in_sections(of) {
            match left.get_mut(&(section, line)) {
                Some(number) if *number > 0 => *number -= 1,
                _ => {
                    if section != told && section != line {
                        only.push(format!("  {section}"));
                    }
                    told = section;
                    only.push(format!("{sign} {line}"));
                }
            }
        }
        only
    };
    let mut lines = only(before, after, '-');
    lines.extend(only(after, before, '+'));
    lines
}

/// Each line with the header of the TOML section it stands in; none in a table.
fn in_sections(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().scan("", |section, line| {
        if line.starts_with('[') {
            *section = line;
        }
        Some((*section, line))
    })
}

/// Has the change wait for a second person; the same change waits once. Returns its number and the facts to hand on.
pub(crate) async fn propose(
    tx: &mut PgConnection,
    Proposed { present, wanted, base, touches, rolled_back, by }: Proposed<'_>,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(i64, Vec<Entry>), PublishError> {
    let content = Content::between(present, wanted);
    let guarded = guarded::fingerprint(present);
    // Made on other roles or sources it is another change: the former one can no longer be approved.
    let said = serde_json::to_vec(&(&content, &guarded)).expect("names and texts always serialize");
    let of_all = Sha256::digest(said).to_vec();
    let known =
        sqlx::query_scalar!("select id from directory.proposal where digest = $1 and state = 'waiting'", &of_all);
    if let Some(id) = known.fetch_optional(&mut *tx).await? {
        return Ok((id, Vec::new()));
    }
    let waiting = waiting(&mut *tx).await?;
    if waiting >= WAITING_AT_MOST {
        return Err(PublishError::TooManyWaiting(waiting));
    }
    let touches: Vec<String> = touches.iter().map(|matter| matter.code().to_owned()).collect();
    let id = sqlx::query_scalar!(
        "insert into directory.proposal (content, digest, base, guarded, touches, rolled_back, note, by_source, at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id",
        Json(&content),
        &of_all,
        Json(base),
        guarded,
        &touches,
        rolled_back,
        note,
        by.as_str(),
        now.to_sqlx()
    )
    .fetch_one(&mut *tx)
    .await?;
    tracing::warn!(proposal = id, touches = touches.join(" "), source.id = %by, "a change of who may do what waits for a second administrator");
    let fact = ConfigurationProposedV1 { proposal: id, touches, by: by.clone(), at: now };
    let entry = Entry::new("directory", &Event::from(fact), now, None, None);
    journal::append(tx, std::slice::from_ref(&entry)).await?;
    Ok((id, vec![entry]))
}

/// Proposals that wait.
pub(crate) async fn waiting(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from directory.proposal where state = 'waiting'"#)
        .fetch_one(connection)
        .await
}

impl Approval {
    /// Whether the proposal still waits, and for this source; held to the end of the transaction.
    pub(crate) async fn is_open(&self, tx: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let open = sqlx::query_scalar!(
            "select id from directory.proposal where id = $1 and state = 'waiting' and by_source <> $2 for update",
            self.proposal,
            self.by.as_str()
        );
        Ok(open.fetch_optional(tx).await?.is_some())
    }

    /// Records that it is approved.
    pub(crate) async fn record(&self, tx: &mut PgConnection, now: Timestamp) -> Result<Entry, sqlx::Error> {
        decide(tx, self.proposal, ProposalDecision::Approved, &self.by, now).await
    }
}

/// Gives a proposal up; none when it does not wait.
pub(crate) async fn withdraw(
    pool: &PgPool,
    id: i64,
    by: &SourceId,
    now: Timestamp,
) -> Result<Option<Entry>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let open =
        sqlx::query_scalar!("select id from directory.proposal where id = $1 and state = 'waiting' for update", id);
    if open.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(None);
    }
    let entry = decide(&mut tx, id, ProposalDecision::Withdrawn, by, now).await?;
    tx.commit().await?;
    Ok(Some(entry))
}

async fn decide(
    tx: &mut PgConnection,
    id: i64,
    decision: ProposalDecision,
    by: &SourceId,
    now: Timestamp,
) -> Result<Entry, sqlx::Error> {
    let state = match decision {
        ProposalDecision::Approved => "approved",
        ProposalDecision::Withdrawn => "withdrawn",
    };
    sqlx::query!(
        "update directory.proposal set state = $2, decided_by = $3, decided_at = $4 where id = $1",
        id,
        state,
        by.as_str(),
        now.to_sqlx()
    )
    .execute(&mut *tx)
    .await?;
    tracing::warn!(proposal = id, state, source.id = %by, "a change of who may do what was decided");
    let fact = ConfigurationDecidedV1 { proposal: id, decision, by: Some(by.clone()), at: now };
    let entry = Entry::new("directory", &Event::from(fact), now, None, None);
    journal::append(tx, std::slice::from_ref(&entry)).await?;
    Ok(entry)
}

pub(crate) async fn find(pool: &PgPool, id: i64) -> Result<Option<Proposal>, sqlx::Error> {
    Ok(read(pool, Some(id), 1).await?.pop())
}

/// Those that wait, then the last decided, newest first.
pub(crate) async fn list(pool: &PgPool, limit: i64) -> Result<Vec<Proposal>, sqlx::Error> {
    read(pool, None, limit).await
}

async fn read(pool: &PgPool, id: Option<i64>, limit: i64) -> Result<Vec<Proposal>, sqlx::Error> {
    let proposals = sqlx::query!(
        r#"select id, content as "content: Json<Content>", base as "base: Json<BTreeMap<String, String>>", guarded, touches,
                  rolled_back, note, by_source, at, state, decided_by, decided_at
             from directory.proposal where $1::bigint is null or id = $1
            order by (state = 'waiting') desc, id desc limit $2"#,
        id,
        limit
    );
    let proposals = proposals.try_map(|row| {
        Ok(Proposal {
            id: row.id,
            content: row.content.0,
            guarded: row.guarded,
            base: row.base.0,
            touches: row.touches,
            rolled_back: row.rolled_back,
            note: row.note,
            by: SourceId::new(row.by_source).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            at: row.at.to_jiff(),
            state: match row.state.as_str() {
                "waiting" => State::Waiting,
                "approved" => State::Approved,
                _ => State::Withdrawn,
            },
            decided_by: row.decided_by,
            decided_at: row.decided_at.map(SqlTimestamp::to_jiff),
        })
    });
    proposals.fetch_all(pool).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(roles: &str, contacts: &str) -> CityFiles {
        let directory =
            DirectoryFiles { roles_toml: roles.into(), contacts_csv: contacts.into(), ..DirectoryFiles::default() };
        let doctrine = BTreeMap::from([("doctrine.toml".to_owned(), "timezone = \"UTC\"\n".to_owned())]);
        CityFiles { territory: Vec::new(), directory, doctrine }
    }

    fn proposal(present: &CityFiles, wanted: &CityFiles) -> Proposal {
        Proposal {
            id: 1,
            content: Content::between(present, wanted),
            guarded: guarded::fingerprint(present),
            base: BTreeMap::new(),
            touches: Vec::new(),
            rolled_back: false,
            note: None,
            by: SourceId::new("a").unwrap(),
            at: Timestamp::UNIX_EPOCH,
            state: State::Waiting,
            decided_by: None,
            decided_at: None,
        }
    }

    #[test]
    fn a_proposal_keeps_what_others_changed_elsewhere_and_refuses_what_they_changed_in_it() {
        let (present, wanted) = (files("[a]\n", "id\n"), files("[b]\n", "id\n"));
        let proposal = proposal(&present, &wanted);
        assert_eq!(proposal.files(), ["roles.toml"]);
        let made = proposal.over(files("[a]\n", "id\nnew\n")).unwrap();
        assert_eq!(made.directory, files("[b]\n", "id\nnew\n").directory);
        let refused = |present| matches!(proposal.over(present), Err(PublishError::ChangedMeanwhile));
        assert!(refused(files("[c]\n", "id\n")));
        let mut sources = present.clone();
        sources.directory.sources_csv.push('x');
        assert!(refused(sources), "who may do what is read together: another source may give a role another meaning");
        let said: Vec<_> = proposal.lines(&present).into_iter().flat_map(|file| file.lines).collect();
        assert_eq!(said, ["- [a]", "+ [b]"]);
    }

    #[test]
    fn a_line_that_moves_from_one_role_to_another_is_shown_where_it_was_and_where_it_comes() {
        let before = "[head]\nsees = \"own-signals\"\n[scop]\nsees = \"everything\"\n";
        let after = "[head]\nsees = \"everything\"\n[scop]\nsees = \"own-signals\"\n";
        let own = "sees = \"own-signals\"";
        let everything = "sees = \"everything\"";
        assert_eq!(
            lines(before, after),
            [
                "  [head]".to_owned(),
                format!("- {own}"),
                "  [scop]".to_owned(),
                format!("- {everything}"),
                "  [head]".to_owned(),
                format!("+ {everything}"),
                "  [scop]".to_owned(),
                format!("+ {own}"),
            ]
        );
        assert_eq!(lines("id\na\n", "id\nb\n"), ["- a", "+ b"]);
    }

    #[test]
    fn the_lines_of_contact_points_are_not_shown() {
        let (present, wanted) = (files("[a]\n", "id\n"), files("[b]\n", "id\nx,+33600000000\n"));
        let shown = proposal(&present, &wanted).lines(&present);
        let contacts = shown.iter().find(|file| file.file == "contacts.csv").unwrap();
        assert!(contacts.lines.is_empty());
    }
}
