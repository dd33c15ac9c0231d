//! Connecting, and what is said while a connection holds.

use std::time::Duration;

use sightline_protocol::{CallId, Identity, PROTOCOL_VERSION, Sealed, ToServer};

use super::super::*;
use super::desk::Seen::{Blamed, Closed, Cut, Told};
use super::desk::*;

#[test]
fn a_valid_hello_for_any_of_our_names_is_ready() {
    for name in [NAME, "call.example.org"] {
        let mut desk = Desk::new();
        let socket = desk.open();
        let welcome = desk.seen();
        assert!(
            matches!(&welcome[..], [Told(told, ToClient::Welcome { version: PROTOCOL_VERSION, challenge, limits })]
                if *told == socket && *challenge == challenge_of(socket) && limits.max_message_bytes == 65_536),
            "{welcome:?}"
        );
        desk.say(socket, &hello(&person(1), name, socket));
        let ready = ToClient::Ready {
            session: "0000000000000001".to_owned(),
            token: Some(token_of(socket)),
            resumed: false,
            received: 0,
            resume_within: 30,
            stun: vec!["stun:call.example.org:3478".to_owned()],
        };
        assert_eq!(desk.seen(), [Told(socket, ready)], "as {name}");
    }
}

#[test]
fn a_hello_that_proves_nothing_is_refused_and_blamed_on_its_source() {
    let (ada, eve, socket) = (person(1), person(6), SocketId(1));
    let ToServer::Hello { version, signature, resume, hidden, .. } = hello(&eve, NAME, socket) else {
        panic!()
    };
    let forgeries = [
        ("signed for another server", hello(&ada, "evil.example.org", socket)),
        ("signed for another port", hello(&ada, "127.0.0.1:4712", socket)),
        ("signed for another challenge", hello(&ada, NAME, SocketId(99))),
        (
            "signed by another key",
            ToServer::Hello { version, address: ada.address(), signature, resume, hidden },
        ),
    ];
    for (what, forgery) in forgeries {
        let mut desk = Desk::new();
        assert_eq!(desk.open_from("192.0.2.9".parse().unwrap()), socket);
        desk.seen();
        desk.say(socket, &forgery);
        let seen = desk.seen();
        assert!(
            matches!(&seen[..], [Blamed(peer), Told(_, ToClient::Error { code: ErrorCode::AuthFailed, fatal: true, .. }), Closed(_, 1008)]
                if peer.to_string() == "192.0.2.9"),
            "{what}: {seen:?}"
        );
        desk.say(socket, &hello(&ada, NAME, socket));
        assert_eq!(desk.seen(), [], "there is no second try after one {what}");
    }
}

#[test]
fn nothing_but_a_hello_is_taken_first() {
    let long = format!("{{\"t\":\"hello\",\"x\":\"{}\"}}", "x".repeat(5000));
    let attempts = [
        (encode(&envelope(1, &person(2))), ErrorCode::ProtoUnexpected),
        (encode(&ToServer::Ask { id: 1, to: person(2).address() }), ErrorCode::ProtoUnexpected),
        (encode(&ToServer::Bye), ErrorCode::ProtoUnexpected),
        ("{\"t\":\"something_of_tomorrow\"}".to_owned(), ErrorCode::ProtoUnexpected),
        ("GET / HTTP/1.1".to_owned(), ErrorCode::ProtoMalformed),
        ("{\"t\":\"hello\"}".to_owned(), ErrorCode::ProtoMalformed),
        (String::new(), ErrorCode::ProtoMalformed),
        (long, ErrorCode::ProtoTooLarge),
    ];
    for (text, code) in attempts {
        let mut desk = Desk::new();
        let socket = desk.open();
        desk.seen();
        desk.say_text(socket, &text);
        assert_eq!(desk.error(), (code, true), "{text:.60}");
    }
}

