//! Calls with microphones and speakers.

#![expect(clippy::print_stdout, reason = "what was measured is for whoever looks at it")]

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::Value;
use sightline::{
    logic::units::MediaTime,
    media::{tone, wav::WavWriter},
};

use super::{
    ears::{Chirp, Ears},
    lab::Lab,
};
use crate::support::programs::{Program, ServerProgram, my_turn};

const ENDS_WITHIN: Duration = Duration::from_secs(20);
const CONNECTS_WITHIN: Duration = Duration::from_secs(30);

/// A call between two ends of the lab.
struct Call {
    caller: Program,
    callee: Program,
    folder: PathBuf,
}

impl Call {
    /// Each end is told of its own microphone and speaker by name.
    fn between(lab: &Lab, server: &ServerProgram, a: [&str; 2], b: [&str; 2]) -> Self {
        let folder = lab.folder();
        let devices = |[microphone, speaker]: [&str; 2]| {
            [format!("device:pulseaudio:{microphone}"), format!("device:pulseaudio:{speaker}")]
        };
        let (a, b) = (devices(a), devices(b));
        let with = |devices: &[String; 2], profile: &str| -> (PathBuf, Vec<String>) {
            // As it is heard: chirps are no voice, and would be cleaned away.
            let exact = ["--no-echo-cancelling", "--no-noise-suppression", "--no-gain-control"];
            let args = ["--audio", &devices[0], "--speaker", &devices[1], "--report", "REPORT"];
            (folder.join(profile), args.iter().chain(&exact).map(|arg| (*arg).to_owned()).collect())
        };
        let ((a_profile, a), (b_profile, b)) = (with(&a, "a"), with(&b, "b"));
        let b: Vec<&str> = b.iter().map(String::as_str).collect();
        let mut callee = lab.answer(server, &b_profile, &b);
        let link = callee.link();
        let a: Vec<&str> = a.iter().map(String::as_str).collect();
        let mut caller = lab.call(&link, &a_profile, &a);
        for end in [&mut caller, &mut callee] {
            let connected = end.wait_within(CONNECTS_WITHIN, |event| event["stage"] == "connected");
            connected.unwrap_or_else(|why| panic!("not connected {why}"));
        }
        Self { caller, callee, folder }
    }

    /// Hangs up, and gives both reports.
    fn end(self) -> [Value; 2] {
        self.caller.interrupt();
        assert_eq!(self.caller.ended(ENDS_WITHIN).code, 0);
        assert_eq!(self.callee.ended(ENDS_WITHIN).code, 0);
        ["a", "b"].map(|profile| {
            let report = fs::read_to_string(self.folder.join(profile).join("report.json")).unwrap();
            serde_json::from_str(&report).unwrap()
        })
    }
}

/// Chirps at every second, beside a quiet tone.
fn recording(folder: &Path, seconds: usize) -> PathBuf {
    let path = folder.join("chirps.wav");
    let mut writer = WavWriter::create(&path).unwrap();
    let mut samples = vec![0.0; seconds * 48_000];
    tone::generate(MediaTime(500_000), &mut samples);
    writer.write(&samples).unwrap();
    drop(writer);
    path
}

