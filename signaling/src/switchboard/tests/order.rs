//! Clients that keep to no order at all.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use sightline_protocol::ToServer;

use super::super::*;
use super::desk::Seen::{Blamed, Closed, Cut, Relay, Told};
use super::desk::*;

#[derive(Debug, Clone)]
enum Step {
    Open,
    Hello { socket: u64, person: u8, honest: bool },
    Resume { socket: u64, person: u8, began: u64, token: u64, received: u64 },
    Send { socket: u64, to: u8, id: u64, ack: Option<u64> },
    Ask { socket: u64, to: u8, id: u64 },
    Relay { socket: u64, to: u8, id: u64 },
    Over { socket: u64, to: u8, id: u64 },
    Ack { socket: u64, n: u64 },
    Bye { socket: u64 },
    Garbage { socket: u64, text: String },
    Unreadable { socket: u64 },
    Overflow { socket: u64 },
    Close { socket: u64, how: Ending },
    Wait { millis: u64 },
    Stop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (socket, who, id) = (1_u64..12, 1_u8..4, 0_u64..6);
    let (s, w, i) = (|| socket.clone(), || who.clone(), || id.clone());
    let step = prop_oneof![
        4 => Just(Step::Open),
        6 => (s(), w(), prop::bool::weighted(0.8))
            .prop_map(|(socket, person, honest)| Step::Hello { socket, person, honest }),
        3 => (s(), w(), s(), s(), i()).prop_map(|(socket, person, began, token, received)| Step::Resume {
            socket, person, began, token, received
        }),
        12 => (s(), w(), i(), prop::option::of(i()))
            .prop_map(|(socket, to, id, ack)| Step::Send { socket, to, id, ack }),
        2 => (s(), w(), i()).prop_map(|(socket, to, id)| Step::Ask { socket, to, id }),
        3 => (s(), w(), i()).prop_map(|(socket, to, id)| Step::Relay { socket, to, id }),
        1 => (s(), w(), i()).prop_map(|(socket, to, id)| Step::Over { socket, to, id }),
        2 => (s(), i()).prop_map(|(socket, n)| Step::Ack { socket, n }),
        1 => s().prop_map(|socket| Step::Bye { socket }),
        1 => (s(), ".{0,40}").prop_map(|(socket, text)| Step::Garbage { socket, text }),
        1 => s().prop_map(|socket| Step::Unreadable { socket }),
        1 => s().prop_map(|socket| Step::Overflow { socket }),
        2 => (s(), prop::bool::ANY).prop_map(|(socket, broken)| Step::Close {
            socket,
            how: if broken { Ending::Broken } else { Ending::Closed },
        }),
        2 => (0_u64..20_000).prop_map(|millis| Step::Wait { millis }),
        1 => prop::bool::weighted(0.05).prop_map(|stop| if stop { Step::Stop } else { Step::Open }),
    ];
    prop::collection::vec(step, 0..150)
}

/// What one step says: on which socket, and as whom if it proves that.
fn message(step: &Step) -> Option<(SocketId, ToServer, Option<Address>)> {
    let call = CALL;
    Some(match *step {
        Step::Hello { socket, person: number, honest } => {
            let (socket, who) = (SocketId(socket), person(number));
            let name = if honest { NAME } else { "elsewhere" };
            (socket, hello(&who, name, socket), honest.then(|| who.address()))
        }
        Step::Resume { socket, person: number, began, token, received } => {
            let (socket, who) = (SocketId(socket), person(number));
            let hello = coming_back(&who, socket, SocketId(began), SocketId(token), received);
            (socket, hello, Some(who.address()))
        }
        Step::Send { socket, to, id, ack: sent } => {
            let ToServer::Send { to, sealed, .. } = envelope(id, &person(to)) else { return None };
            (SocketId(socket), ToServer::Send { id, to, call, sealed, ack: sent }, None)
        }
        Step::Ask { socket, to, id } => {
            (SocketId(socket), ToServer::Ask { id, to: person(to).address() }, None)
        }
        Step::Relay { socket, to, id } => {
            (SocketId(socket), ToServer::Relay { id, call, with: person(to).address() }, None)
        }
        Step::Over { socket, to, id } => {
            (SocketId(socket), ToServer::Over { id, call, with: person(to).address() }, None)
        }
        Step::Ack { socket, n } => (SocketId(socket), ToServer::Ack { n }, None),
        Step::Bye { socket } => (SocketId(socket), ToServer::Bye, None),
        Step::Open
        | Step::Garbage { .. }
        | Step::Unreadable { .. }
        | Step::Overflow { .. }
        | Step::Close { .. }
        | Step::Wait { .. }
        | Step::Stop => return None,
    })
}

