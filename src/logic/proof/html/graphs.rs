//! The moments of a call as small graphs, one below the other on one axis of time: what happened at once stands in one line.

use crate::logic::{evidence::Moment, report::CallReport};

use super::markup::Markup;
use crate::logic::proof::{
    figures::{figure, length_ms, of_the_call},
    story, words,
};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 132.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 552.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 112.0;
/// Points of one line. Of more moments the highest of a few is drawn: what was worst must not get lost.
const MOST_POINTS: usize = 600;
/// Marks of moves to another leg that are drawn; of more nothing could be told apart.
const MOST_MARKS: usize = 24;
/// Between two moments that are further apart nothing is known, and nothing is drawn: so many times what the later one lasted.
const GAP: u64 = 3;

/// In what a curve is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::logic::proof) enum Unit {
    BitsPerSecond,
    Milliseconds,
    Percent,
    PerSecond,
    Lines,
}

impl Unit {
    /// In words.
    pub(in crate::logic::proof) fn words(self, value: f64) -> String {
        match self {
            Self::BitsPerSecond => words::rate(value),
            Self::Milliseconds => words::ms(value),
            Self::Percent => words::percent(value),
            Self::PerSecond => format!("{value:.0} /s"),
            Self::Lines => format!("{value:.0} lines"),
        }
    }

    /// The lowest is the worst.
    pub(in crate::logic::proof) const fn higher_is_better(self) -> bool {
        match self {
            Self::BitsPerSecond | Self::PerSecond | Self::Lines => true,
            Self::Milliseconds | Self::Percent => false,
        }
    }

    fn axis(self, value: f64) -> String {
        match self {
            Self::BitsPerSecond if value >= 1e6 => format!("{} M", short(value / 1e6)),
            Self::BitsPerSecond => format!("{} k", short(value / 1e3)),
            Self::Milliseconds | Self::Percent | Self::PerSecond | Self::Lines => short(value),
        }
    }

    /// A graph reaches at least to here, so that noise does not look like trouble.
    const fn least_top(self) -> f64 {
        match self {
            Self::BitsPerSecond => 100_000.0,
            Self::Milliseconds => 10.0,
            Self::Percent => 5.0,
            Self::PerSecond => 30.0,
            Self::Lines => 360.0,
        }
    }
}

/// One line of one graph.
pub(in crate::logic::proof) struct Curve {
    pub(in crate::logic::proof) name: &'static str,
    pub(in crate::logic::proof) unit: Unit,
    pub(in crate::logic::proof) of: fn(&Moment) -> Option<f64>,
}

const fn curve(name: &'static str, unit: Unit, of: fn(&Moment) -> Option<f64>) -> Curve {
    Curve { name, unit, of }
}

/// All that is drawn, and told in figures.
pub(in crate::logic::proof) const CURVES: &[Curve] = &[
    curve("sent", Unit::BitsPerSecond, |moment| Some(moment.sent_bps.into())),
    curve("room", Unit::BitsPerSecond, |moment| moment.target_bps.map(f64::from)),
    curve("received", Unit::BitsPerSecond, |moment| Some(moment.received_bps.into())),
    curve("round trip", Unit::Milliseconds, |moment| moment.round_trip_ms.map(f64::from)),
    curve("lost of ours", Unit::Percent, |moment| Some(moment.lost_of_ours_percent.into())),
    curve("lost of theirs", Unit::Percent, |moment| Some(moment.lost_of_theirs_percent.into())),
    curve("unevenness", Unit::Milliseconds, |moment| moment.jitter_ms.map(f64::from)),
    curve("sound held", Unit::Milliseconds, |moment| moment.sound_held_ms.map(f64::from)),
    curve("sound made up", Unit::Percent, |moment| Some(moment.concealed_percent.into())),
    curve("pictures sent", Unit::PerSecond, |moment| Some(moment.frames_sent_per_s.into())),
    curve("pictures shown", Unit::PerSecond, |moment| Some(moment.frames_shown_per_s.into())),
    curve("our picture", Unit::Lines, |moment| moment.our_size.map(|(_, height)| height.into())),
    curve("their picture", Unit::Lines, |moment| moment.their_size.map(|(_, height)| height.into())),
    curve("picture stood still", Unit::Milliseconds, |moment| Some(moment.frozen_ms.into())),
    curve("encoding", Unit::Milliseconds, |moment| moment.encode_ms.map(f64::from)),
    curve("decoding", Unit::Milliseconds, |moment| moment.decode_ms.map(f64::from)),
    curve("processor, of one core", Unit::Percent, |moment| moment.cpu_percent.map(f64::from)),
];

