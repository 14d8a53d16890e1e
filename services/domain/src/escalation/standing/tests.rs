//! Any standing, beside what a person would read off the table of it.

use jiff::Timestamp;
use proptest::{prelude::*, sample::select};
use vigie_proto::{
    Channel,
    plan::{OnRefusal, Plan, PlannedStep, Rank, Scope, Target},
};

use super::{super::TakingCharge, *};

const NAMES: [&str; 4] = ["x", "y", "z", "w"];

fn body(name: &str) -> BodyId {
    name.parse().unwrap()
}

fn role(name: &str) -> RoleId {
    name.parse().unwrap()
}

fn rule() -> impl Strategy<Value = SatisfiedBy> {
    let roles = || {
        prop::collection::vec(select(&NAMES[..]).prop_map(role), 1..3).prop_map(|mut roles| {
            roles.sort();
            roles.dedup();
            roles
        })
    };
    prop_oneof![
        Just(SatisfiedBy::Anyone),
        Just(SatisfiedBy::EachAsked),
        roles().prop_map(SatisfiedBy::AnyOf),
        roles().prop_map(SatisfiedBy::AllOf),
        (1_u32..4, prop_oneof![Just(Vec::new()), roles()]).prop_map(|(count, of)| SatisfiedBy::AtLeast { count, of }),
    ]
}

fn some_bodies() -> impl Strategy<Value = BTreeSet<BodyId>> {
    prop::collection::btree_set(select(&NAMES[..]).prop_map(body), 0..4)
}

fn standing() -> impl Strategy<Value = Standing> {
    let circuit = (rule(), some_bodies(), some_bodies(), 0_u32..4, any::<bool>(), any::<bool>());
    prop::collection::vec(circuit, 0..4).prop_map(|circuits| Standing {
        generation: 1,
        version: 1,
        refused: BTreeSet::new(),
        circuits: (0..)
            .zip(circuits)
            .map(|(number, (rule, asked, have, need, satisfied, climbing))| CircuitStanding {
                id: format!("C-{number}"),
                asked,
                have: have.into_iter().collect(),
                need,
                awaited: vec![role("x")],
                satisfied,
                climbing,
                rule,
            })
            .collect(),
    })
}

