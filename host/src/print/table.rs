//! The layout of tables, which are never wider than the terminal. Names and ids stay whole, texts are cut, and the
//! last columns are left out if nothing else helps. In a pipe a text is cut only if it would widen the table too
//! much; `--json` has everything. `listing.rs` fills the cells.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::terminal::coloured;

/// The blanks between columns.
const GAP: usize = 2;
/// The width down to which a text is cut.
const NARROWEST: usize = 12;
/// The width down to which a name is cut, in the end.
const SHORTEST: usize = 8;
/// The length of an id.
const ID: usize = 24;
/// The width of a text in a pipe.
const IN_PIPE: usize = 80;

/// The content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An id, a name or a time, which is of no use in part.
    Whole,
    /// A status, which has a colour.
    Status,
    /// Text.
    Text,
}

/// A column of a table.
pub(super) struct Column {
    heading: String,
    kind: Kind,
    cells: Vec<String>,
    width: usize,
}

impl Column {
    pub(super) fn new(heading: &str, kind: Kind, cells: Vec<String>) -> Self {
        let widest = cells.iter().map(|cell| cell.width()).max().unwrap_or_default();
        Self { heading: heading.to_owned(), kind, cells, width: widest.max(heading.width()) }
    }

    fn floor(&self) -> usize {
        if self.kind == Kind::Text { self.width.min(NARROWEST) } else { self.width }
    }
}

/// The lines of a table, with its headings first.
pub(super) fn lines(mut columns: Vec<Column>, width: Option<usize>, in_colour: bool) -> Vec<String> {
    if let Some(width) = width {
        fit(&mut columns, width);
    } else {
        let texts = columns.iter_mut().filter(|column| column.kind == Kind::Text);
        texts.for_each(|column| column.width = column.width.min(IN_PIPE));
    }
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or_default();
    let headings = line(columns.iter().map(|column| (column, column.heading.as_str(), false)));
    let cell = |column: &Column, row: usize| column.cells.get(row).cloned().unwrap_or_default();
    let row = |row: usize| {
        let cells: Vec<_> = columns.iter().map(|column| (column, cell(column, row))).collect();
        line(
            cells
                .iter()
                .map(|(column, text)| (*column, text.as_str(), in_colour && column.kind == Kind::Status)),
        )
    };
    std::iter::once(headings).chain((0..rows).map(row)).collect()
}

/// Narrows columns, and leaves out the last ones, until all fit into `width`.
fn fit(columns: &mut Vec<Column>, width: usize) {
    let gaps = |columns: &[Column]| GAP * columns.len().saturating_sub(1);
    // A single long name is no reason to leave out columns.
    let most = ID.max(width / 2);
    columns.iter_mut().for_each(|column| {
        column.width = column.width.min(if column.kind == Kind::Text { width } else { most });
    });
    while columns.len() > 2 {
        let least = columns.iter().map(Column::floor).sum::<usize>() + gaps(columns);
        if least <= width {
            break;
        }
        columns.pop();
    }
    // No floor is wider than the terminal, so that the loop below ends soon.
    let floors: Vec<_> = columns.iter().map(Column::floor).collect();
    loop {
        let all = columns.iter().map(|column| column.width).sum::<usize>() + gaps(columns);
        if all <= width {
            return;
        }
        let gives = columns.iter_mut().zip(&floors).filter(|(column, floor)| column.width > **floor);
        if let Some((column, _)) = gives.max_by_key(|(column, _)| column.width) {
            column.width -= 1;
            continue;
        }
        // Only columns with names are left.
        let Some(widest) = columns.iter_mut().max_by_key(|column| column.width) else { return };
        if widest.width <= SHORTEST {
            return;
        }
        widest.width -= 1;
    }
}

/// Cells in a row, each with whether it has a colour. The last one is not padded.
fn line<'a>(cells: impl Iterator<Item = (&'a Column, &'a str, bool)>) -> String {
    let mut line = String::new();
    for (column, text, has_colour) in cells {
        let text = cut(text, column.width);
        let rest = column.width.saturating_sub(text.width()) + GAP;
        line.push_str(&if has_colour { coloured(&text) } else { text });
        line.push_str(&" ".repeat(rest));
    }
    line.truncate(line.trim_end().len());
    line
}

/// `text`, cut to `width` with a mark at the cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    // One column is for the mark.
    let (mut kept, mut used) = (String::new(), 1);
    for char in text.chars() {
        used += char.width().unwrap_or_default();
        if used > width {
            break;
        }
        kept.push(char);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executions(action: &str) -> Vec<Column> {
        [
            ("ID", Kind::Whole, "6a1e5c2f9b1d4e5f60718293"),
            ("ACTION", Kind::Text, action),
            ("STATUS", Kind::Status, "succeeded"),
            ("STARTED", Kind::Whole, "2026-11-20T12:00:00Z"),
            ("SECONDS", Kind::Whole, "0.005"),
            ("USER", Kind::Text, "stanley"),
        ]
        .into_iter()
        .map(|(heading, kind, text)| Column::new(heading, kind, vec![text.to_owned()]))
        .collect()
    }

    fn keys(value: &str) -> Vec<Column> {
        let column = |heading: &str, kind, text: &str| {
            Column::new(heading, kind, vec![text.to_owned(), "short".to_owned()])
        };
        vec![
            column("NAME", Kind::Whole, "deploy.channel"),
            column("VALUE", Kind::Text, value),
            column("SCOPE", Kind::Text, "st2kv.system"),
        ]
    }

    #[test]
    fn a_table_fits_the_terminal_whatever_is_in_it() {
        let long = "x".repeat(3000);
        for columns in [
            || executions("core.local"),
            || executions("examples.an-action-with-a-long-name-that-goes-on-and-on"),
            || keys("#ops"),
        ] {
            for width in [40, 60, 80, 120] {
                for line in lines(columns(), Some(width), false) {
                    assert!(line.width() <= width, "{width}: {line}");
                }
            }
        }
        let table = lines(keys(&long), Some(80), false);
        assert!(table.iter().all(|line| line.width() <= 80), "{table:?}");
        assert!(table.iter().any(|line| line.contains("deploy.channel") && line.contains('…')), "{table:?}");
        assert!(table.iter().any(|line| line.contains("st2kv.system")), "{table:?}");
        let ids = lines(executions("core.local"), Some(80), false);
        assert!(ids.iter().any(|line| line.contains("6a1e5c2f9b1d4e5f60718293  core.local")), "{ids:?}");
    }

    #[test]
    fn a_pipe_gets_names_whole_and_is_not_widened_by_a_text() {
        let long = "x".repeat(3000);
        let table = lines(keys(&long), None, false);
        assert!(table.iter().all(|line| line.width() < 120), "{table:?}");
        let action = "examples.an-action-with-a-long-name-that-goes-on-and-on";
        let table = lines(executions(action), None, false);
        assert!(table.iter().any(|line| line.contains(action) && line.ends_with("stanley")), "{table:?}");
    }

    #[test]
    fn what_is_cut_says_so_and_wide_signs_count_as_two() {
        for (text, width, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
        ] {
            assert_eq!(cut(text, width), expected, "{text} in {width}");
        }
    }

    #[test]
    fn colour_takes_no_room() {
        let plain = lines(executions("core.local"), Some(80), false);
        let coloured = lines(executions("core.local"), Some(80), true);
        assert_ne!(plain, coloured);
        let stripped = coloured.iter().map(|line| line.replace("\u{1b}[32m", "").replace("\u{1b}[0m", ""));
        assert_eq!(stripped.collect::<Vec<_>>(), plain);
    }
}
