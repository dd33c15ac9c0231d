//! STUN messages as a client writes and reads them, on top of `stun-types`.
//!
//! That crate does not mind bytes behind a message's end and counts its lengths in 16 bits. So an answer is held against
//! its own length first, and a long one is not read at all.

use std::net::SocketAddr;

use stun_types::{
    attribute::{
        AttributeType, ErrorCode, MappedSocketAddr, Nonce, RawAttribute, Realm, Username, XorMappedAddress,
        XorSocketAddr,
    },
    message::{
        BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageWriteVec, Method,
        TransactionId,
    },
    prelude::*,
};

const ALLOCATE: Method = Method::new(0x003);
const REFRESH: Method = Method::new(0x004);
const MAPPED_ADDRESS: AttributeType = AttributeType::new(0x0001);
const CHANGE_REQUEST: AttributeType = AttributeType::new(0x0003);
const LIFETIME: AttributeType = AttributeType::new(0x000d);
const XOR_RELAYED_ADDRESS: AttributeType = AttributeType::new(0x0016);
const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);
const OTHER_ADDRESS: AttributeType = AttributeType::new(0x802c);
/// UDP, and three bytes that mean nothing.
const UDP: [u8; 4] = [17, 0, 0, 0];

/// The longest answer that is read; real ones are a tenth of it.
pub(super) const MAX_ANSWER_BYTES: usize = 2048;
/// The head of every message.
pub(super) const HEAD_BYTES: usize = 20;

/// From where an answer is to come (RFC 5780).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    SameAddress,
    OtherPort,
    OtherAddress,
}

/// A question, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) bytes: Vec<u8>,
    id: TransactionId,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) mapped: Option<SocketAddr>,
    pub(super) relayed: Option<SocketAddr>,
    pub(super) other: Option<SocketAddr>,
    /// Where it is a refusal.
    pub(super) code: Option<u16>,
    pub(super) challenge: Option<Challenge>,
}

/// What a relay wants to be told with the next question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
}

/// Who we are to a relay.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Question {
    /// How do you see me?
    pub(super) fn binding(from: From) -> Self {
        let mut message = Message::builder_request(BINDING, MessageWriteVec::new());
        let change: Option<u8> = match from {
            From::SameAddress => None,
            From::OtherPort => Some(2),
            From::OtherAddress => Some(2 | 4),
        };
        if let Some(change) = change {
            add(&mut message, &RawAttribute::new(CHANGE_REQUEST, &[0, 0, 0, change]));
        }
        Self::of(message)
    }

    /// May I have an address of yours? Without credentials the answer is who it wants to know.
    pub(super) fn allocate(proof: Option<(&Credentials, &Challenge)>) -> Option<Self> {
        let mut message = Message::builder_request(ALLOCATE, MessageWriteVec::new());
        add(&mut message, &RawAttribute::new(REQUESTED_TRANSPORT, &UDP));
        match proof {
            None => Some(Self::of(message)),
            Some((credentials, challenge)) => Self::signed(message, credentials, challenge),
        }
    }

    /// I do not need it any more.
    pub(super) fn release(credentials: &Credentials, challenge: &Challenge) -> Option<Self> {
        let mut message = Message::builder_request(REFRESH, MessageWriteVec::new());
        add(&mut message, &RawAttribute::new(LIFETIME, &[0; 4]));
        Self::signed(message, credentials, challenge)
    }

    fn of(message: MessageWriteVec) -> Self {
        let id = message.transaction_id();
        Self { bytes: message.finish(), id }
    }

    /// `None` where name, realm or nonce are longer than can be said: those of a relay that jokes.
    fn signed(mut message: MessageWriteVec, who: &Credentials, challenge: &Challenge) -> Option<Self> {
        add(&mut message, &Username::new(&who.username).ok()?);
        add(&mut message, &Realm::new(&challenge.realm).ok()?);
        add(&mut message, &Nonce::new(&challenge.nonce).ok()?);
        let key =
            LongTermKeyCredentials::new(who.username.clone(), who.password.clone(), challenge.realm.clone())
                .make_key(IntegrityAlgorithm::Sha1);
        message.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).ok()?;
        Some(Self::of(message))
    }

    /// What these bytes say, if they are the answer to this question.
    pub(super) fn answered_by(&self, bytes: &[u8]) -> Option<Answer> {
        let message = read(bytes).filter(|message| message.transaction_id() == self.id)?;
        let code = match message.class() {
            MessageClass::Success => None,
            MessageClass::Error => Some(message.attribute::<ErrorCode>().map_or(0, |error| error.code())),
            MessageClass::Request | MessageClass::Indication => return None,
        };
        let plain = |kind| {
            let raw = message.raw_attribute(kind)?;
            Some(MappedSocketAddr::from_raw(&raw).ok()?.addr())
        };
        let disguised = |kind| {
            let raw = message.raw_attribute(kind)?;
            Some(XorSocketAddr::from_raw(&raw).ok()?.addr(message.transaction_id()))
        };
        let mapped = disguised(XorMappedAddress::TYPE).or_else(|| plain(MAPPED_ADDRESS));
        let challenge = match (message.attribute::<Realm>(), message.attribute::<Nonce>()) {
            (Ok(realm), Ok(nonce)) => {
                Some(Challenge { realm: realm.realm().to_owned(), nonce: nonce.nonce().to_owned() })
            }
            (Err(_), _) | (_, Err(_)) => None,
        };
        Some(Answer {
            mapped: mapped.map(|at| SocketAddr::new(at.ip().to_canonical(), at.port())),
            relayed: disguised(XOR_RELAYED_ADDRESS),
            other: plain(OTHER_ADDRESS),
            code,
            challenge,
        })
    }

    /// Whether this is the question itself, come back to us.
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        bytes == self.bytes
    }
}

