//! What reaches a call from outside: the other side's messages, and events of our own peer connection.
//!
//! Every message and every event has its say in every state. At the wrong moment that is nothing.

use std::time::Instant;

use sightline_protocol::call::{CallMessage, Frame, HangupReason, Media};

use super::{
    Call, CallEffect, PeerEvent,
    state::{GOODBYE_WAIT, RECONNECT_LIMIT, State},
};
use crate::logic::{
    course::{EndReason, Link, Role, Side, Stage, Status, Step},
    legs::{Carriage, LegWhy},
};

/// How many negotiation steps are kept for a call that nobody has accepted yet; more are ignored.
const MAX_BEFORE_ACCEPT: usize = 128;

impl Call {
    /// Takes a frame of the other side.
    pub fn handle_frame(&mut self, frame: Frame, now: Instant) {
        self.courier.handle(frame, now);
        while let Some(message) = self.courier.poll_message() {
            self.handle_message(message, now);
        }
        self.follow_legs(now);
        self.carry_on(now);
    }

    /// Takes an event of one of our peer connections.
    pub fn handle_peer(&mut self, generation: u32, event: PeerEvent, now: Instant) {
        if self.is_over() {
            return;
        }
        match event {
            PeerEvent::Description { kind, sdp } => self.legs.local_description(generation, kind, sdp),
            PeerEvent::Candidate(candidate) => self.legs.local_candidate(generation, candidate),
            PeerEvent::CandidatesDone => self.legs.local_candidates_done(generation),
            PeerEvent::Link(link) => self.legs.link(generation, link, now),
            PeerEvent::Heard(at) => self.legs.heard(generation, at, now),
            PeerEvent::Route { relayed } => self.legs.route(generation, relayed, now),
            PeerEvent::Broken => self.handle_broken(generation, now),
        }
        self.follow_legs(now);
        self.carry_on(now);
    }

    /// The world around the call changed: another leg may do better, or is needed.
    pub fn look_for_another_way(&mut self, why: LegWhy, now: Instant) {
        let is_needed = match why {
            LegWhy::ServerBack => !self.legs.is_carrying(now),
            LegWhy::First
            | LegWhy::TookTooLong
            | LegWhy::NetworkChanged
            | LegWhy::Silence
            | LegWhy::BetterPath
            | LegWhy::Asked
            | LegWhy::Theirs => true,
        };
        let is_at_it = match self.state {
            State::Inviting { .. } | State::RingingThere { .. } | State::RingingHere { .. } => {
                why == LegWhy::NetworkChanged
            }
            State::Connecting { .. } | State::Connected | State::Reconnecting { .. } => true,
            State::Checking { .. } | State::Waiting { .. } | State::Ended { .. } => false,
        };
        if is_needed && is_at_it {
            self.legs.wish(why, now);
            self.carry_on(now);
        }
    }

    fn handle_message(&mut self, message: CallMessage, now: Instant) {
        if self.is_over() {
            return;
        }
        match message {
            CallMessage::Reached => {
                if let State::Inviting { give_up, reached: false } = self.state {
                    self.state = State::Inviting { give_up, reached: true };
                    self.effects.push_back(CallEffect::Stage(Stage::Reached));
                }
            }
            CallMessage::Ringing => {
                if let State::Inviting { give_up, .. } = self.state {
                    self.state = State::RingingThere { give_up };
                    self.effects.push_back(CallEffect::Stage(Stage::RingingThere));
                }
            }
            CallMessage::Accept { media, name } => {
                if self.is_dialling() {
                    self.their_name = name;
                    self.media = Media {
                        audio: media.audio && self.media.audio,
                        video: media.video && self.media.video,
                    };
                    self.legs.take(now);
                    self.connect(now);
                }
            }
            CallMessage::Decline => self.end_if_dialling(EndReason::Declined, now),
            CallMessage::Busy => self.end_if_dialling(EndReason::Busy, now),
            CallMessage::Refused { why } => self.end_if_dialling(EndReason::of_refusal(&why), now),
            CallMessage::Cancel => {
                if self.role == Role::Callee {
                    self.end(EndReason::Cancelled, Side::Them, now);
                }
            }
            CallMessage::Hangup { reason } => self.end(self.hangup(&reason), Side::Them, now),
            CallMessage::Description { kind, generation, sdp, direct } => {
                if self.takes_negotiation() {
                    self.legs.remote_description(kind, generation, sdp, direct, now);
                }
            }
            CallMessage::Candidates { generation, candidates, end } => {
                if self.takes_negotiation() {
                    self.legs.remote_candidates(generation, candidates, end);
                }
            }
            CallMessage::Status { muted, camera_off, sharing } => {
                self.effects.push_back(CallEffect::Status(Status { muted, camera_off, sharing }));
            }
            CallMessage::Drawn { width, height } => {
                self.effects.push_back(CallEffect::Drawn { width, height });
            }
            CallMessage::Chat { text } => {
                if self.is_taken() && !text.is_empty() {
                    self.effects.push_back(CallEffect::Chat { text });
                }
            }
            CallMessage::File { file, step } => {
                if self.is_taken() {
                    self.effects.push_back(CallEffect::File { file, step });
                }
            }
            // The last two belong to no call.
            CallMessage::Invite { .. }
            | CallMessage::Unknown
            | CallMessage::Examine
            | CallMessage::Examined { .. } => {}
        }
    }

