//! `vigie keys`: what services prove with who they are.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use nkeys::KeyPair;
use vigie_proto::permission;

use crate::{Outcome, secret};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an nkey for each user of the bus: the relay, and each service that reads from it.
    ///
    /// NAME.nk holds the seed, for `[bus]` and `[bus.services]`; NAME.pub the public key, for the server. What is there stays.
    #[command(after_help = "Example:
  vigie keys nats --out /etc/vigie/nats
  vigie contract nats-permissions --keys /etc/vigie/nats > /etc/nats/vigie-users.conf     # include it in the server's file")]
    Nats {
        /// Folder of the keys; made for its owner only.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<Outcome> {
    let Command::Nats { out } = command;
    secret::folder(out)?;
    for user in permission::users() {
        key_of(out, user)?;
    }
    println!("[bus]\nnkey_seed_file = \"{}\"", out.join("relay.nk").display());
    println!("\n[bus.services]");
    for user in permission::users().into_iter().filter(|user| *user != permission::RELAY) {
        println!("{user} = \"{}\"", out.join(format!("{user}.nk")).display());
    }
    Ok(Outcome::Done)
}

fn key_of(folder: &Path, user: &str) -> anyhow::Result<()> {
    let path = folder.join(format!("{user}.nk"));
    let seed = secret::kept(&path, || KeyPair::new_user().seed().expect("a fresh key has its seed"))?;
    let pair = KeyPair::from_seed(&seed).with_context(|| format!("{} holds no nkey seed", path.display()))?;
    secret::write(&folder.join(format!("{user}.pub")), &pair.public_key())
}
