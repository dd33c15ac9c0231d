//! A link for tests: a rate, a queue bounded by time, delay, jitter, loss, a policer, and a plain TCP flow beside ours. It goes
//! by the millisecond, and all that is left to chance follows from a seed.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::logic::{
    adapt,
    pacing::{Class, Pacer, Put},
};

use super::super::{Bandwidth, Fate, Outcome, START_BPS};

const STEP: Duration = Duration::from_millis(1);
const FEEDBACK_EVERY: u64 = 50;
const PICTURE_EVERY: u64 = 33;
const SOUND_EVERY: u64 = 20;
const SOUND_AROUND: usize = 68;
const PICTURE_PACKET: usize = 1200;
const TCP_PACKET: usize = 1500;
const MOST_PICTURE_BPS: f64 = 2_500_000.0;
/// Pictures leave this much faster than they are made.
const PACE: f64 = 2.5;
const PACE_SHORT_QUEUE: f64 = 1.3;

/// What the link is like. Both ways take `delay`; the rest is on the way there alone.
#[derive(Clone)]
pub(super) struct Conditions {
    pub(super) bps: fn(u64) -> f64,
    pub(super) queue_ms: f64,
    pub(super) delay_ms: u64,
    pub(super) jitter_ms: u64,
    pub(super) loss: f64,
    /// Lets through so much and a burst of so many bytes, and drops the rest.
    pub(super) policer: Option<(f64, f64)>,
    pub(super) tcp_from_ms: Option<u64>,
    pub(super) ours: bool,
    pub(super) seed: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            bps: |_| 20e6,
            queue_ms: 300.0,
            delay_ms: 25,
            jitter_ms: 0,
            loss: 0.0,
            policer: None,
            tcp_from_ms: None,
            ours: true,
            seed: 1,
        }
    }
}

/// What was seen in each tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tenth {
    pub(super) target_bps: f64,
    pub(super) delivered_bps: f64,
    pub(super) tcp_bps: f64,
    pub(super) queue_ms: f64,
    pub(super) lost: u32,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) tenths: Vec<Tenth>,
    /// How long each picture's last packet took from when it was made.
    pub(super) picture_ms: Vec<f64>,
}

impl Seen {
    pub(super) fn mean(&self, seconds: std::ops::Range<usize>, what: impl Fn(&Tenth) -> f64) -> f64 {
        let tenths = &self.tenths[seconds.start * 10..seconds.end * 10];
        tenths.iter().map(what).sum::<f64>() / tenths.len() as f64
    }

    /// When the target first reached so much from then on, in seconds after that.
    pub(super) fn reaches(&self, bps: f64, from_second: usize) -> Option<f64> {
        let tenths = &self.tenths[from_second * 10..];
        tenths.iter().position(|tenth| tenth.target_bps >= bps).map(|at| at as f64 / 10.0)
    }

    pub(super) fn picture_ms_quantile(&self, part: f64) -> f64 {
        let mut sorted = self.picture_ms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get((sorted.len().saturating_sub(1) as f64 * part) as usize).copied().unwrap_or_default()
    }

    pub(super) fn say(&self, name: &str) {
        let seconds: Vec<String> = self
            .tenths
            .chunks(10)
            .map(|second| format!("{:.1}", second.iter().map(|tenth| tenth.target_bps).sum::<f64>() / 1e7))
            .collect();
        let all = 0..self.tenths.len() / 10;
        eprintln!(
            "{name}: {:.2} Mbit/s come, queue {:.0} ms, lost {:.1} a second, pictures p50 {:.0} p95 {:.0} ms; target {}",
            self.mean(all.clone(), |tenth| tenth.delivered_bps) / 1e6,
            self.mean(all.clone(), |tenth| tenth.queue_ms),
            self.mean(all, |tenth| f64::from(tenth.lost)) * 10.0,
            self.picture_ms_quantile(0.5),
            self.picture_ms_quantile(0.95),
            seconds.join(" ")
        );
    }
}

#[derive(Clone, Copy)]
enum Item {
    Ours(u64),
    Tcp(u64),
}

struct Sent {
    at: Instant,
    bytes: usize,
    probe: Option<u32>,
    made_ms: Option<u64>,
    last_of_picture: bool,
}

/// A plain flow that takes what it gets, and halves when it loses.
struct Tcp {
    window: f64,
    threshold: f64,
    flying: u64,
    next: u64,
    recover: u64,
}

/// See the head of this file.
pub(super) struct Simulation {
    conditions: Conditions,
    epoch: Instant,
    now_ms: u64,
    dice: u64,
    bandwidth: Bandwidth,
    pacer: Pacer<(usize, Option<u64>, bool)>,
    sent: BTreeMap<u64, Sent>,
    next: u64,
    queue: VecDeque<(Item, usize)>,
    queued: usize,
    credit: f64,
    bucket: f64,
    last_arrival_us: u64,
    /// By arrival time.
    flying: BTreeMap<(u64, u64), (Item, usize)>,
    count: u64,
    noted: Vec<(u64, u64)>,
    reported_to: u64,
    feedback: VecDeque<(u64, Vec<(u64, u64)>)>,
    tcp: Tcp,
    acks: VecDeque<(u64, u64, bool)>,
    tenth: Tenth,
    seen: Seen,
    pictures: u64,
}

