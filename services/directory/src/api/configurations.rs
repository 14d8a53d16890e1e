//! `/api/v1/configurations`: what is in force, since when, by whom; publishing, proving, taking back.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use vigie_domain::{
    access::Caller,
    check::Finding,
    directory::{self, Change, DirectoryFiles, Permission},
    guarded::Matter,
};
use vigie_edge::{
    credential::Presented,
    problem::{Fault, Problem, ReadProblems, WriteProblems, written},
};
use vigie_proto::ContactId;

use super::Edge;
use crate::{
    proof::{self, Proof},
    proposal,
    publication::{self, Demand, Draft, PublishError, Published},
    version::{self, Activation, Author, StoredError, What},
};

/// Activations listed when no number is given, and at most.
const LISTED: i64 = 50;
const LISTED_AT_MOST: i64 = 500;

/// What is in force, and how it came to be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ConfigurationView {
    /// Hash of each of the three.
    doctrine: String,
    directory: String,
    territory: String,
    /// Newest first.
    activations: Vec<Activation>,
}

/// Which activations to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    #[param(inline)]
    what: Option<What>,
    /// At most 500; 50 when absent.
    limit: Option<i64>,
}

/// What to put in force: file names and texts. What is absent stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicationBody {
    doctrine: Option<BTreeMap<String, String>>,
    directory: Option<BTreeMap<String, String>>,
    /// Why, for the history: functions, never names. At most 500 characters.
    note: Option<String>,
    /// The note names nobody: one that seems to is refused until this says so.
    #[serde(default)]
    sure: bool,
    /// Prove it and say what would change, without putting it in force.
    #[serde(default)]
    only_try: bool,
}

/// Which version to take back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackBody {
    what: What,
    /// First digits of its hash, at least 6; the version before the present one when absent.
    hash: Option<String>,
    note: Option<String>,
    /// The note names nobody: one that seems to is refused until this says so.
    #[serde(default)]
    sure: bool,
}

/// A change that is not in force: a second source that administers must approve it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WaitingView {
    pub(crate) proposal: i64,
    /// What makes it a matter for two: `roles`, `sources`, `bodies`, `addresses`, `classes`, `accuracy`, `reads`.
    pub(crate) touches: Vec<String>,
    /// `waiting`.
    pub(crate) state: proposal::State,
}

/// What a publication changed.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct PublicationView {
    /// Empty when all of it was in force already.
    pub(crate) changed: Vec<What>,
    /// False when it was only tried, and while all of it waits for a code.
    pub(crate) in_force: bool,
    /// What the prover found worth a look.
    #[schema(value_type = Vec<Object>)]
    pub(crate) findings: Vec<Finding>,
    /// What makes it a matter for two: tried only, it says that a second administrator will have to approve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) touches: Vec<Matter>,
    /// Contact points that serve once their code has come back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) pending: Vec<ContactId>,
}

