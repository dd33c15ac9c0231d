//! The servers of a call as `webrtc` is told of them: each by a name and an address that only our own runtime knows.
//!
//! `webrtc` 0.21 skips every server that is not asked by datagrams, puts IPv6 addresses together wrongly, waits for names to be
//! looked up while nothing else moves, and cannot tell two servers at one address apart. So each way to a server is a
//! *door* with a number. The library hears of `door-3.sightline.invalid`, which our runtime resolves at once to two
//! addresses that exist nowhere, one of each version of IP; what it sends there reaches our sockets, and they know what
//! is meant: a real address, once its name is looked up, or a stream (`net_runtime/gate.rs`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtc::peer_connection::configuration::RTCIceServer;
use sightline_protocol::link::Pin;

use crate::logic::servers::{ServerUrl, Servers, Service};

/// Ways to servers that are used, of all kinds; those behind are left out. No call needs that many.
const MAX_DOORS: usize = 16;
/// Names under `invalid` mean nothing anywhere (RFC 6761), should one ever get out.
const DOMAIN: &str = "sightline.invalid";
/// The ends of addresses that no network uses: 240.0.0.0/4 is reserved, 100::/64 is thrown away (RFC 6666).
const DISGUISE_V4: [u8; 3] = [240, 0, 0];
const DISGUISE_V6: [u16; 7] = [0x100, 0, 0, 0, 0, 0, 0];

/// Which of a call's doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DoorId(pub(super) usize);

/// All ways to the servers of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Doors {
    urls: Vec<ServerUrl>,
    username: String,
    password: String,
    pin: Option<Pin>,
}

impl Doors {
    pub(super) fn new(servers: &Servers) -> Self {
        let mut doors = Self { urls: servers.stun.clone(), ..Self::default() };
        // The library gives up all its servers where one that relays has no user name or password.
        let usable = |relay: &&_| has_credentials(relay);
        if let Some(relay) = servers.relay.as_ref().filter(usable) {
            doors.urls.extend(relay.doors.iter().cloned());
            doors.username.clone_from(&relay.username);
            doors.password.clone_from(&relay.password);
            doors.pin = relay.pin;
        }
        doors.urls.truncate(MAX_DOORS);
        doors
    }

    /// What the library is told.
    pub(super) fn ice_servers(&self) -> Vec<RTCIceServer> {
        let told = |(id, url): (DoorId, &ServerUrl)| match url.service {
            Service::Stun => {
                RTCIceServer { urls: vec![format!("stun:{}", name(id, url.port))], ..RTCIceServer::default() }
            }
            Service::Turn => RTCIceServer {
                urls: vec![format!("turn:{}?transport=udp", name(id, url.port))],
                username: self.username.clone(),
                credential: self.password.clone(),
            },
        };
        self.iter().map(told).collect()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (DoorId, &ServerUrl)> {
        self.urls.iter().enumerate().map(|(index, url)| (DoorId(index), url))
    }

    /// Where it really leads.
    pub(super) fn url(&self, id: DoorId) -> Option<&ServerUrl> {
        self.urls.get(id.0)
    }

    /// The door of a name with its port, as the library asks for it.
    pub(super) fn named(&self, name_and_port: &str) -> Option<DoorId> {
        self.iter().find(|(id, url)| name(*id, url.port) == name_and_port).map(|(id, _)| id)
    }

    /// The addresses that the library is told.
    pub(super) fn disguises(&self, id: DoorId) -> Vec<SocketAddr> {
        let port = self.url(id).map_or(0, |url| url.port);
        [true, false].map(|is_v4| disguise(id, is_v4, port)).to_vec()
    }

    /// How the relay is known over TLS.
    pub(super) const fn pin(&self) -> Option<Pin> {
        self.pin
    }
}

/// The address that stands for a door.
pub(super) fn disguise(DoorId(index): DoorId, is_v4: bool, port: u16) -> SocketAddr {
    let last = u8::try_from(index + 1).unwrap_or(u8::MAX);
    let ip = if is_v4 {
        let [a, b, c] = DISGUISE_V4;
        IpAddr::V4(Ipv4Addr::new(a, b, c, last))
    } else {
        let [a, b, c, d, e, f, g] = DISGUISE_V6;
        IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, last.into()))
    };
    SocketAddr::new(ip, port)
}

/// The door that an address stands for. Looked at for every packet.
pub(super) fn behind(address: SocketAddr) -> Option<DoorId> {
    let last = match address {
        SocketAddr::V4(v4) => {
            let [a, b, c, last] = v4.ip().octets();
            ([a, b, c] == DISGUISE_V4).then_some(last)
        }
        SocketAddr::V6(v6) => {
            let [head @ .., last] = v6.ip().segments();
            (head == DISGUISE_V6).then(|| u8::try_from(last).unwrap_or_default())
        }
    };
    last.and_then(|last| usize::from(last).checked_sub(1)).map(DoorId)
}

fn name(DoorId(index): DoorId, port: u16) -> String {
    format!("door-{index}.{DOMAIN}:{port}")
}

fn has_credentials(relay: &crate::logic::servers::RelayAccess) -> bool {
    !relay.username.is_empty() && !relay.password.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::servers::RelayAccess;

    fn doors(password: &str) -> Doors {
        let relay = RelayAccess {
            doors: Servers::urls(&["turn:[2001:db8::1]:3478".into(), "turns:relay.example:443".into()]),
            username: "ada".into(),
            password: password.into(),
            pin: None,
        };
        Doors::new(&Servers { stun: Servers::urls(&["stun:192.0.2.1".into()]), relay: Some(relay) })
    }

    #[test]
    fn the_library_understands_what_it_is_told_and_it_leads_back() {
        let doors = doors("pw");
        let told = doors.ice_servers();
        assert_eq!(told.len(), 3);
        for ((id, url), server) in doors.iter().zip(&told) {
            let understood = server.urls().unwrap();
            assert_eq!((understood.len(), understood[0].port), (1, url.port));
            assert_eq!(doors.named(&format!("{}:{}", understood[0].host, understood[0].port)), Some(id));
            for disguise in doors.disguises(id) {
                assert_eq!((behind(disguise), disguise.port()), (Some(id), url.port));
            }
        }
        assert_eq!(doors.named("relay.example:443"), None);
        assert_eq!(doors.named("door-9.sightline.invalid:443"), None);
    }

    #[test]
    fn without_credentials_the_other_servers_remain() {
        let doors = doors("");
        assert_eq!(doors.iter().map(|(_, url)| url.service).collect::<Vec<_>>(), [Service::Stun]);
    }

    #[test]
    fn no_real_address_is_taken_for_a_door() {
        for address in
            ["192.0.2.1:1", "240.0.1.1:1", "240.0.0.0:1", "255.255.255.255:1", "[100::]:1", "[100::1:1]:1"]
        {
            assert_eq!(behind(address.parse().unwrap()), None, "{address}");
        }
    }
}
