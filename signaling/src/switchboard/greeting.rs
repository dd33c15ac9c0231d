//! How a socket becomes somebody's: the welcome, the hello, and the session that it takes over or begins.

use std::net::IpAddr;
use std::time::Instant;

use sightline_protocol::limits::MAX_SEALED_BYTES;
use sightline_protocol::switchboard::{decode, encode, hello_signing_bytes};
use sightline_protocol::{
    Address, Challenge, ErrorCode, Limits as StatedLimits, PROTOCOL_VERSION, Resume, Signature, ToClient,
    ToServer, Token, is_compatible,
};

use super::session::{Opening, Place, Session, Spent};
use super::{
    Dice, Effect, Fault, Greeting, Socket, SocketId, Stage, Switchboard, Why, close_code, closing, too_large,
    unreadable,
};
use crate::relay::News;

impl Switchboard {
    pub(super) fn opened(&mut self, socket: SocketId, peer: IpAddr, dice: Dice, now: Instant) {
        tracing::debug!(socket = socket.0, %peer, "connected");
        let hello_by = now + self.limits.hello_within;
        let challenge = dice.challenge;
        let stage = Stage::Greeting(Box::new(Greeting { dice, hello_by }));
        self.sockets.insert(socket, Socket { peer, stage });
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

    /// The first message of a socket: a valid hello, or the end of it.
    pub(super) fn greeted(
        &mut self,
        socket: SocketId,
        text: &str,
        dice: Dice,
        now: Instant,
    ) -> Result<(), Fault> {
        if text.len() > self.limits.hello_bytes {
            return Err(too_large(self.limits.hello_bytes));
        }
        let message = decode(text).map_err(unreadable)?;
        let ToServer::Hello { version, address, signature, resume, hidden } = message else {
            return Err(Fault::new(ErrorCode::ProtoUnexpected, "the first message has to be a hello"));
        };
        if !is_compatible(version) {
            let text =
                format!("this server speaks version {PROTOCOL_VERSION}, and the client version {version}");
            return Err(Fault::new(ErrorCode::ProtoVersion, text));
        }
        if !self.is_signed_for_us(&dice.challenge, &address, &signature) {
            let names = self.names.join(", ");
            let text =
                format!("the signature does not prove this address to the server that is called {names}");
            if let Some(socket) = self.sockets.get(&socket) {
                self.effects.push_back(Effect::Blame { peer: socket.peer });
            }
            return Err(Fault::new(ErrorCode::AuthFailed, text));
        }
        self.bind(socket, address, resume.as_ref(), &dice, now);
        self.session(&address).hidden = hidden;
        Ok(())
    }

    /// A client signs the name it dialled. What it says in a `Host` header would prove nothing: whoever passes on
    /// somebody else's hello writes that header too. So it has to be one of the names that we were given.
    fn is_signed_for_us(&self, challenge: &Challenge, address: &Address, signature: &Signature) -> bool {
        self.names
            .iter()
            .any(|name| address.verify(&hello_signing_bytes(name, challenge, address), signature).is_ok())
    }

    /// The socket of a client that has proved its address becomes that of its session, of the old one or a new one.
    fn bind(
        &mut self,
        socket: SocketId,
        address: Address,
        resume: Option<&Resume>,
        dice: &Dice,
        now: Instant,
    ) {
        let Some(entry) = self.sockets.get_mut(&socket) else { return };
        let ip = entry.peer;
        if let Stage::Greeting(greeting) = std::mem::replace(&mut entry.stage, Stage::Bound(address)) {
            self.deadlines.remove(&(greeting.hello_by, Why::Hello(socket)));
        }
        let older = self.sessions.get_mut(&address).map(|session| (session.place, session.ip));
        let resumed = match (self.sessions.get_mut(&address), resume) {
            (Some(session), Some(resume)) => session.resume(resume, dice.token, socket, ip, now),
            (Some(_) | None, None) | (None, Some(_)) => false,
        };
        if resumed {
            self.metrics.switchboard.hellos.resumed.add(1);
            match older {
                Some((Place::Here(older), _)) => {
                    // Its client is speaking to us on another one: whatever we still hear of it is late.
                    self.sockets.remove(&older);
                    self.effects.push_back(Effect::Cut { socket: older });
                }
                Some((Place::Away { until }, _)) => {
                    self.deadlines.remove(&(until, Why::Return(address)));
                    self.away -= 1;
                }
                None => {}
            }
        } else {
            let hellos = &self.metrics.switchboard.hellos;
            if resume.is_some() { &hellos.resume_unknown } else { &hellos.greeted }.add(1);
            self.replace(socket, address, dice, ip, now);
        }
        if older.is_none_or(|(_, before)| before != ip) || !resumed {
            for (scope, party) in self.calls.opened_by(&address) {
                self.effects.push_back(Effect::Tell(News::Seen { scope, party, ip }));
            }
        }
        self.welcome_back(socket, &address, dice.token, resumed);
        self.count();
    }

    /// A new session, and the end of the older one.
    fn replace(&mut self, socket: SocketId, address: Address, dice: &Dice, ip: IpAddr, now: Instant) {
        let mut spent = Spent::nothing(now);
        if let Some(older) = self.sessions.get(&address) {
            spent = older.spent;
            if let Some(older) = older.socket() {
                tracing::debug!(socket = older.0, by = socket.0, "replaced");
                self.metrics.switchboard.replaced.add(1);
                self.send(older, &ToClient::Replaced);
                self.let_go(older, close_code::REPLACED, "replaced");
            }
        }
        let waiting = self.take_session(&address);
        self.births += 1;
        let opening = Opening { id: dice.session, birth: self.births, token: dice.token, socket, ip };
        tracing::debug!(socket = socket.0, session = %dice.session, address = address.short(), "bound");
        self.sessions.insert(address, Session::new(opening, spent, now));
        self.give_back(&address, waiting);
    }

    /// Tells a client that it is known, and says again what it missed.
    fn welcome_back(&mut self, socket: SocketId, address: &Address, token: Token, resumed: bool) {
        let Some(session) = self.sessions.get_mut(address) else { return };
        let ready = ToClient::Ready {
            session: session.id.to_string(),
            token: Some(token),
            resumed,
            received: session.inbox.taken(),
            resume_within: u32::try_from(self.limits.resume_within.as_secs()).unwrap_or(u32::MAX),
            stun: self.stun.clone(),
        };
        // It says how far we have come.
        session.inbox.tell();
        self.effects.push_back(Effect::Send { socket, text: encode(&ready).into() });
        let missed = session.outbox.iter().map(|(_, missed)| missed.text.clone());
        self.effects.extend(missed.map(|text| Effect::Send { socket, text }));
    }
}
