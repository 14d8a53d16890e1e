//! What every service stands on.
//!
//! The cast: [`journal`] writes facts in the transaction of the change; [`relay`] hands them to the [`bus`];
//! [`consumer`] takes them from there, or from the journal when the bus is silent, and applies each once.
//! [`server`] takes connections, [`supervisor`] keeps the loops alive, [`config`] is the only reader of files and
//! environment, [`clock`] the only one to ask the time. Nothing here knows what Vigie is for.

pub mod bus;
pub mod clock;
pub mod config;
pub mod consumer;
mod context;
pub mod database;
pub mod due;
pub mod growth;
pub mod health;
pub mod ids;
pub mod journal;
pub mod metrics;
pub mod relay;
pub mod server;
pub mod supervisor;
pub mod telemetry;

pub use context::Context;
