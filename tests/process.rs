//! The programs as they are used: a server and two installations, each a process of its own, on loopback.
//!
//! These are the few tests that run in real time. They take turns, so that a busy machine does not fail one because of
//! another.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sightline::logic::units::MediaTime;
use sightline::media::{
    frame::Size,
    pattern::Pattern,
    pool::Pool,
    psnr::luma_psnr,
    tone::{ChirpKind, find_chirps},
    wav,
    y4m::{Y4mReader, Y4mWriter},
};

use crate::support::programs::{Program, ServerProgram, ended_within, my_turn};

const LONGEST_CALL: Duration = Duration::from_secs(40);

#[test]
fn a_call_of_ten_seconds_arrives_whole_and_both_reports_agree() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let server = ServerProgram::start();

    let mut callee = Program::answer(&server, &b, &["--record", "REC", "--report", "REPORT"]);
    let caller =
        Program::call(&callee.link(), &a, &["--duration", "10", "--record", "REC", "--report", "REPORT"]);

    assert_eq!(caller.ended(LONGEST_CALL).code, 0);
    assert_eq!(callee.ended(Duration::from_secs(10)).code, 0);
    let (caller, callee) = (report(&a), report(&b));
    reports_agree(&caller, &callee);
    for (receiver, there, here) in [(&a, &callee, &caller), (&b, &caller, &callee)] {
        let sent = there["counters"]["frames_sent"].as_u64().unwrap();
        assert!(sent >= 280, "ten seconds at 30 a second: {sent}");
        pictures_arrived(receiver, sent);
        chirps_are_in_time(receiver, here["sound_began_unix_us"].as_u64().unwrap());
    }
}

fn reports_agree(caller: &Value, callee: &Value) {
    assert_eq!(caller["schema_version"], 1);
    assert_eq!((&caller["role"], &callee["role"]), (&json!("caller"), &json!("callee")));
    for same in ["call", "end", "schema_version", "encryption"] {
        assert_eq!(caller[same], callee[same], "{same}");
    }
    assert_eq!((&caller["ended_by"], &callee["ended_by"]), (&json!("us"), &json!("them")));
    let (ours, theirs) = (&caller["path"]["in_use"], &callee["path"]["in_use"]);
    for (end, other) in [("local", "remote"), ("remote", "local")] {
        assert_eq!(ours[end]["port"], theirs[other]["port"], "the path is one: {ours} and {theirs}");
    }
    for report in [caller, callee] {
        let stages: Vec<_> =
            report["stages"].as_array().unwrap().iter().map(|at| at["stage"].clone()).collect();
        let wanted = if report["role"] == "caller" {
            json!(["inviting", "reached", "ringing_there", "connecting", "connected", "ended"])
        } else {
            json!(["ringing_here", "connecting", "connected", "ended"])
        };
        assert_eq!(Value::from(stages), wanted);
        assert!(report["firsts"]["picture_ms"].as_u64() > report["firsts"]["connected_ms"].as_u64());
        assert_eq!(report["counters"]["frames_undecodable"], 0);
    }
}

/// Enough pictures, in order, none twice, and each like the one that was sent.
fn pictures_arrived(folder: &Path, sent: u64) {
    let list = fs::read_to_string(folder.join("rec/frames.csv")).unwrap();
    let rows: Vec<Vec<u64>> = list
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|field| field.parse().expect("every strip is readable")).collect())
        .collect();
    assert!(rows.len() as f64 >= sent as f64 * 0.95, "{} of {sent} pictures arrived", rows.len());
    assert!(rows.is_sorted_by(|a, b| a[0] < b[0] && a[3] <= b[3]), "in order, and none twice");
    assert!(rows.iter().all(|row| row[1] <= row[2] && row[2] <= row[3]), "captured, arrived, shown");

    let pool = Pool::new(4);
    let pattern = Pattern::new(Size::HD, pool.clone());
    let mut film = Y4mReader::open(&folder.join("rec/remote.y4m"), Size::HD, pool).unwrap();
    for (index, row) in rows.iter().enumerate() {
        let shown = film.next_frame(MediaTime(0)).unwrap().expect("as many pictures as the list has");
        // At first it is found out what the path carries, and pictures are small; later every fifth stands for all.
        if index >= 120 && index % 5 == 0 {
            let source = pattern.render(row[0] as u32, MediaTime(row[1]));
            let psnr = luma_psnr(&source, &shown).unwrap();
            assert!(psnr >= 35.0, "picture {} came with {psnr:.1} dB", row[0]);
        }
    }
    assert!(film.next_frame(MediaTime(0)).unwrap().is_none(), "no picture that the list has not");
}

