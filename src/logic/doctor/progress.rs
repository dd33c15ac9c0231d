//! An examination that is under way: what its parts have come to so far, and what can be said already.
//!
//! Each finding rests on some of the parts. It is told as soon as all of these are known and not before, so nothing that was
//! told is ever taken back. What all of it means is said at the end.

use super::{Finding, Nat, Observations, PlainHttp, RelayTried, Server, StunAsked, findings};
use crate::logic::network_change::NetworkSeen;

/// So many parts has an examination.
pub const PARTS: usize = 5;

/// What a part of an examination has come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// The addresses of this computer, and its ways out.
    Network(NetworkSeen),
    /// The server and its switchboard.
    Server(Box<Server>),
    /// What answered a plain HTTP request to the same host, where one was made.
    PlainHttp(Option<PlainHttp>),
    /// How others see us.
    Outside {
        /// Every STUN server that was asked.
        stun: Vec<StunAsked>,
        /// What stands between.
        nats: Vec<Nat>,
    },
    /// Every way to the relay.
    Relays(Vec<RelayTried>),
}

/// Which parts are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) network: bool,
    pub(super) server: bool,
    pub(super) plain_http: bool,
    pub(super) outside: bool,
    pub(super) relays: bool,
}

impl Known {
    /// Nothing more will come.
    pub(super) const ALL: Self =
        Self { network: true, server: true, plain_http: true, outside: true, relays: true };
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    seen: Observations,
    known: Known,
}

impl Progress {
    /// Nothing is known yet.
    pub fn new(began_unix_ms: u64) -> Self {
        Self { seen: Observations { began_unix_ms, ..Observations::default() }, known: Known::default() }
    }

    /// A part is known. Gives everything that can be said by now.
    pub fn take(&mut self, part: Part) -> Vec<Finding> {
        let (seen, known) = (&mut self.seen, &mut self.known);
        match part {
            Part::Network(network) => (seen.network, known.network) = (network, true),
            Part::Server(server) => {
                let plain_http = seen.server.plain_http.take();
                (seen.server, known.server) = (Server { plain_http, ..*server }, true);
            }
            Part::PlainHttp(plain_http) => (seen.server.plain_http, known.plain_http) = (plain_http, true),
            Part::Outside { stun, nats } => (seen.stun, seen.nats, known.outside) = (stun, nats, true),
            Part::Relays(relays) => (seen.relays, known.relays) = (relays, true),
        }
        findings::so_far(seen, *known)
    }
}
