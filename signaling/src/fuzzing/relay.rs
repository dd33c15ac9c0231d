//! Two clients, their peers, a neighbour and the switchboard do what the input says, in any order and at any pace.
//!
//! Random bytes forge no signature. So the input chooses what is in a request, and it is signed here.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use stun_types::attribute::{AttributeType, Nonce, RawAttribute, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageType, MessageWriteVec, Method,
};
use stun_types::prelude::*;

use crate::config::{Reach, RelayLimits};
use crate::relay::credentials::{Credentials, mint};
use crate::relay::{
    AllocationId, Client, ClientSocket, Destination, Effect, Epoch, Event, Family, News, Party, Relay, Rules,
    ScopeId, SocketIndex, StreamId, Via,
};

const SECRET: &[u8] = b"a secret";
const SCOPE: ScopeId = ScopeId(1);
const METHODS: [u16; 5] = [0x003, 0x004, 0x008, 0x009, 0x001];
const PEERS: [&str; 6] =
    ["6.6.6.6:7", "5.5.5.5:7", "8.8.8.8:50001", "8.8.8.8:50002", "8.8.8.8:59999", "10.0.0.1:7"];

struct World {
    relay: Relay,
    now: Instant,
    sockets: HashSet<AllocationId>,
    released: HashSet<AllocationId>,
    last: Vec<u8>,
    port: u16,
}

/// Each step is a byte for what, one for who, one for how long, and so many bytes.
pub fn run(mut data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    data = rest;
    let mut world = World::new(if first & 1 == 0 { Reach::Call } else { Reach::Public });
    world.tell(News::Opened { scope: SCOPE });
    while let Some((&[what, who, length], rest)) = data.split_first_chunk::<3>() {
        let (bytes, after) = rest.split_at(usize::from(length).min(rest.len()));
        data = after;
        world.step(what, who, bytes);
        world.check();
    }
    world.now += Duration::from_secs(1000);
    world.relay.handle_timeout(world.now);
    world.drain();
    assert!(world.sockets.is_empty() && world.relay.counts().allocations == 0);
    assert!(world.relay.poll_timeout().is_none());
}

impl World {
    fn new(reach: Reach) -> Self {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let now = *START;
        let address = |text: &str| text.parse().expect("an address of ours");
        let rules = Rules {
            limits: RelayLimits {
                answers_per_second: 1000,
                permissions: 4,
                channels: 3,
                ..RelayLimits::default()
            },
            scopes: 3,
            reach,
            allow: Vec::new(),
            secrets: vec![SECRET.to_vec()],
            key: [7; 32],
            sockets: vec![ClientSocket { address: Some(address("8.8.8.8:3478")), sisters: None }],
            listening: vec![address("8.8.8.8:3478")],
            own: vec![address("8.8.8.8:1").ip(), address("[2606:4700::8]:1").ip()],
            relay_ips: vec![address("8.8.8.8:1").ip(), address("[2606:4700::8]:1").ip()],
            relay_ports: 50000..=60000,
        };
        let relay = Relay::new(rules, Epoch { at: now, unix: Duration::from_secs(1_700_000_000) });
        let (sockets, released) = Default::default();
        Self { relay, now, sockets, released, last: Vec::new(), port: 50000 }
    }

    fn step(&mut self, what: u8, who: u8, bytes: &[u8]) {
        let client = client(who);
        let peer: SocketAddr =
            PEERS[usize::from(who >> 2) % PEERS.len()].parse().expect("an address of ours");
        match what % 8 {
            0 => self.hear(client, bytes),
            1 => self.ask(client, who, bytes),
            2 => {
                let at = self.sockets.iter().copied().nth(usize::from(who & 3)).unwrap_or(AllocationId(0));
                let forward = self.relay.from_peer(at, peer, bytes, self.now);
                assert!(forward.is_none_or(|forward| matches!(forward.to, Destination::Client(_))));
            }
            3 => {
                self.now += Duration::from_secs(u64::from(who) * 4);
                self.relay.handle_timeout(self.now);
            }
            4 => self.tell(match who & 7 {
                0 => News::Opened { scope: SCOPE },
                1 => News::Ended { scope: SCOPE },
                2 => News::Seen { scope: SCOPE, party: Party::Lower, ip: peer.ip() },
                3 => News::Seen { scope: SCOPE, party: Party::Higher, ip: peer.ip() },
                4 => News::Allocated { scope: SCOPE, relayed: peer },
                _ => News::Released { scope: SCOPE, relayed: peer },
            }),
            5 => {
                let length = (bytes.len() as u16).to_be_bytes();
                self.hear(client, &[&[0x40, who >> 5][..], &length, bytes].concat());
            }
            6 => {
                let relayed = SocketAddr::new(IpAddr::from([8, 8, 8, 8]), 50000 + u16::from(who & 3));
                let forward = self.relay.from_neighbour(relayed, peer, SCOPE, bytes, self.now);
                assert!(forward.is_none_or(|forward| matches!(forward.to, Destination::Client(_))));
            }
            _ => self.relay.handle(Event::StreamClosed { client }, self.now),
        }
        self.drain();
    }

