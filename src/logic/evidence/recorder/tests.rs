//! Counts that come second by second, and what must become of them.

use proptest::prelude::*;

use super::*;
use crate::logic::{
    devices::{Device, DeviceId},
    evidence::MOST_MOMENTS,
};

fn recorded(readings: impl IntoIterator<Item = Reading>) -> Evidence {
    let mut recorder = Recorder::default();
    readings.into_iter().for_each(|reading| recorder.read(reading));
    recorder.now(MediaFacts::default(), Vec::new())
}

fn told(evidence: &Evidence) -> Vec<(u64, &str)> {
    evidence.happenings.iter().map(|happening| (happening.t_ms, happening.sentence.as_str())).collect()
}

/// On a leg, and nothing else.
fn at(t_ms: u64) -> Reading {
    Reading { t_ms, leg: Some(1), ..Reading::default() }
}

#[test]
fn differences_become_rates() {
    let counters = |sent, shown| Counters {
        frames_sent: sent,
        frames_shown: shown,
        audio_bytes_sent: sent * 1_000,
        video_bytes_received: shown * 2_000,
        ..Counters::default()
    };
    let evidence = recorded([
        Reading {
            bytes_sent: 1_000,
            counters: counters(5, 0),
            processor: Some(Duration::from_millis(700)),
            ..at(500)
        },
        Reading {
            bytes_sent: 251_000,
            bytes_received: 125_000,
            counters: counters(65, 50),
            lost_of_ours: 0.05,
            processor: Some(Duration::from_millis(1_000)),
            encoding: Some(Duration::from_micros(1_500)),
            ..at(2_500)
        },
    ]);
    let last = evidence.moments[1];
    assert_eq!((last.t_ms, last.for_ms), (2_500, 2_000));
    assert_eq!((last.sent_bps, last.received_bps), (1_000_000, 500_000));
    assert_eq!((last.frames_sent_per_s, last.frames_shown_per_s), (30.0, 25.0));
    assert_eq!((last.sound_sent_bps, last.picture_received_bps), (240_000, 400_000));
    assert_eq!((last.picture_sent_bps, last.sound_received_bps), (0, 0));
    assert_eq!((last.lost_of_ours_percent, last.cpu_percent, last.encode_ms), (5.0, Some(15.0), Some(1.5)));
}

#[test]
fn what_is_not_known_is_nothing() {
    let evidence = recorded([at(1_000), at(2_000)]);
    let last = evidence.moments[1];
    assert_eq!((last.round_trip_ms, last.jitter_ms, last.cpu_percent), (None, None, None));
    assert_eq!((last.encode_ms, last.sound_held_ms, last.their_size), (None, None, None));
}

#[test]
fn nothing_is_a_moment_of_the_call_before_it_has_a_path_and_everything_after() {
    let evidence = recorded([
        Reading { t_ms: 1_000, ..Reading::default() },
        at(2_000),
        Reading { leg: None, ..at(3_000) },
    ]);
    assert_eq!(evidence.moments.iter().map(|moment| moment.t_ms).collect::<Vec<_>>(), [2_000, 3_000]);
}

#[test]
fn a_count_that_begins_anew_counts_from_there() {
    let evidence = recorded([
        Reading { bytes_sent: 1_000_000, ..at(1_000) },
        Reading { bytes_sent: 125, ..at(2_000) },
        Reading { bytes_sent: 375, ..at(3_000) },
    ]);
    let rates: Vec<_> = evidence.moments.iter().map(|moment| moment.sent_bps).collect();
    assert_eq!(rates[1..], [1_000, 2_000]);
}

#[test]
fn a_look_that_comes_twice_or_from_before_says_nothing() {
    let evidence = recorded([at(1_000), at(1_000), at(400), at(2_000)]);
    assert_eq!(evidence.moments.len(), 2);
}

#[test]
fn how_long_sound_is_held_is_of_that_second_and_not_of_the_whole_call() {
    let sound = |packets_played, held_in_all_us| SoundCounts {
        packets_played,
        held_in_all_us,
        ..SoundCounts::default()
    };
    let evidence = recorded([
        Reading { sound: sound(1_000_000, 40_000_000_000), ..at(1_000) },
        Reading { sound: sound(1_000_050, 40_005_000_000), ..at(2_000) },
    ]);
    assert_eq!(evidence.moments[1].sound_held_ms, Some(100.0));
}

#[test]
fn a_freeze_is_told_when_it_begins_and_when_it_is_over_and_fills_its_seconds() {
    let pictures = |stands_ms, freezes, frozen_ms| PictureCounts {
        stands_ms,
        freezes,
        frozen_ms,
        ..PictureCounts::default()
    };
    let evidence = recorded([
        Reading { pictures: pictures(0, 0, 0), ..at(1_000) },
        Reading { pictures: pictures(600, 0, 0), ..at(2_000) },
        Reading { pictures: pictures(1_600, 0, 0), ..at(3_000) },
        Reading { pictures: pictures(0, 1, 2_100), ..at(4_000) },
        Reading { pictures: pictures(0, 1, 2_100), ..at(5_000) },
    ]);
    let frozen: Vec<_> = evidence.moments.iter().map(|moment| moment.frozen_ms).collect();
    assert_eq!(frozen, [0, 600, 1_000, 500, 0]);
    assert_eq!(
        told(&evidence),
        [(1_400, "Their picture stands still"), (4_000, "Their picture stood still for 2.1 s")]
    );
}

