//! Which packets of a stream are missing, and when to ask for them.
//!
//! A gap is asked for at once, and again when an answer should have come and has not. Where much is lost, a question or its
//! answer is lost as often, and a picture that waits for a third round is one that freezes: so each round asks two or three
//! times, a moment apart, and each is answered. At a tenth lost both ways, four of five questions have an answer, and of three
//! all but one in 150. Repairs count as arrivals here: the library's own part for this does not see them and asks for ever, so
//! a third of all packets came twice.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::packet::Unwrapper;

/// How long an answer takes where none was seen yet.
const USUAL_ANSWER: Duration = Duration::from_millis(100);
/// Asked again no sooner than this, whatever an answer takes.
const SOONEST: Duration = Duration::from_millis(20);
/// An answer has this much longer than they usually take.
const SLACK: f64 = 1.3;
/// In a round, questions are so far apart.
const APART: Duration = Duration::from_millis(12);
/// From such a part lost on, a round has so many questions.
const QUESTIONS: &[(f64, u32)] = &[(0.08, 3), (0.02, 2)];
/// Each packet counts so much in the part that is lost.
const LOSS_STEP: f64 = 1.0 / 300.0;
/// No picture waits for longer than this.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(700);
const MOST_ASKED: u32 = 24;
/// All that may be missing. When more is, the oldest are given up.
const MOST_MISSING: usize = 400;
/// A jump in the numbers that no loss explains: the sender started anew.
const MAX_JUMP: u64 = 3000;
/// How many numbers are remembered in order to know a packet that comes again.
const REMEMBERED: usize = 4096;
/// What is only late is not asked for, where packets overtake each other: as long as that was seen to take, up to this.
const MOST_GRACE: Duration = Duration::from_millis(25);

#[derive(Clone, Copy, Debug)]
struct Gap {
    since: Instant,
    ask_at: Instant,
    asked: u32,
    last_asked: Option<Instant>,
    /// Questions of this round that are still to be asked.
    more: u32,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Missing {
    numbers: Unwrapper,
    gaps: BTreeMap<u64, Gap>,
    came: Vec<u64>,
    answer: Option<Duration>,
    grace: Duration,
    loss: f64,
}

/// How many questions a round has where such a part is lost; and so how often what is lost travels again.
pub fn questions(loss: f64) -> u32 {
    QUESTIONS.iter().find(|(from, _)| loss >= *from).map_or(1, |(_, questions)| *questions)
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It comes for the first time.
    New,
    /// It was there already.
    Again,
}

impl Default for Missing {
    fn default() -> Self {
        Self {
            numbers: Unwrapper::default(),
            gaps: BTreeMap::new(),
            came: vec![0; REMEMBERED],
            answer: None,
            grace: Duration::ZERO,
            loss: 0.0,
        }
    }
}

impl Missing {
    /// A packet of that number came, by itself or as a repair.
    pub fn handle(&mut self, sequence: u16, repair: bool, now: Instant) -> Arrival {
        let mut before = self.numbers.highest();
        let mut number = self.numbers.unwrap(sequence);
        if before.is_some_and(|before| number.abs_diff(before) > MAX_JUMP) {
            *self = Self { answer: self.answer, ..Self::default() };
            number = self.numbers.unwrap(sequence);
            before = None;
        }
        let place = &mut self.came[(number % REMEMBERED as u64) as usize];
        if *place == number {
            return Arrival::Again;
        }
        *place = number;
        self.loss += (f64::from(u8::from(repair)) - self.loss) * LOSS_STEP;
        if let Some(gap) = self.gaps.remove(&number) {
            self.note_filled(gap, repair, now);
        }
        let first_missing = before.filter(|_| before < Some(number)).map_or(number, |before| before + 1);
        for missing in first_missing..number {
            let gap = Gap { since: now, ask_at: now + self.grace, asked: 0, last_asked: None, more: 0 };
            self.gaps.insert(missing, gap);
        }
        while self.gaps.len() > MOST_MISSING {
            self.gaps.pop_first();
        }
        Arrival::New
    }

