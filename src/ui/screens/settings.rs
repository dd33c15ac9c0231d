//! The settings. Everything applies at once; there is nothing to confirm.
//!
//! Its parts stand on the left where there is room, and above where there is not.

mod look;
mod servers;
mod you;

use egui::{CentralPanel, Frame, Id, Panel, Ui};

use super::{checkup, devices, home::stop_preview};
use crate::{
    logic::desk::{DataUse, Preferences, Wish},
    ui::{
        copy::settings as words,
        scene::Scene,
        shell::Page,
        theme,
        widgets::{card, nav, page, segments, toggle::Toggle},
    },
};

const LEFT: f32 = 200.0;
/// Below this the parts stand above.
const TWO_COLUMNS: f32 = 720.0;
/// Below this there are two of them in a row, above it three.
const THREE_COLUMNS: f32 = 320.0;

/// A part of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Section {
    /// Who we are.
    #[default]
    You,
    /// Microphone, speaker, camera.
    Devices,
    /// Servers and paths.
    Servers,
    /// How it looks.
    Look,
    /// What happens when somebody calls.
    Window,
    /// What is kept, and where.
    Files,
}

const SECTIONS: [(Section, &str); 6] = [
    (Section::You, words::YOU),
    (Section::Devices, words::DEVICES),
    (Section::Servers, words::SERVERS),
    (Section::Look, words::LOOK),
    (Section::Window, words::WINDOW),
    (Section::Files, words::FILES),
];

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    section: Section,
    you: you::State,
    servers: servers::State,
    stopped_preview: bool,
}

/// The settings will begin at this part when they are opened next.
pub fn open_at(ui: &Ui, section: Section) {
    ui.data_mut(|data| data.insert_temp(opened_at(), section));
}

fn opened_at() -> Id {
    Id::unique("the part at which the settings open")
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, page: &mut Page, scene: &mut Scene<'_>) {
    if let Some(section) = ui.data_mut(|data| data.remove_temp(opened_at())) {
        state.section = section;
    }
    if state.section == Section::Devices {
        state.stopped_preview = false;
    } else {
        stop_preview(&mut state.stopped_preview, scene);
    }
    if page::header(ui, words::SETTINGS, words::BACK) {
        *page = Page::Home;
    }
    let is_wide = ui.available_width() >= TWO_COLUMNS;
    let side = page::side(ui);
    let frame = Frame::new().inner_margin(egui::Margin { top: 0, ..side });
    if is_wide {
        let parts = Panel::left("parts").frame(frame).exact_size(LEFT + size_of(side)).resizable(false);
        parts.show_separator_line(false).show(ui, |ui| choose(ui, state, 1));
    } else {
        Panel::top("parts").frame(frame).show_separator_line(false).show(ui, |ui| {
            let columns = if ui.available_width() < THREE_COLUMNS { 2 } else { 3 };
            choose(ui, state, columns);
        });
    }
    CentralPanel::default().frame(Frame::new()).show(ui, |ui| {
        page::scrolled(ui, "settings", theme::size().column * 1.2, |ui| {
            card::show(ui, |ui| {
                ui.push_id(state.section as u8, |ui| section(ui, state, scene));
            });
            ui.add_space(theme::size().far);
        });
    });
}

fn size_of(margin: egui::Margin) -> f32 {
    f32::from(margin.left) + f32::from(margin.right)
}

fn choose(ui: &mut Ui, state: &mut State, columns: usize) {
    if let Some(section) = nav::show(ui, words::PARTS, state.section, &SECTIONS, columns) {
        state.section = section;
    }
}

fn section(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    match state.section {
        Section::You => you::show(ui, &mut state.you, scene),
        Section::Devices => sound_and_picture(ui, scene),
        Section::Servers => servers::show(ui, &mut state.servers, scene),
        Section::Look => look::show(ui, scene),
        Section::Window => window(ui, scene),
        Section::Files => you::files(ui, scene),
    }
}

fn sound_and_picture(ui: &mut Ui, scene: &mut Scene<'_>) {
    let gap = theme::size().near;
    devices::microphone(ui, scene);
    ui.add_space(gap);
    devices::speaker(ui, scene);
    ui.add_space(gap);
    devices::camera(ui, scene);
    devices::looking_glass(ui, scene);
    devices::over(ui, words::SOUND);
    switch(ui, scene, words::ECHO, words::ECHO_HINT, |it| &mut it.echo_cancelling);
    switch(ui, scene, words::NOISE, words::NOISE_HINT, |it| &mut it.noise_suppression);
    switch(ui, scene, words::GAIN, words::GAIN_HINT, |it| &mut it.gain_control);
    devices::over(ui, words::PICTURE);
    switch(ui, scene, words::MIRROR, words::MIRROR_HINT, |it| &mut it.mirror);
    devices::small(ui, words::DATA_USE);
    let all = [(DataUse::Full, words::FULL), (DataUse::Less, words::LESS), (DataUse::Least, words::LEAST)];
    let data_use = scene.snapshot.preferences.data_use;
    if let Some(data_use) = segments::show(ui, words::DATA_USE, data_use, &all) {
        prefer(scene, |it| it.data_use = data_use);
    }
    devices::small(
        ui,
        match data_use {
            DataUse::Full => words::FULL_HINT,
            DataUse::Less => words::LESS_HINT,
            DataUse::Least => words::LEAST_HINT,
        },
    );
}

fn window(ui: &mut Ui, scene: &mut Scene<'_>) {
    card::heading(ui, words::WINDOW);
    switch(ui, scene, words::RING, "", |it| &mut it.ring);
    switch(ui, scene, words::NOTIFY, words::NOTIFY_HINT, |it| &mut it.notifications);
    let has_tray = scene.snapshot.has_tray;
    ui.add_enabled_ui(has_tray, |ui| {
        switch(ui, scene, words::KEEP_RUNNING, words::KEEP_RUNNING_HINT, |it| &mut it.keep_running);
        switch(ui, scene, words::START_HIDDEN, words::START_HIDDEN_HINT, |it| &mut it.start_hidden);
    });
    if !has_tray {
        devices::trouble(ui, words::NO_TRAY);
    }
}

/// A switch for one of the preferences.
fn switch(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    text: &str,
    hint: &str,
    which: impl Fn(&mut Preferences) -> &mut bool,
) {
    let mut preferences = scene.snapshot.preferences.as_ref().clone();
    let on = *which(&mut preferences);
    let toggle = Toggle::new(on, text);
    let toggle = if hint.is_empty() { toggle } else { toggle.hint(hint) };
    if ui.add(toggle).clicked() {
        prefer(scene, |preferences| *which(preferences) = !on);
    }
}

fn prefer(scene: &mut Scene<'_>, change: impl FnOnce(&mut Preferences)) {
    let mut preferences = scene.snapshot.preferences.as_ref().clone();
    change(&mut preferences);
    scene.wish(Wish::Prefer(Box::new(preferences)));
}
