//! Messages that try a contact point: issued here, sent by whoever sends, answered here.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use vigie_domain::directory::Recipient;
use vigie_platform::{ids, journal, journal::Entry};
use vigie_proto::{
    BodyId, Channel, ContactId, DrillId, ProbeId, RoleId, SourceId,
    event::{Event, ProbeAnsweredV1, ProbeIssuedV1, ProbePurpose},
};

use crate::reachability::address_digest;

/// Codes that may be tried before a verification is void: one in two hundred thousand guesses right.
pub(crate) const WRONG_CODES_AT_MOST: i32 = 5;
/// Whoever counts codes holds this lock.
const CODES_LOCK: i64 = 0x7669_6769_6532;

/// Why a round of probes is issued.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) purpose: ProbePurpose,
    pub(crate) drill: Option<DrillId>,
    /// The source that asked for a code.
    pub(crate) by: Option<&'a SourceId>,
}

/// Writes a probe for each recipient and journals it. Returns the facts to hand to the relay.
pub(crate) async fn issue(
    tx: &mut PgConnection,
    recipients: &[Recipient<'_>],
    Cause { purpose, drill, by }: Cause<'_>,
    answer_within: SignedDuration,
    now: Timestamp,
) -> Result<(Vec<ProbeId>, Vec<Entry>), sqlx::Error> {
    let expires_at = now + answer_within;
    let probes: Vec<ProbeIssuedV1> = recipients
        .iter()
        .map(|Recipient { body, contact }| ProbeIssuedV1 {
            probe_id: ProbeId(ids::fresh()),
            purpose,
            drill,
            body: body.id.clone(),
            role: body.role.clone(),
            contact: contact.id.clone(),
            channel: contact.channel,
            issued_at: now,
            expires_at,
        })
        .collect();
    let text = |of: fn(&ProbeIssuedV1) -> String| probes.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        "insert into directory.probe
           (id, drill, purpose, contact, body, role, channel, address_digest, state, issued_at, changed_at, expires_at,
            by_source)
         select p.id, $1, $2, p.contact, p.body, p.role, p.channel, p.digest, 'issued', $3, $3, $4, $11
           from unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[])
             as p (id, contact, body, role, channel, digest)",
        drill.map(|drill| drill.0),
        purpose.code(),
        now.to_sqlx(),
        expires_at.to_sqlx(),
        probes.iter().map(|probe| probe.probe_id.0).collect::<Vec<_>>(),
        text(|probe| probe.contact.to_string()),
        text(|probe| probe.body.to_string()),
        text(|probe| probe.role.to_string()),
        text(|probe| probe.channel.to_string()),
        recipients.iter().map(|recipient| address_digest(&recipient.contact.address)).collect::<Vec<_>>(),
        by.map(SourceId::as_str)
    )
    .execute(&mut *tx)
    .await?;
    let ids = probes.iter().map(|probe| probe.probe_id).collect();
    let entry = |probe: ProbeIssuedV1| Entry::new("directory", &Event::from(probe), now, None, None);
    let entries: Vec<Entry> = probes.into_iter().map(entry).collect();
    journal::append(tx, &entries).await?;
    Ok((ids, entries))
}

/// Issues a probe to an address that is not that of a contact point in force; nobody but whoever sends reads it.
pub(crate) async fn issue_elsewhere(
    tx: &mut PgConnection,
    recipient: Recipient<'_>,
    cause: Cause<'_>,
    answer_within: SignedDuration,
    now: Timestamp,
) -> Result<(Vec<ProbeId>, Vec<Entry>), sqlx::Error> {
    let issued = issue(tx, &[recipient], cause, answer_within, now).await?;
    sqlx::query!("delete from directory.probe_address where expires_at <= $1", now.to_sqlx()).execute(&mut *tx).await?;
    for id in &issued.0 {
        sqlx::query!(
            "insert into directory.probe_address (probe, channel, address, expires_at) values ($1, $2, $3, $4)",
            id.0,
            recipient.contact.channel.code(),
            &recipient.contact.address,
            (now + answer_within).to_sqlx()
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(issued)
}

/// Codes sent over the day before `now`: to this address, and at the request of this source. Whoever counts holds the
/// count to the end of the transaction, so that requests at once, on whatever replica, do not pass together.
pub(crate) async fn codes_of_the_day(
    tx: &mut PgConnection,
    address: &str,
    by: &SourceId,
    now: Timestamp,
) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock($1)", CODES_LOCK).execute(&mut *tx).await?;
    let row = sqlx::query!(
        r#"select count(*) filter (where address_digest = $1) as "of_address!",
                count(*) filter (where by_source = $2) as "of_source!"
           from directory.probe where purpose = 'verification' and issued_at > $3"#,
        address_digest(address),
        by.as_str(),
        (now - SignedDuration::from_hours(24)).to_sqlx()
    )
    .fetch_one(tx)
    .await?;
    Ok((row.of_address, row.of_source))
}

/// A probe as stored.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) id: ProbeId,
    pub(crate) purpose: ProbePurpose,
    pub(crate) drill: Option<DrillId>,
    pub(crate) body: BodyId,
    pub(crate) role: RoleId,
    pub(crate) contact: ContactId,
    pub(crate) channel: Channel,
    pub(crate) answered: bool,
    pub(crate) expires_at: Timestamp,
    pub(crate) wrong_codes: i32,
    /// Of the address it went to.
    pub(crate) address_digest: Vec<u8>,
}

/// The probe, locked until the transaction ends.
pub(crate) async fn find(tx: &mut PgConnection, id: ProbeId) -> Result<Option<Probe>, sqlx::Error> {
    let row = sqlx::query!(
        "select purpose, drill, body, role, contact, channel, state, expires_at, wrong_codes, address_digest
           from directory.probe where id = $1 for update",
        id.0
    )
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let token = |error: vigie_proto::InvalidToken| sqlx::Error::Decode(Box::new(error));
    Ok(Some(Probe {
        id,
        purpose: vigie_platform::database::coded(&row.purpose, "purpose")?,
        drill: row.drill.map(DrillId),
        body: BodyId::new(row.body).map_err(token)?,
        role: RoleId::new(row.role).map_err(token)?,
        contact: ContactId::new(row.contact).map_err(token)?,
        channel: vigie_platform::database::coded(&row.channel, "channel")?,
        answered: row.state == "answered",
        expires_at: row.expires_at.to_jiff(),
        wrong_codes: row.wrong_codes,
        address_digest: row.address_digest,
    }))
}

/// Records that somebody answered, once; returns the fact to hand to the relay.
pub(crate) async fn answered(
    tx: &mut PgConnection,
    probe: &Probe,
    now: Timestamp,
) -> Result<Option<Entry>, sqlx::Error> {
    let changed = sqlx::query!(
        "update directory.probe set state = 'answered', changed_at = $2 where id = $1 and state <> 'answered'",
        probe.id.0,
        now.to_sqlx()
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(None);
    }
    let fact = ProbeAnsweredV1 {
        probe_id: probe.id,
        purpose: probe.purpose,
        drill: probe.drill,
        body: probe.body.clone(),
        contact: probe.contact.clone(),
        channel: probe.channel,
        at: now,
    };
    let entry = Entry::new("directory", &Event::from(fact), now, None, None);
    journal::append(tx, std::slice::from_ref(&entry)).await?;
    Ok(Some(entry))
}