#[test]
fn a_client_two_versions_away_is_told_so() {
    let mut desk = Desk::new();
    let socket = desk.open();
    desk.seen();
    let ToServer::Hello { address, signature, resume, hidden, .. } = hello(&person(1), NAME, socket) else {
        panic!()
    };
    desk.say(socket, &ToServer::Hello { version: PROTOCOL_VERSION + 2, address, signature, resume, hidden });
    assert_eq!(desk.error(), (ErrorCode::ProtoVersion, true));
}

#[test]
fn silence_ends_a_connection_before_its_hello_and_not_after() {
    let mut desk = Desk::new();
    let silent = desk.open();
    let due = desk.now + Duration::from_secs(10);
    assert_eq!(desk.switchboard.poll_timeout(), Some((due, Why::Hello(silent))));
    let bound = desk.connect(&person(1));

    desk.wait(Duration::from_millis(9_999));
    assert_eq!(desk.seen(), []);
    desk.wait(Duration::from_millis(1));
    assert_eq!(desk.error(), (ErrorCode::AuthTimeout, true));
    assert_eq!(desk.switchboard.poll_timeout(), None);

    desk.wait(Duration::from_secs(3600));
    desk.say(bound, &envelope(1, &person(9)));
    assert_eq!(desk.seen(), [Told(bound, offline(1, 1, &person(9)))]);
}

#[test]
fn envelopes_go_both_ways_with_the_senders_proven_address() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    desk.say(to_ada, &envelope(1, &bob));
    desk.say(to_bob, &envelope(1, &ada));
    desk.say(to_ada, &envelope(2, &bob));
    assert_eq!(
        desk.seen(),
        [Told(to_bob, deliver(1, &ada)), Told(to_ada, deliver(1, &bob)), Told(to_bob, deliver(2, &ada))]
    );
}

#[test]
fn that_somebody_is_offline_is_said_at_once() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let to_ada = desk.connect(&ada);
    desk.say(to_ada, &envelope(1, &bob));
    assert_eq!(desk.seen(), [Told(to_ada, offline(1, 1, &bob))], "never seen");

    let to_bob = desk.connect(&bob);
    desk.closes(to_bob);
    desk.say(to_ada, &envelope(2, &bob));
    assert_eq!(desk.seen(), [Told(to_ada, offline(2, 2, &bob))], "gone again");
}

#[test]
fn a_socket_before_its_hello_is_nobody() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let to_ada = desk.connect(&ada);
    desk.open();
    desk.seen();
    desk.say(to_ada, &envelope(1, &bob));
    assert_eq!(desk.seen(), [Told(to_ada, offline(1, 1, &bob))]);
}

#[test]
fn what_a_client_says_is_acknowledged_after_sixteen_and_after_a_second() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, _) = (desk.connect(&ada), desk.connect(&bob));
    let acks = |seen: Vec<Seen>| {
        let acks = seen.into_iter().filter(|seen| matches!(seen, Told(_, ToClient::Ack { .. })));
        acks.collect::<Vec<_>>()
    };
    for id in 1..=20 {
        desk.say(to_ada, &envelope(id, &bob));
    }
    assert_eq!(acks(desk.seen()), [Told(to_ada, ToClient::Ack { id: 16 })]);
    desk.wait(Duration::from_millis(999));
    assert_eq!(acks(desk.seen()), []);
    desk.wait(Duration::from_millis(1));
    assert_eq!(acks(desk.seen()), [Told(to_ada, ToClient::Ack { id: 20 })]);
    desk.wait(Duration::from_secs(5));
    assert_eq!(acks(desk.seen()), [], "nothing more to acknowledge");
}

#[test]
fn a_number_that_came_before_is_dropped_and_one_too_far_ends_the_session() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    desk.say(to_ada, &envelope(1, &bob));
    desk.say(to_ada, &envelope(1, &bob));
    desk.say(to_ada, &envelope(0, &bob));
    assert_eq!(desk.seen(), [Told(to_bob, deliver(1, &ada))]);
    desk.say(to_ada, &envelope(3, &bob));
    assert_eq!(desk.error(), (ErrorCode::ProtoUnexpected, true));
    desk.say(to_bob, &envelope(1, &ada));
    assert_eq!(desk.seen(), [Told(to_bob, offline(2, 1, &ada))], "the session is gone at once");
}

