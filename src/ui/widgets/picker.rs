//! A list of which one is chosen, folded into one line: names may be as long as they like.

use egui::{
    Label, Popup, Rect, Response, RichText, Sense, Stroke, StrokeKind, TextWrapMode, Ui, Vec2, WidgetInfo,
    WidgetText, accesskit::Role, pos2,
};

use super::{button::focus_ring, menu};
use crate::ui::{icons::Icon, theme};

/// Shows the name over the chosen line, and says which was picked just now.
pub fn show<T: Clone + PartialEq>(
    ui: &mut Ui,
    name: &str,
    chosen: &str,
    all: &[(T, String, bool)],
) -> Option<T> {
    let palette = theme::palette(ui);
    let label = ui.add(Label::new(RichText::new(name).font(theme::small()).color(palette.quiet.get())));
    let line = folded(ui, chosen).labelled_by(label.id);
    let mut picked = None;
    Popup::menu(&line)
        .width(line.rect.width() - 2.0 * theme::size().close)
        .gap(theme::size().tight)
        .accessible_name(name)
        .show(|ui| {
            egui::ScrollArea::vertical().max_height(theme::size().control * 7.5).show(ui, |ui| {
                for (value, text, is_chosen) in all {
                    if menu::choice(ui, text, *is_chosen).clicked() {
                        picked = (!is_chosen).then(|| value.clone());
                        ui.close();
                    }
                }
            });
        });
    picked
}

fn folded(ui: &mut Ui, chosen: &str) -> Response {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), size.control), Sense::click());
    response.widget_info(|| {
        let mut info = WidgetInfo::new(Role::ComboBox);
        info.current_text_value = Some(chosen.to_owned());
        info
    });
    let fill = if response.hovered() { palette.hover } else { palette.surface };
    let line = Stroke::new(1.0, palette.strong_line.get());
    ui.painter().rect(rect, theme::corner(size.corner), fill.get(), line, StrokeKind::Inside);
    let side = size.icon * 0.8;
    let mark = Rect::from_center_size(
        pos2(rect.right() - size.near - side / 2.0, rect.center().y),
        Vec2::splat(side),
    );
    Icon::ChevronDown.paint(ui.painter(), mark, palette.quiet.get());
    let room = mark.left() - rect.left() - size.near - size.close;
    let words = WidgetText::from(chosen).into_galley(ui, Some(TextWrapMode::Truncate), room, theme::body());
    let is_cut = words.elided;
    let place = pos2(rect.left() + size.near, rect.center().y - words.size().y / 2.0);
    ui.painter().galley(place, words, palette.text.get());
    focus_ring(ui, &response);
    if is_cut { response.on_hover_text(chosen) } else { response }
}
