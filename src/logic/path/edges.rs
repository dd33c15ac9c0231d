//! The lines of the picture, each with how it stands, and why it does not work where it does not.

use std::collections::BTreeSet;

use crate::logic::{
    candidate::{CandidateLine, Kind},
    interfaces::InterfaceSeen,
    servers::{Service, Transport},
};

use super::{
    PathPolicy, causes,
    facts::{Checks, Door, Facts, PairFact, Way, is_inside},
    nat,
    report::{Edge, EdgeStatus, Mapping, Node, PairState, Place},
};

/// All lines, from this computer to theirs.
pub(super) fn all(facts: &Facts<'_>) -> Vec<Edge> {
    let mut edges = vec![out(facts)];
    edges.extend(servers(facts));
    edges.push(direct(facts));
    edges.extend(from_our_relay(facts));
    edges.extend(over_their_relay(facts));
    edges.push(last(facts));
    edges
}

/// Why this computer does not get out at all.
pub(super) fn why_not_out(facts: &Facts<'_>) -> Option<String> {
    let interfaces = &facts.path.interfaces;
    if !interfaces.is_empty() && !interfaces.iter().any(|one| one.used) {
        return Some(no_interface(interfaces));
    }
    (facts.nothing_gets_out() && !facts.pairs.iter().any(|pair| pair.seen.answered > 0))
        .then(|| causes::of_silence(facts))
}

/// Why there is no direct path, once that is clear.
pub(super) fn why_not_direct(facts: &Facts<'_>) -> Option<String> {
    let checks = facts.checks(|way| way == Way::Direct);
    if checks.answered > 0 {
        return None;
    }
    if facts.path.policy.needs_relay() {
        return Some("only relayed paths are allowed".to_owned());
    }
    if facts.lets_no_udp_out() && checks.heard == 0 {
        return Some("this network lets no UDP out".to_owned());
    }
    if checks.are_unanswered() && checks.heard > 0 {
        return Some(one_way(checks));
    }
    if !facts.is_concluded() {
        return None;
    }
    if checks.sent == 0 {
        return why_no_pair(facts);
    }
    checks.are_unanswered().then(|| silent(facts, checks))
}

/// Why there is no relayed path, once that is clear.
pub(super) fn why_not_relayed(facts: &Facts<'_>) -> Option<String> {
    if facts.path.policy == PathPolicy::Direct {
        return Some("relayed paths are not allowed".to_owned());
    }
    let ours = facts.checks(|way| way != Way::Direct);
    if ours.answered > 0 {
        return None;
    }
    if facts.has_relay() {
        return facts
            .checks(|way| matches!(way, Way::OverOurRelay | Way::OverBoth))
            .are_unanswered()
            .then(|| behind_relay(facts));
    }
    let failed = facts.relay_doors().find(|door| door.status == EdgeStatus::Failed);
    match failed {
        Some(_) if facts.relay_doors().any(|door| door.status == EdgeStatus::Unknown) => None,
        Some(door) => causes::of_door(door, facts),
        None if facts.relay_doors().next().is_none() && facts.leg.is_some_and(|leg| leg.told.is_some()) => {
            let theirs = facts.remote().is_some_and(|remote| remote.of_kind(Kind::Relay).next().is_some());
            (!theirs).then(|| "no relay that could help is known".to_owned())
        }
        None => None,
    }
}

fn out(facts: &Facts<'_>) -> Edge {
    let cause = why_not_out(facts);
    let answered = facts
        .doors
        .iter()
        .flat_map(|door| &door.seen)
        .any(|seen| seen.answered > 0 || seen.reached_ms.is_some());
    let paired = facts.pairs.iter().any(|pair| pair.seen.answered > 0);
    let status = match (&cause, answered || paired) {
        (Some(_), _) => EdgeStatus::Failed,
        (None, true) => EdgeStatus::Works,
        (None, false)
            if facts.doors.iter().all(|door| door.status == EdgeStatus::Untried)
                && facts.pairs.is_empty() =>
        {
            EdgeStatus::Untried
        }
        (None, false) => EdgeStatus::Unknown,
    };
    let in_use = facts.pairs.iter().any(|pair| pair.in_use);
    Edge { from: Node::Us, to: Node::OurNat, over: None, status, in_use, round_trip_ms: None, cause }
}

