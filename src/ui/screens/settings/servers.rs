//! The servers, and how calls may travel.

use std::sync::Arc;

use egui::{Key, Label, RichText, Ui};
use sightline_protocol::limits::MAX_LINK_BYTES;

use super::{checkup, devices, switch};
use crate::{
    logic::desk::{Checkup, ServerCard, ServerState, ServerWish, Wish, server_link},
    ui::{
        copy::{home, settings as words},
        icons::Icon,
        scene::Scene,
        theme,
        widgets::{button::Button, card, field},
    },
};

#[derive(Debug, Default)]
pub(super) struct State {
    link: String,
}

pub(super) fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let gap = theme::size().near;
    card::heading(ui, words::SERVER_LIST);
    card::quiet(ui, words::SERVER_WHAT);
    let servers = Arc::clone(&scene.snapshot.servers);
    if servers.is_empty() {
        devices::trouble(ui, words::NO_SERVERS);
    }
    for server in servers.iter() {
        ui.push_id(&server.link, |ui| one(ui, server, scene));
    }
    ui.add_space(gap);
    add(ui, state, scene);
    ui.add_space(gap);
    if !servers.iter().any(|server| server.here) {
        if ui.add(Button::new(words::HOST_HERE).icon(Icon::Server)).clicked() {
            scene.wish(Wish::Server(ServerWish::HostHere));
        }
        devices::small(ui, words::HOST_HINT);
        ui.add_space(gap);
    }
    checkup::show(ui, scene);
    ui.add_space(gap);
    switch(ui, scene, words::ALWAYS_RELAY, words::ALWAYS_RELAY_HINT, |it| &mut it.always_relay);
    let (may, hint) = (words::CONTACTS_MAY_EXAMINE, words::CONTACTS_MAY_EXAMINE_HINT);
    switch(ui, scene, may, hint, |it| &mut it.contacts_may_examine);
}

fn one(ui: &mut Ui, server: &ServerCard, scene: &mut Scene<'_>) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let is_used = server.link == scene.snapshot.server.link;
    // Of the one in use the newest state stands in its own card.
    let state = if is_used { &scene.snapshot.server.state } else { &server.state };
    let (icon, colour) = match state {
        ServerState::Up => (Icon::Check, palette.good),
        ServerState::Down { .. } | ServerState::Refused { .. } => (Icon::Warning, palette.poor),
        ServerState::None | ServerState::Idle | ServerState::Connecting => (Icon::Server, palette.quiet),
    };
    let below = home::server(state, &server.name);
    let checks = Arc::clone(&scene.snapshot.server_checks);
    egui::Sides::new().height(size.control_large).shrink_left().truncate().show(
        ui,
        |ui| {
            let (place, _) = ui.allocate_exact_size(egui::Vec2::splat(size.icon), egui::Sense::hover());
            icon.paint(ui.painter(), place, colour.get());
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = size.hair;
                ui.add(Label::new(RichText::new(&server.name).font(theme::strong())).truncate());
                let said = RichText::new(&below).font(theme::small()).color(palette.quiet.get());
                ui.add(Label::new(said).truncate()).on_hover_text(&below);
            });
        },
        |ui| {
            let forget = format!("{} {}", words::FORGET_SERVER, server.name);
            if ui.add(Button::quiet(words::FORGET_SERVER).name(&forget)).clicked() {
                scene.wish(Wish::Server(ServerWish::Remove { link: server.link.clone() }));
            }
            let text = if is_used { words::IN_USE } else { words::CHOOSE };
            let choose = format!("{text}: {}", server.name);
            if ui.add(Button::new(text).name(&choose).enabled(!is_used)).clicked() {
                scene.wish(Wish::Server(ServerWish::Choose { link: server.link.clone() }));
            }
            let is_looking = checks.iter().any(|(_, checkup)| matches!(checkup, Checkup::Running { .. }));
            let name = words::check_server(&server.name);
            let check = Button::new(words::CHECK_SERVER).name(&name);
            if ui.add(check.enabled(!is_looking && !server.link.is_empty())).clicked() {
                scene.wish(Wish::Server(ServerWish::Check { link: server.link.clone() }));
            }
        },
    );
    if let Some((_, checkup)) = checks.iter().find(|(link, _)| *link == server.link) {
        ui.indent("what was found out", |ui| checkup::in_short(ui, checkup, scene.snapshot.now_unix_ms));
    }
}

fn add(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let field =
        field::line(ui, words::SERVER_LINK, words::SERVER_LINK_HINT, &mut state.link, 4 * MAX_LINK_BYTES);
    let read = server_link(&state.link);
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    devices::wrong(ui, &state.link, read.as_ref().err());
    if ui.add(Button::new(words::ADD_SERVER).icon(Icon::Plus).enabled(read.is_ok())).clicked()
        || (entered && read.is_ok())
    {
        let text = state.link.trim().to_owned();
        scene.wish(Wish::Server(ServerWish::Add { text }));
        state.link.clear();
    }
}
