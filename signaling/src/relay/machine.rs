//! The machine: what it knows, and its verbs.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::{AllocationId, Client, Counts, Effect, Epoch, Event, Forward, Rules, ScopeId, Why};

/// One relay thread's relay.
pub(crate) struct Relay {
    rules: Rules,
    epoch: Epoch,
    effects: VecDeque<Effect>,
    counts: Counts,
}

impl Relay {
    pub(crate) fn new(rules: Rules, epoch: Epoch) -> Self {
        Self { rules, epoch, effects: VecDeque::new(), counts: Counts::default() }
    }

    /// A packet from a client: one datagram, or one message of a stream.
    pub(crate) fn from_client<'p>(
        &mut self,
        _client: Client,
        _packet: &'p [u8],
        _now: Instant,
    ) -> Option<Forward<'p>> {
        self.counts.dropped.malformed += 1;
        None
    }

    /// A datagram that arrived at an allocation's relay socket.
    pub(crate) fn from_peer<'p>(
        &mut self,
        _at: AllocationId,
        _peer: SocketAddr,
        _payload: &'p [u8],
        _now: Instant,
    ) -> Option<Forward<'p>> {
        self.counts.dropped.no_allocation += 1;
        None
    }

    /// A payload from an allocation of another relay thread, for one of this.
    pub(crate) fn from_neighbour<'p>(
        &mut self,
        _relayed: SocketAddr,
        _from: SocketAddr,
        _scope: ScopeId,
        _payload: &'p [u8],
        _now: Instant,
    ) -> Option<Forward<'p>> {
        self.counts.dropped.no_allocation += 1;
        None
    }

    pub(crate) fn handle(&mut self, _event: Event, _now: Instant) {}

    pub(crate) fn handle_timeout(&mut self, _now: Instant) {}

    /// When to call `handle_timeout`, and for what.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Why)> {
        None
    }

    /// What is to be done, in this order, until there is nothing left.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}
