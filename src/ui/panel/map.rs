//! The map: this computer, its router, the servers, their router, their computer, and every line between them.
//!
//! What carries the call is a strong line with arrows both ways; other ways that work are thin, what was not tried is dashed,
//! what does not work is dotted and has a cross, and its cause stands below. Each box and each line is a sentence for a
//! screen reader and under the pointer.

mod layout;
mod model;

use egui::{
    Align2, Color32, Id, Label, Painter, Pos2, Rect, RichText, Sense, Shape, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, accesskit::Role, vec2,
};

use self::{
    layout::{Figures, Layout, Things, place},
    model::{Box, Model},
};
use super::parts;
use crate::{
    logic::{
        evidence::Moment,
        path::{Edge, EdgeStatus, PathReport},
    },
    ui::{
        copy::{call, panel as words},
        icons::Icon,
        theme,
    },
};

const STRONG: f32 = 3.0;
const THIN: f32 = 1.5;
/// An arrow's side, and how far apart a pair of them stands.
const ARROW: f32 = 4.5;
/// So much room has a round trip at the end of a line.
const TRIP: f32 = 44.0;
/// Of a hundred packets so many may be lost before it is heard and seen.
const POOR_PERCENT: f32 = 5.0;

/// What is drawn, made once for each report.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    model: Model,
    /// How the line in use does: what is lost of ours and of theirs.
    now: Option<Moment>,
    /// There and back over all of it.
    trip: Option<f64>,
    placed: Option<Layout>,
}

impl Map {
    /// Of that report, and of the last that was measured.
    pub(super) fn new(path: &PathReport, now: Option<&Moment>) -> Self {
        let trip = path.in_use.as_ref().and_then(|in_use| in_use.pair.round_trip_ms);
        Self { model: Model::new(path), now: now.copied(), trip, placed: None }
    }

