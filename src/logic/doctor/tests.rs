//! Many situations, each with what has to be found in it.

use std::net::SocketAddr;

use super::*;
use crate::logic::{
    interfaces::{Flags, InterfaceSeen, judge},
    network_change::{NetworkSeen, WayOut},
    path::{PathPolicy, Route},
    servers::{ServerUrl, Service, Transport},
};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn interface(name: &str, address: &str) -> InterfaceSeen {
    let flags = Flags { up: true, ..Flags::default() };
    judge(name, flags, address.parse().unwrap())
}

fn way_out(from: &str, through: Option<&str>) -> WayOut {
    WayOut { from: from.parse().unwrap(), through: through.map(|router| router.parse().unwrap()) }
}

fn dialled(address: &str, trouble: Option<Trouble>) -> Dialled {
    Dialled { address: at(address), ms: trouble.is_none().then_some(20), trouble }
}

fn asked(server: &str, mapped: Option<&str>) -> StunAsked {
    StunAsked {
        server: at(server),
        guessed: false,
        mapped: mapped.map(at),
        ms: mapped.map(|_| 20.0),
        trouble: mapped.is_none().then_some(Trouble::Silent),
    }
}

fn tried(transport: Transport, trouble: Option<Trouble>) -> RelayTried {
    let port = if transport == Transport::Tls { 443 } else { 3478 };
    let host = "198.51.100.1".to_owned();
    RelayTried {
        door: ServerUrl { service: Service::Turn, transport, host, port },
        guessed: transport != Transport::Udp,
        connected_ms: (transport != Transport::Udp && trouble.is_none()).then_some(40.0),
        answered_ms: trouble.is_none().then_some(20.0),
        relayed: None,
        trouble,
    }
}

fn nat(mapping: Mapping, filtering: Filtering) -> Nat {
    let public = if mapping == Mapping::NoNat { "192.168.1.5:4000" } else { "203.0.113.5:4000" };
    Nat {
        family: Family::V4,
        local: at("192.168.1.5:4000"),
        public: at(public),
        mapping,
        filtering,
        hairpin: None,
    }
}

/// Behind an ordinary home router, with everything as it should be.
fn at_home() -> Observations {
    Observations {
        program: "sightline".to_owned(),
        began_unix_ms: 1_800_000_000_000,
        took_ms: 1500,
        network: NetworkSeen {
            interfaces: vec![interface("lo", "127.0.0.1"), interface("eth0", "192.168.1.5")],
            ways_out: vec![way_out("192.168.1.5", Some("192.168.1.1"))],
        },
        server: Server {
            name: "calls.example".to_owned(),
            wanted: Wanted::Authority,
            resolved: vec![at("198.51.100.1:1").ip()],
            dialled: vec![dialled("198.51.100.1:443", None)],
            certificate: Some(CertificateSeen {
                pin: "P".to_owned(),
                issuer: "CN=Somebody".to_owned(),
                not_before_unix: 1_790_000_000,
                not_after_unix: 1_810_000_000,
            }),
            tls_ms: Some(40),
            ready_ms: Some(90),
            clock_ahead_ms: Some(300),
            stun: vec!["stun:198.51.100.1:3478".to_owned()],
            ..Server::default()
        },
        stun: vec![asked("198.51.100.1:3478", Some("203.0.113.5:4000"))],
        nats: vec![nat(Mapping::Same, Filtering::ByAddressAndPort)],
        relays: [Transport::Udp, Transport::Tcp, Transport::Tls].map(|by| tried(by, None)).to_vec(),
    }
}

fn unreached(trouble: Trouble) -> Observations {
    let mut seen = at_home();
    seen.server = Server {
        trouble: Some(trouble),
        ready_ms: None,
        tls_ms: None,
        clock_ahead_ms: None,
        stun: Vec::new(),
        ..seen.server
    };
    (seen.stun, seen.nats, seen.relays) = (vec![asked("198.51.100.1:3478", None)], Vec::new(), Vec::new());
    seen
}

fn no_udp() -> Observations {
    let mut seen = at_home();
    seen.stun = vec![asked("198.51.100.1:3478", None)];
    seen.nats.clear();
    seen.relays[0] = tried(Transport::Udp, Some(Trouble::Silent));
    seen
}

fn only_tls() -> Observations {
    let mut seen = no_udp();
    seen.relays[1] = tried(Transport::Tcp, Some(Trouble::Silent));
    seen
}

