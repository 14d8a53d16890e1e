//! Who was told of an incident, and what became of it: one line a body, read from the journal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vigie_domain::directory::Directory;
use vigie_platform::journal::Entry;
use vigie_proto::{BodyId, Channel, event::Event};

use crate::timeline::channel;

/// One body, and how far it has been reached.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    /// When it was first told.
    pub(crate) at: Timestamp,
    /// Each channel with the last that is known of it, such as `SMS : remis`.
    pub(crate) deliveries: Vec<String>,
    /// It could not be reached by any channel.
    pub(crate) unreachable: bool,
    pub(crate) answer: Answer,
}

/// What a body said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    None,
    /// It has read it.
    Seen,
    Acknowledged,
    Refused,
}

impl Answer {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Seen => "seen",
            Self::Acknowledged => "acknowledged",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::None => "pas de réponse",
            Self::Seen => "vu",
            Self::Acknowledged => "pris en compte",
            Self::Refused => "refusé",
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    at: Option<Timestamp>,
    channels: BTreeMap<Channel, &'static str>,
    unreachable: bool,
    answer: Option<Answer>,
}

/// Everybody told or who answered, first told first.
pub(crate) fn told(entries: &[Entry], directory: &Directory) -> Vec<Told> {
    let mut bodies: BTreeMap<BodyId, Known> = BTreeMap::new();
    for entry in entries {
        if let Ok(event) = Event::decode(&entry.envelope.type_name, &entry.data) {
            hear(&mut bodies, &event, entry.envelope.time);
        }
    }
    let told = bodies.into_iter().filter_map(|(body, known)| {
        let deliveries = known.channels.iter().map(|(by, state)| format!("{} : {state}", channel(*by)));
        Some(Told {
            name: directory.body(&body).map_or_else(|| body.to_string(), |body| body.name.clone()),
            at: known.at?,
            deliveries: deliveries.collect(),
            unreachable: known.unreachable,
            answer: known.answer.unwrap_or(Answer::None),
        })
    });
    let mut told: Vec<Told> = told.collect();
    told.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    told
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other facts tell nothing of a recipient")]
fn hear(bodies: &mut BTreeMap<BodyId, Known>, event: &Event, at: Timestamp) {
    let mut of = |body: &BodyId, news: News| bodies.entry(body.clone()).or_default().hear(news, at);
    match event {
        Event::AlertIssued(e) => of(&e.body, News::Delivery(e.channel, "à envoyer")),
        Event::DeliverySent(e) => of(&e.body, News::Delivery(e.channel, "envoyé")),
        Event::DeliveryDelivered(e) => of(&e.body, News::Delivery(e.channel, "remis")),
        Event::DeliveryFailed(e) => of(&e.body, News::Delivery(e.channel, "échec")),
        Event::DeliveryDeadLettered(e) => of(&e.body, News::Unreachable),
        Event::IncidentAcknowledged(e) => of(&e.by.body, News::Said(Answer::Acknowledged)),
        Event::IncidentSeen(e) => of(&e.by.body, News::Said(Answer::Seen)),
        Event::IncidentRefused(e) => of(&e.by.body, News::Said(Answer::Refused)),
        Event::IncidentTakenBack(e) => drop(bodies.get_mut(&e.by.body).map(|known| known.answer = None)),
        // Whoever had answered is asked again.
        Event::IncidentAggravated(_) => bodies.values_mut().for_each(|known| known.answer = None),
        _ => {}
    }
}

/// What a fact says of one body.
#[derive(Debug, Clone, Copy)]
enum News {
    Delivery(Channel, &'static str),
    Unreachable,
    Said(Answer),
}

impl Known {
    fn hear(&mut self, news: News, at: Timestamp) {
        self.at.get_or_insert(at);
        match news {
            News::Delivery(channel, state) => {
                self.channels.insert(channel, state);
            }
            News::Unreachable => self.unreachable = true,
            // Having seen it says less than having answered.
            News::Said(Answer::Seen) => {
                self.answer.get_or_insert(Answer::Seen);
            }
            News::Said(answer) => self.answer = Some(answer),
        }
    }
}
