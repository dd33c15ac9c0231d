//! The network of this computer: every address, and which way the system would go to the world.
//!
//! We list addresses ourselves: `webrtc` 0.21 has no filter, and binds what it is told. What each one is worth is judged in
//! `logic/interfaces.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::logic::{
    interfaces::{Flags, InterfaceSeen, WhyNot, judge, prefer_temporary, settle},
    network_change::{NetworkSeen, WayOut},
};

#[cfg(target_os = "linux")]
use super::proc_net;

/// Addresses that calls start from at the same time. Each is a socket, and a question to every server.
const MAX_USED: usize = 8;
/// Somewhere in the world. Nothing is ever sent there.
const FAR_AWAY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111)),
];

/// Lists everything there is. Where addresses are wished for, only those are used.
pub fn look(wished: &[IpAddr]) -> NetworkSeen {
    let listed = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let ways_out = ways_out(&listed);
    let states = Ipv6States::read();
    let mut interfaces: Vec<_> = listed
        .iter()
        .map(|interface| {
            let address = interface.ip();
            let flags = Flags {
                up: interface.is_oper_up() && !states.is_unchecked(address),
                point_to_point: interface.is_p2p(),
                wireless: is_wireless(&interface.name),
                leads_out: ways_out.iter().any(|way| way.from == address),
                deprecated: states.is_deprecated(address),
            };
            judge(&interface.name, flags, address)
        })
        .collect();
    // One address on two interfaces is one socket.
    interfaces.sort_by_key(|interface| (interface.address, !interface.used));
    interfaces.dedup_by_key(|interface| interface.address);
    if wished.is_empty() {
        prefer_temporary(&mut interfaces, &states.temporary());
        settle(&mut interfaces, MAX_USED);
    } else {
        use_only(wished, &mut interfaces);
    }
    NetworkSeen { interfaces, ways_out }
}

/// Addresses to bind: the wished ones, or those that are worth it. Where nothing can be listed, loopback remains, so that two
/// installations on one computer can still call each other.
pub(super) fn to_bind(wished: &[IpAddr]) -> Vec<IpAddr> {
    if !wished.is_empty() {
        return wished.to_vec();
    }
    let used: Vec<_> = look(wished).usable().map(|interface| interface.address).collect();
    if used.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { used }
}

fn use_only(wished: &[IpAddr], interfaces: &mut [InterfaceSeen]) {
    for interface in interfaces.iter_mut() {
        let is_there = interface.why_not != Some(WhyNot::Down);
        interface.used = is_there && wished.contains(&interface.address);
        if interface.used {
            interface.why_not = None;
        } else if is_there {
            interface.why_not = Some(WhyNot::NotAskedFor);
        }
    }
    interfaces.sort_by_key(|interface| (!interface.used, interface.kind, interface.address));
}

/// Which way the system would go: it says so when a socket is told where it is to send, before anything is sent.
fn ways_out(listed: &[if_addrs::Interface]) -> Vec<WayOut> {
    let from = |far: IpAddr| {
        let any: IpAddr =
            if far.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        socket.connect(SocketAddr::new(far, 9)).ok()?;
        let from = socket.local_addr().ok()?.ip();
        let interface = listed.iter().find(|interface| interface.ip() == from)?;
        Some(WayOut { from, through: router_of(&interface.name, from) })
    };
    FAR_AWAY.into_iter().filter_map(from).collect()
}

#[cfg(target_os = "linux")]
fn router_of(interface: &str, from: IpAddr) -> Option<IpAddr> {
    let routes = proc_net::default_routes().into_iter();
    let mut fitting =
        routes.filter(|route| route.interface == interface && route.through.is_ipv4() == from.is_ipv4());
    fitting.next().map(|route| route.through)
}

#[cfg(not(target_os = "linux"))]
fn router_of(_: &str, _: IpAddr) -> Option<IpAddr> {
    None
}

#[cfg(target_os = "linux")]
fn is_wireless(interface: &str) -> Option<bool> {
    proc_net::is_wireless(interface)
}

#[cfg(not(target_os = "linux"))]
fn is_wireless(_: &str) -> Option<bool> {
    None
}

/// What the system says of IPv6 addresses, where it says it.
#[cfg(target_os = "linux")]
struct Ipv6States(Vec<proc_net::AddressState>);

#[cfg(target_os = "linux")]
impl Ipv6States {
    fn read() -> Self {
        Self(proc_net::address_states())
    }

    fn is_unchecked(&self, address: IpAddr) -> bool {
        self.0.iter().any(|state| state.address == address && state.unchecked)
    }

    fn is_deprecated(&self, address: IpAddr) -> bool {
        self.0.iter().any(|state| state.address == address && state.deprecated)
    }

    fn temporary(&self) -> Vec<IpAddr> {
        self.0.iter().filter(|state| state.temporary).map(|state| state.address.into()).collect()
    }
}

#[cfg(not(target_os = "linux"))]
struct Ipv6States;

#[cfg(not(target_os = "linux"))]
impl Ipv6States {
    const fn read() -> Self {
        Self
    }

    const fn is_unchecked(&self, _: IpAddr) -> bool {
        false
    }

    const fn is_deprecated(&self, _: IpAddr) -> bool {
        false
    }

    const fn temporary(&self) -> Vec<IpAddr> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_something_to_bind() {
        assert!(!to_bind(&[]).is_empty());
        let wished = [IpAddr::from([127, 0, 0, 2])];
        assert_eq!(to_bind(&wished), wished);
    }

    #[test]
    fn loopback_is_always_listed_and_used_where_it_is_wished_for() {
        let wished = [IpAddr::from([127, 0, 0, 1])];
        let seen = look(&wished);
        let used: Vec<_> = seen.usable().map(|interface| interface.address).collect();
        assert_eq!(used, wished);
        assert!(seen.interfaces.iter().filter(|one| !one.used).all(|one| one.why_not.is_some()));
        let all = look(&[]);
        assert!(all.interfaces.iter().any(|one| one.address == wished[0]), "{all:?}");
    }
}
