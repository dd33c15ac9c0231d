//! Home: links, people, calls that were.

use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sightline::{
    logic::desk::{ContactChange, EchoTest, NewLink, ServerCard, ServerState, Snapshot, Wish},
    ui::shell::Page,
};
use sightline_protocol::call::Media;

use super::{
    pages::{SIZES, is_enabled, open, open_in, press, says, wished, write},
    samples,
};

const VIDEO: Media = Media { audio: true, video: true };
const SOUND: Media = Media { audio: true, video: false };

#[test]
fn a_pasted_link_is_called_with_enter_and_with_either_button() {
    for (how, media) in [("Enter", VIDEO), ("Video call", VIDEO), ("Sound only", SOUND)] {
        let mut window = open(samples::at_home(), Page::Home);
        let text = format!("  Ring me: <{}> ", samples::link_to(99));
        write(&mut window, "Their link", &text);
        assert!(says(&window, "A link to somebody new, reached at calls.example.org"));
        if how == "Enter" {
            window.key_press(Key::Enter);
            window.run();
        } else {
            press(&mut window, how);
        }
        assert_eq!(wished(&mut window), [Wish::CallLink { text: text.trim().to_owned(), media }], "{how}");
        assert_eq!(
            window.get_by_label("Their link").value().unwrap_or_default(),
            "",
            "the field is empty again"
        );
    }
}

#[test]
fn the_field_says_who_a_link_belongs_to_before_anybody_is_called() {
    let mut window = open(samples::at_home(), Page::Home);
    assert!(!is_enabled(&window, "Video call"));
    write(&mut window, "Their link", &samples::link_to(4));
    assert!(says(&window, "This is Grace Hopper"));
    assert!(is_enabled(&window, "Video call"));
    assert!(!is_enabled(&window, "Save this link as contact"), "she is one already");

    let mut window = open(samples::at_home(), Page::Home);
    write(&mut window, "Their link", &samples::link_to(1));
    assert!(says(&window, "This is your own link."));
    assert!(!is_enabled(&window, "Video call"));
}

#[test]
fn a_wrong_link_is_explained_and_calls_nobody() {
    let mut window = open(samples::at_home(), Page::Home);
    write(&mut window, "Their link", "https://calls.example.org/");
    assert!(says(&window, "The link names a server but nobody on it"));
    window.key_press(Key::Enter);
    window.run();

    assert_eq!(wished(&mut window), []);
    assert!(!is_enabled(&window, "Video call"));
}

#[test]
fn whoever_a_link_belongs_to_can_be_saved_without_a_call() {
    let mut window = open(samples::at_home(), Page::Home);
    write(&mut window, "Their link", &samples::link_to(99));
    press(&mut window, "Save this link as contact");

    assert_eq!(wished(&mut window), [Wish::AddContact { text: samples::link_to(99), name: None }]);
}

#[test]
fn my_link_is_copied_by_button_and_by_key_and_nothing_moves() {
    let mut window = open(samples::at_home(), Page::Home);
    let button = |window: &super::pages::Window, text: &str| {
        window.get_all_by_label(text).map(|node| node.rect()).max_by(|a, b| a.top().total_cmp(&b.top()))
    };
    let before = button(&window, "Copy link");
    let place = before.expect("a button").center();
    window.hover_at(place);
    window.drag_at(place);
    window.drop_at(place);
    window.step();
    window.step();
    window.step();
    assert_eq!(button(&window, "Copied"), before, "the button stays where it is and as wide");

    let mut window = open(samples::at_home(), Page::Home);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    window.run();
    assert_eq!(window.state().copied, Some(samples::link_to(1)));
}

#[test]
fn copied_is_said_for_a_while_and_then_no_longer() {
    let mut window = open(samples::at_home(), Page::Home);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    window.step();
    window.step();
    assert!(says(&window, "Copied"));
    window.run_steps(10);
    assert!(!says(&window, "Copied"));
}

#[test]
fn the_pattern_of_my_link_opens_beside_its_button() {
    let mut window = open(samples::at_home(), Page::Home);
    press(&mut window, "QR code");
    let pattern = window.get_by_role_and_label(Role::Image, "QR code of your link").rect();
    assert!(pattern.width() > 200.0 && (pattern.width() - pattern.height()).abs() < 0.1, "{pattern}");
}

