//! The pages of a call, in all its states.

pub(super) mod script;

use egui::{Key, Modifiers, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sightline::{
    logic::{
        course::{EndReason, Side, Stage, Status, Step},
        desk::{
            Complaint, ContactChange, FileWish, MessageState, NoticeKind, Snapshot, Survey, TransferState,
            Wish,
        },
    },
    ui::{
        copy::{call::outgoing, chat::for_file, ended::complaint},
        shell::Page,
        theme,
    },
};

use super::pages::{SIZES, Window, is_enabled, nameless, open, open_in, over_the_edge, press, says, wished};
use script::*;

fn show(snapshot: Snapshot) -> Window {
    let mut window = open(snapshot, Page::Home);
    wished(&mut window);
    window
}

/// What a person wanted, besides how large a picture is drawn, which the page says by itself.
fn wanted(window: &mut Window) -> Vec<Wish> {
    wished(window).into_iter().filter(|wish| !matches!(wish, Wish::Drawn { .. })).collect()
}

fn strike(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run();
}

fn busy() -> Snapshot {
    let mut card = talking();
    card.messages = conversation().into();
    card.transfers = files().into();
    with_call(card)
}

/// All situations that a call may be in.
fn situations() -> Vec<(&'static str, Snapshot)> {
    let stage = |stage| with_call(card(stage));
    let ends = [
        EndReason::Normal,
        EndReason::Declined,
        EndReason::Busy,
        EndReason::Cancelled,
        EndReason::NoAnswer,
        EndReason::Unreachable,
        EndReason::ConnectFailed(Step::Checks),
        EndReason::Lost,
        EndReason::RefusedLink,
        EndReason::IncompatibleVersion,
        EndReason::Replaced,
    ];
    let notices = [
        notice(1, NoticeKind::Done, "Ada Lovelace was removed from your contacts.", None, true),
        notice(2, NoticeKind::Problem, "The camera is used by another program.", Some("camera.busy"), false),
    ];
    let mut all = vec![
        ("a contact rings", with_call(ringing(ada(), BOTH))),
        ("somebody new rings", with_call(ringing(stranger(Some("Ada")), BOTH))),
        ("somebody without a name rings", with_call(ringing(stranger(None), SOUND))),
        ("inviting", stage(Stage::Inviting)),
        ("ringing there", stage(Stage::RingingThere)),
        ("connecting", stage(Stage::Connecting)),
        ("talking", with_call(talking())),
        ("reconnecting", stage(Stage::Reconnecting)),
        ("chat and files", busy()),
        ("notices", Snapshot { notices: notices.into(), ..with_call(talking()) }),
    ];
    all.extend(ends.map(|end| ("ended", with_ended(ended(end, Side::Nobody)))));
    all
}

#[test]
fn every_control_of_a_call_has_a_name_in_every_situation() {
    for (situation, snapshot) in situations() {
        for size in SIZES {
            for keys in [None, Some((Modifiers::COMMAND, Key::T)), Some((Modifiers::NONE, Key::F12))] {
                let mut window = open_in(snapshot.clone(), Page::Home, size);
                if let Some((modifiers, key)) = keys {
                    strike(&mut window, modifiers, key);
                }
                let without = nameless(&window);
                assert!(without.is_empty(), "{situation}, {keys:?}, {size}: {without:#?}");
            }
        }
    }
}

#[test]
fn nothing_of_a_call_reaches_over_the_edge_of_the_window() {
    for (situation, snapshot) in situations() {
        for size in SIZES {
            let window = open_in(snapshot.clone(), Page::Home, size);
            let over = over_the_edge(&window, size);
            assert!(over.is_empty(), "{situation}, {size}: {over:#?}");
        }
    }
}

#[test]
fn a_call_can_be_declined_in_the_smallest_window_with_everything_twice_as_large() {
    let mut window = open_in(with_call(ringing(stranger(Some("Ada")), BOTH)), Page::Home, SIZES[3]);
    press(&mut window, "Decline");
    assert_eq!(wanted(&mut window), [Wish::Decline]);
    let place = window.get_by_label("Decline").accesskit_node().bounding_box().unwrap();
    assert!(place.y0 >= 0.0 && place.y1 <= f64::from(SIZES[3].y), "it was scrolled to: {place:?}");
}

#[test]
fn a_call_that_rings_is_taken_or_not_by_button_and_by_key() {
    for (name, media) in [("Accept with video", BOTH), ("Sound only", SOUND)] {
        let mut window = show(with_call(ringing(ada(), BOTH)));
        press(&mut window, name);
        assert_eq!(wanted(&mut window), [Wish::Answer { media }]);
    }
    let mut window = show(with_call(ringing(ada(), BOTH)));
    press(&mut window, "Decline");
    assert_eq!(wanted(&mut window), [Wish::Decline]);

    for (key, wish) in [(Key::Enter, Wish::Answer { media: BOTH }), (Key::Escape, Wish::Decline)] {
        let mut window = show(with_call(ringing(ada(), BOTH)));
        strike(&mut window, Modifiers::NONE, key);
        assert_eq!(wanted(&mut window), [wish]);
    }
}

#[test]
fn a_name_that_nothing_proves_is_marked_as_such() {
    let window = show(with_call(ringing(stranger(Some("Ada")), BOTH)));
    assert!(says(&window, "Someone new") && says(&window, "Anybody can use any name"));

    let window = show(with_call(ringing(ada(), BOTH)));
    assert!(says(&window, "Ada Lovelace") && !says(&window, "Anybody can use any name"));
}

#[test]
fn what_is_said_while_it_rings_changes_with_what_happens() {
    let mut said = Vec::new();
    for stage in [Stage::Inviting, Stage::RingingThere, Stage::Connecting] {
        let window = show(with_call(card(stage)));
        let words = outgoing(stage);
        assert!(says(&window, words), "{stage:?}: {words}");
        said.push(words);
    }
    said.dedup();
    assert_eq!(said.len(), 3);

    let mut window = show(with_call(card(Stage::RingingThere)));
    press(&mut window, "Cancel call");
    assert_eq!(wanted(&mut window), [Wish::HangUp]);
}

#[test]
fn microphone_camera_and_hanging_up_work_by_button_and_by_key() {
    let quiet = Status { muted: true, camera_off: true, ..Status::default() };
    let off = |ours| {
        let mut card = talking();
        card.ours = ours;
        with_call(card)
    };
    for (ours, name, key, wish) in [
        (Status::default(), "Microphone", Key::D, Wish::Microphone { on: false }),
        (quiet, "Microphone", Key::D, Wish::Microphone { on: true }),
        (Status::default(), "Camera", Key::E, Wish::Camera { on: false }),
        (quiet, "Camera", Key::E, Wish::Camera { on: true }),
    ] {
        let mut window = show(off(ours));
        press(&mut window, name);
        assert_eq!(wanted(&mut window), std::slice::from_ref(&wish), "{name}");
        strike(&mut window, Modifiers::COMMAND, key);
        assert_eq!(wanted(&mut window), [wish], "{name} by key");
    }
    let mut window = show(with_call(talking()));
    press(&mut window, "Hang up");
    strike(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::H);
    assert_eq!(wanted(&mut window), [Wish::HangUp, Wish::HangUp]);
    assert!(!is_enabled(&window, "Show your screen"));
}

#[test]
fn one_plain_line_says_how_the_call_travels() {
    let mut card = talking();
    assert!(says(&show(with_call(card.clone())), "Direct · 23 ms"));

    card.path = Some(std::sync::Arc::new(relayed()));
    card.round_trip_ms = Some(61.2);
    let mut window = show(with_call(card));
    assert!(says(&window, "Relayed by relay.example.org over TLS · 61 ms"));
    strike(&mut window, Modifiers::NONE, Key::F12);
    assert!(says(&window, "The path of this call") && says(&window, "no answer to 14 checks"));
}

#[test]
fn the_size_of_their_picture_is_told_when_it_changes_and_not_with_each_drawing() {
    let mut window = open(with_call(talking()), Page::Home);
    let told = |window: &mut Window| {
        // A size counts when it has stayed.
        for _ in 0..30 {
            window.step();
        }
        wished(window).into_iter().filter(|wish| matches!(wish, Wish::Drawn { .. })).count()
    };
    assert_eq!(told(&mut window), 1);
    assert_eq!(told(&mut window), 0);
    window.set_size(SIZES[1]);
    assert_eq!(told(&mut window), 1);
}

#[test]
fn a_message_is_sent_with_enter_and_shows_what_became_of_it() {
    let mut window = show(with_call(talking()));
    strike(&mut window, Modifiers::COMMAND, Key::T);
    window.get_by_label("Write a message").type_text("Hello Ada");
    window.run();
    strike(&mut window, Modifiers::NONE, Key::Enter);
    let said: Vec<_> =
        wanted(&mut window).into_iter().filter(|wish| matches!(wish, Wish::Say { .. })).collect();
    assert_eq!(said, [Wish::Say { text: "Hello Ada".to_owned() }]);

    let mut card = talking();
    card.messages = [message(1, Side::Us, "Hello Ada", MessageState::Waiting)].into();
    let mut window = show(with_call(card));
    strike(&mut window, Modifiers::COMMAND, Key::T);
    assert!(says(&window, "Hello Ada") && says(&window, "waiting"));
}

#[test]
fn a_file_is_taken_or_not_and_can_be_held() {
    let mut card = talking();
    card.transfers = [
        transfer(7, Side::Them, "plan.svg", TransferState::Offered),
        transfer(8, Side::Us, "song.wav", TransferState::Going),
    ]
    .into();
    let mut window = show(with_call(card));
    strike(&mut window, Modifiers::COMMAND, Key::T);
    wanted(&mut window);
    for (action, name, id, wish) in [
        ("Accept", "plan.svg", 7, FileWish::Accept),
        ("Decline", "plan.svg", 7, FileWish::Decline),
        ("Pause", "song.wav", 8, FileWish::Pause),
        ("Cancel", "song.wav", 8, FileWish::Cancel),
    ] {
        press(&mut window, &for_file(action, name));
        assert_eq!(wanted(&mut window), [Wish::File { id, wish }], "{action} {name}");
    }
}

#[test]
fn after_a_call_there_is_a_reason_and_a_next_step() {
    let mut card = ended(EndReason::Normal, Side::Them);
    card.can_redial = true;
    let mut window = show(with_ended(card.clone()));
    assert!(says(&window, "They hung up."));
    press(&mut window, "Not good");
    assert_eq!(wanted(&mut window), [Wish::Answered(Survey { was_good: Some(false), ..Survey::default() })]);
    strike(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(wanted(&mut window), [Wish::PutAway]);

    card.survey = Survey { was_good: Some(false), complaints: Vec::new() };
    let mut window = show(with_ended(card.clone()));
    press(&mut window, complaint(Complaint::Echo));
    let echo = Survey { was_good: Some(false), complaints: vec![Complaint::Echo] };
    assert_eq!(wanted(&mut window), [Wish::Answered(echo)]);

    card.who = stranger(Some("Ada"));
    let key = card.who.key;
    let mut window = show(with_ended(card));
    press(&mut window, "Save as contact");
    let add = ContactChange::Add { name: Some("Ada".to_owned()) };
    let without = ContactChange::Add { name: None };
    let wishes = wanted(&mut window);
    assert!(
        wishes == [Wish::Contact { key, change: add }] || wishes == [Wish::Contact { key, change: without }],
        "{wishes:?}"
    );
}

#[test]
fn the_page_after_a_call_needs_no_scrolling_in_a_window_as_it_opens() {
    let mut card = ended(EndReason::Normal, Side::Them);
    card.who = stranger(Some("Ada"));
    card.messages = busy().call.unwrap().messages;
    let (size, room) = (Vec2::new(1080.0, 720.0), f64::from(theme::size().near));
    let window = open_in(with_ended(card), Page::Home, size);
    assert!(says(&window, "Save report"));
    for node in window.root().children_recursive() {
        let node = node.accesskit_node();
        let (Some(name), Some(place)) = (node.label(), node.bounding_box()) else { continue };
        assert!(place.y1 <= f64::from(size.y) - room, "{name} ends at {}", place.y1);
    }
}

#[test]
fn a_notice_is_put_away_or_taken_back() {
    let notices = [notice(1, NoticeKind::Done, "Ada Lovelace was removed from your contacts.", None, true)];
    let mut window = show(Snapshot { notices: notices.into(), ..with_call(talking()) });
    assert!(says(&window, "Ada Lovelace was removed"));
    press(&mut window, "Undo: Ada Lovelace was removed from your contacts.");
    assert_eq!(wanted(&mut window), [Wish::Undo { id: 1 }]);
}
