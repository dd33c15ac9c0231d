//! One call, from the first ring to its end. Both ends run this machine.
//!
//! ```text
//!  caller                                         callee
//!
//!  Inviting ──reached──▶ (still Inviting)         Checking ──the caller proves to be alive──▶ RingingHere
//!     │  ringing                                     │ (cannot ring now: Waiting, see `phone`)    │
//!     ▼                                              │                                            │
//!  RingingThere                                      │                                            │
//!     │  accept                                      │                                     accept │
//!     ▼                                              ▼                                            ▼
//!  Connecting ◀──────────────────────── offer, answer, candidates ───────────────────────▶ Connecting
//!     │ encrypted both ways                                                                       │
//!     ▼                                                                                           ▼
//!  Connected ⇄ Reconnecting                                                       Connected ⇄ Reconnecting
//!     │                                                                                           │
//!     └───────────────────────────▶ Ended(reason, by whom) ◀──────────────────────────────────────┘
//!                              from everywhere, exactly once
//! ```
//!
//! An invite alone never rings: whoever recorded it could play it again. The callee answers *reached*, and rings when
//! the caller has acknowledged that under this call's fresh keys.
//!
//! A message at the wrong moment is ignored; it never ends a call.

mod incoming;
mod state;

use std::{collections::VecDeque, time::Instant};

use sightline_protocol::{
    call::{
        CallId, CallMessage, Candidate, DescriptionKind, FileStep, Frame, HangupReason, Media, RefusalReason,
    },
    keys::Address,
    limits::{CONNECT_TIMEOUT, RING_TIMEOUT},
    link::LinkToken,
};

use state::{AFTERLIFE, CALLEE_RING_LIMIT, CHECK_LIMIT, LAST_WORDS_LIMIT, State};

use super::{
    courier::{Courier, Standing},
    course::{EndReason, Link, Role, Side, Stage, Status, Step},
    legs::{Act, Carriage, LegEffect, Legs},
};

/// How many messages may wait before nothing more is said of legs. So much waits only where the mail has been away for
/// minutes: a leg that is not told of does not come up, and the call stands on the one it has.
const MAX_WAITING: usize = 256;

/// What comes from the peer connection.
#[derive(Clone, Debug)]
pub enum PeerEvent {
    /// A description that was ordered.
    Description {
        /// Offer or answer.
        kind: DescriptionKind,
        /// Its text.
        sdp: String,
    },
    /// A way in which this end can perhaps be reached.
    Candidate(Candidate),
    /// No more of them.
    CandidatesDone,
    /// How the connection stands.
    Link(Link),
    /// When anything of theirs last came on it.
    Heard(Instant),
    /// Whether a relay stands on its way.
    Route {
        /// It does.
        relayed: bool,
    },
    /// It could not be made, or could not do what it was told.
    Broken,
}

/// What a call asks to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallEffect {
    /// Seal this and post it to the other side.
    Post(Frame),
    /// To the peer connections.
    Leg(LegEffect),
    /// How things stand has changed.
    Stage(Stage),
    /// The other side's microphone, camera or screen changed.
    Status(Status),
    /// The other side shows our picture at this size.
    Drawn {
        /// In pixels of its screen.
        width: u16,
        /// In pixels of its screen.
        height: u16,
    },
    /// The other side's person wrote this.
    Chat {
        /// Cleaned, and not empty.
        text: String,
    },
    /// The other side says something of a file.
    File {
        /// Which.
        file: u32,
        /// What.
        step: FileStep,
    },
}

/// One end of one call.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    peer: Address,
    role: Role,
    state: State,
    their_name: Option<String>,
    token: Option<LinkToken>,
    media: Media,
    courier: Courier,
    legs: Legs,
    negotiation_backlog: usize,
    effects: VecDeque<CallEffect>,
}

/// What an invite says.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The caller's protocol version.
    pub version: u16,
    /// What the caller calls itself.
    pub name: Option<String>,
    /// What the caller wants to send and see.
    pub media: Media,
    /// The link's token.
    pub token: Option<LinkToken>,
}

