//! The peer connections of one call: each a *leg*, known to both ends by its *generation*.
//!
//! ```text
//!              ours                                              theirs
//!  Making ──our offer──▶ Offered ──their answer──┐    Answering ──our answer──┐
//!                                                ▼                            ▼
//!                                            Described ─────────────────▶ link: Checking … Up
//!                                                                                       │
//!                    in use ◀───────────────────────────────────────────────────────────┘
//!                      │ a newer leg is up
//!                      ▼
//!                    retiring ──media came on the newer one, and a little later──▶ closed
//! ```
//!
//! Make before break: when the network changes, or a leg falls silent, a new one is built beside it. Media moves when the
//! new one is up; the old one goes when the other side's media has come on the new one. So nothing is interrupted that
//! still works, and a leg is never described twice: there are no ICE restarts. (There were, until this took their place.
//! A restart closes the sockets that still carry media before the new ones are known to work.)
//!
//! Whose leg counts, where both ends begin one: generations of the caller are odd, those of the callee even, each higher
//! than any seen in the call before. Where two offers cross, one that is only to find a better path yields; otherwise the
//! higher stands. (That the caller's stand was tried first. But an end whose network changes while it answers makes an offer
//! of its own at once; the other end, which never got the answer, would take that for one that crossed.) What is superseded
//! is closed by both without a word.

mod building;
mod held;
mod leg;
mod moving;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sightline_protocol::call::{CallMessage, Candidate, DescriptionKind};

use super::course::{Link, Role};
use held::Held;
use leg::{Leg, Phase};

/// How long a leg may take until it is up. Longer than checks and encryption need where packets are lost; then another is
/// built, which finds out anew.
pub const LEG_LIMIT: Duration = Duration::from_secs(7);
/// A leg on which media came steadily is silent when nothing has come for this long.
const SILENT_AFTER: Duration = Duration::from_millis(400);
/// The callee waits a little longer before it acts, since the caller mostly notices as well.
const CALLEE_HOLDS_BACK: Duration = Duration::from_millis(300);
/// Media comes steadily when it has come at least this often…
const STEADY_GAP: Duration = Duration::from_millis(250);
/// …for so long.
const STEADY_FOR: Duration = Duration::from_secs(2);
/// When the next leg may be built because nothing helped; doubled each time, up to the second figure.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How long what was on its way on the old leg is waited for, once media came on the new one.
const LINGER: Duration = Duration::from_millis(500);
/// How long an old leg is kept where no media comes on the new one.
const RETIRE_LIMIT: Duration = Duration::from_secs(6);
/// When a relayed call looks for a direct path; doubled each time, up to the second figure.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const LONGEST_LOOK: Duration = Duration::from_secs(300);
/// How many legs there may be at once: one that carries, one that is left, and one that is being built. Where the network
/// changes so often that there would be more, the oldest that is not in use goes at once.
const MAX_LEGS: usize = 3;
/// How many generations may be skipped at once. A generation far ahead would use the numbers up.
const MAX_AHEAD: u32 = 1000;

/// Why a leg is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegWhy {
    /// The call begins.
    First,
    /// The one before did not come up in time.
    TookTooLong,
    /// Addresses or routes of this computer changed.
    NetworkChanged,
    /// Nothing comes on the one in use.
    Silence,
    /// The relay or the switchboard came back.
    ServerBack,
    /// The call is relayed, and may not have to be.
    BetterPath,
    /// Somebody here wants it.
    Asked,
    /// The other side wants it.
    Theirs,
}

/// What a peer connection shall do next; orders are carried out one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make an offer, and report it as a local description.
    MakeOffer,
    /// Take their offer, answer it, and report the answer.
    TakeOffer {
        /// Its text.
        sdp: String,
    },
    /// Take the answer to our offer.
    TakeAnswer {
        /// Its text.
        sdp: String,
    },
    /// One candidate of theirs.
    AddCandidate(Candidate),
    /// They have no more candidates.
    EndOfCandidates,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// To the other side.
    Send(CallMessage),
    /// To the peer connections.
    Leg(LegEffect),
}

/// What is to be done with a peer connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegEffect {
    /// Make one.
    Open {
        /// What it is known by.
        generation: u32,
        /// What for.
        why: LegWhy,
        /// It is of use only where it needs no relay.
        only_direct: bool,
    },
    /// To that one.
    Order {
        /// Which.
        generation: u32,
        /// What.
        order: Order,
    },
    /// Media goes there from now on.
    Use {
        /// Which.
        generation: u32,
    },
    /// Let go of it.
    Close {
        /// Which.
        generation: u32,
    },
}

