//! How much a path carries, judged from what becomes of each packet.
//!
//! Three things are asked of it that pull against each other: to find a good path's rate within moments, to leave a queue
//! alone that others use as well, and to stand on a path that merely loses. So it listens in three ways. The **trend** of the
//! delay says that a queue grows, before it is long. The **loss** is tried out where no queue grows: if less is lost when
//! less is sent, it was too much. And **probes**, short stretches at a higher rate, find what fits, at the start and after
//! each setback; between them the rate creeps up.
//!
//! The trend and its figures are the well-known ones of WebRTC. To grow by 8 % a second and no faster was tried by others: a
//! call then needs half a minute for a good picture, and as long again after each dip. To believe loss at once, too: at 10 %
//! of plain loss nothing of the picture remains.

mod delivered;
mod losses;
mod probes;
mod trend;
mod waiting;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::{
    delivered::Delivered,
    losses::{Losses, Verdict},
    probes::Probes,
    trend::{Trend, Usage},
    waiting::Waiting,
};
use super::pacing::Probe;

/// Where nothing is known: enough for a picture that is one, and little enough not to hurt.
pub const START_BPS: u32 = 1_000_000;
/// Sound alone needs about this.
pub const LEAST_BPS: u32 = 60_000;
/// More is not looked for: nothing that we send needs it.
pub const MOST_BPS: u32 = 4_000_000;

/// What the first probe tries.
const FIRST_PROBE: f64 = 3.0;
/// What a later one tries, of the rate that is known to fit.
const NEXT_PROBE: f64 = 2.0;
/// How much of what a probe found is taken, where it found the end.
const OF_SATURATED: f64 = 0.92;
/// How long until a probe is tried after a setback, and how much longer after each that found nothing.
const PROBE_AGAIN: Duration = Duration::from_millis(1500);
const PROBE_AGAIN_MOST: Duration = Duration::from_secs(10);
const PROBE_AGAIN_GROWS: f64 = 1.7;
/// After loss that was ours: a policer's allowance has to fill up, and each probe empties it.
const PROBE_AFTER_LOSS: Duration = Duration::from_secs(5);
/// Where it may not be now, it is looked again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// No probe where this much already waits.
const CALM: Duration = Duration::from_millis(20);

/// What remains of what arrives when a queue has begun to grow.
const YIELD: f64 = 0.85;
/// A queue that is there already is to be gone in about this time.
const DRAIN: Duration = Duration::from_millis(400);
const LEAST_YIELD: f64 = 0.3;
/// Between two setbacks, and where far too much is sent still.
const REST: Duration = Duration::from_millis(250);
const HASTE: Duration = Duration::from_millis(100);
/// Setbacks closer than this are one.
const EPISODE: Duration = Duration::from_secs(2);
/// Less than this is no queue, whatever the trend says.
const LITTLE: Duration = Duration::from_millis(8);
/// A queue of this length is not let be, whatever the trend says.
const LONG_QUEUE: Duration = Duration::from_millis(60);
/// With this much waiting, the rate does not grow.
const SHORT_QUEUE: Duration = Duration::from_millis(25);
/// A queue that stays so long though less was sent is somebody else's. It is borne for so long.
const UNMOVED: Duration = Duration::from_millis(1200);
const NOT_OURS: Duration = Duration::from_secs(8);
/// It may swell by so much before it is taken for ours.
const FOREIGN_SWELLS: f64 = 1.6;
/// Beside it, more than this is not claimed.
const BESIDE_BPS: f64 = START_BPS as f64;

/// How fast the rate grows, in a second, far from any end that is known and near to it.
const GROWS_FAR: f64 = 1.25;
const GROWS_NEAR: f64 = 1.04;
/// The rate is not above this many times what arrives, so that it does not grow while nothing is sent.
const AHEAD: f64 = 1.5;
const AHEAD_BPS: f64 = 100_000.0;
/// For how long it is remembered where the end was.
const END_KNOWN: Duration = Duration::from_secs(20);

/// Nothing heard for this long while packets left: something is broken, or stuck.
const SILENCE: Duration = Duration::from_millis(500);
const SILENCE_EVERY: Duration = Duration::from_millis(250);
const SILENCE_YIELD: f64 = 0.6;
/// A round trip until one was measured.
const USUAL_ROUND_TRIP: Duration = Duration::from_millis(100);
/// The shortest round trip is looked for over this while.
const ROUND_TRIP_KNOWN: Duration = Duration::from_secs(10);

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived then, on the other end's clock.
    Arrived(Duration),
    /// It did not.
    Lost,
    /// What was said of it was lost itself.
    Unknown,
}

/// A packet, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// When it left.
    pub sent: Instant,
    /// Its size on the wire, headers of all kinds included.
    pub bytes: usize,
    /// What became of it.
    pub fate: Fate,
    /// Which probe it was part of.
    pub probe: Option<u32>,
}

