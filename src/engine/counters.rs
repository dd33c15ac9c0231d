//! What the media threads count, for whoever asks.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::logic::{
    report::{Counters, PictureCounts, SoundCounts, SoundEdge},
    units::MediaTime,
};

use super::heard_clock::HeardClock;

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

/// A number that changes, from one thread to another.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// It is so much now.
    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// How much it is.
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
            /// The first picture of theirs was shown.
            pub first_picture: Once,
            /// The first beat of their sound was due, whatever it played.
            pub sound_began: Once,
            /// The first sound of theirs was played.
            pub first_sound: Once,
            /// Which of their sound is heard when.
            pub heard: HeardClock,
            /// How many of a hundred of their packets of sound got lost of late.
            pub sound_lost_percent: Gauge,
            pictures: Mutex<PictureCounts>,
            sound: Mutex<SoundCounts>,
            microphone: Mutex<Option<SoundEdge>>,
            speaker: Mutex<Option<SoundEdge>>,
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
    audio_packets_received,
    packets_overrun,
    relay_packets_dropped,
);

impl Tally {
    /// How it stands with their pictures.
    pub fn pictures(&self) -> PictureCounts {
        *self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands with their pictures, from the thread that knows.
    pub fn set_pictures(&self, counts: PictureCounts) {
        *self.pictures.lock().unwrap_or_else(PoisonError::into_inner) = counts;
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
