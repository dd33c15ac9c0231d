//! What is known of a call beside its path: how it did second by second, what happened in it, what its media are made of.
//!
//! One value for whoever looks: at a call that stands, at one that is over, at one read from a file. Everything in it is
//! bounded, so that it costs the same after hours. Addresses stand in it as in the path (`logic::redact`); keys, passwords
//! and what people wrote do not stand in it at all.

mod descriptions;
mod happenings;
mod moments;
mod recorder;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{path::PathPolicy, report::Encryption};

pub use descriptions::Descriptions;
pub use recorder::{Reading, Recorder};

/// How many seconds are kept one by one: ten minutes.
pub const MOST_MOMENTS: usize = 600;
/// How much is kept of what happened. Of more than that the first part and the last part are.
pub const MOST_HAPPENINGS: usize = 800;
/// How many descriptions are kept: the first of each side, and the last ones.
pub const MOST_DESCRIPTIONS: usize = 12;
/// How many lines of the log are kept: the last ones.
pub const MOST_LOG_LINES: usize = 500;

/// How many names of devices are kept. What has more than that is named in a report that is passed on.
pub const MOST_DEVICE_NAMES: usize = 200;

/// More than this is not dropped of what we send.
pub const MOST_LOSS_PERCENT: u8 = 90;
/// Longer than this nothing that we send waits.
pub const MOST_DELAY_MS: u16 = 2000;

/// What is known of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The last ten minutes, second by second; of a call that is over the whole of it, in at most as many steps.
    pub moments: Vec<Moment>,
    /// What happened, the oldest first, besides the timeline of the path.
    pub happenings: Vec<Happening>,
    /// What there was no room for.
    pub happenings_left_out: u32,
    /// What goes over the path.
    pub media: MediaFacts,
    /// What the two sides proposed to each other, the oldest first.
    pub descriptions: Vec<Description>,
    /// What the program noted while the call ran.
    pub log: Vec<LogLine>,
    /// What is done to our own sending, to see what becomes of it.
    pub hindrance: Hindrance,
}

/// How a call did for a while, mostly one second. What is not known is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moment {
    /// Its end, since the call began here.
    pub t_ms: u64,
    /// How long it was.
    pub for_ms: u32,
    /// The leg in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<u32>,
    /// There and back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f32>,
    /// Over the path, sound and picture and the rest.
    pub sent_bps: u32,
    /// Over the path, sound and picture and the rest.
    pub received_bps: u32,
    /// Of that, what pictures take, without headers and repeats.
    pub picture_sent_bps: u32,
    /// The same of theirs.
    pub picture_received_bps: u32,
    /// Of that, what sound takes, without headers and repeats.
    pub sound_sent_bps: u32,
    /// The same of theirs.
    pub sound_received_bps: u32,
    /// What may be sent altogether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_bps: Option<u32>,
    /// Of a hundred packets of ours.
    pub lost_of_ours_percent: f32,
    /// Of a hundred packets of theirs.
    pub lost_of_theirs_percent: f32,
    /// How late a packet of sound may be without being missed: how unevenly theirs come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f32>,
    /// Pictures sent, in one second.
    pub frames_sent_per_s: f32,
    /// Pictures of theirs shown, in one second.
    pub frames_shown_per_s: f32,
    /// Our picture: width and height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub our_size: Option<(u16, u16)>,
    /// Theirs: width and height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub their_size: Option<(u16, u16)>,
    /// From a capture until it is encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode_ms: Option<f32>,
    /// From a whole picture until it is decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decode_ms: Option<f32>,
    /// How long their sound is held before it is played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound_held_ms: Option<f32>,
    /// Of a hundred pieces of sound, how many the decoder made up.
    pub concealed_percent: f32,
    /// How long their picture stood still.
    pub frozen_ms: u32,
    /// Of this whole program, in per cent of one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f32>,
}

/// Something that happened, besides the path's own story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Since the call began here.
    pub t_ms: u64,
    /// What it is about.
    pub topic: Topic,
    /// In words.
    pub sentence: String,
}