/// How the path stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// What may be sent, everything included.
    pub target_bps: u32,
    /// What arrives.
    pub delivered_bps: Option<u32>,
    /// The part of the packets that is lost.
    pub loss: f64,
    /// How long packets wait on the way.
    pub waiting: Duration,
    /// There and back, at least.
    pub round_trip: Duration,
    /// The path loses when a picture comes in one burst: they have to be sent more evenly.
    pub short_queue: bool,
}

/// Where the end of what fits was found, and when.
#[derive(Clone, Copy, Debug)]
struct End {
    bps: f64,
    at: Instant,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Bandwidth {
    epoch: Instant,
    target: f64,
    most: f64,
    trend: Trend,
    waiting: Waiting,
    delivered: Delivered,
    losses: Losses,
    probes: Probes,
    probe: Option<Probe>,
    probe_at: Option<Instant>,
    probe_again: Duration,
    /// Until the first probes have told, or nothing will.
    starting: bool,
    /// The rate before the last setback.
    before: Option<f64>,
    end: Option<End>,
    yielded_at: Option<Instant>,
    /// A queue that is not ours, and until when it is borne.
    foreign: Option<(Duration, Instant)>,
    /// Less is sent than fits, until a queue is gone.
    draining: bool,
    long_since: Option<(Instant, Duration)>,
    short_queue_until: Option<Instant>,
    round_trips: [Option<(Instant, Duration)>; 2],
    heard_at: Option<Instant>,
    sent_at: Option<Instant>,
    first_sent_at: Option<Instant>,
    silent_at: Option<Instant>,
    grown_at: Instant,
}

impl Bandwidth {
    /// For a path that begins now, with so much to start with.
    pub fn new(start_bps: u32, now: Instant) -> Self {
        Self {
            epoch: now,
            target: f64::from(start_bps.clamp(LEAST_BPS, MOST_BPS)),
            most: f64::from(MOST_BPS),
            trend: Trend::default(),
            waiting: Waiting::default(),
            delivered: Delivered::default(),
            losses: Losses::new(),
            probes: Probes::default(),
            probe: None,
            probe_at: None,
            probe_again: PROBE_AGAIN,
            starting: true,
            before: None,
            end: None,
            yielded_at: None,
            foreign: None,
            draining: false,
            long_since: None,
            short_queue_until: None,
            round_trips: [None; 2],
            heard_at: None,
            sent_at: None,
            first_sent_at: None,
            silent_at: None,
            grown_at: now,
        }
    }

    /// Pictures begin to flow: from now on there is something to probe with.
    pub fn begin_probing(&mut self, now: Instant) {
        if self.starting && !self.probes.is_under_way() && self.probe.is_none() {
            self.try_rate((self.target * FIRST_PROBE).min(self.most), now);
        }
    }

    /// More than this is of no use to anybody.
    pub fn set_most(&mut self, bps: u32) {
        self.most = f64::from(bps.clamp(LEAST_BPS, MOST_BPS));
        self.target = self.target.min(self.most);
    }

    /// A packet left.
    pub fn note_sent(&mut self, now: Instant) {
        self.sent_at = Some(now);
        self.first_sent_at.get_or_insert(now);
    }

    /// News of packets, in the order in which they left.
    pub fn handle(&mut self, outcomes: &[Outcome], now: Instant) {
        let Some(last) = outcomes.iter().rev().find(|outcome| matches!(outcome.fate, Fate::Arrived(_)))
        else {
            for outcome in outcomes {
                self.note_fate(outcome, now);
            }
            return;
        };
        self.heard_at = Some(now);
        self.silent_at = None;
        self.note_round_trip(now.saturating_duration_since(last.sent), now);
        let mut unknown = 0.0;
        let before = self.waiting.fresh();
        self.waiting.begin();
        for outcome in outcomes {
            match outcome.fate {
                Fate::Unknown => unknown += outcome.bytes as f64 * (1.0 - self.losses.share()),
                Fate::Arrived(arrived) => {
                    let sent = outcome.sent.saturating_duration_since(self.epoch);
                    self.trend.handle(sent, arrived);
                    self.waiting.handle(sent, arrived);
                    self.delivered.handle(arrived, outcome.bytes as f64 + std::mem::take(&mut unknown));
                    self.note_fate(outcome, now);
                }
                Fate::Lost => self.note_fate(outcome, now),
            }
        }
        self.decide(before, now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.take_probe(now);
        if self.silence_at().is_some_and(|at| now >= at) {
            self.silent_at = Some(now);
            self.before = Some(self.before.unwrap_or(0.0).max(self.target));
            self.set_target(self.target * SILENCE_YIELD);
            self.schedule_probe(PROBE_AGAIN, now);
        }
        if self.probe_at.is_some_and(|at| now >= at) {
            let rate = (self.target * NEXT_PROBE).min(self.most);
            self.probe_at = None;
            if !self.may_probe() {
                self.schedule_probe(LOOK_AGAIN, now);
            } else if rate > self.target * 1.1 {
                self.try_rate(rate, now);
            }
        }
    }

    /// When time matters next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.silence_at(), self.probe_at].into_iter().flatten().min()
    }

