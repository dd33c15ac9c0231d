//! What the media threads count, for whoever asks.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::logic::{
    adapt::Plan,
    latency::{Latency, LatencyReport, Recent, Step},
    report::{Counters, PictureCounts, Sending, SoundCounts, SoundEdge},
    units::MediaTime,
};

use super::heard_clock::HeardClock;

/// How many changes of our pictures are written down; a call that changes more often keeps its first ones.
const MOST_PLANS: usize = 1000;

/// A number that only grows, from any thread.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A moment that happens once.
#[derive(Debug, Default)]
pub struct Once(AtomicU64);

impl Once {
    /// Now, unless it was before.
    pub fn mark(&self, at: MediaTime) {
        self.0.compare_exchange(0, at.as_micros(), Ordering::Relaxed, Ordering::Relaxed).ok();
    }

    /// When it was.
    pub fn get(&self) -> Option<MediaTime> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            at => Some(MediaTime(at)),
        }
    }
}

macro_rules! tally {
    ($($name:ident),* $(,)?) => {
        /// Everything that is counted in a call; see [`Counters`] for what each means.
        #[derive(Debug, Default)]
        pub struct Tally {
            $(#[doc = concat!("See [`Counters::", stringify!($name), "`].")] pub $name: Count,)*
            /// Bytes that left by sockets and streams, of all legs together.
            pub wire_sent: Count,
            /// Bytes that came by them.
            pub wire_received: Count,
            /// The first picture of theirs was shown.
            pub first_picture: Once,
            /// The first beat of their sound was due, whatever it played.
            pub sound_began: Once,
            /// The first sound of theirs was played.
            pub first_sound: Once,
            sending: Mutex<Option<Sending>>,
            plans: Mutex<Vec<(MediaTime, Plan)>>,
            /// Which of their sound is heard when.
            pub heard: HeardClock,
            pictures: Mutex<PictureCounts>,
            sound: Mutex<SoundCounts>,
            microphone: Mutex<Option<SoundEdge>>,
            speaker: Mutex<Option<SoundEdge>>,
            latency: Mutex<Latency>,
            /// In microseconds; nought until it is known.
            round_trip: AtomicU64,
            their_camera_off: AtomicBool,
            /// Width and height of their picture; nought until one is shown.
            their_size: AtomicU32,
        }

        impl Tally {
            /// How it stands.
            pub fn counters(&self) -> Counters {
                Counters { $($name: self.$name.get(),)* }
            }
        }
    };
}

tally!(
    frames_captured,
    frames_overtaken,
    frames_left_out,
    frames_sent,
    key_frames_sent,
    key_frames_asked_of_us,
    video_packets_sent,
    video_bytes_sent,
    packets_not_taken,
    video_packets_received,
    video_bytes_received,
    frames_received,
    frames_shown,
    frames_undecodable,
    audio_packets_sent,
    audio_bytes_sent,
    audio_packets_received,
    audio_bytes_received,
    packets_overrun,
    relay_packets_dropped,
);

impl Tally {
    /// How our pictures are sent at present.
    pub fn sending(&self) -> Option<Sending> {
        *self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How our pictures are sent at present, from the thread that knows, and what the path has room for.
    pub fn set_sending(&self, plan: Plan, target_bps: u32) {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        *sending = Some(Sending { plan, target_bps });
    }

    /// How our pictures were sent, and from when on.
    pub fn plans(&self) -> Vec<(MediaTime, Plan)> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on our pictures are sent so.
    pub fn note_plan(&self, at: MediaTime, plan: Plan) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() < MOST_PLANS {
            plans.push((at, plan));
        }
    }

    /// The changes of our pictures after so many.
    pub fn plans_after(&self, known: usize) -> Vec<(MediaTime, Plan)> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.get(known..).unwrap_or_default().to_vec()
    }

    /// Their picture as it was shown last: width and height.
    pub fn their_size(&self) -> Option<(u16, u16)> {
        let size = self.their_size.load(Ordering::Relaxed);
        (size != 0).then_some(((size >> 16) as u16, size as u16))
    }

    /// Their picture is shown with so many pixels.
    pub fn set_their_size(&self, width: usize, height: usize) {
        let pixels = |count: usize| u32::from(u16::try_from(count).unwrap_or(u16::MAX));
        self.their_size.store(pixels(width) << 16 | pixels(height), Ordering::Relaxed);
    }

    /// How it stands with their pictures.
    pub fn pictures(&self) -> PictureCounts {
        *self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands with their pictures, from the thread that knows.
    pub fn set_pictures(&self, counts: PictureCounts) {
        *self.pictures.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// How long it takes there and back now, where that is known.
    pub fn round_trip(&self) -> Option<Duration> {
        let micros = self.round_trip.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    /// How long it takes there and back now.
    pub fn set_round_trip(&self, round_trip: Duration) {
        let micros = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
        self.round_trip.store(micros.max(1), Ordering::Relaxed);
    }

    /// Whether no picture of theirs is meant to come.
    pub fn is_their_camera_off(&self) -> bool {
        self.their_camera_off.load(Ordering::Relaxed)
    }

    /// Whether no picture of theirs is meant to come.
    pub fn set_their_camera_off(&self, off: bool) {
        self.their_camera_off.store(off, Ordering::Relaxed);
    }

    /// A picture took so long for that.
    pub fn took(&self, step: Step, time: Duration) {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).add(step, time);
    }

    /// How long pictures took.
    pub fn latency(&self) -> LatencyReport {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).report()
    }

    /// How long pictures took since this was last asked.
    pub fn take_recent(&self) -> Recent {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).take_recent()
    }

    /// How it stands with their sound.
    pub fn sound(&self) -> SoundCounts {
        *self.sound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the microphone and the speaker do, where they are devices.
    pub fn edges(&self) -> (Option<SoundEdge>, Option<SoundEdge>) {
        let read = |edge: &Mutex<Option<SoundEdge>>| *edge.lock().unwrap_or_else(PoisonError::into_inner);
        (read(&self.microphone), read(&self.speaker))
    }

    /// How the microphone does, from the thread that knows.
    pub fn set_microphone(&self, edge: Option<SoundEdge>) {
        *self.microphone.lock().unwrap_or_else(PoisonError::into_inner) = edge;
    }

    /// How the speaker does, from the thread that knows.
    pub fn set_speaker(&self, edge: Option<SoundEdge>) {
        *self.speaker.lock().unwrap_or_else(PoisonError::into_inner) = edge;
    }

    /// How it stands with their sound, from the thread that knows.
    pub fn set_sound(&self, counts: SoundCounts) {
        *self.sound.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}
