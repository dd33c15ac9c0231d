//! How much arrives: the rate at the other end, over a short and over a long while.

use std::{collections::VecDeque, time::Duration};

/// The long while. Some pictures of each size fit in it.
const LONG: Duration = Duration::from_millis(500);
/// The short one, for a link that has just become narrow.
const SHORT: Duration = Duration::from_millis(200);
/// A window of which less than this was seen gives no rate.
const LEAST: Duration = Duration::from_millis(120);

/// See the head of this file. Times are those of the other end.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    arrivals: VecDeque<(Duration, f64)>,
    began: Option<Duration>,
    newest: Duration,
}

impl Delivered {
    /// That many bytes came; a part of them where some were lost, or nobody knows.
    pub(super) fn handle(&mut self, arrived: Duration, bytes: f64) {
        self.began.get_or_insert(arrived);
        self.newest = self.newest.max(arrived);
        self.arrivals.push_back((arrived, bytes));
        let floor = self.newest.saturating_sub(LONG);
        while self.arrivals.front().is_some_and(|(at, _)| *at < floor) {
            self.arrivals.pop_front();
        }
    }

    /// Bits a second, over the long while.
    pub(super) fn bps(&self) -> Option<f64> {
        self.over(LONG)
    }

    /// Bits a second, just now.
    pub(super) fn bps_now(&self) -> Option<f64> {
        self.over(SHORT)
    }

    fn over(&self, window: Duration) -> Option<f64> {
        let seen = self.newest.saturating_sub(self.began?);
        let window = window.min(seen);
        if window < LEAST {
            return None;
        }
        let floor = self.newest.saturating_sub(window);
        let bytes: f64 = self.arrivals.iter().filter(|(at, _)| *at > floor).map(|(_, bytes)| bytes).sum();
        Some(bytes * 8.0 / window.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_window_and_unknown_before_there_is_one() {
        let mut delivered = Delivered::default();
        for number in 0..100_u64 {
            delivered.handle(Duration::from_millis(10 * number), 1250.0);
            assert_eq!(delivered.bps().is_some(), number >= 12);
        }
        let bps = delivered.bps().unwrap();
        assert!((0.95e6..1.05e6).contains(&bps), "{bps}");
        for number in 1..=20_u64 {
            delivered.handle(Duration::from_millis(990 + 10 * number), 125.0);
        }
        assert!(delivered.bps_now().unwrap() < 0.12e6, "what is new shows at once in the short window");
    }
}
