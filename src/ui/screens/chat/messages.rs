//! What was written: theirs at the left, ours at the right, each with its time and what became of it.

use egui::{Align, Frame, Id, Label, Layout, Margin, RichText, ScrollArea, Ui, UiBuilder};

use super::Talk;
use crate::{
    logic::{
        course::Side,
        desk::{Message, MessageState},
    },
    ui::{
        copy::chat as copy,
        icons::Icon,
        theme,
        widgets::{
            linked::{self, Clicked},
            live::{self, Urgency},
        },
    },
};

/// So much of the panel a message may take: one sees whose it is by the room beside it.
const WIDEST: f32 = 0.84;

/// Draws all of it, with the newest at the foot. Says which link that calls somebody was clicked.
pub(super) fn show(ui: &mut Ui, talk: Talk<'_>) -> Option<String> {
    announce(ui, talk);
    if talk.messages.is_empty() {
        let palette = theme::palette(ui);
        ui.add(Label::new(copy::EMPTY));
        ui.add(Label::new(RichText::new(copy::EMPTY_HINT).color(palette.quiet.get())).wrap());
        return None;
    }
    ScrollArea::vertical()
        .auto_shrink(false)
        .stick_to_bottom(true)
        .id_salt("messages")
        .show(ui, |ui| list(ui, talk))
        .inner
}

/// Draws all of it, as high as it is.
pub(super) fn list(ui: &mut Ui, talk: Talk<'_>) -> Option<String> {
    let mut asked = None;
    for message in talk.messages {
        match ui
            .push_id(("message", message.from == Side::Us, message.id), |ui| bubble(ui, message, talk))
            .inner
        {
            Some(Clicked::Web(link)) => ui.ctx().open_url(egui::OpenUrl::new_tab(link)),
            Some(Clicked::Call(link)) => asked = Some(link),
            None => {}
        }
    }
    asked
}

/// The newest of theirs is said aloud.
fn announce(ui: &Ui, talk: Talk<'_>) {
    if let Some(newest) = talk.messages.last().filter(|message| message.from != Side::Us) {
        let words = copy::message(talk.they, &newest.text, None);
        live::say(ui, Id::unique("newest message"), &words, Urgency::Polite);
    }
}

fn bubble(ui: &mut Ui, message: &Message, talk: Talk<'_>) -> Option<Clicked> {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let ours = message.from == Side::Us;
    let widest = ui.available_width() * WIDEST;
    let fill = if ours { palette.accent_soft } else { palette.raised };
    let line = if ours { palette.accent_soft } else { palette.line };
    let inner = fitting(ui, message, talk.now_unix_ms).min(widest - 2.0 * size.near);
    let left = if ours { (ui.available_width() - inner - 2.0 * size.near).max(0.0) } else { 0.0 };
    let who = if ours { copy::YOU } else { talk.they };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(left);
        let bubble = Frame::new()
            .fill(fill.get())
            .stroke(egui::Stroke::new(1.0, line.get()))
            .corner_radius(theme::corner(size.corner_large))
            .inner_margin(Margin::symmetric(size.near as i8, size.close as i8))
            .show(ui, |ui| {
                ui.scope_builder(UiBuilder::new().layout(Layout::top_down(Align::Min)), |ui| {
                    ui.set_max_width(inner);
                    ui.spacing_mut().item_spacing.y = size.hair;
                    let clicked = linked::show(ui, &message.text);
                    foot(ui, message, ours, talk.now_unix_ms);
                    clicked
                })
                .inner
            });
        let mark = ours.then(|| copy::mark(message.state));
        let said = copy::message(who, &message.text, mark);
        ui.ctx().accesskit_node_builder(bubble.response.id, |node| {
            node.set_role(egui::accesskit::Role::Group);
            node.set_label(said);
        });
        bubble.inner
    })
    .inner
}

/// A short message has a small bubble, but not smaller than what stands under it.
fn fitting(ui: &Ui, message: &Message, now_unix_ms: u64) -> f32 {
    let size = theme::size();
    let width = |text: &str, font| {
        ui.painter().layout_no_wrap(text.to_owned(), font, egui::Color32::PLACEHOLDER).size().x
    };
    let when = width(&crate::ui::copy::ago(now_unix_ms, message.at_unix_ms), theme::small());
    let mark = if message.from == Side::Us {
        size.small + 2.0 * size.tight + width(copy::mark(message.state), theme::small())
    } else {
        0.0
    };
    width(&message.text, theme::body()).max(when + mark).ceil()
}

fn foot(ui: &mut Ui, message: &Message, ours: bool, now_unix_ms: u64) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size.tight;
        ui.spacing_mut().interact_size.y = 0.0;
        let when = crate::ui::copy::ago(now_unix_ms, message.at_unix_ms);
        ui.label(RichText::new(when).font(theme::small()).color(palette.quiet.get()));
        if !ours {
            return;
        }
        let (icon, colour) = match message.state {
            MessageState::Waiting => (Icon::Clock, palette.quiet),
            MessageState::Sent => (Icon::Check, palette.quiet),
            MessageState::Delivered => (Icon::DoubleCheck, palette.accent),
            MessageState::Failed => (Icon::Warning, palette.poor),
        };
        let (mark, _) = ui.allocate_exact_size(egui::Vec2::splat(size.small), egui::Sense::hover());
        icon.paint(ui.painter(), mark, colour.get());
        if message.state != MessageState::Delivered {
            ui.label(RichText::new(copy::mark(message.state)).font(theme::small()).color(colour.get()));
        }
    });
}
