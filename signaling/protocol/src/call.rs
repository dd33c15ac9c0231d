//! What the two parties of a call say to each other, sealed.
//!
//! A [`CallMessage`] is what is said; a [`Frame`] is what is sealed. `Debug` of these types shows descriptions,
//! candidates and names; a log says [`CallMessage::kind`] instead.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{
    MAX_BREAKS_IN_A_ROW, MAX_CANDIDATE_BYTES, MAX_CANDIDATES_PER_MESSAGE, MAX_CHAT_CHARS,
    MAX_FILE_NAME_BYTES, MAX_NAME_CHARS, MAX_REPORT_BYTES, MAX_SDP_BYTES, MAX_TAG_BYTES,
};
use crate::link::LinkToken;
use crate::open_enum::open_enum;
use crate::random::{self, NoRandomness};
use crate::text;

pub use crate::frame::{Frame, FrameError};

/// The data channel of a peer connection on which sealed messages go as well, besides the switchboard. Whoever offers the
/// connection opens it.
pub const DIRECT_CHANNEL: &str = "sightline";

/// The data channel of a peer connection over which files go. Whoever offers the connection opens it.
pub const FILES_CHANNEL: &str = "sightline-files";

/// Which call, chosen at random by the caller. When two parties ring each other at once, the call whose
/// identity is lower, byte by byte, goes on. Written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub [u8; 16]);

impl CallId {
    /// A new one.
    pub fn random() -> Result<Self, NoRandomness> {
        random::bytes().map(Self)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

impl FromStr for CallId {
    type Err = BadCallId;

    fn from_str(text: &str) -> Result<Self, BadCallId> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(BadCallId),
        };
        let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| BadCallId)?;
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not a call's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a call's identity is 32 lower-case hexadecimal digits")]
pub struct BadCallId;

/// What one party of a call says to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum CallMessage {
    /// The caller's first: will you talk to me?
    Invite {
        /// The caller's [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
        version: u16,
        /// What the caller calls themselves; nothing proves it.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "name")]
        name: Option<String>,
        /// What the caller means to send.
        media: Media,
        /// From the link, where it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<LinkToken>,
    },
    /// The callee's program has the invitation and asks nobody yet.
    Reached,
    /// A person is being asked.
    Ringing,
    /// The callee takes the call.
    Accept {
        /// What the callee means to send.
        media: Media,
        /// What the callee calls themselves.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "name")]
        name: Option<String>,
    },
    /// The callee does not want to talk.
    Decline,
    /// The callee is in another call.
    Busy,
    /// The callee's program turned the invitation away without asking anybody.
    Refused {
        /// Why.
        why: RefusalReason,
    },
    /// The caller gave up before an answer.
    Cancel,
    /// Either side ends a call that was accepted.
    Hangup {
        /// Why.
        reason: HangupReason,
    },
    /// A session description.
    Description {
        /// Offer, answer, or neither.
        kind: DescriptionKind,
        /// Which peer connection: higher than any in this call before it, odd where the caller offers, even where
        /// the callee does; an answer has that of its offer.
        generation: u32,
        /// The description; empty for a rollback.
        sdp: String,
        /// The connection is of use only where it needs no relay: neither side names one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        direct: bool,
    },
    /// ICE candidates of the sender.
    Candidates {
        /// The generation of the description that they belong to.
        generation: u32,
        /// The candidates, in the order they were found.
        candidates: Vec<Candidate>,
        /// Whether this generation has no more.
        end: bool,
    },
    /// What the sender's side is doing.
    Status {
        /// The microphone is muted.
        muted: bool,
        /// The camera sends nothing.
        camera_off: bool,
        /// The picture is the sender's screen.
        sharing: bool,
    },
    /// The sender shows the other's picture at this size, in pixels of its screen; zero where it does not show it. To send a
    /// larger one would be a waste. Whoever says nothing takes any.
    Drawn {
        /// Of the picture.
        width: u16,
        /// Of the picture.
        height: u16,
    },
    /// A person wrote something to the other, once the call was accepted.
    Chat {
        /// What; nothing where nothing of it may be shown.
        #[serde(with = "chat")]
        text: String,
    },
    /// About a file of this call.
    File {
        /// Which: counted by its giver, the caller's odd, the callee's even, each higher than any before it.
        file: u32,
        /// What of it.
        #[serde(flatten)]
        step: FileStep,
    },
    /// Outside a call: look at your network, and say what you see. Answered by `Examined`, or by nothing.
    Examine,
    /// Outside a call: what the sender sees of its network.
    Examined {
        /// A text of the programs' own, which the protocol does not read.
        report: String,
    },
    /// A type from a later version: acknowledged and ignored. Not to be sent.
    #[serde(other)]
    Unknown,
}

/// What a party means to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Sound.
    pub audio: bool,
    /// Pictures.
    pub video: bool,
}

/// The part a description plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DescriptionKind {
    /// Proposes.
    Offer,
    /// Agrees to an offer.
    Answer,
    /// Takes the sender's own offer back.
    Rollback,
}

/// One ICE candidate, as in WebRTC's `RTCIceCandidateInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The attribute's value, beginning with `candidate:`.
    pub line: String,
    /// The media section's identification tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// The media section's index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mline: Option<u16>,
    /// The user fragment of the ICE session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufrag: Option<String>,
}

