//! The lines to servers: one to the server that we are reached at, and one to each other server that a call goes over.
//!
//! Somebody is called at the server that their link names. So a call has a line, and all that is said for it goes there; a
//! line that is not the one we are reached at lives as long as its calls. One phone decides about the calls of all lines:
//! whoever rings on another line hears *busy* too, and two that dial each other at two servers find each other.
//!
//! An engine for each server was thought of. Two phones that share a microphone would have to agree on every call.

use std::{
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    task::Poll,
    time::{Duration, Instant},
};

use sightline_protocol::{call::CallId, keys::Address, link::ServerAddress};
use tokio::{sync::mpsc, time::timeout};

use crate::logic::{path::PathPolicy, servers::Servers};

use super::{
    access::AccessDesk,
    ports::{Envelope, Exchange, Mail, MailEvent},
};

/// News from one switchboard waiting for the engine. When it is full that line is not read for a while.
const MAIL: usize = 256;
/// How many lines there may be: the one we are reached at, that of the call, and those whose last words are still going out.
/// A call that would need one more does not begin.
const MAX_LINES: usize = 8;

/// Which line.
pub(super) type LineId = u32;

/// All of them.
pub(super) struct Lines {
    exchange: Box<dyn Exchange>,
    policy: PathPolicy,
    hidden: bool,
    home: Option<LineId>,
    lines: BTreeMap<LineId, Line>,
    of_call: HashMap<CallId, LineId>,
    opened: LineId,
}

struct Line {
    server: ServerAddress,
    mail: Box<dyn Mail>,
    /// Nothing once it has ended for good.
    events: Option<mpsc::Receiver<MailEvent>>,
    access: AccessDesk,
    up: bool,
}

impl Lines {
    /// None yet.
    pub(super) fn new(exchange: Box<dyn Exchange>, policy: PathPolicy, hidden: bool) -> Self {
        let (lines, of_call) = (BTreeMap::new(), HashMap::new());
        Self { exchange, policy, hidden, home: None, lines, of_call, opened: 0 }
    }

    /// From now on we are reached at this server, or at none. Calls stay on the lines that they have. Whether the new one is
    /// up already.
    pub(super) fn reach(&mut self, server: Option<ServerAddress>) -> bool {
        self.home = server.map(|server| self.to(&server).unwrap_or_else(|| self.open(server)));
        self.hang_up_idle();
        self.home.and_then(|home| self.lines.get(&home)).is_some_and(|line| line.up)
    }

    /// A call goes over this server; over the one that we are reached at where nothing is said. `false` where it cannot.
    pub(super) fn carry(&mut self, call: CallId, server: Option<ServerAddress>) -> bool {
        let line = match server {
            None => self.home,
            Some(server) => {
                self.to(&server).or_else(|| (self.lines.len() < MAX_LINES).then(|| self.open(server)))
            }
        };
        self.of_call.extend(line.map(|line| (call, line)));
        line.is_some()
    }

    /// An envelope of a call came on a line. A call that has one already keeps it.
    pub(super) fn came_on(&mut self, call: CallId, line: LineId) {
        self.of_call.entry(call).or_insert(line);
    }

    /// Nothing more is said of a call.
    pub(super) fn forget(&mut self, call: CallId) {
        self.of_call.remove(&call);
        self.hang_up_idle();
    }