/// What is in force, and the history of activations.
#[utoipa::path(
    get, path = "/api/v1/configurations", operation_id = "configuration_list", tag = "directory", params(Filter),
    responses(
        (status = 200, description = "What is in force", body = ConfigurationView),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<ConfigurationView>, Problem> {
    auditor(&edge, &presented)?;
    let Query(filter) = filter?;
    let limit = filter.limit.unwrap_or(LISTED);
    if !(1..=LISTED_AT_MOST).contains(&limit) {
        return Err(Problem::invalid("limit", format!("De 1 à {LISTED_AT_MOST}.")));
    }
    let hashes = edge.city.hashes();
    Ok(Json(ConfigurationView {
        doctrine: hashes.doctrine,
        directory: hashes.directory,
        territory: hashes.territory,
        activations: version::history(&edge.pool, filter.what, limit).await?,
    }))
}

/// What the prover last said of what is in force.
#[utoipa::path(
    get, path = "/api/v1/configurations/proof", operation_id = "configuration_proof", tag = "directory",
    responses(
        (status = 200, description = "The last proof", body = Proof),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn proof(State(edge): State<Arc<Edge>>, presented: Presented) -> Result<Json<Proof>, Problem> {
    auditor(&edge, &presented)?;
    let last = proof::last(&edge.pool, &edge.city.hashes()).await?;
    last.map(Json).ok_or_else(|| Problem::not_found("Preuve"))
}

/// What a version of the directory changed, entry by entry, by ids: addresses are not shown.
#[utoipa::path(
    get, path = "/api/v1/configurations/{id}/changes", operation_id = "configuration_changes", tag = "directory", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "None for a first version, a doctrine or a territory", body = Vec<Change>),
        ReadProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn changes(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    Path(id): Path<String>,
) -> Result<Json<Vec<Change>>, Problem> {
    auditor(&edge, &presented)?;
    let missing = || Problem::not_found("Activation");
    let id: i64 = id.parse().map_err(|_| missing())?;
    let pair = version::directories(&edge.pool, id).await?;
    let pair = pair.ok_or_else(missing)?;
    Ok(Json(pair.map(|(before, after)| directory::changes(&before, &after)).unwrap_or_default()))
}

/// Prove files and put them in force, everywhere at once.
///
/// What changes roles, sources, the post of a body, classes or the accuracy, or brings an address that no code proved, is not
/// in force yet: it waits for a second administrator.
#[utoipa::path(
    post, path = "/api/v1/configurations", operation_id = "configuration_publish", tag = "directory", request_body = PublicationBody,
    responses(
        (status = 200, description = "In force, or only tried", body = PublicationView),
        (status = 202, description = "Waits for a second administrator", body = WaitingView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn publish(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    body: Result<Json<PublicationBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let Json(body) = body?;
    let directory = body.directory.map(DirectoryFiles::of_named).transpose();
    let directory = directory.map_err(|faults| Problem::invalid("directory", faults.to_string()))?;
    if body.doctrine.is_none() && directory.is_none() {
        return Err(Problem::invalid("", "Donnez une doctrine, un annuaire, ou les deux."));
    }
    let draft = Draft { doctrine: body.doctrine, directory, territory: None };
    let author = author(caller, body.note.as_deref(), body.sure)?;
    let change = |present| draft.over(present);
    let clock = edge.context.clock.as_ref();
    let published = publication::publish(&edge.pool, change, Demand::Sound, &author, body.only_try, clock).await;
    Ok(answer(&edge, published?, !body.only_try))
}

/// Put an earlier version back in force; by the rule of two, as when it is published.
#[utoipa::path(
    post, path = "/api/v1/configurations/rollback", operation_id = "configuration_roll_back", tag = "directory", request_body = RollbackBody,
    responses(
        (status = 200, description = "In force again", body = PublicationView),
        (status = 202, description = "Waits for a second administrator", body = WaitingView),
        WriteProblems
    ),
    security(("token" = []))
)]
pub(crate) async fn roll_back(
    State(edge): State<Arc<Edge>>,
    presented: Presented,
    body: Result<Json<RollbackBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let caller = edge.allowed(&presented, Permission::Administer)?;
    let Json(body) = body?;
    let author = author(caller, body.note.as_deref(), body.sure)?;
    let clock = edge.context.clock.as_ref();
    let published = publication::roll_back(&edge.pool, body.what, body.hash.as_deref(), &author, clock).await;
    Ok(answer(&edge, published?, true))
}

/// Whoever administers or audits.
pub(crate) fn auditor<'a>(edge: &'a Edge, presented: &Presented) -> Result<Caller<'a>, Problem> {
    let caller = edge.caller(presented)?;
    if caller.may(Permission::Administer) || caller.may(Permission::Audit) {
        Ok(caller)
    } else {
        Err(Problem::not_allowed())
    }
}

pub(crate) fn author(caller: Caller<'_>, note: Option<&str>, sure: bool) -> Result<Author, Problem> {
    let note = written("note", note.unwrap_or_default(), sure)?;
    Ok(Author { actor: Some(caller.actor()), source: Some(caller.source.id.clone()), note })
}

