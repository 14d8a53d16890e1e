//! What a watch cell's page lists.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, types::Json as SqlJson};
use vigie_domain::{
    access::{Caller, Position, Ties},
    directory::Contact,
    doctrine::{Circuit, Medium, PlaceLevel},
};
use vigie_proto::{Kind, SectorId, Severity, Uai, event::IncidentSnapshot, plan::Owed};

use super::{Owing, Point, Raisable, SHOWN};
use crate::{
    Edge,
    incidents::{IncidentView, VIEW, add_news},
    page::{row::Row, withheld},
    timeline::channel,
};

/// Kinds the caller may raise, by id and label; those first that its own role must pass on, as a circuit of the doctrine
/// says that is only for what it raises.
pub(super) fn kinds(edge: &Edge, caller: Caller<'_>) -> Vec<Raisable> {
    let doctrine = &edge.city.doctrine;
    let passes_on = |kind: &Kind| {
        let of_it =
            |circuit: &&Circuit| circuit.kinds.contains(kind) && circuit.raised_by.contains(&caller.source.role);
        doctrine.circuits.iter().any(|circuit| of_it(&circuit))
    };
    let known = caller.role.raises.iter().filter_map(|kind| {
        let label = doctrine.kinds.get(kind)?.label.clone();
        Some(Raisable { id: kind.to_string(), label, passed_on: passes_on(kind) })
    });
    let mut kinds: Vec<Raisable> = known.collect();
    kinds.sort_by_key(|kind| !kind.passed_on);
    kinds
}

/// How the caller's own body is reached: channel, duty position and whether it was proved; never the address.
pub(super) fn contacts(edge: &Edge, caller: Caller<'_>) -> Vec<Point> {
    let Some(body) = edge.city.directory.body(&caller.source.body) else { return Vec::new() };
    let point = |contact: &Contact| Point {
        channel: channel(contact.channel),
        duty: contact.duty.clone().unwrap_or_default(),
        proven: contact.is_proven(),
    };
    body.contacts.iter().map(point).collect()
}

/// The sector's incidents, those not closed first, then the gravest, then the oldest.
pub(super) async fn incidents(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    sector: &SectorId,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Row>, sqlx::Error> {
    let statement = format!(
        "with here as (
           (select i.id from routing.incident i
             where i.status <> 'closed' and (i.sector = $1 or i.also_concerns <> '{{}}' and i.also_concerns @> array[$1]) and not i.kind = any($4)
             order by array_position($2, i.severity), i.opened_at, i.id limit $3)
           union all
           (select i.id from routing.incident i
             where i.status = 'closed' and (i.sector = $1 or i.also_concerns <> '{{}}' and i.also_concerns @> array[$1]) and not i.kind = any($4)
             order by i.closed_at desc, i.id limit $3))
         select {VIEW} join here on here.id = i.id
          order by i.status = 'closed', i.closed_at desc nulls last,
                   array_position($2, i.severity), i.opened_at, i.id limit $3"
    );
    let gravest_first: Vec<&str> = Severity::ALL.iter().rev().map(|severity| severity.code()).collect();
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(sector.as_str())
        .bind(gravest_first)
        .bind(SHOWN)
        .bind(withheld(edge, caller))
        .fetch_all(&mut *connection)
        .await?;
    let read = |row| IncidentView::read(row, caller, &edge.city);
    let mut views = rows.iter().map(read).collect::<Result<Vec<_>, sqlx::Error>>()?;
    add_news(connection, &mut views, caller, &edge.city).await?;
    Ok(views.into_iter().map(|view| Row::of(view, words)).collect())
}

/// Places, kinds apart, that are read to find those with the most weak signals.
const READ: i64 = 1_000;

/// Weak signals of real incidents since an instant, by place, as finely as the reader may know it: by school, by quartier
/// or by kind of place.
pub(super) async fn weak(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    sector: &SectorId,
    since: Timestamp,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let weak = sqlx::query!(
        r#"select i.kind, s.location ->> 'uai' as school, i.snapshot ->> 'place_label' as "place!",
                i.snapshot -> 'whereabouts' ->> 'quartier' as quartier, count(*) as "signals!"
           from intake.signal s
           join routing.incident_signal l on l.signal_id = s.id join routing.incident i on i.id = l.incident_id
          where s.severity = $1 and s.received_at >= $2 and i.sector = $3 and i.nature = 'real' and not i.kind = any($5)
          group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4 limit $4"#,
        Severity::Watch.code(),
        since.to_sqlx(),
        sector.as_str(),
        READ,
        withheld(edge, caller)
    );
    let mut places: BTreeMap<String, i64> = BTreeMap::new();
    for row in weak.fetch_all(connection).await? {
        let named = || {
            let uai = Uai::new(row.school.as_deref()?).ok()?;
            Some(edge.city.territory.school(&uai)?.label())
        };
        // As finely as the reader may know it of this kind.
        let level = Kind::new(row.kind)
            .map_or(PlaceLevel::Sector, |kind| edge.city.reading(&kind, &caller.source.role, Medium::Screen).place);
        let place = match level {
            PlaceLevel::Exact => named().or(row.quartier),
            PlaceLevel::Quartier => row.quartier,
            PlaceLevel::Sector => None,
        };
        *places.entry(place.unwrap_or(row.place)).or_default() += row.signals;
    }
    let mut weak: Vec<(String, i64)> = places.into_iter().collect();
    weak.sort_by_key(|(_, signals)| Reverse(*signals));
    weak.truncate(usize::try_from(SHOWN).unwrap_or(usize::MAX));
    Ok(weak)
}

/// What is owed because of the sector's incidents by those the reader may answer for.
pub(super) async fn owed(
    edge: &Edge,
    connection: &mut PgConnection,
    caller: Caller<'_>,
    sector: &SectorId,
    now: Timestamp,
    words: &impl Fn(Timestamp) -> String,
) -> Result<Vec<Owing>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select o.owed as "owed: SqlJson<Owed>", o.due_at, i.snapshot as "snapshot: SqlJson<IncidentSnapshot>"
           from routing.owed o join routing.incident i on i.id = o.incident_id
          where o.given_at is null and (i.sector = $1 or i.also_concerns @> array[$1]) and not i.kind = any($3)
          order by o.due_at nulls last limit $2"#,
        sector.as_str(),
        SHOWN,
        withheld(edge, caller)
    )
    .fetch_all(connection)
    .await?;
    let directory = &edge.city.directory;
    let mut owing = Vec::new();
    for row in rows {
        let (SqlJson(owed), SqlJson(incident)) = (row.owed, row.snapshot);
        let due = row.due_at.map(jiff_sqlx::Timestamp::to_jiff);
        owing.push(Owing {
            may_give: Position::of(caller.party(), &incident, Ties::default(), &edge.city.doctrine, directory)
                .is_some_and(|position| position.may_return(&owed, directory).is_ok()),
            incident: incident.id.to_string(),
            reference: incident.reference,
            by: edge.city.directory.role_label(&owed.by.role).to_owned(),
            when: due.map(words).unwrap_or_default(),
            late: due.is_some_and(|due| due < now),
            may_be_unknown: owed.may_be_unknown,
            id: owed.id,
            what: owed.what,
        });
    }
    Ok(owing)
}
