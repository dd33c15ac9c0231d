//! When the driver of `webrtc` must not sleep.
//!
//! The driver writes before it reads, and it hands packets for a relay on in two steps, of which it takes one in each of its
//! rounds. So what a relayed packet gives rise to (a STUN answer, a DTLS flight) waits for two more rounds, and a
//! packet of ours for a relay waits for one; without anything else to do, each is as long as a sleep. Sleeps of at most 5 ms
//! cured most of that at 200 rounds a second. Now it is counted which rounds it owes, and only these come at once: one after
//! each round that something woke it for, two after one that brought something by a relay.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const ROUNDS_AFTER_RELAYED: u8 = 2;
const ROUNDS_AFTER_OTHERS: u8 = 1;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Beat {
    owed: u8,
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    due: Instant,
    /// A round that was owed; nothing else was the reason for it where this was waited for to its end.
    over: Option<Arc<AtomicBool>>,
}

impl Beat {
    /// The driver wants to sleep for so long. Where it must not: what to set when it did nothing else instead.
    pub(super) fn round(
        &mut self,
        now: Instant,
        wish: Duration,
        came_by_relay: bool,
    ) -> Option<Arc<AtomicBool>> {
        let was_idle = self.last.as_ref().is_some_and(|last| {
            now < last.due && last.over.as_ref().is_some_and(|over| over.load(Ordering::Relaxed))
        });
        let owes = match (came_by_relay, was_idle) {
            (true, _) => ROUNDS_AFTER_RELAYED,
            (false, false) => ROUNDS_AFTER_OTHERS,
            (false, true) => 0,
        };
        self.owed = self.owed.max(owes);
        let over = (self.owed > 0).then(Arc::<AtomicBool>::default);
        self.owed = self.owed.saturating_sub(1);
        self.last = Some(Last { due: now + wish, over: over.clone() });
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(1);

    /// How many rounds come at once until the driver sleeps, when nothing else happens.
    fn rounds(beat: &mut Beat, now: Instant, came_by_relay: bool) -> usize {
        let mut came = came_by_relay;
        let mut rounds = 0;
        while let Some(over) = beat.round(now, LONG, std::mem::take(&mut came)) {
            over.store(true, Ordering::Relaxed);
            rounds += 1;
            assert!(rounds < 10, "it sleeps at last");
        }
        rounds
    }

    #[test]
    fn each_round_that_had_a_reason_is_followed_by_those_it_owes_and_then_by_sleep() {
        let (mut beat, now) = (Beat::default(), Instant::now());
        assert_eq!(rounds(&mut beat, now, false), 1);
        assert_eq!(rounds(&mut beat, now, true), 2);
        assert_eq!(rounds(&mut beat, now, false), 1);
    }

    #[test]
    fn a_round_in_which_something_happened_after_all_owes_anew() {
        let (mut beat, now) = (Beat::default(), Instant::now());
        let over = beat.round(now, LONG, false).unwrap();
        assert!(!over.load(Ordering::Relaxed), "something else was ready first");
        assert_eq!(rounds(&mut beat, now, false), 1);
        let over = beat.round(now, LONG, false).unwrap();
        over.store(true, Ordering::Relaxed);
        assert_eq!(rounds(&mut beat, now + LONG, false), 1, "a time has come in that round");
    }
}
