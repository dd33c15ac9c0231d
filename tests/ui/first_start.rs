//! The page of the first start.

use std::sync::Arc;

use egui::Vec2;
use egui_kittest::kittest::Queryable as _;
use sightline::{
    logic::{
        desk::{Checkup, FirstStart, Snapshot, Wish},
        devices::{Choice, DeviceId, DeviceKind},
    },
    ui::{shell::Page, theme},
};

use super::{
    pages::{is_enabled, open, open_in, press, says, wished, write},
    samples,
};

#[test]
fn the_suggested_name_is_taken_with_one_press() {
    let mut window = open(samples::first_start(), Page::Home);
    press(&mut window, "Begin");

    assert_eq!(wished(&mut window), [Wish::Rename { name: "Ada Lovelace".to_owned() }, Wish::Begin]);
}

#[test]
fn nothing_has_to_be_scrolled_in_the_window_that_it_opens_in() {
    let window = open_in(samples::first_start(), Page::Home, Vec2::new(1080.0, 720.0));
    let foot = window.get_by_label("Begin").rect().top();
    for last in ["Check the network", "Play a test sound"] {
        let end = window.get_by_label(last).rect().bottom() + theme::size().far;
        assert!(end <= foot, "{last} ends at {end}, the foot begins at {foot}");
    }
}

#[test]
fn another_name_can_be_typed() {
    let mut window =
        open(Snapshot { first_start: Some(FirstStart::default()), ..samples::first_start() }, Page::Home);
    write(&mut window, "Your name", " Ada ");
    press(&mut window, "Begin");

    assert_eq!(wished(&mut window), [Wish::Rename { name: "Ada".to_owned() }, Wish::Begin]);
}

#[test]
fn it_can_be_skipped_and_nothing_was_said_then() {
    let mut window = open(samples::first_start(), Page::Home);
    press(&mut window, "Skip");

    assert_eq!(wished(&mut window), [Wish::Begin]);
}

#[test]
fn camera_and_microphone_are_open_only_while_they_are_tried() {
    let mut window = open(samples::first_start(), Page::Home);
    assert!(says(&window, "The camera is off"), "nothing is opened unasked");
    press(&mut window, "Try camera and microphone");
    assert_eq!(wished(&mut window), [Wish::Preview { on: true }]);

    window.state_mut().snapshot.shelf.previewing = true;
    window.run();
    press(&mut window, "Stop");
    assert_eq!(wished(&mut window), [Wish::Preview { on: false }]);

    press(&mut window, "Skip");
    assert_eq!(wished(&mut window), [Wish::Preview { on: false }, Wish::Begin], "the camera is let go");
}

#[test]
fn a_device_is_chosen_from_its_list_and_a_sound_is_played() {
    let mut window = open(samples::first_start(), Page::Home);
    press(&mut window, "Microphone");
    press(&mut window, "Jabra Evolve2 65 Mono");
    press(&mut window, "Play a test sound");

    let choice = Choice::Id(DeviceId::new("mic-2"));
    assert_eq!(wished(&mut window), [Wish::Use { kind: DeviceKind::Microphone, choice }, Wish::TestSound]);
}

#[test]
fn the_network_is_looked_at_once_at_a_time_and_told_in_words() {
    let mut window = open(samples::first_start(), Page::Home);
    press(&mut window, "Check the network");
    assert_eq!(wished(&mut window), [Wish::Examine]);

    window.state_mut().snapshot.checkup =
        Checkup::Running { since_unix_ms: samples::NOW_UNIX_MS, findings: Arc::default() };
    window.run();
    assert!(!is_enabled(&window, "Check the network"));

    window.state_mut().snapshot.checkup = samples::checkup_limited();
    window.run();
    assert!(says(&window, "UDP does not get out of this network"));
    assert!(says(&window, "Ask whoever runs the network"), "what can be done is said");
    press(&mut window, "Check again");
    assert_eq!(wished(&mut window), [Wish::Examine]);

    window.state_mut().snapshot.checkup = Checkup::Failed { why: "There is no server to ask.".to_owned() };
    window.run();
    assert!(says(&window, "There is no server to ask."));
}
