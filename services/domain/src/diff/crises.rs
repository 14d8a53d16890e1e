//! How crises are conducted, rule by rule.

use super::parts::{Parts, Rules, joined, sorted, word};
use crate::doctrine::crises::{self, ChoiceRule, Labelled, Notice, ResourceRule};
use crate::doctrine::{Doctrine, words};

/// Every rule of `[crisis]`, in words.
pub(super) fn crises(doctrine: &Doctrine) -> Rules {
    let Some(rules) = &doctrine.crisis else { return Rules::new() };
    let regimes = rules.regimes.iter().map(|rule| {
        let parts = vec![("directed_by", rule.directed_by.clone()), ("guidance", rule.guidance.join(" "))];
        (format!("regime {}", rule.regime), parts)
    });
    let resources = rules.resources.iter().map(|rule| (format!("resource {}", rule.id), resource(rule)));
    let conduct = vec![
        ("conducted_by", joined(sorted(&rules.conducted_by))),
        ("correspondents", joined(sorted(&rules.correspondents))),
        ("cell", joined(sorted(&rules.cell))),
        ("unanswered", notice(&rules.unanswered)),
    ];
    let whole = [
        ("conduct".to_owned(), conduct),
        ("care".to_owned(), care(&rules.care)),
        ("report".to_owned(), report(&rules.report)),
        ("retex".to_owned(), retex(&rules.retex)),
    ];
    let relay = rules.relay.as_ref().map(|rules| ("relay".to_owned(), relay(rules)));
    regimes.chain(resources).chain(whole).chain(relay).collect()
}

fn resource(rule: &ResourceRule) -> Parts {
    let through = rule.through.as_ref().map(|through| {
        let (roles, notice, overdue) = (sorted(&through.roles), notice(&through.notice), notice(&through.overdue));
        format!("{} within {} min: {notice}; then {overdue}", joined(roles), through.within_min)
    });
    let choice = |choice: &ChoiceRule| format!("within {} min: {}", choice.within_min, notice(&choice.notice));
    vec![
        ("label", rule.label.clone()),
        ("short", rule.short.clone().unwrap_or_default()),
        ("units", rule.units.to_string()),
        ("asked_by", joined(sorted(&rule.asked_by))),
        ("through", through.unwrap_or_default()),
        ("choice", rule.choices.iter().map(choice).collect::<Vec<_>>().join("; then ")),
        ("on_site_within_min", rule.on_site_within_min.to_string()),
        ("coordinated_with", rule.coordinated_with.clone().unwrap_or_default()),
        ("guidance", rule.guidance.clone().unwrap_or_default()),
    ]
}

fn care(rules: &crises::CareRules) -> Parts {
    let tasks = rules.tasks.iter().map(|task| format!("{} by {} ({})", task.id, task.role, task.label));
    let categories = rules.categories.iter().map(|category| {
        format!("{} ({}) counted by {}", category.id, category.label, joined(sorted(&category.counted_by)))
    });
    vec![
        ("opened_by", joined(sorted(&rules.opened_by))),
        ("place", labelled(&rules.places)),
        ("inside", labelled(&rules.inside)),
        ("task", joined(tasks)),
        ("category", joined(categories)),
        ("closes_when", labelled(&rules.closes_when)),
    ]
}

fn report(rules: &crises::ReportRules) -> Parts {
    let fields =
        rules.fields.iter().map(|field| format!("{} ({}): {}", field.id, field.label, labelled(&field.options)));
    vec![
        ("every_min", rules.every_min.to_string()),
        ("reminder_after_min", rules.reminder_after_min.to_string()),
        ("regimes", joined(sorted(&rules.regimes))),
        ("given_by", joined(sorted(&rules.given_by))),
        ("settles", rules.settles.join(", ")),
        ("due", notice(&rules.due)),
        ("overdue", notice(&rules.overdue)),
        ("field", joined(fields)),
    ]
}

fn relay(rules: &crises::RelayRules) -> Parts {
    vec![
        ("from", rules.from.clone()),
        ("kept_by", joined(sorted(&rules.kept_by))),
        ("shown_to", joined(sorted(&rules.shown_to))),
        ("notice", notice(&rules.notice)),
        ("withdrawn", notice(&rules.withdrawn)),
    ]
}

fn retex(rules: &crises::RetexRules) -> Parts {
    let reminders = rules
        .reminders
        .iter()
        .map(|rule| format!("day {} at {}: {}", rule.day, rule.at.strftime("%H:%M"), notice(&rule.notice)));
    vec![
        ("written_by", joined(sorted(&rules.written_by))),
        ("settles", rules.settles.join(", ")),
        ("section", labelled(&rules.sections)),
        ("reminder", reminders.collect::<Vec<_>>().join("; ")),
    ]
}

/// `mairie in sector, first; by sms, email: « … »`
fn notice(notice: &Notice) -> String {
    let told = notice.tell.iter().map(|t| format!("{} in {}, {}", t.role, word(&t.place), word(&t.rank)));
    format!("{}; by {}: « {} »", joined(told), words::channels(&notice.channels), notice.say)
}

fn labelled(list: &[Labelled]) -> String {
    joined(list.iter().map(|known| format!("{} ({})", known.id, known.label)))
}
