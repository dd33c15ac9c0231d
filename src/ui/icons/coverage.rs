//! How much of each pixel a drawing covers.
//!
//! All marks become lines with round ends and shapes; a pixel is covered by how far its middle lies inside of the nearest.
//! Where marks meet they are one: nothing is drawn twice.

/// The side of the grid that icons are drawn on.
const GRID: f32 = 24.0;
/// The width of a stroke on it.
const STROKE: f32 = 1.75;
/// Lines that a bend is made of.
const STEPS: usize = 14;

/// A place on the grid; y points down.
pub(super) type At = [f32; 2];

/// A part of an icon, on a grid of 24.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// A line through these, with bends of that radius.
    Line(&'static [At], f32),
    /// A closed line through these, with bends of that radius.
    Ring(&'static [At], f32),
    /// The inside of such a line, and the line.
    Solid(&'static [At], f32),
    /// A circle: middle, radius.
    Circle(At, f32),
    /// A filled circle.
    Disc(At, f32),
    /// A part of a circle: middle, radius, from and to in degrees; 0 is right, 90 is down.
    Arc(At, f32, f32, f32),
    /// A curve: where it begins, two places that pull at it, where it ends.
    Curve([At; 4]),
    /// The same with a width of its own.
    Thick([At; 4], f32),
    /// A wheel with teeth: how many, outer and inner radius, and how much of a tooth is flat on top.
    Wheel(usize, f32, f32, f32),
    /// A gap of that width in what was drawn so far.
    Gap(&'static [At], f32),
    /// Others, turned about the middle, by degrees.
    Turned(f32, &'static [Self]),
}

/// How much of each of `pixels` times `pixels` pixels is covered, from 0 to 1, row by row.
pub(super) fn coverage(marks: &[Mark], pixels: usize) -> Vec<f32> {
    let shapes: Vec<Shape> = marks.iter().flat_map(|mark| shapes(mark, 0.0)).collect();
    let unit = GRID / pixels as f32;
    (0..pixels * pixels)
        .map(|index| {
            let at = [(index % pixels) as f32 + 0.5, (index / pixels) as f32 + 0.5].map(|pixel| pixel * unit);
            let outside = shapes.iter().fold(f32::MAX, |so_far, shape| match shape {
                Shape::Ink(outline) => so_far.min(outline.outside(at)),
                Shape::Gap(outline) => so_far.max(-outline.outside(at)),
            });
            (0.5 - outside / unit).clamp(0.0, 1.0)
        })
        .collect()
}

enum Shape {
    Ink(Outline),
    Gap(Outline),
}

/// Lines of a width; where they close around something it may be filled.
struct Outline {
    places: Vec<At>,
    half_width: f32,
    is_filled: bool,
}

impl Outline {
    /// How far this place lies outside; below zero inside.
    fn outside(&self, at: At) -> f32 {
        let nearest = match self.places.as_slice() {
            [only] => distance(at, *only, *only),
            places => places.windows(2).map(|pair| distance(at, pair[0], pair[1])).fold(f32::MAX, f32::min),
        };
        if self.is_filled && self.holds(at) { -nearest - self.half_width } else { nearest - self.half_width }
    }

    /// Whether it lies within: a ray from it crosses the line an odd number of times.
    fn holds(&self, [x, y]: At) -> bool {
        let crossings = self.places.windows(2).filter(|pair| {
            let ([ax, ay], [bx, by]) = (pair[0], pair[1]);
            (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax
        });
        crossings.count() % 2 == 1
    }
}

fn shapes(mark: &Mark, turn: f32) -> Vec<Shape> {
    let outline = |places: Vec<At>, width: f32, is_filled: bool| {
        let places = places.into_iter().map(|at| turned(at, turn)).collect();
        Outline { places, half_width: width / 2.0, is_filled }
    };
    let ink = |places, is_filled| vec![Shape::Ink(outline(places, STROKE, is_filled))];
    match *mark {
        Mark::Line(places, radius) => ink(bent(places, radius, false), false),
        Mark::Ring(places, radius) => ink(bent(places, radius, true), false),
        Mark::Solid(places, radius) => ink(bent(places, radius, true), true),
        Mark::Circle(middle, radius) => ink(arc(middle, radius, 0.0, 360.0), false),
        Mark::Disc(middle, radius) => vec![Shape::Ink(outline(vec![middle], 2.0 * radius, false))],
        Mark::Arc(middle, radius, from, to) => ink(arc(middle, radius, from, to), false),
        Mark::Curve(pulls) => ink(curve(pulls), false),
        Mark::Thick(pulls, width) => vec![Shape::Ink(outline(curve(pulls), width, false))],
        Mark::Wheel(teeth, outer, inner, flat) => ink(wheel(teeth, outer, inner, flat), false),
        Mark::Gap(places, width) => vec![Shape::Gap(outline(places.to_vec(), width, false))],
        Mark::Turned(degrees, marks) => marks.iter().flat_map(|mark| shapes(mark, turn + degrees)).collect(),
    }
}

/// A line with its corners bent; a bend is never longer than half of the sides that it joins.
fn bent(corners: &[At], radius: f32, is_closed: bool) -> Vec<At> {
    let count = corners.len();
    let mut places = Vec::new();
    for (index, &corner) in corners.iter().enumerate() {
        let is_end = !is_closed && (index == 0 || index + 1 == count);
        if is_end || radius <= 0.0 {
            places.push(corner);
            continue;
        }
        let (before, after) = (corners[(index + count - 1) % count], corners[(index + 1) % count]);
        let reach = radius.min(length(before, corner) / 2.0).min(length(corner, after) / 2.0);
        let (from, to) = (towards(corner, before, reach), towards(corner, after, reach));
        // Pulls that make a circle of a right angle.
        let pull = |end: At| towards(end, corner, length(end, corner) * 0.552);
        places.extend(curve([from, pull(from), pull(to), to]));
    }
    if is_closed && let Some(&first) = places.first() {
        places.push(first);
    }
    places
}

fn curve([a, b, c, d]: [At; 4]) -> Vec<At> {
    let place = |step: usize| {
        let t = step as f32 / STEPS as f32;
        let s = 1.0 - t;
        let along = |axis: usize| {
            s * s * s * a[axis] + 3.0 * s * s * t * b[axis] + 3.0 * s * t * t * c[axis] + t * t * t * d[axis]
        };
        [along(0), along(1)]
    };
    (0..=STEPS).map(place).collect()
}

fn arc(middle: At, radius: f32, from: f32, to: f32) -> Vec<At> {
    let steps = ((to - from).abs() / 360.0 * 48.0).ceil().max(1.0) as usize;
    let place = |step: usize| {
        let angle = (from + (to - from) * step as f32 / steps as f32).to_radians();
        [middle[0] + radius * angle.cos(), middle[1] + radius * angle.sin()]
    };
    (0..=steps).map(place).collect()
}

fn wheel(teeth: usize, outer: f32, inner: f32, flat: f32) -> Vec<At> {
    let part = 360.0 / teeth as f32;
    let mut corners = Vec::new();
    for tooth in 0..teeth {
        let middle = tooth as f32 * part - 90.0;
        let (top, foot) = (part * flat / 2.0, part * (1.0 - flat) / 2.0);
        for (radius, angle) in [
            (outer, middle - top),
            (outer, middle + top),
            (inner, middle + foot),
            (inner, middle + part - foot),
        ] {
            let angle = angle.to_radians();
            corners.push([GRID / 2.0 + radius * angle.cos(), GRID / 2.0 + radius * angle.sin()]);
        }
    }
    corners.dedup_by(|a, b| length(*a, *b) < 0.01);
    bent(&corners, 1.0, true)
}

fn turned([x, y]: At, degrees: f32) -> At {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (x, y) = (x - GRID / 2.0, y - GRID / 2.0);
    [GRID / 2.0 + x * cosine - y * sine, GRID / 2.0 + x * sine + y * cosine]
}

fn length(a: At, b: At) -> f32 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

fn towards(from: At, to: At, by: f32) -> At {
    let share = by / length(from, to).max(f32::EPSILON);
    [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share]
}

/// From a place to the nearest of a line.
fn distance(at: At, from: At, to: At) -> f32 {
    let (along, here) = ([to[0] - from[0], to[1] - from[1]], [at[0] - from[0], at[1] - from[1]]);
    let square = along[0] * along[0] + along[1] * along[1];
    let share =
        if square > 0.0 { ((here[0] * along[0] + here[1] * along[1]) / square).clamp(0.0, 1.0) } else { 0.0 };
    (here[0] - along[0] * share).hypot(here[1] - along[1] * share)
}
