//! As a page: what was computed, and its values, or what they are like.

use askama::Template;
use engine::diagnostics::Question;
use engine::open::OpenDataset;
use model::{Error, Result};

use super::table::Table;
use super::values::Value;
use crate::http::page::{place, segment};

/// Most values that are shown one by one.
const VALUES_MAX: usize = 2000;
/// Most groups that are shown.
const GROUPS_MAX: usize = 2000;

/// What is known before any value is read.
pub(super) struct Page {
    root: String,
    id: String,
    segment: String,
    /// Of the view, below `/datasets/`.
    place: String,
    /// Of this page, below the dataset.
    own: String,
    steps: String,
    variable: String,
    coord: String,
    action: String,
    groups: String,
    long_name: String,
    units: String,
    dimensions: Vec<(String, u64)>,
}

#[derive(Template)]
#[template(path = "groupby.html")]
struct Rendered {
    root: String,
    page: Page,
    group_count: usize,
    /// Heads of columns; none where values are not shown one by one.
    columns: Vec<String>,
    rows: Vec<Row>,
    is_summary: bool,
}

struct Row {
    group: String,
    cells: Vec<String>,
}

impl Page {
    pub(super) fn about(root: String, view: &OpenDataset, question: &Question) -> Self {
        let id = view.published().id.as_str();
        let variable = view.variable(&question.variable).map(|(_, variable)| variable);
        let text =
            |name: &str| variable.and_then(|variable| variable.attributes.text(name)).unwrap_or_default();
        let dimensions = variable.iter().flat_map(|variable| {
            variable.dimensions.iter().cloned().zip(variable.grid.shape().iter().copied())
        });
        let parts = [&question.variable, &question.coord, &question.action];
        Self {
            root,
            id: id.to_owned(),
            segment: segment(id),
            place: place(view),
            own: parts.map(|part| segment(part)).join("/"),
            steps: view.steps().map(ToString::to_string).unwrap_or_default(),
            variable: question.variable.clone(),
            coord: question.coord.clone(),
            action: question.action.clone(),
            groups: question.dimension.clone(),
            long_name: text("long_name").to_owned(),
            units: text("units").to_owned(),
            dimensions: dimensions.collect(),
        }
    }

    /// The page with the values of a table.
    pub(super) fn render(self, table: &Table) -> Result<String> {
        let group_count = table.shape()[table.axis];
        let is_summary = table.value.len() > VALUES_MAX;
        let (columns, rows) = if is_summary {
            (["min", "mean", "max", "missing"].map(str::to_owned).to_vec(), summary(table))
        } else {
            (heads(table), values(table))
        };
        let root = self.root.clone();
        Rendered { root, page: self, group_count, columns, rows, is_summary }
            .render()
            .map_err(Error::internal)
    }
}

/// The rest of a table beside its groups: for each place, the places along the dimensions.
fn rest(table: &Table) -> Vec<usize> {
    (0..table.value.len()).filter(|place| table.index(*place)[table.axis] == 0).collect()
}

fn heads(table: &Table) -> Vec<String> {
    let dimensions = table.dimensions();
    let others: Vec<usize> = (0..dimensions.len()).filter(|axis| *axis != table.axis).collect();
    let head = |place: usize| {
        let index = table.index(place);
        let along = |axis: &usize| format!("{} {}", dimensions[*axis], table.label(*axis, index[*axis]));
        others.iter().map(along).collect::<Vec<_>>().join(", ")
    };
    let unnamed = || vec![table.value.name().to_owned()];
    if others.is_empty() { unnamed() } else { rest(table).into_iter().map(head).collect() }
}

fn values(table: &Table) -> Vec<Row> {
    let columns = rest(table);
    let along = stride(table);
    let row = |group: usize| Row {
        group: table.label(table.axis, group),
        cells: columns.iter().map(|place| table.value.label(place + group * along)).collect(),
    };
    (0..table.shape()[table.axis]).map(row).collect()
}

/// What the values of each group are like.
fn summary(table: &Table) -> Vec<Row> {
    let groups = table.shape()[table.axis];
    let along = stride(table);
    let mut of_groups = vec![Summary::default(); groups.min(GROUPS_MAX)];
    for place in 0..table.value.len() {
        if let Some(summary) = of_groups.get_mut(place / along % groups) {
            summary.add(table.value.value(place).number());
        }
    }
    let row = |(group, summary): (usize, &Summary)| Row {
        group: table.label(table.axis, group),
        cells: summary.cells(),
    };
    of_groups.iter().enumerate().map(row).collect()
}

/// How many values lie between one group and the next.
fn stride(table: &Table) -> usize {
    table.shape()[table.axis + 1..].iter().product::<usize>().max(1)
}

#[derive(Clone)]
struct Summary {
    min: f64,
    max: f64,
    sum: f64,
    count: usize,
    missing: usize,
}

impl Default for Summary {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, count: 0, missing: 0 }
    }
}

impl Summary {
    fn add(&mut self, number: Option<f64>) {
        let Some(number) = number else {
            self.missing += 1;
            return;
        };
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        self.sum += number;
        self.count += 1;
    }

    fn cells(&self) -> Vec<String> {
        let shown = |number: f64| {
            if self.count == 0 { String::new() } else { Value::Single(number as f32).to_string() }
        };
        let mean = self.sum / self.count as f64;
        vec![shown(self.min), shown(mean), shown(self.max), self.missing.to_string()]
    }
}
