//! Who asks: strangers, and clients that proved who they are. What the latter may ask for is in `requests.rs`.
//!
//! Whoever asks is a stranger until their request proves otherwise. A stranger's request leaves nothing behind but a
//! counted answer, and answers to strangers are few and short (`MOST_TO_A_STRANGER`): an answer may hit somebody who
//! never asked.

use std::net::SocketAddr;
use std::time::Instant;

use stun_types::attribute::{
    AttributeType, MessageIntegrity, MessageIntegritySha256, Nonce, PasswordAlgorithm, PasswordAlgorithms,
    Realm, Userhash, Username,
};
use stun_types::message::{BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass};
use stun_types::prelude::*;

use super::allocation::Proof;
use super::credentials;
use super::machine::Relay;
use super::refusal::Refusal;
use super::scopes::Holder;
use super::stun::{self, Answer, Asked, Question};
use super::{Client, Effect, News, Reach, SocketIndex, Via};

/// What credentials are for: part of what is hashed, and told to clients.
pub(super) const REALM: &str = "sightline";

/// The longest answer to a request that proves nothing, in bytes: to a Binding request over IPv6 with all that can be
/// said. The shortest request is 20 bytes, and a challenge to the shortest Allocate is no more than four times as long.
#[cfg(test)]
pub(super) const MOST_TO_A_STRANGER: usize = 104;

/// The password algorithms offered, in the order of our preference: SHA-256, and MD5 for everybody else.
const ALGORITHMS: [u8; 8] = [0, 2, 0, 0, 0, 1, 0, 0];
const CHANGE_IP: u32 = 4;
const CHANGE_PORT: u32 = 2;

/// What is understood in a request. A request with anything else that would have to be understood is refused.
const KNOWN: &[AttributeType] = &[
    Username::TYPE,
    MessageIntegrity::TYPE,
    MessageIntegritySha256::TYPE,
    Realm::TYPE,
    Nonce::TYPE,
    PasswordAlgorithm::TYPE,
    stun::CHANNEL_NUMBER,
    stun::LIFETIME,
    stun::XOR_PEER_ADDRESS,
    stun::DATA,
    stun::REQUESTED_ADDRESS_FAMILY,
    stun::EVEN_PORT,
    stun::REQUESTED_TRANSPORT,
    stun::DONT_FRAGMENT,
    stun::RESERVATION_TOKEN,
];
/// What is understood in a Binding request; the first only where there are other sockets to answer from.
const KNOWN_IN_BINDING: &[AttributeType] = &[
    stun::CHANGE_REQUEST,
    Username::TYPE,
    MessageIntegrity::TYPE,
    MessageIntegritySha256::TYPE,
    Realm::TYPE,
    Nonce::TYPE,
];

impl Relay {
    pub(super) fn on_control(&mut self, client: Client, packet: &[u8], now: Instant) {
        let is_nobody = self.policy.judge_port(client.remote).is_err();
        let Some(message) = stun::read(packet).filter(|_| !is_nobody) else {
            self.counts.dropped.malformed += 1;
            return;
        };
        match (message.class(), message.method()) {
            (MessageClass::Request, BINDING) => self.on_binding(client, &message, now),
            (
                MessageClass::Request,
                stun::ALLOCATE | stun::REFRESH | stun::CREATE_PERMISSION | stun::CHANNEL_BIND,
            ) => self.on_request(client, &message, now),
            // It keeps a NAT's mapping, and wants no answer.
            (MessageClass::Indication, BINDING) => {}
            (
                MessageClass::Request
                | MessageClass::Indication
                | MessageClass::Success
                | MessageClass::Error,
                _,
            ) => self.counts.dropped.malformed += 1,
        }
    }

