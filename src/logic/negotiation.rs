//! Offers, answers and candidates of one call: at most one offer outstanding, no candidate lost, glare settled.
//!
//! ```text
//!            wish                  our offer is made            their answer
//!  Stable ─────────▶ Making(n) ───────────────────▶ Offered(n) ─────────────▶ Stable
//!    │ their offer        │ their offer                 │ their offer
//!    │                    ├─ we are polite: ours is withdrawn, made again later
//!    ▼                    ▼                             ▼
//!  Answering(n) ◀─────────┴─────────────────────────────┘   (the impolite side ignores the offer that crossed its own)
//!    │ our answer is made
//!    ▼
//!  Stable
//! ```
//!
//! Every description carries a *generation*, one higher than any seen before; candidates carry the generation they
//! belong to. A candidate that arrives before its description is held (bounded); one of an older generation is refused.
//! The callee is the polite side.

use std::collections::VecDeque;

use sightline_protocol::call::{CallMessage, Candidate, DescriptionKind};

/// How many candidates are held while their description is missing. An end that sends more before its description
/// gains nothing: the rest is dropped and counted.
const MAX_HELD: usize = 64;

/// What the peer connection shall do next; orders are carried out one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make an offer (with new ICE credentials where `restart`), and report it as a local description.
    MakeOffer {
        /// The number to report it under.
        generation: u32,
        /// Whether ICE starts anew.
        restart: bool,
    },
    /// Withdraw an own offer if there is one, take theirs, answer it, and report the answer.
    TakeOffer {
        /// Which offer.
        generation: u32,
        /// Its text.
        sdp: String,
    },
    /// Take the answer to our offer.
    TakeAnswer {
        /// The offer it answers.
        generation: u32,
        /// Its text.
        sdp: String,
    },
    /// One candidate of theirs, for the description that was taken last.
    AddCandidate(Candidate),
    /// They have no more candidates in this generation.
    EndOfCandidates,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// To the other side.
    Send(CallMessage),
    /// To our peer connection.
    Order(Order),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stable,
    Making(Offer),
    Offered(Offer),
    Answering(u32),
}

/// An offer of ours, and what it was made for: withdrawn, it is made again for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    generation: u32,
    wish: Wish,
}

/// One side of the negotiation.
#[derive(Debug)]
pub struct Negotiation {
    polite: bool,
    state: State,
    /// The highest generation seen in either direction.
    newest: u32,
    wish: Option<Wish>,
    /// The generation of the last description of theirs that was taken.
    remote: Option<u32>,
    held: Vec<(u32, Vec<Candidate>, bool)>,
    has_candidates: bool,
    refused: u64,
    acts: VecDeque<Act>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    restart: bool,
}

impl Negotiation {
    /// A side that has said nothing yet. The callee is the polite one.
    pub fn new(polite: bool) -> Self {
        Self {
            polite,
            state: State::Stable,
            newest: 0,
            wish: None,
            remote: None,
            held: Vec::new(),
            has_candidates: false,
            refused: 0,
            acts: VecDeque::new(),
        }
    }

    /// Something changed that the other side has to agree to. Served as soon as nothing else is outstanding.
    pub fn wish_for_offer(&mut self, restart: bool) {
        let restart = restart || self.wish.is_some_and(|wish| wish.restart);
        self.wish = Some(Wish { restart });
        self.serve_wish();
    }

    /// The peer connection made what was ordered. A description that was overtaken by events is dropped.
    pub fn local_description(&mut self, kind: DescriptionKind, generation: u32, sdp: String) {
        match (kind, self.state) {
            (DescriptionKind::Offer, State::Making(offer)) if offer.generation == generation => {
                self.state = State::Offered(offer);
            }
            (DescriptionKind::Answer, State::Answering(expected)) if expected == generation => {
                self.state = State::Stable;
            }
            (DescriptionKind::Offer | DescriptionKind::Answer | DescriptionKind::Rollback, _) => return,
        }
        self.acts.push_back(Act::Send(CallMessage::Description { kind, generation, sdp }));
        self.serve_wish();
    }

