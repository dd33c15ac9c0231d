//! A simulated peer connection: does its orders one after the other, each in its own time, and complains about any
//! that a real one would refuse. It is described once, by one offer and its answer, and never again.

use std::collections::VecDeque;

use sightline::logic::{call::PeerEvent, course::Link, legs::Order};
use sightline_protocol::call::{Candidate, DescriptionKind};

/// Offer and answer.
pub(crate) type Agreement = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Peer {
    pub(crate) orders: VecDeque<Order>,
    pub(crate) is_working: bool,
    pub(crate) only_direct: bool,
    /// Our offer that waits for its answer.
    pub(crate) offered: Option<String>,
    /// What both ends stand by.
    pub(crate) agreed: Option<Agreement>,
    /// Candidates of theirs, as they were given.
    pub(crate) got: Vec<String>,
    pub(crate) ended_candidates: bool,
    pub(crate) link: Option<Link>,
    /// It has begun to look for a path.
    pub(crate) is_looking: bool,
    /// Which of the device's networks its sockets belong to.
    pub(crate) network: u32,
    /// Its path is gone for good, though nobody's network changed.
    pub(crate) is_cut_off: bool,
    /// Our media was sent on it at least once, and is since.
    pub(crate) is_sent_on: bool,
    /// A relay stands on its way.
    pub(crate) is_relayed: bool,
    /// Counts interruptions, so that one that healed does not fail later.
    pub(crate) interruptions: u32,
}

/// What came of an order.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<PeerEvent>,
    /// Candidates are to be looked for.
    pub(crate) gather: bool,
    pub(crate) complaint: Option<String>,
}

impl Peer {
    /// Carries out the next order. `mark` is different each time.
    pub(crate) fn work(&mut self, mark: &str) -> Outcome {
        let mut outcome = Outcome::default();
        match self.orders.pop_front() {
            None => {}
            Some(Order::MakeOffer) => {
                outcome.complaint = self.is_described().then(|| "described a second time".to_owned());
                let sdp = format!("offer {mark}");
                self.offered = Some(sdp.clone());
                outcome.gather = true;
                outcome.events = vec![PeerEvent::Description { kind: DescriptionKind::Offer, sdp }];
            }
            Some(Order::TakeOffer { sdp }) => {
                outcome.complaint = self.is_described().then(|| "given a second offer".to_owned());
                let answer = format!("answer {mark} to {sdp}");
                self.agreed = Some((sdp, answer.clone()));
                outcome.gather = true;
                outcome.events = vec![PeerEvent::Description { kind: DescriptionKind::Answer, sdp: answer }];
            }
            Some(Order::TakeAnswer { sdp }) => match self.offered.take() {
                Some(offer) if sdp.ends_with(&format!(" to {offer}")) => self.agreed = Some((offer, sdp)),
                offered => {
                    outcome.complaint = Some(format!("`{sdp}` taken while {offered:?} was outstanding"));
                }
            },
            Some(Order::AddCandidate(candidate)) => {
                if self.agreed.is_none() {
                    outcome.complaint = Some("a candidate before their description".to_owned());
                } else if self.ended_candidates {
                    outcome.complaint = Some("a candidate after the last".to_owned());
                }
                self.got.push(candidate.line);
            }
            Some(Order::EndOfCandidates) => self.ended_candidates = true,
        }
        outcome
    }

    fn is_described(&self) -> bool {
        self.offered.is_some() || self.agreed.is_some()
    }
}

pub(crate) fn candidate(line: String) -> Candidate {
    Candidate { line, mid: None, mline: Some(0), ufrag: None }
}
