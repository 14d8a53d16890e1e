//! What pages say once an act is done.

/// What an order did, by its code; none when nothing is to be said.
pub(super) fn done(code: &str) -> Option<&'static str> {
    Some(match code {
        "open" => "Crise ouverte.",
        "link" => "Événement rattaché.",
        "set-regime" => "Régime changé.",
        "appoint" => "Interlocuteur de la CIAV enregistré.",
        "seat" => "Membre ajouté à la Cellule Centrale de Crise.",
        "unseat" => "Membre retiré de la Cellule Centrale de Crise.",
        "request" => "Demande enregistrée.",
        "mobilise" => "Mobilisation mise à jour.",
        "open-care" => "C.A.RE ouvert.",
        "set-task" => "Tâche mise à jour.",
        "count" => "Nombres enregistrés.",
        "close-care" => "C.A.RE fermé.",
        "report" => "Point de situation rendu.",
        "receive-text" => "Texte enregistré : les services qui relaient sont prévenus.",
        "withdraw-text" => "Texte retiré : les services qui relaient sont prévenus.",
        "close" => "Crise close.",
        "write" => "Section enregistrée.",
        "add-action" => "Action ajoutée.",
        "finish-action" => "Action faite.",
        "complete" => "Retour d'expérience terminé.",
        "control" => "Horloge de l'exercice réglée.",
        _ => return None,
    })
}

/// The button of a mobilisation's next step.
pub(super) fn step(code: &str, stage: &str) -> &'static str {
    match code {
        "pass-on" => "Transmettre la demande",
        "accept" => "Accepter",
        "refuse" => "Refuser",
        "leave" => "En route",
        "arrive" => "Sur place",
        // Nothing came yet: there is nothing to release.
        _ if matches!(stage, "passing" | "asked" | "unanswered") => "Annuler la demande",
        _ => "Libérer",
    }
}
