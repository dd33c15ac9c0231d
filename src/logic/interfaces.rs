//! The network interfaces of this computer: what each one is, and whether a call may start from its address.
//!
//! The system tells names, flags and addresses; what they mean is judged here. An address that leads nowhere costs more
//! than it gives: every one is a socket, a question to every server and a row of checks that nobody answers. So a network
//! inside this computer (of containers, of virtual machines) is left out, unless nothing else is there: inside a
//! container it is the only way out. A VPN is used, because it may be the only way too.
//!
//! Names are a weak hint, and the only one on some systems. What the system knows better (`wireless`, `leads_out`) wins.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What an interface is, as far as can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterfaceKind {
    /// A cable.
    Ethernet,
    /// A wireless network.
    Wifi,
    /// A mobile network.
    Cellular,
    /// A tunnel to another network.
    Vpn,
    /// A network inside this computer.
    Virtual,
    /// This computer itself.
    Loopback,
    /// An address that a computer gives itself, good for one cable.
    LinkLocal,
    /// Something else: on some systems a cable and a wireless network have the same names.
    Unknown,
}

impl InterfaceKind {
    /// As it stands in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "cable",
            Self::Wifi => "Wi-Fi",
            Self::Cellular => "mobile network",
            Self::Vpn => "VPN",
            Self::Virtual => "virtual network",
            Self::Loopback => "this computer itself",
            Self::LinkLocal => "self-given address",
            Self::Unknown => "network",
        }
    }
}

/// Why no call starts from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// The interface is off, or has no cable in it.
    Down,
    /// Only this computer itself is there.
    OnlyThisComputer,
    /// It reaches no further than one cable.
    OnlyThisCable,
    /// It leads into this computer, and another one leads out.
    InsideThisComputer,
    /// The system keeps it for connections that began earlier.
    GoingAway,
    /// An IPv4 path in disguise, slower than itself.
    Disguised,
    /// No address of a single computer.
    NoSingleAddress,
    /// Other addresses were asked for.
    NotAskedFor,
    /// A temporary address of the same network is used instead of this one, which would make the computer known again.
    Lasting,
    /// There are more interfaces than are used.
    TooMany,
}

impl WhyNot {
    /// In words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Down => "it is off, or has no cable in it",
            Self::OnlyThisComputer => "it reaches only this computer itself",
            Self::OnlyThisCable => {
                "the computer gave itself this address; it reaches no further than one cable"
            }
            Self::InsideThisComputer => "it leads to virtual machines or containers inside this computer",
            Self::GoingAway => "the system keeps it only for connections that began earlier",
            Self::Disguised => "it is an IPv4 path in disguise",
            Self::NoSingleAddress => "it is not the address of a single computer",
            Self::NotAskedFor => "other addresses were asked for",
            Self::Lasting => "a temporary address of the same network is used instead",
            Self::TooMany => "there are more interfaces than a call uses",
        }
    }
}

/// One address of this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSeen {
    /// The system's name for the interface.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub kind: InterfaceKind,
    /// Whether calls start from it.
    pub used: bool,
    /// Why they do not.
    pub why_not: Option<WhyNot>,
}

/// What a system tells of an interface and its address, besides the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Switched on, with something at the other end.
    pub up: bool,
    /// Nothing but one other end can be on it.
    pub point_to_point: bool,
    /// What the system says of wireless, where it says so.
    pub wireless: Option<bool>,
    /// The system would go this way to the world: whatever its name, it is used.
    pub leads_out: bool,
    /// An address that the system keeps only for old connections (RFC 4862: deprecated).
    pub deprecated: bool,
}

