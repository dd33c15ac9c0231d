//! A client's side of the switchboard: proves who it is, numbers what it says, comes back to its session when the
//! connection broke, and gives each message on exactly once. No socket, clock or waiting.
//!
//! ```text
//!  Down ──Connected──▶ Greeting ──welcome──▶ Proving ──ready──▶ Up
//!   ▲                      │                    │               │
//!   └──────────────────────┴──── Broken ────────┴───────────────┘
//! ```
//!
//! A *session* outlives its connection for a while. What is posted meanwhile waits and is said when it is resumed. When
//! it is not (the server was restarted, or we were away for too long) everything unacknowledged is reported as `Lost`: it
//! may have arrived or not, and saying it again in another session could make it arrive twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::CallId;
use crate::keys::{Address, Identity};
use crate::limits::{MAX_UNACKNOWLEDGED_BYTES, MAX_UNACKNOWLEDGED_MESSAGES};
use crate::numbering::{Arrival, Inbox, Outbox, Weight};
use crate::switchboard::{
    Challenge, ErrorCode, Password, Resume, Sealed, ToClient, ToServer, Token, decode, encode,
    hello_signing_bytes,
};
use crate::{PROTOCOL_VERSION, is_compatible};

/// What a message takes beside its envelope, about.
const OVERHEAD_BYTES: usize = 200;

/// Something happened outside.
#[derive(Debug, Clone, Copy)]
pub enum Event<'t> {
    /// There is a connection; the server speaks first.
    Connected,
    /// A text message came on it.
    Heard(&'t str),
    /// It is gone.
    Broken,
    /// Nobody needs the session any more.
    Leave,
}

/// Something to be said to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Post {
    /// Hand this on.
    Envelope {
        /// To whom.
        to: Address,
        /// Part of which call.
        call: CallId,
        /// The envelope.
        sealed: Sealed,
    },
    /// Is this address connected? Answered with `Presence`.
    Ask {
        /// Who.
        to: Address,
    },
    /// Credentials of the relay, please. Answered with `Relay`.
    Relay {
        /// For which call.
        call: CallId,
        /// Its other party.
        with: Address,
    },
    /// This call is over.
    Over {
        /// Which.
        call: CallId,
        /// Its other party.
        with: Address,
    },
}

/// Why something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// There is no session.
    #[error("the server is not reached")]
    NoSession,
    /// Too much is unacknowledged.
    #[error("the server has not acknowledged what was said before; try again later")]
    Full,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send this text.
    Say(String),
    /// Close the connection after that, and come back or not, as it says.
    Close(Parting),
    /// The server knows us.
    Up {
        /// What the server's log calls the session.
        session: String,
        /// Whether it is the one from before, and so nothing was lost.
        resumed: bool,
        /// Where to ask for one's own address.
        stun: Vec<String>,
    },
    /// An envelope for us.
    Delivered {
        /// Who proved to have sent it.
        from: Address,
        /// Part of which call.
        call: CallId,
        /// The envelope.
        sealed: Sealed,
    },
    /// The addressee of an envelope is not connected, or did not come back.
    Offline {
        /// What `post` said.
        id: u64,
        /// The addressee.
        to: Address,
        /// Part of which call.
        call: CallId,
    },
    /// The server did not do what was asked for.
    Refused {
        /// What `post` said.
        id: u64,
        /// For programs.
        code: ErrorCode,
        /// For people.
        text: String,
    },
    /// The session is gone, and with it what became of this.
    Lost {
        /// What `post` said.
        id: u64,
    },
    /// Whether somebody is connected.
    Presence {
        /// What `post` said.
        id: u64,
        /// Who.
        to: Address,
        /// Connected, or expected back.
        connected: bool,
    },
    /// Credentials of the relay.
    Relay {
        /// What `post` said.
        id: u64,
        /// For which call.
        call: CallId,
        /// What they are.
        credentials: RelayCredentials,
    },
    /// The server complains about something else.
    Complaint {
        /// For programs.
        code: ErrorCode,
        /// For people.
        text: String,
    },
}

