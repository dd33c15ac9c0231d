//! The last ten minutes as graphs, one below the other on one time. What is pointed at is marked in all of them.
//!
//! Their points are made once for each new state (`series`), and only the graphs that can be seen are drawn. One scale of
//! time is kept here and given to all of them; the linking of the library itself moves them only after the next drawing.

use egui::{Align2, Color32, Response, Sense, Stroke, Ui, Vec2b, accesskit::Role, pos2, vec2};
use egui_plot::{GridMark, Line, LineStyle, Plot, PlotPoints, PlotResponse, VLine};

use super::{
    Prepared, parts,
    series::{Graph, Series, Whose, measured_at},
    story,
};
use crate::ui::{
    copy::panel as words,
    icons::Icon,
    theme,
    widgets::{button::Button, segments},
};

const HEIGHT: f32 = 92.0;
const SMALL: f32 = 52.0;
/// A scale has no more marks than these.
const MOST_MARKS: usize = 4;
/// The figures beside a graph have so much room.
const AXIS: f32 = 46.0;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Span {
    One,
    Three,
    #[default]
    Ten,
}

impl Span {
    const ALL: [(Self, &'static str); 3] = [
        (Self::One, words::ONE_MINUTE),
        (Self::Three, words::THREE_MINUTES),
        (Self::Ten, words::TEN_MINUTES),
    ];

    const fn seconds(self) -> f64 {
        match self {
            Self::One => 60.0,
            Self::Three => 180.0,
            Self::Ten => 600.0,
        }
    }
}

/// What is of the graphs.
#[derive(Debug, Default)]
pub(super) struct State {
    span: Span,
    /// Somebody moved or zoomed: that is shown, from and to, in seconds.
    held: Option<(f64, f64)>,
    /// The moment that is pointed at.
    pub(super) mark_ms: Option<u64>,
    /// Nothing new is drawn.
    pub(super) is_paused: bool,
}

impl State {
    /// Somebody points at that moment.
    pub(super) fn mark(&mut self, ui: &Ui, t_ms: u64) {
        if self.mark_ms.replace(t_ms) != Some(t_ms) {
            ui.ctx().request_repaint();
        }
    }

