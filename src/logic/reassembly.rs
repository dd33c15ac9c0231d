//! Packets become whole pictures: in order, each once, and never one that was built on something missing.
//!
//! A gap is waited for (the sender is asked to repeat by the layer below). When patience ends, everything up to the next
//! key frame is dropped, and a key frame is asked for. A later key frame that is whole ends the waiting at once.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::packet::{Packet, Unwrapper};

/// How long a gap is waited for. Two rounds of repetition on a path of 60 ms fit in it.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often a key frame is asked for while none comes.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// How many packets may wait; one more and all of them are dropped for a key frame.
const MAX_WAITING: usize = 2048;
/// A jump in the numbers that no loss explains: the sender started anew.
const MAX_JUMP: u64 = 3000;

/// All packets of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// When it was captured, on the 90 kHz clock.
    pub timestamp: u32,
    /// Its payloads, in order.
    pub payloads: Vec<Bytes>,
    /// Decodable without any picture before it.
    pub key: bool,
    /// When its last missing packet came.
    pub arrived: Instant,
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that came again or too late.
    pub repeated: u64,
    /// Packets dropped because a picture before them was lost.
    pub dropped: u64,
    /// Times a key frame was asked for.
    pub key_frames_asked: u64,
}

/// A packet that is missing while later ones are there.
#[derive(Clone, Copy, Debug)]
struct Gap {
    missing: u64,
    since: Instant,
}

/// The pictures of one sender.
#[derive(Debug)]
pub struct Reassembly {
    starts_key: fn(&[u8]) -> bool,
    numbers: Unwrapper,
    waiting: BTreeMap<u64, (Packet, Instant)>,
    /// The first packet of the next picture; `None` while a key frame is waited for.
    next: Option<u64>,
    /// Everything below was delivered or given up.
    floor: u64,
    gap: Option<Gap>,
    ask_at: Option<Instant>,
    ask: bool,
    whole: VecDeque<Whole>,
    counts: Counts,
}

impl Reassembly {
    /// `starts_key` says whether a payload is the first one of a key frame.
    pub fn new(starts_key: fn(&[u8]) -> bool) -> Self {
        Self {
            starts_key,
            numbers: Unwrapper::default(),
            waiting: BTreeMap::new(),
            next: None,
            floor: 0,
            gap: None,
            ask_at: None,
            ask: false,
            whole: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Takes a packet.
    pub fn handle(&mut self, packet: Packet, now: Instant) {
        let highest = self.numbers.highest();
        let mut number = self.numbers.unwrap(packet.sequence);
        if highest.is_some_and(|highest| number.abs_diff(highest) > MAX_JUMP) {
            self.start_anew();
            number = self.numbers.unwrap(packet.sequence);
        }
        if number < self.floor || self.waiting.contains_key(&number) {
            self.counts.repeated += 1;
            return;
        }
        self.waiting.insert(number, (packet, now));
        if self.waiting.len() > MAX_WAITING {
            self.give_up_this_picture(now);
        }
        self.advance(now);
    }

    /// Loses patience where it is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.gap.is_some_and(|gap| now >= gap.since + PATIENCE) {
            self.give_up_this_picture(now);
        }
        if self.ask_at.is_some_and(|at| now >= at) {
            self.ask_for_key_frame(now);
        }
        self.advance(now);
    }