impl Call {
    /// Dials.
    pub fn dial(id: CallId, to: Address, invitation: Invitation, now: Instant) -> Self {
        let mut call = Self::new(id, to, Role::Caller, invitation.media, now);
        call.say(
            CallMessage::Invite {
                version: invitation.version,
                name: invitation.name,
                media: invitation.media,
                token: invitation.token,
            },
            now,
        );
        call.effects.push_back(CallEffect::Stage(Stage::Inviting));
        call.legs.begin(now);
        call.carry_on(now);
        call
    }

    /// Was invited. Nothing rings yet: see [`Call::is_proven`].
    pub fn invited(id: CallId, from: Address, invitation: &Invitation, now: Instant) -> Self {
        let mut call = Self::new(id, from, Role::Callee, invitation.media, now);
        call.their_name.clone_from(&invitation.name);
        call.token.clone_from(&invitation.token);
        call
    }

    /// Tells the caller that its invite came through.
    pub fn answer_reached(&mut self, now: Instant) {
        self.say(CallMessage::Reached, now);
    }

    /// Tells the caller that this link is not good for a call.
    pub fn refuse(&mut self, why: RefusalReason, now: Instant) {
        let reason = EndReason::of_refusal(&why);
        self.end_saying(CallMessage::Refused { why }, reason, Side::Us, now);
    }

    /// Rings, and makes ready meanwhile. A caller that we know may learn our addresses before anybody takes the call; a
    /// stranger may not.
    pub fn ring(&mut self, is_contact: bool, now: Instant) {
        if matches!(self.state, State::Checking { .. } | State::Waiting { .. }) {
            self.state = State::RingingHere { give_up: now + CALLEE_RING_LIMIT };
            self.say(CallMessage::Ringing, now);
            self.effects.push_back(CallEffect::Stage(Stage::RingingHere));
            if is_contact {
                self.legs.show(now);
            } else {
                self.legs.prepare(now);
            }
            self.carry_on(now);
        }
    }

    /// Says that this end is in another call.
    pub fn answer_busy(&mut self, now: Instant) {
        self.end_saying(CallMessage::Busy, EndReason::Busy, Side::Us, now);
    }

    /// Keeps a proven caller waiting, because our own dial to it takes precedence.
    pub fn wait(&mut self, now: Instant) {
        if matches!(self.state, State::Checking { .. }) {
            self.state = State::Waiting { give_up: now + CALLEE_RING_LIMIT };
        }
    }

    /// Nothing stands in the way of a caller that was kept waiting: is it still there?
    pub fn check_again(&mut self, now: Instant) {
        if matches!(self.state, State::Waiting { .. }) {
            self.state = State::Checking { give_up: now + CHECK_LIMIT };
            self.say(CallMessage::Reached, now);
        }
    }

    /// Takes the call.
    pub fn accept(&mut self, media: Media, name: Option<String>, now: Instant) {
        if matches!(self.state, State::RingingHere { .. }) {
            self.media =
                Media { audio: media.audio && self.media.audio, video: media.video && self.media.video };
            self.say(CallMessage::Accept { media, name }, now);
            self.legs.take(now);
            self.connect(now);
            if self.legs.is_broken() {
                self.end_failed(EndReason::ConnectFailed(Step::OurSide), Side::Nobody, now);
            }
            self.carry_on(now);
        }
    }

    /// Ends the call in the way that fits its state: cancel, decline or hang up.
    pub fn hang_up(&mut self, now: Instant) {
        let (last_word, reason) = match self.state {
            State::Inviting { .. } | State::RingingThere { .. } => {
                (CallMessage::Cancel, EndReason::Cancelled)
            }
            State::Checking { .. } | State::Waiting { .. } | State::RingingHere { .. } => {
                (CallMessage::Decline, EndReason::Declined)
            }
            State::Connecting { .. } | State::Connected | State::Reconnecting { .. } => {
                (CallMessage::Hangup { reason: HangupReason::Normal }, EndReason::Normal)
            }
            State::Ended { .. } => return,
        };
        self.end_saying(last_word, reason, Side::Us, now);
    }

    /// Another call between the same two takes this one's place.
    pub fn replace(&mut self, now: Instant) {
        if !self.is_over() {
            let last_word = match self.role {
                Role::Caller if self.is_dialling() => CallMessage::Cancel,
                Role::Caller | Role::Callee => CallMessage::Hangup { reason: HangupReason::Replaced },
            };
            self.end_saying(last_word, EndReason::Replaced, Side::Us, now);
        }
    }

