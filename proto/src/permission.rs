//! What each user of the bus may do, as NATS subjects: only the relay publishes facts, makes the stream and the consumers;
//! a service reads its own consumers and acknowledges what they bring; whoever watches changes nothing.
//!
//! A client of user `u` takes its answers under `_INBOX.u`, so that nobody hears another's.

use std::fmt::Write as _;

use crate::{
    consumer::{self, Consumer},
    subject::{ALL, STREAM},
};

/// The user of whoever runs the relay.
pub const RELAY: &str = "relay";
/// The user of whoever only watches.
pub const READER: &str = "reader";

/// Where the client of `user` takes its answers.
pub fn inbox_of(user: &str) -> String {
    format!("_INBOX.{user}")
}

/// Subjects a user may publish on and subscribe to; what is refused counts more than what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    pub publish: Vec<String>,
    pub publish_never: Vec<String>,
    pub subscribe: Vec<String>,
    pub subscribe_never: Vec<String>,
}

/// Every user that Vigie itself has: the relay, then each service that reads.
pub fn users() -> Vec<&'static str> {
    std::iter::once(RELAY).chain(consumer::services()).collect()
}

/// What `user` may do; none when the house has no such user.
pub fn of(user: &str) -> Option<Permissions> {
    match user {
        RELAY => Some(relay()),
        READER => Some(reader()),
        service => {
            let own: Vec<Consumer> = consumer::ALL.into_iter().filter(|consumer| consumer.service == service).collect();
            (!own.is_empty()).then(|| reads(service, &own))
        }
    }
}

fn relay() -> Permissions {
    Permissions {
        publish: vec![
            ALL.to_owned(),
            format!("$JS.API.STREAM.INFO.{STREAM}"),
            format!("$JS.API.STREAM.CREATE.{STREAM}"),
            format!("$JS.API.STREAM.UPDATE.{STREAM}"),
            format!("$JS.API.CONSUMER.CREATE.{STREAM}.>"),
            format!("$JS.API.CONSUMER.INFO.{STREAM}.*"),
        ],
        publish_never: Vec::new(),
        subscribe: vec![format!("{}.>", inbox_of(RELAY))],
        subscribe_never: Vec::new(),
    }
}

fn reads(service: &str, own: &[Consumer]) -> Permissions {
    Permissions {
        publish: own
            .iter()
            .flat_map(|consumer| {
                let on = |what: &str| format!("$JS.API.CONSUMER.{what}.{STREAM}.{}", consumer.name);
                let [first, second] = acknowledgements(consumer.name);
                [on("INFO"), on("MSG.NEXT"), first, second]
            })
            .collect(),
        publish_never: Vec::new(),
        subscribe: vec![format!("{}.>", inbox_of(service))],
        subscribe_never: Vec::new(),
    }
}

/// Hears what passes, reads what is kept, and may have consumers of its own; never those of the house.
fn reader() -> Permissions {
    let house = consumer::ALL.iter().flat_map(|consumer| {
        let name = consumer.name;
        let [first, second] = acknowledgements(name);
        [
            format!("$JS.API.CONSUMER.CREATE.{STREAM}.{name}"),
            format!("$JS.API.CONSUMER.CREATE.{STREAM}.{name}.>"),
            format!("$JS.API.CONSUMER.DELETE.{STREAM}.{name}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}"),
            first,
            second,
        ]
    });
    Permissions {
        publish: [
            "$JS.API.INFO".to_owned(),
            "$JS.API.STREAM.NAMES".to_owned(),
            "$JS.API.STREAM.LIST".to_owned(),
            format!("$JS.API.STREAM.INFO.{STREAM}"),
            format!("$JS.API.STREAM.MSG.GET.{STREAM}"),
            format!("$JS.API.DIRECT.GET.{STREAM}"),
            format!("$JS.API.DIRECT.GET.{STREAM}.>"),
            format!("$JS.API.CONSUMER.NAMES.{STREAM}"),
            format!("$JS.API.CONSUMER.LIST.{STREAM}"),
            format!("$JS.API.CONSUMER.INFO.{STREAM}.*"),
            format!("$JS.API.CONSUMER.CREATE.{STREAM}.>"),
            format!("$JS.API.CONSUMER.DELETE.{STREAM}.*"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.*"),
            format!("$JS.ACK.{STREAM}.>"),
        ]
        .into(),
        publish_never: house.collect(),
        // Where common clients take their answers.
        subscribe: vec![ALL.to_owned(), "_INBOX.>".to_owned()],
        subscribe_never: users().into_iter().map(|user| format!("{}.>", inbox_of(user))).collect(),
    }
}

/// Where a message of that consumer is acknowledged: as servers up to 2.15 name it, and as later ones will.
fn acknowledgements(consumer: &str) -> [String; 2] {
    [format!("$JS.ACK.{STREAM}.{consumer}.>"), format!("$JS.ACK.*.*.{STREAM}.{consumer}.>")]
}

/// How a user of the bus proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Public part of an nkey, `U…`.
    Nkey(String),
    /// For clients that only take a URL.
    Password(String),
}

