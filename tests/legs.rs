//! The legs of two ends that both may wish for another one at any time, over mail that is slow and keeps order.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use sightline::logic::{
    call::PeerEvent,
    course::{Link, Role},
    legs::{Act, LegEffect, LegWhy, Legs},
};
use sightline_protocol::call::CallMessage;

use crate::support::{
    peer::{Peer, candidate},
    rng::Rng,
};

const SCENARIOS: u64 = 10_000;
/// Longer than a leg may take, the pause before another, and what is left behind together.
const UNTIL_CALM: Duration = Duration::from_secs(40);
/// How soon a connection is called interrupted whose other end is gone.
const NOTICED_AFTER: Duration = Duration::from_secs(3);

#[test]
fn whoever_wishes_when_both_ends_come_to_use_one_leg_that_is_up() {
    for seed in 0..SCENARIOS {
        let mut pair = Pair::new(seed);
        pair.run();
        let wrongs = pair.wrongs();
        if !wrongs.is_empty() {
            let mut pair = Pair::new(seed);
            pair.story = Some(Vec::new());
            pair.run();
            let story = pair.story.unwrap_or_default().join("\n");
            panic!("{story}\n\n{}\n\nseed {seed}", wrongs.join("\n"));
        }
    }
}

/// One end: its legs, their connections, and what is on the way to it.
struct End {
    legs: Legs,
    peers: BTreeMap<u32, Peer>,
    in_use: Option<u32>,
    events: VecDeque<(u32, PeerEvent)>,
    mail: VecDeque<CallMessage>,
    named: BTreeMap<u32, Vec<String>>,
    /// Since when a connection that was up has been without its other end.
    alone: BTreeMap<u32, Instant>,
    complaints: Vec<String>,
}

struct Pair {
    rng: Rng,
    began: Instant,
    now: Instant,
    step: u32,
    ends: [End; 2],
    /// Legs that will never come up.
    doomed: BTreeSet<u32>,
    doomed_percent: u64,
    story: Option<Vec<String>>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let end = |role| End {
            legs: Legs::new(role),
            peers: BTreeMap::new(),
            in_use: None,
            events: VecDeque::new(),
            mail: VecDeque::new(),
            named: BTreeMap::new(),
            alone: BTreeMap::new(),
            complaints: Vec::new(),
        };
        let mut rng = Rng::new(seed);
        let doomed_percent = [0, 30][rng.index(2)];
        let began = Instant::now();
        Self {
            rng,
            began,
            now: began,
            step: 0,
            ends: [end(Role::Caller), end(Role::Callee)],
            doomed: BTreeSet::new(),
            doomed_percent,
            story: None,
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let t_ms = self.now.saturating_duration_since(self.began).as_millis();
        if let Some(story) = &mut self.story {
            story.push(format!("{t_ms:>6} ms  {}", what()));
        }
    }

