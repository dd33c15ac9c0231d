//! How long sound is held before it is played, and what is played where a packet is missing.
//!
//! All is reckoned on two clocks: the sender's, which counts samples, and ours. A packet's way is the difference of the
//! two; the fastest way of late is the yardstick. The *margin* is by how much later than a packet that comes the fastest way
//! its sound is wanted, and so how late a packet may be. The *target* is the margin that is wanted: what almost all packets
//! stay within (`arrivals`), and a packet's length more where packets get lost, because then the copy that the next
//! one carries is there in time. Where the two part, sound is drawn out or shortened by a pitch period now and then, or in
//! silence by as much as is needed; and where sound is missing anyway, that is the cheapest place to change the margin.
//!
//! When nothing has come that could be played, the decoder goes on by itself, and the place in the sender's sound stays
//! where it was: what is only late is still played. What was made up meanwhile counts for what turns out to be lost.
//!
//! Tried and given up: a target of three packets whatever the network does (60 ms more than a calm one needs, and too little
//! for one that is not calm); the depth of the buffer in place of the margin, which steps by a packet and needs a filter.

mod arrivals;
mod numbering;
mod opus_packet;
mod play;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::packet::Packet;
use arrivals::{Arrivals, Losses};
use numbering::{Numbering, Placed};
use opus_packet::OpusPacket;
pub use play::{Counts, Only, Play, Stretch};

/// Samples a second.
const RATE_HZ: i64 = 48_000;
/// Made up at once: 10 ms.
const STEP: i64 = 480;
/// A decoder makes up multiples of this: 2.5 ms.
const GRAIN: i64 = 120;

/// When so many packets are held, the oldest is let go: 2 s, far beyond the longest delay.
const MOST_HELD: usize = 100;
/// The margin with which a call begins.
const FIRST_MARGIN_US: i64 = 15_000;
/// The least target: half a packet, which the pace of two computers needs though the network is perfect.
const LEAST_TARGET_US: i64 = 10_000;
/// The greatest: beyond it people talk over each other, and rather miss a word.
const MOST_TARGET_US: i64 = 300_000;
/// Added to what the network needs.
const SAFETY_US: i64 = 3_000;
/// The margin may be less than the target by this before sound is drawn out,
const MAY_LACK_US: i64 = 2_000;
/// and the delay more than is needed by this before sound is shortened: 20 ms.
const MAY_EXCEED: i64 = 960;
/// The same in silence, where nobody hears it.
const MAY_EXCEED_IN_SILENCE: i64 = 120;
/// When the difference is greater than this it hurries,
const HURRIES: i64 = 2_880;
/// and by this, sound is left out: a stall's worth of old sound at a faster pace would be minutes of not catching up.
const LEAVES_OUT_US: i64 = 500_000;
/// Between two changes of length, unless it hurries: a tenth faster or slower is not noticed.
const BETWEEN_CHANGES: i64 = 4_800;
/// The same when it hurries.
const BETWEEN_HURRIED_CHANGES: i64 = 1_920;
/// After so much made up in a row nothing is left of it, and playing begins anew with the next packet.
const LONGEST_MADE_UP: i64 = RATE_HZ;
/// A timestamp that is ahead of the time by more than this is on another scale.
const MAX_AHEAD_US: i64 = 1_000_000;

/// With so many of a hundred packets lost, the copies are waited for,
const WAITS_FOR_COPIES_PERCENT: u32 = 1;
/// where it is more than this many.
const LEAST_LOST: u32 = 2;

#[derive(Debug)]
struct Held {
    /// See [`Placed::At`].
    number: Option<u64>,
    at: i64,
    opus: OpusPacket,
    payload: Bytes,
    arrived_us: i64,
}

impl Held {
    fn samples(&self) -> i64 {
        i64::from(self.opus.samples)
    }
}

#[derive(Clone, Copy, Debug)]
struct Last {
    number: Option<u64>,
    /// It was of a silence.
    quiet: bool,
}

/// The sound of one sender.
#[derive(Debug)]
pub struct Jitter {
    numbering: Numbering,
    arrivals: Arrivals,
    /// In order.
    held: VecDeque<Held>,
    /// Where microseconds are counted from.
    epoch: Option<Instant>,
    /// Where in the sender's sound we are; nothing until there is enough to begin.
    place: Option<i64>,
    /// As far as we ever were.
    reached: i64,
    /// The last packet played.
    last: Option<Last>,
    /// Where the last packets that were played began: those which may still come once more.
    played: [Option<i64>; 8],
    /// Made up since the place stands still.
    made_up: i64,
    /// Where the length was last changed.
    changed_at: i64,
    waits_for_copies: bool,
    counts: Counts,
}

