//! Packets over UDP: their order, their sizes, their way.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use quinn_udp::EcnCodepoint;

use super::client::{Line, TurnClient};
use super::datagrams::Datagrams;
use super::{Running, eventually, on, setup};
use crate::relay::{Party, ScopeId};

const CHANNEL: u16 = 0x4001;

fn peer() -> (Datagrams, SocketAddr) {
    let peer = Datagrams::bind("127.0.0.1:0");
    let address = peer.local();
    (peer, address)
}

/// A payload that tells which it is and is different in each place.
fn payload(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|place| (number * 31 + place * 7 + place / 256) as u8).collect()
}

#[test]
fn a_client_is_told_where_it_is_seen() {
    let running = Running::new(setup(2));
    let mut client = TurnClient::udp(running.address());
    assert_eq!(client.mapped(), client.local());
}

#[test]
fn packets_of_every_size_arrive_in_order_and_whole_both_ways() {
    let running = Running::new(setup(1));
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    let (mut peer, address) = peer();
    assert_eq!(client.bind(CHANNEL, address), 200);

    let sizes = [0, 1, 2, 3, 4, 5, 100, 1099, 1100, 1101, 1452, 1453, 1500, 9000, 30_001, 65_503];
    for (number, size) in sizes.into_iter().enumerate() {
        client.say(CHANNEL, &payload(number, size));
        assert_eq!(peer.hear(), (payload(number, size), relayed), "{size} bytes to the peer");
        let size = size.min(65_503);
        peer.send(relayed, &payload(number, size));
        assert_eq!(client.hear(CHANNEL), payload(number, size), "{size} bytes to the client");
    }
    // With the head of ChannelData it is longer than a datagram may be.
    peer.send(relayed, &payload(0, 65_507));
    eventually("a packet that cannot be sent is counted", || {
        running.metrics.relay.dropped.not_sent.get() == 1
    });
    peer.send(relayed, b"next");
    assert_eq!(client.hear(CHANNEL), b"next");
}

#[test]
fn a_burst_arrives_in_order_and_whole_both_ways() {
    let running = Running::new(setup(1));
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    let (mut peer, address) = peer();
    assert_eq!(client.bind(CHANNEL, address), 200);

    for (count, size) in [(40, 1100), (64, 120), (64, 1), (7, 1449), (20, 2000)] {
        let payloads: Vec<_> = (0..count).map(|number| payload(number, size)).collect();
        let messages: Vec<_> = payloads.iter().map(|payload| client.channel_data(CHANNEL, payload)).collect();
        client.send_together(&messages);
        for payload in &payloads {
            assert_eq!(peer.hear(), (payload.clone(), relayed), "{count} times {size} bytes to the peer");
        }
        peer.send_together(relayed, &payloads);
        for payload in &payloads {
            assert_eq!(client.hear(CHANNEL), *payload, "{count} times {size} bytes to the client");
        }
    }
    assert_eq!(running.metrics.relay.dropped.not_sent.get(), 0);
}

/// The kernel hands several packets over at once only where they were sent on together.
#[test]
fn a_burst_leaves_as_it_came() {
    let running = Running::new(setup(1));
    let mut client = TurnClient::udp(running.address());
    client.allocate().expect("an allocation");
    let (mut peer, address) = peer();
    assert_eq!(client.bind(CHANNEL, address), 200);
    if !peer.gathers() {
        eprintln!("SKIPPED, NOT TESTED: this kernel gathers no packets");
        return;
    }
    let messages: Vec<_> =
        (0..40).map(|number| client.channel_data(CHANNEL, &payload(number, 1000))).collect();
    client.send_together(&messages);
    assert_eq!(peer.receive().expect("a packet").together, 40);
}

#[test]
fn a_shorter_packet_ends_a_run_and_nothing_is_lost() {
    let running = Running::new(setup(1));
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    let (mut peer, address) = peer();
    assert_eq!(client.bind(CHANNEL, address), 200);
    let sizes = [500, 500, 499, 500, 500, 0, 500, 1, 1, 2, 1500, 1500, 700, 700, 700, 0, 0, 3];
    for (number, size) in sizes.into_iter().enumerate() {
        client.say(CHANNEL, &payload(number, size));
    }
    for (number, size) in sizes.into_iter().enumerate() {
        assert_eq!(peer.hear().0, payload(number, size), "packet {number}");
    }
    for (number, size) in sizes.into_iter().enumerate() {
        peer.send(relayed, &payload(number, size));
    }
    for (number, size) in sizes.into_iter().enumerate() {
        assert_eq!(client.hear(CHANNEL), payload(number, size), "packet {number}");
    }
}

#[test]
fn flows_that_arrive_mixed_stay_apart() {
    let running = Running::new(setup(1));
    let mut clients: Vec<_> = (0..20)
        .map(|number| {
            // Each somebody else's: one party may not have so many.
            let mut client = TurnClient::udp(running.address()).of(ScopeId(number), Party::Lower);
            let relayed = client.allocate().expect("an allocation");
            let (peer, address) = peer();
            assert_eq!(client.bind(CHANNEL, address), 200);
            (client, peer, relayed)
        })
        .collect();
    for number in 0..30 {
        for (index, (client, _, _)) in clients.iter_mut().enumerate() {
            client.say(CHANNEL, &payload(number * 100 + index, 300));
        }
    }
    for (index, (_, peer, relayed)) in clients.iter_mut().enumerate() {
        for number in 0..30 {
            assert_eq!(peer.hear(), (payload(number * 100 + index, 300), *relayed));
        }
    }
}

