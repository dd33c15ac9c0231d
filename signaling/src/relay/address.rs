//! Which addresses a relay never sends to, whoever asks.
//!
//! A relay stands where its clients do not: beside this computer's own services, in its private networks, near a cloud's
//! metadata. An address of such a place is refused in each of its disguises too: as IPv4 inside IPv6 (mapped,
//! compatible, translated), and behind 6to4, NAT64 and Teredo. Other servers forgot one disguise after the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Rules;

/// Whether the operator can allow what a row of the table denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unless {
    Allowed,
    /// There is no peer at such an address, so there is nothing to allow.
    Never,
}

/// One row of the table of what is denied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) range: IpNet,
    pub(super) unless: Unless,
    pub(super) why: &'static str,
}

/// What is denied, by the registries of IANA.
pub(super) const DENIED: &[Row] = &[
    v4([0, 0, 0, 0], 8, Unless::Never, "this network; reaches this computer"),
    v4([127, 0, 0, 0], 8, Unless::Allowed, "loopback"),
    v4([169, 254, 0, 0], 16, Unless::Allowed, "link-local, and clouds' metadata"),
    v4([224, 0, 0, 0], 4, Unless::Never, "multicast"),
    v4([255, 255, 255, 255], 32, Unless::Never, "broadcast"),
    v4([240, 0, 0, 0], 4, Unless::Allowed, "reserved"),
    v4([10, 0, 0, 0], 8, Unless::Allowed, "private"),
    v4([172, 16, 0, 0], 12, Unless::Allowed, "private"),
    v4([192, 168, 0, 0], 16, Unless::Allowed, "private"),
    v4([100, 64, 0, 0], 10, Unless::Allowed, "behind a carrier's NAT, and a cloud's metadata"),
    v4([168, 63, 129, 16], 32, Unless::Allowed, "a cloud's host, from its guests"),
    v4([192, 0, 0, 0], 24, Unless::Allowed, "protocol assignments, and a cloud's metadata"),
    v4([192, 0, 2, 0], 24, Unless::Allowed, "documentation"),
    v4([192, 31, 196, 0], 24, Unless::Allowed, "AS112"),
    v4([192, 52, 193, 0], 24, Unless::Allowed, "AMT"),
    v4([192, 88, 99, 0], 24, Unless::Allowed, "6to4 relays"),
    v4([192, 175, 48, 0], 24, Unless::Allowed, "AS112"),
    v4([198, 18, 0, 0], 15, Unless::Allowed, "benchmarks"),
    v4([198, 51, 100, 0], 24, Unless::Allowed, "documentation"),
    v4([203, 0, 113, 0], 24, Unless::Allowed, "documentation"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, Unless::Never, "unspecified; reaches this computer"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, Unless::Allowed, "loopback"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, Unless::Never, "IPv4, mapped"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, Unless::Never, "IPv4, translated"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Unless::Allowed, "a local NAT64"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Unless::Allowed, "link-local"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Unless::Allowed, "site-local"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Unless::Allowed, "private, and clouds' metadata"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Unless::Never, "multicast"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, Unless::Allowed, "discard"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Unless::Allowed, "protocol assignments, and Teredo"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Unless::Allowed, "documentation"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Unless::Allowed, "documentation"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, Unless::Allowed, "segment routing"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, Unless::Allowed, "AS112"),
    // After loopback, which is in this range and can be allowed.
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, Unless::Never, "IPv4, compatible"),
];

/// Why an address may not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error("the address is not for peers: {0}")]
    Range(&'static str),
    #[error("the address is this server's own")]
    Own,
    #[error("the server listens there itself")]
    Listening,
    #[error("no peer has port 0")]
    PortZero,
}

/// What is denied here.
pub(super) struct Policy {
    allow: Vec<IpNet>,
    own: Vec<IpAddr>,
    relay_ips: Vec<IpAddr>,
    relay_ports: RangeInclusive<u16>,
    listening: Vec<SocketAddr>,
}

