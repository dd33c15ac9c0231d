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
    media::{SAMPLE_RATE_HZ, resample::Resampler},
};

use super::{
    clock::Clock,
    ports::{SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSink},
    reference::ReferenceIn,
    ring::{Gauge, Playing},
    seat::Seat,
};

/// A device that took nothing for so long stands still; the clock goes on in its place.
const STANDS_STILL: Duration = Duration::from_millis(80);
/// How long to sleep at most: whoever plays looks in between whether to go on.
const NAP: Duration = Duration::from_millis(10);
/// How many blocks it is looked what is left when the device comes for more.
const SETTLES_IN: u32 = 100;
/// The first of them say nothing: the ring was just empty.
const BEGINS_IN: u32 = 20;
/// Less is not worth a skip in the sound.
const WORTH_A_SKIP: Duration = Duration::from_millis(2);
/// No more silence than this is told at once, in samples of a device: whoever listens has forgotten by then what was before.
const MOST_SILENCE_TOLD: u64 = 24_000;
/// How far the beat may lag behind before it starts anew.
const MOST_BEHIND: Duration = Duration::from_millis(40);

/// A speaker that comes and goes.
pub struct SoundOut {
    seat: Arc<Seat<Box<LiveOut>>>,
    clock: Clock,
    live: Option<Box<LiveOut>>,
    /// Where it is told what is really played: what a device had to do without is silence, and what it did not take is
    /// not told at all.
    reference: Option<ReferenceIn>,
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
    /// Blocks since the device began, or had to do without.
    looked_at: u32,
    /// The least that was left in their time.
    least_left: usize,
}

impl LiveOut {
    pub(super) fn new(mut playing: Playing, rate_hz: u32, clock: Clock) -> Result<Self, Cause> {
        let resampler = Resampler::to_device(rate_hz).map_err(|error| Cause::Broken(error.to_string()))?;
        playing.rate_hz = rate_hz;
        let raw = vec![0.0; resampler.most().1];
        let cushion = Cushion::new(clock.now());
        Ok(Self {
            playing,
            resampler,
            raw,
            cushion,
            drift: Drift::default(),
            counted: None,
            lacking: 0,
            looked_at: 0,
            least_left: usize::MAX,
        })
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

    /// What should wait: what it takes next, and the cushion.
    fn enough(&self) -> usize {
        let cushion = self.cushion.time().as_secs_f64() * f64::from(self.playing.rate_hz);
        let at_once = match self.playing.gauge.called_for() {
            0 => self.playing.rate_hz as usize / 100,
            frames => frames.min(self.playing.rate_hz as usize / 10),
        };
        at_once + cushion as usize
    }

    /// How long it takes until what is taken now is heard.
    fn delay(&self) -> Duration {
        Duration::from_secs_f64(self.seconds(self.playing.waiting())) + self.playing.gauge.delay()
    }

    fn runs_low(&self) -> bool {
        self.playing.waiting() < self.enough()
    }

    fn take(&mut self, block: &[f32; SOUND_BLOCK]) {
        let made = self.resampler.resample(block, &mut self.raw);
        let skipped = self.settle().min(made);
        if self.counted.is_none() {
            self.drift.begin_anew();
        }
        self.playing.samples.push_entire_slice(&self.raw[skipped..made]).ok();
        self.playing.begin();
        let passed = SOUND_BLOCK_TIME.as_secs_f64();
        let taken_by_us = self.playing.gauge.called_us() as f64 + self.seconds(self.playing.waiting()) * 1e6;
        let (since, blocks) = self.counted.unwrap_or((taken_by_us, 0));
        let ahead = blocks as f64 * passed - (taken_by_us - since) / 1e6;
        let agrees = self.drift.handle(ahead, passed);
        self.counted = agrees.then_some((since, blocks + 1));
        self.resampler.steer(self.drift.ratio());
    }

    /// Looks for a while how much was always left, and says how much of it is too much. Blocks and what a device takes are
    /// often of one length, and then what is left by chance in the beginning would be left for ever, as delay.
    fn settle(&mut self) -> usize {
        if self.looked_at == SETTLES_IN {
            return 0;
        }
        self.looked_at += 1;
        if self.looked_at > BEGINS_IN {
            self.least_left = self.least_left.min(self.playing.waiting());
        }
        let cushion = (self.cushion.time().as_secs_f64() * f64::from(self.playing.rate_hz)) as usize;
        let too_much = self.least_left.saturating_sub(cushion);
        if self.looked_at < SETTLES_IN || self.seconds(too_much) < WORTH_A_SKIP.as_secs_f64() {
            return 0;
        }
        self.counted = None;
        too_much
    }

    fn begin_to_settle(&mut self) {
        (self.looked_at, self.least_left, self.counted) = (0, usize::MAX, None);
    }

    /// Samples of the device that it had to do without since the last time.
    fn take_lacking(&mut self) -> u64 {
        let lacking = self.playing.gauge.lacking();
        lacking - std::mem::replace(&mut self.lacking, lacking)
    }
}

impl SoundOut {
    pub(super) fn new(seat: Arc<Seat<Box<LiveOut>>>, clock: Clock) -> Self {
        Self {
            seat,
            clock,
            live: None,
            reference: None,
            wanted: clock.now(),
            by_clock: 0,
            dropped: 0,
            gaps: 0,
        }
    }

