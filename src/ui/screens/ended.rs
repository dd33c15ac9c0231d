//! A call that is over: why, what to do next, and how it was.

use egui::{FontId, Id, Label, RichText, ScrollArea, Ui};
use sightline_protocol::call::Media;

use super::chat;
use crate::{
    logic::desk::{Complaint, ContactChange, EndedCard, Survey, Wish},
    ui::{
        copy::{self, call, ended as words},
        fonts,
        keys::Hotkey,
        scene::Scene,
        theme,
        widgets::{
            avatar,
            button::{Button, Weight},
            card,
            chip::Chip,
            live::{self, Urgency},
        },
    },
};

const AVATAR: f32 = 72.0;
/// In a window that is lower than that the parts move closer, so that nothing has to be scrolled as long as that can be.
const HIGH: f32 = 840.0;

const COMPLAINTS: [Complaint; 7] = [
    Complaint::SoundHere,
    Complaint::SoundThere,
    Complaint::Echo,
    Complaint::Frozen,
    Complaint::Blurred,
    Complaint::Delay,
    Complaint::BrokeOff,
];

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    shows_messages: bool,
    chat: chat::State,
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let Some(call) = &scene.snapshot.ended else { return };
    let size = theme::size();
    let (outside, between) =
        if ui.available_height() < HIGH { (size.near, size.near) } else { (size.wide, size.far) };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let room = ui.available_width();
        let width = (room - 2.0 * size.far).min(size.column);
        ui.horizontal_top(|ui| {
            ui.add_space((room - width) / 2.0);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.add_space(outside);
                why(ui, call);
                ui.add_space(between);
                next(ui, call, scene);
                ui.add_space(between);
                if call.talked_ms.is_some() {
                    card::show(ui, |ui| survey(ui, call, scene));
                    ui.add_space(size.near);
                }
                report(ui, call, scene);
                written(ui, state, call, scene);
                ui.add_space(outside);
            });
        });
    });
    if Hotkey::Away.pressed(ui) {
        scene.wish(Wish::PutAway);
    }
}

fn why(ui: &mut Ui, call: &EndedCard) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let said = words::why(call.reason, call.by);
    let name = if call.was_echo_test { call::ECHO_TEST.to_owned() } else { call::name_in_call(&call.who) };
    ui.vertical_centered(|ui| {
        avatar::show(ui, call.who.shown(), AVATAR);
        ui.add_space(size.close);
        ui.add(Label::new(RichText::new(&name).font(theme::heading())).truncate()).on_hover_text(&name);
        let title = RichText::new(said.title).font(FontId::new(size.title, fonts::semibold()));
        ui.add(Label::new(title).wrap());
        ui.add(Label::new(RichText::new(said.next).color(palette.text.get())).wrap());
        let facts =
            words::facts(call.talked_ms, call.report.as_deref().map(|report| report.path.sentence.as_str()));
        if let Some(facts) = facts {
            ui.add(Label::new(RichText::new(facts).color(palette.quiet.get())).wrap());
        }
    });
    let aloud = words::aloud(said, &name);
    live::say(ui, Id::unique("it is over"), &aloud, Urgency::AtOnce);
}