/// Which curves stand in one graph, and what it is called.
const GRAPHS: &[(&str, &[&str])] = &[
    ("Over the path, bit/s", &["sent", "received", "room"]),
    ("Round trip, ms", &["round trip"]),
    ("Lost packets, %", &["lost of ours", "lost of theirs"]),
    ("Sound: unevenness and how long it is held, ms", &["unevenness", "sound held"]),
    ("Sound that was made up, %", &["sound made up"]),
    ("Pictures a second", &["pictures sent", "pictures shown"]),
    ("Height of the picture, lines", &["our picture", "their picture"]),
    ("Picture stood still, ms", &["picture stood still"]),
    ("A picture's encoding and decoding, ms", &["encoding", "decoding"]),
    ("Processor, % of one core", &["processor, of one core"]),
];

/// One line: its name, and where it goes.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) points: Vec<(f64, Option<f64>)>,
}

/// All graphs of one report.
pub(super) fn of(page: &mut Markup, report: &CallReport) {
    if report.evidence.moments.is_empty() {
        page.element("p", &[("class", "quiet")], "Nothing was noted second by second.");
        return;
    }
    let end_ms = length_ms(report) as f64;
    let marks: Vec<_> = story::moves(report).into_iter().skip(1).map(|(t_ms, _)| t_ms as f64).collect();
    page.within("div", &[("class", "graphs")], |page| {
        for (title, names) in GRAPHS {
            let lines: Vec<_> = names
                .iter()
                .filter_map(|name| CURVES.iter().find(|curve| curve.name == *name))
                .filter(|curve| figure(&report.evidence.moments, |moment| (curve.of)(moment)).is_some())
                .map(|curve| Line {
                    name: curve.name.to_owned(),
                    unit: curve.unit,
                    points: points(&report.evidence.moments, curve.of, 0),
                })
                .collect();
            if !lines.is_empty() {
                let usual = |line: &Line| {
                    let of = CURVES.iter().find(|curve| curve.name == line.name)?.of;
                    let figure = figure(of_the_call(report), of)?;
                    Some((line.unit.words(figure.median), line.unit.words(figure.most)))
                };
                graph(page, title, &lines, usual, (0.0, end_ms), &marks);
            }
        }
    });
}

/// The points of a curve, with a hole wherever nothing is known.
pub(super) fn points(
    moments: &[Moment],
    of: fn(&Moment) -> Option<f64>,
    shift_ms: i64,
) -> Vec<(f64, Option<f64>)> {
    let mut points = Vec::new();
    let mut before: Option<u64> = None;
    for few in moments.chunks(moments.len().div_ceil(MOST_POINTS).max(1)) {
        let Some(last) = few.last() else { continue };
        let lasted = few.iter().map(|moment| u64::from(moment.for_ms)).fold(0, u64::saturating_add);
        let known = few.iter().filter_map(of).filter(|value| value.is_finite());
        let t_ms = last.t_ms as f64 + shift_ms as f64;
        if before.is_some_and(|before| last.t_ms.saturating_sub(before) > lasted.saturating_mul(GAP)) {
            points.push((t_ms, None));
        }
        points.push((t_ms, known.reduce(f64::max)));
        before = Some(last.t_ms);
    }
    points
}

