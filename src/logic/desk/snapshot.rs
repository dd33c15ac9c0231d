//! How everything stands, to be drawn.
//!
//! One value for the whole window, made anew when something changed and never changed afterwards. Long lists are shared: a
//! snapshot is passed around several times a second while somebody talks.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use sightline_protocol::{
    call::{CallId, Media},
    keys::Address,
};

use crate::logic::{
    course::{EndReason, Link, Role, Side, Stage, Status},
    devices::{Choice, Device, InUse},
    doctor::{Diagnosis, Finding},
    evidence::Evidence,
    interfaces::InterfaceSeen,
    path::PathReport,
    report::{CallReport, Sending},
};

use super::wish::{Preferences, Survey};

/// All that a window shows at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When this was made, since 1970: what is "two minutes ago" is so by this.
    pub now_unix_ms: u64,
    /// Who we are.
    pub me: Me,
    /// Still to be set up; nothing once that was done or skipped.
    pub first_start: Option<FirstStart>,
    /// The links that were given out and hold; the lasting one first.
    pub links: Arc<[LinkCard]>,
    /// The server that we are reached at.
    pub server: ServerCard,
    /// All servers that are known.
    pub servers: Arc<[ServerCard]>,
    /// What is known of those that were looked at, by their links.
    pub server_checks: Arc<[(String, Checkup)]>,
    /// People, by name.
    pub contacts: Arc<[ContactCard]>,
    /// Calls that were, the newest first.
    pub recents: Arc<[Recent]>,
    /// Missed calls that nobody has looked at.
    pub missed: usize,
    /// The call that there is: rings here, rings there, or stands.
    pub call: Option<CallCard>,
    /// The call that was, until somebody puts it away.
    pub ended: Option<EndedCard>,
    /// Microphones, speakers and cameras.
    pub shelf: Shelf,
    /// What was chosen.
    pub preferences: Arc<Preferences>,
    /// The addresses of this computer, those that calls start from first.
    pub network: Arc<[InterfaceSeen]>,
    /// How the network looks from here.
    pub checkup: Checkup,
    /// The call with oneself.
    pub echo_test: EchoTest,
    /// Things to be told that are no state, the newest last.
    pub notices: Arc<[Notice]>,
    /// Where another start of the program can be told apart from this one: shown in the settings.
    pub profile: Option<PathBuf>,
    /// The desktop has a place for an icon that keeps the app reachable.
    pub has_tray: bool,
    /// Goes up each time the window should come to the front.
    pub raised: u64,
    /// Everything is said and written: the window closes.
    pub is_over: bool,
}

/// Who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Me {
    /// What we call ourselves; others are told when we call them or take their call.
    pub name: Option<String>,
    /// The key, as text.
    pub key: String,
}

/// What is left to do at the first start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstStart {
    /// What the system says that this person is called, as a suggestion.
    pub suggested_name: Option<String>,
}

/// A link that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkCard {
    /// The whole link.
    pub link: String,
    /// Which of several it is: what is revoked is named by this. Nothing for the lasting one, which cannot be.
    pub id: Option<String>,
    /// How long it is good.
    pub kind: LinkKind,
    /// What somebody noted beside it.
    pub note: Option<String>,
}

/// How long a link is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Always.
    Lasting,
    /// For one call that was taken.
    OneTime,
    /// Until then.
    Until {
        /// Since 1970.
        unix_ms: u64,
    },
}

/// A server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerCard {
    /// As it stands in its link: what it is chosen and removed by.
    pub link: String,
    /// For people: host and port, or "this computer".
    pub name: String,
    /// How it does.
    pub state: ServerState,
    /// It runs in this program.
    pub here: bool,
}

/// How a server does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerState {
    /// There is none: nobody can be called and nobody can call.
    #[default]
    None,
    /// Not in use.
    Idle,
    /// Being tried.
    Connecting,
    /// It knows us: calls come in.
    Up,
    /// It does not answer, and is being tried again.
    Down {
        /// In words.
        why: String,
    },
    /// It will not have us.
    Refused {
        /// In words.
        why: String,
    },
}

