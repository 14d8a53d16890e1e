//! Turns a [`letter`] into an e-mail or an SMS; retries, falls back to the next channel, records receipts.
//!
//! The cast: [`alerts`] writes a row for each alert, already claimed, and hands it to a sender once that is committed;
//! [`probes`] writes a row for each probe of a contact point and leaves it to the sweep; [`email`] and [`sms`] carry
//! both out of the house; [`recorder`] writes what came of it, many at a time; [`sweep`], one for each kind of letter,
//! finds what is due: retries, fallbacks, claims whose process died, receipts that never came, probes. What follows
//! from what is decided without IO in [`settlement`], [`retry`] and [`standing`].
//!
//! A probe never delays an alert: it has its own consumer, sweep and [`mod@line`], and is sent one at a time by each
//! channel, when no alert waits.
//!
//! At least once, under a stable id: a claim is committed before the message leaves, its result after. When a process dies
//! in between, [`claimant`] shows it, and the message leaves again with the same Message-ID. No address, no text of a
//! message and no answer of a server (it may repeat the address) is ever logged.

mod alerts;
mod card;
mod claimant;
mod config;
mod delivery;
mod email;
mod letter;
mod line;
mod metrics;
mod probes;
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
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;
use vigie_domain::city::InForce;
use vigie_platform::{
    Context, consumer,
    database::{self, SchemaMigrations},
    health::State,
    supervisor::Supervisor,
};

use crate::{
    alerts::Alerts,
    delivery::{Outcome, Report},
    email::Mailroom,
    letter::LetterKind,
    line::{Bells, Queues, Waiting},
    metrics::Metrics,
    probes::Probes,
    recorder::{Channels, Note, Recorder},
    sms::{Originator, Switchboard, smsc::Gateway},
    sweep::Sweep,
    writer::Writer,
};

/// Results and receipts that may wait to be written.
const NOTES: usize = 2_048;
/// Time the tasks get to finish when told to stop.
const GRACE: Duration = Duration::from_secs(20);

pub use card::card;
pub use config::{EmailConfig, LinksConfig, MailTls, NotificationConfig, SmsConfig};

/// The tables of this service.
pub fn migrations() -> SchemaMigrations {
    SchemaMigrations { schema: "notification", migrator: sqlx::migrate!("./migrations") }
}

/// Sends alerts and probes until told to stop.
///
/// Errors when the configuration cannot be used (no link key, a sender that is no address, an unreadable authority) or
/// when one of its tasks ends early. An unreachable mail server or SMS gateway is not an error: see `/readyz`.
pub async fn run(
    context: Context,
    config: NotificationConfig,
    in_force: InForce,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let writer = Arc::new(Writer {
        in_force: in_force.clone(),
        signer: config.links.signer()?,
        public_url: context.config.http.public_url.clone(),
        link_valid_for: config.links.valid_for(),
        zone: TimeZone::get(wording::ZONE).context("the time zone Europe/Paris is missing: install tzdata")?,
        clock: Arc::clone(&context.clock),
    });
    let database = &context.config.database;
    let pool = database::pool(database, "notification", database.connections)?;
    let server = Arc::new(email::connection::Server::new(&config.email, context.health.clone())?);
    let sender = email::Sender::new(&config.email.from, &config.email.reply_to)?;
    let originator = Originator::new(&config.sms.sender)?;
    context.health.report(sms::smsc::DEPENDENCY, State::Degraded("no session yet".to_owned()));

    let sms_timeout = Duration::from_secs(config.sms.timeout_s.max(1));
    let exchanges = (email::longest(&server), SignedDuration::try_from(sms_timeout).unwrap_or(SignedDuration::MAX));
    let (alerts, email_alerts, sms_alerts) = lines(LetterKind::Alert, exchanges);
    let (probes, email_probes, sms_probes) = lines(LetterKind::Probe, exchanges);
    let bells = Bells::default();
    let (notes, taken_notes) = mpsc::channel(NOTES);
    let (session, bound) = watch::channel(None);
    let channels = Arc::new(Channels::new(&config));
    let metrics = Metrics::new(&context.metrics.registrar);
    let mailroom = Arc::new(Mailroom {
        server,
        sender,
        writer: Arc::clone(&writer),
        alerts: Mutex::new(email_alerts),
        probes: Mutex::new(email_probes),
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
    let gateway = Gateway { config: config.sms, session, notes, health: context.health.clone() };
    let recorder = Recorder {
        context: context.clone(),
        metrics: metrics.clone(),
        pool: pool.clone(),
        channels: Arc::clone(&channels),
        bells: bells.clone(),
    };
    let owner = claimant::draw();
    let alert_handler =
        Arc::new(Alerts { owner, queues: alerts.clone(), bells: bells.clone(), metrics: metrics.clone() });
    let probe_handler = Arc::new(Probes { bells: bells.clone() });
    let sweep_of = |kind, queues| Sweep {
        kind,
        context: context.clone(),
        metrics: metrics.clone(),
        pool: pool.clone(),
        queues,
        bells: bells.clone(),
        channels: Arc::clone(&channels),
        in_force: in_force.clone(),
        owner,
    };
    let (alert_sweep, probe_sweep) = (sweep_of(LetterKind::Alert, alerts), sweep_of(LetterKind::Probe, probes));

    let mut supervisor = Supervisor::new(stop.clone());
    supervisor.start("the vouching for claims", claimant::hold(pool.clone(), owner, stop.clone()));
    supervisor.start("the recorder of deliveries", recorder.run(taken_notes, stop.clone()));
    for number in 1..=config.email.connections.max(1) {
        let work = Arc::clone(&mailroom).work(number == 1, stop.clone());
        supervisor.start(&format!("e-mail worker {number}"), work);
    }
    drop(mailroom);
    supervisor.start("the SMS gateway's session", gateway.run(stop.clone()));
    supervisor.start("the SMS sender", switchboard.work(sms_alerts, sms_probes, stop.clone()));
    supervisor.start("the sweep of alerts", alert_sweep.run(stop.clone()));
    supervisor.start("the sweep of probes", probe_sweep.run(stop.clone()));
    let consumed = consumer::run(context.clone(), pool.clone(), alert_handler, stop.clone());
    supervisor.start("the consumer of alerts", consumed);
    supervisor.start("the consumer of probes", consumer::run(context, pool, probe_handler, stop));
    supervisor.run(GRACE).await
}

/// The lines of one kind of letter, by e-mail and by SMS; `exchanges` are the longest of each.
fn lines(kind: LetterKind, (email, sms): (SignedDuration, SignedDuration)) -> (Queues, Waiting, Waiting) {
    let (email, email_waiting) = line::open(kind, email);
    let (sms, sms_waiting) = line::open(kind, sms);
    (Queues { email, sms }, email_waiting, sms_waiting)
}

/// Gives back what still waits in line, so that it is due at once for whoever looks next.
async fn give_back(line: &mut Waiting, notes: &mpsc::Sender<Note>) {
    while let Ok(delivery) = line.try_recv() {
        let report = Report { delivery, outcome: Outcome::Untouched, traceparent: None };
        if notes.send(Note::Attempt(report)).await.is_err() {
            return;
        }
    }
}