impl Simulation {
    pub(super) fn new(conditions: Conditions) -> Self {
        let epoch = Instant::now();
        Self {
            dice: conditions.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            bucket: conditions.policer.map_or(0.0, |(_, burst)| burst),
            conditions,
            epoch,
            now_ms: 0,
            bandwidth: Bandwidth::new(START_BPS, epoch),
            pacer: Pacer::new(START_BPS),
            sent: BTreeMap::new(),
            next: 0,
            queue: VecDeque::new(),
            queued: 0,
            credit: 0.0,
            last_arrival_us: 0,
            flying: BTreeMap::new(),
            count: 0,
            noted: Vec::new(),
            reported_to: 0,
            feedback: VecDeque::new(),
            tcp: Tcp { window: 10.0, threshold: f64::MAX, flying: 0, next: 0, recover: 0 },
            acks: VecDeque::new(),
            tenth: Tenth::default(),
            seen: Seen { tenths: Vec::new(), picture_ms: Vec::new() },
            pictures: 0,
        }
    }

    /// Runs for so long, and tells.
    pub(super) fn run(mut self, seconds: u64) -> Seen {
        for _ in 0..seconds * 1000 {
            self.step();
        }
        self.seen
    }

    fn now(&self) -> Instant {
        self.epoch + STEP * u32::try_from(self.now_ms).unwrap()
    }

    fn chance(&mut self) -> f64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn step(&mut self) {
        let now = self.now();
        if self.conditions.ours {
            self.make_media(now);
            self.hear_feedback(now);
            self.bandwidth.handle_timeout(now);
            if self.now_ms == 40 {
                self.bandwidth.begin_probing(now);
            }
            while let Some(probe) = self.bandwidth.poll_probe() {
                self.pacer.probe(probe);
            }
            let standing = self.bandwidth.standing(now);
            let pace = if standing.short_queue { PACE_SHORT_QUEUE } else { PACE };
            self.pacer.set_bps((f64::from(standing.target_bps) * pace) as u32);
            self.let_leave(now);
        }
        self.tcp_sends();
        self.serve();
        self.arrive();
        if self.now_ms.is_multiple_of(FEEDBACK_EVERY) {
            let noted = std::mem::take(&mut self.noted);
            if !noted.is_empty() && self.chance() >= self.conditions.loss {
                self.feedback.push_back((self.now_ms + self.conditions.delay_ms, noted));
            }
        }
        self.note_tenth(now);
        self.now_ms += 1;
    }

    fn make_media(&mut self, now: Instant) {
        let target = self.bandwidth.standing(now).target_bps;
        if self.now_ms.is_multiple_of(SOUND_EVERY) {
            let bytes = adapt::sound_bps(target) as usize / 400 + SOUND_AROUND;
            match self.pacer.put(Class::Sound, (bytes, None, false), bytes) {
                Put::LeavesAtOnce(packet) => self.leave(packet, now),
                Put::Waits | Put::Refused => unreachable!("sound does not wait"),
            }
        }
        if !self.now_ms.is_multiple_of(PICTURE_EVERY) {
            return;
        }
        let wait_ms = self.pacer.waiting() as f64 * 8000.0 / f64::from(target);
        if wait_ms > 150.0 {
            return;
        }
        let loss = self.bandwidth.standing(now).loss;
        let share = f64::from(adapt::picture_bps(target, loss)).min(MOST_PICTURE_BPS) / 8.0 / 30.0;
        let large = if self.pictures == 0 { 4.0 } else { 0.75 + 0.5 * self.chance() };
        self.pictures += 1;
        let mut bytes = (share * large) as usize;
        while bytes > 0 {
            let packet = bytes.min(PICTURE_PACKET);
            bytes -= packet;
            let packet = packet + 60;
            self.pacer.put(Class::Picture, (packet, Some(self.now_ms), bytes == 0), packet);
        }
    }

    fn let_leave(&mut self, now: Instant) {
        loop {
            if let Some(packet) = self.pacer.take(now) {
                self.leave(packet, now);
            } else if self.pacer.wants_padding(now) {
                self.leave((PICTURE_PACKET, None, false), now);
            } else {
                return;
            }
        }
    }

    fn leave(&mut self, (bytes, made_ms, last_of_picture): (usize, Option<u64>, bool), now: Instant) {
        let probe = self.pacer.left(bytes, now).map(|probe| probe.id);
        self.bandwidth.note_sent(now);
        self.sent.insert(self.next, Sent { at: now, bytes, probe, made_ms, last_of_picture });
        self.enter(Item::Ours(self.next), bytes);
        self.next += 1;
    }

