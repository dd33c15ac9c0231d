//! What Linux says of its network in `/proc/net` and `/sys/class/net`, and no library tells: which IPv6 addresses are
//! temporary, not yet or no longer good, through which router the world is reached, and what is wireless.
//!
//! A file that is not there (in a sandbox) or has another form than expected says nothing, and calls go on without it.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

const FOLDER: &str = "/proc/thread-self/net";
/// `IFA_F_TEMPORARY`, `IFA_F_DEPRECATED`, and of those that are not checked to be ours alone `IFA_F_TENTATIVE` and
/// `IFA_F_DADFAILED`.
const TEMPORARY: u8 = 0x01;
const DEPRECATED: u8 = 0x20;
const UNCHECKED: u8 = 0x40 | 0x08;
/// `RTF_UP`, `RTF_GATEWAY`.
const UP: u32 = 1;
const THROUGH_ROUTER: u32 = 2;

/// One IPv6 address and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AddressState {
    pub(super) address: Ipv6Addr,
    /// It changes every day or so, for privacy.
    pub(super) temporary: bool,
    /// It is kept for old connections only.
    pub(super) deprecated: bool,
    /// Nothing can be bound to it yet.
    pub(super) unchecked: bool,
}

/// A way to everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DefaultRoute {
    pub(super) interface: String,
    pub(super) through: IpAddr,
    metric: u32,
}

/// How each IPv6 address of this computer stands.
pub(super) fn address_states() -> Vec<AddressState> {
    read("if_inet6").lines().filter_map(address_state).collect()
}

/// The routers through which the world is reached, the preferred first.
pub(super) fn default_routes() -> Vec<DefaultRoute> {
    let mut routes: Vec<_> = read("route").lines().filter_map(route_of_v4).collect();
    routes.extend(read("ipv6_route").lines().filter_map(route_of_v6));
    routes.sort_by_key(|route| route.metric);
    routes
}

/// Whether an interface is wireless; `None` where the system does not know the interface.
pub(super) fn is_wireless(interface: &str) -> Option<bool> {
    let folder = Path::new("/sys/class/net").join(interface);
    // Interfaces named by people hold no slashes, but a name is not trusted to be none.
    (!interface.contains('/') && folder.exists())
        .then(|| ["wireless", "phy80211"].iter().any(|mark| folder.join(mark).exists()))
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(file)).unwrap_or_default()
}

/// `fe800000000000000000000000000001 02 40 20 80 eth0`: address, index, length of the prefix, scope, flags, interface.
fn address_state(line: &str) -> Option<AddressState> {
    let mut words = line.split_whitespace();
    let address = v6(words.next()?)?;
    let flags = u8::from_str_radix(words.nth(3)?, 16).ok()?;
    Some(AddressState {
        address,
        temporary: flags & TEMPORARY != 0,
        deprecated: flags & DEPRECATED != 0,
        unchecked: flags & UNCHECKED != 0,
    })
}

/// Interface, destination, router, flags, two counts, metric, mask; addresses as the processor keeps them.
fn route_of_v4(line: &str) -> Option<DefaultRoute> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [interface, "00000000", router, flags, _, _, metric, "00000000", ..] = words[..] else { return None };
    leads_through_router(flags)?;
    let router = u32::from_str_radix(router, 16).ok()?;
    Some(DefaultRoute {
        interface: interface.to_owned(),
        through: Ipv4Addr::from(router.to_ne_bytes()).into(),
        metric: metric.parse().ok()?,
    })
}

/// Destination, its length, source, its length, router, metric, two counts, flags, interface.
fn route_of_v6(line: &str) -> Option<DefaultRoute> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [_, "00", _, _, router, metric, _, _, flags, interface] = words[..] else { return None };
    leads_through_router(flags)?;
    Some(DefaultRoute {
        interface: interface.to_owned(),
        through: v6(router)?.into(),
        metric: u32::from_str_radix(metric, 16).ok()?,
    })
}

fn leads_through_router(flags: &str) -> Option<()> {
    let flags = u32::from_str_radix(flags, 16).ok()?;
    (flags & (UP | THROUGH_ROUTER) == (UP | THROUGH_ROUTER)).then_some(())
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok().map(Ipv6Addr::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_what_becomes_of_them() {
        let state = |line| address_state(line).unwrap();
        let usual = state("20010db8000000000000000000000007 02 40 00 80     eth0");
        assert_eq!(usual.address.to_string(), "2001:db8::7");
        assert!(!usual.temporary && !usual.deprecated && !usual.unchecked);
        assert!(state("20010db8000000000000000000000007 02 40 00 01 eth0").temporary);
        assert!(state("20010db8000000000000000000000007 02 40 00 21 eth0").deprecated);
        assert!(state("20010db8000000000000000000000007 02 40 00 c0 eth0").unchecked);
        for line in ["", "20010db8 02 40 00 80 eth0", "zz010db8000000000000000000000007 02 40 00 80 eth0"] {
            assert_eq!(address_state(line), None);
        }
    }

    #[test]
    fn the_routers_to_the_world_are_read() {
        let v4 = route_of_v4("eth0	00000000	0101A8C0	0003	0	0	100	00000000	0	0	0").unwrap();
        assert_eq!((v4.interface.as_str(), v4.metric), ("eth0", 100));
        #[cfg(target_endian = "little")]
        assert_eq!(v4.through.to_string(), "192.168.1.1");
        let nowhere = "0".repeat(32);
        let v6 =
            format!("{nowhere} 00 {nowhere} 00 fe800000000000000000000000000001 00000400 1 0 00450003 wlan0");
        let v6 = route_of_v6(&v6).unwrap();
        assert_eq!((v6.through.to_string().as_str(), v6.metric), ("fe80::1", 1024));
        for line in [
            "Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT",
            "eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0",
            "tun0	00000000	00000000	0001	0	0	0	00000000	0	0	0",
        ] {
            assert_eq!(route_of_v4(line), None, "{line}");
        }
    }
}
