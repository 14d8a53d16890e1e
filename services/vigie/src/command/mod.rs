//! One module for each command of the binary.

pub(crate) mod check_config;
pub(crate) mod configuration;
pub(crate) mod contract;
pub(crate) mod database;
pub(crate) mod directory;
pub(crate) mod doctrine;
pub(crate) mod keys;
pub(crate) mod locate;
pub(crate) mod migrate;
pub(crate) mod replay;
pub(crate) mod serve;
pub(crate) mod territory;
pub(crate) mod token;
