//! Two runs side by side: the messages of the bodies that change most.

use super::{
    ACCENT, BLUES, INK, LINE, float, nth,
    svg::{Anchor, Style, Svg, cut},
};
use crate::command::replay::{differences::Differences, french::count};

const SHOWN: usize = 15;
const ROW: f64 = 28.0;
const LEFT: f64 = 330.0;
const WIDTH: f64 = 460.0;
const RIGHT: f64 = 150.0;

pub(super) fn draw(differences: &Differences) -> String {
    let bodies: Vec<_> = differences.bodies.iter().take(SHOWN).collect();
    let (more, less) = differences.more_and_less();
    let title = format!("{} destinataires prévenus davantage, {} moins", count(more), count(less));
    let subtitle = format!("Messages reçus : point plein, ici ; cercle clair, avec {}", differences.with);
    let list: Vec<String> = bodies
        .iter()
        .map(|body| format!("{} : {} ici, {} là", body.name, count(body.messages.this), count(body.messages.other)))
        .collect();
    let height = nth(bodies.len()) * ROW + 10.0;
    let mut svg = Svg::new("differences", (LEFT + WIDTH + RIGHT, height), &title, &subtitle, &list.join(" ; "));
    let most = bodies.iter().map(|body| body.messages.this.max(body.messages.other)).max().unwrap_or(1);
    let x = |messages: u64| LEFT + WIDTH * float(messages) / float(most.max(1));
    for (place, body) in bodies.iter().enumerate() {
        let y = nth(place) * ROW + 14.0;
        svg.text(LEFT - 12.0, y + 4.0, Style::LABEL.at(Anchor::End), &cut(&body.name, 46));
        svg.line((LEFT, y), (LEFT + WIDTH, y), LINE, 0.6);
        let (this, other) = (x(body.messages.this), x(body.messages.other));
        svg.line((this, y), (other, y), BLUES[3], 4.0);
        svg.dot((other, y), 6.0, BLUES[3]);
        svg.dot((other, y), 4.0, "#ffffff");
        svg.dot((this, y), 6.0, if this > other { ACCENT } else { BLUES[5] });
        let change =
            i64::try_from(body.messages.this).unwrap_or(i64::MAX) - i64::try_from(body.messages.other).unwrap_or(0);
        let sign = if change > 0 { "+" } else { "−" };
        let text =
            if change == 0 { "autres heures".to_owned() } else { format!("{sign}{}", count(change.unsigned_abs())) };
        svg.text(this.max(other) + 12.0, y + 4.0, Style::LABEL.fill(INK), &text);
    }
    svg.finish()
}
