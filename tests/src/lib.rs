//! What the end-to-end tests stand on: real servers and the real binary, each owned by the test that started it.
//!
//! A [`Stack`] is Postgres, NATS and the outbox, on free ports, in a folder of its own; [`Vigie`] is the binary as a
//! child process on top. Everything ends when it is dropped, and several may run beside each other. A [`Caller`] speaks
//! HTTP with somebody's token, a [`Journey`] walks through pages in a browser, [`Records`] reads what the database holds. Wait for a condition with [`wait::until`] or
//! [`wait::for_some`]; nothing here sleeps for good measure.

#![expect(clippy::missing_panics_doc, reason = "everything here panics when it cannot go on: the test ends there")]

mod browser;
mod caller;
mod environment;
mod folder;
mod live;
mod nats;
mod outbox;
mod postgres;
pub mod practice_city;
mod process;
mod records;
mod shipped;
pub mod small_city;
mod stack;
mod store;
mod vigie;
pub mod wait;

pub use browser::{Journey, board_seconds};
pub use caller::{Answer, Caller, Raised};
pub use live::{Live, Told};
pub use nats::Nats;
pub use outbox::{Message, Outbox};
pub use postgres::Postgres;
pub use records::Records;
pub use shipped::shipped_city;
pub use stack::Stack;
pub use store::Store;
pub use vigie::{Options, Vigie};

/// The present instant, for tests that announce something.
#[expect(clippy::disallowed_methods, reason = "a test looks at the same clock as the process it watches")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Collège Georges Brassens, in the 19th: the school of the source `college-19`.
pub const SCHOOL: &str = "0750507U";

/// How long the load of `kill_everything` lasts: 15 s, or what `VIGIE_FAULT_SECONDS` says.
pub fn fault_seconds() -> u64 {
    environment::optional("VIGIE_FAULT_SECONDS")
        .map_or(15, |text| text.parse().expect("VIGIE_FAULT_SECONDS is a number"))
}
