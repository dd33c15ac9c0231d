//! Why a server is of no use: one sentence for each reason, and what it means beside the other servers.

use std::net::IpAddr;

use crate::logic::{
    servers::{ServerUrl, Service, Transport},
    sightings::{ServerSeen, Trouble},
};

use super::{
    facts::{Door, Facts},
    report::{EdgeStatus, Place},
};

/// How one way to a server stands.
pub(super) fn status(seen: &ServerSeen) -> EdgeStatus {
    if seen.trouble.is_some() {
        EdgeStatus::Failed
    } else if seen.done_ms.is_some() {
        EdgeStatus::Works
    } else if seen.asked == 0 && seen.reached_ms.is_none() {
        EdgeStatus::Untried
    } else {
        EdgeStatus::Unknown
    }
}

pub(super) fn is_same_way(one: &ServerSeen, other: &ServerSeen) -> bool {
    one.url == other.url && one.from == other.from
}

/// A change for the better or the worse, for the timeline.
pub(super) fn news(seen: &ServerSeen) -> String {
    match (&seen.trouble, seen.url.service) {
        (Some(trouble), _) => capital(&plain(&seen.url, trouble)),
        (None, Service::Turn) => {
            format!("The relay {} can be used over {}", seen.url.host, over(&seen.url))
        }
        (None, Service::Stun) => format!("The server {} told us our public address", seen.url.host),
    }
}

/// `UDP` alone; streams with their port, since that is what firewalls let through or not.
pub(super) fn over(url: &ServerUrl) -> String {
    match url.transport {
        Transport::Udp => "UDP".to_owned(),
        Transport::Tcp | Transport::Tls => format!("{} {}", url.transport.name(), url.port),
    }
}

/// Nothing came from it at all, though it may be there.
pub(super) fn is_unanswered(door: &Door<'_>) -> bool {
    door.status == EdgeStatus::Failed
        && door
            .seen
            .iter()
            .all(|seen| matches!(seen.trouble, Some(Trouble::NoAnswer | Trouble::NoSuchAddressFamily)))
}

/// Nothing came from it yet, though something should have: it was asked more than once.
pub(super) fn is_overdue(door: &Door<'_>) -> bool {
    door.status == EdgeStatus::Unknown && door.seen.iter().all(|seen| seen.answered == 0 && seen.asked > 1)
}

/// No sign of life at all came back from there.
pub(super) fn is_out_of_reach(door: &Door<'_>) -> bool {
    door.seen.iter().all(|seen| match &seen.trouble {
        None => seen.asked == 0,
        Some(Trouble::NameUnknown | Trouble::NoSuchAddressFamily | Trouble::NoRoute | Trouble::NoAnswer) => {
            true
        }
        Some(
            Trouble::NothingListens
            | Trouble::ProxyRefused { .. }
            | Trouble::WrongCertificate { .. }
            | Trouble::Refused { .. }
            | Trouble::Broken,
        ) => false,
    })
}

/// Why one way to a server does not work, seen beside the others.
pub(super) fn of_door(door: &Door<'_>, facts: &Facts<'_>) -> Option<String> {
    let (seen, trouble) = worst(door)?;
    if *trouble != Trouble::NoAnswer {
        return Some(plain(door.url, trouble));
    }
    let base = plain(door.url, trouble);
    if seen.done_ms.is_some() {
        return Some(format!("{base} any more, though it was before"));
    }
    if let Some(other) = facts.other_way_in(door) {
        let way = format!("{base}; {} to the same computer is", over_with_port(other.url));
        return Some(match door.url.transport {
            Transport::Udp if !facts.some_udp_gets_out() => {
                format!("{way}: this network lets no UDP out")
            }
            Transport::Udp | Transport::Tcp | Transport::Tls => {
                format!("{way}: a firewall closes {}", over_with_port(door.url))
            }
        });
    }
    if matches!(seen.from, IpAddr::V6(_)) && !seen.from.is_unspecified() && works_over_ipv4(facts) {
        return Some(format!("{base} over IPv6, while IPv4 works: IPv6 of this network does not lead out"));
    }
    if facts.nothing_gets_out() {
        return Some(format!(
            "{base}, and nothing else is: nothing gets out of this network, or the server is down"
        ));
    }
    let others = facts.doors.iter().flat_map(|door| &door.seen).any(|seen| seen.answered > 0);
    let beside = if others { ", while other servers are" } else { "" };
    Some(format!("{base}{beside}: it is down, or a firewall closes the way to it"))
}