    fn run(&mut self) {
        self.ends[0].legs.begin(self.now);
        if self.rng.chance(50) {
            self.ends[1].legs.prepare(self.now);
        }
        let taken_at = self.rng.below(20);
        let mut wishes = self.rng.below(8);
        let mut calm_since = None;
        while calm_since.is_none_or(|since| self.now < since + UNTIL_CALM) {
            self.step += 1;
            self.now += self.rng.millis(0..if calm_since.is_some() { 200 } else { 40 });
            if u64::from(self.step) == taken_at + 1 {
                self.note(|| "the call is taken".to_owned());
                self.ends[1].legs.take(self.now);
                self.ends[0].legs.take(self.now);
            }
            for which in 0..2 {
                let end = &mut self.ends[which];
                if end.legs.poll_timeout().is_some_and(|at| self.now >= at) {
                    end.legs.handle_timeout(self.now);
                }
            }
            self.pass_on();
            let which = self.rng.index(2);
            if wishes > 0 && self.rng.chance(3) {
                wishes -= 1;
                let why = [LegWhy::NetworkChanged, LegWhy::Silence, LegWhy::BetterPath][self.rng.index(3)];
                self.note(|| format!("{which} wishes: {why:?}"));
                self.ends[which].legs.wish(why, self.now);
            } else if wishes == 0 && calm_since.is_none() {
                calm_since = Some(self.now);
                self.doomed_percent = 0;
            }
            // Whoever has little to do waits for the other.
            for which in [which, 1 - which] {
                if self.advance(which) {
                    break;
                }
            }
            self.connect();
            self.hear();
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
        let Some((&generation, peer)) = end.peers.iter_mut().find(|(_, peer)| !peer.orders.is_empty()) else {
            return false;
        };
        let outcome = peer.work(&format!("{which}.{}", self.step));
        end.complaints.extend(outcome.complaint.map(|what| format!("{generation} at {which}: {what}")));
        end.events.extend(outcome.events.into_iter().map(|event| (generation, event)));
        if outcome.gather {
            for number in 0..1 + self.rng.below(3) {
                let found = candidate(format!("{which}.{}.{number}", self.step));
                end.events.push_back((generation, PeerEvent::Candidate(found)));
            }
            end.events.push_back((generation, PeerEvent::CandidatesDone));
        }
        true
    }

    fn report(&mut self, which: usize) -> bool {
        let end = &mut self.ends[which];
        let Some((generation, event)) = end.events.pop_front() else { return false };
        let told = format!("{which} hears of {generation}: {event:?}");
        match event {
            PeerEvent::Description { kind, sdp } => end.legs.local_description(generation, kind, sdp),
            PeerEvent::Candidate(candidate) => {
                if end.peers.contains_key(&generation) {
                    end.named.entry(generation).or_default().push(candidate.line.clone());
                }
                end.legs.local_candidate(generation, candidate);
            }
            PeerEvent::CandidatesDone => end.legs.local_candidates_done(generation),
            PeerEvent::Link(link) => {
                if let Some(peer) = end.peers.get_mut(&generation) {
                    peer.link = Some(link);
                }
                end.legs.link(generation, link, self.now);
            }
            PeerEvent::Heard(_) | PeerEvent::Route { .. } | PeerEvent::Broken => {}
        }
        self.note(|| told);
        true
    }

    fn read(&mut self, which: usize) -> bool {
        let end = &mut self.ends[which];
        match end.mail.pop_front() {
            None => return false,
            Some(CallMessage::Description { kind, generation, sdp, direct }) => {
                end.legs.remote_description(kind, generation, sdp, direct, self.now);
            }
            Some(CallMessage::Candidates { generation, candidates, end: last }) => {
                end.legs.remote_candidates(generation, candidates, last);
            }
            Some(other) => end.complaints.push(format!("legs do not say {}", other.kind())),
        }
        true
    }

    /// Takes up what both ends' legs ask for.
    fn pass_on(&mut self) {
        for which in 0..2 {
            while let Some(act) = self.ends[which].legs.poll_act() {
                self.note(|| format!("{which}: {act:?}"));
                let complaint = match act {
                    Act::Send(message) => {
                        self.ends[1 - which].mail.push_back(message);
                        None
                    }
                    Act::Leg(LegEffect::Open { generation, .. }) => {
                        if self.rng.chance(self.doomed_percent) {
                            self.doomed.insert(generation);
                        }
                        let peers = &mut self.ends[which].peers;
                        let is_twice = peers.insert(generation, Peer::default()).is_some();
                        let is_odd = is_twice || peers.len() > 3;
                        is_odd.then(|| format!("{generation} opened beside {:?}", peers.keys()))
                    }
                    Act::Leg(LegEffect::Order { generation, order }) => {
                        match self.ends[which].peers.get_mut(&generation) {
                            Some(peer) => {
                                peer.orders.push_back(order);
                                None
                            }
                            None => Some(format!("{generation} is ordered {order:?}, but is not there")),
                        }
                    }
                    Act::Leg(LegEffect::Use { generation }) => {
                        let end = &mut self.ends[which];
                        end.in_use = Some(generation);
                        let peer = end.peers.get_mut(&generation);
                        let is_up = peer.as_ref().is_some_and(|peer| peer.link == Some(Link::Up));
                        if let Some(peer) = peer {
                            peer.is_sent_on = true;
                        }
                        (!is_up).then(|| format!("{generation} is used, but is not up"))
                    }
                    Act::Leg(LegEffect::Close { generation }) => {
                        let gone = self.ends[which].peers.remove(&generation);
                        self.tell_of_goodbye(1 - which, generation, gone.as_ref());
                        gone.is_none().then(|| format!("{generation} is closed, but is not there"))
                    }
                };
                self.ends[which].complaints.extend(complaint);
            }
        }
    }

    fn tell_of_goodbye(&mut self, which: usize, generation: u32, gone: Option<&Peer>) {
        let end = &mut self.ends[which];
        if gone.is_some_and(|gone| gone.link == Some(Link::Up)) && end.peers.contains_key(&generation) {
            end.events.push_back((generation, PeerEvent::Link(Link::Closed)));
        }
    }

    /// Two connections that agree find a path.
    fn connect(&mut self) {
        let [caller, callee] = &mut self.ends;
        for (generation, ours) in &mut caller.peers {
            let Some(theirs) = callee.peers.get_mut(generation) else { continue };
            let agree = ours.agreed.is_some() && ours.agreed == theirs.agreed;
            let have_candidates = !ours.got.is_empty() && !theirs.got.is_empty();
            if agree && have_candidates && !ours.is_looking && !self.doomed.contains(generation) {
                ours.is_looking = true;
                caller.events.push_back((*generation, PeerEvent::Link(Link::Up)));
                callee.events.push_back((*generation, PeerEvent::Link(Link::Up)));
            }
        }
    }

    /// Media comes on what is up at both ends and was taken into use by the other.
    fn hear(&mut self) {
        for which in 0..2 {
            let generations: Vec<_> = self.ends[which].peers.keys().copied().collect();
            for generation in generations {
                let is_up =
                    |end: &End| end.peers.get(&generation).is_some_and(|peer| peer.link == Some(Link::Up));
                let other = &self.ends[1 - which];
                let is_sent_on = other.peers.get(&generation).is_some_and(|peer| peer.is_sent_on);
                let is_alone = !other.peers.contains_key(&generation);
                let now = self.now;
                if is_up(&self.ends[which]) && is_up(&self.ends[1 - which]) && is_sent_on {
                    self.ends[which].legs.heard(generation, now, now);
                } else if is_alone && is_up(&self.ends[which]) {
                    let end = &mut self.ends[which];
                    let since = *end.alone.entry(generation).or_insert(now);
                    if now.saturating_duration_since(since) > NOTICED_AFTER {
                        end.events.push_back((generation, PeerEvent::Link(Link::Interrupted)));
                    }
                }
            }
        }
    }

    fn wrongs(&self) -> Vec<String> {
        let mut wrongs: Vec<_> = self.ends.iter().flat_map(|end| end.complaints.clone()).collect();
        let [caller, callee] = &self.ends;
        if caller.in_use.is_none() || caller.in_use != callee.in_use {
            wrongs.push(format!("they use {:?} and {:?}", caller.in_use, callee.in_use));
        }
        for (end, other) in [(caller, callee), (callee, caller)] {
            let open: Vec<_> = end.peers.iter().map(|(generation, peer)| (*generation, peer.link)).collect();
            if open.iter().map(|(generation, _)| Some(*generation)).ne([end.in_use])
                || open.iter().any(|(_, link)| *link != Some(Link::Up))
            {
                wrongs.push(format!("{open:?} are open, and {:?} is used", end.in_use));
            }
            for (generation, peer) in &end.peers {
                if other.named.get(generation) != Some(&peer.got) {
                    wrongs.push(format!("{generation} was given {:?}", peer.got));
                }
            }
        }
        wrongs
    }
}
