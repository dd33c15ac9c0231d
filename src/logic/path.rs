//! The path a call takes: what was found, what is in use, why nothing better, and sentences that say it.
//!
//! [`Path`] writes down what happens as it happens, leg by leg: a call has several peer connections, one after the other.
//! [`Path::report`] folds that into one value, a [`PathReport`], whenever somebody wants to see it. The judgement is in the
//! folding, not in the noting: what a silent server means shows only beside the others.
//!
//! `facts` is the view of one leg, `nat`, `causes`, `edges` and `sentence` judge it, `fold` puts the value together.

mod causes;
mod edges;
mod facts;
mod fold;
mod leg;
mod nat;
mod report;
mod sentence;
#[cfg(test)]
mod tests;
mod timeline;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    candidate::Kind,
    course::{EndReason, Link},
    interfaces::InterfaceSeen,
    legs::LegWhy,
    servers::{Servers, Transport},
    sightings::Sightings,
};

pub use report::{
    CandidateRow, ChannelRow, Edge, EdgeStatus, InUse, InterfaceRow, LegRow, Mapping, NatView, Node, PairRow,
    PairState, PathReport, Place, Presence, RelayRow, RelayUse, SCHEMA_VERSION, ServerRow,
};
pub use timeline::{Change, Entry};

use leg::LegNotes;
use timeline::Timeline;

/// How many legs are remembered. When there are more, the oldest that is not in use is forgotten.
pub const MAX_LEGS: usize = 16;
/// How many addresses of this computer are written down. What comes behind is not.
const MAX_INTERFACES: usize = 64;

/// Which paths a call may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathPolicy {
    /// Whatever works best.
    #[default]
    Any,
    /// Never over a relay.
    Direct,
    /// Only over a relay.
    Relay,
    /// Only over a relay that is reached by UDP.
    RelayUdp,
    /// Only over a relay that is reached by TCP.
    RelayTcp,
    /// Only over a relay that is reached by TLS.
    RelayTls,
}

impl PathPolicy {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::RelayUdp => "relay-udp",
            Self::RelayTcp => "relay-tcp",
            Self::RelayTls => "relay-tls",
        }
    }

    /// Nothing but a relay will do.
    pub const fn needs_relay(self) -> bool {
        match self {
            Self::Any | Self::Direct => false,
            Self::Relay | Self::RelayUdp | Self::RelayTcp | Self::RelayTls => true,
        }
    }
}

impl FromStr for PathPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Any, Self::Direct, Self::Relay, Self::RelayUdp, Self::RelayTcp, Self::RelayTls]
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| "a path is any, direct, relay, relay-udp, relay-tcp or relay-tls".to_owned())
    }
}

/// One end of the pair in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How its address was come by.
    pub kind: Kind,
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// `udp` or `tcp`.
    pub protocol: String,
    /// Where it is relayed: the relay's address as it was configured.
    pub server: Option<String>,
}

/// The pair in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairInUse {
    /// Our end.
    pub local: End,
    /// Their end.
    pub remote: End,
    /// There and back, as the last connectivity check saw it.
    pub round_trip_ms: Option<f64>,
    /// Over this pair.
    pub bytes_sent: u64,
    /// Over this pair.
    pub bytes_received: u64,
}

impl PairInUse {
    fn route(&self) -> Route {
        match (self.local.kind == Kind::Relay, self.remote.kind == Kind::Relay) {
            (false, false) => Route::Direct,
            (true, false) => Route::RelayedByUs,
            (false, true) => Route::RelayedByThem,
            (true, true) => Route::RelayedByBoth,
        }
    }
}

/// Direct or relayed, and by which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// No pair is in use.
    None,
    /// From computer to computer.
    Direct,
    /// Over a relay of ours.
    RelayedByUs,
    /// Over a relay of theirs.
    RelayedByThem,
    /// Over a relay of each.
    RelayedByBoth,
}

impl Route {
    /// A relay stands on the way.
    pub const fn is_relayed(self) -> bool {
        match self {
            Self::None | Self::Direct => false,
            Self::RelayedByUs | Self::RelayedByThem | Self::RelayedByBoth => true,
        }
    }
}

/// What is written down of a path while a call runs. Times are milliseconds since the call began.
#[derive(Clone, Debug, Default)]
pub struct Path {
    policy: PathPolicy,
    interfaces: Vec<InterfaceSeen>,
    legs: Vec<LegNotes>,
    in_use: Option<u32>,
    switchboard_up: Option<bool>,
    relay_until_ms: Option<u64>,
    ended: Option<EndReason>,
    timeline: Timeline,
}

