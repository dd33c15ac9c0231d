//! Microphone, speaker and camera: which to use, and whether they do what they should. Shown at the first start and in the
//! settings.

use egui::{Align2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, accesskit::Role};
use sightline_protocol::link::LinkError;

use crate::{
    logic::{
        desk::{Shelf, Wish},
        devices::{Choice, Device, DeviceKind},
    },
    ui::{
        copy::{self, settings as words},
        icons::Icon,
        picture::Look,
        scene::Scene,
        theme,
        widgets::{
            button::Button,
            card,
            live::{self, Urgency},
            meter, picker,
        },
    },
};

/// A little flatter than pictures are, so that the first page fits into the window that it opens in.
const GLASS_ASPECT: f32 = 2.0;

/// The camera's picture, and how loud it is at the microphone.
pub fn looking_glass(ui: &mut Ui, scene: &mut Scene<'_>) {
    let size = theme::size();
    let previewing = scene.snapshot.shelf.previewing;
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, width / GLASS_ASPECT), Sense::hover());
    let comes = scene.pictures.is_some_and(|pictures| pictures.ours.frame().is_some());
    let state = if previewing && comes {
        words::PICTURE_IS_THERE
    } else if previewing {
        words::PICTURE_COMES
    } else {
        words::NO_PICTURE
    };
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Image, true, words::OWN_PICTURE);
        info.current_text_value = Some(state.to_owned());
        info
    });
    placeholder(ui, rect, previewing, state);
    if previewing && let Some(picture) = scene.pictures.map(|pictures| &pictures.ours) {
        let mirrored = scene.snapshot.preferences.mirror;
        picture.paint(ui.painter(), rect, &Look { mirrored, corner: size.corner, ..Look::default() });
    }
    ui.add_space(size.tight);
    let text = if previewing { words::STOP_PREVIEW } else { words::START_PREVIEW };
    let icon = if previewing { Icon::CameraOff } else { Icon::Camera };
    if ui.add(Button::new(text).icon(icon).min_width(width)).clicked() {
        scene.wish(Wish::Preview { on: !previewing });
    }
}

/// What stands where no picture is.
fn placeholder(ui: &Ui, rect: Rect, previewing: bool, text: &str) {
    let (size, stage) = (theme::size(), theme::stage());
    let corner = theme::corner(size.corner);
    ui.painter().rect(
        rect,
        corner,
        stage.ground.get(),
        Stroke::new(1.0, stage.line.get()),
        StrokeKind::Inside,
    );
    let icon = Rect::from_center_size(rect.center() - Vec2::new(0.0, size.near), Vec2::splat(size.control));
    if previewing { Icon::Camera } else { Icon::CameraOff }.paint(ui.painter(), icon, stage.quiet.get());
    let below = rect.center() + Vec2::new(0.0, size.far);
    ui.painter().text(below, Align2::CENTER_CENTER, text, theme::small(), stage.quiet.get());
}

/// Which microphone, and how loud it is there.
pub fn microphone(ui: &mut Ui, scene: &mut Scene<'_>) {
    pick(ui, DeviceKind::Microphone, scene);
    let loudness = scene.snapshot.shelf.previewing.then_some(scene.loudness.here);
    meter::show(ui, words::METER, loudness);
    let hint = if loudness.is_some() { words::METER_HOW } else { words::METER_OFF };
    small(ui, hint);
}

/// Which speaker, and a sound from it.
pub fn speaker(ui: &mut Ui, scene: &mut Scene<'_>) {
    pick(ui, DeviceKind::Speaker, scene);
    if ui.add(Button::new(words::TEST_SOUND).icon(Icon::Speaker)).clicked() {
        scene.wish(Wish::TestSound);
    }
}

/// Which camera.
pub fn camera(ui: &mut Ui, scene: &mut Scene<'_>) {
    pick(ui, DeviceKind::Camera, scene);
}

fn pick(ui: &mut Ui, kind: DeviceKind, scene: &mut Scene<'_>) {
    let shelf = &scene.snapshot.shelf;
    let chosen = chosen(shelf, kind);
    let of_kind = || shelf.devices.iter().filter(move |device| device.kind == kind);
    let named = |id: &Choice| match id {
        Choice::Default => default_name(of_kind().find(|device| device.is_default)),
        Choice::Id(id) => of_kind()
            .find(|device| device.id == *id)
            .map_or_else(|| words::GONE.to_owned(), |device| device.name.clone()),
    };
    let mut all = vec![(Choice::Default, named(&Choice::Default), *chosen == Choice::Default)];
    for device in of_kind() {
        let choice = Choice::Id(device.id.clone());
        let is_chosen = choice == *chosen;
        all.push((choice, device.name.clone(), is_chosen));
    }
    let has_any = of_kind().next().is_some();
    let text = if has_any || *chosen != Choice::Default {
        named(chosen)
    } else {
        words::none_there(kind).to_owned()
    };
    let picked = ui.push_id(kind, |ui| picker::show(ui, words::device(kind), &text, &all)).inner;
    // What the keeper of the devices says is only worth a line where it is not what was chosen.
    let said = shelf.in_use.iter().find(|in_use| in_use.kind == kind && in_use.device.is_none());
    if let Some(in_use) = said {
        trouble(ui, &in_use.words);
    }
    if let Some(choice) = picked {
        scene.wish(Wish::Use { kind, choice });
    }
}

fn chosen(shelf: &Shelf, kind: DeviceKind) -> &Choice {
    let [microphone, speaker, camera] = &shelf.chosen;
    match kind {
        DeviceKind::Microphone => microphone,
        DeviceKind::Speaker => speaker,
        DeviceKind::Camera => camera,
    }
}

fn default_name(device: Option<&Device>) -> String {
    device.map_or_else(|| words::DEFAULT_DEVICE.to_owned(), |device| words::default_device(&device.name))
}

/// A sentence about something that does not work.
pub fn trouble(ui: &mut Ui, text: &str) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ui.horizontal_top(|ui| {
        let (place, _) = ui.allocate_exact_size(Vec2::splat(size.small * 1.4), Sense::hover());
        Icon::Warning.paint(ui.painter(), place, palette.fair.get());
        let text = egui::RichText::new(text).font(theme::small()).color(palette.fair.get());
        ui.add(egui::Label::new(text).wrap());
    });
}

/// What is said beside something, small.
pub fn small(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    let text = egui::RichText::new(text).font(theme::small()).color(palette.quiet.get());
    ui.add(egui::Label::new(text).wrap());
}

/// What is wrong with a link that was typed; a line that is always there.
pub fn wrong(ui: &mut Ui, typed: &str, why: Option<&LinkError>) {
    let palette = theme::palette(ui);
    let text = why.filter(|_| !typed.trim().is_empty()).map(|why| copy::sentence(&why.to_string()));
    let text = egui::RichText::new(text.unwrap_or_default()).font(theme::small()).color(palette.poor.get());
    let said = ui.add(egui::Label::new(text).wrap());
    live::mark(ui, said.id, Urgency::Polite);
}

/// The line over a group of things.
pub fn over(ui: &mut Ui, text: &str) {
    ui.add_space(theme::size().close);
    card::heading(ui, text);
}
