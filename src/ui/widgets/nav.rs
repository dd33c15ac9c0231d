//! The parts of a page, of which one is open: below each other, or in a few columns.

use egui::{
    Align2, Color32, Rect, Response, Sense, TextWrapMode, Ui, UiBuilder, Vec2, WidgetInfo, WidgetText,
    accesskit::Role,
};

use super::button::focus_ring;
use crate::ui::theme;

/// Shows them, and says which was opened just now.
pub fn show<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    open: T,
    all: &[(T, &str)],
    columns: usize,
) -> Option<T> {
    let size = theme::size();
    let columns = columns.max(1);
    let lines = all.len().div_ceil(columns);
    let step = size.control + size.hair;
    let (_, whole) = ui.allocate_space(Vec2::new(ui.available_width(), step * lines as f32));
    let builder = UiBuilder::new()
        .max_rect(whole)
        .id_salt(name)
        .accessibility_role(Role::TabList)
        .accessibility_label(name);
    let mut inner = ui.new_child(builder);
    let width = whole.width() / columns as f32;
    let mut pressed = None;
    for (index, (value, text)) in all.iter().enumerate() {
        let at = Vec2::new((index % columns) as f32 * width, (index / columns) as f32 * step);
        let place = Rect::from_min_size(whole.min + at, Vec2::new(width - size.hair, size.control));
        if part(&mut inner, place, text, *value == open, columns > 1).clicked() {
            pressed = Some(*value);
        }
    }
    pressed.filter(|pressed| *pressed != open)
}

fn part(ui: &mut Ui, place: Rect, text: &str, open: bool, is_centred: bool) -> Response {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let response = ui.interact(place, ui.scope_id().with(text), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, open, text));
    let (fill, ink) = if open {
        (palette.accent_soft.get(), palette.on_accent_soft)
    } else if response.hovered() {
        (palette.hover.get(), palette.text)
    } else {
        (Color32::TRANSPARENT, palette.text)
    };
    ui.painter().rect_filled(place, theme::corner(size.corner), fill);
    let room = place.shrink2(Vec2::new(size.near, 0.0));
    let words =
        WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Truncate), room.width(), theme::strong());
    let align = if is_centred { Align2::CENTER_CENTER } else { Align2::LEFT_CENTER };
    let at = align.align_size_within_rect(words.size(), room);
    ui.painter().galley_with_override_text_color(at.min, words, ink.get());
    focus_ring(ui, &response);
    response
}
