//! As CSV ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180), lines as Unix has them): a header, then one row a value.

use std::fmt::Write as _;
use std::sync::Arc;

use http::HeaderValue;

use super::table::{Coordinate, Table};

/// CSV.
pub(super) const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");

/// Rows that are written at once.
const ROWS: usize = 2048;

/// One column before the values.
enum Column<'t> {
    /// The number of a place along a dimension that has no coordinate.
    Number(usize),
    Coordinate(&'t Coordinate),
}

/// The text, piece by piece: dimensions, other coordinates, the value; what is missing is empty.
pub(super) fn pieces(table: Arc<Table>) -> impl Iterator<Item = String> + Send + 'static {
    let count = table.value.len();
    let header = header(&table);
    let rows = (0..count.div_ceil(ROWS)).map(move |block| {
        let mut text = String::new();
        let columns: Vec<Column<'_>> = columns(&table).into_iter().map(|(_, column)| column).collect();
        for place in block * ROWS..count.min((block + 1) * ROWS) {
            row(&table, &columns, place, &mut text);
        }
        text
    });
    [header].into_iter().chain(rows)
}

fn header(table: &Table) -> String {
    let mut names: Vec<String> = columns(table).iter().map(|(name, _)| quoted(name)).collect();
    names.push(quoted(table.value.name()));
    names.join(",") + "\n"
}

fn columns(table: &Table) -> Vec<(&str, Column<'_>)> {
    let of_dimension = |(axis, dimension): (usize, &String)| {
        let own = table.coordinates.iter().find(|coordinate| coordinate.is_of(dimension));
        own.map_or(Column::Number(axis), Column::Coordinate)
    };
    let dimensions = table.dimensions();
    let first = dimensions.iter().enumerate().map(|axis| (axis.1.as_str(), of_dimension(axis)));
    let is_other = |coordinate: &&Coordinate| !dimensions.iter().any(|dimension| coordinate.is_of(dimension));
    let others = table.coordinates.iter().filter(is_other);
    first.chain(others.map(|other| (other.field.name(), Column::Coordinate(other)))).collect()
}

fn row(table: &Table, columns: &[Column<'_>], place: usize, text: &mut String) {
    let index = table.index(place);
    for column in columns {
        match column {
            Column::Number(axis) => drop(write!(text, "{}", index[*axis])),
            Column::Coordinate(coordinate) => {
                text.push_str(&quoted(&coordinate.field.label(coordinate.at(&index))));
            }
        }
        text.push(',');
    }
    text.push_str(&quoted(&table.value.label(place)));
    text.push('\n');
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
