//! The dimensions of a file and which of them each variable has, named as netCDF-C names them.

use std::collections::HashMap;

use super::{
    native::{Extent, Token},
    netcdf4::Structure,
    walk::FoundGroup,
};

/// A dimension.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dimension {
    /// Its name, without its group.
    pub(super) name: String,
    /// The group that it belongs to.
    pub(super) group: usize,
    /// Its length, in elements.
    pub(super) length: u64,
    /// Whether it can grow.
    pub(super) unlimited: bool,
}

/// The dimensions of a file.
#[derive(Default)]
pub(super) struct Dimensions {
    all: Vec<Dimension>,
    by_scale: HashMap<Token, usize>,
    by_id: HashMap<i32, usize>,
    of_group: HashMap<usize, Vec<usize>>,
    of_variable: HashMap<(usize, usize), Vec<usize>>,
    next_id: i32,
}

/// Structures of the datasets of each group, in the order of [`FoundGroup::datasets`].
pub(super) type Structures = Vec<Vec<Option<Structure>>>;

impl Dimensions {
    /// Finds the dimensions of a file: those that scales name, and phony ones for the rest.
    pub(super) fn find(groups: &[FoundGroup], structures: &Structures) -> Self {
        let mut dimensions = Self::default();
        for (group, (found, structures)) in groups.iter().zip(structures).enumerate() {
            for (dataset, structure) in found.datasets.iter().zip(structures) {
                if let Some(structure) = structure.as_ref().filter(|structure| structure.is_scale) {
                    dimensions.add_scale(group, &dataset.name, dataset.token, structure);
                }
            }
        }
        dimensions.assign(groups, structures);
        dimensions.grow(structures);
        dimensions
    }

    /// The dimensions of a variable.
    pub(super) fn of(&self, group: usize, dataset: usize) -> impl Iterator<Item = &Dimension> {
        let places = self.of_variable.get(&(group, dataset)).map_or(&[][..], Vec::as_slice);
        places.iter().map(|&place| &self.all[place])
    }

    /// All that can grow.
    pub(super) fn unlimited(&self) -> impl Iterator<Item = &Dimension> {
        self.all.iter().filter(|dimension| dimension.unlimited)
    }

    fn add(&mut self, dimension: Dimension, id: i32) -> usize {
        let place = self.all.len();
        self.next_id = self.next_id.max(id.saturating_add(1));
        self.by_id.entry(id).or_insert(place);
        self.of_group.entry(dimension.group).or_default().push(place);
        self.all.push(dimension);
        place
    }

    fn add_scale(&mut self, group: usize, name: &str, token: Token, structure: &Structure) {
        let Extent::Simple { shape, unlimited } = &structure.extent else { return };
        let (Some(&length), Some(&unlimited)) = (shape.first(), unlimited.first()) else { return };
        let dimension = Dimension { name: name.to_owned(), group, length, unlimited };
        let id = structure.dimension_id.unwrap_or(self.next_id);
        let place = self.add(dimension, id);
        self.by_scale.entry(token).or_insert(place);
    }

    /// Inner groups come first, as in netCDF-C: the numbers in phony names depend on it.
    fn assign(&mut self, groups: &[FoundGroup], structures: &Structures) {
        for group in inner_first(groups) {
            for (at, structure) in structures[group].iter().enumerate() {
                let Some(structure) = structure.as_ref().filter(|structure| !structure.is_dimension_only)
                else {
                    continue;
                };
                let token = groups[group].datasets[at].token;
                let places = self.places(group, token, structure);
                self.of_variable.insert((group, at), places);
            }
        }
    }

    fn places(&mut self, group: usize, token: Token, structure: &Structure) -> Vec<usize> {
        let Extent::Simple { shape, unlimited } = &structure.extent else { return Vec::new() };
        let numbered = structure.dimension_ids.as_ref().and_then(|ids| self.numbered(ids, shape));
        if let Some(places) = numbered {
            return places;
        }
        let own = self.by_scale.get(&token).copied().filter(|_| structure.is_scale);
        let mut places: Vec<usize> = Vec::with_capacity(shape.len());
        for (axis, (&length, &unlimited)) in shape.iter().zip(unlimited).enumerate() {
            let scale = structure.scales.get(axis).copied().flatten();
            let named = scale.and_then(|scale| self.by_scale.get(&scale).copied());
            let place = named
                .or(own.filter(|_| axis == 0))
                .unwrap_or_else(|| self.phony(group, length, unlimited, &places));
            places.push(place);
        }
        places
    }

    /// Dimensions by netCDF's numbers, if all are there and fit.
    fn numbered(&self, ids: &[i32], shape: &[u64]) -> Option<Vec<usize>> {
        let fits = |(id, length): (&i32, &u64)| {
            let place = *self.by_id.get(id)?;
            let dimension = &self.all[place];
            (dimension.unlimited || dimension.length == *length).then_some(place)
        };
        ids.iter().zip(shape).map(fits).collect()
    }

    /// A dimension of the group of the same length that the variable does not have yet, or else a new one.
    fn phony(&mut self, group: usize, length: u64, unlimited: bool, taken: &[usize]) -> usize {
        let fits = |place: &&usize| {
            let dimension = &self.all[**place];
            dimension.length == length && dimension.unlimited == unlimited && !taken.contains(place)
        };
        if let Some(&place) = self.of_group.get(&group).and_then(|places| places.iter().find(fits)) {
            return place;
        }
        let id = self.next_id;
        self.add(Dimension { name: format!("phony_dim_{id}"), group, length, unlimited }, id)
    }

    /// A dimension that can grow is as long as its longest variable: the others read as their fill value beyond.
    fn grow(&mut self, structures: &Structures) {
        for ((group, at), places) in &self.of_variable {
            let Some(structure) = structures.get(*group).and_then(|s| s.get(*at)).and_then(Option::as_ref)
            else {
                continue;
            };
            for (place, length) in places.iter().zip(structure.extent.shape()) {
                let dimension = &mut self.all[*place];
                if dimension.unlimited {
                    dimension.length = dimension.length.max(*length);
                }
            }
        }
    }
}

/// The groups, each after those in it, siblings in their order.
fn inner_first(groups: &[FoundGroup]) -> Vec<usize> {
    let mut inner = vec![Vec::new(); groups.len()];
    for (place, group) in groups.iter().enumerate().skip(1) {
        inner[group.parent].push(place);
    }
    // Outer groups first and siblings backwards, turned round.
    let mut order = Vec::with_capacity(groups.len());
    let mut waiting = vec![0];
    while let Some(place) = waiting.pop() {
        order.push(place);
        waiting.extend(&inner[place]);
    }
    order.reverse();
    order
}
