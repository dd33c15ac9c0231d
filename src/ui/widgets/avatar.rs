//! A person without a picture: a disc with their initials, of a shade that is always theirs.

use egui::{Align2, FontId, Painter, Rect, Response, Sense, Ui, Vec2, WidgetInfo, accesskit::Role};

use crate::ui::{fonts, theme};

/// Shows a person's disc. It is decoration: their name stands beside it.
pub fn show(ui: &mut Ui, name: Option<&str>, diameter: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(diameter), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name.unwrap_or_default()));
    paint(ui, rect, name);
    response
}

/// Paints it anywhere.
pub fn paint(ui: &Ui, rect: Rect, name: Option<&str>) {
    let palette = theme::palette(ui);
    let painter: &Painter = ui.painter();
    painter.circle_filled(rect.center(), rect.width() / 2.0, palette.accent_soft.get());
    let text = name.map_or_else(|| "?".to_owned(), initials);
    let font = FontId::new(rect.width() * 0.38, fonts::semibold());
    painter.text(rect.center(), Align2::CENTER_CENTER, text, font, palette.on_accent_soft.get());
}

/// The first letters of the first and the last word.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let letters: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anybody_has_initials() {
        for (name, expected) in [
            ("Ada Lovelace", "AL"),
            ("ada", "A"),
            ("Jean-Luc van der Berg", "JB"),
            ("山田 太郎", "山太"),
            ("", "?"),
            ("🙂 🙂", "?"),
            ("  (Bob)  ", "B"),
        ] {
            assert_eq!(initials(name), expected);
        }
    }
}
