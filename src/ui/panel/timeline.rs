//! What happened, line by line, below two small graphs: what is pointed at in one is marked in the other.

use egui::{Align2, Color32, Rect, Sense, Ui, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{
    Prepared, graphs, parts,
    story::{self, Event},
};
use crate::ui::{
    copy::panel as words,
    theme,
    widgets::{button::focus_ring, chip::Chip, rows},
};

/// Where the time stands, and where the topic does.
const TIME: f32 = 72.0;
const TOPIC: f32 = 82.0;
/// Below this the topic has no column of its own.
const NARROW: f32 = 420.0;

/// What is of this part.
#[derive(Debug, Default)]
pub(super) struct State {
    topic: Option<&'static str>,
}

/// Draws it.
pub(super) fn show(ui: &mut Ui, state: &mut State, seen: &Prepared, times: &mut graphs::State) {
    let size = theme::size();
    if seen.events.is_empty() {
        parts::quiet(ui, words::NO_HAPPENINGS);
        return;
    }
    if !seen.moments.is_empty() {
        graphs::overview(ui, times, seen);
        ui.add_space(size.tight);
    }
    ui.horizontal_wrapped(|ui| {
        if ui.add(Chip::new(words::ALL_TOPICS, state.topic.is_none())).clicked() {
            state.topic = None;
        }
        for topic in words::TOPICS {
            let is_there = seen.events.iter().any(|event| event.topic == topic);
            if is_there && ui.add(Chip::new(topic, state.topic == Some(topic))).clicked() {
                state.topic = Some(topic);
            }
        }
    });
    ui.add_space(size.tight);
    let shown = story::about(&seen.events, state.topic);
    let marked = times.mark_ms.and_then(|mark| story::at(&seen.events, mark));
    let height = 2.0 * size.figures + size.near;
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut pointed = None;
    rows::show(
        ui,
        height,
        shown.len(),
        |at| shown[at],
        |ui, at| {
            let index = shown[at];
            if line(ui, &seen.events[index], marked == Some(index)) {
                pointed = Some(seen.events[index].t_ms);
            }
        },
    );
    if let Some(t_ms) = pointed {
        times.mark(ui, t_ms);
    }
    if seen.left_out > 0 {
        ui.add_space(size.close);
        parts::quiet(ui, &words::left_out(seen.left_out));
    }
}

/// One thing that happened. Says whether somebody points at it.
fn line(ui: &mut Ui, event: &Event, is_marked: bool) -> bool {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let place = ui.max_rect();
    let response = ui.interact(place, ui.scope_id().with("event"), Sense::click());
    response.widget_info(|| {
        let says = words::happened(&event.moment, event.topic, &event.sentence);
        WidgetInfo::selected(Role::ListBoxOption, true, is_marked, says)
    });
    let points = response.hovered() || response.has_focus();
    let ground = match (is_marked, points) {
        (true, _) => palette.accent_soft.get(),
        (false, true) => palette.hover.get(),
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(place, theme::corner(size.tight), ground);
    let inner = place.shrink2(vec2(size.tight, 0.0));
    let (time, rest) = inner.split_left_right_at_x(inner.left() + TIME);
    let quiet = if is_marked { palette.on_accent_soft } else { palette.quiet };
    let ink = if is_marked { palette.on_accent_soft } else { palette.text };
    let sentence = if place.width() < NARROW {
        let upper = Rect::from_min_max(time.min, pos2(time.right(), time.center().y));
        let lower = Rect::from_min_max(pos2(time.left(), time.center().y), time.max);
        parts::line(ui, upper, Align2::LEFT_CENTER, &event.moment, theme::figures(), quiet.get());
        parts::line(ui, lower, Align2::LEFT_CENTER, event.topic, theme::small(), quiet.get());
        rest
    } else {
        parts::line(ui, time, Align2::LEFT_CENTER, &event.moment, theme::figures(), quiet.get());
        let (topic, sentence) = rest.split_left_right_at_x(rest.left() + TOPIC);
        parts::line(ui, topic, Align2::LEFT_CENTER, event.topic, theme::small(), quiet.get());
        sentence
    };
    let is_cut = wrapped(ui, sentence, &event.sentence, ink.get());
    focus_ring(ui, &response);
    if is_cut {
        response.on_hover_text(&event.sentence);
    }
    points
}

/// Up to two lines in a place; says whether there is more.
fn wrapped(ui: &Ui, place: Rect, text: &str, ink: Color32) -> bool {
    let font = egui::FontId::new(theme::size().small + 1.0, egui::FontFamily::Proportional);
    let mut job = egui::text::LayoutJob::simple(text.to_owned(), font, ink, place.width());
    job.wrap.max_rows = 2;
    let galley = ui.painter().layout_job(job);
    let is_cut = galley.elided;
    let at = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), place);
    ui.painter().galley(at.min, galley, ink);
    is_cut
}
