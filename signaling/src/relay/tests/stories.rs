//! What happens, told from one moment to the next.

use std::time::Duration;

use stun_types::attribute::Fingerprint;
use stun_types::message::{BINDING, IntegrityAlgorithm};
use stun_types::prelude::*;

use super::world::*;
use crate::config::{Reach, RelayLimits};
use crate::relay::stun;
use crate::relay::{
    ClientSocket, Destination, Effect, Elsewhere, Event, Family, News, Party, PortWish, Rules, Sisters,
    SocketIndex, Via,
};

const PEER: &str = "1.1.1.1:4000";

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// A client with an allocation.
fn allocated() -> (World, Asker, std::net::SocketAddr) {
    let mut world = World::public();
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let relayed = world.allocate(&asker);
    (world, asker, relayed)
}

#[test]
fn a_binding_request_tells_where_it_came_from() {
    let mut world = World::public();
    let request = world.new_ask(BINDING).with_fingerprint();
    world.send(udp("[::ffff:5.5.5.5]:1000"), &request);
    let said = world.said().unwrap();
    assert_eq!(said.code(), 200);
    assert_eq!(said.address(stun::XOR_MAPPED_ADDRESS), Some(at("5.5.5.5:1000")));
    assert_eq!(said.plain_address(stun::RESPONSE_ORIGIN), Some(at("8.8.8.8:3478")));
    assert_eq!(said.plain_address(stun::OTHER_ADDRESS), None);
    assert!(said.message().has_attribute(Fingerprint::TYPE));
}

#[test]
fn a_binding_request_is_answered_from_where_it_asks() {
    let sister = |n| SocketIndex(n);
    let address = ["8.8.8.8:3478", "8.8.8.8:3479", "8.8.4.4:3478", "8.8.4.4:3479"];
    let sockets = (0..4u16).map(|n| ClientSocket {
        address: Some(at(address[usize::from(n)])),
        sisters: Some(Sisters {
            other_port: sister(n ^ 1),
            elsewhere: Some(Elsewhere { same_port: sister(n ^ 2), other_port: sister(n ^ 3) }),
        }),
    });
    let mut world = World::new(Rules { sockets: sockets.collect(), ..rules(Reach::Public) });
    for (change, from) in [(0, 0), (2, 1), (4, 2), (6, 3u16)] {
        let request = world.new_ask(BINDING).bytes(stun::CHANGE_REQUEST, &u32::to_be_bytes(change)).plain();
        world.send(udp("5.5.5.5:1000"), &request);
        let said = world.said().unwrap();
        assert_eq!(said.client.via, Via::Udp(SocketIndex(from)));
        assert_eq!(said.plain_address(stun::RESPONSE_ORIGIN), Some(at(address[usize::from(from)])));
        assert_eq!(said.plain_address(stun::OTHER_ADDRESS), Some(at("8.8.4.4:3479")));
    }
}

#[test]
fn a_server_with_one_address_answers_from_its_second_port_and_from_nowhere_else() {
    let socket = |n: u16| ClientSocket {
        address: Some(at(["8.8.8.8:3478", "8.8.8.8:3479"][usize::from(n)])),
        sisters: Some(Sisters { other_port: SocketIndex(n ^ 1), elsewhere: None }),
    };
    let mut world = World::new(Rules { sockets: vec![socket(0), socket(1)], ..rules(Reach::Public) });
    for (change, from, code) in [(0, 0, 200), (2, 1u16, 200), (4, 0, 420), (6, 0, 420)] {
        let request = world.new_ask(BINDING).bytes(stun::CHANGE_REQUEST, &u32::to_be_bytes(change)).plain();
        world.send(udp("5.5.5.5:1000"), &request);
        let said = world.said().unwrap();
        assert_eq!((said.client.via, said.code()), (Via::Udp(SocketIndex(from)), code));
        assert_eq!(said.plain_address(stun::OTHER_ADDRESS), None, "there is no other address");
    }
}

