//! Waiting for a condition, with a deadline that names what did not come.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Longest wait for what the tests expect when they do not measure how fast it comes.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Waits until `condition` holds.
pub async fn until<F, Held>(what: &str, within: Duration, mut condition: F)
where
    F: FnMut() -> Held,
    Held: Future<Output = bool>,
{
    for_some(what, within, || {
        let held = condition();
        async move { held.await.then_some(()) }
    })
    .await;
}

/// Waits until `look` finds something, and returns it.
pub async fn for_some<T, F, Found>(what: &str, within: Duration, mut look: F) -> T
where
    F: FnMut() -> Found,
    Found: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() <= deadline, "not within {within:?}: {what}");
        tokio::time::sleep(EVERY).await;
    }
}
