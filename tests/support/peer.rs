//! A simulated peer connection: does its orders one after the other, each in its own time, and complains about any
//! that a real one would refuse.

use std::collections::VecDeque;

use sightline::logic::{call::PeerEvent, course::Link, negotiation::Order};
use sightline_protocol::call::{Candidate, DescriptionKind};

#[derive(Debug, Default)]
pub(crate) struct Peer {
    pub(crate) orders: VecDeque<Order>,
    pub(crate) is_working: bool,
    /// Our offer that waits for its answer.
    pub(crate) pending: Option<String>,
    /// Offer and answer that both ends stand by.
    pub(crate) agreed: Option<(String, String)>,
    /// The agreement that the path was looked for under.
    pub(crate) path_of: Option<(String, String)>,
    has_remote: bool,
    /// Candidates of theirs under this agreement.
    pub(crate) candidates: usize,
    pub(crate) got: Vec<String>,
    pub(crate) ended_candidates: bool,
    pub(crate) link: Option<Link>,
    /// Counts agreements, so that news of an older one is dropped.
    pub(crate) epoch: u32,
    withdrawn: usize,
    has_gathered: bool,
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
            Some(Order::MakeOffer { generation, restart }) => {
                if let Some(pending) = &self.pending {
                    outcome.complaint =
                        Some(format!("a second offer while `{pending}` waits for its answer"));
                }
                let sdp = format!("offer {mark}{}", if restart { " restart" } else { "" });
                self.pending = Some(sdp.clone());
                outcome.gather = restart || !std::mem::replace(&mut self.has_gathered, true);
                outcome.events = vec![description(DescriptionKind::Offer, generation, sdp)];
            }
            Some(Order::TakeOffer { generation, sdp }) => {
                self.withdrawn += usize::from(self.pending.take().is_some());
                let answer = format!("answer {mark} to {sdp}");
                outcome.gather = sdp.ends_with("restart") || !std::mem::replace(&mut self.has_gathered, true);
                self.agree(sdp, answer.clone());
                outcome.events = vec![description(DescriptionKind::Answer, generation, answer)];
            }
            Some(Order::TakeAnswer { generation: _, sdp }) => match self.pending.take() {
                Some(offer) if sdp.ends_with(&format!(" to {offer}")) => self.agree(offer, sdp),
                pending => {
                    outcome.complaint = Some(format!("`{sdp}` taken while {pending:?} was outstanding"));
                }
            },
            Some(Order::AddCandidate(candidate)) => {
                if !self.has_remote {
                    outcome.complaint = Some("a candidate before any description".to_owned());
                }
                self.candidates += 1;
                self.got.push(candidate.line);
            }
            Some(Order::EndOfCandidates) => self.ended_candidates = true,
        }
        outcome
    }

    pub(crate) fn has_withdrawn(&self) -> bool {
        self.withdrawn > 0
    }

    fn agree(&mut self, offer: String, answer: String) {
        self.has_remote = true;
        self.candidates = 0;
        self.agreed = Some((offer, answer));
    }
}

pub(crate) fn candidate(line: String) -> Candidate {
    Candidate { line, mid: None, mline: Some(0), ufrag: None }
}

fn description(kind: DescriptionKind, generation: u32, sdp: String) -> PeerEvent {
    PeerEvent::Description { kind, generation, sdp }
}
