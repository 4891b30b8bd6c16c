//! What reducing a compressed variable costs at least, for `make bench`: one pass over its chunks that reads, inflates,
//! unshuffles and reduces, with nothing else around it, on all cores.
//!
//!     cargo run --release -p integration-tests --example floor -- MODE PLAN RESULT
//!
//! `PLAN` is JSON: where the chunks are, one time step each, of shuffled and deflated `f4`. `RESULT` gets `f4`: a field for
//! each month (`climatology`), one field (`timmean`), a number for each chunk (`fldmean`; `inflate`: the value of a cell).
//! NaN is missing.

use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;
use std::thread;

use libdeflater::Decompressor;
use serde::Deserialize;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Lanes of a sum: so many are added at once.
const LANES: usize = 8;
const PLANES: usize = size_of::<f32>();

/// A variable in a file.
#[derive(Deserialize)]
struct Plan {
    file: String,
    /// Cells of a row.
    columns: usize,
    /// The weight of a cell, for each row.
    weights: Vec<f64>,
    /// The cell that `inflate` tells.
    cell: usize,
    chunks: Vec<Chunk>,
}

#[derive(Deserialize, Clone, Copy)]
struct Chunk {
    offset: u64,
    length: usize,
    /// From 0.
    month: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, plan, result] = arguments.as_slice() else {
        return Err("MODE PLAN RESULT".into());
    };
    let plan: Plan = serde_json::from_slice(&fs::read(plan)?)?;
    let result = File::create(result)?;
    match mode.as_str() {
        "climatology" => per_cell(&plan, |chunk| chunk.month, &result),
        "timmean" => per_cell(&plan, |_| 0, &result),
        "fldmean" => per_chunk(&plan, |inflated, row| field_mean(&plan, inflated, row), &result),
        "inflate" => per_chunk(&plan, |inflated, _| cell(inflated, plan.cell), &result),
        _ => Err("MODE is climatology, timmean, fldmean or inflate".into()),
    }
}

/// The mean of each group of chunks, cell by cell.
fn per_cell(plan: &Plan, group: impl Fn(&Chunk) -> usize + Sync, result: &File) -> Result<()> {
    let mut sorted = plan.chunks.clone();
    sorted.sort_by_key(&group);
    let count = sorted.iter().map(&group).max().map_or(0, |last| last + 1);
    let mut groups: Vec<Group> = (0..count).map(|_| Group::default()).collect();
    for chunk in &sorted {
        groups[group(chunk)].left += 1;
    }
    let groups: Vec<Mutex<Group>> = groups.into_iter().map(Mutex::new).collect();
    let cells = plan.weights.len() * plan.columns;
    on_all_cores(&sorted, |mine| {
        let mut reader = Reader::new(plan)?;
        let mut row = vec![0.0; plan.columns];
        for run in mine.chunk_by(|one, next| group(one) == group(next)) {
            let mut sums = Sums::new(cells);
            for chunk in run {
                let inflated = reader.read(chunk)?;
                sums.steps += 1;
                for begin in (0..cells).step_by(plan.columns) {
                    unshuffle(inflated, begin, &mut row);
                    sums.add(begin, &row);
                }
            }
            let number = group(&run[0]);
            let mut whole = groups[number].lock().map_err(|_| "another thread failed")?;
            whole.left -= run.len();
            let sums = match whole.sums.take() {
                Some(other) => sums.and(&other),
                None => sums,
            };
            if whole.left == 0 {
                drop(whole);
                write(result, number * cells, &sums.means())?;
            } else {
                whole.sums = Some(sums);
            }
        }
        Ok(())
    })
}

/// A number of each chunk, given its bytes and space for a row.
fn per_chunk(plan: &Plan, of: impl Fn(&[u8], &mut [f32]) -> f32 + Sync, result: &File) -> Result<()> {
    let numbered: Vec<(usize, Chunk)> = plan.chunks.iter().copied().enumerate().collect();
    on_all_cores(&numbered, |mine| {
        let mut reader = Reader::new(plan)?;
        let mut row = vec![0.0; plan.columns];
        let mut numbers = Vec::with_capacity(mine.len());
        for (_, chunk) in mine {
            numbers.push(of(reader.read(chunk)?, &mut row));
        }
        write(result, mine[0].0, &numbers)
    })
}

/// Gives each core its share, one behind the other.
fn on_all_cores<T: Sync>(all: &[T], work: impl Fn(&[T]) -> Result<()> + Sync) -> Result<()> {
    let cores = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let shares = all.chunks(all.len().div_ceil(cores).max(1));
        let threads: Vec<_> = shares.map(|share| scope.spawn(|| work(share))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread failed")?)
    })
}

/// Reads and inflates, into the same memory each time.
struct Reader {
    file: File,
    decompressor: Decompressor,
    stored: Vec<u8>,
    inflated: Vec<u8>,
}

