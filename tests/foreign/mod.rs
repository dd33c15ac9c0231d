//! Calls between our peer adapter and other people's stacks: the proof that it speaks WebRTC and not a dialect.
//!
//! Each test has a cable of its own (`network`), at whose far end a foreign program runs. In every call the first of our
//! key frames gets lost, so pictures are seen there only if their request for another is honoured.

mod aiortc;
pub(crate) mod chromium;
mod foreign_end;
mod meeting;
mod network;
mod our_end;
mod relay;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sightline::logic::{candidate::Kind, course::Link, path::PathPolicy};
use sightline_protocol::call::DIRECT_CHANNEL;

use self::{
    aiortc::AIORTC,
    meeting::{Manner, Meeting},
    network::{Want, on_a_cable},
    our_end::OurEnd,
    relay::Relay,
};

const CHROMIUM: Want = Want { program: "chromium", package: "chromium" };
const NFT: Want = Want { program: "nft", package: "nftables" };

/// Pictures that must have been decoded at each end: more than come by accident.
const PICTURES: u64 = 30;

/// Packets that were lost and came again, each way, to be believed.
const REPEATED: u64 = 20;

/// A path that nothing is heard on is called interrupted no sooner than this.
const BY_SILENCE: Duration = Duration::from_secs(2);

#[test]
fn chromium_takes_our_offer() {
    on_a_cable("chromium_takes_our_offer", &[CHROMIUM], || async {
        let mut call = Meeting::new(chromium::start(), direct()).up(Meeting::we_offer).await;
        pictures_sound_and_key_frames_come(&mut call).await;
    });
}

#[test]
fn we_take_chromiums_offer() {
    on_a_cable("we_take_chromiums_offer", &[CHROMIUM], || async {
        let mut call = Meeting::new(chromium::start(), direct()).up(Meeting::they_offer).await;
        pictures_sound_and_key_frames_come(&mut call).await;
    });
}

#[test]
fn chromium_reaches_us_through_our_relay_over_udp() {
    on_a_cable("chromium_reaches_us_through_our_relay_over_udp", &[CHROMIUM], || relayed("udp"));
}

#[test]
fn chromium_reaches_us_through_our_relay_over_tcp() {
    on_a_cable("chromium_reaches_us_through_our_relay_over_tcp", &[CHROMIUM], || relayed("tcp"));
}

async fn relayed(transport: &str) {
    let relay = Relay::start().await;
    let relayed = json!({ "servers": [relay.as_ice_server(transport)], "policy": "relay", "with_media": true, "with_channel": null });
    let mut call = Meeting::new(chromium::start(), relayed).up(Meeting::we_offer).await;
    assert!(call.candidates.iter().all(|line| line.contains("typ relay")), "{:?}", call.candidates);
    assert_eq!(relay.allocations(), 1);
    both_see_and_hear(&mut call).await;
    let theirs = call.stats("local-candidate", "").await;
    assert_eq!(theirs["relayProtocol"], transport, "{theirs}");
}

#[test]
fn both_meet_at_our_relay() {
    on_a_cable("both_meet_at_our_relay", &[CHROMIUM], || async {
        let relay = Relay::start().await;
        let mut open = direct();
        open["servers"] = json!([relay.as_ice_server("tcp")]);
        open["policy"] = json!("relay");
        let ours = OurEnd::open_with(PathPolicy::Relay, relay.as_servers("udp"));
        let mut call = Meeting::with(ours, chromium::start(), open).up(Meeting::they_offer).await;
        assert_eq!(relay.allocations(), 2);
        both_see_and_hear(&mut call).await;
        let path = call.ours.path.clone().unwrap();
        assert_eq!((path.local.kind, path.remote.kind), (Kind::Relay, Kind::Relay), "{path:?}");
    });
}

#[test]
fn aiortc_takes_our_offer() {
    on_a_cable("aiortc_takes_our_offer", &[AIORTC], || async {
        let mut call = with_aiortc().up(Meeting::we_offer).await;
        pictures_sound_and_key_frames_come(&mut call).await;
    });
}

#[test]
fn we_take_aiortcs_offer() {
    on_a_cable("we_take_aiortcs_offer", &[AIORTC], || async {
        let mut call = with_aiortc().up(Meeting::they_offer).await;
        pictures_sound_and_key_frames_come(&mut call).await;
    });
}

#[test]
fn a_goodbye_of_aiortc_is_heard() {
    on_a_cable("a_goodbye_of_aiortc_is_heard", &[AIORTC], || async {
        let mut call = with_aiortc().up(Meeting::they_offer).await;
        their_goodbye_is_heard(&mut call).await;
    });
}

