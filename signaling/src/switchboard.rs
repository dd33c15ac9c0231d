//! The switchboard: who is connected, and which envelope goes to whom. No socket, clock, randomness or waiting.
//!
//! ```text
//!  opened ──▶ Greeting ──valid hello──▶ Bound to an address ──closed, cut or replaced──▶ gone
//!                │                                                                         ▲
//!                └──────────── anything else, or nothing for too long ─────────────────────┘
//! ```
//!
//! A *socket* is a connection; a *session* is what an address has here. A session outlives a socket that breaks, for a
//! while, and the next socket of its client takes it over: what was missed is said again, nothing twice
//! (`session.rs`). How a socket becomes somebody's is in `greeting.rs`, what clients ask for in
//! `requests.rs`, the calls and who may have the relay in `calls.rs`.
//!
//! It knows addresses, call identities and sizes. What is inside an envelope is sealed, and it never looks.

mod calls;
mod greeting;
mod requests;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sightline_protocol::limits::MAX_ERROR_TEXT_CHARS;
use sightline_protocol::switchboard::encode;
use sightline_protocol::{Address, Challenge, ErrorCode, MessageError, ToClient, Token};

use crate::config::Limits;
use crate::relay::{Epoch, News, ScopeId};
use crate::watching::metrics::Metrics;
use calls::Calls;
use session::{Place, Rates, Receipt, Session, Waiting};

/// How long the first client stays away when the server is stopped, at least: a restart takes about that.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);

/// How many clients a second are to come back. Each costs a TLS handshake and a signature.
const COME_BACK_PER_SECOND: u64 = 500;

/// Among how many milliseconds even a few clients choose.
const COME_BACK_SPREAD_MS: u64 = 2000;

/// One connection, for as long as the server runs: never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SocketId(pub(crate) u64);

/// What a client's log and ours call one session. Not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(pub(crate) [u8; 8]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The random values that one connection needs. They come from outside, so that a test can choose them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dice {
    pub(crate) challenge: Challenge,
    pub(crate) session: SessionId,
    pub(crate) token: Token,
}

/// Something happened outside.
#[derive(Debug)]
pub(crate) enum Event<'t> {
    /// Somebody connected.
    Opened { socket: SocketId, peer: IpAddr, dice: Dice },
    /// A text message arrived.
    Said { socket: SocketId, text: &'t str },
    /// Something arrived that is not a text message; nothing after it can be read.
    Unreadable { socket: SocketId, why: Unreadable },
    /// There was no room for a `Send` to this socket.
    Overflowed { socket: SocketId },
    /// The connection is gone.
    Closed { socket: SocketId, how: Ending },
    /// The server is being stopped. The random number tells when each client is to come back.
    Closing { random: u64 },
}

/// What was wrong with something that is not a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Binary,
    NotUtf8,
    TooLong,
    NotWebSocket,
}

/// How a connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client closed it, and will not come back to its session.
    Closed,
    /// It broke, or its client fell silent. It may come back.
    Broken,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send this text; where there is no room, say `Overflowed`.
    Send { socket: SocketId, text: Bytes },
    /// Close the connection after what was sent before. Nothing more will be sent to it.
    Close { socket: SocketId, code: u16, reason: String },
    /// End the connection now: it takes nothing any more. Nothing more will be sent to it.
    Cut { socket: SocketId },
    /// Tell every relay thread.
    Tell(News),
    /// A hello from here proved nothing.
    Blame { peer: IpAddr },
}

/// Why the switchboard wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// This socket's hello is due.
    Hello(SocketId),
    /// What this address said is to be acknowledged.
    Acknowledge(Address),
    /// This address is no longer waited for.
    Return(Address),
    /// This call may have to be forgotten.
    Call(ScopeId),
}

/// What clients are told of the relay.
#[derive(Clone)]
pub(crate) struct RelayOffer {
    /// Where it is: `turn:host:port?transport=udp`.
    pub(crate) urls: Vec<String>,
    /// What credentials are made with.
    pub(crate) secret: Vec<u8>,
    /// What time it is for those who check them.
    pub(crate) epoch: Epoch,
}

/// What a switchboard is told before it starts.
pub(crate) struct Setup {
    /// The names it answers to.
    pub(crate) names: Vec<String>,
    pub(crate) limits: Limits,
    /// Where clients may ask for their own address: `stun:host:port`.
    pub(crate) stun: Vec<String>,
    pub(crate) relay: Option<RelayOffer>,
    /// What scopes are made with where there is no relay, and so no secret.
    pub(crate) random: u64,
    pub(crate) metrics: Arc<Metrics>,
}

