//! How a table is drawn, and what its headings, rows and menus do.

use egui::{
    Align2, Color32, FontId, Label, Rect, Response, RichText, Sense, TextWrapMode, Ui, Vec2, WidgetInfo,
    WidgetText, accesskit::Role, pos2, vec2,
};

use super::{Mark, Row, State, Table, view};
use crate::ui::{
    copy::panel as words,
    icons::Icon,
    panel::{copying, parts},
    theme,
    widgets::{button::focus_ring, icon_button::IconButton, menu, rows},
};

const ROW: f32 = 26.0;
/// From so many rows on one looks for something among them.
const MANY: usize = 8;
/// The widest that a field to filter becomes.
const FILTER: f32 = 320.0;
/// Where the mark of a row stands.
const GUTTER: f32 = 22.0;

pub(super) fn show(ui: &mut Ui, table: &Table, state: &mut State, version: u64, empty: &str) {
    let size = theme::size();
    ui.push_id(table.name, |ui| {
        let order = state.order(table, version);
        tools(ui, table, state, &order);
        if order.is_empty() {
            let words = if table.rows.is_empty() { empty } else { words::NOTHING_FITS };
            ui.add_space(size.close);
            parts::quiet(ui, words);
            return;
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        let letter = ui.fonts_mut(|fonts| fonts.glyph_width(&theme::figures(), '0'));
        let room = ui.available_width() - GUTTER;
        let columns = view::columns(table.columns, &table.widths, letter, size.near, room);
        heads(ui, table, state, &columns);
        let open = order.iter().position(|&index| Some(table.rows[index].id) == state.open);
        let split = open.map_or(order.len(), |at| at + 1);
        let (upper, lower) = order.split_at(split);
        let draw = |ui: &mut Ui, state: &mut State, part: &[usize]| {
            rows::show(
                ui,
                ROW,
                part.len(),
                |at| table.rows[part[at]].id,
                |ui, at| row(ui, table, state, &table.rows[part[at]], &columns, &order),
            );
        };
        draw(ui, state, upper);
        if let Some(open) = open {
            details(ui, table, &table.rows[order[open]]);
        }
        draw(ui, state, lower);
    });
}

/// The name of the table, and what can be done with all of it. A few rows need no filter.
fn tools(ui: &mut Ui, table: &Table, state: &mut State, order: &[usize]) {
    let size = theme::size();
    let is_filtered = state.can_work || table.rows.len() >= MANY || !state.filter.is_empty();
    let height = if is_filtered { size.control } else { size.icon * 1.4 };
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), height),
        egui::Layout::right_to_left(egui::Align::Center),
        |ui| {
            let name = words::copy_table(table.name);
            let button = ui.add(IconButton::new(Icon::Copy, &name).side(height));
            menu::show(ui, &button, &name, |ui| copy_items(ui, table, order));
            if state.can_work && parts::chip(ui, words::ONLY_WORKING, state.only_working).clicked() {
                state.only_working = !state.only_working;
            }
            let layout = egui::Layout::left_to_right(egui::Align::Center);
            let room = ui.available_size();
            ui.allocate_ui_with_layout(room, layout, |ui| {
                // The part of the panel is called so already where a table is all of it.
                if !state.can_work {
                    let name =
                        RichText::new(words::counted(table.name, table.rows.len())).font(theme::strong());
                    ui.add(Label::new(name).truncate());
                }
                if is_filtered {
                    let filter = vec2(ui.available_width().min(FILTER), size.control);
                    ui.allocate_ui(filter, |ui| {
                        parts::filter(
                            ui,
                            &words::filter(table.name),
                            &mut state.filter,
                            view::LONGEST_FILTER,
                        );
                    });
                }
            });
        },
    );
    ui.add_space(size.tight);
}

fn copy_items(ui: &mut Ui, table: &Table, order: &[usize]) {
    for form in copying::Form::ALL {
        if menu::item(ui, None, words::form(form), true).clicked() {
            let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            let rows = order
                .iter()
                .map(|&index| table.rows[index].cells.iter().map(|cell| cell.text.as_str()).collect());
            ui.copy_text(copying::table(&names, rows, form));
        }
    }
}

fn heads(ui: &mut Ui, table: &Table, state: &mut State, columns: &[(usize, f32)]) {
    let palette = theme::palette(ui);
    let (_, line) = ui.allocate_space(vec2(ui.available_width(), ROW));
    let mut left = line.left() + GUTTER;
    for &(index, width) in columns {
        let column = table.columns[index];
        let place = Rect::from_min_size(pos2(left, line.top()), vec2(width, ROW));
        left += width;
        let response = ui.interact(place, ui.scope_id().with(("head", index)), Sense::click());
        let sorted =
            state.sort.filter(|(sorted, _)| *sorted == index).map(|(_, largest_first)| largest_first);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, words::sort_by(column.name, sorted)));
        let ink = if response.hovered() || sorted.is_some() { palette.text } else { palette.quiet };
        let arrow = match sorted {
            Some(true) => " ↓",
            Some(false) => " ↑",
            None => "",
        };
        let text = format!("{}{arrow}", column.name);
        cell(ui, place, &text, theme::small(), ink.get(), column.is_figure);
        focus_ring(ui, &response);
        if response.clicked() {
            state.press(index);
        }
    }
    ui.painter().hline(line.x_range(), line.bottom() - 0.5, egui::Stroke::new(1.0, palette.line.get()));
}

