//! A button with words: of four weights, so that a page has one thing that it asks for and the rest stays quiet.

use egui::{
    Align2, Color32, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, Widget, WidgetInfo, WidgetText,
    accesskit::Role,
};

use crate::ui::{
    icons::Icon,
    theme::{self, Palette},
};

/// How much a button asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// The one thing that this page is for.
    Primary,
    /// Something one may do.
    #[default]
    Plain,
    /// The same, without a frame until it is pointed at.
    Quiet,
    /// Takes a call.
    Answer,
    /// Ends something.
    Danger,
}

/// A button with words.
#[must_use = "a button is there when it is added"]
pub struct Button<'a> {
    text: &'a str,
    icon: Option<Icon>,
    name: Option<&'a str>,
    weight: Weight,
    min_width: f32,
    height: f32,
    enabled: bool,
}

impl<'a> Button<'a> {
    /// A plain one.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            icon: None,
            name: None,
            weight: Weight::Plain,
            min_width: 0.0,
            height: theme::size().control,
            enabled: true,
        }
    }

    /// The one thing that this page is for.
    pub fn primary(text: &'a str) -> Self {
        Self::new(text).weight(Weight::Primary)
    }

    /// One without a frame.
    pub fn quiet(text: &'a str) -> Self {
        Self::new(text).weight(Weight::Quiet)
    }

    /// How much it asks for.
    pub const fn weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// What a screen reader says, where the words alone do not tell it apart ("Remove Ada").
    pub const fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// With an icon before its words.
    pub const fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// At least so wide.
    pub const fn min_width(mut self, width: f32) -> Self {
        self.min_width = width;
        self
    }

    /// Larger, for what matters most.
    pub fn large(mut self) -> Self {
        self.height = theme::size().control_large;
        self
    }

    /// Whether it can be pressed.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (size, palette) = (theme::size(), theme::palette(ui));
        let before = if self.icon.is_some() { size.icon + size.close } else { 0.0 };
        let text = WidgetText::from(self.text).into_galley(
            ui,
            Some(egui::TextWrapMode::Truncate),
            (ui.available_width() - 2.0 * size.near - before).max(size.control),
            theme::strong(),
        );
        let content = Vec2::new(before + text.size().x, text.size().y.max(size.icon));
        let wide = (content.x + 2.0 * size.near).max(self.min_width);
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(Vec2::new(wide, self.height), sense);
        let name = self.name.unwrap_or(self.text);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, self.enabled, name));
        if ui.is_rect_visible(rect) {
            let (fill, line, ink) = self.colours(palette, &response);
            let painter = ui.painter();
            painter.rect(rect, theme::corner(size.corner), fill, Stroke::new(1.0, line), StrokeKind::Inside);
            focus_ring(ui, &response);
            let place = Align2::CENTER_CENTER.align_size_within_rect(content, rect);
            if let Some(icon) = self.icon {
                let side = Vec2::splat(size.icon);
                icon.paint(
                    ui.painter(),
                    Rect::from_min_size(egui::pos2(place.left(), rect.center().y - side.y / 2.0), side),
                    ink,
                );
            }
            let words = egui::pos2(place.left() + before, rect.center().y - text.size().y / 2.0);
            ui.painter().galley_with_override_text_color(words, text, ink);
        }
        response
    }
}

impl Button<'_> {
    fn colours(&self, palette: &Palette, response: &Response) -> (Color32, Color32, Color32) {
        if !self.enabled && self.weight == Weight::Quiet {
            return (Color32::TRANSPARENT, Color32::TRANSPARENT, palette.strong_line.get());
        }
        if !self.enabled {
            return (palette.sunken.get(), palette.line.get(), palette.quiet.get());
        }
        let is_hot = response.hovered() || response.is_pointer_button_down_on();
        let pick = |calm: theme::Colour, hot: theme::Colour| if is_hot { hot.get() } else { calm.get() };
        match self.weight {
            Weight::Primary => {
                let fill = pick(palette.accent, palette.accent_hover);
                (fill, fill, palette.on_accent.get())
            }
            Weight::Answer => {
                let fill = pick(palette.answer, palette.answer_hover);
                (fill, fill, palette.on_answer.get())
            }
            Weight::Danger => {
                let fill = pick(palette.danger, palette.danger_hover);
                (fill, fill, palette.on_danger.get())
            }
            Weight::Plain => (pick(palette.surface, palette.hover), palette.line.get(), palette.text.get()),
            Weight::Quiet => {
                let fill = if is_hot { palette.hover.get() } else { Color32::TRANSPARENT };
                (fill, Color32::TRANSPARENT, palette.accent.get())
            }
        }
    }
}

/// Shows that something has the focus of the keyboard.
pub fn focus_ring(ui: &Ui, response: &Response) {
    if response.gained_focus() {
        // Whoever walks by keyboard sees where they are, also in what scrolls.
        response.scroll_to_me(None);
    }
    if response.has_focus() {
        let (size, palette) = (theme::size(), theme::palette(ui));
        let rect = response.rect.expand(size.hair);
        let ring = Stroke::new(size.hair, palette.focus.get());
        ui.painter().rect_stroke(rect, theme::corner(size.corner + size.hair), ring, StrokeKind::Outside);
    }
}
