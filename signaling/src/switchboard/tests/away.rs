//! Sessions that outlive their connections.

use std::time::Duration;

use sightline_protocol::ToServer;

use super::super::*;
use super::desk::Seen::{Closed, Cut, Told};
use super::desk::*;

/// How Ada, who is connected, and Bob begin.
fn two() -> (Desk, SocketId, SocketId) {
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&person(1)), desk.connect(&person(2)));
    (desk, to_ada, to_bob)
}

fn ready(socket: SocketId, began: SocketId, received: u64) -> ToClient {
    ToClient::Ready {
        session: SessionId(began.0.to_be_bytes()).to_string(),
        token: Some(token_of(socket)),
        resumed: true,
        received,
        resume_within: 30,
        stun: vec!["stun:call.example.org:3478".to_owned()],
    }
}

#[test]
fn what_was_sent_to_somebody_away_is_there_when_they_come_back() {
    let (ada, bob) = (person(1), person(2));
    let (mut desk, to_ada, to_bob) = two();
    desk.say(to_ada, &envelope(1, &bob));
    desk.say(to_ada, &envelope(2, &bob));
    assert_eq!(desk.seen(), [Told(to_bob, deliver(1, &ada)), Told(to_bob, deliver(2, &ada))]);
    desk.breaks(to_bob);
    desk.say(to_ada, &envelope(3, &bob));
    assert_eq!(desk.seen(), [], "neither offline nor delivered yet");

    let back = desk.resume(&bob, to_bob, 1);
    assert_eq!(
        desk.seen(),
        [Told(back, ready(back, to_bob, 0)), Told(back, deliver(2, &ada)), Told(back, deliver(3, &ada))]
    );
    desk.say(to_ada, &envelope(4, &bob));
    assert_eq!(desk.seen(), [Told(back, deliver(4, &ada))]);
}

#[test]
fn what_a_client_says_again_is_taken_once() {
    let (ada, bob) = (person(1), person(2));
    let (mut desk, to_ada, to_bob) = two();
    desk.say(to_ada, &envelope(1, &bob));
    desk.seen();
    desk.breaks(to_ada);
    let back = desk.resume(&ada, to_ada, 0);
    assert_eq!(desk.seen(), [Told(back, ready(back, to_ada, 1))]);
    desk.say(back, &envelope(1, &bob));
    desk.say(back, &envelope(2, &bob));
    assert_eq!(desk.seen(), [Told(to_bob, deliver(2, &ada))]);
}

#[test]
fn whoever_does_not_come_back_is_offline_and_the_senders_are_told_so_late() {
    let (ada, bob) = (person(1), person(2));
    let (mut desk, to_ada, to_bob) = two();
    desk.say(to_ada, &envelope(1, &bob));
    desk.breaks(to_bob);
    desk.say(to_ada, &envelope(2, &bob));
    desk.seen();
    desk.wait(Duration::from_millis(29_999));
    let heard = desk.seen();
    assert_eq!(heard, [Told(to_ada, ToClient::Ack { id: 2 })]);
    desk.wait(Duration::from_millis(1));
    assert_eq!(desk.seen(), [Told(to_ada, offline(1, 1, &bob)), Told(to_ada, offline(2, 2, &bob))]);

    let late = desk.resume(&bob, to_bob, 1);
    let seen = desk.seen();
    assert!(
        matches!(&seen[..], [Told(told, ToClient::Ready { resumed: false, received: 0, session, .. })]
            if *told == late && *session != SessionId(to_bob.0.to_be_bytes()).to_string()),
        "{seen:?}"
    );
    desk.say(to_ada, &envelope(3, &bob));
    assert_eq!(desk.seen(), [Told(late, deliver(1, &ada))], "numbers begin anew");
}

#[test]
fn a_sender_who_came_anew_is_not_told_of_what_its_older_session_sent() {
    let (ada, bob) = (person(1), person(2));
    let (mut desk, _, to_bob) = two();
    let to_ada = desk.connect(&ada);
    desk.say(to_ada, &envelope(1, &bob));
    desk.breaks(to_bob);
    let anew = desk.connect(&ada);
    desk.seen();
    desk.wait(Duration::from_secs(30));
    assert_eq!(desk.seen(), [], "{anew:?} said nothing that had this number");
}

