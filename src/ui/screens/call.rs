//! A call that stands: the other side as large as it fits, and over it what one needs and no more.
//!
//! The stage is dark by day and by night, as a picture wants it. Whatever comes and goes over it (the controls, a hint, the
//! words about a connection that is away) comes and goes over it: the picture stays where it is.

mod bar;
mod devices;
mod own;
mod picture;
mod stage;
mod top;
mod waking;

use std::{path::PathBuf, time::Duration};

use egui::{Align2, CursorIcon, Id, Rect, RichText, Ui, Vec2, ViewportCommand, pos2, vec2};

use self::{
    bar::{Press, Shown, Side},
    waking::{Clock, Waking},
};
use super::chat;
use crate::{
    logic::{
        course::Stage,
        desk::{CallCard, Wish},
    },
    ui::{
        copy,
        icons::Icon,
        keys::Hotkey,
        panel::docking::Dock,
        scene::Scene,
        theme,
        widgets::{
            arrange,
            icon_button::IconButton,
            live::{self, Urgency},
        },
    },
};

/// A panel beside the stage is so wide.
const PANEL: f32 = 360.0;
/// On a narrow window it takes that part of the height instead.
const PANEL_SHARE: f32 = 0.58;
/// The other side is told of a new size when it has stayed for so long: a window that is being drawn larger has many.
const SETTLED_S: f64 = 0.25;

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    own: own::State,
    shows_chat: bool,
    path_was_docked: bool,
    chat: chat::State,
    waking: Waking,
    clock: Clock,
    drawn: Drawn,
    read_up_to: usize,
    away_since_ms: Option<u64>,
}

/// The size at which their picture is drawn, and what the other side was told of it.
#[derive(Debug, Default)]
struct Drawn {
    told: Option<[u16; 2]>,
    now: [u16; 2],
    since_s: f64,
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, path: &mut Dock, scene: &mut Scene<'_>) {
    let Some(call) = &scene.snapshot.call else { return };
    dark(ui);
    let now_ms = state.clock.now_unix_ms(ui, scene.snapshot.now_unix_ms);
    let away_s = state.away(call, now_ms);
    let (stage_rect, panel) = split(ui.max_rect(), state.shows_chat);

    let drawn = stage::show(ui, stage_rect, call, scene, away_s);
    state.drawn.take(ui, drawn, scene);

    let size = theme::size();
    let room = own_room(stage_rect);
    let own_has_focus = own::show(ui, &mut state.own, stage_rect, room, scene);

    let lasted_s = call.connected_unix_ms.map(|since| {
        Clock::tick(ui, since, now_ms);
        now_ms.saturating_sub(since) / 1000
    });
    let must = call.stage != Stage::Connected || own_has_focus;
    let opacity = state.waking.opacity(ui, must);
    let full_screen = ui.input(|input| input.viewport().fullscreen.unwrap_or(false));
    let shown = Shown { chat: state.shows_chat, path: path.is_open(), full_screen, only_cancel: false };
    let mut press = None;
    if opacity > 0.0 {
        let (top, foot) = ui
            .scope(|ui| {
                ui.multiply_opacity(opacity);
                let top = top::show(ui, stage_rect, call, lasted_s, scene);
                (top, bar::show(ui, stage_rect, call, &mut state.own, shown, scene))
            })
            .inner;
        press = foot.press.or(top.path.then_some(Press::Side(Side::Path)));
        state.waking.hold(top.held || foot.held);
    } else if ui.rect_contains_pointer(stage_rect) {
        ui.ctx().set_cursor_icon(CursorIcon::None);
    }
    if call.speaking_while_muted && call.ours.muted {
        let foot = pos2(stage_rect.center().x, stage_rect.bottom() - bar::height(stage_rect.width()));
        stage::pill(ui, foot, stage_rect.width() - size.far, copy::call::SPEAKING_WHILE_MUTED);
        live::say(ui, Id::unique("muted"), copy::call::SPEAKING_WHILE_MUTED, Urgency::AtOnce);
    }
    if let Some(panel) = panel {
        show_panel(ui, state, panel, call, now_ms, scene);
    }
    drops(ui, state, stage_rect, scene);
    keys(ui, call, &mut press, state, full_screen, scene);
    state.press(ui, press, path, full_screen);
    // There is room for one of them: what was opened last stays.
    let path_is_newer = path.is_docked() && !state.path_was_docked;
    if state.shows_chat && path.is_docked() {
        if path_is_newer {
            state.shows_chat = false;
        } else {
            path.close();
        }
        ui.ctx().request_repaint();
    }
    state.path_was_docked = path.is_docked();
}

