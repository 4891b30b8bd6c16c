//! How long decoding a GRIB message takes, for `make bench`: prints seconds (the fastest of the rounds) and the sum of
//! the values, which shows that they are right.
//!
//!     cargo run --release --example grib_values -- FILE POINTS ROUNDS
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, points, rounds] = arguments.as_slice() else {
        return Err("FILE POINTS ROUNDS".into());
    };
    let (message, points) = (std::fs::read(path)?, points.parse()?);
    let (mut fastest, mut sum) = (Duration::MAX, 0.0);
    for _ in 0..rounds.parse()? {
        let begin = Instant::now();
        let values: Vec<f64> = formats::grib::decode::values(&message, points)?;
        fastest = fastest.min(begin.elapsed());
        sum = values.iter().sum();
    }
    println!("{} {sum}", fastest.as_secs_f64());
    Ok(())
}
