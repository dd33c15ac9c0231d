//! How much of something is done.

use egui::{Response, Sense, Ui, WidgetInfo, accesskit::Role, vec2};

use crate::ui::theme;

/// A bar, `share` of it filled: 0 is nothing, 1 is all.
pub fn bar(ui: &mut Ui, name: &str, share: f32, held: bool) -> Response {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), size.tight), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, name));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_numeric_value(f64::from(share) * 100.0);
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(100.0);
    });
    let round = theme::corner(size.tight / 2.0);
    ui.painter().rect_filled(rect, round, palette.line.get());
    let mut done = rect;
    done.set_width(rect.width() * share);
    let colour = if held { palette.quiet } else { palette.accent };
    ui.painter().rect_filled(done, round, colour.get());
    response
}
