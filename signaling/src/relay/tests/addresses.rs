//! The table of denied addresses: every row, in every disguise, on every way to a peer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::world::*;
use crate::config::{Reach, RelayLimits};
use crate::relay::address::{DENIED, Unless};
use crate::relay::{Destination, Party, Rules};

/// A client with an allocation of each family, at a relay that refuses nothing but by the table.
struct Both {
    world: World,
    v4: Asker,
    v6: Asker,
}

impl Both {
    fn new(allow: &[&str]) -> Self {
        Self::with(allow, &[])
    }

    fn with(allow: &[&str], listening: &[&str]) -> Self {
        let listening =
            listening.iter().map(|address| at(address)).chain(rules(Reach::Public).listening).collect();
        let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
        let limits = RelayLimits { permissions: 10_000, channels: 4096, ..rules(Reach::Public).limits };
        let mut world = World::new(Rules { allow, limits, listening, ..rules(Reach::Public) });
        let v4 = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
        let v6 = world.asker(udp("[2a00::5]:1000"), credentials(Party::Lower));
        world.allocate(&v4);
        world.allocate6(&v6);
        Self { world, v4, v6 }
    }

    fn asker(&self, ip: IpAddr) -> Asker {
        if ip.is_ipv4() { self.v4.clone() } else { self.v6.clone() }
    }

    /// Tries all three ways to a peer, and says which of them it went.
    fn tries(&mut self, peer: SocketAddr) -> [bool; 3] {
        let asker = self.asker(peer.ip());
        let permit = match self.world.permit(&asker, &[&peer.to_string()]) {
            200 => true,
            403 => false,
            code => panic!("{peer}: {code}"),
        };
        let sent = self.world.send(asker.client, &send_indication(peer, b"x"));
        let bind = match self.world.bind(&asker, 0x4000, &peer.to_string()) {
            200 => true,
            403 => false,
            code => panic!("{peer}: {code}"),
        };
        if bind {
            assert!(self.world.send(asker.client, &channel_data(0x4000, b"x")).is_some(), "{peer}");
        }
        let sent = sent.is_some_and(|sent| matches!(sent.to, Destination::Peer { to, .. } if to == peer));
        [permit, sent, bind]
    }
}

fn tries_once(allow: &[&str], peer: SocketAddr) -> [bool; 3] {
    Both::new(allow).tries(peer)
}

/// The first, the last and one address of a range.
fn samples(range: ipnet::IpNet) -> Vec<IpAddr> {
    match range {
        ipnet::IpNet::V4(range) => {
            let (first, last) = (u32::from(range.network()), u32::from(range.broadcast()));
            [first, last, first + (last - first) / 2].map(|ip| IpAddr::V4(Ipv4Addr::from(ip))).to_vec()
        }
        ipnet::IpNet::V6(range) => {
            let (first, last) = (u128::from(range.network()), u128::from(range.broadcast()));
            [first, last, first + (last - first) / 2].map(|ip| IpAddr::V6(Ipv6Addr::from(ip))).to_vec()
        }
    }
}

/// Every way to write an IPv4 address inside an IPv6 one, with its name.
fn disguises(ip: Ipv4Addr) -> Vec<(&'static str, IpAddr)> {
    let [a, b, c, d] = ip.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let v6 = |segments: [u16; 8]| IpAddr::V6(Ipv6Addr::from(segments));
    vec![
        ("mapped", v6([0, 0, 0, 0, 0, 0xffff, high, low])),
        ("compatible", v6([0, 0, 0, 0, 0, 0, high, low])),
        ("translated", v6([0, 0, 0, 0, 0xffff, 0, high, low])),
        ("NAT64", v6([0x64, 0xff9b, 0, 0, 0, 0, high, low])),
        ("local NAT64, 96", v6([0x64, 0xff9b, 1, 0, 0, 0, high, low])),
        ("local NAT64, 48", v6([0x64, 0xff9b, 1, high, u16::from(c), u16::from(d) << 8, 0, 0])),
        (
            "local NAT64, 64",
            v6([0x64, 0xff9b, 1, 5, u16::from(a), u16::from_be_bytes([b, c]), u16::from(d) << 8, 0]),
        ),
        ("6to4", v6([0x2002, high, low, 0, 0, 0, 0, 1])),
        ("Teredo server", v6([0x2001, 0, high, low, 0, 0x1234, 0xfefe, 0xfefe])),
        ("Teredo client", v6([0x2001, 0, 0x0808, 0x0404, 0, 0x1234, !high, !low])),
    ]
}

#[test]
fn every_row_is_denied_on_every_way() {
    let mut both = Both::new(&[]);
    let mut tried = 0;
    for row in DENIED {
        for ip in samples(row.range) {
            assert_eq!(both.tries(SocketAddr::new(ip, 4000)), [false; 3], "{ip}: {}", row.why);
            tried += 1;
        }
    }
    assert!(tried >= 100);
    assert_eq!(both.world.relay.counts().packets_out, 0);
}

