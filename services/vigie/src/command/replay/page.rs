//! The report as a page: the finding, the figures, the pictures, the tables.

use std::fmt::Write;

use super::{
    figures::Figures,
    french::{count, counted, decimal, share},
    headline,
    picture::{Picture, escaped},
    report::Report,
    table,
    wording::channel,
};

const STYLE: &str = "
:root { color-scheme: light; }
body { margin: 0; background: #f3f5f8; color: #16202c; font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
.over { color: #4a5767; margin: 0; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.2rem 0 1rem; max-width: 46rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
.key { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 0.75rem; margin: 0 0 1.5rem; padding: 0; list-style: none; }
.key li { background: #fff; border: 1px solid #c3cbd6; border-radius: 0.5rem; padding: 0.75rem 1rem; }
.key strong { display: block; font-size: 1.45rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.key span { color: #4a5767; font-size: 0.92rem; }
figure { margin: 0 0 1.25rem; background: #fff; border: 1px solid #c3cbd6; border-radius: 0.5rem; padding: 0.25rem; overflow-x: auto; }
figure svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
table { border-collapse: collapse; width: 100%; background: #fff; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #4a5767; padding: 0.25rem 0; }
th, td { text-align: left; padding: 0.35rem 0.6rem; border-bottom: 1px solid #e3e8ee; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
.scroll { overflow-x: auto; }
.method { color: #4a5767; font-size: 0.95rem; max-width: 46rem; }
code { overflow-wrap: anywhere; }
@media print { body { background: #fff; } figure, table { break-inside: avoid; } }
";

/// Bodies listed; the JSON has them all.
const LISTED: usize = 40;

pub(crate) fn page(report: &Report, pictures: &[Picture]) -> String {
    let title = headline::title(report);
    let mut page = String::with_capacity(200_000);
    let mut add = |text: &str| page.push_str(text);
    add("<!doctype html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n");
    add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    add(&format!("<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n", escaped(&report.stream.name)));
    add(&format!("<p class=\"over\">{}, rejoués</p>\n<h1>{}</h1>\n", escaped(&report.stream.name), escaped(&title)));
    add(&key_figures(report));
    for picture in pictures {
        add(&format!("<figure id=\"{}\">\n{}</figure>\n", picture.name, picture.svg));
    }
    add(&severities(&report.run));
    add(&circuits(&report.run));
    add(&bodies(&report.run));
    add(&differences(report));
    add(&bad_rows(report));
    add(&method(report));
    add("</main>\n</body>\n</html>\n");
    page
}

fn put(text: &mut String, more: &str) {
    text.push_str(more);
}

fn key_figures(report: &Report) -> String {
    let (run, escalations) = (&report.run, &report.run.escalations);
    let mut items = vec![
        (count(run.incidents), format!("incidents ouverts par {} signaux", count(run.signals))),
        (count(run.messages), format!("messages, {} par jour", decimal(run.messages_a_day))),
    ];
    if escalations.asking > 0 {
        let name = format!("pris en charge, sur {} qui demandent quelqu'un", count(escalations.asking));
        items.push((share(escalations.taken, escalations.asking), name));
        items.push((count(escalations.exhausted), "arrivés au dernier échelon sans réponse".to_owned()));
    }
    if let Some(worst) = &run.worst_hour {
        items.push((count(worst.messages), format!("messages dans l'heure la plus chargée, {}", worst.label)));
    }
    if run.owed.owed > 0 {
        let name = format!("retours en retard, sur {} dus", count(run.owed.owed));
        items.push((count(run.owed.overdue), name));
    }
    if run.played.signals > 0 {
        items.push((count(run.played.incidents), "incidents d'exercice, comptés à part".to_owned()));
    }
    let mut list = String::from("<ul class=\"key\">\n");
    for (number, name) in items {
        put(&mut list, &format!("<li><strong>{}</strong><span>{}</span></li>\n", escaped(&number), escaped(&name)));
    }
    list + "</ul>\n"
}

/// A table; numbers are in the columns after the first `words`.
fn table_of(title: &str, header: &[&str], words: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let class = |column: usize| if column < words { "" } else { " class=\"n\"" };
    let mut text = format!("<h2>{}</h2>\n<div class=\"scroll\"><table>\n<thead><tr>", escaped(title));
    for (column, name) in header.iter().enumerate() {
        put(&mut text, &format!("<th scope=\"col\"{}>{}</th>", class(column), escaped(name)));
    }
    text += "</tr></thead>\n<tbody>\n";
    for row in rows {
        text += "<tr>";
        for (column, cell) in row.iter().enumerate() {
            put(&mut text, &format!("<td{}>{}</td>", class(column), escaped(cell)));
        }
        text += "</tr>\n";
    }
    text + "</tbody></table></div>\n"
}

fn severities(run: &Figures) -> String {
    if run.escalations.by_severity.is_empty() {
        return String::new();
    }
    let rows = run.escalations.by_severity.iter().map(|line| {
        vec![
            line.severity.label().to_owned(),
            count(line.asking),
            share(line.taken, line.asking),
            count(line.exhausted),
            table::quantiles(line.taking_charge),
        ]
    });
    let header = ["Gravité", "Incidents", "Pris en charge", "Dernier échelon", "Délai de prise en charge"];
    table_of("Prise en charge selon la gravité", &header, 1, rows)
}

fn circuits(run: &Figures) -> String {
    let rows = run.circuits.iter().map(|circuit| {
        let missing = if circuit.nobody > 0 { count(circuit.nobody) } else { String::new() };
        vec![
            circuit.fiche.clone(),
            circuit.circuit.clone(),
            circuit.title.clone(),
            count(circuit.tellings),
            count(circuit.bodies),
            missing,
        ]
    });
    let header = ["Fiche", "Circuit", "Ce qu'il prévoit", "Envois", "Destinataires", "Personne à prévenir"];
    table_of("Par quel circuit", &header, 3, rows)
}

fn bodies(run: &Figures) -> String {
    let rows = run.bodies.iter().take(LISTED).map(|body| {
        let channels: Vec<String> =
            body.by_channel.iter().map(|(of, number)| format!("{} {}", count(*number), channel(*of))).collect();
        let worst =
            body.worst_hour.as_ref().map_or_else(String::new, |w| format!("{} ({})", count(w.messages), w.label));
        vec![
            body.name.clone(),
            channels.join(", "),
            worst,
            count(body.incidents),
            count(body.asked),
            count(body.messages),
            decimal(body.messages_a_day),
        ]
    });
    let header =
        ["Destinataire", "Par canal", "Heure la plus chargée", "Incidents", "Sollicités", "Messages", "Par jour"];
    let title = format!("Qui serait prévenu ({} sur {})", run.bodies.len().min(LISTED), run.bodies.len());
    table_of(&title, &header, 3, rows)
}

fn differences(report: &Report) -> String {
    let Some(differences) = &report.differences else { return String::new() };
    let title = format!("Différences avec {}", differences.with);
    if differences.same {
        return format!("<h2>{}</h2>\n<p>Aucune.</p>\n", escaped(&title));
    }
    let steps = differences
        .steps
        .iter()
        .map(|step| vec![step.step.clone(), count(step.tellings.this), count(step.tellings.other)]);
    let bodies = differences.bodies.iter().take(LISTED).map(|body| {
        let numbers =
            [body.messages.this, body.messages.other, body.only_this, body.only_other, body.earlier, body.later];
        std::iter::once(body.name.clone()).chain(numbers.map(count)).collect()
    });
    table_of(&format!("{title}, par étape"), &["Étape", "Envois ici", "Là"], 1, steps)
        + &table_of(
            &format!("{title}, par destinataire"),
            &["Destinataire", "Messages ici", "Là", "Incidents en plus", "En moins", "Plus tôt", "Plus tard"],
            1,
            bodies,
        )
}

fn bad_rows(report: &Report) -> String {
    let stream = &report.stream;
    let bad = stream.bad_rows.iter().map(|row| vec![format!("ligne {}", row.line), row.why.clone()]);
    let unplaced = stream.unplaced.iter().map(|(reference, why)| vec![reference.clone(), why.clone()]);
    let rows: Vec<Vec<String>> = bad.chain(unplaced).collect();
    if rows.is_empty() {
        String::new()
    } else {
        table_of("Ce qui n'a pas pu être rejoué", &["Où", "Pourquoi"], 2, rows.into_iter())
    }
}

fn method(report: &Report) -> String {
    let (stream, setting) = (&report.stream, &report.setting);
    let mut text = String::from("<h2>Comment lire ces chiffres</h2>\n<div class=\"method\">\n");
    let mut paragraph =
        |line: &str| writeln!(text, "<p>{}</p>", escaped(line)).expect("writing to a String cannot fail");
    paragraph(&format!(
        "Chaque signal est localisé, rapproché des précédents et mis en circuit par les règles mêmes de Vigie, à l'heure où il \
         est survenu ; les permanences sont celles de cet instant-là. Rien n'a été envoyé. {}, {} laissées de côté.",
        counted(stream.rows, "ligne lue").replace("ligne lues", "lignes lues"),
        count(stream.skipped)
    ));
    paragraph(&format!(
        "Réponses : {}, graine {}. Elles sont supposées, non mesurées : elles servent à comparer des doctrines entre elles, \
         non à prédire un délai. Les pannes de canal et les relances orales ne sont pas simulées.",
        setting.answers, setting.seed
    ));
    let hashes = format!(
        "<p>Doctrine <code>{}</code><br>Annuaire <code>{}</code><br>Territoire <code>{}</code></p>\n",
        setting.doctrine, setting.directory, setting.territory
    );
    text + &hashes + "</div>\n"
}
