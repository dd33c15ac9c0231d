//! The telephone: at most one call that matters, and an answer for everybody else who rings.
//!
//! A proven caller rings where nothing else is going on. Otherwise:
//!
//! * **Both dial each other at once.** The call with the lower id wins. Its caller lets the other one wait; its callee
//!   withdraws its own call and accepts at once, since its person has already said that they want to talk. Should the
//!   lower call come to nothing, the one that waited is checked again before it rings.
//! * **The one we are talking to rings again.** It has lost the old call: ours ends as *replaced*, the new one rings.
//! * **Anybody else** hears *busy*, and is shown.
//!
//! Nothing is decided on an invite alone. An invite that was recorded and is played again could otherwise break a call
//! that stands; so every caller is first *checked* (see [`super::call`]).

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::Instant,
};

use sightline_protocol::{
    PROTOCOL_VERSION,
    call::{CallId, CallMessage, FileStep, Frame, Media, RefusalReason},
    is_compatible,
    keys::Address,
    link::LinkToken,
};

use super::{
    call::{Call, CallEffect, Invitation, PeerEvent},
    course::{Role, Stage, Status},
    legs::{LegEffect, LegWhy},
};

/// How many callers may be checked or kept waiting at once. One more is not answered; it will try again.
const MAX_STRANGERS: usize = 8;
/// How many call ids are remembered, so that an old invite is not taken for a new one. The oldest is forgotten first.
const MAX_REMEMBERED: usize = 256;

/// What the phone knows of itself.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    /// What is said to the other side; nothing where empty.
    pub name: Option<String>,
    /// The tokens of links that are good. A link without a token is always good.
    pub tokens: HashSet<LinkToken>,
    /// Who may learn our addresses before a call is taken.
    pub contacts: HashSet<Address>,
}

/// What a person or the world does.
#[derive(Clone, Debug)]
pub enum Event {
    /// A person calls somebody.
    Dial {
        /// Random, made by the one who has a source of randomness.
        call: CallId,
        /// Whom.
        to: Address,
        /// With what.
        media: Media,
        /// From the link.
        token: Option<LinkToken>,
    },
    /// A person takes the ringing call.
    Accept {
        /// With what.
        media: Media,
    },
    /// A person ends the call, whatever its state: cancel, decline or hang up.
    HangUp,
    /// A person switched the microphone, the camera or the screen.
    Status(Status),
    /// The other side's picture is shown here at this size.
    Drawn {
        /// In pixels of the screen.
        width: u16,
        /// In pixels of the screen.
        height: u16,
    },
    /// A frame that was opened with the call's keys.
    Frame {
        /// Which call.
        call: CallId,
        /// Who sealed it.
        from: Address,
        /// What it says.
        frame: Frame,
    },
    /// The switchboard says that the addressee is not connected.
    Offline {
        /// Which call.
        call: CallId,
        /// Who is not there.
        to: Address,
    },
    /// Something from one of a call's peer connections.
    Peer {
        /// Which call.
        call: CallId,
        /// Which of its connections.
        generation: u32,
        /// What.
        event: PeerEvent,
    },
    /// Addresses or routes of this computer changed, or a server came back.
    Around {
        /// Why a call may want another peer connection.
        why: LegWhy,
    },
}

/// What the phone asks to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Seal this with the call's keys and give it to the switchboard.
    Post {
        /// Which call.
        call: CallId,
        /// For whom.
        to: Address,
        /// What.
        frame: Frame,
    },
    /// To the call's peer connections.
    Leg {
        /// Which call.
        call: CallId,
        /// What.
        leg: LegEffect,
    },
    /// A call stands differently.
    Stage {
        /// Which call.
        call: CallId,
        /// With whom.
        peer: Address,
        /// How.
        stage: Stage,
    },
    /// The other side's microphone, camera or screen changed.
    Status {
        /// Which call.
        call: CallId,
        /// To what.
        status: Status,
    },
    /// The other side shows our picture at this size.
    Drawn {
        /// In which call.
        call: CallId,
        /// In pixels of its screen.
        width: u16,
        /// In pixels of its screen.
        height: u16,
    },
    /// The other side's person wrote this.
    Chat {
        /// In which call.
        call: CallId,
        /// Cleaned, and not empty.
        text: String,
    },
    /// The other side says something of a file.
    File {
        /// In which call.
        call: CallId,
        /// Which.
        file: u32,
        /// What.
        step: FileStep,
    },
    /// Somebody rang and was told *busy*.
    TurnedAway {
        /// Who.
        from: Address,
        /// What they call themselves.
        name: Option<String>,
    },
    /// Nothing more will be said in this call; its keys can go.
    Forget {
        /// Which call.
        call: CallId,
    },
}

