//! What the engine needs of the world, in its own words. The adapters stand behind these.

use std::{
    net::IpAddr,
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use bytes::Bytes;
use sightline_protocol::{
    call::{CallId, Media},
    keys::Address,
    link::ServerAddress,
    session::RelayCredentials,
    switchboard::ErrorCode,
};
use tokio::sync::mpsc;

use crate::{
    logic::{
        call::PeerEvent,
        devices::{Choice, Device, DeviceKind, InUse},
        legs::Order,
        network_change::NetworkSeen,
        packet::Packet,
        path::{PairInUse, PathPolicy},
        report::{Encryption, SoundEdge},
        servers::Servers,
        sightings::Sightings,
        units::MediaTime,
    },
    media::{frame::Frame, voice::VoiceSettings},
};

use super::reference::ReferenceIn;

pub mod hindering;
pub mod program;
pub mod sound;

/// Samples of sound that are handled at once: 10 ms.
pub const SOUND_BLOCK: usize = 480;
/// How long they last.
pub const SOUND_BLOCK_TIME: Duration = Duration::from_millis(10);

/// A camera, or what stands in for one.
pub trait PictureSource: Send {
    /// Waits for the next picture, but not for long; `None` where there is none yet.
    fn next(&mut self) -> Result<Option<Frame>, SourceEnded>;
    /// No picture is wanted for now: whatever is held to take them is let go, until the next one is asked for. Said again
    /// and again meanwhile; never waits.
    fn rest(&mut self) {}
}

/// A microphone, or what stands in for one.
pub trait SoundSource: Send {
    /// Waits until a block is complete, fills it, and says when its first sample was heard.
    fn read(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Result<MediaTime, SourceEnded>;
    /// How a device does; nothing of what is none.
    fn figures(&self) -> Option<SoundEdge> {
        None
    }
}

/// A source gives nothing more.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceEnded(pub String);

/// A screen, or what stands in for one.
pub trait PictureSink: Send {
    /// Takes a picture; never waits.
    fn show(&mut self, frame: &Frame, arrived: MediaTime, shown: MediaTime);
}

/// A loudspeaker, or what stands in for one.
pub trait SoundSink: Send {
    /// Waits until the next block is wanted, and says since when it is. Never for long: who plays looks in between whether
    /// to go on.
    fn wait(&mut self) -> Instant;
    /// Takes that block; never waits.
    fn play(&mut self, block: &[f32; SOUND_BLOCK]);
    /// How long it takes from there until it is heard.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }
    /// How a device does; nothing of what is none.
    fn figures(&self) -> Option<SoundEdge> {
        None
    }
    /// Offers the way on which what is really played is told. A device that knows better than what it was given keeps it;
    /// for who gives it back, what `play` takes counts as played.
    fn tap(&mut self, reference: ReferenceIn) -> Option<ReferenceIn> {
        Some(reference)
    }
}

/// Makes the ends of media for a call.
pub trait MediaMaker: Send {
    /// Where our pictures come from; `None` where the call is without.
    fn picture_source(&mut self) -> Result<Option<Box<dyn PictureSource>>, SourceEnded>;
    /// Where our sound comes from; `None` where the call is without.
    fn sound_source(&mut self) -> Result<Option<Box<dyn SoundSource>>, SourceEnded>;
    /// Where their pictures go.
    fn picture_sink(&mut self) -> Result<Box<dyn PictureSink>, SourceEnded>;
    /// Where their sound goes.
    fn sound_sink(&mut self) -> Result<Box<dyn SoundSink>, SourceEnded>;
    /// How our sound is cleaned, unless somebody wishes otherwise.
    fn voice(&self) -> VoiceSettings {
        VoiceSettings::NOTHING
    }
    /// Somebody wants another device, now and in calls to come. Never waits; what becomes of it is told as [`DeviceNews`].
    fn use_device(&mut self, _: DeviceKind, _: Choice) {}
}

/// What happens to the devices of this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceNews {
    /// These are all of a kind that there are.
    Listed(DeviceKind, Vec<Device>),
    /// This one is in use, or none.
    InUse(InUse),
}

/// What a peer connection needs to begin.
pub struct PeerSetup {
    /// Which call it belongs to.
    pub call: CallId,
    /// Which of the call's connections it is.
    pub generation: u32,
    /// What it shall carry.
    pub media: Media,
    /// Which paths are allowed.
    pub path: PathPolicy,
    /// The local addresses to use; all usable ones where empty.
    pub bind: Vec<IpAddr>,
    /// Which servers it may use.
    pub servers: Servers,
    /// Where it reports. Bounded; a report that finds it full waits, so nothing that decides is lost.
    pub reports: mpsc::Sender<PeerReport>,
    /// Where packets of pictures go. When it is full the packet is dropped and counted.
    pub video: SyncSender<(Packet, Instant)>,
    /// Where packets of sound go. When it is full the packet is dropped and counted.
    pub audio: SyncSender<(Packet, Instant)>,
    /// What is counted.
    pub tally: Arc<super::counters::Tally>,
    /// Where frames of files go that come.
    pub files: Arc<dyn FrameTaker>,
    /// Where it tells what its path has room for, and begins with what is there.
    pub room: Arc<super::room::Room>,
    /// What is done on purpose to what it sends.
    pub hindering: Arc<hindering::Hindering>,
}

/// What a peer connection reports, and of which call.
#[derive(Debug)]
pub struct PeerReport {
    /// Which call.
    pub call: CallId,
    /// Which of its connections.
    pub generation: u32,
    /// What.
    pub news: PeerNews,
}

/// News of a peer connection.
#[derive(Debug)]
pub enum PeerNews {
    /// Something the call has to decide on.
    Event(PeerEvent),
    /// The other side cannot go on without a key frame.
    KeyFrameWanted,
    /// How the path stands.
    Path {
        /// The pair in use.
        in_use: PairInUse,
        /// What protects the media.
        encryption: Encryption,
    },
    /// What its sockets have seen so far.
    Sightings(Box<Sightings>),
    /// A sealed message that the other side said over the connection itself.
    Said(Vec<u8>),
    /// It cannot go on.
    Broken(String),
}

/// Makes peer connections.
pub trait PeerMaker: Send {
    /// Begins one. It works in the background and reports.
    fn open(&self, setup: PeerSetup) -> Box<dyn Peer>;
}

/// One peer connection. Dropping it closes it.
pub trait Peer: Send {
    /// Gives an order; they are carried out one after the other. Never waits: `false` where too many are waiting.
    fn order(&self, order: Order) -> bool;
    /// Says a sealed message over the connection itself. Never waits: `false` where that does not go.
    fn say(&self, sealed: &[u8]) -> bool;
    /// Where our pictures go.
    fn video_out(&self) -> Arc<dyn NumberedSink>;
    /// Where our sound goes.
    fn audio_out(&self) -> Arc<dyn NumberedSink>;
    /// Where frames of files go that leave.
    fn files_out(&self) -> Arc<dyn FrameSink>;
    /// When anything of the other side's media last came.
    fn heard_at(&self) -> Option<Instant>;
    /// Asks the other side for a key frame.
    fn key_frame_asker(&self) -> Arc<dyn Fn() + Send + Sync>;
}

/// Takes packets to send.
pub trait PacketSink: Send + Sync {
    /// Never waits: `false` where the packet was not taken.
    fn send(&self, payload: Bytes, timestamp: u32, marker: bool) -> bool;
    /// Sends the one before the last once more. Whoever has it already drops it.
    fn repeat(&self) {}
}

/// Takes packets to send that have their numbers already: several connections may carry one stream.
pub trait NumberedSink: Send + Sync {
    /// Never waits: `false` where the packet was not taken.
    fn send(&self, payload: Bytes, timestamp: u32, marker: bool, sequence: u16) -> bool;
}

/// Takes frames of files to send.
pub trait FrameSink: Send + Sync {
    /// Never waits: `false` where the frame was not taken.
    fn send(&self, frame: Bytes) -> bool;
    /// Whether it takes any.
    fn is_open(&self) -> bool;
}

/// Takes frames of files that came.
pub trait FrameTaker: Send + Sync {
    /// Never waits; what is too much is let go.
    fn take(&self, frame: Bytes);
    /// A channel has opened or closed.
    fn look(&self);
}

/// Lets everything go.
impl FrameTaker for () {
    fn take(&self, _: Bytes) {}
    fn look(&self) {}
}

/// A sealed message, and who it is between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The other end.
    pub with: Address,
    /// Which call.
    pub call: CallId,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// Watches the network of this computer, and reports. Dropping it ends the watch.
pub trait NetworkWatch: Send {
    /// How the network is at this moment.
    fn look(&self) -> NetworkSeen;
}

/// What the watch reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkEvent {
    /// Something that matters to calls is no longer as it was (see [`network_change`](crate::logic::network_change)).
    Changed {
        /// How it was.
        before: NetworkSeen,
        /// How it is.
        after: NetworkSeen,
    },
    /// This is how it is now; what is no longer as it was does not matter to calls.
    Listed(NetworkSeen),
}