#[test]
fn an_allocation_is_granted_to_whoever_proves_who_they_are() {
    let mut world = World::public();
    for (algorithm, host) in
        [(IntegrityAlgorithm::Sha1, "5.5.5.5:1"), (IntegrityAlgorithm::Sha256, "5.5.5.5:2")]
    {
        let mut asker = world.asker(udp(host), credentials(Party::Lower));
        asker.algorithm = algorithm;
        let ask = world.new_ask(stun::ALLOCATE).transport(17);
        let said = world.ask(&asker, ask);
        assert_eq!((said.code(), said.lifetime()), (200, Some(600)));
        assert_eq!(said.address(stun::XOR_MAPPED_ADDRESS), Some(at(host)));
        assert!(said.is_signed_for(&asker));
    }
    assert_eq!(world.relay.counts().allocations, 2);
}

#[test]
fn data_goes_both_ways_through_a_permission() {
    let (mut world, asker, relayed) = allocated();
    assert_eq!(world.send(asker.client, &send_indication(at(PEER), b"early")), None);
    assert_eq!(world.peer_sends(relayed, PEER, b"early"), None);
    assert_eq!(world.permit(&asker, &[PEER]), 200);

    let sent = world.send(asker.client, &send_indication(at(PEER), b"hello")).unwrap();
    let via = world.id_of(relayed).unwrap();
    assert_eq!(sent, Sent { to: Destination::Peer { via, to: at(PEER) }, bytes: b"hello".to_vec() });

    // A permission is for an address, whatever the port.
    let sent = world.peer_sends(relayed, "1.1.1.1:9", b"hi").unwrap();
    assert_eq!(sent.to, Destination::Client(asker.client));
    let said = Said { client: asker.client, bytes: sent.bytes };
    assert_eq!(said.address(stun::XOR_PEER_ADDRESS), Some(at("1.1.1.1:9")));
    assert_eq!(*said.message().raw_attribute(stun::DATA).unwrap().value, *b"hi");
    assert_eq!(world.relay.counts().dropped.no_permission, 2);
}

#[test]
fn data_goes_both_ways_through_a_channel() {
    let (mut world, asker, relayed) = allocated();
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    let sent = world.send(asker.client, &channel_data(0x4001, b"hello")).unwrap();
    assert_eq!(sent.bytes, b"hello");
    let sent = world.peer_sends(relayed, PEER, b"hello").unwrap();
    assert_eq!(sent.bytes, channel_data(0x4001, b"hello"), "on UDP there is no padding");
    assert_eq!(world.send(asker.client, &channel_data(0x4002, b"hello")), None);
}

#[test]
fn on_a_stream_channel_data_is_padded() {
    let mut world = World::public();
    let asker = world.asker(stream(1, "5.5.5.5:1000"), credentials(Party::Lower));
    let relayed = world.allocate(&asker);
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    let padded = [&channel_data(0x4001, b"hello")[..], &[0; 3]].concat();
    assert_eq!(world.send(asker.client, &padded).unwrap().bytes, b"hello");
    assert_eq!(world.peer_sends(relayed, PEER, b"hello").unwrap().bytes, padded);
}

#[test]
fn ipv6_is_relayed_too_and_families_do_not_mix() {
    let mut world = World::public();
    let asker = world.asker(udp("[2a00::5]:1000"), credentials(Party::Lower));
    let relayed = world.allocate6(&asker);
    assert_eq!(relayed.ip(), ip(RELAY_IP6));
    assert_eq!(world.permit(&asker, &[PEER]), 443);
    assert_eq!(world.bind(&asker, 0x4001, PEER), 443);
    assert_eq!(world.permit(&asker, &["[2a00::7]:1"]), 200);
    let sent = world.peer_sends(relayed, "[2a00::7]:1", b"abc").unwrap();
    let said = Said { client: asker.client, bytes: sent.bytes };
    assert_eq!(said.address(stun::XOR_PEER_ADDRESS), Some(at("[2a00::7]:1")));
}

#[test]
fn an_unrefreshed_allocation_ends_with_its_lifetime() {
    let (mut world, asker, relayed) = allocated();
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    world.wait(minutes(4));
    assert_eq!(world.permit(&asker, &[PEER]), 200);
    world.wait(minutes(4));
    assert_eq!(world.permit(&asker, &[PEER]), 200);
    world.wait(minutes(2) - Duration::from_millis(1));
    assert!(world.send(asker.client, &channel_data(0x4001, b"last")).is_some());
    world.wait(Duration::from_millis(1));
    assert_eq!(world.send(asker.client, &channel_data(0x4001, b"late")), None);
    assert_eq!(world.released.len(), 1);
    assert_eq!(world.news.last(), Some(&News::Released { scope: SCOPE, relayed }));
    assert_eq!(world.relay.counts().allocations, 0);
    assert_eq!(world.relay.poll_timeout(), None);
}