/// All calls of one installation.
#[derive(Debug)]
pub struct Phone {
    owner: Owner,
    current: Option<CallId>,
    calls: BTreeMap<CallId, Call>,
    over: VecDeque<CallId>,
    effects: VecDeque<Effect>,
}

impl Phone {
    /// A phone at rest.
    pub fn new(owner: Owner) -> Self {
        Self { owner, current: None, calls: BTreeMap::new(), over: VecDeque::new(), effects: VecDeque::new() }
    }

    /// From now on it knows this of itself. Calls that there are stay as they are.
    pub fn set_owner(&mut self, owner: Owner) {
        self.owner = owner;
    }

    /// Takes what happened.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Dial { call, to, media, token } => self.dial(call, to, media, token, now),
            Event::Accept { media } => {
                let name = self.owner.name.clone();
                self.with_current(now, |call| call.accept(media, name, now));
            }
            Event::HangUp => self.with_current(now, |call| call.hang_up(now)),
            Event::Status(status) => self.with_current(now, |call| call.tell_status(status, now)),
            Event::Drawn { width, height } => {
                self.with_current(now, |call| call.tell_drawn(width, height, now));
            }
            Event::Frame { call, from, frame } => self.take_frame(call, from, frame, now),
            Event::Offline { call, to } => {
                self.with(call, now, |call| {
                    if call.peer() == to {
                        call.other_is_offline(now);
                    }
                });
            }
            Event::Peer { call, generation, event } => {
                self.with(call, now, |call| call.handle_peer(generation, event, now));
            }
            Event::Around { why } => self.with_current(now, |call| call.look_for_another_way(why, now)),
        }
        self.settle(now);
    }

    /// Says something of what two who talk have to say to each other, and gives its number (see [`Call::standing`]). Nothing
    /// where that cannot be said.
    pub fn pass_on(&mut self, call: CallId, message: CallMessage, now: Instant) -> Option<u32> {
        let number = self.calls.get_mut(&call)?.pass_on(message, now);
        self.with(call, now, |_| {});
        number
    }

    /// Somebody wants another leg for a call: see [`Call::ask_for_leg`].
    pub fn ask_for_leg(&mut self, call: CallId, only_direct: bool, now: Instant) -> Option<u32> {
        let leg = self.calls.get_mut(&call)?.ask_for_leg(only_direct, now);
        self.with(call, now, |_| {});
        leg
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for id in self.calls.keys().copied().collect::<Vec<_>>() {
            self.with(id, now, |call| call.handle_timeout(now));
        }
        let forgotten: Vec<_> =
            self.calls.values().filter(|call| call.may_be_forgotten(now)).map(Call::id).collect();
        for id in forgotten {
            self.calls.remove(&id);
            self.over.push_back(id);
            if self.over.len() > MAX_REMEMBERED {
                self.over.pop_front();
            }
            self.effects.push_back(Effect::Forget { call: id });
        }
        self.settle(now);
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.calls.values().filter_map(Call::poll_timeout).min_by_key(|(at, _)| *at)
    }

    /// What to do; drain until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The call that matters, if there is one.
    pub fn current(&self) -> Option<&Call> {
        self.calls.get(&self.current?)
    }

    /// A call by its id, for as long as it is known.
    pub fn call(&self, call: CallId) -> Option<&Call> {
        self.calls.get(&call)
    }

    /// Whether a frame of this call would be understood. An unknown call is one that may yet begin.
    pub fn knows(&self, call: CallId) -> bool {
        self.calls.contains_key(&call)
    }

    /// No call stands, and everybody knows what we had to say.
    pub fn is_settled(&self) -> bool {
        self.calls.values().all(Call::is_settled)
    }

    fn dial(&mut self, id: CallId, to: Address, media: Media, token: Option<LinkToken>, now: Instant) {
        if self.current.is_some() || self.calls.contains_key(&id) {
            return;
        }
        let invitation =
            Invitation { version: PROTOCOL_VERSION, name: self.owner.name.clone(), media, token };
        self.calls.insert(id, Call::dial(id, to, invitation, now));
        self.current = Some(id);
        self.with(id, now, |_| {});
    }

    fn take_frame(&mut self, id: CallId, from: Address, frame: Frame, now: Instant) {
        if !self.calls.contains_key(&id) {
            self.take_invite(id, from, &frame, now);
        }
        self.with(id, now, |call| {
            if call.peer() == from {
                call.handle_frame(frame, now);
            }
        });
    }

    fn take_invite(&mut self, id: CallId, from: Address, frame: &Frame, now: Instant) {
        let Some((1, CallMessage::Invite { version, name, media, token })) = &frame.part else {
            return;
        };
        let strangers =
            self.calls.values().filter(|call| call.is_being_checked() || call.is_waiting()).count();
        if self.over.contains(&id) || strangers >= MAX_STRANGERS {
            return;
        }
        let invitation =
            Invitation { version: *version, name: name.clone(), media: *media, token: token.clone() };
        let mut call = Call::invited(id, from, &invitation, now);
        if !is_compatible(*version) {
            call.refuse(RefusalReason::Version, now);
        } else if !self.is_welcome(from, token.as_ref()) {
            call.refuse(RefusalReason::LinkUnknown, now);
        } else {
            call.answer_reached(now);
        }
        self.calls.insert(id, call);
    }

    /// Whoever we know ourselves is, whatever became of the link by which they knew us.
    fn is_welcome(&self, from: Address, token: Option<&LinkToken>) -> bool {
        self.owner.contacts.contains(&from) || token.is_none_or(|token| self.owner.tokens.contains(token))
    }

    /// Decides about everybody who has proven to be alive, until nothing changes any more.
    fn settle(&mut self, now: Instant) {
        loop {
            if self.current().is_none_or(Call::is_over) {
                self.current = None;
            }
            let first = |is: fn(&Call) -> bool| self.calls.values().find(|call| is(call)).map(Call::id);
            if let Some(id) = first(Call::is_proven) {
                self.decide(id, now);
            } else if let Some(id) = first(Call::is_waiting).filter(|_| self.current.is_none()) {
                self.with(id, now, |call| call.check_again(now));
            } else {
                return;
            }
        }
    }

    fn decide(&mut self, id: CallId, now: Instant) {
        let Some(peer) = self.calls.get(&id).map(Call::peer) else { return };
        let Some((current, with, dialling, media)) =
            self.current().map(|call| (call.id(), call.peer(), call.is_dialling(), call.media()))
        else {
            self.ring(id, now);
            return;
        };
        if with != peer {
            let name = self.calls.get(&id).and_then(|call| call.their_name().map(str::to_owned));
            self.with(id, now, |call| call.answer_busy(now));
            self.effects.push_back(Effect::TurnedAway { from: peer, name });
        } else if dialling && current < id {
            self.with(id, now, |call| call.wait(now));
        } else {
            self.with(current, now, |call| call.replace(now));
            self.ring(id, now);
            if dialling {
                let name = self.owner.name.clone();
                self.with(id, now, |call| call.accept(media, name, now));
            }
        }
    }

    fn ring(&mut self, id: CallId, now: Instant) {
        self.current = Some(id);
        let contacts = self.owner.contacts.clone();
        self.with(id, now, |call| call.ring(contacts.contains(&call.peer()), now));
    }

    fn with_current(&mut self, now: Instant, act: impl FnOnce(&mut Call)) {
        if let Some(id) = self.current {
            self.with(id, now, act);
        }
    }

    /// Lets a call act, and takes up what it asks for.
    fn with(&mut self, id: CallId, now: Instant, act: impl FnOnce(&mut Call)) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        act(call);
        let (peer, role) = (call.peer(), call.role());
        let mut accepted = false;
        while let Some(effect) = call.poll_effect() {
            self.effects.push_back(match effect {
                CallEffect::Post(frame) => Effect::Post { call: id, to: peer, frame },
                CallEffect::Leg(leg) => Effect::Leg { call: id, leg },
                CallEffect::Stage(stage) => {
                    accepted |= role == Role::Caller && stage == Stage::Connecting;
                    Effect::Stage { call: id, peer, stage }
                }
                CallEffect::Status(status) => Effect::Status { call: id, status },
                CallEffect::Drawn { width, height } => Effect::Drawn { call: id, width, height },
                CallEffect::Chat { text } => Effect::Chat { call: id, text },
                CallEffect::File { file, step } => Effect::File { call: id, file, step },
            });
        }
        if accepted {
            self.drop_crossed_calls_of(peer, now);
        }
    }

    /// Our dial was taken: where both dialled at once, the other side has withdrawn its own call by that.
    fn drop_crossed_calls_of(&mut self, peer: Address, now: Instant) {
        let crossed = self.calls.values_mut().filter(|call| call.peer() == peer);
        for call in crossed {
            call.give_way(now);
        }
    }
}
