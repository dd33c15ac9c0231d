//! The words for how a call goes: who, how it stands, why it ended. They stand in events and reports, so their names stay.

use serde::{Deserialize, Serialize};
use sightline_protocol::call::RefusalReason;

/// Which end of the call this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Dialled.
    Caller,
    /// Was rung.
    Callee,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This end.
    Us,
    /// The other end.
    Them,
    /// Neither: a limit was reached or the network went away.
    Nobody,
}

/// Where connecting was stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Our own end could not be made; what was in the way was told as a problem.
    OurSide,
    /// The other side's description never came.
    Description,
    /// Descriptions were exchanged, but no candidate of theirs came.
    Candidates,
    /// No candidate pair answered.
    Checks,
    /// A pair works, but the encryption was not agreed on.
    Encryption,
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "step")]
pub enum EndReason {
    /// Somebody hung up.
    Normal,
    /// Not taken.
    Declined,
    /// In another call.
    Busy,
    /// Given up by the caller before it was answered.
    Cancelled,
    /// It rang until the limit.
    NoAnswer,
    /// Not connected to its server.
    Unreachable,
    /// Accepted, but no connection came about.
    ConnectFailed(Step),
    /// The connection went away and did not come back.
    Lost,
    /// The link is not, or no longer, good for a call.
    RefusedLink,
    /// The two programs speak different versions.
    IncompatibleVersion,
    /// Another call between the same two took its place.
    Replaced,
}

impl EndReason {
    /// What a refused caller is told.
    pub fn of_refusal(why: &RefusalReason) -> Self {
        match why {
            RefusalReason::Version => Self::IncompatibleVersion,
            RefusalReason::LinkUnknown | RefusalReason::LinkExpired | RefusalReason::Other(_) => {
                Self::RefusedLink
            }
        }
    }
}

/// How a call stands, for whoever watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
    /// The invite is on its way.
    Inviting,
    /// The other side's program has it.
    Reached,
    /// It rings at the other side.
    RingingThere,
    /// It rings here.
    RingingHere,
    /// Accepted; a path is being looked for.
    Connecting,
    /// Media may flow.
    Connected,
    /// The path went silent; another is being looked for.
    Reconnecting,
    /// Over.
    Ended {
        /// Why.
        reason: EndReason,
        /// By whom.
        by: Side,
    },
}

/// What the peer connection says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Nothing yet.
    New,
    /// Candidate pairs are being tried.
    Checking,
    /// A pair works.
    PathFound,
    /// Encrypted; media may flow.
    Up,
    /// Nothing has been heard for a while.
    Interrupted,
    /// No pair works, or the encryption failed.
    Failed,
    /// The other side closed it.
    Closed,
}

/// What a side says of its microphone, camera and screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The microphone is off.
    pub muted: bool,
    /// The camera is off.
    pub camera_off: bool,
    /// The screen is shown.
    pub sharing: bool,
}
