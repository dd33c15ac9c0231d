//! The path panel: every part of it with every recorded path at every size, and what its buttons do.

#[cfg(target_os = "linux")]
mod drawn;
mod reports;

use std::sync::Arc;

use egui::{
    Key, Modifiers, Vec2,
    accesskit::{Role, Toggled},
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sightline::{
    logic::{
        course::{EndReason, Role as CallRole, Side, Stage},
        desk::{Checkup, EndedCard, Snapshot, Wish},
        doctor::{About, Finding, Severity},
        evidence::{Hindrance, Trial},
        interfaces::{Flags, InterfaceSeen, judge},
        path::{PathPolicy, PathReport},
        report::CallReport,
    },
    ui::shell::Page,
};

use super::{
    calls::script::{card, ended, ringing, talking, with_call, with_ended},
    pages::{Window, nameless, open_in, press, says, wished},
    samples,
};
use reports::{all, evidence, named, shared};

/// Wide, the least that the panel stands beside the page in, and narrow.
const SIZES: [Vec2; 3] = [Vec2::new(1280.0, 800.0), Vec2::new(900.0, 600.0), Vec2::new(400.0, 700.0)];

pub(super) const PARTS: [&str; 9] =
    ["Map", "Candidates", "Pairs", "Relay", "Timeline", "Graphs", "Media", "Log", "This computer"];

/// A call that goes by that path, and has run for ten minutes.
pub(super) fn in_call(report: PathReport) -> Snapshot {
    let mut card = talking();
    card.path = shared(report);
    card.evidence = Arc::new(evidence(600));
    with_call(card)
}

fn over(report: PathReport) -> Snapshot {
    let mut call = CallReport::begin("call-7".to_owned(), CallRole::Caller, 1_795_000_000_000);
    call.path = report;
    call.evidence = evidence(95);
    let card = ended(EndReason::Normal, Side::Them);
    with_ended(EndedCard { report: Some(Arc::new(call)), ..card })
}

fn with_panel(snapshot: Snapshot, size: Vec2) -> Window {
    let mut window = open_in(snapshot, Page::Home, size);
    window.key_press(Key::F12);
    window.run();
    wished(&mut window);
    window
}

fn turn_to(window: &mut Window, part: &str) {
    window.get_by_role_and_label(Role::Tab, part).click();
    window.run();
}

/// What a person wanted, besides how large a picture is drawn, which the page says by itself.
fn wanted(window: &mut Window) -> Vec<Wish> {
    wished(window).into_iter().filter(|wish| !matches!(wish, Wish::Drawn { .. })).collect()
}

fn check(window: &mut Window, what: &str, size: Vec2) {
    let without = nameless(window);
    assert!(without.is_empty(), "{what}, {size}: {without:#?}");
    for node in window.root().children_recursive() {
        let node = node.accesskit_node();
        let Some(bounds) = node.bounding_box() else { continue };
        let is_seen = egui::accessibility::is_input(node.role()) || node.role() == Role::Label;
        if is_seen && bounds.x1 > bounds.x0 {
            let fits = bounds.x0 >= -1.0 && bounds.x1 <= f64::from(size.x) + 1.0;
            assert!(fits, "{what}, {size}: {:?} {:?} at {bounds:?}", node.role(), node.label());
        }
    }
}

#[test]
fn every_part_is_named_and_stays_inside_with_every_path_at_every_size() {
    for (name, report) in all() {
        for size in SIZES {
            let mut window = with_panel(in_call(report.clone()), size);
            for part in PARTS {
                turn_to(&mut window, part);
                check(&mut window, &format!("{name}, {part}"), size);
            }
        }
    }
}

#[test]
fn a_panel_that_nobody_touches_rests() {
    for part in PARTS {
        for size in SIZES {
            let mut window = with_panel(in_call(named("switched thrice")), size);
            turn_to(&mut window, part);
            // The call's clock is told once a second, and nothing else.
            window.run();
            assert_eq!(window.run_ok(), Some(1), "{part} at {size} asks to be drawn again and again");
        }
    }
}

#[test]
fn it_opens_in_a_call_while_it_rings_after_it_and_without_one() {
    let situations = [
        ("in a call", in_call(named("direct")), "The path of this call"),
        (
            "it rings here",
            with_call(ringing(card(Stage::RingingHere).who, talking().media)),
            "The path of this call",
        ),
        ("it rings there", with_call(card(Stage::RingingThere)), "The path of this call"),
        ("after it", over(named("direct")), "The path of the call that was"),
        (
            "the report is being written",
            with_ended(ended(EndReason::Normal, Side::Them)),
            "The path of the call that was",
        ),
        ("without one", samples::at_home(), "How the network looks from here"),
    ];
    for (situation, snapshot, heading) in situations {
        for size in SIZES {
            let mut window = with_panel(snapshot.clone(), size);
            assert!(says(&window, heading), "{situation}, {size}");
            check(&mut window, situation, size);
            window.key_press(Key::Escape);
            window.run();
            assert!(!says(&window, heading), "{situation}, {size}: Escape closes it");
            assert!(wanted(&mut window).is_empty(), "{situation}: Escape does nothing else");
        }
    }
}

#[test]
fn each_line_and_each_box_of_the_map_is_a_sentence() {
    let window = with_panel(in_call(named("relayed by TLS")), SIZES[0]);
    for sentence in [
        "your router → calls.example.org · TLS: works, in use",
        "calls.example.org → their router: works, in use",
        "your router → their router · UDP: does not work",
        "Their router: 192.0.2.77, translates",
        "this network lets no UDP out",
    ] {
        assert!(says(&window, sentence) || says(&window, &capital(sentence)), "{sentence}");
    }
}

#[test]
fn what_is_lost_is_told_by_the_line_in_use_and_nowhere_else() {
    for (name, said) in [
        ("direct", true),
        ("relayed by UDP", true),
        ("relayed by TLS", true),
        ("relayed by them", true),
        ("relayed by both", true),
        ("mid-gathering", false),
        ("they are not reached", false),
    ] {
        for size in SIZES {
            let window = with_panel(in_call(named(name)), size);
            assert_eq!(says(&window, "Of what you send 0."), said, "{name}, {size}");
        }
    }
    let mut snapshot = in_call(named("direct"));
    snapshot.call.as_mut().unwrap().evidence = Arc::default();
    assert!(!says(&with_panel(snapshot, SIZES[0]), "Of what you send"), "nothing was measured yet");
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[test]
fn pairs_are_sorted_filtered_and_opened() {
    let rows = |window: &Window| -> Vec<String> {
        let all = window.root().children_recursive().map(|node| node.accesskit_node());
        let rows = all.filter(|node| node.role() == Role::ListBoxOption);
        rows.filter_map(|node| node.label()).collect()
    };
    let mut window = with_panel(in_call(named("direct")), SIZES[0]);
    turn_to(&mut window, "Pairs");
    assert_eq!(rows(&window).len(), 3);
    press(&mut window, "Sort by: Sent");
    press(&mut window, "Sorted by: Sent, smallest first");
    assert!(rows(&window)[0].contains("Sent 7"), "{:?}", rows(&window));
    press(&mut window, "Only what works");
    assert_eq!(rows(&window).len(), 2);
    window.get_by_label("Filter: Pairs").focus();
    window.run();
    window.get_by_label("Filter: Pairs").type_text("203.0.113");
    window.run();
    let left = rows(&window);
    assert_eq!(left.len(), 1, "{left:?}");
    press(&mut window, &left[0]);
    assert!(says(&window, "You asked 2 times; 2 answers came back."));
    assert!(says(&window, "There and back, measured 2 times: 23 ms on average."));
    // What there is no room for as a column is told by the row that is open.
    assert!(says(&window, "Trips, total") && says(&window, "45 ms"));
    press(&mut window, "Copy: Your end");
    assert_eq!(window.state().copied.as_deref(), Some("203.0.113.10:50000"));
}

#[test]
fn a_candidate_says_which_connection_of_the_call_it_is_of() {
    let mut window = with_panel(in_call(named("switched thrice")), SIZES[0]);
    turn_to(&mut window, "Candidates");
    let rows = |window: &Window| -> Vec<String> {
        let all = window.root().children_recursive().map(|node| node.accesskit_node());
        all.filter(|node| node.role() == Role::ListBoxOption).filter_map(|node| node.label()).collect()
    };
    let last = rows(&window).into_iter().rfind(|row| row.contains("Leg 3")).expect("a candidate of leg 3");
    press(&mut window, &last);
    assert!(says(&window, "Of connection 3, "), "{last}");
    assert!(says(&window, "Generation"));
}

#[test]
fn a_table_is_copied_as_it_is_shown() {
    let mut window = with_panel(in_call(named("direct")), SIZES[0]);
    turn_to(&mut window, "Pairs");
    for (form, begin) in [("text", "State "), ("Markdown", "| State | Your end |"), ("JSON", "[")] {
        press(&mut window, "Copy the table: Pairs");
        press(&mut window, &format!("Copy as {form}"));
        let copied = window.state().copied.clone().unwrap();
        assert!(copied.starts_with(begin) && copied.contains("192.168.1.7:40000"), "{form}: {copied}");
    }
}

#[test]
fn a_thousand_rows_cost_what_can_be_seen() {
    let mut window = with_panel(in_call(named("60 candidates")), SIZES[0]);
    turn_to(&mut window, "Pairs");
    let drawn =
        window.root().children_recursive().filter(|node| node.accesskit_node().role() == Role::ListBoxOption);
    let drawn = drawn.count();
    assert!((10..60).contains(&drawn), "{drawn} of 256 rows are drawn");
}

#[test]
fn what_one_can_do_is_wished() {
    let mut window = with_panel(in_call(named("direct")), SIZES[0]);
    press(&mut window, "Look for a path again");
    assert_eq!(wanted(&mut window), [Wish::Trial(Trial::Restart)]);
    press(&mut window, "Allowed paths");
    press(&mut window, "Relay by TLS only");
    assert_eq!(wanted(&mut window), [Wish::Trial(Trial::Path(PathPolicy::RelayTls))]);
    press(&mut window, "Hinder my sending");
    press(&mut window, "10 % lost");
    let ten = Hindrance { loss_percent: 10, ..Hindrance::default() };
    assert_eq!(wanted(&mut window), [Wish::Trial(Trial::Hinder(ten))]);
    turn_to(&mut window, "This computer");
    press(&mut window, "Check the network");
    assert_eq!(wanted(&mut window), [Wish::Examine]);

    let mut window = with_panel(over(named("direct")), SIZES[0]);
    let save = window.get_all_by_label("Save report").last().unwrap();
    save.click();
    window.run();
    assert_eq!(wanted(&mut window), [Wish::SaveReport]);
}

#[test]
fn a_hindrance_is_told_in_every_part_until_it_is_stopped() {
    let hindered = Hindrance { loss_percent: 10, ..Hindrance::default() };
    let mut snapshot = in_call(named("direct"));
    snapshot.call.as_mut().unwrap().evidence =
        Arc::new(sightline::logic::evidence::Evidence { hindrance: hindered, ..evidence(20) });
    for size in SIZES {
        let mut window = with_panel(snapshot.clone(), size);
        for part in PARTS {
            turn_to(&mut window, part);
            assert!(says(&window, "You hinder your own sending: 10 % lost."), "{part}, {size}");
        }
        press(&mut window, "Stop");
        assert_eq!(wanted(&mut window), [Wish::Trial(Trial::Hinder(Hindrance::default()))]);
    }
}

#[test]
fn what_is_pointed_at_in_the_timeline_is_marked_in_the_graphs() {
    let mut window = with_panel(in_call(named("direct")), Vec2::new(1280.0, 1400.0));
    turn_to(&mut window, "Timeline");
    window.get_by_label_contains("stood still for 0.9 s").focus();
    window.run();
    turn_to(&mut window, "Graphs");
    assert!(says(&window, "Rate, Mbit/s") && says(&window, "Unevenness, ms"));
    window.get_by_role_and_label(Role::Button, "Pause").click();
    window.run();
    assert!(says(&window, "Go on"));
    turn_to(&mut window, "Timeline");
    let marked = window.root().children_recursive().find(|node| {
        node.accesskit_node().toggled() == Some(Toggled::True)
            && node.accesskit_node().role() == Role::ListBoxOption
    });
    assert!(marked.unwrap().accesskit_node().label().unwrap().contains("stood still"));
}

#[test]
fn the_keyboard_opens_and_closes_it_and_the_chat_takes_its_place() {
    let mut window = with_panel(in_call(named("direct")), SIZES[0]);
    window.key_press_modifiers(Modifiers::COMMAND, Key::T);
    window.run();
    assert!(!says(&window, "Parts of the panel") && says(&window, "Write a message"));
    window.key_press(Key::F12);
    window.run();
    assert!(says(&window, "The path of this call") && !says(&window, "Write a message"));
    window.key_press(Key::F12);
    window.run();
    assert!(!says(&window, "The path of this call"));
}

#[test]
fn without_a_call_the_networks_of_this_computer_are_listed_as_a_call_would_judge_them() {
    let up = Flags { up: true, ..Flags::default() };
    let seen = |names: &[(&str, &str)]| -> Arc<[InterfaceSeen]> {
        names.iter().map(|(name, address)| judge(name, up, address.parse().unwrap())).collect()
    };
    let mut snapshot = samples::at_home();
    snapshot.network = seen(&[("wlan0", "192.168.1.7"), ("docker0", "172.17.0.1")]);
    for size in SIZES {
        let mut window = with_panel(snapshot.clone(), size);
        let listed =
            ["Interface wlan0, Address 192.168.1.7, Kind Wi-Fi, Used yes", "Why not it leads to virtual"];
        for words in listed {
            assert!(says(&window, words), "{words}, {size}");
        }
        check(&mut window, "networks", size);
        window.state_mut().snapshot.network = seen(&[("eth0", "10.0.0.9")]);
        window.run();
        assert!(says(&window, "Interface eth0") && !says(&window, "wlan0"), "as soon as the system says so");
    }
}

#[test]
fn what_the_doctor_finds_appears_while_it_looks() {
    let found = |severity, what: &str| Finding {
        severity,
        about: About::Udp,
        what: what.to_owned(),
        next: (severity > Severity::Fine).then(|| "Allow UDP out in the firewall.".to_owned()),
    };
    let running = |findings: &[Finding]| Checkup::Running {
        since_unix_ms: samples::NOW_UNIX_MS,
        findings: findings.into(),
    };
    let all = [
        found(Severity::Fine, "The server is reached."),
        found(Severity::Warning, "UDP does not get through."),
    ];
    for size in SIZES {
        let mut window = with_panel(samples::at_home(), size);
        for known in 0..=all.len() {
            window.state_mut().snapshot.checkup = running(&all[..known]);
            window.run();
            for (index, finding) in all.iter().enumerate() {
                assert_eq!(says(&window, &finding.what), index < known, "{}, {size}", finding.what);
            }
            check(&mut window, "a look under way", size);
        }
    }
}

#[test]
fn the_servers_are_one_press_away() {
    let mut window = with_panel(samples::at_home(), SIZES[0]);
    window.get_all_by_label("Servers").last().unwrap().click();
    window.run();
    assert_eq!(window.state().shell.page, Page::Settings);
}
