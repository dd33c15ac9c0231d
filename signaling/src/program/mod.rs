//! The program around the server: what it can be told, from where, and what it says.
//!
//! ```text
//!  defaults < file < environment < flags ──settings──▶ Config ──run──▶ Server
//!       options (each described once) ──▶ --help, the page of `man`, the commented file of `init`
//! ```

pub(crate) mod example;
pub(crate) mod options;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod signals;
pub(crate) mod values;
