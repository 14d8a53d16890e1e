//! The services, by name, and how each is started.

use clap::ValueEnum;
use vigie_platform::database::{SchemaMigrations, journal_migrations};

/// A service this process may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Takes signals in.
    Intake,
    /// Locates, joins or opens incidents.
    Routing,
    /// Runs the plans.
    Escalation,
    /// Sends e-mail and SMS.
    Notification,
    /// Versions, bodies and rosters, drills.
    Directory,
    /// Incidents, acts, links, live events.
    Console,
    /// Crises, mobilisations, reception centres, exercises, feedback.
    Crisis,
}

impl Service {
    /// Its name in the house: its schema, its role, its user on the bus.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Routing => "routing",
            Self::Escalation => "escalation",
            Self::Notification => "notification",
            Self::Directory => "directory",
            Self::Console => "console",
            Self::Crisis => "crisis",
        }
    }
}

/// Every schema, in the order its migrations run.
pub(crate) fn migrations() -> Vec<SchemaMigrations> {
    vec![
        journal_migrations(),
        vigie_directory::migrations(),
        vigie_intake::migrations(),
        vigie_routing::migrations(),
        vigie_escalation::migrations(),
        vigie_notification::migrations(),
        vigie_console::migrations(),
        vigie_crisis::migrations(),
    ]
}