    /// A caller that nobody has seen yet gives way to our own call to it.
    pub fn give_way(&mut self, now: Instant) {
        if matches!(self.state, State::Checking { .. } | State::Waiting { .. }) {
            self.end(EndReason::Replaced, Side::Them, now);
        }
    }

    /// The switchboard says that the other side is not connected.
    ///
    /// It may have been a moment ago, and have our invite: should it answer after all, it is told that this is over.
    pub fn other_is_offline(&mut self, now: Instant) {
        if matches!(self.state, State::Inviting { reached: false, .. }) {
            self.end_saying(CallMessage::Cancel, EndReason::Unreachable, Side::Nobody, now);
            self.state = State::Ended { stop_repeating: now + AFTERLIFE, forget: now + AFTERLIFE };
        }
    }

    /// Tells the other side about our microphone, camera and screen.
    pub fn tell_status(&mut self, status: Status, now: Instant) {
        if !self.is_over() {
            let Status { muted, camera_off, sharing } = status;
            self.say(CallMessage::Status { muted, camera_off, sharing }, now);
        }
    }

    /// Tells the other side at which size its picture is shown here.
    pub fn tell_drawn(&mut self, width: u16, height: u16, now: Instant) {
        if !self.is_over() {
            self.say(CallMessage::Drawn { width, height }, now);
        }
    }

    /// Says something of what two who talk have to say to each other, and gives its number (see [`Self::standing`]). Nothing
    /// where nobody talks, or where too much waits already.
    pub fn pass_on(&mut self, message: CallMessage, now: Instant) -> Option<u32> {
        if !self.is_taken() || self.courier.waiting() >= MAX_WAITING {
            return None;
        }
        self.courier.send(message, now).ok()
    }

    /// Somebody wants another leg beside the one in use. Gives its generation; nothing where that cannot be now.
    pub fn ask_for_leg(&mut self, only_direct: bool, now: Instant) -> Option<u32> {
        let leg = self.is_connected().then(|| self.legs.ask(only_direct, now)).flatten();
        self.carry_on(now);
        leg
    }

    /// How far what we said has come.
    pub fn standing(&self) -> Standing {
        self.courier.standing()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.courier.handle_timeout(now);
        match self.state {
            State::Inviting { give_up, reached } if now >= give_up => {
                let reason = if reached { EndReason::NoAnswer } else { EndReason::Unreachable };
                self.end_saying(CallMessage::Cancel, reason, Side::Nobody, now);
            }
            State::RingingThere { give_up } if now >= give_up => {
                self.end_saying(CallMessage::Cancel, EndReason::NoAnswer, Side::Nobody, now);
            }
            State::Checking { give_up } | State::Waiting { give_up } | State::RingingHere { give_up }
                if now >= give_up =>
            {
                self.end(EndReason::NoAnswer, Side::Nobody, now);
            }
            State::Connecting { give_up } if now >= give_up => {
                self.end_failed(EndReason::ConnectFailed(self.stuck_at()), Side::Nobody, now);
            }
            State::Reconnecting { give_up, goodbye } if now >= give_up => {
                if goodbye {
                    self.end_failed(EndReason::Normal, Side::Them, now);
                } else {
                    self.end_failed(EndReason::Lost, Side::Nobody, now);
                }
            }
            State::Inviting { .. }
            | State::RingingThere { .. }
            | State::Checking { .. }
            | State::Waiting { .. }
            | State::RingingHere { .. }
            | State::Connecting { .. }
            | State::Connected
            | State::Reconnecting { .. }
            | State::Ended { .. } => {}
        }
        self.legs.handle_timeout(now);
        self.follow_legs(now);
        self.carry_on(now);
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let resend = self.courier.poll_timeout().map(|at| (at, "send again what was not acknowledged"));
        let state = self.state.wake(self.courier.is_delivered());
        let legs = self.legs.poll_timeout().map(|at| (at, "look after the peer connections"));
        [resend, state, legs].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// What to do; drain until `None`.
    pub fn poll_effect(&mut self) -> Option<CallEffect> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        self.courier.poll_frame().map(CallEffect::Post)
    }

