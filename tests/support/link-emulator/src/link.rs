//! One direction of a link: packets and times in, packets and times out.
//!
//! A packet goes through two places. First it waits for the rate, in a queue that is bounded by time; then it flies, for
//! its delay. Between the two its fate is drawn: so what is lost has used up its share of the rate, as on a radio. Time
//! is counted from the link's beginning, and given as an argument; it never goes back.
//!
//! Tried first: to give each packet the time of its departure when it comes, with no queue to speak of. A change of the
//! rate then leaves what already waits as it was, and a link that goes from three megabits to half of one empties its
//! queue at three.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::change::Change;
use crate::conditions::{BitsPerSecond, Conditions};
use crate::dice::Dice;
use crate::script::Direction;
use crate::stats::{Cause, Counts, Dropped, LATE};

/// How many packets a direction holds, waiting and flying. One more is dropped as [`Cause::Overflow`].
pub const MAX_HELD_PACKETS: usize = 65_536;
/// How many bytes a direction holds. A packet that would be more is dropped as [`Cause::Overflow`].
pub const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// How many drops are remembered until [`Link::poll_drop`] takes them. Beyond it the oldest is forgotten; it stays counted.
const MAX_UNREAD_DROPS: usize = 65_536;

/// One direction.
pub struct Link {
    direction: Direction,
    conditions: Conditions,
    dice: Dice,
    queue: VecDeque<Waiting>,
    /// When the last bit of the queue's first packet is sent.
    first_sent_at: Duration,
    /// How long sending takes for those behind the first.
    behind_first: Duration,
    flying: BinaryHeap<Reverse<Flying>>,
    /// The latest landing of any packet yet. Without reordering no later packet lands before.
    last_landing: Duration,
    number: u64,
    held_bytes: usize,
    drops: VecDeque<Dropped>,
    counts: Counts,
}

struct Waiting {
    packet: Vec<u8>,
    since: Duration,
}

struct Flying {
    landing: Duration,
    number: u64,
    packet: Vec<u8>,
}

