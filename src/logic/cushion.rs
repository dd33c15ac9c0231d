//! How much sound waits for the speaker beyond what it takes at once: little, and more only where little was not enough.

use std::time::{Duration, Instant};

/// To begin with, and the least.
const LEAST: Duration = Duration::from_millis(4);
/// More would be heard as delay, and then it is better to hear a gap now and then.
const MOST: Duration = Duration::from_millis(60);
/// What is added when the speaker had to do without.
const STEP: Duration = Duration::from_millis(4);
/// Gaps within this are one: whoever was held up once is not held up thrice.
const ONE_GAP: Duration = Duration::from_millis(200);
/// After so long without a gap a little less is tried.
const CALM: Duration = Duration::from_secs(20);
/// How much less.
const BACK: Duration = Duration::from_millis(1);

/// Decides on it.
#[derive(Clone, Copy, Debug)]
pub struct Cushion {
    time: Duration,
    changed: Instant,
}

impl Cushion {
    /// The least.
    pub fn new(now: Instant) -> Self {
        Self { time: LEAST, changed: now }
    }

    /// How it went since the last time.
    pub fn handle(&mut self, had_to_do_without: bool, now: Instant) {
        let since = now.saturating_duration_since(self.changed);
        if had_to_do_without && since >= ONE_GAP {
            (self.time, self.changed) = ((self.time + STEP).min(MOST), now);
        } else if !had_to_do_without && since >= CALM {
            (self.time, self.changed) = (self.time.saturating_sub(BACK).max(LEAST), now);
        }
    }

    /// How much.
    pub fn time(&self) -> Duration {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_make_it_grow_to_a_limit_and_calm_makes_it_shrink() {
        let mut now = Instant::now();
        let mut cushion = Cushion::new(now);
        let mut wait = |cushion: &mut Cushion, gap, wait| {
            now += wait;
            cushion.handle(gap, now);
            cushion.time()
        };
        assert_eq!(wait(&mut cushion, true, Duration::from_millis(10)), LEAST, "the start is no gap");
        assert_eq!(wait(&mut cushion, true, ONE_GAP), LEAST + STEP);
        assert_eq!(wait(&mut cushion, true, Duration::from_millis(10)), LEAST + STEP, "the same gap");
        for _ in 0..100 {
            wait(&mut cushion, true, ONE_GAP);
        }
        assert_eq!(cushion.time(), MOST);
        assert_eq!(wait(&mut cushion, false, CALM), MOST - BACK);
        for _ in 0..100 {
            wait(&mut cushion, false, CALM);
        }
        assert_eq!(cushion.time(), LEAST);
    }
}
