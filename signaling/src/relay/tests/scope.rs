//! Whom an allocation of a call may reach: the other party where it was seen, and its allocations here.

use std::net::SocketAddr;

use super::world::*;
use crate::config::Reach;
use crate::relay::credentials::mint;
use crate::relay::{Destination, News, Party, Rules, ScopeId, stun};

const CALLER: &str = "5.5.5.5:1000";
const CALLEE: &str = "6.6.6.6:1000";

struct Call {
    world: World,
    caller: Asker,
    callee: Asker,
    relayed: [SocketAddr; 2],
}

/// Both parties of a call with an allocation each.
fn call() -> Call {
    let mut world = World::call();
    let caller = world.asker(udp(CALLER), credentials(Party::Lower));
    let callee = world.asker(udp(CALLEE), credentials(Party::Higher));
    let relayed = [world.allocate(&caller), world.allocate(&callee)];
    Call { world, caller, callee, relayed }
}

fn allocates(world: &mut World, remote: &str, credentials: crate::relay::credentials::Credentials) -> u16 {
    let asker = world.asker(udp(remote), credentials);
    let ask = world.new_ask(stun::ALLOCATE).transport(17);
    world.ask(&asker, ask).code()
}

#[test]
fn a_call_from_before_a_restart_goes_on_by_its_credentials() {
    let mut world = World::new(rules(Reach::Call));
    let caller = world.asker(udp(CALLER), credentials(Party::Lower));
    let callee = world.asker(udp(CALLEE), credentials(Party::Higher));
    let relayed = [world.allocate(&caller), world.allocate(&callee)];
    assert!(world.news.contains(&News::Vouched { scope: SCOPE }), "the other threads hear of it");
    assert_eq!(world.bind(&caller, 0x4000, &relayed[1].to_string()), 200);
    assert_eq!(world.permit(&callee, &[&relayed[0].to_string()]), 200);
    assert!(world.send(caller.client, &channel_data(0x4000, b"x")).is_some());
    assert_eq!(world.permit(&caller, &["6.6.6.6:1"]), 200, "where its other party was seen");
    assert_eq!(world.permit(&caller, &["7.7.7.7:1"]), 403, "and nowhere else");

    let past = mint(SECRET, ScopeId(5), Party::Lower, UNIX - 1);
    assert_eq!(allocates(&mut world, "5.5.5.5:2", past), 401, "what has run out opens nothing");
    assert_eq!(world.relay.scopes.len(), 1);
}

#[test]
fn a_call_that_has_ended_is_not_opened_again_by_its_credentials() {
    let mut world = World::call();
    world.tell(News::Ended { scope: SCOPE });
    assert_eq!(allocates(&mut world, CALLER, credentials(Party::Lower)), 403);
    world.tell(News::Vouched { scope: SCOPE });
    assert_eq!(
        allocates(&mut world, CALLER, credentials(Party::Lower)),
        403,
        "though another thread did not know"
    );
}

#[test]
fn a_user_name_of_another_form_is_good_for_a_public_relay_alone() {
    let username = format!("{}:alice", UNIX + 600);
    let password = crate::relay::credentials::password(SECRET, &username);
    let alice = crate::relay::credentials::Credentials { username, password };
    assert_eq!(allocates(&mut World::call(), CALLER, alice.clone()), 403);
    assert_eq!(allocates(&mut World::public(), CALLER, alice), 200);
}

#[test]
fn a_party_is_reached_where_it_was_seen_and_nowhere_else() {
    let Call { mut world, caller, .. } = call();
    assert_eq!(world.permit(&caller, &["6.6.6.6:1"]), 200, "seen as it allocated");
    assert_eq!(world.permit(&caller, &["6.6.6.7:1"]), 403);
    assert_eq!(world.bind(&caller, 0x4000, "6.6.6.7:1"), 403);
    assert_eq!(world.permit(&caller, &["5.5.5.5:1"]), 403, "itself");
    world.seen(Party::Higher, "6.6.6.7");
    assert_eq!(world.bind(&caller, 0x4000, "6.6.6.7:1"), 200);
    assert_eq!(world.send(caller.client, &channel_data(0x4000, b"x")).unwrap().bytes, b"x");
}

#[test]
fn the_table_comes_before_the_call() {
    let Call { mut world, caller, .. } = call();
    world.seen(Party::Higher, "192.168.1.5");
    assert_eq!(world.permit(&caller, &["192.168.1.5:1"]), 403);

    let allow = vec!["192.168.0.0/16".parse().unwrap()];
    let mut world = World::new(Rules { allow, ..rules(Reach::Call) });
    world.tell(News::Opened { scope: SCOPE });
    let caller = world.asker(udp(CALLER), credentials(Party::Lower));
    world.allocate(&caller);
    assert_eq!(world.permit(&caller, &["192.168.1.5:1"]), 403, "allowed, but not seen");
    world.seen(Party::Higher, "192.168.1.5");
    assert_eq!(world.permit(&caller, &["192.168.1.5:1"]), 200);
}

