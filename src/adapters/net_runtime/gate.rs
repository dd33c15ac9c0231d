//! What stands behind each door: a server that is asked by datagrams, or a stream to one. Until a name is looked up or
//! a stream stands, what asks waits here.
//!
//! Only one socket of a connection goes through a stream: the one whose address the stream has too. To all others the door is
//! shut, and so is a door that leads nowhere. The library has to hear that, for it goes on gathering until everything it
//! asked has come to an end; and it hears it in two ways. What it sends to a shut door fails, on which it gives that
//! server up. What waits already is refused in the server's name, once: then it asks again, and that fails.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::sync::mpsc;
use webrtc::runtime::AsyncUdpSocket;

use crate::{
    adapters::{
        ice_servers::{DoorId, Doors, behind, disguise},
        relay_stream::Queue,
    },
    engine::{counters::Tally, ports::hindering::Hindering},
    logic::{
        servers::{ServerUrl, Service, Transport},
        sightings::{Trouble, is_first_request},
    },
};

use super::{
    refusal::{Kind, is_request, kind, refusal},
    watch::{Watch, Way},
};

/// Requests that wait for a door to open. The library repeats them; what finds no room is lost until then.
const MAX_HELD: usize = 64;
/// A relay that was asked for so long and never answered is given up. The library would do so after eight seconds, but
/// mistakes its own request for another's then, and never ends its search.
const GIVE_UP_AFTER: Duration = Duration::from_millis(4500);

/// A datagram as `webrtc` gets it: from where, and what.
pub(super) type Letter = (SocketAddr, Vec<u8>);

/// A socket, as far as doors need to know it.
pub(super) struct Outlet {
    pub(super) local: SocketAddr,
    pub(super) inner: Arc<dyn AsyncUdpSocket>,
    /// What arrives there otherwise than by datagrams.
    pub(super) post: mpsc::Sender<Letter>,
}

/// What became of a message for a door.
pub(super) enum Through {
    /// It is on its way, or waits, or is lost: that is no business of the library.
    Taken,
    /// It goes to this address.
    To(SocketAddr),
    /// Nobody will ever answer.
    Shut(ErrorKind),
}

/// What `webrtc` is to hear of a message from a server.
pub(super) enum Hears {
    /// The message.
    AsItIs,
    /// This instead: the message is an end that it would not understand as one.
    Instead(Vec<u8>),
    /// It is rubbish, which the library may mistake for an answer.
    Nothing,
}

/// All doors of a connection.
pub(in super::super) struct Gate {
    pub(super) doors: Doors,
    pub(super) watch: Arc<Watch>,
    pub(super) tally: Arc<Tally>,
    pub(super) hindering: Arc<Hindering>,
    states: Vec<Mutex<State>>,
    outlets: Mutex<Vec<Weak<Outlet>>>,
    /// Where servers are that are asked by datagrams: looked at for every packet.
    servers: Mutex<Vec<SocketAddr>>,
    /// Doors shut to one socket alone.
    refused: Mutex<Vec<(DoorId, SocketAddr)>>,
}

enum State {
    Opening(Vec<Held>),
    Datagrams(Vec<SocketAddr>),
    Stream(Leads),
    /// For that reason, where it leads nowhere.
    Shut(Option<Trouble>),
}

struct Leads {
    queue: Arc<Queue>,
    local: IpAddr,
    remote: SocketAddr,
    owner: Option<Arc<Outlet>>,
}

struct Held {
    outlet: Arc<Outlet>,
    bytes: Vec<u8>,
}

