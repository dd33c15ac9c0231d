//! A relay on a virtual clock, the shell around it, and clients that know how to ask.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use stun_types::attribute::{ErrorCode, Nonce, PasswordAlgorithm, PasswordAlgorithmValue, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
    MessageType, MessageWriteVec, Method, ShortTermCredentials, TransactionId,
};
use stun_types::prelude::*;

use crate::config::{Reach, RelayLimits};
use crate::relay::control::REALM;
use crate::relay::credentials::{Credentials, mint};
use crate::relay::machine::Relay;
use crate::relay::stun::{self, Asked};
use crate::relay::{
    AllocationId, Client, ClientSocket, Destination, Effect, Epoch, Event, Family, Forward, News, Party,
    Rules, ScopeId, SocketIndex, StreamId, Via,
};
use stun_types::attribute::{AttributeType, MappedSocketAddr, RawAttribute, XorSocketAddr};

pub(super) const SECRET: &[u8] = b"a secret";
pub(super) const SCOPE: ScopeId = ScopeId(0xca11);
pub(super) const UNIX: u64 = 1_700_000_000;
/// The address relayed addresses are of. No table denies it.
pub(super) const RELAY_IP: &str = "8.8.8.8";
pub(super) const RELAY_IP6: &str = "2606:4700::8";

pub(super) fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

pub(super) fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

pub(super) fn udp(remote: &str) -> Client {
    Client { via: Via::Udp(SocketIndex(0)), remote: at(remote) }
}

pub(super) fn stream(id: u64, remote: &str) -> Client {
    Client { via: Via::Stream(StreamId(id)), remote: at(remote) }
}

pub(super) fn credentials(party: Party) -> Credentials {
    mint(SECRET, SCOPE, party, UNIX + 600)
}

pub(super) fn rules(reach: Reach) -> Rules {
    Rules {
        limits: RelayLimits { answers_per_second: 1000, ..RelayLimits::default() },
        scopes: 100,
        reach,
        allow: Vec::new(),
        secrets: vec![SECRET.to_vec()],
        key: [7; 32],
        sockets: vec![ClientSocket { address: Some(at("8.8.8.8:3478")), sisters: None }],
        listening: vec![
            at("8.8.8.8:3478"),
            at("8.8.8.8:443"),
            at("[2606:4700::8]:3478"),
            at("192.168.7.7:3478"),
        ],
        own: vec![ip(RELAY_IP), ip(RELAY_IP6), ip("192.168.7.7"), ip("9.9.9.9"), ip("2606:4700::9")],
        relay_ips: vec![ip(RELAY_IP), ip(RELAY_IP6)],
        relay_ports: 50000..=60000,
    }
}

/// A packet that left, put together as a shell would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) to: Destination,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct World {
    pub(super) relay: Relay,
    pub(super) now: Instant,
    pub(super) news: Vec<News>,
    pub(super) closed: Vec<Client>,
    pub(super) released: Vec<AllocationId>,
    pub(super) sockets: HashMap<AllocationId, SocketAddr>,
    /// Answers with their client, oldest first.
    pub(super) replies: VecDeque<(Client, Vec<u8>)>,
    /// Whether relay sockets can be had.
    pub(super) binds: bool,
    /// Binds that were not answered, where `answers_binds` is off.
    pub(super) waiting: Vec<AllocationId>,
    pub(super) answers_binds: bool,
    port: u16,
    transactions: u128,
}

impl World {
    pub(super) fn new(rules: Rules) -> Self {
        let now = Instant::now();
        Self {
            relay: Relay::new(rules, Epoch { at: now, unix: Duration::from_secs(UNIX) }),
            now,
            news: Vec::new(),
            closed: Vec::new(),
            released: Vec::new(),
            sockets: HashMap::new(),
            replies: VecDeque::new(),
            binds: true,
            waiting: Vec::new(),
            answers_binds: true,
            port: 50000,
            transactions: 0,
        }
    }

    /// Any public address may be reached.
    pub(super) fn public() -> Self {
        Self::new(rules(Reach::Public))
    }

    /// A call that the switchboard told of.
    pub(super) fn call() -> Self {
        let mut world = Self::new(rules(Reach::Call));
        world.tell(News::Opened { scope: SCOPE });
        world
    }

    pub(super) fn tell(&mut self, news: News) {
        self.handle(Event::News(news));
    }

    pub(super) fn seen(&mut self, party: Party, address: &str) {
        self.tell(News::Seen { scope: SCOPE, party, ip: ip(address) });
    }

