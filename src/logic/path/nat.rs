//! What can be known of the NAT on either side, and no more.
//!
//! Ours: servers say at which address they see a socket of ours. Where two of them (or one at two ports) see the same, the
//! NAT gives that socket one public address towards everybody, and a direct path is likely.
//!
//! Theirs: they tell what servers saw. Where a check of theirs comes from another port than the one they named, their NAT
//! gives each destination another one; where it comes from the very one, it does not.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use crate::logic::{
    candidate::{CandidateLine, Kind},
    servers::Transport,
};

use super::{
    facts::{Facts, Way, is_inside},
    report::{Mapping, NatView, Place, Presence},
};

pub(super) fn ours(facts: &Facts<'_>) -> NatView {
    // One socket of a leg for each address; asked are addresses of servers, not their names.
    let mut sockets: BTreeMap<IpAddr, BTreeMap<SocketAddr, SocketAddr>> = BTreeMap::new();
    for seen in facts.leg.iter().flat_map(|leg| &leg.seen.servers) {
        if let (Transport::Udp, Some(asked), Some(mapped)) = (seen.url.transport, seen.address, seen.mapped) {
            sockets.entry(seen.from).or_default().insert(asked, mapped);
        }
    }
    let seen_at = |answers: &BTreeMap<SocketAddr, SocketAddr>| -> BTreeSet<SocketAddr> {
        answers.values().copied().collect()
    };
    let public: BTreeSet<_> = sockets.values().flat_map(seen_at).collect();
    let presence = match sockets
        .iter()
        .flat_map(|(from, answers)| answers.values().map(move |at| at.ip() == *from))
        .collect::<Vec<_>>()
    {
        own if own.is_empty() => Presence::Unknown,
        own if own.iter().all(|own| *own) => Presence::None,
        _ => Presence::Present,
    };
    let mapping = if sockets.values().any(|answers| seen_at(answers).len() > 1) {
        Mapping::Varying
    } else if sockets.values().any(|answers| answers.len() > 1) {
        Mapping::Same
    } else {
        Mapping::Unknown
    };
    let at = listed(public.iter().map(|at| at.ip()));
    let inside = !public.is_empty() && public.iter().all(|at| is_inside(at.ip()));
    let sentence = match (presence, mapping) {
        (Presence::Unknown, _) => "No server told us yet at which address the world sees us".to_owned(),
        (Presence::None, _) if inside => {
            format!(
                "There is no NAT between us and the server, which sees us at {at}; how the world sees us is not known"
            )
        }
        (Presence::None, _) => {
            format!("There is no NAT on our side: the world sees us at our own address {at}")
        }
        (Presence::Present, _) if inside => {
            format!("Servers inside our own network see us at {at}; how the world sees us is not known")
        }
        (Presence::Present, Mapping::Same) => {
            format!("The world sees us at {at}, at one port whoever looks: direct paths are likely")
        }
        (Presence::Present, Mapping::Varying) => format!(
            "The world sees us at {at}, at another port for each who looks: direct paths work only to some networks"
        ),
        (Presence::Present, Mapping::Unknown) => {
            format!(
                "The world sees us at {at}; whether at one port whoever looks, one server alone cannot tell"
            )
        }
    };
    NatView { presence, mapping, public: public.into_iter().map(Place::from).collect(), sentence }
}

pub(super) fn theirs(facts: &Facts<'_>) -> NatView {
    let candidates: Vec<_> =
        facts.remote().iter().flat_map(|remote| &remote.list).map(|(_, candidate)| candidate).collect();
    let of_kind = |kind| candidates.iter().copied().filter(move |candidate| candidate.kind == kind);
    let reflexive: Vec<_> = of_kind(Kind::ServerReflexive).collect();
    let open: Vec<_> = of_kind(Kind::Host).filter(|host| is_public(&host.address)).collect();
    let mut public: BTreeSet<Place> =
        reflexive.iter().chain(&open).map(|candidate| place(candidate)).collect();
    let mapping = mapping_of_theirs(facts, &reflexive);
    let moved = moved_ports(facts, &reflexive);
    public.extend(moved.into_iter().map(Place::from));
    // What servers see is an address of their computer itself: the one behind it, or one that they named as such.
    let is_own = |seen: &&CandidateLine| {
        let behind = seen.related.as_deref().and_then(|related| related.rsplit_once(':'));
        behind.is_some_and(|(host, _)| host == seen.address)
            || of_kind(Kind::Host).any(|own| own.address == seen.address)
    };
    let presence = if reflexive.iter().any(|seen| !is_own(seen)) {
        Presence::Present
    } else if !open.is_empty() || !reflexive.is_empty() {
        Presence::None
    } else {
        Presence::Unknown
    };
    let at = listed(public.iter().filter_map(|place| place.host.parse().ok()));
    let sentence = match (presence, mapping) {
        (Presence::Unknown, _) if candidates.is_empty() => "They named no address yet".to_owned(),
        (Presence::Unknown, _) => {
            "They named no address at which the world sees them; whether there is a NAT is not known"
                .to_owned()
        }
        (Presence::None, _) => format!("There seems to be no NAT on their side: their own address is {at}"),
        (Presence::Present, Mapping::Same) => {
            format!("The world sees them at {at}, and we at the port they named: direct paths are likely")
        }
        (Presence::Present, Mapping::Varying) => format!(
            "The world sees them at {at}, at another port for each who looks: direct paths work only to some networks"
        ),
        (Presence::Present, Mapping::Unknown) => {
            format!("The world sees them at {at}; whether at one port whoever looks is not known")
        }
    };
    NatView { presence, mapping, public: public.into_iter().collect(), sentence }
}

fn mapping_of_theirs(facts: &Facts<'_>, reflexive: &[&CandidateLine]) -> Mapping {
    let several = reflexive.iter().any(|one| {
        one.related.as_deref().is_some_and(|behind| !hides(behind))
            && reflexive.iter().any(|other| {
                other.related == one.related && other.address == one.address && other.port != one.port
            })
    });
    let as_named = facts.pairs.iter().any(|pair| {
        pair.way == Way::Direct
            && pair.remote_kind == Kind::ServerReflexive
            && pair.seen.heard + pair.seen.answered > 0
    });
    if several || !moved_ports(facts, reflexive).is_empty() {
        Mapping::Varying
    } else if as_named {
        Mapping::Same
    } else {
        Mapping::Unknown
    }
}

/// Where they are met at their public address, but at a port that they did not name.
fn moved_ports(facts: &Facts<'_>, reflexive: &[&CandidateLine]) -> Vec<SocketAddr> {
    let is_theirs = |address: SocketAddr| {
        let ip = address.ip().to_string();
        reflexive.iter().any(|candidate| candidate.address == ip)
            && !reflexive.iter().any(|candidate| candidate.is_at(&ip, address.port()))
    };
    let met =
        facts.pairs.iter().filter(|pair| pair.remote_kind == Kind::PeerReflexive && pair.seen.heard > 0);
    met.map(|pair| pair.seen.remote).filter(|address| is_theirs(*address)).collect()
}

/// Browsers name no address behind one that servers see.
fn hides(behind: &str) -> bool {
    behind.starts_with("0.0.0.0") || behind.starts_with("::")
}

fn is_public(address: &str) -> bool {
    address.parse().is_ok_and(|address| !is_inside(address))
}

fn place(candidate: &CandidateLine) -> Place {
    Place { host: candidate.address.clone(), port: candidate.port }
}

fn listed(addresses: impl Iterator<Item = IpAddr>) -> String {
    let addresses: BTreeSet<_> = addresses.collect();
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" and ")
}
