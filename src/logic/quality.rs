//! How good a call is, in one word and a reason.
//!
//! Judged by what a person notices: pictures that stand still, sound that was made up, and how long an answer takes. Where
//! something is wrong, the reason names the side it comes from, as far as that can be known: what is lost of what *they*
//! sent is counted here, what is lost of ours they tell us. A judgement becomes better only after a while, so that the word
//! does not flicker.

use std::collections::VecDeque;

/// What is judged: this much of the past.
const WINDOW_MS: u64 = 8_000;
/// Samples that are kept; they come once a second. More push out the oldest.
const MAX_SAMPLES: usize = 16;
/// A better judgement has to hold for so long before it is said.
const BETTER_AFTER_MS: u64 = 4_000;
/// What the beginning of a call costs is no quality yet.
const TOO_EARLY_MS: u64 = 3_000;

/// From which part of something on it is noticed, and from which on it is hard to talk.
struct Bounds {
    fair: f64,
    poor: f64,
}

const MADE_UP: Bounds = Bounds { fair: 0.03, poor: 0.12 };
const FROZEN: Bounds = Bounds { fair: 0.05, poor: 0.25 };
const LOST_OF_OURS: Bounds = Bounds { fair: 0.05, poor: 0.15 };
const ROUND_TRIP_MS: Bounds = Bounds { fair: 300.0, poor: 700.0 };
/// Below this our pictures are small because the way carries little.
const NARROW_BPS: Bounds = Bounds { fair: 300_000.0, poor: 90_000.0 };

/// How a call does at one moment. What is counted only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Since it was connected.
    pub t_ms: u64,
    /// For how long their picture stood still, altogether.
    pub frozen_ms: u64,
    /// Their pieces of sound that were played as they were sent, or put together again.
    pub sound_whole: u64,
    /// Their pieces of sound that had to be made up.
    pub sound_made_up: u64,
    /// There and back.
    pub round_trip_ms: Option<f64>,
    /// The part that is lost of what we send.
    pub lost_of_ours: f64,
    /// What our way has room for, where pictures are sent.
    pub target_bps: Option<u32>,
    /// Our pictures are small because this computer is too slow.
    pub slow_computer: bool,
    /// A stream to a relay was too slow for so many packets.
    pub relay_dropped: u64,
}

/// How good a call is, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Nothing to complain about.
    #[default]
    Good,
    /// One notices something.
    Fair,
    /// It is hard to talk.
    Poor,
}

/// Why it is not better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// What they send does not all come.
    TheirSoundIsLost,
    /// Their picture stops again and again.
    TheirPictureStops,
    /// What we send does not all arrive.
    OursIsLost,
    /// It takes long there and back.
    Far,
    /// Our way out carries little.
    Narrow,
    /// The stream to our relay is too slow.
    RelayTooSlow,
    /// This computer is too slow.
    SlowComputer,
}

impl Reason {
    /// In a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TheirSoundIsLost => "Some of their sound gets lost on its way here.",
            Self::TheirPictureStops => "Their picture stops now and then: not enough of it comes through.",
            Self::OursIsLost => "Some of what you send gets lost: they hear and see you with gaps.",
            Self::Far => "It takes long until you hear each other.",
            Self::Narrow => "Your connection carries little: they see you small or blurred.",
            Self::RelayTooSlow => "The way to the relay is too slow for sound and picture.",
            Self::SlowComputer => "This computer is busy: they see you smaller.",
        }
    }
}

/// Judges one call.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    samples: VecDeque<Sample>,
    said: Option<(Word, Option<Reason>)>,
    better_since: Option<u64>,
}

impl Judge {
    /// How it is by all that is known now; nothing while it is too early to say.
    pub fn judge(&mut self, sample: Sample) -> Option<(Word, Option<Reason>)> {
        // Another count of time is another call, or the same one after a pause: nothing can be compared.
        if self.samples.back().is_some_and(|last| last.t_ms >= sample.t_ms) {
            self.samples.clear();
        }
        self.samples.push_back(sample);
        let is_old = |first: &Sample| first.t_ms.saturating_add(WINDOW_MS) < sample.t_ms;
        while self.samples.len() > MAX_SAMPLES || self.samples.front().is_some_and(is_old) {
            self.samples.pop_front();
        }
        if sample.t_ms < TOO_EARLY_MS {
            return None;
        }
        let first = *self.samples.front()?;
        let now = judge(&first, &sample);
        let said = self.said.get_or_insert(now);
        let is_no_better = now.0 >= said.0;
        if is_no_better
            || sample.t_ms >= self.better_since.get_or_insert(sample.t_ms).saturating_add(BETTER_AFTER_MS)
        {
            *said = now;
            self.better_since = None;
        }
        self.said
    }
}

