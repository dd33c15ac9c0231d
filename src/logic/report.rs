//! What is kept of a call when it is over: one document, the same whoever asks for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    adapt::Plan,
    course::{EndReason, Link, Role, Side, Stage, Status},
    desk::Survey,
    doctor::{Prediction, Score, score},
    evidence::Evidence,
    freezes, jitter,
    latency::LatencyReport,
    path::PathReport,
    reassembly,
};

/// Raised when a field changes its meaning or goes; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;
/// How many changes are written down; a call that changes more often keeps its first ones.
const MAX_NOTED: usize = 1000;

/// Something, and when it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct At<T> {
    /// Since the call began.
    pub t_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: T,
}

/// How a peer connection stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// How.
    pub link: Link,
}

/// Moments that a person waits for, since the call began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firsts {
    /// The call was accepted (here or there).
    pub accepted_ms: Option<u64>,
    /// The path was up and encrypted.
    pub connected_ms: Option<u64>,
    /// The first picture of the other side was shown.
    pub picture_ms: Option<u64>,
    /// The first sound of the other side was played.
    pub sound_ms: Option<u64>,
}

/// What was sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Pictures that the source gave.
    pub frames_captured: u64,
    /// Pictures overtaken by newer ones before they were encoded.
    pub frames_overtaken: u64,
    /// Pictures that the encoder left out to keep to its rate.
    pub frames_left_out: u64,
    /// Pictures encoded and sent.
    pub frames_sent: u64,
    /// Key frames among them.
    pub key_frames_sent: u64,
    /// Times the other side asked for a key frame.
    pub key_frames_asked_of_us: u64,
    /// Packets of pictures sent.
    pub video_packets_sent: u64,
    /// Bytes of pictures sent, without headers.
    pub video_bytes_sent: u64,
    /// Packets that the peer connection did not take in time.
    pub packets_not_taken: u64,
    /// Packets of pictures received.
    pub video_packets_received: u64,
    /// Bytes of pictures received, without headers.
    pub video_bytes_received: u64,
    /// Pictures received whole.
    pub frames_received: u64,
    /// Pictures decoded and shown.
    pub frames_shown: u64,
    /// Whole pictures that could not be decoded.
    pub frames_undecodable: u64,
    /// Packets of sound sent.
    pub audio_packets_sent: u64,
    /// Bytes of sound sent, without headers.
    #[serde(default)]
    pub audio_bytes_sent: u64,
    /// Packets of sound received.
    pub audio_packets_received: u64,
    /// Bytes of sound received, without headers.
    #[serde(default)]
    pub audio_bytes_received: u64,
    /// Packets received while the queue to the media thread was full.
    pub packets_overrun: u64,
    /// Packets that a stream to a relay was too slow for.
    #[serde(default)]
    pub relay_packets_dropped: u64,
}

/// How our pictures are sent, and what the path has room for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sending {
    /// How.
    pub plan: Plan,
    /// What may be sent altogether.
    pub target_bps: u32,
}

/// What is known when a call is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallReport {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The call's id.
    pub call: String,
    /// Which end wrote this.
    pub role: Role,
    /// The version of the program.
    pub program: String,
    /// When the call began here, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// Every state, with its time.
    pub stages: Vec<At<Stage>>,
    /// Every state of the peer connection, with its time.
    pub links: Vec<At<LinkState>>,
    /// Why it ended.
    pub end: Option<EndReason>,
    /// By whom.
    pub ended_by: Option<Side>,
    /// The moments that a person waits for.
    pub firsts: Firsts,
    /// When their sound began to be played (silence counts), in microseconds since 1970: a recording's first sample.
    pub sound_began_unix_us: Option<u64>,
    /// How often the switchboard was lost during the call.
    pub switchboard_lost: u32,
    /// The path.
    pub path: PathReport,
    /// What the connection negotiated.
    pub encryption: Encryption,
    /// What was sent and received.
    pub counters: Counters,
    /// What happened to the other side's pictures on their way to the screen.
    pub pictures: PictureCounts,
    /// How long pictures took.
    #[serde(default)]
    pub latency: LatencyReport,
    /// What happened to the other side's sound on its way to the decoder.
    pub sound: SoundCounts,
    /// The microphone, where it was a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microphone: Option<SoundEdge>,
    /// The speaker, where it was a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<SoundEdge>,
    /// How our pictures were sent: each change, with its time and its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<At<Plan>>,
    /// What was done to our sound before it was sent.
    #[serde(default)]
    pub voice: VoiceReport,
    /// What the other side said last of its microphone, camera and screen.
    pub their_status: Option<Status>,
    /// What the doctor had expected of the path, and what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Foretold>,
    /// How it did second by second, and what happened in it.
    #[serde(default)]
    pub evidence: Evidence,
    /// What a person said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<Survey>,
}