/// Close codes. Those below 4000 have their meaning from RFC 6455; the reason is the error's own word.
mod close_code {
    pub(super) const NORMAL: u16 = 1000;
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const PROTOCOL: u16 = 1002;
    pub(super) const UNSUPPORTED: u16 = 1003;
    pub(super) const INVALID: u16 = 1007;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TOO_LARGE: u16 = 1009;
    pub(super) const REPLACED: u16 = 4000;
}

/// The machine.
pub(crate) struct Switchboard {
    names: Vec<String>,
    limits: Limits,
    rates: Rates,
    stun: Vec<String>,
    relay: Option<RelayOffer>,
    metrics: Arc<Metrics>,
    sockets: HashMap<SocketId, Socket>,
    sessions: HashMap<Address, Session>,
    births: u64,
    /// How many of the sessions are away.
    away: u64,
    calls: Calls,
    /// One entry for each socket in `Stage::Greeting`, each session with `acknowledge_at`, and each that is away.
    deadlines: BTreeSet<(Instant, Why)>,
    /// Envelopes that did not reach their addressee; empty between two events.
    returned: VecDeque<(Address, Receipt)>,
    effects: VecDeque<Effect>,
    closing: bool,
}

#[derive(Debug)]
struct Socket {
    peer: IpAddr,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// In a box, because nearly all sockets are past it.
    Greeting(Box<Greeting>),
    /// There is a session of this address, and its socket is this one.
    Bound(Address),
}

#[derive(Debug, Clone)]
struct Greeting {
    dice: Dice,
    hello_by: Instant,
}

/// Something that ends a connection or one message.
#[derive(Debug)]
struct Fault {
    code: ErrorCode,
    text: String,
}

