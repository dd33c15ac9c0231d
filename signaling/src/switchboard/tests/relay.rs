//! Calls, and who gets the relay for which.

use std::net::IpAddr;
use std::time::Duration;

use sightline_protocol::{CallId, Identity, Password, Sealed, ToServer};

use super::super::*;
use super::desk::Seen::{Relay, Told};
use super::desk::*;
use crate::relay::{Party, credentials};

fn scope() -> ScopeId {
    let (ada, bob) = (person(1).address(), person(2).address());
    let (lower, higher) = if party(1) == Party::Lower { (ada, bob) } else { (bob, ada) };
    credentials::scope(b"secret", CALL, lower.as_bytes(), higher.as_bytes())
}

/// Which party Ada, 1, is, and Bob, 2.
fn party(who: u8) -> Party {
    let (own, other) = (person(who).address(), person(3 - who).address());
    if own.as_bytes() < other.as_bytes() { Party::Lower } else { Party::Higher }
}

fn user_name(who: u8, expires: u64) -> String {
    credentials::mint(b"secret", scope(), party(who), expires).username
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Ada has called Bob, and he answered.
fn in_call(limits: Limits) -> (Desk, SocketId, SocketId) {
    let mut desk = Desk::with(limits);
    let to_ada = desk.connect_from(&person(1), ip("192.0.2.1"));
    let to_bob = desk.connect_from(&person(2), ip("198.51.100.2"));
    desk.say(to_ada, &envelope(1, &person(2)));
    desk.say(to_bob, &envelope(1, &person(1)));
    desk.seen();
    (desk, to_ada, to_bob)
}

fn ask_for(id: u64, with: &Identity) -> ToServer {
    ToServer::Relay { id, call: CALL, with: with.address() }
}

fn news(desk: &mut Desk) -> Vec<News> {
    let news = desk.seen().into_iter().filter_map(|seen| match seen {
        Relay(news) => Some(news),
        Told(..) | Seen::Closed(..) | Seen::Cut(_) | Seen::Blamed(_) => None,
    });
    news.collect()
}

#[test]
fn both_parties_of_an_answered_call_get_credentials_and_the_relay_knows_where_they_are() {
    let (mut desk, to_ada, to_bob) = in_call(Limits::default());
    desk.say(to_ada, &ask_for(2, &person(2)));
    let minted = |who| {
        let username = user_name(who, NOW_UNIX + 600);
        let password = credentials::password(b"secret", &username);
        (username, Password(password))
    };
    let urls = vec!["turn:call.example.org:3478?transport=udp".to_owned()];
    let (username, password) = minted(1);
    let answer =
        ToClient::Relay { n: 2, id: 2, call: CALL, urls: urls.clone(), username, password, ttl: 600 };
    assert_eq!(
        desk.seen(),
        [
            Relay(News::Opened { scope: scope() }),
            Relay(News::Seen { scope: scope(), party: party(1), ip: ip("192.0.2.1") }),
            Relay(News::Seen { scope: scope(), party: party(2), ip: ip("198.51.100.2") }),
            Told(to_ada, answer),
        ]
    );
    desk.say(to_bob, &ask_for(2, &person(1)));
    let (username, password) = minted(2);
    let answer = ToClient::Relay { n: 2, id: 2, call: CALL, urls, username, password, ttl: 600 };
    assert_eq!(desk.seen(), [Told(to_bob, answer)], "the relay knows already");
}

#[test]
fn a_server_that_was_started_anew_gives_a_call_the_scope_it_had_whoever_speaks_first() {
    let usernames = [[1, 2], [2, 1]].map(|order| {
        let mut desk = Desk::new();
        let sockets = [desk.connect(&person(1)), desk.connect(&person(2))];
        for who in order {
            desk.say(sockets[usize::from(who) - 1], &envelope(1, &person(3 - who)));
        }
        desk.seen();
        desk.say(sockets[0], &ask_for(2, &person(2)));
        let seen = desk.seen();
        match seen.last() {
            Some(Told(_, ToClient::Relay { username, .. })) => username.clone(),
            other => panic!("no credentials: {other:?}"),
        }
    });
    assert_eq!(usernames[0], usernames[1]);
}

#[test]
fn nobody_else_gets_credentials() {
    let (mut desk, to_ada, _) = in_call(Limits::default());
    let to_eve = desk.connect(&person(6));
    desk.say(to_eve, &ask_for(1, &person(2)));
    assert_eq!(desk.error(), (ErrorCode::CallUnknown, false), "of a call of two others");
    desk.say(to_ada, &ask_for(2, &person(6)));
    assert_eq!(desk.error(), (ErrorCode::CallUnknown, false), "with somebody who is not in it");
    desk.say(to_ada, &ToServer::Relay { id: 3, call: CallId([8; 16]), with: person(2).address() });
    assert_eq!(desk.error(), (ErrorCode::CallUnknown, false), "of another call");
    // Eve rings Ada with the call's id. That is a call of its own, and not answered.
    desk.say(to_eve, &envelope(2, &person(1)));
    desk.seen();
    desk.say(to_eve, &ask_for(3, &person(1)));
    assert_eq!(desk.error(), (ErrorCode::CallUnknown, false), "of a call that nobody answered");
}

#[test]
fn an_envelope_one_way_is_no_call_however_often() {
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&person(1)), desk.connect(&person(2)));
    desk.say(to_ada, &envelope(1, &person(2)));
    desk.say(to_ada, &envelope(2, &person(2)));
    desk.seen();
    desk.say(to_ada, &ask_for(3, &person(2)));
    assert_eq!(desk.error(), (ErrorCode::CallUnknown, false));
    desk.say(to_bob, &ask_for(1, &person(1)));
    assert_eq!(desk.error(), (ErrorCode::CallUnknown, false));
}

