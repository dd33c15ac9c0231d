//! One line each: where a call is, and the one sentence that a stranger is told.

use super::*;
use crate::logic::units::RoundTrip;

/// All situations, each with what is said of the whole.
fn situations() -> Vec<(&'static str, Path, &'static str)> {
    let host = |address| (Kind::Host, address);
    let relay = |address| (Kind::Relay, address);
    let reflexive = |address| (Kind::ServerReflexive, address);
    let refused = |code| Trouble::Refused { code, text: "No".into() };
    vec![
        ("nothing began", Path::default(), "No path yet"),
        (
            "given up before there was one",
            Situation::new().both_named().ended(EndReason::Cancelled),
            "No path: the call ended before there was one",
        ),
        ("pairs are tried", Situation::new().both_named().pair(US, THEM, [2, 0, 0]).so_far(), "No path yet"),
        (
            "one network",
            Situation::new()
                .ours("host", US)
                .theirs("host", "192.168.1.9:41000")
                .pair(US, "192.168.1.9:41000", [1, 1, 1])
                .up(host(US), host("192.168.1.9:41000")),
            "Direct over UDP · 48 ms",
        ),
        (
            "through both NATs",
            Situation::new()
                .both_named()
                .pair(US, THEM_OUTSIDE, [3, 1, 1])
                .up(host(US), reflexive(THEM_OUTSIDE)),
            "Direct over UDP · 48 ms",
        ),
        (
            "only TLS gets out",
            Situation::new()
                .both_named()
                .silent(UDP)
                .lends(TLS)
                .pair(US, THEM_OUTSIDE, [9, 0, 0])
                .pair(LENT, THEM_OUTSIDE, [3, 2, 2])
                .up(relay(LENT), reflexive(THEM_OUTSIDE)),
            "Relayed by relay.example over TLS 443 · 48 ms, because this network lets no UDP out",
        ),
        (
            "only TCP gets out",
            Situation::new()
                .both_named()
                .silent(UDP)
                .lends(TCP)
                .pair(LENT, THEM_OUTSIDE, [3, 2, 2])
                .up(relay(LENT), reflexive(THEM_OUTSIDE)),
            "Relayed by relay.example over TCP 3478 · 48 ms, because this network lets no UDP out",
        ),
        (
            "both NATs use another port for each destination",
            Situation::new()
                .both_named()
                .theirs("srflx", "192.0.2.77:41999")
                .mapped(STUN, US_OUTSIDE)
                .mapped("stun:203.0.113.10:3479", "198.51.100.5:40777")
                .lends(UDP)
                .pair(US, THEM_OUTSIDE, [12, 0, 0])
                .pair(LENT, THEM_OUTSIDE, [3, 2, 2])
                .up(relay(LENT), reflexive(THEM_OUTSIDE)),
            "Relayed by relay.example over UDP · 48 ms, because none of our 12 attempts to reach them \
             directly was answered, and none of theirs came: the routers on both sides use another port for \
             each destination, so neither side knows where to knock",
        ),
        (
            "our NAT alone does",
            Situation::new()
                .both_named()
                .mapped(STUN, US_OUTSIDE)
                .mapped("stun:203.0.113.10:3479", "198.51.100.5:40777")
                .lends(UDP)
                .pair(US, THEM_OUTSIDE, [12, 0, 0])
                .pair(LENT, THEM_OUTSIDE, [3, 2, 2])
                .up(relay(LENT), reflexive(THEM_OUTSIDE)),
            "Relayed by relay.example over UDP · 48 ms, because none of our 12 attempts to reach them \
             directly was answered, and none of theirs came: the router on our side uses another port for \
             each destination, so they knock at the wrong one",
        ),
        (
            "they do not hear us",
            Situation::new()
                .both_named()
                .lends(UDP)
                .pair(US, THEM_OUTSIDE, [38, 0, 21])
                .pair(LENT, THEM_OUTSIDE, [3, 2, 2])
                .up(relay(LENT), reflexive(THEM_OUTSIDE)),
            "Relayed by relay.example over UDP · 48 ms, because they reach us directly, but none of our 38 \
             attempts to reach them was answered: something on the way to them drops what we send",
        ),
        (
            "always relay",
            Situation::with(PathPolicy::Relay)
                .ours("relay", LENT)
                .theirs("srflx", THEM_OUTSIDE)
                .lends(UDP)
                .pair(LENT, THEM_OUTSIDE, [3, 2, 2])
                .up(relay(LENT), reflexive(THEM_OUTSIDE)),
            "Relayed by relay.example over UDP · 48 ms, because only relayed paths are allowed",
        ),
        (
            "they hide behind a relay",
            Situation::new()
                .ours("host", US)
                .theirs("relay", "192.0.2.200:50010")
                .pair(US, "192.0.2.200:50010", [3, 2, 2])
                .up(host(US), relay("192.0.2.200:50010")),
            "Relayed by their server 192.0.2.200 · 48 ms, because they named only addresses of a relay",
        ),
        (
            "the server that both use relays for them",
            Situation::new()
                .ours("host", US)
                .theirs("relay", LENT_TO_THEM)
                .lends(UDP)
                .pair(US, LENT_TO_THEM, [3, 2, 2])
                .up(host(US), relay(LENT_TO_THEM)),
            "Relayed by relay.example for the other side · 48 ms, because they named only addresses of a relay",
        ),
        (
            "one relay for both",
            Situation::new()
                .ours("relay", LENT)
                .theirs("relay", LENT_TO_THEM)
                .lends(TLS)
                .silent(UDP)
                .pair(LENT, LENT_TO_THEM, [3, 2, 2])
                .up(relay(LENT), relay(LENT_TO_THEM)),
            "Relayed by relay.example for both sides over TLS 443 · 48 ms, because this network lets no UDP out",
        ),
        (
            "two relays",
            Situation::new()
                .ours("relay", LENT)
                .theirs("relay", "192.0.2.200:50010")
                .lends(UDP)
                .pair(LENT, "192.0.2.200:50010", [3, 2, 2])
                .up(relay(LENT), relay("192.0.2.200:50010")),
            "Relayed twice, by relay.example over UDP and by their server 192.0.2.200 · 48 ms, because they \
             named only addresses of a relay",
        ),
        (
            "IPv4 here, IPv6 there",
            Situation::new()
                .ours("host", US)
                .theirs("host", "[2001:db8::3]:41000")
                .lends(UDP)
                .pair(LENT, "[2001:db8::3]:41000", [3, 2, 2])
                .up(relay(LENT), host("[2001:db8::3]:41000")),
            "Relayed by relay.example over UDP · 48 ms, because we have only IPv4, and they have only IPv6",
        ),
        (
            "nothing gets out",
            Situation::new()
                .both_named()
                .silent(UDP)
                .silent(TCP)
                .silent(TLS)
                .pair(US, THEM_OUTSIDE, [38, 0, 0])
                .failed(),
            "No path: nothing gets out of this network: relay.example answers neither over UDP 3478, TCP \
             3478 nor TLS 443",
        ),
        (
            "no network",
            Situation::new().interfaces(&[("eth0", "192.168.1.7", false)]).failed(),
            "No path: this computer is in no network that leads out (eth0: it is off, or has no cable in it)",
        ),
        (
            "a name that nobody knows",
            Situation::new()
                .both_named()
                .trouble(UDP, Trouble::NameUnknown)
                .pair(US, THEM_OUTSIDE, [38, 0, 0])
                .failed(),
            "No path: the name relay.example leads to no address: it is misspelt, or this network's name \
             service does not answer",
        ),
        (
            "no way out",
            Situation::new()
                .both_named()
                .trouble(UDP, Trouble::NoRoute)
                .pair(US, THEM_OUTSIDE, [38, 0, 0])
                .failed(),
            "No path: this computer has no way to relay.example: it is in no network that leads there",
        ),
        (
            "no relay, and a firewall",
            Situation::new()
                .both_named()
                .told(&[STUN])
                .mapped(STUN, US_OUTSIDE)
                .pair(US, THEM_OUTSIDE, [38, 0, 0])
                .failed(),
            "No path: none of our 38 attempts to reach them directly was answered, and none of theirs came: \
             a firewall or router between the two sides lets nothing through; and no relay that could help is \
             known",
        ),
        (
            "the relay has no room",
            Situation::new()
                .both_named()
                .mapped(STUN, US_OUTSIDE)
                .trouble(UDP, refused(486))
                .pair(US, THEM_OUTSIDE, [38, 0, 0])
                .failed(),
            "No path: none of our 38 attempts to reach them directly was answered, and none of theirs came: \
             a firewall or router between the two sides lets nothing through; and the relay relay.example \
             refuses us: 486, it has no room for another allocation of this call",
        ),
        (
            "the relay does not know us",
            Situation::with(PathPolicy::Relay).told(&[UDP]).trouble(UDP, refused(401)).failed(),
            "No path: the relay relay.example refuses us: 401, it does not accept our user name and \
             password, and only relayed paths are allowed",
        ),
        (
            "another certificate",
            Situation::with(PathPolicy::RelayTls)
                .told(&[TLS])
                .trouble(
                    TLS,
                    Trouble::WrongCertificate {
                        came: Some("0LpN".into()),
                        why: "relay.example shows another certificate than the link names".into(),
                    },
                )
                .failed(),
            "No path: relay.example shows another certificate than the link names (pin 0LpN came), and only \
             relayed paths are allowed",
        ),
        (
            "a proxy that says no",
            Situation::with(PathPolicy::RelayTls)
                .told(&[TLS])
                .trouble(TLS, Trouble::ProxyRefused { why: "it answers 403".into() })
                .failed(),
            "No path: the proxy of this network does not let us through to relay.example:443: it answers \
             403, and only relayed paths are allowed",
        ),
        (
            "nothing listens",
            Situation::with(PathPolicy::RelayTcp).told(&[TCP]).trouble(TCP, Trouble::NothingListens).failed(),
            "No path: the computer relay.example is reached, but nothing listens on its port 3478, and only \
             relayed paths are allowed",
        ),
        (
            "their side is closed",
            Situation::new()
                .both_named()
                .theirs("relay", LENT_TO_THEM)
                .lends(UDP)
                .pair(US, THEM_OUTSIDE, [38, 0, 0])
                .pair(LENT, THEM_OUTSIDE, [30, 0, 0])
                .failed(),
            "No path: none of our 38 attempts to reach them directly was answered, and none of theirs came: \
             a firewall or router between the two sides lets nothing through; and the relay relay.example \
             works for us, but they cannot be reached from it either: what is closed is on their side",
        ),
        (
            "they named only their own network",
            Situation::new()
                .ours("host", US)
                .ours("srflx", US_OUTSIDE)
                .theirs("host", THEM)
                .told(&[STUN])
                .mapped(STUN, US_OUTSIDE)
                .pair(US, THEM, [20, 0, 0])
                .failed(),
            "No path: none of our 20 attempts to reach them directly was answered, and none of theirs came: \
             they named only addresses that mean nothing outside their own network; and no relay that could \
             help is known",
        ),
        (
            "they named nothing",
            Situation::new()
                .ours("host", US)
                .told(&[STUN])
                .mapped(STUN, US_OUTSIDE)
                .ended(EndReason::ConnectFailed(Step::Candidates)),
            "No path: they named no address at which they can be reached; and no relay that could help is known",
        ),
        (
            "only direct paths are allowed",
            Situation::with(PathPolicy::Direct)
                .both_named()
                .mapped(STUN, US_OUTSIDE)
                .pair(US, THEM_OUTSIDE, [38, 0, 0])
                .failed(),
            "No path: none of our 38 attempts to reach them directly was answered, and none of theirs came: \
             a firewall or router between the two sides lets nothing through; and relayed paths are not \
             allowed",
        ),
        (
            "a path and no keys",
            Situation::new()
                .both_named()
                .pair(US, THEM_OUTSIDE, [3, 1, 1])
                .ended(EndReason::ConnectFailed(Step::Encryption)),
            "No path: a pair of addresses works, but keys were not agreed on",
        ),
        (
            "interrupted",
            interrupted(None),
            "Nothing comes any more; another path is looked for. It was: Direct over UDP · 48 ms",
        ),
        (
            "lost, and no network left",
            interrupted(Some(Trouble::NoAnswer)),
            "The path is lost: nothing gets out of this network: relay.example answers nothing over TLS 443. \
             It was: Direct over UDP · 48 ms",
        ),
        (
            "the relay answers elsewhere",
            Situation::with(PathPolicy::RelayUdp).told(&[UDP]).mapped(STUN, US_OUTSIDE).silent(UDP).failed(),
            "No path: UDP to relay.example:3478 is not answered, while other servers are: it is down, or a \
             firewall closes the way to it, and only relayed paths are allowed",
        ),
    ]
}

