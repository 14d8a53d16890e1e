//! Crises with something due: claimed and settled one by one, each in its transaction.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vigie_domain::{
    city::InForce,
    crisis::awaited::{Awaited, Wait},
};
use vigie_platform::{
    Context,
    due::{self, Due},
};
use vigie_proto::Nature;

use crate::{Pace, carry::Carrier, metrics::Metrics, moment, store};

pub(crate) struct Timers {
    pub(crate) context: Context,
    pub(crate) pace: Pace,
    pub(crate) metrics: Metrics,
    pub(crate) in_force: InForce,
    pub(crate) pool: PgPool,
    /// Told when due times changed.
    pub(crate) wake: Arc<Notify>,
}

impl Timers {
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        due::run(&self, &self.context, self.pace.idle, &self.wake, stop).await
    }
}

impl Due for Timers {
    const WHAT: &'static str = "crises";

    async fn next_due(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        store::next_due(&mut *self.pool.acquire().await?).await
    }

    async fn settle(&self) -> Result<bool, sqlx::Error> {
        let (city, now) = (self.in_force.get(), self.context.clock.now());
        let mut tx = self.pool.begin().await?;
        let Some(mut crisis) = store::claim_due(&mut tx, now).await? else { return Ok(false) };
        // A doctrine without crises came into force meanwhile: what is due waits for one that has them.
        let Some(at) = moment(&city, self.pace, now) else { return Ok(false) };
        let effects = crisis.settle_due(at);
        let entries = Carrier::new(&city, at, None).carry_out(&mut tx, &crisis, effects).await?;
        tx.commit().await?;
        self.context.fresh.push(entries);
        Ok(true)
    }

    /// Real crises and exercises that are open; of the real ones, the mobilisations and reports that are waited for.
    async fn count(&self) -> Result<(), sqlx::Error> {
        let (city, now) = (self.in_force.get(), self.context.clock.now());
        let Some(rules) = &city.doctrine.crisis else { return Ok(()) };
        let open = store::open(&mut *self.pool.acquire().await?).await?;
        let mut counted: BTreeMap<(bool, bool), i64> = BTreeMap::new();
        for nature in [Nature::Real, Nature::Exercise] {
            let number = open.iter().filter(|crisis| crisis.snapshot.nature == nature).count();
            let gauge = self.metrics.open.get_or_create(&[("nature", nature.code())]);
            gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        for crisis in open.iter().filter(|crisis| crisis.snapshot.nature == Nature::Real) {
            for Awaited { what, late, .. } in crisis.awaited(rules, now) {
                match what {
                    Wait::PassOn(_) | Wait::Answer(_) | Wait::Decide(_) | Wait::Arrive(_) => {
                        *counted.entry((true, late)).or_default() += 1;
                    }
                    Wait::Report(..) => *counted.entry((false, late)).or_default() += 1,
                    Wait::Complete => {}
                }
            }
        }
        for (late, state) in [(false, "waiting"), (true, "late")] {
            let of = |mobilisations: bool| counted.get(&(mobilisations, late)).copied().unwrap_or_default();
            self.metrics.mobilisations.get_or_create(&[("state", state)]).set(of(true));
            self.metrics.reports.get_or_create(&[("state", state)]).set(of(false));
        }
        Ok(())
    }
}
