//! Which of their sound is heard when, for whoever shows a picture beside it.
//!
//! One number carries both halves, so that nobody reads one of them old and the other new, and nobody waits: the RTP
//! timestamp, and the microseconds of the media clock as far as they fit, which is 71 minutes. Whoever reads knows about what
//! time it is.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::logic::units::MediaTime;

/// This sample of theirs is heard at that time, and those after it as they follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// On the scale of their sound: 48 000 a second.
    pub rtp_timestamp: u32,
    /// When, by our clock.
    pub at: MediaTime,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct HeardClock(AtomicU64);

/// Nothing of theirs is heard. The moment that looks the same is told as the one of a microsecond later.
const NOTHING: u64 = 0;

impl HeardClock {
    /// From the thread that plays.
    pub fn set(&self, heard: Option<Heard>) {
        let both = heard.map_or(NOTHING, |Heard { rtp_timestamp, at }| {
            (u64::from(rtp_timestamp) << 32 | at.as_micros() & u64::from(u32::MAX)).max(NOTHING + 1)
        });
        self.0.store(both, Ordering::Relaxed);
    }

    /// What was told last, where it is no longer ago (or ahead) than half an hour.
    pub fn get(&self, now: MediaTime) -> Option<Heard> {
        match self.0.load(Ordering::Relaxed) {
            NOTHING => None,
            both => {
                let since = (both as u32).wrapping_sub(now.as_micros() as u32).cast_signed();
                let at = MediaTime(now.as_micros().saturating_add_signed(i64::from(since)));
                Some(Heard { rtp_timestamp: (both >> 32) as u32, at })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_around_any_turn_of_the_numbers() {
        let clock = HeardClock::default();
        assert_eq!(clock.get(MediaTime(1)), None);
        for at in [1_763_700_000_000_000, u64::from(u32::MAX), u64::from(u32::MAX) + 1, 5_000_000] {
            for off in [-1_000_000_i64, -1, 0, 40_000] {
                let heard = Heard { rtp_timestamp: 77, at: MediaTime(at) };
                clock.set(Some(heard));
                assert_eq!(clock.get(MediaTime(at.strict_add_signed(off))), Some(heard), "{at} {off}");
            }
        }
        clock.set(None);
        assert_eq!(clock.get(MediaTime(1)), None);
    }
}
