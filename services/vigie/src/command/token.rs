//! `vigie token`: credentials of sources. A secret is printed once, alone, on standard output.

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;
use uuid::Uuid;
use vigie_directory::{
    credential::{self, Doing, IssueError, Key, Whose},
    in_force,
};
use vigie_edge::credential::Purpose;
use vigie_platform::{
    clock::{Clock, SystemClock},
    database,
};
use vigie_proto::SourceId;

use crate::{Outcome, Unreachable, block_on, city, config::Config};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Issue a token for the API. A source may have two at once, to change from one to the other.
    #[command(
        after_help = "Two tokens of a source may be in force at once, each with its own expiry; a third is refused.
To change a token without an interruption: issue the new one, put it to use, revoke the old one by its id.

Examples:
  export VIGIE_TOKEN_SCOP=$(vigie token issue --source scop --replace)
  vigie token issue --source rectorat --days 90
  vigie token list --source rectorat
  vigie token revoke --id 0c5f2c1e-7f0a-4c4e-9d0a-0f6f3f4b7a11"
    )]
    Issue(Issue),
    /// Issue a personal link to Vigie's pages; it opens one session, once.
    #[command(after_help = "Example:\n  vigie token link --source college-19")]
    Link(Issue),
    /// List the tokens and sessions that are in force, of one source or all.
    #[command(
        after_help = "One line each: what it is, its id, source, since when, until when, last used (to the hour).
A secret is never shown: it is not stored.

Example:
  vigie token list --source scop"
    )]
    List {
        /// Source, as in sources.csv; all when absent.
        #[arg(long)]
        source: Option<SourceId>,
    },
    /// End one session or token by its id, as `vigie token list` shows it.
    #[command(after_help = "Example:\n  vigie token end 0c5f2c1e-7f0a-4c4e-9d0a-0f6f3f4b7a11")]
    End {
        /// Id of a session or token.
        id: Uuid,
    },
    /// Revoke one token, or everything a source comes in by: tokens, links, sessions, calendar addresses.
    #[command(after_help = "Every running process refuses them within 10 s, and ends the live streams they opened.

Examples:
  vigie token revoke --source college-19
  vigie token revoke --id 0c5f2c1e-7f0a-4c4e-9d0a-0f6f3f4b7a11")]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// Source, as in sources.csv.
    #[arg(long)]
    source: SourceId,
    /// Days until it expires; never when absent (a link: 30 days).
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3_660))]
    days: Option<u16>,
    /// Revoke the source's former ones; without it they stay in force.
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Revoke {
    /// Source, as in sources.csv: everything of it.
    #[arg(long)]
    source: Option<SourceId>,
    /// One token, by its id.
    #[arg(long)]
    id: Option<Uuid>,
}

pub(crate) fn run(config: &Config, command: &Command) -> anyhow::Result<Outcome> {
    block_on(async {
        let pool = database::pool(&config.database, "directory", 2)?;
        let now = SystemClock.now();
        match command {
            Command::Issue(issue) => {
                let token = issued(config, &pool, issue, Purpose::Token, issue.days, now).await?;
                println!("{token}");
            }
            Command::Link(issue) => {
                let days = issue.days.or(Some(30));
                let key = issued(config, &pool, issue, Purpose::Link, days, now).await?;
                println!("{}/ouvrir?cle={key}", config.http.public_url);
            }
            Command::List { source } => list(&pool, source.as_ref(), now).await?,
            Command::End { id } => {
                let doing = Doing::on_the_machine(now);
                let session = credential::end_session(&pool, *id, Whose::Everybody, doing).await.map_err(refused)?;
                match session {
                    Some(source) => eprintln!("ended a session of {source}; {WITHIN}"),
                    None => end_token(&pool, *id, now).await?,
                }
            }
            Command::Revoke(Revoke { id: Some(id), .. }) => end_token(&pool, *id, now).await?,
            Command::Revoke(Revoke { source, .. }) => {
                let source = source.as_ref().context("give --source or --id")?;
                let doing = Doing::on_the_machine(now);
                let gone = credential::revoke_all(&pool, source, doing).await.map_err(refused)?;
                eprintln!(
                    "revoked {} tokens, {} links, {} sessions and {} calendar addresses of {source}; {WITHIN}",
                    gone.tokens, gone.links, gone.sessions, gone.feeds
                );
            }
        }
        Ok(Outcome::Done)
    })
}

const WITHIN: &str = "running processes refuse them, and end their live streams, within 10 s";

async fn issued(
    config: &Config,
    pool: &PgPool,
    issue: &Issue,
    purpose: Purpose,
    days: Option<u16>,
    now: Timestamp,
) -> anyhow::Result<String> {
    let source = &issue.source;
    let in_force = in_force::load(pool).await.map_err(unreachable)?;
    let city = match in_force {
        Some(city) => city,
        None => city::read(&config.paths)?,
    };
    let known = city.directory.source(source);
    known.with_context(|| format!("source `{source}` is not in the directory's sources.csv"))?;
    let expires = days.map(|days| now + SignedDuration::from_hours(24 * i64::from(days)));
    credential::issue(pool, source, purpose, expires, issue.replace, now).await.map_err(|error| match error {
        IssueError::TooMany { .. } => error.into(),
        IssueError::Store(error) => refused(error),
    })
}

async fn end_token(pool: &PgPool, id: Uuid, now: Timestamp) -> anyhow::Result<()> {
    let doing = Doing::on_the_machine(now);
    let ended = credential::end_token(pool, id, Whose::Everybody, doing).await.map_err(refused)?;
    let source = ended.with_context(|| format!("nothing in force has the id {id}: see `vigie token list`"))?;
    eprintln!("revoked a token of {source}; {WITHIN}");
    Ok(())
}

async fn list(pool: &PgPool, source: Option<&SourceId>, now: Timestamp) -> anyhow::Result<()> {
    let whose = source.map_or(Whose::Everybody, Whose::Of);
    let mut connection = pool.acquire().await.map_err(refused)?;
    let tokens = credential::tokens(&mut connection, whose, now).await.map_err(refused)?;
    let sessions = credential::sessions(&mut connection, whose, now).await.map_err(refused)?;
    let lines = |what: &'static str, keys: Vec<Key>| keys.into_iter().map(move |key| line(what, &key));
    for line in lines("token", tokens).chain(lines("session", sessions)) {
        println!("{line}");
    }
    Ok(())
}

/// `token  0c5f…  scop  since 2026-11-30T07:00:00Z  until -  used 2026-11-30T13:00:00Z`
fn line(what: &str, key: &Key) -> String {
    let at = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.strftime("%FT%TZ").to_string());
    let Key { id, source, since, until, last_used, .. } = key;
    format!("{what:<8}{id}  {source}  since {}  until {}  used {}", at(*since), at(*until), at(*last_used))
}

fn refused(error: sqlx::Error) -> anyhow::Error {
    unreachable(error.into())
}

fn unreachable(error: anyhow::Error) -> anyhow::Error {
    Unreachable(error.context("the database did not take it: run `vigie migrate` first?")).into()
}