    fn on_binding(&mut self, client: Client, message: &Message<'_>, now: Instant) {
        if !self.may_answer_a_stranger(client, now) {
            return;
        }
        let question = Question::of(message);
        let sisters = match client.via {
            Via::Udp(SocketIndex(index)) => {
                self.rules.sockets.get(usize::from(index)).and_then(|socket| socket.sisters)
            }
            Via::Stream(_) => None,
        };
        let unknown =
            message.unknown(if sisters.is_some() { KNOWN_IN_BINDING } else { &KNOWN_IN_BINDING[1..] });
        if !unknown.is_empty() {
            return self.refuse_unsigned(client, question, &Refusal::UnknownAttributes(unknown), now);
        }
        let change = message.number(stun::CHANGE_REQUEST).unwrap_or(0);
        let elsewhere = sisters.and_then(|sisters| sisters.elsewhere);
        let via = match (sisters, elsewhere, change & CHANGE_IP != 0, change & CHANGE_PORT != 0) {
            (None, _, _, _) | (_, _, false, false) => client.via,
            (Some(sisters), _, false, true) => Via::Udp(sisters.other_port),
            (_, Some(elsewhere), true, false) => Via::Udp(elsewhere.same_port),
            (_, Some(elsewhere), true, true) => Via::Udp(elsewhere.other_port),
            // An answer from here would say that a filter lets other addresses through.
            (_, None, true, _) => {
                let refusal = Refusal::UnknownAttributes(vec![stun::CHANGE_REQUEST]);
                return self.refuse_unsigned(client, question, &refusal, now);
            }
        };
        let mut answer =
            Answer::success(question).with_xor_address(stun::XOR_MAPPED_ADDRESS, plain(client.remote));
        if let Some(origin) = self.address_of(via) {
            answer = answer.with_address(stun::RESPONSE_ORIGIN, origin);
        }
        if let Some(other) = elsewhere.and_then(|elsewhere| self.address_of(Via::Udp(elsewhere.other_port))) {
            answer = answer.with_address(stun::OTHER_ADDRESS, other);
        }
        self.counts.bindings += 1;
        let client = Client { via, ..client };
        self.effects.push_back(Effect::Reply { client, bytes: answer.unsigned() });
    }

    fn address_of(&self, via: Via) -> Option<SocketAddr> {
        match via {
            Via::Udp(SocketIndex(index)) => self.rules.sockets.get(usize::from(index))?.address,
            Via::Stream(_) => None,
        }
    }

    fn on_request(&mut self, client: Client, message: &Message<'_>, now: Instant) {
        let question = Question::of(message);
        let proof = match self.known(client, message, now) {
            Some(proof) => proof,
            // Everything a stranger asks for is limited, also what takes time and has no answer: the search for the key
            // of a user name.
            None if !self.may_answer_a_stranger(client, now) => return,
            None => match self.prove(client, message, now) {
                Ok(proof) => proof,
                Err(refusal) => return self.refuse_unsigned(client, question, &refusal, now),
            },
        };
        if question.method == stun::ALLOCATE {
            self.vouch(&proof);
        }
        self.note_source(client, &proof);
        let unknown = message.unknown(KNOWN);
        let outcome = match question.method {
            _ if !unknown.is_empty() => Err(Refusal::UnknownAttributes(unknown)),
            stun::ALLOCATE => self.allocate(client, message, &proof, now),
            stun::REFRESH => self.refresh(client, message, &proof, now),
            stun::CREATE_PERMISSION => self.create_permission(client, message, &proof, now),
            stun::CHANNEL_BIND => self.bind_channel(client, message, &proof, now),
            _ => return,
        };
        match outcome {
            Ok(Some(answer)) => self.reply(client, answer, &proof),
            Ok(None) => {}
            Err(refusal) => self.refuse(client, question, &refusal, &proof),
        }
    }

    /// The proof of a client that has an allocation, if this request holds it too.
    fn known(&self, client: Client, message: &Message<'_>, now: Instant) -> Option<Proof> {
        let allocation = self.allocations.get(self.clients.get(&client)?.0)?;
        let proof = &allocation.proof;
        let username = message.attribute::<Username>().ok()?;
        let nonce = message.attribute::<Nonce>().ok()?;
        let holds = username.username() == proof.username
            && message.raw_attribute(Realm::TYPE).is_some()
            && self.nonces.holds(nonce.nonce(), plain(client.remote), self.epoch.unix_seconds(now))
            && algorithm_of(message).ok()? == proof.algorithm
            && message.validate_integrity_with_key(&proof.key).is_ok();
        holds.then(|| proof.clone())
    }

    /// Finds the key of whoever asks, and holds the request against it. In the order of RFC 8489, section 9.2.4.
    fn prove(&self, client: Client, message: &Message<'_>, now: Instant) -> Result<Proof, Refusal> {
        if !message.has_attribute(MessageIntegrity::TYPE)
            && !message.has_attribute(MessageIntegritySha256::TYPE)
        {
            return Err(Refusal::Unauthenticated);
        }
        if message.has_attribute(Userhash::TYPE) {
            return Err(Refusal::UnknownAttributes(vec![Userhash::TYPE]));
        }
        let (Ok(username), Ok(nonce), Some(_)) = (
            message.attribute::<Username>(),
            message.attribute::<Nonce>(),
            message.raw_attribute(Realm::TYPE),
        ) else {
            return Err(Refusal::BadRequest);
        };
        let seconds = self.epoch.unix_seconds(now);
        if !self.nonces.holds(nonce.nonce(), plain(client.remote), seconds) {
            return Err(Refusal::StaleNonce);
        }
        let algorithm = algorithm_of(message)?;
        let username = username.username().to_owned();
        let (expires, _) = credentials::expiry(&username).ok_or(Refusal::Unauthenticated)?;
        if message.has_method(stun::ALLOCATE) && expires <= seconds {
            return Err(Refusal::Unauthenticated);
        }
        let keys = self.rules.secrets.iter().map(|secret| {
            let password = credentials::password(secret, &username);
            LongTermKeyCredentials::new(username.clone(), password, REALM.to_owned()).make_key(algorithm)
        });
        let key = keys.into_iter().find(|key| message.validate_integrity_with_key(key).is_ok());
        let key = key.ok_or(Refusal::Unauthenticated)?;
        Ok(Proof { username, key, algorithm })
    }

