//! The field for somebody else's link, and the call with oneself.

use egui::{Key, Label, RichText, Ui};
use sightline_protocol::limits::MAX_LINK_BYTES;

use super::{SOUND, VIDEO};
use crate::{
    logic::desk::{EchoTest, Snapshot, Wish, call_link},
    ui::{
        copy::{self, home as words},
        icons::Icon,
        scene::Scene,
        theme::{self, Colour},
        widgets::{button::Button, card, field, live},
    },
};

/// What is pasted may have words around the link.
pub(super) const MAX_TYPED_CHARS: usize = 16 * MAX_LINK_BYTES;

#[derive(Debug, Default)]
pub(super) struct State {
    text: String,
}

/// What the text in the field is.
enum Read {
    Nothing,
    Wrong(String),
    Mine,
    Known(String),
    New(String),
}

pub(super) fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    card::show(ui, |ui| {
        card::heading(ui, words::CALL);
        let field = field::bare(ui, words::THEIR_LINK_HINT, &mut state.text, MAX_TYPED_CHARS)
            .accessible_name(words::THEIR_LINK);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let read = read(&state.text, scene.snapshot);
        say(ui, &read);
        let can_call = matches!(read, Read::Known(_) | Read::New(_));
        let is_new = matches!(read, Read::New(_));
        let (mut video, mut sound, mut save) = (entered && can_call, false, false);
        ui.horizontal_wrapped(|ui| {
            let button = Button::primary(words::VIDEO_CALL).icon(Icon::Camera).enabled(can_call);
            video |= ui.add(button).clicked();
            sound = ui.add(Button::new(words::SOUND_CALL).icon(Icon::Answer).enabled(can_call)).clicked();
            save = ui.add(Button::quiet(words::SAVE).name(words::SAVE_LINK).enabled(is_new)).clicked();
        });
        if entered && !can_call {
            field.request_focus();
        }
        let text = || state.text.trim().to_owned();
        let wish = if video || sound {
            Some(Wish::CallLink { text: text(), media: if video { VIDEO } else { SOUND } })
        } else {
            save.then(|| Wish::AddContact { text: text(), name: None })
        };
        if let Some(wish) = wish {
            scene.wish(wish);
            state.text.clear();
        }
    });
}

/// One line that is always there: what to do, who it is, or what is wrong.
fn say(ui: &mut Ui, read: &Read) {
    let palette = theme::palette(ui);
    let (icon, text, colour): (Option<Icon>, &str, Colour) = match read {
        Read::Nothing => (None, words::CALL_HOW, palette.quiet),
        Read::Wrong(why) => (Some(Icon::Warning), why, palette.poor),
        Read::Mine => (Some(Icon::Info), words::OWN_LINK, palette.fair),
        Read::Known(who) => (Some(Icon::Check), who, palette.good),
        Read::New(who) => (Some(Icon::Person), who, palette.text),
    };
    let size = theme::size();
    let room = egui::vec2(ui.available_width(), size.small * 2.8);
    ui.allocate_ui_with_layout(room, egui::Layout::left_to_right(egui::Align::Min), |ui| {
        ui.set_min_size(room);
        if let Some(icon) = icon {
            let (place, _) =
                ui.allocate_exact_size(egui::Vec2::splat(size.small * 1.3), egui::Sense::hover());
            icon.paint(ui.painter(), place, colour.get());
        }
        let label = Label::new(RichText::new(text).font(theme::small()).color(colour.get())).wrap();
        let said = ui.add(label);
        live::mark(ui, said.id, live::Urgency::Polite);
    });
}

fn read(text: &str, snapshot: &Snapshot) -> Read {
    if text.trim().is_empty() {
        return Read::Nothing;
    }
    match call_link(text) {
        Err(why) => Read::Wrong(copy::sentence(&why.to_string())),
        Ok(link) if link.address.to_string() == snapshot.me.key => Read::Mine,
        Ok(link) => match snapshot.contacts.iter().find(|contact| contact.key == link.address) {
            Some(contact) => Read::Known(words::calls(contact.name.as_deref().unwrap_or(words::SOMEBODY))),
            None => Read::New(words::calls_new(&link.server.name())),
        },
    }
}

/// The call with oneself.
pub(super) fn echo(ui: &mut Ui, scene: &mut Scene<'_>) {
    let test = scene.snapshot.echo_test;
    card::show(ui, |ui| {
        egui::Sides::new().shrink_left().wrap().show(
            ui,
            |ui| {
                ui.vertical(|ui| {
                    card::heading(ui, words::ECHO);
                    card::quiet(ui, words::ECHO_WHAT);
                });
            },
            |ui| {
                let name = format!("{}: {}", words::ECHO, words::echo_button(test));
                let button = Button::new(words::echo_button(test))
                    .name(&name)
                    .min_width(theme::size().control * 2.6)
                    .enabled(test == EchoTest::Idle);
                if ui.add(button).clicked() {
                    scene.wish(Wish::EchoTest);
                }
            },
        );
    });
}