#[test]
fn a_server_without_a_relay_says_so() {
    let (mut desk, to_ada, _) = in_call(Limits::default());
    desk.switchboard.relay = None;
    desk.say(to_ada, &ask_for(2, &person(2)));
    assert_eq!(desk.error(), (ErrorCode::RelayNone, false));
}

#[test]
fn credentials_asked_for_again_are_new_and_for_the_same_scope() {
    let (mut desk, to_ada, _) = in_call(Limits::default());
    desk.say(to_ada, &ask_for(2, &person(2)));
    desk.seen();
    desk.wait(Duration::from_secs(500));
    desk.seen();
    desk.say(to_ada, &ask_for(3, &person(2)));
    let seen = desk.seen();
    assert!(
        matches!(&seen[..], [Told(_, ToClient::Relay { username, .. })]
            if *username == user_name(1, NOW_UNIX + 1100)),
        "{seen:?}"
    );
}

#[test]
fn either_party_ends_it_and_late_envelopes_are_no_new_call() {
    for speaker in [1, 2] {
        let (mut desk, to_ada, to_bob) = in_call(Limits { calls_per_minute: 1, ..Limits::default() });
        desk.say(to_ada, &ask_for(2, &person(2)));
        desk.seen();
        let (socket, id, other) = if speaker == 1 { (to_ada, 3, person(2)) } else { (to_bob, 2, person(1)) };
        desk.say(socket, &ToServer::Over { id, call: CALL, with: other.address() });
        assert_eq!(desk.seen(), [Relay(News::Ended { scope: scope() })]);
        desk.say(socket, &ToServer::Over { id: id + 1, call: CALL, with: other.address() });
        assert_eq!(desk.seen(), [], "it has ended already");
        desk.say(socket, &ask_for(id + 2, &other));
        assert_eq!(desk.error(), (ErrorCode::CallUnknown, false));
        desk.say(socket, &envelope(id + 3, &other));
        assert!(matches!(desk.seen()[..], [Told(_, ToClient::Deliver { .. })]));
    }
}

#[test]
fn nobody_can_end_a_call_of_others() {
    let (mut desk, to_ada, _) = in_call(Limits::default());
    desk.say(to_ada, &ask_for(2, &person(2)));
    let to_eve = desk.connect(&person(6));
    desk.say(to_eve, &ToServer::Over { id: 1, call: CALL, with: person(2).address() });
    assert_eq!(desk.seen(), []);
}

#[test]
fn a_call_ends_when_both_are_gone_and_not_before() {
    let (mut desk, to_ada, to_bob) = in_call(Limits::default());
    desk.say(to_ada, &ask_for(2, &person(2)));
    desk.seen();
    desk.breaks(to_ada);
    desk.wait(Duration::from_secs(60));
    assert_eq!(news(&mut desk), [], "one of them is still there");
    desk.closes(to_bob);
    assert_eq!(news(&mut desk), [News::Ended { scope: scope() }]);
    assert_eq!(desk.switchboard.calls.len(), 0);
}

