//! Vigie's rules, without IO: time, chance and files come in as parameters, decisions go out as data.

pub mod access;
pub mod account;
pub mod admission;
pub mod assess;
pub mod audience;
pub mod check;
pub mod city;
pub mod correlation;
pub mod crisis;
pub mod diff;
pub mod directory;
pub mod discretion;
pub mod doctrine;
pub mod escalation;
pub mod explain;
pub mod french;
pub mod guarded;
pub mod incident;
pub mod link;
pub mod pattern;
pub mod round;
pub mod simulation;
pub mod territory;
pub mod text;
pub mod timeline;

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
