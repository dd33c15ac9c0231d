//! Who lets a call have the servers' help: asks the switchboard for the relay as soon as it may, again before what it was
//! given ends, and again when the server forgot.
//!
//! ```text
//!  Quiet ──envelopes went both ways──▶ Asked ──granted──▶ Settled ──four fifths of its time──▶ Asked
//!    ▲                                  │ ▲                  │
//!    │                            refused │pause             │ a new session: the server may have forgotten
//!    └──── nothing was said yet ──── Pausing                 └──────────────────────────────────▶ Asked
//! ```
//!
//! The server hands out credentials to the two parties of a call in which envelopes went *both* ways. To ask before that
//! costs a refusal and a pause, so it is not done, save once in a new session: where only we were away, the server still
//! knows the call. What was granted before stays good until its time is over, whatever the server says now: a relay that is
//! started anew takes it.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

use sightline_protocol::{
    call::CallId,
    keys::Address,
    link::{Pin, Scheme, ServerAddress},
    session::RelayCredentials,
    switchboard::ErrorCode,
};

use super::{
    path::PathPolicy,
    servers::{RelayAccess, ServerUrl, Servers, Transport},
};

/// Calls that servers are sought for at once: the one that matters, and callers that are being checked. One more has to do
/// without, until another ends.
const MAX_CALLS: usize = 16;
/// How long the server may take to answer before it is asked again. Generous: it is asked early.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The pause after the first refusal; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Refusals in a row after which nothing is asked until something new happens. The pauses come to six seconds.
const MAX_REFUSALS: u32 = 6;
/// The part of their time after which credentials are renewed.
const RENEW_AFTER: f64 = 0.8;
/// The shortest time between two renewals, however short what a server grants.
const RENEW_PAUSE: Duration = Duration::from_secs(5);

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The switchboard knows us.
    Up {
        /// Where to ask for one's own address.
        stun: Vec<String>,
        /// Whether it is the session from before.
        resumed: bool,
    },
    /// It is gone.
    Down,
    /// We posted an envelope.
    Posted {
        /// In which call.
        call: CallId,
        /// To whom.
        with: Address,
    },
    /// An envelope of theirs came, and opened.
    Received {
        /// In which call.
        call: CallId,
        /// From whom.
        with: Address,
    },
    /// The switchboard grants the relay.
    Granted {
        /// For which call.
        call: CallId,
        /// What opens it.
        credentials: RelayCredentials,
    },
    /// The switchboard refuses.
    Refused {
        /// For which call.
        call: CallId,
        /// For programs.
        code: ErrorCode,
    },
    /// A call is over.
    Over {
        /// Which.
        call: CallId,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the switchboard for the relay.
    Ask {
        /// For which call.
        call: CallId,
        /// Its other party.
        with: Address,
    },
    /// More is known of the servers of a call than before, or it is known now that there is nothing to wait for.
    Changed {
        /// Which call.
        call: CallId,
    },
}

/// The machine: all calls of an installation.
#[derive(Debug)]
pub struct Access {
    server: ServerAddress,
    policy: PathPolicy,
    stun: Vec<ServerUrl>,
    up: bool,
    calls: BTreeMap<CallId, Seeker>,
    effects: VecDeque<Effect>,
}

/// One call that seeks a relay.
#[derive(Debug)]
struct Seeker {
    with: Address,
    /// In this session of ours.
    posted: bool,
    received: bool,
    refusals: u32,
    stage: Stage,
    granted: Option<Grant>,
    /// Which paths it may take, where that is not what others may.
    policy: Option<PathPolicy>,
    /// It is known what the call can have, or that it can have nothing.
    decided: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is asked until an envelope has gone each way.
    Quiet,
    /// The server has no relay. Another session may find it with one.
    None,
    Asked {
        answer_by: Instant,
    },
    Pausing {
        until: Instant,
    },
    Settled {
        renew_at: Instant,
    },
}

#[derive(Debug)]
struct Grant {
    access: RelayAccess,
    until: Instant,
}

impl Access {
    /// Nothing is known yet of this server, and calls may take such paths.
    pub const fn new(server: ServerAddress, policy: PathPolicy) -> Self {
        Self { server, policy, stun: Vec::new(), up: false, calls: BTreeMap::new(), effects: VecDeque::new() }
    }

    /// From now on calls may take such paths. What was found out before stays.
    pub const fn set_policy(&mut self, policy: PathPolicy) {
        self.policy = policy;
    }

