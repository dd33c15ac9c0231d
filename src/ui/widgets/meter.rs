//! How loud it is, as a row of bars that fill. Its value is also a number, for whoever cannot see the bars.

use egui::{Rect, Response, Sense, Ui, Vec2, WidgetInfo, accesskit::Role, pos2};

use crate::ui::theme;

/// How many bars there are.
const BARS: usize = 24;
/// From here on it is so loud that it may be cut off at the top.
const LOUD: f32 = 0.92;

/// Shows `loudness`, from 0 to 1; nothing where nobody listens.
pub fn show(ui: &mut Ui, name: &str, loudness: Option<f32>) -> Response {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let height = size.near;
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
    let value = loudness.unwrap_or_default().clamp(0.0, 1.0);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, name);
        info.value = Some(f64::from((value * 100.0).round()));
        info
    });
    let step = rect.width() / BARS as f32;
    for bar in 0..BARS {
        let reached = (bar as f32 + 0.5) / BARS as f32;
        let colour = if reached > value {
            palette.sunken
        } else if reached > LOUD {
            palette.fair
        } else {
            palette.good
        };
        let left = rect.left() + step * bar as f32;
        let place = Rect::from_min_max(pos2(left, rect.top()), pos2(left + step - size.hair, rect.bottom()));
        ui.painter().rect_filled(place, theme::corner(size.hair), colour.get());
    }
    response
}
