//! What several parts of the panel are made of.

use egui::{Color32, Frame, Label, Response, RichText, Sense, Ui, Vec2, WidgetInfo, accesskit::Role, vec2};

use crate::ui::{
    copy::panel as words,
    icons::Icon,
    theme,
    widgets::{chip::Chip, field, icon_button::IconButton},
};

/// The names of facts have so much of the width, and at most so many points.
const NAMES: f32 = 0.34;
const NAMES_MOST: f32 = 150.0;

/// The line over a part.
pub(super) fn heading(ui: &mut Ui, text: &str) {
    ui.add(Label::new(RichText::new(text).font(theme::strong())).wrap());
}

/// What is said beside something.
pub(super) fn quiet(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.add(Label::new(RichText::new(text).font(theme::small()).color(palette.quiet.get())).wrap());
}

/// A switch that is chosen or not.
pub(super) fn chip(ui: &mut Ui, text: &str, on: bool) -> Response {
    ui.add(Chip::new(text, on))
}

/// A line to type in what is looked for.
pub(super) fn filter(ui: &mut Ui, name: &str, text: &mut String, longest: usize) {
    field::bare(ui, words::FILTER_HINT, text, longest).accessible_name(name);
}

/// A surface that lies deeper.
pub(super) fn sunken<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let frame = Frame::new()
        .fill(palette.sunken.get())
        .corner_radius(theme::corner(size.corner))
        .inner_margin(theme::margin(size.near));
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = size.tight;
        add(ui)
    });
    shown.inner
}

/// A name, and what is so called.
pub(super) fn fact(ui: &mut Ui, name: &str, value: &str) {
    fact_of(ui, name, value, false);
}

/// The same, with a button that copies it.
pub(super) fn fact_to_copy(ui: &mut Ui, name: &str, value: &str) {
    fact_of(ui, name, value, true);
}

fn fact_of(ui: &mut Ui, name: &str, value: &str, can_copy: bool) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    // What can be copied is an address or a figure; the rest are words.
    let font = if can_copy { theme::figures() } else { egui::FontId::proportional(size.small + 1.0) };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        let column = (ui.available_width() * NAMES).min(NAMES_MOST);
        ui.allocate_ui_with_layout(vec2(column, 0.0), egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.set_width(column);
            ui.add(Label::new(RichText::new(name).font(theme::small()).color(palette.quiet.get())).wrap());
        });
        let button = if can_copy { size.icon + size.close } else { 0.0 };
        let room = (ui.available_width() - button).max(size.control);
        ui.allocate_ui_with_layout(vec2(room, 0.0), egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.set_width(room);
            ui.add(Label::new(RichText::new(value).font(font)).wrap());
        });
        if can_copy {
            let says = words::copy_cell(name);
            if ui.add(IconButton::new(Icon::Copy, &says).side(size.icon)).clicked() {
                ui.copy_text(value.to_owned());
            }
        }
    });
}

/// A figure that is read at a glance, with what it is below it.
#[derive(Debug)]
pub(super) struct Tile {
    /// What it is.
    pub name: &'static str,
    /// The figure.
    pub value: String,
    /// It is worse than it should be.
    pub is_poor: bool,
}

/// Some of them beside each other, as many in a row as fit.
pub(super) fn tiles(ui: &mut Ui, tiles: &[Tile]) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let fit = ((ui.available_width() + size.close) / (118.0 + size.close)).floor().max(1.0) as usize;
    let columns = tiles.len().div_ceil(tiles.len().div_ceil(fit).max(1)).max(1);
    let width = (ui.available_width() - size.close * (columns - 1) as f32) / columns as f32;
    for row in tiles.chunks(columns) {
        ui.horizontal(|ui| {
            for tile in row {
                let (rect, response) = ui.allocate_exact_size(vec2(width, 46.0), Sense::hover());
                let says = words::tile(tile.name, &tile.value);
                response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &says));
                ui.painter().rect_filled(rect, theme::corner(size.corner), palette.sunken.get());
                let inner = rect.shrink2(Vec2::new(size.close, size.tight));
                let ink = if tile.is_poor { palette.poor } else { palette.text };
                line(ui, inner, egui::Align2::LEFT_TOP, &tile.value, theme::figure_large(), ink.get());
                line(ui, inner, egui::Align2::LEFT_BOTTOM, tile.name, theme::small(), palette.quiet.get());
            }
        });
    }
}

/// One line of words in a place, cut where it is too long.
pub(super) fn line(
    ui: &Ui,
    place: egui::Rect,
    align: egui::Align2,
    text: &str,
    font: egui::FontId,
    ink: Color32,
) -> bool {
    let wrap = Some(egui::TextWrapMode::Truncate);
    let galley = egui::WidgetText::from(text).into_galley(ui, wrap, place.width(), font);
    let is_cut = galley.elided;
    let at = align.align_size_within_rect(galley.size(), place);
    ui.painter().galley_with_override_text_color(at.min, galley, ink);
    is_cut
}