impl State {
    /// Where notices hide nothing that can be pressed: on the stage, below what stands at its head.
    pub fn room_for_notices(&self, all: Rect, is_bare: bool) -> Rect {
        let (stage, _) = split(all, self.shows_chat);
        let head = if is_bare { theme::size().near } else { top::height(stage.width()) };
        stage.with_min_y(stage.top() + head)
    }

    /// For how many seconds nothing has come; nothing where everything is well.
    fn away(&mut self, call: &CallCard, now_ms: u64) -> Option<u64> {
        if call.stage != Stage::Reconnecting {
            self.away_since_ms = None;
            return None;
        }
        let since = *self.away_since_ms.get_or_insert(now_ms);
        Some(now_ms.saturating_sub(since) / 1000)
    }

    fn press(&mut self, ui: &Ui, press: Option<Press>, path: &mut Dock, full_screen: bool) {
        match press {
            Some(Press::Side(Side::Path)) => {
                path.toggle();
                ui.ctx().request_repaint();
            }
            Some(Press::Side(Side::Chat)) => {
                self.shows_chat = !self.shows_chat;
                if self.shows_chat {
                    self.chat.opened();
                }
                ui.ctx().request_repaint();
            }
            Some(Press::FullScreen) => {
                ui.ctx().send_viewport_cmd(ViewportCommand::Fullscreen(!full_screen));
            }
            None => {}
        }
    }
}

/// The stage and what stands on it are dark, whatever the theme.
pub(super) fn dark(ui: &mut Ui) {
    let dark = ui.ctx().style_of(egui::Theme::Dark);
    ui.set_style(dark);
}

/// What of the stage no bar ever needs: whether the bars are seen or not, our picture stays where it is.
fn own_room(stage: Rect) -> Rect {
    let size = theme::size();
    let own = own::size_on(stage.size(), vec2(16.0, 9.0));
    let beside_the_bar = stage.width() >= bar::widest() + 2.0 * (own.x + 2.0 * size.near);
    let foot = if beside_the_bar { size.near } else { bar::height(stage.width()) };
    Rect::from_min_max(
        stage.min + vec2(size.near, top::height(stage.width())),
        stage.max - vec2(size.near, foot),
    )
}

/// The stage, and the panel beside it or below it.
fn split(all: Rect, open: bool) -> (Rect, Option<Rect>) {
    if !open {
        return (all, None);
    }
    let (stage, panel) = if all.width() >= theme::size().narrow {
        all.split_left_right_at_x(all.right() - PANEL)
    } else {
        all.split_top_bottom_at_fraction(1.0 - PANEL_SHARE)
    };
    (stage, Some(panel))
}

fn show_panel(
    ui: &mut Ui,
    state: &mut State,
    rect: Rect,
    call: &CallCard,
    now_ms: u64,
    scene: &mut Scene<'_>,
) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ui.painter().rect_filled(rect, 0.0, palette.surface.get());
    let mut close = false;
    arrange::place(ui, "panel", rect.shrink(size.near), |ui| {
        ui.shrink_clip_rect(rect);
        ui.horizontal(|ui| {
            ui.label(RichText::new(copy::chat::HEADING).font(theme::heading()));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                close = ui.add(IconButton::new(Icon::Close, copy::call::CLOSE_PANEL)).clicked();
            });
        });
        let they = copy::call::name_in_call(&call.who);
        let talk = chat::Talk {
            messages: &call.messages,
            transfers: &call.transfers,
            they: &they,
            now_unix_ms: now_ms,
            in_call: true,
        };
        chat::show(ui, &mut state.chat, talk, scene);
    });
    if call.unread > 0 && state.read_up_to != call.messages.len() {
        state.read_up_to = call.messages.len();
        scene.wish(Wish::Read);
    }
    if close {
        state.shows_chat = false;
    }
}

