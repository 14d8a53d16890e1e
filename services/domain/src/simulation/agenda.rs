//! What is to be done later, in order of time.

use std::{cmp::Reverse, collections::BinaryHeap};

use jiff::Timestamp;

/// An incident's place among those in hand.
pub(super) type Slot = usize;

/// Something to do at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Steps of the incident's plan may be due.
    Steps(Slot),
    /// The answer of this number, of those awaited.
    Answer(Slot, usize),
    /// What is owed under this number may be given.
    GiveBack(Slot, usize),
    /// What is owed under this number should have been given.
    Overdue(Slot, usize),
    /// The incident may be over.
    Close(Slot),
}

/// Tasks by instant; at one instant steps come first, then in the order in which they were noted.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    noted: u64,
}

type Entry = (Timestamp, bool, u64, Task);

impl Agenda {
    pub(super) fn note(&mut self, at: Timestamp, task: Task) {
        self.noted += 1;
        self.heap.push(Reverse((at, !matches!(task, Task::Steps(_)), self.noted, task)));
    }

    /// When the next task is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next task, if it is due at `at` and `of_interest`.
    pub(super) fn take(&mut self, at: Timestamp, of_interest: impl Fn(Task) -> bool) -> Option<Task> {
        let Reverse((due, _, _, task)) = self.heap.peek()?;
        if *due != at || !of_interest(*task) {
            return None;
        }
        self.heap.pop().map(|Reverse((.., task))| task)
    }
}
