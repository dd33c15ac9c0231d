//! When the picture stood still, by the definition of the W3C's statistics (`freezeCount`, `totalFreezesDuration`).
//!
//! A gap between two pictures is a freeze when it is at least three times the usual gap and at least 150 ms longer than
//! that; usual is the average of the thirty gaps before. A gap that is still open does not count yet, however long it is: so it
//! says how it was for whoever watched, in words that browsers use too.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How many gaps tell what is usual.
const REMEMBERED: usize = 30;
/// How much longer than usual a freeze is at least.
const LONGER_BY: Duration = Duration::from_millis(150);
/// How many times longer than usual it is at least.
const TIMES_LONGER: u32 = 3;

/// How often, and how long altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Freezes.
    pub freezes: u64,
    /// All of them.
    pub frozen: Duration,
}

/// The pictures of one sender.
#[derive(Debug, Default)]
pub struct Freezes {
    last: Option<Instant>,
    gaps: VecDeque<Duration>,
    sum: Duration,
    counts: Counts,
}

impl Freezes {
    /// A picture is shown.
    pub fn shown(&mut self, now: Instant) {
        let Some(last) = self.last.replace(now) else { return };
        let gap = now.saturating_duration_since(last);
        if self.is_freeze(gap) {
            self.counts.freezes += 1;
            self.counts.frozen += gap;
        }
        self.gaps.push_back(gap);
        self.sum += gap;
        if self.gaps.len() > REMEMBERED {
            self.sum -= self.gaps.pop_front().unwrap_or_default();
        }
    }

    /// No picture is meant to come for now: the other side's camera is off. The time until the next one is no freeze.
    pub fn pause(&mut self) {
        self.last = None;
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How long it stands still by now; nothing where that is no freeze yet.
    pub fn stands(&self, now: Instant) -> Duration {
        let gap = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        if self.is_freeze(gap) { gap } else { Duration::ZERO }
    }

    fn is_freeze(&self, gap: Duration) -> bool {
        let Ok(count @ 1..) = u32::try_from(self.gaps.len()) else { return false };
        let usual = self.sum / count;
        gap >= (usual * TIMES_LONGER).max(usual + LONGER_BY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shown after each of these gaps, in milliseconds.
    fn counted(gaps: impl IntoIterator<Item = u64>) -> Counts {
        let mut now = Instant::now();
        let mut freezes = Freezes::default();
        freezes.shown(now);
        for gap in gaps {
            now += Duration::from_millis(gap);
            freezes.shown(now);
        }
        freezes.counts()
    }

    #[test]
    fn a_gap_counts_from_150_ms_above_the_usual_one_and_not_before() {
        let calm = [33; 40];
        assert_eq!(counted(calm.into_iter().chain([182])).freezes, 0);
        let frozen = counted(calm.into_iter().chain([183, 33, 33]));
        assert_eq!(frozen, Counts { freezes: 1, frozen: Duration::from_millis(183) });
    }

    #[test]
    fn slow_pictures_are_no_freeze_until_they_are_three_times_slower() {
        let slow = [200; 40];
        assert_eq!(counted(slow.into_iter().chain([599])).freezes, 0);
        assert_eq!(counted(slow.into_iter().chain([600])).freezes, 1);
    }

    #[test]
    fn only_the_last_thirty_gaps_say_what_is_usual() {
        assert_eq!(
            counted([33; 5].into_iter().chain([400; 30]).chain([600])).freezes,
            2,
            "the first two of 400"
        );
        assert_eq!(counted([400; 5].into_iter().chain([33; 30]).chain([183])).freezes, 1);
    }

    #[test]
    fn a_freeze_that_lasts_is_told_until_the_next_picture() {
        let start = Instant::now();
        let mut freezes = Freezes::default();
        (0..40).for_each(|picture| freezes.shown(start + Duration::from_millis(33 * picture)));
        let last = start + Duration::from_millis(33 * 39);
        assert_eq!(freezes.stands(last + Duration::from_millis(182)), Duration::ZERO);
        assert_eq!(freezes.stands(last + Duration::from_millis(900)), Duration::from_millis(900));
        freezes.shown(last + Duration::from_millis(950));
        assert_eq!(freezes.stands(last + Duration::from_millis(960)), Duration::ZERO);
        assert_eq!(freezes.counts().frozen, Duration::from_millis(950));
    }

    #[test]
    fn nothing_is_usual_before_the_second_picture_and_a_camera_that_is_off_freezes_nothing() {
        assert_eq!(counted([5_000]).freezes, 0);
        let mut now = Instant::now();
        let mut freezes = Freezes::default();
        for _ in 0..40 {
            now += Duration::from_millis(33);
            freezes.shown(now);
        }
        freezes.pause();
        freezes.shown(now + Duration::from_secs(60));
        assert_eq!(freezes.counts(), Counts::default());
    }
}
