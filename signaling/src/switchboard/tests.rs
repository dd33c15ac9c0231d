//! The switchboard's story, on a clock that only the test moves.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sightline_protocol::{CallId, Identity, Sealed};

use super::*;

const CALL: CallId = CallId([7; 16]);

/// A switchboard, and the hands that work it.
struct Desk {
    switchboard: Switchboard,
    now: Instant,
    sockets: u64,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Told(SocketId, ToClient),
    Closed(SocketId, u16),
    Cut(SocketId),
}

use Seen::{Closed, Cut, Told};

impl Desk {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let names = vec!["127.0.0.1:4711".to_owned(), "call.example.org".to_owned()];
        Self { switchboard: Switchboard::new(names, limits), now: Instant::now(), sockets: 0 }
    }

    fn open(&mut self) -> SocketId {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let session = SessionId(self.sockets.to_be_bytes());
        self.handle(Event::Opened { socket, peer, challenge: challenge_of(socket), session });
        socket
    }

    fn say(&mut self, socket: SocketId, message: &ToServer) {
        self.say_text(socket, &encode(message));
    }

    fn say_text(&mut self, socket: SocketId, text: &str) {
        self.handle(Event::Said { socket, text: text.to_owned() });
    }

    /// A socket that has said a valid hello, with the talk about it out of the way.
    fn connect(&mut self, who: &Identity) -> SocketId {
        let socket = self.open();
        self.say(socket, &hello(who, "127.0.0.1:4711", socket));
        let seen = self.seen();
        assert!(matches!(seen.last(), Some(Told(_, ToClient::Ready { .. }))), "{seen:?}");
        socket
    }

    fn handle(&mut self, event: Event) {
        self.switchboard.handle(event, self.now);
        check(&self.switchboard);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.switchboard.handle_timeout(self.now);
        check(&self.switchboard);
    }

    fn seen(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.switchboard.poll_effect())
            .map(|effect| match effect {
                Effect::Send { socket, text, .. } => {
                    Told(socket, decode(&text).expect("a message we encoded"))
                }
                Effect::Close { socket, code, .. } => Closed(socket, code),
                Effect::Cut { socket } => Cut(socket),
            })
            .collect()
    }

    /// The one error that was told, and whether the connection was closed after it.
    fn error(&mut self) -> (ErrorCode, bool) {
        match &self.seen()[..] {
            [Told(_, ToClient::Error { code, fatal: false, .. })] => (code.clone(), false),
            [Told(told, ToClient::Error { code, fatal: true, .. }), Closed(closed, _)] if told == closed => {
                (code.clone(), true)
            }
            other => panic!("expected one error, saw {other:?}"),
        }
    }
}

/// The two tables and the deadlines say the same.
fn check(switchboard: &Switchboard) {
    let mut greeting = 0;
    for (id, socket) in &switchboard.sockets {
        match socket.stage {
            Stage::Greeting { hello_by, .. } => {
                greeting += 1;
                assert!(switchboard.deadlines.contains(&(hello_by, Why::Hello(*id))));
            }
            Stage::Bound(address) => assert_eq!(switchboard.sessions[&address].socket, *id),
        }
    }
    assert_eq!(greeting, switchboard.deadlines.len());
    assert_eq!(switchboard.sockets.len(), greeting + switchboard.sessions.len());
}

fn challenge_of(socket: SocketId) -> Challenge {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&socket.0.to_be_bytes());
    Challenge(bytes)
}

fn person(number: u8) -> Identity {
    Identity::from_secret_bytes([number; 32])
}

fn hello(who: &Identity, name: &str, socket: SocketId) -> ToServer {
    let address = who.address();
    let signature = who.sign(&hello_signing_bytes(name, &challenge_of(socket), &address));
    ToServer::Hello { version: PROTOCOL_VERSION, address, signature }
}

fn envelope(id: u64, to: &Identity) -> ToServer {
    ToServer::Send { id, to: to.address(), call: CALL, sealed: Sealed(vec![1, 2, 3]) }
}

#[test]
fn whoever_connects_is_challenged() {
    let mut desk = Desk::new();
    let socket = desk.open();
    let limits = StatedLimits { max_message_bytes: 64 * 1024, max_sealed_bytes: 32 * 1024 };
    let welcome = ToClient::Welcome { version: PROTOCOL_VERSION, challenge: challenge_of(socket), limits };
    assert_eq!(desk.seen(), [Told(socket, welcome)]);
}

