//! Everything that is tested from outside, in one program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod call;
mod call_stories;
mod doctor;
#[cfg(target_os = "linux")]
mod foreign;
mod layering;
mod legs;
mod line;
#[cfg(target_os = "linux")]
mod natlab;
mod peer;
mod process;
mod relayed;
mod support;
mod warm;
