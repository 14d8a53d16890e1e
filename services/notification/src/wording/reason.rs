//! Why a message comes now: which call it is and since when, by whom, or what is new.

use jiff::Timestamp;
use vigie_proto::{
    BodyId,
    event::{AlertIssuedV1, Novelty, Occasion, Purpose},
};

use super::{alert::Reason, one_line};

/// Why `alert` comes; `called` is what a body is called.
pub(crate) fn of<'a>(alert: &AlertIssuedV1, called: impl Fn(&BodyId) -> Option<&'a str>) -> Reason {
    // Facts of a former release say it by the number of the plan.
    let worse = alert.generation > 1 && alert.purpose == Purpose::Acknowledge;
    let former = if worse { Occasion::Worse } else { Occasion::First };
    let name = |body: &BodyId| called(body).unwrap_or("Un service").to_owned();
    told(alert.occasion.as_ref().unwrap_or(&former), alert.issued_at, name)
}

/// The words for `occasion`, of a message issued at `now`.
fn told(occasion: &Occasion, now: Timestamp, name: impl Fn(&BodyId) -> String) -> Reason {
    let reason = |prefix: &str, short: &str, sentence: String| Reason {
        prefix: prefix.to_owned(),
        short: short.to_owned(),
        sentence: one_line(&sentence),
    };
    match occasion {
        Occasion::First => Reason::default(),
        Occasion::Worse => reason(
            "Aggravation : ",
            "aggravation",
            "L'événement s'est aggravé depuis qu'il vous a été signalé".to_owned(),
        ),
        Occasion::Again { calls, since, answered } => {
            let waited = lasting(now.duration_since(*since).as_mins().max(0));
            let missing = if *answered { "il manque encore une réponse" } else { "personne n'a répondu" };
            let nth = if *calls == 1 { "1re relance".to_owned() } else { format!("{calls}e relance") };
            Reason {
                prefix: format!("{nth} : "),
                short: format!("relance {calls}"),
                sentence: format!("{nth} : {missing} depuis {waited}"),
            }
        }
        Occasion::Called { by } => {
            reason("Appel : ", "appel", format!("{} demande que vous soyez prévenu maintenant", name(by)))
        }
        Occasion::HandedOver { by } => reason("Relève : ", "relève", format!("{} vous passe le relais", name(by))),
        Occasion::New { what } => news(what, name),
    }
}

fn news(what: &[Novelty], name: impl Fn(&BodyId) -> String) -> Reason {
    let is_over = |novelty: &Novelty| matches!(novelty, Novelty::Over { .. });
    let (prefix, short) = if what.contains(&Novelty::Reopened) {
        ("Réouverture : ", "rouvert")
    } else if what.iter().any(is_over) {
        ("Fin d'alerte : ", "fin d'alerte")
    } else {
        ("Du nouveau : ", "nouveau")
    };
    let phrases: Vec<String> = what
        .iter()
        .map(|novelty| match novelty {
            Novelty::Fact { label } => label.clone(),
            Novelty::Number => "le nombre ou les armes signalés ont changé".to_owned(),
            Novelty::Announced => "une heure est annoncée".to_owned(),
            Novelty::TakenCharge { by } => format!("pris en compte par {}", name(by)),
            Novelty::Refused { by } => format!("{} ne peut pas le prendre en compte", name(by)),
            Novelty::LetGo { by } => format!("{} retire sa prise en compte", name(by)),
            Novelty::Over { reason } => format!("l'événement est clos ({})", reason.label().to_lowercase()),
            Novelty::Reopened => "l'événement, qui était clos, est rouvert".to_owned(),
        })
        .collect();
    Reason {
        prefix: prefix.to_owned(),
        short: short.to_owned(),
        sentence: one_line(&format!("{prefix}{}", phrases.join(" ; "))),
    }
}

/// `12 min`, `1 h 05`.
fn lasting(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use vigie_proto::event::ClosingReason;

    use super::*;
    use crate::sample;

    fn of_occasion(occasion: Option<Occasion>, generation: u32) -> Reason {
        let alert = AlertIssuedV1 { occasion, generation, ..sample::alert(Purpose::Acknowledge) };
        of(&alert, |body| (body.as_str() == "scop").then_some("SCOP"))
    }

    #[test]
    fn a_reminder_says_which_it_is_and_since_when() {
        let since = sample::now() - jiff::SignedDuration::from_mins(65);
        let again = |calls, answered| of_occasion(Some(Occasion::Again { calls, since, answered }), 1).sentence;
        assert_eq!(again(1, false), "1re relance : personne n'a répondu depuis 1 h 05");
        assert_eq!(again(3, true), "3e relance : il manque encore une réponse depuis 1 h 05");
    }

    #[test]
    fn who_is_called_or_takes_over_is_told_by_whom_and_never_that_it_worsened() {
        let by = |name: &str| name.parse().unwrap();
        let called = of_occasion(Some(Occasion::Called { by: by("scop") }), 2);
        assert_eq!(called.sentence, "SCOP demande que vous soyez prévenu maintenant");
        let taken = of_occasion(Some(Occasion::HandedOver { by: by("gone") }), 2);
        assert_eq!(taken.sentence, "Un service vous passe le relais");
        assert!(!called.prefix.contains("Aggravation") && !taken.prefix.contains("Aggravation"));
    }

    #[test]
    fn facts_of_a_former_release_say_by_their_plan_that_it_worsened() {
        assert_eq!(of_occasion(None, 1), Reason::default());
        assert_eq!(of_occasion(None, 2).prefix, "Aggravation : ");
    }

    #[test]
    fn what_is_new_is_named_and_an_end_first_of_all() {
        let fact = Novelty::Fact { label: "Une arme a été vue".to_owned() };
        let new = of_occasion(Some(Occasion::New { what: vec![fact.clone(), Novelty::Announced] }), 1);
        assert_eq!(new.sentence, "Du nouveau : Une arme a été vue ; une heure est annoncée");
        let over = Novelty::Over { reason: ClosingReason::Averted };
        let over = of_occasion(Some(Occasion::New { what: vec![fact, over] }), 1);
        assert!(over.sentence.starts_with("Fin d'alerte : ") && over.sentence.contains("n'a pas eu lieu"), "{over:?}");
    }
}
