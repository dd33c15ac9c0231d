//! Numbers that must not be confused with one another.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A moment on the media clock: microseconds since 1970 as the sender's engine saw them when the call's clock started,
/// and monotonic from there. Two processes on one computer share it well enough to subtract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MediaTime(pub u64);

impl MediaTime {
    /// The microseconds themselves.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not after.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// So many ticks of a clock of that rate since 1970: what our own ends write on their packets, of which 32 bits travel.
    pub const fn ticks(self, rate_hz: u32) -> u64 {
        (self.0 as u128 * rate_hz as u128 / MICROS_PER_SECOND) as u64
    }

    /// The moment nearest to `near` at which the last 32 bits of such a clock were these.
    pub const fn of_ticks(ticks: u32, rate_hz: u32, near: Self) -> Self {
        let there = near.ticks(rate_hz);
        let ahead = ticks.wrapping_sub(there as u32).cast_signed();
        let ticks = there.saturating_add_signed(ahead as i64);
        Self((ticks as u128 * MICROS_PER_SECOND).div_ceil(rate_hz as u128) as u64)
    }
}

const MICROS_PER_SECOND: u128 = 1_000_000;

impl std::ops::Add<Duration> for MediaTime {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// How long there and back, as people read it: the same words wherever a call's round trip is said.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct RoundTrip {
    /// In milliseconds.
    pub ms: f64,
}

impl fmt::Display for RoundTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ms < 1.0 { f.write_str("under 1 ms") } else { write!(f, "{:.0} ms", self.ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_said_in_whole_milliseconds() {
        let said = [0.2, 1.0, 9.6, 23.4].map(|ms| RoundTrip { ms }.to_string());
        assert_eq!(said, ["under 1 ms", "1 ms", "10 ms", "23 ms"]);
    }

    #[test]
    fn a_moment_is_found_again_from_the_bits_that_travelled() {
        // Both sides of the moment at which the 32 bits begin anew.
        let turn = (1_u64 << 32) * 100 / 9;
        for captured in [1_764_000_000_123_456, turn * 37_000 - 5, turn * 37_000 + 5].map(MediaTime) {
            let near = captured + Duration::from_millis(400);
            let found = MediaTime::of_ticks(captured.ticks(90_000) as u32, 90_000, near);
            assert!(found.0.abs_diff(captured.0) <= 12, "{captured:?} {found:?}");
            let early = MediaTime(captured.0 - 700_000);
            assert_eq!(MediaTime::of_ticks(captured.ticks(90_000) as u32, 90_000, early), found);
            assert_eq!(found.ticks(90_000), captured.ticks(90_000));
        }
    }
}
