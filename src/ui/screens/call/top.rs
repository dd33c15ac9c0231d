//! Over the head of the stage: who it is and for how long, how good it is, and the one plain line about the path.

use egui::{
    Align, Align2, Id, Label, Layout, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    accesskit::Role, pos2, vec2,
};

use super::stage::speaking_ring;
use crate::{
    logic::desk::{CallCard, ContactChange, Wish},
    ui::{
        copy::{self as words, call as copy},
        icons::Icon,
        keys::Hotkey,
        scene::Scene,
        theme,
        widgets::{
            arrange,
            button::Button,
            control::Control,
            live::{self, Urgency},
            menu, quality,
        },
    },
};

/// Below this the line about the path has a row of its own.
const NARROW: f32 = 620.0;
/// How wide the words to compare are shown.
const CODE: f32 = 320.0;

/// How high it is on a stage of that width, with what is around it.
pub(super) fn height(stage_width: f32) -> f32 {
    let size = theme::size();
    let rows = if stage_width < NARROW { 2.0 } else { 1.0 };
    rows * (size.control + size.close) + 2.0 * size.near - size.close
}

/// What was done with it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The line about the path was clicked.
    pub path: bool,
    /// Something of it has the focus, or the pointer is on it.
    pub held: bool,
}

/// Draws it.
pub(super) fn show(
    ui: &mut Ui,
    stage: Rect,
    call: &CallCard,
    lasted_s: Option<u64>,
    scene: &mut Scene<'_>,
) -> Outcome {
    let size = theme::size();
    let room = stage.shrink(size.near);
    let is_narrow = stage.width() < NARROW;
    let first = Rect::from_min_size(room.min, vec2(room.width(), size.control));
    let second = first.translate(vec2(0.0, size.control + size.close));
    let mut outcome = Outcome::default();

    let lock =
        Rect::from_min_size(pos2(first.right() - size.control, first.top()), Vec2::splat(size.control));
    outcome.held |= code(ui, lock, call, scene);
    let beside_lock = Rect::from_min_max(first.min, pos2(lock.left() - size.close, first.bottom()));
    let (name_room, path_room, align) = if is_narrow {
        (beside_lock, second, Align2::LEFT_CENTER)
    } else {
        let (left, right) = beside_lock.split_left_right_at_fraction(0.45);
        (left, right, Align2::RIGHT_CENTER)
    };
    who(ui, name_room, call, lasted_s, scene.loudness.there);
    let path = path_line(ui, path_room, align, call);
    outcome.path = path.clicked();
    outcome.held |= path.has_focus();
    outcome.held |=
        ui.rect_contains_pointer(Rect::from_min_max(room.min, pos2(room.right(), path_room.bottom())));
    outcome
}

fn who(ui: &mut Ui, room: Rect, call: &CallCard, lasted_s: Option<u64>, loudness: f32) {
    let (size, stage) = (theme::size(), theme::stage());
    let theirs = call.theirs.status;
    let marks: Vec<_> = [
        (theirs.muted, Icon::MicrophoneOff, copy::THEY_ARE_MUTED),
        (theirs.camera_off, Icon::CameraOff, copy::THEIR_CAMERA_IS_OFF),
        (theirs.sharing, Icon::Screen, copy::THEY_SHOW_THEIR_SCREEN),
    ]
    .into_iter()
    .filter_map(|(shown, icon, words)| shown.then_some((icon, words)))
    .collect();
    let clock = lasted_s.map(words::clock);
    let name = copy::name_in_call(&call.who);
    let side = size.icon * 0.8;
    let behind = marks.len() as f32 * (side + size.close)
        + clock.as_ref().map_or(0.0, |clock| {
            ui.painter().layout_no_wrap(clock.clone(), theme::body(), stage.text.get()).size().x + size.close
        });
    let widest = (room.width() - behind - 2.0 * size.near).max(size.control);
    let galley = egui::WidgetText::from(&name).into_galley(
        ui,
        Some(egui::TextWrapMode::Truncate),
        widest,
        theme::strong(),
    );
    let pill = Rect::from_min_size(room.min, vec2(galley.size().x + behind + 2.0 * size.near, size.control));
    ui.painter().rect_filled(pill, theme::corner(size.control / 2.0), stage.panel.get());
    speaking_ring(
        ui,
        pill.shrink(2.0),
        size.control / 2.0,
        if call.theirs.has_picture { loudness } else { 0.0 },
    );

    arrange::place(ui, "who", pill.shrink2(vec2(size.near, 0.0)), |ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let words = RichText::new(&name).font(theme::strong()).color(stage.text.get());
            ui.allocate_ui(galley.size(), |ui| ui.add(Label::new(words).truncate()).on_hover_text(&name));
            for (icon, words) in marks {
                let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words));
                live::mark(ui, response.id, Urgency::Polite);
                icon.paint(ui.painter(), rect, stage.text.get());
                response.on_hover_text(words);
            }
            if let Some(clock) = clock {
                let time = ui.label(RichText::new(&clock).color(stage.quiet.get()));
                time.widget_info(|| WidgetInfo::labeled(Role::Label, true, copy::lasted(&clock)));
            }
        });
    });
}

