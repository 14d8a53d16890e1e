//! The sectors, shaded by the number of their incidents.

use vigie_domain::territory::Territory;
use vigie_picture::sector_map::{self, Area, Words};

use crate::command::replay::{
    figures::{Figures, SectorCount},
    french::{count, counted, share},
};

pub(super) fn draw(run: &Figures, territory: &Territory) -> String {
    let sectors: Vec<&SectorCount> = run.sectors.iter().filter(|sector| sector.in_paris).collect();
    let busiest = sectors.iter().max_by_key(|sector| sector.incidents);
    let most = busiest.map_or(0, |sector| sector.incidents);
    let title = match busiest {
        Some(sector) if most > 0 => {
            format!("{} : {}, {} du total", sector.label, counted(most, "incident"), share(most, run.incidents))
        }
        Some(_) | None => "Aucun incident".to_owned(),
    };
    let outside: u64 = run.sectors.iter().filter(|sector| !sector.in_paris).map(|sector| sector.incidents).sum();
    let beyond =
        if outside > 0 { format!(" ; {} dans les communes limitrophes", count(outside)) } else { String::new() };
    let mut ranked = sectors.clone();
    ranked.sort_by_key(|sector| std::cmp::Reverse(sector.incidents));
    let list: Vec<String> =
        ranked.iter().map(|sector| format!("{} : {}", sector.label, count(sector.incidents))).collect();
    let words = Words {
        name: "carte",
        title,
        subtitle: format!("Incidents ouverts par secteur{beyond}"),
        description: list.join(" ; "),
        most: counted(most, "incident"),
        floor: 1,
    };
    let areas: Vec<Area> = sectors.iter().map(|sector| area(sector)).collect();
    sector_map::draw(&words, &areas, territory)
}

fn area(sector: &SectorCount) -> Area {
    Area {
        sector: sector.sector.clone(),
        short: sector.short.clone(),
        number: sector.incidents,
        shown: count(sector.incidents),
        says: format!(
            "{} : {}, {}",
            sector.label,
            counted(sector.incidents, "incident"),
            counted(sector.messages, "message")
        ),
    }
}
