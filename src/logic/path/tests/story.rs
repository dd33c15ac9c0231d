//! What is written down as time goes on, and what of it is judged.

use super::*;

#[test]
fn an_address_that_was_met_before_it_was_named_is_what_they_say_it_is() {
    let mut path = Situation::new().path;
    let met = || pair((Kind::Host, US), (Kind::PeerReflexive, THEM), None);
    assert!(path.take_in_use(1, LEG, met()), "there was none before");
    assert!(!path.take_in_use(2, LEG, met()), "the same again");
    path.note_remote(3, LEG, &line("host", THEM));

    assert!(path.take_in_use(4, LEG, met()), "it is told anew as what it is");

    assert_eq!(path.pair_in_use().unwrap().remote.kind, Kind::Host);
}

#[test]
fn floods_are_not_written_down() {
    let mut path = Path::default();
    for leg in 1..1000 {
        path.note_leg_opened(u64::from(leg), leg, LegWhy::Silence, false);
        for _ in 0..100 {
            path.note_remote(0, leg, &line("host", THEM));
            path.note_local(0, leg, &line("host", US));
        }
    }
    let report = path.report();
    assert_eq!(report.legs.len(), MAX_LEGS);
    assert_eq!(report.legs.last().map(|leg| leg.leg), Some(999));
    assert_eq!(report.remote.len(), MAX_LEGS * leg::MAX_CANDIDATES);
    assert!(report.timeline_left_out > 0);
}

#[test]
fn the_leg_in_use_is_not_forgotten() {
    let mut path = Situation::new().pair(US, THEM, [1, 1, 1]).up((Kind::Host, US), (Kind::Host, THEM));
    for leg in 2..100 {
        path.note_leg_opened(u64::from(leg), leg, LegWhy::BetterPath, true);
    }
    assert_eq!(path.route(), Route::Direct);
}

#[test]
fn each_pair_says_how_it_stands() {
    let situation = Situation::new()
        .both_named()
        .pair(US, THEM, [0, 0, 0])
        .pair(US, "192.0.2.77:1", [1, 0, 0])
        .pair(US, "192.0.2.77:2", [9, 0, 4])
        .pair(US, "192.0.2.77:3", [3, 2, 0])
        .pair(US, THEM_OUTSIDE, [3, 2, 2]);
    let states = |path: &Path| path.report().pairs.iter().map(|pair| pair.state).collect::<Vec<_>>();
    let path = situation.up((Kind::Host, US), (Kind::ServerReflexive, THEM_OUTSIDE));
    assert_eq!(
        states(&path),
        [PairState::Waiting, PairState::Failed, PairState::OneWay, PairState::Succeeded, PairState::InUse]
    );
    assert_eq!(
        states(&Situation::new().pair(US, THEM_OUTSIDE, [1, 0, 0]).so_far()),
        [PairState::InProgress],
        "an answer may be on its way"
    );
}

#[test]
fn our_nat_is_known_from_two_answers_and_not_from_one() {
    let mapping = |situation: Situation| situation.so_far().report().our_nat;
    let one = mapping(Situation::new().mapped(STUN, US_OUTSIDE));
    assert_eq!((one.presence, one.mapping), (Presence::Present, Mapping::Unknown));
    let same =
        mapping(Situation::new().mapped(STUN, US_OUTSIDE).mapped("stun:203.0.113.10:3479", US_OUTSIDE));
    assert_eq!(same.mapping, Mapping::Same);
    let again =
        mapping(Situation::new().mapped(STUN, US_OUTSIDE).mapped("stun:relay.example:3478", US_OUTSIDE));
    assert_eq!(again.mapping, Mapping::Unknown, "the same server under two names is one server");
    let varying =
        mapping(Situation::new().mapped(STUN, US_OUTSIDE).mapped("stun:203.0.113.10:3479", "198.51.100.5:1"));
    assert_eq!(varying.mapping, Mapping::Varying);
    let streams = mapping(Situation::new().mapped(STUN, US_OUTSIDE).mapped(TLS, "198.51.100.5:55555"));
    assert_eq!(streams.mapping, Mapping::Unknown, "a stream has another port of its own");
    assert_eq!(mapping(Situation::new().mapped(STUN, US)).presence, Presence::None);
    assert_eq!(mapping(Situation::new()).presence, Presence::Unknown);
}

#[test]
fn their_nat_is_known_from_where_they_are_met() {
    let nat = |situation: Situation| situation.so_far().report().their_nat;
    let named = || Situation::new().both_named();
    assert_eq!(nat(named()).mapping, Mapping::Unknown);
    assert_eq!(nat(named().pair(US, THEM_OUTSIDE, [1, 1, 1])).mapping, Mapping::Same);
    let moved = nat(named().pair(US, "192.0.2.77:60001", [0, 0, 2]));
    assert_eq!(moved.mapping, Mapping::Varying);
    assert!(moved.public.contains(&Place { host: "192.0.2.77".into(), port: 60001 }));
    assert_eq!(nat(named().theirs("srflx", "192.0.2.77:41999")).mapping, Mapping::Varying);
    assert_eq!(nat(Situation::new().theirs("host", THEM)).presence, Presence::Unknown);
    let open = Situation::new().theirs("host", "192.0.2.77:41000").theirs("srflx", "192.0.2.77:41000");
    assert_eq!(nat(open).presence, Presence::None, "servers see what they are");
    assert_eq!(nat(Situation::new().theirs("host", "[2001:db8::3]:41000")).presence, Presence::None);
}

