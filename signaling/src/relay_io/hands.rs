//! What does a relay's bidding: packets on their way, relay sockets opened and closed, the others told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use quinn_udp::{EcnCodepoint, RecvMeta};

use super::Shared;
use super::departures::{Departures, Way};
use super::mailbox::{Full, Mailbox, Neighbourly};
use super::outbox::Outbox;
use super::setup::Plan;
use super::sockets::{self, Place, Sockets};
use crate::relay::{
    AllocationId, Client, Destination, Effect, Event, Family, Forward, PortWish, Relay, StreamId, Via,
};

/// An answer that grants an allocation begins like this.
const ALLOCATED: [u8; 2] = [0x01, 0x03];

pub(super) struct Hands {
    index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) sockets: Sockets,
    pub(super) streams: HashMap<StreamId, Arc<Outbox>>,
    plan: Arc<Plan>,
    places: HashMap<AllocationId, usize>,
    /// Where the last packet to a peer went out: the next one's allocation is most often the same.
    last: Option<(AllocationId, usize)>,
    departures: Departures,
    /// Threads that were left packets in this turn, to be woken behind the last.
    to_wake: Vec<bool>,
    stream_full: u64,
    mailbox_full: u64,
}

impl Hands {
    pub(super) fn new(index: usize, shared: Arc<Shared>, plan: Arc<Plan>, sockets: Sockets) -> Self {
        Self {
            index,
            sockets,
            streams: HashMap::new(),
            plan,
            places: HashMap::new(),
            last: None,
            departures: Departures::new(),
            to_wake: vec![false; shared.mailboxes.len()],
            stream_full: 0,
            mailbox_full: 0,
            shared,
        }
    }

