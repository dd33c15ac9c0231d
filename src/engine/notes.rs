//! What is written down of a call beside its path, while it runs (`logic::evidence`).
//!
//! Once a second everything that is counted is read, and one value made of what is known, for whoever looks. Nobody asks the
//! media threads for anything: what they count they have left in the tally.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::logic::{
    evidence::{Evidence, LogLine, MOST_LOG_LINES, MediaFacts, Reading, Recorder, StageFact},
    latency::{LatencyReport, Times},
    report::{Encryption, SoundEdge},
    units::MediaTime,
};

use super::{
    clock::Clock, counters::Tally, ports::program::Journal, room::RoomSeen, spoken_code::SpokenCode,
};

/// The notes of one call.
pub(super) struct Notes {
    pub(super) recorder: Recorder,
    began: Instant,
    clock: Clock,
    tally: Arc<Tally>,
    plans: usize,
    /// What two people may compare.
    pub(super) code: Option<SpokenCode>,
    journal: Arc<dyn Journal>,
    read_to: u64,
    log: VecDeque<LogLine>,
    now: Arc<Evidence>,
}

/// What else is known at that moment.
pub(super) struct Surroundings<'a> {
    pub(super) leg: Option<u32>,
    pub(super) round_trip_ms: Option<f64>,
    pub(super) room: RoomSeen,
    pub(super) sends_pictures: bool,
    pub(super) encryption: &'a Encryption,
    /// What the program has used of the processors.
    pub(super) processor: Option<Duration>,
}

impl Notes {
    pub(super) fn new(began: Instant, clock: Clock, tally: Arc<Tally>, journal: Arc<dyn Journal>) -> Self {
        Self {
            recorder: Recorder::default(),
            began,
            clock,
            tally,
            plans: 0,
            code: None,
            journal,
            read_to: 0,
            log: VecDeque::new(),
            now: Arc::default(),
        }
    }

    /// Reads everything that is counted: once a second.
    pub(super) fn read(&mut self, around: &Surroundings<'_>) {
        let (now, tally) = (self.clock.now(), &self.tally);
        let (sending, recent) = (tally.sending(), tally.take_recent());
        let pixels = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let our_size = sending.map(|sending| (pixels(sending.plan.width), pixels(sending.plan.height)));
        self.recorder.read(Reading {
            t_ms: self.t_ms(now),
            leg: around.leg,
            round_trip_ms: around.round_trip_ms,
            bytes_sent: tally.wire_sent.get(),
            bytes_received: tally.wire_received.get(),
            target_bps: around.leg.map(|_| around.room.target_bps),
            lost_of_ours: around.room.loss,
            counters: tally.counters(),
            pictures: tally.pictures(),
            sound: tally.sound(),
            our_size: our_size.filter(|_| around.sends_pictures),
            their_size: tally.their_size().filter(|_| !tally.is_their_camera_off()),
            encoding: recent.encoding,
            decoding: recent.decoding,
            processor: around.processor,
        });
        self.read_plans();
        self.read_log();
        let evidence = self.recorder.now(self.media(around.leg, around.encryption), self.log());
        self.now = Arc::new(evidence);
    }

    /// What was known when it was last read.
    pub(super) fn now(&self) -> Arc<Evidence> {
        self.now.clone()
    }

    /// What is known of the whole call, now that it is over.
    pub(super) fn whole(mut self, leg: Option<u32>, encryption: &Encryption) -> Evidence {
        self.read_plans();
        self.read_log();
        self.recorder.whole(self.media(leg, encryption), self.log())
    }

    fn t_ms(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn read_plans(&mut self) {
        let began = self.clock.media(self.began);
        let ms = |at: MediaTime| u64::try_from(at.since(began).as_millis()).unwrap_or(u64::MAX);
        for (at, plan) in self.tally.plans_after(self.plans) {
            self.plans += 1;
            self.recorder.note_plan(ms(at), &plan);
        }
    }

    fn read_log(&mut self) {
        for noted in self.journal.after(self.read_to) {
            self.read_to = noted.number;
            // What was noted before is no part of this call.
            if noted.at < self.began {
                continue;
            }
            if self.log.len() >= MOST_LOG_LINES {
                self.log.pop_front();
            }
            self.log.push_back(LogLine {
                t_ms: self.t_ms(noted.at),
                level: noted.level,
                from: noted.from.to_string(),
                text: noted.text.to_string(),
            });
        }
    }

    fn log(&self) -> Vec<LogLine> {
        self.log.iter().cloned().collect()
    }

    fn media(&self, leg: Option<u32>, encryption: &Encryption) -> MediaFacts {
        let descriptions = &self.recorder.descriptions;
        MediaFacts {
            codecs: leg.map(|leg| descriptions.codecs(leg)).unwrap_or_default(),
            encryption: encryption.clone(),
            dtls_role: leg.and_then(|leg| descriptions.dtls_role(leg)).map(str::to_owned),
            code: self.code.as_ref().and_then(SpokenCode::made).map(str::to_owned),
            stages: stages(&self.tally),
            devices: Vec::new(),
            device_names: Vec::new(),
        }
    }
}

/// What takes how long, in the order of the way.
fn stages(tally: &Tally) -> Vec<StageFact> {
    let LatencyReport { encoding, under_way, gathering, decoding, waiting, whole_way } = tally.latency();
    let (microphone, speaker) = tally.edges();
    let ms = |micros: u64| micros as f32 / 1e3;
    let pictures = [
        ("Our picture: from capture until encoded", encoding),
        ("Their picture: on its way here", under_way),
        ("Their picture: until all its packets are here", gathering),
        ("Their picture: decoding", decoding),
        ("Their picture: waiting to be shown", waiting),
        ("Their picture: from their camera to this screen", whole_way),
    ];
    let pictures = pictures.into_iter().filter(|(_, Times { count, .. })| *count > 0).map(|(name, times)| {
        StageFact { name: name.to_owned(), median_ms: ms(times.median_us), p95_ms: Some(ms(times.p95_us)) }
    });
    let edge = |name: &str, edge: Option<SoundEdge>| {
        let edge = edge.filter(|edge| edge.rate_hz > 0)?;
        let median_ms = (edge.device_ms + edge.buffer_ms + edge.ring_ms) as f32;
        Some(StageFact { name: name.to_owned(), median_ms, p95_ms: None })
    };
    let sound = tally.sound();
    let held = (sound.packets_played > 0).then(|| StageFact {
        name: "Their sound: held until it is played".to_owned(),
        median_ms: sound.held_ms as f32,
        p95_ms: None,
    });
    let sounds = [
        edge("Our sound: microphone and its buffers", microphone),
        held,
        edge("Their sound: speaker and its buffers", speaker),
    ];
    sounds.into_iter().flatten().chain(pictures).collect()
}
