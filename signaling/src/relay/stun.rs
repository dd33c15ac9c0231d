//! STUN messages as the relay reads and writes them, on top of `stun-types`.
//!
//! That crate reads what is in a message; it does not mind bytes behind its end, and counts its lengths in 16 bits. So a
//! message is held against its own length first, and a long one is not read at all.

use std::net::SocketAddr;

use stun_types::attribute::{AttributeType, ErrorCode, RawAttribute, UnknownAttributes, XorSocketAddr};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageType, MessageWriteVec, Method,
    TransactionId,
};
use stun_types::prelude::*;

use super::Family;

pub(super) const ALLOCATE: Method = Method::new(0x003);
pub(super) const REFRESH: Method = Method::new(0x004);
pub(super) const CREATE_PERMISSION: Method = Method::new(0x008);
pub(super) const CHANNEL_BIND: Method = Method::new(0x009);

pub(super) const CHANGE_REQUEST: AttributeType = AttributeType::new(0x0003);
pub(super) const CHANNEL_NUMBER: AttributeType = AttributeType::new(0x000c);
pub(super) const LIFETIME: AttributeType = AttributeType::new(0x000d);
pub(super) const XOR_PEER_ADDRESS: AttributeType = AttributeType::new(0x0012);
pub(super) const DATA: AttributeType = AttributeType::new(0x0013);
pub(super) const XOR_RELAYED_ADDRESS: AttributeType = AttributeType::new(0x0016);
pub(super) const REQUESTED_ADDRESS_FAMILY: AttributeType = AttributeType::new(0x0017);
pub(super) const EVEN_PORT: AttributeType = AttributeType::new(0x0018);
pub(super) const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);
pub(super) const DONT_FRAGMENT: AttributeType = AttributeType::new(0x001a);
pub(super) const XOR_MAPPED_ADDRESS: AttributeType = AttributeType::new(0x0020);
pub(super) const RESERVATION_TOKEN: AttributeType = AttributeType::new(0x0022);
pub(super) const ADDITIONAL_ADDRESS_FAMILY: AttributeType = AttributeType::new(0x8000);
pub(super) const ADDRESS_ERROR_CODE: AttributeType = AttributeType::new(0x8001);
pub(super) const RESPONSE_ORIGIN: AttributeType = AttributeType::new(0x802b);
pub(super) const OTHER_ADDRESS: AttributeType = AttributeType::new(0x802c);

/// The longest message that is read as one. Requests with all their attributes are a third of it; what carries data is
/// read in `head.rs`.
const MOST_BYTES: usize = 2048;
/// The most attributes named in one answer as not understood, so that the answer stays short.
const MOST_UNKNOWN: usize = 8;

/// A whole message and nothing behind it, or nothing.
pub(super) fn read(packet: &[u8]) -> Option<Message<'_>> {
    let stated = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let whole = packet.len() == 20 + stated && stated.is_multiple_of(4) && packet.len() <= MOST_BYTES;
    whole.then(|| Message::from_bytes(packet).ok()).flatten()
}

/// What a request asks for, attribute by attribute. Of one that is there twice, the first counts.
pub(super) trait Asked {
    fn value(&self, kind: AttributeType) -> Option<Vec<u8>>;
    /// `None` where one cannot be read.
    fn peers(&self) -> Option<Vec<SocketAddr>>;
    /// `None` where it is missing or cannot be read.
    fn number(&self, kind: AttributeType) -> Option<u32>;
    /// `None` where it is missing, `Some(None)` where it cannot be read or is of neither family.
    fn family(&self, kind: AttributeType) -> Option<Option<Family>>;
    /// Attributes that had to be understood and were not.
    fn unknown(&self, known: &[AttributeType]) -> Vec<AttributeType>;
}

