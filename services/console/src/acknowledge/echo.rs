//! What somebody's answer comes down to: what was recorded, when, and what follows, as the plan has it.

use jiff::Timestamp;
use vigie_domain::{
    escalation::{Ahead, Effect, Escalation, Standing, TakingCharge},
    french,
};
use vigie_proto::{BodyId, RoleId, event::RefusalReason, sensitivity::Sensitivity};

use crate::{
    Edge,
    caller::Seen,
    incidents::{PartialView, body_name},
    news::Refusal,
};

/// Bodies named as still asked; beyond, how many more.
const NAMED: usize = 4;

/// What somebody last answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Acknowledged { at: Timestamp },
    Refused { at: Timestamp, reason: RefusalReason },
}

/// How it stands with the plan for a body that was asked, or told.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    /// `1 sur 2, attendu : …`, of the circuits that asked it.
    pub(crate) partial: Vec<String>,
    /// What follows, a sentence each.
    pub(crate) follows: Vec<String>,
    /// Who else will not take charge, and why.
    pub(crate) refusals: Vec<String>,
}

/// The plan as it is once it has heard what the body answered: it hears it a moment after the page is shown.
fn heard(
    plan: &Escalation,
    version: u32,
    (body, role): (&BodyId, &RoleId),
    said: Option<Said>,
    intervenes: bool,
) -> Escalation {
    let mut plan = plan.clone();
    match said {
        Some(Said::Acknowledged { at }) if !plan.acknowledgements.iter().any(|known| known.body == *body) => {
            let taking = TakingCharge { body: body.clone(), role, intervenes, seen_version: version, counts_for: None };
            drop(plan.acknowledge(taking, at));
        }
        // Refusing twice is refusing once.
        Some(Said::Refused { at, .. }) => plan.refuse(body, at),
        Some(Said::Acknowledged { .. }) | None => {}
    }
    plan
}

/// What follows for `body` in `role`, which sees as far as `clearance` and last `said` that.
pub(crate) fn echo(
    edge: &Edge,
    seen: &Seen,
    (body, role): (&BodyId, &RoleId),
    clearance: Sensitivity,
    said: Option<Said>,
    refusals: &[Refusal],
) -> Echo {
    let Some(plan) = &seen.plan else { return Echo::default() };
    let intervenes = edge.city.directory.intervenes(role);
    let plan = heard(plan, seen.asked_version, (body, role), said, intervenes);
    let standing = plan.standing();
    // Whoever is only told of it reads whether it goes on, and nobody's name.
    let names = clearance >= Sensitivity::Operational;
    let asked_it = |circuit: &str| standing.circuits.iter().any(|c| c.id == circuit && c.asked.contains(body));
    let partial = standing.partial().into_iter().filter(|partial| asked_it(&partial.circuit));
    let others = refusals.iter().filter(|refusal| names && refusal.body != *body);
    Echo {
        partial: partial.map(|partial| PartialView::of(partial, &edge.city.directory).text).collect(),
        follows: follows(edge, (body, role), &plan, &standing, said, names.then_some(refusals)),
        refusals: others.map(|refusal| refusal.in_words(&edge.city)).collect(),
    }
}

fn follows(
    edge: &Edge,
    (body, role): (&BodyId, &RoleId),
    plan: &Escalation,
    standing: &Standing,
    said: Option<Said>,
    refusals: Option<&[Refusal]>,
) -> Vec<String> {
    let directory = &edge.city.directory;
    let now = edge.context.clock.now();
    let when = |at: Timestamp| {
        let zone = &edge.city.doctrine.zone;
        french::moment(&at.to_zoned(zone.clone()), &now.to_zoned(zone.clone()))
    };
    let ahead = plan.ahead();
    let goes_on: Vec<&Ahead> = ahead.iter().filter(|step| step.unless_acknowledged && step.due_at.is_some()).collect();
    let roles = |step: &Ahead| step.roles.iter().map(|role| directory.role_label(role)).collect::<Vec<_>>().join(", ");
    let mut told = Vec::new();
    let effect = standing.effect_of(body, role, directory.intervenes(role));
    told.push(
        match (goes_on.is_empty(), said) {
            (true, Some(Said::Acknowledged { .. })) if effect == Effect::Nothing => "Aucune relance n'est en cours.",
            (true, Some(Said::Acknowledged { .. })) => "Les relances s'arrêtent.",
            (true, _) if standing.is_answered() => "D'autres l'ont pris en compte : plus aucune relance n'est prévue.",
            (true, Some(Said::Refused { .. })) => {
                "Plus aucune relance n'est prévue : appelez la salle de commandement si personne n'intervient."
            }
            (true, None) => "Plus aucune relance n'est prévue.",
            (false, Some(Said::Acknowledged { .. })) if effect == Effect::Nothing => {
                "Aucune relance ne s'arrête : elles attendent d'autres services."
            }
            (false, Some(Said::Acknowledged { .. })) if effect == Effect::Awaits => {
                "Les relances continuent jusqu'à ce que tous ceux qui le doivent aient répondu."
            }
            (false, Some(Said::Acknowledged { .. })) => {
                "Les relances s'arrêtent pour ce qui vous était demandé ; celles qui attendent d'autres services continuent."
            }
            (false, Some(Said::Refused { .. })) => "Les relances continuent vers d'autres services.",
            (false, None) => "Les relances continuent tant que personne ne prend en compte.",
        }
        .to_owned(),
    );
    let Some(refusals) = refusals else { return told };
    if let Some((next, at)) = goes_on.first().and_then(|next| Some((next, next.due_at?))) {
        told.push(if at <= now {
            format!("Sollicité maintenant : {}.", roles(next))
        } else {
            format!("Prochaine relance {} : {}.", when(at), roles(next))
        });
    }
    let still = still_asked(body, standing, refusals);
    if !still.is_empty() {
        let named = still.iter().take(NAMED).map(|body| body_name(directory, body.to_string()));
        let more = still.len().saturating_sub(NAMED);
        let others = match more {
            0 => String::new(),
            1 => " ; et un autre service".to_owned(),
            more => format!(" ; et {more} autres services"),
        };
        let named = named.collect::<Vec<_>>().join(" ; ");
        told.push(format!("Sollicités aussi, sans réponse : {named}{others}."));
    }
    let mut own = ahead.iter().filter(|step| step.step.is_none() && step.roles.contains(role));
    if let (Some(Said::Acknowledged { .. }), Some(at), None) =
        (said, own.next().and_then(|step| step.due_at), own.next())
    {
        told.push(format!("On vous demandera {} si vous êtes toujours en charge.", when(at)));
    }
    told
}

/// Bodies that circuits not yet satisfied have asked, and that have neither taken charge nor refused.
fn still_asked(body: &BodyId, standing: &Standing, refusals: &[Refusal]) -> Vec<BodyId> {
    let open = standing.circuits.iter().filter(|circuit| !circuit.satisfied);
    let asked = open.flat_map(|circuit| circuit.asked.iter().filter(|asked| !circuit.have.contains(asked)));
    let mut still: Vec<BodyId> = asked
        .filter(|asked| *asked != body && !refusals.iter().any(|refusal| refusal.body == **asked))
        .cloned()
        .collect();
    still.sort();
    still.dedup();
    still
}
