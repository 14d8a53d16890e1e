//! What became known of incidents in hand, or was answered, as the journal tells it: what a desk has not read yet, and
//! whose refusal stands.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_domain::{access::Caller, city::City, french};
use vigie_proto::{
    BodyId, IncidentId,
    event::{Event, IncidentSnapshot, Known, News as Novelties, RefusalReason, TakenBack},
    sensitivity::Sensitivity,
};

/// Facts that tell something new of an incident in hand.
const TELLING: [&str; 7] = [
    "vigie.incident.reinforced.v1",
    "vigie.incident.aggravated.v1",
    "vigie.incident.replanned.v1",
    "vigie.incident.acknowledged.v1",
    "vigie.incident.refused.v1",
    "vigie.incident.taken-back.v1",
    "vigie.incident.reopened.v1",
];

/// What is new of one incident.
#[derive(Debug, Default)]
pub(crate) struct News {
    items: Vec<Item>,
    pub(crate) refusals: Vec<Refusal>,
}

/// A fact that tells something new.
#[derive(Debug)]
struct Item {
    entry: Uuid,
    at: Timestamp,
    event: Event,
    read: bool,
}

/// A body that was asked, will not take charge, and has not said otherwise since nor been asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) body: BodyId,
    pub(crate) reason: RefusalReason,
    pub(crate) at: Timestamp,
}

/// Something new, in French.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

/// What is new of `incidents`, read or not by the desk `source`.
pub(crate) async fn of(
    connection: &mut PgConnection,
    incidents: &[Uuid],
    source: &str,
) -> Result<HashMap<IncidentId, News>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select e.incident_id as "incident_id!", e.event_id, e.type as type_name, e.recorded_at, e.data::text as "data!",
                coalesce(e.event_id = any(r.entries), false) as "read!"
           from journal.entry e left join console.news_read r on r.source = $2 and r.incident_id = e.incident_id
          where e.incident_id = any($1) and e.type = any($3) order by e.epoch, e.seq"#,
        incidents.to_vec(),
        source,
        TELLING.map(str::to_owned).to_vec()
    )
    .fetch_all(connection)
    .await?;
    let mut news: HashMap<IncidentId, News> = HashMap::new();
    for row in rows {
        // What a newer Vigie has written is passed over.
        let Ok(event) = Event::decode(&row.type_name, &row.data) else { continue };
        let item = Item { entry: row.event_id, at: row.recorded_at.to_jiff(), event, read: row.read };
        news.entry(IncidentId(row.incident_id)).or_default().hear(item);
    }
    Ok(news)
}

