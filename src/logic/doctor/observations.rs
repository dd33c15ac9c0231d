//! What the doctor looked at, as it was found. Nothing here judges.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::logic::{
    network_change::NetworkSeen,
    servers::{ServerUrl, Transport},
};

/// Everything that was found in one examination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// Name and version of the program that looked.
    pub program: String,
    /// When it began, in milliseconds since 1970, by this computer's clock.
    pub began_unix_ms: u64,
    /// How long it took.
    pub took_ms: u64,
    /// The addresses of this computer, and its ways out.
    pub network: NetworkSeen,
    /// The server and its switchboard.
    pub server: Server,
    /// Every STUN server that was asked over UDP.
    pub stun: Vec<StunAsked>,
    /// What stands between this computer and the outside, one for each family that was asked about.
    pub nats: Vec<Nat>,
    /// Every way to the relay that was tried.
    pub relays: Vec<RelayTried>,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// Version 4.
    #[serde(rename = "ipv4")]
    V4,
    /// Version 6.
    #[serde(rename = "ipv6")]
    V6,
}

impl Family {
    /// Both, in the order in which they are told.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// That of an address.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// The server, and how far we got with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// As it stands in a link: `host` or `host:port`.
    pub name: String,
    /// Who has to prove to be there.
    pub wanted: Wanted,
    /// The addresses of its name.
    pub resolved: Vec<IpAddr>,
    /// How long the name took.
    pub resolved_ms: Option<u64>,
    /// Each address, dialled.
    pub dialled: Vec<Dialled>,
    /// The HTTP proxy that was used, where there was one.
    pub proxy: Option<String>,
    /// The certificate that came.
    pub certificate: Option<CertificateSeen>,
    /// How long TLS took.
    pub tls_ms: Option<u64>,
    /// From the first packet until the switchboard knew us.
    pub ready_ms: Option<u64>,
    /// What stood in the way of the switchboard.
    pub trouble: Option<Trouble>,
    /// By how much this computer's clock is ahead of the server's. A second more or less says nothing.
    pub clock_ahead_ms: Option<i64>,
    /// Where it says that it answers STUN.
    pub stun: Vec<String>,
    /// What answered a plain HTTP request to the same host.
    pub plain_http: Option<PlainHttp>,
}

/// How a server has to prove who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Wanted {
    /// Not at all: it is on this computer.
    #[default]
    Nothing,
    /// By the key that the link names.
    Pin {
        /// The pin.
        pin: String,
    },
    /// By a certificate of an authority that this computer trusts.
    Authority,
}

/// One address of the server, dialled with TCP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dialled {
    /// Which.
    pub address: SocketAddr,
    /// How long it took, where it worked.
    pub ms: Option<u64>,
    /// Why it did not.
    pub trouble: Option<Trouble>,
}

/// A certificate that a server showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSeen {
    /// Of its key.
    pub pin: String,
    /// Who signed it; its own name where it did so itself.
    pub issuer: String,
    /// From when it is valid, in seconds since 1970.
    pub not_before_unix: i64,
    /// Until when.
    pub not_after_unix: i64,
}

/// What somebody answered to a plain HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainHttp {
    /// The status.
    pub status: u16,
    /// Where it sends us.
    pub location: Option<String>,
}

/// What stood in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Trouble {
    /// The name has no address, or nobody could be asked for it.
    NoSuchName,
    /// This computer has no way there: no network, or no address of that family.
    NoRoute,
    /// The other computer is there, and nothing listens.
    Refused,
    /// Nothing came back in time.
    Silent,
    /// It ended without a word.
    Cut,
    /// No TLS is spoken there.
    NotTls,
    /// Another key than the link's.
    WrongPin,
    /// Nobody that this computer trusts vouches for it.
    UnknownAuthority,
    /// A certificate for other names.
    WrongName,
    /// A certificate that is not valid at this time of this computer's clock.
    NotToday,
    /// The proxy on the way is no help.
    Proxy {
        /// In its words.
        why: String,
    },
    /// Something answers that is not what should be there.
    Stranger {
        /// What it said.
        said: String,
    },
    /// It answers, and refuses.
    Code {
        /// The number.
        code: u16,
    },
    /// Something else.
    Other {
        /// In the words of whoever noticed.
        text: String,
    },
}

/// A STUN server, asked over UDP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StunAsked {
    /// Where.
    pub server: SocketAddr,
    /// Nobody told us this address; it is where such servers usually are.
    pub guessed: bool,
    /// How it sees us.
    pub mapped: Option<SocketAddr>,
    /// There and back.
    pub ms: Option<f64>,
    /// Why there is no answer.
    pub trouble: Option<Trouble>,
}

/// What stands between this computer and the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nat {
    /// Of which family.
    pub family: Family,
    /// Our own address, as we know it.
    pub local: SocketAddr,
    /// Our address, as others see it.
    pub public: SocketAddr,
    /// Whether it is the same to everybody.
    pub mapping: Mapping,
    /// Who may send to it.
    pub filtering: Filtering,
    /// Whether two of our own reach each other by it; only asked where there is a NAT.
    pub hairpin: Option<bool>,
}

/// Whether our address looks the same to everybody we send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mapping {
    /// There was only one place to ask at.
    Unknown,
    /// It is our own: there is no NAT.
    NoNat,
    /// The same at two addresses or ports.
    Same,
    /// Another at each.
    Varies,
}

/// Who may send to an address of ours, once we have sent from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filtering {
    /// The server cannot answer from elsewhere.
    Unknown,
    /// Everybody.
    Open,
    /// Whoever has an address we have sent to.
    ByAddress,
    /// Only the very port we have sent to.
    ByAddressAndPort,
    /// Not from another port; whether from another address was not to be found out.
    AtLeastByPort,
}

/// A way to the relay, tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayTried {
    /// Where, and how it is spoken to.
    pub door: ServerUrl,
    /// Nobody told us this address; it is where such servers usually are.
    pub guessed: bool,
    /// Until there was a connection, TLS included; nothing over UDP.
    pub connected_ms: Option<f64>,
    /// From the question to the answer.
    pub answered_ms: Option<f64>,
    /// The address that was given to us. Only somebody in a call is given one.
    pub relayed: Option<SocketAddr>,
    /// What stood in the way. That it wants to know who we are (401) is none.
    pub trouble: Option<Trouble>,
}

impl RelayTried {
    /// Whether the relay can be had this way, as far as can be told.
    pub const fn answers(&self) -> bool {
        self.answered_ms.is_some() && self.trouble.is_none()
    }
}

impl Observations {
    /// What the other side of a call needs to know, and no more: not who runs the server, nor which interfaces are there that
    /// calls do not use.
    pub fn for_others(mut self) -> Self {
        self.network.interfaces.retain(|interface| interface.used);
        self.server = Server { name: self.server.name, ready_ms: self.server.ready_ms, ..Server::default() };
        self
    }

    /// What was found of a family.
    pub fn nat(&self, family: Family) -> Option<&Nat> {
        self.nats.iter().find(|nat| nat.family == family)
    }

    /// Whether anything at all came back over UDP.
    pub fn udp_answers(&self) -> bool {
        self.stun.iter().any(|asked| asked.mapped.is_some())
            || self.relays.iter().any(|tried| tried.door.transport == Transport::Udp && tried.answers())
    }

    /// The best ways to the relay that work, the best first.
    pub fn relay_transports(&self) -> Vec<Transport> {
        let mut ways: Vec<_> =
            self.relays.iter().filter(|tried| tried.answers()).map(|tried| tried.door.transport).collect();
        ways.sort_unstable();
        ways.dedup();
        ways
    }
}
