//! Both directions of a link, and the script that changes them.

use std::time::Duration;

use crate::change::Change;
use crate::link::Link;
use crate::script::{Direction, Directions, Script};
use crate::stats::{Counts, Dropped, Stats};

/// Two [`Link`]s and a [`Script`]. Time is counted from the beginning of the link.
pub struct Cable {
    up: Link,
    down: Link,
    script: Script,
}

impl Cable {
    /// A cable that is perfect until the script says otherwise.
    pub fn new(seed: u64, script: Script) -> Self {
        Self { up: Link::new(seed, Direction::Up), down: Link::new(seed, Direction::Down), script }
    }

    /// What is different from now on.
    pub fn set(&mut self, directions: Directions, change: &Change, now: Duration) {
        self.follow_script(now);
        self.change(directions, change, now);
    }

    /// A packet comes in at one end.
    pub fn arrive(&mut self, direction: Direction, packet: Vec<u8>, now: Duration) {
        self.follow_script(now);
        self.link(direction).arrive(packet, now);
    }

    /// A packet that has landed by now.
    pub fn poll_departure(&mut self, now: Duration) -> Option<(Direction, Vec<u8>)> {
        self.follow_script(now);
        Direction::ALL
            .into_iter()
            .find_map(|direction| Some((direction, self.link(direction).poll_departure(now)?)))
    }

    /// When something happens next by itself.
    pub fn poll_timeout(&self) -> Option<Duration> {
        [self.up.poll_timeout(), self.down.poll_timeout(), self.script.next_at()].into_iter().flatten().min()
    }

    /// A packet that will not arrive.
    pub fn poll_drop(&mut self) -> Option<Dropped> {
        self.up.poll_drop().or_else(|| self.down.poll_drop())
    }

    /// A packet that had landed was not taken.
    pub fn refused(&mut self, direction: Direction, size: usize, now: Duration) {
        self.link(direction).refused(size, now);
    }

    /// What was counted; the strays are not for a cable to know.
    pub fn stats(&mut self, now: Duration) -> Stats {
        self.follow_script(now);
        let mut counts = |direction| -> Counts { self.link(direction).counts(now) };
        let at_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Stats { at_ms, up: counts(Direction::Up), down: counts(Direction::Down) }
    }

    /// Each change at its own time, however late we are.
    fn follow_script(&mut self, now: Duration) {
        while let Some((at, directions, change)) = self.script.next(now) {
            self.change(directions, &change, at);
        }
    }

    fn change(&mut self, directions: Directions, change: &Change, at: Duration) {
        for direction in Direction::ALL.into_iter().filter(|direction| directions.include(*direction)) {
            self.link(direction).set(change, at);
        }
    }

    fn link(&mut self, direction: Direction) -> &mut Link {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_followed_at_its_own_times_though_nobody_looked() {
        let script = "at 100ms up blackout\nat 200ms up clear\nat 300ms down delay=40".parse().unwrap();
        let mut cable = Cable::new(1, script);
        let at = Duration::from_millis;
        let mut arrived = Vec::new();
        for ms in [50, 150, 250] {
            cable.arrive(Direction::Up, vec![ms], at(ms.into()));
            while let Some((_, packet)) = cable.poll_departure(at(ms.into())) {
                arrived.extend(packet);
            }
        }
        assert_eq!(arrived, [50, 250]);

        assert_eq!(cable.poll_timeout(), Some(at(300)));
        cable.arrive(Direction::Down, vec![1], at(350));
        assert_eq!(cable.poll_timeout(), Some(at(390)));
        assert_eq!(cable.stats(at(390)).up.dropped.blackout, 1);
    }

    #[test]
    fn a_packet_that_waited_when_the_rate_fell_is_sent_at_the_new_one() {
        // Ten packets of 1000 bits at 10 kbit/s would be sent at 100 ms each; after half of the first, at 1 s each.
        let script = "at 0s up rate=10 queue=60s\nat 50ms up rate=1".parse().unwrap();
        let mut cable = Cable::new(1, script);
        for _ in 0..10 {
            cable.arrive(Direction::Up, vec![0; 125], Duration::ZERO);
        }
        let mut times = Vec::new();
        while let Some(now) = cable.poll_timeout() {
            while cable.poll_departure(now).is_some() {
                times.push(now.as_millis());
            }
        }
        assert_eq!(times, [550, 1550, 2550, 3550, 4550, 5550, 6550, 7550, 8550, 9550]);
    }
}
