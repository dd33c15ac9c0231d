//! Two reports of one call: their clocks, what got lost in which direction, and in what they disagree.

use proptest::prelude::*;
use sightline::logic::{
    course::{EndReason, Role, Side, Stage},
    path::Route,
    proof::{Form, compare, render_both},
    report::CallReport,
};

use crate::support::reports;

fn both(ahead_ms: u64) -> (CallReport, CallReport) {
    let ours = reports::direct();
    let theirs = reports::the_other_side_of(&ours, ahead_ms);
    (ours, theirs)
}

#[test]
fn the_clocks_are_aligned_and_it_is_said_how_exactly() {
    let (ours, theirs) = both(1_234);
    let clocks = compare(&ours, &theirs).unwrap().clocks;
    let within = clocks.within_ms.unwrap();
    assert!(clocks.ahead_ms.abs_diff(1_234) <= within, "{clocks:?}");
    assert!(within <= 40 && clocks.messages >= 5, "{clocks:?}");
    assert!(clocks.sentence.contains(&format!("exact to {within} ms")), "{}", clocks.sentence);
    let turned = compare(&theirs, &ours).unwrap().clocks;
    assert!((turned.shift_ms + clocks.shift_ms).abs() <= 1, "{turned:?} {clocks:?}");
}

proptest! {
    /// Two ends with clocks that are any far apart, and messages that take any time: the truth lies where it is said to lie.
    #[test]
    fn the_truth_is_as_near_as_is_said(
        ahead in -5_000_000_i64..5_000_000,
        trips in prop::collection::vec(1_u64..900, 6),
    ) {
        let (mut caller, mut callee) = both(0);
        (caller.stages, callee.stages) = (Vec::new(), Vec::new());
        let mut now = 0;
        let mut pass = |by: u64| { now += by; now };
        caller.note_stage(0, Stage::Inviting);
        // The callee's call begins when it hears of it.
        let began = pass(trips[0]);
        caller.note_stage(pass(trips[1]), Stage::Reached);
        callee.note_stage(pass(trips[2]) - began, Stage::RingingHere);
        caller.note_stage(pass(trips[3]), Stage::RingingThere);
        callee.note_stage(pass(3_000) - began, Stage::Connecting);
        caller.note_stage(pass(trips[4]), Stage::Connecting);
        let (by_us, by_them) = (Side::Us, Side::Them);
        caller.note_stage(pass(9_000), Stage::Ended { reason: EndReason::Normal, by: by_us });
        callee.note_stage(pass(trips[5]) - began, Stage::Ended { reason: EndReason::Normal, by: by_them });
        callee.began_unix_ms = caller.began_unix_ms.checked_add_signed(ahead + began as i64).unwrap();
        let clocks = compare(&caller, &callee).unwrap().clocks;
        prop_assert_eq!(clocks.contradiction_ms, 0);
        let within = clocks.within_ms.unwrap();
        prop_assert!(clocks.ahead_ms.abs_diff(ahead) <= within, "{:?}", clocks);
        prop_assert!(within <= trips.iter().max().unwrap() + 2, "{:?}", clocks);
    }
}

#[test]
fn a_clock_that_was_set_during_the_call_is_noticed() {
    let (ours, mut theirs) = both(0);
    for stage in theirs.stages.iter_mut().filter(|stage| stage.what == Stage::Connecting) {
        stage.t_ms += 60_000;
    }
    let clocks = compare(&ours, &theirs).unwrap().clocks;
    assert!(clocks.contradiction_ms > 50_000 && clocks.sentence.contains("a clock was set"), "{clocks:?}");
}

#[test]
fn reports_that_share_no_message_are_told_by_the_calendar() {
    let (mut ours, mut theirs) = both(500);
    (ours.stages, theirs.stages) = (Vec::new(), Vec::new());
    (ours.ended_by, theirs.ended_by) = (None, None);
    ours.path.legs.clear();
    let clocks = compare(&ours, &theirs).unwrap().clocks;
    assert_eq!((clocks.messages, clocks.within_ms, clocks.shift_ms), (0, None, 540));
    assert!(clocks.sentence.contains("each computer's own clock"), "{}", clocks.sentence);
}

