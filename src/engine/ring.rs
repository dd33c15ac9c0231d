//! Between a device's callback and a sound thread: a ring of samples, some numbers, and a bell.
//!
//! A callback runs in the system's time, not in ours: it copies, counts and rings, and does nothing that could make it wait.
//! Rings are made new for each stream that is opened, so what a dying stream still does touches nothing of the next.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    thread::Thread,
    time::Duration,
};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::logic::devices::Cause;

use super::clock::Clock;

/// Samples of a device on their way: a quarter of a second at the highest usual rate, a second at the usual one. When it is
/// full, what a microphone hears more is dropped and counted; a speaker is never given so much.
const RING: usize = 48_000;

/// Wakes a sound thread without waiting for anything.
#[derive(Debug, Default)]
pub struct Bell(OnceLock<Thread>);

impl Bell {
    /// It rings for the thread that calls this, and for no other afterwards.
    pub(super) fn hang_here(&self) {
        self.0.get_or_init(std::thread::current);
    }

    fn ring(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

/// What a stream does, in numbers that anybody may read at any time.
#[derive(Debug, Default)]
pub struct Gauge {
    called_us: AtomicU64,
    called_for: AtomicU32,
    delay_us: AtomicU32,
    lacking: AtomicU64,
    errors: AtomicU64,
    fatal: AtomicU8,
}

impl Gauge {
    /// When the callback last ran, on the media clock; 0 before its first time.
    pub(super) fn called_us(&self) -> u64 {
        self.called_us.load(Ordering::Acquire)
    }

    /// Frames that it took or gave then.
    pub(super) fn called_for(&self) -> usize {
        self.called_for.load(Ordering::Relaxed) as usize
    }

    /// How long sound takes between the air and the callback, as the device says.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_micros(self.delay_us.load(Ordering::Relaxed).into())
    }

    /// Frames that were not there for the speaker, or found no room from the microphone.
    pub(super) fn lacking(&self) -> u64 {
        self.lacking.load(Ordering::Relaxed)
    }

    /// Errors since the callback last ran.
    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Why it cannot go on, where the device said so.
    pub(super) fn fatal(&self) -> Option<Cause> {
        match self.fatal.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Cause::Unplugged),
            2 => Some(Cause::Busy),
            3 => Some(Cause::Forbidden),
            _ => Some(Cause::Silent),
        }
    }

    fn called(&self, now_us: u64, frames: usize, lacking: usize, delay: Duration) {
        self.lacking.fetch_add(lacking as u64, Ordering::Relaxed);
        self.called_for.store(frames as u32, Ordering::Relaxed);
        self.delay_us.store(u32::try_from(delay.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.errors.store(0, Ordering::Relaxed);
        self.called_us.store(now_us, Ordering::Release);
    }
}

/// Takes what a device says of its errors, which can be thousands a second. Never waits, writes or allocates.
#[derive(Clone, Debug)]
pub struct Complaints(Arc<Gauge>);

impl Complaints {
    /// Something went wrong that the device may get over.
    pub fn note(&self) {
        self.0.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// It is over.
    pub fn fatal(&self, cause: &Cause) {
        let code = match cause {
            Cause::Unplugged | Cause::Absent => 1,
            Cause::Busy => 2,
            Cause::Forbidden => 3,
            Cause::Silent | Cause::Broken(_) => 4,
        };
        self.0.fatal.store(code, Ordering::Relaxed);
    }
}

/// The end of a microphone's callback.
pub struct MicrophoneEnd {
    samples: Producer<f32>,
    gauge: Arc<Gauge>,
    bell: Arc<Bell>,
    clock: Clock,
}

impl MicrophoneEnd {
    /// These were heard, one sample for each frame, the last of them that long ago. Never waits, locks or allocates.
    pub fn hear(&mut self, frames: usize, samples: impl Iterator<Item = f32>, delay: Duration) {
        let room = frames.min(self.samples.slots());
        let taken = self.samples.write_chunk_uninit(room).map_or(0, |chunk| chunk.fill_from_iter(samples));
        self.gauge.called(self.clock.media_now().as_micros(), frames, frames - taken, delay);
        self.bell.ring();
    }

    /// Where the device's errors go.
    pub fn complaints(&self) -> Complaints {
        Complaints(self.gauge.clone())
    }
}

/// The end of a speaker's callback.
pub struct SpeakerEnd {
    samples: Consumer<f32>,
    gauge: Arc<Gauge>,
    bell: Arc<Bell>,
    clock: Clock,
    begun: Arc<AtomicBool>,
}

impl SpeakerEnd {
    /// So many are to be played, and the first will be heard that long from now: `put` gets them one after the other, with
    /// silence where there are none. Never waits, locks or allocates.
    pub fn play(&mut self, frames: usize, delay: Duration, mut put: impl FnMut(f32)) {
        let there = frames.min(self.samples.slots());
        if let Ok(chunk) = self.samples.read_chunk(there) {
            chunk.into_iter().for_each(&mut put);
        }
        (there..frames).for_each(|_| put(0.0));
        // Before the first sound it is not the sound that is late.
        let lacking = if self.begun.load(Ordering::Relaxed) { frames - there } else { 0 };
        self.gauge.called(self.clock.media_now().as_micros(), frames, lacking, delay);
        self.bell.ring();
    }

    /// Where the device's errors go.
    pub fn complaints(&self) -> Complaints {
        Complaints(self.gauge.clone())
    }
}

/// What `audio-send` holds of a microphone that is open.
pub(super) struct Hearing {
    pub(super) samples: Consumer<f32>,
    pub(super) gauge: Arc<Gauge>,
    pub(super) rate_hz: u32,
}

/// What `audio-recv` holds of a speaker that is open.
pub(super) struct Playing {
    pub(super) samples: Producer<f32>,
    pub(super) gauge: Arc<Gauge>,
    pub(super) rate_hz: u32,
    begun: Arc<AtomicBool>,
}

impl Playing {
    /// From now on what is lacking counts.
    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Samples that wait to be played.
    pub(super) fn waiting(&self) -> usize {
        RING.saturating_sub(self.samples.slots())
    }
}

/// A ring from a microphone; the rate is known when it is open.
pub(super) fn from_microphone(bell: Arc<Bell>, clock: Clock) -> (MicrophoneEnd, Hearing) {
    let (producer, samples) = RingBuffer::new(RING);
    let gauge = Arc::<Gauge>::default();
    let end = MicrophoneEnd { samples: producer, gauge: gauge.clone(), bell, clock };
    (end, Hearing { samples, gauge, rate_hz: 0 })
}

/// A ring to a speaker; the rate is known when it is open.
pub(super) fn to_speaker(bell: Arc<Bell>, clock: Clock) -> (SpeakerEnd, Playing) {
    let (samples, consumer) = RingBuffer::new(RING);
    let (gauge, begun) = (Arc::<Gauge>::default(), Arc::<AtomicBool>::default());
    let end = SpeakerEnd { samples: consumer, gauge: gauge.clone(), bell, clock, begun: begun.clone() };
    (end, Playing { samples, gauge, rate_hz: 0, begun })
}