/// The `authorization` block of a NATS server's configuration for `users`, each with its proof. Anybody else is refused.
///
/// Users the house does not know are left out.
pub fn authorization(users: &[(&str, Proof)]) -> String {
    let mut text = "authorization {\n  users: [\n".to_owned();
    for (user, proof) in users {
        let Some(permissions) = of(user) else { continue };
        let who = match proof {
            Proof::Nkey(key) => format!("nkey: {}", quoted(key)),
            Proof::Password(password) => format!("user: {}, password: {}", quoted(user), quoted(password)),
        };
        let (publish, subscribe) = (
            rule(&permissions.publish, &permissions.publish_never),
            rule(&permissions.subscribe, &permissions.subscribe_never),
        );
        writeln!(
            text,
            "    # {user}\n    {{ {who}, permissions: {{\n        publish: {publish}\n        subscribe: {subscribe} }} }}"
        )
        .expect("writing to a String cannot fail");
    }
    text + "  ]\n}\n"
}

fn rule(allow: &[String], deny: &[String]) -> String {
    let deny = if deny.is_empty() { String::new() } else { format!(", deny: {}", list(deny)) };
    format!("{{ allow: {}{deny} }}", list(allow))
}

fn list(subjects: &[String]) -> String {
    format!("[{}]", subjects.iter().map(|subject| quoted(subject)).collect::<Vec<_>>().join(", "))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text always serializes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a NATS subject pattern covers a subject.
    fn covers(pattern: &str, subject: &str) -> bool {
        let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
        loop {
            match (pattern.next(), subject.next()) {
                (Some(">"), Some(_)) | (None, None) => return true,
                (Some("*"), Some(_)) => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    }

    fn may_publish(user: &str, subject: &str) -> bool {
        let permissions = of(user).unwrap();
        let any = |patterns: &[String]| patterns.iter().any(|pattern| covers(pattern, subject));
        any(&permissions.publish) && !any(&permissions.publish_never)
    }

    #[test]
    fn only_the_relay_publishes_facts_and_changes_the_stream() {
        let forbidden = [
            "vigie.act.recorded",
            "vigie.signal.raised.rixe",
            "$JS.API.STREAM.CREATE.VIGIE",
            "$JS.API.STREAM.UPDATE.VIGIE",
            "$JS.API.STREAM.DELETE.VIGIE",
            "$JS.API.STREAM.PURGE.VIGIE",
            "$JS.API.STREAM.MSG.DELETE.VIGIE",
            "$JS.API.CONSUMER.CREATE.VIGIE.routing",
            "$JS.API.CONSUMER.CREATE.VIGIE.routing.vigie.act.recorded",
            "$JS.API.CONSUMER.DURABLE.CREATE.VIGIE.routing",
            "$JS.API.CONSUMER.DELETE.VIGIE.routing",
            "$JS.API.CONSUMER.PAUSE.VIGIE.routing",
        ];
        for user in users().into_iter().chain([READER]).filter(|user| *user != RELAY) {
            for subject in forbidden {
                assert!(!may_publish(user, subject), "{user} may publish on {subject}");
            }
        }
        for subject in forbidden.iter().filter(|subject| subject.contains("DELETE") || subject.contains("PURGE")) {
            assert!(!may_publish(RELAY, subject), "the relay may publish on {subject}");
        }
        assert!(may_publish(RELAY, "vigie.signal.raised.rixe"));
        assert!(may_publish(RELAY, "$JS.API.CONSUMER.CREATE.VIGIE.routing"));
    }

    #[test]
    fn a_service_takes_and_acknowledges_from_its_own_consumers_only() {
        for service in consumer::services() {
            for consumer in consumer::ALL {
                let own = consumer.service == service;
                let name = consumer.name;
                for subject in [
                    format!("$JS.API.CONSUMER.INFO.VIGIE.{name}"),
                    format!("$JS.API.CONSUMER.MSG.NEXT.VIGIE.{name}"),
                    format!("$JS.ACK.VIGIE.{name}.1.2.3.4.5"),
                    format!("$JS.ACK.domain.account.VIGIE.{name}.1.2.3.4.5"),
                ] {
                    assert_eq!(may_publish(service, &subject), own, "{service}: {subject}");
                    let watched = may_publish(READER, &subject);
                    assert_eq!(watched, subject.contains("INFO"), "{READER}: {subject}");
                }
            }
        }
    }

    #[test]
    fn nobody_hears_the_answers_of_another() {
        for user in users().into_iter().chain([READER]) {
            let permissions = of(user).unwrap();
            for other in users().into_iter().filter(|other| *other != user) {
                let answer = format!("{}.9.8", inbox_of(other));
                let any = |patterns: &[String]| patterns.iter().any(|pattern| covers(pattern, &answer));
                let hears = any(&permissions.subscribe) && !any(&permissions.subscribe_never);
                assert!(!hears, "{user} hears {other}");
            }
        }
    }

    #[test]
    fn a_block_names_each_user_by_its_proof_and_no_stranger() {
        let block = authorization(&[
            (RELAY, Proof::Nkey("UABC".to_owned())),
            (READER, Proof::Password("a\"b".to_owned())),
            ("stranger", Proof::Nkey("UXYZ".to_owned())),
        ]);
        assert!(block.contains(r#"nkey: "UABC""#) && block.contains(r#"password: "a\"b""#), "{block}");
        assert!(!block.contains("UXYZ"), "{block}");
        assert_eq!(of("stranger"), None);
    }
}