    /// The call stands as its legs do, taken together.
    pub(super) fn follow_legs(&mut self, now: Instant) {
        match (self.state, self.legs.carriage()) {
            (State::Connecting { .. } | State::Reconnecting { .. }, Carriage::Up) => self.connect(now),
            (State::Connected, Carriage::None) => {
                self.state = State::Reconnecting { give_up: now + RECONNECT_LIMIT, goodbye: false };
                self.effects.push_back(CallEffect::Stage(Stage::Reconnecting));
            }
            // They are there after all.
            (State::Reconnecting { goodbye: true, .. }, Carriage::None) => {
                self.state = State::Reconnecting { give_up: now + RECONNECT_LIMIT, goodbye: false };
            }
            (State::Connected | State::Reconnecting { goodbye: false, .. }, Carriage::ClosedByThem) => {
                self.state = State::Reconnecting { give_up: now + GOODBYE_WAIT, goodbye: true };
            }
            (
                State::Inviting { .. }
                | State::RingingThere { .. }
                | State::Checking { .. }
                | State::Waiting { .. }
                | State::RingingHere { .. }
                | State::Connecting { .. }
                | State::Connected
                | State::Reconnecting { .. }
                | State::Ended { .. },
                Carriage::None | Carriage::Up | Carriage::ClosedByThem,
            ) => {}
        }
    }

    /// Fatal where this end cannot take part at all. Another leg may come about without this one.
    fn handle_broken(&mut self, generation: u32, now: Instant) {
        self.legs.broken(generation, now);
        if !self.legs.is_broken() {
            return;
        }
        let failed = EndReason::ConnectFailed(Step::OurSide);
        match self.state {
            State::Inviting { .. } | State::RingingThere { .. } => {
                self.end_saying(CallMessage::Cancel, failed, Side::Nobody, now);
            }
            State::Connecting { .. } => self.end_failed(failed, Side::Nobody, now),
            State::Checking { .. }
            | State::Waiting { .. }
            | State::RingingHere { .. }
            | State::Connected
            | State::Reconnecting { .. }
            | State::Ended { .. } => {}
        }
    }

    fn hangup(&self, reason: &HangupReason) -> EndReason {
        match (reason, self.state) {
            (HangupReason::Replaced, _) => EndReason::Replaced,
            (HangupReason::Failed, State::Connecting { .. }) => EndReason::ConnectFailed(self.stuck_at()),
            (HangupReason::Failed, _) => EndReason::Lost,
            (HangupReason::Normal | HangupReason::Shutdown | HangupReason::Other(_), _) => EndReason::Normal,
        }
    }

    /// Where connecting is stuck.
    pub(super) fn stuck_at(&self) -> Step {
        match self.legs.newest_link() {
            _ if !self.legs.has_remote_description() => Step::Description,
            Link::PathFound => Step::Encryption,
            _ if !self.legs.has_remote_candidates() => Step::Candidates,
            Link::New | Link::Checking | Link::Up | Link::Interrupted | Link::Failed | Link::Closed => {
                Step::Checks
            }
        }
    }

    fn takes_negotiation(&mut self) -> bool {
        let is_taken = match self.state {
            State::Connecting { .. } | State::Connected | State::Reconnecting { .. } => true,
            State::Inviting { .. }
            | State::RingingThere { .. }
            | State::Checking { .. }
            | State::Waiting { .. }
            | State::RingingHere { .. }
            | State::Ended { .. } => self.role == Role::Caller,
        };
        if is_taken {
            return true;
        }
        self.negotiation_backlog += 1;
        self.negotiation_backlog <= MAX_BEFORE_ACCEPT
    }

    fn end_if_dialling(&mut self, reason: EndReason, now: Instant) {
        if self.is_dialling() {
            self.end(reason, Side::Them, now);
        }
    }
}