impl Policy {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            allow: rules.allow.clone(),
            own: rules.own.iter().map(IpAddr::to_canonical).collect(),
            relay_ips: rules.relay_ips.clone(),
            relay_ports: rules.relay_ports.clone(),
            listening: rules.listening.clone(),
        }
    }

    /// Whether relayed addresses here are of this address, so that each of its ports has to be looked at by itself.
    pub(super) fn relays_from(&self, ip: IpAddr) -> bool {
        self.relay_ips.contains(&ip)
    }

    /// Whether a relayed address may be this one, now or once another thread has told of it.
    pub(super) fn may_be_relayed(&self, address: SocketAddr) -> bool {
        self.relays_from(address.ip())
            && self.relay_ports.contains(&address.port())
            && !self.listens_at(address)
    }

    /// Whether packets may leave for this address, at any port but those that `judge_port` refuses.
    pub(super) fn judge(&self, ip: IpAddr) -> Result<(), Denied> {
        let [first, second, third] = disguised(ip);
        [Some(ip), first, second, third].into_iter().flatten().try_for_each(|form| self.judge_form(form))
    }

    /// Whether they may leave for this port of an address that was judged.
    pub(super) fn judge_port(&self, peer: SocketAddr) -> Result<(), Denied> {
        if peer.port() == 0 {
            return Err(Denied::PortZero);
        }
        if self.listens_at(peer) {
            return Err(Denied::Listening);
        }
        Ok(())
    }

    /// A socket on a wildcard address listens on every address of this computer, those included that it got since.
    pub(super) fn listens_at(&self, address: SocketAddr) -> bool {
        let ip = address.ip();
        self.listening.iter().any(|socket| {
            socket.port() == address.port()
                && (socket.ip() == ip
                    || (socket.ip().is_unspecified() && (self.own.contains(&ip) || ip.is_loopback())))
        })
    }

    fn judge_form(&self, ip: IpAddr) -> Result<(), Denied> {
        let allowed = self.allow.iter().any(|range| range.contains(&ip));
        if let Some(row) = DENIED.iter().find(|row| row.range.contains(&ip)) {
            let lifted = allowed && row.unless == Unless::Allowed;
            return if lifted { Ok(()) } else { Err(Denied::Range(row.why)) };
        }
        if self.own.contains(&ip) && !allowed {
            return Err(Denied::Own);
        }
        Ok(())
    }
}

/// The IPv4 addresses that are inside an IPv6 one.
fn disguised(ip: IpAddr) -> [Option<IpAddr>; 3] {
    let IpAddr::V6(ip) = ip else { return [None; 3] };
    let octets = ip.octets();
    let from = |start: usize| {
        let [a, b, c, d] = [octets[start], octets[start + 1], octets[start + 2], octets[start + 3]];
        Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match ip.segments() {
        // Mapped, translated, and NAT64 as everybody knows it.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            [from(12), None, None]
        }
        // A local NAT64 has the address where its own prefix ends: at 48, 56, 64 or 96 bits, and never in bits 64 to 71.
        [0x64, 0xff9b, 1, ..] => {
            [from(12), Some(IpAddr::V4(Ipv4Addr::new(octets[6], octets[7], octets[9], octets[10]))), from(9)]
        }
        [0x2002, ..] => [from(2), None, None],
        // Teredo: its server, and its client turned over.
        [0x2001, 0, ..] => {
            let client = Ipv4Addr::new(!octets[12], !octets[13], !octets[14], !octets[15]);
            [from(4), Some(IpAddr::V4(client)), None]
        }
        _ => [None; 3],
    }
}

const fn v4(address: [u8; 4], prefix: u8, unless: Unless, why: &'static str) -> Row {
    let [a, b, c, d] = address;
    Row { range: IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)), unless, why }
}

const fn v6(address: [u16; 8], prefix: u8, unless: Unless, why: &'static str) -> Row {
    let [a, b, c, d, e, f, g, h] = address;
    Row { range: IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)), unless, why }
}
