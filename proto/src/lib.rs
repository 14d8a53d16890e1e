//! The contract between Vigie's services, and with whoever listens to its bus.
//!
//! Everything that crosses a process border is typed here: [`event`] holds the facts ([`crisis`] those of crises), [`subject`] the names they
//! travel under, [`envelope`] the CloudEvents attributes beside them. Within a version, changes are additive only;
//! `samples/` holds one golden sample per version ever released and a test that still decodes it.

mod coded;
pub mod consumer;
pub mod envelope;
pub mod event;
mod id;
pub mod permission;
pub mod plan;
pub mod schema;
pub mod sensitivity;
pub mod signal;
pub mod subject;
mod vocabulary;

pub use coded::{Coded, UnknownCode};
pub use event::crisis;

pub use id::{
    ActId, AlertId, BodyId, CareId, ContactId, CrisisId, DeliveryId, DrillId, EventId, IncidentId, InvalidToken, Kind,
    MobilisationId, ProbeId, RoleId, SectorId, SignalId, SourceId, Uai, UaiError,
};
pub use vocabulary::{Channel, CrisisRegime, IncidentStatus, Nature, Severity, UnknownSeverity, YEARS};
