//! The notification service against a real Postgres and peers that speak SMTP and SMPP on real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

mod alerts;
mod burst;
mod probes;
mod support;
mod upgrade;
