//! What becomes of a file when the network of its call changes: it goes on where it was, and is whole.

use std::{thread, time::Duration};

use super::{
    call::{Call, Told},
    measure::{skipped, tell},
    router::Nat,
    world::{Home, Plan, Who, World},
};
use crate::{files::content, support::programs::our_turn};

const SEEN_WITHIN: Duration = Duration::from_secs(30);
/// With what happens in the midst of it, on a machine that builds meanwhile.
const WHOLE_WITHIN: Duration = Duration::from_secs(120);
/// Large enough to be on its way for many seconds over this link.
const LEN: usize = 5_000_000;
const LINK: &str = "rate=6M queue=100";

/// Both give a file, and something happens when a part of it is there.
fn meanwhile(name: &str, plan: Plan, turn: impl Fn(&mut World)) -> Option<Told> {
    let _turn = our_turn();
    World::build(plan).inspect_err(skipped).ok().map(|world| give_both_ways(name, world, turn))
}

fn give_both_ways(name: &str, mut world: World, turn: impl Fn(&mut World)) -> Told {
    world.link(Who::A, LINK);
    let folder = tempfile::tempdir().unwrap();
    let (given, content) = (folder.path().join("given.bin"), content(LEN, 11));
    std::fs::write(&given, &content).unwrap();
    let args = ["--save-files", "SAVED", "--send-file", given.to_str().unwrap()];
    let mut call = Call::start(&world, &args).seen(SEEN_WITHIN);
    let is_theirs = |event: &serde_json::Value| event["event"] == "file" && event["from"] == "them";
    let has_some =
        |event: &serde_json::Value| is_theirs(event) && event["done_bytes"].as_u64() > Some(LEN as u64 / 10);
    let began = std::time::Instant::now();
    let some = call.both_tell(WHOLE_WITHIN, has_some);
    turn(&mut world);
    let whole = call.both_tell(WHOLE_WITHIN, |event| is_theirs(event) && event["state"] == "done");
    let took = began.elapsed();
    // The giver hears of it last.
    thread::sleep(Duration::from_secs(1));
    let told = call.hang_up();
    for found in [some, whole] {
        found.unwrap_or_else(|why| panic!("{name}: the file is not whole {why}\n{}", told.in_words()));
    }
    for account in told.accounts() {
        assert_eq!(account.code, 0, "{name}\n{}", told.in_words());
        assert_eq!(account.saved.keys().collect::<Vec<_>>(), ["given.bin"], "{name}: no part is left");
        assert!(account.saved["given.bin"] == content, "{name}: as it was given");
        let starts = account.events.iter().filter(|event| is_theirs(event));
        let done: Vec<_> = starts.filter_map(|event| event["done_bytes"].as_u64()).collect();
        assert!(done.is_sorted(), "{name}: it never begins again, {done:?}");
    }
    tell(name, told.caller.sentence(), "5 MB both ways", &[took], Duration::from_secs(40));
    told
}

fn legs(told: &Told) -> usize {
    told.caller.report["path"]["legs"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_file_goes_on_when_the_call_moves_to_the_cable() {
    let home = Home { second: Some(Nat::Cone), ..Home::behind(Nat::Cone) };
    let plan = Plan { a: home, ..Plan::of(Nat::Cone, Nat::Cone) };
    let told = meanwhile("a file while Wi-Fi → cable", plan, |world| {
        world.route_by_source(Who::A);
        world.plug_in(Who::A);
        thread::sleep(Duration::from_secs(3));
        world.unplug(Who::A);
    });
    if let Some(told) = told {
        assert!(legs(&told) >= 2, "the call moved\n{}", told.in_words());
    }
}

#[test]
fn a_file_goes_on_after_a_black_out() {
    meanwhile("a file in a black-out of 5 s", Plan::of(Nat::Cone, Nat::Cone), |world| {
        world.link(Who::A, "blackout");
        thread::sleep(Duration::from_secs(5));
        world.link(Who::A, "blackout=off");
    });
}

#[test]
fn a_file_goes_over_a_relay_that_tls_leads_to() {
    meanwhile("a file over TLS alone", Plan::of(Nat::Only443, Nat::Only443), |_| {});
}