#[test]
fn a_sender_who_is_away_hears_what_became_of_its_envelope_when_it_comes_back() {
    let (ada, bob) = (person(1), person(2));
    let (mut desk, to_ada, to_bob) = two();
    desk.say(to_ada, &envelope(1, &bob));
    desk.breaks(to_bob);
    desk.wait(Duration::from_secs(20));
    desk.breaks(to_ada);
    desk.wait(Duration::from_secs(10));
    desk.seen();
    let back = desk.resume(&ada, to_ada, 0);
    assert_eq!(desk.seen(), [Told(back, ready(back, to_ada, 1)), Told(back, offline(1, 1, &bob))]);
}

#[test]
fn a_client_that_comes_back_before_its_loss_is_noticed_takes_over_silently() {
    let (ada, bob) = (person(1), person(2));
    let (mut desk, to_ada, to_bob) = two();
    desk.say(to_ada, &envelope(1, &bob));
    desk.seen();
    let back = desk.resume(&bob, to_bob, 0);
    assert_eq!(
        desk.seen(),
        [Cut(to_bob), Told(back, ready(back, to_bob, 0)), Told(back, deliver(1, &ada))],
        "the old one is dead; it is not told that it was replaced"
    );
    desk.breaks(to_bob);
    desk.say(to_bob, &envelope(1, &ada));
    desk.say(to_ada, &envelope(2, &bob));
    assert_eq!(desk.seen(), [Told(back, deliver(2, &ada))], "the end of the old one changes nothing");
}

#[test]
fn a_token_that_is_not_the_sessions_begins_a_new_one() {
    let (bob, to_bob) = (person(2), SocketId(2));
    let cases = [
        ("a token of nobody", to_bob, SocketId(99), 0),
        ("another session's name", SocketId(1), to_bob, 0),
        ("numbers that were never reached", to_bob, to_bob, 7),
    ];
    for (what, began, token, received) in cases {
        let (mut desk, to_ada, _) = two();
        desk.say(to_ada, &envelope(1, &bob));
        desk.seen();
        let socket = desk.open();
        desk.seen();
        desk.say(socket, &coming_back(&bob, socket, began, token, received));
        let seen = desk.seen();
        assert!(
            matches!(&seen[..], [Told(older, ToClient::Replaced), Closed(_, 4000),
                Told(told, ToClient::Ready { resumed: false, .. }), Told(sender, late)]
                if *older == to_bob && *told == socket && *sender == to_ada && *late == offline(1, 1, &bob)),
            "{what}: {seen:?}"
        );
    }
}

#[test]
fn anothers_session_cannot_be_resumed_even_with_its_token() {
    let (mut desk, to_ada, _) = two();
    let socket = desk.open();
    desk.seen();
    desk.say(socket, &coming_back(&person(2), socket, to_ada, to_ada, 0));
    let seen = desk.seen();
    assert!(
        seen.iter().any(|seen| matches!(seen, Told(_, ToClient::Ready { resumed: false, .. }))),
        "{seen:?}"
    );
}

#[test]
fn the_token_before_is_good_until_the_client_has_spoken() {
    let bob = person(2);
    let (mut desk, _, first) = two();
    desk.breaks(first);
    let second = desk.resume(&bob, first, 0);
    desk.breaks(second);
    let comes_back = |desk: &mut Desk| {
        let socket = desk.open();
        desk.seen();
        desk.say(socket, &coming_back(&bob, socket, first, first, 0));
        (socket, desk.seen())
    };
    // It never sees what it is told there, time and again.
    for _ in 0..3 {
        let (socket, seen) = comes_back(&mut desk);
        assert_eq!(seen, [Told(socket, ready(socket, first, 0))]);
        desk.breaks(socket);
    }
    let (socket, _) = comes_back(&mut desk);
    desk.say(socket, &ToServer::Ack { n: 0 });
    desk.breaks(socket);
    // Now it has, as it spoke there.
    let (_, seen) = comes_back(&mut desk);
    assert!(matches!(&seen[..], [Told(_, ToClient::Ready { resumed: false, .. })]), "{seen:?}");
}

