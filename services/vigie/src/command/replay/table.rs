//! The report on the terminal.

use std::io::{self, Write};

use super::{
    differences::{Both, Differences},
    figures::{BodyLoad, Escalations, Figures, Quantiles},
    french::{count, counted, decimal, duration, share},
    report::{Report, Speed},
};

/// Lines of a list shown; the JSON has them all.
const SHOWN: usize = 12;

pub(crate) fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let (stream, run) = (&report.stream, &report.run);
    writeln!(out, "{}\n{}\n", stream.name, super::headline::title(report))?;
    let mut line = |name: &str, value: String| writeln!(out, "  {name:<34} {value}");
    line("signaux", format!("{} sur {}", count(run.signals), counted(stream.days, "jour")))?;
    for kind in &run.by_kind {
        let share = share(kind.signals, run.signals);
        line("", format!("{} · {} : {} ({share})", kind.label, kind.severity.label(), count(kind.signals)))?;
    }
    line(
        "incidents",
        format!(
            "{} ouverts, {} renforcés, {} aggravés, {} clos",
            count(run.incidents),
            count(run.reinforced),
            count(run.aggravated),
            count(run.closed)
        ),
    )?;
    line("messages", format!("{}, {} par jour", count(run.messages), decimal(run.messages_a_day)))?;
    let channels = run
        .by_channel
        .iter()
        .map(|(channel, number)| format!("{} {}", count(*number), super::wording::channel(*channel)));
    line("par canal", channels.collect::<Vec<_>>().join(", "))?;
    if let Some(worst) = &run.worst_hour {
        line("heure la plus chargée", format!("{} : {}", worst.label, counted(worst.messages, "message")))?;
    }
    for (name, day) in [("jour le plus chargé", &run.busiest_day), ("jour le plus calme", &run.quietest_day)] {
        if let Some(day) = day {
            line(name, format!("{} : {}", day.label, counted(day.messages, "message")))?;
        }
    }
    if run.played.signals > 0 {
        let played = run.played;
        line(
            "exercices, comptés à part",
            format!("{} signaux, {} incidents, {} messages", played.signals, played.incidents, played.messages),
        )?;
    }
    escalations(&run.escalations, &report.setting.answers, out)?;
    owed(run, out)?;
    circuits(run, out)?;
    bodies(run, out)?;
    sectors(run, out)?;
    if let Some(differences) = &report.differences {
        print_differences(differences, out)?;
    }
    if let Some(speed) = &report.speed {
        print_speed(speed, out)?;
    }
    bad_rows(report, out)
}

fn escalations(answers: &Escalations, model: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nPrise en charge — {model}")?;
    let asking = answers.asking;
    writeln!(out, "  {:<34} {}", "incidents qui demandent quelqu'un", count(asking))?;
    let part = |number: u64| format!("{} ({})", count(number), share(number, asking));
    writeln!(out, "  {:<34} {}", "pris en charge", part(answers.taken))?;
    writeln!(out, "  {:<34} {}", "arrivés au dernier échelon", part(answers.exhausted))?;
    writeln!(out, "  {:<34} {}", "délai de prise en charge", quantiles(answers.taking_charge))?;
    writeln!(out, "  {:<34} {}", "délai jusqu'à un poste permanent", quantiles(answers.manned_told))?;
    writeln!(out, "  {:<34} {}", "aucun poste permanent prévenu", part(answers.manned_never))?;
    for line in &answers.by_severity {
        let taken = format!("{} pris en charge, {}", share(line.taken, line.asking), quantiles(line.taking_charge));
        writeln!(out, "    {:<32} {} : {taken}", line.severity.label(), count(line.asking))?;
    }
    Ok(())
}

/// `P50 3 min, P90 12 min, P99 40 min`.
pub(crate) fn quantiles(of: Quantiles) -> String {
    let parts = [("P50", of.p50_s), ("P90", of.p90_s), ("P99", of.p99_s)];
    let known: Vec<String> =
        parts.iter().filter_map(|(name, seconds)| Some(format!("{name} {}", duration((*seconds)?)))).collect();
    if known.is_empty() { "—".to_owned() } else { known.join(", ") }
}

fn owed(run: &Figures, out: &mut impl Write) -> io::Result<()> {
    if run.owed.owed > 0 {
        let owed = run.owed;
        let text = format!("{} dus, {} rendus, {} en retard", count(owed.owed), count(owed.given), count(owed.overdue));
        writeln!(out, "  {:<34} {text}", "retours")?;
    }
    Ok(())
}

fn circuits(run: &Figures, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n  {:<10} {:>12} {:>12}  circuit", "", "envois", "destinat.")?;
    for circuit in &run.circuits {
        let missing = if circuit.nobody > 0 {
            format!("  — {} fois personne à prévenir dans l'annuaire", count(circuit.nobody))
        } else {
            String::new()
        };
        writeln!(
            out,
            "  {:<10} {:>12} {:>12}  {}{missing}",
            circuit.circuit,
            count(circuit.tellings),
            count(circuit.bodies),
            circuit.title
        )?;
    }
    Ok(())
}

