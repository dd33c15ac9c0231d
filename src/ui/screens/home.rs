//! The page: home.

use egui::{RichText, Ui};

use crate::ui::{copy::home as copy, scene::Scene, shell::Page, theme};

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {}

/// Draws it.
pub fn show(ui: &mut Ui, _state: &mut State, _page: &mut Page, _scene: &mut Scene<'_>) {
    ui.label(RichText::new(copy::HOME).font(theme::title()));
}