fn nothing_open() -> Observations {
    let mut seen = only_tls();
    seen.relays[2] = tried(Transport::Tls, Some(Trouble::Cut));
    seen
}

/// All parts of an examination that has come to this.
fn parts(seen: &Observations) -> Vec<Part> {
    let Observations { network, server, stun, nats, relays, .. } = seen.clone();
    let plain_http = Part::PlainHttp(server.plain_http.clone());
    let server = Part::Server(Box::new(Server { plain_http: None, ..server }));
    vec![Part::Network(network), server, plain_http, Part::Outside { stun, nats }, Part::Relays(relays)]
}

/// Every order in which these can come.
fn orders(parts: Vec<Part>) -> Vec<Vec<Part>> {
    if parts.is_empty() {
        return vec![Vec::new()];
    }
    let begun = |first: usize| {
        let mut rest = parts.clone();
        let first = rest.remove(first);
        orders(rest).into_iter().map(move |rest| std::iter::once(first.clone()).chain(rest).collect())
    };
    (0..parts.len()).flat_map(begun).collect()
}

#[test]
fn what_is_told_while_it_is_looked_is_never_taken_back() {
    let log_in = PlainHttp { status: 200, location: None };
    let situations = [
        at_home(),
        unreached(Trouble::Silent),
        unreached(Trouble::NoSuchName),
        with(unreached(Trouble::NotTls), |seen| seen.server.plain_http = Some(log_in)),
        no_udp(),
        only_tls(),
        nothing_open(),
        behind(Mapping::Varies, Filtering::Unknown),
        with(at_home(), |seen| {
            (seen.stun, seen.nats, seen.relays) = (Vec::new(), Vec::new(), Vec::new());
        }),
        with(unreached(Trouble::Silent), |seen| seen.relays = vec![tried(Transport::Udp, None)]),
        Observations::default(),
    ];
    for seen in situations {
        let whole = diagnose(&seen).findings;
        for order in orders(parts(&seen)) {
            let mut progress = Progress::new(seen.began_unix_ms);
            let mut told: Vec<Finding> = Vec::new();
            for part in order.clone() {
                let now = progress.take(part);
                assert!(
                    told.iter().all(|before| now.contains(before)),
                    "{told:#?}, then {now:#?}: {order:#?}"
                );
                assert!(
                    now.iter().all(|finding| whole.contains(finding)),
                    "{now:#?} of {whole:#?}: {order:#?}"
                );
                told = now;
            }
            assert_eq!(told.len(), whole.len(), "all is told in the end");
        }
    }
}

#[test]
fn what_can_be_said_is_said_at_once() {
    let mut progress = Progress::new(0);
    let [network, server, plain_http, outside, relays] = parts(&at_home()).try_into().unwrap();
    let about = |findings: Vec<Finding>| findings.into_iter().map(|one| one.about).collect::<Vec<_>>();
    assert!(progress.take(network).is_empty());
    let with_server = about(progress.take(server));
    assert_eq!(with_server, [About::Switchboard, About::Certificate, About::Clock]);
    assert_eq!(about(progress.take(plain_http)), with_server);
    let with_outside = about(progress.take(outside));
    assert!(with_outside.contains(&About::Udp) && with_outside.contains(&About::Nat), "{with_outside:?}");
    assert!(about(progress.take(relays)).contains(&About::Relay));
}

fn with(mut seen: Observations, change: impl FnOnce(&mut Observations)) -> Observations {
    change(&mut seen);
    seen
}

fn behind(mapping: Mapping, filtering: Filtering) -> Observations {
    with(at_home(), |seen| seen.nats = vec![nat(mapping, filtering)])
}

/// The same situation in another home.
fn elsewhere(mut seen: Observations) -> Observations {
    seen.network.interfaces = vec![interface("wlan0", "192.168.1.7")];
    for nat in &mut seen.nats {
        nat.local = at("192.168.1.7:5000");
        nat.public = at("203.0.113.9:5000");
    }
    seen
}

