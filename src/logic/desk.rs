//! The desk: everything that a window shows, and everything that a person may want of it.
//!
//! A window draws a [`Snapshot`] and says [`Wish`]es. Between them and the engine stands the desk: it alone knows which call
//! there is, who the contacts are, what was missed and which settings hold. It decides; files, sounds and notifications are
//! somebody else's job.

mod snapshot;
mod wish;

pub use snapshot::{
    CallCard, Checkup, ContactCard, EchoTest, EndedCard, FirstStart, LinkCard, LinkKind, Me, Message,
    MessageState, Notice, NoticeKind, Outcome, PlaceInCall, Presence, Quality, QualityWord, Recent,
    ServerCard, ServerState, Shelf, Snapshot, Theirs, Transfer, TransferState, Who,
};
pub use wish::{
    Appearance, Complaint, ContactChange, DataUse, FileWish, NewLink, Preferences, ServerWish, Survey, Wish,
};