    pub(super) fn handle(&mut self, event: Event) {
        self.relay.handle(event, self.now);
        self.run();
    }

    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, _)) = self.relay.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.relay.handle_timeout(self.now);
            self.run();
        }
        self.now = until;
    }

    fn run(&mut self) {
        while let Some(effect) = self.relay.poll_effect() {
            match effect {
                Effect::Reply { client, bytes } => self.replies.push_back((client, bytes)),
                Effect::Bind { allocation, family, .. } => self.on_bind(allocation, family),
                Effect::Release { allocation } => {
                    assert!(!self.released.contains(&allocation), "released once");
                    self.sockets.remove(&allocation);
                    self.waiting.retain(|waiting| *waiting != allocation);
                    self.released.push(allocation);
                }
                Effect::Tell(news) => self.news.push(news),
                Effect::CloseStream { client } => self.closed.push(client),
            }
        }
    }

    fn on_bind(&mut self, allocation: AllocationId, family: Family) {
        if !self.answers_binds {
            self.waiting.push(allocation);
        } else if self.binds {
            self.port += 1;
            let host = match family {
                Family::V4 => ip(RELAY_IP),
                Family::V6 => ip(RELAY_IP6),
            };
            let relayed = SocketAddr::new(host, self.port);
            self.sockets.insert(allocation, relayed);
            self.relay.handle(Event::Bound { allocation, relayed }, self.now);
        } else {
            self.relay.handle(Event::NotBound { allocation }, self.now);
        }
    }

    pub(super) fn send(&mut self, client: Client, packet: &[u8]) -> Option<Sent> {
        let sent = self.relay.from_client(client, packet, self.now).map(|forward| put_together(&forward));
        self.run();
        sent
    }

    pub(super) fn peer_sends(&mut self, relayed: SocketAddr, peer: &str, payload: &[u8]) -> Option<Sent> {
        let id = self.id_of(relayed)?;
        self.relay.from_peer(id, at(peer), payload, self.now).map(|forward| put_together(&forward))
    }

    pub(super) fn id_of(&self, relayed: SocketAddr) -> Option<AllocationId> {
        self.sockets.iter().find(|(_, there)| **there == relayed).map(|(id, _)| *id)
    }

    pub(super) fn transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        self.transactions.into()
    }

    pub(super) fn asker(&mut self, client: Client, credentials: Credentials) -> Asker {
        let mut asker =
            Asker { client, credentials, nonce: String::new(), algorithm: IntegrityAlgorithm::Sha1 };
        let challenge = self.challenge(client);
        asker.take_nonce(&challenge);
        asker
    }

    /// The answer to an Allocate without credentials.
    pub(super) fn challenge(&mut self, client: Client) -> Vec<u8> {
        let request = Ask::new(stun::ALLOCATE, self.transaction()).transport(17).plain();
        self.send(client, &request);
        self.replies.pop_back().expect("a challenge").1
    }

    pub(super) fn ask(&mut self, asker: &Asker, ask: Ask) -> Said {
        self.send(asker.client, &asker.sign(ask));
        self.said().expect("an answer")
    }

    pub(super) fn said(&mut self) -> Option<Said> {
        let (client, bytes) = self.replies.pop_front()?;
        assert!(self.replies.is_empty(), "one answer each");
        Some(Said { client, bytes })
    }

    pub(super) fn new_ask(&mut self, method: Method) -> Ask {
        Ask::new(method, self.transaction())
    }

    /// An allocation, and the relayed address.
    pub(super) fn allocate(&mut self, asker: &Asker) -> SocketAddr {
        let ask = self.new_ask(stun::ALLOCATE).transport(17);
        self.ask(asker, ask).address(stun::XOR_RELAYED_ADDRESS).expect("a relayed address")
    }

    pub(super) fn allocate6(&mut self, asker: &Asker) -> SocketAddr {
        let ask =
            self.new_ask(stun::ALLOCATE).transport(17).bytes(stun::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
        self.ask(asker, ask).address(stun::XOR_RELAYED_ADDRESS).expect("a relayed address")
    }

    pub(super) fn permit(&mut self, asker: &Asker, peers: &[&str]) -> u16 {
        let mut ask = self.new_ask(stun::CREATE_PERMISSION);
        for peer in peers {
            ask = ask.peer(at(peer));
        }
        self.ask(asker, ask).code()
    }

    pub(super) fn bind(&mut self, asker: &Asker, number: u16, peer: &str) -> u16 {
        let ask = self.new_ask(stun::CHANNEL_BIND).channel(number).peer(at(peer));
        self.ask(asker, ask).code()
    }

    pub(super) fn refresh(&mut self, asker: &Asker, seconds: u32) -> Said {
        let ask = self.new_ask(stun::REFRESH).bytes(stun::LIFETIME, &seconds.to_be_bytes());
        self.ask(asker, ask)
    }
}

pub(super) fn put_together(forward: &Forward<'_>) -> Sent {
    let zeros = [0; 3];
    let bytes = [forward.head.bytes(), forward.payload, &zeros[..usize::from(forward.tail)]].concat();
    Sent { to: forward.to, bytes }
}

