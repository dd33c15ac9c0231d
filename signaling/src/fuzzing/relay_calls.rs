//! Two calls at one relay: their parties, a stranger to both, peers, neighbours, news and time, in any order; and nobody
//! ever reaches anybody but the other party of their own call.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use stun_types::attribute::{AttributeType, Nonce, RawAttribute, Realm, Username, XorSocketAddr};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageType, MessageWriteVec, Method,
    TransactionId,
};
use stun_types::prelude::*;

use super::script::Script;
use crate::config::{Reach, RelayLimits};
use crate::relay::credentials::{Credentials, mint};
use crate::relay::{
    AllocationId, Client, ClientSocket, Destination, Effect, Epoch, Event, Family, Forward, News, Party,
    Relay, Rules, ScopeId, SocketIndex, StreamId, Via,
};

const SECRET: &[u8] = b"a secret";
const REALM: &str = "sightline";
const SCOPES: [ScopeId; 2] = [ScopeId(1), ScopeId(2)];
/// A call that nobody was told of: its party has its credentials from before a restart.
const ELSEWHERE: ScopeId = ScopeId(99);
const UNIX: u64 = 1_700_000_000;

/// Peers that may be asked for: where parties are, where nobody is, and where nothing may ever be sent.
const PEERS: [&str; 16] = [
    "20.0.0.1:4000",
    "20.0.0.2:4000",
    "20.0.0.3:4000",
    "20.0.0.4:4000",
    "30.0.0.1:9",
    "[2606:4700::1]:5",
    "127.0.0.1:80",
    "10.0.0.1:80",
    "169.254.169.254:80",
    "224.0.0.1:1",
    "0.0.0.0:1",
    "20.0.0.1:0",
    "[::1]:80",
    "[::ffff:127.0.0.1]:80",
    "[64:ff9b::7f00:1]:80",
    "8.8.8.8:3478",
];

/// More effects of one event than this are too many.
const MOST_EFFECTS: usize = 200;

/// Few of everything, so that a short script meets every limit.
const LIMITS: RelayLimits = RelayLimits {
    allocations: 6,
    allocations_per_party: 2,
    permissions: 4,
    channels: 4,
    bytes_per_second: 20_000,
    total_bytes_per_second: 50_000,
    answers_per_second: 100,
    streams: 4,
    credentials_for: Duration::from_secs(600),
    lifetime: Duration::from_secs(900),
};

/// Runs a script. After each step the relay has kept its promises.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let Some(first) = script.byte() else { return };
    let reach = if first & 1 == 0 { Reach::Call } else { Reach::Public };
    let mut world = World::new(reach);
    while let Some(()) = world.step(&mut script) {
        world.settle();
    }
    world.end();
}

struct World {
    relay: Relay,
    reach: Reach,
    now: Instant,
    clients: [Asker; 5],
    /// Every allocation whose socket was asked for and not given back; its address once it is bound.
    sockets: HashMap<AllocationId, Option<SocketAddr>>,
    /// Everybody whom this relay was told of, or told of.
    seen: HashSet<IpAddr>,
    /// Whether sockets are a while in coming.
    slow: bool,
    transactions: u128,
    ports: u16,
}

struct Asker {
    client: Client,
    credentials: Credentials,
    nonce: String,
}

impl World {
    fn new(reach: Reach) -> Self {
        let now = Instant::now();
        let rules = Rules {
            limits: LIMITS,
            scopes: 2,
            reach,
            allow: Vec::new(),
            secrets: vec![SECRET.to_vec()],
            key: [7; 32],
            sockets: vec![ClientSocket { address: None, sisters: None }],
            listening: vec![address("8.8.8.8:3478")],
            own: vec![address("8.8.8.8:1").ip()],
            relay_ips: vec![address("8.8.8.8:1").ip(), address("[2606:4700::8]:1").ip()],
            relay_ports: 50_000..=60_000,
        };
        let epoch = Epoch { at: now, unix: Duration::from_secs(UNIX) };
        let asker = |number: u64, via, scope, party| Asker {
            client: Client { via, remote: address(PEERS[number as usize]) },
            credentials: mint(SECRET, scope, party, UNIX + 600),
            nonce: String::new(),
        };
        let udp = Via::Udp(SocketIndex(0));
        let clients = [
            asker(0, udp, SCOPES[0], Party::Lower),
            asker(1, udp, SCOPES[0], Party::Higher),
            asker(2, Via::Stream(StreamId(1)), SCOPES[1], Party::Lower),
            asker(3, udp, SCOPES[1], Party::Higher),
            asker(4, udp, ELSEWHERE, Party::Lower),
        ];
        let mut world = Self {
            relay: Relay::new(rules, epoch),
            reach,
            now,
            clients,
            sockets: HashMap::new(),
            seen: HashSet::new(),
            slow: false,
            transactions: 0,
            ports: 50_000,
        };
        for scope in SCOPES {
            world.tell(News::Opened { scope });
        }
        for index in 0..world.clients.len() {
            let ask = world.request(Method::new(3), &[(0x0019, vec![17, 0, 0, 0])], &[]);
            world.hear_from(index, &ask.finish());
            world.settle();
        }
        world
    }

