//! `vigie contract`: the schemas others build on, as files.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Subcommand;

use crate::{Outcome, http};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the JSON Schema of every event into a folder.
    #[command(after_help = "Example:\n  vigie contract schemas --out proto/schemas")]
    Schemas {
        #[arg(long)]
        out: PathBuf,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Print the table of routes, as JSON: method, path, what each speaks, who may knock.
    #[command(after_help = "Example:\n  vigie contract routes | jq -r '.[] | select(.knock != \"caller\") | .path'")]
    Routes,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Schemas { out } => {
            fs::create_dir_all(out)?;
            for (name, text) in vigie_proto::schema::files() {
                let path = out.join(name);
                fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Command::Openapi => println!("{}", http::openapi().to_pretty_json()?),
        Command::Routes => println!("{}", serde_json::to_string_pretty(&http::routes())?),
    }
    Ok(Outcome::Done)
}