#[test]
fn an_acknowledgement_of_what_was_never_said_ends_the_session() {
    let ada = person(1);
    for ack in [ToServer::Ack { n: 1 }, ToServer::Ack { n: u64::MAX }] {
        let mut desk = Desk::new();
        let socket = desk.connect(&ada);
        desk.say(socket, &ack);
        assert_eq!(desk.error(), (ErrorCode::ProtoUnexpected, true));
    }
}

#[test]
fn a_newer_connection_of_a_key_replaces_the_older() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, older) = (desk.connect(&ada), desk.connect(&bob));
    desk.say(to_ada, &envelope(1, &bob));
    desk.seen();
    let newer = desk.open();
    desk.seen();
    desk.say(newer, &hello(&bob, NAME, newer));
    let seen = desk.seen();
    assert!(
        matches!(&seen[..], [Told(one, ToClient::Replaced), Closed(closed, 4000),
            Told(two, ToClient::Ready { session, resumed: false, received: 0, .. }), Told(sender, late)]
            if *one == older && *closed == older && *two == newer && session == "0000000000000003"
                && *sender == to_ada && *late == offline(1, 1, &bob)),
        "the newer one gets nothing of the older's, and the sender is told: {seen:?}"
    );
    desk.say(older, &envelope(1, &ada));
    assert_eq!(desk.seen(), [], "the older one speaks for nobody");
    desk.breaks(older);
    desk.say(to_ada, &envelope(2, &bob));
    assert_eq!(desk.seen(), [Told(newer, deliver(1, &ada))]);
}

#[test]
fn what_is_wrong_with_a_later_message_ends_the_message_only() {
    let mut desk = Desk::new();
    let (ada, socket) = (person(1), SocketId(1));
    desk.connect(&ada);
    let wrong = [
        (encode(&hello(&ada, NAME, socket)), ErrorCode::ProtoUnexpected, None),
        ("{\"t\":\"something_of_tomorrow\",\"x\":[1]}".to_owned(), ErrorCode::ProtoUnexpected, None),
        ("{\"t\":\"something_of_tomorrow\",\"id\":1}".to_owned(), ErrorCode::ProtoUnexpected, Some(1)),
        ("nonsense".to_owned(), ErrorCode::ProtoMalformed, None),
        ("{\"t\":\"send\",\"id\":-1}".to_owned(), ErrorCode::ProtoMalformed, None),
        ("{\"t\":\"send\",\"id\":2}".to_owned(), ErrorCode::ProtoMalformed, Some(2)),
        (encode(&of_size(3, &person(2), 33_000)), ErrorCode::ProtoTooLarge, Some(3)),
        (
            encode(&ToServer::Relay { id: 4, call: CALL, with: ada.address() }),
            ErrorCode::CallUnknown,
            Some(4),
        ),
    ];
    for (text, expected, about) in wrong {
        desk.say_text(socket, &text);
        let seen = desk.seen();
        assert!(
            matches!(&seen[..], [Told(_, ToClient::Error { code, fatal: false, id, n, .. })]
                if *code == expected && *id == about && n.is_some() == about.is_some()),
            "{text:.60}: {seen:?}"
        );
    }
    desk.say(socket, &envelope(5, &person(2)));
    assert!(matches!(desk.seen()[..], [Told(_, ToClient::Offline { id: 5, .. })]));
}

#[test]
fn an_envelope_to_what_is_no_address_is_malformed() {
    let mut desk = Desk::new();
    let socket = desk.connect(&person(1));
    let nobody = "A".repeat(43);
    let text = encode(&envelope(1, &person(2))).replace(&person(2).address().to_string(), &nobody);
    desk.say_text(socket, &text);
    assert_eq!(desk.error(), (ErrorCode::ProtoMalformed, false));
}