/// Whether the rule takes a role: the roles it names, else those that intervene.
fn takes(accepted: &SatisfiedBy, role: &RoleId, intervenes: bool) -> bool {
    let named = match accepted {
        SatisfiedBy::Anyone | SatisfiedBy::EachAsked => Vec::new(),
        SatisfiedBy::AnyOf(roles) | SatisfiedBy::AllOf(roles) => roles.clone(),
        SatisfiedBy::AtLeast { of, .. } => of.clone(),
    };
    if named.is_empty() { intervenes } else { named.contains(role) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_somebody_may_do_is_what_the_table_of_circuits_says(
        standing in standing(),
        who in select(&NAMES[..]),
        (intervenes, grave) in any::<(bool, bool)>(),
    ) {
        let (body, role) = (body(who), role(who));
        let counted: Vec<&CircuitStanding> = standing
            .circuits
            .iter()
            .filter(|circuit| circuit.asked.contains(&body) && takes(&circuit.rule, &role, intervenes))
            .collect();
        let ids: Vec<String> = counted.iter().map(|circuit| circuit.id.clone()).collect();
        prop_assert_eq!(standing.counts_for(&body, &role, intervenes), ids);
        let effect = match counted.iter().filter(|circuit| circuit.satisfied || circuit.need < 2).count() {
            _ if counted.is_empty() => Effect::Nothing,
            0 => Effect::Awaits,
            _ => Effect::Stops,
        };
        prop_assert_eq!(standing.effect_of(&body, &role, intervenes), effect);
        let asked = standing.circuits.iter().filter(|circuit| circuit.asked.contains(&body)).count();
        prop_assert_eq!(standing.asked(&body), asked > 0);

        let open = standing.circuits.iter().filter(|circuit| !circuit.satisfied && !circuit.asked.is_empty()).count();
        let done = standing.circuits.iter().filter(|circuit| circuit.satisfied).count();
        let answered = open == 0 && (done > 0 || standing.circuits.is_empty());
        prop_assert_eq!(standing.is_answered(), answered);
        let silenced = standing.circuits.iter().filter(|c| c.climbing && !c.asked.contains(&body)).count();
        prop_assert_eq!(standing.may_be_ended_by(&body, grave), silenced == 0 && (answered || !grave));
        let others: BTreeSet<&BodyId> =
            standing.circuits.iter().flat_map(|circuit| &circuit.have).filter(|have| **have != body).collect();
        prop_assert_eq!(standing.counts_without(&body), !others.is_empty());

        let partial: Vec<(String, u32, u32)> =
            standing.partial().into_iter().map(|partial| (partial.circuit, partial.have, partial.need)).collect();
        let begun = standing.circuits.iter().filter(|circuit| !circuit.satisfied && !circuit.have.is_empty());
        let begun: Vec<(String, u32, u32)> = begun
            .map(|c| (c.id.clone(), u32::try_from(c.have.len()).unwrap().min(c.need.max(1) - 1), c.need))
            .collect();
        prop_assert_eq!(partial, begun);
    }

    /// A circuit played: who was asked, who took charge, and what the rule makes of them, counted by hand.
    #[test]
    fn where_a_circuit_stands_is_who_was_asked_and_took_charge(
        rule in rule(),
        asked in some_bodies(),
        taking in prop::collection::vec(select(&NAMES[..]), 0..4),
        intervenes in any::<bool>(),
    ) {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let step = PlannedStep {
            id: "s".to_owned(),
            due_at: at,
            unless_acknowledged: true,
            expects: Expects::Acknowledgement,
            tell: vec![Target {
                role: role("x"), scope: Scope::City, rank: Rank::First, serves: None, otherwise: Vec::new(),
            }],
            channels: vec![Channel::Email],
            fallback: Vec::new(),
            stale_after_s: 60,
            unless_returned: None,
            waits_for: None,
            survives_closing: false,
            digest: false,
            added: None,
            requested_by: None,
        };
        let circuit = PlannedCircuit {
            id: "C".to_owned(),
            lines: "1".to_owned(),
            satisfied_by: rule.clone(),
            steps: vec![step],
            on_refusal: OnRefusal::AdvanceWhenAll,
            handover_within_s: 600,
            stale: None,
            guidance: None,
            counts: Vec::new(),
        };
        let plan = Plan { doctrine: "d".to_owned(), circuits: vec![circuit], owed: Vec::new(), news: Vec::new() };
        let mut escalation = Escalation::start(plan, 1);
        escalation.asked("C", asked.iter().cloned());
        let mut have: Vec<&str> = Vec::new();
        for name in taking {
            let role = role(name);
            let taking = TakingCharge { body: body(name), role: &role, intervenes, seen_version: 1, counts_for: None };
            escalation.acknowledge(taking, at);
            let counts = asked.contains(&body(name)) && takes(&rule, &role, intervenes);
            // Whoever says it again said it last.
            have.retain(|known| *known != name);
            if counts {
                have.push(name);
            }
        }
        let has = |role: &RoleId| have.contains(&role.as_str());
        let (need, missing): (usize, Vec<RoleId>) = match &rule {
            SatisfiedBy::Anyone => (1, Vec::new()),
            SatisfiedBy::AnyOf(roles) => (1, roles.clone()),
            SatisfiedBy::AllOf(roles) => (roles.len(), roles.iter().filter(|role| !has(role)).cloned().collect()),
            SatisfiedBy::EachAsked => (asked.len(), Vec::new()),
            SatisfiedBy::AtLeast { count, of } => {
                (usize::try_from(*count).unwrap(), of.iter().filter(|role| !has(role)).cloned().collect())
            }
        };
        let satisfied = match &rule {
            SatisfiedBy::Anyone | SatisfiedBy::AnyOf(_) => !have.is_empty(),
            SatisfiedBy::AllOf(roles) => roles.iter().all(has),
            SatisfiedBy::EachAsked => !asked.is_empty() && asked.iter().all(|asked| have.contains(&asked.as_str())),
            SatisfiedBy::AtLeast { count, .. } => have.len() >= usize::try_from(*count).unwrap(),
        };
        let standing = escalation.standing();
        let circuit = &standing.circuits[0];
        prop_assert_eq!((&circuit.asked, usize::try_from(circuit.need).unwrap(), circuit.satisfied), (&asked, need, satisfied));
        prop_assert_eq!(circuit.have.iter().map(BodyId::as_str).collect::<Vec<_>>(), have);
        prop_assert_eq!(&circuit.awaited, if satisfied { &[][..] } else { &missing[..] });
        prop_assert_eq!(circuit.climbing, !satisfied);
    }
}