/// What something that happened is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// How the call stands: ringing, taken, connected, over.
    Call,
    /// A microphone, a speaker, a camera.
    Device,
    /// Key frames, sizes, rates, freezes.
    Picture,
    /// What became of the sound.
    Sound,
    /// What somebody did in the panel: a restart, another policy, a hindrance.
    Trial,
}

/// What goes over the path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaFacts {
    /// Each codec that was agreed on, with its parameters.
    pub codecs: Vec<CodecFact>,
    /// What protects it.
    pub encryption: Encryption,
    /// Which end began the handshake of DTLS, where it is known: `client` or `server`.
    pub dtls_role: Option<String>,
    /// The code that two people compare.
    pub code: Option<String>,
    /// How long each stage takes now, from microphone and camera to speaker and screen, in the order of the way.
    pub stages: Vec<StageFact>,
    /// Which devices are in use, in words.
    pub devices: Vec<String>,
    /// What the devices of this computer are called, by people and by the system, as far as they may be named elsewhere.
    pub device_names: Vec<String>,
}

/// A codec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodecFact {
    /// `video` or `audio`.
    pub kind: String,
    /// As in the description: `video/H264`.
    pub mime: String,
    /// Its number in packets.
    pub payload_type: u8,
    /// Of its clock.
    pub clock_hz: u32,
    /// As in the description.
    pub parameters: String,
}

/// A stage of sound or picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageFact {
    /// Which, in words.
    pub name: String,
    /// Mostly.
    pub median_ms: f32,
    /// Of a hundred, 95 took no longer, where that is known.
    pub p95_ms: Option<f32>,
}

/// What one side proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Since the call began here.
    pub t_ms: u64,
    /// Of which leg.
    pub leg: u32,
    /// Ours, or theirs.
    pub is_ours: bool,
    /// An offer, or an answer.
    pub is_offer: bool,
    /// Its lines, without passwords and fingerprints.
    pub sdp: String,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Since the call began here.
    pub t_ms: u64,
    /// How grave.
    pub level: LogLevel,
    /// Which part of the program.
    pub from: String,
    /// What.
    pub text: String,
}

/// How grave a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Something does not work.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Good to know.
    Info,
    /// For whoever looks for a fault.
    Debug,
}

impl LogLevel {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// What is done to our own sending, to see how a call recovers. Off at the end of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hindrance {
    /// Of a hundred packets of media that we send, so many are dropped.
    pub loss_percent: u8,
    /// Packets that we send wait so long.
    pub delay_ms: u16,
    /// Nothing at all goes out by UDP.
    pub blocks_udp: bool,
}

impl Hindrance {
    /// Something is done.
    pub fn is_on(self) -> bool {
        self != Self::default()
    }

    /// The same, within what is bearable: more would end the call instead of showing how it recovers.
    pub fn bounded(self) -> Self {
        let Self { loss_percent, delay_ms, blocks_udp } = self;
        Self {
            loss_percent: loss_percent.min(MOST_LOSS_PERCENT),
            delay_ms: delay_ms.min(MOST_DELAY_MS),
            blocks_udp,
        }
    }
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss_percent, delay_ms, blocks_udp } = *self;
        let parts = [
            (loss_percent > 0).then(|| format!("{loss_percent} % of our packets are dropped")),
            (delay_ms > 0).then(|| format!("our packets wait for {delay_ms} ms")),
            blocks_udp.then(|| "nothing leaves by UDP".to_owned()),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            f.write_str("Our sending is not hindered any more")
        } else {
            write!(f, "Our sending is hindered: {}", parts.join(", "))
        }
    }
}

/// What somebody tries in the panel, in the call that stands. The next call begins without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Look for a path again, beside the one in use.
    Restart,
    /// Allow these paths alone from now on, and look for one where the one in use is not of them.
    Path(PathPolicy),
    /// Hinder our own sending.
    Hinder(Hindrance),
}

/// No longer than that, and what is cut off is marked.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}
