//! Whether a relay stands on the way, whose, through which server, and why; and each server that was asked.

use egui::Ui;

use super::{Subject, Tables, parts};
use crate::{
    logic::path::{PathReport, RelayUse},
    ui::{
        copy::{call, panel as words},
        theme,
    },
};

/// Draws it.
pub(super) fn show(ui: &mut Ui, subject: &Subject<'_>, tables: &mut Tables, version: u64) {
    let path = subject.path();
    parts::sunken(ui, |ui| facts(ui, path));
    ui.add_space(theme::size().near);
    tables.relays.show(ui, &mut tables.of_relays, version, words::NO_RELAYS);
    ui.add_space(theme::size().near);
    tables.servers.show(ui, &mut tables.of_servers, version, words::NO_SERVERS);
}

fn facts(ui: &mut Ui, path: &PathReport) {
    parts::fact(ui, words::ROUTE, call::route(path.route));
    let in_use = path.in_use.as_ref();
    if let Some(ours) = in_use.and_then(|in_use| in_use.our_relay.as_ref()) {
        parts::fact_to_copy(ui, words::YOUR_RELAY, &relay(ours));
    }
    if let Some(theirs) = in_use.and_then(|in_use| in_use.their_relay.as_ref()) {
        parts::fact_to_copy(ui, words::THEIR_RELAY, &relay(theirs));
    }
    parts::fact(ui, words::WHY, path.closed.as_deref().unwrap_or(&path.sentence));
    parts::fact(ui, words::ALLOWED, words::policy(path.policy));
    for (name, nat) in [(words::YOUR_NAT, &path.our_nat), (words::THEIR_NAT, &path.their_nat)] {
        if !nat.sentence.is_empty() {
            parts::fact(ui, name, &nat.sentence);
        }
    }
    let switchboard = match path.switchboard_up {
        Some(true) => words::SWITCHBOARD_UP,
        Some(false) => words::SWITCHBOARD_DOWN,
        None => words::NOT_KNOWN,
    };
    parts::fact(ui, words::SWITCHBOARD, switchboard);
    parts::fact(ui, words::LEGS, &path.legs.len().to_string());
}

fn relay(relay: &RelayUse) -> String {
    let port = relay.port.map(|port| format!(":{port}")).unwrap_or_default();
    let over = relay.over.map(|over| format!(" · {}", over.name())).unwrap_or_default();
    format!("{}{port}{over}", relay.server)
}