/// Each chirp that was heard there, how much later than here, and how much louder.
fn arrivals(said: &[Chirp], heard: &[Chirp]) -> Vec<(f64, f64)> {
    said.iter()
        .filter_map(|said| {
            let after = |heard: &&Chirp| {
                heard.found.kind == said.found.kind
                    && heard.at > said.at
                    && heard.at - said.at < Duration::from_millis(1500)
            };
            let heard = heard.iter().find(after)?;
            Some(((heard.at - said.at).as_secs_f64() * 1e3, heard.level_db - said.level_db))
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn what_is_said_into_one_microphone_comes_out_of_the_others_speaker() {
    let _turn = my_turn();
    let Some(lab) = Lab::start() else { return };
    for end in ["a", "b"] {
        lab.plug_speaker(&format!("speaker-{end}"));
        lab.plug_microphone(&format!("microphone-{end}"));
    }
    let server = ServerProgram::start();
    let (mouth, ear) =
        (Ears::listen(&lab, "microphone-a-feed.monitor"), Ears::listen(&lab, "speaker-b.monitor"));
    let recording = recording(&lab.folder(), 25);
    let call = Call::between(&lab, &server, ["microphone-a", "speaker-a"], ["microphone-b", "speaker-b"]);
    // A null sink plays up to two seconds of silence in advance before it listens to anybody.
    thread::sleep(Duration::from_secs(5));
    let feed = lab.feed("microphone-a", &recording);
    thread::sleep(Duration::from_secs(13));
    let arrived = arrivals(&mouth.chirps(), &ear.chirps());
    let silence = ear.longest_silence(Duration::from_secs(8));
    drop(feed);
    let [a, b] = call.end();

    let (delay_ms, louder_db): (Vec<_>, Vec<_>) = arrived.iter().copied().unzip();
    println!(
        "mouth to ear {:.0} ms (median of {delay_ms:.0?}), {:+.1} dB",
        median(delay_ms.clone()),
        median(louder_db.clone())
    );
    println!("longest silence {silence:?}");
    for report in [&a, &b] {
        println!("microphone {}, speaker {}", report["microphone"], report["speaker"]);
        assert!(report["microphone"]["rate_hz"] == 48_000 && report["speaker"]["rate_hz"] == 48_000);
    }
    assert!(arrived.len() >= 10, "of thirteen chirps {} arrived", arrived.len());
    let delay_ms = median(delay_ms);
    assert!((20.0..250.0).contains(&delay_ms), "{delay_ms:.0} ms from mouth to ear");
    assert!(median(louder_db).abs() < 6.0, "as loud as it was said");
    assert!(silence < Duration::from_millis(150), "a hole of {silence:?}");
}

#[test]
fn devices_that_are_pulled_in_mid_call_are_replaced_and_come_back() {
    let _turn = my_turn();
    let Some(lab) = Lab::start() else { return };
    lab.plug_speaker("speaker-b");
    lab.plug_speaker("other-speaker");
    lab.plug_microphone("microphone-b");
    let microphone = lab.plug_microphone("microphone-a");
    lab.plug_microphone("other-microphone");
    let speaker = lab.plug_speaker("speaker-a");
    lab.pactl(&["set-default-source", "other-microphone"]);
    lab.pactl(&["set-default-sink", "other-speaker"]);
    let server = ServerProgram::start();
    let recording = recording(&lab.folder(), 90);
    let mut call = Call::between(&lab, &server, ["microphone-a", "speaker-a"], ["microphone-b", "speaker-b"]);
    let (_feed, _other) = (lab.feed("microphone-a", &recording), lab.feed("other-microphone", &recording));
    let _answer = lab.feed("microphone-b", &recording);
    let told = Cell::new(0);
    call.caller.wait_for("both devices", |event| {
        told.set(told.get() + u32::from(event["event"] == "device"));
        told.get() == 2
    });

    lab.unplug(&microphone);
    let words = says(&mut call.caller, "microphone", "unplugged; using ");
    println!("{words}");
    hears(&lab, "speaker-b.monitor", "by the other microphone");

    lab.plug_microphone("microphone-a");
    println!("{}", says(&mut call.caller, "microphone", "is back"));
    hears(&lab, "speaker-b.monitor", "by the first microphone again");

    lab.unplug(&speaker);
    println!("{}", says(&mut call.caller, "speaker", "unplugged; using "));
    hears(&lab, "other-speaker.monitor", "on the other speaker");

    let speaker = lab.plug_speaker("speaker-a");
    println!("{}", says(&mut call.caller, "speaker", "is back"));
    hears(&lab, "speaker-a.monitor", "on the first speaker again");

    lab.unplug(&speaker);
    says(&mut call.caller, "speaker", "unplugged");
    let [a, _] = call.end();
    assert_eq!(a["end"]["why"], "normal");
}

fn says(end: &mut Program, kind: &str, what: &str) -> String {
    let event = end.wait_for(what, |event| {
        event["event"] == "device"
            && event["kind"] == kind
            && event["words"].as_str().is_some_and(|words| words.contains(what))
    });
    event["words"].as_str().unwrap().to_owned()
}

/// Three chirps within a while.
fn hears(lab: &Lab, device: &str, how: &str) {
    let ears = Ears::listen(lab, device);
    for _ in 0..40 {
        thread::sleep(Duration::from_millis(250));
        if ears.chirps().len() >= 3 {
            return;
        }
    }
    panic!("in ten seconds {} chirps were heard {how}", ears.chirps().len());
}

#[test]
fn what_there_is_is_listed() {
    let Some(lab) = Lab::start() else { return };
    lab.plug_speaker("loud");
    lab.plug_microphone("clear");
    lab.pactl(&["set-default-source", "clear"]);
    let done = lab.command(env!("CARGO_BIN_EXE_sightline")).args(["devices", "--json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&done.stdout).unwrap();
    let devices = listed["devices"].as_array().unwrap();
    let microphones: Vec<_> = devices.iter().filter(|device| device["kind"] == "microphone").collect();
    assert_eq!(microphones.len(), 1, "no speaker is listed as a microphone: {listed}");
    assert_eq!(microphones[0]["id"], "pulseaudio:clear");
    assert_eq!(
        (&microphones[0]["name"], &microphones[0]["is_default"]),
        (&"Microphone-clear".into(), &true.into())
    );
    assert!(devices.iter().any(|device| device["kind"] == "speaker" && device["name"] == "Speaker-loud"));
}