/// One graph, with its figures in words below.
pub(super) fn graph(
    page: &mut Markup,
    title: &str,
    lines: &[Line],
    usual: impl Fn(&Line) -> Option<(String, String)>,
    (from_ms, until_ms): (f64, f64),
    marks: &[f64],
) {
    let unit = lines.first().map_or(Unit::PerSecond, |line| line.unit);
    let values = lines.iter().flat_map(|line| &line.points).filter_map(|(_, value)| *value);
    let top = nice(values.fold(unit.least_top(), f64::max));
    let x = |t_ms: f64| {
        LEFT + (RIGHT - LEFT) * ((t_ms - from_ms) / (until_ms - from_ms).max(1.0)).clamp(0.0, 1.0)
    };
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (value / top).clamp(0.0, 1.0);
    page.within("figure", &[], |page| {
        page.within("figcaption", &[], |page| {
            page.element("b", &[], title);
            for (index, line) in lines.iter().enumerate() {
                page.within("span", &[("class", "key")], |page| {
                    key(page, index);
                    page.text(&line.name);
                    if let Some((median, most)) = usual(line) {
                        page.element("i", &[], &format!(" {median}, at most {most}"));
                    }
                });
            }
        });
        let size = format!("0 0 {WIDTH:.0} {HEIGHT:.0}");
        let names: Vec<_> = lines.iter().map(|line| line.name.as_str()).collect();
        let label = format!("{title}: {} over the time of the call", names.join(", "));
        page.within("svg", &[("viewBox", &size), ("role", "img"), ("aria-label", &label)], |page| {
            for step in 0..=2 {
                let value = top * f64::from(step) / 2.0;
                rule(page, "grid", (LEFT, y(value)), (RIGHT, y(value)));
                write(page, "end", (LEFT - 5.0, y(value) + 3.5), &unit.axis(value));
            }
            for t_ms in times(from_ms, until_ms) {
                rule(page, "tick", (x(t_ms), BOTTOM), (x(t_ms), BOTTOM + 4.0));
                write(page, "middle", (x(t_ms), BOTTOM + 15.0), &clock(t_ms));
            }
            for mark in marks.iter().take(MOST_MARKS) {
                rule(page, "mark", (x(*mark), TOP), (x(*mark), BOTTOM));
            }
            for (index, line) in lines.iter().enumerate().rev() {
                let class = format!("curve c{index}");
                page.leaf("path", &[("class", &class), ("d", &drawn(&line.points, x, y))]);
            }
        });
    });
    page.line();
}

fn drawn(points: &[(f64, Option<f64>)], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut way = String::new();
    let mut pen_is_down = false;
    for (index, (t_ms, value)) in points.iter().enumerate() {
        let Some(value) = value else {
            pen_is_down = false;
            continue;
        };
        let (x, y) = (x(*t_ms), y(*value));
        way += &format!("{}{x:.1} {y:.1}", if pen_is_down { "L" } else { "M" });
        // A moment between two holes would not show.
        let is_alone = !pen_is_down && points.get(index + 1).is_none_or(|(_, next)| next.is_none());
        if is_alone {
            way += "h1";
        }
        pen_is_down = true;
    }
    way
}

fn key(page: &mut Markup, index: usize) {
    page.within("svg", &[("viewBox", "0 0 22 8"), ("class", "sample"), ("aria-hidden", "true")], |page| {
        page.leaf("path", &[("class", &format!("curve c{index}")), ("d", "M0 4H22")]);
    });
}

fn rule(page: &mut Markup, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    page.leaf("path", &[("class", class), ("d", &format!("M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}"))]);
}

fn write(page: &mut Markup, anchor: &str, (x, y): (f64, f64), text: &str) {
    let (x, y) = (format!("{x:.1}"), format!("{y:.1}"));
    page.element("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], text);
}

/// The next number that is easily read: 1, 2 or 5 and noughts.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-6).log10().floor());
    let step = [1.0, 2.0, 4.0, 6.0, 10.0].into_iter().find(|step| step * power >= value * 0.999);
    step.unwrap_or(10.0) * power
}

fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Moments to write below: a handful, at even times.
fn times(from_ms: f64, until_ms: f64) -> Vec<f64> {
    const STEPS_S: [f64; 12] =
        [1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
    let length = (until_ms - from_ms) / 1000.0;
    let step =
        STEPS_S.into_iter().find(|step| length / step <= 6.0).unwrap_or(length.max(1.0) / 5.0) * 1000.0;
    let first = (from_ms / step).ceil();
    (0..=6).map(|index| (first + f64::from(index)) * step).filter(|t_ms| *t_ms <= until_ms).collect()
}

fn clock(t_ms: f64) -> String {
    let seconds = (t_ms.abs() / 1000.0).round() as u64;
    let sign = if t_ms < 0.0 { "−" } else { "" };
    match seconds / 3600 {
        0 => format!("{sign}{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{sign}{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}
