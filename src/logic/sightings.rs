//! What the sockets of a call have seen: servers that were asked, and what they answered; pairs of addresses that were
//! tried, and whether anybody was there.
//!
//! The library that connects says nothing of this. But everything it says and hears goes through our sockets, so each
//! STUN message is noted here as it passes, and no second set of probes is needed.

mod relays;
mod stun;
#[cfg(test)]
mod tests;
mod watcher;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use relays::RelaySeen;
pub use watcher::{Heard, Watcher, is_first_request};

use super::servers::ServerUrl;

/// What is known of one server, asked from one address of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerSeen {
    /// Which, and how it is spoken to.
    pub url: ServerUrl,
    /// From which address of ours.
    pub from: IpAddr,
    /// What its name stands for, as far as it was used.
    pub address: Option<SocketAddr>,
    /// For streams: how long it took to reach it, with TLS where there is any.
    pub reached_ms: Option<f64>,
    /// Requests sent to it.
    pub asked: u32,
    /// Requests that it answered, whatever the answer.
    pub answered: u32,
    /// There and back, the last time.
    pub round_trip_ms: Option<f64>,
    /// When it gave what it was asked for, since the leg began.
    pub done_ms: Option<u64>,
    /// The address it sees us at.
    pub mapped: Option<SocketAddr>,
    /// The address it relays for us.
    pub relayed: Option<SocketAddr>,
    /// What stands in the way.
    pub trouble: Option<Trouble>,
}

/// Why a server gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Its name stands for nothing.
    NameUnknown,
    /// It has no address of the version of IP that we have.
    NoSuchAddressFamily,
    /// The system cannot send there.
    NoRoute,
    /// It is reached, and refuses connections.
    NothingListens,
    /// It cannot be reached, or does not answer.
    NoAnswer,
    /// The proxy on the way refuses.
    ProxyRefused {
        /// What it says.
        why: String,
    },
    /// It shows the wrong certificate.
    WrongCertificate {
        /// The pin of what it showed, where it showed anything.
        came: Option<String>,
        /// In words.
        why: String,
    },
    /// It refuses, with a code of STUN or TURN (401, 403, 437, 441, 442, 486, 508 …).
    Refused {
        /// The code.
        code: u16,
        /// Its own words.
        text: String,
    },
    /// The stream to it broke.
    Broken,
}

/// What is known of one pair of addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairSeen {
    /// Ours: an address of this computer, or one that a relay lends us.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
    /// Checks of ours.
    pub sent: u32,
    /// Answers to them.
    pub answered: u32,
    /// Checks of theirs.
    pub heard: u32,
    /// Answers of ours to them.
    pub replied: u32,
    /// There and back, the last time.
    pub round_trip_ms: Option<f64>,
    /// All that were measured, added up.
    #[serde(default)]
    pub round_trips_ms: f64,
    /// How many those are: an answer to a check that was repeated tells no time.
    #[serde(default)]
    pub round_trips: u32,
    /// When anything was last heard on it, since the leg began.
    pub last_heard_ms: Option<u64>,
    /// Everything that was sent on it, checks and media.
    pub bytes_sent: u64,
    /// Everything that was heard on it.
    pub bytes_received: u64,
}

/// What all sockets of a leg have seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sightings {
    /// Servers, one entry for each way and each address of ours.
    pub servers: Vec<ServerSeen>,
    /// Pairs of addresses.
    pub pairs: Vec<PairSeen>,
    /// What relays lend us.
    #[serde(default)]
    pub relays: Vec<RelaySeen>,
}
