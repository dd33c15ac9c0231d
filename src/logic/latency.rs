//! Where the time goes between a capture and a display: how long each step of the pictures took.
//!
//! Two of the six are measured between the two ends' clocks, and are as right as those agree: to a fraction of a millisecond on
//! one computer, to some milliseconds where both ask the same time servers, and not at all where they do not.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::spread::Spread;

/// A step of a picture's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Of ours: from its capture until it is encoded.
    Encoding,
    /// Of theirs: from its capture there until its first packet is here. Between two clocks.
    UnderWay,
    /// Of theirs: from its first packet until it is whole.
    Gathering,
    /// Of theirs: from then until it is decoded.
    Decoding,
    /// Of theirs: from then until it is shown.
    Waiting,
    /// Of theirs: from its capture there until it is shown here. Between two clocks.
    WholeWay,
}

/// All steps of a call's pictures.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    encoding: Spread,
    under_way: Spread,
    gathering: Spread,
    decoding: Spread,
    waiting: Spread,
    whole_way: Spread,
}

/// How it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyReport {
    /// See [`Step::Encoding`].
    pub encoding: Times,
    /// See [`Step::UnderWay`].
    pub under_way: Times,
    /// See [`Step::Gathering`].
    pub gathering: Times,
    /// See [`Step::Decoding`].
    pub decoding: Times,
    /// See [`Step::Waiting`].
    pub waiting: Times,
    /// See [`Step::WholeWay`].
    pub whole_way: Times,
}

/// How long one step took. In microseconds, right to 6 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// How many pictures.
    pub count: u64,
    /// Half of them took no longer.
    pub median_us: u64,
    /// Of a hundred, 95 took no longer.
    pub p95_us: u64,
    /// None took longer.
    pub longest_us: u64,
}

impl Latency {
    /// A picture took so long for that.
    pub fn add(&mut self, step: Step, time: Duration) {
        let spread = match step {
            Step::Encoding => &mut self.encoding,
            Step::UnderWay => &mut self.under_way,
            Step::Gathering => &mut self.gathering,
            Step::Decoding => &mut self.decoding,
            Step::Waiting => &mut self.waiting,
            Step::WholeWay => &mut self.whole_way,
        };
        spread.add(time);
    }

    /// How it was until now.
    pub fn report(&self) -> LatencyReport {
        LatencyReport {
            encoding: times(&self.encoding),
            under_way: times(&self.under_way),
            gathering: times(&self.gathering),
            decoding: times(&self.decoding),
            waiting: times(&self.waiting),
            whole_way: times(&self.whole_way),
        }
    }
}

fn times(spread: &Spread) -> Times {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let at_percent = |percent| spread.at_percent(percent).map_or(0, micros);
    Times {
        count: spread.count(),
        median_us: at_percent(50),
        p95_us: at_percent(95),
        longest_us: micros(spread.longest()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_kept_by_itself() {
        let mut latency = Latency::default();
        for ms in 1..=100 {
            latency.add(Step::Waiting, Duration::from_millis(ms));
        }
        let report = latency.report();
        assert_eq!(report.encoding, Times::default());
        let Times { count, median_us, p95_us, longest_us } = report.waiting;
        assert_eq!((count, longest_us), (100, 100_000));
        assert!(
            median_us.abs_diff(50_000) <= 3_200 && p95_us.abs_diff(95_000) <= 6_000,
            "{median_us} {p95_us}"
        );
    }
}
