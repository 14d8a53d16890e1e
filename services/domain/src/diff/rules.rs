//! What no plan shows: kinds, classes, days, numbers, verdicts, roles and bodies, rule by rule.

use std::collections::{BTreeMap, BTreeSet};

use vigie_proto::Kind;

use super::{
    RuleChange, Topic,
    crises::crises,
    parts::{Parts, Rules, joined, sorted, word},
};
use crate::doctrine::{Audience, Doctrine, KindRule, Medium, Outside, Reading, Thread, words};
use crate::{
    city::City,
    directory::{Ambit, Directory},
};

/// Every rule that is not the same.
pub(super) fn compare(before: &City, after: &City) -> Vec<RuleChange> {
    let (old, new) = (&*before.doctrine, &*after.doctrine);
    let used = |name: &str| uses(old, name) || uses(new, name);
    [
        topic(Topic::Kind, &kinds(old), &kinds(new)),
        topic(Topic::Circuit, &circuits(old), &circuits(new)),
        topic(Topic::Counted, &counted(old), &counted(new)),
        topic(Topic::Outside, &outside(old), &outside(new)),
        topic(Topic::Fiche, &fiches(old), &fiches(new)),
        topic(Topic::Indicator, &indicators(old), &indicators(new)),
        topic(Topic::Window, &windows(old, used), &windows(new, used)),
        topic(Topic::Class, &classes(old), &classes(new)),
        topic(Topic::Calendar, &calendar(old), &calendar(new)),
        topic(Topic::Never, &never(old), &never(new)),
        topic(Topic::Emergency, &emergency(old), &emergency(new)),
        topic(Topic::Undeliverable, &undeliverable(old), &undeliverable(new)),
        topic(Topic::Accuracy, &accuracy(old), &accuracy(new)),
        topic(Topic::Thread, &thread(old), &thread(new)),
        topic(Topic::Reads, &reads(before), &reads(after)),
        topic(Topic::Crisis, &crises(old), &crises(new)),
        topic(Topic::Role, &roles(&before.directory), &roles(&after.directory)),
        topic(Topic::Body, &bodies(&before.directory), &bodies(&after.directory)),
    ]
    .concat()
}

fn topic(of: Topic, before: &Rules, after: &Rules) -> Vec<RuleChange> {
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let whole = |parts: &Parts| parts.first().map(|(_, text)| text.clone()).unwrap_or_default();
    let mut changes = Vec::new();
    for id in ids {
        let change = |part, before, after| RuleChange { of, id: id.clone(), part, before, after };
        match (before.get(id), after.get(id)) {
            (Some(was), Some(is)) => {
                for ((part, was), (_, is)) in was.iter().zip(is).filter(|(was, is)| was != is) {
                    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
                    changes.push(change(Some(*part), text(was), text(is)));
                }
            }
            (was, is) => changes.push(change(None, was.map(whole), is.map(whole))),
        }
    }
    changes
}

fn kinds(doctrine: &Doctrine) -> Rules {
    doctrine.kinds.iter().map(|(kind, rule)| (kind.to_string(), kind_parts(rule))).collect()
}

fn kind_parts(rule: &KindRule) -> Parts {
    let facts = rule
        .facts
        .iter()
        .map(|fact| format!("{} ({}{})", fact.code, fact.label, if fact.shown { ", shown" } else { "" }));
    let bounds = rule.manned_within_min.iter().map(|(severity, min)| format!("{severity} {min} min"));
    let accumulation = rule.accumulation.as_ref().map(|rule| {
        format!(
            "{} of {} within {} d and {} m become {}",
            rule.count, rule.severity, rule.within_days, rule.radius_m, rule.becomes
        )
    });
    let retaliation = rule.retaliation.as_ref().map(|rule| {
        let after: Vec<&str> = rule.after.iter().map(|severity| severity.code()).collect();
        format!("{} d and {} m after {} become {}", rule.days, rule.radius_m, after.join(" or "), rule.becomes)
    });
    vec![
        ("label", rule.label.clone()),
        ("pictogram", rule.pictogram.map_or_else(String::new, |sign| sign.code().to_owned())),
        ("default_severity", rule.default_severity.to_string()),
        ("facts", joined(facts)),
        ("one_fact_of", rule.one_fact_of.join(", ")),
        ("correlation", format!("{} m, {} min", rule.correlation.radius_m, rule.correlation.window_min)),
        ("schools_within_m", rule.schools_within_m.to_string()),
        ("neighbours_within_m", rule.neighbours_within_m.to_string()),
        ("class", rule.class.clone().unwrap_or_default()),
        ("manned_within_min", joined(bounds)),
        ("accumulation", accumulation.unwrap_or_default()),
        ("retaliation", retaliation.unwrap_or_default()),
    ]
}