#[test]
fn every_row_is_denied_in_every_disguise() {
    let mut both = Both::new(&[]);
    let v4 = DENIED.iter().flat_map(|row| samples(row.range)).filter_map(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    for ip in v4 {
        for (name, disguised) in disguises(ip) {
            assert_eq!(
                both.tries(SocketAddr::new(disguised, 4000)),
                [false; 3],
                "{ip} as {name}: {disguised}"
            );
        }
    }
    assert_eq!(both.world.relay.counts().packets_out, 0);
}

#[test]
fn an_allowed_range_does_not_let_its_disguises_through() {
    for (name, disguised) in disguises(Ipv4Addr::new(10, 0, 0, 1)) {
        let [permit, sent, bind] = tries_once(&["10.0.0.0/8"], SocketAddr::new(disguised, 4000));
        // These two are addresses of their own, under which an IPv4 one may rightly be reached.
        let rightly = matches!(name, "NAT64" | "6to4");
        assert_eq!([permit, sent, bind], [rightly; 3], "{name}");
    }
    // A range that holds the disguise lifts it alone, not what is inside.
    for (name, disguised) in disguises(Ipv4Addr::new(10, 0, 0, 1)) {
        assert_eq!(tries_once(&["::/0"], SocketAddr::new(disguised, 4000)), [false; 3], "{name}");
    }
}

#[test]
fn an_allowed_range_is_reached_and_no_other() {
    assert_eq!(tries_once(&["10.1.0.0/16"], at("10.1.2.3:4000")), [true; 3]);
    assert_eq!(tries_once(&["10.1.0.0/16"], at("10.2.2.3:4000")), [false; 3]);
    assert_eq!(tries_once(&["127.0.0.0/8"], at("127.0.0.1:4000")), [true; 3]);
    assert_eq!(tries_once(&["fd00::/8"], at("[fd00::1]:4000")), [true; 3]);
}

#[test]
fn what_is_never_a_peer_cannot_be_allowed() {
    for row in DENIED.iter().filter(|row| row.unless == Unless::Never) {
        for ip in samples(row.range) {
            let loopback = ip == IpAddr::V6(Ipv6Addr::LOCALHOST);
            let tried = tries_once(&["0.0.0.0/0", "::/0"], SocketAddr::new(ip, 4000));
            assert_eq!(tried, [loopback; 3], "{ip}: {}", row.why);
        }
    }
}

#[test]
fn the_server_s_own_addresses_are_denied_in_every_disguise() {
    let mut both = Both::new(&[]);
    assert_eq!(both.tries(at("9.9.9.9:4000")), [false; 3]);
    assert_eq!(both.tries(at("[2606:4700::9]:4000")), [false; 3]);
    for own in [Ipv4Addr::new(9, 9, 9, 9), Ipv4Addr::new(8, 8, 8, 8)] {
        for (name, disguised) in disguises(own) {
            assert_eq!(both.tries(SocketAddr::new(disguised, 4000)), [false; 3], "{own} as {name}");
        }
    }
    assert_eq!(tries_once(&["9.9.9.9/32"], at("9.9.9.9:4000")), [true; 3], "unless it is allowed");
}

#[test]
fn where_the_server_listens_nothing_is_sent_whatever_is_allowed() {
    for listening in ["8.8.8.8:3478", "8.8.8.8:443", "[2606:4700::8]:3478", "192.168.7.7:3478"] {
        for allow in [&[][..], &["0.0.0.0/0", "::/0"]] {
            let [_, sent, bind] = tries_once(allow, at(listening));
            assert!(!sent && !bind, "{listening}");
        }
    }
}

#[test]
fn a_socket_on_a_wildcard_address_listens_on_all_of_them() {
    let mut both = Both::with(&["0.0.0.0/0", "::/0"], &["0.0.0.0:5349", "[::]:5349"]);
    for own in ["9.9.9.9:5349", "192.168.7.7:5349", "127.0.0.2:5349", "[2606:4700::9]:5349", "[::1]:5349"] {
        let [permit, sent, bind] = both.tries(at(own));
        assert!(permit && !sent && !bind, "{own}");
    }
    assert_eq!(both.tries(at("1.1.1.1:5349")), [true; 3], "another computer's");
}

#[test]
fn port_zero_is_nobody_s() {
    let [permit, sent, bind] = tries_once(&[], at("1.1.1.1:0"));
    assert!(permit, "a permission is for an address, whatever the port");
    assert!(!sent && !bind);
}

#[test]
fn other_ports_of_the_relay_address_are_not_sent_to() {
    let mut both = Both::new(&[]);
    for port in [22, 80, 5000, 50999] {
        let [permit, sent, _] = both.tries_without_data(SocketAddr::new(ip(RELAY_IP), port));
        assert!(permit && !sent, "{port}");
    }
    assert_eq!(both.world.bind(&both.v4.clone(), 0x4005, "8.8.8.8:22"), 403);
    assert_eq!(both.world.relay.counts().packets_out, 0);
}

impl Both {
    fn tries_without_data(&mut self, peer: SocketAddr) -> [bool; 3] {
        let asker = self.asker(peer.ip());
        let permit = self.world.permit(&asker, &[&peer.to_string()]) == 200;
        let sent = self.world.send(asker.client, &send_indication(peer, b"x")).is_some();
        [permit, sent, false]
    }
}

#[test]
fn public_addresses_are_reached() {
    let mut both = Both::new(&[]);
    for (n, peer) in ["1.1.1.1:4000", "[2a00::1]:4000"].into_iter().enumerate() {
        let asker = both.asker(at(peer).ip());
        assert_eq!(both.world.permit(&asker, &[peer]), 200);
        assert_eq!(both.world.bind(&asker, 0x4000 + n as u16, peer), 200);
        assert!(both.world.send(asker.client, &send_indication(at(peer), b"x")).is_some());
    }
}