/// Judges one address of one interface by itself. [`settle`] looks at them together.
pub fn judge(name: &str, flags: Flags, address: IpAddr) -> InterfaceSeen {
    let kind = kind_of(name, flags, address);
    let why_not = if !flags.up {
        Some(WhyNot::Down)
    } else if !is_single(address) {
        Some(WhyNot::NoSingleAddress)
    } else if is_disguised(address) {
        Some(WhyNot::Disguised)
    } else if flags.deprecated {
        Some(WhyNot::GoingAway)
    } else {
        match kind {
            InterfaceKind::Loopback => Some(WhyNot::OnlyThisComputer),
            InterfaceKind::LinkLocal => Some(WhyNot::OnlyThisCable),
            InterfaceKind::Virtual if !flags.leads_out => Some(WhyNot::InsideThisComputer),
            InterfaceKind::Ethernet
            | InterfaceKind::Wifi
            | InterfaceKind::Cellular
            | InterfaceKind::Vpn
            | InterfaceKind::Virtual
            | InterfaceKind::Unknown => None,
        }
    };
    InterfaceSeen { name: name.to_owned(), address, kind, used: why_not.is_none(), why_not }
}

/// Where an interface has a temporary address, for privacy, the lasting ones of the same network are not shown to anybody.
pub fn prefer_temporary(seen: &mut [InterfaceSeen], temporary: &[IpAddr]) {
    let network = |interface: &InterfaceSeen| match interface.address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some((interface.name.clone(), address.to_bits() >> 64)),
    };
    let private: Vec<_> = seen
        .iter()
        .filter(|interface| interface.used && temporary.contains(&interface.address))
        .filter_map(network)
        .collect();
    for interface in seen.iter_mut().filter(|interface| interface.used) {
        let has_other = network(interface).is_some_and(|network| private.contains(&network));
        if has_other && !temporary.contains(&interface.address) {
            interface.used = false;
            interface.why_not = Some(WhyNot::Lasting);
        }
    }
}

/// Looks at all of them together: where nothing better is there, networks inside this computer are used, and where there is
/// no network at all, the computer itself, so that two installations on it can still call each other. At most `most` are
/// used, the likeliest first.
pub fn settle(seen: &mut [InterfaceSeen], most: usize) {
    for reason in [WhyNot::InsideThisComputer, WhyNot::OnlyThisComputer] {
        if !seen.iter().any(|interface| interface.used) {
            for interface in seen.iter_mut().filter(|interface| interface.why_not == Some(reason)) {
                interface.used = true;
                interface.why_not = None;
            }
        }
    }
    seen.sort_by_key(|interface| (!interface.used, interface.kind, interface.address));
    for interface in seen.iter_mut().filter(|interface| interface.used).skip(most) {
        interface.used = false;
        interface.why_not = Some(WhyNot::TooMany);
    }
}

fn kind_of(name: &str, flags: Flags, address: IpAddr) -> InterfaceKind {
    if address.is_loopback() {
        return InterfaceKind::Loopback;
    }
    if is_link_local(address) {
        return InterfaceKind::LinkLocal;
    }
    match (kind_by_name(name), flags.wireless) {
        (InterfaceKind::Ethernet | InterfaceKind::Unknown, Some(true)) => InterfaceKind::Wifi,
        (InterfaceKind::Unknown, _) if flags.point_to_point => InterfaceKind::Vpn,
        (InterfaceKind::Unknown, Some(false)) => InterfaceKind::Ethernet,
        (kind, _) => kind,
    }
}

