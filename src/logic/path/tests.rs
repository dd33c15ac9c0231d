//! Situations that a call can be in, and what is said of them.

mod situations;
mod story;

use std::net::SocketAddr;

use super::*;
use crate::logic::{
    candidate::Kind,
    course::Step,
    interfaces::{Flags, InterfaceSeen, judge, settle},
    servers::{RelayAccess, ServerUrl},
    sightings::{PairSeen, ServerSeen, Trouble},
};

/// Our address, the world's view of it, a relay's address that it lends; and theirs.
const US: &str = "192.168.1.7:40000";
const US_OUTSIDE: &str = "198.51.100.5:40000";
const LENT: &str = "203.0.113.10:50000";
const THEM: &str = "10.0.0.3:41000";
const THEM_OUTSIDE: &str = "192.0.2.77:41000";
const LENT_TO_THEM: &str = "203.0.113.10:50010";
const LEG: u32 = 1;

const STUN: &str = "stun:203.0.113.10:3478";
const UDP: &str = "turn:relay.example:3478?transport=udp";
const TCP: &str = "turn:relay.example:3478?transport=tcp";
const TLS: &str = "turns:relay.example:443?transport=tcp";

/// A call as far as it has come.
struct Situation {
    path: Path,
    seen: Sightings,
}

impl Situation {
    fn new() -> Self {
        Self::with(PathPolicy::Any)
    }

    fn with(policy: PathPolicy) -> Self {
        let mut path = Path::new(policy);
        path.note_leg_opened(0, LEG, LegWhy::First, false);
        path.note_link(1, LEG, Link::Checking);
        Self { path, seen: Sightings::default() }
    }

    fn interfaces(mut self, named: &[(&str, &str, bool)]) -> Self {
        let mut seen: Vec<_> = named
            .iter()
            .map(|(name, address, up)| {
                judge(name, Flags { up: *up, ..Flags::default() }, address.parse().unwrap())
            })
            .collect();
        if seen.iter().any(|one: &InterfaceSeen| !one.address.is_loopback()) {
            seen.retain(|one| !one.address.is_loopback());
            settle(&mut seen, 8);
        }
        self.path.note_interfaces(0, seen);
        self
    }

    fn told(mut self, urls: &[&str]) -> Self {
        let (stun, doors) = urls
            .iter()
            .map(|url| url.parse::<ServerUrl>().unwrap())
            .partition(|url| url.service == crate::logic::servers::Service::Stun);
        let relay = RelayAccess { doors, username: "user".into(), password: "secret".into(), pin: None };
        self.path.note_servers(LEG, &Servers { stun, relay: Some(relay) });
        self
    }

    fn server(mut self, url: &str, change: impl FnOnce(&mut ServerSeen)) -> Self {
        let url: ServerUrl = url.parse().unwrap();
        let mut server = ServerSeen {
            address: Some(SocketAddr::new("203.0.113.10".parse().unwrap(), url.port)),
            url,
            from: at(US).ip(),
            reached_ms: None,
            asked: 1,
            answered: 0,
            round_trip_ms: None,
            done_ms: None,
            mapped: None,
            relayed: None,
            trouble: None,
        };
        change(&mut server);
        self.seen.servers.push(server);
        self
    }

    /// A server that tells us our address.
    fn mapped(self, url: &str, mapped: &str) -> Self {
        self.server(url, |server| {
            server.answered = 1;
            server.done_ms = Some(23);
            server.mapped = Some(at(mapped));
        })
    }

    /// A relay that lends us an address.
    fn lends(self, url: &str) -> Self {
        self.server(url, |server| {
            server.asked = 2;
            server.answered = 2;
            server.done_ms = Some(51);
            server.relayed = Some(at(LENT));
            server.reached_ms =
                (server.url.transport != crate::logic::servers::Transport::Udp).then_some(25.0);
        })
    }

    fn trouble(self, url: &str, trouble: Trouble) -> Self {
        self.server(url, |server| server.trouble = Some(trouble))
    }

    fn silent(self, url: &str) -> Self {
        self.trouble(url, Trouble::NoAnswer)
    }

    fn ours(mut self, kind: &str, address: &str) -> Self {
        self.path.note_local(5, LEG, &line(kind, address));
        self
    }

    fn theirs(mut self, kind: &str, address: &str) -> Self {
        self.path.note_remote(40, LEG, &line(kind, address));
        self
    }

    fn both_named(self) -> Self {
        self.ours("host", US).ours("srflx", US_OUTSIDE).theirs("host", THEM).theirs("srflx", THEM_OUTSIDE)
    }

    fn pair(mut self, local: &str, remote: &str, [sent, answered, heard]: [u32; 3]) -> Self {
        self.seen.pairs.push(PairSeen {
            local: at(local),
            remote: at(remote),
            sent,
            answered,
            heard,
            replied: heard,
            round_trip_ms: (answered > 0).then_some(23.4),
            round_trips_ms: 23.4 * f64::from(answered),
            round_trips: answered,
            last_heard_ms: (heard + answered > 0).then_some(100),
            bytes_sent: u64::from(sent) * 100,
            bytes_received: u64::from(heard + answered) * 100,
        });
        self
    }

    fn seen(&mut self) {
        self.path.note_sightings(200, LEG, self.seen.clone());
    }

    /// The call stands, on this pair.
    fn up(mut self, local: (Kind, &str), remote: (Kind, &str)) -> Path {
        self.seen();
        self.path.note_link(300, LEG, Link::Up);
        self.path.note_leg_in_use(300, LEG);
        self.path.take_in_use(310, LEG, pair(local, remote, Some(48.2)));
        self.path
    }

    fn failed(self) -> Path {
        self.ended(EndReason::ConnectFailed(Step::Checks))
    }

    fn ended(mut self, reason: EndReason) -> Path {
        self.seen();
        self.path.note_link(9_000, LEG, Link::Failed);
        self.path.note_end(15_000, reason);
        self.path
    }

    fn so_far(mut self) -> Path {
        self.seen();
        self.path
    }
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn line(kind: &str, address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap();
    let host = host.trim_matches(['[', ']']);
    let behind = match kind {
        "host" => "",
        _ => " raddr 192.168.1.7 rport 40000",
    };
    format!("candidate:1 1 udp 2130706431 {host} {port} typ {kind}{behind}")
}

fn end((kind, address): (Kind, &str)) -> End {
    let address = at(address);
    End {
        kind,
        address: address.ip().to_string(),
        port: address.port(),
        protocol: "udp".into(),
        server: None,
    }
}

fn pair(local: (Kind, &str), remote: (Kind, &str), round_trip_ms: Option<f64>) -> PairInUse {
    PairInUse { local: end(local), remote: end(remote), round_trip_ms, bytes_sent: 10, bytes_received: 20 }
}
