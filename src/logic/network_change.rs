//! How the network of this computer changed, and what that means for a call.
//!
//! The edge lists what there is; here two lists are compared. Not every difference matters: a computer with containers
//! makes and drops interfaces all day, and an address that is renewed under another name carries the call as before. A call
//! *must move* when what carries it is gone, and *may improve* when there is something new that could be better.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::interfaces::{InterfaceKind, InterfaceSeen, WhyNot};

/// The network of this computer at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSeen {
    /// Every address, judged, those in use first.
    pub interfaces: Vec<InterfaceSeen>,
    /// Which way the system would go to the world, one entry for each version of IP that leads there.
    pub ways_out: Vec<WayOut>,
}

/// How the system reaches the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WayOut {
    /// The address that it would do it from.
    pub from: IpAddr,
    /// The router that it would go through, where that is known.
    pub through: Option<IpAddr>,
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum NetworkChange {
    /// An address is there, or good for calls, that was not.
    Came {
        /// The system's name for its interface.
        interface: String,
        /// Which.
        address: IpAddr,
        /// What it is of.
        kind: InterfaceKind,
    },
    /// An address is gone, or no longer good for calls.
    Went {
        /// The system's name for its interface.
        interface: String,
        /// Which.
        address: IpAddr,
        /// What it is of.
        kind: InterfaceKind,
    },
    /// The system reaches the world another way.
    Rerouted {
        /// How it did.
        from: Option<WayOut>,
        /// How it does now.
        to: Option<WayOut>,
    },
}

/// What a change means for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkVerdict {
    /// The call need not care.
    Nothing,
    /// Something new is there that could carry it better.
    MayImprove,
    /// What carries it is gone.
    MustMove,
}

impl NetworkSeen {
    /// The way out of the version of IP that an address is of.
    pub fn way_out(&self, like: IpAddr) -> Option<WayOut> {
        self.ways_out.iter().find(|way| way.from.is_ipv4() == like.is_ipv4()).copied()
    }

    /// The addresses that calls start from.
    pub fn usable(&self) -> impl Iterator<Item = &InterfaceSeen> {
        self.interfaces.iter().filter(|interface| interface.used)
    }

    fn finds(&self, address: IpAddr) -> Option<&InterfaceSeen> {
        self.interfaces.iter().find(|interface| interface.address == address)
    }

    /// Whether what was bound to an address still works.
    fn still_has(&self, address: IpAddr) -> bool {
        self.finds(address).is_some_and(|interface| match interface.why_not {
            Some(WhyNot::Down) => false,
            None
            | Some(
                WhyNot::OnlyThisComputer
                | WhyNot::OnlyThisCable
                | WhyNot::InsideThisComputer
                | WhyNot::GoingAway
                | WhyNot::Disguised
                | WhyNot::NoSingleAddress
                | WhyNot::NotAskedFor
                | WhyNot::Lasting
                | WhyNot::TooMany,
            ) => true,
        })
    }
}

/// Everything that matters for calls and differs between two moments.
pub fn changes(before: &NetworkSeen, after: &NetworkSeen) -> Vec<NetworkChange> {
    let is_in = |network: &NetworkSeen, one: &InterfaceSeen| {
        network.finds(one.address).is_some_and(|interface| interface.used)
    };
    let (name, address, kind) = (
        |one: &InterfaceSeen| one.name.clone(),
        |one: &InterfaceSeen| one.address,
        |one: &InterfaceSeen| one.kind,
    );
    let went = before.usable().filter(|one| !is_in(after, one)).map(|one| NetworkChange::Went {
        interface: name(one),
        address: address(one),
        kind: kind(one),
    });
    let came = after.usable().filter(|one| !is_in(before, one)).map(|one| NetworkChange::Came {
        interface: name(one),
        address: address(one),
        kind: kind(one),
    });
    let rerouted = [IpAddr::from([0; 4]), IpAddr::from([0; 16])].into_iter().filter_map(|version| {
        let (from, to) = (before.way_out(version), after.way_out(version));
        (from != to).then_some(NetworkChange::Rerouted { from, to })
    });
    went.chain(came).chain(rerouted).collect()
}

