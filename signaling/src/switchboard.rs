//! The switchboard: who is connected, and which envelope goes to whom. No socket, clock, randomness or waiting.
//!
//! ```text
//!  opened ──▶ Greeting ──valid hello──▶ Bound to an address ──closed, cut or replaced──▶ gone
//!                │                                                                         ▲
//!                └──────────── anything else, or nothing for too long ─────────────────────┘
//! ```
//!
//! A *socket* is a connection; a *session* is what an address has here. They are two tables, though today each session
//! has exactly one socket and ends with it, because a session that outlives its socket (and replays what the client
//! missed) is what comes next.
//!
//! It knows addresses, call identities and sizes. What is inside an envelope is sealed, and it never looks.

mod allowance;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use sightline_protocol::limits::{MAX_ERROR_TEXT_CHARS, MAX_SEALED_BYTES};
use sightline_protocol::switchboard::{decode, encode, hello_signing_bytes};
use sightline_protocol::{
    Address, Challenge, ErrorCode, Limits as StatedLimits, MessageError, PROTOCOL_VERSION, Signature,
    ToClient, ToServer, is_compatible,
};

use crate::config::Limits;
use allowance::{Allowance, Rate};

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

/// Something happened outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// Somebody connected. The random values come from outside, so that a test can choose them.
    Opened { socket: SocketId, peer: IpAddr, challenge: Challenge, session: SessionId },
    /// A text message arrived.
    Said { socket: SocketId, text: String },
    /// Something arrived that is not a text message; nothing after it can be read.
    Unreadable { socket: SocketId, why: Unreadable },
    /// There was no room for a `Send` to this socket.
    Overflowed { socket: SocketId, receipt: Option<Receipt> },
    /// The connection is gone.
    Closed { socket: SocketId },
    /// The server is being stopped.
    Closing,
}

/// What was wrong with something that is not a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Binary,
    NotUtf8,
    TooLong,
    NotWebSocket,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send this text; where there is no room, say `Overflowed` with the receipt.
    Send { socket: SocketId, text: String, receipt: Option<Receipt> },
    /// Close the connection after what was sent before. Nothing more will be sent to it.
    Close { socket: SocketId, code: u16, reason: String },
    /// End the connection now: it takes nothing any more. Nothing more will be sent to it.
    Cut { socket: SocketId },
}

/// Whose envelope it was, should it not reach its addressee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    sender: SocketId,
    id: u64,
}

/// Why the switchboard wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// This socket's hello is due.
    Hello(SocketId),
}

/// Close codes. Those below 4000 have their meaning from RFC 6455; the reason is the error's own word.
mod close_code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const PROTOCOL: u16 = 1002;
    pub(super) const UNSUPPORTED: u16 = 1003;
    pub(super) const INVALID: u16 = 1007;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TOO_LARGE: u16 = 1009;
    pub(super) const REPLACED: u16 = 4000;
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Switchboard {
    names: Vec<String>,
    limits: Limits,
    rate: Rate,
    sockets: HashMap<SocketId, Socket>,
    sessions: HashMap<Address, Session>,
    /// One entry for each socket in `Stage::Greeting`.
    deadlines: BTreeSet<(Instant, Why)>,
    effects: VecDeque<Effect>,
    closing: bool,
}

#[derive(Debug)]
struct Socket {
    peer: IpAddr,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Greeting {
        challenge: Challenge,
        session: SessionId,
        hello_by: Instant,
    },
    /// There is a session of this address, and its socket is this one.
    Bound(Address),
}

#[derive(Debug)]
struct Session {
    id: SessionId,
    socket: SocketId,
    allowance: Allowance,
}

