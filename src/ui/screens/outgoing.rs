//! It is on its way, or rings there. The same stage as in the call itself, with the same controls in the same places, and with
//! one's own picture, which nobody else has yet: when somebody answers, only what is new changes.

use egui::Ui;

use super::call;
use crate::ui::scene::Scene;

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    own: call::OwnPicture,
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    call::outgoing(ui, &mut state.own, scene);
}