impl Default for Jitter {
    fn default() -> Self {
        Self {
            numbering: Numbering::default(),
            arrivals: Arrivals::new(),
            held: VecDeque::with_capacity(MOST_HELD + 1),
            epoch: None,
            place: None,
            reached: i64::MIN,
            last: None,
            played: [None; 8],
            made_up: LONGEST_MADE_UP,
            changed_at: i64::MIN,
            waits_for_copies: false,
            counts: Counts::default(),
        }
    }
}

impl Jitter {
    /// Takes a packet that came at that time.
    pub fn handle(&mut self, packet: Packet, arrived: Instant) {
        let Some(opus) = OpusPacket::read(&packet.payload) else {
            self.counts.unreadable += 1;
            return;
        };
        let arrived_us = self.micros(arrived);
        let latest =
            self.arrivals.fastest_for_sure_us().map(|fastest| samples(arrived_us - fastest + MAX_AHEAD_US));
        let (number, at) = match self.numbering.place(packet.sequence, packet.timestamp, opus.samples, latest)
        {
            Placed::First { number, at } => {
                self.begin_anew();
                (Some(number), at)
            }
            Placed::At { number, at, missing } => {
                if missing.is_none() && self.has(at) {
                    self.counts.repeated += 1;
                    return;
                }
                self.note_loss(missing);
                (number, at)
            }
            Placed::Again => {
                self.counts.repeated += 1;
                return;
            }
            Placed::Stray | Placed::Wrong => {
                self.counts.unreadable += 1;
                return;
            }
        };
        self.arrivals.note(arrived_us - micros(at), arrived_us, self.place.is_some());
        self.hold(Held { number, at, opus, payload: packet.payload, arrived_us });
    }

    /// What comes after the `pending` samples that are decoded and will be played from `now` on.
    pub fn next(&mut self, now: Instant, pending: usize) -> Play {
        let now_us = self.micros(now);
        let Some(place) = self.place.or_else(|| self.find_a_place(now_us)) else {
            return self.make_up_while_waiting();
        };
        self.place = Some(place);
        self.drop_what_is_behind(place);
        self.leave_out(now_us);
        let Some(first) = self.held.front() else { return self.make_up_while_waiting() };
        let (gap, number) = (first.at - self.place.unwrap_or(place), first.number);
        if gap < GRAIN {
            return self.play(now_us, pending);
        }
        let nothing_is_lost =
            self.last.and_then(|last| last.number).is_some_and(|last| number == Some(last + 1));
        let copy = if nothing_is_lost { 0 } else { i64::from(first.opus.copy_samples) };
        self.fill(now_us, pending, gap, copy, nothing_is_lost)
    }