    fn enter(&mut self, item: Item, bytes: usize) {
        let bps = (self.conditions.bps)(self.now_ms);
        let queue_ms = self.queued as f64 * 8000.0 / bps;
        let by_chance = self.chance() < self.conditions.loss;
        let by_policer = match self.conditions.policer {
            Some(_) if self.bucket < bytes as f64 => true,
            Some(_) => {
                self.bucket -= bytes as f64;
                false
            }
            None => false,
        };
        if queue_ms > self.conditions.queue_ms || by_chance || by_policer {
            match item {
                Item::Ours(_) => self.tenth.lost += 1,
                Item::Tcp(number) => {
                    self.acks.push_back((self.now_ms + 2 * self.conditions.delay_ms, number, false));
                }
            }
            return;
        }
        self.queued += bytes;
        self.queue.push_back((item, bytes));
    }

    fn serve(&mut self) {
        let bps = (self.conditions.bps)(self.now_ms);
        if let Some((rate, burst)) = self.conditions.policer {
            self.bucket = (self.bucket + rate / 8000.0).min(burst);
        }
        self.credit = if self.queue.is_empty() { 0.0 } else { self.credit + bps / 8000.0 };
        while let Some(&(item, bytes)) = self.queue.front() {
            if self.credit < bytes as f64 {
                break;
            }
            self.credit -= bytes as f64;
            self.queue.pop_front();
            self.queued -= bytes;
            let jitter = (self.chance() * self.conditions.jitter_ms as f64 * 1000.0) as u64;
            let spare = (self.credit * 8000.0 / bps * 1000.0) as u64;
            let at = (self.now_ms + 1 + self.conditions.delay_ms) * 1000 + jitter - spare.min(1000);
            self.last_arrival_us = self.last_arrival_us.max(at);
            self.count += 1;
            self.flying.insert((self.last_arrival_us, self.count), (item, bytes));
        }
    }

    fn arrive(&mut self) {
        while let Some((&(at, count), &(item, bytes))) = self.flying.first_key_value() {
            if at > self.now_ms * 1000 {
                return;
            }
            self.flying.remove(&(at, count));
            match item {
                Item::Ours(number) => {
                    self.tenth.delivered_bps += bytes as f64 * 80.0;
                    self.noted.push((number, at / 250 * 250));
                    let sent = &self.sent[&number];
                    if let Some(made) = sent.made_ms.filter(|_| sent.last_of_picture) {
                        self.seen.picture_ms.push(at as f64 / 1000.0 - made as f64);
                    }
                }
                Item::Tcp(number) => {
                    self.tenth.tcp_bps += bytes as f64 * 80.0;
                    self.acks.push_back((self.now_ms + self.conditions.delay_ms, number, true));
                }
            }
        }
    }

    fn hear_feedback(&mut self, now: Instant) {
        while self.feedback.front().is_some_and(|(at, _)| *at <= self.now_ms) {
            let Some((_, noted)) = self.feedback.pop_front() else { return };
            let arrived: BTreeMap<u64, u64> = noted.into_iter().collect();
            let (Some((&first, _)), Some((&last, _))) = (arrived.first_key_value(), arrived.last_key_value())
            else {
                continue;
            };
            let outcomes: Vec<Outcome> = (self.reported_to..=last)
                .map(|number| {
                    let sent = &self.sent[&number];
                    let fate = match arrived.get(&number) {
                        Some(at) => Fate::Arrived(Duration::from_micros(*at)),
                        None if number < first => Fate::Unknown,
                        None => Fate::Lost,
                    };
                    Outcome { sent: sent.at, bytes: sent.bytes, fate, probe: sent.probe }
                })
                .collect();
            self.reported_to = last + 1;
            self.bandwidth.handle(&outcomes, now);
        }
    }

    fn tcp_sends(&mut self) {
        while let Some((_, number, came)) =
            self.acks.iter().position(|ack| ack.0 <= self.now_ms).and_then(|at| self.acks.remove(at))
        {
            let tcp = &mut self.tcp;
            tcp.flying -= 1;
            if came {
                tcp.window += if tcp.window < tcp.threshold { 1.0 } else { 1.0 / tcp.window };
            } else if number >= tcp.recover {
                tcp.threshold = (tcp.window / 2.0).max(2.0);
                tcp.window = tcp.threshold;
                tcp.recover = tcp.next;
            }
        }
        if self.conditions.tcp_from_ms.is_none_or(|from| self.now_ms < from) {
            return;
        }
        while (self.tcp.flying as f64) < self.tcp.window {
            let number = self.tcp.next;
            self.tcp.next += 1;
            self.tcp.flying += 1;
            self.enter(Item::Tcp(number), TCP_PACKET);
        }
    }

    fn note_tenth(&mut self, now: Instant) {
        let bps = (self.conditions.bps)(self.now_ms);
        self.tenth.queue_ms += self.queued as f64 * 8000.0 / bps / 100.0;
        if self.now_ms % 100 == 99 {
            self.tenth.target_bps = f64::from(self.bandwidth.standing(now).target_bps);
            self.seen.tenths.push(std::mem::take(&mut self.tenth));
        }
    }
}
