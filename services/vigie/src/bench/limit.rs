//! What the same servers do at most, measured in the same run: the limits the figures stand beside.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use async_nats::jetstream::{self, stream};
use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};
use uuid::Uuid;

use super::report::{Durations, per_second};

/// A stream of the bench's own, so that Vigie's is not filled.
const STREAM: &str = "VIGIE_BENCH";
const SUBJECT: &str = "vigie-bench.limit";
/// Size of a published message and of a mail, about that of ours.
const MESSAGE_BYTES: usize = 1_024;

/// The same shapes and indexes as ours, apart from them.
const TABLES: &str = "create schema bench_limit;
    create table bench_limit.inbox (like routing.inbox including all);
    create table bench_limit.state (id uuid primary key, status text not null, snapshot jsonb not null);
    create table bench_limit.entry (like journal.entry including all);
    create table bench_limit.pending (like journal.pending including all);";

/// Transactions of so many clients, each one commit with an fsync.
#[derive(Debug)]
pub(crate) struct Transactions {
    pub(crate) per_s: f64,
    pub(crate) durations: Durations,
}

/// Creates the tables of [`transactions`]; once per scratch database.
pub(crate) async fn prepare(options: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(options).await?;
    connection.execute(TABLES).await.context("cannot create the tables of the limit")?;
    connection.close().await?;
    Ok(())
}

/// `clients` that each do, one after the other for `how_long`, a transaction like ours: inbox, state, journal.
pub(crate) async fn transactions(
    options: &PgConnectOptions,
    clients: usize,
    how_long: Duration,
) -> anyhow::Result<Transactions> {
    let mut connections = Vec::new();
    for _ in 0..clients {
        let mut connection = PgConnection::connect_with(options).await?;
        // Prepares the statements.
        transaction(&mut connection).await?;
        connections.push(connection);
    }
    let (started, mut workers) = (Instant::now(), JoinSet::new());
    for mut connection in connections {
        workers.spawn(async move {
            let mut durations = Vec::new();
            while started.elapsed() < how_long {
                let begun = Instant::now();
                transaction(&mut connection).await?;
                durations.push(begun.elapsed());
            }
            connection.close().await?;
            anyhow::Ok(durations)
        });
    }
    let mut durations = Vec::new();
    while let Some(worker) = workers.join_next().await {
        durations.extend(worker.context("a client of the limit died")??);
    }
    let per_s = per_second(durations.len(), started.elapsed());
    Ok(Transactions { per_s, durations: Durations::new(durations) })
}

async fn transaction(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let (event, state) = (Uuid::new_v4(), Uuid::new_v4());
    let data = format!("{{\"filler\":\"{}\"}}", "x".repeat(600));
    let mut tx = connection.begin().await?;
    sqlx::query(
        "insert into bench_limit.inbox (consumer, event_id, at) values ('limit', $1, now()) on conflict do nothing",
    )
    .bind(event)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "insert into bench_limit.state (id, status, snapshot) values ($1, 'open', $2::text::jsonb)
         on conflict (id) do update set status = excluded.status, snapshot = excluded.snapshot",
    )
    .bind(state)
    .bind(&data)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "with written as (
           insert into bench_limit.entry (event_id, type, subject, source, recorded_at, incident_id, data)
           values ($1, 'vigie.incident.opened.v1', 'vigie.incident.opened.v1', '/vigie/routing', now(), $2, $3::text::json)
           returning event_id)
         insert into bench_limit.pending (event_id) select event_id from written",
    )
    .bind(event)
    .bind(state)
    .bind(&data)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Messages of 1 KiB published one by one, each acknowledged by a stream in files.
pub(crate) async fn publishes(bus: &jetstream::Context, how_long: Duration) -> anyhow::Result<Durations> {
    let config = stream::Config { name: STREAM.to_owned(), subjects: vec![SUBJECT.to_owned()], ..Default::default() };
    bus.create_stream(config).await.context("cannot create the stream of the limit")?;
    let (started, mut durations) = (Instant::now(), Vec::new());
    while started.elapsed() < how_long {
        let begun = Instant::now();
        bus.publish(SUBJECT, vec![b'x'; MESSAGE_BYTES].into()).await?.await?;
        durations.push(begun.elapsed());
    }
    bus.delete_stream(STREAM).await.context("the stream of the limit stays on the bus")?;
    Ok(Durations::new(durations))
}

/// Mails handed to the sink one by one over one connection.
pub(crate) async fn mails(sink: SocketAddr, how_long: Duration) -> anyhow::Result<Durations> {
    let stream = TcpStream::connect(sink).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let text = format!("Subject: limit\r\n\r\n{}\r\n.\r\n", "x\r\n".repeat(MESSAGE_BYTES / 3));
    let dialogue = ["MAIL FROM:<a@example.org>\r\n", "RCPT TO:<b@example.org>\r\n", "DATA\r\n", &text];
    reply(&mut stream).await?;
    let (started, mut durations) = (Instant::now(), Vec::new());
    while started.elapsed() < how_long {
        let begun = Instant::now();
        for said in dialogue {
            stream.write_all(said.as_bytes()).await?;
            reply(&mut stream).await?;
        }
        durations.push(begun.elapsed());
    }
    Ok(Durations::new(durations))
}

async fn reply(stream: &mut BufReader<TcpStream>) -> anyhow::Result<()> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    anyhow::ensure!(line.starts_with(['2', '3']), "the sink refused: {line}");
    Ok(())
}
