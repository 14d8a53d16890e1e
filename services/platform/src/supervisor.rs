//! Runs the loops of a process. If any of them ends, the process stops: a half-working Vigie would go unnoticed.

use std::{future::Future, time::Duration};

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// Owns every long-running task.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
    names: Vec<(Id, String)>,
}

impl Supervisor {
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, tasks: JoinSet::new(), names: Vec::new() }
    }

    /// The token that tells every task to finish what it has in hand and return.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub fn start(&mut self, name: &str, task: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let handle = self.tasks.spawn(task);
        self.names.push((handle.id(), name.to_owned()));
    }

    /// Waits until told to stop, then gives the tasks `grace` to finish.
    ///
    /// Errors when a task failed, panicked or returned before it was told to, or did not finish in time.
    pub async fn run(mut self, grace: Duration) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        tokio::select! {
            () = self.stop.cancelled() => {}
            Some(ended) = self.tasks.join_next_with_id() => {
                outcome = Err(self.describe(ended, true));
            }
        }
        self.stop.cancel();
        let drained = tokio::time::timeout(grace, async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                if !matches!(ended, Ok((_, Ok(())))) {
                    let error = self.describe(ended, false);
                    tracing::error!(error = format!("{error:#}"), "a task failed while stopping");
                }
            }
        });
        if drained.await.is_err() {
            self.tasks.abort_all();
            outcome = outcome.and(Err(anyhow::anyhow!("some tasks did not finish within {} s", grace.as_secs())));
        }
        outcome
    }

    fn describe(&self, ended: Result<(Id, anyhow::Result<()>), tokio::task::JoinError>, early: bool) -> anyhow::Error {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let name = self.names.iter().find(|(known, _)| *known == id).map_or("a task", |(_, name)| name.as_str());
        match ended {
            Ok((_, Ok(()))) if early => anyhow::anyhow!("{name} ended before it was told to"),
            Ok((_, Ok(()))) => anyhow::anyhow!("{name} ended"),
            Ok((_, Err(error))) => error.context(format!("{name} failed")),
            Err(error) => anyhow::Error::from(error).context(format!("{name} panicked")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_early_stops_the_process_with_its_name() {
        let mut supervisor = Supervisor::new(CancellationToken::new());
        let stop = supervisor.stop_token();
        supervisor.start("the short one", async { Ok(()) });
        supervisor.start("the patient one", async move {
            stop.cancelled().await;
            Ok(())
        });
        let error = supervisor.run(Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.to_string(), "the short one ended before it was told to");
    }

    #[tokio::test]
    async fn being_told_to_stop_is_not_a_failure() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        let token = stop.clone();
        supervisor.start("loop", async move {
            token.cancelled().await;
            Ok(())
        });
        stop.cancel();
        assert!(supervisor.run(Duration::from_secs(5)).await.is_ok());
    }
}
