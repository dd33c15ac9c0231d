//! Writes down how a call does: what is counted comes in once a second, and becomes moments and happenings.
//!
//! What counts anew (another connection, another thread) begins at nought again: then what it says counts from there, and is
//! never a difference below nought. A look that comes twice at one time, or from before, says nothing new.

use std::time::Duration;

use crate::logic::{
    adapt::{Plan, Why},
    course::Stage,
    devices::{Device, DeviceKind, InUse},
    report::{Counters, PictureCounts, SoundCounts},
};

use super::{
    Evidence, Hindrance, LogLine, MOST_DEVICE_NAMES, MediaFacts, Moment, Topic, descriptions::Descriptions,
    happenings::Happenings, moments::Moments,
};

/// A stretch of made-up sound that is worth a word, in pieces of 20 ms: shorter ones are hardly heard.
const MADE_UP_MANY: u64 = 5;

/// How everything stands that is counted, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Since the call began here.
    pub t_ms: u64,
    /// The leg in use.
    pub leg: Option<u32>,
    /// There and back.
    pub round_trip_ms: Option<f64>,
    /// Bytes that left by sockets and streams, of all legs together.
    pub bytes_sent: u64,
    /// Bytes that came.
    pub bytes_received: u64,
    /// What may be sent altogether.
    pub target_bps: Option<u32>,
    /// The part of our packets that gets lost.
    pub lost_of_ours: f64,
    /// What was counted.
    pub counters: Counters,
    /// What happened to their pictures.
    pub pictures: PictureCounts,
    /// What happened to their sound.
    pub sound: SoundCounts,
    /// Our picture, where one is sent.
    pub our_size: Option<(u16, u16)>,
    /// Theirs, where one is shown.
    pub their_size: Option<(u16, u16)>,
    /// From a capture until it was encoded, on average since the last look.
    pub encoding: Option<Duration>,
    /// From a whole picture until it was decoded, on average since the last look.
    pub decoding: Option<Duration>,
    /// What this program has used of the processors since it began.
    pub processor: Option<Duration>,
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    before: Reading,
    moments: Moments,
    happenings: Happenings,
    /// Since when their picture stands still.
    frozen_since_ms: Option<u64>,
    devices: [Option<InUse>; 3],
    device_names: Vec<String>,
    hindrance: Hindrance,
    /// What the two sides proposed.
    pub descriptions: Descriptions,
}

impl Recorder {
    /// Takes what was counted by now. Before a path is in use nothing of it is a moment of the call.
    pub fn read(&mut self, reading: Reading) {
        if reading.t_ms <= self.before.t_ms {
            return;
        }
        let before = std::mem::replace(&mut self.before, reading);
        self.tell_of(&before, &reading);
        if reading.leg.is_some() || !self.moments.is_empty() {
            self.moments.take(moment(&before, &reading));
        }
    }

    /// Something happened.
    pub fn note(&mut self, t_ms: u64, topic: Topic, sentence: impl Into<String>) {
        self.happenings.note(t_ms, topic, sentence.into());
    }

    /// The call stands differently.
    pub fn note_stage(&mut self, t_ms: u64, stage: Stage) {
        let sentence = match stage {
            Stage::Inviting => "The call goes out",
            Stage::Reached => "Their program has the call",
            Stage::RingingThere => "It rings at the other side",
            Stage::RingingHere => "It rings here",
            Stage::Connecting => "The call was taken",
            Stage::Connected => "Connected",
            Stage::Reconnecting => "Nothing comes any more; the call is being connected again",
            Stage::Ended { .. } => "The call is over",
        };
        self.note(t_ms, Topic::Call, sentence);
    }

    /// Our pictures are sent so from now on.
    pub fn note_plan(&mut self, t_ms: u64, plan: &Plan) {
        let Plan { width, height, fps, bitrate_bps: _, why } = plan;
        let because = match why {
            Why::Network { target_bps } => {
                format!("the path has room for {:.1} Mbit/s", f64::from(*target_bps) / 1e6)
            }
            Why::Camera | Why::Drawn { .. } | Why::Wished { .. } | Why::Encoder { .. } => why.to_string(),
        };
        let sentence = format!("Our picture is sent as {width}×{height}, {fps} a second: {because}");
        self.note(t_ms, Topic::Picture, sentence);
    }