    /// From now on this one call may take such paths, whatever others may.
    pub fn set_call_policy(&mut self, call: CallId, policy: PathPolicy, now: Instant) {
        let Some(seeker) = self.calls.get_mut(&call) else { return };
        seeker.policy = Some(policy);
        let may_ask = self.up && seeker.stage == Stage::Quiet && seeker.posted && seeker.received;
        if policy != PathPolicy::Direct && may_ask {
            self.effects.push_back(seeker.ask(call, now));
        }
    }

    fn policy_of(&self, call: CallId) -> PathPolicy {
        self.calls.get(&call).and_then(|seeker| seeker.policy).unwrap_or(self.policy)
    }

    /// Takes what happened.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Up { stun, resumed } => self.take_up(&stun, resumed, now),
            Event::Down => self.up = false,
            Event::Posted { call, with } => {
                self.take_envelope(call, with, |seeker| seeker.posted = true, now);
            }
            Event::Received { call, with } => {
                self.take_envelope(call, with, |seeker| seeker.received = true, now);
            }
            Event::Granted { call, credentials } => self.take_grant(call, credentials, now),
            Event::Refused { call, code } => self.take_refusal(call, &code, now),
            Event::Over { call } => {
                self.calls.remove(&call);
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.up {
            return;
        }
        let due = |seeker: &Seeker| seeker.stage.due().is_some_and(|due| due <= now);
        for (call, seeker) in self.calls.iter_mut().filter(|(_, seeker)| due(seeker)) {
            self.effects.push_back(seeker.ask(*call, now));
        }
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        if !self.up {
            return None;
        }
        let dues = self.calls.values().filter_map(|seeker| Some((seeker.stage.due()?, seeker.stage.why())));
        dues.min_by_key(|(due, _)| *due)
    }

    /// What to do; drain until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What is known by now of the servers that a call may use.
    pub fn servers(&self, call: CallId, now: Instant) -> Servers {
        let grant = self.calls.get(&call).and_then(|seeker| seeker.granted.as_ref());
        let relay = grant.filter(|grant| now < grant.until).map(|grant| grant.access.clone());
        Servers { stun: self.stun.clone(), relay }.allowed_by(self.policy_of(call))
    }

    /// When the right to use the relay ends unless it is renewed.
    pub fn relay_until(&self, call: CallId) -> Option<Instant> {
        Some(self.calls.get(&call)?.granted.as_ref()?.until)
    }

    /// Whether waiting would bring nothing more: the relay is known, or it is known that there is none.
    pub fn is_decided(&self, call: CallId) -> bool {
        self.policy_of(call) == PathPolicy::Direct
            || self.calls.get(&call).is_some_and(|seeker| seeker.decided)
    }

    /// Why a call that may only be relayed cannot be, in words, once that is known. A person can do something about it.
    pub fn why_no_relay(&self, call: CallId, now: Instant) -> Option<String> {
        let over = match self.policy_of(call) {
            PathPolicy::Any | PathPolicy::Direct => return None,
            PathPolicy::Relay => String::new(),
            PathPolicy::RelayUdp => format!(" over {}", Transport::Udp.name()),
            PathPolicy::RelayTcp => format!(" over {}", Transport::Tcp.name()),
            PathPolicy::RelayTls => format!(" over {}", Transport::Tls.name()),
        };
        if !self.is_decided(call) || self.servers(call, now).relay.is_some() {
            return None;
        }
        let seeker = self.calls.get(&call)?;
        let server = &self.server;
        Some(match (&seeker.granted, seeker.stage) {
            (Some(grant), _) => {
                let mut others: Vec<_> =
                    grant.access.doors.iter().map(|door| door.transport.name()).collect();
                others.sort_unstable();
                others.dedup();
                let others = others.join(" and ");
                format!(
                    "The server {server} relays{over} no calls, but over {others}; use --path relay or --path any."
                )
            }
            (None, Stage::None) => {
                format!("The server {server} relays no calls; use --path any, or a server that does.")
            }
            (None, _) => {
                format!("The server {server} grants this call no relay; try again, or use --path any.")
            }
        })
    }

    fn take_up(&mut self, stun: &[String], resumed: bool, now: Instant) {
        self.up = true;
        self.stun = Servers::urls(stun);
        let policy = self.policy;
        for (call, seeker) in &mut self.calls {
            if seeker.policy.unwrap_or(policy) == PathPolicy::Direct {
                continue;
            }
            if !resumed {
                (seeker.posted, seeker.received) = (false, false);
                seeker.refusals = 0;
                self.effects.push_back(seeker.ask(*call, now));
            } else if let Stage::Asked { .. } = seeker.stage {
                // The question is said again by itself; its answer has its time from now on.
                seeker.stage = Stage::Asked { answer_by: now + ANSWER_WITHIN };
            }
        }
    }