/// Titles and lines of the circuits of an id: their plans are compared elsewhere.
fn circuits(doctrine: &Doctrine) -> Rules {
    let mut found: BTreeMap<String, [BTreeSet<String>; 3]> = BTreeMap::new();
    for circuit in &doctrine.circuits {
        let parts = found.entry(circuit.id.clone()).or_default();
        for (part, text) in parts.iter_mut().zip([&circuit.title, &circuit.lines, &circuit.fiche]) {
            part.insert(text.clone());
        }
    }
    let parts = |[title, lines, fiche]: [BTreeSet<String>; 3]| {
        vec![("title", joined(title)), ("lines", joined(lines)), ("fiche", joined(fiche))]
    };
    found.into_iter().map(|(id, texts)| (id, parts(texts))).collect()
}

fn counted(doctrine: &Doctrine) -> Rules {
    let rules = doctrine.counted.iter().map(|circuit| {
        let parts = vec![
            ("title", circuit.title.clone()),
            ("lines", circuit.lines.clone()),
            ("fiche", circuit.fiche.clone()),
            ("indicators", circuit.indicators.join(", ")),
            ("by", words::roles(&circuit.by).join(", ")),
            ("reason", circuit.reason.clone()),
        ];
        (circuit.id.clone(), parts)
    });
    rules.collect()
}

fn outside(doctrine: &Doctrine) -> Rules {
    let rules = doctrine.outside.iter().map(|circuit| {
        let parts = vec![
            ("title", circuit.title.clone()),
            ("lines", circuit.lines.clone()),
            ("fiche", circuit.fiche.clone()),
            ("reason", circuit.reason.clone()),
        ];
        (circuit.id.clone(), parts)
    });
    rules.collect()
}

fn fiches(doctrine: &Doctrine) -> Rules {
    let rules = doctrine.fiches.iter().map(|fiche| {
        let parts = vec![("title", fiche.title.clone()), ("lines", fiche.lines.clone())];
        (fiche.id.clone(), parts)
    });
    rules.collect()
}

fn indicators(doctrine: &Doctrine) -> Rules {
    let parts = |label: &str, lines: &str| vec![("label", label.to_owned()), ("lines", lines.to_owned())];
    doctrine.indicators.iter().map(|(id, rule)| (id.clone(), parts(&rule.label, &rule.lines))).collect()
}

/// Hours that no step uses: those of the others show in the plans.
fn windows(doctrine: &Doctrine, used: impl Fn(&str) -> bool) -> Rules {
    let unused = doctrine.windows.iter().filter(|(name, _)| !used(name));
    let rules = unused.map(|(name, window)| {
        let hours =
            window.hours.iter().map(|(from, until)| format!("{}-{}", words::clock(*from), words::clock(*until)));
        let parts = vec![
            ("label", window.label.clone()),
            ("hours", joined(hours)),
            ("not_on", joined(window.not_on.iter().map(word))),
            ("lines", window.lines.clone().unwrap_or_default()),
        ];
        (name.clone(), parts)
    });
    rules.collect()
}

fn uses(doctrine: &Doctrine, window: &str) -> bool {
    fn named(audiences: &[Audience], window: &str) -> bool {
        audiences.iter().any(|audience| {
            let instead = match &audience.outside {
                Outside::Tell(others) => named(others, window),
                Outside::Skip | Outside::Wait => false,
            };
            audience.hours.as_deref() == Some(window) || instead
        })
    }
    doctrine.circuits.iter().flat_map(|circuit| &circuit.steps).any(|step| named(&step.tell, window))
}

fn classes(doctrine: &Doctrine) -> Rules {
    let rules = doctrine.classes.iter().map(|(id, class)| {
        let parts = vec![
            ("label", class.label.clone()),
            ("channels", words::channels(&class.channels)),
            ("roles", words::roles(&class.roles).join(", ")),
            ("undeliverable", told(&class.undeliverable)),
            ("retention_days", class.retention_days.to_string()),
        ];
        (id.clone(), parts)
    });
    rules.collect()
}

