//! How evenly packets come: who was the fastest of late, and by how much the others were later.
//!
//! Lateness is measured against the fastest packet of the last two seconds, so that two clocks which run apart do not look
//! like a network that gets slower. Time is cut into windows of half a second, and of each the latest packet counts: a packet
//! that is late once is heard as much as ten that are late together. The target is what all windows but one in twenty-two stay
//! within, the older ones counting less.
//!
//! What hangs together counts as one: a queue that fills once, as at the start of a call on a narrow link, makes late windows
//! for a second or two. While it lasts each of them counts; when it is over, they are one burst. To count them all was tried,
//! and one such burst kept sound waiting for another twelve seconds. Bursts that come again and again still count each.
//!
//! Whether a window was late is judged again when the next ones are known. A path that has become longer for good makes two
//! seconds of "late" packets; seen from behind they were not late at all, and do not leave a delay of minutes.

use std::collections::VecDeque;

/// How long a window is.
const WINDOW_US: i64 = 500_000;
/// How many are remembered: half a minute.
const KEPT: usize = 60;
/// Across how many the fastest is sought: two seconds.
const ACROSS: usize = 4;
/// How much of its weight a window keeps when the next one comes.
const KEEPS: f64 = 0.97;
/// The part of all windows that may be later than the target.
const MAY_BE_LATER: f64 = 0.045;
/// Up to so many late windows in a row that are over are one burst, and count as one. A longer row is no burst: from here on
/// each counts again. It is over with a window that is not half as late.
const ONE_BURST: usize = ACROSS;
/// A call begins as if so many windows had been calm: nothing is learned from a single one.
const CALM_BEFORE: f64 = 22.5;
/// Across how many windows losses are counted: ten seconds.
const LOSS_ACROSS: usize = 20;

/// See the head of this file. Times are in microseconds.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// The newest is the last, and still open.
    windows: VecDeque<Window>,
    closes_us: i64,
    /// Raised when what came before cannot be compared with what comes.
    era: u32,
    late_us: i64,
}

/// What got lost of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    pub(super) expected: u32,
    /// Did not come before the next one, though perhaps later, or in a second copy.
    pub(super) out_of_turn: u32,
    /// Did not come at all.
    pub(super) for_good: u32,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    era: u32,
    fastest_us: i64,
    /// Of those that came while sound was played.
    slowest_us: Option<i64>,
    expected: u32,
    lost: u32,
    /// Those among them that came later.
    found: u32,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self { windows: VecDeque::with_capacity(KEPT), closes_us: i64::MIN, era: 0, late_us: 0 }
    }

    /// A packet came at that time, after that long a way. While nothing is played it teaches nothing of lateness: what has
    /// gathered before a call stands says nothing of the network.
    pub(super) fn note(&mut self, transit_us: i64, at_us: i64, playing: bool) {
        if at_us >= self.closes_us || self.windows.back().is_none_or(|window| window.era != self.era) {
            self.open(transit_us, at_us);
        }
        let Some(window) = self.windows.back_mut() else { return };
        window.fastest_us = window.fastest_us.min(transit_us);
        if playing {
            window.slowest_us = Some(window.slowest_us.map_or(transit_us, |slowest| slowest.max(transit_us)));
        }
    }

    /// So many packets should have come, and so many of them did not.
    pub(super) fn note_loss(&mut self, expected: u32, lost: u32) {
        if let Some(window) = self.windows.back_mut() {
            window.expected += expected;
            window.lost += lost;
        }
    }

    /// One that was thought to be lost has come.
    pub(super) fn note_found(&mut self) {
        if let Some(window) = self.windows.iter_mut().rev().find(|window| window.lost > window.found) {
            window.found += 1;
        }
    }

    /// The ways from here on cannot be compared with those before.
    pub(super) fn begin_anew(&mut self) {
        self.era += 1;
    }

    /// The shortest way of late.
    pub(super) fn fastest_us(&self) -> Option<i64> {
        self.of_this_era(ACROSS).map(|window| window.fastest_us).min()
    }

    /// The same, once there were enough packets to tell.
    pub(super) fn fastest_for_sure_us(&self) -> Option<i64> {
        self.fastest_us().filter(|_| self.of_this_era(ACROSS).count() == ACROSS)
    }

    /// By how much almost all are later than the fastest.
    pub(super) fn late_us(&self) -> i64 {
        self.late_us
    }

    /// By how much the latest of the last two seconds was.
    pub(super) fn late_just_now_us(&self) -> i64 {
        let slowest = self.of_this_era(ACROSS).filter_map(|window| window.slowest_us).max();
        slowest.zip(self.fastest_us()).map_or(0, |(slowest, fastest)| slowest - fastest)
    }

    /// How many packets of late were expected, and what became of those that did not come in their turn.
    pub(super) fn losses(&self) -> Losses {
        let of_late = self.windows.iter().rev().take(LOSS_ACROSS);
        of_late.fold(Losses::default(), |sum, window| Losses {
            expected: sum.expected + window.expected,
            out_of_turn: sum.out_of_turn + window.lost,
            for_good: sum.for_good + window.lost - window.found,
        })
    }

    fn of_this_era(&self, windows: usize) -> impl Iterator<Item = &Window> {
        self.windows.iter().rev().take_while(|window| window.era == self.era).take(windows)
    }

    fn open(&mut self, transit_us: i64, at_us: i64) {
        self.late_us = self.judge();
        if self.windows.len() == KEPT {
            self.windows.pop_front();
        }
        let (era, fastest_us) = (self.era, transit_us);
        self.windows.push_back(Window { era, fastest_us, slowest_us: None, expected: 0, lost: 0, found: 0 });
        self.closes_us = at_us + WINDOW_US;
    }

    fn judge(&self) -> i64 {
        let (mut late, many) = ([None; KEPT], self.windows.len());
        let newest_first = (0..many).rev();
        late.iter_mut().zip(newest_first).for_each(|(late, at)| *late = self.lateness(at));
        let may_be_later = MAY_BE_LATER * f64::max(count(&late[..many], 0), CALM_BEFORE);
        let mut levels = late;
        levels.sort_unstable_by_key(|level| std::cmp::Reverse(*level));
        let too_many = |level: &i64| count(&late[..many], *level) > may_be_later;
        levels.into_iter().flatten().find(too_many).unwrap_or(0)
    }

    /// How late the latest of a window was: against the fastest around it, on the side where that was slower.
    fn lateness(&self, at: usize) -> Option<i64> {
        let window = &self.windows[at];
        let fastest = |around: std::ops::RangeInclusive<usize>| {
            let same_era = self.windows.range(around).filter(|other| other.era == window.era);
            same_era.map(|other| other.fastest_us).min()
        };
        let before = fastest((at + 1).saturating_sub(ACROSS)..=at)?;
        let after = fastest(at..=(at + ACROSS - 1).min(self.windows.len() - 1))?;
        Some(window.slowest_us? - before.max(after))
    }
}

