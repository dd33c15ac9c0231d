//! The view of one leg that everything is judged from: ways to servers, and pairs of addresses by the way they take.

use std::net::{IpAddr, SocketAddr};

use crate::logic::{
    candidate::Kind,
    course::Link,
    servers::{ServerUrl, Service, Transport},
    sightings::{PairSeen, ServerSeen},
};

use super::{
    End, Path, causes,
    leg::{Candidates, LegNotes},
    report::{EdgeStatus, PairState},
};

/// So many checks may be unanswered before that means anything: answers take their time, and packets are lost.
const FEW_CHECKS: u32 = 3;

/// See the head of this file.
pub(super) struct Facts<'a> {
    pub(super) path: &'a Path,
    pub(super) leg: Option<&'a LegNotes>,
    pub(super) doors: Vec<Door<'a>>,
    pub(super) pairs: Vec<PairFact<'a>>,
}

/// One way to one server, from all addresses of ours together.
pub(super) struct Door<'a> {
    pub(super) url: &'a ServerUrl,
    pub(super) seen: Vec<&'a ServerSeen>,
    pub(super) status: EdgeStatus,
}

/// Which way a pair of addresses goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    OverOurRelay,
    OverTheirRelay,
    OverBoth,
}

pub(super) struct PairFact<'a> {
    pub(super) seen: &'a PairSeen,
    pub(super) local_kind: Kind,
    pub(super) remote_kind: Kind,
    pub(super) way: Way,
    pub(super) in_use: bool,
    pub(super) state: PairState,
}

/// The checks of several pairs, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    pub(super) sent: u32,
    pub(super) answered: u32,
    pub(super) heard: u32,
}

impl<'a> Facts<'a> {
    pub(super) fn of(path: &'a Path) -> Self {
        Self::of_leg(path, telling_leg(path))
    }

    pub(super) fn of_leg(path: &'a Path, leg: Option<&'a LegNotes>) -> Self {
        let mut facts = Self { path, leg, doors: Vec::new(), pairs: Vec::new() };
        if let Some(leg) = leg {
            facts.doors = doors(leg);
            facts.pairs = leg.seen.pairs.iter().map(|seen| facts.pair(leg, seen)).collect();
        }
        facts
    }

    /// Whether nothing more is to be expected of this leg's pairs.
    pub(super) fn is_concluded(&self) -> bool {
        self.path.ended.is_some()
            || self
                .leg
                .is_some_and(|leg| leg.up_ms.is_some() || leg.closed_ms.is_some() || leg.link == Link::Failed)
    }

    pub(super) fn checks(&self, of: impl Fn(Way) -> bool) -> Checks {
        let mut sum = Checks::default();
        for pair in self.pairs.iter().filter(|pair| of(pair.way)) {
            sum.sent += pair.seen.sent;
            sum.answered += pair.seen.answered;
            sum.heard += pair.seen.heard;
        }
        sum
    }

