//! The columns of a listing for people, and their cells. Their widths are set in `table.rs`.

use petrel_api_types::Item;
use petrel_model::quoted::is_steering;

use super::table::{self, Column, Kind};
use super::terminal::escaped;

/// A listing of items, to which columns are added one by one. The first column also shows the ids of unreadable items,
/// which have nothing else.
pub(crate) struct Listing<'r, T> {
    items: &'r [Item<'r, T>],
    columns: Vec<Column>,
}

impl<'r, T> Listing<'r, T> {
    /// A listing of `items`, still without columns.
    pub(crate) fn of(items: &'r [Item<'r, T>]) -> Self {
        Self { items, columns: Vec::new() }
    }

    /// Adds a column of ids, names or times, which are of no use in part.
    pub(crate) fn whole(self, heading: &str, cell: impl Fn(&T) -> String) -> Self {
        self.with(heading, Kind::Whole, cell)
    }

    /// Adds a column of statuses, which have a colour.
    pub(crate) fn status(self, heading: &str, cell: impl Fn(&T) -> String) -> Self {
        self.with(heading, Kind::Status, cell)
    }

    /// Adds a column of texts, which are cut to fit the terminal.
    pub(crate) fn text(self, heading: &str, cell: impl Fn(&T) -> String) -> Self {
        self.with(heading, Kind::Text, cell)
    }

    fn with(mut self, heading: &str, kind: Kind, cell: impl Fn(&T) -> String) -> Self {
        let is_first = self.columns.is_empty();
        let cells = self.items.iter().map(|item| match item {
            Item::Found(found) => cell(found),
            Item::Lost(lost) if is_first => lost.id.to_string(),
            Item::Lost(_) => String::new(),
        });
        // A line end would break the row, and an escape sequence would control the terminal.
        let cells = cells.map(|text| escaped(&text, is_steering).into_owned()).collect();
        self.columns.push(Column::new(heading, kind, cells));
        self
    }

    /// Whether the listing has no items.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The notes on items that cannot be read.
    pub(super) fn lost(&self) -> Vec<String> {
        let lost = self.items.iter().filter_map(|item| match item {
            Item::Found(_) => None,
            Item::Lost(lost) => Some(format!("{} {}\n  try: {}", lost.id, lost.error, lost.hint)),
        });
        lost.collect()
    }

    /// The lines of the table, headings first, for a terminal of `width` columns or, if `None`, for a pipe.
    pub(crate) fn lines(self, width: Option<usize>, in_colour: bool) -> Vec<String> {
        table::lines(self.columns, width, in_colour)
    }
}

#[cfg(test)]
mod tests {
    use petrel_api_types::Lost;

    use super::*;

    fn listing<'r>(items: &'r [Item<'r, &'static str>]) -> Listing<'r, &'static str> {
        let text = |item: &&'static str| (*item).to_owned();
        let length = |item: &&'static str| item.len().to_string();
        Listing::of(items).whole("NAME", text).text("LENGTH", length)
    }

    #[test]
    fn what_cannot_be_read_is_a_row_with_its_id_and_is_told() {
        let items = [Item::Found("a"), Item::Lost(Lost::new("b", "why", "do this"))];
        assert_eq!(listing(&items).lost(), ["b cannot be read: why\n  try: do this"]);
        assert_eq!(listing(&items).lines(None, false), ["NAME  LENGTH", "a     1", "b"]);
        assert!(!listing(&items).is_empty() && listing(&[]).is_empty());
    }

    #[test]
    fn a_cell_is_one_line_and_tells_the_terminal_nothing() {
        let items = [Item::Found("a\nb\u{1b}[31mc")];
        assert_eq!(listing(&items).lines(None, false), ["NAME             LENGTH", "a\\nb\\u{1b}[31mc  9"]);
    }
}
