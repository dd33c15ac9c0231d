//! What changed, when, in words: the story of a path.

use serde::{Deserialize, Serialize};

use crate::logic::{
    course::{EndReason, Link},
    legs::LegWhy,
    servers::{Service, Transport},
    sightings::Trouble,
};

use super::{Route, report::Place};

/// How many changes are kept. Of a call that changes more often the first and the last ones are; what goes is counted.
const MAX_ENTRIES: usize = 400;
/// How many of the first ones are kept.
const FIRST_ENTRIES: usize = 100;

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Change {
    /// The addresses of this computer that are used.
    Interfaces {
        /// How many.
        used: usize,
    },
    /// A connection is built.
    LegOpened {
        /// What for.
        why: LegWhy,
    },
    /// Media moved to it.
    LegInUse,
    /// It was let go of.
    LegClosed,
    /// It stands differently.
    Link {
        /// How.
        link: Link,
    },
    /// All candidates of a side are known.
    CandidatesDone {
        /// Our side, or theirs.
        ours: bool,
    },
    /// A server gave what it was asked for, or something stands in the way now.
    Server {
        /// Which.
        server: Place,
        /// What for.
        service: Service,
        /// How.
        transport: Transport,
        /// What stands in the way.
        trouble: Option<Trouble>,
    },
    /// The first sign of the other side on any pair of a leg.
    FirstHeard,
    /// The call goes another way.
    Path {
        /// Which.
        route: Route,
    },
    /// The switchboard.
    Switchboard {
        /// It can be reached.
        up: bool,
    },
    /// The call is over.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// A change, and when it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Since the call began.
    pub t_ms: u64,
    /// Of which leg.
    pub leg: Option<u32>,
    /// What.
    #[serde(flatten)]
    pub change: Change,
    /// In words.
    pub sentence: String,
}

/// The entries, and how many there was no room for.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    entries: Vec<Entry>,
    left_out: u32,
}

impl Timeline {
    pub(super) fn note(&mut self, t_ms: u64, leg: Option<u32>, change: Change, sentence: String) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.remove(FIRST_ENTRIES);
            self.left_out = self.left_out.saturating_add(1);
        }
        self.entries.push(Entry { t_ms, leg, change, sentence });
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        // What sockets saw is told a little later.
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| entry.t_ms);
        entries
    }

    pub(super) fn left_out(&self) -> u32 {
        self.left_out
    }
}

pub(super) fn opened(why: LegWhy) -> &'static str {
    match why {
        LegWhy::First => "Looking for a path",
        LegWhy::TookTooLong => "The last attempt took too long; another one begins",
        LegWhy::NetworkChanged => {
            "The network of this computer changed; another path is looked for beside the one in use"
        }
        LegWhy::Silence => "Nothing comes any more; another path is looked for",
        LegWhy::ServerBack => "A server came back; another path is looked for",
        LegWhy::BetterPath => "Looking for a path that needs no relay",
        LegWhy::Asked => "Somebody here wants another path; it is looked for beside the one in use",
        LegWhy::Theirs => "The other side looks for another path, and we with them",
    }
}

pub(super) fn link(link: Link) -> &'static str {
    match link {
        Link::New => "Nothing was tried yet",
        Link::Checking => "Pairs of addresses are being tried",
        Link::PathFound => "A pair of addresses works; keys are being agreed on",
        Link::Up => "Encrypted; media may flow",
        Link::Interrupted => "Nothing has come for a while",
        Link::Failed => "No pair of addresses works",
        Link::Closed => "The other side closed it",
    }
}

pub(super) fn ended(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Normal => "Hung up",
        EndReason::Declined => "Declined",
        EndReason::Busy => "They are in another call",
        EndReason::Cancelled => "Given up before it was answered",
        EndReason::NoAnswer => "Nobody answered",
        EndReason::Unreachable => "They are not connected to their server",
        EndReason::ConnectFailed(_) => "No path came about",
        EndReason::Lost => "The path was lost, and none was found again",
        EndReason::RefusedLink => "Their side does not take this link any more",
        EndReason::IncompatibleVersion => "The two programs are too far apart in age",
        EndReason::Replaced => "Another call between the two took its place",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_story_the_beginning_and_the_end_are_kept() {
        let mut timeline = Timeline::default();
        for t_ms in 0..1000 {
            timeline.note(t_ms, None, Change::FirstHeard, String::new());
        }
        let times: Vec<_> = timeline.entries().iter().map(|entry| entry.t_ms).collect();
        assert_eq!((times.len(), times[0], times[FIRST_ENTRIES - 1]), (MAX_ENTRIES, 0, 99));
        assert_eq!((times[MAX_ENTRIES - 1], timeline.left_out()), (999, 600));
    }
}
