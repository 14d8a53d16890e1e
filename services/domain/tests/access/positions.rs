//! How far a body sees, what it may give back and end, and as whom it acts, beside a naive reading.

use vigie_domain::{
    access::{Deed, Denial, Party, Position, Ties},
    directory::{Ambit, Body, Permission, Role, Sight},
};
use vigie_proto::{
    Severity,
    event::{Act, ClosingReason, IncidentSnapshot},
    plan::{Owed, OwedTo, Rank, Scope, Target},
    sensitivity::Sensitivity,
};

use super::{CITY, bodies, oracle, snapshot};

/// What the table needs to know of a body before an incident.
struct Standing {
    role: &'static Role,
    /// None when its class hides the incident from the body's role.
    seen: bool,
    concerned: bool,
    /// Its own sector, or its affair, or it operates.
    answers: bool,
}

fn operates(role: &Role) -> bool {
    role.sees == Sight::Everything && role.may.contains(&Permission::ChangeSeverity)
}

fn standing(body: &Body, incident: &IncidentSnapshot) -> Standing {
    let role = CITY.directory.role(&body.role).unwrap();
    let class = CITY.doctrine.class_of(&incident.kind);
    let named = class.is_some_and(|class| class.roles.contains(&body.role));
    let open = class.is_none_or(|class| class.roles.is_empty());
    let own = body.ambit == Ambit::Sector(incident.sector.clone());
    let beside = incident.also_concerns.iter().any(|sector| body.ambit == Ambit::Sector(sector.clone()));
    let affair = named && body.ambit == Ambit::City && role.sees != Sight::Nothing;
    let everything = role.sees == Sight::Everything;
    Standing {
        role,
        seen: open || named,
        concerned: everything || (role.sees == Sight::Sector && (own || beside)) || affair,
        answers: operates(role) || own || affair,
    }
}

/// Every kind, body and ties.
fn everywhere(mut look: impl FnMut(&'static Body, &IncidentSnapshot, Ties, Option<Position<'static>>)) {
    for kind in CITY.doctrine.kinds.keys() {
        let incident = snapshot(kind, Severity::Serious);
        for body in bodies() {
            let party = Party::of_body(body, &CITY.directory).unwrap();
            for bits in 0..8_u8 {
                let ties = Ties { reported: bits & 1 > 0, told: bits & 2 > 0, asked: bits & 4 > 0 };
                let position = Position::of(party, &incident, ties, &CITY.doctrine, &CITY.directory);
                look(body, &incident, ties, position);
            }
        }
    }
}

#[test]
fn a_body_sees_as_far_as_its_part_in_the_incident_needs() {
    let mut seen = [0; 5];
    everywhere(|body, incident, ties, position| {
        let standing = standing(body, incident);
        let weighs = standing.role.may.contains(&Permission::ChangeSeverity)
            && (standing.answers || standing.role.sees == Sight::Everything);
        let expected = match () {
            () if !standing.seen => None,
            () if standing.concerned && weighs => Some(Sensitivity::Personal),
            () if standing.concerned => Some(Sensitivity::Restricted),
            () if ties.asked => Some(Sensitivity::Operational),
            () if ties.told => Some(Sensitivity::Public),
            () => None,
        };
        assert_eq!(position.is_some(), standing.seen, "{} {}", body.id, incident.kind);
        assert_eq!(
            position.and_then(|position| position.clearance()),
            expected,
            "{} {} {ties:?}",
            body.id,
            incident.kind
        );
        seen[expected.map_or(4, |clearance| Sensitivity::ALL.iter().position(|known| *known == clearance).unwrap())] +=
            1;
    });
    assert!(seen.iter().all(|times| *times > 50), "{seen:?}");
}

fn owed_by(role: &str, scope: Scope) -> Owed {
    Owed {
        id: "C-1/answer".to_owned(),
        circuit: "C-1".to_owned(),
        lines: "1".to_owned(),
        what: "ce qui en est devenu".to_owned(),
        by: Target { role: role.parse().unwrap(), scope, rank: Rank::First, serves: None, otherwise: Vec::new() },
        to: OwedTo::Raiser,
        due_at: None,
        from_closing: None,
        blocks_closing: false,
        may_be_unknown: false,
    }
}

