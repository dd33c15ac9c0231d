//! As much of STUN and TURN as is needed to see what goes by: whether it is a message, of which kind, and what it says.

use std::{net::SocketAddr, time::Duration};

use stun_types::{
    attribute::{AttributeType, ErrorCode, XorSocketAddr},
    message::{MAGIC_COOKIE, Message, MessageClass},
    prelude::*,
};

/// What a message asks for, or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Binding,
    Allocate,
    Refresh,
    Send,
    Data,
    CreatePermission,
    ChannelBind,
    Other,
}

/// A message that goes by.
pub(super) struct Seen<'a>(Message<'a>);

const HEADER: usize = 20;
/// Of a server's own words, what is kept.
const MAX_REASON: usize = 120;

const USERNAME: AttributeType = AttributeType::new(0x0006);
const ERROR_CODE: AttributeType = AttributeType::new(0x0009);
const CHANNEL_NUMBER: AttributeType = AttributeType::new(0x000c);
const LIFETIME: AttributeType = AttributeType::new(0x000d);
const XOR_PEER_ADDRESS: AttributeType = AttributeType::new(0x0012);
const DATA: AttributeType = AttributeType::new(0x0013);
const REALM: AttributeType = AttributeType::new(0x0014);
const NONCE: AttributeType = AttributeType::new(0x0015);
const XOR_RELAYED_ADDRESS: AttributeType = AttributeType::new(0x0016);
const XOR_MAPPED_ADDRESS: AttributeType = AttributeType::new(0x0020);

/// Whether it is a STUN message. The first byte tells almost all of media apart.
pub(super) fn is_stun(bytes: &[u8]) -> bool {
    let [first, _, _, _, a, b, c, d, ..] = bytes else { return false };
    *first < 4 && bytes.len() >= HEADER && [*a, *b, *c, *d] == MAGIC_COOKIE.to_be_bytes()
}

/// The number of a channel and what came on it.
pub(super) fn channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let [first @ 0x40..=0x7f, second, a, b, data @ ..] = bytes else { return None };
    let length = usize::from(u16::from_be_bytes([*a, *b]));
    Some((u16::from_be_bytes([*first, *second]), data.get(..length)?))
}

impl<'a> Seen<'a> {
    /// Nothing where it cannot be understood.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        if is_stun(bytes) { Message::from_bytes(bytes).ok().map(Self) } else { None }
    }

    pub(super) fn class(&self) -> MessageClass {
        self.0.class()
    }

    pub(super) fn method(&self) -> Method {
        match self.0.method().value() {
            0x001 => Method::Binding,
            0x003 => Method::Allocate,
            0x004 => Method::Refresh,
            0x006 => Method::Send,
            0x007 => Method::Data,
            0x008 => Method::CreatePermission,
            0x009 => Method::ChannelBind,
            _ => Method::Other,
        }
    }

    pub(super) fn id(&self) -> u128 {
        self.0.transaction_id().into()
    }

    /// Whether it says who asks.
    pub(super) fn is_signed(&self) -> bool {
        self.0.has_attribute(USERNAME)
    }

    /// Whether it says what a signature is made with.
    pub(super) fn says_how_to_sign(&self) -> bool {
        self.0.has_attribute(REALM) && self.0.has_attribute(NONCE)
    }

    pub(super) fn refusal(&self) -> Option<(u16, String)> {
        let raw = self.0.raw_attribute(ERROR_CODE)?;
        let error = ErrorCode::from_raw(raw).ok()?;
        Some((error.code(), error.reason().chars().take(MAX_REASON).collect()))
    }

    pub(super) fn mapped(&self) -> Option<SocketAddr> {
        self.address(XOR_MAPPED_ADDRESS)
    }

    pub(super) fn relayed(&self) -> Option<SocketAddr> {
        self.address(XOR_RELAYED_ADDRESS)
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.address(XOR_PEER_ADDRESS)
    }

    /// For how long something is granted.
    pub(super) fn lifetime(&self) -> Option<Duration> {
        let raw = self.0.raw_attribute(LIFETIME)?;
        let seconds = raw.value.first_chunk::<4>()?;
        Some(Duration::from_secs(u32::from_be_bytes(*seconds).into()))
    }

    pub(super) fn channel(&self) -> Option<u16> {
        let raw = self.0.raw_attribute(CHANNEL_NUMBER)?;
        let number = raw.value.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*number))
    }

    /// What an indication carries.
    pub(super) fn data(&self) -> Option<Vec<u8>> {
        self.0.raw_attribute(DATA).map(|raw| raw.value.to_vec())
    }

    fn address(&self, kind: AttributeType) -> Option<SocketAddr> {
        let raw = self.0.raw_attribute(kind)?;
        let address = XorSocketAddr::from_raw(&raw).ok()?;
        Some(address.addr(self.0.transaction_id()))
    }
}
