//! Sightline: one-to-one video calls, and the path they take.
//!
//! A layer names only what lies below it (see `ARCHITECTURE.md`; `tests/layering.rs` keeps it true):
//! [`adapters`] → [`engine`] → [`media`] → [`logic`] → `sightline_protocol`. The command line ([`cli`]), the program
//! with a window ([`desktop`]) and [`app`] know both edges.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod contacts;
pub mod desktop;
pub mod engine;
mod journal;
pub mod logging;
pub mod logic;
pub mod media;
pub mod panics;
pub mod settings;
pub mod ui;