    /// Draws it.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        let width = ui.available_width();
        if self.placed.as_ref().is_none_or(|placed| placed.size.x != width) {
            self.placed = Some(place(&self.things(), width));
        }
        let Some(placed) = &self.placed else { return };
        let (_, area) = ui.allocate_space(placed.size);
        let offset = area.min.to_vec2();
        self.wires(ui, placed, offset);
        self.boxes(ui, placed, offset);
        ui.add_space(theme::size().near);
        self.causes(ui);
    }

    fn things(&self) -> Things {
        let model = &self.model;
        Things {
            us: model.us.lines.len(),
            our_nat: model.our_nat.lines.len(),
            stations: model.stations.iter().map(|station| station.doors.len()).collect(),
            their_nat: model.their_nat.lines.len(),
            them: model.them.lines.len(),
            figures: self.figures(),
        }
    }

    /// By which line it stands how that does.
    fn figures(&self) -> Figures {
        let model = &self.model;
        let carries = |station: &model::Station| {
            station.doors.iter().any(|door| door.edge.in_use)
                || station.onward.as_ref().is_some_and(|edge| edge.in_use)
        };
        if self.now.is_none() {
            Figures::Nowhere
        } else if model.direct.as_ref().is_some_and(|edge| edge.in_use) {
            Figures::Direct
        } else {
            model.stations.iter().position(carries).map_or(Figures::Nowhere, Figures::Station)
        }
    }

    fn wires(&self, ui: &Ui, placed: &Layout, offset: Vec2) {
        let model = &self.model;
        let straight =
            [(&model.out, &placed.out), (&model.direct, &placed.direct), (&model.last, &placed.last)];
        let mut all: Vec<(&Edge, &[Pos2])> =
            straight.into_iter().filter_map(|(edge, wire)| Some((edge.as_ref()?, wire.as_slice()))).collect();
        for (station, at) in model.stations.iter().zip(&placed.stations) {
            let doors = station.doors.iter().zip(&at.inward);
            all.extend(doors.map(|(door, wire)| (&door.edge, wire.as_slice())));
            all.extend(station.onward.as_ref().map(|edge| (edge, at.onward.as_slice())));
        }
        // What carries the call lies over the rest.
        all.sort_by_key(|(edge, _)| (edge.in_use, edge.status == EdgeStatus::Works));
        for (index, (edge, wire)) in all.into_iter().enumerate() {
            let points: Vec<_> = wire.iter().map(|point| *point + offset).collect();
            paint_wire(ui, edge, &points);
            let around = Rect::from_points(&points).expand(theme::size().tight);
            told(ui, ui.scope_id().with(("wire", index)), around, &words::edge_said(edge), Role::Image);
        }
    }

    fn boxes(&self, ui: &Ui, placed: &Layout, offset: Vec2) {
        let model = &self.model;
        let ends = [
            (&model.us, placed.us, model.out.as_ref().is_some_and(|edge| edge.in_use)),
            (&model.our_nat, placed.our_nat, model.out.as_ref().is_some_and(|edge| edge.in_use)),
            (&model.their_nat, placed.their_nat, model.last.as_ref().is_some_and(|edge| edge.in_use)),
            (&model.them, placed.them, model.last.as_ref().is_some_and(|edge| edge.in_use)),
        ];
        for (one, rect, is_on) in ends {
            paint_box(ui, one, rect.translate(offset), is_on);
        }
        for (station, at) in model.stations.iter().zip(&placed.stations) {
            let is_on = station.doors.iter().any(|door| door.edge.in_use)
                || station.onward.as_ref().is_some_and(|edge| edge.in_use);
            let one = Box { title: station.title.clone(), lines: Vec::new() };
            paint_box(ui, &one, at.rect.translate(offset), is_on);
            for (door, rect) in station.doors.iter().zip(&at.doors) {
                paint_door(ui, &door.name, &door.edge, rect.translate(offset));
            }
        }
        if let Some(direct) = &model.direct {
            label(ui, direct, placed, offset);
        }
        if let (Some(now), Some(rect)) = (&self.now, placed.figures) {
            losses(ui, now, self.trip, placed, rect.translate(offset));
        }
    }

    /// What does not work, and why.
    fn causes(&self, ui: &mut Ui) {
        let (size, palette) = (theme::size(), theme::palette(ui));
        if self.model.closed.is_empty() {
            if self.model.out.is_some() {
                parts::quiet(ui, words::NOTHING_CLOSED);
            }
            return;
        }
        parts::heading(ui, words::CLOSED);
        for (step, cause) in &self.model.closed {
            ui.add_space(size.tight);
            ui.horizontal_top(|ui| {
                ui.spacing_mut().interact_size.y = 0.0;
                let (mark, _) = ui.allocate_exact_size(Vec2::splat(size.icon * 0.8), Sense::hover());
                Icon::Close.paint(ui.painter(), mark, palette.poor.get());
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = size.hair;
                    ui.add(Label::new(RichText::new(step).font(theme::strong())).wrap());
                    ui.add(Label::new(RichText::new(cause).color(palette.quiet.get())).wrap());
                });
            });
        }
    }
}

/// What it is, under the pointer and for a screen reader.
fn told(ui: &Ui, id: Id, rect: Rect, words: &str, role: Role) {
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(role, true, words));
    response.on_hover_text(words);
}

fn colour(ui: &Ui, edge: &Edge) -> Color32 {
    let palette = theme::palette(ui);
    match (edge.in_use, edge.status) {
        (true, _) => palette.accent.get(),
        (false, EdgeStatus::Works) => palette.strong_line.get(),
        (false, EdgeStatus::Failed) => palette.poor.get(),
        (false, EdgeStatus::Untried | EdgeStatus::Unknown) => palette.strong_line.get(),
    }
}

