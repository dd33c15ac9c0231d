//! What a client and the switchboard say to each other.
//!
//! JSON text over a WebSocket, one message a frame, told apart by `t`. The switchboard learns who sends an
//! envelope to whom, in which call and how large it is; the envelope itself is sealed (see `seal.rs`).
//!
//! Fields that a reader does not know are ignored and types it does not know become `Unknown`, so that
//! something can be added without a new version.
//!
//! What a client asks for carries an `id`, what it must not miss carries an `n`, and each is acknowledged; `numbering.rs`
//! keeps these, and `session.rs` is the whole of a client's side of it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq as _;

use crate::base64url::{self, serde_as_base64url};
use crate::call::CallId;
use crate::keys::{Address, Signature};
use crate::limits::{MAX_ERROR_TEXT_CHARS, MAX_MESSAGE_BYTES, MAX_SEALED_BYTES, MAX_SESSION_CHARS};
use crate::open_enum::open_enum;
use crate::random::{self, NoRandomness};
use crate::{PROTOCOL_VERSION, text};

/// From a client to the switchboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToServer {
    /// First of all: who I am, and the proof.
    Hello {
        /// The client's [`PROTOCOL_VERSION`].
        version: u16,
        /// Who the client says it is.
        address: Address,
        /// Over [`hello_signing_bytes`].
        signature: Signature,
        /// The session that the client was in until its connection broke.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
        /// Whoever asks is to hear that the client is not connected. Envelopes reach it all the same.
        #[serde(default, skip_serializing_if = "is_default")]
        hidden: bool,
    },
    /// Hand this envelope on.
    Send {
        /// Its number in this session.
        id: u64,
        /// To whom.
        to: Address,
        /// Part of which call.
        call: CallId,
        /// The envelope.
        sealed: Sealed,
        /// Everything up to this `n` has arrived.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ack: Option<u64>,
    },
    /// Everything up to this number has arrived.
    Ack {
        /// The highest `n` that came in order.
        n: u64,
    },
    /// Is this address connected?
    Ask {
        /// Its number in this session.
        id: u64,
        /// Who.
        to: Address,
    },
    /// Give me credentials of the relay, for this call.
    Relay {
        /// Its number in this session.
        id: u64,
        /// Which call.
        call: CallId,
        /// Its other party.
        with: Address,
    },
    /// This call is over; nothing needs to be relayed for it any more.
    Over {
        /// Its number in this session.
        id: u64,
        /// Which call.
        call: CallId,
        /// Its other party.
        with: Address,
    },
    /// I am going, and shall not come back to this session.
    Bye,
    /// A type from a later version. Not to be sent.
    #[serde(other)]
    Unknown,
}

/// A session to come back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Its name, from `ready`.
    #[serde(deserialize_with = "session_text")]
    pub session: String,
    /// The newest token of it that the client has.
    pub token: Token,
    /// The highest `n` that came in order.
    pub received: u64,
}

/// From the switchboard to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToClient {
    /// First of all, before it is known who the client is.
    Welcome {
        /// The server's [`PROTOCOL_VERSION`].
        version: u16,
        /// To be signed.
        challenge: Challenge,
        /// What this server accepts.
        #[serde(default)]
        limits: Limits,
    },
    /// The hello was good; envelopes may come and go.
    Ready {
        /// A name for this session, to come back to it and to find it in the server's log.
        #[serde(deserialize_with = "session_text")]
        session: String,
        /// To be shown when coming back. Without one there is no coming back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Token>,
        /// Whether this is the session that the client wanted to come back to.
        #[serde(default, skip_serializing_if = "is_default")]
        resumed: bool,
        /// The highest `id` that came in order.
        #[serde(default, skip_serializing_if = "is_default")]
        received: u64,
        /// For how many seconds the session outlives a broken connection.
        #[serde(default, skip_serializing_if = "is_default")]
        resume_within: u32,
        /// Where to ask for one's own address (`stun:host:port`).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stun: Vec<String>,
    },
    /// Everything up to this number has arrived.
    Ack {
        /// The highest `id` that came in order.
        id: u64,
    },
    /// An envelope for this client.
    Deliver {
        /// Its number in this session.
        n: u64,
        /// Whose key the sender proved to own, as the switchboard says.
        from: Address,
        /// Part of which call.
        call: CallId,
        /// The envelope.
        sealed: Sealed,
    },
    /// The addressee is not connected, or did not come back in time; the envelope is gone.
    Offline {
        /// Its number in this session.
        n: u64,
        /// The `id` of the `send`.
        id: u64,
        /// Its addressee.
        to: Address,
        /// Its call.
        call: CallId,
    },
    /// Whether somebody is connected.
    Presence {
        /// Its number in this session.
        n: u64,
        /// The `id` of the `ask`.
        id: u64,
        /// Who.
        to: Address,
        /// Connected, or away and expected back; never of one that is hidden.
        connected: bool,
    },
    /// Credentials of the relay.
    Relay {
        /// Its number in this session.
        n: u64,
        /// The `id` of the `relay`.
        id: u64,
        /// For which call.
        call: CallId,
        /// Where the relay is (`turn:host:port?transport=udp`).
        urls: Vec<String>,
        /// The user name.
        username: String,
        /// The password.
        password: Password,
        /// For how many seconds an allocation can be made with them.
        ttl: u32,
    },
    /// A newer connection proved the same key; this one ends.
    Replaced,
    /// The server is being stopped or moved; this connection ends.
    Drain {
        /// When to connect again. It differs from client to client, so that they do not all come at once.
        come_back_in_ms: u64,
    },
    /// Something was wrong.
    Error {
        /// Its number in this session, where it has an `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        n: Option<u64>,
        /// For programs.
        code: ErrorCode,
        /// For people.
        #[serde(deserialize_with = "error_text")]
        text: String,
        /// Whether the connection ends with it.
        fatal: bool,
        /// The `id` of the message that it is about, which came to nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
    /// A type from a later version. Not to be sent.
    #[serde(other)]
    Unknown,
}