#[test]
fn a_hello_signed_for_any_of_our_names_is_good() {
    for name in ["127.0.0.1:4711", "call.example.org", "Call.Example.ORG"] {
        let mut desk = Desk::new();
        let socket = desk.open();
        desk.seen();
        desk.say(socket, &hello(&person(1), name, socket));
        assert_eq!(desk.seen(), [Told(socket, ToClient::Ready { session: "0000000000000001".to_owned() })]);
    }
}

#[test]
fn a_hello_that_proves_nothing_ends_the_connection() {
    let (ada, eve) = (person(1), person(2));
    // All on the first socket of a fresh switchboard.
    let socket = SocketId(1);
    let ToServer::Hello { version, signature, .. } = hello(&eve, "127.0.0.1:4711", socket) else { panic!() };
    let forgeries = [
        ("signed for another server", hello(&ada, "evil.example.org", socket)),
        ("signed for another port", hello(&ada, "127.0.0.1:4712", socket)),
        ("signed for another challenge", hello(&ada, "127.0.0.1:4711", SocketId(99))),
        ("signed by another key", ToServer::Hello { version, address: ada.address(), signature }),
    ];
    for (what, forgery) in forgeries {
        let mut desk = Desk::new();
        assert_eq!(desk.open(), socket);
        desk.seen();
        desk.say(socket, &forgery);
        assert_eq!(desk.error(), (ErrorCode::AuthFailed, true), "{what}");
        desk.say(socket, &hello(&ada, "127.0.0.1:4711", socket));
        assert_eq!(desk.seen(), [], "there is no second try after one {what}");
    }
}

#[test]
fn nothing_but_a_hello_is_taken_first() {
    let long = format!("{{\"t\":\"hello\",\"x\":\"{}\"}}", "x".repeat(5000));
    let attempts = [
        (encode(&envelope(1, &person(2))), ErrorCode::ProtoUnexpected),
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
    let ToServer::Hello { address, signature, .. } = hello(&person(1), "127.0.0.1:4711", socket) else {
        panic!()
    };
    desk.say(socket, &ToServer::Hello { version: PROTOCOL_VERSION + 2, address, signature });
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
    assert!(matches!(desk.seen()[..], [Told(told, ToClient::Offline { .. })] if told == bound));
}

#[test]
fn envelopes_go_both_ways_with_the_senders_proven_address() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    desk.say(to_ada, &envelope(1, &bob));
    desk.say(to_bob, &envelope(1, &ada));
    let from =
        |who: &Identity| ToClient::Deliver { from: who.address(), call: CALL, sealed: Sealed(vec![1, 2, 3]) };
    assert_eq!(desk.seen(), [Told(to_bob, from(&ada)), Told(to_ada, from(&bob))]);
}

#[test]
fn that_somebody_is_offline_is_said_at_once() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let to_ada = desk.connect(&ada);
    let offline = |id| [Told(to_ada, ToClient::Offline { id, to: bob.address(), call: CALL })];
    desk.say(to_ada, &envelope(41, &bob));
    assert_eq!(desk.seen(), offline(41), "never seen");

    let to_bob = desk.connect(&bob);
    desk.handle(Event::Closed { socket: to_bob });
    desk.say(to_ada, &envelope(42, &bob));
    assert_eq!(desk.seen(), offline(42), "gone again");
}

#[test]
fn a_socket_before_its_hello_is_nobody() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let to_ada = desk.connect(&ada);
    desk.open();
    desk.seen();
    desk.say(to_ada, &envelope(1, &bob));
    assert!(matches!(desk.seen()[..], [Told(_, ToClient::Offline { .. })]));
}

#[test]
fn a_newer_connection_of_a_key_replaces_the_older() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, older) = (desk.connect(&ada), desk.connect(&bob));
    let newer = desk.open();
    desk.seen();
    desk.say(newer, &hello(&bob, "127.0.0.1:4711", newer));
    let ready = ToClient::Ready { session: "0000000000000003".to_owned() };
    assert_eq!(desk.seen(), [Told(older, ToClient::Replaced), Closed(older, 4000), Told(newer, ready)]);

    desk.say(older, &envelope(1, &ada));
    assert_eq!(desk.seen(), [], "the older one speaks for nobody");
    desk.handle(Event::Closed { socket: older });
    desk.say(to_ada, &envelope(2, &bob));
    assert!(matches!(desk.seen()[..], [Told(told, ToClient::Deliver { .. })] if told == newer));
}

