//! A page in front of a made-up person, and what holds for every page.

use egui::{Vec2, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use sightline::{
    logic::desk::{Snapshot, Wish},
    ui::{
        scene::{Loudness, Scene},
        shell::{Page, Shell},
        theme,
    },
};

use super::samples;

/// A window's inside, with nothing behind it.
#[derive(Default)]
pub(super) struct Glass {
    /// Its pages.
    pub shell: Shell,
    /// What they draw.
    pub snapshot: Snapshot,
    /// How loud it is.
    pub loudness: Loudness,
    /// What was wished.
    pub wishes: Vec<Wish>,
    /// What was put into the clipboard last.
    pub copied: Option<String>,
}

/// A window.
pub(super) type Window = Harness<'static, Glass>;

/// What everything is looked at in: wide, the smallest that two columns fit into, narrow, and narrow with everything twice as
/// large.
pub(super) const SIZES: [Vec2; 4] =
    [Vec2::new(1280.0, 800.0), Vec2::new(900.0, 600.0), Vec2::new(480.0, 700.0), Vec2::new(240.0, 350.0)];

/// A wide window that shows that page.
pub(super) fn open(snapshot: Snapshot, page: Page) -> Window {
    open_in(snapshot, page, SIZES[0])
}

/// A window of that size that shows that page.
pub(super) fn open_in(snapshot: Snapshot, page: Page, size: Vec2) -> Window {
    let mut glass = Glass { snapshot, ..Glass::default() };
    glass.shell.page = page;
    let mut window = Harness::builder()
        .with_size(size)
        .with_max_steps(16)
        .allow_missing_glyphs()
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, glass: &mut Glass| {
                let mut scene = Scene::new(&glass.snapshot, glass.loudness);
                glass.shell.show(ui, &mut scene);
                glass.wishes.extend(scene.into_wishes());
                for command in ui.output(|output| output.commands.clone()) {
                    if let egui::OutputCommand::CopyText(text) = command {
                        glass.copied = Some(text);
                    }
                }
            },
            glass,
        );
    window.run();
    window
}

/// Presses what is called so, wherever on the page it is.
pub(super) fn press(window: &mut Window, name: &str) {
    window.get_by_label(name).scroll_to_me();
    window.run();
    window.get_by_label(name).click();
    window.run();
}

/// Types into what is called so.
pub(super) fn write(window: &mut Window, name: &str, text: &str) {
    window.get_by_label(name).focus();
    window.run();
    window.get_by_label(name).type_text(text);
    window.run();
}

/// What was wished since this was asked last.
pub(super) fn wished(window: &mut Window) -> Vec<Wish> {
    std::mem::take(&mut window.state_mut().wishes)
}

/// Whether these words stand somewhere.
pub(super) fn says(window: &Window, words: &str) -> bool {
    let says = |text: Option<String>| text.is_some_and(|text| text.contains(words));
    window.root().children_recursive().any(|node| {
        let node = node.accesskit_node();
        says(node.label()) || says(node.value())
    })
}

/// Whether what is called so can be pressed.
pub(super) fn is_enabled(window: &Window, name: &str) -> bool {
    !window.get_by_label(name).accesskit_node().is_disabled()
}

/// Everything that a person uses or that stands for a picture, and has no name.
pub(super) fn nameless(window: &Window) -> Vec<String> {
    let pictures = window
        .root()
        .children_recursive()
        .map(|node| node.accesskit_node())
        .filter(|node| matches!(node.role(), Role::Meter | Role::RadioGroup | Role::TabList))
        .filter(|node| node.label().is_none_or(|label| label.trim().is_empty()))
        .map(|node| format!("{:?} at {:?}", node.role(), node.raw_bounds()));
    window.unnamed_widgets().into_iter().chain(pictures).collect()
}

/// All situations that a page may be in.
fn situations() -> Vec<(&'static str, Snapshot)> {
    vec![
        ("the first start", samples::first_start()),
        ("nobody yet", samples::nobody_yet()),
        ("no server", samples::no_server()),
        ("at home", samples::at_home()),
        ("links", samples::with_links()),
        ("server down", samples::server_down()),
        ("strange names", samples::strange_names()),
        ("strange devices", samples::strange_devices()),
        ("no devices", samples::no_devices()),
        ("checked and good", Snapshot { checkup: samples::checkup_good(), ..samples::at_home() }),
        ("checked", Snapshot { checkup: samples::checkup_limited(), ..samples::at_home() }),
        ("notices", Snapshot { notices: samples::notices(), ..samples::at_home() }),
    ]
}

