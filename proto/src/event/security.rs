//! What happened at the doors: who came in, who was refused, which keys were made and taken back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::SourceId;

/// Something an auditor wants to know of was noted, once or many times alike.
///
/// Never what was presented: no token, cookie, link or part of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SecurityNotedV1 {
    pub what: SecurityMatter,
    /// Whose session, token or link it was; absent when nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<SourceId>,
    /// Who did it to them; absent for themselves, and for whoever administers the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<SourceId>,
    /// Network address it came from; absent for the machine's own command line, and where there were too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How many times since the last such fact, at least 1.
    pub count: u64,
    /// When it was written; the last time is at most some seconds before.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityMatter {
    /// A token, cookie, link or calendar address that opens nothing.
    LoginFailed,
    /// A login that was not looked at, after too many that failed.
    LoginDeferred,
    /// An act sent by another site.
    OriginRefused,
    SessionOpened,
    SessionEnded,
    TokenIssued,
    TokenRevoked,
    /// A personal link was made.
    LinkIssued,
    LinkRevoked,
    /// A live stream more than a source may keep open.
    StreamRefused,
}

crate::coded! { pub SecurityMatter {
    LoginFailed = "login-failed",
    LoginDeferred = "login-deferred",
    OriginRefused = "origin-refused",
    SessionOpened = "session-opened",
    SessionEnded = "session-ended",
    TokenIssued = "token-issued",
    TokenRevoked = "token-revoked",
    LinkIssued = "link-issued",
    LinkRevoked = "link-revoked",
    StreamRefused = "stream-refused",
} }