    /// One step of the script; `None` at its end.
    fn step(&mut self, script: &mut Script<'_>) -> Option<()> {
        match script.byte()? % 14 {
            0 => {
                let (index, bytes) = (self.client(script)?, script.bytes()?);
                self.hear_from(index, bytes);
            }
            1 => {
                let (index, lifetime, kind) = (self.client(script)?, script.number()?, script.byte()?);
                let mut attributes = vec![
                    (0x0019, vec![if kind & 0xe0 == 0xe0 { 6 } else { 17 }, 0, 0, 0]),
                    (0x000d, u32::from(lifetime).to_be_bytes().to_vec()),
                ];
                if kind & 1 != 0 {
                    attributes.push((0x0017, vec![1 + (kind >> 1 & 1), 0, 0, 0]));
                }
                if kind & 4 != 0 {
                    attributes.push((0x0018, vec![0]));
                }
                if kind & 8 != 0 {
                    attributes.push((0x8000, vec![2, 0, 0, 0]));
                }
                self.ask(index, 3, &attributes, &[]);
            }
            2 => {
                let (index, lifetime) = (self.client(script)?, script.number()?);
                self.ask(index, 4, &[(0x000d, u32::from(lifetime).to_be_bytes().to_vec())], &[]);
            }
            3 => {
                let (index, count) = (self.client(script)?, script.pick(3)?);
                let peers = (0..=count).map(|_| self.peer(script)).collect::<Option<Vec<_>>>()?;
                self.ask(index, 8, &[], &peers);
            }
            4 => {
                let (index, number, peer) = (self.client(script)?, script.byte()?, self.peer(script)?);
                let number =
                    if number < 0xf0 { 0x4000 + u16::from(number % 8) } else { u16::from(number) << 7 };
                self.ask(index, 9, &[(0x000c, (u32::from(number) << 16).to_be_bytes().to_vec())], &[peer]);
            }
            5 => {
                let (index, peer, payload) = (self.client(script)?, self.peer(script)?, script.bytes()?);
                let data = [(0x0013, payload.to_vec())];
                let kind = MessageType::from_class_method(MessageClass::Indication, Method::new(6));
                let packet = self.message(kind, &data, &[peer]).finish();
                self.hear_from(index, &packet);
            }
            6 => {
                let (index, number, payload) = (self.client(script)?, script.byte()?, script.bytes()?);
                let mut packet = (0x4000 + u16::from(number % 8)).to_be_bytes().to_vec();
                packet.extend((payload.len() as u16).to_be_bytes());
                packet.extend(payload);
                self.hear_from(index, &packet);
            }
            7 => {
                let (which, peer, payload) = (script.byte()?, self.peer(script)?, script.bytes()?);
                let at = self.allocation(which).unwrap_or(AllocationId(u64::from(which)));
                let forward = self.relay.from_peer(at, peer, payload, self.now);
                let forward = forward.map(|forward| judge(self.reach, &self.seen, &forward, payload));
                if let Some(Destination::Peer { .. }) = forward {
                    panic!("a peer's packet goes to a client, never to another peer: {forward:?}");
                }
            }
            8 => {
                let (which, from, scope, payload) =
                    (script.byte()?, self.peer(script)?, script.pick(3)?, script.bytes()?);
                let relayed = self.relayed(which);
                let scope = SCOPES.get(scope).copied().unwrap_or(ELSEWHERE);
                let forward = self.relay.from_neighbour(relayed, from, scope, payload, self.now);
                if let Some(forward) = forward {
                    judge(self.reach, &self.seen, &forward, payload);
                }
            }
            9 => self.wait(Duration::from_millis(u64::from(script.number()?) * 20)),
            10 => {
                let (kind, scope, peer) = (script.byte()?, SCOPES[script.pick(2)?], self.peer(script)?);
                let party = if kind & 0x80 == 0 { Party::Lower } else { Party::Higher };
                self.tell(match kind % 7 {
                    0 => News::Opened { scope },
                    1 | 2 => News::Seen { scope, party, ip: peer.ip() },
                    3 => News::Ended { scope },
                    4 => News::Allocated { scope, relayed: peer },
                    5 => News::Vouched { scope },
                    _ => News::Released { scope, relayed: peer },
                });
            }
            11 => {
                let client = self.clients[self.client(script)?].client;
                self.relay.handle(Event::StreamClosed { client }, self.now);
            }
            12 => {
                let (which, kind) = (script.byte()?, script.byte()?);
                self.slow = kind & 1 != 0;
                // An answer to what was asked for a while ago, or to what nobody asked for.
                let allocation = self.allocation(which).unwrap_or(AllocationId(u64::from(which) << 32));
                if self.sockets.get(&allocation).copied().flatten().is_none() {
                    if kind & 2 != 0 && self.sockets.contains_key(&allocation) {
                        self.bind(allocation, Family::V4);
                    } else {
                        self.sockets.remove(&allocation);
                        self.relay.handle(Event::NotBound { allocation }, self.now);
                    }
                }
            }
            _ => {
                let kind = script.byte()?;
                let index = self.client(script)?;
                // A request that was changed on its way.
                let mut packet = self.signed(index, 3, &[(0x0019, vec![17, 0, 0, 0])], &[]);
                let place = usize::from(kind) % packet.len();
                packet[place] ^= script.byte()?;
                self.hear_from(index, &packet);
            }
        }
        Some(())
    }

