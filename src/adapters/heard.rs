//! When something last came. Written for each packet, and read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::logic::units::MediaTime;

/// See the head of this file. Zero stands for never.
#[derive(Debug, Default)]
pub(super) struct Heard {
    micros: AtomicU64,
}

impl Heard {
    pub(super) fn note(&self, at: MediaTime) {
        self.micros.store(at.as_micros(), Ordering::Relaxed);
    }

    pub(super) fn last(&self) -> Option<MediaTime> {
        let micros = self.micros.load(Ordering::Relaxed);
        (micros != 0).then_some(MediaTime(micros))
    }
}
