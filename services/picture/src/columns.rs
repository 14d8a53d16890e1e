//! One number per month or day, as columns side by side.

use crate::{
    ACCENT, BLUES, INK, LINE, float, nth,
    svg::{Anchor, Style, Svg},
};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
/// Narrower columns bear no number.
const NARROWEST: f64 = 26.0;

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Below it.
    pub label: String,
    pub number: u64,
    /// The number as it is written on it.
    pub shown: String,
    /// Read when pointed at.
    pub says: String,
}

/// `columns` in order, the highest in the accent; `title` says the finding.
pub fn draw(name: &str, title: &str, subtitle: &str, columns: &[Column]) -> String {
    let list: Vec<&str> = columns.iter().map(|column| column.says.as_str()).collect();
    let mut svg = Svg::new(name, (WIDTH, HEIGHT + 30.0), title, subtitle, &list.join(" ; "));
    let most = columns.iter().map(|column| column.number).max().unwrap_or(0);
    let step = WIDTH / nth(columns.len().max(1));
    for (place, column) in columns.iter().enumerate() {
        let height = (HEIGHT - 30.0) * float(column.number) / float(most.max(1));
        let (x, y) = (nth(place) * step, HEIGHT - height);
        let fill = if column.number == most && most > 0 { ACCENT } else { BLUES[4] };
        svg.telling_rect((x + step * 0.12, y), (step * 0.76, height), fill, &column.says);
        let middle = x + step / 2.0;
        if step >= NARROWEST && column.number > 0 {
            svg.text(middle, y - 6.0, Style::SMALL.fill(INK).at(Anchor::Middle), &column.shown);
        }
        if step >= NARROWEST || place % 3 == 0 {
            svg.text(middle, HEIGHT + 18.0, Style::SMALL.at(Anchor::Middle), &column.label);
        }
    }
    svg.line((0.0, HEIGHT), (WIDTH, HEIGHT), LINE, 1.0);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_column_is_the_one_to_look_at_and_every_number_is_told() {
        let column = |label: &str, number: u64| Column {
            label: label.to_owned(),
            number,
            shown: number.to_string(),
            says: format!("{label} : {number}"),
        };
        let svg = draw("mois", "Mars & avril", "par mois", &[column("mars", 3), column("avril", 9)]);
        assert_eq!(svg.matches(ACCENT).count(), 1);
        assert!(svg.contains("Mars &amp; avril") && svg.contains("mars : 3 ; avril : 9"), "{svg}");
        assert!(!svg.contains("style="), "a page allows no inline style");
    }
}