#[test]
fn what_gets_lost_is_repeated_both_ways() {
    on_a_cable("what_gets_lost_is_repeated_both_ways", &[CHROMIUM, NFT], || async {
        let mut call = Meeting::new(chromium::start(), direct()).up(Meeting::we_offer).await;
        both_see_and_hear(&mut call).await;
        call.theirs.lose_packets();

        let repeated = |stats: &Value, name: &str| stats[name].as_u64().unwrap_or_default() >= REPEATED;
        let (mut out, mut back) = (json!(null), json!(null));
        while !repeated(&out, "retransmittedPacketsSent") || !repeated(&back, "retransmittedPacketsReceived")
        {
            out = call.stats("outbound-rtp", "video").await;
            back = call.stats("inbound-rtp", "video").await;
        }
        let counts = call.ours.tally.pictures();
        let (shown, begun) = (call.ours.tally.frames_shown.get(), out["framesSent"].as_u64().unwrap());
        assert!(shown * 10 >= begun * 9, "{shown} of {begun} pictures came whole: {counts:?}");
        let (decoded, sent) = (back["framesDecoded"].as_u64().unwrap(), call.ours.tally.frames_sent.get());
        assert!(decoded * 10 >= sent * 9, "{decoded} of {sent} pictures came whole there: {back:#}");
    });
}

#[test]
fn a_data_channel_that_nobody_reads_is_closed() {
    on_a_cable("a_data_channel_that_nobody_reads_is_closed", &[CHROMIUM], || async {
        let mut open = direct();
        open["with_channel"] = json!("another");
        let mut call = Meeting::new(chromium::start(), open).up(Meeting::they_offer).await;
        both_see_and_hear(&mut call).await;
        call.until("their channel is closed", |call| call.said["channel"] == "closed").await;
    });
}

#[test]
fn an_address_behind_a_name_of_multicast_dns_is_found() {
    on_a_cable("an_address_behind_a_name_of_multicast_dns_is_found", &[CHROMIUM], || async {
        let mut call = Meeting::new(chromium::start(), direct());
        // They never learn where we are, so that a connection begins with our finding them.
        call.manner = Manner::Kept;
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

#[test]
fn words_go_both_ways_where_we_offer() {
    on_a_cable("words_go_both_ways_where_we_offer", &[CHROMIUM], || async {
        let mut call = Meeting::new(chromium::start(), direct()).up(Meeting::we_offer).await;
        both_say_something(&mut call).await;
    });
}

#[test]
fn words_go_both_ways_where_chromium_offers() {
    on_a_cable("words_go_both_ways_where_chromium_offers", &[CHROMIUM], || async {
        let mut open = direct();
        open["with_channel"] = json!(DIRECT_CHANNEL);
        let mut call = Meeting::new(chromium::start(), open).up(Meeting::they_offer).await;
        both_say_something(&mut call).await;
    });
}

#[test]
fn a_goodbye_of_chromium_is_heard() {
    on_a_cable("a_goodbye_of_chromium_is_heard", &[CHROMIUM], || async {
        let mut call = Meeting::new(chromium::start(), direct()).up(Meeting::we_offer).await;
        their_goodbye_is_heard(&mut call).await;
    });
}

async fn both_say_something(call: &mut Meeting) {
    call.until("their end of the channel is open", |call| call.said["channel"] == "open").await;
    call.until("ours is", |call| call.ours.say(b"from us")).await;
    call.until("they hear us", |call| call.said["message"] == "from us").await;
    call.theirs.ask("send", json!({ "text": "from them" }));
    call.until("we hear them", |call| call.ours.heard == [b"from them"]).await;
}

async fn their_goodbye_is_heard(call: &mut Meeting) {
    call.until("we decode their pictures", |call| call.ours.tally.frames_shown.get() >= PICTURES).await;
    let asked = Instant::now();
    call.theirs.ask("close", json!({}));
    call.until("we hear that they are gone", |call| call.ours.link == Link::Closed).await;
    assert!(asked.elapsed() < BY_SILENCE, "{:?}", asked.elapsed());
}

/// It takes no candidates but those in a description.
fn with_aiortc() -> Meeting {
    let mut call = Meeting::new(aiortc::start(), direct());
    call.manner = Manner::Whole;
    call
}

fn direct() -> Value {
    json!({ "servers": [], "policy": "all", "with_media": true, "with_channel": null, "words": DIRECT_CHANNEL })
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

async fn pictures_sound_and_key_frames_come(call: &mut Meeting) {
    both_see_and_hear(call).await;
    let before = call.ours.seen.key_frames.load(Ordering::Relaxed);
    call.ours.ask_for_key_frame();
    call.until("they send a key frame", |call| call.ours.seen.key_frames.load(Ordering::Relaxed) > before)
        .await;
}
