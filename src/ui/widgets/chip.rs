//! A short answer that is chosen or not.

use egui::{
    Align2, Response, Sense, Stroke, StrokeKind, Ui, Vec2, Widget, WidgetInfo, WidgetText, accesskit::Role,
    pos2,
};

use crate::ui::{icons::Icon, theme, widgets::button::focus_ring};

/// A short answer.
#[must_use = "a chip is there when it is added"]
pub struct Chip<'a> {
    text: &'a str,
    chosen: bool,
}

impl<'a> Chip<'a> {
    /// Chosen or not; whoever adds it changes that when it was clicked.
    pub const fn new(text: &'a str, chosen: bool) -> Self {
        Self { text, chosen }
    }
}

impl Widget for Chip<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (size, palette) = (theme::size(), theme::palette(ui));
        let mark = size.icon * 0.7;
        // The mark has its room before it is there: nothing moves when it comes.
        let around = 2.0 * size.near + mark + size.tight;
        let room = (ui.max_rect().width() - around).max(size.control);
        let text = WidgetText::from(self.text).into_galley(
            ui,
            Some(egui::TextWrapMode::Truncate),
            room,
            theme::body(),
        );
        let whole = Vec2::new(text.size().x + around, size.control);
        let (rect, response) = ui.allocate_exact_size(whole, Sense::click());
        response
            .widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), self.chosen, self.text));
        if !ui.is_rect_visible(rect) {
            return response;
        }
        let is_hot = response.hovered();
        let (fill, line, ink) = match (self.chosen, is_hot) {
            (true, _) => (palette.accent_soft, palette.accent, palette.on_accent_soft),
            (false, true) => (palette.hover, palette.strong_line, palette.text),
            (false, false) => (palette.surface, palette.line, palette.text),
        };
        let corner = theme::corner(size.control / 2.0);
        ui.painter().rect(rect, corner, fill.get(), Stroke::new(1.0, line.get()), StrokeKind::Inside);
        focus_ring(ui, &response);
        let left = rect.left() + size.near;
        let icon = egui::Rect::from_center_size(pos2(left + mark / 2.0, rect.center().y), Vec2::splat(mark));
        if self.chosen {
            Icon::Check.paint(ui.painter(), icon, ink.get());
        }
        let words = egui::Rect::from_min_max(
            pos2(if self.chosen { icon.right() + size.tight } else { rect.left() }, rect.top()),
            pos2(if self.chosen { rect.right() - size.near } else { rect.right() }, rect.bottom()),
        );
        let place = Align2::CENTER_CENTER.align_size_within_rect(text.size(), words);
        ui.painter().galley_with_override_text_color(place.min, text, ink.get());
        response
    }
}
