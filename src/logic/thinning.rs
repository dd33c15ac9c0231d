//! Leaves pictures out where a camera gives more than are wanted.
//!
//! By the time they come and not by counting: many cameras that promise 60 a second give 15 in the dark, and none of those
//! may be left out.

use std::time::{Duration, Instant};

/// Lets pictures through, or not.
#[derive(Debug)]
pub struct Thinning {
    every: Option<Duration>,
    due: Option<Instant>,
}

impl Thinning {
    /// For a camera that promises `given` pictures a second where `wanted` are. One that promises hardly more is let be.
    pub fn new(given: f64, wanted: u32) -> Self {
        let is_more = wanted > 0 && given > f64::from(wanted) * 1.1;
        Self { every: is_more.then(|| Duration::from_secs(1) / wanted), due: None }
    }

    /// Whether the picture that comes now is wanted.
    pub fn keeps(&mut self, now: Instant) -> bool {
        let Some(every) = self.every else { return true };
        let due = self.due.unwrap_or(now);
        // No picture comes just when it is due.
        if now + every * 3 / 8 < due {
            return false;
        }
        self.due = Some((due + every).max(now + every / 2));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a second's pictures at `given` are kept where `wanted` are, with each late by up to `jitter`.
    fn kept(promised: f64, given: u32, wanted: u32, jitter: Duration) -> usize {
        let (start, mut thinning) = (Instant::now(), Thinning::new(promised, wanted));
        let late = |number: u32| jitter * (number * 7 % 5) / 4;
        (0..given)
            .filter(|&number| thinning.keeps(start + Duration::from_secs(1) * number / given + late(number)))
            .count()
    }

    #[test]
    fn a_camera_as_fast_as_wanted_is_let_be_whatever_its_jitter() {
        for jitter in [0, 10, 60] {
            assert_eq!(kept(30.0, 30, 30, Duration::from_millis(jitter)), 30);
        }
        assert_eq!(kept(15.0, 15, 30, Duration::ZERO), 15);
    }

    #[test]
    fn a_faster_one_is_brought_near_to_the_wanted_rate() {
        for (given, wanted) in [(60, 30), (90, 30), (60, 24), (50, 30), (120, 15)] {
            for jitter in [0, 4] {
                let kept = kept(f64::from(given), given, wanted, Duration::from_millis(jitter));
                assert!(kept.abs_diff(wanted as usize) <= 2, "{given} for {wanted}: {kept} kept");
            }
        }
    }

    #[test]
    fn nothing_is_left_out_while_a_fast_camera_is_slow() {
        assert_eq!(kept(60.0, 15, 30, Duration::ZERO), 15);
    }
}
