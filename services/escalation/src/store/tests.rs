//! Plans and alerts on a real database, as the escalation's login.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;
use uuid::Uuid;
use vigie_domain::{
    escalation::Escalation,
    round::{InHand, Origin},
};
use vigie_proto::{
    AlertId, EventId, IncidentId,
    event::{AlertIssuedV1, IncidentOpenedV1},
};
use vigie_tests::Store;

use super::{claim_due, load, next_due, record_told, save, waiting};

/// The sample's incident under another identifier, with its plan as it begins.
fn plan(number: u128) -> InHand {
    let sample = include_str!("../../../../proto/samples/vigie.incident.opened.v1.json");
    let mut opened: IncidentOpenedV1 = serde_json::from_str(sample).unwrap();
    opened.incident.id = IncidentId(Uuid::from_u128(number));
    InHand {
        snapshot: opened.incident.clone(),
        escalation: Escalation::begun(&opened),
        origin: Origin { cause: EventId(Uuid::from_u128(number)), traceparent: None },
    }
}

fn alert(number: u128, steps: &[&str], contact: &str) -> AlertIssuedV1 {
    let sample = include_str!("../../../../proto/samples/vigie.alert.issued.v1.json");
    AlertIssuedV1 {
        alert_id: AlertId(Uuid::from_u128(number)),
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        contact: contact.parse().unwrap(),
        ..serde_json::from_str(sample).unwrap()
    }
}

async fn saved(pool: &PgPool, plans: &[InHand]) {
    save(&mut pool.acquire().await.unwrap(), plans, &BTreeSet::new()).await.unwrap();
}

#[tokio::test]
async fn plans_are_read_as_they_were_written_and_claimed_when_due_by_one_alone() {
    let database = Store::start().await;
    let pool = database.pool("escalation");
    let plans: Vec<InHand> = (1..=4).map(plan).collect();
    saved(&pool, &plans).await;
    let ids: Vec<IncidentId> = plans.iter().map(|plan| plan.snapshot.id).collect();
    let read = load(&mut pool.acquire().await.unwrap(), &ids).await.unwrap();
    for (read, written) in read.iter().zip(&plans) {
        assert_eq!((&read.snapshot, &read.escalation), (&written.snapshot, &written.escalation));
        assert_eq!(read.origin.cause, written.origin.cause);
    }
    assert_eq!(read.len(), 4);

    let due: Timestamp = plans[0].escalation.next_due().unwrap();
    assert_eq!(next_due(&pool).await.unwrap(), Some(due));
    assert_eq!(waiting(&pool).await.unwrap(), 4);
    let early = due - SignedDuration::from_secs(1);
    let (mut one, mut other) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
    assert!(claim_due(&mut one, early, 10).await.unwrap().is_empty());
    let of_one = claim_due(&mut one, due, 3).await.unwrap();
    let of_other = claim_due(&mut other, due, 10).await.unwrap();
    let claimed = |plans: &[InHand]| plans.iter().map(|plan| plan.snapshot.id).collect::<BTreeSet<_>>();
    assert_eq!((of_one.len(), of_other.len()), (3, 1));
    assert!(claimed(&of_one).is_disjoint(&claimed(&of_other)));
}

#[tokio::test]
async fn what_figures_count_is_kept_beside_the_plan_and_told_again_stays_so() {
    let database = Store::start().await;
    let pool = database.pool("escalation");
    let mut plan = plan(1);
    plan.escalation.plan.circuits[0].counts = vec!["alertes".to_owned(), "rixes".to_owned(), "alertes".to_owned()];
    let id = plan.snapshot.id;
    let kept = async || {
        let kept = "select counts, relaunched from escalation.plan where incident_id = $1";
        sqlx::query_as::<_, (Vec<String>, bool)>(kept).bind(id.0).fetch_one(&pool).await.unwrap()
    };
    let counts = vec!["alertes".to_owned(), "rixes".to_owned()];

    saved(&pool, std::slice::from_ref(&plan)).await;
    assert_eq!(kept().await, (counts.clone(), false));
    let mut connection = pool.acquire().await.unwrap();
    save(&mut connection, std::slice::from_ref(&plan), &BTreeSet::from([id])).await.unwrap();
    saved(&pool, std::slice::from_ref(&plan)).await;
    assert_eq!(kept().await, (counts, true));
    plan.escalation.plan.circuits.clear();
    saved(&pool, std::slice::from_ref(&plan)).await;
    assert_eq!(kept().await, (Vec::new(), true));
}

#[tokio::test]
async fn a_step_tells_a_contact_once_whatever_runs_twice() {
    let database = Store::start().await;
    let pool = database.pool("escalation");
    let mut connection = pool.acquire().await.unwrap();
    let issued = |fresh: Vec<AlertIssuedV1>| fresh.iter().map(|alert| alert.alert_id.0.as_u128()).collect::<Vec<_>>();
    let first = vec![alert(1, &["a"], "mairie-19-email"), alert(2, &["a", "b"], "mairie-19-sms")];
    assert_eq!(issued(record_told(&mut connection, first).await.unwrap()), [1, 2]);
    // Both steps were told to the telephone; one of these two was not to the mailbox.
    let again = vec![alert(3, &["b"], "mairie-19-sms"), alert(4, &["a", "c"], "mairie-19-email")];
    assert_eq!(issued(record_told(&mut connection, again).await.unwrap()), [4]);
    let told: i64 = sqlx::query_scalar("select count(*) from escalation.told").fetch_one(&pool).await.unwrap();
    assert_eq!(told, 4, "a and c by mail, a and b by SMS");
}
