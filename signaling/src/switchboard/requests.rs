//! What a client that has proved its address asks for, and what it hears.
//!
//! Whatever is wrong with one request ends that request and not the connection, with two exceptions: numbers that do not
//! fit together, because then the two sides no longer speak of the same messages, and a flood, because even refusing it
//! costs.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use sightline_protocol::numbering::Arrival;
use sightline_protocol::routed::{Misread, Routed, Said, deliver, read};
use sightline_protocol::switchboard::encode;
use sightline_protocol::{Address, CallId, ErrorCode, Password, ToClient, ToServer};

use super::session::{Receipt, Session, Waiting};
use super::{Effect, Fault, SocketId, Switchboard, Why, close_code, cut, unreadable};
use crate::relay::{News, credentials};

impl Switchboard {
    /// A message on a socket that is bound. An error ends the connection.
    pub(super) fn requested(
        &mut self,
        socket: SocketId,
        from: Address,
        text: &str,
        now: Instant,
    ) -> Result<(), Fault> {
        let rate = self.rates.anything;
        let session = self.session(&from);
        session.is_heard();
        if !session.spent.anything.take(rate, now) {
            let text = "far more messages came than this server allows, and were refused before";
            return Err(Fault::new(ErrorCode::RateLimited, text));
        }
        match read(text) {
            Ok(Said::Send(routed)) => {
                if let Some(n) = routed.ack {
                    self.acknowledged(&from, n, now)?;
                }
                if self.admits(&from, routed.id, now)? {
                    self.route(&from, &routed, now);
                }
            }
            Ok(Said::Other(ToServer::Bye)) => {
                self.let_go(socket, close_code::NORMAL, "bye");
                self.end(&from);
                return Ok(());
            }
            Ok(Said::Other(message)) => self.other(socket, &from, message, now)?,
            Ok(Said::Unknown { id }) => {
                let text = "this server does not know this type of message";
                self.complain(socket, &from, id, Fault::new(ErrorCode::ProtoUnexpected, text), now)?;
            }
            Err(Misread { error, id }) => self.complain(socket, &from, id, unreadable(error), now)?,
        }
        self.acknowledge(&from, now);
        Ok(())
    }

    fn other(
        &mut self,
        socket: SocketId,
        from: &Address,
        message: ToServer,
        now: Instant,
    ) -> Result<(), Fault> {
        match message {
            ToServer::Ack { n } => self.acknowledged(from, n, now)?,
            ToServer::Ask { id, to } => {
                if self.admits(from, id, now)? {
                    self.ask(from, id, to, now);
                }
            }
            ToServer::Relay { id, call, with } => {
                if self.admits(from, id, now)? {
                    self.hand_out(from, id, call, with, now);
                }
            }
            ToServer::Over { id, call, with } => {
                if self.admits(from, id, now)?
                    && let Some(scope) = self.calls.end(call, from, &with, now)
                {
                    self.effects.push_back(Effect::Tell(News::Ended { scope }));
                }
            }
            ToServer::Hello { .. } => {
                let fault = Fault::new(ErrorCode::ProtoUnexpected, "there was a hello already");
                self.complain(socket, from, None, fault, now)?;
            }
            // `read` gives these in words of its own.
            ToServer::Send { .. } | ToServer::Bye | ToServer::Unknown => {}
        }
        Ok(())
    }

