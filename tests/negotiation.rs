//! Two ends of a negotiation that both may wish for a new offer at any time, over mail that is slow and keeps order.

use std::collections::VecDeque;

use sightline::logic::{
    call::PeerEvent,
    negotiation::{Act, Negotiation, Order},
};
use sightline_protocol::call::{CallMessage, DescriptionKind};

use crate::support::{
    peer::{Peer, candidate},
    rng::Rng,
};

const SCENARIOS: u64 = 10_000;

#[test]
fn whoever_wishes_when_one_offer_at_a_time_is_agreed_and_no_candidate_is_lost() {
    for seed in 0..SCENARIOS {
        let mut pair = Pair::new(seed);
        pair.run();
        assert_eq!(pair.wrongs(), [""; 0], "seed {seed}");
    }
}

#[test]
fn a_wish_to_start_ice_anew_outlives_an_offer_that_was_withdrawn() {
    let mut callee = Negotiation::new(true);
    callee.wish_for_offer(true);
    callee.local_description(DescriptionKind::Offer, 1, "callee's".into());
    callee.remote_description(DescriptionKind::Offer, 1, "caller's".into());
    callee.local_description(DescriptionKind::Answer, 1, "answer".into());

    let last = std::iter::from_fn(|| callee.poll_act()).last();

    assert_eq!(last, Some(Act::Order(Order::MakeOffer { generation: 2, restart: true })));
}

/// One end: its negotiation, its connection, and what is on the way to it.
struct End {
    negotiation: Negotiation,
    peer: Peer,
    events: VecDeque<PeerEvent>,
    mail: VecDeque<CallMessage>,
    named: Vec<String>,
    /// Offers that were agreed on, and at which step.
    agreed: Vec<(u32, String)>,
    wished_restart: Option<u32>,
    complaints: Vec<String>,
}

struct Pair {
    rng: Rng,
    step: u32,
    ends: [End; 2],
}

impl Pair {
    fn new(seed: u64) -> Self {
        let end = |is_polite| End {
            negotiation: Negotiation::new(is_polite),
            peer: Peer::default(),
            events: VecDeque::new(),
            mail: VecDeque::new(),
            named: Vec::new(),
            agreed: Vec::new(),
            wished_restart: None,
            complaints: Vec::new(),
        };
        Self { rng: Rng::new(seed), step: 0, ends: [end(false), end(true)] }
    }

    fn run(&mut self) {
        self.ends[0].negotiation.wish_for_offer(false);
        let mut wishes = self.rng.below(8);
        loop {
            self.step += 1;
            self.pass_on();
            let which = self.rng.index(2);
            if wishes > 0 && self.rng.chance(10) {
                wishes -= 1;
                let restart = self.rng.chance(40);
                let end = &mut self.ends[which];
                end.negotiation.wish_for_offer(restart);
                if restart {
                    end.wished_restart = Some(self.step);
                }
            } else if !self.advance(which) && !self.advance(1 - which) && wishes == 0 && !self.pass_on() {
                return;
            }
        }
    }

    /// Lets one thing happen at that end. `false` where nothing waits to happen.
    fn advance(&mut self, which: usize) -> bool {
        let first = self.rng.index(3);
        (first..first + 3).any(|choice| match choice % 3 {
            0 => self.work(which),
            1 => self.report(which),
            _ => self.read(which),
        })
    }

    fn work(&mut self, which: usize) -> bool {
        let end = &mut self.ends[which];
        if end.peer.orders.is_empty() {
            return false;
        }
        let before = end.peer.agreed.clone();
        let outcome = end.peer.work(&format!("{which}.{}", self.step));
        if let Some((offer, _)) = end.peer.agreed.clone().filter(|agreed| Some(agreed) != before.as_ref()) {
            end.agreed.push((self.step, offer));
        }
        end.complaints.extend(outcome.complaint);
        end.events.extend(outcome.events);
        if outcome.gather {
            for number in 0..self.rng.below(4) {
                let found = candidate(format!("{which}.{}.{number}", self.step));
                end.events.push_back(PeerEvent::Candidate(found));
            }
            end.events.push_back(PeerEvent::CandidatesDone);
        }
        true
    }

    fn report(&mut self, which: usize) -> bool {
        let end = &mut self.ends[which];
        match end.events.pop_front() {
            None => return false,
            Some(PeerEvent::Description { kind, generation, sdp }) => {
                end.negotiation.local_description(kind, generation, sdp);
            }
            Some(PeerEvent::Candidate(candidate)) => {
                end.named.push(candidate.line.clone());
                end.negotiation.local_candidate(candidate);
            }
            Some(PeerEvent::CandidatesDone) => end.negotiation.local_candidates_done(),
            Some(PeerEvent::Link(_) | PeerEvent::Broken) => {}
        }
        true
    }

    fn read(&mut self, which: usize) -> bool {
        let end = &mut self.ends[which];
        match end.mail.pop_front() {
            None => return false,
            Some(CallMessage::Description { kind, generation, sdp }) => {
                end.negotiation.remote_description(kind, generation, sdp);
            }
            Some(CallMessage::Candidates { generation, candidates, end: last }) => {
                end.negotiation.remote_candidates(generation, candidates, last);
            }
            Some(other) => end.complaints.push(format!("a negotiation does not say {}", other.kind())),
        }
        true
    }

    /// Takes up what both negotiations ask for.
    fn pass_on(&mut self) -> bool {
        let mut any = false;
        for which in 0..2 {
            while let Some(act) = self.ends[which].negotiation.poll_act() {
                any = true;
                match act {
                    Act::Order(order) => self.ends[which].peer.orders.push_back(order),
                    Act::Send(message) => self.ends[1 - which].mail.push_back(message),
                }
            }
        }
        any
    }

    fn wrongs(&self) -> Vec<String> {
        let mut wrongs: Vec<_> = self.ends.iter().flat_map(|end| end.complaints.clone()).collect();
        let [caller, callee] = &self.ends;
        if caller.peer.agreed.is_none() || caller.peer.agreed != callee.peer.agreed {
            wrongs.push(format!("they agreed on {:?} and {:?}", caller.peer.agreed, callee.peer.agreed));
        }
        if caller.peer.pending.is_some() || callee.peer.pending.is_some() {
            wrongs.push("an offer still waits".to_owned());
        }
        if caller.peer.has_withdrawn() {
            wrongs.push("the impolite side withdrew an offer".to_owned());
        }
        for (end, other) in [(caller, callee), (callee, caller)] {
            if end.peer.got != other.named {
                wrongs.push(format!("given {:?} of {:?}", end.peer.got, other.named));
            }
            let served = end.wished_restart.is_none_or(|wished| {
                end.agreed.iter().any(|(step, offer)| *step > wished && offer.ends_with("restart"))
            });
            if !served {
                wrongs.push("a wish to start ICE anew was forgotten".to_owned());
            }
        }
        wrongs
    }
}
