//! Two doctors consult: each side says what it sees of its network, under an id that never rings.
//!
//! Whoever is asked answers only to those it trusts, and to others not even with a refusal: an address of ours is nobody
//! else's business, and neither is whom we trust. Both ends run this same machine.
//!
//! What is asked may be a recording of an earlier question. That costs a look at the network once a minute at most, and
//! the answer can be opened by nobody but whoever asked then.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use sightline_protocol::{
    call::{CallId, CallMessage, Frame},
    keys::Address,
    limits::MAX_REPORT_BYTES,
};

use crate::logic::courier::Courier;

/// Consultations at once. Who asks while so many are under way is not answered, and tries again.
const MAX_AT_ONCE: usize = 4;
/// How long an id is kept, answered or not.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);
/// How long what was seen of a network is good for whoever asks.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// Something happened outside.
#[derive(Clone, Debug)]
pub enum Event {
    /// A person wants to know what somebody else sees.
    Ask {
        /// Random, made by the one who has a source of randomness.
        call: CallId,
        /// Whom.
        to: Address,
    },
    /// What this side sees, after `Effect::Examine`. Nothing where it could not be found out.
    Seen(Option<String>),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Seal this and give it to the switchboard.
    Post {
        /// Under which id.
        call: CallId,
        /// For whom.
        to: Address,
        /// What.
        frame: Frame,
    },
    /// Look at this side's network; `Event::Seen` is the answer.
    Examine,
    /// The other side has told what it sees.
    Learnt {
        /// Who.
        from: Address,
        /// In its own words.
        report: String,
    },
    /// Both have told what they see.
    Done {
        /// With whom.
        with: Address,
    },
    /// The keys can go.
    Forget {
        /// Under which id.
        call: CallId,
    },
}

#[derive(Debug)]
struct Consultation {
    with: Address,
    courier: Courier,
    until: Instant,
    told: bool,
    heard: bool,
    done: bool,
}

/// All consultations of an installation.
#[derive(Debug, Default)]
pub struct Consultations {
    trusted: HashSet<Address>,
    live: BTreeMap<CallId, Consultation>,
    seen: Option<(Instant, String)>,
    is_looking: bool,
    effects: VecDeque<Effect>,
}

impl Consultations {
    /// None yet; these may ask.
    pub fn new(trusted: HashSet<Address>) -> Self {
        Self { trusted, ..Self::default() }
    }

    /// From now on these may ask. What is under way goes on.
    pub fn trust(&mut self, trusted: HashSet<Address>) {
        self.trusted = trusted;
    }

