//! What is written down while the program runs: to standard error, and little unless asked.
//!
//! `SIGHTLINE_LOG` takes the usual filters, `sightline=debug,rtc_ice=trace` for instance.

use tracing_subscriber::{EnvFilter, fmt};

/// Starts writing. The libraries' own complaints are kept out unless asked for: what matters of them is said in our words.
pub fn start() {
    let filter = EnvFilter::try_from_env("SIGHTLINE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,rtc=off,rtc_ice=off,rtc_turn=off,webrtc=off,rtc_dtls=off,rtc_srtp=off,rtc_interceptor=off,rtc_sctp=off,rtc_mdns=off"));
    // Another subscriber is there already in tests, which is fine.
    fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true).try_init().ok();
}
