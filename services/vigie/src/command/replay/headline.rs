//! What a report says first, in one sentence.

use super::{
    french::{count, counted, duration},
    report::Report,
};

/// The finding: how much, how it is answered, when it weighs most.
pub(crate) fn title(report: &Report) -> String {
    let (run, escalations) = (&report.run, &report.run.escalations);
    let told = format!(
        "{} auraient fait envoyer {}",
        counted(run.signals, "signal").replace("signals", "signaux"),
        counted(run.messages, "message")
    );
    match (escalations.asking, escalations.taken, escalations.taking_charge.p90_s) {
        (0, ..) => format!("{told}, sans demander de prise en charge"),
        (asking, 0, _) => format!(
            "{told} ; aucun des {} qui demandaient quelqu'un n'aurait eu de réponse",
            counted(asking, "incident")
        ),
        (asking, taken, Some(p90)) if taken == asking => {
            format!("{told} ; tous pris en charge, neuf sur dix en moins de {}", duration(p90))
        }
        (asking, taken, Some(p90)) => format!(
            "{told} ; {} sur {} pris en charge, neuf sur dix d'entre eux en moins de {}",
            count(taken),
            counted(asking, "incident"),
            duration(p90)
        ),
        (_, _, None) => told,
    }
}