    /// Whether a device is there that would take a block now.
    pub(super) fn has_room(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.runs_low())
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
            live.begin_to_settle();
        }
        live.cushion.handle(lacking > 0, self.clock.now());
        if live.runs_low() {
            if let Some(reference) = &mut self.reference {
                let silence = lacking.min(MOST_SILENCE_TOLD) * u64::from(SAMPLE_RATE_HZ);
                let mut silence = (silence / u64::from(live.playing.rate_hz.max(1))) as usize;
                while silence > 0 {
                    let now = silence.min(SOUND_BLOCK);
                    reference.played(&[0.0; SOUND_BLOCK][..now], Duration::ZERO);
                    silence -= now;
                }
                reference.played(block, live.delay());
            }
            live.take(block);
        } else {
            self.dropped += 1;
            live.begin_to_settle();
        }
    }

    fn delay(&self) -> Duration {
        self.live.as_ref().map_or(Duration::ZERO, |live| live.delay())
    }

    fn tap(&mut self, reference: ReferenceIn) -> Option<ReferenceIn> {
        self.reference = Some(reference);
        None
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

#[cfg(test)]
mod tests {
    use crate::engine::ring::{SpeakerEnd, to_speaker};

    use super::*;

    fn speaker(rate_hz: u32) -> (SpeakerEnd, SoundOut) {
        let clock = Clock::start();
        let (end, playing) = to_speaker(Arc::default(), clock);
        let mut out = SoundOut::new(Arc::default(), clock);
        out.live = Some(Box::new(LiveOut::new(playing, rate_hz, clock).unwrap()));
        (end, out)
    }

    fn wants(out: &SoundOut) -> bool {
        out.live.as_ref().is_some_and(|live| live.runs_low())
    }

    #[test]
    fn what_a_device_takes_at_once_is_there_and_little_more() {
        for (rate, at_once) in [(8_000, 80), (44_100, 441), (48_000, 480), (48_000, 1_024), (96_000, 960)] {
            let (mut end, mut out) = speaker(rate);
            let (mut silent, mut played) = (0, 0);
            for round in 0..300 {
                end.play(at_once, Duration::ZERO, |sample| {
                    played += 1;
                    silent += usize::from(round > 0 && sample == 0.0);
                });
                while wants(&out) {
                    out.play(&[0.5; SOUND_BLOCK]);
                }
                let waits_ms = out.delay().as_secs_f64() * 1e3;
                let takes_ms = at_once as f64 / f64::from(rate) * 1e3;
                assert!(waits_ms < takes_ms + 14.5, "{waits_ms:.1} ms wait for {at_once} at {rate} Hz");
            }
            assert_eq!((silent, played), (0, 300 * at_once), "at {rate} Hz");
            assert_eq!(out.figures().unwrap().gaps, 0);
        }
    }

    #[test]
    fn what_is_always_left_is_skipped_once() {
        let (mut end, mut out) = speaker(48_000);
        for round in 0..300 {
            while wants(&out) {
                out.play(&[0.5; SOUND_BLOCK]);
            }
            end.play(if round == 0 { 200 } else { 480 }, Duration::ZERO, |_| ());
        }
        let left = out.live.as_ref().unwrap().playing.waiting();
        assert!(left < 300, "{left} samples were left when the device had taken its own");
    }

    #[test]
    fn a_gap_is_counted_and_makes_the_cushion_grow() {
        let (mut end, mut out) = speaker(48_000);
        end.play(480, Duration::ZERO, |sample| assert_eq!(sample, 0.0));
        assert_eq!(out.figures().unwrap().gaps, 0, "before the first sound nothing is late");
        while wants(&out) {
            out.play(&[0.5; SOUND_BLOCK]);
        }
        end.play(4_800, Duration::ZERO, |_| ());
        out.play(&[0.5; SOUND_BLOCK]);
        assert_eq!(out.figures().unwrap().gaps, 1);
    }

    #[test]
    fn what_is_really_played_is_told_and_a_gap_is_silence() {
        let (mut end, mut out) = speaker(48_000);
        let (played, mut heard) = crate::engine::reference::pair();
        assert!(out.tap(played).is_none());
        let mut told = [0.0; SOUND_BLOCK];
        while wants(&out) {
            out.play(&[0.5; SOUND_BLOCK]);
        }
        heard.next(&mut told);
        assert_eq!(told, [0.5; SOUND_BLOCK]);
        let waits = out.live.as_ref().unwrap().playing.waiting();
        end.play(waits + SOUND_BLOCK, Duration::ZERO, |_| ());
        out.play(&[0.25; SOUND_BLOCK]);
        let told: Vec<f32> = (0..3)
            .map(|_| {
                heard.next(&mut told);
                told[0]
            })
            .collect();
        assert_eq!(told, [0.5, 0.0, 0.25]);
        out.live = None;
        out.play(&[0.5; SOUND_BLOCK]);
        heard.next(&mut [0.0; SOUND_BLOCK]);
        assert_eq!(heard.counts().missing, 1, "what nobody plays is not told");
    }

    #[test]
    fn without_a_device_blocks_are_wanted_by_the_clock() {
        let clock = Clock::start();
        let mut out = SoundOut::new(Arc::default(), clock);
        let began = clock.now();
        for _ in 0..5 {
            out.wait();
            out.play(&[0.5; SOUND_BLOCK]);
        }
        assert!(clock.now() - began >= Duration::from_millis(49));
        assert_eq!(out.delay(), Duration::ZERO);
    }
}
