//! The unit that is sealed: at most one message with its number, and how many of the other side's have arrived.
//!
//! Numbers and acknowledgements make delivery reliable and ordered although the switchboard promises neither, and
//! they travel sealed, so that the switchboard cannot fake them. Frames are padded with spaces, which JSON ignores: the
//! reader needs no rule for it, and the size of an envelope tells a short message from a long one and little else.

use serde::{Deserialize, Serialize};

use crate::call::CallMessage;
use crate::limits::{
    MAX_CANDIDATE_BYTES, MAX_CANDIDATES_PER_MESSAGE, MAX_FILE_NAME_BYTES, MAX_PLAIN_BYTES, MAX_REPORT_BYTES,
    MAX_SDP_BYTES, MAX_TAG_BYTES, PADDING_BYTES,
};

/// What is sealed as one envelope: `{"a":ACK}` or `{"a":ACK,"s":SEQ,"m":MESSAGE}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// How many messages of the other side have arrived in order.
    pub ack: u32,
    /// A message of this side, and its number; the first is 1.
    pub part: Option<(u32, CallMessage)>,
}

#[derive(Serialize)]
struct FrameOut<'a> {
    a: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    m: Option<&'a CallMessage>,
}

#[derive(Deserialize)]
struct FrameIn {
    a: u32,
    #[serde(default)]
    s: Option<u32>,
    #[serde(default)]
    m: Option<CallMessage>,
}

impl Frame {
    /// Writes the frame as JSON, padded with spaces to a multiple of [`PADDING_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        if let Some((number, message)) = &self.part {
            if *number == 0 {
                return Err(FrameError::Unnumbered);
            }
            message.check()?;
        }
        let part = self.part.as_ref();
        let out = FrameOut { a: self.ack, s: part.map(|(s, _)| *s), m: part.map(|(_, m)| m) };
        let mut bytes = serde_json::to_vec(&out)?;
        bytes.resize(bytes.len().next_multiple_of(PADDING_BYTES), b' ');
        if bytes.len() > MAX_PLAIN_BYTES {
            return Err(FrameError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads a frame. Padding is not required.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() > MAX_PLAIN_BYTES {
            return Err(FrameError::TooLarge { bytes: bytes.len() });
        }
        let FrameIn { a: ack, s, m } = serde_json::from_slice(bytes)?;
        let part = match (s, m) {
            (None, None) => None,
            (Some(number), Some(message)) if number > 0 => Some((number, message)),
            (Some(_) | None, Some(_)) | (Some(_), None) => return Err(FrameError::Unnumbered),
        };
        if let Some((_, message)) = &part {
            message.check()?;
        }
        Ok(Self { ack, part })
    }
}

/// Why a frame cannot be written or read.
///
/// None of these quotes the frame: what is sealed must not turn up in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Above the limit.
    #[error("a frame has at most {MAX_PLAIN_BYTES} bytes, and this one has {bytes}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// Not JSON.
    #[error("this is not a frame: it is not JSON, or it is cut short")]
    NotJson,
    /// JSON of another shape.
    #[error(
        "this is not a frame that version {} knows: a field is missing or of another kind",
        crate::PROTOCOL_VERSION
    )]
    Shape,
    /// A message without a number, or a number without a message.
    #[error("a message in a frame has a number from 1 up, and a number has a message")]
    Unnumbered,
    /// A description above the limit.
    #[error("a session description has at most {MAX_SDP_BYTES} bytes, and this one has {bytes}")]
    Description {
        /// How many it has.
        bytes: usize,
    },
    /// A report above the limit.
    #[error("a report of a network has at most {MAX_REPORT_BYTES} bytes, and this one has {bytes}")]
    Report {
        /// How many it has.
        bytes: usize,
    },
    /// A file's name above the limit.
    #[error("a file's name has at most {MAX_FILE_NAME_BYTES} bytes, and this one has {bytes}")]
    FileName {
        /// How many it has.
        bytes: usize,
    },
    /// Too many candidates at once.
    #[error("one message holds at most {MAX_CANDIDATES_PER_MESSAGE} candidates, and this one has {count}")]
    Candidates {
        /// How many it has.
        count: usize,
    },
    /// A candidate above the limit.
    #[error("a candidate has at most {MAX_CANDIDATE_BYTES} bytes, its tags at most {MAX_TAG_BYTES}")]
    Candidate,
}

impl From<serde_json::Error> for FrameError {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::Shape,
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => Self::NotJson,
        }
    }
}
