//! Asks somebody what their network looks like, while ours is looked at; with both, a call can be predicted.
//!
//! Envelopes that went both ways make the two a call in the eyes of the server. So here, and only here, an address of the
//! relay can be asked for without ringing anybody.

use std::{
    collections::HashSet,
    future::{Future, pending},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use sightline_protocol::{
    call::CallId,
    keys::{Address, Identity},
    link::CallLink,
};
use tokio::{runtime::Handle as Runtime, sync::mpsc, task::JoinHandle, time::sleep_until};

use crate::{
    adapters::{probe, switchboard::Switchboard},
    engine::{
        clock::Clock,
        keyring::{Content, Keyring},
        ports::{Envelope, Mail, MailEvent},
    },
    logic::{
        doctor::{
            Observations, RelayTried,
            consult::{Consultations, Effect, Event},
        },
        servers::{RelayAccess, Servers},
    },
};

/// How long the whole takes at most: the doctor's time, and little more.
const WITHIN: Duration = Duration::from_millis(9600);
/// News from the switchboard. When it is full the line is not read for a while.
const MAIL: usize = 64;
/// Between asking for the relay and asking again: the other side's envelope may reach the server a little later.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(400);

/// What became of asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// They told what they see.
    Answered,
    /// They are not connected to their server.
    Offline,
    /// They are there, or were, and said nothing.
    Silent,
    /// Their server could not be asked.
    NoServer {
        /// Why, in words.
        why: String,
    },
}

impl Outcome {
    /// What it means.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Answered => "They told what their network looks like.".to_owned(),
            Self::Offline => {
                "They are not connected to their server. Ask them to start Sightline, and try again."
                    .to_owned()
            }
            Self::Silent => {
                "They did not answer. Either you are not among those who may ask (may_examine in their \
                             settings.toml), or their program is too old to know the question."
                    .to_owned()
            }
            Self::NoServer { why } => format!("They could not be asked: {why}."),
        }
    }
}

/// What both sides see.
pub(super) struct Consulted {
    pub(super) mine: Observations,
    pub(super) theirs: Option<Observations>,
    pub(super) outcome: Outcome,
}

/// Asks them, while `examine` looks at this side.
pub(super) async fn consult(
    identity: Identity,
    link: &CallLink,
    clock: Clock,
    examine: impl Future<Output = Observations>,
) -> anyhow::Result<Consulted> {
    let identity = Arc::new(identity);
    let (events, mut mail_events) = mpsc::channel(MAIL);
    // Nobody is to think that somebody could be called here meanwhile.
    let (runtime, hidden) = (Runtime::current(), true);
    let mail = Switchboard::connect(&runtime, link.server.clone(), identity.clone(), hidden, events);
    let mut asking = Asking {
        call: CallId::random()?,
        with: link.address,
        link,
        keys: Keyring::new(identity),
        mail,
        doctor: Consultations::new(HashSet::new()),
        clock,
        asked: false,
        mine: None,
        theirs: None,
        outcome: Outcome::Silent,
        relay: Relay::NotAsked,
        is_over: false,
    };
    let deadline = clock.now() + WITHIN;
    let mut examine = pin!(examine);
    loop {
        asking.carry_out();
        if asking.is_done() {
            break;
        }
        let wake = asking.poll_timeout();
        tokio::select! {
            mine = &mut examine, if asking.mine.is_none() => asking.note_mine(mine),
            Some(event) = mail_events.recv() => asking.take_mail(event),
            tried = finished(&mut asking.relay) => asking.note_relay(tried),
            () = at(wake) => asking.handle_timeout(),
            () = sleep_until(deadline.into()) => break,
        }
    }
    let Asking { mine, theirs, outcome, .. } = asking;
    let mine = match mine {
        Some(mine) => mine,
        // It is bounded by itself, and nearly done.
        None => examine.await,
    };
    Ok(Consulted { mine, theirs, outcome })
}

struct Asking<'a> {
    call: CallId,
    with: Address,
    link: &'a CallLink,
    keys: Keyring,
    mail: Switchboard,
    doctor: Consultations,
    clock: Clock,
    asked: bool,
    mine: Option<Observations>,
    theirs: Option<Observations>,
    outcome: Outcome,
    relay: Relay,
    /// Nothing more will come of it.
    is_over: bool,
}

/// How far we are with an address of the relay.
enum Relay {
    NotAsked,
    Asked { again: Instant },
    Trying(JoinHandle<Vec<RelayTried>>),
    Done,
}

