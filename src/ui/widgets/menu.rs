//! A list that opens from a control: things to do, and things of which one is chosen. The arrow keys walk through it, Escape
//! closes it, and it always has the colours of the page below it.

use std::sync::Arc;

use egui::{
    Color32, Frame, InnerResponse, Label, Popup, PopupCloseBehavior, Rect, Response, RichText, Sense, Style,
    Ui, Vec2, WidgetInfo, accesskit::Role, pos2,
};

use crate::ui::{icons::Icon, theme, widgets::button::focus_ring};

/// How wide a list becomes. Longer names are cut, and whole under the pointer.
const WIDTH: f32 = 280.0;

/// Opens and closes a list with that control.
pub fn show<R>(
    ui: &Ui,
    control: &Response,
    name: &str,
    add: impl FnOnce(&mut Ui) -> R,
) -> Option<InnerResponse<R>> {
    let below = dressed(ui);
    Popup::menu(control).style(below).gap(theme::size().close).width(WIDTH).accessible_name(name).show(add)
}

/// Opens a list where the second button of the pointer was pressed.
pub fn context(ui: &Ui, on: &Response, name: &str, add: impl FnOnce(&mut Ui)) {
    let below = dressed(ui);
    Popup::context_menu(on).style(below).width(WIDTH).accessible_name(name).show(add);
}

/// Opens and closes something to be read: a click in it does not close it.
pub fn card<R>(
    ui: &Ui,
    control: &Response,
    name: &str,
    width: f32,
    add: impl FnOnce(&mut Ui) -> R,
) -> Option<InnerResponse<R>> {
    let below = Arc::clone(ui.style());
    let frame = Frame::popup(&below).inner_margin(theme::margin(theme::size().far));
    Popup::from_toggle_button_response(control)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .style(move |style: &mut Style| below.as_ref().clone_into(style))
        .frame(frame)
        .gap(theme::size().close)
        .width(width)
        .accessible_name(name)
        .show(|ui| {
            ui.set_width(width);
            add(ui)
        })
}

fn dressed(ui: &Ui) -> impl Fn(&mut Style) + Send + Sync + 'static {
    let below = Arc::clone(ui.style());
    move |style: &mut Style| {
        below.as_ref().clone_into(style);
        style.spacing.item_spacing = Vec2::new(0.0, theme::size().hair);
    }
}

/// The line over a part of a list.
pub fn heading(ui: &mut Ui, text: &str) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ui.add_space(size.tight);
    ui.horizontal(|ui| {
        ui.add_space(size.close);
        ui.add(Label::new(RichText::new(text).font(theme::small()).color(palette.quiet.get())));
    });
}

/// One of several, of which one is chosen.
pub fn choice(ui: &mut Ui, text: &str, chosen: bool) -> Response {
    let response = row(ui, chosen.then_some(Icon::Check), text, true);
    response.widget_info(|| WidgetInfo::selected(Role::MenuItemRadio, true, chosen, text));
    response
}

/// Something to do.
pub fn item(ui: &mut Ui, icon: Option<Icon>, text: &str, enabled: bool) -> Response {
    let response = row(ui, icon, text, enabled);
    response.widget_info(|| WidgetInfo::labeled(Role::MenuItem, enabled, text));
    response
}

fn row(ui: &mut Ui, icon: Option<Icon>, text: &str, enabled: bool) -> Response {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let width = ui.available_width().max(WIDTH - 2.0 * size.close);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, size.control), sense);
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let is_hot = enabled && (response.hovered() || response.has_focus());
    let fill = if is_hot { palette.hover.get() } else { Color32::TRANSPARENT };
    ui.painter().rect_filled(rect, theme::corner(size.corner), fill);
    focus_ring(ui, &response);
    let ink = if enabled { palette.text } else { palette.quiet };
    let side = size.icon * 0.8;
    let mark = Rect::from_center_size(
        pos2(rect.left() + size.near + side / 2.0, rect.center().y),
        Vec2::splat(side),
    );
    if let Some(icon) = icon {
        icon.paint(ui.painter(), mark, ink.get());
    }
    let left = mark.right() + size.close;
    let room = rect.right() - size.close - left;
    let words =
        egui::WidgetText::from(text).into_galley(ui, Some(egui::TextWrapMode::Truncate), room, theme::body());
    let is_cut = words.elided;
    let place = pos2(left, rect.center().y - words.size().y / 2.0);
    ui.painter().galley_with_override_text_color(place, words, ink.get());
    if is_cut { response.on_hover_text(text) } else { response }
}
