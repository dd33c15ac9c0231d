//! How long sound is held before it is played, and what is played where a packet is missing.
//!
//! A fixed target, chosen for a calm network. It holds packets in order, drops repeats, recovers a lost one from the
//! redundancy in its successor, has the decoder conceal what cannot be recovered, and never lets time jump: every beat
//! yields exactly one packet's worth of sound.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::packet::{Packet, Unwrapper};

/// How much sound one packet carries.
pub const PACKET: Duration = Duration::from_millis(20);
/// How many packets are gathered before playing starts.
const TARGET: usize = 3;
/// When more than this are waiting, the oldest are let go: the delay would otherwise stay for the rest of the call.
const MOST: usize = 10;
/// How many packets in a row are concealed before the buffer fills anew.
const MOST_CONCEALED: u32 = 5;
/// A jump in the numbers that no loss explains: the sender started anew.
const MAX_JUMP: u64 = 500;

/// What to play in this beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// This packet.
    Packet(Bytes),
    /// The packet before this one, from what this one repeats of it.
    Recover(Bytes),
    /// Whatever the decoder makes up for a missing packet.
    Conceal,
    /// Nothing: the buffer is filling.
    Wait,
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Beats in which a packet was played.
    pub played: u64,
    /// Beats in which a lost packet was recovered from the next.
    pub recovered: u64,
    /// Beats that the decoder made up.
    pub concealed: u64,
    /// Packets that came again or too late.
    pub repeated: u64,
    /// Packets let go to shorten the delay.
    pub skipped: u64,
}

/// The sound of one sender.
#[derive(Debug, Default)]
pub struct Jitter {
    numbers: Unwrapper,
    waiting: BTreeMap<u64, Bytes>,
    next: Option<u64>,
    filling: bool,
    concealed_in_a_row: u32,
    counts: Counts,
}

impl Jitter {
    /// Takes a packet.
    pub fn handle(&mut self, packet: Packet) {
        let highest = self.numbers.highest();
        let mut number = self.numbers.unwrap(packet.sequence);
        if highest.is_some_and(|highest| number.abs_diff(highest) > MAX_JUMP) {
            *self = Self { counts: self.counts, ..Self::default() };
            number = self.numbers.unwrap(packet.sequence);
        }
        if self.next.is_some_and(|next| number < next) || self.waiting.contains_key(&number) {
            self.counts.repeated += 1;
            return;
        }
        self.waiting.insert(number, packet.payload);
        while self.waiting.len() > MOST {
            self.waiting.pop_first();
            self.counts.skipped += 1;
            self.next = self.waiting.keys().next().copied();
        }
    }

    /// What to play now; called once in every [`PACKET`] of time.
    pub fn play(&mut self) -> Play {
        let Some(next) = self.next.filter(|_| !self.filling) else { return self.fill() };
        if let Some(payload) = self.waiting.remove(&next) {
            self.counts.played += 1;
            self.concealed_in_a_row = 0;
            self.next = Some(next + 1);
            return Play::Packet(payload);
        }
        if let Some(successor) = self.waiting.get(&(next + 1)) {
            self.counts.recovered += 1;
            self.next = Some(next + 1);
            return Play::Recover(successor.clone());
        }
        self.counts.concealed += 1;
        self.concealed_in_a_row += 1;
        if !self.waiting.is_empty() {
            self.next = Some(next + 1);
        } else if self.concealed_in_a_row >= MOST_CONCEALED {
            self.filling = true;
        }
        Play::Conceal
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn fill(&mut self) -> Play {
        if self.waiting.len() < TARGET {
            return Play::Wait;
        }
        self.filling = false;
        self.concealed_in_a_row = 0;
        self.next = self.waiting.keys().next().copied();
        self.play()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(n: u16) -> Packet {
        let payload = Bytes::copy_from_slice(&n.to_be_bytes());
        Packet { sequence: n, timestamp: u32::from(n) * 960, marker: false, payload }
    }

    fn playing(count: u16) -> Jitter {
        let mut jitter = Jitter::default();
        for n in 0..count {
            jitter.handle(packet(n));
        }
        jitter
    }

    #[test]
    fn playing_starts_when_enough_has_gathered() {
        let mut jitter = playing(2);
        assert_eq!(jitter.play(), Play::Wait);
        jitter.handle(packet(2));
        assert_eq!(jitter.play(), Play::Packet(packet(0).payload));
    }

    #[test]
    fn a_lost_packet_is_recovered_from_the_next() {
        let mut jitter = Jitter::default();
        for n in [0, 1, 3, 4] {
            jitter.handle(packet(n));
        }
        let played: Vec<_> = (0..5).map(|_| jitter.play()).collect();
        assert_eq!(played[2], Play::Recover(packet(3).payload));
        assert_eq!(played[3], Play::Packet(packet(3).payload));
    }

    #[test]
    fn a_long_silence_is_concealed_and_then_waited_out() {
        let mut jitter = playing(3);
        let played: Vec<_> = (0..10).map(|_| jitter.play()).collect();
        assert_eq!(played[3..8], vec![Play::Conceal; 5]);
        assert_eq!(played[8..], [Play::Wait, Play::Wait]);

        for n in 3..6 {
            jitter.handle(packet(n));
        }
        assert_eq!(jitter.play(), Play::Packet(packet(3).payload));
    }

    #[test]
    fn a_burst_does_not_leave_a_lasting_delay() {
        let jitter = playing(40);
        assert!(jitter.waiting.len() <= MOST);
        assert_eq!(jitter.counts().skipped, 30);
    }

    proptest! {
        #[test]
        fn no_packet_is_played_twice_or_out_of_order(steps in proptest::collection::vec(0_u16..120, 1..400)) {
            let mut jitter = Jitter::default();
            let mut last = None;
            for (i, n) in steps.into_iter().enumerate() {
                jitter.handle(packet(n));
                if i % 2 == 0 && let Play::Packet(payload) = jitter.play() {
                    let n = u16::from_be_bytes([payload[0], payload[1]]);
                    prop_assert!(last < Some(n), "{last:?} then {n}");
                    last = Some(n);
                }
                prop_assert!(jitter.waiting.len() <= MOST);
            }
        }
    }
}
