//! `GET /api/v1/events`: what the caller may see, as it happens, resumable.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::sse::{Event as SseEvent, KeepAlive, Sse},
};
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::Instant,
};
use vigie_domain::{
    access::{self, Caller, Ties},
    directory::Source,
};
use vigie_edge::{credential::Presented, porter::Client, problem::Problem};
use vigie_platform::{
    journal::{self, Entry, Position},
    server::Stopping,
};
use vigie_proto::{
    IncidentId,
    event::{Event, IncidentSnapshot, News, SecurityMatter},
    sensitivity::Sensitivity,
};

use crate::{Edge, live::Seat, news::known};

/// Entries read at once when a listener catches up.
const PAGE: i64 = 200;

/// How often a quiet stream says that it is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// How often a stream asks whether what opened it is still in force. With the time the answer takes, a stream ends
/// within ten seconds of its token, session or source.
const FOLLOWED_EVERY: Duration = Duration::from_secs(4);

/// From where to read.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Id of the last event seen, for those who cannot set the header; the header goes before it.
    after: Option<String>,
    /// Facts about crises too: `crisis.…` events with `{"at": …, "crisis": …}`.
    #[serde(default)]
    crises: bool,
}

/// Server-sent events. `Last-Event-ID` resumes after that event, whatever happened meanwhile.
///
/// What was shown must be read again when a `reload` event comes: the stream could not go on from the id it was given
/// (unreadable, of a former release, or of a database restored since), and goes on from the present.
///
/// A fact that tells something new of an incident in hand has `news`, as far as the listener may know them: facts, each with
/// whether it `alarms`, the number of persons, what is known of weapons, that a time is announced.
///
/// A quiet stream sends an `alive` event every five seconds: `{"at": …}`, with an id to resume after.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "event_stream", tag = "incidents",
    params(Start, ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen; the present when absent")),
    responses(
        (status = 200, description = "A stream that stays open: one event for each fact about an incident, and about a crisis when asked, the caller may see", body = String, content_type = "text/event-stream"),
        (status = 401, description = "No token, or unknown", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "This source has too many streams open", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn stream(
    State(edge): State<Arc<Edge>>,
    Extension(presented): Extension<Presented>,
    Extension(client): Extension<Client>,
    Extension(stopping): Extension<Stopping>,
    headers: HeaderMap,
    start: Result<Query<Start>, QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Problem> {
    let caller = edge.caller(&presented)?;
    let source = caller.source.clone();
    let Query(asked) = start.map_err(|e| Problem::undecoded(&e.body_text()))?;
    let header = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let given = header.or(asked.after.as_deref()).filter(|id| !id.is_empty());
    let at_most = edge.context.config.http.streams_per_source;
    let seat = edge.live.seat(&source.id, at_most).ok_or_else(|| {
        let notes = edge.authenticator.notes();
        notes.note(SecurityMatter::StreamRefused, Some(&source.id), Some(client.0));
        too_many(at_most)
    })?;
    let live = edge.live.listen();
    let end = end_of_journal(&edge).await?;
    let start = match given {
        Some(given) => resumed(&edge, given).await?,
        None => Some(end),
    };
    let silent_until = Instant::now() + ALIVE_EVERY;
    let crises = asked.crises;
    let told = told(&edge, &source).await?;
    let listener = Listener {
        edge,
        source,
        presented,
        stopping,
        _seat: seat,
        crises,
        told,
        live,
        position: start.unwrap_or(end),
        must_reload: start.is_none(),
        catching_up: true,
        ready: Vec::new(),
        silent_until,
        follow_at: Instant::now() + FOLLOWED_EVERY,
    };
    let stream = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        listener.silent_until = Instant::now() + ALIVE_EVERY;
        Some((Ok(event), listener))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// Incidents that are not closed and that the source's body was told of.
async fn told(edge: &Edge, source: &Source) -> Result<HashSet<IncidentId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select distinct a.incident_id from routing.incident i join escalation.alert a on a.incident_id = i.id
          where i.status <> 'closed' and a.body = $1",
        source.body.as_str()
    )
    .fetch_all(&edge.pool)
    .await?;
    Ok(ids.into_iter().map(IncidentId).collect())
}

fn too_many(at_most: usize) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", "Trop de flux ouverts")
        .detail(format!(
            "Votre fonction a déjà {at_most} flux ouverts, le plus qu'elle puisse avoir : fermez des pages, puis réessayez."
        ))
        .retry_after(10)
}

pub(crate) async fn end_of_journal(edge: &Edge) -> Result<Position, sqlx::Error> {
    journal::horizon(&mut *edge.pool.acquire().await?).await
}

/// Where a stream goes on that was last at `id`; none when that says nothing of this journal: it is unreadable, of a former
/// release, or of what a database has lost that was restored to an earlier state since.
async fn resumed(edge: &Edge, id: &str) -> Result<Option<Position>, sqlx::Error> {
    let Ok(position) = id.parse() else { return Ok(None) };
    let known = journal::has_been_at(&mut *edge.pool.acquire().await?, position).await?;
    Ok(known.then_some(position))
}

/// One open stream.
struct Listener {
    edge: Arc<Edge>,
    source: Source,
    /// What opened it: the stream ends with it.
    presented: Presented,
    stopping: Stopping,
    /// Counted among its source's streams.
    _seat: Seat,
    /// Hears of crises too.
    crises: bool,
    /// Incidents its body was told of, whoever follows them.
    told: HashSet<IncidentId>,
    live: broadcast::Receiver<Arc<(Position, Entry)>>,
    /// The last entry looked at.
    position: Position,
    /// It could not be resumed where it was asked to, and has not said so yet.
    must_reload: bool,
    /// Reading from the journal, not from the live end.
    catching_up: bool,
    /// Entries read and not yet shown, latest first.
    ready: Vec<(Position, Entry)>,
    /// When it says that it is alive, whatever goes by that this listener may not see.
    silent_until: Instant,
    /// When it asks again whether it may go on.
    follow_at: Instant,
}

impl Listener {
    /// The next event this listener may see; none when its token or session has ended, the server stops or the journal
    /// is out of reach.
    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if self.follow_at <= Instant::now() && !self.may_go_on().await {
                return None;
            }
            if std::mem::take(&mut self.must_reload) {
                let data = json!({ "at": self.edge.context.clock.now() });
                let id = self.position.to_string();
                return Some(SseEvent::default().id(id).event("reload").data(data.to_string()));
            }
            while let Some((position, entry)) = self.ready.pop() {
                self.position = position;
                if let Some(event) = self.shown(position, &entry) {
                    return Some(event);
                }
            }
            if self.catching_up {
                let mut connection = self.edge.pool.acquire().await.ok()?;
                self.ready = journal::read_after(&mut connection, self.position, PAGE).await.ok()?;
                self.catching_up = i64::try_from(self.ready.len()) == Ok(PAGE);
                self.ready.reverse();
                continue;
            }
            let (silent_until, follow_at) = (self.silent_until, self.follow_at);
            let heard = tokio::select! {
                biased;
                () = self.stopping.0.cancelled() => return None,
                () = tokio::time::sleep_until(silent_until) => return Some(self.alive()),
                () = tokio::time::sleep_until(follow_at) => continue,
                heard = self.live.recv() => heard,
            };
            match heard {
                Ok(entry) if entry.0 > self.position => self.ready.push((*entry).clone()),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.catching_up = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Whether what opened it is in force, and its source in the directory, with the role it has now.
    async fn may_go_on(&mut self) -> bool {
        self.follow_at = Instant::now() + FOLLOWED_EVERY;
        let edge = &self.edge;
        let Some(source) = edge.in_force.get().directory.source(&self.presented.source).cloned() else { return false };
        self.source = source;
        if let Some(end) = self.end_if_lost().await {
            (self.position, self.must_reload) = (end, true);
        }
        match self.edge.authenticator.is_in_force(&self.presented, self.edge.context.clock.now()).await {
            Ok(in_force) => in_force,
            // Without the database nothing new is shown either; who was let in is not thrown out for it.
            Err(error) => {
                tracing::warn!(%error, "a live stream could not ask whether it may go on");
                true
            }
        }
    }

    /// The end of the journal, when the database has gone back to before what was shown here.
    async fn end_if_lost(&self) -> Option<Position> {
        let mut connection = self.edge.pool.acquire().await.ok()?;
        let known = journal::has_been_at(&mut connection, self.position).await.ok()?;
        if known { None } else { journal::horizon(&mut connection).await.ok() }
    }

    fn alive(&self) -> SseEvent {
        let now = self.edge.context.clock.now();
        SseEvent::default().id(self.position.to_string()).event("alive").data(json!({ "at": now }).to_string())
    }

    /// The event as this listener may see it. Only facts about incidents are shown, never plans nor contact points.
    fn shown(&mut self, position: Position, entry: &Entry) -> Option<SseEvent> {
        let event = Event::decode(&entry.envelope.type_name, &entry.data).ok()?;
        if let Event::AlertIssued(alert) = &event
            && alert.body == self.source.body
        {
            self.told.insert(alert.incident.id);
            self.told.extend(alert.also.iter().map(|also| also.incident.id));
        }
        let city = self.edge.in_force.get();
        let caller = Caller::of(&self.source, &city.directory)?;
        let at = entry.envelope.time;
        let data = match (event.snapshot(), event.crisis()) {
            (Some(incident), _) => {
                let ties = Ties { told: self.told.contains(&incident.id), ..Ties::default() };
                let position = access::Position::of(caller.party(), incident, ties, &city.doctrine, &city.directory)?;
                let clearance = position.clearance()?;
                let did = if clearance >= Sensitivity::Restricted { summary(&event) } else { serde_json::Value::Null };
                let incident = caller.shown(incident, clearance, &city);
                let mut shown = json!(incident);
                // What was told to whom nobody reached may be less than this listener knows already.
                if !matches!(event, Event::DeliveryDeadLettered(_)) {
                    shown["place"] = json!(incident.place_in_words());
                }
                let mut data = json!({ "at": at, "incident": shown, "did": did });
                if let Some((news, told)) = news_of(&event).filter(|_| clearance >= Sensitivity::Restricted) {
                    let news = known(news, told, caller, &city);
                    if !news.is_empty() {
                        data["news"] = json!(news);
                    }
                }
                data
            }
            (None, Some(crisis)) if self.crises && caller.sees_crisis(crisis) => json!({ "at": at, "crisis": crisis }),
            _ => return None,
        };
        let name = entry.envelope.type_name.trim_start_matches("vigie.").trim_end_matches(".v1");
        Some(SseEvent::default().id(position.to_string()).event(name).data(data.to_string()))
    }
}

/// What became known by it, and of what incident.
#[expect(clippy::wildcard_enum_match_arm, reason = "most facts tell nothing new of an incident")]
fn news_of(event: &Event) -> Option<(&News, &IncidentSnapshot)> {
    match event {
        Event::IncidentReinforced(e) => Some((&e.news, &e.incident)),
        Event::IncidentAggravated(e) => Some((&e.news, &e.incident)),
        Event::IncidentReplanned(e) => Some((&e.news, &e.incident)),
        _ => None,
    }
}

/// Who did it, when somebody did.
#[expect(clippy::wildcard_enum_match_arm, reason = "most facts have nobody to name")]
fn summary(event: &Event) -> serde_json::Value {
    match event {
        Event::IncidentAcknowledged(e) => json!({ "by": e.by.body }),
        Event::IncidentRefused(e) => json!({ "by": e.by.body, "reason": e.reason }),
        Event::IncidentHandedOver(e) => json!({ "by": e.by.body, "to": e.to }),
        Event::IncidentCalled(e) => json!({ "by": e.by.body, "to": e.to }),
        Event::IncidentSeparated(e) => json!({ "by": e.by.body, "becomes": e.becomes }),
        Event::ReturnGiven(e) => json!({ "by": e.by.body, "owed": e.owed, "outcome": e.outcome }),
        Event::IncidentSeen(e) => json!({ "by": e.by.body }),
        Event::IncidentNoted(e) => json!({ "by": e.by.body }),
        Event::IncidentClosed(e) => json!({ "by": e.by.body, "reason": e.reason }),
        Event::IncidentTakenBack(e) => json!({ "by": e.by.body, "what": e.what }),
        Event::IncidentReopened(e) => json!({ "by": e.by.body }),
        Event::IncidentEased(e) => json!({ "by": e.by.body, "from": e.from }),
        Event::IncidentAggravated(e) => json!({ "from": e.from }),
        Event::DeliveryDeadLettered(e) => json!({ "unreachable": e.body }),
        _ => serde_json::Value::Null,
    }
}
