//! A few things beside each other of which one is chosen. Where they do not fit beside each other they stand below.

use egui::{
    Align2, Color32, Rect, Response, Sense, Stroke, StrokeKind, TextWrapMode, Ui, UiBuilder, Vec2,
    WidgetInfo, WidgetText, accesskit::Role,
};

use super::button::focus_ring;
use crate::ui::theme;

/// Shows them, and says which was chosen just now. `name` is what a screen reader says of all of them together.
pub fn show<T: Copy + PartialEq>(ui: &mut Ui, name: &str, chosen: T, all: &[(T, &str)]) -> Option<T> {
    group(ui, name, Role::RadioGroup, Role::RadioButton, chosen, all)
}

/// The same for the parts of a page, of which one is open.
pub fn tabs<T: Copy + PartialEq>(ui: &mut Ui, name: &str, open: T, all: &[(T, &str)]) -> Option<T> {
    group(ui, name, Role::TabList, Role::Tab, open, all)
}

fn group<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    of_all: Role,
    of_each: Role,
    chosen: T,
    all: &[(T, &str)],
) -> Option<T> {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let widest = all
        .iter()
        .map(|(_, text)| {
            ui.painter().layout_no_wrap((*text).to_owned(), theme::strong(), Color32::PLACEHOLDER)
        })
        .map(|galley| galley.size().x + 2.0 * size.close)
        .fold(0.0, f32::max);
    let room = ui.available_width();
    let fit = (((room - 2.0 * size.hair) / widest).floor() as usize).clamp(1, all.len());
    // Rows of the same length look better than a full one and what was left over.
    let columns = all.len().div_ceil(all.len().div_ceil(fit));
    let lines = all.len().div_ceil(columns);
    let height = size.control * lines as f32;
    let wanted = (widest * columns as f32 + 2.0 * size.hair).max(if lines > 1 { room } else { 0.0 });
    let (_, whole) = ui.allocate_space(Vec2::new(wanted.min(room), height));
    let builder =
        UiBuilder::new().max_rect(whole).id_salt(name).accessibility_role(of_all).accessibility_label(name);
    let mut inner = ui.new_child(builder);
    inner.painter().rect(
        whole,
        theme::corner(size.corner),
        palette.sunken.get(),
        Stroke::new(1.0, palette.line.get()),
        StrokeKind::Inside,
    );
    let one = Vec2::new(whole.width() / columns as f32, size.control);
    let mut pressed = None;
    for (index, (value, text)) in all.iter().enumerate() {
        let at = Vec2::new((index % columns) as f32, (index / columns) as f32);
        let place = Rect::from_min_size(whole.min + at * one, one).shrink(size.hair);
        if segment(&mut inner, place, of_each, text, *value == chosen).clicked() {
            pressed = Some(*value);
        }
    }
    pressed.filter(|pressed| *pressed != chosen)
}

fn segment(ui: &mut Ui, place: Rect, role: Role, text: &str, chosen: bool) -> Response {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let response = ui.interact(place, ui.scope_id().with(text), Sense::click());
    response.widget_info(|| WidgetInfo::selected(role, ui.is_enabled(), chosen, text));
    let (fill, line) = if chosen {
        (palette.raised.get(), palette.strong_line.get())
    } else if response.hovered() {
        (palette.hover.get(), Color32::TRANSPARENT)
    } else {
        (Color32::TRANSPARENT, Color32::TRANSPARENT)
    };
    let corner = theme::corner(size.corner - size.hair);
    ui.painter().rect(place, corner, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    let words =
        WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Truncate), place.width(), theme::strong());
    let ink = if chosen { palette.text } else { palette.quiet };
    let at = Align2::CENTER_CENTER.align_size_within_rect(words.size(), place);
    ui.painter().galley_with_override_text_color(at.min, words, ink.get());
    focus_ring(ui, &response);
    response
}
