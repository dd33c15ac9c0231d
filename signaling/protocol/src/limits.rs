//! How much of anything there may be.
//!
//! Each number says what happens to what exceeds it. They are part of the protocol: a program may allow
//! itself less than it accepts, and must accept what stands here.

use std::time::Duration;

/// One switchboard message, as UTF-8 JSON. A longer one is answered with `proto.too_large` and the connection
/// is closed, because the WebSocket layer stops reading in the middle of it.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// One sealed envelope, before base64. A longer one is refused by whoever would have to send or open it.
pub const MAX_SEALED_BYTES: usize = 32 * 1024;

/// What may be sealed at once, padding included: an envelope less the room that sealing takes (at most 98
/// bytes), as a whole number of [`PADDING_BYTES`]. More is refused before it is sealed.
pub const MAX_PLAIN_BYTES: usize = 32_512;

/// Frames are padded to a multiple of this before sealing, so that the size of an envelope tells a short
/// message from a long one and little else.
pub const PADDING_BYTES: usize = 256;

/// One session description. A longer one is refused by both sides; real ones are a tenth of this.
pub const MAX_SDP_BYTES: usize = 24 * 1024;

/// Candidates in one message. More are refused; a sender with more sends another message.
pub const MAX_CANDIDATES_PER_MESSAGE: usize = 32;

/// One candidate line. A longer one is refused with the message that holds it.
pub const MAX_CANDIDATE_BYTES: usize = 512;

/// A media identification tag or an ICE user fragment (256 is ICE's own limit). A longer one is refused with
/// the message that holds it.
pub const MAX_TAG_BYTES: usize = 256;

/// What one side tells the other of its network. A longer one is refused by both sides; real ones are a third of this.
pub const MAX_REPORT_BYTES: usize = 12 * 1024;

/// The name a person gives themselves. A longer one is cut, by the sender and again by the receiver.
pub const MAX_NAME_CHARS: usize = 64;

/// One chat message. A longer one is cut, by the sender and again by the receiver.
pub const MAX_CHAT_CHARS: usize = 4_000;

/// Line breaks in a row within a chat message. More become so many, so that nobody pushes everything else off the screen.
pub const MAX_BREAKS_IN_A_ROW: usize = 3;

/// The name of a file in its offer. The message with a longer one is refused by both sides; who offers cuts it before.
pub const MAX_FILE_NAME_BYTES: usize = 255;

/// One file. A larger one is not offered, and an offer of one is refused with `too_large`.
pub const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// One message of the data channel for files. A longer one is ignored.
pub const MAX_FILE_FRAME_BYTES: usize = 16 * 1024;

/// A reason or error code that this version does not know. A longer one is cut.
pub const MAX_WORD_CHARS: usize = 64;

/// The explanation in a server's error. A longer one is cut.
pub const MAX_ERROR_TEXT_CHARS: usize = 300;

/// A session's name as the server gives it. A longer one is cut.
pub const MAX_SESSION_CHARS: usize = 64;

/// A call link in any of its forms, after trimming. A longer one is refused unread.
pub const MAX_LINK_BYTES: usize = 512;

/// A host name, which is what the domain name system can carry. A longer one is refused.
pub const MAX_HOST_BYTES: usize = 253;

/// A link's token. A longer (or empty) one is refused.
pub const MAX_TOKEN_CHARS: usize = 64;

/// How far behind the newest transport envelope an older one may arrive and still be opened. Beyond it
/// nothing can tell a late envelope from a repeated one, and it is refused.
pub const REPLAY_WINDOW: u64 = 1024;

/// Messages of one call that a sender has under way without an acknowledgement (one, until the first is
/// acknowledged). Later ones wait on its side.
pub const MAX_UNACKNOWLEDGED_FRAMES: usize = 32;

/// Frames of one call that a receiver keeps while an earlier one is missing. Later ones are dropped
/// unacknowledged, and sent again by the other side.
pub const MAX_HELD_FRAMES: usize = 64;

/// A client that has not sent a valid hello by then is told `auth.timeout` and disconnected.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// From the invitation until somebody accepts. Then the caller cancels.
pub const RING_TIMEOUT: Duration = Duration::from_secs(60);

/// From acceptance until media can flow. Then the call ends as not connected.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(14);

/// Numbered messages that may come in before they are acknowledged. With this one they are.
pub const ACKNOWLEDGE_AFTER_MESSAGES: u64 = 16;

/// How long a numbered message may go unacknowledged. Then it is.
pub const ACKNOWLEDGE_AFTER: Duration = Duration::from_secs(1);

/// What a client keeps of what it said and the server has not acknowledged. One more is refused to whoever would say it.
pub const MAX_UNACKNOWLEDGED_MESSAGES: usize = 128;

/// The same in bytes. What exceeds it is refused to whoever would say it.
pub const MAX_UNACKNOWLEDGED_BYTES: usize = 512 * 1024;
