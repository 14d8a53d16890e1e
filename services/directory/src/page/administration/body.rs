//! `/annuaire/{body}`: a body's contact points and their proof, its week of duty, replacements, hand-overs and calendars.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{Timestamp, ToSpan, Zoned, civil::Date};
use serde::Deserialize;
use serde_json::json;
use vigie_domain::{
    access::Caller,
    directory::{Ambit, Body, By, Permission, Reachability, duty_channels, gaps, shifts},
    french,
};
use vigie_edge::{
    credential::Presented,
    page::{Frame, render},
    problem::Problem,
};
use vigie_platform::ids;
use vigie_proto::{Channel, ProbeId, SectorId};

use crate::{
    api::{Edge, duty, edits, handovers, kept, verifications},
    pending::{self, Pending},
    reachability,
};

/// Bodies listed on one page.
const LISTED: usize = 400;

#[derive(Debug, Template)]
#[template(path = "administration/bodies.html")]
struct BodiesPage {
    frame: Frame,
    /// Value, label, and whether it is chosen.
    sectors: Vec<(String, String, bool)>,
    bodies: Vec<(String, String, String)>,
    more: usize,
}

#[derive(Debug, Template)]
#[template(path = "administration/body.html")]
struct BodyPage {
    frame: Frame,
    id: String,
    name: String,
    role: String,
    contacts: Vec<ContactLine>,
    /// Positions of the roster, in the order of the rotation.
    positions: Vec<String>,
    week: Week,
    notes: Vec<(String, String, String)>,
    /// Said after an act.
    told: Option<&'static str>,
    /// A code was sent: the verification that waits for it.
    verification: Option<ProbeId>,
    /// Address of a calendar that was just made; shown once.
    feed: Option<String>,
}

#[derive(Debug)]
struct ContactLine {
    id: String,
    channel: &'static str,
    address: String,
    duty: String,
    proof: String,
    /// It is not known to answer.
    doubtful: bool,
    /// A code can be sent there.
    verifiable: bool,
}

#[derive(Debug)]
struct Week {
    title: String,
    before: String,
    after: String,
    shifts: Vec<ShiftLine>,
    gaps: Vec<String>,
}

#[derive(Debug)]
struct ShiftLine {
    rank: usize,
    position: String,
    from: String,
    until: String,
    /// The replacement that says so, if one does.
    replacement: Option<String>,
}

/// Which page of the list, or which week.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    secteur: String,
    /// A day of the week shown.
    #[serde(default, deserialize_with = "vigie_edge::moment::within_reach")]
    du: Option<Date>,
    /// What was done, after a redirection.
    #[serde(default)]
    fait: String,
    verification: Option<ProbeId>,
}

pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;

    if !caller.may(Permission::Administer) {
        return Ok(Redirect::to(&format!("/annuaire/{}", caller.source.body)).into_response());
    }
    let place = match asked.secteur.as_str() {
        "" | "city" => Ambit::City,
        sector => SectorId::new(sector).map_or(Ambit::City, Ambit::Sector),
    };
    let shown = edge.city.directory.bodies().filter(|body| body.ambit == place);
    let mut bodies: Vec<(String, String, String)> = shown
        .map(|body| (body.id.to_string(), body.name.clone(), edge.city.directory.role_label(&body.role).to_owned()))
        .collect();
    let more = bodies.len().saturating_sub(LISTED);
    bodies.truncate(LISTED);
    let sectors = edge.city.territory.sectors().iter().map(|sector| (sector.id.to_string(), sector.label.clone()));
    let sectors = std::iter::once(("city".to_owned(), "Ville".to_owned())).chain(sectors);
    let chosen = |id: &str| id == asked.secteur || (id == "city" && asked.secteur.is_empty());
    let sectors = sectors.map(|(id, label)| (id.clone(), label, chosen(&id))).collect();
    let frame = Frame::of(caller, "/annuaire");
    Ok(render(StatusCode::OK, &BodiesPage { frame, sectors, bodies, more }))
}

pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    show(&edge, presented, &id, &asked, None).await
}

