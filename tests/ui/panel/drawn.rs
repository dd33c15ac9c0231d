//! The panel as it looks: drawn by the painter that ships, and compared with pictures that were looked at.

use egui::Theme;
use image::RgbaImage;
use sightline::{
    logic::desk::Snapshot,
    ui::panel::{Part, docking::Dock},
};

use super::{
    super::pictures::{self, looks_as_it_did},
    in_call,
    reports::named,
};

/// The panel at a part, with nothing beside it; nothing where nothing can be drawn, which was said aloud.
fn drawn(snapshot: &Snapshot, part: Part, size: [f32; 2], scale: f32, shade: Theme) -> Option<RgbaImage> {
    let mut dock = Dock::default();
    dock.open_at(part);
    pictures::drawn(snapshot, size, scale, |ui, scene| {
        ui.ctx().set_theme(shade);
        dock.show(ui, scene);
    })
}

#[test]
fn the_map_looks_as_it_did() {
    for (name, path, size, shade) in [
        ("panel-map-direct", "direct", [840.0, 460.0], Theme::Light),
        ("panel-map-relayed-dark", "relayed by TLS", [840.0, 430.0], Theme::Dark),
        ("panel-map-narrow", "relayed by UDP", [400.0, 720.0], Theme::Light),
        ("panel-map-narrow-direct-dark", "direct", [400.0, 660.0], Theme::Dark),
    ] {
        let Some(picture) = drawn(&in_call(named(path)), Part::Map, size, 1.0, shade) else { return };
        looks_as_it_did(name, &picture);
    }
}

#[test]
fn tables_and_graphs_look_as_they_did() {
    for (name, path, part, high, shade) in [
        ("panel-pairs", "direct", Part::Pairs, 480.0, Theme::Light),
        ("panel-relay", "relayed by TLS", Part::Relay, 530.0, Theme::Light),
        ("panel-timeline-dark", "direct", Part::Timeline, 480.0, Theme::Dark),
        ("panel-graphs", "direct", Part::Graphs, 480.0, Theme::Light),
    ] {
        let snapshot = in_call(named(path));
        let Some(picture) = drawn(&snapshot, part, [560.0, high], 1.0, shade) else { return };
        looks_as_it_did(name, &picture);
    }
}