/// Somebody we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactCard {
    /// Who.
    pub key: Address,
    /// What we call them.
    pub name: Option<String>,
    /// Where they are reached; who only ever called us has none.
    pub link: Option<String>,
    /// Whether they can be reached now.
    pub presence: Presence,
}

/// Whether somebody can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Nobody knows.
    #[default]
    Unknown,
    /// They are connected to their server.
    Online,
    /// They are not.
    Offline,
}

/// A call that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Which.
    pub id: String,
    /// With whom.
    pub who: Who,
    /// Who rang.
    pub role: Role,
    /// What became of it.
    pub outcome: Outcome,
    /// When it began, since 1970.
    pub began_unix_ms: u64,
    /// For how long one could talk; nothing where it never connected.
    pub talked_ms: Option<u64>,
    /// One plain line: direct or relayed, and by whom.
    pub path: Option<String>,
    /// They can be called again.
    pub can_redial: bool,
    /// Nobody has looked at it yet.
    pub is_new: bool,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was held.
    Talked,
    /// It rang here and nobody took it; or it came while another call was held.
    Missed,
    /// It was declined.
    Declined {
        /// By whom.
        by: Side,
    },
    /// It came to nothing.
    Failed {
        /// Why.
        why: EndReason,
    },
}

/// The other side, as we know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Proven.
    pub key: Address,
    /// What we call them, where they are a contact.
    pub name: Option<String>,
    /// What they call themselves; nothing proves it.
    pub claimed: Option<String>,
    /// They are a contact: their key is known.
    pub is_contact: bool,
}

/// Where a call stands, for a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaceInCall {
    /// It rings here.
    #[default]
    Incoming,
    /// It is on its way, or rings there.
    Outgoing,
    /// It was taken.
    InCall,
}

/// A call that there is.
#[derive(Clone, Debug)]
pub struct CallCard {
    /// Which.
    pub call: CallId,
    /// With whom.
    pub who: Who,
    /// Who rang.
    pub role: Role,
    /// How it stands.
    pub stage: Stage,
    /// How its peer connection stands.
    pub link: Link,
    /// When it was first connected, since 1970.
    pub connected_unix_ms: Option<u64>,
    /// With what.
    pub media: Media,
    /// Our microphone, camera and screen.
    pub ours: Status,
    /// Theirs.
    pub theirs: Theirs,
    /// How it travels; nothing before anything is known.
    pub path: Option<Arc<PathReport>>,
    /// What is known of it besides, second by second.
    pub evidence: Arc<Evidence>,
    /// There and back.
    pub round_trip_ms: Option<f64>,
    /// How our pictures are sent.
    pub sending: Option<Sending>,
    /// How good it is, and why not better.
    pub quality: Quality,
    /// A few words that both ends read to each other: they are the same where nobody is in between.
    pub code: Option<String>,
    /// What was written, the oldest first.
    pub messages: Arc<[Message]>,
    /// Of those, how many of theirs nobody has looked at.
    pub unread: usize,
    /// Files, the oldest first.
    pub transfers: Arc<[Transfer]>,
    /// Somebody here speaks though the microphone is off.
    pub speaking_while_muted: bool,
    /// It is a call with oneself, to hear how one sounds.
    pub is_echo_test: bool,
}

/// The other side's microphone, camera and screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theirs {
    /// As they say.
    pub status: Status,
    /// A picture of theirs has come.
    pub has_picture: bool,
}

/// How good a call is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// In one word.
    pub word: QualityWord,
    /// Why not better, in words.
    pub reason: Option<String>,
}

/// How good a call is, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QualityWord {
    /// Too early to say.
    #[default]
    Unknown,
    /// Nothing to complain about.
    Good,
    /// One notices something.
    Fair,
    /// It is hard to talk.
    Poor,
}

/// Something written in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which.
    pub id: u64,
    /// By whom.
    pub from: Side,
    /// What.
    pub text: String,
    /// When, since 1970.
    pub at_unix_ms: u64,
    /// What became of it.
    pub state: MessageState,
}

