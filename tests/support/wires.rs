//! The paths between simulated peer connections: found, cut, healed and closed.

use std::time::Duration;

use sightline::logic::{call::PeerEvent, course::Link, negotiation::Order, phone::Event};
use sightline_protocol::call::CallId;

use super::{
    peer::{self, Peer},
    world::{Due, Whose, World, millis},
};

impl World {
    pub(super) fn cut(&mut self, time: Duration) {
        self.cut_until = self.cut_until.max(self.now + time);
        let ends: Vec<_> = self.ends().collect();
        for whose in ends {
            let (silence, healing) = (self.rng.millis(2_500..3_500), self.rng.millis(0..500));
            self.due(silence, Due::Silence(whose));
            self.due(time + healing, Due::Healing(whose));
        }
    }

    pub(super) fn order(&mut self, whose: Whose, order: Order) {
        let time = self.rng.millis(self.faults.order_ms.clone());
        let Some(peer) = self.devices[whose.device].peers.get_mut(&whose.call) else {
            self.wrongs.push(format!("{} orders {order:?} of a connection that is not there", whose.device));
            return;
        };
        peer.orders.push_back(order);
        if !std::mem::replace(&mut peer.is_working, true) {
            self.due(time, Due::Work(whose));
        }
    }

    pub(super) fn work(&mut self, whose: Whose) {
        let mark = self.planned.to_string();
        let Some(peer) = self.peer_of(whose) else { return };
        let outcome = peer.work(&mark);
        let is_busy = !peer.orders.is_empty();
        peer.is_working = is_busy;
        let got = peer.got.clone();
        self.seen_of(whose).got = got;
        if let Some(complaint) = outcome.complaint {
            self.wrongs.push(format!("{} in {}: {complaint}", whose.device, whose.call));
        }
        let time = self.rng.millis(self.faults.order_ms.clone());
        if is_busy {
            self.due(time, Due::Work(whose));
        }
        for event in outcome.events {
            self.due(Duration::ZERO, Due::Peer(whose, event));
        }
        if outcome.gather {
            self.gather(whose, &mark);
        }
        self.look_for_path(whose.call);
    }

    fn gather(&mut self, whose: Whose, mark: &str) {
        let mut after = Duration::ZERO;
        let most = self.faults.most_candidates;
        for number in 0..most.min(1 + self.rng.below(most)) {
            after += self.rng.millis(self.faults.order_ms.clone());
            let found = peer::candidate(format!("{}.{mark}.{number}", whose.device));
            self.due(after, Due::Peer(whose, PeerEvent::Candidate(found)));
        }
        self.due(after + millis(1), Due::Peer(whose, PeerEvent::CandidatesDone));
    }

    fn look_for_path(&mut self, call: CallId) {
        let ends: Vec<_> = self.ends().filter(|whose| whose.call == call).collect();
        let [one, other] = ends[..] else { return };
        let ready = |world: &Self, whose: Whose| {
            let peer = world.devices[whose.device].peers.get(&call)?;
            let is_new = peer.agreed.is_some() && peer.agreed != peer.path_of;
            (is_new && peer.candidates > 0).then(|| peer.agreed.clone())
        };
        let (Some(first), Some(second)) = (ready(self, one), ready(self, other)) else { return };
        if first != second {
            return;
        }
        for whose in [one, other] {
            let Some(peer) = self.peer_of(whose) else { continue };
            peer.path_of.clone_from(&first);
            peer.epoch += 1;
            let epoch = peer.epoch;
            let mut after = Duration::ZERO;
            for link in [Link::Checking, Link::PathFound, Link::Up] {
                after += self.rng.millis(1..400);
                self.due(after, Due::Link(whose, epoch, link));
                if link == self.faults.furthest {
                    break;
                }
            }
        }
    }