#[test]
fn links_for_a_while_are_made_noted_and_revoked() {
    let mut window = open(samples::with_links(), Page::Home);
    press(&mut window, "Other links (2)");
    assert!(says(&window, "For the plumber") && says(&window, "For another 5 days"));
    press(&mut window, "Revoke: For the plumber");
    assert_eq!(wished(&mut window), [Wish::RevokeLink { id: "one".to_owned() }]);

    press(&mut window, "New link");
    assert_eq!(wished(&mut window), [Wish::MakeLink { kind: NewLink::OneTime, note: None }]);
    press(&mut window, "A week");
    write(&mut window, "Note", "For the painter");
    press(&mut window, "New link");
    let kind = NewLink::For { hours: 168 };
    assert_eq!(wished(&mut window), [Wish::MakeLink { kind, note: Some("For the painter".to_owned()) }]);
}

#[test]
fn a_contact_is_called_renamed_and_let_go() {
    let mut window = open(samples::at_home(), Page::Home);
    let grace = samples::key(4);
    press(&mut window, "Call Grace Hopper with video");
    press(&mut window, "Call Grace Hopper, sound only");
    let call = |media| Wish::CallContact { key: grace, media };
    assert_eq!(wished(&mut window), [call(VIDEO), call(SOUND)]);

    press(&mut window, "More about Grace Hopper");
    press(&mut window, "Remove");
    assert_eq!(wished(&mut window), [Wish::Contact { key: grace, change: ContactChange::Remove }]);

    press(&mut window, "More about Grace Hopper");
    press(&mut window, "Rename");
    write(&mut window, "Their name", " II");
    window.key_press(Key::Enter);
    window.run();
    let change = ContactChange::Rename { name: "Grace Hopper II".to_owned() };
    assert_eq!(wished(&mut window), [Wish::Contact { key: grace, change }]);
    assert!(window.query_by_label("Their name").is_none(), "the row is a row again");
}

#[test]
fn renaming_is_left_without_a_trace() {
    let mut window = open(samples::at_home(), Page::Home);
    press(&mut window, "More about Grace Hopper");
    press(&mut window, "Rename");
    press(&mut window, "Cancel");

    assert_eq!(wished(&mut window), []);
    assert!(window.query_by_label("Their name").is_none());
}

#[test]
fn somebody_is_added_by_their_link() {
    let mut window = open(samples::nobody_yet(), Page::Home);
    assert!(says(&window, "Nobody here yet"));
    press(&mut window, "Add contact");
    assert!(!is_enabled(&window, "Add"));
    let fields: Vec<_> = window.get_all_by_label("Their link").collect();
    assert_eq!(fields.len(), 2);
    assert!(fields.iter().any(|field| field.is_focused()), "one may type at once");
    drop(fields);
    window.event(egui::Event::Text(samples::link_to(50)));
    window.run();
    write(&mut window, "Their name", "Alan");
    press(&mut window, "Add");

    assert_eq!(
        wished(&mut window),
        [Wish::AddContact { text: samples::link_to(50), name: Some("Alan".to_owned()) }]
    );
}

#[test]
fn whoever_cannot_be_called_says_so() {
    let mut snapshot = samples::at_home();
    let mut contacts = snapshot.contacts.to_vec();
    contacts[2].link = None;
    snapshot.contacts = contacts.into();
    let window = open(snapshot, Page::Home);

    assert!(!is_enabled(&window, "Call Grace Hopper with video"));
    assert!(is_enabled(&window, "Call Annabella Byron with video"));
}

#[test]
fn calls_that_were_say_what_became_of_them_and_are_called_again() {
    let mut window = open(samples::at_home(), Page::Home);
    press(&mut window, "Recent calls (2 missed)");
    assert_eq!(wished(&mut window), [Wish::SeenMissed], "said once");
    window.run();
    assert_eq!(wished(&mut window), []);
    for words in [
        "Missed · 12 minutes ago",
        "Talked · 3 hours ago · 7:44 · Direct · 23 ms",
        "They declined · yesterday",
        "You declined · 2 days ago",
        "No path was found · 3 days ago",
        "“Alan”, not a contact",
    ] {
        assert!(says(&window, words), "{words}");
    }
    press(&mut window, "Call Annabella Byron with video");
    assert_eq!(wished(&mut window), [Wish::Redial { id: "call-2".to_owned(), media: VIDEO }]);

    press(&mut window, "More about the call with “Alan”, not a contact");
    press(&mut window, "Save as contact");
    let change = ContactChange::Add { name: None };
    assert_eq!(wished(&mut window), [Wish::Contact { key: samples::key(20), change }]);

    press(&mut window, "More about the call with “Alan”, not a contact");
    press(&mut window, "Forget this call");
    press(&mut window, "Forget all");
    assert_eq!(
        wished(&mut window),
        [Wish::Forget { id: Some("call-3".to_owned()) }, Wish::Forget { id: None }]
    );
}

