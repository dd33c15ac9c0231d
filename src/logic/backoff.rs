//! When to try again: soon at first, then less and less often, and never all at the same moment.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// Counts attempts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after another failure. `dice` is a random number from 0 to 1; it shortens the pause by up to half,
    /// so that clients that lost the same server do not come back together.
    pub fn pause(&mut self, dice: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(8));
        self.failures += 1;
        doubled.min(LONGEST).mul_f64(1.0 - dice.clamp(0.0, 1.0) / 2.0)
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9).map(|_| backoff.pause(0.0)).collect();
        assert!(pauses.is_sorted() && pauses[0] == FIRST && pauses[8] == LONGEST);
        assert_eq!(backoff.pause(1.0), LONGEST / 2);
        backoff.reset();
        assert_eq!(backoff.pause(0.0), FIRST);
    }
}