#[test]
fn time_ends_an_allocation_also_when_nobody_woke_the_relay() {
    let (mut world, asker, relayed) = allocated();
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    world.now += minutes(4);
    assert_eq!(world.permit(&asker, &[PEER]), 200);
    world.now += minutes(4);
    assert_eq!(world.permit(&asker, &[PEER]), 200);
    world.now += minutes(2);
    assert_eq!(world.send(asker.client, &channel_data(0x4001, b"late")), None);
    assert_eq!(world.send(asker.client, &send_indication(at(PEER), b"late")), None);
    assert_eq!(world.peer_sends(relayed, PEER, b"late"), None);
}

#[test]
fn a_refresh_keeps_an_allocation_and_a_lifetime_of_nothing_ends_it() {
    let (mut world, mut asker, _) = allocated();
    for _ in 0..5 {
        world.wait(minutes(9));
        let challenge = world.challenge(asker.client);
        asker.take_nonce(&challenge);
        assert_eq!(world.refresh(&asker, 600).lifetime(), Some(600));
    }
    assert_eq!(world.refresh(&asker, 1_000_000).lifetime(), Some(900), "no more than allowed");
    assert_eq!(world.refresh(&asker, 1).lifetime(), Some(600), "no less than usual");
    assert_eq!(world.refresh(&asker, 0).lifetime(), Some(0));
    assert_eq!(world.released.len(), 1);
    assert_eq!(world.refresh(&asker, 600).code(), 437);
}

#[test]
fn credentials_that_ran_out_keep_what_they_made_and_make_nothing_new() {
    let (mut world, mut asker, _) = allocated();
    world.wait(minutes(9));
    assert_eq!(world.refresh(&asker, 900).code(), 200);
    world.wait(minutes(2));
    let challenge = world.challenge(asker.client);
    asker.take_nonce(&challenge);
    assert_eq!(world.refresh(&asker, 900).code(), 200);
    let late = world.asker(udp("5.5.5.5:2"), credentials(Party::Lower));
    let ask = world.new_ask(stun::ALLOCATE).transport(17);
    assert_eq!(world.ask(&late, ask).code(), 401);
}

#[test]
fn a_permission_ends_after_five_minutes_and_its_channel_with_it() {
    let (mut world, asker, relayed) = allocated();
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    assert_eq!(world.refresh(&asker, 900).code(), 200);
    world.wait(minutes(5) - Duration::from_millis(1));
    assert!(world.peer_sends(relayed, PEER, b"in time").is_some());
    world.wait(Duration::from_millis(1));
    assert_eq!(world.peer_sends(relayed, PEER, b"late"), None);
    assert_eq!(world.send(asker.client, &channel_data(0x4001, b"late")), None);
    assert_eq!(world.send(asker.client, &send_indication(at(PEER), b"late")), None);
    // The channel stands for ten minutes: with a permission it is of use again.
    assert_eq!(world.permit(&asker, &[PEER]), 200);
    assert_eq!(world.peer_sends(relayed, PEER, b"again").unwrap().bytes, channel_data(0x4001, b"again"));
}

#[test]
fn a_channel_ends_after_ten_minutes_and_the_permission_outlives_it() {
    let (mut world, mut asker, relayed) = allocated();
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    assert_eq!(world.refresh(&asker, 900).code(), 200);
    world.wait(minutes(5));
    assert_eq!(world.permit(&asker, &[PEER]), 200);
    world.wait(minutes(4));
    assert_eq!(world.permit(&asker, &[PEER]), 200);
    world.wait(minutes(1));
    assert_eq!(world.send(asker.client, &channel_data(0x4001, b"late")), None);
    let sent = world.peer_sends(relayed, PEER, b"still").unwrap();
    assert_eq!(sent.bytes[..2], [0x00, 0x17], "as a Data indication");
    // And the number is free for another peer.
    let challenge = world.challenge(asker.client);
    asker.take_nonce(&challenge);
    assert_eq!(world.bind(&asker, 0x4001, "1.1.1.2:1"), 200);
}

