//! The one place that reads the time.
#![cfg_attr(not(test), expect(clippy::disallowed_methods, reason = "the one place"))]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::logic::units::MediaTime;

/// A clock that runs evenly from its start and knows what the calendar said then.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_unix: Duration,
}

impl Clock {
    /// Starts.
    pub fn start() -> Self {
        let started_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_unix }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// Now, on the media clock.
    pub fn media_now(&self) -> MediaTime {
        self.media(Instant::now())
    }

    /// Now, in milliseconds since 1970.
    pub fn unix_ms(&self) -> u64 {
        self.media_now().as_micros() / 1000
    }

    /// Now, in milliseconds since 1970, as the calendar has it: it may be set, and goes on while the computer sleeps.
    pub fn calendar_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// A moment on the media clock.
    pub fn media(&self, at: Instant) -> MediaTime {
        MediaTime(0) + self.started_unix + at.saturating_duration_since(self.started)
    }

    /// A moment on the media clock, as this computer's clock has it.
    pub fn instant(&self, at: MediaTime) -> Instant {
        self.started + at.since(MediaTime(0) + self.started_unix)
    }

    /// Lets the thread rest until then.
    pub fn sleep_until(&self, at: Instant) {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
    }

    /// A beat that begins now.
    pub fn beat(&self, every: Duration) -> Beat {
        Beat { clock: *self, every, due: self.now() }
    }
}

/// After a pause of the whole program (sleep, a debugger) a beat starts anew instead of catching up.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(1);

/// An even beat: whoever is late for it is not kept waiting until it has caught up.
#[derive(Debug)]
pub struct Beat {
    clock: Clock,
    every: Duration,
    due: Instant,
}

impl Beat {
    /// Waits for the next beat, and says when it was due.
    pub fn wait(&mut self) -> Instant {
        self.clock.sleep_until(self.due);
        let (now, due) = (self.clock.now(), self.due);
        let next = due + self.every;
        self.due = if now.saturating_duration_since(next) > LONGEST_CATCH_UP { now } else { next };
        due
    }
}