/// Looks at the network for somebody who may know how it is.
pub trait Doctor: Send {
    /// Looks from here to that server, and gives what it saw as text; nothing where that cannot be. Never waits.
    fn examine(&self, server: Option<ServerAddress>, seen: mpsc::Sender<Option<String>>);
}

/// Opens ways to switchboards.
pub trait Exchange: Send {
    /// Opens one to this server, and reports to `events`. Works in the background. To others we are not connected there, where
    /// that is `hidden`.
    fn open(&self, server: ServerAddress, hidden: bool, events: mpsc::Sender<MailEvent>) -> Box<dyn Mail>;
}

/// The way to a switchboard. Dropping it says goodbye; the last of its events has come when that is done.
pub trait Mail: Send {
    /// Posts an envelope. Never waits: `false` where it was not taken, and it will be sent again.
    fn post(&self, envelope: Envelope) -> bool;
    /// Asks for the right to use the relay, for a call; `Relay` or `NoRelay` is the answer. Never waits, and what is not
    /// taken is never answered: who wants to be sure asks again.
    fn ask_relay(&self, call: CallId, with: Address);
    /// Asks whether somebody is connected; `Present` is the answer. Never waits, and what is not taken is never answered.
    fn ask(&self, _: Address) {}
    /// Whoever asks about us is to hear that we are not connected, or the truth again. Never waits.
    fn hide(&self, hidden: bool);
    /// Says that a call is over: whatever the server does for it may end. Never waits.
    fn over(&self, call: CallId, with: Address);
    /// The network is another: a new line is dialled at once, whatever becomes of the old one. Never waits.
    fn redial(&self);
    /// Somebody waits for the line: it has to show soon that it lives, or is dialled anew; where there is none, it is tried
    /// again at once. Never waits.
    fn probe(&self);
}

/// What comes from the switchboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailEvent {
    /// It knows us.
    Up {
        /// Where to ask for one's own address (`stun:host:port`).
        stun: Vec<String>,
        /// Whether it is the session from before, and so nothing was lost.
        resumed: bool,
    },
    /// It is gone, and will be tried again.
    Down {
        /// Why, in words.
        why: String,
    },
    /// It will not have us, and trying again does not help.
    Refused {
        /// Why, in words.
        why: String,
    },
    /// An envelope for us.
    Delivered(Envelope),
    /// The addressee is not connected.
    Offline {
        /// Whom we wrote to.
        to: Address,
        /// In which call.
        call: CallId,
    },
    /// Whether somebody is connected.
    Present {
        /// Who.
        who: Address,
        /// They are, or are expected back.
        connected: bool,
    },
    /// The right to use the relay.
    Relay {
        /// For which call.
        call: CallId,
        /// What opens it.
        credentials: RelayCredentials,
    },
    /// There is no relay for a call, at least not now.
    NoRelay {
        /// For which call.
        call: CallId,
        /// For programs.
        code: ErrorCode,
        /// In words.
        why: String,
    },
}