#[test]
fn indications_carry_data_where_there_is_no_channel() {
    let running = Running::new(setup(1));
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    let (mut peer, address) = peer();
    assert_eq!(client.permit(address), 200);
    client.indicate(address, b"out");
    assert_eq!(peer.hear(), (b"out".to_vec(), relayed));
    peer.send(relayed, b"in");
    assert_eq!(client.hear_indication(), (address, b"in".to_vec()));
}

#[test]
fn a_peer_that_is_gone_harms_nobody() {
    let running = Running::new(setup(1));
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    let (gone, nowhere) = peer();
    let (mut peer, address) = peer();
    drop(gone);
    assert_eq!(client.bind(CHANNEL, nowhere), 200);
    assert_eq!(client.bind(CHANNEL + 1, address), 200);
    for number in 0..50 {
        client.say(CHANNEL, b"is anybody there?");
        client.say(CHANNEL + 1, &payload(number, 50));
        assert_eq!(peer.hear(), (payload(number, 50), relayed));
        peer.send(relayed, &payload(number, 60));
        assert_eq!(client.hear(CHANNEL + 1), payload(number, 60));
    }
    // The same towards a client that is gone.
    let mut other = TurnClient::udp(running.address());
    let relayed = other.allocate().expect("an allocation");
    assert_eq!(other.permit(address), 200);
    drop(other);
    for _ in 0..50 {
        peer.send(relayed, b"is anybody there?");
    }
    client.say(CHANNEL + 1, b"still here");
    assert_eq!(peer.hear().0, b"still here");
    assert!(running.relay.is_whole());
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let running = Running::new(super::Setup { turn_udp: vec![on("0.0.0.0:0")], ..setup(1) });
    let port = running.address().port();
    let mut asked = 0;
    for interface in if_addrs::get_if_addrs().expect("interfaces") {
        let ip = interface.ip();
        if ip.is_ipv4() {
            // Its socket takes answers from there alone.
            let mut client = TurnClient::udp(SocketAddr::new(ip, port));
            assert_eq!(client.mapped(), client.local());
            asked += 1;
        }
    }
    assert!(asked > 0);
}

#[test]
fn both_families_are_relayed_where_both_are_there() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED, NOT TESTED: this computer has no IPv6");
        return;
    }
    let running = Running::new(super::Setup { turn_udp: vec![on("127.0.0.1:0"), on("[::1]:0")], ..setup(2) });
    let mut four = TurnClient::udp(running.relay.addresses()[0]);
    let mut six = TurnClient::udp(running.relay.addresses()[1]);
    assert!(four.allocate().expect("an allocation").is_ipv4());
    let relayed = six.allocate_v6().expect("an allocation");
    assert!(relayed.is_ipv6());
    let mut peer = Datagrams::bind("[::1]:0");
    assert_eq!(six.bind(CHANNEL, peer.local()), 200);
    six.say(CHANNEL, b"six");
    assert_eq!(peer.hear(), (b"six".to_vec(), relayed));
    peer.send(relayed, b"and back");
    assert_eq!(six.hear(CHANNEL), b"and back");
}

#[test]
fn a_family_that_is_not_there_is_refused_in_words() {
    let running = Running::new(setup(1));
    assert_eq!(TurnClient::udp(running.address()).allocate_v6(), Err(440));
}

#[test]
fn an_even_port_is_even() {
    let running = Running::new(setup(1));
    let relayed = TurnClient::udp(running.address()).allocate_even().expect("an allocation");
    assert_eq!(relayed.port() % 2, 0);
}

#[test]
fn behind_a_nat_the_public_address_is_told_with_the_same_port() {
    let public = on("203.0.113.7:0").ip();
    let running = Running::new(super::Setup { public_ips: vec![public], ..setup(1) });
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    assert_eq!(relayed.ip(), public);
    // The NAT passes it on to the same port here.
    let (peer, address) = peer();
    assert_eq!(client.permit(address), 200);
    peer.send(SocketAddr::new(on("127.0.0.1:0").ip(), relayed.port()), b"through");
    assert_eq!(client.hear_indication(), (address, b"through".to_vec()));
}

#[test]
fn what_the_network_says_about_congestion_is_passed_on() {
    let running = Running::new(setup(1));
    let mut client = TurnClient::udp(running.address());
    client.allocate().expect("an allocation");
    let (mut peer, address) = peer();
    assert_eq!(client.bind(CHANNEL, address), 200);
    let message = client.channel_data(CHANNEL, b"marked");
    let Line::Udp(socket, server) = &client.line else { panic!("a datagram client") };
    let mark = Some(EcnCodepoint::Ce);
    socket.send_marked(*server, &message, mark);
    let packet = peer.receive().expect("a packet");
    assert_eq!((packet.bytes, packet.ecn), (b"marked".to_vec(), mark));
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let (_peer, address) = peer();
    let refused = super::RelayThreads::start(
        super::Setup { turn_udp: vec![address], ..setup(2) },
        std::sync::Arc::default(),
    )
    .expect_err("somebody has it");
    assert!(
        matches!(&refused, super::super::StartError::Listen { address: at, error }
            if *at == address && error.kind() == io::ErrorKind::AddrInUse),
        "{refused}"
    );
}

#[test]
fn a_second_relay_does_not_share_the_first_ones_port() {
    let running = Running::new(setup(2));
    let again = super::Setup { turn_udp: vec![running.address()], ..setup(2) };
    super::RelayThreads::start(again, std::sync::Arc::default()).expect_err("the first one has it");
}