    /// When too little was heard, if something left since anything was.
    fn silence_at(&self) -> Option<Instant> {
        // Where so much was sent that no news came through at all, the first that left counts.
        let heard_at = self.heard_at.or(self.first_sent_at)?;
        let sent_at = self.sent_at.filter(|at| *at > heard_at)?;
        let from = self.silent_at.map_or(heard_at + SILENCE + self.round_trip(), |at| at + SILENCE_EVERY);
        // Who sends nothing any more need not hear anything.
        (from < sent_at + SILENCE_EVERY + SILENCE + self.round_trip()).then_some(from)
    }

    /// A probe to be sent.
    pub fn poll_probe(&mut self) -> Option<Probe> {
        self.probe.take()
    }

    /// How the path stands.
    pub fn standing(&self, now: Instant) -> Standing {
        Standing {
            target_bps: self.target as u32,
            delivered_bps: self.delivered.bps().map(|bps| bps as u32),
            loss: self.losses.share(),
            waiting: self.waiting.standing(),
            round_trip: self.round_trip(),
            short_queue: self.short_queue_until.is_some_and(|until| now < until),
        }
    }

    fn note_fate(&mut self, outcome: &Outcome, now: Instant) {
        let arrived = match outcome.fate {
            Fate::Arrived(at) => Some(at),
            Fate::Lost => None,
            Fate::Unknown => return,
        };
        self.losses.handle(outcome.sent, arrived.is_none());
        if let Some(id) = outcome.probe {
            let sent = outcome.sent.saturating_duration_since(self.epoch);
            self.probes.handle(id, sent, arrived, outcome.bytes, now);
        }
    }

    fn decide(&mut self, waited_before: Duration, now: Instant) {
        self.take_probe(now);
        let (standing, fresh) = (self.waiting.standing(), self.waiting.fresh());
        let usage = self.trend.usage();
        self.note_long_queue(standing, now);
        let borne = self.foreign.map_or(Duration::ZERO, |(queue, _)| queue.mul_f64(FOREIGN_SWELLS));
        // Much at once: a link that has become narrow shows by this before its trend does.
        let swells = fresh > LONG_QUEUE + borne && fresh > waited_before;
        let too_long = standing > LONG_QUEUE + borne;
        let grows = usage == Usage::Growing && fresh > LITTLE && fresh > borne;
        let queue = grows || too_long || swells;
        if queue {
            self.yield_to_queue(fresh.saturating_sub(borne), now);
        } else if self.draining && fresh < SHORT_QUEUE {
            self.draining = false;
            let fits = self.end.map_or(self.target, |end| end.bps * OF_SATURATED);
            self.set_target(fits.max(self.target));
        }
        let delivered = self.delivered.bps().unwrap_or(self.target);
        let verdict = self.losses.judge(self.target, delivered, self.round_trip(), queue, now);
        match verdict {
            Verdict::Nothing => {}
            Verdict::Try(bps) => self.set_target(bps),
            Verdict::GoBack(bps) => self.set_target(bps.max(self.target)),
            Verdict::Ours => self.note_own_loss(delivered, now),
        }
        let calm = (usage != Usage::Growing || self.foreign.is_some()) && standing <= SHORT_QUEUE + borne;
        if !queue && calm && !self.losses.on_trial() {
            self.grow(now);
        } else {
            self.grown_at = now;
        }
    }

    fn note_own_loss(&mut self, delivered: f64, now: Instant) {
        self.before = None;
        self.end = Some(End { bps: delivered, at: now });
        self.short_queue_until = Some(now + END_KNOWN);
        self.set_target(self.target.min(delivered));
        self.probe_again = (self.probe_again * 2).max(PROBE_AFTER_LOSS).min(PROBE_AGAIN_MOST * 3);
        self.schedule_probe(self.probe_again, now);
    }

