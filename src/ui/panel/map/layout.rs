//! Where everything of the map stands: boxes, and the wires between them. Pure: numbers in, rectangles out.
//!
//! Wide, the two computers stand at the sides, and the direct path is one straight line along the top; narrow, they stand
//! above and below, and it runs down the left. Servers stand in between, below each other, on a rail each to and from them, so
//! that no wire ever crosses a box. A drawing with free lines was tried on paper: with eight servers they cross each other.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// From this width on the computers stand at the sides.
const WIDE: f32 = 780.0;
const HEAD: f32 = 24.0;
const PAD: f32 = 8.0;
const GAP: f32 = 12.0;
/// Between two columns, where the wires run.
const AISLE: f32 = 36.0;
/// Between two rows, where the wires run.
const STEP: f32 = 26.0;
/// What stands on the direct wire.
const LABEL: Vec2 = vec2(132.0, 22.0);
/// The same where it runs downwards.
const TALL_LABEL: Vec2 = vec2(92.0, 38.0);
/// What is lost stands in two lines, one for each way.
const LOSSES: f32 = 2.0 * ROW + GAP / 2.0;
/// From the top of a box to the wire that goes straight through it.
const AXIS: f32 = 20.0;
/// Where the rail leaves a box, below that.
const RAIL: f32 = 22.0;
/// The least that keeps both apart.
const NAT_ROWS: usize = 2;

/// A line of small type in a box is so high.
pub(super) const ROW: f32 = 18.0;

/// What is to be placed: how many lines of small type each box has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Things {
    /// This computer.
    pub(super) us: usize,
    /// Our NAT.
    pub(super) our_nat: usize,
    /// Each server: the ways to it, one line each.
    pub(super) stations: Vec<usize>,
    /// Their NAT.
    pub(super) their_nat: usize,
    /// Their computer.
    pub(super) them: usize,
    /// Where it stands how the line in use does.
    pub(super) figures: Figures,
}

/// Where it stands how the line in use does: by that line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Figures {
    /// Nowhere: none is in use, or nothing is known.
    #[default]
    Nowhere,
    /// On the direct wire.
    Direct,
    /// In the box of that server, where the line goes through it.
    Station(usize),
}

/// A server's box.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Station {
    /// All of it.
    pub(super) rect: Rect,
    /// The line of each way to it.
    pub(super) doors: Vec<Rect>,
    /// From our NAT to each of them.
    pub(super) inward: Vec<Vec<Pos2>>,
    /// From it to their NAT.
    pub(super) onward: Vec<Pos2>,
}

/// Where everything stands; the upper left corner is at nought.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    /// All of it.
    pub(super) size: Vec2,
    /// This computer.
    pub(super) us: Rect,
    /// Our NAT.
    pub(super) our_nat: Rect,
    /// The servers.
    pub(super) stations: Vec<Station>,
    /// Their NAT.
    pub(super) their_nat: Rect,
    /// Their computer.
    pub(super) them: Rect,
    /// From this computer to our NAT.
    pub(super) out: Vec<Pos2>,
    /// From our NAT to theirs.
    pub(super) direct: Vec<Pos2>,
    /// What stands on that wire.
    pub(super) direct_label: Rect,
    /// Inside that, or inside a server's box: how the line in use does, a line of small type for each way.
    pub(super) figures: Option<Rect>,
    /// Where that is.
    pub(super) figures_of: Figures,
    /// The path runs from left to right, and otherwise downwards.
    pub(super) is_wide: bool,
    /// From their NAT to their computer.
    pub(super) last: Vec<Pos2>,
}

/// Places everything in that width.
pub(super) fn place(things: &Things, width: f32) -> Layout {
    if width >= WIDE { wide(things, width) } else { tall(things, width) }
}

/// How high a box is.
fn height(rows: usize) -> f32 {
    HEAD + ROW * rows as f32 + PAD
}

