//! `vigie contract`: the schemas others build on, as files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Subcommand;
use vigie_proto::permission::{self, Proof};

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
    /// Print who may do what on the bus, as the `authorization` block of a NATS server's configuration.
    #[command(after_help = "Example:
  vigie keys nats --out /etc/vigie/nats
  vigie contract nats-permissions --keys /etc/vigie/nats > /etc/nats/vigie-users.conf

The server includes it: `include ./vigie-users.conf`. Whoever is not named there is refused.")]
    NatsPermissions {
        /// Folder of the public keys, NAME.pub each; of users without one nothing is printed.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
        /// File that holds the password of the user `reader`, who may watch; no such user without it.
        #[arg(long, value_name = "FILE")]
        reader_password_file: Option<PathBuf>,
    },
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
        Command::NatsPermissions { keys, reader_password_file } => {
            print!("{}", nats_permissions(keys, reader_password_file.as_deref())?);
        }
        Command::Openapi => println!("{}", http::openapi().to_pretty_json()?),
        Command::Routes => println!("{}", serde_json::to_string_pretty(&http::routes())?),
    }
    Ok(Outcome::Done)
}

fn nats_permissions(keys: &Path, reader_password_file: Option<&Path>) -> anyhow::Result<String> {
    let mut users = Vec::new();
    for user in permission::users().into_iter().chain([permission::READER]) {
        let path = keys.join(format!("{user}.pub"));
        match fs::read_to_string(&path) {
            Ok(key) => users.push((user, Proof::Nkey(key.trim().to_owned()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
    anyhow::ensure!(!users.is_empty(), "no public key in {}: `vigie keys nats --out DIR` makes them", keys.display());
    if let Some(path) = reader_password_file {
        let password = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        users.push((permission::READER, Proof::Password(password.trim().to_owned())));
    }
    Ok(permission::authorization(&users))
}
