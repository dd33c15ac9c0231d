//! Whatever clients, peers, neighbours and the switchboard do, in any order, on a virtual clock.
//!
//! A small model beside the relay remembers, from the answers alone, until when what is permitted. It is stricter than
//! it is clever: whatever the relay lets through, the model must know why.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::world::*;
use crate::config::{Reach, RelayLimits};
use crate::relay::credentials::mint;
use crate::relay::{Client, Destination, Event, News, Party, Rules, ScopeId, stun};

const CLIENTS: [&str; 4] = ["5.5.5.5:1", "5.5.5.5:2", "6.6.6.6:1", "6.6.6.6:2"];
const PEERS: [&str; 6] = ["6.6.6.6:7", "5.5.5.5:7", "7.7.7.7:7", "10.0.0.1:7", "8.8.8.8:3478", "9.9.9.9:7"];
const NEIGHBOURS: [&str; 2] = ["8.8.8.8:59001", "8.8.8.8:59002"];
const LIFETIME: Duration = Duration::from_secs(900);

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    /// The clock goes on and nobody wakes the relay.
    Stall(u64),
    Open(u64),
    End(u64),
    Seen(u64, bool, usize),
    Allocate(usize, u64),
    Refresh(usize, u32),
    Permit(usize, usize),
    Bind(usize, u16, usize),
    ChannelData(usize, u16),
    Send(usize, usize),
    FromPeer(usize, usize),
    Neighbour(usize, u64),
    Told(usize, u64),
    Untold(usize, u64),
    NoSockets(bool),
    Bytes(usize, Vec<u8>),
}

fn steps() -> impl Strategy<Value = Step> {
    let scope = || 1..3u64;
    let client = || 0..CLIENTS.len();
    // Peers, then relayed addresses of neighbours, then those of the clients here.
    let peer = || 0..PEERS.len() + NEIGHBOURS.len() + CLIENTS.len();
    let channel = || 0x3fff..0x4004u16;
    prop_oneof![
        2 => (0..400u64).prop_map(Step::Wait),
        1 => (0..400u64).prop_map(Step::Stall),
        1 => scope().prop_map(Step::Open),
        1 => scope().prop_map(Step::End),
        1 => (scope(), any::<bool>(), 0..PEERS.len()).prop_map(|(s, p, i)| Step::Seen(s, p, i)),
        4 => (client(), scope()).prop_map(|(c, s)| Step::Allocate(c, s)),
        2 => (client(), prop_oneof![Just(0), 1..2000u32]).prop_map(|(c, l)| Step::Refresh(c, l)),
        4 => (client(), peer()).prop_map(|(c, p)| Step::Permit(c, p)),
        4 => (client(), channel(), peer()).prop_map(|(c, n, p)| Step::Bind(c, n, p)),
        4 => (client(), channel()).prop_map(|(c, n)| Step::ChannelData(c, n)),
        4 => (client(), peer()).prop_map(|(c, p)| Step::Send(c, p)),
        4 => (client(), peer()).prop_map(|(c, p)| Step::FromPeer(c, p)),
        2 => (client(), scope()).prop_map(|(c, s)| Step::Neighbour(c, s)),
        1 => (0..NEIGHBOURS.len(), scope()).prop_map(|(n, s)| Step::Told(n, s)),
        1 => (0..NEIGHBOURS.len(), scope()).prop_map(|(n, s)| Step::Untold(n, s)),
        1 => any::<bool>().prop_map(Step::NoSockets),
        1 => (client(), prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(c, b)| Step::Bytes(c, b)),
    ]
}

/// What the answers have said about one allocation.
struct Known {
    relayed: SocketAddr,
    scope: u64,
    until: Instant,
    permitted: HashMap<std::net::IpAddr, Instant>,
    channels: HashMap<u16, (SocketAddr, Instant)>,
}

struct Model {
    world: World,
    known: [Option<Known>; CLIENTS.len()],
    askers: HashMap<(usize, u64), Asker>,
    opened: Vec<u64>,
}

impl Model {
    fn new(reach: Reach) -> Self {
        let limits = RelayLimits {
            allocations: 3,
            allocations_per_party: 2,
            permissions: 3,
            channels: 2,
            ..rules(reach).limits
        };
        let world = World::new(Rules { limits, scopes: 2, ..rules(reach) });
        Self { world, known: Default::default(), askers: HashMap::new(), opened: Vec::new() }
    }

