//! What several tests need.

#[cfg(target_os = "linux")]
pub(crate) mod cameras;
pub(crate) mod faults;
pub(crate) mod memory;
pub(crate) mod paths;
pub(crate) mod peer;
pub(crate) mod programs;
pub(crate) mod reports;
pub(crate) mod rng;
pub(crate) mod rules;
pub(crate) mod script;
pub(crate) mod seals;
pub(crate) mod setup;
pub(crate) mod skipping;
mod telling;
pub(crate) mod wires;
pub(crate) mod world;