    pub(super) fn relay_doors(&self) -> impl Iterator<Item = &Door<'a>> {
        self.doors.iter().filter(|door| door.url.service == Service::Turn)
    }

    pub(super) fn has_relay(&self) -> bool {
        self.leg.is_some_and(|leg| leg.seen.servers.iter().any(|server| server.relayed.is_some()))
    }

    pub(super) fn local(&self) -> Option<&'a Candidates> {
        self.leg.map(|leg| &leg.local)
    }

    pub(super) fn remote(&self) -> Option<&'a Candidates> {
        self.leg.map(|leg| &leg.remote)
    }

    /// Datagrams get out of this network.
    pub(super) fn some_udp_gets_out(&self) -> bool {
        let servers = self.doors.iter().any(|door| {
            door.url.transport == Transport::Udp && door.seen.iter().any(|seen| seen.answered > 0)
        });
        let far = |pair: &PairFact<'_>| {
            pair.local_kind != Kind::Relay && pair.seen.answered > 0 && !is_inside(pair.seen.remote.ip())
        };
        servers || self.pairs.iter().any(far)
    }

    /// Datagrams to a server were not answered, while streams to the same computer were.
    pub(super) fn lets_no_udp_out(&self) -> bool {
        // A stream takes more ways there and back than a datagram does, so what it has overtaken is lost.
        let lost = |door: &&Door<'_>| {
            door.url.transport == Transport::Udp && (causes::is_unanswered(door) || causes::is_overdue(door))
        };
        !self.some_udp_gets_out()
            && self.doors.iter().filter(lost).any(|door| self.other_way_in(door).is_some())
    }

    /// Another way into the same computer that works.
    pub(super) fn other_way_in(&self, door: &Door<'_>) -> Option<&Door<'a>> {
        let ip = |door: &Door<'_>| door.seen.iter().find_map(|seen| seen.address).map(|address| address.ip());
        self.doors.iter().find(|other| {
            let same = other.url.host == door.url.host || (ip(other).is_some() && ip(other) == ip(door));
            // A stream that stands has reached the computer, whatever the server says on it then.
            let reached =
                other.status == EdgeStatus::Works || other.seen.iter().any(|seen| seen.reached_ms.is_some());
            same && other.url.transport != door.url.transport && reached
        })
    }

    /// Servers were asked, and none has answered in any way.
    pub(super) fn nothing_gets_out(&self) -> bool {
        let heard = |seen: &ServerSeen| seen.answered > 0 || seen.reached_ms.is_some();
        let failed = self.doors.iter().filter(|door| door.status == EdgeStatus::Failed).count();
        failed > 0
            && self.doors.iter().all(|door| !matches!(door.status, EdgeStatus::Works | EdgeStatus::Unknown))
            && !self.doors.iter().flat_map(|door| &door.seen).any(|seen| heard(seen))
            && self.doors.iter().all(|door| door.seen.is_empty() || causes::is_out_of_reach(door))
    }

    /// The relay that lends us this address.
    pub(super) fn relay_of(&self, end: &End) -> Option<&'a ServerSeen> {
        let is_it = |lent: SocketAddr| lent.ip().to_string() == end.address && lent.port() == end.port;
        self.leg?.seen.servers.iter().find(|server| server.relayed.is_some_and(is_it))
    }

    /// The name of a relay of theirs, where it is one that we know.
    pub(super) fn name_of_relay_at(&self, address: &str) -> String {
        let ip = address.parse::<IpAddr>().ok();
        let at = |place: Option<SocketAddr>| place.is_some() && place.map(|place| place.ip()) == ip;
        let known = self
            .leg
            .and_then(|leg| leg.seen.servers.iter().find(|server| at(server.address) || at(server.relayed)))
            .map(|server| server.url.host.clone());
        known.unwrap_or_else(|| address.to_owned())
    }

    /// Whether that is the name of a server that this side uses as well.
    pub(super) fn is_our_server(&self, name: &str) -> bool {
        self.leg.is_some_and(|leg| leg.seen.servers.iter().any(|server| server.url.host == name))
    }

    fn pair(&self, leg: &'a LegNotes, seen: &'a PairSeen) -> PairFact<'a> {
        let lent = leg.seen.servers.iter().any(|server| server.relayed == Some(seen.local));
        let local_kind =
            if lent || is_named(&leg.local, seen.local, Kind::Relay) { Kind::Relay } else { Kind::Host };
        let remote = (seen.remote.ip().to_string(), seen.remote.port());
        let named = leg.remote.list.iter().find(|(_, candidate)| candidate.is_at(&remote.0, remote.1));
        let remote_kind = named.map_or(Kind::PeerReflexive, |(_, candidate)| candidate.kind);
        let way = match (local_kind == Kind::Relay, remote_kind == Kind::Relay) {
            (false, false) => Way::Direct,
            (true, false) => Way::OverOurRelay,
            (false, true) => Way::OverTheirRelay,
            (true, true) => Way::OverBoth,
        };
        let in_use = self.path.in_use == Some(leg.generation)
            && leg.pair.as_ref().is_some_and(|pair| {
                let ours = (pair.local.kind == Kind::Relay) == (local_kind == Kind::Relay);
                let base = pair.local.kind != Kind::Host && local_kind == Kind::Host;
                let here =
                    pair.local.address == seen.local.ip().to_string() && pair.local.port == seen.local.port();
                ours && (here || base) && pair.remote.address == remote.0 && pair.remote.port == remote.1
            });
        let state = if in_use {
            PairState::InUse
        } else if seen.answered > 0 {
            PairState::Succeeded
        } else if seen.heard > 0 && seen.sent >= FEW_CHECKS {
            PairState::OneWay
        } else if self.is_concluded() && seen.sent > 0 {
            PairState::Failed
        } else if seen.sent == 0 && seen.heard == 0 {
            PairState::Waiting
        } else {
            PairState::InProgress
        };
        PairFact { seen, local_kind, remote_kind, way, in_use, state }
    }
}

impl Checks {
    /// Enough was sent to say that silence means something.
    pub(super) fn are_unanswered(self) -> bool {
        self.answered == 0 && self.sent >= FEW_CHECKS
    }
}

/// An address that means something only inside one network.
pub(super) fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let of_carrier = first == 100 && (64..128).contains(&second);
            address.is_private() || address.is_loopback() || address.is_link_local() || of_carrier
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unicast_link_local() || address.is_unique_local()
        }
    }
}

fn is_named(candidates: &Candidates, address: SocketAddr, kind: Kind) -> bool {
    candidates.of_kind(kind).any(|candidate| candidate.is_at(&address.ip().to_string(), address.port()))
}

fn doors(leg: &LegNotes) -> Vec<Door<'_>> {
    let mut doors: Vec<Door<'_>> = Vec::new();
    let told = leg.told.iter().flatten().map(|url| (url, None));
    let seen = leg.seen.servers.iter().map(|seen| (&seen.url, Some(seen)));
    for (url, seen) in told.chain(seen) {
        match doors.iter_mut().find(|door| door.url == url) {
            Some(door) => door.seen.extend(seen),
            None => doors.push(Door { url, seen: seen.into_iter().collect(), status: EdgeStatus::Untried }),
        }
    }
    for door in &mut doors {
        let any = |status| door.seen.iter().any(|seen| causes::status(seen) == status);
        door.status = [EdgeStatus::Works, EdgeStatus::Unknown, EdgeStatus::Failed]
            .into_iter()
            .find(|status| any(*status))
            .unwrap_or(EdgeStatus::Untried);
    }
    doors
}

/// The leg that has something to tell: the one in use, and where that is gone the one that tells most of why.
fn telling_leg(path: &Path) -> Option<&LegNotes> {
    let in_use = path.in_use.and_then(|leg| path.leg(leg));
    let stands =
        in_use.is_some_and(|leg| !matches!(leg.link, Link::Interrupted | Link::Failed | Link::Closed));
    if stands {
        return in_use;
    }
    let settled = |leg: &LegNotes| {
        let known = leg
            .seen
            .servers
            .iter()
            .filter(|server| matches!(causes::status(server), EdgeStatus::Works | EdgeStatus::Failed));
        let checks: u32 = leg.seen.pairs.iter().map(|pair| pair.sent).sum();
        (known.count(), checks, leg.generation)
    };
    let newer = path.legs.iter().filter(|leg| path.in_use.is_none_or(|in_use| leg.generation > in_use));
    newer.filter(|leg| !leg.only_direct).max_by_key(|leg| settled(leg)).or(in_use).or(path.legs.last())
}