#[test]
fn every_situation_has_its_verdict_and_its_words() {
    use {About as A, Verdict as V};
    let v6 = |outcome: Option<Trouble>| {
        with(at_home(), |seen| {
            seen.network.ways_out.push(way_out("2001:db8:1::5", None));
            seen.server.dialled.push(dialled("[2001:db8::1]:443", outcome));
        })
    };
    let clock = |ahead| with(at_home(), |seen| seen.server.clock_ahead_ms = Some(ahead));
    let plain = |status, location: &str, trouble| {
        with(unreached(trouble), |seen| {
            let location = (!location.is_empty()).then(|| location.to_owned());
            seen.server.plain_http = Some(PlainHttp { status, location });
        })
    };
    let pin = |trouble: Option<Trouble>| {
        let wanted = Wanted::Pin { pin: "Q".to_owned() };
        match trouble {
            None => with(at_home(), |seen| seen.server.wanted = wanted),
            Some(trouble) => with(unreached(trouble), |seen| seen.server.wanted = wanted),
        }
    };
    let stranger = || Trouble::Stranger { said: "HTTP 302 Found".to_owned() };
    let tunnel = |carries: bool| {
        with(at_home(), |seen| {
            seen.network.interfaces.push(interface("wg0", "10.8.0.2"));
            if carries {
                seen.network.ways_out = vec![way_out("10.8.0.2", None)];
            }
        })
    };
    let own_server = with(at_home(), |seen| {
        seen.server.resolved = vec![at("127.0.0.1:1").ip()];
        (seen.stun, seen.nats, seen.relays) = (Vec::new(), Vec::new(), Vec::new());
    });
    let bare = with(at_home(), |seen| (seen.stun, seen.nats, seen.relays) = Default::default());
    let expired = with(unreached(Trouble::NotToday), |seen| {
        seen.began_unix_ms = 1_810_864_000_000;
    });
    let refused = |code| with(at_home(), |seen| seen.relays[0].trouble = Some(Trouble::Code { code }));
    let table = [
        ("at home", at_home(), V::Good, A::Nat, "everybody the same address, 203.0.113.5:4000"),
        ("pinned", pin(None), V::Good, A::Certificate, "the one that the link names"),
        ("authority", at_home(), V::Good, A::Certificate, "CN=Somebody vouches for it"),
        ("no NAT", behind(Mapping::NoNat, Filtering::Open), V::Good, A::Nat, "Anybody may send to it"),
        ("open NAT", behind(Mapping::Same, Filtering::Open), V::Good, A::Nat, "direct calls are easy"),
        ("one place", behind(Mapping::Unknown, Filtering::Unknown), V::Good, A::Nat, "is not known"),
        ("symmetric", behind(Mapping::Varies, Filtering::Unknown), V::Limited, A::Nat, "symmetric NAT"),
        ("no UDP", no_udp(), V::Limited, A::Udp, "UDP does not get through: no answer from 198.51.100.1"),
        ("only TLS", only_tls(), V::Limited, A::Relay, "The relay answers over TLS 443 in 60 ms"),
        ("nothing", nothing_open(), V::NoMedia, A::Relay, "not reached in any way"),
        ("full", refused(508), V::Limited, A::Relay, "no room left (code 508)"),
        ("quota", refused(486), V::Limited, A::Relay, "as many allocations as one may (code 486)"),
        ("no STUN", bare, V::Limited, A::Udp, "answers no STUN and offers no relay"),
        ("own server", own_server, V::Good, A::Udp, "answers no STUN"),
        ("IPv6", v6(None), V::Good, A::Ipv6, "IPv6 works."),
        ("broken IPv6", v6(Some(Trouble::Silent)), V::Limited, A::Ipv6, "nothing answers over it"),
        ("late", clock(-3_600_000), V::Limited, A::Clock, "60 minutes behind the server's"),
        ("early", clock(20_000), V::Good, A::Clock, "20 seconds ahead of the server's"),
        ("in time", clock(-900), V::Good, A::Clock, "agree"),
        ("VPN", tunnel(true), V::Good, A::Vpn, "goes through wg0"),
        ("idle VPN", tunnel(false), V::Good, A::Vpn, "does not go through it"),
        ("no name", unreached(Trouble::NoSuchName), V::NoServer, A::Switchboard, "nobody knows"),
        ("no server", unreached(Trouble::Refused), V::NoServer, A::Switchboard, "nothing listens"),
        ("silence", unreached(Trouble::Silent), V::NoServer, A::Switchboard, "does not answer"),
        ("SSH", unreached(Trouble::NotTls), V::NoServer, A::Switchboard, "does not speak TLS"),
        ("web", unreached(stranger()), V::NoServer, A::Switchboard, "HTTP 302 Found"),
        ("other pin", pin(Some(Trouble::WrongPin)), V::NoServer, A::Certificate, "the pin P, signed by"),
        ("ended", expired, V::NoServer, A::Certificate, "ended 10 days ago"),
        (
            "hotel",
            plain(302, "http://login.hotel.example/x", Trouble::Silent),
            V::NoServer,
            A::CaptivePortal,
            "log in first",
        ),
        (
            "train",
            plain(200, "", Trouble::UnknownAuthority),
            V::NoServer,
            A::CaptivePortal,
            "in the place of calls.example",
        ),
        ("511", plain(511, "", Trouble::Cut), V::NoServer, A::CaptivePortal, "log in first"),
        (
            "its own web",
            plain(301, "https://calls.example/", Trouble::Silent),
            V::NoServer,
            A::Switchboard,
            "does not answer",
        ),
        (
            "no network",
            with(unreached(Trouble::NoRoute), |seen| seen.network.interfaces.truncate(1)),
            V::NoServer,
            A::Network,
            "in no network",
        ),
    ];
    for (name, seen, verdict, about, words) in table {
        let diagnosis = diagnose(&seen);
        assert_eq!(diagnosis.verdict, verdict, "{name}: {diagnosis:#?}");
        let said = diagnosis.findings.iter().any(|found| found.about == about && found.what.contains(words));
        assert!(said, "{name}: {words} is not said of {about:?} in {diagnosis:#?}");
    }
}

