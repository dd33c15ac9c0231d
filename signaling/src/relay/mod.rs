//! The relay: STUN (RFC 8489) and TURN (RFC 8656) as decisions. Bytes and the time in, bytes and effects out; no socket,
//! clock, thread or randomness.
//!
//! ```text
//!  client ──from_client──▶ ┌───────┐ ──Forward──▶ a peer, another client, a neighbour's allocation
//!  peer ────from_peer────▶ │ Relay │ ──Effect───▶ answer, bind or release a relay socket, tell the others
//!  another thread ──News─▶ └───────┘
//! ```
//!
//! There is one `Relay` for each relay thread, and they share nothing. What one has to know of another (who may reach
//! whom, which relay addresses exist) is `News`, told to all of them.
//!
//! Two paths lead through it. *Data* (ChannelData, and what peers send) is looked up in hash maps and comes straight back
//! as a `Forward` that borrows the packet: nothing is parsed, copied or allocated. *Control* (everything that is STUN) may
//! take its time, but keeps nothing of anybody who has not proved who they are.

mod address;
mod allocation;
mod answers;
mod control;
pub(crate) mod credentials;
mod head;
mod life;
mod machine;
mod nonce;
mod rate;
mod refusal;
mod requests;
mod scopes;
mod slots;
mod stun;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::config::{Reach, RelayLimits};

pub(crate) use machine::Relay;

/// One call between two parties: made of its id and its parties (see [`credentials::scope`]), so that a server that was
/// started anew has the same for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScopeId(pub(crate) u64);

/// One of the two that a scope is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Party {
    /// Whose address is the lower one. Who called whom would not do: a server that was started in the midst of a call does
    /// not know.
    Lower,
    /// Whose address is the higher one.
    Higher,
}

impl Party {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Lower => Self::Higher,
            Self::Higher => Self::Lower,
        }
    }
}

/// What every relay thread is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// A call began: its parties may allocate.
    Opened { scope: ScopeId },
    /// A party of a call that nobody told of showed credentials that hold: they are from before a restart.
    Vouched { scope: ScopeId },
    /// A party was authenticated at this address: the other one may reach it there.
    Seen { scope: ScopeId, party: Party, ip: IpAddr },
    /// A call ended: what it has here goes at once.
    Ended { scope: ScopeId },
    /// Another relay thread owns this relayed address now.
    Allocated { scope: ScopeId, relayed: SocketAddr },
    /// And now no longer.
    Released { scope: ScopeId, relayed: SocketAddr },
}

/// Which of the sockets that clients send datagrams to: its place in `Rules::sockets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SocketIndex(pub(crate) u16);

/// One TCP or TLS connection of a client; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamId(pub(crate) u64);

/// On which way a client reaches us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Via {
    /// Datagrams.
    Udp(SocketIndex),
    /// A stream, cut into messages outside.
    Stream(StreamId),
}

/// Who talks to us: the five-tuple of the RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Client {
    pub(crate) via: Via,
    pub(crate) remote: SocketAddr,
}

/// One allocation of one relay thread, and so one relay socket; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AllocationId(pub(crate) u64);

/// Of which family a relayed address is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// A socket that clients send datagrams to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientSocket {
    /// The address at which clients know it, if that is known: it is told to them as RESPONSE-ORIGIN.
    pub(crate) address: Option<SocketAddr>,
    /// Where it has sisters, clients may find out how their NAT behaves (RFC 5780).
    pub(crate) sisters: Option<Sisters>,
}

/// A second port of the same address, and where there is a second address with the same ports, those. An answer from one
/// of them is an `Effect::Reply` whose client's `via` is that socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sisters {
    /// The same address, the other port.
    pub(crate) other_port: SocketIndex,
    /// On the other address.
    pub(crate) elsewhere: Option<Elsewhere>,
}

/// The two sockets on another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// The same port.
    pub(crate) same_port: SocketIndex,
    /// Another port too. It is told to clients as OTHER-ADDRESS.
    pub(crate) other_port: SocketIndex,
}

/// What a relay goes by.
#[derive(Clone)]
pub(crate) struct Rules {
    /// How much it allows. Each relay thread has its own share of `total_bytes_per_second`.
    pub(crate) limits: RelayLimits,
    /// Calls known at once. One more is not learnt of, and gets no relay.
    pub(crate) scopes: usize,
    /// Whom an allocation may reach.
    pub(crate) reach: Reach,
    /// Ranges that may be reached although the table of denied ones says otherwise.
    pub(crate) allow: Vec<IpNet>,
    /// What credentials are made with. More than one while the secret changes.
    pub(crate) secrets: Vec<Vec<u8>>,
    /// What nonces and other answers without state are made with. The same for all relay threads: a client may come back
    /// to another one.
    pub(crate) key: [u8; 32],
    /// The sockets that clients send datagrams to, in the order of their `SocketIndex`.
    pub(crate) sockets: Vec<ClientSocket>,
    /// Every address and port this server listens on, as others see it and as this computer does; a wildcard address
    /// stands for all of this computer's. Never reached.
    pub(crate) listening: Vec<SocketAddr>,
    /// Every address of this computer: of its interfaces, and those at which it is known outside. Reached only at relayed
    /// addresses, and only in memory.
    pub(crate) own: Vec<IpAddr>,
    /// The addresses that relayed addresses are of, as others see them: at most one of each family counts. A family that
    /// is not here cannot be allocated.
    pub(crate) relay_ips: Vec<IpAddr>,
    /// The ports of relayed addresses.
    pub(crate) relay_ports: RangeInclusive<u16>,
}

