//! Several threads, and what they tell each other.

use std::net::{SocketAddr, UdpSocket};

use super::client::TurnClient;
use super::{Running, SCOPE, eventually, setup};
use crate::config::{Reach, RelayLimits};
use crate::relay::{News, Party};
use crate::relay_io::Setup;

const CHANNEL: u16 = 0x4002;

/// A client whose allocation belongs to this thread. The kernel chooses by addresses, so some have to be tried.
fn client_of(running: &Running, thread: usize, party: Party) -> (TurnClient, SocketAddr) {
    for _ in 0..64 {
        let mut client = TurnClient::udp(running.address()).of(SCOPE, party);
        let relayed = client.allocate().expect("an allocation");
        if running.owner(relayed) == Some(thread) {
            return (client, relayed);
        }
        assert_eq!(client.refresh(0), 200);
    }
    panic!("no client came to thread {thread}");
}

#[test]
fn two_clients_of_one_call_meet_in_memory_whichever_threads_they_are_on() {
    let running = Running::new(Setup { reach: Reach::Call, allow: Vec::new(), ..setup(2) });
    running.relay.news().tell(&News::Opened { scope: SCOPE });
    for (caller_on, callee_on) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (mut caller, caller_relayed) = client_of(&running, caller_on, Party::Lower);
        let (mut callee, callee_relayed) = client_of(&running, callee_on, Party::Higher);
        // Loopback is denied, so nothing of this could have gone through a socket.
        assert_eq!(caller.bind(CHANNEL, callee_relayed), 200, "from {caller_on} to {callee_on}");
        assert_eq!(callee.bind(CHANNEL + 1, caller_relayed), 200);
        let before = running.metrics.relay.packets_within.get();
        for number in 0..100_u8 {
            caller.say(CHANNEL, &[number; 700]);
            assert_eq!(callee.hear(CHANNEL + 1), [number; 700]);
            callee.say(CHANNEL + 1, &[number; 33]);
            assert_eq!(caller.hear(CHANNEL), [number; 33]);
        }
        eventually("packets in memory are counted", || {
            running.metrics.relay.packets_within.get() >= before + 200
        });
        for number in 0..60_u8 {
            caller.say(CHANNEL, &[number; 1100]);
        }
        for number in 0..60_u8 {
            assert_eq!(callee.hear(CHANNEL + 1), [number; 1100], "a burst stays in order");
        }
        assert_eq!((caller.refresh(0), callee.refresh(0)), (200, 200));
    }
    assert_eq!(running.metrics.relay.dropped.mailbox_full.get(), 0);
}

#[test]
fn the_end_of_a_call_ends_what_it_has_on_every_thread() {
    let running = Running::new(Setup { reach: Reach::Call, ..setup(2) });
    let news = running.relay.news();
    news.tell(&News::Opened { scope: SCOPE });
    let (mut caller, relayed) = client_of(&running, 0, Party::Lower);
    let (_callee, _) = client_of(&running, 1, Party::Higher);
    eventually("what was given back is closed", || running.relay.allocations() == 2);
    news.tell(&News::Ended { scope: SCOPE });
    eventually("both are gone", || running.relay.allocations() == 0);
    UdpSocket::bind(relayed).expect("the port is free again");
    assert_eq!(caller.refresh(600), 437);
    assert_eq!(caller.allocate(), Err(403));
    eventually("the counts say so", || running.metrics.relay.allocations.get() == 0);
}

#[test]
fn all_threads_together_have_as_many_allocations_as_there_may_be() {
    let limits = RelayLimits { allocations: 5, ..setup(1).limits };
    let running = Running::new(Setup { limits, ..setup(2) });
    let mut clients: Vec<_> = (0..12).map(|_| TurnClient::udp(running.address())).collect();
    let granted = clients.iter_mut().filter_map(|client| client.allocate().ok()).count();
    assert_eq!((granted, running.relay.allocations()), (5, 5));
    let refused = clients.iter_mut().map(TurnClient::allocate).find(|answer| *answer != Err(437));
    assert_eq!(refused, Some(Err(508)));
}

#[test]
fn a_relay_that_is_to_end_grants_nothing_new_and_lets_go_on_what_there_is() {
    let running = Running::new(setup(2));
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    running.relay.refuse_new();
    assert_eq!(TurnClient::udp(running.address()).allocate(), Err(508));
    assert_eq!(client.refresh(600), 200);
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    assert_eq!(client.bind(CHANNEL, peer.local_addr().expect("an address")), 200);
    client.say(CHANNEL, b"still here");
    let mut bytes = [0; 100];
    assert_eq!(peer.recv_from(&mut bytes).expect("a packet"), (10, relayed));
}

#[test]
fn dropping_the_relay_frees_every_port() {
    let running = Running::new(setup(2));
    let address = running.address();
    let mut clients: Vec<_> = (0..8).map(|_| TurnClient::udp(address)).collect();
    let relayed: Vec<_> =
        clients.iter_mut().map(|client| client.allocate().expect("an allocation")).collect();
    eventually("they are counted", || running.metrics.relay.allocations.get() == 8);
    let Running { relay, metrics } = running;
    drop(relay);
    for address in relayed.into_iter().chain([address]) {
        UdpSocket::bind(address).expect("the port is free again");
    }
    assert_eq!((metrics.relay.allocations.get(), metrics.relay.threads.get()), (0, 0));
}

/// Readiness is told by it.
#[test]
fn a_thread_that_panics_is_noticed_and_the_other_goes_on() {
    let running = Running::new(setup(2));
    eventually("both run", || running.metrics.relay.threads.get() == 2);
    assert!(running.relay.is_whole());
    let (mut client, _) = client_of(&running, 1, Party::Lower);
    running.relay.shared.panic_in(0);
    eventually("one thread is gone", || running.metrics.relay.threads.get() == 1);
    eventually("and that is said", || !running.relay.is_whole());
    // The kernel chooses among the sockets that are left.
    for _ in 0..10 {
        let mut new = TurnClient::udp(running.address());
        assert_eq!(new.mapped(), new.local());
    }
    assert_eq!(client.mapped(), client.local());
}