    fn asker(&mut self, client: usize, scope: u64) -> Asker {
        let party = if client < 2 { Party::Lower } else { Party::Higher };
        let made = mint(SECRET, ScopeId(scope), party, UNIX + 1_000_000_000);
        let asker = self.world.asker(udp(CLIENTS[client]), made);
        self.askers.insert((client, scope), asker.clone());
        asker
    }

    fn asker_of(&mut self, client: usize) -> Asker {
        let scope = self.known[client].as_ref().map_or(1, |known| known.scope);
        self.asker(client, scope)
    }

    fn peer(&self, index: usize) -> SocketAddr {
        let relayed = |client: usize| self.known[client].as_ref().map(|known| known.relayed);
        match index.checked_sub(PEERS.len()) {
            None => at(PEERS[index]),
            Some(index) => match index.checked_sub(NEIGHBOURS.len()) {
                None => at(NEIGHBOURS[index]),
                Some(client) => relayed(client).unwrap_or(at("8.8.8.8:58000")),
            },
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(seconds) => self.world.wait(Duration::from_secs(seconds)),
            Step::Stall(seconds) => self.world.now += Duration::from_secs(seconds),
            Step::Open(scope) => {
                self.world.tell(News::Opened { scope: ScopeId(scope) });
                self.opened.push(scope);
            }
            Step::End(scope) => {
                self.world.tell(News::Ended { scope: ScopeId(scope) });
                for known in &mut self.known {
                    known.take_if(|known| known.scope == scope);
                }
            }
            Step::Seen(scope, caller, peer) => {
                let party = if caller { Party::Lower } else { Party::Higher };
                self.world.tell(News::Seen { scope: ScopeId(scope), party, ip: at(PEERS[peer]).ip() });
            }
            Step::Allocate(client, scope) => self.allocate(client, scope),
            Step::Refresh(client, seconds) => {
                let asker = self.asker_of(client);
                let said = self.world.refresh(&asker, seconds);
                if said.code() == 200 {
                    let lasts = Duration::from_secs(said.lifetime().unwrap().into());
                    assert!(lasts <= LIFETIME);
                    let until = self.world.now + lasts;
                    self.known[client].as_mut().expect("only what is there is refreshed").until = until;
                    self.known[client].take_if(|_| seconds == 0);
                }
            }
            Step::Permit(client, peer) => {
                let (asker, peer) = (self.asker_of(client), self.peer(peer));
                if self.world.permit(&asker, &[&peer.to_string()]) == 200 {
                    let until = self.world.now + Duration::from_secs(300);
                    let known = self.known[client].as_mut().expect("only what is there has permissions");
                    known.permitted.insert(peer.ip(), until);
                }
            }
            Step::Bind(client, number, peer) => {
                let (asker, peer) = (self.asker_of(client), self.peer(peer));
                if self.world.bind(&asker, number, &peer.to_string()) == 200 {
                    assert!((0x4000..=0x7fff).contains(&number));
                    let now = self.world.now;
                    let known = self.known[client].as_mut().expect("only what is there has channels");
                    known.permitted.insert(peer.ip(), now + Duration::from_secs(300));
                    known.channels.insert(number, (peer, now + Duration::from_secs(600)));
                }
            }
            Step::ChannelData(client, number) => {
                let sent = self.world.send(udp(CLIENTS[client]), &channel_data(number, b"data"));
                let peer = self.known[client].as_ref().and_then(|known| known.channels.get(&number));
                let live = peer.filter(|(_, until)| self.world.now < *until).map(|(peer, _)| *peer);
                if let Some(sent) = sent {
                    self.check_sent(client, live.expect("only a bound channel carries"), &sent);
                }
            }
            Step::Send(client, peer) => {
                let peer = self.peer(peer);
                if let Some(sent) = self.world.send(udp(CLIENTS[client]), &send_indication(peer, b"data")) {
                    self.check_sent(client, peer, &sent);
                }
            }
            Step::FromPeer(client, peer) => {
                let peer = self.peer(peer);
                let Some(known) = &self.known[client] else { return };
                if let Some(sent) = self.world.peer_sends(known.relayed, &peer.to_string(), b"data") {
                    assert_ne!(peer.ip(), ip(RELAY_IP), "what is ours comes in memory");
                    self.check_received(peer, &sent);
                }
            }
            Step::Neighbour(client, scope) => {
                let Some(known) = &self.known[client] else { return };
                let (relayed, from, now) = (known.relayed, at(NEIGHBOURS[0]), self.world.now);
                let forward = self.world.relay.from_neighbour(relayed, from, ScopeId(scope), b"data", now);
                if let Some(sent) = forward.map(|forward| put_together(&forward)) {
                    assert!(self.world.relay.rules.reach == Reach::Public || known.scope == scope);
                    self.check_received(from, &sent);
                }
            }
            Step::Told(neighbour, scope) => {
                let relayed = at(NEIGHBOURS[neighbour]);
                self.world.tell(News::Allocated { scope: ScopeId(scope), relayed });
            }
            Step::Untold(neighbour, scope) => {
                let relayed = at(NEIGHBOURS[neighbour]);
                self.world.tell(News::Released { scope: ScopeId(scope), relayed });
            }
            Step::NoSockets(none) => self.world.binds = !none,
            Step::Bytes(client, bytes) => {
                self.world.send(udp(CLIENTS[client]), &bytes);
                self.world.replies.clear();
            }
        }
        self.check_bounds();
    }

