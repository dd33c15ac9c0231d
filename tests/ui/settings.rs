//! The settings: whatever is pressed is wished at once.

use std::sync::Arc;

use egui::{Key, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sightline::{
    logic::{
        desk::{
            Appearance, Checkup, DataUse, Preferences, ServerCard, ServerState, ServerWish, Snapshot, Wish,
        },
        devices::{Choice, DeviceKind},
    },
    ui::shell::Page,
};

use super::{
    pages::{Window, is_enabled, open, press, says, wished, write},
    samples,
};

fn open_part(snapshot: Snapshot, part: &str) -> Window {
    let mut window = open(snapshot, Page::Settings);
    window.get_by_role_and_label(Role::Tab, part).click();
    window.run();
    window
}

/// Presses it, and says what was changed by that.
fn preferred(window: &mut Window, name: &str) -> Preferences {
    press(window, name);
    match wished(window).as_slice() {
        [Wish::Prefer(preferences)] => (**preferences).clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_switch_changes_what_it_says_and_nothing_else() {
    let chosen = Preferences::default;
    let switches: [(&str, &str, Preferences); 12] = [
        ("You", "Show that I am online", Preferences { show_online: false, ..chosen() }),
        ("Sound and picture", "Remove echo", Preferences { echo_cancelling: false, ..chosen() }),
        ("Sound and picture", "Remove noise", Preferences { noise_suppression: false, ..chosen() }),
        ("Sound and picture", "Keep my voice at one level", Preferences { gain_control: false, ..chosen() }),
        ("Sound and picture", "Mirror my own picture", Preferences { mirror: false, ..chosen() }),
        ("Network", "Always relay calls", Preferences { always_relay: true, ..chosen() }),
        (
            "Network",
            "Let contacts see what my network is like",
            Preferences { contacts_may_examine: true, ..chosen() },
        ),
        ("Ringing", "Ring when somebody calls", Preferences { ring: false, ..chosen() }),
        (
            "Ringing",
            "Show calls and messages as notifications",
            Preferences { notifications: false, ..chosen() },
        ),
        (
            "Ringing",
            "Stay reachable when the window is closed",
            Preferences { keep_running: false, ..chosen() },
        ),
        ("Ringing", "Start without a window", Preferences { start_hidden: true, ..chosen() }),
        ("Files", "Keep a report of each call", Preferences { keep_reports: false, ..chosen() }),
    ];
    for (part, name, expected) in switches {
        let mut window = open_part(samples::at_home(), part);
        assert_eq!(preferred(&mut window, name), expected, "{name}");
    }
}

#[test]
fn one_of_several_is_chosen() {
    let chosen = Preferences::default;
    for (part, name, expected) in [
        ("Look", "Dark", Preferences { appearance: Appearance::Dark, ..chosen() }),
        ("Look", "Light", Preferences { appearance: Appearance::Light, ..chosen() }),
        ("Look", "200 %", Preferences { scale: 2.0, ..chosen() }),
        ("Sound and picture", "Least", Preferences { data_use: DataUse::Least, ..chosen() }),
    ] {
        let mut window = open_part(samples::at_home(), part);
        assert_eq!(preferred(&mut window, name), expected, "{name}");
    }
}

#[test]
fn what_is_chosen_already_is_not_wished_again() {
    let mut window = open_part(samples::at_home(), "Look");
    press(&mut window, "As the system");
    press(&mut window, "100 %");

    assert_eq!(wished(&mut window), []);
}

#[test]
fn without_a_tray_nothing_is_promised_that_needs_one() {
    let mut window = open_part(Snapshot { has_tray: false, ..samples::at_home() }, "Ringing");
    assert!(says(&window, "This desktop has no tray for icons"));
    assert!(!is_enabled(&window, "Start without a window"));
    press(&mut window, "Start without a window");

    assert_eq!(wished(&mut window), []);
}

#[test]
fn a_name_is_kept_when_it_is_left_and_not_at_every_letter() {
    let mut window = open(samples::at_home(), Page::Settings);
    write(&mut window, "Your name", " II");
    assert_eq!(wished(&mut window), []);
    window.key_press(Key::Enter);
    window.run();

    assert_eq!(wished(&mut window), [Wish::Rename { name: "Ada Lovelace II".to_owned() }]);
}

#[test]
fn key_and_place_can_be_copied() {
    let mut window = open(samples::at_home(), Page::Settings);
    press(&mut window, "Copy key");
    assert_eq!(window.state().copied, Some(samples::key(1).to_string()));

    let mut window = open_part(samples::at_home(), "Files");
    press(&mut window, "Copy path");
    assert_eq!(window.state().copied.as_deref(), Some("/home/ada/.config/sightline"));
    press(&mut window, "Choose…");
    assert_eq!(wished(&mut window), [Wish::ChooseDownloads]);
    assert!(!is_enabled(&window, "Use the usual one"), "it is in use");
}

#[test]
fn servers_are_added_chosen_and_forgotten() {
    let other = ServerCard {
        link: "https://other.example.net/".to_owned(),
        name: "other.example.net".to_owned(),
        state: ServerState::Idle,
        here: false,
    };
    let snapshot = Snapshot { servers: vec![samples::server(), other].into(), ..samples::at_home() };
    let mut window = open_part(snapshot, "Network");
    assert!(!is_enabled(&window, "In use: calls.example.org"));
    press(&mut window, "Use: other.example.net");
    press(&mut window, "Forget other.example.net");
    press(&mut window, "Check other.example.net");
    let link = || "https://other.example.net/".to_owned();
    assert_eq!(
        wished(&mut window),
        [
            ServerWish::Choose { link: link() },
            ServerWish::Remove { link: link() },
            ServerWish::Check { link: link() }
        ]
        .map(Wish::Server)
    );
    let running = Checkup::Running { since_unix_ms: samples::NOW_UNIX_MS, findings: Arc::default() };
    window.state_mut().snapshot.server_checks = [(link(), running)].into();
    window.run();
    assert!(!is_enabled(&window, "Check calls.example.org"), "one at a time");
    window.state_mut().snapshot.server_checks = [(link(), samples::checkup_limited())].into();
    window.run();
    assert!(is_enabled(&window, "Check calls.example.org"));
    assert!(says(&window, "Ask whoever runs the network"), "what can be done is said, beside that server");

    write(&mut window, "Link of a server", "ftp://nowhere");
    assert!(says(&window, "This is a link to something else"));
    assert!(!is_enabled(&window, "Add"));

    let mut window = open_part(samples::at_home(), "Network");
    write(&mut window, "Link of a server", &samples::link_to(4));
    press(&mut window, "Add");
    press(&mut window, "Run one on this computer");
    assert_eq!(
        wished(&mut window),
        [ServerWish::Add { text: samples::link_to(4) }, ServerWish::HostHere].map(Wish::Server)
    );
}

#[test]
fn a_device_that_is_gone_is_said_to_be_and_can_be_replaced() {
    let mut window = open_part(samples::strange_devices(), "Sound and picture");
    assert!(says(&window, "A device that is not plugged in now"));
    assert!(says(&window, "The camera Logitech BRIO was unplugged"));
    press(&mut window, "Camera");
    press(&mut window, "As the system has it: Integrated Camera");

    assert_eq!(wished(&mut window), [Wish::Use { kind: DeviceKind::Camera, choice: Choice::Default }]);
}

#[test]
fn the_microphone_is_heard_only_while_it_is_tried() {
    let mut window = open_part(samples::at_home(), "Sound and picture");
    let level = |window: &Window| {
        window.get_by_role_and_label(Role::Meter, "Microphone level").accesskit_node().numeric_value()
    };
    window.state_mut().loudness.here = 0.5;
    window.run();
    assert_eq!(level(&window), Some(0.0));

    window.state_mut().snapshot.shelf.previewing = true;
    window.run();
    assert_eq!(level(&window), Some(50.0));
}