    /// Credentials that hold open their call, where nobody told of it: this server was started anew while the call went on,
    /// and its switchboard does not know of it yet. Nobody gains by that what they were not granted. A call that ended since
    /// then stays over.
    fn vouch(&mut self, proof: &Proof) {
        let holder = credentials::expiry(&proof.username).and_then(|(_, rest)| credentials::holder(rest));
        let Some((scope, _)) = holder.filter(|_| self.rules.reach == Reach::Call) else { return };
        if self.scopes.vouch(scope) {
            self.effects.push_back(Effect::Tell(News::Vouched { scope }));
        }
    }

    /// Whoever proved who they are was seen where they asked from: the nonce came back from there.
    fn note_source(&mut self, client: Client, proof: &Proof) {
        let holder = credentials::expiry(&proof.username).and_then(|(_, rest)| credentials::holder(rest));
        let Some((scope, party)) = holder.filter(|_| self.rules.reach == Reach::Call) else { return };
        let ip = client.remote.ip().to_canonical();
        if self.scopes.saw(Holder { scope, party }, ip) {
            self.effects.push_back(Effect::Tell(News::Seen { scope, party, ip }));
        }
    }

    pub(super) fn reply(&mut self, client: Client, answer: Answer, proof: &Proof) {
        let bytes = answer.signed(&proof.key, proof.algorithm);
        self.effects.push_back(Effect::Reply { client, bytes });
    }

    pub(super) fn refuse(&mut self, client: Client, question: Question, refusal: &Refusal, proof: &Proof) {
        refusal.count(&mut self.counts.refused);
        self.reply(client, refusal.answer(question), proof);
    }

    fn refuse_unsigned(&mut self, client: Client, question: Question, refusal: &Refusal, now: Instant) {
        refusal.count(&mut self.counts.refused);
        let mut answer = refusal.answer(question);
        if matches!(refusal, Refusal::Unauthenticated | Refusal::StaleNonce) {
            let nonce = self.nonces.make(plain(client.remote), self.epoch.unix_seconds(now));
            answer = answer
                .with_bytes(Realm::TYPE, REALM.as_bytes())
                .with_bytes(Nonce::TYPE, nonce.as_bytes())
                .with_bytes(PasswordAlgorithms::TYPE, &ALGORITHMS);
        }
        self.effects.push_back(Effect::Reply { client, bytes: answer.unsigned() });
    }

    fn may_answer_a_stranger(&mut self, client: Client, now: Instant) -> bool {
        let may = self.answers.one_more(client.remote, now);
        if !may {
            self.counts.dropped.answers += 1;
        }
        may
    }
}

/// Which key and which hash a request was signed with.
fn algorithm_of(message: &Message<'_>) -> Result<IntegrityAlgorithm, Refusal> {
    let chosen = (message.value(PasswordAlgorithms::TYPE), message.value(PasswordAlgorithm::TYPE));
    let (algorithm, kind) = match (chosen.0.as_deref(), chosen.1.as_deref()) {
        (None, None) => (IntegrityAlgorithm::Sha1, MessageIntegrity::TYPE),
        (Some(offered), Some([0, 1, 0, 0])) if offered == ALGORITHMS => {
            (IntegrityAlgorithm::Sha1, MessageIntegrity::TYPE)
        }
        // A cut HMAC would be the sender's choice of how much to prove.
        (Some(offered), Some([0, 2, 0, 0])) if offered == ALGORITHMS => {
            (IntegrityAlgorithm::Sha256, MessageIntegritySha256::TYPE)
        }
        _ => return Err(Refusal::BadRequest),
    };
    let whole = match algorithm {
        IntegrityAlgorithm::Sha1 => 20,
        IntegrityAlgorithm::Sha256 => 32,
    };
    let is_whole = message.value(kind).is_some_and(|integrity| integrity.len() == whole);
    is_whole.then_some(algorithm).ok_or(Refusal::BadRequest)
}

/// As the client knows itself: an IPv4 address that arrived at a socket for both is one.
pub(super) fn plain(remote: SocketAddr) -> SocketAddr {
    SocketAddr::new(remote.ip().to_canonical(), remote.port())
}