/// How a relay is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayCredentials {
    /// Where it is.
    pub urls: Vec<String>,
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Password,
    /// How long an allocation can be made with them.
    pub ttl: Duration,
}

/// Why a connection is to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parting {
    /// We asked for it.
    Left,
    /// A newer connection proved the same key. Do not come back: two programs would throw each other out for ever.
    Replaced,
    /// The server speaks another version. Coming back does not help.
    Incompatible {
        /// Its version.
        version: u16,
    },
    /// The server will not have us. Coming back does not help.
    Refused {
        /// For programs.
        code: ErrorCode,
        /// For people.
        text: String,
    },
    /// The server is being stopped. Come back after so long.
    Drain(Duration),
    /// The server ended it, for a reason that may pass.
    Ended {
        /// For programs.
        code: ErrorCode,
        /// For people.
        text: String,
    },
    /// What is there does not speak as it should.
    Nonsense(String),
}

/// What a session wants to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Something has to be acknowledged.
    Acknowledge,
    /// The server no longer waits for us.
    GivenUp,
}

/// The machine.
#[derive(Debug)]
pub struct Session {
    identity: Arc<Identity>,
    server_name: String,
    line: Line,
    hidden: bool,
    held: Option<Held>,
    outbox: Outbox<ToServer>,
    inbox: Inbox,
    effects: VecDeque<Effect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Down,
    Greeting,
    Proving,
    Up,
}

/// What we have at the server.
#[derive(Debug)]
struct Held {
    name: String,
    token: Option<Token>,
    resume_within: Duration,
    /// Until when the server waits for us, while we are away.
    until: Option<Instant>,
}

impl Weight for ToServer {
    fn bytes(&self) -> usize {
        match self {
            Self::Send { sealed, .. } => sealed.0.len() + OVERHEAD_BYTES,
            Self::Hello { .. }
            | Self::Ack { .. }
            | Self::Ask { .. }
            | Self::Relay { .. }
            | Self::Over { .. }
            | Self::Bye
            | Self::Unknown => OVERHEAD_BYTES,
        }
    }
}

impl Session {
    /// Nobody yet, at a server of this name ([`ServerAddress::name`](crate::ServerAddress::name)).
    pub fn new(identity: Arc<Identity>, server_name: String) -> Self {
        Self {
            identity,
            server_name,
            line: Line::Down,
            hidden: false,
            held: None,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            effects: VecDeque::new(),
        }
    }

    /// Says something, now or as soon as the connection is back, and gives it a number. The number is good until the
    /// next `Up` that is not resumed.
    pub fn post(&mut self, post: Post) -> Result<u64, NotTaken> {
        if self.held.is_none() {
            return Err(NotTaken::NoSession);
        }
        let id = self.outbox.next();
        let mut message = match post {
            Post::Envelope { to, call, sealed } => ToServer::Send { id, to, call, sealed, ack: None },
            Post::Ask { to } => ToServer::Ask { id, to },
            Post::Relay { call, with } => ToServer::Relay { id, call, with },
            Post::Over { call, with } => ToServer::Over { id, call, with },
        };
        if self.outbox.len() >= MAX_UNACKNOWLEDGED_MESSAGES
            || self.outbox.bytes() + message.bytes() > MAX_UNACKNOWLEDGED_BYTES
        {
            return Err(NotTaken::Full);
        }
        if self.line == Line::Up {
            if let ToServer::Send { ack, .. } = &mut message {
                *ack = self.inbox.tell();
            }
            self.say(&message);
            if let ToServer::Send { ack, .. } = &mut message {
                // Said again it would take back what was acknowledged since.
                *ack = None;
            }
        }
        self.outbox.push(message);
        Ok(id)
    }

