//! `cloudify register`: progress on standard error, what was made on standard output.

use engine::preview::Preview;
use serde_json::{Value, json};

use crate::cli::RegisterOptions;
use crate::client::api::{Api, problem_text};
use crate::client::events::{Event, Events};
use crate::exit::Failure;
use crate::show;

/// Registers files as one dataset.
pub(crate) async fn register(options: &RegisterOptions) -> Result<(), Failure> {
    let api = Api::new(&options.server)?;
    let mut body = json!({
        "id": options.id,
        "sources": options.sources,
        "replace": options.replace,
        "preview": options.preview,
    });
    if let Some(seconds) = options.refresh_every {
        body["refresh_seconds"] = seconds.into();
    }
    if let Some(view) = &options.view {
        body["view"] = view.as_str().into();
    }
    if let Some(pool) = &options.pool {
        body["pool"] = pool.as_str().into();
    }
    for (name, steps) in &options.named_views {
        body["views"][name] = steps.as_str().into();
    }
    if options.catalog || options.data {
        body["catalog"] = options.catalog.into();
    }
    let mut events = Events::new(api.post_for_events(&["datasets"], &body).await?);
    let mut done = false;
    while let Some(event) = events.next().await? {
        done |= take(&event, options)?;
    }
    if done { Ok(()) } else { Err(Failure::Failed("the server broke off before it was done".into())) }
}

/// Acts on an event; says whether it was the outcome.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
fn take(event: &Event, options: &RegisterOptions) -> Result<bool, Failure> {
    match event.name.as_str() {
        "progress" => progress(&event.data),
        "preview" => {
            let preview: Preview = serde_json::from_str(&event.data).map_err(|error| {
                Failure::Failed(format!("the server's preview is not as expected: {error}"))
            })?;
            show::end_progress();
            print!("{}", show::preview(&preview));
            return Ok(options.preview);
        }
        "published" => {
            let published: Value = serde_json::from_str(&event.data).unwrap_or_default();
            show::end_progress();
            println!("published {} version {}", options.id, published["version"]);
            return Ok(true);
        }
        "entry" => entry(&event.data),
        "summary" => {
            show::end_progress();
            return summary(&event.data).map(|()| true);
        }
        "error" => {
            show::end_progress();
            return Err(Failure::Failed(problem_text(&event.data).unwrap_or_else(|| event.data.clone())));
        }
        _ => {}
    }
    Ok(false)
}

/// One entry of a catalog: a line, and one for each thing of it that was not taken over.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
fn entry(data: &str) {
    let Ok(entry) = serde_json::from_str::<Value>(data) else { return };
    let id = entry["id"].as_str().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    show::end_progress();
    match entry["outcome"].as_str().unwrap_or_default() {
        "published" => println!("published {id} version {}", entry["version"]),
        "previewed" => {
            println!("{id}");
            if let Ok(preview) = serde_json::from_value::<Preview>(entry["preview"].clone()) {
                println!("{}", show::preview(&preview));
            }
        }
        "skipped" => println!("skipped {id}: {}", text(&entry["reason"])),
        "failed" => eprintln!("failed {id}: {}", text(&entry["problem"]["detail"])),
        _ => {}
    }
    for note in entry["notes"].as_array().into_iter().flatten() {
        eprintln!("note {id}: {}", text(note));
    }
}

/// The counts at the end; a failure where an entry failed.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
fn summary(data: &str) -> Result<(), Failure> {
    let summary: Value = serde_json::from_str(data).unwrap_or_default();
    let count = |name: &str| summary[name].as_u64().unwrap_or_default();
    let (published, previewed, skipped, failed) =
        (count("published"), count("previewed"), count("skipped"), count("failed"));
    let done =
        if previewed > 0 { format!("{previewed} previewed") } else { format!("{published} published") };
    println!("{done}, {skipped} skipped, {failed} failed");
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::Failed(format!("{failed} entries of the catalog could not be registered")))
}

/// Shows a `progress` event.
pub(super) fn progress(data: &str) {
    let Ok(progress) = serde_json::from_str::<Value>(data) else { return };
    let number = |name: &str| progress[name].as_u64().unwrap_or_default();
    show::progress(progress["stage"].as_str().unwrap_or_default(), number("done"), number("total"));
}