impl Reader {
    fn new(plan: &Plan) -> Result<Self> {
        let inflated = vec![0; plan.weights.len() * plan.columns * PLANES];
        let (file, decompressor) = (File::open(&plan.file)?, Decompressor::new());
        Ok(Self { file, decompressor, stored: Vec::new(), inflated })
    }

    fn read(&mut self, chunk: &Chunk) -> Result<&[u8]> {
        self.stored.resize(chunk.length, 0);
        self.file.read_exact_at(&mut self.stored, chunk.offset)?;
        let length = self.decompressor.zlib_decompress(&self.stored, &mut self.inflated)?;
        if length == self.inflated.len() { Ok(&self.inflated) } else { Err("a chunk is too short".into()) }
    }
}

/// The values from a place on: HDF5's shuffle has all first bytes, all second bytes, and so on.
fn unshuffle(inflated: &[u8], begin: usize, values: &mut [f32]) {
    let cells = inflated.len() / PLANES;
    let plane = |number: usize| &inflated[number * cells + begin..][..values.len()];
    let (first, second, third, fourth) = (plane(0), plane(1), plane(2), plane(3));
    let bytes = first.iter().zip(second).zip(third).zip(fourth);
    for (value, (((first, second), third), fourth)) in values.iter_mut().zip(bytes) {
        *value = f32::from_le_bytes([*first, *second, *third, *fourth]);
    }
}

fn cell(inflated: &[u8], place: usize) -> f32 {
    let mut value = [0.0];
    unshuffle(inflated, place, &mut value);
    value[0]
}

/// The mean of a field, weighted by row.
fn field_mean(plan: &Plan, inflated: &[u8], row: &mut [f32]) -> f32 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (number, weight) in plan.weights.iter().enumerate() {
        unshuffle(inflated, number * plan.columns, row);
        let (of_row, count) = sum_and_count(row);
        sum += weight * of_row;
        total += weight * f64::from(count);
    }
    (sum / total) as f32
}

fn sum_and_count(values: &[f32]) -> (f64, u32) {
    let (mut sums, mut counts) = ([0.0; LANES], [0_u32; LANES]);
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            sums[lane] += if block[lane].is_nan() { 0.0 } else { f64::from(block[lane]) };
            counts[lane] += u32::from(!block[lane].is_nan());
        }
    }
    let known = rest.iter().filter(|value| !value.is_nan());
    let (sum, count) = known.fold((0.0, 0), |(sum, count), value| (sum + f64::from(*value), count + 1));
    (sums.iter().sum::<f64>() + sum, counts.iter().sum::<u32>() + count)
}

/// What there is of a group.
#[derive(Default)]
struct Group {
    /// Chunks that are not in it.
    left: usize,
    sums: Option<Sums>,
}

/// The sum of the values of each cell.
struct Sums {
    totals: Vec<f64>,
    /// How many of each cell are missing. Empty as long as none is.
    missing: Vec<u32>,
    steps: u32,
}

impl Sums {
    fn new(cells: usize) -> Self {
        Self { totals: vec![0.0; cells], missing: Vec::new(), steps: 0 }
    }

    fn add(&mut self, begin: usize, values: &[f32]) {
        let totals = &mut self.totals[begin..][..values.len()];
        if !values.iter().fold(false, |missing, value| missing | value.is_nan()) {
            totals.iter_mut().zip(values).for_each(|(total, value)| *total += f64::from(*value));
            return;
        }
        self.missing.resize(self.totals.len(), 0);
        for ((total, missing), value) in
            self.totals[begin..].iter_mut().zip(&mut self.missing[begin..]).zip(values)
        {
            *total += if value.is_nan() { 0.0 } else { f64::from(*value) };
            *missing += u32::from(value.is_nan());
        }
    }

    fn and(mut self, other: &Self) -> Self {
        self.totals.iter_mut().zip(&other.totals).for_each(|(total, other)| *total += other);
        if !other.missing.is_empty() {
            self.missing.resize(self.totals.len(), 0);
            self.missing.iter_mut().zip(&other.missing).for_each(|(missing, other)| *missing += other);
        }
        self.steps += other.steps;
        self
    }

    fn means(&self) -> Vec<f32> {
        let steps = f64::from(self.steps);
        if self.missing.is_empty() {
            return self.totals.iter().map(|total| (total / steps) as f32).collect();
        }
        let cells = self.totals.iter().zip(&self.missing);
        cells.map(|(total, missing)| (total / (steps - f64::from(*missing))) as f32).collect()
    }
}

/// Writes numbers behind this many others.
fn write(result: &File, behind: usize, numbers: &[f32]) -> Result<()> {
    let mut bytes = vec![0; numbers.len() * PLANES];
    for (place, number) in bytes.as_chunks_mut::<PLANES>().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    Ok(result.write_all_at(&bytes, (behind * PLANES) as u64)?)
}
