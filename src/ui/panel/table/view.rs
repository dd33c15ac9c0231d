//! Which rows of a table are shown, in which order, and which columns there is room for. Pure.

use std::cmp::Ordering;

use super::{Cell, Column, Mark, Row, Table};

/// The longest text that is looked for.
pub(super) const LONGEST_FILTER: usize = 100;

/// What somebody made of a table.
#[derive(Clone, Debug, Default)]
pub(in crate::ui::panel) struct State {
    /// By which column, and whether the largest stands first.
    pub sort: Option<(usize, bool)>,
    /// Only rows in which that stands.
    pub filter: String,
    /// Only rows that work.
    pub only_working: bool,
    /// There is a switch for that.
    pub can_work: bool,
    /// The row that is open.
    pub open: Option<u64>,
    /// The cell of which the menu is open.
    pub(super) cell: usize,
    seen: Option<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    version: u64,
    sort: Option<(usize, bool)>,
    filter: String,
    only_working: bool,
    order: Vec<usize>,
}

impl State {
    /// A table whose rows work or do not.
    pub(in crate::ui::panel) fn with_working() -> Self {
        Self { can_work: true, ..Self::default() }
    }

    /// Sorted by that; once more turns it round, and a third time gives the order of the table back.
    pub(super) fn press(&mut self, column: usize) {
        self.sort = match self.sort {
            Some((sorted, false)) if sorted == column => Some((column, true)),
            Some((sorted, true)) if sorted == column => None,
            Some(_) | None => Some((column, false)),
        };
    }

    /// The rows that are shown, in order; made anew only where something changed.
    pub(super) fn order(&mut self, table: &Table, version: u64) -> Vec<usize> {
        let is_same = self.seen.as_ref().is_some_and(|seen| {
            (seen.version, seen.sort, seen.only_working) == (version, self.sort, self.only_working)
                && seen.filter == self.filter
        });
        if !is_same {
            let order = order(&table.rows, self.sort, &self.filter, self.only_working);
            let (sort, filter, only_working) = (self.sort, self.filter.clone(), self.only_working);
            self.seen = Some(Seen { version, sort, filter, only_working, order });
        }
        self.seen.as_ref().map(|seen| seen.order.clone()).unwrap_or_default()
    }
}

fn order(rows: &[Row], sort: Option<(usize, bool)>, filter: &str, only_working: bool) -> Vec<usize> {
    let wanted = filter.trim().to_lowercase();
    let has = |row: &Row| row.cells.iter().any(|cell| cell.text.to_lowercase().contains(&wanted));
    let works = |row: &Row| match row.mark {
        Mark::InUse | Mark::Good => true,
        Mark::None | Mark::Fair | Mark::Bad | Mark::Open => false,
    };
    let mut order: Vec<_> = (0..rows.len())
        .filter(|&index| (wanted.is_empty() || has(&rows[index])) && (!only_working || works(&rows[index])))
        .collect();
    if let Some((column, largest_first)) = sort {
        order.sort_by(|&one, &other| {
            let cell = |index: usize| rows[index].cells.get(column);
            compare(cell(one), cell(other), largest_first)
        });
    }
    order
}

/// What is not known stands last, whichever way round.
fn compare(one: Option<&Cell>, other: Option<&Cell>, largest_first: bool) -> Ordering {
    let known = |cell: Option<&Cell>| cell.is_some_and(|cell| !cell.text.is_empty());
    let by_value = || {
        let (one, other) = (one?, other?);
        let order = match (one.number, other.number) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            (None, _) | (_, None) => one.text.cmp(&other.text),
        };
        Some(if largest_first { order.reverse() } else { order })
    };
    known(other).cmp(&known(one)).then_with(|| by_value().unwrap_or(Ordering::Equal))
}

/// What is longer than this may be cut, rather than that others are not shown…
const LONG: usize = 30;
/// …but never to fewer letters than these, unless it stands alone.
const LEAST: usize = 26;