    /// The peer connection found a way in which it can perhaps be reached.
    pub fn local_candidate(&mut self, candidate: Candidate) {
        self.say_candidates(vec![candidate], false);
    }

    /// The peer connection has looked everywhere.
    pub fn local_candidates_done(&mut self) {
        self.say_candidates(Vec::new(), true);
    }

    /// The other side described itself.
    pub fn remote_description(&mut self, kind: DescriptionKind, generation: u32, sdp: String) {
        match kind {
            DescriptionKind::Offer => self.take_offer(generation, sdp),
            DescriptionKind::Answer => match self.state {
                State::Offered(ours) if ours.generation == generation => {
                    self.state = State::Stable;
                    self.acts.push_back(Act::Order(Order::TakeAnswer { generation, sdp }));
                    self.release_held(generation);
                    self.serve_wish();
                }
                State::Offered(_) | State::Stable | State::Making(_) | State::Answering(_) => {}
            },
            // Our rule for glare needs no message: both sides know who is polite.
            DescriptionKind::Rollback => {}
        }
    }

    /// The other side named ways in which it can perhaps be reached.
    pub fn remote_candidates(&mut self, generation: u32, candidates: Vec<Candidate>, end: bool) {
        match self.remote {
            Some(taken) if taken == generation => self.pass_on(candidates, end),
            Some(taken) if generation < taken => self.refused += candidates.len() as u64,
            Some(_) | None => self.hold(generation, candidates, end),
        }
    }

    /// What to do next; drain until `None`.
    pub fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// The other side has described itself at least once.
    pub fn has_remote_description(&self) -> bool {
        self.remote.is_some()
    }

    /// The other side has named at least one way in which it can perhaps be reached.
    pub fn has_remote_candidates(&self) -> bool {
        self.has_candidates
    }

    /// How many candidates were refused: too many before their description, or of a generation that is over.
    pub fn refused_candidates(&self) -> u64 {
        self.refused
    }

    fn take_offer(&mut self, generation: u32, sdp: String) {
        if generation <= self.remote.unwrap_or(0) {
            return;
        }
        match self.state {
            State::Making(_) | State::Offered(_) if !self.polite => return,
            State::Making(ours) | State::Offered(ours) => {
                let restart = ours.wish.restart || self.wish.is_some_and(|wish| wish.restart);
                self.wish = Some(Wish { restart });
            }
            State::Stable | State::Answering(_) => {}
        }
        self.newest = self.newest.max(generation);
        self.state = State::Answering(generation);
        self.acts.push_back(Act::Order(Order::TakeOffer { generation, sdp }));
        self.release_held(generation);
    }

    fn serve_wish(&mut self) {
        if self.state != State::Stable {
            return;
        }
        if let Some(wish) = self.wish.take() {
            self.newest += 1;
            let generation = self.newest;
            self.state = State::Making(Offer { generation, wish });
            self.acts.push_back(Act::Order(Order::MakeOffer { generation, restart: wish.restart }));
        }
    }

    fn say_candidates(&mut self, candidates: Vec<Candidate>, end: bool) {
        let generation = self.newest;
        self.acts.push_back(Act::Send(CallMessage::Candidates { generation, candidates, end }));
    }

    fn release_held(&mut self, generation: u32) {
        self.remote = Some(generation);
        for (of, candidates, end) in std::mem::take(&mut self.held) {
            self.remote_candidates(of, candidates, end);
        }
    }

    fn pass_on(&mut self, candidates: Vec<Candidate>, end: bool) {
        self.has_candidates |= !candidates.is_empty();
        self.acts.extend(candidates.into_iter().map(|candidate| Act::Order(Order::AddCandidate(candidate))));
        if end {
            self.acts.push_back(Act::Order(Order::EndOfCandidates));
        }
    }