    /// Hands an envelope on, or says why not.
    fn route(&mut self, from: &Address, routed: &Routed<'_>, now: Instant) {
        let Routed { id, to, call, sealed, ack: _ } = routed;
        let is_known = self.calls.passes(*call, from, to, now);
        if !is_known && self.calls.has_room() {
            let rate = self.rates.calls;
            if !self.session(from).spent.calls.take(rate, now) {
                let most = self.limits.calls_per_minute;
                let text = format!("more than {most} new calls a minute; wait before the next");
                self.metrics.switchboard.refused.too_many_calls.add(1);
                return self.refuse_uncounted(from, *id, Fault::new(ErrorCode::RateLimited, text), now);
            }
        }
        let Some(to) = self.sessions.get_key_value(to).map(|(to, _)| *to) else {
            return match Address::from_bytes(*to) {
                Ok(to) => self.offline(from, *id, to, *call, now),
                Err(error) => {
                    let fault = Fault::new(ErrorCode::ProtoMalformed, error.to_string());
                    self.refuse(from, *id, fault, now);
                }
            };
        };
        if !is_known {
            self.calls.note(*call, *from, to, now);
        }
        let birth = self.session(from).birth;
        let receipt = Receipt { sender: *from, birth, id: *id, call: *call };
        let limits = self.limits;
        let addressee = self.session(&to);
        let text = Bytes::from(deliver(addressee.outbox.next(), from, call, sealed));
        let socket = addressee.socket();
        if !addressee.has_room(text.len(), &limits) {
            let is_stuck = now.duration_since(addressee.moved) >= limits.write_within;
            let text = "the addressee reads too slowly or is away; this envelope is gone";
            self.refuse(from, *id, Fault::new(ErrorCode::PeerSlow, text), now);
            if is_stuck && let Some(socket) = socket {
                self.cut_slow(socket, now);
            }
            return;
        }
        addressee.keep(text.clone(), Some(receipt), now);
        self.effects.extend(socket.map(|socket| Effect::Send { socket, text }));
        let counts = &self.metrics.switchboard;
        counts.envelopes.delivered.add(1);
        counts.envelope_bytes.add(sealed.len() as u64 / 4 * 3);
    }

    fn offline(&mut self, sender: &Address, id: u64, to: Address, call: CallId, now: Instant) {
        self.metrics.switchboard.envelopes.offline.add(1);
        self.tell(sender, |n| ToClient::Offline { n, id, to, call }, now);
    }

    /// Whoever asks could ring the other, and would hear from that whether it is there.
    fn ask(&mut self, from: &Address, id: u64, to: Address, now: Instant) {
        let rate = self.rates.questions;
        if !self.session(from).spent.questions.take(rate, now) {
            let most = self.limits.questions_per_minute;
            let text = format!("more than {most} questions a minute; wait before the next");
            self.metrics.switchboard.refused.too_many_questions.add(1);
            return self.refuse_uncounted(from, id, Fault::new(ErrorCode::RateLimited, text), now);
        }
        self.metrics.switchboard.questions.add(1);
        let connected = self.sessions.get(&to).is_some_and(|session| !session.hidden);
        self.tell(from, |n| ToClient::Presence { n, id, to, connected }, now);
    }

    /// Credentials of the relay, for a party of a call that was answered.
    fn hand_out(&mut self, from: &Address, id: u64, call: CallId, with: Address, now: Instant) {
        let Some(offer) = self.relay.clone() else {
            let fault = Fault::new(ErrorCode::RelayNone, "this server has no relay");
            return self.refuse(from, id, fault, now);
        };
        let Some(opening) = self.calls.open(call, from, &with, now) else {
            let text = "no call of these two is known in which envelopes went both ways";
            return self.refuse(from, id, Fault::new(ErrorCode::CallUnknown, text), now);
        };
        let (scope, party) = (opening.scope, opening.party);
        if opening.first {
            self.effects.push_back(Effect::Tell(News::Opened { scope }));
            for (party, address) in [(party, from), (party.other(), &with)] {
                let seen =
                    self.sessions.get(address).map(|session| News::Seen { scope, party, ip: session.ip });
                self.effects.extend(seen.map(Effect::Tell));
            }
        }
        let ttl = self.limits.relay.credentials_for.as_secs();
        let expires = offer.epoch.unix_seconds(now) + ttl;
        let minted = credentials::mint(&offer.secret, scope, party, expires);
        self.metrics.switchboard.credentials.add(1);
        let (username, password) = (minted.username, Password(minted.password));
        let ttl = u32::try_from(ttl).unwrap_or(u32::MAX);
        self.tell(
            from,
            |n| ToClient::Relay { n, id, call, urls: offer.urls.clone(), username, password, ttl },
            now,
        );
    }

    /// Whether this message is the next one of its session, and is one of those that it may send.
    fn admits(&mut self, from: &Address, id: u64, now: Instant) -> Result<bool, Fault> {
        if !self.is_next(from, id, now)? {
            return Ok(false);
        }
        let rate = self.rates.messages;
        if self.session(from).spent.messages.take(rate, now) {
            return Ok(true);
        }
        let text = format!("more than {} messages a second; slow down", self.limits.messages_per_second);
        self.refuse(from, id, Fault::new(ErrorCode::RateLimited, text), now);
        Ok(false)
    }

