//! What the pages beside home have in common: a line at the top with the way back, and what scrolls below it.

use egui::{Frame, Label, Margin, Panel, RichText, ScrollArea, Ui};

use super::icon_button::IconButton;
use crate::ui::{icons::Icon, theme};

/// The line at the top. Says whether the way back was taken.
pub fn header(ui: &mut Ui, title: &str, back: &str) -> bool {
    let size = theme::size();
    let mut goes_back = false;
    Panel::top("page header").frame(Frame::new().inner_margin(side(ui))).show_separator_line(false).show(
        ui,
        |ui| {
            ui.horizontal(|ui| {
                goes_back = ui.add(IconButton::new(Icon::Back, back)).clicked();
                ui.add_space(size.tight);
                ui.add(Label::new(RichText::new(title).font(theme::title())).truncate());
            });
        },
    );
    goes_back
}

/// What scrolls: a column in the middle, not wider than that.
pub fn scrolled<R>(ui: &mut Ui, salt: &str, widest: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let frame = Frame::new().inner_margin(Margin { top: 0, ..side(ui) });
    ScrollArea::vertical()
        .id_salt(salt)
        .auto_shrink(false)
        .show(ui, |ui| frame.show(ui, |ui| column(ui, widest, add)).inner)
        .inner
}

/// A column in the middle, not wider than that, as high as it becomes.
pub fn column<R>(ui: &mut Ui, widest: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let room = ui.available_rect_before_wrap();
    let width = room.width().min(widest);
    let left = room.center().x - width / 2.0;
    let place = egui::Rect::from_min_size(egui::pos2(left, room.top()), egui::vec2(width, room.height()));
    let inner = ui.scope_builder(egui::UiBuilder::new().max_rect(place), add);
    inner.inner
}

/// The space beside what is on a page: less where there is little.
pub fn side(ui: &Ui) -> Margin {
    let size = theme::size();
    let points = if ui.available_width() < size.narrow { size.near } else { size.far };
    Margin::from(points)
}
