//! `cloudify refresh`: one line for each dataset.

use serde_json::{Value, json};

use crate::cli::RefreshOptions;
use crate::client::api::{Api, problem_text};
use crate::client::events::Events;
use crate::client::register::progress;
use crate::exit::Failure;
use crate::show;

/// Refreshes datasets one after another; those that fail do not keep the others from it.
pub(crate) async fn refresh(options: &RefreshOptions) -> Result<(), Failure> {
    let api = Api::new(&options.server)?;
    let ids = if options.all { api.get_public("datasets").await? } else { options.ids.clone() };
    let mut failed = 0;
    for id in &ids {
        match refresh_one(&api, id).await {
            Ok(()) => {}
            Err(Failure::Failed(why)) if ids.len() > 1 => {
                eprintln!("{id}: {why}");
                failed += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::Failed(format!("{failed} of {} datasets could not be refreshed", ids.len())))
}

#[expect(clippy::print_stdout, reason = "it is what the command is for")]
async fn refresh_one(api: &Api, id: &str) -> Result<(), Failure> {
    let mut events = Events::new(api.post_for_events(&["datasets", id, "refresh"], &json!({})).await?);
    let mut found = String::new();
    while let Some(event) = events.next().await? {
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        match event.name.as_str() {
            "progress" => progress(&event.data),
            "compared" => {
                let count = |name: &str| data[name].as_u64().unwrap_or_default();
                found = format!(
                    "{} files new, {} changed, {} gone, {} unchanged",
                    count("added"),
                    count("changed"),
                    count("gone"),
                    count("unchanged")
                );
            }
            "published" => {
                show::end_progress();
                println!("{id}: published version {} ({found})", data["version"]);
                return Ok(());
            }
            "unchanged" => {
                show::end_progress();
                println!("{id}: unchanged, version {} ({found})", data["version"]);
                return Ok(());
            }
            "error" => {
                show::end_progress();
                return Err(Failure::Failed(problem_text(&event.data).unwrap_or(event.data)));
            }
            _ => {}
        }
    }
    Err(Failure::Failed("the server broke off before it was done".into()))
}