/// One moment on both clocks, so that the relay needs none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    pub(crate) at: Instant,
    /// The same moment, since 1970.
    pub(crate) unix: Duration,
}

impl Epoch {
    /// Seconds since 1970 at another moment.
    pub(crate) fn unix_seconds(&self, now: Instant) -> u64 {
        (self.unix + now.saturating_duration_since(self.at)).as_secs()
    }
}

/// Something happened outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The relay socket is there; others reach it at this address.
    Bound { allocation: AllocationId, relayed: SocketAddr },
    /// There is no relay socket to be had. Nothing is to be released.
    NotBound { allocation: AllocationId },
    /// A client's stream is gone.
    StreamClosed { client: Client },
    /// From the switchboard, or from another relay thread.
    News(News),
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send this whole message to this client.
    Reply { client: Client, bytes: Vec<u8> },
    /// Open a relay socket, and say `Bound` or `NotBound`. A `Release` may come before that was said.
    Bind { allocation: AllocationId, family: Family, port: PortWish },
    /// Close the relay socket. Comes exactly once for each `Bind`, unless `NotBound` came before it.
    Release { allocation: AllocationId },
    /// Tell every other relay thread.
    Tell(News),
    /// End this client's stream.
    CloseStream { client: Client },
}

/// Which port a relay socket is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortWish {
    Any,
    /// RFC 8656's EVEN-PORT.
    Even,
}

/// What the relay wants to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// This allocation is over unless it is refreshed.
    Allocation(AllocationId),
}

/// A packet to be sent on: head, payload and as many zeros as `tail` says, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forward<'p> {
    pub(crate) to: Destination,
    pub(crate) head: Head,
    pub(crate) payload: &'p [u8],
    /// Zeros after the payload: none to three. To a peer or a neighbour there are never any, and no head either.
    pub(crate) tail: u8,
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Out of this allocation's relay socket.
    Peer { via: AllocationId, to: SocketAddr },
    /// To a client of this relay thread.
    Client(Client),
    /// To the relay thread that owns this relayed address, as `from_neighbour`.
    Neighbour { relayed: SocketAddr, from: SocketAddr, scope: ScopeId },
}

/// What stands before a payload: nothing, the head of ChannelData, or all of a Data indication up to its data.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    bytes: [u8; Self::MOST],
    length: u8,
}

impl Head {
    /// A Data indication from an IPv6 peer: 20 bytes of STUN, 24 of XOR-PEER-ADDRESS, 4 of DATA.
    pub(crate) const MOST: usize = 48;

    pub(crate) const fn none() -> Self {
        Self { bytes: [0; Self::MOST], length: 0 }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Head {}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Head({:02x?})", self.bytes())
    }
}

/// What was counted. All but `allocations` only grow.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Allocations there are now, those included whose socket is being opened.
    pub(crate) allocations: u64,
    /// Allocations that were granted.
    pub(crate) granted: u64,
    /// Binding requests answered.
    pub(crate) bindings: u64,
    /// Packets from clients that were sent on, and their payload in bytes.
    pub(crate) packets_out: u64,
    pub(crate) bytes_out: u64,
    /// Packets to clients that were sent on, and their payload in bytes.
    pub(crate) packets_in: u64,
    pub(crate) bytes_in: u64,
    /// Of both: packets between two allocations of this server, which never saw a socket on their way.
    pub(crate) packets_within: u64,
    /// Requests that were refused, by the code of the answer.
    pub(crate) refused: Refused,
    /// Packets that came to nothing, by reason.
    pub(crate) dropped: Dropped,
}

/// Requests that were refused, by the code of the answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) bad_request_400: u64,
    pub(crate) unauthenticated_401: u64,
    pub(crate) forbidden_403: u64,
    pub(crate) unknown_attribute_420: u64,
    pub(crate) mismatch_437: u64,
    pub(crate) stale_nonce_438: u64,
    pub(crate) family_440: u64,
    pub(crate) wrong_credentials_441: u64,
    pub(crate) transport_442: u64,
    pub(crate) peer_family_443: u64,
    pub(crate) quota_486: u64,
    pub(crate) capacity_508: u64,
}

/// Packets that came to nothing, by reason.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Neither STUN nor ChannelData, or cut short.
    pub(crate) malformed: u64,
    /// From a client without an allocation, or to an allocation that is gone.
    pub(crate) no_allocation: u64,
    /// On a channel that is not bound.
    pub(crate) no_channel: u64,
    /// To or from a peer without a permission.
    pub(crate) no_permission: u64,
    /// To an address that may not be reached.
    pub(crate) denied: u64,
    /// More bytes than the allocation, or all of them together, may send.
    pub(crate) bandwidth: u64,
    /// Answers that one source got no more of.
    pub(crate) answers: u64,
}
