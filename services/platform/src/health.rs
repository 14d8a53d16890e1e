//! What `/readyz` tells: each dependency by name, and whether Vigie can do its work without it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

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

/// The last known state of every dependency; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, State>>>);

impl Health {
    #[expect(clippy::needless_pass_by_value, reason = "a report is handed over, not lent")]
    pub fn report(&self, dependency: &'static str, state: State) {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = states.insert(dependency, state.clone());
        if previous.as_ref() != Some(&state) {
            match &state {
                State::Ok => tracing::info!(dependency, "{dependency} is ready"),
                State::Degraded(why) => tracing::warn!(dependency, why, "{dependency} is degraded"),
                State::Failed(why) => tracing::error!(dependency, why, "{dependency} has failed"),
            }
        }
    }

    /// Every dependency, and whether none has failed.
    pub fn snapshot(&self) -> (bool, BTreeMap<&'static str, State>) {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (!states.is_empty() && !states.values().any(|state| matches!(state, State::Failed(_))), states)
    }
}
