//! What a link does to packets at one moment: all its faults, each absent by default.

use std::time::Duration;

/// How long a packet may wait for a narrow link where nothing else was said: what RFC 8867 asks of a tail-drop queue.
pub const DEFAULT_QUEUE: Duration = Duration::from_millis(300);

/// One direction's faults. `Default` is a perfect link.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// How long every packet travels.
    pub delay: Duration,
    /// How far a packet's own delay lies from that at most, either way; each as likely as any other.
    pub jitter: Duration,
    /// Whether a packet may overtake another, as jitter would have it. Otherwise it waits for the one before.
    pub reorder: bool,
    /// Which packets are lost on the way, after they have had their share of the rate.
    pub loss: Loss,
    /// How many packets arrive twice.
    pub duplicate: Share,
    /// How many bits of IP packets pass in a second; `None` is without limit.
    pub rate: Option<BitsPerSecond>,
    /// How long a packet may wait until its sending begins. One that would wait longer is dropped (the tail).
    pub queue: Duration,
    /// Nothing passes.
    pub blackout: bool,
    /// Longer packets vanish without a word, as where nobody may say "fragmentation needed".
    pub mtu: Option<usize>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reorder: false,
            loss: Loss::None,
            duplicate: Share::NONE,
            rate: None,
            queue: DEFAULT_QUEUE,
            blackout: false,
            mtu: None,
        }
    }
}

/// Which packets are lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// None.
    None,
    /// Each with the same chance, whatever became of those before.
    Random(Share),
    /// The model of Gilbert and Elliott: two states, each with its own loss, and a chance to change before every packet.
    Bursts {
        /// The chance to go from the good state to the bad one.
        to_bad: Share,
        /// The chance to go back.
        to_good: Share,
        /// How many are lost in the good state.
        in_good: Share,
        /// How many are lost in the bad state.
        in_bad: Share,
    },
}

impl Loss {
    /// Runs of lost packets, `mean_length` long on average, that make `share` of all. `None` where such runs cannot make that
    /// share: half of all packets need runs of at least one, nine tenths of at least nine.
    pub fn bursts(share: Share, mean_length: f64) -> Option<Self> {
        if share.0 >= 1.0 {
            return Some(Self::Random(Share::ALL));
        }
        if !mean_length.is_finite() || mean_length < 1.0 {
            return None;
        }
        let to_good = 1.0 / mean_length;
        let to_bad = to_good * share.0 / (1.0 - share.0);
        // Nine in ten in runs of nine are exactly possible, but not in binary.
        let to_bad = if (1.0..1.0 + 1e-9).contains(&to_bad) { 1.0 } else { to_bad };
        let (to_good, to_bad) = (Share::new(to_good)?, Share::new(to_bad)?);
        Some(Self::Bursts { to_bad, to_good, in_good: Share::NONE, in_bad: Share::ALL })
    }
}

/// A part of a whole, from nothing to all.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0.0);
    /// The whole.
    pub const ALL: Self = Self(1.0);

    /// From nought to one.
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then_some(Self(part))
    }

    /// From nought to a hundred.
    pub fn percent(percent: f64) -> Option<Self> {
        Self::new(percent / 100.0)
    }

    pub(crate) fn covers(self, drawn: f64) -> bool {
        drawn < self.0
    }
}

/// A rate; never nought, which is what `blackout` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitsPerSecond(u64);

impl BitsPerSecond {
    /// What is possible: from one bit a second to a hundred gigabits.
    pub fn new(bits: u64) -> Option<Self> {
        (1..=100_000_000_000).contains(&bits).then_some(Self(bits))
    }

    /// How long so many bits take, never too short.
    pub(crate) fn time_for(self, bits: u64) -> Duration {
        Duration::from_nanos(bits.saturating_mul(NANOS).div_ceil(self.0))
    }

    /// How many bits are left to send for so long, never too few.
    pub(crate) fn bits_in(self, time: Duration) -> u64 {
        let bits = (time.as_nanos() * u128::from(self.0)).div_ceil(u128::from(NANOS));
        u64::try_from(bits).unwrap_or(u64::MAX)
    }
}

const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_no_less_than_nothing_and_no_more_than_all() {
        assert!(Share::percent(0.0).is_some() && Share::percent(100.0).is_some());
        for wrong in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert!(Share::percent(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn bursts_that_cannot_make_the_share_are_refused() {
        let loss = |percent, length| Loss::bursts(Share::percent(percent).unwrap(), length);
        assert!(loss(50.0, 1.0).is_some());
        assert!(loss(90.0, 9.0).is_some());
        assert_eq!(loss(90.0, 8.0), None);
        assert_eq!(loss(10.0, 0.5), None);
        assert_eq!(loss(10.0, f64::NAN), None);
        assert_eq!(loss(100.0, 3.0), Some(Loss::Random(Share::ALL)));
    }

    #[test]
    fn the_slowest_link_sends_the_longest_packet_at_last() {
        let rate = BitsPerSecond::new(1).unwrap();
        assert_eq!(rate.time_for(8 * 65_535), Duration::from_secs(524_280));
        assert_eq!(rate.bits_in(Duration::from_secs(524_280)), 524_280);
    }
}
