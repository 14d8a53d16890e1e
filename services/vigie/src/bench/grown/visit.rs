//! Asks for every address, as whoever uses it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;
use vigie_edge::credential::Purpose;

use crate::bench::{report::Durations, stage::Stage};

/// Somebody whose browser has a session.
pub(super) struct Visitor {
    address: SocketAddr,
    cookie: String,
}

pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Visitor {
    pub(super) async fn of(stage: &Stage, source: &str) -> anyhow::Result<Self> {
        let address = stage.poster.address;
        let link = stage.secret(source, Purpose::Link).await?;
        let opened =
            ask(address, "POST /ouvrir", "content-type: application/x-www-form-urlencoded", &format!("cle={link}"))
                .await?;
        let (_, cookie) = opened.head.split_once("set-cookie: ").context("the personal link opened no session")?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { address, cookie })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        ask(self.address, &format!("GET {path}"), &format!("cookie: {}", self.cookie), "").await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let headers = format!("cookie: {}\r\ncontent-type: application/json", self.cookie);
        ask(self.address, &format!("POST {path}"), &headers, &body.to_string()).await
    }
}

async fn ask(address: SocketAddr, what: &str, headers: &str, body: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address).await.context("cannot connect to the served Vigie")?;
    let length = body.len();
    let request = format!(
        "{what} HTTP/1.0\r\nhost: bench\r\n{headers}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer is not HTTP")?;
    let body = answer.split_off(head_end + 4);
    let head = String::from_utf8_lossy(&answer).into_owned();
    let status = head.get(9..12).and_then(|status| status.parse().ok()).context("an answer has no status")?;
    Ok(Answer { status, head, body })
}

/// Who asks for what; `{open}`, `{closed}` and `{signal}` stand for one of these.
const ADDRESSES: [(&str, &str); 32] = [
    ("scop", "/"),
    ("scop", "/scop"),
    ("scop", "/scop/clos"),
    ("scop", "/scop/releve"),
    ("scop", "/scop/evenements/{open}"),
    ("scop", "/scop/evenements/{closed}"),
    ("scop", "/api/v1/incidents"),
    ("scop", "/api/v1/incidents?status=closed&kind=rixe"),
    ("scop", "/api/v1/incidents?kind=care-opening"),
    ("scop", "/api/v1/incidents?sector=paris-19&status=open"),
    ("scop", "/api/v1/incidents/{closed}"),
    ("scop", "/api/v1/incidents/{closed}/explanations?body=mairie-paris-19"),
    ("scop", "/api/v1/crises"),
    ("scop", "/crises"),
    ("scop", "/observatoire"),
    ("mairie-19", "/api/v1/incidents"),
    ("mairie-19", "/api/v1/incidents?status=open"),
    ("mairie-19", "/cellule/paris-19"),
    ("commissariat-19", "/api/v1/incidents?kind=rixe"),
    ("gpis", "/api/v1/incidents"),
    ("parquet", "/api/v1/incidents"),
    ("mus", "/api/v1/incidents"),
    ("college-19", "/signaler"),
    ("scop", "/api/v1/signals/{signal}"),
    ("auditor", "/observatoire.csv?du={year}-01-01&au={year}-12-31"),
    ("auditor", "/observatoire.json?mois={month}"),
    ("auditor", "/api/v1/indicators?from={year}-01-01&until={year}-12-31"),
    ("auditor", "/api/v1/indicators?from={month}-01&until={month}-28"),
    ("admin", "/administration"),
    ("admin", "/administration/ecarts"),
    ("admin", "/annuaire"),
    ("admin", "/annuaire/mairie-paris-19"),
];

/// How long each takes, asked for `times` times by the one who uses it.
pub(super) async fn all(stage: &Stage, operator: &Visitor, times: usize) -> anyhow::Result<Vec<(String, Durations)>> {
    let one = async |query: &str| {
        let page: Value = serde_json::from_str(&operator.get(&format!("/api/v1/incidents{query}")).await?.text())?;
        let id = page["incidents"][0]["id"].as_str().context("there is an incident")?;
        anyhow::Ok((id.to_owned(), page["incidents"][0]["opened_at"].as_str().unwrap_or_default().to_owned()))
    };
    let ((open, _), (closed, opened_at)) = (one("?status=open").await?, one("?status=closed").await?);
    let mut connection = PgConnection::connect_with(&stage.scratch.options()).await?;
    let signal: Uuid = sqlx::query_scalar("select id from intake.signal where source_id = 'scop' limit 1")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    let (mut seen, mut refused) = (Vec::new(), Vec::new());
    for (source, address) in ADDRESSES {
        let visitor = Visitor::of(stage, source).await?;
        let path =
            address.replace("{open}", &open).replace("{closed}", &closed).replace("{signal}", &signal.to_string());
        let path = path.replace("{year}", &opened_at[..4]).replace("{month}", &opened_at[..7]);
        let first = visitor.get(&path).await?;
        if first.status != 200 {
            refused.push(format!("{source} {path} answered {}", first.status));
            continue;
        }
        let mut took: Vec<Duration> = Vec::with_capacity(times);
        for _ in 0..times {
            let started = Instant::now();
            visitor.get(&path).await?;
            took.push(started.elapsed());
        }
        seen.push((format!("{source} {address}"), Durations::new(took)));
    }
    anyhow::ensure!(refused.is_empty(), "not every address was answered: {}", refused.join("; "));
    Ok(seen)
}
