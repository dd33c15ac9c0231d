//! A surface that holds things which belong together.

use egui::{Frame, InnerResponse, Label, RichText, Stroke, Ui};

use crate::ui::theme;

/// Shows things on one surface, as wide as there is room.
pub fn show<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let (size, palette) = (theme::size(), theme::palette(ui));
    Frame::new()
        .fill(palette.surface.get())
        .stroke(Stroke::new(1.0, palette.line.get()))
        .corner_radius(theme::corner(size.corner_large))
        .inner_margin(theme::margin(size.far))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            add(ui)
        })
}

/// The line over a part of a page.
pub fn heading(ui: &mut Ui, text: &str) {
    ui.add(Label::new(RichText::new(text).font(theme::heading())).wrap());
}

/// What is said beside something.
pub fn quiet(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.add(Label::new(RichText::new(text).color(palette.quiet.get())).wrap());
}
