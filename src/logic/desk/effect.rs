//! What the desk asks to be done.

use std::{path::PathBuf, sync::Arc};

use sightline_protocol::{
    call::{CallId, Media},
    keys::Address,
    link::{LinkToken, ServerAddress},
};

use crate::logic::{
    contacts::Contacts,
    course::Status,
    devices::{Choice, DeviceKind},
    evidence::Trial,
    phone::Owner,
    report::CallReport,
};

use super::{
    given::Given,
    history::Past,
    snapshot::Who,
    wish::{FileWish, Preferences},
};

/// Something is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// To the engine.
    Engine(Order),
    /// To a file.
    Keep(Kept),
    /// Run a server in this program; `Hosting` or `NotHosting` is the answer.
    Host,
    /// End it.
    StopHosting,
    /// Make the other end of a call with oneself; `EchoReady` or `EchoFailed` is the answer.
    MakeEcho,
    /// Let it go.
    EndEcho,
    /// Look at the network around this server; `Examined`, with that server, is the answer.
    Examine(ServerAddress),
    /// Let somebody choose files; they come back as a wish to offer them.
    ChooseFiles,
    /// Let somebody choose the folder for files; it comes back as a wish to prefer it.
    ChooseDownloads,
    /// Let somebody choose where this goes; `ReportSaved` is the answer where they did.
    SaveReport(Arc<CallReport>),
    /// Show a file in the system's own program for files.
    ShowFile(PathBuf),
    /// Play the sound by which a speaker is tried.
    TestSound,
    /// Ring so from now on.
    Ring(Bell),
    /// Keep the computer awake, or let it sleep again.
    Awake(bool),
    /// Tell the system of this.
    Notify(Notify),
    /// Take back what the system was told of a call that rings.
    Unnotify,
    /// Say goodbye, write everything, and say when that is done.
    Quit,
}

/// To the engine.
#[derive(Clone, Debug)]
pub enum Order {
    /// Call somebody.
    Dial {
        /// Whom.
        to: Address,
        /// Where they are reached.
        server: ServerAddress,
        /// Of the link.
        token: Option<LinkToken>,
        /// With what.
        media: Media,
        /// How our microphone and camera begin.
        status: Status,
    },
    /// Take the call that rings.
    Accept {
        /// With what.
        media: Media,
    },
    /// End the call.
    HangUp,
    /// Microphone, camera, screen.
    Status(Status),
    /// Another device.
    Use {
        /// Of which kind.
        kind: DeviceKind,
        /// Which.
        choice: Choice,
    },
    /// Something is tried with the path.
    Trial(Trial),
    /// Their picture is drawn at this size.
    Drawn {
        /// In pixels of the screen.
        width: u16,
        /// In pixels of the screen.
        height: u16,
    },
    /// A look at oneself.
    Preview {
        /// Open.
        on: bool,
    },
    /// Our name, which links are good, who is a contact.
    Owner(Owner),
    /// How sound is cleaned, which paths are allowed, what is spent on pictures, where files go.
    Prefer(Arc<Preferences>),
    /// Be reached at this server from now on, or at none.
    Reach(Option<ServerAddress>),
    /// Is this contact connected?
    Ask(Address),
    /// Write this to the other side.
    Say {
        /// In which call.
        call: CallId,
        /// What.
        text: String,
    },
    /// Offer these files.
    Offer {
        /// In which call.
        call: CallId,
        /// Where they are.
        paths: Vec<PathBuf>,
    },
    /// Something about a file.
    File {
        /// In which call.
        call: CallId,
        /// Which.
        id: u64,
        /// What.
        wish: FileWish,
    },
}

/// To a file. Each is the whole of what there is.
#[derive(Clone, Debug)]
pub enum Kept {
    /// Who the contacts are.
    Contacts(Contacts),
    /// Which links were given out.
    Links(Vec<Given>),
    /// Calls that were.
    History(Vec<Past>),
    /// What was chosen.
    Choices(Box<Choices>),
    /// The report of one call.
    Report(Arc<CallReport>),
}

/// What was chosen, apart from what other files hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// What we call ourselves.
    pub name: Option<String>,
    /// The server that we are reached at; nothing for one in this program.
    pub server: Option<String>,
    /// Other servers that are known.
    pub servers: Vec<String>,
    /// Microphone, speaker, camera.
    pub devices: [Choice; 3],
    /// The first start is over.
    pub begun: bool,
    /// The rest.
    pub preferences: Preferences,
}

/// How it rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bell {
    /// Not at all.
    #[default]
    Silent,
    /// Somebody calls.
    Here,
    /// It rings there.
    There,
}

/// What the system is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Somebody calls.
    Incoming {
        /// Who.
        who: Who,
        /// With pictures.
        video: bool,
    },
    /// Somebody called, and nobody took it.
    Missed {
        /// Who.
        who: Who,
    },
    /// Somebody wrote something.
    Message {
        /// Who.
        who: Who,
        /// What.
        text: String,
    },
    /// The app goes on without its window. Told once.
    StillHere,
}
