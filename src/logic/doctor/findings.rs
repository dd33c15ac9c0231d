//! The findings, topic by topic.

use std::net::IpAddr;

use super::{
    About, Family, Filtering, Finding, Mapping, Nat, Observations, PlainHttp, Severity, Trouble, Wanted,
    progress::Known,
    words::{lapse, list, millis, not_today_in_words, trouble_in_words},
};
use crate::logic::{interfaces::InterfaceKind, servers::Transport};

/// A clock that is off by more makes certificates look wrong.
const CLOCK_OFF_MS: u64 = 300_000;
/// A clock that is off by more is worth a word: times in reports of the two sides will not match.
const CLOCK_NOTED_MS: u64 = 10_000;

/// Everything that can be said where these parts are known, each topic as soon as all are that it looks at.
pub(super) fn so_far(seen: &Observations, known: Known) -> Vec<Finding> {
    let Known { network: has_network, server, plain_http, outside, relays } = known;
    let on = |is_known: bool, topic: fn(&Observations) -> Vec<Finding>| {
        if is_known { topic(seen) } else { Vec::new() }
    };
    // A server that knows us stands for itself; otherwise somebody may answer in its place.
    let is_itself = server && (plain_http || seen.server.trouble.is_none());
    let portal = on(is_itself, portal);
    // Who wants us to log in answers for everybody, and nothing else that is found means anything.
    let is_caught = !portal.is_empty();
    // That nothing comes back over UDP is said of servers that are reached some other way, if only at their relay.
    let is_udp_clear = relays || seen.server.ready_ms.is_some() || seen.udp_answers();
    let topics = [
        on(has_network && server, network),
        portal,
        on(is_itself && !is_caught, switchboard),
        on(server, certificate),
        on(server, clock),
        on(server && outside && is_udp_clear, udp),
        on(has_network && server && outside, ipv6),
        on(outside, |seen| seen.nats.iter().map(nat).collect()),
        on(server && outside && relays, relay),
        on(has_network, vpn),
        on(server, proxy),
    ];
    topics.into_iter().flatten().collect()
}

fn finding(severity: Severity, about: About, what: String, next: &str) -> Finding {
    let next = (!next.is_empty()).then(|| next.to_owned());
    Finding { severity, about, what, next }
}

fn network(seen: &Observations) -> Vec<Finding> {
    let leads_out = seen.network.interfaces.iter().any(|one| one.used && one.kind != InterfaceKind::Loopback);
    if leads_out || is_at_home(seen) {
        return Vec::new();
    }
    let what = "This computer is in no network.".to_owned();
    vec![finding(Severity::Fault, About::Network, what, "Connect a cable or join a Wi-Fi, and try again.")]
}

/// The server runs on this computer itself.
fn is_at_home(seen: &Observations) -> bool {
    !seen.server.resolved.is_empty() && seen.server.resolved.iter().all(IpAddr::is_loopback)
}

fn portal(seen: &Observations) -> Vec<Finding> {
    let Some(trouble) = &seen.server.trouble else { return Vec::new() };
    let stands_in = match trouble {
        Trouble::NotTls
        | Trouble::WrongPin
        | Trouble::UnknownAuthority
        | Trouble::WrongName
        | Trouble::Stranger { .. } => true,
        Trouble::NoSuchName
        | Trouble::NoRoute
        | Trouble::Refused
        | Trouble::Silent
        | Trouble::Cut
        | Trouble::NotToday
        | Trouble::Proxy { .. }
        | Trouble::Code { .. }
        | Trouble::Other { .. } => false,
    };
    let asks_to_log_in = seen.server.plain_http.as_ref().is_some_and(|plain| {
        plain.status == 511 || sends_elsewhere(plain, &seen.server.name) || (stands_in && plain.status == 200)
    });
    if !asks_to_log_in {
        return Vec::new();
    }
    let what = format!(
        "This network answers in the place of {}: it seems to want you to log in first.",
        seen.server.name
    );
    let next = "Open a web page in a browser, log in there, and try again.";
    vec![finding(Severity::Fault, About::CaptivePortal, what, next)]
}

/// To another host than the one that was asked. A server that sends plain visitors to its own TLS is no stranger.
fn sends_elsewhere(plain: &PlainHttp, name: &str) -> bool {
    let Some(location) = plain.location.as_deref().filter(|_| (300..400).contains(&plain.status)) else {
        return false;
    };
    let Some((_, rest)) = location.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    without_port(authority) != without_port(name)
}

