//! Chat and files: a panel beside a call, and what is left of it when the call is over.

mod files;
mod messages;

use egui::{Id, Key, KeyboardShortcut, Modifiers, ScrollArea, TextEdit, Ui, vec2};

use crate::{
    logic::desk::{Message, Transfer, Wish},
    ui::{
        copy::chat as copy,
        icons::Icon,
        scene::Scene,
        theme,
        widgets::{arrange, button::Button, icon_button},
    },
};

/// The longest message. What is typed beyond that is not taken.
const MAX_CHARS: usize = 4000;
/// So much of the panel may files take; more of them are scrolled to.
const FILES_SHARE: f32 = 0.45;
/// A message is written in so many lines before it is scrolled.
const MAX_ROWS: f32 = 5.0;

/// What is of the panel itself.
#[derive(Debug, Default)]
pub struct State {
    draft: String,
    wants_focus: bool,
    /// A link that calls somebody was clicked, and nobody has said yes yet.
    asked: Option<String>,
}

impl State {
    /// It was opened just now: one can write at once.
    pub const fn opened(&mut self) {
        self.wants_focus = true;
    }
}

/// What a conversation consists of.
#[derive(Clone, Copy, Debug)]
pub struct Talk<'a> {
    /// The oldest first.
    pub messages: &'a [Message],
    /// The oldest first.
    pub transfers: &'a [Transfer],
    /// What the other side is called.
    pub they: &'a str,
    /// What is "a minute ago" is so by this.
    pub now_unix_ms: u64,
    /// There is a call, which would end if another one began.
    pub in_call: bool,
}

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &mut State, talk: Talk<'_>, scene: &mut Scene<'_>) {
    let mut asked = state.asked.take();
    let highest = ui.available_height() * FILES_SHARE;
    let above = arrange::foot(ui, "foot", |ui| {
        question(ui, &mut asked, talk.in_call, scene);
        if !talk.transfers.is_empty() {
            files::show(ui, talk.transfers, highest, scene);
        }
        compose(ui, state, scene);
    });
    let clicked = arrange::place(ui, "above", above, |ui| {
        ui.shrink_clip_rect(above);
        messages::show(ui, talk)
    });
    state.asked = clicked.or(asked);
}

/// What was written, to be read only.
pub fn read(ui: &mut Ui, state: &mut State, talk: Talk<'_>, scene: &mut Scene<'_>) {
    let clicked = messages::list(ui, talk);
    question(ui, &mut state.asked, talk.in_call, scene);
    if !talk.transfers.is_empty() {
        files::show(ui, talk.transfers, f32::INFINITY, scene);
    }
    state.asked = clicked.or(state.asked.take());
}

/// Whether to call whoever a link belongs to: asked where it stands, and in nobody's way.
fn question(ui: &mut Ui, asked: &mut Option<String>, in_call: bool, scene: &mut Scene<'_>) {
    let Some(link) = asked.clone() else { return };
    let (question, yes) = if in_call {
        (copy::CALL_LINK_QUESTION, copy::CALL_LINK)
    } else {
        (copy::CALL_LINK_QUESTION_IDLE, copy::CALL_LINK_IDLE)
    };
    ui.separator();
    ui.add(egui::Label::new(question).wrap());
    ui.add(egui::Label::new(egui::RichText::new(&link).font(theme::code())).truncate());
    ui.horizontal_wrapped(|ui| {
        if ui.add(Button::primary(yes)).clicked() {
            if in_call {
                scene.wish(Wish::HangUp);
            }
            let media = sightline_protocol::call::Media { audio: true, video: true };
            scene.wish(Wish::CallLink { text: link.clone(), media });
            *asked = None;
        }
        if ui.add(Button::new(copy::COPY_LINK)).clicked() {
            ui.copy_text(link.clone());
            *asked = None;
        }
        if ui.add(Button::quiet(copy::NOT_NOW)).clicked() {
            *asked = None;
        }
    });
}

fn compose(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let size = theme::size();
    let id = Id::unique("chat draft");
    // Before the field sees it: Enter alone sends, and belongs to nobody else.
    let is_typing = ui.memory(|memory| memory.has_focus(id));
    let enter = is_typing
        && ui.input_mut(|input| {
            !input.modifiers.shift
                && input.consume_shortcut(&KeyboardShortcut::new(Modifiers::NONE, Key::Enter))
        });
    ui.add_space(size.tight);
    let mut send = false;
    let row = ui.fonts_mut(|fonts| fonts.row_height(&theme::body()));
    let beside = 2.0 * (size.control + ui.spacing().item_spacing.x);
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width((ui.available_width() - beside).max(size.control));
            let highest = row * MAX_ROWS + 2.0 * size.close;
            ScrollArea::vertical().max_height(highest).id_salt("draft").show(ui, |ui| {
                let field = TextEdit::multiline(&mut state.draft)
                    .id(id)
                    .hint_text(copy::WRITE)
                    .char_limit(MAX_CHARS)
                    .margin(theme::margin(size.close))
                    .min_size(vec2(0.0, size.control))
                    .desired_rows(1)
                    .desired_width(f32::INFINITY)
                    .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter));
                let response = ui.add(field).accessible_name(copy::WRITE);
                if std::mem::take(&mut state.wants_focus) {
                    response.request_focus();
                }
            });
        });
        if ui.add(icon_button::IconButton::new(Icon::Upload, copy::ADD_FILES)).clicked() {
            scene.wish(Wish::ChooseFiles);
        }
        let can_send = !state.draft.trim().is_empty();
        let button = icon_button::IconButton::new(Icon::Send, copy::SEND).tip(copy::SEND_KEYS);
        send = ui.add(button.enabled(can_send)).clicked();
    });
    if (enter || send) && !state.draft.trim().is_empty() {
        scene.wish(Wish::Say { text: std::mem::take(&mut state.draft).trim_end().to_owned() });
        state.wants_focus = true;
    }
}