impl Fault {
    fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl Switchboard {
    /// A switchboard that nobody has called yet.
    pub(crate) fn new(setup: Setup) -> Self {
        let Setup { names, limits, stun, relay, random, metrics } = setup;
        let key = relay.as_ref().map_or_else(|| random.to_be_bytes().to_vec(), |relay| relay.secret.clone());
        Self {
            names,
            limits,
            rates: Rates::new(&limits),
            stun,
            relay,
            metrics,
            sockets: HashMap::new(),
            sessions: HashMap::new(),
            births: 0,
            away: 0,
            calls: Calls::new(limits.calls, limits.relay.credentials_for, key),
            deadlines: BTreeSet::new(),
            returned: VecDeque::new(),
            effects: VecDeque::new(),
            closing: false,
        }
    }

    /// Takes in what happened. An event of a socket that is gone is a late one, and ignored.
    pub(crate) fn handle(&mut self, event: Event<'_>, now: Instant) {
        match event {
            Event::Opened { socket, peer, dice } => self.opened(socket, peer, dice, now),
            Event::Said { socket, text } => self.said(socket, text, now),
            Event::Unreadable { socket, why } => self.unreadable(socket, why),
            Event::Overflowed { socket } => self.cut_slow(socket, now),
            Event::Closed { socket, how } => self.closed(socket, how, now),
            Event::Closing { random } => self.close(random),
        }
        self.settle(now);
    }

    /// Does what is due by now.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(due) = self.deadlines.first().copied().filter(|(due, _)| *due <= now) {
            self.deadlines.remove(&due);
            match due.1 {
                Why::Hello(socket) => {
                    let seconds = self.limits.hello_within.as_secs_f32();
                    let text = format!("no valid hello came within {seconds} s");
                    self.expel(socket, Fault::new(ErrorCode::AuthTimeout, text));
                }
                Why::Acknowledge(address) => {
                    if let Some(session) = self.sessions.get_mut(&address) {
                        session.acknowledge_at = None;
                    }
                    self.acknowledge(&address, now);
                }
                Why::Return(address) => {
                    self.end(&address);
                }
                Why::Call(_) => {}
            }
        }
        for scope in self.calls.handle_timeout(now) {
            self.effects.push_back(Effect::Tell(News::Ended { scope }));
        }
        self.settle(now);
        self.count();
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next, and what for.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Why)> {
        let call = self.calls.poll_timeout().map(|(due, scope)| (due, Why::Call(scope)));
        self.deadlines.first().copied().into_iter().chain(call).min()
    }

    /// The next thing to be done, until there is none.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn said(&mut self, socket: SocketId, text: &str, now: Instant) {
        let outcome = match self.sockets.get(&socket).map(|socket| &socket.stage) {
            None => return,
            Some(Stage::Greeting(greeting)) => {
                let dice = greeting.dice.clone();
                self.greeted(socket, text, dice, now)
            }
            Some(Stage::Bound(address)) if text.len() <= self.limits.message_bytes => {
                let address = *address;
                self.requested(socket, address, text, now)
            }
            Some(Stage::Bound(_)) => Err(too_large(self.limits.message_bytes)),
        };
        if let Err(fault) = outcome {
            self.expel(socket, fault);
        }
    }

    fn unreadable(&mut self, socket: SocketId, why: Unreadable) {
        let fault = match why {
            Unreadable::Binary => {
                Fault::new(ErrorCode::ProtoMalformed, "only text messages are understood here")
            }
            Unreadable::NotUtf8 => Fault::new(ErrorCode::ProtoMalformed, "a text message has to be UTF-8"),
            Unreadable::TooLong => too_large(self.limits.message_bytes),
            Unreadable::NotWebSocket => Fault::new(ErrorCode::ProtoMalformed, "this is not WebSocket"),
        };
        let code = match why {
            Unreadable::Binary => close_code::UNSUPPORTED,
            Unreadable::NotUtf8 => close_code::INVALID,
            Unreadable::TooLong => close_code::TOO_LARGE,
            Unreadable::NotWebSocket => close_code::PROTOCOL,
        };
        self.expel_with(socket, fault, code);
    }

    fn closed(&mut self, socket: SocketId, how: Ending, now: Instant) {
        let Some(address) = self.forget(socket) else { return };
        tracing::debug!(socket = socket.0, ?how, "gone");
        match how {
            Ending::Closed => self.end(&address),
            Ending::Broken => self.go_away(&address, now),
        }
    }

    /// A client takes nothing any more. It may come back and do better.
    fn cut_slow(&mut self, socket: SocketId, now: Instant) {
        if !self.sockets.contains_key(&socket) {
            return;
        }
        tracing::debug!(socket = socket.0, "reads too slowly");
        self.metrics.switchboard.cut.add(1);
        self.effects.push_back(Effect::Cut { socket });
        if let Some(address) = self.forget(socket) {
            self.go_away(&address, now);
        }
    }

    fn close(&mut self, random: u64) {
        self.closing = true;
        let spread = COME_BACK_SPREAD_MS.max(self.sessions.len() as u64 * 1000 / COME_BACK_PER_SECOND);
        let now_unneeded: Vec<(SocketId, bool)> = self
            .sockets
            .iter()
            .map(|(socket, entry)| (*socket, matches!(entry.stage, Stage::Bound(_))))
            .collect();
        for (socket, is_bound) in now_unneeded {
            if is_bound {
                let pause = COME_BACK_AFTER.as_millis() as u64 + scatter(random, socket.0) % spread;
                self.send(socket, &ToClient::Drain { come_back_in_ms: pause });
                self.let_go(socket, close_code::GOING_AWAY, "drain");
            } else {
                let Fault { code, text } = closing();
                self.tell_last(socket, code, text);
                self.let_go(socket, close_code::GOING_AWAY, "server.closing");
            }
        }
        // Nobody is left to be told of what waited. The calls stay: what is relayed may go on for a while.
        self.sessions.clear();
        self.away = 0;
        self.deadlines.clear();
        self.count();
    }

    /// Tells a client why, and ends its connection and its session.
    fn expel(&mut self, socket: SocketId, fault: Fault) {
        let code = match fault.code {
            ErrorCode::ProtoTooLarge => close_code::TOO_LARGE,
            ErrorCode::ServerClosing => close_code::GOING_AWAY,
            ErrorCode::ProtoVersion
            | ErrorCode::ProtoMalformed
            | ErrorCode::ProtoUnexpected
            | ErrorCode::AuthFailed
            | ErrorCode::AuthTimeout
            | ErrorCode::RateLimited
            | ErrorCode::PeerSlow
            | ErrorCode::CallUnknown
            | ErrorCode::RelayNone
            | ErrorCode::ServerOverload
            | ErrorCode::ServerInternal
            | ErrorCode::Other(_) => close_code::POLICY,
        };
        self.expel_with(socket, fault, code);
    }

    fn expel_with(&mut self, socket: SocketId, Fault { code, text }: Fault, close_code: u16) {
        let Some(entry) = self.sockets.get(&socket) else { return };
        tracing::debug!(socket = socket.0, peer = %entry.peer, %code, "expelled");
        let reason = code.to_string();
        self.tell_last(socket, code, text);
        if let Some(address) = self.let_go(socket, close_code, &reason) {
            self.end(&address);
        }
    }

    fn tell_last(&mut self, socket: SocketId, code: ErrorCode, text: String) {
        self.count_fault(&code);
        self.send(socket, &ToClient::Error { n: None, code, text: cut(text), fatal: true, id: None });
    }

    fn send(&mut self, socket: SocketId, message: &ToClient) {
        self.effects.push_back(Effect::Send { socket, text: encode(message).into() });
    }

    /// Closes a socket. Whose it was, if it had become somebody's.
    fn let_go(&mut self, socket: SocketId, code: u16, reason: &str) -> Option<Address> {
        let address = self.forget(socket);
        self.effects.push_back(Effect::Close { socket, code, reason: reason.to_owned() });
        address
    }

    fn forget(&mut self, socket: SocketId) -> Option<Address> {
        match self.sockets.remove(&socket)?.stage {
            Stage::Greeting(greeting) => {
                self.deadlines.remove(&(greeting.hello_by, Why::Hello(socket)));
                None
            }
            Stage::Bound(address) => Some(address),
        }
    }

    /// The session has no socket any more, and waits for one.
    fn go_away(&mut self, address: &Address, now: Instant) {
        let until = now + self.limits.resume_within;
        if let Some(session) = self.sessions.get_mut(address) {
            session.place = Place::Away { until };
            self.deadlines.insert((until, Why::Return(*address)));
            self.away += 1;
        }
        self.count();
    }

    /// The session is over.
    fn end(&mut self, address: &Address) {
        let waiting = self.take_session(address);
        let sessions = &self.sessions;
        for scope in self.calls.left(address, |other| sessions.contains_key(other)) {
            self.effects.push_back(Effect::Tell(News::Ended { scope }));
        }
        self.give_back(address, waiting);
        self.count();
    }

    fn take_session(&mut self, address: &Address) -> VecDeque<Waiting> {
        let Some(mut session) = self.sessions.remove(address) else { return VecDeque::new() };
        tracing::debug!(session = %session.id, "over");
        if let Some(at) = session.acknowledge_at {
            self.deadlines.remove(&(at, Why::Acknowledge(*address)));
        }
        if let Place::Away { until } = session.place {
            self.deadlines.remove(&(until, Why::Return(*address)));
            self.away -= 1;
        }
        session.outbox.take()
    }

    fn count(&self) {
        let counts = &self.metrics.switchboard;
        counts.sessions.set(self.sessions.len() as u64 - self.away);
        counts.sessions_away.set(self.away);
        counts.calls.set(self.calls.len() as u64);
    }

    fn count_fault(&self, code: &ErrorCode) {
        let counts = &self.metrics.switchboard;
        match code {
            ErrorCode::ProtoMalformed => &counts.refused.malformed,
            ErrorCode::ProtoTooLarge => &counts.refused.too_large,
            ErrorCode::RateLimited => &counts.refused.too_many,
            ErrorCode::AuthFailed | ErrorCode::ProtoVersion => &counts.hellos.refused,
            ErrorCode::AuthTimeout => &counts.hellos.late,
            ErrorCode::PeerSlow => &counts.envelopes.overflowed,
            ErrorCode::ProtoUnexpected
            | ErrorCode::CallUnknown
            | ErrorCode::RelayNone
            | ErrorCode::ServerOverload
            | ErrorCode::ServerClosing
            | ErrorCode::ServerInternal
            | ErrorCode::Other(_) => &counts.refused.not_allowed,
        }
        .add(1);
    }
}

/// Numbers that look random, from one that is.
fn scatter(random: u64, number: u64) -> u64 {
    // The finish of SplitMix64.
    let mut mixed = random.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn unreadable(error: MessageError) -> Fault {
    let code = match error {
        MessageError::TooLarge { .. } | MessageError::EnvelopeTooLarge { .. } => ErrorCode::ProtoTooLarge,
        MessageError::Malformed(_) => ErrorCode::ProtoMalformed,
    };
    Fault::new(code, error.to_string())
}

fn too_large(bytes: usize) -> Fault {
    Fault::new(ErrorCode::ProtoTooLarge, format!("a message has at most {bytes} bytes here"))
}

fn closing() -> Fault {
    Fault::new(ErrorCode::ServerClosing, "the server is being stopped; connect again later")
}

/// An explanation may quote what the client sent, however long that was.
fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_ERROR_TEXT_CHARS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}
