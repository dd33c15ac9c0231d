//! The panel as it looks: drawn by the painter that ships, and compared with pictures that were looked at.

use egui::{Key, Theme, accesskit::Role};
use egui_kittest::{Harness, kittest::Queryable as _};
use image::RgbaImage;
use sightline::{
    logic::desk::Snapshot,
    ui::{
        scene::{Loudness, Scene},
        shell::Shell,
        theme,
    },
};

use super::{
    super::{
        easel::{Easel, Kind},
        pictures::looks_as_it_did,
    },
    in_call,
    reports::named,
};

/// A window with the panel open at a part; nothing where nothing can be drawn, which was said aloud.
fn drawn(snapshot: &Snapshot, part: &str, size: [f32; 2], scale: f32, shade: Theme) -> Option<RgbaImage> {
    let easel = Easel::new(Kind::Desktop)?;
    let mut shell = Shell::default();
    let mut window = Harness::builder()
        .with_size(size)
        .with_pixels_per_point(scale)
        .with_theme(shade)
        .with_max_steps(20)
        .allow_missing_glyphs()
        .with_context_setup(theme::install)
        .renderer(easel)
        .build_ui(|ui| {
            let mut scene = Scene::new(snapshot, Loudness::default());
            shell.show(ui, &mut scene);
        });
    window.key_press(Key::F12);
    window.run_ok();
    window.get_by_role_and_label(Role::Tab, part).click();
    window.run_ok();
    // The pointer goes away again: nothing is told under it.
    window.remove_cursor();
    window.run_ok();
    Some(window.render().unwrap())
}

#[test]
fn the_map_looks_as_it_did() {
    for (name, path, size, shade) in [
        ("panel-map-direct", "direct", [900.0, 600.0], Theme::Light),
        ("panel-map-relayed-dark", "relayed by TLS", [900.0, 600.0], Theme::Dark),
        ("panel-map-narrow", "relayed by UDP", [400.0, 800.0], Theme::Light),
    ] {
        let Some(picture) = drawn(&in_call(named(path)), "Map", size, 1.0, shade) else { return };
        looks_as_it_did(name, &picture);
    }
}

#[test]
fn tables_and_graphs_look_as_they_did() {
    for (name, part, shade) in [
        ("panel-pairs", "Pairs", Theme::Light),
        ("panel-timeline-dark", "Timeline", Theme::Dark),
        ("panel-graphs", "Graphs", Theme::Light),
    ] {
        let Some(picture) = drawn(&in_call(named("direct")), part, [900.0, 600.0], 1.0, shade) else {
            return;
        };
        looks_as_it_did(name, &picture);
    }
}

/// For whoever changes the panel: every part at every size, to be looked at.
#[test]
fn every_part_can_be_looked_at() {
    let Some(folder) = std::env::var_os("SIGHTLINE_PANEL_PICTURES") else { return };
    let folder = std::path::PathBuf::from(folder);
    for (path, part) in [
        ("direct", "Map"),
        ("relayed by TLS", "Map"),
        ("nothing gets out", "Map"),
        ("direct", "Candidates"),
        ("60 candidates", "Pairs"),
        ("the relay refuses", "Relay"),
        ("switched thrice", "Timeline"),
        ("direct", "Graphs"),
        ("direct", "Media"),
        ("direct", "Log"),
        ("direct", "This computer"),
    ] {
        for (size, scale) in [([1280.0, 800.0], 1.0), ([400.0, 800.0], 1.0), ([900.0, 600.0], 2.0)] {
            for shade in [Theme::Light, Theme::Dark] {
                let Some(picture) = drawn(&in_call(named(path)), part, size, scale, shade) else { return };
                picture
                    .save(folder.join(format!("{part}-{path}-{}-{scale}-{shade:?}.png", size[0])))
                    .unwrap();
            }
        }
    }
}
