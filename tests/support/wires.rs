//! The paths between simulated peer connections: found, cut, healed and closed; and what is heard on them.
//!
//! Two connections have a path if they are of the same call and generation, agreed on the same descriptions, and neither
//! end's network is another than it was when they were made.

use std::time::Duration;

use sightline::logic::{
    call::PeerEvent,
    course::Link,
    legs::{LegEffect, Order},
    phone::Event,
};
use sightline_protocol::call::CallId;

use super::{
    peer::{self, Peer},
    world::{Due, Whose, World, millis, seconds},
};

/// How often the engine looks whether anything was heard. The real one looks twice as often, which tells nothing more.
const LISTEN: Duration = Duration::from_millis(200);
/// A call never has more connections open at one end.
const MOST_OPEN: usize = 3;
/// A connection that hears nothing fails for good after so long.
const FAILED_AFTER: Duration = Duration::from_secs(60);

/// One peer connection of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct End {
    pub(crate) whose: Whose,
    pub(crate) generation: u32,
}

impl World {
    pub(super) fn leg(&mut self, whose: Whose, effect: LegEffect) {
        match effect {
            LegEffect::Open { generation, why: _, only_direct } => {
                self.open(End { whose, generation }, only_direct);
            }
            LegEffect::Order { generation, order } => self.order(End { whose, generation }, order),
            LegEffect::Use { generation } => self.take_into_use(End { whose, generation }),
            LegEffect::Close { generation } => self.close(End { whose, generation }),
        }
    }

    fn open(&mut self, end: End, only_direct: bool) {
        let network = self.devices[end.whose.device].network;
        let peer = Peer { network, only_direct, ..Peer::default() };
        self.devices[end.whose.device].peers.insert((end.whose.call, end.generation), peer);
        let open = self.open_of(end.whose).len();
        let seen = self.seen_of(end.whose);
        let (is_twice, is_over) = (!seen.opened.insert(end.generation), seen.ended.is_some());
        let begins = !std::mem::replace(&mut seen.is_listening, true);
        self.wrong_if(is_twice || is_over, || format!("{end:?} opened twice, or after the end"));
        self.wrong_if(open > MOST_OPEN, || format!("{end:?} is one open connection too many"));
        if begins {
            self.due(LISTEN, Due::Listen(end.whose));
        }
    }

    fn order(&mut self, end: End, order: Order) {
        let time = self.rng.millis(self.faults.order_ms.clone());
        let is_told_too_early = self.seen_of(end.whose).is_hidden && matches!(order, Order::AddCandidate(_));
        self.wrong_if(is_told_too_early, || format!("{end:?} checks a stranger's candidates"));
        let Some(peer) = self.peer_of(end) else {
            self.wrongs.push(format!("{end:?} is ordered {order:?}, but is not there"));
            return;
        };
        peer.orders.push_back(order);
        if !std::mem::replace(&mut peer.is_working, true) {
            self.due(time, Due::Work(end));
        }
    }

    pub(super) fn work(&mut self, end: End) {
        let mark = self.planned.to_string();
        let Some(peer) = self.peer_of(end) else { return };
        let outcome = peer.work(&mark);
        let is_busy = !peer.orders.is_empty();
        peer.is_working = is_busy;
        let got = peer.got.clone();
        self.seen_of(end.whose).got.insert(end.generation, got);
        if let Some(complaint) = outcome.complaint {
            self.wrongs.push(format!("{end:?}: {complaint}"));
        }
        let time = self.rng.millis(self.faults.order_ms.clone());
        if is_busy {
            self.due(time, Due::Work(end));
        }
        for event in outcome.events {
            self.due(Duration::ZERO, Due::Peer(end, event));
        }
        if outcome.gather {
            self.gather(end, &mark);
        }
        self.look_for_path(end);
    }

    fn gather(&mut self, end: End, mark: &str) {
        let mut after = Duration::ZERO;
        let most = self.faults.most_candidates;
        for number in 0..most.min(1 + self.rng.below(most)) {
            after += self.rng.millis(self.faults.order_ms.clone());
            let found = peer::candidate(format!("{}.{mark}.{number}", end.whose.device));
            self.due(after, Due::Peer(end, PeerEvent::Candidate(found)));
        }
        self.due(after + millis(1), Due::Peer(end, PeerEvent::CandidatesDone));
    }