#[test]
fn the_direction_that_lost_packets_is_named() {
    let (ours, theirs) = both(0);
    let comparison = compare(&ours, &theirs).unwrap();
    assert!(
        comparison
            .sentence
            .starts_with("Packets were lost from the caller to the callee, and hardly any the other way"),
        "{}",
        comparison.sentence
    );
    let [there, back] = comparison.directions.as_slice() else { panic!("{comparison:?}") };
    assert_eq!((there.from, back.from), (Role::Caller, Role::Callee));
    assert!((2.9..3.1).contains(&there.missing_percent.unwrap()), "{there:?}");
    assert!((2.9..3.1).contains(&there.lost_percent.unwrap()), "{there:?}");
    assert!(back.missing_percent.unwrap() < 0.1, "{back:?}");
    // Whoever is asked first: the directions are the same.
    assert_eq!(compare(&theirs, &ours).unwrap().sentence, comparison.sentence);
}

#[test]
fn packets_that_were_under_way_in_the_end_are_not_called_lost() {
    let (mut ours, mut theirs) = both(0);
    for report in [&mut ours, &mut theirs] {
        report.evidence.moments.clear();
    }
    let sent = ours.counters.video_packets_sent + ours.counters.audio_packets_sent;
    theirs.counters.audio_packets_received = ours.counters.audio_packets_sent;
    theirs.counters.video_packets_received = ours.counters.video_packets_sent - 40;
    let few = compare(&ours, &theirs).unwrap();
    assert!(few.sentence.starts_with("Hardly a packet was lost in either direction"), "{}", few.sentence);
    assert!(few.directions[0].sentence.contains("some were under way when it ended"), "{few:?}");
    theirs.counters.video_packets_received = ours.counters.video_packets_sent - sent / 50;
    let many = compare(&ours, &theirs).unwrap();
    assert!(many.sentence.starts_with("Packets were lost from the caller"), "{}", many.sentence);
}

#[test]
fn what_the_two_ends_disagree_in_is_said() {
    let (ours, mut theirs) = both(0);
    let before = compare(&ours, &theirs).unwrap().disagreements;
    assert_eq!(before.len(), 1, "{before:?}");
    assert!(before[0].contains("the callee saw 3.0 % lost, but the sender was told of 0.0 %"), "{before:?}");
    theirs.path.route = Route::RelayedByUs;
    theirs.end = Some(EndReason::Lost);
    for moment in &mut theirs.evidence.moments {
        moment.round_trip_ms = Some(300.0);
    }
    let after = compare(&ours, &theirs).unwrap().disagreements.join("\n");
    for said in [
        "The caller says the path was direct, the callee says it was relayed by the callee",
        "the caller says: hung up by this end; the callee says: the path was lost",
        "a round trip of 23 ms, the callee one of 300 ms",
    ] {
        assert!(after.contains(said), "{said} is not in {after}");
    }
}

#[test]
fn a_path_that_changed_is_told_by_both_on_one_clock() {
    let (ours, theirs) = both(1_000_000);
    let comparison = compare(&ours, &theirs).unwrap();
    assert!(comparison.changes.iter().any(|change| change.at == Role::Callee));
    let times: Vec<_> = comparison.changes.iter().map(|change| change.t_ms).collect();
    assert!(times.is_sorted() && times.iter().all(|t_ms| (3_000..4_000).contains(t_ms)), "{times:?}");
}

#[test]
fn reports_of_two_calls_and_two_of_one_end_are_refused() {
    let (ours, mut theirs) = both(0);
    let twice = compare(&ours, &ours).unwrap_err().to_string();
    assert!(
        twice.contains("both reports were written by the caller") || twice.contains("Both reports"),
        "{twice}"
    );
    theirs.call = "00ff".to_owned();
    let two = compare(&ours, &theirs).unwrap_err().to_string();
    assert!(two.contains("two calls") && two.contains("00ff"), "{two}");
}

#[test]
fn both_ends_come_out_in_every_form() {
    let (ours, theirs) = both(77);
    let comparison = compare(&ours, &theirs).unwrap();
    let said = "As the sender was told";
    assert!(render_both(&ours, &theirs, &comparison, Form::Html).contains(said));
    assert!(render_both(&ours, &theirs, &comparison, Form::Text).contains("What was lost"));
    let json: serde_json::Value =
        serde_json::from_str(&render_both(&ours, &theirs, &comparison, Form::Json)).unwrap();
    assert_eq!(json["comparison"]["directions"][0]["from"], "caller");
    assert_eq!(json["reports"][1]["role"], "callee");
    let dump: serde_json::Value =
        serde_json::from_str(&render_both(&ours, &theirs, &comparison, Form::Dump)).unwrap();
    assert!(dump["PeerConnections"]["1-1"].is_object() && dump["PeerConnections"]["2-1"].is_object());
}