fn paint_wire(ui: &Ui, edge: &Edge, points: &[Pos2]) {
    let ink = colour(ui, edge);
    let painter = ui.painter();
    match (edge.in_use, edge.status) {
        (true, _) => {
            painter.add(Shape::line(points.to_vec(), Stroke::new(STRONG, ink)));
            arrows(painter, points, ink, theme::palette(ui).surface.get());
        }
        (false, EdgeStatus::Works) => {
            painter.add(Shape::line(points.to_vec(), Stroke::new(THIN, ink)));
        }
        (false, EdgeStatus::Failed) => {
            painter.extend(Shape::dotted_line(points, ink, 5.0, 1.2));
            // On a short wire the mark at its end says it.
            if let &[from, to] = points {
                cross(painter, from + (to - from) * 0.2, ink);
            }
        }
        (false, EdgeStatus::Untried | EdgeStatus::Unknown) => {
            painter.extend(Shape::dashed_line(points, Stroke::new(1.0, ink), 5.0, 5.0));
        }
    }
}

/// Media goes both ways: an arrow at each end of the longest straight part.
fn arrows(painter: &Painter, points: &[Pos2], ink: Color32, paper: Color32) {
    let longest = points.windows(2).max_by(|one, other| {
        let length = |part: &[Pos2]| part[0].distance(part[1]);
        length(one).total_cmp(&length(other))
    });
    let Some(&[from, to]) = longest else { return };
    let along = (to - from).normalized();
    let middle = from + (to - from) * 0.5;
    if from.distance(to) < 6.0 * ARROW {
        return;
    }
    for way in [along, -along] {
        arrow(painter, middle + way * ARROW * 2.4, way, ink, paper);
    }
}

fn arrow(painter: &Painter, tip: Pos2, way: Vec2, ink: Color32, paper: Color32) {
    let side = way.rot90() * ARROW;
    let back = tip - way * ARROW * 1.6;
    painter.add(Shape::convex_polygon(vec![tip, back + side, back - side], ink, Stroke::new(1.0, paper)));
}

fn cross(painter: &Painter, at: Pos2, ink: Color32) {
    let arm = 4.0;
    for slope in [vec2(arm, arm), vec2(arm, -arm)] {
        painter.line_segment([at - slope, at + slope], Stroke::new(2.0, ink));
    }
}

fn paint_box(ui: &Ui, one: &Box, rect: Rect, is_on: bool) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let line =
        if is_on { Stroke::new(1.5, palette.accent.get()) } else { Stroke::new(1.0, palette.line.get()) };
    let corner = theme::corner(size.corner);
    ui.painter().rect(rect, corner, palette.raised.get(), line, StrokeKind::Inside);
    let inner = rect.shrink2(vec2(size.close, size.tight));
    let row = |top: f32| Rect::from_min_size(egui::pos2(inner.left(), top), vec2(inner.width(), layout::ROW));
    parts::line(ui, row(inner.top()), Align2::LEFT_CENTER, &one.title, theme::strong(), palette.text.get());
    for (index, text) in one.lines.iter().enumerate() {
        let top = inner.top() + layout::ROW * (index + 1) as f32 + size.hair;
        let is_number = text.starts_with(|letter: char| letter.is_ascii_hexdigit() || letter == '[');
        let font = if is_number && text.contains(['.', ':']) { theme::figures() } else { theme::small() };
        parts::line(ui, row(top), Align2::LEFT_CENTER, text, font, palette.quiet.get());
    }
    let id = ui.scope_id().with(("box", &one.title, rect.min.y as i32));
    told(ui, id, rect, &words::node_said(&one.title, &one.lines), Role::Image);
}