    fn allocate(&mut self, client: usize, scope: u64) {
        let asker = self.asker(client, scope);
        let ask = self.world.new_ask(stun::ALLOCATE).transport(17);
        let said = self.world.ask(&asker, ask);
        if said.code() != 200 {
            return;
        }
        assert!(self.world.relay.rules.reach == Reach::Public || self.opened.contains(&scope));
        let until = self.world.now + Duration::from_secs(said.lifetime().unwrap().into());
        let relayed = said.address(stun::XOR_RELAYED_ADDRESS).unwrap();
        let (permitted, channels) = Default::default();
        self.known[client] = Some(Known { relayed, scope, until, permitted, channels });
    }

    /// A packet that came out of an allocation had a lifetime, a permission and a rightful way.
    fn check_sent(&self, client: usize, peer: SocketAddr, sent: &Sent) {
        let known = self.known[client].as_ref().expect("only an allocation sends");
        self.check_live(known, peer);
        match sent.to {
            Destination::Peer { via, to } => {
                assert_eq!((to, self.world.sockets.get(&via)), (peer, Some(&known.relayed)));
                assert!(![at(PEERS[3]), at(PEERS[4]), at(PEERS[5])].contains(&to), "{to} is denied");
                assert_ne!(to.ip(), ip(RELAY_IP), "ours never leaves");
                assert_eq!(sent.bytes, b"data");
            }
            Destination::Client(_) => self.check_received(known.relayed, sent),
            Destination::Neighbour { relayed, from, scope } => {
                assert_eq!((relayed, from, scope), (peer, known.relayed, ScopeId(known.scope)));
            }
        }
    }

    /// A packet that went to a client came from somebody that its allocation permits.
    fn check_received(&self, from: SocketAddr, sent: &Sent) {
        let Destination::Client(Client { remote, .. }) = sent.to else {
            panic!("to a client, not {:?}", sent.to)
        };
        let client = CLIENTS.iter().position(|client| at(client) == remote).expect("a client of ours");
        self.check_live(self.known[client].as_ref().expect("with an allocation"), from);
        if sent.bytes[0] == 0x40 {
            let number = u16::from_be_bytes([sent.bytes[0], sent.bytes[1]]);
            let known = self.known[client].as_ref().unwrap();
            assert!(
                known
                    .channels
                    .get(&number)
                    .is_some_and(|(peer, until)| *peer == from && self.world.now < *until)
            );
            assert_eq!(sent.bytes, channel_data(number, b"data"));
        } else {
            let said = Said { client: udp(CLIENTS[client]), bytes: sent.bytes.clone() };
            assert_eq!(said.address(stun::XOR_PEER_ADDRESS), Some(from));
        }
    }

    fn check_live(&self, known: &Known, peer: SocketAddr) {
        assert!(self.world.now < known.until, "nothing outlives its lifetime");
        assert!(known.permitted.get(&peer.ip()).is_some_and(|until| self.world.now < *until), "{peer}");
    }