    fn is_next(&mut self, from: &Address, id: u64, now: Instant) -> Result<bool, Fault> {
        let inbox = &mut self.session(from).inbox;
        match inbox.take(id, now) {
            Arrival::New => Ok(true),
            Arrival::Repeat => Ok(false),
            Arrival::Gap => {
                let text = format!("message {id} came, but {} was due", inbox.taken() + 1);
                Err(Fault::new(ErrorCode::ProtoUnexpected, text))
            }
        }
    }

    /// The client has everything up to this number.
    fn acknowledged(&mut self, from: &Address, n: u64, now: Instant) -> Result<(), Fault> {
        let session = self.session(from);
        session.moved = now;
        session
            .outbox
            .acknowledge(n)
            .map_err(|error| Fault::new(ErrorCode::ProtoUnexpected, error.to_string()))
    }

    /// Acknowledges what a client said, now or in time.
    pub(super) fn acknowledge(&mut self, address: &Address, now: Instant) {
        let Some(session) = self.sessions.get_mut(address) else { return };
        let Some(socket) = session.socket() else { return };
        let due = session.inbox.acknowledgement(now);
        if session.acknowledge_at.is_none()
            && let Some(at) = session.inbox.due()
        {
            session.acknowledge_at = Some(at);
            self.deadlines.insert((at, Why::Acknowledge(*address)));
        }
        if let Some(id) = due {
            self.send(socket, &ToClient::Ack { id });
        }
    }

    /// Tells a client what was wrong with a message that has no number, or with one that has.
    fn complain(
        &mut self,
        socket: SocketId,
        from: &Address,
        id: Option<u64>,
        fault: Fault,
        now: Instant,
    ) -> Result<(), Fault> {
        if let Some(id) = id {
            if self.is_next(from, id, now)? {
                self.refuse(from, id, fault, now);
            }
            return Ok(());
        }
        let Fault { code, text } = fault;
        self.count_fault(&code);
        self.send(socket, &ToClient::Error { n: None, code, text: cut(text), fatal: false, id: None });
        Ok(())
    }

    fn refuse(&mut self, from: &Address, id: u64, fault: Fault, now: Instant) {
        self.count_fault(&fault.code);
        self.refuse_uncounted(from, id, fault, now);
    }

    fn refuse_uncounted(&mut self, from: &Address, id: u64, Fault { code, text }: Fault, now: Instant) {
        let text = cut(text);
        self.tell(from, |n| ToClient::Error { n: Some(n), code, text, fatal: false, id: Some(id) }, now);
    }

    /// Tells a client something that it is not to miss, now or when it comes back.
    fn tell(&mut self, to: &Address, message: impl FnOnce(u64) -> ToClient, now: Instant) {
        let most = self.rates.answers;
        let Some(session) = self.sessions.get_mut(to) else { return };
        if session.outbox.len() >= most {
            // It asks and asks, and acknowledges none of the answers.
            match session.socket() {
                Some(socket) => {
                    let text = "answers are asked for and never acknowledged";
                    self.expel(socket, Fault::new(ErrorCode::RateLimited, text));
                }
                None => self.end(to),
            }
            return;
        }
        let text = Bytes::from(encode(&message(session.outbox.next())));
        session.keep(text.clone(), None, now);
        self.effects.extend(session.socket().map(|socket| Effect::Send { socket, text }));
    }

    /// What waited for an address that is gone. Its senders are told by [`settle`](Self::settle).
    pub(super) fn give_back(&mut self, to: &Address, waiting: VecDeque<Waiting>) {
        self.returned.extend(waiting.into_iter().filter_map(|waiting| Some((*to, waiting.receipt?))));
    }

    /// Tells senders what did not arrive. Telling one may end its session and give back more, hence a queue.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some((to, Receipt { sender, birth, id, call })) = self.returned.pop_front() {
            if self.sessions.get(&sender).is_some_and(|session| session.birth == birth) {
                self.offline(&sender, id, to, call, now);
            }
        }
    }

    /// The session of a socket that is bound, or of an address that was just found.
    pub(super) fn session(&mut self, address: &Address) -> &mut Session {
        self.sessions.get_mut(address).expect("a bound socket has a session")
    }
}
