//! Short stretches at a higher rate: what arrives of them, and how fast, says what fits.

use std::time::{Duration, Instant};

use crate::logic::pacing::Probe;

/// A stretch lasts at least so long, and has at least so many packets: fewer say nothing.
const LASTS: Duration = Duration::from_millis(20);
const PACKETS: u32 = 6;
/// What has not come by then is not waited for.
const PATIENCE: Duration = Duration::from_millis(700);
/// Of a stretch at least this part has to come.
const LEAST_SHARE: f64 = 0.5;
/// Arriving this much slower than it left, a stretch has found the end of what fits.
const SATURATED: f64 = 0.88;

/// What a stretch has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// What fits, in bits a second.
    pub(super) bps: f64,
    /// That is the end of it: it came slower than it was sent.
    pub(super) saturated: bool,
}

#[derive(Clone, Copy, Debug)]
struct Under {
    probe: Probe,
    since: Instant,
    sent: Option<(Duration, Duration)>,
    arrived: Option<(Duration, Duration)>,
    packets: u32,
    packets_came: u32,
    bytes: usize,
    bytes_came: usize,
    first_bytes: usize,
    last_bytes: usize,
    last_seen: Instant,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Probes {
    next_id: u32,
    under: Option<Under>,
}

impl Probes {
    /// Whether one is under way.
    pub(super) fn is_under_way(&self) -> bool {
        self.under.is_some()
    }

    /// One at that rate.
    pub(super) fn begin(&mut self, bps: f64, now: Instant) -> Probe {
        let bytes = (bps / 8.0 * LASTS.as_secs_f64()) as usize;
        let probe = Probe { id: self.next_id, bps: bps as u32, packets: PACKETS, bytes };
        self.next_id += 1;
        self.under = Some(Under {
            probe,
            since: now,
            sent: None,
            arrived: None,
            packets: 0,
            packets_came: 0,
            bytes: 0,
            bytes_came: 0,
            first_bytes: 0,
            last_bytes: 0,
            last_seen: now,
        });
        probe
    }

    /// What became of a packet of one.
    pub(super) fn handle(
        &mut self,
        id: u32,
        sent: Duration,
        arrived: Option<Duration>,
        bytes: usize,
        now: Instant,
    ) {
        let Some(under) = self.under.as_mut().filter(|under| under.probe.id == id) else { return };
        under.last_seen = now;
        under.packets += 1;
        under.bytes += bytes;
        if under.sent.is_none_or(|(first, _)| sent < first) {
            under.first_bytes = bytes;
        }
        if under.sent.is_none_or(|(_, last)| sent >= last) {
            under.last_bytes = bytes;
        }
        under.sent = widened(under.sent, sent);
        if let Some(arrived) = arrived {
            under.packets_came += 1;
            under.bytes_came += bytes;
            under.arrived = widened(under.arrived, arrived);
        }
    }

    /// What was found, once everything is known that will be. `Some(None)`: it showed nothing.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Option<Found>> {
        let under = self.under?;
        let whole = under.packets >= under.probe.packets && under.bytes >= under.probe.bytes;
        let late = now >= under.since + PATIENCE;
        if !whole && !late {
            return None;
        }
        self.under = None;
        Some(under.found())
    }
}

impl Under {
    fn found(&self) -> Option<Found> {
        let (sent, arrived) = (self.sent?, self.arrived?);
        let enough = self.packets >= self.probe.packets.saturating_sub(1)
            && f64::from(self.packets_came) >= f64::from(self.packets) * LEAST_SHARE
            && self.packets_came >= PACKETS / 2;
        let (sent_for, arrived_for) = (span(sent), span(arrived));
        if !enough || sent_for <= 0.0 {
            return None;
        }
        // One packet fewer than there are: the time of the last begins when it has left, of the first when it has come.
        let left = self.bytes.saturating_sub(self.last_bytes) as f64 * 8.0 / sent_for;
        // What was lost had its place in the time between.
        let came = self.bytes_came.saturating_sub(self.first_bytes) as f64 * 8.0 / arrived_for.max(1e-3);
        let share = f64::from(self.packets_came) / f64::from(self.packets);
        let came = came / share.max(LEAST_SHARE);
        Some(Found { bps: left.min(came), saturated: came < left * SATURATED })
    }
}

fn widened(range: Option<(Duration, Duration)>, by: Duration) -> Option<(Duration, Duration)> {
    Some(range.map_or((by, by), |(first, last)| (first.min(by), last.max(by))))
}

fn span((first, last): (Duration, Duration)) -> f64 {
    last.saturating_sub(first).as_secs_f64()
}
