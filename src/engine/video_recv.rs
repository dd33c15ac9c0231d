//! Their pictures on their way in: packets are put together, decoded, and shown when they are due.
//!
//! Every picture is decoded as soon as it is whole, because those after it need it; whether and when it is shown is decided
//! afterwards.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use crate::{
    logic::{
        freezes::Freezes,
        latency::Step,
        packet::Packet,
        playout::{Playout, Sound, Waiting},
        reassembly::{Reassembly, Whole},
        report::PictureCounts,
        units::MediaTime,
    },
    media::{SAMPLE_RATE_HZ, frame::Frame, h264::Decoder, pool::Pool, rtp_h264},
};

use super::{
    clock::Clock,
    counters::Tally,
    ports::PictureSink,
    thread::{Stop, Thread},
};

/// How long the thread waits for a packet before it looks whether it shall end.
const IDLE: Duration = Duration::from_millis(100);
/// How many decoded pictures may be in use at once: one shown, those that wait, and those a recorder has not written yet.
const POOL: usize = 96;
/// The two clocks do not agree where a picture seems to have taken longer than this, or to come from the future.
const LONGEST_WAY: Duration = Duration::from_secs(10);

/// Everything the thread needs.
pub struct VideoRecv {
    /// Packets, with the time each came. See [`super::ports::PeerSetup::video`].
    pub packets: Receiver<(Packet, Instant)>,
    /// Where pictures go.
    pub sink: Box<dyn PictureSink>,
    /// Asks the other side for a key frame.
    pub ask_key_frame: Arc<dyn Fn() + Send + Sync>,
    /// What is counted.
    pub tally: Arc<Tally>,
    /// The time.
    pub clock: Clock,
    /// When to end.
    pub stop: Stop,
}

impl VideoRecv {
    /// Starts the thread.
    pub fn start(self) -> io::Result<Thread> {
        Thread::spawn("video-recv", move || self.run())
    }

    fn run(self) {
        let decoder = match Decoder::new(Pool::new(POOL)) {
            Ok(decoder) => decoder,
            Err(error) => {
                tracing::error!(%error, "their pictures cannot be shown");
                return;
            }
        };
        let starts_key = |payload: &[u8]| rtp_h264::starts_frame(payload) && rtp_h264::is_key_frame(payload);
        let watching = Watching {
            all: self,
            decoder,
            reassembly: Reassembly::new(starts_key),
            playout: Playout::default(),
            waiting: Waiting::default(),
            freezes: Freezes::default(),
        };
        watching.run();
    }
}

struct Watching {
    all: VideoRecv,
    decoder: Decoder,
    reassembly: Reassembly,
    playout: Playout,
    waiting: Waiting<Decoded>,
    freezes: Freezes,
}

struct Decoded {
    frame: Frame,
    arrived: Instant,
    decoded: Instant,
}

impl Watching {
    fn run(mut self) {
        while !self.all.stop.is_set() {
            let wake =
                [self.reassembly.poll_timeout(), self.waiting.poll_timeout()].into_iter().flatten().min();
            let now = self.all.clock.now();
            let wait = wake.map_or(IDLE, |at| at.saturating_duration_since(now).min(IDLE));
            match self.all.packets.recv_timeout(wait) {
                Ok((packet, arrived)) => {
                    self.all.tally.video_packets_received.one();
                    self.all.tally.video_bytes_received.add(packet.payload.len() as u64);
                    self.reassembly.handle(packet, arrived);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some(round_trip) = self.all.tally.round_trip() {
                self.reassembly.set_round_trip(round_trip);
            }
            self.reassembly.handle_timeout(self.all.clock.now());
            while let Some(whole) = self.reassembly.poll_whole() {
                self.all.tally.frames_received.one();
                if !self.decode(&whole) {
                    self.all.tally.frames_undecodable.one();
                    self.reassembly.decoding_failed(self.all.clock.now());
                }
            }
            if self.reassembly.poll_ask() {
                (self.all.ask_key_frame)();
            }
            if self.all.tally.is_their_camera_off() {
                self.freezes.pause();
            }
            if let Some(decoded) = self.waiting.take_due(self.all.clock.now()) {
                self.show(&decoded);
            }
            let counts = PictureCounts::new(
                self.reassembly.counts(),
                self.waiting.overtaken(),
                self.freezes.counts(),
                self.freezes.stands(self.all.clock.now()),
            );
            self.all.tally.set_pictures(counts);
        }
    }

    /// `false` where there is no picture in it.
    fn decode(&mut self, whole: &Whole) -> bool {
        let access_unit = match rtp_h264::assemble(&whole.payloads) {
            Ok(access_unit) => access_unit,
            Err(error) => {
                tracing::debug!(%error, "a picture is not one");
                return false;
            }
        };
        let arrived = self.all.clock.media(whole.arrived);
        let captured = MediaTime::of_ticks(whole.timestamp, rtp_h264::CLOCK_HZ, arrived);
        match self.decoder.decode(&access_unit, captured) {
            Ok(Some(frame)) => {
                let decoded = self.all.clock.now();
                self.note_way(whole, captured, decoded);
                let due = self.playout.due(captured, whole.arrived, self.sound(captured));
                self.waiting.push(due, Decoded { frame, arrived: whole.arrived, decoded });
                true
            }
            Ok(None) => true,
            Err(error) => {
                tracing::debug!(%error, "a picture cannot be decoded");
                false
            }
        }
    }

    /// What of their sound is heard, on the clock that stamped the pictures too: our own ends have one for both.
    fn sound(&self, near: MediaTime) -> Option<Sound> {
        let clock = &self.all.clock;
        let heard = self.all.tally.heard.get(clock.media_now())?;
        let captured = MediaTime::of_ticks(heard.rtp_timestamp, SAMPLE_RATE_HZ, near);
        Some(Sound { captured, heard: clock.instant(heard.at) })
    }

    fn note_way(&self, whole: &Whole, captured: MediaTime, decoded: Instant) {
        let tally = &self.all.tally;
        if let Some(under_way) = between_clocks(captured, self.all.clock.media(whole.began)) {
            tally.took(Step::UnderWay, under_way);
        }
        tally.took(Step::Gathering, whole.arrived.saturating_duration_since(whole.began));
        tally.took(Step::Decoding, decoded.saturating_duration_since(whole.arrived));
    }

    fn show(&mut self, Decoded { frame, arrived, decoded }: &Decoded) {
        let now = self.all.clock.now();
        let shown = self.all.clock.media(now);
        self.all.sink.show(frame, self.all.clock.media(*arrived), shown);
        self.freezes.shown(now);
        let tally = &self.all.tally;
        tally.frames_shown.one();
        tally.set_their_size(frame.size().width(), frame.size().height());
        tally.first_picture.mark(shown);
        tally.took(Step::Waiting, now.saturating_duration_since(*decoded));
        if let Some(whole_way) = between_clocks(frame.captured(), shown) {
            tally.took(Step::WholeWay, whole_way);
        }
    }
}

fn between_clocks(there: MediaTime, here: MediaTime) -> Option<Duration> {
    let way = here.since(there);
    (way > Duration::ZERO && way < LONGEST_WAY).then_some(way)
}
