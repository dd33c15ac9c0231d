//! What may not be found in a report that is passed on, and what must.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use super::{
    marks::{FIRST_MARKED_PORT, letters},
    *,
};
use crate::logic::{
    candidate::Kind,
    course::{EndReason, Link, Role, Step},
    interfaces::{Flags, judge},
    legs::LegWhy,
    path::{Path, PathPolicy},
    servers::ServerUrl,
    sightings::{PairSeen, ServerSeen, Sightings},
};

const LEG: u32 = 1;

fn server(url: &str, from: IpAddr, address: SocketAddr, trouble: Option<Trouble>) -> ServerSeen {
    ServerSeen {
        url: url.parse::<ServerUrl>().unwrap(),
        from,
        address: Some(address),
        reached_ms: None,
        asked: 3,
        answered: u32::from(trouble.is_none()),
        round_trip_ms: None,
        done_ms: trouble.is_none().then_some(9),
        mapped: trouble.is_none().then_some(address),
        relayed: None,
        trouble,
    }
}

fn check(local: SocketAddr, remote: SocketAddr) -> PairSeen {
    PairSeen {
        local,
        remote,
        sent: 9,
        answered: 0,
        heard: 0,
        replied: 0,
        round_trip_ms: None,
        round_trips_ms: 0.0,
        round_trips: 0,
        last_heard_ms: None,
        bytes_sent: 0,
        bytes_received: 0,
    }
}

/// A call that found no path, with these addresses in every place that has room for one.
fn failed_call(addresses: &[SocketAddr]) -> PathReport {
    let mut path = Path::new(PathPolicy::Any);
    let at = |index: usize| addresses[index % addresses.len()];
    let interfaces = addresses
        .iter()
        .map(|address| judge("enx00e04c680001", Flags { up: true, ..Flags::default() }, address.ip()));
    path.note_interfaces(0, interfaces.collect());
    path.note_leg_opened(0, LEG, LegWhy::First, false);
    for (index, address) in addresses.iter().enumerate() {
        let line = |kind: &str| {
            format!(
                "candidate:{index} 1 udp 1 {} {} typ {kind} raddr {} rport 9",
                address.ip(),
                address.port(),
                at(index + 1).ip()
            )
        };
        path.note_local(1, LEG, &line("srflx"));
        path.note_remote(1, LEG, &line("host"));
        path.note_remote(1, LEG, &line("relay"));
    }
    let url = ServerUrl {
        service: crate::logic::servers::Service::Turn,
        transport: crate::logic::servers::Transport::Udp,
        host: at(0).ip().to_string(),
        port: 3478,
    };
    let why = format!("{} says no", at(1));
    let servers = vec![
        server(&url.to_string(), at(1).ip(), at(2), Some(Trouble::NoAnswer)),
        server(
            "turns:relay.example:443",
            at(2).ip(),
            at(1),
            Some(Trouble::ProxyRefused { why: why.clone() }),
        ),
        server(
            "turns:other.example:443",
            at(2).ip(),
            at(1),
            Some(Trouble::WrongCertificate { came: Some("0LpNpin".into()), why }),
        ),
        server("stun:relay.example", at(2).ip(), at(0), None),
    ];
    let pairs = addresses.iter().map(|address| check(at(0), *address)).collect();
    path.note_sightings(100, LEG, Sightings { servers, pairs, relays: Vec::new() });
    let end = |address: SocketAddr, kind| End {
        kind,
        address: address.ip().to_string(),
        port: address.port(),
        protocol: "udp".into(),
        server: Some(url.to_string()),
    };
    path.take_in_use(
        120,
        LEG,
        PairInUse {
            local: end(at(0), Kind::Relay),
            remote: end(at(1), Kind::Relay),
            round_trip_ms: None,
            bytes_sent: 0,
            bytes_received: 0,
        },
    );
    path.note_link(900, LEG, Link::Failed);
    path.note_end(1000, EndReason::ConnectFailed(Step::Checks));
    path.report()
}

fn sockets() -> impl Strategy<Value = Vec<SocketAddr>> {
    prop::collection::vec((any::<IpAddr>(), 1024_u16..).prop_map(SocketAddr::from), 1..6)
}