/// A direct call that heard nothing more; and, where there is trouble, another leg that found nothing either.
fn interrupted(trouble: Option<Trouble>) -> Path {
    let direct = Situation::new().both_named().pair(US, THEM_OUTSIDE, [3, 1, 1]);
    let mut path = direct.up((Kind::Host, US), (Kind::ServerReflexive, THEM_OUTSIDE));
    path.note_link(60_000, LEG, Link::Interrupted);
    if trouble.is_some() {
        path.note_leg_opened(60_001, 3, LegWhy::Silence, false);
        let Situation { seen, .. } =
            Situation::new().trouble(TLS, Trouble::NoAnswer).pair(US, THEM_OUTSIDE, [9, 0, 0]);
        path.note_sightings(66_000, 3, seen);
        path.note_link(67_000, 3, Link::Failed);
        path.note_end(120_000, EndReason::Lost);
    }
    path
}

#[test]
fn each_situation_is_said_in_one_sentence() {
    let mut wrong = Vec::new();
    for (name, path, expected) in situations() {
        let said = path.sentence();
        if said != expected {
            wrong.push(format!("{name}:\n  is:     {said}\n  should: {expected}"));
        }
        let report = path.report();
        assert_eq!(report.sentence, said, "{name}");
        assert_eq!(report.route, path.route(), "{name}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_closed_edge_has_a_cause_and_no_other_has() {
    for (name, path, _) in situations() {
        for edge in path.report().edges {
            match edge.status {
                EdgeStatus::Failed => assert!(edge.cause.is_some(), "{name}: {edge:?}"),
                EdgeStatus::Works | EdgeStatus::Unknown => assert_eq!(edge.cause, None, "{name}: {edge:?}"),
                // What was not tried may have a reason: it is not allowed, or there is nothing to try.
                EdgeStatus::Untried => {}
            }
        }
    }
}

#[test]
fn the_round_trip_of_the_call_is_one_figure_wherever_it_stands() {
    let mut told = 0;
    for (name, path, _) in situations() {
        let report = path.report();
        let Some(trip) = report.in_use.as_ref().and_then(|in_use| in_use.pair.round_trip_ms) else {
            continue;
        };
        let rows = report.pairs.iter().filter(|row| row.in_use).map(|row| row.round_trip_ms);
        let whole = |edge: &&Edge| edge.in_use && edge.to == Node::TheirNat;
        let edges = report.edges.iter().filter(whole).map(|edge| edge.round_trip_ms);
        for figure in rows.chain(edges.filter(Option::is_some)) {
            assert_eq!(figure, Some(trip), "{name}");
            told += 1;
        }
        let said = RoundTrip { ms: trip }.to_string();
        assert!(report.sentence.contains(&said), "{name}: {} does not say {said}", report.sentence);
    }
    assert!(told > 0, "nothing was looked at");
}

#[test]
fn a_connected_call_has_a_way_of_working_edges() {
    for (name, path, _) in situations() {
        let report = path.report();
        if report.in_use.is_none() || report.leg != report.in_use.as_ref().map(|in_use| in_use.leg) {
            continue;
        }
        let used: Vec<_> = report.edges.iter().filter(|edge| edge.in_use).collect();
        assert_eq!(used.first().map(|edge| &edge.from), Some(&Node::Us), "{name}");
        assert_eq!(used.last().map(|edge| &edge.to), Some(&Node::Them), "{name}");
        assert!(used.len() >= 3, "{name}: {used:?}");
        assert!(used.iter().all(|edge| edge.status == EdgeStatus::Works), "{name}: {used:?}");
    }
}

#[test]
fn no_credential_is_written_down() {
    let path = Situation::new().told(&[UDP, TLS]).so_far();
    let all = format!("{path:?}{:?}", path.report());
    assert!(!all.contains("secret") && !all.contains("username"), "{all}");
}