    fn take_envelope(&mut self, call: CallId, with: Address, note: impl Fn(&mut Seeker), now: Instant) {
        if !self.calls.contains_key(&call) {
            if self.calls.len() >= MAX_CALLS {
                return;
            }
            self.calls.insert(call, Seeker::new(with));
        }
        let policy = self.policy_of(call);
        let Some(seeker) = self.calls.get_mut(&call).filter(|seeker| seeker.with == with) else { return };
        note(seeker);
        if policy != PathPolicy::Direct
            && self.up
            && seeker.stage == Stage::Quiet
            && seeker.posted
            && seeker.received
        {
            self.effects.push_back(seeker.ask(call, now));
        }
    }

    fn take_grant(&mut self, call: CallId, credentials: RelayCredentials, now: Instant) {
        let RelayCredentials { urls, username, password, ttl } = credentials;
        let Some(seeker) = self.calls.get_mut(&call) else { return };
        let (doors, pin) = known_doors(&self.server, Servers::urls(&urls));
        seeker.granted = Some(Grant {
            access: RelayAccess { doors, username, password: password.0, pin },
            until: now + ttl,
        });
        seeker.refusals = 0;
        seeker.stage = Stage::Settled { renew_at: now + ttl.mul_f64(RENEW_AFTER).max(RENEW_PAUSE) };
        seeker.decided = false;
        self.decide(call);
    }

    fn take_refusal(&mut self, call: CallId, code: &ErrorCode, now: Instant) {
        let Some(seeker) = self.calls.get_mut(&call) else { return };
        if !matches!(seeker.stage, Stage::Asked { .. }) {
            return;
        }
        if *code == ErrorCode::RelayNone {
            seeker.granted = None;
            seeker.stage = Stage::None;
            self.decide(call);
        } else if *code == ErrorCode::CallUnknown && !(seeker.posted && seeker.received) {
            seeker.stage = Stage::Quiet;
        } else if seeker.refusals < MAX_REFUSALS {
            seeker.stage = Stage::Pausing { until: now + FIRST_PAUSE * (1 << seeker.refusals) };
            seeker.refusals += 1;
        } else {
            (seeker.posted, seeker.received, seeker.refusals) = (false, false, 0);
            seeker.stage = Stage::Quiet;
            self.decide(call);
        }
    }

    fn decide(&mut self, call: CallId) {
        if let Some(seeker) = self.calls.get_mut(&call)
            && !std::mem::replace(&mut seeker.decided, true)
        {
            self.effects.push_back(Effect::Changed { call });
        }
    }
}

impl Seeker {
    const fn new(with: Address) -> Self {
        Self {
            with,
            posted: false,
            received: false,
            refusals: 0,
            stage: Stage::Quiet,
            granted: None,
            policy: None,
            decided: false,
        }
    }

    fn ask(&mut self, call: CallId, now: Instant) -> Effect {
        self.stage = Stage::Asked { answer_by: now + ANSWER_WITHIN };
        Effect::Ask { call, with: self.with }
    }
}

impl Stage {
    const fn due(self) -> Option<Instant> {
        match self {
            Self::Quiet | Self::None => None,
            Self::Asked { answer_by: due }
            | Self::Pausing { until: due }
            | Self::Settled { renew_at: due } => Some(due),
        }
    }

    const fn why(self) -> &'static str {
        match self {
            Self::Quiet | Self::None => "nothing",
            Self::Asked { .. } => "the server did not answer about the relay",
            Self::Pausing { .. } => "the relay is asked for again",
            Self::Settled { .. } => "the relay's credentials are renewed",
        }
    }
}

/// The doors that can be told from false ones, and by what over TLS.
///
/// A server that its link's pin makes known has the same certificate at all its own doors: those of its host, and those named
/// by address, for which no authority would vouch. A door of another name is another server, which the pin is not of.
fn known_doors(server: &ServerAddress, mut doors: Vec<ServerUrl>) -> (Vec<ServerUrl>, Option<Pin>) {
    let is_own = |door: &ServerUrl| door.host == server.host || door.host.parse::<IpAddr>().is_ok();
    let over_tls = |door: &ServerUrl| door.transport == Transport::Tls;
    let pin = server.pin.filter(|_| server.scheme == Scheme::Https);
    let pin = pin.filter(|_| doors.iter().any(|door| over_tls(door) && is_own(door)));
    if pin.is_some() {
        doors.retain(|door| !over_tls(door) || is_own(door));
    }
    (doors, pin)
}

#[cfg(test)]
mod tests;
