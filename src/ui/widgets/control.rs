//! A round control over pictures, and the small one beside it that opens a menu.

use egui::{
    Align2, Color32, CornerRadius, FontId, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, Widget,
    WidgetInfo, accesskit::Role, pos2,
};

use crate::ui::{fonts, icons::Icon, theme};

/// A number above this is not said exactly.
const LARGEST_BADGE: usize = 99;

/// What a control looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Calm.
    #[default]
    Plain,
    /// Stands out: something is off that people expect to be on, or a panel is open.
    Marked,
    /// Ends the call.
    Danger,
}

/// Which part of a pair of controls it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// It stands alone.
    #[default]
    Whole,
    /// The round one.
    Main,
    /// The small one beside it.
    Menu,
}

/// A control over pictures.
#[must_use = "a control is there when it is added"]
pub struct Control<'a> {
    icon: Icon,
    name: &'a str,
    tip: &'a str,
    state: Option<bool>,
    look: Look,
    part: Part,
    badge: usize,
    enabled: bool,
    size: Vec2,
}

impl<'a> Control<'a> {
    /// One that does something. `tip` says what, and by which keys.
    pub fn new(icon: Icon, name: &'a str, tip: &'a str) -> Self {
        Self {
            icon,
            name,
            tip,
            state: None,
            look: Look::Plain,
            part: Part::Whole,
            badge: 0,
            enabled: true,
            size: Vec2::splat(theme::size().control_large),
        }
    }

    /// It is on or off, and a screen reader says so.
    pub const fn state(mut self, on: bool) -> Self {
        self.state = Some(on);
        self
    }

    /// What it looks like.
    pub const fn look(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    /// Which part of a pair it is.
    pub const fn part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    /// So many wait behind it.
    pub const fn badge(mut self, badge: usize) -> Self {
        self.badge = badge;
        self
    }

    /// Whether it can be pressed. Where not, `tip` says why.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// How large.
    pub const fn size(mut self, size: Vec2) -> Self {
        self.size = size;
        self
    }

    fn colours(&self, ui: &Ui, response: &Response) -> (Color32, Color32) {
        let (stage, palette) = (theme::stage(), theme::palette(ui));
        let is_hot = response.hovered() || response.is_pointer_button_down_on();
        match (self.enabled, self.look) {
            (false, _) => (Color32::TRANSPARENT, stage.line.get()),
            (true, Look::Plain) if is_hot => (stage.control_hover.get(), stage.text.get()),
            (true, Look::Plain) => (stage.control.get(), stage.text.get()),
            (true, Look::Marked) => (stage.control_off.get(), stage.on_control_off.get()),
            (true, Look::Danger) if is_hot => (palette.danger_hover.get(), palette.on_danger.get()),
            (true, Look::Danger) => (palette.danger.get(), palette.on_danger.get()),
        }
    }

    fn corners(&self, rect: Rect) -> CornerRadius {
        let round = (rect.height() / 2.0) as u8;
        let flat = theme::size().tight as u8;
        match self.part {
            Part::Whole => CornerRadius::same(round),
            Part::Main => CornerRadius { nw: round, sw: round, ne: flat, se: flat },
            Part::Menu => CornerRadius { nw: flat, sw: flat, ne: round, se: round },
        }
    }
}

impl Widget for Control<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(self.size, sense);
        response.widget_info(|| match self.state {
            Some(on) => WidgetInfo::selected(Role::Switch, self.enabled, on, self.name),
            None => WidgetInfo::labeled(Role::Button, self.enabled, self.name),
        });
        if !self.enabled {
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_disabled();
                node.set_description(self.tip);
            });
        }
        if ui.is_rect_visible(rect) {
            let (fill, ink) = self.colours(ui, &response);
            let corners = self.corners(rect);
            let line = if self.enabled { Color32::TRANSPARENT } else { theme::stage().line.get() };
            ui.painter().rect(rect, corners, fill, Stroke::new(1.0, line), StrokeKind::Inside);
            if response.has_focus() {
                let ring = Stroke::new(theme::size().hair, theme::stage().text.get());
                ui.painter().rect_stroke(rect.expand(1.0), corners, ring, StrokeKind::Outside);
            }
            let side = if self.part == Part::Menu { theme::size().icon * 0.75 } else { theme::size().icon };
            self.icon.paint(ui.painter(), Rect::from_center_size(rect.center(), Vec2::splat(side)), ink);
            badge(ui, rect, self.badge);
        }
        response.on_hover_text(self.tip).on_disabled_hover_text(self.tip)
    }
}

fn badge(ui: &Ui, rect: Rect, count: usize) {
    if count == 0 {
        return;
    }
    let (size, palette) = (theme::size(), theme::palette(ui));
    let text = if count > LARGEST_BADGE { format!("{LARGEST_BADGE}+") } else { count.to_string() };
    let galley = ui.painter().layout_no_wrap(
        text,
        FontId::new(size.small, fonts::semibold()),
        palette.on_accent.get(),
    );
    let height = galley.size().y + size.hair;
    let width = (galley.size().x + size.close).max(height);
    let place = Rect::from_center_size(
        pos2(rect.right() - size.close, rect.top() + size.close),
        Vec2::new(width, height),
    );
    ui.painter().rect_filled(place, theme::corner(height / 2.0), palette.accent.get());
    let text = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), place);
    ui.painter().galley(text.min, galley, palette.on_accent.get());
}