/// Files that are held over the window, and files that are let go of.
fn drops(ui: &Ui, state: &mut State, stage: Rect, scene: &mut Scene<'_>) {
    let (hovered, dropped) = ui.input(|input| {
        let paths: Vec<PathBuf> = input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect();
        (!input.raw.hovered_files.is_empty(), paths)
    });
    if hovered {
        let colours = theme::stage();
        ui.painter().rect_filled(stage, 0.0, colours.shade.get());
        let middle = Align2::CENTER_CENTER;
        ui.painter().text(
            stage.center(),
            middle,
            copy::chat::DROP_HERE,
            theme::heading(),
            colours.text.get(),
        );
    }
    if !dropped.is_empty() {
        scene.wish(Wish::OfferFiles { paths: dropped });
        state.shows_chat = true;
    }
}

fn keys(
    ui: &Ui,
    call: &CallCard,
    press: &mut Option<Press>,
    state: &mut State,
    full_screen: bool,
    scene: &mut Scene<'_>,
) {
    switches(ui, call, scene);
    for (hotkey, does) in [(Hotkey::Chat, Press::Side(Side::Chat)), (Hotkey::FullScreen, Press::FullScreen)] {
        if hotkey.pressed(ui) {
            *press = Some(does);
        }
    }
    if Hotkey::Away.pressed(ui) {
        if state.shows_chat {
            state.shows_chat = false;
        } else if full_screen {
            *press = Some(Press::FullScreen);
        }
    }
}

/// The keys that work as soon as there is a call.
pub(super) fn switches(ui: &Ui, call: &CallCard, scene: &mut Scene<'_>) {
    if Hotkey::Microphone.pressed(ui) {
        scene.wish(Wish::Microphone { on: call.ours.muted });
    }
    if Hotkey::Camera.pressed(ui) {
        scene.wish(Wish::Camera { on: call.ours.camera_off });
    }
    if Hotkey::HangUp.pressed(ui) {
        scene.wish(Wish::HangUp);
    }
}

impl Drawn {
    /// Their picture is drawn at this size, in points.
    fn take(&mut self, ui: &Ui, points: Vec2, scene: &mut Scene<'_>) {
        let pixels = points * ui.pixels_per_point();
        let size = [pixels.x, pixels.y].map(|side| side.round().clamp(0.0, f32::from(u16::MAX)) as u16);
        let now = ui.input(|input| input.time);
        if size != self.now {
            self.now = size;
            self.since_s = now;
        }
        if self.told == Some(size) {
            return;
        }
        let left = self.since_s + SETTLED_S - now;
        let is_telling = self.told.is_none_or(|told| (told == [0, 0]) != (size == [0, 0]));
        if is_telling || left <= 0.0 {
            self.told = Some(size);
            let [width, height] = size;
            scene.wish(Wish::Drawn { width, height });
        } else {
            ui.ctx().request_repaint_after(Duration::from_secs_f64(left));
        }
    }
}

/// The page before anybody answered: the same stage, so that nothing moves when somebody does.
pub(super) fn outgoing(ui: &mut Ui, own: &mut own::State, scene: &mut Scene<'_>) {
    let Some(call) = &scene.snapshot.call else { return };
    dark(ui);
    let stage_rect = ui.max_rect();
    ui.painter().rect_filled(stage_rect, 0.0, theme::stage().ground.get());
    stage::card(ui, stage_rect, call, scene, true);
    own::show(ui, own, stage_rect, own_room(stage_rect), scene);
    let shown = Shown { chat: false, path: false, full_screen: false, only_cancel: true };
    bar::show(ui, stage_rect, call, own, shown, scene);
    switches(ui, call, scene);
    if Hotkey::Away.pressed(ui) {
        scene.wish(Wish::HangUp);
    }
}

pub(super) use own::State as OwnPicture;