#[test]
fn a_channel_is_bound_to_one_peer_and_a_peer_to_one_channel() {
    let (mut world, asker, _) = allocated();
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200, "again, to keep it");
    assert_eq!(world.bind(&asker, 0x4001, "1.1.1.1:4001"), 400);
    assert_eq!(world.bind(&asker, 0x4002, PEER), 400);
    assert_eq!(world.bind(&asker, 0x4002, "1.1.1.1:4001"), 200);
}

#[test]
fn only_the_channels_there_are_can_be_bound() {
    let (mut world, asker, _) = allocated();
    for number in [0, 0x3fff, 0x8000, 0xffff] {
        assert_eq!(world.bind(&asker, number, PEER), 400, "{number:x}");
    }
    assert_eq!(world.bind(&asker, 0x4000, PEER), 200);
    assert_eq!(world.bind(&asker, 0x7fff, "1.1.1.1:1"), 200);
}

#[test]
fn a_permission_for_several_is_for_all_or_none() {
    let (mut world, asker, relayed) = allocated();
    assert_eq!(world.permit(&asker, &["1.1.1.1:0", "10.0.0.1:0"]), 403);
    assert_eq!(world.peer_sends(relayed, PEER, b"no"), None);
    assert_eq!(world.permit(&asker, &["1.1.1.1:0", "1.1.1.2:0"]), 200);
    assert!(world.peer_sends(relayed, "1.1.1.2:5", b"yes").is_some());
    assert_eq!(world.permit(&asker, &[]), 400);
}

#[test]
fn an_allocate_that_is_repeated_gets_the_same_answer() {
    let mut world = World::public();
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let request = asker.sign(world.new_ask(stun::ALLOCATE).transport(17));
    let answers: Vec<_> = (0..3)
        .map(|_| {
            world.send(asker.client, &request);
            world.wait(Duration::from_secs(1));
            world.said().unwrap()
        })
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.code() == 200));
    assert_eq!(world.relay.counts().allocations, 1);
    let another = world.new_ask(stun::ALLOCATE).transport(17);
    assert_eq!(world.ask(&asker, another).code(), 437);
}

#[test]
fn a_repeated_allocate_waits_while_its_socket_is_opened() {
    let mut world = World::public();
    world.answers_binds = false;
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let request = asker.sign(world.new_ask(stun::ALLOCATE).transport(17));
    world.send(asker.client, &request);
    world.send(asker.client, &request);
    assert_eq!((world.said(), world.waiting.len()), (None, 1));
    assert_eq!(world.refresh(&asker, 600).code(), 437);
    let allocation = world.waiting[0];
    world.handle(Event::Bound { allocation, relayed: at("8.8.8.8:50001") });
    assert_eq!(world.said().unwrap().code(), 200);
    world.handle(Event::Bound { allocation, relayed: at("8.8.8.8:50002") });
    assert_eq!(world.said(), None);
}

#[test]
fn without_a_socket_an_allocate_is_refused_and_nothing_is_left() {
    let mut world = World::public();
    world.binds = false;
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let ask = world.new_ask(stun::ALLOCATE).transport(17);
    assert_eq!(world.ask(&asker, ask).code(), 508);
    assert_eq!((world.relay.counts().allocations, world.released.len()), (0, 0));
    world.binds = true;
    world.allocate(&asker);
}

#[test]
fn a_socket_that_comes_too_late_is_released_once() {
    let mut world = World::call();
    world.answers_binds = false;
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let request = asker.sign(world.new_ask(stun::ALLOCATE).transport(17));
    world.send(asker.client, &request);
    let allocation = world.waiting[0];
    world.tell(News::Ended { scope: SCOPE });
    assert_eq!(world.released, [allocation]);
    world.handle(Event::Bound { allocation, relayed: at("8.8.8.8:50001") });
    assert_eq!((world.said(), world.released.len(), world.relay.counts().allocations), (None, 1, 0));
}