#[test]
fn whoever_proves_who_they_are_is_seen_and_the_other_threads_are_told_once() {
    let Call { world, .. } = call();
    let seen = |party, address: &str| News::Seen { scope: SCOPE, party, ip: ip(address) };
    let told = |news: &News| world.news.iter().filter(|told| *told == news).count();
    assert_eq!(told(&seen(Party::Lower, "5.5.5.5")), 1);
    assert_eq!(told(&seen(Party::Higher, "6.6.6.6")), 1);
    let [first, second] = call().relayed;
    assert_eq!(told(&News::Allocated { scope: SCOPE, relayed: first }), 1);
    assert_eq!(told(&News::Allocated { scope: SCOPE, relayed: second }), 1);
}

#[test]
fn a_stranger_is_not_seen() {
    let mut world = World::call();
    let wrong = mint(b"another secret", SCOPE, Party::Higher, UNIX + 600);
    assert_eq!(allocates(&mut world, CALLEE, wrong), 401);
    assert_eq!(world.news, []);
}

#[test]
fn two_allocations_of_a_call_meet_in_memory() {
    let Call { mut world, caller, callee, relayed: [here, there] } = call();
    assert_eq!(world.bind(&caller, 0x4000, &there.to_string()), 200);
    assert_eq!(
        world.send(caller.client, &channel_data(0x4000, b"early")),
        None,
        "the callee permits nobody yet"
    );
    assert_eq!(world.permit(&callee, &[&here.to_string()]), 200);
    let sent = world.send(caller.client, &channel_data(0x4000, b"hello")).unwrap();
    assert_eq!(sent.to, Destination::Client(callee.client));
    let said = Said { client: callee.client, bytes: sent.bytes };
    assert_eq!(said.address(stun::XOR_PEER_ADDRESS), Some(here));

    assert_eq!(world.bind(&callee, 0x4fff, &here.to_string()), 200);
    let sent = world.send(caller.client, &send_indication(there, b"hello")).unwrap();
    assert_eq!(sent, Sent { to: Destination::Client(callee.client), bytes: channel_data(0x4fff, b"hello") });
    assert_eq!(world.relay.counts().packets_within, 3);
}

#[test]
fn allocations_of_two_calls_do_not_meet() {
    let Call { mut world, caller, .. } = call();
    world.tell(News::Opened { scope: ScopeId(2) });
    let other = world.asker(udp("7.7.7.7:1"), mint(SECRET, ScopeId(2), Party::Higher, UNIX + 600));
    let relayed = world.allocate(&other);
    assert_eq!(world.permit(&other, &["8.8.8.8:1"]), 200);
    assert_eq!(world.bind(&caller, 0x4000, &relayed.to_string()), 200, "which port it is shows later");
    assert_eq!(world.send(caller.client, &channel_data(0x4000, b"x")), None);
    assert_eq!(world.send(caller.client, &send_indication(relayed, b"x")), None);
    assert_eq!(world.relay.counts().dropped.denied, 2);
}

#[test]
fn a_public_relay_lets_its_allocations_meet_where_they_permit_each_other() {
    let mut world = World::public();
    let one = world.asker(udp(CALLER), mint(SECRET, ScopeId(1), Party::Lower, UNIX + 600));
    let two = world.asker(udp(CALLEE), mint(SECRET, ScopeId(2), Party::Lower, UNIX + 600));
    let (here, there) = (world.allocate(&one), world.allocate(&two));
    assert_eq!(world.bind(&one, 0x4000, &there.to_string()), 200);
    assert_eq!(world.send(one.client, &channel_data(0x4000, b"x")), None);
    assert_eq!(world.permit(&two, &[&here.to_string()]), 200);
    let sent = world.send(one.client, &channel_data(0x4000, b"x")).unwrap();
    assert_eq!(sent.to, Destination::Client(two.client));
}

#[test]
fn a_neighbour_s_allocation_is_reached_through_its_thread() {
    let Call { mut world, caller, relayed: [here, _], .. } = call();
    let relayed = at("8.8.8.8:59999");
    assert_eq!(world.bind(&caller, 0x4000, "8.8.8.8:59999"), 200, "its news may be a moment behind");
    assert_eq!(world.send(caller.client, &channel_data(0x4000, b"x")), None);
    world.tell(News::Allocated { scope: SCOPE, relayed });
    let sent = world.send(caller.client, &channel_data(0x4000, b"x")).unwrap();
    assert_eq!(sent.to, Destination::Neighbour { relayed, from: here, scope: SCOPE });
    assert_eq!(sent.bytes, b"x");
    world.tell(News::Released { scope: SCOPE, relayed });
    assert_eq!(world.send(caller.client, &channel_data(0x4000, b"x")), None);
}

