//! A speaker as `audio-recv` sees it: it wants a block whenever what it has runs low, whatever becomes of the device.
//!
//! While a device plays, its clock sets the beat, as it takes what it takes. What waits for it is as little as it gets along
//! with (see [`Cushion`]). While there is none, or it takes nothing, blocks are taken by the clock and lost: whoever feeds
//! us keeps in time, and goes on without a jump when there is a device again.

use std::{
    sync::Arc,
    thread::park_timeout,
    time::{Duration, Instant},
};

use crate::{
    logic::{cushion::Cushion, devices::Cause, drift::Drift, report::SoundEdge},
    media::resample::Resampler,
};

use super::{
    clock::Clock,
    ports::{SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSink},
    ring::{Gauge, Playing},
    seat::Seat,
};

/// A device that took nothing for so long stands still; the clock goes on in its place.
const STANDS_STILL: Duration = Duration::from_millis(80);
/// How long to sleep at most: whoever plays looks in between whether to go on.
const NAP: Duration = Duration::from_millis(10);
/// How far the beat may lag behind before it starts anew.
const MOST_BEHIND: Duration = Duration::from_millis(40);

/// A speaker that comes and goes.
pub struct SoundOut {
    seat: Arc<Seat<Box<LiveOut>>>,
    clock: Clock,
    live: Option<Box<LiveOut>>,
    /// When the last block was wanted.
    wanted: Instant,
    by_clock: u64,
    dropped: u64,
    gaps: u64,
}

/// A speaker that is open.
pub(super) struct LiveOut {
    playing: Playing,
    resampler: Resampler,
    raw: Vec<f32>,
    cushion: Cushion,
    drift: Drift,
    /// Since when blocks are counted (on the media clock, in microseconds), and how many there were.
    counted: Option<(f64, u64)>,
    lacking: u64,
}

impl LiveOut {
    pub(super) fn new(mut playing: Playing, rate_hz: u32, clock: Clock) -> Result<Self, Cause> {
        let resampler = Resampler::to_device(rate_hz).map_err(|error| Cause::Broken(error.to_string()))?;
        playing.rate_hz = rate_hz;
        let raw = vec![0.0; resampler.most().1];
        let cushion = Cushion::new(clock.now());
        Ok(Self { playing, resampler, raw, cushion, drift: Drift::default(), counted: None, lacking: 0 })
    }

    pub(super) fn gauge(&self) -> Arc<Gauge> {
        self.playing.gauge.clone()
    }

    fn seconds(&self, samples: usize) -> f64 {
        samples as f64 / f64::from(self.playing.rate_hz)
    }

    fn runs(&self, clock: &Clock) -> bool {
        let called = self.playing.gauge.called_us();
        called > 0 && clock.media_now().as_micros() < called + STANDS_STILL.as_micros() as u64
    }

    /// Whether what waits would not do for what it takes next.
    fn runs_low(&self) -> bool {
        let cushion = self.cushion.time().as_secs_f64() * f64::from(self.playing.rate_hz);
        let at_once = match self.playing.gauge.called_for() {
            0 => self.playing.rate_hz as usize / 100,
            frames => frames.min(self.playing.rate_hz as usize / 10),
        };
        self.playing.waiting() < at_once + cushion as usize
    }

    fn take(&mut self, block: &[f32; SOUND_BLOCK]) {
        let made = self.resampler.resample(block, &mut self.raw);
        self.playing.samples.push_entire_slice(&self.raw[..made]).ok();
        self.playing.begin();
        let passed = SOUND_BLOCK_TIME.as_secs_f64();
        let taken_by_us = self.playing.gauge.called_us() as f64 + self.seconds(self.playing.waiting()) * 1e6;
        let (since, blocks) = self.counted.unwrap_or((taken_by_us, 0));
        let ahead = blocks as f64 * passed - (taken_by_us - since) / 1e6;
        let agrees = self.drift.handle(ahead, passed);
        self.counted = agrees.then_some((since, blocks + 1));
        self.resampler.steer(self.drift.ratio());
    }

    /// Samples of the device that it had to do without since the last time.
    fn take_lacking(&mut self) -> u64 {
        let lacking = self.playing.gauge.lacking();
        lacking - std::mem::replace(&mut self.lacking, lacking)
    }
}

impl SoundOut {
    pub(super) fn new(seat: Arc<Seat<Box<LiveOut>>>, clock: Clock) -> Self {
        Self { seat, clock, live: None, wanted: clock.now(), by_clock: 0, dropped: 0, gaps: 0 }
    }

    fn beat(&mut self, now: Instant) -> Instant {
        let earliest = now.checked_sub(MOST_BEHIND).unwrap_or(now);
        self.wanted = (self.wanted + SOUND_BLOCK_TIME).clamp(earliest, now);
        self.wanted
    }
}

impl SoundSink for SoundOut {
    fn wait(&mut self) -> Instant {
        self.seat.bell.hang_here();
        loop {
            if let Some(live) = self.seat.take_change() {
                self.live = live;
            }
            let now = self.clock.now();
            let runs = self.live.as_ref().filter(|live| live.runs(&self.clock));
            let due = self.wanted + SOUND_BLOCK_TIME;
            match runs {
                Some(live) if live.runs_low() => return self.beat(now),
                Some(_) => park_timeout(NAP),
                None if due <= now => {
                    self.by_clock += 1;
                    return self.beat(now);
                }
                None => park_timeout(due.saturating_duration_since(now)),
            }
        }
    }

    fn play(&mut self, block: &[f32; SOUND_BLOCK]) {
        let Some(live) = &mut self.live else { return };
        let lacking = live.take_lacking();
        if lacking > 0 {
            self.gaps += 1;
            live.counted = None;
        }
        live.cushion.handle(lacking > 0, self.clock.now());
        if live.runs_low() {
            live.take(block);
        } else {
            self.dropped += 1;
            live.counted = None;
        }
    }

    fn delay(&self) -> Duration {
        let Some(live) = &self.live else { return Duration::ZERO };
        Duration::from_secs_f64(live.seconds(live.playing.waiting())) + live.playing.gauge.delay()
    }

    fn figures(&self) -> Option<SoundEdge> {
        let live = self.live.as_ref();
        Some(SoundEdge {
            rate_hz: live.map_or(0, |live| live.playing.rate_hz),
            device_ms: live.map_or(0.0, |live| live.playing.gauge.delay().as_secs_f64() * 1000.0),
            buffer_ms: live.map_or(0.0, |live| live.seconds(live.playing.gauge.called_for()) * 1000.0),
            ring_ms: live.map_or(0.0, |live| live.seconds(live.playing.waiting()) * 1000.0),
            faster_ppm: live.map_or(0.0, |live| (live.drift.ratio() - 1.0) * 1e6),
            gaps: self.gaps,
            dropped: self.dropped,
            blocks_by_clock: self.by_clock,
        })
    }
}

impl Drop for SoundOut {
    fn drop(&mut self) {
        self.seat.leave();
    }
}