#[test]
fn what_an_allocate_may_not_ask_for_has_its_code() {
    let mut world = World::new(Rules { relay_ips: vec![ip(RELAY_IP)], ..rules(Reach::Public) });
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let family = stun::REQUESTED_ADDRESS_FAMILY;
    let both = stun::ADDITIONAL_ADDRESS_FAMILY;
    let token = stun::RESERVATION_TOKEN;
    let cases: [(&dyn Fn(Ask) -> Ask, u16); 12] = [
        (&|ask| ask, 400),
        (&|ask| ask.transport(6), 442),
        (&|ask| ask.transport(17).bytes(family, &[2, 0, 0, 0]), 440),
        (&|ask| ask.transport(17).bytes(family, &[3, 0, 0, 0]), 440),
        (&|ask| ask.transport(17).bytes(family, &[1, 0, 0, 0]).bytes(both, &[2, 0, 0, 0]), 400),
        (&|ask| ask.transport(17).bytes(both, &[1, 0, 0, 0]), 400),
        (&|ask| ask.transport(17).bytes(stun::EVEN_PORT, &[0x80]), 508),
        (&|ask| ask.transport(17).bytes(token, &[1; 8]), 508),
        (&|ask| ask.transport(17).bytes(token, &[1; 8]).bytes(stun::EVEN_PORT, &[0]), 400),
        (&|ask| ask.transport(17).bytes(token, &[1; 8]).bytes(family, &[1, 0, 0, 0]), 400),
        (&|ask| ask.transport(17).bytes(stun::LIFETIME, &[1]), 400),
        (&|ask| ask.transport(17).bytes(stun::CHANGE_REQUEST, &[0; 4]), 420),
    ];
    for (n, (write, code)) in cases.iter().enumerate() {
        let ask = world.new_ask(stun::ALLOCATE);
        let said = world.ask(&asker, write(ask));
        assert_eq!(said.code(), *code, "case {n}");
        assert!(said.is_signed_for(&asker));
    }
    assert_eq!(world.relay.counts().allocations, 0);
}

