//! A line to type in, with its name over it.

use egui::{Label, Response, RichText, TextEdit, Ui};

use crate::ui::theme;

/// A line to type in, as wide as there is room. Its name stands over it and is what a screen reader says.
pub fn line(ui: &mut Ui, name: &str, hint: &str, text: &mut String, max_chars: usize) -> Response {
    let label = ui.add(Label::new(RichText::new(name).font(theme::small())));
    bare(ui, hint, text, max_chars).labelled_by(label.id)
}

/// The same without a name to be seen: whoever adds it gives it one for screen readers.
pub fn bare(ui: &mut Ui, hint: &str, text: &mut String, max_chars: usize) -> Response {
    let size = theme::size();
    ui.add(
        TextEdit::singleline(text)
            .hint_text(hint)
            .char_limit(max_chars)
            .margin(theme::margin(size.close))
            .desired_width(f32::INFINITY)
            .min_size(egui::vec2(0.0, size.control)),
    )
}
