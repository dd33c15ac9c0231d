//! What one can do: look for a path again, allow others, hinder the own sending to see how a call recovers.

use egui::{Frame, Label, RichText, Ui};

use super::Subject;
use crate::{
    logic::{
        desk::Wish,
        evidence::{Hindrance, Trial},
        path::PathPolicy,
    },
    ui::{
        copy::panel as words,
        icons::Icon,
        scene::Scene,
        theme,
        widgets::{
            button::Button,
            live::{self, Urgency},
            menu,
        },
    },
};

const POLICIES: [PathPolicy; 6] = [
    PathPolicy::Any,
    PathPolicy::Direct,
    PathPolicy::Relay,
    PathPolicy::RelayUdp,
    PathPolicy::RelayTcp,
    PathPolicy::RelayTls,
];

const HINDRANCES: [Hindrance; 6] = [
    lost(5),
    lost(10),
    lost(30),
    late(100),
    late(500),
    Hindrance { loss_percent: 0, delay_ms: 0, blocks_udp: true },
];

const fn lost(loss_percent: u8) -> Hindrance {
    Hindrance { loss_percent, delay_ms: 0, blocks_udp: false }
}

const fn late(delay_ms: u16) -> Hindrance {
    Hindrance { loss_percent: 0, delay_ms, blocks_udp: false }
}

/// Says that the own sending is hindered, as long as it is.
pub(super) fn warning(ui: &mut Ui, subject: &Subject<'_>, scene: &mut Scene<'_>) {
    let hindrance = subject.evidence().hindrance;
    if !subject.is_live() || !hindrance.is_on() {
        return;
    }
    let (size, palette) = (theme::size(), theme::palette(ui));
    let frame = Frame::new()
        .fill(palette.fair_soft.get())
        .stroke(egui::Stroke::new(1.0, palette.fair.get()))
        .corner_radius(theme::corner(size.corner))
        .inner_margin(egui::Margin::symmetric(size.near as i8, size.tight as i8));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            let (mark, _) = ui.allocate_exact_size(egui::Vec2::splat(size.icon), egui::Sense::hover());
            Icon::Warning.paint(ui.painter(), mark, palette.fair.get());
            let room = (ui.available_width() - 84.0).max(size.control);
            ui.allocate_ui_with_layout(
                egui::vec2(room, 0.0),
                egui::Layout::left_to_right(egui::Align::Center),
                |ui| {
                    ui.set_width(room);
                    let text = RichText::new(words::is_hindered(hindrance)).color(palette.fair.get());
                    let said = ui.add(Label::new(text).wrap());
                    live::mark(ui, said.id, Urgency::Polite);
                },
            );
            if ui.add(Button::new(words::STOP)).clicked() {
                scene.wish(Wish::Trial(Trial::Hinder(Hindrance::default())));
            }
        });
    });
    ui.add_space(size.close);
}

/// What there is to be done at the foot of the panel. Says whether the page with the servers is wanted.
pub(super) fn bar(ui: &mut Ui, subject: &Subject<'_>, scene: &mut Scene<'_>) -> bool {
    let mut to_servers = false;
    ui.horizontal_wrapped(|ui| {
        if subject.is_connected {
            in_call(ui, subject, scene);
        }
        if let Some(has_report) = subject.can_save {
            let button = Button::new(words::SAVE_REPORT).icon(Icon::Download).enabled(has_report);
            let response = ui.add(button);
            let response = if has_report { response } else { response.on_hover_text(words::REPORT_IS_MADE) };
            if response.clicked() {
                scene.wish(Wish::SaveReport);
            }
        }
        if !subject.has_call {
            to_servers = ui.add(Button::new(words::TO_SERVERS).icon(Icon::Server)).clicked();
        }
    });
    to_servers
}

fn in_call(ui: &mut Ui, subject: &Subject<'_>, scene: &mut Scene<'_>) {
    if ui.add(Button::new(words::LOOK_AGAIN).icon(Icon::Refresh)).clicked() {
        scene.wish(Wish::Trial(Trial::Restart));
    }
    let paths = ui.add(Button::new(words::PATHS).icon(Icon::Panel));
    menu::show(ui, &paths, words::PATHS, |ui| {
        for policy in POLICIES {
            if menu::choice(ui, words::policy(policy), subject.path().policy == policy).clicked() {
                scene.wish(Wish::Trial(Trial::Path(policy)));
            }
        }
    });
    let hinder = ui.add(Button::new(words::HINDER).icon(Icon::Warning));
    let now = subject.evidence().hindrance;
    menu::show(ui, &hinder, words::HINDER, |ui| {
        menu::heading(ui, words::HINDER_HINT);
        for hindrance in HINDRANCES {
            if menu::choice(ui, &words::hindrance(hindrance), now == hindrance).clicked() {
                scene.wish(Wish::Trial(Trial::Hinder(hindrance)));
            }
        }
        if menu::item(ui, Some(Icon::Close), words::STOP, now.is_on()).clicked() {
            scene.wish(Wish::Trial(Trial::Hinder(Hindrance::default())));
        }
    });
}
