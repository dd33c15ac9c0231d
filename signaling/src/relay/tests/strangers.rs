//! What somebody gets who has proved nothing: little, short, and nothing that is kept.

use std::time::Duration;

use stun_types::attribute::{
    ErrorCode, MessageIntegrity, Nonce, PasswordAlgorithms, Realm, Software, UnknownAttributes, Userhash,
    Username,
};
use stun_types::message::{BINDING, Message, Method};
use stun_types::prelude::*;

use super::world::*;
use crate::config::{Reach, RelayLimits};
use crate::relay::control::MOST_TO_A_STRANGER;
use crate::relay::credentials::{Credentials, mint};
use crate::relay::{ClientSocket, Elsewhere, Party, Rules, Sisters, SocketIndex, stun};

#[test]
fn a_challenge_says_what_is_needed_and_no_more() {
    let mut world = World::public();
    let challenge = world.challenge(udp("5.5.5.5:1"));
    let message = Message::from_bytes(&challenge).unwrap();
    assert_eq!(message.attribute::<ErrorCode>().unwrap().code(), 401);
    assert_eq!(message.attribute::<ErrorCode>().unwrap().reason(), "");
    assert!(message.attribute::<Nonce>().unwrap().nonce().starts_with("obMatJos2gAAA"));
    assert!(message.has_attribute(Realm::TYPE) && message.has_attribute(PasswordAlgorithms::TYPE));
    assert!(!message.has_attribute(Software::TYPE) && !message.has_attribute(MessageIntegrity::TYPE));
}

/// Every request that proves nothing, with every sort of client.
fn strange_requests(world: &mut World) -> Vec<Vec<u8>> {
    let methods = [
        BINDING,
        stun::ALLOCATE,
        stun::REFRESH,
        stun::CREATE_PERMISSION,
        stun::CHANNEL_BIND,
        Method::new(10),
    ];
    let mut requests = Vec::new();
    for method in methods {
        requests.push(world.new_ask(method).plain());
        requests.push(world.new_ask(method).with_fingerprint());
        requests.push(world.new_ask(method).transport(17).with_fingerprint());
        requests.push(world.new_ask(method).bytes(stun::CHANGE_REQUEST, &[0, 0, 0, 6]).with_fingerprint());
        let mut many = world.new_ask(method);
        for n in 0..100u16 {
            many = many.bytes(stun_types::attribute::AttributeType::new(0x1000 + n), &[]);
        }
        requests.push(many.with_fingerprint());
        let asker = Asker {
            client: udp("5.5.5.5:1"),
            credentials: credentials(Party::Lower),
            nonce: "wrong".to_owned(),
            algorithm: stun_types::message::IntegrityAlgorithm::Sha1,
        };
        requests.push(asker.sign(world.new_ask(method)));
    }
    requests
}

#[test]
fn an_answer_to_a_stranger_is_short() {
    let sister = SocketIndex;
    let sockets = (0..4u16).map(|n| ClientSocket {
        address: Some(at("[2606:4700::8]:3478")),
        sisters: Some(Sisters {
            other_port: sister(n ^ 1),
            elsewhere: Some(Elsewhere { same_port: sister(n ^ 2), other_port: sister(n ^ 3) }),
        }),
    });
    let mut world = World::new(Rules { sockets: sockets.collect(), ..rules(Reach::Public) });
    let (mut longest, mut worst) = (0, 0.0f64);
    for request in strange_requests(&mut world) {
        for client in [udp("5.5.5.5:1"), udp("[2a00::5]:1"), stream(1, "5.5.5.5:2")] {
            assert_eq!(world.send(client, &request), None);
            if let Some(said) = world.said() {
                longest = longest.max(said.bytes.len());
                // As it is on the wire, with the heads of IPv4 and UDP.
                worst = worst.max((said.bytes.len() + 28) as f64 / (request.len() + 28) as f64);
            }
        }
    }
    assert!(longest <= MOST_TO_A_STRANGER, "{longest}");
    assert!(worst <= 2.75, "{worst}");
    assert_eq!(world.relay.counts().allocations, 0);
}

#[test]
fn a_stranger_gets_so_many_answers_a_second() {
    let limits = RelayLimits { answers_per_second: 20, ..RelayLimits::default() };
    let mut world = World::new(Rules { limits, ..rules(Reach::Public) });
    let request = world.new_ask(stun::ALLOCATE).transport(17).plain();
    for second in 0..3 {
        for port in 1..=200 {
            world.send(udp(&format!("5.5.5.5:{port}")), &request);
        }
        assert_eq!(std::mem::take(&mut world.replies).len(), 20, "second {second}");
        world.wait(Duration::from_secs(1));
    }
    assert_eq!(world.relay.counts().dropped.answers, 540);
}

#[test]
fn a_flood_does_not_silence_whoever_has_an_allocation() {
    let limits = RelayLimits { answers_per_second: 20, ..RelayLimits::default() };
    let mut world = World::new(Rules { limits, ..rules(Reach::Public) });
    let asker = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    world.allocate(&asker);
    let request = world.new_ask(stun::ALLOCATE).transport(17).plain();
    for port in 1..=200 {
        world.send(udp(&format!("5.5.5.5:{port}")), &request);
    }
    world.replies.clear();
    for _ in 0..100 {
        assert_eq!(world.refresh(&asker, 600).code(), 200);
    }
}