    fn hold(&mut self, generation: u32, mut candidates: Vec<Candidate>, end: bool) {
        let held: usize = self.held.iter().map(|(_, held, end)| held.len() + usize::from(*end)).sum();
        let room = MAX_HELD.saturating_sub(held);
        if candidates.len() + usize::from(end) > room {
            self.refused += (candidates.len() - room.min(candidates.len())) as u64;
            candidates.truncate(room);
        }
        if !candidates.is_empty() || (end && room > 0) {
            self.held.push((generation, candidates, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(line: &str) -> Candidate {
        Candidate { line: line.to_owned(), mid: None, mline: Some(0), ufrag: None }
    }

    fn acts(negotiation: &mut Negotiation) -> Vec<Act> {
        std::iter::from_fn(|| negotiation.poll_act()).collect()
    }

    #[test]
    fn candidates_wait_for_their_description() {
        let mut callee = Negotiation::new(true);
        callee.remote_candidates(1, vec![candidate("a")], false);
        callee.remote_candidates(1, vec![candidate("b")], true);
        assert_eq!(acts(&mut callee), []);

        callee.remote_description(DescriptionKind::Offer, 1, "offer".into());

        assert_eq!(
            acts(&mut callee),
            [
                Act::Order(Order::TakeOffer { generation: 1, sdp: "offer".into() }),
                Act::Order(Order::AddCandidate(candidate("a"))),
                Act::Order(Order::AddCandidate(candidate("b"))),
                Act::Order(Order::EndOfCandidates),
            ]
        );
    }

    #[test]
    fn held_candidates_are_bounded_and_the_rest_is_counted() {
        let mut callee = Negotiation::new(true);
        for _ in 0..10 {
            callee.remote_candidates(1, vec![candidate("a"); 10], false);
        }
        callee.remote_description(DescriptionKind::Offer, 1, "offer".into());

        assert_eq!(acts(&mut callee).len(), 1 + MAX_HELD);
        assert_eq!(callee.refused_candidates(), 100 - MAX_HELD as u64);
    }

    #[test]
    fn a_candidate_of_an_older_generation_is_refused() {
        let mut callee = Negotiation::new(true);
        callee.remote_description(DescriptionKind::Offer, 2, "offer".into());
        acts(&mut callee);

        callee.remote_candidates(1, vec![candidate("old")], false);

        assert_eq!(acts(&mut callee), []);
        assert_eq!(callee.refused_candidates(), 1);
    }

    #[test]
    fn offers_that_cross_end_in_the_offer_of_the_impolite_side() {
        let (mut caller, mut callee) = (Negotiation::new(false), Negotiation::new(true));
        caller.wish_for_offer(false);
        callee.wish_for_offer(false);
        acts(&mut caller);
        acts(&mut callee);
        caller.local_description(DescriptionKind::Offer, 1, "caller's".into());
        callee.local_description(DescriptionKind::Offer, 1, "callee's".into());
        acts(&mut caller);
        acts(&mut callee);

        caller.remote_description(DescriptionKind::Offer, 1, "callee's".into());
        callee.remote_description(DescriptionKind::Offer, 1, "caller's".into());

        assert_eq!(acts(&mut caller), [], "the impolite side ignores it");
        assert_eq!(
            acts(&mut callee),
            [Act::Order(Order::TakeOffer { generation: 1, sdp: "caller's".into() })],
            "the polite side withdraws its own"
        );
        callee.local_description(DescriptionKind::Answer, 1, "answer".into());
        let said = acts(&mut callee);
        assert_eq!(
            said[1],
            Act::Order(Order::MakeOffer { generation: 2, restart: false }),
            "its wish is kept"
        );
    }

    #[test]
    fn an_answer_to_nothing_is_ignored() {
        let mut caller = Negotiation::new(false);
        caller.remote_description(DescriptionKind::Answer, 1, "answer".into());
        assert_eq!(acts(&mut caller), []);
    }
}
