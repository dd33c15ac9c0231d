//! What is done on purpose to our own sending in a call, as whoever sends looks at it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::logic::evidence::Hindrance;

/// One for all connections of a call; it begins with nothing, and goes with the call.
#[derive(Debug, Default)]
pub struct Hindering(AtomicU64);

const BLOCKS: u64 = 1 << 32;

impl Hindering {
    /// From now on so.
    pub fn set(&self, hindrance: Hindrance) {
        let Hindrance { loss_percent, delay_ms, blocks_udp } = hindrance.bounded();
        let blocks = if blocks_udp { BLOCKS } else { 0 };
        self.0.store(u64::from(loss_percent) << 16 | u64::from(delay_ms) | blocks, Ordering::Relaxed);
    }

    /// What is done now.
    pub fn look(&self) -> Hindrance {
        let all = self.0.load(Ordering::Relaxed);
        Hindrance { loss_percent: (all >> 16) as u8, delay_ms: all as u16, blocks_udp: all & BLOCKS != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_seen_within_its_bounds() {
        let hindering = Hindering::default();
        assert_eq!(hindering.look(), Hindrance::default());
        let some = Hindrance { loss_percent: 12, delay_ms: 345, blocks_udp: true };
        hindering.set(some);
        assert_eq!(hindering.look(), some);
        hindering.set(Hindrance { loss_percent: 255, delay_ms: u16::MAX, blocks_udp: false });
        assert_eq!(hindering.look(), Hindrance { loss_percent: 90, delay_ms: 2000, blocks_udp: false });
    }
}