fn row(ui: &mut Ui, table: &Table, state: &mut State, row: &Row, columns: &[(usize, f32)], order: &[usize]) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let place = ui.max_rect();
    let response = ui.interact(place, ui.scope_id().with("row"), Sense::click());
    let is_open = state.open == Some(row.id);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_open, said(table, row)));
    let ground = match (is_open, response.hovered(), row.mark) {
        (true, _, _) => palette.pressed.get(),
        (false, true, _) => palette.hover.get(),
        (false, false, Mark::InUse) => palette.accent_soft.get(),
        (false, false, Mark::None | Mark::Good | Mark::Fair | Mark::Bad | Mark::Open) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(place, theme::corner(size.tight), ground);
    let is_strong = row.mark == Mark::InUse && !is_open && !response.hovered();
    let ink = if is_strong { palette.on_accent_soft } else { palette.text };
    if let Some(icon) = row.mark.icon() {
        let colour = match row.mark {
            Mark::InUse => ink,
            Mark::Good => palette.good,
            Mark::Fair => palette.fair,
            Mark::Bad => palette.poor,
            Mark::None | Mark::Open => palette.quiet,
        };
        let side = Vec2::splat(size.icon * 0.65);
        let mark = Rect::from_center_size(pos2(place.left() + GUTTER / 2.0, place.center().y), side);
        icon.paint(ui.painter(), mark, colour.get());
    }
    let mut left = place.left() + GUTTER;
    let pointer = response.interact_pointer_pos().or(response.hover_pos());
    for &(index, width) in columns {
        let room = Rect::from_min_size(pos2(left, place.top()), vec2(width, place.height()));
        left += width;
        if response.secondary_clicked() && pointer.is_some_and(|at| room.x_range().contains(at.x)) {
            state.cell = index;
        }
        let text = row.cells.get(index).map_or("", |cell| cell.text.as_str());
        let text = if text.is_empty() { words::NOTHING } else { text };
        cell(ui, room, text, theme::figures(), ink.get(), table.columns[index].is_figure);
    }
    focus_ring(ui, &response);
    if response.clicked() {
        state.open = (!is_open).then_some(row.id);
    }
    context(ui, &response, table, state.cell, row, order);
}

fn context(ui: &Ui, response: &Response, table: &Table, column: usize, row: &Row, order: &[usize]) {
    menu::context(ui, response, table.name, |ui| {
        if let (Some(column), Some(cell)) = (table.columns.get(column), row.cells.get(column)) {
            let text = words::copy_cell(column.name);
            if menu::item(ui, Some(Icon::Copy), &text, !cell.text.is_empty()).clicked() {
                ui.copy_text(cell.text.clone());
            }
        }
        if menu::item(ui, None, words::COPY_ROW, true).clicked() {
            ui.copy_text(said(table, row));
        }
        menu::heading(ui, words::WHOLE_TABLE);
        copy_items(ui, table, order);
    });
}

/// A row as a sentence: all that is known, each with its name.
fn said(table: &Table, row: &Row) -> String {
    let known = table.columns.iter().zip(&row.cells).filter(|(_, cell)| !cell.text.is_empty());
    known.map(|(column, cell)| format!("{} {}", column.name, cell.text)).collect::<Vec<_>>().join(", ")
}

/// All of an open row: every column with its name, then its story.
fn details(ui: &mut Ui, table: &Table, row: &Row) {
    let size = theme::size();
    ui.add_space(size.tight);
    parts::sunken(ui, |ui| {
        let known = table.columns.iter().zip(&row.cells).filter(|(_, cell)| !cell.text.is_empty());
        for (column, cell) in known {
            parts::fact_to_copy(ui, column.name, &cell.text);
        }
        for line in &row.story {
            ui.add_space(size.tight);
            ui.add(Label::new(RichText::new(line)).wrap());
        }
    });
    ui.add_space(size.close);
}

fn cell(ui: &Ui, place: Rect, text: &str, font: FontId, ink: Color32, is_figure: bool) {
    let gap = theme::size().near;
    let room = Rect::from_min_max(place.min, pos2(place.right() - gap, place.bottom()));
    let galley = WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Truncate), room.width(), font);
    let align = if is_figure { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER };
    let at = align.align_size_within_rect(galley.size(), room);
    ui.painter().galley_with_override_text_color(at.min, galley, ink);
}
