//! Where pictures come from.

use egui::{Color32, Rect, Ui, Vec2, vec2};

use crate::ui::scene::Scene;

/// Whose picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Theirs,
    Ours,
}

/// How large it is, where there is one.
pub(super) fn size(scene: &Scene<'_>, whose: Whose) -> Option<Vec2> {
    let call = scene.snapshot.call.as_ref()?;
    let is_there = match whose {
        Whose::Theirs => call.theirs.has_picture,
        Whose::Ours => !call.ours.camera_off,
    };
    is_there.then_some(vec2(1280.0, 720.0))
}

/// Draws it into that place.
pub(super) fn paint(ui: &Ui, rect: Rect, _scene: &Scene<'_>, _whose: Whose, _mirrored: bool, corner: f32) {
    ui.painter().rect_filled(rect, corner, Color32::from_rgb(120, 140, 110));
}
