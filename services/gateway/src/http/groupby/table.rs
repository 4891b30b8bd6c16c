//! The values of groups beside the coordinates that say what they are of.

use std::sync::Arc;

use engine::open::OpenDataset;
use fair::{Admitted, Flow};
use model::{Dataset, Error, ErrorKind, Result, Variable};

use super::values::{Field, is_written};
use crate::http::off_runtime::off_runtime;
use crate::http::page::place as place_of;
use crate::http::state::GatewayState;

/// Most bytes of values of one answer.
pub(in crate::http) const BYTES_MAX: u64 = 64 << 20;

/// A variable and its coordinates.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) value: Arc<Field>,
    /// Of its dimensions, where they have some, in their order; then others that have none but its dimensions.
    pub(super) coordinates: Vec<Coordinate>,
    /// Where the dimension of groups is among its own.
    pub(super) axis: usize,
    /// What else the variable and its coordinates name, where that was asked for: bounds, areas.
    pub(super) others: Vec<Field>,
}

/// A coordinate, and where its value is for each place of the variable.
#[derive(Debug)]
pub(super) struct Coordinate {
    pub(super) field: Arc<Field>,
    /// By how many of its values one step along each of the variable's dimensions goes on; 0 along others.
    steps: Vec<usize>,
}

/// Reads a variable of a view with its coordinates, in memory that is counted.
pub(super) async fn read(
    state: &GatewayState,
    view: &OpenDataset,
    place: usize,
    groups: &str,
    is_complete: bool,
) -> Result<(Table, Admitted)> {
    let dataset = view.dataset();
    let variable = &dataset.variables[place];
    let related = related(dataset, place);
    let is_inside =
        |other: &usize| dataset.variables[*other].dimensions.iter().all(|d| variable.dimensions.contains(d));
    let (coordinates, others): (Vec<usize>, Vec<usize>) = related.into_iter().partition(is_inside);
    let others = if is_complete { others } else { Vec::new() };
    let all: Vec<usize> =
        [place].into_iter().chain(coordinates.iter().copied()).chain(others.iter().copied()).collect();
    let admitted = admit(state, view, &all).await?;

    let value = Field::read(state, view, place).await?;
    let value = if is_complete { value } else { off_runtime(move || value.unpacked()).await? };
    let mut table = Table { value: Arc::new(value), coordinates: Vec::new(), axis: 0, others: Vec::new() };
    table.axis = variable.dimensions.iter().position(|dimension| dimension == groups).unwrap_or_default();
    for place in coordinates {
        let field = Field::read(state, view, place).await?;
        let field = if is_complete { field } else { off_runtime(move || field.unpacked()).await? };
        let steps = steps(&field.variable, &table.value.variable);
        table.coordinates.push(Coordinate { field: Arc::new(field), steps });
    }
    for place in others {
        table.others.push(Field::read(state, view, place).await?);
    }
    Ok((table, admitted))
}

/// Refuses what is too large for an answer; else waits until there is memory for it.
async fn admit(state: &GatewayState, view: &OpenDataset, all: &[usize]) -> Result<Admitted> {
    let sizes = all.iter().map(|place| view.dataset().variables[*place].decoded_size_bytes());
    let bytes = sizes.sum::<Option<u64>>().unwrap_or(u64::MAX);
    if bytes > BYTES_MAX {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "the values would be {} MiB, more than the {} MiB of one answer: read them as Zarr, which has no such \
                 limit, from /datasets/{}/zarr",
                mib(bytes),
                mib(BYTES_MAX),
                place_of(view)
            ),
        ));
    }
    state.limits.page(Flow::current(), bytes).await
}

/// Coordinates of the dimensions of a variable, and what it and they name, as far as it has values that can be written.
fn related(dataset: &Dataset, place: usize) -> Vec<usize> {
    let find = |path: &str| dataset.variables.iter().position(|variable| variable.path.as_str() == path);
    let mut found = vec![place];
    let mut at = 0;
    while let Some(variable) = found.get(at).map(|place| &dataset.variables[*place]) {
        let named = cf::named_variables(|name| variable.attributes.text(name));
        for name in variable.dimensions.iter().map(String::as_str).chain(named) {
            let other = variable.path.resolve(name, find);
            let other = other.filter(|other| is_written(dataset.variables[*other].data_type));
            found.extend(other.filter(|other| !found.contains(other)));
        }
        at += 1;
    }
    found.split_off(1)
}

fn steps(coordinate: &Variable, variable: &Variable) -> Vec<usize> {
    let shape = coordinate.grid.shape();
    let step = |axis: usize| shape[axis + 1..].iter().product::<u64>() as usize;
    let along =
        |dimension: &String| coordinate.dimensions.iter().position(|own| own == dimension).map_or(0, step);
    variable.dimensions.iter().map(along).collect()
}

impl Coordinate {
    /// Whether it is the coordinate of a dimension.
    pub(super) fn is_of(&self, dimension: &str) -> bool {
        self.field.name() == dimension && self.field.variable.dimensions == [dimension]
    }

    /// Where its value is for the variable's element of an index.
    pub(super) fn at(&self, index: &[usize]) -> usize {
        index.iter().zip(&self.steps).map(|(at, step)| at * step).sum()
    }
}

impl Table {
    /// Names of the variable's dimensions.
    pub(super) fn dimensions(&self) -> &[String] {
        &self.value.variable.dimensions
    }

    pub(super) fn shape(&self) -> Vec<usize> {
        self.value.variable.grid.shape().iter().map(|length| *length as usize).collect()
    }

    /// The index of the variable's element of a place in C order.
    pub(super) fn index(&self, mut place: usize) -> Vec<usize> {
        let shape = self.shape();
        let mut index = vec![0; shape.len()];
        for (at, length) in index.iter_mut().zip(&shape).rev() {
            *at = place % length.max(&1);
            place /= length.max(&1);
        }
        index
    }

    /// What a place along a dimension is called: the value of the dimension's coordinate, or its number.
    pub(super) fn label(&self, axis: usize, at: usize) -> String {
        let dimension = &self.dimensions()[axis];
        let coordinate = self.coordinates.iter().find(|coordinate| coordinate.is_of(dimension));
        coordinate.map_or_else(|| at.to_string(), |coordinate| coordinate.field.label(at))
    }
}
