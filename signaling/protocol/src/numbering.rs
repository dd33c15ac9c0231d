//! Numbers that let a conversation outlive its connection.
//!
//! Either side numbers what the other must not miss, from 1 without a gap, and keeps it until it is acknowledged. When the
//! connection breaks, the two tell each other how far they have come and say again what is missing. What comes twice is
//! known by its number and dropped; what is missing in the middle cannot happen, and ends the session.
//!
//! [`Outbox`] is the one half and [`Inbox`] the other. A client has one of each, and the server one of each for every
//! session, so both cost nothing while nothing waits.

use std::collections::VecDeque;
use std::time::Instant;

use crate::limits::{ACKNOWLEDGE_AFTER, ACKNOWLEDGE_AFTER_MESSAGES};

/// What was said and is not acknowledged yet.
#[derive(Debug)]
pub struct Outbox<T> {
    waiting: VecDeque<T>,
    acknowledged: u64,
    bytes: usize,
}

/// How much of an [`Outbox`] something takes.
pub trait Weight {
    /// In bytes.
    fn bytes(&self) -> usize;
}

/// An acknowledgement of something that was never said, or one that takes an earlier one back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("number {number} cannot be acknowledged: it is not from {from} to {to}")]
pub struct NotSaid {
    /// What was to be acknowledged.
    pub number: u64,
    /// The lowest number that could have been.
    pub from: u64,
    /// The highest.
    pub to: u64,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), acknowledged: 0, bytes: 0 }
    }
}

impl<T: Weight> Outbox<T> {
    /// The number that the next one gets.
    pub fn next(&self) -> u64 {
        self.acknowledged + self.waiting.len() as u64 + 1
    }

    /// Keeps the next one, whose number is [`next`](Self::next).
    pub fn push(&mut self, item: T) {
        self.bytes += item.bytes();
        self.waiting.push_back(item);
    }

    /// Lets go of everything up to this number.
    pub fn acknowledge(&mut self, number: u64) -> Result<(), NotSaid> {
        let (from, to) = (self.acknowledged, self.next() - 1);
        if !(from..=to).contains(&number) {
            return Err(NotSaid { number, from, to });
        }
        for item in self.waiting.drain(..(number - from) as usize) {
            self.bytes -= item.bytes();
        }
        self.acknowledged = number;
        if self.waiting.is_empty() {
            // Ten thousand idle sessions are not to hold what their busiest moment took.
            self.waiting = VecDeque::new();
        }
        Ok(())
    }

    /// What waits, with its numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (self.acknowledged + 1..).zip(&self.waiting)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many bytes wait.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes out everything that waits. Only for an end: the numbers begin again.
    pub fn take(&mut self) -> VecDeque<T> {
        std::mem::take(self).waiting
    }
}

/// What has come, and what of it was acknowledged.
#[derive(Debug, Default)]
pub struct Inbox {
    taken: u64,
    told: u64,
    due: Option<Instant>,
}

/// What a number says about the message that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is the next one, and is counted now.
    New,
    /// It came before.
    Repeat,
    /// Something before it is missing.
    Gap,
}

impl Inbox {
    /// Looks at the number of something that came.
    pub fn take(&mut self, number: u64, now: Instant) -> Arrival {
        if number <= self.taken {
            return Arrival::Repeat;
        }
        if number > self.taken + 1 {
            return Arrival::Gap;
        }
        self.taken = number;
        self.due.get_or_insert(now + ACKNOWLEDGE_AFTER);
        Arrival::New
    }

    /// The highest number that came in order.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// When something has to be acknowledged at the latest.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What to acknowledge now, if it is time.
    pub fn acknowledgement(&mut self, now: Instant) -> Option<u64> {
        let many = self.taken - self.told >= ACKNOWLEDGE_AFTER_MESSAGES;
        if many || self.due.is_some_and(|due| due <= now) { self.tell() } else { None }
    }

    /// What can be acknowledged, whether or not it is time: something is being said anyway.
    pub fn tell(&mut self) -> Option<u64> {
        self.due = None;
        let news = self.taken > self.told;
        self.told = self.taken;
        news.then_some(self.taken)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    impl Weight for &str {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn what_is_acknowledged_goes_and_the_rest_keeps_its_numbers() {
        let mut outbox = Outbox::default();
        for word in ["one", "two", "three"] {
            outbox.push(word);
        }
        assert_eq!((outbox.len(), outbox.bytes(), outbox.next()), (3, 11, 4));
        assert_eq!(outbox.acknowledge(2), Ok(()));
        assert_eq!(outbox.iter().collect::<Vec<_>>(), [(3, &"three")]);
        assert_eq!((outbox.bytes(), outbox.next()), (5, 4));
        assert_eq!(outbox.acknowledge(2), Ok(()), "the same once more says nothing new");
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_said_is_refused() {
        let mut outbox = Outbox::default();
        outbox.push("one");
        assert_eq!(outbox.acknowledge(2), Err(NotSaid { number: 2, from: 0, to: 1 }));
        assert_eq!(outbox.acknowledge(1), Ok(()));
        assert_eq!(outbox.acknowledge(0), Err(NotSaid { number: 0, from: 1, to: 1 }));
        assert_eq!(outbox.acknowledge(u64::MAX), Err(NotSaid { number: u64::MAX, from: 1, to: 1 }));
    }

    #[test]
    fn each_number_is_taken_once_and_in_order() {
        let (mut inbox, now) = (Inbox::default(), Instant::now());
        let arrivals = [1, 1, 3, 2, 3, 2, 0, u64::MAX].map(|number| inbox.take(number, now));
        use Arrival::{Gap, New, Repeat};
        assert_eq!(arrivals, [New, Repeat, Gap, New, New, Repeat, Repeat, Gap]);
        assert_eq!(inbox.taken(), 3);
    }

    #[test]
    fn much_is_acknowledged_at_once_and_little_after_a_second() {
        let (mut inbox, now) = (Inbox::default(), Instant::now());
        for number in 1..16 {
            inbox.take(number, now);
            assert_eq!(inbox.acknowledgement(now), None);
        }
        inbox.take(16, now);
        assert_eq!(inbox.acknowledgement(now), Some(16));
        assert_eq!((inbox.due(), inbox.acknowledgement(now)), (None, None));

        inbox.take(17, now);
        let later = now + Duration::from_secs(1);
        assert_eq!(inbox.due(), Some(later));
        assert_eq!(inbox.acknowledgement(later - Duration::from_millis(1)), None);
        assert_eq!(inbox.acknowledgement(later), Some(17));
    }
}
