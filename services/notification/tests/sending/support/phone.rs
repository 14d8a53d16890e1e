//! An SMS gateway (SMPP 3.4) that answers as a test wants.

use std::{
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{SinkExt, StreamExt};
use rusmpp::{
    Command, CommandStatus, Pdu,
    pdus::{BindTransceiverResp, DeliverSm, SubmitSmResp},
    tokio_codec::CommandCodec,
    types::{COctetString, OctetString},
    values::EsmClass,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::codec::Framed;

/// The default alphabet by its codes (3GPP TS 23.038, section 6.2.1); the escape stands for itself.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Where gateways that count begin.
const FIRST: usize = 0x5A3F_12BC;

/// What becomes of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Taken, and a receipt says so.
    Delivers,
    /// Taken, and a receipt says it did not arrive.
    Fails,
    /// Delivers; the number it gives in padded hexadecimal it reports in decimal.
    CountsInTwoBases,
    /// The other way round.
    CountsInTwoOtherBases,
    /// Taken, and never heard of again.
    Forgets,
    /// Kept, without an answer.
    Mute,
}

/// The gateway; gone when dropped.
pub(crate) struct Gateway {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Gateway {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&taken);
        tasks.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let taken = Arc::clone(&shared);
                sessions.spawn(async move { session(stream, mood, &taken).await.unwrap_or_default() });
            }
        });
        Self { port, taken, _tasks: tasks }
    }

    /// The text of every submission.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The text a telephone shows: the underscore of a link is not what it is in ASCII.
fn read(septets: &[u8]) -> String {
    septets.iter().filter_map(|septet| ALPHABET.chars().nth(usize::from(*septet))).collect()
}

async fn session(stream: TcpStream, mood: Mood, taken: &Mutex<Vec<String>>) -> Option<()> {
    let mut line = Framed::new(stream, CommandCodec::new());
    while let Some(Ok(command)) = line.next().await {
        let number = command.sequence_number();
        let mut receipt = None;
        let answer = match command.pdu() {
            Some(Pdu::BindTransceiver(_)) => Pdu::from(BindTransceiverResp::default()),
            Some(Pdu::SubmitSm(message)) => {
                let text = read(message.short_message().as_ref());
                let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.push(text);
                let (hexadecimal, decimal) =
                    (format!("00{:08X}", FIRST + taken.len()), format!("{}", FIRST + taken.len()));
                let (id, reported) = match mood {
                    Mood::CountsInTwoBases => (hexadecimal, decimal),
                    Mood::CountsInTwoOtherBases => (decimal, hexadecimal),
                    Mood::Delivers | Mood::Fails | Mood::Forgets | Mood::Mute => {
                        let id = format!("peer-{}", taken.len());
                        (id.clone(), id)
                    }
                };
                receipt = match mood {
                    Mood::Delivers | Mood::CountsInTwoBases | Mood::CountsInTwoOtherBases => {
                        Some(format!("id:{reported} stat:DELIVRD err:000"))
                    }
                    Mood::Fails => Some(format!("id:{reported} stat:UNDELIV err:013")),
                    Mood::Forgets => None,
                    Mood::Mute => continue,
                };
                SubmitSmResp::builder().message_id(COctetString::from_str(&id).unwrap()).build().into()
            }
            Some(Pdu::EnquireLink) => Pdu::EnquireLinkResp,
            Some(Pdu::Unbind) => Pdu::UnbindResp,
            _ => continue,
        };
        line.send(&Command::new(CommandStatus::EsmeRok, number, answer)).await.ok()?;
        if let Some(text) = receipt {
            // At once: it may overtake the record of its own submission.
            let receipt = DeliverSm::builder()
                .esm_class(EsmClass::from(0x04))
                .short_message(OctetString::from_str(&text).unwrap())
                .build();
            line.send(&Command::new(CommandStatus::EsmeRok, number + 1_000, receipt)).await.ok()?;
        }
    }
    Some(())
}