#[test]
fn what_is_wrong_with_a_later_message_ends_the_message_only() {
    let mut desk = Desk::new();
    let socket = desk.connect(&person(1));
    let wrong = [
        (encode(&hello(&person(1), "127.0.0.1:4711", socket)), ErrorCode::ProtoUnexpected),
        ("{\"t\":\"something_of_tomorrow\",\"x\":[1]}".to_owned(), ErrorCode::ProtoUnexpected),
        ("nonsense".to_owned(), ErrorCode::ProtoMalformed),
        ("{\"t\":\"send\",\"id\":-1}".to_owned(), ErrorCode::ProtoMalformed),
    ];
    for (text, code) in wrong {
        desk.say_text(socket, &text);
        assert_eq!(desk.error(), (code, false), "{text}");
    }
    desk.say(socket, &envelope(1, &person(2)));
    assert!(matches!(desk.seen()[..], [Told(_, ToClient::Offline { .. })]));
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
    for id in 0..3 {
        desk.say(to_ada, &envelope(id, &bob));
    }
    assert_eq!(desk.seen().len(), 3);
    desk.say(to_ada, &envelope(3, &bob));
    assert_eq!(desk.error(), (ErrorCode::RateLimited, false));

    desk.say(to_bob, &envelope(1, &ada));
    assert!(matches!(desk.seen()[..], [Told(..)]), "one client's flood is not another's");
    desk.wait(Duration::from_millis(100));
    desk.say(to_ada, &envelope(4, &bob));
    assert!(matches!(desk.seen()[..], [Told(told, ToClient::Deliver { .. })] if told == to_bob));
}

#[test]
fn connecting_anew_does_not_renew_the_allowance() {
    let mut desk = Desk::with(Limits { messages_per_second: 10, message_burst: 1, ..Limits::default() });
    let ada = person(1);
    let older = desk.connect(&ada);
    desk.say(older, &envelope(1, &person(2)));
    let newer = desk.connect(&ada);
    desk.say(newer, &envelope(2, &person(2)));
    assert_eq!(desk.error(), (ErrorCode::RateLimited, false));
}

#[test]
fn whoever_reads_too_slowly_is_cut_and_the_sender_learns_which_envelope_is_gone() {
    let (ada, bob) = (person(1), person(2));
    let mut desk = Desk::new();
    let (to_ada, to_bob) = (desk.connect(&ada), desk.connect(&bob));
    desk.say(to_ada, &envelope(17, &bob));
    let Some(Effect::Send { receipt, .. }) = desk.switchboard.poll_effect() else {
        panic!("nothing was sent")
    };
    desk.handle(Event::Overflowed { socket: to_bob, receipt });
    let seen = desk.seen();
    assert!(
        matches!(&seen[..], [Cut(cut), Told(told, ToClient::Error { code: ErrorCode::PeerSlow, fatal: false, id: Some(17), .. })]
            if *cut == to_bob && *told == to_ada),
        "{seen:?}"
    );
    desk.say(to_ada, &envelope(18, &bob));
    assert!(matches!(desk.seen()[..], [Told(_, ToClient::Offline { id: 18, .. })]));
}

#[test]
fn a_server_that_is_stopped_says_so_to_everybody_and_takes_nobody_new() {
    let mut desk = Desk::new();
    let (bound, greeting) = (desk.connect(&person(1)), desk.open());
    desk.seen();
    desk.handle(Event::Closing);
    let seen = desk.seen();
    for socket in [bound, greeting] {
        let told = |seen: &Seen| matches!(seen, Told(to, ToClient::Error { code: ErrorCode::ServerClosing, fatal: true, .. }) if *to == socket);
        assert!(seen.iter().any(told) && seen.contains(&Closed(socket, 1001)), "{seen:?}");
    }
    desk.open();
    assert_eq!(desk.error(), (ErrorCode::ServerClosing, true));
}

#[test]
fn an_explanation_that_quotes_the_client_is_cut() {
    let mut desk = Desk::new();
    let socket = desk.connect(&person(1));
    desk.say_text(socket, &format!("{{\"t\":\"send\",\"id\":\"{}\"}}", "ä".repeat(20_000)));
    let Some(Effect::Send { text, .. }) = desk.switchboard.poll_effect() else { panic!("nothing was said") };
    assert!(text.len() < 1000, "{} bytes", text.len());
}

