//! The states of a call, and what follows from the state alone.

use std::time::{Duration, Instant};

/// How long the callee lets its own bell ring: a little longer, so that the caller's *cancel* decides.
pub(super) const CALLEE_RING_LIMIT: Duration = Duration::from_secs(65);
/// How long a caller has to prove that it is alive.
pub(super) const CHECK_LIMIT: Duration = Duration::from_secs(20);
/// How long a connection that went silent is waited for.
pub(super) const RECONNECT_LIMIT: Duration = Duration::from_secs(60);
/// How long the other side's *hang up* is waited for when its connection was closed cleanly.
pub(super) const GOODBYE_WAIT: Duration = Duration::from_millis(800);
/// How long the last words of a call are sent again.
pub(super) const LAST_WORDS_LIMIT: Duration = Duration::from_secs(10);
/// How long an ended call still acknowledges, so that the other side can stop repeating itself.
pub(super) const AFTERLIFE: Duration = Duration::from_secs(3);

/// Where a call stands, with what only that state needs. The diagram above the call's machine shows the ways between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Inviting { give_up: Instant, reached: bool },
    RingingThere { give_up: Instant },
    Checking { give_up: Instant },
    Waiting { give_up: Instant },
    RingingHere { give_up: Instant },
    Connecting { give_up: Instant },
    Connected,
    Reconnecting { give_up: Instant, goodbye: bool },
    Ended { stop_repeating: Instant, forget: Instant },
}

impl State {
    /// When something is due, and what.
    pub(super) fn wake(self, is_delivered: bool) -> Option<(Instant, &'static str)> {
        match self {
            Self::Inviting { give_up, .. } | Self::RingingThere { give_up } => {
                Some((give_up, "stop ringing"))
            }
            Self::Checking { give_up } | Self::Waiting { give_up } => Some((give_up, "drop a silent caller")),
            Self::RingingHere { give_up } => Some((give_up, "stop the bell")),
            Self::Connecting { give_up } => Some((give_up, "give up connecting")),
            Self::Connected => None,
            Self::Reconnecting { give_up, .. } => Some((give_up, "give up reconnecting")),
            Self::Ended { stop_repeating, forget } => {
                if is_delivered || stop_repeating <= forget {
                    return Some((forget, "forget the call"));
                }
                Some((stop_repeating, "stop repeating the last words"))
            }
        }
    }

    /// Ended, and nobody has to hear of it any more.
    pub(super) fn is_settled(self, is_delivered: bool) -> bool {
        self.ended().is_some_and(|(stop_repeating, forget)| is_delivered || stop_repeating <= forget)
    }

    pub(super) fn may_be_forgotten(self, is_delivered: bool, now: Instant) -> bool {
        self.ended()
            .is_some_and(|(stop_repeating, forget)| now >= forget && (is_delivered || now >= stop_repeating))
    }

    fn ended(self) -> Option<(Instant, Instant)> {
        match self {
            Self::Ended { stop_repeating, forget } => Some((stop_repeating, forget)),
            Self::Inviting { .. }
            | Self::RingingThere { .. }
            | Self::Checking { .. }
            | Self::Waiting { .. }
            | Self::RingingHere { .. }
            | Self::Connecting { .. }
            | Self::Connected
            | Self::Reconnecting { .. } => None,
        }
    }
}
