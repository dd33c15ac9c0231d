//! Who we are, what others see of it, and where it is all kept.

use std::path::Path;

use egui::{Label, RichText, Ui};
use sightline_protocol::limits::MAX_NAME_CHARS;

use super::{devices, prefer, switch};
use crate::{
    logic::desk::Wish,
    ui::{
        copy::settings as words,
        icons::Icon,
        scene::Scene,
        theme,
        widgets::{button::Button, card, field},
    },
};

#[derive(Debug, Default)]
pub(super) struct State {
    /// The name while it is typed.
    name: Option<String>,
}

pub(super) fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let kept = scene.snapshot.me.name.clone().unwrap_or_default();
    let mut name = state.name.take().unwrap_or_else(|| kept.clone());
    let field = field::line(ui, words::NAME, words::NAME_HINT, &mut name, MAX_NAME_CHARS);
    devices::small(ui, words::NAME_WHERE);
    if field.has_focus() {
        state.name = Some(name);
    } else if field.lost_focus() && name.trim() != kept {
        scene.wish(Wish::Rename { name: name.trim().to_owned() });
    }
    switch(ui, scene, words::SHOW_ONLINE, words::SHOW_ONLINE_HINT, |it| &mut it.show_online);
    devices::over(ui, words::KEY);
    devices::small(ui, words::KEY_WHAT);
    copied(ui, &scene.snapshot.me.key, words::COPY_KEY);
}

pub(super) fn files(ui: &mut Ui, scene: &mut Scene<'_>) {
    card::heading(ui, words::DOWNLOADS);
    let folder = scene.snapshot.preferences.downloads.clone();
    let shown = folder.as_deref().map_or_else(|| words::DOWNLOADS_DEFAULT.to_owned(), written);
    boxed(ui, &shown);
    ui.horizontal(|ui| {
        if ui.add(Button::new(words::CHOOSE_FOLDER).icon(Icon::Folder)).clicked() {
            scene.wish(Wish::ChooseDownloads);
        }
        if ui.add(Button::quiet(words::DEFAULT_FOLDER).enabled(folder.is_some())).clicked() {
            prefer(scene, |preferences| preferences.downloads = None);
        }
    });
    ui.add_space(theme::size().close);
    switch(ui, scene, words::REPORTS, words::REPORTS_HINT, |it| &mut it.keep_reports);
    if let Some(profile) = &scene.snapshot.profile {
        devices::over(ui, words::PROFILE);
        devices::small(ui, words::PROFILE_WHAT);
        copied(ui, &written(profile), words::COPY_PATH);
    }
}

fn written(path: &Path) -> String {
    path.display().to_string()
}

/// Something to be read letter by letter, and the button that copies it.
fn copied(ui: &mut Ui, text: &str, what: &str) {
    boxed(ui, text);
    if ui.add(Button::new(what).icon(Icon::Copy)).clicked() {
        ui.copy_text(text.to_owned());
    }
}

fn boxed(ui: &mut Ui, text: &str) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let corner = theme::corner(size.corner);
    egui::Frame::new()
        .fill(palette.sunken.get())
        .corner_radius(corner)
        .inner_margin(theme::margin(size.close))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.add(Label::new(RichText::new(text).font(theme::code())).wrap().selectable(true));
        });
}
