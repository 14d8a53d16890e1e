//! Messages by month, one small picture for each sector, all on one scale.

use super::{
    ACCENT, BLUES, INK, LINE, float, nth,
    svg::{Anchor, Style, Svg},
};
use crate::command::replay::{
    figures::{Figures, SectorCount},
    french::{count, counted, month, month_short},
};

const COLUMNS: usize = 6;
const PANEL: (f64, f64) = (142.0, 96.0);
const GAP: (f64, f64) = (16.0, 46.0);

pub(super) fn draw(run: &Figures) -> String {
    let mut sectors: Vec<&SectorCount> = run.sectors.iter().filter(|sector| sector.in_paris).collect();
    sectors.sort_by_key(|sector| std::cmp::Reverse(sector.messages));
    let most = sectors.iter().flat_map(|sector| &sector.months).map(|month| month.messages).max().unwrap_or(0);
    let peak =
        sectors.iter().flat_map(|s| s.months.iter().map(move |m| (m.messages, *s, m.month))).max_by_key(|(m, ..)| *m);
    let title = match peak {
        Some((messages, sector, when)) if messages > 0 => format!(
            "Le mois le plus chargé : {} {}, secteur {}, {}",
            month(when.month()),
            when.year(),
            sector.short,
            counted(messages, "message")
        ),
        Some(_) | None => "Aucun message".to_owned(),
    };
    let subtitle = "Messages par mois et par secteur, du plus chargé au moins chargé, même échelle ; en clair, la moyenne des secteurs";
    let list: Vec<String> =
        sectors.iter().map(|sector| format!("{} : {}", sector.label, count(sector.messages))).collect();
    let rows = sectors.len().div_ceil(COLUMNS);
    let width = nth(COLUMNS) * (PANEL.0 + GAP.0) - GAP.0;
    let mut svg = Svg::new("secteurs", (width, nth(rows) * (PANEL.1 + GAP.1)), &title, subtitle, &list.join(" ; "));
    let months = sectors.first().map_or(0, |sector| sector.months.len());
    let mean: Vec<f64> = (0..months)
        .map(|m| sectors.iter().map(|s| float(s.months[m].messages)).sum::<f64>() / nth(sectors.len().max(1)))
        .collect();
    // Room for the label of the highest point.
    let end = float(most.max(1)) * 1.2;
    for (place, sector) in sectors.iter().enumerate() {
        let at = (nth(place % COLUMNS) * (PANEL.0 + GAP.0), 22.0 + nth(place / COLUMNS) * (PANEL.1 + GAP.1));
        panel(&mut svg, at, sector, &mean, end);
    }
    svg.finish()
}

fn panel(svg: &mut Svg, (left, top): (f64, f64), sector: &SectorCount, mean: &[f64], end: f64) {
    let bottom = top + PANEL.1;
    let x = |index: usize| left + PANEL.0 * (nth(index) + 0.5) / nth(mean.len().max(1));
    let y = |value: f64| bottom - PANEL.1 * value / end;
    svg.text(left, top - 8.0, Style::LABEL.bold().size(12.5), &sector.short);
    svg.text(left + PANEL.0, top - 8.0, Style::SMALL.at(Anchor::End), &count(sector.messages));
    let mut under: Vec<(f64, f64)> = vec![(x(0), bottom)];
    under.extend(mean.iter().enumerate().map(|(index, value)| (x(index), y(*value))));
    under.push((x(mean.len().saturating_sub(1)), bottom));
    svg.area(&[under], BLUES[1], "moyenne des secteurs");
    svg.line((left, bottom), (left + PANEL.0, bottom), LINE, 1.0);
    let points: Vec<(f64, f64)> =
        sector.months.iter().enumerate().map(|(index, month)| (x(index), y(float(month.messages)))).collect();
    svg.polyline(&points, BLUES[5], 2.0, "");
    let highest = sector.months.iter().enumerate().max_by_key(|(index, month)| (month.messages, usize::MAX - index));
    if let Some((index, peak)) = highest.filter(|(_, peak)| peak.messages > 0) {
        let at = (x(index), y(float(peak.messages)));
        svg.dot(at, 3.2, ACCENT);
        let anchor = if index * 2 < mean.len() { Anchor::Start } else { Anchor::End };
        let style = Style::SMALL.fill(INK).size(11.0).at(anchor);
        svg.text(at.0, at.1 - 6.0, style, &format!("{} en {}", count(peak.messages), month_short(peak.month.month())));
    }
    let ends = [sector.months.first(), sector.months.last()];
    for (month, (place, anchor)) in
        ends.into_iter().flatten().zip([(left, Anchor::Start), (left + PANEL.0, Anchor::End)])
    {
        let text = format!("{} {}", month_short(month.month.month()), month.month.year());
        svg.text(place, bottom + 13.0, Style::SMALL.size(10.0).at(anchor), &text);
    }
}
