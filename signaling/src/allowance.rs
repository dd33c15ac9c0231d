//! How often somebody may do something: so many times a second or minute for long, so many at once after a silence.
//!
//! One moment is all it remembers (the "generic cell rate algorithm"): until when what was done so far is paid for.
//! A bucket of tokens says the same with two numbers and a rounding.

use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// Zero of either would let nobody do anything, so both are at least one.
    pub(crate) fn per_second(times: u32, burst: u32) -> Self {
        Self { interval: Duration::from_secs(1) / times.max(1), burst: burst.max(1) }
    }

    /// As `per_second`.
    pub(crate) fn per_minute(times: u32, burst: u32) -> Self {
        Self { interval: Duration::from_secs(60) / times.max(1), burst: burst.max(1) }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    paid_until: Instant,
}

impl Allowance {
    /// The allowance of somebody who has done nothing so far.
    pub(crate) const fn full(now: Instant) -> Self {
        Self { paid_until: now }
    }

    /// Whether nothing is left of what was done: somebody new would be allowed no more.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.paid_until <= now
    }

    /// Whether once more is allowed now; if so, it is counted.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
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
        let (rate, now) = (Rate::per_second(20, 100), Instant::now());
        let mut allowance = Allowance::full(now);
        assert_eq!((0..150).filter(|_| allowance.take(rate, now)).count(), 100);
    }

    #[test]
    fn after_a_burst_the_sustained_rate_holds() {
        let (rate, start) = (Rate::per_second(20, 100), Instant::now());
        let mut allowance = Allowance::full(start);
        let tries = (0..10_000).map(|millis| start + Duration::from_millis(millis));
        let allowed = tries.filter(|now| allowance.take(rate, *now)).count();
        assert_eq!(allowed, 100 + 20 * 10 - 1, "ten seconds of trying each millisecond");
    }

    #[test]
    fn silence_gives_the_burst_back_and_no_more() {
        let (rate, start) = (Rate::per_second(20, 100), Instant::now());
        let mut allowance = Allowance::full(start);
        assert!((0..100).all(|_| allowance.take(rate, start)));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..150).filter(|_| allowance.take(rate, later)).count(), 100);
    }

    #[test]
    fn a_rate_of_zero_still_lets_somebody_begin() {
        let (rate, now) = (Rate::per_second(0, 0), Instant::now());
        let mut allowance = Allowance::full(now);
        assert!(allowance.take(rate, now));
        assert!(!allowance.take(rate, now));
    }
}