impl Things {
    /// How high the box of a server is.
    fn station_height(&self, index: usize) -> f32 {
        let doors = self.stations.get(index).copied().unwrap_or_default();
        let losses = if self.figures == Figures::Station(index) { LOSSES } else { 0.0 };
        height(doors.max(1)) + losses
    }

    /// How large what stands on the direct wire is.
    fn label(&self, usual: Vec2) -> Vec2 {
        let losses = if self.figures == Figures::Direct { LOSSES } else { 0.0 };
        usual + vec2(0.0, losses)
    }

    /// The lines for what is lost, at the foot of the box that has them.
    fn figures_in(&self, direct_label: Rect, stations: &[Station]) -> Option<Rect> {
        let (of, pad) = match self.figures {
            Figures::Nowhere => return None,
            Figures::Direct => (direct_label, GAP / 4.0),
            Figures::Station(index) => (stations.get(index)?.rect, PAD / 2.0),
        };
        let bottom = of.bottom() - pad;
        Some(Rect::from_min_max(pos2(of.left(), bottom - 2.0 * ROW), pos2(of.right(), bottom)))
    }
}

fn wide(things: &Things, width: f32) -> Layout {
    let room = width - 4.0 * AISLE;
    let mut left = 0.0;
    let mut column = |share: f32| {
        let from = left;
        left += room * share + AISLE;
        (from, room * share)
    };
    let columns = [0.2, 0.185, 0.265, 0.185, 0.165].map(&mut column);
    let at = |index: usize, rows: usize| {
        let (from, wide) = columns[index];
        Rect::from_min_size(pos2(from, 0.0), vec2(wide, height(rows)))
    };
    let us = at(0, things.us.max(1));
    let our_nat = at(1, things.our_nat.max(NAT_ROWS));
    let their_nat = at(3, things.their_nat.max(NAT_ROWS));
    let them = at(4, things.them.max(1));
    let (middle, wide) = columns[2];
    let rail_in = our_nat.right() + AISLE / 2.0;
    let rail_out = their_nat.left() - AISLE / 2.0;
    let leaves = AXIS + RAIL;
    let label = things.label(LABEL);
    let label_at = pos2(middle + (wide - label.x) / 2.0, AXIS - LABEL.y / 2.0);
    let direct_label = Rect::from_min_size(label_at, label);
    let mut top = (leaves + STEP / 2.0).max(direct_label.bottom() + GAP);
    let mut stations = Vec::new();
    for (index, &doors) in things.stations.iter().enumerate() {
        let rect = Rect::from_min_size(pos2(middle, top), vec2(wide, things.station_height(index)));
        let doors = door_rows(rect, doors);
        let inward = doors.iter().map(|door| {
            let y = door.center().y;
            vec![pos2(our_nat.right(), leaves), pos2(rail_in, leaves), pos2(rail_in, y), pos2(rect.left(), y)]
        });
        let y = rect.top() + HEAD / 2.0;
        let onward = vec![
            pos2(rect.right(), y),
            pos2(rail_out, y),
            pos2(rail_out, leaves),
            pos2(their_nat.left(), leaves),
        ];
        stations.push(Station { rect, inward: inward.collect(), doors, onward });
        top = rect.bottom() + GAP;
    }
    let straight = |from: Rect, to: Rect| vec![pos2(from.right(), AXIS), pos2(to.left(), AXIS)];
    let direct = straight(our_nat, their_nat);
    let boxes = [us, our_nat, their_nat, them, direct_label];
    let low = boxes.iter().map(|rect| rect.bottom()).fold(top - GAP, f32::max);
    Layout {
        size: vec2(width, low),
        figures: things.figures_in(direct_label, &stations),
        direct_label,
        figures_of: things.figures,
        is_wide: true,
        out: straight(us, our_nat),
        last: straight(their_nat, them),
        us,
        our_nat,
        stations,
        their_nat,
        them,
        direct,
    }
}