proptest! {
    #[test]
    fn no_address_of_a_report_is_found_in_the_redacted_one(addresses in sockets()) {
        let full = failed_call(&addresses);
        let masked = format!("{:?}", path(&full, ServerNames::Masked));
        for address in &addresses {
            let literal = address.ip().to_string();
            prop_assert!(!masked.contains(&literal), "{literal} in {masked}");
        }
        for name in ["relay.example", "other.example", "says no", "0LpNpin", "00e04c"] {
            prop_assert!(format!("{full:?}").contains(name), "{name} is not in the full report");
            prop_assert!(!masked.contains(name), "{name} in {masked}");
        }
    }

    #[test]
    fn whatever_reads_as_an_address_is_found_in_any_text(before in "[ -~]{0,12}", address: IpAddr, after in "[ -~]{0,12}") {
        let mut marks = Marks::default();
        let literal = address.to_string();
        let masked = marks.text(&format!("{before} {literal} {after}"));
        prop_assert!(!masked.contains(&literal), "{literal} in {masked}");
        prop_assert_eq!(marks.text(&masked), masked, "once masked it stays so");
    }
}

#[test]
fn one_address_has_one_mark_and_says_what_it_was() {
    let mut marks = Marks::default();
    for (host, mark) in [
        ("192.168.1.7", "private-ip4-a"),
        ("203.0.113.10", "public-ip4-a"),
        ("192.168.1.8", "private-ip4-b"),
        ("192.168.1.7", "private-ip4-a"),
        ("100.64.1.1", "carrier-ip4-a"),
        ("169.254.1.1", "link-local-ip4-a"),
        ("127.0.0.1", "loopback-ip4-a"),
        ("fe80::1", "link-local-ip6-a"),
        ("fd00::1", "private-ip6-a"),
        ("2001:db8::1", "public-ip6-a"),
        ("2001:0db8:0:0::1", "public-ip6-a"),
        ("0a1b.local", "hidden-address-a"),
    ] {
        assert_eq!(marks.host(host), mark, "{host}");
    }
    assert_eq!(
        marks.text("UDP to [2001:db8::1]:3478, and 203.0.113.10:40000, and 192.168.1.7."),
        "UDP to public-ip6-a:50001, and public-ip4-a:50002, and private-ip4-a."
    );
}

#[test]
fn ports_of_servers_stay_and_others_are_numbered() {
    let places = ["192.168.1.7:40000", "203.0.113.9:40001", "203.0.113.10:40002", "192.0.2.77:41000"];
    let full = failed_call(&places.map(|place| place.parse().unwrap()));
    let masked = path(&full, ServerNames::Masked);
    assert_eq!(masked.servers[0].server.port, 3478);
    let ports: Vec<_> = masked.pairs.iter().map(|pair| pair.remote.port).collect();
    assert_eq!(ports, [40000, 40001, 40002, FIRST_MARKED_PORT], "only at the last one is no server");
}

#[test]
fn servers_are_named_where_that_is_asked_for() {
    let full = failed_call(&["192.168.1.7:40000".parse().unwrap(), "203.0.113.9:40001".parse().unwrap()]);
    let kept = format!("{:?}", path(&full, ServerNames::Kept));
    assert!(kept.contains("relay.example"), "{kept}");
    assert!(!kept.contains("says no"), "what a stranger said is never passed on: {kept}");
}

#[test]
fn a_redacted_report_keeps_its_judgements() {
    let full = failed_call(&["192.168.1.7:40000".parse().unwrap(), "203.0.113.9:40001".parse().unwrap()]);
    let mut report = CallReport::begin("00".into(), Role::Caller, 7);
    report.path = full.clone();

    let masked = call(&report, ServerNames::Masked);

    assert!(masked.path.redacted && !report.path.redacted);
    assert_eq!((masked.path.route, masked.path.edges.len()), (full.route, full.edges.len()));
    assert_eq!(
        masked.path.edges.iter().map(|edge| edge.status).collect::<Vec<_>>(),
        full.edges.iter().map(|edge| edge.status).collect::<Vec<_>>()
    );
    assert_eq!(call(&masked, ServerNames::Masked).path.route, full.route);
    assert_eq!(CallReport { path: full, ..masked }, report);
}

#[test]
fn there_are_marks_enough() {
    let marks: Vec<_> = [0, 25, 26, 27, 701, 702].map(letters).into();
    assert_eq!(marks, ["a", "z", "aa", "ab", "zz", "aaa"]);
}