#[test]
fn every_control_of_every_page_has_a_name_in_every_situation() {
    for (situation, snapshot) in situations() {
        for size in SIZES {
            for page in [Page::Home, Page::Settings, Page::Help] {
                let mut window = open_in(snapshot.clone(), page, size);
                let is_settings = page == Page::Settings && snapshot.first_start.is_none();
                let parts: &[&str] = if is_settings {
                    &["Sound and picture", "Network", "Look", "Ringing", "Files", "You"]
                } else {
                    &[]
                };
                let nameless_there = nameless(&window);
                assert!(nameless_there.is_empty(), "{situation}, {page:?}, {size}: {nameless_there:#?}");
                for part in parts {
                    window.get_by_role_and_label(Role::Tab, part).click();
                    window.run();
                    let nameless_there = nameless(&window);
                    assert!(nameless_there.is_empty(), "{situation}, {part}, {size}: {nameless_there:#?}");
                }
            }
        }
    }
}

#[test]
fn a_control_without_a_name_is_found() {
    let mut text = String::new();
    let mut window =
        Harness::builder().with_accessibility_check(false).with_context_setup(theme::install).build_ui_state(
            move |ui, _: &mut Glass| {
                ui.text_edit_singleline(&mut text);
            },
            Glass::default(),
        );
    window.run();

    assert_eq!(nameless(&window).len(), 1);
}

/// Everything that is read or pressed and is not within the width of the window.
pub(super) fn over_the_edge(window: &Window, size: Vec2) -> Vec<String> {
    let nodes = window.root().children_recursive().map(|node| node.accesskit_node());
    nodes
        .filter_map(|node| {
            let bounds = node.bounding_box()?;
            let is_control = egui::accessibility::is_input(node.role()) || node.role() == Role::Label;
            let is_over = bounds.x0 < -1.0 || bounds.x1 > f64::from(size.x) + 1.0;
            (is_control && bounds.width() > 0.0 && is_over)
                .then(|| format!("{:?} {:?} at {bounds:?}", node.role(), node.label()))
        })
        .collect()
}

#[test]
fn nothing_reaches_over_the_edge_of_the_window() {
    for (situation, snapshot) in situations() {
        for size in SIZES {
            for page in [Page::Home, Page::Settings, Page::Help] {
                let window = open_in(snapshot.clone(), page, size);
                let over = over_the_edge(&window, size);
                assert!(over.is_empty(), "{situation}, {page:?}, {size}: {over:#?}");
            }
        }
    }
}

#[test]
fn nothing_moves_when_there_is_something_to_be_told() {
    for size in SIZES {
        for page in [Page::Home, Page::Settings, Page::Help] {
            let mut window = open_in(samples::at_home(), page, size);
            let places = |window: &Window| -> Vec<_> {
                let nodes = window.root().children_recursive().map(|node| node.accesskit_node());
                nodes.filter_map(|node| Some((node.label()?, node.bounding_box()?))).collect()
            };
            let before = places(&window);
            window.state_mut().snapshot.notices = samples::notices();
            window.run();
            assert!(says(&window, &samples::notices()[0].text));
            let after = places(&window);
            for place in before {
                assert!(after.contains(&place), "{page:?}, {size}: {place:?} is elsewhere");
            }
        }
    }
}

#[test]
fn a_page_that_nobody_touches_is_drawn_once_and_rests() {
    for page in [Page::Home, Page::Settings, Page::Help] {
        let mut window = open(samples::at_home(), page);
        window.run();
        assert_eq!(window.run(), 1, "{page:?} asks to be drawn again and again");
    }
}

#[test]
fn the_keyboard_goes_to_the_settings_and_to_the_help_and_back() {
    let mut window = open(samples::at_home(), Page::Home);
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Comma);
    window.run();
    assert_eq!(window.state().shell.page, Page::Settings);

    window.key_press(egui::Key::Escape);
    window.run();
    assert_eq!(window.state().shell.page, Page::Home);

    window.key_press(egui::Key::F1);
    window.run();
    assert_eq!(window.state().shell.page, Page::Help);
    press(&mut window, "Back");
    assert_eq!(window.state().shell.page, Page::Home);
}
