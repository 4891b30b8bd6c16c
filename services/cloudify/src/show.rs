//! Previews and progress as text for people.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::preview::{ArrayPreview, Preview};

/// A preview as a table of arrays, a summary and the warnings.
pub(crate) fn preview(preview: &Preview) -> String {
    let mut text = String::new();
    let rows: Vec<[String; 6]> = preview.arrays.iter().map(row).collect();
    let header = ["array", "type", "shape", "chunks", "codecs", "stored"].map(str::to_owned);
    let widths: Vec<usize> = (0..6)
        .map(|column| rows.iter().chain([&header]).map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in std::iter::once(&header).chain(&rows) {
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    let _ = writeln!(text, "\n{}", summary(preview));
    for warning in &preview.warnings {
        let subject =
            if warning.subject.is_empty() { String::new() } else { format!("{}: ", warning.subject) };
        let _ = writeln!(text, "warning: {subject}{}", warning.message);
    }
    text
}

/// Shows how far the work is, on a terminal, in one line that is written over: how fast it goes and what remains.
pub(crate) fn progress(stage: &str, done: u64, total: u64) {
    static BEGUN: Mutex<Option<(String, Instant, u64)>> = Mutex::new(None);
    if !std::io::stderr().is_terminal() {
        return;
    }
    let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, since, first) = match &mut *begun {
        Some(known) if known.0 == stage && known.2 <= done => known,
        other => other.insert((stage.to_owned(), Instant::now(), done)),
    };
    let pace = pace(done - *first, total.saturating_sub(done), since.elapsed());
    eprint!("\r\x1b[K{stage} {done} of {total}{pace}");
}

/// How many a second, and the time that the rest will take; nothing while that is a guess.
fn pace(done: u64, left: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if done == 0 || seconds < 1.0 {
        return String::new();
    }
    let rate = done as f64 / seconds;
    let rest = (left as f64 / rate).ceil() as u64;
    let rest = match rest {
        0..120 => format!("{rest} s"),
        120..7200 => format!("{} min", rest.div_ceil(60)),
        _ => format!("{} h", rest.div_ceil(3600)),
    };
    if rate >= 10.0 { format!(", {rate:.0}/s, {rest} left") } else { format!(", {rate:.1}/s, {rest} left") }
}

/// Wipes the line of [`progress`].
pub(crate) fn end_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

fn row(array: &ArrayPreview) -> [String; 6] {
    let dims: Vec<String> =
        array.dimensions.iter().zip(&array.shape).map(|(name, length)| format!("{name}={length}")).collect();
    let chunks: Vec<String> = array.chunks.iter().map(u64::to_string).collect();
    let mut chunk_text = format!("{} of {}", array.chunk_count, chunks.join("×"));
    if chunks.is_empty() {
        chunk_text = array.chunk_count.to_string();
    }
    if array.in_place {
        chunk_text.push_str(", in place");
    }
    if array.missing_chunks > 0 {
        let _ = write!(chunk_text, ", {} missing", array.missing_chunks);
    }
    if array.computed_chunks > 0 {
        let _ = write!(chunk_text, ", {} made on demand", array.computed_chunks);
    }
    if array.inlined_chunks > 0 {
        chunk_text.push_str(", inlined");
    }
    let codecs = if array.codecs.is_empty() { "-".to_owned() } else { array.codecs.join("+") };
    let stored = if array.in_place { "?".to_owned() } else { size(array.stored_bytes) };
    [array.path.clone(), array.dtype.clone(), dims.join(" "), chunk_text, codecs, stored]
}

fn summary(preview: &Preview) -> String {
    let files = if preview.files == 1 { "1 file".to_owned() } else { format!("{} files", preview.files) };
    let at_least = if preview.arrays.iter().any(|array| array.in_place) { "at least " } else { "" };
    let mut text = format!(
        "{files}, {} arrays, {at_least}{} stored, {} decoded",
        preview.arrays.len(),
        size(preview.stored_bytes),
        size(preview.decoded_bytes)
    );
    if let Some(record) = &preview.record_dimension {
        let _ = write!(text, "; joined along {} ({})", record.name, record.length);
        if let (Some(first), Some(last)) = (&record.first, &record.last) {
            let _ = write!(text, " from {first} to {last}");
        }
    }
    text
}

/// Bytes in binary units with three digits at most.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_says_how_long_it_will_take() {
        let pace = |done, left, seconds| pace(done, left, Duration::from_secs(seconds));
        assert_eq!(pace(500, 1500, 10), ", 50/s, 30 s left");
        assert_eq!(pace(5, 1800, 10), ", 0.5/s, 60 min left");
        assert_eq!(pace(1, 100_000, 1), ", 1.0/s, 28 h left");
        assert_eq!((pace(0, 10, 10), pace(10, 10, 0)), (String::new(), String::new()));
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            [size(0), size(1023), size(1536), size(200 << 30)],
            ["0 B", "1023 B", "1.5 KiB", "200 GiB"]
        );
    }

    #[test]
    fn a_preview_reads_as_a_table() {
        let array = ArrayPreview {
            path: "tas".into(),
            dtype: "<f4".into(),
            dimensions: vec!["time".into(), "cell".into()],
            shape: vec![24, 100],
            chunks: vec![1, 100],
            codecs: vec!["shuffle".into(), "zlib".into()],
            chunk_count: 24,
            missing_chunks: 2,
            stored_bytes: 4096,
            ..ArrayPreview::default()
        };
        let stays = ArrayPreview { path: "pr".into(), in_place: true, missing_chunks: 0, ..array.clone() };
        let arrays = vec![array, stays];
        insta::assert_snapshot!(preview(&Preview { files: 2, arrays, ..Preview::default() }));
    }
}