/// A prediction, held against what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foretold {
    /// What was expected.
    pub expected: Prediction,
    /// What became of it; nothing where the call never got so far.
    pub outcome: Option<Score>,
}

/// What protects the media.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// The DTLS cipher suite.
    pub dtls: Option<String>,
    /// The SRTP profile.
    pub srtp: Option<String>,
}

/// As in [`reassembly::Counts`] and [`freezes::Counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureCounts {
    /// Packets that came again or too late.
    pub repeated: u64,
    /// Packets dropped because a picture before them was lost.
    pub dropped: u64,
    /// Times we asked for a key frame.
    pub key_frames_asked: u64,
    /// Pictures that were decoded and never shown, because a newer one was due as well.
    #[serde(default)]
    pub overtaken: u64,
    /// Times the picture stood still.
    #[serde(default)]
    pub freezes: u64,
    /// How long altogether.
    #[serde(default)]
    pub frozen_ms: u64,
    /// How long it stands still by now, where it does. Not for reports: in the end it is among the others.
    #[serde(skip)]
    pub stands_ms: u64,
}

impl PictureCounts {
    /// From those who count.
    pub fn new(
        reassembly: reassembly::Counts,
        overtaken: u64,
        freezes: freezes::Counts,
        stands: Duration,
    ) -> Self {
        let reassembly::Counts { repeated, dropped, key_frames_asked } = reassembly;
        let freezes::Counts { freezes, frozen } = freezes;
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (frozen_ms, stands_ms) = (ms(frozen), ms(stands));
        Self { repeated, dropped, key_frames_asked, overtaken, freezes, frozen_ms, stands_ms }
    }
}

/// As in [`jitter::Counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SoundCounts {
    /// 20 ms pieces played as they were sent.
    pub played: u64,
    /// 20 ms pieces recovered from the next packet.
    pub recovered: u64,
    /// 20 ms pieces that the decoder made up.
    pub concealed: u64,
    /// 20 ms pieces made up while they were silent and sent nothing.
    pub silent: u64,
    /// Packets that came again.
    pub repeated: u64,
    /// Packets that came too late.
    pub late: u64,
    /// Packets let go to shorten the delay.
    pub skipped: u64,
    /// Packets that were none.
    pub unreadable: u64,
    /// Sound left out to shorten the delay, without a change of pitch.
    pub shortened_ms: u64,
    /// Sound put in to lengthen it.
    pub drawn_out_ms: u64,
    /// How long sound was held on average, from when its packet came until it was played.
    pub held_ms: u64,
    /// How late a packet may be without being missed, as it was wanted last.
    pub target_ms: u64,
    /// How many of a hundred packets got lost in the last seconds, though they may have been sent again.
    pub lost_percent: u8,
    /// Packets that were played. Not for reports, as the next one: of their averages they have one.
    #[serde(skip)]
    pub packets_played: u64,
    /// How long these were held, all together.
    #[serde(skip)]
    pub held_in_all_us: u64,
}

