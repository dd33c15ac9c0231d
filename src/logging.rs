//! What is written down while the program runs: to standard error, and little unless asked. The last lines of our own are kept
//! as well, for the log of a call (`journal.rs`).
//!
//! `SIGHTLINE_LOG` takes the usual filters, `sightline=debug,rtc_ice=trace` for instance.

use std::{
    io::IsTerminal as _,
    sync::{Arc, LazyLock},
};

use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    engine::ports::program::Journal,
    journal::{Keeping, Kept},
};

/// The libraries' own complaints are kept out: what matters of them is said in our words.
const USUALLY: &str = "off,sightline=warn,sightline_server=warn,sightline_protocol=warn";

static KEPT: LazyLock<Arc<Kept>> = LazyLock::new(Arc::default);

/// Starts writing.
pub fn start() {
    let filter = EnvFilter::try_from_env("SIGHTLINE_LOG").unwrap_or_else(|_| EnvFilter::new(USUALLY));
    let written = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(true)
        .with_filter(filter);
    // A server in this program keeps its own counsel: it serves others too.
    let ours = Targets::new()
        .with_target("sightline", LevelFilter::DEBUG)
        .with_target("sightline_server", LevelFilter::OFF);
    let kept = Keeping::new(KEPT.clone()).with_filter(ours);
    // Another subscriber is there already in tests, which is fine.
    tracing_subscriber::registry().with(written).with(kept).try_init().ok();
}

/// What was written last.
pub fn journal() -> Arc<dyn Journal> {
    KEPT.clone()
}
