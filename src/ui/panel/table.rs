//! Many rows of the same kind: sorted by a heading, filtered by words, one of them open, everything to be copied.
//!
//! A table is made once for each state of what it shows, and drawn often: what it costs per picture is the rows that can be
//! seen. Where there is little room the less important columns go; a row that is open always tells all of them.

mod drawing;
mod view;

use egui::Ui;

use crate::ui::icons::Icon;

pub(super) use view::State;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Its heading.
    pub name: &'static str,
    /// The lower, the longer it stays where there is little room.
    pub rank: u8,
    /// Figures stand on the right.
    pub is_figure: bool,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cell {
    /// What it says.
    pub text: String,
    /// What it is sorted by, where that is a number.
    pub number: Option<f64>,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), number: None }
    }
}

impl Cell {
    /// A number, as it is to be read.
    pub(super) fn number(number: impl Into<f64>, text: impl Into<String>) -> Self {
        Self { text: text.into(), number: Some(number.into()) }
    }

    /// A number that may not be known.
    pub(super) fn maybe(number: Option<f64>, text: impl Fn(f64) -> String) -> Self {
        number.map_or_else(Self::default, |number| Self::number(number, text(number)))
    }
}

/// What stands before a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing.
    #[default]
    None,
    /// It carries the call.
    InUse,
    /// As it should be.
    Good,
    /// To be looked at.
    Fair,
    /// It does not work.
    Bad,
    /// Too early to say.
    Open,
}

impl Mark {
    const fn icon(self) -> Option<Icon> {
        match self {
            Self::None => None,
            Self::InUse => Some(Icon::ChevronRight),
            Self::Good => Some(Icon::Check),
            Self::Fair => Some(Icon::Warning),
            Self::Bad => Some(Icon::Close),
            Self::Open => Some(Icon::More),
        }
    }
}

/// A row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Which: the same one in the next state of the table.
    pub id: u64,
    /// What stands before it.
    pub mark: Mark,
    /// One for each column.
    pub cells: Vec<Cell>,
    /// What is told below it when it is open.
    pub story: Vec<String>,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    name: &'static str,
    columns: &'static [Column],
    rows: Vec<Row>,
    widths: Vec<usize>,
}

impl Table {
    /// Of these rows.
    pub(super) fn new(name: &'static str, columns: &'static [Column], rows: Vec<Row>) -> Self {
        let widest = |index: usize| {
            let cells = rows.iter().filter_map(|row| row.cells.get(index));
            // The heading has room for the arrow beside it. A column that says nothing has no room.
            let longest = cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0);
            if longest == 0 { 0 } else { longest.max(columns[index].name.chars().count() + 2) }
        };
        let widths = (0..columns.len()).map(widest).collect();
        Self { name, columns, rows, widths }
    }

    /// Draws it. `version` is another for each state of the table. `empty` is said where there are no rows.
    pub(super) fn show(&self, ui: &mut Ui, state: &mut State, version: u64, empty: &str) {
        drawing::show(ui, self, state, version, empty);
    }
}

/// Which row that is, from what tells it apart.
pub(super) fn id_of(what: impl std::hash::Hash) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