#[test]
fn what_is_owed_is_given_by_whoever_owes_it_or_may_close() {
    let here = || Scope::Sectors(vec!["paris-19".parse().unwrap()]);
    let debts = [owed_by("mairie", here()), owed_by("commissariat", here()), owed_by("scop", Scope::City)];
    let (mut given, mut refused) = (0, 0);
    everywhere(|body, incident, ties, position| {
        let Some(position) = position else { return };
        for debt in &debts {
            let at_home = match &debt.by.scope {
                Scope::City => true,
                _ => body.ambit == Ambit::Sector("paris-19".parse().unwrap()),
            };
            let theirs = body.role == debt.by.role && at_home;
            let may_close = oracle(body, incident, ties, Deed::Close).is_ok();
            let expected = match oracle(body, incident, ties, Deed::Return) {
                Ok(()) if theirs || may_close => Ok(()),
                Ok(()) => Err(Denial::NotAllowed),
                refusal => refusal,
            };
            let may = position.may_return(debt, &CITY.directory);
            assert_eq!(may, expected, "{} {} {ties:?} {}", body.id, incident.kind, debt.by.role);
            if may.is_ok() { given += 1 } else { refused += 1 }
        }
    });
    assert!(given > 200 && refused > 200, "{given} given, {refused} refused");
}

#[test]
fn what_is_grave_and_unanswered_is_ended_by_operators_or_by_whoever_answers_where_no_operator_may_know() {
    let (mut without, mut with) = (0, 0);
    everywhere(|body, incident, ties, position| {
        let Some(position) = position else { return };
        let standing = standing(body, incident);
        let class = CITY.doctrine.class_of(&incident.kind);
        let some_operator_knows = CITY.directory.roles().any(|id| {
            let role = CITY.directory.role(id).unwrap();
            operates(role) && class.is_none_or(|class| class.roles.is_empty() || class.roles.contains(id))
        });
        let expected = operates(standing.role) || (!some_operator_knows && standing.answers);
        assert_eq!(position.may_end_unanswered(), expected, "{} {} {ties:?}", body.id, incident.kind);
        if some_operator_knows { with += usize::from(expected) } else { without += usize::from(expected) }
    });
    assert!(with > 10 && without > 10, "{with} where an operator knows, {without} where none does");
}

#[test]
fn whoever_acts_is_the_body_in_its_own_role_or_in_that_of_a_source_of_it() {
    for body in bodies() {
        let party = Party::of_actor(&body.id, &body.role, &CITY.directory).unwrap();
        assert_eq!((party.body, party.role_id, party.ambit), (&body.id, &body.role, &body.ambit));
        for role in CITY.directory.roles() {
            let of_source = CITY.directory.sources().find(|source| source.body == body.id && source.role == *role);
            let known = *role == body.role || of_source.is_some();
            assert_eq!(Party::of_actor(&body.id, role, &CITY.directory).is_some(), known, "{} as {role}", body.id);
        }
    }
    // A source of a body in a role of its own, which no body of the directory has here.
    let files = super::shipped::directory_files();
    let line = "guest,auditor,mairie-paris-19,paris-19,Contrôle invité à la mairie\n";
    let mut with_guest = files.clone();
    with_guest.sources_csv.push_str(line);
    let city = super::shipped::city_of(&super::shipped::doctrine_files(), &with_guest).unwrap();
    let (mairie, auditor) = ("mairie-paris-19".parse().unwrap(), "auditor".parse().unwrap());
    let guest = Party::of_actor(&mairie, &auditor, &city.directory).unwrap();
    assert_eq!((guest.role_id, guest.ambit), (&auditor, &Ambit::Sector("paris-19".parse().unwrap())));
    assert!(Party::of_actor(&"mairie-paris-18".parse().unwrap(), &auditor, &city.directory).is_none());
    assert!(Party::of_actor(&mairie, &"scop".parse().unwrap(), &city.directory).is_none());
}

#[test]
fn a_change_of_severity_is_judged_by_where_it_goes() {
    for from in Severity::ALL {
        let incident = snapshot(&"rixe".parse().unwrap(), from);
        for to in Severity::ALL {
            let expected = if to < from { Deed::Ease } else { Deed::Aggravate };
            assert_eq!(Deed::of(&Act::ChangeSeverity { to }, &incident), expected, "{from} to {to}");
        }
        assert_eq!(Deed::of(&Act::Close { reason: ClosingReason::Averted }, &incident), Deed::Close);
    }
}