fn without_port(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => name,
    }
}

fn switchboard(seen: &Observations) -> Vec<Finding> {
    let server = &seen.server;
    let Some(trouble) = &server.trouble else {
        let took = server.ready_ms.map(|ms| format!(" after {ms} ms")).unwrap_or_default();
        let what = format!("The server {} is reached, and knew us{took}.", server.name);
        return vec![finding(Severity::Fine, About::Switchboard, what, "")];
    };
    let what = format!("The server {} {}.", server.name, trouble_in_words(trouble));
    vec![finding(Severity::Fault, About::Switchboard, what, server_advice(trouble))]
}

const fn server_advice(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::NoSuchName => "Check the link, and whether this computer has a network.",
        Trouble::NoRoute => "Check whether this computer has a network.",
        Trouble::Refused => "Start the server, or check the port in its link.",
        Trouble::Silent => {
            "Ask its owner whether it runs. If others reach it, a firewall here or in this network is in the way."
        }
        Trouble::Cut | Trouble::NotTls | Trouble::Stranger { .. } | Trouble::Code { .. } => {
            "Check the port in the link; a firewall or proxy in this network may also stand in between."
        }
        Trouble::WrongPin => {
            "Either the server was set up anew, and its owner has a new link, or somebody on the way pretends to be it. \
             Ask the owner, over another way."
        }
        Trouble::UnknownAuthority => {
            "If it is a private server, ask for its whole link, with the part behind the ~ sign. Otherwise somebody on \
             the way may look into your connections."
        }
        Trouble::WrongName => "Check the link.",
        Trouble::NotToday => "Check this computer's date. If it is right, tell the server's owner.",
        Trouble::Proxy { .. } => {
            "Check the proxy in this computer's settings (HTTPS_PROXY), or ask whoever runs this network."
        }
        Trouble::Other { .. } => "Try again; if it stays so, tell the server's owner.",
    }
}

fn certificate(seen: &Observations) -> Vec<Finding> {
    let server = &seen.server;
    let Some(came) = &server.certificate else { return Vec::new() };
    let about = About::Certificate;
    match (&server.wanted, &server.trouble) {
        (Wanted::Nothing, _) => Vec::new(),
        (Wanted::Pin { pin }, Some(Trouble::WrongPin)) => {
            let what = format!(
                "The certificate that came has the pin {}, signed by {}; the link names the pin {pin}.",
                came.pin, came.issuer
            );
            vec![finding(Severity::Note, about, what, "")]
        }
        (Wanted::Authority, Some(Trouble::UnknownAuthority | Trouble::WrongName)) => {
            let what = format!("The certificate that came is signed by {} (pin {}).", came.issuer, came.pin);
            vec![finding(Severity::Note, about, what, "")]
        }
        (Wanted::Authority, Some(Trouble::NotToday)) => {
            let when = not_today_in_words(came, seen.began_unix_ms);
            let when = when.unwrap_or_else(|| "is not valid".to_owned());
            let what = format!("By this computer's clock the certificate {when}.");
            vec![finding(Severity::Note, about, what, "")]
        }
        (Wanted::Pin { .. }, _) if server.tls_ms.is_some() => {
            let what = "Its certificate is the one that the link names.".to_owned();
            vec![finding(Severity::Fine, about, what, "")]
        }
        (Wanted::Authority, _) if server.tls_ms.is_some() => {
            let what = format!("{} vouches for it, whom this computer trusts.", came.issuer);
            vec![finding(Severity::Fine, about, what, "")]
        }
        (Wanted::Pin { .. } | Wanted::Authority, _) => Vec::new(),
    }
}

fn clock(seen: &Observations) -> Vec<Finding> {
    let Some(ahead_ms) = seen.server.clock_ahead_ms else { return Vec::new() };
    let off = ahead_ms.unsigned_abs();
    let how = if ahead_ms < 0 { "behind" } else { "ahead of" };
    let by = lapse(i64::try_from(off / 1000).unwrap_or(i64::MAX));
    let said = |severity, next| {
        let what = format!("This computer's clock is {by} {how} the server's.");
        vec![finding(severity, About::Clock, what, next)]
    };
    if off > CLOCK_OFF_MS {
        said(Severity::Warning, "Set it, best automatically over the network: certificates are judged by it.")
    } else if off > CLOCK_NOTED_MS {
        said(Severity::Note, "Set it automatically over the network, or times in reports will not match.")
    } else {
        let what = "This computer's clock and the server's agree.".to_owned();
        vec![finding(Severity::Fine, About::Clock, what, "")]
    }
}