impl From<&jitter::Jitter> for SoundCounts {
    fn from(jitter: &jitter::Jitter) -> Self {
        const PIECE: u64 = 960;
        const MS: u64 = 48;
        let counts = jitter.counts();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            played: counts.played / PIECE,
            recovered: counts.recovered / PIECE,
            concealed: counts.concealed.div_ceil(PIECE),
            silent: counts.silent / PIECE,
            repeated: counts.repeated,
            late: counts.late,
            skipped: counts.skipped,
            unreadable: counts.unreadable,
            shortened_ms: counts.shortened / MS,
            drawn_out_ms: counts.drawn_out / MS,
            held_ms: ms(counts.held()),
            target_ms: ms(jitter.target()),
            lost_percent: jitter.loss_percent(),
            packets_played: counts.packets,
            held_in_all_us: u64::try_from(counts.held_in_all.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// What happened to sound between us and a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoundEdge {
    /// The rate it ran at; 0 where none was open in the end.
    pub rate_hz: u32,
    /// Between the air and the device's buffer, as the device says.
    pub device_ms: f64,
    /// What it gives or takes at once.
    pub buffer_ms: f64,
    /// What lay in the ring between it and us, when it was last looked.
    pub ring_ms: f64,
    /// By how many millionths its clock is faster than this computer's.
    pub faster_ppm: f64,
    /// Times that the speaker had to do without.
    pub gaps: u64,
    /// Samples of a microphone, blocks for a speaker, that were let go as they came too late.
    pub dropped: u64,
    /// Blocks that the clock asked for or gave, as no device did.
    pub blocks_by_clock: u64,
}

/// How our sound was cleaned, and how well that went. What is not known is nothing: a figure of the echo needs an echo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VoiceReport {
    /// The echo of the loudspeaker was taken out.
    pub echo_cancelling: bool,
    /// Noise was held down.
    pub noise_suppression: bool,
    /// Quiet and loud voices were brought to one level.
    pub gain_control: bool,
    /// By how much the echo is weakened by its copy being subtracted, before the rest of it is held down.
    pub echo_return_loss_enhancement_db: Option<f32>,
    /// How much weaker the echo is heard than what is played.
    pub echo_return_loss_db: Option<f32>,
    /// From being played to being heard again.
    pub echo_delay_ms: Option<f32>,
    /// The level of what was spoken last, as it was sent; 0 is as loud as it goes.
    pub speech_db: Option<f32>,
    /// How often it was said that somebody speaks while muted.
    pub spoken_while_muted: u64,
    /// Times that it was not known what the loudspeaker plays.
    pub played_missing: u64,
    /// Samples of what was played that came too late to be used.
    pub played_let_go: u64,
}

impl CallReport {
    /// Of a call that begins now.
    pub fn begin(call: String, role: Role, began_unix_ms: u64) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            call,
            role,
            program: concat!("sightline ", env!("CARGO_PKG_VERSION")).to_owned(),
            began_unix_ms,
            stages: Vec::new(),
            links: Vec::new(),
            end: None,
            ended_by: None,
            firsts: Firsts::default(),
            sound_began_unix_us: None,
            switchboard_lost: 0,
            path: PathReport::default(),
            encryption: Encryption::default(),
            counters: Counters::default(),
            pictures: PictureCounts::default(),
            latency: LatencyReport::default(),
            sound: SoundCounts::default(),
            microphone: None,
            speaker: None,
            plans: Vec::new(),
            voice: VoiceReport::default(),
            their_status: None,
            prediction: None,
            evidence: Evidence::default(),
            survey: None,
        }
    }

    /// Holds what the doctor had expected against the path that the call took.
    pub fn note_prediction(&mut self, expected: Prediction) {
        let was_accepted = self.firsts.accepted_ms.is_some();
        let outcome = was_accepted.then(|| score(&expected, self.path.policy, self.path.route));
        self.prediction = Some(Foretold { expected, outcome });
    }

    /// The call stands differently.
    pub fn note_stage(&mut self, t_ms: u64, stage: Stage) {
        note(&mut self.stages, t_ms, stage);
        match stage {
            Stage::Connecting => self.firsts.accepted_ms = Some(t_ms),
            Stage::Connected => {
                self.firsts.connected_ms.get_or_insert(t_ms);
            }
            Stage::Ended { reason, by } => {
                self.end = Some(reason);
                self.ended_by = Some(by);
            }
            Stage::Inviting
            | Stage::Reached
            | Stage::RingingThere
            | Stage::RingingHere
            | Stage::Reconnecting => {}
        }
    }

    /// The peer connection stands differently.
    pub fn note_link(&mut self, t_ms: u64, link: Link) {
        note(&mut self.links, t_ms, LinkState { link });
    }
}

fn note<T>(list: &mut Vec<At<T>>, t_ms: u64, what: T) {
    if list.len() < MAX_NOTED {
        list.push(At { t_ms, what });
    }
}