#[derive(Debug, Clone)]
enum Step {
    Open,
    Hello { socket: u64, person: u8, honest: bool },
    Send { socket: u64, to: u8 },
    Garbage { socket: u64, text: String },
    Unreadable { socket: u64 },
    Overflow { socket: u64 },
    Close { socket: u64 },
    Wait { millis: u64 },
    Stop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (socket, who) = (1_u64..12, 1_u8..4);
    let step = prop_oneof![
        4 => Just(Step::Open),
        6 => (socket.clone(), who.clone(), prop::bool::weighted(0.8))
            .prop_map(|(socket, person, honest)| Step::Hello { socket, person, honest }),
        8 => (socket.clone(), who).prop_map(|(socket, to)| Step::Send { socket, to }),
        1 => (socket.clone(), ".{0,40}").prop_map(|(socket, text)| Step::Garbage { socket, text }),
        1 => socket.clone().prop_map(|socket| Step::Unreadable { socket }),
        1 => socket.clone().prop_map(|socket| Step::Overflow { socket }),
        2 => socket.prop_map(|socket| Step::Close { socket }),
        1 => (0_u64..6000).prop_map(|millis| Step::Wait { millis }),
        1 => prop::bool::weighted(0.1).prop_map(|stop| if stop { Step::Stop } else { Step::Open }),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Whatever happens in whatever order: the tables agree after each event (`check`), nothing but an open connection is
    /// spoken to, and an envelope travels only between two connections that have each proved their key.
    #[test]
    fn in_any_order_of_events_only_proven_keys_exchange_envelopes(steps in steps()) {
        let mut desk = Desk::with(Limits { message_burst: 20, ..Limits::default() });
        let mut open: HashMap<SocketId, Option<Address>> = HashMap::new();
        let mut spoke = None;
        for step in steps {
            let mut proof = None;
            match step {
                Step::Open => {
                    let socket = desk.open();
                    open.insert(socket, None);
                }
                Step::Hello { socket, person: number, honest } => {
                    let socket = SocketId(socket);
                    let name = if honest { "127.0.0.1:4711" } else { "elsewhere" };
                    proof = honest.then(|| (socket, person(number).address()));
                    desk.say(socket, &hello(&person(number), name, socket));
                }
                Step::Send { socket, to } => {
                    spoke = Some(SocketId(socket));
                    desk.say(SocketId(socket), &envelope(1, &person(to)));
                }
                Step::Garbage { socket, text } => desk.say_text(SocketId(socket), &text),
                Step::Unreadable { socket } => {
                    desk.handle(Event::Unreadable { socket: SocketId(socket), why: Unreadable::Binary });
                }
                Step::Overflow { socket } => {
                    let receipt = spoke.map(|sender| Receipt { sender, id: 1 });
                    desk.handle(Event::Overflowed { socket: SocketId(socket), receipt });
                }
                Step::Close { socket } => {
                    open.remove(&SocketId(socket));
                    desk.handle(Event::Closed { socket: SocketId(socket) });
                }
                Step::Wait { millis } => desk.wait(Duration::from_millis(millis)),
                Step::Stop => desk.handle(Event::Closing),
            }
            for seen in desk.seen() {
                match seen {
                    Told(socket, message) => {
                        let known = open.get(&socket).copied();
                        prop_assert!(known.is_some(), "a closed connection was told {message:?}");
                        match message {
                            ToClient::Ready { .. } => {
                                let (proved, address) = proof.expect("ready without a proof");
                                prop_assert_eq!(proved, socket);
                                open.insert(socket, Some(address));
                            }
                            ToClient::Deliver { from, .. } => {
                                prop_assert!(known.flatten().is_some(), "delivered to nobody");
                                let sender = spoke.and_then(|socket| open.get(&socket).copied()).flatten();
                                prop_assert_eq!(sender, Some(from));
                            }
                            ToClient::Welcome { .. } | ToClient::Offline { .. } | ToClient::Replaced
                            | ToClient::Error { .. } | ToClient::Unknown => {}
                        }
                    }
                    Closed(socket, _) | Cut(socket) => {
                        prop_assert!(open.remove(&socket).is_some(), "closed twice");
                    }
                }
            }
        }
        for socket in 1..=desk.sockets {
            desk.handle(Event::Closed { socket: SocketId(socket) });
        }
        prop_assert!(desk.switchboard.sockets.is_empty() && desk.switchboard.sessions.is_empty());
        prop_assert_eq!(desk.switchboard.poll_timeout(), None);
    }
}
