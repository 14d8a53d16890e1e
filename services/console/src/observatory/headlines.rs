//! What is said first of a period: a few numbers, and how they stand to those of the month before.

use vigie_picture::number::{count as written, share};

use super::figures::{Figures, protected};

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
pub(super) fn of(figures: &Figures, before: Option<&Figures>, one_sector: bool) -> Vec<Headline> {
    let former = before.map(|before| numbers(before, one_sector));
    let mut former = former.into_iter().flatten();
    numbers(figures, one_sector)
        .into_iter()
        .map(|(number, what, more)| Headline {
            before: former.next().map(|(number, _, _)| format!("le mois d'avant : {number}")).unwrap_or_default(),
            number,
            what,
            more,
        })
        .collect()
}

fn numbers(figures: &Figures, one_sector: bool) -> Vec<(String, &'static str, String)> {
    let told = |number: u64| protected(number, one_sector);
    let few = told(figures.incidents).starts_with('<');
    let of_all =
        |part: u64| if few { String::new() } else { format!("{} des événements", share(part, figures.incidents)) };
    let charge = figures.took_charge_s.filter(|_| !told(figures.acknowledged).starts_with('<'));
    vec![
        (told(figures.incidents), "événements ouverts", String::new()),
        (told(figures.acknowledged), "pris en compte", of_all(figures.acknowledged)),
        (
            charge.map_or_else(|| "—".to_owned(), |(half, _)| duration(half)),
            "délai médian de prise en compte",
            charge.map(|(_, most)| format!("neuf sur dix en {}", duration(most))).unwrap_or_default(),
        ),
        (told(figures.relaunched), "événements relancés", of_all(figures.relaunched)),
        (
            told(figures.given),
            "retours donnés",
            if few {
                String::new()
            } else {
                format!(
                    "{} dus, {} à temps, {} en retard",
                    written(figures.owed),
                    written(figures.given_in_time),
                    written(figures.overdue)
                )
            },
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