#[test]
fn what_a_neighbour_hands_over_needs_the_call_and_a_permission() {
    let Call { mut world, caller, relayed: [here, _], .. } = call();
    let from = at("8.8.8.8:59999");
    let hand = |world: &mut World, relayed, scope| {
        let now = world.now;
        world.relay.from_neighbour(relayed, from, scope, b"x", now).map(|forward| put_together(&forward))
    };
    assert_eq!(hand(&mut world, here, SCOPE), None);
    assert_eq!(world.bind(&caller, 0x4000, "8.8.8.8:59999"), 200);
    let sent = hand(&mut world, here, SCOPE).unwrap();
    assert_eq!(sent, Sent { to: Destination::Client(caller.client), bytes: channel_data(0x4000, b"x") });
    assert_eq!(hand(&mut world, here, ScopeId(2)), None);
    assert_eq!(hand(&mut world, at("8.8.8.8:50999"), SCOPE), None);
}

#[test]
fn what_comes_from_a_relayed_address_by_the_network_is_not_believed() {
    let Call { mut world, caller, relayed: [here, there], .. } = call();
    assert_eq!(world.bind(&caller, 0x4000, &there.to_string()), 200);
    assert_eq!(world.peer_sends(here, &there.to_string(), b"x"), None);
    assert_eq!(world.peer_sends(here, "8.8.8.8:53", b"x"), None);
    assert_eq!(world.relay.counts().dropped.denied, 2);
}

#[test]
fn the_end_of_a_call_ends_what_it_has_at_once() {
    let Call { mut world, caller, callee, relayed: [here, there] } = call();
    let more = world.asker(stream(9, CALLER), credentials(Party::Lower));
    world.allocate(&more);
    assert_eq!(world.bind(&caller, 0x4000, &there.to_string()), 200);
    assert_eq!(world.bind(&callee, 0x4000, &here.to_string()), 200);
    assert!(world.send(caller.client, &channel_data(0x4000, b"x")).is_some());
    world.tell(News::Ended { scope: SCOPE });
    assert_eq!(world.send(caller.client, &channel_data(0x4000, b"x")), None);
    assert_eq!(world.released.len(), 3);
    assert_eq!(world.closed, [more.client]);
    assert_eq!(world.refresh(&caller, 600).code(), 437);
    let ask = world.new_ask(stun::ALLOCATE).transport(17);
    assert_eq!(world.ask(&caller, ask).code(), 403);
    assert_eq!(world.relay.scopes.len(), 0, "nothing is left");
    assert_eq!(world.relay.poll_timeout(), None);
}

#[test]
fn neighbours_allocations_count() {
    let limits =
        crate::config::RelayLimits { allocations: 3, allocations_per_party: 1, ..rules(Reach::Call).limits };
    let mut world = World::new(Rules { limits, ..rules(Reach::Call) });
    world.tell(News::Opened { scope: SCOPE });
    (0..2).for_each(|n| {
        let relayed = SocketAddr::new(ip(RELAY_IP), 59000 + n);
        world.tell(News::Allocated { scope: SCOPE, relayed });
        world.tell(News::Allocated { scope: SCOPE, relayed });
    });
    assert_eq!(allocates(&mut world, CALLER, credentials(Party::Lower)), 486, "a call has two parties");
    world.tell(News::Released { scope: SCOPE, relayed: at("8.8.8.8:59000") });
    assert_eq!(allocates(&mut world, CALLER, credentials(Party::Lower)), 200);
    world.tell(News::Opened { scope: ScopeId(2) });
    let other = |party| mint(SECRET, ScopeId(2), party, UNIX + 600);
    assert_eq!(allocates(&mut world, "7.7.7.7:1", other(Party::Lower)), 200);
    assert_eq!(allocates(&mut world, "7.7.7.7:2", other(Party::Higher)), 508);
}

#[test]
fn a_peer_on_this_computer_is_reached_where_that_is_allowed_and_it_was_seen() {
    // The app with a server inside it: the callee, the server and its relayed addresses have one address.
    let lan = Rules {
        allow: vec!["192.168.7.0/24".parse().unwrap()],
        relay_ips: vec![ip("192.168.7.7")],
        ..rules(Reach::Call)
    };
    let mut world = World::new(lan);
    world.tell(News::Opened { scope: SCOPE });
    let caller = world.asker(udp("192.168.7.8:1000"), credentials(Party::Lower));
    world.allocate(&caller);
    let relayed = world.sockets.keys().copied().next().unwrap();
    assert_eq!(world.bind(&caller, 0x4000, "192.168.7.7:4000"), 403, "not seen yet");
    world.seen(Party::Higher, "192.168.7.7");
    assert_eq!(world.bind(&caller, 0x4000, "192.168.7.7:4000"), 200);
    let sent = world.send(caller.client, &channel_data(0x4000, b"x")).unwrap();
    assert_eq!(sent.to, Destination::Peer { via: relayed, to: at("192.168.7.7:4000") });
    let forward = world.relay.from_peer(relayed, at("192.168.7.7:4000"), b"x", world.now);
    assert_eq!(put_together(&forward.unwrap()).to, Destination::Client(caller.client));
    assert_eq!(world.bind(&caller, 0x4001, "192.168.7.7:3478"), 403, "the server's own port");
}