    fn bounds(&self, seen: &Prepared) -> (f64, f64) {
        self.held.unwrap_or_else(|| {
            let end = seen.moments.last().map_or(0.0, |moment| moment.t_ms as f64 / 1000.0);
            let begin = seen.moments.first().map_or(0.0, |moment| moment.t_ms as f64 / 1000.0);
            // A call that is younger than what could be shown fills the graph all the same.
            let from = (end - self.span.seconds()).max(begin.min(end - 10.0));
            (from, end.max(from + 1.0))
        })
    }
}

/// Draws all of them.
pub(super) fn show(ui: &mut Ui, state: &mut State, seen: &Prepared) {
    let size = theme::size();
    if seen.moments.is_empty() {
        parts::quiet(ui, words::NO_MOMENTS);
        return;
    }
    ui.horizontal_wrapped(|ui| {
        if let Some(span) = segments::show(ui, words::SPAN, state.span, &Span::ALL) {
            state.span = span;
            state.held = None;
        }
        let (icon, name) =
            if state.is_paused { (Icon::Play, words::GO_ON) } else { (Icon::Pause, words::PAUSE) };
        if ui.add(Button::new(name).icon(icon).min_width(size.control * 3.2)).clicked() {
            state.is_paused = !state.is_paused;
        }
        if ui.add(Button::quiet(words::FOLLOW).enabled(state.held.is_some())).clicked() {
            state.held = None;
        }
    });
    moment(ui, state, seen);
    for graph in &seen.graphs {
        head(ui, graph);
        one(ui, state, seen, graph, HEIGHT, true);
        ui.add_space(size.tight);
    }
    parts::quiet(ui, words::GRAPHS_HINT);
}

/// Two small ones, for above the timeline.
pub(super) fn overview(ui: &mut Ui, state: &mut State, seen: &Prepared) {
    for graph in seen.graphs.iter().take(2) {
        head(ui, graph);
        one(ui, state, seen, graph, SMALL, false);
    }
}

/// What had happened at the moment that is pointed at, in a place that is always there.
fn moment(ui: &mut Ui, state: &State, seen: &Prepared) {
    let palette = theme::palette(ui);
    let (place, _) = ui.allocate_exact_size(vec2(ui.available_width(), theme::size().far), Sense::hover());
    let event = state.mark_ms.and_then(|mark| story::at(&seen.events, mark)).map(|at| &seen.events[at]);
    let at = state.mark_ms.map(words::moment).unwrap_or_default();
    let text = event.map_or(at.clone(), |event| words::at_moment(&at, &event.moment, &event.sentence));
    parts::line(ui, place, Align2::LEFT_CENTER, &text, theme::small(), palette.accent.get());
}

/// What a graph shows, what each line is, and the newest values.
fn head(ui: &mut Ui, graph: &Graph) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let (place, _) = ui.allocate_exact_size(vec2(ui.available_width(), size.far), Sense::hover());
    parts::line(ui, place, Align2::LEFT_CENTER, graph.name, theme::small(), palette.text.get());
    let name = ui.painter().layout_no_wrap(graph.name.to_owned(), theme::small(), palette.text.get());
    let name_ends = place.left() + name.size().x + size.tight;
    let mut right = place.right();
    let wide = |text: String| {
        ui.painter().layout_no_wrap(text, theme::figures(), palette.quiet.get()).size().x
            + size.far
            + size.near
    };
    let with_values: f32 = graph.series.iter().map(|series| wide(legend(series))).sum();
    let has_room = with_values <= right - name_ends;
    for series in graph.series.iter().rev() {
        // Where there is little room, what a line is comes before how high it stands.
        let text = if has_room || series.name.is_empty() { legend(series) } else { series.name.to_owned() };
        let galley = ui.painter().layout_no_wrap(text, theme::figures(), palette.quiet.get());
        if right - galley.size().x - size.far < name_ends {
            break;
        }
        let at = pos2(right - galley.size().x, place.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, palette.quiet.get());
        let line = [pos2(at.x - size.far, place.center().y), pos2(at.x - size.tight, place.center().y)];
        let stroke = Stroke::new(2.0, ink(ui, series.whose));
        match series.whose {
            Whose::Ours => {
                ui.painter().line_segment(line, stroke);
            }
            Whose::Theirs => ui.painter().extend(egui::Shape::dashed_line(&line, stroke, 6.0, 3.0)),
            Whose::Bound => ui.painter().extend(egui::Shape::dashed_line(&line, stroke, 10.0, 3.0)),
        }
        right = line[0].x - size.near;
    }
}