impl Asked for Message<'_> {
    fn value(&self, kind: AttributeType) -> Option<Vec<u8>> {
        self.raw_attribute(kind).map(|attribute| attribute.value.to_vec())
    }

    fn peers(&self) -> Option<Vec<SocketAddr>> {
        self.iter_attributes()
            .filter(|(_, attribute)| attribute.get_type() == XOR_PEER_ADDRESS)
            .map(|(_, attribute)| Some(XorSocketAddr::from_raw(&attribute).ok()?.addr(self.transaction_id())))
            .collect()
    }

    fn number(&self, kind: AttributeType) -> Option<u32> {
        let value = self.raw_attribute(kind)?;
        Some(u32::from_be_bytes((&*value.value).try_into().ok()?))
    }

    fn family(&self, kind: AttributeType) -> Option<Option<Family>> {
        let value = self.raw_attribute(kind)?;
        Some(match *value.value {
            [0x01, _, _, _] => Some(Family::V4),
            [0x02, _, _, _] => Some(Family::V6),
            _ => None,
        })
    }

    fn unknown(&self, known: &[AttributeType]) -> Vec<AttributeType> {
        let kinds = self.iter_attributes().map(|(_, attribute)| attribute.get_type());
        let mut unknown: Vec<_> =
            kinds.filter(|kind| kind.comprehension_required() && !known.contains(kind)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown.truncate(MOST_UNKNOWN);
        unknown
    }
}

/// What an answer is an answer to: enough to write it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) transaction: TransactionId,
    /// It had a FINGERPRINT, so the answer gets one.
    pub(super) fingerprint: bool,
}

impl Question {
    pub(super) fn of(message: &Message<'_>) -> Self {
        Self {
            method: message.method(),
            transaction: message.transaction_id(),
            fingerprint: message.has_attribute(stun_types::attribute::Fingerprint::TYPE),
        }
    }
}

/// An answer that is being written. What is added is short and added once, so it always fits.
pub(super) struct Answer {
    to: Question,
    message: MessageWriteVec,
}

impl Answer {
    pub(super) fn success(to: Question) -> Self {
        Self::new(to, MessageClass::Success)
    }

    /// Without a reason phrase: nobody reads it, and it only makes answers longer.
    pub(super) fn error(to: Question, code: u16) -> Self {
        let error = ErrorCode::new(code, "").expect("our codes are from 400 to 508");
        Self::new(to, MessageClass::Error).with(&error)
    }

    fn new(to: Question, class: MessageClass) -> Self {
        let kind = MessageType::from_class_method(class, to.method);
        Self { to, message: Message::builder(kind, to.transaction, MessageWriteVec::with_capacity(128)) }
    }

    pub(super) fn with(mut self, attribute: &dyn AttributeWrite) -> Self {
        self.message.add_attribute(attribute).expect("an answer is short, and signed last");
        self
    }

    pub(super) fn with_bytes(self, kind: AttributeType, value: &[u8]) -> Self {
        self.with(&RawAttribute::new(kind, value))
    }

    pub(super) fn with_address(self, kind: AttributeType, address: SocketAddr) -> Self {
        let plain = stun_types::attribute::MappedSocketAddr::new(address);
        self.with(&plain.to_raw(kind))
    }

    pub(super) fn with_xor_address(self, kind: AttributeType, address: SocketAddr) -> Self {
        let disguised = XorSocketAddr::new(address, self.to.transaction);
        self.with(&disguised.to_raw(kind))
    }

    pub(super) fn with_unknown(self, unknown: &[AttributeType]) -> Self {
        self.with(&UnknownAttributes::new(unknown))
    }

    pub(super) fn unsigned(mut self) -> Vec<u8> {
        if self.to.fingerprint {
            self.message.add_fingerprint().expect("an answer gets one fingerprint");
        }
        self.message.finish()
    }

    pub(super) fn signed(mut self, key: &IntegrityKey, algorithm: IntegrityAlgorithm) -> Vec<u8> {
        self.message.add_message_integrity_with_key(key, algorithm).expect("an answer is signed once");
        self.unsigned()
    }
}