/// The addresses that a call should move to: those that calls start from, without one that the system has just left for
/// another. It is still there, often not for long: a cable was plugged in, and the radio is switched off next. Empty where
/// there is nothing to choose.
pub fn ahead(before: &NetworkSeen, after: &NetworkSeen) -> Vec<IpAddr> {
    let is_left = |address: IpAddr| {
        let was_used = before.ways_out.iter().any(|way| way.from == address);
        was_used && after.way_out(address).is_some_and(|way| way.from != address)
    };
    let all: Vec<_> = after.usable().map(|interface| interface.address).collect();
    let ahead: Vec<_> = all.iter().copied().filter(|address| !is_left(*address)).collect();
    if ahead.len() == all.len() { Vec::new() } else { ahead }
}

/// What a change means for a call that is carried from an address of this computer. Where that is not known, whatever was
/// lost may have carried it.
pub fn judge(before: &NetworkSeen, after: &NetworkSeen, carried_from: Option<IpAddr>) -> NetworkVerdict {
    changes(before, after)
        .iter()
        .map(|change| match change {
            NetworkChange::Came { .. } => NetworkVerdict::MayImprove,
            NetworkChange::Went { address, .. } => {
                let carried = carried_from.is_none_or(|from| from == *address);
                // An address that is going away carries what it carried, and there is time to look for another.
                match (carried, after.still_has(*address)) {
                    (true, false) => NetworkVerdict::MustMove,
                    (true, true) => NetworkVerdict::MayImprove,
                    (false, _) => NetworkVerdict::Nothing,
                }
            }
            NetworkChange::Rerouted { from: Some(from), to } => {
                let carried = carried_from.is_none_or(|address| address == from.from);
                let stays = to.is_some_and(|to| to.from == from.from);
                match (carried, to, stays) {
                    // No way out any more, or another router, which knows nothing of what went through the old one.
                    (true, None, _) | (true, Some(_), true) => NetworkVerdict::MustMove,
                    (_, Some(_), false) => NetworkVerdict::MayImprove,
                    (false, None, _) | (false, Some(_), true) => NetworkVerdict::Nothing,
                }
            }
            NetworkChange::Rerouted { from: None, .. } => NetworkVerdict::MayImprove,
        })
        .max()
        .unwrap_or(NetworkVerdict::Nothing)
}

impl fmt::Display for NetworkChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Came { interface, address, kind } => {
                write!(f, "{address} came ({}, {interface})", kind.name())
            }
            Self::Went { interface, address, kind } => {
                write!(f, "{address} went ({}, {interface})", kind.name())
            }
            Self::Rerouted { from, to } => {
                let way =
                    |way: Option<WayOut>| way.map_or_else(|| "nowhere".to_owned(), |way| way.to_string());
                write!(f, "the way out was {}, and is {}", way(*from), way(*to))
            }
        }
    }
}

impl fmt::Display for WayOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.through {
            Some(router) => write!(f, "from {} through {router}", self.from),
            None => write!(f, "from {}", self.from),
        }
    }
}