pub(super) fn channel_data(number: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&number.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

pub(super) fn send_indication(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let method = Method::new(6);
    let kind = MessageType::from_class_method(MessageClass::Indication, method);
    let mut message = Message::builder(kind, 77.into(), MessageWriteVec::new());
    message.add_attribute(&XorSocketAddr::new(peer, 77.into()).to_raw(stun::XOR_PEER_ADDRESS)).unwrap();
    message.add_attribute(&RawAttribute::new(stun::DATA, payload)).unwrap();
    message.finish()
}

/// A request that is being written.
pub(super) struct Ask {
    message: MessageWriteVec,
    transaction: TransactionId,
}

impl Ask {
    pub(super) fn new(method: Method, transaction: TransactionId) -> Self {
        let kind = MessageType::from_class_method(MessageClass::Request, method);
        Self { message: Message::builder(kind, transaction, MessageWriteVec::new()), transaction }
    }

    pub(super) fn bytes(mut self, kind: AttributeType, value: &[u8]) -> Self {
        self.message.add_attribute(&RawAttribute::new(kind, value)).unwrap();
        self
    }

    pub(super) fn transport(self, protocol: u8) -> Self {
        self.bytes(stun::REQUESTED_TRANSPORT, &[protocol, 0, 0, 0])
    }

    pub(super) fn channel(self, number: u16) -> Self {
        self.bytes(stun::CHANNEL_NUMBER, &(u32::from(number) << 16).to_be_bytes())
    }

    pub(super) fn peer(mut self, peer: SocketAddr) -> Self {
        let address = XorSocketAddr::new(peer, self.transaction);
        self.message.add_attribute(&address.to_raw(stun::XOR_PEER_ADDRESS)).unwrap();
        self
    }

    pub(super) fn plain(self) -> Vec<u8> {
        self.message.finish()
    }

    /// With an HMAC of an empty password, and nothing that would say whose.
    pub(super) fn signed_with_nothing(mut self) -> Vec<u8> {
        let key = ShortTermCredentials::new(String::new()).into();
        self.message.add_message_integrity(&key, IntegrityAlgorithm::Sha1).unwrap();
        self.message.finish()
    }

    pub(super) fn with_fingerprint(mut self) -> Vec<u8> {
        self.message.add_fingerprint().unwrap();
        self.message.finish()
    }
}

/// A client with credentials and a nonce.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) client: Client,
    pub(super) credentials: Credentials,
    pub(super) nonce: String,
    pub(super) algorithm: IntegrityAlgorithm,
}

impl Asker {
    pub(super) fn take_nonce(&mut self, challenge: &[u8]) {
        let challenge = Message::from_bytes(challenge).unwrap();
        assert_eq!(challenge.attribute::<Realm>().unwrap().realm(), REALM);
        self.nonce = challenge.attribute::<Nonce>().unwrap().nonce().to_owned();
    }

    pub(super) fn sign(&self, ask: Ask) -> Vec<u8> {
        let mut message = ask.message;
        message.add_attribute(&Username::new(&self.credentials.username).unwrap()).unwrap();
        message.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
        message.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        if self.algorithm == IntegrityAlgorithm::Sha256 {
            let offered = [0, 2, 0, 0, 0, 1, 0, 0];
            message.add_attribute(&RawAttribute::new(AttributeType::new(0x8002), &offered)).unwrap();
            message.add_attribute(&PasswordAlgorithm::new(PasswordAlgorithmValue::SHA256)).unwrap();
        }
        message.add_message_integrity(&self.key(), self.algorithm).unwrap();
        message.add_fingerprint().unwrap();
        message.finish()
    }

    pub(super) fn key(&self) -> MessageIntegrityCredentials {
        let Credentials { username, password } = self.credentials.clone();
        LongTermKeyCredentials::new(username, password, REALM.to_owned()).into()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) client: Client,
    pub(super) bytes: Vec<u8>,
}

impl Said {
    pub(super) fn message(&self) -> Message<'_> {
        Message::from_bytes(&self.bytes).expect("an answer that can be read")
    }

    /// 200 for success.
    pub(super) fn code(&self) -> u16 {
        let message = self.message();
        if message.has_class(MessageClass::Success) {
            return 200;
        }
        message.attribute::<ErrorCode>().unwrap().code()
    }

    pub(super) fn address(&self, kind: AttributeType) -> Option<SocketAddr> {
        let message = self.message();
        let raw = message.raw_attribute(kind)?;
        Some(XorSocketAddr::from_raw(&raw).ok()?.addr(message.transaction_id()))
    }

    pub(super) fn plain_address(&self, kind: AttributeType) -> Option<SocketAddr> {
        Some(MappedSocketAddr::from_raw(&self.message().raw_attribute(kind)?).ok()?.addr())
    }

    pub(super) fn lifetime(&self) -> Option<u32> {
        self.message().number(stun::LIFETIME)
    }

    pub(super) fn is_signed_for(&self, asker: &Asker) -> bool {
        self.message().validate_integrity(&asker.key()).is_ok()
    }
}