    fn client(&self, script: &mut Script<'_>) -> Option<usize> {
        script.pick(self.clients.len())
    }

    fn peer(&self, script: &mut Script<'_>) -> Option<SocketAddr> {
        let which = script.byte()?;
        Some(match PEERS.get(usize::from(which)) {
            Some(peer) => address(peer),
            None => self.relayed(which),
        })
    }

    /// An allocation that has, or wants, a socket.
    fn allocation(&self, which: u8) -> Option<AllocationId> {
        let mut all: Vec<_> = self.sockets.keys().copied().collect();
        all.sort_unstable();
        all.get(usize::from(which) % all.len().max(1)).copied()
    }

    fn relayed(&self, which: u8) -> SocketAddr {
        let bound =
            self.allocation(which).and_then(|allocation| self.sockets.get(&allocation).copied().flatten());
        bound.unwrap_or(address("8.8.8.8:55555"))
    }

    fn hear_from(&mut self, index: usize, packet: &[u8]) {
        let client = self.clients[index].client;
        let forward = self.relay.from_client(client, packet, self.now);
        // What is forwarded is a part of what came: nothing is made up.
        if let Some(forward) = forward {
            let inside = packet.as_ptr_range();
            let payload = forward.payload.as_ptr_range();
            assert!(
                forward.payload.is_empty() || (inside.start <= payload.start && payload.end <= inside.end),
                "the payload is where it was"
            );
            judge(self.reach, &self.seen, &forward, forward.payload);
        }
    }

    fn ask(&mut self, index: usize, method: u16, attributes: &[(u16, Vec<u8>)], peers: &[SocketAddr]) {
        let packet = self.signed(index, method, attributes, peers);
        self.hear_from(index, &packet);
    }

    fn signed(
        &mut self,
        index: usize,
        method: u16,
        attributes: &[(u16, Vec<u8>)],
        peers: &[SocketAddr],
    ) -> Vec<u8> {
        let mut message = self.request(Method::new(method), attributes, peers);
        let Asker { credentials: Credentials { username, password }, nonce, .. } = &self.clients[index];
        let room = "a request has room for it";
        message.add_attribute(&Username::new(username).expect(room)).expect(room);
        message.add_attribute(&Realm::new(REALM).expect(room)).expect(room);
        message.add_attribute(&Nonce::new(nonce).expect(room)).expect(room);
        let key = LongTermKeyCredentials::new(username.clone(), password.clone(), REALM.to_owned()).into();
        message.add_message_integrity(&key, IntegrityAlgorithm::Sha1).expect(room);
        message.finish()
    }

    fn request(
        &mut self,
        method: Method,
        attributes: &[(u16, Vec<u8>)],
        peers: &[SocketAddr],
    ) -> MessageWriteVec {
        self.message(MessageType::from_class_method(MessageClass::Request, method), attributes, peers)
    }