    /// The length of a piece was changed as asked for: by so many samples more, or less.
    pub fn stretched(&mut self, by: isize) {
        let many = by.unsigned_abs() as u64;
        match by {
            0 => return,
            ..0 => self.counts.shortened += many,
            1.. => self.counts.drawn_out += many,
        }
        self.changed_at = self.place.unwrap_or(i64::MIN);
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How late a packet may be without being missed, as it is wanted.
    pub fn target(&self) -> Duration {
        Duration::from_micros(self.target_us().unsigned_abs())
    }

    /// Where in the sender's sound the next decoded sample is, on the scale of its timestamps.
    pub fn next_timestamp(&self) -> Option<u32> {
        self.numbering.timestamp(self.place?)
    }

    /// How many of a hundred packets got lost of late, though the sender may have sent them again.
    pub fn loss_percent(&self) -> u8 {
        let losses = self.arrivals.losses();
        u8::try_from((losses.out_of_turn * 100).checked_div(losses.expected).unwrap_or(0)).unwrap_or(100)
    }

    fn micros(&mut self, at: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(at);
        let after = i64::try_from(at.saturating_duration_since(epoch).as_micros()).unwrap_or(i64::MAX / 4);
        let before = i64::try_from(epoch.saturating_duration_since(at).as_micros()).unwrap_or(i64::MAX / 4);
        after - before
    }

    /// Another sender, or the same after a new start: nothing that was held goes on.
    fn begin_anew(&mut self) {
        self.held.clear();
        self.place = None;
        self.last = None;
        self.arrivals.begin_anew();
    }

    fn note_loss(&mut self, missing: Option<u32>) {
        match missing {
            Some(missing) => self.arrivals.note_loss(missing + 1, missing),
            None => self.arrivals.note_found(),
        }
        let Losses { expected, for_good: lost, .. } = self.arrivals.losses();
        let many = lost > LEAST_LOST && lost * 100 >= expected * WAITS_FOR_COPIES_PERCENT;
        // It takes half as many to go on waiting for copies as to begin with it.
        let few = lost == 0 || lost * 200 < expected * WAITS_FOR_COPIES_PERCENT;
        self.waits_for_copies = if self.waits_for_copies { !few } else { many };
    }

    /// Whether sound of that place is held, or was just played.
    fn has(&self, at: i64) -> bool {
        self.held.iter().any(|held| held.at == at) || self.played.contains(&Some(at))
    }

    fn hold(&mut self, packet: Held) {
        if packet.at + packet.samples() / 2 < self.reached {
            self.counts.late += 1;
            return;
        }
        let after = self.held.iter().rev().take_while(|held| held.at >= packet.at).count();
        let place = self.held.len() - after;
        if self.held.get(place).is_some_and(|next| next.at == packet.at) {
            self.counts.unreadable += 1;
            return;
        }
        self.held.insert(place, packet);
        if self.held.len() > MOST_HELD {
            self.held.pop_front();
            self.counts.skipped += 1;
        }
    }

    fn target_us(&self) -> i64 {
        let copy = if self.waits_for_copies { self.held.back().map_or(960, Held::samples) } else { 0 };
        let needed = self.arrivals.late_us() + SAFETY_US + micros(copy);
        needed.clamp(LEAST_TARGET_US, MOST_TARGET_US)
    }

    /// By how much later than the fastest packet's the sound of that place is wanted.
    fn margin_us(&self, now_us: i64, place: i64) -> i64 {
        now_us - micros(place) - self.arrivals.fastest_us().unwrap_or_default()
    }

    /// Where to begin: with the newest packet that leaves the margin that is wanted.
    fn find_a_place(&mut self, now_us: i64) -> Option<i64> {
        self.drop_what_is_behind(self.reached);
        let wanted_us = FIRST_MARGIN_US.max(self.target_us() - MAY_LACK_US);
        let enough = |held: &Held| self.margin_us(now_us, held.at) >= wanted_us;
        let first = self.held.iter().rposition(enough)?;
        self.counts.skipped += first as u64;
        self.held.drain(..first);
        self.made_up = 0;
        self.held.front().map(|first| first.at)
    }

    /// Nothing has come that could be played.
    fn make_up_while_waiting(&mut self) -> Play {
        if self.made_up >= LONGEST_MADE_UP {
            if self.place.take().is_some() {
                self.arrivals.begin_anew();
            }
            return Play::Wait;
        }
        self.made_up += STEP;
        self.make_up(STEP, false)
    }

    fn make_up(&mut self, samples: i64, nothing_is_lost: bool) -> Play {
        let of_a_silence = self.last.is_some_and(|last| last.quiet);
        if of_a_silence || nothing_is_lost {
            self.counts.silent += samples.unsigned_abs();
        } else {
            self.counts.concealed += samples.unsigned_abs();
        }
        Play::Conceal { samples: usize::try_from(samples).unwrap_or_default() }
    }

    /// After a stall there may be more than can be caught up with.
    fn leave_out(&mut self, now_us: i64) {
        let (Some(place), target_us) = (self.place, self.target_us()) else { return };
        if self.margin_us(now_us, place) < target_us + LEAVES_OUT_US || self.held.is_empty() {
            return;
        }
        let enough = |held: &Held| self.margin_us(now_us, held.at) >= target_us;
        let first = self.held.iter().rposition(enough).unwrap_or(0);
        self.counts.skipped += first as u64;
        self.held.drain(..first);
        self.made_up = 0;
        if let Some(place) = self.held.front().map(|first| first.at) {
            self.go_to(place);
        }
    }

    fn drop_what_is_behind(&mut self, place: i64) {
        // Half of a packet is worth the delay that it costs.
        while self.held.front().is_some_and(|first| first.at + first.samples() / 2 < place) {
            self.held.pop_front();
            self.counts.late += 1;
        }
    }

    fn play(&mut self, now_us: i64, pending: usize) -> Play {
        let Some(packet) = self.held.pop_front() else { return self.make_up_while_waiting() };
        let pending = i64::try_from(pending).unwrap_or_default();
        let stretch = self.stretch(self.margin_us(now_us, packet.at), pending, packet.at);
        self.go_to(packet.at + packet.samples());
        self.last = Some(Last { number: packet.number, quiet: packet.opus.quiet });
        self.played.rotate_right(1);
        self.played[0] = Some(packet.at);
        self.made_up = 0;
        self.counts.played += u64::from(packet.opus.samples);
        self.counts.packets += 1;
        // On average of all its samples, it is the one in the middle that counts.
        let held_us = (now_us + micros(pending + packet.samples() / 2)).saturating_sub(packet.arrived_us);
        self.counts.held_in_all += Duration::from_micros(held_us.max(0).unsigned_abs());
        Play::Packet { payload: packet.payload, stretch }
    }

    fn go_to(&mut self, place: i64) {
        self.reached = self.reached.max(place);
        self.place = Some(place);
    }

    /// The margin is counted in beats: a packet is wanted at the beat at which what is pending does not fill a block. So what
    /// is pending then can be taken out without a loss, and beyond it whole blocks alone change the margin.
    fn stretch(&self, margin_us: i64, pending: i64, at: i64) -> Stretch {
        let target_us = self.target_us();
        // What was late just now may be late again, though the target does not say so yet.
        let for_now_us = target_us.max(self.arrivals.late_just_now_us() + SAFETY_US);
        let excess = samples(margin_us - for_now_us).div_euclid(STEP) * STEP + pending;
        let lack_us = target_us - margin_us;
        let hurries = excess > HURRIES || lack_us > micros(HURRIES);
        let between = if hurries { BETWEEN_HURRIED_CHANGES } else { BETWEEN_CHANGES };
        let is_soon = at.saturating_sub(self.changed_at) < between;
        let only = |is_little| {
            if is_little || is_soon {
                Only::InSilence
            } else if hurries {
                Only::RoughlyAlike
            } else {
                Only::Alike
            }
        };
        let many = |samples| usize::try_from(samples).unwrap_or_default();
        if excess > MAY_EXCEED_IN_SILENCE {
            Stretch::Shrink { at_most: many(excess), only: only(excess <= MAY_EXCEED) }
        } else if lack_us > 0 {
            let lack = samples(lack_us + micros(STEP)) / STEP * STEP - pending;
            // Sound repeats itself only so often; a little too much does no harm.
            Stretch::Grow { at_most: many(lack.max(0) + STEP), only: only(lack_us <= MAY_LACK_US) }
        } else {
            Stretch::None
        }
    }

    /// Between the place and the first packet held there is a hole.
    fn fill(&mut self, now_us: i64, pending: usize, gap: i64, copy: i64, nothing_is_lost: bool) -> Play {
        let Some(place) = self.place else { return Play::Wait };
        let spare_us = self.margin_us(now_us, place) - self.target_us();
        let has_time = spare_us <= micros(MAY_EXCEED);
        let made_up = std::mem::take(&mut self.made_up);
        let without_copy = gap - copy.min(gap);
        let skip = if made_up > 0 {
            made_up.min(if has_time && copy > 0 { without_copy } else { gap })
        } else if has_time {
            0
        } else {
            samples(spare_us).min(without_copy)
        };
        let (place, rest) = (place + skip, (gap - skip) / GRAIN * GRAIN);
        if rest == 0 {
            return self.play(now_us, pending);
        }
        if rest == copy {
            self.go_to(place + rest);
            self.counts.recovered += rest.unsigned_abs();
            let next = self.held.front().map(|first| first.payload.clone()).unwrap_or_default();
            return Play::Recover { next, samples: usize::try_from(rest).unwrap_or_default() };
        }
        let now = if rest > copy { rest - copy } else { rest }.min(STEP);
        self.go_to(place + now);
        self.make_up(now, nothing_is_lost)
    }
}

fn micros(samples: i64) -> i64 {
    samples.saturating_mul(125) / 6
}

fn samples(micros: i64) -> i64 {
    micros.saturating_mul(6) / 125
}

#[cfg(test)]
mod tests;