fn legend(series: &Series) -> String {
    let value =
        series.last.map(|value| if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") });
    match (series.name, value) {
        (name, None) => name.to_owned(),
        ("", Some(value)) => value,
        (name, Some(value)) => format!("{name} {value}"),
    }
}

fn one(ui: &mut Ui, state: &mut State, seen: &Prepared, graph: &Graph, height: f32, can_move: bool) {
    let palette = theme::palette(ui);
    let (place, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    if !ui.is_rect_visible(place) {
        return;
    }
    let bounds = state.bounds(seen);
    let mark = state.mark_ms.map(|mark| mark as f64 / 1000.0);
    let inks = [Whose::Ours, Whose::Theirs, Whose::Bound].map(|whose| ink(ui, whose));
    let accent = palette.accent.get();
    let line = palette.line.get();
    let shown = crate::ui::widgets::arrange::place(ui, graph.name, place, |ui| {
        ui.style_mut().override_font_id = Some(theme::figures());
        ui.visuals_mut().override_text_color = Some(palette.quiet.get());
        Plot::new(("graph", graph.name))
            .width(place.width())
            .height(height)
            .show_background(false)
            .show_axes(Vec2b::new(false, true))
            .y_axis_min_width(AXIS)
            .y_axis_formatter(|mark, _| axis(mark.value))
            .grid_color(line)
            .grid_fade(0.0)
            .y_grid_spacer(move |input| marks(input.bounds.1, if can_move { MOST_MARKS } else { 1 }))
            .x_grid_spacer(|input| minutes(input.bounds))
            .show_x(false)
            .show_y(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .allow_drag(Vec2b::new(can_move, false))
            .allow_zoom(Vec2b::new(can_move, false))
            .allow_axis_zoom_drag(false)
            .allow_double_click_reset(false)
            .set_margin_fraction(egui::Vec2::ZERO)
            .label_formatter(|_| None)
            .show(ui, |plot| {
                plot.set_plot_bounds_y(0.0..=graph.highest);
                if !plot.response().dragged() || state.held.is_none() {
                    plot.set_plot_bounds_x(bounds.0..=bounds.1);
                }
                for series in &graph.series {
                    for piece in &series.pieces {
                        plot.line(drawn(series, piece, inks));
                    }
                }
                if let Some(mark) = mark {
                    plot.vline(VLine::new("", mark).color(accent).width(1.0).allow_hover(false));
                }
                plot.pointer_coordinate().map(|point| point.x)
            })
    });
    let pointed = shown.inner.filter(|_| shown.response.hovered() || shown.response.dragged());
    said(ui, &shown.response, graph);
    if can_move {
        follow_hand(state, &shown, bounds);
    }
    if let Some(moment) =
        pointed.and_then(|second| measured_at(&seen.moments, (second.max(0.0) * 1000.0) as u64))
    {
        state.mark(ui, moment.t_ms);
    }
}

/// Somebody moved or zoomed this one: all show that from now on.
fn follow_hand<R>(state: &mut State, shown: &PlotResponse<R>, before: (f64, f64)) {
    let now = shown.transform.bounds();
    let (from, to) = (now.min()[0], now.max()[0]);
    let noticed = (before.1 - before.0) * 0.001;
    let is_moved = (from - before.0).abs() > noticed || (to - before.1).abs() > noticed;
    if is_moved && (shown.response.hovered() || shown.response.dragged()) && to - from >= 1.0 {
        state.held = Some((from, to));
    }
}

fn said(ui: &Ui, response: &Response, graph: &Graph) {
    let values: Vec<_> = graph.series.iter().filter(|series| series.last.is_some()).map(legend).collect();
    let says = words::graph_said(graph.name, &values.join(", "));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_role(Role::Image);
        node.set_label(says);
    });
}

fn drawn<'a>(series: &Series, piece: &'a [egui_plot::PlotPoint], inks: [Color32; 3]) -> Line<'a> {
    let (ink, style) = match series.whose {
        Whose::Ours => (inks[0], LineStyle::Solid),
        Whose::Theirs => (inks[1], LineStyle::dashed_dense()),

        Whose::Bound => (inks[2], LineStyle::dashed_loose()),
    };
    Line::new(series.name, PlotPoints::from(piece))
        .color(ink)
        .style(style)
        .width(1.5)
        .allow_band(false)
        .allow_hover(false)
}

fn ink(ui: &Ui, whose: Whose) -> Color32 {
    let palette = theme::palette(ui);
    match whose {
        Whose::Ours => palette.ours.get(),
        Whose::Theirs => palette.theirs.get(),
        Whose::Bound => palette.quiet.get(),
    }
}

/// Nought, the middle and the top of a scale, at round figures.
fn marks(highest: f64, most: usize) -> Vec<GridMark> {
    let rough = (highest / if most > 1 { 2.0 } else { 1.2 }).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [5.0, 2.0, 1.0].map(|round| round * power).into_iter().find(|step| *step <= rough).unwrap_or(power);
    let count = (highest / step).floor() as usize;
    (0..=count.min(most)).map(|mark| GridMark { value: mark as f64 * step, step_size: highest }).collect()
}

/// A line for each minute, or for every ten seconds where less is shown.
fn minutes((from, to): (f64, f64)) -> Vec<GridMark> {
    let step = if to - from > 200.0 { 60.0 } else { 10.0 };
    let first = (from / step).ceil();
    let last = (to / step).floor().min(first + 30.0);
    (0..=(last - first).max(0.0) as usize)
        .map(|mark| GridMark { value: (first + mark as f64) * step, step_size: to - from })
        .collect()
}

fn axis(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.1}") }
}
