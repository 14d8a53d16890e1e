//! What every HTTP edge stands on, whichever service it belongs to.
//!
//! The [`porter`] stands before every [`door`]; [`credential`] knows who calls, [`security`] notes what went wrong there.
//! A [`Desk`] is what a service's requests are given from, an [`Edge`] what one of them works with. What is refused is a
//! [`problem`], which the porter shows as a [`page`] to whoever came with a browser; days and instants are read by
//! [`moment`]. Nothing here belongs to one service.

pub mod credential;
mod desk;
pub mod door;
pub mod moment;
pub mod page;
pub mod porter;
pub mod problem;
pub mod security;

pub use desk::{Desk, Edge};
