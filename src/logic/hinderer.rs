//! Our own packets, hindered on purpose: some are dropped, the others wait. So that somebody sees how a call recovers.
//!
//! They keep their order. When they are to wait for less, those that wait already do so too. Chance comes from a plain
//! generator: nobody has to be surprised by it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::evidence::Hindrance;

/// How many packets wait at most: two seconds of the best picture, several times over. What comes when it is full is dropped.
const MOST_WAITING: usize = 4096;

/// See the head of this file.
#[derive(Debug)]
pub struct Hinderer<T> {
    waiting: VecDeque<(Instant, T)>,
    chance: u32,
}

impl<T> Default for Hinderer<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), chance: 0x9e37_79b9 }
    }
}

impl<T> Hinderer<T> {
    /// A packet would leave: gives it back where nothing stands in its way.
    pub fn pass(&mut self, packet: T, hindrance: Hindrance, now: Instant) -> Option<T> {
        if hindrance.loss_percent > 0 && self.draw() < u32::from(hindrance.loss_percent) {
            return None;
        }
        if hindrance.delay_ms == 0 && self.waiting.is_empty() {
            return Some(packet);
        }
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back((now, packet));
        }
        None
    }

    /// One that has waited for long enough.
    pub fn take(&mut self, hindrance: Hindrance, now: Instant) -> Option<T> {
        self.poll_timeout(hindrance).filter(|at| now >= *at)?;
        self.waiting.pop_front().map(|(_, packet)| packet)
    }

    /// When the next one has.
    pub fn poll_timeout(&self, hindrance: Hindrance) -> Option<Instant> {
        let (since, _) = self.waiting.front()?;
        Some(*since + Duration::from_millis(hindrance.delay_ms.into()))
    }

    /// From 0 to 99.
    fn draw(&mut self) -> u32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        self.chance % 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSS: Hindrance = Hindrance { loss_percent: 30, delay_ms: 0, blocks_udp: false };
    const DELAY: Hindrance = Hindrance { loss_percent: 0, delay_ms: 500, blocks_udp: false };
    const NOTHING: Hindrance = Hindrance { loss_percent: 0, delay_ms: 0, blocks_udp: false };

    #[test]
    fn what_is_not_hindered_passes_at_once() {
        assert_eq!(Hinderer::default().pass(1, NOTHING, Instant::now()), Some(1));
    }

    #[test]
    fn about_as_much_is_dropped_as_was_asked_for() {
        let mut hinderer = Hinderer::default();
        let now = Instant::now();
        let left = (0..10_000).filter(|packet| hinderer.pass(*packet, LOSS, now).is_some()).count();
        assert!((6_800..7_200).contains(&left), "{left}");
    }

    #[test]
    fn what_waits_leaves_in_its_order_after_its_time() {
        let mut hinderer = Hinderer::default();
        let start = Instant::now();
        for packet in 0..3 {
            assert_eq!(hinderer.pass(packet, DELAY, start + Duration::from_millis(100 * packet)), None);
        }
        let due = |ms| start + Duration::from_millis(ms);
        assert_eq!(hinderer.poll_timeout(DELAY), Some(due(500)));
        assert_eq!(hinderer.take(DELAY, due(499)), None);
        assert_eq!(hinderer.take(DELAY, due(600)), Some(0));
        assert_eq!(hinderer.take(DELAY, due(600)), Some(1));
        assert_eq!(hinderer.take(DELAY, due(600)), None);
    }

    #[test]
    fn when_nothing_hinders_any_more_what_waits_goes_first_and_at_once() {
        let mut hinderer = Hinderer::default();
        let now = Instant::now();
        hinderer.pass(1, DELAY, now);
        assert_eq!(hinderer.pass(2, NOTHING, now), None);
        assert_eq!((hinderer.take(NOTHING, now), hinderer.take(NOTHING, now)), (Some(1), Some(2)));
        assert_eq!(hinderer.pass(3, NOTHING, now), Some(3));
    }

    #[test]
    fn never_more_wait_than_there_is_room_for() {
        let mut hinderer = Hinderer::default();
        let now = Instant::now();
        let passed = (0..10_000).filter(|packet| hinderer.pass(*packet, DELAY, now).is_some());
        assert_eq!(passed.count(), 0);
        assert_eq!(hinderer.waiting.len(), MOST_WAITING);
    }
}
