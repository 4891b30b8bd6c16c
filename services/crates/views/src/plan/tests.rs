//! Plans are evaluated here with all chunks in memory: the result must not depend on how the dataset, or the result, is cut.

use std::sync::Arc;

use bytes::Bytes;
use model::{
    AttributeValue, Attributes, ByteOrder, ChunkGrid, DataType, Dataset, Group, NodePath, Region, Variable,
};
use proptest::prelude::*;

use super::*;
use crate::array::Made;
use crate::compute::{
    Inputs, Joined, Leaf, Leaves, Partial, evaluate, evaluate_block, leaves, leaves_of_block,
    leaves_of_input, travels,
};

/// A dataset and the elements of its variables, whole.
struct Whole {
    dataset: Dataset,
    elements: Vec<Bytes>,
}

/// Chunks of a dataset, and a check that they are asked for as it was said they would be.
struct Chunks<'a> {
    whole: &'a Whole,
    expected: Vec<Leaf>,
}

impl Leaves for Chunks<'_> {
    fn elements(&mut self, leaf: Leaf) -> model::Result<Bytes> {
        let expected = self.expected.remove(0);
        assert_eq!(format!("{leaf:?}"), format!("{expected:?}"));
        match leaf {
            Leaf::Chunk { variable, number } => {
                let of = &self.whole.dataset.variables[variable];
                let region = of.grid.region(&of.grid.index(number));
                let size = of.data_type.size().unwrap();
                let cut = region.cut(&self.whole.elements[variable], of.grid.shape(), size).unwrap();
                let mut chunk = vec![0xee; of.grid.chunk_shape().iter().product::<u64>() as usize * size];
                let into = Region { start: vec![0; region.extent.len()], extent: region.extent };
                into.paste(&cut, &mut chunk, of.grid.chunk_shape(), size).unwrap();
                Ok(chunk.into())
            }
            Leaf::Block { array, number } => {
                let region = array.block(number)?;
                let expected = leaves_of_block(&array, &region).unwrap();
                let mut inner = Chunks { whole: self.whole, expected };
                let elements = evaluate_block(&array, &region, &mut inner)?;
                assert_eq!(inner.expected.len(), 0);
                if let Some(by_sections) = self.whole.by_sections(&array, &region) {
                    assert_eq!(by_sections, elements, "the bits depend on who makes the sections");
                }
                Ok(elements)
            }
        }
    }
}

impl Whole {
    /// A block of a reduction of which others make the sections; none where their states do not travel.
    fn by_sections(&self, array: &Array, region: &Region) -> Option<Bytes> {
        let Made::Reduced(reduced) = &array.made else { return None };
        let groups = reduced.groups_of(region.clone());
        let inputs = Inputs::new(reduced, &groups);
        let mut whole = Joined::default();
        for section in (0..inputs.sections()).filter(|_| travels(reduced)) {
            let mut joined = Joined::default();
            for number in inputs.parts_of(section) {
                let mut part = Partial::new(reduced, &groups).unwrap();
                for input in inputs.part(number) {
                    let expected = leaves_of_input(reduced, &input).unwrap();
                    let mut chunks = Chunks { whole: self, expected };
                    part.add(reduced, &groups, &input, &mut chunks).unwrap();
                }
                joined.push(&inputs, number, part);
            }
            let bytes = joined.into_partial().unwrap().to_bytes().unwrap();
            assert!(Partial::from_bytes(reduced, &groups, &bytes[..bytes.len() - 1]).is_err());
            whole.push_section(Partial::from_bytes(reduced, &groups, &bytes).unwrap());
        }
        travels(reduced).then(|| whole.finish(array.data_type).unwrap())
    }

    fn region(&self, array: &Arc<Array>, region: &Region) -> Bytes {
        let mut chunks = Chunks { whole: self, expected: leaves(array, region).unwrap() };
        let elements = evaluate(array, region, &mut chunks).unwrap();
        assert_eq!(chunks.expected.len(), 0);
        let size = array.data_type.size().unwrap() as u64;
        assert_eq!(elements.len() as u64, region.elements() * size);
        elements
    }

    fn plan(&self, steps: &str) -> Result<Plan, Refusal> {
        let steps = Steps::parse(steps).unwrap();
        let mut known = Known::new();
        loop {
            match plan(&self.dataset, &steps, &known) {
                Ok(plan) => return Ok(plan),
                Err(Unplanned::Refused(refusal)) => return Err(refusal),
                Err(Unplanned::Needs(place)) => {
                    assert!(known.insert(place, self.elements[place].clone()).is_none());
                }
            }
        }
    }

