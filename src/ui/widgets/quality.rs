//! How good a call is: three bars and a word, so that nobody has to know what a colour means.

use egui::{Rect, Response, Sense, Ui, Vec2, WidgetInfo, accesskit::Role, vec2};

use crate::{
    logic::desk::QualityWord,
    ui::{copy::call as copy, theme},
};

const BARS: u8 = 3;

/// Three bars, of which as many are filled as it is good. `reason` is said under the pointer.
pub fn bars(ui: &mut Ui, word: QualityWord, reason: Option<&str>) -> Response {
    let (size, palette, stage) = (theme::size(), theme::palette(ui), theme::stage());
    let (rect, response) = ui.allocate_exact_size(vec2(size.icon * 0.8, size.icon * 0.7), Sense::hover());
    let words = copy::quality_said(word, reason);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    let (filled, colour) = match word {
        QualityWord::Unknown => (0, stage.quiet),
        QualityWord::Good => (3, palette.good),
        QualityWord::Fair => (2, palette.fair),
        QualityWord::Poor => (1, palette.poor),
    };
    let step = rect.width() / f32::from(BARS);
    for bar in 0..BARS {
        let height = rect.height() * f32::from(bar + 1) / f32::from(BARS);
        let left = rect.left() + step * f32::from(bar);
        let one = Rect::from_min_size(
            egui::pos2(left, rect.bottom() - height),
            Vec2::new(step - size.hair, height),
        );
        let colour = if bar < filled { colour } else { stage.line };
        ui.painter().rect_filled(one, theme::corner(1.0), colour.get());
    }
    response.on_hover_text(words)
}
