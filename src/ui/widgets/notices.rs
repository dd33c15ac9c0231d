//! Things to be told that are no state: what was done and can be taken back, what does not work while the rest goes on. They
//! stand where no control is, never take the focus, and go by themselves unless something went wrong.

use std::{collections::HashMap, sync::Arc, time::Duration};

use egui::{Frame, Label, Rect, RichText, Sense, Stroke, Ui, UiBuilder, Vec2, vec2};

use crate::{
    logic::desk::{Notice, NoticeKind, Wish},
    ui::{
        copy::notices as copy,
        icons::Icon,
        scene::Scene,
        theme,
        widgets::{
            button::Button,
            icon_button::IconButton,
            live::{self, Urgency},
        },
    },
};

/// So many are shown at once, the newest. Those behind come when these were put away.
const SHOWN: usize = 3;
/// What is only said goes after so long; what can be taken back stays a little longer.
const STAYS_S: f64 = 6.0;
const STAYS_TO_UNDO_S: f64 = 10.0;
/// They are no wider than that.
const WIDEST: f32 = 460.0;

/// Since when each is seen.
#[derive(Debug, Default)]
pub struct State {
    since_s: HashMap<u64, f64>,
}

/// Draws them, one below the other, each in the middle.
pub fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let notices = Arc::clone(&scene.snapshot.notices);
    state.since_s.retain(|id, _| notices.iter().any(|notice| notice.id == *id));
    let size = theme::size();
    let width = (ui.available_width() - 2.0 * size.near).min(WIDEST);
    let first = notices.len().saturating_sub(SHOWN);
    for notice in &notices[first..] {
        let room = ui.available_rect_before_wrap();
        let left = room.center().x - width / 2.0;
        let place = Rect::from_min_size(egui::pos2(left, room.top()), vec2(width, room.height()));
        let builder = UiBuilder::new().max_rect(place).id_salt(("notice", notice.id));
        let rect = ui.scope_builder(builder, |ui| one(ui, notice, scene)).response.rect;
        goes(ui, state, notice, rect, scene);
    }
    if !notices.is_empty() {
        ui.add_space(size.close);
    }
}

/// What is only said goes by itself, but not under the pointer.
fn goes(ui: &Ui, state: &mut State, notice: &Notice, rect: Rect, scene: &mut Scene<'_>) {
    let stays = match notice.kind {
        NoticeKind::Problem => return,
        NoticeKind::Info | NoticeKind::Done if notice.can_undo => STAYS_TO_UNDO_S,
        NoticeKind::Info | NoticeKind::Done => STAYS_S,
    };
    let now = ui.input(|input| input.time);
    let since = state.since_s.entry(notice.id).or_insert(now);
    if ui.rect_contains_pointer(rect) {
        *since = now;
    }
    let left = *since + stays - now;
    if left <= 0.0 {
        scene.wish(Wish::PutNoticeAway { id: notice.id });
        // Once: the desk may take a moment to take it away.
        *since = f64::INFINITY;
    } else if left.is_finite() {
        ui.ctx().request_repaint_after(Duration::from_secs_f64(left));
    }
}

fn one(ui: &mut Ui, notice: &Notice, scene: &mut Scene<'_>) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let (icon, ink, urgency) = match notice.kind {
        NoticeKind::Info => (Icon::Info, palette.accent, Urgency::Polite),
        NoticeKind::Done => (Icon::Check, palette.good, Urgency::Polite),
        NoticeKind::Problem => (Icon::Warning, palette.poor, Urgency::AtOnce),
    };
    Frame::new()
        .fill(palette.raised.get())
        .stroke(Stroke::new(1.0, palette.line.get()))
        .corner_radius(theme::corner(size.corner_large))
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(theme::margin(size.close))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                let (mark, _) =
                    ui.allocate_exact_size(vec2(size.icon + size.close, size.control), Sense::hover());
                let mark = Rect::from_center_size(mark.center(), Vec2::splat(size.icon));
                icon.paint(ui.painter(), mark, ink.get());
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
                    if ui.add(IconButton::new(Icon::Close, &copy::put_away(&notice.text))).clicked() {
                        scene.wish(Wish::PutNoticeAway { id: notice.id });
                    }
                    let words = vec2(ui.available_width(), 0.0);
                    ui.allocate_ui_with_layout(words, egui::Layout::top_down(egui::Align::Min), |ui| {
                        ui.add_space(size.close);
                        ui.spacing_mut().item_spacing.y = size.tight;
                        let said = ui.add(Label::new(&notice.text).wrap());
                        live::mark(ui, said.id, urgency);
                        under(ui, notice, scene);
                        ui.add_space(size.hair);
                    });
                });
            });
        });
}

/// The code for whoever asks for help, and what can be done.
fn under(ui: &mut Ui, notice: &Notice, scene: &mut Scene<'_>) {
    let palette = theme::palette(ui);
    if notice.code.is_none() && !notice.can_undo {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        if notice.can_undo && ui.add(Button::new(copy::UNDO).name(&copy::undo(&notice.text))).clicked() {
            scene.wish(Wish::Undo { id: notice.id });
        }
        if let Some(code) = notice.code {
            if ui.add(Button::new(copy::COPY).name(&copy::copy_what(&notice.text))).clicked() {
                ui.copy_text(copy::to_copy(&notice.text, code));
            }
            ui.label(RichText::new(code).font(theme::code()).color(palette.quiet.get()));
        }
    });
}
