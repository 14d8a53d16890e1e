//! Who is who in the database: the roles of services, and of those that are none.

/// Every service role is a member of this one, which may append to the journal.
pub(super) const SERVICE_GROUP: &str = "vigie_service";
/// The relay's own role.
pub const RELAY: &str = "relay";
/// Tells whose a credential or a session is, and reads nothing else.
pub const AUTHENTICATOR: &str = "authenticator";
/// Writes down what happened at the doors, and when a credential was last used; reads nothing.
pub const PORTER: &str = "porter";
/// Reads what is in force without the addresses of contact points, and nothing else.
pub const FOLLOWER: &str = "follower";
/// The same with them, in a process that sends, keeps the directory, or reads personal links, which are bound to an address.
pub const CONTACTS: &str = "contacts";
/// Whoever runs the machine: reads what happened, never what people wrote, credentials or addresses.
pub const OPERATOR: &str = "operator";
/// Owns the schemas and migrates; never serves.
pub const OWNER: &str = "owner";

/// Whom a process that serves acts as: its services, and those that belong to no service.
pub const LOGINS: [&str; 12] = [
    "intake",
    "routing",
    "escalation",
    "notification",
    "directory",
    "console",
    "crisis",
    RELAY,
    AUTHENTICATOR,
    PORTER,
    FOLLOWER,
    CONTACTS,
];
/// Roles that are no service's: they have no schema and do not belong to the group.
pub(super) const APART: [&str; 6] = [RELAY, AUTHENTICATOR, PORTER, FOLLOWER, CONTACTS, OPERATOR];

/// The role of a service, or of one of those apart.
pub fn role_of(name: &str) -> String {
    format!("vigie_{name}")
}

/// Services whose statements also make lists, which are planned for what is asked.
pub(crate) const LISTS: [&str; 3] = ["console", "crisis", "directory"];