#[test]
fn requests_for_pictures_and_made_up_sound_are_told() {
    let evidence = recorded([
        at(1_000),
        Reading {
            counters: Counters { key_frames_asked_of_us: 1, ..Counters::default() },
            pictures: PictureCounts { key_frames_asked: 3, ..PictureCounts::default() },
            sound: SoundCounts { concealed: 10, ..SoundCounts::default() },
            ..at(2_000)
        },
        Reading {
            counters: Counters { key_frames_asked_of_us: 1, ..Counters::default() },
            pictures: PictureCounts { key_frames_asked: 3, ..PictureCounts::default() },
            sound: SoundCounts { concealed: 14, ..SoundCounts::default() },
            ..at(3_000)
        },
    ]);
    assert_eq!(
        told(&evidence),
        [
            (2_000, "The other side asked for a whole picture"),
            (2_000, "We asked the other side for a whole picture, 3 times"),
            (2_000, "200 ms of their sound did not come, and were made up"),
        ]
    );
}

#[test]
fn a_device_is_told_once_and_stands_among_those_in_use() {
    let mut recorder = Recorder::default();
    let device = Device {
        kind: DeviceKind::Camera,
        id: DeviceId::new("one"),
        name: "Front".to_owned(),
        is_default: true,
    };
    let with = |device: Option<Device>, words: &str| InUse {
        kind: DeviceKind::Camera,
        device,
        words: words.to_owned(),
        missed: None,
    };
    recorder.begin_with_device(&with(Some(device.clone()), "The camera is Front."));
    recorder.note_device(5, &with(Some(device), "The camera is Front."));
    let evidence = recorder.now(MediaFacts::default(), Vec::new());
    assert_eq!(told(&evidence), []);
    assert_eq!(evidence.media.devices, ["camera: Front"]);
    recorder.note_device(9, &with(None, "The camera Front was unplugged."));
    let evidence = recorder.now(MediaFacts::default(), Vec::new());
    assert_eq!(told(&evidence), [(9, "The camera Front was unplugged.")]);
    assert_eq!(evidence.media.devices, Vec::<String>::new());
}

#[test]
fn every_name_of_a_device_that_may_be_told_is_known_once_and_not_without_end() {
    let device = |name: &str| Device {
        kind: DeviceKind::Microphone,
        id: DeviceId::new(format!("id of {name}")),
        name: name.to_owned(),
        is_default: false,
    };
    let mut recorder = Recorder::default();
    recorder.know_devices(&[device("A"), device("B")]);
    recorder.note_device(
        1,
        &InUse {
            kind: DeviceKind::Microphone,
            device: Some(device("A")),
            words: "The microphone C is not there; using A.".to_owned(),
            missed: Some("C".to_owned()),
        },
    );
    let names = |recorder: &Recorder| recorder.now(MediaFacts::default(), Vec::new()).media.device_names;
    assert_eq!(names(&recorder), ["A", "id of A", "B", "id of B", "C"]);
    let many: Vec<_> = (0..1000).map(|number| device(&number.to_string())).collect();
    recorder.know_devices(&many);
    assert_eq!(names(&recorder).len(), MOST_DEVICE_NAMES);
}

#[test]
fn a_plan_is_told_with_its_reason() {
    let mut recorder = Recorder::default();
    let why = Why::Network { target_bps: 640_000 };
    recorder.note_plan(7, &Plan { width: 640, height: 360, fps: 30, bitrate_bps: 500_000, why });
    let evidence = recorder.now(MediaFacts::default(), Vec::new());
    assert_eq!(
        told(&evidence),
        [(7, "Our picture is sent as 640×360, 30 a second: the path has room for 0.6 Mbit/s")]
    );
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let count = prop_oneof![0_u64..1_000_000, Just(0_u64), any::<u64>().prop_map(|any| any / 4)];
    let times = (0_u64..10_000_000, proptest::option::of(0_u32..4), proptest::option::of(any::<f64>()));
    (times, proptest::collection::vec(count, 12), any::<f64>(), any::<u8>()).prop_map(
        |((t_ms, leg, round_trip_ms), counts, lost_of_ours, lost_percent)| Reading {
            t_ms,
            leg,
            round_trip_ms,
            lost_of_ours,
            bytes_sent: counts[0],
            bytes_received: counts[1],
            counters: Counters { frames_sent: counts[2], frames_shown: counts[3], ..Counters::default() },
            pictures: PictureCounts {
                frozen_ms: counts[4],
                stands_ms: counts[5],
                freezes: counts[6],
                key_frames_asked: counts[7],
                ..PictureCounts::default()
            },
            sound: SoundCounts {
                played: counts[8],
                concealed: counts[9],
                packets_played: counts[10],
                held_in_all_us: counts[11],
                lost_percent,
                ..SoundCounts::default()
            },
            processor: Some(Duration::from_micros(counts[0])),
            ..Reading::default()
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_read_in_whatever_order_every_moment_makes_sense(
        readings in proptest::collection::vec(any_reading(), 0..60)
    ) {
        let evidence = recorded(readings);
        prop_assert!(evidence.moments.len() <= MOST_MOMENTS);
        prop_assert!(evidence.moments.windows(2).all(|pair| pair[0].t_ms < pair[1].t_ms));
        for moment in &evidence.moments {
            prop_assert!(moment.for_ms > 0 && moment.frozen_ms <= moment.for_ms);
            let percents = [
                moment.lost_of_ours_percent,
                moment.lost_of_theirs_percent,
                moment.concealed_percent,
            ];
            prop_assert!(percents.iter().all(|percent| (0.0..=100.0).contains(percent)), "{percents:?}");
            let others = [
                Some(moment.frames_sent_per_s),
                Some(moment.frames_shown_per_s),
                moment.round_trip_ms,
                moment.sound_held_ms,
                moment.cpu_percent,
            ];
            prop_assert!(others.iter().flatten().all(|figure| figure.is_finite() && *figure >= 0.0));
        }
    }
}
