//! Where a packet belongs: numbers and timestamps that turn over become scales without an end.
//!
//! The number says what is missing, the timestamp says when. They need not agree: a sender skips numbers when it moves to
//! another leg, and timestamps when it was silent. A sender that starts anew has neither in common with before; it is
//! believed at its second packet, as one alone may be a stray.

/// A jump in the numbers that no loss explains.
const MAX_JUMP: i16 = 500;
/// Where timestamps are on another scale, at most this many missing packets are left room for.
const MOST_MISSING: u64 = 5;
/// How far back it is known which packets have come.
const REMEMBERED: u64 = u128::BITS as u64;

/// What is known of a packet that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is the first of a sender.
    First {
        /// Counts packets.
        number: u64,
        /// Counts samples.
        at: i64,
    },
    /// It is new.
    At {
        /// Counts packets.
        number: u64,
        /// Counts samples.
        at: i64,
        /// So many between it and the newest before have not come; nothing where it is not newer.
        missing: Option<u32>,
    },
    /// It came before.
    Again,
    /// It fits nothing. The sender may have started anew: the next one tells.
    Stray,
    /// Its number and its timestamp contradict those of others.
    Wrong,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    number: u64,
    timestamp: u32,
    at: i64,
    samples: i64,
}

/// The numbers and timestamps of one sender.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    newest: Option<Newest>,
    /// Which of the newest and those before it have come, from the lowest bit on.
    come: u128,
    stray: Option<u16>,
}

impl Numbering {
    /// Places a packet of that length. A timestamp beyond `latest`, where it is known, is on another scale.
    pub(super) fn place(
        &mut self,
        sequence: u16,
        timestamp: u32,
        samples: u32,
        latest: Option<i64>,
    ) -> Placed {
        let Some(newest) = self.newest else {
            // A whole turn up, so that those from before the first one have numbers too.
            let number = u64::from(sequence) + (1 << 16);
            return self.begin(Newest { number, timestamp, at: 0, samples: i64::from(samples) });
        };
        let step = sequence.wrapping_sub(newest.number as u16).cast_signed();
        if step.unsigned_abs() > MAX_JUMP.unsigned_abs() {
            return self.stray(sequence, timestamp, samples);
        }
        self.stray = None;
        let number = newest.number.saturating_add_signed(i64::from(step));
        let at = newest.at + i64::from(timestamp.wrapping_sub(newest.timestamp).cast_signed());
        if number > newest.number {
            let end = newest.at + newest.samples;
            let overlap = newest.samples.min(i64::from(samples)) / 2;
            let missing = number - newest.number - 1;
            let is_ahead = latest.is_some_and(|latest| at > latest.max(end));
            let at = if at < end - overlap || is_ahead {
                end + missing.min(MOST_MISSING).cast_signed() * newest.samples
            } else {
                at
            };
            self.come = self.come.checked_shl(u32::from(step.unsigned_abs())).unwrap_or(0) | 1;
            self.newest = Some(Newest { number, timestamp, at, samples: i64::from(samples) });
            // By the time between them, for numbers may have been skipped.
            let missing = missing.min(((at - end).max(0) / newest.samples).cast_unsigned());
            return Placed::At { number, at, missing: Some(u32::try_from(missing).unwrap_or(u32::MAX)) };
        }
        let back = newest.number - number;
        if back >= REMEMBERED {
            return Placed::Again;
        }
        let bit = 1_u128 << back;
        if self.come & bit != 0 {
            return Placed::Again;
        }
        if at >= newest.at {
            return Placed::Wrong;
        }
        self.come |= bit;
        Placed::At { number, at, missing: None }
    }

    /// What the timestamp of that place is.
    pub(super) fn timestamp(&self, at: i64) -> Option<u32> {
        let newest = self.newest?;
        Some(newest.timestamp.wrapping_add((at - newest.at) as u32))
    }

    fn begin(&mut self, newest: Newest) -> Placed {
        *self = Self { newest: Some(newest), come: 1, stray: None };
        Placed::First { number: newest.number, at: newest.at }
    }

    fn stray(&mut self, sequence: u16, timestamp: u32, samples: u32) -> Placed {
        let goes_on = self
            .stray
            .is_some_and(|stray| (1..=MAX_JUMP).contains(&sequence.wrapping_sub(stray).cast_signed()));
        let (Some(newest), true) = (self.newest, goes_on) else {
            self.stray = Some(sequence);
            return Placed::Stray;
        };
        let at = newest.at + newest.samples;
        let number = (newest.number | 0xffff) + 1 + u64::from(sequence);
        self.begin(Newest { number, timestamp, at, samples: i64::from(samples) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(numbering: &mut Numbering, sequence: u16, timestamp: u32) -> Placed {
        numbering.place(sequence, timestamp, 960, None)
    }

    fn at(placed: Placed) -> i64 {
        match placed {
            Placed::First { at, .. } | Placed::At { at, .. } => at,
            Placed::Again | Placed::Stray | Placed::Wrong => panic!("{placed:?}"),
        }
    }

    #[test]
    fn scales_go_on_where_numbers_and_timestamps_turn_over() {
        let mut numbering = Numbering::default();
        let first = at(placed(&mut numbering, 65_535, u32::MAX - 959));
        let next = placed(&mut numbering, 0, 0);
        assert_eq!(at(next) - first, 960);
        assert_eq!(placed(&mut numbering, 65_535, u32::MAX - 959), Placed::Again);
    }

    #[test]
    fn what_is_missing_is_told_by_the_time_between() {
        let mut numbering = Numbering::default();
        placed(&mut numbering, 10, 0);
        assert!(matches!(placed(&mut numbering, 13, 3 * 960), Placed::At { missing: Some(2), .. }));
        assert!(matches!(placed(&mut numbering, 11, 960), Placed::At { missing: None, .. }));
        assert!(
            matches!(placed(&mut numbering, 200, 4 * 960), Placed::At { missing: Some(0), .. }),
            "skipped numbers"
        );
        assert!(
            matches!(placed(&mut numbering, 201, 400_000), Placed::At { missing: Some(0), .. }),
            "a silence"
        );
    }

    #[test]
    fn one_stray_is_left_out_and_two_are_a_new_sender() {
        let mut numbering = Numbering::default();
        placed(&mut numbering, 10, 0);
        assert_eq!(placed(&mut numbering, 40_000, 77), Placed::Stray);
        assert!(matches!(placed(&mut numbering, 11, 960), Placed::At { .. }));
        assert_eq!(placed(&mut numbering, 40_001, 77 + 960), Placed::Stray);
        assert!(matches!(placed(&mut numbering, 40_002, 77 + 2 * 960), Placed::First { at: 1_920, .. }));
        assert!(matches!(placed(&mut numbering, 40_003, 77 + 3 * 960), Placed::At { at: 2_880, .. }));
    }

    #[test]
    fn timestamps_on_another_scale_go_on_from_the_last() {
        let mut numbering = Numbering::default();
        placed(&mut numbering, 10, 1_000_000);
        assert_eq!(at(placed(&mut numbering, 11, 500)), 960, "far back");
        assert_eq!(at(numbering.place(12, 4_000_000, 960, Some(20_000))), 1_920, "far ahead of the time");
        assert_eq!(at(placed(&mut numbering, 13, 4_000_960)), 2_880);
    }

    #[test]
    fn what_contradicts_others_is_wrong() {
        let mut numbering = Numbering::default();
        placed(&mut numbering, 10, 1_000_000);
        placed(&mut numbering, 12, 1_001_920);
        assert_eq!(placed(&mut numbering, 11, 1_009_999), Placed::Wrong);
    }
}
