//! The desk where the loop asks which servers a call may use.
//!
//! `logic/access.rs` decides what to ask for and when. Here its questions reach the switchboard, and the answers it.

use std::time::Instant;

use sightline_protocol::{call::CallId, keys::Address, link::ServerAddress};

use crate::logic::{
    access::{Access, Effect, Event},
    path::PathPolicy,
    servers::Servers,
};

use super::ports::{Mail, MailEvent};

/// What is known of the servers of all calls.
pub(super) struct AccessDesk {
    access: Access,
    changed: bool,
    lacks: Vec<(CallId, String)>,
}

impl AccessDesk {
    /// Nothing is known yet of this server, and calls may take such paths.
    pub(super) const fn new(server: ServerAddress, policy: PathPolicy) -> Self {
        Self { access: Access::new(server, policy), changed: false, lacks: Vec::new() }
    }

    /// Calls that are to come may take such paths.
    pub(super) fn set_policy(&mut self, policy: PathPolicy) {
        self.access.set_policy(policy);
    }

    /// From now on this one call may take such paths.
    pub(super) fn set_call_policy(
        &mut self,
        call: CallId,
        policy: PathPolicy,
        mail: &dyn Mail,
        now: Instant,
    ) {
        self.access.set_call_policy(call, policy, now);
        self.carry_out(mail, now);
    }

    /// Why a call cannot be relayed that may only be, where that is known.
    pub(super) fn why_no_relay(&self, call: CallId, now: Instant) -> Option<String> {
        self.access.why_no_relay(call, now)
    }

    /// When the right to use the relay ends unless it is renewed.
    pub(super) fn relay_until(&self, call: CallId) -> Option<Instant> {
        self.access.relay_until(call)
    }

    /// Looks at what came from the switchboard; most of it is not for this desk.
    pub(super) fn take_mail_event(&mut self, event: &MailEvent, mail: &dyn Mail, now: Instant) {
        let event = match event {
            MailEvent::Up { stun, resumed } => Event::Up { stun: stun.clone(), resumed: *resumed },
            MailEvent::Down { .. } | MailEvent::Refused { .. } => Event::Down,
            MailEvent::Relay { call, credentials } => {
                tracing::info!(%call, doors = credentials.urls.len(), "the relay may be used");
                Event::Granted { call: *call, credentials: credentials.clone() }
            }
            MailEvent::NoRelay { call, code, why } => {
                tracing::debug!(%call, code = code.as_str(), why, "no relay yet");
                Event::Refused { call: *call, code: code.clone() }
            }
            // Whether an envelope is one of a call is seen when it was opened.
            MailEvent::Delivered(_) | MailEvent::Offline { .. } | MailEvent::Present { .. } => return,
        };
        self.handle(event, mail, now);
    }

    /// An envelope of ours was taken by the mail.
    pub(super) fn envelope_posted(&mut self, call: CallId, with: Address, mail: &dyn Mail, now: Instant) {
        self.handle(Event::Posted { call, with }, mail, now);
    }

    /// An envelope of theirs was opened, in a call that the phone knows.
    pub(super) fn envelope_received(&mut self, call: CallId, with: Address, mail: &dyn Mail, now: Instant) {
        self.handle(Event::Received { call, with }, mail, now);
    }

    /// Nobody needs servers for a call any more.
    pub(super) fn over(&mut self, call: CallId, mail: &dyn Mail, now: Instant) {
        self.handle(Event::Over { call }, mail, now);
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, mail: &dyn Mail, now: Instant) {
        self.access.handle_timeout(now);
        self.carry_out(mail, now);
    }

    /// When to come back.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.access.poll_timeout().map(|(at, _)| at)
    }

    /// Whether more is known of some call's servers than when this was asked last.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What is known by now of the servers that a call may use, the paths considered that it may take.
    pub(super) fn servers(&self, call: CallId, now: Instant) -> Servers {
        self.access.servers(call, now)
    }

    /// Whether waiting would bring nothing more: the relay is known, or it is known that there is none.
    pub(super) fn is_decided(&self, call: CallId) -> bool {
        self.access.is_decided(call)
    }

    /// A call that may only be relayed and cannot be, and why; drain until `None`.
    pub(super) fn poll_lack(&mut self) -> Option<(CallId, String)> {
        self.lacks.pop()
    }

    fn handle(&mut self, event: Event, mail: &dyn Mail, now: Instant) {
        self.access.handle(event, now);
        self.carry_out(mail, now);
    }

    fn carry_out(&mut self, mail: &dyn Mail, now: Instant) {
        while let Some(effect) = self.access.poll_effect() {
            match effect {
                Effect::Ask { call, with } => mail.ask_relay(call, with),
                Effect::Changed { call } => {
                    self.changed = true;
                    let why = self.access.why_no_relay(call, now);
                    self.lacks.extend(why.map(|why| (call, why)));
                }
            }
        }
    }
}