    fn look_for_path(&mut self, end: End) {
        let Some(other) = self.other_end(end) else { return };
        let ready = |world: &Self, end: End| {
            let peer = world.seen_peer(end)?;
            let is_new = !peer.is_looking && !peer.got.is_empty();
            is_new.then(|| peer.agreed.clone()).flatten()
        };
        let (Some(first), Some(second)) = (ready(self, end), ready(self, other)) else { return };
        if first != second {
            return;
        }
        let is_relayed = self.needs_relay;
        for end in [end, other] {
            let Some(peer) = self.peer_of(end) else { continue };
            peer.is_looking = true;
            peer.is_relayed = is_relayed;
            let after = self.rng.millis(1..400);
            self.due(after, Due::Link(end, Link::Checking));
        }
    }

    pub(super) fn link_becomes(&mut self, end: End, link: Link) {
        let needs_path = matches!(link, Link::PathFound | Link::Up);
        let Some(peer) = self.seen_peer(end).filter(|peer| peer.link != Some(Link::Closed)) else { return };
        let is_possible = !(peer.only_direct && peer.is_relayed);
        if needs_path && !self.hears(end) {
            // It tries on for as long as both ends are there.
            if self.other_end(end).is_some() {
                let after = self.rng.millis(50..400);
                self.due(after, Due::Link(end, link));
            }
            return;
        }
        self.peer_says(end, PeerEvent::Link(link));
        let next = match link {
            Link::Checking if is_possible => Link::PathFound,
            Link::PathFound => Link::Up,
            Link::New | Link::Checking | Link::Up | Link::Interrupted | Link::Failed | Link::Closed => return,
        };
        if link != self.faults.furthest {
            let after = self.rng.millis(1..400);
            self.due(after, Due::Link(end, next));
        }
    }

    /// A device finds that its first end of a call cannot be made, even if it was given up meanwhile.
    pub(crate) fn break_peer(&mut self, device: usize, call: CallId) {
        self.tell(device, Event::Peer { call, generation: 1, event: PeerEvent::Broken });
    }

    pub(super) fn peer_says(&mut self, end: End, event: PeerEvent) {
        let Some(peer) = self.peer_of(end) else { return };
        match &event {
            PeerEvent::Link(link) => peer.link = Some(*link),
            PeerEvent::Candidate(candidate) => {
                let line = candidate.line.clone();
                self.seen_of(end.whose).named.entry(end.generation).or_default().push(line);
            }
            PeerEvent::Description { .. }
            | PeerEvent::CandidatesDone
            | PeerEvent::Heard(_)
            | PeerEvent::Route { .. }
            | PeerEvent::Broken => {}
        }
        if !matches!(event, PeerEvent::Heard(_)) {
            self.note(|| format!("{}'s connection {}: {event:?}", end.whose.device, end.generation));
        }
        let (call, generation) = (end.whose.call, end.generation);
        self.tell(end.whose.device, Event::Peer { call, generation, event });
    }

    fn take_into_use(&mut self, end: End) {
        let is_up = self.link_of(end) == Some(Link::Up);
        self.wrong_if(!is_up, || format!("media moves to {end:?}, which is not up"));
        self.seen_of(end.whose).in_use = Some(end.generation);
        let Some(peer) = self.peer_of(end) else { return };
        peer.is_sent_on = true;
        let relayed = peer.is_relayed;
        self.due(millis(10), Due::Peer(end, PeerEvent::Route { relayed }));
    }

    fn close(&mut self, end: End) {
        let was_open = self.seen_of(end.whose).closed.insert(end.generation);
        self.wrong_if(!was_open, || format!("{end:?} closed twice"));
        let was_heard = self.hears(end) && self.link_of(end) == Some(Link::Up);
        let other = self.other_end(end);
        let there = self.devices[end.whose.device].peers.remove(&(end.whose.call, end.generation));
        self.wrong_if(there.is_none(), || format!("{end:?} closed, but was not open"));
        if was_heard && let Some(other) = other {
            let after = self.rng.millis(5..300);
            if self.link_of(other) == Some(Link::Up) {
                self.due(after, Due::Link(other, Link::Closed));
            }
        }
        if let Some(other) = other {
            self.expect_silence(other);
        }
    }

