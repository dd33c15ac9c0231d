//! What the relay threads are told, and what follows from it: which sockets to open, which address a relayed one is of,
//! and what others take it for.
//!
//! A socket on a wildcard address stands for several addresses, and an answer has to leave from the one that was asked: a
//! NAT on the way knows no other. So a `SocketIndex` is not a socket but a *face* of one: the socket together with one of
//! this computer's addresses. The five-tuple then holds all that is needed for an answer, and nothing is looked up.
//! (Remembering for each client where it asked was tried on paper first: a table that strangers can fill.) Addresses that
//! this computer gets later share the face without one, and the system chooses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::config::{Reach, RelayLimits};
use crate::relay::{ClientSocket, Elsewhere, Family, Rules, Sisters, SocketIndex};

/// What the relay threads are told.
#[derive(Clone)]
pub(crate) struct Setup {
    /// Where clients reach the relay over UDP. Each family is named by itself: `[::]` is IPv6 alone. Port 0 takes any
    /// free one. May be empty: there are streams.
    pub(crate) turn_udp: Vec<SocketAddr>,
    /// Every other address and port this server listens on. Nobody is relayed to them.
    pub(crate) listening: Vec<SocketAddr>,
    /// The addresses at which this server is reached from elsewhere, for a server behind a NAT that passes every port on
    /// to it. Where there is none of a family, this computer's own is told.
    pub(crate) public_ips: Vec<IpAddr>,
    /// The ports it relays from.
    pub(crate) ports: RangeInclusive<u16>,
    /// Whom an allocation may reach.
    pub(crate) reach: Reach,
    /// Ranges that may be reached although they are private, reserved, or this computer's own.
    pub(crate) allow: Vec<IpNet>,
    /// What credentials are made with; more than one while the secret changes.
    pub(crate) secrets: Vec<Vec<u8>>,
    /// How much it allows.
    pub(crate) limits: RelayLimits,
    /// Calls known at once.
    pub(crate) scopes: usize,
    /// How many threads; `None` is one for each core. Where the system cannot share a port among them it is one.
    pub(crate) threads: Option<usize>,
}

/// Where the relay sockets of one family are bound, and what others take them for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) bind: IpAddr,
    pub(super) told: IpAddr,
}

/// A socket that clients send to, seen from one of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Face {
    /// Its place among the listening sockets.
    pub(super) socket: usize,
    /// Packets leave from here; without, from where the system likes.
    pub(super) from: Option<IpAddr>,
    /// Packets to this address came to this face. The same as `from`, but for sockets that have one address only: there
    /// the system need not be told.
    at: Option<IpAddr>,
}

/// All that follows from the setup, the same for each thread.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) faces: Vec<Face>,
    /// Of each listening socket, where its faces begin and end.
    spans: Vec<(usize, usize)>,
    pub(super) v4: Option<Home>,
    pub(super) v6: Option<Home>,
    pub(super) rules: Rules,
}

impl Plan {
    /// `bound` are the addresses in `turn_udp` with their real ports, `interfaces` those of this computer, `key` is random.
    pub(super) fn new(
        setup: &Setup,
        bound: &[SocketAddr],
        interfaces: &[IpAddr],
        threads: usize,
        key: [u8; 32],
    ) -> Self {
        let home = |family| home(setup, bound, interfaces, family);
        let (v4, v6) = (home(Family::V4), home(Family::V6));
        let mut faces = Vec::new();
        let mut spans = Vec::new();
        for (socket, address) in bound.iter().enumerate() {
            let first = faces.len();
            if address.ip().is_unspecified() {
                faces.push(Face { socket, from: None, at: None });
                let alike = interfaces.iter().filter(|ip| ip.is_ipv4() == address.is_ipv4());
                faces.extend(alike.map(|ip| Face { socket, from: Some(*ip), at: Some(*ip) }));
            } else {
                faces.push(Face { socket, from: None, at: Some(address.ip()) });
            }
            spans.push((first, faces.len()));
        }
        let known: Vec<_> = faces
            .iter()
            .map(|face| Some(SocketAddr::new(known_as(setup, face.at?), bound[face.socket].port())))
            .collect();
        let sockets = known
            .iter()
            .map(|address| ClientSocket { address: *address, sisters: sisters(&known, *address) });

        let homes: Vec<Home> = v4.into_iter().chain(v6).collect();
        let mut own: Vec<IpAddr> = interfaces.to_vec();
        own.extend(setup.public_ips.iter().chain(homes.iter().flat_map(|home| [&home.bind, &home.told])));
        own.retain(|ip| !ip.is_unspecified());
        own.sort_unstable();
        own.dedup();
        let mut limits = setup.limits;
        // What all of them together may send is shared out, since they share nothing while they send.
        limits.total_bytes_per_second = limits.total_bytes_per_second.div_ceil(threads.max(1) as u64);
        let rules = Rules {
            limits,
            scopes: setup.scopes,
            reach: setup.reach,
            allow: setup.allow.clone(),
            secrets: setup.secrets.clone(),
            key,
            sockets: sockets.collect(),
            listening: bound.iter().chain(known.iter().flatten()).chain(&setup.listening).copied().collect(),
            own,
            relay_ips: homes.iter().map(|home| home.told).collect(),
            relay_ports: setup.ports.clone(),
        };
        Self { faces, spans, v4, v6, rules }
    }

