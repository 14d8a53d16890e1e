//! Vigie's rules, without IO: time, chance and files come in as parameters, decisions go out as data.

pub mod territory;
