//! What a window sees and hears of the media: the newest picture of theirs and of ours, and how loud it is.
//!
//! [`OnGlass`] stands between the engine and whoever makes the ends of media. What goes through it in either direction is
//! shown here as well: pictures are shared, not copied, and of sound only its level is kept. So neither the media threads
//! nor the adapters know that there is a window.
//!
//! The newest picture wins: a window that is busy or hidden misses some, and nothing waits for it. What else there is to be
//! seen comes along with their next picture while these come often enough: a window that is drawn anew for each of our own
//! and for each move of a meter as well is drawn four times for one picture of theirs.

mod level;
mod preview;
mod taps;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use crate::media::frame::Frame;

pub use level::Level;
pub(super) use preview::Preview;
pub use taps::OnGlass;

/// Wakes the window.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// Where media and a window meet. Everything in it can be done from any thread, and nothing waits.
#[derive(Default)]
pub struct Glass {
    theirs: Slot,
    ours: Slot,
    /// How loud it is.
    pub meters: Meters,
    wake: Mutex<Option<Arc<Wake>>>,
    /// The window was woken and has not looked yet.
    woken: AtomicBool,
    /// How much may still wait for their next picture.
    rides: AtomicU32,
}

/// So much waits for their next picture, a few hundredths of a second long; what comes then wakes the window by itself.
const MOST_RIDES: u32 = 4;

/// What happened to a picture since the last look.
#[derive(Clone, Debug)]
pub enum PictureNews {
    /// Nothing: what was seen is still to be seen.
    Same,
    /// There is none any more.
    Gone,
    /// This is the newest.
    New(Frame),
}

/// How loud it is on both sides.
#[derive(Debug, Default)]
pub struct Meters {
    /// What the microphone hears, before anything is done to it, muted or not.
    pub microphone: Meter,
    /// What is played of their sound.
    pub theirs: Meter,
}

/// How loud one sound is.
#[derive(Debug, Default)]
pub struct Meter {
    now: AtomicU32,
    peak: AtomicU32,
    /// Somebody has looked since it was last said that it moved.
    looked: AtomicBool,
}

#[derive(Default)]
struct Slot(Mutex<Content>);

#[derive(Default)]
enum Content {
    #[default]
    Same,
    Gone,
    New(Frame),
}

impl Glass {
    /// From now on whatever is new wakes the window so: once, until it looks.
    pub fn wake_by(&self, wake: Wake) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(wake));
        self.woken.store(false, Ordering::Release);
    }

    /// What is new of their picture.
    pub fn theirs(&self) -> PictureNews {
        self.look(&self.theirs)
    }

    /// What is new of our own picture.
    pub fn ours(&self) -> PictureNews {
        self.look(&self.ours)
    }

    /// Before the look, not after it: what comes in between wakes once too often and not never.
    fn look(&self, slot: &Slot) -> PictureNews {
        self.woken.store(false, Ordering::Release);
        match std::mem::take(&mut *slot.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            Content::Same => PictureNews::Same,
            Content::Gone => PictureNews::Gone,
            Content::New(frame) => PictureNews::New(frame),
        }
    }

    fn put(&self, slot: &Slot, content: Content) {
        let overtaken =
            std::mem::replace(&mut *slot.0.lock().unwrap_or_else(PoisonError::into_inner), content);
        drop(overtaken);
    }

    fn show_theirs(&self, frame: &Frame) {
        self.rides.store(MOST_RIDES, Ordering::Relaxed);
        self.put(&self.theirs, Content::New(frame.clone()));
        self.wake();
    }

    fn show_ours(&self, frame: &Frame) {
        self.put(&self.ours, Content::New(frame.clone()));
        self.come_along();
    }

    fn no_picture_of_theirs(&self) {
        self.rides.store(0, Ordering::Relaxed);
        self.put(&self.theirs, Content::Gone);
        self.wake();
    }

    fn no_picture_of_ours(&self) {
        self.put(&self.ours, Content::Gone);
        self.wake();
    }

    /// Wakes the window, unless their next picture will.
    fn come_along(&self) {
        let ride =
            self.rides.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rides| rides.checked_sub(1));
        if ride.is_err() {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            // Not under the lock: whoever is woken may do as it likes.
            let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(wake) = wake {
                wake();
            }
        }
    }
}

impl Meter {
    /// How loud it is now, from 0 for silence to 1 for as loud as it goes.
    pub fn now(&self) -> f32 {
        self.looked.store(true, Ordering::Relaxed);
        f32::from_bits(self.now.load(Ordering::Relaxed))
    }

    /// How loud it was at most, a moment ago.
    pub fn peak(&self) -> f32 {
        self.looked.store(true, Ordering::Relaxed);
        f32::from_bits(self.peak.load(Ordering::Relaxed))
    }

    fn set(&self, level: &Level) {
        self.now.store(level.now().to_bits(), Ordering::Relaxed);
        self.peak.store(level.peak().to_bits(), Ordering::Relaxed);
    }

    fn take_looked(&self) -> bool {
        self.looked.swap(false, Ordering::Relaxed)
    }
}

impl fmt::Debug for Glass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Glass").field("meters", &self.meters).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
