//! Calls that were: with whom, what became of them, and the way back.

use std::sync::Arc;

use egui::Ui;

use super::{SOUND, VIDEO, empty};
use crate::{
    logic::{
        course::Role,
        desk::{ContactChange, Outcome, Recent, Wish},
    },
    ui::{
        copy::{self, home as words},
        icons::Icon,
        scene::Scene,
        theme,
        widgets::{
            button::Button,
            icon_button::IconButton,
            menu,
            person::{self, Person},
            rows,
        },
    },
};

/// What stands over the list.
pub(super) fn head(ui: &mut Ui, scene: &mut Scene<'_>) {
    let any = !scene.snapshot.recents.is_empty();
    if ui.add(Button::new(words::FORGET_ALL).icon(Icon::Trash).enabled(any)).clicked() {
        scene.wish(Wish::Forget { id: None });
    }
}

pub(super) fn rows(ui: &mut Ui, scene: &mut Scene<'_>) {
    let recents = Arc::clone(&scene.snapshot.recents);
    if recents.is_empty() {
        empty(ui, Icon::Clock, words::NO_RECENTS, words::NO_RECENTS_NEXT);
        return;
    }
    rows::show(
        ui,
        person::height(),
        recents.len(),
        |row| &recents[row].id,
        |ui, row| show(ui, &recents[row], scene),
    );
}

fn show(ui: &mut Ui, recent: &Recent, scene: &mut Scene<'_>) {
    let palette = theme::palette(ui);
    let shown = recent.who.shown().filter(|name| !name.trim().is_empty());
    let name = shown.map_or_else(
        || words::SOMEBODY.to_owned(),
        |name| if recent.who.is_contact { name.to_owned() } else { words::claims(name) },
    );
    let is_missed = recent.outcome == Outcome::Missed;
    let (icon, colour) = match (recent.outcome, recent.role) {
        (Outcome::Missed, _) => (Icon::Missed, palette.poor),
        (Outcome::Talked, Role::Caller) => (Icon::Outgoing, palette.good),
        (Outcome::Talked, Role::Callee) => (Icon::Incoming, palette.good),
        (Outcome::Declined { .. } | Outcome::Failed { .. }, _) => (Icon::Close, palette.quiet),
    };
    let below = below(recent, scene.snapshot.now_unix_ms);
    let line = Person {
        name: &name,
        disc: shown,
        below: &below,
        mark: Some((icon, colour)),
        stands_out: is_missed && recent.is_new,
    };
    person::row(ui, &line, |ui| {
        let more = words::more_about_call(&name);
        let button = ui.add(IconButton::new(Icon::More, &more));
        menu::show(ui, &button, &more, |ui| about(ui, recent, scene));
        for (icon, text, media) in [
            (Icon::Answer, words::call_with_sound(&name), SOUND),
            (Icon::Camera, words::call_with_video(&name), VIDEO),
        ] {
            let button = IconButton::new(icon, &text).enabled(recent.can_redial);
            let button = if recent.can_redial { button } else { button.tip(words::NO_WAY_BACK) };
            if ui.add(button).clicked() {
                scene.wish(Wish::Redial { id: recent.id.clone(), media });
            }
        }
    });
}

/// What became of it, when, for how long and how it went there.
fn below(recent: &Recent, now_unix_ms: u64) -> String {
    let talked = recent.talked_ms.map(|ms| copy::clock(ms / 1000));
    let when = copy::ago(now_unix_ms, recent.began_unix_ms);
    words::beside(&[Some(words::outcome(recent)), Some(&when), talked.as_deref(), recent.path.as_deref()])
}

fn about(ui: &mut Ui, recent: &Recent, scene: &mut Scene<'_>) {
    let saves = menu::item(ui, Some(Icon::Person), words::SAVE_CONTACT, !recent.who.is_contact).clicked();
    let forgets = menu::item(ui, Some(Icon::Trash), words::FORGET, true).clicked();
    if saves {
        scene.wish(Wish::Contact { key: recent.who.key, change: ContactChange::Add { name: None } });
    }
    if forgets {
        scene.wish(Wish::Forget { id: Some(recent.id.clone()) });
    }
    if saves || forgets {
        ui.close();
    }
}
