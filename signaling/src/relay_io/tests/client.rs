//! A TURN client that waits for each answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use stun_types::attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username, XorSocketAddr};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageType, MessageWriteVec, Method,
    TransactionId,
};
use stun_types::prelude::*;

use super::datagrams::Datagrams;
use super::{PATIENCE, SCOPE, SECRET};
use crate::relay::credentials::{Credentials, mint};
use crate::relay::{Party, ScopeId};
use crate::relay_io::framing::{self, Cut};

const REALM: &str = "sightline";

const ALLOCATE: Method = Method::new(0x003);
const REFRESH: Method = Method::new(0x004);
const CREATE_PERMISSION: Method = Method::new(0x008);
const CHANNEL_BIND: Method = Method::new(0x009);
const CHANNEL_NUMBER: AttributeType = AttributeType::new(0x000c);
const LIFETIME: AttributeType = AttributeType::new(0x000d);
const XOR_PEER_ADDRESS: AttributeType = AttributeType::new(0x0012);
const DATA: AttributeType = AttributeType::new(0x0013);
const XOR_RELAYED_ADDRESS: AttributeType = AttributeType::new(0x0016);
const REQUESTED_ADDRESS_FAMILY: AttributeType = AttributeType::new(0x0017);
const EVEN_PORT: AttributeType = AttributeType::new(0x0018);
const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);
const XOR_MAPPED_ADDRESS: AttributeType = AttributeType::new(0x0020);

/// As many as one datagram can hold.
const MOST: usize = 65_536;

pub(super) enum Line {
    Udp(Datagrams, SocketAddr),
    Stream(TcpStream, Vec<u8>),
}

pub(super) struct TurnClient {
    pub(super) line: Line,
    credentials: Credentials,
    nonce: String,
    transactions: u128,
}

impl TurnClient {
    pub(super) fn udp(server: SocketAddr) -> Self {
        let any_port = SocketAddr::new(server.ip(), 0);
        Self::new(Line::Udp(Datagrams::bind(&any_port.to_string()), server))
    }

    pub(super) fn tcp(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        stream.set_nodelay(true).expect("no delay");
        Self::new(Line::Stream(stream, Vec::new()))
    }

    fn new(line: Line) -> Self {
        Self { line, credentials: credentials(SCOPE, Party::Lower), nonce: String::new(), transactions: 0 }
    }

    pub(super) fn of(mut self, scope: ScopeId, party: Party) -> Self {
        self.credentials = credentials(scope, party);
        self
    }

    pub(super) fn local(&self) -> SocketAddr {
        match &self.line {
            Line::Udp(socket, _) => socket.local(),
            Line::Stream(stream, _) => stream.local_addr().expect("an address"),
        }
    }

    /// The address at which the server sees us.
    pub(super) fn mapped(&mut self) -> SocketAddr {
        let request = self.binding_request();
        let answer = self.exchange(&request);
        address(&answer, XOR_MAPPED_ADDRESS).expect("a mapped address")
    }

    pub(super) fn binding_request(&mut self) -> Vec<u8> {
        self.request(Method::new(1)).finish()
    }

    /// An allocation's relayed address, or the code of the refusal.
    pub(super) fn allocate(&mut self) -> Result<SocketAddr, u16> {
        self.allocate_with(|_| ())
    }

