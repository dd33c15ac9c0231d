//! A microphone as `audio-send` sees it: a block every 10 ms, whatever becomes of the device.
//!
//! While a device hears, its blocks set the beat: waiting for a beat of our own as well would cost half a block of delay.
//! Samples are brought to this computer's clock all the same (see [`Drift`]), so that they and their times agree. While there
//! is none, or it says nothing, there is silence by the clock.

use std::{
    sync::Arc,
    thread::park_timeout,
    time::{Duration, Instant},
};

use crate::{
    logic::{devices::Cause, drift::Drift, report::SoundEdge, units::MediaTime},
    media::resample::Resampler,
};

use super::{
    clock::Clock,
    ports::{SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSource, SourceEnded},
    ring::{Gauge, Hearing},
    seat::Seat,
};

/// After so long without a sample of an open device its place is taken by silence.
const PATIENCE: Duration = Duration::from_millis(80);
/// What waits beyond the next block was held up somewhere; more than this is dropped instead of being sent late.
const MOST_WAITING: Duration = Duration::from_millis(100);
/// How long to sleep at most: whoever sends looks in between whether to go on.
const NAP: Duration = Duration::from_millis(10);
/// How much of what a device says of its delay is believed at once.
const BELIEVED: f64 = 0.02;

/// A microphone that comes and goes.
pub struct SoundIn {
    seat: Arc<Seat<Box<LiveIn>>>,
    clock: Clock,
    live: Option<Box<LiveIn>>,
    /// When the next block should be complete.
    due: Instant,
    by_clock: u64,
    dropped: u64,
}

/// A microphone that is open.
pub(super) struct LiveIn {
    hearing: Hearing,
    resampler: Resampler,
    raw: Vec<f32>,
    drift: Drift,
    /// Since when blocks are counted, and how many there were.
    counted: Option<(MediaTime, u64)>,
    delay_s: f64,
}

impl LiveIn {
    pub(super) fn new(mut hearing: Hearing, rate_hz: u32) -> Result<Self, Cause> {
        let resampler = Resampler::from_device(rate_hz).map_err(|error| Cause::Broken(error.to_string()))?;
        hearing.rate_hz = rate_hz;
        let raw = vec![0.0; resampler.most().0];
        Ok(Self { hearing, resampler, raw, drift: Drift::default(), counted: None, delay_s: 0.0 })
    }

    pub(super) fn gauge(&self) -> Arc<Gauge> {
        self.hearing.gauge.clone()
    }

    fn seconds(&self, samples: usize) -> f64 {
        samples as f64 / f64::from(self.hearing.rate_hz)
    }

    /// Fills a block, where there is enough for one, and says when its first sample was heard.
    fn block(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Option<MediaTime> {
        let raw = &mut self.raw[..self.resampler.takes()];
        self.hearing.samples.pop_entire_slice(raw).ok()?;
        self.resampler.resample(raw, block);
        let gauge = &self.hearing.gauge;
        let left = self.seconds(self.hearing.samples.slots());
        let ended = MediaTime(gauge.called_us().saturating_sub((left * 1e6) as u64));
        let (since, blocks) = self.counted.unwrap_or((ended, 0));
        let passed = SOUND_BLOCK_TIME.as_secs_f64();
        let ahead = blocks as f64 * passed - (ended.as_micros() as f64 - since.as_micros() as f64) / 1e6;
        let agrees = self.drift.handle(ahead, passed);
        self.counted = agrees.then_some((since, blocks + 1));
        self.resampler.steer(self.drift.ratio());
        let delay_s = gauge.delay().as_secs_f64();
        if blocks == 0 {
            self.delay_s = delay_s;
        }
        self.delay_s += (delay_s - self.delay_s) * BELIEVED;
        Some(MediaTime(ended.as_micros().saturating_sub(((self.delay_s + passed) * 1e6) as u64)))
    }

    /// Lets the oldest go, where too much waits.
    fn let_go(&mut self) -> u64 {
        let most = (MOST_WAITING.as_secs_f64() * f64::from(self.hearing.rate_hz)) as usize;
        let waiting = self.hearing.samples.slots();
        if waiting <= most {
            return 0;
        }
        let gone = waiting.saturating_sub(self.resampler.takes());
        self.hearing.samples.read_chunk(gone).ok().map(rtrb::chunks::ReadChunk::commit_all);
        self.counted = None;
        gone as u64
    }
}

impl SoundIn {
    pub(super) fn new(seat: Arc<Seat<Box<LiveIn>>>, clock: Clock) -> Self {
        Self { seat, clock, live: None, due: clock.now() + SOUND_BLOCK_TIME, by_clock: 0, dropped: 0 }
    }
}

impl SoundSource for SoundIn {
    fn read(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Result<MediaTime, SourceEnded> {
        self.seat.bell.hang_here();
        loop {
            if let Some(live) = self.seat.take_change() {
                self.live = live;
            }
            let now = self.clock.now();
            let mut patience = Duration::ZERO;
            if let Some(live) = &mut self.live {
                self.dropped += live.let_go();
                if let Some(heard) = live.block(block) {
                    self.due = now + SOUND_BLOCK_TIME;
                    return Ok(heard);
                }
                patience = PATIENCE;
            }
            let until = self.due + patience;
            if now >= until {
                block.fill(0.0);
                self.by_clock += 1;
                // Whoever was away (asleep, in a debugger) has nothing to make up for.
                let heard = self.due.max(now.checked_sub(PATIENCE * 2).unwrap_or(now));
                self.due = heard + SOUND_BLOCK_TIME;
                if let Some(live) = &mut self.live {
                    live.counted = None;
                }
                return Ok(self.clock.media(heard.checked_sub(SOUND_BLOCK_TIME).unwrap_or(heard)));
            }
            park_timeout(until.saturating_duration_since(now).min(NAP));
        }
    }

    fn figures(&self) -> Option<SoundEdge> {
        let live = self.live.as_ref();
        Some(SoundEdge {
            rate_hz: live.map_or(0, |live| live.hearing.rate_hz),
            device_ms: live.map_or(0.0, |live| live.delay_s * 1000.0),
            buffer_ms: live.map_or(0.0, |live| live.seconds(live.hearing.gauge.called_for()) * 1000.0),
            ring_ms: live.map_or(0.0, |live| live.seconds(live.hearing.samples.slots()) * 1000.0),
            faster_ppm: live.map_or(0.0, |live| (live.drift.ratio() - 1.0) * 1e6),
            gaps: 0,
            dropped: self.dropped + live.map_or(0, |live| live.hearing.gauge.lacking()),
            blocks_by_clock: self.by_clock,
        })
    }
}

impl Drop for SoundIn {
    fn drop(&mut self) {
        self.seat.leave();
    }
}
