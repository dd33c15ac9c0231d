//! How the call travels: the sentence, the figures, and each step with what is the matter with it.

use egui::{Label, Rect, RichText, ScrollArea, Sense, Ui, Vec2};

use crate::{
    logic::{
        desk::CallCard,
        path::{Edge, EdgeStatus, PathReport},
    },
    ui::{
        copy::call as copy,
        icons::Icon,
        theme,
        widgets::live::{self, Urgency},
    },
};

/// Draws it.
pub(super) fn show(ui: &mut Ui, call: &CallCard) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ScrollArea::vertical().auto_shrink(false).id_salt("path").show(ui, |ui| {
        let path = call.path.as_deref();
        let sentence = path.map_or(copy::NO_PATH_YET, |path| path.sentence.as_str());
        live::label(ui, RichText::new(sentence).font(theme::body()), Urgency::Polite);
        ui.add_space(size.close);
        figures(ui, call, path);
        let Some(path) = path.filter(|path| !path.edges.is_empty()) else { return };
        ui.add_space(size.near);
        ui.label(RichText::new(copy::STEPS).font(theme::small()).color(palette.quiet.get()));
        for edge in &path.edges {
            step(ui, edge);
        }
    });
}

fn figures(ui: &mut Ui, call: &CallCard, path: Option<&PathReport>) {
    let unknown = || copy::NOT_KNOWN_YET.to_owned();
    let quality = match &call.quality.reason {
        Some(reason) => format!("{}. {reason}", copy::quality(call.quality.word)),
        None => copy::quality(call.quality.word).to_owned(),
    };
    for (name, value) in [
        (copy::ROUTE, path.map_or_else(unknown, |path| copy::route(path.route).to_owned())),
        (copy::ROUND_TRIP, call.round_trip_ms.map_or_else(unknown, copy::milliseconds)),
        (copy::YOUR_PICTURE, call.sending.map_or_else(unknown, |sending| sending.plan.to_string())),
        (copy::QUALITY, quality),
    ] {
        figure(ui, name, &value);
    }
}

fn figure(ui: &mut Ui, name: &str, value: &str) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        let column = Vec2::new(ui.available_width() * 0.34, 0.0);
        ui.allocate_ui_with_layout(column, egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.set_width(column.x);
            ui.add(Label::new(RichText::new(name).color(palette.quiet.get())).wrap());
        });
        ui.vertical(|ui| ui.add(Label::new(value).wrap()));
    });
    ui.add_space(size.hair);
}

fn step(ui: &mut Ui, edge: &Edge) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let (icon, colour) = match edge.status {
        EdgeStatus::Works => (Icon::Check, palette.good),
        EdgeStatus::Failed => (Icon::Close, palette.poor),
        EdgeStatus::Untried | EdgeStatus::Unknown => (Icon::More, palette.quiet),
    };
    ui.add_space(size.tight);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        let (mark, _) = ui.allocate_exact_size(Vec2::splat(size.icon * 0.8), Sense::hover());
        let mark = Rect::from_center_size(mark.center(), Vec2::splat(size.icon * 0.8));
        icon.paint(ui.painter(), mark, colour.get());
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = size.hair;
            ui.add(Label::new(RichText::new(copy::step(edge)).font(theme::strong())).wrap());
            ui.add(
                Label::new(RichText::new(copy::step_state(edge)).font(theme::small()).color(colour.get()))
                    .wrap(),
            );
            if let Some(cause) = &edge.cause {
                ui.add(Label::new(RichText::new(cause).color(palette.quiet.get())).wrap());
            }
        });
    });
}