/// Something that ends a connection or one message.
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
    /// A switchboard that answers to these names.
    pub(crate) fn new(names: Vec<String>, limits: Limits) -> Self {
        Self {
            names,
            limits,
            rate: Rate::new(limits.messages_per_second, limits.message_burst),
            sockets: HashMap::new(),
            sessions: HashMap::new(),
            deadlines: BTreeSet::new(),
            effects: VecDeque::new(),
            closing: false,
        }
    }

    /// Takes in what happened. An event of a socket that is gone is a late one, and ignored.
    pub(crate) fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Opened { socket, peer, challenge, session } => {
                self.opened(socket, peer, challenge, session, now);
            }
            Event::Said { socket, text } => self.said(socket, &text, now),
            Event::Unreadable { socket, why } => self.unreadable(socket, why),
            Event::Overflowed { socket, receipt } => self.overflowed(socket, receipt),
            Event::Closed { socket } => {
                self.forget(socket);
            }
            Event::Closing => self.close(),
        }
    }

    /// Does what is due by now.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(due, Why::Hello(socket))) = self.deadlines.first().filter(|(due, _)| *due <= now) {
            self.deadlines.remove(&(due, Why::Hello(socket)));
            let seconds = self.limits.hello_within.as_secs_f32();
            self.expel(
                socket,
                Fault::new(ErrorCode::AuthTimeout, format!("no valid hello came within {seconds} s")),
            );
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next, and what for.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Why)> {
        self.deadlines.first().copied()
    }

    /// The next thing to be done, until there is none.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn opened(
        &mut self,
        socket: SocketId,
        peer: IpAddr,
        challenge: Challenge,
        session: SessionId,
        now: Instant,
    ) {
        tracing::debug!(socket = socket.0, %peer, "connected");
        let hello_by = now + self.limits.hello_within;
        self.sockets.insert(socket, Socket { peer, stage: Stage::Greeting { challenge, session, hello_by } });
        self.deadlines.insert((hello_by, Why::Hello(socket)));
        if self.closing {
            return self.expel(socket, closing());
        }
        let stated = StatedLimits {
            max_message_bytes: u32::try_from(self.limits.message_bytes).unwrap_or(u32::MAX),
            max_sealed_bytes: MAX_SEALED_BYTES as u32,
        };
        self.send(socket, &ToClient::Welcome { version: PROTOCOL_VERSION, challenge, limits: stated });
    }

    fn said(&mut self, socket: SocketId, text: &str, now: Instant) {
        let Some(stage) = self.sockets.get(&socket).map(|socket| socket.stage) else { return };
        let outcome = match stage {
            Stage::Greeting { challenge, session, .. } => {
                self.greeted(socket, text, &challenge, session, now)
            }
            Stage::Bound(address) if text.len() <= self.limits.message_bytes => {
                self.asked(socket, address, text, now);
                return;
            }
            Stage::Bound(_) => Err(too_large(self.limits.message_bytes)),
        };
        if let Err(fault) = outcome {
            self.expel(socket, fault);
        }
    }

    /// The first message of a socket: a valid hello, or the end of it.
    fn greeted(
        &mut self,
        socket: SocketId,
        text: &str,
        challenge: &Challenge,
        session: SessionId,
        now: Instant,
    ) -> Result<(), Fault> {
        if text.len() > self.limits.hello_bytes {
            return Err(too_large(self.limits.hello_bytes));
        }
        let (version, address, signature) = match decode(text).map_err(unreadable)? {
            ToServer::Hello { version, address, signature } => (version, address, signature),
            ToServer::Send { .. } | ToServer::Unknown => {
                return Err(Fault::new(ErrorCode::ProtoUnexpected, "the first message has to be a hello"));
            }
        };
        if !is_compatible(version) {
            let text =
                format!("this server speaks version {PROTOCOL_VERSION}, and the client version {version}");
            return Err(Fault::new(ErrorCode::ProtoVersion, text));
        }
        if !self.is_signed_for_us(challenge, &address, &signature) {
            let names = self.names.join(", ");
            let text =
                format!("the signature does not prove this address to the server that is called {names}");
            return Err(Fault::new(ErrorCode::AuthFailed, text));
        }
        self.bind(socket, address, session, now);
        Ok(())
    }

    /// A client signs the name it dialled. What it says in a `Host` header would prove nothing: whoever passes on
    /// somebody else's hello writes that header too. So it has to be one of the names that we were given.
    fn is_signed_for_us(&self, challenge: &Challenge, address: &Address, signature: &Signature) -> bool {
        self.names
            .iter()
            .any(|name| address.verify(&hello_signing_bytes(name, challenge, address), signature).is_ok())
    }

    fn bind(&mut self, socket: SocketId, address: Address, id: SessionId, now: Instant) {
        // Whoever connects anew does not get a fresh allowance by it.
        let mut allowance = Allowance::full(now);
        if let Some(older) = self.sessions.get(&address) {
            allowance = older.allowance;
            let older = older.socket;
            tracing::debug!(socket = older.0, by = socket.0, "replaced");
            self.send(older, &ToClient::Replaced);
            self.hang_up(older, close_code::REPLACED, "replaced");
        }
        self.settle(socket, Stage::Bound(address));
        self.sessions.insert(address, Session { id, socket, allowance });
        tracing::debug!(socket = socket.0, session = %id, address = address.short(), "bound");
        self.send(socket, &ToClient::Ready { session: id.to_string() });
    }

    /// A later message. Whatever is wrong with it ends the message and not the connection.
    fn asked(&mut self, socket: SocketId, from: Address, text: &str, now: Instant) {
        let session = self.sessions.get_mut(&from).expect("a bound socket has a session");
        if !session.allowance.take(self.rate, now) {
            let text = format!("more than {} messages a second; slow down", self.limits.messages_per_second);
            return self.complain(socket, Fault::new(ErrorCode::RateLimited, text), None);
        }
        match decode(text) {
            Ok(ToServer::Send { id, to, call, sealed }) => match self.sessions.get(&to) {
                Some(session) => {
                    let text = encode(&ToClient::Deliver { from, call, sealed });
                    let receipt = Some(Receipt { sender: socket, id });
                    self.effects.push_back(Effect::Send { socket: session.socket, text, receipt });
                }
                None => self.send(socket, &ToClient::Offline { id, to, call }),
            },
            Ok(ToServer::Hello { .. }) => {
                self.complain(
                    socket,
                    Fault::new(ErrorCode::ProtoUnexpected, "there was a hello already"),
                    None,
                );
            }
            Ok(ToServer::Unknown) => {
                let text = "this server does not know this type of message";
                self.complain(socket, Fault::new(ErrorCode::ProtoUnexpected, text), None);
            }
            Err(error) => self.complain(socket, unreadable(error), None),
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

    fn overflowed(&mut self, socket: SocketId, receipt: Option<Receipt>) {
        if self.forget(socket) {
            tracing::debug!(socket = socket.0, "reads too slowly");
            self.effects.push_back(Effect::Cut { socket });
        }
        if let Some(Receipt { sender, id }) = receipt {
            let fault =
                Fault::new(ErrorCode::PeerSlow, "the addressee reads too slowly; this envelope is gone");
            self.complain(sender, fault, Some(id));
        }
    }

    fn close(&mut self) {
        self.closing = true;
        let everybody: Vec<SocketId> = self.sockets.keys().copied().collect();
        for socket in everybody {
            self.expel(socket, closing());
        }
    }

    /// Tells a client why, and ends its connection.
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
        self.send(socket, &ToClient::Error { code, text: cut(text), fatal: true, id: None });
        self.hang_up(socket, close_code, &reason);
    }

    /// Tells a client what was wrong with one message. Nothing where the client is gone.
    fn complain(&mut self, socket: SocketId, Fault { code, text }: Fault, id: Option<u64>) {
        if self.sockets.contains_key(&socket) {
            self.send(socket, &ToClient::Error { code, text: cut(text), fatal: false, id });
        }
    }

    fn send(&mut self, socket: SocketId, message: &ToClient) {
        self.effects.push_back(Effect::Send { socket, text: encode(message), receipt: None });
    }

    fn hang_up(&mut self, socket: SocketId, code: u16, reason: &str) {
        self.forget(socket);
        self.effects.push_back(Effect::Close { socket, code, reason: reason.to_owned() });
    }

    fn settle(&mut self, socket: SocketId, stage: Stage) {
        let entry = self.sockets.get_mut(&socket).expect("only a socket that is here is settled");
        if let Stage::Greeting { hello_by, .. } = std::mem::replace(&mut entry.stage, stage) {
            self.deadlines.remove(&(hello_by, Why::Hello(socket)));
        }
    }

    /// Whether it was still here.
    fn forget(&mut self, socket: SocketId) -> bool {
        let Some(gone) = self.sockets.remove(&socket) else { return false };
        match gone.stage {
            Stage::Greeting { hello_by, .. } => {
                self.deadlines.remove(&(hello_by, Why::Hello(socket)));
            }
            Stage::Bound(address) => {
                let session = self.sessions.remove(&address).expect("a bound socket has a session");
                tracing::debug!(socket = socket.0, session = %session.id, "gone");
            }
        }
        true
    }
}

fn unreadable(error: MessageError) -> Fault {
    let code = match error {
        MessageError::TooLarge { .. } => ErrorCode::ProtoTooLarge,
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
