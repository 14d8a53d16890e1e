//! What probes found of each contact point, for the prover and for the report of a drill.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use vigie_domain::{city::City, directory::Reachability};
use vigie_proto::ContactId;

/// What is kept of an address: enough to know that it is the same, however it is capitalised.
pub(crate) fn address_digest(address: &str) -> Vec<u8> {
    Sha256::digest(address.to_lowercase().as_bytes()).to_vec()
}

/// The last thing known of each contact point whose address is still the one that was tried.
///
/// A probe still under way says nothing yet.
pub(crate) async fn found(
    pool: &PgPool,
    city: &City,
    now: Timestamp,
) -> Result<BTreeMap<ContactId, Reachability>, sqlx::Error> {
    // Per address: a code sent to an address that waits says nothing of the one in force.
    let rows = sqlx::query!(
        "select distinct on (contact, address_digest) contact, address_digest, state, changed_at from directory.probe
          where purpose <> 'notice' and (state in ('answered', 'failed') or expires_at <= $1)
          order by contact, address_digest, issued_at desc",
        now.to_sqlx()
    )
    .fetch_all(pool)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let Ok(id) = ContactId::new(row.contact) else { continue };
        let known = city.directory.contact(&id);
        if known.is_none_or(|recipient| address_digest(&recipient.contact.address) != row.address_digest) {
            continue;
        }
        let answered = row.state == "answered";
        let day = row.changed_at.to_jiff().to_zoned(city.doctrine.zone.clone()).date();
        found.insert(id, if answered { Reachability::Answered(day) } else { Reachability::Silent });
    }
    Ok(found)
}