    pub(super) fn cut(&mut self, time: Duration) {
        self.cut_until = self.cut_until.max(self.now + time);
        let ends: Vec<_> = self.ends().collect();
        for end in ends {
            self.expect_silence(end);
        }
    }

    /// The network of a device is another: whatever it has open hears nothing any more.
    pub(super) fn change_network(&mut self, device: usize) {
        self.devices[device].network += 1;
        let ends: Vec<_> = self.ends().filter(|end| end.whose.device == device).collect();
        for end in ends {
            self.expect_silence_of_both(end);
        }
    }

    /// The path of the leg that is in use goes away for good.
    pub(super) fn flush(&mut self, device: usize) {
        let ends: Vec<_> = self.ends().filter(|end| end.whose.device == device).collect();
        for end in ends {
            if self.seen_of(end.whose).in_use == Some(end.generation) {
                if let Some(peer) = self.peer_of(end) {
                    peer.is_cut_off = true;
                }
                self.expect_silence_of_both(end);
            }
        }
    }

    fn expect_silence_of_both(&mut self, end: End) {
        self.expect_silence(end);
        if let Some(other) = self.other_end(end) {
            self.expect_silence(other);
        }
    }

    fn expect_silence(&mut self, end: End) {
        let after = self.rng.millis(2_500..3_500);
        self.due(after, Due::Silence(end));
    }

    pub(super) fn fall_silent(&mut self, end: End) {
        if !self.hears(end) && self.link_of(end) == Some(Link::Up) {
            let Some(peer) = self.peer_of(end) else { return };
            peer.interruptions += 1;
            let interruption = peer.interruptions;
            self.due(millis(200), Due::Healing(end));
            self.due(FAILED_AFTER, Due::Failing(end, interruption));
            self.peer_says(end, PeerEvent::Link(Link::Interrupted));
        }
    }

    pub(super) fn heal(&mut self, end: End) {
        if self.link_of(end) == Some(Link::Interrupted) {
            if self.hears(end) {
                self.peer_says(end, PeerEvent::Link(Link::Up));
            } else if self.other_end(end).is_some() {
                let after = self.rng.millis(100..500);
                self.due(after, Due::Healing(end));
            }
        }
    }

    pub(super) fn fail(&mut self, end: End, interruption: u32) {
        let is_the_same = self.seen_peer(end).is_some_and(|peer| peer.interruptions == interruption);
        if is_the_same && self.link_of(end) == Some(Link::Interrupted) {
            self.peer_says(end, PeerEvent::Link(Link::Failed));
        }
    }

    /// What the engine does with its beat.
    pub(super) fn listen(&mut self, whose: Whose) {
        if !self.is_alive(whose) {
            return;
        }
        let open = self.open_of(whose);
        if open.is_empty() {
            self.seen_of(whose).is_listening = false;
            return;
        }
        for end in open {
            let is_sent_on =
                |end| self.seen_peer(end).is_some_and(|peer| peer.is_sent_on && peer.link == Some(Link::Up));
            let hears = self.sends_media
                && self.link_of(end) == Some(Link::Up)
                && self.hears(end)
                && self.other_end(end).is_some_and(is_sent_on);
            if hears {
                let now = self.now;
                self.seen_of(whose).heard = Some((now, end.generation));
                self.peer_says(end, PeerEvent::Heard(now));
            }
        }
        self.due(LISTEN, Due::Listen(whose));
    }

    /// Its path stands.
    fn hears(&self, end: End) -> bool {
        let is_there = |end: End| {
            self.seen_peer(end).is_some_and(|peer| {
                peer.is_looking && !peer.is_cut_off && peer.network == self.devices[end.whose.device].network
            })
        };
        self.now >= self.cut_until && is_there(end) && self.other_end(end).is_some_and(is_there)
    }

