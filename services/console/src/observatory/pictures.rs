//! The observatory's pictures: incidents per month, and per sector on the map.

use jiff::civil::Date;
use vigie_domain::{
    city::City,
    discretion::{FEW, Told},
    french,
};
use vigie_picture::{
    columns::{self, Column},
    number::{count, counted},
    sector_map::{self, Area, Words},
};

use super::figures::{Figures, shown};

/// Incidents per month of the period, months without any included.
pub(super) fn months(figures: &Figures, months: &[String]) -> String {
    let column = |month: &String| {
        let told = figures.by_month.get(month).copied().unwrap_or(Told::Number(0));
        let label = label(month);
        Column { says: format!("{label} : {}", shown(told)), label, number: height(told), shown: shown(told) }
    };
    let columns: Vec<Column> = months.iter().map(column).collect();
    let title = match columns.iter().max_by_key(|column| column.number) {
        Some(most) if most.number > 0 => format!("{} : {}", most.label, counted_shown(&most.shown)),
        Some(_) | None => "Aucun événement sur la période".to_owned(),
    };
    columns::draw("mois", &title, "Événements ouverts par mois", &columns)
}

/// Incidents per sector of Paris.
pub(super) fn map(figures: &Figures, city: &City) -> String {
    let sectors = city.territory.sectors().iter().filter(|sector| sector.in_paris);
    let areas: Vec<Area> = sectors
        .map(|sector| {
            let told = figures.by_sector.get(sector.id.as_str()).copied().unwrap_or(Told::Number(0));
            Area {
                sector: sector.id.clone(),
                short: sector.short.clone(),
                says: format!("{} : {}", sector.label, counted_shown(&shown(told))),
                number: height(told),
                shown: shown(told),
            }
        })
        .collect();
    let most = areas.iter().max_by_key(|area| area.number);
    let title = match most {
        Some(area) if area.number >= FEW => area.says.clone(),
        Some(area) if area.number > 0 => format!("Aucun secteur n'en compte {FEW}"),
        Some(_) | None => "Aucun événement sur la période".to_owned(),
    };
    let words = Words {
        name: "carte",
        title,
        subtitle: "Événements ouverts par secteur ; moins de cinq ne se distinguent pas, ni ce qui permettrait de les calculer".to_owned(),
        description: areas.iter().map(|area| area.says.as_str()).collect::<Vec<_>>().join(" ; "),
        most: counted(most.map_or(0, |area| area.number).max(FEW), "événement"),
        floor: FEW,
    };
    sector_map::draw(&words, &areas, &city.territory)
}

/// `novembre 2026`.
pub(super) fn month_name(month: Date) -> String {
    format!("{} {}", french::month(month.month()), month.year())
}

/// `novembre 2026` as `nov. 2026`.
pub(super) fn label(month: &str) -> String {
    let (year, number) = month.split_once('-').unwrap_or((month, ""));
    number.parse().map_or_else(|_| month.to_owned(), |number| format!("{} {year}", french::month_short(number)))
}

/// How high it is drawn: what is not told must not be read off a picture.
fn height(told: Told) -> u64 {
    match told {
        Told::Few | Told::Withheld => FEW / 2,
        Told::Number(number) | Told::AtLeast(number) => number,
    }
}

fn counted_shown(shown: &str) -> String {
    if shown == super::figures::shown(Told::Withheld) {
        return format!("nombre {shown}");
    }
    if shown == count(1) || shown == count(0) {
        format!("{shown} événement")
    } else {
        format!("{shown} événements")
    }
}