    /// This thread's own.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.shared.mailboxes[self.index]
    }

    /// A packet that was read from one of our sockets.
    pub(super) fn arrived(
        &mut self,
        relay: &mut Relay,
        place: Place,
        meta: &RecvMeta,
        packet: &[u8],
        now: Instant,
    ) {
        let forward = match place {
            Place::Listening(socket) => {
                let face = self.plan.face(socket, meta.dst_ip);
                relay.from_client(Client { via: Via::Udp(face), remote: meta.addr }, packet, now)
            }
            Place::Relay(place) => {
                let Some(allocation) = self.sockets.allocation(place) else { return };
                relay.from_peer(allocation, meta.addr, packet, now)
            }
        };
        self.carry(forward, meta.ecn);
    }

    /// Sends a packet on. What the network said about congestion goes with it.
    pub(super) fn carry(&mut self, forward: Option<Forward<'_>>, ecn: Option<EcnCodepoint>) {
        let Some(Forward { to, head, payload, tail }) = forward else { return };
        let zeros = [0; 3];
        let parts = [head.bytes(), payload, zeros.get(..usize::from(tail)).unwrap_or_default()];
        match to {
            Destination::Peer { via, to } => {
                if let Some(place) = self.place(via) {
                    let way = Way { out: Place::Relay(place), from: None, to, ecn };
                    self.departures.add(&mut self.sockets, way, parts);
                }
            }
            Destination::Client(client) => self.hand_over(client, parts, ecn),
            Destination::Neighbour { relayed, from, scope } => {
                let Some(owner) = self.shared.ports.owner(Family::of(relayed.ip()), relayed.port()) else {
                    return;
                };
                match self.shared.mailboxes[owner].neighbour(Neighbourly { relayed, from, scope }, payload) {
                    Ok(()) => {}
                    Err(Full) => self.mailbox_full += 1,
                }
                self.to_wake[owner] = true;
            }
        }
    }

    /// Does what the relay has asked for.
    pub(super) fn obey(&mut self, relay: &mut Relay, now: Instant) {
        while let Some(effect) = relay.poll_effect() {
            match effect {
                Effect::Reply { client, bytes } => {
                    if let Via::Stream(stream) = client.via
                        && bytes.starts_with(&ALLOCATED)
                        && let Some(outbox) = self.streams.get(&stream)
                    {
                        outbox.allocated();
                    }
                    self.hand_over(client, [&[], &bytes, &[]], None);
                }
                Effect::Bind { allocation, family, port } => {
                    let event = match self.bind(allocation, family, port) {
                        Some(relayed) => Event::Bound { allocation, relayed },
                        None => Event::NotBound { allocation },
                    };
                    relay.handle(event, now);
                }
                Effect::Release { allocation } => {
                    if let Some(place) = self.places.remove(&allocation) {
                        // Its last packets go out first: an answer may be among them.
                        self.departures.leave(&mut self.sockets);
                        self.last = None;
                        self.close(place);
                    }
                }
                Effect::Tell(news) => {
                    let others =
                        self.shared.mailboxes.iter().enumerate().filter(|(index, _)| *index != self.index);
                    for (_, mailbox) in others {
                        mailbox.tell(news.clone());
                    }
                }
                Effect::CloseStream { client } => {
                    if let Via::Stream(stream) = client.via
                        && let Some(outbox) = self.streams.get(&stream)
                    {
                        outbox.close();
                    }
                }
            }
        }
    }

    /// Sends what waits, and wakes whom something was left for.
    pub(super) fn leave(&mut self) {
        self.departures.leave(&mut self.sockets);
        for (index, to_wake) in self.to_wake.iter_mut().enumerate() {
            if std::mem::take(to_wake) {
                self.shared.mailboxes[index].wake();
            }
        }
    }

    /// Adds what was lost here to what is counted.
    pub(super) fn show_lost(&mut self) {
        let dropped = &self.shared.metrics.relay.dropped;
        dropped.not_sent.add(std::mem::take(&mut self.departures.not_sent));
        dropped.stream_full.add(std::mem::take(&mut self.stream_full));
        dropped.mailbox_full.add(std::mem::take(&mut self.mailbox_full));
    }

    pub(super) fn close_everything(&mut self) {
        self.mailbox().close();
        for outbox in self.streams.values() {
            outbox.close();
        }
        for (_, place) in std::mem::take(&mut self.places) {
            self.close(place);
        }
    }

    #[cfg(test)]
    pub(super) fn spring_trap(&self) {
        let trapped = *super::mailbox::lock(&self.shared.trap);
        assert_ne!(trapped, Some(self.index), "a panic for a test");
    }

    fn hand_over(&mut self, client: Client, parts: [&[u8]; 3], ecn: Option<EcnCodepoint>) {
        match client.via {
            Via::Udp(face) => {
                if let Some((out, from)) = self.sockets.face(usize::from(face.0)) {
                    let way = Way { out, from, to: client.remote, ecn };
                    self.departures.add(&mut self.sockets, way, parts);
                }
            }
            Via::Stream(stream) => match self.streams.get(&stream).map(|outbox| outbox.put(parts)) {
                Some(Ok(())) | None => {}
                Some(Err(Full)) => self.stream_full += 1,
            },
        }
    }

    fn place(&mut self, allocation: AllocationId) -> Option<usize> {
        if let Some((last, place)) = self.last
            && last == allocation
        {
            return Some(place);
        }
        let place = *self.places.get(&allocation)?;
        self.last = Some((allocation, place));
        Some(place)
    }

    /// Opens a relay socket on a random free port. Returns its address as others see it.
    fn bind(&mut self, allocation: AllocationId, family: Family, wish: PortWish) -> Option<SocketAddr> {
        let home = self.plan.home(family)?;
        let random = match getrandom::u32() {
            Ok(random) => random,
            Err(error) => {
                tracing::error!("no relay port, for the system gives no random number: {error}");
                return None;
            }
        };
        if !self.shared.enter() {
            return None;
        }
        let open = |port| sockets::relay(SocketAddr::new(home.bind, port)).ok();
        let opened =
            self.shared.ports.claim(self.index, family, wish, random, open).and_then(|(port, socket)| {
                match self.sockets.open(socket, allocation, family, port) {
                    Ok(place) => Some((port, place)),
                    Err(error) => {
                        tracing::warn!("a relay socket cannot be used: {error}");
                        self.shared.ports.give_back(family, port);
                        None
                    }
                }
            });
        let Some((port, place)) = opened else {
            self.shared.leave();
            return None;
        };
        self.places.insert(allocation, place);
        Some(SocketAddr::new(home.told, port))
    }

    fn close(&mut self, place: usize) {
        let Some(relayed) = self.sockets.close(place) else { return };
        let (family, port) = (relayed.family, relayed.port);
        drop(relayed);
        self.shared.ports.give_back(family, port);
        self.shared.leave();
    }
}