impl LegEffect {
    /// Which it is about.
    pub fn generation(&self) -> u32 {
        match *self {
            Self::Open { generation, .. }
            | Self::Order { generation, .. }
            | Self::Use { generation }
            | Self::Close { generation } => generation,
        }
    }
}

/// How much of this end may be shown to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gate {
    /// Nothing is done, and nothing said.
    Shut,
    /// Everything is prepared, and nothing said: no address of ours leaves, not even by a check.
    Prepared,
    /// Everything.
    Open,
}

/// How the legs carry the call, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// None is up.
    None,
    /// One is up.
    Up,
    /// The other side has closed the last one.
    ClosedByThem,
}

/// All legs of one call, at one end.
#[derive(Debug)]
pub struct Legs {
    role: Role,
    gate: Gate,
    legs: Vec<Leg>,
    /// The one that was opened first of all.
    first: Option<u32>,
    /// The highest generation seen in either direction.
    newest: u32,
    /// The highest of theirs.
    newest_of_theirs: u32,
    in_use: Option<u32>,
    /// Their first offer, while the gate is shut.
    waiting_offer: Option<(u32, String, bool)>,
    held: Held,
    /// When the call was taken: from then on a leg may take only so long.
    taken: Option<Instant>,
    ever_up: bool,
    /// Since when no leg is up, in a call that had one.
    broken_since: Option<Instant>,
    /// They closed the last leg that was up, and have shown no sign of life since.
    goodbye: bool,
    /// The network changed while nothing might be told.
    is_stale: bool,
    is_described: bool,
    has_candidates: bool,
    pause: Duration,
    not_before: Option<Instant>,
    look: Option<Look>,
    acts: VecDeque<Act>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    pause: Duration,
}

