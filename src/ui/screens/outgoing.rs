//! The page: outgoing.

use egui::{RichText, Ui};

use crate::ui::{copy::call as copy, scene::Scene, theme};

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {}

/// Draws it.
pub fn show(ui: &mut Ui, _state: &mut State, _scene: &mut Scene<'_>) {
    ui.label(RichText::new(copy::OUTGOING).font(theme::title()));
}