    /// Its name.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// The other side.
    pub fn peer(&self) -> Address {
        self.peer
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What the other side calls itself.
    pub fn their_name(&self) -> Option<&str> {
        self.their_name.as_deref()
    }

    /// Of the link of ours that they came by.
    pub const fn token(&self) -> Option<&LinkToken> {
        self.token.as_ref()
    }

    /// What is sent and shown in this call, as far as both sides said so.
    pub fn media(&self) -> Media {
        self.media
    }

    /// The caller is alive, and it is for the phone to decide whether it may ring.
    pub fn is_proven(&self) -> bool {
        matches!(self.state, State::Checking { .. }) && self.courier.is_delivered()
    }

    /// The caller has not proven yet that it is alive.
    pub fn is_being_checked(&self) -> bool {
        matches!(self.state, State::Checking { .. })
    }

    /// A proven caller that waits for our own dial to be decided.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Our own dial, not answered yet.
    pub fn is_dialling(&self) -> bool {
        matches!(self.state, State::Inviting { .. } | State::RingingThere { .. })
    }

    /// Media may flow.
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected)
    }

    /// Accepted, and not over: two people talk, or are about to.
    pub fn is_taken(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Connected | State::Reconnecting { .. })
    }

    /// Ended.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// Ended, and the other side knows all that we had to say, or is not there to hear it.
    pub fn is_settled(&self) -> bool {
        self.state.is_settled(self.courier.is_delivered())
    }

    /// Ended so long ago that nothing of it need be kept.
    pub fn may_be_forgotten(&self, now: Instant) -> bool {
        self.state.may_be_forgotten(self.courier.is_delivered(), now)
    }

    fn new(id: CallId, peer: Address, role: Role, media: Media, now: Instant) -> Self {
        let state = match role {
            Role::Caller => State::Inviting { give_up: now + RING_TIMEOUT, reached: false },
            Role::Callee => State::Checking { give_up: now + CHECK_LIMIT },
        };
        Self {
            id,
            peer,
            role,
            state,
            their_name: None,
            token: None,
            media,
            courier: Courier::default(),
            legs: Legs::new(role),
            negotiation_backlog: 0,
            effects: VecDeque::new(),
        }
    }

    fn connect(&mut self, now: Instant) {
        if self.legs.carriage() == Carriage::Up {
            self.state = State::Connected;
            self.effects.push_back(CallEffect::Stage(Stage::Connected));
        } else {
            self.state = State::Connecting { give_up: now + CONNECT_TIMEOUT };
            self.effects.push_back(CallEffect::Stage(Stage::Connecting));
        }
    }

    fn end_failed(&mut self, reason: EndReason, by: Side, now: Instant) {
        self.end_saying(CallMessage::Hangup { reason: HangupReason::Failed }, reason, by, now);
    }

    fn end_saying(&mut self, last_word: CallMessage, reason: EndReason, by: Side, now: Instant) {
        if !self.is_over() {
            self.courier.send_last(last_word, now);
            if matches!(self.state, State::Connected | State::Reconnecting { .. }) {
                // Before the legs go: it travels on them as well.
                self.effects.extend(std::iter::from_fn(|| self.courier.poll_frame()).map(CallEffect::Post));
            }
            self.end(reason, by, now);
        }
    }

    fn end(&mut self, reason: EndReason, by: Side, now: Instant) {
        if self.is_over() {
            return;
        }
        let was_shown = !matches!(self.state, State::Checking { .. } | State::Waiting { .. });
        self.state = State::Ended { stop_repeating: now + LAST_WORDS_LIMIT, forget: now + AFTERLIFE };
        self.legs.close();
        self.carry_on(now);
        if was_shown {
            self.effects.push_back(CallEffect::Stage(Stage::Ended { reason, by }));
        }
    }

    fn say(&mut self, message: CallMessage, now: Instant) {
        if self.courier.send(message, now).is_err() && !self.is_over() {
            self.end(EndReason::Lost, Side::Nobody, now);
        }
    }

    fn carry_on(&mut self, now: Instant) {
        while let Some(act) = self.legs.poll_act() {
            match act {
                Act::Send(message) => {
                    if !self.is_over() && self.courier.waiting() < MAX_WAITING {
                        self.say(message, now);
                    }
                }
                Act::Leg(effect) => self.effects.push_back(CallEffect::Leg(effect)),
            }
        }
    }
}
