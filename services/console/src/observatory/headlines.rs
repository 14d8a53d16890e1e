//! What is said first of a period: a few numbers, and how they stand to those of the month before.

use vigie_domain::discretion::Told;
use vigie_picture::number::share;

use super::figures::{Figures, shown};

/// One number.
#[derive(Debug)]
pub(super) struct Headline {
    pub(super) number: String,
    /// What it counts.
    pub(super) what: &'static str,
    /// What to know of it; may be empty.
    pub(super) more: String,
    /// `le mois d'avant : 12`; empty outside a bulletin.
    pub(super) before: String,
}

/// The headlines of `figures`; with those of the month `before` in a bulletin.
pub(super) fn of(figures: &Figures, before: Option<&Figures>) -> Vec<Headline> {
    let former = before.map(numbers);
    let mut former = former.into_iter().flatten();
    numbers(figures)
        .into_iter()
        .map(|(number, what, more)| Headline {
            before: former.next().map(|(number, _, _)| format!("le mois d'avant : {number}")).unwrap_or_default(),
            number,
            what,
            more,
        })
        .collect()
}

fn numbers(figures: &Figures) -> Vec<(String, &'static str, String)> {
    // A share would tell a number by another.
    let of_all = |part: Told| match (part.exact(), figures.incidents.exact()) {
        (Some(part), Some(whole)) => format!("{} des événements", share(part, whole)),
        _ => String::new(),
    };
    let charge = figures.took_charge_s;
    vec![
        (shown(figures.incidents), "événements ouverts", String::new()),
        (shown(figures.acknowledged), "pris en compte", of_all(figures.acknowledged)),
        (
            charge.map_or_else(|| "—".to_owned(), |(half, _)| duration(half)),
            "délai médian de prise en compte",
            charge.map(|(_, most)| format!("neuf sur dix en {}", duration(most))).unwrap_or_default(),
        ),
        (shown(figures.relaunched), "événements relancés", of_all(figures.relaunched)),
        (
            shown(figures.given),
            "retours donnés",
            format!(
                "dus : {} ; à temps : {} ; en retard : {}",
                shown(figures.owed),
                shown(figures.given_in_time),
                shown(figures.overdue)
            ),
        ),
    ]
}

/// `45 s`, `3 min`, `2 h 05`.
fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a delay is small and not negative")]
    let seconds = seconds.round().max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02}", seconds / 3_600, seconds % 3_600 / 60),
    }
}
