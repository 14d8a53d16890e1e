//! `/scop/evenements/{id}`: one incident, what was done about it, what comes next, and the acts on it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;
use vigie_domain::{
    access::{self, Caller, Position},
    french,
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_proto::{
    BodyId, CrisisRegime, IncidentId, IncidentStatus, Severity, event::ClosingReason, sensitivity::Sensitivity,
};

use super::{
    closing,
    deed::{Deed, Did},
    row::Row,
    story::{self, Story},
    words,
};
use crate::{
    Edge,
    acknowledge::echo::{Said, echo},
    act::{Outcome, rejected, request::carry_out},
    caller::{self, Seen},
    events::end_of_journal,
    explanations::{ExplanationView, explained},
    incidents::parse_id,
    news::{self, Line, Refusal},
    words::note_reading,
};

/// What the address asks besides the incident.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    /// An act just done, by its code.
    fait: String,
    /// The act just done waits to be applied.
    attente: String,
    /// A body whose part is to be explained.
    service: String,
    /// The page is open already and read again: since when it shows what is new.
    depuis: Option<Timestamp>,
    /// Somebody has that page before their eyes.
    lu: String,
}

#[derive(Debug, Template)]
#[template(path = "incident.html")]
struct IncidentPage {
    frame: Frame,
    /// Where the live stream goes on from.
    after: String,
    row: Row,
    seen: Seen,
    opened: String,
    expected: Option<String>,
    story: Story,
    /// What is new that nobody of the desk had read before this page was opened, the first first: when, and what.
    news: Vec<(String, String)>,
    /// From when on.
    news_since: Timestamp,
    /// Result of the act just done.
    done: Option<&'static str>,
    /// What follows from that.
    effect: String,
    pending: bool,
    /// Why the act just asked for had no effect.
    refused: Option<Problem>,
    kept: Kept,
    asked: String,
    explained: Option<ExplanationView>,
    body_name: String,
    may: May,
    /// Nobody asked the reader's body: its taking charge would stop nothing.
    unasked: bool,
}

/// What the reader may do here.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one per form")]
struct May {
    see: bool,
    acknowledge: bool,
    note: bool,
    change_severity: bool,
    set_regime: bool,
    involve: bool,
    separate: bool,
    close: bool,
    reopen: bool,
}

impl May {
    fn of(position: Option<&Position<'_>>, open: bool) -> Self {
        let Some(position) = position else { return Self::default() };
        let may = |deed| position.may(deed).is_ok();
        Self {
            see: open && may(access::Deed::See),
            acknowledge: open && may(access::Deed::TakeCharge),
            // A note and a return may still follow the closing.
            note: may(access::Deed::Note),
            change_severity: open && may(access::Deed::Aggravate),
            set_regime: open && may(access::Deed::SetRegime),
            involve: open && may(access::Deed::Involve),
            separate: open && may(access::Deed::Separate),
            close: open && may(access::Deed::Close),
            reopen: !open && may(access::Deed::Reopen),
        }
    }
}

impl IncidentPage {
    fn severities(&self) -> impl Iterator<Item = Severity> {
        let now = self.seen.snapshot.severity;
        Severity::ALL.into_iter().filter(move |severity| *severity != now)
    }

    fn regimes(&self) -> impl Iterator<Item = CrisisRegime> {
        let now = self.seen.snapshot.regime;
        CrisisRegime::ALL.into_iter().filter(move |regime| *regime != now)
    }

    fn closing_reasons(&self) -> &'static [ClosingReason] {
        ClosingReason::offered(self.seen.snapshot.nature)
    }

    /// The reader's body has taken charge; it may be asked to confirm.
    fn in_charge(&self) -> bool {
        self.story.view.in_charge.iter().flatten().any(|name| *name == self.body_name)
    }

    /// Words of the form `did`, by its code, when it was refused.
    fn kept(&self, did: &str) -> Option<&str> {
        self.kept.as_ref().filter(|(refused, _)| refused.code() == did).map(|(_, words)| words.as_str())
    }

    fn closed(&self) -> bool {
        self.seen.snapshot.status == IncidentStatus::Closed
    }
}

/// What is shown around an act that was just asked for.
#[derive(Debug, Default)]
struct AfterAct {
    done: Option<&'static str>,
    pending: bool,
    refused: Option<Problem>,
    kept: Kept,
}

/// The words that came with an act that was refused: nobody types them again.
type Kept = Option<(Did, String)>;

/// `GET /scop/evenements/{id}`
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (caller, seen, clearance) = reader(&edge, &presented, &id).await?;
    let Query(asked) = asked?;
    let done = Did::ALL.into_iter().find(|did| did.code() == asked.fait).map(Did::done);
    let result = AfterAct { done, pending: asked.attente == "oui", ..AfterAct::default() };
    let reading = Reading { caller, clearance, session: presented.id };
    page(&edge, &reading, seen, &asked, result, StatusCode::OK).await
}

/// `POST /scop/evenements/{id}`: the act of one of its forms.
pub(crate) async fn act(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    form: Result<Form<Deed>, FormRejection>,
) -> Result<Response, Problem> {
    let (caller, seen, clearance) = reader(&edge, &presented, &id).await?;
    let Form(deed) = form?;
    if deed.did == Did::Close && !deed.confirmed {
        match closing::ask(&edge, caller, &seen, &deed).await {
            Ok(page) => return Ok(page),
            Err(refused) => return refuse(&edge, &presented, caller, clearance, seen.snapshot.id, deed, refused).await,
        }
    }
    let outcome = match deed.request() {
        Ok(request) => carry_out(&edge, caller, &seen, request).await,
        Err(refused) => Err(refused),
    };
    let here = format!("/scop/evenements/{}?fait={}", seen.snapshot.id, deed.did.code());
    let refused = match outcome {
        Ok(Outcome::Applied(_)) => return Ok(Redirect::to(&here).into_response()),
        Ok(Outcome::Recorded) => return Ok(Redirect::to(&format!("{here}&attente=oui")).into_response()),
        Ok(Outcome::Rejected(why)) => rejected(why),
        Err(refused) => refused,
    };
    refuse(&edge, &presented, caller, clearance, seen.snapshot.id, deed, refused).await
}