/// A whole message and nothing behind it, or nothing.
fn read(bytes: &[u8]) -> Option<Message<'_>> {
    let whole = bytes.len() >= HEAD_BYTES && bytes.len() == whole_length(bytes)?;
    whole.then(|| Message::from_bytes(bytes).ok()).flatten()
}

/// How long the message is that begins like this; `None` where it begins like none, or says that it is longer than any.
pub(super) fn whole_length(head: &[u8]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
    let is_stun = head[0] < 0x40 && length.is_multiple_of(4) && HEAD_BYTES + length <= MAX_ANSWER_BYTES;
    is_stun.then_some(HEAD_BYTES + length)
}

/// What we add is short and added once, so it always fits.
fn add(message: &mut MessageWriteVec, attribute: &dyn AttributeWrite) {
    message.add_attribute(attribute).expect("a question is short, and signed last");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(question: &Question) -> MessageWriteVec {
        let asked = Message::from_bytes(&question.bytes).unwrap();
        Message::builder_success(&asked, MessageWriteVec::new())
    }

    #[test]
    fn an_answer_is_read_and_one_to_another_question_is_not() {
        let (question, another) = (Question::binding(From::SameAddress), Question::binding(From::OtherPort));
        let mut message = success(&question);
        let seen: SocketAddr = "203.0.113.7:4711".parse().unwrap();
        message.add_attribute(&XorMappedAddress::new(seen, question.id)).unwrap();
        let other: SocketAddr = "203.0.113.8:3479".parse().unwrap();
        message.add_attribute(&MappedSocketAddr::new(other).to_raw(OTHER_ADDRESS)).unwrap();
        let bytes = message.finish();
        let answer = question.answered_by(&bytes).unwrap();
        assert_eq!((answer.mapped, answer.other, answer.code), (Some(seen), Some(other), None));
        assert_eq!(another.answered_by(&bytes), None);
        assert_eq!(question.answered_by(&[&bytes[..], &[0; 4]].concat()), None, "bytes behind its end");
        assert_eq!(question.answered_by(&question.bytes), None, "our own question, thrown back");
        assert!(question.is(&question.bytes) && !question.is(&bytes));
    }

    #[test]
    fn a_refusal_has_its_code_and_its_challenge() {
        let question = Question::allocate(None).unwrap();
        let asked = Message::from_bytes(&question.bytes).unwrap();
        let mut message = Message::builder_error(&asked, MessageWriteVec::new());
        message.add_attribute(&ErrorCode::new(401, "").unwrap()).unwrap();
        message.add_attribute(&Realm::new("here").unwrap()).unwrap();
        message.add_attribute(&Nonce::new("once").unwrap()).unwrap();
        let answer = question.answered_by(&message.finish()).unwrap();
        assert_eq!(answer.code, Some(401));
        let challenge = answer.challenge.unwrap();
        let who = Credentials { username: "ada".to_owned(), password: "secret".to_owned() };
        let signed = Question::allocate(Some((&who, &challenge))).unwrap();
        let signed = Message::from_bytes(&signed.bytes).unwrap();
        let key = LongTermKeyCredentials::new("ada".to_owned(), "secret".to_owned(), "here".to_owned())
            .make_key(IntegrityAlgorithm::Sha1);
        assert!(signed.validate_integrity_with_key(&key).is_ok());
        assert!(!format!("{who:?}").contains("secret"));
    }

    #[test]
    fn a_relay_that_jokes_is_not_answered() {
        let who = Credentials { username: "u".repeat(600), password: String::new() };
        let challenge = Challenge { realm: String::new(), nonce: String::new() };
        assert!(Question::allocate(Some((&who, &challenge))).is_none());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let question = Question::binding(From::SameAddress);
        let mut noise: u64 = 7;
        for length in 0..600 {
            let mut bytes: Vec<u8> = (0..length)
                .map(|_| {
                    noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (noise >> 56) as u8
                })
                .collect();
            if bytes.len() >= HEAD_BYTES {
                bytes[..HEAD_BYTES].copy_from_slice(&question.bytes[..HEAD_BYTES]);
                (bytes[0], bytes[1]) = (1, 1);
                let rest = u16::try_from(length - HEAD_BYTES).unwrap();
                bytes[2..4].copy_from_slice(&rest.to_be_bytes());
            }
            question.answered_by(&bytes);
        }
    }
}