/// The bars, the word and the one plain line: a click opens the panel.
fn path_line(ui: &mut Ui, room: Rect, align: Align2, call: &CallCard) -> egui::Response {
    let (size, stage) = (theme::size(), theme::stage());
    let line = copy::path_line(call.path.as_deref(), call.round_trip_ms);
    let word = copy::quality(call.quality.word);
    let bars = size.icon * 0.8;
    let fixed = bars + 2.0 * size.close + 2.0 * size.near;
    let text = |words: &str, widest: f32| {
        egui::WidgetText::from(words).into_galley(
            ui,
            Some(egui::TextWrapMode::Truncate),
            widest,
            theme::body(),
        )
    };
    let quality_word = text(word, room.width() / 2.0);
    let widest = (room.width() - fixed - quality_word.size().x - size.close).max(size.control);
    let line_laid = text(&line, widest);
    let whole = vec2(fixed + quality_word.size().x + line_laid.size().x, size.control);
    let rect = align.align_size_within_rect(whole, room);
    let response = ui.interact(rect, Id::unique("line about the path"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, copy::path_said(&line, word)));
    ui.painter().rect_filled(rect, theme::corner(size.control / 2.0), stage.panel.get());
    if response.hovered() || response.has_focus() {
        let ring = Stroke::new(if response.has_focus() { size.hair } else { 1.0 }, stage.text.get());
        ui.painter().rect_stroke(rect, theme::corner(size.control / 2.0), ring, StrokeKind::Inside);
    }
    let at = |x: f32, height: f32| pos2(x, rect.center().y - height / 2.0);
    let bars_at =
        Rect::from_min_size(at(rect.left() + size.near, size.icon * 0.7), vec2(bars, size.icon * 0.7));
    arrange::place(ui, "bars", bars_at, |ui| {
        quality::bars(ui, call.quality.word, call.quality.reason.as_deref())
    });
    let word_at = at(bars_at.right() + size.close, quality_word.size().y);
    let line_at = at(word_at.x + quality_word.size().x + size.close, line_laid.size().y);
    ui.painter().galley_with_override_text_color(word_at, quality_word, stage.quiet.get());
    ui.painter().galley_with_override_text_color(line_at, line_laid, stage.text.get());
    let tip = words::with_keys(copy::PATH_OPEN, &Hotkey::Panel.keys(ui.ctx()));
    let reason = call.quality.reason.as_deref().map(|reason| format!("{reason}\n")).unwrap_or_default();
    response.on_hover_text(format!("{line}\n{reason}{tip}"))
}

/// The lock, and what is behind it: the words to compare.
fn code(ui: &mut Ui, rect: Rect, call: &CallCard, scene: &mut Scene<'_>) -> bool {
    let (icon, name) =
        if call.who.is_contact { (Icon::Lock, copy::CODE_KNOWN) } else { (Icon::Key, copy::CODE_NEW) };
    ui.painter().rect_filled(rect, theme::corner(rect.height() / 2.0), theme::stage().panel.get());
    let opener =
        arrange::place(ui, "lock", rect, |ui| ui.add(Control::new(icon, name, name).size(rect.size())));
    let held = opener.has_focus();
    menu::card(ui, &opener, copy::CODE_HEADING, CODE, |ui| {
        let (size, palette) = (theme::size(), theme::palette(ui));
        ui.label(RichText::new(copy::CODE_HEADING).font(theme::heading()));
        let key = if call.who.is_contact { copy::KEY_IS_KNOWN } else { copy::KEY_IS_NEW };
        match &call.code {
            Some(code) => {
                let words =
                    RichText::new(code).font(egui::FontId::new(size.heading, egui::FontFamily::Monospace));
                egui::Frame::new()
                    .fill(palette.sunken.get())
                    .corner_radius(theme::corner(size.corner))
                    .inner_margin(theme::margin(size.near))
                    .show(ui, |ui| {
                        ui.set_width(ui.available_width());
                        ui.vertical_centered(|ui| ui.add(Label::new(words).wrap().selectable(true)));
                    });
                ui.add(Label::new(copy::CODE_HINT).wrap());
            }
            None => {
                ui.add(Label::new(copy::CODE_NOT_YET).wrap());
            }
        }
        ui.add(Label::new(RichText::new(key).color(palette.quiet.get())).wrap());
        if !call.who.is_contact && ui.add(Button::new(copy::SAVE_CONTACT)).clicked() {
            scene.wish(Wish::Contact { key: call.who.key, change: ContactChange::Add { name: None } });
            ui.close();
        }
    });
    held
}
