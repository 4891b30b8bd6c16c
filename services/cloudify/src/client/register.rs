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
    let body = json!({
        "id": options.id,
        "sources": options.sources,
        "replace": options.replace,
        "preview": options.preview,
    });
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
        "error" => {
            show::end_progress();
            return Err(Failure::Failed(problem_text(&event.data).unwrap_or_else(|| event.data.clone())));
        }
        _ => {}
    }
    Ok(false)
}

fn progress(data: &str) {
    let Ok(progress) = serde_json::from_str::<Value>(data) else { return };
    let number = |name: &str| progress[name].as_u64().unwrap_or_default();
    show::progress(progress["stage"].as_str().unwrap_or_default(), number("done"), number("total"));
}
