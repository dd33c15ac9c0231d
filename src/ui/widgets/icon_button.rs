//! A button that is only an icon. It always has a name, which is also what the pointer finds.

use egui::{Color32, Rect, Response, Sense, Ui, Vec2, Widget, WidgetInfo, accesskit::Role};

use super::button::focus_ring;
use crate::ui::{icons::Icon, theme};

/// A button that is only an icon.
#[must_use = "a button is there when it is added"]
pub struct IconButton<'a> {
    icon: Icon,
    name: &'a str,
    tip: Option<&'a str>,
    enabled: bool,
    side: f32,
}

impl<'a> IconButton<'a> {
    /// One that does what its name says.
    pub fn new(icon: Icon, name: &'a str) -> Self {
        Self { icon, name, tip: None, enabled: true, side: theme::size().control }
    }

    /// What is found under the pointer besides its name.
    pub const fn tip(mut self, tip: &'a str) -> Self {
        self.tip = Some(tip);
        self
    }

    /// Whether it can be pressed.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// How large.
    pub const fn side(mut self, side: f32) -> Self {
        self.side = side;
        self
    }
}

impl Widget for IconButton<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (size, palette) = (theme::size(), theme::palette(ui));
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(self.side), sense);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, self.enabled, self.name));
        if ui.is_rect_visible(rect) {
            let is_hot = self.enabled && (response.hovered() || response.is_pointer_button_down_on());
            let fill = if is_hot { palette.hover.get() } else { Color32::TRANSPARENT };
            ui.painter().rect_filled(rect, theme::corner(size.corner), fill);
            focus_ring(ui, &response);
            let ink = if self.enabled { palette.text } else { palette.strong_line };
            let side = size.icon.min(self.side * 0.6);
            self.icon.paint(
                ui.painter(),
                Rect::from_center_size(rect.center(), Vec2::splat(side)),
                ink.get(),
            );
        }
        match self.tip {
            Some(tip) => response.on_hover_text(format!("{}\n{tip}", self.name)),
            None => response.on_hover_text(self.name),
        }
    }
}