    pub(super) fn link_becomes(&mut self, whose: Whose, epoch: u32, link: Link) {
        if self.peer_of(whose).is_none_or(|peer| peer.epoch != epoch || peer.link == Some(Link::Closed)) {
            return;
        }
        let needs_path = matches!(link, Link::PathFound | Link::Up);
        if needs_path && self.now < self.cut_until {
            let after = self.cut_until - self.now + self.rng.millis(1..400);
            self.due(after, Due::Link(whose, epoch, link));
        } else if !needs_path || self.other_end(whose).is_some() {
            self.peer_says(whose, PeerEvent::Link(link));
        }
    }

    /// A device finds that its end of a call cannot be made.
    pub(crate) fn break_peer(&mut self, device: usize, call: CallId) {
        let whose = Whose { device, life: self.devices[device].life, call };
        self.peer_says(whose, PeerEvent::Broken);
    }

    pub(super) fn peer_says(&mut self, whose: Whose, event: PeerEvent) {
        let Some(peer) = self.peer_of(whose) else { return };
        match &event {
            PeerEvent::Link(link) => peer.link = Some(*link),
            PeerEvent::Candidate(candidate) => {
                let line = candidate.line.clone();
                self.seen_of(whose).named.push(line);
            }
            PeerEvent::Description { .. } | PeerEvent::CandidatesDone | PeerEvent::Broken => {}
        }
        self.note(|| format!("{}'s connection: {event:?}", whose.device));
        self.tell(whose.device, Event::Peer { call: whose.call, event });
    }

    pub(super) fn close(&mut self, whose: Whose) {
        let seen = self.seen_of(whose);
        let was_open = seen.is_open && !std::mem::replace(&mut seen.is_closed, true);
        self.wrong_if(!was_open, || format!("{} closed {} once too often", whose.device, whose.call));
        let Some(peer) = self.devices[whose.device].peers.remove(&whose.call) else { return };
        let was_heard = self.now >= self.cut_until && peer.path_of.is_some() && peer.path_of == peer.agreed;
        if was_heard && let Some(other) = self.other_end(whose) {
            let after = self.rng.millis(5..300);
            if self.link_of(other) == Some(Link::Up)
                && let Some(epoch) = self.peer_of(other).map(|peer| peer.epoch)
            {
                self.due(after, Due::Link(other, epoch, Link::Closed));
            }
        }
        self.silence(whose);
    }

    pub(super) fn fall_silent(&mut self, whose: Whose) {
        if !self.hears(whose) && self.link_of(whose) == Some(Link::Up) {
            self.peer_says(whose, PeerEvent::Link(Link::Interrupted));
        }
    }

    pub(super) fn heal(&mut self, whose: Whose) {
        if self.hears(whose) && self.link_of(whose) == Some(Link::Interrupted) {
            self.peer_says(whose, PeerEvent::Link(Link::Up));
        }
    }

    fn hears(&self, whose: Whose) -> bool {
        self.other_end(whose).is_some() && self.now >= self.cut_until
    }

    /// Whoever is left of this connection hears nothing any more.
    pub(super) fn silence(&mut self, gone: Whose) {
        if let Some(other) = self.other_end(gone) {
            let after = self.rng.millis(2_500..3_500);
            self.due(after, Due::Silence(other));
        }
    }

    fn ends(&self) -> impl Iterator<Item = Whose> {
        self.devices.iter().enumerate().flat_map(|(number, device)| {
            device.peers.keys().map(move |call| Whose { device: number, life: device.life, call: *call })
        })
    }

    pub(super) fn other_end(&self, whose: Whose) -> Option<Whose> {
        self.ends().find(|other| other.call == whose.call && other.device != whose.device)
    }

    pub(super) fn link_of(&self, whose: Whose) -> Option<Link> {
        self.devices[whose.device].peers.get(&whose.call).filter(|_| self.is_alive(whose))?.link
    }

    pub(super) fn peer_of(&mut self, whose: Whose) -> Option<&mut Peer> {
        if !self.is_alive(whose) {
            return None;
        }
        self.devices[whose.device].peers.get_mut(&whose.call)
    }
}