    /// Whether whoever asks is to hear that we are not connected, from the next hello on. `true` where that has to be said
    /// on another connection, because this one has had its hello.
    pub fn hide(&mut self, hidden: bool) -> bool {
        let is_said = std::mem::replace(&mut self.hidden, hidden) == hidden;
        !is_said && matches!(self.line, Line::Proving | Line::Up)
    }

    /// Takes in what happened. An event at the wrong moment is a late one, and ignored.
    pub fn handle(&mut self, event: Event<'_>, now: Instant) {
        match event {
            Event::Connected => {
                self.fall(now);
                self.line = Line::Greeting;
            }
            Event::Heard(_) if self.line == Line::Down => {}
            Event::Heard(text) => match decode(text) {
                Ok(message) => self.heard(message, now),
                Err(error) => self.part(Parting::Nonsense(error.to_string())),
            },
            Event::Broken => self.fall(now),
            Event::Leave => {
                if self.line == Line::Up {
                    // Or the senders of what came last would hear that we are offline.
                    if let Some(n) = self.inbox.tell() {
                        self.say(&ToServer::Ack { n });
                    }
                    self.say(&ToServer::Bye);
                }
                self.part(Parting::Left);
            }
        }
    }

    /// Does what is due by now.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.given_up_at().is_some_and(|until| until <= now) {
            self.give_up();
        }
        self.acknowledge(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next, and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, Why)> {
        let given_up = self.given_up_at().map(|until| (until, Why::GivenUp));
        let owed = self.inbox.due().filter(|_| self.line == Line::Up).map(|due| (due, Why::Acknowledge));
        given_up.into_iter().chain(owed).min_by_key(|(due, _)| *due)
    }

    /// The next thing to be done, until there is none.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether the server knows us at this moment.
    pub fn is_up(&self) -> bool {
        self.line == Line::Up
    }

    /// How many messages the server has not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.outbox.len()
    }

    fn heard(&mut self, message: ToClient, now: Instant) {
        match (self.line, message) {
            (Line::Greeting, ToClient::Welcome { version, challenge, limits: _ }) => {
                self.greet(version, &challenge, now);
            }
            (Line::Proving, ready @ ToClient::Ready { .. }) => self.take_ready(ready, now),
            (_, ToClient::Replaced) => self.part(Parting::Replaced),
            (_, ToClient::Drain { come_back_in_ms }) => {
                self.part(Parting::Drain(Duration::from_millis(come_back_in_ms)));
            }
            (_, ToClient::Error { code, text, fatal: true, .. }) => {
                let for_good = matches!(code, ErrorCode::AuthFailed | ErrorCode::ProtoVersion);
                self.part(match for_good {
                    true => Parting::Refused { code, text },
                    false => Parting::Ended { code, text },
                });
            }
            (Line::Up, ToClient::Ack { id }) => {
                if let Err(error) = self.outbox.acknowledge(id) {
                    self.part(Parting::Nonsense(error.to_string()));
                }
            }
            (Line::Up, message) => self.take(message, now),
            // Nothing of a session comes before its `ready`.
            (Line::Down | Line::Greeting | Line::Proving, _) => {}
        }
    }

    fn greet(&mut self, version: u16, challenge: &Challenge, now: Instant) {
        if !is_compatible(version) {
            return self.part(Parting::Incompatible { version });
        }
        if self
            .held
            .as_ref()
            .is_some_and(|held| held.token.is_none() || held.until.is_some_and(|until| until <= now))
        {
            self.give_up();
        }
        let received = self.inbox.taken();
        let resume = self
            .held
            .as_ref()
            .and_then(|held| Some(Resume { session: held.name.clone(), token: held.token?, received }));
        let address = self.identity.address();
        let hidden = self.hidden;
        let signature = self.identity.sign(&hello_signing_bytes(&self.server_name, challenge, &address));
        self.say(&ToServer::Hello { version: PROTOCOL_VERSION, address, signature, resume, hidden });
        self.line = Line::Proving;
    }

    fn take_ready(&mut self, ready: ToClient, now: Instant) {
        let ToClient::Ready { session, token, resumed, received, resume_within, stun } = ready else {
            return;
        };
        let resumed = resumed && self.held.is_some();
        if resumed {
            if let Err(error) = self.outbox.acknowledge(received) {
                return self.part(Parting::Nonsense(error.to_string()));
            }
        } else {
            self.give_up();
        }
        let resume_within = Duration::from_secs(resume_within.into());
        self.held = Some(Held { name: session.clone(), token, resume_within, until: None });
        self.line = Line::Up;
        self.effects.push_back(Effect::Up { session, resumed, stun });
        // The hello has said how far we have come.
        self.inbox.tell();
        let missed: Vec<String> = self.outbox.iter().map(|(_, message)| encode(message)).collect();
        self.effects.extend(missed.into_iter().map(Effect::Say));
        self.acknowledge(now);
    }

    fn take(&mut self, message: ToClient, now: Instant) {
        let (number, effect) = match message {
            ToClient::Deliver { n, from, call, sealed } => (n, Effect::Delivered { from, call, sealed }),
            ToClient::Offline { n, id, to, call } => (n, Effect::Offline { id, to, call }),
            ToClient::Presence { n, id, to, connected } => (n, Effect::Presence { id, to, connected }),
            ToClient::Relay { n, id, call, urls, username, password, ttl } => {
                let ttl = Duration::from_secs(ttl.into());
                let credentials = RelayCredentials { urls, username, password, ttl };
                (n, Effect::Relay { id, call, credentials })
            }
            ToClient::Error { n: Some(n), id: Some(id), code, text, fatal: _ } => {
                (n, Effect::Refused { id, code, text })
            }
            ToClient::Error { code, text, .. } => {
                return self.effects.push_back(Effect::Complaint { code, text });
            }
            ToClient::Welcome { .. }
            | ToClient::Ready { .. }
            | ToClient::Ack { .. }
            | ToClient::Replaced
            | ToClient::Drain { .. }
            | ToClient::Unknown => return,
        };
        match self.inbox.take(number, now) {
            Arrival::New => self.effects.push_back(effect),
            Arrival::Repeat => {}
            Arrival::Gap => {
                let text = format!("message {} of the server is missing", self.inbox.taken() + 1);
                return self.part(Parting::Nonsense(text));
            }
        }
        self.acknowledge(now);
    }

    fn acknowledge(&mut self, now: Instant) {
        if self.line == Line::Up
            && let Some(n) = self.inbox.acknowledgement(now)
        {
            self.say(&ToServer::Ack { n });
        }
    }

    fn say(&mut self, message: &ToServer) {
        self.effects.push_back(Effect::Say(encode(message)));
    }

    /// The connection is gone, the session not yet.
    fn fall(&mut self, now: Instant) {
        if self.line == Line::Up
            && let Some(held) = &mut self.held
        {
            held.until = Some(now + held.resume_within);
        }
        self.line = Line::Down;
    }

    /// When the server stops waiting for us. Not while we wait for its answer to that very question: it may have taken us
    /// back in the last moment.
    fn given_up_at(&self) -> Option<Instant> {
        match self.line {
            Line::Down | Line::Greeting => self.held.as_ref()?.until,
            Line::Proving | Line::Up => None,
        }
    }

    /// The connection is to end, and the session with it.
    fn part(&mut self, why: Parting) {
        self.give_up();
        if self.line != Line::Down {
            self.line = Line::Down;
            self.effects.push_back(Effect::Close(why));
        }
    }

    fn give_up(&mut self) {
        self.held = None;
        self.inbox = Inbox::default();
        let lost = self.outbox.next() - self.outbox.len() as u64..self.outbox.next();
        self.outbox.take();
        self.effects.extend(lost.map(|id| Effect::Lost { id }));
    }
}