#[test]
fn what_cannot_be_read_ends_the_connection_with_its_reason() {
    let cases = [
        (Unreadable::Binary, ErrorCode::ProtoMalformed, 1003),
        (Unreadable::NotUtf8, ErrorCode::ProtoMalformed, 1007),
        (Unreadable::TooLong, ErrorCode::ProtoTooLarge, 1009),
        (Unreadable::NotWebSocket, ErrorCode::ProtoMalformed, 1002),
    ];
    for (why, expected, close_code) in cases {
        let mut desk = Desk::new();
        let socket = desk.connect(&person(1));
        desk.handle(Event::Unreadable { socket, why });
        match &desk.seen()[..] {
            [Told(_, ToClient::Error { code, fatal: true, .. }), Closed(_, closed)] => {
                assert_eq!((code, *closed), (&expected, close_code), "{why:?}");
            }
            other => panic!("{why:?}: {other:?}"),
        }
    }
}

#[test]
fn a_message_above_the_limit_ends_the_connection() {
    let mut desk = Desk::new();
    let socket = desk.connect(&person(1));
    desk.say_text(socket, &" ".repeat(64 * 1024 + 1));
    assert_eq!(desk.error(), (ErrorCode::ProtoTooLarge, true));
}

#[test]
fn a_flood_is_refused_message_by_message_and_may_go_on_slower() {
    let mut desk = Desk::with(Limits { messages_per_second: 10, message_burst: 3, ..Limits::default() });
    let (ada, bob) = (person(1), person(2));
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    for id in 1..=3 {
        desk.say(to_ada, &envelope(id, &bob));
    }
    assert_eq!(desk.seen().len(), 3);
    desk.say(to_ada, &envelope(4, &bob));
    let seen = desk.seen();
    assert!(
        matches!(&seen[..], [Told(told, ToClient::Error { code: ErrorCode::RateLimited, fatal: false, id: Some(4), n: Some(1), .. })]
            if *told == to_ada),
        "{seen:?}"
    );
    desk.say(to_bob, &envelope(1, &ada));
    assert!(matches!(desk.seen()[..], [Told(..)]), "one client's flood is not another's");
    desk.wait(Duration::from_millis(100));
    desk.say(to_ada, &envelope(5, &bob));
    assert_eq!(desk.seen(), [Told(to_bob, deliver(4, &ada))]);
}

#[test]
fn whoever_floods_on_though_refused_is_closed() {
    let mut desk = Desk::with(Limits { messages_per_second: 10, message_burst: 3, ..Limits::default() });
    let socket = desk.connect(&person(1));
    for id in 1..=12 {
        desk.say(socket, &envelope(id, &person(2)));
    }
    assert!(desk.seen().iter().all(|seen| matches!(seen, Told(..))), "refused, but heard");
    desk.say(socket, &envelope(13, &person(2)));
    assert_eq!(desk.error(), (ErrorCode::RateLimited, true));
}

#[test]
fn connecting_anew_does_not_renew_the_allowance() {
    let mut desk = Desk::with(Limits { messages_per_second: 10, message_burst: 1, ..Limits::default() });
    let ada = person(1);
    let older = desk.connect(&ada);
    desk.say(older, &envelope(1, &person(2)));
    let newer = desk.connect(&ada);
    desk.say(newer, &envelope(1, &person(2)));
    assert_eq!(desk.error(), (ErrorCode::RateLimited, false));
    desk.breaks(newer);
    let newest = desk.resume(&ada, newer, 0);
    desk.seen();
    desk.say(newest, &envelope(2, &person(2)));
    assert_eq!(desk.error(), (ErrorCode::RateLimited, false));
}