/// What became of something written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It waits for a way.
    Waiting,
    /// It is on its way.
    Sent,
    /// It has arrived.
    Delivered,
    /// It never will.
    Failed,
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Which.
    pub id: u64,
    /// Who gives it.
    pub from: Side,
    /// Its name, without any folder.
    pub name: String,
    /// How much it is.
    pub size_bytes: u64,
    /// How much of it has come.
    pub done_bytes: u64,
    /// How fast, where it goes.
    pub bytes_per_s: Option<f64>,
    /// How it stands.
    pub state: TransferState,
}

/// How a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Nobody has said yes yet.
    Offered,
    /// It waits for others, or for a way.
    Waiting,
    /// It goes.
    Going,
    /// It is held.
    Paused {
        /// By whom.
        by: Side,
    },
    /// It is whole, and its hash is right.
    Done {
        /// Where it was put; nothing for one that was given.
        path: Option<PathBuf>,
    },
    /// It will not come.
    Failed {
        /// In words.
        why: String,
    },
    /// It was not wanted.
    Declined,
    /// Somebody changed their mind.
    Cancelled {
        /// Who.
        by: Side,
    },
}

/// A call that was, until it is put away.
#[derive(Clone, Debug)]
pub struct EndedCard {
    /// With whom.
    pub who: Who,
    /// Why, and by whom.
    pub reason: EndReason,
    /// Who ended it.
    pub by: Side,
    /// For how long one could talk.
    pub talked_ms: Option<u64>,
    /// They can be called again.
    pub can_redial: bool,
    /// Everything that is known; nothing while it is still being written.
    pub report: Option<Arc<CallReport>>,
    /// Where it was saved.
    pub saved_at: Option<PathBuf>,
    /// What somebody said of it.
    pub survey: Survey,
    /// The last messages, so that they can still be read.
    pub messages: Arc<[Message]>,
    /// The last files.
    pub transfers: Arc<[Transfer]>,
    /// It was a call with oneself.
    pub was_echo_test: bool,
}

/// What there is of devices.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// All of them.
    pub devices: Arc<[Device]>,
    /// Which were chosen: microphone, speaker, camera.
    pub chosen: [Choice; 3],
    /// What each that was said of says, in any order.
    pub in_use: Arc<[InUse]>,
    /// The camera is open for a look at oneself.
    pub previewing: bool,
}

/// How the network looks from here.
#[derive(Clone, Debug, Default)]
pub enum Checkup {
    /// Nobody has asked.
    #[default]
    NotYet,
    /// Being looked at.
    Running {
        /// Since when, since 1970.
        since_unix_ms: u64,
        /// What is known already, in the order in which it was found out.
        findings: Arc<[Finding]>,
    },
    /// Found out.
    Done {
        /// What.
        diagnosis: Arc<Diagnosis>,
        /// When, since 1970.
        at_unix_ms: u64,
    },
    /// It could not be found out.
    Failed {
        /// In words.
        why: String,
    },
}

/// The call with oneself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EchoTest {
    /// None.
    #[default]
    Idle,
    /// The other end is being made.
    Starting,
    /// It is the call that there is.
    Running,
}

/// Something to be told that is no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which: what is put away or taken back is named by this.
    pub id: u64,
    /// Of what weight.
    pub kind: NoticeKind,
    /// In words, with the next step.
    pub text: String,
    /// What stays the same in every language, for whoever asks for help; nothing where nothing went wrong.
    pub code: Option<&'static str>,
    /// What was done can be taken back.
    pub can_undo: bool,
}

/// Of what weight a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// For information; goes by itself.
    Info,
    /// Something was done.
    Done,
    /// Something does not work, the rest goes on.
    Problem,
}

impl Stage {
    /// Where that is for a window; `None` once it is over.
    pub const fn place(self) -> Option<PlaceInCall> {
        match self {
            Self::RingingHere => Some(PlaceInCall::Incoming),
            Self::Inviting | Self::Reached | Self::RingingThere => Some(PlaceInCall::Outgoing),
            Self::Connecting | Self::Connected | Self::Reconnecting => Some(PlaceInCall::InCall),
            Self::Ended { .. } => None,
        }
    }
}

impl Who {
    /// What to call them, where there is any name at all.
    pub fn shown(&self) -> Option<&str> {
        self.name.as_deref().or(self.claimed.as_deref())
    }
}
