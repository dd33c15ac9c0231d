//! What the server counts. Nothing here names a person, an address or a call.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One number that says how things stand.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) switchboard: Switchboard,
}

/// The switchboard: who is there, and what is handed on.
#[derive(Debug, Default)]
pub(crate) struct Switchboard {
    /// Sessions that are connected now.
    pub(crate) sessions: Gauge,
    /// Sessions whose connection broke and that may still be resumed.
    pub(crate) sessions_away: Gauge,
    /// Calls known now.
    pub(crate) calls: Gauge,
    /// Hellos, by what came of them.
    pub(crate) hellos: Hellos,
    /// Sessions ended because the same key connected anew.
    pub(crate) replaced: Counter,
    /// Connections closed because they read too slowly.
    pub(crate) cut: Counter,
    /// Envelopes, by what came of them.
    pub(crate) envelopes: Envelopes,
    /// Bytes of the envelopes that were handed on.
    pub(crate) envelope_bytes: Counter,
    /// Messages that were refused, by reason.
    pub(crate) refused: Refused,
    /// Questions whether somebody is connected that were answered.
    pub(crate) questions: Counter,
    /// Relay credentials given out.
    pub(crate) credentials: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Hellos {
    pub(crate) greeted: Counter,
    pub(crate) resumed: Counter,
    pub(crate) resume_unknown: Counter,
    pub(crate) refused: Counter,
    pub(crate) late: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Envelopes {
    pub(crate) delivered: Counter,
    pub(crate) offline: Counter,
    pub(crate) overflowed: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) malformed: Counter,
    pub(crate) too_large: Counter,
    pub(crate) too_many: Counter,
    pub(crate) too_many_calls: Counter,
    pub(crate) too_many_questions: Counter,
    pub(crate) not_allowed: Counter,
}
