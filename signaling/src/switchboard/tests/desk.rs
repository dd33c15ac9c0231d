//! A switchboard, and the hands that work it, on a clock that only the test moves.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sightline_protocol::switchboard::{decode, hello_signing_bytes};
use sightline_protocol::{CallId, Identity, PROTOCOL_VERSION, Resume, Sealed, ToServer};

use super::super::*;

pub(super) const CALL: CallId = CallId([7; 16]);

pub(super) const NAME: &str = "127.0.0.1:4711";

pub(super) const NOW_UNIX: u64 = 1_800_000_000;

pub(super) struct Desk {
    pub(super) switchboard: Switchboard,
    pub(super) now: Instant,
    pub(super) sockets: u64,
    pub(super) metrics: Arc<Metrics>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Told(SocketId, ToClient),
    Closed(SocketId, u16),
    Cut(SocketId),
    Relay(News),
    Blamed(IpAddr),
}

use Seen::{Closed, Told};

impl Desk {
    pub(super) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Self {
        let (now, metrics) = (Instant::now(), Arc::new(Metrics::default()));
        let urls = vec!["turn:call.example.org:3478?transport=udp".to_owned()];
        let epoch = Epoch { at: now, unix: Duration::from_secs(NOW_UNIX) };
        let switchboard = Switchboard::new(Setup {
            names: vec![NAME.to_owned(), "call.example.org".to_owned()],
            limits,
            stun: vec!["stun:call.example.org:3478".to_owned()],
            relay: Some(RelayOffer { urls, secret: b"secret".to_vec(), epoch }),
            random: 200,
            metrics: Arc::clone(&metrics),
        });
        Self { switchboard, now, sockets: 0, metrics }
    }

