//! A text as a pattern that a telephone's camera reads. Always dark on white, with the quiet zone around it that readers
//! need, whatever the theme.

use egui::{Rect, Response, Sense, Ui, Vec2, WidgetInfo, accesskit::Role};
use qrcode::{Color, EcLevel, QrCode};

use crate::ui::theme;

/// White around the pattern, in its own squares: what the standard asks for.
const QUIET_ZONE: usize = 4;

/// Shows it as large as `side` allows: every square is the same number of whole pixels.
/// Nothing where the text is too long for any pattern.
pub fn show(ui: &mut Ui, name: &str, text: &str, side: f32) -> Option<Response> {
    let [pattern, paper] = theme::PATTERN_AND_PAPER;
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let squares = code.width() + 2 * QUIET_ZONE;
    let scale = ui.pixels_per_point();
    let square = ((side * scale / squares as f32).floor().max(1.0)) / scale;
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(square * squares as f32), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let corner = ((rect.min.to_vec2() * scale).round() / scale).to_pos2();
    ui.painter().rect_filled(
        Rect::from_min_size(corner, rect.size()),
        theme::corner(theme::size().tight),
        paper,
    );
    for (index, colour) in code.to_colors().into_iter().enumerate() {
        if colour == Color::Dark {
            let (column, row) = (index % code.width() + QUIET_ZONE, index / code.width() + QUIET_ZONE);
            let place = corner + Vec2::new(column as f32, row as f32) * square;
            ui.painter().rect_filled(Rect::from_min_size(place, Vec2::splat(square)), 0.0, pattern);
        }
    }
    Some(response)
}
