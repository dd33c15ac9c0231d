//! Two windows and a server: the whole app as a person has it, by keyboard, pointer and the names that are read aloud.
//!
//! Cameras and microphones are stand-ins; screens, bus and reader are the test's own (`desktop.rs`). What one window does is
//! looked for in the other. Pictures of each step are kept beside what is built.

mod desktop;
mod panel;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};
use sightline::{
    logic::{
        course::{EndReason, Side},
        desk::MessageState,
    },
    ui::copy::{APP, call, chat, desktop as outside, ended, home, panel as path_panel},
};

use crate::support::programs::{ServerProgram, my_turn};

use desktop::Desktop;
use panel::Panel;

/// Nothing of this computer is opened, and nothing leaves it.
const STAND_INS: [&str; 6] = ["--video", "pattern", "--audio", "tone", "--bind", "127.0.0.1"];
const MESSAGE: &str = "Can you see the sea?";

fn profile(folder: &Path, name: &str, server: &str) {
    profile_that(folder, name, server, "keep_running = false");
}

fn profile_that(folder: &Path, name: &str, server: &str, keeps: &str) {
    fs::create_dir_all(folder).unwrap();
    let downloads = folder.join("downloads");
    let settings = format!(
        "name = \"{name}\"\nserver = \"{server}\"\nset_up = true\ndownloads = {downloads:?}\n[window]\n{keeps}\n"
    );
    fs::write(folder.join("settings.toml"), settings).unwrap();
}

