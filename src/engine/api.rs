//! What a person, a script or a window may say to the engine, and what it says back.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;
use sightline_protocol::{
    call::{CallId, Media},
    keys::Address,
    link::{LinkToken, ServerAddress},
};
use tokio::sync::mpsc;

use crate::{
    logic::{
        chat::Lines,
        course::{Link, Role, Stage, Status},
        desk::Transfer,
        devices::{Choice, Device, DeviceKind, InUse},
        evidence::{Evidence, Trial},
        files::FileOrder,
        interfaces::InterfaceSeen,
        path::{PathPolicy, PathReport},
        phone::Owner,
        report::{CallReport, Counters, PictureCounts, Sending, SoundCounts},
    },
    media::voice::VoiceSettings,
};

pub use super::{
    glass::{Glass, Meter, Meters, PictureNews},
    spoken_code::SpokenCode,
};

/// What somebody wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Call somebody. Where that cannot even begin, [`Update::NotDialled`] says why.
    Dial {
        /// Whom.
        to: Address,
        /// Where they are reached; at the server that we are reached at ourselves where nothing is said.
        server: Option<ServerAddress>,
        /// From the link.
        token: Option<LinkToken>,
        /// With what.
        media: Media,
    },
    /// Take the ringing call.
    Accept {
        /// With what.
        media: Media,
    },
    /// End the call, whatever its state.
    HangUp,
    /// Switch the microphone, the camera or the screen.
    Status(Status),
    /// Use another device, in a call and in those to come.
    Use {
        /// Of which kind.
        kind: DeviceKind,
        /// Which.
        choice: Choice,
    },
    /// Write something to the other, once the call is accepted.
    Say {
        /// What. A few lines are well.
        text: String,
    },
    /// Offer a file to the other, once the call is connected.
    OfferFile {
        /// Where it is.
        path: PathBuf,
    },
    /// Do something about a file of this call.
    File {
        /// Which, as [`Update::Files`] has it.
        id: u64,
        /// What.
        order: FileOrder,
    },
    /// Their picture is shown at this size, in pixels of the screen; zero where it is not shown. As often as it changes:
    /// the other side is told once a second.
    Drawn {
        /// Of the picture.
        width: u16,
        /// Of the picture.
        height: u16,
    },
    /// Clean our sound in this way from now on, in this call and those that follow.
    Voice(VoiceSettings),
    /// Open camera and microphone without a call and show them on the glass, or close them again. A call that begins to talk
    /// closes them by itself; [`Update::Previewing`] says how it stands.
    Preview {
        /// Whether to open.
        on: bool,
    },
    /// Our name, which links are good and who is a contact: from now on so.
    Owner(Owner),
    /// Whether contacts may ask what this computer's network looks like.
    LetContactsExamine(bool),
    /// Which paths the calls that are to come may take.
    Path(PathPolicy),
    /// Try something with the path of the call that stands.
    Trial(Trial),
    /// Pictures larger than this are not wanted, neither from here nor from there; nothing for whatever the path carries.
    Spend(Option<(u16, u16)>),
    /// Be reached at this server from now on, or at none. A call that stands goes on over the one it has.
    Reach(Option<ServerAddress>),
    /// Whoever asks a server whether we are connected is to hear that we are not, or the truth again. Calls come through.
    Hide(bool),
    /// Is this one connected to the server that we are reached at? [`Update::Present`] is the answer, where there is one.
    Ask(Address),
    /// End everything: hang up, say goodbye, stop.
    Close,
}