/// A chirp was said at every full second; it is heard a little later, and always by the same little.
fn chirps_are_in_time(folder: &Path, began_us: u64) {
    let samples = wav::read(&folder.join("rec/remote.wav")).unwrap();
    let chirps = find_chirps(&samples);
    assert!(chirps.len() >= 8, "{} chirps in ten seconds", chirps.len());
    let heard_us: Vec<f64> =
        chirps.iter().map(|chirp| began_us as f64 + chirp.at_sample * 1e6 / 48_000.0).collect();
    for (chirp, heard_us) in chirps.iter().zip(&heard_us) {
        let second = (heard_us / 1e6).floor();
        assert_eq!(chirp.kind, ChirpKind::of_second(second as u64), "the chirp of another second");
        let late_ms = (heard_us - second * 1e6) / 1e3;
        assert!((20.0..300.0).contains(&late_ms), "heard {late_ms:.0} ms after it was said");
    }
    for pair in heard_us.windows(2) {
        let apart_ms = (pair[1] - pair[0]) / 1e3;
        assert!((apart_ms - 1000.0).abs() < 3.0, "two chirps {apart_ms:.1} ms apart");
    }
}

#[test]
fn the_call_goes_on_while_the_server_is_gone() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut server = ServerProgram::start();
    let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
    let mut caller = Program::call(&callee.link(), &folder.path().join("a"), SMALL);
    caller.wait_for("connected", |event| event["stage"] == "connected");

    server.kill();
    caller.wait_for("the server is lost", |event| event["event"] == "switchboard" && event["up"] == false);
    let shown = |event: &Value| event["counters"]["frames_shown"].as_u64();
    let before = shown(&caller.wait_for("statistics", |event| event["event"] == "statistics")).unwrap();
    for _ in 0..3 {
        caller.wait_for("statistics", |event| event["event"] == "statistics");
    }
    let after = shown(&caller.wait_for("statistics", |event| event["event"] == "statistics")).unwrap();
    assert!(after >= before + 60, "pictures went on: {before}, then {after}");

    server.start_again();
    let again = Instant::now();
    caller.wait_for("the server is back", |event| event["event"] == "switchboard" && event["up"] == true);
    assert!(ended_within(again, Duration::from_secs(2)), "after four seconds of trying in vain");
    caller.interrupt();
    let caller = caller.ended(LONGEST_CALL);
    assert_eq!(caller.code, 0);
    assert!(caller.output.contains("\"switchboard_lost\":1,"), "lost once: {}", caller.output);
    let callee = callee.ended(LONGEST_CALL);
    assert_eq!(callee.code, 0, "{}", callee.output);
    assert!(callee.output.contains("\"ended\""));
}

#[test]
fn hanging_up_is_heard_though_the_server_is_gone() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut server = ServerProgram::start();
    let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
    let mut caller = Program::call(&callee.link(), &folder.path().join("a"), SMALL);
    callee.wait_for("connected", |event| event["stage"] == "connected");
    caller.wait_for("pictures", |event| event["counters"]["frames_shown"].as_u64() > Some(0));
    server.kill();

    caller.terminate();

    let callee = callee.ended(Duration::from_secs(10));
    assert_eq!(callee.code, 0, "{}", callee.output);
    assert_eq!(caller.ended(LONGEST_CALL).code, 0);
}