impl Link {
    /// A perfect link. What is left to chance will follow from the seed and the direction.
    pub fn new(seed: u64, direction: Direction) -> Self {
        Self {
            direction,
            conditions: Conditions::default(),
            dice: Dice::new(seed, direction),
            queue: VecDeque::new(),
            first_sent_at: Duration::ZERO,
            behind_first: Duration::ZERO,
            flying: BinaryHeap::new(),
            last_landing: Duration::ZERO,
            number: 0,
            held_bytes: 0,
            drops: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// As it is now.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// What is different from now on. A packet that waits is sent at the new rate; where the queue has become too long for
    /// it, its end is dropped. A packet that flies lands as it would have.
    pub fn set(&mut self, change: &Change, now: Duration) {
        self.advance(now);
        let before = self.conditions.rate;
        change.apply(&mut self.conditions);
        match (before, self.conditions.rate) {
            (Some(_), None) => self.release(now),
            (Some(before), Some(rate)) => self.send_at(before, rate, now),
            (None, _) => {}
        }
    }

    /// A packet comes in.
    pub fn arrive(&mut self, packet: Vec<u8>, now: Duration) {
        self.advance(now);
        self.counts.arrived += 1;
        self.counts.arrived_bytes += packet.len() as u64;
        let held = self.queue.len() + self.flying.len();
        if self.conditions.blackout {
            self.drop(packet.len(), Cause::Blackout, now);
        } else if self.conditions.mtu.is_some_and(|mtu| packet.len() > mtu) {
            self.drop(packet.len(), Cause::TooLong, now);
        } else if held >= MAX_HELD_PACKETS || self.held_bytes + packet.len() > MAX_HELD_BYTES {
            self.drop(packet.len(), Cause::Overflow, now);
        } else if let Some(rate) = self.conditions.rate {
            self.wait(packet, rate, now);
        } else {
            self.take_off(packet, now);
        }
    }

    /// A packet that has landed by now.
    pub fn poll_departure(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.advance(now);
        let landed = self.flying.peek().is_some_and(|Reverse(flying)| flying.landing <= now);
        let Reverse(Flying { packet, landing, .. }) = if landed { self.flying.pop()? } else { return None };
        self.held_bytes -= packet.len();
        let late = now.saturating_sub(landing);
        self.counts.late += u64::from(late > LATE);
        self.counts.longest_late_us = self.counts.longest_late_us.max(micros(late));
        self.counts.delivered += 1;
        self.counts.delivered_bytes += packet.len() as u64;
        Some(packet)
    }

    /// When something happens next by itself.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let sent = (!self.queue.is_empty()).then_some(self.first_sent_at);
        let lands = self.flying.peek().map(|Reverse(flying)| flying.landing);
        sent.into_iter().chain(lands).min()
    }

    /// A packet that will not arrive.
    pub fn poll_drop(&mut self) -> Option<Dropped> {
        self.drops.pop_front()
    }

    /// A packet that had landed was not taken. It was never delivered, then.
    pub fn refused(&mut self, size: usize, now: Duration) {
        self.counts.delivered -= 1;
        self.counts.delivered_bytes -= size as u64;
        self.drop(size, Cause::Refused, now);
    }

    /// What was counted; `stray` is not for a link to know.
    pub fn counts(&mut self, now: Duration) -> Counts {
        self.advance(now);
        let held = (self.queue.len() + self.flying.len()) as u64;
        Counts { held, queue_us: micros(self.queueing(now)), ..self.counts.clone() }
    }

    /// How long a packet that came now would wait until its sending began.
    fn queueing(&self, now: Duration) -> Duration {
        if self.queue.is_empty() {
            return Duration::ZERO;
        }
        self.first_sent_at.saturating_sub(now) + self.behind_first
    }

    fn wait(&mut self, packet: Vec<u8>, rate: BitsPerSecond, now: Duration) {
        if self.queueing(now) > self.conditions.queue {
            self.drop(packet.len(), Cause::Queue, now);
            return;
        }
        let time = rate.time_for(bits(&packet));
        if self.queue.is_empty() {
            self.first_sent_at = now + time;
        } else {
            self.behind_first += time;
        }
        self.held_bytes += packet.len();
        self.queue.push_back(Waiting { packet, since: now });
    }

    /// Everything that has been sent by now begins to fly, at its own time.
    fn advance(&mut self, now: Duration) {
        let Some(rate) = self.conditions.rate else { return };
        while self.first_sent_at <= now {
            let Some(Waiting { packet, since }) = self.queue.pop_front() else { return };
            let sent_at = self.first_sent_at;
            let begun_at = sent_at.saturating_sub(rate.time_for(bits(&packet)));
            self.note_wait(begun_at.saturating_sub(since));
            if let Some(next) = self.queue.front() {
                let time = rate.time_for(bits(&next.packet));
                self.behind_first -= time;
                self.first_sent_at += time;
            }
            self.held_bytes -= packet.len();
            self.take_off(packet, sent_at);
        }
    }

    /// There is no rate any more: whatever waits goes at once.
    fn release(&mut self, now: Duration) {
        self.behind_first = Duration::ZERO;
        while let Some(Waiting { packet, since }) = self.queue.pop_front() {
            self.note_wait(now.saturating_sub(since));
            self.held_bytes -= packet.len();
            self.take_off(packet, now);
        }
    }

    /// What waits is sent at another rate from now on, the rest of the first packet as well.
    fn send_at(&mut self, before: BitsPerSecond, rate: BitsPerSecond, now: Duration) {
        let Some(first) = self.queue.front() else { return };
        let left = before.bits_in(self.first_sent_at.saturating_sub(now)).min(bits(&first.packet));
        self.first_sent_at = now + rate.time_for(left);
        self.behind_first =
            self.queue.iter().skip(1).map(|waiting| rate.time_for(bits(&waiting.packet))).sum();
        while let Some(last) = self.queue.pop_back_if(|last| {
            let time = rate.time_for(bits(&last.packet));
            self.behind_first >= time
                && (self.first_sent_at - now + self.behind_first - time) > self.conditions.queue
        }) {
            self.behind_first -= rate.time_for(bits(&last.packet));
            self.held_bytes -= last.packet.len();
            self.drop(last.packet.len(), Cause::Queue, now);
        }
    }

    fn take_off(&mut self, packet: Vec<u8>, at: Duration) {
        let fate = self.dice.throw(&self.conditions);
        if self.conditions.blackout {
            self.drop(packet.len(), Cause::Blackout, at);
            return;
        }
        if fate.is_lost {
            self.drop(packet.len(), Cause::Loss, at);
            return;
        }
        let jitter = self.conditions.jitter.mul_f64(fate.jitter.abs());
        let delay = self.conditions.delay;
        let flight = if fate.jitter < 0.0 { delay.saturating_sub(jitter) } else { delay + jitter };
        let earliest = if self.conditions.reorder { Duration::ZERO } else { self.last_landing };
        let landing = (at + flight).max(earliest);
        self.last_landing = self.last_landing.max(landing);
        if fate.is_doubled {
            self.counts.doubled += 1;
            self.fly(packet.clone(), landing);
        }
        self.fly(packet, landing);
    }

    fn fly(&mut self, packet: Vec<u8>, landing: Duration) {
        self.held_bytes += packet.len();
        self.number += 1;
        self.flying.push(Reverse(Flying { landing, number: self.number, packet }));
    }

    fn note_wait(&mut self, waited: Duration) {
        self.counts.longest_queue_us = self.counts.longest_queue_us.max(micros(waited));
    }

    fn drop(&mut self, size: usize, cause: Cause, at: Duration) {
        self.counts.dropped.add(cause);
        if self.drops.len() == MAX_UNREAD_DROPS {
            self.drops.pop_front();
        }
        self.drops.push_back(Dropped { at, direction: self.direction, size, cause });
    }
}

fn bits(packet: &[u8]) -> u64 {
    packet.len() as u64 * 8
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Ord for Flying {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.landing, self.number).cmp(&(other.landing, other.number))
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flying {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Flying {}

#[cfg(test)]
mod tests;