#[test]
fn a_closed_door_is_told_beside_the_open_one() {
    let report = Situation::new().silent(UDP).lends(TLS).so_far().report();
    let causes: Vec<_> = report.edges.iter().filter_map(|edge| edge.cause.as_deref()).collect();
    assert_eq!(
        causes,
        [
            "UDP to relay.example:3478 is not answered; TLS 443 to the same computer is: this network lets no UDP out",
            "this network lets no UDP out"
        ]
    );
}

#[test]
fn a_cause_that_becomes_clear_is_news_and_another_count_is_not() {
    let seen = |trouble, sent| {
        Situation::new()
            .server(UDP, |server| {
                server.asked = 1;
                server.trouble = trouble;
            })
            .lends(TLS)
            .pair(US, THEM_OUTSIDE, [sent, 0, 0])
            .seen
    };
    let relayed = Situation::new().both_named().lends(TLS).pair(LENT, THEM_OUTSIDE, [3, 2, 2]);
    let mut path = relayed.up((Kind::Relay, LENT), (Kind::ServerReflexive, THEM_OUTSIDE));
    path.note_sightings(400, LEG, seen(None, 9));
    assert!(!path.note_sightings(500, LEG, seen(None, 10)), "one more attempt");
    assert!(path.note_sightings(3_000, LEG, seen(Some(Trouble::NoAnswer), 10)), "UDP is not answered");
    assert!(path.sentence().ends_with("because this network lets no UDP out"));
}

#[test]
fn udp_that_a_stream_has_overtaken_does_not_get_out() {
    let overtaken = |asked| {
        let situation = Situation::new().both_named().server(UDP, |server| server.asked = asked).lends(TLS);
        let path = situation.up((Kind::Relay, LENT), (Kind::ServerReflexive, THEM_OUTSIDE));
        path.sentence().contains("no UDP out")
    };
    assert!(overtaken(2));
    assert!(!overtaken(1), "one datagram may have been lost");
}

#[test]
fn each_refusal_has_words() {
    for code in [400, 401, 403, 437, 438, 440, 441, 442, 486, 500, 508] {
        let trouble = Trouble::Refused { code, text: String::new() };
        let words = causes::plain(&UDP.parse().unwrap(), &trouble);
        assert!(words.contains(&code.to_string()) && !words.ends_with("a reason"), "{words}");
    }
    let unknown = Trouble::Refused { code: 599, text: "Too Tired".into() };
    assert_eq!(
        causes::plain(&UDP.parse().unwrap(), &unknown),
        "the relay relay.example refuses us: 599, Too Tired"
    );
}

#[test]
fn a_candidate_is_told_with_its_server_and_the_time_it_took() {
    let mut situation = Situation::new().lends(TLS);
    situation.path.note_local(90, LEG, &line("relay", LENT));
    let report = situation.so_far().report();
    let row = &report.local[0];
    assert_eq!((row.took_ms, row.over), (90, Some(crate::logic::servers::Transport::Tls)));
    assert_eq!(row.server.as_ref().map(Place::to_string).as_deref(), Some("relay.example:443"));
}

#[test]
fn the_story_of_a_call_that_moves_to_another_network_is_told() {
    let first = Situation::new().both_named().pair(US, THEM_OUTSIDE, [3, 1, 1]);
    let mut path = first.up((Kind::Host, US), (Kind::ServerReflexive, THEM_OUTSIDE));
    path.note_switchboard(400, true);
    path.note_leg_opened(5_000, 3, LegWhy::NetworkChanged, false);
    path.note_link(5_100, 3, Link::Checking);
    let Situation { seen, .. } = Situation::new().lends(TLS).silent(UDP).pair(LENT, THEM_OUTSIDE, [2, 2, 2]);
    path.note_sightings(5_200, 3, seen);
    path.note_link(5_300, 3, Link::Up);
    path.note_leg_in_use(5_300, 3);
    path.take_in_use(5_310, 3, pair((Kind::Relay, LENT), (Kind::ServerReflexive, THEM_OUTSIDE), None));
    path.note_leg_closed(6_000, LEG);
    path.note_switchboard(7_000, false);
    path.note_end(9_000, EndReason::Normal);

    let report = path.report();

    assert_eq!((report.leg, report.route), (Some(3), Route::RelayedByUs));
    let told: Vec<_> = report
        .timeline
        .iter()
        .skip_while(|entry| entry.t_ms < 5_000)
        .map(|entry| format!("{} {}", entry.t_ms, entry.sentence))
        .collect();
    assert_eq!(
        told,
        [
            "5000 The network of this computer changed; another path is looked for beside the one in use",
            "5051 The relay relay.example can be used over TLS 443",
            "5100 Pairs of addresses are being tried",
            "5200 UDP to relay.example:3478 is not answered",
            "5200 The other side is heard for the first time",
            "5300 Encrypted; media may flow",
            "5300 Media moved to the new path",
            "5310 Relayed by relay.example over TLS 443, because this network lets no UDP out",
            "6000 The old path was let go",
            "7000 The server cannot be reached; media does not need it",
            "9000 Hung up",
        ]
    );
    let legs: Vec<_> = report.legs.iter().map(|leg| (leg.leg, leg.route, leg.closed_ms)).collect();
    assert_eq!(legs, [(1, Route::Direct, Some(6_000)), (3, Route::RelayedByUs, None)]);
}

#[test]
fn a_policy_reads_back_from_its_name() {
    for name in ["any", "direct", "relay", "relay-udp", "relay-tcp", "relay-tls"] {
        assert_eq!(name.parse::<PathPolicy>().map(PathPolicy::name), Ok(name));
    }
    assert!("udp".parse::<PathPolicy>().is_err());
}
