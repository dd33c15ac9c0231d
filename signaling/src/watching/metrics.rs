//! What the server counts. Nothing here names a person, an address or a call: a label's values are the ones written
//! below, and no others can come to be.
//!
//! Whoever counts something new adds one line here: a sentence that says what it is, the field, and the name it has
//! outside. The rest follows from that line, so that nothing is counted and then forgotten on the page. Each number is an
//! atomic of its own; a page that is read in the middle of a change is off by that change.

mod text;

use std::sync::atomic::{AtomicU64, Ordering};

use text::{Figure, Page, figures, kinds};

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
    pub(crate) door: Door,
    pub(crate) switchboard: Switchboard,
    pub(crate) relay: Relay,
}

impl Metrics {
    /// All of it in Prometheus' text format, as version 0.0.4 of it has it.
    pub(crate) fn text(&self) -> String {
        let mut page = Page::default();
        self.door.write(&mut page);
        self.switchboard.write(&mut page);
        self.relay.write(&mut page);
        page.text()
    }
}

figures! {
    /// From the listening sockets to a WebSocket or a relay client.
    Door {
        /// Connections that are open now, at every stage.
        connections: Gauge = "sightline_connections",
        /// Connections taken, by how they came.
        accepted: Accepted = "sightline_connections_accepted_total",
        /// Connections that were not served, by reason.
        turned_away: TurnedAway = "sightline_connections_turned_away_total",
        /// When the certificate that is shown ends, in seconds since 1970; 0 where it does not matter.
        certificate_ends: Gauge = "sightline_certificate_ends_seconds",
    }
}

kinds! {
    Accepted by "kind" { plain, tls }
}

kinds! {
    TurnedAway by "reason" {
        // Every place is taken.
        full,
        // Too many at once, or too often, from one source.
        source,
        // After too many wrong hellos from one source.
        blamed,
        // No TLS handshake, or a wrong one.
        handshake,
        // Neither handshake nor request within the time.
        late,
        // A request that got an answer other than a WebSocket and other than a page.
        request,
    }
}

figures! {
    /// The switchboard: who is there, and what is handed on.
    Switchboard {
        /// Sessions that are connected now.
        sessions: Gauge = "sightline_sessions",
        /// Sessions whose connection broke and that may still be resumed.
        sessions_away: Gauge = "sightline_sessions_away",
        /// Calls known now.
        calls: Gauge = "sightline_calls",
        /// Hellos, by what came of them.
        hellos: Hellos = "sightline_hellos_total",
        /// Sessions ended because the same key connected anew.
        replaced: Counter = "sightline_sessions_replaced_total",
        /// Connections closed because they read too slowly or showed no sign of life.
        cut: Counter = "sightline_sessions_cut_total",
        /// Envelopes, by what came of them.
        envelopes: Envelopes = "sightline_envelopes_total",
        /// Bytes of the envelopes that were handed on.
        envelope_bytes: Counter = "sightline_envelope_bytes_total",
        /// Messages that were refused, by reason.
        refused: Refused = "sightline_messages_refused_total",
        /// Questions whether somebody is connected that were answered.
        questions: Counter = "sightline_presence_questions_total",
        /// Relay credentials given out.
        credentials: Counter = "sightline_relay_credentials_total",
    }
}

kinds! {
    Hellos by "result" { greeted, resumed, resume_unknown, refused, late }
}

kinds! {
    Envelopes by "result" { delivered, offline, overflowed }
}

kinds! {
    Refused by "reason" { malformed, too_large, too_many, too_many_calls, too_many_questions, not_allowed }
}

figures! {
    /// The relay: STUN and TURN.
    Relay {
        /// Relay threads that are running.
        threads: Gauge = "sightline_relay_threads",
        /// Allocations there are now.
        allocations: Gauge = "sightline_relay_allocations",
        /// Allocations that were granted.
        granted: Counter = "sightline_relay_allocations_granted_total",
        /// TCP and TLS connections of relay clients now.
        streams: Gauge = "sightline_relay_streams",
        /// Binding requests answered.
        bindings: Counter = "sightline_relay_bindings_total",
        /// Packets sent on, by direction: out is from clients to peers, in is from peers to clients.
        packets: Directions = "sightline_relay_packets_total",
        /// Payload of the packets sent on, in bytes, by direction.
        bytes: Directions = "sightline_relay_bytes_total",
        /// Packets sent on in memory, between two allocations of this server; they are among the others as well.
        packets_within: Counter = "sightline_relay_packets_within_total",
        /// Requests refused, by the code of the answer.
        refused: RefusedByCode = "sightline_relay_refused_total",
        /// Packets that came to nothing, by reason.
        dropped: Dropped = "sightline_relay_dropped_total",
    }
}

kinds! {
    Directions by "direction" { out, r#in }
}

kinds! {
    RefusedByCode by "code" {
        bad_request_400,
        unauthenticated_401,
        forbidden_403,
        unknown_attribute_420,
        mismatch_437,
        stale_nonce_438,
        family_440,
        wrong_credentials_441,
        transport_442,
        peer_family_443,
        quota_486,
        capacity_508,
    }
}

kinds! {
    Dropped by "reason" {
        malformed,
        no_allocation,
        no_channel,
        no_permission,
        denied,
        bandwidth,
        answers,
        // Between two relay threads.
        mailbox_full,
        // To a stream whose reader is slow.
        stream_full,
        // The system took it not.
        not_sent,
    }
}

#[cfg(test)]
mod tests;