fn tall(things: &Things, width: f32) -> Layout {
    let mut top = 0.0;
    let mut next = |rows: usize| {
        let rect = Rect::from_min_size(pos2(0.0, top), vec2(width, height(rows)));
        top = rect.bottom() + STEP;
        rect
    };
    let us = next(things.us);
    let our_nat = next(things.our_nat);
    let axis = TALL_LABEL.x / 2.0;
    let rail_in = TALL_LABEL.x + GAP;
    let (left, right) = (rail_in + GAP, width - 2.0 * GAP);
    let rail_out = width - GAP;
    let from = our_nat.bottom();
    let mut low = from + STEP;
    let rects: Vec<_> = (0..things.stations.len())
        .map(|index| {
            let rect = Rect::from_min_size(pos2(left, low), vec2(right - left, things.station_height(index)));
            low = rect.bottom() + GAP;
            rect
        })
        .collect();
    let label = things.label(TALL_LABEL);
    let into = (low - GAP).max(from + STEP + label.y) + STEP;
    let stations = rects.into_iter().zip(&things.stations).map(|(rect, doors)| {
        let doors = door_rows(rect, *doors);
        let inward = doors.iter().map(|door| {
            let y = door.center().y;
            vec![pos2(rail_in, from), pos2(rail_in, y), pos2(rect.left(), y)]
        });
        let y = rect.top() + HEAD / 2.0;
        let onward = vec![pos2(rect.right(), y), pos2(rail_out, y), pos2(rail_out, into)];
        Station { rect, inward: inward.collect(), doors, onward }
    });
    let stations: Vec<_> = stations.collect();
    let their_nat = Rect::from_min_size(pos2(0.0, into), vec2(width, height(things.their_nat)));
    let below = their_nat.bottom() + STEP;
    let them = Rect::from_min_size(pos2(0.0, below), vec2(width, height(things.them)));
    let down = |from: Rect, to: Rect| vec![pos2(axis, from.bottom()), pos2(axis, to.top())];
    let middle = f32::midpoint(from, into);
    let direct_label = Rect::from_center_size(pos2(axis, middle), label);
    Layout {
        size: vec2(width, them.bottom()),
        direct: vec![pos2(axis, from), pos2(axis, into)],
        figures: things.figures_in(direct_label, &stations),
        direct_label,
        figures_of: things.figures,
        is_wide: false,
        out: down(us, our_nat),
        last: down(their_nat, them),
        us,
        our_nat,
        stations,
        their_nat,
        them,
    }
}

