//! The call's machines, two or three of them, in a world that loses, repeats, delays and reorders what they say.

use std::collections::BTreeMap;

use sightline::logic::course::{EndReason, Stage};

use crate::support::script;

/// How many scenarios are played. `SIGHTLINE_SEED=…` plays one, `SIGHTLINE_SCENARIOS=…` that many.
const SCENARIOS: u64 = 10_000;

#[test]
fn both_ends_tell_the_same_story_whatever_happens() {
    if let Some(seed) = number_from("SIGHTLINE_SEED") {
        script::play(seed).unwrap_or_else(|story| panic!("{story}"));
        return;
    }
    let mut outcomes = BTreeMap::<_, u32>::new();
    for seed in 0..number_from("SIGHTLINE_SCENARIOS").unwrap_or(SCENARIOS) {
        let world = script::play(seed).unwrap_or_else(|story| panic!("{story}"));
        for (_, stage) in world.seen.values().flat_map(|seen| &seen.stages) {
            *outcomes.entry(name(*stage)).or_default() += 1;
        }
    }
    for expected in [
        "Connected",
        "Reconnecting",
        "Normal",
        "Declined",
        "Busy",
        "Cancelled",
        "NoAnswer",
        "Unreachable",
        "ConnectFailed",
        "Lost",
        "Replaced",
    ] {
        assert!(outcomes.contains_key(expected), "no scenario led to {expected}: {outcomes:?}");
    }
}

#[test]
fn whoever_dials_first_exactly_one_of_two_crossing_calls_comes_about() {
    let seeds = number_from("SIGHTLINE_SEED").map_or(0..SCENARIOS / 4, |seed| seed..seed + 1);
    for seed in seeds {
        script::play_glare(seed).unwrap_or_else(|story| panic!("{story}"));
    }
}

#[test]
fn a_call_whose_network_changes_carries_media_again_as_soon_as_it_can() {
    let seeds = number_from("SIGHTLINE_SEED").map_or(0..SCENARIOS / 4, |seed| seed..seed + 1);
    for seed in seeds {
        script::play_moves(seed).unwrap_or_else(|story| panic!("{story}"));
    }
}

fn name(stage: Stage) -> String {
    if let Stage::Ended { reason: EndReason::ConnectFailed(_), .. } = stage {
        "ConnectFailed".to_owned()
    } else if let Stage::Ended { reason, .. } = stage {
        format!("{reason:?}")
    } else {
        format!("{stage:?}")
    }
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}