/// Where no server answers in any way.
pub(super) fn of_silence(facts: &Facts<'_>) -> String {
    let mut places: Vec<_> = facts
        .doors
        .iter()
        .filter(|door| !door.seen.is_empty())
        .map(|door| (door.url.host.clone(), door.url.transport, over_with_port(door.url)))
        .collect();
    places.sort();
    places.dedup();
    let names_only =
        facts.doors.iter().flat_map(|door| &door.seen).all(|seen| seen.trouble == Some(Trouble::NameUnknown));
    let no_route =
        facts.doors.iter().flat_map(|door| &door.seen).all(|seen| seen.trouble == Some(Trouble::NoRoute));
    let host = places.first().map(|(host, ..)| host.clone()).unwrap_or_default();
    if names_only {
        return format!(
            "the name {host} leads to no address: it is misspelt, or this network's name service does not answer"
        );
    }
    if no_route {
        return format!("this computer has no way to {host}: it is in no network that leads there");
    }
    let ways: Vec<_> = places.iter().filter(|(of, ..)| *of == host).map(|(.., way)| way.as_str()).collect();
    format!("nothing gets out of this network: {host} answers {}", neither(&ways))
}

/// The reason in itself.
pub(super) fn plain(url: &ServerUrl, trouble: &Trouble) -> String {
    let place = Place { host: url.host.clone(), port: url.port };
    let way = format!("{} to {place}", url.transport.name());
    match trouble {
        Trouble::NameUnknown => format!(
            "the name {} leads to no address: it is misspelt, or this network's name service does not answer",
            url.host
        ),
        Trouble::NoSuchAddressFamily => {
            format!("{} has no address of the version of IP that this computer has", url.host)
        }
        Trouble::NoRoute => {
            format!("this computer has no way to {place}: it is in no network that leads there")
        }
        Trouble::NothingListens => {
            format!("the computer {} is reached, but nothing listens on its port {}", url.host, url.port)
        }
        Trouble::NoAnswer => format!("{way} is not answered"),
        Trouble::ProxyRefused { why } => {
            format!("the proxy of this network does not let us through to {place}: {why}")
        }
        Trouble::WrongCertificate { came: Some(pin), why } => format!("{why} (pin {pin} came)"),
        Trouble::WrongCertificate { came: None, why } => why.clone(),
        Trouble::Refused { code, text } => refusal(url, *code, text),
        Trouble::Broken => format!("the stream to {place} broke off"),
    }
}

fn refusal(url: &ServerUrl, code: u16, text: &str) -> String {
    let who = match url.service {
        Service::Stun => "server",
        Service::Turn => "relay",
    };
    let why = match code {
        400 => "it does not understand what we ask",
        401 => "it does not accept our user name and password",
        403 => "it does not relay to where we want to go",
        437 => "it no longer knows what it lent us; it may have been restarted",
        438 => "our question is too old for it; the clocks may differ",
        440 => "it relays for no addresses of that version of IP",
        441 => "what it lent belongs to another user name",
        442 => "it does not relay UDP",
        486 => "it has no room for another allocation of this call",
        500 => "something is wrong with it",
        508 => "it is full: it has no address or port left to lend",
        _ => text,
    };
    format!(
        "the {who} {} refuses us: {code}, {}",
        url.host,
        if why.is_empty() { "without a reason" } else { why }
    )
}

/// The trouble that tells most: what a server says tells more than that it says nothing.
fn worst<'a>(door: &Door<'a>) -> Option<(&'a ServerSeen, &'a Trouble)> {
    let rank = |trouble: &Trouble| match trouble {
        Trouble::Refused { .. } => 8,
        Trouble::WrongCertificate { .. } => 7,
        Trouble::ProxyRefused { .. } => 6,
        Trouble::Broken => 5,
        Trouble::NothingListens => 4,
        Trouble::NoAnswer => 3,
        Trouble::NameUnknown => 2,
        Trouble::NoRoute => 1,
        Trouble::NoSuchAddressFamily => 0,
    };
    let troubles = door.seen.iter().filter_map(|seen| Some((*seen, seen.trouble.as_ref()?)));
    troubles.max_by_key(|(_, trouble)| rank(trouble))
}

fn works_over_ipv4(facts: &Facts<'_>) -> bool {
    let mut seen = facts.doors.iter().flat_map(|door| &door.seen);
    seen.any(|seen| seen.from.is_ipv4() && seen.answered > 0)
}

fn over_with_port(url: &ServerUrl) -> String {
    format!("{} {}", url.transport.name(), url.port)
}

fn neither(ways: &[&str]) -> String {
    match ways {
        [] => "nothing".to_owned(),
        [way] => format!("nothing over {way}"),
        [first @ .., last] => format!("neither over {} nor {last}", first.join(", ")),
    }
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
