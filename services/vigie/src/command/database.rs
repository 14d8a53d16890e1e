//! `vigie database`: who may log in to the database, and with what.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use uuid::Uuid;
use vigie_platform::{
    config::Secret,
    database::{self, LOGINS, Login},
};

use crate::{Outcome, Unreachable, block_on, config::Config, secret};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Give the owner, the operator and each service a login of its own.
    ///
    /// Runs as `database.url`: a superuser the first time, who makes `vigie_owner` and gives it the schemas. Passwords are
    /// kept in DIR, one NAME.password each, and made where they are missing; NAME.url is what `[database.services]` names.
    /// May be repeated: what is there stays as it is.
    #[command(after_help = "Example, as the database's superuser:
  VIGIE__DATABASE__URL_FILE=/root/postgres-url vigie database logins --out /etc/vigie/database
  VIGIE__DATABASE__URL_FILE=/etc/vigie/database/owner.url vigie migrate

Then, in vigie.toml:
  [database.services]
  intake = \"/etc/vigie/database/intake.url\"      # and so on, as the command prints it")]
    Logins {
        /// Folder of the passwords and URLs; made for its owner only.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

pub(crate) fn run(config: &Config, command: &Command) -> anyhow::Result<Outcome> {
    let Command::Logins { out } = command;
    secret::folder(out)?;
    let logins = Login::NAMES.into_iter().map(|name| login(out, name)).collect::<anyhow::Result<Vec<_>>>()?;
    let server = config.database.url.expose();
    block_on(async { database::make_logins(server, &logins).await.map_err(|error| Unreachable(error).into()) })?;
    for login in &logins {
        secret::write(&out.join(format!("{}.url", login.name)), login.url(server)?.expose())?;
    }
    println!("[database.services]");
    for name in LOGINS {
        println!("{name} = \"{}\"", out.join(format!("{name}.url")).display());
    }
    Ok(Outcome::Done)
}

fn login(folder: &Path, name: &'static str) -> anyhow::Result<Login> {
    let path = folder.join(format!("{name}.password"));
    let password = Secret::new(secret::kept(&path, fresh)?);
    anyhow::ensure!(
        password.expose().len() >= 16 && password.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{} must hold at least 16 letters and digits",
        path.display()
    );
    Ok(Login { name, password })
}

/// 244 random bits that need no quoting anywhere.
fn fresh() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
