//! The peer connections of one call, as they run.
//!
//! Which there are is decided in `logic::legs`. A leg that was asked for before it is known which servers it may use waits
//! here, with the orders it was given: a peer connection takes servers only when it is made.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::logic::{bandwidth, call::PeerEvent, legs::Order, path::PathPolicy, servers::Servers};

use super::{
    calling::Surroundings,
    outlet::Outlet,
    ports::{FrameSink, Peer, PeerSetup},
    room::{Room, RoomInUse},
};

/// How long a leg waits to hear of servers. Without them it has the addresses of this computer to offer, which may do.
const SERVERS_WITHIN: Duration = Duration::from_millis(1500);
/// A leg begins with at least this, whatever the one before it had room for.
const LEAST_START_BPS: u32 = 300_000;
/// Orders that wait with a leg. An other side that sends more gains nothing: the rest is dropped.
const MAX_WAITING: usize = 256;

/// The legs of one call, and where its packets leave.
pub(super) struct LegEnds {
    legs: BTreeMap<u32, LegEnd>,
    in_use: Option<u32>,
    pub(super) video: Arc<Outlet>,
    pub(super) audio: Arc<Outlet>,
    asker: Arc<Mutex<Option<Asker>>>,
    pub(super) room: Arc<RoomInUse>,
}

type Asker = Arc<dyn Fn() + Send + Sync>;

enum LegEnd {
    Waiting { since: Instant, only_direct: bool, bind: Vec<IpAddr>, orders: Vec<Order> },
    Open { peer: Box<dyn Peer>, heard: Option<Instant>, room: Arc<Room> },
}

impl Default for LegEnds {
    fn default() -> Self {
        Self {
            legs: BTreeMap::new(),
            in_use: None,
            video: Arc::new(Outlet::on_newest_leg()),
            audio: Arc::new(Outlet::on_all_legs()),
            asker: Arc::default(),
            room: Arc::default(),
        }
    }
}

impl LegEnds {
    /// Remembers that a leg is wanted, from these addresses (all usable ones where empty). It is made by
    /// [`Self::open_waiting`].
    pub(super) fn want(&mut self, generation: u32, only_direct: bool, bind: Vec<IpAddr>, now: Instant) {
        self.legs.insert(generation, LegEnd::Waiting { since: now, only_direct, bind, orders: Vec::new() });
    }

    /// Makes the legs that wait for nothing any more. `false` for each that takes no orders.
    pub(super) fn open_waiting(
        &mut self,
        mut setup: impl FnMut(u32, PathPolicy, Servers, Vec<IpAddr>, Arc<Room>) -> PeerSetup,
        around: &Surroundings<'_>,
        now: Instant,
    ) -> bool {
        let mut all = true;
        for (&generation, leg) in &mut self.legs {
            let LegEnd::Waiting { since, only_direct, bind, orders } = leg else { continue };
            if !around.servers_decided && !*only_direct && now < *since + SERVERS_WITHIN {
                continue;
            }
            // Who shows nobody their addresses does not for a better path either.
            let direct = *only_direct && !around.path.needs_relay();
            let policy = if direct { PathPolicy::Direct } else { around.path };
            let all_allowed = around.servers.clone();
            let servers = if *only_direct { all_allowed.allowed_by(policy) } else { all_allowed };
            let (bind, orders) = (std::mem::take(bind), std::mem::take(orders));
            // What the old path had room for says little of the new one, but more than nothing where it was little.
            let start_bps = self.room.look().target_bps.clamp(LEAST_START_BPS, bandwidth::START_BPS);
            let room = Arc::new(Room::beginning_with(start_bps));
            let peer = around.peers.open(setup(generation, policy, servers, bind, room.clone()));
            all &= orders.into_iter().all(|order| peer.order(order));
            *leg = LegEnd::Open { peer, heard: None, room };
        }
        all
    }

    /// When a leg has waited long enough.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.legs.values().filter_map(|leg| match leg {
            LegEnd::Waiting { since, .. } => Some(*since + SERVERS_WITHIN),
            LegEnd::Open { .. } => None,
        });
        waiting.min()
    }

    /// Gives a leg an order. `false` where it takes none; a leg that is gone needs none.
    pub(super) fn order(&mut self, generation: u32, order: Order) -> bool {
        match self.legs.get_mut(&generation) {
            None => true,
            Some(LegEnd::Waiting { orders, .. }) => {
                if orders.len() < MAX_WAITING {
                    orders.push(order);
                }
                true
            }
            Some(LegEnd::Open { peer, .. }) => peer.order(order),
        }
    }

    /// Says a sealed message over the leg in use. `false` where that does not go.
    pub(super) fn say(&self, sealed: &[u8]) -> bool {
        let used = self.in_use.and_then(|generation| self.legs.get(&generation));
        used.is_some_and(|leg| matches!(leg, LegEnd::Open { peer, .. } if peer.say(sealed)))
    }

    /// Media goes there from now on.
    pub(super) fn take_into_use(&mut self, generation: u32) {
        if let Some(LegEnd::Open { peer, room, .. }) = self.legs.get(&generation) {
            self.in_use = Some(generation);
            self.room.take_into_use(room.clone());
            self.video.take_into_use(generation, peer.video_out());
            self.audio.take_into_use(generation, peer.audio_out());
            *self.asker.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer.key_frame_asker());
        }
    }

    /// Where frames of files leave.
    pub(super) fn files_out(&self) -> Option<Arc<dyn FrameSink>> {
        match self.legs.get(&self.in_use?)? {
            LegEnd::Open { peer, .. } => Some(peer.files_out()),
            LegEnd::Waiting { .. } => None,
        }
    }

    /// Which leg carries the call.
    pub(super) fn in_use(&self) -> Option<u32> {
        self.in_use
    }

    /// Lets go of a leg.
    pub(super) fn close(&mut self, generation: u32) {
        self.video.leave(generation);
        self.audio.leave(generation);
        self.legs.remove(&generation);
    }

    /// Lets go of all.
    pub(super) fn close_all(&mut self) {
        for generation in std::mem::take(&mut self.legs).into_keys() {
            self.video.leave(generation);
            self.audio.leave(generation);
        }
    }

    /// Asks the other side for a key frame, on whatever leg is in use then.
    pub(super) fn key_frame_asker(&self) -> Asker {
        let asker = self.asker.clone();
        Arc::new(move || {
            let ask = asker.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(ask) = ask {
                ask();
            }
        })
    }

    /// On which legs anything was heard since the last time, and when.
    pub(super) fn news_of_hearing(&mut self) -> Vec<(u32, PeerEvent)> {
        let mut news = Vec::new();
        for (&generation, leg) in &mut self.legs {
            if let LegEnd::Open { peer, heard, .. } = leg
                && let Some(at) = peer.heard_at().filter(|at| Some(*at) != *heard)
            {
                *heard = Some(at);
                news.push((generation, PeerEvent::Heard(at)));
            }
        }
        news
    }
}
