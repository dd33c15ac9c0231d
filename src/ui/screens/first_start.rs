//! The first start: one page that can be skipped. What it asks for is what makes a first call a bad one: nobody's name, the
//! wrong microphone, no picture, a network that lets nothing through.

use egui::{CentralPanel, Frame, Label, Margin, Panel, RichText, Stroke, Ui};
use sightline_protocol::limits::MAX_NAME_CHARS;

use super::{checkup, devices};
use crate::{
    logic::desk::Wish,
    ui::{
        copy::{first_start as words, settings},
        scene::Scene,
        theme,
        widgets::{button::Button, card, field, page},
    },
};

/// Below this everything stands in one column.
const TWO_COLUMNS: f32 = 820.0;
const WIDEST: f32 = 980.0;

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    name: Option<String>,
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let name = state.name.get_or_insert_with(|| {
        let suggested = scene.snapshot.first_start.as_ref().and_then(|first| first.suggested_name.clone());
        scene.snapshot.me.name.clone().or(suggested).unwrap_or_default()
    });
    foot(ui, name, scene);
    CentralPanel::default().frame(Frame::new()).show(ui, |ui| {
        page::scrolled(ui, "first start", WIDEST, |ui| {
            let size = theme::size();
            ui.add_space(size.far);
            ui.add(Label::new(RichText::new(words::WELCOME).font(theme::title())).wrap());
            card::quiet(ui, words::WHAT);
            ui.add_space(size.near);
            if ui.available_width() < TWO_COLUMNS {
                one(ui, name, scene);
                ui.add_space(size.near);
                other(ui, scene);
            } else {
                ui.spacing_mut().item_spacing.x = size.near;
                ui.columns_const(|[left, right]| {
                    // Columns are justified, and so would be the words in them.
                    left.vertical(|ui| one(ui, name, scene));
                    right.vertical(|ui| other(ui, scene));
                });
            }
        });
    });
}

fn one(ui: &mut Ui, name: &mut String, scene: &mut Scene<'_>) {
    card::show(ui, |ui| {
        field::line(ui, settings::NAME, settings::NAME_HINT, name, MAX_NAME_CHARS);
        devices::small(ui, settings::NAME_WHERE);
    });
    ui.add_space(theme::size().near);
    card::show(ui, |ui| {
        devices::microphone(ui, scene);
        ui.add_space(theme::size().close);
        devices::speaker(ui, scene);
    });
}

fn other(ui: &mut Ui, scene: &mut Scene<'_>) {
    card::show(ui, |ui| {
        devices::looking_glass(ui, scene);
        ui.add_space(theme::size().close);
        devices::camera(ui, scene);
    });
    ui.add_space(theme::size().near);
    card::show(ui, |ui| checkup::show(ui, scene));
}

fn foot(ui: &mut Ui, name: &str, scene: &mut Scene<'_>) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let frame = Frame::new()
        .fill(palette.surface.get())
        .stroke(Stroke::new(1.0, palette.line.get()))
        .inner_margin(Margin::symmetric(size.near as i8, size.close as i8));
    Panel::bottom("begin").frame(frame).show_separator_line(false).show(ui, |ui| {
        page::column(ui, WIDEST, |ui| {
            let (skipped, begun) = egui::Sides::new().height(size.control).show(
                ui,
                |ui| ui.add(Button::quiet(words::SKIP)).clicked(),
                |ui| ui.add(Button::primary(words::BEGIN).min_width(size.control * 3.0)).clicked(),
            );
            let name = name.trim();
            if begun && !name.is_empty() && scene.snapshot.me.name.as_deref() != Some(name) {
                scene.wish(Wish::Rename { name: name.to_owned() });
            }
            if skipped || begun {
                leave(scene);
            }
        });
    });
}

fn leave(scene: &mut Scene<'_>) {
    if scene.snapshot.shelf.previewing {
        scene.wish(Wish::Preview { on: false });
    }
    scene.wish(Wish::Begin);
}
