//! Which path a call between two computers would take, from what each of them saw; and afterwards, whether it did.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Family, Filtering, Mapping, Nat, Observations};
use crate::logic::{
    interfaces::InterfaceKind,
    path::{PathPolicy, Route},
    servers::Transport,
};

/// How a call would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicted {
    /// From computer to computer.
    Direct,
    /// Over a relay.
    Relayed,
    /// Not at all.
    None,
}

/// How sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Something that matters could not be found out.
    Perhaps,
    /// Everything that was found speaks for it.
    Likely,
}

/// What is expected of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// How it would go.
    pub route: Predicted,
    /// How sure that is.
    pub likelihood: Likelihood,
    /// How we would reach the relay.
    pub ours: Option<Transport>,
    /// How they would.
    pub theirs: Option<Transport>,
    /// The whole in a sentence or two, with the reason.
    pub sentence: String,
}

/// What became of a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "score", rename_all = "snake_case")]
pub enum Score {
    /// It came as expected.
    Right,
    /// It came otherwise.
    Wrong {
        /// How.
        came: Predicted,
    },
    /// The call was told which paths to take, so it says nothing.
    NotComparable,
}

/// What to expect. “You” is whoever made the first of the two, and the sentence is for them.
pub fn predict(mine: &Observations, theirs: &Observations) -> Prediction {
    let (ours, at_theirs) = (best_relay(mine), best_relay(theirs));
    let obstacle = match direct(mine, theirs) {
        Ok((likelihood, why)) => {
            let sentence = format!("A call between you would {} be direct: {why}.", adverb(likelihood));
            return Prediction { route: Predicted::Direct, likelihood, ours: None, theirs: None, sentence };
        }
        Err(obstacle) => obstacle,
    };
    let relayed = |likelihood, ours: Option<Transport>, theirs: Option<Transport>| {
        let by = |transport: Option<Transport>| transport.map_or("UDP", Transport::name);
        let ways = if by(ours) == by(theirs) {
            format!("by {} on both sides", by(ours))
        } else {
            format!("by {} on your side and {} on theirs", by(ours), by(theirs))
        };
        let sentence =
            format!("A call between you would {} be relayed, {ways}: {obstacle}.", adverb(likelihood));
        Prediction { route: Predicted::Relayed, likelihood, ours, theirs, sentence }
    };
    match (ours, at_theirs) {
        (Some(ours), Some(theirs)) => relayed(Likelihood::Likely, Some(ours), Some(theirs)),
        (Some(ours), None) if theirs.udp_answers() => relayed(Likelihood::Perhaps, Some(ours), None),
        (None, Some(theirs)) if mine.udp_answers() => relayed(Likelihood::Perhaps, None, Some(theirs)),
        (Some(_), None) => nothing(obstacle, "their side does not reach the relay in any way"),
        (None, Some(_)) => nothing(obstacle, "your side does not reach the relay in any way"),
        (None, None) => nothing(obstacle, "neither side reaches a relay"),
    }
}

/// Whether the call came as expected. Only of a call that was accepted, and told to take any path, is anything learnt.
pub fn score(prediction: &Prediction, policy: PathPolicy, route: Route) -> Score {
    if policy != PathPolicy::Any {
        return Score::NotComparable;
    }
    let came = match route {
        Route::None => Predicted::None,
        Route::Direct => Predicted::Direct,
        Route::RelayedByUs | Route::RelayedByThem | Route::RelayedByBoth => Predicted::Relayed,
    };
    if came == prediction.route { Score::Right } else { Score::Wrong { came } }
}

fn nothing(obstacle: &str, relay: &str) -> Prediction {
    Prediction {
        route: Predicted::None,
        likelihood: Likelihood::Likely,
        ours: None,
        theirs: None,
        sentence: format!("A call between you would not connect: {obstacle}, and {relay}."),
    }
}

const fn adverb(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::Likely => "most likely",
        Likelihood::Perhaps => "perhaps",
    }
}

fn best_relay(seen: &Observations) -> Option<Transport> {
    seen.relay_transports().first().copied()
}

/// Why it would be direct, or what is in the way.
fn direct(mine: &Observations, theirs: &Observations) -> Result<(Likelihood, &'static str), &'static str> {
    if share_a_network(mine, theirs) {
        return Ok((Likelihood::Likely, "both computers are in the same network"));
    }
    if !mine.udp_answers() {
        return Err("UDP does not get through on your side");
    }
    if !theirs.udp_answers() {
        return Err("UDP does not get through on their side");
    }
    let both = |family| Some((mine.nat(family)?, theirs.nat(family)?));
    let ways: Vec<_> = [Family::V6, Family::V4].into_iter().filter_map(both).collect();
    let tried: Vec<_> = ways.iter().map(|(mine, theirs)| between(mine, theirs)).collect();
    let best = tried.iter().flatten().max_by_key(|(likelihood, _)| *likelihood);
    match best {
        Some(best) => Ok(*best),
        None if may_have_ipv6(mine) && may_have_ipv6(theirs) => {
            Ok((Likelihood::Perhaps, "both sides have IPv6, over which the server could not be asked"))
        }
        None => Err(first_obstacle(&tried)),
    }
}

/// There is a way out over IPv6, and nothing is known against it.
fn may_have_ipv6(seen: &Observations) -> bool {
    let was_asked = seen.stun.iter().any(|asked| asked.server.is_ipv6());
    let is_global = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.segments()[0] & 0xe000 == 0x2000);
    let has_way = seen.network.ways_out.iter().any(|way| is_global(way.from));
    seen.nat(Family::V6).is_some() || (has_way && !was_asked)
}