async fn show(
    edge: &Arc<Edge>,
    presented: Presented,
    id: &str,
    asked: &Asked,
    feed: Option<String>,
) -> Result<Response, Problem> {
    let caller = edge.caller(&presented)?;
    let body = kept(edge, caller, id)?;
    let zone = &edge.city.doctrine.zone;
    let waiting = pending::of_body(&edge.pool, &body.id).await?;
    let found = reachability::found(&edge.pool, &edge.city, edge.now).await?;
    let contacts = body.contacts.iter().map(|contact| {
        let silent = found.get(&contact.id) == Some(&Reachability::Silent);
        let verified = match found.get(&contact.id) {
            Some(Reachability::Answered(day)) => contact.verified.max(Some(*day)),
            Some(Reachability::Silent) | None => contact.verified,
        };
        ContactLine {
            id: contact.id.to_string(),
            channel: channel(contact.channel),
            address: contact.address.clone(),
            duty: contact.duty.clone().unwrap_or_else(|| "permanence".to_owned()),
            proof: match (silent, verified) {
                (true, _) => "n'a pas répondu au dernier essai".to_owned(),
                (false, Some(day)) => format!("a répondu le {}", day.strftime("%d/%m/%Y")),
                (false, None) => "jamais vérifié".to_owned(),
            },
            doubtful: silent || verified.is_none(),
            verifiable: contact.channel != Channel::Screen,
        }
    });
    let page = BodyPage {
        id: body.id.to_string(),
        name: body.name.clone(),
        role: edge.city.directory.role_label(&body.role).to_owned(),
        contacts: contacts.filter(|contact| contact.channel != "écran").chain(waiting.iter().map(waits)).collect(),
        positions: body.roster.as_ref().map(|roster| roster.order.clone()).unwrap_or_default(),
        week: week(body, asked.du, &edge.now.to_zoned(zone.clone())),
        notes: notes(edge, presented.clone(), caller, body).await?,
        told: told(&asked.fait),
        verification: asked.verification,
        feed,
        frame: Frame::of(caller, &format!("/annuaire/{id}")),
    };
    Ok(render(StatusCode::OK, &page))
}

/// A contact point that is not in force: it serves once its code has come back.
fn waits(pending: &Pending) -> ContactLine {
    ContactLine {
        id: pending.contact.to_string(),
        channel: channel(pending.channel),
        address: pending.address.clone(),
        duty: pending.duty.clone().unwrap_or_else(|| "permanence".to_owned()),
        proof: "attend son code : sert une fois vérifié".to_owned(),
        doubtful: true,
        verifiable: true,
    }
}

/// Who handed over to whom, when, and the note: for the body itself. Whoever administers it is told when.
async fn notes(
    edge: &Arc<Edge>,
    presented: Presented,
    caller: Caller<'_>,
    body: &Body,
) -> Result<Vec<(String, String, String)>, Problem> {
    let zone = &edge.city.doctrine.zone;
    if handovers::reads_notes(caller, body) {
        let Json(notes) = handovers::list(State(Arc::clone(edge)), presented, Path(body.id.to_string())).await?;
        return Ok(notes.into_iter().map(|note| note.said(zone)).collect());
    }
    let told = |at| ("Relève".to_owned(), french::date_time(at, zone), "Note lue par ce service.".to_owned());
    Ok(handovers::times(&edge.pool, &body.id).await?.into_iter().map(told).collect())
}

/// The week that `day` falls in, from Monday, or that of `now`.
fn week(body: &Body, day: Option<Date>, now: &Zoned) -> Week {
    let day = day.unwrap_or_else(|| now.date());
    let monday = day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).unwrap_or(day);
    let next = monday.checked_add(7.days()).unwrap_or(monday);
    let zone = now.time_zone();
    let midnight = |date: Date| date.to_zoned(zone.clone()).map_or(now.timestamp(), |zoned| zoned.timestamp());
    let (from, until) = (midnight(monday), midnight(next));
    let at = |instant: Timestamp| french::date_time(instant, zone);
    let shifts = shifts(body, from, until).into_iter().map(|shift| ShiftLine {
        rank: shift.rank + 1,
        position: shift.position,
        from: at(shift.from),
        until: at(shift.until),
        replacement: match shift.by {
            By::Rotation => None,
            By::Override(id) => Some(id),
        },
    });
    let holes = gaps(body, &duty_channels(body), from, until);
    Week {
        title: format!("Semaine du {}", monday.strftime("%d/%m/%Y")),
        before: monday.checked_sub(7.days()).unwrap_or(monday).to_string(),
        after: next.to_string(),
        shifts: shifts.collect(),
        gaps: holes.iter().map(|gap| format!("du {} au {}", at(gap.from), at(gap.until))).collect(),
    }
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "courriel",
        Channel::Sms => "SMS",
        Channel::Screen => "écran",
    }
}

