//! What happened in a call: the first part of it and the last, and how much there was no room for.

use super::{Happening, MOST_HAPPENINGS, Topic};

/// How much of the beginning is kept.
const FIRST: usize = MOST_HAPPENINGS / 4;
/// Longer than this no sentence is.
const LONGEST: usize = 400;

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub(super) struct Happenings {
    list: Vec<Happening>,
    left_out: u32,
}

impl Happenings {
    pub(super) fn note(&mut self, t_ms: u64, topic: Topic, sentence: String) {
        if self.list.len() >= MOST_HAPPENINGS {
            self.list.remove(FIRST);
            self.left_out = self.left_out.saturating_add(1);
        }
        let sentence = super::cut(sentence, LONGEST);
        self.list.push(Happening { t_ms, topic, sentence });
    }

    /// The oldest first.
    pub(super) fn list(&self) -> Vec<Happening> {
        let mut list = self.list.clone();
        // What a thread noted is told a little later.
        list.sort_by_key(|happening| happening.t_ms);
        list
    }

    pub(super) fn left_out(&self) -> u32 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_story_the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        let mut happenings = Happenings::default();
        (0..2000).for_each(|t_ms| happenings.note(t_ms, Topic::Picture, String::new()));
        let times: Vec<_> = happenings.list().iter().map(|happening| happening.t_ms).collect();
        assert_eq!((times.len(), happenings.left_out()), (MOST_HAPPENINGS, 1200));
        assert_eq!((times[FIRST - 1], times[FIRST], times[MOST_HAPPENINGS - 1]), (199, 1400, 1999));
    }

    #[test]
    fn what_is_told_late_stands_where_it_belongs() {
        let mut happenings = Happenings::default();
        happenings.note(5, Topic::Device, "later".to_owned());
        happenings.note(3, Topic::Picture, "earlier".to_owned());
        assert_eq!(happenings.list()[0].sentence, "earlier");
    }

    #[test]
    fn a_sentence_without_end_is_cut() {
        let mut happenings = Happenings::default();
        happenings.note(0, Topic::Device, "ü".repeat(10_000));
        assert!(happenings.list()[0].sentence.len() <= LONGEST + '…'.len_utf8());
    }
}
