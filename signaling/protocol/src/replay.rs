//! Which envelopes of a call have been opened already.
//!
//! The numbers of the last [`REPLAY_WINDOW`] envelopes are remembered, one bit each, in a ring that the
//! highest number seen drags along (as IPsec and WireGuard do). Asking and noting are two steps: a number is
//! noted only when the envelope that bears it has proved genuine, or anybody could push the window past
//! honest ones.

use crate::limits::REPLAY_WINDOW;

const WORDS: usize = (REPLAY_WINDOW / 64) as usize;

/// What the window says of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fresh,
    Repeated,
    TooOld,
}

#[derive(Debug, Default)]
pub(crate) struct ReplayWindow {
    /// One more than the highest number noted; zero when there is none.
    end: u64,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    pub(crate) fn ask(&self, number: u64) -> Verdict {
        if number >= self.end {
            Verdict::Fresh
        } else if self.end - number > REPLAY_WINDOW {
            Verdict::TooOld
        } else if self.seen[word(number)] & bit(number) != 0 {
            Verdict::Repeated
        } else {
            Verdict::Fresh
        }
    }

    /// Notes a number that was [`Verdict::Fresh`]. The highest number there is cannot be noted; sealing never
    /// uses it.
    pub(crate) fn note(&mut self, number: u64) {
        if number >= self.end {
            if number - self.end >= REPLAY_WINDOW {
                self.seen = [0; WORDS];
            } else {
                for passed in self.end..number {
                    self.seen[word(passed)] &= !bit(passed);
                }
            }
            self.end = number.saturating_add(1);
        }
        self.seen[word(number)] |= bit(number);
    }
}

const fn word(number: u64) -> usize {
    ((number % REPLAY_WINDOW) / 64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_ring_agrees_with_a_set_that_forgets_nothing(
            steps in prop::collection::vec((0_u64..3000, any::<bool>()), 1..400),
            base in prop_oneof![Just(0_u64), Just(u64::MAX - 10_000)],
        ) {
            let (mut window, mut seen) = (ReplayWindow::default(), BTreeSet::new());
            for (offset, near) in steps {
                let highest = seen.last().copied().unwrap_or(base);
                let number = if near { highest.saturating_sub(offset / 2).max(base) } else { base + offset };
                let expected = match seen.last() {
                    Some(&highest) if number + REPLAY_WINDOW <= highest => Verdict::TooOld,
                    Some(_) if seen.contains(&number) => Verdict::Repeated,
                    Some(_) | None => Verdict::Fresh,
                };
                prop_assert_eq!(window.ask(number), expected);
                if expected == Verdict::Fresh {
                    window.note(number);
                    seen.insert(number);
                }
            }
        }
    }
}