#[test]
fn what_is_written_arrives_and_its_writer_hears_so() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let args = [SMALL, &["--say", "Hello, Ada"]].concat();
    let mut callee = Program::answer(&server, &folder.path().join("b"), &args);
    let args = [SMALL, &["--duration", "3", "--say", "one\ntwo", "--say", "three"]].concat();
    let caller = Program::call(&callee.link(), &folder.path().join("a"), &args);

    let [caller, callee] = [caller.ended(LONGEST_CALL), callee.ended(LONGEST_CALL)];

    assert_eq!((caller.code, callee.code), (0, 0), "{}", caller.errors);
    let delivered = |output: &str, from: &str| {
        let events = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_them = events.filter(|event| {
            event["event"] == "chat" && event["from"] == from && event["state"] == "delivered"
        });
        Value::from_iter(of_them.map(|event| event["text"].clone()))
    };
    for (writer, reader, texts) in
        [(&caller, &callee, json!(["one\ntwo", "three"])), (&callee, &caller, json!(["Hello, Ada"]))]
    {
        assert_eq!(delivered(&reader.output, "them"), texts);
        assert_eq!(delivered(&writer.output, "us"), texts);
    }
}

#[test]
fn a_call_whose_other_end_died_says_that_it_tries_again_until_somebody_ends_it() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
    let mut caller = Program::call(&callee.link(), &folder.path().join("a"), SMALL);
    caller.wait_for("connected", |event| event["stage"] == "connected");

    callee.kill();
    let died = Instant::now();

    caller.wait_for("reconnecting", |event| event["stage"] == "reconnecting");
    assert!(ended_within(died, Duration::from_secs(8)));
    caller.interrupt();
    let caller = caller.ended(LONGEST_CALL);
    assert_eq!(caller.code, 0, "{}", caller.output);
}

#[test]
fn who_is_the_server_as_well_is_called_by_the_pin_in_the_link_and_by_no_other() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let mut callee = Program::answer_here(&b, SMALL);
    let link = callee.link();
    let (front, pin) = link.split_once('~').expect("a pin, as nobody vouches for the certificate");
    assert!(front.starts_with("https://127.0.0.1:"), "{link}");

    let other = format!("{front}~{}{}", if pin.starts_with('A') { 'B' } else { 'A' }, &pin[1..]);
    let misled = Program::call(&other, &a, SMALL).ended(LONGEST_CALL);
    assert_eq!(misled.code, 3, "{}", misled.output);
    assert!(misled.errors.contains("not the server"), "{}", misled.errors);

    let mut caller = Program::call(&link, &a, SMALL);
    caller.wait_for("pictures", |event| event["counters"]["frames_shown"].as_u64() > Some(0));
    caller.interrupt();
    assert_eq!(caller.ended(LONGEST_CALL).code, 0);
    assert_eq!(callee.ended(LONGEST_CALL).code, 0);

    let again = Program::answer_here(&b, SMALL).link();
    assert_eq!(again.split_once('~').expect("a pin").1, pin, "a link that was given away goes on to hold");
}

#[test]
fn who_is_in_a_call_is_busy_for_others() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
    let link = callee.link();
    let mut caller = Program::call(&link, &folder.path().join("a"), SMALL);
    caller.wait_for("connected", |event| event["stage"] == "connected");

    let third = Program::call(&link, &folder.path().join("c"), SMALL).ended(LONGEST_CALL);

    assert_eq!(third.code, 3);
    assert!(third.output.contains("busy"), "{}", third.output);
    callee.wait_for("shown", |event| event["event"] == "turned_away");
    caller.interrupt();
    assert_eq!(caller.ended(LONGEST_CALL).code, 0);
    assert_eq!(callee.ended(LONGEST_CALL).code, 0);
}