/// What is said of a file. What is in it goes over [`FILES_CHANNEL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum FileStep {
    /// Its giver has it to give.
    Offer {
        /// What it is called there; the receiver cleans it.
        name: String,
        /// In bytes.
        size: u64,
    },
    /// Its receiver takes it, from this byte on: the bytes before it are there.
    Take {
        /// Counted from 0.
        from: u64,
    },
    /// Either side holds it, or lets it go on.
    Hold {
        /// Whether the sender of this holds it.
        held: bool,
    },
    /// Either side ends it.
    End {
        /// Why.
        why: FileEnd,
    },
    /// From a later version: ignored. Not to be sent.
    #[serde(other)]
    Unknown,
}

open_enum! {
    /// Why there is no more to say of a file.
    pub enum FileEnd {
        /// The receiver has it whole, and its sum is right.
        Done = "done",
        /// The receiver does not want it.
        Declined = "declined",
        /// Either side changed its mind.
        Cancelled = "cancelled",
        /// The sender of this cannot read or write it.
        Failed = "failed",
        /// It came whole, and its sum is wrong.
        Mismatch = "mismatch",
        /// It is larger than the receiver takes.
        TooLarge = "too_large",
        /// The receiver has too many offers.
        TooMany = "too_many",
    }
}

open_enum! {
    /// Why a program turned an invitation away.
    pub enum RefusalReason {
        /// The link's token is not one that the callee gave out.
        LinkUnknown = "link_unknown",
        /// The link's token is no longer valid.
        LinkExpired = "link_expired",
        /// The versions are more than one step apart.
        Version = "version",
    }
}

open_enum! {
    /// Why an accepted call ended.
    pub enum HangupReason {
        /// A person ended it.
        Normal = "normal",
        /// Another call between the same two took its place.
        Replaced = "replaced",
        /// Media never flowed, or stopped flowing.
        Failed = "failed",
        /// The program is closing.
        Shutdown = "shutdown",
    }
}

impl CallMessage {
    /// The message's type as it stands on the wire: all that a log should say of it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Invite { .. } => "invite",
            Self::Reached => "reached",
            Self::Ringing => "ringing",
            Self::Accept { .. } => "accept",
            Self::Decline => "decline",
            Self::Busy => "busy",
            Self::Refused { .. } => "refused",
            Self::Cancel => "cancel",
            Self::Hangup { .. } => "hangup",
            Self::Description { .. } => "description",
            Self::Candidates { .. } => "candidates",
            Self::Status { .. } => "status",
            Self::Drawn { .. } => "drawn",
            Self::Chat { .. } => "chat",
            Self::File { .. } => "file",
            Self::Examine => "examine",
            Self::Examined { .. } => "examined",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it keeps to the limits; asked of every message that is written or read.
    pub(crate) fn check(&self) -> Result<(), FrameError> {
        match self {
            Self::Description { sdp, .. } if sdp.len() > MAX_SDP_BYTES => {
                Err(FrameError::Description { bytes: sdp.len() })
            }
            Self::File { file: _, step: FileStep::Offer { name, .. } }
                if name.len() > MAX_FILE_NAME_BYTES =>
            {
                Err(FrameError::FileName { bytes: name.len() })
            }
            Self::Examined { report } if report.len() > MAX_REPORT_BYTES => {
                Err(FrameError::Report { bytes: report.len() })
            }
            Self::Candidates { candidates, .. } => {
                if candidates.len() > MAX_CANDIDATES_PER_MESSAGE {
                    return Err(FrameError::Candidates { count: candidates.len() });
                }
                if candidates.iter().all(Candidate::is_bounded) { Ok(()) } else { Err(FrameError::Candidate) }
            }
            Self::Description { .. }
            | Self::Invite { .. }
            | Self::Reached
            | Self::Ringing
            | Self::Accept { .. }
            | Self::Decline
            | Self::Busy
            | Self::Refused { .. }
            | Self::Cancel
            | Self::Hangup { .. }
            | Self::Status { .. }
            | Self::Drawn { .. }
            | Self::Chat { .. }
            | Self::File { .. }
            | Self::Examine
            | Self::Examined { .. }
            | Self::Unknown => Ok(()),
        }
    }
}

impl Candidate {
    fn is_bounded(&self) -> bool {
        let tag = |tag: &Option<String>| tag.as_ref().is_none_or(|tag| tag.len() <= MAX_TAG_BYTES);
        self.line.len() <= MAX_CANDIDATE_BYTES && tag(&self.mid) && tag(&self.ufrag)
    }
}

/// A name as it may be shown: control characters and marks that turn the reading direction removed, cut to
/// [`MAX_NAME_CHARS`]. `None` if nothing is left. Every name passes through here when sent and when received.
pub fn display_name(name: &str) -> Option<String> {
    let name = text::clean(name, MAX_NAME_CHARS);
    (!name.is_empty()).then_some(name)
}

/// A chat message as it may be shown: cleaned like a name, with its line breaks, cut to [`MAX_CHAT_CHARS`]. Every chat message
/// passes through here when sent and when received.
pub fn chat_text(text: &str) -> String {
    text::clean_lines(text, MAX_CHAT_CHARS, MAX_BREAKS_IN_A_ROW)
}

mod chat {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::chat_text(text))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(super::chat_text(&String::deserialize(deserializer)?))
    }
}

mod name {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(name: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
        name.as_deref().and_then(super::display_name).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        Ok(name.as_deref().and_then(super::display_name))
    }
}
