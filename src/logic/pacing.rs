//! In which order packets leave, and how far apart.
//!
//! Sound leaves at once, whatever waits. Behind it come repairs, then pictures, then what only probes the path. Pictures leave
//! faster than they are made, so that each is there soon, and yet not in one burst that would fill a short queue on the way.
//! One queue for everything was tried by others: there sound waits behind a key frame for as long as that takes.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How far ahead of its time a packet may leave. Timers are no finer than this.
const EARLY: Duration = Duration::from_millis(1);
/// What was not sent while nothing waited is made up for by at most this.
const BURST: Duration = Duration::from_millis(5);
/// All that may wait. When it is full what comes is refused, and the sender begins anew with a key frame.
pub const MOST_BYTES: usize = 1 << 20;

/// What a packet is for; the first leave first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Never waits.
    Sound,
    /// What the other side misses.
    Repair,
    /// Part of a picture.
    Picture,
}

/// A short stretch of packets at a rate that is to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Counts probes.
    pub id: u32,
    /// At which rate.
    pub bps: u32,
    /// At least so many packets,
    pub packets: u32,
    /// of so many bytes together.
    pub bytes: usize,
}

/// Packets that wait to leave.
#[derive(Debug)]
pub struct Pacer<T> {
    repairs: VecDeque<(T, usize)>,
    pictures: VecDeque<(T, usize)>,
    waiting: usize,
    /// Of these, what is repeated.
    waiting_repairs: usize,
    bps: u32,
    /// When the next may leave.
    due: Option<Instant>,
    probes: VecDeque<Probe>,
}

impl<T> Pacer<T> {
    /// One that lets through so much.
    pub fn new(bps: u32) -> Self {
        Self {
            repairs: VecDeque::new(),
            pictures: VecDeque::new(),
            waiting: 0,
            waiting_repairs: 0,
            bps,
            due: None,
            probes: VecDeque::new(),
        }
    }

    /// From now on it lets through so much.
    pub fn set_bps(&mut self, bps: u32) {
        self.bps = bps.max(1);
    }

    /// Tries a rate as soon as what is tried now is done.
    pub fn probe(&mut self, probe: Probe) {
        self.probes.push_back(probe);
    }

    /// Tries nothing any more.
    pub fn stop_probing(&mut self) {
        self.probes.clear();
    }

    /// Takes a packet. Gives it back where it leaves at once, as sound does, or where nothing more may wait.
    pub fn put(&mut self, class: Class, packet: T, bytes: usize) -> Put<T> {
        let queue = match class {
            Class::Sound => return Put::LeavesAtOnce(packet),
            Class::Repair => &mut self.repairs,
            Class::Picture => &mut self.pictures,
        };
        if self.waiting + bytes > MOST_BYTES {
            return Put::Refused;
        }
        self.waiting += bytes;
        if class == Class::Repair {
            self.waiting_repairs += bytes;
        }
        queue.push_back((packet, bytes));
        Put::Waits
    }

    /// The next packet that may leave now.
    pub fn take(&mut self, now: Instant) -> Option<T> {
        if !self.is_due(now) {
            return None;
        }
        let repair = self.repairs.pop_front();
        self.waiting_repairs -= repair.as_ref().map_or(0, |(_, bytes)| *bytes);
        let (packet, bytes) = repair.or_else(|| self.pictures.pop_front())?;
        self.waiting -= bytes;
        Some(packet)
    }

    /// Whether the path is probed and nothing waits that could do it.
    pub fn wants_padding(&self, now: Instant) -> bool {
        !self.probes.is_empty() && self.waiting == 0 && self.is_due(now)
    }

    /// A packet leaves. Says which probe it belongs to.
    pub fn left(&mut self, bytes: usize, now: Instant) -> Option<Probe> {
        let bps = f64::from(self.probes.front().map_or(self.bps, |probe| probe.bps));
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        // A probe is a stretch of even distances: it makes up for nothing.
        let from = if self.probes.is_empty() { earliest } else { now };
        let due = self.due.map_or(from, |due| due.max(from));
        self.due = Some(due + Duration::from_secs_f64(bytes as f64 * 8.0 / bps));
        let probe = self.probes.front_mut()?;
        let whole = *probe;
        probe.packets = probe.packets.saturating_sub(1);
        probe.bytes = probe.bytes.saturating_sub(bytes);
        if probe.packets == 0 && probe.bytes == 0 {
            self.probes.pop_front();
        }
        Some(whole)
    }

    /// When the next packet may leave, where one waits. Nothing where it may at once.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let wanted = self.waiting > 0 || !self.probes.is_empty();
        self.due.filter(|_| wanted)
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many bytes of repairs wait, which leave before all others.
    pub fn waiting_repairs(&self) -> usize {
        self.waiting_repairs
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now + EARLY)
    }
}

/// What became of a packet that was given.
#[derive(Debug, PartialEq, Eq)]
pub enum Put<T> {
    /// It is for the caller to send now.
    LeavesAtOnce(T),
    /// It comes when it is due.
    Waits,
    /// There is no room.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_waits_for_nothing_and_a_repair_leaves_before_pictures() {
        let now = Instant::now();
        let mut pacer = Pacer::new(1_000_000);
        for number in 0..50 {
            assert_eq!(pacer.put(Class::Picture, number, 1200), Put::Waits);
        }
        assert_eq!(pacer.put(Class::Sound, 100, 100), Put::LeavesAtOnce(100));
        assert_eq!(pacer.take(now), Some(0));
        pacer.left(1200, now);
        pacer.put(Class::Repair, 200, 1200);
        let next = now + Duration::from_millis(10);
        assert_eq!(pacer.take(next), Some(200));
    }

    #[test]
    fn a_key_frame_leaves_at_the_pace_that_was_set() {
        let mut now = Instant::now();
        let began = now;
        let mut pacer = Pacer::new(2_000_000);
        for number in 0..100 {
            pacer.put(Class::Picture, number, 1250);
        }
        let mut left = 0;
        while pacer.waiting() > 0 {
            while pacer.take(now).is_some() {
                left += 1;
                pacer.left(1250, now);
            }
            now += Duration::from_millis(1);
        }
        assert_eq!(left, 100);
        let took = now - began;
        assert!((480..505).contains(&took.as_millis()), "{took:?}");
    }

    #[test]
    fn a_probe_takes_what_waits_and_asks_for_padding_when_nothing_does() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(300_000);
        pacer.put(Class::Picture, 1, 1000);
        pacer.probe(Probe { id: 7, bps: 3_000_000, packets: 5, bytes: 5000 });
        let (mut tagged, mut padding) = (0, 0);
        let began = now;
        while now < began + Duration::from_millis(50) {
            while pacer.take(now).is_some() || pacer.wants_padding(now) {
                padding += u32::from(pacer.waiting() == 0);
                tagged += u32::from(pacer.left(1000, now).is_some_and(|probe| probe.id == 7));
            }
            now += Duration::from_millis(1);
        }
        assert_eq!((tagged, padding), (5, 5));
        assert!(!pacer.wants_padding(now), "the probe is over");
    }

    #[test]
    fn more_than_fits_is_refused() {
        let mut pacer = Pacer::new(1);
        assert_eq!(pacer.put(Class::Picture, 0, MOST_BYTES), Put::Waits);
        assert_eq!(pacer.put(Class::Picture, 1, 1), Put::Refused);
    }
}