fn servers(facts: &Facts<'_>) -> Vec<Edge> {
    let used = |door: &Door<'_>| {
        let lends = |pair: &PairFact<'_>| door.seen.iter().any(|seen| seen.relayed == Some(pair.seen.local));
        facts.pairs.iter().any(|pair| pair.in_use && lends(pair))
    };
    let edge = |door: &Door<'_>| {
        let Door { url, seen, status } = door;
        let to =
            Node::Server { server: Place { host: url.host.clone(), port: url.port }, service: url.service };
        Edge {
            from: Node::OurNat,
            to,
            over: Some(url.transport),
            status: *status,
            in_use: used(door),
            round_trip_ms: seen.iter().find_map(|seen| seen.round_trip_ms),
            cause: (*status == EdgeStatus::Failed).then(|| causes::of_door(door, facts)).flatten(),
        }
    };
    facts.doors.iter().map(edge).collect()
}

fn direct(facts: &Facts<'_>) -> Edge {
    let over = Some(Transport::Udp);
    pairs_edge(facts, Node::OurNat, Node::TheirNat, over, Way::Direct, why_not_direct(facts))
}

fn from_our_relay(facts: &Facts<'_>) -> Vec<Edge> {
    let servers =
        facts.leg.iter().flat_map(|leg| &leg.seen.servers).filter(|server| server.relayed.is_some());
    let mut places: Vec<_> =
        servers.map(|server| Place { host: server.url.host.clone(), port: server.url.port }).collect();
    places.sort();
    places.dedup_by(|one, other| one.host == other.host);
    let cause = || {
        facts
            .checks(|way| matches!(way, Way::OverOurRelay | Way::OverBoth))
            .are_unanswered()
            .then(|| behind_relay(facts))
            .filter(|_| facts.is_concluded())
    };
    places
        .into_iter()
        .map(|server| {
            let from = Node::Server { server, service: Service::Turn };
            pairs_edge(facts, from, Node::TheirNat, None, Way::OverOurRelay, cause())
        })
        .collect()
}

fn over_their_relay(facts: &Facts<'_>) -> Vec<Edge> {
    let named = facts.remote().into_iter().flat_map(|remote| remote.of_kind(Kind::Relay));
    let addresses: BTreeSet<_> = named.map(|candidate| candidate.address.clone()).collect();
    let mut edges = Vec::new();
    for address in addresses {
        let relay = || Node::TheirRelay { address: address.clone() };
        let checks = facts.checks(|way| way == Way::OverTheirRelay);
        let cause = (facts.is_concluded() && checks.are_unanswered()).then(|| {
            if facts.lets_no_udp_out() {
                "this network lets no UDP out".to_owned()
            } else {
                format!(
                    "none of our {} attempts to reach their relay {} was answered",
                    checks.sent,
                    facts.name_of_relay_at(&address)
                )
            }
        });
        let to_it =
            pairs_edge(facts, Node::OurNat, relay(), Some(Transport::Udp), Way::OverTheirRelay, cause);
        let works = to_it.status == EdgeStatus::Works;
        let behind = Edge {
            from: relay(),
            to: Node::TheirNat,
            over: None,
            status: if works { EdgeStatus::Works } else { EdgeStatus::Unknown },
            in_use: to_it.in_use,
            round_trip_ms: None,
            cause: None,
        };
        edges.extend([to_it, behind]);
    }
    edges
}

fn last(facts: &Facts<'_>) -> Edge {
    let all = facts.checks(|_| true);
    let status = if all.answered > 0 || all.heard > 0 { EdgeStatus::Works } else { EdgeStatus::Unknown };
    let in_use = facts.pairs.iter().any(|pair| pair.in_use);
    Edge {
        from: Node::TheirNat,
        to: Node::Them,
        over: None,
        status,
        in_use,
        round_trip_ms: None,
        cause: None,
    }
}

fn pairs_edge(
    facts: &Facts<'_>,
    from: Node,
    to: Node,
    over: Option<Transport>,
    way: Way,
    cause: Option<String>,
) -> Edge {
    let is_it =
        |pair: &&PairFact<'_>| pair.way == way || (way == Way::OverOurRelay && pair.way == Way::OverBoth);
    let pairs: Vec<_> = facts.pairs.iter().filter(is_it).collect();
    let any = |state| pairs.iter().any(|pair| pair.state == state);
    let status = if any(PairState::InUse) || any(PairState::Succeeded) {
        EdgeStatus::Works
    } else if cause.is_some() && pairs.iter().all(|pair| pair.seen.sent == 0) {
        EdgeStatus::Untried
    } else if cause.is_some() {
        EdgeStatus::Failed
    } else if pairs.iter().all(|pair| pair.state == PairState::Waiting) {
        EdgeStatus::Untried
    } else {
        EdgeStatus::Unknown
    };
    let best = pairs.iter().find(|pair| pair.in_use).or(pairs.iter().find(|pair| pair.seen.answered > 0));
    // Of what carries the call one figure is told everywhere.
    let measured = best.filter(|pair| pair.in_use).and_then(|_| facts.leg?.pair.as_ref()?.round_trip_ms);
    Edge {
        from,
        to,
        over,
        in_use: any(PairState::InUse),
        round_trip_ms: measured.or(best.and_then(|pair| pair.seen.round_trip_ms)),
        cause: cause.filter(|_| status != EdgeStatus::Works),
        status,
    }
}

