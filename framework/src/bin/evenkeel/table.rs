//! Tables that fit the terminal: what matters least is left out first.

use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, TableStyle,
};

use crate::{print, visible};

/// A column: its title, whether it holds words, and how soon it is left out (0: never).
pub(crate) struct Column {
    title: &'static str,
    words: bool,
    spare: u8,
}

/// Columns are divided by so many blanks.
const GAP: usize = 2;

/// A column of words; the larger `spare`, the sooner it is left out.
pub(crate) const fn words(title: &'static str, spare: u8) -> Column {
    Column { title, words: true, spare }
}

/// A column of numbers.
pub(crate) const fn numbers(title: &'static str, spare: u8) -> Column {
    Column { title, words: false, spare }
}

/// The rows as text; `width` is that of the terminal, if it is one.
pub(crate) fn table(columns: &[Column], rows: &[Vec<String>], width: Option<u16>) -> String {
    let shown = fitting(columns, rows, width.map(usize::from));
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    if print::colours() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_header(shown.iter().map(|at| columns[*at].title));
    for row in rows {
        table.add_row(shown.iter().map(|at| cell(&visible::text(&row[*at]))));
    }
    for (column, at) in table.column_iter_mut().zip(&shown) {
        let words = columns[*at].words;
        column.set_cell_alignment(if words { CellAlignment::Left } else { CellAlignment::Right });
    }
    lines(&table)
}

/// Names and what is to be said of each, which goes on below itself where a line is full.
pub(crate) fn pairs(rows: &[(String, String)], width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.force_no_tty();
    if let Some(width) = width {
        table.set_width(width);
    }
    for (name, text) in rows {
        table.add_row([name.clone(), visible::text(text)]);
    }
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    lines(&table)
}

/// Blanks at the ends of lines say nothing.
fn lines(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Which columns are shown, in order.
fn fitting(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let Some(width) = width else { return shown };
    let length = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([columns[at].title.len()]).max().unwrap_or(0) + GAP
    };
    while shown.iter().map(|at| length(*at)).sum::<usize>() > width {
        let least = shown.iter().copied().max_by_key(|at| columns[*at].spare);
        match least.filter(|at| columns[*at].spare > 0) {
            Some(least) => shown.retain(|at| *at != least),
            None => break,
        }
    }
    shown
}

/// States have their colours.
fn cell(text: &str) -> Cell {
    let colour = match text {
        "ready" | "running" => Color::Green,
        "starting" | "draining" | "reloading" | "upgrading" | "closing" | "stopping" => {
            Color::Yellow
        }
        "backing-off" | "stopped" => Color::Red,
        _ => return Cell::new(text),
    };
    Cell::new(text).fg(colour)
}

/// The width of the terminal on standard output.
pub(crate) fn terminal_width() -> Option<u16> {
    use std::io::IsTerminal;
    if !std::io::stdout().is_terminal() {
        return None;
    }
    crossterm::terminal::size().ok().map(|(columns, _)| columns)
}