/// What the engine tells.
#[derive(Clone, Debug)]
pub enum Update {
    /// From now on this is the server that we are reached at, and what is told of the switchboard is told of it.
    Home {
        /// Which; nothing where it is none.
        server: Option<ServerAddress>,
    },
    /// The addresses of this computer, judged: at the beginning, and whenever the system says that they are others.
    Network {
        /// All of them, those that calls start from first.
        interfaces: Arc<[InterfaceSeen]>,
    },
    /// The switchboard knows us.
    SwitchboardUp,
    /// The switchboard is gone, and is being tried again.
    SwitchboardDown {
        /// Why, in words.
        why: String,
    },
    /// The switchboard will not have us.
    SwitchboardRefused {
        /// Why, in words.
        why: String,
    },
    /// A call begins here: we dial, or it rings. Its first stage is told next.
    Began {
        /// Which.
        call: CallId,
        /// With whom.
        peer: Address,
        /// Who rang.
        role: Role,
        /// With what.
        media: Media,
        /// Of the link that they came by.
        token: Option<LinkToken>,
    },
    /// A call was taken. The stage is told next.
    Agreed {
        /// Which.
        call: CallId,
        /// With what.
        media: Media,
        /// What two people may compare.
        code: Option<SpokenCode>,
    },
    /// The call that was wished for did not begin.
    NotDialled {
        /// Why, in words.
        why: String,
    },
    /// Whether somebody is connected to the server that we are reached at.
    Present {
        /// Who.
        who: Address,
        /// They are, or are expected back.
        connected: bool,
    },
    /// A call stands differently.
    Stage {
        /// Which call.
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
        /// Which call.
        call: CallId,
        /// How.
        link: Link,
    },
    /// The path changed.
    Path {
        /// Which call.
        call: CallId,
        /// To what.
        path: Box<PathReport>,
    },
    /// What is known of a call that does not stand yet. Once a second; from then on [`Update::Statistics`] has it.
    Standing {
        /// Which.
        call: CallId,
        /// How a path is looked for.
        path: Box<PathReport>,
        /// What is known of it besides.
        evidence: Arc<Evidence>,
    },
    /// Once a second while a call is connected.
    Statistics {
        /// Which call.
        call: CallId,
        /// What was counted.
        statistics: Box<Statistics>,
    },
    /// The other side's microphone, camera or screen changed.
    TheirStatus {
        /// Which call.
        call: CallId,
        /// To what.
        status: Status,
    },
    /// Something was written, or has arrived: all lines of the call, as they stand now.
    Chat {
        /// In which call.
        call: CallId,
        /// The lines.
        lines: Lines,
    },
    /// Files stand differently: all of the call, as they stand now. A few times a second at most.
    Files {
        /// In which call.
        call: CallId,
        /// The files, the oldest of each side first.
        files: Arc<[Transfer]>,
    },
    /// Somebody speaks here, and nobody hears it: the microphone is off. Told once in a while.
    SpeakingWhileMuted {
        /// In which call.
        call: CallId,
    },
    /// Camera and microphone are open without a call, or are not any more.
    Previewing(bool),
    /// Somebody rang and was told *busy*.
    TurnedAway {
        /// Who.
        from: Address,
        /// What they call themselves.
        name: Option<String>,
    },
    /// Somebody who may was told what this computer's network looks like, and told us of theirs.
    Consulted {
        /// Who.
        with: Address,
    },
    /// A call may only be relayed, and there is no such relay.
    NoRelay {
        /// Which call.
        call: CallId,
        /// Why, and what can be done, in words.
        why: String,
    },
    /// Other devices are there than before; these are all that there are now.
    Devices(Vec<Device>),
    /// Another device is in use, or none, and why.
    Device(InUse),
    /// Something did not work, and the rest goes on without it.
    Problem {
        /// What, and what can be done, in words.
        text: String,
    },
    /// A call is over and everything of it is written.
    Over {
        /// What is known of it.
        report: Box<CallReport>,
    },
}

/// How a call does.
#[derive(Clone, Debug, Serialize)]
pub struct Statistics {
    /// Since the call began here.
    pub call_t_ms: u64,
    /// There and back.
    pub round_trip_ms: Option<f64>,
    /// Bytes over the path in use.
    pub bytes_sent: u64,
    /// Bytes over the path in use.
    pub bytes_received: u64,
    /// How our pictures are sent; nothing where none were yet.
    pub sending: Option<Sending>,
    /// What was counted.
    pub counters: Counters,
    /// What happened to their pictures.
    pub pictures: PictureCounts,
    /// What happened to their sound.
    pub sound: SoundCounts,
    /// The part that is lost of what we send.
    pub lost_of_ours: f64,
    /// How it travels, as it stands now. Events leave it out: there its changes are told.
    #[serde(skip)]
    pub path: Box<PathReport>,
    /// What is known of it besides. Events leave it out: the report has it in the end.
    #[serde(skip)]
    pub evidence: Arc<Evidence>,
}

/// The end of the engine that others hold. Dropping it ends the engine.
#[derive(Debug)]
pub struct Handle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) updates: mpsc::Receiver<Update>,
}

impl Handle {
    /// Says something. Never waits: `false` where the engine is gone or has far too much to do.
    pub fn say(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// The next thing the engine tells; `None` when it has ended.
    pub async fn next(&mut self) -> Option<Update> {
        self.updates.recv().await
    }
}