fn one_way(checks: Checks) -> String {
    format!(
        "they reach us directly, but none of our {} attempts to reach them was answered: something on the way to them drops what we send",
        checks.sent
    )
}

fn silent(facts: &Facts<'_>, checks: Checks) -> String {
    let none = format!(
        "none of our {} attempts to reach them directly was answered, and none of theirs came",
        checks.sent
    );
    let named: Vec<_> =
        facts.remote().iter().flat_map(|remote| &remote.list).map(|(_, candidate)| candidate).collect();
    if !named.iter().any(|candidate| candidate.kind != Kind::Relay && leads_anywhere(candidate)) {
        return format!("{none}: they named only addresses that mean nothing outside their own network");
    }
    match (nat::ours(facts).mapping, nat::theirs(facts).mapping) {
        (Mapping::Varying, Mapping::Varying) => {
            format!(
                "{none}: the routers on both sides use another port for each destination, so neither side knows where to knock"
            )
        }
        (Mapping::Varying, Mapping::Same | Mapping::Unknown) => {
            format!(
                "{none}: the router on our side uses another port for each destination, so they knock at the wrong one"
            )
        }
        (Mapping::Same | Mapping::Unknown, Mapping::Varying) => format!(
            "{none}: the router on their side uses another port for each destination, so we knock at the wrong one"
        ),
        (Mapping::Same | Mapping::Unknown, Mapping::Same | Mapping::Unknown) => {
            format!("{none}: a firewall or router between the two sides lets nothing through")
        }
    }
}

/// Why nothing could even be tried.
fn why_no_pair(facts: &Facts<'_>) -> Option<String> {
    let (ours, theirs) = (facts.local()?, facts.remote()?);
    let direct = |candidate: &&CandidateLine| candidate.kind != Kind::Relay;
    let ours: Vec<_> = ours.list.iter().map(|(_, candidate)| candidate).filter(direct).collect();
    if theirs.list.is_empty() {
        return Some("they named no address at which they can be reached".to_owned());
    }
    let theirs: Vec<_> = theirs.list.iter().map(|(_, candidate)| candidate).filter(direct).collect();
    if theirs.is_empty() {
        return Some("they named only addresses of a relay".to_owned());
    }
    if ours.is_empty() {
        return Some("this computer has no address of its own to offer".to_owned());
    }
    let has = |side: &[&CandidateLine], six: bool| side.iter().any(|one| one.address.contains(':') == six);
    if !has(&ours, true) && !has(&theirs, false) {
        return Some("we have only IPv4, and they have only IPv6".to_owned());
    }
    if !has(&ours, false) && !has(&theirs, true) {
        return Some("we have only IPv6, and they have only IPv4".to_owned());
    }
    Some("nothing was sent directly".to_owned())
}

fn behind_relay(facts: &Facts<'_>) -> String {
    let relay =
        facts.leg.into_iter().flat_map(|leg| &leg.seen.servers).find(|server| server.relayed.is_some());
    let name = relay.map_or_else(|| "our relay".to_owned(), |relay| format!("the relay {}", relay.url.host));
    let checks = facts.checks(|way| matches!(way, Way::OverOurRelay | Way::OverBoth));
    if checks.heard > 0 {
        format!(
            "they reach {name}, but nothing that it sends them is answered: something on the way to them drops it"
        )
    } else {
        format!(
            "{name} works for us, but they cannot be reached from it either: what is closed is on their side"
        )
    }
}

fn no_interface(interfaces: &[InterfaceSeen]) -> String {
    let reasons: Vec<_> = interfaces
        .iter()
        .filter(|one| !one.address.is_loopback())
        .filter_map(|one| Some(format!("{}: {}", one.name, one.why_not?.sentence())))
        .collect();
    match reasons.as_slice() {
        [] => "this computer is in no network".to_owned(),
        reasons => format!("this computer is in no network that leads out ({})", reasons.join("; ")),
    }
}

fn leads_anywhere(candidate: &CandidateLine) -> bool {
    // A name that hides an address is one inside their network, as a browser gives it.
    candidate.address.parse().is_ok_and(|address| !is_inside(address))
}
