//! Scans files and prints what is in them: a look at the crate from outside.
//!
//!     cargo run -p formats --example scan -- [--quiet] FILE…
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{path::Path, time::Instant};

use formats::{ScanOptions, scan};
use model::ChunkRef;

fn main() {
    let mut quiet = false;
    for argument in std::env::args().skip(1) {
        if argument == "--quiet" {
            quiet = true;
            continue;
        }
        let start = Instant::now();
        let result = scan(Path::new(&argument), &ScanOptions::default(), &mut |_, _| {});
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        match result {
            Err(error) => println!("FAILED {error}"),
            Ok(found) => {
                let chunks: usize = found.variables.iter().map(|variable| variable.manifest.len()).sum();
                let variables = found.variables.len();
                println!("{argument}: {variables} variables, {chunks} chunks, {milliseconds:.1} ms");
                for warning in &found.warnings {
                    println!("  ! {warning}");
                }
                if !quiet {
                    found.variables.iter().for_each(print);
                    println!("  unlimited {:?}", found.unlimited_dimensions);
                }
            }
        }
    }
}

fn print(scanned: &model::ScannedVariable) {
    let variable = &scanned.variable;
    let stored = scanned.manifest.iter().filter(|(_, chunk)| *chunk != ChunkRef::Missing).count();
    println!(
        "  {} {:?} {:?} {:?} {:?} chunks {:?} ({stored} of {}) {:?} fill {:?}",
        variable.path,
        variable.dimensions,
        variable.grid.shape(),
        variable.data_type,
        scanned.layout,
        variable.grid.chunk_shape(),
        scanned.manifest.len(),
        variable.codecs,
        variable.fill_value,
    );
}
