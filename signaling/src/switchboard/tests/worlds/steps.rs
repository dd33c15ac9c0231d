//! What can happen in a world, and how often.

use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Some envelopes from one to the other.
    Post {
        from: usize,
        many: usize,
    },
    /// A connection breaks. So many messages that are or get under way still arrive each way, and either side notices
    /// when it does.
    Cut {
        who: usize,
        up: usize,
        down: usize,
        server_notices: u64,
        client_notices: u64,
    },
    /// A client stops reading, or reads again.
    Stall {
        who: usize,
        stalls: bool,
    },
    /// A program ends and begins anew, properly or not.
    Leave {
        who: usize,
    },
    Crash {
        who: usize,
    },
    /// The server is killed, or stopped, and is there again after a moment.
    Restart,
    Drain,
    Wait {
        millis: u64,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..2_usize;
    let step = prop_oneof![
        12 => (who.clone(), 1..12_usize).prop_map(|(from, many)| Step::Post { from, many }),
        8 => (who.clone(), 0..6_usize, 0..6_usize, 0..40_000_u64, 0..3_000_u64).prop_map(
            |(who, up, down, server_notices, client_notices)| Step::Cut { who, up, down, server_notices, client_notices }
        ),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, stalls)| Step::Stall { who, stalls }),
        1 => who.clone().prop_map(|who| Step::Leave { who }),
        1 => who.prop_map(|who| Step::Crash { who }),
        1 => Just(Step::Restart),
        1 => Just(Step::Drain),
        14 => (0..1_500_u64).prop_map(|millis| Step::Wait { millis }),
        1 => (0..45_000_u64).prop_map(|millis| Step::Wait { millis }),
    ];
    prop::collection::vec(step, 1..60)
}
