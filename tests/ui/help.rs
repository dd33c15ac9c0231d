//! The page of the help.

use sightline::ui::{copy, keys::Hotkey, shell::Page};

use super::{
    pages::{open, press, says},
    samples,
};

#[test]
fn every_key_is_listed_with_what_it_does() {
    let window = open(samples::at_home(), Page::Help);
    for hotkey in Hotkey::ALL {
        assert!(says(&window, hotkey.does()), "{hotkey:?}");
        assert!(says(&window, &hotkey.keys(&window.ctx)), "{hotkey:?}");
    }
    for sentence in copy::help::PATHS_WHAT {
        assert!(says(&window, sentence));
    }
}

#[test]
fn the_version_can_be_copied() {
    let mut window = open(samples::at_home(), Page::Help);
    let version = copy::help::version(env!("CARGO_PKG_VERSION"));
    assert!(says(&window, &version));
    press(&mut window, "Copy version");
    assert_eq!(window.state().copied, Some(version));
}