/// Beginnings of names, in lower case. The first that fits counts, so a longer one stands before a shorter one.
const BEGINNINGS: &[(&str, InterfaceKind)] = &[
    // Linux, and Unix in general
    ("docker", InterfaceKind::Virtual),
    ("podman", InterfaceKind::Virtual),
    ("br-", InterfaceKind::Virtual),
    ("veth", InterfaceKind::Virtual),
    ("virbr", InterfaceKind::Virtual),
    ("vnet", InterfaceKind::Virtual),
    ("vmnet", InterfaceKind::Virtual),
    ("vboxnet", InterfaceKind::Virtual),
    ("lxc", InterfaceKind::Virtual),
    ("lxd", InterfaceKind::Virtual),
    ("incus", InterfaceKind::Virtual),
    ("cni", InterfaceKind::Virtual),
    ("flannel", InterfaceKind::Virtual),
    ("cali", InterfaceKind::Virtual),
    ("waydroid", InterfaceKind::Virtual),
    ("tun", InterfaceKind::Vpn),
    ("tap", InterfaceKind::Vpn),
    ("wg", InterfaceKind::Vpn),
    ("ppp", InterfaceKind::Vpn),
    ("ipsec", InterfaceKind::Vpn),
    ("tailscale", InterfaceKind::Vpn),
    ("zt", InterfaceKind::Vpn),
    ("nordlynx", InterfaceKind::Vpn),
    ("proton", InterfaceKind::Vpn),
    ("mullvad", InterfaceKind::Vpn),
    ("nebula", InterfaceKind::Vpn),
    ("gpd", InterfaceKind::Vpn),
    ("wwan", InterfaceKind::Cellular),
    ("wwp", InterfaceKind::Cellular),
    ("wws", InterfaceKind::Cellular),
    ("rmnet", InterfaceKind::Cellular),
    ("wl", InterfaceKind::Wifi),
    ("wifi", InterfaceKind::Wifi),
    ("ath", InterfaceKind::Wifi),
    ("eth", InterfaceKind::Ethernet),
    ("eno", InterfaceKind::Ethernet),
    ("enp", InterfaceKind::Ethernet),
    ("ens", InterfaceKind::Ethernet),
    ("enx", InterfaceKind::Ethernet),
    // macOS: `en0` is a cable on one model and wireless on the next, so it is not named here
    ("utun", InterfaceKind::Vpn),
    ("pdp_ip", InterfaceKind::Cellular),
    ("bridge1", InterfaceKind::Virtual),
    ("feth", InterfaceKind::Virtual),
    // Windows, where people see names and may change them
    ("vethernet", InterfaceKind::Virtual),
    ("vmware", InterfaceKind::Virtual),
    ("virtualbox", InterfaceKind::Virtual),
    ("wi-fi", InterfaceKind::Wifi),
    ("wireless", InterfaceKind::Wifi),
    ("cellular", InterfaceKind::Cellular),
    ("mobile broadband", InterfaceKind::Cellular),
    ("openvpn", InterfaceKind::Vpn),
    ("wireguard", InterfaceKind::Vpn),
];

