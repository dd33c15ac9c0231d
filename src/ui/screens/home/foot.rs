//! The line at the foot: how the server does, always in the same place.

use egui::{Frame, Label, Margin, Panel, RichText, Stroke, Ui};

use crate::{
    logic::desk::ServerState,
    ui::{
        copy::home as words,
        icons::Icon,
        scene::Scene,
        screens::settings,
        shell::Page,
        theme,
        widgets::{button::Button, live},
    },
};

pub(super) fn show(ui: &mut Ui, page: &mut Page, scene: &Scene<'_>) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let server = &scene.snapshot.server;
    let (icon, colour, needs_help) = match server.state {
        ServerState::None => (Icon::Warning, palette.fair, true),
        ServerState::Idle | ServerState::Connecting => (Icon::Clock, palette.quiet, false),
        ServerState::Up => (Icon::Check, palette.good, false),
        ServerState::Down { .. } => (Icon::Warning, palette.fair, true),
        ServerState::Refused { .. } => (Icon::Warning, palette.poor, true),
    };
    let side = if ui.available_width() < size.narrow { size.near } else { size.far };
    let frame = Frame::new()
        .fill(palette.surface.get())
        .stroke(Stroke::new(1.0, palette.line.get()))
        .inner_margin(Margin::symmetric(side as i8, size.tight as i8));
    Panel::bottom("server").frame(frame).exact_size(theme::foot()).show_separator_line(false).show(
        ui,
        |ui| {
            egui::Sides::new().height(size.control).shrink_left().truncate().show(
                ui,
                |ui| {
                    let (place, _) =
                        ui.allocate_exact_size(egui::Vec2::splat(size.icon), egui::Sense::hover());
                    icon.paint(ui.painter(), place, colour.get());
                    let text = words::server(&server.state, &server.name);
                    let label = ui.add(Label::new(RichText::new(&text)).truncate());
                    live::mark(ui, label.id, live::Urgency::Polite);
                    label.on_hover_text(text);
                },
                |ui| {
                    if needs_help && ui.add(Button::quiet(words::CHOOSE_SERVER)).clicked() {
                        settings::open_at(ui, settings::Section::Servers);
                        *page = Page::Settings;
                    }
                },
            );
        },
    );
}