impl Legs {
    /// No leg yet.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            gate: Gate::Shut,
            legs: Vec::new(),
            first: None,
            newest: 0,
            newest_of_theirs: 0,
            in_use: None,
            waiting_offer: None,
            held: Held::default(),
            taken: None,
            ever_up: false,
            broken_since: None,
            goodbye: false,
            is_stale: false,
            is_described: false,
            has_candidates: false,
            pause: FIRST_PAUSE,
            not_before: None,
            look: None,
            acts: VecDeque::new(),
        }
    }

    /// The caller begins: it knows whom it calls.
    pub fn begin(&mut self, now: Instant) {
        self.gate = Gate::Open;
        self.make(LegWhy::First, now);
    }

    /// The callee makes ready while it rings. Nothing of it is told.
    pub fn prepare(&mut self, now: Instant) {
        self.open_to(Gate::Prepared, now);
    }

    /// The callee takes part before its person does: it shows itself, because it knows the caller.
    pub fn show(&mut self, now: Instant) {
        self.open_to(Gate::Open, now);
    }

    /// The call is taken: from now on everything may be said, and connecting has its time.
    pub fn take(&mut self, now: Instant) {
        self.taken = Some(now);
        self.open_to(Gate::Open, now);
        let has_failed = self.legs.last().is_some_and(|leg| leg.link == Link::Failed);
        if std::mem::take(&mut self.is_stale) {
            self.wish(LegWhy::NetworkChanged, now);
        } else if has_failed && self.role == Role::Caller {
            self.make(LegWhy::TookTooLong, now);
        }
    }

    /// The call is over.
    pub fn close(&mut self) {
        for leg in std::mem::take(&mut self.legs) {
            self.act(LegEffect::Close { generation: leg.generation });
        }
        self.gate = Gate::Shut;
        self.in_use = None;
        self.look = None;
    }

    /// Builds another leg beside the one in use, unless one is being built already.
    pub fn wish(&mut self, why: LegWhy, now: Instant) {
        if self.gate != Gate::Open {
            self.is_stale |= self.gate == Gate::Prepared;
            return;
        }
        let stands_on_the_old = matches!(why, LegWhy::NetworkChanged | LegWhy::ServerBack);
        if stands_on_the_old || !self.is_building() {
            self.make(why, now);
        }
    }

    /// Somebody wants another leg beside the one in use, whatever speaks for it. Gives its generation; nothing where one is being
    /// built already.
    pub fn ask(&mut self, only_direct: bool, now: Instant) -> Option<u32> {
        if self.gate != Gate::Open || self.is_building() {
            return None;
        }
        self.make_for(LegWhy::Asked, only_direct, now);
        Some(self.newest)
    }

    /// A peer connection made what was ordered.
    pub fn local_description(&mut self, generation: u32, kind: DescriptionKind, sdp: String) {
        let Some(leg) = self.leg(generation) else { return };
        leg.phase = match (kind, leg.phase) {
            (DescriptionKind::Offer, Phase::Making) => Phase::Offered,
            (DescriptionKind::Answer, Phase::Answering) => Phase::Described,
            (DescriptionKind::Offer | DescriptionKind::Answer | DescriptionKind::Rollback, _) => return,
        };
        let direct = leg.only_direct;
        self.say(generation, CallMessage::Description { kind, generation, sdp, direct });
    }

    /// A peer connection found a way in which it can perhaps be reached.
    pub fn local_candidate(&mut self, generation: u32, candidate: Candidate) {
        self.say(generation, CallMessage::Candidates { generation, candidates: vec![candidate], end: false });
    }

    /// A peer connection has looked everywhere.
    pub fn local_candidates_done(&mut self, generation: u32) {
        self.say(generation, CallMessage::Candidates { generation, candidates: Vec::new(), end: true });
    }

    /// The other side described a leg.
    pub fn remote_description(
        &mut self,
        kind: DescriptionKind,
        generation: u32,
        sdp: String,
        only_direct: bool,
        now: Instant,
    ) {
        match kind {
            DescriptionKind::Offer => self.take_offer(generation, sdp, only_direct, now),
            DescriptionKind::Answer => {
                let Some(leg) = self.leg(generation).filter(|leg| leg.phase == Phase::Offered) else {
                    return;
                };
                leg.phase = Phase::Described;
                self.order(generation, Order::TakeAnswer { sdp });
                self.is_described = true;
                self.release_held(generation);
            }
            // Both sides know whose leg counts; nothing has to be taken back.
            DescriptionKind::Rollback => {}
        }
    }

    /// The other side named ways in which it can perhaps be reached.
    pub fn remote_candidates(&mut self, generation: u32, candidates: Vec<Candidate>, end: bool) {
        let takes = self.legs.iter().find(|leg| leg.generation == generation).map(Leg::takes_candidates);
        match takes {
            Some(true) if self.gate == Gate::Open => self.pass_on(generation, candidates, end),
            None if generation <= self.newest && self.waiting_offer.is_none() => {
                self.held.refuse(candidates.len());
            }
            Some(_) | None => self.held.hold(generation, candidates, end),
        }
    }

    /// A peer connection stands differently.
    pub fn link(&mut self, generation: u32, link: Link, now: Instant) {
        let Some(leg) = self.leg(generation) else { return };
        leg.link = link;
        match link {
            Link::Up => self.came_up(generation, now),
            Link::Interrupted | Link::Failed => self.stopped(generation, link, now),
            Link::Closed => {
                self.drop_leg(generation);
                if !self.fall_back(now) && self.ever_up {
                    self.broken_since.get_or_insert(now);
                    self.goodbye = true;
                }
            }
            Link::New | Link::Checking | Link::PathFound => {}
        }
    }

    /// A peer connection could not be made, or could not do what it was told.
    pub fn broken(&mut self, generation: u32, now: Instant) {
        if let Some(leg) = self.leg(generation) {
            leg.is_broken = true;
            self.link(generation, Link::Failed, now);
        }
    }

    /// Media, or anything else of theirs, last came on that leg at that time.
    pub fn heard(&mut self, generation: u32, at: Instant, now: Instant) {
        let in_use = self.in_use == Some(generation);
        let Some(leg) = self.leg(generation) else { return };
        let first = leg.hear(at);
        if in_use && first {
            for old in self.legs.iter_mut().filter(|leg| leg.generation < generation) {
                let soon = now + LINGER;
                old.retire = Some(old.retire.map_or(soon, |at| at.min(soon)));
            }
        }
    }

    /// Whether a relay stands on the way of that leg.
    pub fn route(&mut self, generation: u32, relayed: bool, now: Instant) {
        if self.in_use != Some(generation) {
            return;
        }
        match (relayed, &self.look) {
            (true, None) if self.role == Role::Caller => {
                self.look = Some(Look { at: now + FIRST_LOOK, pause: FIRST_LOOK });
            }
            (false, _) => self.look = None,
            (true, _) => {}
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        self.retire(now);
        let late: Vec<_> =
            self.legs.iter().filter(|leg| due(self.give_up(leg))).map(|leg| leg.generation).collect();
        let mut retry = false;
        for generation in late {
            retry |= self.drop_leg(generation).is_some_and(|leg| !leg.only_direct);
        }
        if self.gate == Gate::Open {
            if retry && !self.goodbye && !self.is_carrying(now) && (self.ever_up || self.role == Role::Caller)
            {
                self.make(LegWhy::TookTooLong, now);
            } else if due(self.wanted_at()) {
                self.slow_down(now);
                self.make(LegWhy::Silence, now);
            }
            self.look_for_better(now);
        }
    }

    /// When to come back.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let legs = self.legs.iter().flat_map(|leg| [leg.retire, self.give_up(leg)]);
        let look = self.look.filter(|_| self.legs.len() == 1).map(|look| look.at);
        legs.chain([self.wanted_at(), look]).flatten().min()
    }

    /// What to do next; drain until `None`.
    pub fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// How they carry the call.
    pub fn carriage(&self) -> Carriage {
        if self.legs.iter().any(|leg| leg.is_up()) {
            Carriage::Up
        } else if self.goodbye && self.legs.is_empty() {
            Carriage::ClosedByThem
        } else {
            Carriage::None
        }
    }

    /// Whether media comes: then nobody has to be told that something is being rebuilt.
    pub fn is_carrying(&self, now: Instant) -> bool {
        self.used().is_some_and(|leg| leg.is_up() && leg.silent_at(SILENT_AFTER).is_none_or(|at| now < at))
    }

    /// This end cannot take part: its very first peer connection could not be made.
    pub fn is_broken(&self) -> bool {
        let is_first = |leg: &Leg| leg.is_broken && self.first == Some(leg.generation);
        !self.ever_up && self.legs.last().is_some_and(is_first)
    }

    /// How the newest leg stands.
    pub fn newest_link(&self) -> Link {
        self.legs.last().map_or(Link::New, |leg| leg.link)
    }

    /// The other side has described itself at least once.
    pub fn has_remote_description(&self) -> bool {
        self.is_described
    }

    /// The other side has named at least one way in which it can perhaps be reached.
    pub fn has_remote_candidates(&self) -> bool {
        self.has_candidates
    }

    /// How many candidates were refused: too many before their description, or of a leg that is over.
    pub fn refused_candidates(&self) -> u64 {
        self.held.refused()
    }

    fn open_to(&mut self, gate: Gate, now: Instant) {
        if gate <= self.gate {
            return;
        }
        self.gate = gate;
        if let Some((generation, sdp, only_direct)) = self.waiting_offer.take() {
            self.answer(generation, sdp, only_direct, now);
        }
        if gate == Gate::Open {
            for leg in &mut self.legs {
                self.acts.extend(leg.unsaid.drain(..).map(Act::Send));
            }
            let described: Vec<_> = self.legs.iter().map(|leg| leg.generation).collect();
            for generation in described {
                self.release_held(generation);
            }
        }
    }

    fn say(&mut self, generation: u32, message: CallMessage) {
        let gate = self.gate;
        let Some(leg) = self.leg(generation) else { return };
        if gate == Gate::Open {
            self.acts.push_back(Act::Send(message));
        } else {
            leg.unsaid.push(message);
        }
    }

    fn order(&mut self, generation: u32, order: Order) {
        self.act(LegEffect::Order { generation, order });
    }

    fn act(&mut self, effect: LegEffect) {
        self.acts.push_back(Act::Leg(effect));
    }

    fn drop_leg(&mut self, generation: u32) -> Option<Leg> {
        let at = self.legs.iter().position(|leg| leg.generation == generation)?;
        self.act(LegEffect::Close { generation });
        Some(self.legs.remove(at))
    }

    /// The one that carries.
    fn used(&self) -> Option<&Leg> {
        self.legs.iter().find(|leg| Some(leg.generation) == self.in_use)
    }

    fn leg(&mut self, generation: u32) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.generation == generation)
    }

    fn release_held(&mut self, generation: u32) {
        for (candidates, end) in self.held.release(generation) {
            self.pass_on(generation, candidates, end);
        }
    }

    fn pass_on(&mut self, generation: u32, candidates: Vec<Candidate>, end: bool) {
        self.has_candidates |= !candidates.is_empty();
        for candidate in candidates {
            self.order(generation, Order::AddCandidate(candidate));
        }
        if end {
            self.order(generation, Order::EndOfCandidates);
        }
    }
}