    /// What comes next, and on which line.
    pub(super) async fn next(&mut self) -> (LineId, MailEvent) {
        poll_fn(|context| {
            for (&id, line) in &mut self.lines {
                let Some(events) = &mut line.events else { continue };
                match events.poll_recv(context) {
                    Poll::Ready(Some(event)) => return Poll::Ready((id, event)),
                    Poll::Ready(None) => line.events = None,
                    Poll::Pending => {}
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Takes notice of what came. Whether the line has come up by it, or gone down.
    pub(super) fn note(&mut self, id: LineId, event: &MailEvent, now: Instant) -> bool {
        let Some(line) = self.lines.get_mut(&id) else { return false };
        let was_up = line.up;
        match event {
            MailEvent::Up { .. } => line.up = true,
            MailEvent::Down { .. } | MailEvent::Refused { .. } => line.up = false,
            MailEvent::Delivered(_)
            | MailEvent::Offline { .. }
            | MailEvent::Present { .. }
            | MailEvent::Relay { .. }
            | MailEvent::NoRelay { .. } => {}
        }
        line.access.take_mail_event(event, &*line.mail, now);
        was_up != line.up
    }

    /// The server that we are reached at.
    pub(super) fn home(&self) -> Option<ServerAddress> {
        self.home.and_then(|home| self.lines.get(&home)).map(|line| line.server.clone())
    }

    /// It is the line to the server that we are reached at.
    pub(super) fn is_home(&self, id: LineId) -> bool {
        self.home == Some(id)
    }

    /// What the server at the other end of a line is called.
    pub(super) fn name(&self, id: LineId) -> String {
        self.lines.get(&id).map(|line| line.server.name()).unwrap_or_default()
    }

    /// The calls that go over a line.
    pub(super) fn calls(&self, id: LineId) -> Vec<CallId> {
        self.of_call.iter().filter(|(_, line)| **line == id).map(|(call, _)| *call).collect()
    }

    /// Whether a call's switchboard can be reached.
    pub(super) fn is_up(&self, call: CallId) -> bool {
        self.line(call).is_some_and(|line| line.up)
    }

    /// Somebody waits for the line of a call: it is looked whether it lives.
    pub(super) fn urge(&self, call: CallId) {
        if let Some(line) = self.line(call).filter(|line| !line.up) {
            line.mail.probe();
        }
    }

    /// Calls that are to come may take such paths.
    pub(super) fn set_policy(&mut self, policy: PathPolicy) {
        self.policy = policy;
        self.lines.values_mut().for_each(|line| line.access.set_policy(policy));
    }

    /// From now on this one call may take such paths.
    pub(super) fn set_call_policy(&mut self, call: CallId, policy: PathPolicy, now: Instant) {
        if let Some(line) = self.line_mut(call) {
            line.access.set_call_policy(call, policy, &*line.mail, now);
        }
    }

    /// Why a call cannot be relayed that may only be, where that is known.
    pub(super) fn why_no_relay(&self, call: CallId, now: Instant) -> Option<String> {
        self.line(call)?.access.why_no_relay(call, now)
    }

    /// When the right to use the relay ends unless it is renewed.
    pub(super) fn relay_until(&self, call: CallId) -> Option<Instant> {
        self.line(call)?.access.relay_until(call)
    }

    /// Whoever asks about us hears that we are not connected, on every line and those to come, or the truth again.
    pub(super) fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
        Mail::hide(self, hidden);
    }

    /// An envelope of ours was taken by the mail.
    pub(super) fn envelope_posted(&mut self, call: CallId, with: Address, now: Instant) {
        if let Some(line) = self.line_mut(call) {
            line.access.envelope_posted(call, with, &*line.mail, now);
        }
    }

    /// An envelope of theirs was opened, in a call that the phone knows.
    pub(super) fn envelope_received(&mut self, call: CallId, with: Address, now: Instant) {
        if let Some(line) = self.line_mut(call) {
            line.access.envelope_received(call, with, &*line.mail, now);
        }
    }

    /// Nobody needs servers for a call any more.
    pub(super) fn access_over(&mut self, call: CallId, now: Instant) {
        if let Some(line) = self.line_mut(call) {
            line.access.over(call, &*line.mail, now);
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.lines.values_mut().for_each(|line| line.access.handle_timeout(&*line.mail, now));
    }

    /// When something is.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.lines.values().filter_map(|line| line.access.poll_timeout()).min()
    }

    /// Whether more is known of some call's servers than when this was asked last.
    pub(super) fn take_changed(&mut self) -> bool {
        self.lines.values_mut().fold(false, |changed, line| line.access.take_changed() | changed)
    }

    /// What is known by now of the servers that a call may use.
    pub(super) fn servers(&self, call: CallId, now: Instant) -> Servers {
        self.line(call).map(|line| line.access.servers(call, now)).unwrap_or_default()
    }

    /// Whether waiting would bring nothing more.
    pub(super) fn is_decided(&self, call: CallId) -> bool {
        self.line(call).is_none_or(|line| line.access.is_decided(call))
    }

    /// A call that may only be relayed and cannot be, and why; drain until `None`.
    pub(super) fn poll_lack(&mut self) -> Option<(CallId, String)> {
        self.lines.values_mut().find_map(|line| line.access.poll_lack())
    }

    /// Says goodbye on every line, and waits for that for so long at most.
    pub(super) async fn goodbye(self, within: Duration) {
        let mut ends = Vec::new();
        for line in self.lines.into_values() {
            drop(line.mail);
            ends.extend(line.events);
        }
        let all = async {
            for mut events in ends {
                while events.recv().await.is_some() {}
            }
        };
        timeout(within, all).await.ok();
    }

    fn line(&self, call: CallId) -> Option<&Line> {
        self.lines.get(self.of_call.get(&call)?)
    }

    fn line_mut(&mut self, call: CallId) -> Option<&mut Line> {
        self.lines.get_mut(self.of_call.get(&call)?)
    }

    /// A line to that server that lives. A second one with the same key would end it.
    fn to(&self, server: &ServerAddress) -> Option<LineId> {
        let leads_there = |line: &Line| {
            line.events.is_some()
                && line.server.scheme == server.scheme
                && line.server.name() == server.name()
        };
        self.lines.iter().find(|(_, line)| leads_there(line)).map(|(id, _)| *id)
    }

    fn open(&mut self, server: ServerAddress) -> LineId {
        let (events, news) = mpsc::channel(MAIL);
        let mail = self.exchange.open(server.clone(), self.hidden, events);
        let access = AccessDesk::new(server.clone(), self.policy);
        self.opened += 1;
        self.lines.insert(self.opened, Line { server, mail, events: Some(news), access, up: false });
        self.opened
    }

    fn hang_up_idle(&mut self) {
        let (home, of_call) = (self.home, &self.of_call);
        self.lines.retain(|id, _| home == Some(*id) || of_call.values().any(|line| line == id));
    }
}

/// What is said of a call goes over its line.
impl Mail for Lines {
    fn post(&self, envelope: Envelope) -> bool {
        self.line(envelope.call).is_some_and(|line| line.mail.post(envelope))
    }

    fn ask_relay(&self, call: CallId, with: Address) {
        if let Some(line) = self.line(call) {
            line.mail.ask_relay(call, with);
        }
    }

    fn ask(&self, who: Address) {
        if let Some(line) = self.home.and_then(|home| self.lines.get(&home)) {
            line.mail.ask(who);
        }
    }

    fn hide(&self, hidden: bool) {
        self.lines.values().for_each(|line| line.mail.hide(hidden));
    }

    fn over(&self, call: CallId, with: Address) {
        if let Some(line) = self.line(call) {
            line.mail.over(call, with);
        }
    }

    fn redial(&self) {
        self.lines.values().for_each(|line| line.mail.redial());
    }

    fn probe(&self) {
        self.lines.values().for_each(|line| line.mail.probe());
    }
}