fn udp(seen: &Observations) -> Vec<Finding> {
    let about = About::Udp;
    if let Some(best) = seen.stun.iter().filter(|asked| asked.mapped.is_some()).min_by(|a, b| {
        let ms = |asked: &&super::StunAsked| asked.ms.unwrap_or(f64::MAX);
        ms(a).total_cmp(&ms(b))
    }) {
        let took = best.ms.map(|ms| format!(" after {}", millis(ms))).unwrap_or_default();
        let what = format!("UDP gets out and back: {} answered{took}.", best.server);
        return vec![finding(Severity::Fine, about, what, "")];
    }
    if seen.server.ready_ms.is_none() && !seen.udp_answers() {
        // Where the server is not reached at all, its silence over UDP says nothing.
        return Vec::new();
    }
    if seen.stun.is_empty() {
        if seen.server.trouble.is_some() {
            return Vec::new();
        }
        let severity = if is_at_home(seen) { Severity::Note } else { Severity::Warning };
        let what =
            "The server answers no STUN and offers no relay, so calls connect only within one network or to \
                    computers that can be reached from anywhere."
                .to_owned();
        return vec![finding(severity, about, what, "Its owner can let it: see the server's --turn-udp.")];
    }
    let asked: Vec<String> = seen.stun.iter().map(|asked| asked.server.to_string()).collect();
    let what = format!("UDP does not get through: no answer from {}.", list(&asked));
    let next = "Allow UDP out in the firewall, or ask whoever runs this network. Until then calls take the relay over \
                TCP or TLS, if it answers, with more delay.";
    vec![finding(Severity::Warning, about, what, next)]
}

fn ipv6(seen: &Observations) -> Vec<Finding> {
    let about = About::Ipv6;
    let has_way = seen.network.ways_out.iter().any(|way| way.from.is_ipv6() && !way.from.is_loopback());
    if !has_way || is_at_home(seen) {
        return Vec::new();
    }
    // What is asked over both versions of IP, and whether it worked.
    let dialled = seen.server.dialled.iter().map(|tried| (tried.address.ip(), tried.ms.is_some()));
    let asked = seen.stun.iter().map(|asked| (asked.server.ip(), asked.mapped.is_some()));
    let of = |tried: &[(IpAddr, bool)], family| {
        let alike = tried.iter().filter(|(ip, _)| Family::of(*ip) == family);
        alike.map(|(_, worked)| *worked).reduce(|one, other| one || other)
    };
    let ways = [dialled.collect::<Vec<_>>(), asked.collect()];
    let outcomes = ways.map(|tried| (of(&tried, Family::V4), of(&tried, Family::V6)));
    if outcomes.iter().all(|(_, v6)| v6.is_none()) {
        let what = "Whether IPv6 works cannot be told: the server has no IPv6 address.".to_owned();
        vec![finding(Severity::Note, about, what, "")]
    } else if outcomes.iter().any(|(_, v6)| *v6 == Some(true)) {
        vec![finding(Severity::Fine, about, "IPv6 works.".to_owned(), "")]
    } else if outcomes.contains(&(Some(true), Some(false))) {
        let what = "IPv6 is set up here, but nothing answers over it.".to_owned();
        let next = "Calls use IPv4 instead. If the router has IPv6, restart it, or switch IPv6 off there.";
        vec![finding(Severity::Warning, about, what, next)]
    } else {
        // Over neither: it is not IPv6 that is in the way.
        Vec::new()
    }
}

