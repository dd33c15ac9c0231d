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
/// What may be left over beyond a block, against a device that gives a sample less in between. More would only be delay.
const LEFT_OVER: Duration = Duration::from_millis(2);
/// How many blocks it is looked what is left over.
const SETTLES_IN: u32 = 100;
/// The first of them say nothing: a device may begin with a heap of what it heard before.
const BEGINS_IN: u32 = 20;
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
    /// Blocks since the device began, or had nothing to say.
    looked_at: u32,
    /// The least that was left over in their time.
    least_left: usize,
}

impl LiveIn {
    pub(super) fn new(mut hearing: Hearing, rate_hz: u32) -> Result<Self, Cause> {
        let resampler = Resampler::from_device(rate_hz).map_err(|error| Cause::Broken(error.to_string()))?;
        hearing.rate_hz = rate_hz;
        let raw = vec![0.0; resampler.most().0];
        Ok(Self {
            hearing,
            resampler,
            raw,
            drift: Drift::default(),
            counted: None,
            delay_s: 0.0,
            looked_at: 0,
            least_left: usize::MAX,
        })
    }

    pub(super) fn gauge(&self) -> Arc<Gauge> {
        self.hearing.gauge.clone()
    }

    fn samples(&self, time: Duration) -> usize {
        (time.as_secs_f64() * f64::from(self.hearing.rate_hz)) as usize
    }

    fn seconds(&self, samples: usize) -> f64 {
        samples as f64 / f64::from(self.hearing.rate_hz)
    }

    /// Fills a block, where there is enough for one, and says when its first sample was heard.
    fn block(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Option<MediaTime> {
        let raw = &mut self.raw[..self.resampler.takes()];
        self.hearing.samples.pop_entire_slice(raw).ok()?;
        self.resampler.resample(raw, block);
        self.settle();
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
        if self.hearing.samples.slots() <= self.samples(MOST_WAITING) {
            return 0;
        }
        self.begin_anew();
        self.let_go_beyond(LEFT_OVER)
    }

    /// Looks for a while how much was always left over, and lets go of what is too much. A device that gives as much at once
    /// as is taken would leave it there for ever, as delay.
    fn settle(&mut self) {
        if self.looked_at == SETTLES_IN {
            return;
        }
        self.looked_at += 1;
        if self.looked_at > BEGINS_IN {
            self.least_left = self.least_left.min(self.hearing.samples.slots());
        }
        if self.looked_at == SETTLES_IN {
            let too_much = self.least_left.saturating_sub(self.samples(LEFT_OVER));
            if let Ok(chunk) = self.hearing.samples.read_chunk(too_much) {
                chunk.commit_all();
            }
            self.begin_to_count();
        }
    }

    fn begin_anew(&mut self) {
        (self.looked_at, self.least_left) = (0, usize::MAX);
        self.begin_to_count();
    }

    /// What was counted is worth nothing any more.
    fn begin_to_count(&mut self) {
        self.counted = None;
        self.drift.begin_anew();
    }

    /// All but the next block, and so much.
    fn let_go_beyond(&mut self, left_over: Duration) -> u64 {
        let keep = self.resampler.takes() + self.samples(left_over);
        let gone = self.hearing.samples.slots().saturating_sub(keep);
        if let Ok(chunk) = self.hearing.samples.read_chunk(gone) {
            chunk.commit_all();
        }
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
                    live.begin_anew();
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

#[cfg(test)]
mod tests {
    use crate::engine::ring::from_microphone;

    use super::*;

    fn tone(rate_hz: u32, from: usize, samples: usize) -> impl Iterator<Item = f32> {
        let turn = 440.0 * std::f64::consts::TAU / f64::from(rate_hz);
        (from..from + samples).map(move |at| (at as f64 * turn).sin() as f32 * 0.5)
    }

    #[test]
    fn any_rate_and_any_amount_at_once_become_blocks_of_the_same_sound() {
        for (rate, at_once) in [(8_000, 80), (44_100, 1_024), (48_000, 480), (96_000, 333)] {
            let (mut end, hearing) = from_microphone(Arc::default(), Clock::start());
            let mut live = LiveIn::new(hearing, rate).unwrap();
            let (mut at, mut power, mut blocks, mut block) = (0, 0.0, 0, [0.0; SOUND_BLOCK]);
            while at < rate as usize {
                end.hear(at_once, tone(rate, at, at_once), Duration::ZERO);
                at += at_once;
                while live.block(&mut block).is_some() {
                    blocks += 1;
                    power += block.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
                }
            }
            assert!((96..=103).contains(&blocks), "{blocks} blocks of a second at {rate} Hz");
            let level = (power / f64::from(blocks * SOUND_BLOCK as i32) * 2.0).sqrt();
            assert!((level - 0.5).abs() < 0.02, "{level} at {rate} Hz");
        }
    }

    #[test]
    fn what_is_always_left_over_is_let_go_once() {
        let (mut end, hearing) = from_microphone(Arc::default(), Clock::start());
        let mut live = LiveIn::new(hearing, 48_000).unwrap();
        let mut block = [0.0; SOUND_BLOCK];
        end.hear(400, tone(48_000, 0, 400), Duration::ZERO);
        for round in 0..200 {
            end.hear(SOUND_BLOCK, tone(48_000, 400 + round * SOUND_BLOCK, SOUND_BLOCK), Duration::ZERO);
            assert!(live.block(&mut block).is_some());
        }
        let left = live.hearing.samples.slots();
        assert!((80..=110).contains(&left), "{left} samples are left over");
    }

    #[test]
    fn a_device_that_was_held_up_is_not_heard_late() {
        let (mut end, hearing) = from_microphone(Arc::default(), Clock::start());
        let mut live = LiveIn::new(hearing, 48_000).unwrap();
        end.hear(24_000, tone(48_000, 0, 24_000), Duration::ZERO);
        assert!(live.let_go() > 23_000);
        assert!(live.block(&mut [0.0; SOUND_BLOCK]).is_some(), "the newest is there");
        end.hear(100_000, tone(48_000, 0, 100_000), Duration::ZERO);
        assert!(live.hearing.gauge.lacking() > 50_000, "what finds no room is counted");
    }

    #[test]
    fn without_a_device_there_is_silence_by_the_clock() {
        let clock = Clock::start();
        let seat = Arc::<Seat<_>>::default();
        let mut source = SoundIn::new(seat.clone(), clock);
        let (began, mut block) = (clock.now(), [1.0; SOUND_BLOCK]);
        let heard: Vec<_> = (0..5).map(|_| source.read(&mut block).unwrap()).collect();
        assert!(clock.now() - began >= Duration::from_millis(49) && block == [0.0; SOUND_BLOCK]);
        assert!(heard.windows(2).all(|two| two[1].since(two[0]) == SOUND_BLOCK_TIME));
        drop(source);
        assert!(seat.is_left());
    }
}
