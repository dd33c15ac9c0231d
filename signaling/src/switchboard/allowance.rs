//! How many messages one client may send: so many a second for long, so many at once after a silence.
//!
//! One moment is all it remembers (the "generic cell rate algorithm"): until when the messages so far are paid for.
//! A bucket of tokens says the same with two numbers and a rounding.

use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// Zero of either would let nobody speak, so both are at least one.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second.max(1), burst: burst.max(1) }
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

    /// Whether one more message is allowed now; if so, it is counted.
    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let paid_until = self.paid_until.max(now) + rate.interval;
        let allowed = paid_until.duration_since(now) <= rate.interval * rate.burst;
        if allowed {
            self.paid_until = paid_until;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_not_one_more() {
        let (rate, now) = (Rate::new(20, 100), Instant::now());
        let mut allowance = Allowance::full(now);
        assert_eq!((0..150).filter(|_| allowance.take(rate, now)).count(), 100);
    }

    #[test]
    fn after_a_burst_the_sustained_rate_holds() {
        let (rate, start) = (Rate::new(20, 100), Instant::now());
        let mut allowance = Allowance::full(start);
        let tries = (0..10_000).map(|millis| start + Duration::from_millis(millis));
        let allowed = tries.filter(|now| allowance.take(rate, *now)).count();
        assert_eq!(allowed, 100 + 20 * 10 - 1, "ten seconds of trying each millisecond");
    }

    #[test]
    fn silence_gives_the_burst_back_and_no_more() {
        let (rate, start) = (Rate::new(20, 100), Instant::now());
        let mut allowance = Allowance::full(start);
        assert!((0..100).all(|_| allowance.take(rate, start)));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..150).filter(|_| allowance.take(rate, later)).count(), 100);
    }

    #[test]
    fn a_rate_of_zero_still_lets_somebody_speak() {
        let (rate, now) = (Rate::new(0, 0), Instant::now());
        let mut allowance = Allowance::full(now);
        assert!(allowance.take(rate, now));
        assert!(!allowance.take(rate, now));
    }
}