#[test]
fn whoever_reads_too_slowly_is_cut_and_may_come_back() {
    let (ada, bob) = (person(1), person(2));
    let (mut desk, to_ada, to_bob) = two();
    desk.say(to_ada, &envelope(1, &bob));
    desk.seen();
    desk.handle(Event::Overflowed { socket: to_bob });
    assert_eq!(desk.seen(), [Cut(to_bob)]);
    desk.say(to_ada, &envelope(2, &bob));
    let back = desk.resume(&bob, to_bob, 0);
    assert_eq!(
        desk.seen(),
        [Told(back, ready(back, to_bob, 0)), Told(back, deliver(1, &ada)), Told(back, deliver(2, &ada))]
    );
}

#[test]
fn what_waits_for_one_client_is_bounded_and_the_sender_is_told() {
    let bob = person(2);
    let (mut desk, to_ada, to_bob) = two();
    desk.breaks(to_bob);
    for id in 1..=64 {
        desk.say(to_ada, &envelope(id, &bob));
    }
    assert!(desk.seen().iter().all(|seen| matches!(seen, Told(_, ToClient::Ack { .. }))));
    desk.say(to_ada, &envelope(65, &bob));
    let seen = desk.seen();
    assert!(
        matches!(&seen[..], [Told(told, ToClient::Error { code: ErrorCode::PeerSlow, fatal: false, id: Some(65), .. })]
            if *told == to_ada),
        "{seen:?}"
    );
    let back = desk.resume(&bob, to_bob, 0);
    assert_eq!(desk.seen().len(), 65, "what was there is still there");
    desk.say(back, &ToServer::Ack { n: 64 });
    desk.say(to_ada, &envelope(66, &bob));
    assert!(matches!(desk.seen()[..], [Told(told, ToClient::Deliver { n: 65, .. })] if told == back));
}

#[test]
fn bytes_that_wait_are_bounded_as_well() {
    let bob = person(2);
    let (mut desk, to_ada, _) = two();
    let mut told = 0;
    for id in 1..=10 {
        desk.say(to_ada, &of_size(id, &bob, 30_000));
        let seen = desk.seen();
        told +=
            usize::from(matches!(&seen[..], [Told(_, ToClient::Error { code: ErrorCode::PeerSlow, .. })]));
    }
    assert_eq!(told, 4, "six of 40 kB fit into 256 KiB");
}

#[test]
fn a_client_that_acknowledges_nothing_for_long_is_cut_once_it_is_full() {
    let bob = person(2);
    let (mut desk, to_ada, to_bob) = two();
    for id in 1..=65 {
        desk.say(to_ada, &envelope(id, &bob));
    }
    assert!(!desk.seen().contains(&Cut(to_bob)), "a burst is no slowness");
    desk.wait(Duration::from_secs(10));
    desk.say(to_ada, &envelope(66, &bob));
    assert!(desk.seen().contains(&Cut(to_bob)));
    desk.resume(&bob, to_bob, 64);
    desk.seen();
    desk.say(to_ada, &envelope(67, &bob));
    assert!(matches!(desk.seen()[..], [Told(_, ToClient::Deliver { n: 65, .. })]));
}

#[test]
fn whoever_asks_and_never_acknowledges_an_answer_is_ended() {
    let limits =
        Limits { messages_per_second: 1000, message_burst: 10, waiting_messages: 5, ..Limits::default() };
    let mut desk = Desk::with(limits);
    let socket = desk.connect(&person(1));
    let mut heard = Vec::new();
    for id in 1..=50 {
        desk.say(socket, &envelope(id, &person(9)));
        desk.wait(Duration::from_millis(1));
        heard.extend(desk.seen());
    }
    let answers = heard.iter().filter(|seen| {
        matches!(seen, Told(_, ToClient::Offline { .. } | ToClient::Error { fatal: false, .. }))
    });
    assert_eq!(answers.count(), 45, "five, and four times ten");
    let last = |seen: &Seen| {
        matches!(seen, Told(_, ToClient::Error { code: ErrorCode::RateLimited, fatal: true, .. }))
    };
    assert!(heard.iter().any(last) && heard.contains(&Closed(socket, 1008)), "{heard:?}");
}