/// How much those weigh that are at least so late, of all from the newest to the oldest.
fn count(late: &[Option<i64>], level_us: i64) -> f64 {
    let (mut sum, mut weight, mut row) = (0.0, 1.0, 0);
    let mut is_over = false;
    for late_us in late {
        if late_us.is_some_and(|late_us| late_us >= level_us) {
            if !(is_over && (1..ONE_BURST).contains(&row)) {
                sum += weight;
            }
            row += 1;
        } else if late_us.is_some_and(|late_us| late_us < level_us / 2) {
            (row, is_over) = (0, true);
        }
        weight *= KEEPS;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets every 20 ms from `from_s` to `to_s` that take as long as `way` says.
    fn feed(arrivals: &mut Arrivals, seconds: std::ops::Range<i64>, way: impl Fn(i64) -> i64) {
        for sent_us in (seconds.start * 1_000_000..seconds.end * 1_000_000).step_by(20_000) {
            arrivals.note(way(sent_us), sent_us + way(sent_us), true);
        }
    }

    #[test]
    fn what_almost_all_stay_within_is_found_soon_and_forgotten_within_half_a_minute() {
        let mut arrivals = Arrivals::new();
        feed(&mut arrivals, 0..10, |_| 20_000);
        assert_eq!(arrivals.late_us(), 0);
        feed(&mut arrivals, 10..13, |sent| 20_000 + sent / 20_000 % 4 * 10_000);
        assert_eq!(arrivals.late_us(), 30_000);
        feed(&mut arrivals, 13..43, |_| 20_000);
        assert_eq!(arrivals.late_us(), 0);
    }

    #[test]
    fn one_late_packet_in_a_while_does_not_count() {
        let mut arrivals = Arrivals::new();
        feed(&mut arrivals, 0..60, |sent| if sent % 20_000_000 == 0 { 200_000 } else { 20_000 });
        assert_eq!(arrivals.late_us(), 0);
        feed(&mut arrivals, 60..120, |sent| if sent % 5_000_000 == 0 { 200_000 } else { 20_000 });
        assert_eq!(arrivals.late_us(), 180_000);
    }

    #[test]
    fn a_burst_counts_once_when_it_is_over_and_what_lasts_counts_for_as_long() {
        let mut arrivals = Arrivals::new();
        feed(&mut arrivals, 0..10, |_| 20_000);
        let rises_and_falls = |sent| if sent % 400_000 == 0 { 20_000 } else { 220_000 };
        feed(&mut arrivals, 10..12, |sent| if sent < 11_500_000 { rises_and_falls(sent) } else { 20_000 });
        assert_eq!(arrivals.late_us(), 200_000, "it is not known yet that it is over");
        feed(&mut arrivals, 12..13, |_| 20_000);
        assert_eq!(arrivals.late_us(), 0);
        feed(&mut arrivals, 13..19, rises_and_falls);
        feed(&mut arrivals, 19..25, |_| 20_000);
        assert_eq!(arrivals.late_us(), 200_000, "that was no burst");
    }

    #[test]
    fn a_way_that_has_become_longer_for_good_is_not_lateness() {
        let mut arrivals = Arrivals::new();
        feed(&mut arrivals, 0..10, |_| 20_000);
        feed(&mut arrivals, 10..11, |_| 120_000);
        assert_eq!(arrivals.fastest_us(), Some(20_000));
        assert_eq!(arrivals.late_just_now_us(), 100_000, "until it is clear that it stays");
        feed(&mut arrivals, 11..14, |_| 120_000);
        assert_eq!(arrivals.fastest_us(), Some(120_000));
        assert_eq!((arrivals.late_us(), arrivals.late_just_now_us()), (0, 0));
    }

    #[test]
    fn clocks_that_run_apart_are_not_lateness() {
        let mut arrivals = Arrivals::new();
        feed(&mut arrivals, 0..600, |sent| 20_000 + sent / 5_000);
        assert!(arrivals.late_us() < 500, "{}", arrivals.late_us());
    }
}
