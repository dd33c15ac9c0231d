//! So much a second for long, and a second's worth at once after a silence.
//!
//! One moment is all it remembers (the "generic cell rate algorithm"): until when what came so far is paid for. Whoever
//! owes less than a second's worth may have one more, however large: so a packet longer than a second's worth is late
//! for the next, not lost for ever.

use std::time::{Duration, Instant};

const MOST_OWED: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    per_second: u64,
}

impl Rate {
    /// Zero would let nothing through, so it is at least one.
    pub(super) fn new(per_second: u64) -> Self {
        Self { per_second: per_second.max(1) }
    }

    fn price(self, amount: usize) -> Duration {
        Duration::from_nanos((amount as u64).saturating_mul(1_000_000_000) / self.per_second)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    paid_until: Instant,
}

impl Allowance {
    /// The allowance of somebody who has been silent so far.
    pub(super) const fn full(now: Instant) -> Self {
        Self { paid_until: now }
    }

    /// Whether this much more is allowed now; if so, it is counted.
    pub(super) fn take(&mut self, amount: usize, rate: Rate, now: Instant) -> bool {
        let allowed = self.paid_until.saturating_duration_since(now) < MOST_OWED;
        if allowed {
            self.paid_until = self.paid_until.max(now) + rate.price(amount);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_s_worth_comes_at_once_and_no_more() {
        let (rate, now) = (Rate::new(20), Instant::now());
        let mut allowance = Allowance::full(now);
        assert_eq!((0..100).filter(|_| allowance.take(1, rate, now)).count(), 20);
    }

    #[test]
    fn bytes_never_exceed_the_rate_by_more_than_a_second_and_a_packet() {
        let (rate, start) = (Rate::new(100_000), Instant::now());
        let mut allowance = Allowance::full(start);
        let allowed = (0..10_000)
            .filter(|millis| allowance.take(1100, rate, start + Duration::from_millis(*millis)))
            .count();
        assert!((1_000_000..=1_100_000 + 1100).contains(&(allowed * 1100)), "{allowed}");
    }

    #[test]
    fn silence_gives_a_second_s_worth_back_and_no_more() {
        let (rate, start) = (Rate::new(20), Instant::now());
        let mut allowance = Allowance::full(start);
        while allowance.take(1, rate, start) {}
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| allowance.take(1, rate, later)).count(), 20);
    }

    #[test]
    fn what_exceeds_a_second_s_worth_passes_once_and_is_paid_for() {
        let (rate, start) = (Rate::new(1000), Instant::now());
        let mut allowance = Allowance::full(start);
        assert!(allowance.take(5000, rate, start));
        assert!(!allowance.take(1, rate, start + Duration::from_secs(4)));
        assert!(allowance.take(1, rate, start + Duration::from_millis(4001)));
    }
}