fn first_obstacle(tried: &[Result<(Likelihood, &'static str), &'static str>]) -> &'static str {
    let obstacle = tried.iter().find_map(|tried| tried.as_ref().err().copied());
    obstacle.unwrap_or("one side has IPv4 and the other IPv6 only")
}

/// Whether two packets that each side sends towards the other meet.
fn between(mine: &Nat, theirs: &Nat) -> Result<(Likelihood, &'static str), &'static str> {
    if mine.mapping != Mapping::NoNat && mine.public.ip() == theirs.public.ip() {
        return match (mine.hairpin, theirs.hairpin) {
            (Some(true), Some(true)) => {
                Ok((Likelihood::Likely, "both are behind one router, which lets its own reach each other"))
            }
            (None, _) | (_, None) => Ok((Likelihood::Perhaps, "both are behind one router")),
            (Some(false), Some(_)) | (Some(_), Some(false)) => {
                Err("both are behind one router that does not let its own reach each other")
            }
        };
    }
    match (varies(mine), varies(theirs)) {
        (false, false) => {
            let is_known = mine.mapping != Mapping::Unknown && theirs.mapping != Mapping::Unknown;
            match (mine.mapping, theirs.mapping) {
                (Mapping::NoNat, Mapping::NoNat) => {
                    Ok((Likelihood::Likely, "no router in between changes an address"))
                }
                _ if is_known => {
                    Ok((Likelihood::Likely, "the routers in between show everybody the same address"))
                }
                _ => Ok((Likelihood::Perhaps, "nothing was found that is in the way")),
            }
        }
        (true, false) => lets_in(theirs).ok_or(
            "your router shows each destination another address, and theirs lets in only whom it knows to the port",
        ),
        (false, true) => lets_in(mine).ok_or(
            "their router shows each destination another address, and yours lets in only whom it knows to the port",
        ),
        (true, true) => Err("both routers show each destination another address"),
    }
}

fn varies(nat: &Nat) -> bool {
    nat.mapping == Mapping::Varies
}

/// Whether somebody gets in whose port is not known beforehand.
const fn lets_in(nat: &Nat) -> Option<(Likelihood, &'static str)> {
    match (nat.filtering, nat.mapping) {
        (Filtering::Open | Filtering::ByAddress, _) => {
            Some((Likelihood::Likely, "one router changes addresses, but the other side lets everybody in"))
        }
        (Filtering::Unknown, Mapping::NoNat) => {
            Some((Likelihood::Perhaps, "one router changes addresses, but the other side has none in front"))
        }
        (Filtering::Unknown | Filtering::ByAddressAndPort | Filtering::AtLeastByPort, _) => None,
    }
}

/// Addresses of private networks are the same in every other home, so the way out has to be one as well.
fn share_a_network(mine: &Observations, theirs: &Observations) -> bool {
    let same_way_out = Family::BOTH.iter().any(|family| match (mine.nat(*family), theirs.nat(*family)) {
        (Some(mine), Some(theirs)) if mine.mapping == Mapping::NoNat => {
            network_of(mine.public.ip()) == network_of(theirs.public.ip())
        }
        (Some(mine), Some(theirs)) => mine.public.ip() == theirs.public.ip(),
        (None, _) | (_, None) => false,
    });
    same_way_out && (have_one(mine, theirs, routers) || have_one(mine, theirs, networks))
}

fn have_one<T: PartialEq>(
    mine: &Observations,
    theirs: &Observations,
    of: impl Fn(&Observations) -> Vec<T>,
) -> bool {
    let theirs = of(theirs);
    of(mine).iter().any(|one| theirs.contains(one))
}

fn routers(seen: &Observations) -> Vec<IpAddr> {
    seen.network.ways_out.iter().filter_map(|way| way.through).collect()
}

fn networks(seen: &Observations) -> Vec<(Family, u128)> {
    seen.network
        .usable()
        .filter(|one| one.kind != InterfaceKind::Vpn)
        .map(|one| network_of(one.address))
        .collect()
}

/// The part of an address that computers near each other have in common, in the size that networks usually have.
const fn network_of(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(ip) => (Family::V4, (ip.to_bits() >> 8) as u128),
        IpAddr::V6(ip) => (Family::V6, ip.to_bits() >> 64),
    }
}
