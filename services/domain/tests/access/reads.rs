//! Need to know: what a message or a page holds of an incident is what the doctrine's rules give, read a second way.

use toml::{Table, Value};
use vigie_domain::doctrine::Medium;
use vigie_proto::{Channel, RoleId, event::Recipient};

use super::*;

/// The words of a rule that say how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part that is read or not")]
struct Given {
    quartier: bool,
    exact: bool,
    shown: bool,
    hidden: bool,
    number: bool,
    announced: bool,
}

/// The first rule of the file that is about the role, the class and the medium: each of its words, and none that is absent.
fn first_rule(file: &Table, class: &str, role: &RoleId, medium: &str) -> Given {
    let names = |rule: &Value, key: &str, name: &str| {
        let list = rule.get(key).and_then(Value::as_array);
        list.is_none_or(|list| list.iter().any(|entry| entry.as_str() == Some(name)))
    };
    let who = if CITY.directory.intervenes(role) { "intervenes" } else { "watches" };
    let holds = |rule: &&Value| {
        rule.get("who").and_then(Value::as_str).is_none_or(|word| word == who)
            && names(rule, "roles", role.as_str())
            && names(rule, "classes", class)
            && names(rule, "on", medium)
    };
    let first = file["reads"].as_array().unwrap().iter().find(holds).unwrap();
    let word = |key: &str| first[key].as_str().unwrap();
    Given {
        quartier: word("place") != "sector",
        exact: word("place") == "exact",
        shown: word("facts") != "none",
        hidden: word("facts") == "all",
        number: first["number"].as_bool().unwrap(),
        announced: first["announced"].as_bool().unwrap(),
    }
}

/// What a text of any form holds of the incident of these tests.
fn held(text: &str) -> Given {
    let has = |canary: &str| text.contains(canary);
    assert_eq!(has("CANARI-2"), has("2.515151"), "name and position go together: {text}");
    assert_eq!(has("CANARI-3"), has("suspected"), "facts and weapons go together: {text}");
    assert_eq!(has("CANARI-3"), has("Un groupe se forme"), "{text}");
    Given {
        quartier: has("CANARI-1"),
        exact: has("CANARI-2"),
        shown: has("CANARI-3"),
        hidden: has("CANARI-4"),
        number: has("4242"),
        announced: text.matches("2026-11-23T14:30:00Z").count() == 2,
    }
}

fn rules() -> Table {
    shipped::text("doctrine/doctrine.toml").parse().unwrap()
}

#[test]
fn every_role_reads_of_every_kind_what_the_first_rule_about_it_gives() {
    let file = rules();
    let media = [(Medium::Email, "email"), (Medium::Sms, "sms"), (Medium::Link, "link"), (Medium::Screen, "screen")];
    let mut seen = BTreeSet::new();
    for (kind, rule) in &CITY.doctrine.kinds {
        let whole = snapshot(kind, Severity::Serious);
        for role in CITY.directory.roles() {
            for (medium, word) in media {
                let given = first_rule(&file, rule.class.as_deref().unwrap(), role, word);
                let read = CITY.reading(kind, role, medium).of(&whole, Sensitivity::Public);
                let text = serde_json::to_string(&read).unwrap();
                assert_eq!(held(&text), given, "{role} {kind} {word}");
                seen.insert(format!("{given:?}"));
            }
        }
    }
    assert!(seen.len() >= 5, "too few ways to read: {seen:?}");
}

#[test]
fn a_message_holds_no_more_than_each_channel_it_may_leave_by_allows() {
    let file = rules();
    for (kind, rule) in &CITY.doctrine.kinds {
        let whole = snapshot(kind, Severity::Serious);
        for body in bodies() {
            let role = &body.role;
            let class = rule.class.as_deref().unwrap();
            let to = |channel| Recipient {
                body: body.id.clone(),
                role: role.clone(),
                contact: "any".parse().unwrap(),
                channel,
            };
            let told = CITY.told(&whole, &to(Channel::Email), &[Channel::Sms]);
            let given = held(&serde_json::to_string(&told).unwrap());
            let (email, sms) = (first_rule(&file, class, role, "email"), first_rule(&file, class, role, "sms"));
            let both = Given {
                quartier: email.quartier && sms.quartier,
                exact: email.exact && sms.exact,
                shown: email.shown && sms.shown,
                hidden: email.hidden && sms.hidden,
                number: email.number && sms.number,
                announced: email.announced && sms.announced,
            };
            assert_eq!(given, both, "{} {kind}", body.id);
        }
    }
}

#[test]
fn who_intervenes_reads_where_and_who_watches_the_quartier() {
    let rixe: Kind = "rixe".parse().unwrap();
    let read = |role: &str, medium| {
        let read = CITY
            .reading(&rixe, &role.parse().unwrap(), medium)
            .of(&snapshot(&rixe, Severity::Serious), Sensitivity::Public);
        held(&serde_json::to_string(&read).unwrap())
    };
    let sms = read("commissariat", Medium::Sms);
    assert!(sms.exact && sms.number && !sms.hidden, "an SMS says where, and not that somebody is hurt");
    assert!(read("commissariat", Medium::Link).hidden);
    let school = read("etablissement", Medium::Email);
    assert!(school.quartier && !school.exact && !school.shown && !school.number);
    let club = read("prevention-specialisee", Medium::Link);
    assert!(club.exact && club.shown && !club.hidden && !club.number);
}

#[test]
fn rules_that_forget_somebody_or_decide_nothing_are_refused() {
    let refused = |from: &str, to: &str| {
        let error = shipped::city_with("doctrine.toml", from, to).unwrap_err().0;
        assert_eq!(error.len(), 1, "{error:?}");
        error[0].clone()
    };
    let last = "[[reads]]\nplace = \"quartier\"";
    assert!(refused(last, "[[reads]]\nwho = \"watches\"\nplace = \"quartier\"").contains("must hold for all"));
    let unreachable =
        format!("[[reads]]\nplace = \"sector\"\nfacts = \"none\"\nnumber = false\nannounced = false\n\n{last}");
    assert!(refused(last, &unreachable).contains("decides nothing"));
    assert!(
        refused("classes = [\"judicial\"]\non", "classes = [\"judicial\"]\nwords = true\non")
            .contains("no message carries")
    );
    assert!(
        refused("classes = [\"judicial\"]\non", "classes = [\"juridical\"]\non")
            .contains("`juridical` is not declared")
    );
    assert!(refused("roles = [\"cellule-bandes\"]\non", "roles = [\"cellule-band\"]\non").contains("`cellule-band`"));
}
