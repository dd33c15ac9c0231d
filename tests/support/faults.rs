//! How far the world may be from a good one.

use sightline::logic::course::Link;

/// How badly the world behaves.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    pub(crate) lost_percent: u64,
    pub(crate) repeated_percent: u64,
    pub(crate) delay_ms: std::ops::Range<u64>,
    /// One message is not lost more often than this before it arrives.
    pub(crate) most_losses: u32,
    /// How far peer connections come.
    pub(crate) furthest: Link,
    /// A connection names one candidate at least, where this is not nothing.
    pub(crate) most_candidates: u64,
    /// What people do when it rings; otherwise they let it ring.
    pub(crate) accept_percent: u64,
    pub(crate) decline_percent: u64,
    pub(crate) order_ms: std::ops::Range<u64>,
    /// How many of the others a device knows.
    pub(crate) contact_percent: u64,
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self {
            lost_percent: 0,
            repeated_percent: 0,
            delay_ms: 20..21,
            most_losses: 0,
            furthest: Link::Up,
            most_candidates: 3,
            accept_percent: 0,
            decline_percent: 0,
            order_ms: 1..2,
            contact_percent: 0,
        }
    }
}