#[test]
fn what_matters_most_stands_first_and_says_what_to_do() {
    for seen in
        [nothing_open(), no_udp(), unreached(Trouble::Silent), behind(Mapping::Varies, Filtering::Open)]
    {
        let findings = diagnose(&seen).findings;
        assert!(findings.is_sorted_by_key(|found| std::cmp::Reverse(found.severity)), "{findings:#?}");
        for found in findings.iter().filter(|found| found.severity >= Severity::Warning) {
            assert!(found.next.is_some(), "{found:?}");
        }
        for found in &findings {
            assert!(found.what.ends_with('.') && found.what.starts_with(char::is_uppercase), "{found:?}");
        }
    }
}

#[test]
fn what_fails_over_both_versions_of_ip_is_not_laid_on_one() {
    let seen = with(no_udp(), |seen| {
        seen.network.ways_out.push(way_out("2001:db8:1::5", None));
        seen.stun.push(asked("[2001:db8::1]:3478", None));
    });
    let diagnosis = diagnose(&seen);
    assert!(diagnosis.findings.iter().all(|found| found.about != About::Ipv6), "{diagnosis:#?}");
}

#[test]
fn a_login_page_is_not_told_together_with_what_it_hides() {
    let mut seen = unreached(Trouble::WrongPin);
    seen.server.plain_http = Some(PlainHttp { status: 200, location: None });
    let diagnosis = diagnose(&seen);
    let about = |about| diagnosis.findings.iter().any(|found| found.about == about);
    assert!(about(About::CaptivePortal) && !about(About::Switchboard), "{diagnosis:#?}");
}

