//! What becomes of a call when its network changes: how long nothing is heard.
//!
//! The gap is measured in the recordings of both ends, in which the test sound hums without a pause; the longer one
//! counts. What the decoder makes up for a lost packet hides the first 40 to 60 ms of it.

use std::{thread, time::Duration};

use super::{
    call::{Account, Call, Told},
    measure::{Heard, listen, median, rounds, skipped, tell, tell_story},
    router::Nat,
    world::{Home, Plan, Who, World},
};
use crate::support::programs::our_turn;

/// From the start of a call until both see each other.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
/// Long enough that everything that follows a beginning has happened.
const SETTLED: Duration = Duration::from_secs(3);
/// What a machine that builds and tests beside this may add.
const BUSY: Duration = Duration::from_millis(500);
/// How long a call goes on after the longest gap that is borne.
const AFTER: Duration = Duration::from_secs(4);

/// One change, in a call of its own. What it does may take its time; the call goes on for a while after it.
fn change(name: &str, plan: Plan, wanted_ms: u64, turn: impl Fn(&mut World)) -> Option<Told> {
    change_after(name, plan, Duration::ZERO, wanted_ms, turn)
}

/// One with a silence that nobody can avoid; what it lasts beyond that counts.
fn change_after(
    name: &str,
    plan: Plan,
    unavoidable: Duration,
    wanted_ms: u64,
    turn: impl Fn(&mut World),
) -> Option<Told> {
    let _turn = our_turn();
    let wanted = Duration::from_millis(wanted_ms);
    let mut gaps = Vec::new();
    let mut last = None;
    for _ in 0..rounds() {
        // Each time a new world: what was changed stays changed.
        let mut world = match World::build(plan) {
            Ok(world) => world,
            Err(missing) => {
                skipped(&missing);
                return None;
            }
        };
        let call = Call::start(&world, &["--record", "REC"]).seen(SEEN_WITHIN);
        thread::sleep(SETTLED);
        turn(&mut world);
        thread::sleep(3 * wanted + AFTER);
        let told = call.hang_up();
        tell_story(&told);
        let heard = told.accounts().map(|account| listen(account.sound.as_deref().unwrap_or_default()));
        went_on(name, &told, heard);
        gaps.push(heard[0].gap.max(heard[1].gap).saturating_sub(unavoidable));
        last = Some(told);
    }
    let how = last.as_ref().map(|told| told.caller.sentence().to_owned()).unwrap_or_default();
    tell(name, &how, "longest gap in the sound", &gaps, wanted);
    let median = median(&gaps);
    let told = last.as_ref().map(Told::in_words).unwrap_or_default();
    assert!(median <= 3 * wanted + BUSY, "{name}: {median:?} of silence\n{told}");
    last
}

fn went_on(name: &str, told: &Told, heard: [Heard; 2]) {
    for (account, heard) in told.accounts().into_iter().zip(heard) {
        let said = told.in_words();
        assert_eq!(account.code, 0, "{name}: the call has to outlive it, {heard:?}\n{said}");
        assert!(heard.chirps >= 3 && heard.length > SETTLED, "{name}: {heard:?}\n{said}");
    }
}

fn reconnected(account: &Account) -> bool {
    account.stages().iter().any(|(_, stage)| *stage == "reconnecting")
}

/// Two homes that can have a direct path, the first with a second way out.
const fn two_ways() -> Plan {
    let home = Home { second: Some(Nat::Cone), ..Home::behind(Nat::Cone) };
    Plan { a: home, b: home, ..Plan::of(Nat::Cone, Nat::Cone) }
}

#[test]
fn a_cable_is_plugged_in_and_the_wifi_goes() {
    let told = change("Wi-Fi → cable, with notice", two_ways(), 300, |world| {
        world.route_by_source(Who::A);
        world.plug_in(Who::A);
        thread::sleep(Duration::from_secs(3));
        world.unplug(Who::A);
    });
    if let Some(told) = told {
        for account in told.accounts() {
            assert_eq!(account.route(), "direct", "{}", told.in_words());
            assert!(!reconnected(account), "there was a path all the time\n{}", told.in_words());
        }
    }
}

#[test]
fn the_wifi_goes_while_there_is_no_switchboard() {
    // The other side can be reached without asking any server for one's address, for there is none.
    let plan = Plan { a: two_ways().a, ..Plan::of(Nat::Cone, Nat::Open) };
    let told = change("Wi-Fi → cable, while the switchboard is gone", plan, 300, |world| {
        world.servers.stop();
        world.route_by_source(Who::A);
        world.plug_in(Who::A);
        thread::sleep(Duration::from_secs(4));
        world.unplug(Who::A);
    });
    if let Some(told) = told {
        assert!(!reconnected(&told.caller), "agreed on over the call's own path\n{}", told.in_words());
    }
}

#[test]
fn a_better_way_out_takes_the_old_path_away() {
    change("Wi-Fi → cable, which takes everything at once", two_ways(), 1500, |world| {
        world.plug_in(Who::A);
        thread::sleep(Duration::from_secs(3));
        world.unplug(Who::A);
    });
}

#[test]
fn the_only_address_is_replaced() {
    change("the only address is replaced", Plan::of(Nat::Cone, Nat::Cone), 1500, |world| {
        world.replace_address(Who::A);
    });
}

#[test]
fn a_nat_forgets_its_mappings() {
    // Symmetric, so that the new mapping is another one.
    change("the NAT forgets its mapping", Plan::of(Nat::Symmetric, Nat::FullCone), 1500, |world| {
        world.forget_mappings(Who::A);
    });
}

#[test]
fn udp_becomes_blocked() {
    let told = change("UDP becomes blocked", Plan::of(Nat::Cone, Nat::Cone), 3000, |world| {
        world.set_nat(Who::A, Nat::NoUdp);
    });
    if let Some(told) = told {
        assert!(matches!(told.relayed_over(), Some("tls" | "tcp")), "{}", told.in_words());
    }
}

#[test]
fn the_server_restarts_during_a_relayed_call() {
    let plan = Plan::of(Nat::Symmetric, Nat::Symmetric);
    change("the server restarts during a relayed call", plan, 3000, World::restart_server);
}

#[test]
fn both_sides_change_at_once() {
    change("both sides change at once", two_ways(), 3000, |world| {
        for who in [Who::A, Who::B] {
            world.unplug(who);
            world.plug_in(who);
        }
    });
}

#[test]
fn a_black_out_of_twenty_seconds() {
    const DARK: Duration = Duration::from_secs(20);
    let told = change_after("black-out of 20 s", Plan::of(Nat::Cone, Nat::Cone), DARK, 2000, |world| {
        world.link(Who::A, "blackout");
        thread::sleep(DARK);
        world.link(Who::A, "blackout=off");
    });
    if let Some(told) = told {
        assert!(reconnected(&told.caller), "twenty seconds of nothing are said\n{}", told.in_words());
    }
}
