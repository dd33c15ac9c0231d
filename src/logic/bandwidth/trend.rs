//! Whether packets take longer and longer: a line is laid through the delays of the last groups, and its slope compared with
//! a threshold that follows the noise of the path.
//!
//! The figures are those that libwebrtc has lived with for years, because a sender with other ones would yield too early, or
//! too late, beside it.

use std::{collections::VecDeque, time::Duration};

/// Packets that left within this time are one group: a burst says how long a queue is, not how it grows.
const GROUP: Duration = Duration::from_millis(5);
/// A group that lasts longer than this is none, however its packets arrived.
const LONGEST_GROUP: Duration = Duration::from_millis(100);
/// How many groups the line is laid through.
const WINDOW: usize = 20;
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
const MOST_GROUPS_COUNTED: f64 = 60.0;
const THRESHOLD_MS: (f64, f64, f64) = (6.0, 12.5, 600.0);
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// A slope this far above the threshold is an outlier, which the threshold does not follow.
const OUTLIER_MS: f64 = 15.0;
/// How long the slope has to stay above the threshold.
const PATIENCE_MS: f64 = 10.0;
/// A sender or a clock that stood still: what was before says nothing any more.
const ANEW_AFTER: Duration = Duration::from_secs(3);

/// What the slope says of the queue on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    /// It stays as it is.
    #[default]
    Even,
    /// It grows.
    Growing,
    /// It shrinks.
    Shrinking,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: Duration,
    last_sent: Duration,
    first_arrived: Duration,
    last_arrived: Duration,
}

/// See the head of this file. Times are since any moment that stays the same, there for arrivals and here for departures.
#[derive(Debug)]
pub(super) struct Trend {
    current: Option<Group>,
    before: Option<Group>,
    began: Option<Duration>,
    sum_ms: f64,
    smooth_ms: f64,
    groups: f64,
    points: VecDeque<(f64, f64)>,
    threshold_ms: f64,
    threshold_at: Option<Duration>,
    above_ms: f64,
    times_above: u32,
    last_slope: f64,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            current: None,
            before: None,
            began: None,
            sum_ms: 0.0,
            smooth_ms: 0.0,
            groups: 0.0,
            points: VecDeque::with_capacity(WINDOW + 1),
            threshold_ms: THRESHOLD_MS.1,
            threshold_at: None,
            above_ms: 0.0,
            times_above: 0,
            last_slope: 0.0,
            usage: Usage::Even,
        }
    }
}

impl Trend {
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// A packet arrived. In the order in which they left.
    pub(super) fn handle(&mut self, sent: Duration, arrived: Duration) {
        let fresh =
            Group { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived };
        let Some(current) = &mut self.current else {
            self.current = Some(fresh);
            return;
        };
        if sent < current.first_sent {
            return;
        }
        if belongs(current, sent, arrived) {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrived = current.last_arrived.max(arrived);
            return;
        }
        let whole = *current;
        self.current = Some(fresh);
        if let Some(before) = self.before.replace(whole) {
            if whole.last_sent.saturating_sub(before.last_sent) > ANEW_AFTER {
                *self = Self { current: Some(fresh), ..Self::default() };
                return;
            }
            let sent_ms = ms(whole.last_sent) - ms(before.last_sent);
            let arrived_ms = ms(whole.last_arrived) - ms(before.last_arrived);
            self.note(arrived_ms - sent_ms, sent_ms, whole.last_arrived);
        }
    }

    fn note(&mut self, longer_ms: f64, sent_ms: f64, arrived: Duration) {
        let began = *self.began.get_or_insert(arrived);
        self.groups = (self.groups + 1.0).min(MOST_GROUPS_COUNTED);
        self.sum_ms += longer_ms;
        self.smooth_ms = SMOOTHING * self.smooth_ms + (1.0 - SMOOTHING) * self.sum_ms;
        self.points.push_back((ms(arrived) - ms(began), self.smooth_ms));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        let slope = if self.points.len() == WINDOW { slope(&self.points) } else { self.last_slope };
        self.judge(slope, sent_ms, arrived);
    }

    fn judge(&mut self, slope: f64, sent_ms: f64, now: Duration) {
        let weighed = self.groups * slope * GAIN;
        if weighed > self.threshold_ms {
            self.above_ms += if self.above_ms == 0.0 { sent_ms / 2.0 } else { sent_ms };
            self.times_above += 1;
            if self.above_ms > PATIENCE_MS && self.times_above > 1 && slope >= self.last_slope {
                self.above_ms = 0.0;
                self.times_above = 0;
                self.usage = Usage::Growing;
            }
        } else {
            self.above_ms = 0.0;
            self.times_above = 0;
            self.usage = if weighed < -self.threshold_ms { Usage::Shrinking } else { Usage::Even };
        }
        self.last_slope = slope;
        self.follow_noise(weighed.abs(), now);
    }

    fn follow_noise(&mut self, weighed: f64, now: Duration) {
        let since = self.threshold_at.map_or(Duration::ZERO, |at| now.saturating_sub(at));
        self.threshold_at = Some(now);
        if weighed > self.threshold_ms + OUTLIER_MS {
            return;
        }
        let pace = if weighed < self.threshold_ms { THRESHOLD_DOWN } else { THRESHOLD_UP };
        let step = pace * (weighed - self.threshold_ms) * ms(since).min(100.0);
        self.threshold_ms = (self.threshold_ms + step).clamp(THRESHOLD_MS.0, THRESHOLD_MS.2);
    }
}

fn belongs(group: &Group, sent: Duration, arrived: Duration) -> bool {
    if sent.saturating_sub(group.first_sent) <= GROUP {
        return true;
    }
    // What waited in one place arrives at once, whenever it left: that says nothing of a queue.
    let later_sent = sent.saturating_sub(group.last_sent);
    let later_arrived = arrived.saturating_sub(group.last_arrived);
    later_arrived <= GROUP
        && later_arrived < later_sent
        && arrived.saturating_sub(group.first_arrived) < LONGEST_GROUP
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        let (x, y) = (point.0 - mean_x, point.1 - mean_y);
        (over + x * y, under + x * x)
    });
    if under > 0.0 { over / under } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets every 10 ms, each later than the one before by `grows`.
    fn after(packets: u64, grows: Duration) -> Usage {
        let mut trend = Trend::default();
        for number in 0..packets {
            let sent = Duration::from_millis(10 * number);
            trend.handle(sent, sent + Duration::from_millis(50) + grows * number as u32);
        }
        trend.usage()
    }

    #[test]
    fn a_queue_that_grows_is_seen_and_one_that_does_not_is_not() {
        assert_eq!(after(100, Duration::ZERO), Usage::Even);
        assert_eq!(after(30, Duration::from_millis(2)), Usage::Growing);
    }

    #[test]
    fn noise_that_comes_and_goes_is_no_trend() {
        let mut trend = Trend::default();
        let mut growing = 0;
        for number in 0..2000_u64 {
            let sent = Duration::from_millis(10 * number);
            let noise = Duration::from_micros(number * 7919 % 11_000);
            trend.handle(sent, sent + Duration::from_millis(50) + noise);
            growing += u32::from(trend.usage() == Usage::Growing);
        }
        assert!(growing < 20, "{growing} of 2000");
    }
}