proptest! {
    /// Whatever is said in whatever order: the tables agree after each event (`check`), nothing but an open connection is
    /// spoken to, an envelope travels only between two keys that were proved, credentials go only to who asked for them
    /// in a call that was answered, and the relay is told of each scope's beginning and end once.
    #[test]
    fn in_any_order_of_events_only_proven_keys_exchange_envelopes(steps in steps()) {
        let mut desk = Desk::with(Limits { message_burst: 20, waiting_messages: 4, ..Limits::default() });
        let mut open: HashMap<SocketId, Option<Address>> = HashMap::new();
        let mut scopes: HashMap<ScopeId, bool> = HashMap::new();
        let mut proven = Vec::new();
        for step in steps {
            let said = message(&step);
            match (&step, &said) {
                (_, Some((socket, message, _))) => desk.say(*socket, message),
                (Step::Open, _) => {
                    let socket = desk.open();
                    open.insert(socket, None);
                }
                (Step::Garbage { socket, text }, _) => desk.say_text(SocketId(*socket), text),
                (Step::Unreadable { socket }, _) => {
                    desk.handle(Event::Unreadable { socket: SocketId(*socket), why: Unreadable::Binary });
                }
                (Step::Overflow { socket }, _) => desk.handle(Event::Overflowed { socket: SocketId(*socket) }),
                (Step::Close { socket, how }, _) => {
                    open.remove(&SocketId(*socket));
                    desk.handle(Event::Closed { socket: SocketId(*socket), how: *how });
                }
                (Step::Wait { millis }, _) => desk.wait(Duration::from_millis(*millis)),
                (Step::Stop, _) => desk.handle(Event::Closing { random: 3 }),
                (_, None) => unreachable!("every other step says something"),
            }
            for seen in desk.seen() {
                match seen {
                    Told(socket, message) => {
                        let known = open.get(&socket).copied();
                        prop_assert!(known.is_some(), "a closed connection was told {message:?}");
                        match message {
                            ToClient::Ready { .. } => {
                                let Some((proved, _, Some(address))) = &said else { panic!("ready without a proof") };
                                prop_assert_eq!(*proved, socket);
                                open.insert(socket, Some(*address));
                                proven.push(*address);
                            }
                            ToClient::Deliver { from, .. } => {
                                prop_assert!(known.flatten().is_some(), "delivered to nobody");
                                prop_assert!(proven.contains(&from), "from nobody");
                            }
                            ToClient::Relay { .. } => {
                                let asked = matches!(&said, Some((asker, ToServer::Relay { .. }, _)) if *asker == socket);
                                // What was minted before is said again to who comes back.
                                let back = matches!(&said, Some((_, ToServer::Hello { .. }, _)));
                                prop_assert!(asked || back);
                                prop_assert!(known.flatten().is_some());
                            }
                            ToClient::Welcome { .. } | ToClient::Offline { .. } | ToClient::Presence { .. }
                            | ToClient::Ack { .. } | ToClient::Replaced | ToClient::Drain { .. }
                            | ToClient::Error { .. } | ToClient::Unknown => {}
                        }
                    }
                    Closed(socket, _) | Cut(socket) => {
                        prop_assert!(open.remove(&socket).is_some(), "closed twice");
                    }
                    Relay(News::Opened { scope }) => prop_assert_ne!(scopes.insert(scope, true), Some(true)),
                    Relay(News::Ended { scope }) => prop_assert_eq!(scopes.insert(scope, false), Some(true)),
                    Relay(News::Seen { scope, .. }) => prop_assert_eq!(scopes.get(&scope), Some(&true)),
                    Relay(other) => prop_assert!(false, "{other:?} is the relay's own"),
                    Blamed(_) => {}
                }
            }
        }
        for socket in 1..=desk.sockets {
            desk.handle(Event::Closed { socket: SocketId(socket), how: Ending::Broken });
        }
        desk.wait(Duration::from_secs(30));
        prop_assert!(desk.switchboard.sockets.is_empty() && desk.switchboard.sessions.is_empty());
        desk.wait(Duration::from_secs(1200));
        prop_assert_eq!(desk.switchboard.calls.len(), 0);
        prop_assert_eq!(desk.switchboard.poll_timeout(), None);
    }
}
