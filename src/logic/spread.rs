//! How times are spread: their median and what few exceed, of any number of them, in 1.5 KB.
//!
//! Counted in steps that grow with the time, each a sixteenth of its power of two, so what is told is right to 6 %.

use std::time::Duration;

/// Each power of two has so many steps.
const STEPS: u32 = 16;
const STEPS_LOG: u32 = STEPS.ilog2();
/// Everything longer than 2²⁶ µs, which is 67 s, counts as that.
const LONGEST_LOG: u32 = 26;
const BUCKETS: usize = ((LONGEST_LOG - STEPS_LOG + 1) * STEPS) as usize;

/// Any number of times.
#[derive(Clone, Debug)]
pub struct Spread {
    counts: Box<[u32; BUCKETS]>,
    total: u64,
    longest: Duration,
}

impl Default for Spread {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0, longest: Duration::ZERO }
    }
}

impl Spread {
    /// One more.
    pub fn add(&mut self, time: Duration) {
        self.counts[bucket(micros(time))] += 1;
        self.total += 1;
        self.longest = self.longest.max(time);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The time that so many of a hundred do not exceed; nothing where there is none.
    pub fn at_percent(&self, percent: u8) -> Option<Duration> {
        let rank = (self.total * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        })?;
        Some(Duration::from_micros(middle(bucket)).min(self.longest))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min((1 << LONGEST_LOG) - 1)
}

fn bucket(micros: u64) -> usize {
    let log = micros.max(1).ilog2().max(STEPS_LOG) - STEPS_LOG;
    let step = micros >> log;
    usize::try_from(u64::from(log * STEPS) + step).expect("a few hundred")
}

fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let steps = u64::from(STEPS);
    if bucket < 2 * steps {
        return bucket;
    }
    let log = bucket / steps - 1;
    let from = (bucket % steps + steps) << log;
    from + (1 << log) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_none_nothing_is_known_and_of_one_everything() {
        let mut spread = Spread::default();
        assert_eq!(spread.at_percent(50), None);
        spread.add(Duration::from_micros(7));
        assert_eq!(spread.at_percent(50), Some(Duration::from_micros(7)));
        assert_eq!((spread.count(), spread.longest()), (1, Duration::from_micros(7)));
    }

    #[test]
    fn what_is_longer_than_all_that_can_be_told_counts_as_the_longest_step() {
        let mut spread = Spread::default();
        spread.add(Duration::from_secs(1 << 40));
        assert!(spread.at_percent(95) > Some(Duration::from_secs(60)));
    }

    proptest! {
        #[test]
        fn what_is_told_is_right_to_six_percent(
            mut times in proptest::collection::vec(0_u64..60_000_000, 1..200), percent in 0_u8..=100
        ) {
            let mut spread = Spread::default();
            for time in &times {
                spread.add(Duration::from_micros(*time));
            }
            times.sort_unstable();
            let rank = (times.len() * usize::from(percent)).div_ceil(100).max(1) - 1;
            let told = spread.at_percent(percent).expect("there are some").as_micros() as f64;
            let right = times[rank] as f64;
            prop_assert!((told - right).abs() <= right * 0.0625 + 1.0, "{told} for {right}");
        }
    }
}