    pub(super) const fn home(&self, family: Family) -> Option<Home> {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// The face of this listening socket at which a packet arrived.
    pub(super) fn face(&self, socket: usize, at: Option<IpAddr>) -> SocketIndex {
        let (first, end) = self.spans[socket];
        let found = self.faces[first..end].iter().position(|face| face.at.is_some() && face.at == at);
        let index = first + found.unwrap_or(0);
        SocketIndex(u16::try_from(index).expect("a computer has fewer addresses"))
    }
}

/// Where relay sockets of this family are bound and what others take them for, if there are to be any.
fn home(setup: &Setup, bound: &[SocketAddr], interfaces: &[IpAddr], family: Family) -> Option<Home> {
    let of_family = |ip: &&IpAddr| Family::of(**ip) == family;
    let listening: Vec<IpAddr> =
        bound.iter().chain(&setup.listening).map(SocketAddr::ip).filter(|ip| of_family(&ip)).collect();
    match (setup.public_ips.iter().find(of_family), listening.first()) {
        (Some(told), _) if interfaces.contains(told) => Some(Home { bind: *told, told: *told }),
        (Some(told), Some(bind)) => Some(Home { bind: *bind, told: *told }),
        (Some(told), None) => Some(Home { bind: wildcard(family), told: *told }),
        (None, Some(ip)) if !ip.is_unspecified() => Some(Home { bind: *ip, told: *ip }),
        (None, Some(_)) => {
            let elsewhere = |ip: &&IpAddr| !ip.is_loopback() && !is_link_local(**ip);
            let alone = !interfaces.iter().any(|ip| elsewhere(&ip));
            // A computer without any network can still talk to itself.
            let ip = interfaces.iter().filter(of_family).find(|ip| alone || elsewhere(ip))?;
            Some(Home { bind: *ip, told: *ip })
        }
        (None, None) => None,
    }
}

const fn wildcard(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// What clients know one of this computer's addresses as.
fn known_as(setup: &Setup, ip: IpAddr) -> IpAddr {
    let public = || setup.public_ips.iter().filter(|public| public.is_ipv4() == ip.is_ipv4());
    if ip.is_loopback() || public().any(|public| *public == ip) {
        return ip;
    }
    public().next().copied().unwrap_or(ip)
}

/// The other faces on the same address and on another one, where that has the same ports.
fn sisters(known: &[Option<SocketAddr>], of: Option<SocketAddr>) -> Option<Sisters> {
    let of = of?;
    // Two faces that are known as the same address cannot be told apart outside.
    let index = |address: SocketAddr| {
        let mut found = known.iter().enumerate().filter(|(_, known)| **known == Some(address));
        let (index, _) = found.next()?;
        found.next().is_none().then(|| u16::try_from(index).ok().map(SocketIndex)).flatten()
    };
    index(of)?;
    let others = || known.iter().flatten().filter(|other| other.port() != of.port());
    let complete = others().find_map(|other| {
        let alike = other.is_ipv4() == of.is_ipv4() && other.ip().is_loopback() == of.ip().is_loopback();
        if !alike || other.ip() == of.ip() {
            return None;
        }
        let same_port = index(SocketAddr::new(other.ip(), of.port()))?;
        let elsewhere = Elsewhere { same_port, other_port: index(*other)? };
        let other_port = index(SocketAddr::new(of.ip(), other.port()))?;
        Some(Sisters { other_port, elsewhere: Some(elsewhere) })
    });
    complete.or_else(|| {
        let other_port = others().filter(|other| other.ip() == of.ip()).find_map(|other| index(*other))?;
        Some(Sisters { other_port, elsewhere: None })
    })
}