    fn hear(&mut self, client: Client, packet: &[u8]) {
        let Some(forward) = self.relay.from_client(client, packet, self.now) else { return };
        let zeros = usize::from(forward.tail);
        assert!(zeros < 4 && forward.payload.len() <= packet.len());
        match forward.to {
            Destination::Peer { via, to } => {
                assert!(self.sockets.contains(&via) && to.port() != 0);
                assert!(forward.head.bytes().is_empty() && zeros == 0);
                assert!(!to.ip().is_loopback() && !to.ip().is_unspecified() && !to.ip().is_multicast());
                assert!(to.ip() != IpAddr::from([8, 8, 8, 8]) && to.ip() != IpAddr::from([10, 0, 0, 1]));
            }
            Destination::Client(_) => {
                let length = forward.head.bytes().len() + forward.payload.len() + zeros;
                let stated = u16::from_be_bytes([forward.head.bytes()[2], forward.head.bytes()[3]]);
                let counted = if forward.head.bytes()[0] >= 0x40 {
                    4 + usize::from(stated)
                } else {
                    20 + usize::from(stated)
                };
                assert!(length - counted < 4);
            }
            Destination::Neighbour { scope, .. } => assert!(scope == SCOPE || scope == ScopeId(2)),
        }
    }

    /// A request whose attributes are the input's, signed, and with a nonce that is good now.
    fn ask(&mut self, client: Client, who: u8, bytes: &[u8]) {
        let Some((method, mut rest)) = bytes.split_first() else { return };
        let challenge = request(METHODS[0], 1).finish();
        self.hear(client, &challenge);
        self.drain();
        let last = std::mem::take(&mut self.last);
        let nonce = Message::from_bytes(&last).ok().and_then(|answer| answer.attribute::<Nonce>().ok());
        let nonce = nonce.map_or(String::new(), |nonce| nonce.nonce().to_owned());

        let mut message = request(METHODS[usize::from(*method) % METHODS.len()], u128::from(who));
        while let Some((&[high, low, length], after)) = rest.split_first_chunk::<3>() {
            let (value, after) = after.split_at(usize::from(length).min(after.len()));
            rest = after;
            let kind = AttributeType::new(u16::from_be_bytes([high, low]));
            // Those that end a message are added below.
            if !matches!(kind.value(), 0x0008 | 0x001c | 0x8028) {
                let _ = message.add_attribute(&RawAttribute::new(kind, value));
            }
        }
        let Credentials { username, password } = credentials(who);
        let key = LongTermKeyCredentials::new(username.clone(), password, "sightline".to_owned());
        for attribute in [
            &Username::new(&username).expect("a short one") as &dyn AttributeWrite,
            &Realm::new("sightline").expect("a short one"),
            &Nonce::new(&nonce).expect("a short one"),
        ] {
            let _ = message.add_attribute(attribute);
        }
        if message.add_message_integrity(&key.into(), IntegrityAlgorithm::Sha1).is_ok() {
            let packet = message.finish();
            self.hear(client, &packet);
        }
    }

    fn tell(&mut self, news: News) {
        self.relay.handle(Event::News(news), self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.relay.poll_effect() {
            match effect {
                Effect::Reply { bytes, .. } => {
                    assert!(Message::from_bytes(&bytes).is_ok());
                    self.last = bytes;
                }
                Effect::Bind { allocation, family, .. } => {
                    assert!(self.sockets.insert(allocation) && !self.released.contains(&allocation));
                    self.port = 50000 + self.port.wrapping_add(1) % 4;
                    let ip = match family {
                        Family::V4 => IpAddr::from([8, 8, 8, 8]),
                        Family::V6 => IpAddr::from([0x2606, 0x4700, 0, 0, 0, 0, 0, 8]),
                    };
                    let relayed = SocketAddr::new(ip, self.port);
                    self.relay.handle(Event::Bound { allocation, relayed }, self.now);
                }
                Effect::Release { allocation } => {
                    assert!(self.sockets.remove(&allocation) && self.released.insert(allocation));
                }
                Effect::Tell(_) | Effect::CloseStream { .. } => {}
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.relay.counts().allocations, self.sockets.len() as u64);
        assert!(self.relay.poll_timeout().is_none_or(|(at, _)| at <= self.now + Duration::from_secs(900)));
    }
}

fn client(who: u8) -> Client {
    let remote = SocketAddr::from(([5 + (who & 1); 4], 1000));
    let via = if who & 2 == 0 { Via::Udp(SocketIndex(0)) } else { Via::Stream(StreamId(1)) };
    Client { via, remote }
}

fn credentials(who: u8) -> Credentials {
    let party = if who & 1 == 0 { Party::Lower } else { Party::Higher };
    mint(SECRET, if who & 0x80 == 0 { SCOPE } else { ScopeId(2) }, party, 1_700_000_000 + 100_000)
}

fn request(method: u16, transaction: u128) -> MessageWriteVec {
    let kind = MessageType::from_class_method(MessageClass::Request, Method::new(method));
    Message::builder(kind, transaction.into(), MessageWriteVec::new())
}
