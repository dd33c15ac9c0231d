//! What one relay has counted, added to what all of them have.

use crate::relay::Counts;
use crate::watching::metrics::{self, Counter};

/// What of a relay's counts was shown already.
#[derive(Default)]
pub(super) struct Counting(Counts);

impl Counting {
    pub(super) fn show(&mut self, now: Counts, all: &metrics::Relay) {
        let before = std::mem::replace(&mut self.0, now);
        all.allocations.add(now.allocations);
        all.allocations.subtract(before.allocations);
        let add = |counter: &Counter, of: fn(&Counts) -> u64| counter.add(of(&now) - of(&before));
        add(&all.granted, |counts| counts.granted);
        add(&all.bindings, |counts| counts.bindings);
        add(&all.packets.out, |counts| counts.packets_out);
        add(&all.packets.r#in, |counts| counts.packets_in);
        add(&all.bytes.out, |counts| counts.bytes_out);
        add(&all.bytes.r#in, |counts| counts.bytes_in);
        add(&all.packets_within, |counts| counts.packets_within);

        let refused = &all.refused;
        add(&refused.bad_request_400, |counts| counts.refused.bad_request_400);
        add(&refused.unauthenticated_401, |counts| counts.refused.unauthenticated_401);
        add(&refused.forbidden_403, |counts| counts.refused.forbidden_403);
        add(&refused.unknown_attribute_420, |counts| counts.refused.unknown_attribute_420);
        add(&refused.mismatch_437, |counts| counts.refused.mismatch_437);
        add(&refused.stale_nonce_438, |counts| counts.refused.stale_nonce_438);
        add(&refused.family_440, |counts| counts.refused.family_440);
        add(&refused.wrong_credentials_441, |counts| counts.refused.wrong_credentials_441);
        add(&refused.transport_442, |counts| counts.refused.transport_442);
        add(&refused.peer_family_443, |counts| counts.refused.peer_family_443);
        add(&refused.quota_486, |counts| counts.refused.quota_486);
        add(&refused.capacity_508, |counts| counts.refused.capacity_508);

        let dropped = &all.dropped;
        add(&dropped.malformed, |counts| counts.dropped.malformed);
        add(&dropped.no_allocation, |counts| counts.dropped.no_allocation);
        add(&dropped.no_channel, |counts| counts.dropped.no_channel);
        add(&dropped.no_permission, |counts| counts.dropped.no_permission);
        add(&dropped.denied, |counts| counts.dropped.denied);
        add(&dropped.bandwidth, |counts| counts.dropped.bandwidth);
        add(&dropped.answers, |counts| counts.dropped.answers);
    }

    /// The relay is gone, and its allocations with it.
    pub(super) fn withdraw(&mut self, all: &metrics::Relay) {
        all.allocations.subtract(std::mem::take(&mut self.0.allocations));
    }
}