    pub(super) fn open(&mut self) -> SocketId {
        self.open_from(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    pub(super) fn open_from(&mut self, peer: IpAddr) -> SocketId {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        let session = SessionId(self.sockets.to_be_bytes());
        let dice = Dice { challenge: challenge_of(socket), session, token: token_of(socket) };
        self.handle(Event::Opened { socket, peer, dice });
        socket
    }

    pub(super) fn say(&mut self, socket: SocketId, message: &ToServer) {
        self.say_text(socket, &encode(message));
    }

    pub(super) fn say_text(&mut self, socket: SocketId, text: &str) {
        self.handle(Event::Said { socket, text });
    }

    /// A socket that has said a valid hello, with the talk about it out of the way.
    pub(super) fn connect(&mut self, who: &Identity) -> SocketId {
        self.connect_from(who, IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    pub(super) fn connect_from(&mut self, who: &Identity, peer: IpAddr) -> SocketId {
        let socket = self.open_from(peer);
        self.say(socket, &hello(who, NAME, socket));
        let seen = self.seen();
        let is_ready = |seen: &Seen| matches!(seen, Told(_, ToClient::Ready { resumed: false, .. }));
        assert!(seen.iter().any(is_ready), "{seen:?}");
        socket
    }

    /// Another socket, which takes over the session of the one before. What is seen is left to be looked at.
    pub(super) fn resume(&mut self, who: &Identity, before: SocketId, received: u64) -> SocketId {
        let socket = self.open();
        self.seen();
        self.say(socket, &coming_back(who, socket, before, before, received));
        socket
    }

    pub(super) fn handle(&mut self, event: Event<'_>) {
        self.switchboard.handle(event, self.now);
        check(&self.switchboard);
    }

    pub(super) fn breaks(&mut self, socket: SocketId) {
        self.handle(Event::Closed { socket, how: Ending::Broken });
    }

    pub(super) fn closes(&mut self, socket: SocketId) {
        self.handle(Event::Closed { socket, how: Ending::Closed });
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.switchboard.handle_timeout(self.now);
        check(&self.switchboard);
    }

    pub(super) fn seen(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.switchboard.poll_effect())
            .map(|effect| match effect {
                Effect::Send { socket, text } => {
                    let text = std::str::from_utf8(&text).expect("text");
                    Told(socket, decode(text).expect("a message we encoded"))
                }
                Effect::Close { socket, code, .. } => Closed(socket, code),
                Effect::Cut { socket } => Seen::Cut(socket),
                Effect::Tell(news) => Seen::Relay(news),
                Effect::Blame { peer } => Seen::Blamed(peer),
            })
            .collect()
    }

    /// The one error that was told, and whether the connection was closed after it.
    pub(super) fn error(&mut self) -> (ErrorCode, bool) {
        match &self.seen()[..] {
            [Told(_, ToClient::Error { code, fatal: false, .. })] => (code.clone(), false),
            [Told(told, ToClient::Error { code, fatal: true, .. }), Closed(closed, _)] if told == closed => {
                (code.clone(), true)
            }
            other => panic!("expected one error, saw {other:?}"),
        }
    }
}

/// The tables and the deadlines say the same.
pub(super) fn check(switchboard: &Switchboard) {
    let (mut greeting, mut here) = (0, 0);
    for (id, socket) in &switchboard.sockets {
        match &socket.stage {
            Stage::Greeting(stage) => {
                greeting += 1;
                assert!(switchboard.deadlines.contains(&(stage.hello_by, Why::Hello(*id))));
            }
            Stage::Bound(address) => {
                here += 1;
                assert_eq!(switchboard.sessions[address].place, Place::Here(*id));
            }
        }
    }
    let (mut away, mut owing) = (0, 0);
    for (address, session) in &switchboard.sessions {
        if let Place::Away { until } = session.place {
            away += 1;
            assert!(switchboard.deadlines.contains(&(until, Why::Return(*address))));
        }
        if let Some(at) = session.acknowledge_at {
            owing += 1;
            assert!(switchboard.deadlines.contains(&(at, Why::Acknowledge(*address))));
        }
        let bytes: usize = session.outbox.iter().map(|(_, waiting)| waiting.text.len()).sum();
        assert_eq!(session.outbox.bytes(), bytes);
    }
    assert_eq!(switchboard.sessions.len(), here + away);
    assert_eq!(switchboard.away as usize, away);
    assert_eq!(switchboard.deadlines.len(), greeting + away + owing);
    assert!(switchboard.returned.is_empty());
    switchboard.calls.check();
}

pub(super) fn challenge_of(socket: SocketId) -> Challenge {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&socket.0.to_be_bytes());
    Challenge(bytes)
}

pub(super) fn token_of(socket: SocketId) -> Token {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&socket.0.to_be_bytes());
    Token(bytes)
}

pub(super) fn person(number: u8) -> Identity {
    Identity::from_secret_bytes([number; 32])
}

pub(super) fn hello(who: &Identity, name: &str, socket: SocketId) -> ToServer {
    let address = who.address();
    let signature = who.sign(&hello_signing_bytes(name, &challenge_of(socket), &address));
    ToServer::Hello { version: PROTOCOL_VERSION, address, signature, resume: None, hidden: false }
}

/// A hello of somebody who comes back: to the session that began on one socket, with the token of another.
pub(super) fn coming_back(
    who: &Identity,
    socket: SocketId,
    began: SocketId,
    token: SocketId,
    received: u64,
) -> ToServer {
    let ToServer::Hello { version, address, signature, hidden, .. } = hello(who, NAME, socket) else {
        panic!()
    };
    let session = SessionId(began.0.to_be_bytes()).to_string();
    let resume = Some(Resume { session, token: token_of(token), received });
    ToServer::Hello { version, address, signature, resume, hidden }
}

/// The same hello of somebody who hides.
pub(super) fn hiding(hello: ToServer) -> ToServer {
    let ToServer::Hello { version, address, signature, resume, .. } = hello else { panic!("{hello:?}") };
    ToServer::Hello { version, address, signature, resume, hidden: true }
}

pub(super) fn envelope(id: u64, to: &Identity) -> ToServer {
    ToServer::Send { id, to: to.address(), call: CALL, sealed: Sealed(vec![1, 2, 3]), ack: None }
}

pub(super) fn of_size(id: u64, to: &Identity, bytes: usize) -> ToServer {
    ToServer::Send { id, to: to.address(), call: CALL, sealed: Sealed(vec![0; bytes]), ack: None }
}

pub(super) fn deliver(n: u64, from: &Identity) -> ToClient {
    ToClient::Deliver { n, from: from.address(), call: CALL, sealed: Sealed(vec![1, 2, 3]) }
}

pub(super) fn offline(n: u64, id: u64, to: &Identity) -> ToClient {
    ToClient::Offline { n, id, to: to.address(), call: CALL }
}
