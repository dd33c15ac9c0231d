//! What a person may want, in the words of a window.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sightline_protocol::{call::Media, keys::Address};

use crate::logic::{
    devices::{Choice, DeviceKind},
    evidence::Trial,
};

/// What somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Call whoever this is a link of, in any form that people paste.
    CallLink {
        /// As it was typed, pasted, dropped or handed over.
        text: String,
        /// With what.
        media: Media,
    },
    /// Call a contact.
    CallContact {
        /// Who.
        key: Address,
        /// With what.
        media: Media,
    },
    /// Call somebody of the recent calls again.
    Redial {
        /// Which call it was.
        id: String,
        /// With what.
        media: Media,
    },
    /// Call oneself, to hear how one sounds.
    EchoTest,
    /// Take the call that rings.
    Answer {
        /// With what.
        media: Media,
    },
    /// Not take it.
    Decline,
    /// End the call, whatever its state.
    HangUp,
    /// Put the call that was away.
    PutAway,
    /// The microphone on or off.
    Microphone {
        /// On.
        on: bool,
    },
    /// The camera on or off.
    Camera {
        /// On.
        on: bool,
    },
    /// Another device.
    Use {
        /// Of which kind.
        kind: DeviceKind,
        /// Which.
        choice: Choice,
    },
    /// Their picture is drawn at this size, in pixels of the screen; zero where it is not.
    Drawn {
        /// Of the picture.
        width: u16,
        /// Of the picture.
        height: u16,
    },
    /// Open the camera and the microphone for a look at oneself, or close them again.
    Preview {
        /// Open.
        on: bool,
    },
    /// Play a sound, to hear whether the speaker works.
    TestSound,
    /// Look at the network.
    Examine,
    /// Try something with the path of the call that stands.
    Trial(Trial),
    /// Write something to the other side.
    Say {
        /// What.
        text: String,
    },
    /// Everything written has been seen.
    Read,
    /// Let somebody choose files, and offer them.
    ChooseFiles,
    /// Offer these files.
    OfferFiles {
        /// Where they are.
        paths: Vec<PathBuf>,
    },
    /// Something about a file.
    File {
        /// Which.
        id: u64,
        /// What.
        wish: FileWish,
    },
    /// Be called something else.
    Rename {
        /// What; nothing to have no name.
        name: String,
    },
    /// The first start is over.
    Begin,
    /// Another link to give out.
    MakeLink {
        /// Of which kind.
        kind: NewLink,
        /// To be noted beside it.
        note: Option<String>,
    },
    /// A link holds no longer.
    RevokeLink {
        /// Which.
        id: String,
    },
    /// Change who the contacts are.
    Contact {
        /// Who.
        key: Address,
        /// How.
        change: ContactChange,
    },
    /// Take in whoever this is a link of.
    AddContact {
        /// Their link, in any form that people paste.
        text: String,
        /// What we call them.
        name: Option<String>,
    },
    /// Forget a recent call.
    Forget {
        /// Which; nothing for all.
        id: Option<String>,
    },
    /// The missed calls have been seen.
    SeenMissed,
    /// Let somebody choose the folder for files.
    ChooseDownloads,
    /// Change what was chosen. Everything applies at once.
    Prefer(Box<Preferences>),
    /// Something about servers.
    Server(ServerWish),
    /// Write the report of the call that was to a file that somebody chooses.
    SaveReport,
    /// Say how the call that was went.
    Answered(Survey),
    /// Put a notice away.
    PutNoticeAway {
        /// Which.
        id: u64,
    },
    /// Take back what a notice tells of.
    Undo {
        /// Which notice.
        id: u64,
    },
    /// The window was closed: the app stays where it stays reachable, and ends otherwise.
    CloseWindow,
    /// End the app.
    Quit,
}

/// A link to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewLink {
    /// For one call that is taken.
    OneTime,
    /// For so long.
    For {
        /// In hours.
        hours: u32,
    },
}

/// What may be done to a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactChange {
    /// Take them in: somebody of the call that there is, that was, or of the recent ones.
    Add {
        /// What we call them; what they call themselves where empty.
        name: Option<String>,
    },
    /// Call them something else.
    Rename {
        /// What.
        name: String,
    },
    /// Let them go. Can be taken back for a while.
    Remove,
}

/// What may be done to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileWish {
    /// Take it, into the folder for downloads.
    Accept,
    /// Not take it.
    Decline,
    /// Hold it.
    Pause,
    /// Go on.
    GoOn,
    /// Stop it for good.
    Cancel,
    /// Show where it is, in the system's own program for files. It is never opened.
    Show,
}

/// What may be done about servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerWish {
    /// Be reached at this one from now on.
    Choose {
        /// Its link.
        link: String,
    },
    /// Take one in.
    Add {
        /// Its link, in any form that people paste.
        text: String,
    },
    /// Look whether calls would work over this one, whichever is in use.
    Check {
        /// Its link.
        link: String,
    },
    /// Forget one.
    Remove {
        /// Its link.
        link: String,
    },
    /// Run one in this program, and be reached at it.
    HostHere,
}

/// What somebody says of a call in two taps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Survey {
    /// It was fine, or it was not; nothing before somebody said so.
    pub was_good: Option<bool>,
    /// What was wrong.
    pub complaints: Vec<Complaint>,
}

/// What may be wrong with a call, as a person says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Complaint {
    /// I did not hear them well.
    SoundHere,
    /// They did not hear me well.
    SoundThere,
    /// Echo.
    Echo,
    /// The picture stood still.
    Frozen,
    /// The picture was blurred.
    Blurred,
    /// Too much delay.
    Delay,
    /// It broke off.
    BrokeOff,
}

/// What was chosen. Kept in a file that people may read and write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Take the loudspeaker's echo out of what the microphone hears.
    pub echo_cancelling: bool,
    /// Take noise out of it.
    pub noise_suppression: bool,
    /// Bring it to one level.
    pub gain_control: bool,
    /// Show nobody our addresses: relayed paths alone.
    pub always_relay: bool,
    /// How much to spend on pictures.
    pub data_use: DataUse,
    /// Light, dark, or as the system has it.
    pub appearance: Appearance,
    /// How large everything is: 1 is as designed.
    pub scale: f32,
    /// Our own picture is mirrored, as in a mirror.
    pub mirror: bool,
    /// Start without a window, where an icon keeps the app reachable.
    pub start_hidden: bool,
    /// Closing the window leaves the app running, where an icon keeps it reachable.
    pub keep_running: bool,
    /// Tell the system of calls and messages.
    pub notifications: bool,
    /// Ring.
    pub ring: bool,
    /// Whoever has a link of ours may see whether we can be reached.
    pub show_online: bool,
    /// The doctors of contacts may ask what this computer's network looks like.
    pub contacts_may_examine: bool,
    /// Where files are put; the system's folder for downloads where nothing is said.
    pub downloads: Option<PathBuf>,
    /// Keep a report of each of the last calls on this computer.
    pub keep_reports: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            echo_cancelling: true,
            noise_suppression: true,
            gain_control: true,
            always_relay: false,
            data_use: DataUse::Full,
            appearance: Appearance::System,
            scale: 1.0,
            mirror: true,
            start_hidden: false,
            keep_running: true,
            notifications: true,
            ring: true,
            show_online: true,
            contacts_may_examine: false,
            downloads: None,
            keep_reports: true,
        }
    }
}

/// How much to spend on pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataUse {
    /// Whatever the network carries: up to 1280×720.
    #[default]
    Full,
    /// Up to 640×360.
    Less,
    /// Sound, and a small picture.
    Least,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}
