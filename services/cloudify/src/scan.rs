//! `cloudify scan`: what would a registration make? Needs no server and no catalog.

use std::path::PathBuf;
use std::sync::Arc;

use engine::ports::{EntryOutcome, RegistrationEvent};
use futures::StreamExt as _;
use worker::register::preview_sources;
use worker::scan::ScanPool;
use worker::storage::{Remotes, Roots};

use crate::cli::ScanOptions;
use crate::compose::scan_command;
use crate::exit::Failure;
use crate::settings::Settings;
use crate::show;

/// Scans files and prints the preview.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) async fn run(options: &ScanOptions, settings: &Settings) -> Result<(), Failure> {
    // Whoever runs the command may look where the operating system lets them.
    let roots = Arc::new(Roots::new(vec![PathBuf::from("/")])?);
    let scans = Arc::new(ScanPool::new(&settings.scan, scan_command()?));
    let sources: Vec<String> =
        options.sources.iter().map(|source| absolute(source)).collect::<Result<_, _>>()?;
    // What is named may be read; what it refers to elsewhere, only if the configuration says so.
    let mut remote = settings.remote.clone();
    remote.prefixes.extend(sources.iter().filter(|source| source.contains("://")).cloned());
    let remotes = Remotes::new(&remote)?;
    let mut events = preview_sources((roots, remotes), scans, sources, &settings.scan);
    while let Some(event) = events.next().await {
        let event = event.inspect_err(|_| show::end_progress())?;
        match event {
            RegistrationEvent::Preview(preview) if options.json => {
                show::end_progress();
                let json = serde_json::to_string_pretty(&preview)
                    .map_err(|error| Failure::Failed(error.to_string()))?;
                println!("{json}");
            }
            RegistrationEvent::Preview(preview) => {
                show::end_progress();
                print!("{}", show::preview(&preview));
            }
            RegistrationEvent::Progress { stage, done, total, .. } => show::progress(&stage, done, total),
            RegistrationEvent::Entry { id, outcome } => entry(&id, &outcome, options.json),
            RegistrationEvent::Summary(summary) if summary.failed > 0 => {
                show::end_progress();
                return Err(Failure::Failed(format!("{} entries of the catalog fail", summary.failed)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// One entry of a catalog.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
fn entry(id: &str, outcome: &EntryOutcome, as_json: bool) {
    show::end_progress();
    match outcome {
        EntryOutcome::Previewed { preview, notes } if as_json => {
            let line = serde_json::json!({"id": id, "preview": preview, "notes": notes});
            println!("{line}");
        }
        EntryOutcome::Previewed { preview, notes } => {
            println!("{id}\n{}", show::preview(preview));
            for note in notes {
                println!("note: {note}");
            }
        }
        EntryOutcome::Skipped(reason) if as_json => {
            println!("{}", serde_json::json!({"id": id, "skipped": reason}));
        }
        EntryOutcome::Skipped(reason) => println!("{id}: skipped: {reason}"),
        EntryOutcome::Failed(error) => eprintln!("{id}: {error}"),
        EntryOutcome::Published { .. } => {}
    }
}

/// A source as a path from the root on: relative ones are below the current directory.
fn absolute(source: &str) -> Result<String, Failure> {
    if source.contains("://") {
        return Ok(source.to_owned());
    }
    let path = std::path::absolute(source).map_err(|error| Failure::Failed(format!("{source}: {error}")))?;
    Ok(path.to_string_lossy().into_owned())
}
