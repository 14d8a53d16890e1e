//! What is wrong with a configuration, all of it at once.

use super::ConfigError;

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Notes `fault` unless the rule `holds`.
    pub fn require(&mut self, holds: bool, fault: impl Into<String>) {
        if !holds {
            self.0.push(fault.into());
        }
    }

    /// An error that tells them all, when there are any.
    pub fn told(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError::Faults(self.0)) }
    }
}
