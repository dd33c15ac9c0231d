//! How everything looks.

use egui::Ui;

use super::{devices, prefer};
use crate::{
    logic::desk::Appearance,
    ui::{
        copy::settings as words,
        picture::How,
        scene::Scene,
        widgets::{card, segments},
    },
};

/// As hundredths, so that they can be compared.
const SCALES: [u16; 6] = [75, 100, 125, 150, 175, 200];

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    card::heading(ui, words::LOOK);
    devices::small(ui, words::THEME);
    let all = [
        (Appearance::System, words::THEME_SYSTEM),
        (Appearance::Light, words::THEME_LIGHT),
        (Appearance::Dark, words::THEME_DARK),
    ];
    if let Some(appearance) = segments::show(ui, words::THEME, scene.snapshot.preferences.appearance, &all) {
        prefer(scene, |preferences| preferences.appearance = appearance);
    }
    devices::small(ui, words::SCALE);
    let texts = SCALES.map(|scale| words::percent(f32::from(scale) / 100.0));
    let all: Vec<_> = SCALES.iter().zip(&texts).map(|(scale, text)| (*scale, text.as_str())).collect();
    let chosen = (scene.snapshot.preferences.scale * 100.0).round() as u16;
    if let Some(scale) = segments::show(ui, words::SCALE, chosen, &all) {
        prefer(scene, |preferences| preferences.scale = f32::from(scale) / 100.0);
    }
    devices::over(ui, words::RENDERER);
    let how = scene.pictures.map(|pictures| pictures.ours.how()).unwrap_or_default();
    let is_stand_in = how.is_stand_in();
    let text = match how {
        How::NotYet => words::RENDERER_UNKNOWN.to_owned(),
        How::GraphicsCard { renderer } if is_stand_in => words::renderer_stand_in(&renderer),
        How::GraphicsCard { renderer } => words::renderer_card(&renderer),
        How::Processor { why } => words::renderer_processor(&why),
    };
    card::quiet(ui, &text);
}