    /// Another device is in use, or none.
    pub fn note_device(&mut self, t_ms: u64, in_use: &InUse) {
        self.know_names_of(in_use);
        let place = &mut self.devices[place(in_use.kind)];
        if place.as_ref() != Some(in_use) {
            *place = Some(in_use.clone());
            self.note(t_ms, Topic::Device, in_use.words.clone());
        }
    }

    /// A device was in use already when the call began.
    pub fn begin_with_device(&mut self, in_use: &InUse) {
        self.know_names_of(in_use);
        self.devices[place(in_use.kind)] = Some(in_use.clone());
    }

    /// These devices are there: the log may name them.
    pub fn know_devices(&mut self, devices: &[Device]) {
        for device in devices {
            self.know_name(&device.name);
            self.know_name(device.id.as_str());
        }
    }

    fn know_names_of(&mut self, in_use: &InUse) {
        self.know_devices(in_use.device.as_slice());
        if let Some(missed) = &in_use.missed {
            self.know_name(missed);
        }
    }

    fn know_name(&mut self, name: &str) {
        let is_known = self.device_names.iter().any(|known| known == name);
        if !is_known && self.device_names.len() < MOST_DEVICE_NAMES {
            self.device_names.push(name.to_owned());
        }
    }

    /// From now on our own sending is hindered so.
    pub fn note_hindrance(&mut self, t_ms: u64, hindrance: Hindrance) {
        if std::mem::replace(&mut self.hindrance, hindrance) != hindrance {
            self.note(t_ms, Topic::Trial, hindrance.to_string());
        }
    }

    /// What is known by now.
    pub fn now(&self, media: MediaFacts, log: Vec<LogLine>) -> Evidence {
        self.evidence(self.moments.recent(), media, log)
    }

    /// What is known of the whole call.
    pub fn whole(&self, media: MediaFacts, log: Vec<LogLine>) -> Evidence {
        self.evidence(self.moments.whole(), media, log)
    }

    fn evidence(&self, moments: Vec<Moment>, media: MediaFacts, log: Vec<LogLine>) -> Evidence {
        let devices = self.devices.iter().flatten().filter_map(|in_use| {
            let device = in_use.device.as_ref()?;
            Some(format!("{}: {}", in_use.kind, device.name))
        });
        Evidence {
            moments,
            happenings: self.happenings.list(),
            happenings_left_out: self.happenings.left_out(),
            media: MediaFacts {
                devices: devices.collect(),
                device_names: self.device_names.clone(),
                ..media
            },
            descriptions: self.descriptions.list(),
            log,
            hindrance: self.hindrance,
        }
    }

    /// What has happened between two looks.
    fn tell_of(&mut self, before: &Reading, now: &Reading) {
        let t_ms = now.t_ms;
        let asked_of_us = since(before.counters.key_frames_asked_of_us, now.counters.key_frames_asked_of_us);
        if asked_of_us > 0 {
            self.note(t_ms, Topic::Picture, times("The other side asked for a whole picture", asked_of_us));
        }
        let asked = since(before.pictures.key_frames_asked, now.pictures.key_frames_asked);
        if asked > 0 {
            self.note(t_ms, Topic::Picture, times("We asked the other side for a whole picture", asked));
        }
        let made_up = since(before.sound.concealed, now.sound.concealed);
        if made_up >= MADE_UP_MANY {
            let sentence =
                format!("{} ms of their sound did not come, and were made up", made_up.saturating_mul(20));
            self.note(t_ms, Topic::Sound, sentence);
        }
        self.tell_of_freezes(before, now);
    }

    fn tell_of_freezes(&mut self, before: &Reading, now: &Reading) {
        let stands_ms = now.pictures.stands_ms;
        let ended = since(before.pictures.freezes, now.pictures.freezes);
        let frozen_ms = since(before.pictures.frozen_ms, now.pictures.frozen_ms);
        if self.frozen_since_ms.take().is_some() && stands_ms > 0 && ended == 0 {
            self.frozen_since_ms = Some(now.t_ms.saturating_sub(stands_ms));
            return;
        }
        if ended > 0 {
            let sentence = format!("Their picture stood still for {:.1} s", frozen_ms as f64 / 1e3);
            let sentence = if ended > 1 { times(&sentence, ended) } else { sentence };
            self.note(now.t_ms, Topic::Picture, sentence);
        }
        if stands_ms > 0 {
            let since_ms = now.t_ms.saturating_sub(stands_ms);
            self.frozen_since_ms = Some(since_ms);
            self.note(since_ms, Topic::Picture, "Their picture stands still");
        }
    }
}