fn door_rows(rect: Rect, doors: usize) -> Vec<Rect> {
    let first = rect.top() + HEAD;
    let row = |index: usize| {
        let top = first + ROW * index as f32;
        Rect::from_min_max(pos2(rect.left(), top), pos2(rect.right(), top + ROW))
    };
    (0..doors).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> impl Iterator<Item = (Things, Layout)> {
        let mut all = Vec::new();
        for width in [340.0, 400.0, 540.0, 779.0, 780.0, 900.0, 1400.0] {
            for stations in 0..=8_usize {
                for rows in 0..=5_usize {
                    let stations = (0..stations).map(|index| (index + rows) % 5).collect();
                    let things = Things {
                        us: rows,
                        our_nat: rows,
                        stations,
                        their_nat: 5 - rows,
                        them: rows / 2,
                        figures: Figures::Nowhere,
                    };
                    let at_stations = (0..things.stations.len()).map(Figures::Station);
                    for figures in [Figures::Nowhere, Figures::Direct].into_iter().chain(at_stations) {
                        let things = Things { figures, ..things.clone() };
                        let layout = place(&things, width);
                        assert_eq!(layout.size.x, width);
                        all.push((things, layout));
                    }
                }
            }
        }
        all.into_iter()
    }

    fn boxes(layout: &Layout) -> Vec<Rect> {
        let stations = layout.stations.iter().map(|station| station.rect);
        [layout.us, layout.our_nat, layout.their_nat, layout.them].into_iter().chain(stations).collect()
    }

    fn wires(layout: &Layout) -> Vec<&[Pos2]> {
        let through = layout
            .stations
            .iter()
            .flat_map(|station| station.inward.iter().map(Vec::as_slice).chain([station.onward.as_slice()]));
        [&layout.out, &layout.direct, &layout.last].map(Vec::as_slice).into_iter().chain(through).collect()
    }

    #[test]
    fn no_box_lies_on_another_and_none_leaves_the_area() {
        for (things, layout) in every() {
            let area = Rect::from_min_size(Pos2::ZERO, layout.size).expand(0.01);
            let mut boxes = boxes(&layout);
            boxes.push(layout.direct_label);
            for (index, rect) in boxes.iter().enumerate() {
                assert!(rect.is_positive() && area.contains_rect(*rect), "{things:?}: {rect} in {area}");
                for other in &boxes[index + 1..] {
                    assert!(
                        !rect.shrink(0.5).intersects(other.shrink(0.5)),
                        "{things:?}: {rect} and {other}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_wire_crosses_a_box_and_each_ends_at_two() {
        for (things, layout) in every() {
            let boxes = boxes(&layout);
            for wire in wires(&layout) {
                for ends in wire.windows(2) {
                    let line = Rect::from_two_pos(ends[0], ends[1]);
                    assert!(line.width() < 0.01 || line.height() < 0.01, "{things:?}: a slanting wire");
                    for rect in &boxes {
                        assert!(!rect.shrink(1.0).intersects(line), "{things:?}: {line} crosses {rect}");
                    }
                }
                for end in [wire[0], wire[wire.len() - 1]] {
                    let touches = boxes.iter().any(|rect| rect.expand(0.01).contains(end));
                    assert!(touches, "{things:?}: a wire ends in the middle of nowhere, at {end}");
                }
            }
        }
    }

    #[test]
    fn what_is_lost_stands_by_the_line_in_use_and_on_nothing_else() {
        for (things, layout) in every() {
            let Some(figures) = layout.figures else {
                assert_eq!(things.figures, Figures::Nowhere);
                continue;
            };
            let (inside, above) = match things.figures {
                Figures::Station(index) => {
                    let station = &layout.stations[index];
                    let doors = station.doors.last().map_or(station.rect.top() + HEAD, |door| door.bottom());
                    (station.rect, doors)
                }
                Figures::Direct | Figures::Nowhere => {
                    (layout.direct_label, layout.direct_label.top() + LABEL.y)
                }
            };
            assert!(inside.contains_rect(figures), "{things:?}: {figures} in {inside}");
            assert!(figures.top() >= above - 0.01, "{things:?}: {figures} over what stands there");
            assert!((figures.height() - 2.0 * ROW).abs() < 0.01 && figures.width() >= TALL_LABEL.x);
            // The wires that end at a server end beside its lines.
            for wire in wires(&layout).into_iter().filter(|wire| *wire != layout.direct.as_slice()) {
                for ends in wire.windows(2) {
                    let line = Rect::from_two_pos(ends[0], ends[1]);
                    assert!(!figures.shrink(1.0).intersects(line), "{things:?}: {line} crosses {figures}");
                }
            }
        }
    }

    #[test]
    fn what_stands_on_the_direct_wire_is_crossed_by_no_other() {
        for (things, layout) in every() {
            for wire in wires(&layout).into_iter().filter(|wire| *wire != layout.direct.as_slice()) {
                for ends in wire.windows(2) {
                    let line = Rect::from_two_pos(ends[0], ends[1]);
                    let label = layout.direct_label.shrink(1.0);
                    assert!(!label.intersects(line), "{things:?}: {line} crosses {label}");
                }
            }
        }
    }

    #[test]
    fn each_way_to_a_server_has_its_line_inside_the_server() {
        for (things, layout) in every() {
            for (station, &doors) in layout.stations.iter().zip(&things.stations) {
                assert_eq!((station.doors.len(), station.inward.len()), (doors, doors));
                assert!(station.doors.iter().all(|door| station.rect.contains_rect(*door)));
            }
        }
    }
}
