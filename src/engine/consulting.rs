//! The room where two doctors consult: `logic/doctor/consult.rs` decides who is told what; here it gets its keys, its mail and
//! the look at the network.

use std::{collections::HashSet, time::Instant};

use sightline_protocol::{
    call::{CallId, Frame},
    keys::Address,
};
use tokio::sync::mpsc;

use crate::logic::doctor::consult::{Consultations, Effect, Event};

use super::{
    keyring::Keyring,
    lines::Lines,
    ports::{Doctor, Envelope, Mail},
};

/// What was seen of the network, for the loop. One look is under way at most.
const SEEN: usize = 1;

/// All consultations of an installation, and who looks for them.
pub(super) struct Consulting {
    consultations: Consultations,
    /// These may ask, whoever the contacts are.
    named: HashSet<Address>,
    contacts: HashSet<Address>,
    contacts_may: bool,
    doctor: Box<dyn Doctor>,
    seen: mpsc::Sender<Option<String>>,
}

impl Consulting {
    /// These may ask; with it comes what the doctor will have seen.
    pub(super) fn new(
        named: HashSet<Address>,
        contacts: HashSet<Address>,
        doctor: Box<dyn Doctor>,
    ) -> (Self, mpsc::Receiver<Option<String>>) {
        let (seen, looked) = mpsc::channel(SEEN);
        let consultations = Consultations::new(named.clone());
        (Self { consultations, named, contacts, contacts_may: false, doctor, seen }, looked)
    }

    /// Whether contacts may ask.
    pub(super) fn let_contacts(&mut self, may: bool) {
        self.contacts_may = may;
        self.trust();
    }

    /// These are the contacts from now on.
    pub(super) fn note_contacts(&mut self, contacts: &HashSet<Address>) {
        self.contacts.clone_from(contacts);
        self.trust();
    }

    fn trust(&mut self) {
        let contacts = self.contacts.iter().filter(|_| self.contacts_may);
        self.consultations.trust(self.named.iter().chain(contacts).copied().collect());
    }

    /// Whether this was for here.
    pub(super) fn take_frame(&mut self, call: CallId, from: Address, frame: &Frame, now: Instant) -> bool {
        self.consultations.take_frame(call, from, frame, now)
    }

    pub(super) fn note_seen(&mut self, seen: Option<String>, now: Instant) {
        self.consultations.handle(Event::Seen(seen), now);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.consultations.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.consultations.poll_timeout()
    }

    /// Does all that is asked for, and says who was told what this computer's network looks like.
    pub(super) fn carry_out(&mut self, keys: &mut Keyring, lines: &mut Lines) -> Vec<Address> {
        let mut told = Vec::new();
        while let Some(effect) = self.consultations.poll_effect() {
            match effect {
                Effect::Post { call, to, frame } => {
                    if let Some(sealed) = keys.seal(call, to, &frame) {
                        // What is not taken is said again.
                        lines.post(Envelope { with: to, call, sealed });
                    }
                }
                Effect::Examine => self.doctor.examine(lines.home(), self.seen.clone()),
                Effect::Learnt { from, report } => {
                    tracing::debug!(bytes = report.len(), from = from.short(), "told of their network");
                }
                Effect::Done { with } => told.push(with),
                Effect::Forget { call } => {
                    keys.forget(call);
                    lines.forget(call);
                }
            }
        }
        told
    }
}