#[test]
fn a_second_family_is_answered_with_the_first_and_a_word_about_it() {
    let mut world = World::public();
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let ask =
        world.new_ask(stun::ALLOCATE).transport(17).bytes(stun::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let said = world.ask(&asker, ask.bytes(stun::DONT_FRAGMENT, &[]));
    assert_eq!(said.address(stun::XOR_RELAYED_ADDRESS).unwrap().ip(), ip(RELAY_IP));
    assert_eq!(*said.message().raw_attribute(stun::ADDRESS_ERROR_CODE).unwrap().value, [2, 0, 4, 40]);
}

#[test]
fn an_even_port_is_asked_for() {
    let mut world = World::public();
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let request = asker.sign(world.new_ask(stun::ALLOCATE).transport(17).bytes(stun::EVEN_PORT, &[0]));
    world.relay.from_client(asker.client, &request, world.now);
    let bind = world.relay.poll_effect();
    assert!(matches!(bind, Some(Effect::Bind { family: Family::V4, port: PortWish::Even, .. })), "{bind:?}");
}

#[test]
fn an_allocation_belongs_to_the_user_name_it_was_made_with() {
    let (mut world, asker, _) = allocated();
    let other = Asker { credentials: credentials(Party::Higher), ..asker.clone() };
    assert_eq!(world.permit(&other, &[PEER]), 441);
    assert_eq!(world.bind(&other, 0x4001, PEER), 441);
    assert_eq!(world.refresh(&other, 0).code(), 441);
    assert_eq!(world.relay.counts().allocations, 1);
}

#[test]
fn a_nonce_runs_out_and_another_is_given() {
    let (mut world, mut asker, _) = allocated();
    world.wait(minutes(9));
    assert_eq!(world.refresh(&asker, 900).code(), 200);
    world.wait(minutes(1));
    let stale = world.refresh(&asker, 900);
    assert_eq!(stale.code(), 438);
    asker.take_nonce(&stale.bytes);
    assert_eq!(world.refresh(&asker, 900).code(), 200);
}

#[test]
fn an_old_secret_is_good_while_it_is_among_the_secrets() {
    let mut world =
        World::new(Rules { secrets: vec![b"new".to_vec(), SECRET.to_vec()], ..rules(Reach::Public) });
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    world.allocate(&asker);
}

#[test]
fn a_stream_takes_its_allocation_with_it() {
    let mut world = World::public();
    let asker = world.asker(stream(1, "5.5.5.5:1000"), credentials(Party::Lower));
    world.allocate(&asker);
    world.handle(Event::StreamClosed { client: asker.client });
    assert_eq!((world.released.len(), world.relay.counts().allocations), (1, 0));
    world.handle(Event::StreamClosed { client: asker.client });
    assert_eq!(world.released.len(), 1);
}

#[test]
fn limits_of_an_allocation_are_kept() {
    let limits = RelayLimits { permissions: 2, channels: 1, ..rules(Reach::Public).limits };
    let mut world = World::new(Rules { limits, ..rules(Reach::Public) });
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    world.allocate(&asker);
    assert_eq!(world.permit(&asker, &["1.1.1.1:0", "1.1.1.2:0", "1.1.1.3:0"]), 508);
    assert_eq!(world.permit(&asker, &["1.1.1.1:0", "1.1.1.2:0", "1.1.1.2:5"]), 200);
    assert_eq!(world.permit(&asker, &["1.1.1.3:0"]), 508);
    assert_eq!(world.bind(&asker, 0x4001, "1.1.1.3:1"), 508);
    assert_eq!(world.bind(&asker, 0x4001, "1.1.1.1:1"), 200);
    assert_eq!(world.bind(&asker, 0x4002, "1.1.1.2:1"), 508);
    world.wait(minutes(5));
    assert_eq!(world.permit(&asker, &["1.1.1.3:0"]), 200, "what ran out makes room");
}

#[test]
fn allocations_are_limited_for_a_party_and_in_all() {
    let limits = RelayLimits { allocations: 3, allocations_per_party: 2, ..rules(Reach::Public).limits };
    let mut world = World::new(Rules { limits, ..rules(Reach::Public) });
    let mut ask = |remote: &str, party| {
        let asker = world.asker(udp(remote), credentials(party));
        let ask = world.new_ask(stun::ALLOCATE).transport(17);
        world.ask(&asker, ask).code()
    };
    assert_eq!(ask("5.5.5.5:1", Party::Lower), 200);
    assert_eq!(ask("5.5.5.5:2", Party::Lower), 200);
    assert_eq!(ask("5.5.5.5:3", Party::Lower), 486);
    assert_eq!(ask("5.5.5.6:1", Party::Higher), 200);
    assert_eq!(ask("5.5.5.6:2", Party::Higher), 508);
}

#[test]
fn more_bytes_than_allowed_are_dropped_each_way() {
    let limits = RelayLimits { bytes_per_second: 10_000, ..rules(Reach::Public).limits };
    let mut world = World::new(Rules { limits, ..rules(Reach::Public) });
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let relayed = world.allocate(&asker);
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    let packet = channel_data(0x4001, &[1; 1000]);
    assert_eq!((0..100).filter(|_| world.send(asker.client, &packet).is_some()).count(), 10);
    assert_eq!((0..100).filter(|_| world.peer_sends(relayed, PEER, &[1; 1000]).is_some()).count(), 10);
    world.wait(Duration::from_millis(500));
    assert_eq!((0..100).filter(|_| world.send(asker.client, &packet).is_some()).count(), 5);
    assert_eq!(world.relay.counts().dropped.bandwidth, 90 + 90 + 95);
}

#[test]
fn more_bytes_than_allowed_in_all_are_dropped() {
    let limits = RelayLimits { total_bytes_per_second: 10_000, ..rules(Reach::Public).limits };
    let mut world = World::new(Rules { limits, ..rules(Reach::Public) });
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let relayed = world.allocate(&asker);
    assert_eq!(world.bind(&asker, 0x4001, PEER), 200);
    let packet = channel_data(0x4001, &[1; 1000]);
    assert_eq!((0..5).filter(|_| world.send(asker.client, &packet).is_some()).count(), 5);
    assert_eq!((0..100).filter(|_| world.peer_sends(relayed, PEER, &[1; 1000]).is_some()).count(), 5);
}