/// What stands in for a dialog for files where there is no portal: it chooses this one.
fn chooser(folder: &Path, file: &Path) {
    let program = folder.join("zenity");
    fs::write(&program, format!("#!/bin/sh\necho '{}'\n", file.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What is kept of the only call, as one who looks it up finds it: the line about it, and its report.
fn kept(profile: &Path) -> (Value, Value) {
    let read = |file: &Path| -> Value { serde_json::from_slice(&fs::read(file).unwrap()).unwrap() };
    let reports: Vec<_> =
        fs::read_dir(profile.join("reports")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(reports.len(), 1, "{reports:?}");
    (read(&profile.join("recent-calls.json")), read(&reports[0]))
}

#[test]
fn two_windows_hold_a_call_by_keyboard_and_pointer() {
    let _turn = my_turn();
    let Some(desktop) = Desktop::start() else { return };
    let server = ServerProgram::start();
    let folder = tempfile::tempdir().unwrap();
    let (ada, ben) = (folder.path().join("ada"), folder.path().join("ben"));
    profile(&ada, "Ada", server.url());
    profile(&ben, "Ben", server.url());
    let sent = folder.path().join("holiday.txt");
    fs::write(&sent, "sunny, 21 degrees\n".repeat(10_000)).unwrap();
    chooser(&ada, &sent);

    let mut callee = desktop.open("callee", &ben, &STAND_INS);
    callee.says("You can be reached at");
    callee.take_keyboard();
    callee.picture("1-home");
    let link = server.link_of(&ben);
    let mut caller = desktop.open("caller", &ada, &[&STAND_INS[..], &[&link]].concat());
    callee.says(call::CALLS_WITH_VIDEO);
    caller.says(call::CANCEL);
    caller.take_keyboard();
    callee.picture("2-rings");
    caller.picture("3-calling");

    callee.says_after("Return", "Path: Direct");
    for window in [&mut caller, &mut callee] {
        window.says("Path: Direct");
        window.says(call::THEIR_PICTURE);
    }
    callee.picture("4-call");

    caller.keys("ctrl+d");
    callee.says(call::THEY_ARE_MUTED);
    caller.keys("ctrl+e");
    callee.says(call::THEIR_CAMERA_IS_OFF);
    callee.picture("5-muted-and-dark");
    caller.keys("ctrl+d");
    callee.says_no_more(call::THEY_ARE_MUTED);
    caller.keys("ctrl+e");
    callee.says_no_more(call::THEIR_CAMERA_IS_OFF);
    callee.says(call::THEIR_PICTURE);

    caller.keys("ctrl+t");
    caller.writes_in(chat::WRITE);
    caller.types(MESSAGE);
    caller.keys("Return");
    callee.keys("ctrl+t");
    callee.says(MESSAGE);
    caller.says(&chat::message(chat::YOU, MESSAGE, Some(chat::mark(MessageState::Delivered))));
    caller.presses(chat::ADD_FILES);
    callee.presses(&chat::for_file(chat::ACCEPT, "holiday.txt"));
    callee.says(&chat::for_file(chat::SHOW, "holiday.txt"));
    assert_eq!(fs::read(ben.join("downloads/holiday.txt")).unwrap(), fs::read(&sent).unwrap());
    callee.picture("6-chat");
    callee.keys("F12");
    callee.says(path_panel::HEADING);
    // The steps are told anew each second, and not only when another path is taken.
    callee.says(call::IN_USE);
    callee.picture("7-path");

    caller.keys("ctrl+shift+h");
    for window in [&mut caller, &mut callee] {
        window.says(ended::HOW_WAS_IT);
    }
    callee.picture("8-ended");
    for (window, profile, other) in [(caller, &ada, "Ben"), (callee, &ben, "Ada")] {
        window.keys("ctrl+q");
        assert_eq!(window.ended(), Some(0));
        let (recent, report) = kept(profile);
        assert_eq!(recent.as_array().unwrap().len(), 1, "{recent}");
        assert_eq!((&recent[0]["claimed"], &recent[0]["outcome"]), (&json!(other), &json!("talked")));
        assert_eq!((&report["end"]["why"], &report["path"]["route"]), (&json!("normal"), &json!("direct")));
        assert!(report["sound"]["played"].as_u64().unwrap() > 0, "{report}");
        assert_eq!(report["their_status"], json!({"muted": false, "camera_off": false, "sharing": false}));
    }
}

#[test]
fn who_has_no_window_open_answers_by_a_notice_and_hangs_up_and_ends_by_the_tray() {
    let _turn = my_turn();
    let Some(desktop) = Desktop::start() else { return };
    let mut panel = Panel::start(&desktop);
    let server = ServerProgram::start();
    let folder = tempfile::tempdir().unwrap();
    let (ada, ben) = (folder.path().join("ada"), folder.path().join("ben"));
    profile(&ada, "Ada", server.url());
    profile_that(&ben, "Ben", server.url(), "keep_running = true");
    let callee = desktop.open("callee", &ben, &[&STAND_INS[..], &["--hidden"]].concat());
    callee.is_connected();
    let mut caller = desktop.open("caller", &ada, &[&STAND_INS[..], &[&server.link_of(&ben)]].concat());

    let calling = outside::calling(outside::SOMEONE);
    panel.presses(&calling, outside::DECLINE);
    caller.says(ended::why(EndReason::Declined, Side::Them).title);
    panel.shows_none();
    caller.presses(ended::REDIAL_VIDEO);
    panel.presses(&calling, outside::ACCEPT);
    caller.says("Path: Direct");
    panel.chooses(outside::HANG_UP);
    caller.says(ended::why(EndReason::Normal, Side::Them).next);
    panel.chooses(outside::QUIT);
    assert_eq!(callee.ended(), Some(0));
}

#[test]
fn a_window_opens_on_wayland_at_twice_the_size() {
    let _turn = my_turn();
    let Some(desktop) = Desktop::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    profile(folder.path(), "Ada", server.url());
    let Some(mut window) = desktop.open_on_wayland("Ada", folder.path()) else { return };
    window.says(home::CALL);
    let (right, bottom) = window.extent();
    // In the screen's own dots it is twice as large as on a screen without a scale.
    assert!(right > 1_080 && bottom > 720, "{right} × {bottom}");
}

#[test]
fn a_hidden_window_comes_up_when_it_rings_and_whoever_is_asked_to_stop_hangs_up() {
    let _turn = my_turn();
    let Some(desktop) = Desktop::start() else { return };
    let server = ServerProgram::start();
    let folder = tempfile::tempdir().unwrap();
    let (ada, ben) = (folder.path().join("ada"), folder.path().join("ben"));
    profile(&ada, "Ada", server.url());
    profile(&ben, "Ben", server.url());
    let mut callee = desktop.open("hidden", &ben, &[&STAND_INS[..], &["--hidden"]].concat());
    callee.is_connected();
    let link = server.link_of(&ben);
    let mut caller = desktop.open("stopped", &ada, &[&STAND_INS[..], &[&link]].concat());
    caller.says(call::ONLY_YOU_SEE_YOURSELF);
    callee.says(call::CALLS_WITH_VIDEO);
    callee.take_keyboard();
    callee.says_after("Return", "Path: Direct");
    caller.says(call::THEIR_PICTURE);

    caller.asks_to_stop();
    assert_eq!(caller.ended(), Some(0));
    callee.says(ended::HOW_WAS_IT);
    let (recent, report) = kept(&ada);
    assert_eq!(
        (&recent[0]["outcome"], &report["end"]["why"]),
        (&json!("talked"), &json!("normal")),
        "{report}"
    );
    callee.asks_to_stop();
    assert_eq!(callee.ended(), Some(0));
    assert_eq!(kept(&ben).1["end"]["why"], "normal");
}

#[test]
fn the_path_panel_stands_in_a_window_of_its_own_until_that_is_closed() {
    let _turn = my_turn();
    let Some(desktop) = Desktop::start() else { return };
    let server = ServerProgram::start();
    let folder = tempfile::tempdir().unwrap();
    profile(folder.path(), "Ada", server.url());
    let mut window = desktop.open("panel", folder.path(), &STAND_INS);
    window.says("You can be reached at");
    let main = window.has_another(APP);
    window.give_keyboard_to(&main);
    window.keys("F12");
    window.says(path_panel::HEADING_HERE);
    window.presses(path_panel::OWN_WINDOW);
    let own = window.has_another(path_panel::TITLE);
    assert_ne!(own, main);
    window.says_no_more(path_panel::HEADING_HERE);

    // Its first button closes it, the second takes it back.
    window.give_keyboard_to(&own);
    for key in ["Tab", "Tab", "Return"] {
        window.keys(key);
    }
    window.has_no_other(path_panel::TITLE);
    window.says(path_panel::HEADING_HERE);

    // Closed by its frame it is closed, and opens again where it was.
    window.presses(path_panel::OWN_WINDOW);
    let own = window.has_another(path_panel::TITLE);
    window.closes(&own);
    window.has_no_other(path_panel::TITLE);
    window.says_no_more(path_panel::HEADING_HERE);
    window.says("You can be reached at");
    window.give_keyboard_to(&main);
    window.keys("F12");
    let own = window.has_another(path_panel::TITLE);
    window.give_keyboard_to(&own);
    window.keys("F12");
    window.has_no_other(path_panel::TITLE);
    window.give_keyboard_to(&main);
    window.keys("ctrl+q");
    assert_eq!(window.ended(), Some(0));
}

#[test]
fn a_window_that_was_never_seen_ends_when_it_is_asked_to() {
    let _turn = my_turn();
    let Some(desktop) = Desktop::start() else { return };
    let server = ServerProgram::start();
    let folder = tempfile::tempdir().unwrap();
    profile(folder.path(), "Ada", server.url());
    let window = desktop.open("unseen", folder.path(), &[&STAND_INS[..], &["--hidden"]].concat());
    window.is_there();
    window.asks_to_stop();
    assert_eq!(window.ended(), Some(0));
}