    /// Takes what happened.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Ask { call, to } => {
                self.begin(call, to, now);
                self.say(call, CallMessage::Examine, now);
                self.look(now);
            }
            Event::Seen(seen) => {
                self.is_looking = false;
                // Whoever waits for it will find out by waiting.
                self.seen = seen.filter(|seen| seen.len() <= MAX_REPORT_BYTES).map(|seen| (now, seen));
            }
        }
        self.settle(now);
    }

    /// Takes a frame that was opened, and says whether it is one of these. A first message that asks for nothing of the
    /// kind is somebody else's matter.
    pub fn take_frame(&mut self, call: CallId, from: Address, frame: &Frame, now: Instant) -> bool {
        if let Some(known) = self.live.get_mut(&call) {
            if known.with == from {
                known.courier.handle(frame.clone(), now);
                self.settle(now);
            }
            return true;
        }
        let Some((1, CallMessage::Examine)) = &frame.part else { return false };
        if !self.trusted.contains(&from) || self.live.len() >= MAX_AT_ONCE {
            return false;
        }
        self.begin(call, from, now);
        if let Some(known) = self.live.get_mut(&call) {
            known.courier.handle(frame.clone(), now);
        }
        self.settle(now);
        true
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let over: Vec<_> =
            self.live.iter().filter(|(_, one)| one.until <= now).map(|(call, _)| *call).collect();
        for call in over {
            self.live.remove(&call);
            self.effects.push_back(Effect::Forget { call });
        }
        for one in self.live.values_mut() {
            one.courier.handle_timeout(now);
        }
        self.settle(now);
    }

    /// When to come back.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let wake = |one: &Consultation| one.courier.poll_timeout().map_or(one.until, |at| at.min(one.until));
        self.live.values().map(wake).min()
    }

    /// What to do; drain until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn begin(&mut self, call: CallId, with: Address, now: Instant) {
        let until = now + FORGOTTEN_AFTER;
        let courier = Courier::default();
        let new = Consultation { with, courier, until, told: false, heard: false, done: false };
        self.live.entry(call).or_insert(new);
    }

    fn say(&mut self, call: CallId, message: CallMessage, now: Instant) {
        if let Some(one) = self.live.get_mut(&call)
            && let Err(error) = one.courier.send(message, now)
        {
            tracing::debug!(%error, "not said");
        }
    }

    fn look(&mut self, now: Instant) {
        let is_fresh = self.seen.as_ref().is_some_and(|(at, _)| now < *at + GOOD_FOR);
        if !is_fresh && !self.is_looking {
            self.seen = None;
            self.is_looking = true;
            self.effects.push_back(Effect::Examine);
        }
    }

    /// Reads what came, says what is known, and hands out what is to be posted.
    fn settle(&mut self, now: Instant) {
        let mut is_asked = false;
        for (&call, one) in &mut self.live {
            while let Some(message) = one.courier.poll_message() {
                match message {
                    CallMessage::Examine => is_asked = true,
                    CallMessage::Examined { report } if !one.heard => {
                        one.heard = true;
                        self.effects.push_back(Effect::Learnt { from: one.with, report });
                    }
                    CallMessage::Examined { .. }
                    | CallMessage::Invite { .. }
                    | CallMessage::Reached
                    | CallMessage::Ringing
                    | CallMessage::Accept { .. }
                    | CallMessage::Decline
                    | CallMessage::Busy
                    | CallMessage::Refused { .. }
                    | CallMessage::Cancel
                    | CallMessage::Hangup { .. }
                    | CallMessage::Description { .. }
                    | CallMessage::Candidates { .. }
                    | CallMessage::Status { .. }
                    | CallMessage::Drawn { .. }
                    | CallMessage::Chat { .. }
                    | CallMessage::File { .. }
                    | CallMessage::Unknown => tracing::debug!(%call, "nothing that doctors say"),
                }
            }
        }
        if is_asked {
            self.look(now);
        }
        let seen = self.seen.as_ref().filter(|_| !self.is_looking).map(|(_, seen)| seen.clone());
        for (&call, one) in &mut self.live {
            if let Some(report) = seen.clone().filter(|_| !one.told) {
                one.told = true;
                if let Err(error) = one.courier.send(CallMessage::Examined { report }, now) {
                    tracing::debug!(%error, "not said");
                }
            }
            while let Some(frame) = one.courier.poll_frame() {
                self.effects.push_back(Effect::Post { call, to: one.with, frame });
            }
            if one.told && one.heard && one.courier.is_delivered() && !one.done {
                one.done = true;
                self.effects.push_back(Effect::Done { with: one.with });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sightline_protocol::keys::Identity;

    use super::*;

    const CALL: CallId = CallId([7; 16]);

    struct Side {
        address: Address,
        doctor: Consultations,
        looked: u32,
        learnt: Vec<String>,
        done: bool,
    }

    impl Side {
        fn new(trusted: &[Address]) -> Self {
            let address = Identity::generate().unwrap().address();
            let doctor = Consultations::new(trusted.iter().copied().collect());
            Self { address, doctor, looked: 0, learnt: Vec::new(), done: false }
        }

        /// Does what is asked for, and gives back what is to be posted.
        fn work(&mut self, now: Instant) -> Vec<Frame> {
            let mut posted = Vec::new();
            while let Some(effect) = self.doctor.poll_effect() {
                match effect {
                    Effect::Post { frame, .. } => posted.push(frame),
                    Effect::Examine => {
                        self.looked += 1;
                        let seen = format!("seen by {}", self.address.short());
                        self.doctor.handle(Event::Seen(Some(seen)), now);
                    }
                    Effect::Learnt { report, .. } => self.learnt.push(report),
                    Effect::Done { .. } => self.done = true,
                    Effect::Forget { .. } => {}
                }
            }
            posted
        }
    }

    /// Lets both talk until nobody has anything more to say; of what the first says, so much is lost.
    fn talk(ada: &mut Side, bob: &mut Side, mut lost: usize, now: Instant) {
        loop {
            let mut said = ada.work(now);
            let lose = lost.min(said.len());
            said.drain(..lose);
            lost -= lose;
            let answers = bob.work(now);
            if said.is_empty() && answers.is_empty() {
                return;
            }
            for frame in said {
                bob.doctor.take_frame(CALL, ada.address, &frame, now);
            }
            for frame in answers {
                ada.doctor.take_frame(CALL, bob.address, &frame, now);
            }
        }
    }

    fn ask(ada: &mut Side, bob: &Side, now: Instant) {
        ada.doctor.handle(Event::Ask { call: CALL, to: bob.address }, now);
    }

    #[test]
    fn both_learn_what_the_other_sees() {
        let now = Instant::now();
        let mut ada = Side::new(&[]);
        let mut bob = Side::new(&[ada.address]);
        ask(&mut ada, &bob, now);
        talk(&mut ada, &mut bob, 0, now);
        assert_eq!(ada.learnt, [format!("seen by {}", bob.address.short())]);
        assert_eq!(bob.learnt, [format!("seen by {}", ada.address.short())]);
        assert!(ada.done && bob.done);
    }

    #[test]
    fn whoever_is_not_trusted_hears_nothing_at_all() {
        let now = Instant::now();
        let mut ada = Side::new(&[]);
        let mut bob = Side::new(&[Side::new(&[]).address]);
        ask(&mut ada, &bob, now);
        let question = ada.work(now).remove(0);
        assert!(!bob.doctor.take_frame(CALL, ada.address, &question, now));
        assert_eq!((bob.doctor.poll_effect(), bob.doctor.poll_timeout()), (None, None));
    }

    #[test]
    fn what_is_lost_is_said_again() {
        let now = Instant::now();
        let mut ada = Side::new(&[]);
        let mut bob = Side::new(&[ada.address]);
        ask(&mut ada, &bob, now);
        talk(&mut ada, &mut bob, 1, now);
        assert!(bob.learnt.is_empty());
        let later = ada.doctor.poll_timeout().unwrap();
        ada.doctor.handle_timeout(later);
        talk(&mut ada, &mut bob, 0, later);
        assert!(ada.done && bob.done);
        assert_eq!(bob.looked, 1);
    }

    #[test]
    fn a_question_played_again_costs_one_look_a_minute() {
        let now = Instant::now();
        let ada = Side::new(&[]);
        let mut bob = Side::new(&[ada.address]);
        let question = Frame { ack: 0, part: Some((1, CallMessage::Examine)) };
        for n in 0..100 {
            bob.doctor.take_frame(CallId([n; 16]), ada.address, &question, now);
            bob.work(now);
        }
        assert_eq!(bob.looked, 1);
        assert!(bob.doctor.live.len() <= MAX_AT_ONCE, "the rest waits for its turn");
        let later = now + GOOD_FOR;
        bob.doctor.handle_timeout(later);
        assert!(bob.doctor.live.is_empty(), "and none is kept");
        bob.doctor.take_frame(CALL, ada.address, &question, later);
        bob.work(later);
        assert_eq!(bob.looked, 2);
    }

    #[test]
    fn nobody_else_gets_into_a_consultation_and_no_call_is_taken_for_one() {
        let now = Instant::now();
        let mut ada = Side::new(&[]);
        let bob = Side::new(&[]);
        let eve = Side::new(&[]).address;
        ask(&mut ada, &bob, now);
        ada.work(now);
        let forged = Frame { ack: 1, part: Some((1, CallMessage::Examined { report: "lies".into() })) };
        assert!(ada.doctor.take_frame(CALL, eve, &forged, now));
        ada.work(now);
        assert!(ada.learnt.is_empty());
        let ringing = Frame { ack: 0, part: Some((1, CallMessage::Ringing)) };
        assert!(!ada.doctor.take_frame(CallId([8; 16]), eve, &ringing, now));
    }

    #[test]
    fn a_side_that_cannot_look_says_nothing_and_forgets() {
        let now = Instant::now();
        let ada = Side::new(&[]);
        let mut bob = Side::new(&[ada.address]);
        let question = Frame { ack: 0, part: Some((1, CallMessage::Examine)) };
        bob.doctor.take_frame(CALL, ada.address, &question, now);
        assert_eq!(bob.doctor.poll_effect(), Some(Effect::Examine));
        bob.doctor.handle(Event::Seen(Some("x".repeat(MAX_REPORT_BYTES + 1))), now);
        while let Some(effect) = bob.doctor.poll_effect() {
            assert!(matches!(effect, Effect::Post { frame: Frame { part: None, .. }, .. }), "{effect:?}");
        }
        bob.doctor.handle_timeout(now + FORGOTTEN_AFTER);
        assert_eq!(bob.doctor.poll_effect(), Some(Effect::Forget { call: CALL }));
    }
}
