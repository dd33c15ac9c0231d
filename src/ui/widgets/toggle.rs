//! A switch with its words beside it: on or off, by pointer, by key, and said by a screen reader.

use egui::{
    Align2, Response, Sense, Stroke, StrokeKind, Ui, Vec2, Widget, WidgetInfo, WidgetText, accesskit::Role,
};

use super::button::focus_ring;
use crate::ui::theme;

/// A switch.
#[must_use = "a switch is there when it is added"]
pub struct Toggle<'a> {
    on: bool,
    text: &'a str,
    hint: Option<&'a str>,
}

impl<'a> Toggle<'a> {
    /// Shows `on`; whoever adds it changes that when it was clicked.
    pub const fn new(on: bool, text: &'a str) -> Self {
        Self { on, text, hint: None }
    }

    /// What it means, under its words.
    pub const fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }
}

const KNOB: Vec2 = Vec2::new(38.0, 22.0);

impl Widget for Toggle<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (size, palette) = (theme::size(), theme::palette(ui));
        let room = (ui.available_width() - KNOB.x - size.near).max(size.control);
        let wrap = Some(egui::TextWrapMode::Wrap);
        let text = WidgetText::from(self.text).into_galley(ui, wrap, room, theme::body());
        let hint = self.hint.map(|hint| WidgetText::from(hint).into_galley(ui, wrap, room, theme::small()));
        let hint_height = hint.as_ref().map_or(0.0, |hint| hint.size().y + size.hair);
        let height = (text.size().y + hint_height + size.close).max(size.control);
        let (rect, response) =
            ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Switch, ui.is_enabled(), self.on, self.text));
        if !ui.is_rect_visible(rect) {
            return response;
        }
        let slide = ui.ctx().animate_bool_responsive(response.id, self.on);
        let track = Align2::RIGHT_CENTER.align_size_within_rect(KNOB, rect);
        let fill = if self.on { palette.accent } else { palette.strong_line };
        ui.painter().rect(track, theme::corner(KNOB.y / 2.0), fill.get(), Stroke::NONE, StrokeKind::Inside);
        let radius = KNOB.y / 2.0 - size.hair;
        let x = egui::lerp(track.left() + KNOB.y / 2.0..=track.right() - KNOB.y / 2.0, slide);
        let knob = if self.on { palette.on_accent } else { palette.surface };
        ui.painter().circle_filled(egui::pos2(x, track.center().y), radius, knob.get());
        let top = rect.center().y - (text.size().y + hint_height) / 2.0;
        let below = top + text.size().y + size.hair;
        ui.painter().galley(egui::pos2(rect.left(), top), text, palette.text.get());
        if let Some(hint) = hint {
            let place = egui::pos2(rect.left(), below);
            ui.painter().galley_with_override_text_color(place, hint, palette.quiet.get());
        }
        focus_ring(ui, &response);
        response
    }
}
