//! The value that the facts about a path are folded into: everything that a picture of it needs, and words for all of it.
//!
//! Addresses stand in it as text, so that a masked report (`logic::redact`) has the same shape as a full one. User names,
//! passwords and keys stand in neither.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::logic::{
    candidate::{CandidateLine, Kind},
    course::Link,
    interfaces::{InterfaceKind, InterfaceSeen, WhyNot},
    legs::LegWhy,
    servers::{Service, Transport},
    sightings::Trouble,
};

use super::{PairInUse, PathPolicy, Route, timeline::Entry};

/// Raised when a field changes its meaning or goes; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything known about the path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathReport {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Addresses and names are masked.
    pub redacted: bool,
    /// Which paths were allowed.
    pub policy: PathPolicy,
    /// Direct or relayed, and by which end.
    pub route: Route,
    /// The whole in one plain line.
    pub sentence: String,
    /// Where there is no path: what is closed.
    pub closed: Option<String>,
    /// The leg that servers, pairs and edges are told of: the one in use, or the last one that had something to tell.
    pub leg: Option<u32>,
    /// What carries the call.
    pub in_use: Option<InUse>,
    /// The addresses of this computer.
    pub interfaces: Vec<InterfaceRow>,
    /// Between this computer and the world.
    pub our_nat: NatView,
    /// Between them and the world, as far as it shows.
    pub their_nat: NatView,
    /// Each server, each way to it, each address of ours that it was asked from.
    pub servers: Vec<ServerRow>,
    /// What relays lend us, of all legs that are not let go of.
    #[serde(default)]
    pub relays: Vec<RelayRow>,
    /// Ways to reach us, of all legs.
    pub local: Vec<CandidateRow>,
    /// Ways to reach them, as they said, of all legs.
    pub remote: Vec<CandidateRow>,
    /// Pairs of addresses: all of [`Self::leg`], and of other legs those that worked.
    pub pairs: Vec<PairRow>,
    /// The picture's lines.
    pub edges: Vec<Edge>,
    /// The connections that the call had, one after the other.
    pub legs: Vec<LegRow>,
    /// Whether the switchboard can be reached; media does not need it.
    pub switchboard_up: Option<bool>,
    /// Everything that changed.
    pub timeline: Vec<Entry>,
    /// Changes for which the timeline had no room.
    pub timeline_left_out: u32,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// A name, an address, or a mark that stands for one.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}:{}", self.host, self.port)
    }
}

/// What carries the call, and over which relays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InUse {
    /// Which leg.
    pub leg: u32,
    /// The pair of addresses.
    #[serde(flatten)]
    pub pair: PairInUse,
    /// The relay on our end.
    pub our_relay: Option<RelayUse>,
    /// The relay on theirs.
    pub their_relay: Option<RelayUse>,
}

/// A relay on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayUse {
    /// Its name where it is known, otherwise its address.
    pub server: String,
    /// What its own end speaks to it; of theirs that cannot be known.
    pub over: Option<Transport>,
    /// Where that end reaches it.
    pub port: Option<u16>,
}

/// One address of this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceRow {
    /// The system's name for the interface.
    pub name: String,
    /// The address.
    pub address: String,
    /// What it is.
    pub kind: InterfaceKind,
    /// Whether calls start from it.
    pub used: bool,
    /// Why they do not.
    pub why_not: Option<WhyNot>,
}

impl From<&InterfaceSeen> for InterfaceRow {
    fn from(seen: &InterfaceSeen) -> Self {
        Self {
            name: seen.name.clone(),
            address: seen.address.to_string(),
            kind: seen.kind,
            used: seen.used,
            why_not: seen.why_not,
        }
    }
}

/// What is known of the NAT of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatView {
    /// Whether there is one.
    pub presence: Presence,
    /// Whether it gives one socket the same public address towards everybody.
    pub mapping: Mapping,
    /// The addresses at which the world sees this side.
    pub public: Vec<Place>,
    /// All that in words.
    pub sentence: String,
}

/// Whether there is a NAT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Nobody on the other side of it was asked.
    #[default]
    Unknown,
    /// There is none.
    None,
    /// There is one.
    Present,
}

/// How a NAT maps one socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mapping {
    /// It takes two that were asked to tell, and there was only one.
    #[default]
    Unknown,
    /// One public address towards everybody.
    Same,
    /// Another one towards each.
    Varying,
}

/// One way to a server, from one address of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerRow {
    /// What it is asked for.
    pub service: Service,
    /// How.
    pub transport: Transport,
    /// As it was named.
    pub server: Place,
    /// Our address.
    pub from: Option<String>,
    /// What its name stands for.
    pub address: Option<Place>,
    /// For streams: how long it took to reach it.
    pub reached_ms: Option<f64>,
    /// Requests sent to it.
    pub asked: u32,
    /// Requests that it answered.
    pub answered: u32,
    /// There and back.
    pub round_trip_ms: Option<f64>,
    /// When it gave what it was asked for, since the leg began.
    pub done_ms: Option<u64>,
    /// The address it sees us at.
    pub mapped: Option<Place>,
    /// The address it relays for us.
    pub relayed: Option<Place>,
    /// How it stands.
    pub status: EdgeStatus,
    /// What stands in the way.
    pub trouble: Option<Trouble>,
}