fn bodies(run: &Figures, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\n  {:>10} {:>9}  {:>5} {:>9}  destinataire (les {SHOWN} plus sollicités)",
        "messages", "par jour", "pire", "événement"
    )?;
    for body in run.bodies.iter().take(SHOWN) {
        let worst = body.worst_hour.as_ref().map_or(0, |hour| hour.messages);
        writeln!(
            out,
            "  {:>10} {:>9}  {:>5} {:>9}  {}",
            count(body.messages),
            decimal(body.messages_a_day),
            count(worst),
            count(body.one_event),
            body.name
        )?;
    }
    writeln!(
        out,
        "  « pire » : messages reçus dans l'heure la plus chargée ; « événement » : pour un même événement, en une heure"
    )?;
    let bound = u64::from(run.messages_per_hour);
    let over: Vec<&BodyLoad> = run.bodies.iter().filter(|body| body.one_event > bound).collect();
    if over.is_empty() {
        return writeln!(out, "  personne ne dépasse les {bound} messages par heure et par événement de la doctrine");
    }
    writeln!(out, "  dépassent les {bound} messages par heure et par événement de la doctrine :")?;
    for body in over.iter().take(SHOWN) {
        writeln!(out, "  {:>28}  {}", count(body.one_event), body.name)?;
    }
    Ok(())
}

fn sectors(run: &Figures, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n  {:>10} {:>10}  secteur", "incidents", "messages")?;
    let mut sectors: Vec<_> = run.sectors.iter().filter(|sector| sector.incidents > 0).collect();
    sectors.sort_by_key(|sector| std::cmp::Reverse(sector.incidents));
    for sector in sectors.iter().take(20) {
        writeln!(out, "  {:>10} {:>10}  {}", count(sector.incidents), count(sector.messages), sector.label)?;
    }
    Ok(())
}

fn print_differences(differences: &Differences, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nDifférences avec {}", differences.with)?;
    if differences.same {
        return writeln!(out, "  aucune");
    }
    let line =
        |name: &str, Both { this, other }: Both<u64>| format!("  {name:<34} {} ici, {} là", count(this), count(other));
    writeln!(out, "{}", line("incidents", differences.incidents))?;
    writeln!(out, "{}", line("messages", differences.messages))?;
    writeln!(out, "{}", line("pris en charge", differences.taken))?;
    writeln!(out, "{}", line("arrivés au dernier échelon", differences.exhausted))?;
    let Both { this, other } = differences.taking_charge;
    writeln!(out, "  {:<34} ici {} ; là {}", "délai de prise en charge", quantiles(this), quantiles(other))?;
    let (more, less) = differences.more_and_less();
    writeln!(out, "  {:<34} {} prévenus davantage, {} moins", "destinataires", count(more), count(less))?;
    writeln!(out, "\n  {:>10} {:>10}  étape dont les envois ou les destinataires changent", "ici", "là")?;
    for step in differences.steps.iter().take(20) {
        writeln!(out, "  {:>10} {:>10}  {}", count(step.tellings.this), count(step.tellings.other), step.step)?;
    }
    writeln!(
        out,
        "\n  {:>10} {:>10} {:>9} {:>9} {:>9} {:>9}  destinataire",
        "ici", "là", "en plus", "en moins", "plus tôt", "plus tard"
    )?;
    for body in differences.bodies.iter().take(SHOWN) {
        writeln!(
            out,
            "  {:>10} {:>10} {:>9} {:>9} {:>9} {:>9}  {}",
            count(body.messages.this),
            count(body.messages.other),
            count(body.only_this),
            count(body.only_other),
            count(body.earlier),
            count(body.later),
            body.name
        )?;
    }
    writeln!(
        out,
        "  « en plus », « en moins » : incidents dont il n'est prévenu qu'ici, que là ; « plus tôt », « plus tard » : d'une minute au moins"
    )
}

fn print_speed(speed: &Speed, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\nVitesse : {} signaux par seconde, {} envois par seconde, un seul fil d'exécution",
        decimal(speed.signals_a_second),
        decimal(super::per_second(speed.tellings, speed.counted_s))
    )?;
    for (name, seconds) in [
        ("lire la ville", speed.city_s),
        ("lire le flux", speed.stream_s),
        ("localiser seulement", speed.locating_s),
        ("simuler, sans rien compter", speed.simulating_s),
        ("simuler et compter", speed.counted_s),
        ("tirer les chiffres", speed.figures_s),
    ] {
        let each = seconds * 1e6 / decimal_count(speed.signals);
        writeln!(out, "  {name:<34} {seconds:>8.3} s  {each:>7.1} µs par signal")?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn decimal_count(number: u64) -> f64 {
    number.max(1) as f64
}

fn bad_rows(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let stream = &report.stream;
    if stream.skipped > 0 {
        writeln!(out, "\n{} laissées de côté par la correspondance ou les dates", counted(stream.skipped, "ligne"))?;
    }
    if !stream.bad_rows.is_empty() {
        writeln!(
            out,
            "\n{} illisibles, non rejouées :",
            counted(super::figures::size(stream.bad_rows.len()), "ligne")
        )?;
        for row in &stream.bad_rows {
            writeln!(out, "  ligne {} : {}", row.line, row.why)?;
        }
    }
    if !stream.unplaced.is_empty() {
        let number = super::figures::size(stream.unplaced.len());
        writeln!(out, "\n{} sans lieu ou d'un genre inconnu, sans incident :", counted(number, "signal"))?;
        for (reference, why) in &stream.unplaced {
            writeln!(out, "  {reference} : {why}")?;
        }
    }
    Ok(())
}