    /// When patience ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.gap.map(|gap| gap.since + PATIENCE), self.ask_at].into_iter().flatten().min()
    }

    /// The next picture.
    pub fn poll_whole(&mut self) -> Option<Whole> {
        self.whole.pop_front()
    }

    /// Whether the sender shall be asked for a key frame now.
    pub fn poll_ask(&mut self) -> bool {
        std::mem::take(&mut self.ask)
    }

    /// A picture that came whole could not be decoded.
    pub fn decoding_failed(&mut self, now: Instant) {
        self.give_up_to_key_frame(now);
        self.advance(now);
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn advance(&mut self, now: Instant) {
        loop {
            if self.next.is_none() && !self.begin_at_key_frame(now) {
                return;
            }
            let Some(first) = self.next else { return };
            if let Some(last) = self.last_of_whole(first) {
                self.deliver(first, last);
                continue;
            }
            if let Some(key) = self.whole_key_frame_after(first) {
                self.drop_below(key);
                self.next = Some(key);
                continue;
            }
            self.note_gap(first, now);
            return;
        }
    }

    /// A picture whose end has merely not come yet is no gap, however long it takes.
    fn note_gap(&mut self, first: u64, now: Instant) {
        let missing = (first..)
            .zip(self.waiting.range(first..))
            .find_map(|(expected, (&number, _))| (number != expected).then_some(expected));
        self.gap = missing.map(|missing| match self.gap {
            Some(gap) if gap.missing == missing => gap,
            Some(_) | None => Gap { missing, since: now },
        });
    }

    fn begin_at_key_frame(&mut self, now: Instant) -> bool {
        let key = self.waiting.iter().find(|(_, (packet, _))| (self.starts_key)(&packet.payload));
        let Some((&key, _)) = key else {
            if self.ask_at.is_none() && !self.waiting.is_empty() {
                self.ask_for_key_frame(now);
            }
            return false;
        };
        self.drop_below(key);
        self.next = Some(key);
        self.ask_at = None;
        true
    }

    fn last_of_whole(&self, first: u64) -> Option<u64> {
        let timestamp = self.waiting.get(&first)?.0.timestamp;
        for (expected, (&number, (packet, _))) in (first..).zip(self.waiting.range(first..)) {
            if number != expected {
                return None;
            }
            if packet.timestamp != timestamp {
                return Some(number - 1);
            }
            if packet.marker {
                return Some(number);
            }
        }
        None
    }

    fn whole_key_frame_after(&self, first: u64) -> Option<u64> {
        let later = self.waiting.range(first + 1..);
        let keys = later.filter(|(_, (packet, _))| (self.starts_key)(&packet.payload));
        keys.map(|(&number, _)| number).find(|&number| self.last_of_whole(number).is_some())
    }

    fn deliver(&mut self, first: u64, last: u64) {
        let mut payloads = Vec::with_capacity((last - first + 1) as usize);
        let (mut timestamp, mut arrived) = (0, None);
        for number in first..=last {
            if let Some((packet, came)) = self.waiting.remove(&number) {
                timestamp = packet.timestamp;
                arrived = arrived.max(Some(came));
                payloads.push(packet.payload);
            }
        }
        self.floor = last + 1;
        self.next = Some(last + 1);
        self.gap = None;
        if let Some(arrived) = arrived {
            let key = payloads.first().is_some_and(|payload| (self.starts_key)(payload));
            self.whole.push_back(Whole { timestamp, payloads, key, arrived });
        }
    }

    /// The picture that is waited for has a hole. Where it is a key frame, it is not the one to go on with.
    fn give_up_this_picture(&mut self, now: Instant) {
        if let Some(first) = self.next {
            self.drop_below(first + 1);
        }
        self.give_up_to_key_frame(now);
    }

    fn give_up_to_key_frame(&mut self, now: Instant) {
        self.next = None;
        self.gap = None;
        let keeps = self
            .waiting
            .iter()
            .find(|(_, (packet, _))| (self.starts_key)(&packet.payload))
            .map_or(u64::MAX, |(&number, _)| number);
        self.drop_below(keeps.min(self.numbers.highest().map_or(0, |highest| highest + 1)));
        if self.waiting.is_empty() {
            self.ask_for_key_frame(now);
        }
    }

    fn drop_below(&mut self, number: u64) {
        let kept = self.waiting.split_off(&number);
        self.counts.dropped += self.waiting.len() as u64;
        self.waiting = kept;
        self.floor = self.floor.max(number);
    }

    fn ask_for_key_frame(&mut self, now: Instant) {
        self.ask = true;
        self.ask_at = Some(now + ASK_EVERY);
        self.counts.key_frames_asked += 1;
    }

    fn start_anew(&mut self) {
        let (starts_key, counts) = (self.starts_key, self.counts);
        *self = Self { counts, whole: std::mem::take(&mut self.whole), ..Self::new(starts_key) };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: u8 = 7;

    fn starts_key(payload: &[u8]) -> bool {
        payload.first() == Some(&KEY)
    }

    /// Pictures of two packets each; every `key_every`th is a key frame.
    fn stream(pictures: u16, key_every: u16) -> Vec<Packet> {
        (0..pictures)
            .flat_map(|n| {
                let first = if n % key_every == 0 { KEY } else { 1 };
                let packet = |i: u16, byte: u8| Packet {
                    sequence: 65_530_u16.wrapping_add(n * 2 + i),
                    timestamp: u32::from(n) * 3000,
                    marker: i == 1,
                    payload: Bytes::copy_from_slice(&[byte, n as u8]),
                };
                [packet(0, first), packet(1, 2)]
            })
            .collect()
    }

    #[test]
    fn a_first_key_frame_with_a_hole_is_given_up_and_another_asked_for() {
        let now = Instant::now();
        let mut reassembly = Reassembly::new(starts_key);
        let packets = stream(40, 30);
        for (number, packet) in packets.into_iter().enumerate().filter(|(number, _)| *number != 1) {
            let now = now + Duration::from_millis(33) * (number as u32 / 2);
            reassembly.handle_timeout(now);
            reassembly.handle(packet, now);
            if number == 40 {
                assert!(reassembly.poll_ask(), "another is asked for");
                assert_eq!(timestamps(&mut reassembly), [0_u32; 0]);
            }
        }
        assert_eq!(timestamps(&mut reassembly), Vec::from_iter(30..40), "and gone on with when it comes");
    }

    fn timestamps(reassembly: &mut Reassembly) -> Vec<u32> {
        std::iter::from_fn(|| reassembly.poll_whole()).map(|whole| whole.timestamp / 3000).collect()
    }

    #[test]
    fn pictures_come_out_whole_and_in_order_though_packets_overtake_each_other() {
        let now = Instant::now();
        let mut reassembly = Reassembly::new(starts_key);
        let mut packets = stream(6, 100);
        packets.swap(3, 6);
        packets.swap(8, 9);

        for packet in packets {
            reassembly.handle(packet.clone(), now);
            reassembly.handle(packet, now);
        }

        assert_eq!(timestamps(&mut reassembly), [0, 1, 2, 3, 4, 5]);
        assert_eq!(reassembly.counts().repeated, 12);
    }

    #[test]
    fn a_picture_that_stays_incomplete_ends_in_a_request_for_a_key_frame() {
        let now = Instant::now();
        let mut reassembly = Reassembly::new(starts_key);
        let mut packets = stream(6, 4);
        packets.remove(5);
        let rest = packets.split_off(6);
        for packet in packets {
            reassembly.handle(packet, now);
        }
        assert_eq!(timestamps(&mut reassembly), [0, 1]);
        assert!(!reassembly.poll_ask());

        let later = reassembly.poll_timeout().unwrap();
        reassembly.handle_timeout(later);
        assert!(reassembly.poll_ask());
        assert!(!reassembly.poll_ask(), "asked once");

        for packet in rest {
            reassembly.handle(packet, later);
        }
        assert_eq!(timestamps(&mut reassembly), [4, 5], "from the next key frame on");
    }

    #[test]
    fn a_whole_key_frame_behind_a_gap_ends_the_waiting_at_once() {
        let now = Instant::now();
        let mut reassembly = Reassembly::new(starts_key);
        let mut packets = stream(6, 4);
        packets.remove(5);
        for packet in packets {
            reassembly.handle(packet, now);
        }
        assert_eq!(timestamps(&mut reassembly), [0, 1, 4, 5]);
    }

    #[test]
    fn a_sender_that_starts_anew_is_followed() {
        let now = Instant::now();
        let mut reassembly = Reassembly::new(starts_key);
        for packet in stream(3, 100) {
            reassembly.handle(packet, now);
        }
        for mut packet in stream(3, 100) {
            packet.sequence = packet.sequence.wrapping_add(20_000);
            reassembly.handle(packet, now);
        }
        assert_eq!(timestamps(&mut reassembly), [0, 1, 2, 0, 1, 2]);
    }

    proptest! {
        #[test]
        fn nothing_comes_twice_or_backwards_whatever_the_network_does(
            order in proptest::collection::vec((0_usize..80, 0_u64..40), 1..300)
        ) {
            let packets = stream(40, 7);
            let mut reassembly = Reassembly::new(starts_key);
            let mut now = Instant::now();
            let mut last = None;
            for (index, pause) in order {
                now += Duration::from_millis(pause);
                reassembly.handle_timeout(now);
                reassembly.handle(packets[index].clone(), now);
                while let Some(whole) = reassembly.poll_whole() {
                    prop_assert_eq!(whole.payloads.len(), 2);
                    prop_assert!(last < Some(whole.timestamp));
                    last = Some(whole.timestamp);
                }
                prop_assert!(reassembly.waiting.len() <= MAX_WAITING);
            }
        }
    }
}
