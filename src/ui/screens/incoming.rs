//! It rings here: who it is, and whether to take it.
//!
//! The page comes up by itself, over whatever somebody was doing. A click or an Enter that was meant for that must not take
//! a call: for a moment the page listens to neither.

use egui::{FontId, Id, Label, RichText, Ui, Vec2};
use sightline_protocol::call::Media;

use crate::{
    logic::desk::{CallCard, Wish},
    ui::{
        copy::{self, call},
        fonts,
        icons::Icon,
        keys::Hotkey,
        scene::Scene,
        theme,
        widgets::{
            arrange, avatar,
            button::{Button, Weight},
            live::{self, Urgency},
        },
    },
};

/// For so long after it came up the page takes nothing for an answer.
const DEAF_S: f64 = 0.7;
const AVATAR: f32 = 112.0;
/// A button is so wide where they stand beside each other.
const BUTTON: f32 = 164.0;

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    came_up_s: Option<f64>,
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let Some(call) = &scene.snapshot.call else { return };
    let now = ui.input(|input| input.time);
    let listens = now - *state.came_up_s.get_or_insert(now) >= DEAF_S;
    let name = call::name_of(&call.who);
    live::say(ui, Id::unique("it rings here"), &call::rings(&name, call.media.video), Urgency::AtOnce);

    let mut answer = None;
    let size = theme::size();
    egui::Frame::new().inner_margin(theme::margin(size.far)).show(ui, |ui| {
        arrange::scrolled_column(ui, "incoming", size.column + 60.0, |ui| {
            ui.vertical_centered(|ui| {
                who(ui, call, &name);
                ui.add_space(size.wide);
            });
            answer = buttons(ui, call);
            ui.vertical_centered(|ui| {
                ui.add_space(size.far);
                quiet(ui, if call.media.video { call::KEYS_WITH_VIDEO } else { call::KEYS_WITH_SOUND });
                quiet(ui, call::NOT_SEEN_YET);
            });
        });
    });
    let media = Media { audio: true, video: call.media.video };
    // Asked of each, so that a key that was pressed too early is not still there when the page listens.
    let (enter, escape, away) =
        (Hotkey::Answer.pressed(ui), Hotkey::Away.pressed(ui), Hotkey::HangUp.pressed(ui));
    if enter {
        answer = answer.or(Some(Wish::Answer { media }));
    }
    if escape || away {
        answer = answer.or(Some(Wish::Decline));
    }
    if let Some(answer) = answer.filter(|_| listens) {
        scene.wish(answer);
    }
}

fn who(ui: &mut Ui, call: &CallCard, name: &str) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let kind = if call.media.video { call::CALLS_WITH_VIDEO } else { call::CALLS_WITH_SOUND };
    ui.label(RichText::new(kind).color(palette.quiet.get()));
    ui.add_space(size.near);
    avatar::show(ui, call.who.shown(), AVATAR);
    ui.add_space(size.near);
    let font = FontId::new(size.title, fonts::semibold());
    ui.add(Label::new(RichText::new(name).font(font)).truncate()).on_hover_text(name);
    if call.who.is_contact {
        marked(ui, Icon::Lock, call::KNOWN, palette.good, palette.good_soft);
        return;
    }
    if let Some(claimed) = &call.who.claimed {
        ui.add(Label::new(RichText::new(call::claims(claimed)).color(palette.text.get())).wrap());
    }
    marked(ui, Icon::Info, call::NOT_PROVEN, palette.fair, palette.fair_soft);
}

/// A line with a mark: what is known of who they are.
fn marked(ui: &mut Ui, icon: Icon, words: &str, ink: theme::Colour, fill: theme::Colour) {
    let size = theme::size();
    let room = ui.available_width() - 2.0 * size.near - size.icon;
    let words_laid =
        egui::WidgetText::from(words).into_galley(ui, Some(egui::TextWrapMode::Wrap), room, theme::body());
    let side = size.icon * 0.8;
    let inner = Vec2::new(side + size.close + words_laid.size().x, words_laid.size().y.max(side));
    let (rect, response) =
        ui.allocate_exact_size(inner + Vec2::new(2.0 * size.near, 2.0 * size.tight), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Label, true, words));
    ui.painter().rect_filled(rect, theme::corner(size.corner_large), fill.get());
    let mark = egui::Rect::from_center_size(
        egui::pos2(rect.left() + size.near + side / 2.0, rect.center().y),
        Vec2::splat(side),
    );
    icon.paint(ui.painter(), mark, ink.get());
    let place = egui::pos2(mark.right() + size.close, rect.center().y - words_laid.size().y / 2.0);
    ui.painter().galley_with_override_text_color(place, words_laid, ink.get());
}

/// What can be done: declining stands apart from accepting, and at the other end.
fn buttons(ui: &mut Ui, call: &CallCard) -> Option<Wish> {
    let size = theme::size();
    let with = |video| Wish::Answer { media: Media { audio: true, video } };
    let mut all = vec![(call::DECLINE, Weight::Danger, Wish::Decline, Hotkey::Away)];
    if call.media.video {
        all.push((call::ACCEPT_SOUND, Weight::Plain, with(false), Hotkey::Answer));
        all.push((call::ACCEPT_VIDEO, Weight::Answer, with(true), Hotkey::Answer));
    } else {
        all.push((call::ACCEPT, Weight::Answer, with(false), Hotkey::Answer));
    }
    let wide = all.len() as f32 * (BUTTON + size.close);
    let beside_each_other = ui.available_width() >= wide;
    let mut answer = None;
    let mut one =
        |ui: &mut Ui, (words, weight, wish, hotkey): (&'static str, Weight, Wish, Hotkey), width: f32| {
            let has_key = weight != Weight::Plain;
            let response = ui.add(Button::new(words).weight(weight).large().min_width(width));
            let tip = if has_key { copy::with_keys(words, &hotkey.keys(ui.ctx())) } else { words.to_owned() };
            if response.on_hover_text(tip).clicked() {
                answer = Some(wish);
            }
        };
    if beside_each_other {
        arrange::row(ui, wide - size.close, |ui| all.into_iter().for_each(|button| one(ui, button, BUTTON)));
    } else {
        for button in all.into_iter().rev() {
            let is_decline = button.2 == Wish::Decline;
            if is_decline {
                ui.add_space(size.near);
            }
            let width = ui.available_width();
            one(ui, button, width);
        }
    }
    answer
}

fn quiet(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    ui.add(Label::new(RichText::new(words).font(theme::small()).color(palette.quiet.get())).wrap());
}