#[test]
fn films_and_recordings_are_sent_as_well() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let film = write_film(&folder.path().join("film.y4m"), 20);
    let voice = folder.path().join("voice.wav");
    wav::WavWriter::create(&voice).unwrap().write(&vec![0.25; 24_000]).unwrap();
    let server = ServerProgram::start();
    let mut callee = Program::answer(
        &server,
        &folder.path().join("b"),
        &["--record", "REC", "--video", "none", "--size", "320x180"],
    );
    let caller = Program::call(
        &callee.link(),
        &folder.path().join("a"),
        &[
            "--duration",
            "3",
            "--size",
            "320x180",
            "--video",
            "none",
            "--audio",
            &format!("wav:{}", voice.display()),
        ],
    );
    assert_eq!(caller.ended(LONGEST_CALL).code, 0);
    assert_eq!(callee.ended(LONGEST_CALL).code, 0);
    let heard = wav::read(&folder.path().join("b/rec/remote.wav")).unwrap();
    assert!(heard.len() > 2 * 48_000, "two seconds of sound at least");

    let mut callee =
        Program::answer(&server, &folder.path().join("d"), &["--record", "REC", "--size", "320x180"]);
    let caller = Program::call(
        &callee.link(),
        &folder.path().join("c"),
        &["--duration", "3", "--size", "320x180", "--video", &format!("y4m:{film}")],
    );
    assert_eq!(caller.ended(LONGEST_CALL).code, 0);
    assert_eq!(callee.ended(LONGEST_CALL).code, 0);
    let list = fs::read_to_string(folder.path().join("d/rec/frames.csv")).unwrap();
    assert!(list.lines().count() > 60, "{} pictures", list.lines().count());
}

#[test]
fn whoever_is_not_there_is_said_to_be_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let link = server.link_of(&folder.path().join("nobody"));
    let caller = Program::call(&link, &folder.path().join("a"), SMALL).ended(LONGEST_CALL);
    assert_eq!(caller.code, 3);
    assert!(caller.output.contains("unreachable"), "{}", caller.output);
}

#[test]
fn a_wrong_link_gets_a_sentence_and_the_code_for_usage() {
    for (link, word) in [
        ("nonsense", "link"),
        ("https://example.org/#short", "characters"),
        ("http://192.0.2.1:1/#x", "http"),
    ] {
        let ended = Program::run(&["call", link]);
        assert_eq!(ended.code, 2, "{link}");
        assert!(ended.errors.contains(word), "{link}: {}", ended.errors);
    }
}

#[test]
fn a_dead_server_gets_a_sentence_and_the_code_for_not_answered() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().to_str().unwrap();
    let ended =
        Program::run(&["answer", "--profile", profile, "--server", &format!("http://127.0.0.1:{port}/")]);
    assert_eq!(ended.code, 3);
    assert!(ended.errors.contains("does not answer"), "{}", ended.errors);
    assert!(ended.output.contains("nothing listens"), "{}", ended.output);
    assert_eq!(ended.output.lines().count(), 1, "said once: {}", ended.output);
}

#[test]
fn something_that_is_no_sightline_server_is_called_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        use std::io::Write as _;
        for stream in listener.incoming().take(50) {
            stream.unwrap().write_all(b"SSH-2.0-garbage\r\n").ok();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().to_str().unwrap();
    let ended =
        Program::run(&["answer", "--profile", profile, "--server", &format!("http://127.0.0.1:{port}/")]);
    assert_eq!(ended.code, 3);
    assert!(ended.output.contains("is not a Sightline server"), "{}", ended.output);
}

#[test]
fn a_film_that_was_cut_is_refused_before_anybody_is_rung() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.y4m");
    let film = write_film(&path, 4);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let server = ServerProgram::start();
    let link = server.link_of(&folder.path().join("b"));

    let ended = Program::run(&[
        "call",
        &link,
        "--profile",
        folder.path().to_str().unwrap(),
        "--video",
        &format!("y4m:{film}"),
    ]);

    assert_eq!(ended.code, 2);
    assert!(ended.errors.contains("film.y4m") && ended.errors.contains("cut"), "{}", ended.errors);
}

#[test]
fn a_damaged_profile_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("identity.key");
    fs::write(&key, "not a key").unwrap();
    let ended = Program::run(&["link", "--profile", folder.path().to_str().unwrap()]);
    assert_eq!(ended.code, 2);
    assert!(ended.errors.contains("identity.key"), "{}", ended.errors);
    assert_eq!(fs::read_to_string(&key).unwrap(), "not a key");
}

