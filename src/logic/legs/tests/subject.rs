//! One end of a call, with nothing but its legs.

use super::{super::*, MOMENT};

/// One end under test: what it asks for is kept until somebody looks.
pub(super) struct Subject {
    pub(super) legs: Legs,
    pub(super) now: Instant,
}

impl Subject {
    pub(super) fn new(role: Role) -> Self {
        Self { legs: Legs::new(role), now: Instant::now() }
    }

    /// A caller whose call was taken and whose first leg is up.
    pub(super) fn talking_caller() -> Self {
        let mut caller = Self::new(Role::Caller);
        caller.legs.begin(caller.now);
        caller.legs.take(caller.now);
        caller.offered(1);
        caller.takes(DescriptionKind::Answer, 1);
        caller.legs.link(1, Link::Up, caller.now);
        caller.acts();
        caller
    }

    /// A callee that took a call, and whose first leg is up.
    pub(super) fn talking_callee() -> Self {
        let mut callee = Self::new(Role::Callee);
        callee.takes(DescriptionKind::Offer, 1);
        callee.legs.take(callee.now);
        callee.legs.local_description(1, DescriptionKind::Answer, "answer".into());
        callee.legs.link(1, Link::Up, callee.now);
        callee.acts();
        callee
    }

    pub(super) fn acts(&mut self) -> Vec<Act> {
        std::iter::from_fn(|| self.legs.poll_act()).collect()
    }

    /// The generations that were opened and closed since somebody last looked.
    pub(super) fn opened_and_closed(&mut self) -> (Vec<u32>, Vec<u32>) {
        let (mut opened, mut closed) = (Vec::new(), Vec::new());
        for act in self.acts() {
            if let Act::Leg(LegEffect::Open { generation, .. }) = act {
                opened.push(generation);
            } else if let Act::Leg(LegEffect::Close { generation }) = act {
                closed.push(generation);
            }
        }
        (opened, closed)
    }

    /// What was said since somebody last looked.
    pub(super) fn said(&mut self) -> Vec<CallMessage> {
        let said = |act| if let Act::Send(message) = act { Some(message) } else { None };
        self.acts().into_iter().filter_map(said).collect()
    }

    /// Its own offer is made, and is out.
    pub(super) fn offered(&mut self, generation: u32) {
        self.legs.local_description(generation, DescriptionKind::Offer, format!("offer {generation}"));
    }

    pub(super) fn takes(&mut self, kind: DescriptionKind, generation: u32) {
        self.legs.remote_description(kind, generation, "theirs".into(), false, self.now);
    }

    pub(super) fn takes_direct_offer(&mut self, generation: u32) {
        self.legs.remote_description(DescriptionKind::Offer, generation, "theirs".into(), true, self.now);
    }

    /// Time passes, and whatever is due is done when it is.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.legs.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.legs.handle_timeout(self.now);
            assert!(self.legs.poll_timeout().is_none_or(|next| next > at), "nothing is due twice");
        }
        self.now = end;
    }

    /// Media comes for so long.
    pub(super) fn hear(&mut self, generation: u32, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.legs.heard(generation, self.now, self.now);
            self.wait(MOMENT);
        }
    }
}
