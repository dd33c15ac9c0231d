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
    recent: [Sum; 2],
}

/// Times since somebody asked last.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    time: Duration,
    count: u32,
}

/// How long encoding and decoding took, on average; nothing where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// See [`Step::Encoding`].
    pub encoding: Option<Duration>,
    /// See [`Step::Decoding`].
    pub decoding: Option<Duration>,
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
        let [encoding, decoding] = &mut self.recent;
        match step {
            Step::Encoding => encoding.add(time),
            Step::Decoding => decoding.add(time),
            Step::UnderWay | Step::Gathering | Step::Waiting | Step::WholeWay => {}
        }
    }

    /// How it was since this was last asked.
    pub fn take_recent(&mut self) -> Recent {
        let [encoding, decoding] = std::mem::take(&mut self.recent);
        Recent { encoding: encoding.mean(), decoding: decoding.mean() }
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

impl Sum {
    fn add(&mut self, time: Duration) {
        self.time = self.time.saturating_add(time);
        self.count = self.count.saturating_add(1);
    }

    fn mean(self) -> Option<Duration> {
        self.time.checked_div(self.count)
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
    fn what_is_recent_is_what_came_since_it_was_asked() {
        let mut latency = Latency::default();
        let ms = Duration::from_millis;
        latency.add(Step::Encoding, ms(2));
        latency.add(Step::Encoding, ms(4));
        latency.add(Step::Gathering, ms(50));
        assert_eq!(latency.take_recent(), Recent { encoding: Some(ms(3)), decoding: None });
        latency.add(Step::Decoding, ms(1));
        assert_eq!(latency.take_recent(), Recent { encoding: None, decoding: Some(ms(1)) });
        assert_eq!(latency.report().encoding.count, 2, "the whole goes on");
    }

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
