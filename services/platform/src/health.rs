//! What `/readyz` tells: each dependency by name, and whether Vigie can do its work without it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

/// How one dependency is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "why")]
pub enum State {
    Ok,
    /// Work goes on, slower or with less.
    Degraded(String),
    /// Work cannot be done.
    Failed(String),
}

/// Name in `/readyz` of what is asked of the database beyond an answer.
const WRITES: &str = "writes";
/// So long after the last failure writes must have worked before they are said to.
const HELD: Duration = Duration::from_secs(5);

/// The last known state of every dependency; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    states: Arc<Mutex<BTreeMap<&'static str, State>>>,
    /// When a write last failed; none once they work again.
    failed: Arc<Mutex<Option<Instant>>>,
}

impl Health {
    #[expect(clippy::needless_pass_by_value, reason = "a report is handed over, not lent")]
    pub fn report(&self, dependency: &'static str, state: State) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = states.insert(dependency, state.clone());
        if previous.as_ref() != Some(&state) {
            match &state {
                State::Ok => tracing::info!(dependency, "{dependency} is ready"),
                State::Degraded(why) => tracing::warn!(dependency, why, "{dependency} is degraded"),
                State::Failed(why) => tracing::error!(dependency, why, "{dependency} has failed"),
            }
        }
    }

    /// A write failed because the database cannot do its work now; told until they have worked for a while.
    /// `why` says nothing of what was to be written.
    pub fn write_failed(&self, why: &str) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.report(WRITES, State::Degraded(format!("writes fail and are tried again: {why}")));
    }

    /// A write worked.
    pub fn wrote(&self) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_none_or(|at| at.elapsed() >= HELD) {
            *failed = None;
            self.report(WRITES, State::Ok);
        }
    }

    /// Every dependency, and whether none has failed.
    pub fn snapshot(&self) -> (bool, BTreeMap<&'static str, State>) {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (!states.is_empty() && !states.values().any(|state| matches!(state, State::Failed(_))), states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writes_that_fail_are_told_until_they_have_worked_for_a_while() {
        let health = Health::default();
        let told = || health.snapshot().1[WRITES].clone();
        health.wrote();
        assert_eq!(told(), State::Ok);
        health.write_failed("SQLSTATE 53100");
        health.wrote();
        assert_eq!(told(), State::Degraded("writes fail and are tried again: SQLSTATE 53100".to_owned()));
        tokio::time::advance(HELD).await;
        health.wrote();
        assert_eq!(told(), State::Ok);
    }
}
