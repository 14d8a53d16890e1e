//! Why something was not done, in French, with a code for programs.

use axum::http::StatusCode;
use vigie_domain::{city::City, crisis::Refused};
use vigie_edge::problem::{Fault, Problem};
use vigie_proto::RoleId;

use crate::order::NotDone;

/// An order that was not followed.
pub(crate) fn not_done(why: &NotDone, city: &City) -> Problem {
    match why {
        NotDone::Refused(refused) => self::refused(refused, city),
        NotDone::Faults(faults) => Problem::faulty(faults.clone()),
    }
}

/// What the rules refuse.
pub(crate) fn refused(refused: &Refused, city: &City) -> Problem {
    let conflict = |code, detail: &str| Problem::new(StatusCode::CONFLICT, code, "Acte sans effet").detail(detail);
    match refused {
        Refused::NotYours { who } => not_yours(who, city),
        Refused::Unknown("incident") => Problem::not_found("Événement"),
        Refused::Unknown("valid_until") => Problem::invalid("valid_until", "La fin de validité est déjà passée."),
        Refused::Unknown(what) => {
            Problem::invalid(what, "Valeur inconnue de la doctrine ou de cette crise : relisez la crise.")
        }
        Refused::Closed => conflict("closed", "La crise est close."),
        Refused::NotNow => conflict("not-now", "Ce n'est pas possible à ce stade : relisez la crise."),
        Refused::Unchanged => conflict("unchanged", "Il en est déjà ainsi."),
        Refused::NotLinked => conflict("not-linked", "Rattachez d'abord l'événement à la crise."),
        Refused::OtherNature => conflict("other-nature", "Réel et exercice ne se mélangent pas."),
        Refused::Missing(what) => {
            let faults = what.iter().map(|what| Fault::new("", what.clone())).collect();
            conflict("missing", "Il manque encore quelque chose.").faults(faults)
        }
    }
}

fn not_yours(who: &[RoleId], city: &City) -> Problem {
    let labels: Vec<&str> = who.iter().map(|role| city.directory.role_label(role)).collect();
    let problem = Problem::not_allowed();
    if labels.is_empty() { problem } else { problem.detail(format!("Cet acte revient à : {}.", labels.join(", "))) }
}

/// The doctrine in force conducts no crises.
pub(crate) fn no_rules() -> Problem {
    Problem::new(StatusCode::CONFLICT, "no-crisis-rules", "Aucune règle de crise en vigueur")
        .detail("La doctrine en vigueur ne dit pas comment une crise se conduit.")
}

/// Whoever sees a crisis sees its incidents, and whoever is mobilised for one reads what it is.
pub(crate) fn withheld() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "withheld", "Événement réservé à certaines fonctions").detail(
        "Une crise est vue, et ses moyens sont demandés, par d'autres que ceux qui peuvent connaître cet événement : il ne s'y rattache pas.",
    )
}

/// An incident belongs to one crisis.
pub(crate) fn other_crisis() -> Problem {
    Problem::new(StatusCode::CONFLICT, "other-crisis", "Événement déjà rattaché")
        .detail("Cet événement est rattaché à une autre crise.")
}
