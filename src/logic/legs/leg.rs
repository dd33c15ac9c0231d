//! One leg: how far it has been described, how its link stands, and when anything last came on it.

use std::time::{Duration, Instant};

use sightline_protocol::call::CallMessage;

use super::{STEADY_FOR, STEADY_GAP};
use crate::logic::course::Link;

/// How far a leg has been described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Our offer is being made.
    Making,
    /// Our offer is out.
    Offered,
    /// Our answer to theirs is being made.
    Answering,
    /// Both ends are described.
    Described,
}

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) generation: u32,
    pub(super) phase: Phase,
    pub(super) only_direct: bool,
    pub(super) link: Link,
    /// It could not be made, or could not do what it was told.
    pub(super) is_broken: bool,
    pub(super) opened: Instant,
    pub(super) up_since: Option<Instant>,
    /// When it is to be let go of.
    pub(super) retire: Option<Instant>,
    /// What the other side may hear only when the call is taken.
    pub(super) unsaid: Vec<CallMessage>,
    heard: Option<Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    last: Instant,
    steady_since: Instant,
}

impl Leg {
    pub(super) fn new(generation: u32, phase: Phase, only_direct: bool, now: Instant) -> Self {
        Self {
            generation,
            phase,
            only_direct,
            link: Link::New,
            is_broken: false,
            opened: now,
            up_since: None,
            retire: None,
            unsaid: Vec::new(),
            heard: None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.link == Link::Up
    }

    pub(super) fn is_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// Something came on it within that time.
    pub(super) fn is_heard_within(&self, time: Duration, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now.saturating_duration_since(heard.last) < time)
    }

    /// Candidates of theirs can be tried.
    pub(super) fn takes_candidates(&self) -> bool {
        match self.phase {
            Phase::Answering | Phase::Described => true,
            Phase::Making | Phase::Offered => false,
        }
    }

    /// Something came. Says whether it was the first.
    pub(super) fn hear(&mut self, at: Instant) -> bool {
        let first = self.heard.is_none();
        let steady_since = match self.heard {
            Some(before) if at.saturating_duration_since(before.last) <= STEADY_GAP => before.steady_since,
            Some(_) | None => at,
        };
        self.heard = Some(Heard { last: at, steady_since });
        first
    }

    /// When it counts as silent, if nothing comes until then. Only where media came steadily: who sends nothing but now
    /// and then a report is not silent for that.
    pub(super) fn silent_at(&self, after: Duration) -> Option<Instant> {
        let heard = self.heard?;
        let was_steady = heard.last.saturating_duration_since(heard.steady_since) >= STEADY_FOR;
        was_steady.then_some(heard.last + after)
    }
}
