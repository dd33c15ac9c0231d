//! Which microphone, speaker and camera: lists behind the small buttons beside the controls.

use egui::{Response, ScrollArea, Ui};

use super::own;
use crate::{
    logic::{
        desk::{Shelf, Wish},
        devices::{Choice, DeviceKind},
    },
    ui::{copy::call as copy, scene::Scene, widgets::menu},
};

/// A list becomes no higher than that before it is scrolled.
const HIGHEST: f32 = 420.0;

/// What is heard and what is listened with.
pub(super) fn sound(ui: &Ui, opener: &Response, scene: &mut Scene<'_>) {
    menu::show(ui, opener, copy::SOUND_DEVICES, |ui| {
        ScrollArea::vertical().max_height(HIGHEST).show(ui, |ui| {
            list(ui, copy::MICROPHONES, DeviceKind::Microphone, scene);
            list(ui, copy::SPEAKERS, DeviceKind::Speaker, scene);
        });
    });
}

/// What we are seen with, and where we see ourselves.
pub(super) fn pictures(ui: &Ui, opener: &Response, own: &mut own::State, scene: &mut Scene<'_>) {
    menu::show(ui, opener, copy::PICTURE_DEVICES, |ui| {
        ScrollArea::vertical().max_height(HIGHEST).show(ui, |ui| {
            list(ui, copy::CAMERAS, DeviceKind::Camera, scene);
            menu::heading(ui, copy::OWN_PICTURE);
            own::items(ui, own);
        });
    });
}

fn list(ui: &mut Ui, name: &str, kind: DeviceKind, scene: &mut Scene<'_>) {
    menu::heading(ui, name);
    let shelf = &scene.snapshot.shelf;
    let chosen = chosen(shelf, kind).clone();
    let mut devices = shelf.devices.iter().filter(|device| device.kind == kind).peekable();
    if devices.peek().is_none() {
        menu::item(ui, None, copy::NO_DEVICE, false);
        return;
    }
    let mut pick = None;
    if menu::choice(ui, copy::SYSTEM_CHOICE, chosen == Choice::Default).clicked() {
        pick = Some(Choice::Default);
    }
    for device in devices {
        let choice = Choice::Id(device.id.clone());
        if ui.push_id(&device.id, |ui| menu::choice(ui, &device.name, chosen == choice)).inner.clicked() {
            pick = Some(choice);
        }
    }
    if let Some(choice) = pick {
        scene.wish(Wish::Use { kind, choice });
    }
}

const fn chosen(shelf: &Shelf, kind: DeviceKind) -> &Choice {
    let [microphone, speaker, camera] = &shelf.chosen;
    match kind {
        DeviceKind::Microphone => microphone,
        DeviceKind::Speaker => speaker,
        DeviceKind::Camera => camera,
    }
}
