//! What is written down while the program runs: to standard error, and little unless asked.
//!
//! `SIGHTLINE_LOG` takes the usual filters, `sightline=debug,rtc_ice=trace` for instance.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

/// The libraries' own complaints are kept out: what matters of them is said in our words.
const USUALLY: &str = "off,sightline=warn,sightline_server=warn,sightline_protocol=warn";

/// Starts writing.
pub fn start() {
    let filter = EnvFilter::try_from_env("SIGHTLINE_LOG").unwrap_or_else(|_| EnvFilter::new(USUALLY));
    // Another subscriber is there already in tests, which is fine.
    fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(true)
        .try_init()
        .ok();
}