fn calendar(doctrine: &Doctrine) -> Rules {
    let day = |id: String| (id.clone(), vec![("day", id)]);
    let calendar = &doctrine.calendar;
    let public = calendar.public_holidays.iter().map(|date| day(format!("public holiday {date}")));
    let school = calendar.school_holidays.iter().map(|(from, until)| day(format!("school holiday {from} to {until}")));
    let zone = doctrine.zone.iana_name().unwrap_or("UTC").to_owned();
    public.chain(school).chain([("timezone".to_owned(), vec![("name", zone)])]).collect()
}

fn never(doctrine: &Doctrine) -> Rules {
    let rules = doctrine.never.iter().map(|rule| {
        let parts = vec![
            ("because", rule.because.clone()),
            ("tell", joined(sorted(&rule.tell))),
            ("collect", joined(sorted(&rule.collect))),
        ];
        (rule.lines.clone(), parts)
    });
    rules.collect()
}

fn emergency(doctrine: &Doctrine) -> Rules {
    doctrine.emergency.iter().map(|known| (known.number.clone(), vec![("label", known.label.clone())])).collect()
}

fn undeliverable(doctrine: &Doctrine) -> Rules {
    let rule = &doctrine.undeliverable;
    let parts = vec![("tell", told(&rule.tell)), ("channels", words::channels(&rule.channels))];
    [("anywhere".to_owned(), parts)].into()
}

fn told(audiences: &[Audience]) -> String {
    let told = audiences.iter().map(|told| format!("{} in {}, {}", told.role, word(&told.place), word(&told.rank)));
    joined(told)
}

fn accuracy(doctrine: &Doctrine) -> Rules {
    let rule = &doctrine.accuracy;
    let roles = rule.roles.iter().map(|(role, within_m)| (role.to_string(), *within_m));
    let all = roles.chain([("anybody else".to_owned(), rule.within_m)]);
    all.map(|(role, within_m)| (role, vec![("within_m", within_m.to_string())])).collect()
}

fn thread(doctrine: &Doctrine) -> Rules {
    let Thread { reopen_within_h, messages_per_hour } = &doctrine.thread;
    let parts =
        vec![("reopen_within_h", reopen_within_h.to_string()), ("messages_per_hour", messages_per_hour.to_string())];
    [("any".to_owned(), parts)].into()
}

/// What each role reads of incidents of each class, resolved: moving a rule changes what it decides, not itself.
fn reads(city: &City) -> Rules {
    let classes: BTreeMap<&str, &Kind> =
        city.doctrine.kinds.iter().map(|(kind, rule)| (rule.class.as_deref().unwrap_or_default(), kind)).collect();
    let mut rules = Rules::new();
    for role in city.directory.roles() {
        for (class, kind) in &classes {
            let parts = Medium::ALL.map(|medium| (on(medium), read(city.reading(kind, role, medium))));
            rules.insert(format!("{role}, class {class}"), parts.to_vec());
        }
    }
    rules
}

fn on(medium: Medium) -> &'static str {
    match medium {
        Medium::Email => "by e-mail",
        Medium::Sms => "by SMS",
        Medium::Link => "behind a link",
        Medium::Screen => "on pages",
    }
}

fn read(reading: Reading) -> String {
    let Reading { place, facts, number, announced, words } = reading;
    let also = [("number", number), ("announced time", announced), ("words", words)];
    let also = also.into_iter().filter(|(_, given)| *given).map(|(what, _)| what.to_owned());
    let levels = [format!("place {}", word(&place)), format!("facts {}", word(&facts))];
    joined(levels.into_iter().chain(also))
}

fn roles(directory: &Directory) -> Rules {
    let rules = directory.role_rules().map(|(id, role)| {
        let parts = vec![
            ("label", role.label.clone()),
            ("raises", joined(sorted(&role.raises))),
            ("surroundings_m", role.surroundings_m.to_string()),
            ("sees", word(&role.sees)),
            ("may", joined(sorted(&role.may.iter().map(word).collect::<Vec<_>>()))),
            ("manned", role.manned.to_string()),
            ("intervenes", role.intervenes.to_string()),
            ("session_hours", role.session_hours.map_or_else(String::new, |hours| hours.to_string())),
        ];
        (id.to_string(), parts)
    });
    rules.collect()
}

/// Bodies, without their contact points: those show in the plans.
fn bodies(directory: &Directory) -> Rules {
    let rules = directory.bodies().map(|body| {
        let ambit = match &body.ambit {
            Ambit::City => "city".to_owned(),
            Ambit::Sector(sector) => sector.to_string(),
            Ambit::School(uai) => uai.to_string(),
        };
        (body.id.to_string(), vec![("name", body.name.clone()), ("role", body.role.to_string()), ("territory", ambit)])
    });
    rules.collect()
}