/// The page as it stands now, with why the act of `deed` had no effect.
async fn refuse(
    edge: &Edge,
    presented: &Presented,
    caller: Caller<'_>,
    clearance: Sensitivity,
    id: IncidentId,
    deed: Deed,
    refused: Problem,
) -> Result<Response, Problem> {
    let status = refused.status_code();
    let result = AfterAct { refused: Some(refused), kept: Some((deed.did, deed.text)), ..AfterAct::default() };
    let reading = Reading { caller, clearance, session: presented.id };
    let (seen, _) = caller::see(edge, caller, id).await?;
    page(edge, &reading, seen, &Asked::default(), result, status).await
}

/// Who reads, how far it sees, and with which session or token.
struct Reading<'a> {
    caller: Caller<'a>,
    clearance: Sensitivity,
    /// What it is listed and ended by.
    session: Uuid,
}

/// Who reads, and the incident when they may follow how it is conducted; 404 otherwise, without saying which.
async fn reader<'a>(
    edge: &'a Edge,
    presented: &Presented,
    id: &str,
) -> Result<(Caller<'a>, Seen, Sensitivity), Problem> {
    let caller = edge.caller(presented)?;
    let (seen, clearance) = caller::see(edge, caller, parse_id(id)?).await?;
    if clearance >= Sensitivity::Restricted {
        Ok((caller, seen, clearance))
    } else {
        Err(Problem::not_found("Événement"))
    }
}

async fn page(
    edge: &Edge,
    reading: &Reading<'_>,
    seen: Seen,
    asked: &Asked,
    result: AfterAct,
    status: StatusCode,
) -> Result<Response, Problem> {
    Ok(render(status, &made(edge, reading, seen, asked, result).await?))
}

async fn made(
    edge: &Edge,
    reading: &Reading<'_>,
    seen: Seen,
    asked: &Asked,
    result: AfterAct,
) -> Result<IncidentPage, Problem> {
    let service = asked.service.as_str();
    let Reading { caller, clearance, session } = reading;
    let caller = *caller;
    let reads = *clearance >= Sensitivity::Personal && caller.reading(&seen.snapshot, &edge.city).words;
    let after = end_of_journal(edge).await?.to_string();
    let words = words(edge);
    let zone = &edge.city.doctrine.zone;
    let (news_since, news, refusals) = read_news(edge, caller, seen.snapshot.id, asked).await?;
    let story = story::tell(edge, caller, &seen, reads, &words).await?;
    if story.shows_words() {
        let mut connection = edge.pool.acquire().await?;
        note_reading(edge, &mut connection, caller, *session, seen.snapshot.id).await?;
    }
    let explained = match BodyId::new(service) {
        Ok(body) if !service.is_empty() => Some(explained(edge, seen.snapshot.id, body).await?),
        _ => None,
    };
    let body = edge.city.directory.body(&caller.source.body);
    Ok(IncidentPage {
        frame: Frame::of(caller, if caller.operates() { "/scop" } else { "" }),
        after,
        row: Row::of(story.view.clone(), &words),
        opened: french::date_time(seen.snapshot.opened_at, zone),
        expected: seen.snapshot.expected_at.map(|at| french::date_time(at, zone)),
        effect: if result.done == Some(Did::Acknowledge.done()) {
            let by = (&caller.source.body, &caller.source.role);
            let said = Some(Said::Acknowledged { at: edge.now });
            echo(edge, &seen, by, *clearance, said, &refusals).follows.join(" ")
        } else {
            String::new()
        },
        news: news.into_iter().map(|line| (words(line.at), line.text)).collect(),
        news_since,
        done: result.done,
        pending: result.pending,
        refused: result.refused,
        kept: result.kept,
        asked: service.to_owned(),
        explained,
        body_name: body.map_or_else(String::new, |body| body.name.clone()),
        may: May::of(seen.position(edge, caller.party()).as_ref(), seen.snapshot.status != IncidentStatus::Closed),
        unasked: !seen.ties.asked,
        story,
        seen: Seen { snapshot: caller.shown(&seen.snapshot, *clearance, &edge.city), ..seen },
    })
}

/// What is new since the desk last read it, or since the page that is read again was opened; from now on it is read, unless
/// that page lies behind another.
async fn read_news(
    edge: &Edge,
    caller: Caller<'_>,
    id: IncidentId,
    asked: &Asked,
) -> Result<(Timestamp, Vec<Line>, Vec<Refusal>), sqlx::Error> {
    let now = edge.context.clock.now();
    let source = caller.source.id.as_str();
    let mut connection = edge.pool.acquire().await?;
    let news = news::of(&mut connection, &[id.0], source).await?.remove(&id).unwrap_or_default();
    let (since, lines) = match asked.depuis {
        Some(since) => (since, news.since(since, caller, &edge.city)),
        None => (news.first_unread().unwrap_or(now), news.unread(caller, &edge.city)),
    };
    if asked.depuis.is_none() || asked.lu == "oui" {
        news::note_read(&mut connection, id, source, &news, now).await?;
    }
    Ok((since, lines, news.refusals))
}