fn next(ui: &mut Ui, call: &EndedCard, scene: &mut Scene<'_>) {
    let size = theme::size();
    let id = call.report.as_deref().map(|report| report.call.clone());
    let redial = |video| match &id {
        Some(id) => Wish::Redial { id: id.clone(), media: Media { audio: true, video } },
        None => Wish::CallContact { key: call.who.key, media: Media { audio: true, video } },
    };
    let mut buttons = Vec::new();
    if call.can_redial && !call.was_echo_test {
        buttons.push((words::REDIAL_VIDEO, Weight::Primary, redial(true)));
        buttons.push((words::REDIAL_SOUND, Weight::Plain, redial(false)));
    }
    if call.was_echo_test {
        buttons.push((words::ECHO_AGAIN, Weight::Primary, Wish::EchoTest));
    } else if !call.who.is_contact {
        let change = ContactChange::Add { name: None };
        buttons.push((words::SAVE_CONTACT, Weight::Plain, Wish::Contact { key: call.who.key, change }));
    }
    buttons.push((words::DONE, Weight::Plain, Wish::PutAway));
    let columns = if ui.available_width() >= 2.0 * 200.0 { 2 } else { 1 };
    let width = (ui.available_width() - (columns - 1) as f32 * size.close) / columns as f32;
    for row in buttons.chunks(columns) {
        ui.horizontal(|ui| {
            for (name, weight, wish) in row {
                let response = ui.add(Button::new(name).weight(*weight).min_width(width));
                let is_away = *wish == Wish::PutAway;
                let response = if is_away {
                    response.on_hover_text(copy::with_keys(name, &Hotkey::Away.keys(ui.ctx())))
                } else {
                    response
                };
                if response.clicked() {
                    scene.wish(wish.clone());
                }
            }
        });
    }
}

/// Two taps: was it good, and if not, what was wrong.
fn survey(ui: &mut Ui, call: &EndedCard, scene: &mut Scene<'_>) {
    let size = theme::size();
    let survey = &call.survey;
    card::heading(ui, words::HOW_WAS_IT);
    ui.horizontal_wrapped(|ui| {
        for (good, name) in [(true, words::WAS_GOOD), (false, words::WAS_BAD)] {
            if ui.add(Chip::new(name, survey.was_good == Some(good))).clicked() {
                scene.wish(Wish::Answered(Survey { was_good: Some(good), complaints: Vec::new() }));
            }
        }
    });
    if survey.was_good == Some(false) {
        ui.add_space(size.close);
        ui.label(words::WHAT_WAS_WRONG);
        ui.horizontal_wrapped(|ui| {
            for complaint in COMPLAINTS {
                let chosen = survey.complaints.contains(&complaint);
                if ui.add(Chip::new(words::complaint(complaint), chosen)).clicked() {
                    let mut complaints = survey.complaints.clone();
                    if chosen {
                        complaints.retain(|one| *one != complaint);
                    } else {
                        complaints.push(complaint);
                    }
                    scene.wish(Wish::Answered(Survey { was_good: Some(false), complaints }));
                }
            }
        });
    }
    let answered = survey.was_good == Some(true) || !survey.complaints.is_empty();
    card::quiet(ui, if answered { words::THANKS } else { words::STAYS_HERE });
}

fn report(ui: &mut Ui, call: &EndedCard, scene: &mut Scene<'_>) {
    card::show(ui, |ui| {
        if ui.add(Button::new(words::SAVE_REPORT).enabled(call.report.is_some())).clicked() {
            scene.wish(Wish::SaveReport);
        }
        match &call.saved_at {
            Some(path) => {
                live::label(ui, RichText::new(words::saved_at(&path.display().to_string())), Urgency::Polite);
            }
            None => card::quiet(
                ui,
                if call.report.is_some() { words::REPORT_HINT } else { words::REPORT_IS_MADE },
            ),
        }
    });
}

fn written(ui: &mut Ui, state: &mut State, call: &EndedCard, scene: &mut Scene<'_>) {
    if call.messages.is_empty() && call.transfers.is_empty() {
        return;
    }
    ui.add_space(theme::size().close);
    let name = if state.shows_messages { words::HIDE_MESSAGES } else { words::SHOW_MESSAGES };
    if ui.add(Button::quiet(name)).clicked() {
        state.shows_messages = !state.shows_messages;
    }
    if state.shows_messages {
        let they = call::name_in_call(&call.who);
        let talk = chat::Talk {
            messages: &call.messages,
            transfers: &call.transfers,
            they: &they,
            now_unix_ms: scene.snapshot.now_unix_ms,
            in_call: false,
        };
        card::show(ui, |ui| chat::read(ui, &mut state.chat, talk, scene));
    }
}