#[test]
fn where_no_window_can_be_opened_that_is_said_and_what_goes_without() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere").to_str().unwrap().to_owned();
    for (display, wayland) in [(None, None), (Some(":4711"), None), (None, Some(nowhere.as_str()))] {
        let ended = Program::run_on(display, wayland, &["--profile", folder.path().to_str().unwrap()]);
        assert_eq!(ended.code, 2, "{}", ended.errors);
        assert!(ended.errors.contains("work without a window"), "{}", ended.errors);
        assert!(!ended.errors.contains(".rs"), "nobody cares for the line: {}", ended.errors);
    }
}

#[test]
fn who_names_no_server_is_told_how_to() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().to_str().unwrap();
    for action in ["link", "answer"] {
        let ended = Program::run(&[action, "--profile", profile]);
        assert_eq!(ended.code, 2);
        assert!(ended.errors.contains("--server") && ended.errors.contains("--here"), "{}", ended.errors);
    }
}

#[test]
fn a_relay_that_nobody_offers_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
    let link = callee.link();
    let started = Instant::now();
    let caller = Program::call(&link, &folder.path().join("a"), &["--path", "relay"]);
    let ended = caller.ended(Duration::from_secs(20));
    assert_eq!(ended.code, 4, "{}{}", ended.output, ended.errors);
    assert!(ended.errors.contains("relays no calls; use --path any"), "{}", ended.errors);
    assert!(ended_within(started, Duration::from_secs(5)));
}

#[test]
fn who_always_wants_a_relay_says_so_once_and_may_still_choose_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let profile = folder.path().join("a");
    fs::create_dir_all(&profile).unwrap();
    fs::write(profile.join("settings.toml"), "always_relay = true\n").unwrap();
    for (args, code) in [(&[][..], 4), (&["--path", "direct", "--duration", "1"][..], 0)] {
        let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
        let link = callee.link();
        let ended = Program::call(&link, &profile, &[SMALL, args].concat()).ended(Duration::from_secs(20));
        assert_eq!(ended.code, code, "{}{}", ended.output, ended.errors);
    }
}

#[test]
fn the_demonstration_can_be_relayed() {
    let _turn = my_turn();
    for (path, over) in [("relay-udp", "over UDP"), ("relay-tcp", "over TCP")] {
        // Long enough for a look for something better, which comes after five seconds and must not come here.
        let ended = Program::run(&["demo", "--duration", "8", "--path", path]);
        assert_eq!(ended.code, 0, "{}{}", ended.output, ended.errors);
        let verdict = ended.output.lines().last().unwrap_or_default();
        assert!(verdict.contains("elayed") && verdict.contains(over), "{path}: {}", ended.output);
    }
    let ended = Program::run(&["demo", "--path", "relay-tls"]);
    assert_eq!(ended.code, 4, "{}{}", ended.output, ended.errors);
    assert!(ended.errors.contains("relays over TLS no calls, but over TCP and UDP"), "{}", ended.errors);
}

#[test]
fn an_address_that_is_not_ours_ends_the_call_at_once_and_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
    let link = callee.link();
    let started = Instant::now();

    let profile = folder.path().join("a");
    let ended = Program::run(&["call", &link, "--profile", profile.to_str().unwrap(), "--bind", "192.0.2.1"]);

    assert_eq!(ended.code, 4, "{}{}", ended.output, ended.errors);
    assert!(ended.output.contains("This computer's end"), "{}", ended.output);
    assert!(ended_within(started, Duration::from_secs(5)));
}

#[test]
fn the_demonstration_gives_a_verdict_in_words() {
    let _turn = my_turn();
    let ended = Program::run(&["demo", "--duration", "3"]);
    assert_eq!(ended.code, 0, "{}{}", ended.output, ended.errors);
    assert!(
        ended.output.contains("The demo call was good") && ended.output.contains("Direct over UDP"),
        "{}",
        ended.output
    );
}

/// Pictures that cost little: what these tests ask is not how they look.
const SMALL: &[&str] = &["--size", "320x180"];

fn report(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap()
}

fn write_film(path: &Path, pictures: u32) -> String {
    let pattern = Pattern::new(Size::SMALL, Pool::new(2));
    let mut writer = Y4mWriter::create(path, Size::SMALL, 30).unwrap();
    for number in 0..pictures {
        writer.write(&pattern.render(number, MediaTime(0))).unwrap();
    }
    path.display().to_string()
}
