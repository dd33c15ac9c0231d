//! What is written down of what passes: message by message, and whatever else passes.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use proptest::{collection::vec, prelude::*};
use stun_types::{
    attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username, XorSocketAddr},
    message::{BINDING, Message, MessageClass, MessageType, MessageWriteVec, Method, TransactionId},
    prelude::*,
};

use super::{
    Heard, ServerSeen, Sightings, Trouble, Watcher,
    watcher::{MAX_CHANNELS, MAX_OUTSTANDING, MAX_PAIRS, MAX_PAIRS_OF_THEIRS, MAX_SERVERS},
};
use crate::logic::servers::ServerUrl;

const ALLOCATE: Method = Method::new(3);
const REFRESH: Method = Method::new(4);
const SEND: Method = Method::new(6);
const DATA: Method = Method::new(7);
const PERMIT: Method = Method::new(8);
const BIND: Method = Method::new(9);

const MAPPED: AttributeType = AttributeType::new(0x20);
const RELAYED: AttributeType = AttributeType::new(0x16);
const PEER: AttributeType = AttributeType::new(0x12);
const CHANNEL: u16 = 0x4001;

fn on(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn turn() -> ServerUrl {
    "turn:relay.example".parse().unwrap()
}

/// Attributes, as they are put into a message.
#[derive(Clone, Copy, Debug)]
enum With {
    Name,
    HowToSign,
    Error(u16),
    Address(AttributeType, &'static str),
    Channel,
    Lifetime(u32),
    Data(&'static [u8]),
}

fn message(method: Method, class: MessageClass, id: u128, with: &[With]) -> Vec<u8> {
    let id = TransactionId::from(id);
    let mut message =
        Message::builder(MessageType::from_class_method(class, method), id, MessageWriteVec::new());
    for with in with {
        match with {
            With::Name => message.add_attribute(&Username::new("ada").unwrap()).unwrap(),
            With::HowToSign => {
                message.add_attribute(&Realm::new("r").unwrap()).unwrap();
                message.add_attribute(&Nonce::new("n").unwrap()).unwrap();
            }
            With::Error(code) => message.add_attribute(&ErrorCode::new(*code, "so it is").unwrap()).unwrap(),
            With::Address(kind, address) => {
                let address = XorSocketAddr::new(on(address), id);
                message.add_attribute(&address.to_raw(*kind)).unwrap();
            }
            With::Channel => {
                let number = [0x40, 0x01, 0, 0];
                message.add_attribute(&RawAttribute::new(AttributeType::new(0x0c), &number)).unwrap();
            }
            With::Lifetime(seconds) => {
                let seconds = seconds.to_be_bytes();
                message.add_attribute(&RawAttribute::new(AttributeType::new(0x0d), &seconds)).unwrap();
            }
            With::Data(data) => {
                message.add_attribute(&RawAttribute::new(AttributeType::new(0x13), data)).unwrap();
            }
        }
    }
    message.finish()
}

fn request(method: Method, id: u128, with: &[With]) -> Vec<u8> {
    message(method, MessageClass::Request, id, with)
}

fn success(method: Method, id: u128, with: &[With]) -> Vec<u8> {
    message(method, MessageClass::Success, id, with)
}

fn error(method: Method, id: u128, with: &[With]) -> Vec<u8> {
    message(method, MessageClass::Error, id, with)
}

fn on_channel(data: &[u8]) -> Vec<u8> {
    let mut bytes = CHANNEL.to_be_bytes().to_vec();
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

/// One server, asked from one address.
struct World {
    watcher: Watcher,
    url: ServerUrl,
    from: IpAddr,
    server: SocketAddr,
}

impl World {
    fn new() -> Self {
        let (from, server) = ("10.0.0.4".parse().unwrap(), on("198.51.100.1:3478"));
        Self { watcher: Watcher::default(), url: turn(), from, server }
    }

    fn ask(&mut self, at: u64, bytes: &[u8]) {
        self.watcher.asked(ms(at), 0, &self.url, (self.from, self.server), bytes);
    }

    fn answer(&mut self, at: u64, bytes: &[u8]) -> Heard {
        self.watcher.answered(ms(at), 0, &self.url, self.from, bytes)
    }

    fn seen(&mut self, at: u64) -> Sightings {
        self.watcher.look(ms(at)).expect("something new")
    }

    fn server(&mut self, at: u64) -> ServerSeen {
        self.seen(at).servers.remove(0)
    }

    /// With an allocation, and a channel to a peer.
    fn relaying() -> Self {
        let mut world = Self::new();
        world.ask(0, &request(ALLOCATE, 1, &[]));
        world.answer(20, &error(ALLOCATE, 1, &[With::Error(401), With::HowToSign]));
        world.ask(20, &request(ALLOCATE, 2, &[With::Name, With::HowToSign]));
        let given = [With::Address(RELAYED, "198.51.100.1:50000"), With::Address(MAPPED, "203.0.113.7:6000")];
        world.answer(45, &success(ALLOCATE, 2, &given));
        world.ask(50, &request(BIND, 3, &[With::Name, With::Channel, With::Address(PEER, "192.0.2.9:7000")]));
        world
    }
}

#[test]
fn an_allocation_is_written_down_with_its_times_and_the_question_who_asks_is_no_trouble() {
    let mut world = World::relaying();
    let server = world.server(60);
    assert_eq!((server.asked, server.answered), (3, 2));
    assert_eq!(server.address, Some(on("198.51.100.1:3478")));
    assert_eq!(server.relayed, Some(on("198.51.100.1:50000")));
    assert_eq!(server.mapped, Some(on("203.0.113.7:6000")));
    assert_eq!((server.round_trip_ms, server.done_ms), (Some(25.0), Some(45)));
    assert_eq!(server.trouble, None);
    assert_eq!(world.watcher.look(ms(61)), None, "nothing new");
}

#[test]
fn each_refusal_is_judged_by_what_was_asked() {
    let named = [With::Name, With::HowToSign];
    for (method, asked, code, says_how, is_trouble) in [
        (ALLOCATE, &[][..], 401, true, false),
        (ALLOCATE, &[], 401, false, true),
        (ALLOCATE, &named[..], 401, true, true),
        (ALLOCATE, &named, 438, true, false),
        (ALLOCATE, &named, 486, false, true),
        (ALLOCATE, &[], 508, false, true),
        (REFRESH, &named, 437, false, true),
        (PERMIT, &named, 403, false, true),
        (BINDING, &[], 500, false, true),
    ] {
        let mut world = World::new();
        world.ask(0, &request(method, 7, asked));
        let with: &[With] =
            if says_how { &[With::Error(code), With::HowToSign] } else { &[With::Error(code)] };
        let heard = world.answer(10, &error(method, 7, with));
        let trouble = Trouble::Refused { code, text: "so it is".into() };
        let server = world.server(10);
        assert_eq!(server.trouble, is_trouble.then_some(trouble), "{method} {code}");
        assert_eq!((server.asked, server.answered), (1, 1));
        let is_final = method == ALLOCATE && asked.is_empty() && !says_how;
        assert_eq!(heard, Heard { is_final, ..Heard::default() }, "{method} {code}");
    }
}

#[test]
fn a_peer_that_may_not_be_reached_is_no_trouble_with_the_server_when_another_may() {
    for permitted_first in [true, false] {
        let mut world = World::relaying();
        world.ask(100, &request(PERMIT, 8, &[With::Name]));
        world.ask(100, &request(PERMIT, 9, &[With::Name]));
        let (yes, no) = (success(PERMIT, 8, &[]), error(PERMIT, 9, &[With::Error(403)]));
        for answer in if permitted_first { [&yes, &no] } else { [&no, &yes] } {
            world.answer(110, answer);
        }
        assert_eq!(world.server(110).trouble, None);
    }
}

#[test]
fn a_server_is_silent_after_three_seconds_until_it_answers() {
    let mut world = World::new();
    world.ask(1000, &request(BINDING, 1, &[]));
    assert_eq!(world.server(3999).trouble, None);
    world.ask(3999, &request(BINDING, 1, &[]));
    let server = world.server(4000);
    assert_eq!((server.asked, server.trouble), (2, Some(Trouble::NoAnswer)));
    assert_eq!(world.watcher.silence(ms(4500), 0, world.from), Some(ms(3500)));

    world.answer(4600, &success(BINDING, 1, &[With::Address(MAPPED, "203.0.113.7:1")]));
    let server = world.server(4600);
    assert_eq!((server.answered, server.trouble, server.done_ms), (1, None, Some(4600)));
    assert_eq!(server.round_trip_ms, None, "it was asked twice: which of them was answered?");
    assert_eq!(world.watcher.silence(ms(9000), 0, world.from), None);

    // Later too: a server may go away.
    world.ask(10_000, &request(REFRESH, 2, &[With::Name]));
    assert_eq!(world.server(13_000).trouble, Some(Trouble::NoAnswer));
    assert_eq!(world.watcher.silence(ms(13_000), 0, world.from), None, "it did answer once");
}

#[test]
fn a_stream_that_broke_stays_the_reason_whatever_the_server_says_then() {
    let mut world = World::relaying();
    let url = world.url.clone();
    world.watcher.failed(0, &url, None, &Trouble::Broken);
    world.watcher.reached(0, &url, (world.from, world.server), ms(12));
    world.ask(200, &request(REFRESH, 20, &[With::Name]));
    world.answer(210, &error(REFRESH, 20, &[With::Error(437)]));
    let server = world.server(220);
    assert_eq!((server.trouble, server.reached_ms), (Some(Trouble::Broken), Some(12.0)));

    world.ask(300, &request(ALLOCATE, 21, &[With::Name]));
    world.answer(310, &success(ALLOCATE, 21, &[With::Address(RELAYED, "198.51.100.1:50001")]));
    assert_eq!(world.server(320).trouble, None);
}

#[test]
fn an_answer_to_nothing_or_from_elsewhere_counts_for_nothing() {
    let mut world = World::new();
    world.ask(0, &request(BINDING, 1, &[]));
    world.answer(5, &success(BINDING, 2, &[With::Address(MAPPED, "203.0.113.7:1")]));
    world.watcher.answered(
        ms(6),
        1,
        &turn(),
        world.from,
        &success(BINDING, 1, &[With::Address(MAPPED, "203.0.113.7:1")]),
    );
    let seen = world.seen(10);
    assert_eq!((seen.servers[0].answered, seen.servers[0].mapped), (0, None));
    assert_eq!((seen.servers[1].answered, seen.servers[1].mapped), (0, None));
}

#[test]
fn what_no_server_says_is_rubbish() {
    let mut world = World::new();
    world.ask(0, &request(ALLOCATE, 1, &[]));
    let mut damaged = error(ALLOCATE, 1, &[With::Error(401), With::HowToSign]);
    damaged[3] ^= 0x40;
    for bytes in [&damaged[..], b"hello", &[], &[0x40, 0x01, 0xff, 0xff, 1]] {
        assert!(world.answer(1, bytes).is_rubbish, "{bytes:?}");
    }
    assert_eq!(world.server(2).answered, 0);
}

#[test]
fn a_check_is_seen_going_and_coming_both_ways() {
    let (ours, theirs) = (on("10.0.0.4:5000"), on("192.0.2.9:7000"));
    let mut watcher = Watcher::default();
    watcher.sent(ms(100), ours, theirs, &request(BINDING, 1, &[With::Name]));
    assert!(watcher.received(ms(130), ours, theirs, &success(BINDING, 1, &[])));
    assert!(watcher.received(ms(140), ours, theirs, &request(BINDING, 2, &[With::Name])));
    watcher.sent(ms(140), ours, theirs, &success(BINDING, 2, &[]));
    assert!(watcher.received(ms(150), ours, theirs, &[0x80; 1200]));
    watcher.sent(ms(151), ours, theirs, &[0x80; 1000]);
    assert!(!watcher.received(ms(160), ours, on("192.0.2.10:1"), &[0x80; 99]), "a stranger");

    let seen = watcher.look(ms(200)).unwrap();
    let [pair] = &seen.pairs[..] else { panic!("{seen:?}") };
    assert_eq!((pair.sent, pair.answered, pair.heard, pair.replied), (1, 1, 1, 1));
    assert_eq!((pair.round_trip_ms, pair.last_heard_ms), (Some(30.0), Some(150)));
    assert_eq!((pair.round_trips, pair.round_trips_ms), (1, 30.0));
    assert!(pair.bytes_sent > 1000 && pair.bytes_received > 1200, "{pair:?}");
}

#[test]
fn round_trips_are_added_up_and_an_answer_to_what_was_repeated_is_none() {
    let (ours, theirs) = (on("10.0.0.4:5000"), on("192.0.2.9:7000"));
    let mut watcher = Watcher::default();
    for (number, at, took) in [(1, 100, 30), (2, 200, 50), (3, 300, 10)] {
        watcher.sent(ms(at), ours, theirs, &request(BINDING, number, &[With::Name]));
        assert!(watcher.received(ms(at + took), ours, theirs, &success(BINDING, number, &[])));
    }
    for at in [400, 450] {
        watcher.sent(ms(at), ours, theirs, &request(BINDING, 4, &[With::Name]));
    }
    assert!(watcher.received(ms(460), ours, theirs, &success(BINDING, 4, &[])));

    let seen = watcher.look(ms(500)).unwrap();
    let [pair] = &seen.pairs[..] else { panic!("{seen:?}") };
    assert_eq!((pair.answered, pair.round_trips, pair.round_trips_ms), (4, 3, 90.0));
    assert_eq!(pair.round_trip_ms, Some(10.0));
}

#[test]
fn what_goes_over_a_relay_is_seen_as_from_the_address_it_lends() {
    static CHECK: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| request(BINDING, 31, &[With::Name]));
    static REPLY: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| success(BINDING, 31, &[]));
    let mut world = World::relaying();
    let peer = With::Address(PEER, "192.0.2.9:7000");
    world.ask(100, &message(SEND, MessageClass::Indication, 30, &[peer, With::Data(&CHECK)]));
    let heard = world.answer(140, &message(DATA, MessageClass::Indication, 32, &[peer, With::Data(&REPLY)]));
    assert_eq!(heard, Heard { is_theirs: true, is_relayed: true, ..Heard::default() });
    world.ask(200, &on_channel(&[0x80; 500]));
    let heard = world.answer(210, &on_channel(&[0x80; 700]));
    assert_eq!(heard, Heard { is_theirs: true, is_relayed: true, ..Heard::default() });
    let mut other = on_channel(&[0x80; 700]);
    other[1] = 2;
    assert_eq!(
        world.answer(220, &other),
        Heard { is_relayed: true, ..Heard::default() },
        "of no known channel"
    );

    let seen = world.seen(300);
    let [pair] = &seen.pairs[..] else { panic!("{seen:?}") };
    assert_eq!((pair.local, pair.remote), (on("198.51.100.1:50000"), on("192.0.2.9:7000")));
    assert_eq!((pair.sent, pair.answered, pair.round_trip_ms), (1, 1, Some(40.0)));
    assert_eq!(pair.last_heard_ms, Some(210));
    assert_eq!(pair.bytes_sent, 500 + CHECK.len() as u64);
}

#[test]
fn what_a_relay_lends_is_written_down_with_its_time_its_peers_and_what_went_over_it() {
    let mut world = World::new();
    world.ask(20, &request(ALLOCATE, 2, &[With::Name, With::HowToSign]));
    let lent = With::Address(RELAYED, "198.51.100.1:50000");
    world.answer(1_000, &success(ALLOCATE, 2, &[lent, With::Lifetime(600)]));
    let (first, second) = (With::Address(PEER, "192.0.2.9:7000"), With::Address(PEER, "192.0.2.10:7001"));
    world.ask(1_010, &request(PERMIT, 3, &[With::Name, second]));
    world.ask(1_010, &request(BIND, 4, &[With::Name, With::Channel, first]));
    world.answer(1_050, &error(PERMIT, 3, &[With::Error(403)]));
    world.answer(1_060, &success(BIND, 4, &[]));
    world.ask(2_000, &on_channel(&[0x80; 500]));
    world.answer(2_010, &on_channel(&[0x80; 700]));
    let [relay] = world.seen(2_020).relays.try_into().expect("one");
    assert_eq!((relay.relayed, relay.until_ms), (on("198.51.100.1:50000"), Some(601_000)));
    assert_eq!(relay.permitted, [on("192.0.2.9:7000").ip()], "the other was refused");
    assert_eq!(relay.channels, [(CHANNEL, on("192.0.2.9:7000"))]);
    assert_eq!((relay.bytes_sent, relay.bytes_received), (500, 700));

    world.ask(300_000, &request(REFRESH, 5, &[With::Name]));
    world.answer(300_500, &success(REFRESH, 5, &[With::Lifetime(300)]));
    assert_eq!(world.seen(300_600).relays[0].until_ms, Some(600_500));
}

#[test]
fn whoever_floods_us_with_checks_leaves_room_for_our_own() {
    let ours = on("10.0.0.4:5000");
    let mut watcher = Watcher::default();
    for port in 1..=1000 {
        watcher.received(
            ms(1),
            ours,
            SocketAddr::new([192, 0, 2, 1].into(), port),
            &request(BINDING, 1, &[]),
        );
    }
    assert_eq!(watcher.look(ms(1)).unwrap().pairs.len(), MAX_PAIRS_OF_THEIRS);
    for port in 1..=1000 {
        watcher.sent(ms(2), ours, SocketAddr::new([192, 0, 2, 2].into(), port), &request(BINDING, 1, &[]));
    }
    assert_eq!(watcher.look(ms(2)).unwrap().pairs.len(), MAX_PAIRS);
}

/// Anything that can be told a watcher.
#[derive(Clone, Debug)]
enum Told {
    Trying(usize, u8),
    Reached(usize, u8),
    Failed(usize, Option<u8>),
    Asked(usize, u8, Vec<u8>),
    Answered(usize, u8, Vec<u8>),
    Sent(u8, u16, Vec<u8>),
    Received(u8, u16, Vec<u8>),
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    let method =
        prop::sample::select(vec![BINDING, ALLOCATE, REFRESH, SEND, DATA, PERMIT, BIND, Method::new(0x55)]);
    let class = prop::sample::select(vec![
        MessageClass::Request,
        MessageClass::Indication,
        MessageClass::Success,
        MessageClass::Error,
    ]);
    let all = vec![
        With::Name,
        With::HowToSign,
        With::Error(401),
        With::Address(MAPPED, "203.0.113.7:1"),
        With::Address(RELAYED, "198.51.100.1:50000"),
        With::Address(PEER, "192.0.2.9:7000"),
        With::Channel,
        With::Data(&[0x80, 1, 2, 3]),
    ];
    let with = prop::sample::subsequence(all, 0..=8);
    let sound = (method, class, 0..20_u128, with)
        .prop_map(|(method, class, id, with)| message(method, class, id, &with));
    let sound = sound.boxed();
    let damaged = (sound.clone(), any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>())
        .prop_map(|(mut bytes, place, value, length)| {
            let place = place.index(bytes.len());
            bytes[place] = value;
            bytes.truncate(length.index(bytes.len()) + 1);
            bytes
        });
    let channel = vec(any::<u8>(), 0..40).prop_map(|data| on_channel(&data));
    prop_oneof![4 => sound, 2 => damaged, 1 => vec(any::<u8>(), 0..60), 1 => channel]
}

fn told() -> impl Strategy<Value = Told> {
    let (door, from, port) = (0..3_usize, 0..4_u8, 1..400_u16);
    prop_oneof![
        (door.clone(), from.clone()).prop_map(|(door, from)| Told::Trying(door, from)),
        (door.clone(), from.clone()).prop_map(|(door, from)| Told::Reached(door, from)),
        (door.clone(), prop::option::of(from.clone())).prop_map(|(door, from)| Told::Failed(door, from)),
        (door.clone(), from.clone(), anything())
            .prop_map(|(door, from, bytes)| Told::Asked(door, from, bytes)),
        (door, from.clone(), anything()).prop_map(|(door, from, bytes)| Told::Answered(door, from, bytes)),
        (from.clone(), port.clone(), anything())
            .prop_map(|(from, port, bytes)| Told::Sent(from, port, bytes)),
        (from, port, anything()).prop_map(|(from, port, bytes)| Told::Received(from, port, bytes)),
    ]
}

proptest! {
    #[test]
    fn whatever_passes_is_counted_right_and_in_bounds(story in vec(told(), 0..200)) {
        let mut watcher = Watcher::default();
        let ip = |from: u8| IpAddr::from([10, 0, 0, from]);
        let here = |from: u8| SocketAddr::new(ip(from), 5000);
        let there = |port: u16| SocketAddr::new([192, 0, 2, 9].into(), port);
        for (step, told) in story.into_iter().enumerate() {
            let at = ms(step as u64 * 100);
            match told {
                Told::Trying(door, from) => watcher.trying(at, door, &turn(), ip(from)),
                Told::Reached(door, from) => watcher.reached(door, &turn(), (ip(from), there(1)), at),
                Told::Failed(door, from) => watcher.failed(door, &turn(), from.map(ip), &Trouble::NoRoute),
                Told::Asked(door, from, bytes) => {
                    watcher.asked(at, door, &turn(), (ip(from), there(1)), &bytes);
                }
                Told::Answered(door, from, bytes) => {
                    watcher.answered(at, door, &turn(), ip(from), &bytes);
                }
                Told::Sent(from, port, bytes) => watcher.sent(at, here(from), there(port), &bytes),
                Told::Received(from, port, bytes) => {
                    watcher.received(at, here(from), there(port), &bytes);
                }
            }
            if let Some(seen) = watcher.look(at) {
                prop_assert!(seen.servers.len() <= MAX_SERVERS && seen.pairs.len() <= MAX_PAIRS);
                for server in &seen.servers {
                    prop_assert!(server.answered <= server.asked, "{server:?}");
                    prop_assert!(server.round_trip_ms.is_none_or(|ms| ms >= 0.0));
                }
                for pair in &seen.pairs {
                    prop_assert!(pair.answered <= pair.sent, "{pair:?}");
                    prop_assert!(pair.heard == 0 || pair.last_heard_ms.is_some());
                }
            }
            prop_assert!(watcher.remembered() <= MAX_OUTSTANDING + MAX_SERVERS * MAX_CHANNELS);
        }
    }
}

#[test]
fn datagrams_as_long_as_they_can_be_are_borne() {
    const LONGEST: usize = 65_507;
    let [local, remote] = [on("10.0.0.2:5000"), on("203.0.113.1:3478")];
    let url = turn();
    for (length, kind) in [(LONGEST, 0x0017_u16), (LONGEST - 3, 0x0101), (65_500, 0x0001), (32_788, 0x0115)] {
        for attribute_length in [0, 3, 32_764, 65_484, 65_535_u16] {
            let mut datagram = vec![0; length];
            datagram[..2].copy_from_slice(&kind.to_be_bytes());
            datagram[2..4].copy_from_slice(&((length - 20) as u16 & !3).to_be_bytes());
            datagram[4..8].copy_from_slice(&0x2112_a442_u32.to_be_bytes());
            datagram[20..22].copy_from_slice(&0x0013_u16.to_be_bytes());
            datagram[22..24].copy_from_slice(&attribute_length.to_be_bytes());
            let mut watcher = Watcher::default();
            watcher.sent(ms(1), local, remote, &datagram);
            watcher.received(ms(2), local, remote, &datagram);
            watcher.answered(ms(3), 0, &url, local.ip(), &datagram);
        }
    }
}