    fn check_bounds(&self) {
        let relay = &self.world.relay;
        assert!(relay.allocations.len() <= 3);
        assert_eq!(relay.clients.len(), relay.allocations.len());
        assert_eq!(self.world.sockets.len(), relay.allocations.len(), "every socket has its allocation");
        assert!(relay.scopes.len() <= 4);
        for id in relay.clients.values() {
            let (permissions, channels, numbers) = relay.allocations.get(id.0).unwrap().peers.sizes();
            assert!(permissions <= 3 && channels <= 2 && numbers == channels);
        }
        assert!(relay.effects.is_empty());
    }
}

fn run(reach: Reach, all: Vec<Step>) {
    let mut model = Model::new(reach);
    for step in all {
        model.step(step);
    }
    // And then everything ends, also what nobody ended.
    model.world.wait(LIFETIME);
    assert_eq!(model.world.relay.allocations.len(), 0);
    assert_eq!(model.world.relay.poll_timeout(), None);
    assert!(model.world.sockets.is_empty(), "every socket was released");
    for neighbour in NEIGHBOURS {
        for scope in 1..3 {
            model.world.tell(News::Released { scope: ScopeId(scope), relayed: at(neighbour) });
            model.world.tell(News::Ended { scope: ScopeId(scope) });
        }
    }
    assert_eq!((model.world.relay.scopes.len(), model.world.relay.elsewhere), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_a_call_nothing_passes_without_permission_and_nothing_is_left(
        all in prop::collection::vec(steps(), 1..80)
    ) {
        let mut opened = vec![Step::Open(1), Step::Open(2)];
        opened.extend(all);
        run(Reach::Call, opened);
    }

    #[test]
    fn in_public_nothing_passes_without_permission_and_nothing_is_left(
        all in prop::collection::vec(steps(), 1..80)
    ) {
        run(Reach::Public, all);
    }

    #[test]
    fn any_bytes_are_survived(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..50)) {
        let mut world = World::public();
        let asker = world.asker(udp(CLIENTS[0]), credentials(Party::Lower));
        let relayed = world.allocate(&asker);
        let id = world.id_of(relayed).unwrap();
        for packet in &packets {
            world.send(asker.client, packet);
            world.relay.from_peer(id, at(PEERS[2]), packet, world.now);
        }
    }

    #[test]
    fn a_meddled_request_is_survived(
        place in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>(), whole in any::<bool>()
    ) {
        let mut world = World::public();
        let asker = world.asker(udp(CLIENTS[0]), credentials(Party::Lower));
        world.allocate(&asker);
        for method in [stun::ALLOCATE, stun::REFRESH, stun::CREATE_PERMISSION, stun::CHANNEL_BIND] {
            let mut request = asker.sign(world.new_ask(method).channel(0x4000).peer(at(PEERS[2])).transport(17));
            let index = place.index(request.len());
            request[index] = value;
            let end = if whole { request.len() } else { cut.index(request.len()) };
            world.send(asker.client, &request[..end]);
        }
        let mut indication = send_indication(at(PEERS[2]), b"data");
        let index = place.index(indication.len());
        indication[index] = value;
        world.send(asker.client, &indication);
    }
}

#[test]
fn the_largest_packets_are_survived() {
    let mut world = World::public();
    let asker = world.asker(udp(CLIENTS[0]), credentials(Party::Lower));
    let relayed = world.allocate(&asker);
    world.bind(&asker, 0x4000, PEERS[2]);
    world.permit(&asker, &["7.7.7.8:1"]);
    let id = world.id_of(relayed).unwrap();
    for length in [65_000, 65_507, 65_531, 65_535, 65_536, 70_000] {
        for first in [0x00, 0x40] {
            let mut packet = vec![0; length];
            packet[0] = first;
            world.send(asker.client, &packet);
        }
        let payload = vec![1; length];
        for peer in [PEERS[2], "7.7.7.8:1"] {
            world.relay.from_peer(id, at(peer), &payload, world.now);
            world.wait(Duration::from_secs(1));
        }
    }
    world.handle(Event::StreamClosed { client: asker.client });
    assert_eq!(world.relay.counts().allocations, 0);
}