fn kind_by_name(name: &str) -> InterfaceKind {
    let name = name.to_lowercase();
    let known = BEGINNINGS.iter().find(|(beginning, _)| name.starts_with(beginning));
    match known {
        Some((_, kind)) => *kind,
        None if name.contains("vpn") => InterfaceKind::Vpn,
        None => InterfaceKind::Unknown,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_single(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || broadcast)
}

/// Teredo, 6to4, and IPv4 written as IPv6.
fn is_disguised(address: IpAddr) -> bool {
    let IpAddr::V6(address) = address else { return false };
    let [first, second, ..] = address.segments();
    let teredo = (first, second) == (0x2001, 0);
    teredo || first == 0x2002 || Ipv6Addr::to_ipv4_mapped(&address).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Flags =
        Flags { up: true, point_to_point: false, wireless: None, leads_out: false, deprecated: false };

    fn seen(name: &str, address: &str) -> InterfaceSeen {
        judge(name, UP, address.parse().unwrap())
    }

    #[test]
    fn each_name_and_address_is_judged() {
        use InterfaceKind as Kind;
        for (name, address, kind, why_not) in [
            ("eth0", "192.168.1.4", Kind::Ethernet, None),
            ("enp3s0", "2001:db8::1", Kind::Ethernet, None),
            ("en0", "192.168.1.4", Kind::Unknown, None),
            ("wlp2s0", "192.168.1.4", Kind::Wifi, None),
            ("Wi-Fi", "192.168.1.4", Kind::Wifi, None),
            ("wwan0", "10.1.2.3", Kind::Cellular, None),
            ("pdp_ip0", "10.1.2.3", Kind::Cellular, None),
            ("wg0", "10.8.0.2", Kind::Vpn, None),
            ("utun4", "100.64.0.7", Kind::Vpn, None),
            ("Firma-VPN", "10.8.0.2", Kind::Vpn, None),
            ("lo", "127.0.0.1", Kind::Loopback, Some(WhyNot::OnlyThisComputer)),
            ("lo0", "::1", Kind::Loopback, Some(WhyNot::OnlyThisComputer)),
            ("eth0", "169.254.3.4", Kind::LinkLocal, Some(WhyNot::OnlyThisCable)),
            ("eth0", "fe80::1", Kind::LinkLocal, Some(WhyNot::OnlyThisCable)),
            ("docker0", "172.17.0.1", Kind::Virtual, Some(WhyNot::InsideThisComputer)),
            ("vEthernet (WSL)", "172.20.0.1", Kind::Virtual, Some(WhyNot::InsideThisComputer)),
            ("eth0", "0.0.0.0", Kind::Ethernet, Some(WhyNot::NoSingleAddress)),
            ("eth0", "ff02::1", Kind::Ethernet, Some(WhyNot::NoSingleAddress)),
            ("Teredo", "2001:0:1::2", Kind::Unknown, Some(WhyNot::Disguised)),
            ("eth0", "2002:c000:204::1", Kind::Ethernet, Some(WhyNot::Disguised)),
        ] {
            let judged = seen(name, address);
            assert_eq!((judged.kind, judged.why_not), (kind, why_not), "{name} {address}");
            assert_eq!(judged.used, judged.why_not.is_none());
        }
    }

    #[test]
    fn what_the_system_knows_is_worth_more_than_a_name() {
        let address = "192.168.1.4".parse().unwrap();
        let with = |name, flags| judge(name, flags, address);
        assert_eq!(with("en0", Flags { wireless: Some(true), ..UP }).kind, InterfaceKind::Wifi);
        assert_eq!(with("en0", Flags { wireless: Some(false), ..UP }).kind, InterfaceKind::Ethernet);
        assert_eq!(with("work", Flags { point_to_point: true, ..UP }).kind, InterfaceKind::Vpn);
        assert!(with("vEthernet (External)", Flags { leads_out: true, ..UP }).used);
        assert_eq!(with("eth0", Flags { up: false, ..UP }).why_not, Some(WhyNot::Down));
        assert_eq!(with("eth0", Flags { deprecated: true, ..UP }).why_not, Some(WhyNot::GoingAway));
    }

    #[test]
    fn a_network_inside_this_computer_is_used_where_there_is_no_other() {
        let mut both = [seen("docker0", "172.17.0.1"), seen("eth0", "192.168.1.4"), seen("lo", "127.0.0.1")];
        settle(&mut both, 8);
        let used: Vec<_> = both.iter().filter(|one| one.used).map(|one| one.name.as_str()).collect();
        assert_eq!(used, ["eth0"]);

        let mut inside = [seen("veth0", "172.17.0.2"), seen("lo", "127.0.0.1")];
        settle(&mut inside, 8);
        assert_eq!((inside[0].name.as_str(), inside[0].used, inside[1].used), ("veth0", true, false));

        let mut alone = [seen("lo", "127.0.0.1")];
        settle(&mut alone, 8);
        assert!(alone[0].used, "two installations on one computer can still call each other");
    }

    #[test]
    fn a_temporary_address_stands_for_the_lasting_ones_of_its_network() {
        let mut all =
            ["2001:db8::7", "2001:db8::99", "2001:db8:1::7", "192.168.1.4"].map(|at| seen("eth0", at));
        prefer_temporary(&mut all, &["2001:db8::99".parse().unwrap()]);
        let used: Vec<_> = all.iter().filter(|one| one.used).map(|one| one.address.to_string()).collect();
        assert_eq!(used, ["2001:db8::99", "2001:db8:1::7", "192.168.1.4"]);
        assert_eq!(all[0].why_not, Some(WhyNot::Lasting));
    }

    #[test]
    fn no_more_are_used_than_the_limit() {
        let mut many: Vec<_> = (1..=20).map(|n| seen("eth0", &format!("10.0.0.{n}"))).collect();
        many.push(seen("wlan0", "10.0.1.1"));
        settle(&mut many, 8);
        assert_eq!(many.iter().filter(|one| one.used).count(), 8);
        assert!(many.iter().all(|one| one.used != (one.why_not == Some(WhyNot::TooMany))));
    }
}