impl Gate {
    pub(super) fn new(doors: Doors, watch: Arc<Watch>, tally: Arc<Tally>, hindering: Arc<Hindering>) -> Self {
        let states = doors.iter().map(|_| Mutex::new(State::Opening(Vec::new()))).collect();
        Self {
            doors,
            watch,
            tally,
            hindering,
            states,
            outlets: Mutex::default(),
            servers: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// A socket of this connection, from now on.
    pub(super) fn add(&self, outlet: &Arc<Outlet>) {
        let mut outlets = lock(&self.outlets);
        outlets.retain(|outlet| outlet.strong_count() > 0);
        outlets.push(Arc::downgrade(outlet));
    }

    /// `webrtc` sends to a door.
    pub(super) fn send(&self, outlet: &Arc<Outlet>, id: DoorId, bytes: &[u8]) -> Through {
        let (Some(state), Some(url)) = (self.states.get(id.0), self.doors.url(id)) else {
            return Through::Shut(ErrorKind::AddrNotAvailable);
        };
        let from = outlet.local.ip();
        if lock(&self.refused).contains(&(id, outlet.local)) {
            return Through::Shut(ErrorKind::ConnectionRefused);
        }
        let mut state = lock(state);
        let asked_from = match &*state {
            State::Stream(leads) => leads.local,
            State::Opening(_) | State::Datagrams(_) | State::Shut(_) => from,
        };
        let silence = self.watch.silence(id.0, asked_from);
        if silence.is_some_and(|silence| silence >= GIVE_UP_AFTER) && is_first_request(bytes) {
            return Through::Shut(ErrorKind::TimedOut);
        }
        match &mut *state {
            State::Opening(held) => {
                let repeats = |one: &Held| one.outlet.local == outlet.local && one.bytes == bytes;
                if is_request(bytes) && held.len() < MAX_HELD && !held.iter().any(repeats) {
                    held.push(Held { outlet: Arc::clone(outlet), bytes: bytes.to_vec() });
                }
                Through::Taken
            }
            State::Datagrams(addresses) => {
                let fits = |address: &&SocketAddr| address.is_ipv4() == outlet.local.is_ipv4();
                match addresses.iter().find(fits).copied() {
                    Some(address) => Through::To(address),
                    None => {
                        drop(state);
                        self.watch.failed(id.0, url, Some(from), &Trouble::NoSuchAddressFamily);
                        Through::Shut(ErrorKind::AddrNotAvailable)
                    }
                }
            }
            State::Stream(leads) => {
                if leads.owner.is_none() {
                    leads.owner = self.owner(leads.local);
                }
                if leads.owner.as_ref().is_some_and(|owner| owner.local == outlet.local) {
                    self.put(id, url, leads, bytes);
                    Through::Taken
                } else {
                    Through::Shut(ErrorKind::AddrNotAvailable)
                }
            }
            State::Shut(why) => {
                let why = why.clone().filter(|_| url.transport == Transport::Udp);
                drop(state);
                if let Some(why) = why {
                    self.watch.failed(id.0, url, Some(from), &why);
                }
                Through::Shut(ErrorKind::ConnectionRefused)
            }
        }
    }

    /// The door that a datagram comes from, where it comes from a server.
    pub(super) fn door_at(&self, remote: SocketAddr, bytes: &[u8]) -> Option<DoorId> {
        if !lock(&self.servers).iter().any(|server| is_same(*server, remote)) {
            return None;
        }
        let mut at = self.doors.iter().filter(|(id, _)| self.is_at(*id, remote));
        let (first, url) = at.next()?;
        let Some((second, _)) = at.next() else { return Some(first) };
        // One server does both: what answers a binding request is for whoever looks for our public address.
        let is_for_first = (url.service == Service::Stun) == (kind(bytes) == Some(Kind::Binding));
        Some(if is_for_first { first } else { second })
    }

    /// A message came from a server. Says what `webrtc` is to hear of it.
    pub(super) fn answered(&self, outlet: &Outlet, id: DoorId, from: IpAddr, bytes: &[u8]) -> Hears {
        let Some(url) = self.doors.url(id) else { return Hears::Nothing };
        let heard = self.watch.answered(Way { door: id.0, url, from }, bytes);
        if heard.is_rubbish {
            return Hears::Nothing;
        }
        let refusal = if heard.is_final { refusal(bytes) } else { None };
        let Some(refusal) = refusal else { return Hears::AsItIs };
        self.refuse_from_now_on(id, outlet);
        Hears::Instead(refusal)
    }

    /// Names were looked up.
    pub(super) fn opened_to_datagrams(&self, id: DoorId, addresses: Vec<SocketAddr>) {
        let (Some(url), Some(state)) = (self.doors.url(id), self.states.get(id.0)) else { return };
        let is_taken = |address: &SocketAddr| {
            self.doors.iter().any(|(other, there)| {
                other != id && there.service == url.service && self.is_at(other, *address)
            })
        };
        // Two names of one relay: for the second it has no other answer than that we are there already.
        let addresses: Vec<_> = addresses.into_iter().filter(|address| !is_taken(address)).collect();
        lock(&self.servers).extend(&addresses);
        let before = std::mem::replace(&mut *lock(state), State::Datagrams(addresses));
        let State::Opening(held) = before else { return };
        for Held { outlet, bytes } in held {
            match self.send(&outlet, id, &bytes) {
                Through::To(address) => {
                    self.watch.asked(Way { door: id.0, url, from: outlet.local.ip() }, address, &bytes);
                    self.send_now(&outlet, address, &bytes);
                }
                Through::Taken => {}
                Through::Shut(_) => self.refuse(id, &outlet, &bytes),
            }
        }
    }

    /// A stream stands.
    pub(super) fn opened_to_stream(&self, id: DoorId, queue: &Arc<Queue>, local: IpAddr, remote: SocketAddr) {
        let (Some(url), Some(state)) = (self.doors.url(id), self.states.get(id.0)) else { return };
        let mut state = lock(state);
        let owner = self.owner(local);
        let leads = Leads { queue: Arc::clone(queue), local, remote, owner };
        let held = match std::mem::replace(&mut *state, State::Shut(None)) {
            State::Opening(held) => held,
            State::Datagrams(_) | State::Stream(_) | State::Shut(_) => Vec::new(),
        };
        for Held { outlet, bytes } in held {
            if leads.owner.as_ref().is_some_and(|owner| owner.local == outlet.local) {
                self.put(id, url, &leads, &bytes);
            } else {
                self.refuse(id, &outlet, &bytes);
            }
        }
        *state = State::Stream(leads);
    }

    /// A stream broke, and is made again.
    pub(super) fn opens_again(&self, id: DoorId) {
        if let Some(state) = self.states.get(id.0) {
            *lock(state) = State::Opening(Vec::new());
        }
    }

    /// It leads nowhere, for that reason, or no more.
    pub(super) fn shut(&self, id: DoorId, why: Option<Trouble>) {
        let (Some(url), Some(state)) = (self.doors.url(id), self.states.get(id.0)) else { return };
        if let Some(why) = &why {
            // Who comes later is told then.
            self.watch.failed(id.0, url, None, why);
        }
        let before = std::mem::replace(&mut *lock(state), State::Shut(why.clone()));
        if let State::Opening(held) = before {
            for Held { outlet, bytes } in held {
                if let Some(why) = why.as_ref().filter(|_| url.transport == Transport::Udp) {
                    self.watch.failed(id.0, url, Some(outlet.local.ip()), why);
                }
                self.refuse(id, &outlet, &bytes);
            }
        }
    }

    /// A message came on a stream: for whom, and what.
    pub(super) fn take_from_stream(
        &self,
        id: DoorId,
        bytes: Vec<u8>,
    ) -> Option<(mpsc::Sender<Letter>, Letter)> {
        let (owner, from) = match &*lock(self.states.get(id.0)?) {
            State::Stream(leads) => (leads.owner.clone()?, leads.local),
            State::Opening(_) | State::Datagrams(_) | State::Shut(_) => return None,
        };
        let bytes = match self.answered(&owner, id, from, &bytes) {
            Hears::AsItIs => bytes,
            Hears::Instead(bytes) => bytes,
            Hears::Nothing => return None,
        };
        Some((owner.post.clone(), (self.disguise(id, &owner), bytes)))
    }

    fn put(&self, id: DoorId, url: &ServerUrl, leads: &Leads, bytes: &[u8]) {
        // A stream loses nothing, so there is nothing to repeat on it.
        let way = Way { door: id.0, url, from: leads.local };
        if is_request(bytes) && self.watch.is_waiting_for(id.0, way.from, bytes) {
            return;
        }
        if leads.queue.push(bytes, self.watch.now()) {
            self.watch.asked(way, leads.remote, bytes);
        } else {
            self.tally.relay_packets_dropped.one();
        }
    }

    fn owner(&self, local: IpAddr) -> Option<Arc<Outlet>> {
        let outlets: Vec<_> = lock(&self.outlets).iter().filter_map(Weak::upgrade).collect();
        let same = outlets.iter().find(|outlet| outlet.local.ip() == local);
        let alike = || outlets.iter().find(|outlet| outlet.local.is_ipv4() == local.is_ipv4());
        same.or_else(alike).or(outlets.first()).cloned()
    }

    fn refuse_from_now_on(&self, id: DoorId, outlet: &Outlet) {
        let mut refused = lock(&self.refused);
        if !refused.contains(&(id, outlet.local)) {
            refused.push((id, outlet.local));
        }
    }

    fn refuse(&self, id: DoorId, outlet: &Outlet, request: &[u8]) {
        self.refuse_from_now_on(id, outlet);
        if let Some(answer) = refusal(request) {
            // Where there is no room the library repeats its request, and that fails.
            outlet.post.try_send((self.disguise(id, outlet), answer)).ok();
        }
    }

    /// The address that a door has for a socket.
    pub(super) fn disguise(&self, id: DoorId, outlet: &Outlet) -> SocketAddr {
        let port = self.doors.url(id).map_or(0, |url| url.port);
        disguise(id, outlet.local.is_ipv4(), port)
    }

    fn is_at(&self, id: DoorId, remote: SocketAddr) -> bool {
        let is_by_datagrams = self.doors.url(id).is_some_and(|url| url.transport == Transport::Udp);
        is_by_datagrams
            && self.states.get(id.0).is_some_and(|state| match &*lock(state) {
                State::Datagrams(addresses) => addresses.iter().any(|there| is_same(*there, remote)),
                State::Opening(_) | State::Stream(_) | State::Shut(_) => false,
            })
    }
}

/// What waits for streams is still sent; then they end.
impl Drop for Gate {
    fn drop(&mut self) {
        for state in &self.states {
            if let State::Stream(leads) = &*lock(state) {
                leads.queue.close();
            }
        }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("doors", &self.states.len()).finish_non_exhaustive()
    }
}

/// Alike but for what the system adds to an address of version 6.
fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip() == other.ip()
}

/// The door that an address of `webrtc` stands for.
pub(super) fn door(remote: SocketAddr) -> Option<DoorId> {
    behind(remote)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
