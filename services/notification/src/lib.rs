//! Turns an alert into an e-mail or an SMS; retries, falls back to the next channel, records receipts.
//!
//! The cast: [`alerts`] writes a row for each alert, already claimed, and hands it to a sender once that is committed;
//! [`email`] and [`sms`] carry it out of the house; [`recorder`] writes what came of it, many at a time; [`sweep`]
//! finds what is due again: retries, fallbacks, claims whose process died, receipts that never came. What follows from
//! what is decided without IO in [`settlement`], [`retry`] and [`standing`].
//!
//! At least once, under a stable id: a claim is committed before the message leaves, its result after. When a process dies
//! in between, [`claimant`] shows it, and the message leaves again with the same Message-ID. No address, no text of a
//! message and no answer of a server (it may repeat the address) is ever logged.

mod alerts;
mod claimant;
mod delivery;
mod email;
mod recorder;
mod retry;
#[cfg(test)]
mod sample;
mod settlement;
mod sms;
mod standing;
mod store;
mod sweep;
mod wording;
mod writer;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::{SignedDuration, tz::TimeZone};
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use vigie_domain::{city::InForce, link::Signer};
use vigie_platform::{
    Context, consumer,
    database::{self, SchemaMigrations},
    health::State,
    supervisor::Supervisor,
};

use crate::{
    alerts::{Alerts, Queue, Queues},
    delivery::{Delivery, Outcome, Report},
    email::Mailroom,
    recorder::{Channels, Note, Recorder},
    sms::{Originator, Switchboard, smsc::Gateway},
    sweep::Sweep,
    writer::Writer,
};

/// Deliveries that may wait in one channel's line; beyond, they wait in the table.
const LINE: usize = 1_024;
/// Results and receipts that may wait to be written.
const NOTES: usize = 2_048;
/// Time the tasks get to finish when told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// The tables of this service.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "notification", migrator: sqlx::migrate!("./migrations") }
}

/// Sends alerts until told to stop.
///
/// Errors when the configuration cannot be used (no link key, a sender that is no address, an unreadable authority) or
/// when one of its tasks ends early. An unreachable mail server or SMS gateway is not an error: see `/readyz`.
pub async fn run(context: Context, in_force: InForce, stop: CancellationToken) -> anyhow::Result<()> {
    let config = Arc::clone(&context.config);
    let key = config.links.key.as_ref().context("links.key_file is needed to sign the links of alerts")?;
    let writer = Arc::new(Writer {
        in_force,
        signer: Signer::new(key.expose().as_bytes()),
        public_url: config.http.public_url.clone(),
        link_valid_for: config.links.valid_for(),
        zone: TimeZone::get(wording::ZONE).context("the time zone Europe/Paris is missing: install tzdata")?,
        clock: Arc::clone(&context.clock),
    });
    let pool = database::pool(config.database.url.expose(), "notification", config.database.connections)?;
    let server = Arc::new(email::connection::Server::new(&config.email, context.health.clone())?);
    let sender = email::Sender::new(&config.email.from, &config.email.reply_to)?;
    let originator = Originator::new(&config.sms.sender)?;
    context.health.report(sms::smsc::DEPENDENCY, State::Degraded("no session yet".to_owned()));

    let (email_line, email_waiting) = mpsc::channel(LINE);
    let (sms_line, sms_waiting) = mpsc::channel(LINE);
    let (notes, taken_notes) = mpsc::channel(NOTES);
    let (session, bound) = watch::channel(None);
    let sms_timeout = Duration::from_secs(config.sms.timeout_s.max(1));
    let queues = Queues {
        email: Queue { sender: email_line, lease: sweep::lease(email::longest(&server)) },
        sms: Queue {
            sender: sms_line,
            lease: sweep::lease(SignedDuration::try_from(sms_timeout).unwrap_or(SignedDuration::MAX)),
        },
        sweep: Arc::new(Notify::new()),
    };
    let channels = Arc::new(Channels::new(&config));
    let mailroom = Arc::new(Mailroom {
        server,
        sender,
        writer: Arc::clone(&writer),
        line: Mutex::new(email_waiting),
        notes: notes.clone(),
    });
    let switchboard = Switchboard {
        session: bound,
        originator,
        writer,
        notes: notes.clone(),
        window: config.sms.window,
        timeout: sms_timeout,
    };
    let gateway = Gateway { config: config.sms.clone(), session, notes, health: context.health.clone() };
    let recorder = Recorder {
        context: context.clone(),
        pool: pool.clone(),
        channels: Arc::clone(&channels),
        sweep: Arc::clone(&queues.sweep),
    };
    let owner = claimant::draw();
    let handler = Arc::new(Alerts { owner, queues: queues.clone(), metrics: Arc::clone(&context.metrics) });
    let sweep = Sweep { context: context.clone(), pool: pool.clone(), queues, channels, owner };

    let mut supervisor = Supervisor::new(stop.clone());
    supervisor.start("the vouching for claims", claimant::hold(pool.clone(), owner, stop.clone()));
    supervisor.start("the recorder of deliveries", recorder.run(taken_notes, stop.clone()));
    for number in 1..=config.email.connections.max(1) {
        supervisor.start(&format!("e-mail worker {number}"), Arc::clone(&mailroom).work(stop.clone()));
    }
    drop(mailroom);
    supervisor.start("the SMS gateway's session", gateway.run(stop.clone()));
    supervisor.start("the SMS sender", switchboard.work(sms_waiting, stop.clone()));
    supervisor.start("the sweep of deliveries", sweep.run(stop.clone()));
    supervisor.start("the consumer of alerts", consumer::run(context, pool, handler, stop));
    supervisor.run(GRACE).await
}

/// Gives back what still waits in line, so that it is due at once for whoever looks next.
async fn give_back(line: &mut mpsc::Receiver<Box<Delivery>>, notes: &mpsc::Sender<Note>) {
    while let Ok(delivery) = line.try_recv() {
        let report = Report { delivery, outcome: Outcome::Untouched, traceparent: None };
        if notes.send(Note::Attempt(report)).await.is_err() {
            return;
        }
    }
}
