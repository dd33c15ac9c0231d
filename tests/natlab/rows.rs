//! Which networks end in which path, and how soon one sees the other.
//!
//! Times are told, and asserted only at three times what is wanted: machines that build and test are busy. How it ends is
//! asserted as it is.

use std::time::Duration;

use super::{
    call::{Call, Told},
    measure::{at_percent, rounds, skipped, tell, tell_story},
    router::Nat,
    server::Relay,
    world::{Home, Plan, Together, World},
};
use crate::support::programs::our_turn;

/// How a call between two networks has to end.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// From computer to computer, at addresses come by in this way.
    Direct(Address),
    /// Over a relay, to which A, or else B, speaks in one of these ways.
    Relayed(&'static [&'static str]),
    /// Whatever works, as long as it is said.
    Somehow,
}

#[derive(Clone, Copy, Debug)]
enum Address {
    /// Its own.
    Host,
    /// The one outside of its router.
    Reflexive,
}

/// More than any wanted time, and than what is asserted.
const SEEN_WITHIN: Duration = Duration::from_secs(20);
/// For a call that does not come about.
const LONGEST: Duration = Duration::from_secs(40);

fn row(name: &str, plan: Plan, ends: Ends, wanted_ms: u64) {
    let _turn = our_turn();
    let wanted = Duration::from_millis(wanted_ms);
    let world = match World::build(plan) {
        Ok(world) => world,
        Err(missing) => return skipped(&missing),
    };
    let mut measured = Vec::new();
    let mut how = String::new();
    for _ in 0..rounds() {
        let told = Call::start(&world, &[]).seen(SEEN_WITHIN).hang_up();
        tell_story(&told);
        ended_as_it_had_to(name, &told, ends);
        measured.push(told.accept_to_picture().unwrap());
        how = told.caller.sentence().to_owned();
    }
    tell(name, &how, "accept → first picture", &measured, wanted);
    let median = at_percent(&measured, 50);
    assert!(median <= 3 * wanted, "{name}: {median:?} until the first picture");
}

fn ended_as_it_had_to(name: &str, told: &Told, ends: Ends) {
    let problem = problem(told, ends);
    assert_eq!(problem, None, "{name} had to end as {ends:?}\n{}", told.in_words());
}

fn problem(told: &Told, ends: Ends) -> Option<String> {
    for account in told.accounts() {
        if account.code != 0 {
            return Some(format!("exit code {}", account.code));
        }
        let [local, remote] = account.kinds();
        let route = account.route();
        let right = match ends {
            Ends::Direct(Address::Host) => route == "direct" && local == "host" && remote == "host",
            Ends::Direct(Address::Reflexive) => {
                route == "direct" && [local, remote].iter().any(|kind| kind.ends_with("reflexive"))
            }
            Ends::Relayed(ways) => {
                route.starts_with("relayed") && told.relayed_over().is_some_and(|over| ways.contains(&over))
            }
            Ends::Somehow => route != "none",
        };
        if !right {
            return Some(format!("{route}, {local} to {remote}: {}", account.sentence()));
        }
    }
    told.accept_to_picture().is_none().then(|| "no picture".to_owned())
}

#[test]
fn same_lan() {
    let plan = Plan { together: Together::Lan, ..Plan::of(Nat::Cone, Nat::Cone) };
    row("same LAN", plan, Ends::Direct(Address::Host), 400);
}

#[test]
fn no_nat() {
    row("no NAT", Plan::of(Nat::Open, Nat::Open), Ends::Direct(Address::Host), 400);
}

#[test]
fn cone_and_cone() {
    row("cone ↔ cone", Plan::of(Nat::Cone, Nat::Cone), Ends::Direct(Address::Reflexive), 800);
}

#[test]
fn full_cone_and_symmetric() {
    let plan = Plan::of(Nat::FullCone, Nat::Symmetric);
    row("full cone ↔ symmetric", plan, Ends::Direct(Address::Reflexive), 1500);
}

#[test]
fn port_restricted_and_symmetric() {
    row("port-restricted ↔ symmetric", Plan::of(Nat::Cone, Nat::Symmetric), Ends::Somehow, 1500);
}

#[test]
fn symmetric_and_symmetric() {
    let plan = Plan::of(Nat::Symmetric, Nat::Symmetric);
    row("symmetric ↔ symmetric", plan, Ends::Relayed(&["udp"]), 1500);
}

