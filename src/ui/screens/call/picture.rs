//! The pictures of a call, as the stage takes them.

use egui::{Rect, Ui, Vec2, vec2};

use crate::ui::{
    picture::{Look, Picture},
    scene::Scene,
};

/// Whose picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Theirs,
    Ours,
}

/// How large it is, where there is one.
pub(super) fn size(scene: &Scene<'_>, whose: Whose) -> Option<Vec2> {
    let size = of(scene, whose)?.frame()?.size();
    Some(vec2(size.width() as f32, size.height() as f32))
}

/// Draws it into that place.
pub(super) fn paint(ui: &Ui, rect: Rect, scene: &Scene<'_>, whose: Whose, mirrored: bool, corner: f32) {
    if let Some(picture) = of(scene, whose) {
        picture.paint(ui.painter(), rect, &Look { mirrored, corner, ..Look::default() });
    }
}

fn of<'a>(scene: &Scene<'a>, whose: Whose) -> Option<&'a Picture> {
    let pictures = scene.pictures?;
    Some(match whose {
        Whose::Theirs => &pictures.theirs,
        Whose::Ours => &pictures.ours,
    })
}
