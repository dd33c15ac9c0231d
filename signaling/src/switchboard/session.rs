//! What one address has here: numbers both ways, what waits for it, and how much it may still do.
//!
//! ```text
//!          broken, cut                 not back in time
//!  Here ────────────────▶ Away ──────────────────────────▶ gone
//!   │  ◀──────────────────                                  ▲
//!   └──────── closed, bye, expelled, replaced ───────────────┘
//! ```

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use sightline_protocol::numbering::{Inbox, Outbox, Weight};
use sightline_protocol::{CallId, Resume, Token};

use super::{SessionId, SocketId};
use crate::allowance::{Allowance, Rate};
use crate::config::Limits;

/// How many times as much as a client may say it is bearable to refuse with a reason. Whoever says more is expelled.
const FLOOD: u32 = 4;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    /// Told from every other session there ever was, also of the same address.
    pub(super) birth: u64,
    pub(super) place: Place,
    /// Where its connection comes or came from.
    pub(super) ip: IpAddr,
    /// Whoever asks does not hear of it.
    pub(super) hidden: bool,
    token: Token,
    /// The client may not have seen the present one yet.
    previous: Option<Token>,
    /// What it has not acknowledged.
    pub(super) outbox: Outbox<Waiting>,
    /// What it said.
    pub(super) inbox: Inbox,
    /// When it is to be woken to acknowledge what was said, if it is.
    pub(super) acknowledge_at: Option<Instant>,
    /// When something of the outbox was last acknowledged, or it was empty.
    pub(super) moved: Instant,
    pub(super) spent: Spent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Here(SocketId),
    Away { until: Instant },
}

/// A message that is not acknowledged.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) text: Bytes,
    pub(super) receipt: Option<Receipt>,
}

/// Whose envelope it is, should it not reach its addressee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) sender: sightline_protocol::Address,
    pub(super) birth: u64,
    pub(super) id: u64,
    pub(super) call: CallId,
}

impl Weight for Waiting {
    fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// What of its allowances a client has used. Connecting anew does not renew them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) anything: Allowance,
    pub(super) messages: Allowance,
    pub(super) calls: Allowance,
    pub(super) questions: Allowance,
}

/// How often a client may do what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) anything: Rate,
    pub(super) messages: Rate,
    pub(super) calls: Rate,
    pub(super) questions: Rate,
    /// Answers that may wait for one client. They are its own doing, so there is room for all that it may ask for.
    pub(super) answers: usize,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let many = |number: u32| number.saturating_mul(FLOOD);
        Self {
            anything: Rate::per_second(many(limits.messages_per_second), many(limits.message_burst)),
            messages: Rate::per_second(limits.messages_per_second, limits.message_burst),
            calls: Rate::per_minute(limits.calls_per_minute, limits.calls_per_minute),
            questions: Rate::per_minute(limits.questions_per_minute, limits.questions_per_minute),
            answers: limits.waiting_messages + many(limits.message_burst) as usize,
        }
    }
}

impl Spent {
    pub(super) const fn nothing(now: Instant) -> Self {
        let full = Allowance::full(now);
        Self { anything: full, messages: full, calls: full, questions: full }
    }
}

/// What a client has to know to come back.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) id: SessionId,
    pub(super) birth: u64,
    pub(super) token: Token,
    pub(super) socket: SocketId,
    pub(super) ip: IpAddr,
}

impl Session {
    pub(super) fn new(opening: Opening, spent: Spent, now: Instant) -> Self {
        let Opening { id, birth, token, socket, ip } = opening;
        Self {
            id,
            birth,
            place: Place::Here(socket),
            ip,
            hidden: false,
            token,
            previous: None,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            acknowledge_at: None,
            moved: now,
            spent,
        }
    }

    pub(super) const fn socket(&self) -> Option<SocketId> {
        match self.place {
            Place::Here(socket) => Some(socket),
            Place::Away { .. } => None,
        }
    }

    /// Whether this is the session that a client wants to come back to, and nothing is missing. If so, it is there.
    pub(super) fn resume(
        &mut self,
        resume: &Resume,
        token: Token,
        socket: SocketId,
        ip: IpAddr,
        now: Instant,
    ) -> bool {
        let is_known =
            resume.token == self.token || self.previous.is_some_and(|previous| resume.token == previous);
        if !is_known
            || resume.session != self.id.to_string()
            || self.outbox.acknowledge(resume.received).is_err()
        {
            return false;
        }
        // What it showed is what it has, whether or not it has seen a newer one.
        self.previous = Some(resume.token);
        self.token = token;
        self.place = Place::Here(socket);
        self.ip = ip;
        self.moved = now;
        true
    }

    /// The client has said something on its present connection, so it has seen the present token.
    pub(super) const fn is_heard(&mut self) {
        self.previous = None;
    }

    /// Whether an envelope of somebody else still fits.
    pub(super) fn has_room(&self, bytes: usize, limits: &Limits) -> bool {
        self.outbox.len() < limits.waiting_messages && self.outbox.bytes() + bytes <= limits.waiting_bytes
    }

    /// Keeps a message until it is acknowledged.
    pub(super) fn keep(&mut self, text: Bytes, receipt: Option<Receipt>, now: Instant) {
        if self.outbox.is_empty() {
            self.moved = now;
        }
        self.outbox.push(Waiting { text, receipt });
    }
}