/// Hands the facts to the relay, and says what changed, or that a second person must approve.
pub(super) fn answer(edge: &Edge, published: Published, done: bool) -> Response {
    let Some(proposal) = published.proposal else { return in_force(edge, published, done).into_response() };
    edge.context.fresh.push(published.entries);
    let touches = published.touches.iter().map(|matter| matter.code().to_owned()).collect();
    let view = WaitingView { proposal, touches, state: proposal::State::Waiting };
    (StatusCode::ACCEPTED, Json(view)).into_response()
}

/// Hands the facts to the relay, and says what changed.
pub(crate) fn in_force(edge: &Edge, published: Published, in_force: bool) -> Json<PublicationView> {
    let Published { changed, touches, report, entries, proposal: _ } = published;
    edge.context.fresh.push(entries);
    Json(PublicationView { changed, in_force, findings: report.findings, touches, pending: Vec::new() })
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let refused = |code, detail: &str, faults: Vec<Fault>| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, "Configuration refusée").detail(detail).faults(faults)
        };
        match error {
            PublishError::Faults(faults) => refused(
                "configuration-faults",
                "Elle ne se lit pas : rien n'a changé. Corrigez chaque faute, puis publiez à nouveau.",
                faults.into_iter().map(|fault| Fault::new("", fault)).collect(),
            ),
            PublishError::DoesNotHold(findings) => refused(
                "configuration-does-not-hold",
                "Elle ne tient pas ce qu'elle promet : rien n'a changé. Chaque constat dit où, quand, et le remède.",
                findings.iter().map(|f| Fault::new(format!("{}:{}", f.file, f.line), f.to_string())).collect(),
            ),
            PublishError::Edits(error) => {
                refused("edits-refused", "Rien n'a changé.", vec![Fault::new("edits", error.to_string())])
            }
            PublishError::NothingInForce | PublishError::UnknownVersion { .. } | PublishError::NothingBefore { .. } => {
                Problem::not_found("Version")
            }
            PublishError::NoProposal => Problem::not_found("Proposition"),
            PublishError::OwnProposal => {
                Problem::new(StatusCode::FORBIDDEN, "own-proposal", "Une seconde personne doit approuver")
                    .detail("Qui a proposé un changement ne l'approuve pas : un autre compte d'administration le fait.")
            }
            PublishError::Decided => Problem::new(StatusCode::CONFLICT, "decided", "Proposition déjà décidée")
                .detail("Elle a été approuvée ou retirée entre-temps : rien n'a changé."),
            PublishError::ChangedMeanwhile => Problem::new(
                StatusCode::CONFLICT,
                "changed-meanwhile",
                "Ce qu'elle change a changé entre-temps",
            )
            .detail(
                "Rien n'a changé. Retirez cette proposition, puis proposez-la à nouveau sur ce qui est en vigueur.",
            ),
            PublishError::WaitsAlone(touches) => {
                let touches: Vec<&str> = touches.into_iter().map(Matter::label).collect();
                refused(
                    "waits-alone",
                    "Rien n'a changé. Envoyez d'abord, seul, ce qu'un second compte d'administration doit approuver ; puis le reste.",
                    vec![Fault::new("edits", format!("À approuver par deux : {}.", touches.join(", ")))],
                )
            }
            PublishError::TooManyWaiting(waiting) => {
                Problem::new(StatusCode::CONFLICT, "too-many-waiting", "Trop de propositions attendent")
                    .detail(format!("{waiting} propositions attendent déjà : approuvez-en ou retirez-en."))
            }
            PublishError::Contended => Problem::new(StatusCode::CONFLICT, "contended", "Acte sans effet")
                .detail("D'autres publications se succèdent : réessayez dans un instant."),
            PublishError::Stored(error) => error.into(),
        }
    }
}

impl From<StoredError> for Problem {
    fn from(error: StoredError) -> Self {
        match error {
            StoredError::Store(error) => error.into(),
            StoredError::Unreadable(why) => {
                tracing::error!(why, "a stored version cannot be read");
                Self::unavailable()
            }
        }
    }
}
