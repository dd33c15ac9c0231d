//! The machine: what it knows, its verbs, and the way of data through it. Requests are in `control.rs`, what comes and
//! goes in `life.rs`.
//!
//! A packet costs one look-up of its client or of its peer, one of its channel, and arithmetic. What depends on nothing
//! that changes (which ways lead to a peer) is found when the channel is bound.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ring::hmac;

use super::address::Policy;
use super::allocation::{Allocation, Shut, Way};
use super::answers::Answers;
use super::head;
use super::nonce::Nonces;
use super::rate::{Allowance, Rate};
use super::scopes::{Holder, Scopes};
use super::slots::Slots;
use super::{
    AllocationId, Client, Counts, Destination, Effect, Epoch, Event, Forward, Head, Reach, Rules, ScopeId,
    Why,
};

/// One relay thread's relay.
pub(crate) struct Relay {
    pub(super) rules: Rules,
    pub(super) epoch: Epoch,
    pub(super) policy: Policy,
    pub(super) nonces: Nonces,
    pub(super) answers: Answers,
    pub(super) scopes: Scopes,
    pub(super) allocations: Slots<Allocation>,
    /// One entry for each of `allocations`.
    pub(super) clients: HashMap<Client, AllocationId>,
    /// Every relayed address of this server that is known here, this thread's and the others'.
    pub(super) relays: HashMap<SocketAddr, Relayed>,
    /// How many of `relays` are others'.
    pub(super) elsewhere: usize,
    /// One entry for each of `allocations`.
    pub(super) deadlines: BTreeSet<(Instant, Why)>,
    each: Rate,
    total: Option<Rate>,
    total_so_far: Allowance,
    /// The transaction of the last Data indication. Nobody answers one, so it only has to be new each time.
    transaction: u128,
    pub(super) effects: VecDeque<Effect>,
    pub(super) counts: Counts,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Relayed {
    pub(super) scope: ScopeId,
    pub(super) owner: Owner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Here(AllocationId),
    Elsewhere,
}

/// Where a packet for an allocation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Network,
    /// Another allocation of this server, where it was counted already.
    Within,
}

/// Why a packet came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Malformed,
    NoAllocation,
    NoChannel,
    NoPermission,
    Denied,
    Bandwidth,
}

impl From<Shut> for Lost {
    fn from(shut: Shut) -> Self {
        match shut {
            Shut::NoChannel => Self::NoChannel,
            Shut::NoPermission => Self::NoPermission,
        }
    }
}