    pub(super) fn allocate_v6(&mut self) -> Result<SocketAddr, u16> {
        self.allocate_with(|request| add(request, REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]))
    }

    pub(super) fn allocate_even(&mut self) -> Result<SocketAddr, u16> {
        self.allocate_with(|request| add(request, EVEN_PORT, &[0]))
    }

    fn allocate_with(&mut self, more: impl Fn(&mut MessageWriteVec)) -> Result<SocketAddr, u16> {
        self.ask_for_a_nonce();
        let mut request = self.request(ALLOCATE);
        add(&mut request, REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        more(&mut request);
        let answer = self.exchange_signed(request);
        address(&answer, XOR_RELAYED_ADDRESS).ok_or_else(|| code(&answer))
    }

    fn ask_for_a_nonce(&mut self) {
        let mut request = self.request(ALLOCATE);
        add(&mut request, REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        let challenge = self.exchange(&request.finish());
        let challenge = Message::from_bytes(&challenge).expect("a challenge");
        self.nonce = challenge.attribute::<Nonce>().expect("a nonce").nonce().to_owned();
    }

    pub(super) fn permit(&mut self, peer: SocketAddr) -> u16 {
        let mut request = self.request(CREATE_PERMISSION);
        self.add_peer(&mut request, peer);
        code(&self.exchange_signed(request))
    }

    pub(super) fn bind(&mut self, number: u16, peer: SocketAddr) -> u16 {
        let mut request = self.request(CHANNEL_BIND);
        add(&mut request, CHANNEL_NUMBER, &(u32::from(number) << 16).to_be_bytes());
        self.add_peer(&mut request, peer);
        code(&self.exchange_signed(request))
    }

    pub(super) fn refresh(&mut self, seconds: u32) -> u16 {
        let mut request = self.request(REFRESH);
        add(&mut request, LIFETIME, &seconds.to_be_bytes());
        code(&self.exchange_signed(request))
    }

    /// By a Send indication.
    pub(super) fn indicate(&mut self, peer: SocketAddr, payload: &[u8]) {
        let kind = MessageType::from_class_method(MessageClass::Indication, Method::new(6));
        let mut message = Message::builder(kind, self.transaction(), MessageWriteVec::new());
        self.add_peer(&mut message, peer);
        add(&mut message, DATA, payload);
        self.send(&message.finish());
    }

    /// On a channel.
    pub(super) fn say(&mut self, number: u16, payload: &[u8]) {
        let message = self.channel_data(number, payload);
        self.send(&message);
    }

    pub(super) fn channel_data(&self, number: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).expect("a payload");
        let mut message = [&number.to_be_bytes()[..], &length.to_be_bytes(), payload].concat();
        if matches!(self.line, Line::Stream(..)) {
            message.resize(message.len().next_multiple_of(4), 0);
        }
        message
    }

    /// What arrives next on this channel.
    pub(super) fn hear(&mut self, number: u16) -> Vec<u8> {
        let message = self.receive().expect("something to hear");
        assert_eq!(message.get(..2), Some(&number.to_be_bytes()[..]), "{message:02x?}");
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        message[4..4 + length].to_vec()
    }

    /// What arrives next in a Data indication, and from whom.
    pub(super) fn hear_indication(&mut self) -> (SocketAddr, Vec<u8>) {
        let bytes = self.receive().expect("something to hear");
        let message = Message::from_bytes(&bytes).expect("a message");
        assert!(message.has_class(MessageClass::Indication), "{message:?}");
        let data = message.raw_attribute(DATA).expect("data").value.to_vec();
        (address(&bytes, XOR_PEER_ADDRESS).expect("a peer"), data)
    }

    /// Messages of one size, in as few datagrams' calls as may be.
    pub(super) fn send_together(&self, messages: &[Vec<u8>]) {
        let Line::Udp(socket, server) = &self.line else { panic!("only datagrams are sent together") };
        socket.send_together(*server, messages);
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        match &mut self.line {
            Line::Udp(socket, server) => socket.send(*server, bytes),
            Line::Stream(stream, _) => stream.write_all(bytes).expect("loopback takes it"),
        }
    }

    /// The next message, or nothing where none comes in time or the stream ended.
    pub(super) fn receive(&mut self) -> Option<Vec<u8>> {
        match &mut self.line {
            Line::Udp(socket, server) => loop {
                let packet = socket.receive().ok()?;
                // What comes from elsewhere is not for a TURN client.
                if packet.from == *server {
                    return Some(packet.bytes);
                }
            },
            Line::Stream(stream, waiting) => loop {
                if let Cut::Message { length, next } = framing::cut(waiting) {
                    let message = waiting[..length].to_vec();
                    waiting.drain(..next);
                    return Some(message);
                }
                let mut bytes = vec![0; MOST];
                let length = stream.read(&mut bytes).ok().filter(|length| *length > 0)?;
                waiting.extend_from_slice(&bytes[..length]);
            },
        }
    }

    fn request(&mut self, method: Method) -> MessageWriteVec {
        let kind = MessageType::from_class_method(MessageClass::Request, method);
        Message::builder(kind, self.transaction(), MessageWriteVec::new())
    }

    fn exchange(&mut self, request: &[u8]) -> Vec<u8> {
        self.send(request);
        loop {
            let answer = self.receive().expect("an answer");
            // Data may come first.
            if answer.get(4..20) == request.get(4..20) {
                return answer;
            }
        }
    }

    fn exchange_signed(&mut self, mut request: MessageWriteVec) -> Vec<u8> {
        let Credentials { username, password } = self.credentials.clone();
        let key = LongTermKeyCredentials::new(username.clone(), password, REALM.to_owned()).into();
        request.add_attribute(&Username::new(&username).expect("a name")).expect("room");
        request.add_attribute(&Realm::new(REALM).expect("a realm")).expect("room");
        request.add_attribute(&Nonce::new(&self.nonce).expect("a nonce")).expect("room");
        request.add_message_integrity(&key, IntegrityAlgorithm::Sha1).expect("room");
        self.exchange(&request.finish())
    }

    fn add_peer(&self, request: &mut MessageWriteVec, peer: SocketAddr) {
        let address = XorSocketAddr::new(peer, self.transactions.into());
        request.add_attribute(&address.to_raw(XOR_PEER_ADDRESS)).expect("room");
    }

    fn transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        self.transactions.into()
    }
}

fn credentials(scope: ScopeId, party: Party) -> Credentials {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
    mint(SECRET, scope, party, now.as_secs() + 600)
}

fn add(request: &mut MessageWriteVec, kind: AttributeType, value: &[u8]) {
    request.add_attribute(&RawAttribute::new(kind, value)).expect("room");
}

/// 200 for success.
fn code(answer: &[u8]) -> u16 {
    let message = Message::from_bytes(answer).expect("a message");
    if message.has_class(MessageClass::Success) {
        return 200;
    }
    message.attribute::<ErrorCode>().expect("a reason").code()
}

fn address(answer: &[u8], kind: AttributeType) -> Option<SocketAddr> {
    let message = Message::from_bytes(answer).ok()?;
    let raw = message.raw_attribute(kind)?;
    Some(XorSocketAddr::from_raw(&raw).ok()?.addr(message.transaction_id()))
}
