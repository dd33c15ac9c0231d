//! Help: what the keyboard does, what the words of a call mean, and what this program is.

use egui::{Grid, Label, RichText, Ui};

use crate::ui::{
    copy::{help as words, settings::BACK},
    keys::Hotkey,
    scene::Scene,
    screens::home::stop_preview,
    shell::Page,
    theme,
    widgets::{button::Button, card, page},
};

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    stopped_preview: bool,
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, page: &mut Page, scene: &mut Scene<'_>) {
    let size = theme::size();
    stop_preview(&mut state.stopped_preview, scene);
    if page::header(ui, words::HELP, BACK) {
        *page = Page::Home;
    }
    page::scrolled(ui, "help", size.column * 1.2, |ui| {
        card::show(ui, keyboard);
        ui.add_space(size.near);
        card::show(ui, |ui| {
            card::heading(ui, words::PATHS);
            for sentence in words::PATHS_WHAT {
                ui.add(Label::new(sentence).wrap());
            }
        });
        ui.add_space(size.near);
        card::show(ui, about);
        ui.add_space(size.far);
    });
}

fn keyboard(ui: &mut Ui) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    card::heading(ui, words::KEYBOARD);
    Grid::new("keys").num_columns(2).spacing([size.far, size.tight]).show(ui, |ui| {
        for hotkey in Hotkey::ALL {
            let keys =
                RichText::new(hotkey.keys(ui)).font(theme::code()).background_color(palette.sunken.get());
            ui.add(Label::new(keys));
            ui.add(Label::new(hotkey.does()).wrap());
            ui.end_row();
        }
    });
    card::quiet(ui, words::KEYBOARD_MORE);
}

fn about(ui: &mut Ui) {
    card::heading(ui, words::ABOUT);
    let version = words::version(env!("CARGO_PKG_VERSION"));
    ui.add(Label::new(&version));
    card::quiet(ui, words::LICENCE);
    card::quiet(ui, words::LICENCES_OF_OTHERS);
    if ui.add(Button::new(words::COPY_VERSION)).clicked() {
        ui.copy_text(version);
    }
}
