//! Packets become whole pictures: in order, each once, and never one that was built on something missing.
//!
//! A gap is waited for (the sender is asked to repeat by the layer below), as long as two rounds of repetition take on this
//! path. Then a key frame is asked for, and the waiting goes on: whichever comes first, the repetition or a whole key frame, ends
//! it. What is repaired late is still given out, as later pictures stand on it; whether it is shown is the playout's.
//!
//! What had come was once dropped when patience ended. Where much is lost a repetition often comes before the key frame does, and
//! the picture then stood still for longer than it had to.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::packet::{Packet, Unwrapper};

/// What a round trip is taken for until it is known.
pub const USUAL_ROUND_TRIP: Duration = Duration::from_millis(70);
/// A round of repetition takes so many round trips,
const ROUND: f64 = 1.3;
/// and this: where much is lost it asks several times, a moment apart.
const ROUND_BESIDES: Duration = Duration::from_millis(35);
/// So many rounds of repetition are waited for before a key frame is asked for.
const ROUNDS: u32 = 2;
/// Packets that overtake each other are no loss: even beside the sender a gap is given this long.
const LEAST_PATIENCE: Duration = Duration::from_millis(60);
/// On a path as long as that, nothing is gained by waiting for a second round.
const MOST_PATIENCE: Duration = Duration::from_millis(500);
/// Besides the round trip a key frame takes this: it is long, and is sent no faster than the path allows.
const KEY_FRAME: Duration = Duration::from_millis(250);
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
    /// When the first of its packets came.
    pub began: Instant,
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
    round_trip: Duration,
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
            round_trip: USUAL_ROUND_TRIP,
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

    /// How long it takes there and back now.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
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
        if self.poll_timeout().is_some_and(|at| now >= at) {
            self.ask_for_key_frame(now);
        }
    }

    /// When patience ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ask_at.or_else(|| self.gap.map(|gap| gap.since + self.patience()))
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

    fn patience(&self) -> Duration {
        let round = self.round_trip.mul_f64(ROUND) + ROUND_BESIDES;
        (round * ROUNDS).clamp(LEAST_PATIENCE, MOST_PATIENCE)
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
            self.note_gap(first);
            return;
        }
    }

    /// A picture whose end has merely not come yet is no gap, however long it takes. A gap is as old as the first packet
    /// from behind it.
    fn note_gap(&mut self, first: u64) {
        let missing = (first..)
            .zip(self.waiting.range(first..))
            .find_map(|(expected, (&number, _))| (number != expected).then_some(expected));
        if self.gap.map(|gap| gap.missing) != missing {
            self.gap = missing.and_then(|missing| {
                let since = self.waiting.range(missing..).map(|(_, (_, came))| *came).min()?;
                Some(Gap { missing, since })
            });
        }
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
        let (mut timestamp, mut began, mut arrived) = (0, None, None);
        for number in first..=last {
            if let Some((packet, came)) = self.waiting.remove(&number) {
                timestamp = packet.timestamp;
                began = Some(began.map_or(came, |began: Instant| began.min(came)));
                arrived = arrived.max(Some(came));
                payloads.push(packet.payload);
            }
        }
        self.floor = last + 1;
        self.next = Some(last + 1);
        self.gap = None;
        self.ask_at = None;
        if let (Some(began), Some(arrived)) = (began, arrived) {
            let key = payloads.first().is_some_and(|payload| (self.starts_key)(payload));
            self.whole.push_back(Whole { timestamp, payloads, key, began, arrived });
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
        if self.waiting.is_empty() && self.ask_at.is_none() {
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
        self.ask_at = Some(now + self.round_trip + KEY_FRAME);
        self.counts.key_frames_asked += 1;
    }

    fn start_anew(&mut self) {
        let Self { starts_key, round_trip, counts, .. } = *self;
        *self = Self { round_trip, counts, whole: std::mem::take(&mut self.whole), ..Self::new(starts_key) };
    }
}

#[cfg(test)]
mod tests;