/// A way to a server: how it stands, what it is, and how long there and back.
fn paint_door(ui: &Ui, name: &str, edge: &Edge, rect: Rect) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let inner = rect.shrink2(vec2(size.close, 0.0));
    let (icon, ink) = match edge.status {
        EdgeStatus::Works => (Icon::Check, palette.good),
        EdgeStatus::Failed => (Icon::Close, palette.poor),
        EdgeStatus::Untried | EdgeStatus::Unknown => (Icon::More, palette.quiet),
    };
    let side = size.small;
    let mark =
        Rect::from_center_size(egui::pos2(inner.left() + side / 2.0, inner.center().y), Vec2::splat(side));
    icon.paint(ui.painter(), mark, ink.get());
    let words_at = Rect::from_min_max(egui::pos2(mark.right() + size.tight, inner.top()), inner.max);
    let trip = edge.round_trip_ms.map(call::milliseconds).unwrap_or_default();
    parts::line(ui, words_at, Align2::RIGHT_CENTER, &trip, theme::figures(), palette.quiet.get());
    let text = if edge.in_use { palette.accent } else { palette.text };
    let room = if trip.is_empty() { 0.0 } else { TRIP };
    let words_at = Rect::from_min_max(words_at.min, egui::pos2(words_at.right() - room, words_at.bottom()));
    parts::line(ui, words_at, Align2::LEFT_CENTER, name, theme::small(), text.get());
}

/// What is lost each way, by the line in use: an arrow towards whoever misses it, and how much that is.
fn losses(ui: &Ui, now: &Moment, trip: Option<f64>, placed: &Layout, rect: Rect) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let (ours, theirs) = (now.lost_of_ours_percent, now.lost_of_theirs_percent);
    let towards_them = if placed.is_wide { vec2(1.0, 0.0) } else { vec2(0.0, 1.0) };
    let inner = rect.shrink2(vec2(size.close, 0.0));
    let (upper, lower) = inner.split_top_bottom_at_fraction(0.5);
    for (row, way, percent) in [(upper, towards_them, ours), (lower, -towards_them, theirs)] {
        let ink = if percent >= POOR_PERCENT { palette.poor } else { palette.text };
        let middle = egui::pos2(row.left() + ARROW, row.center().y);
        arrow(ui.painter(), middle + way * ARROW, way, ink.get(), palette.raised.get());
        let words_at = Rect::from_min_max(egui::pos2(middle.x + 2.0 * ARROW, row.top()), row.max);
        parts::line(
            ui,
            words_at,
            Align2::LEFT_CENTER,
            &words::percent_lost(percent),
            theme::small(),
            ink.get(),
        );
    }
    // On the direct wire it stands above.
    if let (Figures::Station(_), Some(trip)) = (placed.figures_of, trip) {
        let whole = words::in_all(trip);
        parts::line(ui, upper, Align2::RIGHT_CENTER, &whole, theme::small(), palette.text.get());
    }
    let says = words::losses_said(ours, theirs, trip);
    told(ui, ui.scope_id().with("losses"), rect, &says, Role::Label);
}

/// What stands on the direct wire.
fn label(ui: &Ui, edge: &Edge, placed: &Layout, offset: Vec2) {
    let rect = placed.direct_label.translate(offset);
    let (size, palette) = (theme::size(), theme::palette(ui));
    let line = Stroke::new(1.0, colour(ui, edge));
    let corner = theme::corner(size.corner);
    ui.painter().rect(rect, corner, palette.raised.get(), line, StrokeKind::Inside);
    let state = match (edge.round_trip_ms, edge.status) {
        (Some(trip), EdgeStatus::Works) => call::milliseconds(trip),
        (_, status) => words::edge_short(status).to_owned(),
    };
    let ink = if edge.in_use { palette.accent } else { palette.text };
    let foot = if placed.figures_of == Figures::Direct { placed.figures } else { None };
    let bottom = foot.map_or(rect.bottom(), |foot| foot.top() + offset.y);
    let head = Rect::from_min_max(rect.min, egui::pos2(rect.right(), bottom));
    let inner = head.shrink2(vec2(size.tight, size.hair));
    if !placed.is_wide {
        let (upper, lower) = inner.split_top_bottom_at_fraction(0.5);
        parts::line(ui, upper, Align2::CENTER_CENTER, words::DIRECT, theme::small(), ink.get());
        parts::line(ui, lower, Align2::CENTER_CENTER, &state, theme::small(), ink.get());
    } else {
        let text = format!("{} · {state}", words::DIRECT);
        parts::line(ui, inner, Align2::CENTER_CENTER, &text, theme::small(), ink.get());
    }
}