fn nat(nat: &Nat) -> Finding {
    let Nat { family, public, filtering, hairpin, .. } = nat;
    let family = family.name();
    let (severity, mut what, next) = match nat.mapping {
        Mapping::NoNat => {
            (Severity::Fine, format!("No NAT over {family}: others see this computer's own address."), "")
        }
        Mapping::Same => (
            Severity::Fine,
            format!("A router stands in front ({family}); it shows everybody the same address, {public}."),
            "",
        ),
        Mapping::Unknown => (
            Severity::Note,
            format!(
                "A router stands in front ({family}); the server could be asked at one place only, so whether it shows \
                 everybody the same address is not known."
            ),
            "",
        ),
        Mapping::Varies => (
            Severity::Warning,
            format!(
                "A router stands in front ({family}) that shows each server another address (a symmetric NAT). Calls are \
                 direct only to networks that are open, and relayed otherwise."
            ),
            "Nothing has to be done where the relay answers. IPv6, or another router, makes direct calls possible.",
        ),
    };
    match (nat.mapping, filtering) {
        (Mapping::NoNat, Filtering::Open) => what.push_str(" Anybody may send to it."),
        (Mapping::Same, Filtering::Open) => {
            what.push_str(" Anybody may send to it, so direct calls are easy.");
        }
        (Mapping::Same, Filtering::ByAddress | Filtering::ByAddressAndPort | Filtering::AtLeastByPort) => {
            what.push_str(" Direct calls work with most networks.");
        }
        (Mapping::NoNat | Mapping::Same | Mapping::Unknown | Mapping::Varies, _) => {}
    }
    if *hairpin == Some(false) {
        what.push_str(
            " Two computers behind it do not reach each other by that address; they use those inside.",
        );
    }
    finding(severity, About::Nat, what, next)
}

fn relay(seen: &Observations) -> Vec<Finding> {
    let about = About::Relay;
    if seen.relays.is_empty() || seen.server.ready_ms.is_none() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut answers = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let tried: Vec<_> = seen.relays.iter().filter(|tried| tried.door.transport == transport).collect();
        let name = transport.name();
        if let Some(best) = tried.iter().find(|tried| tried.answers()) {
            let took = best.connected_ms.unwrap_or(0.0) + best.answered_ms.unwrap_or(0.0);
            answers.push(format!("{name} {} in {}", best.door.port, millis(took)));
        } else if let Some(tried) = tried.first() {
            let why = tried.trouble.as_ref().map(trouble_in_words).unwrap_or_default();
            // Nobody said that it is there.
            let is_expected = !tried.guessed;
            let severity = match transport {
                // Said already, in what is found about UDP.
                Transport::Udp if !seen.udp_answers() => Severity::Note,
                Transport::Udp | Transport::Tcp | Transport::Tls if is_expected => Severity::Warning,
                Transport::Udp | Transport::Tcp | Transport::Tls => Severity::Note,
            };
            let what = format!("The relay at {}:{} ({name}) {why}.", tried.door.host, tried.door.port);
            found.push(finding(severity, about, what, relay_advice(transport)));
        }
    }
    if answers.is_empty() {
        let severity = if seen.udp_answers() { Severity::Warning } else { Severity::Fault };
        let what = "The relay is not reached in any way.".to_owned();
        let next = "Calls that cannot be direct will fail. Ask whoever runs this network to allow TCP 443 out at least.";
        found.push(finding(severity, about, what, next));
    } else {
        let what = format!("The relay answers over {}.", list(&answers));
        found.push(finding(Severity::Fine, about, what, ""));
    }
    found
}

const fn relay_advice(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "",
        Transport::Tcp => "Nothing has to be done where it answers over TLS or UDP.",
        Transport::Tls => "Without it calls fail in networks that let nothing but the web through.",
    }
}

fn vpn(seen: &Observations) -> Vec<Finding> {
    let network = &seen.network;
    let tunnels: Vec<_> = network.interfaces.iter().filter(|one| one.kind == InterfaceKind::Vpn).collect();
    let leads_out = |address| network.ways_out.iter().any(|way| way.from == address);
    let what = match (tunnels.iter().find(|one| leads_out(one.address)), tunnels.first()) {
        (_, None) => return Vec::new(),
        (Some(carrier), _) => format!(
            "What leaves this computer goes through {}, which looks like a VPN: calls take its detour, and others see \
             its address.",
            carrier.name
        ),
        (None, Some(idle)) => format!(
            "There is what looks like a VPN ({}), but what leaves this computer does not go through it.",
            idle.name
        ),
    };
    vec![finding(Severity::Note, About::Vpn, what, "If calls are slow or fail, try without it.")]
}

fn proxy(seen: &Observations) -> Vec<Finding> {
    let Some(proxy) = &seen.server.proxy else { return Vec::new() };
    let what = format!("The server is reached through the proxy {proxy}.");
    vec![finding(Severity::Note, About::Proxy, what, "")]
}
