//! Makes the logins: of the owner, of whoever runs the machine, and one for each service.

use std::str::FromStr;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use super::{LOGINS, OPERATOR, OWNER, SERVICE_GROUP, ensure_role, ensure_roles, lock_roles, role_of, scram};
use crate::config::Secret;

/// Somebody who may log in, and with what.
#[derive(Debug)]
pub struct Login {
    /// As in [`LOGINS`], or `owner`, or `operator`.
    pub name: &'static str,
    /// Of characters that need no quoting in a URL.
    pub password: Secret,
}

impl Login {
    /// Everybody who has a login.
    pub const NAMES: [&'static str; LOGINS.len() + 2] = {
        let mut names = [OWNER; LOGINS.len() + 2];
        names[1] = OPERATOR;
        let mut at = 0;
        while at < LOGINS.len() {
            names[at + 2] = LOGINS[at];
            at += 1;
        }
        names
    };

    /// Where it connects: to what `server` is a URL of.
    pub fn url(&self, server: &str) -> anyhow::Result<Secret> {
        let (scheme, rest) = server.split_once("://").context("database.url is no postgres:// URL")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        // What is left of a login before the host goes.
        let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
        let (login, password) = (role_of(self.name), self.password.expose());
        Ok(Secret::new(format!("{scheme}://{login}:{password}@{}", &rest[host..])))
    }
}

/// Gives each of `logins` its password, and the owner what belongs to it. May be repeated; changes nothing but passwords then.
///
/// `url` is the login of a superuser, or of the owner itself once it exists.
pub async fn make(url: &str, logins: &[Login]) -> anyhow::Result<()> {
    let options = PgConnectOptions::from_str(url).context("database.url cannot be read as a Postgres URL")?;
    let mut admin = PgConnection::connect_with(&options).await.context("cannot reach Postgres to make the logins")?;
    lock_roles(&mut admin).await?;
    let is_super: bool =
        sqlx::query_scalar("select rolsuper from pg_roles where rolname = session_user").fetch_one(&mut admin).await?;
    let mut tx = admin.begin().await?;
    let services: Vec<&str> = LOGINS.into_iter().filter(|name| !super::APART.contains(name)).collect();
    ensure_roles(&mut tx, services.iter().copied()).await?;
    if is_super {
        own(&mut tx).await.context("cannot give the schemas to their owner")?;
    }
    let iterations: String = sqlx::query_scalar("show scram_iterations").fetch_one(&mut *tx).await?;
    let iterations: u32 = iterations.parse().context("scram_iterations is no number")?;
    for login in logins {
        let salt = uuid::Uuid::new_v4();
        let verifier = scram::verifier(login.password.expose(), salt.as_bytes(), iterations);
        let statement = format!("alter role {} login password '{verifier}'", role_of(login.name));
        tx.execute(AssertSqlSafe(statement)).await.with_context(|| {
            format!("cannot let {} log in: it takes a superuser, or the owner of the roles", role_of(login.name))
        })?;
    }
    tx.commit().await?;
    admin.close().await?;
    Ok(())
}

/// Makes the owner, who administers every role and owns every schema, whoever made them.
async fn own(tx: &mut PgConnection) -> anyhow::Result<()> {
    let owner = role_of(OWNER);
    ensure_role(tx, &owner).await?;
    let roles = LOGINS.iter().map(|name| role_of(name)).chain([role_of(OPERATOR), SERVICE_GROUP.to_owned()]);
    let roles = roles.collect::<Vec<_>>().join(", ");
    let schemas = LOGINS.iter().copied().chain(["journal"]).map(|schema| format!("'{schema}'")).collect::<Vec<_>>();
    let statement = format!(
        "alter role {owner} createrole;
         grant {roles} to {owner} with admin true, inherit false, set false;
         do $$
         declare it record;
         begin
           execute format('grant create on database %I to {owner}', current_database());
           for it in
             select format('schema %I', n.nspname) as what, 0 as place from pg_namespace n
              where n.nspname in ({schemas}) and n.nspowner <> '{owner}'::regrole
             union all
             -- Sequences of identity columns go with their table.
             select format('%s %I.%I', case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname), 1
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname in ({schemas}) and c.relowner <> '{owner}'::regrole and c.relkind in ('r', 'p', 'v', 'S')
                and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype in ('i', 'a'))
             union all
             select format('routine %s', p.oid::regprocedure), 2 from pg_proc p join pg_namespace n on n.oid = p.pronamespace
              where n.nspname in ({schemas}) and p.proowner <> '{owner}'::regrole
             order by place
           loop
             execute format('alter %s owner to {owner}', it.what);
           end loop;
         end $$;",
        schemas = schemas.join(", ")
    );
    tx.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_where_the_other_went() {
        let login = Login { name: "intake", password: Secret::new("pw") };
        for (server, own) in [
            ("postgres://vigie@127.0.0.1:5432/vigie", "postgres://vigie_intake:pw@127.0.0.1:5432/vigie"),
            ("postgresql://a:p%40@[::1]/x?sslmode=require", "postgresql://vigie_intake:pw@[::1]/x?sslmode=require"),
            ("postgres:///vigie?host=/run/postgresql", "postgres://vigie_intake:pw@/vigie?host=/run/postgresql"),
        ] {
            assert_eq!(login.url(server).unwrap().expose(), own);
        }
    }
}