impl Path {
    /// Nothing is known yet.
    pub fn new(policy: PathPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// The addresses of this computer, judged.
    pub fn note_interfaces(&mut self, t_ms: u64, mut seen: Vec<InterfaceSeen>) {
        seen.truncate(MAX_INTERFACES);
        if seen == self.interfaces {
            return;
        }
        let used: Vec<_> = seen.iter().filter(|one| one.used).collect();
        let named: Vec<_> = used.iter().map(|one| format!("{} ({})", one.address, one.kind.name())).collect();
        let sentence = match named.as_slice() {
            [] => "This computer is in no network".to_owned(),
            named => format!("This computer has {}", named.join(", ")),
        };
        self.timeline.note(t_ms, None, Change::Interfaces { used: used.len() }, sentence);
        self.interfaces = seen;
    }

    /// A leg begins.
    pub fn note_leg_opened(&mut self, t_ms: u64, leg: u32, why: LegWhy, only_direct: bool) {
        if self.legs.iter().any(|known| known.generation == leg) {
            return;
        }
        if self.legs.len() >= MAX_LEGS {
            let oldest = self.legs.iter().position(|known| Some(known.generation) != self.in_use);
            self.legs.remove(oldest.unwrap_or(0));
        }
        self.legs.push(LegNotes::new(leg, why, only_direct, t_ms));
        let sentence = timeline::opened(why).to_owned();
        self.timeline.note(t_ms, Some(leg), Change::LegOpened { why }, sentence);
    }

    /// What a leg was told of servers, once it is known.
    pub fn note_servers(&mut self, leg: u32, servers: &Servers) {
        if let Some(leg) = self.leg_mut(leg) {
            leg.take_servers(servers);
        }
    }

    /// Media goes over that leg from now on.
    pub fn note_leg_in_use(&mut self, t_ms: u64, leg: u32) {
        if self.in_use == Some(leg) {
            return;
        }
        let is_first = self.in_use.is_none();
        let Some(notes) = self.leg_mut(leg) else { return };
        notes.in_use_ms = Some(t_ms);
        self.in_use = Some(leg);
        let sentence = if is_first { "Media may flow" } else { "Media moved to the new path" };
        self.timeline.note(t_ms, Some(leg), Change::LegInUse, sentence.to_owned());
    }

    /// A leg was let go of.
    pub fn note_leg_closed(&mut self, t_ms: u64, leg: u32) {
        let in_use = self.in_use;
        let Some(notes) = self.leg_mut(leg).filter(|notes| notes.closed_ms.is_none()) else { return };
        notes.closed_ms = Some(t_ms);
        let sentence = if in_use.is_some_and(|in_use| in_use != leg) && notes.up_ms.is_some() {
            "The old path was let go"
        } else {
            "The attempt ended"
        };
        let sentence = if in_use == Some(leg) { "The path was let go" } else { sentence };
        self.timeline.note(t_ms, Some(leg), Change::LegClosed, sentence.to_owned());
    }

    /// A leg stands differently.
    pub fn note_link(&mut self, t_ms: u64, leg: u32, link: Link) {
        let Some(notes) = self.leg_mut(leg).filter(|notes| notes.link != link) else { return };
        notes.link = link;
        if link == Link::Up {
            notes.up_ms.get_or_insert(t_ms);
        }
        self.timeline.note(t_ms, Some(leg), Change::Link { link }, timeline::link(link).to_owned());
    }

    /// A candidate of ours.
    pub fn note_local(&mut self, t_ms: u64, leg: u32, line: &str) {
        if let Some(leg) = self.leg_mut(leg) {
            leg.local.take(t_ms, line);
        }
    }

    /// A candidate of theirs.
    pub fn note_remote(&mut self, t_ms: u64, leg: u32, line: &str) {
        if let Some(leg) = self.leg_mut(leg) {
            leg.remote.take(t_ms, line);
        }
    }

    /// We have looked everywhere.
    pub fn note_local_done(&mut self, t_ms: u64, leg: u32) {
        let Some(notes) = self.leg_mut(leg).filter(|notes| !notes.local.is_done) else { return };
        notes.local.is_done = true;
        let sentence = format!("All our addresses are known: {}", notes.local.counts());
        self.timeline.note(t_ms, Some(leg), Change::CandidatesDone { ours: true }, sentence);
    }

    /// They have looked everywhere.
    pub fn note_remote_done(&mut self, t_ms: u64, leg: u32) {
        let Some(notes) = self.leg_mut(leg).filter(|notes| !notes.remote.is_done) else { return };
        notes.remote.is_done = true;
        let sentence = format!("All their addresses are known: {}", notes.remote.counts());
        self.timeline.note(t_ms, Some(leg), Change::CandidatesDone { ours: false }, sentence);
    }

    /// What the sockets of a leg have seen so far. Says whether the path is explained in another way than before.
    pub fn note_sightings(&mut self, t_ms: u64, leg: u32, seen: Sightings) -> bool {
        let before = sentence::gist(self);
        let Some(notes) = self.legs.iter_mut().find(|notes| notes.generation == leg) else { return false };
        for (since, change, sentence) in notes.take_sightings(t_ms, seen) {
            self.timeline.note(since, Some(leg), change, sentence);
        }
        sentence::gist(self) != before
    }

    /// What carries the call. Says whether it is another pair than before.
    ///
    /// A check of theirs that overtakes its candidate makes an address known as *peer reflexive* that they then name as
    /// what it is; what they say of it counts.
    pub fn take_in_use(&mut self, t_ms: u64, leg: u32, pair: PairInUse) -> bool {
        let ends = |pair: &PairInUse| (pair.local.clone(), pair.remote.clone());
        let before = self.pair_in_use().map(ends);
        self.in_use.get_or_insert(leg);
        let Some(notes) = self.leg_mut(leg) else { return false };
        notes.take_pair(pair);
        if self.in_use != Some(leg) || self.pair_in_use().map(ends) == before {
            return false;
        }
        let sentence = sentence::of_route(self);
        self.timeline.note(t_ms, Some(leg), Change::Path { route: self.route() }, sentence);
        true
    }

    /// The switchboard can be reached, or not any more.
    pub fn note_switchboard(&mut self, t_ms: u64, up: bool) {
        if self.switchboard_up.replace(up) == Some(up) {
            return;
        }
        let sentence = if up {
            "The server can be reached"
        } else {
            "The server cannot be reached; media does not need it"
        };
        self.timeline.note(t_ms, None, Change::Switchboard { up }, sentence.to_owned());
    }

    /// How long the right to use the relay holds, unless it is renewed; nothing where there is none.
    pub fn note_relay_until(&mut self, until_ms: Option<u64>) {
        self.relay_until_ms = until_ms;
    }

    /// The call is over.
    pub fn note_end(&mut self, t_ms: u64, reason: EndReason) {
        self.ended = Some(reason);
        self.timeline.note(t_ms, None, Change::Ended { reason }, timeline::ended(reason).to_owned());
    }

    /// Direct or relayed, and by which end.
    pub fn route(&self) -> Route {
        self.pair_in_use().map_or(Route::None, PairInUse::route)
    }

    /// From now on such paths are allowed.
    pub fn set_policy(&mut self, policy: PathPolicy) {
        self.policy = policy;
    }

    /// Whether what carries the call is one of these paths.
    pub fn fits(&self, policy: PathPolicy) -> bool {
        let over = match policy {
            PathPolicy::Any => return true,
            PathPolicy::Direct => return !self.route().is_relayed(),
            PathPolicy::Relay => None,
            PathPolicy::RelayUdp => Some(Transport::Udp),
            PathPolicy::RelayTcp => Some(Transport::Tcp),
            PathPolicy::RelayTls => Some(Transport::Tls),
        };
        // Where only a relay may be used, it is ours that hides our addresses.
        let ours = self.report().in_use.and_then(|in_use| in_use.our_relay);
        ours.is_some_and(|relay| over.is_none() || relay.over == over)
    }

    /// The pair that carries the call.
    pub fn pair_in_use(&self) -> Option<&PairInUse> {
        self.leg(self.in_use?)?.pair.as_ref()
    }

    /// The whole in one plain line.
    pub fn sentence(&self) -> String {
        sentence::of(self)
    }

    /// Everything known, judged and put into words.
    pub fn report(&self) -> PathReport {
        fold::report(self)
    }

    fn leg(&self, generation: u32) -> Option<&LegNotes> {
        self.legs.iter().find(|leg| leg.generation == generation)
    }

    fn leg_mut(&mut self, generation: u32) -> Option<&mut LegNotes> {
        self.legs.iter_mut().find(|leg| leg.generation == generation)
    }
}

impl Default for PathReport {
    fn default() -> Self {
        Path::default().report()
    }
}
