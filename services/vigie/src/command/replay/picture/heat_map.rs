//! Messages by weekday and hour, with the sums of both in the margins.

use super::{
    ACCENT, BLUES, INK, float, ink_on, nth, shade,
    svg::{Anchor, Style, Svg},
};
use crate::command::replay::{
    figures::Figures,
    french::{WEEKDAYS, count, counted, decimal},
};

const CELL: (f64, f64) = (30.0, 30.0);
const LEFT: f64 = 84.0;
const TOP: f64 = 62.0;
const RIGHT: f64 = 130.0;

pub(super) fn draw(run: &Figures, days: u64) -> String {
    let week = &run.week;
    let cells = || (0..7).flat_map(|day| (0..24).map(move |hour| (day, hour)));
    let (day, hour) = cells().max_by_key(|(day, hour)| week[*day][*hour]).unwrap_or_default();
    let most = week[day][hour];
    let weeks = float(days) / 7.0;
    let mean = float(run.messages) / 168.0;
    let times = if mean > 0.0 { float(most) / mean } else { 0.0 };
    let title =
        format!("Le {} à {hour} h, {} fois plus de messages qu'à une heure moyenne", WEEKDAYS[day], decimal(times));
    let subtitle = "Messages par heure et par jour de la semaine, heure locale ; plus c'est foncé, plus il y en a";
    let description = format!(
        "Carte de chaleur de {} sur {} : {} le {} entre {hour} h et {} h.",
        counted(run.messages, "message"),
        counted(days, "jour"),
        counted(most, "message"),
        WEEKDAYS[day],
        hour + 1
    );
    let mut svg =
        Svg::new("semaine", (LEFT + 24.0 * CELL.0 + RIGHT, TOP + 7.0 * CELL.1 + 26.0), &title, subtitle, &description);
    let by_hour: Vec<u64> = (0..24).map(|hour| (0..7).map(|day| week[day][hour]).sum()).collect();
    let by_day: Vec<u64> = (0..7).map(|day| week[day].iter().sum()).collect();
    margins(&mut svg, &by_hour, &by_day, weeks);
    for (d, h) in cells() {
        let part = if most == 0 { 0.0 } else { float(week[d][h]) / float(most) };
        let at = (LEFT + nth(h) * CELL.0, TOP + nth(d) * CELL.1);
        let says = format!(
            "{} {h} h : {}, {} par semaine",
            WEEKDAYS[d],
            counted(week[d][h], "message"),
            decimal(float(week[d][h]) / weeks.max(1.0))
        );
        svg.telling_rect((at.0 + 1.0, at.1 + 1.0), (CELL.0 - 2.0, CELL.1 - 2.0), shade(part), &says);
        if (d, h) == (day, hour) && most > 0 {
            svg.outline(at, CELL, ACCENT);
            let style = Style::SMALL.at(Anchor::Middle).fill(ink_on(part)).bold().size(11.0);
            svg.text(at.0 + CELL.0 / 2.0, at.1 + 19.0, style, &count(most));
        }
    }
    for (day, name) in WEEKDAYS.iter().enumerate() {
        svg.text(LEFT - 10.0, TOP + nth(day) * CELL.1 + 20.0, Style::LABEL.at(Anchor::End), name);
    }
    for hour in (0..24).step_by(3) {
        let x = LEFT + nth(hour) * CELL.0;
        svg.text(x + 1.0, TOP + 7.0 * CELL.1 + 18.0, Style::SMALL, &format!("{hour} h"));
    }
    let right = LEFT + 24.0 * CELL.0 + 8.0;
    for (step, fill) in BLUES.iter().enumerate() {
        svg.rect((right + nth(step) * 14.0, TOP + 7.0 * CELL.1 + 9.0), (14.0, 10.0), fill);
    }
    svg.text(right + 7.0 * 14.0 + 5.0, TOP + 7.0 * CELL.1 + 18.0, Style::SMALL.size(11.0), &count(most));
    svg.finish()
}

/// Columns above for the hours, bars at the right for the days.
fn margins(svg: &mut Svg, by_hour: &[u64], by_day: &[u64], weeks: f64) {
    let most = by_hour.iter().max().copied().unwrap_or(0).max(1);
    for (hour, messages) in by_hour.iter().enumerate() {
        let height = (TOP - 26.0) * float(*messages) / float(most);
        let at = (LEFT + nth(hour) * CELL.0 + 3.0, TOP - 6.0 - height);
        svg.telling_rect(
            at,
            (CELL.0 - 6.0, height),
            BLUES[3],
            &format!("{hour} h : {}", counted(*messages, "message")),
        );
        if *messages == most {
            let style = Style::SMALL.at(Anchor::Middle).fill(INK).size(11.0);
            svg.text(at.0 + CELL.0 / 2.0 - 3.0, at.1 - 4.0, style, &count(*messages));
        }
    }
    let most = by_day.iter().max().copied().unwrap_or(0).max(1);
    for (day, messages) in by_day.iter().enumerate() {
        let width = 52.0 * float(*messages) / float(most);
        let at = (LEFT + 24.0 * CELL.0 + 8.0, TOP + nth(day) * CELL.1 + 3.0);
        svg.rect(at, (width, CELL.1 - 6.0), BLUES[3]);
        let each = format!("{} / jour", decimal(float(*messages) / weeks.max(1.0)));
        svg.text(at.0 + width + 6.0, at.1 + 16.0, Style::SMALL.fill(INK).size(11.0), &each);
    }
}