fn moment(before: &Reading, now: &Reading) -> Moment {
    let for_ms = u32::try_from(now.t_ms.saturating_sub(before.t_ms)).unwrap_or(u32::MAX).max(1);
    let seconds = f64::from(for_ms) / 1e3;
    let bps = |before: u64, now: u64| (since(before, now) as f64 * 8.0 / seconds).round() as u32;
    let per_s = |before: u64, now: u64| (since(before, now) as f64 / seconds) as f32;
    let ms = |time: Duration| (time.as_secs_f64() * 1e3) as f32;
    let made_up = since(before.sound.concealed, now.sound.concealed);
    let pieces = since(before.sound.played, now.sound.played)
        + since(before.sound.recovered, now.sound.recovered)
        + made_up;
    let packets = since(before.sound.packets_played, now.sound.packets_played);
    let held_us = since(before.sound.held_in_all_us, now.sound.held_in_all_us);
    let used = before.processor.zip(now.processor).and_then(|(before, now)| now.checked_sub(before));
    let lost = if now.lost_of_ours.is_finite() { now.lost_of_ours * 100.0 } else { 0.0 };
    let has_sound = now.sound.packets_played > 0;
    let frozen = |pictures: &PictureCounts| pictures.frozen_ms.saturating_add(pictures.stands_ms);
    Moment {
        t_ms: now.t_ms,
        for_ms,
        leg: now.leg,
        round_trip_ms: now.round_trip_ms.map(|ms| ms.max(0.0) as f32).filter(|ms| ms.is_finite()),
        sent_bps: bps(before.bytes_sent, now.bytes_sent),
        received_bps: bps(before.bytes_received, now.bytes_received),
        picture_sent_bps: bps(before.counters.video_bytes_sent, now.counters.video_bytes_sent),
        picture_received_bps: bps(before.counters.video_bytes_received, now.counters.video_bytes_received),
        sound_sent_bps: bps(before.counters.audio_bytes_sent, now.counters.audio_bytes_sent),
        sound_received_bps: bps(before.counters.audio_bytes_received, now.counters.audio_bytes_received),
        target_bps: now.target_bps,
        lost_of_ours_percent: lost.clamp(0.0, 100.0) as f32,
        lost_of_theirs_percent: f32::from(now.sound.lost_percent.min(100)),
        jitter_ms: has_sound.then_some(now.sound.target_ms as f32),
        frames_sent_per_s: per_s(before.counters.frames_sent, now.counters.frames_sent),
        frames_shown_per_s: per_s(before.counters.frames_shown, now.counters.frames_shown),
        our_size: now.our_size,
        their_size: now.their_size,
        encode_ms: now.encoding.map(ms),
        decode_ms: now.decoding.map(ms),
        sound_held_ms: (packets > 0).then(|| (held_us as f64 / packets as f64 / 1e3) as f32),
        concealed_percent: if pieces == 0 { 0.0 } else { (made_up as f64 * 100.0 / pieces as f64) as f32 },
        // A gap counts as a whole once it is a freeze, which may be a moment after it began.
        frozen_ms: u32::try_from(frozen(&now.pictures).saturating_sub(frozen(&before.pictures)))
            .unwrap_or(u32::MAX)
            .min(for_ms),
        cpu_percent: used.map(|used| (used.as_secs_f64() * 100.0 / seconds) as f32),
    }
}

/// How much was counted since: where a count fell, it began anew.
fn since(before: u64, now: u64) -> u64 {
    if now < before { now } else { now - before }
}

fn times(what: &str, count: u64) -> String {
    match count {
        1 => what.to_owned(),
        count => format!("{what}, {count} times"),
    }
}

const fn place(kind: DeviceKind) -> usize {
    match kind {
        DeviceKind::Microphone => 0,
        DeviceKind::Speaker => 1,
        DeviceKind::Camera => 2,
    }
}

#[cfg(test)]
mod tests;