/// An address that a relay lends us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayRow {
    /// Of which leg.
    pub leg: u32,
    /// The relay, as it was named.
    pub server: Place,
    /// What is spoken to it.
    pub over: Transport,
    /// Our address towards it.
    pub from: String,
    /// What it lends us.
    pub relayed: Place,
    /// The call goes over it.
    pub in_use: bool,
    /// When it ends unless it is renewed, since the call began.
    pub until_ms: Option<u64>,
    /// When the right to use it ends unless that is renewed, since the call began. What the right is made of is told nowhere.
    pub credentials_until_ms: Option<u64>,
    /// From whom it lets something through to us.
    pub permitted: Vec<String>,
    /// Short numbers that stand for peers.
    pub channels: Vec<ChannelRow>,
    /// What went over it.
    pub bytes_sent: u64,
    /// What came over it.
    pub bytes_received: u64,
}

/// A number that stands for a peer on a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// The number.
    pub number: u16,
    /// The peer.
    pub peer: Place,
}

/// A candidate, and when it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateRow {
    /// Of which leg.
    pub leg: u32,
    /// Since the call began.
    pub t_ms: u64,
    /// Since its leg began.
    pub took_ms: u64,
    /// What it says.
    #[serde(flatten)]
    pub candidate: CandidateLine,
    /// Of ours: the server that it comes from.
    pub server: Option<Place>,
    /// Of ours: what is spoken to that server.
    pub over: Option<Transport>,
}

impl CandidateRow {
    /// Where it is reached.
    pub fn place(&self) -> Place {
        Place { host: self.candidate.address.clone(), port: self.candidate.port }
    }
}

/// Two addresses, and what became of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRow {
    /// Of which leg.
    pub leg: u32,
    /// Ours.
    pub local: Place,
    /// How it was come by.
    pub local_kind: Kind,
    /// Theirs.
    pub remote: Place,
    /// How it was come by.
    pub remote_kind: Kind,
    /// How it stands.
    pub state: PairState,
    /// It was chosen.
    pub nominated: bool,
    /// It carries the call.
    pub in_use: bool,
    /// There and back, the last time.
    pub round_trip_ms: Option<f64>,
    /// All that its checks have measured, added up.
    #[serde(default)]
    pub round_trips_ms: f64,
    /// How many those are.
    #[serde(default)]
    pub round_trips: u32,
    /// Checks of ours.
    pub checks_sent: u32,
    /// Answers to them.
    pub checks_answered: u32,
    /// Checks of theirs.
    pub checks_heard: u32,
    /// Answers of ours to them.
    pub checks_replied: u32,
    /// When anything was last heard, since the leg began.
    pub last_heard_ms: Option<u64>,
    /// Checks and media.
    pub bytes_sent: u64,
    /// Checks and media.
    pub bytes_received: u64,
}

/// How a pair of addresses stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// Nothing was sent yet.
    Waiting,
    /// Asked, and not answered yet.
    InProgress,
    /// We hear them, they do not hear us.
    OneWay,
    /// Answered.
    Succeeded,
    /// Answered, and in use.
    InUse,
    /// Not answered, and not tried any more.
    Failed,
}

/// A place in the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "node")]
pub enum Node {
    /// This computer.
    Us,
    /// The way out of our network.
    OurNat,
    /// A server that we asked.
    Server {
        /// As it was named.
        server: Place,
        /// What for.
        service: Service,
    },
    /// A relay that they named.
    TheirRelay {
        /// Its address.
        address: String,
    },
    /// The way into their network.
    TheirNat,
    /// Their computer.
    Them,
}

/// A line of the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// From here…
    pub from: Node,
    /// …to there…
    pub to: Node,
    /// …by this.
    pub over: Option<Transport>,
    /// How it stands.
    pub status: EdgeStatus,
    /// The call goes by it.
    pub in_use: bool,
    /// There and back.
    pub round_trip_ms: Option<f64>,
    /// Why it does not work.
    pub cause: Option<String>,
}

/// How a line of the picture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeStatus {
    /// Something came back.
    Works,
    /// Nothing came back, or a refusal.
    Failed,
    /// Nothing was sent.
    Untried,
    /// Too early, or out of our sight.
    Unknown,
}

/// One of the call's connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRow {
    /// Its generation.
    pub leg: u32,
    /// What for.
    pub why: LegWhy,
    /// It is of use only where it needs no relay.
    pub only_direct: bool,
    /// Since the call began.
    pub opened_ms: u64,
    /// When media could flow.
    pub up_ms: Option<u64>,
    /// When it last took over.
    pub in_use_ms: Option<u64>,
    /// When it was let go of.
    pub closed_ms: Option<u64>,
    /// How it stands, or stood last.
    pub link: Link,
    /// How it went.
    pub route: Route,
}