    fn ends(&self) -> impl Iterator<Item = End> {
        self.devices.iter().enumerate().flat_map(|(number, device)| {
            device.peers.keys().map(move |&(call, generation)| End {
                whose: Whose { device: number, life: device.life, call },
                generation,
            })
        })
    }

    /// The connections that one end of a call has open.
    pub(crate) fn open_of(&self, whose: Whose) -> Vec<End> {
        self.ends().filter(|end| end.whose == whose).collect()
    }

    fn other_end(&self, end: End) -> Option<End> {
        self.devices.iter().enumerate().filter(|(number, _)| *number != end.whose.device).find_map(
            |(number, device)| {
                let whose = Whose { device: number, life: device.life, call: end.whose.call };
                let is_there = device.peers.contains_key(&(whose.call, end.generation));
                is_there.then_some(End { whose, generation: end.generation })
            },
        )
    }

    fn link_of(&self, end: End) -> Option<Link> {
        self.seen_peer(end)?.link
    }

    /// Whether any connection of that end is up.
    pub(super) fn any_up(&self, whose: Whose) -> bool {
        self.open_of(whose).into_iter().any(|end| self.link_of(end) == Some(Link::Up))
    }

    fn seen_peer(&self, end: End) -> Option<&Peer> {
        let device = self.devices.get(end.whose.device).filter(|_| self.is_alive(end.whose))?;
        device.peers.get(&(end.whose.call, end.generation))
    }

    fn peer_of(&mut self, end: End) -> Option<&mut Peer> {
        if !self.is_alive(end.whose) {
            return None;
        }
        self.devices[end.whose.device].peers.get_mut(&(end.whose.call, end.generation))
    }

    /// A device that went down is missed by whoever had a connection to it.
    pub(super) fn leave(&mut self, device: usize) {
        let ends: Vec<_> = self.ends().filter(|end| end.whose.device == device).collect();
        for other in ends.into_iter().filter_map(|end| self.other_end(end)).collect::<Vec<_>>() {
            self.expect_silence(other);
        }
    }

    /// Media comes, or would if there were any.
    pub(crate) fn carries(&self, device: usize) -> bool {
        let Some(call) = self.devices[device].phone.current().map(|call| call.id()) else { return false };
        let whose = Whose { device, life: self.devices[device].life, call };
        let heard = self.seen.get(&whose).and_then(|seen| seen.heard);
        let is_heard = heard.is_some_and(|(at, _)| self.now.saturating_duration_since(at) < seconds(1));
        self.any_up(whose) && (is_heard || !self.sends_media)
    }

    /// Whether the call of that device stands as a calm one does: connected, heard, on one and the same
    /// connection at both ends, and on no other.
    pub(crate) fn is_settled(&self, device: usize) -> Result<(), String> {
        let Some(call) = self.devices[device].phone.current().map(|call| call.id()) else {
            return Err(format!("{device} has no call"));
        };
        let whose = Whose { device, life: self.devices[device].life, call };
        let Some(seen) = self.seen.get(&whose) else {
            return Err(format!("{device} shows nothing of its call"));
        };
        // One that looks for a better path is no sign of unrest.
        let looks =
            |end| self.seen_peer(end).is_some_and(|peer| peer.only_direct && peer.link != Some(Link::Up));
        let open: Vec<_> = self.open_of(whose).into_iter().filter(|end| !looks(*end)).collect();
        let is_heard = !self.sends_media
            || seen.heard.is_some_and(|(at, leg)| {
                self.now.saturating_duration_since(at) < seconds(1) && Some(leg) == seen.in_use
            });
        let other = open.first().and_then(|end| self.other_end(*end)).map(|end| end.whose);
        let theirs = other.and_then(|other| self.seen.get(&other)).and_then(|other| other.in_use);
        if is_heard && open.len() == 1 && seen.in_use == theirs && self.any_up(whose) {
            return Ok(());
        }
        Err(format!(
            "{device} heard anything last {:?}, has {open:?} open and uses {:?}, the other end {theirs:?}",
            seen.heard.map(|(at, leg)| (self.now.saturating_duration_since(at), leg)),
            seen.in_use
        ))
    }
}