/// What a server accepts. A client keeps to the smaller of these and its own limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// The longest message.
    pub max_message_bytes: u32,
    /// The longest envelope, before base64.
    pub max_sealed_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message_bytes: MAX_MESSAGE_BYTES as u32, max_sealed_bytes: MAX_SEALED_BYTES as u32 }
    }
}

open_enum! {
    /// What was wrong, for programs.
    pub enum ErrorCode {
        /// The versions are more than one step apart.
        ProtoVersion = "proto.version",
        /// Not a message.
        ProtoMalformed = "proto.malformed",
        /// A message or an envelope above its limit.
        ProtoTooLarge = "proto.too_large",
        /// A message that does not belong here, such as a second hello.
        ProtoUnexpected = "proto.unexpected",
        /// The signature does not prove the address.
        AuthFailed = "auth.failed",
        /// No hello came in time.
        AuthTimeout = "auth.timeout",
        /// Too many messages; wait before the next.
        RateLimited = "rate.limited",
        /// The addressee reads too slowly or has been away for long; this envelope is gone.
        PeerSlow = "peer.slow",
        /// No call of these two in which envelopes went both ways is known here.
        CallUnknown = "call.unknown",
        /// This server has no relay.
        RelayNone = "relay.none",
        /// The server has as many connections as it can bear.
        ServerOverload = "server.overload",
        /// The server is being stopped; connect again later.
        ServerClosing = "server.closing",
        /// The server failed by its own fault.
        ServerInternal = "server.internal",
    }
}

/// 32 random bytes that prove a signature to be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge(pub [u8; 32]);

serde_as_base64url!(Challenge, 32);

impl Challenge {
    /// A new one.
    pub fn random() -> Result<Self, NoRandomness> {
        random::bytes().map(Self)
    }
}

/// 32 random bytes that only the client and the server of one session know.
#[derive(Clone, Copy)]
pub struct Token(pub [u8; 32]);

serde_as_base64url!(Token, 32);

impl PartialEq for Token {
    /// Takes as long wherever the difference is, so that a token cannot be guessed byte by byte.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A password, which never reaches a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A sealed envelope, which only the two parties of its call can open.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = String::deserialize(deserializer)?;
        if text.len() > base64url::encoded_length(MAX_SEALED_BYTES) {
            return Err(D::Error::custom(format_args!("an envelope has at most {MAX_SEALED_BYTES} bytes")));
        }
        base64url::decode(&text).map(Self).map_err(D::Error::custom)
    }
}

const HELLO_DOMAIN: &[u8] = b"sightline hello v1\0";

/// What a hello signs: `"sightline hello v1"`, a zero byte, the 32 bytes of the challenge, the 32 bytes of
/// the address, and the server's name in lower case ([`ServerAddress::name`](crate::ServerAddress::name) on
/// one side, one of the names that the server was told are its own on the other). Everything before the name has a
/// fixed length, so no two hellos share bytes.
///
/// The name is signed so that a server cannot use its client's hello to pass for that client elsewhere.
pub fn hello_signing_bytes(server_name: &str, challenge: &Challenge, address: &Address) -> Vec<u8> {
    let name = server_name.to_ascii_lowercase();
    [HELLO_DOMAIN, &challenge.0, address.as_bytes(), name.as_bytes()].concat()
}

/// Messages of the switchboard, either way.
pub trait Message: Serialize + DeserializeOwned + private::Sealed {}

impl Message for ToServer {}
impl Message for ToClient {}

mod private {
    pub trait Sealed {}
    impl Sealed for super::ToServer {}
    impl Sealed for super::ToClient {}
}

/// Writes a message as JSON text.
pub fn encode<T: Message>(message: &T) -> String {
    serde_json::to_string(message).expect("a message has only string keys and plain values")
}

/// Reads a message from JSON text.
pub fn decode<T: Message>(text: &str) -> Result<T, MessageError> {
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(MessageError::TooLarge { bytes: text.len() });
    }
    Ok(serde_json::from_str(text)?)
}

/// Why a text is not a message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Above the limit.
    #[error("a message has at most {MAX_MESSAGE_BYTES} bytes, and this one has {bytes}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// The envelope in it is above its limit.
    #[error("an envelope has at most {MAX_SEALED_BYTES} bytes, and this one has {bytes}")]
    EnvelopeTooLarge {
        /// How many it has, about.
        bytes: usize,
    },
    /// Not JSON, or not the fields that are due.
    #[error("this is not a message that version {PROTOCOL_VERSION} knows: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// An optional field is left out where there is nothing to say.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn session_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(text::clean(&String::deserialize(deserializer)?, MAX_SESSION_CHARS))
}

fn error_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(text::clean(&String::deserialize(deserializer)?, MAX_ERROR_TEXT_CHARS))
}