#[test]
fn a_source_without_a_port_is_dropped() {
    let mut world = World::public();
    let request = world.new_ask(BINDING).plain();
    world.send(udp("5.5.5.5:0"), &request);
    world.send(udp("8.8.8.8:3478"), &request);
    assert_eq!((world.said(), world.relay.counts().dropped.malformed), (None, 2));
}

#[test]
fn answers_and_unknown_methods_are_not_answered() {
    let mut world = World::public();
    let request = world.new_ask(BINDING).plain();
    world.send(udp("5.5.5.5:1"), &request);
    let answer = world.said().unwrap().bytes;
    world.send(udp("5.5.5.5:1"), &answer);
    let request = world.new_ask(Method::new(10)).plain();
    world.send(udp("5.5.5.5:1"), &request);
    assert_eq!(world.said(), None);
}

#[test]
fn a_request_has_to_be_whole() {
    let mut world = World::public();
    let request = world.new_ask(stun::ALLOCATE).transport(17).plain();
    for length in 0..request.len() {
        world.send(udp("5.5.5.5:1"), &request[..length]);
    }
    world.send(udp("5.5.5.5:1"), &[&request[..], &[0; 4]].concat());
    let mut wrong = request.clone();
    wrong[4] ^= 1;
    world.send(udp("5.5.5.5:1"), &wrong);
    assert_eq!(world.said(), None);
    world.send(udp("5.5.5.5:1"), &request);
    assert_eq!(world.said().unwrap().code(), 401);
}

#[test]
fn every_bit_of_a_signed_request_counts() {
    let mut world = World::public();
    let asker = world.asker(udp("5.5.5.5:1"), credentials(Party::Lower));
    let request = asker.sign(world.new_ask(stun::ALLOCATE).transport(17));
    let signed = request.len() - 8;
    for place in 0..signed {
        let mut changed = request[..signed].to_vec();
        changed[3] -= 8;
        changed[place] ^= 1;
        world.send(asker.client, &changed);
        world.wait(Duration::from_secs(1));
        if let Some(said) = world.said() {
            assert!(matches!(said.code(), 400 | 401 | 420 | 438), "{place}: {}", said.code());
        }
    }
    assert_eq!(world.relay.counts().allocations, 0);
}

#[test]
fn wrong_credentials_are_refused() {
    let cases = [
        mint(b"another secret", SCOPE, Party::Lower, UNIX + 600),
        mint(SECRET, SCOPE, Party::Lower, UNIX),
        Credentials { password: String::new(), ..credentials(Party::Lower) },
        Credentials { username: "alice".to_owned(), password: "alice".to_owned() },
    ];
    let mut world = World::public();
    for wrong in cases {
        let asker = world.asker(udp("5.5.5.5:1"), wrong);
        let ask = world.new_ask(stun::ALLOCATE).transport(17);
        let said = world.ask(&asker, ask);
        assert_eq!(said.code(), 401);
        assert!(said.message().has_attribute(Nonce::TYPE), "and may be tried again");
    }
}

#[test]
fn what_a_signed_request_lacks_is_said() {
    let mut world = World::public();
    let asker = world.asker(udp("5.5.5.5:1"), credentials(Party::Lower));
    let lacking = world.new_ask(stun::ALLOCATE).transport(17).bytes(Username::TYPE, b"5:a");
    let mut said = |message: Vec<u8>| {
        world.send(asker.client, &message);
        world.said().unwrap()
    };
    assert_eq!(said(lacking.signed_with_nothing()).code(), 400);
    let hashed = Ask::new(stun::ALLOCATE, 9.into()).transport(17).bytes(Userhash::TYPE, &[1; 32]);
    let refused = said(hashed.signed_with_nothing());
    assert_eq!(refused.code(), 420);
    assert!(refused.message().attribute::<UnknownAttributes>().unwrap().has_attribute(Userhash::TYPE));
}

#[test]
fn a_nonce_of_another_address_is_stale() {
    let mut world = World::public();
    let asker = world.asker(udp("5.5.5.5:1"), credentials(Party::Lower));
    let thief = Asker { client: udp("5.5.5.6:1"), ..asker };
    let ask = world.new_ask(stun::ALLOCATE).transport(17);
    assert_eq!(world.ask(&thief, ask).code(), 438);
}

#[test]
fn nothing_is_kept_of_strangers() {
    let mut world = World::public();
    let requests = strange_requests(&mut world);
    for n in 0..2000u16 {
        let client = udp(&format!("5.{}.{}.5:1", n >> 8, n & 255));
        for request in &requests {
            world.send(client, request);
            world.replies.clear();
        }
    }
    assert_eq!(
        (world.relay.clients.len(), world.relay.allocations.len(), world.relay.scopes.len()),
        (0, 0, 0)
    );
    assert_eq!(world.relay.poll_timeout(), None);
    assert_eq!(world.news, []);
}