/// Which columns there is room for, and how wide each is. A cell may be cut where it alone has no room.
pub(super) fn columns(
    columns: &[Column],
    widths: &[usize],
    letter: f32,
    gap: f32,
    room: f32,
) -> Vec<(usize, f32)> {
    let mut by_rank: Vec<_> = (0..columns.len()).collect();
    by_rank.sort_by_key(|&index| columns[index].rank);
    let mut left = room;
    let mut kept = Vec::new();
    for index in by_rank.into_iter().filter(|&index| widths[index] > 0) {
        let letters = if widths[index] > LONG { LEAST } else { widths[index] };
        let width = letters as f32 * letter + gap;
        if width > left && !kept.is_empty() {
            continue;
        }
        let width = width.min(left);
        left -= width;
        kept.push((index, width));
    }
    kept.sort_by_key(|(index, _)| *index);
    // What was cut has what is left over, as far as it needs it; then all, so that a table ends where its page ends.
    let cut = kept.iter().filter(|&&(index, _)| widths[index] > LONG).count().max(1) as f32;
    let share = left.max(0.0) / cut;
    for (index, width) in kept.iter_mut().filter(|(index, _)| widths[*index] > LONG) {
        let more = (widths[*index] as f32 * letter + gap - *width).clamp(0.0, share);
        *width += more;
        left -= more;
    }
    let more = left.max(0.0) / kept.len().max(1) as f32;
    kept.iter_mut().for_each(|(_, width)| *width += more);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { name: "Address", rank: 0, is_figure: false },
        Column { name: "Trip", rank: 1, is_figure: true },
        Column { name: "Note", rank: 2, is_figure: false },
    ];

    fn rows() -> Vec<Row> {
        [("b", Some(9.0), Mark::Good), ("a", Some(10.0), Mark::Bad), ("C", None, Mark::InUse)]
            .map(|(name, trip, mark)| Row {
                id: super::super::id_of(name),
                mark,
                cells: vec![name.into(), Cell::maybe(trip, |trip| format!("{trip} ms"))],
                story: Vec::new(),
            })
            .into()
    }

    #[test]
    fn numbers_are_sorted_as_numbers_and_what_is_not_known_stands_last() {
        let rows = rows();
        assert_eq!(order(&rows, None, "", false), [0, 1, 2]);
        assert_eq!(order(&rows, Some((1, false)), "", false), [0, 1, 2]);
        assert_eq!(order(&rows, Some((1, true)), "", false), [1, 0, 2]);
        assert_eq!(order(&rows, Some((0, false)), "", false), [2, 1, 0]);
    }

    #[test]
    fn rows_are_found_by_words_and_by_whether_they_work() {
        let rows = rows();
        assert_eq!(order(&rows, None, " 10 MS ", false), [1]);
        assert_eq!(order(&rows, None, "c", false), [2]);
        assert_eq!(order(&rows, None, "", true), [0, 2]);
        assert!(order(&rows, None, "nothing of that kind", false).is_empty());
    }

    #[test]
    fn a_heading_sorts_then_turns_round_then_lets_go() {
        let mut state = State::default();
        let sorts = [0, 0, 0, 1].map(|column| {
            state.press(column);
            state.sort
        });
        assert_eq!(sorts, [Some((0, false)), Some((0, true)), None, Some((1, false))]);
    }

    #[test]
    fn a_long_text_is_cut_before_others_go_and_has_what_is_left_over() {
        let shown = |room| columns(&COLUMNS, &[200, 6, 8], 10.0, 0.0, room);
        assert_eq!(shown(400.0), [(0, 260.0), (1, 60.0), (2, 80.0)]);
        assert_eq!(shown(1000.0), [(0, 860.0), (1, 60.0), (2, 80.0)]);
        assert_eq!(shown(200.0), [(0, 200.0)]);
    }

    #[test]
    fn where_there_is_little_room_the_less_important_columns_go() {
        let shown = |room| columns(&COLUMNS, &[10, 6, 8], 10.0, 0.0, room);
        let names = |room| shown(room).into_iter().map(|(index, _)| index).collect::<Vec<_>>();
        assert_eq!(names(240.0), [0, 1, 2]);
        assert_eq!(names(170.0), [0, 1]);
        assert_eq!(names(50.0), [0]);
        for room in [50.0, 170.0, 240.0, 900.0] {
            let width: f32 = shown(room).iter().map(|(_, width)| width).sum();
            assert!((width - room).abs() < 0.01, "{width} of {room}");
        }
    }
}
