//! What reaches the desk from everybody but the person: the engine, the files, the system.

use std::{path::PathBuf, sync::Arc};

use sightline_protocol::{
    call::{CallId, Media},
    keys::Address,
    link::{LinkToken, ServerAddress},
};

use crate::logic::{
    course::{Link, Role, Stage, Status},
    devices::{Device, InUse},
    doctor::{Diagnosis, Finding},
    evidence::Evidence,
    interfaces::InterfaceSeen,
    path::PathReport,
    quality::Sample,
    report::{CallReport, Sending},
};

use super::snapshot::{Message, Transfer};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Heard {
    /// How the line to a server stands. Of others than the one we are reached at nothing is shown.
    Line {
        /// Which server.
        server: ServerAddress,
        /// How.
        line: Line,
    },
    /// A call began here: somebody rings, or we do.
    Began {
        /// Which.
        call: CallId,
        /// With whom.
        peer: Address,
        /// Who rang.
        role: Role,
        /// With what.
        media: Media,
        /// Of the link that it came by; nothing of the lasting one.
        token: Option<LinkToken>,
    },
    /// A call was taken.
    Agreed {
        /// Which.
        call: CallId,
        /// With what.
        media: Media,
    },
    /// What stands for the keys of a call is worked out: the two ends have the same where nobody is in between.
    Code {
        /// Of which call.
        call: CallId,
        /// As it is read aloud.
        code: String,
    },
    /// A call stands differently.
    Stage {
        /// Which.
        call: CallId,
        /// With whom.
        peer: Address,
        /// How.
        stage: Stage,
        /// What they call themselves.
        name: Option<String>,
    },
    /// The peer connection stands differently.
    Link {
        /// Of which call.
        call: CallId,
        /// How.
        link: Link,
    },
    /// The path changed.
    Path {
        /// Of which call.
        call: CallId,
        /// To what.
        path: Arc<PathReport>,
    },
    /// What is known of a call that does not stand yet.
    Standing {
        /// Which.
        call: CallId,
        /// How a path is looked for.
        path: Arc<PathReport>,
        /// What is known of it besides.
        evidence: Arc<Evidence>,
    },
    /// Once a second while a call is connected.
    Figures {
        /// Of which call.
        call: CallId,
        /// They.
        figures: Figures,
    },
    /// The other side's microphone, camera or screen changed.
    TheirStatus {
        /// In which call.
        call: CallId,
        /// To what.
        status: Status,
    },
    /// Somebody speaks here, and nobody hears it.
    SpeakingWhileMuted {
        /// In which call.
        call: CallId,
    },
    /// Somebody rang and was told *busy*.
    TurnedAway {
        /// Who.
        from: Address,
        /// What they call themselves.
        name: Option<String>,
    },
    /// A call is over and everything of it is written.
    Over {
        /// What is known of it.
        report: Box<CallReport>,
    },
    /// What was written in a call, all of it, as it stands now.
    Chat {
        /// In which call.
        call: CallId,
        /// The oldest first.
        lines: Arc<[Message]>,
    },
    /// The files of a call, all of them, as they stand now.
    Files {
        /// In which call.
        call: CallId,
        /// The oldest first.
        files: Arc<[Transfer]>,
    },
    /// The addresses of this computer are these.
    Network(Arc<[InterfaceSeen]>),
    /// These devices are there.
    Devices(Vec<Device>),
    /// Another device is in use, or none, and why.
    Device(InUse),
    /// Camera and microphone are open for a look at oneself, or closed again.
    Previewing(bool),
    /// Whether somebody can be reached.
    Present {
        /// Who.
        who: Address,
        /// They are connected.
        connected: bool,
    },
    /// The server in this program runs.
    Hosting {
        /// Where it is reached.
        server: ServerAddress,
    },
    /// It does not.
    NotHosting {
        /// Why, in words.
        why: String,
    },
    /// The other end of the call with oneself waits to be called.
    EchoReady {
        /// Who it is.
        to: Address,
        /// Where.
        server: ServerAddress,
    },
    /// It could not be made.
    EchoFailed {
        /// Why, in words.
        why: String,
    },
    /// The network was looked at, from here to a server.
    Examined {
        /// Which.
        server: ServerAddress,
        /// What was found out, or why nothing was.
        outcome: Result<Arc<Diagnosis>, String>,
    },
    /// The network is being looked at, and so much is known already.
    Found {
        /// From here to which server.
        server: ServerAddress,
        /// All that is known by now.
        findings: Vec<Finding>,
    },
    /// The report was written where somebody wished.
    ReportSaved(PathBuf),
    /// There is a place for an icon that keeps the app reachable, or there is none any more.
    Tray(bool),
    /// Something does not work, and the rest goes on.
    Problem {
        /// What, and the next step, in words.
        text: String,
        /// The same in every language.
        code: &'static str,
    },
    /// The call that was asked for did not even begin.
    NotDialled {
        /// Why, and the next step, in words.
        why: String,
    },
    /// Something is to be known.
    Told {
        /// In words.
        text: String,
    },
    /// Somebody wants to see the window: the icon was pressed, or the program started once more.
    Called,
    /// Everything is said and written; nothing more will happen.
    AllDone,
}

/// How the line to a server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It knows us.
    Up,
    /// It is gone, and is being tried again.
    Down {
        /// Why, in words.
        why: String,
    },
    /// It will not have us.
    Refused {
        /// Why, in words.
        why: String,
    },
}

/// How a call does.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// What quality is judged by.
    pub sample: Sample,
    /// How our pictures are sent.
    pub sending: Option<Sending>,
    /// A picture of theirs was shown.
    pub has_picture: bool,
    /// How it travels; nothing where that is as it was.
    pub path: Option<Arc<PathReport>>,
    /// What is known of it besides; nothing where that is as it was.
    pub evidence: Option<Arc<Evidence>>,
}
