//! The closing of an incident, and its opening again: nothing is told of what is over, and what a mistake had stopped goes on.

use jiff::Timestamp;
use vigie_proto::{
    event::StepOutcome,
    plan::{Trigger, WaitsFor},
};

use super::{Ended, Escalation, Position, Settlement};

impl Escalation {
    /// The incident was closed: nothing more is told, but what the doctrine wants after a closing.
    pub fn close(&mut self, now: Timestamp) -> Vec<Settlement> {
        if self.closed {
            return Vec::new();
        }
        self.closed = true;
        self.drop_news();
        let begun = self.trigger(now, |event| *event == Trigger::Closed);
        let over: Vec<Position> = self
            .open_steps()
            .filter(|(position, step)| !step.survives_closing || self.due_at(*position, step).is_none())
            .map(|(position, _)| position)
            .collect();
        self.ended = Some(Ended { at: now, steps: over.iter().copied().collect(), begun: begun.into_iter().collect() });
        over.into_iter().map(|position| self.settle(position, StepOutcome::Superseded)).collect()
    }

    /// It is opened again: the steps that the closing had ended come back at their own times, those past since at once, and
    /// what ran from the closing waits for the next one. Whoever was in charge still is, and is asked whether it is no sooner
    /// than it would have been without the time in between.
    pub fn reopen(&mut self, now: Timestamp) -> Vec<Settlement> {
        if !self.closed {
            return Vec::new();
        }
        self.closed = false;
        // States older than this field do not know what the closing ended: whoever opens it again calls whom it takes.
        let Some(Ended { at, steps, begun }) = self.ended.take() else { return Vec::new() };
        self.settled.retain(|position| !steps.contains(position));
        let waits_again = |position: &Position| {
            let waits = matches!(self.step(*position).waits_for, Some(WaitsFor { event: Trigger::Closed, .. }));
            waits && begun.contains(position) && !self.settled.contains(position)
        };
        let waiting: Vec<Position> = begun.iter().copied().filter(waits_again).collect();
        self.moved.retain(|(position, _)| !waiting.contains(position));
        let away = now.duration_since(at);
        for taken in &mut self.acknowledgements {
            taken.confirm_at = taken.confirm_at.map(|confirm| confirm + away);
            taken.lapses_at = taken.lapses_at.map(|lapses| lapses + away);
        }
        self.stop_satisfied()
    }
}