#[test]
fn so_many_new_calls_a_minute_and_no_limit_on_those_that_stand() {
    let mut desk = Desk::with(Limits { calls_per_minute: 2, ..Limits::default() });
    let (ada, bob) = (person(1), person(2));
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    let ring = |id, call: u8, to: &Identity| ToServer::Send {
        id,
        to: to.address(),
        call: CallId([call; 16]),
        sealed: Sealed(vec![1]),
        ack: None,
    };
    for (id, call) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
        desk.say(to_ada, &ring(id, call, &bob));
        assert!(matches!(desk.seen()[..], [Told(told, ToClient::Deliver { .. })] if told == to_bob));
    }
    desk.say(to_ada, &ring(5, 3, &bob));
    let seen = desk.seen();
    assert!(
        matches!(&seen[..], [Told(_, ToClient::Error { code: ErrorCode::RateLimited, id: Some(5), .. })]),
        "{seen:?}"
    );
    desk.say(to_ada, &ring(6, 4, &person(9)));
    assert_eq!(desk.error(), (ErrorCode::RateLimited, false), "ringing does not tell who is there, either");
    desk.say(to_bob, &ring(1, 1, &ada));
    assert!(matches!(desk.seen()[..], [Told(..)]), "answering is not calling");
    desk.wait(Duration::from_secs(30));
    desk.seen();
    desk.say(to_ada, &ring(7, 3, &bob));
    assert!(matches!(desk.seen()[..], [Told(told, ToClient::Deliver { .. })] if told == to_bob));
}

#[test]
fn whether_somebody_is_connected_is_answered_so_many_times_a_minute() {
    let mut desk = Desk::with(Limits { questions_per_minute: 3, ..Limits::default() });
    let (ada, bob, cleo) = (person(1), person(2), person(3));
    let (to_ada, to_bob, _) = (desk.connect(&ada), desk.connect(&bob), desk.connect(&cleo));
    desk.breaks(to_bob);
    for (id, who, connected) in [(1, &cleo, true), (2, &bob, true), (3, &person(4), false)] {
        desk.say(to_ada, &ToServer::Ask { id, to: who.address() });
        let presence = ToClient::Presence { n: id, id, to: who.address(), connected };
        assert_eq!(desk.seen(), [Told(to_ada, presence)], "away is expected back");
    }
    desk.say(to_ada, &ToServer::Ask { id: 4, to: bob.address() });
    assert_eq!(desk.error(), (ErrorCode::RateLimited, false));
}

#[test]
fn whoever_hides_is_not_connected_to_those_who_ask_and_can_be_rung() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, hidden) = (desk.connect(&ada), desk.open());
    desk.seen();
    let ask = |desk: &mut Desk, id| {
        desk.say(to_ada, &ToServer::Ask { id, to: bob.address() });
        desk.seen()
    };
    let presence =
        |id, n, connected| Told(to_ada, ToClient::Presence { n, id, to: bob.address(), connected });
    desk.say(hidden, &hiding(hello(&bob, NAME, hidden)));
    desk.seen();
    assert_eq!(ask(&mut desk, 1), [presence(1, 1, false)]);
    desk.say(to_ada, &envelope(2, &bob));
    assert!(matches!(desk.seen()[..], [Told(told, ToClient::Deliver { .. })] if told == hidden));
    // It changes its mind with the next hello of the same session, and says nothing of it in the last.
    desk.breaks(hidden);
    assert_eq!(ask(&mut desk, 3), [presence(3, 2, false)], "hidden while it is away, too");
    let shown = desk.open();
    desk.say(shown, &coming_back(&bob, shown, hidden, hidden, 0));
    desk.seen();
    assert_eq!(ask(&mut desk, 4), [presence(4, 3, true)]);
    desk.breaks(shown);
    let again = desk.open();
    desk.say(again, &hiding(coming_back(&bob, again, hidden, shown, 0)));
    desk.seen();
    assert_eq!(ask(&mut desk, 5), [presence(5, 4, false)]);
}

