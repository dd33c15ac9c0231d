//! What comes over the lines to servers, and what is said past them.

use sightline_protocol::{call::CallId, keys::Address};

use crate::logic::{call::Call, legs::LegWhy, phone::Event};

use super::{
    super::{
        api::Update,
        keyring::Content,
        lines::LineId,
        ports::{Envelope, Mail as _, MailEvent},
    },
    Engine,
};

impl Engine {
    pub(super) async fn take_mail(&mut self, line: LineId, event: MailEvent) {
        let has_turned = self.lines.note(line, &event, self.clock.now());
        if self.lines.take_changed() {
            self.open_waiting_legs();
        }
        while let Some((call, why)) = self.lines.poll_lack() {
            if self.calls.contains_key(&call) {
                self.tell(Update::NoRelay { call, why }).await;
            }
        }
        match event {
            MailEvent::Up { .. } => {
                self.note_switchboard(line, false);
                if self.lines.is_home(line) {
                    self.tell(Update::SwitchboardUp).await;
                }
                if has_turned && self.is_of_current(line) {
                    self.handle(Event::Around { why: LegWhy::ServerBack }).await;
                }
            }
            MailEvent::Down { why } => {
                // An attempt that fails is no further loss.
                self.note_switchboard(line, has_turned);
                if self.lines.is_home(line) {
                    self.tell(Update::SwitchboardDown { why }).await;
                } else if !has_turned && self.is_of_current(line) && !self.is_current_taken() {
                    let text = format!("Their server does not answer, and is being tried again: {why}.");
                    self.tell(Update::Problem { text }).await;
                }
            }
            MailEvent::Refused { why } if self.lines.is_home(line) => {
                self.tell(Update::SwitchboardRefused { why }).await;
            }
            MailEvent::Refused { why } => {
                let text = format!("Their server {} cannot be used: {why}.", self.lines.name(line));
                self.tell(Update::Problem { text }).await;
                if self.is_of_current(line) && !self.is_current_taken() {
                    self.handle(Event::HangUp).await;
                }
            }
            MailEvent::Offline { to, call } => self.handle(Event::Offline { call, to }).await,
            MailEvent::Delivered(envelope) => self.take_envelope(line, envelope).await,
            MailEvent::Present { who, connected } => self.tell(Update::Present { who, connected }).await,
            MailEvent::Relay { .. } | MailEvent::NoRelay { .. } => {}
        }
    }

    fn is_of_current(&self, line: LineId) -> bool {
        self.phone.current().is_some_and(|call| self.lines.calls(line).contains(&call.id()))
    }

    fn is_current_taken(&self) -> bool {
        self.phone.current().is_some_and(Call::is_taken)
    }

    /// Tells the calls that go over a line how it stands, and whether it was lost just now.
    fn note_switchboard(&mut self, line: LineId, lost: bool) {
        for call in self.lines.calls(line) {
            let up = self.lines.is_up(call);
            if let Some(calling) = self.calls.get_mut(&call) {
                calling.report.switchboard_lost += u32::from(lost);
                calling.note_switchboard(up);
            }
        }
    }

    async fn take_envelope(&mut self, line: LineId, Envelope { with, call, sealed }: Envelope) {
        self.lines.came_on(call, line);
        match self.open(call, with, &sealed) {
            Content::Frame(frame)
                if !self.phone.knows(call)
                    && self.consulting.take_frame(call, with, &frame, self.clock.now()) =>
            {
                self.consult().await;
            }
            Content::Frame(frame) => {
                self.handle(Event::Frame { call, from: with, frame }).await;
                if self.phone.knows(call) {
                    self.lines.envelope_received(call, with, self.clock.now());
                } else {
                    self.keys.forget(call);
                    self.lines.forget(call);
                }
            }
            Content::PostAgain(sealed) => {
                self.lines.post(Envelope { with, call, sealed });
            }
            // What does not open leaves nothing behind.
            Content::Nothing if !self.phone.knows(call) && !self.keys.knows(call) => self.lines.forget(call),
            Content::Nothing => {}
        }
    }

    /// What came over the call's own path. It has come or will come through the switchboard too; the later is not opened.
    pub(super) async fn take_said(&mut self, call: CallId, sealed: &[u8]) {
        let Some(with) = self.phone.call(call).map(Call::peer) else { return };
        if let Content::Frame(frame) = self.open(call, with, sealed) {
            self.handle(Event::Frame { call, from: with, frame }).await;
        }
    }

    fn open(&mut self, call: CallId, with: Address, sealed: &[u8]) -> Content {
        self.keys.open(call, with, sealed).unwrap_or_else(|error| {
            tracing::debug!(%error, from = with.short(), "an envelope was not opened");
            Content::Nothing
        })
    }
}