    /// The numbers to ask for now.
    pub fn poll_ask(&mut self, now: Instant) -> Vec<u16> {
        self.gaps.retain(|_, gap| now < gap.since + GIVEN_UP_AFTER && gap.asked < MOST_ASKED);
        let questions = questions(self.loss);
        let again = self.answer.unwrap_or(USUAL_ANSWER).mul_f64(SLACK).max(SOONEST);
        let due = self.gaps.iter_mut().filter(|(_, gap)| gap.ask_at <= now);
        due.map(|(number, gap)| {
            gap.more = if gap.more == 0 { questions } else { gap.more } - 1;
            gap.asked += 1;
            gap.last_asked = Some(now);
            gap.ask_at = now + if gap.more > 0 { APART } else { again };
            *number as u16
        })
        .collect()
    }

    /// When to ask next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.gaps.values().map(|gap| gap.ask_at).min()
    }

    fn note_filled(&mut self, gap: Gap, repair: bool, now: Instant) {
        match gap.last_asked {
            Some(asked) if repair && gap.asked == 1 => {
                let took = now.saturating_duration_since(asked);
                self.answer = Some(self.answer.map_or(took, |answer| (answer * 7 + took) / 8));
            }
            _ if !repair => {
                let late = now.saturating_duration_since(gap.since);
                self.grace = (self.grace * 3 / 4 + late / 2).min(MOST_GRACE);
            }
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_gap_is_asked_for_at_once_and_again_only_when_an_answer_is_overdue() {
        let now = Instant::now();
        let mut missing = Missing::default();
        missing.handle(65_534, false, now);
        missing.handle(1, false, now);
        assert_eq!(missing.poll_ask(now), [65_535, 0]);
        assert_eq!(missing.poll_ask(now + 50 * MS), [0_u16; 0]);
        assert_eq!(missing.handle(65_535, true, now + 60 * MS), Arrival::New);
        assert_eq!(missing.handle(65_535, true, now + 61 * MS), Arrival::Again);
        let next = missing.poll_timeout().unwrap();
        assert_eq!(missing.poll_ask(next), [0], "the other alone");
        assert_eq!(missing.handle(0, true, next + 60 * MS), Arrival::New);
        assert_eq!(missing.poll_timeout(), None);
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let mut now = Instant::now();
        let mut missing = Missing::default();
        missing.handle(10, false, now);
        missing.handle(12, false, now);
        let mut asked = 0;
        while let Some(at) = missing.poll_timeout() {
            now = at.max(now + MS);
            asked += missing.poll_ask(now).len();
        }
        assert!((3..=MOST_ASKED as usize).contains(&asked), "{asked}");
    }

    #[test]
    fn where_much_is_lost_each_round_asks_more_than_once() {
        let mut now = Instant::now();
        let mut missing = Missing::default();
        for number in 0..1000_u16 {
            missing.handle(number, number % 10 == 0, now);
        }
        missing.handle(1001, false, now);
        let mut asked_after_ms = Vec::new();
        let began = now;
        while now < began + 250 * MS {
            if missing.poll_ask(now) == [1000] {
                asked_after_ms.push((now - began).as_millis());
            }
            now += MS;
        }
        assert_eq!(asked_after_ms, [0, 12, 24, 154, 166, 178]);
    }

    #[test]
    fn where_packets_overtake_each_other_there_is_a_moment_of_grace() {
        let mut now = Instant::now();
        let mut missing = Missing::default();
        let mut asked = 0;
        for pair in 0..50_u16 {
            missing.handle(2 * pair + 1, false, now);
            asked += missing.poll_ask(now).len();
            now += 5 * MS;
            missing.handle(2 * pair, false, now);
            asked += missing.poll_ask(now).len();
            now += 5 * MS;
        }
        assert!(asked < 5, "{asked}");
    }

    #[test]
    fn a_sender_that_starts_anew_is_not_asked_for_all_between() {
        let now = Instant::now();
        let mut missing = Missing::default();
        missing.handle(0, false, now);
        missing.handle(20_000, false, now);
        assert_eq!(missing.poll_ask(now), [0_u16; 0]);
    }
}