#[test]
fn every_pair_of_networks_has_its_prediction() {
    use {Filtering as F, Mapping as M, Predicted as P};
    let hard = || behind(M::Varies, F::ByAddressAndPort);
    let easy = || behind(M::Same, F::ByAddressAndPort);
    let open = || behind(M::Same, F::Open);
    let no_relay = |seen| with(seen, |seen: &mut Observations| seen.relays.clear());
    let neighbour = |hairpin: Option<bool>, address: &str, router: &str| {
        let seen = elsewhere(easy());
        with(seen, |seen| {
            seen.network.interfaces = vec![interface("wlan0", address)];
            seen.network.ways_out = vec![way_out(address, Some(router))];
            seen.nats[0].public = at("203.0.113.5:5000");
            seen.nats[0].hairpin = hairpin;
        })
    };
    let mine = |hairpin| with(easy(), |seen| seen.nats[0].hairpin = hairpin);
    let table = [
        ("two homes", easy(), elsewhere(easy()), P::Direct, "the same address"),
        ("one symmetric", hard(), elsewhere(easy()), P::Relayed, "your router shows each destination"),
        ("the other symmetric", easy(), elsewhere(hard()), P::Relayed, "their router shows each destination"),
        ("symmetric and open", hard(), elsewhere(open()), P::Direct, "lets everybody in"),
        ("both symmetric", hard(), elsewhere(hard()), P::Relayed, "both routers show"),
        ("not known", behind(M::Unknown, F::Unknown), elsewhere(easy()), P::Direct, "perhaps be direct"),
        ("no UDP here", no_udp(), elsewhere(easy()), P::Relayed, "by TCP on your side and UDP on theirs"),
        ("no UDP there", easy(), elsewhere(no_udp()), P::Relayed, "by UDP on your side and TCP on theirs"),
        ("only TLS at both", only_tls(), elsewhere(only_tls()), P::Relayed, "by TLS on both sides"),
        (
            "nothing open here",
            nothing_open(),
            elsewhere(easy()),
            P::None,
            "your side does not reach the relay",
        ),
        ("nothing open there", easy(), elsewhere(nothing_open()), P::None, "their side does not reach"),
        ("no relay", no_relay(hard()), elsewhere(no_relay(hard())), P::None, "neither side reaches a relay"),
        ("relay of one", no_relay(hard()), elsewhere(hard()), P::Relayed, "perhaps be relayed"),
        (
            "one network",
            mine(None),
            neighbour(None, "192.168.1.9", "192.168.1.1"),
            P::Direct,
            "in the same network",
        ),
        (
            "behind one router that turns back",
            mine(Some(true)),
            neighbour(Some(true), "192.168.2.9", "192.168.2.1"),
            P::Direct,
            "lets its own reach each other",
        ),
        (
            "behind one router that does not",
            mine(Some(false)),
            neighbour(Some(false), "192.168.2.9", "192.168.2.1"),
            P::Relayed,
            "does not let its own",
        ),
    ];
    for (name, mine, theirs, route, words) in table {
        let prediction = predict(&mine, &theirs);
        assert_eq!(prediction.route, route, "{name}: {prediction:?}");
        assert!(prediction.sentence.contains(words), "{name}: {}", prediction.sentence);
        assert_eq!(predict(&theirs, &mine).route, route, "{name}, seen from the other side");
    }
}

#[test]
fn two_homes_with_the_same_private_addresses_are_not_one_network() {
    let symmetric = behind(Mapping::Varies, Filtering::ByAddressAndPort);
    let prediction = predict(&symmetric, &elsewhere(symmetric.clone()));
    assert_eq!(prediction.route, Predicted::Relayed, "{prediction:?}");
}

#[test]
fn ipv6_that_the_server_could_not_be_asked_over_leaves_hope() {
    let with_v6 =
        |seen: Observations, address| with(seen, |seen| seen.network.ways_out.push(way_out(address, None)));
    let hard = || behind(Mapping::Varies, Filtering::ByAddressAndPort);
    let ours = with_v6(hard(), "2001:db8:1::5");
    for (theirs, route) in [
        (with_v6(elsewhere(hard()), "2001:db8:2::7"), Predicted::Direct),
        (with_v6(elsewhere(hard()), "fd00::7"), Predicted::Relayed),
        (elsewhere(hard()), Predicted::Relayed),
    ] {
        assert_eq!(predict(&ours, &theirs).route, route, "{theirs:?}");
        assert_eq!(predict(&theirs, &ours).route, route, "{theirs:?}");
    }
    let silent = with(ours.clone(), |seen| seen.stun.push(asked("[2001:db8::1]:3478", None)));
    let theirs = with_v6(elsewhere(hard()), "2001:db8:2::7");
    assert_eq!(predict(&silent, &theirs).route, Predicted::Relayed, "it was asked, and did not answer");
}

#[test]
fn ipv6_alone_and_ipv4_alone_meet_at_the_relay() {
    let v6 = with(elsewhere(at_home()), |seen| {
        seen.nats[0].family = Family::V6;
        seen.nats[0].public = at("[2001:db8:7::1]:5000");
    });
    let prediction = predict(&at_home(), &v6);
    assert_eq!(prediction.route, Predicted::Relayed);
    assert!(prediction.sentence.contains("IPv4 and the other IPv6"), "{prediction:?}");
}

#[test]
fn a_prediction_is_held_against_what_came() {
    let direct = predict(&at_home(), &elsewhere(at_home()));
    let any = PathPolicy::Any;
    assert_eq!(score(&direct, any, Route::Direct), Score::Right);
    for relayed in [Route::RelayedByUs, Route::RelayedByThem, Route::RelayedByBoth] {
        assert_eq!(score(&direct, any, relayed), Score::Wrong { came: Predicted::Relayed });
    }
    assert_eq!(score(&direct, any, Route::None), Score::Wrong { came: Predicted::None });
    assert_eq!(score(&direct, PathPolicy::Relay, Route::RelayedByUs), Score::NotComparable);
}
