//! Contact points that wait for the code that proves them: not in the directory, and told to nobody.
//!
//! One change waits per contact point. What is in force stays in force until the code comes back.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgExecutor, PgPool};
use vigie_domain::directory::{Contact, Directory, Edit};
use vigie_proto::{BodyId, Channel, ContactId, SourceId};

/// Days after which a change that nobody proved is forgotten.
const KEPT_DAYS: i64 = 30;

/// A contact point as somebody wants it.
#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) contact: ContactId,
    pub(crate) body: BodyId,
    pub(crate) channel: Channel,
    /// Never logged.
    pub(crate) address: String,
    pub(crate) duty: Option<String>,
    /// In whose name it is published.
    pub(crate) by: SourceId,
    pub(crate) note: Option<String>,
}

/// Without the address.
impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { contact, body, channel, .. } = self;
        f.debug_struct("Pending").field("contact", contact).field("body", body).field("channel", channel).finish()
    }
}

impl Pending {
    /// What `edit` would have wait: an address that is not in force yet, outside the house. None for every other edit.
    pub(crate) fn of(edit: &Edit, directory: &Directory, by: &SourceId, note: Option<&str>) -> Option<Self> {
        let Edit::SetContact { id, body, channel, address, duty } = edit else { return None };
        let address = address.trim();
        let serves = |contact: &Contact| contact.channel == *channel && contact.address == address;
        if *channel == Channel::Screen || directory.contact(id).is_some_and(|known| serves(known.contact)) {
            return None;
        }
        Some(Self {
            contact: id.clone(),
            body: body.clone(),
            channel: *channel,
            address: address.to_owned(),
            duty: duty.clone(),
            by: by.clone(),
            note: note.map(str::to_owned),
        })
    }

    /// The edit that puts it in force.
    pub(crate) fn edit(&self) -> Edit {
        Edit::SetContact {
            id: self.contact.clone(),
            body: self.body.clone(),
            channel: self.channel,
            address: self.address.clone(),
            duty: self.duty.clone(),
        }
    }

    /// The contact point it would be.
    pub(crate) fn as_contact(&self) -> Contact {
        Contact {
            id: self.contact.clone(),
            channel: self.channel,
            address: self.address.clone(),
            duty: self.duty.clone(),
            verified: None,
        }
    }
}

/// Has `pending` wait, in the place of what waited for that contact point.
pub(crate) async fn keep(tx: &mut PgConnection, pending: &Pending, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from directory.pending_contact where asked_at < $1",
        (now - SignedDuration::from_hours(24 * KEPT_DAYS)).to_sqlx()
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into directory.pending_contact (contact, body, channel, address, duty, by_source, note, asked_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (contact) do update set body = excluded.body, channel = excluded.channel,
           address = excluded.address, duty = excluded.duty, by_source = excluded.by_source, note = excluded.note,
           asked_at = excluded.asked_at",
        pending.contact.as_str(),
        pending.body.as_str(),
        pending.channel.code(),
        &pending.address,
        pending.duty.as_deref(),
        pending.by.as_str(),
        pending.note.as_deref(),
        now.to_sqlx()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What waits for a contact point.
pub(crate) async fn find(connection: &mut PgConnection, id: &ContactId) -> Result<Option<Pending>, sqlx::Error> {
    Ok(waiting(connection, Some(id), None).await?.pop())
}

/// What waits for a body's contact points, in order of id.
pub(crate) async fn of_body(pool: &PgPool, body: &BodyId) -> Result<Vec<Pending>, sqlx::Error> {
    waiting(pool, None, Some(body)).await
}

async fn waiting(
    executor: impl PgExecutor<'_>,
    contact: Option<&ContactId>,
    body: Option<&BodyId>,
) -> Result<Vec<Pending>, sqlx::Error> {
    let token = |error: vigie_proto::InvalidToken| sqlx::Error::Decode(Box::new(error));
    let waiting = sqlx::query!(
        "select contact, body, channel, address, duty, by_source, note from directory.pending_contact
          where contact = $1 or body = $2 order by contact",
        contact.map(ContactId::as_str),
        body.map(BodyId::as_str)
    );
    let waiting = waiting.try_map(|row| {
        Ok(Pending {
            contact: ContactId::new(row.contact).map_err(token)?,
            body: BodyId::new(row.body).map_err(token)?,
            channel: vigie_platform::database::coded(&row.channel, "channel")?,
            address: row.address,
            duty: row.duty,
            by: SourceId::new(row.by_source).map_err(token)?,
            note: row.note,
        })
    });
    waiting.fetch_all(executor).await
}

/// Nothing waits for this contact point any more; true when something did.
pub(crate) async fn forget(tx: &mut PgConnection, id: &ContactId) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query!("delete from directory.pending_contact where contact = $1", id.as_str());
    Ok(gone.execute(tx).await?.rows_affected() > 0)
}
