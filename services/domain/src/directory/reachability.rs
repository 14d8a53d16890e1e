//! What drills and verifications found: which contact points answer, and which do not.

use std::collections::BTreeMap;

use jiff::civil::Date;
use vigie_proto::ContactId;

use super::Directory;

/// The last thing known of a contact point, beyond what the directory's files say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reachability {
    /// Somebody answered there that day.
    Answered(Date),
    /// The last message asking for an answer was given up, or nobody answered it in time.
    Silent,
}

impl Directory {
    /// The same directory with what was found of its contact points: an answer proves one, silence takes the proof away.
    #[must_use]
    pub fn with_reachability(&self, found: &BTreeMap<ContactId, Reachability>) -> Self {
        let mut directory = self.clone();
        for contact in directory.bodies.values_mut().flat_map(|body| &mut body.contacts) {
            match found.get(&contact.id) {
                Some(Reachability::Answered(day)) => contact.verified = contact.verified.max(Some(*day)),
                Some(Reachability::Silent) => contact.verified = None,
                None => {}
            }
        }
        directory
    }
}