/// What an act did, by the word in the address after it.
fn told(done: &str) -> Option<&'static str> {
    match done {
        "remplacement" => Some("Le remplacement est en vigueur."),
        "retrait" => Some("Le remplacement est retiré : le tour ordinaire reprend."),
        "verifie" => Some("La coordonnée est vérifiée."),
        "code" => Some("Un code est parti. Demandez-le à qui le reçoit, puis saisissez-le ci-dessous."),
        "releve" => Some("La relève est enregistrée."),
        _ => None,
    }
}

/// Who replaces, from when to when, on the city's clock.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplacementForm {
    from: String,
    until: String,
    rank: usize,
    position: String,
    #[serde(default)]
    note: String,
    /// Ticked when the note names nobody.
    #[serde(default)]
    sure: bool,
}

pub(crate) async fn replace(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(form): Form<ReplacementForm>,
) -> Result<Redirect, Problem> {
    let override_id = format!("r-{}", ids::fresh().simple());
    let edit = json!({
        "edit": "replace", "id": override_id, "body": id, "from": form.from, "until": form.until,
        "rank": form.rank.saturating_sub(1), "position": form.position, "note": form.note.trim(),
    });
    make(&edge, presented, &id, edit, form.sure, "remplacement").await
}

/// A replacement to take away.
#[derive(Debug, Deserialize)]
pub(crate) struct RemovalForm {
    replacement: String,
}

pub(crate) async fn remove(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(form): Form<RemovalForm>,
) -> Result<Redirect, Problem> {
    let edit = json!({ "edit": "remove-override", "id": form.replacement });
    make(&edge, presented, &id, edit, true, "retrait").await
}

async fn make(
    edge: &Arc<Edge>,
    presented: Presented,
    id: &str,
    edit: serde_json::Value,
    sure: bool,
    done: &str,
) -> Result<Redirect, Problem> {
    let body = serde_json::from_value(json!({ "edits": [edit], "sure": sure })).map_err(|error| {
        Problem::invalid("", format!("Une date locale est attendue, comme 2026-12-24T08:00. ({error})"))
    })?;
    edits::edit(State(Arc::clone(edge)), presented, Ok(Json(body))).await?;
    Ok(Redirect::to(&format!("/annuaire/{id}?fait={done}")))
}

/// A contact point to send a code to.
#[derive(Debug, Deserialize)]
pub(crate) struct VerificationForm {
    contact: String,
}

pub(crate) async fn verify(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(form): Form<VerificationForm>,
) -> Result<Redirect, Problem> {
    let (_, Json(begun)) = verifications::begin(State(edge), presented, Path(form.contact)).await?;
    Ok(Redirect::to(&format!("/annuaire/{id}?fait=code&verification={}#code", begun.id)))
}

/// The code that came back.
#[derive(Debug, Deserialize)]
pub(crate) struct CodeForm {
    verification: String,
    code: String,
}

pub(crate) async fn answer_code(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(form): Form<CodeForm>,
) -> Result<Redirect, Problem> {
    let body = verifications::CodeBody { code: form.code };
    verifications::answer(State(edge), presented, Path(form.verification), Ok(Json(body))).await?;
    Ok(Redirect::to(&format!("/annuaire/{id}?fait=verifie")))
}

pub(crate) async fn hand_over(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(body): Form<handovers::HandoverBody>,
) -> Result<Redirect, Problem> {
    let done = format!("/annuaire/{id}?fait=releve");
    handovers::hand_over(State(edge), presented, Path(id), Ok(Json(body))).await.map(drop)?;
    Ok(Redirect::to(&done))
}

/// Which calendar; the whole roster when empty.
#[derive(Debug, Deserialize)]
pub(crate) struct FeedForm {
    #[serde(default)]
    position: String,
}

/// The address is secret: it is on the answer's page, not in its address.
pub(crate) async fn subscribe(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
    Form(form): Form<FeedForm>,
) -> Result<Response, Problem> {
    let position = (!form.position.is_empty()).then_some(form.position);
    let body = duty::FeedBody { position };
    let subscribed = duty::subscribe(State(Arc::clone(&edge)), presented.clone(), Path(id.clone()), Ok(Json(body)));
    let (_, Json(feed)) = subscribed.await?;
    show(&edge, presented, &id, &Asked::default(), Some(feed.url)).await
}

impl handovers::HandoverView {
    /// Who to whom, when, and what is to be known.
    fn said(self, zone: &jiff::tz::TimeZone) -> (String, String, String) {
        (format!("{} → {}", self.from, self.to), french::date_time(self.at, zone), self.note)
    }
}