/// Everything that is new of `incident` is read by the desk `source`.
pub(crate) async fn note_read(
    connection: &mut PgConnection,
    incident: IncidentId,
    source: &str,
    news: &News,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if news.items.iter().all(|item| item.read) {
        return Ok(());
    }
    let entries: Vec<Uuid> = news.items.iter().map(|item| item.entry).collect();
    // Another screen may have read what was not there yet when this page was made.
    sqlx::query!(
        "insert into console.news_read as known (source, incident_id, entries, at) values ($1, $2, $3, $4)
         on conflict (source, incident_id) do update
            set entries = array(select unnest(known.entries) union select unnest(excluded.entries)), at = excluded.at",
        source,
        incident.0,
        &entries,
        now.to_sqlx()
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl News {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other facts are not asked for")]
    fn hear(&mut self, item: Item) {
        match &item.event {
            Event::IncidentRefused(e) => {
                self.refusals.retain(|known| known.body != e.by.body);
                self.refusals.push(Refusal { body: e.by.body.clone(), reason: e.reason, at: item.at });
            }
            Event::IncidentAcknowledged(e) => self.refusals.retain(|known| known.body != e.by.body),
            Event::IncidentTakenBack(e) => self.refusals.retain(|known| known.body != e.by.body),
            // Everybody is asked again.
            Event::IncidentAggravated(_) => self.refusals.clear(),
            _ => {}
        }
        self.items.push(item);
    }

    /// What is new and not read, as `caller` may know it; what its own body did is not news to it.
    pub(crate) fn unread(&self, caller: Caller<'_>, city: &City) -> Vec<Line> {
        let unread = self.items.iter().filter(|item| !item.read);
        unread.flat_map(|item| item.lines(caller, city)).collect()
    }

    /// The same, of the facts after `since`, read or not.
    pub(crate) fn since(&self, since: Timestamp, caller: Caller<'_>, city: &City) -> Vec<Line> {
        let later = self.items.iter().filter(|item| item.at >= since);
        later.flat_map(|item| item.lines(caller, city)).collect()
    }

    /// Each refusal in words.
    pub(crate) fn refusals_in_words(&self, city: &City) -> Vec<String> {
        self.refusals.iter().map(|refusal| refusal.in_words(city)).collect()
    }

    /// When the first fact that the desk has not read was recorded.
    pub(crate) fn first_unread(&self) -> Option<Timestamp> {
        self.items.iter().find(|item| !item.read).map(|item| item.at)
    }
}

impl Refusal {
    /// `Commissariat du 19e : pas de moyens disponibles`
    pub(crate) fn in_words(&self, city: &City) -> String {
        let reason = self.reason.label();
        let mut letters = reason.chars();
        let lower: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
        format!("{} : {lower}", name(&self.body, city))
    }
}

impl Item {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other facts are not asked for")]
    fn lines(&self, caller: Caller<'_>, city: &City) -> Vec<Line> {
        let texts = match &self.event {
            Event::IncidentReinforced(e) => told(&e.news, &e.incident, caller, city),
            Event::IncidentReplanned(e) => told(&e.news, &e.incident, caller, city),
            Event::IncidentAggravated(e) => {
                let mut texts = vec![format!("niveau {}", e.incident.severity.label().to_lowercase())];
                texts.extend(told(&e.news, &e.incident, caller, city));
                texts
            }
            Event::IncidentAcknowledged(e) if e.by.body != caller.source.body => {
                vec![format!("pris en compte par {}", name(&e.by.body, city))]
            }
            Event::IncidentRefused(e) if e.by.body != caller.source.body => {
                vec![format!("refus de {}", name(&e.by.body, city))]
            }
            Event::IncidentTakenBack(e) if e.by.body != caller.source.body => match e.what {
                TakenBack::Charge => vec![format!("{} n'est plus en charge", name(&e.by.body, city))],
                TakenBack::Refusal => vec![format!("{} retire son refus", name(&e.by.body, city))],
            },
            Event::IncidentReopened(e) if e.by.body != caller.source.body => {
                vec![format!("rouvert par {}", name(&e.by.body, city))]
            }
            _ => Vec::new(),
        };
        texts.into_iter().map(|text| Line { at: self.at, text }).collect()
    }
}

/// The French name of a body; its id when the directory has it no more.
fn name(body: &BodyId, city: &City) -> String {
    city.directory.body(body).map_or_else(|| body.to_string(), |known| known.name.clone())
}

/// `news` of `incident` as `caller` may know them.
pub(crate) fn known(news: &Novelties, incident: &IncidentSnapshot, caller: Caller<'_>, city: &City) -> Novelties {
    let Novelties { facts, count, weapons, announced } = news.clone();
    let told = IncidentSnapshot { known: Known { count, weapons, facts }, ..incident.clone() };
    let shown = caller.shown(&told, Sensitivity::Personal, city);
    let Known { count, weapons, facts } = shown.known;
    Novelties { facts, count, weapons, announced: announced && shown.expected_at.is_some() }
}

fn told(news: &Novelties, incident: &IncidentSnapshot, caller: Caller<'_>, city: &City) -> Vec<String> {
    let Novelties { facts, count, weapons, announced } = known(news, incident, caller, city);
    let known = Known { count, weapons, facts: Vec::new() };
    let mut texts: Vec<String> = facts.into_iter().map(|fact| fact.label).collect();
    texts.extend(known.in_words());
    let zone = &city.doctrine.zone;
    let at = caller.shown(incident, Sensitivity::Personal, city).expected_at.filter(|_| announced);
    texts.extend(at.map(|at| format!("annoncé pour {}", french::date_time(at, zone))));
    texts
}