#[test]
fn a_party_that_comes_from_elsewhere_is_seen_there() {
    let (mut desk, to_ada, _) = in_call(Limits::default());
    desk.say(to_ada, &ask_for(2, &person(2)));
    desk.seen();
    let back = desk.open_from(ip("203.0.113.5"));
    desk.seen();
    desk.say(back, &coming_back(&person(1), back, to_ada, to_ada, 0));
    let seen = News::Seen { scope: scope(), party: party(1), ip: ip("203.0.113.5") };
    assert_eq!(news(&mut desk), [seen]);
    let again = desk.open_from(ip("203.0.113.5"));
    desk.seen();
    desk.say(again, &coming_back(&person(1), again, to_ada, back, 0));
    assert_eq!(news(&mut desk), [], "the relay knows");
    let fresh = desk.open_from(ip("203.0.113.6"));
    desk.seen();
    desk.say(fresh, &hello(&person(1), NAME, fresh));
    let seen = News::Seen { scope: scope(), party: party(1), ip: ip("203.0.113.6") };
    assert_eq!(news(&mut desk), [seen], "a new session of a party is that party");
}

#[test]
fn a_call_of_which_nothing_is_heard_is_forgotten() {
    let (mut desk, to_ada, _) = in_call(Limits::default());
    desk.say(to_ada, &ask_for(2, &person(2)));
    desk.seen();
    for id in 3..6 {
        desk.wait(Duration::from_secs(1190));
        assert_eq!(news(&mut desk), []);
        desk.say(to_ada, &ask_for(id, &person(2)));
    }
    desk.wait(Duration::from_secs(1190));
    desk.seen();
    desk.say(to_ada, &envelope(6, &person(2)));
    desk.wait(Duration::from_secs(1190));
    assert_eq!(news(&mut desk), [], "an envelope is a sign of life as well");
    desk.wait(Duration::from_secs(10));
    assert_eq!(news(&mut desk), [News::Ended { scope: scope() }]);
}

#[test]
fn an_unanswered_call_is_forgotten_after_two_minutes() {
    let mut desk = Desk::new();
    let (to_ada, _) = (desk.connect(&person(1)), desk.connect(&person(2)));
    desk.say(to_ada, &envelope(1, &person(2)));
    assert_eq!(desk.switchboard.calls.len(), 1);
    desk.wait(Duration::from_secs(119));
    assert_eq!(desk.switchboard.calls.len(), 1);
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.switchboard.calls.len(), 0);
}

#[test]
fn calls_are_bounded_and_the_oldest_unanswered_goes_first() {
    let mut desk = Desk::with(Limits { calls: 2, ..Limits::default() });
    let (to_ada, to_bob) = (desk.connect(&person(1)), desk.connect(&person(2)));
    let ring = |id, call: u8, to: &Identity| ToServer::Send {
        id,
        to: to.address(),
        call: CallId([call; 16]),
        sealed: Sealed(vec![1]),
        ack: None,
    };
    let wants = |id, call: u8| ToServer::Relay { id, call: CallId([call; 16]), with: person(2).address() };
    desk.say(to_ada, &ring(1, 1, &person(2)));
    desk.say(to_ada, &ring(2, 2, &person(2)));
    desk.say(to_ada, &ring(3, 3, &person(2)));
    desk.say(to_bob, &ring(1, 2, &person(1)));
    desk.say(to_bob, &ring(2, 3, &person(1)));
    desk.seen();
    for (id, call) in [(4, 2), (5, 3)] {
        desk.say(to_ada, &wants(id, call));
        let seen = desk.seen();
        assert!(matches!(seen.last(), Some(Told(_, ToClient::Relay { .. }))), "{seen:?}");
    }
    // Both places are taken by calls that stand: another one is connected, and gets no relay.
    desk.say(to_ada, &ring(6, 4, &person(2)));
    desk.say(to_bob, &ring(3, 4, &person(1)));
    assert!(matches!(
        desk.seen()[..],
        [Told(_, ToClient::Deliver { .. }), Told(_, ToClient::Deliver { .. })]
    ));
    desk.say(to_ada, &wants(7, 4));
    assert_eq!(desk.error(), (ErrorCode::CallUnknown, false));
}

#[test]
fn relayed_calls_outlive_a_server_that_drains() {
    let (mut desk, to_ada, _) = in_call(Limits::default());
    desk.say(to_ada, &ask_for(2, &person(2)));
    desk.seen();
    desk.handle(Event::Closing { random: 1 });
    assert_eq!(news(&mut desk), []);
}