    /// A queue grows, or is long: less, at once, and as much less as it takes to be rid of it.
    fn yield_to_queue(&mut self, waits: Duration, now: Instant) {
        let arrives_now = self.delivered.bps_now();
        let far_too_much = arrives_now.is_some_and(|bps| bps < self.target * 0.6);
        let rest = if far_too_much { HASTE } else { self.round_trip() + REST };
        if self.yielded_at.is_some_and(|at| now < at + rest) {
            return;
        }
        let Some(arrives) = arrives_now else { return };
        // What it was before a row of setbacks, not between two of them.
        if self.yielded_at.is_none_or(|at| now > at + EPISODE) || self.before.is_none() {
            self.before = Some(self.target);
        }
        let drains = 1.0 - waits.as_secs_f64() / DRAIN.as_secs_f64();
        let less = arrives * YIELD.min(drains.max(LEAST_YIELD));
        self.yielded_at = Some(now);
        self.draining |= drains < YIELD;
        self.end = Some(End { bps: arrives, at: now });
        self.starting = false;
        if less < self.target {
            self.set_target(less);
        }
        self.probe_again = PROBE_AGAIN;
        self.schedule_probe(PROBE_AGAIN, now);
    }

    /// Less was sent, and the queue stays as long as it was: it is not ours.
    fn note_long_queue(&mut self, standing: Duration, now: Instant) {
        if self.foreign.is_some_and(|(queue, until)| now >= until || standing < queue / 2) {
            self.foreign = None;
        }
        if standing <= LONG_QUEUE {
            self.long_since = None;
            return;
        }
        let (since, was) = *self.long_since.get_or_insert((now, standing));
        if now >= since + UNMOVED {
            if standing > was * 7 / 10 {
                self.foreign = Some((standing, now + NOT_OURS));
            }
            self.long_since = Some((now, standing));
        }
    }

    fn grow(&mut self, now: Instant) {
        let passed =
            now.saturating_duration_since(self.grown_at).min(Duration::from_millis(200)).as_secs_f64();
        self.grown_at = now;
        let Some(delivered) = self.delivered.bps() else { return };
        let near = self.end.is_some_and(|end| {
            now < end.at + END_KNOWN && (end.bps * 0.8..end.bps * 1.1).contains(&self.target)
        });
        let grown = self.target * if near { GROWS_NEAR } else { GROWS_FAR }.powf(passed);
        let share = 1.0 - self.losses.borne().max(self.losses.share()).min(losses::MOST_BORNE);
        let ahead = delivered / share * AHEAD + AHEAD_BPS;
        if grown <= ahead && (self.foreign.is_none() || grown < BESIDE_BPS) {
            self.set_target(grown);
        }
    }

    fn may_probe(&self) -> bool {
        let borne = self.foreign.map_or(Duration::ZERO, |(queue, _)| queue);
        self.trend.usage() == Usage::Even
            && self.foreign.is_none()
            && self.waiting.standing() <= CALM + borne
            && !self.losses.on_trial()
            && !self.probes.is_under_way()
            && self.silent_at.is_none()
    }

    fn schedule_probe(&mut self, after: Duration, now: Instant) {
        self.probe_at = Some(now + after);
    }

    fn try_rate(&mut self, bps: f64, now: Instant) {
        self.probe = Some(self.probes.begin(bps, now));
    }

    fn take_probe(&mut self, now: Instant) {
        let Some(found) = self.probes.poll(now) else { return };
        let Some(found) = found.filter(|_| self.trend.usage() != Usage::Growing || self.starting) else {
            self.probe_again = self.probe_again.mul_f64(PROBE_AGAIN_GROWS).min(PROBE_AGAIN_MOST);
            self.schedule_probe(self.probe_again, now);
            return;
        };
        let fits = found.bps * if found.saturated { OF_SATURATED } else { 1.0 };
        let grows = fits > self.target * 1.15;
        if fits > self.target || (self.starting && found.saturated) {
            self.set_target(fits);
            self.end = found.saturated.then_some(End { bps: found.bps, at: now });
        }
        if found.saturated || self.target >= self.most * 0.95 {
            self.starting = false;
        }
        if found.saturated || !grows {
            self.probe_again = self.probe_again.mul_f64(PROBE_AGAIN_GROWS).min(PROBE_AGAIN_MOST);
            self.schedule_probe(self.probe_again, now);
        } else {
            self.probe_again = PROBE_AGAIN;
            // Once more before what it brought is in use: a round trip shows whether it holds.
            self.schedule_probe(self.round_trip(), now);
        }
    }

    fn set_target(&mut self, bps: f64) {
        self.target = bps.clamp(f64::from(LEAST_BPS), self.most);
    }

    fn round_trip(&self) -> Duration {
        let known = self.round_trips.iter().flatten().map(|(_, took)| *took).min();
        known.unwrap_or(USUAL_ROUND_TRIP)
    }

    /// News of the newest packet waited at the other end for its time to be sent; the least of many did not.
    fn note_round_trip(&mut self, took: Duration, now: Instant) {
        let [older, newer] = &mut self.round_trips;
        match newer {
            Some((since, least)) if now < *since + ROUND_TRIP_KNOWN => *least = took.min(*least),
            Some(_) | None => {
                *older = *newer;
                *newer = Some((now, took));
            }
        }
    }
}