#[test]
fn goodbye_ends_a_session_at_once() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    desk.say(to_ada, &envelope(1, &bob));
    desk.seen();
    desk.say(to_bob, &ToServer::Bye);
    assert_eq!(desk.seen(), [Closed(to_bob, 1000), Told(to_ada, offline(1, 1, &bob))]);
    desk.say(to_ada, &ToServer::Ask { id: 2, to: bob.address() });
    let presence = ToClient::Presence { n: 2, id: 2, to: bob.address(), connected: false };
    assert_eq!(desk.seen(), [Told(to_ada, presence)]);
}

#[test]
fn a_server_that_is_stopped_says_when_to_come_back_and_takes_nobody_new() {
    let mut desk = Desk::new();
    let (ada, bob, greeting) = (desk.connect(&person(1)), desk.connect(&person(2)), desk.open());
    let away = desk.connect(&person(3));
    desk.breaks(away);
    desk.seen();
    desk.handle(Event::Closing { random: 5 });
    let seen = desk.seen();
    let pause = |of: SocketId| {
        let pauses = seen.iter().filter_map(|seen| match seen {
            Told(to, ToClient::Drain { come_back_in_ms }) if *to == of => Some(*come_back_in_ms),
            Told(..) | Closed(..) | Cut(_) | Seen::Relay(_) | Blamed(_) => None,
        });
        pauses.collect::<Vec<_>>()
    };
    assert!(
        matches!((&pause(ada)[..], &pause(bob)[..]), ([one], [other]) if one != other
        && (1000..3000).contains(one) && (1000..3000).contains(other)),
        "{seen:?}"
    );
    let told = |seen: &Seen| matches!(seen, Told(to, ToClient::Error { code: ErrorCode::ServerClosing, fatal: true, .. }) if *to == greeting);
    assert!(seen.iter().any(told), "{seen:?}");
    assert!([ada, bob, greeting].iter().all(|socket| seen.contains(&Closed(*socket, 1001))), "{seen:?}");

    desk.open();
    assert_eq!(desk.error(), (ErrorCode::ServerClosing, true));
    assert_eq!(desk.switchboard.poll_timeout(), None);
}

#[test]
fn ten_thousand_clients_do_not_come_back_at_once() {
    let spread: Vec<u64> = (0..10_000).map(|socket| scatter(77, socket) % 20_000).collect();
    for second in 0..20 {
        let there = spread.iter().filter(|ms| **ms / 1000 == second).count();
        assert!((400..600).contains(&there), "{there} in second {second}");
    }
}

#[test]
fn an_explanation_that_quotes_the_client_is_cut() {
    let mut desk = Desk::new();
    let socket = desk.connect(&person(1));
    desk.say_text(socket, &format!("{{\"t\":\"send\",\"id\":\"{}\"}}", "ä".repeat(20_000)));
    let Some(Effect::Send { text, .. }) = desk.switchboard.poll_effect() else { panic!("nothing was said") };
    assert!(text.len() < 1000, "{} bytes", text.len());
}

#[test]
fn what_happens_is_counted() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    desk.say(to_ada, &envelope(1, &bob));
    desk.say(to_ada, &envelope(2, &person(9)));
    desk.say_text(to_ada, "nonsense");
    desk.breaks(to_bob);
    let counts = &desk.metrics.switchboard;
    assert_eq!((counts.sessions.get(), counts.sessions_away.get(), counts.calls.get()), (1, 1, 1));
    assert_eq!((counts.hellos.greeted.get(), counts.hellos.resumed.get()), (2, 0));
    assert_eq!((counts.envelopes.delivered.get(), counts.envelopes.offline.get()), (1, 1));
    assert_eq!(counts.refused.malformed.get(), 1);
    desk.resume(&bob, to_bob, 0);
    let counts = &desk.metrics.switchboard;
    assert_eq!((counts.sessions.get(), counts.sessions_away.get(), counts.hellos.resumed.get()), (2, 0, 1));
}