impl Asking<'_> {
    fn is_done(&self) -> bool {
        let has_relay = match self.relay {
            Relay::Done => true,
            Relay::NotAsked => self.is_over && self.theirs.is_none(),
            Relay::Asked { .. } | Relay::Trying(_) => false,
        };
        self.mine.is_some() && self.is_over && has_relay
    }

    fn note_mine(&mut self, mine: Observations) {
        self.mine = Some(mine);
        self.tell_mine();
    }

    /// They are told what the other side of a call has to know.
    fn tell_mine(&mut self) {
        if let Some(mine) = &self.mine {
            let text = serde_json::to_string(&mine.clone().for_others()).ok();
            self.doctor.handle(Event::Seen(text), self.clock.now());
        }
    }

    fn take_mail(&mut self, event: MailEvent) {
        let now = self.clock.now();
        match event {
            MailEvent::Up { .. } if !self.asked => {
                self.asked = true;
                self.doctor.handle(Event::Ask { call: self.call, to: self.with }, now);
            }
            MailEvent::Up { .. } | MailEvent::Present { .. } => {}
            MailEvent::Down { why } if !self.asked => {
                self.outcome = Outcome::NoServer { why };
                self.is_over = true;
            }
            MailEvent::Down { .. } => {}
            MailEvent::Refused { why } => {
                self.outcome = Outcome::NoServer { why };
                self.is_over = true;
            }
            MailEvent::Offline { call, .. } if call == self.call && self.theirs.is_none() => {
                self.outcome = Outcome::Offline;
                self.is_over = true;
            }
            MailEvent::Offline { .. } => {}
            MailEvent::Delivered(Envelope { with, call, sealed }) => {
                if with == self.with && call == self.call {
                    self.open(&sealed, now);
                }
            }
            MailEvent::Relay { credentials, .. } => {
                let access = RelayAccess {
                    doors: Servers::urls(&credentials.urls),
                    username: credentials.username,
                    password: credentials.password.0,
                    pin: self.link.server.pin,
                };
                let tried = async move { probe::allocate(&access).await };
                self.relay = Relay::Trying(tokio::spawn(tried));
            }
            MailEvent::NoRelay { code, .. } => {
                // The server has not seen an envelope of theirs yet.
                let may_come = code == sightline_protocol::ErrorCode::CallUnknown;
                self.relay =
                    if may_come { Relay::Asked { again: now + ASK_AGAIN_AFTER } } else { Relay::Done };
            }
        }
    }

    fn open(&mut self, sealed: &[u8], now: Instant) {
        match self.keys.open(self.call, self.with, sealed) {
            Ok(Content::Frame(frame)) => {
                self.doctor.take_frame(self.call, self.with, &frame, now);
            }
            Ok(Content::PostAgain(sealed)) => {
                self.mail.post(Envelope { with: self.with, call: self.call, sealed });
            }
            Ok(Content::Nothing) => {}
            Err(error) => tracing::debug!(%error, "an envelope was not opened"),
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.doctor.poll_effect() {
            match effect {
                Effect::Post { call, to, frame } => {
                    if let Some(sealed) = self.keys.seal(call, to, &frame) {
                        self.mail.post(Envelope { with: to, call, sealed });
                    }
                }
                // It is looked at anyway; where that is done already it can be told at once.
                Effect::Examine => self.tell_mine(),
                Effect::Learnt { report, .. } => match serde_json::from_str(&report) {
                    Ok(theirs) => {
                        (self.theirs, self.outcome) = (Some(theirs), Outcome::Answered);
                        self.ask_relay();
                    }
                    Err(error) => {
                        tracing::debug!(%error, "what they told cannot be understood");
                        self.is_over = true;
                    }
                },
                Effect::Done { .. } | Effect::Forget { .. } => self.is_over = true,
            }
        }
    }

    fn ask_relay(&mut self) {
        self.relay = Relay::Asked { again: self.clock.now() + ASK_AGAIN_AFTER };
        self.mail.ask_relay(self.call, self.with);
    }

    fn note_relay(&mut self, tried: Vec<RelayTried>) {
        self.relay = Relay::Done;
        self.mail.over(self.call, self.with);
        if let Some(mine) = &mut self.mine {
            mine.relays = tried;
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let again = match self.relay {
            Relay::Asked { again } => Some(again),
            Relay::NotAsked | Relay::Trying(_) | Relay::Done => None,
        };
        [self.doctor.poll_timeout(), again].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self) {
        let now = self.clock.now();
        self.doctor.handle_timeout(now);
        if matches!(self.relay, Relay::Asked { again } if again <= now) {
            self.ask_relay();
        }
    }
}

/// What the relay said, when it has.
async fn finished(relay: &mut Relay) -> Vec<RelayTried> {
    match relay {
        Relay::Trying(tried) => tried.await.unwrap_or_default(),
        Relay::NotAsked | Relay::Asked { .. } | Relay::Done => pending().await,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}
