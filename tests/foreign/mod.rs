//! Calls between our peer adapter and other people's stacks: the proof that it speaks WebRTC and not a dialect.
//!
//! Each test has a cable of its own (`network`), at whose far end a foreign program runs. In every call the first of our
//! key frames gets lost, so pictures are seen there only if their request for another is honoured.

mod chromium;
mod foreign_end;
mod meeting;
mod network;
mod our_end;

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use sightline::logic::course::Role;

use self::{
    meeting::Meeting,
    network::{Want, on_a_cable},
};

const CHROMIUM: Want = Want { program: "chromium", package: "chromium" };

/// Pictures that must have been decoded at each end: more than come by accident.
const PICTURES: u64 = 30;

#[test]
fn chromium_takes_our_offer() {
    on_a_cable("chromium_takes_our_offer", &[CHROMIUM], || async {
        let mut call = Meeting::new(Role::Caller, chromium::start(), direct());
        call.we_offer();
        call.until_up().await;
        both_see_and_hear(&mut call).await;
        key_frames_come_when_asked_for(&mut call).await;
    });
}

#[test]
fn we_take_chromiums_offer() {
    on_a_cable("we_take_chromiums_offer", &[CHROMIUM], || async {
        let mut call = Meeting::new(Role::Callee, chromium::start(), direct());
        call.they_offer();
        call.until_up().await;
        both_see_and_hear(&mut call).await;
        key_frames_come_when_asked_for(&mut call).await;
    });
}

#[test]
fn an_address_behind_a_name_of_multicast_dns_is_found() {
    on_a_cable("an_address_behind_a_name_of_multicast_dns_is_found", &[CHROMIUM], || async {
        let mut call = Meeting::new(Role::Caller, chromium::start(), direct());
        // They never learn where we are, so that a connection begins with our finding them.
        call.keep_ours = true;
        call.we_offer();
        call.until("they give their candidates", |call| !call.candidates.is_empty()).await;
        // One that nobody answers for is no reason to lose the others.
        let nobody = "candidate:1 1 udp 2113937151 00000000-0000-4000-8000-000000000000.local 9 typ host";
        call.add_candidate(nobody);
        call.until_up().await;
        assert!(call.candidates.iter().all(|line| line.contains(".local ")), "{:?}", call.candidates);
        call.until("the path is known", |call| call.ours.path.is_some()).await;
        let in_use = call.ours.path.clone().unwrap();
        assert!(in_use.remote.address.ends_with(".local"), "{in_use:?}");
    });
}

fn direct() -> Value {
    json!({ "servers": [], "policy": "all", "with_channel": false })
}

async fn both_see_and_hear(call: &mut Meeting) {
    call.until("we decode their pictures", |call| call.ours.tally.frames_shown.get() >= PICTURES).await;
    call.until("we see what they draw", |call| {
        call.ours.seen.picture().is_some_and(|(_, left, right)| left > 200 && right < 50)
    })
    .await;
    call.until("we hear what they play", |call| {
        call.ours.seen.pitch_hz.load(Ordering::Relaxed).abs_diff(440) < 10
    })
    .await;

    call.until("they ask for the key frame that got lost", |call| call.ours.asked_for_key_frames > 0).await;
    let mut pictures = json!(null);
    while pictures["framesDecoded"].as_u64().unwrap_or_default() < PICTURES {
        pictures = call.stats("inbound-rtp", "video").await;
    }
    assert_eq!((&pictures["frameWidth"], &pictures["frameHeight"]), (&json!(640), &json!(360)), "{pictures}");
    let mut sound = json!(null);
    while sound["totalAudioEnergy"].as_f64().unwrap_or_default() < 0.001 {
        sound = call.stats("inbound-rtp", "audio").await;
    }
}

async fn key_frames_come_when_asked_for(call: &mut Meeting) {
    let before = call.ours.seen.key_frames.load(Ordering::Relaxed);
    call.ours.ask_for_key_frame();
    call.until("they send a key frame", |call| call.ours.seen.key_frames.load(Ordering::Relaxed) > before)
        .await;
}