/// All of them in one line.
pub fn sentence(changes: &[NetworkChange]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::interfaces::{Flags, judge as judge_interface, settle};

    const UP: Flags =
        Flags { up: true, point_to_point: false, wireless: None, leads_out: false, deprecated: false };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(interfaces: &[(&str, &str)], ways_out: &[(&str, &str)]) -> NetworkSeen {
        let mut interfaces: Vec<_> =
            interfaces.iter().map(|(name, address)| judge_interface(name, UP, ip(address))).collect();
        settle(&mut interfaces, 8);
        let ways_out =
            ways_out.iter().map(|(from, through)| WayOut { from: ip(from), through: Some(ip(through)) });
        NetworkSeen { interfaces, ways_out: ways_out.collect() }
    }

    const LO: (&str, &str) = ("lo", "127.0.0.1");
    const WIFI: (&str, &str) = ("wlan0", "192.168.1.4");
    const CABLE: (&str, &str) = ("eth0", "192.168.2.7");
    const WIFI_OUT: (&str, &str) = ("192.168.1.4", "192.168.1.1");
    const CABLE_OUT: (&str, &str) = ("192.168.2.7", "192.168.2.1");

    #[test]
    fn what_changed_decides_whether_a_call_moves() {
        use NetworkVerdict::{MayImprove, MustMove, Nothing};
        let wifi = network(&[LO, WIFI], &[WIFI_OUT]);
        let on_wifi = Some(ip(WIFI.1));
        for (what, after, verdict) in [
            ("nothing", wifi.clone(), Nothing),
            (
                "a network of containers",
                network(&[LO, WIFI, ("docker0", "172.17.0.1")], &[WIFI_OUT]),
                Nothing,
            ),
            ("a cable beside", network(&[LO, WIFI, CABLE], &[WIFI_OUT]), MayImprove),
            ("a cable that the system prefers", network(&[LO, WIFI, CABLE], &[CABLE_OUT]), MayImprove),
            ("a cable instead", network(&[LO, CABLE], &[CABLE_OUT]), MustMove),
            (
                "another address",
                network(&[LO, ("wlan0", "192.168.1.9")], &[("192.168.1.9", WIFI_OUT.1)]),
                MustMove,
            ),
            ("another router", network(&[LO, WIFI], &[(WIFI.1, "192.168.1.2")]), MustMove),
            ("no way out", network(&[LO, WIFI], &[]), MustMove),
            ("no network", network(&[LO], &[]), MustMove),
            ("IPv6 as well", network(&[LO, WIFI, ("wlan0", "2001:db8::4")], &[WIFI_OUT]), MayImprove),
            ("a VPN", network(&[LO, WIFI, ("wg0", "10.8.0.2")], &[WIFI_OUT]), MayImprove),
        ] {
            assert_eq!(judge(&wifi, &after, on_wifi), verdict, "{what}");
        }
    }

    #[test]
    fn what_does_not_carry_the_call_may_go() {
        let both = network(&[LO, WIFI, CABLE], &[CABLE_OUT]);
        let cable = network(&[LO, CABLE], &[CABLE_OUT]);
        assert_eq!(judge(&both, &cable, Some(ip(CABLE.1))), NetworkVerdict::Nothing);
        assert_eq!(judge(&both, &cable, Some(ip(WIFI.1))), NetworkVerdict::MustMove);
        assert_eq!(judge(&both, &cable, None), NetworkVerdict::MustMove, "it may have carried it");
        let back = network(&[LO], &[]);
        assert_eq!(judge(&back, &cable, None), NetworkVerdict::MayImprove, "the network is back");
    }

    #[test]
    fn a_call_moves_ahead_of_an_address_that_the_system_has_left() {
        let wifi = network(&[LO, WIFI], &[WIFI_OUT]);
        let ahead_of = |after| ahead(&wifi, &after);
        assert_eq!(ahead_of(network(&[LO, WIFI, CABLE], &[CABLE_OUT])), [ip(CABLE.1)]);
        assert!(ahead_of(network(&[LO, WIFI, CABLE], &[WIFI_OUT])).is_empty(), "the system has not moved");
        assert!(ahead_of(network(&[LO, CABLE], &[CABLE_OUT])).is_empty(), "there is nothing to choose");
        assert!(ahead_of(network(&[LO, WIFI], &[])).is_empty(), "there is no other way out");
    }

    #[test]
    fn an_address_that_is_going_away_leaves_time() {
        let flags = |deprecated| Flags { deprecated, ..UP };
        let at = |address, deprecated| judge_interface("eth0", flags(deprecated), ip(address));
        let before = NetworkSeen { interfaces: vec![at("2001:db8::1", false)], ways_out: Vec::new() };
        let after = NetworkSeen {
            interfaces: vec![at("2001:db8::2", false), at("2001:db8::1", true)],
            ways_out: Vec::new(),
        };
        assert_eq!(judge(&before, &after, Some(ip("2001:db8::1"))), NetworkVerdict::MayImprove);
    }

    #[test]
    fn a_change_is_told_in_words() {
        let (before, after) = (network(&[LO, WIFI], &[WIFI_OUT]), network(&[LO, CABLE], &[CABLE_OUT]));
        assert_eq!(
            sentence(&changes(&before, &after)),
            "192.168.1.4 went (Wi-Fi, wlan0); 192.168.2.7 came (cable, eth0); the way out was from 192.168.1.4 through \
             192.168.1.1, and is from 192.168.2.7 through 192.168.2.1"
        );
        assert!(changes(&before, &before).is_empty());
    }
}