#[expect(clippy::wrong_self_convention, reason = "a packet comes from somebody; nothing is converted")]
impl Relay {
    pub(crate) fn new(rules: Rules, epoch: Epoch) -> Self {
        let start = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &rules.key), b"transactions");
        let transaction =
            start.as_ref().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
        let total = rules.limits.total_bytes_per_second;
        Self {
            policy: Policy::new(&rules),
            nonces: Nonces::new(&rules.key),
            answers: Answers::new(rules.limits.answers_per_second, &rules.key, epoch.at),
            scopes: Scopes::new(rules.scopes),
            allocations: Slots::new(),
            clients: HashMap::new(),
            relays: HashMap::new(),
            elsewhere: 0,
            deadlines: BTreeSet::new(),
            each: Rate::new(rules.limits.bytes_per_second),
            total: (total > 0).then(|| Rate::new(total)),
            total_so_far: Allowance::full(epoch.at),
            transaction,
            effects: VecDeque::new(),
            counts: Counts::default(),
            rules,
            epoch,
        }
    }

    /// A packet from a client: one datagram, or one message of a stream.
    pub(crate) fn from_client<'p>(
        &mut self,
        client: Client,
        packet: &'p [u8],
        now: Instant,
    ) -> Option<Forward<'p>> {
        if head::is_channel_data(packet) {
            let outcome = self.on_channel_data(client, packet, now);
            self.counted(outcome)
        } else if head::is_send_indication(packet) {
            let outcome = self.on_send_indication(client, packet, now);
            self.counted(outcome)
        } else {
            self.on_control(client, packet, now);
            None
        }
    }

    /// A datagram that arrived at an allocation's relay socket.
    pub(crate) fn from_peer<'p>(
        &mut self,
        at: AllocationId,
        peer: SocketAddr,
        payload: &'p [u8],
        now: Instant,
    ) -> Option<Forward<'p>> {
        let outcome = self.on_peer(at, peer, payload, now);
        self.counted(outcome)
    }

    /// A payload from an allocation of another relay thread, for one of this.
    pub(crate) fn from_neighbour<'p>(
        &mut self,
        relayed: SocketAddr,
        from: SocketAddr,
        scope: ScopeId,
        payload: &'p [u8],
        now: Instant,
    ) -> Option<Forward<'p>> {
        let outcome = match self.relays.get(&relayed) {
            Some(Relayed { owner: Owner::Here(to), scope: there }) if self.may_meet(scope, *there) => {
                self.deliver(Source::Within, *to, from, payload, now)
            }
            Some(Relayed { owner: Owner::Here(_), .. }) => Err(Lost::Denied),
            Some(Relayed { owner: Owner::Elsewhere, .. }) | None => Err(Lost::NoAllocation),
        };
        self.counted(outcome)
    }

    pub(crate) fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Bound { allocation, relayed } => self.on_bound(allocation, relayed, now),
            Event::NotBound { allocation } => self.on_not_bound(allocation),
            Event::StreamClosed { client } => {
                if let Some(allocation) = self.clients.get(&client) {
                    self.release(*allocation);
                }
            }
            Event::News(news) => self.on_news(news),
        }
    }

    /// Ends what has run out.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, Why::Allocation(allocation))) = self.deadlines.first().copied() {
            if now < at {
                break;
            }
            self.release(allocation);
        }
    }

    /// When to call `handle_timeout`, and for what.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Why)> {
        self.deadlines.first().copied()
    }

    /// What is to be done, in this order, until there is nothing left.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { allocations: self.allocations.len() as u64, ..self.counts }
    }

    fn on_channel_data<'p>(
        &mut self,
        client: Client,
        packet: &'p [u8],
        now: Instant,
    ) -> Result<Forward<'p>, Lost> {
        let (number, payload) = head::channel_data(packet).ok_or(Lost::Malformed)?;
        let (id, allocation) = self.live(client, now)?;
        let channel = *allocation.peers.channel(number, now)?;
        self.send(id, channel.peer, channel.way, payload, now)
    }

    fn on_send_indication<'p>(
        &mut self,
        client: Client,
        packet: &'p [u8],
        now: Instant,
    ) -> Result<Forward<'p>, Lost> {
        let (peer, payload) = head::send_indication(packet).ok_or(Lost::Malformed)?;
        let (id, allocation) = self.live(client, now)?;
        if !allocation.peers.is_permitted(peer.ip(), now) {
            return Err(Lost::NoPermission);
        }
        let way = self.way_of_permitted(allocation.holder, peer).ok_or(Lost::Denied)?;
        self.send(id, peer, way, payload, now)
    }

    fn on_peer<'p>(
        &mut self,
        at: AllocationId,
        peer: SocketAddr,
        payload: &'p [u8],
        now: Instant,
    ) -> Result<Forward<'p>, Lost> {
        // A kernel may add a flow or a zone, which no client names.
        let peer = SocketAddr::new(peer.ip(), peer.port());
        let allocation = self.allocations.get(at.0).ok_or(Lost::NoAllocation)?;
        // What comes from a relayed address of ours comes in memory, or is not what it says.
        let is_ours = self.policy.relays_from(peer.ip());
        if is_ours && (self.relays.contains_key(&peer) || !self.may_leave(allocation.holder, peer)) {
            return Err(Lost::Denied);
        }
        self.deliver(Source::Network, at, peer, payload, now)
    }

    fn live(&self, client: Client, now: Instant) -> Result<(AllocationId, &Allocation), Lost> {
        let id = *self.clients.get(&client).ok_or(Lost::NoAllocation)?;
        let allocation = self.allocations.get(id.0).filter(|allocation| now < allocation.expires);
        Ok((id, allocation.ok_or(Lost::NoAllocation)?))
    }

    /// Out of an allocation, to a peer that it may send to.
    fn send<'p>(
        &mut self,
        id: AllocationId,
        peer: SocketAddr,
        way: Way,
        payload: &'p [u8],
        now: Instant,
    ) -> Result<Forward<'p>, Lost> {
        let allocation = self.allocations.get_mut(id.0).ok_or(Lost::NoAllocation)?;
        let relayed = allocation.relayed.ok_or(Lost::NoAllocation)?;
        if !allocation.outward.take(payload.len(), self.each, now) {
            return Err(Lost::Bandwidth);
        }
        let scope = allocation.holder.scope;
        if !self.is_within_total(payload.len(), now) {
            return Err(Lost::Bandwidth);
        }
        let there = if way.within { self.relays.get(&peer).copied() } else { None };
        let forward = match there {
            Some(there) if !self.may_meet(scope, there.scope) => return Err(Lost::Denied),
            Some(Relayed { owner: Owner::Here(to), .. }) => {
                self.counts.packets_within += 1;
                self.deliver(Source::Within, to, relayed, payload, now)?
            }
            Some(Relayed { owner: Owner::Elsewhere, .. }) => {
                self.counts.packets_within += 1;
                let to = Destination::Neighbour { relayed: peer, from: relayed, scope };
                Forward { to, head: Head::none(), payload, tail: 0 }
            }
            None if way.out => {
                let to = Destination::Peer { via: id, to: peer };
                Forward { to, head: Head::none(), payload, tail: 0 }
            }
            None => return Err(Lost::Denied),
        };
        self.counts.packets_out += 1;
        self.counts.bytes_out += payload.len() as u64;
        Ok(forward)
    }

    /// Into an allocation, and so to its client.
    fn deliver<'p>(
        &mut self,
        source: Source,
        id: AllocationId,
        from: SocketAddr,
        payload: &'p [u8],
        now: Instant,
    ) -> Result<Forward<'p>, Lost> {
        let allocation = self.allocations.get_mut(id.0).filter(|allocation| now < allocation.expires);
        let allocation = allocation.ok_or(Lost::NoAllocation)?;
        let channel = allocation.peers.open_for(from, now)?;
        if !allocation.inward.take(payload.len(), self.each, now) {
            return Err(Lost::Bandwidth);
        }
        let client = allocation.client;
        if source == Source::Network && !self.is_within_total(payload.len(), now) {
            return Err(Lost::Bandwidth);
        }
        let head = match channel {
            Some(number) => Head::of_channel(number, payload.len(), client.via),
            None => Head::of_data_indication(from, payload.len(), self.next_transaction()),
        };
        let (head, tail) = head.ok_or(Lost::Malformed)?;
        self.counts.packets_in += 1;
        self.counts.bytes_in += payload.len() as u64;
        Ok(Forward { to: Destination::Client(client), head, payload, tail })
    }

    /// Whether the allocations of two calls may exchange packets, if they permit each other.
    fn may_meet(&self, one: ScopeId, other: ScopeId) -> bool {
        match self.rules.reach {
            Reach::Call => one == other,
            Reach::Public => true,
        }
    }

    fn is_within_total(&mut self, bytes: usize, now: Instant) -> bool {
        self.total.is_none_or(|rate| self.total_so_far.take(bytes, rate, now))
    }

    fn next_transaction(&mut self) -> [u8; 12] {
        // A linear congruence over 128 bits, of which the upper 96 go out.
        self.transaction =
            self.transaction.wrapping_mul(0xda94_2042_e4dd_58b5).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&self.transaction.to_be_bytes()[..12]);
        transaction
    }

    /// Whether packets for this holder may leave for this address, by the table and by its call.
    pub(super) fn may_leave_for(&self, holder: Holder, ip: IpAddr) -> bool {
        if let Err(denied) = self.policy.judge(ip) {
            tracing::debug!(%denied, "a peer was refused");
            return false;
        }
        match self.rules.reach {
            Reach::Call => self.scopes.other_was_seen(holder, ip),
            Reach::Public => true,
        }
    }

    fn may_leave(&self, holder: Holder, peer: SocketAddr) -> bool {
        self.policy.judge_port(peer).is_ok() && self.may_leave_for(holder, peer.ip())
    }

    /// Which ways lead to a peer; `None` where none does.
    pub(super) fn way(&self, holder: Holder, peer: SocketAddr) -> Option<Way> {
        let way = Way { within: self.policy.may_be_relayed(peer), out: self.may_leave(holder, peer) };
        (way.within || way.out).then_some(way)
    }

    /// The same for a peer that there is a permission for: unless its address is ours, only its port is left to judge.
    fn way_of_permitted(&self, holder: Holder, peer: SocketAddr) -> Option<Way> {
        if self.policy.relays_from(peer.ip()) {
            return self.way(holder, peer);
        }
        self.policy.judge_port(peer).ok().map(|()| Way { within: false, out: true })
    }

    fn counted<'p>(&mut self, outcome: Result<Forward<'p>, Lost>) -> Option<Forward<'p>> {
        let dropped = &mut self.counts.dropped;
        let count = match outcome {
            Ok(forward) => return Some(forward),
            Err(Lost::Malformed) => &mut dropped.malformed,
            Err(Lost::NoAllocation) => &mut dropped.no_allocation,
            Err(Lost::NoChannel) => &mut dropped.no_channel,
            Err(Lost::NoPermission) => &mut dropped.no_permission,
            Err(Lost::Denied) => &mut dropped.denied,
            Err(Lost::Bandwidth) => &mut dropped.bandwidth,
        };
        *count += 1;
        None
    }
}
