//! What the sockets of a connection see, shared among them: a table behind a lock that is held for the look at one packet, and
//! beside it what must be known at once and by anybody.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    engine::clock::Clock,
    logic::{
        servers::ServerUrl,
        sightings::{Heard, Sightings, Trouble, Watcher},
    },
};

/// How long after the last packet through a relay the connection still counts as relayed.
const STILL_RELAYED: Duration = Duration::from_secs(10);

/// See the head of this file.
#[derive(Debug)]
pub(in super::super) struct Watch {
    clock: Clock,
    began: Instant,
    watcher: Mutex<Watcher>,
    relayed_at: AtomicU64,
    has_come_by_relay: AtomicBool,
}

/// A way to a server: which door, what it leads to, and from which address of ours.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) door: usize,
    pub(super) url: &'a ServerUrl,
    pub(super) from: IpAddr,
}

impl Watch {
    pub(in super::super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            began: clock.now(),
            watcher: Mutex::default(),
            relayed_at: AtomicU64::new(0),
            has_come_by_relay: AtomicBool::new(false),
        }
    }

    /// What has been seen, where that is more than the last time.
    pub(in super::super) fn look(&self) -> Option<Sightings> {
        let at = self.at();
        self.lock().look(at)
    }

    /// Who lends us that address.
    pub(in super::super) fn relay_at(&self, relayed: SocketAddr) -> Option<ServerUrl> {
        self.lock().relay_at(relayed).cloned()
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn trying(&self, way: Way<'_>) {
        let at = self.at();
        self.lock().trying(at, way.door, way.url, way.from);
    }

    pub(super) fn reached(&self, way: Way<'_>, to: SocketAddr, took: Duration) {
        self.lock().reached(way.door, way.url, (way.from, to), took);
    }

    pub(super) fn failed(&self, door: usize, url: &ServerUrl, from: Option<IpAddr>, trouble: &Trouble) {
        tracing::debug!(%url, ?trouble, "a server cannot be used");
        self.lock().failed(door, url, from, trouble);
    }

    pub(super) fn asked(&self, way: Way<'_>, to: SocketAddr, bytes: &[u8]) {
        let at = self.at();
        self.note_relayed(at, way.url);
        self.lock().asked(at, way.door, way.url, (way.from, to), bytes);
    }

    pub(super) fn answered(&self, way: Way<'_>, bytes: &[u8]) -> Heard {
        let at = self.at();
        self.note_relayed(at, way.url);
        let heard = self.lock().answered(at, way.door, way.url, way.from, bytes);
        if heard.is_relayed {
            self.has_come_by_relay.store(true, Ordering::Relaxed);
        }
        heard
    }

    pub(super) fn sent(&self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let at = self.at();
        self.lock().sent(at, local, remote, bytes);
    }

    pub(super) fn received(&self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let at = self.at();
        self.lock().received(at, local, remote, bytes);
    }

    pub(super) fn silence(&self, door: usize, from: IpAddr) -> Option<Duration> {
        let at = self.at();
        self.lock().silence(at, door, from)
    }

    /// Whether that very request was sent to a server and is not answered yet.
    pub(super) fn is_waiting_for(&self, door: usize, from: IpAddr, request: &[u8]) -> bool {
        self.lock().is_waiting_for(door, from, request)
    }

    /// Whether anything goes through a relay these days.
    pub(super) fn is_relaying(&self) -> bool {
        let relayed_at = self.relayed_at.load(Ordering::Relaxed);
        relayed_at != 0 && self.at().saturating_sub(Duration::from_micros(relayed_at)) < STILL_RELAYED
    }

    /// Whether anything has come through a relay since the last time this was asked.
    pub(super) fn has_come_by_relay(&self) -> bool {
        self.has_come_by_relay.swap(false, Ordering::Relaxed)
    }

    fn note_relayed(&self, at: Duration, url: &ServerUrl) {
        if url.service == crate::logic::servers::Service::Turn {
            self.relayed_at.store(micros(at).max(1), Ordering::Relaxed);
        }
    }

    fn at(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.began)
    }

    fn lock(&self) -> MutexGuard<'_, Watcher> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