#[test]
fn relayed_by_coturn() {
    let plan = Plan { relay: Relay::Coturn, ..Plan::of(Nat::Symmetric, Nat::Symmetric) };
    row("symmetric ↔ symmetric, coturn", plan, Ends::Relayed(&["udp"]), 1500);
}

#[test]
fn double_nat() {
    let twice = Home { carrier: Some(Nat::Cone), ..Home::behind(Nat::Cone) };
    let plan = Plan { a: twice, ..Plan::of(Nat::Cone, Nat::Cone) };
    row("double NAT ↔ cone", plan, Ends::Direct(Address::Reflexive), 800);
}

#[test]
fn behind_one_router() {
    let plan = Plan { together: Together::Router, ..Plan::of(Nat::Cone, Nat::Cone) };
    row("behind one NAT, no hairpin", plan, Ends::Direct(Address::Host), 800);
}

#[test]
fn udp_blocked_on_one_side() {
    let plan = Plan::of(Nat::NoUdp, Nat::Cone);
    row("UDP blocked ↔ cone", plan, Ends::Relayed(&["tcp", "tls"]), 2500);
}

#[test]
fn only_443_on_both() {
    let plan = Plan::of(Nat::Only443, Nat::Only443);
    row("only TCP 443 ↔ only TCP 443", plan, Ends::Relayed(&["tls"]), 2500);
}

const ONLY_IPV6: Home = Home { ipv4: false, ipv6: true, ..Home::behind(Nat::Cone) };

#[test]
fn ipv6_and_ipv6() {
    let plan = Plan { a: ONLY_IPV6, b: ONLY_IPV6, ..Plan::of(Nat::Cone, Nat::Cone) };
    row("IPv6 ↔ IPv6", plan, Ends::Direct(Address::Host), 800);
}

#[test]
fn ipv4_and_ipv6() {
    let plan = Plan { b: ONLY_IPV6, ..Plan::of(Nat::Cone, Nat::Cone) };
    row("IPv4 ↔ IPv6", plan, Ends::Relayed(&["udp"]), 1500);
}

#[test]
fn a_tenth_is_lost_while_connecting() {
    const CALLS: usize = 20;
    let _turn = our_turn();
    let world = match World::build(Plan { loss: 10.0, ..Plan::of(Nat::Cone, Nat::Cone) }) {
        Ok(world) => world,
        Err(missing) => return skipped(&missing),
    };
    let mut measured = Vec::new();
    for call in 0..CALLS {
        let told = Call::start(&world, &[]).seen(SEEN_WITHIN).hang_up();
        ended_as_it_had_to(&format!("call {call} with loss"), &told, Ends::Somehow);
        measured.push(told.accept_to_picture().unwrap());
    }
    tell(
        "10 % loss both ways, all of 20 connected",
        "95 of 100",
        "accept → first picture",
        &[at_percent(&measured, 95)],
        Duration::from_secs(3),
    );
    tell("10 % loss both ways", "all", "accept → first picture", &measured, Duration::from_secs(3));
    let most = at_percent(&measured, 95);
    assert!(most <= Duration::from_secs(9), "{measured:?}");
}

#[test]
fn nothing_is_open() {
    let _turn = our_turn();
    let world = match World::build(Plan { relay: Relay::Nobody, ..Plan::of(Nat::NoUdp, Nat::NoUdp) }) {
        Ok(world) => world,
        Err(missing) => return skipped(&missing),
    };
    let told = Call::start(&world, &["--duration", "1"]).ended(LONGEST);
    for account in told.accounts() {
        assert_eq!(account.code, 4, "{}", told.in_words());
        let stages = account.stages();
        let at = |name| stages.iter().find(|(_, stage)| *stage == name).map(|(at, _)| *at);
        let took = Duration::from_millis(at("ended").unwrap() - at("connecting").unwrap());
        tell("nothing is open", "connect failed", "accept → given up", &[took], Duration::from_secs(15));
        assert!(took <= Duration::from_secs(20), "{took:?}");
        let closed = account.report["path"]["closed"].as_str().unwrap_or_default();
        assert!(!closed.is_empty(), "what is closed is named\n{}", told.in_words());
    }
}
