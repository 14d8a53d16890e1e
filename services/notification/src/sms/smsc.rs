//! The session with the SMS gateway: opened, watched, opened again.

use std::{pin::Pin, str::FromStr, time::Duration};

use anyhow::Context as _;
use futures::{FutureExt, Stream, StreamExt, stream::FuturesUnordered};
use rusmpp::{
    Pdu,
    pdus::{BindTransceiver, DeliverSmResp},
    types::COctetString,
    values::InterfaceVersion,
};
use rusmppc::{Client, ConnectionBuilder, Event};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot, watch},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vigie_platform::{
    health::{Health, State},
    ids,
};

use super::receipt;
use crate::{
    SmsConfig,
    recorder::{Note, ReceiptNote},
    retry::{self, Policy},
};

/// Name under which `/readyz` shows the gateway.
pub(crate) const DEPENDENCY: &str = "sms";
/// Silence after which the gateway is asked whether it is there.
const ENQUIRE_EVERY: Duration = Duration::from_secs(30);
/// Port of SMPP when the URL has none.
const PORT: u16 = 2775;

type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;
type Traffic = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps one session open and says so to the senders.
pub(crate) struct Gateway {
    pub(crate) config: SmsConfig,
    pub(crate) session: watch::Sender<Option<Client>>,
    pub(crate) notes: mpsc::Sender<Note>,
    pub(crate) health: Health,
}

impl Gateway {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let waits = Policy::new(u32::MAX, 250, 30_000);
        let mut failures = 0;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                outcome = self.serve(&stop, &mut failures) => outcome,
            };
            self.session.send_replace(None);
            if stop.is_cancelled() {
                return Ok(());
            }
            failures += 1;
            let why =
                outcome.map_or_else(|error| format!("{error:#}"), |()| "the gateway ended the session".to_owned());
            self.health.report(DEPENDENCY, State::Degraded(format!("{why}; SMS wait and are tried again")));
            let id: Uuid = ids::fresh();
            let pause = waits.wait_after(failures, retry::jitter(id, failures)).unwrap_or_default();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(Duration::try_from(pause).unwrap_or_default()) => {}
            }
        }
    }

    /// One session, from connection to end.
    async fn serve(&self, stop: &CancellationToken, failures: &mut u32) -> anyhow::Result<()> {
        let timeout = Duration::from_secs(self.config.timeout_s.max(1));
        let (client, mut events, mut traffic) = tokio::time::timeout(timeout, self.connect(timeout))
            .await
            .context("the gateway did not answer in time")??;
        let bind = tokio::select! {
            bound = client.bind_transceiver(self.credentials()?) => bound,
            () = &mut traffic => anyhow::bail!("the gateway hung up before the session began"),
        };
        bind.map_err(|error| anyhow::anyhow!("the gateway refused the session: {}", reason(&error)))?;
        *failures = 0;
        self.health.report(DEPENDENCY, State::Ok);
        self.session.send_replace(Some(client.clone()));
        let mut settled = FuturesUnordered::new();
        loop {
            tokio::select! {
                // Everything in flight is polled here, so no task outlives the session.
                () = &mut traffic => return Ok(()),
                event = events.next() => match event {
                    Some(Event::Incoming(command)) => {
                        if let Some(answer) = self.receive(&client, &command).await? {
                            settled.push(answer);
                        }
                    }
                    Some(Event::Error(error)) => anyhow::bail!("the session broke off: {}", reason(&error)),
                    None => return Ok(()),
                },
                Some(()) = settled.next(), if !settled.is_empty() => {}
                () = stop.cancelled() => {
                    // Submissions in flight get their answers before the goodbye.
                    let goodbye = async {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        client.unbind().await.ok();
                    };
                    tokio::select! { () = &mut traffic => {}, () = goodbye => {} }
                    return Ok(());
                }
            }
        }
    }

    /// Hands a receipt to the recorder; resolves to its acknowledgement, due once it is committed.
    async fn receive(
        &self,
        client: &Client,
        command: &rusmpp::Command,
    ) -> anyhow::Result<Option<impl Future<Output = ()> + use<>>> {
        let Some(Pdu::DeliverSm(message)) = command.pdu() else { return Ok(None) };
        let (settled, committed) = oneshot::channel();
        match receipt::read(message) {
            Some(receipt) => {
                let note = Note::Receipt(ReceiptNote { receipt, settled, lookups: 0 });
                self.notes.send(note).await.map_err(|_| anyhow::anyhow!("the recorder has gone"))?;
            }
            // A person's answer, or an intermediate state: taken, so that it is not repeated, and not kept.
            None => settled.send(()).unwrap_or_default(),
        }
        let (client, number) = (client.clone(), command.sequence_number());
        Ok(Some(committed.then(async move |kept| {
            if kept.is_ok() {
                // When the session has ended meanwhile, the gateway repeats the receipt.
                client.deliver_sm_resp(number, DeliverSmResp::default()).await.ok();
            }
        })))
    }

    fn credentials(&self) -> anyhow::Result<BindTransceiver> {
        let password = self.config.password.as_ref().map_or("", |password| password.expose());
        Ok(BindTransceiver::builder()
            .system_id(COctetString::from_str(&self.config.system_id).context("sms.system_id is too long")?)
            .password(COctetString::from_str(password).context("the SMS password is longer than 8 characters")?)
            .interface_version(InterfaceVersion::Smpp3_4)
            .build())
    }

    /// A connection: in clear on a stream without Nagle's delay, or over TLS with the public authorities.
    async fn connect(&self, timeout: Duration) -> anyhow::Result<(Client, Events, Traffic)> {
        let builder = ConnectionBuilder::new()
            .disable_interface_version_check()
            .enquire_link_interval(ENQUIRE_EVERY)
            .enquire_link_response_timeout(timeout)
            .response_timeout(timeout)
            .no_spawn();
        if let Some(address) = self.config.url.strip_prefix("smpp://") {
            let address = address.trim_end_matches('/');
            let address = if address.contains(':') { address.to_owned() } else { format!("{address}:{PORT}") };
            let stream = TcpStream::connect(address).await.context("cannot reach the gateway")?;
            stream.set_nodelay(true)?;
            let (client, events, traffic) = builder.connected(stream);
            Ok((client, Box::pin(events), Box::pin(traffic)))
        } else {
            let opened = builder.connect(&self.config.url).await;
            let (client, events, traffic) =
                opened.map_err(|error| anyhow::anyhow!("cannot reach the gateway over TLS: {}", reason(&error)))?;
            Ok((client, Box::pin(events), Box::pin(traffic)))
        }
    }
}

/// The reason without the commands themselves: they hold numbers and texts.
fn reason(error: &rusmppc::error::Error) -> String {
    use rusmppc::error::Error;
    if let Error::UnexpectedResponse { response } = error {
        format!("{:?}", response.status())
    } else {
        error.to_string()
    }
}
