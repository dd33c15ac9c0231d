//! What Sightline's clients and server say to each other.
//!
//! Everything that crosses a wire is named here and nowhere else: keys and addresses, call links, the
//! switchboard's messages, the messages of a call, and the sealing that hides those from the switchboard.
//! `README.md` beside this crate specifies the same things for whoever writes another client; where the
//! two differ, one of them has a bug.
//!
//! No socket, thread or clock lives here. The only thing asked of the system is randomness.

pub mod call;
pub mod keys;
pub mod limits;
pub mod link;
pub mod numbering;
pub mod pinned;
pub mod routed;
pub mod seal;
pub mod session;
pub mod switchboard;

mod base64url;
mod frame;
mod open_enum;
mod random;
mod replay;
mod text;

pub use call::{
    CallId, CallMessage, Candidate, DescriptionKind, FileEnd, FileStep, Frame, HangupReason, Media,
    RefusalReason,
};
pub use keys::{Address, BadSignature, Identity, Signature};
pub use link::{CallLink, LinkError, LinkToken, Pin, Scheme, ServerAddress};
pub use random::NoRandomness;
pub use seal::{Opened, SealError, Sealer};
pub use switchboard::{
    Challenge, ErrorCode, Limits, MessageError, Password, Resume, Sealed, ToClient, ToServer, Token,
};

/// The version of everything in this crate that a program states when it greets a server or invites to a
/// call.
pub const PROTOCOL_VERSION: u16 = 1;

/// Whether this program can talk to one that states the version `theirs`.
///
/// Every version can read the one before it, and writes so that the one before it can read. Hence one step
/// in either direction is fine, and both sides come to the same verdict.
pub const fn is_compatible(theirs: u16) -> bool {
    theirs != 0 && theirs.abs_diff(PROTOCOL_VERSION) <= 1
}
