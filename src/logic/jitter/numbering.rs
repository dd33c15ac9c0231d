//! Where a packet belongs: numbers and timestamps that turn over become scales without an end.
//!
//! The number says what is missing, the timestamp says when. They need not agree: a sender skips numbers when it moves to
//! another leg, and timestamps when it was silent. A sender that starts anew has neither in common with before; it is
//! believed at its second packet, as one alone may be a stray.

/// A jump in the numbers that no loss explains.
const MAX_JUMP: i16 = 500;
/// Where timestamps are on another scale, at most this many missing packets are left room for.
const MOST_MISSING: u64 = 5;
/// Up to here a timestamp that goes back is that of a packet which is sent once more: 100 ms.
const REPEATED_WITHIN: i64 = 4_800;
/// After one that was sent once more, so many numbers tell nothing of what is missing.
const REPEATS_FOR: u64 = 200;
/// A packet that comes later than this behind its successors is none of theirs: 10 s.
const MOST_LATE: i64 = 480_000;

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
        /// Counts packets; nothing where it says nothing of those around it.
        number: Option<u64>,
        /// Counts samples.
        at: i64,
        /// So many between it and the newest before have not come; nothing where its sound is not newer.
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
    /// The number of the packet whose sound is the newest; others may have come after it once more.
    sound: u64,
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
    /// Up to that number, packets may be sent once more.
    repeats_until: u64,
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
            return self.begin(Newest {
                number,
                sound: number,
                timestamp,
                at: 0,
                samples: i64::from(samples),
            });
        };
        let step = sequence.wrapping_sub(newest.number as u16).cast_signed();
        if step.unsigned_abs() > MAX_JUMP.unsigned_abs() {
            return self.stray(sequence, timestamp, samples);
        }
        self.stray = None;
        let number = newest.number.saturating_add_signed(i64::from(step));
        if !self.is_first_of(number, newest.number) {
            return Placed::Again;
        }
        let at = newest.at + i64::from(timestamp.wrapping_sub(newest.timestamp).cast_signed());
        let newest = Newest { number: newest.number.max(number), ..newest };
        self.newest = Some(newest);
        let (sooner, later) = (newest.at - REPEATED_WITHIN, newest.at + REPEATED_WITHIN);
        let is_repeated = (sooner..=newest.at).contains(&at) && newest.samples >= i64::from(samples);
        if number < newest.sound && !(sooner - MOST_LATE..=later).contains(&at) {
            return Placed::Wrong;
        }
        if number < newest.sound && at <= newest.at || is_repeated {
            if number > newest.sound {
                self.repeats_until = number + REPEATS_FOR;
            }
            return Placed::At { number: None, at, missing: None };
        }
        let end = newest.at + newest.samples;
        let overlap = newest.samples.min(i64::from(samples)) / 2;
        let by_number = number.saturating_sub(newest.sound + 1);
        let is_ahead = latest.is_some_and(|latest| at > latest.max(end));
        let at = if at < end - overlap || is_ahead {
            end + by_number.min(MOST_MISSING).cast_signed() * newest.samples
        } else {
            at
        };
        let sound = newest.sound.max(number);
        self.newest = Some(Newest { sound, timestamp, at, samples: i64::from(samples), ..newest });
        let by_time = ((at - end).max(0) / newest.samples).cast_unsigned();
        // Numbers may have been skipped, and timestamps too. Where packets are sent once more, numbers tell nothing.
        let repeats = number <= self.repeats_until;
        let missing = if repeats { by_time } else { by_number.min(by_time) };
        let missing = Some(u32::try_from(missing).unwrap_or(u32::MAX));
        Placed::At { number: (!repeats).then_some(number), at, missing }
    }

    /// Whether no packet of that number has come, as far back as is known.
    fn is_first_of(&mut self, number: u64, highest: u64) -> bool {
        if let Some(further) = number.checked_sub(highest).filter(|further| *further > 0) {
            let further = u32::try_from(further).unwrap_or(u32::MAX);
            self.come = self.come.checked_shl(further).unwrap_or(0) | 1;
            return true;
        }
        let back = u32::try_from(highest - number).unwrap_or(u32::MAX);
        // What is too far back to be known is taken for known.
        let bit = 1_u128.checked_shl(back).unwrap_or(0);
        let is_first = self.come & bit == 0 && bit != 0;
        self.come |= bit;
        is_first
    }

    /// What the timestamp of that place is.
    pub(super) fn timestamp(&self, at: i64) -> Option<u32> {
        let newest = self.newest?;
        Some(newest.timestamp.wrapping_add((at - newest.at) as u32))
    }

    fn begin(&mut self, newest: Newest) -> Placed {
        *self = Self { newest: Some(newest), come: 1, stray: None, repeats_until: 0 };
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
        self.begin(Newest { number, sound: number, timestamp, at, samples: i64::from(samples) })
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
    fn a_packet_that_is_sent_once_more_keeps_its_place() {
        let mut numbering = Numbering::default();
        placed(&mut numbering, 10, 0);
        placed(&mut numbering, 11, 960);
        assert!(matches!(placed(&mut numbering, 12, 0), Placed::At { at: 0, missing: None, .. }));
        assert!(matches!(placed(&mut numbering, 14, 960), Placed::At { at: 960, missing: None, .. }));
        assert!(
            matches!(placed(&mut numbering, 13, 1_920), Placed::At { at: 1_920, missing: Some(0), .. }),
            "overtaken"
        );
        assert!(matches!(placed(&mut numbering, 17, 3_840), Placed::At { missing: Some(1), .. }));
    }

    #[test]
    fn what_contradicts_others_is_wrong() {
        let mut numbering = Numbering::default();
        placed(&mut numbering, 10, 1_000_000);
        placed(&mut numbering, 12, 1_001_920);
        assert_eq!(placed(&mut numbering, 11, 1_009_999), Placed::Wrong);
    }
}