fn judge(first: &Sample, last: &Sample) -> (Word, Option<Reason>) {
    let passed = last.t_ms.saturating_sub(first.t_ms).max(1) as f64;
    let made_up = last.sound_made_up.saturating_sub(first.sound_made_up) as f64;
    let whole = last.sound_whole.saturating_sub(first.sound_whole) as f64;
    let part_made_up = if made_up + whole > 0.0 { made_up / (made_up + whole) } else { 0.0 };
    let part_frozen = last.frozen_ms.saturating_sub(first.frozen_ms) as f64 / passed;
    let dropped = last.relay_dropped > first.relay_dropped;
    let narrow = match last.target_bps.map(f64::from) {
        Some(bps) if bps < NARROW_BPS.poor => Word::Poor,
        Some(bps) if bps < NARROW_BPS.fair => Word::Fair,
        Some(_) | None => Word::Good,
    };
    // Of equally bad ones the first is said: what is heard matters more than what is seen.
    let all = [
        (MADE_UP.word(part_made_up), Reason::TheirSoundIsLost),
        (LOST_OF_OURS.word(last.lost_of_ours), Reason::OursIsLost),
        (if dropped { Word::Fair } else { Word::Good }, Reason::RelayTooSlow),
        (FROZEN.word(part_frozen), Reason::TheirPictureStops),
        (ROUND_TRIP_MS.word(last.round_trip_ms.unwrap_or_default()), Reason::Far),
        (narrow, Reason::Narrow),
        (if last.slow_computer { Word::Fair } else { Word::Good }, Reason::SlowComputer),
    ];
    let mut worst = (Word::Good, None);
    for (word, reason) in all {
        if word > worst.0 {
            worst = (word, Some(reason));
        }
    }
    worst
}

impl Bounds {
    fn word(&self, much: f64) -> Word {
        if much >= self.poor {
            Word::Poor
        } else if much >= self.fair {
            Word::Fair
        } else {
            Word::Good
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call in which each second is as `second` makes it from the one before.
    fn after(seconds: u64, mut second: impl FnMut(&mut Sample)) -> Option<(Word, Option<Reason>)> {
        let mut judge = Judge::default();
        let mut sample = Sample { target_bps: Some(2_000_000), ..Sample::default() };
        let mut said = None;
        for _ in 0..seconds {
            sample.t_ms += 1000;
            sample.sound_whole += 50;
            second(&mut sample);
            said = judge.judge(sample);
        }
        said
    }

    #[test]
    fn a_call_without_trouble_is_good_and_the_first_moments_are_not_judged() {
        assert_eq!(after(2, |_| ()), None);
        assert_eq!(after(10, |_| ()), Some((Word::Good, None)));
    }

    #[test]
    fn each_trouble_has_its_word_and_its_reason() {
        type Row = (fn(&mut Sample), Word, Reason);
        let table: &[Row] = &[
            (|s| s.sound_made_up += 3, Word::Fair, Reason::TheirSoundIsLost),
            (|s| s.sound_made_up += 20, Word::Poor, Reason::TheirSoundIsLost),
            (|s| s.frozen_ms += 100, Word::Fair, Reason::TheirPictureStops),
            (|s| s.frozen_ms += 400, Word::Poor, Reason::TheirPictureStops),
            (|s| s.lost_of_ours = 0.08, Word::Fair, Reason::OursIsLost),
            (|s| s.round_trip_ms = Some(800.0), Word::Poor, Reason::Far),
            (|s| s.target_bps = Some(200_000), Word::Fair, Reason::Narrow),
            (|s| s.relay_dropped += 1, Word::Fair, Reason::RelayTooSlow),
            (|s| s.slow_computer = true, Word::Fair, Reason::SlowComputer),
        ];
        for (trouble, word, reason) in table {
            assert_eq!(after(10, trouble), Some((*word, Some(*reason))));
        }
    }

    #[test]
    fn what_gets_worse_is_said_at_once_and_what_gets_better_after_a_while() {
        let mut judge = Judge::default();
        let mut said = Vec::new();
        for t in 1..=20 {
            let round_trip_ms = Some(if (6..9).contains(&t) { 900.0 } else { 20.0 });
            let word = judge.judge(Sample { t_ms: t * 1000, round_trip_ms, ..Sample::default() });
            said.push(word.map(|(word, _)| word));
        }
        assert_eq!(said[5], Some(Word::Poor), "at once");
        assert_eq!(said[11], Some(Word::Poor), "not yet");
        assert_eq!(said[13], Some(Word::Good), "in the end");
    }

    #[test]
    fn counts_that_begin_anew_do_no_harm() {
        let mut judge = Judge::default();
        for t_ms in [9000, 8000, 8000, 0, u64::MAX, 5, 12_000] {
            judge.judge(Sample { t_ms, sound_whole: 9_000 - t_ms.min(9000), ..Sample::default() });
        }
    }
}