    fn message(
        &mut self,
        kind: MessageType,
        attributes: &[(u16, Vec<u8>)],
        peers: &[SocketAddr],
    ) -> MessageWriteVec {
        self.transactions += 1;
        let transaction = TransactionId::from(self.transactions);
        let mut message = Message::builder(kind, transaction, MessageWriteVec::new());
        for (kind, value) in attributes {
            let attribute = RawAttribute::new(AttributeType::new(*kind), value);
            message.add_attribute(&attribute).expect("a request has room for it");
        }
        for peer in peers {
            let attribute =
                XorSocketAddr::new(*peer, transaction).to_raw(AttributeType::new(0x0012)).into_owned();
            message.add_attribute(&attribute).expect("a request has room for it");
        }
        message
    }

    fn tell(&mut self, news: News) {
        if let News::Seen { ip, .. } = news {
            self.seen.insert(ip);
        }
        self.relay.handle(Event::News(news), self.now);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.relay.handle_timeout(self.now);
        let due = self.relay.poll_timeout();
        assert!(due.is_none_or(|(due, _)| due > self.now), "what is due is done: {due:?}");
    }

    /// Does what is asked for, as the shell would, and holds it against what must be.
    fn settle(&mut self) {
        let mut effects = 0;
        while let Some(effect) = self.relay.poll_effect() {
            effects += 1;
            assert!(effects < MOST_EFFECTS, "one event has a bounded effect");
            match effect {
                Effect::Reply { client, bytes } => self.hear(client, &bytes),
                Effect::Bind { allocation, family, .. } => {
                    let known = self.sockets.insert(allocation, None);
                    assert!(known.is_none(), "an allocation has one socket");
                    if !self.slow {
                        self.bind(allocation, family);
                    }
                }
                Effect::Release { allocation } => {
                    assert!(self.sockets.remove(&allocation).is_some(), "a socket is given back once");
                }
                Effect::Tell(News::Seen { ip, .. }) => {
                    self.seen.insert(ip);
                }
                Effect::Tell(_) | Effect::CloseStream { .. } => {}
            }
        }
        let counts = self.relay.counts();
        assert!(counts.allocations <= LIMITS.allocations as u64, "{counts:?}");
        assert_eq!(counts.allocations, self.sockets.len() as u64, "each allocation has its socket");
    }

    fn bind(&mut self, allocation: AllocationId, family: Family) {
        self.ports += 1;
        let ip = match family {
            Family::V4 => "8.8.8.8",
            Family::V6 => "2606:4700::8",
        };
        let relayed = SocketAddr::new(ip.parse().expect("an address"), self.ports);
        self.sockets.insert(allocation, Some(relayed));
        self.relay.handle(Event::Bound { allocation, relayed }, self.now);
    }

    /// A nonce is taken from whatever answer has one, as clients do.
    fn hear(&mut self, client: Client, bytes: &[u8]) {
        let message = Message::from_bytes(bytes).expect("an answer can be read");
        assert!(!message.has_class(MessageClass::Request), "an answer is no request");
        if let Ok(nonce) = message.attribute::<Nonce>() {
            for asker in self.clients.iter_mut().filter(|asker| asker.client == client) {
                nonce.nonce().clone_into(&mut asker.nonce);
            }
        }
    }

    /// Everything ends with its call, and at the latest with its lifetime.
    fn end(mut self) {
        for scope in SCOPES.into_iter().chain([ELSEWHERE]) {
            self.tell(News::Ended { scope });
            self.settle();
        }
        if self.reach == Reach::Call {
            assert!(self.sockets.is_empty(), "allocations end with their call: {:?}", self.sockets);
        }
        self.wait(LIMITS.lifetime + Duration::from_secs(1));
        self.settle();
        assert!(self.sockets.is_empty(), "allocations end with their lifetime: {:?}", self.sockets);
        assert_eq!(self.relay.poll_timeout(), None);
    }
}

/// A packet goes only where it may, and is what it was.
fn judge(reach: Reach, seen: &HashSet<IpAddr>, forward: &Forward<'_>, payload: &[u8]) -> Destination {
    assert_eq!(forward.payload, payload, "a payload is not changed");
    assert!(forward.tail < 4);
    if let Destination::Peer { to, .. } = forward.to {
        let forbidden =
            PEERS[6..].iter().map(|peer| address(peer).ip()).filter(|ip| *ip != address(PEERS[11]).ip());
        assert!(to.port() != 0 && !forbidden.collect::<Vec<_>>().contains(&to.ip()), "{to} is never reached");
        assert!(reach == Reach::Public || seen.contains(&to.ip()), "nobody was seen at {to}");
        assert!(forward.head.bytes().is_empty() && forward.tail == 0, "a peer gets the payload alone");
    }
    forward.to
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}
