//! The network interfaces of this computer, and where packets to the outside leave.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use if_addrs::IfAddr;

use crate::logic::doctor::{Family, Interface, InterfaceAddress, InterfaceKind, WayOut};

/// Interfaces that are noted. A computer with more is a machine for machines, and the rest tells nothing new.
const MAX_INTERFACES: usize = 64;

/// What there is and is up, once each.
pub(super) fn list() -> Vec<Interface> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let mut interfaces: Vec<Interface> = Vec::new();
    for entry in found.iter().filter(|entry| entry.is_oper_up() || entry.is_loopback()) {
        let prefix = match &entry.addr {
            IfAddr::V4(address) => address.prefixlen,
            IfAddr::V6(address) => address.prefixlen,
        };
        let address = InterfaceAddress { ip: entry.ip(), prefix };
        match interfaces.iter().position(|known| known.name == entry.name) {
            Some(known) => interfaces[known].addresses.push(address),
            None if interfaces.len() < MAX_INTERFACES => interfaces.push(Interface {
                name: entry.name.clone(),
                kind: InterfaceKind::judge(&entry.name, entry.is_loopback(), entry.is_p2p()),
                addresses: vec![address],
            }),
            None => {}
        }
    }
    interfaces
}

/// The way out of each family that has one: towards somewhere far that nobody has.
pub(super) fn ways_out(interfaces: &[Interface]) -> Vec<WayOut> {
    let far =
        [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];
    let way = |far: IpAddr| {
        let local = local_towards(SocketAddr::new(far, 9))?;
        let has = |interface: &&Interface| interface.addresses.iter().any(|address| address.ip == local);
        let interface = interfaces.iter().find(has).map(|interface| interface.name.clone());
        Some(WayOut { family: Family::of(far), local, interface })
    };
    far.into_iter().filter_map(way).collect()
}

/// Our own address on the way there. Connecting a datagram socket sends nothing.
pub(super) fn local_towards(there: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((any_like(there.ip()), 0)).ok()?;
    socket.connect(there).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The address that stands for all of a family.
pub(super) const fn any_like(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_reaches_itself_by_loopback() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(local_towards(SocketAddr::new(loopback, 9)), Some(loopback));
        let interfaces = list();
        let own = interfaces.iter().find(|one| one.addresses.iter().any(|address| address.ip == loopback));
        assert_eq!(own.unwrap().kind, InterfaceKind::Loopback);
    }
}
