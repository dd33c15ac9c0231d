//! Everything that is tested from outside, in one program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod call;
mod call_stories;
#[cfg(target_os = "linux")]
mod camera;
#[cfg(target_os = "linux")]
mod camera_call;
mod desktop;
mod doctor;
mod files;
#[cfg(target_os = "linux")]
mod foreign;
mod icons;
mod layering;
mod legs;
mod line;
mod manual;
#[cfg(target_os = "linux")]
mod natlab;
mod peer;
mod process;
mod proof;
#[cfg(target_os = "linux")]
mod quality;
mod relayed;
mod report;
#[cfg(target_os = "linux")]
mod sound;
mod support;
mod trials;
mod ui;
mod warm;
#[cfg(target_os = "linux")]
mod window;
