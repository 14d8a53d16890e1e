//! `vigie token`: credentials of sources. A secret is printed once, alone, on standard output.

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::SignedDuration;
use vigie_directory::{credential, in_force};
use vigie_platform::{
    clock::{Clock, SystemClock},
    config::Config,
    credential::Purpose,
    database,
};
use vigie_proto::SourceId;

use crate::{Outcome, Unreachable, block_on, city};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Issue a token for the API.
    #[command(after_help = "Example:\n  export VIGIE_TOKEN_SCOP=$(vigie token issue --source scop --replace)")]
    Issue(Issue),
    /// Issue a personal link to Vigie's pages; it opens one session, once.
    #[command(after_help = "Example:\n  vigie token link --source college-19")]
    Link(Issue),
    /// Revoke every token and link of a source.
    Revoke {
        /// Source, as in sources.csv.
        #[arg(long)]
        source: SourceId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// Source, as in sources.csv.
    #[arg(long)]
    source: SourceId,
    /// Days until it expires; never when absent (a link: 30 days).
    #[arg(long)]
    days: Option<i64>,
    /// Revoke the source's former ones.
    #[arg(long)]
    replace: bool,
}

pub(crate) fn run(config: &Config, command: &Command) -> anyhow::Result<Outcome> {
    let source = match command {
        Command::Issue(issue) | Command::Link(issue) => &issue.source,
        Command::Revoke { source } => source,
    };
    block_on(async {
        let pool = database::pool(&config.database, "directory", 2)?;
        let now = SystemClock.now();
        let refused = |error: anyhow::Error| {
            Unreachable(error.context("the database did not take it: run `vigie migrate` first?"))
        };
        let unreachable = |error: sqlx::Error| refused(error.into());
        let city = match in_force::load(&pool).await.map_err(refused)? {
            Some(city) => city,
            None => city::read(&config.paths)?,
        };
        let known = city.directory.source(source);
        known.with_context(|| format!("source `{source}` is not in the directory's sources.csv"))?;
        match command {
            Command::Issue(issue) => {
                let expires = issue.days.map(|days| now + SignedDuration::from_hours(24 * days));
                let token = credential::issue(&pool, source, Purpose::Token, expires, issue.replace, now)
                    .await
                    .map_err(unreachable)?;
                println!("{token}");
            }
            Command::Link(issue) => {
                let expires = now + SignedDuration::from_hours(24 * issue.days.unwrap_or(30));
                let key = credential::issue(&pool, source, Purpose::Link, Some(expires), issue.replace, now)
                    .await
                    .map_err(unreachable)?;
                println!("{}/ouvrir?cle={key}", config.http.public_url);
            }
            Command::Revoke { source } => {
                let tokens = credential::revoke(&pool, source, Purpose::Token, now).await.map_err(unreachable)?;
                let links = credential::revoke(&pool, source, Purpose::Link, now).await.map_err(unreachable)?;
                eprintln!(
                    "revoked {tokens} tokens and {links} links of {source}; running processes refuse them within 10 s"
                );
            }
        }
        Ok(Outcome::Done)
    })
}