    /// All elements of a variable of a plan as doubles, chunk by chunk.
    fn numbers(&self, plan: &Plan, name: &str) -> Vec<f64> {
        let place = plan.dataset.variables.iter().position(|variable| variable.path.as_str() == name);
        let place = place.unwrap_or_else(|| panic!("{name} is not there"));
        let (variable, array) = (&plan.dataset.variables[place], &plan.arrays[place]);
        let size = array.data_type.size().unwrap();
        let mut all = vec![0; variable.grid.shape().iter().product::<u64>() as usize * size];
        for number in 0..variable.grid.chunk_count() {
            let region = variable.grid.region(&variable.grid.index(number));
            let elements = self.region(array, &region);
            region.paste(&elements, &mut all, variable.grid.shape(), size).unwrap();
        }
        match array.data_type {
            DataType::F32 => {
                all.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect()
            }
            DataType::F64 => all.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            DataType::I64 => {
                all.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f64).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

mod grids;
mod kinds;
mod merging;

fn variable(name: &str, dimensions: &[(&str, u64, u64)], data_type: DataType) -> Variable {
    let shape = dimensions.iter().map(|(_, length, _)| *length).collect();
    let chunk_shape = dimensions.iter().map(|(_, _, chunk)| *chunk).collect();
    Variable {
        path: NodePath::parse(name).unwrap(),
        dimensions: dimensions.iter().map(|(name, ..)| (*name).to_owned()).collect(),
        data_type,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(shape, chunk_shape).unwrap(),
        codecs: Vec::new(),
        fill_value: None,
        attributes: Attributes::new(),
    }
}

/// Temperatures of 30 days at 5 × 7 places, every eleventh missing, and a mask of integers without time.
fn days(chunks: [u64; 3]) -> Whole {
    let dimensions = [("time", 30, chunks[0]), ("lat", 5, chunks[1]), ("lon", 7, chunks[2])];
    let mut variables = vec![
        variable("time", &dimensions[..1], DataType::F64),
        variable("lat", &dimensions[1..2], DataType::F64),
        variable("lon", &dimensions[2..], DataType::F64),
        variable("tas", &dimensions, DataType::F32),
        variable("mask", &dimensions[1..], DataType::I16),
    ];
    let mut set = |place: usize, name: &str, text: &str| {
        variables[place].attributes.set(name, AttributeValue::Text(text.to_owned()));
    };
    set(0, "units", "days since 2001-01-20");
    set(1, "units", "degrees_north");
    set(2, "units", "degrees_east");
    set(3, "units", "K");
    let doubles =
        |numbers: &mut dyn Iterator<Item = f64>| numbers.flat_map(f64::to_le_bytes).collect::<Bytes>();
    let tas =
        |place: u64| if place % 11 == 3 { f32::NAN } else { 270.0 + (place * 7919 % 1000) as f32 / 16.0 };
    let elements = vec![
        doubles(&mut (0..30).map(f64::from)),
        doubles(&mut (0..5).map(|row| -60.0 + 30.0 * f64::from(row))),
        doubles(&mut (0..7).map(|column| 50.0 * f64::from(column))),
        (0..30 * 5 * 7).flat_map(|place| tas(place).to_le_bytes()).collect(),
        (0..35_i16).flat_map(i16::to_le_bytes).collect(),
    ];
    let groups = vec![Group::default()];
    Whole { dataset: Dataset { groups, variables }, elements }
}

const CHAINS: [&str; 24] = [
    "isel=time:3..25..4,lon:2",
    "isel=time:7;3;3;29,lat:-1",
    "sel=lat:-40..40,lon:-60..60",
    "sel=time:2001-02",
    "mean=time",
    "mean=lat,lon",
    "sum=time,lon",
    "count=lat",
    "min=lon",
    "max=time,lat,lon",
    "std=time",
    "variance=lat,lon",
    "first=time",
    "last=time",
    "median=time",
    "quantile=0.1;0.5;0.9:lat,time",
    "groupby=time.month:mean",
    "groupby=time.day:max",
    "resample=time:7D:mean",
    "coarsen=lat:2,lon:3:mean:trim|isel=time:2..9",
    "coarsen=time:7:std:pad",
    "fldmean",
    "anomaly=time.month|mean=lon",
    "arith=tas:tas*mask-2|groupby=lat:sum|resample=time:10D:last",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn results_do_not_depend_on_chunks(
        chain in prop::sample::select(&CHAINS),
        chunks in [1_u64..32, 1_u64..6, 1_u64..8],
        result in [1_u64..32, 1_u64..6, 1_u64..8],
    ) {
        let (one, other) = (days([30, 5, 7]), days(chunks));
        let expected = one.plan(chain).unwrap();
        let names = ["time", "lat", "lon"].iter().zip(result);
        let there = |name: &str| {
            let mut dimensions = expected.dataset.variables.iter().flat_map(|variable| &variable.dimensions);
            dimensions.any(|dimension| dimension == name)
        };
        let cut: Vec<_> = names.filter(|(name, _)| there(name)).map(|(name, n)| format!("{name}:{n}")).collect();
        let chain = if cut.is_empty() { chain.to_owned() } else { format!("{chain}|chunks={}", cut.join(",")) };
        let found = other.plan(&chain).unwrap();
        let shapes = |plan: &Plan| plan.dataset.variables.iter().map(|variable| {
            (variable.path.to_string(), variable.grid.shape().to_vec(), variable.data_type)
        }).collect::<Vec<_>>();
        prop_assert_eq!(shapes(&expected), shapes(&found));
        for variable in &expected.dataset.variables {
            let name = variable.path.as_str();
            if variable.data_type == DataType::I16 {
                continue;
            }
            let pairs = one.numbers(&expected, name).into_iter().zip(other.numbers(&found, name));
            for (expected, found) in pairs {
                let is_close = (expected - found).abs() <= 1e-6 * expected.abs().max(1.0);
                prop_assert!(is_close || expected.is_nan() && found.is_nan(), "{chain} {name}: {expected} {found}");
            }
        }
    }
}

#[test]
fn a_reduction_goes_without_what_is_missing() {
    let whole = days([4, 5, 3]);
    let plan = whole.plan("isel=time:0..2|mean=time").unwrap();
    let tas = whole.numbers(&plan, "tas");
    let at = |time: u64, place: u64| 270.0 + ((time * 35 + place) * 7919 % 1000) as f64 / 16.0;
    // Place 3 is missing at the first time, and there at the second.
    assert_eq!((tas[0], tas[3]), (f64::midpoint(at(0, 0), at(1, 0)), at(1, 3)));
    let mask = whole.numbers(&whole.plan("mean=lat,lon").unwrap(), "mask");
    assert_eq!(mask, [17.0]);
}

#[test]
fn attributes_say_what_was_done() {
    let whole = days([4, 5, 3]);
    let plan = whole.plan("resample=time:10D:mean|convert=tas:degC|isel=lat:0").unwrap();
    let tas = plan.dataset.variable("tas").unwrap();
    assert_eq!(tas.attributes.text("cell_methods"), Some("time: mean"));
    assert_eq!(tas.attributes.text("units"), Some("degC"));
    assert_eq!(tas.attributes.text("coordinates"), Some("lat"));
    assert_eq!(plan.dataset.variable("time").unwrap().attributes.text("bounds"), Some("time_bnds"));
    let history = plan.dataset.attributes().unwrap().text("history");
    assert_eq!(history, Some("cloudify view resample=time:10D:mean|convert=tas:degC|isel=lat:0"));
}

#[test]
fn what_cannot_be_done_is_refused_with_step_and_reason() {
    let whole = days([4, 5, 3]);
    for (steps, number, words) in [
        ("isel=time:0|mean=time", 2, "no dimension time (there are lat, lon)"),
        ("isel=time:40", 1, "30 places, 0 to 29: there is no place 40"),
        ("isel=time:9..3", 1, "nothing"),
        ("var=pr", 1, "no variable pr (there are time, lat, lon, tas, mask)"),
        ("groupby=lat.month:mean", 1, "lat is no coordinate of time"),
        ("coarsen=time:7:mean", 1, "no multiple of 7: add :trim or :pad"),
        ("convert=tas:hPa", 1, "temperature"),
        ("fldmean=time", 1, "time is no dimension of the horizontal grid"),
    ] {
        let steps = Steps::parse(steps).map_err(|error| error.to_string());
        let refusal = match &steps {
            Ok(steps) => whole.plan(&steps.to_string()).unwrap_err(),
            Err(error) => {
                assert!(error.contains(words), "{error}");
                continue;
            }
        };
        assert_eq!(refusal.number, number, "{refusal}");
        assert!(refusal.reason.contains(words), "{refusal}");
    }
}

#[test]
fn few_places_of_large_chunks_are_made_of_tiles() {
    let dimensions = [("time", 6, 1), ("y", 80, 80), ("x", 100, 100)];
    let variables = vec![variable("v", &dimensions, DataType::F32)];
    let elements = vec![(0..48_000).flat_map(|place| (place as f32).to_le_bytes()).collect()];
    let whole = Whole { dataset: Dataset { groups: vec![Group::default()], variables }, elements };
    for (steps, wanted) in [
        ("isel=y:7,x:33", (0..6).map(|time| f64::from(time * 8000 + 733)).collect::<Vec<_>>()),
        ("isel=x:33,y:7|mean=time", vec![f64::from(5 * 4000 + 733)]),
        ("isel=x:33,y:7..9,time:2", vec![16_733.0, 16_833.0]),
        ("isel=y:2..|isel=y:5,x:10..|isel=x:23", (0..6).map(|time| f64::from(time * 8000 + 733)).collect()),
    ] {
        let plan = whole.plan(steps).unwrap();
        assert_eq!(whole.numbers(&plan, "v"), wanted, "{steps}");
        assert!(format!("{:?}", plan.arrays[0]).contains("Tiled"), "{steps}");
    }
    let plan = whole.plan("isel=time:2").unwrap();
    assert!(!format!("{:?}", plan.arrays[0]).contains("Tiled"));
}

const FRAGMENTS: [&str; 41] = [
    "var=tas",
    "var=mask",
    "isel=time:3",
    "isel=time:-1..",
    "isel=time:....3",
    "isel=lat:0;0;2",
    "isel=lon:1..4",
    "isel=lat:1",
    "sel=lat:0",
    "sel=lat:..10",
    "sel=lon:-100..20",
    "sel=lon:nearest(33)",
    "sel=time:2001-02",
    "sel=time:pad(2001-02-03)",
    "bbox=west:-120,south:-40,east:120,north:80",
    "chunks=time:4,lat:2",
    "chunks=lon:-1",
    "coarsen=lat:2:mean:trim",
    "coarsen=time:4:max:pad",
    "coarsen=lon:3:median:trim",
    "groupby=time.month:mean",
    "groupby=time.season:count",
    "groupby=lat:first",
    "groupby=lat:bins(-90;0;90):sum",
    "groupby=tas:bins(270;290;310;350):mean",
    "groupby=month:last",
    "resample=time:5D:std",
    "resample=time:MS:quantile(0.2;0.7)",
    "mean=time",
    "max=lat,lon",
    "count=lon",
    "quantile=0.5;0.9:time",
    "quantile=0.3:quantile",
    "fldmean",
    "fldmean=lon",
    "anomaly=time.month",
    "anomaly=time.day:2001-01..2001-02",
    "convert=tas:degC",
    "arith=tas:tas+mask",
    "arith=x:1/tas",
    "shard=time:8",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_chain_is_computed_or_refused(
        chain in prop::collection::vec(prop::sample::select(&FRAGMENTS), 1..6),
        chunks in [1_u64..32, 1_u64..6, 1_u64..8],
    ) {
        let (one, other) = (days([30, 5, 7]), days(chunks));
        let steps = chain.join("|");
        let (expected, found) = match (one.plan(&steps), other.plan(&steps)) {
            (Ok(expected), Ok(found)) => (expected, found),
            // How long chunks are decides what a shard may be.
            (one, other) if steps.contains("shard") => {
                prop_assert!(one.is_err() || other.is_err());
                return Ok(());
            }
            (one, other) => {
                prop_assert_eq!(one.err(), other.err());
                return Ok(());
            }
        };
        for variable in &expected.dataset.variables {
            let name = variable.path.as_str();
            prop_assert_eq!(variable.dimensions.len(), variable.grid.shape().len());
            if !matches!(variable.data_type, DataType::F32 | DataType::F64 | DataType::I64) {
                continue;
            }
            let pairs = one.numbers(&expected, name).into_iter().zip(other.numbers(&found, name));
            for (expected, found) in pairs {
                let is_close = (expected - found).abs() <= 1e-4 * expected.abs().max(1.0);
                let is_same = is_close || expected.is_nan() && found.is_nan() || expected.to_bits() == found.to_bits();
                prop_assert!(is_same, "{steps} {name}: {expected} {found}");
            }
        }
    }
}