#[test]
fn ten_thousand_people_are_searched_and_only_those_in_sight_are_drawn() {
    let crowd = samples::crowd(10_000);
    for size in SIZES {
        let mut window = open_in(crowd.clone(), Page::Home, size);
        let rows = |window: &super::pages::Window| {
            let is_row = |name: String| name.starts_with("More about ");
            let nodes = window.root().children_recursive();
            nodes.filter(|node| node.accesskit_node().label().is_some_and(is_row)).count()
        };
        assert!(rows(&window) < 30, "{} rows are drawn in {size}", rows(&window));
        assert!(says(&window, "Contacts (10000)"));

        let search = window.get_by_role_and_label(Role::TextInput, "Search contacts");
        search.scroll_to_me();
        search.focus();
        window.run();
        window.get_by_role_and_label(Role::TextInput, "Search contacts").type_text("lamarr 9999");
        window.run();
        assert_eq!(rows(&window), 0, "9999 is called otherwise");
        assert!(says(&window, "Nobody is called that"));
    }
}

#[test]
fn the_list_is_walked_down_by_the_wheel() {
    let mut window = open(samples::crowd(10_000), Page::Home);
    window.hover_at(egui::pos2(900.0, 500.0));
    window.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, -300_000.0),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
    });
    window.run_steps(12);

    assert!(!says(&window, "Ada Byron 0"), "the first is out of sight");
    let far = (3_000..7_000).any(|number| says(&window, &format!(" {number}")));
    assert!(far, "somebody from the middle is in sight");
}

#[test]
fn the_foot_says_how_the_server_does_and_leads_to_the_servers() {
    let states = [
        (ServerState::Up, "You can be reached at calls.example.org.", false),
        (ServerState::Connecting, "Connecting to calls.example.org…", false),
        (ServerState::Down { why: "It does not answer.".to_owned() }, "It does not answer.", true),
        (ServerState::Refused { why: "It is full.".to_owned() }, "It is full.", true),
        (ServerState::None, "There is no server yet: nobody can reach you.", true),
    ];
    let mut places = Vec::new();
    for (state, words, leads) in states {
        let server = ServerCard { state, ..samples::server() };
        let mut window = open(Snapshot { server, ..samples::at_home() }, Page::Home);
        assert!(says(&window, words), "{words}");
        places.push(window.get_by_label("Add contact").rect());
        assert_eq!(window.query_by_label("Choose a server").is_some(), leads, "{words}");
        if leads {
            press(&mut window, "Choose a server");
            assert_eq!(window.state().shell.page, Page::Settings);
            assert!(says(&window, "Link of a server"), "the settings open where it helps");
        }
    }
    assert!(places.windows(2).all(|two| two[0] == two[1]), "nothing moves when the server comes and goes");
}

#[test]
fn without_a_server_there_is_a_next_step_instead_of_a_link() {
    let mut window = open(samples::no_server(), Page::Home);
    assert!(window.query_by_label("QR code").is_none());
    let buttons: Vec<_> = window.get_all_by_label("Choose a server").collect();
    assert_eq!(buttons.len(), 2, "beside the missing link, and at the foot");
    buttons[0].click();
    drop(buttons);
    window.run();
    assert_eq!(window.state().shell.page, Page::Settings);
}

#[test]
fn the_echo_test_is_started_once() {
    let mut window = open(samples::at_home(), Page::Home);
    press(&mut window, "Echo test: Start");
    assert_eq!(wished(&mut window), [Wish::EchoTest]);
    let before = window.get_by_label("Echo test: Start").rect();

    window.state_mut().snapshot.echo_test = EchoTest::Starting;
    window.run();
    assert!(!is_enabled(&window, "Echo test: Starting…"));
    assert_eq!(window.get_by_label("Echo test: Starting…").rect(), before, "the button does not jump");
}

#[test]
fn a_preview_ends_where_nobody_sees_it() {
    let mut snapshot = samples::at_home();
    snapshot.shelf.previewing = true;
    let mut window = open(snapshot, Page::Home);
    window.run();

    assert_eq!(wished(&mut window), [Wish::Preview { on: false }], "said once");
}
