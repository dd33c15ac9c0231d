//! Tables as others take them: text for a terminal, Markdown for a page, JSON for a program. Nothing here draws.

use serde_json::{Map, Value};

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Columns of equal width.
    Text,
    /// As pages and issues have it.
    Markdown,
    /// One object for each row.
    Json,
}

impl Form {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Text, Self::Markdown, Self::Json];
}

/// A table in that form. A row that is too short is as if its last cells were empty.
pub fn table<'a>(columns: &[&str], rows: impl Iterator<Item = Vec<&'a str>>, form: Form) -> String {
    let rows: Vec<Vec<&str>> = rows.collect();
    match form {
        Form::Text => text(columns, &rows),
        Form::Markdown => markdown(columns, &rows),
        Form::Json => json(columns, &rows),
    }
}

fn text(columns: &[&str], rows: &[Vec<&str>]) -> String {
    let wide = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
        cells.chain([columns[index].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns.len()).map(wide).collect();
    let line = |cells: &[&str]| {
        let padded = widths.iter().enumerate().map(|(index, width)| {
            let cell = cells.get(index).copied().unwrap_or_default();
            format!("{}{}", one_line(cell), " ".repeat(width.saturating_sub(cell.chars().count())))
        });
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    std::iter::once(line(columns)).chain(rows.iter().map(|row| line(row))).collect()
}

fn markdown(columns: &[&str], rows: &[Vec<&str>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escaped = |cell: &str| one_line(cell).replace('\\', "\\\\").replace('|', "\\|");
    let head = line(columns.iter().map(|cell| escaped(cell)).collect());
    let rule = line(columns.iter().map(|_| "---".to_owned()).collect());
    let cells = |row: &Vec<&str>| {
        let cell = |index: usize| escaped(row.get(index).copied().unwrap_or_default());
        line((0..columns.len()).map(cell).collect())
    };
    [head, rule].into_iter().chain(rows.iter().map(cells)).collect()
}

fn json(columns: &[&str], rows: &[Vec<&str>]) -> String {
    let object = |row: &Vec<&str>| {
        let pairs = columns.iter().enumerate().map(|(index, column)| {
            ((*column).to_owned(), Value::from(row.get(index).copied().unwrap_or_default()))
        });
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    format!("{:#}", Value::Array(rows.iter().map(object).collect()))
}

fn one_line(cell: &str) -> String {
    cell.replace(['\n', '\r', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 2] = ["Local", "State"];

    fn as_form(form: Form) -> String {
        let rows = [vec!["192.0.2.1:4000", "in use"], vec!["a|b\nc"]];
        table(&COLUMNS, rows.into_iter(), form)
    }

    #[test]
    fn text_stands_in_columns() {
        assert_eq!(as_form(Form::Text), "Local           State\n192.0.2.1:4000  in use\na|b c\n");
    }

    #[test]
    fn a_bar_in_a_cell_does_not_end_it() {
        assert_eq!(
            as_form(Form::Markdown),
            "| Local | State |\n| --- | --- |\n| 192.0.2.1:4000 | in use |\n| a\\|b c |  |\n"
        );
    }

    #[test]
    fn json_reads_back_with_every_cell() {
        let read: Value = serde_json::from_str(&as_form(Form::Json)).unwrap();
        assert_eq!(read[0]["State"], "in use");
        assert_eq!(read[1]["Local"], "a|b\nc");
        assert_eq!(read[1]["State"], "");
    }

    #[test]
    fn an_empty_table_still_says_what_would_stand_in_it() {
        assert_eq!(table(&COLUMNS, std::iter::empty(), Form::Text), "Local  State\n");
        assert_eq!(table(&COLUMNS, std::iter::empty(), Form::Json), "[]");
    }
}
